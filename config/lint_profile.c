// SPDX-License-Identifier: MIT
/* What is asked of a profile: do its targets fail one by one, can those behind the first carry its calls, is there time for the
 * last one; and of emergency numbers. */
#include "config/load.h"

#include <string.h>
#include <sys/socket.h>

#include "config/value.h"

#define LAST_MS 15000 /* a trunk that is tried last needs this long to ring: routes abroad take 8 to 15 s */

#define TEXT(ms) value_ms_text(ms, (char[VALUE_TEXT]){ 0 })

/* The trunk of a target that may be tried, NULL for others. */
static const struct conf_trunk *target_trunk(const struct load *l, const struct conf_profile *p, uint16_t i)
{
	const struct conf_target *t = &p->targets.v[i];

	return t->enabled && t->trunk != CONF_NONE ? &l->c->trunks.v[t->trunk] : NULL;
}

/* ---- shared fate ---------------------------------------------------------------------------- */

static bool is_loopback(const struct conf_addr *a)
{
	static const uint8_t one[16] = { [15] = 1 };

	return a->family == AF_INET ? a->ip[0] == 127 : !memcmp(a->ip, one, sizeof(one));
}

/* All hops of both trunks in one network, a /24 or a /64? Loopback is for tests. */
static bool same_net(const struct conf_trunk *a, const struct conf_trunk *b)
{
	for (uint16_t i = 0; i < a->hops.count; i++)
		for (uint16_t k = 0; k < b->hops.count; k++) {
			const struct conf_addr *x = &a->hops.v[i].addr, *y = &b->hops.v[k].addr;

			if (!x->family || x->family != y->family || is_loopback(x) || memcmp(x->ip, y->ip, x->family == AF_INET ? 3 : 8))
				return false;
		}
	return a->hops.count && b->hops.count;
}

static const char *next_name(const struct conf_trunk *t)
{
	const struct conf_uri *u = t->outbound_proxy.host ? &t->outbound_proxy : &t->uri;

	return !t->hops.count && u->host ? u->host : "";
}

static bool same_text(const char *a, const char *b)
{
	return *a && !strcmp(a, b);
}

/* One carrier's outage must not be everyone's, nor that of one site, network or name: only where carriers are called. */
void load_lint_fate(struct load *l, const struct conf_profile *p)
{
	const struct conf_trunk *first = NULL;
	bool carrier = true, pop = true, net = true, name = true;
	unsigned enabled = 0;

	for (uint16_t i = 0; i < p->targets.count; i++) {
		const struct conf_trunk *k = target_trunk(l, p, i);

		if (!k || k->side != CONF_SIDE_CARRIER)
			continue;
		if (enabled++ == 0) {
			first = k;
			continue;
		}
		carrier &= same_text(first->carrier, k->carrier);
		pop &= same_text(first->pop, k->pop);
		net &= same_net(first, k);
		name &= same_text(next_name(first), next_name(k));
	}
	if (enabled == 1)
		load_warn(l, p->where, "profile \"%s\": only one carrier trunk: nothing to fail over to", p->name);
	if (enabled < 2)
		return;
	if (carrier)
		load_warn(l, p->where, "profile \"%s\": all its trunks are of carrier \"%s\" and share its fate", p->name, first->carrier);
	if (pop)
		load_warn(l, p->where, "profile \"%s\": all its trunks end at pop \"%s\" and share its fate", p->name, first->pop);
	if (net)
		load_warn(l, p->where, "profile \"%s\": all its trunks are in one network, that of %s", p->name, first->hops.v[0].host);
	if (name)
		load_warn(l, p->where, "profile \"%s\": all its trunks are found by one name, \"%s\"", p->name, next_name(first));
}

/* ---- capacity ------------------------------------------------------------------------------- */

uint64_t conf_room(const struct conf *c, const struct conf_profile *p, bool first)
{
	uint64_t sum = 0;
	bool seen = false;

	for (uint16_t i = 0; i < p->targets.count; i++) {
		const struct conf_target *t = &p->targets.v[i];
		uint32_t calls = t->enabled && t->trunk != CONF_NONE ? c->trunks.v[t->trunk].max_calls : 0;

		if (!t->enabled || t->trunk == CONF_NONE)
			continue;
		if (first != seen)
			sum += calls < c->limits.max_calls ? calls : c->limits.max_calls;
		seen = true;
	}
	return sum;
}

/* Calls a second of a trunk; one without a limit takes any number. */
static uint64_t cps_behind(const struct load *l, const struct conf_profile *p, const struct conf_trunk **first)
{
	uint64_t sum = 0;

	*first = NULL;
	for (uint16_t i = 0; i < p->targets.count; i++) {
		const struct conf_trunk *k = target_trunk(l, p, i);

		if (k && *first)
			sum += k->max_cps ? k->max_cps : UINT32_MAX;
		*first = *first ? *first : k;
	}
	return sum;
}

/* On the day it is needed, and with the callers who dial again, the backups carry all that the first one did. */
void load_lint_capacity(struct load *l, const struct conf_profile *p)
{
	uint64_t rest = conf_room(l->c, p, false), whole = conf_room(l->c, p, true), cps;
	const struct conf_trunk *first;

	cps = cps_behind(l, p, &first);
	if (rest && rest < whole)
		load_warn(l, p->where, "profile \"%s\": its first trunk carries %llu calls, the others together %llu: max_calls too small for the day they are needed",
			p->name, (unsigned long long)whole, (unsigned long long)rest);
	if (first && first->max_cps && cps && cps < first->max_cps)
		load_warn(l, p->where, "profile \"%s\": its first trunk takes %u calls a second, the others together %llu: max_cps too small for the day they are needed",
			p->name, first->max_cps, (unsigned long long)cps);
}

/* ---- time ----------------------------------------------------------------------------------- */

void load_lint_time(struct load *l, const struct conf_profile *p)
{
	const struct conf_retry_same *r = &p->retry_same;
	uint64_t waits = 0;
	unsigned tries = 0;

	for (uint16_t i = 0; i < p->targets.count && tries <= p->max_retries; i++) {
		const struct conf_trunk *k = target_trunk(l, p, i);
		const struct conf_target *last = NULL;

		for (uint16_t n = i + 1; k && n < p->targets.count && tries < p->max_retries; n++)
			last = target_trunk(l, p, n) ? &p->targets.v[n] : last;
		if (k && last)
			waits += tries ? k->timers.progress_failover_ms : k->timers.progress_ms;
		tries += k != NULL;
	}
	if (p->setup_budget_ms < waits + LAST_MS)
		load_warn(l, load_where(l, &p->setup_budget_ms, p->where), "profile \"%s\".setup_budget: \"%s\" leaves its last target less than 15s", p->name,
			TEXT(p->setup_budget_ms));
	if (r->max && r->max_delay_ms >= p->setup_budget_ms)
		load_error(l, load_where(l, &r->max_delay_ms, p->where), "profile \"%s\".retry_same.max_delay: \"%s\" is not shorter than setup_budget \"%s\"",
			p->name, TEXT(r->max_delay_ms), TEXT(p->setup_budget_ms));
	if (r->max && r->base_ms > r->max_delay_ms)
		load_warn(l, load_where(l, &r->base_ms, p->where), "profile \"%s\".retry_same.base: \"%s\" is longer than max_delay \"%s\"", p->name,
			TEXT(r->base_ms), TEXT(r->max_delay_ms));
}

/* ---- emergency ------------------------------------------------------------------------------ */

static const char *plain(const char *number)
{
	return number + (*number == '+');
}

/* Does the route take the number, by its did or prefix? */
static bool takes(const struct conf_route *r, const char *number)
{
	if (*r->did)
		return !strcmp(plain(r->did), plain(number));
	return !strncmp(plain(r->prefix), plain(number), strlen(plain(r->prefix)));
}

bool load_is_emergency(const struct load *l, const char *number)
{
	for (uint16_t i = 0; i < l->c->emergency.count; i++)
		if (*number && !strcmp(plain(l->c->emergency.v[i]), plain(number)))
			return true;
	return false;
}

static void emergency_profile(struct load *l, struct conf_where w, const char *number, const struct conf_route *taken)
{
	const struct conf_profile *p = &l->c->profiles.v[taken->profile];

	for (uint16_t i = 0; i < l->c->routes.count; i++) {
		const struct conf_route *r = &l->c->routes.v[i];

		if (r->profile != taken->profile || load_is_emergency(l, *r->did ? r->did : r->prefix))
			continue;
		load_warn(l, w, "emergency: \"%s\" goes by profile \"%s\" like ordinary calls (route \"%s\"): give it one of its own", number, p->name,
			r->name);
		return;
	}
}

static void emergency_number(struct load *l, struct conf_where w, const char *number)
{
	const struct conf_route *best = NULL;

	if (!*plain(number) || strspn(plain(number), "0123456789*#") != strlen(plain(number))) {
		load_error(l, w, "emergency: expected numbers, [ \"112\", \"911\" ], got \"%s\"", number);
		return;
	}
	for (uint16_t i = 0; i < l->c->routes.count; i++) {
		const struct conf_route *r = &l->c->routes.v[i];

		if (r->profile != CONF_NONE && takes(r, number) && (!best || *r->did || strlen(r->prefix) > strlen(best->prefix)))
			best = r;
	}
	if (best)
		emergency_profile(l, w, number, best);
	else
		load_error(l, w, "emergency: no route takes \"%s\": write one, { did = \"%s\"; profile = \"emergency\"; }", number, number);
}

void load_lint_emergency(struct load *l)
{
	const struct conf_strings *e = &l->c->emergency;
	struct conf_where w = load_where(l, e, l->c->where);

	for (uint16_t i = 0; i < e->count; i++)
		emergency_number(l, w, e->v[i]);
}
