// SPDX-License-Identifier: MIT
/* What is usual: first replies of a hop, ringing by prefix. A152. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "routing/pace.h"

#define S 1000000000ULL

static void needs_twenty(void **state)
{
	struct pace_reply p = { 0 };

	for (unsigned i = 0; i < 19; i++)
		pace_reply(&p, 30000, S + i);
	assert_int_equal(pace_reply_ms(&p, 2 * S), 0);
	pace_reply(&p, 30000, 2 * S);
	assert_in_range(pace_reply_ms(&p, 2 * S), 30, 40); /* 30 ms and what is left of the first doubt */
}

static void follows_spread(void **state)
{
	struct pace_reply p = { 0 };

	for (unsigned i = 0; i < 200; i++)
		pace_reply(&p, i % 2 ? 700000 : 900000, S);
	/* mean 800 ms, mean deviation 100 ms */
	assert_in_range(pace_reply_ms(&p, S), 1150, 1300);
}

static void an_hour_old(void **state)
{
	struct pace_reply p = { 0 };

	for (unsigned i = 0; i < 40; i++)
		pace_reply(&p, 30000, S);
	assert_int_equal(pace_replies(&p, 1700 * S), 40);
	assert_int_equal(pace_replies(&p, 1900 * S), 40);
	assert_int_equal(pace_replies(&p, 3700 * S), 0);
	assert_int_equal(pace_reply_ms(&p, 3700 * S), 0);
	for (unsigned i = 0; i < 10; i++)
		pace_reply(&p, 30000, 1900 * S);
	assert_int_equal(pace_replies(&p, 1900 * S), 50);
	assert_int_equal(pace_replies(&p, 3800 * S), 10);
}

static void rounds_up(void **state)
{
	struct pace_reply p = { 0 };

	for (unsigned i = 0; i < 400; i++)
		pace_reply(&p, 30001, S);
	assert_int_equal(pace_reply_ms(&p, S), 31);
}

static struct pace_rings rings;

static void ringing(void **state)
{
	memset(&rings, 0, sizeof(rings));
	assert_int_equal(pace_progress_ms(&rings, 1, 44, 8000), 8000);
	pace_ring(&rings, 1, 44, 20);
	assert_int_equal(pace_progress_ms(&rings, 1, 44, 8000), 8000); /* one call is no record */
	pace_ring(&rings, 1, 44, 20);
	assert_int_equal(pace_progress_ms(&rings, 1, 44, 8000), 4000); /* never less than half */
	assert_int_equal(pace_progress_ms(&rings, 1, 49, 8000), 8000); /* another prefix, another trunk */
	assert_int_equal(pace_progress_ms(&rings, 2, 44, 8000), 8000);
	pace_ring(&rings, 1, 44, 1500);
	assert_int_equal(pace_progress_ms(&rings, 1, 44, 8000), 6000); /* raised at once: four times */
	pace_ring(&rings, 1, 44, 70000);
	assert_int_equal(pace_progress_ms(&rings, 1, 44, 8000), 8000);
	for (unsigned i = 0; i < PACE_RING_KEEP; i++)
		pace_ring(&rings, 1, 44, 20);
	assert_int_equal(pace_progress_ms(&rings, 1, 44, 8000), 4000);
}

/* More prefixes than there is room: it forgets, and never mixes them up. */
static void many_prefixes(void **state)
{
	memset(&rings, 0, sizeof(rings));
	for (uint32_t prefix = 0; prefix < 20000; prefix++) {
		pace_ring(&rings, 3, prefix, 1100 + prefix % 700);
		pace_ring(&rings, 3, prefix, 1100 + prefix % 700);
		assert_int_equal(pace_progress_ms(&rings, 3, prefix, 8000), 4 * (1100 + prefix % 700));
	}
	for (uint32_t prefix = 0; prefix < 20000; prefix++) {
		uint32_t ms = pace_progress_ms(&rings, 3, prefix, 8000);

		if (ms != 8000)
			assert_int_equal(ms, 4 * (1100 + prefix % 700));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(needs_twenty),
		cmocka_unit_test(follows_spread),
		cmocka_unit_test(an_hour_old),
		cmocka_unit_test(rounds_up),
		cmocka_unit_test(ringing),
		cmocka_unit_test(many_prefixes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
