// SPDX-License-Identifier: MIT
/* admin_rig: an admin socket as kedge-sig opens it, on a segment and a trunk table of its own: pbx1, alpha (DOWN since three
 * 503s) and beta, route "uk" for +44 from pbx1. For cmocka's group setup and teardown. */
#ifndef KEDGE_TESTS_UNIT_SIG_OPERATOR_ADMIN_RIG_H
#define KEDGE_TESTS_UNIT_SIG_OPERATOR_ADMIN_RIG_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/clock.h"
#include "routing/health.h"
#include "routing/shm/segment.h"
#include "sig/operator/admin.h"
#include "sig/operator/admin_board.h"

static char dir[] = "/tmp/kedge-admin-XXXXXX";
static struct segment seg;
static struct conf *conf;
static struct health *health;

static inline struct conf *make_conf(void)
{
	struct err_list errs = { 0 };
	char path[128];
	struct conf *c;
	FILE *f;

	snprintf(path, sizeof(path), "%s/kedge.cfg", dir);
	f = fopen(path, "w");
	fprintf(f,
	    "run = { dir = \"%s/run\"; };\n"
	    "interfaces = ( { name = \"inside\"; address = \"127.0.3.1\"; }, { name = \"outside\"; address = \"127.0.4.1\"; } );\n"
	    "trunks = ( { name = \"pbx1\"; side = \"pbx\"; uri = \"sip:127.0.1.1\"; },\n"
	    "  { name = \"alpha\"; side = \"carrier\"; carrier = \"a\"; uri = \"sip:127.0.2.1\"; max_calls = 300; },\n"
	    "  { name = \"beta\"; side = \"carrier\"; carrier = \"b\"; uri = \"sip:127.0.2.2\"; } );\n"
	    "profiles = ( { name = \"out\"; targets = ( { trunk = \"alpha\"; }, { trunk = \"beta\"; } ); } );\n"
	    "routes = ( { name = \"uk\"; from = \"pbx1\"; prefix = \"+44\"; profile = \"out\"; } );\n", dir);
	fclose(f);
	c = conf_load(path, 0, &errs);
	err_print(&errs, stderr);
	err_fini(&errs);
	unlink(path);
	return c;
}

/* Every trunk's hop in the table, alpha DOWN since three 503s. */
static inline void fill_table(void)
{
	uint64_t now = clock_mono_ns();

	health_init(health, conf, segment_hop(&seg, 0), (uint16_t)seg.pub->hop_count, now, clock_wall_ms());
	for (uint16_t i = 0; i < conf->trunks.count; i++) {
		const struct conf_addr *a = &conf->trunks.v[i].hops.v[0].addr;
		struct kedge_addr addr = { .family = a->family, .port = a->port };

		memcpy(addr.ip, a->ip, sizeof(addr.ip));
		assert_true(health_hop_add(health, i, CONF_UDP, &addr, now) >= 0);
	}
	for (int i = 0; i < 3; i++) {
		struct health_outcome o = { .cause = CAUSE_STATUS, .health = CAUSE_F, .code = 503, .begun_ns = now, .number_hash = 7 };

		health_began(health, health->trunk[conf_trunk_find(conf, "alpha")].hop[0], 0, now);
		health_outcome(health, health->trunk[conf_trunk_find(conf, "alpha")].hop[0], &o, now);
		health_ended(health, health->trunk[conf_trunk_find(conf, "alpha")].hop[0]);
	}
	health_tick(health, now, clock_wall_ms());
}

static inline void put_call(uint32_t slot, uint64_t id, const char *from)
{
	struct admin_who who = { .call_id = id, .in = "pbx1", .route = "uk", .profile = "out", .to = "+442071838750", .sip_call_id = "a@b" };
	struct admin_now now = { .call_id = id, .begun_wall_ms = clock_wall_ms(), .state = ADMIN_UP, .attempts = 2, .trunk = "beta", .hop = "127.0.2.2:5060" };

	snprintf(who.from, sizeof(who.from), "%s", from);
	admin_call_who(slot, &who);
	admin_call_now(slot, &now);
}

static inline int rig_begin(void **state)
{
	const struct segment_shape shape = { .workers = 1, .hops = 8, .slots = 64 };

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	health = malloc(sizeof(*health));
	conf = make_conf();
	if (!health || !conf || segment_create(&seg, &shape))
		return -1;
	atomic_store_explicit(&seg.pub->worker[0].backend, KEDGE_BACKEND_URING, memory_order_relaxed);
	fill_table();
	return admin_open(conf, &seg);
}

static inline int rig_end(void **state)
{
	char text[64];

	(void)state;
	admin_close();
	conf_unref(conf);
	segment_detach(&seg);
	free(health);
	snprintf(text, sizeof(text), "%s/run", dir);
	return rmdir(text) || rmdir(dir);
}

#endif
