// SPDX-License-Identifier: MIT
/* dtmf_part: what the files of dtmf share, and nobody else includes.
 *
 *   dtmf.c       which ends turn digits; what is heard of one, and relayed beside it
 *   dtmf_say.c   what is said to one
 *   dtmf_open.c  events that pass, and end at a switch
 *
 * Thread: the worker's. */
#ifndef KEDGE_MEDIA_DTMF_PART_H
#define KEDGE_MEDIA_DTMF_PART_H

#include "media/dtmf.h"
#include "media/end.h"
#include "media/tonepair.h"

#define DTMF_QUEUE 16 /* digits that wait to be said to one end */

struct dtmf {
	struct dtmf *next; /* in worker.dtmf */
	bool listed;       /* it stands there: something is open, or due */
	uint32_t port;
	bool turns;        /* its digits were turned into another kind */
	bool revived;      /* a predecessor left an event open on its line */
	uint64_t revived_ns;
	uint16_t revived_duration; /* of that event, then */
	struct named_heard heard;
	struct named_said said;
	struct tonepair *tones; /* in-band only */
	bool toning;
	uint64_t frame_ns;
	uint32_t timestamp; /* of what is said */
	uint16_t sequence;
	uint64_t echoed;    /* what signaling asked for before this was heard, too */
	uint8_t waiting;
	struct digit queue[DTMF_QUEUE];
};

struct session *dtmf_session(struct worker *w, const struct end *e);

/* The port of the live outside end, or KEDGE_PORT_NONE. */
uint32_t dtmf_live(const struct session *s);

/* The slot's digits: way 0 from media, 1 from signaling. */
struct kedge_digits *dtmf_ring(struct worker *w, const struct end *e, unsigned way);

/* It is seen to at each tick until nothing is open or due. */
void dtmf_list(struct worker *w, struct dtmf *d);

/* Is that codec one of the two that tones are heard and made in? */
bool dtmf_g711(uint8_t codec);

/* A digit of `from` is over. */
void dtmf_give(struct worker *w, struct end *from, struct end *to, struct digit *d);

/* Always false: the packet goes no further. What is left out is no loss: the line goes on with the next number. */
bool dtmf_leave_out(struct worker *w, struct end *to, uint8_t place);

/* Its own; NULL: no memory. */
struct dtmf *dtmf_of(struct end *e);

/* Ends what a predecessor left open, once nobody goes on with it. */
void dtmf_close_revived(struct worker *w, struct end *to);

/* Sends what is due, begins what waits. */
void dtmf_say(struct worker *w, struct end *to);

#endif
