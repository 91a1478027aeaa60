// SPDX-License-Identifier: MIT
/* named: digits as RFC 4733 named events, heard and paced. Pure: time is an argument, no I/O.
 *
 *   packets of one sender --named_hear()--> one digit per event, once it is over
 *   a digit to be said    --named_step()--> packets, one each ptime, the last of them three times
 *
 * An event is its timestamp: all its packets carry it, so a packet of an event that is over (its second and third end packet,
 * a late one) says nothing new, and one packet that arrives is enough. Over it is at its end bit, at the first packet of
 * another event, or NAMED_LOST_NS after the last packet. An event of more than 65,535 units goes on as another packet's whose
 * timestamp joins on (2.5.1.3): one digit.
 * Thread: the worker's. Owner: the caller holds both structs. */
#ifndef KEDGE_MEDIA_NAMED_H
#define KEDGE_MEDIA_NAMED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/rtp.h"
#include "routing/shm/digit.h"

#define NAMED_BYTES     4
#define NAMED_VOLUME    10 /* -10 dBm0 */
#define NAMED_LOST_NS   200000000ULL
#define NAMED_ON_MS     40  /* least length of a digit, and of the silence behind it (ITU-T Q.24) */
#define NAMED_OFF_MS    40
#define NAMED_USUAL_MS  100 /* where nobody said how long */
#define NAMED_LONGEST_MS 8000

struct named { /* RFC 4733 2.3 */
	uint8_t code, volume;
	bool end;
	uint16_t duration; /* units of the clock */
};

/* 0, or -EINVAL: too short. Only the first of several events in one packet is read. */
int named_read(const uint8_t *p, size_t n, struct named *e);
void named_write(uint8_t p[static NAMED_BYTES], const struct named *e);

struct named_heard { /* of one sender; all zero: nothing yet */
	uint64_t last_ns;
	uint32_t ssrc, timestamp; /* of the event in hand, or the last one */
	uint32_t before, duration; /* units: of its earlier segments, of this one */
	uint32_t first;            /* timestamp of its first segment */
	uint8_t code;
	bool known; /* there was one */
	bool open;  /* it is not over */
};

/* Takes a packet. Returns how many digits are over by now (0 to 2: one whose end was lost, and one that came with its end),
 * oldest first in over[]; end is left as it is there. rate: of the clock, Hz. */
unsigned named_hear(struct named_heard *h, const struct rtp *r, const struct named *e, uint32_t rate, uint64_t now_ns,
    struct digit over[static 2]);

/* The end of an open event was lost? True: *over is it. */
bool named_lost(struct named_heard *h, uint32_t rate, uint64_t now_ns, struct digit *over);

/* That one was given already, by a predecessor; ssrc 0: of whom is not known any more. */
void named_given(struct named_heard *h, uint32_t ssrc, uint32_t timestamp);

struct named_said { /* one digit on its way out; all zero: none */
	uint64_t next_ns, quiet_ns, step_ns; /* the next packet; the next digit not before */
	uint32_t total, step, done;          /* units */
	uint8_t code, ends;         /* end packets sent */
	bool busy;
};

/* What a digit is stretched or cut to. */
uint32_t named_length_ms(uint32_t ms);

void named_say(struct named_said *s, uint8_t code, uint32_t duration_ms, uint32_t rate, uint32_t ptime_ms, uint64_t now_ns);

/* Is a packet due? True: *e is it, *first the first of its event. After its last packet it stays busy for the silence behind a
 * digit; who is not busy takes the next one. */
bool named_step(struct named_said *s, uint64_t now_ns, struct named *e, bool *first);

#endif
