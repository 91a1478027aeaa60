// SPDX-License-Identifier: MIT
/* rig: a configuration made by hand, for tests and benches of the routing core: trunks 0..n-1 on 127.0.2.1.., one
 * profile over all of them in order, one route to it. The figures are the defaults of setting.def. */
#ifndef KEDGE_TESTS_UNIT_ROUTING_RIG_H
#define KEDGE_TESTS_UNIT_ROUTING_RIG_H

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "routing/decide.h"

#define RIG_TRUNKS 16
#define RIG_MS     1000000ULL
#define RIG_S      1000000000ULL

struct rig {
	struct conf conf;
	char name[RIG_TRUNKS][16];
	struct conf_trunk trunk[RIG_TRUNKS];
	struct conf_target target[RIG_TRUNKS];
	struct conf_profile profile[2];
	struct conf_route route[2];
	struct health health;
	uint64_t now;
	struct plan plan;
	struct decide decide;
	struct decide_step step;
};

static inline void rig_trunk(struct rig *r, unsigned i)
{
	struct conf_trunk *t = &r->trunk[i];

	snprintf(r->name[i], sizeof(r->name[i]), "t%u", i);
	t->name = r->name[i];
	t->carrier = t->pop = "";
	t->side = CONF_SIDE_CARRIER;
	t->enabled = true;
	t->max_hops = 2;
	t->max_calls = 100000;
	t->panic_rate = 1;
	t->advance_after = CONF_ADVANCE_183;
	t->timers.first_response_ms = 2000;
	t->timers.first_response_adaptive = true;
	t->timers.connect_ms = 1000;
	t->timers.progress_ms = 8000;
	t->timers.progress_failover_ms = 15000;
	t->timers.ring_ms = 120000;
	t->probe.method = CONF_PROBE_OPTIONS;
	t->probe.interval_ms = 30000;
	t->probe.down_interval_ms = 10000;
	t->probe.down = 3;
	t->probe.up = 3;
	t->breaker.consecutive = 3;
	t->breaker.window = (struct conf_ints){ { 5, 60 }, 2 };
	t->breaker.open_ms = 30000;
	t->breaker.min_uptime_ms = 300000;
	t->breaker.hold_max_ms = 3600000;
	t->breaker.ramp = (struct conf_ints){ { 1, 2, 5, 10, 25, 50, 100 }, 7 };
	t->breaker.trial = 5;
	t->breaker.ramp_step_ms = 30000;
	t->breaker.failback_window = "";
	t->retry_after_max_ms = 300000;
	r->target[i] = (struct conf_target){
		.trunk = (uint16_t)i, .position = i + 1, .weight = 100, .enabled = true
	};
}

static inline struct kedge_addr rig_addr(unsigned trunk, unsigned hop)
{
	return (struct kedge_addr){ .family = AF_INET,
		.port = (uint16_t)(5060 + hop),
		.ip = { 127, 0, 2, (uint8_t)(trunk + 1) } };
}

static inline int rig_hop(struct rig *r, unsigned trunk, unsigned hop)
{
	struct kedge_addr a = rig_addr(trunk, hop);

	return health_hop_add(&r->health, (uint16_t)trunk, CONF_UDP, &a, r->now);
}

/* Hops come back after `open` and `up` good probes, to all of their calls: for tests that ask for other things. */
static inline void rig_quick(struct rig *r)
{
	for (unsigned i = 0; i < r->conf.trunks.count; i++) {
		r->trunk[i].breaker.min_uptime_ms = 0;
		r->trunk[i].breaker.ramp = (struct conf_ints){ { 100 }, 1 };
		r->trunk[i].breaker.ramp_step_ms = 0;
	}
}

/* trunks with one hop each; time begins at 1,000 s. */
static inline struct rig *rig_new(unsigned trunks)
{
	struct rig *r = calloc(1, sizeof(*r));

	assert(r && trunks <= RIG_TRUNKS);
	r->now = 1000 * RIG_S;
	for (unsigned i = 0; i < trunks; i++)
		rig_trunk(r, i);
	r->profile[0] = (struct conf_profile){ .name = "p",
		.max_retries = 2,
		.setup_budget_ms = 160000,
		.on_busy = "stop",
		.on_busy_trunk = CONF_NONE,
		.targets = { r->target, (uint16_t)trunks } };
	r->route[0] = (struct conf_route){ .name = "all", .from = CONF_NONE, .prefix = "", .did = "" };
	r->conf.trunks = (struct conf_trunks){ r->trunk, (uint16_t)trunks };
	r->conf.profiles = (struct conf_profiles){ r->profile, 1 };
	r->conf.routes = (struct conf_routes){ r->route, 1 };
	r->conf.sip.t1_ms = 500;
	health_init(&r->health, &r->conf, NULL, KEDGE_HOPS_MAX, r->now, 1700000000000ULL);
	for (unsigned i = 0; i < trunks; i++)
		rig_hop(r, i, 0);
	return r;
}

/* A new call to a number. */
static inline void rig_call(struct rig *r, const char *number)
{
	int rc = plan_make(&r->plan, &r->conf, CONF_NONE, number);

	assert(rc == 0);
	decide_init(&r->decide, &r->plan, 12345, r->now);
}

static inline enum decide_kind rig_next(struct rig *r)
{
	return decide_next(&r->decide, &r->health, r->now, &r->step);
}

static inline bool rig_end(struct rig *r, unsigned i, uint8_t cause, uint16_t code)
{
	struct decide_outcome o = { .cause = cause, .code = code };

	return decide_outcome(&r->decide, &r->health, i, &o, r->now);
}

static inline bool rig_status(struct rig *r, unsigned i, uint16_t code)
{
	return rig_end(r, i, CAUSE_STATUS, code);
}

static inline enum decide_reply rig_reply(struct rig *r, unsigned i, uint16_t status)
{
	return decide_reply(&r->decide, &r->health, i, status, r->now);
}

/* A call through the first target that comes, answered after 30 ms. */
static inline void rig_good_call(struct rig *r, const char *number)
{
	rig_call(r, number);
	assert(rig_next(r) == DECIDE_TRY);
	r->now += 30 * RIG_MS;
	rig_reply(r, 0, 100);
	rig_reply(r, 0, 180);
	rig_reply(r, 0, 200);
	decide_answered(&r->decide, &r->health, 0, r->now);
	r->now += RIG_S;
	decide_fini(&r->decide, &r->health);
}

#endif
