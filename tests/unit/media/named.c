// SPDX-License-Identifier: MIT
// named: one digit per event whatever packets of it arrive, with its duration; digits said are paced, with three end packets.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "media/named.h"

#define MS 1000000ULL

static struct named_heard heard;
static struct digit over[2];

static unsigned hear_as(uint32_t ssrc, uint32_t timestamp, uint8_t code, uint16_t duration, bool end, uint64_t ms)
{
	struct rtp r = { .ssrc = ssrc, .timestamp = timestamp };
	uint8_t wire[NAMED_BYTES];
	struct named e = { .code = code, .volume = 7, .end = end, .duration = duration }, again;

	named_write(wire, &e);
	assert_int_equal(named_read(wire, sizeof(wire), &again), 0);
	assert_int_equal(again.code, code);
	assert_int_equal(again.volume, 7);
	assert_int_equal(again.end, end);
	assert_int_equal(again.duration, duration);
	return named_hear(&heard, &r, &again, 8000, ms * MS, over);
}

static unsigned hear(uint32_t timestamp, uint8_t code, uint16_t duration, bool end, uint64_t ms)
{
	return hear_as(1, timestamp, code, duration, end, ms);
}

static void is(unsigned i, uint8_t code, uint16_t ms)
{
	assert_int_equal(over[i].event, code);
	assert_int_equal(over[i].duration_ms, ms);
}

static int forget(void **state)
{
	(void)state;
	memset(&heard, 0, sizeof(heard));
	return 0;
}

static void once_at_its_end(void **state)
{
	(void)state;
	for (unsigned i = 1; i < 5; i++)
		assert_int_equal(hear(1000, 5, (uint16_t)(160 * i), false, 20 * i), 0);
	assert_int_equal(hear(1000, 5, 800, true, 100), 1);
	is(0, 5, 100);
	assert_int_equal(over[0].timestamp, 1000);
	assert_int_equal(hear(1000, 5, 800, true, 120), 0);
	assert_int_equal(hear(1000, 5, 800, true, 140), 0);
	assert_int_equal(hear(1000, 5, 480, false, 150), 0); /* late */
	assert_int_equal(hear(3000, 5, 800, true, 300), 1);  /* the same digit again, nothing but its end arrived */
	is(0, 5, 100);
	assert_int_equal(hear(1000, 5, 800, true, 310), 0); /* very late */
}

static void any_one_packet_is_enough(void **state)
{
	(void)state;
	for (unsigned only = 0; only < 3; only++) { /* of the three end packets */
		forget(NULL);
		for (unsigned i = 0; i < 3; i++)
			assert_int_equal(i < only ? 0 : hear(1000, 9, 1280, true, 160 + 20 * i), i == only);
		is(0, 9, 160);
	}
	forget(NULL);
	assert_int_equal(hear(1000, 9, 320, false, 40), 0);
	assert_false(named_lost(&heard, 8000, 220 * MS, &over[0]));
	assert_true(named_lost(&heard, 8000, 240 * MS, &over[0]));
	is(0, 9, 40);
	assert_int_equal(hear(1000, 9, 1280, true, 250), 0); /* given: not again, though it was longer */
	assert_false(named_lost(&heard, 8000, 900 * MS, &over[0]));
}

static void the_next_ends_it(void **state)
{
	(void)state;
	assert_int_equal(hear(1000, 1, 480, false, 60), 0);
	assert_int_equal(hear(2000, 2, 480, true, 100), 2);
	is(0, 1, 60);
	is(1, 2, 60);
	assert_int_equal(hear(3000, 3, 160, false, 120), 0);
	assert_int_equal(hear_as(2, 50, 4, 160, true, 140), 2); /* another sender counts anew */
	is(0, 3, 20);
	is(1, 4, 20);
}

static void longer_than_a_segment(void **state)
{
	(void)state;
	assert_int_equal(hear(1000, 1, 65535, false, 8192), 0);
	assert_int_equal(hear(66535, 1, 465, true, 8250), 1);
	is(0, 1, 8000); /* no longer than kedge says it */
	assert_int_equal(over[0].timestamp, 1000);
}

static void order_and_what_is_no_digit(void **state)
{
	uint8_t wire[3] = { 1, 0, 0 };
	struct named e;

	(void)state;
	assert_int_equal(named_read(wire, sizeof(wire), &e), -EINVAL);
	assert_int_equal(hear(1000, 36, 800, true, 10), 0); /* a fax machine's tone */
	assert_int_equal(hear(0xfffffff0u, 16, 640, false, 20), 0);
	assert_int_equal(hear(0xfffffff0u, 16, 320, false, 21), 0);
	assert_int_equal(hear(0x00000010u, 1, 160, false, 40), 1); /* over the wrap */
	is(0, 16, 80);
	assert_int_equal(hear(0xfffffff0u, 16, 640, true, 41), 0);
}

static void a_predecessor_gave_it(void **state)
{
	(void)state;
	named_given(&heard, 1, 1000);
	assert_int_equal(hear(1000, 5, 800, true, 10), 0);
	assert_int_equal(hear(1000, 5, 800, true, 20), 0);
	assert_false(named_lost(&heard, 8000, 900 * MS, &over[0]));
	assert_int_equal(hear(2600, 5, 800, true, 200), 1);
}

/* Steps every millisecond; returns when the digit was over and quiet. */
static uint64_t say(uint8_t code, uint32_t ms, uint32_t rate, uint32_t ptime, uint16_t want)
{
	struct named_said s;
	struct named e;
	unsigned packets = 0, ends = 0;
	uint64_t at = 0, last = 0;
	uint16_t duration = 0;
	bool first;

	named_say(&s, code, ms, rate, ptime, 0);
	for (; s.busy; at++) {
		if (!named_step(&s, at * MS, &e, &first))
			continue;
		assert_int_equal(first, packets == 0);
		assert_true(packets == 0 || at - last == ptime);
		assert_int_equal(e.code, code);
		assert_true(e.duration > duration || (ends != 0 && e.duration == duration));
		assert_true((uint32_t)(e.duration - duration) <= ptime * rate / 1000);
		duration = e.duration;
		ends += e.end;
		assert_int_equal(e.end, duration == want);
		last = at;
		packets++;
	}
	assert_int_equal(ends, 3);
	assert_int_equal(duration, want);
	return at - 1;
}

static void paced(void **state)
{
	(void)state;
	assert_int_equal(say(5, 160, 8000, 20, 1280), 200);
	assert_int_equal(say(5, 0, 8000, 20, 800), 140);
	assert_int_equal(say(11, 5, 8000, 20, 320), 80);
	assert_int_equal(say(1, 90, 8000, 20, 720), 140); /* whole packets: the third end packet goes at 120 */
	assert_int_equal(say(5, 100, 8000, 10, 800), 140); /* 40 ms of silence, though its last packet goes at 110 */
	assert_int_equal(say(1, 100, 8000, 30, 800), 180);
	assert_true(say(1, 60000, 8000, 20, 64000) >= 8040);
	assert_true(say(1, 3000, 48000, 20, 65535) >= 1400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(once_at_its_end, forget),
		cmocka_unit_test_setup(any_one_packet_is_enough, forget),
		cmocka_unit_test_setup(the_next_ends_it, forget),
		cmocka_unit_test_setup(longer_than_a_segment, forget),
		cmocka_unit_test_setup(order_and_what_is_no_digit, forget),
		cmocka_unit_test_setup(a_predecessor_gave_it, forget),
		cmocka_unit_test(paced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
