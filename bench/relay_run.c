// SPDX-License-Identifier: MIT
#include "bench/relay_run.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/relay_floor.h"
#include "config/clock.h"
#include "tests/harness/plane.h"

#define RUNS_MAX 32

/* ---- the machine ----------------------------------------------------------------------------- */

static void pin(const struct run_options *o, unsigned first, unsigned last)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (unsigned cpu = first; cpu <= last; cpu++)
		CPU_SET(cpu, &set);
	if (o->pin && sysconf(_SC_NPROCESSORS_ONLN) > 1)
		sched_setaffinity(0, sizeof(set), &set);
}

void run_pin_generator(const struct run_options *o)
{
	pin(o, 0, 0);
}

/* All but the generator's, or all where the workers are more than these. */
void run_pin_relay(const struct run_options *o)
{
	unsigned last = (unsigned)sysconf(_SC_NPROCESSORS_ONLN) - 1;

	pin(o, o->workers <= last ? 1 : 0, o->workers == 1 ? 1 : last);
}

uint64_t run_cpu_ns(pid_t pid)
{
	struct timespec ts;
	clockid_t id;

	if (clock_getcpuclockid(pid, &id) != 0 || clock_gettime(id, &ts) < 0)
		return 0;
	return (uint64_t)ts.tv_sec * CLOCK_NS_PER_S + (uint64_t)ts.tv_nsec;
}

double run_memory(pid_t pid, const char *file, const char *name)
{
	char path[64], line[256];
	double kb = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	f = fopen(path, "r");
	if (f == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			kb = strtod(line + strlen(name) + 1, NULL);
	fclose(f);
	return kb * 1024;
}

void run_cpu_model(char *out, size_t size)
{
	char line[256], *colon;
	FILE *f = fopen("/proc/cpuinfo", "r");

	snprintf(out, size, "unknown CPU");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "model name", 10) == 0 && (colon = strchr(line, ':')) != NULL) {
			snprintf(out, size, "%s", colon + 2);
			out[strcspn(out, "\n")] = 0;
			break;
		}
	if (f != NULL)
		fclose(f);
}

void run_many_files(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) == 0) {
		l.rlim_cur = l.rlim_max;
		setrlimit(RLIMIT_NOFILE, &l);
	}
}

static const char *const SUITE[KEDGE_SUITE_COUNT] = { "none",
#define S(name, key, salt) [KEDGE_SUITE_##name] = #name,
	KEDGE_SUITES(S)
#undef S
};

bool run_usable(const struct run_options *o)
{
	return o->seconds >= 1 && o->workers >= 1 && o->workers <= KEDGE_WORKERS_MAX;
}

const char *run_suite_name(uint8_t suite)
{
	return SUITE[suite];
}

uint8_t run_suite(const char *name)
{
	for (uint8_t i = 1; i < KEDGE_SUITE_COUNT; i++)
		if (strcmp(name, SUITE[i]) == 0)
			return i;
	return KEDGE_SUITE_NONE;
}

/* ---- results --------------------------------------------------------------------------------- */

void run_finish(struct run_result *r, const struct load *l, uint64_t spent_ns, uint64_t relayed)
{
	r->count = l->count;
	r->relayed = relayed;
	r->ns = relayed != 0 ? (double)spent_ns / (double)relayed : 0;
	r->p50 = load_percentile(&l->count, 0.5);
	r->p99 = load_percentile(&l->count, 0.99);
	r->p999 = load_percentile(&l->count, 0.999);
	r->max = load_percentile(&l->count, 1);
}

uint64_t run_faults(const struct load_count *c)
{
	return c->lost + c->doubled + c->reordered + c->corrupt + c->misplaced + c->rtcp_lost + c->rtcp_faulty;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double run_median(const double *v, unsigned n)
{
	double sorted[RUNS_MAX];

	memcpy(sorted, v, n * sizeof(*v));
	qsort(sorted, n, sizeof(*v), by_value);
	return sorted[n / 2];
}

static double median_of(const struct run_result *r, unsigned n, size_t offset)
{
	double v[RUNS_MAX];

	for (unsigned i = 0; i < n; i++)
		memcpy(&v[i], (const char *)&r[i] + offset, sizeof(v[i]));
	return run_median(v, n);
}

static void add_counts(struct load_count *to, const struct load_count *from)
{
	to->sent += from->sent;
	to->received += from->received;
	to->lost += from->lost;
	to->doubled += from->doubled;
	to->reordered += from->reordered;
	to->corrupt += from->corrupt;
	to->misplaced += from->misplaced;
	to->rtcp_received += from->rtcp_received;
	to->rtcp_lost += from->rtcp_lost;
	to->rtcp_faulty += from->rtcp_faulty;
}

void run_medians(struct run_result *out, const struct run_result *r, unsigned n)
{
	static const size_t fields[] = { offsetof(struct run_result, ns), offsetof(struct run_result, p50),
		offsetof(struct run_result, p99), offsetof(struct run_result, p999), offsetof(struct run_result, max),
		offsetof(struct run_result, bytes_per_call), offsetof(struct run_result, resident),
		offsetof(struct run_result, anonymous), offsetof(struct run_result, own), offsetof(struct run_result, open_us) };

	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		double m = median_of(r, n, fields[i]);

		memcpy((char *)out + fields[i], &m, sizeof(m));
	}
	for (unsigned i = 0; i < n; i++) {
		out->relayed += r[i].relayed;
		add_counts(&out->count, &r[i].count);
	}
}

/* ---- the raw floor --------------------------------------------------------------------------- */

struct share {
	_Alignas(KEDGE_LINE) _Atomic uint64_t packets;
};

struct floor {
	int *fds[KEDGE_WORKERS_MAX]; /* by worker: two sockets a call, then the idle ones */
	struct share *share;         /* by worker */
	pid_t pid[KEDGE_WORKERS_MAX];
};

static unsigned first_call(const struct run_options *o, unsigned calls, unsigned worker)
{
	return calls * worker / o->workers;
}

static unsigned calls_of(const struct run_options *o, unsigned calls, unsigned worker)
{
	return first_call(o, calls, worker + 1) - first_call(o, calls, worker);
}

/* Bound, and connected to the far end, as the relay's. */
static int floor_socket(const struct run_options *o, const struct sockaddr *far, socklen_t len, unsigned side)
{
	int fd = plane_socket(o->ipv6 ? "::1" : side == 0 ? "127.0.3.1" : "127.0.4.1");

	if (fd < 0 || connect(fd, far, len) < 0) {
		fprintf(stderr, "raw floor: socket: %s\n", strerror(errno));
		exit(1);
	}
	return fd;
}

/* In the order in which the relay's are made: RTP and RTCP of each call, one side behind the other. */
static void floor_sockets(const struct run_options *o, struct load *l, struct floor *f)
{
	for (unsigned i = 0; i < o->workers; i++)
		f->fds[i] = calloc(4 * calls_of(o, l->calls, i) + 1, sizeof(int));
	for (unsigned side = 0; side < 2; side++)
		for (unsigned i = 0; i < o->workers; i++) {
			unsigned n = calls_of(o, l->calls, i), first = first_call(o, l->calls, i);

			for (unsigned k = 0; k < n; k++) {
				f->fds[i][2 * k + side] = floor_socket(o, load_far(l, first + k, side), l->len, side);
				f->fds[i][2 * n + 2 * k + side] = floor_socket(o, load_far_rtcp(l, side), l->len, side);
			}
		}
}

static void floor_aim(const struct run_options *o, struct load *l, const struct floor *f)
{
	for (unsigned i = 0; i < o->workers; i++)
		for (unsigned k = 0; k < calls_of(o, l->calls, i); k++) {
			union addr_sock here[2];

			for (unsigned side = 0; side < 2; side++) {
				socklen_t len = sizeof(here[side]);

				getsockname(f->fds[i][2 * k + side], &here[side].sa, &len);
			}
			load_aim(l, first_call(o, l->calls, i) + k, &here[0].sa, &here[1].sa);
		}
}

static void floor_start(const struct run_options *o, struct floor *f, unsigned calls)
{
	for (unsigned i = 0; i < o->workers; i++) {
		unsigned n = calls_of(o, calls, i);

		f->pid[i] = fork();
		if (f->pid[i] == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			run_pin_relay(o);
			relay_floor(f->fds[i], n, 2 * n, RUN_BATCH, o->window_us, &f->share[i].packets);
		}
	}
}

static void floor_totals(const struct run_options *o, const struct floor *f, uint64_t *cpu, uint64_t *packets)
{
	*cpu = *packets = 0;
	for (unsigned i = 0; i < o->workers; i++) {
		*cpu += run_cpu_ns(f->pid[i]);
		*packets += atomic_load_explicit(&f->share[i].packets, memory_order_relaxed);
	}
}

static void floor_stop(const struct run_options *o, struct floor *f, unsigned calls)
{
	for (unsigned i = 0; i < o->workers; i++) {
		kill(f->pid[i], SIGKILL);
		waitpid(f->pid[i], NULL, 0);
		for (unsigned k = 0; k < 4 * calls_of(o, calls, i); k++)
			close(f->fds[i][k]);
		free(f->fds[i]);
	}
	munmap(f->share, 4096);
}

void run_floor(const struct run_options *o, unsigned calls, struct run_result *r)
{
	struct load_setup setup = { .calls = calls, .ipv6 = o->ipv6 }; /* its sockets for RTCP are idle */
	uint64_t cpu, cpu_end, packets, packets_end;
	struct floor f = { 0 };
	struct load l;

	memset(r, 0, sizeof(*r));
	f.share = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (f.share == MAP_FAILED || load_open(&l, &setup) < 0)
		exit(1);
	floor_sockets(o, &l, &f);
	floor_aim(o, &l, &f);
	floor_start(o, &f, calls);
	load_run(&l, 1500 * CLOCK_NS_PER_MS, false, false);
	floor_totals(o, &f, &cpu, &packets);
	load_run(&l, o->seconds * CLOCK_NS_PER_S, true, false);
	floor_totals(o, &f, &cpu_end, &packets_end);
	load_run(&l, 0, true, true);
	run_finish(r, &l, cpu_end - cpu, packets_end - packets);
	floor_stop(o, &f, calls);
	load_close(&l);
}
