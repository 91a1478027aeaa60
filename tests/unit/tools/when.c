// SPDX-License-Identifier: MIT
/* Points of time as people write them, in a zone with summer time. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#include "tools/when.h"

#define NOW 1763748000000ULL /* 2025-11-21T18:00:00Z */

static void spans(void **state)
{
	(void)state;
	assert_int_equal(when_read("90s", true, NOW), NOW + 90000);
	assert_int_equal(when_read("30m", true, NOW), NOW + 1800000);
	assert_int_equal(when_read("30min", false, NOW), NOW - 1800000);
	assert_int_equal(when_read("2h", false, NOW), NOW - 7200000);
	assert_int_equal(when_read("7d", true, NOW), NOW + 7 * 86400000ULL);
	assert_int_equal(when_read("100000d", false, NOW), 1); /* before all */
}

static void clocks(void **state)
{
	(void)state;
	assert_int_equal(when_read("19:30", true, NOW), NOW + 1800000); /* it is 19:00 here */
	assert_int_equal(when_read("18:30", true, NOW), NOW + 86400000 - 1800000);
	assert_int_equal(when_read("18:30", false, NOW), NOW - 1800000);
	assert_int_equal(when_read("19:30:05", false, NOW), NOW - 86400000 + 1805000);
	assert_int_equal(when_read("19:00", false, NOW), NOW);
}

static void dates(void **state)
{
	(void)state;
	assert_int_equal(when_read("2025-11-21T18:00:00Z", true, NOW), NOW);
	assert_int_equal(when_read("2025-11-21T18:00:00.123+00:00", true, NOW), NOW);
	assert_int_equal(when_read("2025-11-21T19:00", true, NOW), NOW);
	assert_int_equal(when_read("2025-11-21 19:00:10", true, NOW), NOW + 10000);
	assert_int_equal(when_read("2025-11-21T20:00+02:00", true, NOW), NOW);
	assert_int_equal(when_read("2025-07-01T20:00", true, NOW), 1751392800000ULL); /* in summer time */
	assert_int_equal(when_read("2025-11-22", true, NOW), NOW + 5 * 3600000);
}

static void none(void **state)
{
	static const char *const bad[] = { "", "5", "0s", "-5m", "5x", "tomorrow", "25:00", "19:30x", "2025-13-01", "2025-11-21Tx", "99999999999999999999s" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(when_read(bad[i], true, NOW), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(spans), cmocka_unit_test(clocks), cmocka_unit_test(dates), cmocka_unit_test(none) };

	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
