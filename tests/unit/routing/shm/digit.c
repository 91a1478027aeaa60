// SPDX-License-Identifier: MIT
// digit: through the ring and out as it went in, in order, once; those of another call never.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "routing/shm/digit.h"

static struct kedge_digits *aligned_ring(void)
{
	struct kedge_digits *q = aligned_alloc(KEDGE_LINE, sizeof(*q));

	memset(q, 0, sizeof(*q));
	return q;
}

static void put(struct kedge_digits *q, uint8_t event, uint8_t end, uint32_t generation)
{
	struct digit d = { 0xfffffff0u + event, (uint16_t)(100 + event), end, event };

	assert_int_equal(digit_put(q, &d, generation), 0);
}

static void in_order_and_once(void **state)
{
	struct kedge_digits *q = aligned_ring();
	struct digit d = { 0 };

	(void)state;
	assert_int_equal(digit_peek(q, 5, &d), -EAGAIN);
	for (unsigned i = 0; i < 40; i++) {
		uint8_t event = (uint8_t)(i % DIGIT_EVENTS), end = i % 9 == 8 ? KEDGE_END_INSIDE : (uint8_t)(i % 9);

		put(q, event, end, 5);
		assert_int_equal(digit_peek(q, 5, &d), 0);
		assert_int_equal(d.event, event);
		assert_int_equal(d.end, end);
		assert_int_equal(d.duration_ms, 100 + event);
		assert_int_equal(d.timestamp, 0xfffffff0u + event);
		assert_int_equal(digit_peek(q, 5, &d), 0);
		digit_take(q);
		assert_int_equal(digit_peek(q, 5, &d), -EAGAIN);
	}
	free(q);
}

static void full_is_an_answer(void **state)
{
	struct kedge_digits *q = aligned_ring();
	struct digit d = { .event = 1 };

	(void)state;
	for (unsigned i = 0; i < KEDGE_DIGITS; i++)
		put(q, (uint8_t)i, 0, 1);
	assert_int_equal(digit_put(q, &d, 1), -ENOBUFS);
	for (unsigned i = 0; i < KEDGE_DIGITS; i++) {
		assert_int_equal(digit_peek(q, 1, &d), 0);
		assert_int_equal(d.event, i);
		digit_take(q);
	}
	assert_int_equal(digit_put(q, &d, 1), 0);
	free(q);
}

static void of_another_call_never(void **state)
{
	struct kedge_digits *q = aligned_ring();
	struct digit d;

	(void)state;
	put(q, 4, 0, 6);
	put(q, 5, 0, 6);
	put(q, 9, 0, 7);
	assert_int_equal(digit_peek(q, 7, &d), 0);
	assert_int_equal(d.event, 9);
	digit_take(q);
	put(q, 31 & 4, 0, 6);
	assert_int_equal(digit_peek(q, 7, &d), -EAGAIN);
	free(q);
}

static void newest_of_an_end_taken_or_not(void **state)
{
	struct kedge_digits *q = aligned_ring();
	struct digit d;

	(void)state;
	assert_int_equal(digit_newest(q, 3, 0, &d), -EAGAIN);
	put(q, 1, 0, 3);
	put(q, 2, KEDGE_END_INSIDE, 3);
	put(q, 3, 0, 3);
	put(q, 4, 1, 3);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(digit_newest(q, 3, 0, &d), 0);
		assert_int_equal(d.event, 3);
		assert_int_equal(digit_newest(q, 3, KEDGE_END_INSIDE, &d), 0);
		assert_int_equal(d.event, 2);
		assert_int_equal(digit_newest(q, 3, 2, &d), -EAGAIN);
		assert_int_equal(digit_newest(q, 4, 0, &d), -EAGAIN);
		while (digit_peek(q, 3, &d) == 0)
			digit_take(q);
	}
	free(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order_and_once),
		cmocka_unit_test(full_is_an_answer),
		cmocka_unit_test(of_another_call_never),
		cmocka_unit_test(newest_of_an_end_taken_or_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
