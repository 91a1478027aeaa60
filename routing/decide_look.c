// SPDX-License-Identifier: MIT
#include "routing/decide_look.h"

#include "routing/decide_part.h"

static uint16_t small(uint64_t n)
{
	return n < UINT16_MAX ? (uint16_t)n : UINT16_MAX;
}

static uint32_t span_ms(uint64_t ns)
{
	return ns / MS_NS < DECIDE_LOOK_NEVER ? (uint32_t)(ns / MS_NS) : DECIDE_LOOK_NEVER - 1;
}

static uint32_t ago_ms(uint64_t then_ns, uint64_t now_ns)
{
	return !then_ns ? DECIDE_LOOK_NEVER : now_ns > then_ns ? span_ms(now_ns - then_ns) : 0;
}

uint16_t decide_looks_wanted(const struct plan *plan, const struct health *h)
{
	unsigned n = DECIDE_LOOKS_MORE;

	for (unsigned i = 0; i < plan->count; i++)
		if (plan->target[i].trunk < HEALTH_TRUNKS)
			n += h->trunk[plan->target[i].trunk].count;
	return (uint16_t)(n < DECIDE_LOOKS_MAX ? n : DECIDE_LOOKS_MAX);
}

uint8_t decide_look_of(const struct decide *d, uint16_t hop)
{
	for (unsigned i = d->looks ? d->looks->count : 0; i-- > 0;)
		if (d->looks->look[i].hop == hop)
			return (uint8_t)i;
	return DECIDE_NONE;
}

static bool is_news(const struct decide *d, const struct decide_look *l)
{
	uint8_t i = decide_look_of(d, l->hop);
	const struct decide_look *old = &d->looks->look[i];

	return i == DECIDE_NONE || old->target != l->target || old->state != l->state || old->reason != l->reason || old->code != l->code ||
	       old->consecutive != l->consecutive;
}

static void look(struct decide *d, const struct health *h, unsigned target, uint16_t slot, uint64_t now_ns)
{
	const struct health_hop *p = &h->hop[slot];
	uint64_t retry_ns = health_retry_ns(h, slot);
	struct decide_look l = {
		.at_ms = span_ms(now_ns - d->begun_ns),
		.since_ms = now_ns > p->since_ns ? span_ms(now_ns - p->since_ns) : 0,
		.fail_ms = ago_ms(p->last_fail_ns, now_ns),
		.heard_ms = ago_ms(p->last_heard_ns, now_ns),
		.retry_ms = retry_ns > now_ns ? span_ms(retry_ns - now_ns) : 0,
		.rtt_us = p->probe_rtt_us,
		.hop = slot,
		.code = p->code,
		.consecutive = small(p->consecutive),
		.misses = small(p->misses),
		.reply_ms = small(pace_reply_ms(&p->reply, now_ns)),
		.pdd_ms = small(p->pdd_ewma_ms),
		.calls = small(p->calls),
		.target = (uint8_t)target,
		.state = p->state,
		.reason = p->reason,
		.probed = p->probed,
		.generation = (uint16_t)p->generation,
	};

	if (!is_news(d, &l))
		return;
	if (d->looks->count < d->looks->room)
		d->looks->look[d->looks->count++] = l;
	else
		d->looks->missed++;
}

void decide_look_target(struct decide *d, const struct health *h, unsigned target, uint64_t now_ns)
{
	const struct health_trunk *t = pick_trunk(d, h, target);

	for (uint16_t i = 0; d->looks && i < t->count; i++)
		look(d, h, target, t->hop[i], now_ns);
}

void decide_look_all(struct decide *d, const struct health *h, uint64_t now_ns)
{
	for (unsigned i = 0; d->looks && i < d->plan->count; i++)
		decide_look_target(d, h, i, now_ns);
}
