// SPDX-License-Identifier: MIT
/* compare: a relayed packet of kedge-media beside the raw floor of the kernel and rtpengine in userspace, each under the same load, in
 * turn. bench/README.md has how to read it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "bench/relay_options.h"
#include "bench/relay_rtpengine.h"
#include "bench/relay_run.h"
#include "routing/shm/layout.h"

#define RUNS_MAX 15

enum relay { FLOOR, KEDGE, RTPENGINE, RELAYS };

static const char *const NAME[RELAYS] = { "raw floor", "kedge-media", "rtpengine" };
static void (*const RUN[RELAYS])(
    const struct run_options *o, unsigned calls, struct run_result *r) = { run_floor, run_kedge, run_rtpengine };

struct row { /* of one number of calls */
	unsigned calls;
	struct run_result run[RELAYS][RUNS_MAX], median[RELAYS];
};

static struct {
	struct option_calls calls;
	unsigned runs;
	struct run_options run;
	bool with[RELAYS];
	const char *srtp;
	uint8_t suite;
	bool json, slo;
} opt = { .srtp = "none",
	.suite = KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80,
	.calls = { { 100, 500, 1000, 2000 }, 4 },
	.runs = 5,
	.run = { .seconds = 4, .window_us = 250, .workers = 1, .backend = "auto", .pin = true },
	.with = { true, true, true } };

/* ---- runs ------------------------------------------------------------------------------------ */

/* All relays in turn, then the next run: a slow minute of the machine slows each. */
static void run_row(struct row *row)
{
	for (unsigned i = 0; i < opt.runs; i++)
		for (enum relay x = FLOOR; x < RELAYS; x++) {
			if (!opt.with[x])
				continue;
			if (isatty(STDERR_FILENO))
				fprintf(stderr, "\r\033[K%u calls, run %u of %u: %s", row->calls, i + 1, opt.runs, NAME[x]);
			RUN[x](&opt.run, row->calls, &row->run[x][i]);
		}
	for (enum relay x = FLOOR; x < RELAYS; x++)
		if (opt.with[x])
			run_medians(&row->median[x], row->run[x], opt.runs);
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
}

struct spread {
	double median, least, most;
};

static struct spread spread_of(const double v[RUNS_MAX])
{
	struct spread s = { .median = run_median(v, opt.runs), .least = v[0], .most = v[0] };

	for (unsigned i = 1; i < opt.runs; i++) {
		s.least = v[i] < s.least ? v[i] : s.least;
		s.most = v[i] > s.most ? v[i] : s.most;
	}
	return s;
}

static struct spread cost(const struct row *row, enum relay x)
{
	double v[RUNS_MAX];

	for (unsigned i = 0; i < opt.runs; i++)
		v[i] = row->run[x][i].ns;
	return spread_of(v);
}

/* Of neighbouring runs. */
static struct spread against(const struct row *row, enum relay x)
{
	double v[RUNS_MAX];

	for (unsigned i = 0; i < opt.runs; i++)
		v[i] = row->run[x][i].ns > 0 ? row->run[KEDGE][i].ns / row->run[x][i].ns : 0;
	return spread_of(v);
}

/* ---- what is printed ------------------------------------------------------------------------- */

static unsigned long long n(uint64_t x)
{
	return x;
}

static void print_relay(const struct row *row, enum relay x)
{
	const struct run_result *m = &row->median[x];
	const struct load_count *c = &m->count;
	struct spread s = cost(row, x);

	printf("%6u %-11s %7.0f (%6.0f - %6.0f) | %7.0f %7.0f %8.0f | %9llu %6llu %5llu %5llu %5llu %5llu | ", row->calls, NAME[x],
	    s.median, s.least, s.most, m->p50, m->p99, m->p999, n(m->relayed), n(c->lost), n(c->doubled), n(c->reordered),
	    n(c->corrupt), n(c->misplaced));
	if (x == FLOOR)
		puts("-");
	else
		printf("%6.0f %6.1f %6.1f | %7llu %5llu %5llu\n", m->bytes_per_call, m->own / 1e6, m->resident / 1e6, n(c->rtcp_received),
		    n(c->rtcp_lost), n(c->rtcp_faulty));
}

static void print_ratio(const struct row *row, enum relay x)
{
	struct spread s = against(row, x);

	if (opt.with[x])
		printf("       kedge-media against %s: %.3f (%.3f - %.3f)\n", NAME[x], s.median, s.least, s.most);
}

static void print_text(const struct row *row, unsigned count)
{
	struct utsname u;
	char cpu[128];

	uname(&u);
	run_cpu_model(cpu, sizeof(cpu));
	printf("%s, %ld cores, Linux %s; %s%s, SRTP %s%s%s, backend %s, %u worker(s), %u interleaved runs of %u s, medians\n", cpu,
	    sysconf(_SC_NPROCESSORS_ONLN), u.release, opt.run.ipv6 ? "IPv6" : "IPv4", opt.run.rtcp ? " with RTCP" : "",
	    opt.srtp, opt.run.suite[1] ? " " : "", opt.run.suite[1] ? run_suite_name(opt.suite) : "", opt.run.backend, opt.run.workers, opt.runs, opt.run.seconds);
	printf("%6s %-11s %7s %17s | %7s %7s %8s | %9s %6s %5s %5s %5s %5s | %6s %6s %6s | %7s %5s %5s\n", "calls", "", "ns",
	    "(least -   most)", "p50 us", "p99 us", "p99.9", "packets", "lost", "twice", "order", "bad", "place", "B/call",
	    "own MB", "RSS MB", "RTCP", "lost", "bad");
	for (unsigned i = 0; i < count; i++) {
		for (enum relay x = FLOOR; x < RELAYS; x++)
			if (opt.with[x])
				print_relay(&row[i], x);
		print_ratio(&row[i], FLOOR);
		print_ratio(&row[i], RTPENGINE);
	}
}

static void print_json_relay(const struct row *row, enum relay x)
{
	const struct run_result *m = &row->median[x];
	const struct load_count *c = &m->count;
	struct spread s = cost(row, x), r = against(row, x);

	printf("%s\"%s\":{\"ns\":%.0f,\"ns_least\":%.0f,\"ns_most\":%.0f,\"kedge_ratio\":%.4f,\"p50_us\":%.0f,\"p99_us\":%.0f,"
	       "\"relayed\":%llu,\"lost\":%llu,\"doubled\":%llu,\"reordered\":%llu,\"corrupt\":%llu,\"misplaced\":%llu,"
	       "\"bytes_per_call\":%.0f,\"own_bytes\":%.0f,\"rss_bytes\":%.0f,\"rtcp\":%llu,\"rtcp_lost\":%llu,\"rtcp_faulty\":%llu}",
	    x == FLOOR ? "" : ",", x == FLOOR ? "floor" : x == KEDGE ? "kedge" : "rtpengine", s.median, s.least, s.most, r.median,
	    m->p50, m->p99, n(m->relayed), n(c->lost), n(c->doubled), n(c->reordered), n(c->corrupt), n(c->misplaced),
	    m->bytes_per_call, m->own, m->resident, n(c->rtcp_received), n(c->rtcp_lost), n(c->rtcp_faulty));
}

static void print_json(const struct row *row, unsigned count)
{
	struct utsname u;
	char cpu[128];

	uname(&u);
	run_cpu_model(cpu, sizeof(cpu));
	printf("{\"bench\":\"compare\",\"cpu\":\"%s\",\"cores\":%ld,\"kernel\":\"%s\",\"backend\":\"%s\",\"workers\":%u,"
	       "\"ipv6\":%s,\"rtcp\":%s,\"srtp\":\"%s\",\"suite\":\"%s\",\"runs\":%u,\"seconds\":%u,\"rows\":[",
	    cpu, sysconf(_SC_NPROCESSORS_ONLN), u.release, opt.run.backend, opt.run.workers, opt.run.ipv6 ? "true" : "false",
	    opt.run.rtcp ? "true" : "false", opt.srtp, run_suite_name(opt.run.suite[1]), opt.runs, opt.run.seconds);
	for (unsigned i = 0; i < count; i++) {
		printf("%s{\"calls\":%u,", i ? "," : "", row[i].calls);
		for (enum relay x = FLOOR; x < RELAYS; x++)
			if (opt.with[x])
				print_json_relay(&row[i], x);
		putchar('}');
	}
	puts("]}");
}

/* ---- goals ----------------------------------------------------------------------------------- */

static int at_most(const struct row *row, const char *what, double have, double want)
{
	bool met = have <= want;

	printf("%s %6u calls: %s %.3f (goal %.3f)\n", met ? "met   " : "MISSED", row->calls, what, have, want);
	return met ? 0 : 1;
}

/* Two packets are ciphered with SRTP on both sides, for which no goal was set. */
static double rtpengine_goal(const struct row *row)
{
	bool secure = opt.run.suite[1] != KEDGE_SUITE_NONE;

	if (opt.run.suite[0] != KEDGE_SUITE_NONE)
		return 0;
	return row->calls == 500 ? (secure ? 0.58 : 0.50) : row->calls == 1000 && !secure ? 0.62 : 0;
}

static int check_goals(const struct row *row)
{
	bool secure = opt.run.suite[1] != KEDGE_SUITE_NONE;
	double goal = rtpengine_goal(row);
	int missed = 0;

	if (opt.run.workers != 1)
		return 0;
	if (opt.with[FLOOR] && !secure && (row->calls == 500 || row->calls == 1000))
		missed += at_most(row, "CPU against the raw floor", against(row, FLOOR).median, 1.10);
	if (opt.with[RTPENGINE] && goal > 0)
		missed += at_most(row, "CPU against rtpengine", against(row, RTPENGINE).median, goal);
	if (row->calls >= 500)
		missed += at_most(row, "KB a call", row->median[KEDGE].bytes_per_call / 1024, secure ? 12 : 4);
	if (row->calls <= 1500 && !secure)
		missed += at_most(row, "delay p99, ms", row->median[KEDGE].p99 / 1000,
		    row->calls <= 100 ? 0.2 : row->calls <= 1000 ? 0.8 : 1.0);
	if (row->calls == 1000)
		missed += at_most(row, "resident memory, MB", row->median[KEDGE].resident / 1e6, secure ? 32 : 16);
	return missed;
}

/* ---- main ------------------------------------------------------------------------------------ */

static int usage(void)
{
	fputs("compare [--calls N,N,...] [--runs N] [--seconds N] [--workers N] [--ipv6] [--rtcp] [--window US]\n"
	      "        [--srtp none|one|both] [--suite NAME] [--backend io_uring|epoll] [--no-rtpengine] [--no-pin] [--json] [--slo]\n"
	      "  --slo  exit 1 unless the goals hold; a faulty packet of kedge-media is exit 1 without\n",
	    stderr);
	return 2;
}

static int parse(int argc, char **argv)
{
	const char *suite = NULL;
	const struct option_row rows[] = { { "calls", OPTION_CALLS, &opt.calls }, { "runs", OPTION_NUMBER, &opt.runs },
		{ "seconds", OPTION_NUMBER, &opt.run.seconds }, { "workers", OPTION_NUMBER, &opt.run.workers },
		{ "window", OPTION_NUMBER, &opt.run.window_us }, { "backend", OPTION_TEXT, &opt.run.backend },
		{ "srtp", OPTION_TEXT, &opt.srtp }, { "suite", OPTION_TEXT, &suite }, { "ipv6", OPTION_ON, &opt.run.ipv6 },
		{ "rtcp", OPTION_ON, &opt.run.rtcp }, { "no-rtpengine", OPTION_OFF, &opt.with[RTPENGINE] },
		{ "no-pin", OPTION_OFF, &opt.run.pin }, { "json", OPTION_ON, &opt.json }, { "slo", OPTION_ON, &opt.slo }, { 0 } };

	if (option_parse(argc, argv, rows) < 0)
		return -EINVAL;
	if (suite != NULL)
		opt.suite = run_suite(suite);
	if (opt.suite == KEDGE_SUITE_NONE)
		return -EINVAL;
	if (strcmp(opt.srtp, "one") == 0 || strcmp(opt.srtp, "both") == 0)
		opt.run.suite[1] = opt.suite;
	else if (strcmp(opt.srtp, "none") != 0)
		return -EINVAL;
	if (strcmp(opt.srtp, "both") == 0)
		opt.run.suite[0] = opt.suite;
	return run_usable(&opt.run) && opt.runs >= 1 && opt.runs <= RUNS_MAX ? 0 : -EINVAL;
}

int main(int argc, char **argv)
{
	static struct row row[OPTION_CALLS_MAX];
	int bad = 0;

	if (parse(argc, argv) < 0)
		return usage();
	if (opt.with[RTPENGINE] && !rtpengine_there()) {
		fputs("compare: rtpengine is not installed (Debian: rtpengine-daemon); without it\n", stderr);
		opt.with[RTPENGINE] = false;
	}
	run_many_files();
	run_pin_generator(&opt.run);
	for (unsigned i = 0; i < opt.calls.count; i++) {
		row[i].calls = opt.calls.v[i];
		run_row(&row[i]);
	}
	if (opt.json)
		print_json(row, opt.calls.count);
	else
		print_text(row, opt.calls.count);
	for (unsigned i = 0; i < opt.calls.count; i++) {
		bad += run_faults(&row[i].median[KEDGE].count) != 0;
		bad += opt.slo ? check_goals(&row[i]) : 0;
	}
	return bad != 0;
}
