// SPDX-License-Identifier: MIT
/* bridge_dtmf: how digits travel with each side of a call, by its trunk's dtmf and what its bodies agreed on.
 *
 *   dtmf      telephone-event agreed   not agreed
 *   rfc4733   events                   tones in G.711, else INFO
 *   info      INFO                     INFO
 *   inband    -                        tones in G.711, else as they come
 *   auto      events                   as the other side has them; tones in G.711, else INFO, where that has events
 *
 * Where the two sides differ media and sig/bridge/digits.h turn the one into the other. Telephone-event is told to each side alone: offered to one that
 * wants it though the other does not, kept from one that wants something else.
 * Thread: su_root's. Nothing is kept beside the bodies. */
#ifndef KEDGE_SIG_BRIDGE_BRIDGE_DTMF_H
#define KEDGE_SIG_BRIDGE_BRIDGE_DTMF_H

#include "sig/bridge/bridge.h"

struct dtmf_side { /* what is known of one side */
	uint8_t asked; /* enum conf_dtmf */
	bool events;   /* agreed on */
	bool g711;
};

/* Pure: enum kedge_dtmf of both. */
void dtmf_agree(const struct dtmf_side side[static 2], uint8_t mode[static 2]);

/* What a body for `side` says of telephone-event. */
enum offer_events dtmf_events(const struct bridge *b, const struct bridge_side *side, const struct bridge_side *other);

/* From the bodies at hand: [0] with the caller, [1] with the callee. */
void dtmf_exchanged(const struct bridge *b, const struct bridge_side *callee, const struct offer_exchange *inside,
    const struct offer_exchange *outside, uint8_t mode[static 2]);

/* "rfc4733", "info", "inband"; "" for KEDGE_DTMF_NONE. */
const char *dtmf_name(uint8_t mode);

#endif
