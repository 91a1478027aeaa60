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

/* By the clock that wraps. Who asked while the consumer worked seems to have asked later than now. */
static void put_lately(void **state)
{
	static const struct {
		uint32_t before_ms; /* asked, before now */
		bool lately;
	} cases[] = { { 0, true }, { 400, true }, { 401, false }, { 5000, false }, { UINT32_MAX - 1, true }, { UINT32_MAX - 49, true },
		{ UINT32_MAX - 5000, false }, { 1u << 31, false } };
	static const uint32_t nows[] = { 70001, 11, UINT32_MAX - 20 };
	struct digit like = { .event = 7, .end = 2 };

	(void)state;
	for (unsigned n = 0; n < 3; n++)
		for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			struct kedge_digits *q = aligned_ring();
			struct digit d = { .timestamp = nows[n] - cases[i].before_ms, .event = 7, .end = 2 };
			uint64_t from = 0;

			assert_int_equal(digit_put(q, &d, 1), 0);
			assert_int_equal(digit_put_lately(q, 1, &like, nows[n], 400, &from), cases[i].lately);
			assert_int_equal(from, cases[i].lately);
			assert_false(digit_put_lately(q, 1, &like, nows[n], 400, &from) && cases[i].lately); /* once */
			free(q);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order_and_once),
		cmocka_unit_test(full_is_an_answer),
		cmocka_unit_test(of_another_call_never),
		cmocka_unit_test(newest_of_an_end_taken_or_not),
		cmocka_unit_test(put_lately),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
