// SPDX-License-Identifier: MIT
/* A changed configuration: hops that stay keep what is known of them, in the new order; the others serve no new call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>

#include "tests/unit/routing/rig.h"
#include "routing/health_follow.h"

static struct conf_uri uri_of(unsigned trunk, unsigned hop)
{
	struct kedge_addr a = rig_addr(trunk, hop);
	struct conf_uri u = { .host = "127.0.2.1", .port = a.port, .transport = CONF_UDP };

	memcpy(&u.addr, &a, sizeof(a));
	return u;
}

struct world { /* two configurations of the same trunks */
	struct rig *rig;
	struct conf next;
	struct conf_trunk trunk[RIG_TRUNKS];
	struct conf_uri was[RIG_TRUNKS], is[RIG_TRUNKS][4];
};

static struct world *world_new(unsigned trunks)
{
	struct world *w = calloc(1, sizeof(*w));

	w->rig = rig_new(trunks);
	for (unsigned i = 0; i < trunks; i++) {
		w->was[i] = w->is[i][0] = uri_of(i, 0);
		w->rig->trunk[i].uri = w->was[i];
		w->rig->trunk[i].hops = (struct conf_uris){ &w->was[i], 1 };
		w->trunk[i] = w->rig->trunk[i];
		w->trunk[i].hops = (struct conf_uris){ w->is[i], 1 };
	}
	w->next = w->rig->conf;
	w->next.trunks.v = w->trunk;
	return w;
}

static void world_free(struct world *w)
{
	free(w->rig);
	free(w);
}

static int follow(struct world *w)
{
	return health_follow(&w->rig->health, &w->next, w->rig->now);
}

static void ports_are(const struct world *w, unsigned trunk, const char *expected)
{
	const struct health_trunk *t = &w->rig->health.trunk[trunk];
	char text[64] = "";

	for (uint16_t i = 0; i < t->count; i++)
		assert_int_equal(w->rig->health.hop[t->hop[i]].priority, i);
	for (uint16_t i = 0; i < t->count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%u", i ? " " : "", w->rig->health.hop[t->hop[i]].addr.port);
	assert_string_equal(text, expected);
}

static void take_down(struct world *w, uint16_t slot)
{
	for (unsigned i = 0; i < 3; i++) {
		w->rig->now += RIG_S;
		health_outcome(&w->rig->health, slot,
		    &(struct health_outcome){ .cause = CAUSE_STATUS, .health = CAUSE_F, .code = 503, .begun_ns = w->rig->now, .number_hash = i }, w->rig->now);
	}
	assert_int_equal(w->rig->health.hop[slot].state, KEDGE_HOP_DOWN);
}

static void hops_stay(void **state)
{
	struct world *w = world_new(2);
	uint16_t slot = w->rig->health.trunk[0].hop[0];

	(void)state;
	take_down(w, slot);
	w->is[0][0] = uri_of(0, 1);
	w->is[0][1] = uri_of(0, 2);
	w->is[0][2] = uri_of(0, 0);
	w->trunk[0].hops.count = 3;
	assert_int_equal(follow(w), 0);
	ports_are(w, 0, "5061 5062 5060");
	assert_int_equal(w->rig->health.trunk[0].hop[2], slot);
	assert_int_equal(w->rig->health.hop[slot].state, KEDGE_HOP_DOWN);
	assert_int_equal(w->rig->health.hop[w->rig->health.trunk[0].hop[0]].state, KEDGE_HOP_UNKNOWN);
	ports_are(w, 1, "5060");
	world_free(w);
}

/* The address is another one: no new call goes to the old one, which is there until its call has ended. */
static void hops_go(void **state)
{
	struct world *w = world_new(2);
	struct health *h = &w->rig->health;
	uint16_t slot = h->trunk[0].hop[0];

	(void)state;
	health_began(h, slot, 0, w->rig->now);
	w->is[0][0] = uri_of(0, 3);
	assert_int_equal(follow(w), 0);
	ports_are(w, 0, "5063");
	assert_true(h->hop[slot].used);
	health_ended(h, slot);
	assert_false(h->hop[slot].used);
	world_free(w);
}

/* A trunk that is gone, and one whose hops come from a name now. */
static void trunks_go(void **state)
{
	struct world *w = world_new(3);
	struct health *h = &w->rig->health;
	uint16_t slot = h->trunk[0].hop[0];

	(void)state;
	health_began(h, slot, 0, w->rig->now);
	w->trunk[0].gone = true;
	w->trunk[1].hops.count = 0;
	w->trunk[1].uri.host = "sip.example";
	assert_int_equal(follow(w), 0);
	ports_are(w, 0, "");
	ports_are(w, 1, "");
	ports_are(w, 2, "5060");
	assert_true(h->hop[slot].used);
	health_ended(h, slot);
	assert_false(h->hop[slot].used);
	world_free(w);
}

/* Hops of a name are not touched while it stays the same. */
static void names_stay(void **state)
{
	struct world *w = world_new(1);

	(void)state;
	w->rig->trunk[0].hops.count = w->trunk[0].hops.count = 0;
	w->rig->trunk[0].uri.host = w->trunk[0].uri.host = "sip.example";
	assert_int_equal(follow(w), 0);
	ports_are(w, 0, "5060");
	w->rig->health.conf = &w->rig->conf;
	w->trunk[0].uri.host = "sip.other.example";
	assert_int_equal(follow(w), 0);
	ports_are(w, 0, "");
	world_free(w);
}

/* enabled = false: no new call at once, DRAINING while calls are up, OFF then; and back to what it was. */
static void disabled(void **state)
{
	struct world *w = world_new(1);
	struct health *h = &w->rig->health;
	uint16_t slot = h->trunk[0].hop[0];
	char why[HEALTH_WHY];

	(void)state;
	health_success(h, slot, true, w->rig->now);
	health_began(h, slot, 0, w->rig->now);
	w->trunk[0].enabled = false;
	assert_int_equal(follow(w), 0);
	assert_int_equal(h->hop[slot].state, KEDGE_HOP_DRAINING);
	assert_int_equal(h->hop[slot].place, HEALTH_NEVER);
	assert_string_equal(health_why(h, slot, why), "disabled");
	health_operator(h, 0, &(struct health_operator){ .mode = HEALTH_UP, .name = "bob" }, w->rig->now);
	assert_int_equal(h->hop[slot].place, HEALTH_NEVER);
	health_ended(h, slot);
	health_tick(h, w->rig->now + RIG_S, 1700000000000ULL);
	assert_int_equal(h->hop[slot].state, KEDGE_HOP_OFF);
	assert_true(h->hop[slot].used);
	health_operator(h, 0, &(struct health_operator){ 0 }, w->rig->now);
	w->trunk[0].enabled = true;
	w->rig->trunk[0].enabled = false;
	assert_int_equal(follow(w), 0);
	assert_int_equal(h->hop[slot].state, KEDGE_HOP_UP);
	world_free(w);
}

static void no_room(void **state)
{
	struct world *w = world_new(2);

	(void)state;
	w->rig->health.hop_count = 2;
	w->is[0][1] = uri_of(0, 1);
	w->trunk[0].hops.count = 2;
	assert_int_equal(follow(w), -ENOSPC);
	ports_are(w, 0, "5060");
	w->rig->health.conf = &w->rig->conf;
	w->trunk[1].gone = true; /* makes room for it */
	assert_int_equal(follow(w), 0);
	ports_are(w, 0, "5060 5061");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hops_stay),
		cmocka_unit_test(hops_go),
		cmocka_unit_test(trunks_go),
		cmocka_unit_test(names_stay),
		cmocka_unit_test(disabled),
		cmocka_unit_test(no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
