// SPDX-License-Identifier: MIT
/* The resolvers: addresses taken from their texts, and what it means to have only one (A108). */
#include "config/load.h"

#include <stdio.h>
#include <string.h>

#include "config/value.h"

#define SERVERS 6 /* as QUESTION_SERVERS of sig/trunk/question.h */

void load_dns(struct load *l)
{
	struct conf_dns *d = &l->c->dns;
	struct conf_where w = load_where(l, &d->resolvers, d->where);

	d->servers.v = mem_get(l->m, (d->resolvers.count + 1) * sizeof(*d->servers.v));
	for (uint16_t i = 0; i < d->resolvers.count; i++)
		if (value_addr(d->resolvers.v[i], 53, &d->servers.v[d->servers.count]))
			d->servers.count++;
		else
			load_error(l, w, "dns.resolvers: expected \"192.0.2.53\", \"192.0.2.53:53\" or \"[2001:db8::53]:53\", got \"%s\"",
				d->resolvers.v[i]);
	if (d->servers.count > SERVERS)
		load_error(l, w, "dns.resolvers: at most %d", SERVERS);
}

/* The first trunk that hangs on the DNS. */
static const struct conf_trunk *by_name(const struct conf *c)
{
	for (uint16_t i = 0; i < c->trunks.count; i++)
		if (!c->trunks.v[i].hops.count && c->trunks.v[i].uri.host)
			return &c->trunks.v[i];
	return NULL;
}

void load_dns_alone(struct load *l)
{
	const struct conf_dns *d = &l->c->dns;
	const struct conf_trunk *t = by_name(l->c);

	if (t && d->resolvers.count == 1)
		load_warn(l, load_where(l, &d->resolvers, d->where),
			"dns.resolvers: one alone: when it dies no name (\"%s\" of trunk \"%s\") is looked up any more; name a second", t->uri.host, t->name);
}

/* The same of this machine's own list. */
void load_dns_system(struct load *l)
{
	const struct conf_trunk *t = by_name(l->c);
	FILE *f = t && !l->c->dns.resolvers.count ? fopen("/etc/resolv.conf", "re") : NULL;
	char line[256], word[16], address[64];
	unsigned count = 0;

	if (!f)
		return;
	while (fgets(line, sizeof(line), f))
		count += sscanf(line, " %15s %63s", word, address) == 2 && !strcmp(word, "nameserver");
	fclose(f);
	if (count < 2)
		load_warn(l, t->where,
			"trunk \"%s\": \"%s\" is looked up by the one nameserver of /etc/resolv.conf alone; name two in dns.resolvers", t->name, t->uri.host);
}
