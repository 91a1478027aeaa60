// SPDX-License-Identifier: MIT
/* shake: the stage between an RTP end and the wire that makes its packets come at odd times: each packet with an odd number is held back
 * (shake_ns), so that others overtake it. What is known of it afterwards is what was done, at the times it was done, however late the machine was:
 *   jitter     RFC 3550 6.4.1, of the packets in the order they left: the mean of all |D|, and J as it stood after the last.
 *              A step of half a second is a standstill and no jitter, as media/quality.h has it
 *   overtaken  packets that left behind one with a higher number
 * Thread: the peer's. Owner: who has the struct; {0}: nothing is held. */
#ifndef KEDGE_TESTS_HARNESS_SHAKE_H
#define KEDGE_TESTS_HARNESS_SHAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SHAKE_HELD = 64, SHAKE_PACKET = 320, SHAKE_RATE = 8000 };

struct shake_packet {
	uint64_t due_ns;
	size_t size;
	uint32_t timestamp; /* in clear: data may be encrypted */
	uint16_t sequence;
	uint8_t data[SHAKE_PACKET];
};

struct shake {
	struct shake_packet *held; /* ring of SHAKE_HELD, made when first needed */
	uint32_t first, count;
	/* what left */
	uint64_t sent, overtaken, last_ns;
	uint32_t last_timestamp;
	uint16_t highest;
	uint64_t d_count;
	double d_sum_ns, jitter_ns;
};

/* How long that packet is held back, where ms are asked for: for 32 numbers 10 ms less, for the next 32 10 more. 60 ms would be
 * due at the very time of another, and the order would hang on a tick. The mean of |D| is ms, but for the machine. */
static inline uint64_t shake_ns(uint32_t ms, uint16_t sequence)
{
	return (sequence & 32 ? ms + 10 : ms - 10) * 1000000ull;
}

/* Holds a packet back until due_ns; packets are given in the order of their due times. False: no room, it is the caller's still. */
bool shake_hold(struct shake *s, const uint8_t *data, size_t size, uint64_t due_ns);

/* The next held packet whose time has come; NULL: none. It stays until shake_done(). */
const struct shake_packet *shake_due(const struct shake *s, uint64_t now_ns);
void shake_done(struct shake *s);

/* When the next one is due; UINT64_MAX: none is held. */
uint64_t shake_next(const struct shake *s);

/* A packet leaves now, held or not. */
void shake_left(struct shake *s, uint16_t sequence, uint32_t timestamp, uint64_t now_ns);

/* Mean of all |D|, in ms. */
double shake_jitter_ms(const struct shake *s);

void shake_free(struct shake *s);

#endif
