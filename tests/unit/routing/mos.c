// SPDX-License-Identifier: MIT
/* The estimate against published values: G.107 annex B (R to MOS), G.113 appendix I (Ie,eff under random loss), G.107 7.4 (delay). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <math.h>

#include "routing/mos.h"

static void near_to(const char *what, double is, double want, double by)
{
	if (!(fabs(is - want) <= by))
		fail_msg("%s: %.3f, published %.3f", what, is, want);
}

/* G.107 table B.1, and the default rating's. */
static void rating_to_score(void **state)
{
	static const struct {
		double r, mos;
	} rows[] = { { 90, 4.34 }, { 80, 4.03 }, { 70, 3.60 }, { 60, 3.10 }, { 50, 2.58 }, { 93.2, 4.41 }, { 0, 1 }, { -20, 1 }, { 100, 4.5 }, { 120, 4.5 } };

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		near_to("MOS", mos_from_rating(rows[i].r), rows[i].mos, 0.01);
	assert_true(mos_from_rating(2) >= 1); /* the curve itself dips below */
}

/* What loss costs, in R. The table was made from listening tests, the formula follows it by some points. */
static void loss_impairs(void **state)
{
	static const struct {
		const char *codec;
		double loss, ie;
	} rows[] = {
		{ "PCMU", 0, 0 }, { "PCMU", 1, 5 }, { "PCMU", 2, 7 }, { "PCMU", 3, 10 }, { "PCMU", 5, 15 }, { "PCMA", 10, 25 }, { "PCMA", 15, 35 },
		{ "G729", 0, 11 }, { "G729", 0.5, 13 }, { "G729", 1, 15 }, { "G729", 1.5, 17 }, { "G729", 2, 19 }, { "G729", 4, 26 }, { "g729", 8, 36 },
		{ "G723", 0, 15 }, { "G723", 1, 19 }, { "G723", 2, 24 }, { "G723", 4, 32 },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		near_to(rows[i].codec, 93.2 - mos_rating(rows[i].codec, rows[i].loss, 50), rows[i].ie, 2.5);
}

static void delay_impairs(void **state)
{
	static const struct {
		double ms, r;
	} rows[] = { { 0, 93.2 }, { 100, 93.2 }, { 150, 93.0 }, { 200, 90.2 }, { 300, 78.4 }, { 400, 69.1 }, { 500, 62.6 } };

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		near_to("R by delay", mos_rating("PCMU", 0, rows[i].ms), rows[i].r, 0.1);
}

static void a_stream(void **state)
{
	struct mos_stream s = { .codec = "PCMA", .packets = 920, .lost = 80 };

	(void)state;
	near_to("8 % lost", mos_of(&s), 3.60, 0.05);
	s.lost = 0;
	near_to("nothing lost", mos_of(&s), 4.41, 0.02);
	s.codec = "opus";
	near_to("a codec that is not known", mos_of(&s), 4.2, 0.1);
	s.codec = NULL;
	assert_true(mos_of(&s) > 4);
	s.packets = MOS_PACKETS - 1;
	near_to("no measure", mos_of(&s), 0, 0);
}

static void ways_and_buffer(void **state)
{
	struct mos_stream s = { .codec = "PCMU", .packets = 1000 };

	(void)state;
	near_to("nothing known", mos_delay_ms(&s), 110, 0.1);
	s.rtt_us[0] = 20000;
	near_to("one way known", mos_delay_ms(&s), 95, 0.1);
	s.rtt_us[1] = 600000;
	s.jitter_us = 60000;
	near_to("a satellite and jitter", mos_delay_ms(&s), 10 + 300 + 20 + 120, 0.1);
	assert_true(mos_of(&s) < 3.4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rating_to_score), cmocka_unit_test(loss_impairs), cmocka_unit_test(delay_impairs),
		cmocka_unit_test(a_stream), cmocka_unit_test(ways_and_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
