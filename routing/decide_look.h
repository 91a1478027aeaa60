// SPDX-License-Identifier: MIT
/* decide_look: what a call knew about the hops when it was decided: the health of each, as it stood at that moment, not as it stands
 * when somebody asks. So that a record can be believed an hour later.
 *
 *   the hunt begins --> every hop of every target         an attempt begins, a target is left out --> the hops that changed since
 *
 * Pure: no clock, no allocation. Owner: the call lends the room (decide_looks); without it nothing is kept. Bounded: what finds no
 * room is counted in `missed`. Times are ms after the call's begin; spans count from the look. */
#ifndef KEDGE_ROUTING_DECIDE_LOOK_H
#define KEDGE_ROUTING_DECIDE_LOOK_H

#include <stdint.h>

#include "routing/health.h"
#include "routing/plan.h"

struct decide;

#define DECIDE_LOOK_NEVER UINT32_MAX

struct decide_look {
	uint32_t at_ms;
	uint32_t since_ms;   /* in its state so long */
	uint32_t fail_ms;    /* last failed, last heard so long before; DECIDE_LOOK_NEVER */
	uint32_t heard_ms;
	uint32_t retry_ms;   /* DOWN, LOCKED: so long until it may come back */
	uint32_t rtt_us;     /* of its last answered probe; 0: none */
	uint16_t hop;        /* slot of the trunk table */
	uint16_t code;       /* behind the reason, 0: none */
	uint16_t consecutive;
	uint16_t misses;     /* probes unanswered in a row */
	uint16_t reply_ms;   /* what it usually takes to its first reply, 0: not known */
	uint16_t pdd_ms;     /* and to its 18x */
	uint16_t calls;      /* up or in setup through it */
	uint8_t target;      /* in plan->target[] */
	uint8_t state, reason;
	uint8_t probed;      /* 0 not yet, 1 the last was answered well, 2 not */
	uint16_t generation; /* of the slot, its low bits: it may be another address's by the time of the record */
};
static_assert(sizeof(struct decide_look) == 44, "a call keeps a few of these");

struct decide_looks {
	uint16_t count, room, missed;
	struct decide_look look[];
};

#define DECIDE_LOOKS_MAX 64
#define DECIDE_LOOKS_MORE 4 /* beyond one of each hop: what changed on the way */

/* How many a call with this plan has use for. */
uint16_t decide_looks_wanted(const struct plan *plan, const struct health *h);
#define DECIDE_LOOKS_SIZE(room) (sizeof(struct decide_looks) + (room) * sizeof(struct decide_look))

/* Looks at every hop of the plan; one that is as it was seen last is not written again. Nothing without room lent to d. */
void decide_look_all(struct decide *d, const struct health *h, uint64_t now_ns);

/* The same for one target's hops. */
void decide_look_target(struct decide *d, const struct health *h, unsigned target, uint64_t now_ns);

/* How that hop was seen last: an index in d->looks; DECIDE_NONE: it was not. */
uint8_t decide_look_of(const struct decide *d, uint16_t hop);

#endif
