// SPDX-License-Identifier: MIT
/* call: one call through kedge. The caller's leg, the plan, the attempts, the anchor, and every
 * rule between them.
 *
 *   SETUP --2xx of an attempt--> ANSWERED --ACK--> UP --BYE either side--> ENDING --> GONE
 *     |  \                         `---ACK never came: BYE both-------------^          ^
 *     |   `--plan exhausted, STOP outcome: final to the caller-------------------------/
 *     `-----caller gone (CANCEL, BYE, transport lost): CANCEL to every branch---------'
 *
 * GONE: nothing is owed to the caller any more; the call lives on while a branch may still answer
 * (64*T1), so that a late 2xx gets its ACK and BYE. What to try, for how long, and who has the call
 * says routing/decide; here it is done. What holds across attempts (the first answer binds, a branch given
 * up may still answer, a caller who is gone starts nothing) is written here and there, and each
 * rule has a scenario. One su_timer per call: the least of the deadlines of call and attempts.
 *
 *   call.c      begin, ACK, end: the states and the timer
 *   setup.c     the hunt: attempts, what they tell, what the caller gets
 *   inform.c    180 to a caller who would wait in silence
 *   voice.c     what kedge itself lets the caller hear
 *   rel100.c    reliable provisional answers to the caller (RFC 3262)
 *   early.c     UPDATE before the answer, either side
 *   reinvite.c  offers inside the dialog, and what a side was told too early
 *   refresh.c   the session timer of each leg (RFC 4028)
 *   inside.c    INFO and MESSAGE
 *   digits.c    DTMF by INFO where the other side has it otherwise
 *   report.c    decision record, call.end, CDR, the operator's board
 *   recall.c    what is kept of it for `kedge why` and `kedge trace`
 *
 * Thread: su_root's. Owner: itself: a su_home with a count of holds: one for being alive, one per
 * open attempt, BYE, anchor. */
#ifndef KEDGE_SIG_CALL_H
#define KEDGE_SIG_CALL_H

#ifdef LIB_URING_H
#error "sig does not know io_uring: media does"
#endif

#include <stdbool.h>
#include <stdint.h>
#include <sofia-sip/nta.h>
#include <sofia-sip/su_alloc.h>
#include <sofia-sip/su_wait.h>
#include <sofia-sip/tport.h>

#include "config/conf.h"
#include "routing/decide.h"
#include "routing/health.h"
#include "routing/plan.h"
#include "routing/shm/segment.h"
#include "sig/attempt.h"
#include "sig/bridge/bridge.h"
#include "sig/bridge/digits.h"
#include "sig/dialog/early.h"
#include "sig/dialog/inside.h"
#include "sig/dialog/leg.h"
#include "sig/dialog/rel100.h"

#define CALL_STATES(S) S(SETUP) S(ANSWERED) S(UP) S(ENDING) S(GONE)
enum call_state {
#define S(x) CALL_##x,
	CALL_STATES(S)
#undef S
	    CALL_STATE_COUNT
};

enum call_by {
	CALL_BY_NOBODY,
	CALL_BY_CALLER,
	CALL_BY_CALLEE,
	CALL_BY_KEDGE
}; /* as enum cdr_ended_by */

struct call {
	su_home_t home[1];
	enum call_state state;
	uint32_t holds;
	uint64_t id;
	struct call *next, *prev; /* all calls, tails too */
	const struct conf *conf;  /* one reference */
	struct plan plan;
	struct decide decide;
	struct bridge bridge;
	struct leg caller;
	struct rel100 rel100; /* its reliable provisional answers */
	struct early early;   /* an offer in an early dialog */
	struct attempt *attempts, *winner; /* oldest first */
	struct decide_final final;
	su_timer_t *timer;
	uint64_t timer_ns;          /* when it is set for, 0: not */
	uint64_t next_ns;           /* ask decide again then, 0: not */
	uint64_t repeat_ns;         /* say the last 18x again then */
	uint64_t inform_ns;         /* the caller has waited long enough then, 0: it knows, or never */
	uint64_t inform_timer_ns;   /* look then whether that is so */
	struct decide_final announce; /* what it is told once it heard why */
	uint64_t announce_ns;       /* then; 0: it hears nothing of the kind */
	struct decide_step delayed; /* a TRY that waits for its time (491) */
	uint64_t delayed_ns;
	msg_t *invite;  /* the caller's, until the outcome */
	tport_t *tport; /* its TCP connection, watched until the outcome */
	int pending;    /* at that transport */
	char *number, *loop;
	uint32_t caller_cseq;   /* of its INVITE */
	char *from, *from_name; /* the caller's number and name, as it said them */
	uint16_t max_forwards;
	uint16_t told_1xx; /* last provisional status the caller got, and whether with SDP */
	bool told_sdp;
	bool reported, media_done, unrestorable;
	bool counted; /* among the calls of its trunks (max_calls) */
	bool announced;   /* it heard why, once */
	bool silent_told; /* its callee's end fell silent: health knows */
	uint8_t heard_end; /* 1 + the outside end that was heard, until health knows; 0: none */
	uint16_t code;   /* final status the caller got */
	uint8_t by;      /* enum call_by */
	const char *why; /* static: of the end */
	uint64_t begun_ns, ringing_ns, answered_ns, ended_ns;
	uint64_t begun_wall_ms, answered_wall_ms;
	struct leg *ack_owed; /* its 2xx had the offer: ACK when the other side answered it */
	struct leg *answer_due; /* our 2xx to its INVITE had the offer: its ACK brings the answer */
	struct inside *inside;  /* requests under way through it */
	struct digits digits;   /* those that came as INFO, or go as one */
	const char *cancel_reason; /* of the CANCELs that go out from now on; NULL: none */
	uint64_t headless_ns;   /* a leg is dead: the call lives no longer than this, 0: none is */
};

struct call_deps {
	const struct segment *seg;
	su_root_t *root;
	struct health *health;
	void (*check)(uint16_t hop); /* sends an OPTIONS to a hop: a silence check */
	void (*gone)(void);          /* a call left memory; or NULL */
};

struct call_request { /* what ingress knows about an INVITE it lets in */
	unsigned iface;
	nta_agent_t *agent;
	const struct conf *conf; /* borrowed: the call takes a reference */
	uint16_t trunk;          /* it came from */
	uint16_t max_forwards;   /* already counted down */
	const char *number;      /* as the route matched it */
	const char *loop;        /* value of our loop header for the next INVITE */
	struct plan plan;
	struct kedge_addr source;
};

/* 0, or a negative errno. conf: for T1 and drain. */
int call_init(const struct call_deps *deps, const struct conf *conf);
void call_fini(void);

/* Takes an INVITE (msg is consumed) and begins a call. Whatever fails is answered on the spot. */
void call_begin(const struct call_request *r, msg_t *msg, sip_t *sip);

/* Calls alive for the operator: in setup or up (not tails). */
uint32_t call_count(void);
/* Calls and tails. */
uint32_t call_pending(void);

/* The latest call, ->next: the one before; tails too. */
const struct call *call_first(void);

/* A number that no other call has: of an INVITE that became none. */
uint64_t call_new_id(void);

/* Ends every call: BYE to those that are up, CANCEL and 503 to those in setup. */
void call_end_all(const char *why);

const char *call_state_name(enum call_state s);

/* ---- for legs, attempts and the other files of call ----------------------------------------- */

void call_hold(struct call *c);
/* The last release frees the call. */
void call_release(struct call *c);

/* The one place where a call changes its state. The caller holds it. */
void call_enter(struct call *c, enum call_state to);
/* Sets the timer anew: after every change of a deadline. */
void call_arm(struct call *c);
/* What another process, and the operator, would want to know has changed. */
void call_changed(struct call *c);
/* The setup is over: the caller's connection and its INVITE are let go. */
void call_unwatch(struct call *c);
/* test.time_scale: durations of ours are divided by it. */
uint32_t call_scale(void);

struct kedge_sig_counters *call_counters(void);
const struct call_deps *call_deps(void);
const char *call_agent_text(const struct call *c); /* User-Agent, Server; NULL: none */

/* Is addr one of the addresses of that trunk? */
bool call_source_is(
    const struct call *c, uint16_t trunk, unsigned iface, const struct kedge_addr *addr);

void call_unexpected(const struct call *c, const char *state, const char *event);
void call_count_ghost(void);

/* What the caller's CANCEL said of why, cleaned; "" nothing. */
void call_cancel_reason(struct call *c, const char *reason);

/* An attempt speaks. Anything received; what a 1xx means for its branch; does a 2xx have the call;
 * it has; it failed; its path was lost after a 1xx, which is no outcome, or before any; it ended after it was given up. */
void call_on_reply(struct call *c, struct attempt *a);
enum decide_reply call_on_progress(struct call *c, struct attempt *a, const sip_t *sip);
bool call_takes(struct call *c, struct attempt *a);
void call_on_answer(struct call *c, struct attempt *a, const sip_t *sip);
void call_on_failure(struct call *c, struct attempt *a, const sip_t *sip);
void call_on_path_lost(struct call *c, struct attempt *a);
void call_on_lost(struct call *c, struct attempt *a);
void call_on_over(struct call *c, struct attempt *a, const sip_t *sip, bool cancelled_by_us);

/* A leg speaks. Is it of the call still? Not a branch that lost: it must not end or change what
 * others have. */
bool call_has(const struct call *c, const struct leg *l);
void call_on_bye(struct call *c, struct leg *l, nta_incoming_t *irq, const sip_t *sip);
void call_on_offer(struct call *c, struct leg *l, nta_incoming_t *irq, const sip_t *sip); /* INVITE, UPDATE */
void call_leg_gone(struct call *c, struct leg *l);

/* The answered call ends: BYE to whoever did not say it. reason: value of a Reason header, or
 * NULL. */
void call_end(struct call *c, enum call_by by, const char *why, const char *reason);

/* reinvite.c: what is pending is answered 487 and forgotten. */
void reinvite_abort(struct call *c);
/* The least deadline of exchanges and session timers, 0: none; and what is due. */
uint64_t reinvite_due(const struct call *c);
void reinvite_tick(struct call *c, uint64_t now_ns);
/* An end that ought to speak is silent: the end of a call whose signaling is dead too. */
void reinvite_silent(struct call *c);
/* After the caller's ACK: tell it what holds, if the answer it got does not; and the callee, if it
 * has yet to learn what the caller answered to a late offer. */
void reinvite_correct(struct call *c);

/* report.c: once, when the call is GONE and media gave its counters; and the operator's board, at
 * each change. */
void report_call(struct call *c);
void report_begin(struct call *c);
void report_change(struct call *c);

/* The hop of its callee, if that is known still: a plane before this one may have had it. NULL otherwise; *slot: its own. */
const struct health_hop *call_hop(const struct call *c, uint16_t *slot);

/* The body of a message; its type is valid until the next call. */
struct bridge_body call_body(const sip_t *sip);
/* The leg of the callee, NULL before the answer; and what bridge knows about a leg. */
struct leg *call_callee(struct call *c);
struct bridge_side *call_side(struct call *c, const struct leg *l);

#endif
