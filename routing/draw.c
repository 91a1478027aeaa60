// SPDX-License-Identifier: MIT
#include "routing/draw.h"

#include <assert.h>

/* The finalizer of murmur3: neighbours become unlike. */
uint32_t draw_random(uint32_t call, uint32_t n)
{
	uint32_t x = call + n * 0x9e3779b9u;

	x ^= x >> 16;
	x *= 0x85ebca6bu;
	x ^= x >> 13;
	x *= 0xc2b2ae35u;
	return x ^ x >> 16;
}

unsigned draw_weighted(const uint32_t *weight, unsigned count, uint32_t random)
{
	uint64_t sum = 0, at;

	assert(count);
	for (unsigned i = 0; i < count; i++)
		sum += weight[i];
	if (!sum)
		return (unsigned)((uint64_t)random * count >> 32);
	at = sum * random >> 32; /* sum fits 32 bits and some; 8 weights of 840 x 65535 do */
	for (unsigned i = 0; i < count; i++) {
		if (at < weight[i])
			return i;
		at -= weight[i];
	}
	return count - 1;
}
