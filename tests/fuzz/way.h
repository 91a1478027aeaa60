// SPDX-License-Identifier: MIT
/* way: the whole way of a packet for fuzz targets: one call on a worker whose backend only looks. Whoever sends what: a packet is
 * sent to the call's other end or nowhere, and never to a stranger; what the targets know better is in their sent(). */
#ifndef KEDGE_TESTS_FUZZ_WAY_H
#define KEDGE_TESTS_FUZZ_WAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/worker.h"

enum way_from { WAY_SIGNALED, WAY_LEARNABLE, WAY_OTHER_PORT, WAY_STRANGER, WAY_FROMS };

struct way_packet { /* one that is handed in */
	bool inside, rtcp; /* it comes to the inside end; to an RTCP socket */
	enum way_from from;
	const uint8_t *data;
	size_t size;
};

extern struct worker *way_worker;

/* A call between two ends with these flags (KEDGE_END_...). Every input begins with it, so that each fails alone. */
void way_begin(uint8_t flags);
void way_end(void);

/* Hands it in; sent is called for what goes out, and returns whether that is right. Number of packets that went out. */
unsigned way_take(const struct way_packet *p, bool (*sent)(const struct way_packet *p, const uint8_t *data, size_t size));

/* Takes the next record off an input: a byte that says where from and to, two of length, the bytes. False: there is none. Free its data. */
bool way_next(const uint8_t **data, size_t *size, struct way_packet *out);

/* The far address of that end's sockets: it is heard there, family 0: nobody yet. */
const struct kedge_addr *way_far(bool inside, bool rtcp);

#endif
