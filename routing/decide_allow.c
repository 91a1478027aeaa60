// SPDX-License-Identifier: MIT
#include "routing/decide_part.h"

bool allow_calls(const struct decide *d, const struct health *h, unsigned target)
{
	return d->plan->emergency || !limit_full(&pick_trunk(d, h, target)->limit, decide_conf_at(d, target));
}

bool allow_cps(const struct decide *d, const struct health *h, unsigned target, uint64_t now_ns)
{
	return d->plan->emergency || limit_cps_left(&pick_trunk(d, h, target)->limit, decide_conf_at(d, target), now_ns);
}

/* A target that is well and was not tried is what a caller is owed, however often it failed elsewhere: such a try takes nothing
 * from the budget. The second of a call goes to another address of its target, or where it is not well; only the latter spends. */
static bool spends(const struct decide *d, const struct health *h, unsigned target, uint16_t hop)
{
	bool well = h->hop[hop].state == KEDGE_HOP_UP || h->hop[hop].state == KEDGE_HOP_UNKNOWN;

	if (d->count == 0 || d->plan->emergency)
		return false;
	return well ? pick_tried(d, target) && d->count > 1 : true;
}

bool allow_budget(const struct decide *d, const struct health *h, unsigned target, uint16_t hop, uint64_t now_ns)
{
	return !spends(d, h, target, hop) || limit_budget_left(&h->budget, now_ns);
}

void allow_spend(struct decide *d, struct health *h, const struct pick *pick, uint64_t now_ns)
{
	uint16_t trunk = h->hop[pick->hop].trunk;

	if (spends(d, h, pick->target, pick->hop))
		limit_budget_spend(&h->budget, now_ns);
	if (trunk < HEALTH_TRUNKS)
		limit_sent(&h->trunk[trunk].limit, decide_conf_at(d, pick->target), now_ns);
}

void allow_hold(struct health *h, struct decide_attempt *a)
{
	if (!a->held)
		health_call(h, a->hop, true);
	a->held = true;
}

void allow_free(struct health *h, struct decide_attempt *a)
{
	if (a->held)
		health_call(h, a->hop, false);
	a->held = false;
}
