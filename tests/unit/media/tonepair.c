// SPDX-License-Identifier: MIT
// tonepair: every digit said in either law is heard as itself, once, with its length; speech is none.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "media/tonepair.h"
#include "routing/shm/layout.h"
#include "tests/harness/speech.h"

static struct tonepair *mouth, *ear;
static uint32_t timestamp;
static unsigned leaked, muted; /* packets with tones in them that were not known for it; that were */

static int begin(void **state)
{
	(void)state;
	tonepair_init();
	mouth = tonepair_new();
	ear = tonepair_new();
	timestamp = 0xffffff00u;
	leaked = muted = 0;
	return mouth && ear ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	tonepair_free(mouth);
	tonepair_free(ear);
	return 0;
}

/* Says one digit with a packet of silence before and five behind; returns how many were heard, the last in *d. lost: packets. */
static unsigned pass(uint8_t codec, uint8_t event, uint32_t ms, unsigned shift, unsigned lost, struct digit *d)
{
	uint8_t audio[16000], *p = audio + 160 + shift;
	unsigned heard = 0;
	struct digit over;

	memset(audio, tonepair_silence(codec), sizeof(audio));
	tonepair_say(mouth, event, ms, 40);
	for (; tonepair_frame(mouth, codec, p, 160); p += 160)
		;
	for (size_t i = 0; i < (size_t)(p - audio) + 800; i += 160, timestamp += 160) {
		bool tone = i + 160 > 160 + shift && i < 160 + shift + 8 * ms;

		if (lost && tone && i / 160 % lost == 0)
			continue;
		if (tonepair_hear(ear, codec, timestamp, audio + i, 160, &over))
			muted += tone;
		else
			leaked += tone;
		if (over.event < DIGIT_EVENTS) {
			*d = over;
			heard++;
		}
	}
	return heard;
}

static void said_is_heard(void **state)
{
	struct digit d = { 0 };

	(void)state;
	for (uint8_t event = 0; event < DIGIT_FLASH; event++)
		for (unsigned ms = 50; ms <= 300; ms += 50)
			for (unsigned shift = 0; shift < 160; shift += 37) {
				uint8_t codec = ms % 100 ? KEDGE_CODEC_PCMU : KEDGE_CODEC_PCMA;

				assert_int_equal(pass(codec, event, ms, shift, 0, &d), 1);
				assert_int_equal(d.event, event);
				if (abs((int)d.duration_ms - (int)ms) > 15)
					fail_msg("digit %u of %u ms: %u", event, ms, d.duration_ms);
			}
	/* Not even two packets of each digit leave before it is known. */
	assert_true(leaked < 16 * 6 * 5 * 2);
	assert_true(muted > leaked);
}

static void with_packets_missing(void **state)
{
	struct digit d = { 0 };

	(void)state;
	for (uint8_t event = 0; event < DIGIT_FLASH; event++) {
		assert_int_equal(pass(KEDGE_CODEC_PCMA, event, 240, 0, 6, &d), 1);
		assert_int_equal(d.event, event);
	}
}

static void flash_and_speech_are_none(void **state)
{
	struct digit d = { 0 };
	uint8_t payload[160];

	(void)state;
	assert_int_equal(pass(KEDGE_CODEC_PCMU, DIGIT_FLASH, 200, 0, 0, &d), 0);
	speech_init();
	for (uint32_t i = 0; i < 3000; i++, timestamp += 160) {
		speech_packet(&(struct speech_stamp){ .call = 7, .end = (uint8_t)(i / 1000), .index = i }, SPEECH_PCMU, payload);
		tonepair_hear(ear, KEDGE_CODEC_PCMU, timestamp, payload, 160, &d);
		assert_int_equal(d.event, DIGIT_EVENTS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(said_is_heard, begin, end),
		cmocka_unit_test_setup_teardown(with_packets_missing, begin, end),
		cmocka_unit_test_setup_teardown(flash_and_speech_are_none, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
