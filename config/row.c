// SPDX-License-Identifier: MIT
#include "config/row.h"

#include <assert.h>
#include <string.h>

#define REQUIRED ROW_REQUIRED
#define DERIVED  ROW_DERIVED
#define SCALED   ROW_SCALED
#define RESTART  ROW_RESTART
#define SPARE    ROW_SPARE

#define FIELD_STRING(key)    key
#define FIELD_NAME(key)      key
#define FIELD_INT(key)       key
#define FIELD_BOOL(key)      key
#define FIELD_DURATION(key)  key##_ms
#define FIELD_MICROS(key)    key##_us
#define FIELD_ENUM(key)      key
#define FIELD_SET(key)       key
#define FIELD_IP(key)        key
#define FIELD_PORTS(key)     key
#define FIELD_URI(key)       key
#define FIELD_URIS(key)      key
#define FIELD_NETS(key)      key
#define FIELD_STRINGS(key)   key
#define FIELD_INTS(key)      key
#define FIELD_INTERFACE(key) key
#define FIELD_TRUNK(key)     key
#define FIELD_PROFILE(key)   key
#define FIELD_GROUP(key)     key
#define FIELD_LIST(key)      key

#define conf_conf conf /* the root is struct conf */

#define GROUP(group, title)  static const struct row rows_##group[] = {
#define ROW(group, type, key, def, min, max, flags, meaning)                                       \
	{ ROW_##type, #key, def, min, max, flags, meaning, offsetof(struct conf_##group, FIELD_##type(key)) },
#define EXTRA(group, declaration)
#define END(group) };
#include "config/setting.def"
#undef GROUP
#undef ROW
#undef END

const struct row_group row_groups[ROW_GROUP_COUNT] = {
#define GROUP(group, title)                                                                        \
	{ #group, title, sizeof(struct conf_##group), offsetof(struct conf_##group, where), rows_##group, \
		sizeof(rows_##group) / sizeof(rows_##group[0]) },
#define ROW(group, type, key, def, min, max, flags, meaning)
#define END(group)
#include "config/setting.def"
#undef GROUP
#undef ROW
#undef EXTRA
#undef END
};

#define SAME_LIST(type) static_assert(offsetof(struct type, v) == 0 && offsetof(struct type, count) == sizeof(void *), #type)
SAME_LIST(conf_uris);
SAME_LIST(conf_nets);
SAME_LIST(conf_strings);
SAME_LIST(conf_interfaces);
SAME_LIST(conf_trunks);
SAME_LIST(conf_targets);
SAME_LIST(conf_profiles);
SAME_LIST(conf_routes);
SAME_LIST(conf_test_numbers);

const struct row_group *row_group(const char *name)
{
	for (size_t i = 0; i < ROW_GROUP_COUNT; i++)
		if (!strcmp(row_groups[i].name, name))
			return &row_groups[i];
	assert(!"a group of setting.def");
	return NULL;
}

const struct row_group *row_inner(const struct row *r)
{
	assert(r->type == ROW_GROUP || r->type == ROW_LIST);
	return row_group(r->type == ROW_GROUP ? r->key : r->min);
}

const struct row *row_find(const struct row_group *g, const char *key)
{
	for (size_t i = 0; i < g->count; i++)
		if (!strcmp(g->rows[i].key, key))
			return &g->rows[i];
	return NULL;
}

#define NEAR      2  /* edits: more is a guess, not a typo */
#define WORD_MAX  32 /* no key is longer */

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Edit distance with neighbours swapped counting as one, "weigth" being the usual slip. */
static size_t distance(const char *a, size_t na, const char *b, size_t nb)
{
	size_t d[WORD_MAX + 1][WORD_MAX + 1];

	if (na > WORD_MAX || nb > WORD_MAX)
		return WORD_MAX;
	for (size_t i = 0; i <= na; i++) {
		for (size_t k = 0; k <= nb; k++) {
			if (!i || !k) {
				d[i][k] = i + k;
				continue;
			}
			d[i][k] = least(least(d[i - 1][k], d[i][k - 1]) + 1, d[i - 1][k - 1] + (a[i - 1] != b[k - 1]));
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
				d[i][k] = least(d[i][k], d[i - 2][k - 2] + 1);
		}
	}
	return d[na][nb];
}

/* Near enough to be meant: short words must share more than they differ in. */
static bool meant(size_t far, size_t length)
{
	return far <= NEAR && far * 2 < length + 1;
}

const char *row_nearest(const struct row_group *g, const char *key)
{
	const char *best = NULL;
	size_t near = NEAR + 1;

	for (size_t i = 0; i < g->count; i++) {
		const char *k = g->rows[i].key;
		size_t far = distance(key, strlen(key), k, strlen(k));

		if (far < near && meant(far, strlen(k))) {
			near = far;
			best = k;
		}
	}
	return best;
}

const char *row_word_at(const char *words, int place, size_t *length)
{
	for (; place > 0; place--) {
		words = strchr(words, '|');
		if (!words)
			return NULL;
		words++;
	}
	*length = strcspn(words, "|");
	return words;
}

int row_word(const char *words, const char *word)
{
	size_t length;
	const char *w;

	for (int i = 0; (w = row_word_at(words, i, &length)); i++)
		if (strlen(word) == length && !memcmp(w, word, length))
			return i;
	return -1;
}

const char *row_nearest_word(const char *words, const char *word, size_t *length)
{
	const char *best = NULL, *w;
	size_t near = NEAR + 1, n;

	for (int i = 0; (w = row_word_at(words, i, &n)); i++) {
		size_t far = distance(word, strlen(word), w, n);

		if (far < near && meant(far, n)) {
			near = far;
			best = w;
			*length = n;
		}
	}
	return best;
}

void row_list_get(const void *field, void **v, size_t *count)
{
	uint16_t n;

	memcpy(v, field, sizeof(*v));
	memcpy(&n, (const char *)field + sizeof(*v), sizeof(n));
	*count = n;
}

void row_list_set(void *field, void *v, size_t count)
{
	uint16_t n = (uint16_t)count;

	assert(count <= UINT16_MAX);
	memcpy(field, &v, sizeof(v));
	memcpy((char *)field + sizeof(v), &n, sizeof(n));
}
