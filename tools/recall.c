// SPDX-License-Identifier: MIT
#include "tools/recall.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "tools/ask.h"
#include "tools/verb.h"

#define TEXTS 16
#define TEXT  512

const char *recall_text(const json_t *o, const char *key)
{
	static char texts[TEXTS][TEXT];
	static unsigned next;
	const char *text = json_string_value(json_object_get(o, key));
	char *out = texts[next++ % TEXTS];

	snprintf(out, TEXT, "%s", text ? text : "");
	for (char *p = out; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	return out;
}

long long recall_int(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

void recall_print_json(const json_t *o)
{
	json_dumpf(o, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
	putchar('\n');
}

static int arguments(struct recall_question *q, int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' }, { "ladder", no_argument, NULL, 'l' },
		{ "socket", required_argument, NULL, 's' }, { 0 } };
	int o;

	*q = (struct recall_question){ 0 };
	while ((o = getopt_long(argc, argv, "f:", options, NULL)) != -1) {
		if (o == '?' || (o == 'l' && strcmp(argv[0], "trace") != 0))
			return verb_usage(argv[0]);
		if (o == 'f')
			q->file = optarg;
		if (o == 's')
			q->socket = optarg;
		q->json |= o == 'j';
		q->ladder |= o == 'l';
	}
	if (optind + 1 != argc)
		return verb_usage(argv[0]);
	q->call = argv[optind];
	return VERB_DONE;
}

static int several(json_t *o)
{
	const json_t *c;
	size_t i;

	fprintf(stderr, "kedge: %s:\n", recall_text(o, "error"));
	json_array_foreach(json_object_get(o, "calls"), i, c)
		fprintf(stderr, "  %s  to %s  %s\n", recall_text(c, "call"), recall_text(c, "to"), recall_text(c, "begun"));
	json_decref(o);
	return VERB_REFUSED;
}

int recall_ask(struct recall_question *q, int argc, char **argv, const char *what, json_t **o)
{
	char socket[ASK_PATH], call[ASK_PATH], path[ASK_PATH + 64];
	int rc = arguments(q, argc, argv);

	if (rc)
		return rc;
	if (!ask_socket(q->socket, q->file, socket))
		return VERB_REFUSED;
	snprintf(path, sizeof(path), "/v1/calls/-/%s?call=%s", what, ask_escape(q->call, call));
	rc = ask(socket, path, o);
	return rc == 409 ? several(*o) : ask_tell(rc, socket, o);
}

/* 2026-11-20T13:18:53.123+00:00: without its date where that is no news */
static const char *clock_of(const char *time)
{
	return strlen(time) > 23 ? time + 11 : time;
}

void recall_head(const json_t *o)
{
	const char *from = recall_text(o, "from"), *state = recall_text(o, "state"), *ended = recall_text(o, "ended"), *answered = recall_text(o, "answered"),
		   *by = recall_text(o, "by");

	printf("call %s: %s -> %s, in by %s, Call-ID %s\n", recall_text(o, "call"), *from ? from : "?", recall_text(o, "to"), recall_text(o, "in"),
	    recall_text(o, "call_id"));
	printf("begun %s", recall_text(o, "begun"));
	if (json_is_integer(json_object_get(o, "ttrb_ms")))
		printf(", rang after %.3f s", (double)recall_int(o, "ttrb_ms") / 1000);
	if (*answered)
		printf(", answered after %.3f s", (double)recall_int(o, "tta_ms") / 1000);
	if (strcmp(state, "ended") != 0)
		printf(", %s\n", state);
	else
		printf(", ended %.12s%s%s (%s)\n", clock_of(ended), strcmp(by, "nobody") ? " by " : "", strcmp(by, "nobody") ? by : "", recall_text(o, "why"));
}
