// SPDX-License-Identifier: MIT
/* breaker: may this hop carry new calls? Pure: no I/O, no clock, no allocation.
 * Thread: the caller's. Owner: the caller holds struct breaker.
 *
 *       TRIP            TIMER               CLEAR
 *   UP ------> DOWN -------------> PROVING -------> UP        TRIP, CLEAR, BLIP: from health
 *               `------BLIP-----------^------------> UP       TIMER: `open` is over
 *
 * DOWN holds for `open`, whatever the probes say; PROVING, which is DOWN to everybody else, ends with the first CLEAR
 * (`up` good probes in a row). A BLIP, the first silence of an hour that ended within five seconds, ends it at once. */
#ifndef KEDGE_ROUTING_BREAKER_H
#define KEDGE_ROUTING_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#define BREAKER_STATES(S) S(UP) S(DOWN) S(PROVING)
enum breaker_state {
#define S(x) BREAKER_##x,
	BREAKER_STATES(S)
#undef S
	    BREAKER_STATE_COUNT
};

#define BREAKER_EVENTS(E) E(TRIP) E(CLEAR) E(TIMER) E(BLIP)
enum breaker_event {
#define E(x) BREAKER_ON_##x,
	BREAKER_EVENTS(E)
#undef E
	    BREAKER_EVENT_COUNT
};

struct breaker {          /* {0} is UP */
	uint8_t state;    /* enum breaker_state */
	uint64_t since_ns; /* of this state; PROVING keeps the time of DOWN */
	uint64_t until_ns; /* DOWN: feed TIMER then */
};

/* Feeds one event. now_ns: monotonic; open_ns: how long a TRIP holds. TIMER before its time changes nothing.
 * Returns the new state. */
enum breaker_state breaker_step(
    struct breaker *b, enum breaker_event ev, uint64_t now_ns, uint64_t open_ns);

const char *breaker_state_name(enum breaker_state s);

#endif
