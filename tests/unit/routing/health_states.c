// SPDX-License-Identifier: MIT
/* The evidence table, every row of it; and the way of a hop out of its calls and back, with the defaults: the window, min_uptime, relapse,
 * the ramp, failback, Retry-After. A18-A21 A24 A36 A85-A90 A106 A121 A122 A124 A135 A136. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

#include "tests/unit/routing/rig.h"
#include "tests/unit/routing/rig_watch.h"

static enum kedge_hop_state state_of(const struct rig *r)
{
	return r->health.hop[0].state;
}

static void tick(struct rig *r)
{
	health_tick(&r->health, r->now, 1700000000000ULL + r->now / RIG_MS);
}

/* A call that begins and ends now. */
static void ends(struct rig *r, uint8_t health, uint16_t code)
{
	struct health_outcome o = { CAUSE_STATUS, health, code, r->now, r->now };

	health_outcome(&r->health, 0, &o, r->now);
}

static void fails(struct rig *r, unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		ends(r, CAUSE_F, 503);
}

static void answers(struct rig *r)
{
	r->now += RIG_MS;
	health_success(&r->health, 0, false, r->now);
	health_success(&r->health, 0, true, r->now);
}

/* Seconds pass; a probe every ten of them. code 0: unanswered. */
static void pass(struct rig *r, unsigned seconds, uint16_t code)
{
	for (unsigned i = 0; i < seconds; i++) {
		r->now += RIG_S;
		tick(r);
		if (r->now / RIG_S % 10 == 0)
			health_probe(&r->health, 0, code, 2000, r->now);
	}
}

/* UP, and it answers probes. */
static struct rig *rig_up(void)
{
	struct rig *r = rig_watched();

	health_probe(&r->health, 0, 200, 2000, r->now);
	assert_int_equal(state_of(r), KEDGE_HOP_UP);
	return r;
}

static struct rig *rig_trial(void)
{
	struct rig *r = rig_up();

	fails(r, 3);
	pass(r, 320, 200);
	assert_int_equal(state_of(r), KEDGE_HOP_TRIAL);
	return r;
}

/* ---- the table ---- */

/* As SEMANTICS has it: what stands, the word for it, and which state that is. */
static const struct {
	const char *why;
	uint16_t figure;
	enum health_reason reason;
	enum kedge_hop_state state;
} rows[] = {
	{ "operator:ann", 0, HEALTH_OPERATOR_OFF, KEDGE_HOP_OFF },
	{ "operator:ann", 0, HEALTH_OPERATOR_DRAIN, KEDGE_HOP_DRAINING },
	{ "operator:ann", 0, HEALTH_OPERATOR_UP, KEDGE_HOP_UP },
	{ "disabled", 0, HEALTH_DISABLED, KEDGE_HOP_OFF },
	{ "disabled", 0, HEALTH_DISABLED_DRAIN, KEDGE_HOP_DRAINING },
	{ "retry_after", 0, HEALTH_RETRY_AFTER, KEDGE_HOP_LOCKED },
	{ "consecutive:503", 503, HEALTH_CONSECUTIVE, KEDGE_HOP_DOWN },
	{ "window:500", 500, HEALTH_WINDOW, KEDGE_HOP_DOWN },
	{ "relapse:503", 503, HEALTH_RELAPSE, KEDGE_HOP_DOWN },
	{ "silent", 0, HEALTH_SILENT, KEDGE_HOP_DOWN },
	{ "invite_silent", 0, HEALTH_INVITE_SILENT, KEDGE_HOP_DOWN },
	{ "options_timeout", 0, HEALTH_OPTIONS_TIMEOUT, KEDGE_HOP_DOWN },
	{ "options_503", 503, HEALTH_OPTIONS_CODE, KEDGE_HOP_DOWN },
	{ "tls_cert_expired", 0, HEALTH_TLS_EXPIRED, KEDGE_HOP_DOWN },
	{ "tls_untrusted", 0, HEALTH_TLS_UNTRUSTED, KEDGE_HOP_DOWN },
	{ "tls_name", 0, HEALTH_TLS_NAME, KEDGE_HOP_DOWN },
	{ "dns_nxdomain", 0, HEALTH_DNS_NXDOMAIN, KEDGE_HOP_DOWN },
	{ "dns_timeout", 0, HEALTH_DNS_TIMEOUT, KEDGE_HOP_DOWN },
	{ "reg_required", 0, HEALTH_REG_REQUIRED, KEDGE_HOP_DOWN },
	{ "trial:1", 1, HEALTH_TRIAL, KEDGE_HOP_TRIAL },
	{ "dns_new", 0, HEALTH_DNS_NEW, KEDGE_HOP_UNKNOWN },
	{ "probe_disagrees", 0, HEALTH_PROBE_DISAGREES, KEDGE_HOP_DEGRADED },
	{ "config_fault:403", 403, HEALTH_FAULT, KEDGE_HOP_DEGRADED },
	{ "one_way", 0, HEALTH_ONE_WAY, KEDGE_HOP_DEGRADED },
	{ "no_echo", 0, HEALTH_NO_ECHO, KEDGE_HOP_DEGRADED },
	{ "no_dtmf", 0, HEALTH_NO_DTMF, KEDGE_HOP_DEGRADED },
	{ "loss:8", 8, HEALTH_LOSS, KEDGE_HOP_DEGRADED },
	{ "far_loss:9", 9, HEALTH_FAR_LOSS, KEDGE_HOP_DEGRADED },
	{ "jitter:61", 61, HEALTH_JITTER, KEDGE_HOP_DEGRADED },
	{ "mos:3.1", 31, HEALTH_MOS, KEDGE_HOP_DEGRADED },
	{ "rtt:612", 612, HEALTH_RTT, KEDGE_HOP_DEGRADED },
	{ "short_calls", 0, HEALTH_SHORT_CALLS, KEDGE_HOP_DEGRADED },
	{ "asr_drop:20", 20, HEALTH_ASR_DROP, KEDGE_HOP_DEGRADED },
	{ "ner_drop", 0, HEALTH_NER_DROP, KEDGE_HOP_DEGRADED },
	{ "acd_drop", 0, HEALTH_ACD_DROP, KEDGE_HOP_DEGRADED },
	{ "reg_lost", 0, HEALTH_REG_LOST, KEDGE_HOP_DEGRADED },
	{ "reg_rejected", 0, HEALTH_REG_REJECTED, KEDGE_HOP_DEGRADED },
	{ "reg_drop", 0, HEALTH_REG_DROP, KEDGE_HOP_DEGRADED },
};

static void order(struct rig *r, uint8_t mode)
{
	health_operator(&r->health, 0, &(struct health_operator){ .mode = mode, .name = "ann" }, r->now);
}

static void raise_it(struct rig *r, unsigned i)
{
	switch ((enum health_kind)health_rule(rows[i].reason)->kind) {
	case HEALTH_KIND_OPER:
		if (rows[i].state == KEDGE_HOP_UP)
			fails(r, 3);
		order(r, rows[i].state == KEDGE_HOP_OFF ? HEALTH_DOWN : rows[i].state == KEDGE_HOP_UP ? HEALTH_UP : HEALTH_DRAIN);
		break;
	case HEALTH_KIND_LOCK:
		health_lock(&r->health, 0, 20, r->now);
		break;
	case HEALTH_KIND_BREAK:
		health_trip(&r->health, 0, rows[i].reason, rows[i].figure, r->now);
		break;
	case HEALTH_KIND_TRIAL:
		fails(r, 3);
		pass(r, 320, 200);
		break;
	case HEALTH_KIND_MARK:
		health_mark(&r->health, 0, rows[i].reason, rows[i].figure, 0, r->now);
		break;
	case HEALTH_KIND_CONF:
		if (rows[i].reason == HEALTH_DISABLED_DRAIN)
			health_began(&r->health, 0, 0, r->now);
		r->trunk[0].enabled = false;
		health_conf(&r->health, &r->conf, r->now);
		break;
	case HEALTH_KIND_GOOD:
		assert_true(false);
	}
}

/* What the row says clears it, does. */
static void clear_it(struct rig *r, unsigned i)
{
	switch ((enum health_kind)health_rule(rows[i].reason)->kind) {
	case HEALTH_KIND_OPER:
		order(r, HEALTH_AUTO);
		break;
	case HEALTH_KIND_LOCK:
		pass(r, 30, 200);
		break;
	case HEALTH_KIND_BREAK:
		pass(r, 320, 200);
		assert_int_equal(state_of(r), KEDGE_HOP_TRIAL);
		answers(r);
		pass(r, 240, 200);
		break;
	case HEALTH_KIND_TRIAL:
		pass(r, 240, 200);
		break;
	case HEALTH_KIND_CONF:
		r->trunk[0].enabled = true;
		health_conf(&r->health, &r->conf, r->now);
		break;
	default:
		health_clear_mark(&r->health, 0, rows[i].reason, r->now);
	}
}

static void every_row(void **state)
{
	bool walked[HEALTH_REASON_COUNT] = { false };

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool fresh = rows[i].reason == HEALTH_DNS_NEW;
		struct rig *r = fresh ? rig_watched() : rig_up();
		char why[HEALTH_WHY], clears[HEALTH_CLEARS];
		struct health_look look;

		walked[rows[i].reason] = true;
		raise_it(r, i);
		assert_int_equal(state_of(r), rows[i].state);
		assert_string_equal(health_why(&r->health, 0, why), rows[i].why);
		assert_true(strlen(health_clears(&r->health, 0, clears)) > 0);
		health_look(&r->health, 0, &look);
		assert_int_equal(look.state, rows[i].state);
		assert_string_equal(look.why, rows[i].why);
		assert_string_equal(look.clears, clears);
		if (!fresh) { /* told, with evidence and what clears it */
			assert_string_equal(seen[changes - 1].why, rows[i].why);
			assert_true(strlen(seen[changes - 1].evidence) > 0);
			assert_string_equal(seen[changes - 1].clears, clears);
		}
		clear_it(r, i);
		assert_int_equal(state_of(r), fresh ? KEDGE_HOP_UNKNOWN : rows[i].state == KEDGE_HOP_UP ? KEDGE_HOP_DOWN : KEDGE_HOP_UP);
		free(r);
	}
	for (unsigned i = 0; i < HEALTH_REASON_COUNT; i++)
		assert_int_equal(walked[i], health_rule(i)->kind != HEALTH_KIND_GOOD);
}

/* Of any two the worse is the state, in whichever order they come. */
static void every_pair(void **state)
{
	static const uint8_t rank[KEDGE_HOP_STATE_COUNT] = {
		[KEDGE_HOP_OFF] = 7, [KEDGE_HOP_DRAINING] = 6, [KEDGE_HOP_LOCKED] = 5, [KEDGE_HOP_DOWN] = 4,
		[KEDGE_HOP_TRIAL] = 3, [KEDGE_HOP_DEGRADED] = 2, [KEDGE_HOP_UNKNOWN] = 1,
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (unsigned k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
			unsigned worse = rank[rows[i].state] >= rank[rows[k].state] ? i : k;
			struct rig *r;

			if (rows[i].reason == HEALTH_TRIAL || rows[k].reason == HEALTH_TRIAL || rows[i].reason == HEALTH_OPERATOR_UP ||
			    rows[k].reason == HEALTH_OPERATOR_UP || rows[i].reason == HEALTH_DNS_NEW || rows[k].reason == HEALTH_DNS_NEW ||
			    (health_rule(rows[i].reason)->kind >= HEALTH_KIND_OPER && health_rule(rows[k].reason)->kind == health_rule(rows[i].reason)->kind))
				continue; /* one excludes the other */
			r = rig_up();
			raise_it(r, i);
			raise_it(r, k);
			assert_int_equal(state_of(r), rows[worse].state);
			free(r);
		}
}

/* ---- out ---- */

static void window(void **state)
{
	struct rig *r = rig_up();

	for (unsigned i = 0; i < 4; i++) { /* a success after each: never two in a row */
		fails(r, 1);
		answers(r);
		r->now += 14 * RIG_S;
	}
	assert_int_equal(state_of(r), KEDGE_HOP_UP);
	fails(r, 1); /* the first is 56 s ago */
	assert_int_equal(state_of(r), KEDGE_HOP_DOWN);
	assert_string_equal(seen[changes - 1].why, "window:503");
	free(r);
	r = rig_up();
	for (unsigned i = 0; i < 40; i++) { /* 5 over 90 s, again and again */
		fails(r, 1);
		answers(r);
		r->now += 22 * RIG_S;
	}
	assert_int_equal(state_of(r), KEDGE_HOP_UP);
	free(r);
	r = rig_up();
	r->trunk[0].breaker.consecutive = 0;
	fails(r, 4);
	assert_int_equal(state_of(r), KEDGE_HOP_UP);
	ends(r, CAUSE_L, 429); /* load counts here too */
	assert_int_equal(state_of(r), KEDGE_HOP_DOWN);
	free(r);
	r = rig_up();
	r->trunk[0].breaker.window.count = 0;
	r->trunk[0].breaker.consecutive = 0;
	fails(r, 100);
	assert_int_equal(state_of(r), KEDGE_HOP_UP);
	free(r);
}

static void a_stray_503_is_nothing(void **state)
{
	struct rig *r = rig_up();

	for (unsigned i = 0; i < 100; i++) {
		fails(r, 1);
		for (unsigned k = 0; k < 30; k++) {
			r->now += RIG_S;
			answers(r);
		}
	}
	assert_int_equal(changes, 1); /* to UP */
	free(r);
}

/* Good and bad probes in turn change nothing, UP or DOWN. */
static void probes_in_turn(void **state)
{
	struct rig *r = rig_up();

	for (unsigned i = 0; i < 600; i++)
		pass(r, 10, i % 2 ? 200 : 503);
	assert_int_equal(changes, 1);
	fails(r, 3);
	for (unsigned i = 0; i < 600; i++)
		pass(r, 10, i % 2 ? 200 : 503);
	assert_int_equal(state_of(r), KEDGE_HOP_DOWN);
	assert_int_equal(changes, 2);
	free(r);
}

/* ---- and back ---- */

/* Five minutes of good probes, not of time; a bad one begins them anew. */
static void min_uptime(void **state)
{
	struct rig *r = rig_up();

	fails(r, 3);
	pass(r, 600, 503);
	assert_int_equal(state_of(r), KEDGE_HOP_DOWN);
	pass(r, 300, 200);
	assert_int_equal(state_of(r), KEDGE_HOP_DOWN); /* since the first good probe it is 290 s */
	health_probe(&r->health, 0, 503, 2000, r->now);
	pass(r, 300, 200);
	assert_int_equal(state_of(r), KEDGE_HOP_DOWN);
	assert_int_equal(health_retry_ns(&r->health, 0), r->now + 10 * RIG_S);
	pass(r, 10, 200);
	assert_int_equal(state_of(r), KEDGE_HOP_TRIAL);
	assert_string_equal(seen[changes - 1].evidence, "enough good probes");
	free(r);
}

/* 1, 2, 5, 10, 25, 50, 100 % of its calls, half a minute each where no call comes; then UP. */
static void ramp(void **state)
{
	static const uint8_t steps[] = { 1, 2, 5, 10, 25, 50, 100 };
	struct rig *r = rig_trial();
	struct health_look look;

	for (unsigned i = 0; i < 7; i++) {
		unsigned taken = 0;

		health_look(&r->health, 0, &look);
		assert_int_equal(look.percent, steps[i]);
		assert_int_equal(look.step, i + 1);
		assert_int_equal(look.steps, 7);
		for (uint32_t k = 0; k < 10000; k++)
			taken += health_may_take(&r->health, 0, k * 2654435761u + 17);
		assert_in_range(taken, steps[i] * 80, steps[i] * 120 > 10000 ? 10000 : steps[i] * 120);
		assert_true(health_usable(&r->health, 0)); /* whoever has nowhere else to go */
		pass(r, 30, 200);
	}
	assert_int_equal(state_of(r), KEDGE_HOP_UP);
	assert_int_equal(seen[changes - 1].reason, HEALTH_RAMPED);
	free(r);
	r = rig_trial();
	for (unsigned i = 0; i < 35; i++) /* or five good calls a step */
		answers(r);
	assert_int_equal(state_of(r), KEDGE_HOP_UP);
	free(r);
}

/* A bad probe begins the step anew; without any good one time proves nothing. */
static void ramp_waits(void **state)
{
	struct rig *r = rig_trial();

	for (unsigned i = 0; i < 100; i++) {
		health_probe(&r->health, 0, 503, 2000, r->now);
		pass(r, 20, 200);
	}
	assert_int_equal(health_percent(&r->health, 0), 1);
	free(r);
	r = rig_trial();
	r->now += 1000 * RIG_S;
	pass(r, 9, 200);
	tick(r);
	assert_int_equal(health_percent(&r->health, 0), 2); /* by the probe that brought it here */
	r->now += 999 * RIG_S - r->now % RIG_S;
	tick(r);
	assert_int_equal(health_percent(&r->health, 0), 2);
	free(r);
}

/* Two of five calls: DOWN again, and twice as long each time: 5, 10, 20, 40, 60 minutes. */
static void relapse(void **state)
{
	static const unsigned uptime[] = { 600, 1200, 2400, 3600, 3600 };
	struct rig *r = rig_trial();

	for (unsigned i = 0; i < 5; i++) {
		ends(r, CAUSE_F, 503);
		ends(r, CAUSE_O, 486);
		ends(r, CAUSE_O, 486);
		ends(r, CAUSE_O, 486);
		assert_int_equal(state_of(r), KEDGE_HOP_TRIAL);
		ends(r, CAUSE_L, 429);
		assert_int_equal(state_of(r), KEDGE_HOP_DOWN);
		assert_string_equal(seen[changes - 1].why, "relapse:429");
		assert_int_equal(r->health.hop[0].breaker.relapses, i + 1);
		r->now += (10 - r->now / RIG_S % 10) * RIG_S - r->now % RIG_S;
		health_probe(&r->health, 0, 200, 2000, r->now);
		pass(r, uptime[i] - 1, 200);
		assert_int_equal(state_of(r), KEDGE_HOP_DOWN);
		pass(r, 1, 200);
		assert_int_equal(state_of(r), KEDGE_HOP_TRIAL);
	}
	free(r);
}

/* Calls that began while it was still DOWN end badly in its TRIAL: they say nothing of it. */
static void calls_from_before(void **state)
{
	struct rig *r = rig_trial();
	struct health_outcome o = { CAUSE_STATUS, CAUSE_F, 503, r->now - 60 * RIG_S, 1 };

	for (unsigned i = 0; i < 10; i++)
		health_outcome(&r->health, 0, &o, r->now);
	assert_int_equal(state_of(r), KEDGE_HOP_TRIAL);
	free(r);
}

static void forgotten(void **state)
{
	struct rig *r = rig_trial();

	fails(r, 2);
	assert_int_equal(r->health.hop[0].breaker.relapses, 1);
	pass(r, 1000, 200);
	assert_int_equal(state_of(r), KEDGE_HOP_UP);
	pass(r, 3600, 200);
	answers(r);
	fails(r, 3);
	assert_int_equal(r->health.hop[0].breaker.relapses, 0);
	free(r);
}

/* Swallowed INVITEs: no probe brings it back, but a call may. */
static void invite_silent(void **state)
{
	struct rig *r = rig_up();

	health_trip(&r->health, 0, HEALTH_INVITE_SILENT, 0, r->now);
	pass(r, 29, 200);
	assert_int_equal(state_of(r), KEDGE_HOP_DOWN);
	pass(r, 1, 200);
	assert_int_equal(state_of(r), KEDGE_HOP_TRIAL);
	pass(r, 1000, 200);
	assert_int_equal(state_of(r), KEDGE_HOP_TRIAL);
	answers(r);
	pass(r, 30, 200);
	assert_int_equal(state_of(r), KEDGE_HOP_UP);
	free(r);
}

static void failback_by_hand(void **state)
{
	struct rig *r = rig_up();
	struct health_look look;

	r->trunk[0].breaker.failback = CONF_FAILBACK_MANUAL;
	assert_int_equal(health_failback(&r->health, 0, r->now), 0);
	fails(r, 3);
	pass(r, 100, 200);
	assert_int_equal(health_failback(&r->health, 0, r->now), 0); /* not good for long enough */
	pass(r, 10000, 200);
	assert_int_equal(state_of(r), KEDGE_HOP_DOWN);
	health_look(&r->health, 0, &look);
	assert_true(look.waits_for_failback);
	assert_string_equal(look.clears, "the operator's failback");
	assert_int_equal(health_place(&r->health, 0, 1), HEALTH_BEHIND); /* better than to refuse a call */
	health_probe(&r->health, 0, 503, 2000, r->now);
	assert_int_equal(health_place(&r->health, 0, 1), HEALTH_LAST);
	pass(r, 320, 200);
	assert_int_equal(health_failback(&r->health, 0, r->now), 1);
	assert_int_equal(state_of(r), KEDGE_HOP_TRIAL);
	free(r);
}

static void clock_at(struct rig *r, int hour, int minute)
{
	time_t at = 1700000000;
	struct tm tm;

	localtime_r(&at, &tm);
	tm.tm_hour = hour;
	tm.tm_min = minute;
	tm.tm_sec = 0;
	health_tick(&r->health, r->now, (uint64_t)mktime(&tm) * 1000);
}

static void failback_at_night(void **state)
{
	struct rig *r = rig_up();

	r->trunk[0].breaker.failback_from = 120;
	r->trunk[0].breaker.failback_to = 240;
	r->trunk[0].breaker.failback_window = "02:00-04:00";
	fails(r, 3);
	clock_at(r, 12, 0);
	for (unsigned i = 0; i < 40; i++) {
		r->now += 10 * RIG_S;
		health_probe(&r->health, 0, 200, 2000, r->now);
	}
	assert_int_equal(state_of(r), KEDGE_HOP_DOWN);
	clock_at(r, 1, 59);
	clock_at(r, 4, 0);
	assert_int_equal(state_of(r), KEDGE_HOP_DOWN);
	clock_at(r, 2, 0);
	assert_int_equal(state_of(r), KEDGE_HOP_TRIAL);
	free(r);
	r = rig_up();
	r->trunk[0].breaker.failback_from = 23 * 60;
	r->trunk[0].breaker.failback_to = 60;
	fails(r, 3);
	clock_at(r, 12, 0);
	for (unsigned i = 0; i < 40; i++) {
		r->now += 10 * RIG_S;
		health_probe(&r->health, 0, 200, 2000, r->now);
	}
	clock_at(r, 1, 0);
	assert_int_equal(state_of(r), KEDGE_HOP_DOWN);
	clock_at(r, 0, 59); /* over midnight */
	assert_int_equal(state_of(r), KEDGE_HOP_TRIAL);
	free(r);
}

/* A quiet trunk comes back too, and one at interval = 1; min_uptime = 0; open = 0; up = 1; ramp = [100] with its first good probe. */
static void as_quick_as_it_gets(void **state)
{
	struct rig *r = rig_up();

	rig_quick(r);
	r->trunk[0].breaker.open_ms = 0;
	r->trunk[0].probe.up = 1;
	fails(r, 3);
	r->now += RIG_S;
	health_probe(&r->health, 0, 200, 2000, r->now);
	assert_true(health_may_take(&r->health, 0, 1));
	free(r);
}

/* ---- Retry-After ---- */

/* A call that its first target ends so, all the way through decide. */
static void refused(struct rig *r, uint16_t code, uint32_t retry_after_s)
{
	struct decide_outcome o = { .cause = CAUSE_STATUS, .code = code, .retry_after_s = retry_after_s };

	rig_call(r, "442071838750");
	assert_int_equal(rig_next(r), DECIDE_TRY);
	assert_int_equal(r->step.trunk, 0);
	decide_outcome(&r->decide, &r->health, 0, &o, r->now);
	decide_fini(&r->decide, &r->health);
}

static void retry_after(void **state)
{
	static const struct {
		uint16_t code;
		uint32_t seconds, locked;
	} cases[] = {
		{ 503, 20, 20 }, { 429, 20, 20 }, { 503, 1, 1 }, { 503, 300, 300 }, { 503, 301, 300 }, { 503, 1u << 31, 300 },
		{ 503, UINT32_MAX, 300 }, { 503, 0, 0 }, { 500, 20, 0 }, { 404, 20, 0 }, { 413, 20, 0 }, { 480, 20, 0 }, { 486, 20, 0 },
		{ 600, 20, 0 }, { 603, 20, 0 },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rig *r = rig_up();

		refused(r, cases[i].code, cases[i].seconds);
		assert_int_equal(state_of(r) == KEDGE_HOP_LOCKED, cases[i].locked != 0);
		assert_int_equal(health_quiet_ns(&r->health, 0), cases[i].locked ? r->now + cases[i].locked * RIG_S : 0);
		free(r);
	}
}

static void retry_after_is_no_failure(void **state)
{
	struct rig *r = rig_up();

	for (unsigned i = 0; i < 4; i++) {
		refused(r, 503, 5);
		r->now += 5 * RIG_S;
		health_probe(&r->health, 0, 200, 2000, r->now);
		assert_int_equal(state_of(r), KEDGE_HOP_UP); /* the state it had before, no ramp */
	}
	assert_int_equal(r->health.hop[0].consecutive, 0);
	free(r);
}

static void retry_after_settings(void **state)
{
	struct rig *r = rig_up();
	uint16_t second = (uint16_t)rig_hop(r, 0, 1);

	r->trunk[0].retry_after_scope = CONF_LOCK_HOP;
	r->trunk[0].retry_after_max_ms = 8000;
	refused(r, 503, 20);
	assert_int_equal(health_quiet_ns(&r->health, 0), r->now + 8 * RIG_S);
	assert_int_equal(health_quiet_ns(&r->health, second), 0);
	free(r);
	r = rig_up();
	second = (uint16_t)rig_hop(r, 0, 1);
	r->trunk[0].retry_after_scope = CONF_LOCK_TRUNK;
	health_several_hosts(&r->health, 0, true);
	refused(r, 503, 20);
	assert_int_equal(health_quiet_ns(&r->health, second), r->now + 20 * RIG_S);
	free(r);
	r = rig_up();
	r->trunk[0].retry_after_max_ms = 0;
	refused(r, 503, 20);
	assert_int_equal(state_of(r), KEDGE_HOP_UP);
	free(r);
}

/* The probe at the end of the time decides: bad ones take it DOWN. */
static void lock_that_ends_badly(void **state)
{
	struct rig *r = rig_up();

	refused(r, 503, 20);
	r->now += 20 * RIG_S;
	health_probe(&r->health, 0, 503, 2000, r->now);
	assert_int_equal(state_of(r), KEDGE_HOP_LOCKED);
	health_trip(&r->health, 0, HEALTH_OPTIONS_CODE, 503, r->now);
	assert_int_equal(state_of(r), KEDGE_HOP_DOWN);
	free(r);
}

/* ---- restart ---- */

/* What a plane that was killed knew, as the next one finds it in the trunk table. */
static struct rig *restarted(struct rig *r, struct kedge_hop *table)
{
	struct rig *next = rig_new(2);

	next->now = r->now + 100 * RIG_MS;
	health_init(&next->health, &next->conf, table, 8, next->now, 1700000000000ULL + next->now / RIG_MS);
	assert_int_equal(rig_hop(next, 0, 0), 0);
	free(r);
	return next;
}

static void restart(void **state)
{
	struct kedge_hop *table = aligned_alloc(64, 8 * sizeof(*table));
	struct rig *r = rig_new(2);

	memset(table, 0, 8 * sizeof(*table));
	health_init(&r->health, &r->conf, table, 8, r->now, 1700000000000ULL + r->now / RIG_MS);
	rig_hop(r, 0, 0);
	health_probe(&r->health, 0, 200, 2000, r->now);
	health_lock(&r->health, 0, 20, r->now);
	r = restarted(r, table);
	assert_int_equal(state_of(r), KEDGE_HOP_LOCKED);
	assert_in_range(health_quiet_ns(&r->health, 0), r->now + 19 * RIG_S, r->now + 20 * RIG_S);
	pass(r, 30, 200);
	assert_int_equal(state_of(r), KEDGE_HOP_UP);
	fails(r, 3);
	pass(r, 320, 200);
	fails(r, 2); /* a relapse */
	pass(r, 300, 200);
	r = restarted(r, table);
	assert_int_equal(state_of(r), KEDGE_HOP_DOWN);
	assert_int_equal(r->health.hop[0].breaker.relapses, 1);
	pass(r, 270, 200);
	assert_int_equal(state_of(r), KEDGE_HOP_DOWN); /* ten minutes, and those before count */
	pass(r, 100, 200);
	assert_int_equal(state_of(r), KEDGE_HOP_TRIAL);
	pass(r, 30, 200);
	while (health_percent(&r->health, 0) < 10)
		pass(r, 10, 200);
	r = restarted(r, table);
	assert_int_equal(state_of(r), KEDGE_HOP_TRIAL);
	assert_int_equal(health_percent(&r->health, 0), 10);
	pass(r, 200, 200);
	assert_int_equal(state_of(r), KEDGE_HOP_UP);
	r = restarted(r, table);
	fails(r, 3);
	assert_int_equal(r->health.hop[0].breaker.relapses, 2);
	free(table);
	free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row),
		cmocka_unit_test(every_pair),
		cmocka_unit_test(window),
		cmocka_unit_test(a_stray_503_is_nothing),
		cmocka_unit_test(probes_in_turn),
		cmocka_unit_test(min_uptime),
		cmocka_unit_test(ramp),
		cmocka_unit_test(ramp_waits),
		cmocka_unit_test(relapse),
		cmocka_unit_test(calls_from_before),
		cmocka_unit_test(forgotten),
		cmocka_unit_test(invite_silent),
		cmocka_unit_test(failback_by_hand),
		cmocka_unit_test(failback_at_night),
		cmocka_unit_test(as_quick_as_it_gets),
		cmocka_unit_test(retry_after),
		cmocka_unit_test(retry_after_is_no_failure),
		cmocka_unit_test(retry_after_settings),
		cmocka_unit_test(lock_that_ends_badly),
		cmocka_unit_test(restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
