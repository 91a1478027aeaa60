// SPDX-License-Identifier: MIT
/* inside: requests inside an answered call that are not about its session: INFO (RFC 6086) and MESSAGE (RFC 3428). Passed to
 * the other side in its own dialog, and its answer back.
 *
 *   INFO, MESSAGE on one leg -> body and the headers that describe it -> the same on the other leg
 *                               its answer, or 504 when none came in half of timer F -> back
 *
 * Nothing else crosses: a header is passed because it is on the list, not because nobody took it out. A body with SDP in
 * it names addresses and is refused (415). Codes that would have the asker believe that its own dialog is gone (408, 481)
 * or that it should log in or look elsewhere (401, 407, 3xx) become 500.
 * Thread: su_root's. Owner: the call, which each request holds until it is answered. */
#ifndef KEDGE_SIG_DIALOG_INSIDE_H
#define KEDGE_SIG_DIALOG_INSIDE_H

#include <stdint.h>
#include <sofia-sip/nta.h>
#include <sofia-sip/sip.h>

struct call;
struct leg;

#define INSIDE_MAX 8 /* of one call at once; one more gets 500 with Retry-After */

struct inside;

/* Takes such a request of the peer of l. */
void inside_request(struct call *c, struct leg *l, nta_incoming_t *irq, const sip_t *sip);

/* The least deadline, 0: none; and what is due. */
uint64_t inside_due(const struct call *c);
void inside_tick(struct call *c, uint64_t now_ns);

/* The call ends: what is open gets 487 (RFC 3261 15.1.2). */
void inside_abort(struct call *c);

#endif
