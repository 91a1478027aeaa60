// SPDX-License-Identifier: MIT
#include "sig/edge/channel.h"

/* A call outlives a change of the configuration, and with it the index of its trunk. */
static struct limit_trunk *limit_of(struct health *h, const struct conf *conf, uint16_t trunk)
{
	trunk = health_trunk_of(h, conf, trunk);
	return trunk < HEALTH_TRUNKS ? &h->trunk[trunk].limit : NULL;
}

enum channel channel_ask(struct health *h, uint16_t trunk, bool emergency, uint64_t now_ns)
{
	const struct conf_trunk *t = &h->conf->trunks.v[trunk];
	struct limit_trunk *l = limit_of(h, h->conf, trunk);

	if (!l)
		return CHANNEL_FREE;
	if (!emergency && limit_full(l, t))
		return CHANNEL_MAX_CALLS;
	return limit_came(l, t, now_ns) || emergency ? CHANNEL_FREE : CHANNEL_MAX_CPS;
}

void channel_begin(struct health *h, const struct conf *conf, uint16_t trunk)
{
	struct limit_trunk *l = limit_of(h, conf, trunk);

	if (l)
		l->calls_from++;
}

void channel_end(struct health *h, const struct conf *conf, uint16_t trunk)
{
	struct limit_trunk *l = limit_of(h, conf, trunk);

	if (l && l->calls_from) /* none: its trunk was gone meanwhile */
		l->calls_from--;
}
