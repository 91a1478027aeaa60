// SPDX-License-Identifier: MIT
/* baseline (A32 A114): a day of calls in virtual time: what is a drop, what is none, and when it is over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "routing/baseline.h"

#define MINUTE (60ULL * 1000000000)
#define HOUR   (60 * MINUTE)

static struct {
	struct baseline b;
	uint64_t now;
	unsigned raised[BASELINE_FIGURES], cleared[BASELINE_FIGURES];
	struct baseline_change last[BASELINE_FIGURES];
	unsigned n; /* spreads the answered ones */
} t;

static void count(const struct baseline_change *c)
{
	for (unsigned f = 0; f < BASELINE_FIGURES; f++) {
		t.raised[f] += c[f].raised;
		t.cleared[f] += c[f].cleared;
		if (c[f].raised || c[f].cleared)
			t.last[f] = c[f];
	}
}

static int setup(void **state)
{
	memset(&t, 0, sizeof(t));
	t.now = 5 * MINUTE;
	return 0;
}

/* So many calls, a minute apart, of ten: answered, reached. */
static void calls(unsigned n, unsigned answered, unsigned reached)
{
	struct baseline_change c[BASELINE_FIGURES];

	for (unsigned i = 0; i < n; i++, t.now += MINUTE) {
		unsigned k = t.n++ * 7 % 10;

		baseline_call(&t.b, k < answered, k < reached, t.now, c);
		count(c);
	}
}

static void talks(unsigned n, uint32_t seconds)
{
	struct baseline_change c[BASELINE_FIGURES];

	for (unsigned i = 0; i < n; i++, t.now += MINUTE) {
		baseline_talk(&t.b, seconds * 1000, t.now, c);
		count(c);
	}
}

static void quiet_drop(void **state)
{
	calls(150, 8, 10);
	assert_int_equal(t.raised[BASELINE_ASR], 0);
	calls(50, 2, 10);
	assert_int_equal(t.raised[BASELINE_ASR], 1);
	assert_int_equal(t.last[BASELINE_ASR].usual, 80);
	assert_in_range(t.last[BASELINE_ASR].last, 30, 40);
	assert_int_equal(t.raised[BASELINE_NER], 0); /* phones rang: the callees' business */
	/* it stays low however long that lasts: its own bad hours are not what is usual */
	calls(300, 2, 10);
	assert_int_equal(t.raised[BASELINE_ASR], 1);
	assert_int_equal(t.cleared[BASELINE_ASR], 0);
	/* half way is not back */
	calls(60, 6, 10);
	assert_int_equal(t.cleared[BASELINE_ASR], 0);
	calls(60, 8, 10);
	assert_int_equal(t.cleared[BASELINE_ASR], 1);
}

static void little_says_nothing(void **state)
{
	calls(50, 10, 10);
	calls(29, 0, 0); /* 29 calls make what is usual */
	assert_int_equal(t.raised[BASELINE_ASR] + t.raised[BASELINE_NER], 0);
	calls(1, 0, 0);
	assert_int_equal(t.raised[BASELINE_ASR], 1);
	assert_int_equal(t.raised[BASELINE_NER], 1);
}

static void a_bad_carrier_that_always_was(void **state)
{
	calls(500, 2, 3);
	assert_int_equal(t.raised[BASELINE_ASR] + t.raised[BASELINE_NER], 0);
}

static void network_drop(void **state)
{
	calls(150, 6, 9);
	calls(50, 3, 4);
	assert_int_equal(t.raised[BASELINE_NER], 1);
}

static void shorter_calls(void **state)
{
	talks(120, 100);
	talks(24, 4);
	assert_int_equal(t.raised[BASELINE_ACD], 0);
	talks(26, 4);
	assert_int_equal(t.raised[BASELINE_ACD], 1);
	assert_int_equal(t.last[BASELINE_ACD].usual, 100);
	assert_in_range(t.last[BASELINE_ACD].last, 40, 50);
	talks(60, 79);
	assert_int_equal(t.cleared[BASELINE_ACD], 0);
	talks(60, 90);
	assert_int_equal(t.cleared[BASELINE_ACD], 1);
}

/* At most one alarm in a quarter of an hour. */
static void one_alarm_at_a_time(void **state)
{
	struct baseline_change c[BASELINE_FIGURES];

	calls(300, 8, 10);
	for (unsigned round = 0; round < 6; round++) {
		for (unsigned i = 0; i < 100; i++) {
			baseline_call(&t.b, i >= 50, true, t.now += 1000000000, c);
			count(c);
		}
	}
	assert_int_equal(t.raised[BASELINE_ASR], 1); /* ten minutes */
	t.now += 15 * MINUTE;
	calls(50, 1, 10);
	assert_int_equal(t.raised[BASELINE_ASR], 2);
}

/* After a day without anything better there is nothing left to compare with. */
static void yesterday_is_forgotten(void **state)
{
	calls(100, 8, 10);
	calls(60, 2, 10);
	assert_int_equal(t.raised[BASELINE_ASR], 1);
	t.now += 26 * HOUR;
	calls(1, 0, 10);
	assert_int_equal(t.cleared[BASELINE_ASR], 1);
	calls(200, 2, 10);
	assert_int_equal(t.raised[BASELINE_ASR], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(quiet_drop, setup),
		cmocka_unit_test_setup(little_says_nothing, setup),
		cmocka_unit_test_setup(a_bad_carrier_that_always_was, setup),
		cmocka_unit_test_setup(network_drop, setup),
		cmocka_unit_test_setup(shorter_calls, setup),
		cmocka_unit_test_setup(one_alarm_at_a_time, setup),
		cmocka_unit_test_setup(yesterday_is_forgotten, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
