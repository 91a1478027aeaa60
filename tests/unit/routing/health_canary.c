// SPDX-License-Identifier: MIT
/* What test calls make of an idle hop, in virtual time: A77 A114. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "routing/health_canary.h"
#include "routing/health_signs.h"
#include "tests/unit/routing/rig.h"

static struct rig *r;
static struct kedge_hop table[2];

static int setup(void **state)
{
	memset(table, 0, sizeof(table));
	r = rig_new(1);
	r->trunk[0].canary_idle_ms = 3600000;
	health_success(&r->health, 0, true, r->now);
	r->now += 3600 * RIG_S;
	r->health.table = table;
	return 0;
}

static int teardown(void **state)
{
	free(r);
	return 0;
}

static void flies(enum kedge_canary what, uint16_t code)
{
	const struct health_canary c = { .what = (uint8_t)what, .code = code };

	health_canary(&r->health, 0, &c, r->now += RIG_S);
}

static void passes(uint64_t seconds)
{
	r->now += seconds * RIG_S;
	health_tick(&r->health, r->now, r->now / RIG_MS);
}

static void is(enum kedge_hop_state state, enum health_reason reason)
{
	assert_int_equal(r->health.hop[0].state, state);
	assert_int_equal(r->health.hop[0].reason, reason);
}

static void nothing_came(void **state)
{
	flies(KEDGE_CANARY_ONE_WAY, 200);
	is(KEDGE_HOP_DEGRADED, HEALTH_ONE_WAY);
	assert_true(health_canary_again(&r->health, 0));
	flies(KEDGE_CANARY_AUDIO, 200);
	flies(KEDGE_CANARY_AUDIO, 200);
	is(KEDGE_HOP_DEGRADED, HEALTH_ONE_WAY);
	flies(KEDGE_CANARY_AUDIO, 200); /* the third call with audio both ways */
	is(KEDGE_HOP_UP, HEALTH_CLEARED);
	assert_false(health_canary_again(&r->health, 0));
}

static void digits_did_not_come(void **state)
{
	flies(KEDGE_CANARY_NO_DTMF, 200);
	is(KEDGE_HOP_DEGRADED, HEALTH_NO_DTMF);
	flies(KEDGE_CANARY_SIGNALING, 200); /* shows nothing of them */
	is(KEDGE_HOP_DEGRADED, HEALTH_NO_DTMF);
	flies(KEDGE_CANARY_AUDIO, 200);
	is(KEDGE_HOP_UP, HEALTH_CLEARED);
}

static void it_does_not_echo(void **state)
{
	flies(KEDGE_CANARY_NO_ECHO, 200);
	is(KEDGE_HOP_DEGRADED, HEALTH_NO_ECHO);
	flies(KEDGE_CANARY_NO_DTMF, 200); /* it does now */
	is(KEDGE_HOP_DEGRADED, HEALTH_NO_DTMF);
	assert_false(health_marked(&r->health, 0, HEALTH_NO_ECHO));
}

/* Of a trunk that has calls again no canary tells any more. */
static void it_ends_by_itself(void **state)
{
	flies(KEDGE_CANARY_NO_DTMF, 200);
	passes(7190);
	is(KEDGE_HOP_DEGRADED, HEALTH_NO_DTMF);
	passes(20);
	assert_int_equal(r->health.hop[0].state, KEDGE_HOP_UP);
}

static void refused_is_a_failure(void **state)
{
	flies(KEDGE_CANARY_REFUSED, 503);
	flies(KEDGE_CANARY_REFUSED, 503);
	assert_int_equal(r->health.hop[0].state, KEDGE_HOP_UP);
	flies(KEDGE_CANARY_REFUSED, 503);
	is(KEDGE_HOP_DOWN, HEALTH_CONSECUTIVE);
}

static void all_are_counted(void **state)
{
	const struct kedge_hop_count *c = &table[0].count;

	assert_int_equal(atomic_load(&c->canary_wall_ms), 0);
	for (unsigned i = 0; i < KEDGE_CANARY_COUNT; i++)
		for (unsigned k = 0; k <= i; k++)
			flies((enum kedge_canary)i, 200);
	for (unsigned i = 0; i < KEDGE_CANARY_COUNT; i++)
		assert_int_equal(atomic_load(&c->canary[i]), i + 1);
	flies(KEDGE_CANARY_REFUSED, 503);
	assert_int_equal(atomic_load(&c->canary_last), 503 << 8 | KEDGE_CANARY_REFUSED);
	assert_true(atomic_load(&c->canary_wall_ms) != 0);
	assert_string_equal(health_canary_word(KEDGE_CANARY_SIGNALING), "signaling_only");
	assert_string_equal(health_canary_word(KEDGE_CANARY_COUNT), "");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { CASE(nothing_came), CASE(digits_did_not_come), CASE(it_does_not_echo), CASE(it_ends_by_itself),
		CASE(refused_is_a_failure), CASE(all_are_counted) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
