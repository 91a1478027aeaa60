// SPDX-License-Identifier: MIT
#include "routing/decide.h"

#include <string.h>

#include "routing/decide_part.h"
#include "routing/health_dns.h"
#include "routing/health_signs.h"

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
void decide_leave(struct health *h, struct decide_attempt *a)
{
	allow_free(h, a);
	if (!a->left)
		health_ended(h, a->hop);
	a->left = true;
}

static void skip(struct decide *d, struct health *h, unsigned target, enum decide_skipped why)
{
	struct decide_skip *s = &d->skip[target];
	const struct health_trunk *t = pick_trunk(d, h, target);
	bool first = s->why == DECIDE_SKIP_NO;

	if (!first && s->why != DECIDE_SKIP_RETRIES)
		return;
	*s = (struct decide_skip){ .why = why, .look = DECIDE_NONE };
	if (!t->count) {
		s->reason = health_dns_why(h, decide_trunk_at(d, target));
		return;
	}
	s->look = decide_look_of(d, t->hop[0]);
	s->reason = h->hop[t->hop[0]].reason;
	s->code = h->hop[t->hop[0]].code;
	if (first && (why == DECIDE_SKIP_DOWN || why == DECIDE_SKIP_LOCKED))
		health_skipped(h, t->hop[0]);
}

/* The state that keeps a target from being tried in its turn. */
static enum decide_skipped by_state(const struct decide *d, const struct health *h, unsigned target)
{
	switch (health_trunk_state(h, health_trunk_of(h, d->plan->conf, decide_trunk_at(d, target)))) {
	case KEDGE_HOP_LOCKED:
		return DECIDE_SKIP_LOCKED;
	case KEDGE_HOP_DRAINING:
		return DECIDE_SKIP_DRAINING;
	case KEDGE_HOP_OFF:
		return DECIDE_SKIP_OFF;
	default:
		return DECIDE_SKIP_DOWN;
	}
}

/* Why a target was left out. nobody: and no other was taken, or none that stands FIRST. */
static enum decide_skipped why_not(const struct decide *d, const struct health *h, unsigned i, bool nobody, uint64_t now_ns)
{
	uint64_t order;
	uint16_t hop;

	if (!d->plan->target[i].enabled)
		return DECIDE_SKIP_DISABLED;
	if (!pick_trunk(d, h, i)->count)
		return DECIDE_SKIP_NO_ADDRESS;
	if (!allow_calls(d, h, i))
		return DECIDE_SKIP_FULL;
	if (!allow_cps(d, h, i, now_ns))
		return DECIDE_SKIP_CPS;
	if (pick_usable(d, h, i, HEALTH_FIRST, &hop))
		return allow_budget(d, h, i, hop, now_ns) ? DECIDE_SKIP_RETRIES : DECIDE_SKIP_BUDGET;
	if (pick_usable(d, h, i, HEALTH_BEHIND, &hop))
		return !allow_budget(d, h, i, hop, now_ns) ? DECIDE_SKIP_BUDGET : nobody ? DECIDE_SKIP_RETRIES : DECIDE_SKIP_BEHIND;
	if (nobody && by_state(d, h, i) == DECIDE_SKIP_DOWN)
		return !last_hop(d, h, i, now_ns, &hop, &order)  ? DECIDE_SKIP_PANIC_RATE
		       : !allow_budget(d, h, i, hop, now_ns) ? DECIDE_SKIP_BUDGET
		                                             : DECIDE_SKIP_DOWN;
	return by_state(d, h, i);
}

/* Why the targets before the one taken (`until`) were not; all others, where none was. */
static void note_skips(struct decide *d, struct health *h, unsigned until, uint64_t now_ns)
{
	for (unsigned i = 0; i < until; i++)
		if (!pick_tried(d, i))
			skip(d, h, i, why_not(d, h, i, until == d->plan->count, now_ns));
}

static enum decide_kind begin(struct decide *d, struct health *h, const struct pick *pick,
    bool same, uint64_t now_ns, struct decide_step *out)
{
	struct decide_attempt *a = &d->attempt[d->count];
	const struct health_hop *p = &h->hop[pick->hop];
	uint8_t cause;

	allow_spend(d, h, pick, now_ns);
	if (!pick_tried(d, pick->target))
		d->targets++;
	*a = (struct decide_attempt){
		.target = pick->target,
		.hop = pick->hop,
		.panic = pick->place >= HEALTH_LAST,
		.same = same,
		.begun_ns = now_ns,
		.look = decide_look_of(d, pick->hop),
	};
	d->skip[pick->target].why = DECIDE_SKIP_NO;
	d->live = d->count++;
	d->on_busy = CONF_NONE;
	allow_hold(h, a);
	pick_limits(d, h, a, now_ns);
	health_began(h, pick->hop, d->live, now_ns);
	health_signs_used(h, pick->hop, now_ns);
	*out = (struct decide_step){
		.kind = DECIDE_TRY,
		.attempt = d->live,
		.trunk = decide_trunk_at(d, pick->target),
		.hop = pick->hop,
		.transport = p->transport,
		.addr = p->addr,
		.same = same,
	};
	decide_due(d, h, d->live, now_ns, &cause, &out->due_ns);
	return DECIDE_TRY;
}

/* The attempt that just began goes to an address that is no hop: nothing that happens there is its hop's doing, and no probe
 * of its hop says anything about it. */
static void go_astray(struct decide *d, struct health *h, uint64_t now_ns, struct decide_step *out)
{
	struct decide_attempt *a = &d->attempt[d->live];
	uint8_t cause;

	a->stray = true;
	a->limits.check_ms[0] = a->limits.check_ms[1] = 0;
	a->limits.early_ms = a->limits.first_response_ms;
	a->limits.early_cause = CAUSE_NO_REPLY;
	decide_due(d, h, d->live, now_ns, &cause, &out->due_ns);
}

/* The hop of the attempt that just ended, once more. RFC 3261 14.1: we own the Call-ID, so 2.1 to 4 s after a 491. */
static enum decide_kind begin_same(
    struct decide *d, struct health *h, uint64_t now_ns, struct decide_step *out)
{
	const struct decide_attempt *last = &d->attempt[d->last];
	bool stray = last->same_hop == KEDGE_HOP_NONE;
	struct pick pick = { last->target, stray ? last->hop : last->same_hop, last->panic ? HEALTH_LAST : HEALTH_FIRST };
	uint32_t delay_ms = d->action == CAUSE_WAIT_SAME ? 2100 + d->random % 191 * 10 : 0;

	d->action = CAUSE_NEXT;
	begin(d, h, &pick, true, now_ns + delay_ms * MS_NS, out);
	if (stray)
		go_astray(d, h, now_ns, out);
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

void decide_take(struct decide *d, const struct health *h, unsigned i, uint64_t now_ns)
{
	struct decide_attempt *a = &d->attempt[i];

	a->state = DECIDE_OPEN;
	a->cause = CAUSE_NONE;
	a->timer = DECIDE_TIMER_NONE;
	a->ended_ns = 0;
	d->live = (uint8_t)i;
	d->again_ns = 0;
	pick_limits(d, h, a, now_ns);
}

/* A branch given up that has shown life since is a better hope than a further one. */
static bool take_over(struct decide *d, const struct health *h, uint64_t now_ns)
{
	for (unsigned i = 0; i < d->count; i++) {
		struct decide_attempt *a = &d->attempt[i];

		if (a->state == DECIDE_ABANDONED && !a->gone && a->first_ns) {
			decide_take(d, h, i, now_ns);
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

/* Nobody is left to try: a branch may still answer, or a trunk be tried again after a while. */
static enum decide_kind nobody_left(struct decide *d, struct health *h, uint64_t now_ns, struct decide_step *out)
{
	uint64_t grace = grace_ns(d);
	struct pick pick;

	if (now_ns >= grace && again_pick(d, h, now_ns, &pick)) {
		begin(d, h, &pick, false, now_ns, out);
		d->attempt[d->live].again = true;
		return DECIDE_TRY;
	}
	if (now_ns >= grace && !d->again_ns) {
		d->over = true;
		return decide_finish(d, h, now_ns, out);
	}
	wait_for(d, h, now_ns, out);
	out->again = now_ns >= grace;
	out->wait_ns = out->again ? d->again_ns : grace;
	if (out->again)
		out->trunk = decide_trunk_at(d, d->again_target);
	return DECIDE_WAIT;
}

enum decide_kind decide_next(
    struct decide *d, struct health *h, uint64_t now_ns, struct decide_step *out)
{
	struct pick pick, canary;

	if (!d->counted)
		limit_budget_call(&h->budget, now_ns);
	d->counted = true;
	decide_look_all(d, h, now_ns);
	if (d->cancelled || d->over)
		return decide_finish(d, h, now_ns, out);
	if (d->winner != DECIDE_NONE || d->live != DECIDE_NONE)
		return wait_for(d, h, now_ns, out);
	if (now_ns >= d->deadline_ns)
		return decide_finish(d, h, now_ns, out);
	if (take_over(d, h, now_ns))
		return wait_for(d, h, now_ns, out);
	if (d->stop != DECIDE_NONE)
		return decide_finish(d, h, now_ns, out);
	if (d->action != CAUSE_NEXT && d->count < DECIDE_ATTEMPTS)
		return begin_same(d, h, now_ns, out);
	if (pick_next(d, h, now_ns, &pick)) {
		if (canary_pick(d, h, &pick, now_ns, &canary)) {
			skip(d, h, pick.target, DECIDE_SKIP_CANARY);
			return begin(d, h, &canary, false, now_ns, out);
		}
		note_skips(d, h, pick.place == HEALTH_FIRST ? pick.target : d->plan->count, now_ns);
		return begin(d, h, &pick, false, now_ns, out);
	}
	note_skips(d, h, d->plan->count, now_ns);
	return nobody_left(d, h, now_ns, out);
}
