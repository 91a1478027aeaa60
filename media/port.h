// SPDX-License-Identifier: MIT
/* port: pairs of RTP and RTCP sockets: lent, given back, at rest deaf.
 *
 *   RESTING --rest over--> OFFERED --an end names it--> LENT --close--> CLOSING --nothing pending--> RESTING
 *      ^ attach: neither in the ring nor in the table          (routing/shm/pool.h has the same from outside)
 *
 * Where the ring of an address runs low the pairs that rest longest are offered before their time: a call that is refused is the
 * greater harm. Until that time is over such a pair teaches no latch (port_rests): what a dead call's end sends late, and was never
 * heard while it lived, is a stranger's. Only the signaled address is heard. It is counted (rest_cut) and told.
 *
 * A pair that is not lent is deaf: connected to itself. Lending, in this order: clear SO_ERROR, drain while still deaf, unconnect; so no
 * packet meant for an earlier call is ever read for a later one. Every lending has its generation, which is the tag of all requests
 * on the pair.
 * Who was heard in an earlier call on the pair and goes on sending is no end of a later one: a latch learns no SSRC that was buried here.
 * A socket listens with recvmsg until its latch has settled, then it is connected, drained and read with plain recv: the
 * kernel routes cheaper and drops strangers unseen. */
#ifndef KEDGE_MEDIA_PORT_H
#define KEDGE_MEDIA_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/addr.h"
#include "media/io.h"
#include "media/latch.h"

struct worker;

#define PORT_BURIED 16 /* earlier calls whose late packets are known */

enum port_state { PORT_RESTING, PORT_OFFERED, PORT_LENT, PORT_CLOSING };

struct sock {
	int fd;
	uint8_t armed; /* enum io_mode: what the backend has; IO_OFF: nothing is pending */
	uint8_t want;  /* what it should have */
	bool connected;
	bool big;         /* had a packet that needs the larger buffers */
	bool waiting;     /* stands in worker.ended */
	socklen_t to_len; /* 0: nowhere to send yet */
	struct latch latch;
	union addr_sock to;
	struct kedge_addr connected_to; /* where connected */
};

struct port { /* the first line is all a packet on a connected RTP socket needs */
	_Alignas(KEDGE_LINE) uint32_t generation; /* of the lending */
	uint32_t slot;                            /* LENT */
	uint8_t place;                            /* KEDGE_END_INSIDE or index of the outside end */
	uint8_t net;
	uint8_t state;       /* enum port_state */
	uint8_t strikes;     /* audits that found it in neither ring nor table */
	uint32_t next;       /* in the list of resting ones */
	uint32_t left;       /* packets its end may still send (rate.h) */
	struct sock sock[2]; /* RTP, RTCP */
	uint64_t rest_until_ns;        /* LENT too: it may have been cut short */
	uint64_t filled_ns;            /* when left was */
	uint32_t voice;                /* SSRC of what taught the latch; 0: nothing yet */
	uint32_t buried[PORT_BURIED];  /* SSRCs of earlier calls here; 0: none */
	uint32_t buried_next;
};
static_assert(offsetof(struct port, sock) + offsetof(struct sock, latch.heard_ns) + 8 <= KEDGE_LINE,
    "one line");

struct port_list {
	uint32_t head, tail; /* head KEDGE_PORT_NONE: empty */
};

struct port_rest {             /* of one local address */
	struct port_list list; /* oldest first */
	uint32_t pairs;        /* of this worker there, wherever they are */
};

/* Learns all pairs of this worker from the port table; place: where each is, by pool_scan(). fresh: the plane's first start
 * on this segment, so that no rest is due. Lent ones are left as they are, for session_recover(). */
void port_attach(struct worker *w, const uint8_t *place, bool fresh);

/* 0, or -EINVAL: no such pair, not this worker's, or somebody else's. */
int port_check(const struct worker *w, uint32_t port);

/* Makes the pair ready for a call and listens. keep: it was lent before a restart; what waits in its sockets is this call's.
 * 0, or the errno of a socket call: the pair is as before. */
int port_lend(struct worker *w, uint32_t port, uint32_t slot, uint8_t place, bool keep);

/* What this SSRC still sends is not for a later call; 0 is none. */
void port_bury(struct port *p, uint32_t ssrc);
bool port_buried(const struct port *p, uint32_t ssrc);

/* Lent before its rest was over, and it is not yet. */
static inline bool port_rests(const struct port *p, uint64_t now_ns)
{
	return now_ns < p->rest_until_ns;
}

/* Tells the operator that rests are cut short. A few times a second. */
void port_tell(struct worker *w);

/* Deaf at once; rests when nothing is pending any more. */
void port_close(struct worker *w, uint32_t port);

/* Connects the socket to the latch's target and reads without addresses from then on; or the other way round. */
void port_connect(struct worker *w, uint32_t port, unsigned which);
void port_unconnect(struct worker *w, uint32_t port, unsigned which);

/* The latch's target changed: send there. */
void port_target(struct worker *w, uint32_t port, unsigned which);

/* A reception ended (worker.ended): arms what is wanted, or lets the pair rest. */
void port_settle(struct worker *w, uint32_t sock);

/* Reads the socket anew with larger buffers. */
void port_bigger(struct worker *w, uint32_t sock);

/* Offers pairs whose rest is over, and those a low ring needs. Each tick, and when signaling may have taken some. */
void port_tick(struct worker *w);

/* Looks for pairs that were taken from the ring but stand in no table line (signaling died, or wrote twice between two
 * looks): found twice, they rest. Asks again where a cancel found no room. Every few seconds. */
void port_audit(struct worker *w);

#endif
