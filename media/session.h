// SPDX-License-Identifier: MIT
/* session: one anchored call: an inside end, outside ends, which of them is live. Follows the session table.
 *
 *   CLOSED --slot OPEN--> OPEN --slot CLOSED, or orphaned--> CLOSED     in between: ends come, change, go; live moves
 *
 * Signaling writes the slot and says "look"; session_sync() compares and does what is wanted, so that a missed or doubled
 * command does no harm. A closed session has its final counters in the table before kedge_session.done says so; its ports
 * rest on their own, so the slot may be used again at once.
 * An anchor has no owner when signaling's heart stands still, or when signaling was started again and has not written the
 * anchor since. Such a one is closed once it had no owner and both its ends were silent for orphan_after. */
#ifndef KEDGE_MEDIA_SESSION_H
#define KEDGE_MEDIA_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "media/dtmf.h"
#include "media/quality.h"
#include "media/report.h"
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
	uint32_t cut_off_timestamp;    /* of an event it had begun when another end became live */
	bool cut_off;
	struct kedge_end want;
};

struct session {
	_Alignas(KEDGE_LINE) struct kedge_stats *stats;
	uint32_t generation;
	uint32_t in, out[KEDGE_OUT_MAX]; /* ports; KEDGE_PORT_NONE */
	uint8_t live;                    /* KEDGE_LIVE_NONE or index */
	bool open;
	bool
	    retry; /* stands in worker.retry: its line was being written, or its event did not fit */
	bool first_told;     /* KEDGE_EVT_FIRST_RTP of this live end */
	bool digits;         /* some were turned, or may have been */
	uint32_t open_index; /* in worker.open */
	uint32_t ssrc;
	uint32_t owner; /* kedge_beat.starts of the signaling plane that wrote the anchor last */
	uint64_t want_seq;
	uint64_t call_id;
	uint64_t unowned_ns; /* since when nobody owns it; 0: somebody does */
	char cname[16];
};

/* Does what the slot says. */
void session_sync(struct worker *w, uint32_t slot);

/* Opens from the table what a predecessor had open: latches, lines and sockets go on. True if it was so. */
bool session_recover(struct worker *w, uint32_t slot);

/* Ends it: final counters, done, event. orphan: nobody asked for it. */
void session_close(struct worker *w, uint32_t slot, bool orphan);

/* Latches that settle or are lost, evidence for the hops, silence, orphans. A few times a second for each. */
void session_tick(struct worker *w, uint32_t slot);

/* Stores the far addresses an end was latched to (for a restart). */
void session_latched(struct worker *w, uint32_t port);

static inline uint32_t *session_port(struct session *s, uint8_t place)
{
	return place == KEDGE_END_INSIDE ? &s->in : &s->out[place];
}

#endif
