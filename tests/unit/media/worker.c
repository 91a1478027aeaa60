// SPDX-License-Identifier: MIT
/* worker, port and relay on a backend that does what the tests say: the moments that a real one has once in a million. */
#include "media/worker.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/clock.h"
#include "config/conf.h"
#include "media/rtp.h"
#include "tests/harness/plane.h"

#define SOCKS 8 /* two pairs on each of two addresses */

static struct plane plane;
static struct worker *worker;
static struct plane_anchor anchor;
static struct sockaddr_storage in_far, out_far;

/* ---- the backend ----------------------------------------------------------------------------- */

static struct io {
	struct io_setup setup;
	void (*step)(unsigned n); /* what happens in pass n */
	unsigned passes;
	unsigned refuse_until; /* passes in which nothing can be armed */
	unsigned armed[SOCKS], refused;
	uint32_t tag[SOCKS];
	enum io_mode mode[SOCKS];
	int pending; /* the socket of the first send that is not submitted; -1: none */
	bool pending_named, lost;
	unsigned sent;
	unsigned waiting; /* sends that are not submitted */
	struct waiting {
		const uint8_t *data;
		size_t len;
		uint8_t was[IO_SMALL]; /* when it was handed in */
	} wait[IO_SENDS];
	bool changed; /* one was not, any more, when it was submitted */
} io;

static int fake_open(struct io **out, const struct io_setup *setup, const char **note)
{
	io.setup = *setup;
	*note = NULL;
	*out = &io;
	return 0;
}

static void fake_close(struct io *unused)
{
}

static void fake_arm(struct io *unused, uint32_t sock, uint32_t tag, enum io_mode mode, bool big)
{
	assert_true(sock < SOCKS);
	if (io.passes < io.refuse_until) {
		io.refused++;
		assert_true(io.refused < 1000); /* a pass must end */
		io.setup.hooks.ended(io.setup.hooks.ctx, sock, tag, EAGAIN);
		return;
	}
	io.armed[sock]++;
	io.tag[sock] = tag;
	io.mode[sock] = mode;
}

static void fake_disarm(struct io *unused, uint32_t sock, uint32_t tag)
{
}

static void cancelled(uint32_t sock)
{
	io.setup.hooks.ended(io.setup.hooks.ctx, sock, io.tag[sock], ECANCELED);
}

/* As the kernel does it: a send without an address needs the connection at the time of the submit. */
static void fake_flush(struct io *unused)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	if (io.pending >= 0 && !io.pending_named &&
	    getpeername(io.setup.fds[io.pending], (struct sockaddr *)&ss, &len) < 0)
		io.lost = true;
	io.pending = -1;
	for (unsigned i = 0; i < io.waiting; i++)
		io.changed |= memcmp(io.wait[i].data, io.wait[i].was, io.wait[i].len) != 0;
	io.waiting = 0;
}

static void fake_send(struct io *unused, uint32_t sock, uint32_t tag, const void *data, size_t len,
    const struct sockaddr *to, socklen_t to_len)
{
	struct waiting *one = &io.wait[io.waiting++];

	io.sent++;
	if (io.pending < 0) {
		io.pending = (int)sock;
		io.pending_named = to != NULL;
	}
	assert_in_range(len, 1, sizeof(one->was));
	one->data = data;
	one->len = len;
	memcpy(one->was, data, len);
	if (io.waiting == IO_SENDS)
		fake_flush(unused);
}

static int fake_pass(struct io *unused, uint64_t timeout_ns, unsigned window_us)
{
	fake_flush(unused);
	*io.setup.now_ns = clock_mono_ns();
	io.step(io.passes++);
	assert_true(io.passes < 10000);
	return 0;
}

/* In place of both real ones. */
#define FAKE                                                                                       \
	{                                                                                          \
		.name = "fake", .open = fake_open, .close = fake_close, .arm = fake_arm,           \
		.disarm = fake_disarm, .send = fake_send, .flush = fake_flush, .pass = fake_pass   \
	}
const struct io_ops uring_ops = FAKE, epoll_ops = FAKE;

/* ---- a call ---------------------------------------------------------------------------------- */

/* Once the worker has offered its pairs. */
static void call_open(void)
{
	plane_anchor(&plane, &anchor, 0, 0);
	assert_int_equal(plane_end(&plane, &anchor, KEDGE_END_INSIDE, 0, NULL), 0);
	assert_int_equal(plane_end(&plane, &anchor, 0, 1, NULL), 0);
	anchor.in.rtp = plane_addr((struct sockaddr *)&in_far);
	anchor.out[0].rtp = plane_addr((struct sockaddr *)&out_far);
	anchor.out[0].latch = KEDGE_LATCH_STRICT; /* settled at the first look */
	plane_write(&plane, &anchor, KEDGE_END_INSIDE);
	plane_write(&plane, &anchor, 0);
	anchor.want.live = 0;
	plane_commit(&plane, &anchor);
}

static uint32_t rtp_sock(uint8_t place)
{
	return 2 * plane_end_of(&anchor, place)->port;
}

/* A packet of an end, as the backend hands it in. from NULL: of a plain reception. */
static void packet(uint8_t place, const struct sockaddr_storage *from)
{
	struct rtp h = { .ssrc = 7, .sequence = (uint16_t)io.passes };
	static uint8_t data[RTP_HEADER + 160] = { 0x80 };
	uint32_t sock = rtp_sock(place);

	rtp_write(data, &h);
	io.setup.hooks.packet(io.setup.hooks.ctx, sock, io.tag[sock], (const struct sockaddr *)from,
	    data, sizeof(data), false);
}

static void run(void (*step)(unsigned), unsigned refuse_until)
{
	static const struct worker_setup setup = { .backend = CONF_BACKEND_EPOLL,
		.batch = 64,
		.buffers = 64,
		.port_rest_ns = CLOCK_NS_PER_S,
		.orphan_ns = 60 * CLOCK_NS_PER_S,
		.media_dead_ns = 60 * CLOCK_NS_PER_S,
		.audit_ns = 60 * CLOCK_NS_PER_S };

	io = (struct io){ .step = step, .refuse_until = refuse_until, .pending = -1 };
	worker = worker_new(&plane.seg, 0, &setup);
	assert_non_null(worker);
	assert_int_equal(worker_run(worker), 0);
	worker_free(worker);
}

static int set_up(void **state)
{
	const struct plane_options o = {
		.workers = 1, .slots = 4, .pairs = 2, .nets = { "127.0.3.1", "127.0.4.1" }
	};
	struct sockaddr_in *in = (struct sockaddr_in *)&in_far;

	if (plane_open(&plane, &o) < 0)
		return -1;
	*in = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(0x7f000101)
	};
	out_far = in_far;
	((struct sockaddr_in *)&out_far)->sin_addr.s_addr = htonl(0x7f000201);
	return 0;
}

static int tear_down(void **state)
{
	return plane_close(&plane);
}

/* ---- what may happen ------------------------------------------------------------------------- */

static void until_armed(unsigned n)
{
	if (n == 0)
		call_open();
	if (n == 20)
		worker_stop(worker);
}

/* No memory for a reception: asked again at each pass, once, and what can go on does. */
static void nothing_can_be_armed(void **state)
{
	run(until_armed, 10);
	assert_in_range(io.refused, 4, 4 * 10);
	for (unsigned which = 0; which < 2; which++) {
		assert_int_equal(io.armed[rtp_sock(KEDGE_END_INSIDE) + which], 1);
		/* connected at once, before anything could be armed */
		assert_in_range(io.armed[rtp_sock(0) + which], 1, 2);
	}
}

static void run_dry(unsigned n)
{
	static unsigned before;
	uint32_t sock;

	if (n == 0)
		call_open();
	if (n < 10)
		return;
	sock = rtp_sock(KEDGE_END_INSIDE);
	if (n == 10) {
		before = io.armed[sock];
		assert_true(before > 0);
		io.setup.hooks.ended(io.setup.hooks.ctx, sock, io.tag[sock], ENOBUFS);
	} else if (io.armed[sock] > before || n == 40) {
		assert_int_equal(io.armed[sock], before + 1);
		worker_stop(worker);
	}
}

/* A multishot reception ends where the buffer ring is empty: it is armed again, once. */
static void out_of_buffers(void **state)
{
	run(run_dry, 0);
}

static bool connected(uint32_t sock)
{
	return worker->port[sock / 2].sock[sock % 2].connected;
}

static void let_settle(unsigned n)
{
	uint32_t sock;

	if (n == 0)
		call_open();
	sock = rtp_sock(0);
	usleep(1000);
	if (connected(sock) && io.mode[sock] == IO_FROM)
		cancelled(sock);
}

/* The outside end's reception is plain, then the end moves: until the cancel is done anybody may speak through it. */
static void speak_while_plain(unsigned n)
{
	static unsigned at;
	uint32_t sock = rtp_sock(0);

	let_settle(n);
	if (n == 0)
		at = 0;
	if (at == 0 && connected(sock) && io.mode[sock] == IO_PLAIN) {
		at = n;
		packet(0, NULL);
		assert_int_equal(io.sent, 1);
		((struct sockaddr_in *)&out_far)->sin_addr.s_addr = htonl(0x7f000202);
		anchor.out[0].rtp = plane_addr((struct sockaddr *)&out_far);
		anchor.out[0].exchange++;
		plane_write(&plane, &anchor, 0);
		plane_commit(&plane, &anchor);
		packet(0, NULL); /* its command comes first */
		assert_false(connected(sock));
		assert_int_equal(io.sent, 1);
		worker_stop(worker);
	}
}

static void nobody_speaks_through_a_plain_reception(void **state)
{
	run(speak_while_plain, 0);
	assert_int_equal(PLANE_COUNT(&plane, drop_stranger), 1);
}

static void move_with_a_send_in_hand(unsigned n)
{
	uint32_t sock = rtp_sock(0);

	let_settle(n);
	if (!connected(sock) || io.mode[sock] != IO_PLAIN)
		return;
	packet(KEDGE_END_INSIDE, &in_far);
	assert_int_equal(io.pending, sock);
	assert_false(io.pending_named);
	((struct sockaddr_in *)&out_far)->sin_addr.s_addr = htonl(0x7f000202);
	anchor.out[0].rtp = plane_addr((struct sockaddr *)&out_far);
	anchor.out[0].exchange++;
	plane_write(&plane, &anchor, 0);
	plane_commit(&plane, &anchor);
	packet(KEDGE_END_INSIDE, &in_far);
	assert_false(connected(sock));
	worker_stop(worker);
}

/* What was sent before the end moved goes where it was. */
static void sends_outlive_their_connection(void **state)
{
	run(move_with_a_send_in_hand, 0);
	assert_int_equal(io.sent, 2);
	assert_false(io.lost);
}

/* An event by the number our own body gave it, as an answerer may send it: its packets repeat one timestamp. */
static void say_a_digit(unsigned n)
{
	uint32_t sock;

	let_settle(n);
	sock = rtp_sock(0);
	if (!connected(sock) || io.mode[sock] != IO_PLAIN)
		return;
	plane_end_of(&anchor, 0)->telephone_event = 101;
	plane_end_of(&anchor, 0)->event_here = 96;
	plane_write(&plane, &anchor, 0);
	plane_commit(&plane, &anchor);
	for (unsigned i = 0; i < 10; i++) {
		struct rtp h = { .ssrc = 7, .sequence = (uint16_t)i, .timestamp = 160, .payload_type = i % 2 ? 96 : 101 };
		uint8_t data[RTP_HEADER + 4] = { 0x80 };

		rtp_write(data, &h);
		*io.setup.now_ns += 20 * CLOCK_NS_PER_MS;
		io.setup.hooks.packet(io.setup.hooks.ctx, sock, io.tag[sock], NULL, data, sizeof(data), false);
		worker->ops->flush(worker->io);
	}
	assert_int_equal(worker->end[sock / 2].quality.index, 9);
	assert_int_equal(worker->end[sock / 2].quality.jitter_count, 0);
	assert_true(worker->end[sock / 2].quality.quiet);
	worker_stop(worker);
}

static void digits_are_no_jitter(void **state)
{
	run(say_a_digit, 0);
}

/* A report whose second packet is longer than it says: room was made for it in vain. */
static void bad_report(void)
{
	static const uint8_t rr[] = { 0x80, RTCP_RR, 0, 1, 0, 0, 0, 7, 0x80, RTCP_SDES, 0, 99 };
	uint32_t sock = rtp_sock(KEDGE_END_INSIDE) + 1;
	struct sockaddr_storage from = in_far;
	uint8_t data[sizeof(rr)];

	memcpy(data, rr, sizeof(rr));
	((struct sockaddr_in *)&from)->sin_port = htons(10);
	io.setup.hooks.packet(io.setup.hooks.ctx, sock, io.tag[sock], (const struct sockaddr *)&from, data, sizeof(data), false);
}

/* Many packets of one batch: what is made of them waits for the submit. */
static void speak_in_a_batch(unsigned n)
{
	uint32_t sock;

	let_settle(n);
	sock = rtp_sock(0);
	if (!connected(sock) || io.mode[sock] != IO_PLAIN)
		return;
	plane_end_of(&anchor, 0)->codec = KEDGE_CODEC_PCMU;
	plane_end_of(&anchor, 0)->audio_pt = 0;
	plane_end_of(&anchor, 0)->send_ptime_ms = 30;
	plane_write(&plane, &anchor, 0);
	plane_commit(&plane, &anchor);
	for (unsigned i = 0; i < 64; i++) {
		struct rtp h = { .ssrc = 7, .sequence = (uint16_t)i, .timestamp = 160 * i };
		uint8_t data[RTP_HEADER + 160] = { 0x80 };

		rtp_write(data, &h);
		memset(data + RTP_HEADER, (int)i, 160);
		io.setup.hooks.packet(io.setup.hooks.ctx, rtp_sock(KEDGE_END_INSIDE), io.tag[rtp_sock(KEDGE_END_INSIDE)],
		    (const struct sockaddr *)&in_far, data, sizeof(data), false);
		for (unsigned k = 0; i % 3 == 2 && k < 14; k++) /* with two rooms of packets: half of all, and the same half again */
			bad_report();
	}
	worker_stop(worker);
}

static void what_waits_is_not_changed(void **state)
{
	run(speak_in_a_batch, 0);
	assert_int_equal(PLANE_COUNT(&plane, bad_rtcp), 21 * 14);
	assert_int_equal(io.sent, 64 * 20 / 30);
	assert_false(io.changed);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(nothing_can_be_armed),
		TEST(out_of_buffers),
		TEST(nobody_speaks_through_a_plain_reception),
		TEST(sends_outlive_their_connection),
		TEST(what_waits_is_not_changed),
		TEST(digits_are_no_jitter) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
