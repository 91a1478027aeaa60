// SPDX-License-Identifier: MIT
/* bridge_keys: the SRTP keys of a side (SDES), by its trunk's srtp and what holds; for the files of bridge alone.
 *
 * Nothing is kept beside the bodies: what a side said and what it was told last hold its keys, by offer_agreed(). A first offer, or
 * the first answer of a dialog, has new ones. Later bodies have the same ones again as long as the peer names the same suite and
 * tag; a key of the peer's that has changed changes nothing of ours. Thread: su_root's. */
#ifndef KEDGE_SIG_BRIDGE_BRIDGE_KEYS_H
#define KEDGE_SIG_BRIDGE_BRIDGE_KEYS_H

#include "sig/bridge/bridge.h"

/* What its trunk takes. */
struct offer_policy keys_policy(const struct bridge *b, const struct bridge_side *side);

/* As offer_fits(), and as offer_agreed() where that fits; theirs: the side's answer to `ours`. */
enum offer_fit keys_fit(const struct offer *ours, const struct offer *answer);

/* The crypto lines of the body that `how` is to write for side; set: room for them, wiped by the caller when it is written. 0;
 * -ENODATA: its trunk takes none of it (488); -EIO: no random bytes. */
int keys_plan(const struct bridge *b, const struct bridge_side *side, struct offer_write *how, struct crypto set[static CRYPTO_MAX]);

/* Writes what holds into *far. said: the last body of that side. Without a key that must be: no packet passes. */
void keys_tell(const struct bridge *b, struct bridge_side *side, const struct offer *said, struct anchor_far *far);

/* The same for one line of that side, by both of its bodies; NULL: nothing was said to it. Returns the enum kedge_suite. */
uint8_t keys_tell_line(const struct bridge *b, const struct bridge_side *side, const struct offer *ours, const struct offer *said,
    struct anchor_far *far);

/* Before any answer: nothing passes that may be encrypted. */
void keys_tell_early(const struct bridge *b, const struct bridge_side *side, struct anchor_far *far);

#endif
