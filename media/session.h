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

#include "media/end.h"
#include "routing/shm/layout.h"

struct worker;

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

static inline uint32_t *session_port(struct session *s, uint8_t place)
{
	return place == KEDGE_END_INSIDE ? &s->in : &s->out[place];
}

#endif
