// SPDX-License-Identifier: MIT
/* segment: the two memfds of layout.h: made and laid out by `kedge run`, attached, checked and mended by the planes,
 * read by tools.
 *
 *   RUN    segment_create(shape), fills listeners, nets, ports and eventfds, starts the planes
 *   SIG    segment_attach(pub, priv, SEGMENT_SIG):   both parts writable; mends the lines SIG owns
 *   MEDIA  segment_attach(pub, priv, SEGMENT_MEDIA): both parts writable; mends the lines MEDIA owns
 *   SPARE  segment_attach(pub, priv, SEGMENT_SPARE): both parts, and nothing written until segment_take() makes it MEDIA
 *   TOOL   segment_attach(pub, -1, SEGMENT_TOOL):    the public part, mapped read-only
 *
 * The files cannot change size (sealed) and are 0640. Who attaches believes nothing before it is checked: magic,
 * version, both boot ids, seals, each offset and size, which must be what this build would lay out for the counts, and what
 * waits in each queue, which must fit in it.
 * A plane is refused with -EBUSY while another one of its kind beats. What a dead writer left half written is mended
 * so that no torn copy is ever accepted:
 *   hop id           slot free (its resolver fills it again)      health   UNKNOWN, no generation
 *   anchor           kept if media had opened that generation (all words but the first are then the same in
 *                    both copies), else closed: the call was only being set up
 *   end              port and generation kept, no far address: media goes on with what it knows and latched
 *   keys             none: no packet passes until they are written again     latched   nothing learnt Errors: negative errno, the reason in seg->why.
 * Thread: one thread creates, attaches, detaches; the accessors are pure. Owner: the caller holds struct segment; the
 * descriptors of an attach stay the caller's, open until segment_detach. */
#ifndef KEDGE_ROUTING_SHM_SEGMENT_H
#define KEDGE_ROUTING_SHM_SEGMENT_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "routing/shm/layout.h"
#include "routing/shm/seq.h"

enum segment_role { SEGMENT_RUN, SEGMENT_SIG, SEGMENT_MEDIA, SEGMENT_SPARE, SEGMENT_TOOL };

struct segment_shape {      /* the counts everything is laid out from */
	uint32_t workers;   /* 1 .. KEDGE_WORKERS_MAX */
	uint32_t hops;      /* 1 .. KEDGE_HOPS_MAX */
	uint32_t slots;     /* session slots, 1 .. KEDGE_SLOTS_MAX */
	uint32_t ports;     /* port pairs, 0 .. KEDGE_PORTS_MAX */
	uint32_t nets;      /* 0 .. KEDGE_NETS_MAX */
	uint32_t listeners; /* 0 .. KEDGE_LISTEN_MAX */
};

struct segment {
	enum segment_role role;
	int pub_fd, priv_fd; /* RUN: its own; else the caller's. -1: none */
	struct kedge_public_head *pub;
	struct kedge_private_head *priv; /* NULL for TOOL */
	uint32_t mended;                 /* lines whose writer had died while writing */
	char why[160];                   /* what the last failed call found wrong */
};

/* Makes both memfds (close-on-exec). 0, -EINVAL for a shape out of range, or the errno of the failed call. */
int segment_create(struct segment *seg, const struct segment_shape *shape);

/* Maps and checks; a plane also mends. 0, -EINVAL: not a segment or damaged, -EPROTO: another layout version,
 * -EBUSY: another plane of this kind is alive on it, or the errno of the failed call. */
int segment_attach(struct segment *seg, int pub_fd, int priv_fd, enum segment_role role);

/* The predecessor is dead: the spare is MEDIA from now on. Mends what it left. */
void segment_take(struct segment *seg);

/* Unmaps; RUN closes its memfds too. */
void segment_detach(struct segment *seg);

/* RUN: a descriptor of the public part that cannot be written or mapped writable, for tools. Close-on-exec.
 * Needs /proc. The descriptor (the receiver closes it), or a negative errno. */
int segment_readonly_fd(const struct segment *seg);

/* A plane that begins: its beat's pid, start time, count of starts, state "starting". */
void segment_beat_start(struct kedge_beat *beat, uint64_t now_ns, uint64_t wall_ms);

/* The first slot at or behind `slot` whose session may ever have been written, pub->slots for none. Slots
 * between were never used: reading them would only cost memory. One system call. */
uint32_t segment_next_used(const struct segment *seg, uint32_t slot);

/* Were the outside ends KEDGE_OUT_NEAR and above of this slot (or of one on the same page) ever written? */
bool segment_has_more(const struct segment *seg, uint32_t slot);

/* ---- accessors: pure pointers; an index out of range is a programmer's error ---- */

static inline void *segment_at(const void *base, uint64_t off, uint64_t i, uint64_t n, size_t size)
{
	assert(i < n);
	return (char *)(uintptr_t)base + off + i * size;
}

static inline struct kedge_sig_counters *segment_counters(const struct segment *seg)
{
	return segment_at(
	    seg->pub, seg->pub->counters_off, 0, 1, sizeof(struct kedge_sig_counters));
}

static inline struct kedge_worker *segment_worker(const struct segment *seg, uint32_t worker)
{
	return segment_at(
	    seg->pub, seg->pub->worker_off, worker, seg->pub->workers, sizeof(struct kedge_worker));
}

static inline struct kedge_hop *segment_hop(const struct segment *seg, uint32_t hop)
{
	return segment_at(
	    seg->pub, seg->pub->hop_off, hop, seg->pub->hop_count, sizeof(struct kedge_hop));
}

static inline struct kedge_stats *segment_stats(const struct segment *seg, uint32_t slot)
{
	return segment_at(
	    seg->pub, seg->pub->stats_off, slot, seg->pub->slots, sizeof(struct kedge_stats));
}

static inline struct kedge_listener *segment_listener(const struct segment *seg, uint32_t i)
{
	return segment_at(seg->priv, seg->priv->listener_off, i, seg->priv->listener_count,
	    sizeof(struct kedge_listener));
}

static inline struct kedge_port *segment_port(const struct segment *seg, uint32_t port)
{
	return segment_at(
	    seg->priv, seg->priv->port_off, port, seg->priv->port_count, sizeof(struct kedge_port));
}

static inline struct kedge_session *segment_session(const struct segment *seg, uint32_t slot)
{
	return segment_at(seg->priv, seg->priv->session_off, slot, seg->priv->slots,
	    sizeof(struct kedge_session));
}

/* end: KEDGE_END_INSIDE, or 0 .. KEDGE_OUT_MAX - 1 for an outside end. */
static inline struct kedge_end_slot *segment_end(
    const struct segment *seg, uint32_t slot, unsigned end)
{
	struct kedge_session *s = segment_session(seg, slot);
	struct kedge_session_more *more;

	if (end == KEDGE_END_INSIDE)
		return &s->in;
	assert(end < KEDGE_OUT_MAX);
	if (end < KEDGE_OUT_NEAR)
		return &s->out[end];
	more = segment_at(
	    seg->priv, seg->priv->session_more_off, slot, seg->priv->slots, sizeof(*more));
	return &more->out[end - KEDGE_OUT_NEAR];
}

/* way: 0 media to signaling, 1 signaling to media. */
static inline struct kedge_digits *segment_digits(const struct segment *seg, uint32_t slot, unsigned way)
{
	struct kedge_session_more *more =
	    segment_at(seg->priv, seg->priv->session_more_off, slot, seg->priv->slots, sizeof(*more));

	assert(way < 2);
	return &more->digits[way];
}

static inline struct kedge_record *segment_record(const struct segment *seg, uint32_t slot)
{
	return segment_at(
	    seg->priv, seg->priv->record_off, slot, seg->priv->slots, sizeof(struct kedge_record));
}

static inline struct kedge_record_more *segment_record_more(
    const struct segment *seg, uint32_t slot)
{
	return segment_at(seg->priv, seg->priv->record_more_off, slot, seg->priv->slots,
	    sizeof(struct kedge_record_more));
}

static inline struct kedge_worker_queues *segment_queues(const struct segment *seg, uint32_t worker)
{
	return segment_at(seg->priv, seg->priv->queue_off, worker, seg->priv->workers,
	    sizeof(struct kedge_worker_queues));
}

/* Adds n to a word that only the caller's plane writes: one writer, so no locked instruction. */
static inline void segment_add(_Atomic uint64_t *word, uint64_t n)
{
	uint64_t v = atomic_load_explicit(word, memory_order_relaxed);

	atomic_store_explicit(word, v + n, memory_order_relaxed);
}

/* The free ring of one worker and one local address. */
static inline struct kedge_queue *segment_free(
    const struct segment *seg, uint32_t worker, uint32_t net)
{
	assert(net < seg->priv->net_count);
	return &segment_queues(seg, worker)->free[net];
}

#endif
