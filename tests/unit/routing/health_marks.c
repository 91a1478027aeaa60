// SPDX-License-Identifier: MIT
/* Evidences beside the breaker: marks, Retry-After, the operator, a changed configuration; the worst wins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/unit/routing/rig.h"
#include "tests/unit/routing/rig_watch.h"

static enum kedge_hop_state state_of(const struct rig *r, uint16_t slot)
{
	return r->health.hop[slot].state;
}

static void tick(struct rig *r, uint64_t ns)
{
	r->now += ns;
	health_tick(&r->health, r->now, 1700000000000ULL + r->now / RIG_MS);
}

static void failed(struct rig *r, uint16_t slot, unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		struct health_outcome o = { CAUSE_STATUS, CAUSE_F, 503, r->now, i };

		health_outcome(&r->health, slot, &o, r->now);
	}
}

/* Each evidence alone makes the state its row says, with its word, and is gone when it is cleared. */
static void every_mark(void **state)
{
	for (unsigned i = 0; i < HEALTH_REASON_COUNT; i++) {
		const struct health_rule *rule = health_rule(i);
		struct rig *r = rig_watched();

		if (rule->kind == HEALTH_KIND_MARK && i != HEALTH_DNS_NEW) {
			health_success(&r->health, 0, true, r->now);
			health_mark(&r->health, 0, i, 7, 0, r->now);
			assert_true(health_marked(&r->health, 0, i));
			assert_int_equal(state_of(r, 0), rule->state);
			assert_int_equal(r->health.hop[0].reason, i);
			assert_string_equal(seen[changes - 1].evidence, rule->evidence);
			assert_string_equal(seen[changes - 1].clears, rule->clears);
			assert_true(strlen(rule->clears) > 0);
			assert_int_equal(health_place(&r->health, 0, 1), rule->place);
			assert_int_equal(health_usable(&r->health, 0), rule->state != KEDGE_HOP_DOWN);
			health_clear_mark(&r->health, 0, i, r->now);
			assert_int_equal(state_of(r, 0), KEDGE_HOP_UP);
			assert_int_equal(seen[changes - 1].reason, HEALTH_CLEARED);
		}
		free(r);
	}
}

static void worst_wins(void **state)
{
	struct rig *r = rig_watched();
	char why[HEALTH_WHY];

	health_success(&r->health, 0, true, r->now);
	health_mark(&r->health, 0, HEALTH_RTT, 612, 0, r->now);
	assert_string_equal(health_why(&r->health, 0, why), "rtt:612");
	health_mark(&r->health, 0, HEALTH_LOSS, 8, 0, r->now); /* as bad: no further change */
	assert_string_equal(health_why(&r->health, 0, why), "rtt:612");
	failed(r, 0, 3);
	assert_int_equal(state_of(r, 0), KEDGE_HOP_DOWN);
	health_lock(&r->health, 0, 20, r->now);
	assert_int_equal(state_of(r, 0), KEDGE_HOP_LOCKED);
	health_operator(&r->health, 0, &(struct health_operator){ .mode = HEALTH_DRAIN, .name = "ann" }, r->now);
	assert_int_equal(state_of(r, 0), KEDGE_HOP_DRAINING);
	assert_string_equal(health_why(&r->health, 0, why), "operator:ann");
	health_operator(&r->health, 0, &(struct health_operator){ .mode = HEALTH_DOWN, .name = "bob" }, r->now);
	assert_int_equal(state_of(r, 0), KEDGE_HOP_OFF);
	assert_int_equal(health_place(&r->health, 0, 0), HEALTH_NEVER);
	assert_string_equal(seen[changes - 1].why, "operator:bob");
	health_operator(&r->health, 0, &(struct health_operator){ .mode = HEALTH_AUTO }, r->now);
	assert_int_equal(state_of(r, 0), KEDGE_HOP_LOCKED); /* what was there is there still */
	tick(r, 20 * RIG_S); /* it never answered a probe: nothing to wait for */
	assert_int_equal(state_of(r, 0), KEDGE_HOP_DOWN);
	assert_string_equal(health_why(&r->health, 0, why), "consecutive:503");
	free(r);
}

static void a_mark_ends_by_itself(void **state)
{
	struct rig *r = rig_watched();

	health_success(&r->health, 0, true, r->now);
	health_mark(&r->health, 0, HEALTH_ONE_WAY, 0, r->now + 600 * RIG_S, r->now);
	tick(r, 599 * RIG_S);
	assert_int_equal(state_of(r, 0), KEDGE_HOP_DEGRADED);
	tick(r, RIG_S);
	assert_int_equal(state_of(r, 0), KEDGE_HOP_UP);
	free(r);
}

static void marks_of_a_trunk(void **state)
{
	struct rig *r = rig_watched();
	int second;

	health_mark_trunk(&r->health, 0, HEALTH_DNS_TIMEOUT, 0, 0, r->now);
	second = rig_hop(r, 0, 1); /* one that comes later too */
	assert_int_equal(state_of(r, 0), KEDGE_HOP_DOWN);
	assert_int_equal(state_of(r, (uint16_t)second), KEDGE_HOP_DOWN);
	assert_int_equal(state_of(r, 1), KEDGE_HOP_UNKNOWN);
	health_clear_trunk(&r->health, 0, HEALTH_DNS_TIMEOUT, r->now);
	assert_int_equal(health_trunk_state(&r->health, 0), KEDGE_HOP_UNKNOWN);
	free(r);
}

/* Where probes tell something, LOCKED ends with the first good one after its time. */
static void locked(void **state)
{
	struct rig *r = rig_watched();

	health_probe(&r->health, 0, 200, 1000, r->now);
	assert_int_equal(health_lock(&r->health, 0, 20, r->now), r->now + 20 * RIG_S);
	assert_int_equal(health_quiet_ns(&r->health, 0), r->now + 20 * RIG_S);
	assert_int_equal(health_retry_ns(&r->health, 0), r->now + 20 * RIG_S);
	assert_false(health_usable(&r->health, 0));
	assert_int_equal(seen[changes - 1].hold_ms, 20000);
	health_lock(&r->health, 0, 5, r->now); /* the longer time holds */
	tick(r, 10 * RIG_S);
	health_probe(&r->health, 0, 200, 1000, r->now); /* a late answer opens nothing */
	assert_int_equal(state_of(r, 0), KEDGE_HOP_LOCKED);
	tick(r, 10 * RIG_S);
	assert_int_equal(state_of(r, 0), KEDGE_HOP_LOCKED);
	health_probe(&r->health, 0, 200, 1000, r->now);
	assert_int_equal(state_of(r, 0), KEDGE_HOP_UP);
	assert_int_equal(seen[changes - 1].reason, HEALTH_LOCK_OVER);
	assert_int_equal(health_lock(&r->health, 0, 1u << 31, r->now), r->now + 300 * RIG_S);
	free(r);
}

static void lock_of_all_hops(void **state)
{
	struct rig *r = rig_watched();
	uint16_t second = (uint16_t)rig_hop(r, 0, 1);

	health_lock(&r->health, 0, 20, r->now);
	assert_int_equal(state_of(r, second), KEDGE_HOP_LOCKED);
	assert_int_equal(state_of(r, 1), KEDGE_HOP_UNKNOWN);
	tick(r, 20 * RIG_S);
	health_several_hosts(&r->health, 0, true);
	health_lock(&r->health, 0, 20, r->now);
	assert_int_equal(state_of(r, 0), KEDGE_HOP_LOCKED);
	assert_int_equal(state_of(r, second), KEDGE_HOP_UNKNOWN);
	free(r);
}

static void operator_holds_it_up(void **state)
{
	struct rig *r = rig_watched();
	struct health_operator up = { .mode = HEALTH_UP, .name = "eve", .until_wall_ms = 1700000000000ULL + 1060 * 1000 };

	failed(r, 0, 3);
	assert_false(health_usable(&r->health, 0));
	tick(r, 0);
	health_operator(&r->health, 0, &up, r->now);
	assert_int_equal(state_of(r, 0), KEDGE_HOP_UP);
	assert_true(health_may_take(&r->health, 0, 1));
	tick(r, 59 * RIG_S);
	failed(r, 0, 3);
	assert_int_equal(state_of(r, 0), KEDGE_HOP_UP);
	tick(r, RIG_S); /* its time is over: what happened meanwhile counts */
	assert_int_equal(state_of(r, 0), KEDGE_HOP_DOWN);
	assert_int_equal(r->health.trunk[0].operator.mode, HEALTH_AUTO);
	free(r);
}

static void dns_new(void **state)
{
	struct rig *r = rig_watched();

	health_mark(&r->health, 0, HEALTH_DNS_NEW, 0, 0, r->now);
	assert_int_equal(state_of(r, 0), KEDGE_HOP_UNKNOWN);
	assert_int_equal(health_place(&r->health, 0, 1), HEALTH_BEHIND);
	health_probe(&r->health, 0, 200, 1000, r->now);
	assert_int_equal(state_of(r, 0), KEDGE_HOP_UP);
	assert_int_equal(health_place(&r->health, 0, 1), HEALTH_FIRST);
	free(r);
}

/* Trunk 0 goes, trunk 1 becomes the first, and a new one comes. */
static void another_configuration(void **state)
{
	struct rig *r = rig_watched(), *next = rig_new(2);

	snprintf(next->name[0], sizeof(next->name[0]), "t1");
	snprintf(next->name[1], sizeof(next->name[1]), "t2");
	failed(r, 1, 3);
	health_operator(&r->health, 1, &(struct health_operator){ .mode = HEALTH_DRAIN, .name = "ann" }, r->now);
	for (unsigned i = 0; i < 3; i++)
		health_rang(&r->health, 1, 49, 100, 100, r->now);
	health_began(&r->health, 0, 0, r->now);
	health_began(&r->health, 1, 0, r->now);
	assert_int_equal(health_trunk_of(&r->health, &r->conf, 1), 1);
	health_conf(&r->health, &next->conf, r->now);
	assert_int_equal(health_trunk_of(&r->health, &r->conf, 1), 0);
	assert_int_equal(health_trunk_of(&r->health, &r->conf, 0), CONF_NONE);
	assert_int_equal(r->health.trunk[0].count, 1);
	assert_int_equal(r->health.trunk[0].hop[0], 1);
	assert_int_equal(r->health.trunk[0].calls, 1);
	assert_int_equal(state_of(r, 1), KEDGE_HOP_DRAINING);
	assert_int_equal(pace_progress_ms(&r->health.rings, 0, 49, 8000), 4000);
	assert_int_equal(pace_progress_ms(&r->health.rings, 1, 49, 8000), 8000);
	health_operator(&r->health, 0, &(struct health_operator){ .mode = HEALTH_AUTO }, r->now);
	assert_int_equal(state_of(r, 1), KEDGE_HOP_DOWN);
	assert_int_equal(r->health.trunk[1].count, 0);
	/* The call that is up on the trunk that went: its evidence goes nowhere, its slot waits for its end. */
	failed(r, 0, 3);
	health_heard(&r->health, 0, 0, r->now);
	health_success(&r->health, 0, true, r->now);
	tick(r, RIG_S);
	assert_true(r->health.hop[0].used);
	health_ended(&r->health, 0);
	assert_false(r->health.hop[0].used);
	free(next);
	free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_mark),
		cmocka_unit_test(worst_wins),
		cmocka_unit_test(a_mark_ends_by_itself),
		cmocka_unit_test(marks_of_a_trunk),
		cmocka_unit_test(locked),
		cmocka_unit_test(lock_of_all_hops),
		cmocka_unit_test(operator_holds_it_up),
		cmocka_unit_test(dns_new),
		cmocka_unit_test(another_configuration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
