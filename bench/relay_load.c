// SPDX-License-Identifier: MIT
#include "bench/relay_load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/relay_keys.h"
#include "media/rtp.h"

#define SIZE  172
#define BATCH 32
#define MAGIC 0x6b656467u
#define TURNS 20 /* of 1 ms: one packet of each stream */
#define BEHIND_MOST 500 /* turns */
#define RTCP_ROUNDS 50 /* of TURNS: one report of each stream */

struct body { /* behind the RTP header */
	uint32_t magic, stream, number, pad;
	uint64_t sent_ns; /* CLOCK_REALTIME, as the kernel stamps */
	uint64_t fill[17];
} __attribute__((packed));
_Static_assert(sizeof(struct body) == 160, "a 20 ms G.711 packet");

static uint64_t clock_of(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

#define TAG_RTCP (2 * LOAD_SOCKETS) /* + side: the epoll tag of its RTCP socket */

static void local_address(const struct load *l, unsigned side, union addr_sock *a)
{
	memset(a, 0, sizeof(*a));
	if (l->ipv6) {
		a->in6.sin6_family = AF_INET6;
		a->in6.sin6_addr = in6addr_loopback;
	} else {
		a->in.sin_family = AF_INET;
		a->in.sin_addr.s_addr = htonl(0x7f000101 + side * 0x100);
	}
}

static int open_socket(struct load *l, unsigned side, int *sock, union addr_sock *a, uint32_t tag)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = tag };
	int fd = socket(l->ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), size = 8 << 20,
	    on = 1;
	socklen_t len = l->len;

	if (fd < 0)
		return -errno;
	*sock = fd;
	local_address(l, side, a);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
	if (bind(fd, &a->sa, len) < 0 || getsockname(fd, &a->sa, &len) < 0 ||
	    epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0)
		return -errno;
	return 0;
}

int load_open(struct load *l, const struct load_setup *setup)
{
	memset(l, 0, sizeof(*l));
	l->calls = setup->calls;
	l->ipv6 = setup->ipv6;
	l->rtcp = setup->rtcp;
	l->len = l->ipv6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	l->stream = calloc(2 * (size_t)l->calls, sizeof(*l->stream));
	if (l->stream == NULL || l->epoll_fd < 0)
		return -ENOMEM;
	for (unsigned side = 0; side < 2; side++) {
		int rc = open_socket(l, side, &l->rtcp_sock[side], &l->rtcp_local[side], TAG_RTCP + side);

		l->by_port[side] = calloc(UINT16_MAX + 1, sizeof(uint32_t));
		if (rc == 0 && l->by_port[side] == NULL)
			rc = -ENOMEM;
		for (unsigned i = 0; i < LOAD_SOCKETS && rc == 0; i++)
			rc = open_socket(l, side, &l->sock[side][i], &l->local[side][i], side * LOAD_SOCKETS + i);
		l->suite[side] = setup->suite[side];
		if (rc == 0)
			rc = keys_make(l, side);
		if (rc < 0)
			return rc;
	}
	return 0;
}

void load_close(struct load *l)
{
	for (unsigned side = 0; side < 2; side++) {
		for (unsigned i = 0; i < LOAD_SOCKETS; i++)
			close(l->sock[side][i]);
		close(l->rtcp_sock[side]);
		free(l->by_port[side]);
		keys_drop(l, side);
	}
	close(l->epoll_fd);
	free(l->stream);
}

const struct sockaddr *load_far(const struct load *l, uint32_t call, unsigned side)
{
	return &l->local[side][call % LOAD_SOCKETS].sa;
}

const struct sockaddr *load_far_rtcp(const struct load *l, unsigned side)
{
	return &l->rtcp_local[side].sa;
}

/* Its RTCP comes from the port behind. */
static uint16_t port_of(const union addr_sock *a)
{
	return ntohs(a->sa.sa_family == AF_INET ? a->in.sin_port : a->in6.sin6_port);
}

void load_aim(struct load *l, uint32_t call, const struct sockaddr *inside, const struct sockaddr *outside)
{
	struct load_stream *in = &l->stream[2 * call], *out = in + 1;

	memcpy(&in->to, inside, l->len);
	memcpy(&in->from, outside, l->len);
	out->to = in->from;
	out->from = in->to;
	for (unsigned rtcp = 0; rtcp < 2; rtcp++) {
		l->by_port[1][(uint16_t)(port_of(&in->from) + rtcp)] = 2 * call + 1;
		l->by_port[0][(uint16_t)(port_of(&out->from) + rtcp)] = 2 * call + 2;
	}
}

/* ---- sending --------------------------------------------------------------------------------- */

static uint64_t mix(uint32_t stream, uint32_t number, unsigned i)
{
	return ((uint64_t)stream << 32 | number) * 0x9e3779b97f4a7c15ull + i;
}

static void make_packet(uint8_t *p, uint32_t stream, uint32_t number)
{
	struct body b = { .magic = MAGIC, .stream = stream, .number = number };
	uint32_t timestamp = htonl(number * 160), ssrc = htonl(LOAD_SSRC + stream);
	uint16_t sequence = htons((uint16_t)number);

	p[0] = 0x80;
	p[1] = 0;
	memcpy(p + 2, &sequence, 2);
	memcpy(p + 4, &timestamp, 4);
	memcpy(p + 8, &ssrc, 4);
	for (unsigned i = 0; i < 17; i++)
		b.fill[i] = mix(stream, number, i);
	b.sent_ns = clock_of(CLOCK_REALTIME);
	memcpy(p + 12, &b, sizeof(b));
}

static void send_stream(struct load *l, uint32_t stream)
{
	struct load_stream *s = &l->stream[stream];
	int fd = l->sock[stream % 2][stream / 2 % LOAD_SOCKETS];
	uint8_t packet[SIZE + SECURE_ROOM];
	size_t len = SIZE;

	make_packet(packet, stream, s->sent);
	if (keys_protect(l, stream, packet, &len, s->sent) && sendto(fd, packet, len, 0, &s->to.sa, l->len) == (ssize_t)len) {
		s->sent++;
		l->count.sent += l->measuring;
	}
}

/* A sender report and a CNAME (RFC 3550 6.4.1, 6.5), as an end sends them. */
static void send_rtcp(struct load *l, uint32_t stream)
{
	struct load_stream *s = &l->stream[stream];
	uint64_t now = clock_of(CLOCK_REALTIME), ntp;
	union addr_sock to = s->to;
	uint8_t p[28 + 16 + SECURE_ROOM] = { 0x80, RTCP_SR, 0, 6 };
	uint8_t *sdes = p + 28;
	size_t len = 28 + 16;

	rtp_set32(p + 4, LOAD_SSRC + stream);
	rtp_set32(p + 8, (uint32_t)(now / 1000000000 + 2208988800u));
	rtp_set32(p + 12, (uint32_t)((now % 1000000000 << 32) / 1000000000));
	rtp_set32(p + 16, s->sent * 160);
	rtp_set32(p + 20, s->sent);
	rtp_set32(p + 24, s->sent * (SIZE - RTP_HEADER));
	memcpy(sdes, (const uint8_t[]){ 0x81, RTCP_SDES, 0, 3 }, 4);
	rtp_set32(sdes + 4, LOAD_SSRC + stream);
	memcpy(sdes + 8, (const uint8_t[]){ 1, 4, 'l', 'o', 'a', 'd' }, 6);
	if (l->ipv6)
		to.in6.sin6_port = htons((uint16_t)(port_of(&to) + 1));
	else
		to.in.sin_port = htons((uint16_t)(port_of(&to) + 1));
	memcpy(&ntp, p + 8, 8);
	if (!keys_protect_rtcp(l, stream, p, &len) ||
	    sendto(l->rtcp_sock[stream % 2], p, len, 0, &to.sa, l->len) != (ssize_t)len)
		return;
	l->count.rtcp_lost += s->ntp[s->reports % LOAD_REPORTS] != 0 && s->reports_count;
	s->ntp[s->reports++ % LOAD_REPORTS] = ntp;
	s->reports_count = l->measuring;
}

/* ---- checking -------------------------------------------------------------------------------- */

static bool intact(const uint8_t *p, const struct body *b)
{
	if (b->magic != MAGIC || p[0] != 0x80 || (p[1] & 0x7f) != 0)
		return false;
	for (unsigned i = 0; i < 17; i++)
		if (b->fill[i] != mix(b->stream, b->number, i))
			return false;
	return true;
}

/* The numbers of one stream: each once, in order. */
static void check_order(struct load *l, struct load_stream *s, uint32_t number)
{
	int32_t step = (int32_t)(number - s->expected);

	if (step >= 0) {
		l->count.lost += (uint64_t)step;
		s->seen = step < 63 ? s->seen << (step + 1) | 1 : 1;
		s->expected = number + 1;
	} else if (step >= -64 && !(s->seen >> (-step - 1) & 1)) {
		s->seen |= 1ull << (-step - 1);
		l->count.reordered++;
		if (l->count.lost > 0)
			l->count.lost--;
	} else {
		l->count.doubled++;
	}
}

/* One SSRC and one sequence line, whatever the generator's own numbers are. */
static bool on_line(struct load_stream *s, const uint8_t *p)
{
	uint32_t ssrc;
	uint16_t sequence;

	memcpy(&ssrc, p + 8, 4);
	memcpy(&sequence, p + 2, 2);
	sequence = ntohs(sequence);
	if (s->ssrc == 0) {
		s->ssrc = ssrc;
		s->line = sequence;
	}
	if (ssrc != s->ssrc)
		return false;
	s->line = (uint16_t)(sequence + 1);
	return true;
}

static uint64_t stamp_of(struct msghdr *m)
{
	struct timespec ts;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS) {
			memcpy(&ts, CMSG_DATA(c), sizeof(ts));
			return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
		}
	return clock_of(CLOCK_REALTIME);
}

static bool same(const union addr_sock *a, const union addr_sock *b)
{
	if (a->sa.sa_family == AF_INET)
		return a->in.sin_port == b->in.sin_port && a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
	return a->in6.sin6_port == b->in6.sin6_port && IN6_ARE_ADDR_EQUAL(&a->in6.sin6_addr, &b->in6.sin6_addr);
}

static void check_packet(struct load *l, unsigned side, unsigned i, uint8_t *p, size_t len,
    const union addr_sock *from, uint64_t stamp)
{
	struct load_stream *s;
	struct body b;
	uint64_t us;

	if (!keys_open(l, side, l->by_port[side][port_of(from)], p, &len)) {
		l->count.corrupt++;
		return;
	}
	memcpy(&b, p + 12, sizeof(b));
	if (len != SIZE || !intact(p, &b) || b.stream >= 2 * l->calls) {
		l->count.corrupt++;
		return;
	}
	s = &l->stream[b.stream];
	/* It must come out on the other side, at this call's far end, from this call's port. */
	if (b.stream % 2 == side || b.stream / 2 % LOAD_SOCKETS != i ||
	    !same(from, &s->from) || !on_line(s, p)) {
		l->count.misplaced++;
		return;
	}
	check_order(l, s, b.number);
	if (!l->measuring)
		return;
	us = stamp > b.sent_ns ? (stamp - b.sent_ns) / 1000 : 0;
	l->count.delay[us < LOAD_DELAYS ? us : LOAD_DELAYS - 1]++;
	l->count.received++;
}

/* The NTP time of a report that did not come out yet. */
static bool was_sent(struct load_stream *s, const uint8_t *ntp)
{
	for (unsigned i = 0; i < LOAD_REPORTS; i++)
		if (s->ntp[i] != 0 && memcmp(&s->ntp[i], ntp, 8) == 0) {
			s->ntp[i] = 0;
			return true;
		}
	return false;
}

/* The report of the stream that comes out at this port, once, each packet of the compound whole. */
static bool is_report(struct load *l, unsigned side, const union addr_sock *from, const uint8_t *p, size_t len)
{
	uint32_t stream = l->by_port[side][port_of(from)];
	struct load_stream *s = stream != 0 ? &l->stream[stream - 1] : NULL;
	struct rtcp r;

	if (s == NULL || rtcp_next(&p, &len, &r) < 0 || r.type != RTCP_SR || r.length < 24 || !was_sent(s, r.body + 4))
		return false;
	return rtcp_next(&p, &len, &r) == 0 && r.type == RTCP_SDES && len == 0;
}

static void receive_rtcp(struct load *l, unsigned side)
{
	uint8_t p[512];
	union addr_sock from;
	size_t size;
	ssize_t n;

	for (;;) {
		socklen_t len = sizeof(from);

		n = recvfrom(l->rtcp_sock[side], p, sizeof(p), MSG_DONTWAIT, &from.sa, &len);
		if (n < 0)
			return;
		size = (size_t)n;
		if (p[1] == RTCP_RR) /* a relay's own */
			continue;
		if (!keys_open_rtcp(l, side, l->by_port[side][port_of(&from)], p, &size) || !is_report(l, side, &from, p, size))
			l->count.rtcp_faulty++;
		else
			l->count.rtcp_received += l->measuring;
	}
}

static void receive(struct load *l, unsigned side, unsigned i)
{
	static uint8_t data[BATCH][256];
	static struct {
		_Alignas(struct cmsghdr) uint8_t control[64];
	} control[BATCH];
	union addr_sock from[BATCH];
	struct mmsghdr m[BATCH];
	struct iovec iov[BATCH];
	int n;

	do {
		for (int k = 0; k < BATCH; k++) {
			iov[k] = (struct iovec){ data[k], sizeof(data[k]) };
			m[k].msg_hdr = (struct msghdr){ .msg_name = &from[k],
				.msg_namelen = sizeof(from[k]),
				.msg_iov = &iov[k],
				.msg_iovlen = 1,
				.msg_control = &control[k],
				.msg_controllen = sizeof(control[k]) };
		}
		n = recvmmsg(l->sock[side][i], m, BATCH, MSG_DONTWAIT, NULL);
		for (int k = 0; k < n; k++)
			check_packet(
			    l, side, i, data[k], m[k].msg_len, &from[k], stamp_of(&m[k].msg_hdr));
	} while (n == BATCH);
}

static void receive_ready(struct load *l, int timeout_ms)
{
	struct epoll_event ev[2 * LOAD_SOCKETS + 2];
	int n = epoll_wait(l->epoll_fd, ev, 2 * LOAD_SOCKETS + 2, timeout_ms);

	for (int i = 0; i < n; i++) {
		uint32_t tag = ev[i].data.u32;

		if (tag >= TAG_RTCP)
			receive_rtcp(l, tag - TAG_RTCP);
		else
			receive(l, tag / LOAD_SOCKETS, tag % LOAD_SOCKETS);
	}
}

/* ---- pace ------------------------------------------------------------------------------------ */

/* Streams of one turn, spread over its millisecond in small groups so that they do not come as one burst. */
static void take_turn(struct load *l, uint64_t turn)
{
	uint64_t due = l->begin_ns + turn * 1000000;
	uint32_t streams = 2 * l->calls,
	         mine = (streams + TURNS - 1 - (uint32_t)(turn % TURNS)) / TURNS, done = 0;

	for (uint32_t s = (uint32_t)(turn % TURNS); s < streams; s += TURNS, done++) {
		if (done % 4 == 0) {
			receive_ready(l, 0);
			while (clock_of(CLOCK_MONOTONIC) < due + (uint64_t)done * 900000 / mine)
				receive_ready(l, 0);
		}
		send_stream(l, s);
		if (l->rtcp && (turn / TURNS + s / TURNS) % RTCP_ROUNDS == 0)
			send_rtcp(l, s);
	}
	if (l->each_ms != NULL)
		l->each_ms(l->ctx);
}

void load_run(struct load *l, uint64_t for_ns, bool measuring, bool last)
{
	uint64_t now = clock_of(CLOCK_MONOTONIC), end = now + for_ns;

	if (l->begin_ns == 0)
		l->begin_ns = now;
	if (measuring && !l->measuring)
		memset(&l->count, 0, sizeof(l->count));
	l->measuring = measuring;
	while ((now = clock_of(CLOCK_MONOTONIC)) < end) {
		uint64_t due = (now - l->begin_ns) / 1000000;

		/* A generator that stood still catches up with a little of it: seconds of a call at once are more than sockets hold. */
		if (due > l->turn + BEHIND_MOST) {
			l->begin_ns += (due - l->turn - BEHIND_MOST) * 1000000;
			due = l->turn + BEHIND_MOST;
		}
		if (l->turn > due) {
			receive_ready(l, 0);
			continue;
		}
		take_turn(l, l->turn++);
	}
	if (!last)
		return;
	for (end = clock_of(CLOCK_MONOTONIC) + 300000000; clock_of(CLOCK_MONOTONIC) < end;)
		receive_ready(l, 1);
	for (uint32_t i = 0; i < 2 * l->calls; i++) {
		l->count.lost += l->stream[i].sent - l->stream[i].expected;
		for (unsigned k = 0; k < LOAD_REPORTS; k++)
			l->count.rtcp_lost += l->stream[i].ntp[k] != 0 && l->stream[i].reports_count;
	}
}

double load_percentile(const struct load_count *c, double p)
{
	uint64_t sum = 0, want = (uint64_t)((double)c->received * p);

	for (unsigned i = 0; i < LOAD_DELAYS; i++) {
		sum += c->delay[i];
		if (sum >= want && sum > 0)
			return i + 1;
	}
	return LOAD_DELAYS;
}
