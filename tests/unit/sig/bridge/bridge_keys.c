// SPDX-License-Identifier: MIT
/* bridge_keys: SDES on each side by its trunk's srtp. What is offered and taken, whose key goes to whom, when it is new and when it stays; nothing passes without
 * the keys that must be there. */
#include "tests/unit/sig/bridge/bridge_rig.h"

#include "sig/offer/crypto.h"

#define LINE(proto, ip, port, more)                                                                \
	"v=0\r\no=x 1 1 IN IP4 " ip "\r\ns=-\r\nc=IN IP4 " ip "\r\nt=0 0\r\nm=audio " port " " proto " 0\r\n" more
#define KEY(tag, suite, c) "a=crypto:" tag " " suite " inline:" c c c c c c c c c c "\r\n" /* c: four digits, 30 bytes in all */
#define SHA80 "AES_CM_128_HMAC_SHA1_80"
#define SHA32 "AES_CM_128_HMAC_SHA1_32"

static const char PLAIN[] = LINE("RTP/AVP", "10.0.1.1", "5000", "");
static const char PLAIN_CALLER[] = LINE("RTP/AVP", "10.0.0.1", "4000", "");
static const char SECURE_CALLER[] = LINE("RTP/SAVP", "10.0.0.1", "4000", KEY("7", SHA80, "AAAA"));
static const char SECURE[] = LINE("RTP/SAVP", "10.0.1.1", "5000", KEY("1", SHA80, "BBBB"));
static const char SECURE_ELSEWHERE[] = LINE("RTP/SAVP", "10.0.1.2", "5002", KEY("2", SHA32, "CCCC"));

static struct kedge_keys keys_of(unsigned end)
{
	struct kedge_keys k = { 0 };

	seq_read(&segment_end(&t.run, t.b.anchor.slot, end)->keys, &k);
	return k;
}

/* The n-th key of a body of ours, from 1; its suite NONE: there is no such line. */
static struct crypto key_in(const char *body, unsigned n)
{
	struct crypto c = { 0 };
	const char *at = body;

	while (n-- && (at = strstr(at, "a=crypto:")))
		at += 9;
	if (at)
		assert_int_equal(crypto_read(&c, (struct text){ at, strcspn(at, "\r\n") }), 0);
	return c;
}

static void srtp(unsigned trunk, enum conf_srtp how)
{
	t.rig->trunk[trunk].srtp = how;
}

static int open_with(const char *sdp)
{
	struct bridge_body said = body(sdp);

	return bridge_open(&t.b, 0, 1, &said, NULL);
}

static const char *offer_to(struct bridge_side *side)
{
	const char *out = NULL;

	assert_int_equal(bridge_outside(&t.b, side, 1, 0, &out), 0);
	return out;
}

/* Media has these keys for that end, and so may let packets pass. */
static void assert_keys(unsigned end, unsigned suite, const uint8_t *tx, const char *rx)
{
	struct kedge_keys k = keys_of(end);

	assert_int_equal(end_of(end).srtp, suite);
	assert_int_equal(k.suite, suite);
	assert_int_equal(k.tx_len, crypto_length(suite));
	assert_int_equal(k.rx_len, crypto_length(suite));
	assert_memory_equal(k.tx, tx, k.tx_len);
	assert_memory_equal(k.rx, rx, 3);
}

static void assert_clear(unsigned end)
{
	static const struct kedge_keys none;
	struct kedge_keys k = keys_of(end);

	assert_int_equal(end_of(end).srtp, KEDGE_SUITE_NONE);
	assert_memory_equal(&k, &none, sizeof(k));
}

static void assert_shut(unsigned end)
{
	assert_int_not_equal(end_of(end).srtp, keys_of(end).suite);
}

#define RX_A "\0\0\0"          /* AAAA */
#define RX_B "\x04\x10\x41"    /* BBBB */
#define RX_C "\x08\x20\x82"    /* CCCC */

static void a_plain_caller_and_a_trunk_that_requires_it(void **state)
{
	const char *offer, *told;
	struct crypto ours;

	srtp(1, CONF_SRTP_REQUIRED);
	assert_int_equal(open_with(PLAIN_CALLER), 0);
	offer = offer_to(&t.one);
	assert_non_null(strstr(offer, " RTP/SAVP 0\r\n"));
	for (unsigned i = 1; i <= 4; i++)
		assert_int_equal(key_in(offer, i).tag, i);
	assert_int_equal(key_in(offer, 1).suite, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80);
	assert_int_equal(key_in(offer, 5).suite, KEDGE_SUITE_NONE);
	assert_shut(t.one.end); /* what is heard before the answer cannot be read */
	ours = key_in(offer, 1);
	told = answer(&t.one, SECURE, false, 0);
	assert_null(strstr(told, "crypto"));
	assert_non_null(strstr(told, " RTP/AVP 0\r\n"));
	assert_keys(t.one.end, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80, ours.key, RX_B);
	assert_clear(KEDGE_END_INSIDE);
	answer(&t.one, SECURE, true, 0);
	assert_keys(t.one.end, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80, ours.key, RX_B);
	assert_int_equal(t.one.srtp, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80);
	assert_int_equal(t.b.caller.srtp, KEDGE_SUITE_NONE);
}

static void an_answer_without_the_right_key_is_none(void **state)
{
	char own[512];
	struct crypto ours;
	char text[CRYPTO_TEXT];

	srtp(1, CONF_SRTP_REQUIRED);
	assert_int_equal(open_with(PLAIN_CALLER), 0);
	ours = key_in(offer_to(&t.one), 1);
	answer(&t.one, PLAIN, true, -EPROTO);
	assert_string_equal(t.b.why, "crypto");
	answer(&t.one, LINE("RTP/SAVP", "10.0.1.1", "5000", ""), true, -EPROTO);
	answer(&t.one, LINE("RTP/SAVP", "10.0.1.1", "5000", KEY("9", SHA80, "BBBB")), true, -EPROTO);
	answer(&t.one, LINE("RTP/SAVP", "10.0.1.1", "5000", KEY("1", SHA32, "BBBB")), true, -EPROTO);
	answer(&t.one, LINE("RTP/SAVP", "10.0.1.1", "5000", "a=crypto:1 " SHA80 " inline:BBBB\r\n"), true, -EPROTO);
	crypto_write(text, &ours);
	snprintf(own, sizeof(own), "%sa=crypto:%s\r\n", LINE("RTP/SAVP", "10.0.1.1", "5000", ""), text);
	answer(&t.one, own, true, -EPROTO); /* our own key: both directions would have one keystream */
	assert_shut(t.one.end);
	assert_false(t.b.bound);
	answer(&t.one, SECURE, true, 0);
}

static void optional_takes_what_comes(void **state)
{
	const char *offer;
	struct crypto ours;

	srtp(1, CONF_SRTP_OPTIONAL);
	srtp(2, CONF_SRTP_OPTIONAL);
	assert_int_equal(open_with(PLAIN_CALLER), 0);
	offer = offer_to(&t.one);
	assert_non_null(strstr(offer, " RTP/AVP 0\r\n"));
	assert_int_equal(key_in(offer, 4).tag, 4);
	assert_shut(t.one.end);
	answer(&t.one, PLAIN, false, 0);
	assert_clear(t.one.end);
	offer = offer_to(&t.two);
	ours = key_in(offer, 2);
	answer(&t.two, LINE("RTP/AVP", "10.0.1.2", "5002", KEY("3", SHA32, "CCCC")), true, -EPROTO);
	answer(&t.two, LINE("RTP/AVP", "10.0.1.2", "5002", KEY("2", SHA32, "CCCC")), true, 0);
	assert_keys(t.two.end, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_32, ours.key, RX_C);
}

static void what_a_caller_offers(void **state)
{
	static const char best_effort[] = LINE("RTP/AVP", "10.0.0.1", "4000", KEY("3", SHA32, "CCCC"));
	static const char foreign[] = LINE("RTP/SAVPF", "10.0.0.1", "4000",
	    KEY("1", "F8_128_HMAC_SHA1_80", "AAAA") KEY("2", SHA80, "AAAA|2^20|1:4") "a=crypto:3 " SHA32 " inline:" "CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC" "|2^31\r\n");
	static const char none[] = LINE("RTP/SAVP", "10.0.0.1", "4000", KEY("1", "F8_128_HMAC_SHA1_80", "AAAA"));
	static const struct {
		enum conf_srtp srtp;
		const char *offer;
		int err;
		const char *profile;
		unsigned tag;
	} cases[] = {
		{ CONF_SRTP_OFF, PLAIN_CALLER, 0, " RTP/AVP 0\r\n", 0 },
		{ CONF_SRTP_OFF, SECURE_CALLER, -ENODATA, NULL, 0 },
		{ CONF_SRTP_OFF, best_effort, 0, " RTP/AVP 0\r\n", 0 },
		{ CONF_SRTP_OPTIONAL, PLAIN_CALLER, 0, " RTP/AVP 0\r\n", 0 },
		{ CONF_SRTP_OPTIONAL, SECURE_CALLER, 0, " RTP/SAVP 0\r\n", 7 },
		{ CONF_SRTP_OPTIONAL, best_effort, 0, " RTP/AVP 0\r\n", 3 },
		{ CONF_SRTP_OPTIONAL, foreign, 0, " RTP/SAVPF 0\r\n", 3 },
		{ CONF_SRTP_OPTIONAL, none, -ENODATA, NULL, 0 },
		{ CONF_SRTP_REQUIRED, PLAIN_CALLER, -ENODATA, NULL, 0 },
		{ CONF_SRTP_REQUIRED, SECURE_CALLER, 0, " RTP/SAVP 0\r\n", 7 },
		{ CONF_SRTP_REQUIRED, best_effort, 0, " RTP/AVP 0\r\n", 3 },
		{ CONF_SRTP_REQUIRED, none, -ENODATA, NULL, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *told;

		if (i) {
			teardown(state);
			setup(state);
		}
		srtp(0, cases[i].srtp);
		assert_int_equal(open_with(cases[i].offer), cases[i].err);
		assert_int_equal(bridge_status(-ENODATA), 488);
		if (cases[i].err)
			continue;
		assert_null(strstr(offer_to(&t.one), "crypto"));
		told = answer(&t.one, PLAIN, true, 0);
		assert_non_null(strstr(told, cases[i].profile));
		assert_int_equal(key_in(told, 1).tag, cases[i].tag);
		assert_int_equal(key_in(told, 2).tag, 0); /* one line answers */
		if (cases[i].tag)
			assert_keys(KEDGE_END_INSIDE, key_in(told, 1).suite, key_in(told, 1).key, cases[i].tag == 3 ? RX_C : RX_A);
		else
			assert_clear(KEDGE_END_INSIDE);
	}
}

/* One line with SRTP and one without, as some offer both: what the trunk wants is answered, the other stays refused. */
static void two_lines_of_audio(void **state)
{
	static const char both[] = LINE("RTP/SAVP", "10.0.0.1", "4000", KEY("1", SHA80, "AAAA") "m=audio 4002 RTP/AVP 0\r\n");
	static const char other_way[] = LINE("RTP/AVP", "10.0.0.1", "4002", "m=audio 4000 RTP/SAVP 0\r\n" KEY("1", SHA80, "AAAA"));
	struct bridge_body said = body(both);
	const char *told;

	assert_int_equal(open_with(both), 0);
	offer_to(&t.one);
	told = answer(&t.one, LINE("RTP/AVP", "10.0.1.1", "0", "m=audio 5000 RTP/AVP 0\r\n"), true, 0);
	assert_non_null(strstr(told, "m=audio 0 RTP/SAVP 0\r\nm=audio "));
	assert_null(strstr(told, "crypto"));
	assert_int_equal(end_of(KEDGE_END_INSIDE).rtp.port, 4002);
	assert_true(bridge_same(&t.b, &t.b.caller, &said)); /* read the same way again */
	teardown(state);
	setup(state);
	srtp(0, CONF_SRTP_REQUIRED);
	assert_int_equal(open_with(other_way), 0);
	offer_to(&t.one);
	told = answer(&t.one, LINE("RTP/AVP", "10.0.1.1", "0", "m=audio 5000 RTP/AVP 0\r\n"), true, 0);
	assert_non_null(strstr(told, "m=audio 0 RTP/AVP 0\r\nm=audio "));
	assert_int_equal(key_in(told, 1).tag, 1);
	assert_int_equal(end_of(KEDGE_END_INSIDE).rtp.port, 4000);
}

/* Each attempt has keys of its own; the answer that the caller got with the first keeps its key. */
static void never_the_same_key_twice(void **state)
{
	struct crypto all[9];
	const char *offer, *told;
	char kept[1024];

	for (unsigned i = 0; i < 3; i++)
		srtp(i, CONF_SRTP_REQUIRED);
	assert_int_equal(open_with(SECURE_CALLER), 0);
	offer = offer_to(&t.one);
	for (unsigned i = 0; i < 4; i++)
		all[i] = key_in(offer, i + 1);
	strcpy(kept, answer(&t.one, SECURE, false, 0));
	all[8] = key_in(kept, 1);
	offer = offer_to(&t.two);
	for (unsigned i = 0; i < 4; i++)
		all[4 + i] = key_in(offer, i + 1);
	bridge_drop(&t.b, &t.one);
	told = answer(&t.two, SECURE_ELSEWHERE, true, 0);
	assert_string_equal(told, kept);
	for (unsigned i = 0; i < 9; i++)
		for (unsigned k = 0; k < i; k++)
			assert_memory_not_equal(all[i].key, all[k].key, 16);
	assert_keys(t.two.end, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_32, all[5].key, RX_C);
	assert_keys(KEDGE_END_INSIDE, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80, all[8].key, RX_A);
}

static void up(void)
{
	srtp(0, CONF_SRTP_OPTIONAL);
	srtp(1, CONF_SRTP_REQUIRED);
	assert_int_equal(open_with(SECURE_CALLER), 0);
	offer_to(&t.one);
	answer(&t.one, SECURE, true, 0);
}

static void hold_and_resume_keep_their_keys(void **state)
{
	struct bridge_body hold = body(LINE("RTP/SAVP", "10.0.0.1", "4000", KEY("7", SHA80, "AAAA") "a=sendonly\r\n"));
	struct bridge_body held = body(LINE("RTP/SAVP", "10.0.1.1", "5000", KEY("1", SHA80, "BBBB") "a=recvonly\r\n"));
	struct kedge_keys inside, outside, now;
	const char *out;

	up();
	inside = keys_of(KEDGE_END_INSIDE);
	outside = keys_of(t.one.end);
	assert_int_equal(bridge_reoffer(&t.b, &t.b.caller, &t.one, &hold, &out), 0);
	assert_non_null(strstr(out, " RTP/SAVP 0\r\n"));
	assert_int_equal(key_in(out, 1).tag, 1);
	assert_memory_equal(key_in(out, 1).key, outside.tx, 30);
	assert_int_equal(key_in(out, 2).tag, 0);
	assert_int_equal(bridge_reanswer(&t.b, &t.b.caller, &t.one, &held, &out), 0);
	assert_memory_equal(key_in(out, 1).key, inside.tx, 30);
	now = keys_of(KEDGE_END_INSIDE);
	assert_memory_equal(&now, &inside, sizeof(now));
	now = keys_of(t.one.end);
	assert_memory_equal(&now, &outside, sizeof(now));
	/* a refresh of ours, and the callee's own INVITE without an offer */
	assert_int_equal(bridge_propose(&t.b, &t.one, &t.b.caller, &out), 0);
	assert_memory_equal(key_in(out, 1).key, outside.tx, 30);
	bridge_reject(&t.b);
	/* an answer in clear to it changes nothing */
	assert_int_equal(bridge_reoffer(&t.b, &t.b.caller, &t.one, &hold, &out), 0);
	held = body(PLAIN);
	assert_int_equal(bridge_reanswer(&t.b, &t.b.caller, &t.one, &held, &out), -EPROTO);
	now = keys_of(t.one.end);
	assert_memory_equal(&now, &outside, sizeof(now));
}

static void a_new_key_of_a_peer_is_between_it_and_kedge(void **state)
{
	struct bridge_body caller = body(LINE("RTP/SAVP", "10.0.0.1", "4000", KEY("7", SHA80, "CCCC")));
	struct bridge_body callee = body(LINE("RTP/SAVP", "10.0.1.1", "5000", KEY("5", SHA32, "CCCC")));
	struct bridge_body clear = body(PLAIN_CALLER), again = body(SECURE_CALLER), plain = body(PLAIN);
	struct kedge_keys inside, outside;
	const char *out;
	bool differs;

	up();
	inside = keys_of(KEDGE_END_INSIDE);
	outside = keys_of(t.one.end);
	assert_true(bridge_same(&t.b, &t.b.caller, &again));
	assert_false(bridge_same(&t.b, &t.b.caller, &caller));
	assert_true(bridge_unchanged(&t.b, &t.b.caller, &t.one, &caller));
	assert_int_equal(bridge_alone(&t.b, &t.b.caller, &t.one, &caller, &out, &differs), 0);
	assert_memory_equal(key_in(out, 1).key, inside.tx, 30); /* the same suite and tag */
	assert_keys(KEDGE_END_INSIDE, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80, inside.tx, RX_C);
	/* another suite: ours is new too */
	assert_int_equal(bridge_alone(&t.b, &t.one, &t.b.caller, &callee, &out, &differs), 0);
	assert_int_equal(key_in(out, 1).tag, 5);
	assert_memory_not_equal(key_in(out, 1).key, outside.tx, 16);
	assert_keys(t.one.end, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_32, key_in(out, 1).key, RX_C);
	/* in clear: refused where it is required, taken where it is optional */
	assert_int_equal(bridge_alone(&t.b, &t.one, &t.b.caller, &plain, &out, &differs), -ENODATA);
	assert_int_equal(bridge_reoffer(&t.b, &t.one, &t.b.caller, &plain, &out), -ENODATA);
	assert_int_equal(bridge_alone(&t.b, &t.b.caller, &t.one, &clear, &out, &differs), 0);
	assert_null(strstr(out, "crypto"));
	assert_clear(KEDGE_END_INSIDE);
}

static void each_fork_has_its_own(void **state)
{
	static const char pcma[] = "v=0\r\no=x 1 1 IN IP4 10.0.1.2\r\ns=-\r\nc=IN IP4 10.0.1.2\r\nt=0 0\r\nm=audio 5002 RTP/AVP 8\r\n";
	struct crypto first, second;

	srtp(0, CONF_SRTP_OPTIONAL);
	assert_int_equal(open_with(LINE("RTP/SAVP 8", "10.0.0.1", "4000", KEY("7", SHA80, "AAAA"))), 0);
	t.b.forks = true;
	offer_to(&t.one);
	first = key_in(answer(&t.one, PLAIN, false, 0), 1);
	offer_to(&t.two);
	second = key_in(answer(&t.two, pcma, true, 0), 1);
	assert_true(t.b.forked);
	assert_int_equal(first.tag, 7);
	assert_int_equal(second.tag, 7);
	assert_memory_not_equal(first.key, second.key, 16);
	assert_keys(KEDGE_END_INSIDE, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80, second.key, RX_A);
}

/* The caller's INVITE has no offer: ours to it has keys, its answer must take one. */
static void a_late_offer(void **state)
{
	struct bridge_body none = { 0 }, plain = body(PLAIN_CALLER);
	struct bridge_body ack = body(LINE("RTP/SAVP", "10.0.0.1", "4000", KEY("2", SHA32, "AAAA")));
	struct crypto outside, inside;
	const char *out;

	srtp(0, CONF_SRTP_REQUIRED);
	srtp(1, CONF_SRTP_REQUIRED);
	t.rig->trunk[1].late_offer = CONF_LATE_INSERT;
	t.rig->trunk[1].codecs = (struct conf_strings){ (const char *[]){ "PCMU" }, 1 };
	assert_int_equal(bridge_open(&t.b, 0, 1, &none, NULL), 0);
	outside = key_in(offer_to(&t.one), 1);
	out = answer(&t.one, SECURE, true, 0);
	assert_non_null(strstr(out, " RTP/SAVP 0\r\n"));
	inside = key_in(out, 2);
	assert_int_equal(bridge_late(&t.b, &t.one, &plain, &out), -EPROTO);
	assert_int_equal(bridge_late(&t.b, &t.one, &ack, &out), 0);
	assert_keys(t.one.end, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80, outside.key, RX_B);
	assert_keys(KEDGE_END_INSIDE, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_32, inside.key, RX_A);
}

static void a_late_offer_passed(void **state)
{
	struct bridge_body none = { 0 }, ack = body(PLAIN_CALLER);
	const char *out;

	srtp(1, CONF_SRTP_REQUIRED);
	assert_int_equal(bridge_open(&t.b, 0, 1, &none, NULL), 0);
	assert_null(offer_to(&t.one));
	answer(&t.one, PLAIN, true, -EPROTO); /* an offer in clear */
	assert_non_null(answer(&t.one, SECURE, true, 0));
	assert_shut(t.one.end);
	assert_int_equal(bridge_late(&t.b, &t.one, &ack, &out), 0);
	assert_int_equal(key_in(out, 1).tag, 1);
	assert_keys(t.one.end, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80, key_in(out, 1).key, RX_B);
}

static void a_fax_is_never_encrypted(void **state)
{
	static const char fax[] = "v=0\r\no=x 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n"
	                          "m=image 4002 udptl t38\r\n";
	struct bridge_body said = body(fax), audio = body(SECURE_CALLER), back = body(SECURE);
	struct kedge_keys before;
	const char *out;

	up();
	before = keys_of(t.one.end);
	assert_int_equal(bridge_status(bridge_reoffer(&t.b, &t.b.caller, &t.one, &said, &out)), 488);
	assert_int_equal(bridge_status(bridge_reoffer(&t.b, &t.one, &t.b.caller, &said, &out)), 488);
	srtp(1, CONF_SRTP_OPTIONAL);
	assert_int_equal(bridge_reoffer(&t.b, &t.b.caller, &t.one, &said, &out), 0);
	assert_null(strstr(out, "crypto"));
	assert_int_equal(bridge_reanswer(&t.b, &t.b.caller, &t.one, &said, &out), 0);
	assert_clear(t.one.end);
	assert_clear(KEDGE_END_INSIDE);
	/* audio again: a new key */
	assert_int_equal(bridge_reoffer(&t.b, &t.b.caller, &t.one, &audio, &out), 0);
	assert_memory_not_equal(key_in(out, 1).key, before.tx, 16);
	assert_int_equal(bridge_reanswer(&t.b, &t.b.caller, &t.one, &back, &out), 0);
	assert_int_equal(keys_of(t.one.end).suite, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80);
}

static void the_trunk_names_its_suites(void **state)
{
	static const char *names[] = { "AEAD_AES_256_GCM", "aes_cm_128_hmac_sha1_32" };
	const char *offer;

	srtp(0, CONF_SRTP_OPTIONAL);
	srtp(1, CONF_SRTP_REQUIRED);
	t.rig->trunk[0].srtp_suites = t.rig->trunk[1].srtp_suites = (struct conf_strings){ names, 2 };
	assert_int_equal(open_with(SECURE_CALLER), -ENODATA); /* it has another one */
	assert_int_equal(open_with(LINE("RTP/SAVP", "10.0.0.1", "4000", KEY("1", SHA80, "AAAA") KEY("2", SHA32, "AAAA"))), 0);
	offer = offer_to(&t.one);
	assert_int_equal(key_in(offer, 1).suite, KEDGE_SUITE_AEAD_AES_256_GCM);
	assert_int_equal(key_in(offer, 2).suite, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_32);
	assert_int_equal(key_in(offer, 3).suite, KEDGE_SUITE_NONE);
	assert_int_equal(key_in(answer(&t.one, SECURE_ELSEWHERE, true, 0), 1).tag, 2);
}

/* No key outlives its end. */
static void keys_go_with_their_end(void **state)
{
	static const struct kedge_keys none;
	struct kedge_keys k;
	struct kedge_anchor a = { 0 };
	uint32_t generation;

	up();
	srtp(2, CONF_SRTP_REQUIRED);
	offer_to(&t.two);
	answer(&t.two, SECURE_ELSEWHERE, true, 0);
	bridge_drop(&t.b, &t.one);
	k = keys_of(0);
	assert_memory_equal(&k, &none, sizeof(k));
	generation = t.b.anchor.generation;
	anchor_close(&t.b.anchor);
	assert_int_equal(keys_of(1).suite, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_32); /* media may still send */
	seq_read(&segment_session(&t.run, t.b.anchor.slot)->want, &a);
	assert_int_equal(a.generation, generation);
	assert_int_equal(queue_push(&segment_queues(&t.run, 0)->evt, queue_msg(KEDGE_EVT_CLOSED, generation, t.b.anchor.slot)), 0);
	eventfd_write(t.run.priv->sig_eventfd, 1);
	su_root_step(t.root, 100);
	k = keys_of(1);
	assert_memory_equal(&k, &none, sizeof(k));
	k = keys_of(KEDGE_END_INSIDE);
	assert_memory_equal(&k, &none, sizeof(k));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_plain_caller_and_a_trunk_that_requires_it),
		T(an_answer_without_the_right_key_is_none),
		T(optional_takes_what_comes),
		T(what_a_caller_offers),
		T(two_lines_of_audio),
		T(never_the_same_key_twice),
		T(hold_and_resume_keep_their_keys),
		T(a_new_key_of_a_peer_is_between_it_and_kedge),
		T(each_fork_has_its_own),
		T(a_late_offer),
		T(a_late_offer_passed),
		T(a_fax_is_never_encrypted),
		T(the_trunk_names_its_suites),
		T(keys_go_with_their_end),
	};

	return bridge_rig_run(tests);
}
