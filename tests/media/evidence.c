// SPDX-License-Identifier: MIT
/* What the media plane says of streams that are lossy, late, one-way or silent on purpose (A91 A99 A105): this process plays supervisor,
 * signaling and both ends of a call, and knows what it left out and how late it was. Every test runs over both backends. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/clock.h"
#include "media/rtp.h"
#include "tests/harness/plane.h"

#define FRAME 160
#define MS    CLOCK_NS_PER_MS
#define WORD(w) atomic_load_explicit(&(w), memory_order_relaxed)

static const char *backend;
static struct plane plane;
static bool plane_is_open;

struct party {
	int rtp, rtcp;
	struct sockaddr_storage local, to, rtcp_to;
	struct rtp next;
	uint32_t sent;
};

static struct call {
	struct plane_anchor a;
	struct party in, out;
} call;

static const struct kedge_stats *stats(void)
{
	return segment_stats(&plane.seg, 0);
}

static struct kedge_hop_media *hop(void)
{
	return &segment_hop(&plane.seg, 2)->media[0];
}

static void party_open(struct party *x, const char *ip, uint32_t ssrc)
{
	socklen_t len = sizeof(x->local);
	struct sockaddr_in *sa = (struct sockaddr_in *)&x->local;

	*x = (struct party){ .next = { .ssrc = ssrc, .sequence = 65400, .timestamp = 77 } };
	do { /* RTCP comes from the next port */
		x->rtp = plane_socket(ip);
		assert_int_equal(getsockname(x->rtp, (struct sockaddr *)&x->local, &len), 0);
		x->rtcp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		sa->sin_port = htons((uint16_t)(ntohs(sa->sin_port) + 1));
		if (bind(x->rtcp, (struct sockaddr *)sa, sizeof(*sa)) == 0)
			break;
		close(x->rtp);
		close(x->rtcp);
	} while (true);
	sa->sin_port = htons((uint16_t)(ntohs(sa->sin_port) - 1));
}

static void aim(struct party *x, uint8_t place)
{
	struct sockaddr_in *sa = (struct sockaddr_in *)&x->rtcp_to;

	plane_local(&plane, &call.a, place, &x->to);
	x->rtcp_to = x->to;
	sa->sin_port = htons((uint16_t)(ntohs(sa->sin_port) + 1));
}

static void start_at(enum kedge_codec codec, unsigned time_scale)
{
	struct plane_options o = { .workers = 1, .slots = 4, .hops = 4, .pairs = 8, .nets = { "127.0.3.1", "127.0.4.1" }, .backend = backend,
		.media = "media_dead = \"3s\";", .time_scale = time_scale };

	assert_int_equal(plane_open(&plane, &o), 0);
	plane_is_open = true;
	assert_int_equal(plane_start(&plane), 0);
	party_open(&call.in, "127.0.1.1", 0x11111111);
	party_open(&call.out, "127.0.2.1", 0x22222222);
	plane_anchor(&plane, &call.a, 0, 0);
	assert_int_equal(plane_end(&plane, &call.a, KEDGE_END_INSIDE, 0, (struct sockaddr *)&call.in.local), 0);
	assert_int_equal(plane_end(&plane, &call.a, 0, 1, (struct sockaddr *)&call.out.local), 0);
	call.a.out[0].hop = 2;
	call.a.out[0].codec = codec;
	plane_write(&plane, &call.a, 0);
	aim(&call.in, KEDGE_END_INSIDE);
	aim(&call.out, 0);
	call.a.want.live = 0;
	plane_commit(&plane, &call.a);
	assert_int_equal(plane_wait_done(&plane, &call.a, KEDGE_DONE_OPEN, 2000), 0);
}

/* media_dead is 300 ms. */
static void start(enum kedge_codec codec)
{
	start_at(codec, 10);
}

static void stop(void)
{
	call.a.want.state = KEDGE_SLOT_CLOSED;
	plane_commit(&plane, &call.a);
	assert_int_equal(plane_wait_done(&plane, &call.a, KEDGE_DONE_CLOSED, 2000), 0);
	close(call.in.rtp), close(call.in.rtcp), close(call.out.rtp), close(call.out.rtcp);
	plane_is_open = false;
	assert_int_equal(plane_close(&plane), 0);
}

static int clean_up(void **state)
{
	if (plane_is_open)
		plane_close(&plane);
	plane_is_open = false;
	return 0;
}

/* ---- what the ends send ----------------------------------------------------------------------- */

static void drain(struct party *x)
{
	uint8_t data[2048];

	while (recv(x->rtp, data, sizeof(data), MSG_DONTWAIT) > 0)
		;
	while (recv(x->rtcp, data, sizeof(data), MSG_DONTWAIT) > 0)
		;
}

static void put(struct party *x, const struct rtp *h)
{
	uint8_t data[RTP_HEADER + FRAME] = { 0x80 };

	rtp_write(data, h);
	assert_int_equal(sendto(x->rtp, data, sizeof(data), 0, (struct sockaddr *)&x->to, sizeof(struct sockaddr_in)), sizeof(data));
}

static void jump(struct party *x, uint32_t packets)
{
	x->next.sequence = (uint16_t)(x->next.sequence + packets);
	x->next.timestamp += packets * FRAME;
}

static void say(struct party *x, uint8_t type, bool marker)
{
	x->next.payload_type = type;
	x->next.marker = marker;
	put(x, &x->next);
	jump(x, 1);
	x->sent++;
}

static void wait_ms(unsigned ms)
{
	usleep(ms * 1000);
	drain(&call.in);
	drain(&call.out);
}

/* The inside end speaks for so long; the other one too, or not. */
static void talk(unsigned ms, bool both)
{
	for (unsigned i = 0; i < ms; i += 20) {
		say(&call.in, 0, false);
		if (both)
			say(&call.out, 0, false);
		wait_ms(20);
	}
}

/* claims: so many packets it says it sent. answers: the SR it answers, and how long ago it came (1/65536 s). */
static void send_sr(struct party *x, uint32_t claims, uint32_t lsr, uint32_t dlsr)
{
	uint8_t p[52] = { 0x80, RTCP_SR, 0, 6 };
	size_t n = 28;

	rtp_set32(p + 4, x->next.ssrc);
	rtp_set32(p + 8, 0xe0001234);
	rtp_set32(p + 12, 0x56780000);
	rtp_set32(p + 16, x->next.timestamp);
	rtp_set32(p + 20, claims);
	if (lsr) {
		p[0]++;
		p[3] = 12;
		n = 52;
		rtp_set32(p + 28, call.a.want.ssrc);
		rtp_set32(p + 44, lsr);
		rtp_set32(p + 48, dlsr);
	}
	assert_int_equal(sendto(x->rtcp, p, n, 0, (struct sockaddr *)&x->rtcp_to, sizeof(struct sockaddr_in)), n);
}

static bool told(enum kedge_evt evt, unsigned ms)
{
	return plane_event(&plane, evt, 0, ms) == 0;
}

/* ---- loss, jitter, order ----------------------------------------------------------------------- */

/* The stage: 8 % of the packets from outside are left out, every other one is held back by 60 ms, so that they overtake each other. */
enum { PACKETS = 500 };

static uint64_t due_ms(unsigned i)
{
	return 20ull * i + (i % 2) * 60;
}

static bool is_lost(unsigned i)
{
	return i % 25 == 7 || i % 25 == 18;
}

static void injected_is_measured(void **state)
{
	struct { uint64_t at_ns; unsigned number; bool sent; } p[PACKETS] = { 0 };
	double d_sum = 0, transit_before = 0;
	unsigned lost = 0, came = 0;
	uint64_t begin, measured, ll;

	start_at(KEDGE_CODEC_PCMU, 1);
	begin = clock_mono_ns();
	for (unsigned left = PACKETS; left;) {
		for (unsigned i = 0; i < PACKETS; i++) {
			struct rtp h = { .ssrc = 9, .sequence = (uint16_t)(65300 + i), .timestamp = i * FRAME };
			double transit;

			if (p[i].sent || clock_mono_ns() < begin + due_ms(i) * MS)
				continue;
			p[i].sent = true;
			left--;
			if (is_lost(i)) {
				lost++;
				continue;
			}
			put(&call.out, &h);
			transit = (double)(clock_mono_ns() - begin) / 1e6 - i * 20.0;
			if (came++)
				d_sum += transit > transit_before ? transit - transit_before : transit_before - transit;
			transit_before = transit;
		}
		wait_ms(2);
	}
	wait_ms(600); /* a look at the session */
	ll = WORD(stats()->flow[1].lost_late);
	measured = WORD(stats()->jitter_mean_us[1]);
	assert_int_equal(WORD(stats()->flow[1].packets), came);
	assert_int_equal(ll >> 32, lost);
	assert_int_equal(lost * 100 / PACKETS, 8);
	assert_true((ll & 0xffffffff) > PACKETS / 3); /* overtaken */
	if (measured < d_sum / (came - 1) * 950 || measured > d_sum / (came - 1) * 1050)
		fail_msg("injected %.1f ms of jitter, measured %.1f", d_sum / (came - 1), (double)measured / 1000);
	assert_in_range(measured, 40000, 70000);
	assert_int_equal(WORD(hop()->lost), lost);
	assert_int_equal(WORD(hop()->packets), came);
	stop();
}

/* ---- silence ------------------------------------------------------------------------------------ */

static void mute_while_spoken_to(void **state)
{
	start(KEDGE_CODEC_PCMU);
	talk(800, false);
	assert_true(told(KEDGE_EVT_ONE_WAY, 1000));
	assert_int_equal(WORD(stats()->told[1]), KEDGE_TOLD_SILENT | KEDGE_TOLD_ONE_WAY | KEDGE_TOLD_NEVER | KEDGE_TOLD_UNHEARD);
	assert_int_equal(WORD(hop()->one_way), 1);
	assert_true(WORD(stats()->flow[1].max_gap_ns) > 300 * MS);
	talk(400, false);
	assert_false(told(KEDGE_EVT_ONE_WAY, 0)); /* once */
	stop();
}

/* Hung up before media_dead: what is known by then stands there, and no more. */
static void mute_until_hung_up(void **state)
{
	start_at(KEDGE_CODEC_PCMU, 1); /* media_dead is 3 s */
	talk(600, false);
	assert_int_equal(WORD(stats()->told[1]), 0);
	talk(1800, false);
	assert_int_equal(WORD(stats()->told[1]), KEDGE_TOLD_UNHEARD);
	assert_int_equal(WORD(stats()->told[1]) & KEDGE_TOLD_TONE, 0); /* nor was a tone heard */
	say(&call.out, 0, false);
	talk(500, false);
	assert_int_equal(WORD(stats()->told[1]), 0);
	assert_int_equal(WORD(hop()->one_way), 0);
	stop();
}

/* Each may wait for the other to begin: nobody's fault. */
static void both_silent_is_nobodys_fault(void **state)
{
	start(KEDGE_CODEC_PCMU);
	assert_true(told(KEDGE_EVT_SILENT, 2000));
	assert_false(told(KEDGE_EVT_ONE_WAY, 800));
	assert_int_equal(WORD(hop()->one_way) + WORD(hop()->silent), 0);
	talk(800, false); /* but once the caller speaks it is */
	assert_true(told(KEDGE_EVT_ONE_WAY, 1000));
	stop();
}

/* Both stop within a frame: the path between kedge and somebody, or two who put the phone down. */
static void both_stop_at_once(void **state)
{
	start(KEDGE_CODEC_PCMU);
	talk(400, true);
	say(&call.in, 0, false); /* the last word was the caller's */
	assert_true(told(KEDGE_EVT_SILENT, 2000));
	assert_false(told(KEDGE_EVT_ONE_WAY, 800));
	assert_int_equal(WORD(hop()->silent), 0);
	stop();
}

static void set_flags(uint8_t place, uint8_t flags)
{
	plane_end_of(&call.a, place)->flags = flags;
	plane_write(&plane, &call.a, place);
	plane_commit(&plane, &call.a);
	wait_ms(50);
}

/* On hold, or listening alone: it need not speak. What was no gap then is one when it ought to again. */
static void held_ends_are_not_asked(void **state)
{
	uint64_t gap;

	start(KEDGE_CODEC_PCMU);
	talk(200, true);
	set_flags(0, KEDGE_END_SEND); /* recvonly */
	talk(700, false);
	set_flags(0, 0); /* held on both sides */
	set_flags(KEDGE_END_INSIDE, 0);
	wait_ms(700);
	assert_int_equal(WORD(stats()->told[0]) | WORD(stats()->told[1]), 0);
	assert_int_equal(WORD(hop()->silent) + WORD(hop()->one_way), 0);
	gap = WORD(stats()->flow[1].max_gap_ns);
	assert_true(gap < 300 * MS);
	set_flags(0, KEDGE_END_SEND | KEDGE_END_RECV | KEDGE_END_SPEAKS);
	set_flags(KEDGE_END_INSIDE, KEDGE_END_SEND | KEDGE_END_RECV | KEDGE_END_SPEAKS);
	talk(100, true);
	assert_true(WORD(stats()->flow[1].max_gap_ns) < 300 * MS);
	talk(800, false);
	assert_true(told(KEDGE_EVT_ONE_WAY, 1000));
	assert_int_equal(WORD(hop()->silent), 1); /* it had spoken */
	stop();
}

/* Five seconds (half a one here) behind comfort noise: silent on purpose. */
static void comfort_noise_is_no_death(void **state)
{
	start(KEDGE_CODEC_PCMU);
	talk(200, true);
	say(&call.out, RTP_NOISE, false);
	for (int i = 0; i < 25; i++) {
		say(&call.in, 0, false);
		wait_ms(20);
		jump(&call.out, 1);
	}
	call.out.next.sequence = (uint16_t)(call.out.next.sequence - 25); /* its clock ran on, its count did not */
	say(&call.out, 0, true);
	talk(200, true);
	assert_false(told(KEDGE_EVT_SILENT, 0));
	assert_true(WORD(stats()->flow[1].max_gap_ns) < 400 * MS);
	assert_int_equal(WORD(stats()->flow[1].lost_late) >> 32, 0);
	assert_int_equal(WORD(stats()->flow[1].relayed), WORD(stats()->flow[1].packets)); /* the noise too */
	stop();
}

/* A codec that pauses without a word, while its RTCP comes each 1.2 s (in the time of this test 12). */
static void rtcp_keeps_a_pause_alive(void **state)
{
	start(KEDGE_CODEC_OTHER);
	talk(200, true);
	for (int i = 0; i < 3; i++) {
		send_sr(&call.out, call.out.sent, 0, 0);
		talk(600, false);
	}
	assert_false(told(KEDGE_EVT_SILENT, 0));
	talk(1500, false); /* and stops */
	assert_true(told(KEDGE_EVT_ONE_WAY, 1000));
	assert_int_equal(WORD(hop()->silent), 1);
	stop();
}

/* RTCP comes and says that it sends; RTP is blocked on its way. */
static void rtcp_proves_what_is_blocked(void **state)
{
	start(KEDGE_CODEC_OTHER);
	talk(200, true);
	for (int i = 0; i < 3; i++) {
		send_sr(&call.out, call.out.sent += 30, 0, 0);
		talk(200, false);
	}
	assert_true(told(KEDGE_EVT_ONE_WAY, 1000));
	stop();
}

/* An SR of the outside end goes in; the inside one answers it 150 ms later, and says that it held it for 100. */
static void round_trip_by_rtcp(void **state)
{
	start(KEDGE_CODEC_PCMU);
	talk(100, true);
	send_sr(&call.out, call.out.sent, 0, 0);
	wait_ms(150);
	send_sr(&call.in, call.in.sent, 0x12345678, 65536 / 10);
	wait_ms(600);
	assert_in_range(WORD(stats()->rtt_us[0]), 45000, 150000);
	assert_int_equal(WORD(stats()->rtt_us[1]), 0);
	stop();
}

/* kill -9: what was measured and told goes on. */
static void goes_on_after_a_kill(void **state)
{
	uint32_t before;

	start(KEDGE_CODEC_PCMU);
	talk(200, true);
	jump(&call.out, 5);
	for (int i = 0; i < 40; i++) { /* 10 ms late every other time */
		say(&call.out, 0, false);
		wait_ms(i % 2 ? 10 : 30);
	}
	wait_ms(400);
	talk(600, false);
	assert_true(told(KEDGE_EVT_ONE_WAY, 1000));
	before = WORD(stats()->jitter_mean_us[1]);
	assert_true(before > 3000);
	assert_int_equal(WORD(stats()->flow[1].lost_late) >> 32, 5);
	plane_stop(&plane, SIGKILL);
	assert_int_equal(plane_start(&plane), 0);
	talk(800, false);
	assert_false(told(KEDGE_EVT_ONE_WAY, 200)); /* it was told */
	assert_int_equal(WORD(hop()->silent), 1);
	jump(&call.out, 3);
	talk(100, true);
	wait_ms(500);
	assert_int_equal(WORD(stats()->flow[1].lost_late) >> 32, 8);
	assert_in_range(WORD(stats()->jitter_mean_us[1]), before / 2, before * 2);
	stop();
}

#define TEST(name) cmocka_unit_test_teardown(name, clean_up)

/* evidence io_uring|epoll [FILTER] */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(injected_is_measured),
		TEST(mute_while_spoken_to),
		TEST(mute_until_hung_up),
		TEST(both_silent_is_nobodys_fault),
		TEST(both_stop_at_once),
		TEST(held_ends_are_not_asked),
		TEST(comfort_noise_is_no_death),
		TEST(rtcp_keeps_a_pause_alive),
		TEST(rtcp_proves_what_is_blocked),
		TEST(round_trip_by_rtcp),
		TEST(goes_on_after_a_kill),
	};

	backend = argc > 1 ? argv[1] : "auto";
	if (argc > 2)
		cmocka_set_test_filter(argv[2]);
	return cmocka_run_group_tests_name(backend, tests, NULL, NULL);
}
