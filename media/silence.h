// SPDX-License-Identifier: MIT
/* silence: is an end that ought to speak dead, or silent on purpose? Pure.
 *
 *   RTP within media_dead                           alive
 *   its RTCP says it sends, and nothing comes       dead: the way for RTP is blocked
 *   never a packet, of a codec that never pauses    dead, whatever RTCP comes
 *   RTCP within media_dead                          alive
 *   it pauses (RFC 3389, 3551 4.1)                  alive for 5 x media_dead of RTCP: it comes each 5 s, more or less;
 *                                                   behind comfort noise also for 10 x media_dead without any
 *   else                                            dead
 *
 * Hold and recvonly are the caller's: who need not speak is not asked about. */
#ifndef KEDGE_MEDIA_SILENCE_H
#define KEDGE_MEDIA_SILENCE_H

#include <stdbool.h>
#include <stdint.h>

struct silence {
	uint64_t now_ns, dead_ns; /* dead_ns: media_dead */
	uint64_t since_ns;        /* it ought to speak since then */
	uint64_t rtp_ns, rtcp_ns; /* last heard; 0: never */
	bool heard;               /* it spoke in this call */
	bool noise;               /* its last words were comfort noise, or a digit */
	bool pauses;              /* it may stop without a word: its codec does, or it was seen to */
	bool claims;              /* report_claims() */
};

bool silence_dead(const struct silence *s);

#endif
