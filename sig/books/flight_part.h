// SPDX-License-Identifier: MIT
/* flight_part: between the two files of flight: flight_room.c has the room (pieces, tapes, who gives way), flight.c knows messages and calls. */
#ifndef KEDGE_SIG_BOOKS_FLIGHT_PART_H
#define KEDGE_SIG_BOOKS_FLIGHT_PART_H

#include <assert.h>
#include <stddef.h>

#include "sig/books/flight.h"

#define FLIGHT_PIECE   1024u
#define FLIGHT_PAGE    4u /* pieces; the kernel takes back no less */
#define FLIGHT_NONE    UINT32_MAX
#define FLIGHT_TOUCHED 0x80u
#define FLIGHT_KEYS    (FLIGHT_LEGS + 1) /* Call-IDs, and the call's own number */
#define FLIGHT_WANTED  4    /* calls that one message belongs to, where a Call-ID is used twice */

enum flight_list { FLIGHT_FRESH, FLIGHT_SETUP, FLIGHT_ANSWERED, FLIGHT_REFUSED, FLIGHT_KEPT, FLIGHT_LISTS }; /* FLIGHT_FRESH: an INVITE came, no call yet */

struct flight_piece {
	_Alignas(8) char data[FLIGHT_PIECE];
};

struct flight_key {
	uint64_t hash; /* of the Call-ID; the table is found by it */
	uint32_t next; /* in its bucket: piece * 32 + key */
	uint32_t pad;
};

struct flight_tape { /* at the front of its first piece */
	uint64_t call;   /* 0: no call yet */
	uint64_t invite; /* hash of the topmost Via of the INVITE it began with */
	uint64_t begun_ns, answered_ns;
	uint32_t older, newer; /* in its list */
	uint32_t last, used;   /* the piece that is written to, and how much of it */
	uint32_t pieces, messages, left_out;
	uint8_t list, keys;
	uint8_t pad[6];
	struct flight_key key[FLIGHT_KEYS];
};
static_assert(sizeof(struct flight_tape) < FLIGHT_PIECE && sizeof(struct flight_tape) % 8 == 0, "in the first piece");

struct flight_line { /* in front of each message */
	uint64_t at_ns;
	uint32_t size;
	uint8_t out, tcp, note, pad;
	struct kedge_addr local, peer;
};

struct flight_room {
	struct flight_piece *piece;
	uint32_t *next; /* of each piece, in its tape or among the free ones */
	uint8_t *page;  /* how many pieces of each page are in use; FLIGHT_TOUCHED: it is memory just now */
	uint32_t idle, idle_least; /* pages touched and not in use: now, and the fewest since flight_room_rest() */
	uint64_t rest_ns; /* its next turn */
	uint32_t count, fresh, free; /* free: of those given back; fresh: the first that was never used */
	uint32_t in_use;
	uint32_t oldest[FLIGHT_LISTS], newest[FLIGHT_LISTS], tapes[FLIGHT_LISTS], pieces[FLIGHT_LISTS];
	uint32_t *bucket;
	uint32_t mask;
	uint32_t wanted[FLIGHT_WANTED], wanting; /* flight_wants' answer */
	bool begins; /* it is the first message of a tape: hash and via of it */
	uint64_t begins_id, begins_via;
	_Atomic uint64_t messages, evicted, left_out;
	_Atomic uint64_t now_tapes, now_running, now_kept, now_bytes;
};
extern struct flight_room flight_room;

/* A tape's number is that of its first piece, at whose front it stands. */
static inline struct flight_tape *flight_at(uint32_t n)
{
	return (struct flight_tape *)(void *)flight_room.piece[n].data;
}

/* Adds to a counter that other threads read. */
void flight_count_up(_Atomic uint64_t *n, uint64_t by);

/* A new tape with this key, FRESH, at the cost of others; FLIGHT_NONE: there is no room. */
uint32_t flight_tape_new(uint64_t hash, uint64_t now_ns);
void flight_drop(uint32_t n);

/* Pages that nobody needed since the last call go back to the kernel, 2 MB at a time. */
void flight_room_rest(void);

/* It is found by this hash, too. */
void flight_key_add(uint32_t n, uint64_t hash);

void flight_list_move(uint32_t n, enum flight_list list);

/* l and its text behind what the tape has; or it is counted as left out. */
void flight_append(uint32_t n, const struct flight_line *l, const struct iovec *text, size_t pieces);

#endif
