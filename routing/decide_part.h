// SPDX-License-Identifier: MIT
/* decide_part: what the files of decide share, for them alone.
 *
 *   decide.c          begins, asks for the next step
 *   decide_look.c     what was known about the hops then
 *   decide_pick.c     whom to try, and how long to wait for it
 *   decide_last.c     who of those that should not be tried is tried where nobody else is left
 *   decide_again.c    a trunk once more, after a while
 *   decide_allow.c    what limits and the retry budget hold back
 *   decide_clock.c    what an attempt owes by now
 *   decide_final.c    what the caller gets
 *   decide_outcome.c  what happened to an attempt
 *   decide_record.c   the record of it all */
#ifndef KEDGE_ROUTING_DECIDE_PART_H
#define KEDGE_ROUTING_DECIDE_PART_H

#include "routing/decide.h"

#define MS_NS 1000000ULL

static inline struct decide_attempt *decide_attempt_at(struct decide *d, unsigned i)
{
	assert(i < d->count);
	return &d->attempt[i];
}

static inline uint16_t decide_trunk_at(const struct decide *d, unsigned target)
{
	return d->plan->target[target].trunk;
}

static inline const struct conf_trunk *decide_conf_at(const struct decide *d, unsigned target)
{
	return &d->plan->conf->trunks.v[decide_trunk_at(d, target)];
}

/* ---- whom to try ---- */

struct pick {
	uint8_t target;
	uint16_t hop;
	uint8_t place; /* enum health_place of the hop for this call */
};

/* A backup that was idle for canary_idle, for the first attempt of a call (trunk.canary = call): what is never tried is broken
 * when it is needed. first: whose turn it is. */
bool canary_pick(const struct decide *d, const struct health *h, const struct pick *first, uint64_t now_ns, struct pick *pick);

/* The next one, in the order of the plan; false: nobody is left. */
bool pick_next(const struct decide *d, const struct health *h, uint64_t now_ns, struct pick *pick);

/* Did this call try a hop of the target? */
bool pick_tried(const struct decide *d, unsigned target);

/* The target's trunk as health knows it: one without hops where it does not. */
const struct health_trunk *pick_trunk(const struct decide *d, const struct health *h, unsigned target);

/* Nobody else is left: a trunk to try again now (retry_same). False: when d->again_ns comes; never, where that is 0. */
bool again_pick(struct decide *d, const struct health *h, uint64_t now_ns, struct pick *pick);

/* Do limits let an INVITE go there now? Those of an emergency call always do. */
bool allow_calls(const struct decide *d, const struct health *h, unsigned target);
bool allow_cps(const struct decide *d, const struct health *h, unsigned target, uint64_t now_ns);
bool allow_budget(const struct decide *d, const struct health *h, unsigned target, uint16_t hop, uint64_t now_ns);

/* The pick is tried: takes what its INVITE costs. */
void allow_spend(struct decide *d, struct health *h, const struct pick *pick, uint64_t now_ns);

/* The attempt takes one of its trunk's max_calls; gives it back. Nothing the second time. */
void allow_hold(struct health *h, struct decide_attempt *a);
void allow_free(struct health *h, struct decide_attempt *a);

bool pick_hop_tried(const struct decide *d, uint16_t hop);

/* Enabled, not tried by this call, and its limits let it. */
bool pick_open(const struct decide *d, const struct health *h, unsigned target, uint64_t now_ns);

/* The target's first hop that stands there for this call, FIRST or BEHIND, and that it did not try. */
bool pick_usable(const struct decide *d, const struct health *h, unsigned target, enum health_place place, uint16_t *hop);

/* Of those that stand LAST: DOWN by the time they are expected back, then LOCKED for less than a second; each by panic_rate
 * calls a second. An emergency call takes what there is, DRAINING and OFF at last. */
bool last_pick(const struct decide *d, const struct health *h, uint64_t now_ns, struct pick *pick);

/* The target's hop among them; *order: less is sooner. */
bool last_hop(const struct decide *d, const struct health *h, unsigned target, uint64_t now_ns, uint16_t *hop, uint64_t *order);

/* How long to wait for an attempt, by what is left beside it. */
void pick_limits(const struct decide *d, const struct health *h, struct decide_attempt *a, uint64_t now_ns);

/* ---- steps ---- */

/* Attempt i has the call. */
void decide_take(struct decide *d, const struct health *h, unsigned i, uint64_t now_ns);

/* It counts as a call of its hop no longer; nothing the second time. */
void decide_leave(struct health *h, struct decide_attempt *a);

/* The answer to the caller. */
enum decide_kind decide_finish(struct decide *d, const struct health *h, uint64_t now_ns, struct decide_step *out);

#endif
