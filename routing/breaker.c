// SPDX-License-Identifier: MIT
#include "routing/breaker.h"

#include <assert.h>

#define RELAPSE 2 /* bad calls of the last `trial` */

static const char *const names[] = {
#define S(x) [BREAKER_##x] = #x,
	BREAKER_STATES(S)
#undef S
};

/* A TRIP while DOWN does not hold longer: the calls that fail there are the few that had nowhere else to go. */
static const enum breaker_state next[BREAKER_STATE_COUNT][BREAKER_EVENT_COUNT] = {
	/*                    TRIP          READY          CLEAR         BLIP */
	[BREAKER_UP]    = { BREAKER_DOWN, BREAKER_UP,    BREAKER_UP,   BREAKER_UP },
	[BREAKER_DOWN]  = { BREAKER_DOWN, BREAKER_TRIAL, BREAKER_DOWN, BREAKER_TRIAL },
	[BREAKER_TRIAL] = { BREAKER_DOWN, BREAKER_TRIAL, BREAKER_UP,   BREAKER_TRIAL },
};

/* Doubled for each relapse, up to hold_max; what is longer than that from the start stays as it is. */
static uint64_t doubled(uint64_t ns, const struct breaker *b, const struct breaker_rules *r)
{
	uint64_t most = ns > r->hold_max_ns ? ns : r->hold_max_ns;

	for (uint32_t i = b->relapses; i && ns && ns < most; i--)
		ns *= 2;
	return ns < most ? ns : most;
}

/* Going DOWN from UP is a relapse too where it came back not long ago. */
static void remember(struct breaker *b, uint64_t now_ns, const struct breaker_rules *r)
{
	bool again = b->state == BREAKER_TRIAL || (b->up_ns && now_ns - b->up_ns < r->hold_max_ns);

	if (!again)
		b->relapses = 0;
	else if (b->relapses < UINT32_MAX)
		b->relapses++;
}

static void step_begin(struct breaker *b, uint8_t step, uint64_t now_ns)
{
	b->step = step;
	b->good = 0;
	b->step_ns = now_ns;
}

static void breaker_enter(
    struct breaker *b, enum breaker_state to, uint64_t now_ns, const struct breaker_rules *r)
{
	if (to == BREAKER_DOWN)
		remember(b, now_ns, r);
	b->until_ns = to == BREAKER_DOWN ? now_ns + breaker_open_ns(b, r) : 0;
	b->up_ns = to == BREAKER_UP ? now_ns : b->up_ns;
	b->recent = 0;
	step_begin(b, 0, now_ns);
	b->since_ns = now_ns;
	b->state = to;
}

enum breaker_state breaker_step(
    struct breaker *b, enum breaker_event ev, uint64_t now_ns, const struct breaker_rules *r)
{
	enum breaker_state to;

	assert(b->state < BREAKER_STATE_COUNT && ev < BREAKER_EVENT_COUNT);
	if (ev == BREAKER_ON_READY && now_ns < b->until_ns)
		return b->state;
	to = next[b->state][ev];
	if (to != b->state)
		breaker_enter(b, to, now_ns, r);
	return to;
}

uint64_t breaker_open_ns(const struct breaker *b, const struct breaker_rules *r)
{
	return doubled(r->open_ns, b, r);
}

uint64_t breaker_uptime_ns(const struct breaker *b, const struct breaker_rules *r)
{
	return doubled(r->min_uptime_ns, b, r);
}

void breaker_setback(struct breaker *b, uint64_t now_ns)
{
	if (b->state == BREAKER_TRIAL)
		step_begin(b, b->step, now_ns);
}

bool breaker_call(struct breaker *b, bool bad, uint64_t now_ns, const struct breaker_rules *r)
{
	uint64_t last = r->trial < 64 ? (1ULL << r->trial) - 1 : UINT64_MAX;
	int most = r->trial < RELAPSE ? r->trial : RELAPSE;

	if (b->state != BREAKER_TRIAL)
		return false;
	b->recent = b->recent << 1 | bad;
	if (!bad) {
		b->good += b->good < UINT8_MAX;
		return false;
	}
	breaker_setback(b, now_ns);
	return __builtin_popcountll(b->recent & last) >= most;
}

bool breaker_ramp(struct breaker *b, bool proven, uint64_t now_ns, const struct breaker_rules *r, bool *moved)
{
	if (moved)
		*moved = false;
	if (b->state != BREAKER_TRIAL || (b->good < r->trial && !(proven && now_ns - b->step_ns >= r->step_ns)))
		return false;
	if (b->step + 1 >= r->steps)
		return true;
	step_begin(b, b->step + 1, now_ns);
	if (moved)
		*moved = true;
	return false;
}

uint8_t breaker_share(const struct breaker *b, const struct breaker_rules *r)
{
	if (b->state == BREAKER_DOWN)
		return 0;
	return b->state == BREAKER_TRIAL && b->step < r->steps ? (uint8_t)r->ramp[b->step] : 100;
}

const char *breaker_state_name(enum breaker_state s)
{
	assert(s < BREAKER_STATE_COUNT);
	return names[s];
}
