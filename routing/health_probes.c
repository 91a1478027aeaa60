// SPDX-License-Identifier: MIT
#include "routing/health_dns.h"
#include "routing/health_part.h"

#define MISSES 3 /* probes, with calls heard meanwhile: it does not answer probes */

void health_probe_sent(struct health *h, uint16_t slot)
{
	struct kedge_hop_count *c = counts(h, slot);

	hop_at(h, slot);
	if (c)
		count(&c->probes_sent, 1);
}

/* Even a 503 is a sign of life, and has a round trip. */
static void on_probe_answer(struct health *h, uint16_t slot, uint32_t rtt_us, uint64_t now_ns)
{
	struct health_hop *p = &h->hop[slot];

	p->last_heard_ns = now_ns;
	p->answers_probes = true;
	p->misses = 0;
	p->probe_rtt_us = rtt_us ? rtt_us : 1;
	health_refute_unreached(p);
	health_end_blip(h, slot, now_ns);
}

/* A peer that takes calls but has stopped answering probes gives no second opinion any more. */
static void on_probe_miss(struct health_hop *p, uint64_t now_ns)
{
	if (p->misses++ == 0)
		p->miss_since_ns = now_ns;
	if (p->misses >= MISSES && p->last_heard_ns > p->miss_since_ns)
		p->answers_probes = false;
}

void health_probe(struct health *h, uint16_t slot, uint16_t code, uint32_t rtt_us, uint64_t now_ns)
{
	struct health_hop *p = hop_at(h, slot);
	struct kedge_hop_count *c = counts(h, slot);
	bool good;

	if (!hop_serves(p))
		return;
	good = conf_probe_good(&conf_of(h, p)->probe, code);
	p->probed = good ? 1 : 2;
	p->good_probes = good ? p->good_probes + 1 : 0;
	if (!good || !p->good_ns)
		p->good_ns = good ? now_ns : 0;
	if (code)
		on_probe_answer(h, slot, rtt_us, now_ns);
	else
		on_probe_miss(p, now_ns);
	if (good) {
		health_lock_proven(h, slot, now_ns);
		health_first_proof(h, slot, HEALTH_PROBED, NULL, now_ns);
		health_dns_proven(h, slot, now_ns);
	}
	health_trial_probe(h, slot, good, now_ns);
	health_try_again(h, slot, now_ns);
	if (good && c)
		count(&c->probes_good, 1);
	health_publish(h, slot, now_ns);
}

void health_tick(struct health *h, uint64_t now_ns, uint64_t wall_ms)
{
	h->wall_ms_at_0 = (int64_t)wall_ms - (int64_t)(now_ns / MS_NS);
	health_operators_tick(h, now_ns);
	for (uint16_t i = 0; i < h->hop_count; i++) {
		if (!h->hop[i].used || !hop_serves(&h->hop[i]))
			continue;
		health_marks_tick(h, i, now_ns);
		health_judge(h, i, HEALTH_CLEARED, NULL, now_ns); /* of one the DNS gave back: an order may have ended before */
		if (h->hop[i].reason == HEALTH_DISABLED_DRAIN && !h->hop[i].calls)
			health_judge(h, i, HEALTH_CLEARED, NULL, now_ns);
		health_try_again(h, i, now_ns);
	}
	health_dns_tick(h, now_ns);
}
