// SPDX-License-Identifier: MIT
#include "routing/breaker.h"

#include <assert.h>

static const char *const names[] = {
#define S(x) [BREAKER_##x] = #x,
	BREAKER_STATES(S)
#undef S
};

/* A TRIP while DOWN does not hold longer: the calls that fail there are the few that had nowhere else to go. */
static const enum breaker_state next[BREAKER_STATE_COUNT][BREAKER_EVENT_COUNT] = {
	/*                      TRIP          CLEAR         TIMER            BLIP */
	[BREAKER_UP]      = { BREAKER_DOWN, BREAKER_UP,   BREAKER_UP,      BREAKER_UP },
	[BREAKER_DOWN]    = { BREAKER_DOWN, BREAKER_DOWN, BREAKER_PROVING, BREAKER_UP },
	[BREAKER_PROVING] = { BREAKER_DOWN, BREAKER_UP,   BREAKER_PROVING, BREAKER_UP },
};

static void breaker_enter(
    struct breaker *b, enum breaker_state to, uint64_t now_ns, uint64_t open_ns)
{
	if (to != BREAKER_PROVING)
		b->since_ns = now_ns;
	b->until_ns = to == BREAKER_DOWN ? now_ns + open_ns : 0;
	b->state = to;
}

enum breaker_state breaker_step(
    struct breaker *b, enum breaker_event ev, uint64_t now_ns, uint64_t open_ns)
{
	enum breaker_state to;

	assert(b->state < BREAKER_STATE_COUNT && ev < BREAKER_EVENT_COUNT);
	if (ev == BREAKER_ON_TIMER && now_ns < b->until_ns)
		return b->state;
	to = next[b->state][ev];
	if (to != b->state)
		breaker_enter(b, to, now_ns, open_ns);
	return to;
}

const char *breaker_state_name(enum breaker_state s)
{
	assert(s < BREAKER_STATE_COUNT);
	return names[s];
}
