// SPDX-License-Identifier: MIT
// rtp: every length inside a packet is checked before it is believed; what is taken is written back as it was.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "media/rtp.h"

static const struct {
	const char *what;
	size_t len;
	uint8_t first, second; /* bytes 0 and 1 */
	uint16_t extension;    /* words, written behind the CSRCs where the X bit stands */
	uint8_t last;          /* last byte: the padding's count */
	int rc;
	uint16_t payload;
	enum rtp_fault fault;
} rtp_cases[] = {
	{ "plain", 172, 0x80, 0, 0, 0, 0, 160, RTP_SOUND },
	{ "header alone", 12, 0x80, 0, 0, 0, 0, 0, RTP_SOUND },
	{ "one byte short", 11, 0x80, 0, 0, 0, -EBADMSG, 0, RTP_SHORT },
	{ "nothing", 0, 0x80, 0, 0, 0, -EBADMSG, 0, RTP_SHORT },
	{ "version 1", 172, 0x40, 0, 0, 0, -EBADMSG, 0, RTP_VERSION },
	{ "version 0, as STUN has", 172, 0x00, 0, 0, 0, -EBADMSG, 0, RTP_VERSION },
	{ "version 3", 172, 0xc0, 0, 0, 0, -EBADMSG, 0, RTP_VERSION },
	{ "two CSRCs", 180, 0x82, 0, 0, 0, 0, 160, RTP_SOUND },
	{ "fifteen CSRCs, none there", 12, 0x8f, 0, 0, 0, -EBADMSG, 0, RTP_CSRC },
	{ "fifteen CSRCs, one byte short", 71, 0x8f, 0, 0, 0, -EBADMSG, 0, RTP_CSRC },
	{ "fifteen CSRCs, just there", 72, 0x8f, 0, 0, 0, 0, 0, RTP_SOUND },
	{ "extension of one word", 180, 0x90, 0, 1, 0, 0, 160, RTP_SOUND },
	{ "extension without its head", 15, 0x90, 0, 0, 0, -EBADMSG, 0, RTP_EXTENSION },
	{ "extension longer than the packet", 172, 0x90, 0, 0xffff, 0, -EBADMSG, 0, RTP_EXTENSION },
	{ "extension to the last byte", 172, 0x90, 0, 39, 0, 0, 0, RTP_SOUND },
	{ "extension one word too long", 172, 0x90, 0, 40, 0, -EBADMSG, 0, RTP_EXTENSION },
	{ "padding of four", 172, 0xa0, 0, 0, 4, 0, 156, RTP_SOUND },
	{ "padding of zero", 172, 0xa0, 0, 0, 0, -EBADMSG, 0, RTP_PADDING },
	{ "all payload is padding", 172, 0xa0, 0, 0, 160, 0, 0, RTP_SOUND },
	{ "padding into the header", 172, 0xa0, 0, 0, 161, -EBADMSG, 0, RTP_PADDING },
	{ "an SR on the RTP port", 172, 0x80, 200, 0, 0, -EBADMSG, 0, RTP_TYPE },
	{ "an APP there", 172, 0x80, 204, 0, 0, -EBADMSG, 0, RTP_TYPE },
	{ "an SR without the marker's bit", 172, 0x80, 72, 0, 0, -EBADMSG, 0, RTP_TYPE },
	{ "an APP without it", 172, 0x80, 76, 0, 0, -EBADMSG, 0, RTP_TYPE },
	{ "the types beside them", 172, 0x80, 77, 0, 0, 0, 160, RTP_SOUND },
	{ "the next type is RTP with a marker", 172, 0x80, 205, 0, 0, 0, 160, RTP_SOUND },
	{ "and the one before", 172, 0x80, 199, 0, 0, 0, 160, RTP_SOUND },
	{ "padding, no payload", 12, 0xa0, 0, 0, 4, -EBADMSG, 0, RTP_PADDING },
};

static void reads_headers(void **state)
{
	for (size_t i = 0; i < sizeof(rtp_cases) / sizeof(rtp_cases[0]); i++) {
		/* Of exactly that size, so that a sanitizer sees a byte read behind it. */
		uint8_t *p = calloc(1, rtp_cases[i].len + 1);
		uint8_t *exact = malloc(rtp_cases[i].len != 0 ? rtp_cases[i].len : 1);
		size_t len = rtp_cases[i].len, ext = 12 + 4u * (rtp_cases[i].first & 15) + 2;
		struct rtp h = { .payload = 0 };

		p[0] = rtp_cases[i].first;
		if (len > 1)
			p[1] = rtp_cases[i].second;
		if (rtp_cases[i].first & 0x10 && len >= ext + 2)
			rtp_set16(p + ext, rtp_cases[i].extension);
		if (rtp_cases[i].last != 0)
			p[len - 1] = rtp_cases[i].last;
		memcpy(exact, p, len);
		if (rtp_parse(exact, len, &h) != rtp_cases[i].rc ||
		    h.payload != rtp_cases[i].payload)
			fail_msg("%s: %d, payload %u", rtp_cases[i].what, rtp_parse(exact, len, &h),
			    h.payload);
		if (rtp_fault(exact, len) != rtp_cases[i].fault)
			fail_msg("%s: fault %d", rtp_cases[i].what, rtp_fault(exact, len));
		free(p);
		free(exact);
	}
}

static void writes_what_it_read(void **state)
{
	uint8_t p[172] = { 0x80, 0x80 | 101, 0xff, 0xfe, 0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4 },
	        q[172];
	struct rtp h;

	assert_int_equal(rtp_parse(p, sizeof(p), &h), 0);
	assert_true(h.marker);
	assert_int_equal(h.payload_type, 101);
	assert_int_equal(h.sequence, 0xfffe);
	assert_int_equal(h.timestamp, 0xdeadbeef);
	assert_int_equal(h.ssrc, 0x01020304);
	memcpy(q, p, sizeof(p));
	memset(q + 1, 0, 11);
	rtp_write(q, &h);
	assert_memory_equal(p, q, sizeof(p));
}

/* A binding request (RFC 8489 5), and what only looks like one. */
static void knows_stun(void **state)
{
	uint8_t p[STUN_HEADER] = { 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42 };
	struct rtp h;

	assert_true(rtp_is_stun(p, sizeof(p)));
	assert_int_equal(rtp_fault(p, sizeof(p)), RTP_STUN);
	assert_int_equal(rtp_parse(p, sizeof(p), &h), -EBADMSG);
	assert_false(rtp_is_stun(p, sizeof(p) - 1));
	p[7]++;
	assert_false(rtp_is_stun(p, sizeof(p)));
	p[7]--;
	p[0] = 0x80; /* RTP whose timestamp happens to be the cookie */
	assert_false(rtp_is_stun(p, sizeof(p)));
	assert_int_equal(rtp_parse(p, sizeof(p), &h), 0);
}

static void tells_rtcp_apart(void **state)
{
	for (int type = 0; type < 256; type++) {
		uint8_t p[2] = { 0x80, (uint8_t)type };

		assert_int_equal(rtp_is_rtcp(p, 2), type >= 192 && type <= 223);
		assert_false(rtp_is_rtcp(p, 1));
	}
}

static const struct {
	const char *what;
	size_t len;
	uint8_t head[4];
	uint8_t last;
	int rc;
	uint16_t length;
} rtcp_cases[] = {
	{ "empty", 0, { 0 }, 0, -ENODATA, 0 },
	{ "three bytes", 3, { 0x80, 201, 0 }, 0, -EBADMSG, 0 },
	{ "head alone", 4, { 0x80, 203, 0, 0 }, 0, 0, 0 },
	{ "one word", 8, { 0x81, 201, 0, 1 }, 0, 0, 4 },
	{ "longer than there is", 8, { 0x81, 201, 0, 2 }, 0, -EBADMSG, 0 },
	{ "longest length", 8, { 0x81, 201, 0xff, 0xff }, 0, -EBADMSG, 0 },
	{ "version 1", 8, { 0x41, 201, 0, 1 }, 0, -EBADMSG, 0 },
	{ "padded", 12, { 0xa1, 201, 0, 2 }, 4, 0, 4 },
	{ "padding of nothing", 8, { 0xa1, 201, 0, 1 }, 0, -EBADMSG, 0 },
	{ "more padding than body", 8, { 0xa1, 201, 0, 1 }, 5, -EBADMSG, 0 },
	{ "padded, but not the last", 16, { 0xa1, 201, 0, 1 }, 0, -EBADMSG, 0 },
};

static void walks_compounds(void **state)
{
	for (size_t i = 0; i < sizeof(rtcp_cases) / sizeof(rtcp_cases[0]); i++) {
		size_t len = rtcp_cases[i].len;
		uint8_t *p = calloc(1, len + 1);
		const uint8_t *at = p;
		struct rtcp r = { .length = 0 };
		int rc;

		memcpy(p, rtcp_cases[i].head, len < 4 ? len : 4);
		if (rtcp_cases[i].last != 0)
			p[len - 1] = rtcp_cases[i].last;
		if (strcmp(rtcp_cases[i].what, "padded, but not the last") == 0)
			p[7] = 4;
		rc = rtcp_next(&at, &len, &r);
		if (rc != rtcp_cases[i].rc || (rc == 0 && r.length != rtcp_cases[i].length))
			fail_msg("%s: %d, length %u", rtcp_cases[i].what, rc, r.length);
		free(p);
	}
}

static void ends_at_the_last_packet(void **state)
{
	const uint8_t p[] = { 0x80, 201, 0, 1, 1, 2, 3, 4, 0x81, 203, 0, 1, 5, 6, 7, 8 };
	const uint8_t *at = p;
	size_t len = sizeof(p);
	struct rtcp r;

	assert_int_equal(rtcp_next(&at, &len, &r), 0);
	assert_int_equal(r.type, RTCP_RR);
	assert_ptr_equal(r.body, p + 4);
	assert_int_equal(rtcp_next(&at, &len, &r), 0);
	assert_int_equal(r.type, RTCP_BYE);
	assert_int_equal(r.count, 1);
	assert_int_equal(rtcp_next(&at, &len, &r), -ENODATA);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(reads_headers),
		cmocka_unit_test(writes_what_it_read), cmocka_unit_test(knows_stun), cmocka_unit_test(tells_rtcp_apart),
		cmocka_unit_test(walks_compounds), cmocka_unit_test(ends_at_the_last_packet) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
