// SPDX-License-Identifier: MIT
/* The verbs that ask the daemon: trunks, calls, refused. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "tools/ask.h"
#include "tools/table.h"
#include "tools/verb.h"

struct live { /* what such a verb was given */
	const char *file, *socket, *name; /* name: of a trunk, number of a call, NULL */
	bool json;
};

static int arguments(struct live *l, int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' }, { "socket", required_argument, NULL, 's' }, { 0 } };
	int o;

	*l = (struct live){ 0 };
	while ((o = getopt_long(argc, argv, "f:", options, NULL)) != -1) {
		if (o == '?')
			return verb_usage(argv[0]);
		if (o == 'f')
			l->file = optarg;
		if (o == 's')
			l->socket = optarg;
		l->json |= o == 'j';
	}
	if (optind < argc)
		l->name = argv[optind++];
	return optind < argc ? verb_usage(argv[0]) : VERB_DONE;
}

/* /v1/WHAT or /v1/WHAT/NAME */
static int ask_for(const struct live *l, const char *what, json_t **o)
{
	char socket[ASK_PATH], name[ASK_PATH], path[ASK_PATH + 32];

	if (!ask_socket(l->socket, l->file, socket))
		return VERB_REFUSED;
	snprintf(path, sizeof(path), "/v1/%s%s%s", what, l->name ? "/" : "", l->name ? ask_escape(l->name, name) : "");
	return ask_or_tell(socket, path, o);
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

static const char *or_dash(const char *text)
{
	return *text ? text : "-";
}

static void print_json(json_t *o)
{
	json_dumpf(o, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
	putchar('\n');
}

/* ---- trunks --------------------------------------------------------------------------------- */

/* What a reason means to who has never read the manual. */
static const char *reason_text(const char *reason)
{
	static const char *const words[][2] = {
		{ "consecutive", "failures in a row" },
		{ "silent", "no answer to INVITE and OPTIONS" },
		{ "config_fault", "it refuses what we send" },
		{ "dns_nxdomain", "its name has no address" },
		{ "dns_timeout", "its name cannot be looked up" },
		{ "dns_new", "an address new in the DNS, behind the old ones until it answers" },
		{ "retry_after", "it asked for a pause" },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(words[i][0], reason))
			return words[i][1];
	return reason;
}

/* "failures in a row (503), 12 s left, then probes" */
static const char *why_text(const json_t *o, char *buf, size_t room)
{
	const char *state = text_of(o, "state"), *reason = text_of(o, "reason");
	long long left = (int_of(o, "retry_in_ms") + 999) / 1000;
	bool failing = !strcmp(text_of(o, "probes"), "failing");
	size_t n;

	if (!strcmp(state, "UP"))
		return !failing ? "-" : !strcmp(reason, "answered") ? "calls are answered, OPTIONS not" : "OPTIONS not answered";
	if (!strcmp(state, "UNKNOWN") && failing)
		return "OPTIONS not answered";
	if (!strcmp(state, "UNKNOWN"))
		return "nothing heard yet";
	n = (size_t)snprintf(buf, room, "%s", or_dash(reason_text(reason)));
	if (int_of(o, "code"))
		n += (size_t)snprintf(buf + n, room - n, " (%lld)", int_of(o, "code"));
	if (left && (!strcmp(state, "DOWN") || !strcmp(state, "LOCKED")))
		snprintf(buf + n, room - n, ", %lld s left, then probes", left);
	return buf;
}

static int64_t ago_of(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return json_is_integer(v) ? json_integer_value(v) : -1;
}

static void trunk_row(struct table *t, const json_t *o)
{
	char ago[TABLE_AGO], why[256];
	long long attempts = int_of(o, "attempts");

	table_row(t);
	table_cell(t, 0, "%s", text_of(o, "trunk"));
	table_cell(t, 1, "%s", text_of(o, "side"));
	table_cell(t, 2, "%s", text_of(o, "state"));
	table_cell(t, 3, "%s", table_ago(ago_of(o, "since_ms_ago"), ago));
	table_cell(t, 4, "%lld/%lld", int_of(o, "calls"), int_of(o, "max_calls"));
	table_cell(t, 5, "%lld", attempts);
	if (attempts)
		table_cell(t, 6, "%lld %%", 100 * int_of(o, "answered") / attempts);
	if (int_of(o, "pdd_ms"))
		table_cell(t, 7, "%.1fs", (double)int_of(o, "pdd_ms") / 1000);
	if (int_of(o, "packets"))
		table_cell(t, 8, "%.1f %%", 100 * json_real_value(json_object_get(o, "loss")));
	table_cell(t, 9, "%s", why_text(o, why, sizeof(why)));
}

static void print_trunks(const json_t *list)
{
	static const char *const heads[] = { "TRUNK", "SIDE", "STATE", "SINCE", ">CALLS/MAX", ">ATTEMPTS", ">ASR", ">PDD", ">LOSS", "WHY" };
	struct table t;
	const json_t *o;
	size_t i;

	table_init(&t, heads, sizeof(heads) / sizeof(heads[0]));
	t.state = 2;
	json_array_foreach(list, i, o)
		trunk_row(&t, o);
	table_print(&t, stdout);
	table_fini(&t);
}

static void hop_row(struct table *t, const json_t *o)
{
	char ago[TABLE_AGO], why[256];

	table_row(t);
	table_cell(t, 0, "%s;transport=%s", text_of(o, "address"), text_of(o, "transport"));
	table_cell(t, 1, "%s", text_of(o, "state"));
	table_cell(t, 2, "%s", table_ago(ago_of(o, "since_ms_ago"), ago));
	table_cell(t, 3, "%lld", int_of(o, "calls"));
	table_cell(t, 4, "%lld", int_of(o, "attempts"));
	table_cell(t, 5, "%lld", int_of(o, "answered"));
	table_cell(t, 6, "%s", text_of(o, "probes"));
	if (int_of(o, "probe_rtt_us"))
		table_cell(t, 7, "%.1fms", (double)int_of(o, "probe_rtt_us") / 1000);
	table_cell(t, 8, "%s", why_text(o, why, sizeof(why)));
}

static void print_hops(const json_t *hops)
{
	static const char *const heads[] = { "HOP", "STATE", "SINCE", ">CALLS", ">ATTEMPTS", ">ANSWERED", "PROBES", ">RTT", "WHY" };
	struct table t;
	const json_t *o;
	size_t i;

	table_init(&t, heads, sizeof(heads) / sizeof(heads[0]));
	t.state = 1;
	json_array_foreach(hops, i, o)
		hop_row(&t, o);
	table_print(&t, stdout);
	table_fini(&t);
}

/* media: 2 workers, io_uring */
static void print_backends(const json_t *backends)
{
	size_t n = json_array_size(backends);

	printf("\nmedia: %zu worker%s, %s\n", n, n == 1 ? "" : "s", n ? json_string_value(json_array_get(backends, 0)) : "none");
}

static void print_one_trunk(const json_t *o)
{
	const char *carrier = text_of(o, "carrier"), *pop = text_of(o, "pop");
	const json_t *final = json_object_get(o, "final");

	printf("\nat %s, carrier %s, pop %s\n", text_of(o, "at"), or_dash(carrier), or_dash(pop));
	printf("answers: 2xx %lld, 3xx %lld, 4xx %lld, 5xx %lld, 6xx %lld; none %lld, unreachable %lld; we cancelled %lld, skipped %lld\n\n",
		int_of(final, "2xx"), int_of(final, "3xx"), int_of(final, "4xx"), int_of(final, "5xx"), int_of(final, "6xx"),
		int_of(o, "timed_out"), int_of(o, "transport_failed"), int_of(o, "cancelled"), int_of(o, "skipped"));
	print_hops(json_object_get(o, "hops"));
}

int verb_trunks(int argc, char **argv)
{
	struct live l;
	json_t *o;
	int rc = arguments(&l, argc, argv);

	if (!rc)
		rc = ask_for(&l, "trunks", &o);
	if (rc)
		return rc;
	if (l.json) {
		print_json(o);
	} else {
		print_trunks(json_object_get(o, "trunks"));
		if (l.name)
			print_one_trunk(json_array_get(json_object_get(o, "trunks"), 0));
		print_backends(json_object_get(o, "backends"));
	}
	json_decref(o);
	return VERB_DONE;
}

/* ---- calls ---------------------------------------------------------------------------------- */

/* 9120/0.1 %: packets received, share lost */
static void flow_cell(struct table *t, size_t column, const json_t *flow)
{
	long long packets = int_of(flow, "packets"), lost = int_of(flow, "lost");

	if (packets)
		table_cell(t, column, "%lld/%.1f %%", packets, 100.0 * (double)lost / (double)(packets + lost));
}

static void call_row(struct table *t, const json_t *o)
{
	bool up = json_is_string(json_object_get(o, "answered"));
	char ago[TABLE_AGO];

	table_row(t);
	table_cell(t, 0, "%s", text_of(o, "call"));
	table_cell(t, 1, "%s", text_of(o, "state"));
	table_cell(t, 2, "%s", table_ago(ago_of(o, up ? "answered_ms_ago" : "begun_ms_ago"), ago));
	table_cell(t, 3, "%s", or_dash(text_of(o, "in")));
	table_cell(t, 4, "%s", or_dash(text_of(o, "from")));
	table_cell(t, 5, "%s", or_dash(text_of(o, "to")));
	table_cell(t, 6, "%s", or_dash(text_of(o, "trunk")));
	table_cell(t, 7, "%lld", int_of(o, "attempts"));
	table_cell(t, 8, "%s", or_dash(text_of(o, "codec")));
	flow_cell(t, 9, json_object_get(o, "rtp_in"));
	flow_cell(t, 10, json_object_get(o, "rtp_out"));
}

static void print_calls(const json_t *list)
{
	static const char *const heads[] = { "CALL", "STATE", "SINCE", "IN", "FROM", "TO", "TRUNK", ">TRIES", "CODEC", ">RTP-IN/LOSS",
		">RTP-OUT/LOSS" };
	struct table t;
	const json_t *o;
	size_t i;

	table_init(&t, heads, sizeof(heads) / sizeof(heads[0]));
	json_array_foreach(list, i, o)
		call_row(&t, o);
	table_print(&t, stdout);
	table_fini(&t);
}

static void print_flow(const char *name, const json_t *f)
{
	const json_t *last = json_object_get(f, "last_ms_ago");

	printf("%s  %lld packets, %lld relayed, %lld lost, %lld late, jitter %.1f ms, longest gap %.0f ms", name, int_of(f, "packets"), int_of(f, "relayed"),
		int_of(f, "lost"), int_of(f, "late"), json_number_value(json_object_get(f, "jitter_ms")), json_number_value(json_object_get(f, "max_gap_ms")));
	if (json_is_integer(last))
		printf(", last %lld ms ago", (long long)json_integer_value(last));
	putchar('\n');
}

static void print_one_call(json_t *o)
{
	static const char *const keys[][2] = { { "begun", "begun" }, { "answered", "answered" }, { "route", "route" }, { "profile", "profile" },
		{ "hop", "sent to" }, { "call_id_in", "Call-ID in" }, { "call_id_out", "Call-ID out" } };
	static const char *const heads[] = { "", "" };
	json_t *list = json_pack("[O]", o);
	struct table t;

	print_calls(list);
	json_decref(list);
	putchar('\n');
	table_init(&t, heads, 2);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		table_row(&t);
		table_cell(&t, 0, "%s", keys[i][1]);
		table_cell(&t, 1, "%s", or_dash(text_of(o, keys[i][0])));
	}
	table_print(&t, stdout);
	table_fini(&t);
	print_flow("from caller", json_object_get(o, "rtp_in"));
	print_flow("from callee", json_object_get(o, "rtp_out"));
}

/* All pages as one list. */
static int all_calls(const struct live *l, json_t **o)
{
	char socket[ASK_PATH], path[64] = "/v1/calls";
	json_t *page, *next;
	int rc;

	if (!ask_socket(l->socket, l->file, socket))
		return VERB_REFUSED;
	rc = ask_or_tell(socket, path, o);
	while (!rc && json_is_integer(next = json_object_get(*o, "next"))) {
		snprintf(path, sizeof(path), "/v1/calls?after=%lld", (long long)json_integer_value(next));
		rc = ask_or_tell(socket, path, &page);
		if (rc) {
			json_decref(*o);
			break;
		}
		json_array_extend(json_object_get(*o, "calls"), json_object_get(page, "calls"));
		json_object_set(*o, "next", json_object_get(page, "next"));
		json_decref(page);
	}
	return rc;
}

int verb_calls(int argc, char **argv)
{
	struct live l;
	json_t *o;
	size_t n;
	int rc = arguments(&l, argc, argv);

	if (!rc)
		rc = l.name ? ask_for(&l, "calls", &o) : all_calls(&l, &o);
	if (rc)
		return rc;
	if (l.json) {
		print_json(o);
	} else if (l.name) {
		print_one_call(o);
	} else {
		print_calls(json_object_get(o, "calls"));
		n = json_array_size(json_object_get(o, "calls"));
		printf("\n%zu call%s\n", n, n == 1 ? "" : "s");
	}
	json_decref(o);
	return VERB_DONE;
}

/* ---- refused -------------------------------------------------------------------------------- */

static void print_refused(const json_t *list)
{
	static const char *const heads[] = { "SOURCE", "WHY", ">TIMES", "FIRST", "LAST" };
	struct table t;
	const json_t *o;
	size_t i;

	table_init(&t, heads, sizeof(heads) / sizeof(heads[0]));
	json_array_foreach(list, i, o) {
		char first[TABLE_AGO], last[TABLE_AGO];

		table_row(&t);
		table_cell(&t, 0, "%s", text_of(o, "source"));
		table_cell(&t, 1, "%s", text_of(o, "why"));
		table_cell(&t, 2, "%lld", int_of(o, "count"));
		table_cell(&t, 3, "%s", table_ago(ago_of(o, "first_ms_ago"), first));
		table_cell(&t, 4, "%s", table_ago(ago_of(o, "last_ms_ago"), last));
	}
	table_print(&t, stdout);
	table_fini(&t);
	printf("%zu addresses\n", json_array_size(list));
}

int verb_refused(int argc, char **argv)
{
	struct live l;
	json_t *o;
	int rc = arguments(&l, argc, argv);

	if (!rc && l.name)
		rc = verb_usage(argv[0]);
	if (!rc)
		rc = ask_for(&l, "refused", &o);
	if (rc)
		return rc;
	if (l.json)
		print_json(o);
	else
		print_refused(json_object_get(o, "refused"));
	json_decref(o);
	return VERB_DONE;
}
