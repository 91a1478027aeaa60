// SPDX-License-Identifier: MIT
/* record: what is written is read again; a copy that is torn or cut is not; the older one then
 * holds. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "sig/books/record.h"

static const struct segment_shape SHAPE = { .workers = 1, .hops = 1, .slots = 2, .ports = 0 };
static struct segment seg;
static uint8_t body[KEDGE_RECORD_BODY], back[KEDGE_RECORD_BODY];

static struct record_text text(const char *s)
{
	return (struct record_text){ .at = s, .length = (uint16_t)strlen(s) };
}

static void same_text(const struct record_text *a, const char *want)
{
	assert_int_equal(a->length, strlen(want));
	assert_memory_equal(a->at, want, a->length);
}

static void fill_leg(struct record_leg *l, uint8_t uas)
{
	*l = (struct record_leg){ .uas = uas,
		.transport = 1,
		.state = 2,
		.iface = 3,
		.trunk = 4,
		.local_cseq = 101,
		.remote_cseq = 7,
		.invite_cseq = 101,
		.end = uas ? KEDGE_END_INSIDE : 1,
		.origin = { .id = 42, .version = 3, .digest = 9 },
		.peer = { .family = AF_INET, .port = 5060, .ip = { 127, 0, 2, 1 } } };
	l->call_id = text("abc@def");
	l->local = text("<sip:1@192.0.2.1>");
	l->remote = text("<sip:2@192.0.2.2>");
	l->local_tag = text("lt");
	l->remote_tag = text("rt");
	l->target = text("sip:2@192.0.2.2:5070");
	l->routes = text("<sip:192.0.2.3;lr>,<sip:192.0.2.4;lr>");
	l->branch = text("z9hG4bK1");
	l->ours = text("v=0\r\no=- 42 3 IN IP4 192.0.2.1\r\n");
	l->theirs = text("v=0\r\no=x 1 1 IN IP4 192.0.2.2\r\n");
}

static void fill(struct record *r)
{
	memset(r, 0, sizeof(*r));
	r->state = 2;
	r->live = 1;
	r->code = 200;
	r->begun_wall_ms = 1700000000000;
	r->answered_wall_ms = 1700000001000;
	r->number = text("4711");
	r->codec = text("PCMA");
	r->via =
	    text("SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx,SIP/2.0/TCP 192.0.2.8;branch=z9hG4bKy");
	r->invite_cseq = 12;
	r->has_callee = true;
	fill_leg(&r->caller, 1);
	fill_leg(&r->callee, 0);
	r->branches = 1;
	r->branch[0] = (struct record_branch){ .state = 4,
		.transport = 1,
		.end = 2,
		.iface = 1,
		.trunk = 9,
		.hop = 77,
		.cseq = 101,
		.addr = { .family = AF_INET6, .port = 5062, .ip = { 0x20, 1, 0xd, 0xb8 } } };
	r->branch[0].branch = text("z9hG4bKabandoned");
	r->branch[0].ruri = text("sip:4711@alpha.example");
}

static void same_leg(const struct record_leg *l, uint8_t uas)
{
	assert_int_equal(l->uas, uas);
	assert_int_equal(l->transport, 1);
	assert_int_equal(l->state, 2);
	assert_int_equal(l->end, uas ? KEDGE_END_INSIDE : 1);
	assert_int_equal(l->iface, 3);
	assert_int_equal(l->trunk, 4);
	assert_int_equal(l->local_cseq, 101);
	assert_int_equal(l->remote_cseq, 7);
	assert_int_equal(l->invite_cseq, 101);
	assert_int_equal(l->peer.port, 5060);
	assert_int_equal(l->origin.id, 42);
	assert_int_equal(l->origin.version, 3);
	same_text(&l->call_id, "abc@def");
	same_text(&l->local, "<sip:1@192.0.2.1>");
	same_text(&l->remote, "<sip:2@192.0.2.2>");
	same_text(&l->local_tag, "lt");
	same_text(&l->remote_tag, "rt");
	same_text(&l->target, "sip:2@192.0.2.2:5070");
	same_text(&l->routes, "<sip:192.0.2.3;lr>,<sip:192.0.2.4;lr>");
	same_text(&l->branch, "z9hG4bK1");
	same_text(&l->ours, "v=0\r\no=- 42 3 IN IP4 192.0.2.1\r\n");
	same_text(&l->theirs, "v=0\r\no=x 1 1 IN IP4 192.0.2.2\r\n");
}

static void encodes_and_decodes(void **state)
{
	static struct record r, q;
	int n;

	fill(&r);
	n = record_encode(&r, body, sizeof(body));
	assert_true(n > 0 && n < KEDGE_RECORD_NEAR);
	assert_int_equal(record_decode(&q, body, (size_t)n), 0);
	assert_int_equal(q.state, 2);
	assert_int_equal(q.live, 1);
	assert_int_equal(q.code, 200);
	assert_true(q.begun_wall_ms == 1700000000000 && q.answered_wall_ms == 1700000001000);
	same_text(&q.number, "4711");
	same_text(&q.codec, "PCMA");
	same_text(
	    &q.via, "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx,SIP/2.0/TCP 192.0.2.8;branch=z9hG4bKy");
	assert_int_equal(q.invite_cseq, 12);
	same_leg(&q.caller, 1);
	assert_true(q.has_callee);
	same_leg(&q.callee, 0);
	assert_int_equal(q.branches, 1);
	assert_int_equal(q.branch[0].hop, 77);
	assert_int_equal(q.branch[0].cseq, 101);
	assert_int_equal(q.branch[0].addr.family, AF_INET6);
	same_text(&q.branch[0].branch, "z9hG4bKabandoned");
	same_text(&q.branch[0].ruri, "sip:4711@alpha.example");
}

/* Whatever a dead process left there: no read outside, no success for what is cut. */
static void survives_any_bytes(void **state)
{
	static struct record r;
	int n;

	fill(&r);
	n = record_encode(&r, body, sizeof(body));
	for (int cut = 0; cut < n; cut++) {
		uint8_t *exact = malloc((size_t)cut + 1);

		memcpy(exact, body, (size_t)cut);
		(void)record_decode(&r, exact, (size_t)cut);
		free(exact);
	}
	srand(1);
	for (int i = 0; i < 20000; i++) {
		uint8_t *exact = malloc((size_t)n);

		memcpy(exact, body, (size_t)n);
		for (int k = 0; k < 3; k++)
			exact[rand() % n] = (uint8_t)rand();
		(void)record_decode(&r, exact, (size_t)n);
		free(exact);
	}
	body[1] = 0xff; /* a field longer than all */
	body[2] = 0xff;
	assert_int_equal(record_decode(&r, body, (size_t)n), -EINVAL);
}

static void what_does_not_fit_is_refused(void **state)
{
	static struct record r;
	static char big[KEDGE_RECORD_BODY];
	uint8_t guard[64];

	fill(&r);
	memset(big, 'x', sizeof(big) - 1);
	r.caller.ours = text(big);
	assert_int_equal(record_encode(&r, body, sizeof(body)), -ENOSPC);
	memset(guard, 0xee, sizeof(guard));
	assert_int_equal(record_encode(&r, guard, 10), -ENOSPC);
	for (size_t i = 10; i < sizeof(guard); i++)
		assert_int_equal(guard[i], 0xee);
}

static void crc_is_castagnoli(void **state)
{
	static const uint8_t zeros[32];

	/* RFC 3720 B.4 */
	assert_int_equal(record_crc32c(0, zeros, 32), 0x8a9136aa);
	assert_int_equal(record_crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(record_crc32c(record_crc32c(0, "1234", 4), "56789", 5), 0xe3069283);
}

static void newest_valid_copy_holds(void **state)
{
	struct record_head h;

	assert_int_equal(record_load(&seg, 0, &h, back), -ENOENT);
	record_store(&seg, 0, 5, 1, RECORD_SETUP, (const uint8_t *)"one", 3);
	record_store(&seg, 0, 5, 1, RECORD_LIVE, (const uint8_t *)"second", 6);
	assert_int_equal(record_load(&seg, 0, &h, back), 0);
	assert_int_equal(h.length, 6);
	assert_int_equal(h.flags, RECORD_LIVE);
	assert_true(h.generation == 2 && h.call_id == 5 && h.slot_generation == 1);
	assert_memory_equal(back, "second", 6);
	segment_record(&seg, 0)->copy[1].body[2] ^= 1;
	assert_int_equal(record_load(&seg, 0, &h, back), 0);
	assert_memory_equal(back, "one", 3);
	segment_record(&seg, 0)->copy[0].flags ^= 1;
	assert_int_equal(record_load(&seg, 0, &h, back), -ENOENT);
}

/* The store after a torn one must not overwrite the only copy that holds. */
static void a_torn_write_costs_one_update(void **state)
{
	struct record_head h;

	record_store(&seg, 1, 6, 1, RECORD_LIVE, (const uint8_t *)"aaaa", 4);
	record_store(&seg, 1, 6, 1, RECORD_LIVE, (const uint8_t *)"bbbb", 4);
	/* the writer dies in copy[0]: new body, old generation */
	segment_record(&seg, 1)->copy[0].body[0] = 'z';
	assert_int_equal(record_load(&seg, 1, &h, back), 0);
	assert_memory_equal(back, "bbbb", 4);
	record_store(&seg, 1, 6, 1, RECORD_LIVE, (const uint8_t *)"cccc", 4);
	assert_int_equal(record_load(&seg, 1, &h, back), 0);
	assert_memory_equal(back, "cccc", 4);
	segment_record(&seg, 1)->copy[0].body[0] = 'z';
	assert_int_equal(record_load(&seg, 1, &h, back), 0);
	assert_memory_equal(back, "bbbb", 4);
}

static void long_bodies_reach_into_the_rest(void **state)
{
	static uint8_t big[KEDGE_RECORD_BODY];
	struct record_head h;

	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (uint8_t)(i * 7);
	record_store(&seg, 0, 7, 2, RECORD_LIVE, big, sizeof(big));
	assert_int_equal(record_load(&seg, 0, &h, back), 0);
	assert_int_equal(h.length, sizeof(big));
	assert_memory_equal(back, big, sizeof(big));
	segment_record_more(&seg, 0)
	    ->body[segment_record(&seg, 0)->copy[1].generation == h.generation][100] ^= 1;
	assert_int_equal(record_load(&seg, 0, &h, back), -ENOENT);
}

static int setup(void **state)
{
	return segment_create(&seg, &SHAPE);
}

static int teardown(void **state)
{
	segment_detach(&seg);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encodes_and_decodes),
		cmocka_unit_test(survives_any_bytes),
		cmocka_unit_test(what_does_not_fit_is_refused),
		cmocka_unit_test(crc_is_castagnoli),
		cmocka_unit_test_setup_teardown(newest_valid_copy_holds, setup, teardown),
		cmocka_unit_test_setup_teardown(a_torn_write_costs_one_update, setup, teardown),
		cmocka_unit_test_setup_teardown(long_bodies_reach_into_the_rest, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
