// SPDX-License-Identifier: MIT
/* rate: what an end may send, by its packet time; what it has earned since. */
#include "media/rate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "config/clock.h"

static const struct {
	uint32_t times;
	uint16_t ptime;
	uint8_t flags;
	uint32_t clock, per_s;
} limits[] = {
	{ 4, 20, 0, 8000, 200 },
	{ 1, 20, 0, 8000, 50 },
	{ 4, 10, 0, 8000, 400 },
	{ 4, 5, 0, 8000, 800 },
	{ 4, 30, 0, 8000, 200 }, /* one who was asked for longer packets and sends his usual ones */
	{ 4, 200, 0, 8000, 200 },
	{ 4, 20, 0, 90000, 4000 },
	{ 4, 20, KEDGE_END_PLAIN, 8000, 4000 },
	{ 4, 0, 0, 8000, 4000 },
	{ 0, 20, 0, 8000, RATE_FREE },
	{ 0, 20, KEDGE_END_PLAIN, 8000, RATE_FREE },
};

static void by_packet_time(void **state)
{
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct kedge_end e = { .ptime_ms = limits[i].ptime, .flags = limits[i].flags, .clock_rate = limits[i].clock };

		if (rate_of(limits[i].times, &e) != limits[i].per_s)
			fail_msg("%u x %u ms: %u", limits[i].times, limits[i].ptime, rate_of(limits[i].times, &e));
	}
}

static void earned_by_time(void **state)
{
	assert_int_equal(rate_earned(200, 0), 0);
	assert_int_equal(rate_earned(200, 4999999), 0);
	assert_int_equal(rate_earned(200, 5000000), 1);
	assert_int_equal(rate_earned(200, 500 * CLOCK_NS_PER_MS), 100);
	assert_int_equal(rate_earned(200, CLOCK_NS_PER_S), 200);
	assert_int_equal(rate_earned(200, 3600 * CLOCK_NS_PER_S), 200); /* a second's worth, however long it was silent */
	assert_int_equal(rate_earned(200, UINT64_MAX), 200);
	assert_int_equal(rate_earned(RATE_FREE, 0), RATE_FREE);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(by_packet_time), cmocka_unit_test(earned_by_time) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
