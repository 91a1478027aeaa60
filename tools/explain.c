// SPDX-License-Identifier: MIT
/* kedge explain: what would happen to a call, by the code that calls go through. A running daemon is asked, for it knows the health of
 * the hops; without one the configuration alone is taken, and that is said. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/clock.h"
#include "config/conf.h"
#include "sig/operator/explain.h"
#include "tools/ask.h"
#include "tools/live.h"
#include "tools/verb.h"

struct question {
	const char *file, *socket, *number, *from;
	bool json;
};

static int arguments(struct question *q, int argc, char **argv)
{
	static const struct option options[] = { { "from", required_argument, NULL, 'F' }, { "json", no_argument, NULL, 'j' },
		{ "socket", required_argument, NULL, 's' }, { 0 } };
	int o;

	*q = (struct question){ 0 };
	while ((o = getopt_long(argc, argv, "f:", options, NULL)) != -1) {
		if (o == '?')
			return verb_usage("explain");
		if (o == 'f')
			q->file = optarg;
		if (o == 'F')
			q->from = optarg;
		if (o == 's')
			q->socket = optarg;
		q->json |= o == 'j';
	}
	if (optind + 1 != argc)
		return verb_usage("explain");
	q->number = argv[optind];
	return VERB_DONE;
}

/* The daemon's answer; NULL: none runs at that socket. */
static json_t *from_daemon(const struct question *q, const char *socket)
{
	char number[ASK_PATH], from[ASK_PATH], path[3 * ASK_PATH];
	json_t *o = NULL;
	int rc;

	snprintf(path, sizeof(path), "/v1/explain?number=%s%s%s", ask_escape(q->number, number), q->from ? "&from=" : "",
	    q->from ? ask_escape(q->from, from) : "");
	rc = ask(socket, path, &o);
	if (rc == 200)
		return o;
	if (rc > 0)
		json_decref(o);
	return NULL;
}

/* The same from the configuration alone; NULL: it has errors, now told. */
static json_t *from_file(const struct question *q)
{
	struct health *h = malloc(sizeof(*h));
	struct err_list errs = { 0 };
	struct conf *c = conf_load(q->file ? q->file : verb_config_file(), CONF_UNSCALED, &errs);
	uint64_t now = clock_mono_ns();
	json_t *o = NULL;

	if (!c)
		err_print(&errs, stderr);
	if (c && h) {
		explain_health(h, c, NULL, now, clock_wall_ms());
		o = explain_call(c, h, false, q->from, q->number, now);
	}
	err_fini(&errs);
	conf_unref(c);
	free(h);
	return o;
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

static long long left_of(const json_t *o)
{
	return (json_integer_value(json_object_get(o, "retry_in_ms")) + 999) / 1000;
}

/* DOWN (consecutive 503, 12 s left) */
static void print_state(const json_t *o)
{
	long long code = json_integer_value(json_object_get(o, "code")), left = left_of(o);
	const char *reason = text_of(o, "reason");
	char figure[LIVE_FIGURE];

	printf("%s", text_of(o, "state"));
	if (!*reason && !left)
		return;
	printf(" (%s", reason);
	if (code)
		printf(" %s", live_figure(reason, code, figure));
	if (left)
		printf(", %lld s left", left);
	putchar(')');
}

static void print_try(size_t i, const json_t *o)
{
	bool last = json_is_true(json_object_get(o, "last_resort"));

	printf("%s%zu %s", i ? "   " : " ", i + 1, text_of(o, "trunk"));
	if (last) {
		fputs(" only if nothing else is left: ", stdout);
		print_state(o);
	}
}

static void print_skips(const json_t *list)
{
	const json_t *o;
	size_t i;

	json_array_foreach(list, i, o) {
		printf("   %s skipped: ", text_of(o, "trunk"));
		if (!strcmp(text_of(o, "why"), "down"))
			print_state(o);
		else
			fputs(*text_of(o, "why") ? text_of(o, "why") : "not reached", stdout);
	}
}

static void print_answer(const json_t *o)
{
	const json_t *tries = json_object_get(o, "tries"), *all = json_object_get(o, "if_all_fail"), *t;
	size_t i;

	if (*text_of(o, "test")) {
		printf("test number \"%s\" (%s): kedge answers it itself, and sends it nowhere\n", text_of(o, "test"), text_of(o, "test_at"));
		return;
	}
	printf("route \"%s\" (%s), profile \"%s\" (%s):", text_of(o, "route"), text_of(o, "route_at"), text_of(o, "profile"), text_of(o, "profile_at"));
	json_array_foreach(tries, i, t)
		print_try(i, t);
	print_skips(json_object_get(o, "skipped"));
	t = json_array_get(tries, 0);
	if (t)
		printf("\nwould send to %s %s as %s (headers: %s)", text_of(t, "trunk"), text_of(t, "hop"), text_of(t, "number"), text_of(t, "headers_at"));
	else
		fputs("\nwould send it nowhere", stdout);
	if (all)
		printf("\nif all fail the caller gets %lld %s", (long long)json_integer_value(json_object_get(all, "code")), text_of(all, "phrase"));
	putchar('\n');
}

int verb_explain(int argc, char **argv)
{
	char socket[ASK_PATH];
	struct question q;
	json_t *o;
	int rc = arguments(&q, argc, argv);

	if (rc)
		return rc;
	if (!ask_socket(q.socket, q.file, socket))
		return VERB_REFUSED;
	o = from_daemon(&q, socket);
	if (!o)
		o = from_file(&q);
	if (!o)
		return VERB_REFUSED;
	rc = json_object_get(o, "error") ? VERB_REFUSED : VERB_DONE;
	if (q.json) {
		json_dumpf(o, stdout, JSON_INDENT(2));
		putchar('\n');
	} else if (rc) {
		fprintf(stderr, "kedge: %s\n", text_of(o, "error"));
	} else {
		print_answer(o);
		if (!json_is_true(json_object_get(o, "live")))
			puts("(no daemon answers: from the configuration alone, every trunk taken as UNKNOWN)");
	}
	json_decref(o);
	return rc;
}
