// SPDX-License-Identifier: MIT
/* early: packets of an outside end that came a moment before it might be heard: it was not live, or its answer had not been read. A carrier speaks as soon as it has sent its 200, and its
 * first packet is here before signaling has read that 200: kept for EARLY_NS, it is relayed as soon as signaling has told the session.
 *
 *   relay: not live yet --early_keep--> [the last EARLY_PACKETS] --early_release: news of the session--> relay_again
 *
 * Of a secure end the packet is kept in clear: it authenticated as it came, and is opened only once.
 * What is kept was counted as early, held or not live; what is relayed after all counts once more, as early_heard.
 * Owner: the worker, on its thread. Nothing is allocated. */
#ifndef KEDGE_MEDIA_EARLY_H
#define KEDGE_MEDIA_EARLY_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "media/io.h"

#define EARLY_PACKETS 64
#define EARLY_NS      40000000ULL /* two packets of 20 ms: longer ago is no news any more */

struct worker;

struct early {
	unsigned next;    /* the oldest place */
	unsigned waiting; /* places in use */
	struct early_packet {
		uint64_t at_ns;       /* 0: nothing is in it */
		uint64_t released_ns; /* of the pass that sent it: its bytes are the kernel's until the next one */
		uint32_t sock, tag;
		uint16_t len;
		struct sockaddr_in6 from; /* or an IPv4 one; family 0: the socket is connected */
		uint8_t data[IO_SMALL];
	} packet[EARLY_PACKETS];
};

/* A well-formed packet that nobody may hear yet. from: as relay_packet has it. */
void early_keep(struct worker *w, uint32_t sock, uint32_t tag, const struct sockaddr *from, const uint8_t *data, size_t len);

/* There is news of the live end on this port: what is kept of it is relayed, in order, if it may be heard now. */
void early_release(struct worker *w, uint32_t port);

#endif
