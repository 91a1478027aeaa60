// SPDX-License-Identifier: MIT
#include "sig/profile_part.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "sig/number.h"

bool profile_name_is(const char *name, const char *full, const char *brief)
{
	return !strcasecmp(name, full) || (brief && !strcasecmp(name, brief));
}

enum profile_rule profile_rule_of(const char *name)
{
	static const struct {
		const char *name, *brief;
		enum profile_rule rule;
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
		if (profile_name_is(name, known[i].name, known[i].brief))
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

	put_text(&m->w, name);
	put_text(&m->w, ": ");
	put_text(&m->w, value);
	put_text(&m->w, "\r\n");
	if (m->w.full || sizeof m->w.out->text - m->w.out->used < 2) {
		m->w.out->used = before;
		m->w.full = false;
		m->w.out->left_out++;
	}
}

static void pass(struct maker *m, const struct profile_header *h)
{
	char line[2048], clean[2048];

	if (!name_valid(h->name) || !plain_unfold(line, sizeof line, h->value))
		m->w.out->left_out++;
	else
		put_line(m, h->name, profile_clean(clean, sizeof clean, line));
}

/* Ends a line made piece by piece since `before`; one without entries, or too long, is taken back. */
static void line_end(struct maker *m, size_t before, bool any)
{
	put_text(&m->w, "\r\n");
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

	put_text(&m->w, "P-Asserted-Identity: ");
	for (; name_addr_next(&list, &a); any = true) {
		profile_number(number, a.user, &m->to->headers, false);
		put_text(&m->w, any ? ", " : "");
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

	put_text(&m->w, history ? "History-Info: " : "Diversion: ");
	for (; name_addr_next(&list, &a); any = true) {
		profile_number(number, a.user, &m->to->headers, false);
		put_text(&m->w, any ? ", " : "");
		put_name_addr(&m->w, a.display, "sip", number, m->host);
		if (history && a.uri_params.n) {
			m->w.out->used--; /* the >: why it was moved stands in the URI (RFC 4458) */
			put_params(&m->w, a.uri_params, "|cause|");
			put_text(&m->w, ">");
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
		if (profile_name_is(in->header[i].name, name, brief))
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
	switch (profile_rule_of(h->name)) {
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
	put_text(&m->w, "P-Asserted-Identity: ");
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
		put_text(&m->w, hex);
	} else if (span_is(name, "trunk.name")) {
		put_text(&m->w, m->to->name);
	}
	return true;
}

static void make_set(struct maker *m, const struct conf_header *h)
{
	size_t before = m->w.out->used;
	bool told = true;

	put_text(&m->w, h->name);
	put_text(&m->w, ": ");
	for (const char *p = h->value; *p && told;) {
		const char *close = !strncmp(p, "${", 2) ? strchr(p, '}') : NULL;

		if (close) {
			told = put_variable(m, (struct span){ p + 2, (size_t)(close - p - 2) });
			p = close + 1;
		} else {
			put_bytes(&m->w, plain_control((unsigned char)*p) ? " " : p, 1);
			p++;
		}
	}
	line_end(m, before, told);
}

void profile_make_lines(struct maker *m)
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
