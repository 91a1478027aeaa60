// SPDX-License-Identifier: MIT
#include "sig/books/flight.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/clock.h"
#include "sig/books/flight_part.h"
#include "sig/edge/wire.h"

#define SCRATCH 4096 /* of a head in several pieces: where its Call-ID is looked for */
#define YOUNG_NS 32000000000ULL /* 64 of T1: an answered call is interesting no longer than its transaction */

/* ---- tapes by Call-ID ----------------------------------------------------------------------- */

static uint64_t hash_of(const char *text, size_t size)
{
	uint64_t h = 14695981039346656037ULL;

	for (size_t i = 0; i < size; i++)
		h = (h ^ (uint8_t)text[i]) * 1099511628211ULL;
	return h ^ h >> 29;
}

/* A call's number is a key as its Call-IDs are. */
static uint32_t tape_of(uint64_t call)
{
	uint64_t hash = hash_of((const char *)&call, sizeof(call));

	if (!flight_room.piece)
		return FLIGHT_NONE;
	for (uint32_t ref = flight_room.bucket[hash & flight_room.mask]; ref != FLIGHT_NONE; ref = flight_at(ref / 32)->key[ref % 32].next)
		if (flight_at(ref / 32)->key[ref % 32].hash == hash && flight_at(ref / 32)->call == call)
			return ref / 32;
	return FLIGHT_NONE;
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
	uint32_t newest = FLIGHT_NONE;

	flight_room.wanting = 0;
	for (uint32_t ref = flight_room.bucket[hash & flight_room.mask]; ref != FLIGHT_NONE; ref = flight_at(ref / 32)->key[ref % 32].next) {
		const struct flight_tape *t = flight_at(ref / 32);

		if (t->key[ref % 32].hash != hash || (first && t->invite != via))
			continue;
		if (newest == FLIGHT_NONE)
			newest = ref / 32;
		if ((t->list == FLIGHT_SETUP || t->list == FLIGHT_ANSWERED) && flight_room.wanting < FLIGHT_WANTED)
			flight_room.wanted[flight_room.wanting++] = ref / 32;
	}
	if (!flight_room.wanting && newest != FLIGHT_NONE)
		flight_room.wanted[flight_room.wanting++] = newest;
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

	flight_room.wanting = 0;
	flight_room.begins = false;
	if (!flight_room.piece || !pieces)
		return false;
	head = in_one(text, pieces, &size);
	if (!is_message(head, size) || !(id = find_call_id(head, size, &n)))
		return false;
	hash = hash_of(id, n);
	first = !out && is_first(head, size, &via);
	find_tapes(hash, first, via);
	if (flight_room.wanting || !first)
		return flight_room.wanting > 0;
	flight_room.begins = true;
	flight_room.begins_id = hash;
	flight_room.begins_via = via;
	return true;
}

void flight_take(const struct flight_way *way, const struct iovec *text, size_t pieces, uint64_t now_ns)
{
	struct flight_line l = { .at_ns = now_ns, .out = way->out, .tcp = way->tcp, .local = way->local, .peer = way->peer };
	uint32_t n;

	for (size_t i = 0; i < pieces; i++)
		l.size += (uint32_t)text[i].iov_len;
	if (flight_room.begins) {
		n = flight_tape_new(flight_room.begins_id, now_ns);
		flight_room.begins = false;
		if (n == FLIGHT_NONE) {
			flight_count_up(&flight_room.left_out, 1);
			return;
		}
		flight_at(n)->invite = flight_room.begins_via;
		flight_room.wanted[flight_room.wanting++] = n;
	}
	for (uint32_t i = 0; i < flight_room.wanting; i++)
		if (flight_room.wanted[i] != FLIGHT_NONE)
			flight_append(flight_room.wanted[i], &l, text, pieces);
	flight_room.wanting = 0;
}

/* ---- calls ---------------------------------------------------------------------------------- */

/* The newest one of that Call-ID that no call has yet. */
static uint32_t find_fresh(uint64_t hash)
{
	for (uint32_t ref = flight_room.bucket[hash & flight_room.mask]; ref != FLIGHT_NONE; ref = flight_at(ref / 32)->key[ref % 32].next)
		if (flight_at(ref / 32)->key[ref % 32].hash == hash && !flight_at(ref / 32)->call)
			return ref / 32;
	return FLIGHT_NONE;
}

void flight_begin(uint64_t call, const char *call_id, uint64_t now_ns)
{
	uint64_t hash;
	uint32_t n;

	if (!flight_room.piece)
		return;
	hash = hash_of(call_id, strlen(call_id));
	n = find_fresh(hash);
	if (n == FLIGHT_NONE)
		n = flight_tape_new(hash, now_ns);
	if (n == FLIGHT_NONE)
		return;
	flight_at(n)->call = call;
	flight_key_add(n, hash_of((const char *)&call, sizeof(call)));
	flight_list_move(n, FLIGHT_SETUP);
}

void flight_leg(uint64_t call, const char *call_id)
{
	uint32_t n = tape_of(call);

	if (n != FLIGHT_NONE)
		flight_key_add(n, hash_of(call_id, strlen(call_id)));
}

void flight_note(uint64_t call, const char *text, uint64_t now_ns)
{
	struct flight_line l = { .at_ns = now_ns, .note = 1, .size = (uint32_t)strlen(text) };
	struct iovec v = { (void *)text, l.size };
	uint32_t n = tape_of(call);

	if (n != FLIGHT_NONE)
		flight_append(n, &l, &v, 1);
}

static void move(uint64_t call, enum flight_list list)
{
	uint32_t n = tape_of(call);

	if (n != FLIGHT_NONE)
		flight_list_move(n, list);
}

void flight_answered(uint64_t call, bool moved, uint64_t now_ns)
{
	uint32_t n = tape_of(call);

	if (n == FLIGHT_NONE)
		return;
	flight_at(n)->answered_ns = now_ns;
	move(call, moved ? FLIGHT_KEPT : FLIGHT_ANSWERED);
}

void flight_tick(uint64_t now_ns)
{
	uint32_t n;

	while (flight_room.piece && (n = flight_room.oldest[FLIGHT_ANSWERED]) != FLIGHT_NONE && now_ns - flight_at(n)->answered_ns >= YOUNG_NS)
		flight_drop(n);
	if (flight_room.piece && now_ns >= flight_room.rest_ns) {
		flight_room_rest();
		flight_room.rest_ns = now_ns + CLOCK_NS_PER_S;
	}
}

void flight_refused(uint64_t call)
{
	move(call, FLIGHT_REFUSED);
}

void flight_end(uint64_t call, bool keep)
{
	uint32_t n = tape_of(call);

	if (n == FLIGHT_NONE)
		return;
	if (!keep)
		flight_drop(n);
	else if (flight_at(n)->list != FLIGHT_KEPT)
		move(call, FLIGHT_KEPT);
}

/* ---- reading -------------------------------------------------------------------------------- */

struct flight_copy *flight_read(uint64_t call)
{
	uint32_t n = tape_of(call), at = sizeof(struct flight_tape), take;
	const struct flight_tape *t;
	struct flight_copy *c;

	if (n == FLIGHT_NONE)
		return NULL;
	t = flight_at(n);
	c = malloc(sizeof(*c) + (size_t)t->pieces * FLIGHT_PIECE);
	if (!c)
		return NULL;
	*c = (struct flight_copy){ .call = t->call, .begun_ns = t->begun_ns, .messages = t->messages, .left_out = t->left_out };
	for (uint32_t p = n;; p = flight_room.next[p]) {
		take = (p == t->last ? t->used : FLIGHT_PIECE) - at;
		memcpy(c->data + c->size, flight_room.piece[p].data + at, take);
		c->size += take;
		at = 0;
		if (p == t->last)
			return c;
	}
}

bool flight_next(const struct flight_copy *c, size_t *at, struct flight_message *m)
{
	struct flight_line l;

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
