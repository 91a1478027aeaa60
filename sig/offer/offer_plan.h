// SPDX-License-Identifier: MIT
/* offer_plan: what offer_write writes, decided before the first byte: the line, its payload types and their numbers, direction. For
 * the files of offer alone. Pure, any thread. */
#ifndef KEDGE_SIG_OFFER_OFFER_PLAN_H
#define KEDGE_SIG_OFFER_OFFER_PLAN_H

#include "sig/offer/offer.h"
#include "sig/offer/offer_format.h"

#define OFFER_PLAN_EVENTS 4 /* clock rates */

struct offer_plan {
	const struct offer_write *in;
	const struct offer *from;
	const struct offer_line *source; /* the audio line of `from` */
	int anchored;                    /* its place in what is written */
	uint16_t lines;
	uint8_t pt[OFFER_FORMATS], direction;
	unsigned pts;
	bool kept[128];  /* by the number in `from` */
	uint8_t as[128]; /* what is kept is written with this one */
	bool paired; /* events have the rate of a codec that is kept: those of other rates go */
	bool mux;
	bool feedback; /* RTP/AVPF */
	struct offer_format twin; /* law of G.711 that is not in `from`, but media can make; name "": none */
	struct offer_format event[OFFER_PLAN_EVENTS]; /* telephone-event that is not in `from` */
	unsigned events;
};

/* Borrows *w and all it points to. 0, or as offer_write(): -ENODATA, -EADDRNOTAVAIL. */
int offer_plan_make(struct offer_plan *p, const struct offer_write *w);

#endif
