// SPDX-License-Identifier: MIT
/* Rules over several settings. Errors are contradictions that would cost calls; warnings are choices that
 * are usually slips. */
#include "config/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "config/value.h"

#define TEXT(ms) value_ms_text(ms, (char[VALUE_TEXT]){ 0 })

/* ---- whole box ------------------------------------------------------------------------------ */

static void test_only(struct load *l)
{
	const struct conf_test *t = &l->c->test;
	const char *allowed = getenv("KEDGE_TEST");

	if (t->time_scale != 1 && (!allowed || strcmp(allowed, "1") != 0))
		load_error(l, load_where(l, &t->time_scale, t->where), "test.time_scale: for tests only, needs KEDGE_TEST=1 in the environment");
}

static void sip_timers(struct load *l)
{
	const struct conf_sip *s = &l->c->sip;

	if (s->t1_ms > s->t2_ms)
		load_error(l, load_where(l, &s->t1_ms, s->where), "sip.t1: \"%s\" is longer than sip.t2 \"%s\"", TEXT(s->t1_ms), TEXT(s->t2_ms));
}

/* ---- interfaces ----------------------------------------------------------------------------- */

static bool same_ip(const struct conf_addr *a, const struct conf_addr *b)
{
	return a->family && a->family == b->family && !memcmp(a->ip, b->ip, sizeof(a->ip));
}

static bool share_ip(const struct conf_interface *a, const struct conf_interface *b)
{
	return same_ip(&a->address, &b->address) || same_ip(&a->address, &b->address6) || same_ip(&a->address6, &b->address) ||
	    same_ip(&a->address6, &b->address6);
}

/* An address that stands in Contact and SDP: one host's, not "any", not a group. */
static bool host_address(const struct conf_addr *a)
{
	static const uint8_t zero[16];

	if (a->family == AF_INET)
		return a->ip[0] != 0 && a->ip[0] < 224;
	return memcmp(a->ip, zero, sizeof(zero)) != 0 && a->ip[0] != 0xff;
}

static void interface_address(struct load *l, const struct conf_interface *i, const char *key, const struct conf_addr *a)
{
	char text[CONF_ADDR_TEXT];

	if (a->family && !host_address(a))
		load_error(l, load_where(l, a, i->where), "interface \"%s\".%s: \"%s\" is not the address of one host", i->name, key,
			conf_addr_text(a, text));
}

static void one_interface(struct load *l, const struct conf_interface *i)
{
	interface_address(l, i, "address", &i->address);
	interface_address(l, i, "address6", &i->address6);
	if (i->address6.family == AF_INET)
		load_error(l, load_where(l, &i->address6, i->where), "interface \"%s\".address6: expected an IPv6 address", i->name);
	if (i->address.family == AF_INET6 && i->address6.family)
		load_error(l, load_where(l, &i->address6, i->where), "interface \"%s\".address6: only beside an IPv4 address", i->name);
	if (!lint_pairs(&i->rtp_ports))
		load_error(l, load_where(l, &i->rtp_ports, i->where), "interface \"%s\".rtp_ports: no even port with the next one in it", i->name);
	if (i->sip_port >= i->rtp_ports.low && i->sip_port <= i->rtp_ports.high)
		load_error(l, load_where(l, &i->rtp_ports, i->where), "interface \"%s\".rtp_ports: %u is its SIP port", i->name, i->sip_port);
}

static void two_interfaces(struct load *l, const struct conf_interface *a, const struct conf_interface *b)
{
	if (!share_ip(a, b))
		return;
	if (a->sip_port == b->sip_port)
		load_error(l, load_where(l, &b->sip_port, b->where), "interface \"%s\": address and SIP port are those of \"%s\" (%s:%d)", b->name,
			a->name, a->where.file, a->where.line);
	if (a->rtp_ports.low <= b->rtp_ports.high && b->rtp_ports.low <= a->rtp_ports.high)
		load_error(l, load_where(l, &b->rtp_ports, b->where), "interface \"%s\".rtp_ports: overlaps \"%s\", which has the same address (%s:%d)",
			b->name, a->name, a->where.file, a->where.line);
}

static unsigned bits_set(unsigned set)
{
	return (unsigned)__builtin_popcount(set);
}

/* What the shared memory has room for. */
static void interface_room(struct load *l)
{
	const struct conf_interfaces *all = &l->c->interfaces;
	unsigned nets = 0, listeners = 0;

	for (uint16_t i = 0; i < all->count; i++) {
		unsigned families = 1 + (all->v[i].address6.family != 0);

		nets += families;
		listeners += families * bits_set(all->v[i].transports);
	}
	if (nets > CONF_NETS_MAX || listeners > CONF_LISTEN_MAX)
		load_error(l, load_where(l, &l->c->interfaces, l->c->where), "interfaces: at most %d addresses and %d listeners are possible",
			CONF_NETS_MAX, CONF_LISTEN_MAX);
}

static void sockets(struct load *l)
{
	const struct conf_admin *a = &l->c->admin;

	if (strlen(a->socket) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		load_error(l, load_where(l, &a->socket, load_where(l, &l->c->run.dir, a->where)),
			"admin.socket: \"%s\" is longer than a unix socket's name may be (%zu)",
			a->socket, sizeof(((struct sockaddr_un *)0)->sun_path) - 1);
}

static void interfaces(struct load *l)
{
	const struct conf_interfaces *all = &l->c->interfaces;

	for (uint16_t i = 0; i < all->count; i++) {
		one_interface(l, &all->v[i]);
		lint_ports(l, &all->v[i]);
		for (uint16_t k = 0; k < i; k++)
			two_interfaces(l, &all->v[k], &all->v[i]);
	}
	interface_room(l);
}

/* ---- trunks --------------------------------------------------------------------------------- */

/* Each inner wait must end before the one around it. */
static void shorter(struct load *l, const struct conf_trunk *t, const char *inner, const uint32_t *a, const char *outer, const uint32_t *b,
    bool equal)
{
	struct conf_where w = load_where(l, a, load_where(l, b, t->where));

	if (*a > *b || (*a == *b && !equal))
		load_error(l, w, "trunk \"%s\".%s: \"%s\" is %s %s \"%s\"", t->name, inner, TEXT(*a), *a > *b ? "longer than" : "not shorter than",
			outer, TEXT(*b));
}

static void trunk_timers(struct load *l, const struct conf_trunk *t)
{
	const struct conf_timers *m = &t->timers;

	shorter(l, t, "timers.first_response", &m->first_response_ms, "timers.progress", &m->progress_ms, false);
	shorter(l, t, "timers.progress", &m->progress_ms, "timers.progress_failover", &m->progress_failover_ms, true);
	shorter(l, t, "timers.progress_failover", &m->progress_failover_ms, "timers.ring", &m->ring_ms, true);
	shorter(l, t, "probe.timeout", &t->probe.timeout_ms, "probe.interval", &t->probe.interval_ms, true);
}

static bool uses(const struct conf_trunk *t, enum conf_transport transport)
{
	for (uint16_t i = 0; i < t->hops.count; i++)
		if (t->hops.v[i].transport == transport)
			return true;
	return false;
}

static void trunk_habits(struct load *l, const struct conf_trunk *t)
{
	const struct conf_timers *m = &t->timers;

	if (m->ring_ms < 15000)
		load_warn(l, load_where(l, &m->ring_ms, t->where), "trunk \"%s\".timers.ring: \"%s\" gives up while phones still ring; 15s or more",
			t->name, TEXT(m->ring_ms));
	if (m->first_response_ms < 1000 && uses(t, CONF_UDP))
		load_warn(l, load_where(l, &m->first_response_ms, t->where),
			"trunk \"%s\".timers.first_response: \"%s\" over UDP takes one lost packet for a dead carrier; 1s or more", t->name,
			TEXT(m->first_response_ms));
	if (m->first_response_ms > 5000)
		load_warn(l, load_where(l, &m->first_response_ms, t->where),
			"trunk \"%s\".timers.first_response: \"%s\" of silence before moving on; 5s or less",
			t->name, TEXT(m->first_response_ms));
}

static void trunk_detection(struct load *l, const struct conf_trunk *t)
{
	uint64_t ms = conf_detection_ms(t);

	if (ms > 60000)
		load_warn(l, load_where(l, &t->probe.interval_ms, t->where),
			"trunk \"%s\".probe: a dead trunk without calls is noticed after up to %llus; 60s or less",
			t->name, (unsigned long long)(ms / 1000));
}

static void trunk_codes(struct load *l, const struct conf_trunk *t)
{
	static const uint16_t final[] = { 404, 486, 600, 603, 604, 607, 608 };

	for (uint16_t i = 0; i < t->codes.rules.count; i++)
		for (size_t k = 0; k < sizeof(final) / sizeof(final[0]); k++)
			if (t->codes.rules.v[i].kind == CONF_RULE_NEXT && t->codes.rules.v[i].code == final[k] && t->codes.rules.v[i].q850 < 0)
				load_warn(l, load_where(l, &t->codes.next, t->where),
					"trunk \"%s\".codes.next: %u is the callee's answer: trying on delivers duplicate calls", t->name, final[k]);
}

static bool same_answer(const struct conf_rule *a, const struct conf_rule *b)
{
	return a->class == b->class && a->code == b->code && a->q850 == b->q850;
}

/* The same code cannot both go on and end the hunt. */
static void trunk_codes_agree(struct load *l, const struct conf_trunk *t)
{
	const struct conf_rules *r = &t->codes.rules;

	for (uint16_t i = 0; i < r->count; i++)
		for (uint16_t k = 0; k < r->count; k++)
			if (r->v[i].kind == CONF_RULE_NEXT && r->v[k].kind == CONF_RULE_STOP &&
			    same_answer(&r->v[i], &r->v[k]))
				load_error(l, load_where(l, &t->codes.stop, t->where),
					"trunk \"%s\".codes.stop: %u%s is in codes.next too: which one?", t->name,
					r->v[i].class ? r->v[i].class : r->v[i].code, r->v[i].class ? "xx" : "");
}

/* A hop must be reachable from the interface: its family has an address, its transport a listener, and it is not us. */
static void trunk_hop(struct load *l, const struct conf_trunk *t, const struct conf_interface *i, const struct conf_uri *hop)
{
	const struct conf_addr *own = i->address6.family == hop->addr.family ? &i->address6 : &i->address;
	struct conf_where w = load_where(l, &t->hops, load_where(l, &t->outbound_proxy, load_where(l, &t->uri, t->where)));

	if (!hop->addr.family || !i->address.family)
		return;
	if (own->family != hop->addr.family)
		load_error(l, w, "trunk \"%s\": %s is %s, and interface \"%s\" has no such address (%s:%d)", t->name, hop->host,
			hop->addr.family == AF_INET ? "IPv4" : "IPv6", i->name, i->where.file, i->where.line);
	else if (!host_address(&hop->addr))
		load_error(l, w, "trunk \"%s\": %s is not the address of one host", t->name, hop->host);
	else if (same_ip(own, &hop->addr) && hop->addr.port == i->sip_port)
		load_error(l, w, "trunk \"%s\": %s:%u is kedge itself (interface \"%s\", %s:%d)", t->name, hop->host, hop->addr.port, i->name,
			i->where.file, i->where.line);
	if (!(i->transports & (1u << hop->transport)))
		load_error(l, w, "trunk \"%s\": transport %s is not among those of interface \"%s\" (%s:%d)", t->name,
			hop->transport == CONF_TCP ? "tcp" : "udp", i->name, i->where.file, i->where.line);
	if (t->udp_mtu && !(i->transports & (1u << CONF_TCP)))
		load_warn(l, load_where(l, &t->udp_mtu, t->where), "trunk \"%s\".udp_mtu does nothing: interface \"%s\" has no TCP (%s:%d)",
			t->name, i->name, i->where.file, i->where.line);
}

static void trunk_session(struct load *l, const struct conf_trunk *t)
{
	struct conf_where w = load_where(l, &t->session_expires_ms, t->where);

	if (t->session_expires_ms == 0)
		return;
	if (t->session_expires_ms < 90000 || t->session_expires_ms % 1000)
		load_error(l, w, "trunk \"%s\".session_expires: whole seconds, 90s at least (RFC 4028), or 0s for none", t->name);
	else if (t->session_expires_ms < t->min_se_ms)
		load_error(l, w, "trunk \"%s\".session_expires is shorter than its min_se", t->name);
	if (t->min_se_ms % 1000)
		load_error(l, load_where(l, &t->min_se_ms, t->where), "trunk \"%s\".min_se: whole seconds", t->name);
	if (t->probe.method != CONF_PROBE_NONE && t->session_expires_ms <= 2 * t->probe.interval_ms)
		load_warn(l, w, "trunk \"%s\".session_expires is not longer than two of its probe.interval", t->name);
}

/* What sig/offer/offer_own can put into an offer of its own. */
static bool offers_itself(const char *codec)
{
	static const char *const known[] = { "PCMA", "PCMU", "G722", "G729", "GSM", "G728", "iLBC", "G726-32", "AMR", "AMR-WB", "opus", "speex" };
	size_t n = strcspn(codec, "/");

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strlen(known[i]) == n && strncasecmp(known[i], codec, n) == 0)
			return true;
	return false;
}

static void trunk_codecs(struct load *l, const struct conf_trunk *t)
{
	bool any = t->codecs.count == 0 || t->late_offer != CONF_LATE_INSERT;

	for (uint16_t i = 0; i < t->codecs.count && !any; i++)
		any = offers_itself(t->codecs.v[i]);
	if (!any)
		load_warn(l, load_where(l, &t->codecs, t->where),
			"trunk \"%s\".codecs: none that kedge could offer by itself, so an INVITE without an offer goes nowhere: late_offer = \"pass\"?",
			t->name);
}

static bool written(const struct load *l, const void *field)
{
	return load_where(l, field, (struct conf_where){ 0 }).line != 0;
}

/* A person left something out; what kedge printed (generations, config --effective) has every setting, also those that do nothing. */
static bool by_hand(const struct load *l, const struct conf_trunk *t)
{
	const struct row_group *g = row_group("trunk");

	for (size_t i = 0; i < g->count; i++)
		if (g->rows[i].type == ROW_BOOL && !written(l, (const char *)t + g->rows[i].offset))
			return true;
	return false;
}

/* What sig/trunk/canary and routing/decide_canary do not look at. */
static void trunk_canary(struct load *l, const struct conf_trunk *t)
{
	if (!by_hand(l, t))
		return;
	if (t->canary == CONF_CANARY_TEST && !t->probe.number[0] && written(l, &t->canary))
		load_warn(l, load_where(l, &t->canary, t->where), "trunk \"%s\".canary does nothing: there is no probe.number to call", t->name);
	if (t->canary != CONF_CANARY_TEST && written(l, &t->canary_audio))
		load_warn(l, load_where(l, &t->canary_audio, t->where), "trunk \"%s\".canary_audio does nothing: canary = \"%s\"", t->name,
			t->canary == CONF_CANARY_OFF ? "off" : "call");
}

static void one_trunk(struct load *l, const struct conf_trunk *t)
{
	trunk_codecs(l, t);
	trunk_session(l, t);
	trunk_timers(l, t);
	trunk_habits(l, t);
	trunk_detection(l, t);
	lint_breaker(l, t);
	lint_srtp(l, t);
	lint_record(l, t);
	lint_g711(l, t);
	trunk_canary(l, t);
	trunk_codes(l, t);
	trunk_codes_agree(l, t);
	if (t->interface == CONF_NONE)
		return;
	for (uint16_t i = 0; i < t->hops.count; i++)
		trunk_hop(l, t, &l->c->interfaces.v[t->interface], &t->hops.v[i]);
}

/* Which trunk sent a request must be plain. */
static void two_trunks(struct load *l, const struct conf_trunk *a, const struct conf_trunk *b)
{
	char text[CONF_ADDR_TEXT];

	if (a->interface != b->interface)
		return;
	for (uint16_t i = 0; i < a->sources.count; i++)
		for (uint16_t k = 0; k < b->sources.count; k++)
			if (!memcmp(&a->sources.v[i], &b->sources.v[k], sizeof(a->sources.v[i]))) {
				load_error(l, load_where(l, &b->sources, b->where),
					"trunk \"%s\".sources: %s is also of trunk \"%s\" (%s:%d): whose request would it be?", b->name,
					value_net_text(&a->sources.v[i], text), a->name, a->where.file, a->where.line);
				return;
			}
}

static void trunks(struct load *l)
{
	const struct conf_trunks *all = &l->c->trunks;
	unsigned hops = 0;

	for (uint16_t i = 0; i < all->count; i++) {
		one_trunk(l, &all->v[i]);
		hops += all->v[i].hops.count;
		for (uint16_t k = 0; k < i; k++)
			two_trunks(l, &all->v[k], &all->v[i]);
	}
	if (hops > CONF_HOPS_MAX)
		load_error(l, load_where(l, &l->c->trunks, l->c->where), "trunks: %u hops in all, at most %d are possible", hops, CONF_HOPS_MAX);
}

/* ---- profiles ------------------------------------------------------------------------------- */

static void profile_budget(struct load *l, const struct conf_profile *p)
{
	char how[128];
	uint64_t sum = load_budget(l->c, p, how, sizeof(how));

	if (p->setup_budget_ms < sum)
		load_error(l, load_where(l, &p->setup_budget_ms, p->where),
			"profile \"%s\".setup_budget: \"%s\" cuts calls short: %s; \"%s\" or more", p->name,
			TEXT(p->setup_budget_ms), how, TEXT((uint32_t)(sum < UINT32_MAX ? sum : UINT32_MAX)));
}

static void profile_target(struct load *l, const struct conf_profile *p, uint16_t i)
{
	const struct conf_target *t = &p->targets.v[i];
	const struct conf_trunk *k = &l->c->trunks.v[t->trunk];

	if (t->enabled && !k->max_calls)
		load_warn(l, t->where, "profile \"%s\": trunk \"%s\" has max_calls = 0 and will never be tried", p->name, k->name);
	for (uint16_t j = 0; j < i; j++)
		if (p->targets.v[j].trunk == t->trunk)
			load_warn(l, t->where, "profile \"%s\": trunk \"%s\" is a target twice", p->name, k->name);
}

static void one_profile(struct load *l, const struct conf_profile *p)
{
	unsigned enabled = 0;

	for (uint16_t i = 0; i < p->targets.count; i++) {
		if (p->targets.v[i].trunk == CONF_NONE)
			continue;
		enabled += p->targets.v[i].enabled;
		profile_target(l, p, i);
	}
	if (!p->targets.count && load_where(l, &p->targets, (struct conf_where){ 0 }).line)
		load_error(l, p->where, "profile \"%s\".targets: an empty list; name a trunk, ( { trunk = \"%s\"; } )", p->name,
			l->c->trunks.count ? l->c->trunks.v[0].name : "NAME");
	if (p->targets.count && !enabled)
		load_error(l, p->where, "profile \"%s\": no target is enabled", p->name);
	if (p->max_retries > 3)
		load_warn(l, load_where(l, &p->max_retries, p->where),
			"profile \"%s\".max_retries: %u more carriers called for one call; 3 or less", p->name,
			p->max_retries);
	profile_budget(l, p);
	load_lint_time(l, p);
	load_lint_fate(l, p);
	load_lint_capacity(l, p);
}

void load_lint(struct load *l)
{
	test_only(l);
	sip_timers(l);
	sockets(l);
	interfaces(l);
	trunks(l);
	load_dns_alone(l);
	for (uint16_t i = 0; i < l->c->profiles.count; i++)
		one_profile(l, &l->c->profiles.v[i]);
	lint_routes(l);
	lint_test_numbers(l);
	load_lint_emergency(l);
	lint_profiles_taken(l);
}
