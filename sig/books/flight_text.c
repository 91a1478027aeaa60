// SPDX-License-Identifier: MIT
#include "sig/books/flight_text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/value.h"

#define MASK "***"

struct out {
	char *at; /* never more than what came, and a mask for each line */
};

static void put(struct out *o, const char *text, size_t size)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t n;

	while (size) {
		n = *s == '\r' || *s == '\n' || *s == '\t' ? 1 : *s < ' ' || *s == 0x7f ? 0 : value_utf8(s, size);
		if (n)
			memcpy(o->at, s, n);
		else
			*o->at = '?';
		o->at += n ? n : 1;
		n = n ? n : 1;
		s += n;
		size -= n;
	}
}

/* Behind "Name :" and the spaces there; NULL: another line. */
static const char *value_of(const char *line, const char *end, const char *name)
{
	size_t n = strlen(name);

	if ((size_t)(end - line) <= n || strncasecmp(line, name, n) != 0)
		return NULL;
	for (line += n; line < end && (*line == ' ' || *line == '\t');)
		line++;
	if (line == end || *line != ':')
		return NULL;
	for (line++; line < end && (*line == ' ' || *line == '\t');)
		line++;
	return line;
}

static const char *word_end(const char *p, const char *end)
{
	while (p < end && *p != ' ' && *p != '\t')
		p++;
	return p;
}

/* Where the secret of this line begins, and where it ends; NULL: it has none. */
static const char *secret_of(const char *line, const char *end, const char **stop)
{
	static const char *const headers[] = { "Authorization", "Proxy-Authorization" };
	const char *p;

	*stop = end;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		if ((p = value_of(line, end, headers[i]))) {
			p = word_end(p, end);
			return p < end ? p + 1 : p; /* its scheme is no secret */
		}
	if (end - line > 2 && memcmp(line, "k=", 2) == 0)
		return line + 2;
	if (end - line > 11 && memcmp(line, "a=key-mgmt:", 11) == 0)
		return line + 11;
	if (end - line <= 9 || memcmp(line, "a=crypto:", 9) != 0)
		return NULL;
	p = memmem(line, (size_t)(end - line), "inline:", 7);
	if (p)
		*stop = word_end(p + 7, end);
	return p ? p + 7 : line + 9;
}

/* A value goes on in lines that begin with a space (RFC 3261 7.3.1). */
static bool goes_on(const char *next, const char *end)
{
	return next < end && (*next == ' ' || *next == '\t');
}

char *flight_text(const char *text, size_t size)
{
	size_t lines = 1;
	const char *end = text + size;
	struct out o;
	char *out;

	for (size_t i = 0; i < size; i++)
		lines += text[i] == '\n';
	out = o.at = malloc(size + lines * (sizeof(MASK) - 1) + 1);
	if (!out)
		return NULL;
	for (const char *line = text, *next, *secret, *stop; line < end; line = next) {
		next = memchr(line, '\n', (size_t)(end - line));
		next = next ? next + 1 : end;
		stop = next;
		while (stop > line && (stop[-1] == '\r' || stop[-1] == '\n'))
			stop--;
		secret = secret_of(line, stop, &stop);
		if (!secret) {
			put(&o, line, (size_t)(next - line));
			continue;
		}
		put(&o, line, (size_t)(secret - line));
		put(&o, MASK, sizeof(MASK) - 1);
		while (*line != 'a' && *line != 'k' && goes_on(next, end)) { /* folded: all of it */
			const char *more = memchr(next, '\n', (size_t)(end - next));

			stop = next = more ? more + 1 : end;
			while (stop > line && (stop[-1] == '\r' || stop[-1] == '\n'))
				stop--;
		}
		put(&o, stop, (size_t)(next - stop));
	}
	*o.at = 0;
	return out;
}
