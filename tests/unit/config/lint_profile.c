// SPDX-License-Identifier: MIT
/* What `kedge check` says of a profile: targets that fail together, too little room or time behind the first one, eager retries;
 * of emergency numbers, of routes that send calls back. A2 A58 A60 A109 A125 A144. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/config/rig.h"

#define HEAD                                                                                           \
	"interfaces = ( { name = \"inside\"; address = \"192.0.2.1\"; rtp_ports = \"20000-29999\"; },\n"  \
	"  { name = \"outside\"; address = \"198.51.100.1\"; } );\n"
#define TRUNK(name, host, more) "{ name = \"" name "\"; side = \"carrier\"; uri = \"sip:" host "\"; " more " }"
#define PBX                     "{ name = \"pbx\"; side = \"pbx\"; uri = \"sip:192.0.2.10\"; }"
#define P(more)                 "profiles = ( { name = \"p\"; " more " targets = ( { trunk = \"a\"; }, { trunk = \"b\"; } ); } );\n"
#define ROUTE                   "routes = ( { name = \"r\"; from = \"pbx\"; profile = \"p\"; } );\n"
#define AB(a, b)                HEAD "trunks = ( " PBX ", " a ", " b " );\n"

/* Every word must be told, as an error or a warning; NULL: nothing is. */
static void says(const char *text, enum err_level level, const char *words)
{
	char file[] = "/tmp/kedge-conf-XXXXXX";
	struct err_list errs = { 0 };
	int fd = mkstemp(file);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	struct conf *c;
	bool told = !words;

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	c = conf_load(file, 0, &errs);
	unlink(file);
	for (size_t i = 0; words && i < errs.count; i++)
		told |= errs.v[i].level == level && strstr(errs.v[i].text, words);
	if (!told || (!words && errs.count)) {
		err_print(&errs, stderr);
		fail_msg("%s was not all that was told", words ? words : "nothing");
	}
	err_fini(&errs);
	conf_unref(c);
}

#define WARNS(text, words)   says(text, ERR_WARNING, words)
#define REFUSES(text, words) says(text, ERR_ERROR, words)
#define SILENT(text)         says(text, ERR_WARNING, NULL)

static void shared_fate(void **state)
{
	(void)state;
	SILENT(AB(TRUNK("a", "203.0.113.5", "carrier = \"x\"; pop = \"lon\";"), TRUNK("b", "192.0.3.5", "carrier = \"y\"; pop = \"par\";")) P("") ROUTE);
	WARNS(AB(TRUNK("a", "203.0.113.5", "carrier = \"x\";"), TRUNK("b", "192.0.3.5", "carrier = \"x\";")) P("") ROUTE, "are of carrier \"x\"");
	WARNS(AB(TRUNK("a", "203.0.113.5", "pop = \"lon\";"), TRUNK("b", "192.0.3.5", "pop = \"lon\";")) P("") ROUTE, "end at pop \"lon\"");
	WARNS(AB(TRUNK("a", "203.0.113.5", ""), TRUNK("b", "203.0.113.77", "")) P("") ROUTE, "are in one network");
	SILENT(AB(TRUNK("a", "127.0.0.5", ""), TRUNK("b", "127.0.0.6", "")) P("") ROUTE);
	WARNS(AB(TRUNK("a", "sip.x.example", "sources = [ \"203.0.113.0/24\" ];"), TRUNK("b", "sip.x.example", "sources = [ \"192.0.3.0/24\" ];")) P("") ROUTE,
	    "found by one name, \"sip.x.example\"");
	SILENT(AB(TRUNK("a", "sip.x.example", "sources = [ \"203.0.113.0/24\" ];"), TRUNK("b", "sip.y.example", "sources = [ \"192.0.3.0/24\" ];")) P("") ROUTE);
	WARNS(AB(TRUNK("a", "203.0.113.5", ""), TRUNK("b", "192.0.3.5", ""))
	          "profiles = ( { name = \"p\"; targets = ( { trunk = \"a\"; }, { trunk = \"b\"; enabled = false; } ); } );\n" ROUTE,
	    "only one carrier trunk");
}

static void room_without_the_first(void **state)
{
	(void)state;
	WARNS(AB(TRUNK("a", "203.0.113.5", "max_calls = 200;"), TRUNK("b", "192.0.3.5", "max_calls = 150;")) P("") ROUTE, "carries 200 calls, the others together 150");
	SILENT(AB(TRUNK("a", "203.0.113.5", "max_calls = 150;"), TRUNK("b", "192.0.3.5", "max_calls = 150;")) P("") ROUTE);
	WARNS(AB(TRUNK("a", "203.0.113.5", "max_cps = 20;"), TRUNK("b", "192.0.3.5", "max_cps = 10;")) P("") ROUTE, "20 calls a second, the others together 10");
	SILENT(AB(TRUNK("a", "203.0.113.5", "max_cps = 20;"), TRUNK("b", "192.0.3.5", "")) P("") ROUTE);
}

static void time_and_tries(void **state)
{
#define TWO AB(TRUNK("a", "203.0.113.5", ""), TRUNK("b", "192.0.3.5", ""))
	(void)state;
	SILENT(TWO P("setup_budget = \"128s\";") ROUTE);
	WARNS(TWO P("setup_budget = \"20s\"; ring_timeout = \"10s\";") ROUTE, "leaves its last target less than 15s");
	REFUSES(TWO P("retry_same = { max = 1; max_delay = \"200s\"; };") ROUTE, "retry_same.max_delay: \"200s\" is not shorter than setup_budget");
	WARNS(TWO P("retry_same = { max = 1; base = \"5s\"; max_delay = \"2s\"; };") ROUTE, "retry_same.base: \"5s\" is longer than max_delay");
	WARNS(TWO P("max_retries = 4;") ROUTE, "4 more carriers called for one call");
	WARNS(AB(TRUNK("a", "203.0.113.5", "timers = { first_response = \"6s\"; };"), TRUNK("b", "192.0.3.5", "")) P("") ROUTE, "of silence before moving on");
	WARNS(AB(TRUNK("a", "203.0.113.5", "timers = { first_response = \"900ms\"; };"), TRUNK("b", "192.0.3.5", "")) P("") ROUTE, "one lost packet for a dead carrier");
	WARNS(AB(TRUNK("a", "203.0.113.5", "timers = { progress = \"5s\"; progress_failover = \"10s\"; ring = \"14s\"; };"), TRUNK("b", "192.0.3.5", "")) P("") ROUTE,
	    "while phones still ring");
	WARNS(AB(TRUNK("a", "203.0.113.5", "codes = { next = \"486\"; };"), TRUNK("b", "192.0.3.5", "")) P("") ROUTE, "delivers duplicate calls");
}

static void retries_by_targets(void **state)
{
	struct conf *c = rig_load(TWO P("") ROUTE, 0);

	(void)state;
	assert_int_equal(c->profiles.v[0].retry_same.max, 0);
	conf_unref(c);
	c = rig_load(TWO "profiles = ( { name = \"p\"; targets = ( { trunk = \"a\"; } ); } );\n" ROUTE, 0);
	assert_int_equal(c->profiles.v[0].retry_same.max, 3);
	assert_int_equal(c->profiles.v[0].retry_same.max_delay_ms, 30000);
	conf_unref(c);
	c = rig_load(TWO "profiles = ( { name = \"p\"; setup_budget = \"2s\"; ring_timeout = \"1s\"; targets = ( { trunk = \"a\"; } ); } );\n" ROUTE, 0);
	assert_int_equal(c->profiles.v[0].retry_same.max_delay_ms, 1999); /* what is printed can be read again */
	conf_unref(c);
}

static void emergency(void **state)
{
#define SOS(routes) TWO "profiles = ( { name = \"p\"; targets = ( { trunk = \"a\"; }, { trunk = \"b\"; } ); },\n" \
	"  { name = \"sos\"; targets = ( { trunk = \"b\"; }, { trunk = \"a\"; } ); } );\nroutes = ( " routes " );\n"
#define PLAIN "{ name = \"r\"; from = \"pbx\"; prefix = \"0\"; profile = \"p\"; }"
	(void)state;
	SILENT(SOS(PLAIN ", { name = \"s\"; did = \"112\"; profile = \"sos\"; }") "emergency = [ \"112\" ];\n");
	SILENT(SOS(PLAIN ", { name = \"s\"; prefix = \"112\"; profile = \"sos\"; }") "emergency = [ \"+112\" ];\n");
	REFUSES(SOS(PLAIN ", { name = \"s\"; did = \"112\"; profile = \"sos\"; }") "emergency = [ \"112\", \"911\" ];\n", "no route takes \"911\"");
	REFUSES(SOS(PLAIN ", { name = \"s\"; did = \"112\"; profile = \"sos\"; }") "emergency = [ \"sos\" ];\n", "expected numbers");
	WARNS(SOS("{ name = \"r\"; from = \"pbx\"; profile = \"p\"; }, { name = \"s\"; prefix = \"9\"; profile = \"sos\"; }") "emergency = [ \"112\" ];\n",
	    "like ordinary calls (route \"r\")");
}

/* Without `from` a route takes its own targets' calls too, but for those that a route of the same number takes from them by name. */
static void routes_back(void **state)
{
#define INOUT                "profiles = ( { name = \"p\"; targets = ( { trunk = \"a\"; }, { trunk = \"b\"; } ); }, { name = \"in\"; targets = ( { trunk = \"pbx\"; } ); } );\n"
#define GOES(more)           "{ name = \"r\"; " more " profile = \"p\"; }"
#define COMES(name, more)    ", { name = \"" name "\"; " more " profile = \"in\"; }"
#define ROUTES(routes)       TWO INOUT "routes = ( " routes " );\n"
#define BACK(trunk, profile) ": takes calls of trunk \"" trunk "\" too, and profile \"" profile "\" sends them back to it: say whose, from = \"...\""
	(void)state;
	WARNS(ROUTES(GOES("") COMES("i", "prefix = \"+4420\";")), BACK("a", "p"));
	WARNS(ROUTES(GOES("from = \"*\"; prefix = \"+44\";") COMES("i", "from = \"a\"; prefix = \"+4420\";") COMES("k", "from = \"b\"; prefix = \"+44\";")), BACK("a", "p"));
	WARNS(ROUTES(GOES("prefix = \"+44\";") COMES("i", "from = \"a\"; prefix = \"+44\";") COMES("k", "from = \"b\";")), BACK("b", "p"));
	SILENT(ROUTES(GOES("") COMES("i", "from = \"a\";") COMES("k", "from = \"b\";")));
	SILENT(ROUTES(GOES("from = \"pbx\";") COMES("i", "prefix = \"+4420\";"))); /* it calls its own numbers */
	WARNS(ROUTES(GOES("from = \"pbx\"; prefix = \"0\";") COMES("i", "")), BACK("pbx", "in"));
	REFUSES(ROUTES(GOES("from = \"pxb\";") COMES("i", "did = \"1\";")), "there is no trunk \"pxb\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shared_fate),
		cmocka_unit_test(room_without_the_first),
		cmocka_unit_test(time_and_tries),
		cmocka_unit_test(retries_by_targets),
		cmocka_unit_test(emergency),
		cmocka_unit_test(routes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
