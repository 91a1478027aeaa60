// SPDX-License-Identifier: MIT
#include "tests/harness/speech.h"

#include <math.h>
#include <string.h>

#include "media/g711.h"

enum { VOICES = 8, SECONDS = 8, SAMPLES = SECONDS * SPEECH_RATE, HALF = SPEECH_FRAME / 2 };

static int16_t linear[VOICES][SAMPLES];
static uint8_t coded[2][VOICES][SAMPLES]; /* PCMU, PCMA; lowest bit 0 */

static uint32_t mix(uint32_t x)
{
	x ^= x >> 16;
	x *= 0x7feb352du;
	x ^= x >> 15;
	x *= 0x846ca68bu;
	return x ^ x >> 16;
}

static uint8_t encode_ulaw(int16_t sample)
{
	int s = sample, sign = s < 0 ? 0x80 : 0, exponent = 7;

	s = (s < 0 ? -s : s) + 132;
	if (s > 32767)
		s = 32767;
	while (exponent > 0 && !(s & (0x80 << exponent)))
		exponent--;
	return ~(sign | exponent << 4 | (s >> (exponent + 3) & 15));
}

static uint8_t encode_alaw(int16_t sample)
{
	int s = sample, sign = s < 0 ? 0 : 0x80, exponent = 7;

	s = s < 0 ? ~s : s;
	while (exponent > 0 && !(s & (0x80 << exponent)))
		exponent--;
	return (sign | exponent << 4 | (s >> (exponent ? exponent + 3 : 4) & 15)) ^ 0x55;
}

int16_t speech_decode(uint8_t pt, uint8_t byte)
{
	if (pt == SPEECH_PCMU) {
		int b = ~byte & 0xff, m = ((b & 15) << 3) + 132;

		m = (m << (b >> 4 & 7)) - 132;
		return b & 0x80 ? -m : m;
	}
	int b = byte ^ 0x55, e = b >> 4 & 7, m = (b & 15) << 4 | 8;

	if (e)
		m = (m | 0x100) << (e - 1);
	return b & 0x80 ? m : -m;
}

/* A two-pole resonator: one formant. */
struct formant {
	double y1, y2;
};

static double resonate(struct formant *f, double in, double hz, double width)
{
	double r = exp(-M_PI * width / SPEECH_RATE), c = 2 * r * cos(2 * M_PI * hz / SPEECH_RATE);
	double y = (1 - r) * in + c * f->y1 - r * r * f->y2;

	f->y2 = f->y1;
	f->y1 = y;
	return y;
}

static const double vowel[][3] = { /* Hz: a e i o u */
	{ 730, 1090, 2440 }, { 530, 1840, 2480 }, { 270, 2290, 3010 }, { 570, 840, 2410 }, { 300, 870, 2240 },
};

/* One voice: 8 s of syllables of 180-300 ms, every sixth a breath. */
static void speak(int voice)
{
	struct formant f[3] = { 0 };
	uint32_t seed = mix(voice + 1), left = 0, length = 1;
	double phase = 0, base = 95 + 17 * voice, target[3], at[3];

	memcpy(at, vowel[0], sizeof at);
	memcpy(target, vowel[0], sizeof target);
	for (int i = 0; i < SAMPLES; i++) {
		if (!left) {
			seed = mix(seed + 0x9e3779b9u);
			left = length = SPEECH_RATE * (180 + seed % 120) / 1000;
			memcpy(target, vowel[(seed >> 8) % 5], sizeof target);
		}
		double x = 1 - (double)left-- / length, loud = (seed >> 16) % 6 ? sin(M_PI * x) : 0.02;
		double pitch = base * (1.15 - 0.2 * x), out = 0;

		phase += pitch / SPEECH_RATE;
		phase -= floor(phase);
		double in = (phase < 0.6 ? 1 - 2 * phase : -0.2) + ((int)(mix(seed + i) & 1023) - 512) / 4096.0;
		for (int k = 0; k < 3; k++) {
			at[k] += (target[k] - at[k]) * 0.003;
			out += resonate(&f[k], in, at[k], 60 + 40 * k) / (k + 1);
		}
		linear[voice][i] = (int16_t)fmax(-30000, fmin(30000, 22000 * loud * out));
		coded[0][voice][i] = encode_ulaw(linear[voice][i]) & 0xfe;
		coded[1][voice][i] = encode_alaw(linear[voice][i]) & 0xfe;
	}
}

void speech_init(void)
{
	for (int v = 0; v < VOICES; v++)
		speak(v);
}

/* Voice and first place of an end of a call. */
static void locate(uint32_t call, uint8_t end, int *voice, uint32_t *first)
{
	uint32_t h = mix(call * 256 + end + 1);

	*voice = h % VOICES;
	*first = (h >> 3) % SAMPLES;
}

int16_t speech_sample(uint32_t call, uint8_t end, uint64_t place)
{
	uint32_t first;
	int voice;

	locate(call, end, &voice, &first);
	return linear[voice][(first + place) % SAMPLES];
}

static uint32_t check_of(const struct speech_stamp *s)
{
	return mix(mix(s->call * 256 + s->end) + s->index) & 0xffffff;
}

static void put_bits(uint8_t **at, uint32_t value, int bits)
{
	while (bits--)
		*(*at)++ |= value >> bits & 1;
}

static uint32_t get_bits(const uint8_t **at, int bits)
{
	uint32_t value = 0;

	while (bits--)
		value = value << 1 | (*(*at)++ & 1);
	return value;
}

void speech_packet(const struct speech_stamp *s, uint8_t pt, uint8_t out[SPEECH_FRAME])
{
	uint32_t first, place;
	int voice;

	locate(s->call, s->end, &voice, &first);
	place = (first + (uint64_t)s->index * SPEECH_FRAME) % SAMPLES;
	for (int i = 0; i < SPEECH_FRAME; i++)
		out[i] = coded[pt == SPEECH_PCMA][voice][(place + i) % SAMPLES];
	for (uint8_t *at = out; at < out + SPEECH_FRAME;) {
		put_bits(&at, s->call, 24);
		put_bits(&at, s->end, 8);
		put_bits(&at, s->index, 24);
		put_bits(&at, check_of(s), 24);
	}
}

static bool read_half(const uint8_t *at, struct speech_stamp *s)
{
	s->call = get_bits(&at, 24);
	s->end = get_bits(&at, 8);
	s->index = get_bits(&at, 24);
	return get_bits(&at, 24) == check_of(s);
}

bool speech_read(const uint8_t payload[SPEECH_FRAME], struct speech_stamp *s)
{
	struct speech_stamp a, b;
	bool first = read_half(payload, &a), second = read_half(payload + HALF, &b);

	if (!first && !second)
		return false;
	if (first && second && (a.call != b.call || a.end != b.end || a.index != b.index))
		return false;
	*s = first ? a : b;
	return true;
}

/* The first bytes tell nearly all that it is not: they carry the call's number. */
static bool starts_so(const struct speech_stamp *s, const uint8_t *table, uint8_t said, const uint8_t *payload)
{
	uint32_t first, place;
	int voice;

	locate(s->call, s->end, &voice, &first);
	place = (first + (uint64_t)s->index * SPEECH_FRAME) % SAMPLES;
	for (int i = 0; i < 4; i++)
		if (table[coded[said == SPEECH_PCMA][voice][(place + i) % SAMPLES] | (s->call >> (23 - i) & 1)] != payload[i])
			return false;
	return true;
}

bool speech_turned(const uint8_t payload[SPEECH_FRAME], uint8_t pt, uint32_t call, uint32_t first, uint32_t count, struct speech_stamp *s)
{
	const uint8_t *table = pt == SPEECH_PCMU ? g711_to_pcmu : g711_to_pcma;
	uint8_t said[SPEECH_FRAME], law = pt == SPEECH_PCMU ? SPEECH_PCMA : SPEECH_PCMU;

	for (uint32_t index = first; index < first + count; index++)
		for (uint8_t end = 1; end < 16; end++) {
			*s = (struct speech_stamp){ call & 0xffffff, index, end };
			if (!starts_so(s, table, law, payload))
				continue;
			speech_packet(s, law, said);
			g711_turn(table, said, sizeof said);
			if (!memcmp(said, payload, sizeof said))
				return true;
		}
	return false;
}
