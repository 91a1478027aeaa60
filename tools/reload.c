// SPDX-License-Identifier: MIT
/* The verbs that change what is in force: reload, rollback; and generations, what can be gone back to. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ask.h"
#include "tools/table.h"
#include "tools/verb.h"

struct wish {
	const char *file, *socket;
	long long to;
	bool json, dry;
};

static int arguments(struct wish *w, bool numbered, int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' }, { "socket", required_argument, NULL, 's' },
		{ "dry-run", no_argument, NULL, 'd' }, { 0 } };
	char *end = "";
	int o;

	*w = (struct wish){ 0 };
	while ((o = getopt_long(argc, argv, "f:", options, NULL)) != -1) {
		if (o == '?')
			return verb_usage(argv[0]);
		if (o == 'f')
			w->file = optarg;
		if (o == 's')
			w->socket = optarg;
		w->json |= o == 'j';
		w->dry |= o == 'd';
	}
	if (numbered && optind < argc) {
		w->to = strtoll(argv[optind++], &end, 10);
		if (w->to < 1)
			return verb_usage(argv[0]);
	}
	return *end || optind < argc ? verb_usage(argv[0]) : VERB_DONE;
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

static long long int_of(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static void print_json(const json_t *o)
{
	json_dumpf(o, stdout, JSON_INDENT(2));
	putchar('\n');
}

/* ---- what came of it ------------------------------------------------------------------------ */

static void print_changes(const json_t *o)
{
	const json_t *c;
	size_t i;

	json_array_foreach(json_object_get(o, "changes"), i, c) {
		const char *restart = json_is_true(json_object_get(c, "restart")) ? " (needs a restart)" : "";

		if (!strcmp(text_of(c, "kind"), "changed"))
			printf("  %s: %s -> %s%s\n", text_of(c, "what"), text_of(c, "from"), text_of(c, "to"), restart);
		else
			printf("  %s: %s%s\n", text_of(c, "what"), text_of(c, "kind"), restart);
	}
}

/* As `kedge check` has them. */
static size_t print_messages(const json_t *o)
{
	size_t errors = 0, i;
	const json_t *m;

	json_array_foreach(json_object_get(o, "messages"), i, m) {
		fprintf(stderr, "%s:%lld: %s: %s\n", text_of(m, "file"), int_of(m, "line"), text_of(m, "level"), text_of(m, "text"));
		errors += !strcmp(text_of(m, "level"), "error");
	}
	return errors;
}

static int print_done(const json_t *o, bool dry)
{
	size_t n = json_array_size(json_object_get(o, "changes"));

	printf("generation %lld %s in force: %zu change%s against generation %lld\n", int_of(o, "generation"), dry ? "would be" : "is", n,
	    n == 1 ? "" : "s", int_of(o, "before"));
	print_changes(o);
	return VERB_DONE;
}

static int print_result(const json_t *o)
{
	const char *result = text_of(o, "result");
	size_t errors = print_messages(o);

	if (!strcmp(result, "done"))
		return print_done(o, false);
	if (!strcmp(result, "would_be_done"))
		return print_done(o, true);
	if (!strcmp(result, "nothing_differs")) {
		printf("nothing differs: generation %lld is in force\n", int_of(o, "generation"));
		return VERB_DONE;
	}
	print_changes(o);
	if (errors)
		fprintf(stderr, "kedge: refused, %zu error%s; generation %lld stays in force\n", errors, errors == 1 ? "" : "s", int_of(o, "before"));
	else
		fprintf(stderr, "kedge: refused: %s\n", text_of(o, "why"));
	return VERB_REFUSED;
}

static int change(const struct wish *w, const char *path)
{
	char socket[ASK_PATH];
	json_t *body = json_object(), *o = NULL;
	const char *result;
	int rc = VERB_REFUSED;

	json_object_set_new(body, "dry_run", json_boolean(w->dry));
	if (w->to)
		json_object_set_new(body, "to", json_integer(w->to));
	if (ask_socket(w->socket, w->file, socket))
		rc = ask_tell(ask_to(socket, "POST", path, body, &o), socket, &o);
	json_decref(body);
	if (rc != VERB_DONE)
		return rc;
	result = text_of(o, "result");
	if (!w->json)
		rc = print_result(o);
	else
		rc = !strcmp(result, "done") || !strcmp(result, "would_be_done") || !strcmp(result, "nothing_differs") ? VERB_DONE : VERB_REFUSED;
	if (w->json)
		print_json(o);
	json_decref(o);
	return rc;
}

int verb_reload(int argc, char **argv)
{
	struct wish w;
	int rc = arguments(&w, false, argc, argv);

	return rc == VERB_DONE ? change(&w, "/v1/reload") : rc;
}

int verb_rollback(int argc, char **argv)
{
	struct wish w;
	int rc = arguments(&w, true, argc, argv);

	return rc == VERB_DONE ? change(&w, "/v1/rollback") : rc;
}

/* ---- what can be gone back to --------------------------------------------------------------- */

static void print_generations(const json_t *o)
{
	static const char *const heads[] = { "NOW", ">GENERATION", "AFTER", "ACCEPTED", "AGO", "BY", "HASH" };
	long long in_force = int_of(o, "in_force");
	char ago[TABLE_AGO];
	struct table t;
	const json_t *g;
	size_t i;

	table_init(&t, heads, sizeof(heads) / sizeof(heads[0]));
	json_array_foreach(json_object_get(o, "generations"), i, g) {
		table_row(&t);
		table_cell(&t, 0, "%s", int_of(g, "generation") == in_force ? "*" : "");
		table_cell(&t, 1, "%lld", int_of(g, "generation"));
		table_cell(&t, 2, int_of(g, "before") ? "%lld" : "-", int_of(g, "before"));
		table_cell(&t, 3, "%s", text_of(g, "accepted"));
		table_cell(&t, 4, "%s", table_ago(int_of(g, "accepted_ms_ago"), ago));
		table_cell(&t, 5, "%s", text_of(g, "by"));
		table_cell(&t, 6, "%s", text_of(g, "hash"));
	}
	table_print(&t, stdout);
	table_fini(&t);
	printf("generation %lld is in force, since %s, by %s\n", in_force, text_of(o, "since"), text_of(o, "by"));
}

int verb_generations(int argc, char **argv)
{
	char socket[ASK_PATH];
	json_t *o = NULL;
	struct wish w;
	int rc = arguments(&w, false, argc, argv);

	if (rc != VERB_DONE)
		return rc;
	if (!ask_socket(w.socket, w.file, socket))
		return VERB_REFUSED;
	rc = ask_or_tell(socket, "/v1/generations", &o);
	if (rc != VERB_DONE)
		return rc;
	if (w.json)
		print_json(o);
	else
		print_generations(o);
	json_decref(o);
	return VERB_DONE;
}
