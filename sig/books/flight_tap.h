// SPDX-License-Identifier: MIT
/* flight_tap: where SIP text passes, for the flight recorder: what came in once it is known to be whole messages, what goes out as the library
 * sends it. The last place before the socket each way, so retransmissions are seen, at their times.
 *
 *   datagram -> sig/edge/ingress says it is for the library -> flight_tap_datagram      the library -> sendmsg() shim -> socket
 *   connection -> sig/edge/stream found a whole message -----> flight_tap_stream
 *
 * Thread: su_root's, the one that called flight_tap_open(); what other threads send is not looked at. */
#ifndef KEDGE_SIG_BOOKS_FLIGHT_TAP_H
#define KEDGE_SIG_BOOKS_FLIGHT_TAP_H

#include <stddef.h>

#include "routing/shm/layout.h"

void flight_tap_open(void);
void flight_tap_close(void);

/* A datagram that the library gets, on this socket of ours. */
void flight_tap_datagram(const struct kedge_addr *local, const struct kedge_addr *from, const char *data, size_t size);

/* A whole message of a connection. */
void flight_tap_stream(int fd, const char *data, size_t size);

#endif
