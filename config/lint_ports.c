// SPDX-License-Identifier: MIT
#include "config/load.h"

#include <stdio.h>

unsigned lint_pairs(const struct conf_ports *p)
{
	unsigned low = (p->low + 1u) & ~1u;

	return p->high > low ? (p->high - low + 1) / 2 : 0;
}

static const struct conf_interface *interface_of(const struct load *l, const struct conf_trunk *t)
{
	return t->interface < l->c->interfaces.count ? &l->c->interfaces.v[t->interface] : NULL;
}

unsigned conf_sides(const struct conf *c, uint16_t interface)
{
	bool inside = false, outside = false;

	for (uint16_t n = 0; n < c->trunks.count; n++) {
		const struct conf_trunk *t = &c->trunks.v[n];

		if (t->interface != interface)
			continue;
		inside |= t->side == CONF_SIDE_PBX;
		outside |= t->side == CONF_SIDE_CARRIER;
	}
	return (unsigned)inside + outside;
}

uint32_t conf_pairs_needed(const struct conf *c, uint16_t interface)
{
	return conf_sides(c, interface) * c->limits.max_calls;
}

static unsigned sides_of(const struct load *l, const struct conf_interface *i)
{
	return conf_sides(l->c, (uint16_t)(i - l->c->interfaces.v));
}

/* With every call over at once and every pair at rest for its time: so many calls a second find one. Else pairs rest less. */
static void time_to_rest(struct load *l, const struct conf_interface *i)
{
	unsigned long long rest_ms = l->c->media.port_rest_ms, sides = sides_of(l, i), cps;

	if (sides == 0 || rest_ms == 0)
		return;
	cps = lint_pairs(&i->rtp_ports) * 1000ULL / rest_ms / sides;
	for (uint16_t n = 0; n < l->c->trunks.count; n++) {
		const struct conf_trunk *t = &l->c->trunks.v[n];

		if (interface_of(l, t) == i && t->max_cps > cps)
			load_warn(l, load_where(l, &t->max_cps, t->where),
				"trunk \"%s\".max_cps: %u calls a second, and the %u port pairs of interface \"%s\" can rest for media.port_rest after %llu of them: "
				"more rtp_ports, or a shorter rest",
				t->name, t->max_cps, lint_pairs(&i->rtp_ports), i->name, cps);
	}
}

/* As the start of kedge run counts them (tools/hold.c), had it every port of the range. */
static void pairs_enough(struct load *l, const struct conf_interface *i)
{
	unsigned room = lint_pairs(&i->rtp_ports), sides = sides_of(l, i), needed = conf_pairs_needed(l->c, (uint16_t)(i - l->c->interfaces.v));
	char less[40] = "";

	if (room >= needed)
		return;
	if (room >= sides)
		snprintf(less, sizeof(less), ", or max_calls %u", room / sides);
	load_error(l, load_where(l, &i->rtp_ports, i->where),
		"interface \"%s\".rtp_ports: %u port pair%s, limits.max_calls = %u needs %u%s: kedge run would not start; more rtp_ports%s", i->name, room,
		room == 1 ? "" : "s", l->c->limits.max_calls, needed, sides == 2 ? " (both sides)" : "", less);
}

void lint_ports(struct load *l, const struct conf_interface *i)
{
	if (!lint_pairs(&i->rtp_ports)) /* told already */
		return;
	pairs_enough(l, i);
	time_to_rest(l, i);
}
