// SPDX-License-Identifier: MIT
/* evidence: what the audio of an end says about its hop and its call: figures into the trunk table and the session's counters,
 * silence into events. A few times a second for each end, and when it closes; never in the packet path.
 *
 *   SILENT    it ought to speak and is dead (media/silence.h)
 *   ONE_WAY   and the other end went on for half of media_dead at least: only this is held against the hop. Where both are
 *             silent nobody knows whose fault it is; many ends speak only once they were spoken to.
 * Each is told once, until it speaks again or is told anew that it ought to. Thread: the worker's. */
#ifndef KEDGE_MEDIA_EVIDENCE_H
#define KEDGE_MEDIA_EVIDENCE_H

#include <stdint.h>

struct worker;

/* An open end of the session in that slot. */
void evidence_tick(struct worker *w, uint32_t slot, uint32_t port);

/* The same, for the last time: its figures alone. */
void evidence_close(struct worker *w, uint32_t slot, uint32_t port);

#endif
