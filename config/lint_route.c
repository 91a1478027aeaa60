// SPDX-License-Identifier: MIT
/* Which calls go where: routes, the numbers that kedge answers itself, profiles that nothing leads to. */
#include "config/load.h"

#include <string.h>

static void route_number(struct load *l, const struct conf_route *r)
{
	const char *const *field = *r->did ? &r->did : &r->prefix;

	if (*r->did && *r->prefix)
		load_error(l, load_where(l, &r->did, r->where), "route \"%s\": prefix or did, not both", r->name);
	if (strspn(*field, "+0123456789*#") != strlen(*field))
		load_error(l, load_where(l, field, r->where),
			"route \"%s\".%s: expected digits, got \"%s\"", r->name, *r->did ? "did" : "prefix", *field);
}

/* Did its writer mean all trunks, or one that there is not, which is told? */
static bool any_trunk(const struct load *l, const struct conf_route *r)
{
	for (size_t i = 0; i < l->ref_count; i++)
		if (l->refs[i].slot == &r->from)
			return false;
	return true;
}

/* What r would take of the trunk's calls a route of the same number takes that names it. One of fewer digits would not, one of more would not take all. */
static bool has_own_route(const struct load *l, const struct conf_route *r, uint16_t trunk)
{
	const struct conf_routes *all = &l->c->routes;

	for (uint16_t i = 0; i < all->count; i++)
		if (all->v[i].from == trunk && !strcmp(all->v[i].prefix, r->prefix) && !strcmp(all->v[i].did, r->did))
			return true;
	return false;
}

/* Would the trunk have its own calls back? A PBX may call one of its own numbers, and no carrier sends 112. */
static bool goes_round(const struct load *l, const struct conf_route *r, uint16_t trunk)
{
	bool own_number = l->c->trunks.v[trunk].side == CONF_SIDE_PBX && (*r->prefix || *r->did);

	return !own_number && !load_is_emergency(l, *r->did ? r->did : r->prefix) && !has_own_route(l, r, trunk);
}

/* A route without `from` takes the calls of its own targets too. */
static void route_from_any(struct load *l, const struct conf_route *r, const struct conf_profile *p)
{
	for (uint16_t i = 0; i < p->targets.count; i++) {
		const struct conf_target *t = &p->targets.v[i];

		if (t->trunk == CONF_NONE || !t->enabled || !goes_round(l, r, t->trunk))
			continue;
		load_warn(l, r->where, "route \"%s\": takes calls of trunk \"%s\" too, and profile \"%s\" sends them back to it: say whose, from = \"...\"", r->name,
			l->c->trunks.v[t->trunk].name, p->name);
		return;
	}
}

/* A call sent back to the trunk it came from goes round. */
static void route_back(struct load *l, const struct conf_route *r)
{
	const struct conf_profile *p = r->profile != CONF_NONE ? &l->c->profiles.v[r->profile] : NULL;

	if (p && any_trunk(l, r))
		route_from_any(l, r, p);
	for (uint16_t i = 0; p && r->from != CONF_NONE && i < p->targets.count; i++)
		if (p->targets.v[i].trunk == r->from && p->targets.v[i].enabled)
			load_warn(l, r->where, "route \"%s\": profile \"%s\" sends calls of trunk \"%s\" back to it", r->name, p->name,
				l->c->trunks.v[r->from].name);
}

/* Left over when its route was deleted. Without any route, or with one whose profile is not known, that is told already. */
static void profile_taken(struct load *l, uint16_t profile)
{
	const struct conf_routes *all = &l->c->routes;
	const struct conf_profile *p = &l->c->profiles.v[profile];

	for (uint16_t i = 0; i < all->count; i++)
		if (all->v[i].profile == profile || all->v[i].profile == CONF_NONE)
			return;
	if (all->count)
		load_warn(l, p->where, "profile \"%s\": no route takes it", p->name);
}

void lint_profiles_taken(struct load *l)
{
	for (uint16_t i = 0; i < l->c->profiles.count; i++)
		profile_taken(l, i);
}

void lint_routes(struct load *l)
{
	const struct conf_routes *all = &l->c->routes;

	for (uint16_t i = 0; i < all->count; i++) {
		const struct conf_route *r = &all->v[i];

		route_number(l, r);
		route_back(l, r);
		for (uint16_t k = 0; k < i; k++)
			if (all->v[k].from == r->from && !strcmp(all->v[k].prefix, r->prefix) && !strcmp(all->v[k].did, r->did))
				load_error(l, r->where, "route \"%s\": same trunk and number as route \"%s\" (%s:%d): which one?", r->name, all->v[k].name,
					all->v[k].where.file, all->v[k].where.line);
	}
	if (!all->count)
		load_warn(l, l->c->where, "there are no routes: every call%s will be refused", l->c->test_numbers.count ? " but those to test_numbers" : "");
}

void lint_test_numbers(struct load *l)
{
	const struct conf_test_numbers *all = &l->c->test_numbers;

	for (uint16_t i = 0; i < all->count; i++) {
		const struct conf_test_number *n = &all->v[i];

		if (!*n->number || strspn(n->number, "+0123456789*#") != strlen(n->number))
			load_error(l, load_where(l, &n->number, n->where), "test_numbers: expected digits, got \"%s\"", n->number);
		for (uint16_t k = 0; k < i; k++)
			if (!strcmp(all->v[k].number, n->number))
				load_error(l, n->where, "test_numbers: \"%s\" stands at %s:%d already", n->number, all->v[k].where.file, all->v[k].where.line);
		for (uint16_t k = 0; k < l->c->emergency.count; k++)
			if (!strcmp(l->c->emergency.v[k], n->number))
				load_error(l, n->where, "test_numbers: \"%s\" is an emergency number", n->number);
	}
}
