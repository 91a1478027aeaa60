// SPDX-License-Identifier: MIT
// rescale: an event of one clock as one of another: its length, its end packets, its segments; late and lost packets.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "media/rescale.h"

#define LONGEST 65535

static struct rescale s;
static const struct rescale_clock up = { 48000, 8000, 48000 }, down = { 48000, 48000, 8000 }, wide = { 16000, 16000, 8000 };

struct out {
	uint32_t timestamp, duration;
	bool end;
};

static struct out pass(const struct rescale_clock *c, uint32_t timestamp, unsigned duration, bool end)
{
	struct rtp h = { .ssrc = 7, .timestamp = timestamp, .event = true };
	struct named e = { .code = 5, .volume = 10, .end = end, .duration = (uint16_t)duration };

	rescale_event(&s, c, &h, &e);
	assert_int_equal(e.code, 5);
	assert_int_equal(e.volume, 10);
	return (struct out){ h.timestamp, e.duration, e.end };
}

static void is(struct out o, uint32_t timestamp, uint32_t duration, bool end)
{
	assert_int_equal(o.timestamp, timestamp);
	assert_int_equal(o.duration, duration);
	assert_int_equal(o.end, end);
}

static void lengths(void **state)
{
	(void)state;
	s = (struct rescale){ 0 };
	is(pass(&wide, 1000, 320, false), 1000, 160, false);
	is(pass(&wide, 1000, 640, false), 1000, 320, false);
	for (int i = 0; i < 3; i++)
		is(pass(&wide, 1000, 1600, true), 1000, 800, true);
	is(pass(&wide, 1000, 640, false), 1000, 320, false); /* late */
	is(pass(&wide, 4000, 320, false), 4000, 160, false);
	s = (struct rescale){ 0 };
	is(pass(&up, 0xffffff00, 160, false), 0xffffff00, 960, false);
	is(pass(&up, 0xffffff00, 800, true), 0xffffff00, 4800, true);
}

/* 2 s at 48 kHz are two segments, at 8 kHz one event. */
static void segments_join(void **state)
{
	(void)state;
	s = (struct rescale){ 0 };
	is(pass(&down, 5000, 960, false), 5000, 160, false);
	is(pass(&down, 5000, LONGEST, false), 5000, 10922, false);
	is(pass(&down, 5000 + LONGEST, 465, false), 5000, 11000, false);
	is(pass(&down, 5000, 60000, false), 5000, 10000, false); /* late, of the first segment */
	is(pass(&down, 5000 + LONGEST, 30465, false), 5000, 16000, false);
	for (int i = 0; i < 3; i++)
		is(pass(&down, 5000 + LONGEST, 30465, true), 5000, 16000, true);
	/* the next digit, the same key */
	is(pass(&down, 105000, 960, false), 105000, 160, false);
}

/* 2 s at 8 kHz are two segments at 48 kHz: who hears them hears one digit of 2 s. */
static void segments_part(void **state)
{
	struct named_heard heard = { 0 };
	struct digit over[2];
	unsigned n = 0;

	(void)state;
	s = (struct rescale){ 0 };
	for (unsigned i = 1; i <= 102; i++) {
		unsigned frame = i < 100 ? i : 100;
		struct out o = pass(&up, 9000, 160 * frame, i >= 100);
		struct rtp h = { .ssrc = 1, .timestamp = o.timestamp };
		struct named e = { .code = 5, .end = o.end, .duration = (uint16_t)o.duration };

		n += named_hear(&heard, &h, &e, 48000, i * 20000000ULL, over + n);
	}
	assert_int_equal(n, 1);
	assert_int_equal(over[0].event, 5);
	assert_int_equal(over[0].duration_ms, 2000);
	assert_int_equal(over[0].timestamp, 9000);
}

/* The packet that should have been the last of a segment is an end packet: the next one is the end. */
static void segment_full_at_the_end(void **state)
{
	(void)state;
	s = (struct rescale){ 0 };
	is(pass(&up, 0, 10900, false), 0, 65400, false);
	is(pass(&up, 0, 11000, true), 0, LONGEST, false);
	is(pass(&up, 0, 11000, true), LONGEST, 465, true);
	is(pass(&up, 0, 11000, true), LONGEST, 465, true);
}

/* A predecessor began it, or its beginning was lost. */
static void heard_from_the_middle(void **state)
{
	(void)state;
	s = (struct rescale){ 0 };
	is(pass(&wide, 700, 3200, false), 700, 1600, false);
	is(pass(&wide, 700, 3200, true), 700, 1600, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths),
		cmocka_unit_test(segments_join),
		cmocka_unit_test(segments_part),
		cmocka_unit_test(segment_full_at_the_end),
		cmocka_unit_test(heard_from_the_middle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
