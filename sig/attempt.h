// SPDX-License-Identifier: MIT
/* attempt: one try on one hop. An INVITE, its timers, the CANCEL race, and the long tail behind it.
 *
 *   CALLING --100--> PROCEEDING --18x--> RINGING --2xx--> WON
 *      |  \             |   \               |  \
 *      |   `3xx-6xx, transport---------------------------> DONE
 *      |                |                   |
 *      | no byte, give up: transaction gone, INVITE off the wire
 *      v                v 1xx seen, give up: CANCEL, and stay
 *   ABANDONED --1xx--> CANCELLING --3xx-6xx, 64*T1--> DONE
 *      |                |
 *      `------2xx-------+--> the caller still waits and nobody answered: WON (saves the call)
 *                       `--> else LOST: ACK and BYE; DONE when the BYE is answered
 *
 * ABANDONED has no transaction at nta: late answers arrive as strays and are matched by branch (attempt_stray).
 * A late 18x there rings on if the live branch has shown nothing (the first that rings keeps the call),
 * else it is answered by our own CANCEL at once.
 * Thread: su_root's. Owner: the call's su_home; an attempt lives until its last late answer can come (64*T1). */
#ifndef KEDGE_SIG_ATTEMPT_H
#define KEDGE_SIG_ATTEMPT_H

#include <stdbool.h>
#include <stdint.h>
#include <sofia-sip/nta.h>
#include <sofia-sip/sip.h>

#include "sig/leg.h"

#define ATTEMPT_STATES(S)                                                                          \
	S(IDLE) S(CALLING) S(PROCEEDING) S(RINGING) S(ABANDONED) S(CANCELLING) S(WON) S(LOST) S(DONE)
enum attempt_state {
#define S(x) ATTEMPT_##x,
	ATTEMPT_STATES(S)
#undef S
	    ATTEMPT_STATE_COUNT
};

struct attempt {
	struct call *call;    /* borrowed */
	struct attempt *next; /* of the call, oldest first */
	struct attempt *hash_next;
	enum attempt_state state;
	uint8_t index;  /* in its call, from 0 */
	uint8_t end;    /* outside end of the anchor, KEDGE_LIVE_NONE: none */
	bool late;      /* given up: an answer saves the call only while nobody else answered */
	bool proved;    /* the hop was heard since the INVITE (a silence check was answered) */
	uint16_t hop;   /* slot of the trunk table */
	uint16_t trunk; /* index in the configuration */
	struct leg leg;
	nta_outgoing_t *orq; /* NULL once abandoned or done */
	char *ruri;          /* Request-URI as sent */
	char *route;         /* URL of the hop */
	uint16_t status;     /* last response; 0: none. Local verdicts: attempt.failure */
	uint8_t failure;     /* enum failure_class of the outcome */
	uint16_t best_1xx;
	uint32_t retry_after_s;
	uint64_t begun_ns, first_reply_ns, ringing_ns, ended_ns;
	uint64_t due_ns[5]; /* first_response or progress; check; ring; cancel wait; late window. 0: off */
};

const char *attempt_state_name(enum attempt_state s);

/* A response that no transaction took. true: it belonged to an attempt, and msg was consumed. */
bool attempt_stray(nta_agent_t *agent, msg_t *msg, sip_t *sip);

#endif
