// SPDX-License-Identifier: MIT
/* recover: a worker that was started again goes on from the session table: sockets and latches as they were, lines with the
 * numbers they had, counters where they stood. What the dead ring had read and not sent is lost; all else waited in the
 * sockets. Thread: the worker's, before its first pass. */
#ifndef KEDGE_MEDIA_RECOVER_H
#define KEDGE_MEDIA_RECOVER_H

#include <stdbool.h>
#include <stdint.h>

#include "routing/shm/layout.h"

struct worker;

/* Opens every session of this worker that the table shows open. Returns how many a predecessor had. */
uint32_t recover_sessions(struct worker *w);

/* Is recover_sessions() running? Then an end whose run words are of its generation keeps its sockets. */
bool recover_under_way(const struct worker *w);

/* The line, quality and latches of an end as its predecessor stored them, and what it told; side: 0 inside, 1 outside. */
void recover_end(struct worker *w, uint32_t port, const struct kedge_end_slot *k, const struct kedge_stats *stats, unsigned side);

/* kedge_beat.starts of the signaling plane that owns the anchor: today's if it was opened after that began, else 0. */
uint32_t recover_owner(const struct worker *w, const struct kedge_anchor *a);

#endif
