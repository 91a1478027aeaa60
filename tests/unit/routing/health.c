// SPDX-License-Identifier: MIT
/* Evidence and states: `consecutive`, `silent`, config_fault (A41); what never counts. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/unit/routing/rig.h"
#include "tests/unit/routing/rig_watch.h"
#include "routing/shm/seq.h"

static uint8_t outcome(struct rig *r, uint8_t cause, uint8_t health, uint16_t code, uint64_t begun)
{
	struct health_outcome o = {
		.cause = cause, .health = health, .code = code, .begun_ns = begun, .number_hash = r->now
	};

	return health_outcome(&r->health, 0, &o, r->now);
}

static uint8_t failed(struct rig *r, uint16_t code)
{
	r->now += RIG_MS;
	return outcome(r, CAUSE_STATUS, CAUSE_F, code, r->now);
}

static void probe_for(struct rig *r, unsigned seconds, uint16_t code)
{
	for (unsigned i = 0; i < seconds; i++) {
		r->now += RIG_S;
		health_tick(&r->health, r->now, 1700000000000ULL);
		health_probe(&r->health, 0, code, 2000, r->now);
	}
}

static enum kedge_hop_state state_of(const struct rig *r)
{
	return r->health.hop[0].state;
}

static void consecutive(void **state)
{
	struct rig *r = rig_watched();

	assert_int_equal(state_of(r), KEDGE_HOP_UNKNOWN);
	assert_true(health_usable(&r->health, 0));
	failed(r, 503);
	failed(r, 503);
	assert_true(health_usable(&r->health, 0));
	assert_int_equal(changes, 0);
	failed(r, 504);
	assert_int_equal(state_of(r), KEDGE_HOP_DOWN);
	assert_int_equal(health_trunk_state(&r->health, 0), KEDGE_HOP_DOWN);
	assert_int_equal(changes, 1);
	assert_int_equal(seen[0].from, KEDGE_HOP_UNKNOWN);
	assert_int_equal(seen[0].to, KEDGE_HOP_DOWN);
	assert_int_equal(seen[0].reason, HEALTH_CONSECUTIVE);
	assert_int_equal(seen[0].code, 504);
	assert_int_equal(seen[0].hold_ms, 30000);
	assert_string_equal(seen[0].evidence, "failing answers");
	assert_true(strlen(seen[0].clears) > 0);
	assert_int_equal(health_retry_ns(&r->health, 0), r->now + 30 * RIG_S); /* it never answered a probe */
	free(r);
}

static void success_between(void **state)
{
	struct rig *r = rig_watched();

	r->trunk[0].breaker.window.count = 0;
	for (unsigned i = 0; i < 10; i++) {
		failed(r, 503);
		failed(r, 503);
		health_success(&r->health, 0, false, r->now);
	}
	assert_int_equal(state_of(r), KEDGE_HOP_UP);
	/* A call that began before the success proves nothing against it. */
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(outcome(r, CAUSE_STATUS, CAUSE_F, 503, r->now - 1), 0);
	assert_int_equal(state_of(r), KEDGE_HOP_UP);
	free(r);
}

static void callee_outcomes(void **state)
{
	struct rig *r = rig_watched();

	for (unsigned i = 0; i < 100; i++)
		outcome(r, CAUSE_STATUS, CAUSE_O, 486, r->now);
	for (unsigned i = 0; i < 100; i++)
		outcome(r, CAUSE_LIMIT, 0, 0, r->now);
	assert_int_equal(state_of(r), KEDGE_HOP_UP); /* a 486 is a proof of life */
	free(r);
}

static void life_takes_back_silence(void **state)
{
	struct rig *r = rig_watched();

	outcome(r, CAUSE_NO_REPLY, CAUSE_F, 0, r->now);
	outcome(r, CAUSE_NO_REPLY, CAUSE_F, 0, r->now);
	outcome(r, CAUSE_STATUS, CAUSE_O, 486, r->now);
	outcome(r, CAUSE_NO_REPLY, CAUSE_F, 0, r->now);
	assert_true(health_usable(&r->health, 0));
	/* but not a 503: that came from the trunk itself */
	failed(r, 503);
	outcome(r, CAUSE_STATUS, CAUSE_O, 486, r->now);
	failed(r, 503);
	outcome(r, CAUSE_STATUS, CAUSE_O, 486, r->now);
	failed(r, 503);
	assert_int_equal(state_of(r), KEDGE_HOP_DOWN);
	free(r);
}

static void unreachable_is_refuted_by_any_message(void **state)
{
	struct rig *r = rig_watched();

	outcome(r, CAUSE_UNREACHABLE, CAUSE_F, 0, r->now);
	outcome(r, CAUSE_UNREACHABLE, CAUSE_F, 0, r->now);
	health_probe(&r->health, 0, 200, 1000, r->now);
	outcome(r, CAUSE_UNREACHABLE, CAUSE_F, 0, r->now);
	assert_true(health_usable(&r->health, 0));
	outcome(r, CAUSE_UNREACHABLE, CAUSE_F, 0, r->now);
	outcome(r, CAUSE_UNREACHABLE, CAUSE_F, 0, r->now);
	assert_false(health_usable(&r->health, 0));
	free(r);
}

static void a_probe_does_not_refute_unanswered_invites(void **state)
{
	struct rig *r = rig_watched();

	for (unsigned i = 0; i < 3; i++) {
		health_probe(&r->health, 0, 200, 1000, r->now);
		outcome(r, CAUSE_NO_REPLY, CAUSE_F, 0, r->now);
	}
	assert_int_equal(state_of(r), KEDGE_HOP_DOWN);
	free(r);
}

static void taken_back(void **state)
{
	struct rig *r = rig_watched();
	uint8_t run = outcome(r, CAUSE_NO_REPLY, CAUSE_F, 0, r->now), later;

	assert_int_not_equal(run, 0);
	assert_int_equal(r->health.hop[0].consecutive, 1);
	health_take_back(&r->health, 0, run);
	assert_int_equal(r->health.hop[0].consecutive, 0);
	health_take_back(&r->health, 0, run);
	assert_int_equal(r->health.hop[0].consecutive, 0);
	/* One that a success has forgotten already takes nothing from the next run. */
	run = outcome(r, CAUSE_NO_REPLY, CAUSE_F, 0, r->now);
	health_success(&r->health, 0, true, r->now);
	r->now += RIG_S;
	later = outcome(r, CAUSE_NO_REPLY, CAUSE_F, 0, r->now);
	assert_int_not_equal(run, later);
	health_take_back(&r->health, 0, run);
	assert_int_equal(r->health.hop[0].consecutive, 1);
	free(r);
}

static void back_after_open_and_probes(void **state)
{
	struct rig *r = rig_watched();

	rig_quick(r);
	for (unsigned i = 0; i < 3; i++)
		failed(r, 503);
	probe_for(r, 29, 200); /* good, but `open` is not over */
	assert_int_equal(state_of(r), KEDGE_HOP_DOWN);
	probe_for(r, 1, 200);
	assert_int_equal(state_of(r), KEDGE_HOP_UP);
	assert_int_equal(changes, 3);
	assert_int_equal(seen[1].to, KEDGE_HOP_TRIAL);
	assert_string_equal(seen[1].evidence, "enough good probes");
	assert_int_equal(seen[2].reason, HEALTH_RAMPED);
	/* Nothing of the old run is left. */
	failed(r, 503);
	failed(r, 503);
	assert_int_equal(state_of(r), KEDGE_HOP_UP);
	free(r);
}

static void back_needs_probes_in_a_row(void **state)
{
	struct rig *r = rig_watched();

	rig_quick(r);
	health_probe(&r->health, 0, 200, 2000, r->now);
	for (unsigned i = 0; i < 3; i++)
		failed(r, 503);
	probe_for(r, 29, 503);
	probe_for(r, 2, 200);
	probe_for(r, 1, 0);
	probe_for(r, 2, 200);
	assert_int_equal(state_of(r), KEDGE_HOP_DOWN);
	probe_for(r, 1, 404); /* any final but 408 500 502 503 504 is good */
	assert_int_equal(state_of(r), KEDGE_HOP_UP);
	free(r);
}

static void back_without_probes(void **state)
{
	struct rig *r = rig_watched();

	rig_quick(r);
	r->trunk[0].probe.method = CONF_PROBE_NONE;
	for (unsigned i = 0; i < 3; i++)
		failed(r, 503);
	health_tick(&r->health, r->now + 29 * RIG_S, 0);
	assert_int_equal(state_of(r), KEDGE_HOP_DOWN);
	r->now += 30 * RIG_S;
	health_tick(&r->health, r->now, 0);
	assert_int_equal(state_of(r), KEDGE_HOP_TRIAL);
	assert_true(health_may_take(&r->health, 0, 7));
	health_tick(&r->health, r->now + 100 * RIG_S, 0);
	assert_int_equal(state_of(r), KEDGE_HOP_TRIAL); /* UP would be a claim */
	failed(r, 503); /* back on trust: one is enough */
	assert_int_equal(state_of(r), KEDGE_HOP_DOWN);
	r->now += 59 * RIG_S; /* a relapse */
	health_tick(&r->health, r->now, 0);
	assert_int_equal(state_of(r), KEDGE_HOP_DOWN);
	r->now += RIG_S;
	health_tick(&r->health, r->now, 0);
	health_success(&r->health, 0, false, r->now);
	health_tick(&r->health, r->now, 0);
	assert_int_equal(state_of(r), KEDGE_HOP_UP);
	failed(r, 503);
	failed(r, 503);
	assert_int_equal(state_of(r), KEDGE_HOP_UP);
	free(r);
}

/* A carrier that ignores OPTIONS must not stay DOWN for ever after three 503. */
static void back_though_it_ignores_probes(void **state)
{
	struct rig *r = rig_watched();

	for (unsigned i = 0; i < 3; i++)
		failed(r, 503);
	assert_string_equal(seen[0].clears, "30s, then calls that ring");
	probe_for(r, 29, 0);
	assert_int_equal(state_of(r), KEDGE_HOP_DOWN);
	probe_for(r, 2, 0);
	assert_int_equal(state_of(r), KEDGE_HOP_TRIAL);
	free(r);
}

static void silent(void **state)
{
	struct rig *r = rig_watched();

	rig_quick(r);
	r->now += RIG_S;
	health_silent(&r->health, 0, r->now - 500 * RIG_MS, r->now);
	assert_int_equal(state_of(r), KEDGE_HOP_DOWN);
	assert_true(health_is_silent(&r->health, 0));
	assert_int_equal(seen[0].reason, HEALTH_SILENT);
	/* The first of an hour that ends within 5 s: at once. */
	r->now += 4900 * RIG_MS;
	health_probe(&r->health, 0, 200, 1000, r->now);
	assert_int_equal(state_of(r), KEDGE_HOP_UP);
	assert_int_equal(seen[1].to, KEDGE_HOP_TRIAL);
	assert_string_equal(seen[1].evidence, "heard again within 5 s");
	/* The second is no blip. */
	r->now += 60 * RIG_S;
	health_silent(&r->health, 0, r->now - 500 * RIG_MS, r->now);
	r->now += RIG_S;
	health_probe(&r->health, 0, 200, 1000, r->now);
	assert_int_equal(state_of(r), KEDGE_HOP_DOWN);
	probe_for(r, 59, 200); /* a relapse: `open` is twice as long */
	assert_int_equal(state_of(r), KEDGE_HOP_UP);
	/* An hour later it may be one again; but not after more than 5 s. */
	r->now += 3700 * RIG_S;
	health_silent(&r->health, 0, r->now - 500 * RIG_MS, r->now);
	r->now += 5001 * RIG_MS;
	health_probe(&r->health, 0, 200, 1000, r->now);
	assert_int_equal(state_of(r), KEDGE_HOP_DOWN);
	free(r);
}

static void silent_but_heard(void **state)
{
	struct rig *r = rig_watched();

	r->now += RIG_S;
	health_heard(&r->health, 0, 0, r->now);
	health_silent(&r->health, 0, r->now - 1, r->now + RIG_S);
	assert_true(health_usable(&r->health, 0));
	health_silent(&r->health, 0, r->now, r->now + RIG_S); /* heard before the INVITE: no proof of life */
	assert_false(health_usable(&r->health, 0));
	free(r);
}

static void config_fault(void **state)
{
	struct rig *r = rig_watched();
	struct health_outcome o = { CAUSE_STATUS, CAUSE_A, 403, r->now, 1 };

	for (unsigned i = 0; i < 10; i++) /* one caller who tries again and again is one number */
		health_outcome(&r->health, 0, &o, r->now);
	assert_int_equal(state_of(r), KEDGE_HOP_UNKNOWN);
	o.number_hash = 2;
	health_outcome(&r->health, 0, &o, r->now);
	o.number_hash = 3;
	health_outcome(&r->health, 0, &o, r->now);
	assert_int_equal(state_of(r), KEDGE_HOP_DEGRADED);
	assert_true(health_has_fault(&r->health, 0));
	assert_true(health_usable(&r->health, 0));
	assert_int_equal(seen[0].code, 403);
	health_success(&r->health, 0, false, r->now);
	assert_int_equal(state_of(r), KEDGE_HOP_UP);
	/* 404 is what carriers say of unknown numbers: ten of them. */
	o.code = 404;
	o.begun_ns = r->now;
	for (unsigned i = 0; i < 9; i++) {
		o.number_hash = 100 + i;
		health_outcome(&r->health, 0, &o, r->now);
	}
	assert_int_equal(state_of(r), KEDGE_HOP_UP);
	o.number_hash = 999;
	health_outcome(&r->health, 0, &o, r->now);
	assert_int_equal(state_of(r), KEDGE_HOP_DEGRADED);
	free(r);
}

static void trunk_of_two_hops(void **state)
{
	struct rig *r = rig_watched();
	int second = rig_hop(r, 0, 1);

	assert_true(second > 0);
	for (unsigned i = 0; i < 3; i++)
		failed(r, 503);
	assert_false(health_usable(&r->health, 0));
	assert_int_equal(health_trunk_state(&r->health, 0), KEDGE_HOP_UNKNOWN);
	health_hop_drop(&r->health, (uint16_t)second, r->now);
	assert_int_equal(health_trunk_state(&r->health, 0), KEDGE_HOP_DOWN);
	health_hop_drop(&r->health, 0, r->now);
	assert_int_equal(health_trunk_state(&r->health, 0), KEDGE_HOP_DOWN);
	free(r);
}

static void a_dropped_hop_waits_for_its_calls(void **state)
{
	struct rig *r = rig_watched();
	struct kedge_addr other = rig_addr(7, 7);
	int slot;

	health_began(&r->health, 0, 0, r->now);
	health_hop_drop(&r->health, 0, r->now);
	slot = health_hop_add(&r->health, 0, CONF_UDP, &other, r->now);
	assert_int_not_equal(slot, 0); /* its slot is still that of the old address */
	health_ended(&r->health, 0);
	assert_int_equal(rig_hop(r, 0, 3), 0);
	free(r);
}

static void limits(void **state)
{
	struct rig *r = rig_watched();

	assert_int_equal(rig_hop(r, 0, 0), 0); /* known already */
	for (unsigned i = 1; i < HEALTH_TRUNK_HOPS; i++)
		assert_true(rig_hop(r, 0, i) >= 0);
	assert_int_equal(rig_hop(r, 0, HEALTH_TRUNK_HOPS), -ENOSPC);
	assert_int_equal(rig_hop(r, 7, 0), -ENOSPC); /* no such trunk */
	r->health.hop_count = 2 + HEALTH_TRUNK_HOPS - 1;
	assert_int_equal(rig_hop(r, 1, 1), -ENOSPC);
	free(r);
}

/* What a restarted plane finds in the trunk table is what the old one knew. */
static void restart(void **state)
{
	struct rig *r = rig_new(2), *next;
	struct kedge_hop *table = aligned_alloc(64, 8 * sizeof(*table));
	struct kedge_hop_health line;
	struct kedge_hop_id id;

	rig_quick(r);
	memset(table, 0, 8 * sizeof(*table));
	health_init(&r->health, &r->conf, table, 8, r->now, 1700000000000ULL);
	rig_hop(r, 1, 0);
	rig_hop(r, 0, 0);
	for (unsigned i = 0; i < 30; i++)
		health_heard(&r->health, 1, 30000, r->now);
	health_began(&r->health, 1, 0, r->now);
	health_probe(&r->health, 1, 200, 4000, r->now);
	r->now += RIG_S;
	health_silent(&r->health, 1, r->now - 1, r->now);
	assert_int_equal(seq_read(&table[1].health, &line), 0);
	assert_int_equal(line.state, KEDGE_HOP_DOWN);
	assert_string_equal(line.reason, "silent");
	assert_int_equal(line.retry_wall_ms - line.since_wall_ms, 30000);
	assert_int_equal(line.replies, 30);

	next = rig_new(1); /* trunk 1 is not configured any more */
	rig_quick(next);
	next->now = r->now + 10 * RIG_S;
	health_init(&next->health, &next->conf, table, 8, next->now, 1700000011000ULL);
	assert_int_equal(rig_hop(next, 0, 0), 1); /* by name and address: the same slot */
	health_settle(&next->health, next->now);
	assert_int_equal(seq_read(&table[0].id, &id), 0);
	assert_int_equal(id.generation, 0);
	assert_true(health_is_silent(&next->health, 1));
	assert_int_equal(next->health.hop[1].reply.ewma_us, r->health.hop[1].reply.ewma_us);
	assert_true(next->health.hop[1].answers_probes);
	assert_int_equal(atomic_load_explicit(&table[1].count.attempts, memory_order_relaxed), 1);
	assert_int_equal(atomic_load_explicit(&table[1].count.calls, memory_order_relaxed), 0);
	for (unsigned i = 0; i < 21; i++) {
		next->now += RIG_S;
		health_probe(&next->health, 1, 200, 4000, next->now);
	}
	assert_int_equal(next->health.hop[1].state, KEDGE_HOP_UP);
	free(next);
	free(table);
	free(r);
}

/* An order that ended while no plane ran does not keep its trunk out, and a wall clock that was set back by a day makes no lock a day
 * longer. */
static void restart_without_what_ended(void **state)
{
	struct rig *r = rig_new(2), *next = rig_new(2);
	struct kedge_hop *table = aligned_alloc(64, 8 * sizeof(*table));
	struct health_operator off = { .mode = HEALTH_DOWN, .name = "bob" };

	memset(table, 0, 8 * sizeof(*table));
	health_init(&r->health, &r->conf, table, 8, r->now, 1700000000000ULL);
	rig_hop(r, 0, 0);
	rig_hop(r, 1, 0);
	health_operator(&r->health, 0, &off, r->now);
	health_lock(&r->health, 1, 10, r->now);
	health_init(&next->health, &next->conf, table, 8, next->now, 1700000000000ULL - 86400000);
	rig_hop(next, 0, 0);
	rig_hop(next, 1, 0);
	assert_int_equal(next->health.hop[0].state, KEDGE_HOP_OFF);
	health_settle(&next->health, next->now);
	assert_int_equal(next->health.hop[0].state, KEDGE_HOP_UP);
	assert_true(health_usable(&next->health, 0));
	assert_int_equal(next->health.hop[1].state, KEDGE_HOP_LOCKED);
	assert_true(health_retry_ns(&next->health, 1) <= next->now + 300 * RIG_S);
	assert_true(next->health.hop[1].since_ns <= next->now);
	free(next);
	free(table);
	free(r);
}

/* A name's addresses are known from the plane before, until the DNS says otherwise. */
static void last_good_addresses(void **state)
{
	struct rig *r = rig_new(2), *next = rig_new(2);
	struct kedge_hop *table = aligned_alloc(64, 8 * sizeof(*table));

	memset(table, 0, 8 * sizeof(*table));
	health_init(&r->health, &r->conf, table, 8, r->now, 0);
	rig_hop(r, 0, 0);
	rig_hop(r, 1, 0);
	rig_hop(r, 0, 1);
	health_init(&next->health, &next->conf, table, 8, next->now, 0);
	health_hops_left(&next->health, 0, next->now);
	assert_int_equal(next->health.trunk[0].count, 2);
	assert_int_equal(next->health.trunk[1].count, 0);
	assert_int_equal(next->health.hop[2].addr.port, 5061);
	assert_int_equal(rig_hop(next, 0, 1), 2); /* looked up: known already */
	free(table);
	free(next);
	free(r);
}

static uint64_t word(const _Atomic uint64_t *w)
{
	return atomic_load_explicit(w, memory_order_relaxed);
}

static void counters(void **state)
{
	struct rig *r = rig_new(2);
	struct kedge_hop *table = aligned_alloc(64, 8 * sizeof(*table));
	const struct kedge_hop_count *c = &table[0].count;

	memset(table, 0, 8 * sizeof(*table));
	health_init(&r->health, &r->conf, table, 8, r->now, 0);
	rig_hop(r, 0, 0);
	health_began(&r->health, 0, 0, r->now);
	health_began(&r->health, 0, 2, r->now);
	health_call(&r->health, 0, true);
	health_call(&r->health, 0, true);
	assert_int_equal(word(&c->calls), 2);
	assert_int_equal(r->health.trunk[0].limit.calls_to, 2);
	health_call(&r->health, 0, false);
	outcome(r, CAUSE_STATUS, CAUSE_O, 486, r->now);
	outcome(r, CAUSE_STATUS, CAUSE_O, 699, r->now);
	outcome(r, CAUSE_NO_REPLY, CAUSE_F, 0, r->now);
	outcome(r, CAUSE_CANCELLED, 0, 0, r->now);
	health_success(&r->health, 0, true, r->now);
	health_ended(&r->health, 0);
	health_probe_sent(&r->health, 0);
	health_probe(&r->health, 0, 503, 10, r->now);
	health_probe(&r->health, 0, 200, 10, r->now);
	assert_int_equal(word(&c->attempts), 2);
	assert_int_equal(word(&c->position[0]), 1);
	assert_int_equal(word(&c->position[2]), 1);
	assert_int_equal(word(&c->calls), 1);
	assert_int_equal(word(&c->class[4]), 1);
	health_final(&r->health, 0, 486);
	health_final(&r->health, 0, 200);
	health_final(&r->health, 0, 699);
	assert_int_equal(word(&c->final[2][86]), 1);
	assert_int_equal(word(&c->final[0][0]), 1);
	assert_int_equal(word(&c->final[4][99]), 1);
	assert_int_equal(word(&c->timed_out), 1);
	assert_int_equal(word(&c->cancelled), 1);
	assert_int_equal(word(&c->answered), 1);
	assert_int_equal(word(&c->probes_sent), 1);
	assert_int_equal(word(&c->probes_good), 1);
	free(table);
	free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(consecutive),
		cmocka_unit_test(success_between),
		cmocka_unit_test(callee_outcomes),
		cmocka_unit_test(life_takes_back_silence),
		cmocka_unit_test(unreachable_is_refuted_by_any_message),
		cmocka_unit_test(a_probe_does_not_refute_unanswered_invites),
		cmocka_unit_test(taken_back),
		cmocka_unit_test(back_after_open_and_probes),
		cmocka_unit_test(back_needs_probes_in_a_row),
		cmocka_unit_test(back_without_probes),
		cmocka_unit_test(back_though_it_ignores_probes),
		cmocka_unit_test(silent),
		cmocka_unit_test(silent_but_heard),
		cmocka_unit_test(config_fault),
		cmocka_unit_test(trunk_of_two_hops),
		cmocka_unit_test(a_dropped_hop_waits_for_its_calls),
		cmocka_unit_test(limits),
		cmocka_unit_test(restart),
		cmocka_unit_test(restart_without_what_ended),
		cmocka_unit_test(last_good_addresses),
		cmocka_unit_test(counters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
