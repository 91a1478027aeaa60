// SPDX-License-Identifier: MIT
/* spray: what do strangers who spray the whole port range cost the calls that are up? Runs with and without them in turn; bench/README.md has how
 * to read it.   spray [--calls N] [--runs N] [--seconds N] [--rate PER_SECOND] [--ipv6] [--slo] */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/relay_run.h"

enum { RUNS_MAX = 9 };

static struct {
	unsigned calls, runs, rate;
	bool slo;
	struct run_options run;
} opt = { .calls = 200, .runs = 5, .rate = 20000, .run = { .seconds = 10, .window_us = 250, .workers = 1, .backend = "io_uring" } };

static bool parse(int argc, char **argv)
{
	static const struct option names[] = { { "calls", 1, 0, 'c' }, { "runs", 1, 0, 'r' }, { "seconds", 1, 0, 's' }, { "rate", 1, 0, 'p' },
		{ "ipv6", 0, 0, '6' }, { "slo", 0, 0, 'o' }, { 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1)
		switch (c) {
		case 'c': opt.calls = (unsigned)strtoul(optarg, NULL, 10); break;
		case 'r': opt.runs = (unsigned)strtoul(optarg, NULL, 10); break;
		case 's': opt.run.seconds = (unsigned)strtoul(optarg, NULL, 10); break;
		case 'p': opt.rate = (unsigned)strtoul(optarg, NULL, 10); break;
		case '6': opt.run.ipv6 = true; break;
		case 'o': opt.slo = true; break;
		default: return false;
		}
	return optind == argc && opt.calls && opt.runs && opt.runs <= RUNS_MAX && opt.run.seconds && opt.rate >= 500;
}

static int by_p99(const void *a, const void *b)
{
	double x = ((const struct run_result *)a)->p99, y = ((const struct run_result *)b)->p99;

	return (x > y) - (x < y);
}

/* Sorted by then. */
static void print(const char *what, const struct run_result *r)
{
	uint64_t faults = 0, relayed = 0, sent = 0, back = 0;

	for (unsigned i = 0; i < opt.runs; i++) {
		faults += run_faults(&r[i].count);
		relayed += r[i].relayed;
		sent += r[i].sprayed;
		back += r[i].sprayed_back;
	}
	printf("%-8s %9.0f %9.0f [%.0f .. %.0f] %12llu %8llu %12llu %6llu\n", what, r[opt.runs / 2].p50, r[opt.runs / 2].p99, r[0].p99, r[opt.runs - 1].p99,
	    (unsigned long long)relayed, (unsigned long long)faults, (unsigned long long)sent, (unsigned long long)back);
}

int main(int argc, char **argv)
{
	static struct run_result without[RUNS_MAX], with[RUNS_MAX];
	uint64_t bad = 0;

	if (!parse(argc, argv)) {
		fputs("usage: spray [--calls N] [--runs 1-9] [--seconds N] [--rate PER_SECOND] [--ipv6] [--slo]\n", stderr);
		return 2;
	}
	run_many_files();
	for (unsigned i = 0; i < opt.runs; i++)
		for (unsigned k = 0; k < 2; k++) { /* each first in every second pair */
			bool spray = (k ^ i) & 1;

			opt.run.spray = spray ? opt.rate : 0;
			run_kedge(&opt.run, opt.calls, spray ? &with[i] : &without[i]);
		}
	for (unsigned i = 0; i < opt.runs; i++)
		bad += run_faults(&with[i].count) + with[i].sprayed_back + (with[i].sprayed == 0);
	qsort(without, opt.runs, sizeof(without[0]), by_p99);
	qsort(with, opt.runs, sizeof(with[0]), by_p99);
	printf("%u calls, %u runs of %u s in turn, %u packets a second of strangers over all ports\n\n%-8s %9s %9s %s %22s %8s %12s %6s\n", opt.calls, opt.runs,
	    opt.run.seconds, opt.rate, "", "p50 us", "p99 us", "least..most", "packets", "faults", "strangers'", "back");
	print("without", without);
	print("with", with);
	if (opt.slo && with[opt.runs / 2].p99 > without[opt.runs - 1].p99) {
		printf("MISSED: p99 with strangers lies above the worst run without\n");
		bad++;
	}
	return bad != 0;
}
