// SPDX-License-Identifier: MIT
#include "sig/offer/crypto.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

static const struct {
	const char *name;
	uint8_t length;
} suites[KEDGE_SUITE_COUNT] = {
	[KEDGE_SUITE_NONE] = { "", 0 },
#define S(name, key, salt) [KEDGE_SUITE_##name] = { #name, (key) + (salt) },
	KEDGE_SUITES(S)
#undef S
};

const char *crypto_name(unsigned suite)
{
	return suite < KEDGE_SUITE_COUNT ? suites[suite].name : "";
}

size_t crypto_length(unsigned suite)
{
	return suite < KEDGE_SUITE_COUNT ? suites[suite].length : 0;
}

unsigned crypto_suite(struct text name)
{
	for (unsigned i = KEDGE_SUITE_NONE + 1; i < KEDGE_SUITE_COUNT; i++)
		if (text_is(name, suites[i].name))
			return i;
	return KEDGE_SUITE_NONE;
}

void crypto_wipe(void *at, size_t size)
{
	OPENSSL_cleanse(at, size);
}

static bool follows(const char *text, const char *p, const char *word, size_t n)
{
	return (size_t)(p - text) >= n && strncasecmp(p - n, word, n) == 0;
}

/* Behind the next "inline:" (SDES) or "key-mgmt:" (MIKEY, and what else there may be: RFC 4567); NULL: there is no more. *line: it goes on to
 * the end of its line, blanks or not. */
static char *next_key(const char *text, const char *p, const char *end, bool *line)
{
	while (p < end && (p = memchr(p, ':', (size_t)(end - p)))) {
		*line = follows(text, p, "key-mgmt", 8);
		if (*line || follows(text, p, "inline", 6))
			return (char *)p + 1;
		p++;
	}
	return NULL;
}

/* Behind the next line's "k=" (RFC 4566 5.12). */
static char *next_k(const char *text, const char *p, const char *end)
{
	for (; p < end; p++) {
		if (end - p > 2 && p[0] == 'k' && p[1] == '=' && (p == text || p[-1] == '\n'))
			return (char *)p + 2;
		p = memchr(p, '\n', (size_t)(end - p));
		if (!p)
			return NULL;
	}
	return NULL;
}

bool crypto_stands_in(const char *text, size_t size)
{
	bool line;

	return next_key(text, text, text + size, &line) || next_k(text, text, text + size);
}

static char *mask(char *p, char *end, bool line)
{
	for (; p < end && ((unsigned char)*p > ' ' || (line && *p != '\r' && *p != '\n')); p++)
		if (*p != ' ')
			*p = '*';
	return p;
}

void crypto_mask(char *text, size_t size)
{
	char *end = text + size;
	bool line;

	for (char *p = text; (p = next_key(text, p, end, &line));)
		p = mask(p, end, line);
	for (char *p = text; (p = next_k(text, p, end));)
		p = mask(p, end, true);
}

/* ---- base64 (RFC 4648 4) -------------------------------------------------------------------- */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int digit(char c)
{
	const char *at = c ? strchr(alphabet, c) : NULL;

	return at ? (int)(at - alphabet) : -1;
}

/* Exactly `length` bytes, with or without the padding that some peers leave out. */
static bool decode(uint8_t *out, size_t length, struct text t)
{
	uint32_t bits = 0;
	unsigned held = 0;
	size_t n = 0;

	for (unsigned i = 0; i < 2 && t.n && t.p[t.n - 1] == '='; i++)
		t.n--;
	if (t.n != (length * 4 + 2) / 3)
		return false;
	for (size_t i = 0; i < t.n; i++) {
		int d = digit(t.p[i]);

		if (d < 0)
			return false;
		bits = bits << 6 | (uint32_t)d;
		held += 6;
		if (held >= 8) {
			held -= 8;
			out[n++] = (uint8_t)(bits >> held);
		}
	}
	return (bits & ((1u << held) - 1)) == 0; /* what fills the last digit is zero */
}

static size_t encode(char *out, const uint8_t *in, size_t length)
{
	size_t n = 0;

	for (size_t i = 0; i < length; i += 3) {
		uint32_t bits = (uint32_t)in[i] << 16;

		bits |= i + 1 < length ? (uint32_t)in[i + 1] << 8 : 0;
		bits |= i + 2 < length ? in[i + 2] : 0;
		out[n++] = alphabet[bits >> 18];
		out[n++] = alphabet[bits >> 12 & 63];
		out[n++] = i + 1 < length ? alphabet[bits >> 6 & 63] : '=';
		out[n++] = i + 2 < length ? alphabet[bits & 63] : '=';
	}
	out[n] = 0;
	return n;
}

/* ---- reading -------------------------------------------------------------------------------- */

/* "2^20", "1048576": from 1 to 2^48 packets. */
static bool lifetime_ok(struct text t)
{
	bool power = t.n > 2 && memcmp(t.p, "2^", 2) == 0;
	uint64_t n = 0;

	if (power)
		t.p += 2, t.n -= 2;
	if (t.n == 0 || t.n > 15)
		return false;
	for (size_t i = 0; i < t.n; i++) {
		if (t.p[i] < '0' || t.p[i] > '9')
			return false;
		n = n * 10 + (uint64_t)(t.p[i] - '0');
	}
	return power ? n <= 48 : n > 0 && n <= 1ull << 48;
}

/* "inline:KEY|2^20": one key, without an MKI. */
static int key_read(struct crypto *c, struct text params)
{
	struct text method, key, lifetime;

	if (params.n && memchr(params.p, ';', params.n))
		return -ENOTSUP; /* several keys, told apart by an MKI */
	method = text_upto(&params, ':');
	if (!text_tokens(method))
		return -EINVAL;
	if (!text_is(method, "inline"))
		return -ENOTSUP;
	key = text_upto(&params, '|');
	if (!decode(c->key, c->length, key))
		return -EINVAL;
	if (params.n == 0)
		return 0;
	lifetime = text_upto(&params, '|');
	if (params.n || memchr(lifetime.p, ':', lifetime.n))
		return -ENOTSUP; /* an MKI */
	return lifetime_ok(lifetime) ? 0 : -EINVAL;
}

/* May a line with this session parameter be taken (RFC 4568 6.3)? */
static bool session_ok(struct text param)
{
	return param.p[0] == '-' || (param.n > 4 && strncasecmp(param.p, "WSH=", 4) == 0) || text_is(param, "KDR=0");
}

int crypto_read(struct crypto *out, struct text value)
{
	struct text tag = text_word(&value), suite = text_word(&value), params = text_word(&value), more;
	struct crypto c = { 0 };
	long number = tag.n <= 9 ? text_number(tag, 999999999) : -1;
	int err;

	if (number < 0 || !text_tokens(suite) || params.n == 0)
		return -EINVAL;
	c.tag = (uint32_t)number;
	c.suite = (uint8_t)crypto_suite(suite);
	c.length = (uint8_t)crypto_length(c.suite);
	err = c.suite == KEDGE_SUITE_NONE ? -ENOTSUP : key_read(&c, params);
	for (more = text_word(&value); err == 0 && more.n; more = text_word(&value))
		err = session_ok(more) ? 0 : -ENOTSUP;
	if (err == 0)
		*out = c;
	crypto_wipe(&c, sizeof(c));
	return err;
}

/* ---- writing -------------------------------------------------------------------------------- */

int crypto_write(char buf[static CRYPTO_TEXT], const struct crypto *c)
{
	int n;

	assert(c->suite > KEDGE_SUITE_NONE && c->suite < KEDGE_SUITE_COUNT && c->length == crypto_length(c->suite));
	n = sprintf(buf, "%u %s inline:", c->tag, crypto_name(c->suite));
	return n + (int)encode(buf + n, c->key, c->length);
}

int crypto_make(struct crypto *c, uint32_t tag, unsigned suite)
{
	*c = (struct crypto){ .tag = tag, .suite = (uint8_t)suite, .length = (uint8_t)crypto_length(suite) };
	assert(c->length);
	return RAND_bytes(c->key, c->length) == 1 ? 0 : -EIO;
}
