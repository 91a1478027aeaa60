// SPDX-License-Identifier: MIT
/* quality: what one received stream looks like: loss, late and doubled packets, jitter, gaps (RFC 3550 A.1, A.3, 6.4.1).
 * Pure: time is an argument. Thread: the worker's. Owner: the caller holds struct quality, one per end.
 *
 * Loss is what is missing between the lowest and highest sequence number of a source; a late packet takes its loss back.
 * A new SSRC, or a step no sender makes, begins anew and is no loss. Jitter is taken in order of arrival, late packets
 * among them; it leaves out doubled ones, telephone events (they repeat one timestamp) and steps of half a second and more
 * (a silence whose sender's clock stood still).
 * A gap is a time in which the sender ought to have sent: none after a hold, after comfort noise or a telephone event, and
 * none that ends in a marked packet which misses nothing (a talk spurt, RFC 3551 4.1): the sender was silent on purpose. */
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
	uint64_t jitter_sum_ns; /* of all differences, for the mean */
	uint32_t jitter_count;
	uint32_t ssrc, clock_timestamp;
	uint32_t lost, late; /* late or doubled */
	bool started;
	bool timed; /* clock_* hold */
	bool quiet; /* the newest packet was comfort noise or a telephone event: nothing has to follow it soon */
	bool spurts; /* it was seen to be silent without comfort noise, and to begin again with a mark */
};

enum quality_kind { QUALITY_SOUND, QUALITY_EVENT, QUALITY_NOISE /* RFC 3389 */ };

/* Takes one packet. Returns the gap before it in ns, 0 if there is none to speak of. */
uint64_t quality_rtp(struct quality *q, const struct rtp *h, uint32_t clock_rate, enum quality_kind kind, uint64_t now_ns);

/* Silence from here on is wanted (hold): the next packet ends no gap. */
void quality_pause(struct quality *q);

static inline uint64_t quality_jitter_us(const struct quality *q)
{
	return q->jitter_ns16 / 16000;
}

/* Over the whole stream: what the last one wavers around. */
static inline uint64_t quality_mean_jitter_us(const struct quality *q)
{
	return q->jitter_count ? q->jitter_sum_ns / q->jitter_count / 1000 : 0;
}

#endif
