// SPDX-License-Identifier: MIT
/* early: offers inside an early dialog, by UPDATE (RFC 3311) or the caller's PRACK (RFC 3262 5).
 *
 *   nothing in it                -> 200: target, session timer
 *   a new address, same codecs   -> the anchor takes it: answered at once on its own leg
 *   other codecs or direction    -> UPDATE on the other side where that can take one: its answer here
 *                                   else answered from what holds there, told after the ACK
 *                                   nothing in common: 488; the other side is silent for half of timer F: 504
 *
 * An offer needs an early dialog where one was answered and acknowledged (RFC 6337 2): before that the
 * caller gets 500 with Retry-After, a carrier 491. One at a time over the call. After the answer this
 * is reinvite's.
 * Thread: su_root's. Owner: the call (struct early is in it). */
#ifndef KEDGE_SIG_DIALOG_EARLY_H
#define KEDGE_SIG_DIALOG_EARLY_H

#include <sofia-sip/nta.h>
#include <sofia-sip/sip.h>

#include "sig/bridge/bridge.h"

struct call;
struct leg;
struct attempt;

struct early {
	nta_incoming_t *irq;       /* an UPDATE that the other side was asked about, NULL: none */
	struct leg *from;          /* whose */
	struct attempt *attempt;   /* the carrier's side of it */
	const nta_leg_t *asked;    /* the early dialog of it that was asked, NULL: the caller was */
	uint64_t due_ns;           /* the asker waits no longer */
};

/* An UPDATE of leg l in that dialog, while the call is in setup. */
void early_update(struct call *c, struct leg *l, nta_leg_t *dialog, nta_incoming_t *irq, const sip_t *sip);

/* The caller's PRACK has an offer. *out: the answer; 0, or the status that refuses it. */
int early_prack(struct call *c, const struct bridge_body *said, const char **out);

/* The deadline of what waits, 0: none; and what is due. */
uint64_t early_due(const struct call *c);
void early_tick(struct call *c, uint64_t now_ns);

/* The attempt is over, or all of them (NULL): what waits for it is answered. */
void early_over(struct call *c, const struct attempt *a);

/* The attempt has the call: what waits for another one, or for a phone beside the one that answered, is answered. */
void early_won(struct call *c, const struct attempt *a);

#endif
