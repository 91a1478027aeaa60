// SPDX-License-Identifier: MIT
/* signs (A79 A82 A141 A151): what is said after how much evidence, and when it is over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "routing/signs.h"

#define LIMIT 500

static uint32_t figure;

static enum signs_verdict rtt(struct signs *s, uint32_t ms, unsigned times)
{
	enum signs_verdict v = SIGNS_STAY;

	for (unsigned i = 0; i < times; i++)
		v = signs_rtt(s, ms, LIMIT, &figure);
	return v;
}

static void one_late_answer_says_nothing(void **state)
{
	struct signs s = { 0 };

	rtt(&s, 20, 9);
	assert_int_equal(rtt(&s, 900, 1), SIGNS_STAY);
	for (unsigned i = 0; i < 40; i++)
		assert_int_equal(rtt(&s, 20, 1), SIGNS_STAY);
	assert_int_equal(rtt(&s, 900, 1), SIGNS_STAY);
}

static void slow_takes_ten(void **state)
{
	struct signs s = { 0 };

	assert_int_equal(rtt(&s, 612, 9), SIGNS_STAY);
	assert_int_equal(rtt(&s, 700, 1), SIGNS_RAISE);
	assert_int_equal(figure, 612);
	assert_int_equal(rtt(&s, 612, 5), SIGNS_STAY);
	/* 80 % of the limit is 400: ten below it in a row */
	assert_int_equal(rtt(&s, 399, 9), SIGNS_STAY);
	assert_int_equal(rtt(&s, 400, 1), SIGNS_STAY);
	assert_int_equal(rtt(&s, 399, 9), SIGNS_STAY);
	assert_int_equal(rtt(&s, 399, 1), SIGNS_CLEAR);
	assert_int_equal(rtt(&s, 399, 1), SIGNS_STAY);
}

static void at_the_limit_is_not_over_it(void **state)
{
	struct signs s = { 0 };

	for (unsigned i = 0; i < 30; i++)
		assert_int_equal(rtt(&s, LIMIT, 1), SIGNS_STAY);
	assert_int_equal(rtt(&s, LIMIT + 1, 1), SIGNS_STAY);
	assert_int_equal(rtt(&s, 70000, 1), SIGNS_RAISE); /* two of ten */
}

static enum signs_verdict lose(struct signs *s, uint32_t of_1000, unsigned times)
{
	enum signs_verdict v = SIGNS_STAY;

	for (unsigned i = 0; i < times; i++)
		v = signs_loss(&s->loss, 1000, of_1000, 5, &figure);
	return v;
}

static void loss_takes_ten_calls(void **state)
{
	struct signs s = { 0 };

	assert_int_equal(lose(&s, 80, 9), SIGNS_STAY);
	assert_int_equal(signs_loss(&s.loss, 49, 40, 5, &figure), SIGNS_STAY); /* no measure */
	assert_int_equal(lose(&s, 80, 1), SIGNS_RAISE);
	assert_int_equal(figure, 8);
	assert_int_equal(lose(&s, 39, 9), SIGNS_STAY);
	assert_int_equal(lose(&s, 39, 1), SIGNS_CLEAR);
}

static void loss_at_the_limit(void **state)
{
	struct signs s = { 0 };

	assert_int_equal(lose(&s, 50, 20), SIGNS_STAY);
	assert_int_equal(lose(&s, 61, 1), SIGNS_RAISE); /* 5.1 % of ten calls */
	assert_int_equal(lose(&s, 40, 30), SIGNS_STAY); /* not below 4 % */
	assert_int_equal(lose(&s, 39, 1), SIGNS_CLEAR);
}

static enum signs_verdict score(struct signs *s, uint32_t mos, unsigned times)
{
	enum signs_verdict v = SIGNS_STAY;

	for (unsigned i = 0; i < times; i++)
		v = signs_mos(&s->mos, mos, 350, &figure);
	return v;
}

static void bad_sound_takes_ten_calls(void **state)
{
	struct signs s = { 0 };

	assert_int_equal(score(&s, 350, 20), SIGNS_STAY); /* at the limit */
	assert_int_equal(score(&s, 320, 1), SIGNS_RAISE); /* the mean of ten */
	assert_int_equal(figure, 347);
	assert_int_equal(score(&s, 320, 20), SIGNS_STAY); /* told once */
	assert_int_equal(score(&s, 369, 20), SIGNS_STAY);
	assert_int_equal(score(&s, 370, 9), SIGNS_STAY);
	assert_int_equal(score(&s, 370, 1), SIGNS_CLEAR);
	signs_expired(&s, SIGNS_OF_MOS);
	assert_int_equal(score(&s, 100, 9), SIGNS_STAY);
	assert_int_equal(score(&s, 100, 1), SIGNS_RAISE);
}

/* One call's audio, so many seconds after the one before. */
static uint64_t now_s;
static enum signs_mute mute;

static enum signs_verdict audio(struct signs *s, enum signs_audio audio, uint64_t number, unsigned after_s)
{
	const struct signs_call c = { audio, number, (now_s += after_s) * 1000000000ull, 600000000000ull };

	return signs_audio(s, &c, &mute);
}

#define NONE(s, number)   audio(s, SIGNS_AUDIO_NONE, number, 1)
#define HEARD(s, number)  audio(s, SIGNS_AUDIO_HEARD, number, 1)
#define SILENT(s, number) audio(s, SIGNS_AUDIO_SILENT, number, 1)
#define SOUND(s, number)  audio(s, SIGNS_AUDIO_SOUND, number, 1)

/* Nothing speaks for it: the first one is enough. Three calls to their end clear it. */
static void the_only_call_was_mute(void **state)
{
	struct signs s = { 0 };

	assert_int_equal(NONE(&s, 1), SIGNS_RAISE);
	assert_int_equal(mute, SIGNS_MUTE_ALONE);
	assert_int_equal(SOUND(&s, 2), SIGNS_STAY);
	assert_int_equal(SOUND(&s, 3), SIGNS_STAY);
	assert_int_equal(SILENT(&s, 4), SIGNS_STAY);
	assert_int_equal(SOUND(&s, 5), SIGNS_STAY);
	assert_int_equal(SOUND(&s, 6), SIGNS_STAY);
	assert_int_equal(SOUND(&s, 7), SIGNS_CLEAR);
	assert_int_equal(NONE(&s, 8), SIGNS_STAY); /* others were heard, lately */
	assert_int_equal(audio(&s, SIGNS_AUDIO_NONE, 8, 601), SIGNS_RAISE);
}

/* A phone that never speaks, on a trunk that carries others: however often it is called. */
static void one_mute_phone_is_no_mute_trunk(void **state)
{
	struct signs s = { 0 };

	for (unsigned i = 0; i < 50; i++) {
		assert_int_equal(HEARD(&s, 100 + i), SIGNS_STAY);
		assert_int_equal(NONE(&s, 7), SIGNS_STAY);
		assert_int_equal(SOUND(&s, 100 + i), SIGNS_STAY);
	}
	/* A second one is another matter. */
	assert_int_equal(HEARD(&s, 99), SIGNS_STAY);
	assert_int_equal(NONE(&s, 8), SIGNS_RAISE);
	assert_int_equal(mute, SIGNS_MUTE_TWO);
}

static void two_of_ten_calls(void **state)
{
	struct signs s = { 0 };

	HEARD(&s, 1);
	assert_int_equal(NONE(&s, 2), SIGNS_STAY);
	for (unsigned i = 0; i < 9; i++)
		HEARD(&s, 10 + i);
	assert_int_equal(NONE(&s, 3), SIGNS_STAY); /* the eleventh */
	for (unsigned i = 0; i < 8; i++)
		HEARD(&s, 20 + i);
	assert_int_equal(NONE(&s, 4), SIGNS_RAISE); /* the tenth */
	assert_int_equal(mute, SIGNS_MUTE_TWO);
}

/* Two in a week of a quiet trunk: each is weighed with what was heard around it. */
static void long_ago_says_nothing(void **state)
{
	struct signs s = { 0 };

	HEARD(&s, 1);
	assert_int_equal(NONE(&s, 2), SIGNS_STAY);
	assert_int_equal(audio(&s, SIGNS_AUDIO_HEARD, 3, 599), SIGNS_STAY);
	assert_int_equal(NONE(&s, 4), SIGNS_STAY);
	assert_int_equal(NONE(&s, 5), SIGNS_RAISE);
}

static void three_that_fall_silent_are_one_way(void **state)
{
	struct signs s = { 0 };

	SILENT(&s, 1);
	SILENT(&s, 2);
	assert_int_equal(SOUND(&s, 3), SIGNS_STAY);
	assert_int_equal(SILENT(&s, 4), SIGNS_STAY);
	assert_int_equal(SILENT(&s, 5), SIGNS_STAY);
	HEARD(&s, 6); /* its first packet says nothing of its end */
	assert_int_equal(SILENT(&s, 6), SIGNS_RAISE);
	assert_int_equal(mute, SIGNS_MUTE_FELL);
}

static void five_short_calls_to_five_numbers(void **state)
{
	struct signs s = { 0 };

	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(signs_short(&s, true, 7), SIGNS_STAY);
	for (unsigned i = 1; i < 4; i++)
		assert_int_equal(signs_short(&s, true, 7 + i), SIGNS_STAY);
	assert_int_equal(signs_short(&s, true, 8), SIGNS_STAY);
	assert_int_equal(signs_short(&s, true, 99), SIGNS_RAISE);
	assert_int_equal(signs_short(&s, true, 100), SIGNS_STAY);
	assert_int_equal(signs_short(&s, false, 7), SIGNS_CLEAR);
	assert_int_equal(signs_short(&s, false, 7), SIGNS_STAY);
	for (unsigned i = 0; i < 4; i++)
		signs_short(&s, true, i);
	assert_int_equal(signs_short(&s, false, 5), SIGNS_STAY);
	assert_int_equal(signs_short(&s, true, 6), SIGNS_STAY);
}

static enum signs_verdict shake(struct signs *s, uint32_t us, unsigned times)
{
	enum signs_verdict v = SIGNS_STAY;

	for (unsigned i = 0; i < times; i++)
		v = signs_jitter(&s->jitter, 1000, us, 50000, &figure);
	return v;
}

static void jitter_takes_ten_calls(void **state)
{
	struct signs s = { 0 };

	assert_int_equal(shake(&s, 50000, 20), SIGNS_STAY); /* at the limit */
	assert_int_equal(signs_jitter(&s.jitter, 49, 900000, 50000, &figure), SIGNS_STAY); /* no measure */
	assert_int_equal(shake(&s, 60000, 1), SIGNS_RAISE);
	assert_int_equal(figure, 51000);
	assert_int_equal(shake(&s, 60000, 20), SIGNS_STAY); /* told once */
	assert_int_equal(shake(&s, 40000, 20), SIGNS_STAY); /* not below 80 % */
	assert_int_equal(shake(&s, 39999, 1), SIGNS_CLEAR);
	assert_int_equal(shake(&s, 60000, 5), SIGNS_STAY);
	signs_expired(&s, SIGNS_OF_JITTER);
	assert_int_equal(shake(&s, 60000, 9), SIGNS_STAY);
	assert_int_equal(shake(&s, 60000, 1), SIGNS_RAISE);
}

static void two_unheard_numbers(void **state)
{
	struct signs s = { 0 };

	assert_int_equal(signs_unheard(&s, 1), SIGNS_STAY);
	assert_int_equal(signs_unheard(&s, 1), SIGNS_STAY);
	signs_heard(&s);
	assert_int_equal(signs_unheard(&s, 2), SIGNS_STAY);
	assert_int_equal(signs_unheard(&s, 1), SIGNS_RAISE);
}

static void time_clears(void **state)
{
	struct signs s = { 0 };

	lose(&s, 80, 10);
	signs_expired(&s, SIGNS_OF_LOSS);
	assert_int_equal(lose(&s, 80, 9), SIGNS_STAY);
	assert_int_equal(lose(&s, 80, 1), SIGNS_RAISE);
	NONE(&s, 1);
	signs_expired(&s, SIGNS_OF_AUDIO);
	assert_int_equal(SILENT(&s, 2), SIGNS_STAY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_late_answer_says_nothing),
		cmocka_unit_test(slow_takes_ten),
		cmocka_unit_test(at_the_limit_is_not_over_it),
		cmocka_unit_test(loss_takes_ten_calls),
		cmocka_unit_test(loss_at_the_limit),
		cmocka_unit_test(bad_sound_takes_ten_calls),
		cmocka_unit_test(the_only_call_was_mute), cmocka_unit_test(one_mute_phone_is_no_mute_trunk), cmocka_unit_test(two_of_ten_calls),
		cmocka_unit_test(long_ago_says_nothing),
		cmocka_unit_test(three_that_fall_silent_are_one_way),
		cmocka_unit_test(five_short_calls_to_five_numbers),
		cmocka_unit_test(jitter_takes_ten_calls),
		cmocka_unit_test(two_unheard_numbers),
		cmocka_unit_test(time_clears),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
