// SPDX-License-Identifier: MIT
#include "sig/profile_text.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "config/value.h"

bool plain_control(unsigned char c)
{
	return c < 0x20 || c == 0x7f;
}

const char *profile_clean(char *buf, size_t size, const char *value)
{
	const unsigned char *p = (const unsigned char *)value;
	size_t n = 0;

	assert(size > 0);
	while (*p) {
		size_t step = plain_control(*p) ? 0 : value_utf8(p, strnlen((const char *)p, 4));
		size_t want = step ? step : 1;

		if (n + want >= size)
			break;
		if (step)
			memcpy(buf + n, p, step);
		else
			buf[n] = *p == '\t' ? ' ' : '?';
		n += want;
		p += want;
	}
	buf[n] = 0;
	return buf;
}

bool plain_unfold(char *buf, size_t size, const char *value)
{
	size_t n = 0;

	for (const char *p = value; *p; p++) {
		size_t end = strspn(p, "\r\n");

		if (end && (p[end] == ' ' || p[end] == '\t') && end <= 2) {
			p += end + strspn(p + end, " \t") - 1;
			if (n + 1 >= size)
				return false;
			buf[n++] = ' ';
			continue;
		}
		if ((plain_control((unsigned char)*p) && *p != '\t') || n + 1 >= size)
			return false;
		buf[n++] = *p;
	}
	buf[n] = 0;
	return true;
}

int plain_hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
	                              : -1;
}

bool plain_user(char buf[static PROFILE_NUMBER], const char *user, size_t length)
{
	size_t n = 0;

	for (size_t i = 0; i < length && user[i] != ';' && user[i] != ':'; i++) {
		char c = user[i];

		if (c == '%' && i + 2 < length && plain_hex(user[i + 1]) >= 0 &&
		    plain_hex(user[i + 2]) >= 0) {
			c = (char)(plain_hex(user[i + 1]) << 4 | plain_hex(user[i + 2]));
			i += 2;
		}
		if (plain_control((unsigned char)c) || n + 1 >= PROFILE_NUMBER)
			return false;
		buf[n++] = c;
	}
	buf[n] = 0;
	return true;
}

bool plain_fits(char buf[static PROFILE_NUMBER], const char *text)
{
	size_t n = 0;

	for (; text[n]; n++) {
		if (plain_control((unsigned char)text[n]) || n + 1 >= PROFILE_NUMBER)
			return false;
		buf[n] = text[n];
	}
	buf[n] = 0;
	return true;
}

bool span_is(struct span s, const char *word)
{
	return s.n == strlen(word) && !strncasecmp(s.p, word, s.n);
}

struct span span_trim(struct span s)
{
	while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
		s.p++, s.n--;
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

struct span span_upto(struct span *s, const char *stops, char *stop)
{
	struct span head = { s->p, 0 };
	bool quoted = false, angle = false;

	for (; head.n < s->n; head.n++) {
		char c = s->p[head.n];

		if (quoted && c == '\\') {
			head.n += head.n + 1 < s->n;
			continue;
		}
		if (c == '"')
			quoted = !quoted;
		if (quoted)
			continue;
		if (!angle && strchr(stops, c))
			break;
		angle = c == '<' ? true : c == '>' ? false : angle;
	}
	*stop = head.n < s->n ? s->p[head.n] : 0;
	s->p += head.n + (*stop != 0);
	s->n -= head.n + (*stop != 0);
	return head;
}

void plain_display(char buf[static PROFILE_DISPLAY], struct span s)
{
	char raw[PROFILE_DISPLAY * 2];
	size_t n = 0;
	bool quoted;

	s = span_trim(s);
	quoted = s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"';
	if (quoted)
		s.p++, s.n -= 2;
	for (size_t i = 0; i < s.n && n + 1 < sizeof raw; i++) {
		if (quoted && s.p[i] == '\\' && i + 1 < s.n)
			i++;
		raw[n++] = s.p[i] ? s.p[i] : '?';
	}
	raw[n] = 0;
	profile_clean(buf, PROFILE_DISPLAY, raw);
}

/* sip:user:password@host;params?headers or tel:number;params */
static bool uri_read(struct name_addr *a, struct span uri)
{
	const char *colon = memchr(uri.p, ':', uri.n), *at, *semicolon;
	struct span scheme, user, rest;

	if (!colon)
		return false;
	scheme = (struct span){ uri.p, (size_t)(colon - uri.p) };
	rest = user = (struct span){ colon + 1, uri.n - scheme.n - 1 };
	a->tel = span_is(scheme, "tel");
	if (!a->tel && !span_is(scheme, "sip") && !span_is(scheme, "sips"))
		return false;
	at = a->tel ? NULL : memchr(user.p, '@', user.n);
	if (at) {
		rest = (struct span){ at + 1, (size_t)(user.p + user.n - at - 1) };
		user.n = (size_t)(at - user.p);
	} else if (!a->tel) {
		user.n = 0;
	}
	semicolon = memchr(rest.p, ';', rest.n);
	a->uri_params = (struct span){ "", 0 };
	if (semicolon)
		a->uri_params = (struct span){ semicolon, (size_t)(rest.p + rest.n - semicolon) };
	return plain_user(a->user, user.p, user.n);
}

bool name_addr_next(struct span *list, struct name_addr *a)
{
	char stop;
	struct span entry = span_trim(span_upto(list, ",", &stop)), left = entry, head;
	const char *open, *close;

	if (entry.n == 0)
		return false;
	head = span_upto(&left, ";", &stop);
	a->params = stop ? (struct span){ left.p - 1, left.n + 1 } : (struct span){ "", 0 };
	a->display[0] = 0;
	/* The last <: one in a quoted display name is text. */
	open = memrchr(head.p, '<', head.n);
	if (!open)
		return uri_read(a, span_trim(head));
	close = memchr(open, '>', (size_t)(head.p + head.n - open));
	if (!close)
		return false;
	plain_display(a->display, (struct span){ head.p, (size_t)(open - head.p) });
	return uri_read(a, span_trim((struct span){ open + 1, (size_t)(close - open - 1) }));
}
