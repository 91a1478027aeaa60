// SPDX-License-Identifier: MIT
/* channel: what a trunk may send us. Its limits (max_calls, max_cps) hold for the calls that come from it too, over all its
 * addresses; those of each address are sig/edge/admit's. An emergency call is counted and never refused.
 * Calls that are sent to a trunk are counted by routing/decide, in the same struct limit_trunk.
 * Thread: su_root's. Owner: the plane's struct health. */
#ifndef KEDGE_SIG_EDGE_CHANNEL_H
#define KEDGE_SIG_EDGE_CHANNEL_H

#include "config/conf.h"
#include "routing/health.h"

enum channel { CHANNEL_FREE, CHANNEL_MAX_CALLS, CHANNEL_MAX_CPS };

/* May a call from this trunk (index of h->conf) begin? Takes the token of one that may. */
enum channel channel_ask(struct health *h, uint16_t trunk, bool emergency, uint64_t now_ns);

/* A call from that trunk of conf, the call's own snapshot, began; is over. */
void channel_begin(struct health *h, const struct conf *conf, uint16_t trunk);
void channel_end(struct health *h, const struct conf *conf, uint16_t trunk);

#endif
