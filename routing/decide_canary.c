// SPDX-License-Identifier: MIT
#include "routing/decide_part.h"
#include "routing/health_signs.h"

bool canary_pick(const struct decide *d, const struct health *h, const struct pick *first, uint64_t now_ns, struct pick *pick)
{
	if (d->count || d->plan->emergency || first->place != HEALTH_FIRST)
		return false;
	for (unsigned i = first->target + 1u; i < d->plan->count; i++) {
		*pick = (struct pick){ .target = (uint8_t)i, .place = HEALTH_FIRST };
		if (decide_conf_at(d, i)->canary == CONF_CANARY_CALL && pick_open(d, h, i, now_ns) &&
		    pick_usable(d, h, i, HEALTH_FIRST, &pick->hop) && health_idle(h, pick->hop, now_ns))
			return true;
	}
	return false;
}
