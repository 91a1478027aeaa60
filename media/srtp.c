// SPDX-License-Identifier: MIT
#include "media/srtp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <srtp2/srtp.h>

#include "media/cipher.h"
#include "media/rtp.h"
#include "media/srtp_context.h"
#include "routing/shm/seq.h"

int secure_start(const char **why)
{
	return cipher_install(why);
}

/* ---- suites ---------------------------------------------------------------------------------- */

static const struct suite {
	void (*rtp)(srtp_crypto_policy_t *), (*rtcp)(srtp_crypto_policy_t *);
	uint8_t key_len;
	uint8_t rtcp_tail; /* the tag, where it stands behind the index */
} suites[KEDGE_SUITE_COUNT] = {
	[KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80] = { srtp_crypto_policy_set_rtp_default, srtp_crypto_policy_set_rtp_default, 30, 10 },
	[KEDGE_SUITE_AES_CM_128_HMAC_SHA1_32] = { srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32, srtp_crypto_policy_set_rtp_default, 30,
	    10 }, /* SRTCP keeps the long tag (RFC 4568 6.2.2) */
	[KEDGE_SUITE_AES_256_CM_HMAC_SHA1_80] = { srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80,
	    srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80, 46, 10 },
	[KEDGE_SUITE_AES_256_CM_HMAC_SHA1_32] = { srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32,
	    srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80, 46, 10 },
	[KEDGE_SUITE_AEAD_AES_128_GCM] = { srtp_crypto_policy_set_aes_gcm_128_16_auth, srtp_crypto_policy_set_aes_gcm_128_16_auth, 28, 0 },
	[KEDGE_SUITE_AEAD_AES_256_GCM] = { srtp_crypto_policy_set_aes_gcm_256_16_auth, srtp_crypto_policy_set_aes_gcm_256_16_auth, 44, 0 },
};

/* Tells keys apart without being one; never 0. */
static uint64_t key_tag(uint8_t suite, const uint8_t *key, uint8_t len)
{
	uint8_t text[1 + 48], digest[SHA256_DIGEST_LENGTH];
	uint64_t tag;

	text[0] = suite;
	memcpy(text + 1, key, len);
	SHA256(text, 1 + len, digest);
	OPENSSL_cleanse(text, sizeof(text));
	memcpy(&tag, digest, sizeof(tag));
	return tag | 1;
}

/* What a context or a stream of one is made from; the key is the caller's. */
static srtp_policy_t policy_of(uint8_t suite, uint8_t *key, srtp_ssrc_type_t type, uint32_t ssrc)
{
	srtp_policy_t p = { .ssrc = { type, ssrc }, .key = key };

	suites[suite].rtp(&p.rtp);
	suites[suite].rtcp(&p.rtcp);
	return p;
}

static srtp_t context_new(uint8_t suite, uint8_t *key, srtp_ssrc_type_t type, uint32_t ssrc)
{
	srtp_policy_t p = policy_of(suite, key, type, ssrc);
	srtp_t s;

	cipher_hot();
	return srtp_create(&s, &p) == srtp_err_status_ok ? s : NULL;
}

static void context_free(srtp_t *s)
{
	if (*s != NULL)
		srtp_dealloc(*s);
	*s = NULL;
}

/* libsrtp takes this SSRC alone in network order. */
void secure_stream_remove(srtp_t context, uint32_t ssrc)
{
	srtp_remove_stream(context, htonl(ssrc));
}

/* One more stream under the key of now. */
bool secure_stream_add(struct secure *s, bool tx, uint32_t ssrc)
{
	struct kedge_keys k;
	srtp_policy_t p;
	bool ok = false;

	if (seq_read(&s->slot->keys, &k) == 0 && k.suite < KEDGE_SUITE_COUNT &&
	    key_tag(k.suite, tx ? k.tx : k.rx, suites[k.suite].key_len) == (tx ? s->tx_tag : s->rx_tag)) {
		p = policy_of(k.suite, tx ? k.tx : k.rx, ssrc_specific, ssrc);
		cipher_hot();
		ok = srtp_add_stream(tx ? s->tx : s->rx, &p) == srtp_err_status_ok;
	}
	OPENSSL_cleanse(&k, sizeof(k));
	return ok;
}

/* ---- keys come and go ------------------------------------------------------------------------ */

/* A call's SRTCP of two weeks, a tenth of a second to count up to. An end that floods may have more: all calls of the worker would
 * wait for it, and a plane that stands still for long is killed again. */
#define RTCP_COUNT_MOST (1u << 18)

/* SRTCP's number is libsrtp's own: it counts what it protects. */
static void count_up_rtcp(srtp_t tx, uint32_t ssrc, uint64_t to)
{
	for (uint64_t i = 0; i < to; i++) {
		uint32_t room[16] = { 0 };
		uint8_t *data = (uint8_t *)room;
		int len = RTCP_LEAST;

		data[0] = 0x80;
		data[1] = RTCP_RR;
		data[3] = 1;
		rtp_set32(data + 4, ssrc);
		if (srtp_protect_rtcp(tx, data, &len) != srtp_err_status_ok)
			return;
	}
}

static void tx_follow(struct secure *s, struct kedge_keys *k, uint64_t tag, uint32_t ssrc)
{
	struct kedge_end_run *run = s->run;
	bool known = GET(run->tx_tag) == tag;

	context_free(&s->tx);
	s->tx_tag = tag;
	if (tag == 0) /* the numbers stay: the key may come again */
		return;
	s->tx_ssrc = ssrc;
	s->tx_base = known ? GET(run->tx_base) : SECURE_UNUSED;
	s->tx_recovered = s->tx_base != SECURE_UNUSED;
	s->tx_least = s->tx_recovered ? GET(run->tx_index) + 1 : 0;
	s->tx = context_new(k->suite, k->tx, ssrc_specific, ssrc);
	s->tx_rtcp_over = known && GET(run->tx_rtcp_index) > RTCP_COUNT_MOST;
	if (known) {
		if (s->tx != NULL && !s->tx_rtcp_over)
			count_up_rtcp(s->tx, ssrc, GET(run->tx_rtcp_index));
		return;
	}
	/* First what the numbers are, then whose: who goes on from here never takes another key's. */
	SET(run->tx_base, SECURE_UNUSED);
	SET(run->tx_rtcp_index, 0);
	atomic_store_explicit(&run->tx_tag, tag, memory_order_release);
}

static void rx_keep_old(struct secure *s, uint64_t now_ns)
{
	if (s->rx == NULL || !s->heard) {
		context_free(&s->rx);
		return;
	}
	context_free(&s->old);
	s->old = s->rx;
	s->rx = NULL;
	s->old_until_ns = now_ns + SECURE_WAIT_NS;
}

/* Goes on where a predecessor was, or this one before its key was gone for a while. */
static void rx_recover(struct secure *s)
{
	const struct kedge_end_run *run = s->run;
	uint64_t ssrc = GET(run->rx_ssrc);

	s->hint = GET(run->rx_srtp);
	if (s->hint != SECURE_UNUSED) {
		s->least = s->hint + 1;
		s->least_ssrc = (uint32_t)(ssrc >> 32);
	}
	s->least_rtcp = GET(run->rx_srtcp) + 1;
	s->rtcp_ssrc = s->least_rtcp_ssrc = (uint32_t)ssrc;
}

static void rx_follow(struct secure *s, struct kedge_keys *k, uint64_t tag, uint64_t now_ns)
{
	struct kedge_end_run *run = s->run;

	rx_keep_old(s, now_ns);
	s->rx_tag = tag;
	if (tag == 0)
		return;
	s->heard = false;
	s->tries = SECURE_TRIES;
	s->forged_ns[0] = s->forged_ns[1] = 0; /* what was no key's may be this one's */
	if (s->rx_index != SECURE_UNUSED)
		s->hint = s->rx_index;
	s->rx_index = SECURE_UNUSED;
	s->rtcp_ssrc = 0;
	s->least = s->least_rtcp = 0;
	memset(s->ssrc, 0, sizeof(s->ssrc));
	s->rx = context_new(k->suite, k->rx, ssrc_any_inbound, 0);
	if (GET(run->rx_tag) == tag) {
		rx_recover(s);
		return;
	}
	SET(run->rx_srtp, SECURE_UNUSED);
	SET(run->rx_srtcp, 0);
	SET(run->rx_ssrc, 0);
	atomic_store_explicit(&run->rx_tag, tag, memory_order_release);
}

static struct secure *secure_new(struct kedge_end_slot *slot)
{
	struct secure *s = calloc(1, sizeof(*s));

	if (s != NULL)
		*s = (struct secure){ .run = &slot->run, .slot = slot, .tx_base = SECURE_UNUSED, .rx_index = SECURE_UNUSED, .hint = SECURE_UNUSED };
	return s;
}

/* A key of another length is none. */
static uint64_t tag_of(const struct kedge_keys *k, uint8_t suite, const uint8_t *key, uint8_t len)
{
	if (suite == KEDGE_SUITE_NONE || suite >= KEDGE_SUITE_COUNT || k->suite != suite || len != suites[suite].key_len)
		return 0;
	return key_tag(suite, key, len);
}

int secure_follow(struct secure **out, struct kedge_end_slot *slot, uint8_t suite, uint32_t line_ssrc, uint64_t now_ns)
{
	struct kedge_keys k = { 0 };
	struct secure *s;
	uint64_t tx, rx;
	bool first = *out == NULL, missing;

	if (seq_read(&slot->keys, &k) < 0)
		return -EAGAIN;
	if (first && (*out = secure_new(slot)) == NULL) {
		OPENSSL_cleanse(&k, sizeof(k));
		return -ENOMEM;
	}
	s = *out;
	tx = tag_of(&k, suite, k.tx, k.tx_len);
	rx = tag_of(&k, suite, k.rx, k.rx_len);
	if (tx != 0 || rx != 0)
		s->rtcp_tail = suites[suite].rtcp_tail;
	if (tx != s->tx_tag)
		tx_follow(s, &k, tx, line_ssrc);
	if (rx != s->rx_tag)
		rx_follow(s, &k, rx, now_ns);
	if (tx == 0 && rx == 0) /* unequal to the end's suite, or wiped: what was is over */
		context_free(&s->old);
	OPENSSL_cleanse(&k, sizeof(k));
	missing = (tx != 0 && s->tx == NULL) || (rx != 0 && s->rx == NULL);
	return missing ? -ENOMEM : 0;
}

void secure_close(struct secure **out)
{
	struct secure *s = *out;

	if (s == NULL)
		return;
	context_free(&s->tx);
	context_free(&s->rx);
	context_free(&s->old);
	OPENSSL_cleanse(s, sizeof(*s));
	free(s);
	*out = NULL;
}

void secure_tick(struct secure *s, uint64_t now_ns)
{
	if (s != NULL && s->old != NULL && now_ns >= s->old_until_ns)
		context_free(&s->old);
}
