// SPDX-License-Identifier: MIT
/* cause: what the end of one attempt means: one table, one row per cause, in cause.c.
 *
 *   what happened (struct cause_event) + trunk's codes rules + preset --> struct cause_verdict
 *
 * Pure: no I/O, no clock, no allocation; any thread. Codes come from the network: any number is answered, those
 * outside 300..699 as 500. */
#ifndef KEDGE_ROUTING_CAUSE_H
#define KEDGE_ROUTING_CAUSE_H

#include <stdbool.h>
#include <stdint.h>

#include "config/conf.h"

/* How an attempt ended: a status from the wire, or kedge's own verdict. The words stand in CDRs and logs. */
#define CAUSES(C)                                                                                  \
	C(NONE, "")                     /* it has not ended */                                     \
	C(STATUS, "status")             /* a final response 300..699 */                            \
	C(ANSWERED, "answered")         /* 2xx that won */                                         \
	C(SILENT, "silent")             /* neither INVITE nor both check probes were answered */   \
	C(NO_REPLY, "no_reply")         /* no reply to the INVITE in first_response */             \
	C(NO_PROGRESS, "no_progress")   /* 100, then no 18x in progress */                         \
	C(RING, "ring_timeout")         /* 18x, then no answer in ring */                          \
	C(UNREACHABLE, "unreachable")   /* ICMP, TCP RST */                                        \
	C(CONNECT, "connect")           /* no TCP connection in time */                            \
	C(LOST, "connection_lost")      /* connection gone before any 1xx */                       \
	C(LIMIT, "limit")               /* a limit of ours; no INVITE was sent */                  \
	C(BAD_ANSWER, "bad_answer")     /* its SDP cannot stand beside what the caller was told */ \
	C(CANCELLED, "cancelled")       /* ended by us: caller gone, or another branch has the call */
enum cause {
#define C(id, word) CAUSE_##id,
	CAUSES(C)
#undef C
	    CAUSE_COUNT
};

enum cause_action {
	CAUSE_NEXT, /* next hop where allowed, else next target */
	CAUSE_STOP, /* end the hunt: this is the outcome */
	CAUSE_SAME, /* repair the request and send it to the same hop, once */
	CAUSE_WAIT_SAME /* the same, after RFC 3261 14.1's pause (491) */
};

/* What it says about the hop's health; bits. */
#define CAUSE_F 1u /* failure: feeds the breaker */
#define CAUSE_L 2u /* load */
#define CAUSE_A 4u /* our configuration does not fit this trunk */
#define CAUSE_O 8u /* proof of life */

/* verdict.caller for causes that say nothing to a caller: the answer follows from the hunt (decide_final). */
#define CAUSE_PATH 1

struct cause_event {
	uint8_t cause;           /* enum cause */
	uint16_t code;           /* STATUS: 300..699 */
	uint16_t q850;           /* cause of a Reason: Q.850 header, 0: none */
	uint32_t retry_after_s;  /* 0: none, or not usable */
	uint16_t best_1xx;       /* highest rule of advance_after seen from this target: 0, 183, 180 (180..182) */
	bool repairable;         /* the sender can mend the request as the code asks */
	bool repaired;           /* it was mended once already */
	bool fault;              /* the hop is DEGRADED(config_fault) */
};

struct cause_verdict {
	uint8_t action;   /* enum cause_action */
	uint8_t health;   /* CAUSE_F | ... */
	bool hop;         /* NEXT: another hop of the same target may be tried first */
	uint16_t code;    /* as the trunk's map reads it; 0 without a status */
	uint16_t caller;  /* status to the caller if this is the outcome; CAUSE_PATH */
	uint16_t q850;    /* Reason toward the caller where the peer gave none; 0: none */
};

const char *cause_word(enum cause cause);

/* Judges one event of a trunk. */
struct cause_verdict cause_judge(const struct cause_event *e, const struct conf_trunk *trunk);

#endif
