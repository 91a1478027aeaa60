// SPDX-License-Identifier: MIT
// g711, remap: each byte of one law as the other one's, by the tables of G.711 and nobody's arithmetic; and types for types.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <spandsp.h>

#include "media/g711.h"
#include "media/remap.h"
#include "media/session.h"

static void every_byte(void **state)
{
	(void)state;
	for (unsigned v = 0; v < 256; v++) {
		assert_int_equal(g711_to_pcma[v], ulaw_to_alaw((uint8_t)v));
		assert_int_equal(g711_to_pcmu[v], alaw_to_ulaw((uint8_t)v));
	}
}

/* What cannot be told apart in the other law comes back as its neighbour: 16 bytes each way, all others as they went. */
static void there_and_back(void **state)
{
	unsigned other = 0, step = 0;

	(void)state;
	for (unsigned v = 0; v < 256; v++) {
		uint8_t back = g711_to_pcmu[g711_to_pcma[v]];

		assert_int_equal(back, alaw_to_ulaw(ulaw_to_alaw((uint8_t)v)));
		other += back != v;
		assert_int_equal(back & 0x80, v & 0x80);
		assert_true(abs(ulaw_to_linear(back) - ulaw_to_linear((uint8_t)v)) <= 8);
		step += g711_to_pcma[g711_to_pcmu[v]] != v;
		assert_int_equal(g711_to_pcmu[g711_to_pcma[back]], back);
	}
	assert_int_equal(other, 16);
	assert_int_equal(step, 16);
}

static void in_place(void **state)
{
	uint8_t all[258], was[258];

	(void)state;
	for (unsigned v = 0; v < sizeof(all); v++)
		was[v] = all[v] = (uint8_t)(v * 7);
	g711_turn(g711_to_pcma, all + 1, 256);
	assert_int_equal(all[0], was[0]);
	assert_int_equal(all[257], was[257]);
	for (unsigned v = 1; v < 257; v++)
		assert_int_equal(all[v], ulaw_to_alaw(was[v]));
}

/* ---- remap: a caller bound to PCMU, event 101; a callee with PCMA, event 96 ------------------ */

static struct end callee;

static int setup(void **state)
{
	(void)state;
	memset(&callee, 0, sizeof(callee));
	callee.want.pt[0] = (struct kedge_pt){ 101, 96 };
	callee.want.pt[1] = (struct kedge_pt){ 0, 8 };
	callee.want.laws[0] = 2;
	callee.pt_count = 2;
	return 0;
}

/* A packet with a CSRC, an extension of a word and three bytes of padding around payload bytes 0, 37, 74 ... */
static size_t packet(uint8_t data[64], uint8_t pt, struct rtp *h)
{
	memset(data, 0xee, 64);
	memcpy(data, "\xb1\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\1\5\6\7\x8", 24);
	data[1] = pt;
	for (unsigned i = 0; i < 37; i++)
		data[24 + i] = (uint8_t)(37 * i);
	data[63] = 3;
	assert_int_equal(rtp_parse(data, 64, h), 0);
	assert_int_equal(rtp_header(data), 24);
	assert_int_equal(h->payload, 37);
	return 64;
}

static void passes(bool inward, uint8_t pt, uint8_t as, uint8_t (*how)(uint8_t))
{
	uint8_t data[64], was[64];
	struct rtp h;

	packet(was, pt, &h);
	memcpy(data, was, sizeof(data));
	remap_packet(&callee, inward, &h, data);
	assert_int_equal(h.payload_type, as);
	for (unsigned i = 0; i < 37; i++)
		assert_int_equal(data[24 + i], how ? how(was[24 + i]) : was[24 + i]);
	assert_memory_equal(data, was, 24);
	assert_memory_equal(data + 61, was + 61, 3);
}

static void laws_turn(void **state)
{
	(void)state;
	passes(false, 0, 8, ulaw_to_alaw);
	passes(true, 8, 0, alaw_to_ulaw);
	callee.want.laws[0] = 0;
	callee.want.laws[1] = 2;
	callee.want.pt[1] = (struct kedge_pt){ 8, 0 };
	passes(false, 8, 0, alaw_to_ulaw);
	passes(true, 0, 8, ulaw_to_alaw);
}

static void others_pass(void **state)
{
	(void)state;
	passes(false, 101, 96, NULL);
	passes(true, 96, 101, NULL);
	passes(false, 9, 9, NULL);
	passes(true, 13, 13, NULL);
}

/* The callee took both laws, the caller has one: what it says stays as it is. */
static void first_pair_counts(void **state)
{
	(void)state;
	callee.want.pt[0] = (struct kedge_pt){ 0, 0 };
	passes(false, 0, 0, NULL);
	passes(true, 0, 0, NULL);
	passes(true, 8, 0, alaw_to_ulaw);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte),
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(in_place),
		cmocka_unit_test_setup(laws_turn, setup),
		cmocka_unit_test_setup(others_pass, setup),
		cmocka_unit_test_setup(first_pair_counts, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
