// SPDX-License-Identifier: MIT
/* fuzz/rtp: a stranger's datagrams, each behind two bytes of length, over one call's lines. Whatever they are: what passes is
 * still RTP of one SSRC and no number is used by two sources; rewritten RTCP is a sound compound that names our line alone. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "media/quality.h"
#include "media/report.h"
#include "media/stitch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INWARD  0xaaaaaaaau
#define OUTWARD 0xbbbbbbbbu

static const struct stitch_pace pace = { 8000, 20, false };
static struct stitch inward, outward;
static struct quality quality;
static struct report report;
static uint64_t now;

static void one_rtp(uint8_t *p, size_t n, uint8_t source)
{
	struct rtp h, again;
	uint64_t before = inward.index;
	enum stitch_result r;

	if (rtp_parse(p, n, &h) < 0)
		return;
	assert(n >= RTP_HEADER && h.payload <= n - RTP_HEADER);
	quality_rtp(&quality, &h, 8000, h.payload_type == 101 ? QUALITY_EVENT : h.payload_type == RTP_NOISE ? QUALITY_NOISE : QUALITY_SOUND, now);
	r = stitch_rtp(&inward, source, &h, &pace, now);
	if (r == STITCH_LATE)
		return;
	rtp_write(p, &h);
	assert(rtp_parse(p, n, &again) == 0 && again.payload == h.payload);
	assert(
	    again.ssrc == INWARD && again.sequence == h.sequence && again.timestamp == h.timestamp);
	assert(inward.index >= before &&
	       inward.index <= before + STITCH_DROPOUT + (before == 0 ? 65535 : 0));
}

/* A compound: each packet begins with our SSRC, but the heads that have none. */
static void check_rtcp(const uint8_t *out, size_t n)
{
	struct rtcp p;
	int rc;

	assert(n <= STITCH_RTCP_MAX);
	while ((rc = rtcp_next(&out, &n, &p)) == 0) {
		assert(p.type >= RTCP_SR && p.type <= RTCP_PSFB && p.type != RTCP_APP);
		assert(p.length >= 4 && rtp_get32(p.body) == INWARD);
	}
	assert(n == 0 && rc < 0);
}

static void one_rtcp(const uint8_t *p, size_t n, uint8_t source)
{
	const struct stitch_rtcp r = { .line = &inward,
		.back = &outward,
		.back_received = outward.index,
		.source = source,
		.to = 0xff,
		.cname = "fuzz" };
	size_t size;
	uint8_t *out = malloc(STITCH_RTCP_MAX); /* exact: one byte too far is seen */

	assert(out != NULL);
	report_heard(&report, p, n, &(struct report_line){ 20, OUTWARD, 3 }, now);
	size = stitch_rtcp(&r, p, n, out);
	report_passed(&report, out, size, now);
	assert(report.rtt_us <= 10000001);
	check_rtcp(out, size);
	free(out);
}

static void begin(void)
{
	stitch_init(&inward, INWARD);
	stitch_init(&outward, OUTWARD);
	quality = (struct quality){ 0 };
	report = (struct report){ 0 };
	now = 1000000000;
	for (uint16_t i = 0; i < 20; i++) {
		struct rtp h = { .ssrc = 7, .sequence = (uint16_t)(65530 + i), .payload = 160 };

		stitch_rtp(&outward, 0xff, &h, &pace, now);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	begin();
	while (size >= 2) {
		size_t n = ((size_t)data[0] << 8 | data[1]) & 0x7ff;
		uint8_t source = data[0] >> 7, *p;

		now += (uint64_t)(data[0] >> 3 & 15) * 20000000;
		data += 2;
		size -= 2;
		if (n > size)
			n = size;
		p = malloc(n != 0 ? n : 1);
		assert(p != NULL);
		memcpy(p, data, n);
		if (rtp_is_rtcp(p, n))
			one_rtcp(p, n, source);
		else
			one_rtp(p, n, source);
		free(p);
		data += n;
		size -= n;
	}
	return 0;
}
