// SPDX-License-Identifier: MIT
/* bridge_video: the second line of a call's bodies and its anchor: who is offered it, whose numbers and keys it has, when it ends, what it never costs. */
#include "tests/unit/sig/bridge/bridge_rig.h"

#include <stdio.h>

#include "sig/offer/crypto.h"

#define KEY(tag, c) "a=crypto:" tag " AES_CM_128_HMAC_SHA1_80 inline:" c c c c c c c c c c "\r\n"
#define BODY(proto, ip, port, keys, video)                                                                                    \
	"v=0\r\no=x 1 1 IN IP4 " ip "\r\ns=-\r\nc=IN IP4 " ip "\r\nt=0 0\r\nm=audio " port " " proto " 0\r\n" keys video
#define H264(proto, port, pt, more) "m=video " port " " proto " " pt "\r\na=rtpmap:" pt " H264/90000\r\n" more

static const char CALLER[] = BODY("RTP/AVP", "10.0.0.1", "4000", "", H264("RTP/AVP", "4002", "97", "a=fmtp:97 packetization-mode=1\r\n"));
static const char BOTH[] = BODY("RTP/AVP", "10.0.1.1", "5000", "", H264("RTP/AVP", "5002", "97", ""));
static const char RENUMBERED[] = BODY("RTP/AVP", "10.0.1.1", "5000", "", H264("RTP/AVP", "5002", "99", ""));
static const char AUDIO[] = BODY("RTP/AVP", "10.0.1.2", "6000", "", "m=video 0 RTP/AVP 97\r\n");
static const char OTHER[] = BODY("RTP/AVP", "10.0.1.2", "6000", "", H264("RTP/AVP", "6002", "97", ""));
static const char SECURE[] = BODY("RTP/SAVP", "10.0.1.1", "5000", KEY("1", "BBBB"), H264("RTP/SAVP", "5002", "97", KEY("1", "CCCC")));
static const char HALF[] = BODY("RTP/SAVP", "10.0.1.1", "5000", KEY("1", "BBBB"), H264("RTP/SAVP", "5002", "97", ""));

static int setup_video(void **state)
{
	setup(state);
	t.rig->conf.limits.max_video = 1;
	for (int i = 0; i < 3; i++)
		t.rig->trunk[i].video = t.rig->trunk[i].avpf = true;
	return 0;
}

static int teardown_video(void **state)
{
	if (t.b.anchor.open)
		bridge_close(&t.b);
	return teardown(state);
}

static struct kedge_end video_end(unsigned end)
{
	struct kedge_end e = { 0 };

	seq_read(&segment_end(&t.run, t.b.video.slot, end)->want, &e);
	return e;
}

static uint8_t video_live(void)
{
	struct kedge_anchor a = { 0 };

	seq_read(&segment_session(&t.run, t.b.video.slot)->want, &a);
	return a.live;
}

/* The port of a body's video line. */
__attribute__((noinline)) static int port_in(const char *text)
{
	const char *at = text ? strstr(text, "m=video ") : NULL;

	return at ? atoi(at + 8) : -1;
}

static const char *open_and_offer(void)
{
	struct bridge_body said = body(CALLER);
	const char *out = NULL;

	assert_int_equal(bridge_open(&t.b, 0, 1, &said, NULL), 0);
	assert_int_equal(bridge_outside(&t.b, &t.one, 1, 0, &out), 0);
	return out;
}

static const char *offer_two(void)
{
	const char *out = NULL;

	assert_int_equal(bridge_outside(&t.b, &t.two, 1, 0, &out), 0);
	return out;
}

static void both_lines_pass(void **state)
{
	const char *out = open_and_offer();
	uint8_t end = t.one.video_end;

	assert_int_equal(port_in(out), t.b.video.local[1 + end].port);
	assert_non_null(strstr(out, "a=fmtp:97 packetization-mode=1\r\n"));
	assert_int_equal(video_end(end).flags, KEDGE_END_VIDEO | KEDGE_END_RECV); /* what comes before the answer */
	out = answer(&t.one, BOTH, true, 0);
	assert_int_equal(port_in(out), t.b.video.local[0].port);
	assert_int_equal(video_end(end).flags, KEDGE_END_VIDEO | KEDGE_END_RECV | KEDGE_END_SEND);
	assert_int_equal(video_end(end).rtp.port, 5002);
	assert_int_equal(video_end(end).hop, KEDGE_HOP_NONE);
	assert_int_equal(video_end(end).clock_rate, 90000);
	assert_int_equal(video_end(KEDGE_END_INSIDE).rtp.port, 4002);
	assert_int_equal(video_live(), end);
	assert_string_equal(t.b.video_codec, "H264");
	bridge_close(&t.b);
	assert_false(t.b.video.open || t.b.anchor.open);
}

static void numbers_are_paired(void **state)
{
	open_and_offer();
	assert_non_null(strstr(answer(&t.one, RENUMBERED, true, 0), " RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\n"));
	assert_int_equal(video_end(t.one.video_end).pt[0].inside, 97);
	assert_int_equal(video_end(t.one.video_end).pt[0].here, 99);
}

/* The trunk's keys are of each line; the caller, in clear, hears of none. */
static void keys_of_its_own(void **state)
{
	struct kedge_keys k = { 0 };
	const char *out, *at;
	unsigned keys = 0;

	t.rig->trunk[1].srtp = CONF_SRTP_REQUIRED;
	out = open_and_offer();
	assert_non_null(strstr(out, " RTP/SAVP 97\r\n"));
	for (at = out; (at = strstr(at, "inline:")); at++, keys++) {
		char one[20] = "";

		memcpy(one, at, 19);
		assert_null(strstr(at + 1, one));
	}
	assert_int_equal(keys, 8);
	assert_int_not_equal(video_end(t.one.video_end).srtp, KEDGE_SUITE_NONE);
	out = answer(&t.one, SECURE, true, 0);
	assert_null(strstr(out, "crypto"));
	assert_null(strstr(out, "SAVP"));
	assert_int_equal(port_in(out), t.b.video.local[0].port);
	seq_read(&segment_end(&t.run, t.b.video.slot, t.one.video_end)->keys, &k);
	assert_int_equal(k.suite, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80);
	assert_memory_equal(k.rx, "\x08\x20\x82", 3); /* CCCC */
	assert_int_equal(video_end(t.one.video_end).srtp, k.suite);
	assert_int_equal(video_end(KEDGE_END_INSIDE).srtp, KEDGE_SUITE_NONE);
}

/* A picture without the key it must have is refused; the call is up. */
static void a_key_that_is_missing(void **state)
{
	t.rig->trunk[1].srtp = CONF_SRTP_REQUIRED;
	open_and_offer();
	assert_int_equal(port_in(answer(&t.one, HALF, true, 0)), 0);
	assert_false(t.b.video.open);
	assert_int_equal(end_of(t.one.end).srtp, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80);
}

static void another_carrier_keeps_the_port(void **state)
{
	const char *first;
	int inside;

	open_and_offer();
	inside = port_in(answer(&t.one, BOTH, false, 0));
	assert_int_equal(inside, t.b.video.local[0].port);
	bridge_drop(&t.b, &t.one);
	first = offer_two();
	assert_int_equal(port_in(first), t.b.video.local[1 + t.two.video_end].port);
	assert_int_equal(video_live(), t.two.video_end);
	assert_int_equal(port_in(answer(&t.two, OTHER, true, 0)), inside);
	assert_false(t.b.differs);
	assert_int_equal(video_end(t.two.video_end).rtp.port, 6002);
}

/* The caller was told of a picture that the carrier which took the call has not: it is told, and the anchor goes. */
static void another_carrier_has_none(void **state)
{
	const char *out = NULL;
	struct bridge_body said = body(BODY("RTP/AVP", "10.0.0.1", "4000", "", "m=video 0 RTP/AVP 97\r\n"));
	bool differs;

	open_and_offer();
	answer(&t.one, BOTH, false, 0);
	offer_two();
	answer(&t.two, AUDIO, true, 0);
	assert_true(t.b.differs);
	assert_int_equal(video_live(), KEDGE_LIVE_NONE);
	assert_true(t.b.video.open);
	assert_int_equal(bridge_propose(&t.b, &t.b.caller, &t.two, &out), 0);
	assert_int_equal(port_in(out), 0);
	assert_int_equal(bridge_proposed(&t.b, &t.b.caller, &t.two, &said, &differs), 0);
	assert_false(differs);
	assert_false(t.b.video.open);
}

/* What the caller was answered holds: the next carrier is not asked for a picture that nobody could take. */
static void none_behind_an_answer_without(void **state)
{
	open_and_offer();
	assert_int_equal(port_in(answer(&t.one, AUDIO, false, 0)), 0);
	assert_false(t.b.video.open);
	assert_int_equal(port_in(offer_two()), 0);
	assert_false(t.b.video.open);
}

static void what_is_not_to_be_had(void **state)
{
	uint32_t port;

	t.rig->trunk[1].video = false;
	assert_int_equal(port_in(open_and_offer()), 0);
	assert_false(t.b.video.open);
	t.rig->conf.limits.max_video = 0;
	assert_int_equal(port_in(offer_two()), 0);
	t.rig->conf.limits.max_video = 1;
	bridge_drop(&t.b, &t.two);
	while (queue_count(segment_free(&t.run, 0, 1)) > 1)
		assert_int_equal(queue_pop(segment_free(&t.run, 0, 1), (uint64_t[1]){ 0 }), 0);
	port = queue_count(segment_free(&t.run, 0, 1));
	assert_int_equal(port, 1);
	assert_int_equal(port_in(offer_two()), 0); /* the audio took the last one */
	assert_int_equal(port_in(answer(&t.two, AUDIO, true, 0)), 0);
	assert_false(t.b.video.open);
}

/* late_offer = pass: the carrier's offer has a picture, and the caller's answer in its ACK takes it. */
static void offered_by_the_carrier(void **state)
{
	struct bridge_body none = { 0 }, said = body(CALLER);
	const char *out = NULL;
	int offered;

	assert_int_equal(bridge_open(&t.b, 0, 1, &none, NULL), 0);
	assert_int_equal(bridge_outside(&t.b, &t.one, 1, 0, &out), 0);
	assert_null(out);
	offered = port_in(answer(&t.one, BOTH, true, 0));
	assert_int_equal(offered, t.b.video.local[0].port);
	assert_int_equal(bridge_late(&t.b, &t.one, &said, &out), 0);
	assert_int_equal(port_in(out), t.b.video.local[1 + t.one.video_end].port);
	assert_int_equal(video_live(), t.one.video_end);
	assert_int_equal(video_end(t.one.video_end).rtp.port, 5002);
	assert_int_equal(video_end(KEDGE_END_INSIDE).rtp.port, 4002);
}

/* A picture that was asked for in vain leaves nothing behind. */
static void a_reoffer_refused(void **state)
{
	struct bridge_body said = body(BODY("RTP/AVP", "10.0.0.1", "4000", "", "")), more = body(CALLER);
	const char *out = NULL;

	assert_int_equal(bridge_open(&t.b, 0, 1, &said, NULL), 0);
	assert_int_equal(bridge_outside(&t.b, &t.one, 1, 0, &out), 0);
	answer(&t.one, BODY("RTP/AVP", "10.0.1.1", "5000", "", ""), true, 0);
	assert_false(t.b.video.open);
	assert_int_equal(bridge_reoffer(&t.b, &t.b.caller, &t.one, &more, &out), 0);
	assert_true(port_in(out) > 0 && t.b.video.open);
	bridge_reject(&t.b);
	assert_false(t.b.video.open);
}

/* Media is done with the picture's slot: there is but one. */
static void slot_is_free(void)
{
	struct kedge_anchor a = { 0 };

	seq_read(&segment_session(&t.run, t.b.video.slot)->want, &a);
	assert_int_equal(queue_push(&segment_queues(&t.run, 0)->evt, queue_msg(KEDGE_EVT_CLOSED, a.generation, t.b.video.slot)), 0);
	assert_int_equal(write(t.run.priv->sig_eventfd, &(uint64_t){ 1 }, 8), 8);
	su_root_step(t.root, 100);
	assert_int_equal(anchor_free_slots(), 1);
}

/* Two attempts were offered a picture; the second one's answer had none, and its anchor went; then the first answered with one after all. The caller
 * is asked for it, and the first is told where it goes now: what it was told is a port of nobody, or of another call. */
static void a_late_answer_names_a_port_that_is_gone(void **state)
{
	struct bridge_body takes = body(CALLER), again = body(BOTH);
	const char *out = NULL;
	uint32_t before;
	bool differs;

	open_and_offer();
	offer_two();
	assert_int_equal(port_in(answer(&t.two, AUDIO, false, 0)), 0);
	assert_false(t.b.video.open);
	slot_is_free();
	before = t.one.video_of;
	answer(&t.one, BOTH, true, 0);
	assert_true(t.b.differs);
	assert_int_equal(bridge_propose(&t.b, &t.b.caller, &t.one, &out), 0);
	assert_int_equal(port_in(out), t.b.video.local[0].port);
	assert_int_equal(bridge_proposed(&t.b, &t.b.caller, &t.one, &takes, &differs), 0);
	assert_int_equal(video_live(), KEDGE_LIVE_NONE);
	assert_true(differs);
	assert_int_equal(bridge_propose(&t.b, &t.one, &t.b.caller, &out), 0);
	assert_int_not_equal(t.one.video_of, before);
	assert_int_equal(port_in(out), t.b.video.local[1 + t.one.video_end].port);
	assert_int_equal(bridge_proposed(&t.b, &t.one, &t.b.caller, &again, &differs), 0);
	assert_false(differs);
	assert_int_equal(video_live(), t.one.video_end);
}

/* What an attempt had that is over is the next one's. */
static void an_end_given_back(void **state)
{
	open_and_offer();
	bridge_drop(&t.b, &t.one);
	assert_int_equal(t.b.video.used, 1); /* it was live */
	offer_two();
	bridge_drop(&t.b, &t.one);
	assert_int_equal(t.b.video.used, 1u << t.two.video_end);
	assert_int_equal(t.one.video_of, 0);
}

/* A caller that takes forks may be answered otherwise by the next attempt, until one has the call. */
static void forks_end_with_the_answer(void **state)
{
	t.b.forks = true;
	open_and_offer();
	answer(&t.one, AUDIO, false, 0);
	assert_true(t.b.video.open);
	answer(&t.one, AUDIO, true, 0);
	assert_false(t.b.video.open);
}

/* A picture beside audio that cannot be passed on is asked of nobody, and takes no slot. */
static void a_reoffer_that_cannot_be_written(void **state)
{
	struct bridge_body said = body(BODY("RTP/AVP", "10.0.0.1", "4000", "", "")),
			   more = body(BODY("RTP/AVP", "10.0.0.1", "4000", "c=IN IP4 224.0.0.1\r\n", H264("RTP/AVP", "4002", "97", "")));
	const char *out = NULL;

	assert_int_equal(bridge_open(&t.b, 0, 1, &said, NULL), 0);
	assert_int_equal(bridge_outside(&t.b, &t.one, 1, 0, &out), 0);
	answer(&t.one, BODY("RTP/AVP", "10.0.1.1", "5000", "", ""), true, 0);
	assert_int_equal(bridge_reoffer(&t.b, &t.b.caller, &t.one, &more, &out), -ENODATA);
	assert_false(t.b.video.open);
}

/* The caller's trunk must have keys, and its picture has none: it will be refused, so nobody is asked for one. */
static void a_picture_in_clear_beside_keys(void **state)
{
	struct bridge_body said = body(BODY("RTP/SAVP", "10.0.0.1", "4000", KEY("1", "BBBB"), H264("RTP/AVP", "4002", "97", "")));
	const char *out = NULL;

	t.rig->trunk[0].srtp = CONF_SRTP_REQUIRED;
	assert_int_equal(bridge_open(&t.b, 0, 1, &said, NULL), 0);
	assert_int_equal(bridge_outside(&t.b, &t.one, 1, 0, &out), 0);
	assert_int_equal(port_in(out), 0);
	assert_false(t.b.video.open);
}

/* A trunk that must have keys, and its answer without a picture: its end of the caller's picture is not in clear meanwhile. */
static void an_end_without_its_line(void **state)
{
	t.rig->trunk[1].srtp = CONF_SRTP_REQUIRED;
	open_and_offer();
	offer_two();
	answer(&t.two, OTHER, false, 0);
	answer(&t.one, BODY("RTP/SAVP", "10.0.1.1", "5000", KEY("1", "BBBB"), "m=video 0 RTP/SAVP 97\r\n"), true, 0);
	assert_true(t.b.differs && t.b.video.open);
	assert_int_equal(video_live(), KEDGE_LIVE_NONE);
	assert_int_equal(video_end(t.one.video_end).flags, KEDGE_END_VIDEO);
	assert_int_not_equal(video_end(t.one.video_end).srtp, KEDGE_SUITE_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(x) cmocka_unit_test_setup_teardown(x, setup_video, teardown_video)
		TEST(both_lines_pass),
		TEST(numbers_are_paired),
		TEST(keys_of_its_own),
		TEST(a_key_that_is_missing),
		TEST(another_carrier_keeps_the_port),
		TEST(another_carrier_has_none),
		TEST(none_behind_an_answer_without),
		TEST(what_is_not_to_be_had),
		TEST(offered_by_the_carrier),
		TEST(a_reoffer_refused),
		TEST(a_late_answer_names_a_port_that_is_gone),
		TEST(an_end_given_back),
		TEST(forks_end_with_the_answer),
		TEST(a_reoffer_that_cannot_be_written),
		TEST(a_picture_in_clear_beside_keys),
		TEST(an_end_without_its_line),
	};

	return bridge_rig_run(tests);
}
