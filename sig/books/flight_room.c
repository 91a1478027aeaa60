// SPDX-License-Identifier: MIT
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "sig/offer/crypto.h"
#include "sig/bridge/digits.h"
#include "sig/books/flight_part.h"

#define REST_PAGES 512u /* given back at a time: a third of a millisecond */

struct flight_room flight_room;

/* ---- pieces --------------------------------------------------------------------------------- */

void flight_count_up(_Atomic uint64_t *n, uint64_t by)
{
	atomic_store_explicit(n, atomic_load_explicit(n, memory_order_relaxed) + by, memory_order_relaxed);
}

static void list_remove(uint32_t n)
{
	struct flight_tape *t = flight_at(n);

	*(t->older != FLIGHT_NONE ? &flight_at(t->older)->newer : &flight_room.oldest[t->list]) = t->newer;
	*(t->newer != FLIGHT_NONE ? &flight_at(t->newer)->older : &flight_room.newest[t->list]) = t->older;
	flight_room.tapes[t->list]--;
	flight_room.pieces[t->list] -= t->pieces;
}

static void list_add(uint32_t n, enum flight_list list)
{
	struct flight_tape *t = flight_at(n);

	t->list = (uint8_t)list;
	t->newer = FLIGHT_NONE;
	t->older = flight_room.newest[list];
	*(t->older != FLIGHT_NONE ? &flight_at(t->older)->newer : &flight_room.oldest[list]) = n;
	flight_room.newest[list] = n;
	flight_room.tapes[list]++;
	flight_room.pieces[list] += t->pieces;
}

static void tell_counts(void)
{
	uint64_t tapes = 0;

	for (int i = 0; i < FLIGHT_LISTS; i++)
		tapes += flight_room.tapes[i];
	atomic_store_explicit(&flight_room.now_tapes, tapes, memory_order_relaxed);
	atomic_store_explicit(&flight_room.now_running, flight_room.tapes[FLIGHT_SETUP] + flight_room.tapes[FLIGHT_ANSWERED], memory_order_relaxed);
	atomic_store_explicit(&flight_room.now_kept, flight_room.tapes[FLIGHT_KEPT] + flight_room.tapes[FLIGHT_REFUSED], memory_order_relaxed);
	atomic_store_explicit(&flight_room.now_bytes, (uint64_t)flight_room.in_use * FLIGHT_PIECE, memory_order_relaxed);
}

static void key_remove(uint32_t ref)
{
	const struct flight_key *k = &flight_at(ref / 32)->key[ref % 32];
	uint32_t *at = &flight_room.bucket[k->hash & flight_room.mask];

	while (*at != ref)
		at = &flight_at(*at / 32)->key[*at % 32].next;
	*at = k->next;
}

static void piece_taken(uint32_t n)
{
	uint8_t *page = &flight_room.page[n / FLIGHT_PAGE];

	flight_room.in_use++;
	if (*page == FLIGHT_TOUCHED && --flight_room.idle < flight_room.idle_least)
		flight_room.idle_least = flight_room.idle;
	*page = (uint8_t)((*page | FLIGHT_TOUCHED) + 1);
}

static void piece_back(uint32_t n)
{
	flight_room.in_use--;
	flight_room.next[n] = flight_room.free;
	flight_room.free = n;
	flight_room.idle += --flight_room.page[n / FLIGHT_PAGE] == FLIGHT_TOUCHED;
}

void flight_room_rest(void)
{
	uint32_t left = flight_room.idle_least < REST_PAGES ? flight_room.idle_least : REST_PAGES;
	uint32_t at = (flight_room.fresh + FLIGHT_PAGE - 1) / FLIGHT_PAGE, run;

	while (left && at) {
		for (run = 0; run < left && at && flight_room.page[at - 1] == FLIGHT_TOUCHED; run++)
			flight_room.page[--at] = 0;
		if (run)
			madvise(&flight_room.piece[at * FLIGHT_PAGE], run * FLIGHT_PAGE * FLIGHT_PIECE, MADV_DONTNEED);
		else
			at--;
		left -= run;
		flight_room.idle -= run;
	}
	flight_room.idle_least = flight_room.idle;
}

void flight_drop(uint32_t n)
{
	struct flight_tape *t = flight_at(n);
	uint32_t last = t->last, p, next = n;

	for (uint32_t i = 0; i < t->keys; i++)
		key_remove(n * 32 + i);
	list_remove(n);
	do {
		p = next;
		next = flight_room.next[p];
		piece_back(p);
	} while (p != last);
	for (uint32_t i = 0; i < flight_room.wanting; i++)
		if (flight_room.wanted[i] == n)
			flight_room.wanted[i] = FLIGHT_NONE;
	tell_counts();
}

/* The oldest of a list; the one after it where that is being written. */
static uint32_t oldest_but(enum flight_list list, uint32_t writing)
{
	uint32_t n = flight_room.oldest[list];

	return n != FLIGHT_NONE && n == writing ? flight_at(n)->newer : n;
}

/* Somebody gives way, never the one that is being written. False: there is nobody. */
static bool make_room(uint32_t writing)
{
	static const enum flight_list orders[2][4] = { { FLIGHT_ANSWERED, FLIGHT_REFUSED, FLIGHT_FRESH, FLIGHT_KEPT }, { FLIGHT_REFUSED, FLIGHT_FRESH, FLIGHT_ANSWERED, FLIGHT_KEPT } };
	const enum flight_list *order = orders[flight_room.pieces[FLIGHT_REFUSED] + flight_room.pieces[FLIGHT_FRESH] > flight_room.count / 8];
	uint32_t n = FLIGHT_NONE;

	for (int i = 0; n == FLIGHT_NONE && i < 4; i++)
		n = oldest_but(order[i], writing);
	if (n == FLIGHT_NONE)
		return false;
	flight_drop(n);
	flight_count_up(&flight_room.evicted, 1);
	return true;
}

static uint32_t take_piece(uint32_t writing)
{
	uint32_t n;

	while (flight_room.free == FLIGHT_NONE && flight_room.fresh == flight_room.count)
		if (!make_room(writing))
			return FLIGHT_NONE;
	if (flight_room.free != FLIGHT_NONE) {
		n = flight_room.free;
		flight_room.free = flight_room.next[n];
	} else {
		n = flight_room.fresh++;
	}
	piece_taken(n);
	return n;
}

/* Appends that many more pieces to the tape; none of them where not all are to be had. */
static bool extend(uint32_t n, uint32_t more)
{
	struct flight_tape *t = flight_at(n);
	uint32_t first = FLIGHT_NONE, p;

	for (uint32_t i = 0; i < more; i++) {
		p = take_piece(n);
		if (p == FLIGHT_NONE) {
			while (first != FLIGHT_NONE) {
				p = first;
				first = flight_room.next[p];
				piece_back(p);
			}
			return false;
		}
		flight_room.next[p] = first;
		first = p;
	}
	flight_room.next[t->last] = first;
	t->pieces += more;
	flight_room.pieces[t->list] += more;
	return true;
}

/* The room is there. */
static void put(struct flight_tape *t, const void *data, size_t size)
{
	const char *from = data;
	size_t n;

	while (size) {
		if (t->used == FLIGHT_PIECE) {
			t->last = flight_room.next[t->last];
			t->used = 0;
		}
		n = FLIGHT_PIECE - t->used < size ? FLIGHT_PIECE - t->used : size;
		memcpy(flight_room.piece[t->last].data + t->used, from, n);
		t->used += (uint32_t)n;
		from += n;
		size -= n;
	}
}

/* A key of SRTP is not even kept: of the same length, it is asterisks. */
static void put_text(struct flight_tape *t, const struct iovec *v)
{
	static char masked[1 << 16];

	for (size_t done = 0, n; done < v->iov_len; done += n) {
		const char *from = (const char *)v->iov_base + done;

		n = v->iov_len - done;
		if (!crypto_stands_in(from, n)) {
			put(t, from, n);
			continue;
		}
		n = n < sizeof(masked) ? n : sizeof(masked);
		memcpy(masked, from, n);
		crypto_mask(masked, n);
		put(t, masked, n);
		crypto_wipe(masked, n);
	}
}

/* What is too long to be looked at: a message of ours may be, with the route of one and the body of another. */
static void put_hidden(struct flight_tape *t, size_t size)
{
	static const char hidden[] = "****************";

	for (size_t n; size; size -= n) {
		n = size < sizeof(hidden) - 1 ? size : sizeof(hidden) - 1;
		put(t, hidden, n);
	}
}

/* Digits of an INFO may be somebody's card number. True: it is one, and was put without them. length: of all its text. */
static bool put_digits(struct flight_tape *t, const struct iovec *text, size_t pieces, size_t length)
{
	static char whole[1 << 16]; /* as long as a datagram may be */
	size_t size = 0;

	if (pieces == 0 || text[0].iov_len < 5 || (memcmp(text[0].iov_base, "INFO ", 5) != 0 && memcmp(text[0].iov_base, "NOTIF", 5) != 0))
		return false;
	for (size_t i = 0; i < pieces; i++) {
		size_t n = text[i].iov_len < sizeof(whole) - size ? text[i].iov_len : sizeof(whole) - size;

		memcpy(whole + size, text[i].iov_base, n);
		size += n;
	}
	if (length == size && !digits_stand_in(whole, size))
		return false;
	digits_mask(whole, size);
	put(t, whole, size);
	put_hidden(t, length - size);
	return true;
}

void flight_append(uint32_t n, const struct flight_line *l, const struct iovec *text, size_t pieces)
{
	struct flight_tape *t = flight_at(n);
	size_t size = sizeof(*l) + l->size, left = FLIGHT_PIECE - t->used;
	uint32_t more = size > left ? (uint32_t)((size - left + FLIGHT_PIECE - 1) / FLIGHT_PIECE) : 0;

	if (((size_t)t->pieces + more) * FLIGHT_PIECE > FLIGHT_TAPE_MAX || (more && !extend(n, more))) {
		t->left_out++;
		flight_count_up(&flight_room.left_out, 1);
		return;
	}
	put(t, l, sizeof(*l));
	if (!put_digits(t, text, pieces, l->size))
		for (size_t i = 0; i < pieces; i++)
			put_text(t, &text[i]);
	t->messages += !l->note;
	flight_count_up(&flight_room.messages, !l->note);
	tell_counts();
}

/* ---- tapes ---------------------------------------------------------------------------------- */

void flight_key_add(uint32_t n, uint64_t hash)
{
	struct flight_tape *t = flight_at(n);
	struct flight_key *k;

	if (t->keys == FLIGHT_KEYS)
		return;
	k = &t->key[t->keys];
	k->hash = hash;
	k->next = flight_room.bucket[hash & flight_room.mask];
	flight_room.bucket[hash & flight_room.mask] = n * 32 + t->keys++;
}

/* Refused INVITEs have their share and no more, whatever room is free: anybody who is let in can send them. */
static void limit_refused(void)
{
	uint32_t n;

	while (flight_room.pieces[FLIGHT_REFUSED] + flight_room.pieces[FLIGHT_FRESH] > flight_room.count / 8) {
		n = flight_room.oldest[FLIGHT_REFUSED] != FLIGHT_NONE ? flight_room.oldest[FLIGHT_REFUSED] : flight_room.oldest[FLIGHT_FRESH];
		flight_drop(n);
		flight_count_up(&flight_room.evicted, 1);
	}
}

uint32_t flight_tape_new(uint64_t hash, uint64_t now_ns)
{
	struct flight_tape *t;
	uint32_t n;

	limit_refused();
	n = take_piece(FLIGHT_NONE);

	if (n == FLIGHT_NONE)
		return FLIGHT_NONE;
	t = flight_at(n);
	memset(t, 0, sizeof(*t));
	t->begun_ns = now_ns;
	t->last = n;
	t->used = sizeof(*t);
	t->pieces = 1;
	flight_room.next[n] = FLIGHT_NONE;
	flight_key_add(n, hash);
	list_add(n, FLIGHT_FRESH);
	return n;
}

void flight_list_move(uint32_t n, enum flight_list list)
{
	list_remove(n);
	list_add(n, list);
	tell_counts();
}

void flight_count(struct flight_counts *n)
{
	*n = (struct flight_counts){ .room = (uint64_t)flight_room.count * FLIGHT_PIECE,
		.tapes = atomic_load_explicit(&flight_room.now_tapes, memory_order_relaxed),
		.running = atomic_load_explicit(&flight_room.now_running, memory_order_relaxed),
		.kept = atomic_load_explicit(&flight_room.now_kept, memory_order_relaxed),
		.bytes = atomic_load_explicit(&flight_room.now_bytes, memory_order_relaxed),
		.messages = atomic_load_explicit(&flight_room.messages, memory_order_relaxed),
		.evicted = atomic_load_explicit(&flight_room.evicted, memory_order_relaxed),
		.left_out = atomic_load_explicit(&flight_room.left_out, memory_order_relaxed) };
}

/* ---- open and close ------------------------------------------------------------------------- */

static void *map(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

int flight_open(size_t bytes)
{
	uint32_t buckets = 256;

	assert(!flight_room.piece);
	memset(&flight_room, 0, sizeof(flight_room));
	flight_room.free = FLIGHT_NONE;
	for (int i = 0; i < FLIGHT_LISTS; i++)
		flight_room.oldest[i] = flight_room.newest[i] = FLIGHT_NONE;
	if (bytes < 64 * FLIGHT_PIECE)
		return 0;
	while (buckets < bytes / FLIGHT_PIECE / 8)
		buckets *= 2;
	flight_room.mask = buckets - 1;
	flight_room.count = (uint32_t)((bytes - buckets * sizeof(*flight_room.bucket)) / (FLIGHT_PIECE + sizeof(*flight_room.next) + 1));
	flight_room.bucket = map(buckets * sizeof(*flight_room.bucket));
	flight_room.next = map(flight_room.count * sizeof(*flight_room.next));
	flight_room.page = map(flight_room.count / FLIGHT_PAGE + 1);
	flight_room.piece = map((size_t)flight_room.count * FLIGHT_PIECE);
	if (!flight_room.bucket || !flight_room.next || !flight_room.page || !flight_room.piece) {
		flight_close();
		return -ENOMEM;
	}
	memset(flight_room.bucket, 0xff, buckets * sizeof(*flight_room.bucket));
	return 0;
}

static void unmap(void *p, size_t size)
{
	if (p)
		munmap(p, size);
}

void flight_close(void)
{
	unmap(flight_room.bucket, (flight_room.mask + 1) * sizeof(*flight_room.bucket));
	unmap(flight_room.next, flight_room.count * sizeof(*flight_room.next));
	unmap(flight_room.page, flight_room.count / FLIGHT_PAGE + 1);
	unmap(flight_room.piece, (size_t)flight_room.count * FLIGHT_PIECE);
	flight_room.next = NULL;
	flight_room.page = NULL;
	flight_room.bucket = NULL;
	flight_room.piece = NULL;
}
