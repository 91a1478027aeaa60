// SPDX-License-Identifier: MIT
#include "sig/flight.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>

#include "sig/wire.h"

#define PIECE   1024u
#define ROOM    (PIECE - 4)
#define NONE    UINT32_MAX
#define SCRATCH 4096 /* of a head in several pieces: where its Call-ID is looked for */
#define KEYS    (FLIGHT_LEGS + 1) /* Call-IDs, and the call's own number */
#define YOUNG_NS 32000000000ULL /* 64 of T1: an answered call is interesting no longer than its transaction */
#define WANTED  4    /* calls that one message belongs to, where a Call-ID is used twice */

enum list { FRESH, SETUP, ANSWERED, REFUSED, KEPT, LISTS }; /* FRESH: an INVITE came, no call yet */

struct piece {
	uint32_t next;
	char data[ROOM];
};
static_assert(sizeof(struct piece) == PIECE, "whole");

struct key {
	uint64_t hash; /* of the Call-ID; the table is found by it */
	uint32_t next; /* in its bucket: piece * 32 + key */
	uint32_t pad;
};

struct tape { /* at the front of its first piece */
	uint64_t call;   /* 0: no call yet */
	uint64_t invite; /* hash of the topmost Via of the INVITE it began with */
	uint64_t begun_ns, answered_ns;
	uint32_t older, newer; /* in its list */
	uint32_t last, used;   /* the piece that is written to, and how much of it */
	uint32_t pieces, messages, left_out;
	uint8_t list, keys;
	uint8_t pad[6];
	struct key key[KEYS];
};
static_assert(sizeof(struct tape) < ROOM && sizeof(struct tape) % 8 == 0, "in the first piece");

struct line { /* in front of each message */
	uint64_t at_ns;
	uint32_t size;
	uint8_t out, tcp, note, pad;
	struct kedge_addr local, peer;
};

static struct {
	struct piece *piece;
	uint32_t count, fresh, free; /* free: of those given back; fresh: the first that was never used */
	uint32_t in_use;
	uint32_t oldest[LISTS], newest[LISTS], tapes[LISTS], pieces[LISTS];
	uint32_t *bucket;
	uint32_t mask;
	uint32_t wanted[WANTED], wanting; /* flight_wants' answer */
	bool begins;                      /* it is the first message of a tape: hash and via of it */
	uint64_t begins_id, begins_via;
	_Atomic uint64_t messages, evicted, left_out;
	_Atomic uint64_t now_tapes, now_running, now_kept, now_bytes;
} flight;

/* A tape's number is that of its first piece; its struct stands in the data, which begins 4 bytes in. */
static struct tape *tape_at(uint32_t n)
{
	return (struct tape *)(void *)(flight.piece[n].data + 4);
}
static_assert(offsetof(struct piece, data) == 4, "the tape stands at 8");

/* ---- pieces --------------------------------------------------------------------------------- */

static void count_up(_Atomic uint64_t *n, uint64_t by)
{
	atomic_store_explicit(n, atomic_load_explicit(n, memory_order_relaxed) + by, memory_order_relaxed);
}

static void list_remove(uint32_t n)
{
	struct tape *t = tape_at(n);

	*(t->older != NONE ? &tape_at(t->older)->newer : &flight.oldest[t->list]) = t->newer;
	*(t->newer != NONE ? &tape_at(t->newer)->older : &flight.newest[t->list]) = t->older;
	flight.tapes[t->list]--;
	flight.pieces[t->list] -= t->pieces;
}

static void list_add(uint32_t n, enum list list)
{
	struct tape *t = tape_at(n);

	t->list = (uint8_t)list;
	t->newer = NONE;
	t->older = flight.newest[list];
	*(t->older != NONE ? &tape_at(t->older)->newer : &flight.oldest[list]) = n;
	flight.newest[list] = n;
	flight.tapes[list]++;
	flight.pieces[list] += t->pieces;
}

static void tell_counts(void)
{
	uint64_t tapes = 0;

	for (int i = 0; i < LISTS; i++)
		tapes += flight.tapes[i];
	atomic_store_explicit(&flight.now_tapes, tapes, memory_order_relaxed);
	atomic_store_explicit(&flight.now_running, flight.tapes[SETUP] + flight.tapes[ANSWERED], memory_order_relaxed);
	atomic_store_explicit(&flight.now_kept, flight.tapes[KEPT] + flight.tapes[REFUSED], memory_order_relaxed);
	atomic_store_explicit(&flight.now_bytes, (uint64_t)flight.in_use * PIECE, memory_order_relaxed);
}

static void key_remove(uint32_t ref)
{
	const struct key *k = &tape_at(ref / 32)->key[ref % 32];
	uint32_t *at = &flight.bucket[k->hash & flight.mask];

	while (*at != ref)
		at = &tape_at(*at / 32)->key[*at % 32].next;
	*at = k->next;
}

static void drop(uint32_t n)
{
	struct tape *t = tape_at(n);

	for (uint32_t i = 0; i < t->keys; i++)
		key_remove(n * 32 + i);
	list_remove(n);
	flight.in_use -= t->pieces;
	flight.piece[t->last].next = flight.free;
	flight.free = n;
	for (uint32_t i = 0; i < flight.wanting; i++)
		if (flight.wanted[i] == n)
			flight.wanted[i] = NONE;
	tell_counts();
}

/* Somebody gives way, never the one that is being written. False: there is nobody. */
static bool make_room(uint32_t writing)
{
	static const enum list orders[2][4] = { { ANSWERED, REFUSED, FRESH, KEPT }, { REFUSED, FRESH, ANSWERED, KEPT } };
	const enum list *order = orders[flight.pieces[REFUSED] + flight.pieces[FRESH] > flight.count / 8];
	uint32_t n = NONE;

	for (int i = 0; (n == NONE || n == writing) && i < 4; i++)
		n = flight.oldest[order[i]];
	if (n == NONE || n == writing)
		return false;
	drop(n);
	count_up(&flight.evicted, 1);
	return true;
}

static uint32_t take_piece(uint32_t writing)
{
	uint32_t n;

	while (flight.free == NONE && flight.fresh == flight.count)
		if (!make_room(writing))
			return NONE;
	if (flight.free != NONE) {
		n = flight.free;
		flight.free = flight.piece[n].next;
	} else {
		n = flight.fresh++;
	}
	flight.in_use++;
	return n;
}

/* Appends that many more pieces to the tape; none of them where not all are to be had. */
static bool extend(uint32_t n, uint32_t more)
{
	struct tape *t = tape_at(n);
	uint32_t first = NONE, p;

	for (uint32_t i = 0; i < more; i++) {
		p = take_piece(n);
		if (p == NONE) {
			while (first != NONE) {
				p = first;
				first = flight.piece[p].next;
				flight.piece[p].next = flight.free;
				flight.free = p;
				flight.in_use--;
			}
			return false;
		}
		flight.piece[p].next = first;
		first = p;
	}
	flight.piece[t->last].next = first;
	t->pieces += more;
	flight.pieces[t->list] += more;
	return true;
}

/* The room is there. */
static void put(struct tape *t, const void *data, size_t size)
{
	const char *from = data;
	size_t n;

	while (size) {
		if (t->used == ROOM) {
			t->last = flight.piece[t->last].next;
			t->used = 0;
		}
		n = ROOM - t->used < size ? ROOM - t->used : size;
		memcpy(flight.piece[t->last].data + t->used, from, n);
		t->used += (uint32_t)n;
		from += n;
		size -= n;
	}
}

static void append(uint32_t n, const struct line *l, const struct iovec *text, size_t pieces)
{
	struct tape *t = tape_at(n);
	size_t size = sizeof(*l) + l->size, left = ROOM - t->used;
	uint32_t more = size > left ? (uint32_t)((size - left + ROOM - 1) / ROOM) : 0;

	if (((size_t)t->pieces + more) * PIECE > FLIGHT_TAPE_MAX || (more && !extend(n, more))) {
		t->left_out++;
		count_up(&flight.left_out, 1);
		return;
	}
	put(t, l, sizeof(*l));
	for (size_t i = 0; i < pieces; i++)
		put(t, text[i].iov_base, text[i].iov_len);
	t->messages += !l->note;
	count_up(&flight.messages, !l->note);
	tell_counts();
}

/* ---- tapes by Call-ID ----------------------------------------------------------------------- */

static uint64_t hash_of(const char *text, size_t size)
{
	uint64_t h = 14695981039346656037ULL;

	for (size_t i = 0; i < size; i++)
		h = (h ^ (uint8_t)text[i]) * 1099511628211ULL;
	return h ^ h >> 29;
}

static void key_add(uint32_t n, uint64_t hash)
{
	struct tape *t = tape_at(n);
	struct key *k;

	if (t->keys == KEYS)
		return;
	k = &t->key[t->keys];
	k->hash = hash;
	k->next = flight.bucket[hash & flight.mask];
	flight.bucket[hash & flight.mask] = n * 32 + t->keys++;
}

/* Refused INVITEs have their share and no more, whatever room is free: anybody who is let in can send them. */
static void limit_refused(void)
{
	uint32_t n;

	while (flight.pieces[REFUSED] + flight.pieces[FRESH] > flight.count / 8) {
		n = flight.oldest[REFUSED] != NONE ? flight.oldest[REFUSED] : flight.oldest[FRESH];
		drop(n);
		count_up(&flight.evicted, 1);
	}
}

static uint32_t tape_new(uint64_t hash, uint64_t now_ns)
{
	struct tape *t;
	uint32_t n;

	limit_refused();
	n = take_piece(NONE);

	if (n == NONE)
		return NONE;
	t = tape_at(n);
	memset(t, 0, sizeof(*t));
	t->begun_ns = now_ns;
	t->last = n;
	t->used = 4 + sizeof(*t);
	t->pieces = 1;
	flight.piece[n].next = NONE;
	key_add(n, hash);
	list_add(n, FRESH);
	return n;
}

/* A call's number is a key as its Call-IDs are. */
static uint32_t tape_of(uint64_t call)
{
	uint64_t hash = hash_of((const char *)&call, sizeof(call));

	if (!flight.piece)
		return NONE;
	for (uint32_t ref = flight.bucket[hash & flight.mask]; ref != NONE; ref = tape_at(ref / 32)->key[ref % 32].next)
		if (tape_at(ref / 32)->key[ref % 32].hash == hash && tape_at(ref / 32)->call == call)
			return ref / 32;
	return NONE;
}

/* ---- messages ------------------------------------------------------------------------------- */

static bool is_message(const char *head, size_t size)
{
	const char *end = memchr(head, '\n', size);

	if (!end || end - head < 12)
		return false;
	end -= end[-1] == '\r';
	return memcmp(head, "SIP/2.0 ", 8) == 0 || memcmp(end - 8, " SIP/2.0", 8) == 0;
}

/* As wire_header(), for this one, which is asked for with every message. */
static const char *find_call_id(const char *head, size_t size, size_t *length)
{
	const char *end = head + size, *p = memchr(head, '\n', size), *stop;

	for (; p && ++p < end && *p != '\r' && *p != '\n'; p = memchr(p, '\n', (size_t)(end - p))) {
		if ((*p | 0x20) == 'c' && end - p > 8 && strncasecmp(p, "call-id", 7) == 0)
			p += 7;
		else if ((*p | 0x20) == 'i' && end - p > 2 && (p[1] == ':' || p[1] == ' ' || p[1] == '\t'))
			p++;
		else
			continue;
		while (p < end && (*p == ' ' || *p == '\t'))
			p++;
		if (p == end || *p != ':')
			continue;
		for (p++; p < end && (*p == ' ' || *p == '\t');)
			p++;
		stop = memchr(p, '\n', (size_t)(end - p));
		if (!stop)
			return NULL;
		while (stop > p && (stop[-1] == '\r' || stop[-1] == ' ' || stop[-1] == '\t'))
			stop--;
		*length = (size_t)(stop - p);
		return p;
	}
	return NULL;
}

/* An INVITE from outside a dialog? Then what tells it from others of its Call-ID: its topmost Via. */
static bool is_first(const char *head, size_t size, uint64_t *via)
{
	size_t n;
	const char *to;

	if (size < 7 || memcmp(head, "INVITE ", 7) != 0)
		return false;
	to = wire_header(head, size, "To", 't', &n);
	if (!to || memmem(to, n, ";tag=", 5))
		return false;
	to = wire_header(head, size, "Via", 'v', &n);
	*via = to ? hash_of(to, n) : 0;
	return true;
}

/* The tapes that know this Call-ID: all that run, else the newest. first: an INVITE with that Via; of another one's tape it is no part. */
static void find_tapes(uint64_t hash, bool first, uint64_t via)
{
	uint32_t newest = NONE;

	flight.wanting = 0;
	for (uint32_t ref = flight.bucket[hash & flight.mask]; ref != NONE; ref = tape_at(ref / 32)->key[ref % 32].next) {
		const struct tape *t = tape_at(ref / 32);

		if (t->key[ref % 32].hash != hash || (first && t->invite != via))
			continue;
		if (newest == NONE)
			newest = ref / 32;
		if ((t->list == SETUP || t->list == ANSWERED) && flight.wanting < WANTED)
			flight.wanted[flight.wanting++] = ref / 32;
	}
	if (!flight.wanting && newest != NONE)
		flight.wanted[flight.wanting++] = newest;
}

/* The head in one piece: the first, or a copy of its beginning. */
static const char *in_one(const struct iovec *text, size_t pieces, size_t *size)
{
	static char scratch[SCRATCH];
	size_t used = 0, n;

	*size = text[0].iov_len;
	if (pieces == 1 || memmem(text[0].iov_base, text[0].iov_len, "\r\n\r\n", 4))
		return text[0].iov_base;
	for (size_t i = 0; i < pieces && used < SCRATCH; i++) {
		n = text[i].iov_len < SCRATCH - used ? text[i].iov_len : SCRATCH - used;
		memcpy(scratch + used, text[i].iov_base, n);
		used += n;
	}
	*size = used;
	return scratch;
}

bool flight_wants(bool out, const struct iovec *text, size_t pieces)
{
	const char *head, *id;
	size_t size, n;
	uint64_t hash, via = 0;
	bool first;

	flight.wanting = 0;
	flight.begins = false;
	if (!flight.piece || !pieces)
		return false;
	head = in_one(text, pieces, &size);
	if (!is_message(head, size) || !(id = find_call_id(head, size, &n)))
		return false;
	hash = hash_of(id, n);
	first = !out && is_first(head, size, &via);
	find_tapes(hash, first, via);
	if (flight.wanting || !first)
		return flight.wanting > 0;
	flight.begins = true;
	flight.begins_id = hash;
	flight.begins_via = via;
	return true;
}

void flight_take(const struct flight_way *way, const struct iovec *text, size_t pieces, uint64_t now_ns)
{
	struct line l = { .at_ns = now_ns, .out = way->out, .tcp = way->tcp, .local = way->local, .peer = way->peer };
	uint32_t n;

	for (size_t i = 0; i < pieces; i++)
		l.size += (uint32_t)text[i].iov_len;
	if (flight.begins) {
		n = tape_new(flight.begins_id, now_ns);
		flight.begins = false;
		if (n == NONE) {
			count_up(&flight.left_out, 1);
			return;
		}
		tape_at(n)->invite = flight.begins_via;
		flight.wanted[flight.wanting++] = n;
	}
	for (uint32_t i = 0; i < flight.wanting; i++)
		if (flight.wanted[i] != NONE)
			append(flight.wanted[i], &l, text, pieces);
	flight.wanting = 0;
}

/* ---- calls ---------------------------------------------------------------------------------- */

/* The newest one of that Call-ID that no call has yet. */
static uint32_t find_fresh(uint64_t hash)
{
	for (uint32_t ref = flight.bucket[hash & flight.mask]; ref != NONE; ref = tape_at(ref / 32)->key[ref % 32].next)
		if (tape_at(ref / 32)->key[ref % 32].hash == hash && !tape_at(ref / 32)->call)
			return ref / 32;
	return NONE;
}

void flight_begin(uint64_t call, const char *call_id, uint64_t now_ns)
{
	uint64_t hash;
	uint32_t n;

	if (!flight.piece)
		return;
	hash = hash_of(call_id, strlen(call_id));
	n = find_fresh(hash);
	if (n == NONE)
		n = tape_new(hash, now_ns);
	if (n == NONE)
		return;
	tape_at(n)->call = call;
	key_add(n, hash_of((const char *)&call, sizeof(call)));
	list_remove(n);
	list_add(n, SETUP);
	tell_counts();
}

void flight_leg(uint64_t call, const char *call_id)
{
	uint32_t n = tape_of(call);

	if (n != NONE)
		key_add(n, hash_of(call_id, strlen(call_id)));
}

void flight_note(uint64_t call, const char *text, uint64_t now_ns)
{
	struct line l = { .at_ns = now_ns, .note = 1, .size = (uint32_t)strlen(text) };
	struct iovec v = { (void *)text, l.size };
	uint32_t n = tape_of(call);

	if (n != NONE)
		append(n, &l, &v, 1);
}

static void move(uint64_t call, enum list list)
{
	uint32_t n = tape_of(call);

	if (n == NONE)
		return;
	list_remove(n);
	list_add(n, list);
	tell_counts();
}

void flight_answered(uint64_t call, bool moved, uint64_t now_ns)
{
	uint32_t n = tape_of(call);

	if (n == NONE)
		return;
	tape_at(n)->answered_ns = now_ns;
	move(call, moved ? KEPT : ANSWERED);
}

void flight_tick(uint64_t now_ns)
{
	uint32_t n;

	while (flight.piece && (n = flight.oldest[ANSWERED]) != NONE && now_ns - tape_at(n)->answered_ns >= YOUNG_NS)
		drop(n);
}

void flight_refused(uint64_t call)
{
	move(call, REFUSED);
}

void flight_end(uint64_t call, bool keep)
{
	uint32_t n = tape_of(call);

	if (n == NONE)
		return;
	if (!keep)
		drop(n);
	else if (tape_at(n)->list != KEPT)
		move(call, KEPT);
}

/* ---- reading -------------------------------------------------------------------------------- */

struct flight_copy *flight_read(uint64_t call)
{
	uint32_t n = tape_of(call), at = 4 + sizeof(struct tape), take;
	const struct tape *t;
	struct flight_copy *c;

	if (n == NONE)
		return NULL;
	t = tape_at(n);
	c = malloc(sizeof(*c) + (size_t)t->pieces * ROOM);
	if (!c)
		return NULL;
	*c = (struct flight_copy){ .call = t->call, .begun_ns = t->begun_ns, .messages = t->messages, .left_out = t->left_out };
	for (uint32_t p = n;; p = flight.piece[p].next) {
		take = (p == t->last ? t->used : ROOM) - at;
		memcpy(c->data + c->size, flight.piece[p].data + at, take);
		c->size += take;
		at = 0;
		if (p == t->last)
			return c;
	}
}

bool flight_next(const struct flight_copy *c, size_t *at, struct flight_message *m)
{
	struct line l;

	if (*at + sizeof(l) > c->size)
		return false;
	memcpy(&l, c->data + *at, sizeof(l));
	*at += sizeof(l);
	assert(l.size <= c->size - *at);
	*m = (struct flight_message){ .at_ns = l.at_ns,
		.way = { .out = l.out, .tcp = l.tcp, .local = l.local, .peer = l.peer },
		.note = l.note,
		.size = l.size,
		.text = c->data + *at };
	*at += l.size;
	return true;
}

void flight_count(struct flight_counts *n)
{
	*n = (struct flight_counts){ .room = (uint64_t)flight.count * PIECE,
		.tapes = atomic_load_explicit(&flight.now_tapes, memory_order_relaxed),
		.running = atomic_load_explicit(&flight.now_running, memory_order_relaxed),
		.kept = atomic_load_explicit(&flight.now_kept, memory_order_relaxed),
		.bytes = atomic_load_explicit(&flight.now_bytes, memory_order_relaxed),
		.messages = atomic_load_explicit(&flight.messages, memory_order_relaxed),
		.evicted = atomic_load_explicit(&flight.evicted, memory_order_relaxed),
		.left_out = atomic_load_explicit(&flight.left_out, memory_order_relaxed) };
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

	assert(!flight.piece);
	memset(&flight, 0, sizeof(flight));
	flight.free = NONE;
	for (int i = 0; i < LISTS; i++)
		flight.oldest[i] = flight.newest[i] = NONE;
	if (bytes < 64 * PIECE)
		return 0;
	while (buckets < bytes / PIECE / 8)
		buckets *= 2;
	flight.mask = buckets - 1;
	flight.bucket = map(buckets * sizeof(*flight.bucket));
	flight.count = (uint32_t)((bytes - buckets * sizeof(*flight.bucket)) / PIECE);
	flight.piece = map((size_t)flight.count * PIECE);
	if (!flight.bucket || !flight.piece) {
		flight_close();
		return -ENOMEM;
	}
	memset(flight.bucket, 0xff, buckets * sizeof(*flight.bucket));
	return 0;
}

void flight_close(void)
{
	if (flight.bucket)
		munmap(flight.bucket, (flight.mask + 1) * sizeof(*flight.bucket));
	if (flight.piece)
		munmap(flight.piece, (size_t)flight.count * PIECE);
	flight.bucket = NULL;
	flight.piece = NULL;
}
