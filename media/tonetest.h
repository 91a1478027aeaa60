// SPDX-License-Identifier: MIT
/* tonetest: the other end of a test call is kedge itself: it says TONE_CANARY_HZ, and listens whether that comes back.
 *
 * A packet of G.711 has the tone where most of its power lies at that and is loud enough. TONETEST_PACKETS of them in a row, and
 * KEDGE_TOLD_TONE stands for good. Speech, ringing and other tones of the network are never so pure there for so long.
 * Nothing is relayed: there is nobody. Allocates nothing. Thread: the worker's. */
#ifndef KEDGE_MEDIA_TONETEST_H
#define KEDGE_MEDIA_TONETEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/rtp.h"

struct end;

#define TONETEST_PACKETS 10
#define TONETEST_LEAST   80 /* samples of one: fewer tell frequencies too badly apart */

/* Is it the tone? codec: PCMU or PCMA of enum kedge_codec; any other: no. Pure. */
bool tonetest_is(uint8_t codec, const uint8_t *payload, size_t n);

/* The stage of WORK_LISTEN: a packet that `from` sent. Always false: it goes no further. */
bool tonetest_packet(struct end *from, const struct rtp *h, const uint8_t *data);

#endif
