// SPDX-License-Identifier: MIT
/* tone: each country's figures as ITU-T E.180 supplement 2 has them, measured in the samples: frequencies, levels, cadence. */
#include "media/tone.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/row.h"

#define MS 8

/* A frequency's level in dBm0 (Goertzel): a sine that just fills 16 bits is 3.14 dBm0. */
static double level(const int16_t *pcm, size_t n, double f)
{
	double c = 2 * cos(2 * M_PI * f / TONE_RATE), s1 = 0, s2 = 0, power;

	for (size_t i = 0; i < n; i++) {
		double s = pcm[i] + c * s1 - s2;

		s2 = s1;
		s1 = s;
	}
	power = (s1 * s1 + s2 * s2 - c * s1 * s2) * 2 / ((double)n * (double)n);
	return 10 * log10(power / (32767.0 * 32767.0 / 2) + 1e-12) + 3.14;
}

static bool loud(const int16_t *pcm)
{
	int64_t sum = 0;

	for (int i = 0; i < 10 * MS; i++)
		sum += abs(pcm[i]);
	return sum > 10 * MS * 1000;
}

struct figure {
	const char *name;
	double f1, f2, dbm0;
	int ms[7]; /* on, off ..; 0 ends */
};

static void check(const struct figure *g)
{
	int16_t *pcm;
	size_t count, at = 0;

	assert_int_equal(tone_make(g->name, &pcm, &count), 0);
	for (int i = 0; g->ms[i]; i++) {
		size_t n = (size_t)g->ms[i] * MS;

		assert_true(at + n <= count);
		if (loud(pcm + at) == (i % 2 != 0) || loud(pcm + at + n - 10 * MS) == (i % 2 != 0))
			fail_msg("%s: part %d is not %s", g->name, i, i % 2 ? "silent" : "loud");
		if (i % 2 == 0) {
			double one = level(pcm + at, n, g->f1), two = g->f2 ? level(pcm + at, n, g->f2) : g->dbm0;

			if (fabs(one - g->dbm0) > 0.7 || fabs(two - g->dbm0) > 0.7)
				fail_msg("%s: %.1f and %.1f dBm0", g->name, one, two);
		}
		at += n;
	}
	assert_int_equal(at, count);
	free(pcm);
}

static void figures(void **state)
{
	static const struct figure all[] = {
		{ "ringback/us", 440, 480, -13, { 2000, 4000 } },
		{ "busy/us", 480, 620, -13, { 500, 500 } },
		{ "congestion/us", 480, 620, -13, { 250, 250 } },
		{ "ringback/uk", 400, 450, -13, { 400, 200, 400, 2000 } },
		{ "busy/uk", 400, 0, -10, { 375, 375 } },
		{ "congestion/uk", 400, 0, -10, { 400, 350, 225, 525 } },
		{ "ringback/de", 425, 0, -10, { 1000, 4000 } },
		{ "busy/de", 425, 0, -10, { 480, 480 } },
		{ "ringback/fr", 440, 0, -10, { 1500, 3500 } },
		{ "ringback/es", 425, 0, -10, { 1500, 3000 } },
		{ "congestion/es", 425, 0, -10, { 200, 200, 200, 200, 200, 600 } },
		{ "ringback/it", 425, 0, -10, { 1000, 4000 } },
		{ "ringback/nl", 425, 0, -10, { 1000, 4000 } },
		{ "ringback/se", 425, 0, -10, { 1000, 5000 } },
		{ "congestion/se", 425, 0, -10, { 250, 750 } },
		{ "ringback/jp", 392, 408, -13, { 1000, 2000 } },
		{ "ringback/au", 413, 438, -13, { 400, 200, 400, 2000 } },
		{ "ringback/in", 388, 413, -13, { 400, 200, 400, 2000 } },
		{ "busy/in", 400, 0, -10, { 750, 750 } },
		{ "ringback/cn", 450, 0, -10, { 1000, 4000 } },
		{ "congestion/cn", 450, 0, -10, { 700, 700 } },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		check(&all[i]);
}

/* Whatever country the configuration lets an operator write. */
static void every_country(void **state)
{
	const char *words = row_find(row_group("profile"), "country")->min, *word;
	static const char *const tones[] = { "ringback", "busy", "congestion" };
	size_t length, count;
	int16_t *pcm;
	int i;

	for (i = 0; (word = row_word_at(words, i, &length)); i++)
		for (int k = 0; k < 3; k++) {
			char name[32];

			snprintf(name, sizeof(name), "%s/%.*s", tones[k], (int)length, word);
			if (tone_make(name, &pcm, &count) < 0)
				fail_msg("no %s", name);
			assert_true(loud(pcm) && !loud(pcm + count - 10 * MS));
			free(pcm);
		}
	assert_true(i >= 12);
}

static void special(void **state)
{
	static const struct {
		const char *name;
		double f[3];
		int ms[3];
	} all[] = {
		{ "sit/intercept", { 913.8, 1370.6, 1776.7 }, { 274, 274, 380 } },
		{ "sit/vacant", { 985.2, 1370.6, 1776.7 }, { 380, 274, 380 } },
		{ "sit/reorder", { 913.8, 1428.5, 1776.7 }, { 274, 380, 380 } },
		{ "sit/no-circuit", { 985.2, 1428.5, 1776.7 }, { 380, 380, 380 } },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		size_t count, at = 0;
		int16_t *pcm;

		assert_int_equal(tone_make(all[i].name, &pcm, &count), 0);
		for (int k = 0; k < 3; k++) {
			size_t n = (size_t)all[i].ms[k] * MS;

			assert_true(fabs(level(pcm + at, n, all[i].f[k]) + 14) < 1);
			at += n;
		}
		assert_true(at < count && !loud(pcm + at));
		free(pcm);
	}
}

static void unknown(void **state)
{
	size_t count;
	int16_t *pcm;

	assert_int_equal(tone_make("ringback/xx", &pcm, &count), -2);
	assert_int_equal(tone_make("/uk", &pcm, &count), -2);
	assert_int_equal(tone_make("sit/", &pcm, &count), -2);
	assert_int_equal(tone_make("", &pcm, &count), -2);
}

/* Low, and no tone. */
static void comfort(void **state)
{
	size_t count;
	int16_t *pcm;
	double sum = 0;

	assert_int_equal(tone_comfort(&pcm, &count), 0);
	for (size_t i = 0; i < count; i++)
		sum += (double)pcm[i] * pcm[i];
	sum = 10 * log10(sum / (double)count / (32767.0 * 32767.0 / 2)) + 3.14;
	assert_true(fabs(sum - TONE_COMFORT_DBM0) < 2);
	free(pcm);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(figures), cmocka_unit_test(every_country), cmocka_unit_test(special),
		cmocka_unit_test(unknown), cmocka_unit_test(comfort) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
