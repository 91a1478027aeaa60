// SPDX-License-Identifier: MIT
/* Profiles: is there anybody left to call? */
#include "sig/operator/metrics.h"

/* Has the profile no enabled target with a hop that may take a call? */
static bool all_down(const struct health *h, const struct conf *c, const struct conf_profile *p)
{
	for (uint16_t i = 0; i < p->targets.count; i++) {
		const struct conf_target *t = &p->targets.v[i];
		uint16_t trunk = t->enabled ? health_trunk_of(h, c, t->trunk) : CONF_NONE;

		for (uint16_t k = 0; trunk < HEALTH_TRUNKS && k < h->trunk[trunk].count; k++)
			if (health_usable(h, h->trunk[trunk].hop[k]))
				return false;
	}
	return true;
}

void metrics_profiles(struct metrics *m)
{
	const struct conf *c = m->r->conf;

	metrics_family(m, "kedge_all_trunks_down", METRICS_GAUGE, "1: no target of the profile may take a call; calls fail open, then get 503.");
	for (uint16_t i = 0; i < c->profiles.count; i++)
		metrics_int(m, all_down(m->health, c, &c->profiles.v[i]), "profile", c->profiles.v[i].name, NULL);
}
