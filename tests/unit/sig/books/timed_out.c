// SPDX-License-Identifier: MIT
/* Calls ended by a timer of ours: the window, the share, the alarm that begins and ends (A115). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "sig/books/timed_out.h"

#define S      1000000000ULL
#define WINDOW (300 * S)

static struct timed_outs t;
static uint64_t now;

static int begin(void **state)
{
	memset(&t, 0, sizeof(t));
	now = 1000 * S;
	return 0;
}

static void ends(enum timed_out timer, int times)
{
	while (times--)
		timed_out_add(&t, timer, WINDOW, now);
}

static bool alarm_is(enum timed_out timer, bool raised, uint32_t ended, uint32_t calls)
{
	struct timed_out_alarm a;

	return timed_out_alarm(&t, 20, WINDOW, now, &a) && a.timer == timer && a.raised == raised && a.ended == ended && a.calls == calls;
}

static bool quiet(void)
{
	struct timed_out_alarm a;

	return !timed_out_alarm(&t, 20, WINDOW, now, &a);
}

static void over_the_share(void **state)
{
	ends(TIMED_OUT_PROGRESS, 9);
	assert_true(quiet()); /* too few calls to say anything */
	ends(TIMED_OUT_COUNT, 36);
	assert_true(quiet()); /* 20 % is not over 20 % */
	ends(TIMED_OUT_PROGRESS, 1);
	assert_true(alarm_is(TIMED_OUT_PROGRESS, true, 10, 46));
	assert_true(quiet()); /* said once */
	ends(TIMED_OUT_COUNT, 10);
	assert_true(quiet()); /* 17.9 %: not far enough below */
	ends(TIMED_OUT_COUNT, 7);
	assert_true(alarm_is(TIMED_OUT_PROGRESS, false, 10, 63));
	assert_true(quiet());
}

static void each_by_itself(void **state)
{
	ends(TIMED_OUT_RING, 5);
	ends(TIMED_OUT_FIRST_RESPONSE, 5);
	assert_true(alarm_is(TIMED_OUT_FIRST_RESPONSE, true, 5, 10));
	assert_true(alarm_is(TIMED_OUT_RING, true, 5, 10));
	assert_true(quiet());
}

static void the_window_moves(void **state)
{
	ends(TIMED_OUT_BUDGET, 10);
	assert_true(alarm_is(TIMED_OUT_BUDGET, true, 10, 10));
	now += 250 * S;
	assert_true(quiet());
	now += 60 * S;
	assert_true(alarm_is(TIMED_OUT_BUDGET, false, 0, 0)); /* without another call */
	now += 1000 * WINDOW;
	ends(TIMED_OUT_BUDGET, 9);
	assert_true(quiet());
}

static void switched_off(void **state)
{
	struct timed_out_alarm a;

	ends(TIMED_OUT_RING, 20);
	assert_false(timed_out_alarm(&t, 0, WINDOW, now, &a));
	assert_true(timed_out_alarm(&t, 20, WINDOW, now, &a) && a.raised);
	assert_true(timed_out_alarm(&t, 0, WINDOW, now, &a) && !a.raised);
}

static void which_timer(void **state)
{
	struct decide d = { .count = 2 };
	struct decide_final path = { .from = DECIDE_NONE }, busy = { .from = 0 };

	d.attempt[0].timer = DECIDE_TIMER_NONE;
	d.attempt[1].timer = DECIDE_TIMER_SILENCE;
	assert_int_equal(timed_out_of(&d, &path), TIMED_OUT_FIRST_RESPONSE);
	assert_int_equal(timed_out_of(&d, &busy), TIMED_OUT_COUNT); /* the caller got what a trunk said */
	d.attempt[1].timer = DECIDE_TIMER_BUDGET;
	assert_int_equal(timed_out_of(&d, &path), TIMED_OUT_BUDGET);
	d.attempt[0].timer = DECIDE_TIMER_RING;
	assert_int_equal(timed_out_of(&d, &busy), TIMED_OUT_RING);
	d.count = 0;
	assert_int_equal(timed_out_of(&d, &path), TIMED_OUT_COUNT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(over_the_share, begin),
		cmocka_unit_test_setup(each_by_itself, begin),
		cmocka_unit_test_setup(the_window_moves, begin),
		cmocka_unit_test_setup(switched_off, begin),
		cmocka_unit_test(which_timer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
