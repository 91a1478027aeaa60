// SPDX-License-Identifier: MIT
#include "routing/limit.h"

#include <string.h>

#define SECOND_NS 1000000000ULL

/* ---- buckets -------------------------------------------------------------------------------- */

static uint64_t token_ns(uint32_t rate)
{
	return SECOND_NS / rate;
}

static uint64_t full_at(const struct limit_bucket *b, uint64_t now_ns)
{
	return b->full_ns > now_ns ? b->full_ns : now_ns;
}

bool limit_ready(const struct limit_bucket *b, uint32_t rate, uint32_t burst, uint64_t now_ns)
{
	uint64_t token = token_ns(rate);

	return full_at(b, now_ns) - now_ns + token <= (burst ? burst : rate) * token;
}

bool limit_take(struct limit_bucket *b, uint32_t rate, uint32_t burst, uint64_t now_ns)
{
	if (!limit_ready(b, rate, burst, now_ns))
		return false;
	b->full_ns = full_at(b, now_ns) + token_ns(rate);
	return true;
}

void limit_owe(struct limit_bucket *b, uint32_t rate, uint32_t burst, uint64_t now_ns)
{
	uint64_t most = now_ns + ((uint64_t)(burst ? burst : rate) + rate) * token_ns(rate);
	uint64_t full = full_at(b, now_ns) + token_ns(rate);

	b->full_ns = full < most ? full : most;
}

/* ---- a trunk -------------------------------------------------------------------------------- */

bool limit_full(const struct limit_trunk *l, const struct conf_trunk *t)
{
	return l->calls_to + l->calls_from >= t->max_calls;
}

/* Forgets the steps that are more than a second ago. */
static void turn_pace(struct limit_pace *p, uint64_t now_ns)
{
	uint64_t step = now_ns / (SECOND_NS / LIMIT_STEPS);

	if (step >= p->step + LIMIT_STEPS)
		memset(p->began, 0, sizeof(p->began));
	else
		while (p->step < step)
			p->began[++p->step % LIMIT_STEPS] = 0;
	p->step = step;
}

static bool pace_ready(const struct limit_pace *p, const struct conf_trunk *t, uint64_t now_ns)
{
	struct limit_pace now = *p;
	uint64_t began = 0;

	if (!t->max_cps)
		return true;
	if (t->cps_burst)
		return limit_ready(&p->bucket, t->max_cps, t->cps_burst, now_ns);
	turn_pace(&now, now_ns);
	for (unsigned i = 0; i < LIMIT_STEPS; i++)
		began += now.began[i];
	return began < t->max_cps;
}

static void pace_began(struct limit_pace *p, const struct conf_trunk *t, uint64_t now_ns)
{
	if (t->max_cps && t->cps_burst)
		limit_owe(&p->bucket, t->max_cps, t->cps_burst, now_ns);
	turn_pace(p, now_ns);
	p->began[p->step % LIMIT_STEPS]++;
}

bool limit_cps_left(const struct limit_trunk *l, const struct conf_trunk *t, uint64_t now_ns)
{
	return pace_ready(&l->to, t, now_ns);
}

void limit_sent(struct limit_trunk *l, const struct conf_trunk *t, uint64_t now_ns)
{
	pace_began(&l->to, t, now_ns);
}

bool limit_came(struct limit_trunk *l, const struct conf_trunk *t, uint64_t now_ns)
{
	if (!pace_ready(&l->from, t, now_ns))
		return false;
	pace_began(&l->from, t, now_ns);
	return true;
}

/* ---- the retry budget ----------------------------------------------------------------------- */

/* Forgets the seconds that are more than ten ago. */
static void turn(struct limit_budget *b, uint64_t now_ns)
{
	uint64_t second = now_ns / SECOND_NS;

	if (second >= b->second + LIMIT_BUDGET_S)
		memset(b, 0, sizeof(*b));
	else
		while (b->second < second) {
			b->second++;
			b->calls[b->second % LIMIT_BUDGET_S] = b->spent[b->second % LIMIT_BUDGET_S] = 0;
		}
	b->second = second;
}

void limit_budget_call(struct limit_budget *b, uint64_t now_ns)
{
	turn(b, now_ns);
	b->calls[b->second % LIMIT_BUDGET_S]++;
}

bool limit_budget_left(const struct limit_budget *b, uint64_t now_ns)
{
	struct limit_budget now = *b;
	uint64_t calls = 0, spent = 0, most;

	turn(&now, now_ns);
	for (unsigned i = 0; i < LIMIT_BUDGET_S; i++) {
		calls += now.calls[i];
		spent += now.spent[i];
	}
	most = calls * LIMIT_BUDGET_PERCENT / 100;
	return spent < (most > LIMIT_BUDGET_LEAST ? most : LIMIT_BUDGET_LEAST);
}

void limit_budget_spend(struct limit_budget *b, uint64_t now_ns)
{
	turn(b, now_ns);
	b->spent[b->second % LIMIT_BUDGET_S]++;
}
