// SPDX-License-Identifier: MIT
#include "sig/trunk/canary.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/clock.h"
#include "config/event.h"
#include "routing/health_signs.h"
#include "sig/edge/listen.h"
#include "sig/trunk/probe.h"

#define TRIES 3 /* as many as take a hop DOWN */

struct bird {
	uint32_t generation; /* of the slot's hop */
	bool flies;          /* under way */
	uint8_t failed;      /* in a row */
	uint64_t again_ns;   /* after a failed one, 0: when it is idle again */
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

/* Only what would get calls: of the others it is known already. Who is probed by INVITEs needs no further ones. */
static bool is_due(uint16_t slot, uint64_t now)
{
	const struct health_hop *p = &canary.health->hop[slot];
	const struct conf_trunk *t;

	if (!p->used || p->trunk == CONF_NONE)
		return false;
	t = conf_of(slot);
	if (t->canary != CONF_CANARY_TEST || !t->probe.number[0] || t->probe.method == CONF_PROBE_INVITE)
		return false;
	return p->calls == 0 && health_usable(canary.health, slot) && health_idle(canary.health, slot, now);
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
		health_signs_used(canary.health, slot, now);
		b->flies = true; /* it may be back before the next line */
		if (!probe_test(slot, now))
			b->flies = false;
	}
}

static void tell(uint16_t slot, bool good, uint16_t code)
{
	char hop[64];

	listen_print(&canary.health->hop[slot].addr, hop, sizeof(hop));
	event_log(trunk_canary, .level = good ? EVENT_LEVEL_ROW : EVENT_LEVEL_WARN, .trunk = conf_of(slot)->name, .hop = hop,
	    .verdict = good ? "signaling_only" : "failed", .code = code);
}

/* As a call that failed there. */
static void one_failure(uint16_t slot, uint16_t code, uint64_t now)
{
	struct health_outcome o = {
		.cause = code ? CAUSE_STATUS : CAUSE_NO_REPLY, .health = CAUSE_F, .code = code, .begun_ns = now,
	};

	health_outcome(canary.health, slot, &o, now);
}

void canary_tested(uint16_t slot, uint16_t code, uint64_t now)
{
	struct bird *b = bird_of(slot);
	bool good = conf_probe_good(&conf_of(slot)->probe, code);

	b->flies = false;
	tell(slot, good, code);
	b->failed = good ? 0 : (uint8_t)(b->failed + 1);
	if (!good)
		one_failure(slot, code, now);
	if (b->failed && b->failed < TRIES)
		b->again_ns = now + conf_of(slot)->probe.confirm_ms * CLOCK_NS_PER_MS;
	else
		b->failed = 0;
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
