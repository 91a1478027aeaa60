// SPDX-License-Identifier: MIT
/* harness/peer: the checker itself. A PBX and a carrier end, each of which hears the other through a wire that this test bends: whatever
 * the wire does to a packet must be counted, and a straight wire must count nothing. */
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/harness/peer.h"
#include "tests/harness/speech.h"

enum { PBX = 1, CARRIER = 2, CALLS = 2, MS = 500, CALL0 = 4420001 };

static int base; /* ports of this process */

/* What the wire does to the packet of a call, counted from 0; it may send through `out` what it likes. */
struct wire;
typedef void bend_fn(struct wire *w, uint8_t *packet, size_t size, unsigned k);

struct wire {
	bend_fn *bend;
	int in[CALLS], out[CALLS];   /* carrier speaks into in, PBX hears from out */
	unsigned count[CALLS], call; /* call: the one at hand */
	uint8_t held[CALLS][2048];
	union peer_addr pbx[CALLS];
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static union peer_addr at(int port)
{
	union peer_addr a = { .v4 = { .sin_family = AF_INET, .sin_port = htons(port) } };

	inet_pton(AF_INET, "127.0.0.1", &a.v4.sin_addr);
	return a;
}

static int bound(int port)
{
	union peer_addr a = at(port);
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	assert_int_equal(bind(s, &a.sa, sizeof a.v4), 0);
	return s;
}

static void pass(struct wire *w, unsigned call, const uint8_t *packet, size_t size)
{
	sendto(w->out[call], packet, size, 0, &w->pbx[call].sa, sizeof w->pbx[call].v4);
}

static void straight(struct wire *w, uint8_t *packet, size_t size, unsigned k)
{
	pass(w, w->call, packet, size);
}

static void carry(struct wire *w)
{
	uint8_t packet[2048];
	ssize_t n;

	for (w->call = 0; w->call < CALLS; w->call++)
		while ((n = read(w->in[w->call], packet, sizeof packet)) > 0)
			w->bend(w, packet, n, w->count[w->call]++);
}

/* Both calls for half a second through the wire; returns what the PBX counted. */
static struct peer_counts run(bend_fn *bend)
{
	struct peer_opts pbx = { .address = at(base), .ends = CALLS, .id = PBX };
	struct peer_opts carrier = { .address = at(base + 100), .ends = CALLS, .id = CARRIER };
	struct peer *a = peer_open(&pbx), *b = peer_open(&carrier);
	struct wire w = { .bend = bend };
	struct peer_counts c, sent;
	uint64_t end;

	assert_non_null(a);
	assert_non_null(b);
	for (unsigned i = 0; i < CALLS; i++) {
		w.in[i] = bound(base + 200 + i);
		w.out[i] = bound(base + 300 + i);
		w.pbx[i] = at(base + 4 * i);
		union peer_addr hear = at(base + 300 + i), speak = at(base + 200 + i);
		peer_start(a, i, &hear, CALL0 + i, SPEECH_PCMU, now_ns());
		peer_start(b, i, &speak, CALL0 + i, SPEECH_PCMU, now_ns());
	}
	for (end = now_ns() + MS * 1000000ull; now_ns() < end + 50000000;) {
		if (now_ns() > end)
			peer_stop_all(b);
		peer_step(b, now_ns());
		carry(&w);
		peer_step(a, now_ns());
		usleep(500);
	}
	peer_totals(a, &c);
	peer_totals(b, &sent);
	c.sent = sent.sent;
	for (unsigned i = 0; i < CALLS; i++) {
		close(w.in[i]);
		close(w.out[i]);
	}
	peer_close(a);
	peer_close(b);
	return c;
}

static void test_straight(void **state)
{
	struct peer_counts c = run(straight);

	assert_int_equal(peer_faults(&c), 0);
	assert_int_equal(c.heard, c.sent);
	assert_in_range(c.heard, CALLS * (MS / 20 - 1), CALLS * (MS / 20 + 1));
	assert_true(c.corr > 0.99);
	assert_int_equal(c.switches, 0);
}

static void lose(struct wire *w, uint8_t *packet, size_t size, unsigned k)
{
	if (k != 7)
		straight(w, packet, size, k);
}

static void twice(struct wire *w, uint8_t *packet, size_t size, unsigned k)
{
	straight(w, packet, size, k);
	if (k == 7)
		straight(w, packet, size, k);
}

static void swap(struct wire *w, uint8_t *packet, size_t size, unsigned k)
{
	if (k == 7)
		memcpy(w->held[w->call], packet, size);
	else
		straight(w, packet, size, k);
	if (k == 8)
		straight(w, w->held[w->call], size, k);
}

static void flip(struct wire *w, uint8_t *packet, size_t size, unsigned k)
{
	if (k == 7)
		packet[100] ^= 0x10;
	straight(w, packet, size, k);
}

static void flip_stamp(struct wire *w, uint8_t *packet, size_t size, unsigned k)
{
	if (k == 7)
		packet[100] ^= 1;
	straight(w, packet, size, k);
}

static void cross(struct wire *w, uint8_t *packet, size_t size, unsigned k)
{
	pass(w, k == 7 ? !w->call : w->call, packet, size);
}

/* Half of another packet pasted over: each half has a good stamp, but not the same. */
static void paste(struct wire *w, uint8_t *packet, size_t size, unsigned k)
{
	if (k == 7)
		memcpy(w->held[w->call], packet, size);
	if (k == 8)
		memcpy(packet + 92, w->held[w->call] + 92, 80);
	straight(w, packet, size, k);
}

static void new_ssrc(struct wire *w, uint8_t *packet, size_t size, unsigned k)
{
	packet[11] ^= k >= 7;
	straight(w, packet, size, k);
}

static void skip_seq(struct wire *w, uint8_t *packet, size_t size, unsigned k)
{
	packet[3] += k >= 7 ? 2 : 0;
	straight(w, packet, size, k);
}

static void shift_ts(struct wire *w, uint8_t *packet, size_t size, unsigned k)
{
	packet[7] += k == 7 ? 1 : 0;
	straight(w, packet, size, k);
}

static void other_pt(struct wire *w, uint8_t *packet, size_t size, unsigned k)
{
	packet[1] = k == 7 ? 8 : packet[1];
	straight(w, packet, size, k);
}

static void stranger(struct wire *w, uint8_t *packet, size_t size, unsigned k)
{
	int s = k == 7 ? w->in[w->call] : w->out[w->call];

	sendto(s, packet, size, 0, &w->pbx[w->call].sa, sizeof w->pbx[w->call].v4);
}

static void noise(struct wire *w, uint8_t *packet, size_t size, unsigned k)
{
	if (k == 7)
		memset(packet + 12, 0xff, 160);
	straight(w, packet, size, k);
}

static void truncated(struct wire *w, uint8_t *packet, size_t size, unsigned k)
{
	straight(w, packet, k == 7 ? 5 : size, k);
}

/* Each bend of one packet per call must show in its own counter. */
#define SHOWS(bend, counter) \
	static void test_##bend(void **state) \
	{ \
		struct peer_counts c = run(bend); \
		assert_int_equal(c.counter, CALLS); \
	}
SHOWS(lose, lost)
SHOWS(twice, doubled)
SHOWS(swap, reordered)
SHOWS(flip, corrupt)
SHOWS(flip_stamp, corrupt)
SHOWS(cross, wrong_call)
SHOWS(paste, unstamped)
SHOWS(new_ssrc, ssrc)
SHOWS(skip_seq, seq)
SHOWS(other_pt, wrong_pt)
SHOWS(stranger, strangers)
SHOWS(noise, unstamped)
SHOWS(truncated, corrupt)

/* One time stamp that jumps and comes back breaks the line twice. */
static void test_shift_ts(void **state)
{
	struct peer_counts c = run(shift_ts);

	assert_int_equal(c.ts, 2 * CALLS);
}

static void silence(struct wire *w, uint8_t *packet, size_t size, unsigned k)
{
	if (k < 5 || k > 15)
		straight(w, packet, size, k);
}

/* A hole of 11 packets is 11 packets lost, the longest gap, and a worse likeness. */
static void test_hole(void **state)
{
	struct peer_counts c = run(silence);

	assert_int_equal(c.lost, 11 * CALLS);
	assert_true(c.gap_ns >= 200000000);
	assert_true(c.corr < 0.99);
}

/* A speaker who stops for a while loses nothing: marker bit, next sequence number. */
static void test_pause(void **state)
{
	struct peer_opts pbx = { .address = at(base), .ends = 1, .id = PBX };
	struct peer_opts carrier = { .address = at(base + 100), .ends = 1, .id = CARRIER, .rtcp_ms = 50 };
	struct peer *a = peer_open(&pbx), *b = peer_open(&carrier);
	struct peer_counts c, sent;
	uint64_t start = now_ns(), ms = 0;
	char line[100];

	snprintf(line, sizeof line, "start 1 127.0.0.1 %d 0044123", base);
	assert_int_equal(peer_command(b, line, now_ns()), 0);
	assert_int_equal(peer_command(b, "start 1 nowhere 1 2", now_ns()), -EINVAL);
	for (bool stopped = false; ms < 400; ms = (now_ns() - start) / 1000000) {
		if (ms >= 100 && !stopped)
			stopped = peer_command(b, "stop 1", now_ns()) == 0;
		if (ms >= 300)
			peer_command(b, line, now_ns());
		peer_step(b, now_ns());
		peer_step(a, now_ns());
		usleep(500);
	}
	peer_totals(a, &c);
	peer_totals(b, &sent);
	assert_int_equal(peer_faults(&c), 0);
	assert_int_equal(c.heard, sent.sent);
	assert_in_range(c.heard, 6, 14);
	assert_true(c.rtcp_heard >= 2);
	peer_close(a);
	peer_close(b);
}

static void test_numbers(void **state)
{
	assert_int_equal(peer_call_of("+442071838750"), 1838750);
	assert_int_equal(peer_call_of("12"), 12);
}

/* Two calls do not sound alike, one call's two ends neither. */
static void test_voices(void **state)
{
	double xx = 0, yy = 0, xy = 0;

	for (int i = 0; i < SPEECH_RATE; i++) {
		double x = speech_sample(CALL0, PBX, i), y = speech_sample(CALL0, CARRIER, i);
		xx += x * x;
		yy += y * y;
		xy += x * y;
	}
	assert_true(xx > 1e9 && yy > 1e9);
	assert_true(fabs(xy) / sqrt(xx * yy) < 0.3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_straight), cmocka_unit_test(test_lose), cmocka_unit_test(test_twice),
		cmocka_unit_test(test_swap), cmocka_unit_test(test_flip), cmocka_unit_test(test_flip_stamp),
		cmocka_unit_test(test_cross), cmocka_unit_test(test_paste), cmocka_unit_test(test_new_ssrc),
		cmocka_unit_test(test_skip_seq), cmocka_unit_test(test_shift_ts), cmocka_unit_test(test_other_pt),
		cmocka_unit_test(test_stranger), cmocka_unit_test(test_noise), cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_hole), cmocka_unit_test(test_pause), cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_voices),
	};

	speech_init();
	base = 12000 + getpid() % 40 * 400;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
