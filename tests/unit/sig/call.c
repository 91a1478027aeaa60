// SPDX-License-Identifier: MIT
/* call: one call through the signaling plane in this process, its peers two sockets, its media
 * plane the test. What scenarios cannot see: the record in the segment at each stage, the board,
 * what is left when it is over. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>
#include <sofia-sip/su.h>
#include <sofia-sip/su_wait.h>

#include "config/clock.h"
#include "routing/shm/queue.h"
#include "routing/shm/seq.h"
#include "sig/call.h"
#include "sig/edge/ingress.h"
#include "sig/edge/listen.h"
#include "sig/books/record.h"
#include "sig/trunk/trunk.h"

#define PORTS 16

struct peer {
	int fd;
	uint16_t port;
	char got[8192];
};

static struct {
	struct segment run, seg;
	su_root_t *root;
	const struct conf *conf;
	struct peer pbx, carrier;
	struct kedge_listener in, out;
	char file[64];
	char totag[64];
} t;

/* ---- the world ------------------------------------------------------------------------------ */

static int udp(uint16_t *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(a);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	getsockname(fd, (struct sockaddr *)&a, &size);
	*port = ntohs(a.sin_port);
	return fd;
}

static void listener(struct kedge_listener *l, uint16_t iface)
{
	memset(l, 0, sizeof(*l));
	l->fd = udp(&l->addr.port);
	l->iface = iface;
	l->addr.family = AF_INET;
	memcpy(l->addr.ip, (uint8_t[]){ 127, 0, 0, 1 }, 4);
}

/* Trunks share an address here; what comes to the inside interface is the PBX's. */
static void configure(void)
{
	struct err_list errs = { 0 };
	FILE *f;
	int fd;

	strcpy(t.file, "/tmp/kedge-unit-call-XXXXXX");
	fd = mkstemp(t.file);
	f = fdopen(fd, "w");
	fprintf(f,
	    "interfaces = ( { name = \"inside\"; address = \"127.0.0.1\"; sip_port = %u; },"
	    " { name = \"outside\"; address = \"127.0.0.1\"; sip_port = %u; rtp_ports = "
	    "\"31000-31999\"; } );\nlimits = { max_calls = 500; };\n"
	    "trunks = ( { name = \"pbx\"; side = \"pbx\"; uri = \"sip:127.0.0.1:%u\"; probe = { "
	    "method = \"none\"; }; },"
	    " { name = \"ca\"; side = \"carrier\"; uri = \"sip:127.0.0.1:%u\"; probe = { method = "
	    "\"none\"; }; } );\n"
	    "profiles = ( { name = \"p\"; targets = ( { trunk = \"ca\"; } ); } );\n"
	    "routes = ( { name = \"r\"; from = \"pbx\"; profile = \"p\"; } );\n",
	    t.in.addr.port, t.out.addr.port, t.pbx.port, t.carrier.port);
	fclose(f);
	t.conf = conf_load(t.file, 0, &errs);
	if (!t.conf)
		err_print(&errs, stderr);
	err_fini(&errs);
	assert_non_null(t.conf);
}

static void lay_out(void)
{
	static const struct segment_shape shape = {
		.workers = 1, .hops = 8, .slots = 2, .ports = PORTS, .nets = 2, .listeners = 2
	};

	assert_int_equal(segment_create(&t.run, &shape), 0);
	for (uint32_t n = 0; n < 2; n++)
		t.run.priv->net[n] = (struct kedge_net){ .iface = (uint16_t)n,
			.addr = { .family = AF_INET, .ip = { 127, 0, 0, 1 } } };
	t.run.priv->worker_eventfd[0] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	t.run.priv->sig_eventfd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	for (uint32_t i = 0; i < PORTS; i++) {
		*segment_port(&t.run, i) = (struct kedge_port){ .fd_rtp = -1,
			.fd_rtcp = -1,
			.rtp_port = (uint16_t)(20000 + 2 * i),
			.net = i % 2 };
		queue_push(segment_free(&t.run, 0, i % 2), i);
	}
	assert_int_equal(segment_attach(&t.seg, t.run.pub_fd, t.run.priv_fd, SEGMENT_SIG), 0);
}

static void no_check(uint16_t hop)
{
}

static int setup(void **state)
{
	static const struct listen_handlers handlers = { .request = ingress_request,
		.response = ingress_response };
	struct call_deps deps = { .check = no_check };
	struct kedge_listener list[2];

	t.pbx.fd = udp(&t.pbx.port);
	t.carrier.fd = udp(&t.carrier.port);
	listener(&t.in, 0);
	listener(&t.out, 1);
	configure();
	lay_out();
	assert_int_equal(trunk_init(&t.seg, t.root, t.conf), 0);
	deps.seg = &t.seg;
	deps.root = t.root;
	deps.health = trunk_health();
	assert_int_equal(call_init(&deps, t.conf), 0);
	ingress_init(&t.seg, t.conf);
	list[0] = t.in;
	list[1] = t.out;
	return listen_init(t.root, &t.conf->sip, list, 2, &handlers);
}

static int teardown(void **state)
{
	call_fini();
	trunk_fini();
	listen_fini();
	ingress_fini();
	conf_unref(t.conf);
	segment_detach(&t.seg);
	close(t.run.priv->worker_eventfd[0]);
	close(t.run.priv->sig_eventfd);
	segment_detach(&t.run);
	close(t.pbx.fd);
	close(t.carrier.fd);
	close(t.in.fd);
	close(t.out.fd);
	unlink(t.file);
	return 0;
}

/* Runs the loop until the peer has a message that begins with what. */
static const char *expect(struct peer *p, const char *what)
{
	for (int i = 0; i < 300; i++) {
		ssize_t n;

		su_root_step(t.root, 5);
		while ((n = recv(p->fd, p->got, sizeof(p->got) - 1, 0)) > 0) {
			p->got[n] = 0;
			if (strncmp(p->got, what, strlen(what)) == 0)
				return p->got;
		}
	}
	fail_msg("no %s", what);
	return NULL;
}

static void send_to(const struct peer *p, uint16_t port, const char *message)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(port) };

	assert_int_equal(
	    sendto(p->fd, message, strlen(message), 0, (struct sockaddr *)&to, sizeof(to)),
	    strlen(message));
}

/* The value of a header of a message, in a buffer of the caller's. */
static char *header(const char *message, const char *name, char *out, size_t size)
{
	char key[40];
	const char *at;

	snprintf(key, sizeof(key), "\r\n%s: ", name);
	at = strstr(message, key);
	assert_non_null(at);
	at += strlen(key);
	snprintf(out, size, "%.*s", (int)strcspn(at, "\r"), at);
	return out;
}

static void request(const char *method, const char *more, const char *body)
{
	char text[12000];

	snprintf(text, sizeof(text),
	    "%s sip:4711@127.0.0.1:%u SIP/2.0\r\nVia: SIP/2.0/UDP "
	    "127.0.0.1:%u;branch=z9hG4bKcaller%s;rport\r\n"
	    "Max-Forwards: 70\r\nFrom: <sip:100@127.0.0.1>;tag=ft\r\nTo: "
	    "<sip:4711@127.0.0.1>%s\r\nCall-ID: callers\r\n"
	    "CSeq: %d %s\r\nContact: <sip:100@127.0.0.1:%u>\r\n%sContent-Length: %zu\r\n\r\n%s",
	    method, t.in.addr.port, t.pbx.port,
	    strcmp(method, "INVITE") == 0 || strcmp(method, "CANCEL") == 0 ? "" : method, t.totag,
	    strcmp(method, "BYE") == 0 ? 2 : 1, method, t.pbx.port, more, strlen(body), body);
	send_to(&t.pbx, t.in.addr.port, text);
}

static void respond(const char *to, const char *status, const char *body)
{
	char text[4096], via[256], from[256], target[256], id[128], cseq[64];

	header(to, "Via", via, sizeof(via));
	header(to, "From", from, sizeof(from));
	header(to, "To", target, sizeof(target));
	header(to, "Call-ID", id, sizeof(id));
	header(to, "CSeq", cseq, sizeof(cseq));
	snprintf(text, sizeof(text),
	    "SIP/2.0 %s\r\nVia: %s\r\nFrom: %s\r\nTo: %s%s\r\nCall-ID: %s\r\nCSeq: %s\r\nContact: "
	    "<sip:ca@127.0.0.1:%u>\r\n"
	    "%sContent-Length: %zu\r\n\r\n%s",
	    status, via, from, target, strstr(target, "tag=") ? "" : ";tag=carriers", id, cseq,
	    t.carrier.port, body[0] ? "Content-Type: application/sdp\r\n" : "", strlen(body), body);
	send_to(&t.carrier, t.out.addr.port, text);
}

static const char SDP[] = "v=0\r\no=x 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 "
                          "0\r\nm=audio 9000 RTP/AVP 0\r\n";
static const char KEYED[] = "v=0\r\no=x 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 "
                            "0\r\nm=audio 9000 RTP/AVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n";
static const char TYPE[] = "Content-Type: application/sdp\r\n";

/* ---- what is asked -------------------------------------------------------------------------- */

static int load(struct record_head *h, struct record *r)
{
	static uint8_t body[KEDGE_RECORD_BODY];
	int err = record_load(&t.run, 0, h, body);

	return err ? err : record_decode(r, body, h->length);
}

static bool says(const struct record_text *x, const char *want)
{
	return x->length == strlen(want) && memcmp(x->at, want, x->length) == 0;
}

static bool within(const struct record_text *x, const char *want)
{
	return memmem(x->at, x->length, want, strlen(want)) != NULL;
}

static uint64_t counted(const _Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

static void media_closes(void)
{
	struct kedge_anchor a = { 0 };
	uint64_t one = 1;

	seq_read(&segment_session(&t.run, 0)->want, &a);
	assert_int_equal(a.state, KEDGE_SLOT_CLOSED);
	atomic_store_explicit(&segment_session(&t.run, 0)->done, (uint64_t)a.generation << 8 | 2,
	    memory_order_release);
	queue_push(&segment_queues(&t.run, 0)->evt, queue_msg(KEDGE_EVT_CLOSED, a.generation, 0));
	assert_int_equal(write(t.run.priv->sig_eventfd, &one, sizeof(one)), sizeof(one));
	for (int i = 0; i < 5; i++)
		su_root_step(t.root, 5);
}

static void the_record_follows_the_call(void **state)
{
	static struct record r;
	struct record_head h;
	char branch[64], id[128], invite[8192], to[256];
	const char *at;

	t.totag[0] = 0;
	assert_int_equal(load(&h, &r), -ENOENT);
	request("INVITE", TYPE, KEYED);
	strcpy(invite, expect(&t.carrier, "INVITE"));
	at = strstr(invite, "branch=");
	snprintf(branch, sizeof(branch), "%.*s", (int)strcspn(at + 7, ";\r"), at + 7);

	/* in setup: enough to answer the caller and to cancel the branch */
	assert_int_equal(load(&h, &r), 0);
	assert_int_equal(h.flags, RECORD_SETUP);
	assert_int_equal(r.state, CALL_SETUP);
	assert_true(within(&r.via, "branch=z9hG4bKcaller"));
	assert_int_equal(r.invite_cseq, 1);
	assert_true(says(&r.number, "4711"));
	assert_true(says(&r.caller.call_id, "callers"));
	assert_true(says(&r.caller.remote_tag, "ft"));
	assert_true(r.caller.uas && !r.has_callee);
	assert_int_equal(r.branches, 1);
	assert_int_equal(r.branch[0].state, ATTEMPT_CALLING);
	assert_true(says(&r.branch[0].branch, branch));
	assert_true(within(&r.branch[0].ruri, "sip:4711@"));
	assert_int_equal(r.branch[0].addr.port, t.carrier.port);
	assert_true(says(&r.branch[0].call_id, header(invite, "Call-ID", id, sizeof(id))));

	/* up: both dialogs */
	respond(invite, "200 OK", SDP);
	header(expect(&t.pbx, "SIP/2.0 200"), "To", to, sizeof(to));
	expect(&t.carrier, "ACK");
	snprintf(t.totag, sizeof(t.totag), "%s", strstr(to, ";tag="));
	request("ACK", "", "");
	for (int i = 0; i < 5; i++)
		su_root_step(t.root, 5);
	assert_int_equal(load(&h, &r), 0);
	assert_int_equal(h.flags, RECORD_LIVE);
	assert_int_equal(r.state, CALL_UP);
	assert_int_equal(r.via.length, 0);
	assert_int_equal(r.branches, 0);
	assert_true(r.has_callee && !r.callee.uas);
	assert_true(says(&r.caller.local_tag, t.totag + 5));
	assert_true(says(&r.callee.remote_tag, "carriers"));
	assert_true(says(&r.callee.branch, branch));
	assert_true(within(&r.callee.target, "sip:ca@127.0.0.1"));
	assert_true(within(&r.caller.theirs, "m=audio 9000"));
	assert_true(within(&r.caller.theirs, "inline:****")); /* keys stand in the session table alone */
	assert_false(within(&r.caller.theirs, "WVNf"));
	assert_true(within(&r.callee.ours, "m=audio 2000"));
	assert_int_equal(r.callee.end, 0);
	assert_true(r.callee.local_cseq > r.callee.invite_cseq);
	assert_true(says(&r.codec, "PCMU"));
	assert_int_equal(call_count(), 1);
	assert_int_equal(counted(&call_counters()->calls), 1);

	/* over: the slot's record names no call */
	request("BYE", "", "");
	expect(&t.pbx, "SIP/2.0 200");
	respond(expect(&t.carrier, "BYE"), "200 OK", "");
	for (int i = 0; i < 5; i++)
		su_root_step(t.root, 5);
	assert_int_equal(load(&h, &r), 0);
	assert_int_equal(h.flags, 0);
	assert_int_equal(h.length, 0);
	assert_int_equal(call_count(), 0);
	assert_int_equal(call_pending(), 1); /* media has not told its figures yet */
	media_closes();
	assert_int_equal(call_pending(), 0);
	assert_int_equal(anchor_free_slots(), 2);
	assert_int_equal(counted(&call_counters()->calls_answered), 1);
	assert_int_equal(counted(&call_counters()->records_unrestorable), 0);
}

/* A body that no copy holds: the call goes on, counted, and no cut record pretends to be one. */
static void too_much_is_unrestorable(void **state)
{
	static struct record r;
	static char big[9000];
	struct record_head h;
	size_t n = sizeof(SDP) - 1;

	t.totag[0] = 0;
	memcpy(big, SDP, n);
	while (n < 6000)
		n += (size_t)snprintf(big + n, sizeof(big) - n, "a=x-filler:%zu\r\n", n);
	request("INVITE", TYPE, big);
	expect(&t.carrier, "INVITE");
	assert_int_equal(counted(&call_counters()->records_unrestorable), 1);
	if (load(&h, &r) == 0)
		assert_int_equal(h.length, 0);
	request("CANCEL", "", "");
	expect(&t.pbx, "SIP/2.0 487");
	media_closes();
	assert_int_equal(call_count(), 0);
	assert_int_equal(call_pending(), 1); /* the branch may still answer */
	assert_int_equal(counted(&call_counters()->calls_cancelled), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_record_follows_the_call, setup, teardown),
		cmocka_unit_test_setup_teardown(too_much_is_unrestorable, setup, teardown),
	};
	int failed;

	listen_clock();
	su_init();
	t.root = su_root_create(NULL);
	su_root_threading(t.root, 0);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	su_root_destroy(t.root);
	su_deinit();
	return failed;
}
