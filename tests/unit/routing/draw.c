// SPDX-License-Identifier: MIT
/* One of several by weight (A39): shares over a thousand calls, as the numbers of calls run on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "routing/draw.h"

static unsigned taken[3];

static void draw_calls(const uint32_t *weight, unsigned count, uint32_t step)
{
	for (unsigned i = 0; i < 3; i++)
		taken[i] = 0;
	for (uint32_t call = 0; call < 1000; call++)
		taken[draw_weighted(weight, count, draw_random(call * step, 0))]++;
}

static void seventy_thirty(void **state)
{
	static const uint32_t weight[] = { 70, 30 }, large[] = { 70 * 840, 30 * 840 };
	static const uint32_t steps[] = { 1, 2, 10, 1000, 65536, 0x9e3779b9 };

	(void)state;
	for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		draw_calls(weight, 2, steps[i]);
		assert_in_range(taken[0], 660, 740);
		draw_calls(large, 2, steps[i]);
		assert_in_range(taken[0], 660, 740);
	}
}

static void all_alike(void **state)
{
	static const uint32_t none[3], one[] = { 1, 1, 1 };

	(void)state;
	for (unsigned k = 0; k < 2; k++) {
		draw_calls(k ? one : none, 3, 1);
		for (unsigned i = 0; i < 3; i++)
			assert_in_range(taken[i], 280, 390);
	}
}

/* RFC 2782: nothing, or next to it, beside others. */
static void weight_of_nothing(void **state)
{
	static const uint32_t weight[] = { 1, 100 * 840, 0 };

	(void)state;
	draw_calls(weight, 3, 1);
	assert_in_range(taken[0], 0, 2);
	assert_int_equal(taken[2], 0);
}

static void ends_of_the_range(void **state)
{
	static const uint32_t weight[] = { 65535 * 840, 1, 65535 * 840 };

	(void)state;
	assert_int_equal(draw_weighted(weight, 3, 0), 0);
	assert_int_equal(draw_weighted(weight, 3, UINT32_MAX), 2);
	assert_int_equal(draw_weighted(weight + 1, 1, UINT32_MAX), 0);
}

/* Two draws of one call are two draws. */
static void further_draws(void **state)
{
	static const uint32_t weight[] = { 1, 1 };
	unsigned same = 0;

	(void)state;
	for (uint32_t call = 0; call < 1000; call++)
		same += draw_weighted(weight, 2, draw_random(call, 0)) == draw_weighted(weight, 2, draw_random(call, 1));
	assert_in_range(same, 440, 560);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seventy_thirty),
		cmocka_unit_test(all_alike),
		cmocka_unit_test(weight_of_nothing),
		cmocka_unit_test(ends_of_the_range),
		cmocka_unit_test(further_draws),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
