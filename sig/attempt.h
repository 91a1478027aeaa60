// SPDX-License-Identifier: MIT
/* attempt: one try on one hop. An INVITE, its deadlines, the CANCEL race, and the long tail behind.
 *
 *   CALLING ---100---> PROCEEDING ---18x---> RINGING ---2xx---> WON
 *      |  \                |   \                |  \
 *      |   `--3xx-6xx, refused, Timer B----------`--`---------> DONE
 *      |                   |                    |
 *      | no byte, given up |                    | given up: CANCEL, and stay
 *      | or connection lost|                    |
 *      v                   v                    v
 *   ABANDONED ------1xx--> CANCELLING --3xx-6xx, 64*T1--------> DONE
 *      | ^ 18x, while the live branch showed nothing: RINGING (the first that rings keeps the call)
 *      |                    |
 *      `---------2xx--------+--> the caller waits and nobody answered: WON (it saves the call)
 *                           `--> else ACK and BYE; DONE
 *
 * ABANDONED has no transaction at nta (its INVITE would ring a phone that comes back): late answers
 * arrive as strays and are matched by branch. A path that is lost after a 1xx (TCP connection, ICMP) is
 * no outcome, the callee may be ringing: the transaction stays and takes its answer from any connection
 * (RFC 3261 18.2.2). A branch is remembered for 64*T1 after its attempt is
 * over too, so that a 2xx after the final still gets its ACK and BYE: no ghost legs.
 * An attempt knows no other attempt and no rule about the caller: call decides, attempt does.
 * Thread: su_root's. Owner: the call's su_home. */
#ifndef KEDGE_SIG_ATTEMPT_H
#define KEDGE_SIG_ATTEMPT_H

#include <stdbool.h>
#include <stdint.h>
#include <sofia-sip/nta.h>
#include <sofia-sip/sip.h>

#include "routing/decide.h"
#include "sig/bridge/bridge.h"
#include "sig/dialog/fork.h"
#include "sig/dialog/leg.h"
#include "sig/dialog/redirect.h"

#define ATTEMPT_STATES(S)                                                                          \
	S(IDLE) S(CALLING) S(PROCEEDING) S(RINGING) S(ABANDONED) S(CANCELLING) S(WON) S(DONE)
enum attempt_state {
#define S(x) ATTEMPT_##x,
	ATTEMPT_STATES(S)
#undef S
	    ATTEMPT_STATE_COUNT
};

/* What a UDP hop gets its INVITE over. */
enum attempt_over {
	ATTEMPT_OVER_OWN,  /* the hop's transport */
	ATTEMPT_OVER_LONG, /* TCP, for it is longer than udp_mtu: UDP again where no connection stands */
	ATTEMPT_OVER_TCP   /* TCP, for UDP was refused with 513 */
};

/* Deadlines, monotonic ns, 0: off. The call looks at them; attempt_* set them only where said. */
enum attempt_due {
	ATTEMPT_DUE_DECIDE,  /* ask routing/decide: silence check, give up */
	ATTEMPT_DUE_CONNECT, /* TCP: no connection by then */
	ATTEMPT_DUE_WAIT,    /* after CANCEL: go on without its final */
	ATTEMPT_DUE_WINDOW,  /* the last late answer: set by attempt_give_up */
	ATTEMPT_DUE_COUNT
};

struct attempt {
	struct call *call;    /* borrowed */
	struct attempt *next; /* of the call, oldest first */
	struct attempt *hash_next;
	enum attempt_state state;
	uint8_t index; /* in its call, from 0 */
	bool given_up; /* nobody waited for it any more; a late 2xx may still have won */
	bool waits;    /* given up after a 1xx: the hunt waits for its final */
	bool path_lost; /* after a 1xx; told once */
	bool offerless; /* its INVITE had no offer */
	uint8_t over;   /* enum attempt_over */
	uint32_t bytes; /* of its INVITE, or some more; known where udp_mtu asks */
	bool counted;  /* its final response, once */
	bool internal; /* status is a verdict of our own stack, not a reply */
	uint8_t cause; /* enum cause: why it ended, or was given up and still waits for its final */
	uint16_t hop;  /* slot of the trunk table */
	uint16_t trunk;                /* index in the configuration */
	uint16_t status;               /* last response, 0: none */
	uint16_t best_1xx, told_1xx;   /* highest; last that was looked at */
	struct decide_outcome outcome; /* of its final: code, Reason, Retry-After */
	char reason[120];              /* its Reason, as it may be said (failure_reason) */
	struct leg leg;
	char branch[LISTEN_BRANCH]; /* of this INVITE, what it is found by; the leg's changes with each re-INVITE */
	struct fork *forks; /* its early dialogs, oldest first */
	struct bridge_side side;
	struct redirect redirect; /* where its 3xx leads; of one that follows a 3xx: where it goes */
	nta_outgoing_t *orq; /* NULL while IDLE, ABANDONED, after the end */
	char *ruri;          /* Request-URI as sent */
	char route[LEG_ROUTE];
	uint64_t begun_ns, reply_ns, ringing_ns, ended_ns; /* 0: not yet */
	uint64_t due_ns[ATTEMPT_DUE_COUNT];
};

struct attempt_invite {               /* what the INVITE says; all text borrowed for the call */
	const char *ruri, *from, *to; /* Request-URI; From and To without tags */
	const char *contact_user;     /* escaped; "": none */
	const char *headers;          /* further header lines, each with its end; or NULL */
	struct bridge_body body;      /* length 0: none */
	const char *supported, *require; /* option tags, or NULL */
	bool offers;                     /* the body has an offer */
	unsigned max_forwards;
	uint32_t udp_mtu; /* longer ones go over TCP where the interface has it; 0: none does */
	bool tcp;         /* whatever the transport of the hop */
	const char *user_agent; /* NULL: none */
};

const char *attempt_state_name(enum attempt_state s);

/* t1_ms: T1 of the agents. */
void attempt_init(uint32_t t1_ms);

/* Begins leg B toward hop and sends the INVITE. 0; -EINVAL, -ENOMEM, -EIO: nothing was sent. */
int attempt_send(struct attempt *a, nta_agent_t *agent, const struct kedge_addr *hop,
    unsigned transport, const struct attempt_invite *inv);

/* One that goes over TCP and has no connection: nothing was sent, nothing will be, and it is IDLE again, for another way. */
void attempt_unsend(struct attempt *a);

/* Nobody waits for it any more: without a byte from the hop the INVITE goes off the wire and the
 * branch is kept, after a 1xx it is cancelled. Nothing happens to one that is over. */
void attempt_give_up(struct attempt *a);

/* A branch given up without a byte rings, and now has the call. */
void attempt_revive(struct attempt *a);

/* A branch given up without a byte showed a 1xx: CANCEL it now. */
void attempt_cancel_late(struct attempt *a);

/* The window of late answers is over, or the call is: no callback follows. */
void attempt_end(struct attempt *a);

/* Frees what nta holds and forgets the branch in 64*T1. With the call only. */
void attempt_fini(struct attempt *a);

/* TCP: its connection stands, or stood. */
bool attempt_connected(const struct attempt *a);

/* True while an answer could still come. */
bool attempt_open(const struct attempt *a);

/* The transport of a request of ours failed. true: it is an INVITE of an attempt whose INVITE may have
 * arrived; its transaction stays, or is gone, and nta must not hear of it. */
bool attempt_path_lost(nta_outgoing_t *orq);

/* May an answer to this branch come from there: from the hop's address, or one of its trunk's? One that is no branch of an
 * attempt may come from anywhere. */
bool attempt_may_answer(const char *branch, const struct kedge_addr *from);

/* A response that no transaction took. true: it was of one of our branches, and msg is consumed. */
bool attempt_stray(unsigned iface, nta_agent_t *agent, msg_t *msg, sip_t *sip);

#endif
