// SPDX-License-Identifier: MIT
/* health_part: what the files of health share, for them alone. */
#ifndef KEDGE_ROUTING_HEALTH_PART_H
#define KEDGE_ROUTING_HEALTH_PART_H

#include "routing/health.h"

#define MS_NS 1000000ULL

static inline struct health_hop *hop_at(struct health *h, uint16_t slot)
{
	assert(slot < h->hop_count && h->hop[slot].used);
	return &h->hop[slot];
}

static inline const struct health_hop *hop_of(const struct health *h, uint16_t slot)
{
	assert(slot < h->hop_count && h->hop[slot].used);
	return &h->hop[slot];
}

/* Is it a hop of a trunk of the running configuration? Evidence of others goes nowhere. */
static inline bool hop_serves(const struct health_hop *p)
{
	return p->trunk != CONF_NONE;
}

static inline const struct conf_trunk *conf_of(const struct health *h, const struct health_hop *p)
{
	assert(p->trunk < h->conf->trunks.count);
	return &h->conf->trunks.v[p->trunk];
}

static inline uint64_t wall_of(const struct health *h, uint64_t mono_ns)
{
	return (uint64_t)(h->wall_ms_at_0 + (int64_t)(mono_ns / MS_NS));
}

static inline uint64_t mono_of(const struct health *h, uint64_t wall_ms)
{
	int64_t ms = (int64_t)wall_ms - h->wall_ms_at_0;

	return ms > 0 ? (uint64_t)ms * MS_NS : 0;
}

/* One writer: a plain sum, stored whole. */
static inline void count(_Atomic uint64_t *word, uint64_t n)
{
	uint64_t v = atomic_load_explicit(word, memory_order_relaxed);

	atomic_store_explicit(word, v + n, memory_order_relaxed);
}

static inline struct kedge_hop_count *counts(const struct health *h, uint16_t slot)
{
	return h->table ? &h->table[slot].count : NULL;
}

/* ---- health_hops.c ---- */

/* Does its trunk try it? */
bool health_in_trunk(const struct health *h, uint16_t slot);
void health_slot_free(struct health *h, uint16_t slot);

/* ---- health_state.c ---- */

/* Weighs all evidences of the hop anew. good: why, if it turns out better than it was; evidence: in place of the
 * table's words, NULL: those. A change is reported and published. */
void health_judge(
    struct health *h, uint16_t slot, enum health_reason good, const char *evidence, uint64_t now_ns);

void health_publish(const struct health *h, uint16_t slot, uint64_t now_ns);
void health_publish_id(const struct health *h, uint16_t slot);

/* Do probes tell something of this hop? */
bool health_answers(const struct health *h, const struct health_hop *p);

/* ---- health_hold.c ---- */

/* As health_trip(), with other words. */
void health_hold(struct health *h, uint16_t slot, enum health_reason reason, uint16_t code,
    const char *evidence, uint64_t now_ns);

/* Is it time to come back, or for the next step of TRIAL? */
void health_try_again(struct health *h, uint16_t slot, uint64_t now_ns);
void health_ramp(struct health *h, uint16_t slot, uint64_t now_ns);

/* When a hop that is DOWN may be tried again, if nothing bad happens until then. */
uint64_t health_ready_ns(const struct health *h, const struct health_hop *p);

/* A call ended, a probe was answered, while in TRIAL. */
void health_trial_call(struct health *h, uint16_t slot, bool bad, uint16_t code, uint64_t now_ns);
void health_trial_probe(struct health *h, uint16_t slot, bool good, uint64_t now_ns);

/* One more F or L. True: too many within the time of breaker.window. */
bool health_window(const struct health *h, struct health_hop *p, uint64_t now_ns);

struct breaker_rules health_rules(const struct health *h, const struct health_hop *p);

/* The hop was heard. */
void health_end_blip(struct health *h, uint16_t slot, uint64_t now_ns);

/* ---- health_calls.c ---- */

void health_forget_failures(struct health_hop *p);
void health_forget_faults(struct health_hop *p);

/* Failures whose evidence was "it cannot be reached" are refuted by any message from there. */
void health_refute_unreached(struct health_hop *p);

/* A first sign of life: it is known from now on. */
void health_first_proof(struct health *h, uint16_t slot, enum health_reason reason,
    const char *evidence, uint64_t now_ns);

/* ---- health_marks.c ---- */

/* Marks whose time has come, the lock's end, the operator's; for health_tick. */
void health_marks_tick(struct health *h, uint16_t slot, uint64_t now_ns);
void health_operators_tick(struct health *h, uint64_t now_ns);

/* A good probe, or a call, came after the lock's time. */
void health_lock_proven(struct health *h, uint16_t slot, uint64_t now_ns);

#endif
