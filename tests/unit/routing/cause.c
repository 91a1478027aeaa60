// SPDX-License-Identifier: MIT
/* The table of causes: every code, before and after 18x, alone and with a fallback, both presets, against an
 * expectation written from the text and in another form than the table. A3 A5 A6 A7 A8 A9 A15 A41 A42 A43. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/unit/routing/rig.h"

/* Is code in a list like "400 405-407"? */
static bool in(const char *list, unsigned code)
{
	while (*list) {
		char *end;
		unsigned long first = strtoul(list, &end, 10), last = first;

		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		if (code >= first && code <= last)
			return true;
		list = *end ? end + 1 : end;
	}
	return false;
}

/* Nothing can be repaired here, so SAME reads as NEXT. */
static bool goes_on(unsigned code, unsigned rang, bool strict)
{
	if (rang)
		return rang == 183 && in("500 502 503 504", code);
	if (strict)
		return in("300-379 381-399 408 500-599", code);
	return in("300-379 381-399 400 401 402 405-408 413 415 416 420-422 428-430 436-438 481 488 "
	          "491 493 500-599",
	    code);
}

static unsigned told(unsigned code, unsigned rang)
{
	if (code == 408)
		return rang ? 408 : 500; /* a path failure while the trunk is not DOWN: 500 */
	if (in("406 415", code))
		return 488;
	if (code == 413)
		return 513;
	if (code == 429)
		return 503;
	if (in("300-399 400-402 405 407 412 423 428 430 436-440 469 470 481 489 491 494", code))
		return 500;
	if (in("502 504 580", code))
		return code;
	return code >= 500 && code < 600 ? 500 : code;
}

static unsigned evidence(unsigned code, unsigned rang)
{
	if (code == 408)
		return rang ? 0 : CAUSE_F;
	if (code == 503)
		return CAUSE_F | CAUSE_L;
	if (code == 429)
		return CAUSE_L;
	if (in("412 417 422-425 439 440 469 470 481-483 489 491 494 580", code))
		return 0;
	if (in("400-407 413 415 416 420 421 428 436-438 488 493 501 505 513 555", code) && code != 408)
		return CAUSE_A;
	return in("430 500-599", code) ? CAUSE_F : CAUSE_O;
}

static void walk_one(struct rig *r, unsigned code, unsigned rang, bool fallback, bool strict)
{
	struct cause_event e = { .cause = CAUSE_STATUS, .code = (uint16_t)code, .best_1xx = (uint16_t)rang };
	struct cause_verdict v;

	r->trunk[0].codes_preset = strict ? CONF_PRESET_STRICT : CONF_PRESET_DEFAULT;
	r->profile[0].targets.count = fallback ? 2 : 1;
	health_init(&r->health, &r->conf, NULL, KEDGE_HOPS_MAX, r->now, 0);
	rig_hop(r, 0, 0);
	rig_hop(r, 1, 0);
	v = cause_judge(&e, &r->trunk[0]);
	if (v.health != evidence(code, rang))
		fail_msg("%u rang %u: health %u, not %u", code, rang, v.health, evidence(code, rang));

	rig_call(r, "4420");
	assert_int_equal(rig_next(r), DECIDE_TRY);
	assert_int_equal(r->step.trunk, 0);
	if (rang)
		rig_reply(r, 0, (uint16_t)rang);
	assert_true(rig_status(r, 0, (uint16_t)code));
	if (fallback && goes_on(code, rang, strict)) {
		if (rig_next(r) != DECIDE_TRY || r->step.trunk != 1)
			fail_msg("%u rang %u strict %d: no next target", code, rang, strict);
	} else {
		if (rig_next(r) != DECIDE_FINAL)
			fail_msg("%u rang %u strict %d: goes on", code, rang, strict);
		if (r->step.final.code != told(code, rang))
			fail_msg("%u rang %u strict %d: caller gets %u, not %u", code, rang, strict,
			    r->step.final.code, told(code, rang));
	}
	decide_fini(&r->decide, &r->health);
}

static void every_code(void **state)
{
	static const unsigned rang[] = { 0, 180, 183 };
	struct rig *r = rig_new(2);

	for (unsigned code = 300; code < 700; code++)
		for (unsigned k = 0; k < 3; k++)
			for (unsigned bits = 0; bits < 4; bits++)
				walk_one(r, code, rang[k], bits & 1, bits & 2);
	free(r);
}

static struct cause_verdict judge(struct rig *r, struct cause_event e)
{
	if (e.cause == CAUSE_NONE)
		e.cause = CAUSE_STATUS;
	return cause_judge(&e, &r->trunk[0]);
}

static void conditions(void **state)
{
	struct rig *r = rig_new(1);
	struct cause_verdict v;

	/* Q.850: congestion makes a path failure of 480, 17 makes a busy of 503. */
	v = judge(r, (struct cause_event){ .code = 480, .q850 = 34 });
	assert_int_equal(v.action, CAUSE_NEXT);
	assert_int_equal(v.health, CAUSE_F);
	v = judge(r, (struct cause_event){ .code = 480, .q850 = 18 });
	assert_int_equal(v.action, CAUSE_STOP);
	v = judge(r, (struct cause_event){ .code = 503, .q850 = 17 });
	assert_int_equal(v.action, CAUSE_STOP);
	assert_int_equal(v.caller, 486);
	/* Retry-After. */
	v = judge(r, (struct cause_event){ .code = 503, .retry_after_s = 30 });
	assert_int_equal(v.action, CAUSE_NEXT);
	assert_int_equal(v.health, CAUSE_L);
	v = judge(r, (struct cause_event){ .code = 500, .retry_after_s = 10 });
	assert_int_equal(v.health, 0);
	v = judge(r, (struct cause_event){ .code = 500, .retry_after_s = 11 });
	assert_int_equal(v.health, CAUSE_F);
	/* A trunk that refuses everybody says nothing about this callee. */
	v = judge(r, (struct cause_event){ .code = 403, .fault = true });
	assert_int_equal(v.action, CAUSE_NEXT);
	v = judge(r, (struct cause_event){ .code = 404, .fault = true });
	assert_int_equal(v.action, CAUSE_NEXT);
	free(r);
}

static void repairs(void **state)
{
	static const uint16_t same[] = { 300, 301, 302, 305, 401, 407, 416, 420, 422, 513 };
	struct rig *r = rig_new(1);
	struct cause_verdict v;

	for (unsigned i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		v = judge(r, (struct cause_event){ .code = same[i], .repairable = true });
		assert_int_equal(v.action, CAUSE_SAME);
		v = judge(r, (struct cause_event){ .code = same[i], .repairable = true, .repaired = true });
		assert_int_equal(v.action, CAUSE_NEXT);
	}
	v = judge(r, (struct cause_event){ .code = 491, .repairable = true });
	assert_int_equal(v.action, CAUSE_WAIT_SAME);
	v = judge(r, (struct cause_event){ .code = 486, .repairable = true });
	assert_int_equal(v.action, CAUSE_STOP);
	free(r);
}

static void own_verdicts(void **state)
{
	static const uint8_t path[] = { CAUSE_SILENT, CAUSE_NO_REPLY, CAUSE_UNREACHABLE, CAUSE_CONNECT, CAUSE_LOST };
	struct rig *r = rig_new(1);
	struct cause_verdict v;

	for (unsigned i = 0; i < sizeof(path); i++) {
		v = judge(r, (struct cause_event){ .cause = path[i] });
		assert_int_equal(v.action, CAUSE_NEXT);
		assert_int_equal(v.health, CAUSE_F);
		assert_int_equal(v.caller, CAUSE_PATH);
		assert_true(v.hop);
	}
	v = judge(r, (struct cause_event){ .cause = CAUSE_NO_PROGRESS });
	assert_int_equal(v.action, CAUSE_NEXT);
	assert_int_equal(v.health, CAUSE_F);
	assert_false(v.hop);
	v = judge(r, (struct cause_event){ .cause = CAUSE_LIMIT });
	assert_int_equal(v.action, CAUSE_NEXT);
	assert_int_equal(v.health, 0);
	/* Ringing: a hunt among PBXs goes on, a call to a carrier ends. */
	v = judge(r, (struct cause_event){ .cause = CAUSE_RING, .best_1xx = 180 });
	assert_int_equal(v.action, CAUSE_STOP);
	assert_int_equal(v.caller, 480);
	assert_int_equal(v.q850, 19);
	r->trunk[0].side = CONF_SIDE_PBX;
	v = judge(r, (struct cause_event){ .cause = CAUSE_RING, .best_1xx = 180 });
	assert_int_equal(v.action, CAUSE_NEXT);
	assert_int_equal(v.health, 0);
	free(r);
}

static void advance_after(void **state)
{
	static const struct {
		uint8_t setting;
		uint16_t rang;
		bool next;
	} rows[] = {
		{ CONF_ADVANCE_NONE, 0, true }, { CONF_ADVANCE_NONE, 183, false },
		{ CONF_ADVANCE_NONE, 180, false }, { CONF_ADVANCE_183, 183, true },
		{ CONF_ADVANCE_183, 180, false }, { CONF_ADVANCE_180, 183, true },
		{ CONF_ADVANCE_180, 180, true },
	};
	struct rig *r = rig_new(1);

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cause_verdict v;

		r->trunk[0].advance_after = rows[i].setting;
		v = judge(r, (struct cause_event){ .code = 503, .best_1xx = rows[i].rang });
		assert_int_equal(v.action, rows[i].next ? CAUSE_NEXT : CAUSE_STOP);
		v = judge(r, (struct cause_event){ .code = 501, .best_1xx = 183 });
		assert_int_equal(v.action, CAUSE_STOP);
	}
	free(r);
}

/* The most specific rule stands first, as conf sorts them. */
static void rules(void **state)
{
	struct conf_rule v[] = {
		{ CONF_RULE_MAP, 0, 403, 34, 503 },
		{ CONF_RULE_MAP, 0, 404, -1, 503 },
		{ CONF_RULE_STOP, 0, 500, -1, 0 },
		{ CONF_RULE_NEXT, 0, 480, -1, 0 },
		{ CONF_RULE_NO_COUNT, 0, 504, -1, 0 },
		{ CONF_RULE_NEXT, 5, 0, -1, 0 },
	};
	struct rig *r = rig_new(1);
	struct cause_verdict j;

	r->trunk[0].codes.rules = (struct conf_rules){ v, sizeof(v) / sizeof(v[0]) };
	j = judge(r, (struct cause_event){ .code = 403, .q850 = 34 });
	assert_int_equal(j.action, CAUSE_NEXT);
	assert_int_equal(j.code, 503);
	assert_true(j.hop);
	j = judge(r, (struct cause_event){ .code = 403 });
	assert_int_equal(j.action, CAUSE_STOP);
	assert_int_equal(j.code, 403);
	j = judge(r, (struct cause_event){ .code = 404 });
	assert_int_equal(j.health, CAUSE_F | CAUSE_L);
	j = judge(r, (struct cause_event){ .code = 500 });
	assert_int_equal(j.action, CAUSE_STOP);
	j = judge(r, (struct cause_event){ .code = 480 });
	assert_int_equal(j.action, CAUSE_NEXT);
	j = judge(r, (struct cause_event){ .code = 480, .best_1xx = 180 });
	assert_int_equal(j.action, CAUSE_STOP);
	j = judge(r, (struct cause_event){ .code = 504 });
	assert_int_equal(j.health, 0);
	assert_int_equal(j.action, CAUSE_NEXT);
	/* A rule of the operator beats the preset. */
	r->trunk[0].codes_preset = CONF_PRESET_STRICT;
	j = judge(r, (struct cause_event){ .code = 480 });
	assert_int_equal(j.action, CAUSE_NEXT);
	free(r);
}

static void strange_codes(void **state)
{
	static const uint16_t codes[] = { 0, 42, 299, 700, 999, 65535 };
	struct rig *r = rig_new(1);

	for (unsigned i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		struct cause_verdict v = judge(r, (struct cause_event){ .code = codes[i] });

		assert_int_equal(v.code, 500);
		assert_int_equal(v.action, CAUSE_NEXT);
	}
	free(r);
}

/* ---- what judged ---- */

static struct cause_verdict verdict_of(struct rig *r, unsigned code, uint32_t retry_after_s, uint16_t rang)
{
	struct cause_event e = { .cause = CAUSE_STATUS, .code = (uint16_t)code, .retry_after_s = retry_after_s, .best_1xx = rang };

	return cause_judge(&e, &r->trunk[0]);
}

static void assert_row(const struct cause_verdict *v, const char *text)
{
	char row[CAUSE_ROW_TEXT];

	assert_string_equal(cause_row_text(v->row, row), text);
}

/* Each verdict names its row, by words that no other row has. */
static void rows_have_names(void **state)
{
	char row[CAUSE_ROW_TEXT], other[CAUSE_ROW_TEXT], counts[CAUSE_HEALTH_TEXT];
	struct rig *r = rig_new(1);
	struct cause_verdict v;

	for (unsigned i = 0; i < cause_rows(); i++) {
		assert_true(strlen(cause_row_text(i, row)) > 2 && strlen(row) < CAUSE_ROW_TEXT - 1);
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(row, cause_row_text(k, other));
	}
	v = verdict_of(r, 503, 0, 0);
	assert_row(&v, "503 no Retry-After");
	assert_string_equal(cause_health_text(v.health, counts), "F+L");
	assert_string_equal(cause_action_word(v.action), "next");
	v = verdict_of(r, 503, 30, 0);
	assert_row(&v, "503 with Retry-After");
	v = verdict_of(r, 408, 0, 180);
	assert_row(&v, "408 after 18x");
	v = verdict_of(r, 408, 0, 0);
	assert_row(&v, "408 before 18x");
	v = verdict_of(r, 403, 0, 0);
	assert_row(&v, "403 trunk without config_fault");
	v = verdict_of(r, 477, 0, 0);
	assert_row(&v, "other 400-499");
	v = verdict_of(r, 487, 0, 0);
	assert_row(&v, "486-487");
	v = cause_judge(&(struct cause_event){ .cause = CAUSE_SILENT }, &r->trunk[0]);
	assert_row(&v, "silent");
	assert_string_equal(cause_health_text(0, counts), "-");
	free(r);
}

/* Who had the last word on what follows. */
static void who_decided(void **state)
{
	struct rig *r = rig_new(1);
	struct conf_rule rules[] = { { .kind = CONF_RULE_NEXT, .code = 404, .q850 = -1 }, { .kind = CONF_RULE_STOP, .code = 500, .q850 = -1 },
		{ .kind = CONF_RULE_NO_COUNT, .code = 502, .q850 = -1 } };
	struct cause_verdict v;

	assert_int_equal(verdict_of(r, 404, 0, 0).by, CAUSE_BY_ROW);
	assert_int_equal(verdict_of(r, 500, 0, 180).by, CAUSE_BY_ADVANCE);
	assert_int_equal(verdict_of(r, 302, 0, 0).by, CAUSE_BY_UNMENDED);
	v = cause_judge(&(struct cause_event){ .cause = CAUSE_STATUS, .code = 422, .repairable = true, .repaired = true }, &r->trunk[0]);
	assert_int_equal(v.by, CAUSE_BY_MENDED);
	r->trunk[0].codes_preset = CONF_PRESET_STRICT;
	assert_int_equal(verdict_of(r, 488, 0, 0).by, CAUSE_BY_STRICT);
	assert_int_equal(verdict_of(r, 503, 0, 0).by, CAUSE_BY_ROW);
	r->trunk[0].codes.rules.v = rules;
	r->trunk[0].codes.rules.count = 3;
	assert_int_equal(verdict_of(r, 404, 0, 0).by, CAUSE_BY_NEXT_RULE);
	assert_int_equal(verdict_of(r, 500, 0, 0).by, CAUSE_BY_STOP_RULE);
	v = verdict_of(r, 502, 0, 0);
	assert_true(v.no_count && !v.health);
	free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code),
		cmocka_unit_test(conditions),
		cmocka_unit_test(repairs),
		cmocka_unit_test(own_verdicts),
		cmocka_unit_test(advance_after),
		cmocka_unit_test(rules),
		cmocka_unit_test(strange_codes),
		cmocka_unit_test(rows_have_names),
		cmocka_unit_test(who_decided),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
