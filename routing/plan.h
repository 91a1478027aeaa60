// SPDX-License-Identifier: MIT
/* plan: (source trunk, number) -> route -> profile -> targets in order. Pure; the same code serves calls and
 * `kedge explain`. Calls from a PBX to carriers and from a carrier to PBXs are the same thing here.
 *
 * A route fits where its `from` is the source trunk or any, and its did is the number or its prefix begins it. A did
 * wins over any prefix, a longer prefix over a shorter one, then a named `from` over any. A number's leading + is
 * looked at only by a prefix or did that is written with one.
 *
 * Owner: the caller holds struct plan (embedded in a call) and a reference of conf for as long. */
#ifndef KEDGE_ROUTING_PLAN_H
#define KEDGE_ROUTING_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "config/conf.h"

#define PLAN_TARGETS 32 /* of a profile; max_retries ends at 15, so later ones could never be reached */

struct plan_target {
	uint16_t index; /* in profile->targets.v */
	uint16_t trunk; /* in conf->trunks.v */
	bool enabled;   /* false: shown, never tried */
};

struct plan {
	const struct conf *conf; /* borrowed */
	const struct conf_route *route;
	const struct conf_profile *profile;
	uint16_t from;        /* source trunk, CONF_NONE: unknown */
	uint16_t count;       /* of target[] */
	uint32_t prefix;      /* leading digits of the number, what pace learns by */
	uint64_t number_hash; /* tells distinct numbers apart */
	bool emergency;       /* the number is one of conf.emergency: nothing of ours holds the call back */
	struct plan_target target[PLAN_TARGETS];
};

/* The route of a number called from a trunk (index, or CONF_NONE); NULL: none fits. */
const struct conf_route *plan_route(const struct conf *c, uint16_t from, const char *number);

/* Is it one of conf.emergency? A leading + is not looked at. */
bool plan_emergency(const struct conf *c, const char *number);

/* A number that kedge answers itself, as it was dialed; wins over all routes. NULL: it is none. */
const struct conf_test_number *plan_test(const struct conf *c, const char *number);

/* "echo", ...: what it does, as the configuration has it. */
const char *plan_test_word(const struct conf_test_number *n);

/* Makes the plan. 0, or -ENOENT: no route (p is untouched). */
int plan_make(struct plan *p, const struct conf *c, uint16_t from, const char *number);

#endif
