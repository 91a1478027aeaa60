// SPDX-License-Identifier: MIT
/* breaker: may this hop carry new calls? Pure: no I/O, no clock, no allocation.
 * Thread: the caller's. Owner: the caller holds struct breaker.
 *
 *        TRIP              READY               CLEAR
 *   UP ---------> DOWN --------------> TRIAL ---------> UP        TRIP, READY, BLIP: from health
 *                  ^ `-----BLIP--------^ |
 *                  `--------TRIP---------'                        CLEAR: the ramp is over (breaker_ramp)
 *
 * DOWN holds for `open`, whatever the probes say: a READY before that changes nothing. In TRIAL the hop gets a share of
 * its calls that grows step by step: a step ends after `trial` good calls, or after ramp_step of nothing bad; a bad one
 * begins the step anew, the second bad one of the last `trial` calls is a relapse. Hold and uptime double with each
 * relapse, up to hold_max, and so do they for a hop that goes DOWN again within hold_max of being UP; after that long a
 * time UP all is forgotten. A BLIP, the first silence of an hour that ended within five seconds, leads to TRIAL at once. */
#ifndef KEDGE_ROUTING_BREAKER_H
#define KEDGE_ROUTING_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#define BREAKER_STATES(S) S(UP) S(DOWN) S(TRIAL)
enum breaker_state {
#define S(x) BREAKER_##x,
	BREAKER_STATES(S)
#undef S
	    BREAKER_STATE_COUNT
};

#define BREAKER_EVENTS(E) E(TRIP) E(READY) E(CLEAR) E(BLIP)
enum breaker_event {
#define E(x) BREAKER_ON_##x,
	BREAKER_EVENTS(E)
#undef E
	    BREAKER_EVENT_COUNT
};

struct breaker_rules {
	uint64_t open_ns, min_uptime_ns, hold_max_ns, step_ns;
	const uint32_t *ramp; /* percent of each step, growing; borrowed */
	uint16_t steps;       /* of ramp; 0: TRIAL is all calls, one step */
	uint8_t trial;        /* calls, 1..64 */
};

struct breaker {          /* {0} is UP */
	uint8_t state;    /* enum breaker_state */
	uint8_t step;     /* TRIAL: of the ramp, from 0 */
	uint8_t good;     /* TRIAL: good calls of this step */
	uint64_t recent;  /* TRIAL: the last calls, 1: bad */
	uint32_t relapses;
	uint64_t since_ns; /* of this state */
	uint64_t until_ns; /* DOWN: READY is heard from then on */
	uint64_t step_ns;  /* TRIAL: when the step began, or the last bad thing happened */
	uint64_t up_ns;    /* when it last came back; 0: it never was DOWN, or all is forgotten */
};

/* Feeds one event. now_ns: monotonic. Returns the new state. */
enum breaker_state breaker_step(
    struct breaker *b, enum breaker_event ev, uint64_t now_ns, const struct breaker_rules *r);

/* How long DOWN holds at least: open, doubled for each relapse. */
uint64_t breaker_open_ns(const struct breaker *b, const struct breaker_rules *r);

/* How long good probes have to last before READY: min_uptime, doubled for each relapse. */
uint64_t breaker_uptime_ns(const struct breaker *b, const struct breaker_rules *r);

/* The end of a call while in TRIAL. True: a relapse, feed TRIP. */
bool breaker_call(struct breaker *b, bool bad, uint64_t now_ns, const struct breaker_rules *r);

/* Something else bad happened while in TRIAL: its step begins anew. */
void breaker_setback(struct breaker *b, uint64_t now_ns);

/* Time or good calls end steps. proven: something good was seen in this step, or nothing can be. True: it is past the last
 * one, feed CLEAR. moved (NULL: not asked): another step began. */
bool breaker_ramp(struct breaker *b, bool proven, uint64_t now_ns, const struct breaker_rules *r, bool *moved);

/* Percent of its calls: 100 UP, 0 DOWN. */
uint8_t breaker_share(const struct breaker *b, const struct breaker_rules *r);

const char *breaker_state_name(enum breaker_state s);

#endif
