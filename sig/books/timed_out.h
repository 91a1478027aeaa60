// SPDX-License-Identifier: MIT
/* timed_out: calls that a timer of ours ended, by timer, and the alarm when these become too many of all calls. A 408 or a silence is no 5xx: who only
 * counts those sees a carrier that swallows calls as one that is idle.
 *
 *   a call ends --> timed_out_add --> the window: twelve parts, the oldest is forgotten --> share of a timer over `share`: RAISED
 *                                                                                     under 80 % of it, or nothing left: CLEARED
 *
 * Pure: no clock, no I/O; one thread. Fewer than TIMED_OUT_LEAST calls in a window raise nothing. */
#ifndef KEDGE_SIG_BOOKS_TIMED_OUT_H
#define KEDGE_SIG_BOOKS_TIMED_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "routing/decide.h"

#define TIMED_OUT_PARTS 12
#define TIMED_OUT_LEAST 10

#define TIMED_OUTS(T) T(FIRST_RESPONSE, first_response) T(PROGRESS, progress) T(RING, ring) T(BUDGET, budget)
enum timed_out {
#define T(id, word) TIMED_OUT_##id,
	TIMED_OUTS(T)
#undef T
	    TIMED_OUT_COUNT /* none of them */
};

struct timed_out_part {
	uint64_t number; /* of the part of time it counts */
	uint32_t calls, by[TIMED_OUT_COUNT];
};

struct timed_outs {
	struct timed_out_part part[TIMED_OUT_PARTS];
	bool raised[TIMED_OUT_COUNT];
};

struct timed_out_alarm {
	enum timed_out timer;
	bool raised;
	uint32_t ended, calls; /* of so many calls that ended in the window */
};

const char *timed_out_word(enum timed_out timer);

/* Which timer of ours ended this hunt; TIMED_OUT_COUNT: none. final: what the caller got. */
enum timed_out timed_out_of(const struct decide *d, const struct decide_final *final);

/* A call ended: by this timer, or TIMED_OUT_COUNT for any other end. */
void timed_out_add(struct timed_outs *t, enum timed_out timer, uint64_t window_ns, uint64_t now_ns);

/* The next alarm that changed. share: percent, 0: there is none. Call until it says false. */
bool timed_out_alarm(struct timed_outs *t, unsigned share, uint64_t window_ns, uint64_t now_ns, struct timed_out_alarm *alarm);

#endif
