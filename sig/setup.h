// SPDX-License-Identifier: MIT
/* setup: the hunt of a call. Asks routing/decide what comes next, does it, and tells the caller what
 * came of it; all between the caller's INVITE and the one answer (RFC 3261 13, 16.7).
 * What attempts tell (call_on_reply, call_on_progress, call_takes, call_on_answer,
 * call_on_failure, call_on_over of sig/call.h) is here too.
 * Thread: su_root's. Owner: the call; the caller of each function holds it. */
#ifndef KEDGE_SIG_SETUP_H
#define KEDGE_SIG_SETUP_H

#include "sig/call.h"

/* Asks decide what comes next and does it, until something has to be waited for. In one pass of
 * the loop: a 503 that came in is followed by the next INVITE without a timer in between. */
void setup_advance(struct call *c);

/* The deadlines of the call and its attempts that are due. */
void setup_tick(struct call *c, uint64_t now);

/* 180 of our own to the caller. */
void setup_tell_180(struct call *c);

/* 183 of our own, with the body the caller is bound to (bridge_own). */
void setup_tell_183(struct call *c);

/* The final answer of the caller's INVITE, other than 200. headers: further lines, or NULL. */
void setup_tell_final(struct call *c, int status, const char *phrase, const char *headers);

/* The caller gets this final; nothing is tried any more. */
void setup_fail(struct call *c, const struct decide_final *f);

/* The caller is gone; nothing starts any more. why: static. */
void setup_cancelled(struct call *c, const char *why);

#endif
