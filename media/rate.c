// SPDX-License-Identifier: MIT
#include "media/rate.h"

#include "config/clock.h"
#include "media/worker.h"

#define LONGEST_MS    20
#define VIDEO_CLOCK   90000 /* RFC 3551 5: every video payload's */
#define OTHER_PER_S   1000

uint32_t rate_of(uint32_t times, const struct kedge_end *want)
{
	uint32_t ms = want->ptime_ms < LONGEST_MS ? want->ptime_ms : LONGEST_MS;

	if (times == 0)
		return RATE_FREE;
	if (want->flags & KEDGE_END_PLAIN || want->clock_rate == VIDEO_CLOCK || ms == 0)
		return times * OTHER_PER_S;
	return times * 1000 / ms;
}

uint32_t rate_earned(uint32_t per_s, uint64_t elapsed_ns)
{
	if (per_s == RATE_FREE || elapsed_ns >= CLOCK_NS_PER_S)
		return per_s;
	return (uint32_t)(per_s * elapsed_ns / CLOCK_NS_PER_S);
}

static uint32_t limit(const struct worker *w, uint32_t port)
{
	return rate_of(atomic_load_explicit(&w->rate, memory_order_relaxed), &w->end[port].want);
}

bool rate_more(struct worker *w, uint32_t port)
{
	struct port *p = &w->port[port];
	uint32_t n = rate_earned(limit(w, port), w->now_ns - p->filled_ns);

	if (n == 0)
		return false;
	p->left = n - 1;
	p->filled_ns = w->now_ns;
	return true;
}

void rate_changed(struct worker *w, uint32_t port)
{
	uint32_t most = limit(w, port);

	if (w->port[port].left > most)
		w->port[port].left = most;
}
