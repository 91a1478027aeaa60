// SPDX-License-Identifier: MIT
/* bridge_media: tells media what the bodies of both sides mean; for the files of bridge alone. */
#ifndef KEDGE_SIG_BRIDGE_BRIDGE_MEDIA_H
#define KEDGE_SIG_BRIDGE_BRIDGE_MEDIA_H

#include "sig/bridge/bridge.h"

/* Both sides have an offer and an answer: packets may pass. said: what the callee wrote last, if
 * it was just read. relearn: the latches may learn anew. */
void media_tell(
    struct bridge *b, struct bridge_side *callee, const struct offer *said, bool relearn);

/* The caller has an answer and nobody else has one yet: it can be spoken to. */
void media_tell_caller(struct bridge *b);

/* Of a call of kedge's own: there is nobody inside, and its digits are signaling's. */
void media_tell_test(struct bridge *b, struct bridge_side *side);

/* What may be heard from an outside end before its answer: the hop itself, its media networks. */
void media_tell_early(struct bridge *b, const struct bridge_side *side);

/* Where the far address of an end may be learnt from, its latch, whether it is recorded; far->rtp is set before. */
void media_learn(struct anchor_far *far, const struct bridge *b, const struct bridge_side *side);

/* KEDGE_END_... of what that side does. */
uint8_t media_flags(const struct offer_end *e);

#endif
