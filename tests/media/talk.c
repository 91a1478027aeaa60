// SPDX-License-Identifier: MIT
#include "tests/media/talk.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "routing/shm/queue.h"

/* ---- a peer: one RTP and one RTCP socket ------------------------------------------------------- */

socklen_t length(const struct sockaddr_storage *ss)
{
	return ss->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

uint16_t *port_of(struct sockaddr_storage *ss)
{
	return ss->ss_family == AF_INET ? &((struct sockaddr_in *)ss)->sin_port
	                                : &((struct sockaddr_in6 *)ss)->sin6_port;
}

struct sockaddr_storage name_of(int fd)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
	return ss;
}

void peer_open(struct peer *x, const char *ip, uint32_t seed)
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

void peer_close(struct peer *x)
{
	close(x->rtp);
	close(x->rtcp);
}

void aim(struct plane *p, struct plane_anchor *a, uint8_t place, struct peer *x)
{
	plane_local(p, a, place, &x->to);
	x->rtcp_to = x->to;
	*port_of(&x->rtcp_to) = htons((uint16_t)(ntohs(*port_of(&x->to)) + 1));
}

void fill(uint8_t *data, uint32_t seed, const struct rtp *h)
{
	data[0] = 0x80;
	rtp_write(data, h);
	for (int i = 0; i < PAYLOAD; i++)
		data[RTP_HEADER + i] = (uint8_t)(seed * 31 + h->sequence * 7 + (unsigned)i);
	rtp_set32(data + RTP_HEADER, seed);
	rtp_set16(data + RTP_HEADER + 4, h->sequence);
}

void say_from(struct peer *x, int fd)
{
	uint8_t data[PACKET];

	fill(data, x->seed, &x->next);
	assert_int_equal(
	    sendto(fd, data, sizeof(data), 0, (struct sockaddr *)&x->to, length(&x->to)), PACKET);
	x->next.sequence++;
	x->next.timestamp += PAYLOAD;
}

void say(struct peer *x)
{
	say_from(x, x->rtp);
}

int wait_readable(int fd, int timeout_ms)
{
	struct pollfd pfd = { fd, POLLIN, 0 };

	return poll(&pfd, 1, timeout_ms);
}

/* One packet, its bytes checked. False: nothing within the time. */
bool hear_within(struct peer *x, struct heard *out, int timeout_ms)
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

struct plane plane;
static bool plane_is_open;

/* What the plane says it did with the packets, where one is missing. */
void tell_counters(void)
{
#define C(name)                                                                                    \
	if (PLANE_COUNT(&plane, name) != 0)                                                        \
		print_message("  %s %llu\n", #name, (unsigned long long)PLANE_COUNT(&plane, name));
	KEDGE_MEDIA_COUNTERS(C)
#undef C
}

struct heard hear(struct peer *x)
{
	struct heard out;

	if (!hear_within(x, &out, 2000))
		fail_msg("nothing heard within 2 s");
	return out;
}

/* What was rightly heard so far. */
void forget(struct peer *x)
{
	struct heard h;

	while (hear_within(x, &h, 50))
		;
}

/* ---- a call ---------------------------------------------------------------------------------- */

const char *backend;
bool deny;
unsigned workers = 1;

void start_these(const struct plane_options *o)
{
	assert_int_equal(plane_open(&plane, o), 0);
	plane_is_open = true;
	assert_int_equal(plane_start(&plane), 0);
}

void start_with(const char *media, unsigned pairs, bool v6, unsigned time_scale)
{
	static char settings[1200];
	struct plane_options o = { .workers = workers,
		.slots = SLOTS,
		.hops = 4,
		.pairs = pairs,
		.nets = { v6 ? "::1" : "127.0.3.1", v6 ? "::1" : "127.0.4.1" },
		.backend = backend,
		.media = settings,
		.time_scale = time_scale,
		.deny_uring = deny };

	snprintf(settings, sizeof(settings), "%s %s", strstr(media, "rate =") ? "" : "rate = 0;", media);
	start_these(&o);
}

void start(unsigned pairs)
{
	start_with("port_rest = \"100ms\";", pairs, false, 0);
}

void stop(void)
{
	plane_is_open = false;
	assert_int_equal(plane_close(&plane), 0);
}

/* After a test that failed half way: says what the plane did, and leaves nothing behind for the next. */
int clean_up(void **state)
{
	if (!plane_is_open)
		return 0;
	tell_counters();
	plane_sig_alive(&plane, true, false);
	stop();
	return 0;
}

void call_open(struct call *c, uint32_t slot, const char *in_ip, const char *out_ip)
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

void call_close(struct call *c)
{
	c->a.want.state = KEDGE_SLOT_CLOSED;
	plane_commit(&plane, &c->a);
	assert_int_equal(plane_wait_done(&plane, &c->a, KEDGE_DONE_CLOSED, 2000), 0);
	peer_close(&c->in);
	peer_close(&c->out);
}

/* One packet each way; both lines go on by one. */
void exchange(struct call *c)
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

void hears_nothing(struct peer *x, int ms)
{
	struct heard out;

	if (hear_within(x, &out, ms))
		fail_msg("heard a packet of stream %u, number %u", out.seed, out.number);
}

/* Media has done what was committed: its queues are empty, and the tick that ends that pass has come. */
void followed(void)
{
	for (unsigned i = 0; i < workers; i++) {
		const struct kedge_queue *q = &segment_queues(&plane.seg, i)->cmd;
		const _Atomic uint64_t *beat = &plane.seg.pub->worker[i].beat_ns;
		uint64_t before = 0;
		bool empty = false;

		for (int n = 0; n < 2000; n++) {
			uint64_t now = atomic_load_explicit(beat, memory_order_acquire);

			if (empty && now != before)
				break;
			if (!empty && queue_count(q) == 0) {
				empty = true;
				before = now;
			}
			usleep(1000);
		}
	}
}

/* Another outside end for the call, not live yet. */
void add_end(struct call *c, uint8_t place, struct peer *x)
{
	assert_int_equal(plane_end(&plane, &c->a, place, 1, (struct sockaddr *)&x->local), 0);
	aim(&plane, &c->a, place, x);
	plane_commit(&plane, &c->a);
	followed();
}

void make_live(struct call *c, uint8_t place)
{
	c->a.want.live = place;
	plane_commit(&plane, &c->a);
	followed();
}

void set_flags(struct call *c, uint8_t place, uint8_t flags)
{
	plane_end_of(&c->a, place)->flags = flags;
	plane_write(&plane, &c->a, place);
	plane_commit(&plane, &c->a);
	followed();
}

struct kedge_flow *flow_of(struct call *c, int way)
{
	return &segment_stats(&plane.seg, c->a.slot)->flow[way];
}

const char *talk_main(int argc, char **argv)
{
	const char *which = argc > 1 ? argv[1] : "auto";

	deny = strcmp(which, "denied") == 0;
	backend = deny ? "auto" : which;
	if (argc > 2)
		cmocka_set_test_filter(argv[2]);
	return which;
}
