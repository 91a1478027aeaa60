// SPDX-License-Identifier: MIT
/* dtmf: digits between two ends that do not send them the same way (kedge_end.dtmf), and events left open at a switch.
 *
 *   from an end: events (media/named.h), tones (media/tonepair.h) -> a digit, when it is over -+-> to the other end: events, tones
 *   from signaling: INFO, by kedge_digits[1] ---------------------------------------------------'
 *                                                                  each digit also into kedge_digits[0]: signaling sends the INFOs
 *
 * What was heard and is turned is not relayed: events are dropped, tones silenced. A digit to be said is paced (40 ms at least,
 * and 40 ms of silence behind it), and what the other end sends is held back meanwhile, as events replace audio (RFC 4733 2.1).
 * Where both ends speak RFC 4733 nothing of this happens: events pass. But one that is open on a line when another source takes
 * it over is closed first, by three end packets of its own; the rest of it goes nowhere.
 * Restart: a digit is given once it is over, and stands in kedge_digits[0] with the timestamp of its event, so that its end
 * packets give no second one. What signaling asked for leaves kedge_digits[1] when it begins to be said. An event that is open on
 * a line stands in kedge_end_run.event: a successor ends what kedge was saying, at once, and what its sender does not go on with.
 * Allocates when ends are written, never for a packet. Digits are counted, never logged. Thread: the worker's. */
#ifndef KEDGE_MEDIA_DTMF_H
#define KEDGE_MEDIA_DTMF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/named.h"
#include "media/rtp.h"

struct end;
struct worker;
struct dtmf; /* of an end whose digits are turned */

struct dtmf_open { /* an event on a line that has not ended; WORK_EVENT says that there is one */
	uint32_t timestamp; /* of the line */
	uint16_t duration;
	uint8_t code, volume, pt;
};

/* Before the first thread. */
void dtmf_init(void);

/* The ends of this slot, or which of them is live, may have changed: gives those two that speak with each other what they need. */
void dtmf_pair(struct worker *w, uint32_t slot);

/* Another end, or none, is about to be live: what is open is closed. */
void dtmf_switch(struct worker *w, uint32_t slot);

/* Its line goes on from a predecessor's: what was open there is closed once nobody goes on with it. */
void dtmf_end_recovered(struct worker *w, struct end *e);

/* The end goes; the session goes. */
void dtmf_end_closed(struct worker *w, struct end *e);
void dtmf_session_closed(struct worker *w, uint32_t slot);

/* The stage of WORK_DIGITS, before types are mapped: a packet between two ends of a pair. False: it goes no further. data is
 * changed where it is silenced. */
bool dtmf_relay(struct worker *w, struct end *from, struct end *to, uint8_t place, const struct rtp *h, uint8_t *data);

/* Is it of an event that was cut off at a switch? Then it goes no further. */
bool dtmf_cut_off(struct worker *w, const struct end *from, struct end *to, uint8_t place, const struct rtp *h);

/* A digit is being said to it: nothing else may be, for who hears another source between two packets of an event has two. */
bool dtmf_busy(const struct end *e);

/* An event of another end was sent to this one; h: as it was sent. */
void dtmf_passed(struct end *to, const struct rtp *h, const struct named *n);

/* An event is open on this line (WORK_EVENT), and a packet of this source is about to be sent on it. */
void dtmf_interrupted(struct worker *w, struct end *to, uint8_t source, uint32_t ssrc);

/* Every 10 ms: packets that are due, ends that were lost. */
void dtmf_tick(struct worker *w);

#endif
