// SPDX-License-Identifier: MIT
#include "sig/profile_put.h"

#include <stdio.h>
#include <string.h>

void put_bytes(struct writer *w, const char *p, size_t n)
{
	if (w->full || n >= sizeof w->out->text - w->out->used) {
		w->full = true;
		return;
	}
	memcpy(w->out->text + w->out->used, p, n);
	w->out->used += n;
}

void put_text(struct writer *w, const char *text)
{
	put_bytes(w, text, strlen(text));
}

const char *put_end(struct writer *w)
{
	const char *text = w->out->text + w->begin;

	put_bytes(w, "", 1);
	w->begin = w->out->used;
	return w->full ? "" : text;
}

void put_user(struct writer *w, const char *user)
{
	for (const unsigned char *p = (const unsigned char *)user; *p; p++) {
		char hex[4];

		if ((*p >= '0' && *p <= '9') || ((*p | 32) >= 'a' && (*p | 32) <= 'z') ||
		    strchr("-_.!~*'()&=+$,/", *p)) {
			put_bytes(w, (const char *)p, 1);
		} else {
			snprintf(hex, sizeof hex, "%%%02X", *p);
			put_text(w, hex);
		}
	}
}

void put_escaped(struct writer *w, const char *text)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			put_text(w, "\\");
		put_bytes(w, text, 1);
	}
}

void put_name_addr(
    struct writer *w, const char *display, const char *scheme, const char *user, const char *host)
{
	if (display[0]) {
		put_text(w, "\"");
		put_escaped(w, display);
		put_text(w, "\" ");
	}
	put_text(w, "<");
	put_text(w, scheme);
	put_text(w, ":");
	put_user(w, user);
	if (host) {
		put_text(w, user[0] ? "@" : "");
		put_text(w, host);
	}
	put_text(w, ">");
}

void put_params(struct writer *w, struct span params, const char *names)
{
	char stop = 0;

	span_upto(&params, ";", &stop);
	while (stop) {
		struct span one = span_trim(span_upto(&params, ";?", &stop)), name = one;
		char key[24];

		if (stop == '?')
			params.n = 0, stop = 0;
		name.n = strcspn(one.p, "=; \t?>") < one.n ? strcspn(one.p, "=; \t?>") : one.n;
		size_t token = 0;
		while (token < one.n &&
		       (strchr("=-.!%*_+`'~", one.p[token]) || plain_hex(one.p[token]) >= 0 ||
		           ((one.p[token] | 32) >= 'a' && (one.p[token] | 32) <= 'z')))
			token++;
		if (snprintf(key, sizeof key, "|%.*s|", (int)name.n, name.p) >= (int)sizeof key ||
		    token < one.n || !strcasestr(names, key))
			continue;
		put_text(w, ";");
		put_bytes(w, one.p, one.n);
	}
}
