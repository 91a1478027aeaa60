// SPDX-License-Identifier: MIT
#include "routing/health_part.h"

#include <stdio.h>
#include <string.h>

#include "routing/shm/seq.h"

static const char *const state_words[] = {
#define S(x) [KEDGE_HOP_##x] = #x,
	KEDGE_HOP_STATES(S)
#undef S
};

static const struct health_rule table[] = {
#define R(id, word, kind, state, place, evidence, clears)                                          \
	[HEALTH_##id] = { word, HEALTH_KIND_##kind, KEDGE_HOP_##state, HEALTH_##place, evidence, clears },
	HEALTH_TABLE(R)
#undef R
};

const char *health_state_word(enum kedge_hop_state state)
{
	return state < KEDGE_HOP_STATE_COUNT ? state_words[state] : "?";
}

const struct health_rule *health_rule(enum health_reason reason)
{
	assert(reason < HEALTH_REASON_COUNT);
	return &table[reason];
}

const char *health_reason_word(enum health_reason reason)
{
	return reason < HEALTH_REASON_COUNT ? table[reason].word : "?";
}

bool health_answers(const struct health *h, const struct health_hop *p)
{
	return conf_of(h, p)->probe.method != CONF_PROBE_NONE && p->answers_probes;
}

/* ---- the trunk table ---- */

void health_publish(const struct health *h, uint16_t slot, uint64_t now_ns)
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
		.share = health_percent(h, slot),
		.relapses = p->breaker.relapses,
		.window_f = p->window_count,
	};
	uint64_t retry = health_retry_ns(h, slot);

	if (!h->table)
		return;
	if (retry)
		line.retry_wall_ms = wall_of(h, retry);
	strncpy(line.reason, health_reason_word(p->reason), sizeof(line.reason) - 1);
	seq_write(&h->table[slot].health, &line);
}

void health_publish_id(const struct health *h, uint16_t slot)
{
	const struct health_hop *p = &h->hop[slot];
	const struct conf_trunk *t;
	struct kedge_hop_id id = {
		.generation = p->generation,
		.trunk = p->trunk,
		.transport = p->transport,
		.addr = p->addr,
	};

	if (!h->table)
		return;
	t = conf_of(h, p);
	strncpy(id.trunk_name, t->name, sizeof(id.trunk_name) - 1);
	strncpy(id.carrier, t->carrier, sizeof(id.carrier) - 1);
	seq_write(&h->table[slot].id, &id);
}

/* ---- the worst wins ---- */

struct verdict {
	uint8_t state, reason, place;
	uint16_t code;
};

static uint16_t shown(uint32_t figure)
{
	return figure < UINT16_MAX ? (uint16_t)figure : UINT16_MAX;
}

/* Of two that weigh the same the one that is known already stays the reason. */
static void weigh(struct verdict *v, const struct health_hop *p, enum health_reason reason, uint32_t figure)
{
	const struct health_rule *r = &table[reason];
	bool other = r->state == v->state && (table[v->reason].kind == HEALTH_KIND_GOOD || reason == p->reason);

	if (r->place > v->place)
		v->place = r->place;
	if (r->state < v->state || (r->state == v->state && !other))
		return;
	v->state = r->state;
	v->reason = reason;
	v->code = shown(figure);
}

static void weigh_marks(struct verdict *v, const struct health_hop *p, const struct health_marks *marks)
{
	for (uint64_t set = marks->set; set; set &= set - 1) {
		unsigned i = (unsigned)__builtin_ctzll(set);

		weigh(v, p, i, marks->mark[i].figure);
	}
}

/* In TRIAL the call's luck says where it stands; one that only waits for its hour is as good as the others, but not first. */
static void weigh_breaker(struct verdict *v, const struct health *h, const struct health_hop *p)
{
	struct breaker_rules rules = health_rules(h, p);
	uint8_t place = v->place;

	if (p->breaker.state == BREAKER_UP)
		return;
	if (p->breaker.state == BREAKER_TRIAL)
		weigh(v, p, HEALTH_TRIAL, breaker_share(&p->breaker, &rules));
	else
		weigh(v, p, p->down_reason, p->down_code);
	if (p->breaker.state == BREAKER_TRIAL)
		v->place = place;
	else if (p->waits)
		v->place = place > HEALTH_BEHIND ? place : HEALTH_BEHIND;
}

static const uint8_t operator_reason[] = {
	[HEALTH_DOWN] = HEALTH_OPERATOR_OFF,
	[HEALTH_DRAIN] = HEALTH_OPERATOR_DRAIN,
	[HEALTH_UP] = HEALTH_OPERATOR_UP,
};

static struct verdict verdict_of(const struct health *h, const struct health_hop *p, enum health_reason good)
{
	const struct health_trunk *t = &h->trunk[p->trunk];
	struct verdict v = { p->known ? KEDGE_HOP_UP : KEDGE_HOP_UNKNOWN, good, HEALTH_FIRST, 0 };

	if (!conf_of(h, p)->enabled) /* as if it were not there, but for calls that are up */
		weigh(&v, p, p->calls ? HEALTH_DISABLED_DRAIN : HEALTH_DISABLED, 0);
	else if (t->operator.mode == HEALTH_UP)
		return (struct verdict){ KEDGE_HOP_UP, HEALTH_OPERATOR_UP, HEALTH_FIRST, 0 };
	if (t->operator.mode != HEALTH_AUTO)
		weigh(&v, p, operator_reason[t->operator.mode], 0);
	if (p->lock_ns)
		weigh(&v, p, HEALTH_RETRY_AFTER, 0);
	weigh_breaker(&v, h, p);
	weigh_marks(&v, p, &p->marks);
	weigh_marks(&v, p, &t->marks);
	return v;
}

static uint32_t hold_ms(const struct health *h, uint16_t slot, uint64_t now_ns)
{
	uint64_t retry = health_retry_ns(h, slot);

	return retry > now_ns ? (uint32_t)((retry - now_ns) / MS_NS) : 0;
}

static void enter(struct health *h, uint16_t slot, const struct verdict *v, const char *evidence, uint64_t now_ns)
{
	struct health_hop *p = &h->hop[slot];
	struct health_change change = {
		.slot = slot,
		.trunk = p->trunk,
		.from = p->state,
		.to = v->state,
		.reason = v->reason,
		.code = v->code,
		.evidence = evidence ? evidence : table[v->reason].evidence,
	};

	p->state = v->state;
	p->reason = v->reason;
	p->code = v->code;
	p->since_ns = now_ns;
	change.hold_ms = hold_ms(h, slot, now_ns);
	health_why(h, slot, change.why);
	health_clears(h, slot, change.clears);
	if (counts(h, slot))
		count(&counts(h, slot)->entered[v->state], 1);
	if (h->changed) /* who keeps a history has it before anybody sees the state */
		h->changed(h->ctx, &change);
	health_publish(h, slot, now_ns);
}

void health_judge(
    struct health *h, uint16_t slot, enum health_reason good, const char *evidence, uint64_t now_ns)
{
	struct health_hop *p = &h->hop[slot];
	struct verdict v;

	if (!hop_serves(p))
		return;
	v = verdict_of(h, p, good);
	p->place = v.place;
	if (v.state != p->state) {
		enter(h, slot, &v, evidence, now_ns);
		return;
	}
	if (v.reason == good && table[p->reason].kind == HEALTH_KIND_GOOD)
		return;
	p->reason = v.reason;
	p->code = v.code;
}

/* ---- asking ---- */

uint8_t health_percent(const struct health *h, uint16_t slot)
{
	const struct health_hop *p = hop_of(h, slot);
	struct breaker_rules rules;

	if (p->place >= HEALTH_LAST || !hop_serves(p))
		return 0;
	if (p->state != KEDGE_HOP_TRIAL)
		return 100;
	rules = health_rules(h, p);
	return breaker_share(&p->breaker, &rules);
}

/* Of 100 calls so many; another hop has other luck with the same call. */
static bool has_luck(uint32_t random, uint16_t slot, uint8_t percent)
{
	uint32_t x = (random ^ slot * 0x9e3779b9u) * 0x85ebca6bu;

	x ^= x >> 13;
	x *= 0xc2b2ae35u;
	return (x ^ x >> 16) % 100 < percent;
}

enum health_place health_place(const struct health *h, uint16_t slot, uint32_t random)
{
	const struct health_hop *p = hop_of(h, slot);

	if (p->state != KEDGE_HOP_TRIAL || p->place != HEALTH_FIRST)
		return p->place;
	return has_luck(random, slot, health_percent(h, slot)) ? HEALTH_FIRST : HEALTH_BEHIND;
}

bool health_may_take(const struct health *h, uint16_t slot, uint32_t random)
{
	return health_place(h, slot, random) == HEALTH_FIRST;
}

bool health_usable(const struct health *h, uint16_t slot)
{
	return hop_of(h, slot)->place <= HEALTH_BEHIND;
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

	if (p->state == KEDGE_HOP_LOCKED)
		return p->lock_ns;
	if (p->state == KEDGE_HOP_DOWN && p->breaker.state == BREAKER_DOWN && hop_serves(p))
		return health_ready_ns(h, p);
	return 0;
}

uint64_t health_quiet_ns(const struct health *h, uint16_t slot)
{
	return hop_of(h, slot)->lock_ns;
}

bool health_is_silent(const struct health *h, uint16_t slot)
{
	const struct health_hop *p = hop_of(h, slot);

	return p->state == KEDGE_HOP_DOWN && p->reason == HEALTH_SILENT;
}

bool health_has_fault(const struct health *h, uint16_t slot)
{
	return health_marked(h, slot, HEALTH_FAULT);
}

const char *health_why(const struct health *h, uint16_t slot, char buf[static HEALTH_WHY])
{
	const struct health_hop *p = hop_of(h, slot);
	const char *word = health_reason_word(p->reason);

	if (health_rule(p->reason)->kind == HEALTH_KIND_OPER && hop_serves(p))
		snprintf(buf, HEALTH_WHY, "%s:%s", word, h->trunk[p->trunk].operator.name);
	else if (p->reason == HEALTH_MOS)
		snprintf(buf, HEALTH_WHY, "%s:%u.%u", word, p->code / 10, p->code % 10);
	else if (p->code)
		snprintf(buf, HEALTH_WHY, "%s%c%u", word, p->reason == HEALTH_OPTIONS_CODE ? '_' : ':', p->code);
	else
		snprintf(buf, HEALTH_WHY, "%s", word);
	return buf;
}

const char *health_clears(const struct health *h, uint16_t slot, char buf[static HEALTH_CLEARS])
{
	const struct health_hop *p = hop_of(h, slot);
	const struct health_rule *r = health_rule(p->reason);
	struct breaker_rules rules;
	const struct conf_trunk *t;
	unsigned open, uptime;

	snprintf(buf, HEALTH_CLEARS, "%s", r->clears);
	if (r->kind != HEALTH_KIND_BREAK || !hop_serves(p))
		return buf;
	t = conf_of(h, p);
	rules = health_rules(h, p);
	open = (unsigned)((p->breaker.until_ns - p->breaker.since_ns) / HEALTH_SECOND_NS);
	uptime = (unsigned)(breaker_uptime_ns(&p->breaker, &rules) / HEALTH_SECOND_NS);
	if (p->waits)
		snprintf(buf, HEALTH_CLEARS, "the operator's failback%s%s", *t->breaker.failback_window ? ", or the time " : "",
		    t->breaker.failback == CONF_FAILBACK_AUTO ? t->breaker.failback_window : "");
	else if (!health_answers(h, p) || p->reason == HEALTH_INVITE_SILENT)
		snprintf(buf, HEALTH_CLEARS, "%us, then calls that ring", open);
	else
		snprintf(buf, HEALTH_CLEARS, "%us, and %u good probes over %us%s", open, t->probe.up, uptime,
		    p->reason == HEALTH_SILENT && p->blip ? ", or anything heard within 5s" : "");
	return buf;
}

#define NEVER_HEARD "never heard; its hold is over, calls may try it"

void health_look(const struct health *h, uint16_t slot, struct health_look *look)
{
	const struct health_hop *p = hop_of(h, slot);
	uint64_t retry = health_retry_ns(h, slot);

	*look = (struct health_look){
		.state = p->state,
		.reason = p->reason,
		.code = p->code,
		.percent = health_percent(h, slot),
		.step = p->breaker.state == BREAKER_TRIAL ? p->breaker.step + 1 : 0,
		.steps = p->breaker.state == BREAKER_TRIAL && hop_serves(p) ? conf_of(h, p)->breaker.ramp.count : 0,
		.relapses = p->breaker.relapses,
		.waits_for_failback = p->waits,
		.since_wall_ms = wall_of(h, p->since_ns),
		.retry_wall_ms = retry ? wall_of(h, retry) : 0,
	};
	look->evidence = look->state == KEDGE_HOP_TRIAL && !p->last_heard_ns ? NEVER_HEARD : table[p->reason].evidence;
	health_why(h, slot, look->why);
	health_clears(h, slot, look->clears);
}
