// SPDX-License-Identifier: MIT
// report: what an end's RTCP says: round trips, and packets that it sends and nobody gets.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "media/report.h"
#include "media/rtp.h"

#define MS    1000000ULL
#define START (5000 * MS)
#define NTP   0x11112222u /* middle bits */
#define LINE  0x33334444u

static const struct report_line none = { 0, LINE, 0 };

/* An SR of `sent` packets, with a report block where lsr or dlsr is not 0. */
static size_t make(uint8_t *p, uint8_t type, uint32_t sent, uint32_t lsr, uint32_t dlsr)
{
	size_t head = type == RTCP_SR ? 28 : 8, blocks = lsr || dlsr;

	memset(p, 0, head + 24);
	p[0] = (uint8_t)(0x80 | blocks);
	p[1] = type;
	rtp_set16(p + 2, (uint16_t)((head + 24 * blocks) / 4 - 1));
	rtp_set32(p + 4, 7);
	if (type == RTCP_SR) {
		rtp_set16(p + 10, NTP >> 16);
		rtp_set16(p + 12, NTP & 0xffff);
		rtp_set32(p + 20, sent);
	}
	rtp_set32(p + head + 16, lsr);
	rtp_set32(p + head + 20, dlsr);
	return head + 24 * blocks;
}

static void heard(struct report *r, uint32_t sent, uint64_t came, unsigned ms)
{
	uint8_t p[64];

	report_heard(r, p, make(p, RTCP_SR, sent, 0, 0), &(struct report_line){ came, LINE, 0 }, START + ms * MS);
}

static uint32_t rtt(uint8_t type, uint32_t lsr, unsigned held_ms, unsigned back_ms)
{
	struct report r = { 0 };
	uint8_t p[64];

	report_passed(&r, p, make(p, RTCP_SR, 50, 0, 0), START);
	report_heard(&r, p, make(p, type, 50, lsr, held_ms * 65536 / 1000), &none, START + back_ms * MS);
	return r.rtt_us;
}

/* RFC 3550 6.4.1: the time since the SR, less the time it lay there. */
static void measures_the_round_trip(void **state)
{
	assert_in_range(rtt(RTCP_SR, NTP, 2000, 2180), 179900, 180100);
	assert_in_range(rtt(RTCP_RR, NTP, 2000, 2180), 179900, 180100);
	assert_in_range(rtt(RTCP_RR, NTP, 0, 180), 179900, 180100);
	assert_int_equal(rtt(RTCP_RR, NTP + 1, 2000, 2180), 0); /* another SR's */
	assert_int_equal(rtt(RTCP_RR, 0, 2000, 2180), 0);       /* it had none */
	assert_int_equal(rtt(RTCP_RR, NTP, 2180, 2000), 0);     /* more than there was time for */
	assert_int_equal(rtt(RTCP_RR, NTP, 0, 11000), 0);       /* no round trip is that long */
}

static void no_sr_no_round_trip(void **state)
{
	struct report r = { 0 };
	uint8_t p[64];

	report_heard(&r, p, make(p, RTCP_RR, 0, NTP, 1), &none, START);
	assert_int_equal(r.rtt_us, 0);
	assert_int_equal(r.heard_ns, START);
}

static void claims_what_never_comes(void **state)
{
	struct report r = { 0 };

	heard(&r, 50, 0, 1000);
	assert_true(report_claims(&r, 0));
	assert_false(report_claims(&r, 1)); /* one came */
	heard(&r, 300, 250, 6000);
	assert_false(report_claims(&r, 250));
	heard(&r, 550, 250, 11000); /* and then no more */
	assert_true(report_claims(&r, 250));
	heard(&r, 550, 250, 16000); /* it sends nothing itself */
	assert_false(report_claims(&r, 250));
	heard(&r, 550 + REPORT_CLAIM - 1, 250, 21000); /* on their way */
	assert_false(report_claims(&r, 250));
	heard(&r, 3, 250, 26000); /* it began anew */
	assert_false(report_claims(&r, 250));
}

static uint32_t far_loss(struct report *r, uint32_t ssrc, uint32_t said, uint32_t before)
{
	uint8_t p[64];
	size_t n = make(p, RTCP_RR, 0, NTP, 1);

	rtp_set32(p + 8, ssrc);
	rtp_set32(p + 12, 0x20000000 | (said & 0xffffff)); /* an eighth, lately */
	report_heard(r, p, n, &(struct report_line){ 100, LINE, before }, START);
	return r->far_lost;
}

/* 6.4.1: cumulative, of our line; what never came to us is no loss behind us. */
static void counts_what_is_lost_behind_us(void **state)
{
	struct report r = { 0 };

	assert_int_equal(far_loss(&r, LINE + 1, 50, 0), 0); /* another's */
	assert_false(r.reports);
	assert_int_equal(far_loss(&r, LINE, 30, 30), 0);
	assert_true(r.reports); /* nothing was lost: that is known too */
	assert_int_equal(far_loss(&r, LINE, 42, 30), 12);
	assert_int_equal(far_loss(&r, LINE, 40, 40), 12);       /* it does not fall */
	assert_int_equal(far_loss(&r, LINE, (uint32_t)-3, 0), 12); /* doubled ones */
	assert_int_equal(far_loss(&r, LINE, 100, 40), 60);
}

/* A receiver report claims nothing; what is cut short is not read. */
static void other_compounds_claim_nothing(void **state)
{
	struct report r = { 0 };
	uint8_t p[64];
	size_t n = make(p, RTCP_RR, 0, NTP, 1);

	report_heard(&r, p, n, &none, START);
	assert_false(r.claims);
	n = make(p, RTCP_SR, 500, NTP, 1);
	for (size_t cut = 0; cut < n; cut++) {
		report_heard(&r, p, cut, &none, START);
		assert_false(r.claims);
	}
	rtp_set16(p + 2, 6); /* says one block and has none */
	report_heard(&r, p, 28, &none, START);
	assert_false(r.claims);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(measures_the_round_trip),
		cmocka_unit_test(no_sr_no_round_trip),
		cmocka_unit_test(claims_what_never_comes),
		cmocka_unit_test(counts_what_is_lost_behind_us),
		cmocka_unit_test(other_compounds_claim_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
