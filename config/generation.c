// SPDX-License-Identifier: MIT
#include "config/generation.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/state.h"

#define BOOK      "generations"
#define BOOK_SIZE (GENERATION_KEEP * (GENERATION_WHO + 160) + 256)

uint64_t generation_hash(const char *text, size_t size)
{
	uint64_t h = 14695981039346656037ULL; /* FNV-1a */

	for (size_t i = 0; i < size; i++)
		h = (h ^ (unsigned char)text[i]) * 1099511628211ULL;
	return h;
}

const char *generation_file(uint64_t number, char name[static GENERATION_FILE])
{
	snprintf(name, GENERATION_FILE, "generation.%" PRIu64 ".cfg", number);
	return name;
}

const struct generation *generation_find(const struct generation_book *b, uint64_t number)
{
	for (size_t i = 0; i < b->count; i++)
		if (b->v[i].number == number)
			return &b->v[i];
	return NULL;
}

bool generation_is_restored(const struct generation_book *b, uint64_t files)
{
	const struct generation *g = generation_find(b, b->in_force);

	return g && files == b->files && g->hash != files;
}

/* ---- the book ------------------------------------------------------------------------------- */

/* Who asked may be anything; the book has lines. */
static void copy_who(char to[static GENERATION_WHO], const char *who)
{
	size_t n = strnlen(who, GENERATION_WHO - 1);

	for (size_t i = 0; i < n; i++)
		to[i] = (unsigned char)who[i] < ' ' || who[i] == 0x7f ? '?' : who[i];
	to[n] = '\0';
}

static int read_line(struct generation_book *b, const char *line)
{
	struct generation *g = &b->v[b->count];

	if (sscanf(line, "in_force %" SCNu64 " since %" SCNu64 " files %" SCNx64 " by %63[^\n]", &b->in_force, &b->since_wall_ms, &b->files, b->by) >= 3)
		return 0;
	if (b->count == GENERATION_KEEP)
		return -EINVAL;
	if (sscanf(line, "generation %" SCNu64 " before %" SCNu64 " at %" SCNu64 " hash %" SCNx64 " by %63[^\n]", &g->number, &g->before, &g->wall_ms,
	        &g->hash, g->who) < 4 || !g->number)
		return -EINVAL;
	b->count++;
	return 0;
}

static int read_book(struct generation_book *b, char *text)
{
	char *at = text;

	for (char *line; (line = strsep(&at, "\n"));)
		if (*line && read_line(b, line) < 0)
			return -EINVAL;
	return generation_find(b, b->in_force) ? 0 : -EINVAL;
}

int generation_read(int dir, struct generation_book *b)
{
	size_t size;
	char *text = state_read(dir, BOOK, &size);
	int rc;

	*b = (struct generation_book){ 0 };
	if (!text)
		return -errno;
	rc = read_book(b, text);
	free(text);
	if (rc < 0)
		*b = (struct generation_book){ 0 };
	return rc;
}

static int write_book(int dir, const struct generation_book *b)
{
	char text[BOOK_SIZE];
	size_t n = (size_t)snprintf(text, sizeof(text), "in_force %" PRIu64 " since %" PRIu64 " files %016" PRIx64 " by %s\n", b->in_force,
	    b->since_wall_ms, b->files, b->by);

	for (size_t i = 0; i < b->count; i++) {
		const struct generation *g = &b->v[i];

		n += (size_t)snprintf(text + n, sizeof(text) - n, "generation %" PRIu64 " before %" PRIu64 " at %" PRIu64 " hash %016" PRIx64 " by %s\n",
		    g->number, g->before, g->wall_ms, g->hash, g->who);
	}
	return state_write(dir, BOOK, text, n);
}

/* ---- changes -------------------------------------------------------------------------------- */

/* The oldest goes, but never the one in force or the one before it. */
static uint64_t make_room(struct generation_book *b)
{
	const struct generation *now = generation_find(b, b->in_force);
	uint64_t gone;
	size_t i = 0;

	if (b->count < GENERATION_KEEP)
		return 0;
	while (b->v[i].number == b->in_force || (now && b->v[i].number == now->before))
		i++;
	gone = b->v[i].number;
	memmove(&b->v[i], &b->v[i + 1], (--b->count - i) * sizeof(b->v[0]));
	return gone;
}

uint64_t generation_next(const struct generation_book *b)
{
	uint64_t most = 0;

	for (size_t i = 0; i < b->count; i++)
		if (b->v[i].number > most)
			most = b->v[i].number;
	return most + 1;
}

static void put_in_force(struct generation_book *b, uint64_t number, const char *who, uint64_t wall_ms)
{
	b->in_force = number;
	b->since_wall_ms = wall_ms;
	copy_who(b->by, who);
}

int generation_accept(
    int dir, struct generation_book *b, uint64_t number, const char *text, size_t size, const char *who, uint64_t wall_ms)
{
	struct generation_book now = *b;
	uint64_t gone = make_room(&now);
	struct generation *g = &now.v[now.count++];
	char name[GENERATION_FILE];
	int rc;

	*g = (struct generation){ .number = number, .before = b->in_force, .hash = generation_hash(text, size), .wall_ms = wall_ms };
	copy_who(g->who, who);
	now.files = g->hash;
	put_in_force(&now, number, who, wall_ms);
	rc = state_write(dir, generation_file(number, name), text, size);
	if (rc == 0)
		rc = write_book(dir, &now);
	if (rc < 0)
		return rc;
	if (gone)
		(void)unlinkat(dir, generation_file(gone, name), 0);
	*b = now;
	return 0;
}

int generation_restore(int dir, struct generation_book *b, uint64_t number, const char *who, uint64_t wall_ms)
{
	struct generation_book now = *b;
	int rc;

	if (!generation_find(b, number))
		return -ENOENT;
	put_in_force(&now, number, who, wall_ms);
	rc = write_book(dir, &now);
	if (rc == 0)
		*b = now;
	return rc;
}
