// SPDX-License-Identifier: MIT
/* relay: the packet path of what comes in. Nothing here logs, locks or makes a system call; memory is taken only as libsrtp2 meets
 * an SSRC for the first time (media/srtp.h: at most four of an end).
 *
 *   port of an end -> RTP? -> may it be from there (latch) -> no more than it may send (rate) -> is it wanted (live end, hold)
 *   -> counted -> the stages that one of the two ends asks for (end.work) -> outlet.h
 *
 * SRTP is opened first, but only what may be from there, while its end may send more, and is not one of a flood of forged ones.
 *
 * Every packet that goes no further has its counter. Thread: the worker's. */
#ifndef KEDGE_MEDIA_RELAY_H
#define KEDGE_MEDIA_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct worker;

/* One packet as io_hooks.packet gives it. data may be changed, and stays until the next flush. */
void relay_packet(struct worker *w, uint32_t sock, uint32_t tag, const struct sockaddr *from,
    uint8_t *data, size_t len, bool cut);

/* A packet that early kept, once more; counted as early_heard if it goes on now. True: it is early still. data: as above. */
bool relay_again(struct worker *w, uint32_t sock, uint32_t tag, const struct sockaddr *from,
    uint8_t *data, size_t len);

/* A packet of this socket is about to come: has its end fetched from memory meanwhile. */
void relay_soon(struct worker *w, uint32_t sock);

#endif
