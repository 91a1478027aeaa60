// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <string.h>

#include "tests/harness/capture.h"
#include "tests/harness/peer_part.h"

static bool same_addr(const union peer_addr *a, const union peer_addr *b)
{
	if (a->sa.sa_family != b->sa.sa_family || peer_port_of(a) != peer_port_of(b))
		return false;
	if (a->sa.sa_family == AF_INET6)
		return memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof a->v6.sin6_addr) == 0;
	return a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
}

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
	uint32_t ssrc = peer_get32(packet + 8), ts = peer_get32(packet + 4);
	uint16_t seq = peer_get16(packet + 2);
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

/* What kedge says itself (a tone, noise), and comfort noise of any end, has no stamp, and stands on the same line. */
static void follow_line(struct end *e, const uint8_t *packet, uint64_t heard_ns)
{
	if (!e->line || peer_get32(packet + 8) != e->heard_ssrc || (uint16_t)(peer_get16(packet + 2) - e->heard_seq) != 1)
		return;
	e->own = true;
	e->heard_seq++;
	e->heard_ts = peer_get32(packet + 4);
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
	uint32_t ts = peer_get32(packet + 4), at;

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
	pause = (packet[1] & 0x80) && e->line && (uint16_t)(peer_get16(packet + 2) - e->heard_seq) == 1;
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

static bool is_missed(const struct peer *p, struct end *e)
{
	e->came++;
	return e->came * p->miss / 100 != (e->came - 1) * p->miss / 100;
}

static void hear(struct peer *p, struct end *e, const uint8_t *packet, size_t size, const union peer_addr *from, uint64_t heard_ns)
{
	uint8_t pt = packet[1] & 0x7f;
	struct speech_stamp s;

	if (e->known && !same_addr(from, &e->to))
		e->n.strangers++;
	if (size < HEADER || packet[0] >> 6 != 2)
		e->n.corrupt++;
	else if (is_missed(p, e))
		e->n.missed++;
	else if (pt == NOISE_PT)
		e->n.noise++, follow_line(e, packet, heard_ns);
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
		at += 4 * (peer_get16(packet + at + 2) + 1u);
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

void peer_hear(struct peer *p, uint64_t tag)
{
	struct end *e = &p->end[tag / 2];
	uint64_t wall = peer_now_of(CLOCK_REALTIME);
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
