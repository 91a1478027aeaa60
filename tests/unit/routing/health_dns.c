// SPDX-License-Identifier: MIT
/* Hops that come from a name: new addresses wait for a proof beside old ones, old ones serve until then, silence of the DNS keeps
 * what is known, and a trunk without an address is DOWN and says why. A71. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "routing/health_dns.h"
#include "tests/unit/routing/rig.h"

static struct rig *r;
static char changes[512];

static void on_change(void *ctx, const struct health_change *c)
{
	size_t n = strlen(changes);

	(void)ctx;
	snprintf(changes + n, sizeof(changes) - n, "%s>%s(%s) ", health_state_word(c->from), health_state_word(c->to), c->why);
}

static int setup(void **state)
{
	(void)state;
	r = rig_new(1);
	*changes = 0;
	health_hop_drop(&r->health, r->health.trunk[0].hop[0], r->now);
	r->trunk[0].hops.count = 0;
	r->trunk[0].probe.interval_ms = 30000;
	r->health.changed = on_change;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(r);
	return 0;
}

static struct health_found at(unsigned host, uint32_t priority)
{
	return (struct health_found){ { AF_INET, 5060, { 127, 0, 2, (uint8_t)host } }, CONF_UDP, priority, 1 };
}

static void found(unsigned a, unsigned b)
{
	struct health_found f[] = { at(a, HEALTH_NO_SRV), at(b, HEALTH_NO_SRV) };

	assert_int_equal(health_dns_found(&r->health, 0, f, b ? 2 : 1, r->now), 0);
}

/* The slot of that host; -1: not among those that are tried. */
static int slot_of(unsigned host)
{
	for (uint16_t i = 0; i < r->health.trunk[0].count; i++)
		if (r->health.hop[r->health.trunk[0].hop[i]].addr.ip[3] == host)
			return r->health.trunk[0].hop[i];
	return -1;
}

static enum health_place place(unsigned host)
{
	assert_true(slot_of(host) >= 0);
	return health_place(&r->health, (uint16_t)slot_of(host), 0);
}

static void probe(unsigned host, uint16_t code)
{
	assert_true(slot_of(host) >= 0);
	health_probe(&r->health, (uint16_t)slot_of(host), code, 1000, r->now);
}

static void pass(uint64_t seconds)
{
	for (uint64_t i = 0; i < seconds; i++) {
		r->now += RIG_S;
		health_tick(&r->health, r->now, r->now / 1000000);
	}
}

static void the_first_ones(void **state)
{
	(void)state;
	found(1, 2);
	assert_int_equal(r->health.trunk[0].count, 2);
	assert_int_equal(place(1), HEALTH_FIRST);
	assert_int_equal(place(2), HEALTH_FIRST);
	assert_string_equal(changes, "");
}

static void one_more(void **state)
{
	(void)state;
	found(1, 0);
	probe(1, 200);
	found(1, 2);
	assert_int_equal(place(1), HEALTH_FIRST);
	assert_int_equal(place(2), HEALTH_BEHIND);
	assert_int_equal(r->health.hop[slot_of(2)].reason, HEALTH_DNS_NEW);
	pass(20);
	probe(2, 503); /* no proof */
	assert_int_equal(place(2), HEALTH_BEHIND);
	probe(2, 200);
	assert_int_equal(place(2), HEALTH_FIRST);
	assert_int_equal(r->health.hop[slot_of(2)].state, KEDGE_HOP_UP);
}

static void moved(void **state)
{
	(void)state;
	found(1, 0);
	probe(1, 200);
	found(2, 0);
	assert_int_equal(place(1), HEALTH_FIRST); /* gone from the DNS, and serves */
	assert_int_equal(place(2), HEALTH_BEHIND);
	pass(50);
	found(2, 0); /* told again, as the TTL has it: no longer wait for that */
	pass(5);
	assert_true(slot_of(1) >= 0);
	probe(2, 200);
	assert_int_equal(slot_of(1), -1);
	assert_int_equal(place(2), HEALTH_FIRST);
}

static void moved_to_the_mute(void **state)
{
	(void)state;
	found(1, 0);
	found(2, 0);
	pass(59);
	assert_true(slot_of(1) >= 0);
	r->now += 2 * RIG_S; /* nobody looked at the time yet */
	probe(1, 200);
	assert_true(slot_of(1) >= 0);
	pass(1);
	assert_int_equal(slot_of(1), -1);
	assert_int_equal(place(2), HEALTH_FIRST);
	assert_int_equal(r->health.hop[slot_of(2)].state, KEDGE_HOP_UNKNOWN);
}

/* There and back before the proof: the old one is as it was. */
static void and_back(void **state)
{
	(void)state;
	found(1, 0);
	probe(1, 200);
	found(2, 0);
	found(1, 0);
	assert_int_equal(slot_of(2), -1);
	assert_int_equal(place(1), HEALTH_FIRST);
	pass(70);
	assert_int_equal(place(1), HEALTH_FIRST);
}

static void not_probed(void **state)
{
	(void)state;
	r->trunk[0].probe.method = CONF_PROBE_NONE;
	found(1, 0);
	found(2, 0);
	assert_int_equal(slot_of(1), -1);
	assert_int_equal(place(2), HEALTH_FIRST);
}

static void calls_keep_theirs(void **state)
{
	uint16_t slot;

	(void)state;
	found(1, 0);
	slot = (uint16_t)slot_of(1);
	health_began(&r->health, slot, 0, r->now);
	found(2, 0);
	probe(2, 200);
	assert_int_equal(slot_of(1), -1);
	assert_true(r->health.hop[slot].used);
	health_ended(&r->health, slot);
	assert_false(r->health.hop[slot].used);
}

static void nobody_tells(void **state)
{
	(void)state;
	found(1, 0);
	health_dns_failed(&r->health, 0, HEALTH_DNS_TIMEOUT, false, r->now);
	health_dns_failed(&r->health, 0, HEALTH_DNS_NXDOMAIN, false, r->now);
	assert_int_equal(place(1), HEALTH_FIRST);
	assert_int_equal(health_dns_why(&r->health, 0), HEALTH_NONE);
	health_dns_failed(&r->health, 0, HEALTH_DNS_TIMEOUT, true, r->now);
	assert_int_equal(r->health.trunk[0].count, 0);
	assert_int_equal(health_dns_why(&r->health, 0), HEALTH_DNS_TIMEOUT);
	assert_int_equal(health_trunk_state(&r->health, 0), KEDGE_HOP_DOWN);
}

/* Slots in use; *shown: one that stands for the trunk without an address. */
static unsigned slots(int *shown)
{
	unsigned n = 0;

	*shown = -1;
	for (uint16_t i = 0; i < r->health.hop_count; i++) {
		n += r->health.hop[i].used;
		if (r->health.hop[i].used && !r->health.hop[i].addr.family)
			*shown = i;
	}
	return n;
}

static void never_told(void **state)
{
	int shown;

	(void)state;
	health_dns_failed(&r->health, 0, HEALTH_DNS_TIMEOUT, false, r->now);
	health_dns_failed(&r->health, 0, HEALTH_DNS_NXDOMAIN, false, r->now);
	pass(600);
	assert_int_equal(slots(&shown), 1);
	assert_true(shown >= 0);
	assert_int_equal(r->health.trunk[0].count, 0);
	assert_int_equal(r->health.hop[shown].state, KEDGE_HOP_DOWN);
	assert_int_equal(r->health.hop[shown].reason, HEALTH_DNS_NXDOMAIN);
	found(1, 0); /* an address, and a probe */
	assert_int_equal(slots(&shown), 1);
	assert_int_equal(shown, -1);
	assert_int_equal(place(1), HEALTH_LAST);
	assert_int_equal(r->health.hop[slot_of(1)].state, KEDGE_HOP_DOWN);
	probe(1, 200);
	assert_int_equal(place(1), HEALTH_FIRST); /* no hold */
	assert_int_equal(health_dns_why(&r->health, 0), HEALTH_NONE);
	assert_non_null(strstr(changes, "UNKNOWN>DOWN(dns_nxdomain) DOWN>UP(cleared)"));
}

static void told_but_mute(void **state)
{
	(void)state;
	health_dns_failed(&r->health, 0, HEALTH_DNS_NXDOMAIN, false, r->now);
	found(1, 0);
	pass(30);
	found(1, 0);
	assert_int_equal(place(1), HEALTH_LAST);
	pass(31);
	assert_int_equal(place(1), HEALTH_FIRST);
	assert_int_equal(r->health.hop[slot_of(1)].state, KEDGE_HOP_UNKNOWN);
}

/* Another configuration has an address in place of the name. */
static void forgotten(void **state)
{
	int shown;

	(void)state;
	r->trunk[0].probe.method = CONF_PROBE_NONE;
	health_dns_failed(&r->health, 0, HEALTH_DNS_NXDOMAIN, false, r->now);
	assert_true(health_hop_add(&r->health, 0, CONF_UDP, &(struct kedge_addr){ AF_INET, 5060, { 127, 0, 2, 7 } }, r->now) >= 0);
	assert_int_equal(place(7), HEALTH_LAST);
	health_dns_forget(&r->health, 0, r->now);
	assert_int_equal(place(7), HEALTH_FIRST);
	assert_int_equal(slots(&shown), 1);
	assert_int_equal(shown, -1);
}

/* Eight old ones make room for eight new ones. */
static void all_change(void **state)
{
	struct health_found f[HEALTH_TRUNK_HOPS];

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < HEALTH_TRUNK_HOPS; i++)
			f[i] = at(round * 8 + i + 1, i);
		assert_int_equal(health_dns_found(&r->health, 0, f, HEALTH_TRUNK_HOPS, r->now), 0);
		for (unsigned i = 0; i < HEALTH_TRUNK_HOPS; i++)
			assert_true(slot_of(round * 8 + i + 1) >= 0);
	}
	assert_int_equal(r->health.trunk[0].count, HEALTH_TRUNK_HOPS);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(the_first_ones), T(one_more), T(moved), T(moved_to_the_mute), T(and_back), T(not_probed), T(calls_keep_theirs),
		T(nobody_tells), T(never_told), T(told_but_mute), T(forgotten), T(all_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
