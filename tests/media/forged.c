// SPDX-License-Identifier: MIT
/* A flood of forged SRTP: what is not authentic costs no more than a little arithmetic a second, and the real end is heard all the while,
 * one that begins with an SSRC of its own in the middle of it too. As secure.c, over both backends. */
#include <string.h>

#include "config/clock.h"
#include "tests/media/voice.h"

#define BURST 200

/* As it is on the wire, but for its tag. from: whose socket it leaves by, which may be the real end's own address. */
static void forge(struct peer *from, const struct sockaddr_storage *to, uint32_t ssrc, uint16_t sequence)
{
	uint8_t data[PACKET + 10];

	memset(data, 0x5a, sizeof(data));
	data[0] = 0x80;
	data[1] = 0;
	rtp_set16(data + 2, sequence);
	rtp_set32(data + 8, ssrc);
	put(from, from->rtp, to, data, sizeof(data));
}

static void forge_report(struct peer *from, const struct sockaddr_storage *to, uint32_t ssrc)
{
	uint8_t data[32] = { 0x80, RTCP_RR, 0, 1 };

	rtp_set32(data + 4, ssrc);
	put(from, from->rtcp, to, data, sizeof(data));
}

/* Under the real end's own address: not to be told from it but by its tag. */
static void the_real_end_is_heard(void **state)
{
	struct voice in, out;
	struct call c;
	uint64_t began, tried, most;

	start(8);
	secure_call(&c, &in, &out, 0, 0, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80);
	with_rtcp(&c);
	talk_for(&in, &out, 30);
	began = clock_mono_ns();
	for (int n = 0; n < 40; n++) {
		for (uint32_t i = 0; i < BURST; i++)
			forge(&c.out, &c.out.to, 0xbad00000u + i, (uint16_t)(1000 * i));
		for (uint32_t i = 0; i < BURST / 10; i++)
			forge_report(&c.out, &c.out.rtcp_to, 0xbad00000u + i);
		talk_for(&in, &out, 11); /* every packet of it, RTCP too */
	}
	/* Another stream of the real end's: there are tries left for it in the middle of the flood. */
	out.p->next.ssrc ^= 0x1111;
	for (int n = 0;; n++) {
		_Alignas(4) uint8_t data[ROOM];
		int len;

		assert_true(n < 2000);
		for (uint32_t i = 0; i < 4; i++)
			forge(&c.out, &c.out.to, 0xbad00000u + i, (uint16_t)(1000 * i));
		tell(&out);
		len = take(c.in.rtp, data, 5);
		if (len > 0 && understood(&in, data, len).h.ssrc == c.a.want.ssrc)
			break;
	}
	both_hear(&in, &out);
	tried = PLANE_COUNT(&plane, srtp_auth);
	most = 2 * (200 + (clock_mono_ns() - began) * 100 / CLOCK_NS_PER_S);
	assert_in_range(tried, 100, most);
	assert_true(PLANE_COUNT(&plane, srtp_flood) + tried >= 40 * (BURST + BURST / 10));
	assert_true(PLANE_COUNT(&plane, srtp_flood) > 4000);
	COUNTS_NOT(drop_rate);
	hang_up(&c, &in, &out);
	stop();
}

/* Before the real end's first report there is no stream that a report could go on with, whatever its SSRC is. */
static void reports_before_the_first(void **state)
{
	uint8_t data[32] = { 0x80, RTCP_RR, 0, 1 }; /* of SSRC 0 */
	struct voice in, out;
	struct call c;
	uint64_t began;

	start(8);
	secure_call(&c, &in, &out, 0, 0, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80);
	with_rtcp(&c);
	both_hear(&in, &out);
	began = clock_mono_ns();
	for (uint32_t i = 0; i < 10 * BURST; i++) {
		rtp_set32(data + sizeof(data) - 14, 0x80000000 | (i % 1000 + 1));
		put(&c.out, c.out.rtcp, &c.out.rtcp_to, data, sizeof(data));
		if (i % 50 == 49)
			usleep(2000);
	}
	both_hear(&in, &out);
	followed();
	assert_in_range(PLANE_COUNT(&plane, srtp_auth), 1, 200 + (clock_mono_ns() - began) * 100 / CLOCK_NS_PER_S);
	assert_true(PLANE_COUNT(&plane, srtp_flood) > 1000);
	usleep(1000000); /* the flood is over: nothing goes by lot */
	report(&out);
	hears_report(&in);
	hang_up(&c, &in, &out);
	stop();
}

/* From where an end behind a NAT might be, before the real one speaks: the tries they use up are not those of the signaled address, and the
 * one behind the NAT is found too. */
static void who_wants_to_be_learnt(void **state)
{
	static const struct kedge_prefix near = { .family = AF_INET, .bits = 24, .ip = { 127, 0, 2, 0 } };
	struct voice in, out, moved = { 0 };
	struct peer x, y;
	struct call c;
	bool heard = false;

	start(8);
	secure_call(&c, &in, &out, 0, 0, KEDGE_SUITE_AEAD_AES_128_GCM);
	c.a.out[0].learn[0] = near;
	plane_write(&plane, &c.a, 0);
	plane_commit(&plane, &c.a);
	followed();
	peer_open(&x, "127.0.2.66", 66);
	for (uint32_t i = 0; i < 10 * BURST; i++) {
		forge(&x, &c.out.to, 0xbad00000u + i, (uint16_t)i);
		if (i % 50 == 49)
			usleep(2000);
	}
	both_hear(&in, &out); /* the signaled address, at once */
	assert_true(PLANE_COUNT(&plane, srtp_flood) > 200);
	hang_up(&c, &in, &out);

	secure_call(&c, &in, &out, 1, 0, KEDGE_SUITE_AEAD_AES_128_GCM);
	c.a.out[0].learn[0] = near;
	plane_write(&plane, &c.a, 0);
	plane_commit(&plane, &c.a);
	followed();
	peer_open(&y, "127.0.2.67", 67);
	y.to = c.out.to;
	speak(&moved, &y, KEDGE_SUITE_AEAD_AES_128_GCM, 3, 4);
	for (int n = 0; n < 2000 && !heard; n++) {
		_Alignas(4) uint8_t data[ROOM];

		for (uint32_t i = 0; i < 4; i++)
			forge(&x, &c.out.to, 0xbad00000u + i, (uint16_t)i);
		tell(&moved);
		heard = take(c.in.rtp, data, 5) > 0;
	}
	assert_true(heard);
	tell(&moved);
	assert_int_equal(listen_to(&in).seed, 67);
	hang_up(&c, &in, &out);
	silence(&moved);
	peer_close(&x);
	peer_close(&y);
	stop();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(the_real_end_is_heard),
		TEST(reports_before_the_first),
		TEST(who_wants_to_be_learnt),
	};

	if (srtp_init() != srtp_err_status_ok)
		return 1;
	return cmocka_run_group_tests_name(talk_main(argc, argv), tests, NULL, NULL);
}
