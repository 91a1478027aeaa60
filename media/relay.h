// SPDX-License-Identifier: MIT
/* relay: the packet path: check, latch, stitch, send. Nothing here allocates, logs, locks or makes a system call.
 *
 *   port of an end -> RTP? -> may it be from there (latch) -> is it wanted (live end, hold) -> counted -> onto the line
 *   toward the other end -> stored for a restart -> sent. Every packet that goes no further has its counter.
 * Thread: the worker's. */
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
