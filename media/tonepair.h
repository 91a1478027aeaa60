// SPDX-License-Identifier: MIT
/* tonepair: digits as tones in G.711 audio (ITU-T Q.23, Q.24), heard and made by spandsp.
 *
 *   packets of an end --tonepair_hear()--> digits that are over, and whether the packet belongs to one
 *   a digit to be said --tonepair_frame()--> packets of tone, then of silence
 *
 * A digit is known after two blocks of 102 samples: what was relayed of it by then is shorter than a receiver may take for a digit.
 * Allocates in tonepair_new() only. Thread: the worker's; tonepair_init() before there is a second one.
 * Owner: the caller, from new to free. */
#ifndef KEDGE_MEDIA_TONEPAIR_H
#define KEDGE_MEDIA_TONEPAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "routing/shm/digit.h"

struct tonepair;

/* spandsp makes its tables at the first use. */
void tonepair_init(void);

/* NULL: no memory. */
struct tonepair *tonepair_new(void);
void tonepair_free(struct tonepair *t);

/* Takes the payload of one packet; codec: PCMU or PCMA of enum kedge_codec. True: tones of a digit, or what may become one,
 * are in it. A digit that is over by now: *over; its event is DIGIT_EVENTS where there is none. */
bool tonepair_hear(struct tonepair *t, uint8_t codec, uint32_t timestamp, const uint8_t *payload, size_t n, struct digit *over);

/* Begins a digit of so many ms; one that has no tones (flash) is silence. */
void tonepair_say(struct tonepair *t, uint8_t event, uint32_t ms, uint32_t quiet_ms);

/* What is said is broken off; the next digit begins anew. */
void tonepair_hush(struct tonepair *t);

/* The next n samples of it. False: there is nothing left. */
bool tonepair_frame(struct tonepair *t, uint8_t codec, uint8_t *payload, size_t n);

/* A byte of silence. */
uint8_t tonepair_silence(uint8_t codec);

#endif
