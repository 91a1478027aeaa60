// SPDX-License-Identifier: MIT
#include "routing/health_part.h"

#define BLIP_NS (5 * HEALTH_SECOND_NS) /* a silence that ends sooner costs nothing, once an hour */

static uint64_t open_ns(const struct health *h, const struct health_hop *p)
{
	return conf_of(h, p)->breaker.open_ms * MS_NS;
}

void health_hold(struct health *h, uint16_t slot, enum health_reason reason, uint16_t code,
    const char *evidence, uint64_t now_ns)
{
	struct health_hop *p = &h->hop[slot];

	p->good_probes = 0;
	p->lock_ns = p->lock_ns > now_ns ? p->lock_ns : 0;
	if (p->breaker.state != BREAKER_UP)
		return;
	breaker_step(&p->breaker, BREAKER_ON_TRIP, now_ns, open_ns(h, p));
	p->down_reason = reason;
	p->down_code = code;
	health_judge(h, slot, HEALTH_NONE, evidence, now_ns);
}

void health_trip(struct health *h, uint16_t slot, enum health_reason reason, uint16_t code, uint64_t now_ns)
{
	assert(health_rule(reason)->kind == HEALTH_KIND_BREAK);
	hop_at(h, slot);
	if (hop_serves(&h->hop[slot]))
		health_hold(h, slot, reason, code, NULL, now_ns);
	health_publish(h, slot, now_ns);
}

static void come_back(struct health *h, uint16_t slot, bool known, enum health_reason reason,
    const char *evidence, uint64_t now_ns)
{
	struct health_hop *p = &h->hop[slot];

	health_forget_failures(p);
	health_forget_faults(p);
	p->blip = false;
	p->known = known;
	health_judge(h, slot, reason, evidence, now_ns);
}

/* A silence that ended within five seconds was a blip: the first of an hour costs the trunk nothing more. */
void health_end_blip(struct health *h, uint16_t slot, uint64_t now_ns)
{
	struct health_hop *p = &h->hop[slot];

	if (!p->blip || p->breaker.state == BREAKER_UP)
		return;
	p->blip = false;
	if (now_ns - p->breaker.since_ns > BLIP_NS)
		return;
	breaker_step(&p->breaker, BREAKER_ON_BLIP, now_ns, 0);
	come_back(h, slot, true, HEALTH_BLIP, NULL, now_ns);
}

/* DOWN ends when `open` is over and enough probes in a row were good. A hop that is not probed, or whose peer ignores
 * probes, comes back on trust: calls are the only way to learn more, and the first that fails takes it DOWN again. Until
 * one rings (call: it just did) nothing is known of it, and UP would be a claim: its port may be as closed as before. */
void health_try_again(struct health *h, uint16_t slot, bool call, uint64_t now_ns)
{
	struct health_hop *p = &h->hop[slot];
	const struct conf_trunk *t = conf_of(h, p);
	bool probed = health_answers(h, p);

	if (p->breaker.state == BREAKER_UP)
		return;
	if (breaker_step(&p->breaker, BREAKER_ON_TIMER, now_ns, 0) != BREAKER_PROVING)
		return;
	if (probed && p->good_probes < t->probe.up)
		return;
	breaker_step(&p->breaker, BREAKER_ON_CLEAR, now_ns, 0);
	come_back(h, slot, probed || call, probed ? HEALTH_PROBED : HEALTH_TIMER,
	    probed ? "enough good probes" : NULL, now_ns);
	if (!probed && t->breaker.consecutive > 1) {
		p->consecutive = t->breaker.consecutive - 1;
		health_publish(h, slot, now_ns);
	}
}
