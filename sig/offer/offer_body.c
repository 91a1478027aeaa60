// SPDX-License-Identifier: MIT
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "sig/offer/offer.h"
#include "sig/offer/offer_text.h"

/* Takes one "name=value" parameter off t, quotes removed. */
static bool parameter(struct text *t, struct text *name, struct text *value)
{
	*t = text_trim(*t);
	if (t->n == 0 || t->p[0] != ';')
		return false;
	t->p++, t->n--;
	const char *eq = memchr(t->p, '=', t->n);
	if (!eq)
		return false;
	*name = text_trim((struct text){ t->p, (size_t)(eq - t->p) });
	t->n -= (size_t)(eq + 1 - t->p);
	t->p = eq + 1;
	*t = text_trim(*t);
	if (t->n && t->p[0] == '"') {
		t->p++, t->n--;
		*value = text_upto(t, '"');
		return true;
	}
	*value = (struct text){ t->p, 0 };
	while (value->n < t->n && t->p[value->n] != ';')
		value->n++;
	t->p += value->n;
	t->n -= value->n;
	*value = text_trim(*value);
	return true;
}

/* What stands behind a value, its first ; included. */
static struct text params_of(struct text value)
{
	const char *at = value.n ? memchr(value.p, ';', value.n) : NULL;

	return at ? (struct text){ at, (size_t)(value.p + value.n - at) } : (struct text){ value.p, 0 };
}

static bool boundary_of(struct text type, struct text *boundary)
{
	struct text name, params = params_of(type);
	while (parameter(&params, &name, boundary))
		if (text_is(name, "boundary"))
			return boundary->n > 0 && boundary->n <= 70;
	return false;
}

/* True if line is "--boundary"; *last: it is "--boundary--". */
static bool delimiter(struct text line, struct text boundary, bool *last)
{
	line = text_trim(line);
	if (line.n < boundary.n + 2 || memcmp(line.p, "--", 2) ||
	    memcmp(line.p + 2, boundary.p, boundary.n))
		return false;
	struct text tail = { line.p + 2 + boundary.n, line.n - 2 - boundary.n };
	*last = text_is(tail, "--");
	return *last || tail.n == 0;
}

/* The media type without its parameters. */
static struct text type_of(struct text value)
{
	return text_trim(text_upto(&value, ';'));
}

struct parts { /* of a multipart, one after the other */
	struct text rest, boundary;
	const char *begin; /* of the part in hand; NULL: before the first, behind the last */
	bool last;
};

/* The next part with its headers. 1; 0: there is no more; -EINVAL: its end is missing. */
static int part_next(struct parts *p, struct text *part)
{
	while (p->rest.n && !p->last) {
		const char *at = p->rest.p, *begin = p->begin;
		struct text line = text_line(&p->rest);
		if (!delimiter(line, p->boundary, &p->last))
			continue;
		p->begin = p->last ? NULL : p->rest.p;
		if (!begin)
			continue;
		/* The line end before the delimiter belongs to it (RFC 2046 5.1.1). */
		size_t n = (size_t)(at - begin);
		if (n && begin[n - 1] == '\n')
			n--;
		if (n && begin[n - 1] == '\r')
			n--;
		*part = (struct text){ begin, n };
		return 1;
	}
	return p->last ? 0 : -EINVAL;
}

enum part_kind { PART_OTHER, PART_SDP, PART_CLOSED /* SDP in another form, or parts in it */ };

static enum part_kind kind_of(struct text type)
{
	if (text_is(type, "application/sdp"))
		return PART_SDP;
	return type.n >= 10 && !strncasecmp(type.p, "multipart/", 10) ? PART_CLOSED : PART_OTHER;
}

/* Reads the headers of a part; *body is what stands behind them. */
static enum part_kind part_read(struct text part, struct text *body)
{
	enum part_kind kind = PART_OTHER;
	bool plain = true, ended = false;
	while (part.n && !ended) {
		struct text line = text_line(&part);
		struct text name = text_trim(text_upto(&line, ':'));
		ended = name.n == 0;
		if (text_is(name, "Content-Type") || text_is(name, "c"))
			kind = kind_of(type_of(line));
		else if (text_is(name, "Content-Transfer-Encoding"))
			plain = !text_is(text_trim(line), "base64") &&
			        !text_is(text_trim(line), "quoted-printable");
	}
	*body = part;
	return kind == PART_SDP && !(plain && ended) ? PART_CLOSED : kind;
}

static bool part_required(struct text part)
{
	struct text name, value, line;

	while (part.n && (line = text_line(&part)).n) {
		if (!text_is(text_trim(text_upto(&line, ':')), "Content-Disposition"))
			continue;
		for (line = params_of(line); parameter(&line, &name, &value);)
			if (text_is(name, "handling"))
				return text_is(value, "required");
	}
	return false;
}

/* 0: they are the parts of a multipart; -ENOMSG: it is none; -EINVAL. */
static int parts_begin(struct parts *p, struct text type, struct text body)
{
	struct text media = type_of(type);
	*p = (struct parts){ .rest = body };
	if (media.n <= 10 || strncasecmp(media.p, "multipart/", 10))
		return -ENOMSG;
	return boundary_of(type, &p->boundary) ? 0 : -EINVAL;
}

static struct text text_from(const char *type)
{
	const char *t = type ? type : "application/sdp";
	return (struct text){ t, strlen(t) };
}

int offer_body(
    const char *type, const char *body, size_t length, const char **sdp, size_t *sdp_length)
{
	struct text t = text_from(type), found = { body, length }, part;
	struct parts p;
	int rc;
	if (!body || length == 0)
		return -ENOMSG;
	rc = parts_begin(&p, t, found);
	if (rc == -ENOMSG) {
		if (!text_is(type_of(t), "application/sdp"))
			return -EMEDIUMTYPE;
	} else {
		while (rc == 0 && (rc = part_next(&p, &part)) > 0)
			rc = part_read(part, &found) == PART_SDP;
		if (rc <= 0)
			return rc ? rc : -EMEDIUMTYPE;
	}
	*sdp = found.p;
	*sdp_length = found.n;
	return 0;
}

bool offer_requires(const char *type, const char *body, size_t length)
{
	struct text part, inside;
	struct parts p;

	if (!body || parts_begin(&p, text_from(type), (struct text){ body, length }) < 0)
		return false;
	while (part_next(&p, &part) > 0)
		if (part_read(part, &inside) == PART_OTHER && part_required(part))
			return true;
	return false;
}

int offer_parts(char *buf, size_t size, const char *type, const char *body, size_t length,
    const char *boundary)
{
	size_t n = 0, word = strlen(boundary);
	struct text part, inside;
	struct parts p;
	if (!body || parts_begin(&p, text_from(type), (struct text){ body, length }) < 0)
		return 0;
	while (part_next(&p, &part) > 0) {
		if (part_read(part, &inside) != PART_OTHER || part.n == 0)
			continue;
		if (memmem(part.p, part.n, boundary, word))
			return 0;
		if (part.n + word + 6 > size - n)
			return -EMSGSIZE;
		memcpy(buf + n, "--", 2);
		memcpy(buf + n + 2, boundary, word);
		memcpy(buf + n + 2 + word, "\r\n", 2);
		n += word + 4;
		memcpy(buf + n, part.p, part.n);
		memcpy(buf + n + part.n, "\r\n", 2);
		n += part.n + 2;
	}
	return (int)n;
}
