// SPDX-License-Identifier: MIT
#include <string.h>

#include "sig/operator/admin.h"
#include "sig/operator/explain.h"
#include "sig/trunk/trunk.h"

struct copy {
	const struct conf *conf;
	struct health *to;
	bool done;
};

/* In the SIP loop: what is used of it, some microseconds. What a reader of the copy plays through must leave no trace: no table, no events. */
static void make_copy(void *arg)
{
	struct copy *c = arg;
	const struct health *h = trunk_health();

	if (!h || h->conf != c->conf) /* another configuration holds since the request came */
		return;
	c->to->conf = h->conf;
	c->to->table = NULL;
	c->to->hop_count = h->hop_count;
	c->to->wall_ms_at_0 = h->wall_ms_at_0;
	c->to->changed = NULL;
	c->to->dropped = NULL;
	c->to->ctx = NULL;
	for (uint16_t i = 0; i < h->hop_count; i++) {
		c->to->hop[i].used = false;
		if (h->hop[i].used)
			c->to->hop[i] = h->hop[i];
	}
	memcpy(c->to->trunk, h->trunk, sizeof(h->trunk[0]) * (h->conf->trunks.count < HEALTH_TRUNKS ? h->conf->trunks.count : HEALTH_TRUNKS));
	c->to->rings = h->rings;
	c->to->budget = h->budget;
	c->done = true;
}

struct health *admin_health(const struct admin_request *r)
{
	struct copy c = { .conf = r->conf, .to = r->health };

	if (admin_order(make_copy, &c) < 0 || !c.done)
		explain_health(r->health, r->conf, r->seg, r->now_ns, r->wall_ms);
	return r->health;
}
