// SPDX-License-Identifier: MIT
/* A port pair's rest between two calls, where calls come and go faster than it allows: nobody is refused, the operator is told, and what an
 * earlier call's end sends too late is heard by nobody, also where it was silent while the call was up. As plane.c: real RTP through a real
 * kedge-media, over both backends. */
#include "config/clock.h"
#include "tests/media/talk.h"

static const struct kedge_prefix NET2 = { .family = AF_INET, .bits = 24, .ip = { 127, 0, 2, 0 } };

static void let_learn(struct call *c, uint8_t place)
{
	plane_end_of(&c->a, place)->learn[0] = NET2;
	plane_write(&plane, &c->a, place);
	plane_commit(&plane, &c->a);
	followed();
}

/* A full turnover: every pair was in use a moment ago, and as many calls come again at once. Where others are free, a pair
 * rests. */
static void rest_is_short_where_ports_are_few(void **state)
{
	static struct call c[SLOTS];
	uint32_t port;

	start_with("port_rest = \"60s\";", SLOTS, false, 0);
	call_open(&c[0], 0, "127.0.1.1", "127.0.2.1");
	port = c[0].a.in.port;
	call_close(&c[0]);
	for (uint32_t i = 0; i < 8; i++) {
		call_open(&c[i], i, "127.0.1.1", "127.0.2.1");
		assert_int_not_equal(c[i].a.in.port, port);
	}
	for (uint32_t i = 0; i < 8; i++)
		call_close(&c[i]);
	for (int round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < SLOTS; i++) {
			call_open(&c[i], i, "127.0.1.1", "127.0.2.1");
			exchange(&c[i]);
		}
		for (int i = 0; i < SLOTS; i++)
			call_close(&c[i]);
	}
	assert_true(PLANE_COUNT(&plane, rest_cut) >= 4 * SLOTS);
	stop();
}

/* Where pairs have their time, none is cut. */
static void rest_is_whole_where_ports_are_many(void **state)
{
	struct call c;

	start_with("port_rest = \"200ms\";", SLOTS, false, 0);
	for (int i = 0; i < 40; i++) {
		call_open(&c, 0, "127.0.1.1", "127.0.2.1");
		exchange(&c);
		call_close(&c);
	}
	assert_int_equal(PLANE_COUNT(&plane, rest_cut), 0);
	stop();
}

/* A pair that was lent too early: an unknown voice from where its end might be behind a NAT may be a dead call's, and is nobody's; the
 * signaled address is heard, RTP and RTCP. Once the rest would have been over, that voice is learnt. */
static void short_rest_teaches_nobody(void **state)
{
	struct call c;
	struct peer nat;
	uint64_t closed;

	start_with("port_rest = \"3s\";", 2, false, 0);
	call_open(&c, 0, "127.0.1.1", "127.0.2.1"); /* the first pair of the ring; the second waits there */
	call_close(&c);
	call_open(&c, 1, "127.0.1.1", "127.0.2.1");
	call_close(&c);
	closed = clock_mono_ns();
	call_open(&c, 2, "127.0.1.1", "127.0.2.1");
	assert_true(PLANE_COUNT(&plane, rest_cut) > 0);
	let_learn(&c, 0);
	peer_open(&nat, "127.0.2.9", 50);
	aim(&plane, &c.a, 0, &nat);
	for (int i = 0; i < 20; i++)
		say(&nat);
	hears_nothing(&c.in, 50);
	say(&c.in);
	hear(&c.out); /* still spoken to where the answer said */
	hears_nothing(&nat, 20);
	assert_true(PLANE_COUNT(&plane, drop_stranger) >= 20);
	assert_true(clock_mono_ns() - closed < 2500 * CLOCK_NS_PER_MS);
	usleep(3100000 - (unsigned)((clock_mono_ns() - closed) / 1000));
	say(&nat);
	assert_int_equal(hear(&c.in).seed, 50);
	peer_close(&nat);
	call_close(&c);

	call_open(&c, 3, "127.0.1.1", "127.0.2.1");
	exchange(&c); /* the signaled address, at once */
	call_close(&c);
	stop();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(rest_is_short_where_ports_are_few),
		TEST(rest_is_whole_where_ports_are_many),
		TEST(short_rest_teaches_nobody),
	};

	return cmocka_run_group_tests_name(talk_main(argc, argv), tests, NULL, NULL);
}
