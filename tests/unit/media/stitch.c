// SPDX-License-Identifier: MIT
// stitch: whoever speaks, the end hears one SSRC, one sequence, one timestamp line; and RTCP says the same.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "media/stitch.h"

#define MS    1000000ULL
#define START (5000 * MS)
#define LINE  0x11111111u
#define FRAME 160

static const struct stitch_pace PACE = { 8000, 20, false };

/* What comes in, and what is to go out of it: sequence and timestamp relative to the first packet of the line. */
struct step {
	uint32_t ms;
	uint8_t source;
	uint32_t ssrc;
	uint16_t sequence;
	uint32_t timestamp;
	enum stitch_result want;
	int out_sequence;
	int32_t out_timestamp;
	bool marker;
};

static void tell(const char *name, const struct step *s, size_t n)
{
	struct stitch line;
	struct rtp first = { 0 };

	stitch_init(&line, LINE);
	for (size_t i = 0; i < n; i++) {
		struct rtp h = { .ssrc = s[i].ssrc,
			.sequence = s[i].sequence,
			.timestamp = s[i].timestamp,
			.payload = FRAME };
		enum stitch_result got =
		    stitch_rtp(&line, s[i].source, &h, &PACE, START + s[i].ms * MS);

		if (got != s[i].want)
			fail_msg("%s, step %zu: %d", name, i, (int)got);
		if (i == 0)
			first = h;
		if (got == STITCH_LATE)
			continue;
		if (h.ssrc != LINE || (int16_t)(h.sequence - first.sequence) != s[i].out_sequence ||
		    (int32_t)(h.timestamp - first.timestamp) != s[i].out_timestamp ||
		    h.marker != s[i].marker)
			fail_msg("%s, step %zu: sequence %d, timestamp %d, marker %d", name, i,
			    (int16_t)(h.sequence - first.sequence),
			    (int32_t)(h.timestamp - first.timestamp), h.marker);
	}
}

#define SW STITCH_SWITCHED
#define OK STITCH_PASS
#define NO STITCH_LATE

static const struct step plain[] = {
	{ 0, 0, 7, 65534, 0xffffff60, SW, 0, 0, false },
	{ 20, 0, 7, 65535, 0, OK, 1, 160, false },
	{ 40, 0, 7, 0, 160, OK, 2, 320, false },
	{ 60, 0, 7, 3, 640, OK, 5, 800, false }, /* loss stays loss */
	{ 61, 0, 7, 1, 320, OK, 3, 480, false }, /* and late packets come through */
	{ 62, 0, 7, 1, 320, OK, 3, 480, false },
}, other_end[] = {
	{ 0, 0, 7, 100, 1000, SW, 0, 0, false },
	{ 20, 0, 7, 101, 1160, OK, 1, 160, false },
	{ 120, 1, 9, 60000, 77, SW, 2, 160 + 800, true }, /* 100 ms went by */
	{ 140, 1, 9, 60001, 237, OK, 3, 160 + 960, false },
	{ 141, 1, 9, 59999, 0, NO, 0, 0, false },         /* before its first: that number is taken */
	{ 150, 1, 9, 60000, 77, OK, 2, 160 + 800, false },
	{ 300, 0, 7, 103, 1480, SW, 4, 160 + 960 + 1280, true }, /* and back */
}, switch_in_the_same_batch[] = {
	{ 0, 0, 7, 100, 1000, SW, 0, 0, false },
	{ 0, 1, 9, 5, 5, SW, 1, 160, true }, /* at least one frame */
	{ 0, 2, 8, 900, 900, SW, 2, 320, true },
}, same_ssrc_at_the_other_end[] = { /* forked legs of one switch may share it */
	{ 0, 0, 7, 100, 1000, SW, 0, 0, false },
	{ 20, 1, 7, 100, 1000, SW, 1, 160, true },
}, other_ssrc_at_the_same_end[] = {
	{ 0, 0, 7, 100, 1000, SW, 0, 0, false },
	{ 20, 0, 8, 9, 9, SW, 1, 160, true },
	{ 25, 0, 7, 101, 1160, NO, 0, 0, false }, /* trailing */
	{ 40, 0, 8, 10, 169, OK, 2, 320, false },
	{ 139, 0, 7, 102, 1320, NO, 0, 0, false },
	{ 140, 0, 7, 103, 1480, SW, 3, 320 + 800, true }, /* 100 ms without the other: it is the stream again */
}, restarted_sender[] = {
	{ 0, 0, 7, 100, 1000, SW, 0, 0, false },
	{ 20, 0, 7, 3101, 90, SW, 1, 160, true }, /* 3,001 ahead */
	{ 40, 0, 7, 3102, 250, OK, 2, 320, false },
	{ 60, 0, 7, 3001, 0, SW, 3, 480, true }, /* 101 behind */
}, as_far_as_loss_goes[] = {
	{ 0, 0, 7, 100, 1000, SW, 0, 0, false },
	{ 20, 0, 7, 3100, 1160, OK, 3000, 160, false },
	{ 40, 0, 7, 3000, 1000, OK, 2900, 0, false }, /* 100 behind */
}, silence_suppression[] = { /* the sender's clock runs on while it says nothing */
	{ 0, 0, 7, 1, 0, SW, 0, 0, false },
	{ 20, 0, 7, 2, 160, OK, 1, 160, false },
	{ 30020, 0, 7, 3, 240160, OK, 2, 240160, false },
}, clock_set_anew[] = {
	{ 0, 0, 7, 1, 0, SW, 0, 0, false },
	{ 20, 0, 7, 2, 160, OK, 1, 160, false },
	{ 40, 0, 7, 3, 0x90000000, SW, 2, 320, true },
	{ 60, 0, 7, 4, 0x900000a0, OK, 3, 480, false },
	{ 80, 0, 7, 5, 50, SW, 4, 640, true }, /* and back */
	{ 100, 0, 7, 6, 210, OK, 5, 800, false },
}, clock_stood_still[] = { /* allowed: receivers play on */
	{ 0, 0, 7, 1, 0, SW, 0, 0, false },
	{ 9000, 0, 7, 2, 160, OK, 1, 160, false },
}, digit[] = { /* RFC 4733: one timestamp, then the audio's */
	{ 0, 0, 7, 1, 800, SW, 0, 0, false },
	{ 20, 0, 7, 2, 960, OK, 1, 160, false },
	{ 40, 0, 7, 3, 960, OK, 2, 160, false },
	{ 200, 0, 7, 4, 960, OK, 3, 160, false },
	{ 220, 0, 7, 5, 2560, OK, 4, 1760, false },
};

#define TELL(story) tell(#story, story, sizeof(story) / sizeof(story[0]))

static void stories(void **state)
{
	TELL(plain);
	TELL(other_end);
	TELL(switch_in_the_same_batch);
	TELL(same_ssrc_at_the_other_end);
	TELL(other_ssrc_at_the_same_end);
	TELL(restarted_sender);
	TELL(as_far_as_loss_goes);
	TELL(silence_suppression);
	TELL(clock_set_anew);
	TELL(clock_stood_still);
	TELL(digit);
}

/* Packets of an event have the timestamp of its beginning: the line's clock runs on from there, and one that is held for
 * seconds beside audio is no clock that was set back. */
static void events_keep_their_time(void **state)
{
	struct stitch line;
	struct rtp h = { .ssrc = 7, .sequence = 10, .timestamp = 5000, .payload = FRAME };
	uint32_t offset, began;

	(void)state;
	stitch_init(&line, LINE);
	stitch_rtp(&line, 0, &h, &PACE, START);
	offset = h.timestamp - 5000;
	for (unsigned i = 1; i <= 200; i++) { /* 4 s of event and audio in turn */
		h = (struct rtp){ .ssrc = 7, .sequence = (uint16_t)(10 + 2 * i - 1), .timestamp = 5160, .payload = 4, .event = true };
		assert_int_equal(stitch_rtp(&line, 0, &h, &PACE, START + 20 * i * MS), STITCH_PASS);
		assert_int_equal(h.timestamp, 5160 + offset);
		h = (struct rtp){ .ssrc = 7, .sequence = (uint16_t)(10 + 2 * i), .timestamp = 5000 + FRAME * i, .payload = FRAME };
		assert_int_equal(stitch_rtp(&line, 0, &h, &PACE, START + 20 * i * MS), STITCH_PASS);
		assert_int_equal(h.timestamp, 5000 + FRAME * i + offset);
	}
	began = h.timestamp + FRAME;
	for (unsigned i = 1; i <= 10; i++) { /* 200 ms of event alone */
		h = (struct rtp){ .ssrc = 7, .sequence = (uint16_t)(410 + i), .timestamp = began - offset, .payload = 4, .event = true };
		assert_int_equal(stitch_rtp(&line, 0, &h, &PACE, START + (4000 + 20 * i) * MS), STITCH_PASS);
	}
	/* another source 20 ms later: behind the event, not within it */
	h = (struct rtp){ .ssrc = 9, .sequence = 700, .timestamp = 1, .payload = FRAME };
	assert_int_equal(stitch_rtp(&line, 1, &h, &PACE, START + 4220 * MS), STITCH_SWITCHED);
	assert_int_equal(h.timestamp - began, 200 * 8);
}

static void after_a_hold(void **state)
{
	struct stitch line;
	struct rtp a = { .ssrc = 7, .sequence = 10, .timestamp = 100 },
	           b = { .ssrc = 7, .sequence = 500, .timestamp = 78500 };

	stitch_init(&line, LINE);
	stitch_rtp(&line, 0, &a, &PACE, START);
	stitch_break(&line);
	assert_int_equal(stitch_rtp(&line, 0, &b, &PACE, START + 9800 * MS), STITCH_SWITCHED);
	assert_int_equal(b.sequence, 11);
	assert_int_equal(b.timestamp, 100 + 78400);
	assert_true(b.marker);
}

/* Whatever order ends, SSRCs and numbers come in: no index is used by two sources, and none goes back at a switch. */
static void random_switches(void **state)
{
	static uint32_t owner[1 << 20]; /* no wrap: an index is used once */
	struct stitch line;
	uint64_t now = START, highest = 0;
	uint16_t sequence[4] = { 0 };

	stitch_init(&line, LINE);
	memset(owner, 0xff, sizeof(owner));
	srand(11);
	for (int i = 0; i < 60000; i++) {
		uint8_t source = (uint8_t)(rand() % 50 == 0 ? rand() % 4 : line.source % 4);
		struct rtp h = { .ssrc = source + 100u, .timestamp = (uint32_t)rand() };
		uint64_t index;
		enum stitch_result r;

		h.sequence = sequence[source]++;
		if (rand() % 20 == 0)
			h.sequence = (uint16_t)(h.sequence - (unsigned)(rand() % 200));
		now += 20 * MS;
		r = stitch_rtp(&line, source, &h, &PACE, now);
		if (r == STITCH_LATE)
			continue;
		assert_int_equal(h.ssrc, LINE);
		index = line.index + (uint64_t)(int16_t)(h.sequence - (uint16_t)line.index);
		assert_true(index < sizeof(owner) / sizeof(owner[0]));
		if (index > highest)
			highest = index;
		else if (owner[index] !=
		         UINT32_MAX) /* else it was lost, or is older than the line */
			assert_int_equal(owner[index], source);
		owner[index] = source;
	}
}

static void days_of_silence(void **state)
{
	struct stitch line;
	const struct stitch_pace video = { 90000, 20, false };
	struct rtp a = { .ssrc = 7 }, b = { .ssrc = 8 };
	uint64_t day = 86400 * 1000 * MS;

	stitch_init(&line, LINE);
	stitch_rtp(&line, 0, &a, &video, START);
	stitch_rtp(&line, 1, &b, &video, START + 2 * day);
	assert_int_equal(b.timestamp, (uint32_t)(2ull * 86400 * 90000));
}

/* ---- RTCP ------------------------------------------------------------------------------------ */

struct pair { /* both lines of a call: from outside end 0 inward, and back */
	struct stitch inward, outward;
	struct stitch_rtcp r;
};

static void talk(struct pair *p)
{
	stitch_init(&p->inward, 0xaaaa);
	stitch_init(&p->outward, 0xbbbb);
	for (uint16_t i = 0; i < 10; i++) {
		struct rtp out = { .ssrc = 0x0c,
			.sequence = (uint16_t)(500 + i),
			.timestamp = 9000u + i * FRAME,
			.payload = FRAME };
		struct rtp in = { .ssrc = 0x1d,
			.sequence = (uint16_t)(65530 + i),
			.timestamp = i * FRAME,
			.payload = FRAME };

		stitch_rtp(&p->inward, 0, &out, &PACE, START + i * 20 * MS);
		stitch_rtp(&p->outward, 0xff, &in, &PACE, START + i * 20 * MS);
	}
	p->r = (struct stitch_rtcp){ .line = &p->inward,
		.back = &p->outward,
		.back_received = 65539,
		.source = 0,
		.to = 0xff,
		.cname = "kedge" };
}

static uint8_t *word(uint8_t *p, uint32_t x)
{
	rtp_set32(p, x);
	return p + 4;
}

static uint8_t *sr(uint8_t *p, uint32_t ssrc, uint32_t timestamp, unsigned blocks)
{
	p = word(p, 0x80000000u | blocks << 24 | RTCP_SR << 16 | (6 + 6 * blocks));
	p = word(p, ssrc);
	p = word(p, 0x12345678);
	p = word(p, 0x9abcdef0);
	p = word(p, timestamp);
	p = word(p, 4711);
	return word(p, 4712);
}

static uint8_t *block(uint8_t *p, uint32_t ssrc, uint32_t highest)
{
	p = word(p, ssrc);
	p = word(p, 0x05000003);
	p = word(p, highest);
	p = word(p, 17);
	p = word(p, 0x56789abc);
	return word(p, 0x00010000);
}

static void sender_report(void **state)
{
	uint8_t in[256], out[STITCH_RTCP_MAX], *end;
	struct pair p;
	size_t n;

	talk(&p);
	p.inward.timestamp_offset = 1000; /* as after a switch */
	end = block(sr(in, 0x0c, 9000, 1), 0xbbbb, 65539);
	n = stitch_rtcp(&p.r, in, (size_t)(end - in), out);
	assert_int_equal(n, 52);
	assert_int_equal(rtp_get32(out + 4), 0xaaaa);
	assert_int_equal(rtp_get32(out + 8), 0x12345678); /* the wall clock stays */
	assert_int_equal(rtp_get32(out + 16), 10000);
	assert_int_equal(rtp_get32(out + 20), 10);
	assert_int_equal(rtp_get32(out + 24), 10 * FRAME);
	assert_int_equal(rtp_get32(out + 28), 0x1d); /* the inside's own SSRC */
	assert_int_equal(rtp_get32(out + 32), 0x05000003);
	assert_int_equal(rtp_get32(out + 36), 65539);
	assert_int_equal(rtp_get32(out + 40), 17);
	assert_int_equal(rtp_get32(out + 44), 0); /* it answers no SR of this source */
}

/* Once an SR of the inside went out, the round trip of the report that answers it holds. */
static void round_trip(void **state)
{
	uint8_t in[256], out[STITCH_RTCP_MAX], *end;
	struct pair p;
	struct stitch_rtcp outward;

	talk(&p);
	outward = (struct stitch_rtcp){
		.line = &p.outward, .back = &p.inward, .source = 0xff, .to = 0, .cname = "kedge"
	};
	end = sr(in, 0x1d, 0, 0);
	assert_int_equal(stitch_rtcp(&outward, in, (size_t)(end - in), out), 28);
	end = block(sr(in, 0x0c, 9000, 1), 0xbbbb, 65539);
	stitch_rtcp(&p.r, in, (size_t)(end - in), out);
	assert_int_equal(rtp_get32(out + 44), 0x56789abc);
	assert_int_equal(rtp_get32(out + 48), 0x00010000);
}

static void blocks_that_are_not_ours(void **state)
{
	uint8_t in[256], out[STITCH_RTCP_MAX], *end;
	struct pair p;

	talk(&p);
	end = block(
	    block(block(sr(in, 0x0c, 9000, 3), 0xbbbb, 65539 + 10), 0xdead, 65539), 0xbbbb, 65538);
	assert_int_equal(stitch_rtcp(&p.r, in, (size_t)(end - in), out), 52);
	assert_int_equal(
	    out[0], 0x81); /* one left: ahead of what was sent, somebody else's, ours */
	assert_int_equal(rtp_get32(out + 36), 65538);
}

/* What was heard of the end before the switch is not the new one's business: it would learn the other's SSRC. */
static void blocks_before_the_new_end_spoke(void **state)
{
	uint8_t in[256], out[STITCH_RTCP_MAX], *end;
	struct pair p;
	struct stitch_rtcp outward;

	talk(&p);
	outward = (struct stitch_rtcp){
		.line = &p.outward, .back = &p.inward, .source = 0xff, .to = 1, .cname = "kedge"
	};
	end = block(sr(in, 0x1d, 0, 1), 0xaaaa, 509);
	assert_int_equal(stitch_rtcp(&outward, in, (size_t)(end - in), out), 28);
	end = word(word(word(word(in, 0x81000000u | RTCP_RTPFB << 16 | 3), 0x1d), 0xaaaa), 0);
	assert_int_equal(stitch_rtcp(&outward, in, (size_t)(end - in), out), 0);
	outward.to = 0;
	end = block(sr(in, 0x1d, 0, 1), 0xaaaa, 509);
	assert_int_equal(stitch_rtcp(&outward, in, (size_t)(end - in), out), 52);
	assert_int_equal(rtp_get32(out + 28), 0x0c);
}

/* The report is about a source that was replaced: the new one's sender would read it as its own loss. */
static void blocks_of_before_a_switch(void **state)
{
	uint8_t in[256], out[STITCH_RTCP_MAX], *end;
	struct rtp h = { .ssrc = 0x2e, .sequence = 7, .timestamp = 7, .payload = FRAME };
	struct pair p;

	talk(&p);
	stitch_rtp(&p.outward, 0xff, &h, &PACE, START + 200 * MS);
	p.r.back_received = 7;
	end = block(sr(in, 0x0c, 9000, 1), 0xbbbb, 65539);
	assert_int_equal(stitch_rtcp(&p.r, in, (size_t)(end - in), out), 28);
	assert_int_equal(out[0], 0x80);
	end = block(sr(in, 0x0c, 9000, 1), 0xbbbb, 65540);
	assert_int_equal(stitch_rtcp(&p.r, in, (size_t)(end - in), out), 52);
	assert_int_equal(rtp_get32(out + 28), 0x2e);
	assert_int_equal(rtp_get32(out + 36), 7);
}

static void foreign_clock(void **state)
{
	uint8_t in[256], out[STITCH_RTCP_MAX], *end;
	struct pair p;

	talk(&p);
	end = sr(in, 0x77, 1, 0); /* not who carries the line */
	assert_int_equal(stitch_rtcp(&p.r, in, (size_t)(end - in), out), 8);
	assert_int_equal(out[1], RTCP_RR);
	assert_int_equal(rtp_get32(out + 4), 0xaaaa);
}

static void late_sender(void **state)
{
	uint8_t in[256], out[STITCH_RTCP_MAX], *end;
	struct rtp h = { .ssrc = 0x0e, .sequence = 7 };
	struct pair p;

	talk(&p);
	stitch_rtp(&p.inward, 0, &h, &PACE, START + 200 * MS);
	end = sr(in, 0x0c, 1, 0);
	assert_int_equal(stitch_rtcp(&p.r, in, (size_t)(end - in), out), 0);
}

/* Nothing the other side tells about itself comes through. */
static void source_description(void **state)
{
	static const uint8_t sdes[] = { 0x82, RTCP_SDES, 0, 10, 0, 0, 0, 0x0c, 1, 9, 'u', '@', '1',
		'0', '.', '0', '.', '0', '.', 2, 4, 'A', 'n', 'n', 'a', 0, 0, 0, 0, 0, 0, 0x0d, 1,
		6, 'x', '@', 'h', 'o', 's', 't', 0, 0, 0, 0 };
	uint8_t in[256], out[STITCH_RTCP_MAX], *end;
	struct pair p;
	size_t n;

	talk(&p);
	end = sr(in, 0x0c, 9000, 0);
	memcpy(end, sdes, sizeof(sdes));
	n = stitch_rtcp(&p.r, in, (size_t)(end - in) + sizeof(sdes), out);
	assert_int_equal(n, 28 + 4 + 12);
	assert_int_equal(out[28], 0x81);
	assert_int_equal(rtp_get32(out + 32), 0xaaaa);
	assert_memory_equal(out + 36, "\x01\x05kedge\0", 8);
}

/* Toward the inside the line goes on with the next attempt. */
static void bye(void **state)
{
	uint8_t in[256], out[STITCH_RTCP_MAX], *end;
	struct stitch_rtcp outward;
	struct pair p;

	talk(&p);
	end = word(word(word(sr(in, 0x0c, 1, 0), 0x82000000u | RTCP_BYE << 16 | 2), 0x99), 0x0c);
	assert_int_equal(stitch_rtcp(&p.r, in, (size_t)(end - in), out), 28);
	outward = (struct stitch_rtcp){
		.line = &p.outward, .back = &p.inward, .source = 0xff, .to = 0, .cname = "kedge"
	};
	end = word(word(word(sr(in, 0x1d, 1, 0), 0x82000000u | RTCP_BYE << 16 | 2), 0x99), 0x1d);
	assert_int_equal(stitch_rtcp(&outward, in, (size_t)(end - in), out), 28 + 8);
	assert_int_equal(out[29], RTCP_BYE);
	assert_int_equal(rtp_get32(out + 32), 0xbbbb);
	end = word(word(sr(in, 0x1d, 1, 0), 0x81000000u | RTCP_BYE << 16 | 1),
	    0x99); /* of somebody who left before */
	assert_int_equal(stitch_rtcp(&outward, in, (size_t)(end - in), out), 28);
}

static void feedback(void **state)
{
	uint8_t in[256], out[STITCH_RTCP_MAX], *end;
	struct pair p;

	talk(&p);
	p.outward.sequence_offset = 5;
	end = word(word(word(word(in, 0x81000000u | RTCP_RTPFB << 16 | 3), 0x0c), 0xbbbb),
	    105u << 16 | 0xf0f0);
	assert_int_equal(stitch_rtcp(&p.r, in, (size_t)(end - in), out), 16);
	assert_int_equal(rtp_get32(out + 4), 0xaaaa);
	assert_int_equal(rtp_get32(out + 8), 0x1d);
	assert_int_equal(rtp_get32(out + 12), 100u << 16 | 0xf0f0);
}

/* RFC 5104: the SSRC a request is about stands behind the one that is not used; another's request is nobody's here. */
static void feedback_with_entries(void **state)
{
	static const uint32_t heads[] = { 0x84000000u | RTCP_PSFB << 16 | 4, 0x83000000u | RTCP_RTPFB << 16 | 4, 0x84000000u | RTCP_RTPFB << 16 | 4 };
	uint8_t in[256], out[STITCH_RTCP_MAX], *end;
	struct pair p;

	talk(&p);
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		end = word(word(word(word(word(in, heads[i]), 0x0c), 0), 0xbbbb), 0x07000000);
		assert_int_equal(stitch_rtcp(&p.r, in, (size_t)(end - in), out), 20);
		assert_int_equal(rtp_get32(out + 4), 0xaaaa);
		assert_int_equal(rtp_get32(out + 12), 0x1d);
		assert_int_equal(rtp_get32(out + 16), 0x07000000);
		rtp_set32(in + 12, 0x99);
		assert_int_equal(stitch_rtcp(&p.r, in, (size_t)(end - in), out), 0);
	}
	end = word(word(word(word(word(word(in, 0x8f000000u | RTCP_PSFB << 16 | 5), 0x0c), 0), 0x52454d42), 0x01020304), 0xbbbb);
	assert_int_equal(stitch_rtcp(&p.r, in, (size_t)(end - in), out), 24);
	assert_int_equal(rtp_get32(out + 20), 0x1d);
	end = word(word(word(in, 0x81000000u | RTCP_PSFB << 16 | 2), 0x0c), 0xbbbb);
	assert_int_equal(stitch_rtcp(&p.r, in, (size_t)(end - in), out), 12);
	assert_int_equal(rtp_get32(out + 8), 0x1d);
}

/* A marker of ours would end a frame in its middle. */
static void switch_within_a_frame(void **state)
{
	const struct stitch_pace video = { 90000, 33, true };
	struct rtp a = { .ssrc = 7, .marker = true }, b = { .ssrc = 8 };
	struct stitch line;

	stitch_init(&line, LINE);
	stitch_rtp(&line, 0, &a, &video, START);
	assert_int_equal(stitch_rtp(&line, 1, &b, &video, START + 500 * MS), STITCH_SWITCHED);
	assert_false(b.marker);
	assert_int_equal(b.timestamp - a.timestamp, 45000);
}

static void what_stays_out(void **state)
{
	static const uint8_t types[] = { RTCP_APP, RTCP_XR, 192, 208, 223 };
	uint8_t in[256], out[STITCH_RTCP_MAX], *end;
	struct pair p;

	talk(&p);
	for (size_t i = 0; i < sizeof(types); i++) {
		end = word(
		    word(word(in, 0x80000000u | (uint32_t)types[i] << 16 | 2), 0x0c), 0x6c65616b);
		assert_int_equal(stitch_rtcp(&p.r, in, (size_t)(end - in), out), 0);
	}
}

static void broken_lengths(void **state)
{
	uint8_t in[256], out[STITCH_RTCP_MAX], *end;
	struct pair p;

	talk(&p);
	end = block(sr(in, 0x0c, 9000, 1), 0xbbbb, 65539);
	for (size_t len = 1; len < (size_t)(end - in); len++) {
		uint8_t *exact = malloc(len);

		memcpy(exact, in, len);
		assert_int_equal(stitch_rtcp(&p.r, exact, len, out), 0);
		free(exact);
	}
	in[0] = 0x9f; /* 31 blocks, one there */
	assert_int_equal(stitch_rtcp(&p.r, in, (size_t)(end - in), out), 0);
}

/* As many packets as a datagram holds: the answer stays in its room. */
static void more_than_fits(void **state)
{
	static uint8_t in[65000];
	uint8_t out[STITCH_RTCP_MAX];
	struct pair p;

	talk(&p);
	p.r.to = 0; /* where a BYE may go */
	for (size_t i = 0; i + 8 <= sizeof(in); i += 8)
		word(word(in + i, 0x81000000u | RTCP_BYE << 16 | 1), 0x0c);
	assert_int_equal(stitch_rtcp(&p.r, in, sizeof(in), out), 0);
	assert_int_equal(stitch_rtcp(&p.r, in, STITCH_RTCP_MAX, out), STITCH_RTCP_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(stories),
		cmocka_unit_test(events_keep_their_time),
		cmocka_unit_test(after_a_hold), cmocka_unit_test(random_switches),
		cmocka_unit_test(days_of_silence), cmocka_unit_test(sender_report),
		cmocka_unit_test(round_trip), cmocka_unit_test(blocks_that_are_not_ours),
		cmocka_unit_test(blocks_before_the_new_end_spoke),
		cmocka_unit_test(blocks_of_before_a_switch), cmocka_unit_test(foreign_clock),
		cmocka_unit_test(late_sender), cmocka_unit_test(source_description),
		cmocka_unit_test(bye), cmocka_unit_test(feedback),
		cmocka_unit_test(feedback_with_entries),
		cmocka_unit_test(switch_within_a_frame), cmocka_unit_test(what_stays_out),
		cmocka_unit_test(broken_lengths), cmocka_unit_test(more_than_fits) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
