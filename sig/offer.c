// SPDX-License-Identifier: MIT
#include "sig/offer.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

/* ---- text ----------------------------------------------------------------------------------- */

struct text { /* bytes of a body; not ended by a NUL */
	const char *p;
	size_t n;
};

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

static bool text_is(struct text t, const char *word)
{
	return t.n == strlen(word) && !strncasecmp(t.p, word, t.n);
}

static struct text text_trim(struct text t)
{
	while (t.n && is_space(t.p[0]))
		t.p++, t.n--;
	while (t.n && is_space(t.p[t.n - 1]))
		t.n--;
	return t;
}

/* Takes the next word off t. */
static struct text text_word(struct text *t)
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
static struct text text_upto(struct text *t, char at)
{
	const char *end = t->n ? memchr(t->p, at, t->n) : NULL;
	struct text head = { t->p, end ? (size_t)(end - t->p) : t->n };
	size_t taken = end ? head.n + 1 : head.n;
	t->p += taken;
	t->n -= taken;
	return head;
}

/* A decimal number of at most `most`, or -1. */
static long text_number(struct text t, long most)
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

static bool text_tokens(struct text t)
{
	for (size_t i = 0; i < t.n; i++)
		if (!is_token(t.p[i]))
			return false;
	return t.n > 0;
}

static bool text_copy(char *buf, size_t size, struct text t)
{
	if (t.n >= size)
		return false;
	memcpy(buf, t.p, t.n);
	buf[t.n] = 0;
	return true;
}

/* Takes one line off t: CRLF, LF or CR ends it. */
static struct text text_line(struct text *t)
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

static struct offer_span span_of(const struct offer *o, struct text t)
{
	return (struct offer_span){ (uint16_t)(t.p - o->body), (uint16_t)t.n };
}

static struct text text_of(const struct offer *o, struct offer_span s)
{
	return (struct text){ o->body + s.at, s.length };
}

/* ---- codecs --------------------------------------------------------------------------------- */

static const struct offer_format rfc3551[] = {
	{ 0, 1, 8000, "PCMU" },
	{ 3, 1, 8000, "GSM" },
	{ 4, 1, 8000, "G723" },
	{ 5, 1, 8000, "DVI4" },
	{ 6, 1, 16000, "DVI4" },
	{ 7, 1, 8000, "LPC" },
	{ 8, 1, 8000, "PCMA" },
	{ 9, 1, 8000, "G722" },
	{ 10, 2, 44100, "L16" },
	{ 11, 1, 44100, "L16" },
	{ 12, 1, 8000, "QCELP" },
	{ 13, 1, 8000, "CN" },
	{ 14, 1, 90000, "MPA" },
	{ 15, 1, 8000, "G728" },
	{ 16, 1, 11025, "DVI4" },
	{ 17, 1, 22050, "DVI4" },
	{ 18, 1, 8000, "G729" },
};

static struct offer_format format_static(uint8_t pt)
{
	for (size_t i = 0; i < sizeof rfc3551 / sizeof *rfc3551; i++)
		if (rfc3551[i].pt == pt)
			return rfc3551[i];
	return (struct offer_format){ .pt = pt, .channels = 1 };
}

/* Goes with a codec, is none itself. */
static bool format_aux(const struct offer_format *f)
{
	return !strcasecmp(f->name, "telephone-event") || !strcasecmp(f->name, "CN");
}

static bool format_equal(const struct offer_format *a, const struct offer_format *b)
{
	if (!a->name[0] || !b->name[0])
		return a->pt == b->pt; /* an answer without rtpmap: it means what was offered */
	return !strcasecmp(a->name, b->name) && a->rate == b->rate && a->channels == b->channels;
}

/* The format of o that means the same as f; the same number wins. */
static const struct offer_format *format_find(const struct offer *o, const struct offer_format *f)
{
	const struct offer_format *found = NULL;
	for (unsigned i = 0; i < o->formats; i++) {
		if (!format_equal(&o->format[i], f))
			continue;
		if (o->format[i].pt == f->pt)
			return &o->format[i];
		if (!found)
			found = &o->format[i];
	}
	return found;
}

/* "PCMU", or with its rate: "L16/16000". */
static bool format_named(const struct offer_format *f, const char *name)
{
	char full[40];
	snprintf(full, sizeof full, "%s/%u", f->name, f->rate);
	return f->name[0] && (!strcasecmp(f->name, name) || !strcasecmp(full, name));
}

static bool format_listed(const struct offer_format *f, const struct conf_strings *names)
{
	if (!names || names->count == 0)
		return true;
	for (unsigned i = 0; i < names->count; i++)
		if (format_named(f, names->v[i]))
			return true;
	return false;
}

/* ---- what must not cross -------------------------------------------------------------------- */

static bool address_char(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == '.' ||
	       c == ':';
}

/* An address in the bytes of an address's alphabet; a port may hang on IPv4, a colon before it. */
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
	if (inet_pton(AF_INET6, name, ip) == 1)
		return true;
	char *save = NULL;
	for (char *part = strtok_r(name, ":", &save); part; part = strtok_r(NULL, ":", &save))
		if (inet_pton(AF_INET, part, ip) == 1)
			return true;
	return false;
}

/* True if a value holds an address, a URI, a control character: it stays on its side. */
static bool value_leaks(struct text value)
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

/* ---- reading -------------------------------------------------------------------------------- */

struct reader { /* what one pass over a body knows */
	struct offer *o;
	struct offer_error *e;
	int number;                /* of the line, from 1 */
	struct offer_line *line;   /* NULL: still the session's */
	struct offer_line session; /* its c=, direction, ptime: what lines without their own take */
	bool has_c, session_c;     /* the line, the session had a c= */
	bool hold, session_hold;   /* it was 0.0.0.0 */
	bool foreign, session_foreign;
	const char *begin;      /* of the session's or the line's block */
	struct kedge_addr rtcp; /* a=rtcp of the line; port 0: none */
	int audio_number;       /* line number of the anchored m-line */
};

static int fail(struct reader *r, int err, const char *text)
{
	if (r->e)
		*r->e = (struct offer_error){ r->number, text };
	return err;
}

static bool addr_any(const struct kedge_addr *a)
{
	static const uint8_t zero[16];
	return !memcmp(a->ip, zero, a->family == AF_INET ? 4 : 16);
}

static bool addr_many(const struct kedge_addr *a)
{
	if (a->family == AF_INET)
		return a->ip[0] >= 224; /* multicast, reserved, broadcast */
	return a->ip[0] == 0xff;
}

/* Reads "IN IP4 192.0.2.1". 0; 1: nowhere (0.0.0.0, ::, a name under .invalid); -EADDRNOTAVAIL: a
 * name, a group, another net. */
static int addr_read(struct text t, struct kedge_addr *addr)
{
	struct text net = text_word(&t), type = text_word(&t), rest = text_word(&t);
	struct text host = text_upto(&rest, '/');
	char name[INET6_ADDRSTRLEN];
	struct kedge_addr a = { .family = text_is(type, "IP6") ? AF_INET6 : AF_INET };

	if (!text_is(net, "IN") || (!text_is(type, "IP4") && !text_is(type, "IP6")))
		return -EADDRNOTAVAIL;
	if (host.n >= 8 && !strncasecmp(host.p + host.n - 8, ".invalid", 8))
		return 1;
	if (!text_copy(name, sizeof name, host) || inet_pton(a.family, name, a.ip) != 1)
		return -EADDRNOTAVAIL;
	if (addr_any(&a))
		return 1;
	if (addr_many(&a))
		return -EADDRNOTAVAIL;
	*addr = a;
	return 0;
}

static void read_c(struct reader *r, struct text value)
{
	struct offer_line *l = r->line ? r->line : &r->session;
	bool *has = r->line ? &r->has_c : &r->session_c;
	if (*has)
		/* more than one: layers of a group (RFC 4566 5.7), which is refused by its first */
		return;
	*has = true;
	int rc = addr_read(value, &l->rtp);
	*(r->line ? &r->hold : &r->session_hold) = rc == 1;
	*(r->line ? &r->foreign : &r->session_foreign) = rc < 0;
}

/* a=rtcp:53020 IN IP4 126.16.64.4 (RFC 3605); without an address it is that of c=. */
static void read_rtcp(struct reader *r, struct text value)
{
	long port = text_number(text_word(&value), UINT16_MAX);
	struct kedge_addr addr = { 0 };
	if (!r->line || port <= 0)
		return;
	value = text_trim(value);
	if (value.n && addr_read(value, &addr))
		return;
	addr.port = (uint16_t)port;
	r->rtcp = addr;
}

/* One that would not be passed on says nothing here either. */
static void read_rtpmap(struct reader *r, struct text value)
{
	struct offer *o = r->o;
	bool leaks = value_leaks(value), anchored = r->line && o->audio == r->line - o->line;
	long pt = text_number(text_word(&value), 127);
	struct text map = text_word(&value);
	struct text name = text_upto(&map, '/'), rate = text_upto(&map, '/');
	long hz = text_number(rate, 999999999), channels = text_number(map, 255);

	if (!anchored || leaks || hz <= 0 || !text_tokens(name))
		return;
	for (unsigned i = 0; i < o->formats; i++) {
		struct offer_format *f = &o->format[i];

		if (f->pt != pt)
			continue;
		f->rate = (uint32_t)hz;
		f->channels = channels > 0 ? (uint8_t)channels : 1;
		if (!text_copy(f->name, sizeof f->name, name))
			f->name[0] = 0;
	}
}

static int direction_of(struct text name)
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

static void read_attribute(struct reader *r, struct text value)
{
	struct text name = text_trim(text_upto(&value, ':'));
	struct offer_line *l = r->line ? r->line : &r->session;
	int direction = direction_of(name);

	if (direction >= 0) {
		l->direction = (uint8_t)direction;
		l->told = true;
	} else if (text_is(name, "rtpmap")) {
		read_rtpmap(r, value);
	} else if (text_is(name, "rtcp")) {
		read_rtcp(r, value);
	} else if (text_is(name, "rtcp-mux")) {
		l->mux = true;
	} else if (text_is(name, "ptime") || text_is(name, "maxptime")) {
		long ms = text_number(text_word(&value), 1000);
		if (ms > 0)
			*(text_is(name, "ptime") ? &l->ptime : &l->maxptime) = (uint16_t)ms;
	}
}

/* The payload types behind an audio m-line; what is no number or came before is left out. */
static void read_formats(struct offer *o, struct text list)
{
	bool seen[128] = { false };
	for (struct text word = text_word(&list); word.n; word = text_word(&list)) {
		long pt = text_number(word, 127);
		if (pt < 0 || seen[pt])
			continue;
		seen[pt] = true;
		o->format[o->formats++] = format_static((uint8_t)pt);
	}
}

/* What the session said holds for a line that did not say it. */
static void line_inherit(struct reader *r, struct offer_line *l)
{
	const struct offer_line *s = &r->session;
	if (!r->has_c) {
		l->rtp = s->rtp;
		r->hold = r->session_hold;
		r->foreign = r->session_foreign;
	}
	if (!l->told) {
		l->direction = s->direction;
		l->told = s->told;
	}
	if (!l->ptime)
		l->ptime = s->ptime;
	if (!l->maxptime)
		l->maxptime = s->maxptime;
}

static void line_addresses(struct reader *r, struct offer_line *l)
{
	if (r->hold)
		l->direction &= (uint8_t)~OFFER_RECVONLY;
	if (l->rtp.family == 0)
		return;
	l->rtp.port = l->port;
	l->rtcp = l->rtp;
	l->rtcp.port = (uint16_t)(l->port + 1);
	if (r->rtcp.port && r->rtcp.family)
		l->rtcp = r->rtcp;
	else if (r->rtcp.port)
		l->rtcp.port = r->rtcp.port;
	if (l->rtcp.port == 0)
		l->rtcp.family = 0;
}

/* Ends the block that ran up to `end`. */
static int block_end(struct reader *r, const char *end)
{
	struct text block = { r->begin, (size_t)(end - r->begin) };
	struct offer_line *l = r->line;
	if (!l) {
		r->o->session = span_of(r->o, block);
		return 0;
	}
	l->block = span_of(r->o, block);
	line_inherit(r, l);
	line_addresses(r, l);
	if (r->o->audio != l - r->o->line)
		return 0;
	r->o->foreign = r->foreign;
	if (l->rtp.family == 0 && !r->hold && !r->foreign) {
		r->number = r->audio_number;
		return fail(r, -EINVAL, "no c= for this m-line");
	}
	return 0;
}

static bool proto_avp(struct text proto)
{
	return text_is(proto, "RTP/AVP") || text_is(proto, "RTP/AVPF");
}

/* m=audio 49170[/2] RTP/AVP 0 8 */
static int read_m(struct reader *r, struct text value)
{
	struct offer *o = r->o;
	struct text media = text_word(&value), where = text_word(&value), proto = text_word(&value);
	struct text formats = text_trim(value), count = where;
	long port = text_number(text_upto(&count, '/'), UINT16_MAX);

	if (o->lines == OFFER_LINES)
		return fail(r, -EMSGSIZE, "too many m-lines");
	if (!text_tokens(media) || !text_tokens(proto) || port < 0 ||
	    (count.n && text_number(count, UINT16_MAX) < 1) || (port && !formats.n))
		return fail(r, -EINVAL, "not an m-line");
	struct offer_line *l = r->line = &o->line[o->lines++];
	*l = (struct offer_line){
		.media = span_of(o, media),
		.proto = span_of(o, proto),
		.formats = span_of(o, formats),
		.port = (uint16_t)port,
		.direction = OFFER_SENDRECV,
		.rtp_avp = text_is(media, "audio") && proto_avp(proto),
		.t38 =
		    text_is(media, "image") && text_is(proto, "udptl") && text_is(formats, "t38"),
	};
	r->has_c = r->hold = r->foreign = false;
	r->rtcp = (struct kedge_addr){ 0 };
	if (o->audio < 0 && l->rtp_avp && port) {
		o->audio = (int16_t)(l - o->line);
		r->audio_number = r->number;
		read_formats(o, formats);
	}
	return 0;
}

static int read_line(struct reader *r, struct text line, const char *next)
{
	if (line.n == 0)
		return 0; /* blank lines stand at the end of many bodies */
	if (line.n < 2 || line.p[1] != '=')
		return fail(r, -EINVAL, "not of the form x=");
	struct text value = { line.p + 2, line.n - 2 };
	int rc = 0;
	switch (line.p[0]) {
	case 'm':
		rc = block_end(r, line.p);
		if (rc == 0)
			rc = read_m(r, value);
		r->begin = next;
		break;
	case 'c':
		read_c(r, value);
		break;
	case 'a':
		read_attribute(r, value);
		break;
	}
	return rc;
}

int offer_parse(struct offer *o, const char *body, size_t length, struct offer_error *e)
{
	struct reader r = { .o = o, .e = e, .session.direction = OFFER_SENDRECV, .begin = body };
	struct text rest = { body, length };

	o->body = body;
	o->length = length;
	o->lines = o->formats = 0;
	o->audio = -1;
	o->foreign = false;
	if (length > OFFER_MAX)
		return fail(&r, -EMSGSIZE, "too long");
	if (length && memchr(body, 0, length))
		return fail(&r, -EINVAL, "a zero byte");
	r.number = 1;
	if (!text_is(text_trim(text_line(&rest)), "v=0"))
		return fail(&r, -EINVAL, "does not begin with v=0");
	while (rest.n) {
		r.number++;
		struct text line = text_line(&rest);
		int rc = read_line(&r, line, rest.p);
		if (rc)
			return rc;
	}
	return block_end(&r, rest.p);
}

/* ---- the body of a message ------------------------------------------------------------------ */

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

/* ---- writing -------------------------------------------------------------------------------- */

struct writer {
	char *buf;
	size_t size, n;
	bool full;
};

static void put(struct writer *w, struct text t)
{
	if (w->full || t.n >= w->size - w->n) { /* one byte stays for the NUL */
		w->full = true;
		return;
	}
	memcpy(w->buf + w->n, t.p, t.n);
	w->n += t.n;
}

static void putf(struct writer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void putf(struct writer *w, const char *format, ...)
{
	char line[160];
	va_list ap;
	va_start(ap, format);
	int n = vsnprintf(line, sizeof line, format, ap);
	va_end(ap);
	assert(n >= 0 && n < (int)sizeof line);
	put(w, (struct text){ line, (size_t)n });
}

/* Attributes that never cross: addresses, keys, names, or promises that kedge does not keep (RFC
 * 5939, 3312, 5888). */
static const char *const private_attribute[] = {
	"acap",
	"alt",
	"altc",
	"bundle-only",
	"candidate",
	"ccap",
	"cdsc",
	"cfg",
	"conf",
	"connection",
	"cpar",
	"crypto",
	"csup",
	"curr",
	"des",
	"direction",
	"end-of-candidates",
	"fingerprint",
	"group",
	"identity",
	"key-mgmt",
	"lcfg",
	"maxprate",
	"mid",
	"msi",
	"msid",
	"msid-semantic",
	"nortpproxy",
	"omcap",
	"pcfg",
	"remote-candidates",
	"rid",
	"rtcp",
	"rtcp-mux",
	"rtcp-mux-only",
	"rtcp-unicast",
	"sctp-port",
	"setup",
	"simulcast",
	"source-filter",
	"sqn",
	"ssrc",
	"ssrc-group",
	"tcap",
	"tls-id",
	"tool",
	"zrtp-hash",
};

static bool attribute_private(struct text name)
{
	if (name.n >= 4 && !strncasecmp(name.p, "ice-", 4))
		return true;
	for (size_t i = 0; i < sizeof private_attribute / sizeof *private_attribute; i++)
		if (text_is(name, private_attribute[i]))
			return true;
	return false;
}

struct plan { /* what is written, decided before the first byte */
	const struct offer_write *in;
	const struct offer *from;
	const struct offer_line *source; /* the audio line of `from` */
	int audio;                       /* its place in what is written */
	uint16_t lines;
	uint8_t pt[OFFER_FORMATS], direction;
	unsigned pts;
	bool kept[128];
	bool mux;
};

/* May a format of `from` be written at all? */
static bool format_wanted(const struct offer_write *w, const struct offer_format *f)
{
	if (w->answer && !(f = format_find(w->shape, f)))
		return false;
	if (!w->answer && w->only && !format_find(w->only, f))
		return false;
	return format_aux(f) || (format_listed(f, w->codecs) && format_listed(f, w->filter));
}

static void plan_take(struct plan *p, const struct offer_format *f)
{
	if (p->kept[f->pt])
		return;
	p->kept[f->pt] = true;
	p->pt[p->pts++] = f->pt;
}

/* Whether it goes with a codec, by its own name or that of what it answers. */
static bool plan_aux(const struct plan *p, const struct offer_format *f)
{
	const struct offer_format *offered = p->in->answer ? format_find(p->in->shape, f) : NULL;

	return format_aux(f) || (offered && format_aux(offered));
}

/* Codecs, or what goes with them; called: only those of that name, NULL: all. */
static void plan_pass(struct plan *p, bool aux, const char *called)
{
	for (unsigned i = 0; i < p->from->formats; i++) {
		const struct offer_format *f = &p->from->format[i];

		if (plan_aux(p, f) == aux && (!called || format_named(f, called)) &&
		    format_wanted(p->in, f))
			plan_take(p, f);
	}
}

/* Codecs in the order of the trunk's list, else as they came; what goes with them behind. */
static int plan_formats(struct plan *p)
{
	const struct conf_strings *order = p->in->codecs;

	for (unsigned k = 0; order && k < order->count; k++)
		plan_pass(p, false, order->v[k]);
	plan_pass(p, false, NULL);
	if (p->pts == 0)
		return -ENODATA;
	plan_pass(p, true, NULL);
	return 0;
}

static int plan_make(struct plan *p, const struct offer_write *w)
{
	const struct offer *from = w->from;
	*p = (struct plan){ .in = w, .from = from };
	assert(from && (!w->answer || w->shape));
	if (from->audio < 0 || (w->answer && w->shape->audio < 0))
		return -ENODATA;
	if (from->foreign)
		return -EADDRNOTAVAIL;
	p->source = &from->line[from->audio];
	p->audio = w->answer ? w->shape->audio : from->audio;
	p->lines = w->answer ? w->shape->lines : from->lines;
	if (w->shape && w->shape->lines > p->lines)
		p->lines = w->shape->lines;
	p->direction = w->direction >= 0 ? (uint8_t)w->direction : p->source->direction;
	if (w->answer) {
		uint8_t offered = w->shape->line[p->audio].direction;
		p->direction &= (uint8_t)((offered & 1) << 1 | offered >> 1); /* RFC 3264 6.1 */
		p->mux = w->shape->line[p->audio].mux;
	}
	return plan_formats(p);
}

/* b=AS:64, of the session or a line. */
static void put_bandwidth(struct writer *w, struct text value)
{
	struct text rest = value, type = text_upto(&rest, ':');
	if (text_tokens(type) && text_number(rest, 999999999) >= 0) {
		put(w, (struct text){ "b=", 2 });
		put(w, value);
		put(w, (struct text){ "\r\n", 2 });
	}
}

static void put_attribute(struct writer *w, const struct plan *p, struct text value)
{
	struct text rest = value, name = text_upto(&rest, ':');
	if (!text_tokens(name) || direction_of(name) >= 0 || attribute_private(name))
		return;
	bool by_type = text_is(name, "rtpmap") || text_is(name, "fmtp") || text_is(name, "rtcp-fb");
	if (by_type) {
		struct text word = text_word(&rest);
		long pt = text_number(word, 127);
		if (!text_is(word, "*") && (pt < 0 || !p->kept[pt]))
			return;
	}
	if (value_leaks(rest))
		return;
	put(w, (struct text){ "a=", 2 });
	put(w, value);
	put(w, (struct text){ "\r\n", 2 });
}

static bool block_has(const struct offer *o, struct offer_span block, const char *attribute)
{
	struct text rest = text_of(o, block);
	while (rest.n) {
		struct text line = text_line(&rest);
		if (line.n < 2 || line.p[0] != 'a')
			continue;
		struct text value = { line.p + 2, line.n - 2 };
		if (text_is(text_upto(&value, ':'), attribute))
			return true;
	}
	return false;
}

/* ptime and maxptime that stood in the session go to the line. */
static void put_inherited(struct writer *w, const struct plan *p)
{
	const struct offer_line *l = p->source;
	if (l->ptime && !block_has(p->from, l->block, "ptime"))
		putf(w, "a=ptime:%u\r\n", l->ptime);
	if (l->maxptime && !block_has(p->from, l->block, "maxptime"))
		putf(w, "a=maxptime:%u\r\n", l->maxptime);
}

static void put_direction(struct writer *w, const struct plan *p)
{
	static const char *const word[] = { "inactive", "sendonly", "recvonly", "sendrecv" };
	if (p->direction != OFFER_SENDRECV || p->source->told)
		putf(w, "a=%s\r\n", word[p->direction]);
}

static void put_audio(struct writer *w, const struct plan *p)
{
	const struct offer_write *in = p->in;
	const struct offer *frame = in->answer ? in->shape : p->from;
	const struct offer_line *l = p->source;
	struct text rest = text_of(p->from, l->block);
	uint16_t rtcp = in->rtcp_port ? in->rtcp_port : (uint16_t)(in->local.port + 1);

	putf(w, "m=audio %u ", in->local.port);
	put(w, text_of(frame, frame->line[p->audio].proto));
	for (unsigned i = 0; i < p->pts; i++)
		putf(w, " %u", p->pt[i]);
	putf(w, "\r\n");
	for (struct text all = rest; all.n;) { /* b= stands before a= (RFC 4566 5.14) */
		struct text line = text_line(&all);
		if (line.n > 2 && line.p[0] == 'b')
			put_bandwidth(w, (struct text){ line.p + 2, line.n - 2 });
	}
	while (rest.n) {
		struct text line = text_line(&rest);
		if (line.n > 2 && line.p[0] == 'a')
			put_attribute(w, p, (struct text){ line.p + 2, line.n - 2 });
	}
	put_inherited(w, p);
	put_direction(w, p);
	if (p->mux)
		putf(w, "a=rtcp-mux\r\n");
	else if (rtcp != in->local.port + 1)
		putf(w, "a=rtcp:%u\r\n", rtcp);
}

/* A line that keeps its place with port 0 (RFC 3264 6, 8.2): media, profile, one format, no
 * attribute. */
static void put_rejected(struct writer *w, const struct offer *o, unsigned i)
{
	const struct offer_line *l = &o->line[i];
	struct text formats = text_of(o, l->formats), first = text_word(&formats);
	putf(w, "m=");
	put(w, text_of(o, l->media));
	putf(w, " 0 ");
	put(w, text_of(o, l->proto));
	putf(w, " ");
	put(w, text_tokens(first) ? first : (struct text){ "0", 1 });
	putf(w, "\r\n");
}

static void put_session(struct writer *w, const struct plan *p)
{
	struct text rest = text_of(p->from, p->from->session);
	while (rest.n) {
		struct text line = text_line(&rest);
		if (line.n > 2 && line.p[0] == 'b')
			put_bandwidth(w, (struct text){ line.p + 2, line.n - 2 });
	}
	putf(w, "t=0 0\r\n");
	for (unsigned i = 0; i < p->lines; i++) {
		const struct offer *frame =
		    p->in->answer || i >= p->from->lines ? p->in->shape : p->from;
		if ((int)i == p->audio)
			put_audio(w, p);
		else
			put_rejected(w, frame, i);
	}
}

/* FNV-1a, 64 bits: only to see whether a body changed. */
static uint64_t digest(const char *p, size_t n)
{
	uint64_t h = 14695981039346656037ULL;
	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)p[i]) * 1099511628211ULL;
	return h;
}

/* "IN IP4 192.0.2.1" */
static void addr_text(char buf[static 64], const struct kedge_addr *a)
{
	char ip[INET6_ADDRSTRLEN];
	assert(a->family == AF_INET || a->family == AF_INET6);
	inet_ntop(a->family, a->ip, ip, sizeof ip);
	snprintf(buf, 64, "IN IP%c %s", a->family == AF_INET ? '4' : '6', ip);
}

static void put_origin(struct writer *w, const struct offer_origin *origin, const char *addr)
{
	putf(w, "v=0\r\no=- %llu %llu %s\r\n", (unsigned long long)origin->id,
	    (unsigned long long)origin->version, addr);
}

int offer_write(char *buf, size_t size, const struct offer_write *in, struct offer_origin *origin)
{
	struct writer head, tail = { .buf = buf, .size = size, .full = size == 0 };
	struct offer_origin next = *origin;
	struct plan p;
	char addr[64];
	int rc = plan_make(&p, in);
	if (rc)
		return rc;
	addr_text(addr, &in->local);
	/* What stands behind o= is written twice: to see whether it changed, then for good. */
	putf(&tail, "s=-\r\nc=%s\r\n", addr);
	put_session(&tail, &p);
	if (tail.full)
		return -ENOBUFS;
	next.digest = digest(buf, tail.n);
	if (next.digest != origin->digest || origin->version == 0)
		next.version++;
	head = (struct writer){ .buf = buf, .size = size };
	put_origin(&head, &next, addr);
	putf(&head, "s=-\r\nc=%s\r\n", addr);
	put_session(&head, &p);
	if (head.full)
		return -ENOBUFS;
	if (head.n > OFFER_MAX)
		return -EMSGSIZE;
	buf[head.n] = 0;
	*origin = next;
	return (int)head.n;
}

/* ---- comparing ------------------------------------------------------------------------------ */

static const struct offer_format *first_codec(const struct offer *o)
{
	for (unsigned i = 0; i < o->formats; i++)
		if (!format_aux(&o->format[i]))
			return &o->format[i];
	return NULL;
}

static bool codec_shared(const struct offer *offered, const struct offer *answer)
{
	const struct offer_format *f;
	for (unsigned i = 0; i < answer->formats; i++)
		if (!format_aux(&answer->format[i]) &&
		    (f = format_find(offered, &answer->format[i])) && !format_aux(f))
			return true;
	return false;
}

static enum offer_fit fit_without_audio(const struct offer *answer)
{
	for (unsigned i = 0; i < answer->lines; i++)
		if (answer->line[i].port)
			return OFFER_PROTO;
	return OFFER_REFUSED;
}

enum offer_fit offer_fits(const struct offer *offered, const struct offer *answer)
{
	if (offered->audio < 0)
		return OFFER_REFUSED;
	if (answer->audio < 0)
		return fit_without_audio(answer);
	if (answer->foreign)
		return OFFER_UNREACHABLE;
	if (!codec_shared(offered, answer))
		return OFFER_NO_CODEC;
	if (answer->lines != offered->lines || answer->audio != offered->audio)
		return OFFER_LINES_DIFFER;
	return OFFER_FITS;
}

const char *offer_fit_name(enum offer_fit f)
{
	static const char *const name[] = {
		[OFFER_FITS] = "fits",
		[OFFER_LINES_DIFFER] = "lines_differ",
		[OFFER_REFUSED] = "refused",
		[OFFER_NO_CODEC] = "no_codec",
		[OFFER_PROTO] = "proto",
		[OFFER_UNREACHABLE] = "unreachable",
	};
	return (unsigned)f < sizeof name / sizeof *name ? name[f] : "";
}

bool offer_same(const struct offer *bound, const struct offer *answer)
{
	for (unsigned i = 0; i < answer->formats; i++)
		if (!format_find(bound, &answer->format[i]))
			return false;
	return true;
}

bool offer_end(const struct offer *o, struct offer_end *end)
{
	if (o->audio < 0)
		return false;
	const struct offer_line *l = &o->line[o->audio];
	const struct offer_format *codec = first_codec(o);
	*end = (struct offer_end){
		.rtp = l->rtp,
		.rtcp = l->mux ? l->rtp : l->rtcp,
		.clock_rate = codec && codec->rate ? codec->rate : 8000,
		.ptime_ms = l->ptime ? l->ptime : 20,
		.direction = l->direction,
		.telephone_event = 0xff,
		.pt = codec ? codec->pt : 0xff,
		.mux = l->mux,
	};
	if (codec)
		memcpy(end->codec, codec->name, sizeof end->codec);
	for (unsigned i = o->formats; i-- > 0;)
		if (!strcasecmp(o->format[i].name, "telephone-event") &&
		    (end->telephone_event == 0xff || o->format[i].rate == end->clock_rate))
			end->telephone_event = o->format[i].pt;
	return true;
}

int offer_map(const struct offer *inside, const struct offer *outside, struct kedge_pt pt[8])
{
	int n = 0;
	for (unsigned i = 0; i < inside->formats && n < 8; i++) {
		const struct offer_format *f = &inside->format[i], *there = format_find(outside, f);
		if (there && there->pt != f->pt)
			pt[n++] = (struct kedge_pt){ f->pt, there->pt };
	}
	return n;
}
