// SPDX-License-Identifier: MIT
/* decide: plan, health and what was tried -> the next hop, or a final answer and its reason.
 *
 * The core of failover. Pure: no I/O, no clock (now_ns: monotonic), no allocation, no threads; kedge-sig, `kedge
 * explain`, the model tests and bench/decide run this same code. What a call learns on its way is told to health.
 *
 *   decide_init
 *   decide_next --TRY--> INVITE to out.hop --+--decide_due at out.due_ns: CHECK (OPTIONS to the hop), GIVE_UP(cause)
 *      ^  | `--WAIT--> until an attempt speaks, or out.wait_ns
 *      |  `--FINAL--> answer the caller       +--1xx: decide_reply
 *      `------------- decide_outcome <--------`--2xx: decide_reply, then decide_answered; 3xx-6xx, give-up, transport
 *
 * Rules kept here:
 *  - one deadline: the profile's setup budget, from decide_init. No attempt's timer outlives it.
 *  - at most max_retries + 1 targets, in the order of the plan; within a target at most max_hops hops, and another one
 *    only after silence, ICMP/RST, connect failure or 503. Never the same hop twice; SAME only as the table says.
 *  - what stands BEHIND (health_place) waits for all that stand FIRST. DOWN hops are left out while any other is usable;
 *    when nothing else is left they are tried all the same, soonest expected back first, then those LOCKED for less than
 *    a second, each by panic_rate calls a second (fail open), a DOWN one by all until a call fails there.
 *  - limits (routing/limit) are asked before an INVITE: what is too much goes on at once and counts for nobody's failure.
 *  - an emergency call is held back by none of these: not by limits, budget, max_retries, locks, the operator.
 *  - waits for a first reply or for progress end only while another usable hop or target is left.
 *  - a trunk is tried again only where nobody else is left: after a while, by retry_same of the profile.
 *  - an attempt given up without a byte may still answer: the first that rings keeps the call, and while it
 *    might save the call, nothing final is said: WAIT.
 * Owner: the caller embeds struct decide (asserted below: 2 KB at most); plan and health are borrowed. */
#ifndef KEDGE_ROUTING_DECIDE_H
#define KEDGE_ROUTING_DECIDE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "routing/cause.h"
#include "routing/decide_look.h"
#include "routing/health.h"
#include "routing/plan.h"

#define DECIDE_ATTEMPTS 16 /* of one call; then it is over */
#define DECIDE_NONE     0xff

enum decide_kind { DECIDE_TRY, DECIDE_WAIT, DECIDE_FINAL };

struct decide_limits { /* ms after the INVITE, but progress: after the first 1xx, ring: after the first 18x. 0: off */
	uint32_t connect_ms;        /* TCP: no connection by then: cause CONNECT. The sender's to watch, not decide_due's */
	uint32_t check_ms[2];       /* nothing heard by then: send the hop an OPTIONS (trunk_check) */
	uint32_t early_ms;          /* nothing at all heard by then: cause SILENT or NO_REPLY (early_cause) */
	uint32_t first_response_ms; /* no reply to the INVITE by then, though the hop lives: NO_REPLY */
	uint32_t progress_ms;       /* NO_PROGRESS */
	uint32_t ring_ms;           /* RING */
	uint8_t early_cause;
	bool last; /* nothing else is left: early_ms informs health, and the attempt waits on */
};

enum decide_attempt_state {
	DECIDE_OPEN,      /* it has the call */
	DECIDE_ABANDONED, /* given up without a final; may still answer */
	DECIDE_OVER
};

struct decide_attempt {
	uint8_t target; /* in plan->target[] */
	uint8_t state;  /* enum decide_attempt_state */
	uint8_t cause;  /* enum cause of its end, NONE: not ended */
	uint8_t checks; /* silence checks asked for */
	uint16_t hop;   /* slot of the trunk table */
	uint16_t code;  /* final status, as received */
	uint16_t best_1xx; /* 0, 100, 18x */
	uint16_t caller;   /* what its end says to the caller (cause_verdict.caller) */
	uint16_t q850;
	uint8_t run;       /* its F, for a late reply to take back */
	bool same;         /* a repaired request */
	bool panic;        /* its hop was DOWN */
	bool gone;         /* ABANDONED, and CANCELled: only a crossing 2xx may still save the call */
	bool silent_told;  /* `last`: health knows */
	bool left;         /* health counts it no longer */
	bool held;         /* counts in its trunk's max_calls */
	bool no_count;     /* codes.no_count */
	uint8_t row, by;   /* cause_verdict's: what judged its end; count: CAUSE_F ... */
	uint8_t action, count;
	uint8_t timer;     /* enum decide_timer that ended it */
	uint8_t look;      /* in decide's looks: its hop as it was known; DECIDE_NONE */
	bool again;        /* its target was tried before: retry_same */
	bool worth : 1;    /* its target may be tried again (cause_verdict.again) */
	bool stray : 1;    /* a 3xx led it to an address that is no hop: it says nothing about its hop's health */
	uint16_t same_hop; /* where its SAME goes, KEDGE_HOP_NONE: to no hop of the table */
	uint32_t retry_after_s; /* as it said, 0: nothing */
	uint64_t begun_ns, check_ns, first_ns, ringing_ns, ended_ns; /* 0: not yet */
	struct decide_limits limits;
};

/* Which wait of ours ended an attempt. */
#define DECIDE_TIMERS(T)                                                                           \
	T(NONE, "") T(SILENCE, "silence_check") T(FIRST_RESPONSE, "first_response")                \
	T(TIMER_B, "timer_b") T(PROGRESS, "progress") T(RING, "ring") T(BUDGET, "setup_budget")    \
	T(CONNECT, "connect")
enum decide_timer {
#define T(id, word) DECIDE_TIMER_##id,
	DECIDE_TIMERS(T)
#undef T
	    DECIDE_TIMER_COUNT
};

struct decide_skip {
	uint8_t why;    /* enum decide_skipped */
	uint8_t reason; /* enum health_reason of its hop */
	uint16_t code;
	uint8_t look;   /* in decide's looks, DECIDE_NONE */
};

#define DECIDE_SKIPS(S)                                                                            \
	S(NO, "") S(DISABLED, "disabled") S(DOWN, "down") S(NO_ADDRESS, "no_address")              \
	S(FULL, "max_calls") S(PANIC_RATE, "panic_rate") S(RETRIES, "max_retries")                 \
	S(CPS, "max_cps") S(BUDGET, "retry_budget") S(BEHIND, "behind")                            \
	S(LOCKED, "locked") S(DRAINING, "draining") S(OFF, "off") S(CANARY, "canary")
enum decide_skipped {
#define S(id, word) DECIDE_SKIP_##id,
	DECIDE_SKIPS(S)
#undef S
	    DECIDE_SKIP_COUNT
};

struct decide {
	const struct plan *plan; /* borrowed */
	uint64_t begun_ns, deadline_ns;
	uint64_t final_ns; /* when the answer to the caller was found, 0: not yet */
	uint8_t count;   /* of attempt[] */
	uint8_t live;    /* the attempt that has the call, DECIDE_NONE: none */
	uint8_t stop;    /* the attempt whose outcome ends the hunt, DECIDE_NONE: none */
	uint8_t winner;  /* answered, DECIDE_NONE: none */
	uint8_t last;    /* the attempt whose outcome came last */
	uint8_t action;  /* enum cause_action of that outcome */
	uint8_t targets; /* tried so far */
	uint16_t on_busy; /* trunk to try next after 486, CONF_NONE: none */
	bool hop_allowed : 1; /* the last outcome lets another hop of its target try */
	bool cancelled : 1;
	bool over : 1;    /* nobody was left: FINAL */
	bool counted : 1; /* as a call, by the retry budget */
	uint8_t again_target; /* tried again at again_ns; 0: nobody waits */
	uint32_t random;
	uint64_t again_ns;
	struct decide_looks *looks; /* lent by the caller after decide_init, or NULL */
	struct decide_skip skip[PLAN_TARGETS];
	struct decide_attempt attempt[DECIDE_ATTEMPTS];
};
static_assert(sizeof(struct decide) <= 2048, "embedded in each call");

struct decide_final {
	uint16_t code;
	const char *phrase;     /* the standard one; the peer's own is kept where `from` is an attempt with the same code */
	uint8_t from;           /* attempt whose Reason header is passed on, DECIDE_NONE: none */
	uint16_t sip_cause;     /* Reason: SIP;cause=, 0: none */
	uint16_t q850;          /* Reason: Q.850;cause=, 0: none */
	uint32_t retry_after_s; /* 0: none */
	const char *why;        /* static words for record and CDR: "stop", "best_of_failures", "all_down", ... */
};

struct decide_step {
	enum decide_kind kind;
	/* TRY; WAIT: the attempt that has the call now, perhaps one given up before, or DECIDE_NONE */
	uint8_t attempt;      /* its index, for every later call */
	uint16_t trunk, hop;  /* configuration index, trunk table slot */
	uint16_t transport;   /* enum conf_transport */
	struct kedge_addr addr;
	bool same;            /* repaired request to the hop of the attempt before */
	uint32_t delay_ms;    /* SAME after 491: not before */
	uint64_t due_ns;      /* call decide_due for it then */
	/* WAIT */
	uint64_t wait_ns;     /* call decide_next then, 0: only when something happens */
	bool again;           /* `trunk` is tried again then (retry_same) */
	/* FINAL */
	struct decide_final final;
};

/* Begins a call that came in at now_ns. random: any number of the caller's, the only chance there is. */
void decide_init(struct decide *d, const struct plan *plan, uint32_t random, uint64_t now_ns);

/* What to do now. Call it after decide_init, after each outcome that asks for it, and at wait_ns. A TRY is counted as
 * begun at now_ns. FINAL stays FINAL. */
enum decide_kind decide_next(
    struct decide *d, struct health *h, uint64_t now_ns, struct decide_step *out);

/* The INVITE of attempt i goes out at now_ns, and nothing of it did before: its waits begin now. Ask decide_due when they end. */
void decide_resent(struct decide *d, unsigned i, uint64_t now_ns);

enum decide_due { DECIDE_DUE_NONE, DECIDE_DUE_CHECK, DECIDE_DUE_GIVE_UP };

/* The clock: what attempt i owes at now_ns. CHECK: send its hop a probe. GIVE_UP: *cause is its end; give the branch
 * up (without a byte: nothing is sent; NO_PROGRESS and RING: CANCEL, then wait for the 487 or 1 s), then decide_outcome, decide_next.
 * *due_ns: when to call again, 0: never. Anything heard from the hop meanwhile was told to health. */
enum decide_due decide_due(struct decide *d, struct health *h, unsigned i, uint64_t now_ns,
    uint8_t *cause, uint64_t *due_ns);

enum decide_reply {
	DECIDE_FINE,    /* of the attempt that has the call: go on */
	DECIDE_REVIVED, /* of one given up, and now it has the call: CANCEL the others */
	DECIDE_LATE     /* of one given up, and another one has progressed: CANCEL it */
};

/* A 1xx (100..199) or 2xx of attempt i. Call decide_due after it for the new due time. For a 2xx: FINE, REVIVED: it
 * wins (call decide_answered); LATE: ACK and BYE. */
enum decide_reply decide_reply(
    struct decide *d, struct health *h, unsigned i, uint16_t status, uint64_t now_ns);

/* Attempt i's 2xx was taken: the call is up. Ends the hunt. */
void decide_answered(struct decide *d, struct health *h, unsigned i, uint64_t now_ns);

struct decide_outcome {
	uint8_t cause;          /* enum cause */
	uint16_t code;          /* STATUS: the final status */
	uint16_t q850;          /* of its Reason header, 0: none */
	uint32_t retry_after_s; /* 0: none or no number */
	bool repairable;        /* the sender can do what the code asks (420, 422, ...) and send it again */
	bool moved;             /* ... to another address (3xx): */
	uint16_t hop;           /* the hop there, KEDGE_HOP_NONE: none of the table */
};

/* Attempt i ended. True: the hunt is asked, call decide_next. False: it only was evidence (an echo, a branch given up
 * long ago); nothing to do. To be told of every branch, those given up too (CANCELLED when its last answer can no
 * longer come): its hop counts it as a call until then. */
bool decide_outcome(struct decide *d, struct health *h, unsigned i, const struct decide_outcome *o,
    uint64_t now_ns);

/* The branch of attempt i cannot answer any more, or must not save the call (it was CANCELled). */
void decide_gone(struct decide *d, unsigned i);

/* The call that was answered has ended: it counts in its trunk's max_calls no longer, though decide_fini is far. */
void decide_ended(struct decide *d, struct health *h);

/* The caller is gone: no attempt starts; decide_next says FINAL 487. */
void decide_cancel(struct decide *d);

/* The call is over, and no branch of it can answer any more: hops are told. Once. */
void decide_fini(struct decide *d, struct health *h);

#define DECIDE_RECORD_MAX 7168 /* bytes that are always enough for decide_record */

/* Why each target was tried or skipped, with the evidence, as one JSON object. final: the last step's, NULL if the
 * call was answered. Returns its length; if that is not below size the text was cut. */
size_t decide_record(const struct decide *d, const struct health *h,
    const struct decide_final *final, char *buf, size_t size);

const char *decide_skip_word(enum decide_skipped why);
const char *decide_timer_word(enum decide_timer timer);

/* The reason phrase of a final status; of its class for one without a name. */
const char *decide_phrase(uint16_t code);

#endif
