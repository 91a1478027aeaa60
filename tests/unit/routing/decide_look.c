// SPDX-License-Identifier: MIT
/* What was known when a call was decided is in its record, and stays as it was (A33 A101). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/unit/routing/rig.h"

static struct decide_looks *lend(struct rig *r)
{
	uint16_t room = decide_looks_wanted(&r->plan, &r->health);
	struct decide_looks *l = calloc(1, DECIDE_LOOKS_SIZE(room));

	l->room = room;
	r->decide.looks = l;
	return l;
}

static void as_it_stood(void **state)
{
	struct rig *r = rig_new(3);
	struct decide_looks *l;
	uint16_t slot = r->health.trunk[0].hop[0];
	char text[DECIDE_RECORD_MAX];

	health_heard(&r->health, slot, 20000, r->now);
	health_success(&r->health, slot, true, r->now);
	r->now += 5 * RIG_S;
	rig_call(r, "4420");
	l = lend(r);
	assert_int_equal(rig_next(r), DECIDE_TRY);
	assert_int_equal(l->count, 3);
	assert_int_equal(l->look[0].hop, slot);
	assert_int_equal(l->look[0].heard_ms, 5000);
	assert_int_equal(l->look[0].fail_ms, DECIDE_LOOK_NEVER);
	assert_int_equal(l->look[0].at_ms, 0);
	assert_int_equal(l->look[2].heard_ms, DECIDE_LOOK_NEVER);
	assert_int_equal(r->decide.attempt[0].look, 0);

	/* What it was decided by is not what is true after its end. */
	r->now += 70 * RIG_MS;
	rig_status(r, 0, 503);
	assert_int_equal(rig_next(r), DECIDE_TRY);
	assert_int_equal(l->count, 4);
	assert_int_equal(l->look[3].hop, slot);
	assert_int_equal(l->look[3].at_ms, 70);
	assert_int_equal(l->look[3].consecutive, 1);
	assert_int_equal(l->look[0].consecutive, 0);
	assert_int_equal(r->decide.attempt[0].look, 0);
	assert_int_equal(r->decide.attempt[1].look, 1);

	/* Two thousand failures later the record says the same. */
	for (int i = 0; i < 2000; i++)
		health_outcome(&r->health, slot, &(struct health_outcome){ .cause = CAUSE_SILENT, .health = CAUSE_F, .begun_ns = r->now }, r->now);
	rig_status(r, 1, 486);
	assert_int_equal(rig_next(r), DECIDE_FINAL);
	assert_true(decide_record(&r->decide, &r->health, &r->step.final, text, sizeof(text)) < sizeof(text));
	assert_non_null(strstr(text, "\"trunk\":\"t0\",\"hop\":\"127.0.2.1:5060\",\"at_ms\":0.0,"));
	assert_non_null(strstr(text, "\"row\":\"503 no Retry-After\",\"then\":\"next\",\"counts\":\"F+L\""));
	assert_non_null(strstr(text, "\"row\":\"486-487\",\"then\":\"stop\",\"counts\":\"O\""));
	assert_non_null(strstr(text, "\"hops\":[{\"at_ms\":0,\"target\":0,\"hop\":\"127.0.2.1:5060\",\"state\":\"UP\""));
	assert_non_null(strstr(text, "\"failures\":0,\"failed_ms\":-1,\"heard_ms\":5000"));
	free(l);
	free(r);
}

static void bounded(void **state)
{
	struct rig *r = rig_new(2);
	struct decide_looks *l;
	uint16_t slot = r->health.trunk[0].hop[0];

	rig_call(r, "4420");
	l = lend(r);
	assert_int_equal(l->room, 2 + DECIDE_LOOKS_MORE);
	for (int i = 0; i < 20; i++) {
		r->health.hop[slot].consecutive++;
		decide_look_all(&r->decide, &r->health, r->now);
		decide_look_all(&r->decide, &r->health, r->now);
	}
	assert_int_equal(l->count, l->room);
	assert_true(l->missed >= 20 - DECIDE_LOOKS_MORE);
	free(l);
	free(r);
}

/* Without room nothing is kept, and nothing else changes. */
static void none_lent(void **state)
{
	struct rig *r = rig_new(2);
	char text[DECIDE_RECORD_MAX];

	rig_call(r, "4420");
	assert_int_equal(rig_next(r), DECIDE_TRY);
	assert_int_equal(r->decide.attempt[0].look, DECIDE_NONE);
	decide_record(&r->decide, &r->health, NULL, text, sizeof(text));
	assert_null(strstr(text, "hops"));
	free(r);
}

/* The wait that ended an attempt is named, with its length. */
static void timers(void **state)
{
	struct rig *r = rig_new(2);
	char text[DECIDE_RECORD_MAX];
	uint8_t cause;
	uint64_t due;

	rig_call(r, "4420");
	assert_int_equal(rig_next(r), DECIDE_TRY);
	rig_reply(r, 0, 100);
	r->now += 8 * RIG_S;
	assert_int_equal(decide_due(&r->decide, &r->health, 0, r->now, &cause, &due), DECIDE_DUE_GIVE_UP);
	assert_int_equal(r->decide.attempt[0].timer, DECIDE_TIMER_PROGRESS);
	decide_outcome(&r->decide, &r->health, 0, &(struct decide_outcome){ .cause = cause }, r->now);
	assert_int_equal(rig_next(r), DECIDE_TRY);
	rig_reply(r, 1, 180);
	r->now += 120 * RIG_S;
	assert_int_equal(decide_due(&r->decide, &r->health, 1, r->now, &cause, &due), DECIDE_DUE_GIVE_UP);
	decide_record(&r->decide, &r->health, NULL, text, sizeof(text));
	assert_non_null(strstr(text, "\"timer\":\"progress\",\"timer_ms\":8000"));
	assert_non_null(strstr(text, "\"timer\":\"ring\",\"timer_ms\":120000"));
	free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_it_stood),
		cmocka_unit_test(bounded),
		cmocka_unit_test(none_lent),
		cmocka_unit_test(timers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
