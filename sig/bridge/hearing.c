// SPDX-License-Identifier: MIT
#include "sig/bridge/hearing.h"

#include "config/clock.h"
#include "config/event.h"
#include "routing/health_signs.h"
#include "routing/mos.h"
#include "sig/call.h"

const char *hearing_trunk(const struct call *c, bool inside)
{
	const struct leg *l = inside ? &c->caller : c->winner ? &c->winner->leg : NULL;

	return l ? leg_trunk(l)->name : NULL;
}

static void tell_heard(struct call *c)
{
	uint16_t slot;

	if (!c->winner || c->heard_end != 1u + c->winner->side.end || !call_hop(c, &slot))
		return;
	c->heard_end = 0;
	health_signs_audio(call_deps()->health, slot, c->plan.number_hash, clock_mono_ns());
}

void hearing_first(void *owner)
{
	struct call *c = owner;

	c->heard_end = (uint8_t)(1 + c->bridge.anchor.live); /* nobody is 0xff */
	if (c->answered_ns)
		tell_heard(c);
}

void hearing_answered(struct call *c)
{
	tell_heard(c);
}

void hearing_one_way(void *owner, bool inside)
{
	struct call *c = owner;
	struct anchor_quality q[2];
	uint16_t slot;

	anchor_quality(&c->bridge.anchor, q);
	event_log(media_one_way, .call = c->id, .end = inside ? "caller" : "callee", .trunk = hearing_trunk(c, inside), .packets = q[!inside].packets,
	    .other = q[inside].packets, .silent_ms = c->conf->media.media_dead_ms);
	if (inside || c->silent_told || !c->answered_ns || !call_hop(c, &slot))
		return;
	c->silent_told = true;
	health_signs_silent(call_deps()->health, slot, !q[1].never, c->plan.number_hash, clock_mono_ns());
}

double hearing_mos(const char *codec, const struct anchor_quality q[2], unsigned from)
{
	const struct mos_stream s = { .codec = codec,
		.packets = q[from].packets,
		.lost = q[from].lost,
		.jitter_us = q[from].jitter_mean_us,
		.rtt_us = { q[0].rtt_us, q[1].rtt_us } };

	return mos_of(&s);
}
