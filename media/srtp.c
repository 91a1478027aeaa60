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
#include "routing/shm/seq.h"

#define RTCP_LEAST 8 /* bytes of the shortest RTCP packet */
#define INDEX_RTCP 0x7fffffffu

struct secure {
	srtp_t tx, rx, old; /* NULL: no key */
	struct kedge_end_run *run;
	const struct kedge_end_slot *slot; /* for its keys */
	uint64_t tx_tag, rx_tag;           /* of the master keys; 0: none */

	uint64_t tx_least; /* no packet below goes */
	uint64_t tx_base;  /* SECURE_UNUSED: nothing was sent under the key */
	uint32_t tx_ssrc;  /* of the context's stream */
	bool tx_recovered; /* tx_base is the predecessor's: the counter is not set yet */

	bool heard;        /* something authenticated under rx */
	uint8_t tries;     /* guesses left */
	uint8_t next_ssrc; /* place in ssrc[] */
	uint8_t rtcp_tail; /* bytes between an SRTCP packet's index and its end */
	uint32_t rx_ssrc, rtcp_ssrc;
	uint64_t rx_index;   /* highest of rx_ssrc; SECURE_UNUSED */
	uint64_t hint;       /* highest before: another key's, the predecessor's; SECURE_UNUSED */
	uint64_t least;      /* of least_ssrc no packet below is heard: the predecessor may have heard it */
	uint64_t least_rtcp; /* the same of SRTCP */
	uint32_t least_ssrc, least_rtcp_ssrc;
	uint32_t ssrc[SECURE_STREAMS]; /* streams libsrtp made */

	uint64_t old_until_ns;
};

#define GET(word)    atomic_load_explicit(&(word), memory_order_relaxed)
#define SET(word, x) atomic_store_explicit(&(word), x, memory_order_relaxed)

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
static void stream_remove(srtp_t context, uint32_t ssrc)
{
	srtp_remove_stream(context, htonl(ssrc));
}

/* One more stream under the key of now. */
static bool stream_add(struct secure *s, bool tx, uint32_t ssrc)
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

static enum secure_result result_of(srtp_err_status_t status)
{
	switch (status) {
	case srtp_err_status_ok:
		return SECURE_OK;
	case srtp_err_status_replay_fail:
	case srtp_err_status_replay_old:
	case srtp_err_status_pkt_idx_old:
		return SECURE_REPLAY;
	case srtp_err_status_auth_fail:
	case srtp_err_status_cant_check: /* SRTCP that is not encrypted */
	case srtp_err_status_no_ctx:
		return SECURE_AUTH;
	case srtp_err_status_key_expired:
	case srtp_err_status_alloc_fail:
		return SECURE_NO_KEY;
	default:
		return SECURE_MALFORMED;
	}
}

/* ---- keys come and go ------------------------------------------------------------------------ */

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
	if (known) {
		if (s->tx != NULL)
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

/* ---- what is sent ---------------------------------------------------------------------------- */

bool secure_sends(const struct secure *s)
{
	return s != NULL && s->tx != NULL;
}

/* The line has another SSRC than the context was made for: numbers begin anew. */
static bool tx_stream(struct secure *s, uint32_t ssrc)
{
	if (ssrc == s->tx_ssrc)
		return true;
	if (!stream_add(s, true, ssrc))
		return false;
	stream_remove(s->tx, s->tx_ssrc);
	s->tx_ssrc = ssrc;
	s->tx_base = SECURE_UNUSED;
	s->tx_least = 0;
	s->tx_recovered = false;
	SET(s->run->tx_base, SECURE_UNUSED);
	SET(s->run->tx_rtcp_index, 0);
	return true;
}

/* The first packet under the key, or the first one since a restart. */
static void tx_begin(struct secure *s, uint64_t index)
{
	if (s->tx_base == SECURE_UNUSED) {
		s->tx_base = index >> 16;
		s->tx_least = s->tx_base << 16; /* what comes late from before a rollover has no number */
		SET(s->run->tx_base, s->tx_base);
	} else if (s->tx_recovered) {
		s->tx_recovered = false;
		srtp_set_stream_roc(s->tx, s->tx_ssrc, (uint32_t)((index >> 16) - s->tx_base));
	}
}

enum secure_result secure_protect(struct secure *s, uint8_t *data, size_t *len, uint64_t index)
{
	srtp_err_status_t status;
	int n = (int)*len;

	if (s == NULL || s->tx == NULL)
		return SECURE_NO_KEY;
	if (!tx_stream(s, rtp_get32(data + 8)))
		return SECURE_NO_KEY;
	if (index < s->tx_least)
		return SECURE_REPLAY;
	if (s->tx_base == SECURE_UNUSED || s->tx_recovered)
		tx_begin(s, index);
	status = srtp_protect(s->tx, data, &n);
	*len = (size_t)n;
	return result_of(status);
}

enum secure_result secure_protect_rtcp(struct secure *s, uint8_t *data, size_t *len)
{
	srtp_err_status_t status;
	int n = (int)*len;

	if (s == NULL || s->tx == NULL)
		return SECURE_NO_KEY;
	if (*len < RTCP_LEAST)
		return SECURE_MALFORMED;
	if (rtp_get32(data + 4) != s->tx_ssrc) /* of an SSRC that is gone: its numbers would begin anew, and repeat */
		return SECURE_NO_KEY;
	status = srtp_protect_rtcp(s->tx, data, &n);
	if (status != srtp_err_status_ok)
		return result_of(status);
	*len = (size_t)n;
	SET(s->run->tx_rtcp_index, rtp_get32(data + n - s->rtcp_tail - 4) & INDEX_RTCP);
	return SECURE_OK;
}

/* ---- what is heard --------------------------------------------------------------------------- */

/* Which packet a sequence number means, near the highest one (RFC 3711 A). */
static uint64_t index_near(uint64_t highest, uint16_t sequence)
{
	int64_t step = (int16_t)(sequence - (uint16_t)highest);

	return step < 0 && (uint64_t)-step > highest ? sequence : highest + (uint64_t)step;
}

/* A stream that libsrtp keeps from now on; the oldest goes for it. */
static void note_stream(struct secure *s, uint32_t ssrc)
{
	uint8_t place;

	for (int i = 0; i < SECURE_STREAMS; i++)
		if (s->ssrc[i] == ssrc)
			return;
	place = s->next_ssrc++ % SECURE_STREAMS;
	if (s->ssrc[place] == s->rx_ssrc)
		place = s->next_ssrc++ % SECURE_STREAMS;
	if (s->ssrc[place] != 0)
		stream_remove(s->rx, s->ssrc[place]);
	s->ssrc[place] = ssrc;
}

static void first_heard(struct secure *s, uint64_t now_ns)
{
	if (s->heard)
		return;
	s->heard = true;
	if (s->old != NULL && s->old_until_ns > now_ns + SECURE_OLD_NS)
		s->old_until_ns = now_ns + SECURE_OLD_NS;
}

static void store_heard(struct secure *s, uint32_t ssrc, uint64_t index)
{
	struct kedge_end_run *run = s->run;

	if (ssrc != s->rx_ssrc || s->rx_index == SECURE_UNUSED) {
		s->rx_ssrc = ssrc;
		SET(run->rx_srtp, SECURE_UNUSED);
		atomic_store_explicit(&run->rx_ssrc, (uint64_t)ssrc << 32 | s->rtcp_ssrc, memory_order_release);
	}
	s->rx_index = index;
	atomic_store_explicit(&run->rx_srtp, index, memory_order_release);
}

static void heard_rtp(struct secure *s, uint32_t ssrc, uint16_t sequence, uint64_t now_ns)
{
	uint32_t roc = 0;
	uint64_t index;

	first_heard(s, now_ns);
	if (ssrc == s->rx_ssrc && s->rx_index != SECURE_UNUSED) {
		index = index_near(s->rx_index, sequence);
		if (index > s->rx_index)
			store_heard(s, ssrc, index);
		return;
	}
	note_stream(s, ssrc);
	srtp_get_stream_roc(s->rx, ssrc, &roc);
	store_heard(s, ssrc, (uint64_t)roc << 16 | sequence);
}

struct packet { /* as it came: opening it in vain may have changed it */
	uint8_t *data;
	size_t *len, kept_len;
};

static _Thread_local uint8_t kept[SECURE_MAX];

static void keep(struct packet *p)
{
	memcpy(kept, p->data, *p->len);
	p->kept_len = *p->len;
}

static void again(struct packet *p)
{
	memcpy(p->data, kept, p->kept_len);
	*p->len = p->kept_len;
}

static enum secure_result open_rtp(srtp_t rx, struct packet *p)
{
	int n = (int)*p->len;
	enum secure_result r = result_of(srtp_unprotect(rx, p->data, &n));

	*p->len = (size_t)n;
	return r;
}

/* With this rollover counter? Its stream stays only if so. */
static enum secure_result open_at(struct secure *s, struct packet *p, uint32_t ssrc, uint32_t roc)
{
	enum secure_result r;
	bool added = false;

	again(p);
	if (srtp_set_stream_roc(s->rx, ssrc, roc) != srtp_err_status_ok) {
		if (!stream_add(s, false, ssrc))
			return SECURE_NO_KEY;
		added = true;
		srtp_set_stream_roc(s->rx, ssrc, roc);
	}
	r = open_rtp(s->rx, p);
	if (r != SECURE_OK && added)
		stream_remove(s->rx, ssrc);
	else if (r != SECURE_OK)
		srtp_set_stream_roc(s->rx, ssrc, 0);
	return r;
}

static enum secure_result open_guessing(struct secure *s, struct packet *p, uint32_t ssrc, uint16_t sequence)
{
	uint64_t hint = s->hint == SECURE_UNUSED ? 0 : s->hint;
	uint32_t roc = (uint32_t)(hint >> 16), near = (uint32_t)(index_near(hint, sequence) >> 16);
	const uint32_t guess[3] = { near, roc, roc + 1 };
	enum secure_result r = SECURE_AUTH;

	for (int i = 0; i < 3 && r != SECURE_OK; i++) {
		if (guess[i] == 0 || (i > 0 && guess[i] == guess[0]) || s->tries == 0)
			continue;
		s->tries--;
		r = open_at(s, p, ssrc, guess[i]);
	}
	return r == SECURE_OK ? SECURE_OK : SECURE_AUTH;
}

static bool old_lives(const struct secure *s, uint64_t now_ns)
{
	return s->old != NULL && now_ns < s->old_until_ns;
}

enum secure_result secure_unprotect(struct secure *s, uint8_t *data, size_t *len, uint64_t now_ns)
{
	struct packet p = { .data = data, .len = len };
	enum secure_result r = SECURE_NO_KEY;
	uint16_t sequence;
	uint32_t ssrc;

	if (s == NULL || (s->rx == NULL && s->old == NULL))
		return SECURE_NO_KEY;
	if (*len < RTP_HEADER || *len > SECURE_MAX)
		return SECURE_MALFORMED;
	sequence = rtp_get16(data + 2);
	ssrc = rtp_get32(data + 8);
	if (s->least != 0 && ssrc == s->least_ssrc &&
	    index_near(s->rx_index != SECURE_UNUSED ? s->rx_index : s->least, sequence) < s->least)
		return SECURE_REPLAY;
	if (!s->heard || s->old != NULL)
		keep(&p);
	if (s->rx != NULL)
		r = open_rtp(s->rx, &p);
	if (r == SECURE_AUTH && !s->heard)
		r = open_guessing(s, &p, ssrc, sequence);
	if (r == SECURE_OK) {
		heard_rtp(s, ssrc, sequence, now_ns);
		return r;
	}
	if (old_lives(s, now_ns)) {
		again(&p);
		if (open_rtp(s->old, &p) == SECURE_OK)
			return SECURE_OK;
	}
	return r;
}

static void heard_rtcp(struct secure *s, uint32_t ssrc, uint32_t index)
{
	struct kedge_end_run *run = s->run;

	note_stream(s, ssrc);
	if (ssrc != s->rtcp_ssrc) {
		s->rtcp_ssrc = ssrc;
		SET(run->rx_srtcp, 0);
		atomic_store_explicit(&run->rx_ssrc, (GET(run->rx_ssrc) & ~0xffffffffULL) | ssrc, memory_order_release);
	}
	if (index > GET(run->rx_srtcp))
		SET(run->rx_srtcp, index);
}

enum secure_result secure_unprotect_rtcp(struct secure *s, uint8_t *data, size_t *len, uint64_t now_ns)
{
	enum secure_result r = SECURE_NO_KEY;
	struct packet p = { .data = data, .len = len };
	uint32_t ssrc, index;
	int n = (int)*len;

	if (s == NULL || (s->rx == NULL && s->old == NULL))
		return SECURE_NO_KEY;
	if (*len < RTCP_LEAST + 4u + 10u || *len > SECURE_MAX)
		return SECURE_MALFORMED;
	ssrc = rtp_get32(data + 4);
	index = rtp_get32(data + *len - s->rtcp_tail - 4) & INDEX_RTCP;
	if (s->least_rtcp > 1 && ssrc == s->least_rtcp_ssrc && index < s->least_rtcp)
		return SECURE_REPLAY;
	if (s->old != NULL)
		keep(&p);
	if (s->rx != NULL)
		r = result_of(srtp_unprotect_rtcp(s->rx, data, &n));
	if (r == SECURE_OK) {
		*len = (size_t)n;
		heard_rtcp(s, ssrc, index);
		return r;
	}
	if (old_lives(s, now_ns)) {
		again(&p);
		n = (int)*len;
		if (result_of(srtp_unprotect_rtcp(s->old, data, &n)) == SECURE_OK) {
			*len = (size_t)n;
			return SECURE_OK;
		}
	}
	return r;
}
