// SPDX-License-Identifier: MIT
/* What an operator is told of two configurations: each setting that differs, once, and what a reload cannot do. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "config/diff.h"
#include "config/follow.h"
#include "rig.h"

#define A RIG_TRUNK("a", "1", "")
#define B RIG_TRUNK("b", "2", "")
#define P "profiles = ( { name = \"p\"; targets = ( { trunk = \"a\"; }, { trunk = \"b\"; weight = 7; } ); } );\n"
#define R "routes = ( { name = \"r\"; profile = \"p\"; } );\n"
#define BASE RIG_HEAD "trunks = ( " A "," B " );\n" P R

static void differs(const char *from, const char *to, size_t restarts, const char *expected)
{
	struct conf *a = rig_load(from, CONF_UNSCALED), *b = rig_load(to, CONF_UNSCALED);
	struct diff_list l = { 0 };
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	diff_find(&l, a, b);
	for (size_t i = 0; i < l.count; i++) {
		diff_print(&l.v[i], out);
		fputc('\n', out);
	}
	fclose(out);
	assert_string_equal(text, expected);
	assert_int_equal(l.restarts, restarts);
	free(text);
	diff_fini(&l);
	conf_unref(a);
	conf_unref(b);
}

static void nothing(void **state)
{
	(void)state;
	differs(BASE, BASE, 0, "");
	differs(BASE, "# a word, and the default by hand\nsip = { t1 = \"500ms\"; };\n" R "trunks = ( " B "," A " );\n" P RIG_HEAD, 0, "");
}

static void settings(void **state)
{
	(void)state;
	differs(BASE, BASE "log = { level = \"debug\"; };\ncdr = { file = \"/var/log/cdr\"; };\n", 0,
	    "log.level: \"info\" -> \"debug\"\ncdr.file: \"\" -> \"/var/log/cdr\"\n");
	differs(BASE, RIG_HEAD "trunks = ( " A "," RIG_TRUNK("b", "2", "probe = { interval = \"10s\"; }; codes = { map = [ \"404:503\" ]; };") " );\n" P R, 0,
	    "trunk \"b\".probe.interval: \"30s\" -> \"10s\"\ntrunk \"b\".codes.map: [ ] -> [ \"404:503\" ]\n");
	differs(BASE, RIG_HEAD "trunks = ( " A "," B " );\nroutes = ( { name = \"r\"; prefix = \"+44\"; profile = \"p\"; } );\n" P, 0,
	    "route \"r\".prefix: unset -> \"+44\"\n");
}

static void objects(void **state)
{
	(void)state;
	differs(BASE, RIG_HEAD "trunks = ( " A "," RIG_TRUNK("c", "3", "") " );\n"
	    "profiles = ( { name = \"p\"; targets = ( { trunk = \"c\"; }, { trunk = \"a\"; } ); }, { name = \"q\"; targets = ( { trunk = \"a\"; } ); } );\n" R, 0,
	    "trunk \"b\": removed\ntrunk \"c\": added\nprofile \"p\".targets: a, b -> c, a\nprofile \"p\".target \"a\".position: 1 -> 2\nprofile \"q\": added\n");
	differs(BASE, RIG_HEAD "trunks = ( " A "," B " );\n" R
	    "profiles = ( { name = \"p\"; targets = ( { trunk = \"a\"; enabled = false; }, { trunk = \"b\"; weight = 7; } ); } );\n", 0,
	    "profile \"p\".setup_budget: \"128s\" -> \"120s\"\nprofile \"p\".retry_same.max: 0 -> 3\nprofile \"p\".target \"a\".enabled: true -> false\n"); /* what follows from it, too */
}

/* They have no name but their number. */
static void numbers(void **state)
{
	(void)state;
	differs(BASE "test_numbers = ( { number = \"1\"; }, { number = \"2\"; does = \"busy\"; } );\n",
	    BASE "test_numbers = ( { number = \"2\"; }, { number = \"3\"; } );\n", 0,
	    "test_number \"1\": removed\ntest_number \"2\".does: \"busy\" -> \"echo\"\ntest_number \"3\": added\n");
}

static void restarts(void **state)
{
	(void)state;
	differs(BASE, BASE "limits = { max_calls = 100; };\n", 1, "limits.max_calls: 2000 -> 100 (needs a restart)\n");
	differs(BASE, "interfaces = ( { name = \"inside\"; address = \"127.0.3.1\"; sip_port = 5070; }, { name = \"outside\"; address = \"127.0.4.1\"; },"
	    " { name = \"third\"; address = \"127.0.5.1\"; } );\ntrunks = ( " A "," B " );\n" P R, 2,
	    "interface \"inside\".sip_port: 5060 -> 5070 (needs a restart)\ninterface \"third\": added (needs a restart)\n");
}

/* A place that is merely kept is no trunk. */
static void gone(void **state)
{
	struct conf *one = rig_load(BASE, CONF_UNSCALED), *two, *three;
	struct diff_list l = { 0 };
	const char *less = RIG_HEAD "trunks = ( " B " );\nprofiles = ( { name = \"p\"; targets = ( { trunk = \"b\"; } ); } );\n" R;

	(void)state;
	two = rig_load(less, CONF_UNSCALED);
	three = rig_load(less, CONF_UNSCALED);
	assert_int_equal(conf_follow(two, one, NULL, 0), 0);
	diff_find(&l, two, three);
	assert_int_equal(l.count, 0);
	diff_find(&l, three, two);
	assert_int_equal(l.count, 0);
	diff_fini(&l);
	conf_unref(one);
	conf_unref(two);
	conf_unref(three);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing),
		cmocka_unit_test(settings),
		cmocka_unit_test(objects),
		cmocka_unit_test(numbers), cmocka_unit_test(restarts),
		cmocka_unit_test(gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
