// SPDX-License-Identifier: MIT
// tonetest: the test tone is known in either law, and nothing else that a line may carry is taken for it.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <spandsp.h>

#include "media/prompt.h"
#include "media/tone.h"
#include "media/tonepair.h"
#include "media/tonetest.h"
#include "routing/shm/layout.h"

#define PACKET 160

/* How many packets of a sound are the tone. */
static unsigned tones(uint8_t codec, const int16_t *pcm, size_t count, double gain)
{
	unsigned n = 0;

	for (size_t at = 0; at + PACKET <= count; at += PACKET) {
		uint8_t packet[PACKET];

		for (size_t i = 0; i < PACKET; i++) {
			int16_t x = (int16_t)lrint(pcm[at + i] * gain);

			packet[i] = codec == KEDGE_CODEC_PCMA ? linear_to_alaw(x) : linear_to_ulaw(x);
		}
		n += tonetest_is(codec, packet, PACKET);
	}
	return n;
}

static void knows_it(void **state)
{
	size_t count;
	int16_t *pcm;

	assert_int_equal(tone_make("canary", &pcm, &count), 0);
	for (uint8_t codec = KEDGE_CODEC_PCMU; codec <= KEDGE_CODEC_PCMA; codec++) {
		assert_int_equal(tones(codec, pcm, count, 1), count / PACKET);
		assert_int_equal(tones(codec, pcm, count, 0.1), count / PACKET); /* 20 dB were lost on the way */
		assert_int_equal(tones(codec, pcm, count, 0.001), 0);
		assert_int_equal(tones(codec, pcm, count, 0), 0);
	}
	free(pcm);
}

static void nothing_else(void **state)
{
	static const char *const others[] = { "milliwatt", "ringback/uk", "busy/uk", "congestion/uk", "ringback/us", "busy/us", "sit/intercept", "sit/vacant", "sit/reorder",
		"sit/no-circuit" };
	size_t count;
	int16_t *pcm;

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (tone_make(others[i], &pcm, &count) < 0)
			continue;
		assert_true(tones(KEDGE_CODEC_PCMA, pcm, count, 1) == 0);
		free(pcm);
	}
	assert_int_equal(tone_comfort(&pcm, &count), 0);
	assert_int_equal(tones(KEDGE_CODEC_PCMU, pcm, count, 1), 0);
	free(pcm);
}

static void no_digit(void **state)
{
	struct tonepair *mouth;
	uint8_t packet[PACKET];

	tonepair_init();
	mouth = tonepair_new();
	assert_non_null(mouth);
	for (uint8_t event = 0; event < 16; event++) {
		tonepair_say(mouth, event, 100, 40);
		while (tonepair_frame(mouth, KEDGE_CODEC_PCMU, packet, PACKET))
			assert_false(tonetest_is(KEDGE_CODEC_PCMU, packet, PACKET));
	}
	tonepair_free(mouth);
}

static void only_what_can_be_heard(void **state)
{
	uint8_t packet[PACKET];

	memset(packet, 0x55, sizeof(packet));
	assert_false(tonetest_is(KEDGE_CODEC_PCMA, packet, 0));
	assert_false(tonetest_is(KEDGE_CODEC_PCMA, packet, sizeof(packet)));
	assert_false(tonetest_is(KEDGE_CODEC_OTHER, packet, sizeof(packet)));
	assert_false(tonetest_is(KEDGE_CODEC_G722, packet, sizeof(packet)));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(knows_it), cmocka_unit_test(nothing_else), cmocka_unit_test(no_digit),
		cmocka_unit_test(only_what_can_be_heard) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
