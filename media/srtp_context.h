// SPDX-License-Identifier: MIT
/* srtp_context: what srtp.c (keys, contexts) and srtp_packet.c (packets) share of an end; nobody else's. */
#ifndef KEDGE_MEDIA_SRTP_CONTEXT_H
#define KEDGE_MEDIA_SRTP_CONTEXT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <srtp2/srtp.h>

#include "media/srtp.h"

#define RTCP_LEAST 8 /* bytes of the shortest RTCP packet */
#define INDEX_RTCP 0x7fffffffu
#define INDEX_RTP  0xffffffffffffu /* 48 bits (RFC 3711 3.3.1) */

struct secure {
	srtp_t tx, rx, old; /* NULL: no key */
	struct kedge_end_run *run;
	const struct kedge_end_slot *slot; /* for its keys */
	uint64_t tx_tag, rx_tag;           /* of the master keys; 0: none */

	uint64_t tx_least; /* no packet below goes */
	uint64_t tx_base;  /* SECURE_UNUSED: nothing was sent under the key */
	uint32_t tx_ssrc;  /* of the context's stream */
	bool tx_recovered; /* tx_base is the predecessor's: the counter is not set yet */
	bool tx_rtcp_over; /* the predecessor sent more SRTCP than can be counted up to */

	bool heard;        /* something authenticated under rx */
	uint8_t tries;     /* guesses left */
	uint8_t next_ssrc; /* place in ssrc[] */
	uint8_t rtcp_tail; /* bytes between an SRTCP packet's index and its end */
	uint32_t rx_ssrc, rtcp_ssrc;
	uint64_t rx_index;   /* highest of rx_ssrc; SECURE_UNUSED */
	uint64_t hint;       /* highest before: another key's, the predecessor's; SECURE_UNUSED */
	uint64_t least;      /* of least_ssrc no packet below is heard: the predecessor may have heard it */
	uint64_t least_rtcp; /* the same of SRTCP */
	uint32_t least_ssrc, least_rtcp_ssrc;
	uint32_t ssrc[SECURE_STREAMS]; /* streams libsrtp made */

	uint64_t old_until_ns;

	uint32_t forged_left[2]; /* tries of what may be forged: [0] the known source, [1] who wants to be learnt */
	uint64_t forged_ns[2];   /* when they were given */
	uint32_t lot;
};

#define GET(word)    atomic_load_explicit(&(word), memory_order_relaxed)
#define SET(word, x) atomic_store_explicit(&(word), x, memory_order_relaxed)

/* One more stream under the key of now; without one. */
bool secure_stream_add(struct secure *s, bool tx, uint32_t ssrc);
void secure_stream_remove(srtp_t context, uint32_t ssrc);

#endif
