// SPDX-License-Identifier: MIT
/* The states of the breaker: every event in every state; the hold doubles, and is forgotten; the ramp. A86 A106 A136. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "routing/breaker.h"

#define S 1000000000ULL

static const uint32_t ramp[] = { 1, 2, 5, 10, 25, 50, 100 };
static const struct breaker_rules rules = { 30 * S, 300 * S, 3600 * S, 30 * S, ramp, 7, 5 };

static enum breaker_state feed(struct breaker *b, enum breaker_event ev, uint64_t now)
{
	return breaker_step(b, ev, now, &rules);
}

static void way_round(void **state)
{
	struct breaker b = { 0 };

	assert_int_equal(b.state, BREAKER_UP);
	assert_int_equal(feed(&b, BREAKER_ON_CLEAR, 1 * S), BREAKER_UP);
	assert_int_equal(feed(&b, BREAKER_ON_READY, 1 * S), BREAKER_UP);
	assert_int_equal(feed(&b, BREAKER_ON_BLIP, 1 * S), BREAKER_UP);
	assert_int_equal(feed(&b, BREAKER_ON_TRIP, 10 * S), BREAKER_DOWN);
	assert_int_equal(b.since_ns, 10 * S);
	assert_int_equal(b.until_ns, 40 * S);
	assert_int_equal(feed(&b, BREAKER_ON_CLEAR, 20 * S), BREAKER_DOWN);
	assert_int_equal(feed(&b, BREAKER_ON_TRIP, 30 * S), BREAKER_DOWN);
	assert_int_equal(b.until_ns, 40 * S); /* holds no longer */
	assert_int_equal(feed(&b, BREAKER_ON_READY, 40 * S - 1), BREAKER_DOWN);
	assert_int_equal(feed(&b, BREAKER_ON_READY, 40 * S), BREAKER_TRIAL);
	assert_int_equal(b.since_ns, 40 * S);
	assert_int_equal(feed(&b, BREAKER_ON_READY, 41 * S), BREAKER_TRIAL);
	assert_int_equal(feed(&b, BREAKER_ON_BLIP, 41 * S), BREAKER_TRIAL);
	assert_int_equal(feed(&b, BREAKER_ON_CLEAR, 60 * S), BREAKER_UP);
	assert_int_equal(b.up_ns, 60 * S);
	feed(&b, BREAKER_ON_TRIP, 5000 * S);
	assert_int_equal(feed(&b, BREAKER_ON_BLIP, 5001 * S), BREAKER_TRIAL); /* without waiting for `open` */
}

/* 5, 10, 20, 40, 60, 60 minutes; a good hour and it is 5 again. */
static void hold_doubles(void **state)
{
	static const unsigned uptime[] = { 300, 600, 1200, 2400, 3600, 3600, 3600 };
	struct breaker b = { 0 };
	uint64_t now = 1000 * S;

	for (unsigned i = 0; i < 7; i++) {
		feed(&b, BREAKER_ON_TRIP, now);
		assert_int_equal(b.relapses, i);
		assert_int_equal(breaker_uptime_ns(&b, &rules), uptime[i] * S);
		assert_int_equal(b.until_ns - now, (30 * S << i) < 3600 * S ? 30 * S << i : 3600 * S);
		now = b.until_ns;
		feed(&b, BREAKER_ON_READY, now);
	}
	feed(&b, BREAKER_ON_CLEAR, now);
	feed(&b, BREAKER_ON_TRIP, now + 3599 * S); /* not long enough */
	assert_int_equal(b.relapses, 7);
	now = b.until_ns;
	feed(&b, BREAKER_ON_READY, now);
	feed(&b, BREAKER_ON_CLEAR, now);
	feed(&b, BREAKER_ON_TRIP, now + 3600 * S);
	assert_int_equal(b.relapses, 0);
	assert_int_equal(breaker_uptime_ns(&b, &rules), 300 * S);
}

static void trial_of(struct breaker *b, uint64_t now)
{
	*b = (struct breaker){ 0 };
	feed(b, BREAKER_ON_TRIP, now - 30 * S);
	feed(b, BREAKER_ON_READY, now);
	assert_int_equal(b->state, BREAKER_TRIAL);
}

/* Seven steps of five good calls, or of 30 s each. */
static void ramp_ends(void **state)
{
	struct breaker b;
	uint64_t now = 1000 * S;
	bool moved;

	trial_of(&b, now);
	for (unsigned step = 0; step < 7; step++) {
		assert_int_equal(breaker_share(&b, &rules), ramp[step]);
		for (unsigned i = 0; i < 5; i++) {
			assert_false(breaker_ramp(&b, true, now, &rules, &moved));
			assert_false(breaker_call(&b, false, now, &rules));
		}
		assert_int_equal(breaker_ramp(&b, true, now, &rules, &moved), step == 6);
		assert_int_equal(moved, step < 6);
	}
	trial_of(&b, now);
	for (unsigned step = 0; step < 7; step++) {
		now += 30 * S;
		assert_false(breaker_ramp(&b, true, now - 1, &rules, NULL));
		assert_false(breaker_ramp(&b, false, now, &rules, NULL)); /* time alone proves nothing */
		assert_int_equal(breaker_ramp(&b, true, now, &rules, NULL), step == 6);
	}
}

static void setbacks(void **state)
{
	struct breaker b;

	trial_of(&b, 1000 * S);
	breaker_call(&b, false, 1001 * S, &rules);
	breaker_setback(&b, 1029 * S);
	assert_false(breaker_ramp(&b, true, 1058 * S, &rules, NULL));
	assert_int_equal(breaker_share(&b, &rules), 1);
	breaker_ramp(&b, true, 1059 * S, &rules, NULL);
	assert_int_equal(breaker_share(&b, &rules), 2);
}

/* The second bad one of five. */
static void relapse(void **state)
{
	struct breaker_rules one = rules;
	struct breaker b;

	trial_of(&b, 1000 * S);
	assert_false(breaker_call(&b, true, 1000 * S, &rules));
	for (unsigned i = 0; i < 3; i++)
		assert_false(breaker_call(&b, false, 1000 * S, &rules));
	assert_true(breaker_call(&b, true, 1000 * S, &rules));
	trial_of(&b, 1000 * S);
	assert_false(breaker_call(&b, true, 1000 * S, &rules));
	for (unsigned i = 0; i < 4; i++)
		breaker_call(&b, false, 1000 * S, &rules);
	assert_false(breaker_call(&b, true, 1000 * S, &rules)); /* the first is one of the last five no more */
	one.trial = 1;
	trial_of(&b, 1000 * S);
	assert_true(breaker_call(&b, true, 1000 * S, &one));
	b.state = BREAKER_UP;
	assert_false(breaker_call(&b, true, 1000 * S, &one));
}

static void no_ramp(void **state)
{
	struct breaker_rules none = rules;
	struct breaker b;

	none.steps = 0;
	none.step_ns = 0;
	trial_of(&b, 1000 * S);
	assert_int_equal(breaker_share(&b, &none), 100);
	assert_true(breaker_ramp(&b, true, 1000 * S, &none, NULL));
	b.state = BREAKER_DOWN;
	assert_int_equal(breaker_share(&b, &none), 0);
}

static void names(void **state)
{
	assert_string_equal(breaker_state_name(BREAKER_TRIAL), "TRIAL");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(way_round),
		cmocka_unit_test(hold_doubles),
		cmocka_unit_test(ramp_ends),
		cmocka_unit_test(setbacks),
		cmocka_unit_test(relapse),
		cmocka_unit_test(no_ramp),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
