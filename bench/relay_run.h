// SPDX-License-Identifier: MIT
/* relay_run: one run of one relay under the load of relay_load, for relay_pps and compare: start it, open the calls, warm up, measure, end
 * it. Generator and relay have cores of their own where there are enough. What a bench cannot go on without ends the program. */
#ifndef KEDGE_BENCH_RELAY_RUN_H
#define KEDGE_BENCH_RELAY_RUN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "bench/relay_load.h"

#define RUN_BATCH 64 /* packets that end a wait early: as the default of kedge-media */

struct run_options {
	unsigned seconds, window_us;
	unsigned workers; /* of kedge-media; threads or processes of the others */
	unsigned buffers; /* of each worker of kedge-media; 0: its default */
	unsigned churn;   /* anchors opened and closed a second beside, kedge only */
	unsigned spray;   /* packets a second of strangers to all ports (relay_spray.h), kedge only */
	uint64_t packets; /* go on until so many were relayed, kedge only; 0: by time */
	const char *backend;
	const char *program; /* another kedge-media than the one that lies above; NULL */
	bool pin, ipv6, rtcp;
	uint8_t suite[2]; /* enum kedge_suite, inside and outside; the floor is plain always */
};

/* Can it be run: some time, and workers the segment has room for? */
bool run_usable(const struct run_options *o);

/* The suite's name in SDP (RFC 4568 6.2); of that name, KEDGE_SUITE_NONE for another word. */
const char *run_suite_name(uint8_t suite);
uint8_t run_suite(const char *name);

struct run_result {
	double ns; /* CPU of the relay per relayed RTP packet, user + system */
	double p50, p99, p999, max; /* delay, us */
	double bytes_per_call;      /* growth of its PSS from idle, per call */
	double resident, anonymous; /* bytes of the process with all calls up */
	double own;                 /* of these, what is no file: anonymous and shared memory, not the pages of libraries */
	double open_us;             /* an anchor of the churn, as signaling sees it */
	struct load_count count;
	uint64_t relayed; /* in the time measured */
	uint64_t sprayed, sprayed_back; /* packets strangers sent, and heard */
};

/* The raw floor (relay_floor.h), a process per worker; kedge-media, driven by its segment. */
void run_floor(const struct run_options *o, unsigned calls, struct run_result *r);
void run_kedge(const struct run_options *o, unsigned calls, struct run_result *r);

/* Puts the calling thread on the generator's core, or on those of the relay, for a child to inherit. */
void run_pin_generator(const struct run_options *o);
void run_pin_relay(const struct run_options *o);

/* What the result holds of the load, and of the CPU time spent. */
void run_finish(struct run_result *r, const struct load *l, uint64_t spent_ns, uint64_t relayed);

/* User + system time of a process so far. A line "NAME: N kB" of /proc/PID/FILE, in bytes. */
uint64_t run_cpu_ns(pid_t pid);
double run_memory(pid_t pid, const char *file, const char *name);

/* All that must be 0. */
uint64_t run_faults(const struct load_count *c);

/* Raises the limit of open files; the model name of the CPU. */
void run_many_files(void);
void run_cpu_model(char *out, size_t size);

/* Medians of n runs; counts are sums. */
void run_medians(struct run_result *out, const struct run_result *r, unsigned n);
double run_median(const double *v, unsigned n);

#endif
