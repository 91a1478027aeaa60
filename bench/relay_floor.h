// SPDX-License-Identifier: MIT
/* relay_floor: the raw floor of relay_pps: what the kernel alone costs. One thread with the ring settings of media/uring.c that
 * receives from one connected socket and sends on another, and does nothing else: no checks, no tables, no counters. */
#ifndef KEDGE_BENCH_RELAY_FLOOR_H
#define KEDGE_BENCH_RELAY_FLOOR_H

#include <stdint.h>

/* Relays between fds[2 * i] and fds[2 * i + 1], both connected, in the calling process, and waits on `idle` more behind these, as a relay does on the
 * RTCP sockets of its calls: they take room in the kernel's tables and in the caches. *packets counts what was relayed (shared with
 * the parent). Never returns; exits on an error. batch, window_us: as the settings of kedge-media; the window follows the load
 * as there. */
_Noreturn void relay_floor(
    const int *fds, uint32_t pairs, uint32_t idle, unsigned batch, unsigned window_us, _Atomic uint64_t *packets);

#endif
