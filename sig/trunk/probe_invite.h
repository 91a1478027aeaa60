// SPDX-License-Identifier: MIT
/* probe_invite: a test call to a trunk's echo number, for trunks whose OPTIONS say nothing about calls.
 *
 *   CALLING --18x--> verdict 180, CANCEL; 487, or a crossing 2xx: ACK and BYE --> freed
 *      |------2xx--> verdict, ACK and BYE ----------------------------------------> freed
 *      |------3xx-6xx, refused, Timer B: verdict --------------------------------> freed
 *      `------given up by sig/trunk/probe: CANCEL as soon as there is a reply ---------> freed
 *
 * Its offer is inactive: signaling is what it tests. It holds no call and no anchor: no port is lent, no record written.
 * Thread: su_root's. Owner: itself, until its transactions are over; at most PROBE_INVITES at once. */
#ifndef KEDGE_SIG_TRUNK_PROBE_INVITE_H
#define KEDGE_SIG_TRUNK_PROBE_INVITE_H

#include <stdint.h>
#include <sofia-sip/nta.h>

#include "routing/shm/layout.h"

#define PROBE_INVITES 512

struct probe_request;

struct probe_invite_to {
	uint16_t slot;
	nta_agent_t *agent;
	struct kedge_addr local; /* of our offer */
	const char *token;       /* comes back in probe_called() */
	const struct probe_request *request;
	unsigned max_forwards;
};

/* Calls. probe_called() follows, unless it is given up before. 0; -ENOSPC, -ENOMEM, -EIO: nothing was sent. */
int probe_invite(const struct probe_invite_to *to);

/* Nobody waits for its verdict any more. */
void probe_invite_drop(uint16_t slot, const char *token);

/* Frees all of them without a word. */
void probe_invite_fini(void);

#endif
