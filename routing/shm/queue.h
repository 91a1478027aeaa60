// SPDX-License-Identifier: MIT
/* queue: 64-bit messages from one producer to one consumer through the segment.
 *
 * One thread produces, one consumes, each may die and be started again at any store: a message counts as sent once the
 * tail is stored (Q1) and as taken once the head is stored (Q2), so nothing is seen half. No call blocks; a full queue
 * is an answer. Messages only say "look there": what counts lies in a table, so a lost one costs a look, not a call.
 *
 * Commands and events: op << 56 | generation (24 bits) << 32 | slot. Free rings: index of a port pair. */
#ifndef KEDGE_ROUTING_SHM_QUEUE_H
#define KEDGE_ROUTING_SHM_QUEUE_H

#include <errno.h>
#include <stdint.h>

#include "routing/shm/layout.h"

static_assert((KEDGE_QUEUE_SLOTS & (KEDGE_QUEUE_SLOTS - 1)) == 0, "a power of two");

static inline uint64_t queue_msg(unsigned op, uint32_t generation, uint32_t slot)
{
	return (uint64_t)op << 56 | (uint64_t)(generation & 0xffffff) << 32 | slot;
}

static inline unsigned queue_msg_op(uint64_t msg)
{
	return (unsigned)(msg >> 56);
}

/* The low 24 bits of the slot's generation; compare with (generation & 0xffffff). */
static inline uint32_t queue_msg_generation(uint64_t msg)
{
	return (uint32_t)(msg >> 32) & 0xffffff;
}

static inline uint32_t queue_msg_slot(uint64_t msg)
{
	return (uint32_t)msg;
}

/* Either side, any reader: how many wait. Exact for the producer's "at most" and the consumer's "at least". */
static inline uint64_t queue_count(const struct kedge_queue *q)
{
	uint64_t head = atomic_load_explicit(&q->head, memory_order_acquire); /* Q2 */
	uint64_t tail = atomic_load_explicit(&q->tail, memory_order_acquire); /* Q1 */

	return tail - head;
}

/* Producer. 0, or -ENOBUFS: full, counted in q->dropped. */
static inline int queue_push(struct kedge_queue *q, uint64_t msg)
{
	uint64_t tail = atomic_load_explicit(&q->tail, memory_order_relaxed);
	uint64_t head = atomic_load_explicit(&q->head, memory_order_acquire); /* pairs with Q2 */

	if (tail - head >= KEDGE_QUEUE_SLOTS) {
		uint64_t n = atomic_load_explicit(&q->dropped, memory_order_relaxed);

		atomic_store_explicit(&q->dropped, n + 1, memory_order_relaxed);
		return -ENOBUFS;
	}
	atomic_store_explicit(&q->slot[tail % KEDGE_QUEUE_SLOTS], msg, memory_order_relaxed);
	atomic_store_explicit(&q->tail, tail + 1, memory_order_release); /* Q1 */
	return 0;
}

/* Consumer: the oldest message, left in the queue. 0, or -EAGAIN: empty, *msg untouched. */
static inline int queue_peek(const struct kedge_queue *q, uint64_t *msg)
{
	uint64_t head = atomic_load_explicit(&q->head, memory_order_relaxed);
	uint64_t tail = atomic_load_explicit(&q->tail, memory_order_acquire); /* pairs with Q1 */

	if (head == tail)
		return -EAGAIN;
	*msg = atomic_load_explicit(&q->slot[head % KEDGE_QUEUE_SLOTS], memory_order_relaxed);
	return 0;
}

/* Consumer: takes what queue_peek showed. What it stored before is visible to whoever sees the new head. */
static inline void queue_advance(struct kedge_queue *q)
{
	uint64_t head = atomic_load_explicit(&q->head, memory_order_relaxed);

	atomic_store_explicit(&q->head, head + 1, memory_order_release); /* Q2 */
}

/* Consumer. 0, or -EAGAIN: empty. */
static inline int queue_pop(struct kedge_queue *q, uint64_t *msg)
{
	int rc = queue_peek(q, msg);

	if (rc == 0)
		queue_advance(q);
	return rc;
}

#endif
