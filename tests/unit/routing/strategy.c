// SPDX-License-Identifier: MIT
/* The order of targets: A17 lower position first, A47. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "routing/strategy.h"

static void by_position(void **state)
{
	struct conf_target t[] = { { .position = 10 }, { .position = 5 }, { .position = 7 }, { .position = 5 } };
	struct conf_profile p = { .targets = { t, 4 } };
	uint16_t order[4];

	assert_int_equal(strategy_order(&p, order, 4), 4);
	assert_int_equal(order[0], 1);
	assert_int_equal(order[1], 3); /* equal positions: as in the file */
	assert_int_equal(order[2], 2);
	assert_int_equal(order[3], 0);
}

/* More targets than room: those of the lowest positions are kept, wherever they stand. */
static void too_many(void **state)
{
	struct conf_target t[100];
	struct conf_profile p = { .targets = { t, 100 } };
	uint16_t order[3];

	for (uint16_t i = 0; i < 100; i++)
		t[i] = (struct conf_target){ .position = 100u - i };
	assert_int_equal(strategy_order(&p, order, 3), 3);
	assert_int_equal(order[0], 99);
	assert_int_equal(order[1], 98);
	assert_int_equal(order[2], 97);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_position),
		cmocka_unit_test(too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
