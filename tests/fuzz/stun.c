// SPDX-License-Identifier: MIT
/* fuzz/stun: STUN of any kind to any socket of a call, a fax line's too: it is dropped, counted by its name, and teaches no latch. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/way.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool never(const struct way_packet *p, const uint8_t *data, size_t size)
{
	return false;
}

/* The bytes of an input as a message: class and method of two bits less, the cookie, the rest as it is. */
static void one(struct way_packet *p)
{
	_Atomic uint64_t *named = &way_worker->count->bad_stun, *all = &way_worker->count->drop_malformed;
	uint64_t before = atomic_load_explicit(named, memory_order_relaxed), both = atomic_load_explicit(all, memory_order_relaxed);
	uint8_t message[STUN_HEADER + 512] = { 0 };

	memcpy(message, p->data, p->size < sizeof(message) ? p->size : sizeof(message));
	message[0] &= 0x3f;
	rtp_set32(message + 4, STUN_COOKIE);
	free((void *)p->data);
	p->size += STUN_HEADER;
	p->data = message;
	assert(way_take(p, never) == 0);
	assert(atomic_load_explicit(named, memory_order_relaxed) == before + 1);
	assert(atomic_load_explicit(all, memory_order_relaxed) == both + 1);
	assert(way_far(p->inside, p->rtcp)->family == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t flags[] = { 0, KEDGE_END_RTCP_MUX, KEDGE_END_PLAIN, 0 };
	struct way_packet p;

	way_begin(KEDGE_END_SEND | KEDGE_END_RECV | flags[size > 0 ? data[0] >> 6 : 0]);
	while (way_next(&data, &size, &p))
		one(&p);
	way_end();
	return 0;
}
