// SPDX-License-Identifier: MIT
#include "tests/harness/secure.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <srtp2/srtp.h>

static int digit(char c)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(alphabet, c) : NULL;

	return at ? (int)(at - alphabet) : -1;
}

/* Bytes of a key, 0: it is none. */
static size_t decode(uint8_t out[64], const char *text)
{
	uint32_t bits = 0, held = 0;
	size_t n = 0;

	for (; *text && *text != '='; text++) {
		if (digit(*text) < 0 || n == 64)
			return 0;
		bits = bits << 6 | (uint32_t)digit(*text);
		held += 6;
		if (held >= 8)
			out[n++] = (uint8_t)(bits >> (held -= 8));
	}
	return n;
}

static bool policy_of(srtp_policy_t *p, const char *suite, size_t *key)
{
	static const struct {
		const char *name;
		void (*set)(srtp_crypto_policy_t *);
		size_t key;
	} known[] = { { "AES_CM_128_HMAC_SHA1_80", srtp_crypto_policy_set_rtp_default, 30 },
		{ "AES_CM_128_HMAC_SHA1_32", srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32, 30 },
		{ "AES_256_CM_HMAC_SHA1_80", srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80, 46 },
		{ "AES_256_CM_HMAC_SHA1_32", srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32, 46 },
		{ "AEAD_AES_128_GCM", srtp_crypto_policy_set_aes_gcm_128_16_auth, 28 },
		{ "AEAD_AES_256_GCM", srtp_crypto_policy_set_aes_gcm_256_16_auth, 44 } };

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (strcmp(suite, known[i].name) != 0)
			continue;
		known[i].set(&p->rtp);
		known[i].set(&p->rtcp);
		/* The short tag is RTP's alone (RFC 4568 6.2.2, 3711 5.2). */
		if (strstr(suite, "SHA1_32"))
			p->rtcp.auth_tag_len = 10;
		*key = known[i].key;
		return true;
	}
	return false;
}

static srtp_t make(const char *suite, const char *text, bool out)
{
	static bool started;
	srtp_policy_t p = { .ssrc.type = out ? ssrc_any_outbound : ssrc_any_inbound, .window_size = 1024 };
	uint8_t key[64];
	size_t length;
	srtp_t s;

	if (!started)
		srtp_init();
	started = true;
	if (!policy_of(&p, suite, &length) || decode(key, text) != length)
		return NULL;
	p.key = key;
	return srtp_create(&s, &p) == srtp_err_status_ok ? s : NULL;
}

/* Text of suite and key: whether it is another one. */
static int renew(void **at, char kept[128], const char *suite, const char *key, bool out)
{
	char now[128];
	srtp_t s;

	snprintf(now, sizeof now, "%s %s", suite, key);
	if (*at && strcmp(now, kept) == 0)
		return 0;
	s = make(suite, key, out);
	if (!s)
		return -EINVAL;
	if (*at)
		srtp_dealloc(*at);
	*at = s;
	memcpy(kept, now, sizeof now);
	return 0;
}

int secure_set(struct secure *s, const char *suite, const char *tx_key, const char *rx_key)
{
	int err = renew(&s->tx, s->tx_key, suite, tx_key, true);

	return err ? err : renew(&s->rx, s->rx_key, suite, rx_key, false);
}

void secure_clear(struct secure *s)
{
	if (s->tx)
		srtp_dealloc(s->tx);
	if (s->rx)
		srtp_dealloc(s->rx);
	*s = (struct secure){ 0 };
}

bool secure_on(const struct secure *s)
{
	return s->tx != NULL;
}

bool secure_protect(struct secure *s, bool rtcp, uint8_t *packet, size_t *size)
{
	int n = (int)*size;
	srtp_err_status_t err = rtcp ? srtp_protect_rtcp(s->tx, packet, &n) : srtp_protect(s->tx, packet, &n);

	*size = (size_t)n;
	return err == srtp_err_status_ok;
}

bool secure_unprotect(struct secure *s, bool rtcp, uint8_t *packet, size_t *size)
{
	int n = (int)*size;
	srtp_err_status_t err = rtcp ? srtp_unprotect_rtcp(s->rx, packet, &n) : srtp_unprotect(s->rx, packet, &n);

	*size = (size_t)n;
	return err == srtp_err_status_ok;
}
