// SPDX-License-Identifier: MIT
/* outlet: the way out to an end, one for all that kedge sends: relayed packets, and what it says itself (tones, digits).
 *
 *   packet + header --> line of the end (stitch) --> what a successor goes on from --> SRTP --> send
 *
 * So toward each end there is one SSRC, one sequence and one timestamp line, its numbers are in the session table before
 * the packet leaves, and there is one place that keeps a secure end's packets from going in clear.
 * Nothing here allocates, logs or locks. What is not sent is counted (drop_...). Thread: the worker's. */
#ifndef KEDGE_MEDIA_OUTLET_H
#define KEDGE_MEDIA_OUTLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/rtp.h"
#include "media/srtp.h"
#include "media/stitch.h"

struct end;
struct worker;

#define OUTLET_LOCAL 0xfd /* source of a line: kedge itself; other values are the ends' places */
#define OUTLET_ROOMS 32   /* two halves: what was taken in the one is sent before the other one's turn is over */

/* Sends one RTP packet of `source` to the end. h: read from data, payload type already the receiver's; pace: of the
 * source. data is rewritten and must stay until the next flush: a buffer of the backend, or an outlet_room(). */
bool outlet_rtp(struct worker *w, struct end *to, uint8_t source, const struct stitch_pace *pace, struct rtp *h, uint8_t *data,
    size_t len);

/* RTCP, made for this end by stitch_rtcp(). */
bool outlet_rtcp(struct worker *w, struct end *to, uint8_t *data, size_t len);

/* A datagram of a stream that is not RTP (KEDGE_END_PLAIN): as it is; to a secure end never. */
bool outlet_plain(struct worker *w, struct end *to, const uint8_t *data, size_t len);

/* IO_BIG bytes for a packet of one's own. They stay until it was sent; what is not handed to the outlet at once is
 * overwritten by a later one. May flush. */
uint8_t *outlet_room(struct worker *w);

/* The room taken last is not needed: the next one who asks gets it. */
void outlet_room_back(struct worker *w);

/* True for SECURE_OK; anything else is counted by its reason. */
bool outlet_secured(struct worker *w, enum secure_result result);

#endif
