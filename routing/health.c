// SPDX-License-Identifier: MIT
#include "routing/health.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "routing/shm/seq.h"

#define MS_NS      1000000ULL
#define HOUR_NS    (3600 * HEALTH_SECOND_NS)
#define BLIP_NS    (5 * HEALTH_SECOND_NS) /* a silence that ends sooner costs nothing, once an hour */
#define SILENT_F   3                      /* what an unanswered INVITE with both checks weighs */
#define FAULTS     3                      /* distinct numbers in a row that make a config_fault ... */
#define FAULTS_404 10                     /* ... where all of them were 404 */
#define MISSES     3                      /* probes, with calls heard meanwhile: it does not answer probes */

static const char *const state_words[] = {
#define S(x) [KEDGE_HOP_##x] = #x,
	KEDGE_HOP_STATES(S)
#undef S
};

static const char *const reason_words[] = {
#define R(id, word) [HEALTH_##id] = word,
	HEALTH_REASONS(R)
#undef R
};

const char *health_state_word(enum kedge_hop_state state)
{
	return state < KEDGE_HOP_STATE_COUNT ? state_words[state] : "?";
}

const char *health_reason_word(enum health_reason reason)
{
	return reason < HEALTH_REASON_COUNT ? reason_words[reason] : "?";
}

static struct health_hop *hop_at(struct health *h, uint16_t slot)
{
	assert(slot < h->hop_count && h->hop[slot].used);
	return &h->hop[slot];
}

static const struct health_hop *hop_of(const struct health *h, uint16_t slot)
{
	assert(slot < h->hop_count && h->hop[slot].used);
	return &h->hop[slot];
}

static const struct conf_trunk *conf_of(const struct health *h, const struct health_hop *p)
{
	assert(p->trunk < h->conf->trunks.count);
	return &h->conf->trunks.v[p->trunk];
}

static uint64_t wall_of(const struct health *h, uint64_t mono_ns)
{
	return (uint64_t)(h->wall_ms_at_0 + (int64_t)(mono_ns / MS_NS));
}

static uint64_t mono_of(const struct health *h, uint64_t wall_ms)
{
	int64_t ms = (int64_t)wall_ms - h->wall_ms_at_0;

	return ms > 0 ? (uint64_t)ms * MS_NS : 0;
}

/* ---- the trunk table ---- */

/* One writer: a plain sum, stored whole. */
static void count(_Atomic uint64_t *word, uint64_t n)
{
	uint64_t v = atomic_load_explicit(word, memory_order_relaxed);

	atomic_store_explicit(word, v + n, memory_order_relaxed);
}

static struct kedge_hop_count *counts(const struct health *h, uint16_t slot)
{
	return h->table ? &h->table[slot].count : NULL;
}

static void publish(const struct health *h, uint16_t slot, uint64_t now_ns)
{
	const struct health_hop *p = &h->hop[slot];
	struct kedge_hop_health line = {
		.generation = p->generation,
		.state = p->state,
		.probes = p->probed,
		.code = p->code,
		.since_wall_ms = wall_of(h, p->since_ns),
		.last_reply_ns = p->last_heard_ns,
		.last_fail_ns = p->last_fail_ns,
		.consecutive = p->consecutive,
		.good_probes = p->good_probes,
		.reply_ewma_us = p->reply.ewma_us,
		.reply_dev_us = p->reply.dev_us,
		.replies = pace_replies(&p->reply, now_ns),
		.probe_rtt_us = p->probe_rtt_us,
		.pdd_ewma_ms = p->pdd_ewma_ms,
	};

	if (!h->table)
		return;
	if (p->state == KEDGE_HOP_DOWN)
		line.retry_wall_ms = wall_of(h, health_retry_ns(h, slot));
	strncpy(line.reason, health_reason_word(p->reason), sizeof(line.reason) - 1);
	seq_write(&h->table[slot].health, &line);
}

static void publish_id(const struct health *h, uint16_t slot)
{
	const struct health_hop *p = &h->hop[slot];
	const struct conf_trunk *t = conf_of(h, p);
	struct kedge_hop_id id = {
		.generation = p->generation,
		.trunk = p->trunk,
		.transport = p->transport,
		.addr = p->addr,
	};

	if (!h->table)
		return;
	strncpy(id.trunk_name, t->name, sizeof(id.trunk_name) - 1);
	strncpy(id.carrier, t->carrier, sizeof(id.carrier) - 1);
	seq_write(&h->table[slot].id, &id);
}

static void clear_counts(struct kedge_hop_count *c)
{
	_Atomic uint64_t *words = (_Atomic uint64_t *)c;

	for (size_t i = 0; i < sizeof(*c) / sizeof(*words); i++)
		atomic_store_explicit(&words[i], 0, memory_order_relaxed);
}

/* ---- states ---- */

static const char *clears(const struct health_hop *p, enum kedge_hop_state state, enum health_reason reason)
{
	if (state == KEDGE_HOP_DEGRADED)
		return "one 18x or 2xx";
	if (state != KEDGE_HOP_DOWN)
		return "";
	if (!p->answers_probes)
		return "open is over";
	return reason == HEALTH_SILENT && p->blip ? "open is over and up good probes, or anything heard within 5 s"
	                                          : "open is over and up good probes";
}

static void hop_enter(struct health *h, uint16_t slot, enum kedge_hop_state to,
    enum health_reason reason, uint16_t code, const char *evidence, uint64_t now_ns)
{
	struct health_hop *p = &h->hop[slot];
	struct health_change change = {
		.slot = slot,
		.trunk = p->trunk,
		.from = p->state,
		.to = to,
		.reason = reason,
		.code = code,
		.evidence = evidence,
		.clears = clears(p, to, reason),
	};

	p->state = to;
	p->reason = reason;
	p->code = code;
	p->since_ns = now_ns;
	if (to == KEDGE_HOP_DOWN)
		change.hold_ms = conf_of(h, p)->breaker.open_ms;
	publish(h, slot, now_ns);
	if (h->changed)
		h->changed(h->ctx, &change);
}

static uint64_t open_ns(const struct health *h, const struct health_hop *p)
{
	return conf_of(h, p)->breaker.open_ms * MS_NS;
}

static void new_run(struct health_hop *p)
{
	if (++p->run == 0)
		p->run = 1;
}

static void forget_failures(struct health_hop *p)
{
	if (p->consecutive)
		new_run(p);
	p->consecutive = p->unheard = p->unreached = 0;
}

static void forget_faults(struct health_hop *p)
{
	p->faults = p->faults_404 = 0;
}

static void trip(struct health *h, uint16_t slot, enum health_reason reason, uint16_t code,
    const char *evidence, uint64_t now_ns)
{
	struct health_hop *p = &h->hop[slot];

	p->good_probes = 0;
	if (p->state == KEDGE_HOP_DOWN)
		return;
	breaker_step(&p->breaker, BREAKER_ON_TRIP, now_ns, open_ns(h, p));
	hop_enter(h, slot, KEDGE_HOP_DOWN, reason, code, evidence, now_ns);
}

static void come_back(struct health *h, uint16_t slot, enum kedge_hop_state to,
    enum health_reason reason, const char *evidence, uint64_t now_ns)
{
	struct health_hop *p = &h->hop[slot];

	forget_failures(p);
	forget_faults(p);
	p->blip = false;
	hop_enter(h, slot, to, reason, 0, evidence, now_ns);
}

/* A silence that ended within five seconds was a blip: the first of an hour costs the trunk nothing more. */
static void end_blip(struct health *h, uint16_t slot, uint64_t now_ns)
{
	struct health_hop *p = &h->hop[slot];

	if (!p->blip || p->state != KEDGE_HOP_DOWN)
		return;
	p->blip = false;
	if (now_ns - p->since_ns > BLIP_NS)
		return;
	breaker_step(&p->breaker, BREAKER_ON_BLIP, now_ns, 0);
	come_back(h, slot, KEDGE_HOP_UP, HEALTH_BLIP, "heard again within 5 s", now_ns);
}

/* DOWN ends when `open` is over and enough probes in a row were good. A hop that is not probed, or whose peer ignores
 * probes, comes back on trust: calls are the only way to learn more, and the first that fails takes it DOWN again. Until
 * one rings (call: it just did) nothing is known of it, and UP would be a claim: its port may be as closed as before. */
static void try_again(struct health *h, uint16_t slot, bool call, uint64_t now_ns)
{
	struct health_hop *p = &h->hop[slot];
	const struct conf_trunk *t = conf_of(h, p);
	bool probed = t->probe.method != CONF_PROBE_NONE && p->answers_probes;

	if (p->state != KEDGE_HOP_DOWN)
		return;
	if (breaker_step(&p->breaker, BREAKER_ON_TIMER, now_ns, 0) != BREAKER_PROVING)
		return;
	if (probed && p->good_probes < t->probe.up)
		return;
	breaker_step(&p->breaker, BREAKER_ON_CLEAR, now_ns, 0);
	come_back(h, slot, probed || call ? KEDGE_HOP_UP : KEDGE_HOP_UNKNOWN, probed ? HEALTH_PROBED : HEALTH_TIMER,
	    probed ? "enough good probes" : "open is over, no probe tells more", now_ns);
	if (!probed && t->breaker.consecutive > 1) {
		p->consecutive = t->breaker.consecutive - 1;
		publish(h, slot, now_ns);
	}
}

static void first_proof(
    struct health *h, uint16_t slot, enum health_reason reason, const char *evidence, uint64_t now_ns)
{
	if (h->hop[slot].state == KEDGE_HOP_UNKNOWN)
		hop_enter(h, slot, KEDGE_HOP_UP, reason, 0, evidence, now_ns);
}

/* ---- hops come and go ---- */

void health_init(struct health *h, const struct conf *conf, struct kedge_hop *table,
    uint16_t hop_count, uint64_t now_ns, uint64_t wall_ms)
{
	assert(hop_count <= KEDGE_HOPS_MAX);
	memset(h, 0, sizeof(*h));
	h->conf = conf;
	h->table = table;
	h->hop_count = hop_count;
	h->wall_ms_at_0 = (int64_t)wall_ms - (int64_t)(now_ns / MS_NS);
}

static bool same_hop(const struct kedge_addr *a, uint16_t a_transport, const struct kedge_addr *b,
    uint16_t b_transport)
{
	return a->family == b->family && a->port == b->port && a_transport == b_transport &&
	       !memcmp(a->ip, b->ip, sizeof(a->ip));
}

static int find_used(const struct health *h, uint16_t trunk, uint16_t transport,
    const struct kedge_addr *addr)
{
	for (uint16_t i = 0; i < h->hop_count; i++) {
		const struct health_hop *p = &h->hop[i];

		if (p->used && p->trunk == trunk && same_hop(&p->addr, p->transport, addr, transport))
			return i;
	}
	return -ENOENT;
}

/* A slot left by the plane that ran before: this trunk by name, for its index may have moved. addr NULL: any hop. */
static int find_left(const struct health *h, const struct conf_trunk *t, uint16_t transport,
    const struct kedge_addr *addr, struct kedge_hop_id *id)
{
	for (uint16_t i = 0; h->table && i < h->hop_count; i++) {
		if (h->hop[i].used || seq_read(&h->table[i].id, id) < 0 || !id->generation)
			continue;
		if (!strncmp(id->trunk_name, t->name, sizeof(id->trunk_name)) &&
		    (!addr || same_hop(&id->addr, id->transport, addr, transport)))
			return i;
	}
	return -ENOENT;
}

/* A slot nobody has; one that another hop left behind only where no empty one is left. */
static int find_free(const struct health *h)
{
	int left = -ENOSPC;

	for (uint16_t i = 0; i < h->hop_count; i++) {
		struct kedge_hop_id id = { 0 };

		if (h->hop[i].used)
			continue;
		if (!h->table || seq_read(&h->table[i].id, &id) < 0 || !id.generation)
			return i;
		if (left < 0)
			left = i;
	}
	return left;
}

static bool in_trunk(const struct health_trunk *t, uint16_t slot)
{
	for (uint16_t i = 0; i < t->count; i++)
		if (t->hop[i] == slot)
			return true;
	return false;
}

static void hop_begin(struct health *h, uint16_t slot, uint16_t trunk, uint16_t transport,
    const struct kedge_addr *addr, uint64_t now_ns)
{
	struct health_hop *p = &h->hop[slot];
	uint32_t generation = p->generation;
	struct kedge_hop_id id = { 0 };

	if (h->table && seq_read(&h->table[slot].id, &id) == 0 && id.generation > generation)
		generation = id.generation;
	*p = (struct health_hop){
		.used = true,
		.state = KEDGE_HOP_UNKNOWN,
		.trunk = trunk,
		.transport = transport,
		.addr = *addr,
		.generation = generation + 1 ? generation + 1 : 1,
		.since_ns = now_ns,
		.run = 1,
	};
	if (h->table)
		clear_counts(counts(h, slot));
	publish_id(h, slot);
	publish(h, slot, now_ns);
}

/* Goes on with a slot of the plane before. */
static int adopt(struct health *h, uint16_t slot, uint16_t trunk, struct kedge_hop_id *id, uint64_t now_ns)
{
	struct kedge_hop_health line = { 0 };

	if (seq_read(&h->table[slot].health, &line) < 0)
		return -EBUSY;
	id->trunk = trunk;
	health_restore(h, slot, id, &line, now_ns);
	publish_id(h, slot);
	/* The calls of the plane before are not known here. */
	atomic_store_explicit(&counts(h, slot)->calls, 0, memory_order_relaxed);
	return 0;
}

void health_hops_left(struct health *h, uint16_t trunk, uint64_t now_ns)
{
	struct kedge_hop_id id;
	int slot;

	if (trunk >= HEALTH_TRUNKS || trunk >= h->conf->trunks.count)
		return;
	while (h->trunk[trunk].count < HEALTH_TRUNK_HOPS &&
	       (slot = find_left(h, &h->conf->trunks.v[trunk], 0, NULL, &id)) >= 0)
		if (adopt(h, (uint16_t)slot, trunk, &id, now_ns) < 0)
			return;
}

int health_hop_add(struct health *h, uint16_t trunk, uint16_t transport,
    const struct kedge_addr *addr, uint64_t now_ns)
{
	struct kedge_hop_id id;
	struct health_trunk *t;
	int slot;

	if (trunk >= HEALTH_TRUNKS || trunk >= h->conf->trunks.count)
		return -ENOSPC;
	t = &h->trunk[trunk];
	slot = find_used(h, trunk, transport, addr);
	if (slot >= 0 && in_trunk(t, (uint16_t)slot))
		return slot;
	if (t->count == HEALTH_TRUNK_HOPS)
		return -ENOSPC;
	if (slot < 0) {
		slot = find_left(h, &h->conf->trunks.v[trunk], transport, addr, &id);
		if (slot >= 0 && adopt(h, (uint16_t)slot, trunk, &id, now_ns) == 0)
			return slot;
		slot = find_free(h);
		if (slot < 0)
			return slot;
		hop_begin(h, (uint16_t)slot, trunk, transport, addr, now_ns);
	}
	t->hop[t->count++] = (uint16_t)slot;
	return slot;
}

static void slot_free(struct health *h, uint16_t slot)
{
	struct kedge_hop_id none = { 0 };

	h->hop[slot].used = false;
	if (h->table)
		seq_write(&h->table[slot].id, &none);
}

void health_hop_drop(struct health *h, uint16_t slot, uint64_t now_ns)
{
	struct health_hop *p = hop_at(h, slot);
	struct health_trunk *t = &h->trunk[p->trunk];
	uint16_t kept = 0;

	for (uint16_t i = 0; i < t->count; i++)
		if (t->hop[i] != slot)
			t->hop[kept++] = t->hop[i];
	t->count = kept;
	if (!p->calls)
		slot_free(h, slot);
}

void health_settle(struct health *h)
{
	for (uint16_t i = 0; h->table && i < h->hop_count; i++) {
		struct kedge_hop_id id = { 0 };

		if (!h->hop[i].used && seq_read(&h->table[i].id, &id) == 0 && id.generation)
			slot_free(h, i);
	}
}

static enum health_reason reason_of(const char *word)
{
	for (unsigned i = 0; i < HEALTH_REASON_COUNT; i++)
		if (!strncmp(word, reason_words[i], sizeof(((struct kedge_hop_health *)0)->reason)))
			return i;
	return HEALTH_NONE;
}

void health_restore(struct health *h, uint16_t slot, const struct kedge_hop_id *id,
    const struct kedge_hop_health *line, uint64_t now_ns)
{
	struct health_hop *p = &h->hop[slot];
	struct health_trunk *t;

	if (slot >= h->hop_count || id->trunk >= HEALTH_TRUNKS ||
	    id->trunk >= h->conf->trunks.count || line->state >= KEDGE_HOP_STATE_COUNT)
		return;
	*p = (struct health_hop){
		.used = true,
		.state = line->state,
		.reason = reason_of(line->reason),
		.code = line->code,
		.trunk = id->trunk,
		.transport = id->transport,
		.addr = id->addr,
		.generation = id->generation,
		.since_ns = mono_of(h, line->since_wall_ms),
		.consecutive = line->consecutive,
		.last_fail_ns = line->last_fail_ns,
		.last_heard_ns = line->last_reply_ns,
		.reply = { line->reply_ewma_us, line->reply_dev_us, { line->replies, 0 }, now_ns },
		.pdd_ewma_ms = line->pdd_ewma_ms,
		.probed = line->probes,
		.answers_probes = line->probe_rtt_us != 0,
		.good_probes = line->good_probes,
		.probe_rtt_us = line->probe_rtt_us,
		.run = 1,
	};
	if (p->state == KEDGE_HOP_DOWN)
		p->breaker = (struct breaker){ BREAKER_DOWN, p->since_ns,
			mono_of(h, line->retry_wall_ms) };
	t = &h->trunk[p->trunk];
	if (!in_trunk(t, slot) && t->count < HEALTH_TRUNK_HOPS)
		t->hop[t->count++] = slot;
}

/* ---- evidence ---- */

void health_began(struct health *h, uint16_t slot, unsigned position, uint64_t now_ns)
{
	struct health_hop *p = hop_at(h, slot);
	struct kedge_hop_count *c = counts(h, slot);

	p->calls++;
	h->trunk[p->trunk].calls++;
	if (p->state == KEDGE_HOP_DOWN)
		p->last_panic_ns = now_ns;
	if (!c)
		return;
	count(&c->attempts, 1);
	count(&c->position[position < 2 ? position : 2], 1);
	count(&c->calls, 1);
}

void health_ended(struct health *h, uint16_t slot)
{
	struct health_hop *p = hop_at(h, slot);
	struct kedge_hop_count *c = counts(h, slot);

	assert(p->calls > 0 && h->trunk[p->trunk].calls > 0);
	p->calls--;
	h->trunk[p->trunk].calls--;
	if (c)
		count(&c->calls, (uint64_t)-1);
	if (!p->calls && !in_trunk(&h->trunk[p->trunk], slot))
		slot_free(h, slot);
}

/* Failures whose evidence was "it cannot be reached" are refuted by any message from there. */
static void refute_unreached(struct health_hop *p)
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

	p->last_heard_ns = now_ns;
	refute_unreached(p);
	if (first_us)
		pace_reply(&p->reply, first_us, now_ns);
	end_blip(h, slot, now_ns);
	publish(h, slot, now_ns);
}

void health_success(struct health *h, uint16_t slot, bool answered, uint64_t now_ns)
{
	struct health_hop *p = hop_at(h, slot);
	struct kedge_hop_count *c = counts(h, slot);

	p->last_success_ns = now_ns;
	forget_failures(p);
	forget_faults(p);
	if (c)
		count(answered ? &c->answered : &c->ringing, 1);
	if (c && answered)
		count(&c->class[2], 1);
	first_proof(h, slot, HEALTH_ANSWERED, "a call", now_ns);
	if (p->state == KEDGE_HOP_DEGRADED)
		hop_enter(h, slot, KEDGE_HOP_UP, HEALTH_ANSWERED, 0, "a call", now_ns);
	if (p->state == KEDGE_HOP_DOWN) {
		p->good_probes++;
		try_again(h, slot, true, now_ns);
	}
	publish(h, slot, now_ns);
}

void health_rang(struct health *h, uint16_t slot, uint32_t prefix, uint32_t ms, uint32_t pdd_ms,
    uint64_t now_ns)
{
	struct health_hop *p = hop_at(h, slot);

	pace_ring(&h->rings, p->trunk, prefix, ms);
	p->pdd_ewma_ms = p->pdd_ewma_ms ? (p->pdd_ewma_ms * 7 + pdd_ms) / 8 : pdd_ms;
	publish(h, slot, now_ns);
}

static void count_outcome(struct kedge_hop_count *c, enum cause cause, uint16_t code)
{
	unsigned class = code / 100, rest = code % 100;

	switch (cause) {
	case CAUSE_STATUS:
		if (class < 3 || class > 6)
			class = 5, rest = 0;
		count(&c->class[class], 1);
		count(&c->code_3xx_6xx[class - 3][rest < 31 ? rest : 31], 1);
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
	uint8_t run = p->run;

	p->last_fail_ns = now_ns;
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
	if (p->consecutive >= conf_of(h, p)->breaker.consecutive)
		trip(h, slot, HEALTH_CONSECUTIVE, o->code,
		    o->cause == CAUSE_STATUS ? "failing answers" : cause_word(o->cause), now_ns);
	return run;
}

/* Any final answer of the callee's side proves that silence before it was not the trunk's end. */
static void on_life(struct health *h, uint16_t slot, uint64_t now_ns)
{
	struct health_hop *p = &h->hop[slot];

	if (p->unheard)
		new_run(p);
	p->consecutive -= p->unheard;
	p->unheard = p->unreached = 0;
	first_proof(h, slot, HEALTH_ANSWERED, "a reply", now_ns);
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
	if (p->state == KEDGE_HOP_UNKNOWN || p->state == KEDGE_HOP_UP)
		hop_enter(h, slot, KEDGE_HOP_DEGRADED, HEALTH_FAULT, o->code,
		    "distinct numbers in a row refused", now_ns);
}

uint8_t health_outcome(
    struct health *h, uint16_t slot, const struct health_outcome *o, uint64_t now_ns)
{
	struct health_hop *p = hop_at(h, slot);
	struct kedge_hop_count *c = counts(h, slot);
	uint8_t run = 0;

	if (c)
		count_outcome(c, o->cause, o->code);
	if (o->cause == CAUSE_SILENT)
		health_silent(h, slot, o->begun_ns, now_ns);
	else if (o->begun_ns >= p->last_success_ns && (o->health & CAUSE_F))
		run = on_failure(h, slot, o, now_ns);
	else if (o->begun_ns >= p->last_success_ns && (o->health & CAUSE_A))
		on_fault(h, slot, o, now_ns);
	if (o->health & CAUSE_O)
		on_life(h, slot, now_ns);
	publish(h, slot, now_ns);
	return run;
}

void health_silent(struct health *h, uint16_t slot, uint64_t begun_ns, uint64_t now_ns)
{
	struct health_hop *p = hop_at(h, slot);

	if (p->last_heard_ns > begun_ns)
		return;
	p->last_fail_ns = now_ns;
	p->consecutive += SILENT_F;
	p->unheard += SILENT_F;
	if (p->state != KEDGE_HOP_DOWN) {
		p->blip = !p->last_silent_ns || now_ns - p->last_silent_ns >= HOUR_NS;
		p->last_silent_ns = now_ns;
	}
	trip(h, slot, HEALTH_SILENT, 0, "INVITE and two OPTIONS unanswered", now_ns);
	publish(h, slot, now_ns);
}

void health_take_back(struct health *h, uint16_t slot, uint8_t run)
{
	struct health_hop *p = hop_at(h, slot);

	if (!run || run != p->run || !p->unheard)
		return;
	p->consecutive--;
	p->unheard--;
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

void health_probe_sent(struct health *h, uint16_t slot)
{
	struct kedge_hop_count *c = counts(h, slot);

	hop_at(h, slot);
	if (c)
		count(&c->probes_sent, 1);
}

bool health_probe_good(uint16_t code)
{
	return code >= 200 && code != 408 && code != 500 && code != 502 && code != 503 && code != 504;
}

/* Even a 503 is a sign of life, and has a round trip. */
static void on_probe_answer(struct health *h, uint16_t slot, uint32_t rtt_us, uint64_t now_ns)
{
	struct health_hop *p = &h->hop[slot];

	p->last_heard_ns = now_ns;
	p->answers_probes = true;
	p->misses = 0;
	p->probe_rtt_us = rtt_us ? rtt_us : 1;
	refute_unreached(p);
	end_blip(h, slot, now_ns);
}

/* A peer that takes calls but has stopped answering probes gives no second opinion any more. */
static void on_probe_miss(struct health_hop *p, uint64_t now_ns)
{
	if (p->misses++ == 0)
		p->miss_since_ns = now_ns;
	if (p->misses >= MISSES && p->last_heard_ns > p->miss_since_ns)
		p->answers_probes = false;
}

void health_probe(struct health *h, uint16_t slot, uint16_t code, uint32_t rtt_us, uint64_t now_ns)
{
	struct health_hop *p = hop_at(h, slot);
	struct kedge_hop_count *c = counts(h, slot);
	bool good = health_probe_good(code);

	p->probed = good ? 1 : 2;
	p->good_probes = good ? p->good_probes + 1 : 0;
	if (code)
		on_probe_answer(h, slot, rtt_us, now_ns);
	else
		on_probe_miss(p, now_ns);
	if (good) {
		first_proof(h, slot, HEALTH_PROBED, "a probe", now_ns);
		try_again(h, slot, false, now_ns);
	}
	if (good && c)
		count(&c->probes_good, 1);
	publish(h, slot, now_ns);
}

void health_tick(struct health *h, uint64_t now_ns, uint64_t wall_ms)
{
	h->wall_ms_at_0 = (int64_t)wall_ms - (int64_t)(now_ns / MS_NS);
	for (uint16_t i = 0; i < h->hop_count; i++)
		if (h->hop[i].used)
			try_again(h, i, false, now_ns);
}

/* ---- asking ---- */

bool health_usable(const struct health *h, uint16_t slot)
{
	switch ((enum kedge_hop_state)hop_of(h, slot)->state) {
	case KEDGE_HOP_UNKNOWN:
	case KEDGE_HOP_UP:
	case KEDGE_HOP_DEGRADED:
	case KEDGE_HOP_TRIAL:
		return true;
	default:
		return false;
	}
}

enum kedge_hop_state health_trunk_state(const struct health *h, uint16_t trunk)
{
	/* Worst wins among the evidence of one hop; of several hops the best one carries the trunk. */
	static const uint8_t rank[KEDGE_HOP_STATE_COUNT] = {
		[KEDGE_HOP_UP] = 0,    [KEDGE_HOP_UNKNOWN] = 1, [KEDGE_HOP_DEGRADED] = 2,
		[KEDGE_HOP_TRIAL] = 3, [KEDGE_HOP_DOWN] = 4,    [KEDGE_HOP_LOCKED] = 5,
		[KEDGE_HOP_DRAINING] = 6, [KEDGE_HOP_OFF] = 7,
	};
	const struct health_trunk *t;
	enum kedge_hop_state best = KEDGE_HOP_DOWN;

	if (trunk >= HEALTH_TRUNKS)
		return best;
	t = &h->trunk[trunk];
	for (uint16_t i = 0; i < t->count; i++) {
		enum kedge_hop_state s = hop_of(h, t->hop[i])->state;

		if (i == 0 || rank[s] < rank[best])
			best = s;
	}
	return best;
}

uint64_t health_retry_ns(const struct health *h, uint16_t slot)
{
	const struct health_hop *p = hop_of(h, slot);

	return p->state == KEDGE_HOP_DOWN ? p->breaker.since_ns + open_ns(h, p) : 0;
}

bool health_is_silent(const struct health *h, uint16_t slot)
{
	const struct health_hop *p = hop_of(h, slot);

	return p->state == KEDGE_HOP_DOWN && p->reason == HEALTH_SILENT;
}

bool health_has_fault(const struct health *h, uint16_t slot)
{
	const struct health_hop *p = hop_of(h, slot);

	return p->state == KEDGE_HOP_DEGRADED && p->reason == HEALTH_FAULT;
}
