// SPDX-License-Identifier: MIT
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "sig/offer.h"
#include "sig/offer_text.h"

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

static bool boundary_of(struct text type, struct text *boundary)
{
	struct text name, params = type;
	text_upto(&params, ';');
	if (params.p == type.p + type.n)
		return false;
	params.p--, params.n++;
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

/* Reads the headers of a part. True if it is SDP as it stands. */
static bool part_is_sdp(struct text *rest)
{
	bool sdp = false, plain = true;
	while (rest->n) {
		struct text line = text_line(rest);
		if (line.n == 0)
			return sdp && plain;
		struct text name = text_trim(text_upto(&line, ':'));
		if (text_is(name, "Content-Type") || text_is(name, "c"))
			sdp = text_is(type_of(line), "application/sdp");
		else if (text_is(name, "Content-Transfer-Encoding"))
			plain = !text_is(text_trim(line), "base64") &&
			        !text_is(text_trim(line), "quoted-printable");
	}
	return false;
}

static int multipart(struct text boundary, struct text rest, struct text *sdp)
{
	bool last = false, inside = false, wanted = false;
	const char *begin = NULL;
	while (rest.n && !last) {
		const char *at = rest.p;
		struct text line = text_line(&rest);
		if (!delimiter(line, boundary, &last))
			continue;
		if (wanted) {
			/* The line end before the delimiter belongs to it (RFC 2046 5.1.1). */
			size_t n = (size_t)(at - begin);
			if (n && begin[n - 1] == '\n')
				n--;
			if (n && begin[n - 1] == '\r')
				n--;
			*sdp = (struct text){ begin, n };
			return 0;
		}
		inside = true;
		if (!last) {
			wanted = part_is_sdp(&rest);
			begin = rest.p;
		}
	}
	if (wanted || !inside)
		return -EINVAL;
	return -EMEDIUMTYPE;
}

int offer_body(
    const char *type, const char *body, size_t length, const char **sdp, size_t *sdp_length)
{
	struct text t = { type ? type : "application/sdp", type ? strlen(type) : 15 };
	struct text found = { body, length }, boundary, media = type_of(t);
	if (!body || length == 0)
		return -ENOMSG;
	if (media.n > 10 && !strncasecmp(media.p, "multipart/", 10)) {
		if (!boundary_of(t, &boundary))
			return -EINVAL;
		int rc = multipart(boundary, found, &found);
		if (rc)
			return rc;
	} else if (!text_is(media, "application/sdp")) {
		return -EMEDIUMTYPE;
	}
	*sdp = found.p;
	*sdp_length = found.n;
	return 0;
}
