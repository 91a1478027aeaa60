// SPDX-License-Identifier: MIT
#include "routing/health_part.h"

#define HOUR_NS    (3600 * HEALTH_SECOND_NS)
#define SILENT_F   3                      /* what an unanswered INVITE with both checks weighs */
#define FAULTS     3                      /* distinct numbers in a row that make a config_fault ... */
#define FAULTS_404 10                     /* ... where all of them were 404 */

static void new_run(struct health_hop *p)
{
	if (++p->run == 0)
		p->run = 1;
}

void health_forget_failures(struct health_hop *p)
{
	if (p->consecutive)
		new_run(p);
	p->consecutive = p->unheard = p->unreached = 0;
}

void health_forget_faults(struct health_hop *p)
{
	p->faults = p->faults_404 = 0;
}

void health_first_proof(
    struct health *h, uint16_t slot, enum health_reason reason, const char *evidence, uint64_t now_ns)
{
	struct health_hop *p = &h->hop[slot];

	if (p->known || p->breaker.state != BREAKER_UP)
		return;
	p->known = true;
	health_judge(h, slot, reason, evidence, now_ns);
}

void health_began(struct health *h, uint16_t slot, unsigned position, uint64_t now_ns)
{
	struct health_hop *p = hop_at(h, slot);
	struct kedge_hop_count *c = counts(h, slot);

	p->calls++;
	if (hop_serves(p))
		h->trunk[p->trunk].calls++;
	if (p->place >= HEALTH_LAST)
		p->last_panic_ns = now_ns;
	if (!c)
		return;
	count(&c->attempts, 1);
	count(&c->position[position < 2 ? position : 2], 1);
}

void health_call(struct health *h, uint16_t slot, bool begins)
{
	struct kedge_hop_count *c = counts(h, slot);
	const struct health_hop *p = hop_at(h, slot);
	struct limit_trunk *l = hop_serves(p) ? &h->trunk[p->trunk].limit : NULL;

	if (c)
		count(&c->calls, begins ? 1 : (uint64_t)-1);
	if (l && (begins || l->calls_to)) /* none: the trunk was gone, and came back under its name */
		l->calls_to += begins ? 1u : (uint32_t)-1;
}

void health_ended(struct health *h, uint16_t slot)
{
	struct health_hop *p = hop_at(h, slot);

	assert(p->calls > 0);
	p->calls--;
	if (hop_serves(p)) {
		assert(h->trunk[p->trunk].calls > 0);
		h->trunk[p->trunk].calls--;
	}
	if (!p->calls && !health_in_trunk(h, slot))
		health_slot_free(h, slot);
}

void health_refute_unreached(struct health_hop *p)
{
	if (!p->unreached)
		return;
	p->consecutive -= p->unreached;
	p->unheard -= p->unreached;
	p->unreached = 0;
	new_run(p);
}

void health_heard(struct health *h, uint16_t slot, uint32_t first_us, uint64_t now_ns)
{
	struct health_hop *p = hop_at(h, slot);

	if (!hop_serves(p))
		return;
	p->last_heard_ns = now_ns;
	health_refute_unreached(p);
	if (first_us)
		pace_reply(&p->reply, first_us, now_ns);
	health_end_blip(h, slot, now_ns);
	health_publish(h, slot, now_ns);
}

void health_success(struct health *h, uint16_t slot, bool answered, uint64_t now_ns)
{
	struct health_hop *p = hop_at(h, slot);
	struct kedge_hop_count *c = counts(h, slot);

	if (c)
		count(answered ? &c->answered : &c->ringing, 1);
	if (c && answered)
		count(&c->class[2], 1);
	if (!hop_serves(p))
		return;
	p->last_success_ns = now_ns;
	health_forget_failures(p);
	health_forget_faults(p);
	health_first_proof(h, slot, HEALTH_ANSWERED, NULL, now_ns);
	health_clear_mark(h, slot, HEALTH_FAULT, now_ns);
	health_lock_proven(h, slot, now_ns);
	if (p->breaker.state == BREAKER_TRIAL) {
		p->proven = true;
		if (answered)
			health_trial_call(h, slot, false, 0, now_ns);
	}
	if (p->breaker.state == BREAKER_DOWN) {
		p->good_probes++;
		p->good_ns = p->good_ns ? p->good_ns : now_ns;
	}
	health_publish(h, slot, now_ns);
}

void health_rang(struct health *h, uint16_t slot, uint32_t prefix, uint32_t ms, uint32_t pdd_ms,
    uint64_t now_ns)
{
	struct health_hop *p = hop_at(h, slot);

	if (!hop_serves(p))
		return;
	pace_ring(&h->rings, p->trunk, prefix, ms);
	p->pdd_ewma_ms = p->pdd_ewma_ms ? (p->pdd_ewma_ms * 7 + pdd_ms) / 8 : pdd_ms;
	health_publish(h, slot, now_ns);
}

void health_final(struct health *h, uint16_t slot, uint16_t status)
{
	struct kedge_hop_count *c = counts(h, slot);

	assert(slot < h->hop_count && status >= 200 && status < 700);
	if (c)
		count(&c->final[status / 100 - 2][status % 100], 1);
}

static void count_outcome(struct kedge_hop_count *c, enum cause cause, uint16_t code)
{
	unsigned class = code / 100;

	switch (cause) {
	case CAUSE_STATUS:
		if (class < 3 || class > 6)
			class = 5;
		count(&c->class[class], 1);
		return;
	case CAUSE_SILENT:
	case CAUSE_NO_REPLY:
		count(&c->class[0], 1);
		count(&c->timed_out, 1);
		return;
	case CAUSE_NO_PROGRESS:
	case CAUSE_RING:
		count(&c->timed_out, 1);
		return;
	case CAUSE_UNREACHABLE:
	case CAUSE_CONNECT:
	case CAUSE_LOST:
		count(&c->transport_failed, 1);
		return;
	case CAUSE_CANCELLED:
		count(&c->cancelled, 1);
		return;
	default:
		return;
	}
}

static uint8_t on_failure(
    struct health *h, uint16_t slot, const struct health_outcome *o, uint64_t now_ns)
{
	struct health_hop *p = &h->hop[slot];
	uint32_t limit = conf_of(h, p)->breaker.consecutive;
	uint8_t run = p->run;

	p->last_fail_ns = now_ns;
	if (p->breaker.state == BREAKER_TRIAL && o->begun_ns < p->breaker.since_ns)
		return 0;
	p->consecutive++;
	switch (o->cause) {
	case CAUSE_UNREACHABLE:
	case CAUSE_CONNECT:
	case CAUSE_LOST:
		p->unreached++;
		p->unheard++;
		break;
	case CAUSE_NO_REPLY:
		p->unheard++;
		break;
	default:
		break;
	}
	if (limit && p->consecutive >= limit)
		health_hold(h, slot, HEALTH_CONSECUTIVE, o->code,
		    o->cause == CAUSE_STATUS ? "failing answers" : cause_word(o->cause), now_ns);
	return run;
}

/* F and L together: the window, and TRIAL. A call that began before TRIAL says nothing of it. */
static void on_load(struct health *h, uint16_t slot, const struct health_outcome *o, uint64_t now_ns)
{
	struct health_hop *p = &h->hop[slot];
	bool bad = o->health & (CAUSE_F | CAUSE_L), trial = p->breaker.state == BREAKER_TRIAL;

	if (trial && o->begun_ns < p->breaker.since_ns)
		return;
	if (trial && (bad || (o->health & CAUSE_O)))
		health_trial_call(h, slot, bad, o->code, now_ns);
	if (!bad || o->begun_ns < p->last_success_ns || p->breaker.state == BREAKER_DOWN)
		return;
	if (health_window(h, p, now_ns))
		health_hold(h, slot, HEALTH_WINDOW, o->code, NULL, now_ns);
}

/* Any final answer of the callee's side proves that silence before it was not the trunk's end. */
static void on_life(struct health *h, uint16_t slot, uint64_t now_ns)
{
	struct health_hop *p = &h->hop[slot];

	if (p->unheard)
		new_run(p);
	p->consecutive -= p->unheard;
	p->unheard = p->unreached = 0;
	health_first_proof(h, slot, HEALTH_ANSWERED, "a reply", now_ns);
}

static bool known_fault(const struct health_hop *p, uint64_t number)
{
	for (uint32_t i = 0; i < p->faults; i++)
		if (p->fault[i] == number)
			return true;
	return false;
}

static void on_fault(
    struct health *h, uint16_t slot, const struct health_outcome *o, uint64_t now_ns)
{
	struct health_hop *p = &h->hop[slot];

	if (p->faults == HEALTH_FAULTS || known_fault(p, o->number_hash))
		return;
	p->fault[p->faults++] = o->number_hash;
	if (o->code == 404)
		p->faults_404++;
	if (p->faults - p->faults_404 < FAULTS && p->faults < FAULTS_404)
		return;
	if (!health_has_fault(h, slot))
		health_mark(h, slot, HEALTH_FAULT, o->code, 0, now_ns);
}

uint8_t health_outcome(
    struct health *h, uint16_t slot, const struct health_outcome *o, uint64_t now_ns)
{
	struct health_hop *p = hop_at(h, slot);
	struct kedge_hop_count *c = counts(h, slot);
	uint8_t run = 0;

	if (c)
		count_outcome(c, o->cause, o->code);
	if (!hop_serves(p))
		return 0;
	if (o->cause == CAUSE_SILENT)
		health_silent(h, slot, o->begun_ns, now_ns);
	else if (o->begun_ns >= p->last_success_ns && (o->health & CAUSE_F))
		run = on_failure(h, slot, o, now_ns);
	else if (o->begun_ns >= p->last_success_ns && (o->health & CAUSE_A))
		on_fault(h, slot, o, now_ns);
	on_load(h, slot, o, now_ns);
	if (o->health & CAUSE_O)
		on_life(h, slot, now_ns);
	health_publish(h, slot, now_ns);
	return run;
}

void health_silent(struct health *h, uint16_t slot, uint64_t begun_ns, uint64_t now_ns)
{
	struct health_hop *p = hop_at(h, slot);

	if (p->last_heard_ns > begun_ns || !hop_serves(p))
		return;
	p->last_fail_ns = now_ns;
	p->consecutive += SILENT_F;
	p->unheard += SILENT_F;
	if (p->breaker.state != BREAKER_DOWN) {
		p->blip = !p->last_silent_ns || now_ns - p->last_silent_ns >= HOUR_NS;
		p->last_silent_ns = now_ns;
	}
	health_hold(h, slot, HEALTH_SILENT, 0, NULL, now_ns);
	health_publish(h, slot, now_ns);
}

void health_take_back(struct health *h, uint16_t slot, uint8_t run)
{
	struct health_hop *p = hop_at(h, slot);

	if (!run || run != p->run || !p->unheard)
		return;
	p->consecutive--;
	p->unheard--;
	p->window_count -= p->window_count > 0;
	if (p->unreached > p->unheard)
		p->unreached = p->unheard;
}

void health_skipped(struct health *h, uint16_t slot)
{
	struct kedge_hop_count *c = counts(h, slot);

	hop_at(h, slot);
	if (c)
		count(&c->skipped, 1);
}
