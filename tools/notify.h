// SPDX-License-Identifier: MIT
/* notify: the standalone form of sd_notify(3): datagrams to the service manager, so that no libsystemd is needed.
 * Thread: one. Nothing blocks, nothing fails: without a service manager every call does nothing. */
#ifndef KEDGE_TOOLS_NOTIFY_H
#define KEDGE_TOOLS_NOTIFY_H

#include <stdint.h>

/* Takes NOTIFY_SOCKET and WATCHDOG_USEC out of the environment, so that the planes do not inherit them. Returns how
 * often WATCHDOG=1 must be sent at least, in ns (half of what was asked for), 0: never. */
uint64_t notify_open(void);

/* Sends one datagram of lines: "READY=1\nSTATUS=...". */
void notify_send(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
