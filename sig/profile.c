// SPDX-License-Identifier: MIT
#include "sig/profile.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "sig/number.h"
#include "sig/profile_part.h"

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

/* ---- what is known of a call ----------------------------------------------------------------- */

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

		while (profile_name_is(in->header[i].name, "Privacy", NULL) && stop)
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

		if (profile_name_is(in->header[i].name, "P-Asserted-Identity", NULL) &&
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
	if (!in->number || !in->number[0] || !plain_fits(m->number, in->number))
		return -EINVAL;
	if (!plain_user(m->from_user, user, strlen(user)))
		m->from_user[0] = 0;
	plain_display(m->from_display, (struct span){ display, strlen(display) });
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

/* ---- start line, From, To -------------------------------------------------------------------- */

static void make_ruri(struct maker *m, struct profile_out *out)
{
	const struct conf_uri *uri = &m->to->uri;
	char port[8] = "";

	put_text(&m->w, "sip:");
	put_user(&m->w, m->dst);
	put_text(&m->w, "@");
	put_text(&m->w, uri->host);
	if (uri->port)
		snprintf(port, sizeof port, ":%u", uri->port);
	put_text(&m->w, port);
	if (uri->transport == CONF_TCP)
		put_text(&m->w, ";transport=tcp");
	out->ruri = put_end(&m->w);
}

static void make_from_to(struct maker *m, struct profile_out *out)
{
	if (m->anonymous)
		put_name_addr(&m->w, "Anonymous", "sip", "anonymous", "anonymous.invalid");
	else
		put_name_addr(&m->w, m->from_display, "sip", m->src, m->host);
	out->from = put_end(&m->w);
	put_name_addr(&m->w, "", "sip", m->dst, m->to->uri.host);
	out->to = put_end(&m->w);
	put_user(&m->w, m->src);
	out->contact_user = put_end(&m->w);
	put_text(&m->w, m->src);
	out->src = put_end(&m->w);
	put_text(&m->w, m->dst);
	out->dst = put_end(&m->w);
	out->anonymous = m->anonymous;
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
	profile_make_lines(&m);
	out->lines = put_end(&m.w);
	return m.w.full ? -ENOBUFS : 0;
}
