// SPDX-License-Identifier: MIT
#include "routing/health_part.h"

/* ---- marks ---- */

static void set_mark(struct health_marks *m, enum health_reason mark, uint32_t figure, uint64_t until_ns, uint64_t now_ns)
{
	assert(health_rule(mark)->kind == HEALTH_KIND_MARK);
	if (!(m->set & 1ULL << mark))
		m->mark[mark].since_ns = now_ns;
	m->set |= 1ULL << mark;
	m->mark[mark].figure = figure;
	m->mark[mark].until_ns = until_ns;
}

static bool clear_mark(struct health_marks *m, enum health_reason mark)
{
	bool stood = m->set & 1ULL << mark;

	m->set &= ~(1ULL << mark);
	return stood;
}

/* True if some ended. */
static bool expire(struct health_marks *m, uint64_t now_ns)
{
	uint64_t before = m->set;

	for (uint64_t set = m->set; set; set &= set - 1) {
		unsigned i = (unsigned)__builtin_ctzll(set);

		if (m->mark[i].until_ns && now_ns >= m->mark[i].until_ns)
			clear_mark(m, i);
	}
	return m->set != before;
}

static void judge_trunk(struct health *h, uint16_t trunk, enum health_reason good, uint64_t now_ns)
{
	const struct health_trunk *t = &h->trunk[trunk];

	for (uint16_t i = 0; i < t->count; i++) {
		health_judge(h, t->hop[i], good, NULL, now_ns);
		health_publish(h, t->hop[i], now_ns);
	}
}

void health_mark(
    struct health *h, uint16_t slot, enum health_reason mark, uint32_t figure, uint64_t until_ns, uint64_t now_ns)
{
	health_mark_told(h, slot, mark, figure, until_ns, NULL, now_ns);
}

void health_mark_told(struct health *h, uint16_t slot, enum health_reason mark, uint32_t figure, uint64_t until_ns, const char *evidence,
    uint64_t now_ns)
{
	set_mark(&hop_at(h, slot)->marks, mark, figure, until_ns, now_ns);
	health_judge(h, slot, HEALTH_NONE, evidence, now_ns);
	health_publish(h, slot, now_ns);
}

void health_clear_mark(struct health *h, uint16_t slot, enum health_reason mark, uint64_t now_ns)
{
	if (!clear_mark(&hop_at(h, slot)->marks, mark))
		return;
	health_judge(h, slot, HEALTH_CLEARED, NULL, now_ns);
	health_publish(h, slot, now_ns);
}

bool health_marked(const struct health *h, uint16_t slot, enum health_reason mark)
{
	const struct health_hop *p = hop_of(h, slot);
	uint64_t trunk = hop_serves(p) ? h->trunk[p->trunk].marks.set : 0;

	return (p->marks.set | trunk) & 1ULL << mark;
}

void health_mark_trunk(
    struct health *h, uint16_t trunk, enum health_reason mark, uint32_t figure, uint64_t until_ns, uint64_t now_ns)
{
	assert(trunk < HEALTH_TRUNKS);
	set_mark(&h->trunk[trunk].marks, mark, figure, until_ns, now_ns);
	judge_trunk(h, trunk, HEALTH_NONE, now_ns);
}

/* A plane before this one published it at each hop: there it goes too. */
void health_clear_trunk(struct health *h, uint16_t trunk, enum health_reason mark, uint64_t now_ns)
{
	bool stood;

	assert(trunk < HEALTH_TRUNKS);
	stood = clear_mark(&h->trunk[trunk].marks, mark);
	for (uint16_t i = 0; i < h->trunk[trunk].count; i++)
		stood |= clear_mark(&h->hop[h->trunk[trunk].hop[i]].marks, mark);
	if (stood)
		judge_trunk(h, trunk, HEALTH_CLEARED, now_ns);
}

/* ---- locks ---- */

static bool locks_all(const struct health *h, const struct health_hop *p)
{
	const struct conf_trunk *t = conf_of(h, p);

	if (t->retry_after_scope != CONF_LOCK_AUTO)
		return t->retry_after_scope == CONF_LOCK_TRUNK;
	return !h->trunk[p->trunk].several_hosts && t->hops.count <= 1;
}

static void lock_hop(struct health *h, uint16_t slot, uint64_t until_ns, uint64_t now_ns)
{
	struct health_hop *p = &h->hop[slot];

	if (until_ns > p->lock_ns)
		p->lock_ns = until_ns;
	health_judge(h, slot, HEALTH_NONE, NULL, now_ns);
	health_publish(h, slot, now_ns);
}

uint64_t health_lock(struct health *h, uint16_t slot, uint32_t seconds, uint64_t now_ns)
{
	struct health_hop *p = hop_at(h, slot);
	uint64_t most_ns, until_ns;

	if (!hop_serves(p) || !seconds)
		return 0;
	most_ns = conf_of(h, p)->retry_after_max_ms * MS_NS;
	if (!most_ns)
		return 0;
	until_ns = now_ns + (seconds * HEALTH_SECOND_NS < most_ns ? seconds * HEALTH_SECOND_NS : most_ns);
	if (!locks_all(h, p)) {
		lock_hop(h, slot, until_ns, now_ns);
		return p->lock_ns;
	}
	for (uint16_t i = 0; i < h->trunk[p->trunk].count; i++)
		lock_hop(h, h->trunk[p->trunk].hop[i], until_ns, now_ns);
	return p->lock_ns;
}

void health_several_hosts(struct health *h, uint16_t trunk, bool several)
{
	assert(trunk < HEALTH_TRUNKS);
	h->trunk[trunk].several_hosts = several;
}

static void unlock(struct health *h, uint16_t slot, uint64_t now_ns)
{
	h->hop[slot].lock_ns = 0;
	health_judge(h, slot, HEALTH_LOCK_OVER, NULL, now_ns);
	health_publish(h, slot, now_ns);
}

void health_lock_proven(struct health *h, uint16_t slot, uint64_t now_ns)
{
	const struct health_hop *p = &h->hop[slot];

	if (p->lock_ns && now_ns >= p->lock_ns)
		unlock(h, slot, now_ns);
}

/* ---- the operator ---- */

void health_operator(struct health *h, uint16_t trunk, const struct health_operator *o, uint64_t now_ns)
{
	assert(trunk < HEALTH_TRUNKS);
	h->trunk[trunk].operator = *o;
	judge_trunk(h, trunk, HEALTH_OPERATOR_AUTO, now_ns);
}

unsigned health_failback(struct health *h, uint16_t trunk, uint64_t now_ns)
{
	const struct health_trunk *t = &h->trunk[trunk];
	unsigned back = 0;

	assert(trunk < HEALTH_TRUNKS);
	for (uint16_t i = 0; i < t->count; i++) {
		struct health_hop *p = &h->hop[t->hop[i]];

		if (p->breaker.state != BREAKER_DOWN || !p->waits)
			continue;
		p->let_back = true;
		health_try_again(h, t->hop[i], now_ns);
		back += p->breaker.state != BREAKER_DOWN;
	}
	return back;
}

void health_operators_tick(struct health *h, uint64_t now_ns)
{
	uint64_t wall_ms = wall_of(h, now_ns);

	for (uint16_t i = 0; i < h->conf->trunks.count && i < HEALTH_TRUNKS; i++) {
		struct health_operator *o = &h->trunk[i].operator;

		if (expire(&h->trunk[i].marks, now_ns))
			judge_trunk(h, i, HEALTH_CLEARED, now_ns);
		if (o->mode == HEALTH_AUTO || !o->until_wall_ms || wall_ms < o->until_wall_ms)
			continue;
		*o = (struct health_operator){ .mode = HEALTH_AUTO };
		judge_trunk(h, i, HEALTH_OPERATOR_AUTO, now_ns);
	}
}

void health_marks_tick(struct health *h, uint16_t slot, uint64_t now_ns)
{
	struct health_hop *p = &h->hop[slot];

	/* Where probes tell something the lock waits for a good one. */
	if (p->lock_ns && now_ns >= p->lock_ns && !health_answers(h, p))
		unlock(h, slot, now_ns);
	if (expire(&p->marks, now_ns))
		health_judge(h, slot, HEALTH_CLEARED, NULL, now_ns);
}
