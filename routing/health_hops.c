// SPDX-License-Identifier: MIT
#include "routing/health_part.h"

#include <errno.h>
#include <string.h>

#include "routing/shm/seq.h"

#define RESTORED_NS (600 * HEALTH_SECOND_NS) /* a mark of the plane before lasts this long */

static void clear_counts(struct kedge_hop_count *c)
{
	_Atomic uint64_t *words = (_Atomic uint64_t *)c;

	for (size_t i = 0; i < sizeof(*c) / sizeof(*words); i++)
		atomic_store_explicit(&words[i], 0, memory_order_relaxed);
}

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
		    (addr ? same_hop(&id->addr, id->transport, addr, transport) : id->addr.family != 0))
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

bool health_in_trunk(const struct health *h, uint16_t slot)
{
	const struct health_hop *p = &h->hop[slot];
	const struct health_trunk *t;

	if (!hop_serves(p))
		return false;
	t = &h->trunk[p->trunk];
	for (uint16_t i = 0; i < t->count; i++)
		if (t->hop[i] == slot)
			return true;
	return false;
}

/* In turn, unless its name says something else. */
static void append(struct health *h, struct health_trunk *t, uint16_t slot)
{
	h->hop[slot].priority = t->count;
	h->hop[slot].weight = 1;
	t->hop[t->count++] = slot;
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
		.signs.used_ns = now_ns,
		.run = 1,
	};
	if (h->table)
		clear_counts(counts(h, slot));
	health_publish_id(h, slot);
	health_judge(h, slot, HEALTH_NONE, NULL, now_ns);
	health_publish(h, slot, now_ns);
}

/* Goes on with a slot of the plane before. */
static int adopt(struct health *h, uint16_t slot, uint16_t trunk, struct kedge_hop_id *id, uint64_t now_ns)
{
	struct kedge_hop_health line = { 0 };

	if (seq_read(&h->table[slot].health, &line) < 0)
		return -EBUSY;
	id->trunk = trunk;
	health_restore(h, slot, id, &line, now_ns);
	health_publish_id(h, slot);
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
	if (slot >= 0 && health_in_trunk(h, (uint16_t)slot))
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
	append(h, t, (uint16_t)slot);
	return slot;
}

void health_slot_free(struct health *h, uint16_t slot)
{
	struct kedge_hop_id none = { 0 };

	h->hop[slot].used = false;
	if (h->table)
		seq_write(&h->table[slot].id, &none);
}

void health_hop_drop(struct health *h, uint16_t slot, uint64_t now_ns)
{
	struct health_hop *p = hop_at(h, slot);
	struct health_trunk *t;
	uint16_t kept = 0;

	(void)now_ns;
	if (!hop_serves(p))
		return;
	t = &h->trunk[p->trunk];
	for (uint16_t i = 0; i < t->count; i++)
		if (t->hop[i] != slot)
			t->hop[kept++] = t->hop[i];
	t->count = kept;
	if (!p->calls)
		health_slot_free(h, slot);
}

/* What was taken over is judged by the evidence that is left of it: an order or a lock may have ended while nobody ran. */
void health_settle(struct health *h, uint64_t now_ns)
{
	for (uint16_t i = 0; i < h->hop_count; i++) {
		struct kedge_hop_id id = { 0 };

		if (h->hop[i].used)
			health_judge(h, i, HEALTH_CLEARED, NULL, now_ns);
		else if (h->table && seq_read(&h->table[i].id, &id) == 0 && id.generation)
			health_slot_free(h, i);
	}
}

static enum health_reason reason_of(const char *word)
{
	for (unsigned i = 0; i < HEALTH_REASON_COUNT; i++)
		if (!strncmp(word, health_reason_word(i), sizeof(((struct kedge_hop_health *)0)->reason)))
			return i;
	return HEALTH_NONE;
}

static uint64_t back_ns(uint64_t now_ns, uint64_t ns)
{
	return ns && ns < now_ns ? now_ns - ns : 0;
}

/* The step is begun anew. */
static void restore_trial(const struct health *h, struct health_hop *p, uint32_t share, uint64_t now_ns)
{
	const struct conf_ints *ramp = &conf_of(h, p)->breaker.ramp;

	p->breaker.state = BREAKER_TRIAL;
	p->breaker.since_ns = p->since_ns;
	p->breaker.step_ns = now_ns;
	while (p->breaker.step + 1 < ramp->count && ramp->v[p->breaker.step] < share)
		p->breaker.step++;
}

/* No longer than a new one: the wall clock may have been set back since. */
static uint64_t restored_lock(const struct health *h, const struct health_hop *p, uint64_t retry_wall_ms, uint64_t now_ns)
{
	uint64_t until_ns = mono_of(h, retry_wall_ms), most_ns = now_ns + conf_of(h, p)->retry_after_max_ms * MS_NS;

	return until_ns < most_ns ? until_ns : most_ns;
}

/* What stood when the line was written stands on: the breaker with its time, the lock, a mark. Of a mark its owner may
 * know nothing any more: it ends by itself. */
static void restore_evidence(struct health *h, struct health_hop *p, const struct kedge_hop_health *line, uint64_t now_ns)
{
	const struct health_rule *r = health_rule(p->reason);

	p->known = p->state != KEDGE_HOP_UNKNOWN;
	p->place = r->place;
	p->breaker.relapses = line->relapses;
	p->breaker.up_ns = line->relapses ? p->since_ns : 0;
	p->good_ns = back_ns(now_ns, (uint64_t)p->good_probes * conf_of(h, p)->probe.down_interval_ms * MS_NS);
	if (r->kind == HEALTH_KIND_TRIAL)
		restore_trial(h, p, line->share, now_ns);
	if (r->kind == HEALTH_KIND_BREAK) {
		struct breaker_rules rules = health_rules(h, p);

		p->breaker.state = BREAKER_DOWN;
		p->breaker.since_ns = p->since_ns;
		p->breaker.until_ns = p->since_ns + breaker_open_ns(&p->breaker, &rules);
		p->down_reason = p->reason;
		p->down_code = p->code;
	}
	if (r->kind == HEALTH_KIND_LOCK)
		p->lock_ns = restored_lock(h, p, line->retry_wall_ms, now_ns);
	if (r->kind != HEALTH_KIND_MARK)
		return;
	p->marks.set |= 1ULL << p->reason;
	p->marks.mark[p->reason] = (struct health_mark){ p->code, p->since_ns,
		p->reason == HEALTH_FAULT ? 0 : now_ns + RESTORED_NS };
}

void health_restore(struct health *h, uint16_t slot, const struct kedge_hop_id *id,
    const struct kedge_hop_health *line, uint64_t now_ns)
{
	uint64_t since_ns = mono_of(h, line->since_wall_ms);
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
		.since_ns = since_ns < now_ns ? since_ns : now_ns,
		.signs.used_ns = now_ns,
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
	restore_evidence(h, p, line, now_ns);
	t = &h->trunk[p->trunk];
	if (!health_in_trunk(h, slot) && t->count < HEALTH_TRUNK_HOPS)
		append(h, t, slot);
}

/* ---- a changed configuration ---- */

uint16_t health_trunk_of(const struct health *h, const struct conf *conf, uint16_t trunk)
{
	if (conf == h->conf)
		return trunk;
	return trunk < conf->trunks.count ? conf_trunk_find(h->conf, conf->trunks.v[trunk].name) : CONF_NONE;
}

/* to[i]: what trunk i of the old configuration is in the new one. */
static void move_trunks(struct health *h, const uint16_t *to)
{
	static struct health_trunk old[HEALTH_TRUNKS]; /* one thread; too large for a stack */

	memcpy(old, h->trunk, sizeof(old));
	memset(h->trunk, 0, sizeof(h->trunk));
	for (uint16_t i = 0; i < HEALTH_TRUNKS; i++)
		if (to[i] < HEALTH_TRUNKS)
			h->trunk[to[i]] = old[i];
}

static void move_hop(struct health *h, uint16_t slot, const uint16_t *to, uint64_t now_ns)
{
	struct health_hop *p = &h->hop[slot];

	p->trunk = hop_serves(p) ? to[p->trunk] : CONF_NONE;
	if (!hop_serves(p)) {
		if (!p->calls)
			health_slot_free(h, slot);
		return;
	}
	health_publish_id(h, slot);
	health_judge(h, slot, HEALTH_CLEARED, NULL, now_ns);
	health_publish(h, slot, now_ns);
}

void health_conf(struct health *h, const struct conf *conf, uint64_t now_ns)
{
	const struct conf *old = h->conf;
	uint16_t to[HEALTH_TRUNKS];

	for (uint16_t i = 0; i < HEALTH_TRUNKS; i++) {
		to[i] = i < old->trunks.count ? conf_trunk_find(conf, old->trunks.v[i].name) : CONF_NONE;
		if (to[i] >= HEALTH_TRUNKS)
			to[i] = CONF_NONE;
	}
	h->conf = conf;
	move_trunks(h, to);
	pace_move(&h->rings, to, HEALTH_TRUNKS);
	for (uint16_t slot = 0; slot < h->hop_count; slot++)
		if (h->hop[slot].used)
			move_hop(h, slot, to, now_ns);
}
