// SPDX-License-Identifier: MIT
/* rig_watch: a rig of two hops whose changes of state are kept, in order: seen[0 .. changes - 1], from rig_watched() on. */
#ifndef KEDGE_TESTS_UNIT_ROUTING_RIG_WATCH_H
#define KEDGE_TESTS_UNIT_ROUTING_RIG_WATCH_H

#include "tests/unit/routing/rig.h"

static struct health_change seen[256];
static unsigned changes;

static void on_change(void *ctx, const struct health_change *c)
{
	assert(changes < 256);
	seen[changes++] = *c;
}

static struct rig *rig_watched(void)
{
	struct rig *r = rig_new(2);

	changes = 0;
	r->health.changed = on_change;
	return r;
}

#endif
