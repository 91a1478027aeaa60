// SPDX-License-Identifier: MIT
/* The way of a call through its targets: order, limits, silence, what the caller gets, late answers.
 * A1 A3 A6 A13 A15 A17 A25 A28 A40 A41 A47 A55 A56 A96 A101 A138 A152. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/unit/routing/rig.h"

static uint32_t ms_to(const struct rig *r, uint64_t t)
{
	return (uint32_t)((t - r->decide.begun_ns) / RIG_MS);
}

static enum decide_due due(struct rig *r, unsigned i, uint8_t *cause, uint64_t *next)
{
	*cause = CAUSE_NONE;
	return decide_due(&r->decide, &r->health, i, r->now, cause, next);
}

/* Runs attempt i's clock until it gives up or `until` ms of the call. Answers each check after rtt_ms if that is not 0.
 * Returns the cause, NONE: it did not give up. */
static uint8_t run_clock(struct rig *r, unsigned i, uint32_t until, uint32_t rtt_ms, unsigned *checks)
{
	uint64_t next, answer = 0;
	uint8_t cause;

	for (;;) {
		enum decide_due what = due(r, i, &cause, &next);

		if (what == DECIDE_DUE_GIVE_UP)
			return cause;
		if (what == DECIDE_DUE_CHECK) {
			if (checks)
				++*checks;
			if (rtt_ms && !answer)
				answer = r->now + rtt_ms * RIG_MS;
			continue;
		}
		if (answer && (!next || answer < next)) {
			r->now = answer;
			health_probe(&r->health, r->decide.attempt[i].hop, 200, rtt_ms * 1000, r->now);
			rtt_ms = 0;
			answer = 0;
			continue;
		}
		if (!next || ms_to(r, next) > until) {
			r->now = r->decide.begun_ns + until * RIG_MS;
			return CAUSE_NONE;
		}
		assert_true(next > r->now);
		r->now = next;
	}
}

static void answers_probes(struct rig *r, uint16_t slot, uint32_t rtt_us)
{
	health_probe(&r->health, slot, 200, rtt_us, r->now);
	r->now += RIG_S;
}

static void first_failing_call_moves(void **state)
{
	struct rig *r = rig_new(3);

	rig_call(r, "4420");
	assert_int_equal(rig_next(r), DECIDE_TRY);
	assert_int_equal(r->step.trunk, 0);
	assert_int_equal(r->step.addr.port, 5060);
	assert_true(rig_status(r, 0, 503));
	assert_int_equal(rig_next(r), DECIDE_TRY);
	assert_int_equal(r->step.trunk, 1);
	assert_int_equal(r->step.attempt, 1);
	assert_int_equal(rig_next(r), DECIDE_WAIT); /* asked too early */
	free(r);
}

static void no_more_than_max_retries(void **state)
{
	struct rig *r = rig_new(5);
	unsigned tries = 0;

	rig_call(r, "4420");
	while (rig_next(r) == DECIDE_TRY) {
		tries++;
		rig_status(r, r->step.attempt, 502);
	}
	assert_int_equal(tries, 3);
	assert_int_equal(r->step.final.code, 502);
	assert_string_equal(r->step.final.why, "best_of_failures");
	assert_int_equal(rig_next(r), DECIDE_FINAL); /* and stays so */
	assert_int_equal(r->decide.skip[3].why, DECIDE_SKIP_RETRIES);
	free(r);
}

static void positions(void **state)
{
	struct rig *r = rig_new(3);

	r->target[0].position = 10;
	r->target[1].position = 5;
	r->target[2].position = 7;
	for (unsigned n = 0; n < 1000; n++) { /* all healthy: always the first */
		rig_call(r, "4420");
		rig_next(r);
		assert_int_equal(r->step.trunk, 1);
		decide_fini(&r->decide, &r->health);
	}
	rig_call(r, "4420");
	rig_next(r);
	rig_status(r, 0, 500);
	rig_next(r);
	assert_int_equal(r->step.trunk, 2);
	rig_status(r, 1, 500);
	rig_next(r);
	assert_int_equal(r->step.trunk, 0);
	free(r);
}

static void hops_of_a_target(void **state)
{
	struct rig *r = rig_new(2);

	rig_hop(r, 0, 1);
	rig_hop(r, 0, 2);
	rig_call(r, "4420");
	rig_next(r);
	assert_int_equal(r->step.addr.port, 5060);
	rig_status(r, 0, 503);
	rig_next(r);
	assert_int_equal(r->step.trunk, 0);
	assert_int_equal(r->step.addr.port, 5061);
	rig_status(r, 1, 503);
	rig_next(r); /* max_hops 2 */
	assert_int_equal(r->step.trunk, 1);
	decide_fini(&r->decide, &r->health);

	rig_call(r, "4420"); /* a 500 is the trunk's, not the hop's */
	rig_next(r);
	rig_status(r, 0, 500);
	rig_next(r);
	assert_int_equal(r->step.trunk, 1);
	free(r);
}

static void a_dead_trunk_is_skipped(void **state)
{
	struct rig *r = rig_new(3);

	for (unsigned i = 0; i < 3; i++) {
		rig_call(r, "4420");
		rig_next(r);
		assert_int_equal(r->step.trunk, 0);
		rig_status(r, 0, 503);
		r->now += RIG_S;
		decide_fini(&r->decide, &r->health);
	}
	rig_call(r, "4420");
	rig_next(r);
	assert_int_equal(r->step.trunk, 1);
	assert_int_equal(r->decide.skip[0].why, DECIDE_SKIP_DOWN);
	assert_int_equal(r->decide.skip[0].reason, HEALTH_CONSECUTIVE);
	assert_int_equal(r->decide.skip[0].code, 503);
	free(r);
}

static void take_down(struct rig *r, uint16_t slot)
{
	r->now += RIG_S;
	health_silent(&r->health, slot, r->now, r->now);
}

static void all_down_fails_open(void **state)
{
	struct rig *r = rig_new(3);

	take_down(r, 1);
	take_down(r, 0);
	take_down(r, 2);
	r->now += 10 * RIG_S; /* a 503 is no end of a blip any more */
	rig_call(r, "4420");
	assert_int_equal(rig_next(r), DECIDE_TRY);
	assert_int_equal(r->step.trunk, 1); /* expected back first */
	assert_true(r->decide.attempt[0].panic);
	assert_false(r->decide.attempt[0].limits.last); /* the next DOWN one is tried too */
	rig_status(r, 0, 503);
	rig_next(r);
	assert_int_equal(r->step.trunk, 0);
	decide_fini(&r->decide, &r->health);

	rig_call(r, "4420"); /* in the same second: the third, then nobody */
	rig_next(r);
	assert_int_equal(r->step.trunk, 2);
	rig_status(r, 0, 503);
	assert_int_equal(rig_next(r), DECIDE_FINAL);
	assert_int_equal(r->step.final.code, 503);
	assert_in_range(r->step.final.retry_after_s, 17, 19);
	assert_string_equal(r->step.final.why, "nobody_serves");
	assert_int_equal(r->decide.skip[0].why, DECIDE_SKIP_PANIC_RATE);
	decide_fini(&r->decide, &r->health);

	r->now += RIG_S;
	rig_call(r, "4420");
	assert_int_equal(rig_next(r), DECIDE_TRY);
	assert_int_equal(r->step.trunk, 1);
	free(r);
}

static void a_down_one_is_the_last_resort(void **state)
{
	struct rig *r = rig_new(2);

	take_down(r, 0);
	rig_call(r, "4420");
	rig_next(r);
	assert_int_equal(r->step.trunk, 1);
	assert_true(r->decide.attempt[0].limits.last); /* a DOWN one is nothing to hurry to */
	rig_status(r, 0, 503);
	assert_int_equal(rig_next(r), DECIDE_TRY);
	assert_int_equal(r->step.trunk, 0);
	free(r);
}

static void disabled_full_without_address(void **state)
{
	struct rig *r = rig_new(5);

	r->target[0].enabled = false;
	r->trunk[1].max_calls = 1;
	health_hop_drop(&r->health, 2, r->now);
	rig_call(r, "4420");
	rig_next(r);
	assert_int_equal(r->step.trunk, 1);
	rig_call(r, "4421");
	rig_next(r);
	assert_int_equal(r->step.trunk, 3);
	assert_int_equal(r->decide.skip[0].why, DECIDE_SKIP_DISABLED);
	assert_int_equal(r->decide.skip[1].why, DECIDE_SKIP_FULL);
	assert_int_equal(r->decide.skip[2].why, DECIDE_SKIP_NO_ADDRESS);
	decide_fini(&r->decide, &r->health);
	free(r);
}

/* A 3xx inside the trunk: what fails there is that address's doing. */
static void a_redirect_has_a_hop_of_its_own(void **state)
{
	struct rig *r = rig_new(2);
	struct decide_outcome o = { .cause = CAUSE_STATUS, .code = 302, .repairable = true, .moved = true };
	int other = rig_hop(r, 0, 1);

	for (unsigned i = 0; i < 6; i++) {
		o.hop = i < 3 ? (uint16_t)other : KEDGE_HOP_NONE;
		rig_call(r, "4420");
		rig_next(r);
		assert_int_equal(r->step.hop, 0);
		decide_outcome(&r->decide, &r->health, 0, &o, r->now);
		assert_int_equal(rig_next(r), DECIDE_TRY);
		assert_true(r->step.same);
		assert_int_equal(r->step.hop, i < 3 ? other : 0);
		assert_int_equal(r->decide.attempt[1].stray, i >= 3);
		rig_status(r, 1, 500);
		rig_next(r);
		assert_int_equal(r->step.trunk, 1);
		decide_fini(&r->decide, &r->health);
		r->now += RIG_S;
	}
	assert_int_equal(r->health.hop[other].state, KEDGE_HOP_DOWN);
	assert_int_equal(r->health.hop[0].state, KEDGE_HOP_UP);
	assert_int_equal(r->health.hop[0].consecutive, 0);
	free(r);
}

static void nothing_to_try(void **state)
{
	struct rig *r = rig_new(1);

	r->target[0].enabled = false;
	rig_call(r, "4420");
	assert_int_equal(rig_next(r), DECIDE_FINAL);
	assert_int_equal(r->step.final.code, 503);
	assert_int_equal(r->step.final.retry_after_s, 1);
	assert_int_equal(r->step.final.q850, 34);
	free(r);
}

/* ---- silence ---- */

static void silent_carrier_costs_half_a_second(void **state)
{
	struct rig *r = rig_new(2);
	unsigned checks = 0;

	answers_probes(r, 0, 1000);
	rig_call(r, "4420");
	rig_next(r);
	assert_int_equal(ms_to(r, r->step.due_ns), 200);
	assert_int_equal(run_clock(r, 0, 5000, 0, &checks), CAUSE_SILENT);
	assert_int_equal(checks, 2);
	assert_int_equal(ms_to(r, r->now), 500);
	assert_true(rig_end(r, 0, CAUSE_SILENT, 0));
	assert_int_equal(rig_next(r), DECIDE_TRY);
	assert_int_equal(r->step.trunk, 1);
	assert_true(health_is_silent(&r->health, 0)); /* DOWN at once */
	decide_fini(&r->decide, &r->health);
	rig_call(r, "4420");
	rig_next(r);
	assert_int_equal(r->step.trunk, 1); /* the second call skips it */
	free(r);
}

static void an_answered_check_buys_the_configured_time(void **state)
{
	struct rig *r = rig_new(2);

	answers_probes(r, 0, 1000);
	rig_call(r, "4420");
	rig_next(r);
	assert_int_equal(run_clock(r, 0, 5000, 2, NULL), CAUSE_NO_REPLY);
	assert_int_equal(ms_to(r, r->now), 2000);
	rig_end(r, 0, CAUSE_NO_REPLY, 0);
	rig_next(r);
	assert_int_equal(r->step.trunk, 1);
	assert_true(health_usable(&r->health, 0)); /* one F */
	free(r);
}

static void far_hops_get_more(void **state)
{
	struct rig *r = rig_new(2);

	answers_probes(r, 0, 300000);
	rig_call(r, "4420");
	rig_next(r);
	assert_int_equal(run_clock(r, 0, 5000, 0, NULL), CAUSE_SILENT);
	assert_int_equal(ms_to(r, r->now), 800); /* 200 + 2 x 300 */
	free(r);
}

static void no_second_opinion(void **state)
{
	struct rig *r = rig_new(2);

	rig_call(r, "4420");
	rig_next(r);
	assert_int_equal(run_clock(r, 0, 5000, 0, NULL), CAUSE_NO_REPLY);
	assert_int_equal(ms_to(r, r->now), 1000);
	rig_end(r, 0, CAUSE_NO_REPLY, 0);
	assert_true(health_usable(&r->health, 0));
	free(r);
}

/* The INVITE waited for a TCP connection that never stood, and went out by UDP then. */
static void sent_later(void **state)
{
	struct rig *r = rig_new(2);

	rig_call(r, "4420");
	rig_next(r);
	r->now += 900 * RIG_MS;
	decide_resent(&r->decide, 0, r->now);
	assert_int_equal(run_clock(r, 0, 5000, 0, NULL), CAUSE_NO_REPLY);
	assert_int_equal(ms_to(r, r->now), 1900);
	free(r);
}

static void usual_time(void **state)
{
	struct rig *r = rig_new(2);

	answers_probes(r, 0, 1000);
	for (unsigned i = 0; i < 25; i++)
		health_heard(&r->health, 0, 800000, r->now);
	r->now += RIG_S;
	rig_call(r, "4420");
	rig_next(r);
	assert_int_equal(run_clock(r, 0, 5000, 0, NULL), CAUSE_SILENT);
	assert_in_range(ms_to(r, r->now), 801, 1100);
	free(r);
}

static void adaptive_off(void **state)
{
	struct rig *r = rig_new(2);

	r->trunk[0].timers.first_response_adaptive = false;
	answers_probes(r, 0, 1000);
	for (unsigned i = 0; i < 25; i++)
		health_heard(&r->health, 0, 30000, r->now);
	r->now += RIG_S;
	rig_call(r, "4420");
	rig_next(r);
	run_clock(r, 0, 5000, 0, NULL);
	assert_int_equal(ms_to(r, r->now), 2000);
	free(r);
}

static void failed_and_unheard(void **state)
{
	struct rig *r = rig_new(2);

	r->trunk[0].timers.first_response_adaptive = false;
	answers_probes(r, 0, 1000);
	rig_call(r, "4420");
	rig_next(r);
	rig_end(r, 0, CAUSE_NO_REPLY, 0);
	decide_fini(&r->decide, &r->health);
	r->now += 301 * RIG_S; /* it failed, and nothing was heard for five minutes */
	rig_call(r, "4420");
	rig_next(r);
	run_clock(r, 0, 5000, 0, NULL);
	assert_int_equal(ms_to(r, r->now), 1000);
	free(r);
}

static void the_last_one_is_waited_for(void **state)
{
	struct rig *r = rig_new(1);

	answers_probes(r, 0, 1000);
	rig_call(r, "4420");
	rig_next(r);
	assert_true(r->step.kind == DECIDE_TRY && r->decide.attempt[0].limits.last);
	assert_int_equal(run_clock(r, 0, 31000, 0, NULL), CAUSE_NONE);
	assert_true(health_is_silent(&r->health, 0)); /* known all the same */
	assert_int_equal(run_clock(r, 0, 60000, 0, NULL), CAUSE_NO_REPLY);
	assert_int_equal(ms_to(r, r->now), 32000); /* timer B */
	rig_end(r, 0, CAUSE_NO_REPLY, 0);
	assert_int_equal(rig_next(r), DECIDE_FINAL);
	assert_int_equal(r->step.final.code, 503); /* nobody else serves */
	assert_int_equal(r->step.final.sip_cause, 408);
	assert_int_equal(r->step.final.q850, 38);
	free(r);
}

/* A loop that stood still did not listen either: the second check gets its time. */
static void a_late_clock_is_no_evidence(void **state)
{
	struct rig *r = rig_new(2);
	uint64_t next;
	uint8_t cause;

	answers_probes(r, 0, 1000);
	rig_call(r, "4420");
	rig_next(r);
	r->now += 700 * RIG_MS;
	assert_int_equal(due(r, 0, &cause, &next), DECIDE_DUE_CHECK);
	assert_int_equal(due(r, 0, &cause, &next), DECIDE_DUE_CHECK);
	assert_int_equal(due(r, 0, &cause, &next), DECIDE_DUE_NONE);
	assert_int_equal(ms_to(r, next), 850);
	r->now += 150 * RIG_MS;
	assert_int_equal(due(r, 0, &cause, &next), DECIDE_DUE_GIVE_UP);
	free(r);
}

/* ---- progress and ringing ---- */

static void no_progress(void **state)
{
	struct rig *r = rig_new(3);

	rig_call(r, "4420");
	rig_next(r);
	r->now += 100 * RIG_MS;
	rig_reply(r, 0, 100);
	assert_int_equal(run_clock(r, 0, 60000, 0, NULL), CAUSE_NO_PROGRESS);
	assert_int_equal(ms_to(r, r->now), 8100);
	rig_end(r, 0, CAUSE_NO_PROGRESS, 0);
	rig_next(r);
	assert_int_equal(r->step.trunk, 1);
	rig_reply(r, 1, 100);
	assert_int_equal(run_clock(r, 1, 60000, 0, NULL), CAUSE_NO_PROGRESS);
	assert_int_equal(ms_to(r, r->now), 8100 + 15000); /* progress_failover */
	rig_end(r, 1, CAUSE_NO_PROGRESS, 0);
	rig_next(r);
	rig_reply(r, 2, 100);
	assert_int_equal(run_clock(r, 2, 159000, 0, NULL), CAUSE_NONE); /* the last: the budget alone */
	assert_int_equal(run_clock(r, 2, 200000, 0, NULL), CAUSE_NO_PROGRESS);
	assert_int_equal(ms_to(r, r->now), 160000);
	rig_end(r, 2, CAUSE_NO_PROGRESS, 0);
	assert_int_equal(rig_next(r), DECIDE_FINAL);
	free(r);
}

static void progress_is_learnt(void **state)
{
	struct rig *r = rig_new(2);

	rig_good_call(r, "442071");
	rig_good_call(r, "442072");
	rig_call(r, "442073");
	rig_next(r);
	rig_reply(r, 0, 100);
	assert_int_equal(run_clock(r, 0, 60000, 0, NULL), CAUSE_NO_PROGRESS);
	assert_int_equal(ms_to(r, r->now), 4000);
	rig_end(r, 0, CAUSE_NO_PROGRESS, 0);
	rig_next(r);
	rig_reply(r, 1, 100);
	r->now += 6 * RIG_S; /* the next one needs longer too: both limits rise */
	rig_reply(r, 1, 180);
	decide_fini(&r->decide, &r->health);
	rig_call(r, "442074");
	rig_next(r);
	rig_reply(r, 0, 100);
	assert_int_equal(run_clock(r, 0, 60000, 0, NULL), CAUSE_NO_PROGRESS);
	assert_int_equal(ms_to(r, r->now), 8000);
	free(r);
}

static void ringing_outbound(void **state)
{
	struct rig *r = rig_new(2);

	rig_call(r, "4420");
	rig_next(r);
	rig_reply(r, 0, 180);
	assert_int_equal(run_clock(r, 0, 119000, 0, NULL), CAUSE_NONE);
	assert_int_equal(run_clock(r, 0, 150000, 0, NULL), CAUSE_RING);
	assert_int_equal(ms_to(r, r->now), 120000);
	rig_end(r, 0, CAUSE_RING, 0);
	assert_int_equal(rig_next(r), DECIDE_FINAL);
	assert_int_equal(r->step.final.code, 480);
	assert_int_equal(r->step.final.q850, 19);
	free(r);
}

static void ringing_inbound_hunts(void **state)
{
	struct rig *r = rig_new(2);

	r->trunk[0].side = r->trunk[1].side = CONF_SIDE_PBX;
	r->trunk[0].timers.ring_ms = r->trunk[1].timers.ring_ms = 25000;
	rig_call(r, "4420");
	rig_next(r);
	rig_reply(r, 0, 180);
	assert_int_equal(run_clock(r, 0, 150000, 0, NULL), CAUSE_RING);
	assert_int_equal(ms_to(r, r->now), 25000);
	rig_end(r, 0, CAUSE_RING, 0);
	assert_int_equal(rig_next(r), DECIDE_TRY);
	assert_int_equal(r->step.trunk, 1);
	rig_reply(r, 1, 180);
	run_clock(r, 1, 150000, 0, NULL);
	assert_int_equal(ms_to(r, r->now), 50000);
	rig_end(r, 1, CAUSE_RING, 0);
	assert_int_equal(rig_next(r), DECIDE_FINAL);
	assert_int_equal(r->step.final.code, 480);
	free(r);
}

static void a_call_rings_on(void **state)
{
	struct rig *r = rig_new(2);

	r->profile[0].ring_timeout_ms = 90000;
	rig_call(r, "4420");
	rig_next(r);
	rig_reply(r, 0, 100);
	rig_reply(r, 0, 180);
	assert_int_equal(run_clock(r, 0, 60000, 0, NULL), CAUSE_NONE);
	assert_int_equal(run_clock(r, 0, 150000, 0, NULL), CAUSE_RING);
	assert_int_equal(ms_to(r, r->now), 90000);
	free(r);
}

static void one_deadline(void **state)
{
	struct rig *r = rig_new(2);

	r->profile[0].setup_budget_ms = 5000;
	rig_call(r, "4420");
	rig_next(r);
	rig_reply(r, 0, 180);
	assert_int_equal(run_clock(r, 0, 60000, 0, NULL), CAUSE_RING);
	assert_int_equal(ms_to(r, r->now), 5000);
	rig_end(r, 0, CAUSE_RING, 0);
	assert_int_equal(rig_next(r), DECIDE_FINAL);
	free(r);
}

/* ---- what the caller gets ---- */

static uint16_t after(struct rig *r, const uint16_t *codes, unsigned n)
{
	rig_call(r, "4420");
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(rig_next(r), DECIDE_TRY);
		rig_status(r, i, codes[i]);
	}
	assert_int_equal(rig_next(r), DECIDE_FINAL);
	decide_fini(&r->decide, &r->health);
	r->now += 3600 * RIG_S;
	for (uint16_t i = 0; i < 3; i++)
		health_success(&r->health, i, true, r->now++);
	return r->step.final.code;
}

static void best_of_failures(void **state)
{
	struct rig *r = rig_new(3);

	assert_int_equal(after(r, (uint16_t[]){ 503, 488, 500 }, 3), 488);
	assert_int_equal(r->step.final.from, 1);
	assert_int_equal(after(r, (uint16_t[]){ 500, 502, 504 }, 3), 504);
	assert_int_equal(after(r, (uint16_t[]){ 420, 488, 493 }, 3), 488);
	assert_int_equal(after(r, (uint16_t[]){ 401, 407, 402 }, 3), 500);
	assert_int_equal(r->step.final.sip_cause, 402);
	assert_int_equal(after(r, (uint16_t[]){ 503, 503, 503 }, 3), 500); /* paths; others may call */
	assert_int_equal(r->step.final.sip_cause, 503);
	assert_int_equal(r->step.final.q850, 34);
	assert_int_equal(after(r, (uint16_t[]){ 503, 404 }, 2), 404); /* STOP */
	assert_string_equal(r->step.final.why, "stop");
	assert_int_equal(after(r, (uint16_t[]){ 503, 603 }, 2), 603);
	assert_string_equal(r->step.final.phrase, "Decline");
	free(r);
}

static void all_failed_setting(void **state)
{
	struct rig *r = rig_new(3);

	r->profile[0].all_failed = CONF_ALL_503;
	assert_int_equal(after(r, (uint16_t[]){ 503, 503, 503 }, 3), 503);
	assert_int_equal(r->step.final.retry_after_s, 1);
	r->profile[0].all_failed = CONF_ALL_480;
	assert_int_equal(after(r, (uint16_t[]){ 503, 503, 503 }, 3), 480);
	r->profile[0].all_failed = CONF_ALL_500;
	for (uint16_t i = 0; i < 3; i++)
		take_down(r, i);
	assert_int_equal(after(r, (uint16_t[]){ 503, 503, 503 }, 3), 500);
	free(r);
}

/* No port of our own is no failure of theirs: the caller may come again, or go elsewhere. */
static void no_means_of_our_own(void **state)
{
	struct rig *r = rig_new(3);
	unsigned tries = 0;

	rig_call(r, "4420");
	while (rig_next(r) == DECIDE_TRY) {
		tries++;
		rig_end(r, r->step.attempt, CAUSE_LIMIT, 0);
	}
	assert_int_equal(tries, 3);
	assert_int_equal(r->step.final.code, 503);
	assert_int_equal(r->step.final.retry_after_s, 1);
	assert_string_equal(r->step.final.why, "no_means");
	free(r);
}

static void on_busy(void **state)
{
	struct rig *r = rig_new(3);

	r->profile[0].on_busy_trunk = 2;
	rig_call(r, "4420");
	rig_next(r);
	rig_reply(r, 0, 180);
	rig_status(r, 0, 486);
	assert_int_equal(rig_next(r), DECIDE_TRY);
	assert_int_equal(r->step.trunk, 2);
	rig_status(r, 1, 503);
	assert_int_equal(rig_next(r), DECIDE_TRY); /* voicemail is broken: on, as a failure of that trunk */
	assert_int_equal(r->step.trunk, 1);
	rig_status(r, 2, 486);
	assert_int_equal(rig_next(r), DECIDE_FINAL);
	assert_int_equal(r->step.final.code, 486);
	free(r);
}

static void caller_gone(void **state)
{
	struct rig *r = rig_new(2);

	rig_call(r, "4420");
	rig_next(r);
	decide_cancel(&r->decide);
	rig_end(r, 0, CAUSE_CANCELLED, 0);
	assert_int_equal(rig_next(r), DECIDE_FINAL);
	assert_int_equal(r->step.final.code, 487);
	assert_int_equal(r->health.hop[0].consecutive, 0);
	assert_int_equal(rig_reply(r, 0, 200), DECIDE_LATE);
	free(r);
}

static void same_once(void **state)
{
	struct rig *r = rig_new(2);
	struct decide_outcome o = { .cause = CAUSE_STATUS, .code = 420, .repairable = true };

	rig_call(r, "4420");
	rig_next(r);
	decide_outcome(&r->decide, &r->health, 0, &o, r->now);
	assert_int_equal(rig_next(r), DECIDE_TRY);
	assert_int_equal(r->step.trunk, 0);
	assert_true(r->step.same);
	decide_outcome(&r->decide, &r->health, 1, &o, r->now);
	assert_int_equal(rig_next(r), DECIDE_TRY);
	assert_int_equal(r->step.trunk, 1);
	assert_false(r->step.same);
	decide_fini(&r->decide, &r->health);

	o.code = 491;
	rig_call(r, "4420");
	rig_next(r);
	decide_outcome(&r->decide, &r->health, 0, &o, r->now);
	rig_next(r);
	assert_true(r->step.same);
	assert_in_range(r->step.delay_ms, 2100, 4000);
	free(r);
}

/* ---- branches given up ---- */

static void given_up_at_half_a_second(struct rig *r)
{
	answers_probes(r, 0, 1000);
	rig_call(r, "4420");
	rig_next(r);
	assert_int_equal(run_clock(r, 0, 5000, 0, NULL), CAUSE_SILENT);
	rig_end(r, 0, CAUSE_SILENT, 0);
	rig_next(r);
	assert_int_equal(r->step.trunk, 1);
}

static void the_first_that_rings_keeps_the_call(void **state)
{
	struct rig *r = rig_new(2);

	given_up_at_half_a_second(r);
	r->now += 300 * RIG_MS;
	assert_int_equal(rig_reply(r, 0, 100), DECIDE_FINE); /* neither is cancelled */
	assert_int_equal(r->health.hop[0].state, KEDGE_HOP_TRIAL); /* a blip */
	r->now += 20 * RIG_MS;
	assert_int_equal(rig_reply(r, 0, 180), DECIDE_REVIVED);
	assert_false(rig_status(r, 1, 486)); /* our own echo */
	assert_int_equal(rig_next(r), DECIDE_WAIT);
	assert_int_equal(r->step.attempt, 0);
	assert_int_equal(rig_reply(r, 0, 200), DECIDE_FINE);
	decide_answered(&r->decide, &r->health, 0, r->now);
	assert_int_equal(rig_reply(r, 1, 200), DECIDE_LATE);
	free(r);
}

static void the_other_has_progressed(void **state)
{
	struct rig *r = rig_new(2);

	given_up_at_half_a_second(r);
	rig_reply(r, 1, 180);
	r->now += 300 * RIG_MS;
	assert_int_equal(rig_reply(r, 0, 100), DECIDE_LATE);
	assert_int_equal(rig_reply(r, 0, 180), DECIDE_LATE);
	assert_int_equal(rig_reply(r, 1, 200), DECIDE_FINE);
	free(r);
}

static void a_late_200_wins(void **state)
{
	struct rig *r = rig_new(2);

	given_up_at_half_a_second(r);
	rig_reply(r, 1, 180);
	r->now += 300 * RIG_MS;
	assert_int_equal(rig_reply(r, 0, 200), DECIDE_REVIVED); /* nobody answered yet */
	decide_answered(&r->decide, &r->health, 0, r->now);
	assert_int_equal(rig_reply(r, 1, 200), DECIDE_LATE);
	free(r);
}

static void echo_before_the_ringing(void **state)
{
	struct rig *r = rig_new(2);

	given_up_at_half_a_second(r);
	r->now += 300 * RIG_MS;
	rig_reply(r, 0, 100);
	assert_true(rig_status(r, 1, 486)); /* the phone may be ringing by the first branch */
	assert_int_equal(rig_next(r), DECIDE_WAIT);
	assert_int_equal(r->step.attempt, 0);
	assert_int_equal(rig_reply(r, 0, 180), DECIDE_FINE);
	/* ... and if that one fails, the 486 was true. */
	assert_true(rig_status(r, 0, 500));
	assert_int_equal(rig_next(r), DECIDE_FINAL);
	assert_int_equal(r->step.final.code, 486);
	free(r);
}

static void nobody_left_but_the_slow_one(void **state)
{
	struct rig *r = rig_new(2);

	given_up_at_half_a_second(r);
	rig_status(r, 1, 503);
	assert_int_equal(rig_next(r), DECIDE_WAIT); /* until its configured time is over */
	assert_int_equal(ms_to(r, r->step.wait_ns), 2000);
	r->now += 300 * RIG_MS;
	assert_int_equal(rig_reply(r, 0, 100), DECIDE_REVIVED);
	assert_int_equal(rig_reply(r, 0, 180), DECIDE_FINE);
	assert_int_equal(rig_next(r), DECIDE_WAIT);
	decide_fini(&r->decide, &r->health);
	free(r);

	r = rig_new(2);
	given_up_at_half_a_second(r);
	rig_status(r, 1, 503);
	rig_next(r);
	r->now = r->step.wait_ns;
	assert_int_equal(rig_next(r), DECIDE_FINAL);
	assert_int_equal(r->step.final.code, 500);
	free(r);
}

static void a_late_reply_takes_the_failure_back(void **state)
{
	struct rig *r = rig_new(2);

	rig_call(r, "4420");
	rig_next(r);
	run_clock(r, 0, 5000, 0, NULL);
	rig_end(r, 0, CAUSE_NO_REPLY, 0);
	assert_int_equal(r->health.hop[0].consecutive, 1);
	rig_next(r);
	r->now += 200 * RIG_MS;
	rig_reply(r, 0, 100);
	assert_int_equal(r->health.hop[0].consecutive, 0);
	assert_int_equal(pace_replies(&r->health.hop[0].reply, r->now), 1);
	free(r);
}

/* ---- the record ---- */

static void record(void **state)
{
	struct rig *r = rig_new(4);
	char text[DECIDE_RECORD_MAX];
	size_t n;

	take_down(r, 0);
	r->target[1].enabled = false;
	rig_call(r, "4420");
	rig_next(r);
	rig_status(r, 0, 503);
	rig_next(r);
	rig_status(r, 1, 486);
	rig_next(r);
	n = decide_record(&r->decide, &r->health, &r->step.final, text, sizeof(text));
	assert_int_equal(n, strlen(text));
	assert_non_null(strstr(text, "{\"trunk\":\"t0\",\"skip\":\"down\",\"reason\":\"silent\"}"));
	assert_non_null(strstr(text, "{\"trunk\":\"t1\",\"skip\":\"disabled\"}"));
	assert_non_null(strstr(text, "\"cause\":\"status\",\"code\":503"));
	assert_non_null(strstr(text, "\"result\":\"stop\",\"code\":486"));
	free(r);
}

static void longest_record(void **state)
{
	static char name[RIG_TRUNKS][32];
	struct rig *r = rig_new(RIG_TRUNKS);
	char text[DECIDE_RECORD_MAX];

	r->profile[0].max_retries = 15;
	for (unsigned i = 0; i < RIG_TRUNKS; i++) {
		memset(name[i], 'x', 31);
		r->trunk[i].name = name[i];
		r->trunk[i].timers.progress_failover_ms = 999;
	}
	rig_call(r, "4420");
	while (rig_next(r) == DECIDE_TRY) {
		unsigned i = r->step.attempt;

		r->now += 1234567891;
		rig_reply(r, i, 100);
		r->now += 1234567891;
		rig_reply(r, i, 183);
		rig_status(r, i, 503);
	}
	assert_int_equal(r->decide.count, DECIDE_ATTEMPTS);
	assert_true(decide_record(&r->decide, &r->health, &r->step.final, text, sizeof(text)) <
	            sizeof(text) * 3 / 4);
	/* A short buffer is never written behind its end. */
	memset(text, 0x7f, sizeof(text));
	assert_true(decide_record(&r->decide, &r->health, &r->step.final, text, 100) > 100);
	assert_int_equal(text[100], 0x7f);
	free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_failing_call_moves),
		cmocka_unit_test(no_more_than_max_retries),
		cmocka_unit_test(positions),
		cmocka_unit_test(hops_of_a_target),
		cmocka_unit_test(a_dead_trunk_is_skipped),
		cmocka_unit_test(all_down_fails_open),
		cmocka_unit_test(a_down_one_is_the_last_resort),
		cmocka_unit_test(disabled_full_without_address),
		cmocka_unit_test(a_redirect_has_a_hop_of_its_own),
		cmocka_unit_test(nothing_to_try),
		cmocka_unit_test(silent_carrier_costs_half_a_second),
		cmocka_unit_test(an_answered_check_buys_the_configured_time),
		cmocka_unit_test(far_hops_get_more),
		cmocka_unit_test(no_second_opinion),
		cmocka_unit_test(sent_later),
		cmocka_unit_test(usual_time),
		cmocka_unit_test(adaptive_off),
		cmocka_unit_test(failed_and_unheard),
		cmocka_unit_test(the_last_one_is_waited_for),
		cmocka_unit_test(a_late_clock_is_no_evidence),
		cmocka_unit_test(no_progress),
		cmocka_unit_test(progress_is_learnt),
		cmocka_unit_test(ringing_outbound),
		cmocka_unit_test(ringing_inbound_hunts),
		cmocka_unit_test(a_call_rings_on),
		cmocka_unit_test(one_deadline),
		cmocka_unit_test(best_of_failures),
		cmocka_unit_test(all_failed_setting),
		cmocka_unit_test(no_means_of_our_own),
		cmocka_unit_test(on_busy),
		cmocka_unit_test(caller_gone),
		cmocka_unit_test(same_once),
		cmocka_unit_test(the_first_that_rings_keeps_the_call),
		cmocka_unit_test(the_other_has_progressed),
		cmocka_unit_test(a_late_200_wins),
		cmocka_unit_test(echo_before_the_ringing),
		cmocka_unit_test(nobody_left_but_the_slow_one),
		cmocka_unit_test(a_late_reply_takes_the_failure_back),
		cmocka_unit_test(record),
		cmocka_unit_test(longest_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
