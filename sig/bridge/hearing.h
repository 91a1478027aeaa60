// SPDX-License-Identifier: MIT
/* hearing: the audio of a call as evidence of its callee's trunk, and as a score. Media says when an end is heard first, and when it is
 * dead while the other is heard; health is told of answered calls alone, each thing once a call. Thread: su_root's. */
#ifndef KEDGE_SIG_BRIDGE_HEARING_H
#define KEDGE_SIG_BRIDGE_HEARING_H

#include <stdbool.h>

#include "sig/bridge/anchor.h"

struct call;

/* anchor_events.heard and one_way: owner is the call. */
void hearing_first(void *owner);
void hearing_one_way(void *owner, bool inside);

/* The call was answered: what its winner was heard of before counts from now on. */
void hearing_answered(struct call *c);

/* "alpha": the trunk of the caller's end, or of the callee's; NULL: there is none yet. */
const char *hearing_trunk(const struct call *c, bool inside);

/* The estimated MOS (routing/mos.h) of what came from inside (0) or outside (1). 0: not known. */
double hearing_mos(const char *codec, const struct anchor_quality q[2], unsigned from);

#endif
