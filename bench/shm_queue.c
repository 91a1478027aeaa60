// SPDX-License-Identifier: MIT
/* shm_queue: what do the primitives of the segment cost? ns per sequence-locked write and read, per queue message within
 * a process and between two, per port lent, and how long a plane takes to see what the other one queued. */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config/clock.h"
#include "routing/shm/pool.h"
#include "routing/shm/queue.h"
#include "routing/shm/segment.h"
#include "routing/shm/seq.h"

#define LOOPS    1000000
#define WAKES    20000
#define RUNS_MAX 99

static struct segment seg; /* 1 worker, 1 address, a full ring of ports */

struct bench {
	const char *name, *unit, *what;
	double (*run)(void);
	double limit; /* of --slo, in unit; 0: only told */
};

static double per(uint64_t ns, uint64_t n)
{
	return (double)ns / (double)n;
}

/* ---- one thread ---- */

static double end_write(void)
{
	struct kedge_end_slot *e = segment_end(&seg, 0, 0);
	struct kedge_end want = { .generation = 1 };
	uint64_t t = clock_mono_ns();

	for (uint32_t i = 0; i < LOOPS; i++) {
		want.port = i;
		seq_write(&e->want, &want);
	}
	return per(clock_mono_ns() - t, LOOPS);
}

static double end_read(void)
{
	struct kedge_end_slot *e = segment_end(&seg, 0, 0);
	struct kedge_end got = { 0 };
	uint64_t sum = 0, t = clock_mono_ns();

	for (uint32_t i = 0; i < LOOPS; i++) {
		if (seq_read(&e->want, &got) < 0)
			abort();
		sum += got.port;
	}
	t = clock_mono_ns() - t;
	if (sum == 1) /* keeps the loop from being left out */
		puts("");
	return per(t, LOOPS);
}

static double queue_same_thread(void)
{
	struct kedge_queue *q = &segment_queues(&seg, 0)->cmd;
	uint64_t msg, t = clock_mono_ns();

	for (uint32_t i = 0; i < LOOPS; i++)
		if (queue_push(q, i) < 0 || queue_pop(q, &msg) < 0 || msg != i)
			abort();
	return per(clock_mono_ns() - t, LOOPS);
}

/* Lent by signaling, given back by media: both stores of each. */
static double port_lent(void)
{
	struct kedge_queue *ring = segment_free(&seg, 0, 0);
	struct kedge_end want = { .generation = 1, .anchor = 1 };
	uint64_t t = clock_mono_ns();

	for (uint32_t i = 0; i < LOOPS; i++)
		if (pool_take(&seg, 0, 0, 0, 0, &want) < 0 || queue_push(ring, want.port) < 0)
			abort();
	return per(clock_mono_ns() - t, LOOPS);
}

/* ---- two processes ---- */

static pid_t child(void (*fn)(void))
{
	pid_t pid = fork();

	if (pid < 0)
		abort();
	if (pid == 0) {
		fn();
		_exit(0);
	}
	return pid;
}

static void produce(void)
{
	struct kedge_queue *q = &segment_queues(&seg, 0)->cmd;

	for (uint64_t i = 0; i < LOOPS;)
		if (queue_push(q, i) == 0)
			i++;
		else
			sched_yield();
}

static double queue_two_processes(void)
{
	struct kedge_queue *q = &segment_queues(&seg, 0)->cmd;
	uint64_t msg, t = clock_mono_ns();
	pid_t pid = child(produce);

	for (uint64_t i = 0; i < LOOPS;) {
		if (queue_pop(q, &msg) < 0) {
			sched_yield();
			continue;
		}
		if (msg != i++)
			abort();
	}
	t = clock_mono_ns() - t;
	waitpid(pid, NULL, 0);
	return per(t, LOOPS);
}

static void write_for_ever(void)
{
	struct kedge_end want = { .generation = 1 };

	for (;; want.port++)
		seq_write(&segment_end(&seg, 0, 0)->want, &want);
}

/* Against a writer that never rests, worse than anything in kedge: a reader pays for its retries. */
static double end_read_contended(void)
{
	struct kedge_end_slot *e = segment_end(&seg, 0, 0);
	struct kedge_end got = { 0 };
	pid_t pid = child(write_for_ever);
	uint64_t good = 0, until, t = clock_mono_ns();

	until = t + 200 * CLOCK_NS_PER_MS;
	while (clock_mono_ns() < until)
		good += seq_read(&e->want, &got) == 0;
	t = clock_mono_ns() - t;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	if (seq_torn(&e->want)) {
		got.generation = 1;
		seq_mend(&e->want, &got);
	}
	return per(t, good ? good : 1);
}

static void answer(void)
{
	struct kedge_worker_queues *q = segment_queues(&seg, 0);
	struct pollfd p = { .fd = seg.priv->worker_eventfd[0], .events = POLLIN };
	uint64_t msg, n;

	for (int i = 0; i < WAKES;) {
		(void)poll(&p, 1, -1);
		if (read(p.fd, &n, sizeof(n)) < 0)
			continue;
		while (queue_pop(&q->cmd, &msg) == 0) {
			(void)queue_push(&q->evt, msg);
			(void)!write(seg.priv->sig_eventfd, &(uint64_t){ 1 }, 8);
			i++;
		}
	}
}

/* Queue, eventfd, the other process wakes, reads, answers the same way: half of the way there and back. */
static double wake(void)
{
	struct kedge_worker_queues *q = segment_queues(&seg, 0);
	struct pollfd p = { .fd = seg.priv->sig_eventfd, .events = POLLIN };
	pid_t pid = child(answer);
	uint64_t msg, n, t = clock_mono_ns();

	for (uint64_t i = 0; i < WAKES; i++) {
		(void)queue_push(&q->cmd, i);
		(void)!write(seg.priv->worker_eventfd[0], &(uint64_t){ 1 }, 8);
		while (queue_pop(&q->evt, &msg) < 0) {
			(void)poll(&p, 1, -1);
			(void)!read(p.fd, &n, sizeof(n));
		}
		if (msg != i)
			abort();
	}
	t = clock_mono_ns() - t;
	waitpid(pid, NULL, 0);
	return per(t, 2 * WAKES);
}

static const struct bench benches[] = {
	{ "end_write", "ns", "sequence-locked write of an end (168 bytes)", end_write, 500 },
	{ "end_read", "ns", "read of it, nobody writing", end_read, 500 },
	{ "end_read_contended", "ns", "good read while a writer never rests", end_read_contended,
	    0 },
	{ "queue_message", "ns", "message pushed and popped, one thread", queue_same_thread, 200 },
	{ "queue_two_processes", "ns", "message between two processes, flat out",
	    queue_two_processes, 1000 },
	{ "port_lent", "ns", "port pair lent and given back", port_lent, 1000 },
	{ "wake", "ns", "one way: queue, eventfd, the other process awake", wake, 0 },
};
#define BENCH_COUNT (sizeof(benches) / sizeof(benches[0]))

/* ---- table ---- */

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
				fprintf(
				    stderr, "\rrun %d of %d: %-20s", r + 1, runs, benches[i].name);
			v[i][r] = benches[i].run();
		}
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
	for (size_t i = 0; i < BENCH_COUNT; i++) {
		qsort(v[i], (size_t)runs, sizeof(v[i][0]), ascending);
		median[i] = v[i][runs / 2];
	}
}

static void print_table(const double *median, int runs)
{
	struct utsname u;

	uname(&u);
	printf("%s %s, %ld cores; median of %d runs\n", u.sysname, u.release,
	    sysconf(_SC_NPROCESSORS_ONLN), runs);
	for (size_t i = 0; i < BENCH_COUNT; i++)
		printf("%-20s %8.1f %s  %s\n", benches[i].name, median[i], benches[i].unit,
		    benches[i].what);
}

static void print_json(const double *median, int runs)
{
	struct utsname u;

	uname(&u);
	printf("{\"bench\":\"shm_queue\",\"kernel\":\"%s\",\"cores\":%ld,\"runs\":%d", u.release,
	    sysconf(_SC_NPROCESSORS_ONLN), runs);
	for (size_t i = 0; i < BENCH_COUNT; i++)
		printf(",\"%s_%s\":%.1f", benches[i].name, benches[i].unit, median[i]);
	puts("}");
}

static int judge(const double *median)
{
	int rc = 0;

	for (size_t i = 0; i < BENCH_COUNT; i++)
		if (benches[i].limit > 0 && median[i] > benches[i].limit) {
			fprintf(stderr, "%s: %.1f %s, must be at most %.0f\n", benches[i].name,
			    median[i], benches[i].unit, benches[i].limit);
			rc = 1;
		}
	return rc;
}

static void prepare(void)
{
	const struct segment_shape shape = {
		.workers = 1, .hops = 1, .slots = 1, .ports = 1000, .nets = 1
	};

	if (segment_create(&seg, &shape) < 0) {
		fprintf(stderr, "%s\n", seg.why);
		exit(1);
	}
	seg.priv->worker_eventfd[0] = eventfd(0, EFD_CLOEXEC);
	seg.priv->sig_eventfd = eventfd(0, EFD_CLOEXEC);
	for (uint32_t i = 0; i < shape.ports; i++)
		(void)queue_push(segment_free(&seg, 0, 0), i);
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "runs", required_argument, NULL, 'r' },
		{ "json", no_argument, NULL, 'j' }, { "slo", no_argument, NULL, 's' }, { 0 } };
	bool json = false, slo = false;
	double median[BENCH_COUNT];
	int c, runs = 5;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'r')
			runs = atoi(optarg);
		else if (c == 'j')
			json = true;
		else if (c == 's')
			slo = true;
		else
			runs = 0;
	}
	if (runs < 1 || runs > RUNS_MAX || optind != argc) {
		fprintf(stderr, "usage: shm_queue [--runs 1..%d] [--json] [--slo]\n", RUNS_MAX);
		return 2;
	}
	prepare();
	measure(runs, median);
	if (json)
		print_json(median, runs);
	else
		print_table(median, runs);
	segment_detach(&seg);
	return slo ? judge(median) : 0;
}
