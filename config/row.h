// SPDX-License-Identifier: MIT
/* row: the rows of setting.def as data, for the loader, the printers and the manual. Constant. */
#ifndef KEDGE_CONFIG_ROW_H
#define KEDGE_CONFIG_ROW_H

#include <stddef.h>

#include "config/conf.h"

#define ROW_TYPES(T)                                                                               \
	T(STRING) T(NAME) T(INT) T(BOOL) T(DURATION) T(MICROS) T(ENUM) T(SET) T(IP) T(PORTS)       \
	T(URI) T(URIS) T(NETS) T(STRINGS) T(INTS) T(INTERFACE) T(TRUNK) T(PROFILE) T(GROUP) T(LIST)
enum row_type {
#define T(x) ROW_##x,
	ROW_TYPES(T)
#undef T
};

#define ROW_REQUIRED 1u
#define ROW_DERIVED  2u
#define ROW_SCALED   4u
#define ROW_RESTART  8u
#define ROW_SPARE    16u

/* What an unset DERIVED field holds until conf_derive() fills it. */
#define ROW_UNSET_ENUM UINT8_MAX
#define ROW_UNSET_INT  UINT32_MAX

struct row {
	enum row_type type;
	const char *key, *def, *min, *max;
	unsigned flags;
	const char *meaning;
	size_t offset; /* of its field in the group's struct */
};

enum row_group_id {
#define GROUP(group, title)                                  ROW_GROUP_##group,
#define ROW(group, type, key, def, min, max, flags, meaning)
#define EXTRA(group, declaration)
#define END(group)
#include "config/setting.def"
#undef GROUP
#undef ROW
#undef EXTRA
#undef END
	ROW_GROUP_COUNT
};

struct row_group {
	const char *name, *title;
	size_t size, where; /* of the struct; offset of its conf_where */
	const struct row *rows;
	size_t count;
};

extern const struct row_group row_groups[ROW_GROUP_COUNT];

/* The group of that name; it exists (programmer's error otherwise). */
const struct row_group *row_group(const char *name);

/* The group inside a GROUP row, the group of the entries of a LIST row. */
const struct row_group *row_inner(const struct row *r);

/* The row of that key, or NULL. */
const struct row *row_find(const struct row_group *g, const char *key);

/* The key most like this one, at most two edits away, or NULL. */
const char *row_nearest(const struct row_group *g, const char *key);

/* The nearest of "a|b|c" to word; the text is found in words, its length stored. NULL if none is near. */
const char *row_nearest_word(const char *words, const char *word, size_t *length);

/* Place of word in "a|b|c", or -1; and the word at a place (length stored), or NULL. */
int row_word(const char *words, const char *word);
const char *row_word_at(const char *words, int place, size_t *length);

/* Every list in a struct begins with these two, whatever its entries are. */
void row_list_get(const void *field, void **v, size_t *count);
void row_list_set(void *field, void *v, size_t count);

#endif
