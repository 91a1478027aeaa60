// SPDX-License-Identifier: MIT
/* Histograms of delays by trunk: each value in one bucket, names kept apart, a full table counts no more and breaks nothing (A98). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>

#include "sig/books/delays.h"

static uint64_t all_of(const struct delays *d)
{
	uint64_t n = 0;

	for (unsigned i = 0; i <= DELAYS_BOUNDS; i++)
		n += d->count[i];
	return n;
}

static void in_one_bucket(void **state)
{
	struct delays d;

	delays_read(DELAYS_ANSWER, "a", &d);
	assert_int_equal(all_of(&d), 0);
	delays_add(DELAYS_ANSWER, "a", 50);
	delays_add(DELAYS_ANSWER, "a", 51);
	delays_add(DELAYS_ANSWER, "a", 60000);
	delays_add(DELAYS_ANSWER, "a", 60001);
	delays_add(DELAYS_ANSWER, "b", 1);
	delays_add(DELAYS_REQUEST, "a", 1);
	delays_read(DELAYS_ANSWER, "a", &d);
	assert_int_equal(all_of(&d), 4);
	assert_int_equal(d.count[0], 1);
	assert_int_equal(d.count[1], 1);
	assert_int_equal(d.count[DELAYS_BOUNDS - 1], 1);
	assert_int_equal(d.count[DELAYS_BOUNDS], 1);
	assert_int_equal(d.sum, 50 + 51 + 60000 + 60001);
	delays_read(DELAYS_REQUEST, "a", &d);
	assert_int_equal(all_of(&d), 1);
}

/* Every kind has its own bounds, and they rise. */
static void bounds_of_each_kind(void **state)
{
	struct delays d;

	for (enum delays_kind k = 0; k < DELAYS_KINDS; k++) {
		assert_in_range(delays_bounds(k), 5, DELAYS_BOUNDS);
		for (unsigned i = 1; i < delays_bounds(k); i++)
			assert_true(delays_bound(k)[i - 1] < delays_bound(k)[i]);
	}
	delays_add(DELAYS_MOS, "m", 3500);
	delays_add(DELAYS_MOS, "m", 4409);
	delays_add(DELAYS_JITTER, "m", 500);
	delays_read(DELAYS_MOS, "m", &d);
	assert_int_equal(d.count[5], 1); /* 3.5 */
	assert_int_equal(d.count[delays_bounds(DELAYS_MOS)], 1);
	delays_read(DELAYS_JITTER, "m", &d);
	assert_int_equal(d.count[0], 1);
	assert_int_equal(d.sum, 500);
}

static void full(void **state)
{
	struct delays d;
	char name[16];

	for (int i = 0; i < 2 * DELAYS_TRUNKS; i++) {
		snprintf(name, sizeof(name), "t%d", i);
		delays_add(DELAYS_RINGBACK, name, 1);
	}
	delays_read(DELAYS_RINGBACK, "t7", &d);
	assert_int_equal(all_of(&d), 1);
	delays_read(DELAYS_RINGBACK, "t2047", &d);
	assert_int_equal(all_of(&d), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_one_bucket),
		cmocka_unit_test(bounds_of_each_kind),
		cmocka_unit_test(full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
