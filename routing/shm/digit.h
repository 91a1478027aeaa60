// SPDX-License-Identifier: MIT
/* digit: one DTMF digit as a word, and its ring through the segment (kedge_digits): one producer, one consumer.
 *
 *   timestamp 32 | duration in ms 16 | generation of the anchor 7 | end 4 | event 5
 *
 * timestamp: of the RTP event it was heard as, so that a successor knows what was given already; 0 where there was none. Of one that
 * signaling asks for: when, digit_ms(); 0: not said.
 * As with shm/queue.h each side may die at any store: a digit counts as put once put is stored (D1), as taken once taken is
 * stored (D2), and it is taken before anything is done with it. */
#ifndef KEDGE_ROUTING_SHM_DIGIT_H
#define KEDGE_ROUTING_SHM_DIGIT_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "routing/shm/layout.h"

#define DIGIT_EVENTS 17 /* 0-9 * # A-D flash: RFC 4733 3.2 */
#define DIGIT_STAR   10
#define DIGIT_POUND  11
#define DIGIT_A      12
#define DIGIT_FLASH  16

struct digit {
	uint32_t timestamp;
	uint16_t duration_ms;
	uint8_t end;   /* that it came from, or is for: KEDGE_END_INSIDE or an outside end */
	uint8_t event; /* below DIGIT_EVENTS */
};

/* Never 0. */
static inline uint32_t digit_ms(uint64_t now_ns)
{
	return (uint32_t)(now_ns / 1000000) | 1u;
}

static inline uint64_t digit_word(const struct digit *d, uint32_t generation)
{
	uint64_t end = d->end == KEDGE_END_INSIDE ? 15 : d->end & 15u;

	return (uint64_t)d->timestamp << 32 | (uint64_t)d->duration_ms << 16 | (uint64_t)(generation & 127) << 9 | end << 5 |
	       (d->event & 31u);
}

/* False: of another generation. */
static inline bool digit_read(uint64_t word, uint32_t generation, struct digit *d)
{
	uint8_t end = word >> 5 & 15;

	*d = (struct digit){ .timestamp = (uint32_t)(word >> 32),
		.duration_ms = (uint16_t)(word >> 16),
		.end = end == 15 ? KEDGE_END_INSIDE : end,
		.event = word & 31 };
	return (word >> 9 & 127) == (generation & 127) && d->event < DIGIT_EVENTS;
}

/* Producer. 0, or -ENOBUFS: full. */
static inline int digit_put(struct kedge_digits *q, const struct digit *d, uint32_t generation)
{
	uint64_t put = atomic_load_explicit(&q->put, memory_order_relaxed);
	uint64_t taken = atomic_load_explicit(&q->taken, memory_order_acquire); /* pairs with D2 */

	if (put - taken >= KEDGE_DIGITS)
		return -ENOBUFS;
	atomic_store_explicit(&q->digit[put % KEDGE_DIGITS], digit_word(d, generation), memory_order_relaxed);
	atomic_store_explicit(&q->put, put + 1, memory_order_release); /* D1 */
	return 0;
}

/* Consumer: the oldest of this generation, left in the ring; older ones of others are thrown away. 0 or -EAGAIN: none. */
static inline int digit_peek(struct kedge_digits *q, uint32_t generation, struct digit *d)
{
	uint64_t taken = atomic_load_explicit(&q->taken, memory_order_relaxed);
	uint64_t put = atomic_load_explicit(&q->put, memory_order_acquire); /* pairs with D1 */

	for (; taken != put; taken++) {
		if (digit_read(atomic_load_explicit(&q->digit[taken % KEDGE_DIGITS], memory_order_relaxed), generation, d))
			return 0;
		atomic_store_explicit(&q->taken, taken + 1, memory_order_release); /* D2 */
	}
	return -EAGAIN;
}

/* Consumer: takes what digit_peek() showed, before it does anything with it. */
static inline void digit_take(struct kedge_digits *q)
{
	uint64_t taken = atomic_load_explicit(&q->taken, memory_order_relaxed);

	atomic_store_explicit(&q->taken, taken + 1, memory_order_release); /* D2 */
}

#define DIGIT_AHEAD_MS 1000u /* the consumer's clock stands still while it works */

/* Consumer: was such a digit for that end put less than within_ms ago, taken or not? from: where to begin; behind it then. */
static inline bool digit_put_lately(
    const struct kedge_digits *q, uint32_t generation, const struct digit *like, uint32_t now_ms, uint32_t within_ms, uint64_t *from)
{
	uint64_t put = atomic_load_explicit(&q->put, memory_order_acquire); /* pairs with D1 */
	struct digit d;

	for (uint64_t i = put > *from + KEDGE_DIGITS ? put - KEDGE_DIGITS : *from; i < put; i++)
		if (digit_read(atomic_load_explicit(&q->digit[i % KEDGE_DIGITS], memory_order_relaxed), generation, &d) &&
		    d.end == like->end && d.event == like->event && d.timestamp != 0 &&
		    now_ms + DIGIT_AHEAD_MS - d.timestamp <= within_ms + DIGIT_AHEAD_MS) {
			*from = i + 1;
			return true;
		}
	return false;
}

/* Producer that was started again: the newest of that end it put, taken or not. 0 or -EAGAIN: none is there still. */
static inline int digit_newest(const struct kedge_digits *q, uint32_t generation, uint8_t end, struct digit *d)
{
	uint64_t put = atomic_load_explicit(&q->put, memory_order_relaxed);

	for (uint64_t i = 1; i <= KEDGE_DIGITS && i <= put; i++)
		if (digit_read(atomic_load_explicit(&q->digit[(put - i) % KEDGE_DIGITS], memory_order_relaxed), generation, d) &&
		    d->end == end)
			return 0;
	return -EAGAIN;
}

#endif
