// SPDX-License-Identifier: MIT
/* crypto: lines of a=crypto read and written (RFC 4568 9.1); what kedge could not keep is passed over; keys are new each time. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>

#include "sig/offer/crypto.h"

static int read_line(struct crypto *c, const char *value)
{
	char copy[256];
	size_t n = strlen(value);

	memcpy(copy, value, n); /* ends where the line does: no NUL behind it */
	return crypto_read(c, (struct text){ copy, n });
}

/* The examples of RFC 4568 4.1 and 9.1, without their MKI. */
#define RFC_KEY "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
#define GCM_KEY "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw" /* 28 bytes, padding left out */

static void the_examples_of_the_rfc(void **state)
{
	struct crypto c = { 0 };

	assert_int_equal(read_line(&c, "1 AES_CM_128_HMAC_SHA1_80 inline:" RFC_KEY "|2^20"), 0);
	assert_int_equal(c.tag, 1);
	assert_int_equal(c.suite, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80);
	assert_int_equal(c.length, 30);
	assert_memory_equal(c.key, "YS___semctl () {\t220;}\n}\nunles", 30);
	assert_int_equal(read_line(&c, "999999999 aes_cm_128_hmac_sha1_32   INLINE:" RFC_KEY "|1048576\t WSH=64 -later=9"), 0);
	assert_int_equal(c.tag, 999999999);
	assert_int_equal(c.suite, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_32);
	for (unsigned padded = 0; padded < 2; padded++) {
		assert_int_equal(read_line(&c, padded ? "2 AEAD_AES_128_GCM inline:" GCM_KEY "==" : "2 AEAD_AES_128_GCM inline:" GCM_KEY), 0);
		assert_int_equal(c.length, 28);
		for (unsigned i = 0; i < 28; i++)
			assert_int_equal(c.key[i], i);
	}
}

static void what_could_not_be_kept_is_passed_over(void **state)
{
	static const char *const lines[] = {
		"1 AES_CM_128_HMAC_SHA1_80 inline:" RFC_KEY "|2^20|1:4",
		"1 AES_CM_128_HMAC_SHA1_80 inline:" RFC_KEY "|1:4",
		"1 AES_CM_128_HMAC_SHA1_80 inline:" RFC_KEY "|2^20|1:4;inline:" RFC_KEY "|2^20|2:4",
		"1 AES_CM_128_HMAC_SHA1_80 uri:https://keys.example",
		"1 AES_CM_128_HMAC_SHA1_80 inline:" RFC_KEY " UNENCRYPTED_SRTP",
		"1 AES_CM_128_HMAC_SHA1_80 inline:" RFC_KEY "|2^31 WSH=64 UNENCRYPTED_SRTCP",
		"1 AES_CM_128_HMAC_SHA1_80 inline:" RFC_KEY " UNAUTHENTICATED_SRTP",
		"1 AES_CM_128_HMAC_SHA1_80 inline:" RFC_KEY " KDR=1",
		"1 AES_CM_128_HMAC_SHA1_80 inline:" RFC_KEY " FEC_ORDER=FEC_SRTP",
		"1 AES_CM_128_HMAC_SHA1_80 inline:" RFC_KEY " later=9",
		"1 F8_128_HMAC_SHA1_80 inline:" RFC_KEY,
		"1 AES_192_CM_HMAC_SHA1_80 inline:" RFC_KEY,
		"1 NULL_HMAC_SHA1_80 inline:" RFC_KEY,
	};
	struct crypto c = { .tag = 77 };

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_int_equal(read_line(&c, lines[i]), -ENOTSUP);
	assert_int_equal(c.tag, 77);
}

static void what_is_no_line_is_refused(void **state)
{
	static const char *const lines[] = {
		"",
		"1",
		"1 AES_CM_128_HMAC_SHA1_80",
		"x AES_CM_128_HMAC_SHA1_80 inline:" RFC_KEY,
		"-1 AES_CM_128_HMAC_SHA1_80 inline:" RFC_KEY,
		"1000000000 AES_CM_128_HMAC_SHA1_80 inline:" RFC_KEY,
		"1 AES_CM_128_HMAC_SHA1_80 inline:",
		"1 AES_CM_128_HMAC_SHA1_80 inline",
		"1 AES_CM_128_HMAC_SHA1_80 inline:" RFC_KEY "AAAA",   /* too long */
		"1 AES_CM_128_HMAC_SHA1_80 inline:" GCM_KEY "==",     /* of another suite */
		"1 AEAD_AES_256_GCM inline:" RFC_KEY,
		"1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGV*",
		"2 AEAD_AES_128_GCM inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGx==", /* bits left over */
		"1 AES_CM_128_HMAC_SHA1_80 inline:" RFC_KEY "|2^49",
		"1 AES_CM_128_HMAC_SHA1_80 inline:" RFC_KEY "|0",
		"1 AES_CM_128_HMAC_SHA1_80 inline:" RFC_KEY "|ever",
		"1 AES_CM_128_HMAC_SHA1_80 inline:" RFC_KEY "|9999999999999999",
	};
	struct crypto c = { .tag = 77 };

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_int_equal(read_line(&c, lines[i]), -EINVAL);
	assert_int_equal(c.tag, 77);
}

static void every_suite_is_written_and_read_back(void **state)
{
	static const size_t length[] = { 0, 30, 30, 46, 46, 28, 44 };
	struct crypto made, other, back;
	char text[CRYPTO_TEXT];
	int n;

	for (unsigned s = 1; s < KEDGE_SUITE_COUNT; s++) {
		assert_int_equal(crypto_suite((struct text){ crypto_name(s), strlen(crypto_name(s)) }), s);
		assert_int_equal(crypto_make(&made, s, s), 0);
		assert_int_equal(crypto_make(&other, s, s), 0);
		assert_int_equal(made.length, length[s]);
		assert_memory_not_equal(made.key, other.key, made.length);
		memset(&back, 0xff, sizeof(back));
		n = crypto_write(text, &made);
		assert_int_equal(n, strlen(text));
		assert_int_equal(read_line(&back, text), 0);
		assert_memory_equal(&back, &made, sizeof(made));
	}
	assert_string_equal(crypto_name(KEDGE_SUITE_NONE), "");
	assert_string_equal(crypto_name(99), "");
}

static void no_key_is_left_in_a_text(void **state)
{
	char text[] = "a=crypto:1 X inline:" RFC_KEY "|2^20\r\na=crypto:2 X Inline:abc UNENCRYPTED_SRTP\r\na=ptime:20 inline:";
	char want[] = "a=crypto:1 X inline:****************************************" "*****\r\na=crypto:2 X Inline:*** UNENCRYPTED_SRTP\r\na=ptime:20 inline:";
	char other[] = "k=clear:abc d\r\nv=0\r\na=key-mgmt:mikey AQAF gM0X==\r\nk=base64:abc\r\na=Key-Mgmt:x\na=talk=1\r\nk=";
	char other_want[] = "k=********* *\r\nv=0\r\na=key-mgmt:***** **** ******\r\nk=**********\r\na=Key-Mgmt:*\na=talk=1\r\nk=";
	char key[] = { 'k', 'e', 'y' };

	crypto_mask(text, sizeof(text) - 1);
	assert_string_equal(text, want);
	crypto_mask(text, 0);
	assert_true(crypto_stands_in(other, 13));
	assert_true(crypto_stands_in(other + 20, 30));
	assert_false(crypto_stands_in("a=k=1\r\nkk=2", 12));
	crypto_mask(other, sizeof(other) - 1);
	assert_string_equal(other, other_want);
	crypto_wipe(key, sizeof(key));
	assert_memory_equal(key, "\0\0\0", 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_examples_of_the_rfc),
		cmocka_unit_test(what_could_not_be_kept_is_passed_over),
		cmocka_unit_test(what_is_no_line_is_refused),
		cmocka_unit_test(every_suite_is_written_and_read_back),
		cmocka_unit_test(no_key_is_left_in_a_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
