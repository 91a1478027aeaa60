// SPDX-License-Identifier: MIT
#include "bench/relay_keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "config/clock.h"
#include "routing/shm/seq.h"

static unsigned length(uint8_t suite)
{
	static const uint8_t bytes[KEDGE_SUITE_COUNT] = {
#define S(name, key, salt) [KEDGE_SUITE_##name] = (key) + (salt),
		KEDGE_SUITES(S)
#undef S
	};

	return bytes[suite];
}

int keys_make(struct load *l, unsigned side)
{
	const char *why = NULL;

	if (l->suite[side] == KEDGE_SUITE_NONE)
		return 0;
	if (secure_start(&why) < 0) {
		fprintf(stderr, "load: SRTP: %s\n", why);
		return -EPROTO;
	}
	l->key[side] = aligned_alloc(KEDGE_LINE, l->calls * sizeof(struct load_key));
	if (l->key[side] == NULL)
		return -ENOMEM;
	memset(l->key[side], 0, l->calls * sizeof(struct load_key));
	for (uint32_t call = 0; call < l->calls; call++) {
		struct load_key *k = &l->key[side][call];

		k->len = length(l->suite[side]);
		if (getrandom(k->sends, k->len, 0) != (ssize_t)k->len)
			return -EIO;
	}
	return 0;
}

void keys_drop(struct load *l, unsigned side)
{
	if (l->key[side] == NULL)
		return;
	for (uint32_t call = 0; call < l->calls; call++)
		secure_close(&l->key[side][call].secure);
	free(l->key[side]);
}

const uint8_t *load_key_sent(const struct load *l, uint32_t call, unsigned side, unsigned *len)
{
	*len = l->key[side][call].len;
	return l->key[side][call].sends;
}

void load_key_heard(struct load *l, uint32_t call, unsigned side, const uint8_t *key)
{
	struct load_key *k = &l->key[side][call];
	struct kedge_keys keys = { .suite = l->suite[side], .tx_len = (uint8_t)k->len, .rx_len = (uint8_t)k->len };

	memcpy(k->hears, key, k->len);
	memcpy(keys.tx, k->sends, k->len);
	memcpy(keys.rx, k->hears, k->len);
	seq_write(&k->slot.keys, &keys);
	if (secure_follow(&k->secure, &k->slot, l->suite[side], LOAD_SSRC + 2 * call + side, clock_mono_ns()) < 0) {
		fputs("load: no SRTP context\n", stderr);
		exit(1);
	}
}

static struct secure *of_stream(const struct load *l, uint32_t stream, unsigned side)
{
	return l->key[side] != NULL ? l->key[side][stream / 2].secure : NULL;
}

bool keys_protect(struct load *l, uint32_t stream, uint8_t *data, size_t *len, uint64_t index)
{
	struct secure *s = of_stream(l, stream, stream % 2);

	return s == NULL || secure_protect(s, data, len, index) == SECURE_OK;
}

bool keys_protect_rtcp(struct load *l, uint32_t stream, uint8_t *data, size_t *len)
{
	struct secure *s = of_stream(l, stream, stream % 2);

	return s == NULL || secure_protect_rtcp(s, data, len) == SECURE_OK;
}

bool keys_open(struct load *l, unsigned side, uint32_t of, uint8_t *data, size_t *len)
{
	struct secure *s = of != 0 ? of_stream(l, of - 1, side) : NULL;

	return s == NULL || secure_unprotect(s, data, len, clock_mono_ns()) == SECURE_OK;
}

bool keys_open_rtcp(struct load *l, unsigned side, uint32_t of, uint8_t *data, size_t *len)
{
	struct secure *s = of != 0 ? of_stream(l, of - 1, side) : NULL;

	return s == NULL || secure_unprotect_rtcp(s, data, len, clock_mono_ns()) == SECURE_OK;
}
