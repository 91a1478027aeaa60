// SPDX-License-Identifier: MIT
/* rescale: RFC 4733 events that pass between two ends whose telephone-event has not the same clock: a caller that agreed on
 * telephone-event/16000 with the carrier that rang, and a second carrier that has /8000 for all its codecs.
 *
 *   in    T 8000 .. T 65535, T+65535 800 .. end       event of 16,000 Hz, two segments (2.5.1.3)
 *   out   T 4000 .. T 32767, T       33167 .. end     the same of 8,000 Hz: one is enough
 *
 * Durations are those of the clock that was agreed on; timestamps stay on the line's clock, which is the audio's and the same at
 * both ends. What is longer than one segment holds goes on in another: its last packet says so, in the place of one that
 * would have been in between.
 * Pure. Thread: the worker's. Owner: the caller holds the struct, one for each sender; all zero: nothing yet. */
#ifndef KEDGE_MEDIA_RESCALE_H
#define KEDGE_MEDIA_RESCALE_H

#include <stdbool.h>
#include <stdint.h>

#include "media/named.h"
#include "media/rtp.h"

struct rescale {
	uint32_t ssrc, first, segment; /* timestamps of the event's beginning, of its segment that is heard */
	uint16_t duration;             /* longest that was heard of that segment */
	uint16_t told;                 /* longest that was told of segment `at` */
	uint8_t at;                    /* segments told before */
	uint8_t code;
	bool known;
};

struct rescale_clock {
	uint32_t line, from, to; /* Hz: of timestamps, of durations as they come, as they go */
};

/* Changes duration and end of e, and timestamp and marker of h, which is as the sender wrote it. */
void rescale_event(struct rescale *s, const struct rescale_clock *c, struct rtp *h, struct named *e);

#endif
