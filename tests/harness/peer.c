// SPDX-License-Identifier: MIT
#include "tests/harness/peer.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "tests/harness/capture.h"
#include "tests/harness/secure.h"
#include "tests/harness/speech.h"

enum { HEADER = 12, PACKET = HEADER + SPEECH_FRAME, WAV_MAX = 60 * SPEECH_RATE, EVENTS = 256, PORT_STEP = 4 };
#define FRAME_NS 20000000ull
#define PAUSE_NS 1000000000ull
#define RTCP_NAME "inner." /* of every CNAME */

struct end {
	int rtp, rtcp;
	struct secure secure;
	union peer_addr local, to;
	bool known, speaking, began, marker;
	uint8_t pt;
	uint32_t call;
	uint16_t seq;          /* of the next packet */
	uint32_t ts0, ssrc;
	uint64_t start_ns;     /* index 0 is due */
	uint32_t index;        /* of the next packet */
	uint64_t last_sent_ns, rtcp_due_ns;
	/* what is heard */
	bool line;             /* heard_* are set */
	uint32_t heard_ssrc, heard_ts;
	uint16_t heard_seq;
	uint32_t missed;       /* packets in a row that were no speech at all */
	bool own;              /* what was heard last had no stamp: kedge's own */
	uint64_t heard_ns;
	const struct peer_source *speaker;
	uint32_t sources;
	struct peer_source source[PEER_SOURCES];
	double xx, yy, xy;
	struct peer_counts n;
	int16_t *wav;
	uint32_t wav_ts, wav_count;
};

struct peer {
	struct peer_opts opts;
	uint32_t lose; /* percent of its packets that are never sent, evenly */
	int epoll;
	FILE *pcap;
	int64_t wall_minus_mono;
	struct end end[];
};

static uint64_t now_of(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static uint16_t port_of(const union peer_addr *a)
{
	return ntohs(a->sa.sa_family == AF_INET6 ? a->v6.sin6_port : a->v4.sin_port);
}

static void set_port(union peer_addr *a, uint16_t port)
{
	if (a->sa.sa_family == AF_INET6)
		a->v6.sin6_port = htons(port);
	else
		a->v4.sin_port = htons(port);
}

static socklen_t size_of(const union peer_addr *a)
{
	return a->sa.sa_family == AF_INET6 ? sizeof a->v6 : sizeof a->v4;
}

static bool same_addr(const union peer_addr *a, const union peer_addr *b)
{
	if (a->sa.sa_family != b->sa.sa_family || port_of(a) != port_of(b))
		return false;
	if (a->sa.sa_family == AF_INET6)
		return memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof a->v6.sin6_addr) == 0;
	return a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
}

static int open_socket(struct peer *p, union peer_addr *local, uint64_t tag)
{
	int one = 1, size = 1 << 20, s = socket(local->sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = tag };

	if (s < 0)
		return -1;
	setsockopt(s, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one);
	setsockopt(s, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	if (bind(s, &local->sa, size_of(local)) || epoll_ctl(p->epoll, EPOLL_CTL_ADD, s, &ev)) {
		close(s);
		return -1;
	}
	return s;
}

static bool open_end(struct peer *p, uint32_t i)
{
	struct end *e = &p->end[i];
	uint16_t port = port_of(&p->opts.address) + PORT_STEP * i;
	union peer_addr rtcp;

	e->local = rtcp = p->opts.address;
	set_port(&e->local, port);
	set_port(&rtcp, port + 1);
	e->rtp = open_socket(p, &e->local, i * 2ull);
	e->rtcp = e->rtp < 0 ? -1 : open_socket(p, &rtcp, i * 2ull + 1);
	return e->rtcp >= 0;
}

struct peer *peer_open(const struct peer_opts *opts)
{
	struct peer *p = calloc(1, sizeof *p + opts->ends * sizeof p->end[0]);

	if (!p)
		return NULL;
	p->opts = *opts;
	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	p->wall_minus_mono = now_of(CLOCK_REALTIME) - now_of(CLOCK_MONOTONIC);
	for (uint32_t i = 0; i < opts->ends; i++)
		p->end[i].rtp = p->end[i].rtcp = -1;
	if (p->epoll < 0 || (opts->pcap && !(p->pcap = pcap_open(opts->pcap))))
		goto out;
	for (uint32_t i = 0; i < opts->ends; i++)
		if (!open_end(p, i))
			goto out;
	return p;
out:;
	int error = errno;
	peer_close(p);
	errno = error;
	return NULL;
}

void peer_close(struct peer *p)
{
	for (uint32_t i = 0; i < p->opts.ends; i++) {
		if (p->end[i].rtp >= 0)
			close(p->end[i].rtp);
		if (p->end[i].rtcp >= 0)
			close(p->end[i].rtcp);
		free(p->end[i].wav);
		secure_clear(&p->end[i].secure);
	}
	if (p->pcap)
		fclose(p->pcap);
	if (p->epoll >= 0)
		close(p->epoll);
	free(p);
}

int peer_fd(const struct peer *p)
{
	return p->epoll;
}

/* ---- speaking ---- */

/* Sequence numbers begin shortly before they wrap, time stamps too: each call of a few seconds crosses both. */
static void begin(struct end *e, uint8_t id, uint64_t now_ns)
{
	e->began = true;
	e->start_ns = now_ns;
	e->seq = 65536 - 100 - e->call % 64;
	e->ts0 = -(120u + e->call % 64) * SPEECH_FRAME;
	e->ssrc = e->call << 8 | id;
	e->rtcp_due_ns = now_ns;
}

void peer_start(struct peer *p, uint32_t i, const union peer_addr *to, uint32_t call, uint8_t pt, uint64_t now_ns)
{
	struct end *e = &p->end[i];

	assert(i < p->opts.ends);
	e->to = *to;
	e->known = true;
	e->call = call & 0xffffff;
	e->pt = pt;
	if (e->speaking)
		return;
	if (!e->began)
		begin(e, p->opts.id, now_ns);
	e->speaking = e->marker = true;
	e->index = (now_ns - e->start_ns + FRAME_NS - 1) / FRAME_NS;
}

void peer_stop(struct peer *p, uint32_t i)
{
	assert(i < p->opts.ends);
	p->end[i].speaking = false;
}

void peer_stop_all(struct peer *p)
{
	for (uint32_t i = 0; i < p->opts.ends; i++)
		p->end[i].speaking = false;
}

static void put16(uint8_t *at, uint16_t v)
{
	at[0] = v >> 8;
	at[1] = v;
}

static void put32(uint8_t *at, uint32_t v)
{
	put16(at, v >> 16);
	put16(at + 2, v);
}

static uint16_t get16(const uint8_t *at)
{
	return at[0] << 8 | at[1];
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static void speak_packet(struct peer *p, struct end *e, uint64_t now_ns)
{
	struct speech_stamp stamp = { e->call, e->index, p->opts.id };
	uint8_t packet[PACKET + SECURE_ROOM] = { 0x80, (e->marker ? 0x80 : 0) | e->pt };
	size_t size = PACKET;
	bool lost = (uint64_t)e->index * p->lose / 100 != ((uint64_t)e->index + 1) * p->lose / 100;

	put16(packet + 2, e->seq);
	put32(packet + 4, e->ts0 + e->index * SPEECH_FRAME);
	put32(packet + 8, e->ssrc);
	speech_packet(&stamp, e->pt, packet + HEADER);
	if (secure_on(&e->secure) && !secure_protect(&e->secure, false, packet, &size))
		e->n.srtp_bad++;
	if (!lost && sendto(e->rtp, packet, size, 0, &e->to.sa, size_of(&e->to)) == (ssize_t)size)
		e->n.sent++;
	if (p->pcap)
		pcap_put(p->pcap, now_ns + p->wall_minus_mono, &e->local.sa, &e->to.sa, packet, size);
	if (!e->marker && now_ns - e->last_sent_ns > e->n.sent_gap_ns)
		e->n.sent_gap_ns = now_ns - e->last_sent_ns;
	e->last_sent_ns = now_ns;
	e->marker = false;
	e->seq++;
	e->index++;
}

/* Sender report and CNAME (RFC 3550 6.4.1, 6.5.1). */
static void speak_rtcp(struct peer *p, struct end *e, uint64_t now_ns)
{
	uint64_t wall = now_ns + p->wall_minus_mono;
	uint8_t sr[48 + SECURE_ROOM] = { 0x80, 200, 0, 6 };
	size_t size = 48;
	union peer_addr to = e->to;

	put32(sr + 4, e->ssrc);
	put32(sr + 8, wall / 1000000000 + 2208988800u);
	put32(sr + 12, (wall % 1000000000 << 32) / 1000000000);
	put32(sr + 16, e->ts0 + e->index * SPEECH_FRAME);
	put32(sr + 20, e->n.sent);
	put32(sr + 24, e->n.sent * SPEECH_FRAME);
	memcpy(sr + 28, "\x81\xca\0\4", 4);
	put32(sr + 32, e->ssrc);
	memcpy(sr + 36, "\1\11" RTCP_NAME "pbx\0", 12);
	set_port(&to, port_of(&to) + 1);
	if (secure_on(&e->secure) && !secure_protect(&e->secure, true, sr, &size))
		e->n.srtp_bad++;
	if (sendto(e->rtcp, sr, size, 0, &to.sa, size_of(&to)) == (ssize_t)size)
		e->n.rtcp_sent++;
}

/* Returns when this end has something to send again. */
static uint64_t speak(struct peer *p, struct end *e, uint64_t now_ns)
{
	uint64_t due;

	while ((due = e->start_ns + e->index * FRAME_NS) <= now_ns)
		speak_packet(p, e, now_ns);
	if (p->opts.rtcp_ms && e->rtcp_due_ns <= now_ns) {
		speak_rtcp(p, e, now_ns);
		e->rtcp_due_ns = now_ns + p->opts.rtcp_ms * 1000000ull;
	}
	return due;
}

/* ---- hearing ---- */

static struct peer_source *source_of(struct end *e, const struct speech_stamp *s)
{
	for (uint32_t i = 0; i < e->sources; i++)
		if (e->source[i].call == s->call && e->source[i].end == s->end)
			return &e->source[i];
	if (e->sources == PEER_SOURCES)
		return NULL;
	struct peer_source *src = &e->source[e->sources++];
	*src = (struct peer_source){ .call = s->call, .end = s->end, .first = s->index, .next = s->index };
	return src;
}

/* Enters one index: true if it was not heard before. `pause`: the speaker says that the hole is his own. */
static bool enter(struct peer_source *src, uint32_t index, bool pause)
{
	if (index >= src->next) {
		uint32_t step = index - src->next + 1;
		src->seen = step < 64 ? src->seen << step | 1 : 1;
		src->lost += pause ? 0 : step - 1;
		src->next = index + 1;
		src->packets++;
		return true;
	}
	uint32_t back = src->next - 1 - index;
	if (back >= 64 || src->seen >> back & 1) {
		src->doubled++;
		return false;
	}
	src->seen |= 1ull << back;
	src->reordered++;
	src->packets++;
	if (index < src->first)
		src->first = index; /* overtaken by the first one heard: was never counted as lost */
	else if (src->lost)
		src->lost--;
	return true;
}

/* The line toward us is one line, whoever speaks: RFC 3550 5.1, media/stitch.h. */
static void check_line(struct end *e, const uint8_t *packet, const struct peer_source *src, uint32_t step,
	bool pause, uint64_t heard_ns)
{
	uint32_t ssrc = get32(packet + 8), ts = get32(packet + 4);
	uint16_t seq = get16(packet + 2);
	bool moved = e->speaker && e->speaker != src;

	if (e->line && ssrc != e->heard_ssrc) {
		e->n.ssrc++;
	} else if (e->line && (moved || e->own)) {
		int64_t due = (heard_ns - e->heard_ns) / (1000000000 / SPEECH_RATE);
		if ((uint16_t)(seq - e->heard_seq) != 1 || (moved && !(packet[1] & 0x80)))
			e->n.seq++;
		if (llabs((int32_t)(ts - e->heard_ts) - due) > SPEECH_RATE / 10)
			e->n.ts++;
	} else if (e->line) {
		if ((uint16_t)(seq - e->heard_seq) != (pause ? 1 : step))
			e->n.seq++;
		if (ts - e->heard_ts != step * SPEECH_FRAME)
			e->n.ts++;
	}
	if (moved)
		e->n.switches++;
	e->line = true;
	e->own = false;
	e->speaker = src;
	e->heard_ssrc = ssrc;
	e->heard_ts = ts;
	e->heard_seq = seq;
}

/* What kedge says itself (a tone, noise) has no stamp, and stands on the same line. */
static void follow_line(struct end *e, const uint8_t *packet, uint64_t heard_ns)
{
	if (!e->line || get32(packet + 8) != e->heard_ssrc || (uint16_t)(get16(packet + 2) - e->heard_seq) != 1)
		return;
	e->own = true;
	e->heard_seq++;
	e->heard_ts = get32(packet + 4);
	e->heard_ns = heard_ns;
}

/* Heard against said; what was lost counts as silence. */
static void correlate(struct end *e, const struct speech_stamp *s, const uint8_t *payload, uint8_t pt, uint32_t missing)
{
	for (uint32_t m = missing > 50 ? 50 : missing; m; m--)
		for (int i = 0; i < SPEECH_FRAME; i++) {
			double x = speech_sample(s->call, s->end, (uint64_t)(s->index - m) * SPEECH_FRAME + i);
			e->xx += x * x;
		}
	for (int i = 0; i < SPEECH_FRAME; i++) {
		double x = speech_sample(s->call, s->end, (uint64_t)s->index * SPEECH_FRAME + i);
		double y = speech_decode(pt, payload[i]);
		e->xx += x * x;
		e->yy += y * y;
		e->xy += x * y;
	}
}

/* Puts the sound at the place its time stamp names: a wrong line is heard in the file. */
static void keep_wav(struct end *e, const uint8_t *packet, uint8_t pt)
{
	uint32_t ts = get32(packet + 4), at;

	if (!e->wav && !(e->wav = calloc(WAV_MAX, sizeof e->wav[0])))
		return;
	if (!e->wav_count)
		e->wav_ts = ts;
	at = ts - e->wav_ts;
	if (at > WAV_MAX - SPEECH_FRAME)
		return;
	for (int i = 0; i < SPEECH_FRAME; i++)
		e->wav[at + i] = speech_decode(pt, packet[HEADER + i]);
	if (at + SPEECH_FRAME > e->wav_count)
		e->wav_count = at + SPEECH_FRAME;
}

static bool as_said(const struct speech_stamp *s, uint8_t pt, const uint8_t *payload)
{
	uint8_t said[SPEECH_FRAME];

	speech_packet(s, pt, said);
	return memcmp(said, payload, sizeof said) == 0;
}

static void hear_speech(struct peer *p, struct end *e, const uint8_t *packet, const struct speech_stamp *s, uint64_t heard_ns)
{
	struct peer_source *src = source_of(e, s);
	uint8_t pt = packet[1] & 0x7f;
	uint32_t next;
	bool pause;

	if (!src) {
		e->n.wrong_call++;
		return;
	}
	next = src->packets ? src->next : s->index;
	pause = (packet[1] & 0x80) && e->line && (uint16_t)(get16(packet + 2) - e->heard_seq) == 1;
	if (!enter(src, s->index, pause || src != e->speaker))
		return;
	e->n.heard++;
	if (e->heard_ns && !pause && heard_ns > e->heard_ns && heard_ns - e->heard_ns > e->n.gap_ns)
		e->n.gap_ns = heard_ns - e->heard_ns;
	if (s->index >= next) {
		check_line(e, packet, src, s->index - next + 1, pause, heard_ns);
		correlate(e, s, packet + HEADER, pt, pause ? 0 : s->index - next);
	}
	e->heard_ns = heard_ns;
	if (p->opts.wav)
		keep_wav(e, packet, pt);
}

#define MISSES 10 /* then one packet in so many is looked at: noise for a silent end has no speech in it */
#define SELDOM 50

/* Speech in the other law that was turned into ours on its way: looked for behind what was heard last, else from its beginning. */
static bool find_turned(struct end *e, const uint8_t *packet, struct speech_stamp *s)
{
	uint32_t next = e->speaker ? e->speaker->next : 0;

	if (!e->known || (e->missed > MISSES && e->missed++ % SELDOM))
		return false;
	if (speech_turned(packet + HEADER, e->pt, e->call, next, 64, s) || speech_turned(packet + HEADER, e->pt, e->call, 0, 1500, s)) {
		e->missed = 0;
		return true;
	}
	e->missed++;
	return false;
}

/* Half of a stamp may outlive the tables. */
static bool stamped(const uint8_t *packet, uint8_t pt, struct speech_stamp *s)
{
	return speech_read(packet + HEADER, s) && as_said(s, pt, packet + HEADER);
}

static void hear(struct peer *p, struct end *e, const uint8_t *packet, size_t size, const union peer_addr *from, uint64_t heard_ns)
{
	uint8_t pt = packet[1] & 0x7f;
	struct speech_stamp s;

	if (e->known && !same_addr(from, &e->to))
		e->n.strangers++;
	if (size < HEADER || packet[0] >> 6 != 2)
		e->n.corrupt++;
	else if (size == PACKET && packet[0] == 0x80 && pt == e->pt && !stamped(packet, pt, &s) && find_turned(e, packet, &s))
		e->n.turned++, hear_speech(p, e, packet, &s, heard_ns);
	else if (size != PACKET || packet[0] != 0x80)
		e->n.unstamped++;
	else if (!speech_read(packet + HEADER, &s))
		e->n.unstamped++, follow_line(e, packet, heard_ns);
	else if (pt != e->pt && e->known)
		e->n.wrong_pt++;
	else if (!as_said(&s, pt, packet + HEADER))
		e->n.corrupt++;
	else if (e->known && s.call != e->call)
		e->n.wrong_call++;
	else if (s.end == p->opts.id)
		e->n.echo++;
	else
		hear_speech(p, e, packet, &s, heard_ns);
}

/* A sender or receiver report that begins a compound packet of whole chunks (RFC 3550 6.1). */
static bool good_rtcp(const uint8_t *packet, size_t size)
{
	size_t at = 0;

	if (size < 8 || (packet[1] != 200 && packet[1] != 201))
		return false;
	while (at + 4 <= size && packet[at] >> 6 == 2)
		at += 4 * (get16(packet + at + 2) + 1u);
	return at == size;
}

/* One packet of a socket, with the time the kernel gave it. Size or -1. */
static ssize_t take(int fd, uint8_t *packet, size_t room, union peer_addr *from, uint64_t *wall_ns)
{
	char control[CMSG_SPACE(sizeof(struct timespec))];
	struct iovec iov = { packet, room };
	struct msghdr m = { .msg_name = from, .msg_namelen = sizeof *from, .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof control };
	ssize_t n = recvmsg(fd, &m, 0);
	struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&m);
	struct timespec t;

	if (c && c->cmsg_type == SCM_TIMESTAMPNS) {
		memcpy(&t, CMSG_DATA(c), sizeof t);
		*wall_ns = t.tv_sec * 1000000000ull + t.tv_nsec;
	}
	return n;
}

static void on_packet(struct peer *p, uint64_t tag)
{
	struct end *e = &p->end[tag / 2];
	uint64_t wall = now_of(CLOCK_REALTIME);
	uint8_t packet[2048] = { 0 };
	union peer_addr from;
	size_t size;
	ssize_t n = take(tag & 1 ? e->rtcp : e->rtp, packet, sizeof packet, &from, &wall);

	size = n < 0 ? 0 : (size_t)n;
	if (n < 0)
		return;
	if (secure_on(&e->secure) && !secure_unprotect(&e->secure, tag & 1, packet, &size)) {
		e->n.srtp_bad++;
		return;
	}
	n = (ssize_t)size;
	if (tag & 1) {
		if (good_rtcp(packet, n))
			e->n.rtcp_heard++;
		else if (e->known) /* before that its keys were perhaps not told yet */
			e->n.rtcp_bad++;
		if (memmem(packet, n, RTCP_NAME, sizeof RTCP_NAME - 1))
			e->n.named++;
		return;
	}
	if (p->pcap)
		pcap_put(p->pcap, wall, &from.sa, &e->local.sa, packet, n);
	hear(p, e, packet, n, &from, wall - p->wall_minus_mono);
}

uint64_t peer_step(struct peer *p, uint64_t now_ns)
{
	struct epoll_event ev[EVENTS];
	uint64_t due, next = now_ns + FRAME_NS;
	int n;

	do {
		n = epoll_wait(p->epoll, ev, EVENTS, 0);
		for (int i = 0; i < n; i++)
			on_packet(p, ev[i].data.u64);
	} while (n == EVENTS);
	for (uint32_t i = 0; i < p->opts.ends; i++)
		if (p->end[i].speaking && (due = speak(p, &p->end[i], now_ns)) < next)
			next = due;
	return next;
}

/* ---- orders and results ---- */

uint32_t peer_call_of(const char *number)
{
	uint32_t call = 0;

	for (; *number; number++)
		if (*number >= '0' && *number <= '9')
			call = (call % 1000000) * 10 + (*number - '0');
	return call;
}

static bool parse_addr(const char *ip, unsigned port, union peer_addr *out)
{
	memset(out, 0, sizeof *out);
	if (inet_pton(AF_INET, ip, &out->v4.sin_addr) == 1)
		out->sa.sa_family = AF_INET;
	else if (inet_pton(AF_INET6, ip, &out->v6.sin6_addr) == 1)
		out->sa.sa_family = AF_INET6;
	else
		return false;
	set_port(out, port);
	return port > 0 && port < 65536;
}

int peer_command(struct peer *p, const char *line, uint64_t now_ns)
{
	char ip[64], number[64], ours[128], theirs[128];
	unsigned end, port, pt = SPEECH_PCMU;
	union peer_addr to;

	if (sscanf(line, "lose %u", &p->lose) == 1)
		return 0;
	if (strncmp(line, "stop all", 8) == 0) {
		peer_stop_all(p);
		return 0;
	}
	if (sscanf(line, "stop %u", &end) == 1 && end > 0) {
		peer_stop(p, (end - 1) % p->opts.ends);
		return 0;
	}
	if (sscanf(line, "clear %u", &end) == 1 && end > 0) {
		secure_clear(&p->end[(end - 1) % p->opts.ends].secure);
		return 0;
	}
	if (sscanf(line, "srtp %u %63s %127s %127s", &end, number, ours, theirs) == 4 && end > 0)
		return secure_set(&p->end[(end - 1) % p->opts.ends].secure, number, ours, theirs);
	if (sscanf(line, "start %u %63s %u %63s %u", &end, ip, &port, number, &pt) < 4 || !end || !parse_addr(ip, port, &to))
		return -EINVAL;
	peer_start(p, (end - 1) % p->opts.ends, &to, peer_call_of(number), pt, now_ns);
	return 0;
}

void peer_counts(const struct peer *p, uint32_t end, struct peer_counts *out)
{
	const struct end *e = &p->end[end];

	*out = e->n;
	for (uint32_t i = 0; i < e->sources; i++) {
		out->lost += e->source[i].lost;
		out->doubled += e->source[i].doubled;
		out->reordered += e->source[i].reordered;
	}
	out->corr = e->n.heard && e->xx > 0 && e->yy > 0 ? e->xy / sqrt(e->xx * e->yy) : 1;
	out->ends = e->began || e->n.heard || peer_faults(out) || e->n.unstamped;
}

const struct peer_source *peer_sources(const struct peer *p, uint32_t end, uint32_t *count)
{
	*count = p->end[end].sources;
	return p->end[end].source;
}

static uint64_t most(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

void peer_totals(const struct peer *p, struct peer_counts *out)
{
	struct peer_counts c;

	*out = (struct peer_counts){ .corr = 1 };
	for (uint32_t i = 0; i < p->opts.ends; i++) {
		peer_counts(p, i, &c);
#define ADD(f) out->f += c.f
		ADD(sent), ADD(heard), ADD(lost), ADD(doubled), ADD(reordered), ADD(corrupt), ADD(wrong_call), ADD(echo);
		ADD(unstamped), ADD(turned), ADD(wrong_pt), ADD(strangers), ADD(ssrc), ADD(seq), ADD(ts), ADD(switches), ADD(ends);
		ADD(rtcp_sent), ADD(rtcp_heard), ADD(rtcp_bad), ADD(named), ADD(srtp_bad);
#undef ADD
		out->gap_ns = most(out->gap_ns, c.gap_ns);
		out->sent_gap_ns = most(out->sent_gap_ns, c.sent_gap_ns);
		out->corr = fmin(out->corr, c.corr);
	}
}

uint64_t peer_faults(const struct peer_counts *c)
{
	return c->lost + c->doubled + c->reordered + c->corrupt + c->wrong_call + c->echo + c->wrong_pt + c->strangers +
		c->ssrc + c->seq + c->ts + c->rtcp_bad + c->srtp_bad;
}

static void json_counts(const struct peer_counts *c, FILE *out)
{
#define FIELD(f) fprintf(out, "\"" #f "\": %llu, ", (unsigned long long)c->f)
	FIELD(sent), FIELD(heard), FIELD(lost), FIELD(doubled), FIELD(reordered), FIELD(corrupt), FIELD(wrong_call);
	FIELD(echo), FIELD(unstamped), FIELD(turned), FIELD(wrong_pt), FIELD(strangers), FIELD(ssrc), FIELD(seq), FIELD(ts);
	FIELD(switches), FIELD(rtcp_sent), FIELD(rtcp_heard), FIELD(rtcp_bad), FIELD(named), FIELD(srtp_bad);
#undef FIELD
	fprintf(out, "\"gap_ms\": %.2f, \"sent_gap_ms\": %.2f, \"corr\": %.5f, \"faults\": %llu", c->gap_ns / 1e6,
		c->sent_gap_ns / 1e6, c->corr, (unsigned long long)peer_faults(c));
}

static void json_end(const struct peer *p, uint32_t i, const struct peer_counts *c, FILE *out)
{
	const struct end *e = &p->end[i];

	fprintf(out, "{\"end\": %u, \"port\": %u, \"call\": %u, \"index\": %u, ", i + 1, port_of(&e->local), e->call, e->index);
	json_counts(c, out);
	fputs(", \"sources\": [", out);
	for (uint32_t k = 0; k < e->sources; k++)
		fprintf(out, "%s{\"end\": %u, \"call\": %u, \"first\": %u, \"last\": %u, \"packets\": %llu}", k ? ", " : "",
			e->source[k].end, e->source[k].call, e->source[k].first, e->source[k].next - 1,
			(unsigned long long)e->source[k].packets);
	fputs("]}", out);
}

void peer_json(const struct peer *p, FILE *out)
{
	struct peer_counts c;
	const char *comma = "";

	fputs("{\"ends\": [", out);
	for (uint32_t i = 0; i < p->opts.ends; i++) {
		peer_counts(p, i, &c);
		if (!c.ends)
			continue;
		fputs(comma, out);
		json_end(p, i, &c, out);
		comma = ",\n ";
	}
	peer_totals(p, &c);
	fprintf(out, "],\n \"totals\": {\"count\": %u, ", c.ends);
	json_counts(&c, out);
	fputs("}}\n", out);
	fflush(out);
}

int peer_wav(const struct peer *p, const char *dir, const char *name)
{
	char path[512];
	int files = 0;

	for (uint32_t i = 0; i < p->opts.ends; i++) {
		const struct end *e = &p->end[i];
		if (!e->wav_count)
			continue;
		snprintf(path, sizeof path, "%s/%s-%07u.wav", dir, name, e->call);
		int r = wav_write(path, e->wav, e->wav_count);
		if (r < 0)
			return r;
		files++;
	}
	return files;
}
