// SPDX-License-Identifier: MIT
/* bridge: what each side of a call was told about media, and the anchor that makes it true. Joins
 * offer and anchor.
 *
 *   bridge_open     the caller's offer, a slot, the inside end
 *   bridge_outside  an outside end and the offer for one attempt; after the first answer cut to it
 *   bridge_answer   an answer from an attempt. The first binds what the caller sees (SEMANTICS C.7
 *                   1): o= id and version, port, types; later ones move media and repeat it
 *   bridge_late     late offer: the answer that came in the caller's ACK
 *   bridge_reoffer, bridge_reanswer, bridge_reject
 *                   a re-INVITE of either side: nothing changes before its answer
 *
 * Bodies come back in memory of the call's home, valid until the next call of that function.
 * Thread: su_root's. Owner: the call. Errors: negative errno; bridge_status() makes them answers. */
#ifndef KEDGE_SIG_BRIDGE_H
#define KEDGE_SIG_BRIDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sofia-sip/su_alloc.h>

#include "config/conf.h"
#include "sig/anchor.h"
#include "sig/offer.h"

struct bridge_side {    /* one leg */
	uint16_t trunk; /* in the configuration */
	uint8_t end; /* of the anchor: KEDGE_END_INSIDE or an outside end; KEDGE_LIVE_NONE: none */
	struct kedge_addr peer;     /* where its SIP comes from */
	struct offer_origin origin; /* our o= toward it */
	char *ours, *theirs;        /* the last bodies that hold; NULL: none yet */
	bool theirs_offered;        /* theirs was an offer: its rtcp-mux counts */
};

struct bridge {
	struct anchor anchor;
	su_home_t *home;         /* borrowed: the call's */
	const struct conf *conf; /* borrowed */
	struct bridge_side caller;
	bool late;  /* the caller's INVITE had no offer */
	bool bound; /* the caller has an answer: caller.ours */
	bool
	    differs; /* the answer that won is not what the caller was told: it needs a re-INVITE */
	bool held;   /* one side does not send, or does not want to hear */
	const char *why; /* the last answer that did not do: a word for the log */
	char *pending_theirs, *pending_ours; /* of a re-INVITE without an answer yet */
	char codec[20];
};

struct bridge_body {      /* of a SIP message, borrowed */
	const char *type; /* Content-Type, or NULL */
	const char *data;
	size_t length; /* 0: none */
};

/* Begins: side.trunk and side.peer of b->caller are set by the caller. owner: for anchor events.
 * -ENOSPC, -ENOBUFS, -EADDRNOTAVAIL: no anchor; -EMEDIUMTYPE, -EINVAL, -EMSGSIZE, -ENODATA: the
 * body. */
int bridge_open(struct bridge *b, unsigned iface, uint64_t call_id, const struct bridge_body *body,
    void *owner);

/* Makes an outside end toward side->peer and the offer for it (*body NULL: late offer). Errors as
 * above, -EMFILE. */
int bridge_outside(
    struct bridge *b, struct bridge_side *side, unsigned iface, unsigned hop, const char **body);

/* Takes the SDP of an attempt's 1xx or 2xx. *out: the body for the caller, NULL: none. 0, or
 * -EPROTO: it cannot stand beside what was offered or what the caller was told. final: a 2xx,
 * which must have brought an answer by now. */
int bridge_answer(struct bridge *b, struct bridge_side *side, const struct bridge_body *body,
    bool final, const char **out);

/* Late offer: the caller's answer. *out: the body of the ACK to the callee. */
int bridge_late(
    struct bridge *b, struct bridge_side *side, const struct bridge_body *body, const char **out);

/* A new offer from one side. *out: the offer for the other side; NULL if body is empty (an offer
 * is asked for). */
int bridge_reoffer(struct bridge *b, struct bridge_side *from, struct bridge_side *to,
    const struct bridge_body *body, const char **out);

/* The answer of `to` to it. *out: the answer for `from`. On an error nothing has changed. */
int bridge_reanswer(struct bridge *b, struct bridge_side *from, struct bridge_side *to,
    const struct bridge_body *body, const char **out);

/* It was refused: what held before still holds. */
void bridge_reject(struct bridge *b);

/* The offer that tells the caller what holds now, after an answer that differs from what it was
 * told. */
int bridge_correct(struct bridge *b, const struct bridge_side *callee, const char **out);

/* Gives an attempt's outside end back. */
void bridge_drop(struct bridge *b, struct bridge_side *side);

/* Status for the caller: 488, 415, 400, 413, 503; 500 for anything else. */
int bridge_status(int err);

#endif
