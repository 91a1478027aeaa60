// SPDX-License-Identifier: MIT
// tap: the ring between a worker and the recorder: whole notes in order, around its end, and never more than it holds.
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "media/tap.h"

#define NOTES 200000

static struct tap tap;

static size_t length(uint32_t number)
{
	return 1 + number * 37 % 1400;
}

static bool put(uint32_t number)
{
	struct tap_note *n = tap_room(&tap, length(number));

	if (n == NULL)
		return false;
	n->slot = number;
	memset(n + 1, (int)number, length(number));
	tap_commit(&tap, n);
	return true;
}

static void take(uint32_t number)
{
	const struct tap_note *n = tap_next(&tap);
	const uint8_t *data = (const uint8_t *)(n + 1);

	assert_non_null(n);
	assert_int_equal(n->slot, number);
	assert_int_equal(n->len, length(number));
	assert_true(data[0] == (uint8_t)number && data[n->len - 1] == (uint8_t)number);
	tap_done(&tap, n);
}

static int setup(void **state)
{
	return tap_init(&tap);
}

static int teardown(void **state)
{
	tap_fini(&tap);
	return 0;
}

static void full_and_empty(void **state)
{
	uint32_t n = 0, more = 0;

	while (put(n))
		n++;
	assert_true(n > 1000);
	assert_int_equal(tap.lost, 1);
	assert_false(put(n));
	assert_int_equal(tap.lost, 2);
	for (uint32_t i = 0; i < n / 2; i++)
		take(i);
	while (put(n + more))
		more++;
	assert_true(more > n / 3);
	for (uint32_t i = n / 2; i < n + more; i++)
		take(i);
	assert_null(tap_next(&tap));
}

static void around_the_end(void **state)
{
	for (uint32_t i = 0; i < 20000; i++) {
		assert_true(put(2 * i));
		assert_true(put(2 * i + 1));
		take(2 * i);
		take(2 * i + 1);
	}
	assert_null(tap_next(&tap));
	assert_int_equal(tap.lost, 0);
}

static void *producer(void *arg)
{
	for (uint32_t i = 0; i < NOTES;)
		i += put(i);
	return NULL;
}

static void from_thread_to_thread(void **state)
{
	pthread_t t;

	assert_int_equal(pthread_create(&t, NULL, producer, NULL), 0);
	for (uint32_t i = 0; i < NOTES; i++) {
		while (tap_next(&tap) == NULL)
			;
		take(i);
	}
	pthread_join(t, NULL);
	assert_null(tap_next(&tap));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(full_and_empty, setup, teardown),
		cmocka_unit_test_setup_teardown(around_the_end, setup, teardown),
		cmocka_unit_test_setup_teardown(from_thread_to_thread, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
