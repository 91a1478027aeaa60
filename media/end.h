// SPDX-License-Identifier: MIT
/* end: one end of an anchored call: its port pair, far addresses, line and keys. Follows its line in the session table.
 *
 *   (none) --the line names a port--> open --another generation, no port, or the anchor ends--> closed     in between: rebound
 *
 * Signaling's wish is completed where a codec or an answer left a gap. An end that changes keeps its port, line and
 * counters; a hold is no loss; a new exchange may open its latches. An end that a predecessor had goes on from its run
 * words (recover.h). Thread: the worker's. */
#ifndef KEDGE_MEDIA_END_H
#define KEDGE_MEDIA_END_H

#include <stdbool.h>
#include <stdint.h>

#include "media/dtmf.h"
#include "media/quality.h"
#include "media/report.h"
#include "media/rescale.h"
#include "media/stitch.h"
#include "routing/shm/layout.h"

struct secure;
struct worker;

/* end.work: the stages of relay.c. A plain call has none, and pays one test for all of them. */
#define WORK_SECURE 1u  /* SRTP (want.srtp) */
#define WORK_RECORD 2u  /* its packets, both ways, are recorded (media/tap.h) */
#define WORK_DIGITS 4u  /* its digits are turned into those of the other end (media/dtmf.h) */
#define WORK_TYPES  8u  /* payload types are mapped (want.pt), laws of G.711 turned (want.laws) */
#define WORK_PTIME  16u /* G.711 toward it is packed anew (want.send_ptime_ms) */
#define WORK_PLAY   32u /* kedge plays to it (media/local.h): local_wanted() keeps this bit */
#define WORK_EVENT  64u /* an RFC 4733 event is open on the line toward it */
#define WORK_LISTEN 128u /* nobody is at the other end: what it says is listened to (media/tonetest.h) */

struct end { /* lies beside its port; what packets need comes first */
	_Alignas(KEDGE_LINE) struct kedge_end_run *run; /* its words in the table */
	uint32_t port;
	struct stitch_pace pace;
	uint8_t flags;                 /* as want.flags */
	uint8_t telephone_event;       /* as want.telephone_event */
	uint8_t event_here;            /* as want.event_here: it may use that number too */
	uint8_t pt_count;              /* pairs of want.pt in use */
	uint8_t work;                  /* WORK_... bits: what a packet from it or to it needs beside relaying */
	uint8_t noise;                 /* payload type of comfort noise */
	uint8_t told;                  /* KEDGE_TOLD_... since speaks_ns */
	uint8_t tones;                 /* WORK_LISTEN: packets of the test tone in a row */
	bool heard;                    /* RTP came */
	struct stitch line;            /* toward this end */
	struct quality quality;        /* of what this end sends */
	uint64_t packets, hop_packets; /* received; of these told to the hop */
	uint32_t hop_lost, hop_late;   /* already told to the hop */
	uint32_t lost_least;           /* since lost_ns */
	uint64_t lost_ns;
	uint64_t speaks_ns;            /* since when it ought to speak; 0: it need not */
	struct report report;          /* of its RTCP */
	struct secure *secure; /* WORK_SECURE: its contexts (srtp.h); NULL: none to be had, nothing passes */
	struct dtmf *dtmf;             /* NULL: its digits were never turned */
	struct dtmf_open open;         /* WORK_EVENT */
	uint32_t event_rate;           /* Hz of its telephone_event */
	struct rescale rescale;        /* of its events, where those of the other end have another clock */
	uint32_t cut_off_timestamp;    /* of an event it had begun when another end became live */
	bool cut_off;
	struct kedge_end want;
};

/* Does what the end's line says: opens it, follows, closes it. One that is being written is looked at again later. */
void end_sync(struct worker *w, uint32_t slot, uint8_t place);

/* Its last figures are told, its port rests, its contexts are wiped. No effect on a place without an end. */
void end_close(struct worker *w, uint32_t slot, uint8_t place);

/* Stores the far addresses an end was latched to (for a restart). */
void end_latched(struct worker *w, uint32_t port);

#endif
