// SPDX-License-Identifier: MIT
/* The configuration as an operator meets it: each mistake told with its file, line and what would be right, all at once; what is
 * printed parses back to itself; the examples are right. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/conf.h"
#include "config/value.h"

static char dir[] = "/tmp/kedge-conf-XXXXXX";

static void put_file(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void drop_file(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(unlink(path), 0);
}

/* Loads dir/kedge.cfg; *told gets all errors, with the directory taken off. Free with free(). */
static struct conf *load(unsigned flags, char **told)
{
	struct err_list errs = { 0 };
	char path[256], *raw = NULL, *at;
	size_t size, n = strlen(dir) + 1;
	struct conf *c;
	FILE *f;

	snprintf(path, sizeof(path), "%s/kedge.cfg", dir);
	c = conf_load(path, flags, &errs);
	f = open_memstream(&raw, &size);
	err_print(&errs, f);
	fclose(f);
	assert_true(!!c == !errs.errors);
	err_fini(&errs);
	snprintf(path, sizeof(path), "%s/", dir);
	while ((at = strstr(raw, path)))
		memmove(at, at + n, strlen(at + n) + 1);
	*told = raw;
	return c;
}

/* A configuration without a mistake, one setting per line; a test replaces or adds lines. Three interfaces' worth of room. */
#define HEAD                                                                                       \
	"interfaces = ( { name = \"inside\"; address = \"127.0.3.1\"; rtp_ports = \"20000-29999\"; },\n" \
	"  { name = \"outside\"; address = \"127.0.4.1\"; rtp_ports = \"20000-29999\"; } );\n"
#define TRUNKS                                                                                     \
	"trunks = ( { name = \"pbx1\"; side = \"pbx\"; uri = \"sip:127.0.1.1\"; },\n"                  \
	"  { name = \"alpha\"; side = \"carrier\"; carrier = \"a\"; uri = \"sip:127.0.2.1\"; },\n"      \
	"  { name = \"beta\"; side = \"carrier\"; carrier = \"b\"; uri = \"sip:127.0.2.2\"; } );\n"
#define REST_TRUNKS(cps)                                                                                                              \
	"trunks = ( { name = \"pbx1\"; side = \"pbx\"; uri = \"sip:127.0.1.1\"; },\n"                                                     \
	"  { name = \"alpha\"; side = \"carrier\"; carrier = \"a\"; uri = \"sip:127.0.2.1\"; max_cps = " cps "; },\n"                     \
	"  { name = \"beta\"; side = \"carrier\"; carrier = \"b\"; uri = \"sip:127.0.2.2\"; } );\n"
#define PROFILES "profiles = ( { name = \"out\"; targets = ( { trunk = \"alpha\"; }, { trunk = \"beta\"; } ); } );\n"
#define ROUTES   "routes = ( { name = \"all\"; from = \"pbx1\"; profile = \"out\"; } );\n"
#define TAIL     PROFILES ROUTES

static void tells_with(unsigned flags, const char *text, const char *expected)
{
	struct conf *c;
	char *told;

	put_file("kedge.cfg", text);
	c = load(flags, &told);
	assert_string_equal(told, expected);
	conf_unref(c);
	free(told);
}

static void tells(const char *text, const char *expected)
{
	tells_with(0, text, expected);
}

/* One trunk with a line of its own, line 4 of the file. */
static void trunk_tells(const char *line, const char *expected)
{
	char text[4096], out[1024];

	snprintf(text, sizeof(text), "%strunks = (\n%s );\n", HEAD, line);
	snprintf(out, sizeof(out), "kedge.cfg:1: warning: there are no routes: every call will be refused\n%s", expected);
	tells(text, out);
}

#define ALPHA "{ name = \"alpha\"; side = \"carrier\"; uri = \"sip:127.0.2.1\"; "

static void nothing_wrong(void **state)
{
	(void)state;
	tells(HEAD TRUNKS TAIL, "");
}

static void files(void **state)
{
	struct err_list errs = { 0 };

	(void)state;
	assert_null(conf_load("/nonexistent/kedge.cfg", 0, &errs));
	assert_int_equal(errs.count, 1);
	assert_string_equal(errs.v[0].file, "/nonexistent/kedge.cfg");
	assert_int_equal(errs.v[0].line, 0);
	assert_string_equal(errs.v[0].text, "cannot be read: No such file or directory");
	err_fini(&errs);
	errs = (struct err_list){ 0 };
	assert_null(conf_load("/", 0, &errs));
	assert_int_equal(errs.count, 1);
	assert_string_equal(errs.v[0].text, "cannot be read: Is a directory");
	err_fini(&errs);
	tells(HEAD "trunks = (\n", "kedge.cfg:4: error: syntax error near: (empty line)\n");
	tells(HEAD "sip = { t1 \"1s\"; };\n", "kedge.cfg:3: error: syntax error near: sip = { t1 \"1s\"; };\n");
	tells(HEAD "sip = { };\nsip = { };\n", "kedge.cfg:4: error: duplicate setting name near: sip = { };\n");
	tells(HEAD "@include \"gone.cfg\"\n", "kedge.cfg:3: error: this file cannot be read: @include \"gone.cfg\"\n");
}

/* @include is relative to the file, wherever the process stands; positions inside it are its own. */
static void includes(void **state)
{
	(void)state;
	put_file("more.cfg", "\nsip = { t9 = \"1s\"; };\n");
	tells(HEAD TRUNKS TAIL "@include \"more.cfg\"\n", "more.cfg:2: error: sip: unknown key \"t9\"; did you mean \"t1\"?\n");
	drop_file("more.cfg");
}

static void keys(void **state)
{
	(void)state;
	tells(HEAD TRUNKS TAIL "trunkz = ( );\n", "kedge.cfg:8: error: unknown key \"trunkz\"; did you mean \"trunks\"?\n");
	tells(HEAD TRUNKS TAIL "run = { dir = \"/run/01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234\"; };\n",
	    "kedge.cfg:8: error: admin.socket: \"/run/01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234/admin.sock\""
	    " is longer than a unix socket's name may be (107)\n");
	tells(HEAD TRUNKS TAIL "frobnicate = 1;\n", "kedge.cfg:8: error: unknown key \"frobnicate\"\n");
	tells(HEAD TRUNKS TAIL "sip = 5;\n", "kedge.cfg:8: error: sip: expected a group { key = value; }, got 5\n");
	tells(HEAD TRUNKS "profiles = { };\n" ROUTES,
	    "kedge.cfg:6: error: profiles: expected a list ( { ... }, { ... } ), got a group { }\n"
	    "kedge.cfg:7: error: route \"all\".profile: there is no profile \"out\"\n");
	trunk_tells(ALPHA "weigth = 5; }", "kedge.cfg:4: error: trunk \"alpha\": unknown key \"weigth\"\n");
	trunk_tells(ALPHA "prob = { }; }", "kedge.cfg:4: error: trunk \"alpha\": unknown key \"prob\"; did you mean \"probe\"?\n");
	trunk_tells(ALPHA "probe = { intervall = \"30s\"; }; }",
	    "kedge.cfg:4: error: trunk \"alpha\".probe: unknown key \"intervall\"; did you mean \"interval\"?\n");
	tells(HEAD TRUNKS "profiles = ( { name = \"out\";\n targets = ( { trunk = \"alpha\"; }, { trunk = \"beta\"; weigth = 5; } ); } );\n" ROUTES,
	    "kedge.cfg:7: error: profile \"out\", target 2: unknown key \"weigth\"; did you mean \"weight\"?\n");
	trunk_tells("{ side = \"carrier\"; uri = \"sip:127.0.2.1\"; }", "kedge.cfg:4: error: trunk 1: missing \"name\" (name; in trunks.d it is the file's)\n");
	trunk_tells("{ name = \"alpha\"; side = \"carrier\"; }",
	    "kedge.cfg:4: error: trunk \"alpha\": missing \"uri\" (\"sip:HOST[:PORT][;transport=udp|tcp]\": host of Request-URI and To, and where requests go)\n");
	trunk_tells("5", "kedge.cfg:4: error: trunk 1: expected a group { key = value; }, got 5\n");
	tells("sip = { };\n", "kedge.cfg:1: error: missing \"interfaces\" (local addresses)\n"
			     "kedge.cfg:1: warning: there are no routes: every call will be refused\n");
}

static void types(void **state)
{
	(void)state;
	tells(HEAD TRUNKS TAIL "sip = { t1 = 500; };\n",
	    "kedge.cfg:8: error: sip.t1: expected a duration \"50ms\"..\"5s\", got the bare number 500: write its unit, \"500s\" or \"500ms\"\n");
	tells(HEAD TRUNKS TAIL "sip = { t1 = \"thirty\"; };\n", "kedge.cfg:8: error: sip.t1: expected a duration \"50ms\"..\"5s\", got \"thirty\"\n");
	tells(HEAD TRUNKS TAIL "sip = { t1 = \"6s\"; };\n", "kedge.cfg:8: error: sip.t1: expected a duration \"50ms\"..\"5s\", got \"6s\"\n");
	tells(HEAD TRUNKS TAIL "sip = { max_forwards = \"70\"; };\n", "kedge.cfg:8: error: sip.max_forwards: expected a whole number 1..255, got \"70\"\n");
	tells(HEAD TRUNKS TAIL "sip = { max_forwards = 0; };\n", "kedge.cfg:8: error: sip.max_forwards: expected a whole number 1..255, got 0\n");
	tells(HEAD TRUNKS TAIL "sip = { max_forwards = 1.5; };\n", "kedge.cfg:8: error: sip.max_forwards: expected a whole number 1..255, got 1.5\n");
	tells(HEAD TRUNKS TAIL "sip = { user_agent = true; };\n", "kedge.cfg:8: error: sip.user_agent: expected a string, got true\n");
	tells(HEAD TRUNKS TAIL "sip = { user_agent = \"a\\x0d\\x0aEvil: 1\"; };\n",
	    "kedge.cfg:8: error: sip.user_agent: control characters and bytes that are not UTF-8 are not allowed\n");
	tells(HEAD TRUNKS TAIL "sip = { t1 = \"a\\x0a\\x1b[2J\\xff\"; };\n",
	    "kedge.cfg:8: error: sip.t1: expected a duration \"50ms\"..\"5s\", got \"a??[2J?\"\n");
	tells(HEAD TRUNKS TAIL "media = { backend = \"uring\"; };\n",
	    "kedge.cfg:8: error: media.backend: expected \"auto\", \"io_uring\" or \"epoll\", got \"uring\"\n");
	tells(HEAD TRUNKS TAIL "media = { backend = \"epol\"; };\n",
	    "kedge.cfg:8: error: media.backend: expected \"auto\", \"io_uring\" or \"epoll\", got \"epol\"; did you mean \"epoll\"?\n");
	tells(HEAD TRUNKS TAIL "media = { window = \"6ms\"; };\n", "kedge.cfg:8: error: media.window: expected a duration \"0us\"..\"5ms\", got \"6ms\"\n");
	trunk_tells(ALPHA "trusted = 1; }", "kedge.cfg:4: error: trunk \"alpha\".trusted: expected true or false, got 1\n");
	trunk_tells(ALPHA "degraded_mos = 3.5; }",
	    "kedge.cfg:4: error: trunk \"alpha\".degraded_mos: expected a whole number 0..44 (tenths: 35 for 3.5), got 3.5\n");
	trunk_tells(ALPHA "degraded_loss = 3.5; }", "kedge.cfg:4: error: trunk \"alpha\".degraded_loss: expected a whole number 0..100, got 3.5\n");
	trunk_tells(ALPHA "sources = \"127.0.2.1\"; }",
	    "kedge.cfg:4: error: trunk \"alpha\".sources: expected a list of at most 1000 strings, [ \"...\", \"...\" ], got \"127.0.2.1\"\n");
	trunk_tells(ALPHA "sources = [ \"127.0.2.1/24\" ]; }",
	    "kedge.cfg:4: error: trunk \"alpha\".sources: \"127.0.2.1/24\": has bits set behind its prefix length\n");
	trunk_tells("{ name = \"a b\"; side = \"pbx\"; uri = \"sip:127.0.1.1\"; }",
	    "kedge.cfg:4: error: trunk \"a b\".name: expected a name of 1 to 31 letters, digits, \"-\", \"_\" or \".\", got \"a b\"\n");
	trunk_tells("{ name = \"x\"; side = \"pbx\"; uri = \"sips:127.0.1.1\"; }",
	    "kedge.cfg:4: error: trunk \"x\".uri: \"sips:127.0.1.1\": expected \"sip:HOST[:PORT][;transport=udp|tcp]\"\n");
}

/* libconfig cuts these silently: 3000000000 becomes -1294967296, 99999999999 becomes 1215752191. */
static void numbers_beyond_32_bits(void **state)
{
	(void)state;
	tells(HEAD TRUNKS TAIL "# 99999999999\n/* 99999999999\n*/ limits = { max_calls = 99999999999; }; // \"\nlog = { file = \"99999999999\"; };\n",
	    "kedge.cfg:10: error: the number 99999999999 does not fit into 32 bits: write 99999999999L\n"
	    "kedge.cfg:10: error: limits.max_calls: expected a whole number 1..32768, got 1215752191\n");
	tells(HEAD TRUNKS TAIL "limits = { max_calls = 4294968296; };\n", /* would read as 1000 */
	    "kedge.cfg:8: error: the number 4294968296 does not fit into 32 bits: write 4294968296L\n");
	tells(HEAD TRUNKS TAIL "#* no block begins here\nlimits = { max_calls = 4294968296; };\n",
	    "kedge.cfg:9: error: the number 4294968296 does not fit into 32 bits: write 4294968296L\n");
	tells(HEAD TRUNKS TAIL "limits = { max_calls = 4294968296L; };\n",
	    "kedge.cfg:8: error: limits.max_calls: expected a whole number 1..32768, got 4294968296\n");
	tells(HEAD TRUNKS TAIL "limits = { max_calls = 1000L; };\n", "");
	tells(HEAD TRUNKS TAIL "limits = { max_calls = 0x100000400; };\n",
	    "kedge.cfg:8: error: the number 0x100000400 does not fit into 32 bits: write 0x100000400L\n");
}

static void references(void **state)
{
	(void)state;
	tells(HEAD TRUNKS "profiles = ( { name = \"out\"; targets = ( { trunk = \"alpah\"; },\n { trunk = \"gamma\"; }, { trunk = \"beta\"; } ); } );\n" ROUTES,
	    "kedge.cfg:6: error: profile \"out\", target 1.trunk: there is no trunk \"alpah\"; did you mean \"alpha\"?\n"
	    "kedge.cfg:6: warning: profile \"out\": only one carrier trunk: nothing to fail over to\n"
	    "kedge.cfg:7: error: profile \"out\", target 2.trunk: there is no trunk \"gamma\"\n");
	tells(HEAD TRUNKS PROFILES "routes = ( { name = \"all\"; from = \"pbx2\"; profile = \"outt\"; } );\n",
	    "kedge.cfg:7: error: route \"all\".from: there is no trunk \"pbx2\"; did you mean \"pbx1\"?\n"
	    "kedge.cfg:7: error: route \"all\".profile: there is no profile \"outt\"; did you mean \"out\"?\n");
	trunk_tells(ALPHA "interface = \"outsid\"; }",
	    "kedge.cfg:4: error: trunk \"alpha\".interface: there is no interface \"outsid\"; did you mean \"outside\"?\n");
	trunk_tells(ALPHA "}, { name = \"alpha\"; side = \"pbx\"; uri = \"sip:127.0.1.1\"; }",
	    "kedge.cfg:4: error: trunk \"alpha\": the name is taken at kedge.cfg:4\n");
	tells(HEAD TRUNKS "profiles = ( { name = \"out\"; on_busy = \"target:gamma\"; targets = ( { trunk = \"alpha\"; }, { trunk = \"beta\"; } ); } );\n" ROUTES,
	    "kedge.cfg:6: error: profile \"out\".on_busy: there is no trunk \"gamma\"\n");
}

static void headers_and_codes(void **state)
{
	(void)state;
	trunk_tells(ALPHA "headers = { set = [ \"X-A\" ]; }; }", "kedge.cfg:4: error: trunk \"alpha\".headers.set: expected \"Name: value\", got \"X-A\"\n");
	trunk_tells(ALPHA "headers = { set = [ \"X A: 1\" ]; }; }", "kedge.cfg:4: error: trunk \"alpha\".headers.set: \"X A\" is no header name\n");
	trunk_tells(ALPHA "headers = { set = [ \"call-id: 1\" ]; }; }",
	    "kedge.cfg:4: error: trunk \"alpha\".headers.set: \"call-id\" belongs to the dialog and cannot be changed\n");
	trunk_tells(ALPHA "headers = { strip = [ \"v\" ]; }; }",
	    "kedge.cfg:4: error: trunk \"alpha\".headers.strip: \"v\" belongs to the dialog and cannot be changed\n");
	trunk_tells(ALPHA "headers = { set = [ \"X-A: ${from.e146}\" ]; }; }",
	    "kedge.cfg:4: error: trunk \"alpha\".headers.set: there is no ${from.e146}; did you mean ${from.e164}?\n");
	trunk_tells(ALPHA "headers = { set = [ \"X-A: ${from.e164\" ]; }; }",
	    "kedge.cfg:4: error: trunk \"alpha\".headers.set: \"${from.e164\" has no closing }\n");
	trunk_tells(ALPHA "headers = { number_format = \"national\"; }; }",
	    "kedge.cfg:4: error: trunk \"alpha\".headers.number_format: expected \"plain\", \"e164\" or \"national:CC\" with a country code like 44, got \"national\"\n");
	trunk_tells(ALPHA "headers = { prefix_add = \"a1\"; }; }", "kedge.cfg:4: error: trunk \"alpha\".headers.prefix_add: expected digits, got \"a1\"\n");
	trunk_tells(ALPHA "codes = { next = \"480;404\"; }; }",
	    "kedge.cfg:4: error: trunk \"alpha\".codes.next: expected codes 300..699 like \"480,404\", \"5xx\" or \"480;q850=34\", got \"480;404\"\n");
	trunk_tells(ALPHA "codes = { stop = \"200\"; }; }",
	    "kedge.cfg:4: error: trunk \"alpha\".codes.stop: expected codes 300..699 like \"480,404\", \"5xx\" or \"480;q850=34\", got \"200\"\n");
	trunk_tells(ALPHA "codes = { map = [ \"404:5033\" ]; }; }",
	    "kedge.cfg:4: error: trunk \"alpha\".codes.map: expected \"404:503\" or \"403;q850=34:503\", got \"404:5033\"\n");
	trunk_tells(ALPHA "codes = { next = \"480, 486\"; }; }",
	    "kedge.cfg:4: warning: trunk \"alpha\".codes.next: 486 is the callee's answer: trying on delivers duplicate calls\n");
	trunk_tells(ALPHA "codes = { next = \"480,403,5xx\"; stop = \"403,480;q850=34,503\"; }; }",
	    "kedge.cfg:4: error: trunk \"alpha\".codes.stop: 403 is in codes.next too: which one?\n");
	trunk_tells(ALPHA "codes = { next = \"5xx\"; stop = \"5xx\"; }; }",
	    "kedge.cfg:4: error: trunk \"alpha\".codes.stop: 5xx is in codes.next too: which one?\n");
}

#define NAMED "trunks = ( { name = \"x\"; side = \"carrier\"; uri = \"sip:sip.x.example\"; } );\n"
#define NO_ROUTES "kedge.cfg:1: warning: there are no routes: every call will be refused\n"

static void resolvers(void **state)
{
	(void)state;
	tells(HEAD "dns = { resolvers = [ \"192.0.2.53\", \"[2001:db8::53]:5353\", \"2001:db8::54\", \"192.0.2.54:5353\" ]; };\n" NAMED, NO_ROUTES);
#define WRONG "kedge.cfg:3: error: dns.resolvers: expected \"192.0.2.53\", \"192.0.2.53:53\" or \"[2001:db8::53]:53\", got "
	tells(HEAD "dns = { resolvers = [ \"192.0.2.53\", \"192.0.2.53:0\", \"ns.example\", \"192.0.2.53:70000\", \"2001:db8::53:\" ]; };\n" NAMED,
	    NO_ROUTES WRONG "\"192.0.2.53:0\"\n" WRONG "\"ns.example\"\n" WRONG "\"192.0.2.53:70000\"\n" WRONG "\"2001:db8::53:\"\n");
	tells(HEAD "dns = { resolvers = [ \"192.0.2.53\" ]; };\n" NAMED,
	    NO_ROUTES "kedge.cfg:3: warning: dns.resolvers: one alone: when it dies no name (\"sip.x.example\" of trunk \"x\") is looked up any more; name a second\n");
	tells(HEAD "dns = { resolvers = [ \"192.0.2.53\" ]; };\n" "trunks = ( { name = \"x\"; side = \"carrier\"; uri = \"sip:127.0.2.1\"; } );\n", NO_ROUTES);
}

static void trunk_rules(void **state)
{
	(void)state;
	trunk_tells("{ name = \"x\"; side = \"carrier\"; uri = \"sip:sip.x.example\"; }", "");
	trunk_tells("{ name = \"x\"; side = \"carrier\"; uri = \"sip:sip.x.example\"; hops = [ \"sip:127.0.2.1\", \"sip:x.example\" ]; }",
	    "kedge.cfg:4: error: trunk \"x\".hops: \"x.example\" is no address\n");
	trunk_tells("{ name = \"x\"; side = \"carrier\"; uri = \"sip:[::1]\"; }",
	    "kedge.cfg:4: error: trunk \"x\": [::1] is IPv6, and interface \"outside\" has no such address (kedge.cfg:2)\n");
	trunk_tells("{ name = \"x\"; side = \"carrier\"; uri = \"sip:127.0.4.1\"; }",
	    "kedge.cfg:4: error: trunk \"x\": 127.0.4.1:5060 is kedge itself (interface \"outside\", kedge.cfg:2)\n");
	trunk_tells("{ name = \"x\"; side = \"carrier\"; uri = \"sip:224.0.1.75\"; }",
	    "kedge.cfg:4: error: trunk \"x\": 224.0.1.75 is not the address of one host\n");
	trunk_tells(ALPHA "}, { name = \"x\"; side = \"carrier\"; uri = \"sip:127.0.2.1:5080\"; }",
	    "kedge.cfg:4: error: trunk \"x\".sources: 127.0.2.1 is also of trunk \"alpha\" (kedge.cfg:4): whose request would it be?\n");
	trunk_tells(ALPHA "timers = { first_response = \"8s\"; }; }",
	    "kedge.cfg:4: error: trunk \"alpha\".timers.first_response: \"8s\" is not shorter than timers.progress \"8s\"\n"
	    "kedge.cfg:4: warning: trunk \"alpha\".timers.first_response: \"8s\" of silence before moving on; 5s or less\n");
	trunk_tells(ALPHA "timers = { progress = \"20s\"; }; }",
	    "kedge.cfg:4: error: trunk \"alpha\".timers.progress: \"20s\" is longer than timers.progress_failover \"15s\"\n");
	trunk_tells(ALPHA "timers = { ring = \"10s\"; }; }",
	    "kedge.cfg:4: error: trunk \"alpha\".timers.progress_failover: \"15s\" is longer than timers.ring \"10s\"\n"
	    "kedge.cfg:4: warning: trunk \"alpha\".timers.ring: \"10s\" gives up while phones still ring; 15s or more\n");
	trunk_tells(ALPHA "probe = { interval = \"1s\"; timeout = \"2s\"; }; }",
	    "kedge.cfg:4: error: trunk \"alpha\".probe.timeout: \"2s\" is longer than probe.interval \"1s\"\n");
	trunk_tells(ALPHA "timers = { first_response = \"500ms\"; }; }",
	    "kedge.cfg:4: warning: trunk \"alpha\".timers.first_response: \"500ms\" over UDP takes one lost packet for a dead carrier; 1s or more\n");
	trunk_tells(ALPHA "probe = { ok = \"200,4o4\"; }; }",
	    "kedge.cfg:4: error: trunk \"alpha\".probe.ok: expected codes 200..699 like \"404,405\" or \"2xx\", or \"any\", got \"200,4o4\"\n");
	trunk_tells(ALPHA "probe = { bad = \"7xx\"; }; }",
	    "kedge.cfg:4: error: trunk \"alpha\".probe.bad: expected codes 200..699 like \"404,405\" or \"2xx\", got \"7xx\"\n");
	trunk_tells(ALPHA "probe = { method = \"INVITE\"; }; }",
	    "kedge.cfg:4: error: trunk \"alpha\".probe.method: INVITE needs a number to call, probe.number\n");
	trunk_tells(ALPHA "probe = { number = \"echo\"; }; }", "kedge.cfg:4: error: trunk \"alpha\".probe.number: expected digits, got \"echo\"\n");
	trunk_tells(ALPHA "probe = { from = \"ping@edge.example\"; contact = \"sip:a b\"; }; }",
	    "kedge.cfg:4: error: trunk \"alpha\".probe.from: expected \"sip:user@host\", got \"ping@edge.example\"\n"
	    "kedge.cfg:4: error: trunk \"alpha\".probe.contact: expected \"sip:user@host\", got \"sip:a b\"\n");
	trunk_tells(ALPHA "probe = { interval = \"5min\"; }; }",
	    "kedge.cfg:4: warning: trunk \"alpha\".probe: a dead trunk without calls is noticed after up to 302s; 60s or less\n");
	trunk_tells(ALPHA "codecs = [ \"EVS\", \"iSAC/16000\" ]; }",
	    "kedge.cfg:4: warning: trunk \"alpha\".codecs: none that kedge could offer by itself, so an INVITE without an offer goes nowhere: "
	    "late_offer = \"pass\"?\n");
	trunk_tells(ALPHA "codecs = [ \"EVS\", \"pcma/8000\" ]; }", "");
	trunk_tells(ALPHA "codecs = [ \"EVS\" ]; late_offer = \"pass\"; }", "");
	trunk_tells(ALPHA "srtp = \"optional\"; srtp_suites = [ \"AEAD_AES_256_GCM\", \"aes_256_cm_hmac_sha1_32\" ]; }", "");
	trunk_tells(ALPHA "srtp = \"optional\"; srtp_suites = [ \"AEAD_AES_256_GCM\", \"F8\", \"aead_aes_256_gcm\" ]; }",
	    "kedge.cfg:4: error: trunk \"alpha\".srtp_suites: \"F8\" is none of AES_CM_128_HMAC_SHA1_80, AES_CM_128_HMAC_SHA1_32, "
	    "AES_256_CM_HMAC_SHA1_80, AES_256_CM_HMAC_SHA1_32, AEAD_AES_128_GCM, AEAD_AES_256_GCM\n"
	    "kedge.cfg:4: error: trunk \"alpha\".srtp_suites: \"aead_aes_256_gcm\" stands there twice\n");
	trunk_tells(ALPHA "srtp_suites = [ \"AEAD_AES_256_GCM\" ]; }",
	    "kedge.cfg:4: warning: trunk \"alpha\".srtp_suites does nothing: srtp = \"off\"\n");
	trunk_tells(ALPHA "record = true; }", "kedge.cfg:4: error: trunk \"alpha\".record: into which directory? set media.record_dir\n");
	trunk_tells(ALPHA "codecs = [ \"G729\" ]; dtmf = \"inband\"; ptime = \"20\"; }",
	    "kedge.cfg:4: warning: trunk \"alpha\".dtmf: tones need PCMU or PCMA, which its codecs leave out: no digit gets there\n"
	    "kedge.cfg:4: warning: trunk \"alpha\".ptime is for PCMU and PCMA, which its codecs leave out\n");
	trunk_tells(ALPHA "codecs = [ \"G729\", \"pcma/8000\" ]; dtmf = \"inband\"; ptime = \"20\"; }", "");
	trunk_tells(ALPHA "codecs = [ \"G729\" ]; probe = { number = \"99901\"; }; }",
	    "kedge.cfg:4: warning: trunk \"alpha\".canary_audio needs PCMU or PCMA, which its codecs leave out: its test calls show signaling only\n");
	trunk_tells(ALPHA "codecs = [ \"G729\" ]; probe = { number = \"99901\"; }; canary_audio = false; }", "");
	trunk_tells(ALPHA "canary = \"test\"; canary_audio = false; }", "kedge.cfg:4: warning: trunk \"alpha\".canary does nothing: there is no probe.number to call\n");
	trunk_tells(ALPHA "canary_audio = false; }", "");
	trunk_tells(ALPHA "canary = \"off\"; canary_audio = true; }", "kedge.cfg:4: warning: trunk \"alpha\".canary_audio does nothing: canary = \"off\"\n");
	trunk_tells(ALPHA "probe = { number = \"99901\"; }; canary = \"call\"; canary_audio = false; }",
	    "kedge.cfg:4: warning: trunk \"alpha\".canary_audio does nothing: canary = \"call\"\n");
	trunk_tells(ALPHA "probe = { number = \"99901\"; }; canary = \"test\"; canary_audio = false; }", "");
	trunk_tells(ALPHA "srtp = \"required\"; }",
	    "kedge.cfg:4: warning: trunk \"alpha\".srtp: its keys are in the signaling, which goes in clear: who reads that can hear the audio\n");
}

/* What is said of the breaker is checked, each with what would be right; PEERS' shortest settings are allowed. */
static void breaker_rules(void **state)
{
	(void)state;
	trunk_tells(ALPHA "breaker = { consecutive = 0; window = [ 32, 3600 ]; open = \"0s\"; min_uptime = \"0s\"; hold_max = \"0s\"; ramp = [ 100 ]; ramp_step = \"0s\"; }; "
	    "probe = { interval = \"1s\"; down_interval = \"1s\"; up = 1; }; retry_after_max = \"0s\"; }", "");
	trunk_tells(ALPHA "breaker = { ramp = [ ]; failback = \"manual\"; failback_window = \"22:00-02:30\"; }; }", "");
	trunk_tells(ALPHA "breaker = { consecutive = 0; window = [ ]; }; }",
	    "kedge.cfg:4: warning: trunk \"alpha\".breaker: neither consecutive nor window: failing calls never take it DOWN\n");
	trunk_tells(ALPHA "breaker = { window = [ 5 ]; }; }",
	    "kedge.cfg:4: error: trunk \"alpha\".breaker.window: expected [ failures, seconds ], at most 32 failures\n");
	trunk_tells(ALPHA "breaker = { window = [ 33, 60 ]; }; }",
	    "kedge.cfg:4: error: trunk \"alpha\".breaker.window: expected [ failures, seconds ], at most 32 failures\n");
	trunk_tells(ALPHA "breaker = { window = 5; }; }",
	    "kedge.cfg:4: error: trunk \"alpha\".breaker.window: expected a list of at most 16 numbers, [ 1, 2 ], got 5\n");
	trunk_tells(ALPHA "breaker = { window = [ \"5\", \"60\" ]; }; }",
	    "kedge.cfg:4: error: trunk \"alpha\".breaker.window: expected a whole number 1..3600, got \"5\"\n"
	    "kedge.cfg:4: error: trunk \"alpha\".breaker.window: expected a whole number 1..3600, got \"60\"\n");
	trunk_tells(ALPHA "breaker = { ramp = [ 10, 5, 100 ]; }; }", "kedge.cfg:4: error: trunk \"alpha\".breaker.ramp: 5 does not grow after 10\n");
	trunk_tells(ALPHA "breaker = { ramp = [ 10, 50 ]; }; }", "kedge.cfg:4: error: trunk \"alpha\".breaker.ramp: the last step is 100\n");
	trunk_tells(ALPHA "breaker = { ramp = [ 0, 10, 100 ]; }; }",
	    "kedge.cfg:4: error: trunk \"alpha\".breaker.ramp: expected a whole number 1..100, got 0\n");
	trunk_tells(ALPHA "breaker = { failback_window = \"2-4\"; }; }",
	    "kedge.cfg:4: error: trunk \"alpha\".breaker.failback_window: expected \"HH:MM-HH:MM\", got \"2-4\"\n");
	trunk_tells(ALPHA "breaker = { failback_window = \"02:00-02:00\"; }; }",
	    "kedge.cfg:4: error: trunk \"alpha\".breaker.failback_window: expected \"HH:MM-HH:MM\", got \"02:00-02:00\"\n");
	trunk_tells(ALPHA "breaker = { failback_window = \"02:00-24:01\"; }; }",
	    "kedge.cfg:4: error: trunk \"alpha\".breaker.failback_window: expected \"HH:MM-HH:MM\", got \"02:00-24:01\"\n");
	trunk_tells(ALPHA "breaker = { min_uptime = \"29s\"; }; }",
	    "kedge.cfg:4: error: trunk \"alpha\".breaker.min_uptime: 29s, but 3 good probes down_interval apart take 30s; 0s, or as long as these\n");
	trunk_tells(ALPHA "breaker = { hold_max = \"200s\"; }; }",
	    "kedge.cfg:4: error: trunk \"alpha\".breaker.hold_max is shorter than its min_uptime\n");
	trunk_tells(ALPHA "retry_after_max = \"5s\"; }",
	    "kedge.cfg:4: error: trunk \"alpha\".retry_after_max is shorter than its probe.down_interval\n");
}

static void interface_rules(void **state)
{
	(void)state;
	tells("interfaces = ( { name = \"a\"; address = \"0.0.0.0\"; } );\n" ROUTES "profiles = ( );\n",
	    "kedge.cfg:1: error: interface \"a\".address: \"0.0.0.0\" is not the address of one host\n"
	    "kedge.cfg:2: error: route \"all\".from: there is no trunk \"pbx1\"\n"
	    "kedge.cfg:2: error: route \"all\".profile: there is no profile \"out\"\n");
	tells("interfaces = ( { name = \"inside\"; address = \"127.0.3.1\"; rtp_ports = \"20000-29999\"; },\n"
	      "{ name = \"outside\"; address = \"127.0.3.1\"; rtp_ports = \"29000-39999\"; } );\n" TRUNKS TAIL,
	    "kedge.cfg:2: error: interface \"outside\": address and SIP port are those of \"inside\" (kedge.cfg:1)\n"
	    "kedge.cfg:2: error: interface \"outside\".rtp_ports: overlaps \"inside\", which has the same address (kedge.cfg:1)\n");
	tells("interfaces = ( { name = \"inside\"; address = \"127.0.3.1\"; sip_port = 20010; rtp_ports = \"20000-24000\"; },\n"
	      "{ name = \"outside\"; address = \"127.0.4.1\"; rtp_ports = \"20001-20002\"; } );\n" TRUNKS TAIL,
	    "kedge.cfg:1: error: interface \"inside\".rtp_ports: 20010 is its SIP port\n"
	    "kedge.cfg:2: error: interface \"outside\".rtp_ports: no even port with the next one in it\n");
	tells("interfaces = ( { name = \"inside\"; address = \"127.0.3.1\"; rtp_ports = \"20000-20999\"; },\n"
	      "{ name = \"outside\"; address = \"127.0.4.1\"; transports = [ \"tcp\" ]; } );\n" TRUNKS TAIL,
	    "kedge.cfg:1: error: interface \"inside\".rtp_ports: 500 port pairs, limits.max_calls = 2000 needs 2000: kedge run would not start; "
	    "more rtp_ports, or max_calls 500\n"
	    "kedge.cfg:4: error: trunk \"alpha\": transport udp is not among those of interface \"outside\" (kedge.cfg:2)\n"
	    "kedge.cfg:5: error: trunk \"beta\": transport udp is not among those of interface \"outside\" (kedge.cfg:2)\n");
	tells("interfaces = ( { name = \"inside\"; address = \"127.0.3.1\"; },\n"
	      "{ name = \"outside\"; address = \"127.0.4.1\"; rtp_ports = \"20000-24399\"; } );\n" REST_TRUNKS("1100") TAIL, "");
	tells("interfaces = ( { name = \"inside\"; address = \"127.0.3.1\"; },\n"
	      "{ name = \"outside\"; address = \"127.0.4.1\"; rtp_ports = \"20000-24399\"; } );\n" REST_TRUNKS("1101") TAIL,
	    "kedge.cfg:4: warning: trunk \"alpha\".max_cps: 1101 calls a second, and the 2200 port pairs of interface \"outside\" can rest for media.port_rest "
	    "after 1100 of them: more rtp_ports, or a shorter rest\n");
#define ONE(ports, calls) "interfaces = ( { name = \"any\"; address = \"127.0.3.1\"; " ports " } );\nlimits = { max_calls = " calls "; };\n" TRUNKS TAIL
	tells(ONE("", "3000"),
	    "kedge.cfg:1: error: interface \"any\".rtp_ports: 5000 port pairs, limits.max_calls = 3000 needs 6000 (both sides): kedge run would not start; "
	    "more rtp_ports, or max_calls 2500\n");
	tells(ONE("", "2500"), "");
	tells(ONE("rtp_ports = \"20001-20003\";", "1"),
	    "kedge.cfg:1: error: interface \"any\".rtp_ports: 1 port pair, limits.max_calls = 1 needs 2 (both sides): kedge run would not start; more rtp_ports\n");
	tells("interfaces = ( { name = \"inside\"; address = \"127.0.3.1\"; }, { name = \"outside\"; address = \"127.0.4.1\"; },\n"
	      "{ name = \"idle\"; address = \"127.0.5.1\"; rtp_ports = \"20000-20001\"; } );\n" TRUNKS TAIL, "");
	tells("interfaces = ( { name = \"a\"; address = \"127.0.3.1\"; address6 = \"127.0.3.2\"; },\n"
	      "{ name = \"b\"; address = \"127.0.4.1\"; } );\n" TRUNKS TAIL,
	    "kedge.cfg:1: error: interface \"a\".address6: expected an IPv6 address\n"
	    "kedge.cfg:3: error: trunk \"pbx1\": no interface has side \"inside\": name one, interface = \"a\"\n"
	    "kedge.cfg:4: error: trunk \"alpha\": no interface has side \"outside\": name one, interface = \"a\"\n"
	    "kedge.cfg:5: error: trunk \"beta\": no interface has side \"outside\": name one, interface = \"a\"\n");
	tells("interfaces = ( { name = \"inside\"; address = \"127.0.3.1\"; },\n"
	      "{ name = \"outsid\"; address = \"127.0.4.1\"; } );\n" TRUNKS TAIL,
	    "kedge.cfg:4: error: trunk \"alpha\": no interface has side \"outside\": name one, interface = \"outsid\"\n"
	    "kedge.cfg:5: error: trunk \"beta\": no interface has side \"outside\": name one, interface = \"outsid\"\n");
}

#define TARGETS "targets = ( { trunk = \"alpha\"; }, { trunk = \"beta\"; } ); "

static void profile_rules(void **state)
{
	(void)state;
	tells(HEAD TRUNKS "profiles = ( { name = \"out\"; setup_budget = \"30s\"; " TARGETS "} );\n" ROUTES,
	    "kedge.cfg:6: error: profile \"out\".setup_budget: \"30s\" cuts calls short: 8s of waiting for progress and 120s of ringing; \"128s\" or more\n");
	tells(HEAD TRUNKS "profiles = ( { name = \"out\"; max_retries = 4; " TARGETS "} );\n" ROUTES,
	    "kedge.cfg:6: warning: profile \"out\".max_retries: 4 more carriers called for one call; 3 or less\n");
	tells(HEAD TRUNKS "profiles = ( { name = \"out\"; targets = ( { trunk = \"alpha\"; enabled = false; } ); } );\n" ROUTES,
	    "kedge.cfg:6: error: profile \"out\": no target is enabled\n");
	tells(HEAD TRUNKS "profiles = ( { name = \"out\"; targets = ( ); } );\n" ROUTES,
	    "kedge.cfg:6: error: profile \"out\".targets: an empty list; name a trunk, ( { trunk = \"pbx1\"; } )\n");
	tells(HEAD TRUNKS "profiles = ( { name = \"out\"; targets = ( { trunk = \"alpha\"; }, { trunk = \"alpha\"; } ); } );\n" ROUTES,
	    "kedge.cfg:6: warning: profile \"out\": trunk \"alpha\" is a target twice\n"
	    "kedge.cfg:6: warning: profile \"out\": all its trunks are of carrier \"a\" and share its fate\n");
	tells(HEAD TRUNKS "profiles = ( { name = \"out\"; on_busy = \"next\"; " TARGETS "} );\n" ROUTES,
	    "kedge.cfg:6: error: profile \"out\".on_busy: expected \"stop\" or \"target:TRUNK\", got \"next\"\n");
	tells(HEAD "trunks = ( { name = \"pbx1\"; side = \"pbx\"; uri = \"sip:127.0.1.1\"; },\n"
		   "{ name = \"alpha\"; side = \"carrier\"; max_calls = 0; carrier = \"a\"; uri = \"sip:127.0.2.1\"; },\n"
		   "{ name = \"beta\"; side = \"carrier\"; carrier = \"b\"; uri = \"sip:127.0.2.2\"; } );\n" TAIL,
	    "kedge.cfg:6: warning: profile \"out\": trunk \"alpha\" has max_calls = 0 and will never be tried\n");
}

#define INWARD "profiles = ( { name = \"in\"; targets = ( { trunk = \"pbx1\"; } ); } );\n"

static void route_rules(void **state)
{
	(void)state;
	tells(HEAD TRUNKS INWARD "routes = ( { name = \"a\"; prefix = \"+44\"; profile = \"in\"; },\n{ name = \"b\"; prefix = \"+44\"; profile = \"in\"; } );\n",
	    "kedge.cfg:8: error: route \"b\": same trunk and number as route \"a\" (kedge.cfg:7): which one?\n");
	tells(HEAD TRUNKS INWARD "routes = ( { name = \"a\"; prefix = \"+44 20\"; profile = \"in\"; } );\n",
	    "kedge.cfg:7: error: route \"a\".prefix: expected digits, got \"+44 20\"\n");
	tells(HEAD TRUNKS INWARD "routes = ( { name = \"a\"; prefix = \"1\"; did = \"2\"; profile = \"in\"; } );\n",
	    "kedge.cfg:7: error: route \"a\": prefix or did, not both\n");
	tells(HEAD TRUNKS PROFILES "routes = ( { name = \"a\"; from = \"alpha\"; profile = \"out\"; } );\n",
	    "kedge.cfg:7: warning: route \"a\": profile \"out\" sends calls of trunk \"alpha\" back to it\n");
	tells(HEAD TRUNKS PROFILES, "kedge.cfg:1: warning: there are no routes: every call will be refused\n");
	tells(HEAD TRUNKS PROFILES "test_numbers = ( { number = \"*43\"; } );\n",
	    "kedge.cfg:1: warning: there are no routes: every call but those to test_numbers will be refused\n");
	tells(HEAD TRUNKS TAIL "test_numbers = ( { number = \"\"; },\n{ number = \"4 3\"; } );\n",
	    "kedge.cfg:8: error: test_numbers: expected digits, got \"\"\n"
	    "kedge.cfg:9: error: test_numbers: expected digits, got \"4 3\"\n");
}

static void left_over(void **state)
{
	(void)state;
	tells(HEAD TRUNKS "profiles = ( { name = \"out\"; targets = ( { trunk = \"alpha\"; }, { trunk = \"beta\"; } ); },\n"
			  "{ name = \"in\"; targets = ( { trunk = \"pbx1\"; } ); } );\n" ROUTES,
	    "kedge.cfg:7: warning: profile \"in\": no route takes it\n");
}

/* A file of each kind in a directory that is missing, that is a file, that is there. */
static void file_folders(void **state)
{
	char text[4096], expected[512];

	(void)state;
	snprintf(text, sizeof(text), "%slog = { file = \"%s/none/log\"; };\ncdr = {\nfile = \"%s/kedge.cfg/cdr\"; };\n", HEAD TRUNKS TAIL, dir, dir);
	snprintf(expected, sizeof(expected),
	    "kedge.cfg:8: warning: log.file: there is no directory \"none\": make it first\n"
	    "kedge.cfg:10: error: cdr.file: there is no directory \"kedge.cfg\": kedge run would not start; make it first\n");
	tells_with(CONF_FOLDERS, text, expected);
	tells(text, ""); /* of no interest but to who asks */
	snprintf(text, sizeof(text), "%slog = { file = \"%s/log\"; };\ncdr = { file = \"/cdr\"; };\n", HEAD TRUNKS TAIL, dir);
	tells_with(CONF_FOLDERS, text, "");
}

static void all_at_once(void **state)
{
	char sub[64];

	(void)state;
	snprintf(sub, sizeof(sub), "%s/trunks.d", dir);
	assert_int_equal(mkdir(sub, 0700), 0);
	put_file("trunks.d/alpha.cfg", "side = \"carrier\";\nuri = \"sip:127.0.2.1\";\nweigth = 5;\n");
	put_file("trunks.d/beta.cfg", "side = \"carrier\";\nuri = \"sip:127.0.2.2\";\nprobe = {\n interval = \"thirty\";\n};\n");
	put_file("trunks.d/gamma.cfg", "side = \"carrier\";\nprobe = {\n");
	put_file("trunks.d/delta.cfg", "name = \"dalta\";\nside = \"pbx\"; uri = \"sip:127.0.1.9\";\n");
	put_file("trunks.d/my trunk.cfg", "side = \"carrier\";\nuri = \"sip:127.0.2.7\";\n");
	put_file("trunks.d/.hidden.cfg", "{{{");
	put_file("trunks.d/alpha.cfg~", "{{{");
	tells(HEAD "profiles = ( { name = \"p\"; targets = ( { trunk = \"gamma\"; }, { trunk = \"alpha\"; },\n { trunk = \"nobody\"; } ); } );\n"
		   "routes = ( { name = \"r\"; from = \"beta\"; profile = \"p\"; } );\nsip = { t1 = 5; };\n",
	    "kedge.cfg:4: error: profile \"p\", target 3.trunk: there is no trunk \"nobody\"\n"
	    "kedge.cfg:6: error: sip.t1: expected a duration \"50ms\"..\"5s\", got the bare number 5: write its unit, \"5s\" or \"5ms\"\n"
	    "trunks.d/alpha.cfg:3: error: trunk \"alpha\": unknown key \"weigth\"\n"
	    "trunks.d/beta.cfg:4: error: trunk \"beta\".probe.interval: expected a duration \"1s\"..\"1h\", got \"thirty\"\n"
	    "trunks.d/delta.cfg:1: error: trunk \"delta\": name must be that of the file, \"delta\", or be left out\n"
	    "trunks.d/gamma.cfg:3: error: syntax error near: (empty line)\ntrunks.d/my trunk.cfg: error: the file's name is the trunk's: 1 to 31 letters, digits, \"-\", \"_\" or \".\"\n");
	/* the trunks are looked at even where the main file cannot be parsed */
	tells("interfaces = (", "kedge.cfg:1: error: syntax error near: interfaces = (\n"
				"trunks.d/alpha.cfg:3: error: trunk \"alpha\": unknown key \"weigth\"\n"
				"trunks.d/beta.cfg:4: error: trunk \"beta\".probe.interval: expected a duration \"1s\"..\"1h\", got \"thirty\"\n"
				"trunks.d/delta.cfg:1: error: trunk \"delta\": name must be that of the file, \"delta\", or be left out\n"
				"trunks.d/gamma.cfg:3: error: syntax error near: (empty line)\ntrunks.d/my trunk.cfg: error: the file's name is the trunk's: 1 to 31 letters, digits, \"-\", \"_\" or \".\"\n");
}

/* What all_at_once leaves, whether it passed or not. */
static int drop_trunk_files(void **state)
{
	char path[600], sub[64];
	struct dirent *e;
	DIR *d;

	(void)state;
	snprintf(sub, sizeof(sub), "%s/trunks.d", dir);
	d = opendir(sub);
	while (d && (e = readdir(d))) {
		snprintf(path, sizeof(path), "%s/%s", sub, e->d_name);
		unlink(path); /* not "." and ".." */
	}
	if (d)
		closedir(d);
	return rmdir(sub);
}

static char *printed(const struct conf *c)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	conf_print(c, f);
	fclose(f);
	return text;
}

/* Loads the file, prints it, loads what was printed, prints that: the same, byte for byte. */
static void parses_back(const char *file)
{
	struct err_list errs = { 0 };
	struct conf *c = conf_load(file, CONF_UNSCALED, &errs), *again;
	char *text, *twice, *told;

	err_print(&errs, stderr);
	assert_non_null(c);
	assert_int_equal(errs.count, 0);
	text = printed(c);
	conf_unref(c);
	put_file("kedge.cfg", text);
	again = load(CONF_UNSCALED, &told);
	assert_string_equal(told, "");
	free(told);
	twice = printed(again);
	assert_string_equal(text, twice);
	conf_unref(again);
	free(text);
	free(twice);
	err_fini(&errs);
}

#define EXAMPLES KEDGE_SOURCE "/config/examples/"

static void examples(void **state)
{
	struct err_list errs = { 0 };
	struct conf *c = conf_load(EXAMPLES "kedge.cfg", 0, &errs);
	char path[256];
	FILE *f;

	(void)state;
	assert_non_null(c);
	assert_int_equal(errs.count, 0);
	assert_int_equal(c->trunks.count, 3);
	assert_string_equal(c->trunks.v[conf_trunk_find(c, "beta")].codes.next, "403");
	conf_unref(c);
	parses_back(EXAMPLES "kedge.cfg");
	snprintf(path, sizeof(path), "%s/example.cfg", dir);
	f = fopen(path, "w");
	conf_example(f);
	fclose(f);
	parses_back(path);
	drop_file("example.cfg");
}

/* Every kind of setting away from its default comes back. */
static void effective(void **state)
{
	char path[256];

	(void)state;
	put_file("odd.cfg",
	    "sip = { user_agent = \"a \\\"b\\\" \\\\ c\"; t1 = \"1000ms\"; }; media = { workers = 3; window = \"1ms\"; latch = \"strict\"; };\n"
	    "interfaces = ( { name = \"a\"; side = \"inside\"; address = \"::1\"; transports = [ \"tcp\" ]; },\n"
	    " { name = \"b\"; address = \"127.0.4.1\"; address6 = \"2001:db8::4\"; } );\n"
	    "trunks = ( { name = \"p\"; side = \"pbx\"; uri = \"sip:[2001:DB8::1]:5070;transport=tcp\"; latch = \"guarded\"; },\n"
	    " { name = \"c\"; interface = \"b\"; side = \"carrier\"; carrier = \"x\"; uri = \"sip:sip.c.example\"; outbound_proxy = \"sip:127.0.2.9\"; sources = [ \"127.0.2.0/24\", \"2001:db8:1::/48\" ];\n"
	    "   codecs = ( \"PCMU\", \"PCMA\" ); headers = { set = [ \"X: \\\"${from.user}\\\"\" ]; }; codes = { map = [ \"403;q850=34:503\" ]; }; },\n"
	    " { name = \"d\"; interface = \"b\"; side = \"carrier\"; carrier = \"y\"; uri = \"sip:sip.d.example\"; hops = [ \"sip:127.0.3.1\", \"sip:127.0.3.2:5080\" ]; } );\n"
	    "profiles = ( { name = \"o\"; ring_timeout = \"60s\"; on_busy = \"target:d\"; targets = ( { trunk = \"d\"; position = 7; }, { trunk = \"c\"; position = 2; weight = 0; } ); },\n"
	    " { name = \"i\"; targets = ( { trunk = \"p\"; } ); } );\n"
	    "routes = ( { name = \"r\"; prefix = \"+44\"; profile = \"i\"; }, { name = \"s\"; from = \"p\"; did = \"+4420\"; profile = \"o\"; } );\n");
	snprintf(path, sizeof(path), "%s/odd.cfg", dir);
	parses_back(path);
	drop_file("odd.cfg");
}

static void derived(void **state)
{
	const struct conf_trunk *t;
	struct conf *c;
	char *told;

	(void)state;
	unsetenv("XDG_RUNTIME_DIR");
	put_file("kedge.cfg", HEAD TRUNKS TAIL);
	c = load(0, &told);
	free(told);
	assert_string_equal(c->run.dir, "/run/kedge");
	assert_string_equal(c->admin.socket, "/run/kedge/admin.sock");
	t = &c->trunks.v[conf_trunk_find(c, "alpha")];
	assert_int_equal(t->interface, conf_interface_find(c, "outside"));
	assert_int_equal(t->timers.ring_ms, 120000);
	assert_int_equal(t->min_call_duration_ms, 6000);
	assert_int_equal(t->hops.count, 1);
	assert_int_equal(t->hops.v[0].addr.port, 5060);
	assert_int_equal(t->sources.count, 1);
	assert_int_equal(t->sources.v[0].bits, 32);
	assert_int_equal(t->latch, CONF_LATCH_GUARDED);
	assert_int_equal(t->where.line, 4);
	t = &c->trunks.v[conf_trunk_find(c, "pbx1")];
	assert_int_equal(t->interface, conf_interface_find(c, "inside"));
	assert_int_equal(t->timers.ring_ms, 25000);
	assert_int_equal(t->min_call_duration_ms, 0); /* who answers there hangs up when he likes */
	assert_int_equal(c->profiles.v[0].setup_budget_ms, 128000); /* 8 s for alpha, then 120 s of ringing */
	assert_int_equal(c->profiles.v[0].targets.v[1].position, 2);
	assert_int_equal(c->routes.v[0].from, conf_trunk_find(c, "pbx1"));
	assert_int_equal(conf_trunk_find(c, "nobody"), CONF_NONE);
	conf_unref(conf_ref(c));
	conf_unref(c);
}

/* Where the daemon is asked, though the rest of the file is wrong. */
static void socket_of_a_broken_file(void **state)
{
	struct err_list errs = { 0 };
	char path[256], *socket;

	(void)state;
	snprintf(path, sizeof(path), "%s/kedge.cfg", dir);
	put_file("kedge.cfg", "run = { dir = \"/run/here\"; };\ninterfaces = 7;\nnonsense = \"x\";\n");
	socket = conf_admin_socket(path, &errs);
	assert_string_equal(socket, "/run/here/admin.sock");
	free(socket);
	err_fini(&errs);
	put_file("kedge.cfg", "run = { dir \"/run/here\"; };\n");
	assert_null(conf_admin_socket(path, &errs));
	assert_int_equal(errs.errors, 1);
	err_fini(&errs);
	put_file("kedge.cfg", "run = { dir = 5; };\n");
	assert_null(conf_admin_socket(path, &errs));
	err_fini(&errs);
}

/* The most specific rule of a trunk's codes stands first. */
static void code_order(void **state)
{
	const struct conf_rules *r;
	struct conf *c;
	char *told;

	(void)state;
	put_file("kedge.cfg", HEAD "trunks = ( " ALPHA "codes = { next = \"5xx 403\"; stop = \"500,503;q850=17\"; no_count = \"500\"; map = [ \"404:503\" ]; }; } );\n");
	c = load(0, &told);
	free(told);
	r = &c->trunks.v[0].codes.rules;
	assert_int_equal(r->count, 6);
	assert_int_equal(r->v[0].code, 503);
	assert_int_equal(r->v[0].q850, 17);
	assert_int_equal(r->v[0].kind, CONF_RULE_STOP);
	assert_int_equal(r->v[5].class, 5);
	assert_int_equal(r->v[5].kind, CONF_RULE_NEXT);
	for (int i = 1; i < 5; i++)
		assert_true(r->v[i].code && r->v[i].q850 < 0);
	conf_unref(c);
}

static uint16_t source(const struct conf *c, const char *ip, uint16_t iface)
{
	struct conf_addr a;

	assert_true(value_ip(ip, &a));
	return conf_trunk_of(c, &a, iface);
}

static void whose_request(void **state)
{
	struct conf *c;
	char *told;

	(void)state;
	put_file("kedge.cfg", HEAD "trunks = ( { name = \"wide\"; side = \"carrier\"; uri = \"sip:127.0.2.1\"; sources = [ \"127.0.2.0/24\" ]; },\n"
				   "{ name = \"near\"; side = \"carrier\"; uri = \"sip:127.0.2.2\"; },\n"
				   "{ name = \"in\"; side = \"pbx\"; uri = \"sip:127.0.2.9\"; sources = [ \"127.0.2.0/24\" ]; } );\n");
	c = load(0, &told);
	free(told);
	assert_int_equal(source(c, "127.0.2.2", 1), conf_trunk_find(c, "near")); /* the longer one */
	assert_int_equal(source(c, "127.0.2.3", 1), conf_trunk_find(c, "wide")); /* the interface decides */
	assert_int_equal(source(c, "127.0.2.3", 0), conf_trunk_find(c, "in"));
	assert_int_equal(source(c, "127.0.5.1", 0), CONF_NONE);
	assert_int_equal(source(c, "::1", 0), CONF_NONE);
	conf_unref(c);
}

static void time_scale(void **state)
{
	struct conf *c;
	char *told;

	(void)state;
	unsetenv("KEDGE_TEST");
	tells(HEAD TRUNKS TAIL "test = { time_scale = 10; };\n",
	    "kedge.cfg:8: error: test.time_scale: for tests only, needs KEDGE_TEST=1 in the environment\n");
	setenv("KEDGE_TEST", "1", 1);
	c = load(0, &told);
	free(told);
	assert_int_equal(c->sip.t1_ms, 50);
	assert_int_equal(c->trunks.v[1].timers.ring_ms, 12000);
	assert_int_equal(c->profiles.v[0].setup_budget_ms, 12800);
	assert_int_equal(c->media.window_us, 250);
	assert_int_equal(c->profiles.v[0].ring_timeout_ms, 0); /* unset stays unset */
	conf_unref(c);
	c = load(CONF_UNSCALED, &told);
	free(told);
	assert_int_equal(c->sip.t1_ms, 500);
	conf_unref(c);
	unsetenv("KEDGE_TEST");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_wrong), cmocka_unit_test(files), cmocka_unit_test(includes), cmocka_unit_test(keys),
		cmocka_unit_test(types), cmocka_unit_test(numbers_beyond_32_bits), cmocka_unit_test(references),
		cmocka_unit_test(headers_and_codes), cmocka_unit_test(resolvers), cmocka_unit_test(trunk_rules), cmocka_unit_test(interface_rules),
		cmocka_unit_test(profile_rules), cmocka_unit_test(route_rules), cmocka_unit_test(left_over), cmocka_unit_test(file_folders), cmocka_unit_test_teardown(all_at_once, drop_trunk_files),
		cmocka_unit_test(examples), cmocka_unit_test(effective), cmocka_unit_test(derived), cmocka_unit_test(socket_of_a_broken_file),
		cmocka_unit_test(code_order), cmocka_unit_test(breaker_rules),
		cmocka_unit_test(whose_request), cmocka_unit_test(time_scale),
	};
	int failed;

	if (!mkdtemp(dir))
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	drop_file("kedge.cfg");
	rmdir(dir);
	return failed;
}
