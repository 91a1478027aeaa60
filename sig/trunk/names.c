// SPDX-License-Identifier: MIT
#include "sig/trunk/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "config/clock.h"
#include "config/event.h"
#include "routing/health_dns.h"
#include "sig/edge/listen.h"
#include "sig/trunk/resolve.h"

static struct {
	struct resolve_name *name[HEALTH_TRUNKS]; /* by trunk; NULL: literal hops, or none */
	struct kedge_sig_counters *count;
	const struct conf *conf;
	struct health *health;
	void (*changed)(void);
	bool open;
} names;

/* Where the requests of a trunk go, if that is a name; else NULL. */
static const struct conf_uri *name_of(const struct conf *conf, uint16_t trunk)
{
	const struct conf_trunk *t = trunk < conf->trunks.count ? &conf->trunks.v[trunk] : NULL;

	if (!t || t->gone || t->hops.count)
		return NULL;
	return t->outbound_proxy.host ? &t->outbound_proxy : &t->uri;
}

static enum health_reason reason_of(enum question_end end)
{
	return end == QUESTION_SILENT || end == QUESTION_REFUSED ? HEALTH_DNS_TIMEOUT : HEALTH_DNS_NXDOMAIN;
}

static void on_done(void *ctx, const struct resolve_result *r)
{
	uint16_t trunk = (uint16_t)((struct resolve_name **)ctx - names.name);
	struct health_found found[RESOLVE_MAX];
	uint64_t now = clock_mono_ns();

	static_assert(RESOLVE_MAX <= HEALTH_TRUNK_HOPS, "a trunk has room for all of a name's");
	static_assert(RESOLVE_NO_SRV == HEALTH_NO_SRV, "one meaning");
	for (unsigned i = 0; i < r->count; i++)
		found[i] = (struct health_found){ r->hop[i].addr, r->hop[i].transport, r->hop[i].priority, r->hop[i].weight };
	if (r->end != QUESTION_FOUND)
		segment_add(reason_of(r->end) == HEALTH_DNS_TIMEOUT ? &names.count->dns_timeout : &names.count->dns_nxdomain, 1);
	if (r->end != QUESTION_FOUND)
		health_dns_failed(names.health, trunk, reason_of(r->end), r->expired, now);
	else if (health_dns_found(names.health, trunk, found, r->count, now) < 0)
		event_log(config_warning, .at = names.conf->trunks.v[trunk].name, .why = "no room for all addresses of its name");
	names.changed();
}

static unsigned families(const struct conf_trunk *t, bool tcp)
{
	struct kedge_addr ours;
	unsigned what = 0;

	if (listen_local(t->interface, AF_INET, tcp, &ours) == 0)
		what |= RESOLVE_A;
	if (listen_local(t->interface, AF_INET6, tcp, &ours) == 0)
		what |= RESOLVE_AAAA;
	return what;
}

/* What the plane before knew of a name holds until the DNS says otherwise. */
static int look_up(uint16_t trunk)
{
	const struct conf_trunk *t = &names.conf->trunks.v[trunk];
	struct resolve_ways ways = { { [CONF_UDP] = families(t, false), [CONF_TCP] = families(t, true) } };

	health_hops_left(names.health, trunk, clock_mono_ns());
	names.name[trunk] = resolve_open(name_of(names.conf, trunk), &ways, on_done, &names.name[trunk]);
	return names.name[trunk] ? 0 : -ENOMEM;
}

int names_start(su_root_t *root, const struct segment *seg, const struct conf *conf, struct health *health, void (*changed)(void))
{
	int err;

	names.count = segment_counters(seg);
	names.conf = conf;
	names.health = health;
	names.changed = changed;
	err = resolve_init(root, conf);
	names.open = true;
	for (uint16_t i = 0; i < conf->trunks.count && i < HEALTH_TRUNKS && !err; i++)
		if (name_of(conf, i))
			err = look_up(i);
	return err;
}

static bool same_name(const struct conf_uri *a, const struct conf_uri *b)
{
	return !strcasecmp(a->host, b->host) && a->port == b->port && a->transport == b->transport && a->named == b->named;
}

int names_follow(const struct conf *next)
{
	const struct conf *before = names.conf;
	int err = 0;

	names.conf = next;
	resolve_follow(next);
	for (uint16_t i = 0; i < HEALTH_TRUNKS && !err; i++) {
		const struct conf_uri *was = name_of(before, i), *is = name_of(next, i);

		if (was && is && names.name[i] && same_name(was, is) && before->trunks.v[i].interface == next->trunks.v[i].interface) {
			resolve_move(names.name[i], is);
			continue;
		}
		if (names.name[i]) {
			resolve_close(names.name[i]);
			health_dns_forget(names.health, i, clock_mono_ns());
		}
		names.name[i] = NULL;
		if (is)
			err = look_up(i);
	}
	return err;
}

void names_fini(void)
{
	if (names.open)
		resolve_fini();
	memset(&names, 0, sizeof(names));
}

/* The trunk of a hop with this address among those without sources; one of the local interface wins. */
static uint16_t trunk_of_hop(const struct conf *conf, const struct health *h, const struct kedge_addr *addr, uint16_t iface)
{
	uint16_t best = CONF_NONE;

	for (uint16_t i = 0; i < h->hop_count; i++) {
		const struct health_hop *p = &h->hop[i];

		if (!p->used || p->trunk == CONF_NONE || p->addr.family != addr->family || memcmp(p->addr.ip, addr->ip, sizeof(addr->ip)))
			continue;
		if (conf->trunks.v[p->trunk].sources.count)
			continue;
		if (best == CONF_NONE || (conf->trunks.v[best].interface != iface && conf->trunks.v[p->trunk].interface == iface))
			best = p->trunk;
	}
	return best;
}

uint16_t names_trunk_of(const struct conf *conf, const struct health *health, const struct kedge_addr *addr, uint16_t iface)
{
	uint16_t trunk = conf_trunk_of(conf, (const struct conf_addr *)addr, iface);

	return trunk == CONF_NONE ? trunk_of_hop(conf, health, addr, iface) : trunk;
}
