// SPDX-License-Identifier: MIT
/* The same trunk again: the law of the waits over a thousand draws, callers who failed together, and what decide makes of it.
 * A10 A11 A12. backoff [SEED]: prints the seed; the same seed is the same draws. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>
#include <cmocka.h>

#include "routing/backoff.h"
#include "tests/unit/routing/rig.h"

#define DRAWS 1000

static const struct conf_retry_same law = { .max = 3, .base_ms = 1000, .max_delay_ms = 30000, .jitter = 50 };
static uint64_t seed;

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The greatest distance between what was drawn and the uniform law, times the root of how many: over 1.63 once in a hundred. */
static double kolmogorov_smirnov(double *v, unsigned n)
{
	double most = 0;

	qsort(v, n, sizeof(*v), by_size);
	for (unsigned i = 0; i < n; i++) {
		most = fmax(most, fabs((i + 1.0) / n - v[i]));
		most = fmax(most, fabs(v[i] - (double)i / n));
	}
	return most * sqrt(n);
}

/* The calls' numbers are made as kedge-sig makes them: one after the other, multiplied. */
static uint64_t number_of(unsigned call)
{
	return (uint32_t)((seed + call) * 2654435761u >> 16);
}

static void a_thousand_waits_follow_the_law(void **state)
{
	for (unsigned n = 0; n < 8; n++) {
		double delay = n < 5 ? (double)(1000u << n) : 30000, sum = 0, part[DRAWS];

		for (unsigned i = 0; i < DRAWS; i++) {
			double ms = (double)backoff_ns(&law, n, number_of(i)) / 1e6;

			assert_true(ms >= delay && ms < delay * 1.5);
			sum += ms;
			part[i] = (ms - delay) / (delay * 0.5);
		}
		assert_true(fabs(sum / DRAWS / delay - 1.25) < 0.02);
		assert_true(kolmogorov_smirnov(part, DRAWS) < 1.95); /* once in a thousand runs */
	}
}

/* A hundred calls fail within 10 ms, again and again: of their 300 tries again no 100 ms hold more than 15 %. (Half a second
 * of jitter cannot spread the hundred first ones alone so thinly: those are a fifth in each.) */
static void callers_who_failed_together_come_back_apart(void **state)
{
	unsigned bin[200] = { 0 };

	for (unsigned i = 0; i < 100; i++) {
		double at = i * 0.1;

		for (unsigned n = 0; n < 3; n++) {
			at += (double)backoff_ns(&law, n, number_of(i)) / 1e6;
			bin[(unsigned)(at / 100)]++;
		}
	}
	for (unsigned i = 0; i < 200; i++)
		assert_in_range(bin[i], 0, 45);
}

static void no_jitter_and_retry_after(void **state)
{
	struct conf_retry_same r = law;

	for (unsigned i = 0; i < DRAWS; i++) {
		uint64_t ns = backoff_after_ns(&law, 7, number_of(i));

		assert_true(ns >= 7 * RIG_S && ns < 7500 * RIG_MS);
	}
	r.jitter = 0;
	assert_int_equal(backoff_ns(&r, 2, seed), 4 * RIG_S);
	assert_int_equal(backoff_ns(&r, 1000, seed), 30 * RIG_S);
}

/* ---- in decide ---- */

static struct rig *again_new(unsigned trunks)
{
	struct rig *r = rig_new(trunks);

	r->profile[0].retry_same = law;
	return r;
}

/* Waits as decide says. Returns the ms of it. */
static double wait_again(struct rig *r)
{
	uint64_t from = r->now;

	assert_int_equal(rig_next(r), DECIDE_WAIT);
	assert_true(r->step.again && r->step.wait_ns > r->now);
	assert_int_equal(r->step.attempt, DECIDE_NONE);
	r->now = r->step.wait_ns - 1;
	assert_int_equal(rig_next(r), DECIDE_WAIT);
	r->now++;
	return (double)(r->now - from) / 1e6;
}

static void one_trunk_is_tried_again_thrice(void **state)
{
	struct rig *r = again_new(1);

	rig_call(r, "4420");
	assert_int_equal(rig_next(r), DECIDE_TRY);
	for (unsigned n = 0; n < 3; n++) {
		double ms;

		rig_status(r, n, 503);
		ms = wait_again(r);
		assert_true(ms >= 1000u << n && ms <= 1500u << n);
		assert_int_equal(rig_next(r), DECIDE_TRY); /* DOWN since the third: it makes no difference */
		assert_true(r->decide.attempt[n + 1].again);
	}
	rig_status(r, 3, 503);
	assert_int_equal(rig_next(r), DECIDE_FINAL);
	assert_int_equal(r->step.final.code, 503);
	r->now += RIG_S;
	assert_int_equal(rig_next(r), DECIDE_FINAL);
	free(r);
}

static void what_the_callee_said_is_not_asked_again(void **state)
{
	static const uint16_t codes[] = { 404, 486, 603, 488, 401, 480 };

	for (unsigned i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		struct rig *r = again_new(1);

		rig_call(r, "4420");
		rig_next(r);
		rig_status(r, 0, codes[i]);
		assert_int_equal(rig_next(r), DECIDE_FINAL);
		free(r);
	}
}

static void others_come_first(void **state)
{
	struct rig *r = again_new(3);

	rig_call(r, "4420");
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(rig_next(r), DECIDE_TRY);
		assert_int_equal(r->step.trunk, i);
		rig_status(r, i, 503);
	}
	wait_again(r);
	assert_int_equal(rig_next(r), DECIDE_TRY);
	decide_fini(&r->decide, &r->health);

	health_silent(&r->health, 1, r->now, r->now); /* one comes back while the call waits for the other */
	r->profile[0].max_retries = 1;
	r->target[2].enabled = false;
	r->trunk[1].panic_rate = 1;
	rig_call(r, "4420");
	rig_next(r);
	assert_int_equal(r->step.trunk, 0);
	r->health.hop[1].last_panic_ns = r->now;
	rig_status(r, 0, 503);
	assert_int_equal(rig_next(r), DECIDE_WAIT);
	r->now = r->step.wait_ns;
	assert_int_equal(rig_next(r), DECIDE_TRY);
	assert_int_equal(r->step.trunk, 1);
	free(r);
}

static void retry_after_wins(void **state)
{
	struct rig *r = again_new(1);
	struct decide_outcome o = { .cause = CAUSE_STATUS, .code = 503, .retry_after_s = 7 };
	double ms;

	rig_call(r, "4420");
	rig_next(r);
	decide_outcome(&r->decide, &r->health, 0, &o, r->now);
	ms = wait_again(r);
	assert_true(ms >= 7000 && ms <= 7500);
	assert_int_equal(rig_next(r), DECIDE_TRY);
	decide_fini(&r->decide, &r->health);

	r->now += 10 * RIG_S;
	health_probe(&r->health, 0, 200, 1000, r->now); /* the lock is over */
	o.retry_after_s = 1000; /* longer than anybody waits */
	rig_call(r, "4420");
	rig_next(r);
	decide_outcome(&r->decide, &r->health, 0, &o, r->now);
	assert_int_equal(rig_next(r), DECIDE_FINAL);
	free(r);
}

static void the_setup_budget_bounds_it(void **state)
{
	struct rig *r = again_new(1);

	r->profile[0].setup_budget_ms = 3000;
	rig_call(r, "4420");
	rig_next(r);
	rig_status(r, 0, 503);
	wait_again(r);
	assert_int_equal(rig_next(r), DECIDE_TRY);
	rig_status(r, 1, 503); /* two seconds at least from now is too late */
	assert_int_equal(rig_next(r), DECIDE_FINAL);
	free(r);
}

static void a_caller_gone_starts_nothing(void **state)
{
	struct rig *r = again_new(1);

	rig_call(r, "4420");
	rig_next(r);
	rig_status(r, 0, 503);
	wait_again(r);
	decide_cancel(&r->decide);
	assert_int_equal(rig_next(r), DECIDE_FINAL);
	assert_int_equal(r->step.final.code, 487);
	free(r);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_thousand_waits_follow_the_law),
		cmocka_unit_test(callers_who_failed_together_come_back_apart),
		cmocka_unit_test(no_jitter_and_retry_after),
		cmocka_unit_test(one_trunk_is_tried_again_thrice),
		cmocka_unit_test(what_the_callee_said_is_not_asked_again),
		cmocka_unit_test(others_come_first),
		cmocka_unit_test(retry_after_wins),
		cmocka_unit_test(the_setup_budget_bounds_it),
		cmocka_unit_test(a_caller_gone_starts_nothing),
	};

	seed = argc > 1 ? strtoull(argv[1], NULL, 10) : (uint64_t)time(NULL);
	printf("seed %llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
