// SPDX-License-Identifier: MIT
#include "sig/trunk/trunk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "config/clock.h"
#include "config/event.h"
#include "routing/health_dns.h"
#include "routing/health_follow.h"
#include "routing/health_signs.h"
#include "sig/trunk/canary.h"
#include "sig/trunk/canary_call.h"
#include "sig/edge/listen.h"
#include "sig/trunk/names.h"
#include "sig/trunk/probe.h"
#include "sig/operator/operator.h"
#include "sig/trunk/trunk_log.h"

#define FIRST_MS   1000 /* the first probes are spread over this */
#define TICK_MS    1000 /* health wants to hear of time at least that often */
#define SILENT_MS  1000 /* between two probes of a hop that is DOWN by `silent` */
#define SPACING_MS 100  /* least time between two probes of a hop, whoever asks */

struct hop {
	uint32_t generation; /* of the trunk table slot this is about */
	bool confirms;       /* the next one confirms a bad one */
	uint64_t next_ns;    /* of the next probe by the clock */
};

static struct {
	const struct conf *conf;
	struct health *health;
	su_root_t *root;
	const struct segment *seg;
	su_timer_t *timer;
	bool running;
	uint64_t tick_ns;
	uint64_t random;
	struct hop *hop; /* as many as the trunk table has slots */
} trunks;

static void arm(void);

/* ---- hops ----------------------------------------------------------------------------------- */

static const struct conf_trunk *conf_of(uint16_t slot)
{
	return &trunks.conf->trunks.v[trunks.health->hop[slot].trunk];
}

static bool is_probed(uint16_t slot)
{
	const struct health_hop *p = &trunks.health->hop[slot];

	return p->used && p->addr.family && p->trunk != CONF_NONE && p->state != KEDGE_HOP_OFF &&
	       conf_of(slot)->probe.method != CONF_PROBE_NONE;
}

/* Spreads timers; nothing else hangs on it. */
static uint32_t below(uint32_t n)
{
	trunks.random = trunks.random * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(trunks.random >> 33) % n;
}

/* A time of this module as the tests scale it; those of conf are scaled already. */
static uint64_t scaled_ns(uint32_t ms)
{
	return ms * CLOCK_NS_PER_MS / (trunks.conf->scaled ? trunks.conf->test.time_scale : 1);
}

static uint64_t interval_ns(uint16_t slot)
{
	const struct conf_probe *p = &conf_of(slot)->probe;

	if (health_is_silent(trunks.health, slot))
		return scaled_ns(SILENT_MS);
	if (trunks.health->hop[slot].state == KEDGE_HOP_DOWN || trunks.health->hop[slot].state == KEDGE_HOP_TRIAL)
		return p->down_interval_ms * CLOCK_NS_PER_MS;
	return p->interval_ms * CLOCK_NS_PER_MS / 1000 * (900 + below(201));
}

/* The slot's schedule; a new one where the slot has become another hop. */
static struct hop *hop_at(uint16_t slot, uint64_t now)
{
	struct hop *p = &trunks.hop[slot];
	uint32_t generation = trunks.health->hop[slot].generation;

	if (p->generation == generation)
		return p;
	*p = (struct hop){ .generation = generation };
	p->next_ns = now; /* somebody waits for a new address's first answer */
	if (!health_marked(trunks.health, slot, HEALTH_DNS_NEW) && !health_dns_why(trunks.health, trunks.health->hop[slot].trunk))
		p->next_ns += scaled_ns(below(FIRST_MS));
	return p;
}

static int add_hop(uint16_t trunk, const struct conf_uri *uri)
{
	struct kedge_addr addr;
	int slot;

	static_assert(sizeof(addr) == sizeof(uri->addr), "one layout");
	memcpy(&addr, &uri->addr, sizeof(addr));
	slot = health_hop_add(trunks.health, trunk, uri->transport, &addr, clock_mono_ns());
	return slot < 0 ? slot : 0;
}

static int add_hops(void)
{
	for (uint16_t i = 0; i < trunks.conf->trunks.count; i++) {
		const struct conf_trunk *t = &trunks.conf->trunks.v[i];

		for (uint16_t k = 0; k < t->hops.count; k++) {
			int err = add_hop(i, &t->hops.v[k]);

			if (err)
				return err;
		}
	}
	return 0;
}

/* ---- what health reports -------------------------------------------------------------------- */

static void on_change(void *ctx, const struct health_change *c)
{
	uint64_t now = clock_mono_ns(), next;
	struct hop *p = hop_at(c->slot, now);

	(void)ctx;
	trunk_log_change(trunks.health, c);
	if (c->to != KEDGE_HOP_DOWN || !is_probed(c->slot))
		return;
	next = now + interval_ns(c->slot);
	if (next < p->next_ns)
		p->next_ns = next;
	arm();
}

static void on_dropped(void *ctx, uint16_t trunk, enum health_reason why, uint32_t last, uint32_t usual)
{
	(void)ctx;
	event_log(trunk_drop, .trunk = trunks.conf->trunks.v[trunk].name, .why = health_reason_word(why), .last = last, .usual = usual);
}

/* ---- asking --------------------------------------------------------------------------------- */

void trunk_check(uint16_t slot)
{
	uint64_t now = clock_mono_ns();

	if (!trunks.running || !is_probed(slot))
		return;
	if (now < health_quiet_ns(trunks.health, slot) || now - probe_sent_ns(slot) < scaled_ns(SPACING_MS))
		return;
	probe_send(slot, false, now);
	arm();
}

bool trunk_response(msg_t *msg, const sip_t *sip)
{
	return trunks.running && probe_response(msg, sip);
}

/* A bad probe is confirmed at once, by others `confirm` apart: one lost datagram is no dead trunk, and a dead one is known
 * two seconds later. */
static void on_judged(uint16_t slot, uint64_t now)
{
	struct hop *h = hop_at(slot, now);
	uint64_t next = probe_sent_ns(slot) + conf_of(slot)->probe.confirm_ms * CLOCK_NS_PER_MS;
	bool confirms = health_confirms(trunks.health, slot);

	if (confirms)
		h->next_ns = next > now ? next : now;
	else if (h->confirms)
		h->next_ns = now + interval_ns(slot);
	h->confirms = confirms;
	arm();
}

/* When the slot wants to be looked at next. */
static uint64_t hop_clock(uint16_t slot, uint64_t now)
{
	struct hop *h = hop_at(slot, now);
	uint64_t due = probe_due(slot, now);
	uint64_t quiet = health_quiet_ns(trunks.health, slot); /* LOCKED: OPTIONS quiet too, then one at once */

	if (now < quiet) {
		h->next_ns = quiet;
	} else if (now >= h->next_ns) {
		h->next_ns = now + interval_ns(slot);
		probe_send(slot, h->confirms, now);
		due = probe_due(slot, now);
	}
	return due && due < h->next_ns ? due : h->next_ns;
}

static uint64_t next_ns(uint64_t now)
{
	uint64_t next = trunks.tick_ns;

	for (uint16_t slot = 0; slot < trunks.health->hop_count; slot++) {
		uint64_t t;

		if (!trunks.health->hop[slot].used)
			continue;
		t = is_probed(slot) ? hop_clock(slot, now) : probe_due(slot, now); /* of a test, without probes */
		if (t && t < next)
			next = t;
	}
	return next;
}

static void on_timer(su_root_magic_t *magic, su_timer_t *timer, su_timer_arg_t *arg)
{
	uint64_t now = clock_mono_ns();

	(void)magic, (void)timer, (void)arg;
	if (now >= trunks.tick_ns) {
		trunks.tick_ns = now + scaled_ns(TICK_MS);
		operator_tick(clock_wall_ms());
		health_tick(trunks.health, now, clock_wall_ms());
		canary_tick(now);
	}
	arm();
}

static void arm(void)
{
	static bool arming; /* what is due now may change a state, which asks for this again */
	uint64_t now = clock_mono_ns(), next;

	if (!trunks.running || arming)
		return;
	arming = true;
	next = next_ns(now);
	arming = false;
	su_timer_set_interval(trunks.timer, on_timer, NULL,
	    next > now ? (su_duration_t)((next - now + CLOCK_NS_PER_MS - 1) / CLOCK_NS_PER_MS) : 1);
}

/* ---- begin and end -------------------------------------------------------------------------- */

static void trunk_free(void)
{
	su_timer_destroy(trunks.timer);
	canary_call_fini();
	probe_fini();
	canary_fini();
	free(trunks.health);
	free(trunks.hop);
	memset(&trunks, 0, sizeof(trunks));
}

int trunk_init(const struct segment *seg, su_root_t *root, const struct conf *conf)
{
	uint64_t now = clock_mono_ns();
	uint16_t slots = (uint16_t)seg->pub->hop_count;
	int err;

	trunks.conf = conf;
	trunks.random = now;
	trunks.health = malloc(sizeof(*trunks.health));
	trunks.hop = calloc(slots, sizeof(*trunks.hop));
	trunks.timer = su_timer_create(su_root_task(root), 0);
	if (!trunks.health || !trunks.hop || !trunks.timer) {
		trunk_free();
		return -ENOMEM;
	}
	health_init(trunks.health, conf, segment_hop(seg, 0), slots, now, clock_wall_ms());
	err = add_hops();
	if (err) {
		trunk_free();
		return err;
	}
	trunks.health->changed = on_change;
	trunks.health->dropped = on_dropped;
	err = probe_init(&(struct probe_deps){ trunks.health, on_judged, canary_tested }, slots);
	if (!err)
		err = canary_init(trunks.health, slots);
	if (!err)
		err = canary_call_init(root);
	if (err) {
		trunk_free();
		return err;
	}
	trunks.root = root;
	trunks.seg = seg;
	return 0;
}

void trunk_start(void)
{
	trunks.running = true;
	trunks.tick_ns = clock_mono_ns() + scaled_ns(TICK_MS);
	if (names_start(trunks.root, trunks.seg, trunks.conf, trunks.health, arm) < 0)
		event_log(config_warning, .at = "trunks", .why = "a name cannot be looked up: out of memory");
	health_settle(trunks.health, clock_mono_ns());
	arm();
}

void trunk_follow(const struct conf *next)
{
	trunks.conf = next;
	if (health_follow(trunks.health, next, clock_mono_ns()) < 0)
		event_log(config_warning, .at = next->file, .why = "the trunk table has no room for all hops; the others are used");
	if (names_follow(next) < 0)
		event_log(config_warning, .at = next->file, .why = "a name cannot be looked up: out of memory");
	arm();
}

void trunk_fini(void)
{
	names_fini();
	trunk_free();
}

struct health *trunk_health(void)
{
	return trunks.health;
}

bool trunk_at(const struct kedge_addr *addr)
{
	const struct health *h = trunks.health;

	for (uint16_t i = 0; i < h->hop_count; i++)
		if (h->hop[i].used && h->hop[i].addr.family == addr->family &&
		    memcmp(h->hop[i].addr.ip, addr->ip, sizeof(addr->ip)) == 0)
			return true;
	return false;
}

static bool trunk_usable(uint16_t trunk)
{
	const struct health_trunk *t = &trunks.health->trunk[trunk];

	for (uint16_t i = 0; i < t->count; i++)
		if (health_usable(trunks.health, t->hop[i]))
			return true;
	return false;
}

static bool profile_usable(const struct conf_profile *p)
{
	for (uint16_t i = 0; i < p->targets.count; i++)
		if (p->targets.v[i].enabled && trunk_usable(p->targets.v[i].trunk))
			return true;
	return false;
}

bool trunk_carries(uint16_t from)
{
	bool any = false;

	for (uint16_t i = 0; i < trunks.conf->routes.count; i++) {
		const struct conf_route *r = &trunks.conf->routes.v[i];

		if (r->from != from && r->from != CONF_NONE)
			continue;
		if (profile_usable(&trunks.conf->profiles.v[r->profile]))
			return true;
		any = true;
	}
	return !any;
}
