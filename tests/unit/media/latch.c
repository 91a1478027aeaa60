// SPDX-License-Identifier: MIT
// latch: stories of who speaks when, each line checked; time is an argument.
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "media/addr.h"
#include "media/latch.h"

#define MS 1000000ULL

static struct kedge_addr addr(const char *ip, uint16_t port)
{
	struct kedge_addr a = { .port = port };

	a.family = strchr(ip, ':') != NULL ? AF_INET6 : AF_INET;
	assert_int_equal(inet_pton(a.family, ip, a.ip), 1);
	return a;
}

static const struct kedge_prefix LEARN[4] = { { AF_INET, 24, { 192, 0, 2, 0 } },
	{ AF_INET, 32, { 198, 51, 100, 7 } }, { AF_INET6, 64, { 0x20, 0x01, 0x0d, 0xb8 } } };
static const struct kedge_prefix NONE[4];

static const struct step {
	uint64_t ms;
	const char *ip;
	uint16_t port;
	enum latch_verdict want;
} signaled_speaks[] = {
	{ 0, "192.0.2.1", 4000, LATCH_TAKEN },
	{ 20, "192.0.2.1", 4000, LATCH_KNOWN },
	{ 40, "192.0.2.1", 4002, LATCH_STRANGER },    /* other port, same host */
	{ 60, "192.0.2.9", 4000, LATCH_STRANGER },    /* learnable, but somebody holds the latch */
	{ 80, "203.0.113.1", 4000, LATCH_STRANGER },
	{ 1079, "192.0.2.9", 4000, LATCH_TAKEN },     /* 1,059 ms after the last good packet at 20 ms */
}, learnt_then_guarded[] = {
	{ 0, "203.0.113.1", 9, LATCH_STRANGER },
	{ 10, "192.0.2.9", 9, LATCH_TAKEN },
	{ 900, "192.0.2.9", 9, LATCH_KNOWN },
	{ 920, "192.0.2.8", 9, LATCH_STRANGER },
	{ 1800, "192.0.2.9", 9, LATCH_KNOWN },
	{ 2010, "192.0.2.1", 4000, LATCH_STRANGER },  /* the signaled one too, after the trial */
	{ 2799, "192.0.2.8", 9, LATCH_STRANGER },     /* 999 ms */
	{ 2800, "192.0.2.8", 9, LATCH_TAKEN },
}, signaled_wins_in_the_grace[] = {
	{ 0, "192.0.2.66", 9, LATCH_TAKEN },          /* a sprayer inside the prefix, a packet earlier */
	{ 900, "192.0.2.66", 9, LATCH_KNOWN },
	{ 1800, "192.0.2.66", 9, LATCH_KNOWN },
	{ 1999, "192.0.2.1", 4000, LATCH_TAKEN },     /* who was called took his time */
	{ 2000, "192.0.2.66", 9, LATCH_STRANGER },
	{ 2900, "192.0.2.66", 9, LATCH_STRANGER },
}, signaled_again_after_silence[] = {
	{ 0, "192.0.2.66", 9, LATCH_TAKEN },
	{ 1000, "192.0.2.1", 4000, LATCH_TAKEN },
	{ 1010, "192.0.2.66", 9, LATCH_STRANGER },
}, single_host[] = {
	{ 0, "198.51.100.8", 1, LATCH_STRANGER },
	{ 1, "198.51.100.7", 1, LATCH_TAKEN },
}, other_family[] = {
	{ 0, "2001:db8:0:1::1", 1, LATCH_STRANGER },  /* another /64 */
	{ 1, "2001:db8::ffff", 1, LATCH_TAKEN },
};

static void tell(const char *name, const struct step *s, size_t n, struct latch *l,
    const struct kedge_prefix learn[4])
{
	for (size_t i = 0; i < n; i++) {
		struct kedge_addr from = addr(s[i].ip, s[i].port);
		/* Time does not begin at 0: an uptime of a second and more is what every machine has. */
		enum latch_verdict got = latch_check(l, learn, &from, (10000 + s[i].ms) * MS);

		if (got != s[i].want)
			fail_msg("%s, step %zu: %d, not %d", name, i, (int)got, (int)s[i].want);
		if (got == LATCH_TAKEN)
			assert_true(addr_same(latch_target(l), &from));
	}
}

#define TELL(story)                                                                                \
	do {                                                                                       \
		struct kedge_addr signaled = addr("192.0.2.1", 4000);                              \
		struct latch l;                                                                    \
		latch_init(&l, KEDGE_LATCH_GUARDED, &signaled, 1);                                 \
		tell(#story, story, sizeof(story) / sizeof(story[0]), &l, LEARN);                  \
	} while (0)

static void stories(void **state)
{
	TELL(signaled_speaks);
	TELL(learnt_then_guarded);
	TELL(signaled_wins_in_the_grace);
	TELL(signaled_again_after_silence);
	TELL(single_host);
	TELL(other_family);
}

static void strict_takes_the_signaled_one(void **state)
{
	static const struct step story[] = { { 0, "192.0.2.9", 9, LATCH_STRANGER },
		{ 1, "192.0.2.1", 4000, LATCH_TAKEN }, { 5000, "192.0.2.9", 9, LATCH_STRANGER },
		{ 5001, "192.0.2.1", 4000, LATCH_KNOWN } };
	struct kedge_addr signaled = addr("192.0.2.1", 4000);
	struct latch l;

	latch_init(&l, KEDGE_LATCH_STRICT, &signaled, 1);
	assert_true(latch_settled(&l, 0)); /* nobody else may ever speak */
	tell("strict", story, 4, &l, LEARN);
	assert_false(latch_lost(&l, true, 100000 * MS));
}

static void nothing_learnable(void **state)
{
	static const struct step story[] = { { 0, "192.0.2.9", 9, LATCH_STRANGER },
		{ 5000, "192.0.2.9", 9, LATCH_STRANGER }, { 5001, "192.0.2.1", 4000, LATCH_TAKEN },
		{ 9000, "192.0.2.1", 4001, LATCH_STRANGER } };
	struct kedge_addr signaled = addr("192.0.2.1", 4000);
	struct latch l;

	latch_init(&l, KEDGE_LATCH_GUARDED, &signaled, 1);
	tell("nothing learnable", story, 4, &l, NONE);
}

/* Early RTP: heard before the answer said where it is. */
static void answer_after_early_media(void **state)
{
	struct kedge_addr none = { 0 }, early = addr("192.0.2.9", 9),
	                  signaled = addr("192.0.2.1", 4000);
	struct latch l;

	latch_init(&l, KEDGE_LATCH_GUARDED, &none, 1);
	assert_int_equal(latch_target(&l)->family, 0);
	assert_int_equal(latch_check(&l, LEARN, &early, 1000 * MS), LATCH_TAKEN);
	assert_false(latch_rebind(&l, KEDGE_LATCH_GUARDED, &signaled, 2, 2000 * MS));
	assert_int_equal(latch_check(&l, LEARN, &early, 2010 * MS), LATCH_KNOWN); /* not clipped */
	assert_int_equal(latch_check(&l, LEARN, &signaled, 2100 * MS), LATCH_TAKEN);
	assert_int_equal(latch_check(&l, LEARN, &early, 2120 * MS), LATCH_STRANGER);
}

/* The far end moves by re-INVITE: trailing packets of the address it left are not learnt anew. */
static void far_end_moves(void **state)
{
	struct kedge_addr a = addr("192.0.2.1", 4000), b = addr("192.0.2.1", 5000);
	struct latch l;

	latch_init(&l, KEDGE_LATCH_GUARDED, &a, 1);
	assert_int_equal(latch_check(&l, LEARN, &a, 1000 * MS), LATCH_TAKEN);
	assert_true(latch_rebind(&l, KEDGE_LATCH_GUARDED, &b, 2, 2000 * MS));
	assert_true(addr_same(latch_target(&l), &b)); /* spoken to at once */
	assert_int_equal(latch_check(&l, LEARN, &a, 2010 * MS), LATCH_STRANGER);
	assert_int_equal(latch_check(&l, LEARN, &b, 2020 * MS), LATCH_TAKEN);
	assert_int_equal(latch_check(&l, LEARN, &a, 2600 * MS), LATCH_STRANGER);
}

/* It only said so: after a while the source it still sends from is learnt again (NAT with a rewritten answer). */
static void far_end_did_not_move(void **state)
{
	struct kedge_addr a = addr("192.0.2.1", 4000), b = addr("192.0.2.1", 5000);
	struct latch l;

	latch_init(&l, KEDGE_LATCH_GUARDED, &a, 1);
	assert_int_equal(latch_check(&l, LEARN, &a, 1000 * MS), LATCH_TAKEN);
	latch_rebind(&l, KEDGE_LATCH_GUARDED, &b, 2, 2000 * MS);
	assert_int_equal(latch_check(&l, LEARN, &a, 2499 * MS), LATCH_STRANGER);
	assert_int_equal(latch_check(&l, LEARN, &a, 2500 * MS), LATCH_TAKEN);
}

/* Learnt behind a NAT, then a refresh that changes nothing, then one that names another private port. */
static void nat_over_refreshes(void **state)
{
	struct kedge_addr private1 = addr("10.0.0.5", 4000), private2 = addr("10.0.0.5", 4002),
	                  nat = addr("192.0.2.9", 9);
	struct latch l;

	latch_init(&l, KEDGE_LATCH_GUARDED, &private1, 1);
	assert_int_equal(latch_check(&l, LEARN, &nat, 1000 * MS), LATCH_TAKEN);
	assert_false(latch_rebind(&l, KEDGE_LATCH_GUARDED, &private1, 2, 2000 * MS));
	assert_int_equal(latch_check(&l, LEARN, &nat, 2010 * MS), LATCH_KNOWN);
	assert_true(latch_rebind(&l, KEDGE_LATCH_GUARDED, &private2, 3, 3000 * MS));
	assert_int_equal(
	    latch_check(&l, LEARN, &nat, 3010 * MS), LATCH_TAKEN); /* no gap in the audio */
}

/* What was learnt is connected to only when nobody else can have a better right. */
static void learnt_settles_late(void **state)
{
	struct kedge_addr a = addr("192.0.2.1", 4000), nat = addr("192.0.2.9", 9);
	struct latch l;

	latch_init(&l, KEDGE_LATCH_GUARDED, &a, 1);
	latch_check(&l, LEARN, &nat, 1000 * MS);
	latch_check(&l, LEARN, &nat, 2990 * MS);
	assert_false(latch_settled(&l, 2999 * MS));
	assert_true(latch_settled(&l, 3000 * MS));
}

static void settles_and_gets_lost(void **state)
{
	struct kedge_addr a = addr("192.0.2.1", 4000);
	struct latch l;

	latch_init(&l, KEDGE_LATCH_GUARDED, &a, 1);
	assert_false(latch_settled(&l, 5000 * MS)); /* nobody was heard yet */
	latch_check(&l, LEARN, &a, 1000 * MS);
	assert_false(latch_settled(&l, 1199 * MS));
	assert_true(latch_settled(&l, 1200 * MS));
	assert_false(latch_settled(&l, 1500 * MS)); /* silent: do not connect to what may be gone */
	assert_false(latch_lost(&l, true, 1999 * MS));
	assert_true(latch_lost(&l, true, 2000 * MS));
	assert_false(latch_lost(&l, false, 2000 * MS)); /* on hold silence is no evidence */
}

static void restores(void **state)
{
	struct kedge_addr a = addr("192.0.2.1", 4000), nat = addr("192.0.2.9", 9),
	                  other = addr("192.0.2.8", 9);
	struct latch l;

	latch_init(&l, KEDGE_LATCH_GUARDED, &a, 1);
	latch_restore(&l, &nat, 1000 * MS);
	assert_true(addr_same(latch_target(&l), &nat));
	assert_int_equal(latch_check(&l, LEARN, &other, 1001 * MS), LATCH_STRANGER);
	assert_int_equal(latch_check(&l, LEARN, &nat, 1002 * MS), LATCH_KNOWN);
}

static void prefixes(void **state)
{
	static const struct {
		const char *ip;
		struct kedge_prefix net;
		bool want;
	} row[] = {
		{ "192.0.2.200", { AF_INET, 24, { 192, 0, 2, 0 } }, true },
		{ "192.0.3.200", { AF_INET, 24, { 192, 0, 2, 0 } }, false },
		{ "192.0.3.200", { AF_INET, 23, { 192, 0, 2, 0 } }, true },
		{ "192.0.4.0", { AF_INET, 23, { 192, 0, 2, 0 } }, false },
		{ "1.2.3.4", { AF_INET, 0, { 0 } }, true },
		{ "1.2.3.4", { 0, 0, { 0 } }, false },
		{ "1.2.3.4", { AF_INET, 33, { 1, 2, 3, 4 } }, false },
		{ "::1", { AF_INET, 0, { 0 } }, false },
		{ "2001:db8::1", { AF_INET6, 128, { 0x20, 1, 0x0d, 0xb8, [15] = 1 } }, true },
		{ "2001:db8::2", { AF_INET6, 128, { 0x20, 1, 0x0d, 0xb8, [15] = 1 } }, false },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct kedge_addr a = addr(row[i].ip, 1);

		if (addr_within(&a, &row[i].net) != row[i].want)
			fail_msg("row %zu: %s", i, row[i].ip);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(stories),
		cmocka_unit_test(strict_takes_the_signaled_one),
		cmocka_unit_test(nothing_learnable), cmocka_unit_test(answer_after_early_media),
		cmocka_unit_test(far_end_moves), cmocka_unit_test(far_end_did_not_move),
		cmocka_unit_test(nat_over_refreshes), cmocka_unit_test(learnt_settles_late), cmocka_unit_test(settles_and_gets_lost),
		cmocka_unit_test(restores), cmocka_unit_test(prefixes) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
