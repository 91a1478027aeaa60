// SPDX-License-Identifier: MIT
// stitch over clocks and losses: another clock rate is another SSRC, with leave taken of the one before; a report tells each source of its own losses alone.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "media/stitch.h"
#include "routing/shm/layout.h"

#define MS   1000000ULL
#define LINE 0x11111111u

static const struct stitch_pace NARROW = { 8000, 20, false }, WIDE = { 48000, 20, false };
static uint64_t now;

static struct rtp say(struct stitch *s, uint8_t source, uint32_t ssrc, uint16_t sequence, uint32_t timestamp, const struct stitch_pace *pace)
{
	struct rtp h = { .ssrc = ssrc, .sequence = sequence, .timestamp = timestamp, .payload = 160 };

	now += 20 * MS;
	assert_int_not_equal(stitch_rtp(s, source, &h, pace, now), STITCH_LATE);
	return h;
}

static void another_clock(void **state)
{
	uint8_t out[STITCH_RTCP_MAX];
	struct stitch s;
	struct rtp h;

	(void)state;
	now = 5000 * MS;
	stitch_init(&s, LINE);
	say(&s, 0, 1, 65534, 960, &WIDE);
	h = say(&s, 0, 1, 65535, 1920, &WIDE);
	assert_int_equal(h.ssrc, LINE);
	assert_int_equal(stitch_bye(&s, "kedge", out), 0);
	h = say(&s, 1, 2, 700, 44160, &NARROW);
	assert_int_not_equal(h.ssrc, LINE);
	assert_int_equal(h.ssrc, s.ssrc);
	assert_int_equal(h.sequence, 0); /* one further: the index never falls */
	assert_int_equal(s.index, 65536);
	assert_int_equal(h.timestamp, 44160); /* its own clock */
	assert_true(h.marker);
	assert_int_equal(s.packets, 1);
	assert_int_equal(stitch_bye(&s, "kedge", out), 8 + 16 + 8);
	assert_int_equal(out[1], RTCP_RR);
	assert_int_equal(rtp_get32(out + 4), LINE);
	assert_int_equal(out[9], RTCP_SDES);
	assert_int_equal(rtp_get32(out + 12), LINE);
	assert_int_equal(out[25], RTCP_BYE);
	assert_int_equal(rtp_get32(out + 28), LINE);
	assert_int_equal(stitch_bye(&s, "kedge", out), 0); /* once */
	h = say(&s, 1, 2, 701, 44320, &NARROW);
	assert_int_equal(h.timestamp, 44320);
	assert_false(h.marker);
	h = say(&s, 2, 3, 9, 9, &NARROW); /* the same clock: the line stays */
	assert_int_equal(h.ssrc, s.ssrc);
	assert_int_equal(h.timestamp, 44480);
	assert_int_equal(stitch_bye(&s, "kedge", out), 0);
}

/* One sender that changes its codec in the middle, with the SSRC it had. */
static void the_same_sender(void **state)
{
	struct stitch s;
	struct rtp h;

	(void)state;
	now = 5000 * MS;
	stitch_init(&s, LINE);
	say(&s, 0, 1, 10, 0, &NARROW);
	h = say(&s, 0, 1, 11, 960, &WIDE);
	assert_int_not_equal(h.ssrc, LINE);
	assert_int_equal(h.sequence, 11);
	assert_int_equal(say(&s, 0, 1, 12, 1920, &WIDE).ssrc, h.ssrc);
}

/* A line that a predecessor began knows no clock yet: whoever goes on with it keeps its SSRC. */
static void recovered(void **state)
{
	uint8_t out[STITCH_RTCP_MAX];
	struct stitch s;

	(void)state;
	now = 5000 * MS;
	stitch_init(&s, LINE);
	say(&s, 0, 1, 10, 0, &WIDE);
	s.rate = 0;
	assert_int_equal(say(&s, 0, 1, 11, 960, &WIDE).ssrc, LINE);
	assert_int_equal(s.rate, 48000);
	s.rate = 0;
	assert_int_equal(say(&s, 1, 1, 11, 960, &WIDE).ssrc, LINE);
	assert_int_equal(stitch_bye(&s, "kedge", out), 0);
}

/* ---- what a report says is missing ----------------------------------------------------------- */

static struct stitch forth, back; /* toward who hears the report; toward who made it */

/* A report of `to`'s other end: so much is missing up to that number of the line. Returns what the source is told; -1: nothing. */
static int32_t told(uint8_t to, uint32_t highest, int32_t lost, uint16_t came, uint16_t made)
{
	uint8_t in[32] = { 0x81, RTCP_RR, 0, 7 }, out[STITCH_RTCP_MAX];
	struct stitch_rtcp r = { .line = &forth, .back = &back, .back_received = 1000, .source = KEDGE_END_INSIDE, .to = to, .came = came, .made = made, .cname = "kedge" };

	rtp_set32(in + 8, back.ssrc);
	rtp_set32(in + 12, 0x10000000u | ((uint32_t)lost & 0xffffff));
	rtp_set32(in + 16, highest);
	if (stitch_rtcp(&r, in, sizeof(in), out) != sizeof(in))
		return -1;
	return (int32_t)(rtp_get32(out + 12) & 0xffffff);
}

static void begin(void)
{
	now = 5000 * MS;
	stitch_init(&back, LINE);
	stitch_init(&forth, 0x22222222u);
	for (uint16_t i = 0; i < 10; i++)
		say(&back, 0, 1, (uint16_t)(100 + i), 160u * i, &NARROW);
}

static void each_its_own(void **state)
{
	(void)state;
	begin();
	assert_int_equal(told(0, 109, 4, 0, 0), 4);
	for (uint16_t i = 0; i < 10; i++)
		say(&back, 1, 2, (uint16_t)(500 + i), 160u * i, &NARROW);
	assert_int_equal(told(1, 108, 6, 0, 0), -1); /* of before the switch: nobody's who is here, but remembered */
	assert_int_equal(told(1, 115, 6, 0, 0), 0);
	assert_int_equal(told(1, 119, 9, 0, 0), 3);
	assert_int_equal(told(1, 119, 2, 0, 0), 0); /* doubled packets may make it shrink */
	assert_int_equal(told(1, 119, -5, 0, 0), 0);
}

static void another_line(void **state)
{
	(void)state;
	begin();
	assert_int_equal(told(0, 109, 4, 0, 0), 4);
	say(&back, 1, 2, 500, 0, &WIDE);
	assert_int_equal(told(1, 110, 1, 0, 0), 1); /* another SSRC: its count began anew */
}

/* Its packets go on as half as many: 3 of ours are 6 of its own, 4 behind are 8. */
static void another_size(void **state)
{
	uint8_t in[32] = { 0x81, RTCP_RR, 0, 7 }, out[STITCH_RTCP_MAX];
	struct stitch_rtcp r = { .line = &forth, .back = &back, .back_received = 70000, .source = KEDGE_END_INSIDE, .to = 0, .came = 80, .made = 160, .cname = "kedge" };

	(void)state;
	begin();
	assert_int_equal(told(0, 109, 3, 80, 160), 6);
	rtp_set32(in + 8, LINE);
	rtp_set32(in + 16, 105);
	assert_int_equal(stitch_rtcp(&r, in, sizeof(in), out), sizeof(in));
	assert_int_equal(rtp_get32(out + 16), 70000 - 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_clock),
		cmocka_unit_test(the_same_sender),
		cmocka_unit_test(recovered),
		cmocka_unit_test(each_its_own),
		cmocka_unit_test(another_line),
		cmocka_unit_test(another_size),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
