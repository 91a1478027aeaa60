// SPDX-License-Identifier: MIT
/* peer_part: what the files of the RTP peer share, and nobody else reads: peer.c speaks, peer_hear.c hears, peer_told.c tells. */
#ifndef KEDGE_TESTS_HARNESS_PEER_PART_H
#define KEDGE_TESTS_HARNESS_PEER_PART_H

#include <arpa/inet.h>
#include <time.h>

#include "tests/harness/peer.h"
#include "tests/harness/secure.h"
#include "tests/harness/shake.h"
#include "tests/harness/speech.h"

enum { HEADER = 12, PACKET = HEADER + SPEECH_FRAME, WAV_MAX = 60 * SPEECH_RATE, EVENTS = 256, PORT_STEP = 4, NOISE_PT = 13 };
#define FRAME_NS 20000000ull
#define PAUSE_NS 1000000000ull
#define RTCP_NAME "inner." /* of every CNAME */

struct end {
	int rtp, rtcp;
	struct secure secure;
	union peer_addr local, to;
	bool known, speaking, began, marker;
	bool reports;          /* though it does not speak */
	uint8_t pt;
	uint32_t call;
	uint16_t seq;          /* of the next packet */
	uint32_t ts0, ssrc;
	uint64_t start_ns;     /* index 0 is due */
	uint32_t index;        /* of the next packet */
	uint64_t last_sent_ns, rtcp_due_ns;
	struct shake shake;
	/* what is heard */
	bool line;             /* heard_* are set */
	uint32_t heard_ssrc, heard_ts;
	uint16_t heard_seq;
	uint32_t missed;       /* packets in a row that were no speech at all */
	bool own;              /* what was heard last had no stamp: kedge's own */
	uint64_t came;         /* RTP, good or not */
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
	uint32_t miss; /* percent of what comes that is as good as lost on its way, evenly */
	uint32_t shake_ms; /* every other packet is held back so long */
	int epoll;
	FILE *pcap;
	int64_t wall_minus_mono;
	struct end end[];
};

static inline uint64_t peer_now_of(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static inline uint16_t peer_port_of(const union peer_addr *a)
{
	return ntohs(a->sa.sa_family == AF_INET6 ? a->v6.sin6_port : a->v4.sin_port);
}

static inline void peer_put16(uint8_t *at, uint16_t v)
{
	at[0] = v >> 8;
	at[1] = v;
}

static inline void peer_put32(uint8_t *at, uint32_t v)
{
	peer_put16(at, v >> 16);
	peer_put16(at + 2, v);
}

static inline uint16_t peer_get16(const uint8_t *at)
{
	return at[0] << 8 | at[1];
}

static inline uint32_t peer_get32(const uint8_t *at)
{
	return (uint32_t)peer_get16(at) << 16 | peer_get16(at + 2);
}

/* Takes in one packet of a socket; tag: the end's index << 1 | is it RTCP's. */
void peer_hear(struct peer *p, uint64_t tag);

#endif
