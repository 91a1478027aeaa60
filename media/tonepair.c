// SPDX-License-Identifier: MIT
#include "media/tonepair.h"

#include <stdlib.h>
#include <string.h>
#include <spandsp.h>

#define BLOCK   102u /* samples spandsp looks at together */
#define SOONER  72   /* samples by which a digit's end is told sooner than its beginning, as measured: the two are known to a block */
#define GAP_MAX 4000 /* samples; more is another talk */
#define FRAME   160

static const char keys[] = "0123456789*#ABCD";

struct tonepair {
	dtmf_rx_state_t *rx;
	dtmf_tx_state_t *tx;
	uint64_t at, began;   /* samples heard; when the digit in hand began */
	uint32_t next;        /* timestamp that is expected */
	uint8_t block;        /* samples of a block that is not full */
	uint8_t code;         /* in hand; DIGIT_EVENTS: none */
	bool started;
	struct digit over;
	uint32_t quiet, left; /* samples of silence, then of all that is to be said */
	bool tones;
};

static uint8_t code_of(int key)
{
	const char *p = key ? strchr(keys, key) : NULL;

	return p ? (uint8_t)(p - keys) : DIGIT_EVENTS;
}

static void on_tone(void *user, int key, int level, int delay)
{
	struct tonepair *t = user;

	(void)level;
	(void)delay;
	if (t->code != DIGIT_EVENTS)
		t->over = (struct digit){ .event = t->code, .duration_ms = (uint16_t)((t->at - t->began + SOONER) / 8) };
	t->code = code_of(key);
	t->began = t->at;
}

void tonepair_init(void)
{
	tonepair_free(tonepair_new());
}

struct tonepair *tonepair_new(void)
{
	struct tonepair *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->rx = dtmf_rx_init(NULL, NULL, NULL);
	t->tx = dtmf_tx_init(NULL);
	if (t->rx == NULL || t->tx == NULL) {
		tonepair_free(t);
		return NULL;
	}
	dtmf_rx_set_realtime_callback(t->rx, on_tone, t);
	t->code = t->over.event = DIGIT_EVENTS;
	return t;
}

void tonepair_free(struct tonepair *t)
{
	if (t == NULL)
		return;
	if (t->rx)
		dtmf_rx_free(t->rx);
	if (t->tx)
		dtmf_tx_free(t->tx);
	free(t);
}

/* ---- heard ----------------------------------------------------------------------------------- */

/* Block by block, so that what is told is told at its end. */
static void feed(struct tonepair *t, const int16_t *samples, size_t n)
{
	while (n > 0) {
		size_t k = BLOCK - t->block < n ? BLOCK - t->block : n;

		t->at += k;
		t->block = (uint8_t)((t->block + k) % BLOCK);
		dtmf_rx(t->rx, samples, (int)k);
		samples += k;
		n -= k;
	}
}

/* Packets that are missing: what they had in them is taken to be what was before. */
static void fill_in(struct tonepair *t, uint32_t timestamp)
{
	uint32_t gap = timestamp - t->next;

	if (!t->started || gap == 0)
		return;
	dtmf_rx_fillin(t->rx, (int)(gap < GAP_MAX ? gap : 0));
	t->block = 0;
	if (gap < GAP_MAX)
		t->at += gap;
}

bool tonepair_hear(struct tonepair *t, uint8_t codec, uint32_t timestamp, const uint8_t *payload, size_t n, struct digit *over)
{
	int16_t samples[FRAME];
	bool within = t->code != DIGIT_EVENTS;

	if (t->started && (int32_t)(timestamp - t->next) < 0 && t->next - timestamp < GAP_MAX)
		return within; /* late: its time is over */
	fill_in(t, timestamp);
	t->started = true;
	t->next = timestamp + (uint32_t)n;
	while (n > 0) {
		size_t k = n < FRAME ? n : FRAME;

		for (size_t i = 0; i < k; i++)
			samples[i] = codec == KEDGE_CODEC_PCMA ? alaw_to_linear(payload[i]) : ulaw_to_linear(payload[i]);
		feed(t, samples, k);
		within = within || dtmf_rx_status(t->rx) != 0;
		payload += k;
		n -= k;
	}
	*over = t->over;
	t->over.event = DIGIT_EVENTS;
	return within;
}

/* ---- said ------------------------------------------------------------------------------------ */

void tonepair_say(struct tonepair *t, uint8_t event, uint32_t ms, uint32_t quiet_ms)
{
	t->left = 8 * (ms + quiet_ms);
	t->quiet = 8 * quiet_ms;
	t->tones = event < sizeof(keys) - 1;
	if (!t->tones)
		return;
	dtmf_tx_set_timing(t->tx, (int)ms, 0);
	dtmf_tx_put(t->tx, keys + event, 1);
}

void tonepair_hush(struct tonepair *t)
{
	t->left = 0;
	dtmf_tx_init(t->tx); /* what is left of the digit would come before the next one */
}

uint8_t tonepair_silence(uint8_t codec)
{
	return codec == KEDGE_CODEC_PCMA ? 0xd5 : 0xff;
}

/* Up to k samples of tone; what it does not make any more is silence. */
static void put_tone(struct tonepair *t, uint8_t codec, uint8_t *payload, size_t k)
{
	int16_t samples[FRAME];
	int made = t->tones && t->left > t->quiet ? dtmf_tx(t->tx, samples, (int)k) : 0;

	for (int i = 0; i < made; i++)
		payload[i] = codec == KEDGE_CODEC_PCMA ? linear_to_alaw(samples[i]) : linear_to_ulaw(samples[i]);
	memset(payload + made, tonepair_silence(codec), k - (size_t)made);
}

bool tonepair_frame(struct tonepair *t, uint8_t codec, uint8_t *payload, size_t n)
{
	if (t->left == 0)
		return false;
	while (n > 0) {
		size_t k = n < FRAME ? n : FRAME;

		put_tone(t, codec, payload, k);
		t->left = t->left > k ? t->left - (uint32_t)k : 0;
		payload += k;
		n -= k;
	}
	return true;
}
