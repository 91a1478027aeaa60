// SPDX-License-Identifier: MIT
/* relay_pps: what does a relayed packet cost, beside the raw kernel floor of the same run? bench/README.md has how to read it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "bench/relay_options.h"
#include "bench/relay_run.h"

#define RUNS_MAX 9

struct options {
	struct option_calls calls;
	unsigned runs;
	struct run_options run;
	bool json, slo, floor;
};

struct row { /* of one number of calls */
	unsigned calls;
	struct run_result floor, kedge; /* medians; the counts are sums */
	double ratio;
};

static struct options opt = { .calls = { { 100, 500, 1000, 1500 }, 4 },
	.runs = 3,
	.run = { .seconds = 4, .window_us = 250, .workers = 1, .backend = "io_uring", .pin = true },
	.floor = true };

static void progress(const char *what, unsigned calls, unsigned run)
{
	if (isatty(STDERR_FILENO))
		fprintf(
		    stderr, "\r\033[K%u calls, run %u of %u: %s", calls, run + 1, opt.runs, what);
}

/* ---- the table -------------------------------------------------------------------------------- */

/* Floor and relay take turns, and each pair gives one ratio: a slow minute of the machine slows both. */
static void run_row(struct row *row, unsigned calls)
{
	static struct run_result floor_run[RUNS_MAX], kedge_run[RUNS_MAX];
	double ratio[RUNS_MAX];

	row->calls = calls;
	for (unsigned i = 0; i < opt.runs; i++) {
		if (opt.floor) {
			progress("raw floor", calls, i);
			run_floor(&opt.run, calls, &floor_run[i]);
		}
		progress("kedge-media", calls, i);
		run_kedge(&opt.run, calls, &kedge_run[i]);
		ratio[i] = floor_run[i].ns > 0 ? kedge_run[i].ns / floor_run[i].ns : 0;
	}
	row->ratio = run_median(ratio, opt.runs);
	if (opt.floor)
		run_medians(&row->floor, floor_run, opt.runs);
	run_medians(&row->kedge, kedge_run, opt.runs);
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
}

static void print_text(const struct row *row, unsigned n)
{
	struct utsname u;
	char cpu[128];

	uname(&u);
	run_cpu_model(cpu, sizeof(cpu));
	printf("%s, %ld cores, Linux %s, backend %s, %u worker(s), window %u us, batch %u; %u runs of %u s, "
	       "medians\n",
	    cpu, sysconf(_SC_NPROCESSORS_ONLN), u.release, opt.run.backend, opt.run.workers, opt.run.window_us, RUN_BATCH,
	    opt.runs, opt.run.seconds);
	printf("%6s %9s %9s %6s | %7s %7s %7s %8s | %10s %5s %7s %7s %7s %6s | %8s %8s %7s\n", "calls",
	    "floor ns", "kedge ns", "ratio", "p50 us", "p99 us", "p99.9", "flr p99", "packets",
	    "lost", "doubled", "reorder", "corrupt", "place", "B/call", "anon MB", "RSS MB");
	for (unsigned i = 0; i < n; i++) {
		const struct run_result *k = &row[i].kedge;

		printf("%6u %9.0f %9.0f %6.3f | %7.0f %7.0f %7.0f %8.0f | %10llu %5llu %7llu %7llu "
		       "%7llu %6llu | %8.0f "
		       "%8.1f %7.1f\n",
		    row[i].calls, row[i].floor.ns, k->ns, row[i].ratio, k->p50, k->p99, k->p999,
		    row[i].floor.p99, (unsigned long long)k->relayed,
		    (unsigned long long)k->count.lost, (unsigned long long)k->count.doubled,
		    (unsigned long long)k->count.reordered, (unsigned long long)k->count.corrupt,
		    (unsigned long long)k->count.misplaced, k->bytes_per_call, k->anonymous / 1e6, k->resident / 1e6);
		if (opt.run.rtcp)
			printf("       RTCP: %llu reports through, %llu lost, %llu faulty\n",
			    (unsigned long long)k->count.rtcp_received, (unsigned long long)k->count.rtcp_lost,
			    (unsigned long long)k->count.rtcp_faulty);
		if (k->open_us > 0)
			printf("       %u anchors opened and closed a second beside: %.2f us each, "
			       "as signaling sees it\n",
			    opt.run.churn, k->open_us);
	}
}

static void print_json(const struct row *row, unsigned n)
{
	struct utsname u;
	char cpu[128];

	uname(&u);
	run_cpu_model(cpu, sizeof(cpu));
	printf("{\"bench\":\"relay_pps\",\"cpu\":\"%s\",\"cores\":%ld,\"kernel\":\"%s\","
	       "\"backend\":\"%s\",\"window_us\":%u,"
	       "\"runs\":%u,\"seconds\":%u,\"rows\":[",
	    cpu, sysconf(_SC_NPROCESSORS_ONLN), u.release, opt.run.backend, opt.run.window_us, opt.runs,
	    opt.run.seconds);
	for (unsigned i = 0; i < n; i++) {
		const struct run_result *k = &row[i].kedge, *f = &row[i].floor;

		printf("%s{\"calls\":%u,\"floor_ns\":%.0f,\"kedge_ns\":%.0f,\"ratio\":%.4f,\"p50_"
		       "us\":%.0f,\"p99_us\":%.0f,"
		       "\"p999_us\":%.0f,\"floor_p99_us\":%.0f,\"relayed\":%llu,\"lost\":%llu,"
		       "\"doubled\":%llu,"
		       "\"reordered\":%llu,\"corrupt\":%llu,\"misplaced\":%llu,\"bytes_per_call\":%"
		       ".0f,\"anon_bytes\":%.0f,\"rss_bytes\":%.0f,"
		       "\"open_us\":%.2f}",
		    i ? "," : "", row[i].calls, f->ns, k->ns, row[i].ratio, k->p50, k->p99, k->p999,
		    f->p99, (unsigned long long)k->relayed, (unsigned long long)k->count.lost,
		    (unsigned long long)k->count.doubled, (unsigned long long)k->count.reordered,
		    (unsigned long long)k->count.corrupt, (unsigned long long)k->count.misplaced,
		    k->bytes_per_call, k->anonymous, k->resident, k->open_us);
	}
	puts("]}");
}

/* ---- goals ------------------------------------------------------------------------------------ */

static int goal(bool met, unsigned calls, const char *what, double have, double want)
{
	printf("%s  %5u calls: %s %.3f (goal %.3f)\n", met ? "met   " : "MISSED", calls, what, have,
	    want);
	return met ? 0 : 1;
}

/* A delay is judged only where the machine lets the raw floor keep the goal: else others ran on that core. */
static int delay_at_most(const struct row *row, double want_ms)
{
	if (opt.floor && row->floor.p99 / 1000 > want_ms) {
		printf("noisy   %5u calls: delay p99 %.3f ms, but the raw floor itself has %.3f "
		       "(goal %.3f)\n",
		    row->calls, row->kedge.p99 / 1000, row->floor.p99 / 1000, want_ms);
		return 0;
	}
	return goal(row->kedge.p99 / 1000 <= want_ms, row->calls, "delay p99, ms",
	    row->kedge.p99 / 1000, want_ms);
}

static int at_most(unsigned calls, const char *what, double have, double want)
{
	return goal(have <= want, calls, what, have, want);
}

static int check_goals(const struct row *row, unsigned n)
{
	int missed = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct run_result *k = &row[i].kedge;
		unsigned calls = row[i].calls;

		missed += at_most(calls, "faulty packets", (double)run_faults(&k->count), 0);
		if (opt.floor && (calls == 500 || calls == 1000))
			missed += at_most(calls, "CPU against the raw floor", row[i].ratio, 1.10);
		if (calls <= 1500)
			missed += delay_at_most(&row[i], calls <= 100    ? 0.2
			                                 : calls <= 1000 ? 0.8
			                                                 : 1.0);
		if (calls >= 500)
			missed += at_most(calls, "bytes per call", k->bytes_per_call, 4096);
		if (calls <= 1000)
			missed += at_most(calls, "resident memory, MB", k->resident / 1e6, 16);
		if (opt.run.churn != 0)
			missed += at_most(calls, "opening an anchor, us", k->open_us, 5);
	}
	return missed;
}

/* ---- main -------------------------------------------------------------------------------------- */

static int usage(void)
{
	fputs("relay_pps [--calls N,N,...] [--runs N] [--seconds N] [--packets N[k|M]] [--window "
	      "US] [--churn PER_SECOND]\n"
	      "          [--backend io_uring|epoll] [--workers N] [--buffers N] [--ipv6] [--rtcp] [--program FILE] [--no-floor] [--no-pin]\n"
	      "          [--json] [--slo]\n"
	      "  --packets  one run per row that goes on until so many packets were relayed\n"
	      "  --churn    anchors opened and closed a second beside the load\n"
	      "  --program  another kedge-media than the one of this build\n"
	      "  --slo      exit 1 unless the goals hold; faulty packets are exit 1 without\n",
	    stderr);
	return 2;
}

static int parse(int argc, char **argv)
{
	const struct option_row rows[] = { { "calls", OPTION_CALLS, &opt.calls }, { "runs", OPTION_NUMBER, &opt.runs },
		{ "seconds", OPTION_NUMBER, &opt.run.seconds }, { "packets", OPTION_MANY, &opt.run.packets },
		{ "window", OPTION_NUMBER, &opt.run.window_us }, { "churn", OPTION_NUMBER, &opt.run.churn },
		{ "backend", OPTION_TEXT, &opt.run.backend }, { "workers", OPTION_NUMBER, &opt.run.workers },
		{ "program", OPTION_TEXT, &opt.run.program }, { "buffers", OPTION_NUMBER, &opt.run.buffers },
		{ "ipv6", OPTION_ON, &opt.run.ipv6 }, { "rtcp", OPTION_ON, &opt.run.rtcp }, { "no-floor", OPTION_OFF, &opt.floor },
		{ "no-pin", OPTION_OFF, &opt.run.pin }, { "json", OPTION_ON, &opt.json }, { "slo", OPTION_ON, &opt.slo }, { 0 } };

	if (option_parse(argc, argv, rows) < 0)
		return -EINVAL;
	if (opt.run.packets != 0) {
		opt.runs = 1;
		opt.floor = false;
	}
	return run_usable(&opt.run) && opt.runs >= 1 && opt.runs <= RUNS_MAX ? 0 : -EINVAL;
}

int main(int argc, char **argv)
{
	static struct row row[OPTION_CALLS_MAX];
	int bad = 0;

	if (parse(argc, argv) < 0)
		return usage();
	run_many_files();
	run_pin_generator(&opt.run);
	for (unsigned i = 0; i < opt.calls.count; i++)
		run_row(&row[i], opt.calls.v[i]);
	if (opt.json)
		print_json(row, opt.calls.count);
	else
		print_text(row, opt.calls.count);
	for (unsigned i = 0; i < opt.calls.count; i++)
		bad += run_faults(&row[i].kedge.count) != 0;
	if (opt.slo)
		bad += check_goals(row, opt.calls.count);
	return bad != 0;
}
