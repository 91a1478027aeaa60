// SPDX-License-Identifier: MIT
/* Who may be heard, and how much of him (A93): floods, strangers over the whole port range, late packets of dead calls, ends that move behind
 * their NAT, ends that are gone. As plane.c: real RTP through a real kedge-media, over both backends, each packet heard checked byte by byte.
 * With KEDGE_GUARD_S in the environment strangers spray for so many seconds over IPv4 and over IPv6; else 5. */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/clock.h"
#include "tests/media/talk.h"

static const struct kedge_prefix NET2 = { .family = AF_INET, .bits = 24, .ip = { 127, 0, 2, 0 } };
static const struct kedge_prefix NET6 = { .family = AF_INET6, .bits = 64 };

/* What its far address may be learnt from. */
static void let_learn(struct call *c, uint8_t place, struct kedge_prefix net)
{
	plane_end_of(&c->a, place)->learn[0] = net;
	plane_write(&plane, &c->a, place);
	plane_commit(&plane, &c->a);
	followed();
}

static void pause_ms(unsigned ms)
{
	usleep(ms * 1000);
}

/* ---- floods ---------------------------------------------------------------------------------- */

/* 50 packets a second each way for a while; each is heard at once. */
static void talk_for(struct call *c, unsigned packets)
{
	for (unsigned i = 0; i < packets; i++) {
		exchange(c);
		pause_ms(20);
	}
}

/* A far end sends a hundred times what it should: its own call has what the limit leaves of it, the other one all of its packets. */
static void flood_is_cut(void **state)
{
	struct call loud, quiet;
	struct heard h;
	uint64_t began = clock_mono_ns(), most, heard = 0;
	const unsigned flood = 8000;

	start_with("rate = 4; port_rest = \"100ms\";", 8, false, 0);
	call_open(&loud, 0, "127.0.1.1", "127.0.2.1");
	call_open(&quiet, 1, "127.0.1.1", "127.0.2.1");
	for (int round = 0; round < 2; round++) {
		for (unsigned i = 0; i < flood; i++) {
			say(&loud.out);
			if (i % 100 == 99)
				exchange(&quiet); /* 80 of them, in no less than the limit's second and a bit */
			if (i % 100 == 99)
				pause_ms(10);
			while (hear_within(&loud.in, &h, 0))
				heard++;
		}
		while (hear_within(&loud.in, &h, 100))
			heard++;
		talk_for(&quiet, 20);
	}
	most = 200 + (clock_mono_ns() - began) * 200 / CLOCK_NS_PER_S;
	assert_in_range(heard, 200, most);
	COUNTS_TO(drop_rate, 2 * flood - heard);
	/* It behaves again, and is heard again. */
	pause_ms(1100);
	talk_for(&loud, 10);
	call_close(&loud);
	call_close(&quiet);
	stop();
}

/* What an honest sender does: double rate for a while, digits beside the audio, a second of silence and then all at once. */
static void no_honest_packet_is_cut(void **state)
{
	struct call c;

	start_with("rate = 4; port_rest = \"100ms\";", 8, false, 0);
	call_open(&c, 0, "127.0.1.1", "127.0.2.1");
	for (int i = 0; i < 200; i++) {
		exchange(&c);
		exchange(&c);
		pause_ms(15);
	}
	pause_ms(1100);
	for (int i = 0; i < 50; i++)
		say(&c.out);
	for (int i = 0; i < 50; i++)
		hear(&c.in);
	assert_int_equal(PLANE_COUNT(&plane, drop_rate), 0);
	call_close(&c);
	stop();
}

/* Another configuration is in force: also for calls that are up. */
static void limit_holds_at_once(void **state)
{
	struct call c;
	struct heard h;
	unsigned heard = 0;

	start_with("rate = 0; port_rest = \"100ms\";", 8, false, 0);
	call_open(&c, 0, "127.0.1.1", "127.0.2.1");
	for (int i = 0; i < 500; i++)
		exchange(&c);
	assert_int_equal(plane_again(&plane, "rate = 1;"), 0);
	for (int i = 0; i < 200 && PLANE_COUNT(&plane, drop_rate) == 0; i++) {
		for (int n = 0; n < 20; n++)
			say(&c.out);
		pause_ms(10);
	}
	while (hear_within(&c.in, &h, 100))
		heard++;
	assert_true(PLANE_COUNT(&plane, drop_rate) > 0 && heard > 0);
	call_close(&c);
	stop();
}

/* ---- what is no RTP -------------------------------------------------------------------------- */

static void send_raw(int fd, const struct sockaddr_storage *to, const void *data, size_t len)
{
	assert_int_equal(sendto(fd, data, len, 0, (const struct sockaddr *)to, length(to)), len);
}

/* Whoever sends what is no RTP teaches nothing, wherever it may learn from; each kind is counted by its name. */
static void nonsense_teaches_nothing(void **state)
{
	static const uint8_t stun[20] = { 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };
	static const uint8_t report[28] = { 0x80, 200, 0, 6 };
	static const uint8_t bad[][16] = { { 0x40 }, { 0x8f }, { 0x90, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9 }, { 0xa0 } };
	struct call c;
	struct peer nat;

	start(8);
	call_open(&c, 0, "127.0.1.1", "127.0.2.1");
	let_learn(&c, 0, NET2);
	peer_open(&nat, "127.0.2.9", 50);
	aim(&plane, &c.a, 0, &nat);
	send_raw(nat.rtp, &nat.to, stun, sizeof(stun));
	send_raw(nat.rtcp, &nat.rtcp_to, stun, sizeof(stun));
	send_raw(nat.rtp, &nat.to, report, sizeof(report));
	for (int i = 0; i < 4; i++)
		send_raw(nat.rtp, &nat.to, bad[i], sizeof(bad[i]));
	send_raw(nat.rtp, &nat.to, bad, 11);
	send_raw(nat.rtp, &nat.to, bad, 0);
	COUNTS_TO(drop_malformed, 9);
	assert_int_equal(PLANE_COUNT(&plane, bad_stun), 2);
	assert_int_equal(PLANE_COUNT(&plane, bad_type), 1);
	assert_int_equal(PLANE_COUNT(&plane, bad_version), 1);
	assert_int_equal(PLANE_COUNT(&plane, bad_csrc), 1);
	assert_int_equal(PLANE_COUNT(&plane, bad_extension), 1);
	assert_int_equal(PLANE_COUNT(&plane, bad_padding), 1);
	assert_int_equal(PLANE_COUNT(&plane, bad_short), 2);
	assert_int_equal(PLANE_COUNT(&plane, latched), 0);
	hears_nothing(&c.in, 20);
	say(&c.in); /* to where the answer said */
	hear(&c.out);
	hears_nothing(&nat, 20);
	say(&nat); /* RTP does teach */
	assert_int_equal(hear(&c.in).seed, 50);
	assert_int_equal(PLANE_COUNT(&plane, latched), 2);
	peer_close(&nat);
	call_close(&c);
	stop();
}

/* The same on a line that is not RTP: only what may be UDPTL. */
static void stun_on_a_fax_line(void **state)
{
	static const uint8_t stun[20] = { 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42 };
	static const uint8_t fax[] = { 0, 7, 2, 0xc0, 1, 0, 0 };
	struct call c;
	struct peer nat;
	uint8_t heard[64];

	start(8);
	call_open(&c, 0, "127.0.1.1", "127.0.2.1");
	set_flags(&c, 0, KEDGE_END_SEND | KEDGE_END_RECV | KEDGE_END_PLAIN);
	set_flags(&c, KEDGE_END_INSIDE, KEDGE_END_SEND | KEDGE_END_RECV | KEDGE_END_PLAIN);
	let_learn(&c, 0, NET2);
	peer_open(&nat, "127.0.2.9", 50);
	aim(&plane, &c.a, 0, &nat);
	send_raw(nat.rtp, &nat.to, stun, sizeof(stun));
	send_raw(nat.rtp, &nat.to, fax, 3);
	COUNTS_TO(drop_malformed, 2);
	assert_int_equal(PLANE_COUNT(&plane, bad_stun), 1);
	assert_int_equal(PLANE_COUNT(&plane, bad_short), 1);
	assert_int_equal(PLANE_COUNT(&plane, latched), 0);
	send_raw(nat.rtp, &nat.to, fax, sizeof(fax));
	assert_int_equal(wait_readable(c.in.rtp, 1000), 1);
	assert_int_equal(recv(c.in.rtp, heard, sizeof(heard), 0), sizeof(fax));
	assert_memory_equal(heard, fax, sizeof(fax));
	peer_close(&nat);
	call_close(&c);
	stop();
}

/* ---- ends that move, ends that are gone ------------------------------------------------------- */

/* Another port of the same host: a NAT that forgot. Its socket was connected to. Not heard while the old one speaks, heard after
 * 1 s of silence, and spoken to there from then on; strict: never. */
static void moves_behind_its_nat(bool v6, uint8_t latch)
{
	const char *ip = v6 ? "::1" : "127.0.2.1";
	bool strict = latch == KEDGE_LATCH_STRICT;
	uint64_t spoke;
	struct call c;
	struct peer moved;
	struct heard h;

	start_with("port_rest = \"100ms\";", 8, v6, 0);
	call_open(&c, 0, v6 ? "::1" : "127.0.1.1", ip);
	plane_end_of(&c.a, 0)->latch = latch;
	let_learn(&c, 0, v6 ? NET6 : NET2);
	peer_open(&moved, ip, 70);
	aim(&plane, &c.a, 0, &moved);
	for (int i = 0; i < 30; i++) { /* settled and connected on the way */
		exchange(&c);
		say(&moved);
		pause_ms(20);
	}
	spoke = clock_mono_ns();
	while (clock_mono_ns() - spoke < 3000 * CLOCK_NS_PER_MS) {
		say(&moved);
		if (hear_within(&c.in, &h, 20))
			break;
	}
	if (strict) {
		assert_true(clock_mono_ns() - spoke >= 3000 * CLOCK_NS_PER_MS);
		exchange(&c);
		hears_nothing(&moved, 20);
	} else {
		assert_int_equal(h.seed, 70);
		assert_true(clock_mono_ns() - spoke >= 980 * CLOCK_NS_PER_MS);
		forget(&c.in);
		say(&c.in);
		assert_int_equal(hear(&moved).seed, c.in.seed);
		hears_nothing(&c.out, 20);
		assert_int_equal(PLANE_COUNT(&plane, relatched), 1);
	}
	peer_close(&moved);
	call_close(&c);
	stop();
}

static void nat_forgets_a_port(void **state)
{
	moves_behind_its_nat(false, KEDGE_LATCH_GUARDED);
}

static void nat_forgets_a_port6(void **state)
{
	moves_behind_its_nat(true, KEDGE_LATCH_GUARDED);
}

static void strict_never_follows(void **state)
{
	moves_behind_its_nat(false, KEDGE_LATCH_STRICT);
}

/* Its ports are closed for a while, RTP and RTCP: what ICMP says is read and counted, and nothing stays broken. */
static void icmp6_is_read(void **state)
{
	struct call c;
	struct sockaddr_storage local;
	uint64_t before;

	start_with("port_rest = \"100ms\";", 8, true, 0);
	call_open(&c, 0, "::1", "::1");
	exchange(&c);
	pause_ms(500); /* connected */
	exchange(&c);
	local = c.out.local;
	close(c.out.rtp);
	before = PLANE_COUNT(&plane, icmp);
	for (int i = 0; i < 20; i++) {
		say(&c.in);
		pause_ms(5);
	}
	assert_true(PLANE_COUNT(&plane, icmp) > before);
	c.out.rtp = socket(local.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(c.out.rtp, (struct sockaddr *)&local, length(&local)), 0);
	say(&c.in); /* may meet the last error */
	forget(&c.out);
	for (int i = 0; i < 10; i++)
		exchange(&c);
	call_close(&c);
	stop();
}

/* ---- dead calls ------------------------------------------------------------------------------ */

#define IN_A_ROW 60

/* Ends that go on sending, RTP and RTCP, though their calls are over. */
static struct late {
	struct peer peer[2 * IN_A_ROW];
	_Atomic unsigned count;
	_Atomic bool ended;
	pthread_t thread;
} late;

static void *speak_late(void *unused)
{
	while (!atomic_load(&late.ended)) {
		for (unsigned i = 0; i < atomic_load(&late.count); i++) {
			struct peer *x = &late.peer[i];
			uint8_t data[PACKET], rr[8] = { 0x80, 201, 0, 1 };

			fill(data, x->seed, &x->next);
			rtp_set32(rr + 4, x->next.ssrc);
			sendto(x->rtp, data, sizeof(data), 0, (struct sockaddr *)&x->to, length(&x->to));
			sendto(x->rtcp, rr, sizeof(rr), 0, (struct sockaddr *)&x->rtcp_to, length(&x->to));
			x->next.sequence++;
			x->next.timestamp += PAYLOAD;
		}
		pause_ms(10);
	}
	return NULL;
}

/* RTP comes from where the answer said, or from another port of the host (behind a NAT): then the signaled address is nobody's. */
static void row_open(struct call *c, uint32_t n)
{
	struct peer nobody;
	bool nat = n % 2 != 0;

	peer_open(&nobody, "127.0.2.3", 9);
	peer_open(&c->in, "127.0.1.1", 1000 + 2 * n);
	peer_open(&c->out, "127.0.2.1", 1001 + 2 * n);
	plane_anchor(&plane, &c->a, n % SLOTS, 0);
	for (int i = 0; plane_end(&plane, &c->a, KEDGE_END_INSIDE, 0, (struct sockaddr *)&c->in.local) < 0; i++) {
		assert_true(i < 200);
		pause_ms(10);
	}
	assert_int_equal(plane_end(&plane, &c->a, 0, 1, (struct sockaddr *)(nat ? &nobody.local : &c->out.local)), 0);
	c->a.in.learn[0] = (struct kedge_prefix){ .family = AF_INET, .bits = 24, .ip = { 127, 0, 1, 0 } };
	c->a.out[0].learn[0] = NET2;
	plane_write(&plane, &c->a, KEDGE_END_INSIDE);
	plane_write(&plane, &c->a, 0);
	aim(&plane, &c->a, KEDGE_END_INSIDE, &c->in);
	aim(&plane, &c->a, 0, &c->out);
	c->a.want.live = 0;
	plane_commit(&plane, &c->a);
	assert_int_equal(plane_wait_done(&plane, &c->a, KEDGE_DONE_OPEN, 2000), 0);
	peer_close(&nobody);
}

/* What came too late is ECONNREFUSED by now: the ports of dead calls are closed. */
static bool hears_rtcp_now(const struct peer *x)
{
	uint8_t data[64];

	for (int i = 0; i < 100; i++)
		if (recv(x->rtcp, data, sizeof(data), MSG_DONTWAIT) >= 0)
			return true;
	return false;
}

/* 60 calls over 4 pairs of ports a side; the ends of all that are over go on sending, and every one of them would be learnt if
 * only his address were asked. Each call hears its own end and nobody else. */
static void calls_in_a_row(void **state)
{
	static struct call c[IN_A_ROW];

	memset(&late, 0, sizeof(late));
	start(4);
	assert_int_equal(pthread_create(&late.thread, NULL, speak_late, NULL), 0);
	for (uint32_t n = 0; n < IN_A_ROW; n++) {
		row_open(&c[n], n);
		pause_ms(25); /* they come first */
		say(&c[n].out);
		assert_int_equal(hear(&c[n].in).seed, c[n].out.seed);
		for (int i = 0; i < 5; i++) {
			exchange(&c[n]);
			pause_ms(5);
		}
		hears_nothing(&c[n].in, 5);
		hears_nothing(&c[n].out, 5);
		assert_false(hears_rtcp_now(&c[n].in));
		assert_false(hears_rtcp_now(&c[n].out));
		c[n].a.want.state = KEDGE_SLOT_CLOSED;
		plane_commit(&plane, &c[n].a);
		assert_int_equal(plane_wait_done(&plane, &c[n].a, KEDGE_DONE_CLOSED, 2000), 0);
		late.peer[2 * n] = c[n].in;
		late.peer[2 * n + 1] = c[n].out;
		atomic_store(&late.count, 2 * n + 2);
	}
	atomic_store(&late.ended, true);
	pthread_join(late.thread, NULL);
	for (uint32_t n = 0; n < IN_A_ROW; n++) {
		peer_close(&c[n].in);
		peer_close(&c[n].out);
	}
	stop();
}

/* ---- strangers ------------------------------------------------------------------------------- */

#define STRANGERS 4

static struct spray {
	int fd[STRANGERS];
	_Atomic bool ended;
	_Atomic uint64_t sent, heard;
	pthread_t thread;
} spray;

/* Good RTP and RTCP, now and then what is neither, to each port of the range in turn. */
static void spray_one(int fd, const struct sockaddr_storage *to, uint32_t n)
{
	struct rtp h = { .ssrc = 0xdead0000u + n % 7, .sequence = (uint16_t)n, .timestamp = n * PAYLOAD };
	uint8_t data[PACKET], back[64];

	fill(data, 666, &h);
	if (ntohs(*port_of((struct sockaddr_storage *)to)) % 2 != 0)
		data[1] = 201;
	if (n % 50 == 49)
		data[0] = (uint8_t)n;
	if (sendto(fd, data, sizeof(data), 0, (const struct sockaddr *)to, length(to)) > 0)
		atomic_fetch_add(&spray.sent, 1);
	while (recv(fd, back, sizeof(back), MSG_DONTWAIT) >= 0)
		atomic_fetch_add(&spray.heard, 1);
}

static void *spray_all(void *unused)
{
	uint32_t n = 0;

	while (!atomic_load(&spray.ended))
		for (uint32_t i = 0; i < plane.seg.priv->port_count && !atomic_load(&spray.ended); i++) {
			const struct kedge_port *k = segment_port(&plane.seg, i);

			for (unsigned which = 0; which < 2; which++) {
				struct sockaddr_storage to = name_of(which ? k->fd_rtcp : k->fd_rtp);

				for (int s = 0; s < STRANGERS; s++)
					spray_one(spray.fd[s], &to, n++);
			}
			if (i % 8 == 7)
				pause_ms(5);
		}
	return NULL;
}

static void spray_begin(const char *const ip[STRANGERS])
{
	memset(&spray, 0, sizeof(spray));
	for (int i = 0; i < STRANGERS; i++)
		spray.fd[i] = plane_socket(ip[i]);
	assert_int_equal(pthread_create(&spray.thread, NULL, spray_all, NULL), 0);
}

static void spray_end(void)
{
	atomic_store(&spray.ended, true);
	pthread_join(spray.thread, NULL);
	for (int i = 0; i < STRANGERS; i++) {
		uint8_t back[64];

		while (recv(spray.fd[i], back, sizeof(back), MSG_DONTWAIT) >= 0)
			atomic_fetch_add(&spray.heard, 1);
		close(spray.fd[i]);
	}
}

static uint64_t spray_ns(void)
{
	const char *s = getenv("KEDGE_GUARD_S");

	return (s ? strtoul(s, NULL, 10) : 5) * CLOCK_NS_PER_S;
}

/* They spray before the INVITE, before the answer and all the while: not one packet of theirs comes out anywhere, not one comes to
 * them, and the calls hear each other, every packet as it was said, also those that may learn an address. */
static void strangers_get_nothing(bool v6, const char *const ip[STRANGERS], struct kedge_prefix net)
{
	static struct call c[8];
	uint64_t until;
	unsigned rounds = 0;

	start_with("port_rest = \"100ms\";", 32, v6, 0);
	spray_begin(ip);
	pause_ms(200);
	for (uint32_t i = 0; i < 8; i++) {
		call_open(&c[i], i, v6 ? "::1" : "127.0.1.1", v6 ? "::1" : "127.0.2.1");
		if (i % 2 != 0)
			let_learn(&c[i], 0, net);
	}
	pause_ms(100);
	for (until = clock_mono_ns() + spray_ns(); clock_mono_ns() < until; rounds++) {
		for (int i = 0; i < 8; i++)
			exchange(&c[i]);
		pause_ms(20);
		if (rounds % 50 == 49) { /* calls come and go meanwhile */
			call_close(&c[7]);
			call_open(&c[7], 7, v6 ? "::1" : "127.0.1.1", v6 ? "::1" : "127.0.2.1");
			pause_ms(20);
		}
	}
	for (int i = 0; i < 8; i++) {
		hears_nothing(&c[i].in, 10);
		hears_nothing(&c[i].out, 10);
		assert_false(hears_rtcp_now(&c[i].in));
		assert_false(hears_rtcp_now(&c[i].out));
	}
	spray_end();
	assert_int_equal(atomic_load(&spray.heard), 0);
	assert_true(atomic_load(&spray.sent) > 10000);
	assert_true(PLANE_COUNT(&plane, drop_stranger) > 0);
	print_message("  %llu packets of strangers, %u rounds\n", (unsigned long long)atomic_load(&spray.sent), rounds);
	for (int i = 0; i < 8; i++)
		call_close(&c[i]);
	stop();
}

static void spray_over_all_ports(void **state)
{
	static const char *const ip[STRANGERS] = { "127.0.9.9", "127.0.9.10", "127.0.8.1", "127.0.1.77" };

	strangers_get_nothing(false, ip, NET2);
}

/* On this machine every IPv6 peer has the same address, but not the same port: nothing may be learnt. */
static void spray_over_all_ports6(void **state)
{
	static const char *const ip[STRANGERS] = { "::1", "::1", "::1", "::1" };

	strangers_get_nothing(true, ip, (struct kedge_prefix){ 0 });
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(flood_is_cut),
		TEST(no_honest_packet_is_cut),
		TEST(limit_holds_at_once),
		TEST(nonsense_teaches_nothing),
		TEST(stun_on_a_fax_line),
		TEST(nat_forgets_a_port),
		TEST(nat_forgets_a_port6),
		TEST(strict_never_follows),
		TEST(icmp6_is_read),
		TEST(calls_in_a_row),
		TEST(spray_over_all_ports),
		TEST(spray_over_all_ports6),
	};

	return cmocka_run_group_tests_name(talk_main(argc, argv), tests, NULL, NULL);
}
