// SPDX-License-Identifier: MIT
#include "media/stitch.h"

#include <errno.h>
#include <string.h>

#include "routing/shm/layout.h"

#define NS_PER_S 1000000000ULL

void stitch_init(struct stitch *s, uint32_t ssrc)
{
	*s = (struct stitch){ .ssrc = ssrc, .source = STITCH_NONE };
}

void stitch_break(struct stitch *s)
{
	s->source = STITCH_NONE;
	s->had_old = false;
}

/* Samples that pass in a time, in a form that does not overflow for days at 90 kHz. */
static uint64_t samples(uint64_t ns, uint32_t rate)
{
	return ns / 1000 * rate / 1000000;
}

static uint32_t next_timestamp(
    const struct stitch *s, const struct stitch_pace *pace, uint64_t now_ns)
{
	uint64_t gone = samples(now_ns - s->last_ns, pace->clock_rate);
	uint64_t frame = (uint64_t)pace->ptime_ms * pace->clock_rate / 1000;

	return s->last_timestamp + (uint32_t)(gone > frame ? gone : frame);
}

static void begin(struct stitch *s, const struct rtp *h, uint64_t now_ns)
{
	s->started = true;
	s->index = s->base = h->sequence;
	s->sequence_offset = 0;
	s->timestamp_offset = 0;
	s->last_timestamp = h->timestamp;
	s->last_ns = now_ns;
}

static void join(struct stitch *s, struct rtp *h, const struct stitch_pace *pace, uint64_t now_ns)
{
	uint32_t timestamp = next_timestamp(s, pace, now_ns);

	s->joined = true;
	s->base = ++s->index;
	s->sequence_offset = (uint16_t)((uint16_t)s->index - h->sequence);
	s->timestamp_offset = timestamp - h->timestamp;
	h->marker = h->marker || !pace->frames;
}

static void send_highest(struct stitch *s, struct rtp *h, uint64_t now_ns)
{
	h->sequence = (uint16_t)(h->sequence + s->sequence_offset);
	h->timestamp += s->timestamp_offset;
	h->ssrc = s->ssrc;
	/* All packets of an event have the timestamp of its beginning: the line's clock runs on from there. */
	if (h->event && (int32_t)(h->timestamp - s->last_timestamp) <= 0)
		return;
	s->last_timestamp = h->timestamp;
	s->last_ns = now_ns;
}

/* Timestamps of another clock: another SSRC, for its receiver has but one clock for each. */
static void renew(struct stitch *s, const struct rtp *h, uint64_t now_ns)
{
	s->gone_ssrc = s->ssrc;
	s->ssrc = s->ssrc * 2654435761u + 0x9e3779b9u;
	if (s->ssrc == s->gone_ssrc)
		s->ssrc ^= 1;
	s->packets = s->octets = 0;
	s->lost = 0;
	s->timestamp_offset = 0;
	s->last_timestamp = h->timestamp;
	s->last_ns = now_ns;
}

static enum stitch_result switch_source(struct stitch *s, uint8_t source, struct rtp *h,
    const struct stitch_pace *pace, uint64_t now_ns)
{
	s->had_old = s->source == source && h->ssrc != s->source_ssrc;
	s->old_ssrc = s->source_ssrc;
	s->source = source;
	s->source_ssrc = h->ssrc;
	s->sr_middle = 0;
	if (s->started)
		join(s, h, pace, now_ns);
	else
		begin(s, h, now_ns);
	if (s->rate != 0 && s->rate != pace->clock_rate)
		renew(s, h, now_ns);
	s->rate = pace->clock_rate;
	s->lost_before = s->lost;
	send_highest(s, h, now_ns);
	return STITCH_SWITCHED;
}

/* The same source, but its clock was set anew: the line's goes on. Sequence numbers stay as they are. */
static bool timestamp_jumped(
    const struct stitch *s, const struct rtp *h, uint32_t rate, uint64_t now_ns)
{
	int64_t step = (int32_t)(h->timestamp + s->timestamp_offset - s->last_timestamp);
	int64_t clock = (int64_t)samples(now_ns - s->last_ns, rate);

	return step < -(int64_t)rate || step > clock + (int64_t)STITCH_TS_JUMP_S * rate;
}

static enum stitch_result same_source(
    struct stitch *s, struct rtp *h, const struct stitch_pace *pace, uint64_t now_ns)
{
	uint16_t sequence = (uint16_t)(h->sequence + s->sequence_offset);
	int step = (int16_t)(sequence - (uint16_t)s->index);
	enum stitch_result result = STITCH_PASS;

	if (step > STITCH_DROPOUT || step < -STITCH_MISORDER)
		return switch_source(s, s->source, h, pace, now_ns);
	if (step <= 0) {
		if (s->joined && (int64_t)(s->index - s->base) + step < 0)
			return STITCH_LATE;
		h->sequence = sequence;
		h->timestamp += s->timestamp_offset;
		h->ssrc = s->ssrc;
		return STITCH_PASS;
	}
	if (!h->event && timestamp_jumped(s, h, pace->clock_rate, now_ns)) {
		s->timestamp_offset = next_timestamp(s, pace, now_ns) - h->timestamp;
		h->marker = h->marker || !pace->frames;
		result = STITCH_SWITCHED;
	}
	s->index += (unsigned)step;
	send_highest(s, h, now_ns);
	return result;
}

/* A line that a predecessor began has the clock of who goes on with it. */
static bool same_clock(struct stitch *s, const struct stitch_pace *pace)
{
	if (s->rate == 0)
		s->rate = pace->clock_rate;
	return s->rate == pace->clock_rate;
}

enum stitch_result stitch_rtp(struct stitch *s, uint8_t source, struct rtp *h,
    const struct stitch_pace *pace, uint64_t now_ns)
{
	enum stitch_result result;

	if (s->source == source && s->source_ssrc == h->ssrc && same_clock(s, pace))
		result = same_source(s, h, pace, now_ns);
	else if (s->source == source && s->had_old && h->ssrc == s->old_ssrc &&
	         now_ns - s->last_ns < STITCH_OLD_NS)
		result = STITCH_LATE;
	else
		result = switch_source(s, source, h, pace, now_ns);
	if (result != STITCH_LATE) {
		s->packets++;
		s->octets += h->payload;
	}
	return result;
}

/* ---- RTCP ------------------------------------------------------------------------------------ */

struct writer { /* out[STITCH_RTCP_MAX], filled from the start */
	uint8_t *out;
	size_t len;
};

static uint8_t *room(struct writer *w, size_t n)
{
	uint8_t *p = w->out + w->len;

	if (n > STITCH_RTCP_MAX - w->len)
		return NULL;
	w->len += n;
	return p;
}

static uint8_t *begin_packet(struct writer *w, enum rtcp_type type, unsigned count, size_t body)
{
	uint8_t *p = room(w, 4 + body);

	if (p == NULL)
		return NULL;
	p[0] = (uint8_t)(0x80 | count);
	p[1] = (uint8_t)type;
	rtp_set16(p + 2, (uint16_t)(body / 4));
	return p + 4;
}

/* Is the line carried by exactly this sender now? Then its clock and its BYE are the line's. */
static bool carries(const struct stitch_rtcp *r, uint32_t ssrc)
{
	return r->line->started && r->line->source == r->source && r->line->source_ssrc == ssrc;
}

/* A packet of a source that was replaced at the same end. */
static bool is_late(const struct stitch_rtcp *r, uint32_t ssrc)
{
	const struct stitch *l = r->line;

	return l->started && l->source == r->source && l->had_old && l->old_ssrc == ssrc;
}

/* Is what the sender of this RTCP hears of us what its receiver says? Just after a switch it still is another end's. */
static bool answers(const struct stitch_rtcp *r, uint32_t about)
{
	return r->back->started && r->back->source == r->to && r->back->ssrc == about;
}

static int32_t get24(const uint8_t *p)
{
	return (int32_t)((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8) >> 8;
}

/* Cumulated loss (signed, 24 bits): what is missing of this source alone, in packets as it sends them. */
static void put_lost(const struct stitch_rtcp *r, uint8_t *out)
{
	int32_t lost = r->back->lost - r->back->lost_before;

	if (lost < 0)
		lost = 0;
	if (r->came != 0)
		lost = (int32_t)((int64_t)lost * r->made / r->came);
	out[5] = (uint8_t)(lost >> 16);
	rtp_set16(out + 6, (uint16_t)lost);
}

/* One report block about our line, in the numbers of who speaks behind it. False: about something else. */
static bool put_block(const struct stitch_rtcp *r, const uint8_t *in, uint8_t *out)
{
	struct stitch *b = r->back;
	uint32_t reported = rtp_get32(in + 8), behind = (uint32_t)b->index - reported;
	uint16_t sequence;

	if (!b->started || b->ssrc != rtp_get32(in))
		return false;
	b->lost = get24(in + 5);
	if (b->joined && behind > b->index - b->base) /* of who spoke before: no loss of this one */
		b->lost_before = b->lost;
	if (!answers(r, b->ssrc) || behind > INT32_MAX || (b->joined && behind > b->index - b->base))
		return false;
	memcpy(out, in, 24);
	put_lost(r, out);
	rtp_set32(out, b->source_ssrc);
	sequence = (uint16_t)((uint16_t)reported - b->sequence_offset);
	if (r->came != 0) /* numbers of packets of another size: so much behind the newest */
		rtp_set32(out + 8, (uint32_t)(r->back_received - (uint64_t)behind * r->made / r->came));
	else
		rtp_set32(out + 8, (uint32_t)(r->back_received +
		                              (uint64_t)(int16_t)(sequence - (uint16_t)r->back_received)));
	if (b->sr_middle ==
	    0) /* it answers an SR of a source that is gone: no round trip to be had */
		memset(out + 16, 0, 8);
	return true;
}

static void put_sender_info(const struct stitch_rtcp *r, const uint8_t *in, uint8_t *out)
{
	memcpy(out, in, 8); /* NTP time */
	rtp_set32(out + 8, rtp_get32(in + 8) + r->line->timestamp_offset);
	rtp_set32(out + 12, r->line->packets);
	rtp_set32(out + 16, r->line->octets);
	r->line->sr_middle = rtp_get32(in + 2);
}

/* SR and RR. An SR of a sender that does not carry the line becomes an RR: its clock is not the line's. */
static int put_report(const struct stitch_rtcp *r, struct writer *w, const struct rtcp *p)
{
	bool sr = p->type == RTCP_SR;
	size_t info = sr ? 20 : 0;
	uint8_t blocks[31 * 24], *out;
	unsigned n = 0;

	if (p->length < 4 + info + 24u * p->count || is_late(r, rtp_get32(p->body)))
		return -1;
	for (unsigned i = 0; i < p->count; i++)
		n += put_block(r, p->body + 4 + info + 24 * i, blocks + 24 * n);
	if (sr && !carries(r, rtp_get32(p->body)))
		sr = false;
	out = begin_packet(w, sr ? RTCP_SR : RTCP_RR, n, 4 + (sr ? 20 : 0) + 24 * n);
	if (out == NULL)
		return -1;
	rtp_set32(out, r->line->ssrc);
	if (sr)
		put_sender_info(r, p->body + 4, out + 4);
	memcpy(out + 4 + (sr ? 20 : 0), blocks, 24 * n);
	return 0;
}

/* One chunk: our SSRC, our CNAME, nothing else of what the sender tells about itself. */
static int put_sdes(const struct stitch_rtcp *r, struct writer *w)
{
	size_t name = strnlen(r->cname, 16), body = (4 + 2 + name + 1 + 3) / 4 * 4;
	uint8_t *out = begin_packet(w, RTCP_SDES, 1, body);

	if (out == NULL)
		return -1;
	memset(out, 0, body);
	rtp_set32(out, r->line->ssrc);
	out[4] = 1; /* CNAME */
	out[5] = (uint8_t)name;
	memcpy(out + 6, r->cname, name);
	return 0;
}

static int put_bye(const struct stitch_rtcp *r, struct writer *w, const struct rtcp *p)
{
	if (p->length < 4u * p->count)
		return -1;
	/* The next attempt goes on with this SSRC: who took its leave would not be heard. */
	if (r->to == KEDGE_END_INSIDE)
		return 0;
	for (unsigned i = 0; i < p->count; i++) {
		if (carries(r, rtp_get32(p->body + 4 * i))) {
			uint8_t *out = begin_packet(w, RTCP_BYE, 1, 4);

			if (out == NULL)
				return -1;
			rtp_set32(out, r->line->ssrc);
			return 0;
		}
	}
	return 0;
}

enum feedback { FEEDBACK_UNKNOWN, FEEDBACK_PLAIN, FEEDBACK_NACK, FEEDBACK_ENTRIES, FEEDBACK_REMB };

/* RFC 4585 6, RFC 5104 4, draft-alvestrand-rmcat-remb. */
static enum feedback feedback_of(const struct rtcp *p)
{
	static const enum feedback rtp[] = { [1] = FEEDBACK_NACK, [3] = FEEDBACK_ENTRIES /* TMMBR */, [4] = FEEDBACK_ENTRIES /* TMMBN */ };
	static const enum feedback picture[] = { [1] = FEEDBACK_PLAIN /* PLI */, [4] = FEEDBACK_ENTRIES /* FIR */ };

	if (p->type == RTCP_RTPFB)
		return p->count < sizeof(rtp) / sizeof(rtp[0]) ? rtp[p->count] : FEEDBACK_UNKNOWN;
	if (p->count == 15 && p->length >= 20 && memcmp(p->body + 8, "REMB", 4) == 0)
		return FEEDBACK_REMB;
	return p->count < sizeof(picture) / sizeof(picture[0]) ? picture[p->count] : FEEDBACK_UNKNOWN;
}

/* SSRCs that stand `apart` bytes from each other. False: one of them is not of our line. */
static bool feedback_ssrcs(const struct stitch_rtcp *r, uint8_t *data, size_t len, size_t apart)
{
	if (len == 0 || len % apart != 0)
		return false;
	for (size_t i = 0; i < len; i += apart) {
		if (!answers(r, rtp_get32(data + i)))
			return false;
		rtp_set32(data + i, r->back->source_ssrc);
	}
	return true;
}

/* What a feedback says behind the SSRC of its sender. */
static bool feedback_rest(const struct stitch_rtcp *r, enum feedback kind, uint8_t *data, size_t len)
{
	switch (kind) {
	case FEEDBACK_UNKNOWN:
		return false;
	case FEEDBACK_PLAIN:
		return feedback_ssrcs(r, data, 4, 4);
	case FEEDBACK_NACK:
		for (size_t i = 4; i + 4 <= len; i += 4)
			rtp_set16(data + i, (uint16_t)(rtp_get16(data + i) - r->back->sequence_offset));
		return feedback_ssrcs(r, data, 4, 4);
	case FEEDBACK_ENTRIES: /* the SSRC before them is unused */
		return feedback_ssrcs(r, data + 4, len - 4, 8);
	case FEEDBACK_REMB:
		return feedback_ssrcs(r, data + 12, len - 12, 4);
	}
	return false;
}

/* RTPFB and PSFB about our line: its SSRCs, and the sequence numbers of a NACK. */
static int put_feedback(const struct stitch_rtcp *r, struct writer *w, const struct rtcp *p)
{
	enum feedback kind = feedback_of(p);
	size_t before = w->len;
	uint8_t *out;

	if (p->length < 8)
		return -1;
	if (kind == FEEDBACK_UNKNOWN)
		return 0;
	out = begin_packet(w, p->type, p->count, p->length);
	if (out == NULL)
		return -1;
	memcpy(out, p->body, p->length);
	rtp_set32(out, r->line->ssrc);
	if (!feedback_rest(r, kind, out + 4, p->length - 4))
		w->len = before;
	return 0;
}

static int put_packet(const struct stitch_rtcp *r, struct writer *w, const struct rtcp *p)
{
	switch (p->type) {
	case RTCP_SR:
	case RTCP_RR:
		return put_report(r, w, p);
	case RTCP_SDES:
		return put_sdes(r, w);
	case RTCP_BYE:
		return put_bye(r, w, p);
	case RTCP_RTPFB:
	case RTCP_PSFB:
		return put_feedback(r, w, p);
	default:
		return 0;
	}
}

size_t stitch_rtcp(const struct stitch_rtcp *r, const uint8_t *data, size_t len, uint8_t *out)
{
	struct writer w = { .out = out };
	struct rtcp p;
	int rc;

	while ((rc = rtcp_next(&data, &len, &p)) == 0)
		if (put_packet(r, &w, &p) < 0)
			return 0;
	return rc == -ENODATA ? w.len : 0;
}

size_t stitch_bye(struct stitch *s, const char *cname, uint8_t *out)
{
	struct stitch gone = { .ssrc = s->gone_ssrc };
	struct stitch_rtcp r = { .line = &gone, .cname = cname };
	struct writer w = { .out = out };
	uint8_t *p;

	if (s->gone_ssrc == 0)
		return 0;
	s->gone_ssrc = 0;
	p = begin_packet(&w, RTCP_RR, 0, 4);
	rtp_set32(p, gone.ssrc);
	put_sdes(&r, &w);
	p = begin_packet(&w, RTCP_BYE, 1, 4);
	rtp_set32(p, gone.ssrc);
	return w.len;
}
