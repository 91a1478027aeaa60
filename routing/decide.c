// SPDX-License-Identifier: MIT
#include "routing/decide.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MS_NS 1000000ULL

#define CHECK_1_MS    200  /* RFC 3261 17.2.1: a server sends 100 within 200 ms */
#define CHECK_2_MS    350
#define EARLY_MS      500  /* silence to INVITE and both checks; also T1, when the INVITE was sent again */
#define BLIND_MS      1000 /* where silence to a probe means nothing */
#define STALE_MS      1000 /* first_response of a hop that failed and was not heard of for STALE_NS */
#define STALE_NS      (300 * HEALTH_SECOND_NS)
#define PANIC_NS      HEALTH_SECOND_NS /* a DOWN hop is tried by one call in this time */

static const char *const skip_words[] = {
#define S(id, word) [DECIDE_SKIP_##id] = word,
	DECIDE_SKIPS(S)
#undef S
};

const char *decide_skip_word(enum decide_skipped why)
{
	return why < DECIDE_SKIP_COUNT ? skip_words[why] : "?";
}

static struct decide_attempt *attempt_at(struct decide *d, unsigned i)
{
	assert(i < d->count);
	return &d->attempt[i];
}

static uint16_t trunk_at(const struct decide *d, unsigned target)
{
	return d->plan->target[target].trunk;
}

static const struct conf_trunk *conf_at(const struct decide *d, unsigned target)
{
	return &d->plan->conf->trunks.v[trunk_at(d, target)];
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t most(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

void decide_init(struct decide *d, const struct plan *plan, uint32_t random, uint64_t now_ns)
{
	memset(d, 0, sizeof(*d));
	d->plan = plan;
	d->begun_ns = now_ns;
	d->deadline_ns = now_ns + plan->profile->setup_budget_ms * MS_NS;
	d->live = d->stop = d->winner = DECIDE_NONE;
	d->action = CAUSE_NEXT;
	d->on_busy = CONF_NONE;
	d->random = random;
}

/* ---- whom to try ---- */

struct pick {
	uint8_t target;
	uint16_t hop;
	bool panic;
};

static bool hop_tried(const struct decide *d, uint16_t hop)
{
	for (unsigned i = 0; i < d->count; i++)
		if (d->attempt[i].hop == hop)
			return true;
	return false;
}

static bool target_tried(const struct decide *d, unsigned target)
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

static const struct health_trunk *trunk_of(
    const struct decide *d, const struct health *h, unsigned target)
{
	static const struct health_trunk none;

	return trunk_at(d, target) < HEALTH_TRUNKS ? &h->trunk[trunk_at(d, target)] : &none;
}

static bool trunk_full(const struct decide *d, const struct health *h, unsigned target)
{
	return trunk_of(d, h, target)->calls >= conf_at(d, target)->max_calls;
}

/* The target's first usable hop that this call did not try. */
static bool usable_hop(
    const struct decide *d, const struct health *h, unsigned target, uint16_t *hop)
{
	const struct health_trunk *t = trunk_of(d, h, target);

	for (uint16_t i = 0; i < t->count; i++)
		if (health_usable(h, t->hop[i]) && !hop_tried(d, t->hop[i])) {
			*hop = t->hop[i];
			return true;
		}
	return false;
}

/* Its DOWN hop that is expected back first, where no other call tried it within the last second. */
static bool panic_hop(const struct decide *d, const struct health *h, unsigned target,
    uint64_t now_ns, uint16_t *hop, uint64_t *retry_ns)
{
	const struct health_trunk *t = trunk_of(d, h, target);
	bool found = false;

	for (uint16_t i = 0; i < t->count; i++) {
		const struct health_hop *p = &h->hop[t->hop[i]];
		uint64_t retry = health_retry_ns(h, t->hop[i]);

		if (p->state != KEDGE_HOP_DOWN || hop_tried(d, t->hop[i]))
			continue;
		if (p->last_panic_ns && now_ns - p->last_panic_ns < PANIC_NS)
			continue;
		if (found && retry >= *retry_ns)
			continue;
		*hop = t->hop[i];
		*retry_ns = retry;
		found = true;
	}
	return found;
}

/* Another hop of the target of an attempt; a DOWN one only where all are. */
static bool pick_hop(const struct decide *d, const struct health *h,
    const struct decide_attempt *a, bool panic, uint64_t now_ns, struct pick *pick)
{
	uint64_t retry;

	*pick = (struct pick){ .target = a->target, .panic = panic };
	if (hops_tried(d, a->target) >= conf_at(d, a->target)->max_hops)
		return false;
	return panic ? panic_hop(d, h, a->target, now_ns, &pick->hop, &retry)
	             : usable_hop(d, h, a->target, &pick->hop);
}

static bool target_open(const struct decide *d, const struct health *h, unsigned target)
{
	return d->plan->target[target].enabled && !target_tried(d, target) &&
	       !trunk_full(d, h, target);
}

static bool pick_target(const struct decide *d, const struct health *h, struct pick *pick)
{
	for (unsigned i = 0; i < d->plan->count; i++)
		if (target_open(d, h, i) && usable_hop(d, h, i, &pick->hop)) {
			pick->target = (uint8_t)i;
			pick->panic = false;
			return true;
		}
	return false;
}

/* Fail open: everybody left is DOWN, and a call that lands there by luck is better than one refused for sure. */
static bool pick_panic(
    const struct decide *d, const struct health *h, uint64_t now_ns, struct pick *pick)
{
	uint64_t best = UINT64_MAX, retry;
	uint16_t hop;

	for (unsigned i = 0; i < d->plan->count; i++) {
		if (!target_open(d, h, i) || !panic_hop(d, h, i, now_ns, &hop, &retry))
			continue;
		if (retry >= best)
			continue;
		best = retry;
		*pick = (struct pick){ (uint8_t)i, hop, true };
	}
	return best != UINT64_MAX;
}

static bool retries_left(const struct decide *d)
{
	return d->targets < d->plan->profile->max_retries + 1;
}

/* on_busy names one trunk: no other follows a 486. */
static bool pick_busy(const struct decide *d, const struct health *h, struct pick *pick)
{
	for (unsigned i = 0; i < d->plan->count; i++)
		if (trunk_at(d, i) == d->on_busy && target_open(d, h, i) &&
		    usable_hop(d, h, i, &pick->hop)) {
			pick->target = (uint8_t)i;
			pick->panic = false;
			return true;
		}
	return false;
}

static bool pick_next(
    const struct decide *d, const struct health *h, uint64_t now_ns, struct pick *pick)
{
	const struct decide_attempt *last = &d->attempt[d->last];

	if (d->count == DECIDE_ATTEMPTS)
		return false;
	if (d->on_busy != CONF_NONE)
		return pick_busy(d, h, pick);
	if (d->hop_allowed && pick_hop(d, h, last, false, now_ns, pick))
		return true;
	if (retries_left(d) && pick_target(d, h, pick))
		return true;
	if (d->hop_allowed && last->panic && pick_hop(d, h, last, true, now_ns, pick))
		return true;
	return retries_left(d) && pick_panic(d, h, now_ns, pick);
}

/* While an attempt runs: is there anybody its failure could lead to? A DOWN one only counts where all are. */
static bool target_left(const struct decide *d, const struct health *h, uint64_t now_ns, bool panic)
{
	struct pick pick;

	if (d->count == DECIDE_ATTEMPTS || !retries_left(d))
		return false;
	return pick_target(d, h, &pick) || (panic && pick_panic(d, h, now_ns, &pick));
}

static bool hop_left(const struct decide *d, const struct health *h,
    const struct decide_attempt *a, uint64_t now_ns)
{
	struct pick pick;

	if (d->count == DECIDE_ATTEMPTS)
		return false;
	return pick_hop(d, h, a, false, now_ns, &pick) ||
	       (a->panic && pick_hop(d, h, a, true, now_ns, &pick));
}

/* ---- how long to wait for it ---- */

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

static void set_limits(
    const struct decide *d, const struct health *h, struct decide_attempt *a, uint64_t now_ns)
{
	const struct conf_trunk *t = conf_at(d, a->target);
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

/* ---- the clock ---- */

static bool heard(const struct health *h, const struct decide_attempt *a)
{
	return a->first_ns || h->hop[a->hop].last_heard_ns > a->begun_ns;
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
	if (!l->last)
		return DECIDE_DUE_GIVE_UP;
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

enum decide_due decide_due(struct decide *d, struct health *h, unsigned i, uint64_t now_ns,
    uint8_t *cause, uint64_t *due_ns)
{
	struct decide_attempt *a = attempt_at(d, i);
	uint8_t stage_cause;
	uint64_t stage;

	*due_ns = 0;
	if (a->state != DECIDE_OPEN || a->cause != CAUSE_NONE)
		return DECIDE_DUE_NONE;
	stage = stage_ns(a, &stage_cause);
	if (now_ns >= d->deadline_ns || (stage && now_ns >= stage)) {
		*cause = stage_cause;
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

/* ---- the next step ---- */

static void leave(struct health *h, struct decide_attempt *a)
{
	if (!a->left)
		health_ended(h, a->hop);
	a->left = true;
}

static void skip(struct decide *d, struct health *h, unsigned target, enum decide_skipped why)
{
	struct decide_skip *s = &d->skip[target];
	const struct health_trunk *t = trunk_of(d, h, target);
	bool first = s->why == DECIDE_SKIP_NO;

	if (!first && s->why != DECIDE_SKIP_RETRIES)
		return;
	*s = (struct decide_skip){ .why = why };
	if (!t->count)
		return;
	s->reason = h->hop[t->hop[0]].reason;
	s->code = h->hop[t->hop[0]].code;
	if (first && why == DECIDE_SKIP_DOWN)
		health_skipped(h, t->hop[0]);
}

/* Why the targets before the one taken (`until`) were not; all others, where none was. */
static void note_skips(struct decide *d, struct health *h, unsigned until, uint64_t now_ns)
{
	uint16_t hop;
	uint64_t retry;

	for (unsigned i = 0; i < until; i++) {
		if (target_tried(d, i))
			continue;
		if (!d->plan->target[i].enabled)
			skip(d, h, i, DECIDE_SKIP_DISABLED);
		else if (!trunk_of(d, h, i)->count)
			skip(d, h, i, DECIDE_SKIP_NO_ADDRESS);
		else if (trunk_full(d, h, i))
			skip(d, h, i, DECIDE_SKIP_FULL);
		else if (usable_hop(d, h, i, &hop))
			skip(d, h, i, DECIDE_SKIP_RETRIES);
		else if (until == d->plan->count && !panic_hop(d, h, i, now_ns, &hop, &retry))
			skip(d, h, i, DECIDE_SKIP_PANIC_RATE);
		else
			skip(d, h, i, DECIDE_SKIP_DOWN);
	}
}

static enum decide_kind begin(struct decide *d, struct health *h, const struct pick *pick,
    bool same, uint64_t now_ns, struct decide_step *out)
{
	struct decide_attempt *a = &d->attempt[d->count];
	const struct health_hop *p = &h->hop[pick->hop];
	uint8_t cause;

	if (!target_tried(d, pick->target))
		d->targets++;
	*a = (struct decide_attempt){
		.target = pick->target,
		.hop = pick->hop,
		.panic = pick->panic,
		.same = same,
		.begun_ns = now_ns,
	};
	d->skip[pick->target].why = DECIDE_SKIP_NO;
	d->live = d->count++;
	d->on_busy = CONF_NONE;
	set_limits(d, h, a, now_ns);
	health_began(h, pick->hop, d->live, now_ns);
	*out = (struct decide_step){
		.kind = DECIDE_TRY,
		.attempt = d->live,
		.trunk = trunk_at(d, pick->target),
		.hop = pick->hop,
		.transport = p->transport,
		.addr = p->addr,
		.same = same,
	};
	decide_due(d, h, d->live, now_ns, &cause, &out->due_ns);
	return DECIDE_TRY;
}

/* The hop of the attempt that just ended, once more. RFC 3261 14.1: we own the Call-ID, so 2.1 to 4 s after a 491. */
static enum decide_kind begin_same(
    struct decide *d, struct health *h, uint64_t now_ns, struct decide_step *out)
{
	const struct decide_attempt *last = &d->attempt[d->last];
	struct pick pick = { last->target, last->hop, last->panic };
	uint32_t delay_ms = d->action == CAUSE_WAIT_SAME ? 2100 + d->random % 191 * 10 : 0;

	d->action = CAUSE_NEXT;
	begin(d, h, &pick, true, now_ns + delay_ms * MS_NS, out);
	out->delay_ms = delay_ms;
	return DECIDE_TRY;
}

static enum decide_kind wait_for(
    struct decide *d, struct health *h, uint64_t now_ns, struct decide_step *out)
{
	uint8_t cause;

	*out = (struct decide_step){ .kind = DECIDE_WAIT, .attempt = d->live };
	if (d->live != DECIDE_NONE)
		decide_due(d, h, d->live, now_ns, &cause, &out->due_ns);
	return DECIDE_WAIT;
}

static void take_call(struct decide *d, const struct health *h, unsigned i, uint64_t now_ns)
{
	struct decide_attempt *a = &d->attempt[i];

	a->state = DECIDE_OPEN;
	a->cause = CAUSE_NONE;
	a->ended_ns = 0;
	d->live = (uint8_t)i;
	set_limits(d, h, a, now_ns);
}

/* A branch given up that has shown life since is a better hope than a further one. */
static bool take_over(struct decide *d, const struct health *h, uint64_t now_ns)
{
	for (unsigned i = 0; i < d->count; i++) {
		struct decide_attempt *a = &d->attempt[i];

		if (a->state == DECIDE_ABANDONED && !a->gone && a->first_ns) {
			take_call(d, h, i, now_ns);
			return true;
		}
	}
	return false;
}

/* Until when a branch that was given up early, for others were left, may still answer. 0: none. */
static uint64_t grace_ns(const struct decide *d)
{
	uint64_t until = 0;

	for (unsigned i = 0; i < d->count; i++) {
		const struct decide_attempt *a = &d->attempt[i];
		uint64_t t = a->begun_ns + a->limits.first_response_ms * MS_NS;

		if (a->state == DECIDE_ABANDONED && !a->gone && t > until)
			until = t;
	}
	return until < d->deadline_ns ? until : d->deadline_ns;
}

/* ---- what the caller gets ---- */

/* Lower is better; 0: no outcome to pass on. */
static unsigned rank(uint16_t code)
{
	static const uint16_t order[] = { 404, 410, 484, 486, 480, 488 };

	if (code / 100 == 6)
		return 1;
	for (unsigned i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (code == order[i])
			return 2 + i;
	if (code / 100 == 4)
		return code == 401 || code == 407 ? 0 : 10;
	return code / 100 == 5 ? 11 : 0;
}

static uint8_t best_failure(const struct decide *d)
{
	uint8_t best = DECIDE_NONE;

	for (uint8_t i = 0; i < d->count; i++) {
		const struct decide_attempt *a = &d->attempt[i];
		unsigned r = rank(a->caller);

		if (a->cause != CAUSE_NONE && r &&
		    (best == DECIDE_NONE || r <= rank(d->attempt[best].caller)))
			best = i;
	}
	return best;
}

/* Can no trunk of the profile serve any call? Then also: when is the first one expected back? */
static bool nobody_serves(const struct decide *d, const struct health *h, uint64_t *retry_ns)
{
	*retry_ns = UINT64_MAX;
	for (unsigned i = 0; i < d->plan->count; i++) {
		const struct health_trunk *t = trunk_of(d, h, i);

		if (!d->plan->target[i].enabled)
			continue;
		for (uint16_t k = 0; k < t->count; k++) {
			uint64_t retry = health_retry_ns(h, t->hop[k]);

			if (health_usable(h, t->hop[k]) && !trunk_full(d, h, i))
				return false;
			if (retry && retry < *retry_ns)
				*retry_ns = retry;
		}
	}
	return true;
}

static uint16_t last_cause(const struct decide *d)
{
	const struct decide_attempt *a;

	if (!d->count)
		return 503;
	a = &d->attempt[d->count - 1];
	if (a->code)
		return a->code;
	return a->cause == CAUSE_NO_REPLY || a->cause == CAUSE_SILENT ||
	               a->cause == CAUSE_NO_PROGRESS
	           ? 408
	           : 503;
}

/* Nothing was sent: we ourselves had no port or descriptor left, whichever trunk it was. */
static bool out_of_means(const struct decide *d)
{
	return d->count && d->attempt[d->count - 1].cause == CAUSE_LIMIT;
}

static void finish_path(
    const struct decide *d, const struct health *h, uint64_t now_ns, struct decide_final *f)
{
	uint64_t retry;
	bool means = out_of_means(d), nobody = nobody_serves(d, h, &retry);

	f->from = DECIDE_NONE;
	f->sip_cause = last_cause(d);
	f->q850 = f->sip_cause == 503 ? 34 : 38; /* no circuit; network out of order */
	f->why = means ? "no_means" : nobody ? "nobody_serves" : "paths_failed";
	switch ((enum conf_all_failed)d->plan->profile->all_failed) {
	case CONF_ALL_AUTO:
		f->code = nobody || means ? 503 : 500;
		break;
	case CONF_ALL_503:
		f->code = 503;
		break;
	case CONF_ALL_500:
		f->code = 500;
		break;
	case CONF_ALL_480:
		f->code = 480;
		break;
	}
	if (f->code != 503)
		return;
	f->retry_after_s = 1;
	if (!means && retry != UINT64_MAX && retry > now_ns)
		f->retry_after_s = (uint32_t)((retry - now_ns + HEALTH_SECOND_NS - 1) / HEALTH_SECOND_NS);
}

static void finish_with(const struct decide *d, uint8_t i, const char *why, struct decide_final *f)
{
	const struct decide_attempt *a = &d->attempt[i];

	f->code = a->caller;
	f->from = i;
	f->q850 = a->q850;
	f->why = why;
	if (a->code && a->code != f->code)
		f->sip_cause = a->code;
}

static enum decide_kind finish(
    struct decide *d, const struct health *h, uint64_t now_ns, struct decide_step *out)
{
	struct decide_final *f = &out->final;
	uint8_t best = best_failure(d);

	*out = (struct decide_step){ .kind = DECIDE_FINAL, .attempt = DECIDE_NONE };
	f->from = DECIDE_NONE;
	if (d->cancelled) {
		f->code = 487;
		f->why = "caller_cancel";
	} else if (d->stop != DECIDE_NONE && d->attempt[d->stop].caller != CAUSE_PATH) {
		finish_with(d, d->stop, "stop", f);
	} else if (d->stop == DECIDE_NONE && best != DECIDE_NONE) {
		finish_with(d, best, "best_of_failures", f);
	} else {
		finish_path(d, h, now_ns, f);
	}
	f->phrase = decide_phrase(f->code);
	return DECIDE_FINAL;
}

enum decide_kind decide_next(
    struct decide *d, struct health *h, uint64_t now_ns, struct decide_step *out)
{
	struct pick pick;
	uint64_t grace;

	if (d->cancelled)
		return finish(d, h, now_ns, out);
	if (d->winner != DECIDE_NONE || d->live != DECIDE_NONE)
		return wait_for(d, h, now_ns, out);
	if (now_ns >= d->deadline_ns)
		return finish(d, h, now_ns, out);
	if (take_over(d, h, now_ns))
		return wait_for(d, h, now_ns, out);
	if (d->stop != DECIDE_NONE)
		return finish(d, h, now_ns, out);
	if (d->action != CAUSE_NEXT && d->count < DECIDE_ATTEMPTS)
		return begin_same(d, h, now_ns, out);
	if (pick_next(d, h, now_ns, &pick)) {
		note_skips(d, h, pick.panic ? d->plan->count : pick.target, now_ns);
		return begin(d, h, &pick, false, now_ns, out);
	}
	note_skips(d, h, d->plan->count, now_ns);
	grace = grace_ns(d);
	if (now_ns >= grace)
		return finish(d, h, now_ns, out);
	wait_for(d, h, now_ns, out);
	out->wait_ns = grace;
	return DECIDE_WAIT;
}

/* ---- what happened ---- */

/* The first byte of an attempt. One given up has answered after all: its F was none. */
static void first_byte(
    struct decide *d, struct health *h, struct decide_attempt *a, uint64_t now_ns)
{
	uint64_t us = (now_ns - a->begun_ns) / 1000;

	if (a->first_ns) {
		health_heard(h, a->hop, 0, now_ns);
		return;
	}
	a->first_ns = now_ns;
	health_take_back(h, a->hop, a->run);
	health_heard(h, a->hop, us < 1 ? 1 : us < UINT32_MAX ? (uint32_t)us : UINT32_MAX, now_ns);
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
			pace_ring(&h->rings, trunk_at(d, cut->target), d->plan->prefix, ms);
	}
}

static void note_reply(struct decide *d, struct health *h, struct decide_attempt *a,
    uint16_t status, uint64_t now_ns)
{
	uint16_t kind = status == 183 || status > 183 ? 183 : status >= 180 ? 180 : 100;

	first_byte(d, h, a, now_ns);
	if (status >= 200) {
		health_success(h, a->hop, true, now_ns);
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
	}
	take_call(d, h, i, now_ns);
}

enum decide_reply decide_reply(
    struct decide *d, struct health *h, unsigned i, uint16_t status, uint64_t now_ns)
{
	struct decide_attempt *a = attempt_at(d, i);

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
	struct decide_attempt *a = attempt_at(d, i);

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

	return cause_judge(&e, conf_at(d, a->target));
}

static void tell_health(const struct decide *d, struct health *h, struct decide_attempt *a,
    const struct decide_outcome *o, uint8_t health, uint64_t now_ns)
{
	struct health_outcome ho = {
		.cause = o->cause,
		.health = health,
		.code = o->cause == CAUSE_STATUS ? o->code : 0,
		.begun_ns = a->begun_ns,
		.number_hash = d->plan->number_hash,
	};

	a->run = health_outcome(h, a->hop, &ho, now_ns);
}

static bool busy_target(const struct decide *d, uint16_t code)
{
	uint16_t trunk = d->plan->profile->on_busy_trunk;

	if (code != 486 || trunk == CONF_NONE)
		return false;
	for (unsigned i = 0; i < d->plan->count; i++)
		if (trunk_at(d, i) == trunk && target_tried(d, i))
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
	struct decide_attempt *a = attempt_at(d, i);
	bool live = d->live == i, alone = d->live == DECIDE_NONE;
	struct cause_verdict v;

	if (a->state == DECIDE_OVER || d->winner == i) {
		a->state = DECIDE_OVER;
		leave(h, a);
		return false;
	}
	if (o->cause == CAUSE_STATUS)
		first_byte(d, h, a, now_ns);
	v = judge(d, h, a, o);
	a->state = live ? state_after(o->cause) : DECIDE_OVER;
	if (a->state == DECIDE_ABANDONED && a->first_ns)
		a->gone = true;
	tell_health(d, h, a, o, v.health, now_ns);
	if (a->state == DECIDE_OVER)
		leave(h, a);
	if (!live && !(alone && d->winner == DECIDE_NONE && !a->gone))
		return false;
	if (o->cause == CAUSE_CANCELLED && !live)
		return false;
	a->cause = o->cause;
	a->code = o->cause == CAUSE_STATUS ? o->code : 0;
	a->caller = v.caller;
	a->q850 = v.q850;
	a->ended_ns = now_ns;
	if (o->cause == CAUSE_CANCELLED)
		d->live = DECIDE_NONE;
	else
		conclude(d, i, &v);
	return true;
}

void decide_gone(struct decide *d, unsigned i)
{
	attempt_at(d, i)->gone = true;
}

void decide_cancel(struct decide *d)
{
	d->cancelled = true;
	for (unsigned i = 0; i < d->count; i++)
		d->attempt[i].gone = true;
}

void decide_fini(struct decide *d, struct health *h)
{
	for (unsigned i = 0; i < d->count; i++)
		leave(h, &d->attempt[i]);
}

/* ---- the record ---- */

struct text {
	char *at;
	size_t size, length; /* length: as if there had been room */
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(t->length < t->size ? t->at + t->length : NULL,
	    t->length < t->size ? t->size - t->length : 0, format, args);
	va_end(args);
	t->length += n > 0 ? (size_t)n : 0;
}

/* Names of the configuration: letters, digits and signs; a quote would end the value. */
static void put_name(struct text *t, const char *key, const char *name)
{
	put(t, "\"%s\":\"", key);
	for (; *name; name++)
		if ((unsigned char)*name < ' ' || *name == '"' || *name == '\\')
			put(t, "\\u%04x", (unsigned char)*name);
		else
			put(t, "%c", *name);
	put(t, "\"");
}

static void put_target(struct text *t, const struct decide *d, unsigned i)
{
	const struct decide_skip *s = &d->skip[i];

	put(t, "%s{", i ? "," : "");
	put_name(t, "trunk", conf_at(d, i)->name);
	if (target_tried(d, i))
		put(t, ",\"tried\":true");
	else if (s->why != DECIDE_SKIP_NO)
		put(t, ",\"skip\":\"%s\"", decide_skip_word(s->why));
	if (s->why != DECIDE_SKIP_NO && s->reason != HEALTH_NONE)
		put(t, ",\"reason\":\"%s\"", health_reason_word(s->reason));
	if (s->why != DECIDE_SKIP_NO && s->code)
		put(t, ",\"code\":%u", s->code);
	put(t, "}");
}

static void put_ms(struct text *t, const struct decide *d, const char *key, uint64_t ns)
{
	if (ns)
		put(t, ",\"%s\":%.1f", key, (double)(ns - d->begun_ns) / 1e6);
}

static void put_attempt(struct text *t, const struct decide *d, const struct health *h, unsigned i)
{
	const struct decide_attempt *a = &d->attempt[i];
	struct conf_addr addr;
	char hop[CONF_ADDR_TEXT];

	static_assert(sizeof(addr) == sizeof(h->hop[0].addr), "one layout");
	memcpy(&addr, &h->hop[a->hop].addr, sizeof(addr));
	put(t, "%s{", i ? "," : "");
	put_name(t, "trunk", conf_at(d, a->target)->name);
	put(t, ",\"hop\":\"%s\"", conf_addr_text(&addr, hop));
	put(t, ",\"at_ms\":%.1f", (double)(a->begun_ns - d->begun_ns) / 1e6);
	put_ms(t, d, "first_ms", a->first_ns);
	put_ms(t, d, "ringing_ms", a->ringing_ns);
	put_ms(t, d, "ended_ms", a->ended_ns);
	if (a->cause != CAUSE_NONE)
		put(t, ",\"cause\":\"%s\"", cause_word(a->cause));
	if (a->code)
		put(t, ",\"code\":%u", a->code);
	if (a->same)
		put(t, ",\"same\":true");
	if (a->panic)
		put(t, ",\"panic\":true");
	put(t, "}");
}

size_t decide_record(const struct decide *d, const struct health *h,
    const struct decide_final *final, char *buf, size_t size)
{
	struct text t = { buf, size, 0 };

	put(&t, "{");
	put_name(&t, "route", d->plan->route->name);
	put(&t, ",");
	put_name(&t, "profile", d->plan->profile->name);
	if (d->plan->from != CONF_NONE) {
		put(&t, ",");
		put_name(&t, "from", d->plan->conf->trunks.v[d->plan->from].name);
	}
	put(&t, ",\"targets\":[");
	for (unsigned i = 0; i < d->plan->count; i++)
		put_target(&t, d, i);
	put(&t, "],\"attempts\":[");
	for (unsigned i = 0; i < d->count; i++)
		put_attempt(&t, d, h, i);
	put(&t, "]");
	if (final)
		put(&t, ",\"result\":\"%s\",\"code\":%u", final->why, final->code);
	else if (d->winner != DECIDE_NONE)
		put(&t, ",\"result\":\"answered\",\"by\":%u", d->winner);
	put(&t, "}");
	return t.length;
}

/* ---- phrases ---- */

const char *decide_phrase(uint16_t code)
{
	static const struct {
		uint16_t code;
		const char *phrase;
	} phrases[] = {
		{ 400, "Bad Request" }, { 403, "Forbidden" }, { 404, "Not Found" },
		{ 408, "Request Timeout" }, { 410, "Gone" }, { 414, "Request-URI Too Long" },
		{ 416, "Unsupported URI Scheme" }, { 420, "Bad Extension" },
		{ 421, "Extension Required" }, { 422, "Session Interval Too Small" },
		{ 433, "Anonymity Disallowed" }, { 480, "Temporarily Unavailable" },
		{ 482, "Loop Detected" }, { 483, "Too Many Hops" }, { 484, "Address Incomplete" },
		{ 485, "Ambiguous" }, { 486, "Busy Here" }, { 487, "Request Terminated" },
		{ 488, "Not Acceptable Here" }, { 493, "Undecipherable" },
		{ 500, "Server Internal Error" }, { 502, "Bad Gateway" },
		{ 503, "Service Unavailable" }, { 504, "Server Time-out" },
		{ 513, "Message Too Large" }, { 580, "Precondition Failure" },
		{ 600, "Busy Everywhere" }, { 603, "Decline" }, { 604, "Does Not Exist Anywhere" },
		{ 606, "Not Acceptable" }, { 607, "Unwanted" }, { 608, "Rejected" },
	};
	static const char *const classes[] = { "Request Failure", "Server Failure", "Global Failure" };

	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++)
		if (phrases[i].code == code)
			return phrases[i].phrase;
	return code >= 400 && code < 700 ? classes[code / 100 - 4] : "";
}
