// SPDX-License-Identifier: MIT
/* pace: how long a hop usually takes to its first reply, and a trunk to ring, by destination prefix. Pure.
 * Decides when waiting longer is pointless (timers.first_response_adaptive,
 * and progress learnt down). */
#ifndef KEDGE_ROUTING_PACE_H
#define KEDGE_ROUTING_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define PACE_REPLIES   20 /* of the last hour: fewer are no record */
#define PACE_RING_MIN  2  /* calls that make a record */
#define PACE_RING_KEEP 16
#define PACE_RINGS     1024 /* (trunk, prefix) pairs remembered; the least recently used goes */

struct pace_reply { /* of a hop: INVITE to its first reply. {0}: nothing known */
	uint32_t ewma_us, dev_us;
	uint32_t half[2];        /* samples in this and the previous half hour */
	uint64_t half_began_ns;
};

/* One first reply, us after its INVITE. */
void pace_reply(struct pace_reply *p, uint32_t us, uint64_t now_ns);

/* What the hop takes at most, as a rule: EWMA + 4 deviations in ms, rounded up. 0: no record. */
uint32_t pace_reply_ms(const struct pace_reply *p, uint64_t now_ns);

/* Samples within the last hour. */
uint32_t pace_replies(const struct pace_reply *p, uint64_t now_ns);

struct pace_ring { /* a trunk's times from its first reply to 18x, for one prefix */
	uint32_t prefix;
	uint16_t trunk;
	uint8_t count, at;
	uint32_t used; /* a clock that ticks once per sample: for the least recently used */
	uint16_t ms[PACE_RING_KEEP];
};

struct pace_rings { /* {0}: nothing known */
	uint32_t clock;
	struct pace_ring v[PACE_RINGS];
};

/* One call that rang, ms after the trunk's first reply. */
void pace_ring(struct pace_rings *p, uint16_t trunk, uint32_t prefix, uint32_t ms);

/* Trunk i is called to[i] from now on (i < count), or gone where that is not below count. */
void pace_move(struct pace_rings *p, const uint16_t *to, uint16_t count);

/* How long 100 without 18x may last: four times the trunk's p95 for this prefix, between half of progress_ms and
 * progress_ms (4 and 8 s); progress_ms without a record. */
uint32_t pace_progress_ms(
    const struct pace_rings *p, uint16_t trunk, uint32_t prefix, uint32_t progress_ms);

#endif
