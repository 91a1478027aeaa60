// SPDX-License-Identifier: MIT
#include "sig/profile.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/su_alloc.h>

#include "config/value.h"
#include "sig/header.h"
#include "sig/number.h"

/* ---- bytes from strangers ------------------------------------------------------------------- */

static bool is_control(unsigned char c)
{
	return c < 0x20 || c == 0x7f;
}

const char *profile_clean(char *buf, size_t size, const char *value)
{
	const unsigned char *p = (const unsigned char *)value;
	size_t n = 0;

	assert(size > 0);
	while (*p) {
		size_t step = is_control(*p) ? 0 : value_utf8(p, strnlen((const char *)p, 4));
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

/* Takes folding out of a header value (RFC 3261 7.3.1). False if another control character is in
 * it. */
static bool unfold(char *buf, size_t size, const char *value)
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
		if ((is_control((unsigned char)*p) && *p != '\t') || n + 1 >= size)
			return false;
		buf[n++] = *p;
	}
	buf[n] = 0;
	return true;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
	                              : -1;
}

/* The user of a URI in plain bytes, without parameters (RFC 3261 19.1.6) and password. False if it
 * is too long or holds control characters. */
static bool user_plain(char buf[static PROFILE_NUMBER], const char *user, size_t length)
{
	size_t n = 0;

	for (size_t i = 0; i < length && user[i] != ';' && user[i] != ':'; i++) {
		char c = user[i];

		if (c == '%' && i + 2 < length && hex_digit(user[i + 1]) >= 0 &&
		    hex_digit(user[i + 2]) >= 0) {
			c = (char)(hex_digit(user[i + 1]) << 4 | hex_digit(user[i + 2]));
			i += 2;
		}
		if (is_control((unsigned char)c) || n + 1 >= PROFILE_NUMBER)
			return false;
		buf[n++] = c;
	}
	buf[n] = 0;
	return true;
}

/* ---- numbers -------------------------------------------------------------------------------- */

static_assert(PROFILE_NUMBER == NUMBER_MAX, "one room for both");

const char *profile_number(
    char buf[static PROFILE_NUMBER], const char *user, const struct conf_headers *h, bool called)
{
	if (!number_write(buf, user, h, called))
		profile_clean(buf, PROFILE_NUMBER, user);
	return buf;
}

const char *profile_digits(char buf[static PROFILE_NUMBER], const char *user)
{
	return number_digits(buf, user);
}

/* ---- writing -------------------------------------------------------------------------------- */

struct writer { /* into out->text; one string at a time, ended by string_end */
	struct profile_out *out;
	size_t begin;
	bool full;
};

static void put_bytes(struct writer *w, const char *p, size_t n)
{
	if (w->full || n >= sizeof w->out->text - w->out->used) {
		w->full = true;
		return;
	}
	memcpy(w->out->text + w->out->used, p, n);
	w->out->used += n;
}

static void put(struct writer *w, const char *text)
{
	put_bytes(w, text, strlen(text));
}

static const char *string_end(struct writer *w)
{
	const char *text = w->out->text + w->begin;

	put_bytes(w, "", 1);
	w->begin = w->out->used;
	return w->full ? "" : text;
}

/* A user part (RFC 3261 25.1): what may not stand in it is escaped. */
static void put_user(struct writer *w, const char *user)
{
	for (const unsigned char *p = (const unsigned char *)user; *p; p++) {
		char hex[4];

		if ((*p >= '0' && *p <= '9') || ((*p | 32) >= 'a' && (*p | 32) <= 'z') ||
		    strchr("-_.!~*'()&=+$,/", *p)) {
			put_bytes(w, (const char *)p, 1);
		} else {
			snprintf(hex, sizeof hex, "%%%02X", *p);
			put(w, hex);
		}
	}
}

/* The inside of a quoted string. */
static void put_escaped(struct writer *w, const char *text)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			put(w, "\\");
		put_bytes(w, text, 1);
	}
}

/* "Bob" <sip:user@host>; without display and quotes where there is none. */
static void put_name_addr(
    struct writer *w, const char *display, const char *scheme, const char *user, const char *host)
{
	if (display[0]) {
		put(w, "\"");
		put_escaped(w, display);
		put(w, "\" ");
	}
	put(w, "<");
	put(w, scheme);
	put(w, ":");
	put_user(w, user);
	if (host) {
		put(w, user[0] ? "@" : "");
		put(w, host);
	}
	put(w, ">");
}

/* ---- name-addr lists ------------------------------------------------------------------------ */

struct span {
	const char *p;
	size_t n;
};

struct name_addr { /* one of P-Asserted-Identity, Diversion, History-Info; spans of the value */
	char display[PROFILE_DISPLAY];
	char user[PROFILE_NUMBER]; /* plain */
	bool tel;
	struct span uri_params, params;
};

static bool span_is(struct span s, const char *word)
{
	return s.n == strlen(word) && !strncasecmp(s.p, word, s.n);
}

static struct span span_trim(struct span s)
{
	while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
		s.p++, s.n--;
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* Takes what stands before the next of `stops` off s, outside quotes and <>. *stop: what it was, 0:
 * the end. */
static struct span span_upto(struct span *s, const char *stops, char *stop)
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

/* A display name, quoted or not, in plain text. */
static void display_plain(char buf[static PROFILE_DISPLAY], struct span s)
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
	return user_plain(a->user, user.p, user.n);
}

/* Takes the next entry off a list. False: nothing, or nothing that could be read, is left. */
static bool name_addr_next(struct span *list, struct name_addr *a)
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
	display_plain(a->display, (struct span){ head.p, (size_t)(open - head.p) });
	return uri_read(a, span_trim((struct span){ open + 1, (size_t)(close - open - 1) }));
}

/* Passes the parameters named in `names` ("|a|b|") whose value is a plain token. */
static void put_params(struct writer *w, struct span params, const char *names)
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
		       (strchr("=-.!%*_+`'~", one.p[token]) || hex_digit(one.p[token]) >= 0 ||
		           ((one.p[token] | 32) >= 'a' && (one.p[token] | 32) <= 'z')))
			token++;
		if (snprintf(key, sizeof key, "|%.*s|", (int)name.n, name.p) >= (int)sizeof key ||
		    token < one.n || !strcasestr(names, key))
			continue;
		put(w, ";");
		put_bytes(w, one.p, one.n);
	}
}

/* ---- what is known of a call ---------------------------------------------------------------- */

enum {
	PRIVACY_ID = 1,
	PRIVACY_USER = 2,
	PRIVACY_HEADER = 4,
	PRIVACY_HISTORY = 8,
	PRIVACY_SESSION = 16,
	PRIVACY_NONE = 32,
	PRIVACY_CRITICAL = 64,
	PRIVACY_UNKNOWN = 128
};

struct maker { /* one header set in the making */
	struct writer w;
	const struct profile_in *in;
	const struct conf_trunk *to;
	unsigned privacy;
	bool believed;  /* the source is trusted */
	bool hidden;    /* this trunk must not learn who calls */
	bool anonymous; /* From says nobody */
	char host[256]; /* of From, and in place of inside hosts */
	char from_user[PROFILE_NUMBER], from_display[PROFILE_DISPLAY]; /* as came, plain */
	char
	    identity[PROFILE_NUMBER]; /* the caller's number: asserted, else From's; "" not known */
	char number[PROFILE_NUMBER];  /* called, plain */
	char src[PROFILE_NUMBER], dst[PROFILE_NUMBER]; /* as this trunk wants them */
};

static bool name_is(const char *name, const char *full, const char *brief)
{
	return !strcasecmp(name, full) || (brief && !strcasecmp(name, brief));
}

static unsigned privacy_word(struct span word)
{
	static const struct {
		const char *word;
		unsigned bit;
	} known[] = {
		{ "id", PRIVACY_ID },
		{ "user", PRIVACY_USER },
		{ "header", PRIVACY_HEADER },
		{ "history", PRIVACY_HISTORY },
		{ "session", PRIVACY_SESSION },
		{ "none", PRIVACY_NONE },
		{ "critical", PRIVACY_CRITICAL },
	};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (span_is(word, known[i].word))
			return known[i].bit;
	return word.n ? PRIVACY_UNKNOWN : 0;
}

static unsigned privacy_of(const struct profile_in *in)
{
	unsigned all = 0;

	for (unsigned i = 0; i < in->headers; i++) {
		struct span value = { in->header[i].value, strlen(in->header[i].value) };
		char stop = ';';

		while (name_is(in->header[i].name, "Privacy", NULL) && stop)
			all |= privacy_word(span_trim(span_upto(&value, ";,", &stop)));
	}
	return all & PRIVACY_NONE ? PRIVACY_NONE : all;
}

/* The first number a trusted source asserts, "" if none. */
static void asserted(struct maker *m, char buf[static PROFILE_NUMBER])
{
	const struct profile_in *in = m->in;

	buf[0] = 0;
	for (unsigned i = 0; m->believed && i < in->headers && !buf[0]; i++) {
		struct name_addr a;
		struct span list = { in->header[i].value, strlen(in->header[i].value) };

		if (name_is(in->header[i].name, "P-Asserted-Identity", NULL) &&
		    name_addr_next(&list, &a))
			strcpy(buf, a.user);
	}
}

static void local_text(char *buf, size_t size, const struct kedge_addr *a)
{
	char ip[INET6_ADDRSTRLEN];

	inet_ntop(a->family, a->ip, ip, sizeof ip);
	snprintf(buf, size, a->family == AF_INET6 ? "[%s]" : "%s", ip);
}

static void host_choose(struct maker *m, const struct kedge_addr *local)
{
	if (m->to->headers.from_host[0])
		snprintf(m->host, sizeof m->host, "%s", m->to->headers.from_host);
	else if (m->to->outbound_proxy.host)
		snprintf(m->host, sizeof m->host, "%s", m->to->uri.host);
	else
		local_text(m->host, sizeof m->host, local);
}

static bool says_nobody(const struct profile_in *in, const char *user)
{
	const char *host = in->from_host ? in->from_host : "";

	return !strcasecmp(host, "anonymous.invalid") || !strcasecmp(user, "anonymous");
}

/* Copies plain text. False if it is too long or holds control characters. */
static bool text_fits(char buf[static PROFILE_NUMBER], const char *text)
{
	size_t n = 0;

	for (; text[n]; n++) {
		if (is_control((unsigned char)text[n]) || n + 1 >= PROFILE_NUMBER)
			return false;
		buf[n] = text[n];
	}
	buf[n] = 0;
	return true;
}

static int maker_init(struct maker *m, const struct profile_in *in, const struct conf_trunk *source,
    const struct conf_trunk *to, const struct kedge_addr *local)
{
	const char *user = in->from_user ? in->from_user : "",
	           *display = in->from_display ? in->from_display : "";

	m->in = in;
	m->to = to;
	m->believed = source && source->trusted;
	m->privacy = privacy_of(in);
	if ((m->privacy & PRIVACY_CRITICAL) && (m->privacy & PRIVACY_UNKNOWN))
		return -ENOTSUP;
	if (!in->number || !in->number[0] || !text_fits(m->number, in->number))
		return -EINVAL;
	if (!user_plain(m->from_user, user, strlen(user)))
		m->from_user[0] = 0;
	display_plain(m->from_display, (struct span){ display, strlen(display) });
	host_choose(m, local);
	m->hidden = !to->trusted && (m->privacy & (PRIVACY_ID | PRIVACY_USER));
	m->anonymous = (m->privacy & PRIVACY_USER) || says_nobody(in, m->from_user);
	asserted(m, m->identity);
	if (!m->identity[0] && !says_nobody(in, m->from_user))
		strcpy(m->identity, m->from_user);
	profile_number(m->dst, m->number, &to->headers, true);
	profile_number(m->src, m->anonymous ? "anonymous" : m->from_user, &to->headers, false);
	return 0;
}

/* ---- start line, From, To ------------------------------------------------------------------- */

static void make_ruri(struct maker *m, struct profile_out *out)
{
	const struct conf_uri *uri = &m->to->uri;
	char port[8] = "";

	put(&m->w, "sip:");
	put_user(&m->w, m->dst);
	put(&m->w, "@");
	put(&m->w, uri->host);
	if (uri->port)
		snprintf(port, sizeof port, ":%u", uri->port);
	put(&m->w, port);
	if (uri->transport == CONF_TCP)
		put(&m->w, ";transport=tcp");
	out->ruri = string_end(&m->w);
}

static void make_from_to(struct maker *m, struct profile_out *out)
{
	if (m->anonymous)
		put_name_addr(&m->w, "Anonymous", "sip", "anonymous", "anonymous.invalid");
	else
		put_name_addr(&m->w, m->from_display, "sip", m->src, m->host);
	out->from = string_end(&m->w);
	put_name_addr(&m->w, "", "sip", m->dst, m->to->uri.host);
	out->to = string_end(&m->w);
	put_user(&m->w, m->src);
	out->contact_user = string_end(&m->w);
	put(&m->w, m->src);
	out->src = string_end(&m->w);
	put(&m->w, m->dst);
	out->dst = string_end(&m->w);
	out->anonymous = m->anonymous;
}

/* ---- headers -------------------------------------------------------------------------------- */

enum rule {
	RULE_OWN,
	RULE_PASS,
	RULE_PBX,
	RULE_PAI,
	RULE_PRIVACY,
	RULE_DIVERSION,
	RULE_IDENTITY,
	RULE_ASK
};

static enum rule rule_of(const char *name)
{
	static const struct {
		const char *name, *brief;
		enum rule rule;
	} known[] = {
		{ "Subject", "s", RULE_PASS },
		{ "Priority", NULL, RULE_PASS },
		{ "Accept-Language", NULL, RULE_PASS },
		{ "User-to-User", NULL, RULE_PASS },
		{ "Alert-Info", NULL, RULE_PBX },
		{ "P-Asserted-Identity", NULL, RULE_PAI },
		{ "Privacy", NULL, RULE_PRIVACY },
		{ "Diversion", NULL, RULE_DIVERSION },
		{ "History-Info", NULL, RULE_DIVERSION },
		{ "Identity", "y", RULE_IDENTITY },
		{ "Identity-Info", "n", RULE_IDENTITY },
		{ "Date", NULL, RULE_IDENTITY },
	};
	/* Kedge's own part of the dialog: no pattern of headers.pass reaches these. */
	static const char *const own[] = { "Via", "v", "From", "f", "To", "t", "Call-ID", "i",
		"CSeq", "Contact", "m", "Max-Forwards", "Route", "Record-Route", "Path",
		"Content-Length", "l", "Content-Type", "c", "Content-Encoding", "e",
		"Content-Disposition", "MIME-Version", "Supported", "k", "Require", "Proxy-Require",
		"Allow", "Accept", "Accept-Encoding", "Authorization", "Proxy-Authorization",
		"Session-Expires", "x", "Min-SE", "RSeq", "RAck", "Replaces", "Join", "Expires",
		"Timestamp", "User-Agent", "Server", "P-Preferred-Identity" };

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (name_is(name, known[i].name, known[i].brief))
			return known[i].rule;
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		if (!strcasecmp(name, own[i]))
			return RULE_OWN;
	return RULE_ASK;
}

static bool name_valid(const char *name)
{
	size_t n = strspn(
	    name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~");

	return n > 0 && !name[n];
}

/* "X-Account", or all that begin alike: "X-*". */
static bool listed(const struct conf_strings *names, const char *name)
{
	for (unsigned i = 0; i < names->count; i++) {
		const char *one = names->v[i];
		size_t n = strlen(one);

		if (n && one[n - 1] == '*' ? !strncasecmp(name, one, n - 1)
		                           : !strcasecmp(name, one))
			return true;
	}
	return false;
}

static bool replaced(const struct conf_headers *h, const char *name)
{
	for (unsigned i = 0; i < h->lines.count; i++)
		if (!strcasecmp(h->lines.v[i].name, name))
			return true;
	return false;
}

/* Writes one line, or nothing if it does not fit. */
static void put_line(struct maker *m, const char *name, const char *value)
{
	size_t before = m->w.out->used;

	put(&m->w, name);
	put(&m->w, ": ");
	put(&m->w, value);
	put(&m->w, "\r\n");
	if (m->w.full || sizeof m->w.out->text - m->w.out->used < 2) {
		m->w.out->used = before;
		m->w.full = false;
		m->w.out->left_out++;
	}
}

static void pass(struct maker *m, const struct profile_header *h)
{
	char line[2048], clean[2048];

	if (!name_valid(h->name) || !unfold(line, sizeof line, h->value))
		m->w.out->left_out++;
	else
		put_line(m, h->name, profile_clean(clean, sizeof clean, line));
}

/* Ends a line made piece by piece since `before`; one without entries, or too long, is taken back. */
static void line_end(struct maker *m, size_t before, bool any)
{
	put(&m->w, "\r\n");
	if (!any || m->w.full) {
		m->w.out->used = before;
		m->w.out->left_out += m->w.full;
		m->w.full = false;
	}
}

static void pass_pai(struct maker *m, const struct profile_header *h)
{
	struct span list = { h->value, strlen(h->value) };
	struct name_addr a;
	size_t before = m->w.out->used;
	bool any = false;
	char number[PROFILE_NUMBER];

	put(&m->w, "P-Asserted-Identity: ");
	for (; name_addr_next(&list, &a); any = true) {
		profile_number(number, a.user, &m->to->headers, false);
		put(&m->w, any ? ", " : "");
		put_name_addr(
		    &m->w, a.display, a.tel ? "tel" : "sip", number, a.tel ? NULL : m->host);
	}
	line_end(m, before, any);
}

static void pass_diversion(struct maker *m, const struct profile_header *h)
{
	struct span list = { h->value, strlen(h->value) };
	struct name_addr a;
	size_t before = m->w.out->used;
	bool any = false, history = !strcasecmp(h->name, "History-Info");
	char number[PROFILE_NUMBER];

	put(&m->w, history ? "History-Info: " : "Diversion: ");
	for (; name_addr_next(&list, &a); any = true) {
		profile_number(number, a.user, &m->to->headers, false);
		put(&m->w, any ? ", " : "");
		put_name_addr(&m->w, a.display, "sip", number, m->host);
		if (history && a.uri_params.n) {
			m->w.out->used--; /* the >: why it was moved stands in the URI (RFC 4458) */
			put_params(&m->w, a.uri_params, "|cause|");
			put(&m->w, ">");
		}
		put_params(&m->w, a.params, "|reason|counter|limit|privacy|screen|index|rc|mp|np|");
	}
	line_end(m, before, any);
}

/* What is left to ask of the next hop (RFC 3323 5: what was done is taken off). */
static void pass_privacy(struct maker *m)
{
	if (m->privacy & PRIVACY_NONE)
		put_line(m, "Privacy", "none");
	else if (m->privacy & PRIVACY_ID)
		put_line(m, "Privacy", m->privacy & PRIVACY_CRITICAL ? "id;critical" : "id");
}

/* What RFC 8224 signed must arrive as it was: both numbers, and the caller's shown. */
static bool identity_holds(const struct maker *m)
{
	char a[PROFILE_NUMBER], b[PROFILE_NUMBER];

	if (m->hidden || (m->anonymous && !m->identity[0]))
		return false;
	if (strcmp(profile_digits(a, m->number), profile_digits(b, m->dst)))
		return false;
	return m->anonymous || !strcmp(profile_digits(a, m->from_user), profile_digits(b, m->src));
}

static bool has_header(const struct profile_in *in, const char *name, const char *brief)
{
	for (unsigned i = 0; i < in->headers; i++)
		if (name_is(in->header[i].name, name, brief))
			return true;
	return false;
}

static void pass_identity(struct maker *m, const struct profile_header *h)
{
	if (!has_header(m->in, "Identity", "y"))
		return; /* a Date alone is the caller's clock */
	if (identity_holds(m))
		pass(m, h);
	else
		m->w.out->identity_broken = true;
}

static void cross(struct maker *m, const struct profile_header *h)
{
	const struct conf_headers *rules = &m->to->headers;

	if (listed(&rules->strip, h->name) || replaced(rules, h->name))
		return;
	switch (rule_of(h->name)) {
	case RULE_PASS:
		pass(m, h);
		break;
	case RULE_PBX:
		if (m->to->side == CONF_SIDE_PBX || listed(&rules->pass, h->name))
			pass(m, h);
		break;
	case RULE_PAI:
		if (rules->pai == CONF_PAI_KEEP && m->believed && !m->hidden)
			pass_pai(m, h);
		break;
	case RULE_DIVERSION:
		if (!(m->privacy & (PRIVACY_HEADER | PRIVACY_HISTORY)))
			pass_diversion(m, h);
		break;
	case RULE_IDENTITY:
		pass_identity(m, h);
		break;
	case RULE_ASK:
		if (listed(&rules->pass, h->name))
			pass(m, h);
		break;
	case RULE_OWN:
	case RULE_PRIVACY: /* written once, for all of them */
		break;
	}
}

/* pai = "set": the caller's number as this trunk wants it. */
static void make_pai(struct maker *m)
{
	const struct conf_headers *rules = &m->to->headers;
	size_t before = m->w.out->used;
	char number[PROFILE_NUMBER];

	if (rules->pai != CONF_PAI_SET || m->hidden || !m->identity[0] ||
	    replaced(rules, "P-Asserted-Identity") || listed(&rules->strip, "P-Asserted-Identity"))
		return;
	put(&m->w, "P-Asserted-Identity: ");
	put_name_addr(&m->w, "", "sip", profile_number(number, m->identity, rules, false), m->host);
	line_end(m, before, true);
}

static void put_e164(struct writer *w, const char *user)
{
	static const struct conf_headers e164 = { .format = CONF_NUMBER_E164, .prefix_add = "" };
	char number[PROFILE_NUMBER];

	put_user(w, number_write(number, user, &e164, false) ? number : user);
}

/* The value of one ${name}. False: it is not to be told here. */
static bool put_variable(struct maker *m, struct span name)
{
	char number[PROFILE_NUMBER], hex[24];
	bool from = name.n > 5 && !strncmp(name.p, "from.", 5);

	if (from && (m->hidden || !m->identity[0]))
		return false;
	if (span_is(name, "from.user")) {
		put_user(&m->w, profile_number(number, m->identity, &m->to->headers, false));
	} else if (span_is(name, "from.e164")) {
		put_e164(&m->w, m->identity);
	} else if (span_is(name, "from.display")) {
		put_escaped(&m->w, m->anonymous ? "" : m->from_display);
	} else if (span_is(name, "to.user")) {
		put_user(&m->w, m->dst);
	} else if (span_is(name, "to.e164")) {
		put_e164(&m->w, m->number);
	} else if (span_is(name, "call.id")) {
		snprintf(hex, sizeof hex, "%016llx", (unsigned long long)m->in->call_id);
		put(&m->w, hex);
	} else if (span_is(name, "trunk.name")) {
		put(&m->w, m->to->name);
	}
	return true;
}

static void make_set(struct maker *m, const struct conf_header *h)
{
	size_t before = m->w.out->used;
	bool told = true;

	put(&m->w, h->name);
	put(&m->w, ": ");
	for (const char *p = h->value; *p && told;) {
		const char *close = !strncmp(p, "${", 2) ? strchr(p, '}') : NULL;

		if (close) {
			told = put_variable(m, (struct span){ p + 2, (size_t)(close - p - 2) });
			p = close + 1;
		} else {
			put_bytes(&m->w, is_control((unsigned char)*p) ? " " : p, 1);
			p++;
		}
	}
	line_end(m, before, told);
}

static void make_lines(struct maker *m)
{
	const struct profile_in *in = m->in;
	const struct conf_headers *rules = &m->to->headers;

	for (unsigned i = 0; i < in->headers; i++)
		cross(m, &in->header[i]);
	if (!listed(&rules->strip, "Privacy") && !replaced(rules, "Privacy"))
		pass_privacy(m);
	make_pai(m);
	for (unsigned i = 0; i < rules->lines.count; i++)
		make_set(m, &rules->lines.v[i]);
}

int profile_make(struct profile_out *out, const struct profile_in *in,
    const struct conf_trunk *source, const struct conf_trunk *to, const struct kedge_addr *local)
{
	struct maker m = { .w.out = out };
	int rc = maker_init(&m, in, source, to, local);

	if (rc)
		return rc;
	out->used = 0;
	out->left_out = in->left_out;
	out->anonymous = out->identity_broken = false;
	make_ruri(&m, out);
	make_from_to(&m, out);
	if (m.w.full)
		return -ENOBUFS;
	make_lines(&m);
	out->lines = string_end(&m.w);
	return m.w.full ? -ENOBUFS : 0;
}

/* ---- from the library ----------------------------------------------------------------------- */

static const char *url_number(const url_t *url)
{
	const char *user =
	    url->url_type == url_tel && !url->url_user ? url->url_host : url->url_user;

	return user ? user : "";
}

static const char *number_of(char buf[static PROFILE_NUMBER], const url_t *url)
{
	static const struct conf_headers as_is = {
		.prefix_strip = "", .prefix_add = "", .country = ""
	};
	const char *user = url_number(url);
	char plain[PROFILE_NUMBER];

	if (!user_plain(plain, user, strlen(user)))
		plain[0] = 0;
	return profile_number(buf, plain, &as_is, false);
}

const char *profile_called(char buf[static PROFILE_NUMBER], const struct sip_s *sip)
{
	return number_of(buf, sip->sip_request->rq_url);
}

void profile_caller(char number[static PROFILE_NUMBER], char display[static PROFILE_DISPLAY],
    const struct sip_s *sip)
{
	const char *name = sip->sip_from->a_display ? sip->sip_from->a_display : "";

	number_of(number, sip->sip_from->a_url);
	display_plain(display, (struct span){ name, strlen(name) });
}

static void take(struct profile_in *in, const char *name, const char *value)
{
	if (!name || !value)
		return;
	if (in->headers == PROFILE_HEADERS_IN)
		in->left_out++;
	else
		in->header[in->headers++] = (struct profile_header){ name, value };
}

void profile_read(struct profile_in *in, const struct sip_s *sip, void *home, const char *number,
    uint64_t call_id)
{
	const sip_t *m = sip;
	const sip_from_t *from = m->sip_from;

	*in = (struct profile_in){ .number = number, .call_id = call_id };
	if (from) {
		const url_t *url = from->a_url;
		bool tel = url->url_type == url_tel;

		in->from_display = from->a_display;
		in->from_user = url_number(url);
		in->from_host = tel ? NULL : url->url_host;
	}
	for (sip_header_t *h = (sip_header_t *)m->sip_request; h; h = (sip_header_t *)h->sh_succ) {
		const char *name = h->sh_class->hc_name;

		if (h->sh_class == sip_unknown_class)
			take(in, h->sh_unknown->un_name, h->sh_unknown->un_value);
		else if (name && name[0] && rule_of(name) != RULE_OWN)
			take(in, name, header_text(home, h));
	}
}
