// SPDX-License-Identifier: MIT
/* relay_pps: what does a relayed packet cost, beside the raw kernel floor of the same run? bench/README.md has how to read it. */
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/relay_floor.h"
#include "bench/relay_load.h"
#include "config/clock.h"
#include "tests/harness/plane.h"

#define RUNS_MAX  9
#define CALLS_MAX 8
#define BATCH     64

struct options {
	unsigned calls[CALLS_MAX], calls_count;
	unsigned runs, seconds, window_us, churn;
	uint64_t packets; /* 0: by time */
	const char *backend;
	bool json, slo, pin, floor;
};

struct result {    /* of one run */
	double ns; /* CPU of the relay per relayed packet */
	double p50, p99, p999, max;
	double bytes_per_call, resident, open_us;
	struct load_count count;
	uint64_t relayed;
};

struct row { /* of one number of calls */
	unsigned calls;
	struct result floor, kedge; /* medians; the counts are sums */
	double ratio;
};

static struct options opt = { .calls = { 100, 500, 1000, 1500 },
	.calls_count = 4,
	.runs = 3,
	.seconds = 4,
	.window_us = 250,
	.backend = "io_uring",
	.pin = true,
	.floor = true };

/* ---- the machine ----------------------------------------------------------------------------- */

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (opt.pin && sysconf(_SC_NPROCESSORS_ONLN) > 1)
		sched_setaffinity(0, sizeof(set), &set);
}

static uint64_t cpu_ns(pid_t pid)
{
	struct timespec ts;
	clockid_t id;

	if (clock_getcpuclockid(pid, &id) != 0 || clock_gettime(id, &ts) < 0)
		return 0;
	return (uint64_t)ts.tv_sec * CLOCK_NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* A line "NAME: N kB" of /proc/PID/FILE, in bytes. */
static double memory(pid_t pid, const char *file, const char *name)
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

static void cpu_model(char *out, size_t size)
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

static void progress(const char *what, unsigned calls, unsigned run)
{
	if (isatty(STDERR_FILENO))
		fprintf(
		    stderr, "\r\033[K%u calls, run %u of %u: %s", calls, run + 1, opt.runs, what);
}

/* ---- one run --------------------------------------------------------------------------------- */

static void finish(struct result *r, const struct load *l, uint64_t spent, uint64_t relayed)
{
	r->count = l->count;
	r->relayed = relayed;
	r->ns = relayed != 0 ? (double)spent / (double)relayed : 0;
	r->p50 = load_percentile(&l->count, 0.5);
	r->p99 = load_percentile(&l->count, 0.99);
	r->p999 = load_percentile(&l->count, 0.999);
	r->max = load_percentile(&l->count, 1);
}

/* Sockets of the floor: as the relay's, bound and connected to the far ends. */
static int *floor_sockets(struct load *l)
{
	int *fds = calloc(2 * l->calls, sizeof(*fds));

	for (uint32_t call = 0; call < l->calls; call++) {
		struct sockaddr_in here[2];

		for (unsigned side = 0; side < 2; side++) {
			socklen_t len = sizeof(here[side]);
			int fd = plane_socket(side == 0 ? "127.0.3.1" : "127.0.4.1");

			fds[2 * call + side] = fd;
			if (fd < 0 || getsockname(fd, (struct sockaddr *)&here[side], &len) < 0 ||
			    connect(fd, (const struct sockaddr *)load_far(l, call, side), len) <
			        0) {
				fprintf(
				    stderr, "relay_pps: raw floor: socket: %s\n", strerror(errno));
				exit(1);
			}
		}
		load_aim(l, call, &here[0], &here[1]);
	}
	return fds;
}

static void run_floor(unsigned calls, struct result *r)
{
	_Atomic uint64_t *packets =
	    mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t cpu, before;
	struct load l;
	pid_t pid;
	int *fds;

	if (packets == MAP_FAILED || load_open(&l, calls) < 0)
		exit(1);
	fds = floor_sockets(&l);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pin(1);
		relay_floor(fds, calls, BATCH, opt.window_us, packets);
	}
	load_run(&l, CLOCK_NS_PER_S, false, false);
	cpu = cpu_ns(pid);
	before = atomic_load_explicit(packets, memory_order_relaxed);
	load_run(&l, opt.seconds * CLOCK_NS_PER_S, true, false);
	cpu = cpu_ns(pid) - cpu;
	before = atomic_load_explicit(packets, memory_order_relaxed) - before;
	load_run(&l, 0, true, true);
	finish(r, &l, cpu, before);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	for (uint32_t i = 0; i < 2 * calls; i++)
		close(fds[i]);
	free(fds);
	munmap((void *)packets, 4096);
	load_close(&l);
}

/* ---- anchors opened and closed beside the load ------------------------------------------------- */

struct churn {
	struct plane *plane;
	uint32_t first, next, count; /* slots */
	struct plane_anchor *a;
	uint64_t opened, spent_ns, busy;
};

static void churn_one(struct churn *c, const struct sockaddr *far)
{
	struct plane_anchor *a = &c->a[c->next];
	uint32_t slot = c->first + c->next;
	uint64_t began;

	c->next = (c->next + 1) % c->count;
	if (a->want.generation != 0 && a->want.state == KEDGE_SLOT_OPEN) {
		a->want.state = KEDGE_SLOT_CLOSED;
		plane_commit(c->plane, a);
		return;
	}
	if (a->want.generation != 0 && plane_wait_done(c->plane, a, KEDGE_DONE_CLOSED, 0) < 0) {
		c->busy++;
		return;
	}
	began = clock_mono_ns();
	plane_anchor(c->plane, a, slot, 0);
	if (plane_end(c->plane, a, KEDGE_END_INSIDE, 0, far) < 0 ||
	    plane_end(c->plane, a, 0, 1, far) < 0) {
		c->busy++;
		a->want.state = KEDGE_SLOT_CLOSED;
	}
	a->want.live = 0;
	plane_commit(c->plane, a);
	c->spent_ns += clock_mono_ns() - began;
	c->opened++;
}

static void churn_ms(void *ctx)
{
	static const struct sockaddr_in far = {
		.sin_family = AF_INET, .sin_port = 0x0900, .sin_addr.s_addr = 0x0101007f
	};

	/* Each anchor is seen twice: opened, then closed. */
	for (unsigned i = 0; i < 2 * opt.churn / 1000; i++)
		churn_one(ctx, (const struct sockaddr *)&far);
}

/* ---- kedge-media ------------------------------------------------------------------------------- */

static void open_calls(struct plane *p, struct load *l)
{
	for (uint32_t call = 0; call < l->calls; call++) {
		struct sockaddr_storage in, out;
		struct plane_anchor a;

		plane_anchor(p, &a, call, 0);
		if (plane_end(p, &a, KEDGE_END_INSIDE, 0,
		        (const struct sockaddr *)load_far(l, call, 0)) < 0 ||
		    plane_end(p, &a, 0, 1, (const struct sockaddr *)load_far(l, call, 1)) < 0) {
			fputs("relay_pps: no port pair left\n", stderr);
			exit(1);
		}
		a.want.live = 0;
		plane_commit(p, &a);
		plane_local(p, &a, KEDGE_END_INSIDE, &in);
		plane_local(p, &a, 0, &out);
		load_aim(l, call, (struct sockaddr_in *)&in, (struct sockaddr_in *)&out);
		if (plane_wait_done(p, &a, KEDGE_DONE_OPEN, 5000) < 0) {
			fputs("relay_pps: kedge-media does not open an anchor\n", stderr);
			exit(1);
		}
	}
}

static void start_plane(struct plane *p, unsigned calls, char media[160])
{
	unsigned spare = opt.churn != 0 ? opt.churn / 2 + 64 : 0;
	struct plane_options o = { .workers = 1,
		.slots = calls + spare + 1,
		.pairs = calls + 2 * spare,
		.nets = { "127.0.3.1", "127.0.4.1" },
		.backend = opt.backend,
		.media = media };

	snprintf(media, 160, "window = \"%uus\"; batch = %u; port_rest = \"100ms\";", opt.window_us,
	    BATCH);
	pin(1); /* inherited by the relay */
	if (plane_open(p, &o) < 0 || plane_start(p) < 0)
		exit(1);
	pin(0);
}

static void measure(struct plane *p, struct load *l, struct result *r)
{
	uint64_t cpu = cpu_ns(p->pid), before = PLANE_COUNT(p, packets_out), begin = before;

	do {
		load_run(l, opt.seconds * CLOCK_NS_PER_S, true, false);
		if (opt.packets != 0 && isatty(STDERR_FILENO))
			fprintf(stderr, "\r\033[K%.1f of %.1f million packets, %llu lost",
			    (double)(PLANE_COUNT(p, packets_out) - begin) / 1e6,
			    (double)opt.packets / 1e6, (unsigned long long)l->count.lost);
	} while (PLANE_COUNT(p, packets_out) - begin < opt.packets);
	cpu = cpu_ns(p->pid) - cpu;
	before = PLANE_COUNT(p, packets_out) - before;
	load_run(l, 0, true, true);
	finish(r, l, cpu, before);
}

static void run_kedge(unsigned calls, struct result *r)
{
	struct churn churn = { 0 };
	struct plane p;
	struct load l;
	char media[160];
	double idle, pss;

	if (load_open(&l, calls) < 0)
		exit(1);
	start_plane(&p, calls, media);
	idle = memory(p.pid, "smaps_rollup", "Pss:");
	open_calls(&p, &l);
	load_run(&l, 1500 * CLOCK_NS_PER_MS, false, false);
	if (opt.churn != 0) {
		churn = (struct churn){ .plane = &p, .first = calls, .count = opt.churn / 2 };
		churn.a = calloc(churn.count, sizeof(*churn.a));
		l.each_ms = churn_ms;
		l.ctx = &churn;
	}
	measure(&p, &l, r);
	pss = memory(p.pid, "smaps_rollup", "Pss:");
	r->resident = memory(p.pid, "status", "RssAnon:");
	r->bytes_per_call = (pss - idle) / calls;
	r->open_us = churn.opened != 0 ? (double)churn.spent_ns / (double)churn.opened / 1000 : 0;
	free(churn.a);
	plane_close(&p);
	load_close(&l);
}

/* ---- medians and the table --------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(const struct result *r, size_t offset)
{
	double v[RUNS_MAX];

	for (unsigned i = 0; i < opt.runs; i++)
		memcpy(&v[i], (const char *)&r[i] + offset, sizeof(v[i]));
	qsort(v, opt.runs, sizeof(v[0]), by_value);
	return v[opt.runs / 2];
}

static void medians(struct result *out, const struct result *r)
{
	memset(out, 0, sizeof(*out));
	out->ns = median(r, offsetof(struct result, ns));
	out->p50 = median(r, offsetof(struct result, p50));
	out->p99 = median(r, offsetof(struct result, p99));
	out->p999 = median(r, offsetof(struct result, p999));
	out->max = median(r, offsetof(struct result, max));
	out->bytes_per_call = median(r, offsetof(struct result, bytes_per_call));
	out->resident = median(r, offsetof(struct result, resident));
	out->open_us = median(r, offsetof(struct result, open_us));
	for (unsigned i = 0; i < opt.runs; i++) {
		out->relayed += r[i].relayed;
		out->count.sent += r[i].count.sent;
		out->count.received += r[i].count.received;
		out->count.lost += r[i].count.lost;
		out->count.doubled += r[i].count.doubled;
		out->count.reordered += r[i].count.reordered;
		out->count.corrupt += r[i].count.corrupt;
		out->count.misplaced += r[i].count.misplaced;
	}
}

/* Floor and relay take turns, and each pair gives one ratio: a slow minute of the machine slows both. */
static void run_row(struct row *row, unsigned calls)
{
	static struct result floor_run[RUNS_MAX], kedge_run[RUNS_MAX];
	double ratio[RUNS_MAX];

	row->calls = calls;
	for (unsigned i = 0; i < opt.runs; i++) {
		if (opt.floor) {
			progress("raw floor", calls, i);
			run_floor(calls, &floor_run[i]);
		}
		progress("kedge-media", calls, i);
		run_kedge(calls, &kedge_run[i]);
		ratio[i] = floor_run[i].ns > 0 ? kedge_run[i].ns / floor_run[i].ns : 0;
	}
	qsort(ratio, opt.runs, sizeof(ratio[0]), by_value);
	row->ratio = ratio[opt.runs / 2];
	medians(&row->floor, floor_run);
	medians(&row->kedge, kedge_run);
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
}

static uint64_t faults(const struct result *r)
{
	return r->count.lost + r->count.doubled + r->count.reordered + r->count.corrupt +
	       r->count.misplaced;
}

static void print_text(const struct row *row, unsigned n)
{
	struct utsname u;
	char cpu[128];

	uname(&u);
	cpu_model(cpu, sizeof(cpu));
	printf("%s, %ld cores, Linux %s, backend %s, window %u us, batch %u; %u runs of %u s, "
	       "medians\n",
	    cpu, sysconf(_SC_NPROCESSORS_ONLN), u.release, opt.backend, opt.window_us, BATCH,
	    opt.runs, opt.seconds);
	printf("%6s %9s %9s %6s | %7s %7s %7s %8s | %10s %5s %7s %7s %7s %6s | %8s %8s\n", "calls",
	    "floor ns", "kedge ns", "ratio", "p50 us", "p99 us", "p99.9", "flr p99", "packets",
	    "lost", "doubled", "reorder", "corrupt", "place", "B/call", "anon MB");
	for (unsigned i = 0; i < n; i++) {
		const struct result *k = &row[i].kedge;

		printf("%6u %9.0f %9.0f %6.3f | %7.0f %7.0f %7.0f %8.0f | %10llu %5llu %7llu %7llu "
		       "%7llu %6llu | %8.0f "
		       "%8.1f\n",
		    row[i].calls, row[i].floor.ns, k->ns, row[i].ratio, k->p50, k->p99, k->p999,
		    row[i].floor.p99, (unsigned long long)k->relayed,
		    (unsigned long long)k->count.lost, (unsigned long long)k->count.doubled,
		    (unsigned long long)k->count.reordered, (unsigned long long)k->count.corrupt,
		    (unsigned long long)k->count.misplaced, k->bytes_per_call, k->resident / 1e6);
		if (k->open_us > 0)
			printf("       %u anchors opened and closed a second beside: %.2f us each, "
			       "as signaling sees it\n",
			    opt.churn, k->open_us);
	}
}

static void print_json(const struct row *row, unsigned n)
{
	struct utsname u;
	char cpu[128];

	uname(&u);
	cpu_model(cpu, sizeof(cpu));
	printf("{\"bench\":\"relay_pps\",\"cpu\":\"%s\",\"cores\":%ld,\"kernel\":\"%s\","
	       "\"backend\":\"%s\",\"window_us\":%u,"
	       "\"runs\":%u,\"seconds\":%u,\"rows\":[",
	    cpu, sysconf(_SC_NPROCESSORS_ONLN), u.release, opt.backend, opt.window_us, opt.runs,
	    opt.seconds);
	for (unsigned i = 0; i < n; i++) {
		const struct result *k = &row[i].kedge, *f = &row[i].floor;

		printf("%s{\"calls\":%u,\"floor_ns\":%.0f,\"kedge_ns\":%.0f,\"ratio\":%.4f,\"p50_"
		       "us\":%.0f,\"p99_us\":%.0f,"
		       "\"p999_us\":%.0f,\"floor_p99_us\":%.0f,\"relayed\":%llu,\"lost\":%llu,"
		       "\"doubled\":%llu,"
		       "\"reordered\":%llu,\"corrupt\":%llu,\"misplaced\":%llu,\"bytes_per_call\":%"
		       ".0f,\"anon_bytes\":%.0f,"
		       "\"open_us\":%.2f}",
		    i ? "," : "", row[i].calls, f->ns, k->ns, row[i].ratio, k->p50, k->p99, k->p999,
		    f->p99, (unsigned long long)k->relayed, (unsigned long long)k->count.lost,
		    (unsigned long long)k->count.doubled, (unsigned long long)k->count.reordered,
		    (unsigned long long)k->count.corrupt, (unsigned long long)k->count.misplaced,
		    k->bytes_per_call, k->resident, k->open_us);
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
		const struct result *k = &row[i].kedge;
		unsigned calls = row[i].calls;

		missed += at_most(calls, "faulty packets", (double)faults(k), 0);
		if (opt.floor && (calls == 500 || calls == 1000))
			missed += at_most(calls, "CPU against the raw floor", row[i].ratio, 1.10);
		if (calls <= 1500)
			missed += delay_at_most(&row[i], calls <= 100    ? 0.2
			                                 : calls <= 1000 ? 0.8
			                                                 : 1.0);
		if (calls >= 500)
			missed += at_most(calls, "bytes per call", k->bytes_per_call, 4096);
		if (calls <= 1000)
			missed += at_most(calls, "anonymous memory, MB", k->resident / 1e6, 16);
		if (opt.churn != 0)
			missed += at_most(calls, "opening an anchor, us", k->open_us, 5);
	}
	return missed;
}

/* ---- main -------------------------------------------------------------------------------------- */

static int usage(void)
{
	fputs("relay_pps [--calls N,N,...] [--runs N] [--seconds N] [--packets N[k|M]] [--window "
	      "US] [--churn PER_SECOND]\n"
	      "          [--backend io_uring|epoll] [--no-floor] [--no-pin] [--json] [--slo]\n"
	      "  --packets  one run per row that goes on until so many packets were relayed\n"
	      "  --churn    anchors opened and closed a second beside the load\n"
	      "  --slo      exit 1 unless the goals hold\n",
	    stderr);
	return 2;
}

static unsigned parse_calls(char *text)
{
	unsigned n = 0;

	for (char *t = strtok(text, ","); t != NULL && n < CALLS_MAX; t = strtok(NULL, ","))
		opt.calls[n++] = (unsigned)strtoul(t, NULL, 10);
	return n;
}

static uint64_t parse_packets(const char *text)
{
	char *end;
	double x = strtod(text, &end);

	return (uint64_t)(x * (*end == 'M' ? 1e6 : *end == 'k' ? 1e3 : 1));
}

static int parse(int argc, char **argv)
{
	enum {
		CALLS = 256,
		RUNS,
		SECONDS,
		PACKETS,
		WINDOW,
		CHURN,
		BACKEND,
		NO_FLOOR,
		NO_PIN,
		JSON,
		SLO
	};
	static const struct option options[] = { { "calls", 1, NULL, CALLS },
		{ "runs", 1, NULL, RUNS }, { "seconds", 1, NULL, SECONDS },
		{ "packets", 1, NULL, PACKETS }, { "window", 1, NULL, WINDOW },
		{ "churn", 1, NULL, CHURN }, { "backend", 1, NULL, BACKEND },
		{ "no-floor", 0, NULL, NO_FLOOR }, { "no-pin", 0, NULL, NO_PIN },
		{ "json", 0, NULL, JSON }, { "slo", 0, NULL, SLO }, { 0 } };

	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		switch (c) {
		case CALLS:
			opt.calls_count = parse_calls(optarg);
			break;
		case RUNS:
			opt.runs = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case SECONDS:
			opt.seconds = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case PACKETS:
			opt.packets = parse_packets(optarg);
			break;
		case WINDOW:
			opt.window_us = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case CHURN:
			opt.churn = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case BACKEND:
			opt.backend = optarg;
			break;
		case NO_FLOOR:
			opt.floor = false;
			break;
		case NO_PIN:
			opt.pin = false;
			break;
		case JSON:
			opt.json = true;
			break;
		case SLO:
			opt.slo = true;
			break;
		default:
			return -EINVAL;
		}
	}
	if (opt.packets != 0) {
		opt.runs = 1;
		opt.floor = false;
	}
	return opt.runs >= 1 && opt.runs <= RUNS_MAX && opt.seconds >= 1 && opt.calls_count >= 1
	           ? 0
	           : -EINVAL;
}

int main(int argc, char **argv)
{
	static struct row row[CALLS_MAX];
	struct rlimit l;

	if (parse(argc, argv) < 0)
		return usage();
	if (getrlimit(RLIMIT_NOFILE, &l) == 0) {
		l.rlim_cur = l.rlim_max;
		setrlimit(RLIMIT_NOFILE, &l);
	}
	pin(0);
	for (unsigned i = 0; i < opt.calls_count; i++)
		run_row(&row[i], opt.calls[i]);
	if (opt.json)
		print_json(row, opt.calls_count);
	else
		print_text(row, opt.calls_count);
	if (!opt.slo)
		return 0;
	return check_goals(row, opt.calls_count) != 0;
}
