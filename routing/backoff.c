// SPDX-License-Identifier: MIT
#include "routing/backoff.h"

#define MS_NS     1000000ULL
#define SECOND_NS 1000000000ULL

/* Vigna's splitmix64: seeds that differ by one bit give numbers that have nothing in common. */
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ULL;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

static uint64_t jitter_ns(const struct conf_retry_same *r, uint64_t delay_ns, uint64_t random)
{
	double part = (double)(random >> 11) / (double)(1ULL << 53);

	return (uint64_t)((double)delay_ns * r->jitter / 100 * part);
}

uint64_t backoff_ns(const struct conf_retry_same *r, unsigned n, uint64_t seed)
{
	uint64_t ms = r->base_ms;

	while (n-- > 0 && ms < r->max_delay_ms) {
		ms *= 2;
		seed = mix(seed);
	}
	if (ms > r->max_delay_ms)
		ms = r->max_delay_ms;
	return ms * MS_NS + jitter_ns(r, ms * MS_NS, mix(seed));
}

uint64_t backoff_after_ns(const struct conf_retry_same *r, uint32_t seconds, uint64_t seed)
{
	return seconds * SECOND_NS + jitter_ns(r, r->base_ms * MS_NS, mix(~seed));
}
