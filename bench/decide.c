// SPDX-License-Identifier: MIT
/* decide: what does deciding cost? ns for the plan of a call, its first attempt, and from a failure to the next hop; the part
 * of "503 in, next INVITE out" (A119, A3) and of "a known-dead trunk adds nothing, not a millisecond beside one that is disabled" (A48)
 * that is routing's. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "config/clock.h"
#include "tests/unit/routing/rig.h"

#define LOOPS    200000
#define RUNS_MAX 99
#define ROUTES   1000

static struct rig *up, *dead, *off; /* three trunks; in `dead` the first is DOWN, in `off` disabled */
static struct conf_route routes[ROUTES];
static char prefix[ROUTES][8];

struct bench {
	const char *name, *what;
	double (*run)(void);
	double limit; /* of --slo, ns */
};

static double per(uint64_t ns)
{
	return (double)ns / LOOPS;
}

static void must(bool ok)
{
	if (!ok)
		abort();
}

static double plan_call(void)
{
	uint64_t t = clock_mono_ns();

	for (uint32_t i = 0; i < LOOPS; i++)
		must(plan_make(&up->plan, &up->conf, CONF_NONE, "442079460000") == 0);
	return per(clock_mono_ns() - t);
}

static double first_attempt(void)
{
	uint64_t t = clock_mono_ns();

	for (uint32_t i = 0; i < LOOPS; i++) {
		decide_init(&up->decide, &up->plan, i, up->now);
		must(rig_next(up) == DECIDE_TRY && up->step.trunk == 0);
		decide_fini(&up->decide, &up->health);
	}
	return per(clock_mono_ns() - t);
}

static double past_a_dead_trunk(void)
{
	uint64_t t = clock_mono_ns();

	for (uint32_t i = 0; i < LOOPS; i++) {
		decide_init(&dead->decide, &dead->plan, i, dead->now);
		must(rig_next(dead) == DECIDE_TRY && dead->step.trunk == 1);
		decide_fini(&dead->decide, &dead->health);
	}
	return per(clock_mono_ns() - t);
}

static double past_a_disabled_trunk(void)
{
	uint64_t t = clock_mono_ns();

	for (uint32_t i = 0; i < LOOPS; i++) {
		decide_init(&off->decide, &off->plan, i, off->now);
		must(rig_next(off) == DECIDE_TRY && off->step.trunk == 1);
		decide_fini(&off->decide, &off->health);
	}
	return per(clock_mono_ns() - t);
}

/* From the code to the next hop: cause, health, breaker, next. 404 and 502 in turn would end or trip; a 488 goes on. */
static double failure_to_next(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < LOOPS; i++) {
		uint64_t t;

		decide_init(&up->decide, &up->plan, i, up->now);
		must(rig_next(up) == DECIDE_TRY);
		t = clock_mono_ns();
		must(rig_status(up, 0, 488));
		must(rig_next(up) == DECIDE_TRY && up->step.trunk == 1);
		sum += clock_mono_ns() - t;
		decide_fini(&up->decide, &up->health);
	}
	return per(sum);
}

static double whole_call(void)
{
	uint64_t t = clock_mono_ns(), due;
	uint8_t cause;

	for (uint32_t i = 0; i < LOOPS; i++) {
		decide_init(&up->decide, &up->plan, i, up->now);
		must(rig_next(up) == DECIDE_TRY);
		rig_reply(up, 0, 100);
		decide_due(&up->decide, &up->health, 0, up->now, &cause, &due);
		rig_reply(up, 0, 180);
		decide_due(&up->decide, &up->health, 0, up->now, &cause, &due);
		rig_reply(up, 0, 200);
		decide_answered(&up->decide, &up->health, 0, up->now);
		decide_fini(&up->decide, &up->health);
	}
	return per(clock_mono_ns() - t);
}

static double record(void)
{
	static char text[DECIDE_RECORD_MAX];
	uint64_t t = clock_mono_ns();

	for (uint32_t i = 0; i < LOOPS; i++)
		must(decide_record(&up->decide, &up->health, NULL, text, sizeof(text)) < sizeof(text));
	return per(clock_mono_ns() - t);
}

static const struct bench benches[] = {
	{ "plan", "number to profile and targets, 1,000 routes", plan_call, 100000 },
	{ "first_attempt", "whom to call first, and for how long", first_attempt, 5000 },
	{ "past_dead_trunk", "the same where the first trunk is DOWN", past_a_dead_trunk, 5000 },
	{ "past_disabled", "the same where the first trunk is disabled", past_a_disabled_trunk, 5000 },
	{ "failure_to_next", "a failure in, the next hop out (two clock reads are in it)", failure_to_next, 5000 },
	{ "whole_call", "an answered call: try, 100, 180, 200", whole_call, 10000 },
	{ "record", "the decision record as JSON", record, 20000 },
};
#define BENCH_COUNT (sizeof(benches) / sizeof(benches[0]))

static struct rig *prepare(void)
{
	struct kedge_hop *table = aligned_alloc(64, 8 * sizeof(*table));
	struct rig *r = rig_new(3);

	must(table != NULL);
	memset(table, 0, 8 * sizeof(*table));
	health_init(&r->health, &r->conf, table, 8, r->now, 1700000000000ULL);
	for (unsigned i = 0; i < 3; i++)
		must(rig_hop(r, i, 0) >= 0);
	for (unsigned i = 0; i < ROUTES; i++) {
		snprintf(prefix[i], sizeof(prefix[i]), "%u", i + 1000);
		routes[i] = (struct conf_route){ .name = "r", .from = CONF_NONE, .prefix = prefix[i], .did = "" };
	}
	routes[0].prefix = "";
	r->conf.routes = (struct conf_routes){ routes, ROUTES };
	must(plan_make(&r->plan, &r->conf, CONF_NONE, "442079460000") == 0);
	return r;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void measure(int runs, double *median)
{
	static double v[BENCH_COUNT][RUNS_MAX];

	for (int r = 0; r < runs; r++)
		for (size_t i = 0; i < BENCH_COUNT; i++) {
			if (isatty(STDERR_FILENO))
				fprintf(stderr, "\rrun %d of %d: %-20s", r + 1, runs, benches[i].name);
			v[i][r] = benches[i].run();
		}
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
	for (size_t i = 0; i < BENCH_COUNT; i++) {
		qsort(v[i], (size_t)runs, sizeof(v[i][0]), ascending);
		median[i] = v[i][runs / 2];
	}
}

static void print(const double *median, int runs, bool json)
{
	struct utsname u;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	uname(&u);
	if (json)
		printf("{\"bench\":\"decide\",\"kernel\":\"%s\",\"cores\":%ld,\"runs\":%d", u.release, cores, runs);
	else
		printf("%s %s, %ld cores; median of %d runs; %zu bytes of a call\n", u.sysname, u.release, cores, runs,
		    sizeof(struct decide) + sizeof(struct plan));
	for (size_t i = 0; i < BENCH_COUNT; i++)
		printf(json ? ",\"%s_ns\":%.1f" : "%-16s %8.1f ns  %s\n", benches[i].name, median[i], benches[i].what);
	if (json)
		puts("}");
}

static int judge(const double *median)
{
	int rc = 0;

	for (size_t i = 0; i < BENCH_COUNT; i++)
		if (median[i] > benches[i].limit) {
			fprintf(stderr, "%s: %.1f ns, must be at most %.0f\n", benches[i].name, median[i], benches[i].limit);
			rc = 1;
		}
	return rc;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "runs", required_argument, NULL, 'r' },
		{ "json", no_argument, NULL, 'j' }, { "slo", no_argument, NULL, 's' }, { 0 } };
	double median[BENCH_COUNT];
	bool json = false, slo = false;
	int c, runs = 5;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'r')
			runs = atoi(optarg);
		else if (c == 'j')
			json = true;
		else if (c == 's')
			slo = true;
		else
			return 2;
	}
	if (runs < 1 || runs > RUNS_MAX)
		runs = 5;
	up = prepare();
	dead = prepare();
	dead->now += RIG_S;
	health_silent(&dead->health, 0, dead->now, dead->now);
	off = prepare();
	off->plan.target[0].enabled = false;
	measure(runs, median);
	print(median, runs, json);
	return slo ? judge(median) : 0;
}
