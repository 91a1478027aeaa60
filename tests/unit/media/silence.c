// SPDX-License-Identifier: MIT
// silence: dead, or silent on purpose (A99). media_dead is 3 s; times in ms since it ought to speak, -1: never.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "media/silence.h"

#define MS    1000000ULL
#define START (60000 * MS)

static const struct {
	const char *what;
	int now, rtp, rtcp;
	bool noise, pauses, claims, dead;
} rows[] = {
	{ "it began a moment ago", 2999, -1, -1, 0, 0, 0, false },
	{ "never a packet", 3000, -1, -1, 0, 0, 0, true },
	{ "never a packet, though RTCP comes", 3000, -1, 2000, 0, 0, 0, true },
	{ "never a packet, of a codec that may pause, RTCP comes", 14000, -1, 2000, 0, 1, 0, false },
	{ "never a packet, of a codec that may pause, no RTCP", 3000, -1, -1, 0, 1, 0, true },
	{ "heard lately", 12999, 10000, -1, 0, 0, 0, false },
	{ "fell silent", 13000, 10000, -1, 0, 0, 0, true },
	{ "silent, RTCP comes", 15000, 10000, 12500, 0, 0, 0, false },
	{ "silent, RTCP stopped too", 15500, 10000, 12500, 0, 0, 0, true },
	{ "silent, RTCP says it sends", 13000, 10000, 12500, 0, 0, 1, true },
	{ "it pauses, RTCP each 5 s", 24000, 10000, 15000, 0, 1, 0, false },
	{ "it pauses, RTCP stopped", 30000, 10000, 15000, 0, 1, 0, true },
	{ "it pauses, RTCP says it sends", 13000, 10000, 12500, 0, 1, 1, true },
	{ "it pauses, never any RTCP", 13000, 10000, -1, 0, 1, 0, true },
	{ "5 s behind comfort noise", 15000, 10000, -1, 1, 0, 0, false },
	{ "half a minute behind comfort noise", 40000, 10000, -1, 1, 0, 0, true },
	{ "the same, and RTCP comes", 40000, 10000, 30000, 1, 0, 0, false },
	{ "comfort noise, RTCP says it sends", 15000, 10000, 14000, 1, 0, 1, true },
};

static void tells_death_from_silence(void **state)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct silence s = { .now_ns = START + rows[i].now * MS,
			.dead_ns = 3000 * MS,
			.since_ns = START,
			.rtp_ns = rows[i].rtp < 0 ? 0 : START + rows[i].rtp * MS,
			.rtcp_ns = rows[i].rtcp < 0 ? 0 : START + rows[i].rtcp * MS,
			.heard = rows[i].rtp >= 0,
			.noise = rows[i].noise,
			.pauses = rows[i].pauses,
			.claims = rows[i].claims };

		if (silence_dead(&s) != rows[i].dead)
			fail_msg("%s: %s", rows[i].what, rows[i].dead ? "was not found dead" : "was found dead");
	}
}

/* After a hold: what it sent before counts as spoken, and its time begins anew. */
static void begins_anew_after_a_hold(void **state)
{
	struct silence s = { .now_ns = START + 2000 * MS, .dead_ns = 3000 * MS, .since_ns = START, .rtp_ns = START - 50000 * MS, .heard = true };

	assert_false(silence_dead(&s));
	s.now_ns += 1000 * MS;
	assert_true(silence_dead(&s));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(tells_death_from_silence), cmocka_unit_test(begins_anew_after_a_hold) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
