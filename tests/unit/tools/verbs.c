// SPDX-License-Identifier: MIT
/* The verbs as a shell sees them: output, exit code, nothing on the terminal that a stranger wrote. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <jansson.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "sig/edge/admit.h"
#include "sig/operator/history.h"
#include "tests/unit/sig/operator/admin_rig.h"

#define EXAMPLES KEDGE_SOURCE "/config/examples/"

static char out[1 << 20];

/* Runs "kedge ARGUMENTS" (both streams in out). The exit code. */
static int kedge(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int kedge(const char *format, ...)
{
	char arguments[512], command[1024];
	va_list ap;
	size_t n;
	FILE *f;
	int rc;

	va_start(ap, format);
	vsnprintf(arguments, sizeof(arguments), format, ap);
	va_end(ap);
	snprintf(command, sizeof(command), "exec %s %s 2>&1", KEDGE_PROGRAM, arguments);
	f = popen(command, "r");
	assert_non_null(f);
	n = fread(out, 1, sizeof(out) - 1, f);
	out[n] = '\0';
	rc = pclose(f);
	assert_true(WIFEXITED(rc));
	return WEXITSTATUS(rc);
}

static void has(const char *text)
{
	if (!strstr(out, text))
		fail_msg("no \"%s\" in:\n%s", text, out);
}

static json_t *parsed(void)
{
	json_t *o = json_loads(out, JSON_REJECT_DUPLICATES, NULL);

	if (!o)
		fail_msg("no JSON: %s", out);
	return o;
}

static void help(void **state)
{
	static const char *const verbs[] = { "help", "run", "trunks", "trunk", "health", "events", "calls", "refused", "explain", "check", "config", "version" };

	(void)state;
	assert_int_equal(kedge("--help"), 0);
	assert_int_equal(kedge("help --help"), 0);
	has("usage: kedge help\n");
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		assert_int_equal(kedge("help"), 0);
		has(verbs[i]);
		assert_int_equal(kedge("%s --help", verbs[i]), 0);
		has("usage: kedge ");
		has("Example: kedge ");
	}
	assert_int_equal(kedge(" "), 2);
	assert_int_equal(kedge("frobnicate"), 2);
	has("kedge: no verb \"frobnicate\"");
	assert_int_equal(kedge("check --frobnicate"), 2);
	has("usage: kedge check ");
	assert_int_equal(kedge("config"), 2);
	assert_int_equal(kedge("explain"), 2);
	assert_int_equal(kedge("trunks a b"), 2);
	assert_int_equal(kedge("trunk a"), 2);
	assert_int_equal(kedge("trunk a down --follow"), 2);
	assert_int_equal(kedge("trunk a down --until soon"), 2);
	has("\"soon\" is no time");
	assert_int_equal(kedge("events 5"), 2);
	assert_int_equal(kedge("health alpha"), 3); /* UNKNOWN, as monitoring plugins say */
	assert_int_equal(kedge("--version"), 0);
	has("kedge ");
	assert_int_equal(kedge("version --json"), 0);
	json_decref(parsed());
}

static void check(void **state)
{
	char path[128], command[512];
	json_t *o;
	FILE *f;

	(void)state;
	/* The example, where its folder of call records is missing, and where it is there. */
	snprintf(path, sizeof(path), "%s/example/kedge.cfg", dir);
	snprintf(command, sizeof(command), "cp -r " EXAMPLES " %s/example && sed -i s,/var/log/kedge,%s/none, %s", dir, dir, path);
	assert_int_equal(system(command), 0);
	assert_int_equal(kedge("check -f %s", path), 1);
	has("kedge.cfg:13: error: cdr.file: there is no directory \"/tmp/");
	has("/none\": kedge run would not start; make it first\n1 error, 0 warnings\n");
	snprintf(command, sizeof(command), "sed -i s,%s/none,%s, %s", dir, dir, path);
	assert_int_equal(system(command), 0);
	assert_int_equal(kedge("check --strict -f %s", path), 0);
	has("3 trunks, 2 profiles, 3 routes\n");
	has("trunk alpha: if it dies between calls, that is known within 32s\n");
	snprintf(command, sizeof(command), "rm -r %s/example", dir);
	assert_int_equal(system(command), 0);
	snprintf(path, sizeof(path), "%s/bad.cfg", dir);
	f = fopen(path, "w");
	fputs("sip = { t1 = 5; };\ninterfaces = ( { name = \"a\"; address = \"127.0.0.1\"; } );\n", f);
	fclose(f);
	assert_int_equal(kedge("check -f %s", path), 1);
	has("bad.cfg:1: error: sip.t1: expected a duration \"50ms\"..\"5s\", got the bare number 5: write its unit, \"5s\" or \"5ms\"\n");
	has("1 error, 1 warning\n");
	assert_int_equal(kedge("check --json -f %s", path), 1);
	o = parsed();
	assert_int_equal(json_array_size(json_object_get(o, "messages")), 2);
	assert_true(json_is_false(json_object_get(o, "ok")));
	json_decref(o);
	assert_int_equal(kedge("config --effective -f %s", path), 1);
	f = fopen(path, "w");
	fputs("interfaces = ( { name = \"a\"; address = \"127.0.0.1\"; } );\n", f);
	fclose(f);
	assert_int_equal(kedge("check -f %s", path), 0);
	has("1 warning\n");
	assert_int_equal(kedge("check --strict -f %s", path), 1);
	assert_int_equal(kedge("check -f %s/none.cfg", dir), 1);
	has("none.cfg: error: cannot be read: No such file or directory\n");
	unlink(path);
}

static void config(void **state)
{
	char path[128];
	char *first;
	FILE *f;

	(void)state;
	assert_int_equal(kedge("config --effective -f " EXAMPLES "kedge.cfg"), 0);
	first = strdup(out);
	snprintf(path, sizeof(path), "%s/effective.cfg", dir);
	f = fopen(path, "w");
	fputs(out, f);
	fclose(f);
	assert_int_equal(kedge("config --effective -f %s", path), 0);
	assert_string_equal(out, first);
	free(first);
	assert_int_equal(kedge("config --example"), 0);
	f = fopen(path, "w");
	fputs(out, f);
	fclose(f);
	assert_int_equal(kedge("check --strict -f %s", path), 0);
	unlink(path);
}

static void nobody_there(void **state)
{
	(void)state;
	assert_int_equal(kedge("trunks --socket %s/none.sock", dir), 3);
	has("kedge: no daemon answers at ");
	assert_int_equal(kedge("calls --json --socket %s/none.sock", dir), 3);
	assert_int_equal(kedge("trunk alpha down --socket %s/none.sock", dir), 3);
	assert_int_equal(kedge("health --socket %s/none.sock", dir), 3);
	assert_int_equal(kedge("events --socket %s/none.sock", dir), 3);
	assert_int_equal(kedge("explain 00442071838750 --from pbx1 --socket %s/none.sock -f " EXAMPLES "kedge.cfg", dir), 0);
	has("route \"out\"");
	has(": 1 alpha   2 beta\nwould send to alpha 127.0.2.1:5060;transport=udp as +442071838750 (headers: ");
	has("(no daemon answers: from the configuration alone, every trunk taken as UNKNOWN)\n");
	assert_int_equal(kedge("explain 1 --from nobody --socket %s/none.sock -f " EXAMPLES "kedge.cfg", dir), 1);
	has("kedge: there is no trunk \"nobody\"\n");
}

/* Another daemon may listen at the default place: its answer would be taken for that of the one named. */
static void named_file(void **state)
{
	static const char *const verbs[] = { "trunks", "trunks alpha", "calls", "calls --json", "explain +442071838750 --from pbx1" };
	char runtime[160], link[256], path[128];
	FILE *f;

	(void)state;
	snprintf(runtime, sizeof(runtime), "%s/kedge", dir);
	snprintf(link, sizeof(link), "%s/admin.sock", runtime);
	snprintf(path, sizeof(path), "%s/wrong.cfg", dir);
	assert_int_equal(mkdir(runtime, 0700), 0);
	assert_int_equal(symlink(conf->admin.socket, link), 0);
	f = fopen(path, "w");
	fputs("run = { dir = 5; };\n", f);
	fclose(f);
	setenv("XDG_RUNTIME_DIR", dir, 1);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		assert_int_equal(kedge("%s -f %s/none.cfg", verbs[i], dir), 1);
		has("none.cfg: error: cannot be read: No such file or directory\n");
		assert_int_equal(kedge("%s -f %s", verbs[i], path), 1);
		has("wrong.cfg:1: error: run.dir: expected ");
		assert_int_equal(kedge("%s -f %s --socket %s", verbs[i], path, conf->admin.socket), 0);
		setenv("KEDGE_CONFIG", path, 1); /* not named here: what runs at the default place */
		assert_int_equal(kedge("%s", verbs[i]), 0);
		unsetenv("KEDGE_CONFIG");
	}
	unsetenv("XDG_RUNTIME_DIR");
	unlink(path);
	unlink(link);
	rmdir(runtime);
}

static void live_trunks(void **state)
{
	json_t *o;

	(void)state;
	assert_int_equal(kedge("trunks --socket %s", conf->admin.socket), 0);
	has("TRUNK  SIDE     STATE    SINCE ");
	has(" CALLS/MAX  ATTEMPTS  ASR  PDD  LOSS  MOS  WHY\n");
	has("\nalpha  carrier  DOWN     ");
	has(" 0/300         3  0 %    -     -    -  failures in a row (503), ");
	has("\nbeta   carrier  UNKNOWN  ");
	has("nothing heard yet\n");
	has("\nmedia: 1 worker, io_uring\n");
	assert_null(strchr(out, '\033')); /* no colour but on a terminal */
	assert_int_equal(kedge("trunks alpha --socket %s", conf->admin.socket), 0);
	has("127.0.2.1:5060;transport=udp  DOWN");
	assert_int_equal(kedge("trunks nobody --socket %s", conf->admin.socket), 1);
	has("kedge: there is no such trunk\n");
	assert_int_equal(kedge("trunks --json --socket %s", conf->admin.socket), 0);
	o = parsed();
	assert_int_equal(json_array_size(json_object_get(o, "trunks")), 3);
	json_decref(o);
}

/* Here no SIP loop answers: nothing is ordered, and that is said; the table's health is shown all the same. */
static void live_trunk(void **state)
{
	(void)state;
	assert_int_equal(kedge("trunk nobody down --socket %s", conf->admin.socket), 1);
	has("kedge: there is no such trunk\n");
	assert_int_equal(kedge("trunk alpha sideways --socket %s", conf->admin.socket), 1);
	has("kedge: order is up, down, drain or auto; failback is asked for by itself\n");
	assert_int_equal(kedge("trunk alpha down --socket %s", conf->admin.socket), 1);
	has("nothing was ordered");
}

static void live_health(void **state)
{
	json_t *o;

	(void)state;
	assert_int_equal(kedge("health --socket %s", conf->admin.socket), 1);
	has("WARNING: alpha is DOWN\n\nTRUNK  HOP ");
	has("failing answers");
	has("  30s, then calls that ring\n");
	assert_int_equal(kedge("health --json --socket %s", conf->admin.socket), 1);
	o = parsed();
	assert_int_equal(json_array_size(json_object_get(o, "trunks")), 3);
	json_decref(o);
}

static void live_events(void **state)
{
	json_t *o;

	(void)state;
	assert_int_equal(history_open(conf->events.file), 0);
	history_write("order", json_pack("{s:s, s:s, s:s, s:s, s:i}", "trunk", "alpha", "order", "down", "by", "root", "reason", "\033[31mred", "until", 0));
	history_write("state", json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i}", "trunk", "alpha", "hop", "127.0.2.1:5060", "from", "UP", "to", "DOWN", "why",
	    "consecutive:503", "evidence", "failing answers", "clears", "open is over", "hold_ms", 30000));
	assert_int_equal(kedge("events --socket %s", conf->admin.socket), 0);
	has("  alpha  order down by root: \"?[31mred\"\n");
	has("  alpha 127.0.2.1:5060  UP -> DOWN  consecutive:503 (failing answers), for 30 s at least; cleared by: open is over\n");
	assert_int_equal(kedge("events --since 1h --json --socket %s", conf->admin.socket), 0);
	o = parsed();
	assert_int_equal(json_array_size(json_object_get(o, "events")), 2);
	json_decref(o);
	assert_int_equal(kedge("events --since 2099-01-01 --socket %s", conf->admin.socket), 0);
	assert_string_equal(out, "");
	history_close();
	unlink(conf->events.file);
	rmdir(conf->run.state_dir);
}

static void live_calls(void **state)
{
	json_t *o;

	(void)state;
	put_call(3, 0x7f3a, "\033[31mred\n\xc2\x9b");
	put_call(4, 0x7f3b, "+442071838751");
	assert_int_equal(kedge("calls --socket %s", conf->admin.socket), 0);
	has("?[31mred???");
	assert_null(strchr(out, '\033')); /* a caller's name does not speak to the terminal */
	has("\n2 calls\n");
	assert_int_equal(kedge("calls 7f3b --socket %s", conf->admin.socket), 0);
	has("127.0.2.2:5060");
	has("from caller  0 packets, 0 relayed");
	assert_int_equal(kedge("calls 7f3c --socket %s", conf->admin.socket), 1);
	assert_int_equal(kedge("calls --json --socket %s", conf->admin.socket), 0);
	o = parsed();
	assert_int_equal(json_array_size(json_object_get(o, "calls")), 2);
	json_decref(o);
	admin_call_clear(3);
	admin_call_clear(4);
}

static void live_refused(void **state)
{
	struct kedge_addr from = { .family = AF_INET, .ip = { 192, 0, 2, 7 } }, net = { .family = AF_INET6, .ip = { 0x20, 1, 0xd, 0xb8, [15] = 1 } };
	json_t *all, *o;

	(void)state;
	admit_init(1);
	admit_refused(&from, ADMIT_UNKNOWN_SOURCE, clock_mono_ns());
	admit_refused(&net, ADMIT_SCANNER, clock_mono_ns());
	admit_refused(&net, ADMIT_SCANNER, clock_mono_ns());
	assert_int_equal(kedge("refused --socket %s", conf->admin.socket), 0);
	has("192.0.2.7");
	has("unknown_source");
	has("\n2 addresses\n");
	assert_int_equal(kedge("refused --json --socket %s", conf->admin.socket), 0);
	all = parsed();
	o = json_array_get(json_object_get(all, "refused"), 0);
	assert_string_equal(json_string_value(json_object_get(o, "source")), "2001:db8::/64");
	assert_string_equal(json_string_value(json_object_get(o, "why")), "scanner");
	assert_int_equal(json_integer_value(json_object_get(o, "count")), 2);
	json_decref(all);
	assert_int_equal(kedge("refused x --socket %s", conf->admin.socket), 2);
}

static void live_explain(void **state)
{
	(void)state;
	assert_int_equal(kedge("explain +442071838750 --from pbx1 --socket %s", conf->admin.socket), 0);
	has(": 1 beta   2 alpha only if nothing else is left: DOWN (consecutive 503, ");
	has("\nwould send to beta 127.0.2.2:5060;transport=udp as +442071838750 (headers: ");
	assert_null(strstr(out, "no daemon answers"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(help), cmocka_unit_test(check), cmocka_unit_test(config), cmocka_unit_test(nobody_there), cmocka_unit_test(named_file),
		cmocka_unit_test(live_trunks), cmocka_unit_test(live_trunk), cmocka_unit_test(live_health), cmocka_unit_test(live_events), cmocka_unit_test(live_calls), cmocka_unit_test(live_refused), cmocka_unit_test(live_explain),
	};

	unsetenv("KEDGE_CONFIG");
	unsetenv("KEDGE_SOCKET");
	return cmocka_run_group_tests(tests, rig_begin, rig_end);
}
