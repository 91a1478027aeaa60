// SPDX-License-Identifier: MIT
/* srtp: the SRTP and SRTCP of one end (RFC 3711, 6188, 7714; the keys by SDES). The prefix is secure_: srtp_ is libsrtp's.
 *
 *   kedge_keys tx --> context of what kedge sends      protect: behind the line, before the send (outlet)
 *   kedge_keys rx --> context of what it hears         unprotect: before the latch may learn (relay)
 *                     context before the last rekey    until 2 s after the first packet under the new key, 32 s at most
 *
 * Contexts come and go as signaling writes the end, on the worker's thread: libsrtp derives the session keys then (5 us) and
 * holds them on the heap until secure_close(), wiped. The master keys stay in the session table. In the packet path memory
 * is taken only for what nobody could know before: an SSRC first heard (libsrtp keeps its replay window; SECURE_STREAMS at most,
 * the oldest goes), an SSRC of the line that changed, a rollover counter that has to be guessed.
 *
 * Rollover counters (RFC 3711 3.3.1). A direction begins at 0 with each key. Sent: libsrtp counts along the line; a packet
 * from before the first one under the key, or under the highest number a predecessor stored, never goes. Heard: where the
 * first packet is not authentic under 0, the stream may have rolled over unheard (its sender began high), gone on counting
 * across a rekey, or across a restart of ours: the counter the last key or the predecessor knew is tried, the next one too.
 * Only until something authenticated under the key, and SECURE_TRIES times at most.
 *
 * A restarted worker goes on from kedge_end_run: tx_index, tx_base, tx_rtcp_index are stored before each send, rx_srtp and
 * rx_srtcp with each packet heard. The tags there tell whether the numbers belong to the keys of now. After more SRTCP than can be
 * counted up to in a moment (2^18) the successor sends none under that key.
 * Thread: the worker's, for everything of one end. */
#ifndef KEDGE_MEDIA_SRTP_H
#define KEDGE_MEDIA_SRTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "routing/shm/layout.h"

#define SECURE_ROOM    32 /* bytes behind a packet that protecting may write */
#define SECURE_MAX     2048 /* longest packet */
#define SECURE_STREAMS 4
#define SECURE_TRIES   64
#define SECURE_FORGED  100
#define SECURE_UNUSED  UINT64_MAX /* kedge_end_run.tx_base, rx_srtp: nothing was sent, heard under that key */
#define SECURE_OLD_NS  2000000000ULL
#define SECURE_WAIT_NS 32000000000ULL

enum secure_result {
	SECURE_OK,
	SECURE_AUTH,     /* not of the key's owner */
	SECURE_REPLAY,   /* its number was used before, or is too old to tell */
	SECURE_NO_KEY,   /* none for this direction, or used up */
	SECURE_MALFORMED /* lengths that do not fit */
};

struct secure; /* both directions of an end */

/* Once a process, before the first end. 0; -EPROTO: the ciphers were refused, *why says which: the plane must not start. */
int secure_start(const char **why);

/* Follows the end's keys as they stand in its slot. *s: NULL at first; a slot that nobody used has tags of 0. suite: of the end,
 * not KEDGE_SUITE_NONE. line_ssrc: what kedge sends with. Where a tag in the slot is the key's, its numbers go on.
 * 0; -EAGAIN: the keys are being written, look again; -ENOMEM. What is not to be had is not there: nothing passes that way. */
int secure_follow(struct secure **s, struct kedge_end_slot *slot, uint8_t suite, uint32_t line_ssrc, uint64_t now_ns);
void secure_close(struct secure **s);

/* The key before the last rekey goes when its time is over. A few times a second. */
void secure_tick(struct secure *s, uint64_t now_ns);

/* Is there a key to send with? s may be NULL. */
bool secure_sends(const struct secure *s);

/* RTCP: of the SSRC that the last RTP had, or of line_ssrc before.
 * Protects a packet in place; *len grows by less than SECURE_ROOM. index: of the line, rollovers << 16 | sequence. s may be
 * NULL. What the successor needs is stored on return: send it then. */
enum secure_result secure_protect(struct secure *s, uint8_t *data, size_t *len, uint64_t index);
enum secure_result secure_protect_rtcp(struct secure *s, uint8_t *data, size_t *len);

/* May the packet be looked into? Checking a tag costs more than all else that is done with a packet, and who forges has none. So no more
 * than SECURE_FORGED that are not authentic are tried in a second, and as many of those who want to be learnt; beyond them only what goes on
 * with the stream that was heard last, in the numbers that come next: the real end's, also under its own address. s may be NULL. */
bool secure_may_try(struct secure *s, bool learnt, bool rtcp, const uint8_t *data, size_t len, uint64_t now_ns);

/* It was not authentic. */
void secure_forged(struct secure *s, bool learnt);

/* Opens a packet in place; *len shrinks. Bytes of a packet that failed are worth nothing. s may be NULL. */
enum secure_result secure_unprotect(struct secure *s, uint8_t *data, size_t *len, uint64_t now_ns);
enum secure_result secure_unprotect_rtcp(struct secure *s, uint8_t *data, size_t *len, uint64_t now_ns);

#endif
