// SPDX-License-Identifier: MIT
/* media/srtp: both directions of an end against a peer with the same keys the other way round: every suite, roll-overs, keys that
 * change, a successor that goes on from the table, and all that must not pass. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "media/rtp.h"
#include "media/srtp.h"
#include "routing/shm/seq.h"

#define PAYLOAD 160
#define LINE    0xcafe0001u /* SSRC of what kedge sends */
#define FAR     0xbeef0002u
#define S       1000000000ULL

static const uint8_t key_len[KEDGE_SUITE_COUNT] = {
#define S_(name, key, salt) [KEDGE_SUITE_##name] = key + salt,
	KEDGE_SUITES(S_)
#undef S_
};

struct end { /* kedge's, or the far one */
	struct kedge_end_slot *slot;
	struct secure *secure;
	struct kedge_keys keys;
	uint8_t suite;
	uint32_t ssrc;
	uint64_t now_ns;
};

static int set_up(void **state)
{
	const char *why;

	return secure_start(&why);
}

static void set_keys(struct end *e, uint8_t suite, unsigned tx, unsigned rx)
{
	e->suite = suite;
	e->keys = (struct kedge_keys){ .suite = suite, .tx_len = key_len[suite], .rx_len = key_len[suite] };
	for (unsigned i = 0; i < key_len[suite]; i++) {
		e->keys.tx[i] = (uint8_t)(tx * 59 + i * 13 + suite);
		e->keys.rx[i] = (uint8_t)(rx * 59 + i * 13 + suite);
	}
	seq_write(&e->slot->keys, &e->keys);
}

static int follow(struct end *e)
{
	return secure_follow(&e->secure, e->slot, e->suite, e->ssrc, e->now_ns);
}

static void end_open(struct end *e, uint8_t suite, uint32_t ssrc, unsigned tx, unsigned rx)
{
	size_t size = sizeof(*e->slot);

	*e = (struct end){ .slot = aligned_alloc(KEDGE_LINE, size), .ssrc = ssrc, .now_ns = S };
	assert_non_null(e->slot);
	memset(e->slot, 0, size);
	set_keys(e, suite, tx, rx);
	assert_int_equal(follow(e), 0);
}

static void end_close(struct end *e)
{
	secure_close(&e->secure);
	assert_null(e->secure);
	free(e->slot);
}

/* kill -9: what was in memory is gone, what stood in the table stands. The old contexts are let go so that nothing leaks. */
static void end_killed(struct end *e)
{
	struct kedge_end_slot stands = *e->slot;

	secure_close(&e->secure);
	*e->slot = stands;
	assert_int_equal(follow(e), 0);
}

static void pair(struct end *kedge, struct end *far, uint8_t suite)
{
	end_open(kedge, suite, LINE, 1, 2);
	end_open(far, suite, FAR, 2, 1);
}

struct packet {
	_Alignas(8) uint8_t data[SECURE_MAX];
	size_t len;
};

static struct packet rtp(uint32_t ssrc, uint64_t index)
{
	struct packet p = { .len = RTP_HEADER + PAYLOAD };
	struct rtp h = { .sequence = (uint16_t)index, .timestamp = (uint32_t)index * 160, .ssrc = ssrc };

	p.data[0] = 0x80;
	rtp_write(p.data, &h);
	for (unsigned i = 0; i < PAYLOAD; i++)
		p.data[RTP_HEADER + i] = (uint8_t)(index * 7 + i);
	return p;
}

static struct packet rtcp(uint32_t ssrc, unsigned mark)
{
	struct packet p = { .len = 32 };

	p.data[0] = 0x81;
	p.data[1] = RTCP_RR;
	p.data[3] = 7;
	rtp_set32(p.data + 4, ssrc);
	for (unsigned i = 8; i < 32; i++)
		p.data[i] = (uint8_t)(mark + i);
	return p;
}

static void same(const struct packet *a, const struct packet *b)
{
	assert_int_equal(a->len, b->len);
	assert_memory_equal(a->data, b->data, a->len);
}

static struct packet sealed(struct end *from, uint64_t index)
{
	struct packet p = rtp(from->ssrc, index);

	assert_int_equal(secure_protect(from->secure, p.data, &p.len, index), SECURE_OK);
	assert_true(p.len > RTP_HEADER + PAYLOAD && p.len <= RTP_HEADER + PAYLOAD + SECURE_ROOM);
	return p;
}

static enum secure_result open_(struct end *to, const struct packet *p)
{
	struct packet mine = *p;

	return secure_unprotect(to->secure, mine.data, &mine.len, to->now_ns);
}

static void passes(struct end *from, struct end *to, uint64_t index)
{
	struct packet clear = rtp(from->ssrc, index), p = sealed(from, index);

	assert_int_equal(secure_unprotect(to->secure, p.data, &p.len, to->now_ns), SECURE_OK);
	same(&p, &clear);
}

static void passes_rtcp(struct end *from, struct end *to, unsigned mark)
{
	struct packet clear = rtcp(from->ssrc, mark), p = clear;

	assert_int_equal(secure_protect_rtcp(from->secure, p.data, &p.len), SECURE_OK);
	assert_true(p.len > clear.len && p.len <= clear.len + SECURE_ROOM);
	assert_int_equal(secure_unprotect_rtcp(to->secure, p.data, &p.len, to->now_ns), SECURE_OK);
	same(&p, &clear);
}

/* ---- what passes ------------------------------------------------------------------------------- */

/* Over two roll-overs both ways. */
static void every_suite(void **state)
{
	for (uint8_t suite = 1; suite < KEDGE_SUITE_COUNT; suite++) {
		struct end k, f;

		pair(&k, &f, suite);
		for (uint64_t i = 65000; i < 65000 + 2 * 65536; i += i % 1000 == 0 ? 900 : 1) {
			passes(&k, &f, i);
			passes(&f, &k, i + 77);
			if (i % 100 == 0) {
				passes_rtcp(&k, &f, (unsigned)i);
				passes_rtcp(&f, &k, (unsigned)i);
			}
		}
		end_close(&k);
		end_close(&f);
	}
}

static void out_of_order(void **state)
{
	struct end k, f;
	struct packet p[100];

	pair(&k, &f, KEDGE_SUITE_AEAD_AES_128_GCM);
	for (unsigned i = 0; i < 100; i++)
		p[i] = sealed(&f, 65500 + i);
	assert_int_equal(open_(&k, &p[0]), SECURE_OK);
	for (unsigned i = 99; i > 0; i--)
		assert_int_equal(open_(&k, &p[i]), SECURE_OK);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(open_(&k, &p[i]), SECURE_REPLAY);
	end_close(&k);
	end_close(&f);
}

/* Its sender began high, and rolled over before the first packet that was heard. */
static void joined_late(void **state)
{
	for (uint8_t suite = 1; suite < KEDGE_SUITE_COUNT; suite++) {
		struct end k, f;
		struct packet garbage = rtp(FAR, 5);

		pair(&k, &f, suite);
		sealed(&f, 65530);
		assert_int_equal(open_(&k, &garbage), SECURE_AUTH);
		for (uint64_t i = 65530 + 30; i < 65530 + 200; i++)
			passes(&f, &k, i);
		end_close(&k);
		end_close(&f);
	}
}

/* Another sender behind the far end, again and again: each is heard, and no more than a few are kept. */
static void other_sources(void **state)
{
	struct end k, f;
	struct packet first;

	pair(&k, &f, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80);
	first = sealed(&f, 21);
	assert_int_equal(open_(&k, &first), SECURE_OK);
	for (uint32_t source = 0; source < 20; source++) {
		f.ssrc = FAR + source;
		for (uint64_t i = 0; i < 20; i++)
			passes(&f, &k, 1000 * source + i);
		passes_rtcp(&f, &k, source);
		assert_int_equal(open_(&k, &first), source < SECURE_STREAMS ? SECURE_REPLAY : SECURE_OK);
		assert_int_equal(open_(&k, &first), SECURE_REPLAY);
		if (source >= SECURE_STREAMS) /* its window was let go: that is what being bounded costs */
			break;
	}
	end_close(&k);
	end_close(&f);
}

/* The line got another SSRC (another clock rate): its numbers begin anew. */
static void other_line(void **state)
{
	struct packet late;
	struct end k, f;

	pair(&k, &f, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80);
	for (uint64_t i = 65500; i < 65600; i++)
		passes(&k, &f, i);
	k.ssrc = LINE + 1;
	for (uint64_t i = 65600; i < 65700; i++)
		passes(&k, &f, i);
	passes_rtcp(&k, &f, 1);
	late = rtcp(LINE, 1); /* a leave of the SSRC before must come first */
	assert_int_equal(secure_protect_rtcp(k.secure, late.data, &late.len), SECURE_NO_KEY);
	end_killed(&k);
	for (uint64_t i = 65700; i < 65800; i++)
		passes(&k, &f, i);
	end_close(&k);
	end_close(&f);
}

/* ---- what does not ----------------------------------------------------------------------------- */

static void strangers(void **state)
{
	for (uint8_t suite = 1; suite < KEDGE_SUITE_COUNT; suite++) {
		struct end k, f, x;
		struct packet p;

		pair(&k, &f, suite);
		end_open(&x, suite, FAR, 3, 1); /* knows what is sent, not what to send with */
		for (uint64_t i = 0; i < 100; i++) {
			p = sealed(&x, i);
			assert_int_equal(open_(&k, &p), SECURE_AUTH);
			p = rtp(FAR, i);
			assert_int_equal(open_(&k, &p), SECURE_AUTH);
			p = rtcp(FAR, 1);
			assert_int_equal(secure_unprotect_rtcp(k.secure, p.data, &p.len, S), SECURE_AUTH);
			p = sealed(&k, i); /* its own packet thrown back */
			assert_int_not_equal(open_(&k, &p), SECURE_OK);
		}
		passes(&f, &k, 3);
		passes_rtcp(&f, &k, 3);
		end_close(&k);
		end_close(&f);
		pair(&k, &f, suite); /* one packet alone leaves nothing behind either */
		p = rtp(FAR, 1);
		assert_int_equal(open_(&k, &p), SECURE_AUTH);
		passes(&f, &k, 2);
		end_close(&k);
		end_close(&f);
		end_close(&x);
	}
}

static void no_keys(void **state)
{
	struct end k, f;
	struct packet p, mine;

	pair(&k, &f, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80);
	p = sealed(&f, 1);
	k.keys.rx_len = 0; /* the answer has not come */
	seq_write(&k.slot->keys, &k.keys);
	assert_int_equal(follow(&k), 0);
	assert_int_equal(open_(&k, &p), SECURE_NO_KEY);
	assert_true(secure_sends(k.secure));
	passes(&k, &f, 1);
	k.keys.rx_len = 29;
	seq_write(&k.slot->keys, &k.keys);
	assert_int_equal(follow(&k), 0);
	assert_int_equal(open_(&k, &p), SECURE_NO_KEY);
	k.keys.rx_len = 30;
	k.keys.suite = KEDGE_SUITE_AES_CM_128_HMAC_SHA1_32; /* of the end before */
	seq_write(&k.slot->keys, &k.keys);
	assert_int_equal(follow(&k), 0);
	assert_int_equal(open_(&k, &p), SECURE_NO_KEY);
	assert_false(secure_sends(k.secure));
	mine = rtp(LINE, 2);
	assert_int_equal(secure_protect(k.secure, mine.data, &mine.len, 2), SECURE_NO_KEY);
	mine = rtcp(LINE, 2);
	assert_int_equal(secure_protect_rtcp(k.secure, mine.data, &mine.len), SECURE_NO_KEY);
	k.suite = 99;
	assert_int_equal(follow(&k), 0);
	assert_false(secure_sends(k.secure));
	assert_int_equal(secure_unprotect(NULL, p.data, &p.len, S), SECURE_NO_KEY);
	assert_int_equal(secure_unprotect_rtcp(NULL, p.data, &p.len, S), SECURE_NO_KEY);
	assert_int_equal(secure_protect(NULL, p.data, &p.len, 1), SECURE_NO_KEY);
	end_close(&k);
	end_close(&f);
}

static void lengths(void **state)
{
	for (uint8_t suite = 1; suite < KEDGE_SUITE_COUNT; suite++) {
		struct end k, f;
		struct packet whole, p;

		pair(&k, &f, suite);
		whole = sealed(&f, 1);
		for (size_t len = 0; len < whole.len; len++) {
			p = whole;
			p.len = len;
			assert_int_not_equal(open_(&k, &p), SECURE_OK);
			assert_int_not_equal(secure_unprotect_rtcp(k.secure, p.data, &p.len, S), SECURE_OK);
		}
		p = whole;
		p.len = SECURE_MAX + 1;
		assert_int_equal(secure_unprotect(k.secure, p.data, &p.len, S), SECURE_MALFORMED);
		p.len = SECURE_MAX + 1;
		assert_int_equal(secure_unprotect_rtcp(k.secure, p.data, &p.len, S), SECURE_MALFORMED);
		p.len = 7;
		assert_int_equal(secure_protect_rtcp(k.secure, p.data, &p.len), SECURE_MALFORMED);
		assert_int_equal(open_(&k, &whole), SECURE_OK);
		end_close(&k);
		end_close(&f);
	}
}

/* A doubled packet would be another text under the same number. */
static void never_twice(void **state)
{
	struct end k, f;
	struct packet p;

	pair(&k, &f, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80);
	passes(&k, &f, 65536 + 5);
	passes(&k, &f, 65536 + 7);
	passes(&k, &f, 65536 + 6);
	for (uint64_t i = 5; i < 8; i++) {
		p = rtp(LINE, i);
		p.data[20] ^= 1;
		assert_int_equal(secure_protect(k.secure, p.data, &p.len, 65536 + i), SECURE_REPLAY);
	}
	p = rtp(LINE, 65535); /* from before the line's roll-over, which the far end knows nothing of */
	assert_int_equal(secure_protect(k.secure, p.data, &p.len, 65535), SECURE_REPLAY);
	for (uint64_t i = 8; i < 50; i++)
		passes(&k, &f, 65536 + i);
	end_close(&k);
	end_close(&f);
}

/* The line began behind a roll-over of its source, and one from before comes late: there is no such number (RFC 3711 3.3.1), and
 * what libsrtp takes it for would roll over the line, unknown to the far end. */
static void before_the_first(void **state)
{
	for (uint8_t suite = 1; suite < KEDGE_SUITE_COUNT; suite++) {
		struct end k, f;
		struct packet p = rtp(LINE, 65534);

		pair(&k, &f, suite);
		passes(&k, &f, 3);
		assert_int_equal(secure_protect(k.secure, p.data, &p.len, (uint64_t)0 - 2), SECURE_REPLAY);
		for (uint64_t i = 4; i < 50; i++)
			passes(&k, &f, i);
		end_close(&k);
		end_close(&f);
	}
}

/* ---- keys that change -------------------------------------------------------------------------- */

static void rekeyed(void **state)
{
	struct end k, f;
	struct packet under_old[4], again;

	pair(&k, &f, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80);
	for (uint64_t i = 65500; i < 65600; i++) {
		passes(&k, &f, i);
		passes(&f, &k, i);
	}
	for (unsigned i = 0; i < 4; i++)
		under_old[i] = sealed(&f, 65600 + i);
	set_keys(&k, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80, 3, 4);
	assert_int_equal(follow(&k), 0);
	set_keys(&f, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80, 4, 3);
	f.secure = (secure_close(&f.secure), NULL); /* as most peers do: a new context, at rollover 0 */
	assert_int_equal(follow(&f), 0);

	k.now_ns = 20 * S; /* nothing under the new key yet: in flight, or the 200 was lost */
	secure_tick(k.secure, k.now_ns);
	assert_int_equal(open_(&k, &under_old[0]), SECURE_OK);
	passes(&f, &k, 100);
	k.now_ns += S;
	secure_tick(k.secure, k.now_ns);
	assert_int_equal(open_(&k, &under_old[1]), SECURE_OK);
	assert_int_not_equal(open_(&k, &under_old[0]), SECURE_OK);
	k.now_ns += S + 1;
	again = under_old[2];
	assert_int_not_equal(open_(&k, &again), SECURE_OK); /* the tick has not come yet */
	secure_tick(k.secure, k.now_ns);
	assert_int_not_equal(open_(&k, &under_old[3]), SECURE_OK);
	for (uint64_t i = 65600; i < 65700; i++) {
		passes(&k, &f, i); /* the line goes on, its counter under the key began at 0 */
		passes(&f, &k, i - 65400);
	}
	passes_rtcp(&k, &f, 1);
	end_close(&k);
	end_close(&f);
}

/* Nobody speaks under the new key: the old one goes after 32 s all the same. */
static void old_key_ends(void **state)
{
	struct end k, f;
	struct packet p[2];

	pair(&k, &f, KEDGE_SUITE_AEAD_AES_256_GCM);
	passes(&f, &k, 1);
	p[0] = sealed(&f, 2);
	p[1] = sealed(&f, 3);
	set_keys(&k, KEDGE_SUITE_AEAD_AES_256_GCM, 1, 4);
	assert_int_equal(follow(&k), 0);
	assert_int_equal(open_(&k, &p[0]), SECURE_OK);
	k.now_ns += 33 * S;
	assert_int_equal(open_(&k, &p[1]), SECURE_AUTH);
	passes(&k, &f, 9); /* its own key was not another one */
	end_close(&k);
	end_close(&f);
}

/* RFC 3711 3.3.1 would have the counter go on across a rekey: who does so is heard too. */
static void rekeyed_counting_on(void **state)
{
	struct end k, f, same_key;

	for (uint8_t suite = 1; suite < KEDGE_SUITE_COUNT; suite++) {
		pair(&k, &f, suite);
		for (uint64_t i = 0; i < 200000; i += 1000)
			passes(&f, &k, i);
		set_keys(&k, suite, 1, 4);
		assert_int_equal(follow(&k), 0);
		end_open(&same_key, suite, FAR, 4, 1);
		for (uint64_t i = 0; i < 200000; i += 1000)
			sealed(&same_key, i); /* its counter comes to where the far end's was */
		for (uint64_t i = 200000; i < 200100; i++)
			passes(&same_key, &k, i);
		end_close(&k);
		end_close(&f);
		end_close(&same_key);
	}
}

/* A side that keeps its key goes on as it was: the replay window too. */
static void one_side_rekeyed(void **state)
{
	struct end k, f;
	struct packet p;

	pair(&k, &f, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80);
	for (uint64_t i = 65530; i < 65540; i++)
		passes(&f, &k, i);
	p = sealed(&f, 65540);
	assert_int_equal(open_(&k, &p), SECURE_OK);
	set_keys(&k, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80, 5, 2);
	assert_int_equal(follow(&k), 0);
	assert_int_equal(open_(&k, &p), SECURE_REPLAY);
	passes(&f, &k, 65541);
	end_close(&k);
	end_close(&f);
}

/* Signaling fell while it wrote: the keys are gone, then they come again. */
static void keys_gone_for_a_while(void **state)
{
	static const struct kedge_keys none;
	struct end k, f;
	struct packet p;

	pair(&k, &f, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80);
	for (uint64_t i = 65530; i < 65540; i++) {
		passes(&k, &f, i);
		passes(&f, &k, i);
	}
	passes_rtcp(&k, &f, 1);
	atomic_store_explicit(&k.slot->run.tx_index, 65539, memory_order_relaxed);
	seq_write(&k.slot->keys, &none);
	assert_int_equal(follow(&k), 0);
	assert_false(secure_sends(k.secure));
	seq_write(&k.slot->keys, &k.keys);
	assert_int_equal(follow(&k), 0);
	p = rtp(LINE, 65539);
	assert_int_equal(secure_protect(k.secure, p.data, &p.len, 65539), SECURE_REPLAY);
	for (uint64_t i = 65540; i < 65560; i++) {
		passes(&k, &f, i);
		passes(&f, &k, i);
	}
	passes_rtcp(&k, &f, 2);
	end_close(&k);
	end_close(&f);
}

/* ---- a successor ------------------------------------------------------------------------------- */

/* Killed at each of these numbers: no number goes twice, the far end hears all, no old packet is heard again. */
static void successors(void **state)
{
	static const uint64_t at[] = { 0, 1, 32767, 32768, 65534, 65535, 65536, 65537, 131071, 131072, 200000 };
	enum { KILLS = sizeof(at) / sizeof(*at) };

	for (uint8_t suite = 1; suite < KEDGE_SUITE_COUNT; suite++) {
		struct end k, f;
		uint64_t tx = 0, rx = 0;

		pair(&k, &f, suite);
		for (int n = 0; n < KILLS; n++) {
			struct packet before, late, report, old_report;

			for (; tx <= at[n]; tx += tx + 500 < at[n] ? 400 : 1, rx = tx + (unsigned)n) {
				passes(&f, &k, rx);
				atomic_store_explicit(&k.slot->run.tx_index, tx, memory_order_relaxed); /* outlet stores it, then protects */
				passes(&k, &f, tx);
			}
			report = rtcp(FAR, 1);
			assert_int_equal(secure_protect_rtcp(f.secure, report.data, &report.len), SECURE_OK);
			old_report = report;
			assert_int_equal(secure_unprotect_rtcp(k.secure, report.data, &report.len, S), SECURE_OK);
			passes_rtcp(&k, &f, 2);
			before = sealed(&f, rx);
			assert_int_equal(open_(&k, &before), SECURE_OK);
			end_killed(&k);
			assert_int_equal(open_(&k, &before), SECURE_REPLAY);
			assert_int_equal(secure_unprotect_rtcp(k.secure, old_report.data, &old_report.len, S), SECURE_REPLAY);
			late = rtp(LINE, at[n]);
			assert_int_equal(secure_protect(k.secure, late.data, &late.len, at[n]), SECURE_REPLAY);
			passes_rtcp(&k, &f, 3);
			passes_rtcp(&f, &k, 4);
			rx++;
		}
		end_close(&k);
		end_close(&f);
	}
}

/* The keys changed while no worker was there: numbers begin anew on both sides. */
static void rekeyed_meanwhile(void **state)
{
	struct end k, f;

	pair(&k, &f, KEDGE_SUITE_AEAD_AES_128_GCM);
	for (uint64_t i = 65500; i < 65600; i++) {
		passes(&k, &f, i);
		passes(&f, &k, i);
	}
	passes_rtcp(&k, &f, 1);
	atomic_store_explicit(&k.slot->run.tx_index, 65599, memory_order_relaxed);
	set_keys(&k, KEDGE_SUITE_AEAD_AES_128_GCM, 7, 8);
	secure_close(&f.secure);
	set_keys(&f, KEDGE_SUITE_AEAD_AES_128_GCM, 8, 7);
	assert_int_equal(follow(&f), 0);
	end_killed(&k);
	for (uint64_t i = 65600; i < 65700; i++) {
		passes(&k, &f, i);
		passes(&f, &k, i - 65600);
	}
	passes_rtcp(&k, &f, 2);
	end_close(&k);
	end_close(&f);
}

/* Killed between the store and the first packet under a key. */
static void nothing_sent_yet(void **state)
{
	struct end k, f;

	pair(&k, &f, KEDGE_SUITE_AES_256_CM_HMAC_SHA1_80);
	atomic_store_explicit(&k.slot->run.tx_index, 3 * 65536 + 9, memory_order_relaxed);
	end_killed(&k);
	for (uint64_t i = 3 * 65536 + 10; i < 3 * 65536 + 20; i++)
		passes(&k, &f, i);
	end_close(&k);
	end_close(&f);
}

/* An end that floods with reports holds up no restart: what cannot be counted up to is over, RTP goes on. */
static void too_many_reports(void **state)
{
	static const uint64_t sent[] = { 1u << 18, (1u << 18) + 1, INT32_MAX };
	struct end k, f;

	for (unsigned i = 0; i < 3; i++) {
		struct packet p = rtcp(LINE, 1);

		pair(&k, &f, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80);
		passes(&k, &f, 5);
		atomic_store_explicit(&k.slot->run.tx_index, 5, memory_order_relaxed);
		atomic_store_explicit(&k.slot->run.tx_rtcp_index, sent[i], memory_order_relaxed);
		end_killed(&k);
		assert_int_equal(secure_protect_rtcp(k.secure, p.data, &p.len), i == 0 ? SECURE_OK : SECURE_NO_KEY);
		passes(&k, &f, 6);
		end_close(&k);
		end_close(&f);
	}
}

/* Where in this process's memory those bytes are; the stack is not looked at, nor are libraries. */
static unsigned found(const uint8_t *text, size_t len)
{
	char line[256];
	unsigned n = 0;
	FILE *f = fopen("/proc/self/maps", "r");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		unsigned long from, to;
		char perm[5];

		if (sscanf(line, "%lx-%lx %4s", &from, &to, perm) != 3 || memcmp(perm, "rw", 2) != 0 || strchr(line, '/') != NULL ||
		    strstr(line, "[stack]") != NULL)
			continue;
		for (const uint8_t *p = (const uint8_t *)from; (p = memmem(p, to - (unsigned long)p, text, len)) != NULL; p++)
			n++;
	}
	fclose(f);
	return n;
}

/* RFC 3711 B.3: the cipher key that follows from this master key. It must be somewhere while the end lives, and nowhere after. */
static void no_key_is_left(void **state)
{
	static const uint8_t derived[16] = { 0xc6, 0x1e, 0x7a, 0x93, 0x74, 0x4f, 0x39, 0xee, 0x10, 0x73, 0x4a, 0xfe, 0x3f, 0xf7, 0xa0, 0x87 };
	static const uint8_t master[30] = { 0xe1, 0xf9, 0x7a, 0x0d, 0x3e, 0x01, 0x8b, 0xe0, 0xd6, 0x4f, 0xa3, 0x2c, 0x06, 0xde, 0x41, 0x39, 0x0e,
		0xc6, 0x75, 0xad, 0x49, 0x8a, 0xfe, 0xeb, 0xb6, 0x96, 0x0b, 0x3a, 0xab, 0xe6 };
	static const struct kedge_keys none;
	struct end k;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	skip(); /* its own memory cannot be read */
#endif
	end_open(&k, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80, LINE, 1, 2);
	memcpy(k.keys.tx, master, sizeof(master));
	memcpy(k.keys.rx, master, sizeof(master)); /* the last one that the thread's borrowed context derives from */
	seq_write(&k.slot->keys, &k.keys);
	assert_int_equal(follow(&k), 0);
	sealed(&k, 1);
	assert_true(found(derived, sizeof(derived)) > 0);
	assert_int_equal(found(master, 16), 2); /* the table's, and no copy */
	secure_close(&k.secure);
	seq_write(&k.slot->keys, &none);
	assert_int_equal(found(derived, sizeof(derived)), 0);
	assert_int_equal(found(master, 16), 0);
	free(k.slot);
}

static void written_meanwhile(void **state)
{
	struct end k = { .slot = aligned_alloc(KEDGE_LINE, sizeof(struct kedge_end_slot)), .suite = 1, .ssrc = LINE };

	memset(k.slot, 0, sizeof(*k.slot));
	atomic_store_explicit(&k.slot->keys.seq, 1, memory_order_relaxed);
	assert_int_equal(follow(&k), -EAGAIN);
	assert_null(k.secure);
	free(k.slot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_suite),
		cmocka_unit_test(out_of_order),
		cmocka_unit_test(joined_late),
		cmocka_unit_test(other_sources),
		cmocka_unit_test(other_line),
		cmocka_unit_test(strangers),
		cmocka_unit_test(no_keys),
		cmocka_unit_test(lengths),
		cmocka_unit_test(never_twice),
		cmocka_unit_test(before_the_first),
		cmocka_unit_test(rekeyed),
		cmocka_unit_test(old_key_ends),
		cmocka_unit_test(rekeyed_counting_on),
		cmocka_unit_test(one_side_rekeyed),
		cmocka_unit_test(keys_gone_for_a_while),
		cmocka_unit_test(successors),
		cmocka_unit_test(rekeyed_meanwhile),
		cmocka_unit_test(nothing_sent_yet),
		cmocka_unit_test(too_many_reports),
		cmocka_unit_test(written_meanwhile),
		cmocka_unit_test(no_key_is_left),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
