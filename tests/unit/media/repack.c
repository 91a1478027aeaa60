// SPDX-License-Identifier: MIT
// repack: packets of another size, not a sample more or less, each at its time; loss stays loss, silence stays silence.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "media/repack.h"

#define MS   1000000ULL
#define SSRC 0xabcdef01u

/* The sample of a timestamp: its like comes again after 251 only. */
static uint8_t sample(uint32_t ts)
{
	return (uint8_t)(ts % 251);
}

struct heard {
	uint16_t sequence;
	uint32_t timestamp;
	uint16_t size;
	uint8_t pt;
	bool marker, other;
};

struct rig {
	struct repack r;
	struct heard heard[400];
	unsigned count;
	uint64_t now_ns;
};

static void take(struct rig *g, const struct rtp *h, bool other)
{
	assert_true(g->count < 400);
	g->heard[g->count++] = (struct heard){ h->sequence, h->timestamp, h->payload, h->payload_type, h->marker, other };
}

static bool put(struct rig *g, uint8_t pt, uint16_t sequence, uint32_t ts, unsigned n, bool marker)
{
	struct rtp h = { .sequence = sequence, .timestamp = ts, .ssrc = SSRC, .payload_type = pt, .marker = marker, .payload = (uint16_t)n }, made;
	uint8_t in[1024], out[REPACK_BYTES];
	enum repack_made what;

	for (unsigned i = 0; i < n; i++)
		in[i] = sample(ts + i);
	if (!repack_put(&g->r, 3, &h, in, pt == 0 || pt == 8, g->now_ns))
		return false;
	while ((what = repack_next(&g->r, &made, out)) != REPACK_NOTHING) {
		if (what == REPACK_OTHER) {
			h.sequence = made.sequence;
			take(g, &h, true);
			continue;
		}
		for (unsigned i = 0; i < made.payload; i++)
			assert_int_equal(out[i], sample(made.timestamp + i));
		assert_int_equal(made.ssrc, SSRC);
		take(g, &made, false);
	}
	memset(in, 0xdd, sizeof(in)); /* the packet is gone */
	return true;
}

static void is(struct rig *g, unsigned i, uint16_t sequence, uint32_t ts, unsigned size, bool marker)
{
	const struct heard *x = &g->heard[i];

	if (i >= g->count || x->sequence != sequence || x->timestamp != ts || x->size != size || x->marker != marker)
		fail_msg("packet %u of %u: sequence %u, timestamp %u, %u bytes, marker %d", i, g->count, x->sequence, x->timestamp, x->size, x->marker);
}

/* A second of every size in every size: all samples, in order, sequence and timestamps without a gap; none waits longer than a packet. */
static void every_size(void **state)
{
	static const unsigned sizes[] = { 10, 20, 30, 40, 60 };
	static struct rig g;

	(void)state;
	for (unsigned a = 0; a < 5; a++)
		for (unsigned b = 0; b < 4; b++) {
			unsigned in = 8 * sizes[a], out = 8 * sizes[b], sent = 0;
			uint32_t ts = 0xffffff00u;
			uint16_t sequence = 65530;

			memset(&g, 0, sizeof(g));
			repack_init(&g.r, sizes[b]);
			for (unsigned k = 0; k < 60; k++) {
				assert_true(put(&g, 0, sequence++, ts, in, k == 0));
				ts += in;
				sent += in;
				assert_int_equal(g.count, sent / out);
			}
			for (unsigned i = 0; i < g.count; i++)
				is(&g, i, (uint16_t)(65530 + i), 0xffffff00u + i * out, out, i == 0);
		}
}

static void loss(void **state)
{
	static struct rig g;

	(void)state;
	memset(&g, 0, sizeof(g));
	repack_init(&g.r, 20); /* of 10: the second of a pair is lost, then a whole pair and one more */
	put(&g, 8, 100, 0, 80, true);
	put(&g, 8, 102, 160, 80, false);
	put(&g, 8, 103, 240, 80, false);
	put(&g, 8, 107, 560, 80, false);
	put(&g, 8, 108, 640, 80, false);
	is(&g, 0, 100, 0, 80, true); /* short: its other half is missing */
	is(&g, 1, 102, 160, 160, false);
	is(&g, 2, 105, 560, 160, false);
	assert_int_equal(g.count, 3);
	assert_false(put(&g, 8, 104, 320, 80, false)); /* its place is gone */
	assert_false(put(&g, 8, 108, 640, 80, false));
	assert_int_equal(g.count, 3);
	put(&g, 8, 109, 720, 80, false);
	put(&g, 8, 110, 800, 80, false);
	is(&g, 3, 106, 720, 160, false);

	memset(&g, 0, sizeof(g));
	repack_init(&g.r, 10); /* of 40: four for one */
	put(&g, 0, 7, 0, 320, false);
	put(&g, 0, 9, 640, 320, false);
	assert_int_equal(g.count, 8);
	is(&g, 3, 10, 240, 80, false);
	is(&g, 4, 15, 640, 80, false);
}

static void silence(void **state)
{
	static struct rig g;

	(void)state;
	memset(&g, 0, sizeof(g));
	repack_init(&g.r, 30); /* of 20: two held when the sender falls silent, with a marker behind it and without */
	put(&g, 0, 1, 0, 160, true);
	put(&g, 0, 2, 160, 160, false);
	put(&g, 0, 3, 8000, 160, true);
	put(&g, 0, 4, 8160, 160, false);
	put(&g, 0, 5, 16000, 160, false);
	is(&g, 0, 1, 0, 240, true);
	is(&g, 1, 2, 240, 80, false);
	is(&g, 2, 3, 8000, 240, true);
	is(&g, 3, 4, 8240, 80, false);
	assert_int_equal(g.count, 4);
	/* lost before it: no more than what one packet held */
	put(&g, 0, 7, 80000, 160, true);
	is(&g, 4, 5, 16000, 160, false);
	put(&g, 0, 8, 80160, 160, false);
	is(&g, 5, 7, 80000, 240, true);
}

static void others(void **state)
{
	static struct rig g;

	(void)state;
	memset(&g, 0, sizeof(g));
	repack_init(&g.r, 40);
	put(&g, 0, 1, 0, 160, false);
	put(&g, 101, 2, 160, 4, true); /* a digit: what was said before it goes first, short */
	put(&g, 101, 4, 160, 4, false);
	put(&g, 13, 5, 320, 1, false);
	put(&g, 0, 6, 640, 160, false);
	put(&g, 8, 7, 800, 160, false); /* the other law is no part of the same packet */
	put(&g, 8, 8, 960, 160, false);
	is(&g, 0, 1, 0, 160, false);
	is(&g, 1, 2, 160, 4, true);
	is(&g, 2, 4, 160, 4, false);
	is(&g, 3, 5, 320, 1, false);
	is(&g, 4, 6, 640, 160, false);
	is(&g, 5, 7, 800, 320, false);
	assert_int_equal(g.count, 6);
	assert_true(g.heard[1].other && g.heard[3].other && !g.heard[0].other);
	assert_true(g.heard[4].pt == 0 && g.heard[5].pt == 8);
	put(&g, 8, 9, 1120, 0, false); /* nothing in it: a keepalive */
	is(&g, 6, 8, 1120, 0, false);
}

static void stops(void **state)
{
	static struct rig g;
	uint8_t out[REPACK_BYTES];
	struct rtp h;

	(void)state;
	memset(&g, 0, sizeof(g));
	repack_init(&g.r, 30);
	g.now_ns = 1000 * MS;
	put(&g, 0, 1, 0, 160, false);
	assert_false(repack_late(&g.r, &h, out, 1099 * MS));
	assert_true(repack_late(&g.r, &h, out, 1100 * MS));
	assert_int_equal(h.payload, 160);
	assert_int_equal(h.sequence, 1);
	assert_false(repack_late(&g.r, &h, out, 2000 * MS));
	put(&g, 0, 2, 160, 160, false);
	put(&g, 0, 3, 320, 160, false);
	is(&g, 0, 2, 160, 240, false);
}

/* After a restart of the worker the line goes on where it was; another sender begins with its own numbers. */
static void resumes(void **state)
{
	static struct rig g;

	(void)state;
	memset(&g, 0, sizeof(g));
	repack_init(&g.r, 40);
	repack_resume(&g.r, 3, SSRC, 500);
	put(&g, 0, 9000, 0, 160, false);
	put(&g, 0, 9001, 160, 160, false);
	is(&g, 0, 500, 0, 320, false);
	memset(&g, 0, sizeof(g));
	repack_init(&g.r, 40);
	repack_resume(&g.r, 2, SSRC, 500);
	put(&g, 0, 9000, 0, 320, false);
	is(&g, 0, 9000, 0, 320, false);
	put(&g, 0, 20000, 777, 160, false); /* it began anew */
	put(&g, 0, 20001, 937, 160, false);
	is(&g, 1, 20000, 777, 320, false);
}

/* Anything at all: no packet is longer than its size or empty, none is made of samples that did not come, and it ends. */
static void anything(void **state)
{
	static struct rig g;
	uint16_t sequence = 0;
	uint32_t ts = 0;

	(void)state;
	srand(4711);
	for (unsigned round = 0; round < 3000; round++) {
		unsigned n = rand() % 4 ? 80u * (1 + rand() % 6) : (unsigned)rand() % 1000;

		if (round % 100 == 0) {
			memset(&g, 0, sizeof(g));
			repack_init(&g.r, 10 * (1 + round / 100 % 4));
		}
		sequence = (uint16_t)(rand() % 8 ? sequence + 1 : sequence + rand() % 70000);
		ts = rand() % 8 ? ts + n : (uint32_t)rand() * 3;
		g.now_ns += 20 * MS;
		g.count = 0;
		put(&g, rand() % 10 ? 0 : 101, sequence, ts, n, rand() % 20 == 0);
		for (unsigned i = 0; i < g.count; i++)
			assert_true(g.heard[i].other || (g.heard[i].size > 0 && g.heard[i].size <= g.r.frame));
		assert_true(g.r.fill < g.r.frame);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_size),
		cmocka_unit_test(loss),
		cmocka_unit_test(silence),
		cmocka_unit_test(others),
		cmocka_unit_test(stops),
		cmocka_unit_test(resumes),
		cmocka_unit_test(anything),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
