// SPDX-License-Identifier: MIT
/* bridge_own: an answer of kedge's own, by itself: in a codec it can play; a later offer that has none of these changes nothing; a caller that
 * another carrier's answer bound to such a codec hears nothing of kedge's. */
#include "tests/unit/sig/bridge/bridge_rig.h"

#define CALLER SDP("192.0.2.10", "4000", "18 0", "")

static int open_with(const char *sdp)
{
	struct bridge_body said = body(sdp);

	return bridge_open(&t.b, 0, 1, &said, NULL);
}

static int again(const char *sdp)
{
	struct bridge_body said = body(sdp);

	return bridge_own_again(&t.b, &said);
}

static void a_refused_offer_changes_nothing(void **state)
{
	assert_int_equal(open_with(CALLER), 0);
	assert_int_equal(bridge_own(&t.b), 0);
	assert_true(bridge_plays(&t.b));
	assert_non_null(strstr(t.b.caller.ours, " RTP/AVP 0\r\n"));
	assert_int_equal(again(SDP("192.0.2.10", "4000", "18", "")), -EPROTO);
	assert_string_equal(t.b.caller.theirs, CALLER);
	assert_non_null(strstr(t.b.caller.ours, " RTP/AVP 0\r\n"));
	assert_true(t.b.bound);
	assert_int_equal(again(SDP("192.0.2.10", "4000", "8", "")), 0);
	assert_string_equal(t.b.caller.theirs, SDP("192.0.2.10", "4000", "8", ""));
	assert_non_null(strstr(t.b.caller.ours, " RTP/AVP 8\r\n"));
	assert_int_equal(end_of(KEDGE_END_INSIDE).audio_pt, 8);
}

static void bound_to_what_cannot_be_played(void **state)
{
	const char *out;

	assert_int_equal(open_with(CALLER), 0);
	assert_int_equal(bridge_outside(&t.b, &t.one, 1, 0, &out), 0);
	answer(&t.one, SDP("10.0.1.1", "5000", "18", ""), false, 0);
	assert_int_equal(bridge_own(&t.b), 0);
	assert_false(bridge_plays(&t.b));
	bridge_forget(&t.b, &t.b.caller);
	assert_null(t.b.caller.ours);
	assert_null(t.b.caller.theirs);
}

/* What was told in the 183 holds behind a failover: the same body, so the same key, though the one who answers has the other law of
 * G.711 and speaks in clear. */
static void the_key_of_the_183_holds(void **state)
{
	static const char *only[] = { "PCMU" };
	struct kedge_keys told = { 0 }, now = { 0 };
	const char *out;
	char ours[1024];

	t.rig->trunk[0].srtp = CONF_SRTP_REQUIRED;
	for (int i = 0; i < 3; i++)
		t.rig->trunk[i].transcode = true;
	t.rig->trunk[2].codecs = (struct conf_strings){ only, 1 };
	assert_int_equal(open_with("v=0\r\no=x 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/SAVP 18 8\r\n"
	                           "a=crypto:7 AES_CM_128_HMAC_SHA1_80 inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n"), 0);
	assert_int_equal(bridge_outside(&t.b, &t.one, 1, 0, &out), 0);
	assert_int_equal(bridge_own(&t.b), 0);
	assert_non_null(strstr(t.b.caller.ours, " RTP/SAVP 8\r\n"));
	assert_non_null(strstr(t.b.caller.ours, "a=crypto:7 AES_CM_128_HMAC_SHA1_80 inline:"));
	assert_true(strlen(t.b.caller.ours) < sizeof(ours));
	strcpy(ours, t.b.caller.ours);
	seq_read(&segment_end(&t.run, t.b.anchor.slot, KEDGE_END_INSIDE)->keys, &told);
	assert_int_equal(told.suite, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80);
	assert_int_equal(bridge_outside(&t.b, &t.two, 1, 0, &out), 0);
	assert_non_null(strstr(out, " RTP/AVP 0\r\n"));
	assert_null(strstr(out, "crypto"));
	assert_string_equal(answer(&t.two, SDP("10.0.1.1", "5000", "0", ""), true, 0), ours);
	seq_read(&segment_end(&t.run, t.b.anchor.slot, KEDGE_END_INSIDE)->keys, &now);
	assert_memory_equal(&now, &told, sizeof(now));
	assert_int_equal(end_of(KEDGE_END_INSIDE).srtp, told.suite);
	assert_int_equal(end_of(t.two.end).srtp, KEDGE_SUITE_NONE);
	assert_int_equal(end_of(t.two.end).laws[1], 1);
	assert_int_equal(live(), t.two.end);
	assert_false(t.b.differs);
}

/* A trunk's calls are recorded; a test call to it is nobody's, and has no number to be found by. */
static void a_test_is_not_recorded(void **state)
{
	struct bridge_body said = body(SDP("10.0.1.1", "5000", "8", ""));
	const char *out = NULL;

	t.rig->trunk[1].record = true;
	assert_int_equal(bridge_test(&t.b, &t.one, 1, 0, &out), 0);
	assert_int_equal(end_of(t.one.end).record, 0);
	assert_int_equal(bridge_test_answered(&t.b, &t.one, &said), 0);
	assert_int_equal(end_of(t.one.end).rtp.port, 5000);
	assert_int_equal(end_of(t.one.end).record, 0);
	assert_int_equal(end_of(t.one.end).listen, 1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_refused_offer_changes_nothing),
		T(bound_to_what_cannot_be_played),
		T(the_key_of_the_183_holds),
		T(a_test_is_not_recorded),
	};

	return bridge_rig_run(tests);
}
