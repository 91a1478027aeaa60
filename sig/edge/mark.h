// SPDX-License-Identifier: MIT
/* mark: the DSCP of TCP connections. The listeners are `kedge run`'s, which sets interfaces.dscp_sip on them, at a reload too; a connection
 * that came by one has its DSCP from the kernel. A connection that we make, and all of them after a reload, get it here: that of the
 * listener with the same local address.
 * Thread: su_root's. list is the held listeners (routing/shm/layout.h). */
#ifndef KEDGE_SIG_EDGE_MARK_H
#define KEDGE_SIG_EDGE_MARK_H

#include <stdint.h>

#include "routing/shm/layout.h"

/* The socket is bound and about to connect: its first SYN is marked. Where two interfaces share an address and not their words, it has the
 * first one's; where no listener has its address it stays as it is. */
void mark_made(int fd, const struct kedge_listener *list, uint32_t count);

/* Has a reload changed a listener's? Then all connections follow. A few times a second. */
void mark_tick(const struct kedge_listener *list, uint32_t count);

#endif
