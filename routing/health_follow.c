// SPDX-License-Identifier: MIT
#include "routing/health_follow.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

static bool is_hop(const struct health_hop *p, const struct conf_uri *u)
{
	static_assert(sizeof(p->addr) == sizeof(u->addr), "one layout");
	return p->transport == u->transport && !memcmp(&p->addr, &u->addr, sizeof(p->addr));
}

static bool is_listed(const struct conf_trunk *t, const struct health_hop *p)
{
	for (uint16_t i = 0; i < t->hops.count; i++)
		if (is_hop(p, &t->hops.v[i]))
			return true;
	return false;
}

static const struct conf_uri *where(const struct conf_trunk *t)
{
	return t->outbound_proxy.host ? &t->outbound_proxy : &t->uri;
}

/* Both have their hops from the same name: what is known of it stays. */
static bool same_name(const struct conf_trunk *a, const struct conf_trunk *b)
{
	const struct conf_uri *x = where(a), *y = where(b);

	return !a->hops.count && !b->hops.count && !strcasecmp(x->host, y->host) && x->port == y->port && x->transport == y->transport &&
	       x->named == y->named;
}

static void drop_hops(struct health *h, uint16_t trunk, uint64_t now_ns)
{
	const struct health_trunk *t = &h->trunk[trunk];

	for (uint16_t i = t->count; i-- > 0;)
		if (!is_listed(&h->conf->trunks.v[trunk], &h->hop[t->hop[i]]))
			health_hop_drop(h, t->hop[i], now_ns);
}

/* Hops that stayed stand where next has them. */
static void sort_hops(struct health *h, uint16_t trunk)
{
	const struct conf_uris *uris = &h->conf->trunks.v[trunk].hops;
	struct health_trunk *t = &h->trunk[trunk];
	uint16_t at = 0;

	for (uint16_t k = 0; k < uris->count; k++)
		for (uint16_t i = at; i < t->count; i++)
			if (is_hop(&h->hop[t->hop[i]], &uris->v[k])) {
				uint16_t slot = t->hop[i];

				t->hop[i] = t->hop[at];
				t->hop[at++] = slot;
				break;
			}
	for (uint16_t i = 0; i < at; i++)
		h->hop[t->hop[i]].priority = i;
}

static int add_hops(struct health *h, uint16_t trunk, uint64_t now_ns)
{
	const struct conf_uris *uris = &h->conf->trunks.v[trunk].hops;
	struct kedge_addr addr;
	int rc = 0;

	for (uint16_t i = 0; i < uris->count; i++) {
		memcpy(&addr, &uris->v[i].addr, sizeof(addr));
		if (health_hop_add(h, trunk, uris->v[i].transport, &addr, now_ns) < 0)
			rc = -1;
	}
	sort_hops(h, trunk);
	return rc;
}

int health_follow(struct health *h, const struct conf *next, uint64_t now_ns)
{
	const struct conf *before = h->conf;
	int rc = 0;

	health_conf(h, next, now_ns);
	for (uint16_t i = 0; i < next->trunks.count && i < HEALTH_TRUNKS; i++) {
		const struct conf_trunk *t = &next->trunks.v[i];

		if (t->gone || (i < before->trunks.count && !before->trunks.v[i].gone && same_name(&before->trunks.v[i], t)))
			continue;
		drop_hops(h, i, now_ns);
	}
	for (uint16_t i = 0; i < next->trunks.count && i < HEALTH_TRUNKS; i++) /* once all room is free that will be */
		if (!next->trunks.v[i].gone && add_hops(h, i, now_ns) < 0)
			rc = -ENOSPC;
	return rc;
}
