// SPDX-License-Identifier: MIT
/* remap: payload types of one end for those of the other, and with them the law of G.711 where the two ends have not the
 * same one (kedge_end.pt, laws). Numbers: 96 here for 101 there. A pair that stands in kedge_end.laws means two codecs: the
 * payload is turned into the other law, in place, at the same length.
 *
 * The first pair of the table that fits counts, so a pair of equal numbers keeps a type from a later pair that names it for
 * the other direction alone.
 * Thread: the worker's. The stage of WORK_TYPES in relay.c. */
#ifndef KEDGE_MEDIA_REMAP_H
#define KEDGE_MEDIA_REMAP_H

#include <stdbool.h>
#include <stdint.h>

#include "media/rtp.h"

struct end;

/* One packet that passes between the inside end and this outside one; inward: toward the inside. data: the whole packet, h read from it. */
void remap_packet(const struct end *outside, bool inward, struct rtp *h, uint8_t *data);

#endif
