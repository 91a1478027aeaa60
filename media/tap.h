// SPDX-License-Identifier: MIT
/* tap: packets of recorded calls, from a worker to the recorder: a ring of bytes with one producer and one consumer.
 *
 *   relay --tap_packet: note + bytes--> [ring of TAP_BYTES] --tap_next .. tap_done--> recorder
 *
 * The producer never waits: what finds no room is counted and not recorded, and the packet of the call goes its way. What is put in is the
 * packet as it came, in clear where it came by SRTP, with the far end's address and the local one it came to.
 * Positions only grow; a place in the ring is position % TAP_BYTES. A note is never cut in two: where it does not fit before the ring's
 * end, a note without a packet fills that.
 * Thread: tap_packet() and tap_tell() the worker's, tap_next() and tap_done() the recorder's. */
#ifndef KEDGE_MEDIA_TAP_H
#define KEDGE_MEDIA_TAP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "routing/shm/layout.h"

#define TAP_BYTES (4u << 20) /* a power of two: the packets of 1,000 calls for 0.15 s, of 10 for 15 s */

struct worker;

struct tap_note {
	uint32_t bytes; /* of the note and the packet behind it, in whole multiples of eight */
	uint32_t len;   /* of the packet; 0: a filler */
	uint64_t at_ns; /* CLOCK_MONOTONIC */
	uint64_t call_id;
	uint32_t slot, generation; /* of its session */
	struct kedge_addr from, to;
};
static_assert(sizeof(struct tap_note) % 8 == 0, "notes lie at multiples of eight");

struct tap {
	uint8_t *ring;
	uint64_t known_head, lost; /* producer: where the consumer was; no room */
	uint64_t told_written, told_failed;
	_Alignas(KEDGE_LINE) _Atomic uint64_t tail; /* producer */
	_Alignas(KEDGE_LINE) _Atomic uint64_t head; /* consumer */
	_Atomic uint64_t written, failed;           /* consumer: packets in a file; packets that no file took */
};

/* 0 or -ENOMEM. */
int tap_init(struct tap *t);
void tap_fini(struct tap *t);

/* Room for a note and len bytes behind it; NULL: none, counted. All of it is filled, then tap_commit(). */
struct tap_note *tap_room(struct tap *t, size_t len);
void tap_commit(struct tap *t, const struct tap_note *n);

/* A packet that came to this RTP socket of the worker, to be recorded; nothing happens where nobody records. */
void tap_packet(struct worker *w, uint32_t sock, const uint8_t *data, size_t len);

/* Brings the worker's counters up to date: recorded, record_lost. A few times a second. */
void tap_tell(struct worker *w);

/* The oldest note with its packet behind it, until tap_done(); NULL: nothing waits. */
const struct tap_note *tap_next(struct tap *t);
void tap_done(struct tap *t, const struct tap_note *n);

#endif
