// SPDX-License-Identifier: MIT
#include "routing/decide_part.h"

#define LOCK_ENDS_NS HEALTH_SECOND_NS /* a Retry-After that is over so soon need not be waited for */

/* How far a hop that stands LAST or worse is from being one to try: lower is nearer. Whoever locked or took it out meant it. */
static unsigned distance(enum kedge_hop_state state)
{
	switch (state) {
	case KEDGE_HOP_LOCKED:
		return 1;
	case KEDGE_HOP_DRAINING:
		return 2;
	case KEDGE_HOP_OFF:
		return 3;
	default:
		return 0;
	}
}

/* Lower is sooner. One whose time is not known comes after those that have one. */
static uint64_t order_of(const struct health *h, uint16_t slot)
{
	uint64_t retry = health_retry_ns(h, slot);

	return (uint64_t)distance(h->hop[slot].state) << 62 | (retry ? retry : UINT64_MAX >> 3);
}

/* The rate spares callers and a trunk that fails. Where no call failed since it is DOWN, or the last one rang, it would refuse them
 * for nothing: for minutes, with a PBX that is every route's only target and answers no OPTIONS. */
static bool no_call_fails(const struct health_hop *p)
{
	uint64_t good_ns = p->last_success_ns > p->since_ns ? p->last_success_ns : p->since_ns;

	return p->state == KEDGE_HOP_DOWN && p->last_fail_ns < good_ns;
}

/* May it be tried though it stands LAST? By one call in a while, and a lock is kept to its last second. */
static bool may_be_tried(const struct health *h, const struct conf_trunk *t, uint16_t slot, uint64_t now_ns)
{
	const struct health_hop *p = &h->hop[slot];

	if (p->state == KEDGE_HOP_LOCKED && health_retry_ns(h, slot) > now_ns + LOCK_ENDS_NS)
		return false;
	return no_call_fails(p) || !p->last_panic_ns || (now_ns - p->last_panic_ns) * t->panic_rate >= HEALTH_SECOND_NS;
}

bool last_hop(const struct decide *d, const struct health *h, unsigned target, uint64_t now_ns, uint16_t *hop, uint64_t *order)
{
	const struct health_trunk *t = pick_trunk(d, h, target);
	bool found = false;

	for (uint16_t i = 0; i < t->count; i++) {
		uint16_t slot = t->hop[i];
		enum health_place place = health_place(h, slot, d->random);
		uint64_t key = order_of(h, slot);

		if (place < HEALTH_LAST || pick_hop_tried(d, slot))
			continue;
		if (!d->plan->emergency && (place == HEALTH_NEVER || !may_be_tried(h, decide_conf_at(d, target), slot, now_ns)))
			continue;
		if (found && key >= *order)
			continue;
		*hop = slot;
		*order = key;
		found = true;
	}
	return found;
}

bool last_pick(const struct decide *d, const struct health *h, uint64_t now_ns, struct pick *pick)
{
	uint64_t best = UINT64_MAX, order;
	uint16_t hop;

	for (unsigned i = 0; i < d->plan->count; i++) {
		if (!pick_open(d, h, i, now_ns) || !last_hop(d, h, i, now_ns, &hop, &order))
			continue;
		if (order >= best || !allow_budget(d, h, i, hop, now_ns))
			continue;
		best = order;
		*pick = (struct pick){ (uint8_t)i, hop, HEALTH_LAST };
	}
	return best != UINT64_MAX;
}
