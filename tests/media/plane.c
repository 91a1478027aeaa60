// SPDX-License-Identifier: MIT
// The media plane alone, end to end: real RTP over loopback through a real kedge-media; this process plays supervisor and
// signaling. Every test runs over both backends, IPv4 and IPv6 among them; each packet heard is checked byte by byte.
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/clock.h"
#include "media/rtp.h"
#include "routing/shm/queue.h"
#include "routing/shm/seq.h"
#include "tests/harness/plane.h"

#define PAYLOAD 160
#define PACKET  (RTP_HEADER + PAYLOAD)
#define SLOTS   64

/* ---- a peer: one RTP and one RTCP socket ------------------------------------------------------- */

struct peer {
	int rtp, rtcp;
	const char *ip;
	struct sockaddr_storage local, to, rtcp_to;
	struct rtp next; /* what it sends next */
	uint32_t seed;   /* of its payload */
};

struct heard {
	struct rtp h;
	uint32_t seed;
	uint16_t number; /* the sender's own, in the payload */
};

static socklen_t length(const struct sockaddr_storage *ss)
{
	return ss->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

static uint16_t *port_of(struct sockaddr_storage *ss)
{
	return ss->ss_family == AF_INET ? &((struct sockaddr_in *)ss)->sin_port
	                                : &((struct sockaddr_in6 *)ss)->sin6_port;
}

static struct sockaddr_storage name_of(int fd)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
	return ss;
}

static void peer_open(struct peer *x, const char *ip, uint32_t seed)
{
	memset(x, 0, sizeof(*x));
	x->ip = ip;
	x->rtp = plane_socket(ip);
	x->rtcp = plane_socket(ip);
	assert_true(x->rtp >= 0 && x->rtcp >= 0);
	x->local = name_of(x->rtp);
	x->seed = seed;
	x->next = (struct rtp){ .ssrc = 0xa0000000u + seed,
		.sequence = (uint16_t)(65530 + seed),
		.timestamp = 1000 * seed };
}

static void peer_close(struct peer *x)
{
	close(x->rtp);
	close(x->rtcp);
}

static void aim(struct plane *p, struct plane_anchor *a, uint8_t place, struct peer *x)
{
	plane_local(p, a, place, &x->to);
	x->rtcp_to = x->to;
	*port_of(&x->rtcp_to) = htons((uint16_t)(ntohs(*port_of(&x->to)) + 1));
}

static void fill(uint8_t *data, uint32_t seed, const struct rtp *h)
{
	data[0] = 0x80;
	rtp_write(data, h);
	for (int i = 0; i < PAYLOAD; i++)
		data[RTP_HEADER + i] = (uint8_t)(seed * 31 + h->sequence * 7 + (unsigned)i);
	rtp_set32(data + RTP_HEADER, seed);
	rtp_set16(data + RTP_HEADER + 4, h->sequence);
}

static void say_from(struct peer *x, int fd)
{
	uint8_t data[PACKET];

	fill(data, x->seed, &x->next);
	assert_int_equal(
	    sendto(fd, data, sizeof(data), 0, (struct sockaddr *)&x->to, length(&x->to)), PACKET);
	x->next.sequence++;
	x->next.timestamp += PAYLOAD;
}

static void say(struct peer *x)
{
	say_from(x, x->rtp);
}

static int wait_readable(int fd, int timeout_ms)
{
	struct pollfd pfd = { fd, POLLIN, 0 };

	return poll(&pfd, 1, timeout_ms);
}

/* One packet, its bytes checked. False: nothing within the time. */
static bool hear_within(struct peer *x, struct heard *out, int timeout_ms)
{
	uint8_t data[2048], want[PACKET];
	struct rtp sent;
	ssize_t n;

	if (wait_readable(x->rtp, timeout_ms) <= 0)
		return false;
	n = recv(x->rtp, data, sizeof(data), 0);
	if (n < 0)
		return false;
	assert_int_equal(n, PACKET);
	assert_int_equal(rtp_parse(data, (size_t)n, &out->h), 0);
	out->seed = rtp_get32(data + RTP_HEADER);
	out->number = rtp_get16(data + RTP_HEADER + 4);
	sent = out->h;
	sent.sequence = out->number;
	fill(want, out->seed, &sent);
	assert_memory_equal(data + RTP_HEADER, want + RTP_HEADER, PAYLOAD);
	return true;
}

static struct heard hear(struct peer *x)
{
	struct heard out;

	if (!hear_within(x, &out, 2000))
		fail_msg("nothing heard within 2 s");
	return out;
}

/* ---- a call ---------------------------------------------------------------------------------- */

struct call {
	struct plane_anchor a;
	struct peer in, out;
};

static struct plane plane;
static const char *backend;
static bool deny;
static unsigned workers = 1;

static void start_with(const char *media, unsigned pairs, bool v6, unsigned time_scale)
{
	struct plane_options o = { .workers = workers,
		.slots = SLOTS,
		.hops = 4,
		.pairs = pairs,
		.nets = { v6 ? "::1" : "127.0.3.1", v6 ? "::1" : "127.0.4.1" },
		.backend = backend,
		.media = media,
		.time_scale = time_scale,
		.deny_uring = deny };

	assert_int_equal(plane_open(&plane, &o), 0);
	assert_int_equal(plane_start(&plane), 0);
}

static void start(unsigned pairs)
{
	start_with("port_rest = \"100ms\";", pairs, false, 0);
}

static void stop(void)
{
	assert_int_equal(plane_close(&plane), 0);
}

static void call_open(struct call *c, uint32_t slot, const char *in_ip, const char *out_ip)
{
	uint8_t worker = (uint8_t)(slot % workers);

	peer_open(&c->in, in_ip, 2 * slot + 1);
	peer_open(&c->out, out_ip, 2 * slot + 2);
	plane_anchor(&plane, &c->a, slot, worker);
	assert_int_equal(
	    plane_end(&plane, &c->a, KEDGE_END_INSIDE, 0, (struct sockaddr *)&c->in.local), 0);
	assert_int_equal(plane_end(&plane, &c->a, 0, 1, (struct sockaddr *)&c->out.local), 0);
	aim(&plane, &c->a, KEDGE_END_INSIDE, &c->in);
	aim(&plane, &c->a, 0, &c->out);
	c->a.want.live = 0;
	plane_commit(&plane, &c->a);
	assert_int_equal(plane_wait_done(&plane, &c->a, KEDGE_DONE_OPEN, 2000), 0);
}

static void call_close(struct call *c)
{
	c->a.want.state = KEDGE_SLOT_CLOSED;
	plane_commit(&plane, &c->a);
	assert_int_equal(plane_wait_done(&plane, &c->a, KEDGE_DONE_CLOSED, 2000), 0);
	peer_close(&c->in);
	peer_close(&c->out);
}

/* One packet each way; both lines go on by one. */
static void exchange(struct call *c)
{
	struct heard h;

	say(&c->in);
	h = hear(&c->out);
	assert_int_equal(h.seed, c->in.seed);
	assert_int_equal(h.number, (uint16_t)(c->in.next.sequence - 1));
	say(&c->out);
	h = hear(&c->in);
	assert_int_equal(h.seed, c->out.seed);
	assert_int_equal(h.number, (uint16_t)(c->out.next.sequence - 1));
	assert_int_equal(h.h.ssrc, c->a.want.ssrc);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void relays_both_ways(void **state)
{
	struct call c;

	start(8);
	call_open(&c, 0, "127.0.1.1", "127.0.2.1");
	for (int i = 0; i < 100; i++)
		exchange(&c);
	usleep(500000); /* latches settle, sockets are connected */
	for (int i = 0; i < 100; i++)
		exchange(&c);
	call_close(&c);
	assert_int_equal(plane_event(&plane, KEDGE_EVT_CLOSED, 0, 1000), 0);
	assert_int_equal(PLANE_COUNT(&plane, packets_in), 400);
	assert_int_equal(PLANE_COUNT(&plane, packets_out), 400);
	stop();
}

static void relays_ipv6(void **state)
{
	struct call c;

	start_with("port_rest = \"100ms\";", 8, true, 0);
	call_open(&c, 0, "::1", "::1");
	for (int i = 0; i < 50; i++)
		exchange(&c);
	usleep(500000);
	for (int i = 0; i < 50; i++)
		exchange(&c);
	call_close(&c);
	stop();
}

#define TESTS cmocka_unit_test(relays_both_ways), cmocka_unit_test(relays_ipv6),

/* plane [io_uring|epoll|denied] */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { TESTS };
	const char *which = argc > 1 ? argv[1] : "auto";

	deny = strcmp(which, "denied") == 0;
	backend = deny ? "auto" : which;
	if (argc > 2)
		cmocka_set_test_filter(argv[2]);
	if (getenv("WORKERS"))
		workers = (unsigned)atoi(getenv("WORKERS"));
	return cmocka_run_group_tests_name(which, tests, NULL, NULL);
}
