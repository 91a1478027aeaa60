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

/* What had the last word on `action`. */
#define CAUSE_BYS(B)                                                                               \
	B(ROW, "")                          /* the table's row */                                  \
	B(NEXT_RULE, "codes.next")          /* the trunk's own lists of codes */                   \
	B(STOP_RULE, "codes.stop")                                                                 \
	B(STRICT, "codes_preset=strict")                                                           \
	B(ADVANCE, "advance_after")         /* a phone may have rung, or may not: it stays here */ \
	B(UNMENDED, "nothing to mend")      /* the row's SAME: the request could not be repaired */ \
	B(MENDED, "mended once already")
enum cause_by {
#define B(id, word) CAUSE_BY_##id,
	CAUSE_BYS(B)
#undef B
	    CAUSE_BY_COUNT
};

struct cause_verdict {
	uint8_t action;   /* enum cause_action */
	uint8_t health;   /* CAUSE_F | ... */
	bool hop;         /* NEXT: another hop of the same target may be tried first */
	uint16_t code;    /* as the trunk's map reads it; 0 without a status */
	uint16_t caller;  /* status to the caller if this is the outcome; CAUSE_PATH */
	bool again;       /* NEXT: the path or its load, not this call: the same trunk may take it after a while */
	uint16_t q850;    /* Reason toward the caller where the peer gave none; 0: none */
	uint8_t row;      /* of the table: cause_row_text() */
	uint8_t by;       /* enum cause_by */
	bool no_count;    /* codes.no_count took its health away */
};

const char *cause_word(enum cause cause);
const char *cause_action_word(enum cause_action action);
const char *cause_by_word(enum cause_by by);

/* A row in words, as SEMANTICS C.2 calls it: "503 no Retry-After", "480 Q.850 of congestion", "silent", "400-499". rows: how many there are. */
#define CAUSE_ROW_TEXT 64
const char *cause_row_text(unsigned row, char out[static CAUSE_ROW_TEXT]);
unsigned cause_rows(void);

/* "F+L"; "-" for none. */
#define CAUSE_HEALTH_TEXT 8
const char *cause_health_text(uint8_t health, char out[static CAUSE_HEALTH_TEXT]);

/* Judges one event of a trunk. */
struct cause_verdict cause_judge(const struct cause_event *e, const struct conf_trunk *trunk);

#endif
