// SPDX-License-Identifier: MIT
#include "config/follow.h"

#include <errno.h>
#include <string.h>

#include "config/mem.h"
#include "config/row.h"

struct follow {
	struct conf *next;
	const struct conf *before, *const *in_use;
	size_t count;
	uint16_t trunk[CONF_TRUNKS_MAX], interface[CONF_NETS_MAX]; /* the new place of each of next */
	uint16_t who[CONF_TRUNKS_MAX];                       /* who of next has the place; CONF_NONE: nobody */
	uint16_t places;
};

/* ---- a gone trunk's settings ---------------------------------------------------------------- */

static const char *keep_text(struct conf_mem *m, const char *text)
{
	return text ? mem_text(m, text, strlen(text)) : NULL;
}

static void keep_uri(struct conf_mem *m, struct conf_uri *to, const struct conf_uri *from)
{
	*to = *from;
	to->host = keep_text(m, from->host);
}

static void keep_uris(struct conf_mem *m, struct conf_uris *to, const struct conf_uris *from)
{
	to->v = mem_get(m, from->count * sizeof(*to->v) + 1);
	to->count = from->count;
	for (uint16_t i = 0; i < from->count; i++)
		keep_uri(m, &to->v[i], &from->v[i]);
}

static void keep_nets(struct conf_mem *m, struct conf_nets *to, const struct conf_nets *from)
{
	to->v = mem_get(m, from->count * sizeof(*to->v) + 1);
	to->count = from->count;
	if (from->count)
		memcpy(to->v, from->v, from->count * sizeof(*to->v));
}

static void keep_strings(struct conf_mem *m, struct conf_strings *to, const struct conf_strings *from)
{
	to->v = mem_get(m, from->count * sizeof(*to->v) + 1);
	to->count = from->count;
	for (uint16_t i = 0; i < from->count; i++)
		to->v[i] = keep_text(m, from->v[i]);
}

static void keep_group(struct conf_mem *m, const struct row_group *g, void *to, const void *from);

static void keep_row(struct conf_mem *m, const struct row *r, void *to, const void *from)
{
	switch (r->type) {
	case ROW_STRING:
	case ROW_NAME:
		*(const char **)to = keep_text(m, *(const char *const *)from);
		break;
	case ROW_INT:
	case ROW_DURATION:
	case ROW_MICROS:
		*(uint32_t *)to = *(const uint32_t *)from;
		break;
	case ROW_BOOL:
		*(bool *)to = *(const bool *)from;
		break;
	case ROW_ENUM:
	case ROW_SET:
		*(uint8_t *)to = *(const uint8_t *)from;
		break;
	case ROW_IP:
		*(struct conf_addr *)to = *(const struct conf_addr *)from;
		break;
	case ROW_PORTS:
		*(struct conf_ports *)to = *(const struct conf_ports *)from;
		break;
	case ROW_URI:
		keep_uri(m, to, from);
		break;
	case ROW_URIS:
		keep_uris(m, to, from);
		break;
	case ROW_NETS:
		keep_nets(m, to, from);
		break;
	case ROW_STRINGS:
		keep_strings(m, to, from);
		break;
	case ROW_INTS:
		*(struct conf_ints *)to = *(const struct conf_ints *)from;
		break;
	case ROW_INTERFACE:
	case ROW_TRUNK:
	case ROW_PROFILE:
		*(uint16_t *)to = *(const uint16_t *)from;
		break;
	case ROW_GROUP:
		keep_group(m, row_inner(r), to, from);
		break;
	case ROW_LIST: /* a trunk has none */
		break;
	}
}

/* Row by row: what no row makes stays zero, so that nothing points into the configuration that may go. */
static void keep_group(struct conf_mem *m, const struct row_group *g, void *to, const void *from)
{
	const struct conf_where *w = (const struct conf_where *)((const char *)from + g->where);

	*(struct conf_where *)((char *)to + g->where) = (struct conf_where){ keep_text(m, w->file), w->line };
	for (size_t i = 0; i < g->count; i++)
		keep_row(m, &g->rows[i], (char *)to + g->rows[i].offset, (const char *)from + g->rows[i].offset);
}

static void keep_trunk(const struct follow *f, struct conf_trunk *to, const struct conf_trunk *from)
{
	keep_group(f->next->mem, row_group("trunk"), to, from);
	to->headers.country = "";
	to->probe.method = CONF_PROBE_NONE;
	to->hops.count = 0;
	to->gone = true;
}

/* ---- places --------------------------------------------------------------------------------- */

static bool used_by(const struct conf *c, uint16_t place, const char *name)
{
	return place < c->trunks.count && !c->trunks.v[place].gone && !strcmp(c->trunks.v[place].name, name);
}

/* Must the place stay what it is, for calls that began with it? */
static bool is_held(const struct follow *f, uint16_t place)
{
	const struct conf_trunk *t = &f->before->trunks.v[place];

	if (!t->gone)
		return true;
	for (size_t i = 0; i < f->count; i++)
		if (used_by(f->in_use[i], place, t->name))
			return true;
	return false;
}

static uint16_t place_of(const struct conf *c, const char *name)
{
	for (uint16_t i = 0; i < c->trunks.count; i++)
		if (!strcmp(c->trunks.v[i].name, name))
			return i;
	return CONF_NONE;
}

static void keep_places(struct follow *f)
{
	for (uint16_t i = 0; i < f->next->trunks.count; i++) {
		uint16_t place = place_of(f->before, f->next->trunks.v[i].name);

		f->trunk[i] = place;
		if (place != CONF_NONE)
			f->who[place] = i;
	}
}

static uint16_t free_place(struct follow *f)
{
	uint16_t place = 0;

	while (place < f->places && (f->who[place] != CONF_NONE || (place < f->before->trunks.count && is_held(f, place))))
		place++;
	return place;
}

static int find_places(struct follow *f)
{
	f->places = f->before->trunks.count;
	keep_places(f);
	for (uint16_t i = 0; i < f->next->trunks.count; i++) {
		if (f->trunk[i] != CONF_NONE)
			continue;
		f->trunk[i] = free_place(f);
		if (f->trunk[i] >= CONF_TRUNKS_MAX)
			return -ENOSPC;
		f->who[f->trunk[i]] = i;
		if (f->trunk[i] == f->places)
			f->places++;
	}
	return 0;
}

static int find_interfaces(struct follow *f)
{
	const struct conf *c = f->next;

	if (c->interfaces.count != f->before->interfaces.count)
		return -EXDEV;
	for (uint16_t i = 0; i < c->interfaces.count; i++) {
		f->interface[i] = conf_interface_find(f->before, c->interfaces.v[i].name);
		if (f->interface[i] == CONF_NONE)
			return -EXDEV;
	}
	return 0;
}

/* ---- moving --------------------------------------------------------------------------------- */

static void move_trunks(struct follow *f)
{
	struct conf_trunks *t = &f->next->trunks;
	struct conf_trunk *v = mem_get(f->next->mem, f->places * sizeof(*v) + 1);

	for (uint16_t place = 0; place < f->places; place++) {
		if (f->who[place] != CONF_NONE)
			v[place] = t->v[f->who[place]];
		else
			keep_trunk(f, &v[place], &f->before->trunks.v[place]);
	}
	*t = (struct conf_trunks){ v, f->places };
}

static void move_interfaces(struct follow *f)
{
	struct conf_interfaces *all = &f->next->interfaces;
	struct conf_interface *v = mem_get(f->next->mem, all->count * sizeof(*v) + 1);

	for (uint16_t i = 0; i < all->count; i++)
		v[f->interface[i]] = all->v[i];
	all->v = v;
}

static void move_refs(const struct follow *f, const struct row_group *g, void *base);

static void move_ref(const struct follow *f, const struct row *r, void *field)
{
	uint16_t *ref = field;
	size_t count = 1;
	void *v = field;

	if (r->type == ROW_TRUNK && *ref != CONF_NONE)
		*ref = f->trunk[*ref];
	if (r->type == ROW_INTERFACE && *ref != CONF_NONE)
		*ref = f->interface[*ref];
	if (r->type == ROW_LIST)
		row_list_get(field, &v, &count);
	if (r->type == ROW_LIST || r->type == ROW_GROUP)
		for (size_t i = 0; i < count; i++)
			move_refs(f, row_inner(r), (char *)v + i * row_inner(r)->size);
}

static void move_refs(const struct follow *f, const struct row_group *g, void *base)
{
	for (size_t i = 0; i < g->count; i++)
		move_ref(f, &g->rows[i], (char *)base + g->rows[i].offset);
}

static void move(struct follow *f)
{
	move_refs(f, &row_groups[ROW_GROUP_conf], f->next);
	for (uint16_t i = 0; i < f->next->profiles.count; i++) {
		uint16_t *busy = &f->next->profiles.v[i].on_busy_trunk;

		if (*busy != CONF_NONE)
			*busy = f->trunk[*busy];
	}
	move_trunks(f);
	move_interfaces(f);
}

int conf_follow(struct conf *next, const struct conf *before, const struct conf *const *in_use, size_t count)
{
	struct follow f = { .next = next, .before = before, .in_use = in_use, .count = count };
	int rc;

	if (next->trunks.count > CONF_TRUNKS_MAX || before->trunks.count > CONF_TRUNKS_MAX)
		return -ENOSPC;
	memset(f.who, 0xff, sizeof(f.who));
	rc = find_interfaces(&f);
	if (rc == 0)
		rc = find_places(&f);
	if (rc == 0)
		move(&f);
	return rc;
}
