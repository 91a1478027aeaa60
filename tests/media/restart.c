// SPDX-License-Identifier: MIT
/* kill -9 of kedge-media under many calls that talk while others are opened and closed, again and again, also twice within 100 ms. What arrives
 * after the kill waits in the sockets and is relayed once, in order, on the same SSRC, sequence and timestamp line; lost is at most what
 * the dead process had in hand. No port and no session is lost.
 *   in hand        what was sent to it and had not left it when it was killed: a batch each way, or as much as waited where the machine had kept
 *                  it from running until then (the counters it shares say so)
 *   in the kernel  a socket of kedge's has the system's receive buffer: 256 packets of 20 ms with rmem_default 212,992, 5.1 s of one stream.
 *                  Only a generator that stood still for seconds and then makes up for all of it overruns that; the kernel counts
 *                  (SO_MEMINFO), and only then may what was sent after a death be missing, to the packet
 * 50 calls and 3 kills; with KEDGE_RESTART=CALLS,KILLS in the environment as many. */
#include <arpa/inet.h>
#include <linux/sock_diag.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/clock.h"
#include "tests/media/talk.h"

#define CHURN  64                      /* slots of those that come and go */
#define BATCH  64                      /* media.batch: what a process may have in hand */
#define FIRST  65530                   /* a peer's first number, and its seed (talk.c) */
#define ROUND  (20 * CLOCK_NS_PER_MS)
#define STOOD  (1000 * CLOCK_NS_PER_MS) /* of the generator: what follows is no stream any more */
#define AT_100 (10 * CLOCK_NS_PER_MS)  /* between two anchors of 100 a second */

struct ear { /* what one peer heard of the other */
	uint32_t ssrc, stamp; /* of the first packet */
	uint16_t shift, next; /* of the line against the sender's own numbers; what comes next */
	bool any;
	uint32_t safe;        /* packets of the sender that were on their way by the last death noticed */
	uint32_t heard;
};

static struct {
	unsigned calls, kills, twice;
	struct call *call;
	struct ear *ear;      /* 2 x call: inside, outside */
	uint32_t *sent;       /* the same: by that peer */
	_Atomic unsigned deaths, noticed;
	_Atomic bool over, closed;
	_Atomic unsigned lost; /* that were in hand, or on their way into it */
	_Atomic uint64_t said;
	uint64_t in_hand;     /* may have been lost with the dead, together */
	uint64_t late_ns;     /* the generator's longest standstill */
	struct plane_anchor churn[CHURN];
	unsigned turn, opened;
	uint64_t churned_ns;
} w;

static struct peer *peer_of(unsigned i)
{
	return i % 2 ? &w.call[i / 2].out : &w.call[i / 2].in;
}

/* ---- who kills ------------------------------------------------------------------------------- */

/* Sent and not come out again. What is lost already is no more on its way. */
static uint64_t under_way(void)
{
	uint64_t out = PLANE_COUNT(&plane, packets_out) + atomic_load(&w.lost), said = atomic_load(&w.said);

	return said > out ? said - out : 0;
}

static void die(void)
{
	uint64_t waits = under_way(), said = atomic_load(&w.said);
	unsigned n;

	plane_stop(&plane, SIGKILL);
	waits += atomic_load(&w.said) - said; /* while the signal was on its way */
	w.in_hand += waits > 2 * BATCH ? waits : 2 * BATCH;
	n = atomic_fetch_add(&w.deaths, 1) + 1;
	while (atomic_load(&w.noticed) < n) /* what is sent from here on is sent to nobody's ears */
		usleep(1000);
	usleep(30000);
	if (plane_start(&plane) < 0)
		abort(); /* no thread of the test's own to fail in */
}

static void *kill_again_and_again(void *unused)
{
	for (unsigned i = 0; i < w.kills; i++) {
		usleep(600000);
		die();
		for (unsigned k = 0; k < w.twice; k++) {
			usleep(20000);
			die();
		}
	}
	usleep(600000);
	atomic_store(&w.over, true);
	while (!atomic_load(&w.closed)) /* a child of a thread ends with it */
		usleep(1000);
	return NULL;
}

/* ---- who talks ------------------------------------------------------------------------------- */

static void say_all(void)
{
	for (unsigned i = 0; i < 2 * w.calls; i++) {
		say(peer_of(i));
		w.sent[i]++;
	}
	atomic_fetch_add(&w.said, 2 * w.calls);
}

static uint64_t drops_of(int fd)
{
	uint32_t info[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof(info);

	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len), 0);
	return info[SK_MEMINFO_DROPS];
}

/* Packets for which kedge's sockets and the peers' had no room. */
static uint64_t dropped_by_kernel(void)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < w.calls; i++) {
		sum += drops_of(segment_port(&plane.seg, w.call[i].a.in.port)->fd_rtp);
		sum += drops_of(segment_port(&plane.seg, w.call[i].a.out[0].port)->fd_rtp);
		sum += drops_of(w.call[i].in.rtp) + drops_of(w.call[i].out.rtp);
	}
	return sum;
}

/* Only a generator that stood still overruns them. */
static bool overrun(void)
{
	return w.late_ns > STOOD && dropped_by_kernel() > 0;
}

/* Packets lost before this one: what was sent after a death was noticed never is. */
static void check_gap(struct ear *e, const struct peer *from, uint16_t number)
{
	uint16_t gap = (uint16_t)(number - e->next);

	assert_true(gap < 1000);
	if (gap == 0)
		return;
	atomic_fetch_add(&w.lost, gap);
	/* e->heard counts every number up to e->next, lost ones too. */
	if (e->heard + gap > e->safe && !overrun())
		fail_msg("stream %u: numbers %u to %u of %u are lost, and only the first %u were on their way when it died", from->seed, e->heard,
		    e->heard + gap - 1, number, e->safe);
	e->heard += gap;
}

static void hear_one(unsigned i)
{
	struct ear *e = &w.ear[i];
	struct peer *from = peer_of(i ^ 1);
	struct heard h;

	while (hear_within(peer_of(i), &h, 0)) {
		assert_int_equal(h.seed, from->seed);
		if (!e->any) {
			assert_int_equal(h.number, (uint16_t)(FIRST + from->seed));
			*e = (struct ear){ .ssrc = h.h.ssrc, .shift = (uint16_t)(h.h.sequence - h.number), .next = h.number, .any = true,
				.stamp = h.h.timestamp, .safe = e->safe };
		}
		check_gap(e, from, h.number);
		assert_int_equal(h.h.ssrc, e->ssrc);
		assert_int_equal((uint16_t)(h.h.sequence - h.number), e->shift);
		assert_int_equal(h.h.timestamp, e->stamp + (uint16_t)(h.number - FIRST - from->seed) * PAYLOAD);
		assert_false(h.h.marker);
		e->next = (uint16_t)(h.number + 1);
		e->heard++;
	}
}

static void hear_all(void)
{
	for (unsigned i = 0; i < 2 * w.calls; i++)
		hear_one(i);
}

/* A death was noticed: what is not heard by now may be lost; what is sent from now on may not. */
static void notice(void)
{
	unsigned n = atomic_load(&w.deaths);

	if (n == atomic_load(&w.noticed))
		return;
	hear_all();
	for (unsigned i = 0; i < 2 * w.calls; i++)
		w.ear[i].safe = w.sent[i ^ 1];
	atomic_store(&w.noticed, n);
}

/* ---- who comes and goes ------------------------------------------------------------------------ */

static void churn_one(const struct sockaddr *far)
{
	struct plane_anchor *a = &w.churn[w.turn];
	uint32_t slot = w.calls + w.turn;

	w.turn = (w.turn + 1) % CHURN;
	if (a->want.generation != 0 && a->want.state == KEDGE_SLOT_OPEN) {
		a->want.state = KEDGE_SLOT_CLOSED;
		plane_commit(&plane, a);
		return;
	}
	if (a->want.generation != 0 && plane_wait_done(&plane, a, KEDGE_DONE_CLOSED, 0) < 0)
		return;
	plane_anchor(&plane, a, slot, 0);
	if (plane_end(&plane, a, KEDGE_END_INSIDE, 0, far) < 0 || plane_end(&plane, a, 0, 1, far) < 0)
		a->want.state = KEDGE_SLOT_CLOSED; /* none free for the moment: given up, as signaling does it */
	a->want.live = 0;
	plane_commit(&plane, a);
	w.opened++;
}

static void churn(void)
{
	struct sockaddr_storage far = w.call[0].in.local;

	for (; clock_mono_ns() - w.churned_ns >= AT_100; w.churned_ns += AT_100)
		churn_one((struct sockaddr *)&far);
}

static void churn_end(void)
{
	for (unsigned i = 0; i < CHURN; i++)
		if (w.churn[i].want.generation != 0 && w.churn[i].want.state == KEDGE_SLOT_OPEN) {
			w.churn[i].want.state = KEDGE_SLOT_CLOSED;
			plane_commit(&plane, &w.churn[i]);
		}
	for (unsigned i = 0; i < CHURN; i++)
		if (w.churn[i].want.generation != 0)
			assert_int_equal(plane_wait_done(&plane, &w.churn[i], KEDGE_DONE_CLOSED, 5000), 0);
}

/* ---- the story ------------------------------------------------------------------------------- */

static void open_all(void)
{
	static char settings[] = "rate = 0; port_rest = \"100ms\";";
	struct plane_options o = { .workers = 1, .slots = w.calls + CHURN, .hops = 4, .pairs = w.calls + 2 * CHURN,
		.nets = { "127.0.3.1", "127.0.4.1" }, .backend = backend, .media = settings };

	w.call = calloc(w.calls, sizeof(*w.call));
	w.ear = calloc(2 * w.calls, sizeof(*w.ear));
	w.sent = calloc(2 * w.calls, sizeof(*w.sent));
	start_these(&o);
	for (unsigned i = 0; i < w.calls; i++)
		call_open(&w.call[i], i, "127.0.1.1", "127.0.2.1");
}

static void close_all(void)
{
	churn_end();
	for (unsigned i = 0; i < w.calls; i++)
		call_close(&w.call[i]);
	COUNTS_TO(ports_free, 2 * (w.calls + 2 * CHURN));
	assert_int_equal(PLANE_COUNT(&plane, ports_lent), 0);
	assert_int_equal(PLANE_COUNT(&plane, sessions), 0);
	stop();
	free(w.call);
	free(w.ear);
	free(w.sent);
}

/* Half a second for all that was sent. */
static bool hears_the_last(void)
{
	unsigned i = 0;

	for (unsigned tries = 0; tries < 50 && i < 2 * w.calls; tries++) {
		usleep(10000);
		hear_all();
		for (i = 0; i < 2 * w.calls && w.ear[i].heard == w.sent[i ^ 1]; i++)
			;
	}
	return i == 2 * w.calls;
}

static void killed(unsigned twice)
{
	const char *more = getenv("KEDGE_RESTART");
	pthread_t killer;
	uint64_t next, dropped;
	unsigned deaths;

	memset(&w, 0, sizeof(w));
	w.calls = 50;
	w.kills = 3;
	w.twice = twice;
	if (more)
		sscanf(more, "%u,%u", &w.calls, &w.kills);
	deaths = w.kills * (1 + twice);
	open_all();
	next = w.churned_ns = clock_mono_ns();
	assert_int_equal(pthread_create(&killer, NULL, kill_again_and_again, NULL), 0);
	while (!atomic_load(&w.over)) {
		if (clock_mono_ns() >= next) {
			if (clock_mono_ns() - next > w.late_ns)
				w.late_ns = clock_mono_ns() - next;
			say_all();
			next += ROUND;
		}
		churn();
		hear_all();
		notice();
		usleep(500);
	}
	for (unsigned i = 0; i < 20 && !hears_the_last(); i++)
		say_all(); /* what the last death took is noticed by what comes behind it */
	for (unsigned i = 0; i < 2 * w.calls; i++)
		assert_int_equal(w.ear[i].heard, w.sent[i ^ 1]);
	dropped = dropped_by_kernel();
	print_message("  %u calls, %u deaths, %u anchors beside: %u packets lost, %llu may have been in hand, %llu had no room; %llu ms stood still\n", w.calls,
	    deaths, w.opened, w.lost, (unsigned long long)w.in_hand, (unsigned long long)dropped, (unsigned long long)(w.late_ns / CLOCK_NS_PER_MS));
	assert_true(dropped == 0 || w.late_ns > STOOD);
	assert_true(w.lost <= w.in_hand + dropped);
	assert_true(w.opened > 30 * w.kills);
	close_all();
	atomic_store(&w.closed, true);
	pthread_join(killer, NULL);
}

static void goes_on_under_many_calls(void **state)
{
	killed(0);
}

static void killed_twice_within_100ms(void **state)
{
	killed(1);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { TEST(goes_on_under_many_calls), TEST(killed_twice_within_100ms) };

	return cmocka_run_group_tests_name(talk_main(argc, argv), tests, NULL, NULL);
}
