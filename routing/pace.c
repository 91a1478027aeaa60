// SPDX-License-Identifier: MIT
#include "routing/pace.h"

#include <stddef.h>

#define HALF_HOUR_NS 1800000000000ULL

/* Two half hours stand for "the last hour": at least 30 minutes and at most 60 are remembered. */
static void turn_halves(struct pace_reply *p, uint64_t now_ns)
{
	uint64_t age = now_ns - p->half_began_ns;

	if (p->half_began_ns && age < HALF_HOUR_NS)
		return;
	p->half[1] = p->half_began_ns && age < 2 * HALF_HOUR_NS ? p->half[0] : 0;
	p->half[0] = 0;
	p->half_began_ns = now_ns;
}

void pace_reply(struct pace_reply *p, uint32_t us, uint64_t now_ns)
{
	int64_t off;

	turn_halves(p, now_ns);
	if (p->half[0]++ == 0 && p->half[1] == 0) {
		p->ewma_us = us;
		p->dev_us = us / 2;
		return;
	}
	off = (int64_t)us - p->ewma_us;
	p->ewma_us = (uint32_t)(p->ewma_us + off / 8);
	p->dev_us = (uint32_t)(p->dev_us + ((off < 0 ? -off : off) - (int64_t)p->dev_us) / 4);
}

uint32_t pace_replies(const struct pace_reply *p, uint64_t now_ns)
{
	struct pace_reply now = *p;

	turn_halves(&now, now_ns);
	return now.half[0] + now.half[1];
}

uint32_t pace_reply_ms(const struct pace_reply *p, uint64_t now_ns)
{
	if (pace_replies(p, now_ns) < PACE_REPLIES)
		return 0;
	return (uint32_t)(((uint64_t)p->ewma_us + 4ULL * p->dev_us + 999) / 1000);
}

static struct pace_ring *ring_find(const struct pace_rings *p, uint16_t trunk, uint32_t prefix)
{
	uint32_t at = (trunk * 2654435761u ^ prefix * 40503u) % PACE_RINGS;

	/* Four places per key: enough that busy prefixes do not throw each other out. */
	for (uint32_t i = 0; i < 4; i++) {
		const struct pace_ring *r = &p->v[(at + i) % PACE_RINGS];

		if (r->count && r->trunk == trunk && r->prefix == prefix)
			return (struct pace_ring *)(uintptr_t)r;
	}
	return NULL;
}

static struct pace_ring *ring_take(struct pace_rings *p, uint16_t trunk, uint32_t prefix)
{
	uint32_t at = (trunk * 2654435761u ^ prefix * 40503u) % PACE_RINGS;
	struct pace_ring *oldest = &p->v[at];

	for (uint32_t i = 1; i < 4; i++) {
		struct pace_ring *r = &p->v[(at + i) % PACE_RINGS];

		if ((int32_t)(r->used - oldest->used) < 0)
			oldest = r;
	}
	*oldest = (struct pace_ring){ .trunk = trunk, .prefix = prefix };
	return oldest;
}

void pace_ring(struct pace_rings *p, uint16_t trunk, uint32_t prefix, uint32_t ms)
{
	struct pace_ring *r = ring_find(p, trunk, prefix);

	if (!r)
		r = ring_take(p, trunk, prefix);
	r->used = ++p->clock;
	r->ms[r->at] = ms < UINT16_MAX ? (uint16_t)ms : UINT16_MAX;
	r->at = (r->at + 1) % PACE_RING_KEEP;
	if (r->count < PACE_RING_KEEP)
		r->count++;
}

void pace_move(struct pace_rings *p, const uint16_t *to, uint16_t count)
{
	static struct pace_rings old; /* one thread; too large for a stack */

	old = *p;
	*p = (struct pace_rings){ .clock = old.clock };
	for (unsigned i = 0; i < PACE_RINGS; i++) {
		const struct pace_ring *r = &old.v[i];
		uint16_t trunk = r->count && r->trunk < count ? to[r->trunk] : count;
		struct pace_ring *taken;

		if (trunk >= count)
			continue;
		taken = ring_take(p, trunk, r->prefix);
		*taken = *r;
		taken->trunk = trunk;
	}
}

/* p95 by nearest rank: of at most 16 values it is the largest. */
static uint32_t ring_p95(const struct pace_ring *r)
{
	uint32_t most = 0;

	for (unsigned i = 0; i < r->count; i++)
		if (r->ms[i] > most)
			most = r->ms[i];
	return most;
}

uint32_t pace_progress_ms(
    const struct pace_rings *p, uint16_t trunk, uint32_t prefix, uint32_t progress_ms)
{
	const struct pace_ring *r = ring_find(p, trunk, prefix);
	uint32_t usual;

	if (!r || r->count < PACE_RING_MIN)
		return progress_ms;
	usual = 4 * ring_p95(r);
	if (usual < progress_ms / 2)
		return progress_ms / 2;
	return usual < progress_ms ? usual : progress_ms;
}
