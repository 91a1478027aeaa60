// SPDX-License-Identifier: MIT
/* Who is tried when everybody is out: the fail-open order, and emergency calls, which nothing of ours holds back. A22. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/unit/routing/rig.h"

static void take_down(struct rig *r, uint16_t slot)
{
	r->now += RIG_S;
	health_silent(&r->health, slot, r->now, r->now);
}

static void order(struct rig *r, uint16_t trunk, uint8_t mode)
{
	struct health_operator o = { .mode = mode, .name = "bob" };

	health_operator(&r->health, trunk, &o, r->now);
}

static void lock(struct rig *r, uint16_t slot, uint32_t seconds)
{
	health_lock(&r->health, slot, seconds, r->now);
}

static void degraded_then_down_then_a_lock_that_ends(void **state)
{
	static const uint16_t order_tried[] = { 3, 2, 1, 0 };
	struct rig *r = rig_new(4);

	r->profile[0].max_retries = 9;
	take_down(r, 2);
	take_down(r, 1);
	r->now += 10 * RIG_S;
	lock(r, 0, 1);
	r->now += 500 * RIG_MS;
	health_mark(&r->health, 3, HEALTH_RTT, 900, 0, r->now);
	rig_call(r, "4420");
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(rig_next(r), DECIDE_TRY);
		assert_int_equal(r->step.trunk, order_tried[i]);
		rig_status(r, i, 503);
	}
	free(r);
}

static void a_lock_is_kept(void **state)
{
	struct rig *r = rig_new(2);

	lock(r, 0, 30);
	lock(r, 1, 60);
	r->now += 5 * RIG_S;
	rig_call(r, "4420");
	assert_int_equal(rig_next(r), DECIDE_FINAL);
	assert_int_equal(r->step.final.code, 503);
	assert_int_equal(r->step.final.retry_after_s, 25); /* the one that ends first */
	assert_int_equal(r->decide.skip[0].why, DECIDE_SKIP_LOCKED);
	free(r);
}

static void all_are_tried(struct rig *r)
{
	for (unsigned i = 0; i < 5; i++, r->now += RIG_MS) {
		rig_call(r, "4420");
		assert_int_equal(rig_next(r), DECIDE_TRY);
		decide_fini(&r->decide, &r->health);
	}
}

/* A PBX that answers no OPTIONS, the only target: whether it takes calls nobody knows yet. */
static void probes_alone_make_no_rate(void **state)
{
	struct rig *r = rig_new(1);

	health_trip(&r->health, 0, HEALTH_OPTIONS_TIMEOUT, 0, r->now);
	r->now += RIG_S;
	all_are_tried(r);
	rig_call(r, "4420");
	assert_int_equal(rig_next(r), DECIDE_TRY);
	rig_end(r, 0, CAUSE_NO_REPLY, 0);
	rig_call(r, "4420");
	assert_int_equal(rig_next(r), DECIDE_FINAL);
	free(r);
}

/* DOWN or not, its phones ring. */
static void a_trunk_that_rings_has_no_rate(void **state)
{
	struct rig *r = rig_new(1);

	take_down(r, 0);
	r->now += 10 * RIG_S;
	rig_good_call(r, "4420");
	assert_int_equal(r->health.hop[0].state, KEDGE_HOP_DOWN);
	all_are_tried(r);
	rig_call(r, "4420");
	assert_int_equal(rig_next(r), DECIDE_TRY);
	rig_status(r, 0, 503);
	r->now += RIG_MS;
	rig_call(r, "4420");
	assert_int_equal(rig_next(r), DECIDE_FINAL);
	assert_int_equal(r->decide.skip[0].why, DECIDE_SKIP_PANIC_RATE);
	free(r);
}

static void panic_rate_is_a_setting(void **state)
{
	struct rig *r = rig_new(1);
	unsigned tried = 0;

	r->trunk[0].panic_rate = 4;
	take_down(r, 0);
	r->now += 10 * RIG_S;
	for (unsigned i = 0; i < 20; i++, r->now += 50 * RIG_MS) {
		rig_call(r, "4420");
		tried += rig_next(r) == DECIDE_TRY;
		decide_fini(&r->decide, &r->health);
	}
	assert_int_equal(tried, 4);
	free(r);
}

/* ---- emergency ---- */

static struct rig *emergency_new(unsigned trunks)
{
	static const char *numbers[] = { "112", "911" };
	struct rig *r = rig_new(trunks);

	r->conf.emergency = (struct conf_strings){ numbers, 2 };
	return r;
}

static void the_number_makes_it(void **state)
{
	struct rig *r = emergency_new(1);

	assert_true(plan_emergency(&r->conf, "112"));
	assert_true(plan_emergency(&r->conf, "+911"));
	assert_false(plan_emergency(&r->conf, "1123"));
	assert_false(plan_emergency(&r->conf, "11"));
	assert_false(plan_emergency(&r->conf, ""));
	rig_call(r, "112");
	assert_true(r->plan.emergency);
	rig_call(r, "4420");
	assert_false(r->plan.emergency);
	free(r);
}

static void no_limit_holds_it_back(void **state)
{
	struct rig *r = emergency_new(1);

	r->trunk[0].max_calls = 0;
	r->trunk[0].max_cps = 1;
	for (unsigned i = 0; i < 5; i++) {
		rig_call(r, "112");
		assert_int_equal(rig_next(r), DECIDE_TRY);
		decide_fini(&r->decide, &r->health);
	}
	free(r);
}

/* Two in the same moment: no panic rate either. What is DOWN is tried before what somebody took out. */
static void no_state_holds_it_back(void **state)
{
	static const uint16_t order_tried[] = { 4, 1, 0, 3, 2 };
	struct rig *r = emergency_new(5);
	char record[DECIDE_RECORD_MAX];

	take_down(r, 1);
	r->now += 10 * RIG_S;
	lock(r, 0, 300);
	order(r, 2, HEALTH_DOWN);
	order(r, 3, HEALTH_DRAIN);
	while (limit_budget_left(&r->health.budget, r->now))
		limit_budget_spend(&r->health.budget, r->now);
	for (unsigned n = 0; n < 2; n++) {
		rig_call(r, "112");
		for (unsigned i = 0; i < 5; i++) {
			assert_int_equal(rig_next(r), DECIDE_TRY); /* more than max_retries */
			assert_int_equal(r->step.trunk, order_tried[i]);
			rig_status(r, i, 488);
		}
		assert_int_equal(rig_next(r), DECIDE_FINAL);
		decide_record(&r->decide, &r->health, &r->step.final, record, sizeof(record));
		assert_non_null(strstr(record, "\"emergency\":true"));
		decide_fini(&r->decide, &r->health);
	}
	free(r);
}

static void others_wait(void **state)
{
	struct rig *r = emergency_new(2);
	char record[DECIDE_RECORD_MAX];

	order(r, 0, HEALTH_DOWN);
	order(r, 1, HEALTH_DRAIN);
	rig_call(r, "4420");
	assert_int_equal(rig_next(r), DECIDE_FINAL);
	assert_int_equal(r->decide.skip[0].why, DECIDE_SKIP_OFF);
	assert_int_equal(r->decide.skip[1].why, DECIDE_SKIP_DRAINING);
	decide_record(&r->decide, &r->health, &r->step.final, record, sizeof(record));
	assert_null(strstr(record, "emergency"));
	free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(degraded_then_down_then_a_lock_that_ends),
		cmocka_unit_test(a_lock_is_kept),
		cmocka_unit_test(probes_alone_make_no_rate),
		cmocka_unit_test(a_trunk_that_rings_has_no_rate),
		cmocka_unit_test(panic_rate_is_a_setting),
		cmocka_unit_test(the_number_makes_it),
		cmocka_unit_test(no_limit_holds_it_back),
		cmocka_unit_test(no_state_holds_it_back),
		cmocka_unit_test(others_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
