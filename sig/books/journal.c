// SPDX-License-Identifier: MIT
#include "sig/books/journal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PREFIX_MIN 3

struct item {
	struct item *older, *newer; /* of all */
	struct item *next;          /* newer, of its kind */
	size_t size;
	struct journal_entry e;
	char decision[];
};

static struct {
	size_t records;
	struct item *oldest, *newest;
	struct item *first[JOURNAL_KIND_COUNT], *last[JOURNAL_KIND_COUNT];
	size_t count[JOURNAL_KIND_COUNT];
	_Atomic uint64_t entries, bytes, evicted;
} journal;

static void add_to(_Atomic uint64_t *n, int64_t by)
{
	atomic_store_explicit(n, atomic_load_explicit(n, memory_order_relaxed) + (uint64_t)by, memory_order_relaxed);
}

/* The oldest of its kind goes. */
static void drop(enum journal_kind kind)
{
	struct item *i = journal.first[kind];

	journal.first[kind] = i->next;
	if (!i->next)
		journal.last[kind] = NULL;
	*(i->older ? &i->older->newer : &journal.oldest) = i->newer;
	*(i->newer ? &i->newer->older : &journal.newest) = i->older;
	journal.count[kind]--;
	add_to(&journal.entries, -1);
	add_to(&journal.bytes, -(int64_t)i->size);
	free(i);
}

static void make_room(enum journal_kind kind)
{
	size_t all = 0;

	for (int k = 0; k < JOURNAL_KIND_COUNT; k++)
		all += journal.count[k];
	/* Whatever is free: memory does not follow the calls that went well. */
	if (kind != JOURNAL_FAILED && journal.count[kind] && journal.count[kind] >= journal.records / 4)
		drop(kind);
	else if (all < journal.records)
		return;
	else if (journal.count[JOURNAL_FAILED])
		drop(JOURNAL_FAILED);
	else
		drop(journal.count[JOURNAL_GOOD] ? JOURNAL_GOOD : JOURNAL_MINOR);
	add_to(&journal.evicted, 1);
}

static void link_item(struct item *i)
{
	enum journal_kind kind = (enum journal_kind)i->e.kind;

	i->older = journal.newest;
	*(i->older ? &i->older->newer : &journal.oldest) = i;
	journal.newest = i;
	*(journal.last[kind] ? &journal.last[kind]->next : &journal.first[kind]) = i;
	journal.last[kind] = i;
	journal.count[kind]++;
	add_to(&journal.entries, 1);
	add_to(&journal.bytes, (int64_t)i->size);
}

void journal_add(const struct journal_entry *e)
{
	size_t n = e->decision ? strlen(e->decision) + 1 : 0;
	struct item *i;

	assert(e->kind < JOURNAL_KIND_COUNT);
	if (!journal.records)
		return;
	make_room((enum journal_kind)e->kind);
	i = malloc(sizeof(*i) + n);
	if (!i)
		return;
	*i = (struct item){ .size = sizeof(*i) + n, .e = *e };
	if (n)
		memcpy(i->decision, e->decision, n);
	i->e.decision = n ? i->decision : NULL;
	link_item(i);
}

static const char *digits(const char *number)
{
	return *number == '+' ? number + 1 : number;
}

enum journal_match journal_match(const struct journal_entry *e, const char *what)
{
	size_t n = strlen(what);
	char id[17];

	snprintf(id, sizeof(id), "%llx", (unsigned long long)e->call);
	if (strcasecmp(id, what) == 0)
		return JOURNAL_ID;
	if (strcmp(e->call_id, what) == 0)
		return JOURNAL_CALL_ID;
	if (*digits(what) && strcmp(digits(e->to), digits(what)) == 0)
		return JOURNAL_NUMBER;
	if (n >= PREFIX_MIN && (strncasecmp(id, what, n) == 0 || strncmp(e->call_id, what, n) == 0))
		return JOURNAL_PREFIX;
	return JOURNAL_NOT;
}

void journal_each(bool (*fn)(void *ctx, const struct journal_entry *e), void *ctx)
{
	for (const struct item *i = journal.newest; i && fn(ctx, &i->e); i = i->older)
		;
}

void journal_count(struct journal_counts *n)
{
	n->entries = atomic_load_explicit(&journal.entries, memory_order_relaxed);
	n->bytes = atomic_load_explicit(&journal.bytes, memory_order_relaxed);
	n->evicted = atomic_load_explicit(&journal.evicted, memory_order_relaxed);
}

void journal_open(size_t records)
{
	memset(&journal, 0, sizeof(journal));
	journal.records = records;
}

void journal_close(void)
{
	for (int k = 0; k < JOURNAL_KIND_COUNT; k++)
		while (journal.first[k])
			drop((enum journal_kind)k);
	journal.records = 0;
}
