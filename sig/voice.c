// SPDX-License-Identifier: MIT
#include "sig/voice.h"

#include <string.h>

#include "config/clock.h"
#include "config/sound.h"
#include "sig/call.h"
#include "sig/setup.h"

#define MARGIN_NS (2 * CLOCK_NS_PER_S) /* media says when an announcement is over; it may have died meanwhile */

/* The caller has a body of ours by which it can hear; what it hears begins with the next packets. */
static bool begin(struct call *c, const char *sound, uint8_t how)
{
	if (bridge_own(&c->bridge) < 0 || !bridge_plays(&c->bridge))
		return false;
	bridge_play(&c->bridge, sound_id(sound), how);
	if (!c->told_sdp)
		setup_tell_183(c);
	return true;
}

bool voice_wait(struct call *c)
{
	char buf[SOUND_NAME];

	return c->plan.profile->inform == CONF_INFORM_183 && begin(c, sound_wait(c->plan.profile, buf), KEDGE_PLAY_UNTIL_MEDIA);
}

void voice_ringback(struct call *c, const struct attempt *a)
{
	char buf[SOUND_NAME];

	if (c->told_sdp && !a->side.theirs && !c->announce_ns)
		bridge_play(&c->bridge, sound_id(sound_wait(c->plan.profile, buf)), KEDGE_PLAY_UNTIL_MEDIA);
}

/* What the callee decided needs no word of ours. */
static bool is_ours(const struct decide_final *f)
{
	return strcmp(f->why, "stop") != 0;
}

bool voice_failed(struct call *c, const struct decide_final *f)
{
	const struct conf_profile *p = c->plan.profile;
	char buf[SOUND_NAME];

	if (c->announce_ns)
		return true;
	if (c->announced || !p->announce_failed_ms || !is_ours(f) || !begin(c, sound_failed(p, buf), KEDGE_PLAY_OVER))
		return false;
	c->announced = true;
	c->announce = *f;
	c->announce_ns = clock_mono_ns() + p->announce_failed_ms * CLOCK_NS_PER_MS;
	if (p->announce_failed[0] == '/')
		c->announce_ns += MARGIN_NS;
	return true;
}

void voice_played(struct call *c)
{
	if (c->announce_ns && c->state == CALL_SETUP)
		setup_fail(c, &c->announce);
}

void voice_over(struct call *c)
{
	c->announce_ns = 0;
	bridge_play(&c->bridge, 0, 0);
}
