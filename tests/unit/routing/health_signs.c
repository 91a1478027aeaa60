// SPDX-License-Identifier: MIT
/* What probes, replies and calls make of a hop beside their outcomes, in virtual time with the defaults: A32 A79 A82 A85 A114
 * A126 A141 A151. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "routing/health_signs.h"
#include "tests/unit/routing/rig.h"

static struct {
	struct rig *r;
	unsigned drops;
	enum health_reason why;
	uint32_t last, usual;
} t;

static void on_dropped(void *ctx, uint16_t trunk, enum health_reason why, uint32_t last, uint32_t usual)
{
	t.drops++;
	t.why = why;
	t.last = last;
	t.usual = usual;
}

static int setup(void **state)
{
	memset(&t, 0, sizeof(t));
	t.r = rig_new(2);
	for (unsigned i = 0; i < 2; i++) {
		t.r->trunk[i].probe.interval_ms = 30000;
		t.r->trunk[i].probe.down = 3;
		t.r->trunk[i].degraded_rtt_ms = 500;
		t.r->trunk[i].degraded_loss = 5;
		t.r->trunk[i].degraded_mos = 35;
		t.r->trunk[i].degraded_jitter_ms = 50;
		t.r->trunk[i].min_call_duration_ms = 6000;
	}
	t.r->health.dropped = on_dropped;
	return 0;
}

static int teardown(void **state)
{
	free(t.r);
	return 0;
}

static const struct health_hop *hop(void)
{
	return &t.r->health.hop[0];
}

static void probe(uint16_t code, uint32_t rtt_ms, unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		t.r->now += 500 * RIG_MS;
		health_probe(&t.r->health, 0, code, rtt_ms * 1000, t.r->now);
		health_signs_probe(&t.r->health, 0, code, rtt_ms * 1000, t.r->now);
	}
}

static void reply(uint32_t ms, unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		health_signs_reply(&t.r->health, 0, ms * 1000, t.r->now += RIG_S);
}

static void answer(void)
{
	health_success(&t.r->health, 0, true, t.r->now);
	health_signs_answered(&t.r->health, 0, t.r->now);
}

static void outcome(enum cause cause, uint8_t health, uint16_t code, uint64_t number)
{
	struct health_outcome o = { .cause = cause, .health = health, .code = code, .begun_ns = t.r->now, .number_hash = number };

	t.r->now += RIG_S;
	if (cause == CAUSE_NO_REPLY)
		health_heard(&t.r->health, 0, 0, t.r->now); /* a probe's answer */
	t.r->now += RIG_S;
	health_outcome(&t.r->health, 0, &o, t.r->now);
	health_signs_outcome(&t.r->health, 0, &o, false, t.r->now);
}

static void talk(uint32_t ms, bool ended_there, uint32_t packets, uint32_t lost, uint64_t number)
{
	struct health_talk talk = { .talk_ms = ms, .ended_there = ended_there, .media = true, .packets = packets, .lost = lost,
		.number_hash = number };

	health_signs_talk(&t.r->health, 0, &talk, t.r->now += RIG_S);
}

static void is(enum kedge_hop_state state, enum health_reason reason, uint16_t code)
{
	assert_int_equal(hop()->state, state);
	assert_int_equal(hop()->reason, reason);
	assert_int_equal(hop()->code, code);
}

static void three_missing_take_it_down(void **state)
{
	probe(200, 5, 1);
	assert_false(health_confirms(&t.r->health, 0));
	probe(0, 0, 1);
	assert_true(health_confirms(&t.r->health, 0));
	probe(0, 0, 1);
	assert_true(health_confirms(&t.r->health, 0));
	is(KEDGE_HOP_UP, HEALTH_PROBED, 0);
	probe(0, 0, 1);
	is(KEDGE_HOP_DOWN, HEALTH_OPTIONS_TIMEOUT, 0);
	assert_false(health_confirms(&t.r->health, 0));
}

static void codes_are_settings(void **state)
{
	probe(404, 5, 9);
	is(KEDGE_HOP_UP, HEALTH_PROBED, 0);
	t.r->trunk[0].probe.odd[(404 - 200) / 64] |= 1ULL << (404 - 200) % 64; /* probe.ok = "200": A126 */
	probe(404, 5, 2);
	is(KEDGE_HOP_UP, HEALTH_PROBED, 0);
	probe(404, 5, 1);
	is(KEDGE_HOP_DOWN, HEALTH_OPTIONS_CODE, 404);
}

static void good_and_bad_in_turn(void **state)
{
	for (unsigned i = 0; i < 100; i++) {
		probe(200, 5, 1);
		probe(i % 2 ? 503 : 0, 5, 2);
		is(KEDGE_HOP_UP, HEALTH_PROBED, 0);
	}
}

static void calls_disagree_with_probes(void **state)
{
	probe(200, 5, 1);
	answer();
	probe(0, 0, 3);
	is(KEDGE_HOP_DEGRADED, HEALTH_PROBE_DISAGREES, 0);
	t.r->now += 50 * RIG_S;
	probe(0, 0, 1); /* an answered call in the last minute */
	is(KEDGE_HOP_DEGRADED, HEALTH_PROBE_DISAGREES, 0);
	t.r->now += 10 * RIG_S;
	probe(0, 0, 1);
	is(KEDGE_HOP_DOWN, HEALTH_OPTIONS_TIMEOUT, 0);
}

static void probes_agree_again(void **state)
{
	probe(200, 5, 1);
	answer();
	probe(503, 5, 3);
	is(KEDGE_HOP_DEGRADED, HEALTH_PROBE_DISAGREES, 503);
	for (unsigned i = 0; i < 10; i++) {
		probe(200, 5, 2);
		answer();
		probe(503, 5, 1);
	}
	is(KEDGE_HOP_DEGRADED, HEALTH_PROBE_DISAGREES, 503);
	probe(200, 5, 2);
	assert_int_equal(hop()->state, KEDGE_HOP_DEGRADED);
	probe(200, 5, 1);
	assert_int_equal(hop()->state, KEDGE_HOP_UP);
}

/* Some carriers take calls and ignore OPTIONS for ever. */
static void who_never_answered_a_probe(void **state)
{
	answer();
	probe(0, 0, 5); /* while it is busy too: there is nothing that calls could disagree with */
	assert_int_equal(hop()->state, KEDGE_HOP_UP);
	t.r->now += 3600 * RIG_S;
	probe(0, 0, 50);
	assert_int_equal(hop()->state, KEDGE_HOP_UP);
}

/* It was taken for dead before its first call: that call, which had nowhere else to go, is all it takes. */
static void nor_before_its_first_call(void **state)
{
	probe(0, 0, 3);
	is(KEDGE_HOP_DOWN, HEALTH_OPTIONS_TIMEOUT, 0);
	answer();
	is(KEDGE_HOP_UP, HEALTH_ANSWERED, 0);
	t.r->now += 3600 * RIG_S;
	probe(0, 0, 50);
	assert_int_equal(hop()->state, KEDGE_HOP_UP);
}

static void one_that_did_answer_probes_stays_down(void **state)
{
	probe(200, 5, 1);
	probe(0, 0, 3);
	answer();
	assert_int_equal(hop()->state, KEDGE_HOP_DOWN);
}

static void slow_by_both_kinds(void **state)
{
	probe(200, 612, 5);
	reply(20, 1);
	reply(612, 5);
	is(KEDGE_HOP_DEGRADED, HEALTH_RTT, 612);
	reply(399, 5);
	probe(200, 399, 4);
	assert_int_equal(hop()->state, KEDGE_HOP_DEGRADED);
	probe(200, 399, 1);
	assert_int_equal(hop()->state, KEDGE_HOP_UP);
}

static void invites_swallowed(void **state)
{
	probe(200, 5, 1);
	outcome(CAUSE_NO_REPLY, CAUSE_F, 0, 1);
	outcome(CAUSE_NO_REPLY, CAUSE_F, 0, 1);
	assert_int_equal(hop()->state, KEDGE_HOP_UP);
	reply(20, 1);
	health_success(&t.r->health, 0, false, t.r->now);
	outcome(CAUSE_NO_REPLY, CAUSE_F, 0, 2);
	assert_int_equal(hop()->state, KEDGE_HOP_UP);
	outcome(CAUSE_NO_REPLY, CAUSE_F, 0, 3);
	is(KEDGE_HOP_DOWN, HEALTH_INVITE_SILENT, 0);
}

static void lossy_calls(void **state)
{
	for (unsigned i = 0; i < 9; i++)
		talk(60000, false, 2760, 240, i);
	assert_int_equal(hop()->state, KEDGE_HOP_UNKNOWN);
	talk(60000, false, 2760, 240, 9);
	is(KEDGE_HOP_DEGRADED, HEALTH_LOSS, 8);
	assert_int_equal(health_place(&t.r->health, 0, 7), HEALTH_BEHIND);
	for (unsigned i = 0; i < 10; i++)
		talk(60000, false, 3000, 30, i);
	assert_int_equal(hop()->state, KEDGE_HOP_UNKNOWN);
}

/* Its calls sound bad though few packets are lost: as a path of half a second does. */
static void bad_sound(void **state)
{
	struct health_talk talk = { .talk_ms = 60000, .media = true, .packets = 3000, .mos = 320 };
	char why[HEALTH_WHY];

	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(hop()->state, KEDGE_HOP_UNKNOWN);
		health_signs_talk(&t.r->health, 0, &talk, t.r->now += RIG_S);
	}
	is(KEDGE_HOP_DEGRADED, HEALTH_MOS, 32);
	assert_string_equal(health_why(&t.r->health, 0, why), "mos:3.2");
	talk.mos = 0; /* too short to say */
	for (unsigned i = 0; i < 20; i++)
		health_signs_talk(&t.r->health, 0, &talk, t.r->now += RIG_S);
	is(KEDGE_HOP_DEGRADED, HEALTH_MOS, 32);
	talk.mos = 400;
	for (unsigned i = 0; i < 10; i++)
		health_signs_talk(&t.r->health, 0, &talk, t.r->now += RIG_S);
	assert_int_equal(hop()->state, KEDGE_HOP_UNKNOWN);
}

/* What arrives is good; what is sent there is lost, as its own reports say. Without reports nothing is known. */
static void lost_on_the_way_there(void **state)
{
	struct health_talk talk = { .talk_ms = 60000, .media = true, .packets = 3000, .sent = 3000, .far_lost = 270 };

	for (unsigned i = 0; i < 20; i++)
		health_signs_talk(&t.r->health, 0, &talk, t.r->now += RIG_S);
	assert_int_equal(hop()->state, KEDGE_HOP_UNKNOWN);
	talk.reports = true;
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(hop()->state, KEDGE_HOP_UNKNOWN);
		health_signs_talk(&t.r->health, 0, &talk, t.r->now += RIG_S);
	}
	is(KEDGE_HOP_DEGRADED, HEALTH_FAR_LOSS, 9);
	assert_int_equal(health_place(&t.r->health, 0, 7), HEALTH_BEHIND);
	talk.far_lost = 30;
	for (unsigned i = 0; i < 10; i++)
		health_signs_talk(&t.r->health, 0, &talk, t.r->now += RIG_S);
	assert_int_equal(hop()->state, KEDGE_HOP_UNKNOWN);
}

static void shaken_calls(void **state)
{
	struct health_talk talk = { .talk_ms = 60000, .media = true, .packets = 3000, .jitter_us = 60400 };
	char why[HEALTH_WHY];

	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(hop()->state, KEDGE_HOP_UNKNOWN);
		health_signs_talk(&t.r->health, 0, &talk, t.r->now += RIG_S);
	}
	is(KEDGE_HOP_DEGRADED, HEALTH_JITTER, 60);
	assert_string_equal(health_why(&t.r->health, 0, why), "jitter:60");
	talk.jitter_us = 2000;
	for (unsigned i = 0; i < 10; i++)
		health_signs_talk(&t.r->health, 0, &talk, t.r->now += RIG_S);
	assert_int_equal(hop()->state, KEDGE_HOP_UNKNOWN);
}

/* The callers hang up before media_dead: one says nothing, two numbers do. */
static void hung_up_unheard(void **state)
{
	struct health_talk talk = { .talk_ms = 2000, .media = true, .unheard = true, .number_hash = 7 };

	health_signs_talk(&t.r->health, 0, &talk, t.r->now += RIG_S);
	health_signs_talk(&t.r->health, 0, &talk, t.r->now += RIG_S);
	assert_int_equal(hop()->state, KEDGE_HOP_UNKNOWN);
	talk.number_hash = 8;
	health_signs_talk(&t.r->health, 0, &talk, t.r->now += RIG_S);
	is(KEDGE_HOP_DEGRADED, HEALTH_ONE_WAY, 0);
}

/* One phone that is never heard, of many that are. */
static void one_mute_phone(void **state)
{
	for (unsigned i = 0; i < 5; i++) {
		health_signs_audio(&t.r->health, 0, i, t.r->now += RIG_S);
		health_signs_silent(&t.r->health, 0, false, 7, t.r->now += RIG_S);
		talk(60000, false, 3000, 0, i);
		assert_int_equal(hop()->state, KEDGE_HOP_UNKNOWN);
	}
	health_signs_silent(&t.r->health, 0, false, 8, t.r->now += RIG_S);
	is(KEDGE_HOP_DEGRADED, HEALTH_ONE_WAY, 0);
}

/* 0: never. */
static void limits_off(void **state)
{
	struct health_talk talk = { .talk_ms = 60000, .media = true, .packets = 1000, .lost = 900, .mos = 100, .jitter_us = 300000, .reports = true, .sent = 1000,
		.far_lost = 900 };

	t.r->trunk[0].degraded_loss = t.r->trunk[0].degraded_mos = t.r->trunk[0].degraded_jitter_ms = 0;
	for (unsigned i = 0; i < 30; i++)
		health_signs_talk(&t.r->health, 0, &talk, t.r->now += RIG_S);
	assert_int_equal(hop()->state, KEDGE_HOP_UNKNOWN);
}

/* With no calls to show otherwise a mark ends by itself, and the count begins anew. */
static void ten_minutes(void **state)
{
	health_signs_silent(&t.r->health, 0, false, 7, t.r->now);
	is(KEDGE_HOP_DEGRADED, HEALTH_ONE_WAY, 0);
	t.r->now += 601 * RIG_S;
	health_tick(&t.r->health, t.r->now, 0);
	assert_int_equal(hop()->state, KEDGE_HOP_UNKNOWN);
	health_signs_silent(&t.r->health, 0, true, 7, t.r->now);
	assert_int_equal(hop()->state, KEDGE_HOP_UNKNOWN);
	health_signs_silent(&t.r->health, 0, false, 7, t.r->now);
	is(KEDGE_HOP_DEGRADED, HEALTH_ONE_WAY, 0);
	for (unsigned i = 0; i < 3; i++)
		talk(60000, false, 3000, 0, i);
	assert_int_equal(hop()->state, KEDGE_HOP_UNKNOWN);
}

/* Who stands behind others may get no call to show better ones with. */
static void slow_and_short_for_ten_minutes(void **state)
{
	reply(612, 10);
	for (unsigned i = 0; i < 5; i++)
		talk(2000, true, 100, 0, i);
	t.r->now += 599 * RIG_S;
	reply(612, 1);
	health_tick(&t.r->health, t.r->now + 2 * RIG_S, 0);
	is(KEDGE_HOP_DEGRADED, HEALTH_RTT, 612);
	assert_false(health_marked(&t.r->health, 0, HEALTH_SHORT_CALLS));
	t.r->now += 601 * RIG_S;
	health_tick(&t.r->health, t.r->now, 0);
	assert_int_equal(hop()->state, KEDGE_HOP_UNKNOWN);
	reply(612, 9);
	assert_int_equal(hop()->state, KEDGE_HOP_UNKNOWN);
	reply(612, 1);
	is(KEDGE_HOP_DEGRADED, HEALTH_RTT, 612);
	for (unsigned i = 0; i < 5; i++)
		talk(2000, true, 100, 0, i);
	assert_true(health_marked(&t.r->health, 0, HEALTH_SHORT_CALLS));
}

static void short_calls(void **state)
{
	for (unsigned i = 0; i < 20; i++)
		talk(2000, false, 100, 0, 100 + i); /* their callers hung up */
	for (unsigned i = 0; i < 20; i++)
		talk(500, false, 0, 0, 200 + i); /* before anybody could be heard */
	talk(2000, true, 100, 0, 1);
	talk(2000, false, 0, 0, 2);
	talk(2000, true, 100, 0, 3);
	talk(2000, true, 100, 0, 4);
	talk(2000, true, 100, 0, 4);
	assert_int_equal(hop()->state, KEDGE_HOP_UNKNOWN);
	talk(5999, true, 100, 0, 5);
	is(KEDGE_HOP_DEGRADED, HEALTH_SHORT_CALLS, 0);
	talk(6000, true, 300, 0, 5);
	assert_int_equal(hop()->state, KEDGE_HOP_UNKNOWN);
}

/* From 80 to 20 % answered; the callees' own answers hurt ASR alone, never NER. */
static void quiet_drop(void **state)
{
	for (unsigned i = 0; i < 100; i++) {
		if (i % 5)
			answer();
		else
			outcome(CAUSE_STATUS, CAUSE_O, 486, i);
	}
	assert_int_equal(t.drops, 0);
	for (unsigned i = 0; i < 50; i++) {
		if (i % 5 == 0)
			answer();
		else
			outcome(CAUSE_STATUS, CAUSE_O, 486, 1000 + i);
	}
	assert_int_equal(t.drops, 1);
	assert_int_equal(t.why, HEALTH_ASR_DROP);
	assert_int_equal(t.usual, 80);
	assert_int_equal(hop()->state, KEDGE_HOP_DEGRADED);
	assert_int_equal(hop()->reason, HEALTH_ASR_DROP);
	assert_int_equal(health_place(&t.r->health, 0, 7), HEALTH_FIRST);
	for (unsigned i = 0; i < 50; i++)
		answer();
	assert_int_equal(hop()->state, KEDGE_HOP_UP);
}

static void shorter_talk(void **state)
{
	answer();
	for (unsigned i = 0; i < 100; i++)
		talk(120000, false, 6000, 0, i);
	for (unsigned i = 0; i < 50; i++)
		talk(20000, false, 1000, 0, i);
	assert_int_equal(t.drops, 1);
	assert_int_equal(t.why, HEALTH_ACD_DROP);
	assert_int_equal(t.usual, 120);
	is(KEDGE_HOP_DEGRADED, HEALTH_ACD_DROP, (uint16_t)t.last);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(three_missing_take_it_down, setup, teardown),
		cmocka_unit_test_setup_teardown(codes_are_settings, setup, teardown),
		cmocka_unit_test_setup_teardown(good_and_bad_in_turn, setup, teardown),
		cmocka_unit_test_setup_teardown(calls_disagree_with_probes, setup, teardown),
		cmocka_unit_test_setup_teardown(slow_and_short_for_ten_minutes, setup, teardown),
		cmocka_unit_test_setup_teardown(probes_agree_again, setup, teardown),
		cmocka_unit_test_setup_teardown(who_never_answered_a_probe, setup, teardown),
		cmocka_unit_test_setup_teardown(nor_before_its_first_call, setup, teardown),
		cmocka_unit_test_setup_teardown(one_that_did_answer_probes_stays_down, setup, teardown),
		cmocka_unit_test_setup_teardown(slow_by_both_kinds, setup, teardown),
		cmocka_unit_test_setup_teardown(invites_swallowed, setup, teardown),
		cmocka_unit_test_setup_teardown(lossy_calls, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_sound, setup, teardown),
		cmocka_unit_test_setup_teardown(lost_on_the_way_there, setup, teardown),
		cmocka_unit_test_setup_teardown(shaken_calls, setup, teardown),
		cmocka_unit_test_setup_teardown(hung_up_unheard, setup, teardown),
		cmocka_unit_test_setup_teardown(one_mute_phone, setup, teardown),
		cmocka_unit_test_setup_teardown(limits_off, setup, teardown),
		cmocka_unit_test_setup_teardown(ten_minutes, setup, teardown),
		cmocka_unit_test_setup_teardown(short_calls, setup, teardown),
		cmocka_unit_test_setup_teardown(quiet_drop, setup, teardown),
		cmocka_unit_test_setup_teardown(shorter_talk, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
