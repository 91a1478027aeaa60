// SPDX-License-Identifier: MIT
/* The verbs that ask the daemon: trunks, calls, refused. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "tools/ask.h"
#include "tools/live.h"
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

const char *live_text(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

long long live_int(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

const char *live_or_dash(const char *text)
{
	return *text ? text : "-";
}

void live_print_json(json_t *o)
{
	json_dumpf(o, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
	putchar('\n');
}

/* ---- trunks --------------------------------------------------------------------------------- */

/* What a reason means to who has never read the manual, where the daemon's own words could be shorter. */
static const char *reason_text(const json_t *o)
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
	const char *reason = live_text(o, "reason"), *evidence = live_text(o, "evidence");

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(words[i][0], reason))
			return words[i][1];
	return *evidence ? evidence : reason;
}

/* operator root: "card swap", until 2026-11-21T14:30 */
static void put_order(const json_t *order, char *buf, size_t room)
{
	const char *reason = live_text(order, "reason"), *until = live_text(order, "until");
	int n = snprintf(buf, room, "operator %s%s%s%s", live_text(order, "by"), *reason ? ": \"" : "", reason, *reason ? "\"" : "");

	if (*until && n > 0 && (size_t)n < room)
		snprintf(buf + n, room - (size_t)n, ", until %.16s", until);
}

const char *live_figure(const char *reason, long long figure, char buf[static LIVE_FIGURE])
{
	bool is_percent = !strcmp(reason, "loss") || !strcmp(reason, "far_loss"), is_time = !strcmp(reason, "jitter");

	if (!strcmp(reason, "mos"))
		snprintf(buf, LIVE_FIGURE, "%lld.%lld", figure / 10, figure % 10);
	else
		snprintf(buf, LIVE_FIGURE, is_percent ? "%lld %%" : is_time ? "%lld ms" : "%lld", figure);
	return buf;
}

/* "failures in a row (503), for 12 s at least" */
static void put_reason(const json_t *o, char *buf, size_t room)
{
	char figure[LIVE_FIGURE];
	const char *state = live_text(o, "state");
	long long left = (live_int(o, "retry_in_ms") + 999) / 1000;
	size_t n = (size_t)snprintf(buf, room, "%s", live_or_dash(reason_text(o)));

	if (live_int(o, "code") && n < room)
		n += (size_t)snprintf(buf + n, room - n, " (%s)", live_figure(live_text(o, "reason"), live_int(o, "code"), figure));
	if (live_int(o, "steps") && n < room)
		n += (size_t)snprintf(buf + n, room - n, ", gets %lld %% of its calls, step %lld of %lld", live_int(o, "percent"), live_int(o, "step"), live_int(o, "steps"));
	if (json_is_true(json_object_get(o, "waits_for_failback")) && n < room)
		n += (size_t)snprintf(buf + n, room - n, ", good again, waits for its failback");
	else if (left && n < room && (!strcmp(state, "DOWN") || !strcmp(state, "LOCKED")))
		snprintf(buf + n, room - n, strcmp(state, "DOWN") ? ", %lld s left, then a probe" : ", for %lld s at least", left);
}

const char *live_why(const json_t *o, char *buf, size_t room)
{
	const char *state = live_text(o, "state"), *reason = live_text(o, "reason");
	const json_t *order = json_object_get(o, "operator");
	bool failing = !strcmp(live_text(o, "probes"), "failing");

	if (json_is_object(order)) {
		put_order(order, buf, room);
		return buf;
	}
	if (!strcmp(state, "UP"))
		return !failing ? "-" : !strcmp(reason, "answered") ? "calls are answered, OPTIONS not" : "OPTIONS not answered";
	if (!strcmp(state, "UNKNOWN") && failing)
		return "OPTIONS not answered";
	if (!strcmp(state, "UNKNOWN") && !*reason)
		return "nothing heard yet";
	put_reason(o, buf, room);
	return buf;
}

const char *live_ago(const json_t *o, const char *key, char *buf)
{
	const json_t *v = json_object_get(o, key);

	return table_ago(json_is_integer(v) ? json_integer_value(v) : -1, buf);
}

static void trunk_row(struct table *t, const json_t *o)
{
	char ago[TABLE_AGO], why[256];
	long long attempts = live_int(o, "attempts");

	table_row(t);
	table_cell(t, 0, "%s", live_text(o, "trunk"));
	table_cell(t, 1, "%s", live_text(o, "side"));
	table_cell(t, 2, "%s", live_text(o, "state"));
	table_cell(t, 3, "%s", live_ago(o, "since_ms_ago", ago));
	table_cell(t, 4, "%lld/%lld", live_int(o, "calls"), live_int(o, "max_calls"));
	table_cell(t, 5, "%lld", attempts);
	if (attempts)
		table_cell(t, 6, "%lld %%", 100 * live_int(o, "answered") / attempts);
	if (live_int(o, "pdd_ms"))
		table_cell(t, 7, "%.1fs", (double)live_int(o, "pdd_ms") / 1000);
	if (live_int(o, "packets"))
		table_cell(t, 8, "%.1f %%", 100 * json_real_value(json_object_get(o, "loss")));
	if (json_is_real(json_object_get(o, "mos")))
		table_cell(t, 9, "%.1f", json_real_value(json_object_get(o, "mos")));
	table_cell(t, 10, "%s", live_why(o, why, sizeof(why)));
}

void live_print_trunks(const json_t *list)
{
	static const char *const heads[] = { "TRUNK", "SIDE", "STATE", "SINCE", ">CALLS/MAX", ">ATTEMPTS", ">ASR", ">PDD", ">LOSS", ">MOS", "WHY" };
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

/* "audio 12m ago" */
static void put_canary(struct table *t, size_t column, const json_t *canary)
{
	char ago[TABLE_AGO];

	if (json_is_object(canary))
		table_cell(t, column, "%s %s", live_text(canary, "verdict"), live_ago(canary, "ms_ago", ago));
}

static void hop_row(struct table *t, const json_t *o)
{
	char ago[TABLE_AGO], why[256];

	table_row(t);
	table_cell(t, 0, "%s;transport=%s", live_text(o, "address"), live_text(o, "transport"));
	table_cell(t, 1, "%s", live_text(o, "state"));
	table_cell(t, 2, "%s", live_ago(o, "since_ms_ago", ago));
	table_cell(t, 3, "%lld", live_int(o, "calls"));
	table_cell(t, 4, "%lld", live_int(o, "attempts"));
	table_cell(t, 5, "%lld", live_int(o, "answered"));
	table_cell(t, 6, "%s", live_text(o, "probes"));
	if (live_int(o, "probe_rtt_us"))
		table_cell(t, 7, "%.1fms", (double)live_int(o, "probe_rtt_us") / 1000);
	put_canary(t, 8, json_object_get(o, "canary"));
	table_cell(t, 9, "%s", live_why(o, why, sizeof(why)));
	table_cell(t, 10, "%s", live_or_dash(live_text(o, "clears")));
}

static void print_hops(const json_t *hops)
{
	static const char *const heads[] = { "HOP", "STATE", "SINCE", ">CALLS", ">ATTEMPTS", ">ANSWERED", "PROBES", ">RTT", "CANARY", "WHY", "CLEARED BY" };
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
static void print_backends(const json_t *o)
{
	const json_t *backends = json_object_get(o, "backends");
	size_t n = json_array_size(backends);

	printf("\nmedia: %zu worker%s, %s\n", n, n == 1 ? "" : "s", n ? json_string_value(json_array_get(backends, 0)) : "none");
	if (live_int(o, "generation"))
		printf("configuration: generation %lld\n", live_int(o, "generation"));
}

static void print_one_trunk(const json_t *o)
{
	const char *carrier = live_text(o, "carrier"), *pop = live_text(o, "pop");
	const json_t *final = json_object_get(o, "final");

	printf("\nat %s, carrier %s, pop %s\n", live_text(o, "at"), live_or_dash(carrier), live_or_dash(pop));
	printf("answers: 2xx %lld, 3xx %lld, 4xx %lld, 5xx %lld, 6xx %lld; none %lld, unreachable %lld; we cancelled %lld, skipped %lld\n\n",
		live_int(final, "2xx"), live_int(final, "3xx"), live_int(final, "4xx"), live_int(final, "5xx"), live_int(final, "6xx"),
		live_int(o, "timed_out"), live_int(o, "transport_failed"), live_int(o, "cancelled"), live_int(o, "skipped"));
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
		live_print_json(o);
	} else {
		live_print_trunks(json_object_get(o, "trunks"));
		if (l.name)
			print_one_trunk(json_array_get(json_object_get(o, "trunks"), 0));
		print_backends(o);
	}
	json_decref(o);
	return VERB_DONE;
}

/* ---- calls ---------------------------------------------------------------------------------- */

/* 9120/0.1 %: packets received, share lost */
static void flow_cell(struct table *t, size_t column, const json_t *flow)
{
	long long packets = live_int(flow, "packets"), lost = live_int(flow, "lost");

	if (packets)
		table_cell(t, column, "%lld/%.1f %%", packets, 100.0 * (double)lost / (double)(packets + lost));
}

/* PCMU, PCMU+H264 with video, or where it is transcoded PCMU>PCMA: as the caller, as the callee has it. */
static void codec_cell(struct table *t, unsigned column, const json_t *o)
{
	const json_t *video = json_object_get(o, "video");

	if (json_is_object(video))
		table_cell(t, column, "%s+%s", live_or_dash(live_text(o, "codec")), live_text(video, "codec"));
	else if (json_is_true(json_object_get(o, "transcoded")))
		table_cell(t, column, "%s>%s", live_text(o, "codec"), live_text(o, "codec_out"));
	else
		table_cell(t, column, "%s", live_or_dash(live_text(o, "codec")));
}

static void call_row(struct table *t, const json_t *o)
{
	bool up = json_is_string(json_object_get(o, "answered"));
	char ago[TABLE_AGO];

	table_row(t);
	table_cell(t, 0, "%s", live_text(o, "call"));
	table_cell(t, 1, "%s", live_text(o, "state"));
	table_cell(t, 2, "%s", live_ago(o, up ? "answered_ms_ago" : "begun_ms_ago", ago));
	table_cell(t, 3, "%s", live_or_dash(live_text(o, "in")));
	table_cell(t, 4, "%s", live_or_dash(live_text(o, "from")));
	table_cell(t, 5, "%s", live_or_dash(live_text(o, "to")));
	table_cell(t, 6, "%s", live_or_dash(live_text(o, "trunk")));
	table_cell(t, 7, "%lld", live_int(o, "attempts"));
	codec_cell(t, 8, o);
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
	const json_t *last = json_object_get(f, "last_ms_ago"), *rtt = json_object_get(f, "rtt_ms"), *mos = json_object_get(f, "mos");

	printf("%s  %lld packets, %lld relayed, %lld lost, %lld late, jitter %.1f ms, longest gap %.0f ms", name, live_int(f, "packets"), live_int(f, "relayed"),
		live_int(f, "lost"), live_int(f, "late"), json_number_value(json_object_get(f, "jitter_ms")), json_number_value(json_object_get(f, "max_gap_ms")));
	if (json_is_integer(last))
		printf(", last %lld ms ago", (long long)json_integer_value(last));
	if (json_is_real(rtt))
		printf(", round trip %.1f ms", json_real_value(rtt));
	if (live_int(f, "far_lost"))
		printf(", %lld lost on the way to it", live_int(f, "far_lost"));
	if (json_is_real(mos))
		printf(", MOS %.1f", json_real_value(mos));
	if (json_is_true(json_object_get(f, "one_way")))
		printf(", SILENT while the other end is heard");
	else if (json_is_true(json_object_get(f, "silent")))
		printf(", SILENT");
	putchar('\n');
}

static void print_video(const json_t *v)
{
	if (json_is_object(v))
		printf("video %s  from caller %lld packets, %lld lost; from callee %lld packets, %lld lost\n", live_text(v, "codec"),
			live_int(v, "packets_in"), live_int(v, "lost_in"), live_int(v, "packets_out"), live_int(v, "lost_out"));
}

static void print_one_call(json_t *o)
{
	static const char *const keys[][2] = { { "begun", "begun" }, { "answered", "answered" }, { "route", "route" }, { "profile", "profile" },
		{ "hop", "sent to" }, { "call_id_in", "Call-ID in" }, { "call_id_out", "Call-ID out" },
		{ "srtp_in", "SRTP in" }, { "srtp_out", "SRTP out" }, { "dtmf_in", "digits in" }, { "dtmf_out", "digits out" } };
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
		table_cell(&t, 1, "%s", live_or_dash(live_text(o, keys[i][0])));
	}
	table_print(&t, stdout);
	table_fini(&t);
	print_flow("from caller", json_object_get(o, "rtp_in"));
	print_flow("from callee", json_object_get(o, "rtp_out"));
	print_video(json_object_get(o, "video"));
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
		live_print_json(o);
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
		table_cell(&t, 0, "%s", live_text(o, "source"));
		table_cell(&t, 1, "%s", live_text(o, "why"));
		table_cell(&t, 2, "%lld", live_int(o, "count"));
		table_cell(&t, 3, "%s", live_ago(o, "first_ms_ago", first));
		table_cell(&t, 4, "%s", live_ago(o, "last_ms_ago", last));
	}
	table_print(&t, stdout);
	table_fini(&t);
	printf("%zu address%s\n", json_array_size(list), json_array_size(list) == 1 ? "" : "es");
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
		live_print_json(o);
	else
		print_refused(json_object_get(o, "refused"));
	json_decref(o);
	return VERB_DONE;
}
