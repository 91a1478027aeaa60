// SPDX-License-Identifier: MIT
#include "tests/harness/peer.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "tests/harness/capture.h"
#include "tests/harness/peer_part.h"
#include "tests/harness/stage.h"

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
	uint16_t port = peer_port_of(&p->opts.address) + PORT_STEP * i;
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
	p->wall_minus_mono = peer_now_of(CLOCK_REALTIME) - peer_now_of(CLOCK_MONOTONIC);
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
		shake_free(&p->end[i].shake);
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
	e->reports = false;
	if (!e->began)
		begin(e, p->opts.id, now_ns);
	e->speaking = e->marker = true;
	e->index = (now_ns - e->start_ns + FRAME_NS - 1) / FRAME_NS;
}

void peer_stop(struct peer *p, uint32_t i)
{
	assert(i < p->opts.ends);
	p->end[i].speaking = p->end[i].reports = false;
}

void peer_stop_all(struct peer *p)
{
	for (uint32_t i = 0; i < p->opts.ends; i++)
		p->end[i].speaking = p->end[i].reports = false;
}

static void leave(struct end *e, const uint8_t *packet, size_t size, uint16_t seq, uint32_t ts)
{
	uint64_t now_ns = stage_now_ns();

	if (sendto(e->rtp, packet, size, 0, &e->to.sa, size_of(&e->to)) != (ssize_t)size)
		return;
	e->n.sent++;
	shake_left(&e->shake, seq, ts, now_ns);
}

static void leave_held(struct end *e, uint64_t now_ns)
{
	const struct shake_packet *k;

	for (; (k = shake_due(&e->shake, now_ns)); shake_done(&e->shake))
		leave(e, k->data, k->size, k->sequence, k->timestamp);
}

/* Protects a packet of ours and sends it: now, later or never. */
static void send_out(struct peer *p, struct end *e, uint8_t *packet, size_t size, uint64_t now_ns)
{
	bool lost = (uint64_t)e->index * p->lose / 100 != ((uint64_t)e->index + 1) * p->lose / 100;
	bool held = p->shake_ms && e->seq % 2;
	uint32_t ts = peer_get32(packet + 4);

	if (secure_on(&e->secure) && !secure_protect(&e->secure, false, packet, &size))
		e->n.srtp_bad++;
	if (!lost && (!held || !shake_hold(&e->shake, packet, size, now_ns + shake_ns(p->shake_ms, e->seq))))
		leave(e, packet, size, e->seq, ts);
	if (p->pcap)
		pcap_put(p->pcap, now_ns + p->wall_minus_mono, &e->local.sa, &e->to.sa, packet, size);
	e->seq++;
}

static void head(struct end *e, uint8_t *packet, uint8_t pt)
{
	packet[0] = 0x80;
	packet[1] = pt;
	peer_put16(packet + 2, e->seq);
	peer_put32(packet + 4, e->ts0 + e->index * SPEECH_FRAME);
	peer_put32(packet + 8, e->ssrc);
}

static void speak_packet(struct peer *p, struct end *e, uint64_t now_ns)
{
	struct speech_stamp stamp = { e->call, e->index, p->opts.id };
	uint8_t packet[PACKET + SECURE_ROOM];

	head(e, packet, (e->marker ? 0x80 : 0) | e->pt);
	speech_packet(&stamp, e->pt, packet + HEADER);
	send_out(p, e, packet, PACKET, now_ns);
	if (!e->marker && now_ns - e->last_sent_ns > e->n.sent_gap_ns)
		e->n.sent_gap_ns = now_ns - e->last_sent_ns;
	e->last_sent_ns = now_ns;
	e->marker = false;
	e->index++;
}

/* RFC 3389 3.1: the level alone, -50 dBov. */
static void speak_noise(struct peer *p, struct end *e, uint64_t now_ns)
{
	uint8_t packet[HEADER + 1 + SECURE_ROOM];

	head(e, packet, NOISE_PT);
	packet[HEADER] = 50;
	send_out(p, e, packet, HEADER + 1, now_ns);
	e->n.noise_sent++;
}

/* What never came of the line we hear (RFC 3550 6.4.1): a report block behind the sender's figures. */
static size_t report_block(const struct end *e, uint8_t *at)
{
	peer_put32(at, e->heard_ssrc);
	peer_put32(at + 4, (uint32_t)e->n.missed & 0xffffff);
	peer_put32(at + 8, e->heard_seq);
	memset(at + 12, 0, 12);
	return 24;
}

/* Sender report and CNAME (RFC 3550 6.4.1, 6.5.1). */
static void speak_rtcp(struct peer *p, struct end *e, uint64_t now_ns)
{
	uint64_t wall = now_ns + p->wall_minus_mono;
	uint8_t sr[72 + SECURE_ROOM] = { 0x80, 200, 0, 6 };
	size_t size = 28;
	union peer_addr to = e->to;

	peer_put32(sr + 4, e->ssrc);
	peer_put32(sr + 8, wall / 1000000000 + 2208988800u);
	peer_put32(sr + 12, (wall % 1000000000 << 32) / 1000000000);
	peer_put32(sr + 16, e->ts0 + e->index * SPEECH_FRAME);
	peer_put32(sr + 20, e->n.sent);
	peer_put32(sr + 24, e->n.sent * SPEECH_FRAME);
	if (p->miss && e->line) {
		size += report_block(e, sr + size);
		sr[0]++;
		sr[3] = 12;
	}
	memcpy(sr + size, "\x81\xca\0\4", 4);
	peer_put32(sr + size + 4, e->ssrc);
	memcpy(sr + size + 8, "\1\11" RTCP_NAME "pbx\0", 12);
	size += 20;
	set_port(&to, peer_port_of(&to) + 1);
	if (secure_on(&e->secure) && !secure_protect(&e->secure, true, sr, &size))
		e->n.srtp_bad++;
	if (sendto(e->rtcp, sr, size, 0, &to.sa, size_of(&to)) == (ssize_t)size)
		e->n.rtcp_sent++;
}

/* Returns when this end has something to send again. */
static uint64_t speak(struct peer *p, struct end *e, uint64_t now_ns)
{
	uint64_t due = UINT64_MAX;

	leave_held(e, now_ns);
	while (e->speaking && (due = e->start_ns + e->index * FRAME_NS) <= now_ns)
		speak_packet(p, e, now_ns);
	if (p->opts.rtcp_ms && (e->speaking || e->reports) && e->rtcp_due_ns <= now_ns) {
		speak_rtcp(p, e, now_ns);
		e->rtcp_due_ns = now_ns + p->opts.rtcp_ms * 1000000ull;
	}
	return due < shake_next(&e->shake) ? due : shake_next(&e->shake);
}

uint64_t peer_step(struct peer *p, uint64_t now_ns)
{
	struct epoll_event ev[EVENTS];
	uint64_t due, next = now_ns + FRAME_NS;
	int n;

	do {
		n = epoll_wait(p->epoll, ev, EVENTS, 0);
		for (int i = 0; i < n; i++)
			peer_hear(p, ev[i].data.u64);
	} while (n == EVENTS);
	for (uint32_t i = 0; i < p->opts.ends; i++)
		if ((due = speak(p, &p->end[i], now_ns)) < next)
			next = due;
	return next;
}

/* ---- orders ---- */

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

/* Quiet, or speaking again. 0 or -EINVAL. */
static int command_end(struct peer *p, const char *line, uint64_t now_ns)
{
	char word[8];
	struct end *e;
	unsigned end;

	if (sscanf(line, "%7s %u", word, &end) != 2 || !end)
		return -EINVAL;
	e = &p->end[(end - 1) % p->opts.ends];
	if (strcmp(word, "speak") == 0 && e->began) {
		peer_start(p, (end - 1) % p->opts.ends, &e->to, e->call, e->pt, now_ns);
		return 0;
	}
	if (strcmp(word, "noise") == 0 && e->speaking)
		speak_noise(p, e, now_ns);
	else if (strcmp(word, "pause") != 0)
		return -EINVAL;
	e->speaking = false;
	e->reports = *word == 'p';
	return 0;
}

int peer_command(struct peer *p, const char *line, uint64_t now_ns)
{
	char ip[64], number[64], ours[128], theirs[128];
	unsigned end, port, pt = SPEECH_PCMU;
	union peer_addr to;

	if (sscanf(line, "lose %u", &p->lose) == 1 || sscanf(line, "shake %u", &p->shake_ms) == 1 || sscanf(line, "miss %u", &p->miss) == 1 ||
		sscanf(line, "rtcp %u", &p->opts.rtcp_ms) == 1)
		return 0;
	if (command_end(p, line, now_ns) == 0)
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
