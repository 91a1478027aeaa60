// SPDX-License-Identifier: MIT
#include "routing/health_dns.h"

#include <errno.h>
#include <string.h>

#include "routing/health_part.h"

static const enum health_reason marks[] = { HEALTH_DNS_NXDOMAIN, HEALTH_DNS_TIMEOUT };
#define MARKS (sizeof(marks) / sizeof(marks[0]))

static bool is_probed(const struct health *h, uint16_t trunk)
{
	return h->conf->trunks.v[trunk].probe.method != CONF_PROBE_NONE;
}

static uint64_t two_intervals(const struct health *h, uint16_t trunk, uint64_t now_ns)
{
	return now_ns + 2 * h->conf->trunks.v[trunk].probe.interval_ms * MS_NS;
}

static bool is_found(const struct health_hop *p, const struct health_found *found, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (p->transport == found[i].transport && !memcmp(&p->addr, &found[i].addr, sizeof(p->addr)))
			return true;
	return false;
}

/* ---- the hop that stands for none ---- */

static int stand_in_of(const struct health *h, uint16_t trunk)
{
	for (uint16_t i = 0; i < h->hop_count; i++)
		if (h->hop[i].used && h->hop[i].trunk == trunk && !h->hop[i].addr.family)
			return i;
	return -ENOENT;
}

/* Its slot is the trunk's, but it is none of those that are tried. */
static void stand_in(struct health *h, uint16_t trunk, uint64_t now_ns)
{
	static const struct kedge_addr none;
	int slot = stand_in_of(h, trunk);

	if (slot < 0) {
		slot = health_hop_add(h, trunk, CONF_UDP, &none, now_ns);
		if (slot >= 0)
			h->trunk[trunk].count--;
	}
	if (slot < 0)
		return; /* no room: the log alone tells */
	health_judge(h, (uint16_t)slot, HEALTH_NONE, NULL, now_ns);
	health_publish(h, (uint16_t)slot, now_ns);
}

static void no_stand_in(struct health *h, uint16_t trunk)
{
	int slot = stand_in_of(h, trunk);

	if (slot >= 0)
		health_slot_free(h, (uint16_t)slot);
}

/* ---- addresses ---- */

/* Hops that are no longer told go as soon as one that is told needs no proof. */
static void let_go(struct health *h, uint16_t trunk, uint64_t now_ns)
{
	struct health_trunk *t = &h->trunk[trunk];
	bool proven = false;

	for (uint16_t i = 0; i < t->count; i++)
		proven |= !h->hop[t->hop[i]].leaving && !health_marked(h, t->hop[i], HEALTH_DNS_NEW);
	for (uint16_t i = t->count; proven && i-- > 0;)
		if (h->hop[t->hop[i]].leaving)
			health_hop_drop(h, t->hop[i], now_ns);
}

/* A new address is worth more than one that is gone from the DNS. */
static void make_room(struct health *h, uint16_t trunk, uint64_t now_ns)
{
	struct health_trunk *t = &h->trunk[trunk];

	for (uint16_t i = t->count; t->count == HEALTH_TRUNK_HOPS && i-- > 0;)
		if (h->hop[t->hop[i]].leaving)
			health_hop_drop(h, t->hop[i], now_ns);
}

static int take(struct health *h, uint16_t trunk, const struct health_found *f, bool beside, uint64_t now_ns)
{
	uint16_t before = h->trunk[trunk].count;
	struct health_hop *p;
	int slot;

	make_room(h, trunk, now_ns);
	slot = health_hop_add(h, trunk, f->transport, &f->addr, now_ns);
	if (slot < 0)
		return slot;
	p = &h->hop[slot];
	p->priority = f->priority;
	p->weight = f->weight;
	p->leaving = false;
	if (beside && h->trunk[trunk].count > before && is_probed(h, trunk))
		health_mark(h, (uint16_t)slot, HEALTH_DNS_NEW, 0, two_intervals(h, trunk, now_ns), now_ns);
	return slot;
}

/* There are addresses again: the trunk waits for a proof of one, where it can get one. */
static void end_failure(struct health *h, uint16_t trunk, uint64_t now_ns)
{
	for (unsigned i = 0; i < MARKS; i++) {
		struct health_marks *m = &h->trunk[trunk].marks;

		if (!(m->set & 1ULL << marks[i]) || m->mark[marks[i]].until_ns)
			continue;
		if (is_probed(h, trunk))
			health_mark_trunk(h, trunk, marks[i], 0, two_intervals(h, trunk, now_ns), now_ns);
		else
			health_clear_trunk(h, trunk, marks[i], now_ns);
	}
}

int health_dns_found(struct health *h, uint16_t trunk, const struct health_found *found, unsigned count, uint64_t now_ns)
{
	struct health_trunk *t;
	uint32_t first = found[0].priority;
	bool beside, several = false;
	int err = 0;

	if (trunk >= HEALTH_TRUNKS || trunk >= h->conf->trunks.count)
		return -ENOSPC;
	t = &h->trunk[trunk];
	beside = t->count > 0;
	no_stand_in(h, trunk);
	for (uint16_t i = 0; i < t->count; i++) {
		struct health_hop *p = &h->hop[t->hop[i]];

		p->leaving = !is_found(p, found, count);
		if (p->leaving)
			p->priority = UINT32_MAX;
	}
	for (unsigned i = 0; i < count; i++) {
		int slot = take(h, trunk, &found[i], beside, now_ns);

		several |= found[i].priority != first;
		if (slot < 0)
			err = slot;
	}
	health_several_hosts(h, trunk, several || first != HEALTH_NO_SRV);
	end_failure(h, trunk, now_ns);
	let_go(h, trunk, now_ns);
	return err;
}

void health_dns_failed(struct health *h, uint16_t trunk, enum health_reason mark, bool expired, uint64_t now_ns)
{
	struct health_trunk *t;

	if (trunk >= HEALTH_TRUNKS || trunk >= h->conf->trunks.count)
		return;
	t = &h->trunk[trunk];
	if (t->count && !expired)
		return;
	while (t->count)
		health_hop_drop(h, t->hop[t->count - 1], now_ns);
	health_clear_trunk(h, trunk, mark == HEALTH_DNS_TIMEOUT ? HEALTH_DNS_NXDOMAIN : HEALTH_DNS_TIMEOUT, now_ns);
	health_mark_trunk(h, trunk, mark, 0, 0, now_ns);
	stand_in(h, trunk, now_ns);
}

void health_dns_forget(struct health *h, uint16_t trunk, uint64_t now_ns)
{
	if (trunk >= HEALTH_TRUNKS)
		return;
	no_stand_in(h, trunk);
	for (uint16_t i = 0; i < h->trunk[trunk].count; i++) {
		h->hop[h->trunk[trunk].hop[i]].leaving = false;
		health_clear_mark(h, h->trunk[trunk].hop[i], HEALTH_DNS_NEW, now_ns);
	}
	for (unsigned i = 0; i < MARKS; i++)
		health_clear_trunk(h, trunk, marks[i], now_ns);
}

enum health_reason health_dns_why(const struct health *h, uint16_t trunk)
{
	for (unsigned i = 0; i < MARKS && trunk < HEALTH_TRUNKS; i++)
		if (h->trunk[trunk].marks.set & 1ULL << marks[i])
			return marks[i];
	return HEALTH_NONE;
}

void health_dns_proven(struct health *h, uint16_t slot, uint64_t now_ns)
{
	const struct health_hop *p = &h->hop[slot];

	if (p->leaving)
		return; /* it says nothing of the address that is told now, and may not vanish under its caller */
	health_clear_mark(h, slot, HEALTH_DNS_NEW, now_ns);
	for (unsigned i = 0; i < MARKS; i++)
		health_clear_trunk(h, p->trunk, marks[i], now_ns);
	let_go(h, p->trunk, now_ns);
}

void health_dns_tick(struct health *h, uint64_t now_ns)
{
	for (uint16_t i = 0; i < h->hop_count; i++)
		if (h->hop[i].used && h->hop[i].leaving && hop_serves(&h->hop[i]))
			let_go(h, h->hop[i].trunk, now_ns);
}
