// SPDX-License-Identifier: MIT
/* The rows of setting.def are right in themselves: defaults within their ranges, words of enums where conf.h counts them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/row.h"
#include "config/value.h"

static void range(const struct row *r)
{
	uint32_t def, min, max;
	bool (*parse)(const char *, uint32_t *) = r->type == ROW_MICROS ? value_us : value_ms;

	if (r->type == ROW_INT) {
		min = (uint32_t)strtoul(r->min, NULL, 10);
		max = (uint32_t)strtoul(r->max, NULL, 10);
		def = *r->def ? (uint32_t)strtoul(r->def, NULL, 10) : min;
	} else {
		assert_true(parse(r->min, &min));
		assert_true(parse(r->max, &max));
		def = min;
		if (*r->def)
			assert_true(parse(r->def, &def));
	}
	assert_true(min < max);
	assert_in_range(def, min, max);
}

static void one_row(const struct row_group *g, const struct row *r)
{
	bool none = r->flags & (ROW_REQUIRED | ROW_DERIVED);

	if (r->type == ROW_INT || r->type == ROW_DURATION || r->type == ROW_MICROS)
		range(r);
	if (r->type == ROW_ENUM && !none)
		assert_true(row_word(r->min, r->def) >= 0);
	if (none)
		assert_string_equal(r->def, "");
	if (r->type != ROW_GROUP)
		assert_true(strlen(r->meaning) > 5);
	if (r->type == ROW_GROUP || r->type == ROW_LIST)
		assert_non_null(row_inner(r));
	assert_ptr_equal(row_find(g, r->key), r); /* no key twice */
}

static void rows_are_right(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROW_GROUP_COUNT; i++)
		for (size_t k = 0; k < row_groups[i].count; k++)
			one_row(&row_groups[i], &row_groups[i].rows[k]);
}

static void words(const char *group, const char *key, const char *word, int place)
{
	assert_int_equal(row_word(row_find(row_group(group), key)->min, word), place);
}

/* The enums of conf.h count the words of the rows. */
static void enums_are_the_words(void **state)
{
	(void)state;
	words("media", "backend", "epoll", CONF_BACKEND_EPOLL);
	words("media", "backend", "io_uring", CONF_BACKEND_URING);
	words("media", "latch", "guarded", CONF_LATCH_GUARDED);
	words("trunk", "latch", "guarded", CONF_LATCH_GUARDED);
	words("log", "level", "error", CONF_LEVEL_ERROR);
	words("log", "level", "warn", CONF_LEVEL_WARN);
	words("log", "format", "json", CONF_FORMAT_JSON);
	words("interface", "side", "inside", CONF_ZONE_INSIDE);
	words("interface", "side", "outside", CONF_ZONE_OUTSIDE);
	words("interface", "transports", "tcp", CONF_TCP);
	words("trunk", "side", "pbx", CONF_SIDE_PBX);
	words("trunk", "advance_after", "183", CONF_ADVANCE_183);
	words("trunk", "advance_after", "180", CONF_ADVANCE_180);
	words("trunk", "codes_preset", "strict", CONF_PRESET_STRICT);
	words("trunk", "rel100", "no", CONF_REL100_NO);
	words("trunk", "rel100", "require", CONF_REL100_REQUIRE);
	words("probe", "method", "OPTIONS", CONF_PROBE_OPTIONS);
	words("headers", "pai", "strip", CONF_PAI_STRIP);
	words("headers", "pai", "set", CONF_PAI_SET);
	words("profile", "strategy", "failover", CONF_STRATEGY_FAILOVER);
	words("profile", "all_failed", "500", CONF_ALL_500);
	words("profile", "all_failed", "480", CONF_ALL_480);
}

static void nearest_key(void **state)
{
	const struct row_group *target = row_group("target");

	(void)state;
	assert_string_equal(row_nearest(target, "weigth"), "weight"); /* neighbours swapped: one edit */
	assert_string_equal(row_nearest(target, "enabld"), "enabled");
	assert_string_equal(row_nearest(row_group("conf"), "trunk"), "trunks");
	assert_string_equal(row_nearest(row_group("sip"), "T1"), "t1");
	assert_null(row_nearest(target, "wait"));    /* three edits */
	assert_null(row_nearest(row_group("sip"), "x9")); /* as much unlike as like */
	assert_null(row_nearest(target, "a_key_much_longer_than_any_row_has_one"));
}

/* Text without scdoc's backslashes. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++)
		if (*s != '\\' || s[1] == '\\')
			*to++ = *s;
	*to = '\0';
}

/* No setting without its line in manual and example. */
static void every_row_is_told(void **state)
{
	char *manual = NULL, *example = NULL, key[64];
	size_t size;
	FILE *f = open_memstream(&manual, &size);

	(void)state;
	conf_manual(f);
	fclose(f);
	f = open_memstream(&example, &size);
	conf_example(f);
	fclose(f);
	unescape(manual);
	for (size_t i = 0; i < ROW_GROUP_COUNT; i++)
		for (size_t k = 0; k < row_groups[i].count; k++) {
			const struct row *r = &row_groups[i].rows[k];

			snprintf(key, sizeof(key), r->type == ROW_GROUP ? "%s\n\n" : "*%s*", r->key);
			assert_non_null(strstr(manual, key));
			snprintf(key, sizeof(key), "%s = ", r->key);
			assert_non_null(strstr(example, key));
			if (r->type != ROW_LIST) /* told by the title of its group */
				assert_non_null(strstr(example, r->meaning));
		}
	free(manual);
	free(example);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_right),
		cmocka_unit_test(enums_are_the_words),
		cmocka_unit_test(nearest_key),
		cmocka_unit_test(every_row_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
