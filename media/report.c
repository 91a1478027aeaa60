// SPDX-License-Identifier: MIT
#include "media/report.h"

#include "media/rtp.h"

#define SENDER_INFO 20
#define BLOCK       24
#define RTT_MAX_NS  10000000000ULL

/* Its own count against ours, since its last SR; the first one against nothing. */
static void claim(struct report *r, uint32_t sent, uint32_t came)
{
	uint32_t more = sent - (r->counts ? r->claimed : 0);

	r->claims = more >= REPORT_CLAIM && more < UINT32_MAX / 2 && came == (r->counts ? r->came : 0);
	r->claimed = sent;
	r->came = came;
	r->counts = true;
}

static void round_trip(struct report *r, uint32_t lsr, uint32_t dlsr, uint64_t now_ns)
{
	uint64_t held = (uint64_t)dlsr * 1000000000 >> 16, past = now_ns - r->sr_ns;

	if (r->sr_ns == 0 || lsr == 0 || lsr != r->sr_middle || past < held || past - held > RTT_MAX_NS)
		return;
	r->rtt_us = (uint32_t)((past - held) / 1000) + 1;
}

/* Cumulative, 24 bits with a sign (RFC 3550 6.4.1): doubled packets make it negative. */
static void far_loss(struct report *r, const uint8_t *block, const struct report_line *l)
{
	uint32_t lost = rtp_get32(block + 4) & 0xffffff;

	if (rtp_get32(block) != l->ssrc)
		return;
	r->reports = true;
	if (lost < 0x800000 && lost >= l->lost && lost - l->lost > r->far_lost)
		r->far_lost = lost - l->lost;
}

void report_heard(struct report *r, const uint8_t *data, size_t len, const struct report_line *l, uint64_t now_ns)
{
	struct rtcp p;

	r->heard_ns = now_ns;
	while (rtcp_next(&data, &len, &p) == 0) {
		size_t at = p.type == RTCP_SR ? 4 + SENDER_INFO : 4;

		if ((p.type != RTCP_SR && p.type != RTCP_RR) || p.length < at + (size_t)BLOCK * p.count)
			continue;
		if (p.type == RTCP_SR)
			claim(r, rtp_get32(p.body + 4 + 12), (uint32_t)l->packets);
		for (unsigned i = 0; i < p.count; i++, at += BLOCK) {
			far_loss(r, p.body + at, l);
			round_trip(r, rtp_get32(p.body + at + 16), rtp_get32(p.body + at + 20), now_ns);
		}
	}
}

void report_passed(struct report *r, const uint8_t *data, size_t len, uint64_t now_ns)
{
	struct rtcp p;

	while (rtcp_next(&data, &len, &p) == 0)
		if (p.type == RTCP_SR && p.length >= 4 + SENDER_INFO) {
			r->sr_middle = rtp_get32(p.body + 4 + 2);
			r->sr_ns = now_ns;
		}
}
