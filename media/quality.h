// SPDX-License-Identifier: MIT
/* quality: what one received stream looks like: loss, late and doubled packets, jitter, gaps (RFC 3550 A.1, 6.4.1).
 * Pure: time is an argument. Thread: the worker's. Owner: the caller holds struct quality, one per end.
 *
 * Loss is what is missing between the lowest and highest sequence number of a source; a late packet takes its loss back.
 * A new SSRC, or a step no sender makes, begins anew and is no loss. Jitter leaves out telephone events (they repeat one
 * timestamp) and steps of half a second and more (a silence whose sender's clock stood still). */
#ifndef KEDGE_MEDIA_QUALITY_H
#define KEDGE_MEDIA_QUALITY_H

#include <stdbool.h>
#include <stdint.h>

#include "media/rtp.h"

struct quality {
	uint64_t index;    /* highest received, rollovers << 16 | sequence */
	uint64_t seen;     /* bit i: index - i was received */
	uint64_t last_ns;  /* last packet of the stream, for gaps; 0: none since quality_pause() */
	uint64_t clock_ns; /* when the packet that clock_timestamp belongs to came */
	uint64_t jitter_ns16; /* 16 x */
	uint32_t ssrc, clock_timestamp;
	uint32_t lost, late; /* late or doubled */
	bool started;
	bool timed; /* clock_* hold */
};

/* Takes one packet. event: its payload is a telephone event. Returns the gap before it in ns, 0 if there is none to speak of
 * (the first one). */
uint64_t quality_rtp(
    struct quality *q, const struct rtp *h, uint32_t clock_rate, bool event, uint64_t now_ns);

/* Silence from here on is wanted (hold): the next packet ends no gap. */
void quality_pause(struct quality *q);

static inline uint64_t quality_jitter_us(const struct quality *q)
{
	return q->jitter_ns16 / 16000;
}

#endif
