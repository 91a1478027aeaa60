// SPDX-License-Identifier: MIT
/* hold: what `kedge run` holds for both planes, so that either may die and find it again: the segment, the RTP port
 * pairs, the SIP listeners, the eventfds.
 *
 * All descriptors are close-on-exec; plane.c opens to each plane its own. Ports are bound ahead of need and deaf
 * (pool_deafen) until media lends them. A port somebody else has is skipped and counted.
 * Thread: one. Owner: the caller holds struct hold. Errors: negative errno, the reason in h->why. */
#ifndef KEDGE_TOOLS_HOLD_H
#define KEDGE_TOOLS_HOLD_H

#include <stdint.h>

#include "config/conf.h"
#include "routing/shm/segment.h"

/* A local media address and its port pairs. min: what limits.max_calls cannot do without (one pair per call on an
 * interface that has pbx trunks, one more where it has carrier trunks); want: a quarter and 64 more, for the
 * outside ends of attempts that failed and pairs that rest (media.port_rest) between two calls. */
struct hold_net {
	struct kedge_net net;
	struct conf_ports range;
	uint32_t min, want, found, taken;
};

struct hold {
	struct segment seg;
	uint32_t workers, slots;
	struct hold_net net[KEDGE_NETS_MAX];
	uint32_t net_count;
	struct kedge_port *port;
	uint32_t port_count;
	struct kedge_listener listener[KEDGE_LISTEN_MAX];
	uint32_t listener_count;
	int worker_eventfd[KEDGE_WORKERS_MAX], sig_eventfd;
	char why[256];
};

/* Raises the soft descriptor limit to the hard one, binds and lays out everything. 0, or a negative errno: then
 * nothing is held. */
int hold_open(struct hold *h, const struct conf *c);

void hold_close(struct hold *h);

/* Calls fn for each descriptor a plane inherits: RTP sockets to media, SIP listeners to signaling, segment and
 * eventfds to both. Async-signal-safe where fn is. */
enum hold_plane { HOLD_SIG, HOLD_MEDIA };
void hold_each(const struct hold *h, enum hold_plane plane, void (*fn)(int fd));

#endif
