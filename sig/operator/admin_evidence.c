// SPDX-License-Identifier: MIT
/* /v1/health: can calls be carried, and all that is known for and against each hop. status: OK; WARNING: a trunk is out, or carries less than
 * it should, and no operator said so; CRITICAL: a route leads nowhere. */
#include <stdio.h>
#include <string.h>

#include "routing/health.h"
#include "sig/operator/admin.h"
#include "sig/operator/admin_json.h"
#include "sig/operator/operator.h"

#define NS_PER_MS 1000000ULL

static uint64_t wall_of(const struct health *h, uint64_t mono_ns)
{
	return mono_ns ? (uint64_t)(h->wall_ms_at_0 + (int64_t)(mono_ns / NS_PER_MS)) : 0;
}

/* ---- one hop -------------------------------------------------------------------------------- */

/* clears: where the table has no words, NULL: it has. */
static void add_evidence(json_t *list, enum health_reason reason, uint32_t figure, const char *clears, json_t *since, json_t *until)
{
	const struct health_rule *r = health_rule(reason);

	json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:I, s:s, s:o, s:o}", "reason", r->word, "state", health_state_word(r->state), "evidence",
	    r->evidence, "figure", (json_int_t)figure, "cleared_by", clears ? clears : r->clears, "since", since, "until", until));
}

static void add_marks(json_t *list, const struct health *h, const struct health_marks *m)
{
	for (unsigned i = 0; i < HEALTH_REASON_COUNT; i++)
		if (m->set & 1ULL << i)
			add_evidence(list, i, m->mark[i].figure, NULL, admin_time(wall_of(h, m->mark[i].since_ns)), admin_time(wall_of(h, m->mark[i].until_ns)));
}

/* Every evidence that stands against it, the worst is its state's. */
static json_t *standing(const struct health *h, const struct health_hop *p, const struct health_trunk *t, const struct health_look *look)
{
	static const uint8_t by_mode[] = { [HEALTH_DOWN] = HEALTH_OPERATOR_OFF, [HEALTH_DRAIN] = HEALTH_OPERATOR_DRAIN, [HEALTH_UP] = HEALTH_OPERATOR_UP };
	json_t *list = json_array();

	if (t->operator.mode != HEALTH_AUTO)
		add_evidence(list, by_mode[t->operator.mode], 0, NULL, admin_time(t->operator.since_wall_ms), admin_time(t->operator.until_wall_ms));
	if (p->lock_ns)
		add_evidence(list, HEALTH_RETRY_AFTER, 0, NULL, json_null(), admin_time(wall_of(h, p->lock_ns)));
	if (p->breaker.state != BREAKER_UP)
		add_evidence(list, p->down_reason, p->down_code, p->reason == p->down_reason ? look->clears : p->last_heard_ns ? "its hold is over and good probes" : look->evidence, admin_time(wall_of(h, p->breaker.since_ns)), json_null());
	add_marks(list, h, &p->marks);
	add_marks(list, h, &t->marks);
	return list;
}

static json_t *hop_json(const struct admin_request *r, uint16_t slot)
{
	const struct health *h = r->health;
	const struct health_hop *p = &h->hop[slot];
	struct conf_addr addr = { .family = p->addr.family, .port = p->addr.port };
	struct health_look look;
	char text[CONF_ADDR_TEXT];
	json_t *o = json_object();

	memcpy(addr.ip, p->addr.ip, sizeof(addr.ip));
	health_look(h, slot, &look);
	admin_put(o, "address", json_string(conf_addr_text(&addr, text)));
	admin_put(o, "transport", json_string(p->transport == CONF_TCP ? "tcp" : "udp"));
	admin_put(o, "state", json_string(health_state_word(look.state)));
	ADMIN_PUT_TEXT(o, "why", look.why);
	ADMIN_PUT_TEXT(o, "clears", look.clears);
	admin_put_int(o, "percent", look.percent);
	admin_put_since(o, "since", "since_ms_ago", look.since_wall_ms, r->wall_ms);
	admin_put(o, "retry", admin_time(look.retry_wall_ms));
	admin_put_int(o, "relapses", look.relapses);
	admin_put(o, "standing", standing(h, p, &h->trunk[p->trunk], &look));
	admin_put_int(o, "consecutive_failures", p->consecutive);
	admin_put_int(o, "unanswered", p->unheard);
	admin_put_int(o, "unreached", p->unreached);
	admin_put_int(o, "refusals", p->faults);
	admin_put_int(o, "probes_missed", p->misses);
	admin_put_int(o, "good_probes", p->good_probes);
	admin_put(o, "answers_probes", json_boolean(p->answers_probes));
	admin_put_int(o, "probe_rtt_us", p->probe_rtt_us);
	admin_put_int(o, "first_reply_us", p->reply.ewma_us);
	admin_put_int(o, "pdd_ms", p->pdd_ewma_ms);
	admin_put(o, "last_success", admin_time(wall_of(h, p->last_success_ns)));
	admin_put(o, "last_failure", admin_time(wall_of(h, p->last_fail_ns)));
	admin_put(o, "last_heard", admin_time(wall_of(h, p->last_heard_ns)));
	admin_put_int(o, "calls", p->calls);
	return o;
}

/* ---- the whole ------------------------------------------------------------------------------ */

struct verdict {
	const char *status;
	char why[512];
};

static bool is_usable(const struct health *h, uint16_t trunk)
{
	const struct health_trunk *t = &h->trunk[trunk];

	for (uint16_t i = 0; i < t->count; i++)
		if (health_usable(h, t->hop[i]))
			return true;
	return false;
}

static bool leads_somewhere(const struct health *h, const struct conf_profile *p)
{
	for (uint16_t i = 0; i < p->targets.count; i++)
		if (p->targets.v[i].enabled && is_usable(h, p->targets.v[i].trunk))
			return true;
	return false;
}

static void say(struct verdict *v, const char *status, const char *format, const char *name, const char *more)
{
	size_t n = strlen(v->why);

	v->status = status;
	n += (size_t)snprintf(v->why + n, sizeof(v->why) - n, "%s", n ? ", " : "");
	if (n < sizeof(v->why))
		snprintf(v->why + n, sizeof(v->why) - n, format, name, more);
}

static void judge_routes(const struct health *h, struct verdict *v)
{
	for (uint16_t i = 0; i < h->conf->routes.count; i++) {
		const struct conf_route *route = &h->conf->routes.v[i];
		const struct conf_profile *p = &h->conf->profiles.v[route->profile];

		if (!leads_somewhere(h, p))
			say(v, "CRITICAL", "route %s leads nowhere: no trunk of profile %s may carry calls", route->name, p->name);
	}
}

static bool is_well(const struct health *h, uint16_t trunk)
{
	enum kedge_hop_state state = health_trunk_state(h, trunk);
	const struct conf_trunk *t = &h->conf->trunks.v[trunk];

	return t->gone || !t->enabled || state == KEDGE_HOP_UP || state == KEDGE_HOP_UNKNOWN || h->trunk[trunk].operator.mode != HEALTH_AUTO;
}

static void judge_trunks(const struct health *h, struct verdict *v)
{
	for (uint16_t i = 0; i < h->conf->trunks.count && i < HEALTH_TRUNKS; i++)
		if (!is_well(h, i))
			say(v, "WARNING", "%s is %s", h->conf->trunks.v[i].name, health_state_word(health_trunk_state(h, i)));
}

static json_t *trunk_json(const struct admin_request *r, uint16_t index)
{
	const struct health_trunk *t = &r->health->trunk[index];
	json_t *hops = json_array(), *standing_here = json_array(); /* of the trunk: of each of its hops too */

	for (uint16_t i = 0; i < t->count; i++)
		json_array_append_new(hops, hop_json(r, t->hop[i]));
	add_marks(standing_here, r->health, &t->marks);
	return json_pack("{s:s, s:s, s:s, s:o, s:o}", "trunk", r->conf->trunks.v[index].name, "state", health_state_word(health_trunk_state(r->health, index)),
	    "operator", operator_word(t->operator.mode), "standing", standing_here, "hops", hops);
}

struct admin_answer admin_verdict(const struct admin_request *r)
{
	struct verdict v = { .status = "OK" };
	json_t *trunks = json_array();

	admin_health(r);
	judge_routes(r->health, &v);
	if (!strcmp(v.status, "OK"))
		judge_trunks(r->health, &v);
	for (uint16_t i = 0; i < r->conf->trunks.count && i < HEALTH_TRUNKS; i++)
		if (!r->conf->trunks.v[i].gone)
			json_array_append_new(trunks, trunk_json(r, i));
	return admin_json(json_pack("{s:s, s:s, s:I, s:o}", "status", v.status, "why", v.why, "generation", (json_int_t)r->conf->generation, "trunks", trunks));
}
