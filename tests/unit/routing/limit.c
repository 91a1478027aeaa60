// SPDX-License-Identifier: MIT
/* Limits: token buckets, a trunk's calls of both directions, the retry budget, and what decide makes of them. A16 A27 A109. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/unit/routing/rig.h"

static void a_bucket_holds_its_burst_and_fills(void **state)
{
	struct limit_bucket b = { 0 };
	uint64_t now = 1000 * RIG_S;
	unsigned n = 0;

	while (limit_take(&b, 10, 0, now))
		n++;
	assert_int_equal(n, 10);
	assert_false(limit_take(&b, 10, 0, now + 99 * RIG_MS));
	assert_true(limit_take(&b, 10, 0, now + 100 * RIG_MS));
	assert_false(limit_take(&b, 10, 0, now + 199 * RIG_MS));
	for (n = 0; limit_take(&b, 10, 0, now + 3600 * RIG_S); n++)
		;
	assert_int_equal(n, 10); /* an hour's rest is no hour's calls */
	b = (struct limit_bucket){ 0 };
	for (n = 0; limit_take(&b, 10, 3, now); n++)
		;
	assert_int_equal(n, 3);
}

static void what_cannot_wait_is_owed(void **state)
{
	struct limit_bucket b = { 0 };
	uint64_t now = 1000 * RIG_S;

	for (unsigned n = 0; n < 1000; n++)
		limit_owe(&b, 10, 0, now);
	assert_false(limit_ready(&b, 10, 0, now + RIG_S));
	assert_true(limit_ready(&b, 10, 0, now + 1100 * RIG_MS)); /* a second's tokens at most are owed */
}

static void the_budget_is_a_fifth_of_the_calls(void **state)
{
	struct limit_budget b = { 0 };
	uint64_t now = 1000 * RIG_S;
	unsigned n = 0;

	for (; limit_budget_left(&b, now); n++)
		limit_budget_spend(&b, now);
	assert_int_equal(n, 10); /* however few calls there are */
	for (unsigned i = 0; i < 500; i++)
		limit_budget_call(&b, now + i * 20 * RIG_MS);
	now += 10 * RIG_S - 1; /* the ten seconds before it began in the second of the first calls */
	for (n = 0; limit_budget_left(&b, now); n++)
		limit_budget_spend(&b, now);
	assert_int_equal(n, 90);
	now += 9 * RIG_S;
	assert_false(limit_budget_left(&b, now));
	now += RIG_S + 1; /* all of it is forgotten */
	for (n = 0; limit_budget_left(&b, now); n++)
		limit_budget_spend(&b, now);
	assert_int_equal(n, 10);
}

/* ---- in decide ---- */

static void the_eleventh_of_a_second_overflows(void **state)
{
	struct rig *r = rig_new(2);
	struct decide calls[11];

	r->trunk[0].max_cps = 10;
	for (unsigned i = 0; i < 11; i++) {
		rig_call(r, "4420");
		assert_int_equal(rig_next(r), DECIDE_TRY);
		assert_int_equal(r->step.trunk, i == 10);
		calls[i] = r->decide;
	}
	assert_int_equal(r->decide.skip[0].why, DECIDE_SKIP_CPS);
	assert_int_equal(r->health.hop[0].consecutive, 0);
	assert_int_equal(r->health.hop[0].state, KEDGE_HOP_UNKNOWN);
	r->now += 949 * RIG_MS;
	rig_call(r, "4420");
	rig_next(r);
	assert_int_equal(r->step.trunk, 1);
	decide_fini(&r->decide, &r->health);
	r->now += 51 * RIG_MS; /* the second is over */
	rig_call(r, "4420");
	rig_next(r);
	assert_int_equal(r->step.trunk, 0);
	decide_fini(&r->decide, &r->health);
	for (unsigned i = 0; i < 11; i++)
		decide_fini(&calls[i], &r->health);
	free(r);
}

/* However they are spread: ten a second pass for ever, of eleven a second one a second does not. */
static void no_second_has_more(void **state)
{
	for (unsigned rate = 10; rate <= 11; rate++) {
		struct rig *r = rig_new(2);
		unsigned over = 0;

		r->trunk[0].max_cps = 10;
		for (unsigned i = 0; i < 10 * rate; i++, r->now += RIG_S / rate) {
			rig_call(r, "4420");
			rig_next(r);
			over += r->step.trunk == 1;
			decide_fini(&r->decide, &r->health);
		}
		assert_in_range(over, rate == 10 ? 0 : 9, rate == 10 ? 0 : 10);
		free(r);
	}
}

static void a_burst_makes_it_a_rate(void **state)
{
	struct rig *r = rig_new(2);

	r->trunk[0].max_cps = 10;
	r->trunk[0].cps_burst = 2;
	for (unsigned i = 0; i < 4; i++) {
		rig_call(r, "4420");
		rig_next(r);
		assert_int_equal(r->step.trunk, i == 2);
		decide_fini(&r->decide, &r->health);
		r->now += i == 2 ? 100 * RIG_MS : 0;
	}
	free(r);
}

static void all_limits_reached_is_503_at_once(void **state)
{
	struct rig *r = rig_new(2);

	r->trunk[0].max_cps = 1;
	r->trunk[1].max_calls = 0;
	rig_call(r, "4420");
	rig_next(r);
	decide_fini(&r->decide, &r->health);
	rig_call(r, "4420");
	assert_int_equal(rig_next(r), DECIDE_FINAL);
	assert_int_equal(r->step.final.code, 503);
	assert_int_equal(r->step.final.retry_after_s, 1);
	assert_int_equal(r->decide.skip[0].why, DECIDE_SKIP_CPS);
	assert_int_equal(r->decide.skip[1].why, DECIDE_SKIP_FULL);
	free(r);
}

/* Every way out of a trunk gives its place back, and only once. */
static void calls_are_counted_exactly(void **state)
{
	struct rig *r = rig_new(2);
	struct limit_trunk *l = &r->health.trunk[0].limit;

	rig_call(r, "4420");
	rig_next(r);
	assert_int_equal(l->calls_to, 1);
	rig_status(r, 0, 503); /* refused */
	assert_int_equal(l->calls_to, 0);
	decide_fini(&r->decide, &r->health);

	rig_call(r, "4420");
	rig_next(r);
	rig_end(r, 0, CAUSE_NO_REPLY, 0); /* silent: nothing shows that it has the call */
	assert_int_equal(l->calls_to, 0);
	rig_next(r);
	rig_reply(r, 0, 180); /* but it has */
	assert_int_equal(l->calls_to, 1);
	assert_int_equal(r->health.trunk[1].limit.calls_to, 0);
	rig_reply(r, 0, 200);
	decide_answered(&r->decide, &r->health, 0, r->now);
	assert_int_equal(l->calls_to, 1);
	decide_ended(&r->decide, &r->health); /* BYE: long before the last branch is forgotten */
	assert_int_equal(l->calls_to, 0);
	decide_fini(&r->decide, &r->health);
	assert_int_equal(l->calls_to, 0);

	rig_call(r, "4420");
	rig_next(r);
	rig_reply(r, 0, 100);
	rig_end(r, 0, CAUSE_NO_PROGRESS, 0); /* CANCELled: until its 487 it has the call */
	assert_int_equal(l->calls_to, 1);
	rig_end(r, 0, CAUSE_STATUS, 487);
	assert_int_equal(l->calls_to, 0);
	decide_fini(&r->decide, &r->health);
	free(r);
}

static void calls_from_it_count_too(void **state)
{
	struct rig *r = rig_new(2);

	r->trunk[0].max_calls = 1;
	r->health.trunk[0].limit.calls_from = 1;
	rig_call(r, "4420");
	rig_next(r);
	assert_int_equal(r->step.trunk, 1);
	assert_int_equal(r->decide.skip[0].why, DECIDE_SKIP_FULL);
	free(r);
}

static void a_repaired_invite_counts_by_the_second(void **state)
{
	struct rig *r = rig_new(1);
	struct decide_outcome o = { .cause = CAUSE_STATUS, .code = 422, .repairable = true };

	r->trunk[0].max_cps = r->trunk[0].cps_burst = 1;
	rig_call(r, "4420");
	rig_next(r);
	assert_true(decide_outcome(&r->decide, &r->health, 0, &o, r->now));
	assert_int_equal(rig_next(r), DECIDE_TRY); /* the call is the trunk's already: it does not wait */
	assert_true(r->step.same);
	r->now += RIG_S;
	rig_call(r, "4421");
	assert_int_equal(rig_next(r), DECIDE_FINAL); /* but it is paid for */
	r->now += RIG_S;
	rig_call(r, "4421");
	assert_int_equal(rig_next(r), DECIDE_TRY);
	free(r);
}

/* ---- the budget in decide ---- */

static void use_up(struct rig *r)
{
	while (limit_budget_left(&r->health.budget, r->now))
		limit_budget_spend(&r->health.budget, r->now);
}

static void no_budget_holds_back_a_good_target(void **state)
{
	struct rig *r = rig_new(3);

	use_up(r);
	rig_call(r, "4420");
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(rig_next(r), DECIDE_TRY);
		assert_int_equal(r->step.trunk, i);
		rig_status(r, i, 503);
	}
	free(r);
}

static void the_budget_ends_tries_of_what_is_down(void **state)
{
	struct rig *r = rig_new(2);

	health_silent(&r->health, 1, r->now, r->now);
	use_up(r);
	rig_call(r, "4420");
	rig_next(r);
	rig_status(r, 0, 503);
	assert_int_equal(rig_next(r), DECIDE_FINAL);
	decide_fini(&r->decide, &r->health);
	r->now += 20 * RIG_S;
	rig_call(r, "4420");
	rig_next(r);
	rig_status(r, 0, 503);
	assert_int_equal(rig_next(r), DECIDE_TRY); /* another ten seconds' */
	free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bucket_holds_its_burst_and_fills),
		cmocka_unit_test(what_cannot_wait_is_owed),
		cmocka_unit_test(the_budget_is_a_fifth_of_the_calls),
		cmocka_unit_test(the_eleventh_of_a_second_overflows),
		cmocka_unit_test(no_second_has_more),
		cmocka_unit_test(a_burst_makes_it_a_rate),
		cmocka_unit_test(all_limits_reached_is_503_at_once),
		cmocka_unit_test(calls_are_counted_exactly),
		cmocka_unit_test(calls_from_it_count_too),
		cmocka_unit_test(a_repaired_invite_counts_by_the_second),
		cmocka_unit_test(no_budget_holds_back_a_good_target),
		cmocka_unit_test(the_budget_ends_tries_of_what_is_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
