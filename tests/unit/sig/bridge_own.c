// SPDX-License-Identifier: MIT
/* bridge_own: an answer of kedge's own, by itself: in a codec it can play; a later offer that has none of these changes nothing; a caller that
 * another carrier's answer bound to such a codec hears nothing of kedge's. */
#include "tests/unit/sig/bridge_rig.h"

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

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_refused_offer_changes_nothing),
		T(bound_to_what_cannot_be_played),
	};

	return bridge_rig_run(tests);
}
