// SPDX-License-Identifier: MIT
/* inform: no caller waits in silence (profile.inform_after). When nothing but 100 was said for so long, and the reason is a
 * recovery (no carrier has answered anything, another one is tried after a failure, or the same one waits to be tried
 * again), the caller is told 180. Not 182 (Queued), which says it better: many PBXs let the caller hear nothing then, and
 * ringback on 180. A carrier that said 100 and nothing more yet has its own word to say: nothing is told for it.
 * Thread: su_root's. Owner: the call. */
#ifndef KEDGE_SIG_INFORM_H
#define KEDGE_SIG_INFORM_H

#include <stdint.h>

struct call;

/* The call has begun: sets c->inform_ns and c->inform_timer_ns, 0 for never. */
void inform_begin(struct call *c);

/* Tells the caller if it is time and there is reason to. After each step of the hunt, and at c->inform_ns. */
void inform_look(struct call *c, uint64_t now_ns);

#endif
