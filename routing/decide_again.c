// SPDX-License-Identifier: MIT
#include "routing/backoff.h"
#include "routing/decide_part.h"

/* The last attempt at a target, and how many of them were tries again; DECIDE_NONE: it was not tried. */
static uint8_t last_at(const struct decide *d, unsigned target, unsigned *agains)
{
	uint8_t last = DECIDE_NONE;

	*agains = 0;
	for (uint8_t i = 0; i < d->count; i++)
		if (d->attempt[i].target == target) {
			last = i;
			*agains += d->attempt[i].again;
		}
	return last;
}

/* A hop of the target that may have the call now: one that stands well before one that is DOWN. A lock is kept. */
static bool hop_for(const struct decide *d, const struct health *h, unsigned target, uint64_t now_ns, struct pick *pick)
{
	const struct health_trunk *t = pick_trunk(d, h, target);

	*pick = (struct pick){ .target = (uint8_t)target, .place = HEALTH_NEVER };
	for (uint16_t i = 0; i < t->count; i++) {
		enum health_place place = health_place(h, t->hop[i], d->random);

		if (place >= pick->place)
			continue;
		if (h->hop[t->hop[i]].state == KEDGE_HOP_LOCKED && health_retry_ns(h, t->hop[i]) > now_ns)
			continue;
		pick->hop = t->hop[i];
		pick->place = (uint8_t)place;
	}
	return pick->place != HEALTH_NEVER;
}

/* When all hops of the target are locked: the first that ends. 0: one is not. */
static uint64_t locked_until(const struct decide *d, const struct health *h, unsigned target)
{
	const struct health_trunk *t = pick_trunk(d, h, target);
	uint64_t until = UINT64_MAX;

	for (uint16_t i = 0; i < t->count; i++) {
		if (h->hop[t->hop[i]].state != KEDGE_HOP_LOCKED)
			return 0;
		if (health_retry_ns(h, t->hop[i]) < until)
			until = health_retry_ns(h, t->hop[i]);
	}
	return t->count ? until : 0;
}

/* When target i is tried again; 0: it is not. */
static uint64_t when(const struct decide *d, const struct health *h, unsigned i)
{
	const struct conf_retry_same *r = &d->plan->profile->retry_same;
	uint64_t seed = (uint64_t)i << 32 | d->random, at, locked;
	const struct decide_attempt *a;
	unsigned agains;
	uint8_t last = last_at(d, i, &agains);

	if (!d->plan->target[i].enabled || last == DECIDE_NONE || agains >= r->max)
		return 0;
	a = &d->attempt[last];
	if (!a->worth)
		return 0;
	at = a->ended_ns + (a->retry_after_s ? backoff_after_ns(r, a->retry_after_s, seed + agains) : backoff_ns(r, agains, seed));
	locked = locked_until(d, h, i);
	return locked > at ? locked : at;
}

/* The trunk that is tried again soonest. */
static void plan(struct decide *d, const struct health *h, uint64_t now_ns)
{
	for (unsigned i = 0; i < d->plan->count && d->count < DECIDE_ATTEMPTS; i++) {
		uint64_t at = when(d, h, i);
		struct pick pick;

		if (!at || at >= d->deadline_ns || (d->again_ns && at >= d->again_ns))
			continue;
		/* A caller would wait in vain for what the budget will not pay. */
		if (hop_for(d, h, i, at, &pick) && !allow_budget(d, h, i, pick.hop, now_ns))
			continue;
		d->again_ns = at;
		d->again_target = (uint8_t)i;
	}
}

bool again_pick(struct decide *d, const struct health *h, uint64_t now_ns, struct pick *pick)
{
	unsigned i;

	if (!d->again_ns)
		plan(d, h, now_ns);
	if (!d->again_ns || d->again_ns > now_ns)
		return false;
	d->again_ns = 0;
	i = d->again_target;
	return allow_calls(d, h, i) && allow_cps(d, h, i, now_ns) && hop_for(d, h, i, now_ns, pick) &&
	       allow_budget(d, h, i, pick->hop, now_ns);
}
