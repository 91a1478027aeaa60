// SPDX-License-Identifier: MIT
#include "config/diff.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "config/mem.h"
#include "config/row.h"
#include "config/text.h"

struct side { /* a struct of a group in one of the two */
	const struct conf *conf;
	const void *base;
};

static void add(struct diff_list *l, struct diff d)
{
	if (l->count == l->room) {
		l->room = l->room ? 2 * l->room : 16;
		l->v = mem_need(realloc(l->v, l->room * sizeof(*l->v)));
	}
	l->v[l->count++] = d;
	l->restarts += d.restart;
}

/* ---- one setting ---------------------------------------------------------------------------- */

/* As it would be written; "" where it is not set. For the caller to free. */
static char *value_of(const struct side *s, const struct row *r)
{
	const void *field = (const char *)s->base + r->offset;
	char *text = NULL;
	size_t size;
	FILE *out = mem_need(open_memstream(&text, &size));

	if (!text_unset(r, field))
		text_value(out, s->conf, r, field);
	fclose(out);
	return mem_need(text);
}

static void compare_value(struct diff_list *l, const struct row *r, const char *path, const struct side *from, const struct side *to)
{
	char *a = value_of(from, r), *b = value_of(to, r);

	if (strcmp(a, b) != 0)
		add(l, (struct diff){ DIFF_CHANGED, r->flags & ROW_RESTART, mem_print(l->mem, "%s%s%s", path, *path ? "." : "", r->key),
		    mem_print(l->mem, "%s", *a ? a : "unset"), mem_print(l->mem, "%s", *b ? b : "unset") });
	free(a);
	free(b);
}

/* ---- lists ---------------------------------------------------------------------------------- */

struct list {
	const struct conf *conf;
	const struct row_group *g;
	const char *v;
	size_t count;
};

static struct list list_of(const struct side *s, const struct row *r)
{
	struct list l = { .conf = s->conf, .g = row_inner(r) };
	void *v;

	row_list_get((const char *)s->base + r->offset, &v, &l.count);
	l.v = v;
	return l;
}

static const void *entry(const struct list *l, size_t i)
{
	return l->v + i * l->g->size;
}

static bool is_there(const struct list *l, size_t i)
{
	return strcmp(l->g->name, "trunk") != 0 || !((const struct conf_trunk *)entry(l, i))->gone;
}

/* What an entry of the list is called by; NULL: a target, by its trunk. */
static const struct row *name_row(const struct row_group *g)
{
	const struct row *r = row_find(g, "name");

	return r ? r : row_find(g, "number");
}

/* What an entry is known by: its name, a test number's number, a target's trunk. */
static const char *name_of(const struct list *l, size_t i)
{
	const struct row *r = name_row(l->g);

	if (r)
		return *(const char *const *)((const char *)entry(l, i) + r->offset);
	return l->conf->trunks.v[((const struct conf_target *)entry(l, i))->trunk].name;
}

static bool by_name(const struct list *l, size_t i, const char *name)
{
	return is_there(l, i) && !strcmp(name_of(l, i), name);
}

/* The entry that entry i of `from` is in `to`: of that name, and of several the one with as many before it. */
static size_t same_in(const struct list *from, size_t i, const struct list *to)
{
	const char *name = name_of(from, i);
	size_t before = 0, k;

	for (k = 0; k < i; k++)
		before += by_name(from, k, name);
	for (k = 0; k < to->count; k++)
		if (by_name(to, k, name) && before-- == 0)
			return k;
	return SIZE_MAX;
}

static void compare_group(struct diff_list *l, const struct row_group *g, const char *path, const struct side *from, const struct side *to);

static const char *entry_path(struct diff_list *l, const struct list *list, size_t i, const char *path)
{
	return mem_print(l->mem, "%s%s%s \"%s\"", path, *path ? "." : "", list->g->name, name_of(list, i));
}

/* Listeners and RTP ports were opened at the start. */
static bool needs_restart(const struct list *l)
{
	return !strcmp(l->g->name, "interface");
}

static void compare_entries(struct diff_list *l, const char *path, const struct list *from, const struct list *to)
{
	for (size_t i = 0; i < from->count; i++) {
		size_t k = is_there(from, i) ? same_in(from, i, to) : SIZE_MAX;

		if (k != SIZE_MAX)
			compare_group(l, from->g, entry_path(l, from, i, path), &(struct side){ from->conf, entry(from, i) },
			    &(struct side){ to->conf, entry(to, k) });
		else if (is_there(from, i))
			add(l, (struct diff){ DIFF_REMOVED, needs_restart(from), entry_path(l, from, i, path), NULL, NULL });
	}
	for (size_t k = 0; k < to->count; k++)
		if (is_there(to, k) && same_in(to, k, from) == SIZE_MAX)
			add(l, (struct diff){ DIFF_ADDED, needs_restart(to), entry_path(l, to, k, path), NULL, NULL });
}

static char *order_of(const struct list *l)
{
	char *text = NULL;
	size_t size;
	FILE *out = mem_need(open_memstream(&text, &size));

	for (size_t i = 0; i < l->count; i++)
		fprintf(out, "%s%s", i ? ", " : "", name_of(l, i));
	fclose(out);
	return mem_need(text);
}

/* Targets are an order; who is in it is told with it. */
static void compare_order(struct diff_list *l, const struct row *r, const char *path, const struct list *from, const struct list *to)
{
	char *a = order_of(from), *b = order_of(to);

	if (strcmp(a, b) != 0)
		add(l, (struct diff){ DIFF_CHANGED, false, mem_print(l->mem, "%s.%s", path, r->key), mem_print(l->mem, "%s", a),
		    mem_print(l->mem, "%s", b) });
	free(a);
	free(b);
}

static void compare_targets(struct diff_list *l, const char *path, const struct list *from, const struct list *to)
{
	for (size_t i = 0; i < from->count; i++) {
		size_t k = same_in(from, i, to);

		if (k != SIZE_MAX)
			compare_group(l, from->g, entry_path(l, from, i, path), &(struct side){ from->conf, entry(from, i) },
			    &(struct side){ to->conf, entry(to, k) });
	}
}

static void compare_list(struct diff_list *l, const struct row *r, const char *path, const struct side *a, const struct side *b)
{
	struct list from = list_of(a, r), to = list_of(b, r);

	if (!name_row(from.g)) {
		compare_order(l, r, path, &from, &to);
		compare_targets(l, path, &from, &to);
	} else {
		compare_entries(l, path, &from, &to);
	}
}

/* ---- groups --------------------------------------------------------------------------------- */

static void compare_group(struct diff_list *l, const struct row_group *g, const char *path, const struct side *from, const struct side *to)
{
	for (size_t i = 0; i < g->count; i++) {
		const struct row *r = &g->rows[i];

		if (r->type == ROW_GROUP)
			compare_group(l, row_inner(r), mem_print(l->mem, "%s%s%s", path, *path ? "." : "", r->key),
			    &(struct side){ from->conf, (const char *)from->base + r->offset },
			    &(struct side){ to->conf, (const char *)to->base + r->offset });
		else if (r->type == ROW_LIST)
			compare_list(l, r, path, from, to);
		else
			compare_value(l, r, path, from, to);
	}
}

void diff_find(struct diff_list *l, const struct conf *from, const struct conf *to)
{
	assert(!from->scaled && !to->scaled);
	if (!l->mem)
		l->mem = mem_new();
	compare_group(l, &row_groups[ROW_GROUP_conf], "", &(struct side){ from, from }, &(struct side){ to, to });
}

void diff_print(const struct diff *d, FILE *out)
{
	if (d->kind == DIFF_CHANGED)
		fprintf(out, "%s: %s -> %s", d->what, d->from, d->to);
	else
		fprintf(out, "%s: %s", d->what, d->kind == DIFF_ADDED ? "added" : "removed");
	fputs(d->restart ? " (needs a restart)" : "", out);
}

void diff_fini(struct diff_list *l)
{
	free(l->v);
	mem_free(l->mem);
	*l = (struct diff_list){ 0 };
}
