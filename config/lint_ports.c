// SPDX-License-Identifier: MIT
#include "config/load.h"

unsigned lint_pairs(const struct conf_ports *p)
{
	unsigned low = (p->low + 1u) & ~1u;

	return p->high > low ? (p->high - low + 1) / 2 : 0;
}

static const struct conf_interface *interface_of(const struct load *l, const struct conf_trunk *t)
{
	return t->interface < l->c->interfaces.count ? &l->c->interfaces.v[t->interface] : NULL;
}

/* A call takes a pair on the side of its caller and one per attempt on the other. */
static unsigned sides_of(const struct load *l, const struct conf_interface *i)
{
	bool inside = false, outside = false;

	for (uint16_t n = 0; n < l->c->trunks.count; n++) {
		const struct conf_trunk *t = &l->c->trunks.v[n];

		if (interface_of(l, t) != i)
			continue;
		inside |= t->side == CONF_SIDE_PBX;
		outside |= t->side == CONF_SIDE_CARRIER;
	}
	return (unsigned)inside + outside;
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

void lint_ports(struct load *l, const struct conf_interface *i)
{
	unsigned calls = l->c->limits.max_calls, room = lint_pairs(&i->rtp_ports);

	if (room && room < calls)
		load_warn(l, load_where(l, &i->rtp_ports, i->where), "interface \"%s\".rtp_ports: room for %u calls, limits.max_calls is %u", i->name, room,
			calls);
	if (room)
		time_to_rest(l, i);
}
