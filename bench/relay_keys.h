// SPDX-License-Identifier: MIT
/* relay_keys: the SRTP of relay_load's far ends. A side that is plain passes everything as it is.
 * Owner: struct load holds the keys. Thread: the load's. */
#ifndef KEDGE_BENCH_RELAY_KEYS_H
#define KEDGE_BENCH_RELAY_KEYS_H

#include "bench/relay_load.h"

/* Fresh keys for each call of a side, where its suite is one. 0 or a negative errno. */
int keys_make(struct load *l, unsigned side);
void keys_drop(struct load *l, unsigned side);

/* Packets of a stream as its far end sends them; index: rollovers << 16 | sequence. False: they cannot go. */
bool keys_protect(struct load *l, uint32_t stream, uint8_t *data, size_t *len, uint64_t index);
bool keys_protect_rtcp(struct load *l, uint32_t stream, uint8_t *data, size_t *len);

/* What came to a side from a port of the relay; of: the stream that comes out there, + 1. False: not authentic. */
bool keys_open(struct load *l, unsigned side, uint32_t of, uint8_t *data, size_t *len);
bool keys_open_rtcp(struct load *l, unsigned side, uint32_t of, uint8_t *data, size_t *len);

#endif
