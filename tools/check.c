// SPDX-License-Identifier: MIT
/* The verbs that look at files alone: check, config, version. */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "config/conf.h"
#include "config/value.h"
#include "routing/shm/layout.h"
#include "tools/ask.h"
#include "tools/check_timers.h"
#include "tools/verb.h"

#ifdef __clang__
#define COMPILER __VERSION__ /* names itself */
#else
#define COMPILER "gcc " __VERSION__
#endif

/* ---- check ---------------------------------------------------------------------------------- */

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static void print_summary(const struct conf *c, const struct err_list *errs)
{
	char text[VALUE_TEXT];

	if (errs->count)
		fprintf(stderr, "%zu error%s, %zu warning%s\n", errs->errors, plural(errs->errors), errs->warnings, plural(errs->warnings));
	if (!c)
		return;
	printf("%s: %u trunk%s, %u profile%s, %u route%s\n", c->file, c->trunks.count, plural(c->trunks.count), c->profiles.count,
		plural(c->profiles.count), c->routes.count, plural(c->routes.count));
	for (uint16_t i = 0; i < c->trunks.count; i++)
		printf("trunk %s: %s%s\n", c->trunks.v[i].name,
			conf_detection_ms(&c->trunks.v[i]) ? "if it dies between calls, that is known within " : "not probed: its death is found by a call",
			conf_detection_ms(&c->trunks.v[i]) ? value_ms_text((uint32_t)conf_detection_ms(&c->trunks.v[i]), text) : "");
	for (uint16_t i = 0; i < c->profiles.count; i++)
		if (c->profiles.v[i].targets.count > 1)
			printf("profile %s: room for %llu calls through its first trunk, %llu through the others\n", c->profiles.v[i].name,
				(unsigned long long)conf_room(c, &c->profiles.v[i], true), (unsigned long long)conf_room(c, &c->profiles.v[i], false));
}

static json_t *message_json(const struct err *e)
{
	json_t *o = json_pack("{s:s, s:i, s:s}", "level", e->level == ERR_ERROR ? "error" : "warning", "line", e->line, "text", e->text);

	if (e->file && value_clean(e->file))
		json_object_set_new(o, "file", json_string(e->file));
	return o;
}

static void print_json(const char *file, bool ok, const struct err_list *errs)
{
	json_t *list = json_array(), *o;

	for (size_t i = 0; i < errs->count; i++)
		json_array_append_new(list, message_json(&errs->v[i]));
	o = json_pack("{s:s, s:b, s:i, s:i, s:o}", "file", file, "ok", ok, "errors", (int)errs->errors, "warnings", (int)errs->warnings,
		"messages", list);
	json_dumpf(o, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(o);
}

int verb_check(int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' }, { "strict", no_argument, NULL, 's' },
		{ "timers", no_argument, NULL, 't' }, { 0 } };
	const char *file = verb_config_file();
	bool json = false, strict = false, timers = false, ok;
	struct err_list errs = { 0 };
	struct conf *c;
	int o;

	while ((o = getopt_long(argc, argv, "f:", options, NULL)) != -1) {
		if (o == '?')
			return verb_usage("check");
		file = o == 'f' ? optarg : file;
		json |= o == 'j';
		strict |= o == 's';
		timers |= o == 't';
	}
	if (optind < argc)
		return verb_usage("check");
	c = conf_load(file, CONF_UNSCALED | CONF_FOLDERS, &errs);
	ok = c && !(strict && errs.warnings);
	if (json) {
		print_json(file, ok, &errs);
	} else {
		err_print(&errs, stderr);
		print_summary(c, &errs);
		if (c && timers)
			check_timers(stdout, c);
	}
	conf_unref(c);
	err_fini(&errs);
	return ok ? VERB_DONE : VERB_REFUSED;
}

/* ---- config --------------------------------------------------------------------------------- */

static int print_effective(const char *file)
{
	struct err_list errs = { 0 };
	struct conf *c = conf_load(file, CONF_UNSCALED, &errs);

	err_print(&errs, stderr);
	err_fini(&errs);
	if (!c)
		return VERB_REFUSED;
	conf_print(c, stdout);
	conf_unref(c);
	return VERB_DONE;
}

int verb_config(int argc, char **argv)
{
	static const struct option options[] = { { "effective", no_argument, NULL, 'e' }, { "example", no_argument, NULL, 'x' }, { 0 } };
	const char *file = verb_config_file();
	int o, what = 0;

	while ((o = getopt_long(argc, argv, "f:", options, NULL)) != -1) {
		if (o == '?')
			return verb_usage("config");
		if (o == 'f')
			file = optarg;
		else
			what = o;
	}
	if (optind < argc || !what)
		return verb_usage("config");
	if (what == 'e')
		return print_effective(file);
	conf_example(stdout);
	return VERB_DONE;
}

/* ---- version -------------------------------------------------------------------------------- */

/* What runs here, if anything does: /v1/status; a new reference. */
static json_t *running(void)
{
	char socket[ASK_PATH];
	json_t *o = NULL;
	int rc = ask_socket(NULL, NULL, socket) ? ask(socket, "/v1/status", &o) : -ENOENT;

	if (rc == 200)
		return o;
	json_decref(o);
	return NULL;
}

static void print_running(const json_t *o)
{
	printf("running: kedge %s, configuration generation %lld\n", json_string_value(json_object_get(o, "version")),
	    json_integer_value(json_object_get(o, "generation")));
}

int verb_version(int argc, char **argv)
{
	struct utsname u = { 0 };
	json_t *o, *now;

	if (argc > 2 || (argc == 2 && strcmp(argv[1], "--json") != 0))
		return verb_usage("version");
	uname(&u);
	now = running();
	if (argc == 1) {
		printf("kedge %s, segment layout %d, %s\n", KEDGE_VERSION, KEDGE_LAYOUT_VERSION, KEDGE_LIBRARIES);
		printf("compiled by " COMPILER "; running on Linux %s %s\n", u.release, u.machine);
		if (now)
			print_running(now);
		json_decref(now);
		return VERB_DONE;
	}
	o = json_pack("{s:s, s:i, s:s, s:s, s:s}", "version", KEDGE_VERSION, "layout", KEDGE_LAYOUT_VERSION, "libraries", KEDGE_LIBRARIES,
		"compiler", COMPILER, "kernel", u.release);
	if (now)
		json_object_set_new(o, "running", json_pack("{s:O, s:O}", "version", json_object_get(now, "version"), "generation", json_object_get(now, "generation")));
	json_decref(now);
	json_dumpf(o, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(o);
	return VERB_DONE;
}
