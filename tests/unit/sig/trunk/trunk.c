// SPDX-License-Identifier: MIT
/* A trunk at rest, over real sockets on loopback: what a probe looks like, how often it is sent, what its answer or its
 * absence does. Time runs ten times faster, but for probes: one that is answered may wait for its answer as long as a busy machine needs. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>
#include <cmocka.h>
#include <sofia-sip/msg.h>
#include <sofia-sip/su.h>

#include "config/clock.h"
#include "sig/edge/ingress.h"
#include "sig/edge/listen.h"
#include "sig/trunk/probe.h"
#include "sig/trunk/trunk.h"
#include "tests/unit/routing/rig.h"

#define SCALE 10

static struct {
	struct rig *r;
	struct segment seg;
	su_root_t *root;
	struct conf_uri hop;
	int listener, peer;
	uint16_t port; /* of the listener */
	char heard[4096];
	unsigned count; /* datagrams the peer got */
	struct sockaddr_in from;
} t;

static int udp_socket(uint16_t *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(a);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &size), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

static void on_request(unsigned iface, nta_agent_t *agent, msg_t *msg, sip_t *sip)
{
	msg_destroy(msg);
}

static void on_response(unsigned iface, nta_agent_t *agent, msg_t *msg, sip_t *sip)
{
	if (!trunk_response(msg, sip))
		msg_destroy(msg);
}

static void make_conf(uint16_t peer_port)
{
	struct conf_trunk *c;

	t.r = rig_new(1);
	c = &t.r->trunk[0];
	c->interface = 0;
	c->uri = (struct conf_uri){ .host = "carrier.example", .port = 5070, .transport = CONF_UDP };
	c->headers.from_host = "edge.example";
	t.hop = (struct conf_uri){ .host = "127.0.0.1",
		.addr = { .family = AF_INET, .port = peer_port, .ip = { 127, 0, 0, 1 } },
		.transport = CONF_UDP };
	c->hops = (struct conf_uris){ &t.hop, 1 };
	c->probe = (struct conf_probe){ .method = CONF_PROBE_OPTIONS, .interval_ms = 30000 / SCALE,
		.down_interval_ms = 10000 / SCALE, .confirm_ms = 2000 / SCALE, .timeout_ms = 5000 / SCALE, .down = 3, .up = 3 };
	rig_quick(t.r);
	c->breaker.open_ms = 30000 / SCALE;
	t.r->conf.scaled = true;
	t.r->conf.test.time_scale = SCALE;
	t.r->conf.sip.user_agent = "kedge";
	t.r->conf.sip.max_forwards = 70;
	t.r->conf.sip.t2_ms = 4000;
	t.r->conf.sip.t4_ms = 5000;
}

static int setup(void **state)
{
	static const struct listen_handlers handlers = { .request = on_request, .response = on_response };
	static const struct segment_shape shape = { .workers = 1, .hops = 4, .slots = 1, .listeners = 1 };
	struct kedge_listener l = { .addr = { .family = AF_INET, .ip = { 127, 0, 0, 1 } } };
	uint16_t peer_port;

	memset(&t, 0, sizeof(t));
	t.listener = udp_socket(&t.port);
	t.peer = udp_socket(&peer_port);
	make_conf(peer_port);
	assert_int_equal(segment_create(&t.seg, &shape), 0);
	l.fd = t.listener;
	l.addr.port = t.port;
	t.root = su_root_create(NULL);
	su_root_threading(t.root, 0);
	assert_int_equal(trunk_init(&t.seg, t.root, &t.r->conf), 0);
	assert_int_equal(listen_init(t.root, &t.r->conf.sip, &l, 1, &handlers), 0);
	return 0;
}

static int teardown(void **state)
{
	trunk_fini();
	listen_fini();
	su_root_destroy(t.root);
	segment_detach(&t.seg);
	close(t.listener);
	close(t.peer);
	free(t.r);
	return 0;
}

static bool peer_hears(void)
{
	socklen_t size = sizeof(t.from);
	ssize_t n = recvfrom(t.peer, t.heard, sizeof(t.heard) - 1, 0, (struct sockaddr *)&t.from, &size);

	if (n < 0)
		return false;
	t.heard[n] = 0;
	t.count++;
	return true;
}

/* Runs the loop for at most ms, until the peer hears something; true if it did. */
static bool run_until_heard(unsigned ms)
{
	uint64_t end = clock_mono_ns() + ms * RIG_MS;

	while (clock_mono_ns() < end) {
		su_root_step(t.root, 5);
		if (peer_hears())
			return true;
	}
	return false;
}

static void run_for(unsigned ms)
{
	uint64_t end = clock_mono_ns() + ms * RIG_MS;

	while (clock_mono_ns() < end) {
		su_root_step(t.root, 5);
		peer_hears();
	}
}

/* A header line of what the peer heard, without its end; "" if there is none. */
static const char *header(const char *name)
{
	static char line[512];
	char *p = strstr(t.heard, name), *end;

	line[0] = 0;
	if (!p || !(end = strstr(p, "\r\n")))
		return line;
	snprintf(line, sizeof(line), "%.*s", (int)(end - p), p);
	return line;
}

static void answer(const char *status)
{
	char out[4096];
	int n = snprintf(out, sizeof(out), "SIP/2.0 %s\r\n", status);

	n += snprintf(out + n, sizeof(out) - (size_t)n, "%s\r\n", header("Via:"));
	n += snprintf(out + n, sizeof(out) - (size_t)n, "%s\r\n", header("From:"));
	n += snprintf(out + n, sizeof(out) - (size_t)n, "%s;tag=peer\r\n", header("To:"));
	n += snprintf(out + n, sizeof(out) - (size_t)n, "%s\r\n", header("Call-ID:"));
	n += snprintf(out + n, sizeof(out) - (size_t)n, "%s\r\nContent-Length: 0\r\n\r\n", header("CSeq:"));
	sendto(t.peer, out, (size_t)n, 0, (struct sockaddr *)&t.from, sizeof(t.from));
}

static const struct health_hop *hop(void)
{
	return &trunk_health()->hop[0];
}

static void what_it_looks_like(void **state)
{
	char contact[64];

	snprintf(contact, sizeof(contact), "Contact: <sip:127.0.0.1:%u>", t.port);
	trunk_start();
	assert_true(run_until_heard(1000));
	assert_int_equal(strncmp(t.heard, "OPTIONS sip:carrier.example:5070 SIP/2.0\r\n", 42), 0);
	assert_int_equal(strncmp(header("From:"), "From: <sip:edge.example>;tag=", 29), 0);
	assert_string_equal(header("To:"), "To: <sip:carrier.example>");
	assert_string_equal(header("Contact:"), contact);
	assert_string_equal(header("CSeq:"), "CSeq: 1 OPTIONS");
	assert_string_equal(header("Max-Forwards:"), "Max-Forwards: 70");
	assert_string_equal(header("User-Agent:"), "User-Agent: kedge");
	assert_non_null(strstr(header("Via:"), ";rport"));
}

static void answered(void **state)
{
	trunk_start();
	assert_true(run_until_heard(1000));
	answer("200 OK");
	run_for(50);
	assert_int_equal(hop()->state, KEDGE_HOP_UP);
	assert_int_equal(hop()->probed, 1);
	assert_true(hop()->answers_probes);
	assert_in_range(hop()->probe_rtt_us, 1, 500000);
	assert_int_equal(atomic_load_explicit(&segment_hop(&t.seg, 0)->count.probes_good, memory_order_relaxed), 1);
	/* the next one after interval +-10 % */
	t.count = 0;
	run_for(30000 * 85 / 100 / SCALE);
	assert_int_equal(t.count, 0);
	assert_true(run_until_heard(30000 * 40 / 100 / SCALE));
}

static void a_503_is_no_good_answer(void **state)
{
	trunk_start();
	assert_true(run_until_heard(1000));
	answer("503 Service Unavailable");
	run_for(50);
	assert_int_equal(hop()->probed, 2);
	assert_int_equal(hop()->state, KEDGE_HOP_UNKNOWN);
	assert_true(hop()->answers_probes);
}

/* The library would send it again after 500 ms and on for 32 s. */
static void nothing_is_sent_again(void **state)
{
	t.r->trunk[0].probe.down = 1;
	t.r->trunk[0].probe.down_interval_ms = 3000;
	trunk_start();
	assert_true(run_until_heard(1000));
	run_for(2000);
	assert_int_equal(t.count, 1);
	assert_int_equal(hop()->probed, 2);
}

/* The first missing one is confirmed by two more, each judged after `confirm`: DOWN one timeout and two of these later. */
static void missing_is_confirmed(void **state)
{
	uint64_t began;

	trunk_start();
	assert_true(run_until_heard(1000));
	began = clock_mono_ns();
	run_for(50);
	assert_int_equal(t.count, 1);
	assert_true(run_until_heard(1000));
	assert_in_range(clock_mono_ns() - began, 490 * RIG_MS, 2000 * RIG_MS);
	assert_true(run_until_heard(1000));
	while (hop()->state != KEDGE_HOP_DOWN && clock_mono_ns() - began < 5000 * RIG_MS)
		run_for(5);
	assert_int_equal(hop()->state, KEDGE_HOP_DOWN);
	assert_int_equal(hop()->reason, HEALTH_OPTIONS_TIMEOUT);
	assert_in_range(clock_mono_ns() - began, 890 * RIG_MS, 2500 * RIG_MS); /* below the interval's 3 s */
	assert_int_equal(t.count, 3);
	/* then as often as one that is DOWN */
	run_for(10000 / SCALE * 7 / 10);
	assert_int_equal(t.count, 3);
	assert_true(run_until_heard(10000 / SCALE));
}

static void a_good_one_ends_it(void **state)
{
	trunk_start();
	assert_true(run_until_heard(1000));
	assert_true(run_until_heard(2000)); /* the first confirms */
	answer("200 OK");
	run_for(60);
	assert_int_equal(hop()->state, KEDGE_HOP_UP);
	assert_int_equal(hop()->signs.bad_probes, 0);
	t.count = 0;
	run_for(30000 / SCALE * 8 / 10);
	assert_int_equal(t.count, 0); /* the interval again */
}

/* Alternately bad and good, for twenty of them. */
static void good_and_bad_in_turn(void **state)
{
	t.r->trunk[0].probe.interval_ms = 100;
	trunk_start();
	for (unsigned i = 0; i < 20; i++) {
		assert_true(run_until_heard(2000));
		answer(i % 2 ? "503 Service Unavailable" : "200 OK");
	}
	run_for(20);
	assert_int_equal(hop()->state, KEDGE_HOP_UP);
}

/* ICMP: nobody waits for what cannot come. */
static void a_closed_port_is_known_at_once(void **state)
{
	uint64_t began;

	t.r->trunk[0].probe.timeout_ms = 20000;
	trunk_start();
	close(t.peer);
	began = clock_mono_ns();
	while (hop()->probed != 2 && clock_mono_ns() - began < 5000 * RIG_MS)
		su_root_step(t.root, 5);
	assert_int_equal(hop()->probed, 2);
	t.peer = socket(AF_INET, SOCK_DGRAM, 0); /* for the teardown */
}

static bool hears(const char *method)
{
	for (unsigned i = 0; i < 20; i++)
		if (run_until_heard(200) && !strncmp(t.heard, method, strlen(method)))
			return true;
	return false;
}

static void by_invite(void)
{
	t.r->trunk[0].probe.method = CONF_PROBE_INVITE;
	t.r->trunk[0].probe.number = "+441512227777";
	t.r->trunk[0].probe.from = "sip:ping@edge.example";
	t.r->trunk[0].probe.contact = "";
	t.r->trunk[0].timers.progress_ms = 800;
	trunk_start();
	assert_true(hears("INVITE sip:+441512227777@carrier.example:5070 SIP/2.0"));
	assert_int_equal(strncmp(header("From:"), "From: <sip:ping@edge.example>;tag=", 34), 0);
	assert_non_null(strstr(t.heard, "\r\n\r\nv=0\r\no=- 1 1 IN IP4 127.0.0.1\r\n"));
}

/* The far end may be a phone after all. */
static void a_test_call_that_rings_is_cancelled(void **state)
{
	char invite[sizeof(t.heard)];

	by_invite();
	memcpy(invite, t.heard, sizeof(invite));
	answer("180 Ringing");
	assert_true(hears("CANCEL"));
	assert_int_equal(hop()->state, KEDGE_HOP_UP);
	answer("200 OK");
	memcpy(t.heard, invite, sizeof(invite));
	answer("487 Request Terminated");
	assert_true(hears("ACK"));
}

static void a_test_call_that_is_answered_is_hung_up(void **state)
{
	by_invite();
	answer("200 OK");
	assert_true(hears("ACK"));
	assert_true(hears("BYE"));
	assert_int_equal(hop()->state, KEDGE_HOP_UP);
	answer("200 OK");
	run_for(50);
}

/* It may take as long as a call may until it rings, once there was a 100; and no longer. */
static void a_test_call_may_take_its_time(void **state)
{
	t.r->trunk[0].probe.timeout_ms = 100;
	by_invite();
	answer("100 Trying");
	run_for(400);
	assert_int_equal(hop()->probed, 0);
	run_for(800);
	assert_int_equal(hop()->probed, 2);
}

/* So many are asked that places are taken again: none of them may stay in the middle of a question. */
static void no_question_stays(void **state)
{
	trunk_start();
	assert_true(run_until_heard(1000));
	for (unsigned i = 0; i < 40; i++) {
		trunk_check(0);
		run_for(12);
	}
	answer("200 OK");
	run_for(400);
	assert_true(probe_due(0, clock_mono_ns()) < clock_mono_ns() + 200 * RIG_MS);
	t.count = 0;
	assert_true(run_until_heard(4000));
}

static void late_but_alive(void **state)
{
	t.r->trunk[0].probe.down = 1;
	t.r->trunk[0].probe.timeout_ms = 100;
	trunk_start();
	assert_true(run_until_heard(1000));
	run_for(200);
	assert_int_equal(hop()->probed, 2);
	answer("200 OK");
	run_for(50);
	assert_int_equal(hop()->probed, 2);
	assert_true(hop()->last_heard_ns > 0);
}

static void strangers_prove_nothing(void **state)
{
	char *p;

	trunk_start();
	assert_true(run_until_heard(1000));
	p = strstr(t.heard, "Call-ID:");
	assert_non_null(p);
	p[12] = p[12] == 'a' ? 'b' : 'a';
	answer("200 OK");
	run_for(50);
	assert_int_equal(hop()->last_heard_ns, 0);
}

static void checks(void **state)
{
	trunk_start();
	assert_true(run_until_heard(1000));
	answer("200 OK");
	run_for(50);
	t.count = 0;
	trunk_check(0);
	assert_true(run_until_heard(100)); /* at once */
	trunk_check(0);
	trunk_check(0);
	run_for(9);
	assert_int_equal(t.count, 1); /* not twice within 100 ms, here 10 */
	run_for(10);
	trunk_check(0);
	run_for(20);
	assert_int_equal(t.count, 2);
	t.r->trunk[0].probe.method = CONF_PROBE_NONE;
	run_for(20);
	trunk_check(0);
	run_for(20);
	assert_int_equal(t.count, 2);
}

static void silent_is_probed_each_second(void **state)
{
	uint64_t now;

	trunk_start();
	assert_true(run_until_heard(1000));
	answer("200 OK");
	run_for(50);
	now = clock_mono_ns();
	health_silent(trunk_health(), 0, now, now);
	t.count = 0;
	run_for(350);
	assert_in_range(t.count, 2, 4);
	assert_true(run_until_heard(200));
	answer("200 OK");
	run_for(50);
	assert_int_equal(hop()->state, KEDGE_HOP_UP); /* a blip */
}

static void down_and_back(void **state)
{
	struct health_outcome o = { .cause = CAUSE_STATUS, .health = CAUSE_F, .code = 503 };

	trunk_start();
	assert_true(run_until_heard(1000));
	answer("200 OK");
	run_for(50);
	o.begun_ns = clock_mono_ns();
	for (unsigned i = 0; i < 3; i++)
		health_outcome(trunk_health(), 0, &o, clock_mono_ns());
	assert_int_equal(hop()->state, KEDGE_HOP_DOWN);
	t.count = 0;
	for (unsigned i = 0; i < 6 && hop()->state == KEDGE_HOP_DOWN; i++) {
		assert_true(run_until_heard(2000));
		answer("200 OK");
		run_for(20);
	}
	assert_int_equal(hop()->state, KEDGE_HOP_UP);
	assert_in_range(clock_mono_ns() - o.begun_ns, 3000 * RIG_MS, 4500 * RIG_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_it_looks_like, setup, teardown),
		cmocka_unit_test_setup_teardown(answered, setup, teardown),
		cmocka_unit_test_setup_teardown(a_503_is_no_good_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_is_sent_again, setup, teardown),
		cmocka_unit_test_setup_teardown(missing_is_confirmed, setup, teardown),
		cmocka_unit_test_setup_teardown(a_good_one_ends_it, setup, teardown),
		cmocka_unit_test_setup_teardown(good_and_bad_in_turn, setup, teardown),
		cmocka_unit_test_setup_teardown(a_closed_port_is_known_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(a_test_call_that_rings_is_cancelled, setup, teardown),
		cmocka_unit_test_setup_teardown(a_test_call_that_is_answered_is_hung_up, setup, teardown),
		cmocka_unit_test_setup_teardown(a_test_call_may_take_its_time, setup, teardown),
		cmocka_unit_test_setup_teardown(no_question_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(late_but_alive, setup, teardown),
		cmocka_unit_test_setup_teardown(strangers_prove_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(checks, setup, teardown),
		cmocka_unit_test_setup_teardown(silent_is_probed_each_second, setup, teardown),
		cmocka_unit_test_setup_teardown(down_and_back, setup, teardown),
	};
	int failed;

	listen_clock();
	su_init();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	su_deinit();
	return failed;
}
