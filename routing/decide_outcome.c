// SPDX-License-Identifier: MIT
#include "routing/decide_part.h"
#include "routing/health_signs.h"

/* The first byte of an attempt. One given up has answered after all: its F was none. */
static void first_byte(
    struct decide *d, struct health *h, struct decide_attempt *a, uint64_t now_ns)
{
	uint64_t us = (now_ns - a->begun_ns) / 1000;

	if (a->first_ns) {
		if (!a->stray)
			health_heard(h, a->hop, 0, now_ns);
		return;
	}
	a->first_ns = now_ns;
	if (!a->left)
		allow_hold(h, a); /* one given up had left its place */
	if (a->stray)
		return;
	health_take_back(h, a->hop, a->run);
	health_heard(h, a->hop, us < 1 ? 1 : us < UINT32_MAX ? (uint32_t)us : UINT32_MAX, now_ns);
	health_signs_reply(h, a->hop, us < UINT32_MAX ? (uint32_t)us : UINT32_MAX, now_ns);
}

/* A trunk that was cut although the next one needed longer too was cut too early: learnt for both. */
static void learn_ringing(
    struct decide *d, struct health *h, const struct decide_attempt *a, uint64_t now_ns)
{
	uint32_t ms = (uint32_t)((now_ns - a->first_ns) / MS_NS);
	uint32_t pdd_ms = (uint32_t)((now_ns - a->begun_ns) / MS_NS);

	health_rang(h, a->hop, d->plan->prefix, ms, pdd_ms, now_ns);
	for (unsigned i = 0; i < d->count; i++) {
		const struct decide_attempt *cut = &d->attempt[i];

		if (cut->cause == CAUSE_NO_PROGRESS && cut != a && ms > cut->limits.progress_ms)
			pace_ring(&h->rings, decide_trunk_at(d, cut->target), d->plan->prefix, ms);
	}
}

static void note_reply(struct decide *d, struct health *h, struct decide_attempt *a,
    uint16_t status, uint64_t now_ns)
{
	uint16_t kind = status == 183 || status > 183 ? 183 : status >= 180 ? 180 : 100;

	first_byte(d, h, a, now_ns);
	if (status >= 200) {
		health_success(h, a->hop, true, now_ns);
		health_signs_answered(h, a->hop, now_ns);
		return;
	}
	/* 180 weighs more than 183: a phone rings for sure. */
	if (kind == 180 || (kind == 183 && a->best_1xx != 180) || !a->best_1xx)
		a->best_1xx = kind;
	if (kind == 100 || a->ringing_ns)
		return;
	a->ringing_ns = now_ns;
	health_success(h, a->hop, false, now_ns);
	learn_ringing(d, h, a, now_ns);
}

/* The call changes hands: what had it is CANCELled by the caller of this. */
static void hand_over(struct decide *d, struct health *h, unsigned i, uint64_t now_ns)
{
	if (d->live != DECIDE_NONE) {
		struct decide_attempt *old = &d->attempt[d->live];

		old->state = DECIDE_ABANDONED;
		old->cause = CAUSE_CANCELLED;
		old->ended_ns = now_ns;
		old->gone = true;
		if (!old->first_ns)
			allow_free(h, old);
	}
	decide_take(d, h, i, now_ns);
}

enum decide_reply decide_reply(
    struct decide *d, struct health *h, unsigned i, uint16_t status, uint64_t now_ns)
{
	struct decide_attempt *a = decide_attempt_at(d, i);

	assert(status >= 100 && status < 300);
	if (a->state == DECIDE_OVER)
		return DECIDE_LATE;
	note_reply(d, h, a, status, now_ns);
	if (d->winner != DECIDE_NONE)
		return d->winner == i ? DECIDE_FINE : DECIDE_LATE;
	if (d->cancelled)
		return DECIDE_LATE;
	if (d->live == i)
		return DECIDE_FINE;
	if (status >= 200) {
		hand_over(d, h, i, now_ns);
		return DECIDE_REVIVED;
	}
	if (a->gone || (d->live != DECIDE_NONE && d->attempt[d->live].ringing_ns)) {
		a->gone = true;
		return DECIDE_LATE;
	}
	if (d->live != DECIDE_NONE && !a->ringing_ns)
		return DECIDE_FINE;
	hand_over(d, h, i, now_ns);
	return DECIDE_REVIVED;
}

void decide_answered(struct decide *d, struct health *h, unsigned i, uint64_t now_ns)
{
	struct decide_attempt *a = decide_attempt_at(d, i);

	d->winner = d->live = (uint8_t)i;
	a->state = DECIDE_OPEN;
	a->cause = CAUSE_ANSWERED;
	a->code = 200;
	a->ended_ns = now_ns;
	for (unsigned k = 0; k < d->count; k++)
		d->attempt[k].gone = k != i;
}

/* What the callee's side may still say to an attempt that ended by our verdict. */
static enum decide_attempt_state state_after(enum cause cause)
{
	switch (cause) {
	case CAUSE_SILENT:
	case CAUSE_NO_REPLY:
	case CAUSE_NO_PROGRESS:
	case CAUSE_RING:
	case CAUSE_LOST:
		return DECIDE_ABANDONED;
	default:
		return DECIDE_OVER;
	}
}

static struct cause_verdict judge(const struct decide *d, const struct health *h,
    const struct decide_attempt *a, const struct decide_outcome *o)
{
	struct cause_event e = {
		.cause = o->cause,
		.code = o->code,
		.q850 = o->q850,
		.retry_after_s = o->retry_after_s,
		.best_1xx = a->best_1xx >= 180 ? a->best_1xx : 0,
		.repairable = o->repairable,
		.repaired = a->same,
		.fault = health_has_fault(h, a->hop),
	};

	return cause_judge(&e, decide_conf_at(d, a->target));
}

static void tell_health(const struct decide *d, struct health *h, struct decide_attempt *a,
    const struct decide_outcome *o, uint8_t health, uint64_t now_ns)
{
	struct health_outcome ho = {
		.cause = o->cause,
		.health = a->stray ? 0 : health,
		.code = o->cause == CAUSE_STATUS ? o->code : 0,
		.begun_ns = a->begun_ns,
		.number_hash = d->plan->number_hash,
	};

	a->run = health_outcome(h, a->hop, &ho, now_ns);
	if (a->cause == CAUSE_NONE && !a->stray) /* its second end is no second call */
		health_signs_outcome(h, a->hop, &ho, a->ringing_ns != 0, now_ns);
}

static bool busy_target(const struct decide *d, uint16_t code)
{
	uint16_t trunk = d->plan->profile->on_busy_trunk;

	if (code != 486 || trunk == CONF_NONE)
		return false;
	for (unsigned i = 0; i < d->plan->count; i++)
		if (decide_trunk_at(d, i) == trunk && pick_tried(d, i))
			return false;
	return true;
}

/* The outcome of the attempt that had the call: what follows. */
static void conclude(struct decide *d, unsigned i, const struct cause_verdict *v)
{
	d->live = DECIDE_NONE;
	d->last = (uint8_t)i;
	d->action = v->action;
	d->hop_allowed = v->hop;
	if (v->action != CAUSE_STOP)
		return;
	d->action = CAUSE_NEXT;
	if (busy_target(d, v->caller))
		d->on_busy = d->plan->profile->on_busy_trunk;
	else if (d->stop == DECIDE_NONE)
		d->stop = (uint8_t)i;
}

bool decide_outcome(struct decide *d, struct health *h, unsigned i, const struct decide_outcome *o,
    uint64_t now_ns)
{
	struct decide_attempt *a = decide_attempt_at(d, i);
	bool live = d->live == i, alone = d->live == DECIDE_NONE;
	struct cause_verdict v;

	if (a->state == DECIDE_OVER || d->winner == i) {
		a->state = DECIDE_OVER;
		decide_leave(h, a);
		return false;
	}
	if (o->cause == CAUSE_STATUS)
		first_byte(d, h, a, now_ns);
	v = judge(d, h, a, o);
	a->state = live ? state_after(o->cause) : DECIDE_OVER;
	if (a->state == DECIDE_ABANDONED && a->first_ns)
		a->gone = true;
	tell_health(d, h, a, o, v.health, now_ns);
	if ((v.health & CAUSE_L) && (v.code == 503 || v.code == 429) && !a->stray)
		health_lock(h, a->hop, o->retry_after_s, now_ns);
	if (a->state == DECIDE_OVER)
		decide_leave(h, a);
	else if (!a->first_ns)
		allow_free(h, a); /* nothing shows that the trunk has this call */
	if (!live && !(alone && d->winner == DECIDE_NONE && !a->gone))
		return false;
	if (o->cause == CAUSE_CANCELLED && !live)
		return false;
	a->cause = o->cause;
	a->code = o->cause == CAUSE_STATUS ? o->code : 0;
	a->caller = v.caller;
	a->q850 = v.q850;
	a->row = v.row;
	a->by = v.by;
	a->action = v.action;
	a->count = v.health;
	a->no_count = v.no_count;
	a->retry_after_s = o->retry_after_s;
	if (o->cause == CAUSE_CONNECT)
		a->timer = DECIDE_TIMER_CONNECT;
	a->worth = v.again;
	a->same_hop = o->moved ? o->hop : a->hop;
	a->ended_ns = now_ns;
	if (o->cause == CAUSE_CANCELLED)
		d->live = DECIDE_NONE;
	else
		conclude(d, i, &v);
	return true;
}

void decide_gone(struct decide *d, unsigned i)
{
	decide_attempt_at(d, i)->gone = true;
}

void decide_cancel(struct decide *d)
{
	d->cancelled = true;
	for (unsigned i = 0; i < d->count; i++)
		d->attempt[i].gone = true;
}

void decide_ended(struct decide *d, struct health *h)
{
	if (d->winner != DECIDE_NONE)
		allow_free(h, decide_attempt_at(d, d->winner));
}

void decide_fini(struct decide *d, struct health *h)
{
	for (unsigned i = 0; i < d->count; i++)
		decide_leave(h, &d->attempt[i]);
}
