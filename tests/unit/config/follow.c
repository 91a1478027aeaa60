// SPDX-License-Identifier: MIT
/* One configuration after another: whoever keeps his name keeps his place, and a place is not given away while a call still means it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/follow.h"
#include "config/value.h"
#include "rig.h"

#define A RIG_TRUNK("a", "1", "")
#define B RIG_TRUNK("b", "2", "breaker = { open = \"7s\"; }; headers = { set = [ \"X-B: 1\" ]; number_format = \"national:44\"; }; codes = { next = \"403\"; };")
#define C RIG_TRUNK("c", "3", "")
#define D RIG_TRUNK("d", "4", "")
#define SWAPPED                                                                                        \
	"interfaces = ( { name = \"outside\"; address = \"127.0.4.1\"; },\n"                           \
	"  { name = \"inside\"; address = \"127.0.3.1\"; } );\n"

static struct conf *conf(const char *head, const char *trunks, const char *more)
{
	char text[4096];

	snprintf(text, sizeof(text), "%strunks = ( %s );\n%s", head, trunks, more);
	return rig_load(text, 0);
}

/* "a b -c": in order of places, those that are gone with a minus. */
static void places(const struct conf *c, const char *expected)
{
	char text[128] = "";

	for (uint16_t i = 0; i < c->trunks.count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s%s", i ? " " : "", c->trunks.v[i].gone ? "-" : "", c->trunks.v[i].name);
	assert_string_equal(text, expected);
}

static void same_names_same_places(void **state)
{
	struct conf *one = conf(RIG_HEAD, A "," B "," C, ""), *two, *three;

	(void)state;
	two = conf(SWAPPED, D "," C "," A,
	    "profiles = ( { name = \"p\"; on_busy = \"target:a\"; targets = ( { trunk = \"d\"; }, { trunk = \"a\"; } ); } );\n"
	    "routes = ( { name = \"r\"; from = \"c\"; profile = \"p\"; }, { name = \"s\"; profile = \"p\"; } );\n");
	assert_int_equal(conf_follow(two, one, NULL, 0), 0);
	places(two, "a -b c d");
	assert_string_equal(two->interfaces.v[0].name, "inside");
	assert_int_equal(two->trunks.v[0].interface, 1);
	assert_int_equal(two->trunks.v[3].interface, 1);
	assert_int_equal(two->profiles.v[0].targets.v[0].trunk, 3);
	assert_int_equal(two->profiles.v[0].targets.v[1].trunk, 0);
	assert_int_equal(two->profiles.v[0].on_busy_trunk, 0);
	assert_int_equal(two->routes.v[0].from, 2);
	assert_int_equal(two->routes.v[1].from, CONF_NONE);
	/* He comes back, to his own place. */
	three = conf(RIG_HEAD, B "," D, "");
	assert_int_equal(conf_follow(three, two, NULL, 0), 0);
	places(three, "-a b -c d");
	conf_unref(one);
	conf_unref(two);
	conf_unref(three);
}

/* A gone trunk keeps its own settings though the configuration they came from is freed, and is found by nobody. */
static void gone(void **state)
{
	struct conf *one = conf(RIG_HEAD, A "," B, ""), *two = conf(RIG_HEAD, A, "");
	const struct conf_trunk *b;
	struct conf_addr addr;
	char *text = NULL;
	size_t size;
	FILE *out;

	(void)state;
	assert_int_equal(conf_follow(two, one, NULL, 0), 0);
	conf_unref(one);
	b = &two->trunks.v[1];
	assert_true(b->gone);
	assert_string_equal(b->name, "b");
	assert_string_equal(b->uri.host, "127.0.2.2");
	assert_string_equal(b->headers.set.v[0], "X-B: 1");
	assert_string_equal(b->headers.country, "");
	assert_int_equal(b->headers.lines.count, 0);
	assert_int_equal(b->codes.rules.count, 0);
	assert_int_equal(b->breaker.open_ms, 7000);
	assert_int_equal(b->probe.method, CONF_PROBE_NONE);
	assert_int_equal(b->hops.count, 0);
	assert_int_equal(conf_trunk_find(two, "b"), CONF_NONE);
	assert_true(value_ip("127.0.2.2", &addr));
	assert_int_equal(conf_trunk_of(two, &addr, 1), CONF_NONE);
	assert_true(conf_trunk_left(two, &addr));
	assert_true(value_ip("127.0.2.1", &addr));
	assert_int_equal(conf_trunk_of(two, &addr, 1), 0);
	assert_false(conf_trunk_left(two, &addr));
	out = open_memstream(&text, &size);
	conf_print(two, out);
	fclose(out);
	assert_non_null(strstr(text, "\"a\""));
	assert_null(strstr(text, "\"b\""));
	free(text);
	conf_unref(two);
}

/* A place is free when no configuration in use means somebody else by it. */
static void reused(void **state)
{
	struct conf *one = conf(RIG_HEAD, A "," B, ""), *two = conf(RIG_HEAD, A, ""), *three = conf(RIG_HEAD, A "," C, "");
	struct conf *four = conf(RIG_HEAD, A "," D, ""), *five = conf(RIG_HEAD, A "," B, "");
	const struct conf *used[] = { one, two };

	(void)state;
	assert_int_equal(conf_follow(two, one, NULL, 0), 0);
	places(two, "a -b");
	assert_int_equal(conf_follow(three, two, used, 2), 0); /* a call of the first one may still go through b */
	places(three, "a -b c");
	assert_int_equal(conf_follow(four, three, &used[1], 1), 0); /* the last one ended */
	places(four, "a d -c");
	assert_int_equal(conf_follow(five, four, NULL, 0), 0);
	places(five, "a -d b");
	conf_unref(one);
	conf_unref(two);
	conf_unref(three);
	conf_unref(four);
	conf_unref(five);
}

static void impossible(void **state)
{
	struct conf *one = conf(RIG_HEAD, A, ""), *two, *many;
	char trunks[CONF_TRUNKS_MAX * 80] = "", *at = trunks;
	char *text;

	(void)state;
	two = conf("interfaces = ( { name = \"outside\"; address = \"127.0.4.1\"; } );\n", A, "");
	assert_int_equal(conf_follow(two, one, NULL, 0), -EXDEV);
	assert_int_equal(two->trunks.v[0].interface, 0);
	conf_unref(two);
	two = conf("interfaces = ( { name = \"outer\"; side = \"outside\"; address = \"127.0.4.1\"; }, { name = \"inside\"; address = \"127.0.3.1\"; } );\n", A, "");
	assert_int_equal(conf_follow(two, one, NULL, 0), -EXDEV);
	conf_unref(two);
	for (unsigned i = 0; i < CONF_TRUNKS_MAX; i++)
		at += sprintf(at, "%s{ name = \"t%u\"; side = \"carrier\"; uri = \"sip:127.1.%u.%u\"; }", i ? "," : "", i, i / 200 + 1, i % 200 + 1);
	assert_true(asprintf(&text, RIG_HEAD "trunks = ( %s );\n", trunks) > 0);
	many = rig_load(text, 0);
	free(text);
	assert_int_equal(conf_follow(many, one, NULL, 0), -ENOSPC); /* with the place of the one that goes there are too many */
	conf_unref(many);
	conf_unref(one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_names_same_places),
		cmocka_unit_test(gone),
		cmocka_unit_test(reused),
		cmocka_unit_test(impossible),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
