// SPDX-License-Identifier: MIT
/* flight: the flight recorder. The SIP text of calls, kept while it may be needed to say what happened, in room of one size.
 *
 *   message in --.                       .--> RUNNING --ended well, unmoved--> dropped
 *                >-- by its Call-ID --> tape --failed, moved, refused--> KEPT, the oldest gives way
 *   message out -'                       ^
 *   an INVITE nobody knows begins one ---'
 *
 * A tape is one call: all its legs, by the Call-IDs it was told. Every message as it passed the socket, retransmissions too. Refused INVITEs and
 * cancelled calls have an eighth of the room, whatever is free. Who gives way where it is full: the oldest running call that was answered, then the
 * oldest kept one; a call in setup never does. What finds no room is counted.
 * Memory: one mapping, made at flight_open(), touched as it is needed, in pieces of 1 KB, and given back page by page where nobody needed it for
 * a second; nothing is allocated per message.
 * Thread: su_root's alone; flight_count() any. Keys of SRTP are masked before they are kept, other secrets when a tape is read (flight_text.h). */
#ifndef KEDGE_SIG_BOOKS_FLIGHT_H
#define KEDGE_SIG_BOOKS_FLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "routing/shm/layout.h"

#define FLIGHT_TAPE_MAX (256u << 10) /* bytes of one call; more of it is left out, and counted */
#define FLIGHT_LEGS     20           /* Call-IDs of one call */

/* bytes: of the whole store; 0: nothing is kept. 0 or -ENOMEM. */
int flight_open(size_t bytes);
void flight_close(void);

/* ---- messages ---- */

/* Does anybody want this message? The text of one, whole, in pieces. out: we send it. True: flight_take() it before anything else is asked. */
bool flight_wants(bool out, const struct iovec *text, size_t pieces);

struct flight_way {
	bool out, tcp;
	struct kedge_addr local, peer;
};
void flight_take(const struct flight_way *way, const struct iovec *text, size_t pieces, uint64_t now_ns);

/* ---- calls ---- */

/* The call with this number came with this Call-ID: the tape that its INVITE began, or a new one. */
void flight_begin(uint64_t call, const char *call_id, uint64_t now_ns);

/* Another leg of it. Before its first message is sent. */
void flight_leg(uint64_t call, const char *call_id);

/* A line of our own between the messages: "ca: silence_check, 500 ms: next". */
void flight_note(uint64_t call, const char *text, uint64_t now_ns);

/* It was answered: by the first that was tried, and its tape is the first to give way from now on, and goes after 32 s; or moved, and it is kept. */
void flight_answered(uint64_t call, bool moved, uint64_t now_ns);

/* Time passes: calls that were answered well are let go, and memory that stood empty for a second. Every second or sooner. */
void flight_tick(uint64_t now_ns);

/* It was no call: its INVITE was refused. */
void flight_refused(uint64_t call);

/* It is over: kept, or dropped. What still comes for one that is kept (ACKs, late answers) joins it. */
void flight_end(uint64_t call, bool keep);

/* ---- reading ---- */

struct flight_copy { /* of a tape; by free() */
	uint64_t call, begun_ns;
	uint32_t messages, left_out;
	size_t size;
	char data[];
};
struct flight_message {
	uint64_t at_ns; /* monotonic */
	struct flight_way way;
	bool note; /* a line of ours: text alone */
	uint32_t size;
	const char *text; /* not terminated */
};

/* A copy of the call's tape. NULL: there is none, or no memory. */
struct flight_copy *flight_read(uint64_t call);

/* The message at *at, which moves behind it; begin with 0. False: that was all. Any thread. */
bool flight_next(const struct flight_copy *c, size_t *at, struct flight_message *m);

struct flight_counts {
	uint64_t tapes, running, kept; /* now */
	uint64_t bytes, room;          /* in use; all there is */
	uint64_t messages;             /* taken since the start */
	uint64_t evicted;              /* tapes that gave way */
	uint64_t left_out;             /* messages that found no room */
};
void flight_count(struct flight_counts *n);

#endif
