// SPDX-License-Identifier: MIT
#include "media/srtp.h"

#include <stdlib.h>

#include "config/clock.h"
#include "media/rtp.h"
#include "media/srtp_context.h"

#define NEAR_RTP   3000 /* sequence numbers: RFC 3550 A.1 MAX_DROPOUT */
#define NEAR_RTCP  1000
#define RTCP_INDEX 4u
#define TRY_NS     (CLOCK_NS_PER_S / SECURE_FORGED)

/* Does it go on with the stream that was heard last? Who does not see that stream has to guess its SSRC and come near its
 * number: 35 bits. */
static bool goes_on(const struct secure *s, bool rtcp, const uint8_t *data, size_t len)
{
	uint64_t index;

	if (!s->heard || len < RTP_HEADER)
		return false;
	if (!rtcp)
		return s->rx_index != SECURE_UNUSED && rtp_get32(data + 8) == s->rx_ssrc &&
		       abs((int16_t)(rtp_get16(data + 2) - (uint16_t)s->rx_index)) <= NEAR_RTP;
	if (GET(s->run->rx_srtcp) == 0 || len < RTCP_LEAST + RTCP_INDEX + s->rtcp_tail || rtp_get32(data + 4) != s->rtcp_ssrc)
		return false;
	index = rtp_get32(data + len - s->rtcp_tail - RTCP_INDEX) & INDEX_RTCP;
	return index > GET(s->run->rx_srtcp) && index - GET(s->run->rx_srtcp) <= NEAR_RTCP;
}

/* Where all tries are used up as they come, they go by lot: who sends first in each hundredth of a second would have them all. */
static bool drawn(struct secure *s, uint64_t now_ns)
{
	s->lot = (s->lot ^ (uint32_t)now_ns) * 1664525u + 1013904223u;
	return s->lot >> 29 == 0;
}

bool secure_may_try(struct secure *s, bool learnt, bool rtcp, const uint8_t *data, size_t len, uint64_t now_ns)
{
	uint64_t n;

	if (s == NULL || s->forged_left[learnt] > 0 || goes_on(s, rtcp, data, len))
		return true;
	n = (now_ns - s->forged_ns[learnt]) / TRY_NS;
	if (n == 0 || (n < SECURE_FORGED / 2 && !drawn(s, now_ns)))
		return false;
	s->forged_left[learnt] = n < SECURE_FORGED ? (uint32_t)n : SECURE_FORGED;
	s->forged_ns[learnt] = now_ns;
	return true;
}

void secure_forged(struct secure *s, bool learnt)
{
	if (s != NULL && s->forged_left[learnt] > 0)
		s->forged_left[learnt]--;
}
