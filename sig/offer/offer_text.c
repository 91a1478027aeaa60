// SPDX-License-Identifier: MIT
#include "sig/offer/offer_text.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "sig/offer/offer.h"

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* token of RFC 4566 9, and the '/' of profiles. */
static bool is_token(char c)
{
	return c > 0x20 && c < 0x7f && !strchr("\"(),:;<=>?@[\\]", c);
}

bool text_is(struct text t, const char *word)
{
	return t.n == strlen(word) && !strncasecmp(t.p, word, t.n);
}

struct text text_trim(struct text t)
{
	while (t.n && is_space(t.p[0]))
		t.p++, t.n--;
	while (t.n && is_space(t.p[t.n - 1]))
		t.n--;
	return t;
}

/* Takes the next word off t. */
struct text text_word(struct text *t)
{
	*t = text_trim(*t);
	struct text word = { t->p, 0 };
	while (word.n < t->n && !is_space(word.p[word.n]))
		word.n++;
	t->p += word.n;
	t->n -= word.n;
	return word;
}

/* Takes what stands before `at` off t, and `at` with it. Without `at`: all of t. */
struct text text_upto(struct text *t, char at)
{
	const char *end = t->n ? memchr(t->p, at, t->n) : NULL;
	struct text head = { t->p, end ? (size_t)(end - t->p) : t->n };
	size_t taken = end ? head.n + 1 : head.n;
	t->p += taken;
	t->n -= taken;
	return head;
}

/* A decimal number of at most `most`, or -1. */
long text_number(struct text t, long most)
{
	long v = 0;
	if (t.n == 0 || t.n > 9)
		return -1;
	for (size_t i = 0; i < t.n; i++) {
		if (!is_digit(t.p[i]))
			return -1;
		v = v * 10 + (t.p[i] - '0');
	}
	return v <= most ? v : -1;
}

bool text_tokens(struct text t)
{
	for (size_t i = 0; i < t.n; i++)
		if (!is_token(t.p[i]))
			return false;
	return t.n > 0;
}

bool text_copy(char *buf, size_t size, struct text t)
{
	if (t.n >= size)
		return false;
	memcpy(buf, t.p, t.n);
	buf[t.n] = 0;
	return true;
}

/* Takes one line off t: CRLF, LF or CR ends it. */
struct text text_line(struct text *t)
{
	struct text line = { t->p, 0 };
	while (line.n < t->n && line.p[line.n] != '\r' && line.p[line.n] != '\n')
		line.n++;
	size_t end = line.n;
	if (end < t->n && t->p[end] == '\r')
		end++;
	if (end < t->n && t->p[end] == '\n' && (end == line.n || t->p[end - 1] == '\r'))
		end++;
	t->p += end;
	t->n -= end;
	return line;
}

/* ---- words that several of the files read --------------------------------------------------- */

int text_direction(struct text name)
{
	static const char *const word[] = {
		[OFFER_INACTIVE] = "inactive",
		[OFFER_SENDONLY] = "sendonly",
		[OFFER_RECVONLY] = "recvonly",
		[OFFER_SENDRECV] = "sendrecv",
	};
	for (int i = 0; i < 4; i++)
		if (text_is(name, word[i]))
			return i;
	return -1;
}

/* ---- what must not cross -------------------------------------------------------------------- */

static bool address_char(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == '.' ||
	       c == ':';
}

/* An IPv4 address among digits and dots, whatever stands around them: "node10.0.0.1:5060". */
static bool run_has_ipv4(struct text run)
{
	unsigned char ip[4];
	char name[64];

	while (run.n) {
		struct text part = { run.p, 0 };
		while (part.n < run.n && (is_digit(part.p[part.n]) || part.p[part.n] == '.'))
			part.n++;
		run.p += part.n + (part.n < run.n);
		run.n -= part.n + (part.n < run.n);
		while (part.n && part.p[0] == '.')
			part.p++, part.n--;
		while (part.n && part.p[part.n - 1] == '.')
			part.n--;
		if (part.n >= 7 && text_copy(name, sizeof name, part) && inet_pton(AF_INET, name, ip) == 1)
			return true;
	}
	return false;
}

/* An address in the bytes of an address's alphabet. */
static bool run_is_address(struct text run)
{
	char name[64];
	unsigned char ip[16];
	bool digits_only = !memchr(run.p, '.', run.n) && !memchr(run.p, ':', run.n);
	if (run.n < 2 || digits_only)
		return false;
	while (run.n && run.p[run.n - 1] == '.')
		run.n--;
	if (!text_copy(name, sizeof name, run))
		return true; /* no harmless value has so many such bytes in a row */
	return inet_pton(AF_INET6, name, ip) == 1 || run_has_ipv4(run);
}

/* True if a value holds an address, a URI, a control character: it stays on its side. */
bool text_leaks(struct text value)
{
	struct text run = { value.p, 0 };
	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];
		if ((c < 0x20 && c != '\t') || c == 0x7f || c == '@')
			return true;
		if (c == ':' && i + 2 < value.n && value.p[i + 1] == '/' && value.p[i + 2] == '/')
			return true;
		if (address_char((char)c)) {
			run.n++;
			continue;
		}
		if (run_is_address(run))
			return true;
		run = (struct text){ value.p + i + 1, 0 };
	}
	return run_is_address(run);
}
