// SPDX-License-Identifier: MIT
// quality: streams as they come, and what is counted of them (RFC 3550 A.1, A.3, 6.4.1).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "media/quality.h"

#define MS    1000000ULL
#define FRAME 160
#define START (5000 * MS)

struct packet {
	uint32_t ms, timestamp;
	uint16_t sequence;
};

static void feed(struct quality *q, const struct packet *p, size_t n, uint32_t ssrc)
{
	for (size_t i = 0; i < n; i++) {
		struct rtp h = { .sequence = p[i].sequence,
			.timestamp = p[i].timestamp,
			.ssrc = ssrc,
			.payload = FRAME };

		quality_rtp(q, &h, 8000, false, START + p[i].ms * MS);
	}
}

static const struct {
	const char *what;
	uint16_t sequence[12];
	size_t n;
	uint32_t lost, late;
} order[] = {
	{ "in order", { 1, 2, 3, 4 }, 4, 0, 0 },
	{ "one missing", { 1, 2, 4, 5 }, 4, 1, 0 },
	{ "three missing", { 1, 5 }, 2, 3, 0 },
	{ "one late", { 1, 2, 4, 3, 5 }, 5, 0, 1 },
	{ "one doubled", { 1, 2, 2, 3 }, 4, 0, 1 },
	{ "late and doubled", { 1, 2, 4, 3, 3, 5 }, 6, 0, 2 },
	{ "two swapped twice", { 2, 1, 4, 3 }, 4, 0, 2 },
	{ "wraps", { 65534, 65535, 0, 1 }, 4, 0, 0 },
	{ "missing over the wrap", { 65534, 1 }, 2, 2, 0 },
	{ "late over the wrap", { 65534, 0, 65535, 1 }, 4, 0, 1 },
	{ "first is not the lowest", { 10, 9, 8, 11 }, 4, 0, 2 },
	{ "older than the memory", { 1, 90, 2, 91 }, 4, 88, 1 },
	{ "sender began anew", { 100, 101, 40000, 40001 }, 4, 0, 0 },
	{ "sender began anew backwards", { 40000, 40001, 100, 101 }, 4, 0, 0 },
	{ "the longest step that is loss", { 0, 3000 }, 2, 2999, 0 },
	{ "a step further", { 0, 3001 }, 2, 0, 0 },
};

static void counts_loss_and_order(void **state)
{
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		struct quality q = { 0 };

		for (size_t k = 0; k < order[i].n; k++) {
			struct packet p = { .ms = (uint32_t)k * 20,
				.sequence = order[i].sequence[k] };

			feed(&q, &p, 1, 7);
		}
		if (q.lost != order[i].lost || q.late != order[i].late)
			fail_msg("%s: lost %u, late %u", order[i].what, q.lost, q.late);
	}
}

static void another_ssrc_is_no_loss(void **state)
{
	const struct packet a = { 0, 0, 100 }, b = { 20, 0, 50000 }, c = { 40, 160, 50001 };
	struct quality q = { 0 };

	feed(&q, &a, 1, 7);
	feed(&q, &b, 1, 8);
	feed(&q, &c, 1, 8);
	assert_int_equal(q.lost + q.late, 0);
	assert_int_equal(q.index, 50001);
}

static void counts_rollovers(void **state)
{
	struct quality q = { 0 };

	for (uint32_t i = 0; i < 200000; i++) {
		struct packet p = { i * 20, i * FRAME, (uint16_t)(65000 + i) };

		feed(&q, &p, 1, 7);
	}
	assert_int_equal(q.lost + q.late, 0);
	assert_int_equal(q.index, 65000 + 199999);
	assert_int_equal(quality_jitter_us(&q), 0);
}

/* RFC 3550 6.4.1 in its own units: every other packet 8 ms late is |D| = 8 ms each time, so J goes to 8 ms. */
static void measures_jitter(void **state)
{
	struct quality q = { 0 };

	for (uint32_t i = 0; i < 400; i++) {
		struct packet p = { i * 20 + (i % 2) * 8, i * FRAME, (uint16_t)i };

		feed(&q, &p, 1, 7);
	}
	assert_in_range(quality_jitter_us(&q), 7900, 8000);
}

/* Silence suppression: the sender's clock runs on while nothing is sent. Neither loss nor jitter. */
static void dtx_is_no_jitter(void **state)
{
	const struct packet p[] = { { 0, 0, 1 }, { 20, 160, 2 }, { 5020, 160 + 40000, 3 },
		{ 5040, 160 + 40160, 4 } };
	struct quality q = { 0 };

	feed(&q, p, 4, 7);
	assert_int_equal(q.lost + q.late, 0);
	assert_int_equal(quality_jitter_us(&q), 0);
}

/* A sender whose clock stood still meanwhile, or jumped: one step of seconds says nothing about the network. */
static void timestamp_jump_is_no_jitter(void **state)
{
	const struct packet still[] = { { 0, 0, 1 }, { 20, 160, 2 }, { 5020, 320, 3 },
		{ 5040, 480, 4 } };
	const struct packet jump[] = { { 0, 0, 1 }, { 20, 160, 2 }, { 40, 0x90000000, 3 },
		{ 60, 0x900000a0, 4 } };
	struct quality q = { 0 };

	feed(&q, still, 4, 7);
	assert_int_equal(quality_jitter_us(&q), 0);
	q = (struct quality){ 0 };
	feed(&q, jump, 4, 7);
	assert_int_equal(quality_jitter_us(&q), 0);
}

static void timestamps_wrap(void **state)
{
	const struct packet p[] = { { 0, 0xffffff60, 1 }, { 20, 0, 2 }, { 40, 160, 3 } };
	struct quality q = { 0 };

	feed(&q, p, 3, 7);
	assert_int_equal(quality_jitter_us(&q), 0);
}

/* RFC 4733: one timestamp for all packets of a digit. */
static void events_are_no_jitter(void **state)
{
	struct quality q = { 0 };

	for (uint32_t i = 0; i < 20; i++) {
		bool event = i >= 5 && i < 15;
		struct rtp h = {
			.sequence = (uint16_t)i, .timestamp = (event ? 5 : i) * FRAME, .ssrc = 7
		};

		quality_rtp(&q, &h, 8000, event, START + i * 20 * MS);
	}
	assert_int_equal(quality_jitter_us(&q), 0);
	assert_int_equal(q.lost, 0);
}

static void tells_gaps(void **state)
{
	struct quality q = { 0 };
	struct rtp h = { .sequence = 1, .ssrc = 7 };

	assert_int_equal(quality_rtp(&q, &h, 8000, false, START), 0);
	h.sequence++;
	assert_int_equal(quality_rtp(&q, &h, 8000, false, START + 20 * MS), 20 * MS);
	quality_pause(&q); /* hold */
	h.sequence++;
	assert_int_equal(quality_rtp(&q, &h, 8000, false, START + 9020 * MS), 0);
	h.sequence++;
	assert_int_equal(quality_rtp(&q, &h, 8000, false, START + 9060 * MS), 40 * MS);
}

/* Delayed by 0 and 60 ms in turn, they overtake each other: |D| is 60 ms in order of arrival, and nothing is lost. */
static void reordered_packets_are_jitter(void **state)
{
	struct quality q = { 0 };

	for (uint32_t at = 0; at < 8000; at += 20)
		for (uint32_t i = at / 20 < 3 ? 0 : at / 20 - 3; i <= at / 20 && i < 390; i++) {
			struct packet p = { at, i * FRAME, (uint16_t)i };

			if (i * 20 + (i % 2) * 60 == at)
				feed(&q, &p, 1, 7);
		}
	assert_in_range(quality_jitter_us(&q), 55000, 60000); /* the last ones come alone */
	assert_in_range(quality_mean_jitter_us(&q), 59000, 60100);
	assert_int_equal(q.lost, 0);
	assert_true(q.late > 150);
}

/* The last figure wavers, the mean does not; a packet that comes twice is in neither. */
static void means_jitter(void **state)
{
	struct quality q = { 0 };
	struct packet twice;

	for (uint32_t i = 0; i < 400; i++) {
		struct packet p = { i * 20 + (i % 2) * (i < 200 ? 8 : 4), i * FRAME, (uint16_t)i };

		feed(&q, &p, 1, 7);
	}
	assert_in_range(quality_jitter_us(&q), 3900, 4100);
	assert_in_range(quality_mean_jitter_us(&q), 5950, 6050);
	twice = (struct packet){ 399 * 20 + 300, 399 * FRAME, 399 };
	feed(&q, &twice, 1, 7);
	assert_in_range(quality_mean_jitter_us(&q), 5950, 6050);
}

static uint64_t gap_after(enum quality_kind kind, bool marker, uint16_t step, uint32_t ssrc, struct quality *q)
{
	struct rtp h = { .sequence = 1, .ssrc = 7 };

	*q = (struct quality){ 0 };
	quality_rtp(q, &h, 8000, QUALITY_SOUND, START);
	h.sequence = 2;
	quality_rtp(q, &h, 8000, kind, START + 20 * MS);
	h = (struct rtp){ .sequence = (uint16_t)(2 + step), .ssrc = ssrc, .marker = marker, .timestamp = 41600 };
	return quality_rtp(q, &h, 8000, QUALITY_SOUND, START + 5020 * MS);
}

/* Five seconds without a packet: meant, or not (RFC 3389, 3551 4.1, 4733). */
static void a_meant_silence_is_no_gap(void **state)
{
	struct quality q;

	assert_int_equal(gap_after(QUALITY_SOUND, false, 1, 7, &q), 5000 * MS);
	assert_false(q.spurts);
	assert_int_equal(gap_after(QUALITY_NOISE, false, 1, 7, &q), 0);
	assert_false(q.quiet);
	assert_int_equal(gap_after(QUALITY_EVENT, false, 1, 7, &q), 0);
	assert_int_equal(gap_after(QUALITY_NOISE, false, 1, 8, &q), 0);
	assert_int_equal(gap_after(QUALITY_SOUND, true, 1, 7, &q), 0);
	assert_true(q.spurts);
	/* Marked, but packets are missing; or of another source. */
	assert_int_equal(gap_after(QUALITY_SOUND, true, 2, 7, &q), 5000 * MS);
	assert_false(q.spurts);
	assert_int_equal(gap_after(QUALITY_SOUND, true, 1, 8, &q), 5000 * MS);
	assert_false(q.spurts);
}

/* Against a count of what was really left out. */
static void random_loss(void **state)
{
	struct quality q = { 0 };
	uint32_t left_out = 0;

	srand(7);
	for (uint32_t i = 0; i < 100000; i++) {
		struct packet p = { i * 20, i * FRAME, (uint16_t)(30000 + i) };

		if (i > 0 && i < 99999 && rand() % 10 == 0)
			left_out++;
		else
			feed(&q, &p, 1, 7);
	}
	assert_int_equal(q.lost, left_out);
	assert_int_equal(q.late, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(counts_loss_and_order),
		cmocka_unit_test(another_ssrc_is_no_loss), cmocka_unit_test(counts_rollovers),
		cmocka_unit_test(measures_jitter), cmocka_unit_test(dtx_is_no_jitter),
		cmocka_unit_test(timestamp_jump_is_no_jitter), cmocka_unit_test(timestamps_wrap),
		cmocka_unit_test(events_are_no_jitter), cmocka_unit_test(tells_gaps),
		cmocka_unit_test(reordered_packets_are_jitter), cmocka_unit_test(means_jitter), cmocka_unit_test(a_meant_silence_is_no_gap),
		cmocka_unit_test(random_loss) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
