// SPDX-License-Identifier: MIT
#include "sig/dialog/farewell.h"

#include <sofia-sip/nta.h>

#include "config/clock.h"
#include "sig/call.h"

#define FOR_NS   (3600 * CLOCK_NS_PER_S)
#define PAUSE_NS (30 * CLOCK_NS_PER_S)
#define HOPS     8 /* of a trunk that are told */

/* Where the other end of the leg can be: what its dialog says, then the other hops of its trunk. Returns how many. */
static unsigned hops_of(const struct leg *l, const struct health_hop *out[static HOPS])
{
	const struct health *h = call_deps()->health;
	const struct call *c = l->call;
	unsigned n = 0;
	uint16_t trunk;

	out[n++] = NULL; /* the dialog's own way */
	if (!c->winner || l != &c->winner->leg)
		return n;
	trunk = health_trunk_of(h, c->conf, c->winner->trunk); /* its slot may have become another trunk's meanwhile */
	for (unsigned i = 0; trunk != CONF_NONE && i < h->hop_count && n < HOPS; i++)
		if (h->hop[i].used && h->hop[i].trunk == trunk && h->hop[i].addr.family && i != c->winner->hop)
			out[n++] = &h->hop[i];
	return n;
}

static bool was_heard(const sip_t *sip)
{
	int status = sip ? sip->sip_status->st_status : 0;

	return status >= 200 && !nta_sip_is_internal(sip) && status != 408 && status / 100 != 5;
}

bool farewell_goes_on(struct leg *l, const sip_t *sip)
{
	struct farewell *f = &l->farewell;
	const struct health_hop *hops[HOPS];
	unsigned n = hops_of(l, hops), round;
	uint64_t now = clock_mono_ns();

	f->waits = false;
	f->unconfirmed = !was_heard(sip);
	if (!f->unconfirmed)
		return false;
	if (!f->until_ns)
		f->until_ns = now + FOR_NS / call_scale();
	f->turn++;
	round = f->turn / n; /* the first one without a pause */
	f->next_ns = now;
	if (round && f->turn % n == 0)
		f->next_ns += (PAUSE_NS << (round < 12 ? round - 1 : 11)) / call_scale();
	if (f->next_ns > f->until_ns) {
		f->next_ns = 0;
		return false;
	}
	f->waits = true;
	return true;
}

static bool waits(const struct leg *l)
{
	return l && l->farewell.waits;
}

bool farewell_waits(const struct call *c)
{
	return waits(&c->caller) || (c->winner && waits(&c->winner->leg));
}

bool farewell_unconfirmed(const struct call *c)
{
	return c->caller.farewell.unconfirmed || (c->winner && c->winner->leg.farewell.unconfirmed);
}

uint64_t farewell_due(const struct call *c)
{
	uint64_t a = c->caller.farewell.next_ns, b = c->winner ? c->winner->leg.farewell.next_ns : 0;

	return !a || (b && b < a) ? b : a;
}

static void tick_leg(struct leg *l, uint64_t now_ns)
{
	struct farewell *f = &l->farewell;
	const struct health_hop *hops[HOPS], *to;
	unsigned n;

	if (!f->next_ns || f->next_ns > now_ns)
		return;
	f->next_ns = 0;
	n = hops_of(l, hops);
	to = hops[f->turn % n];
	if (!leg_send_bye(l, to ? &to->addr : NULL, to ? to->transport : 0) && !farewell_goes_on(l, NULL))
		leg_bye_over(l);
}

void farewell_tick(struct call *c, uint64_t now_ns)
{
	tick_leg(&c->caller, now_ns);
	if (c->winner)
		tick_leg(&c->winner->leg, now_ns);
}
