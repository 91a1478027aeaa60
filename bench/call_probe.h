// SPDX-License-Identifier: MIT
/* call_probe: what SIPp's clock is too coarse for. A caller and three carriers of a few lines each, dated by the kernel's receive stamps:
 *   answered calls   INVITE sent -> the 200 is here; the carrier behind answers 200 the moment the INVITE is there
 *   refused calls    503 sent by the first carrier -> the INVITE is at the second, which then answers 486;
 *                    that 486 sent -> the caller has it
 * They pace themselves beside whatever load SIPp makes. UDP, IPv4; one thread of its own between _open and _close. */
#ifndef KEDGE_BENCH_CALL_PROBE_H
#define KEDGE_BENCH_CALL_PROBE_H

#include <stdint.h>

#define PROBE_ANSWERED "8" /* first digit of the numbers, for the routes: carriers good; */
#define PROBE_REFUSED  "9" /* bad, then next */
#define PROBE_PORT     5070

enum probe_carrier { PROBE_GOOD, PROBE_BAD, PROBE_NEXT, PROBE_CARRIERS };

/* Microseconds, sorted. */
struct probe_times {
	uint32_t count;
	double *us;
};

struct probe;

/* caller: address the calls come from; carrier[]: addresses they arrive at; kedge: where the caller sends (port 5060). All text, PROBE_PORT.
 * each_per_s: calls of each kind a second. NULL: errno says why. */
struct probe *probe_open(const char *caller, const char *const carrier[PROBE_CARRIERS], const char *kedge, unsigned each_per_s);

struct probe_result {
	struct probe_times answered, next, final; /* INVITE-200, 503-INVITE, 486-486 */
	uint32_t lost;                            /* calls without an outcome */
};

/* Ends the pace, waits a moment for what is under way. The times belong to the caller of this: probe_free. */
void probe_close(struct probe *p, struct probe_result *r);
void probe_free(struct probe_result *r);

/* The share-th quantile (0..1) of sorted times; 0 if there are none. */
double probe_quantile(const struct probe_times *t, double share);

#endif
