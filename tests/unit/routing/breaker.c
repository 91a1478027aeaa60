// SPDX-License-Identifier: MIT
/* The states of the breaker: every event in every state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "routing/breaker.h"

#define S 1000000000ULL

static void way_round(void **state)
{
	struct breaker b = { 0 };

	assert_int_equal(b.state, BREAKER_UP);
	assert_int_equal(breaker_step(&b, BREAKER_ON_CLEAR, 1 * S, 30 * S), BREAKER_UP);
	assert_int_equal(breaker_step(&b, BREAKER_ON_TIMER, 1 * S, 30 * S), BREAKER_UP);
	assert_int_equal(breaker_step(&b, BREAKER_ON_TRIP, 10 * S, 30 * S), BREAKER_DOWN);
	assert_int_equal(b.since_ns, 10 * S);
	assert_int_equal(b.until_ns, 40 * S);
	assert_int_equal(breaker_step(&b, BREAKER_ON_CLEAR, 20 * S, 0), BREAKER_DOWN);
	assert_int_equal(breaker_step(&b, BREAKER_ON_TRIP, 30 * S, 30 * S), BREAKER_DOWN);
	assert_int_equal(b.until_ns, 40 * S); /* holds no longer */
	assert_int_equal(breaker_step(&b, BREAKER_ON_TIMER, 40 * S - 1, 0), BREAKER_DOWN);
	assert_int_equal(breaker_step(&b, BREAKER_ON_TIMER, 40 * S, 0), BREAKER_PROVING);
	assert_int_equal(b.since_ns, 10 * S);
	assert_int_equal(breaker_step(&b, BREAKER_ON_TIMER, 50 * S, 0), BREAKER_PROVING);
	assert_int_equal(breaker_step(&b, BREAKER_ON_CLEAR, 60 * S, 0), BREAKER_UP);
	assert_int_equal(b.since_ns, 60 * S);
}

static void relapse_and_blip(void **state)
{
	struct breaker b = { 0 };

	breaker_step(&b, BREAKER_ON_TRIP, 1 * S, 30 * S);
	breaker_step(&b, BREAKER_ON_TIMER, 31 * S, 0);
	assert_int_equal(breaker_step(&b, BREAKER_ON_TRIP, 32 * S, 30 * S), BREAKER_DOWN);
	assert_int_equal(b.until_ns, 62 * S);
	assert_int_equal(breaker_step(&b, BREAKER_ON_BLIP, 33 * S, 0), BREAKER_UP);
	assert_int_equal(breaker_step(&b, BREAKER_ON_BLIP, 33 * S, 0), BREAKER_UP);
}

static void names(void **state)
{
	assert_string_equal(breaker_state_name(BREAKER_PROVING), "PROVING");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(way_round),
		cmocka_unit_test(relapse_and_blip),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
