// SPDX-License-Identifier: MIT
#include "tools/check_timers.h"

#include "config/value.h"

#define SILENCE_MS 500 /* INVITE and two probes unanswered: routing/decide_pick.c */

#define TEXT(ms) value_ms_text((uint32_t)((ms) < UINT32_MAX ? (ms) : UINT32_MAX), (char[VALUE_TEXT]){ 0 })

static void line(FILE *out, const char *what)
{
	fprintf(out, "  %-12s ", what);
}

/* ---- a trunk -------------------------------------------------------------------------------- */

uint64_t check_failback_ms(const struct conf_trunk *t, bool whole)
{
	const struct conf_breaker *b = &t->breaker;
	uint64_t hold = b->open_ms > b->min_uptime_ms ? b->open_ms : b->min_uptime_ms;
	uint64_t seen = t->probe.method == CONF_PROBE_NONE ? 0 : t->probe.down_interval_ms;

	return seen + hold + (whole ? (uint64_t)b->ramp.count * b->ramp_step_ms : 0);
}

static void put_trunk(FILE *out, const struct conf *c, const struct conf_trunk *t)
{
	uint64_t found = conf_detection_ms(t);
	const struct conf_timers *m = &t->timers;

	fprintf(out, "trunk %s\n", t->name);
	line(out, "transaction");
	fprintf(out, "T1 %s; an INVITE nobody answers ends after %s (timer B), where it is the last one\n", TEXT(c->sip.t1_ms), TEXT(64ULL * c->sip.t1_ms));
	line(out, "detection");
	if (found)
		fprintf(out, "by a call within %s; without calls within %s\n", TEXT(m->first_response_ms), TEXT(found));
	else
		fprintf(out, "by a call within %s; not probed: without calls never\n", TEXT(m->first_response_ms));
	line(out, "re-route");
	fprintf(out, "silence %s%s, no connection %s, 100 and no more %s (later targets %s), ringing %s\n",
		m->first_response_adaptive ? TEXT(SILENCE_MS) : TEXT(m->first_response_ms), m->first_response_adaptive ? " as a rule" : "", TEXT(m->connect_ms),
		TEXT(m->progress_ms), TEXT(m->progress_failover_ms), TEXT(m->ring_ms));
	line(out, "failback");
	fprintf(out, "first calls again %s after it is well (open %s, min_uptime %s), all of them after %s (%u steps of %s); doubled by relapses up to %s\n",
		TEXT(check_failback_ms(t, false)), TEXT(t->breaker.open_ms), TEXT(t->breaker.min_uptime_ms), TEXT(check_failback_ms(t, true)),
		t->breaker.ramp.count, TEXT(t->breaker.ramp_step_ms), TEXT(t->breaker.hold_max_ms));
}

/* ---- a profile ------------------------------------------------------------------------------ */

uint64_t check_retry_ms(const struct conf_retry_same *r)
{
	uint64_t sum = 0, delay = r->base_ms;

	for (uint32_t i = 0; i < r->max; i++, delay *= 2) {
		delay = delay < r->max_delay_ms ? delay : r->max_delay_ms;
		sum += delay + delay * r->jitter / 100;
	}
	return sum;
}

static void put_retry(FILE *out, const struct conf_retry_same *r)
{
	line(out, "retry");
	if (r->max)
		fprintf(out, "the same trunk %u times, after %s and up to %u %% more, doubled up to %s: %s in all at worst\n", r->max, TEXT(r->base_ms),
			r->jitter, TEXT(r->max_delay_ms), TEXT(check_retry_ms(r)));
	else
		fputs("never the same trunk again\n", out);
}

/* The targets in their order, with how long each may keep the call from the next one; returns the sum. */
static uint64_t put_waits(FILE *out, const struct conf *c, const struct conf_profile *p)
{
	uint64_t waits = 0, last = 0;
	unsigned tries = 0;

	for (uint16_t i = 0; i < p->targets.count && tries <= p->max_retries; i++) {
		const struct conf_target *t = &p->targets.v[i];
		const struct conf_trunk *k = &c->trunks.v[t->trunk];

		if (!t->enabled)
			continue;
		if (tries)
			fprintf(out, " %s, then ", TEXT(last));
		waits += last;
		last = tries++ ? k->timers.progress_failover_ms : k->timers.progress_ms;
		fputs(k->name, out);
	}
	return waits;
}

static void put_profile(FILE *out, const struct conf *c, const struct conf_profile *p)
{
	uint64_t waits;

	fprintf(out, "profile %s\n", p->name);
	put_retry(out, &p->retry_same);
	line(out, "re-route");
	waits = put_waits(out, c, p);
	if (waits)
		fprintf(out, ", tried %s after the INVITE at worst", TEXT(waits));
	fputc('\n', out);
	line(out, "total");
	fprintf(out, "setup_budget %s, %s of it left to the last target\n", TEXT(p->setup_budget_ms),
		TEXT(p->setup_budget_ms > waits ? p->setup_budget_ms - waits : 0));
}

void check_timers(FILE *out, const struct conf *c)
{
	const struct conf_trunk *worst = NULL;

	for (uint16_t i = 0; i < c->trunks.count; i++) {
		const struct conf_trunk *t = &c->trunks.v[i];

		put_trunk(out, c, t);
		if (conf_detection_ms(t) && (!worst || conf_detection_ms(t) > conf_detection_ms(worst)))
			worst = t;
	}
	for (uint16_t i = 0; i < c->profiles.count; i++)
		put_profile(out, c, &c->profiles.v[i]);
	if (worst)
		fprintf(out, "worst detection time without calls: %s (trunk %s)\n", TEXT(conf_detection_ms(worst)), worst->name);
}
