// SPDX-License-Identifier: MIT
#include "routing/health_part.h"

#include <string.h>
#include <time.h>

#define BLIP_NS (5 * HEALTH_SECOND_NS) /* a silence that ends sooner does not cost min_uptime, once an hour */

struct breaker_rules health_rules(const struct health *h, const struct health_hop *p)
{
	const struct conf_breaker *b = &conf_of(h, p)->breaker;

	return (struct breaker_rules){
		.open_ns = b->open_ms * MS_NS,
		.min_uptime_ns = b->min_uptime_ms * MS_NS,
		.hold_max_ns = b->hold_max_ms * MS_NS,
		.step_ns = b->ramp_step_ms * MS_NS,
		.ramp = b->ramp.v,
		.steps = b->ramp.count,
		.trial = (uint8_t)b->trial,
	};
}

/* May its probes bring it back? Where INVITEs alone are swallowed they prove nothing. */
static bool probes_count(const struct health *h, const struct health_hop *p)
{
	return health_answers(h, p) && p->down_reason != HEALTH_INVITE_SILENT;
}

void health_hold(struct health *h, uint16_t slot, enum health_reason reason, uint16_t code,
    const char *evidence, uint64_t now_ns)
{
	struct health_hop *p = &h->hop[slot];
	struct breaker_rules rules = health_rules(h, p);

	p->good_probes = 0;
	p->good_ns = 0;
	p->lock_ns = p->lock_ns > now_ns ? p->lock_ns : 0;
	if (p->breaker.state == BREAKER_DOWN)
		return;
	breaker_step(&p->breaker, BREAKER_ON_TRIP, now_ns, &rules);
	p->down_reason = reason;
	p->down_code = code;
	p->waits = p->let_back = false;
	p->window_count = 0;
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

/* ---- the way back --------------------------------------------------------------------------- */

static void enter_trial(struct health *h, uint16_t slot, const char *evidence, uint64_t now_ns)
{
	struct health_hop *p = &h->hop[slot];
	uint32_t consecutive = conf_of(h, p)->breaker.consecutive;

	health_forget_failures(p);
	health_forget_faults(p);
	p->blip = p->waits = p->let_back = p->proven = false;
	p->step_probes = probes_count(h, p); /* they are why it is here */
	/* Calls are the only way to learn more of a hop whose probes say nothing: the first that fails is enough. */
	if (!probes_count(h, p) && consecutive > 1)
		p->consecutive = consecutive - 1;
	health_judge(h, slot, HEALTH_NONE, evidence, now_ns);
	health_ramp(h, slot, now_ns);
}

void health_end_blip(struct health *h, uint16_t slot, uint64_t now_ns)
{
	struct health_hop *p = &h->hop[slot];
	struct breaker_rules rules;

	if (!p->blip || p->breaker.state != BREAKER_DOWN)
		return;
	p->blip = false;
	if (now_ns - p->breaker.since_ns > BLIP_NS)
		return;
	rules = health_rules(h, p);
	breaker_step(&p->breaker, BREAKER_ON_BLIP, now_ns, &rules);
	enter_trial(h, slot, "heard again within 5 s", now_ns);
}

static bool in_window(const struct health *h, const struct conf_breaker *b, uint64_t now_ns)
{
	time_t at = (time_t)(wall_of(h, now_ns) / 1000);
	struct tm tm;
	int minute;

	if (b->failback_from == b->failback_to || !localtime_r(&at, &tm))
		return true;
	minute = tm.tm_hour * 60 + tm.tm_min;
	if (b->failback_from < b->failback_to)
		return minute >= b->failback_from && minute < b->failback_to;
	return minute >= b->failback_from || minute < b->failback_to;
}

static bool may_fail_back(const struct health *h, const struct health_hop *p, uint64_t now_ns)
{
	const struct conf_breaker *b = &conf_of(h, p)->breaker;

	return p->let_back || (b->failback == CONF_FAILBACK_AUTO && in_window(h, b, now_ns));
}

uint64_t health_ready_ns(const struct health *h, const struct health_hop *p)
{
	struct breaker_rules rules = health_rules(h, p);
	uint64_t uptime = breaker_uptime_ns(&p->breaker, &rules);
	uint64_t ready = (p->good_ns ? p->good_ns : p->breaker.since_ns) + uptime;

	return probes_count(h, p) && ready > p->breaker.until_ns ? ready : p->breaker.until_ns;
}

/* DOWN ends when `open` is over and probes were good for min_uptime. A hop that is not probed, or whose peer ignores
 * probes, is tried again after `open` alone. */
void health_try_again(struct health *h, uint16_t slot, uint64_t now_ns)
{
	struct health_hop *p = &h->hop[slot];
	struct breaker_rules rules = health_rules(h, p);
	bool probed = probes_count(h, p), ready;

	if (p->breaker.state == BREAKER_TRIAL)
		health_ramp(h, slot, now_ns);
	if (p->breaker.state != BREAKER_DOWN)
		return;
	ready = now_ns >= health_ready_ns(h, p) && (!probed || p->good_probes >= conf_of(h, p)->probe.up);
	p->waits = ready && !may_fail_back(h, p, now_ns);
	if (!ready || p->waits) {
		health_judge(h, slot, HEALTH_NONE, NULL, now_ns);
		return;
	}
	if (breaker_step(&p->breaker, BREAKER_ON_READY, now_ns, &rules) == BREAKER_TRIAL)
		enter_trial(h, slot, probed ? "enough good probes" : "open is over, no probe tells more", now_ns);
}

/* A step of a hop that probes tell nothing of ends by time too, but UP would be a claim until one of its calls rang: its
 * port may be as closed as before. */
void health_ramp(struct health *h, uint16_t slot, uint64_t now_ns)
{
	struct health_hop *p = &h->hop[slot];
	struct breaker_rules rules = health_rules(h, p);
	bool last = p->breaker.step + 1 >= rules.steps, moved;
	bool proven = probes_count(h, p) ? p->step_probes > 0 : !last || p->proven;

	if (p->breaker.state != BREAKER_TRIAL)
		return;
	if (breaker_ramp(&p->breaker, proven, now_ns, &rules, &moved)) {
		breaker_step(&p->breaker, BREAKER_ON_CLEAR, now_ns, &rules);
		p->known = true;
		health_judge(h, slot, HEALTH_RAMPED, NULL, now_ns);
	} else if (moved) {
		p->step_probes = 0;
		health_judge(h, slot, HEALTH_NONE, NULL, now_ns);
	}
}

void health_trial_call(struct health *h, uint16_t slot, bool bad, uint16_t code, uint64_t now_ns)
{
	struct health_hop *p = &h->hop[slot];
	struct breaker_rules rules = health_rules(h, p);

	p->proven |= !bad;
	if (bad)
		p->step_probes = 0;
	if (breaker_call(&p->breaker, bad, now_ns, &rules))
		health_hold(h, slot, HEALTH_RELAPSE, code, NULL, now_ns);
	else
		health_ramp(h, slot, now_ns);
}

void health_trial_probe(struct health *h, uint16_t slot, bool good, uint64_t now_ns)
{
	struct health_hop *p = &h->hop[slot];

	if (p->breaker.state != BREAKER_TRIAL)
		return;
	if (good) {
		p->step_probes += p->step_probes < UINT8_MAX;
		health_ramp(h, slot, now_ns);
	} else if (health_answers(h, p)) {
		p->step_probes = 0;
		breaker_setback(&p->breaker, now_ns);
	}
}

/* ---- the window ----------------------------------------------------------------------------- */

/* True: too many of them within the time of breaker.window. */
bool health_window(const struct health *h, struct health_hop *p, uint64_t now_ns)
{
	const struct conf_ints *w = &conf_of(h, p)->breaker.window;
	uint64_t span = w->v[1] * HEALTH_SECOND_NS / (h->conf->scaled ? h->conf->test.time_scale : 1);
	uint8_t kept = 0;

	if (w->count != 2)
		return false;
	for (uint8_t i = 0; i < p->window_count; i++)
		if (now_ns - p->window_ns[i] < span)
			p->window_ns[kept++] = p->window_ns[i];
	if (kept == HEALTH_WINDOW_MAX)
		memmove(p->window_ns, p->window_ns + 1, --kept * sizeof(p->window_ns[0]));
	p->window_ns[kept++] = now_ns;
	p->window_count = kept;
	return kept >= w->v[0];
}
