// SPDX-License-Identifier: MIT
/* call: one call through kedge. The caller's leg, the plan, the attempts, the anchor, and every rule between them.
 *
 *   SETUP ----2xx of an attempt----> ANSWERED ----ACK----> UP ---BYE either side---> ENDING ---> GONE
 *     |  \                              `-----ACK never came: BYE both--------------^            ^
 *     |   `---plan exhausted, STOP outcome: final to the caller---------------------------------/
 *     `------caller gone (CANCEL, BYE, transport lost): CANCEL to every branch------------------'
 *
 * GONE: nothing is owed to the caller any more; the call lives on while a branch may still answer (64*T1), so that
 * a late 2xx gets its ACK and BYE. SEMANTICS C.7 is written here; each of its rules has a scenario.
 * One deadline: the setup budget. Attempts are given what is left of it; no timer of theirs can cut it short.
 * One su_timer per call; what is due next is computed from the deadlines of call and attempts.
 * Thread: su_root's. Owner: itself: a su_home, freed when its last transaction and branch are done. */
#ifndef KEDGE_SIG_CALL_H
#define KEDGE_SIG_CALL_H

#ifdef LIB_URING_H
#error "sig does not know io_uring: media does (STYLE 3)"
#endif

#include <stdbool.h>
#include <stdint.h>
#include <sofia-sip/nta.h>
#include <sofia-sip/su_alloc.h>

#include "config/conf.h"
#include "routing/shm/segment.h"
#include "sig/anchor.h"
#include "sig/attempt.h"
#include "sig/leg.h"

#define CALL_STATES(S) S(SETUP) S(ANSWERED) S(UP) S(ENDING) S(GONE)
enum call_state {
#define S(x) CALL_##x,
	CALL_STATES(S)
#undef S
	    CALL_STATE_COUNT
};

/* Starts the module: counters and tables of seg, timers on root. */
int call_init(const struct segment *seg, su_root_t *root);
void call_fini(void);

struct call_request { /* what ingress knows about an INVITE it lets in */
	unsigned iface;
	nta_agent_t *agent;
	const struct conf *conf; /* borrowed: the call takes a reference */
	uint16_t trunk;          /* it came from */
	uint16_t max_forwards;   /* already counted down */
	uint16_t profile;        /* of the route */
	const char *number;      /* as the route matched it */
	const char *loop;        /* our loop tokens so far, or NULL */
	struct kedge_addr source;
};

/* Takes an INVITE (msg is consumed) and begins a call. Whatever fails is answered on the spot. */
void call_begin(const struct call_request *r, msg_t *msg, sip_t *sip);

/* Calls alive for the operator: in setup or up (not tails). */
uint32_t call_count(void);

/* Ends every call: BYE to those that are up, CANCEL and 503 to those in setup. */
void call_end_all(const char *reason);

/* Calls and tails: 0 when nothing is left that could still need the loop. */
uint32_t call_pending(void);

const char *call_state_name(enum call_state s);

#endif
