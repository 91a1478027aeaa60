// SPDX-License-Identifier: MIT
/* leg: one SIP dialog, either side of a call. Legs know nothing of each other; call joins them.
 *
 *             tagged                ACK               BYE out                 200, 481, timeout
 *   EARLY ------------> EARLY/UP ---------> UP ---------------> ENDING -------------------------> GONE
 *     `---------------------------------- BYE in, failure ---------------------------------------^
 *
 * UAS leg: the caller's dialog; our To-tag is made here and stays for the call's life (SEMANTICS C.7 1).
 * UAC leg: an attempt's dialog, with a Call-ID, tags and Contact of our own; the remote tag comes with the answer.
 * In-dialog requests go to the route set or remote target where those are IP literals, else to the address the
 * dialog began with (a name in a Contact must not send the loop to the DNS).
 * Thread: su_root's. Owner: the call, in its su_home; nta's own objects are freed by leg_fini. */
#ifndef KEDGE_SIG_LEG_H
#define KEDGE_SIG_LEG_H

#include <stdbool.h>
#include <stdint.h>
#include <sofia-sip/nta.h>
#include <sofia-sip/sip.h>

#include "routing/shm/layout.h"
#include "sig/listen.h"

struct call;

#define LEG_STATES(S) S(IDLE) S(EARLY) S(UP) S(ENDING) S(GONE)
enum leg_state {
#define S(x) LEG_##x,
	LEG_STATES(S)
#undef S
	    LEG_STATE_COUNT
};

struct leg {
	struct call *call; /* borrowed */
	enum leg_state state;
	bool uas;          /* we answered the INVITE that made it */
	uint8_t transport; /* enum conf_transport of the peer */
	uint16_t iface;
	uint16_t trunk; /* index in the call's configuration */
	struct kedge_addr peer; /* where the dialog began: source of the INVITE, or the hop */
	nta_agent_t *agent;
	nta_leg_t *nta; /* NULL until begun */
	char tag[LISTEN_TOKEN];
	char *call_id;             /* in the call's home */
	sip_contact_t *contact;    /* ours, in every dialog-forming message */
	nta_incoming_t *irq;       /* the INVITE (or re-INVITE) from this side that has no final ACK yet */
	nta_outgoing_t *orq;       /* our re-INVITE toward this side */
	char branch[LISTEN_BRANCH]; /* of our last INVITE on this leg: ACK needs it */
	uint32_t invite_cseq;       /* of that INVITE */
	bool ack_wanted; /* a 2xx to our INVITE came and its ACK is still owed (offer in the 2xx) */
};

const char *leg_state_name(enum leg_state s);

/* Begins the caller's dialog from its INVITE: nta leg with our tag, route set, Contact. msg is not consumed. */
int leg_begin_uas(struct leg *l, nta_agent_t *agent, const sip_t *sip, const struct kedge_addr *source);

/* Begins a dialog of ours: from and to as header text without tags. */
int leg_begin_uac(struct leg *l, nta_agent_t *agent, const char *from, const char *to,
    const struct kedge_addr *hop);

/* Takes the remote tag, route set and target from a dialog-forming response. early: from a 1xx. */
void leg_answered(struct leg *l, const sip_t *sip, bool early);

/* Where in-dialog requests go: a URL text in home (IP literal and transport), or NULL: as nta finds it. */
char *leg_route(struct leg *l, su_home_t *home);

/* ACK for a 2xx to our last INVITE on this leg, with body if not NULL. */
void leg_ack(struct leg *l, const char *body, const char *content_type);

/* BYE, with a Reason header if not NULL; the leg is GONE when the peer answered or never will. */
void leg_bye(struct leg *l, const char *reason);

/* Frees the dialog at nta. Requests for it are answered 481 from then on. */
void leg_fini(struct leg *l);

#endif
