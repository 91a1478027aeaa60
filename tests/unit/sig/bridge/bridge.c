// SPDX-License-Identifier: MIT
/* bridge: what each side is told about media, over attempts and re-INVITEs (A154, A92): the first
 * answer binds, later offers are cut to it, later answers repeat it; media is told of every
 * change; a refusal changes nothing. */
#include "tests/unit/sig/bridge/bridge_rig.h"

static const char CALLER[] =
    SDP("10.0.0.1", "4000", "8 0 101", "a=rtpmap:101 telephone-event/8000\r\n");
static const char PCMU[] = SDP("10.0.1.1", "5000", "0", "");
static const char PCMU_ELSEWHERE[] = SDP("10.0.1.2", "5002", "0", "");

static const char *begin(void)
{
	struct bridge_body said = body(CALLER);
	const char *out;

	assert_int_equal(bridge_open(&t.b, 0, 1, &said, NULL), 0);
	assert_int_equal(bridge_outside(&t.b, &t.one, 1, 0, &out), 0);
	return out;
}

static void the_offer_hides_the_caller(void **state)
{
	const char *offer = begin();

	assert_non_null(strstr(offer, "c=IN IP4 127.0.4.1\r\n"));
	assert_null(strstr(offer, "10.0.0.1"));
	assert_non_null(strstr(offer, "RTP/AVP 8 0 101\r\n"));
	/* before the answer: heard from the hop itself, the caller hears nothing yet */
	assert_int_equal(live(), t.one.end);
	assert_int_equal(end_of(t.one.end).learn[0].bits, 32);
	assert_memory_equal(end_of(t.one.end).learn[0].ip, t.one.peer.ip, 4);
	assert_int_equal(end_of(KEDGE_END_INSIDE).flags, 0);
}

static void the_first_answer_binds(void **state)
{
	const char *first, *offer, *second;
	char kept[1024];

	begin();
	first = answer(&t.one, PCMU, false, 0);
	assert_non_null(strstr(first, "c=IN IP4 127.0.3.1\r\n"));
	assert_non_null(strstr(first, "RTP/AVP 0\r\n"));
	assert_int_equal(end_of(t.one.end).rtp.port, 5000);
	assert_int_equal(end_of(KEDGE_END_INSIDE).rtp.port, 4000);
	assert_int_equal(
	    end_of(KEDGE_END_INSIDE).flags, KEDGE_END_SEND | KEDGE_END_RECV | KEDGE_END_SPEAKS);
	strcpy(kept, first);
	/* the attempt fails; the next offer has only what was answered */
	assert_int_equal(bridge_outside(&t.b, &t.two, 1, 0, &offer), 0);
	assert_non_null(strstr(offer, "RTP/AVP 0\r\n"));
	bridge_drop(&t.b, &t.one);
	second = answer(&t.two, PCMU_ELSEWHERE, true, 0);
	assert_string_equal(second, kept);
	assert_false(t.b.differs);
	assert_int_equal(live(), t.two.end);
	assert_int_equal(end_of(t.two.end).rtp.port, 5002);
}

static void an_answer_that_cannot_stand_is_refused(void **state)
{
	begin();
	answer(&t.one, SDP("10.0.1.1", "5000", "18", ""), true, -EPROTO);
	assert_false(t.b.bound);
	answer(&t.one, SDP("10.0.1.1", "0", "0", ""), true, -EPROTO);
	answer(&t.one, "v=0\r\n", true, -EPROTO);
	answer(&t.one, "", true, -EPROTO); /* a 2xx without any */
	assert_non_null(answer(&t.one, PCMU, true, 0));
	/* bound to PCMU: PCMA from somewhere else does not fit any more */
	assert_int_equal(bridge_outside(&t.b, &t.two, 1, 0, &(const char *){ NULL }), 0);
	answer(&t.two, SDP("10.0.1.2", "5002", "8", ""), true, -EPROTO);
}

static void a_final_may_repeat_or_leave_out_its_sdp(void **state)
{
	char kept[1024];

	begin();
	strcpy(kept, answer(&t.one, PCMU, false, 0));
	assert_string_equal(answer(&t.one, PCMU, true, 0), kept);
	assert_string_equal(answer(&t.one, "", true, 0), kept);
	assert_null(answer(&t.one, "", false, 0));
}

static void a_moved_media_server_moves_media_only(void **state)
{
	uint32_t exchange;
	char kept[1024];

	begin();
	strcpy(kept, answer(&t.one, PCMU, false, 0));
	exchange = end_of(t.one.end).exchange;
	assert_string_equal(answer(&t.one, PCMU_ELSEWHERE, true, 0), kept);
	assert_int_equal(end_of(t.one.end).rtp.port, 5002);
	assert_true(end_of(t.one.end).exchange > exchange);
	assert_false(t.b.differs);
}

static void another_direction_is_told_afterwards(void **state)
{
	const char *out;

	begin();
	assert_non_null(
	    strstr(answer(&t.one, SDP("10.0.1.1", "5000", "0", "a=sendonly\r\n"), false, 0),
	        "a=sendonly"));
	answer(&t.one, PCMU, true, 0);
	assert_true(t.b.differs);
	assert_int_equal(bridge_propose(&t.b, &t.b.caller, &t.one, &out), 0);
	assert_null(strstr(out, "sendonly"));
	assert_non_null(strstr(out, "127.0.3.1"));
}

static void hold_and_resume(void **state)
{
	static const char hold[] = SDP("10.0.0.1", "4000", "0", "a=sendonly\r\n");
	static const char held[] = SDP("10.0.1.1", "5000", "0", "a=recvonly\r\n");
	struct bridge_body said = body(hold), back = body(held);
	char first[1024];
	const char *out;

	begin();
	strcpy(first, answer(&t.one, PCMU, true, 0));
	assert_int_equal(bridge_reoffer(&t.b, &t.b.caller, &t.one, &said, &out), 0);
	assert_non_null(strstr(out, "a=sendonly"));
	assert_false(t.b.held); /* nothing changes before the answer */
	assert_int_equal(bridge_reanswer(&t.b, &t.b.caller, &t.one, &back, &out), 0);
	assert_non_null(strstr(out, "a=recvonly"));
	assert_string_not_equal(out, first);
	assert_true(t.b.held);
	assert_int_equal(end_of(t.one.end).flags, KEDGE_END_SEND);
	assert_int_equal(end_of(KEDGE_END_INSIDE).flags, KEDGE_END_RECV | KEDGE_END_SPEAKS);
	/* the callee resumes */
	said = body(PCMU);
	back = body(CALLER);
	assert_int_equal(bridge_reoffer(&t.b, &t.one, &t.b.caller, &said, &out), 0);
	assert_non_null(strstr(out, "127.0.3.1"));
	assert_int_equal(bridge_reanswer(&t.b, &t.one, &t.b.caller, &back, &out), 0);
	assert_non_null(strstr(out, "127.0.4.1"));
	assert_false(t.b.held);
}

static void a_refused_offer_changes_nothing(void **state)
{
	static const char other[] = SDP("10.0.0.9", "4100", "8", "");
	struct bridge_body said = body(other), bad = body(SDP("10.0.1.1", "5000", "18", ""));
	struct kedge_end before, after;
	const char *out;

	begin();
	answer(&t.one, PCMU, true, 0);
	before = end_of(KEDGE_END_INSIDE);
	assert_int_equal(bridge_reoffer(&t.b, &t.b.caller, &t.one, &said, &out), 0);
	bridge_reject(&t.b);
	after = end_of(KEDGE_END_INSIDE);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_int_equal(bridge_reoffer(&t.b, &t.b.caller, &t.one, &said, &out), 0);
	assert_int_equal(bridge_reanswer(&t.b, &t.b.caller, &t.one, &bad, &out), -EPROTO);
	after = end_of(KEDGE_END_INSIDE);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_null(t.b.pending_ours);
	/* an answer to nothing */
	assert_int_equal(bridge_reanswer(&t.b, &t.b.caller, &t.one, &said, &out), -EPROTO);
}

static void late_offer_passed(void **state)
{
	struct bridge_body none = { 0 }, ack = body(SDP("10.0.0.1", "4000", "8", ""));
	const char *out = "x";

	assert_int_equal(bridge_open(&t.b, 0, 1, &none, NULL), 0);
	assert_int_equal(bridge_outside(&t.b, &t.one, 1, 0, &out), 0);
	assert_null(out);
	assert_null(answer(&t.one, PCMU, false, 0)); /* no offer in an unreliable 1xx */
	out = answer(&t.one, SDP("10.0.1.1", "5000", "0 8", ""), true, 0);
	assert_non_null(strstr(out, "c=IN IP4 127.0.3.1\r\n"));
	assert_non_null(strstr(out, "RTP/AVP 0 8\r\n"));
	assert_int_equal(end_of(KEDGE_END_INSIDE).rtp.family, 0);
	assert_int_equal(bridge_late(&t.b, &t.one, &ack, &out), 0);
	assert_non_null(strstr(out, "c=IN IP4 127.0.4.1\r\n"));
	assert_non_null(strstr(out, "RTP/AVP 8\r\n"));
	assert_int_equal(end_of(KEDGE_END_INSIDE).rtp.port, 4000);
	assert_int_equal(end_of(t.one.end).rtp.port, 5000);
}

static void a_late_offer_needs_its_answer(void **state)
{
	struct bridge_body none = { 0 }, bad = body(SDP("10.0.0.1", "4000", "18", ""));
	const char *out;

	assert_int_equal(bridge_open(&t.b, 0, 1, &none, NULL), 0);
	assert_int_equal(bridge_outside(&t.b, &t.one, 1, 0, &out), 0);
	answer(&t.one, PCMU, true, 0);
	assert_int_equal(bridge_late(&t.b, &t.one, &none, &out), -EPROTO);
	assert_int_equal(bridge_late(&t.b, &t.one, &bad, &out), -EPROTO);
	assert_null(out);
}

static void begin_without_offer(void)
{
	struct bridge_body none = { 0 };

	t.rig->trunk[1].late_offer = t.rig->trunk[2].late_offer = CONF_LATE_INSERT;
	assert_int_equal(bridge_open(&t.b, 0, 1, &none, NULL), 0);
}

static const char *attempt(struct bridge_side *side)
{
	const char *out = NULL;

	assert_int_equal(bridge_outside(&t.b, side, 1, 0, &out), 0);
	return out;
}

static const char *late(struct bridge_side *side, const char *sdp, int want)
{
	struct bridge_body said = body(sdp);
	const char *out = NULL;

	assert_int_equal(bridge_late(&t.b, side, &said, &out), want);
	return out;
}

static void an_offer_is_inserted(void **state)
{
	static const char two[] = SDP("10.0.1.1", "5000", "0 8", "");
	char kept[1024];

	begin_without_offer();
	strcpy(kept, attempt(&t.one));
	assert_non_null(strstr(kept, "c=IN IP4 127.0.4.1\r\n"));
	assert_non_null(strstr(kept, "RTP/AVP 8 0 101\r\n"));
	assert_null(answer(&t.one, two, false, 0)); /* no offer of ours in an unreliable 1xx */
	assert_null(t.b.caller.ours);
	assert_non_null(strstr(answer(&t.one, "", true, 0), "RTP/AVP 0 8\r\n"));
	assert_int_equal(end_of(KEDGE_END_INSIDE).rtp.family, 0);
	assert_null(late(&t.one, SDP("10.0.0.1", "4000", "0 8", ""), 0));
	assert_false(t.b.late || t.b.callee_differs);
	assert_int_equal(end_of(KEDGE_END_INSIDE).rtp.port, 4000);
	assert_int_equal(end_of(t.one.end).rtp.port, 5000);
}

/* It answers with numbers of its own, but sends those it was offered. */
static void an_answer_to_ours_may_number_anew(void **state)
{
	static const char other[] = SDP("10.0.1.1", "5000", "0 96",
	    "a=rtpmap:96 telephone-event/8000\r\na=sendonly\r\n");
	const char *out;

	begin_without_offer();
	attempt(&t.one);
	out = answer(&t.one, other, true, 0);
	assert_non_null(strstr(out, "RTP/AVP 0 101\r\n"));
	assert_non_null(strstr(out, "a=sendonly\r\n"));
	late(&t.one, SDP("10.0.0.1", "4000", "0 101", "a=recvonly\r\na=rtpmap:101 telephone-event/8000\r\n"), 0);
	assert_false(t.b.callee_differs);
	assert_int_equal(end_of(t.one.end).pt[0].inside, 101);
	assert_int_equal(end_of(t.one.end).pt[0].here, 96);
}

static void the_callee_learns_what_the_caller_took(void **state)
{
	struct bridge_body said = body(SDP("10.0.1.1", "5000", "0", "a=sendonly\r\n"));
	const char *out;
	bool differs;

	begin_without_offer();
	attempt(&t.one);
	answer(&t.one, SDP("10.0.1.1", "5000", "0 8", ""), true, 0);
	late(&t.one, SDP("10.0.0.1", "4000", "0", "a=recvonly\r\n"), 0);
	assert_true(t.b.callee_differs);
	assert_false(bridge_usable(&t.b, &t.one));
	assert_int_equal(bridge_propose(&t.b, &t.one, &t.b.caller, &out), 0);
	assert_non_null(strstr(out, "RTP/AVP 0\r\n"));
	assert_non_null(strstr(out, "a=recvonly"));
	assert_int_equal(bridge_proposed(&t.b, &t.one, &t.b.caller, &said, &differs), 0);
	assert_false(differs);
	assert_true(bridge_usable(&t.b, &t.one));
	assert_int_equal(end_of(t.one.end).flags, KEDGE_END_RECV | KEDGE_END_SPEAKS);
}

/* In a 1xx that the caller PRACKs; its branch then fails. */
static void an_offer_once_given_binds(void **state)
{
	struct bridge_body said = body(SDP("10.0.1.1", "5000", "8", ""));
	char given[1024];
	const char *out;

	begin_without_offer();
	attempt(&t.one);
	assert_int_equal(bridge_answer(&t.b, &t.one, &said, BRIDGE_RELIABLE, &out), 0);
	strcpy(given, out);
	assert_non_null(strstr(attempt(&t.two), "RTP/AVP 8\r\n")); /* not PRACKed yet */
	answer(&t.two, SDP("10.0.1.2", "5002", "0", ""), true, -EPROTO);
	assert_string_equal(answer(&t.two, SDP("10.0.1.2", "5002", "8", ""), true, 0), given);
	late(&t.two, SDP("10.0.0.1", "4000", "8", ""), 0);
	assert_true(t.b.settled && !t.b.callee_differs);
	assert_int_equal(end_of(t.two.end).rtp.port, 5002);
	assert_null(answer(&t.two, "", true, 0)); /* it has its offer, and answered it */
}

static void what_was_answered_is_offered_to_the_next(void **state)
{
	struct bridge_body said = body(SDP("10.0.1.1", "5000", "8 0", ""));
	const char *out;

	begin_without_offer();
	attempt(&t.one);
	assert_int_equal(bridge_answer(&t.b, &t.one, &said, BRIDGE_RELIABLE, &out), 0);
	late(&t.one, SDP("10.0.0.1", "4000", "0", ""), 0);
	assert_non_null(strstr(attempt(&t.two), "RTP/AVP 0\r\n"));
	assert_null(answer(&t.two, SDP("10.0.1.2", "5002", "0", ""), true, 0));
	assert_false(t.b.differs || t.b.callee_differs);
	assert_int_equal(end_of(KEDGE_END_INSIDE).rtp.port, 4000);
}

static void the_trunk_says_what_is_offered(void **state)
{
	static const char *g722[] = { "G722", "AMR-WB", "none" }, *alaw[] = { "PCMA" };

	begin_without_offer();
	t.rig->trunk[1].codecs = (struct conf_strings){ g722, 3 };
	t.rig->trunk[0].codecs = (struct conf_strings){ alaw, 1 };
	assert_non_null(strstr(attempt(&t.two), "RTP/AVP 8 101\r\n")); /* as the caller's trunk */
	assert_int_equal(bridge_outside(&t.b, &t.one, 1, 0, &(const char *){ NULL }), -ENODATA);
	t.rig->trunk[0].codecs.count = 0;
	assert_non_null(strstr(attempt(&t.one), "RTP/AVP 9 102 101 96\r\n"));
	assert_non_null(strstr(t.one.ours, "a=rtpmap:102 AMR-WB/16000\r\n"));
	assert_non_null(strstr(t.one.ours, "a=rtpmap:96 telephone-event/16000\r\n"));
}

static void a_refresh_is_known(void **state)
{
	struct bridge_body same = body(PCMU), moved = body(PCMU_ELSEWHERE), none = { 0 };
	struct bridge_body held = body(SDP("10.0.1.1", "5000", "0", "a=inactive\r\n"));
	struct bridge_body other = body(SDP("10.0.1.1", "5000", "8", ""));
	const char *out;
	bool differs;

	begin();
	answer(&t.one, PCMU, true, 0);
	assert_true(bridge_same(&t.b, &t.one, &same));
	assert_false(bridge_same(&t.b, &t.one, &moved) || bridge_same(&t.b, &t.one, &held) ||
	             bridge_same(&t.b, &t.one, &other) || bridge_same(&t.b, &t.one, &none));
	assert_int_equal(bridge_alone(&t.b, &t.one, &t.b.caller, &same, &out, &differs), 0);
	assert_non_null(strstr(out, "RTP/AVP 0\r\n"));
	assert_non_null(strstr(out, "c=IN IP4 127.0.4.1\r\n"));
	assert_false(differs);
}

static void hold_and_resume_alone(void **state)
{
	struct bridge_body hold = body(SDP("10.0.0.1", "4000", "0", "a=sendonly\r\n"));
	struct bridge_body resume = body(CALLER), bad = body(SDP("10.0.0.1", "4000", "18", ""));
	const char *out;
	bool differs;

	begin();
	answer(&t.one, PCMU, true, 0);
	assert_int_equal(bridge_alone(&t.b, &t.b.caller, &t.one, &hold, &out, &differs), 0);
	assert_non_null(strstr(out, "a=recvonly"));
	assert_true(differs && t.b.held);
	assert_int_equal(end_of(KEDGE_END_INSIDE).flags, KEDGE_END_RECV | KEDGE_END_SPEAKS);
	assert_int_equal(bridge_alone(&t.b, &t.b.caller, &t.one, &resume, &out, &differs), 0);
	assert_null(strstr(out, "recvonly"));
	assert_false(differs || t.b.held);
	assert_int_equal(bridge_alone(&t.b, &t.b.caller, &t.one, &bad, &out, &differs), -EPROTO);
	assert_null(out);
	assert_string_equal(t.b.caller.theirs, CALLER);
}

/* The caller holds, the callee agrees; then the caller asks for an offer and takes it all. */
static void an_invite_without_offer_inside(void **state)
{
	struct bridge_body hold = body(SDP("10.0.0.1", "4000", "0", "a=sendonly\r\n"));
	struct bridge_body held = body(SDP("10.0.1.1", "5000", "0", "a=recvonly\r\n"));
	struct bridge_body takes = body(SDP("10.0.0.1", "4002", "0", ""));
	const char *out;
	bool differs;

	begin();
	answer(&t.one, PCMU, true, 0);
	assert_int_equal(bridge_reoffer(&t.b, &t.b.caller, &t.one, &hold, &out), 0);
	assert_int_equal(bridge_reanswer(&t.b, &t.b.caller, &t.one, &held, &out), 0);
	assert_int_equal(bridge_propose(&t.b, &t.b.caller, &t.one, &out), 0);
	assert_null(strstr(out, "only")); /* it hears only because the caller said so */
	assert_int_equal(bridge_proposed(&t.b, &t.b.caller, &t.one, &takes, &differs), 0);
	assert_true(differs); /* the callee has yet to hear of it */
	assert_int_equal(end_of(KEDGE_END_INSIDE).rtp.port, 4002);
	assert_int_equal(bridge_propose(&t.b, &t.one, &t.b.caller, &out), 0);
	assert_null(strstr(out, "only"));
	bridge_reject(&t.b);
	assert_int_equal(bridge_proposed(&t.b, &t.one, &t.b.caller, &takes, &differs), -EPROTO);
}

static void other_parts_by_setting(void **state)
{
	static const char mixed[] = "--x\r\nContent-Type: a/b\r\n\r\nbytes\0\r\n--x\r\nContent-Type: "
	                            "application/sdp\r\n\r\n" SDP("10.0.0.1", "4000", "0", "") "\r\n--x--\r\n";
	struct bridge_body said = {
		.type = "multipart/mixed;boundary=x", .data = mixed, .length = sizeof(mixed) - 1
	};
	struct bridge_body out;
	const char *offer;

	assert_int_equal(bridge_open(&t.b, 0, 1, &said, NULL), 0);
	assert_int_equal(bridge_outside(&t.b, &t.one, 1, 0, &offer), 0);
	out = bridge_envelope(&t.b, &t.one, offer);
	assert_string_equal(out.type, "application/sdp");
	assert_string_equal(out.data, offer);
	t.rig->trunk[1].bodies = CONF_BODIES_PASS;
	out = bridge_envelope(&t.b, &t.one, offer);
	assert_non_null(strstr(out.type, t.b.boundary));
	assert_non_null(strstr(out.data, "m=audio"));
	assert_non_null(memmem(out.data, out.length, "a/b\r\n\r\nbytes\0\r\n--", 17));
	assert_memory_equal(out.data + out.length - 4, "--\r\n", 4);
	assert_int_equal(bridge_envelope(&t.b, &t.one, NULL).length, 0);
}

static void a_line_is_dropped_and_used_again(void **state)
{
	static const char off[] = SDP("10.0.0.1", "0", "8 0", "");
	static const char refused[] = SDP("10.0.1.1", "0", "0", "");
	struct bridge_body said = body(off), back = body(refused), again = body(CALLER), good = body(PCMU);
	const char *out;

	begin();
	answer(&t.one, PCMU, true, 0);
	assert_int_equal(bridge_reoffer(&t.b, &t.b.caller, &t.one, &said, &out), 0);
	assert_non_null(strstr(out, "m=audio 0 "));
	assert_int_equal(bridge_reanswer(&t.b, &t.b.caller, &t.one, &back, &out), 0);
	assert_non_null(strstr(out, "m=audio 0 "));
	assert_int_equal(end_of(t.one.end).flags | end_of(KEDGE_END_INSIDE).flags, 0);
	assert_true(t.b.held);
	/* offered again and refused: both sides know */
	assert_int_equal(bridge_reoffer(&t.b, &t.b.caller, &t.one, &again, &out), 0);
	assert_int_equal(bridge_reanswer(&t.b, &t.b.caller, &t.one, &back, &out), 0);
	assert_non_null(strstr(out, "m=audio 0 "));
	assert_int_equal(bridge_reoffer(&t.b, &t.b.caller, &t.one, &again, &out), 0);
	assert_int_equal(bridge_reanswer(&t.b, &t.b.caller, &t.one, &good, &out), 0);
	assert_int_equal(end_of(t.one.end).rtp.port, 5000);
	assert_int_equal(end_of(t.one.end).flags, KEDGE_END_SEND | KEDGE_END_RECV | KEDGE_END_SPEAKS);
	assert_false(t.b.held);
}

/* Each side by itself: the caller offers it, the trunk of the attempt is asked for it. */
static void mux_on_each_side(void **state)
{
	static const char offer[] = SDP("10.0.0.1", "4000", "0", "a=rtcp-mux\r\n");
	static const char takes[] = SDP("10.0.1.1", "5000", "0", "a=rtcp-mux\r\n");
	struct bridge_body said = body(offer);
	const char *out;

	t.rig->trunk[2].rtcp_mux = CONF_MUX_OFFER;
	assert_int_equal(bridge_open(&t.b, 0, 1, &said, NULL), 0);
	assert_int_equal(bridge_outside(&t.b, &t.one, 1, 0, &out), 0);
	assert_null(strstr(out, "rtcp-mux"));
	assert_non_null(strstr(answer(&t.one, takes, false, 0), "a=rtcp-mux\r\n"));
	assert_true(end_of(KEDGE_END_INSIDE).flags & KEDGE_END_RTCP_MUX);
	assert_false(end_of(t.one.end).flags & KEDGE_END_RTCP_MUX); /* nobody asked it */
	assert_int_equal(bridge_outside(&t.b, &t.two, 1, 0, &out), 0);
	assert_non_null(strstr(out, "a=rtcp-mux\r\n"));
	answer(&t.two, takes, true, 0);
	assert_true(end_of(t.two.end).flags & KEDGE_END_RTCP_MUX);
	assert_int_equal(end_of(t.two.end).rtcp.port, 5000);
	t.b.bound = false; /* another call, with a caller whose trunk does not take it */
	t.rig->trunk[0].rtcp_mux = CONF_MUX_NO;
	assert_null(strstr(answer(&t.two, PCMU, true, 0), "rtcp-mux"));
	assert_false(end_of(KEDGE_END_INSIDE).flags & KEDGE_END_RTCP_MUX);
}

static void a_fax_is_relayed_as_it_is(void **state)
{
	static const char fax[] = "v=0\r\no=x 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n"
	                          "m=image 4002 udptl t38\r\n";
	struct bridge_body said = body(fax), audio = body(CALLER), back = body(PCMU);
	const char *out;

	begin();
	answer(&t.one, PCMU, true, 0);
	assert_int_equal(bridge_reoffer(&t.b, &t.b.caller, &t.one, &said, &out), 0);
	assert_non_null(strstr(out, "m=image"));
	assert_int_equal(bridge_reanswer(&t.b, &t.b.caller, &t.one, &said, &out), 0);
	assert_int_equal(end_of(KEDGE_END_INSIDE).flags, KEDGE_END_SEND | KEDGE_END_RECV | KEDGE_END_PLAIN);
	assert_int_equal(end_of(t.one.end).flags, KEDGE_END_SEND | KEDGE_END_RECV | KEDGE_END_PLAIN);
	assert_int_equal(end_of(t.one.end).rtcp.family, 0);
	assert_string_equal(t.b.codec, "T38");
	assert_int_equal(bridge_reoffer(&t.b, &t.b.caller, &t.one, &audio, &out), 0);
	assert_int_equal(bridge_reanswer(&t.b, &t.b.caller, &t.one, &back, &out), 0);
	assert_int_equal(end_of(t.one.end).flags, KEDGE_END_SEND | KEDGE_END_RECV | KEDGE_END_SPEAKS);
	t.rig->trunk[1].t38 = false;
	assert_int_equal(bridge_status(bridge_reoffer(&t.b, &t.b.caller, &t.one, &said, &out)), 488);
}

static void no_call_without_its_anchor(void **state)
{
	struct bridge_body video =
	    body("v=0\r\no=x 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n"
	         "m=video 4000 RTP/AVP 96\r\n");
	struct bridge_body text = { .type = "text/plain", .data = "x", .length = 1 };
	struct bridge_body junk = body("junk");
	struct bridge_body good = body(CALLER);
	uint64_t msg;

	assert_int_equal(bridge_status(bridge_open(&t.b, 0, 1, &video, NULL)), 488);
	assert_int_equal(bridge_status(bridge_open(&t.b, 0, 1, &text, NULL)), 415);
	assert_int_equal(bridge_status(bridge_open(&t.b, 0, 1, &junk, NULL)), 400);
	assert_int_equal(bridge_status(bridge_open(&t.b, 9, 1, &good, NULL)), 503);
	assert_int_equal(anchor_free_slots(), 2);
	while (queue_pop(segment_free(&t.run, 0, 1), &msg) == 0)
		;
	assert_int_equal(bridge_open(&t.b, 0, 1, &good, NULL), 0);
	assert_int_equal(
	    bridge_status(bridge_outside(&t.b, &t.one, 1, 0, &(const char *){ NULL })), 503);
	assert_int_equal(t.one.end, KEDGE_LIVE_NONE);
}

/* An answer may number a codec anew (RFC 3264 6.1). The caller keeps the number of the first
 * answer; media pairs it with that of a later callee. */
static void types_are_paired(void **state)
{
	static const char offer[] = SDP("10.0.0.1", "4000", "96 101",
	    "a=rtpmap:96 opus/48000/2\r\na=rtpmap:101 telephone-event/48000\r\n");
	struct bridge_body said = body(offer);
	const char *out;

	assert_int_equal(bridge_open(&t.b, 0, 1, &said, NULL), 0);
	assert_int_equal(bridge_outside(&t.b, &t.one, 1, 0, &out), 0);
	answer(&t.one, SDP("10.0.1.1", "5000", "96", "a=rtpmap:96 opus/48000/2\r\n"), false, 0);
	assert_int_equal(end_of(t.one.end).clock_rate, 48000);
	assert_int_equal(end_of(t.one.end).pt[0].inside, 0xff);
	assert_int_equal(bridge_outside(&t.b, &t.two, 1, 0, &out), 0);
	out = answer(
	    &t.two, SDP("10.0.1.2", "5002", "107", "a=rtpmap:107 opus/48000/2\r\n"), true, 0);
	assert_non_null(strstr(out, "RTP/AVP 96\r\n"));
	assert_int_equal(end_of(t.two.end).pt[0].inside, 96);
	assert_int_equal(end_of(t.two.end).pt[0].here, 107);
}

static void strict_trunks_teach_nothing(void **state)
{
	t.rig->trunk[1].latch = CONF_LATCH_STRICT;
	begin();
	answer(&t.one, PCMU, true, 0);
	assert_int_equal(end_of(t.one.end).latch, KEDGE_LATCH_STRICT);
	assert_int_equal(end_of(t.one.end).learn[0].family, 0);
	assert_int_equal(end_of(KEDGE_END_INSIDE).latch, KEDGE_LATCH_GUARDED);
	assert_int_equal(end_of(KEDGE_END_INSIDE).learn[0].bits, 24);
	assert_int_equal(end_of(KEDGE_END_INSIDE).learn[1].bits, 32);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(the_offer_hides_the_caller),
		T(the_first_answer_binds),
		T(an_answer_that_cannot_stand_is_refused),
		T(a_final_may_repeat_or_leave_out_its_sdp),
		T(a_moved_media_server_moves_media_only),
		T(another_direction_is_told_afterwards),
		T(hold_and_resume),
		T(a_refused_offer_changes_nothing),
		T(late_offer_passed),
		T(a_late_offer_needs_its_answer),
		T(an_offer_is_inserted),
		T(an_answer_to_ours_may_number_anew),
		T(the_callee_learns_what_the_caller_took),
		T(an_offer_once_given_binds),
		T(what_was_answered_is_offered_to_the_next),
		T(the_trunk_says_what_is_offered),
		T(a_refresh_is_known),
		T(hold_and_resume_alone),
		T(an_invite_without_offer_inside),
		T(other_parts_by_setting),
		T(a_line_is_dropped_and_used_again),
		T(mux_on_each_side),
		T(a_fax_is_relayed_as_it_is),
		T(no_call_without_its_anchor),
		T(types_are_paired),
		T(strict_trunks_teach_nothing),
	};
	return bridge_rig_run(tests);
}
