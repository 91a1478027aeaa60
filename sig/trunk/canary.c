// SPDX-License-Identifier: MIT
#include "sig/trunk/canary.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "config/clock.h"
#include "config/event.h"
#include "routing/health_canary.h"
#include "routing/health_signs.h"
#include "sig/edge/listen.h"
#include "sig/operator/history.h"
#include "sig/trunk/canary_call.h"
#include "sig/trunk/probe.h"

#define TRIES 3 /* as many as take a hop DOWN */

struct bird {
	uint32_t generation; /* of the slot's hop */
	bool flies;          /* under way */
	uint8_t tries;       /* one soon after the other, all good or all bad */
	bool good;           /* were they? */
	uint64_t again_ns;   /* of the next one of these; 0: when it is idle again */
};

static struct {
	struct health *health;
	uint16_t slots;
	struct bird *bird;
} canary;

static const struct conf_trunk *conf_of(uint16_t slot)
{
	return &canary.health->conf->trunks.v[canary.health->hop[slot].trunk];
}

static struct bird *bird_of(uint16_t slot)
{
	struct bird *b = &canary.bird[slot];

	if (b->generation != canary.health->hop[slot].generation)
		*b = (struct bird){ .generation = canary.health->hop[slot].generation };
	return b;
}

/* Only what would get calls: of the others it is known already. Who is probed by INVITEs needs no further ones that show no more. */
static bool is_due(uint16_t slot, uint64_t now)
{
	const struct health_hop *p = &canary.health->hop[slot];
	const struct conf_trunk *t;

	if (!p->used || p->trunk == CONF_NONE)
		return false;
	t = conf_of(slot);
	if (t->canary != CONF_CANARY_TEST || !t->probe.number[0] || (t->probe.method == CONF_PROBE_INVITE && !t->canary_audio))
		return false;
	return p->calls == 0 && health_usable(canary.health, slot) && health_idle(canary.health, slot, now);
}

static void over(uint16_t slot, enum kedge_canary what, uint16_t code, const char *why);

static void on_ended(const struct canary_end *e)
{
	if (canary.health->hop[e->slot].used && canary.health->hop[e->slot].trunk != CONF_NONE && bird_of(e->slot)->flies)
		over(e->slot, e->what, e->code, e->why);
}

/* A trunk without a codec that kedge can hear is tested as far as signaling goes. False: not now. */
static bool call(uint16_t slot, uint64_t now)
{
	int err = conf_of(slot)->canary_audio ? canary_call(canary.health, slot, on_ended) : -ENOTSUP;

	return err == 0 || (err == -ENOTSUP && probe_test(slot, now));
}

void canary_tick(uint64_t now)
{
	for (uint16_t slot = 0; slot < canary.slots; slot++) {
		struct bird *b;

		if (!canary.health->hop[slot].used)
			continue;
		b = bird_of(slot);
		if (b->flies || (b->again_ns ? now < b->again_ns : !is_due(slot, now)))
			continue;
		b->again_ns = 0;
		b->flies = true; /* it may be back before the next line */
		if (call(slot, now))
			health_signs_used(canary.health, slot, now);
		else
			b->flies = false;
	}
}

static void tell(uint16_t slot, enum kedge_canary what, uint16_t code, const char *why)
{
	bool good = what == KEDGE_CANARY_AUDIO || what == KEDGE_CANARY_SIGNALING;
	char hop[64];

	listen_print(&canary.health->hop[slot].addr, hop, sizeof(hop));
	if (!why && !good && what != KEDGE_CANARY_REFUSED)
		why = health_canary_word(what);
	event_log(trunk_canary, .level = good ? EVENT_LEVEL_ROW : EVENT_LEVEL_WARN, .trunk = conf_of(slot)->name, .hop = hop,
	    .verdict = good ? health_canary_word(what) : "failed", .code = code, .why = why);
	history_write("canary", json_pack("{s:s, s:s, s:s, s:i, s:s}", "trunk", conf_of(slot)->name, "hop", hop, "verdict",
	    good ? health_canary_word(what) : "failed", "code", (int)code, "why", why ? why : ""));
}

/* A good one is followed by others as long as what stands against the audio needs them. */
static void over(uint16_t slot, enum kedge_canary what, uint16_t code, const char *why)
{
	const struct health_canary c = { .what = what, .code = code };
	uint64_t now = clock_mono_ns();
	struct bird *b = bird_of(slot);

	b->flies = false;
	tell(slot, what, code, why);
	health_canary(canary.health, slot, &c, now);
	if (b->good != (what == KEDGE_CANARY_AUDIO))
		b->tries = 0;
	b->good = what == KEDGE_CANARY_AUDIO;
	if (what == KEDGE_CANARY_SIGNALING || (what == KEDGE_CANARY_AUDIO && !health_canary_again(canary.health, slot)))
		b->tries = TRIES;
	if (++b->tries < TRIES)
		b->again_ns = now + conf_of(slot)->probe.confirm_ms * CLOCK_NS_PER_MS;
	else
		b->tries = 0;
}

void canary_tested(uint16_t slot, uint16_t code, uint64_t now)
{
	(void)now;
	over(slot, conf_probe_good(&conf_of(slot)->probe, code) ? KEDGE_CANARY_SIGNALING : KEDGE_CANARY_REFUSED, code, NULL);
}

int canary_init(struct health *health, uint16_t slots)
{
	canary.bird = calloc(slots, sizeof(*canary.bird));
	if (!canary.bird)
		return -ENOMEM;
	canary.health = health;
	canary.slots = slots;
	return 0;
}

void canary_fini(void)
{
	free(canary.bird);
	memset(&canary, 0, sizeof(canary));
}
