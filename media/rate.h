// SPDX-License-Identifier: MIT
/* rate: how many packets an end may send (media.rate). A far end that floods, or a loop between two boxes, costs its own call
 * its packets and nobody else's their time: sending on is what costs most.
 *
 * An end may send `times` what its packet time makes, and a second's worth of that at once: more comes at once only from a
 * network that stood still. Few devices keep the packet time they were asked for, so one longer than 20 ms counts as 20;
 * T.38, video and what else has no packet time count as 1 ms.
 * The packet path counts port.left down and comes here when it is used up. Pure but for rate_more(). Thread: the worker's. */
#ifndef KEDGE_MEDIA_RATE_H
#define KEDGE_MEDIA_RATE_H

#include <stdbool.h>
#include <stdint.h>

#include "routing/shm/layout.h"

struct worker;

#define RATE_FREE UINT32_MAX /* no limit */

/* Packets a second, for times of media.rate; 0: RATE_FREE. */
uint32_t rate_of(uint32_t times, const struct kedge_end *want);

/* The packets that may come now of a limit of so many a second, when the last ones were given elapsed_ns ago. */
uint32_t rate_earned(uint32_t per_s, uint64_t elapsed_ns);

/* port.left is 0 and one more packet came: may it pass? */
bool rate_more(struct worker *w, uint32_t port);

/* What the end may send changed: a limit that was lower holds at once. */
void rate_changed(struct worker *w, uint32_t port);

#endif
