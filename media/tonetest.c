// SPDX-License-Identifier: MIT
#include "media/tonetest.h"

#include <math.h>
#include <spandsp.h>

#include "media/end.h"
#include "media/tone.h"

#define RATE   8000.0
#define MOST   480   /* samples looked at: 60 ms */
#define PURE   0.7   /* share of the power that lies at TONE_CANARY_HZ */
#define LOUD   300.0 /* mean amplitude of a sine, of 32767: some -35 dBm0 */

static int16_t linear(uint8_t codec, uint8_t byte)
{
	return codec == KEDGE_CODEC_PCMU ? ulaw_to_linear(byte) : alaw_to_linear(byte);
}

/* Goertzel: the power at one frequency, beside the whole. */
bool tonetest_is(uint8_t codec, const uint8_t *payload, size_t n)
{
	const double c = 2 * cos(2 * M_PI * TONE_CANARY_HZ / RATE);
	double a = 0, b = 0, power = 0, tone;

	if ((codec != KEDGE_CODEC_PCMU && codec != KEDGE_CODEC_PCMA) || n < TONETEST_LEAST)
		return false;
	if (n > MOST)
		n = MOST;
	for (size_t i = 0; i < n; i++) {
		double x = linear(codec, payload[i]), next = x + c * a - b;

		b = a;
		a = next;
		power += x * x;
	}
	tone = 2 * (a * a + b * b - c * a * b) / (double)n;
	return power > (double)n * LOUD * LOUD / 2 && tone > PURE * power;
}

bool tonetest_packet(struct end *from, const struct rtp *h, const uint8_t *data)
{
	bool is;

	if (from->told & KEDGE_TOLD_TONE)
		return false;
	is = h->payload_type == from->want.audio_pt && tonetest_is(from->want.codec, data + rtp_header(data), h->payload);
	from->tones = is ? (uint8_t)(from->tones + 1) : 0;
	if (from->tones >= TONETEST_PACKETS)
		from->told |= KEDGE_TOLD_TONE;
	return false;
}
