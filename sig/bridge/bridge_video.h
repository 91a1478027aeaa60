// SPDX-License-Identifier: MIT
/* bridge_video: the video line beside the audio, an anchor of its own (bridge.video); for the files of bridge alone.
 *
 * It is one more line of the same offers and answers: what they say of it is read by offer_video(). Its anchor opens where an offer
 * with video is written first, gets an end for each attempt that is offered video, and closes once the caller's exchange has no
 * video any more. What cannot be had (limits.max_video, ports, SRTP that the trunk must have) is no failure of the call: the line is
 * refused, port 0, and the audio goes through. No silence of it is evidence, and nothing is played, turned or recorded on it. */
#ifndef KEDGE_SIG_BRIDGE_BRIDGE_VIDEO_H
#define KEDGE_SIG_BRIDGE_BRIDGE_VIDEO_H

#include "sig/bridge/bridge.h"

/* How the video line of the body is written that `how` says all else of; set: room for its keys, wiped by the caller. NULL: refused. */
const struct offer_write *video_plan(struct bridge *b, struct bridge_side *side, const struct bridge_side *other,
    const struct offer_write *how, struct offer_write *video, struct crypto set[static CRYPTO_MAX]);

/* Behind media_tell(): the same of the video. */
void video_tell(struct bridge *b, struct bridge_side *callee, const struct offer *said, bool relearn);
void video_tell_early(struct bridge *b, const struct bridge_side *side);

/* Closes the anchor that nobody needs any more. */
void video_settle(struct bridge *b);

/* Gives an attempt's end back. */
void video_drop(struct bridge *b, struct bridge_side *side);

/* Does `said` send video that `takes` does not hear, or wait for some that it does not send, or send it to a port that is gone? */
bool video_too_much(const struct bridge *b, const struct bridge_side *takes, const struct bridge_side *said);

/* Was the caller, by bound, told what the answer of side says? */
bool video_same_direction(const struct bridge_side *side, const struct offer *bound, const struct offer *answer);

/* Was side told another direction than the other side would take now? */
bool video_behind(const struct bridge_side *side, const struct bridge_side *other);

#endif
