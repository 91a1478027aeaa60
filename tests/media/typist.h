// SPDX-License-Identifier: MIT
/* typist: two sides of a call that type digits at each other, as RFC 4733 events, as tones in PCMU, or by asking signaling, and
 * hear them in any of these ways; twelve digits of three lengths. In the words of talk.h. */
#ifndef KEDGE_TESTS_MEDIA_TYPIST_H
#define KEDGE_TESTS_MEDIA_TYPIST_H

#include "media/named.h"
#include "media/tonepair.h"
#include "routing/shm/digit.h"
#include "tests/media/talk.h"

#define EVENT_PT 101
#define TYPED    12

extern const uint8_t typed[TYPED];

/* How long it is held. */
unsigned typed_ms(unsigned i);

struct side { /* what it types, what it hears */
	struct peer *peer;
	struct call *call;
	uint8_t place, kind; /* enum kedge_dtmf: how its digits travel */
	struct tonepair *mouth, *ear;
	struct named_heard events;
	uint32_t rate;  /* of the clock of its events */
	uint8_t pt;
	uint32_t began; /* timestamp of the event in hand */
	unsigned lose;  /* one event packet of so many is lost, 0: none */
	unsigned sent;
	/* heard */
	struct digit digit[2 * TYPED];
	unsigned heard, packets, ends, audio_in_event;
	bool started, open;
	uint16_t next;
	unsigned gaps;
};

struct talk {
	struct call call;
	struct side in, out;
};

void talk_open(struct talk *t, uint32_t slot, uint8_t in, uint8_t out);
void talk_close(struct talk *t);

/* Of a call that is open already. */
void side_open(struct side *s, struct call *c, struct peer *x, uint8_t place, uint8_t kind);
void side_close(struct side *s);

/* What it sends in that 20 ms of its typing. */
void side_type(struct side *s, unsigned frame);

/* One packet of an event of so many; those behind the last are its end packets. */
void side_event(struct side *s, uint8_t code, unsigned frame, unsigned frames);

/* Signaling has an INFO of it: digit i is to be said to the other end. */
void side_ask(struct side *s, unsigned i);

/* All that came by now. */
void side_hear(struct side *s);

/* Signaling: what media heard goes as INFO to the other leg, where that has it so. */
void talk_take(struct call *c, struct side *in, struct side *out);

#endif
