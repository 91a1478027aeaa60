// SPDX-License-Identifier: MIT
/* SRTP through a real kedge-media over real sockets: each suite, RTP to SRTP and SRTP to SRTP with keys of their own, every packet
 * compared; what has no key or the wrong one passes nothing and teaches nothing; keys that change; a kedge-media that is killed.
 * The far ends are libsrtp with the ciphers it comes with: nothing of kedge's checks itself. */
#include "tests/media/voice.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "routing/shm/seq.h"

/* ---- what passes ------------------------------------------------------------------------------- */

static size_t from_hex(const char *hex, uint8_t *out)
{
	size_t n = strlen(hex) / 2;

	for (size_t i = 0; i < n; i++) {
		unsigned x;

		assert_int_equal(sscanf(hex + 2 * i, "%2x", &x), 1);
		out[i] = (uint8_t)x;
	}
	return n;
}

/* Master key and one packet, as libsrtp's authors and RFC 3711 B.3 have them: opened, and sealed to the very same bytes, for the line
 * toward the inside has the SSRC that signaling gave it. */
static void vectors(void **state)
{
	static const char clear[] = "800f1234decafbadcafebabeabababababababababababababababab";
	static const struct {
		uint8_t suite;
		const char *key, *sealed;
	} row[] = { { KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80, "e1f97a0d3e018be0d64fa32c06de41390ec675ad498afeebb6960b3aabe6",
			"800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb" },
		{ KEDGE_SUITE_AES_256_CM_HMAC_SHA1_80,
		    "f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b63b04803de51ee7c96423ab5b78d2",
		    "800f1234decafbadcafebabef1d9de17ff251ff1aa007774b0b4b40da08d9d9a5b3a55d8873b" },
		{ KEDGE_SUITE_AEAD_AES_128_GCM, "000102030405060708090a0b0c0d0e0fa0a1a2a3a4a5a6a7a8a9aaab",
		    "800f1234decafbadcafebabec5002ede04cfdd2eb91159e0880aa06ed2976826f796b201df3131a127e8a392" } };

	start(8);
	for (uint32_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		uint8_t text[64], want[64], got[ROOM];
		struct kedge_keys k = { .suite = row[i].suite };
		size_t text_len = from_hex(clear, text), len = from_hex(row[i].sealed, want);
		struct call c;

		plane_anchor(&plane, &c.a, i, (uint8_t)(i % workers));
		peer_open(&c.in, "127.0.1.1", 1);
		peer_open(&c.out, "127.0.2.1", 2);
		assert_int_equal(plane_end(&plane, &c.a, KEDGE_END_INSIDE, 0, (struct sockaddr *)&c.in.local), 0);
		assert_int_equal(plane_end(&plane, &c.a, 0, 1, (struct sockaddr *)&c.out.local), 0);
		aim(&plane, &c.a, KEDGE_END_INSIDE, &c.in);
		aim(&plane, &c.a, 0, &c.out);
		k.tx_len = k.rx_len = (uint8_t)from_hex(row[i].key, k.tx);
		memcpy(k.rx, k.tx, sizeof(k.rx));
		seq_write(&segment_end(&plane.seg, i, KEDGE_END_INSIDE)->keys, &k);
		c.a.in.srtp = row[i].suite;
		plane_write(&plane, &c.a, KEDGE_END_INSIDE);
		c.a.want.ssrc = 0xcafebabe;
		c.a.want.live = 0;
		plane_commit(&plane, &c.a);
		assert_int_equal(plane_wait_done(&plane, &c.a, KEDGE_DONE_OPEN, 2000), 0);
		put(&c.in, c.in.rtp, &c.in.to, want, len);
		assert_int_equal(take(c.out.rtp, got, 2000), (int)text_len);
		assert_memory_equal(got + RTP_HEADER, text + RTP_HEADER, text_len - RTP_HEADER);
		put(&c.out, c.out.rtp, &c.out.to, text, text_len);
		assert_int_equal(take(c.in.rtp, got, 2000), (int)len);
		assert_memory_equal(got, want, len);
		call_close(&c);
	}
	stop();
}

static void one_side(void **state)
{
	start(8);
	for (uint8_t suite = 1; suite < KEDGE_SUITE_COUNT; suite++) {
		struct voice in, out;
		struct call c;

		secure_call(&c, &in, &out, suite, suite % 2 ? 0 : suite, suite % 2 ? suite : 0);
		with_rtcp(&c);
		talk_for(&in, &out, 100);
		hang_up(&c, &in, &out);
	}
	stop();
}

/* Each suite on the one side, another one on the other; latches settle meanwhile. */
static void both_sides(void **state)
{
	struct voice in[KEDGE_SUITE_COUNT], out[KEDGE_SUITE_COUNT];
	struct call c[KEDGE_SUITE_COUNT];

	start(8);
	for (uint8_t i = 1; i < KEDGE_SUITE_COUNT; i++) {
		secure_call(&c[i], &in[i], &out[i], i, i, (uint8_t)(i % (KEDGE_SUITE_COUNT - 1) + 1));
		with_rtcp(&c[i]);
	}
	for (int n = 0; n < 300; n++) {
		for (uint8_t i = 1; i < KEDGE_SUITE_COUNT; i++)
			both_hear(&in[i], &out[i]);
		usleep(2000);
	}
	for (uint8_t i = 1; i < KEDGE_SUITE_COUNT; i++) {
		talk_for(&in[i], &out[i], 30);
		hang_up(&c[i], &in[i], &out[i]);
	}
	COUNTS_NOT(srtp_auth);
	COUNTS_NOT(srtp_replay);
	COUNTS_NOT(srtp_no_key);
	stop();
}

/* Packets that end where the room for a tag would begin behind their buffer, many in one batch: each is whole. */
static void long_packets(void **state)
{
	struct voice in, out;
	struct call c;

	start(8);
	secure_call(&c, &in, &out, 0, 0, KEDGE_SUITE_AEAD_AES_256_GCM);
	both_hear(&in, &out);
	for (int round = 0; round < 2; round++) {
		assert_int_equal(kill(plane.pid, SIGSTOP), 0);
		for (int payload = 440; payload <= 500; payload += 4) {
			uint8_t data[ROOM] = { 0x80 };

			rtp_write(data, &c.in.next);
			memset(data + RTP_HEADER, payload / 2, (size_t)payload);
			put(&c.in, c.in.rtp, &c.in.to, data, (size_t)(RTP_HEADER + payload));
			c.in.next.sequence++;
			c.in.next.timestamp += PAYLOAD;
		}
		assert_int_equal(kill(plane.pid, SIGCONT), 0);
		for (int payload = 440; payload <= 500; payload += 4) {
			_Alignas(4) uint8_t got[ROOM];
			int n = take(c.out.rtp, got, 2000);

			assert_int_equal(n, RTP_HEADER + payload + 16);
			assert_int_equal(srtp_unprotect(out.rx, got, &n), srtp_err_status_ok);
			for (int i = 0; i < payload; i++)
				assert_int_equal(got[RTP_HEADER + i], payload / 2);
		}
		usleep(500000); /* connected now: read another way */
	}
	hang_up(&c, &in, &out);
	stop();
}

/* It speaks before it is live: kept as it authenticated, relayed as soon as it may be heard. */
static void early_voice(void **state)
{
	struct voice in, out;
	struct heard h;
	struct call c;

	start(8);
	secure_call(&c, &in, &out, 0, KEDGE_SUITE_AEAD_AES_128_GCM, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80);
	make_live(&c, KEDGE_LIVE_NONE);
	for (int tries = 0;; tries++) { /* kept for 40 ms: a busy machine may take longer */
		tell(&out);
		make_live(&c, 0);
		if (wait_readable(c.in.rtp, 200) > 0)
			break;
		assert_true(tries < 50);
		make_live(&c, KEDGE_LIVE_NONE);
	}
	h = listen_to(&in);
	assert_int_equal(h.seed, c.out.seed);
	assert_int_equal(h.number, (uint16_t)(c.out.next.sequence - 1));
	both_hear(&in, &out);
	hang_up(&c, &in, &out);
	stop();
}

/* Another attempt with keys of its own: the line and the key toward the inside go on, over a roll-over. */
static void another_attempt(void **state)
{
	struct voice in, out, second = { 0 };
	struct heard before, h;
	struct peer x;
	struct call c;

	start(8);
	secure_call(&c, &in, &out, 0, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80);
	for (int i = 0; i < 20; i++)
		both_hear(&in, &out);
	tell(&out);
	before = listen_to(&in);
	peer_open(&x, "127.0.2.2", 99);
	add_end(&c, 1, &x);
	secure(&c, &second, 1, &x, KEDGE_SUITE_AEAD_AES_256_GCM, 5, 6);
	make_live(&c, 1);
	tell(&second);
	h = listen_to(&in);
	assert_int_equal(h.h.ssrc, before.h.ssrc);
	assert_int_equal(h.h.sequence, (uint16_t)(before.h.sequence + 1));
	for (int i = 0; i < 50; i++)
		both_hear(&in, &second);
	nothing_comes(&c.out, 0);
	hang_up(&c, &in, &out);
	silence(&second);
	peer_close(&x);
	stop();
}

/* ---- what does not ----------------------------------------------------------------------------- */

/* In clear to a secure end: dropped, both ways, RTCP too. */
static void never_in_clear(void **state)
{
	struct voice in, out;
	struct call c;
	srtp_t tx;

	start(8);
	secure_call(&c, &in, &out, 0, 0, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80);
	with_rtcp(&c);
	tx = out.tx;
	out.tx = NULL;
	for (int i = 0; i < 10; i++)
		tell(&out);
	report(&out);
	out.tx = tx;
	nothing_comes(&c.in, 200);
	COUNTS_TO(srtp_auth, 10);
	COUNTS_TO(srtp_malformed, 1); /* too short for SRTCP */
	COUNTS_NOT(latched);
	both_hear(&in, &out);
	give_keys(&c, 0, 0, 3, 4); /* wiped, but the end is to be secure */
	c.a.out[0].srtp = KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80;
	plane_write(&plane, &c.a, 0);
	plane_commit(&plane, &c.a);
	followed();
	tell(&in);
	tell(&out);
	report(&in);
	nothing_comes(&c.in, 200);
	nothing_comes(&c.out, 0);
	COUNTS_TO(srtp_no_key, 3);
	hang_up(&c, &in, &out);
	stop();
}

/* Somebody inside the prefix, with the wrong key: never learnt, so the real one is, and the stranger hears nothing. */
static void strangers_teach_nothing(void **state)
{
	static const struct kedge_prefix near = { .family = AF_INET, .bits = 24, .ip = { 127, 0, 2, 0 } };
	struct voice in, out, stranger = { 0 }, moved = { 0 };
	struct peer x, y;
	struct call c;

	start(8);
	secure_call(&c, &in, &out, 0, 0, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80);
	c.a.out[0].learn[0] = near;
	c.a.out[0].rtp = (struct kedge_addr){ .family = AF_INET, .port = 9, .ip = { 127, 0, 2, 77 } }; /* behind a NAT */
	c.a.out[0].exchange++;
	plane_write(&plane, &c.a, 0);
	plane_commit(&plane, &c.a);
	followed();
	peer_open(&x, "127.0.2.66", 66);
	peer_open(&y, "127.0.2.67", 67);
	x.to = y.to = c.out.to;
	speak(&stranger, &x, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80, 8, 9);
	for (int i = 0; i < 20; i++)
		tell(&stranger);
	nothing_comes(&c.in, 100);
	COUNTS_TO(srtp_auth, 20);
	COUNTS_NOT(latched);
	speak(&moved, &y, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80, 3, 4);
	tell(&moved);
	assert_int_equal(listen_to(&in).seed, 67);
	COUNTS_TO(latched, 1);
	for (int i = 0; i < 20; i++) {
		tell(&stranger);
		both_hear(&in, &moved);
	}
	nothing_comes(&x, 100);
	hang_up(&c, &in, &out);
	silence(&stranger);
	silence(&moved);
	peer_close(&x);
	peer_close(&y);
	stop();
}

static void replayed(void **state)
{
	_Alignas(4) uint8_t data[ROOM];
	struct voice in, out;
	struct call c;
	int len;

	start(8);
	secure_call(&c, &in, &out, 0, 0, KEDGE_SUITE_AEAD_AES_128_GCM);
	both_hear(&in, &out);
	len = sealed(&out, data);
	for (int i = 0; i < 10; i++)
		put(&c.out, c.out.rtp, &c.out.to, data, (size_t)len);
	listen_to(&in);
	nothing_comes(&c.in, 200);
	COUNTS_TO(srtp_replay, 9);
	both_hear(&in, &out);
	len = sealed(&in, data); /* in clear, another text under the same number: not even encrypted it may go */
	put(&c.in, c.in.rtp, &c.in.to, data, (size_t)len);
	listen_to(&out);
	data[RTP_HEADER + 20] ^= 1;
	put(&c.in, c.in.rtp, &c.in.to, data, (size_t)len);
	nothing_comes(&c.out, 200);
	COUNTS_TO(srtp_replay, 10);
	both_hear(&in, &out);
	hang_up(&c, &in, &out);
	stop();
}

/* ---- keys that change -------------------------------------------------------------------------- */

/* A rekey by re-INVITE, three times, both directions; the far end follows a moment later: not one packet is lost. */
static void rekeyed(void **state)
{
	struct voice in, out;
	struct call c;

	start(8);
	secure_call(&c, &in, &out, 0, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80);
	for (unsigned n = 0; n < 3; n++) {
		uint8_t suite = n == 2 ? KEDGE_SUITE_AEAD_AES_256_GCM : KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80;
		struct voice old = out;

		for (int i = 0; i < 10; i++)
			both_hear(&in, &out);
		out.tx = out.rx = NULL;
		secure(&c, &out, 0, &c.out, suite, 10 + n, 20 + n);
		plane_commit(&plane, &c.a);
		followed();
		for (int i = 0; i < 5; i++) { /* under the key before: in flight */
			tell(&old);
			listen_to(&in);
			tell(&in);
			listen_to(&out);
		}
		both_hear(&in, &out);
		tell(&old);
		listen_to(&in);
		silence(&old);
	}
	for (int i = 0; i < 10; i++)
		both_hear(&in, &out);
	hang_up(&c, &in, &out);
	stop();
}

/* ---- a successor ------------------------------------------------------------------------------- */

#define SEEN 400000

struct capture { /* what kedge sent under one key and SSRC */
	uint8_t rtp[SEEN / 8], rtcp[SEEN / 8];
	uint64_t highest;
	bool began;
	uint32_t ssrc, packets, reports;
};

static void once(uint8_t *seen, uint64_t index)
{
	assert_true(index < SEEN);
	assert_false(seen[index / 8] >> index % 8 & 1); /* the same keystream twice */
	seen[index / 8] |= (uint8_t)(1 << index % 8);
}

/* Every datagram that came, understood or not, counts. */
static void captured(struct capture *k, struct voice *v)
{
	_Alignas(4) uint8_t data[ROOM];
	int len;

	while ((len = take(v->p->rtp, data, 0)) > 0) {
		uint16_t sequence = rtp_get16(data + 2);

		if (!k->began)
			k->highest = sequence;
		k->began = true;
		k->ssrc = rtp_get32(data + 8);
		k->highest += (uint64_t)(int16_t)(sequence - (uint16_t)k->highest); /* in order on loopback */
		once(k->rtp, k->highest);
		understood(v, data, len);
		k->packets++;
	}
	while ((len = take(v->p->rtcp, data, 0)) > 0) {
		once(k->rtcp, rtp_get32(data + len - suites[v->suite].rtcp_tail - 4) & 0x7fffffff);
		assert_int_equal(srtp_unprotect_rtcp(v->rx, data, &len), srtp_err_status_ok);
		k->reports++;
	}
}

/* Both go on until `before` packets before their sequence numbers roll over, in the largest steps that are no restart. */
static void walk(struct voice *a, struct voice *b, struct capture *a_heard, struct capture *b_heard, uint16_t before)
{
	while ((uint16_t)-a->p->next.sequence > before + 1) {
		uint16_t left = (uint16_t)((uint16_t)-a->p->next.sequence - before), step = left > 2900 ? 2900 : (uint16_t)(left - 1);

		a->p->next.sequence = (uint16_t)(a->p->next.sequence + step);
		b->p->next.sequence = (uint16_t)(b->p->next.sequence + step);
		tell(a);
		tell(b);
		usleep(2000);
		captured(a_heard, a);
		captured(b_heard, b);
	}
}

/* kill -9 five times while both speak without pause: the sequence numbers roll over before, while nobody is there, or after.
 * Each time the call goes on, no number of a key is sent twice, and old packets stay old. */
static void kill_five_times(uint8_t in_suite, uint8_t out_suite)
{
	static struct capture in_heard, out_heard;
	_Alignas(4) uint8_t replay[ROOM];
	struct voice in, out;
	struct call c;
	int len = 0;

	start(8);
	memset(&in_heard, 0, sizeof(in_heard));
	memset(&out_heard, 0, sizeof(out_heard));
	secure_call(&c, &in, &out, 0, in_suite, out_suite);
	with_rtcp(&c);
	for (int kill = 0; kill < 5; kill++) {
		static const uint16_t rolls_at[] = { 149, 151, 155, 158, 170 };
		uint32_t before_in, before_out;

		if (kill > 0)
			walk(&in, &out, &in_heard, &out_heard, rolls_at[kill]);
		for (int i = 0; i < 200; i++) {
			if (i == 150) { /* in the middle of it */
				assert_true(plane_stop(&plane, SIGKILL) != 0);
			} else if (i == 160) {
				assert_int_equal(plane_start(&plane), 0);
			}
			if (i == 100) {
				len = sealed(&out, replay);
				put(&c.out, c.out.rtp, &c.out.to, replay, (size_t)len);
			} else {
				tell(&out);
			}
			tell(&in);
			if (i % 10 == 0) {
				report(&in);
				report(&out);
			}
			usleep(500);
			captured(&in_heard, &in);
			captured(&out_heard, &out);
		}
		before_in = in_heard.packets;
		before_out = out_heard.packets;
		put(&c.out, c.out.rtp, &c.out.to, replay, (size_t)len);
		for (int n = 0; n < 200 && (in_heard.packets < before_in + 10 || out_heard.packets < before_out + 10); n++) {
			tell(&in);
			tell(&out);
			usleep(5000);
			captured(&in_heard, &in);
			captured(&out_heard, &out);
		}
		assert_true(in_heard.packets >= before_in + 10 && out_heard.packets >= before_out + 10);
	}
	assert_true(in_heard.packets > 5 * 180 && out_heard.packets > 5 * 180);
	assert_true(in_heard.reports > 5 * 15 && out_heard.reports > 5 * 15);
	assert_int_equal(in_heard.ssrc, c.a.want.ssrc);
	assert_true(in_heard.highest > 5 * 65536 && out_heard.highest > 5 * 65536);
	COUNTS_TO(srtp_replay, 5);
	COUNTS_NOT(srtp_auth);
	hang_up(&c, &in, &out);
	stop();
}

static void killed(void **state)
{
	kill_five_times(KEDGE_SUITE_AEAD_AES_128_GCM, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80);
}

static void killed_other_suites(void **state)
{
	kill_five_times(KEDGE_SUITE_AES_256_CM_HMAC_SHA1_32, KEDGE_SUITE_AEAD_AES_256_GCM);
}

/* The keys changed while no kedge-media was there. */
static void rekeyed_while_dead(void **state)
{
	struct voice in, out;
	struct call c;

	start(8);
	secure_call(&c, &in, &out, 0, 0, KEDGE_SUITE_AES_256_CM_HMAC_SHA1_80);
	for (int i = 0; i < 20; i++)
		both_hear(&in, &out);
	assert_true(plane_stop(&plane, SIGKILL) != 0);
	secure(&c, &out, 0, &c.out, KEDGE_SUITE_AES_256_CM_HMAC_SHA1_80, 30, 31);
	plane_commit(&plane, &c.a);
	assert_int_equal(plane_start(&plane), 0);
	for (int i = 0; i < 20; i++)
		both_hear(&in, &out);
	hang_up(&c, &in, &out);
	stop();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(vectors),
		TEST(one_side),
		TEST(both_sides),
		TEST(long_packets),
		TEST(early_voice),
		TEST(another_attempt),
		TEST(never_in_clear),
		TEST(strangers_teach_nothing),
		TEST(replayed),
		TEST(rekeyed),
		TEST(killed),
		TEST(killed_other_suites),
		TEST(rekeyed_while_dead),
	};

	if (srtp_init() != srtp_err_status_ok)
		return 1;
	return cmocka_run_group_tests_name(talk_main(argc, argv), tests, NULL, NULL);
}
