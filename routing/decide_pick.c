// SPDX-License-Identifier: MIT
#include "routing/decide_part.h"
#include "routing/draw.h"

#define CHECK_1_MS    200  /* RFC 3261 17.2.1: a server sends 100 within 200 ms */
#define CHECK_2_MS    350
#define EARLY_MS      500  /* silence to INVITE and both checks; also T1, when the INVITE was sent again */
#define BLIND_MS      1000 /* where silence to a probe means nothing */
#define STALE_MS      1000 /* first_response of a hop that failed and was not heard of for STALE_NS */
#define STALE_NS      (300 * HEALTH_SECOND_NS)

/* ---- whom to try ---- */

bool pick_hop_tried(const struct decide *d, uint16_t hop)
{
	for (unsigned i = 0; i < d->count; i++)
		if (d->attempt[i].hop == hop)
			return true;
	return false;
}

bool pick_tried(const struct decide *d, unsigned target)
{
	for (unsigned i = 0; i < d->count; i++)
		if (d->attempt[i].target == target)
			return true;
	return false;
}

/* Distinct hops, for a repaired request is no further try. */
static unsigned hops_tried(const struct decide *d, unsigned target)
{
	unsigned n = 0;

	for (unsigned i = 0; i < d->count; i++)
		n += d->attempt[i].target == target && !d->attempt[i].same;
	return n;
}

const struct health_trunk *pick_trunk(
    const struct decide *d, const struct health *h, unsigned target)
{
	static const struct health_trunk none;
	uint16_t trunk = health_trunk_of(h, d->plan->conf, decide_trunk_at(d, target));

	return trunk < HEALTH_TRUNKS ? &h->trunk[trunk] : &none;
}

/* RFC 2782: the hops of the lowest priority number share by weight; one that fails leaves it to the others, then to the
 * next number. */
bool pick_usable(const struct decide *d, const struct health *h, unsigned target, enum health_place place, uint16_t *hop)
{
	const struct health_trunk *t = pick_trunk(d, h, target);
	uint16_t slot[HEALTH_TRUNK_HOPS];
	uint32_t weight[HEALTH_TRUNK_HOPS];
	uint32_t best = UINT32_MAX;
	unsigned n = 0;

	for (uint16_t i = 0; i < t->count; i++) {
		const struct health_hop *p = &h->hop[t->hop[i]];

		if (health_place(h, t->hop[i], d->random) != place || pick_hop_tried(d, t->hop[i]) || p->priority > best)
			continue;
		n = p->priority < best ? 0 : n;
		best = p->priority;
		slot[n] = t->hop[i];
		weight[n++] = p->weight;
	}
	if (n)
		*hop = slot[draw_weighted(weight, n, draw_random(d->random, target * DECIDE_ATTEMPTS + hops_tried(d, target)))];
	return n > 0;
}

static bool limits_let(const struct decide *d, const struct health *h, unsigned target, uint64_t now_ns)
{
	return allow_calls(d, h, target) && allow_cps(d, h, target, now_ns);
}

bool pick_open(const struct decide *d, const struct health *h, unsigned target, uint64_t now_ns)
{
	return d->plan->target[target].enabled && !pick_tried(d, target) && limits_let(d, h, target, now_ns);
}

/* Another hop of the target of an attempt. */
static bool pick_hop(const struct decide *d, const struct health *h, const struct decide_attempt *a, enum health_place place,
    uint64_t now_ns, struct pick *pick)
{
	uint64_t order;

	*pick = (struct pick){ .target = a->target, .place = place };
	if (hops_tried(d, a->target) >= decide_conf_at(d, a->target)->max_hops || !limits_let(d, h, a->target, now_ns))
		return false;
	return (place == HEALTH_LAST ? last_hop(d, h, a->target, now_ns, &pick->hop, &order)
	                             : pick_usable(d, h, a->target, place, &pick->hop)) &&
	       allow_budget(d, h, a->target, pick->hop, now_ns);
}

static bool pick_target(const struct decide *d, const struct health *h, enum health_place place, uint64_t now_ns, struct pick *pick)
{
	for (unsigned i = 0; i < d->plan->count; i++)
		if (pick_open(d, h, i, now_ns) && pick_usable(d, h, i, place, &pick->hop) && allow_budget(d, h, i, pick->hop, now_ns)) {
			pick->target = (uint8_t)i;
			pick->place = (uint8_t)place;
			return true;
		}
	return false;
}

/* on_busy names one trunk: no other follows a 486. */
static bool pick_busy(const struct decide *d, const struct health *h, uint64_t now_ns, struct pick *pick)
{
	for (unsigned i = 0; i < d->plan->count; i++)
		for (unsigned place = HEALTH_FIRST; place < HEALTH_LAST; place++)
			if (decide_trunk_at(d, i) == d->on_busy && pick_open(d, h, i, now_ns) &&
			    pick_usable(d, h, i, place, &pick->hop)) {
				pick->target = (uint8_t)i;
				pick->place = (uint8_t)place;
				return true;
			}
	return false;
}

static bool retries_left(const struct decide *d)
{
	return d->plan->emergency || d->targets < d->plan->profile->max_retries + 1;
}

/* What stands FIRST, another hop of the target before other targets; then what stands BEHIND in the same way; and when nobody
 * is left (fail open) what is DOWN: a call that lands there by luck is better than one refused for sure. */
bool pick_next(
    const struct decide *d, const struct health *h, uint64_t now_ns, struct pick *pick)
{
	const struct decide_attempt *last = &d->attempt[d->last];

	if (d->count == DECIDE_ATTEMPTS)
		return false;
	if (d->on_busy != CONF_NONE)
		return pick_busy(d, h, now_ns, pick);
	for (unsigned place = HEALTH_FIRST; place < HEALTH_LAST; place++)
		if ((d->hop_allowed && pick_hop(d, h, last, place, now_ns, pick)) ||
		    (retries_left(d) && pick_target(d, h, place, now_ns, pick)))
			return true;
	if (d->hop_allowed && last->panic && pick_hop(d, h, last, HEALTH_LAST, now_ns, pick))
		return true;
	return retries_left(d) && last_pick(d, h, now_ns, pick);
}

/* While an attempt runs: is there anybody its failure could lead to? A DOWN one only counts where all are. */
static bool target_left(const struct decide *d, const struct health *h, uint64_t now_ns, bool panic)
{
	struct pick pick;

	if (d->count == DECIDE_ATTEMPTS || !retries_left(d))
		return false;
	return pick_target(d, h, HEALTH_FIRST, now_ns, &pick) || pick_target(d, h, HEALTH_BEHIND, now_ns, &pick) ||
	       (panic && last_pick(d, h, now_ns, &pick));
}

static bool hop_left(const struct decide *d, const struct health *h,
    const struct decide_attempt *a, uint64_t now_ns)
{
	struct pick pick;

	if (d->count == DECIDE_ATTEMPTS)
		return false;
	return pick_hop(d, h, a, HEALTH_FIRST, now_ns, &pick) || pick_hop(d, h, a, HEALTH_BEHIND, now_ns, &pick) ||
	       (a->panic && pick_hop(d, h, a, HEALTH_LAST, now_ns, &pick));
}

/* ---- how long to wait for it ---- */

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t most(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static uint32_t configured_ms(
    const struct conf_trunk *t, const struct health_hop *p, uint64_t now_ns)
{
	bool fresh = p->last_heard_ns && now_ns - p->last_heard_ns <= STALE_NS;

	if (p->last_fail_ns && !fresh)
		return least(t->timers.first_response_ms, STALE_MS);
	return t->timers.first_response_ms;
}

/* When nothing at all was heard by now: a dead path, or only an unanswered INVITE? */
static void limit_silence(struct decide_limits *l, const struct conf_trunk *t,
    const struct health_hop *p, uint64_t now_ns)
{
	uint32_t usual = pace_reply_ms(&p->reply, now_ns);
	uint32_t far = CHECK_1_MS + (2 * p->probe_rtt_us + 999) / 1000;

	l->early_ms = l->first_response_ms;
	l->early_cause = CAUSE_NO_REPLY;
	if (p->transport != CONF_UDP)
		return;
	if (t->timers.first_response_adaptive && p->answers_probes)
		l->early_ms = least(l->early_ms, most(EARLY_MS, most(far, usual)));
	else if (t->timers.first_response_adaptive) /* the INVITE was sent again at T1, and had its usual time */
		l->early_ms = least(l->early_ms, most(BLIND_MS, usual ? EARLY_MS + usual : 0));
	if (l->early_ms <= CHECK_2_MS)
		return;
	l->check_ms[0] = CHECK_1_MS;
	l->check_ms[1] = CHECK_2_MS;
	if (p->answers_probes)
		l->early_cause = CAUSE_SILENT;
}

void pick_limits(
    const struct decide *d, const struct health *h, struct decide_attempt *a, uint64_t now_ns)
{
	const struct conf_trunk *t = decide_conf_at(d, a->target);
	const struct health_hop *p = &h->hop[a->hop];
	bool target = target_left(d, h, now_ns, a->panic);
	struct decide_limits *l = &a->limits;

	*l = (struct decide_limits){ .first_response_ms = configured_ms(t, p, now_ns) };
	l->connect_ms = p->transport == CONF_TCP ? t->timers.connect_ms : 0;
	limit_silence(l, t, p, now_ns);
	l->last = !target && !hop_left(d, h, a, now_ns);
	if (l->last)
		l->first_response_ms = 64 * d->plan->conf->sip.t1_ms;
	if (target)
		l->progress_ms = d->targets > 1
		                     ? t->timers.progress_failover_ms
		                     : pace_progress_ms(&h->rings, p->trunk, d->plan->prefix,
		                           t->timers.progress_ms);
	l->ring_ms = d->plan->profile->ring_timeout_ms ? d->plan->profile->ring_timeout_ms
	                                               : t->timers.ring_ms;
}
