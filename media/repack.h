// SPDX-License-Identifier: MIT
/* repack: G.711 in packets of another size: 10, 20, 30, 40 ms, whatever comes. Bytes are samples (8,000 a second), so packets are
 * cut and joined at any byte, and nothing is decoded.
 *
 *   20 ms  |--0--|--1--|--2--|     |--4--|  (3 lost)
 *   30 ms  |---0----|---1----|       |---3--..             the timestamp of each packet is that of its first sample
 *
 * Sequence numbers: one more for each packet made; where packets were lost as many are left out as would have held what is
 * missing, so loss stays loss. A gap in the timestamps without a gap in the sequence is a silence of the sender's: it is not
 * filled, and what was held goes first, as a short packet, as it does before a marker bit, a loss or another payload type.
 * What comes late or twice has no place any more. A sample waits for its packet to be full: at most one packet's length.
 * Pure: no I/O; time is an argument. Thread: the worker's. Owner: the caller holds struct repack, one per end that is sent to.
 *
 *   repack_put() one packet, then repack_next() until it says that nothing is left. */
#ifndef KEDGE_MEDIA_REPACK_H
#define KEDGE_MEDIA_REPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/rtp.h"

#define REPACK_MAX_MS 40
#define REPACK_BYTES  (8 * REPACK_MAX_MS)

struct repack {
	const uint8_t *in; /* borrowed from put: not taken yet */
	uint64_t held_ns;  /* when the last of held[] came */
	uint32_t timestamp; /* of the first byte held, or of the next one */
	uint32_t in_timestamp, ssrc;
	uint16_t in_left, in_size; /* in_size: samples of the packets that come, 0: not known */
	uint16_t fill, frame;      /* bytes held; of a full packet */
	uint16_t in_next, out;     /* sequence numbers: awaited, of the next one made */
	uint16_t skip;             /* left out before that one */
	uint8_t source, payload_type, in_type;
	bool started, marker, in_marker;
	bool flush; /* what is held goes before what came */
	bool other; /* what came is no G.711: it passes as it is */
	uint8_t held[REPACK_BYTES];
};

/* Packets of ms, 10 to REPACK_MAX_MS, from now on; the first one made has the number of the first that comes. */
void repack_init(struct repack *r, unsigned ms);

/* Before the first put: this source's first packet has that number instead (a line that goes on after a restart). */
void repack_resume(struct repack *r, uint8_t source, uint32_t ssrc, uint16_t first);

/* One packet of an end. payload: stays until repack_next() says false. audio: it is G.711. False: late or doubled, drop it. */
bool repack_put(struct repack *r, uint8_t source, const struct rtp *h, const uint8_t *payload, bool audio, uint64_t now_ns);

enum repack_made {
	REPACK_NOTHING,
	REPACK_PACKET, /* *h and payload[h->payload] are a packet */
	REPACK_OTHER   /* what was put passes as it is, with h->sequence */
};

/* payload: REPACK_BYTES of room. */
enum repack_made repack_next(struct repack *r, struct rtp *h, uint8_t *payload);

#define REPACK_LATE_NS 100000000ULL

/* The sender stopped in the middle of a packet: what is held goes, short, once it waited so long. */
bool repack_late(struct repack *r, struct rtp *h, uint8_t *payload, uint64_t now_ns);

#endif
