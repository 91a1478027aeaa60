// SPDX-License-Identifier: MIT
#include "sig/books/timed_out.h"

#include <string.h>

#define CLEAR_PERCENT 80 /* of the share */

const char *timed_out_word(enum timed_out timer)
{
	static const char *const words[] = {
#define T(id, word) #word,
		TIMED_OUTS(T)
#undef T
	};

	return timer < TIMED_OUT_COUNT ? words[timer] : "?";
}

static enum timed_out kind_of(enum decide_timer timer)
{
	switch (timer) {
	case DECIDE_TIMER_SILENCE:
	case DECIDE_TIMER_FIRST_RESPONSE:
	case DECIDE_TIMER_TIMER_B:
	case DECIDE_TIMER_CONNECT:
		return TIMED_OUT_FIRST_RESPONSE;
	case DECIDE_TIMER_PROGRESS:
		return TIMED_OUT_PROGRESS;
	case DECIDE_TIMER_RING:
		return TIMED_OUT_RING;
	case DECIDE_TIMER_BUDGET:
		return TIMED_OUT_BUDGET;
	case DECIDE_TIMER_NONE:
	case DECIDE_TIMER_COUNT:
		break;
	}
	return TIMED_OUT_COUNT;
}

/* An answer that came from a trunk is no end by a timer, though others timed out before. */
enum timed_out timed_out_of(const struct decide *d, const struct decide_final *final)
{
	unsigned from = final->from != DECIDE_NONE ? final->from : d->count - 1u;

	return from < d->count ? kind_of((enum decide_timer)d->attempt[from].timer) : TIMED_OUT_COUNT;
}

static uint64_t part_of(uint64_t window_ns, uint64_t now_ns)
{
	return now_ns / (window_ns / TIMED_OUT_PARTS + 1);
}

void timed_out_add(struct timed_outs *t, enum timed_out timer, uint64_t window_ns, uint64_t now_ns)
{
	uint64_t number = part_of(window_ns, now_ns);
	struct timed_out_part *p = &t->part[number % TIMED_OUT_PARTS];

	if (p->number != number)
		*p = (struct timed_out_part){ .number = number };
	p->calls++;
	if (timer < TIMED_OUT_COUNT)
		p->by[timer]++;
}

static void sum(const struct timed_outs *t, uint64_t window_ns, uint64_t now_ns, struct timed_out_part *all)
{
	uint64_t number = part_of(window_ns, now_ns);

	memset(all, 0, sizeof(*all));
	for (int i = 0; i < TIMED_OUT_PARTS; i++) {
		if (t->part[i].number + TIMED_OUT_PARTS <= number)
			continue;
		all->calls += t->part[i].calls;
		for (int k = 0; k < TIMED_OUT_COUNT; k++)
			all->by[k] += t->part[i].by[k];
	}
}

bool timed_out_alarm(struct timed_outs *t, unsigned share, uint64_t window_ns, uint64_t now_ns, struct timed_out_alarm *alarm)
{
	struct timed_out_part all;

	sum(t, window_ns, now_ns, &all);
	for (int k = 0; k < TIMED_OUT_COUNT; k++) {
		uint64_t ended = 100ULL * all.by[k];
		bool over = share && all.calls >= TIMED_OUT_LEAST && ended > (uint64_t)share * all.calls;
		bool under = !share || 100 * ended <= (uint64_t)share * CLEAR_PERCENT * all.calls;

		if (t->raised[k] ? !under : !over)
			continue;
		t->raised[k] = !t->raised[k];
		*alarm = (struct timed_out_alarm){ (enum timed_out)k, t->raised[k], all.by[k], all.calls };
		return true;
	}
	return false;
}
