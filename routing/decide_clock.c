// SPDX-License-Identifier: MIT
#include "routing/decide_part.h"

static bool heard(const struct health *h, const struct decide_attempt *a)
{
	return a->first_ns || (!a->stray && h->hop[a->hop].last_heard_ns > a->begun_ns);
}

static void sooner(uint64_t *due_ns, uint64_t t)
{
	if (!*due_ns || t < *due_ns)
		*due_ns = t;
}

/* The second probe gets its time even where the loop was late to send it. */
static uint64_t early_ns(const struct decide_attempt *a)
{
	const struct decide_limits *l = &a->limits;
	uint64_t t = a->begun_ns + l->early_ms * MS_NS, after;

	if (!l->check_ms[1])
		return t;
	after = a->check_ns + (l->early_ms - l->check_ms[1]) * MS_NS;
	return a->check_ns && after > t ? after : t;
}

/* Nothing came back yet, and the hop was not heard either. */
static enum decide_due due_silent(struct health *h, struct decide_attempt *a, uint64_t now_ns,
    uint8_t *cause, uint64_t *due_ns)
{
	const struct decide_limits *l = &a->limits;

	if (a->checks < 2 && l->check_ms[a->checks]) {
		if (now_ns >= a->begun_ns + l->check_ms[a->checks] * MS_NS) {
			a->checks++;
			a->check_ns = now_ns;
			*due_ns = a->checks < 2 ? a->begun_ns + l->check_ms[1] * MS_NS : early_ns(a);
			return DECIDE_DUE_CHECK;
		}
		sooner(due_ns, a->begun_ns + l->check_ms[a->checks] * MS_NS);
		return DECIDE_DUE_NONE;
	}
	if (a->silent_told)
		return DECIDE_DUE_NONE;
	if (now_ns < early_ns(a)) {
		sooner(due_ns, early_ns(a));
		return DECIDE_DUE_NONE;
	}
	*cause = l->early_cause;
	if (!l->last) {
		a->timer = l->early_ms < l->first_response_ms ? DECIDE_TIMER_SILENCE : DECIDE_TIMER_FIRST_RESPONSE;
		return DECIDE_DUE_GIVE_UP;
	}
	a->silent_told = true;
	if (l->early_cause == CAUSE_SILENT)
		health_silent(h, a->hop, a->begun_ns, now_ns);
	return DECIDE_DUE_NONE;
}

/* The one limit of the stage the attempt is in. 0: none. */
static uint64_t stage_ns(const struct decide_attempt *a, uint8_t *cause)
{
	const struct decide_limits *l = &a->limits;

	if (a->ringing_ns) {
		*cause = CAUSE_RING;
		return l->ring_ms ? a->ringing_ns + l->ring_ms * MS_NS : 0;
	}
	if (a->first_ns) {
		*cause = CAUSE_NO_PROGRESS;
		return l->progress_ms ? a->first_ns + l->progress_ms * MS_NS : 0;
	}
	*cause = CAUSE_NO_REPLY;
	return a->begun_ns + l->first_response_ms * MS_NS;
}

static enum decide_timer stage_timer(const struct decide_attempt *a)
{
	if (a->ringing_ns)
		return DECIDE_TIMER_RING;
	if (a->first_ns)
		return DECIDE_TIMER_PROGRESS;
	return a->limits.last ? DECIDE_TIMER_TIMER_B : DECIDE_TIMER_FIRST_RESPONSE;
}

void decide_resent(struct decide *d, unsigned i, uint64_t now_ns)
{
	struct decide_attempt *a = decide_attempt_at(d, i);

	a->begun_ns = now_ns;
	a->checks = 0;
}

enum decide_due decide_due(struct decide *d, struct health *h, unsigned i, uint64_t now_ns,
    uint8_t *cause, uint64_t *due_ns)
{
	struct decide_attempt *a = decide_attempt_at(d, i);
	uint8_t stage_cause;
	uint64_t stage;

	*due_ns = 0;
	if (a->state != DECIDE_OPEN || a->cause != CAUSE_NONE)
		return DECIDE_DUE_NONE;
	stage = stage_ns(a, &stage_cause);
	if (now_ns >= d->deadline_ns || (stage && now_ns >= stage)) {
		*cause = stage_cause;
		a->timer = now_ns >= d->deadline_ns ? DECIDE_TIMER_BUDGET : stage_timer(a);
		return DECIDE_DUE_GIVE_UP;
	}
	if (!heard(h, a)) {
		enum decide_due due = due_silent(h, a, now_ns, cause, due_ns);

		if (due != DECIDE_DUE_NONE)
			return due;
	}
	if (stage)
		sooner(due_ns, stage);
	sooner(due_ns, d->deadline_ns);
	return DECIDE_DUE_NONE;
}
