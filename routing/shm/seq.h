// SPDX-License-Identifier: MIT
/* seq: plain structs shared by one writer with many readers, behind a sequence number.
 *
 *   writer   seq odd, words, seq even          (W1: the words, W2: the closing store)
 *   reader   seq, words, seq again: odd or changed means again (R0, R1)
 *
 * The words are atomic, so a torn copy is never undefined behaviour, only refused; no fences, which ThreadSanitizer
 * cannot see. One writer per line at any time, any number of readers, any process or thread; no call blocks.
 * A writer may die between two stores: the line then stays odd and no reader accepts it until the plane that owns it
 * attaches again and mends it (segment_attach uses seq_torn() and seq_mend()).
 *
 *	struct kedge_anchor a = { 0 };
 *	seq_write(&session->want, &a);                 writer only
 *	if (seq_read(&session->want, &a) < 0)          a is still the last good copy
 *		count(table_busy); */
#ifndef KEDGE_ROUTING_SHM_SEQ_H
#define KEDGE_ROUTING_SHM_SEQ_H

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SEQ_TRIES     1000 /* of a reader, then it keeps its last good copy */
#define SEQ_WORDS_MAX 32   /* of the largest struct behind a sequence number */

/* Writes *src (the struct the line was declared with). The line must not be torn: attach mends first. */
#define seq_write(line, src)                                                                       \
	({                                                                                         \
		static_assert(sizeof(*(src)) == sizeof((line)->w), "the line's own struct");       \
		seq_write_words(&(line)->seq, (line)->w, (src), sizeof((line)->w) / 8);            \
	})

/* Reads a consistent copy into *dst. 0; -EBUSY after SEQ_TRIES attempts: *dst is untouched, so it still holds the
 * reader's last good copy, and the caller counts it. A line never written reads as zeros. */
#define seq_read(line, dst)                                                                        \
	({                                                                                         \
		static_assert(sizeof(*(dst)) == sizeof((line)->w), "the line's own struct");       \
		static_assert(sizeof((line)->w) / 8 <= SEQ_WORDS_MAX, "fits the reader's buffer"); \
		seq_read_words(&(line)->seq, (line)->w, (dst), sizeof((line)->w) / 8);             \
	})

/* Did its writer die while writing? Only the owner may ask, with no other writer alive. */
#define seq_torn(line) ((atomic_load_explicit(&(line)->seq, memory_order_acquire) & 1) != 0)

/* Owner only, before its first seq_write: the words as they lie, perhaps of two different writes. */
#define seq_peek_torn(line, dst)                                                                   \
	({                                                                                         \
		static_assert(sizeof(*(dst)) == sizeof((line)->w), "the line's own struct");       \
		seq_peek_words((line)->w, (dst), sizeof((line)->w) / 8);                           \
	})

/* Owner only: writes *src over a torn line and makes its number (seq | 1) + 1: even, and never one a reader saw. */
#define seq_mend(line, src)                                                                        \
	({                                                                                         \
		static_assert(sizeof(*(src)) == sizeof((line)->w), "the line's own struct");       \
		seq_mend_words(&(line)->seq, (line)->w, (src), sizeof((line)->w) / 8);             \
	})

static inline void seq_store_words(_Atomic uint64_t *w, const void *src, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t x;

		memcpy(&x, (const char *)src + i * sizeof(x), sizeof(x));
		atomic_store_explicit(&w[i], x, memory_order_release); /* W1: pairs with R1 */
	}
}

static inline void seq_write_words(
    _Atomic uint64_t *seq, _Atomic uint64_t *w, const void *src, size_t n)
{
	uint64_t v = atomic_load_explicit(seq, memory_order_relaxed);

	assert((v & 1) == 0);
	/* Relaxed: it is seen no later than any of the words, each of which releases it. */
	atomic_store_explicit(seq, v + 1, memory_order_relaxed);
	seq_store_words(w, src, n);
	atomic_store_explicit(seq, v + 2, memory_order_release); /* W2: pairs with R0 */
}

static inline void seq_mend_words(
    _Atomic uint64_t *seq, _Atomic uint64_t *w, const void *src, size_t n)
{
	uint64_t v = atomic_load_explicit(seq, memory_order_relaxed) | 1;

	atomic_store_explicit(seq, v, memory_order_relaxed);
	seq_store_words(w, src, n);
	atomic_store_explicit(seq, v + 1, memory_order_release); /* W2: pairs with R0 */
}

static inline void seq_peek_words(const _Atomic uint64_t *w, void *dst, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t x = atomic_load_explicit(&w[i], memory_order_acquire); /* R1 */

		memcpy((char *)dst + i * sizeof(x), &x, sizeof(x));
	}
}

static inline int seq_read_words(
    const _Atomic uint64_t *seq, const _Atomic uint64_t *w, void *dst, size_t n)
{
	uint64_t copy[SEQ_WORDS_MAX];

	for (int tries = 0; tries < SEQ_TRIES; tries++) {
		uint64_t v = atomic_load_explicit(seq, memory_order_acquire); /* R0 */

		if (v & 1)
			continue;
		for (size_t i = 0; i < n; i++)
			copy[i] = atomic_load_explicit(&w[i], memory_order_acquire); /* R1 */
		/* Relaxed is enough: R1 read a word of a later write only if that write's odd number, stored before
		 * it, is visible now. */
		if (atomic_load_explicit(seq, memory_order_relaxed) != v)
			continue;
		memcpy(dst, copy, n * sizeof(copy[0]));
		return 0;
	}
	return -EBUSY;
}

#endif
