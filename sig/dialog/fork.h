// SPDX-License-Identifier: MIT
/* fork: the early dialogs of an attempt. One INVITE may reach several phones, and each that answers
 * brings a To-tag, and with it a dialog of its own (RFC 3261 12.1, 13.2.2.4): route set, remote
 * target, CSeq line, RSeq line, SDP. One of them, chosen by the 2xx, becomes the leg's dialog.
 *
 *   1xx --fork_take--> PLAIN  nothing to acknowledge
 *                      FIRST  reliable (RFC 3262) and next in its dialog: PRACK sent, or owed
 *                      AGAIN  one that was taken, or a gap before it: neither heard nor acknowledged
 *
 * A PRACK is owed while it has to bring the answer to an offer in the 1xx; fork_settle() sends what
 * is still owed, with all lines refused, before the branch is cancelled. Our stack's own PRACK
 * counts one RSeq line per transaction, so it is not used.
 * Thread: su_root's. Owner: the attempt; memory of the call's home. */
#ifndef KEDGE_SIG_DIALOG_FORK_H
#define KEDGE_SIG_DIALOG_FORK_H

#include <stdbool.h>
#include <stdint.h>
#include <sofia-sip/nta.h>
#include <sofia-sip/sip.h>

#include "sig/bridge/bridge.h"

#define FORK_MAX 16 /* early dialogs of one attempt; a phone more is not acknowledged */

struct attempt;

struct fork {
	struct fork *next; /* oldest first */
	const char *tag;   /* its To-tag */
	nta_leg_t *nta;    /* NULL: the leg's own, so of one of them at most */
	uint32_t rseq;     /* last one taken, 0: none */
	uint32_t owed;     /* RSeq of a 1xx whose offer is not answered yet, 0: none */
	bool updates;      /* its Allow has UPDATE */
	bool agreed;       /* offer and answer are both there, acknowledged: it may have another */
	char *sdp;         /* what it said last, or NULL */
};

enum fork_take { FORK_PLAIN, FORK_FIRST, FORK_AGAIN };

/* A 1xx above 100. Where the INVITE had no offer, the first SDP said reliably is one, and its PRACK is owed. */
enum fork_take fork_take(struct attempt *a, const sip_t *sip);

/* Is it reliable (RFC 3262 4)? */
bool fork_reliable(const sip_t *sip);

/* The early dialog of a response's To-tag; NULL: none. */
struct fork *fork_find(const struct attempt *a, const char *tag);

struct fork *fork_of_dialog(const struct attempt *a, const nta_leg_t *dialog);
nta_leg_t *fork_dialog(const struct attempt *a, const struct fork *f);

/* Sends the PRACK that is owed, with the answer. */
void fork_prack(struct attempt *a, struct fork *f, const char *body);

/* What the 2xx means: its own SDP, else what its dialog said before; that alone, once it is agreed on
 * (RFC 3261 13.2.1: later ones in the transaction are ignored). */
struct bridge_body fork_said(const struct attempt *a, const sip_t *sip);

/* Is a PRACK owed? */
bool fork_owes(const struct attempt *a);

/* Sends all that are owed, with the answer. */
void fork_answer(struct attempt *a, const char *body);

/* No answer will come: what is owed goes out with all lines of the offer refused. */
void fork_settle(struct attempt *a);

/* The 2xx: its dialog is the leg's from now on. */
void fork_answered(struct attempt *a, const sip_t *sip);

/* The highest CSeq used in any dialog of the attempt. */
uint32_t fork_seq(const struct attempt *a);

void fork_fini(struct attempt *a);

#endif
