// SPDX-License-Identifier: MIT
/* leg: one SIP dialog, either side of a call. Legs know nothing of each other; call joins them.
 *
 *   IDLE --begin--> EARLY --2xx (UAC), ACK (UAS)--> UP --leg_bye--> ENDING --200, 481, time--> GONE
 *                     `---------------leg_end: BYE in, never was one----------------------------^
 *
 * UAS leg: the caller's dialog; our To-tag is made here and stays for the call's life,
 * whichever attempt answers. UAC leg: an attempt's dialog, with a Call-ID, tags and Contact of our own; the remote tag
 * comes with the answer.
 * Requests inside go to the route set or remote target where those are IP literals, else to the
 * address the dialog began with: a name in a Contact must not send the loop to the DNS.
 * Thread: su_root's. Owner: the call, in its su_home; nta's own objects are freed by leg_fini. */
#ifndef KEDGE_SIG_DIALOG_LEG_H
#define KEDGE_SIG_DIALOG_LEG_H

#include <stdbool.h>
#include <stdint.h>
#include <sofia-sip/nta.h>
#include <sofia-sip/sip.h>

#include "routing/shm/layout.h"
#include "sig/dialog/farewell.h"
#include "sig/edge/listen.h"
#include "sig/dialog/refresh.h"

struct call;

#define LEG_STATES(S) S(IDLE) S(EARLY) S(UP) S(ENDING) S(GONE)
enum leg_state {
#define S(x) LEG_##x,
	LEG_STATES(S)
#undef S
	    LEG_STATE_COUNT
};

enum leg_asks { /* why we have a request of ours pending there */
	LEG_ASKS_PASS,   /* the other side asked */
	LEG_ASKS_TELL,   /* it has not heard yet what the other side does */
	LEG_ASKS_REFRESH /* session timer */
};

struct leg {
	struct call *call; /* borrowed */
	enum leg_state state;
	bool uas; /* we answered the INVITE that made it */
	bool nat; /* the peer's Contact is private and its source is not: keep to the source */
	uint8_t transport; /* enum conf_transport of the peer */
	uint16_t iface;
	uint16_t trunk;         /* index in the call's configuration */
	struct kedge_addr peer; /* where the dialog began: source of the INVITE, or the hop */
	nta_agent_t *agent;
	nta_leg_t *nta; /* NULL until begun */
	char tag[LISTEN_TOKEN];
	const char *call_id;        /* these three in the call's home, one block */
	const char *local, *remote; /* the dialog's two addresses as header text, without tags */
	sip_contact_t *contact;     /* ours, in every dialog-forming message */
	/* the INVITE, re-INVITE or UPDATE of this peer until its final answer is ACKed */
	nta_incoming_t *irq;
	nta_outgoing_t *orq; /* our re-INVITE or UPDATE toward this peer until its final answer */
	uint8_t asks;        /* enum leg_asks: of orq */
	uint8_t tries;       /* that failed, of what is to be asked again */
	bool resent;         /* the connection of orq was lost: it went out again over another */
	bool behind;         /* the peer has not heard yet what the other side does: reinvite.c tells it */
	bool dead;           /* its signaling is gone; its audio may still flow */
	bool update;         /* the peer takes UPDATE */
	uint64_t again_ns;   /* ask it again then, 0: not */
	uint64_t alone_ns;   /* answer irq then without the other side, 0: not */
	struct refresh refresh;
	nta_outgoing_t *bye;
	const char *bye_reason; /* its Reason header, or NULL; of one that waits for an ACK too */
	bool bye_again;         /* the connection of the first one was lost */
	struct farewell farewell; /* of a dead leg: it is said until somebody hears it */
	char branch[LISTEN_BRANCH]; /* of our last INVITE on this leg: its ACK needs it */
	uint32_t invite_cseq;       /* of that INVITE */
	uint32_t remote_cseq;       /* of the last request that came from the peer's own addresses */
};

/* What our Allow headers say. */
extern const char leg_allow[];

const char *leg_state_name(enum leg_state s);

/* Begins the caller's dialog from its INVITE: our tag, route set, Contact. 0, -EINVAL, -ENOMEM. */
int leg_begin_uas(
    struct leg *l, nta_agent_t *agent, const sip_t *sip, const struct kedge_addr *source);

/* Begins a dialog of ours toward a hop; from and to: header text without tags. 0, -EINVAL,
 * -ENOMEM. */
int leg_begin_uac(struct leg *l, nta_agent_t *agent, const char *from, const char *to,
    const char *contact_user, const struct kedge_addr *hop, unsigned transport);

/* Takes the remote tag (the first one stays), route set and target from a response that made the
 * dialog. final: from a 2xx, whose route set replaces that of an early one. */
void leg_answered(struct leg *l, const sip_t *sip, bool final);

/* Can a dialog be reached by this Contact (RFC 3261 8.1.1.8)? One SIP URI; NULL: no. */
bool leg_contact_ok(const sip_contact_t *contact);

/* Another early dialog of our INVITE: same Call-ID and tag of ours, its To-tag. Freed by the caller.
 * NULL: no memory. */
nta_leg_t *leg_fork(struct leg *l, const char *rtag);

/* The caller's INVITE, unanswered yet, goes on in another early dialog: a new tag of ours. What is said
 * in the old one from then on gets 481. 0 or -ENOMEM. */
int leg_fork_uas(struct leg *l);

/* Takes route set and target of an early dialog of the leg from a 1xx. */
void leg_early(struct leg *l, nta_leg_t *early, const sip_t *sip);

/* Acknowledges a reliable 1xx of that early dialog (RFC 3262), with an SDP body if not NULL. */
void leg_prack(struct leg *l, nta_leg_t *early, uint32_t rseq, const char *body);

/* Is it one of the addresses of the leg's peer? */
bool leg_may_speak(const struct leg *l, const struct kedge_addr *from);

/* Does a request come from one of the addresses of the leg's peer? */
bool leg_from_peer(const struct leg *l, nta_incoming_t *irq);

/* Value of a Supported header on this leg; NULL: none. */
const char *leg_supported(const struct leg *l);

/* Takes the new remote target of a re-INVITE or its 2xx (RFC 3261 12.2). */
void leg_retarget(struct leg *l, const sip_t *sip);

/* Where in-dialog requests go: a URL of an IP literal and transport, written to out. */
#define LEG_ROUTE 96
char *leg_route(const struct leg *l, char out[static LEG_ROUTE]);

/* A branch for a request there: who may answer is in it (branch.h). */
void leg_branch(const struct leg *l, char out[static LISTEN_BRANCH]);

/* Sends an INVITE or UPDATE inside the dialog with an SDP body (NULL: none). cb gets the responses. 0 or
 * -EIO. */
int leg_ask(struct leg *l, bool update, const char *body, nta_response_f *cb, void *magic);

/* Did the TCP connection go before this answer of our stack's own? Then nobody refused anything. */
bool leg_lost_connection(nta_outgoing_t *orq, const sip_t *sip);

/* Takes what a message of the peer says about itself: the methods it allows. */
void leg_heard(struct leg *l, const sip_t *sip);

/* The trunk of the peer, as the call's configuration has it. */
const struct conf_trunk *leg_trunk(const struct leg *l);

/* ACKs the 2xx of our last INVITE on this leg, with an SDP body if not NULL. nta repeats it. */
void leg_ack(struct leg *l, const char *body);

/* Sends BYE, with a Reason header if not NULL. call_leg_gone() follows when the peer answered or
 * never will. Where the TCP connection goes before the answer it is said once more, over another. */
void leg_bye(struct leg *l, const char *reason);

/* Sends it to that address; NULL: where requests of the dialog go. The answer is farewell's, then. False: it could not be sent. */
bool leg_send_bye(struct leg *l, const struct kedge_addr *to, unsigned transport);
/* Nothing more comes of the BYE: as after its answer. */
void leg_bye_over(struct leg *l);

/* The dialog is over without a word of ours (BYE came, or it never was). No callback. */
void leg_end(struct leg *l);

/* Frees the dialog at nta. Requests for it are answered 481 from then on. */
void leg_fini(struct leg *l);

#endif
