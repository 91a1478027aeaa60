// SPDX-License-Identifier: MIT
/* The verbs of who keeps the trunks running: trunk (orders), health (can calls be carried, and all that is known), events (what happened). */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config/clock.h"
#include "tools/ask.h"
#include "tools/live.h"
#include "tools/table.h"
#include "tools/verb.h"
#include "tools/when.h"

#define FOLLOW_US 300000

struct wanted {
	const char *file, *reason;
	char socket[ASK_PATH];
	uint64_t when; /* --until, --since; wall ms, 0: not given */
	bool json, follow;
};

/* Options in any order; *rest: the first word that is none. VERB_DONE, or what to exit with. */
static int options(struct wanted *w, const char *allowed, int argc, char **argv)
{
	static const struct option all[] = { { "json", no_argument, NULL, 'j' }, { "socket", required_argument, NULL, 's' }, { "follow", no_argument, NULL, 'w' },
		{ "reason", required_argument, NULL, 'r' }, { "until", required_argument, NULL, 'u' }, { "since", required_argument, NULL, 'a' }, { 0 } };
	const char *socket = NULL;
	int o;

	*w = (struct wanted){ 0 };
	while ((o = getopt_long(argc, argv, "f:", all, NULL)) != -1) {
		if (o == '?' || !strchr(allowed, o))
			return verb_usage(argv[0]);
		if (o == 'f')
			w->file = optarg;
		if (o == 's')
			socket = optarg;
		if (o == 'r')
			w->reason = optarg;
		if ((o == 'u' || o == 'a') && !(w->when = when_read(optarg, o == 'u', clock_wall_ms()))) {
			fprintf(stderr, "kedge: \"%s\" is no time: 30m, 2h, 14:30, 2026-11-21T18:00\n", optarg);
			return VERB_USAGE;
		}
		w->json |= o == 'j';
		w->follow |= o == 'w';
	}
	return ask_socket(socket, w->file, w->socket) ? VERB_DONE : VERB_REFUSED;
}

static int tell(int rc, const struct wanted *w, json_t **o)
{
	return ask_tell(rc, w->socket, o);
}

/* ---- trunk ---------------------------------------------------------------------------------- */

int verb_trunk(int argc, char **argv)
{
	char name[ASK_PATH], path[ASK_PATH + 32];
	json_t *order, *o;
	bool failback;
	struct wanted w;
	int rc = options(&w, "fsruj", argc, argv);

	if (rc)
		return rc;
	if (argc - optind != 2)
		return verb_usage(argv[0]);
	failback = !strcmp(argv[optind + 1], "failback");
	snprintf(path, sizeof(path), "/v1/trunks/%s%s", ask_escape(argv[optind], name), failback ? "/failback" : "");
	order = failback ? json_object() : json_pack("{s:s}", "order", argv[optind + 1]);
	if (w.reason)
		json_object_set_new(order, "reason", json_string(w.reason));
	if (w.when)
		json_object_set_new(order, "until", json_integer((json_int_t)w.when));
	rc = tell(ask_to(w.socket, failback ? "POST" : "PATCH", path, order, &o), &w, &o);
	json_decref(order);
	if (rc)
		return rc;
	if (w.json)
		live_print_json(o);
	else
		live_print_trunks(json_object_get(o, "trunks"));
	if (*live_text(o, "warning"))
		fprintf(stderr, "kedge: %s\n", live_text(o, "warning"));
	json_decref(o);
	return VERB_DONE;
}

/* ---- health --------------------------------------------------------------------------------- */

/* One evidence a row; the first cells only in the hop's first. */
static void evidence_row(struct table *t, const json_t *e)
{
	long long figure = live_int(e, "figure");
	char text[LIVE_FIGURE];

	table_cell(t, 5, "%s", live_text(e, "reason"));
	if (figure)
		table_cell(t, 6, "%s", live_figure(live_text(e, "reason"), figure, text));
	table_cell(t, 7, "%s", live_text(e, "evidence"));
	table_cell(t, 8, "%s", live_or_dash(live_text(e, "cleared_by")));
}

static void evidence_rows(struct table *t, const json_t *standing)
{
	const json_t *e;
	size_t i;

	json_array_foreach(standing, i, e) {
		if (i)
			table_row(t);
		for (size_t k = 0; i && k < 5; k++)
			table_cell(t, k, " ");
		evidence_row(t, e);
	}
}

static void hop_rows(struct table *t, const char *trunk, const json_t *hop)
{
	char ago[TABLE_AGO];

	table_row(t);
	table_cell(t, 0, "%s", trunk);
	table_cell(t, 1, "%s;transport=%s", live_text(hop, "address"), live_text(hop, "transport"));
	table_cell(t, 2, "%s", live_text(hop, "state"));
	table_cell(t, 3, "%s", live_ago(hop, "since_ms_ago", ago));
	table_cell(t, 4, "%lld %%", live_int(hop, "percent"));
	evidence_rows(t, json_object_get(hop, "standing"));
}

static void print_health(const json_t *o)
{
	static const char *const heads[] = { "TRUNK", "HOP", "STATE", "SINCE", ">SHARE", "REASON", ">FIGURE", "EVIDENCE", "CLEARED BY" };
	const json_t *trunk, *hop;
	const char *why = live_text(o, "why");
	struct table t;
	size_t i, k;

	printf("%s%s%s\n", live_text(o, "status"), *why ? ": " : "", why);
	if (live_int(o, "generation"))
		printf("configuration: generation %lld\n", live_int(o, "generation"));
	putchar('\n');
	table_init(&t, heads, sizeof(heads) / sizeof(heads[0]));
	t.state = 2;
	json_array_foreach(json_object_get(o, "trunks"), i, trunk) {
		json_array_foreach(json_object_get(trunk, "hops"), k, hop)
			hop_rows(&t, live_text(trunk, "trunk"), hop);
		if (json_array_size(json_object_get(trunk, "hops")))
			continue;
		table_row(&t);
		table_cell(&t, 0, "%s", live_text(trunk, "trunk"));
		table_cell(&t, 1, "no address");
		table_cell(&t, 2, "%s", live_text(trunk, "state"));
		evidence_rows(&t, json_object_get(trunk, "standing"));
	}
	table_print(&t, stdout);
	table_fini(&t);
}

/* As monitoring plugins exit: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN. */
int verb_health(int argc, char **argv)
{
	const char *status;
	struct wanted w;
	json_t *o;
	int rc = options(&w, "fsj", argc, argv);

	if (!rc && argc != optind)
		rc = verb_usage(argv[0]);
	if (rc)
		return 3;
	rc = tell(ask(w.socket, "/v1/health", &o), &w, &o);
	if (rc)
		return 3;
	status = live_text(o, "status");
	rc = !strcmp(status, "OK") ? 0 : !strcmp(status, "WARNING") ? 1 : !strcmp(status, "CRITICAL") ? 2 : 3;
	if (w.json)
		live_print_json(o);
	else
		print_health(o);
	json_decref(o);
	return rc;
}

/* ---- events --------------------------------------------------------------------------------- */

static void put_until(const json_t *e)
{
	time_t until = (time_t)(live_int(e, "until") / 1000);
	char text[40];
	struct tm tm;

	if (!until || !localtime_r(&until, &tm))
		return;
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S%z", &tm);
	printf(", until %s", text);
}

/* A word that another machine's file might have brought along does not speak to the terminal. */
static const char *clean(const json_t *e, const char *key, char *buf, size_t room)
{
	snprintf(buf, room, "%s", live_text(e, key));
	for (char *c = buf; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	return buf;
}

static void print_order(const json_t *e, bool over)
{
	char trunk[64], by[64], reason[256];

	printf("%s  order %s by %s%s", clean(e, "trunk", trunk, sizeof(trunk)), live_text(e, "order"), clean(e, "by", by, sizeof(by)), over ? " is over" : "");
	if (*clean(e, "reason", reason, sizeof(reason)))
		printf(": \"%s\"", reason);
	if (!over)
		put_until(e);
}

static void print_state(const json_t *e)
{
	char trunk[64], why[96], evidence[160], clears[200];

	printf("%s %s  %s -> %s  %s", clean(e, "trunk", trunk, sizeof(trunk)), live_text(e, "hop"), live_text(e, "from"), live_text(e, "to"),
	    clean(e, "why", why, sizeof(why)));
	if (*clean(e, "evidence", evidence, sizeof(evidence)))
		printf(" (%s)", evidence);
	if (live_int(e, "hold_ms"))
		printf(", for %lld s at least", (live_int(e, "hold_ms") + 999) / 1000);
	if (*clean(e, "clears", clears, sizeof(clears)))
		printf("; cleared by: %s", clears);
}

static void print_canary(const json_t *e)
{
	char trunk[64], why[96];

	printf("%s %s  test call: %s", clean(e, "trunk", trunk, sizeof(trunk)), live_text(e, "hop"), live_text(e, "verdict"));
	if (live_int(e, "code"))
		printf(" (%lld)", live_int(e, "code"));
	if (*clean(e, "why", why, sizeof(why)))
		printf(", %s", why);
}

static void print_event(const json_t *e)
{
	const char *event = live_text(e, "event");
	char trunk[64];

	printf("%s  ", live_text(e, "time"));
	if (!strcmp(event, "state"))
		print_state(e);
	else if (!strcmp(event, "canary"))
		print_canary(e);
	else if (!strcmp(event, "order") || !strcmp(event, "expired"))
		print_order(e, *event == 'e');
	else if (!strcmp(event, "start"))
		printf("signaling started, version %s, start %lld", live_text(e, "version"), live_int(e, "starts"));
	else if (!strcmp(event, "restored"))
		printf("%s %s  %s as before the start", clean(e, "trunk", trunk, sizeof(trunk)), live_text(e, "hop"), live_text(e, "to"));
	else if (!strcmp(event, "reload") || !strcmp(event, "rollback"))
		printf("%s by %s: configuration %lld in place of %lld, %lld changes", event, clean(e, "by", trunk, sizeof(trunk)), live_int(e, "generation"),
		    live_int(e, "before"), live_int(e, "changes"));
	else if (!strcmp(event, "alarm"))
		printf("alarm %s %s: %s ended %lld of %lld calls, %lld %%", live_text(e, "alarm"), live_text(e, "state"), live_text(e, "timer"),
		    live_int(e, "ended"), live_int(e, "calls"), live_int(e, "percent"));
	else
		printf("%s", event);
	putchar('\n');
}

static void print_events(const json_t *o, bool json)
{
	const json_t *e;
	size_t i;

	json_array_foreach(json_object_get(o, "events"), i, e) {
		if (!json) {
			print_event(e);
			continue;
		}
		json_dumpf(e, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
		putchar('\n');
	}
	fflush(stdout);
}

/* What is new, for ever; a daemon that is away is waited for. */
static int follow(const struct wanted *w, const json_t *first)
{
	const json_t *list = json_object_get(first, "events");
	long long last = live_int(json_array_get(list, json_array_size(list) - 1), "id");
	bool away = false;
	char path[128];
	json_t *o;

	print_events(first, w->json);
	while (!ferror(stdout)) {
		int rc;

		usleep(FOLLOW_US);
		snprintf(path, sizeof(path), "/v1/events?after=%lld&limit=1000", last > 0 ? last : 1);
		rc = ask(w->socket, path, &o);
		if (rc != 200 && !away)
			fprintf(stderr, "kedge: no daemon answers at %s: waiting\n", w->socket);
		away = rc != 200;
		if (rc < 0)
			continue;
		list = json_object_get(o, "events");
		if (json_array_size(list))
			last = live_int(json_array_get(list, json_array_size(list) - 1), "id");
		print_events(o, w->json);
		json_decref(o);
	}
	return VERB_DONE;
}

int verb_events(int argc, char **argv)
{
	char path[128];
	struct wanted w;
	json_t *o;
	int rc = options(&w, "fsjwa", argc, argv);

	if (!rc && argc != optind)
		rc = verb_usage(argv[0]);
	if (rc)
		return rc;
	snprintf(path, sizeof(path), "/v1/events?since=%llu&limit=%d", (unsigned long long)w.when, w.when ? 1000 : w.follow ? 10 : 100);
	rc = tell(ask(w.socket, path, &o), &w, &o);
	if (rc)
		return rc;
	if (w.follow)
		rc = follow(&w, o);
	else if (w.json)
		live_print_json(o);
	else
		print_events(o, false);
	if (!w.follow && live_int(o, "lost"))
		fprintf(stderr, "kedge: %lld events are missing: %s could not be written\n", live_int(o, "lost"), live_text(o, "file"));
	json_decref(o);
	return rc;
}
