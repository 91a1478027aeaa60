// SPDX-License-Identifier: MIT
/* pool: which port pair is whose, so that none is lent twice or lost, whichever plane dies when.
 *
 *            queue_push (MEDIA)              pool_take (SIG)               done = closed (MEDIA)
 *   resting -------------------> free ring -----------------> table line ----------------------> resting
 *   (media: drained, deaf)       (worker, address)            (an end names it)
 *
 * At every store a pair is in the ring, in the table, or media's own; for one moment, between the two stores of
 * pool_take, in ring and table both. Truth is read from the segment alone:
 *   lent     an end line names the pair for an anchor generation that kedge_session.done does not call closed
 *   ring     between head and tail of a free ring
 *   neither  media's: it rests and then pushes it
 * Thread: SIG functions on its event loop, MEDIA functions before its workers run. No allocation. */
#ifndef KEDGE_ROUTING_SHM_POOL_H
#define KEDGE_ROUTING_SHM_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "routing/shm/segment.h"

enum pool_place { POOL_NEITHER, POOL_RING, POOL_LENT };

/* SIG: lends the next free pair of (worker, net) to an end: sets want->port, writes *want (its generation and anchor
 * already set) to the end's line, takes the pair from the ring. 0; -ENOBUFS: none free, nothing written; the caller
 * counts refused_no_port. */
int pool_take(const struct segment *seg, uint32_t worker, uint32_t net, uint32_t slot, unsigned end,
    struct kedge_end *want);

/* Either side: is `generation` of this slot closed by media, or was the slot never used? SIG may then use it. */
bool pool_slot_idle(const struct segment *seg, uint32_t slot);

/* Either side: the pair an end holds now, KEDGE_PORT_NONE for none (never used, or its anchor is closed). */
uint32_t pool_lent(const struct segment *seg, uint32_t slot, unsigned end);

/* SIG, once after attach and before it lends: takes from the rings what a dead predecessor had already lent, writes
 * anchors as closed whose ends it wrote but which it never opened, and queues KEDGE_CMD_SESSION again for every slot
 * in use, for it may have died between table and queue. Returns how many of the first two. The caller wakes the
 * workers. */
uint32_t pool_recover(const struct segment *seg);

/* Either: makes a bound socket of a pair deaf, by connecting it to itself: the kernel then answers whoever else speaks to the port as
 * it does for a closed one, and nothing queues. Undone by connecting it to AF_UNSPEC. (A drop-all filter would be silent, but is compiled
 * anew each time and cost 20 us per anchor and milliseconds of delay to others.) 0 or a negative errno. */
int pool_deafen(int fd);

/* MEDIA, once after attach: place[i] of each of the port_count pairs, for all workers. Safe while SIG lends: rings are
 * read before the table. */
void pool_scan(const struct segment *seg, uint8_t *place);

#endif
