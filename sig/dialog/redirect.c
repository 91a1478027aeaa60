// SPDX-License-Identifier: MIT
#include "sig/dialog/redirect.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/url.h>

static bool is_own(const struct conf_trunk *t, const struct kedge_addr *a)
{
	for (uint16_t i = 0; i < t->sources.count; i++)
		if (conf_net_holds(&t->sources.v[i], (const struct conf_addr *)a))
			return true;
	return false;
}

static bool literal(const char *host, struct kedge_addr *a)
{
	char text[INET6_ADDRSTRLEN + 2];
	size_t n = strlen(host);

	memset(a, 0, sizeof(*a));
	if (inet_pton(AF_INET, host, a->ip) == 1) {
		a->family = AF_INET;
		return true;
	}
	if (n < 3 || n >= sizeof(text) || host[0] != '[' || host[n - 1] != ']')
		return false;
	memcpy(text, host + 1, n - 2);
	text[n - 2] = 0;
	a->family = AF_INET6;
	return inet_pton(AF_INET6, text, a->ip) == 1;
}

static bool port_of(const url_t *url, uint16_t *port)
{
	unsigned long n = url->url_port && url->url_port[0] ? strtoul(url->url_port, NULL, 10) : 5060;

	*port = (uint16_t)n;
	return n > 0 && n <= 65535;
}

/* The address a Contact names, if it is the trunk's. */
static bool own_address(
    const struct conf_trunk *t, const struct kedge_addr *from, const url_t *url, struct kedge_addr *a)
{
	if (url->url_type != url_sip || !url->url_host || url->url_headers ||
	    (url->url_user && strpbrk(url->url_user, "<>\" \t\r\n")) || url_has_param(url, "maddr"))
		return false;
	if (strcasecmp(url->url_host, t->uri.host) == 0 && !literal(url->url_host, a)) {
		*a = *from; /* a name of its own: the hop that we know by it */
		return true;
	}
	return literal(url->url_host, a) && port_of(url, &a->port) && a->family == from->family && is_own(t, a);
}

static double weight(const sip_contact_t *m)
{
	return m->m_q ? strtod(m->m_q, NULL) : 1.0;
}

/* Who is called there: its user, or whom we called. */
static char *uri_of(su_home_t *home, const url_t *to, const char *called)
{
	size_t skip = strcspn(called, ":") + 1, length = strcspn(called, "@");
	const char *port = to->url_port ? to->url_port : "";
	bool same = !to->url_user && called[length] == '@' && length > skip;

	return su_sprintf(home, "sip:%.*s%s%s%s%s%s", same ? (int)(length - skip) : 0, same ? called + skip : "",
	    to->url_user ? to->url_user : "", same || to->url_user ? "@" : "", to->url_host, port[0] ? ":" : "", port);
}

bool redirect_read(struct redirect *r, su_home_t *home, const struct conf_trunk *t, const struct kedge_addr *from,
    const char *called, const struct sip_s *sip)
{
	const sip_contact_t *best = NULL;
	struct kedge_addr a;

	for (const sip_contact_t *m = ((const sip_t *)sip)->sip_contact; m; m = m->m_next) {
		if (!own_address(t, from, m->m_url, &a))
			return false;
		if (!best || weight(m) > weight(best)) {
			best = m;
			r->addr = a;
		}
	}
	if (!best)
		return false;
	r->ruri = uri_of(home, best->m_url, called);
	return r->ruri != NULL;
}
