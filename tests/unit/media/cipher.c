// SPDX-License-Identifier: MIT
/* media/cipher: vectors of the RFCs; libsrtp with the ciphers put in against libsrtp as it comes. Sessions made before
 * cipher_install() keep libsrtp's own ciphers, so both kinds speak with each other in one process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <srtp2/srtp.h>

#include "media/cipher.h"
#include "media/rtp.h"

#define PAYLOAD 160
#define ROOM    2048
#define SSRC    0xdecafbadu

typedef void (*policy_fn)(srtp_crypto_policy_t *);

static const struct kind {
	const char *name;
	policy_fn rtp, rtcp;
	int key_len;
} kinds[] = {
	{ "AES_CM_128_HMAC_SHA1_80", srtp_crypto_policy_set_rtp_default, srtp_crypto_policy_set_rtp_default, 30 },
	{ "AES_CM_128_HMAC_SHA1_32", srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32, srtp_crypto_policy_set_rtp_default, 30 },
	{ "AES_192_CM_HMAC_SHA1_80", srtp_crypto_policy_set_aes_cm_192_hmac_sha1_80, srtp_crypto_policy_set_aes_cm_192_hmac_sha1_80, 38 },
	{ "AES_256_CM_HMAC_SHA1_80", srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80, srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80, 46 },
	{ "AES_256_CM_HMAC_SHA1_32", srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32, srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80, 46 },
	{ "AEAD_AES_128_GCM", srtp_crypto_policy_set_aes_gcm_128_16_auth, srtp_crypto_policy_set_aes_gcm_128_16_auth, 28 },
	{ "AEAD_AES_128_GCM_8", srtp_crypto_policy_set_aes_gcm_128_8_auth, srtp_crypto_policy_set_aes_gcm_128_8_auth, 28 },
	{ "AEAD_AES_256_GCM", srtp_crypto_policy_set_aes_gcm_256_16_auth, srtp_crypto_policy_set_aes_gcm_256_16_auth, 44 },
};
#define KINDS (sizeof(kinds) / sizeof(*kinds))

enum { SENDS, HEARS };
static srtp_t stock[KINDS][2], ours[KINDS][2];

static uint8_t *key_of(size_t kind)
{
	static uint8_t key[64];

	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(kind * 37 + i * 11 + 1);
	return key;
}

static srtp_t session(const struct kind *k, uint8_t *key, srtp_ssrc_type_t type)
{
	srtp_policy_t p = { .ssrc = { type, 0 }, .key = key };
	srtp_t s;

	k->rtp(&p.rtp);
	k->rtcp(&p.rtcp);
	assert_int_equal(srtp_create(&s, &p), srtp_err_status_ok);
	return s;
}

static void sessions(srtp_t out[KINDS][2], bool hot)
{
	for (size_t i = 0; i < KINDS; i++)
		for (int way = 0; way < 2; way++) {
			if (hot)
				cipher_hot();
			out[i][way] = session(&kinds[i], key_of(i), way == SENDS ? ssrc_any_outbound : ssrc_any_inbound);
		}
}

static void close_all(srtp_t list[KINDS][2])
{
	for (size_t i = 0; i < KINDS; i++)
		for (int way = 0; way < 2; way++)
			assert_int_equal(srtp_dealloc(list[i][way]), srtp_err_status_ok);
}

static int set_up(void **state)
{
	const char *why;

	cipher_start();
	sessions(stock, false);
	assert_int_equal(cipher_install(&why), 0);
	assert_null(why);
	assert_int_equal(cipher_install(&why), 0); /* once more is no harm */
	sessions(ours, true);
	return 0;
}

static int tear_down(void **state)
{
	close_all(stock);
	close_all(ours);
	return 0;
}

/* ---- packets --------------------------------------------------------------------------------- */

struct packet {
	_Alignas(4) uint8_t data[ROOM];
	int len;
};

/* extended: CSRCs and a header extension. */
static struct packet rtp(uint16_t sequence, int payload, bool extended)
{
	struct packet p = { .len = RTP_HEADER };
	struct rtp h = { .sequence = sequence, .timestamp = sequence * 160u, .ssrc = SSRC, .payload_type = 8 };

	p.data[0] = extended ? 0x92 : 0x80;
	rtp_write(p.data, &h);
	if (extended) {
		rtp_set32(p.data + 12, 1);
		rtp_set32(p.data + 16, 2);
		rtp_set32(p.data + 20, 0xbede0001u);
		rtp_set32(p.data + 24, 0x10aa0000u);
		p.len = 28;
	}
	for (int i = 0; i < payload; i++)
		p.data[p.len++] = (uint8_t)(sequence + i * 7);
	return p;
}

static struct packet rtcp(int blocks)
{
	struct packet p = { .len = 8 + 24 * blocks };

	p.data[0] = (uint8_t)(0x80 | blocks);
	p.data[1] = RTCP_RR;
	rtp_set16(p.data + 2, (uint16_t)(p.len / 4 - 1));
	rtp_set32(p.data + 4, SSRC);
	for (int i = 8; i < p.len; i++)
		p.data[i] = (uint8_t)i;
	return p;
}

static void same(const struct packet *a, const struct packet *b)
{
	assert_int_equal(a->len, b->len);
	assert_memory_equal(a->data, b->data, (size_t)a->len);
}

/* Protected by the one and by the other it is the same packet; each opens the other's. */
static void both_ways(size_t kind, const struct packet *clear)
{
	struct packet a = *clear, b = *clear;

	assert_int_equal(srtp_protect(stock[kind][SENDS], a.data, &a.len), srtp_err_status_ok);
	assert_int_equal(srtp_protect(ours[kind][SENDS], b.data, &b.len), srtp_err_status_ok);
	assert_true(a.len > clear->len);
	same(&a, &b);
	assert_int_equal(srtp_unprotect(ours[kind][HEARS], a.data, &a.len), srtp_err_status_ok);
	assert_int_equal(srtp_unprotect(stock[kind][HEARS], b.data, &b.len), srtp_err_status_ok);
	same(&a, clear);
	same(&b, clear);
}

static void both_ways_rtcp(size_t kind, const struct packet *clear)
{
	struct packet a = *clear, b = *clear;

	assert_int_equal(srtp_protect_rtcp(stock[kind][SENDS], a.data, &a.len), srtp_err_status_ok);
	assert_int_equal(srtp_protect_rtcp(ours[kind][SENDS], b.data, &b.len), srtp_err_status_ok);
	same(&a, &b);
	assert_int_equal(srtp_unprotect_rtcp(ours[kind][HEARS], a.data, &a.len), srtp_err_status_ok);
	assert_int_equal(srtp_unprotect_rtcp(stock[kind][HEARS], b.data, &b.len), srtp_err_status_ok);
	same(&a, clear);
	same(&b, clear);
}

/* ---- against libsrtp as it comes --------------------------------------------------------------- */

/* Over two roll-overs, with RTCP between, every length up to a long packet, extensions. */
static void same_as_stock(void **state)
{
	for (size_t kind = 0; kind < KINDS; kind++) {
		uint32_t number = 65000;

		for (int i = 0; i < 3000; i++) {
			struct packet p = rtp((uint16_t)number, i % 5 == 0 ? i % 1400 : PAYLOAD, i % 7 == 0), c = rtcp(i % 4);

			both_ways(kind, &p);
			if (i % 50 == 0)
				both_ways_rtcp(kind, &c);
			number += i % 100 == 99 ? 1000 : 1; /* steps no sender makes often: three rollovers in 3,000 packets */
		}
		assert_true(number >= 65536 + 20000);
	}
}

/* Out of order within the window, and each only once. */
static void replays(void **state)
{
	for (size_t kind = 0; kind < KINDS; kind++) {
		srtp_t tx = session(&kinds[kind], key_of(100 + kind), ssrc_any_outbound);
		srtp_t rx = session(&kinds[kind], key_of(100 + kind), ssrc_any_inbound);
		struct packet p[64], c = rtcp(1), again;

		for (int i = 0; i < 64; i++) {
			p[i] = rtp((uint16_t)(65500 + i), PAYLOAD, false);
			assert_int_equal(srtp_protect(tx, p[i].data, &p[i].len), srtp_err_status_ok);
		}
		for (int i = 0; i < 64; i++) {
			again = p[i ^ 1];
			assert_int_equal(srtp_unprotect(rx, again.data, &again.len), srtp_err_status_ok);
		}
		for (int i = 0; i < 64; i++) {
			again = p[i];
			assert_int_equal(srtp_unprotect(rx, again.data, &again.len), srtp_err_status_replay_fail);
		}
		assert_int_equal(srtp_protect_rtcp(tx, c.data, &c.len), srtp_err_status_ok);
		again = c;
		assert_int_equal(srtp_unprotect_rtcp(rx, c.data, &c.len), srtp_err_status_ok);
		assert_int_equal(srtp_unprotect_rtcp(rx, again.data, &again.len), srtp_err_status_replay_fail);
		srtp_dealloc(tx);
		srtp_dealloc(rx);
	}
}

/* Any bit of header, payload or tag. A changed sequence number or SSRC is another packet; all others fail. */
static void flipped_bits(void **state)
{
	for (size_t kind = 0; kind < KINDS; kind++) {
		srtp_t tx = session(&kinds[kind], key_of(200 + kind), ssrc_any_outbound);
		srtp_t rx = session(&kinds[kind], key_of(200 + kind), ssrc_any_inbound);
		struct packet sent = rtp(7, 40, true), c = rtcp(1);

		assert_int_equal(srtp_protect(tx, sent.data, &sent.len), srtp_err_status_ok);
		assert_int_equal(srtp_protect_rtcp(tx, c.data, &c.len), srtp_err_status_ok);
		for (int bit = 0; bit < sent.len * 8; bit++) {
			struct packet p = sent;

			p.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_not_equal(srtp_unprotect(rx, p.data, &p.len), srtp_err_status_ok);
		}
		for (int bit = 0; bit < c.len * 8; bit++) {
			struct packet p = c;

			p.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_not_equal(srtp_unprotect_rtcp(rx, p.data, &p.len), srtp_err_status_ok);
		}
		assert_int_equal(srtp_unprotect(rx, sent.data, &sent.len), srtp_err_status_ok);
		assert_int_equal(srtp_unprotect_rtcp(rx, c.data, &c.len), srtp_err_status_ok);
		srtp_dealloc(tx);
		srtp_dealloc(rx);
	}
}

/* Many sessions take turns on the thread's borrowed contexts: RTCP of each, with keys of their own. */
static void take_turns(void **state)
{
	enum { PAIRS = 50 };
	static srtp_t tx[PAIRS], rx[PAIRS];

	for (size_t i = 0; i < PAIRS; i++) {
		tx[i] = session(&kinds[i % KINDS], key_of(i), ssrc_any_outbound); /* none has a context of its own */
		rx[i] = session(&kinds[i % KINDS], key_of(i), ssrc_any_inbound);
	}
	for (uint16_t n = 0; n < 20; n++)
		for (size_t i = 0; i < PAIRS; i++) {
			struct packet clear = rtp(n, PAYLOAD, false), p = clear, c = rtcp(2), d = c;

			assert_int_equal(srtp_protect(tx[i], p.data, &p.len), srtp_err_status_ok);
			assert_int_equal(srtp_protect_rtcp(tx[i], d.data, &d.len), srtp_err_status_ok);
			assert_int_equal(srtp_unprotect(rx[i], p.data, &p.len), srtp_err_status_ok);
			assert_int_equal(srtp_unprotect_rtcp(rx[i], d.data, &d.len), srtp_err_status_ok);
			same(&p, &clear);
			same(&d, &c);
		}
	for (size_t i = 0; i < PAIRS; i++) {
		srtp_dealloc(tx[i]);
		srtp_dealloc(rx[i]);
	}
}

/* ---- vectors ----------------------------------------------------------------------------------- */

static void from_hex(const char *hex, uint8_t *out, size_t len)
{
	assert_int_equal(strlen(hex), 2 * len);
	for (size_t i = 0; i < len; i++) {
		unsigned x;

		assert_int_equal(sscanf(hex + 2 * i, "%2x", &x), 1);
		out[i] = (uint8_t)x;
	}
}

/* Through the type libsrtp uses now: a cipher by its id, keyed, one IV. */
static void keystream(const srtp_cipher_test_case_t *v, int key_len, uint8_t *iv, const char *want)
{
	extern srtp_err_status_t srtp_crypto_kernel_alloc_cipher(uint32_t id, srtp_cipher_t **c, int key_len, int tag_len);
	uint32_t id = v == &cipher_vector_icm_128 ? SRTP_AES_ICM_128 : v == &cipher_vector_icm_192 ? SRTP_AES_ICM_192 : SRTP_AES_ICM_256;
	uint8_t stream[64] = { 0 }, expect[64];
	unsigned len = (unsigned)strlen(want) / 2;
	srtp_cipher_t *c;

	from_hex(want, expect, len);
	assert_int_equal(srtp_crypto_kernel_alloc_cipher(id, &c, key_len, 0), srtp_err_status_ok);
	assert_int_equal(srtp_cipher_init(c, v->key), srtp_err_status_ok);
	assert_int_equal(srtp_cipher_set_iv(c, iv, srtp_direction_encrypt), srtp_err_status_ok);
	assert_int_equal(srtp_cipher_encrypt(c, stream, &len), srtp_err_status_ok);
	assert_memory_equal(stream, expect, len);
	srtp_cipher_dealloc(c);
}

/* RFC 3711 B.2, RFC 6188 7.1 and 7.2: three blocks from the first, and what the counter gives at 0xfeff .. 0xff00. */
static void counter_mode(void **state)
{
	uint8_t iv[16] = { 0 }, late[16] = { 0 };

	keystream(&cipher_vector_icm_128, 30, iv,
	    "e03ead0935c95e80e166b16dd92b4eb4d23513162b02d0f72a43a2fe4a5f97ab"
	    "41e95b3bb0a2e8dd477901e4fca894c0");
	keystream(&cipher_vector_icm_192, 38, iv,
	    "35096cba4610028dc1b57503804ce37c5de986291dcce161d5165ec4568f5c9a"
	    "474a40c77894bc17180202272a4c264d");
	keystream(&cipher_vector_icm_256, 46, iv,
	    "92bdd28a93c3f52511c677d08b5515a49da71b2378a854f67050756ded165bac"
	    "63c4868b7096d88421b563b8c94c9a31");
	late[14] = 0xfe;
	late[15] = 0xff;
	keystream(&cipher_vector_icm_128, 30, late, "ec8cdf7398607cb0f2d21675ea9ea1e4362b7c3c6773516318a077d7fc5073ae");
}

/* RFC 3711 B.3: master key and salt to the session keys, seen by the packet they make: its keystream is AES of the cipher
 * key with the session salt, its tag HMAC-SHA1 of the authentication key (libsrtp's own reference packet). */
static void derived_keys(void **state)
{
	uint8_t master[30], clear[28], want[38];
	_Alignas(4) uint8_t data[64];
	srtp_t tx;
	int len = 28;

	from_hex("e1f97a0d3e018be0d64fa32c06de41390ec675ad498afeebb6960b3aabe6", master, 30);
	from_hex("800f1234decafbadcafebabeabababababababababababababababab", clear, 28);
	from_hex("800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb", want, 38);
	memcpy(data, clear, sizeof(clear));
	tx = session(&kinds[0], master, ssrc_any_outbound);
	assert_int_equal(srtp_protect(tx, data, &len), srtp_err_status_ok);
	assert_int_equal(len, 38);
	assert_memory_equal(data, want, 38);
	srtp_dealloc(tx);
}

/* RFC 7714 16.1.1: the session keys are given there, so the cipher is asked itself. */
static void aead(void **state)
{
	extern srtp_err_status_t srtp_crypto_kernel_alloc_cipher(uint32_t id, srtp_cipher_t **c, int key_len, int tag_len);
	static const char text[] = "47616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573";
	static const struct {
		const char *key, *sealed;
		int key_len;
		uint32_t id;
	} row[] = { { "000102030405060708090a0b0c0d0e0f000000000000000000000000",
		        "f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833"
		        "899d7f27beb16a9152cf765ee4390cce",
		        28, SRTP_AES_GCM_128 },
		{ "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f000000000000000000000000",
		    "32b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b"
		    "7aa3db36dfffd6b0f9bb7878d7a76c13",
		    44, SRTP_AES_GCM_256 } };

	for (int i = 0; i < 2; i++) {
		uint8_t key[44], iv[12], aad[12], data[54], want[54], clear[38];
		unsigned len = 38, opened;
		uint32_t tag;
		srtp_cipher_t *c;

		from_hex(row[i].key, key, (size_t)row[i].key_len);
		from_hex("51753c6580c2726f20718414", iv, 12);
		from_hex("8040f17b8041f8d35501a0b2", aad, 12);
		from_hex(text, clear, 38);
		from_hex(row[i].sealed, want, 54);
		memcpy(data, clear, 38);
		assert_int_equal(srtp_crypto_kernel_alloc_cipher(row[i].id, &c, row[i].key_len, 16), srtp_err_status_ok);
		assert_int_equal(srtp_cipher_init(c, key), srtp_err_status_ok);
		assert_int_equal(srtp_cipher_set_iv(c, iv, srtp_direction_encrypt), srtp_err_status_ok);
		assert_int_equal(srtp_cipher_set_aad(c, aad, 12), srtp_err_status_ok);
		assert_int_equal(srtp_cipher_encrypt(c, data, &len), srtp_err_status_ok);
		assert_int_equal(srtp_cipher_get_tag(c, data + len, &tag), srtp_err_status_ok);
		assert_int_equal(len + tag, 54);
		assert_memory_equal(data, want, 54);
		opened = 54;
		assert_int_equal(srtp_cipher_set_iv(c, iv, srtp_direction_decrypt), srtp_err_status_ok);
		assert_int_equal(srtp_cipher_set_aad(c, aad, 12), srtp_err_status_ok);
		assert_int_equal(srtp_cipher_decrypt(c, data, &opened), srtp_err_status_ok);
		assert_int_equal(opened, 38);
		assert_memory_equal(data, clear, 38);
		srtp_cipher_dealloc(c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counter_mode),
		cmocka_unit_test(derived_keys),
		cmocka_unit_test(aead),
		cmocka_unit_test(same_as_stock),
		cmocka_unit_test(replays),
		cmocka_unit_test(flipped_bits),
		cmocka_unit_test(take_turns),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
