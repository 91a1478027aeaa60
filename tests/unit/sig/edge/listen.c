// SPDX-License-Identifier: MIT
// listen: tokens, addresses, maddr; adopted sockets answer with what waited in them.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>
#include <sofia-sip/msg.h>
#include <sofia-sip/nta_stateless.h>
#include <sofia-sip/sip_status.h>
#include <sofia-sip/su.h>
#include <sofia-sip/su_tag.h>

#include "config/clock.h"
#include "sig/edge/listen.h"
#include "sig/edge/stream.h"

static void tokens_differ(void **state)
{
	static char all[5000][LISTEN_TOKEN];
	char branch[LISTEN_BRANCH];

	for (int i = 0; i < 5000; i++) {
		listen_token(all[i]);
		assert_int_equal(strlen(all[i]), LISTEN_TOKEN - 1);
		assert_int_equal(
		    strspn(all[i], "0123456789abcdefghjkmnpqrstvwxyz"), LISTEN_TOKEN - 1);
	}
	qsort(all, 5000, LISTEN_TOKEN, (int (*)(const void *, const void *))strcmp);
	for (int i = 1; i < 5000; i++)
		assert_string_not_equal(all[i - 1], all[i]);
	listen_branch(branch);
	assert_int_equal(strncmp(branch, "z9hG4bK", 7), 0);
	assert_int_equal(strlen(branch), LISTEN_BRANCH - 1);
}

static void maddr_loses_its_name(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "A\r\nVia: SIP/2.0/UDP h;maddr=1.2.3.4;branch=z\r\n\r\n",
		    "A\r\nVia: SIP/2.0/UDP h;xaddr=1.2.3.4;branch=z\r\n\r\n" },
		{ "A\r\nv:SIP/2.0/UDP h ; MADDR = 1\r\n\r\n",
		    "A\r\nv:SIP/2.0/UDP h ; xADDR = 1\r\n\r\n" },
		{ "A\nvIA : x;a\n ;maddr=1\n\n", "A\nvIA : x;a\n ;xaddr=1\n\n" },
		{ "A\r\nVia: x;\r\n\tmaddr=1\r\n\r\n", "A\r\nVia: x;\r\n\txaddr=1\r\n\r\n" },
		{ "A\r\nVia: x,y;maddr=1\r\nVia: z;maddr=2\r\n\r\n",
		    "A\r\nVia: x,y;xaddr=1\r\nVia: z;xaddr=2\r\n\r\n" },
		{ "A\r\nContact: <sip:a;maddr=1>\r\n\r\nmaddr",
		    "A\r\nContact: <sip:a;maddr=1>\r\n\r\nmaddr" },
		{ "A\r\nX: 1\r\n\r\nVia: x;maddr=1\r\n", "A\r\nX: 1\r\n\r\nVia: x;maddr=1\r\n" },
		{ "A\r\nVia: x;maddrs=1;amaddr=2;maddr\r\n\r\n",
		    "A\r\nVia: x;maddrs=1;amaddr=2;maddr\r\n\r\n" },
		{ "Via: x;maddr=1", "Via: x;xaddr=1" },
		{ "Via: x;maddr", "Via: x;maddr" },
		{ "Via: x;", "Via: x;" },
		{ "v", "v" },
		{ "", "" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n = strlen(rows[i].in);
		char *exact =
		    malloc(n + 1); /* no NUL: a read behind it is found by the sanitizer */

		memcpy(exact, rows[i].in, n);
		listen_defuse_maddr(exact, n);
		assert_memory_equal(exact, rows[i].out, n);
		free(exact);
	}
}

/* ---- adopted sockets ---- */

static struct {
	su_root_t *root;
	int requests;
	char method[16];
} heard;

static void on_request(unsigned iface, nta_agent_t *agent, msg_t *msg, sip_t *sip)
{
	assert_int_equal(iface, 1);
	heard.requests++;
	strncpy(heard.method, sip->sip_request->rq_method_name, sizeof(heard.method) - 1);
	nta_msg_treply(agent, msg, SIP_200_OK, TAG_END());
}

static void on_response(unsigned iface, nta_agent_t *agent, msg_t *msg, sip_t *sip)
{
	msg_destroy(msg);
}

static int bound(struct kedge_listener *l, int family, int type)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr *sa = family == AF_INET ? (struct sockaddr *)&in : (struct sockaddr *)&in6;
	socklen_t size = family == AF_INET ? sizeof(in) : sizeof(in6);
	int fd = socket(family, type | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, sa, size) < 0)
		return -1;
	getsockname(fd, sa, &size);
	memset(l, 0, sizeof(*l));
	l->fd = fd;
	l->stream = type == SOCK_STREAM;
	l->iface = 1;
	l->addr.family = (uint16_t)family;
	l->addr.port = ntohs(family == AF_INET ? in.sin_port : in6.sin6_port);
	if (family == AF_INET)
		memcpy(l->addr.ip, &in.sin_addr, 4);
	else
		memcpy(l->addr.ip, &in6.sin6_addr, 16);
	return 0;
}

static void send_options(const struct kedge_listener *l, int from)
{
	static const char options[] =
	    "OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK1;rport\r\n"
	    "From: <sip:a@b>;tag=1\r\nTo: <sip:x>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n"
	    "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n";
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(l->addr.port) };

	memcpy(&to.sin_addr, l->addr.ip, 4);
	assert_int_equal(
	    sendto(from, options, sizeof(options) - 1, 0, (struct sockaddr *)&to, sizeof(to)),
	    sizeof(options) - 1);
}

/* What came while no plane was there waits in the held socket, and the library's self test does
 * not eat it. */
static void adopts_what_waited(void **state)
{
	static const struct listen_handlers handlers = { .request = on_request,
		.response = on_response };
	struct conf_sip sip = { .t1_ms = 500, .t2_ms = 4000, .t4_ms = 5000 };
	struct kedge_listener list[2];
	struct kedge_addr at;
	char hostport[64], answer[2048];
	int from = socket(AF_INET, SOCK_DGRAM, 0);
	ssize_t n = -1;

	assert_int_equal(bound(&list[0], AF_INET, SOCK_DGRAM), 0);
	if (bound(&list[1], AF_INET6, SOCK_STREAM) < 0)
		assert_int_equal(bound(&list[1], AF_INET, SOCK_STREAM), 0);
	send_options(&list[0], from);
	assert_int_equal(listen_init(heard.root, &sip, list, 2, &handlers), 0);
	for (int i = 0; i < 50 && heard.requests == 0; i++)
		su_root_step(heard.root, 20);
	assert_int_equal(heard.requests, 1);
	assert_string_equal(heard.method, "OPTIONS");
	for (int i = 0; i < 50 && n < 0; i++)
		n = recv(from, answer, sizeof(answer) - 1, MSG_DONTWAIT), usleep(1000);
	assert_true(n > 0);
	assert_int_equal(strncmp(answer, "SIP/2.0 200", 11), 0);
	assert_non_null(listen_agent(1, AF_INET));
	assert_null(listen_agent(0, AF_INET));
	assert_null(listen_agent(99, AF_INET));
	assert_int_equal(listen_local(1, AF_INET, 0, &at), 0);
	assert_int_equal(at.port, list[0].addr.port);
	assert_int_equal(listen_local(1, AF_INET6, 0, &at), -ENOENT);
	assert_int_equal(listen_hostport(1, AF_INET, 0, hostport, sizeof(hostport)), 0);
	assert_int_equal(listen_hostport(1, AF_INET, 0, hostport, 5), -ENOSPC);
	listen_fini();
	/* the supervisor still has it: a datagram finds it open */
	send_options(&list[0], from);
	assert_true(fcntl(list[0].fd, F_GETFD) >= 0);
	n = -1;
	for (int i = 0; i < 50 && n < 0; i++)
		n = recv(list[0].fd, answer, sizeof(answer), MSG_DONTWAIT), usleep(1000);
	assert_true(n > 0);
	close(from);
	close(list[0].fd);
	close(list[1].fd);
}

static struct {
	bool open;
	int asked, no_fd;
} door;

static bool on_welcome(unsigned iface, const struct kedge_addr *from)
{
	assert_int_equal(iface, 1);
	assert_int_equal(from->family, AF_INET);
	door.asked++;
	return door.open;
}

static void on_no_fd(void)
{
	door.no_fd++;
}

static int connected(const struct kedge_listener *l)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(l->addr.port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(&to.sin_addr, l->addr.ip, 4);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	stream_closed(fd); /* this end is the peer's, though it is in our process */
	return fd;
}

#define FEW 64 /* descriptors, for a while */

/* 0: closed by the other side; -1: still open. */
static ssize_t state_of(int fd)
{
	char byte;

	for (int i = 0; i < 5; i++)
		su_root_step(heard.root, 10);
	return recv(fd, &byte, 1, MSG_DONTWAIT);
}

static void turns_connections_away(void **state)
{
	static const struct listen_handlers handlers = { on_request, on_response, on_welcome,
		NULL, on_no_fd, NULL };
	struct conf_sip sip = { .t1_ms = 500, .t2_ms = 4000, .t4_ms = 5000 };
	struct kedge_listener l;
	struct rlimit old, few;
	int friend, stranger, late, n = 0, filler[FEW];

	assert_int_equal(bound(&l, AF_INET, SOCK_STREAM), 0);
	assert_int_equal(listen_init(heard.root, &sip, &l, 1, &handlers), 0);
	door.open = true;
	friend = connected(&l);
	assert_int_equal(state_of(friend), -1);
	door.open = false;
	stranger = connected(&l);
	assert_int_equal(state_of(stranger), 0);
	assert_int_equal(door.asked, 2);
	/* no descriptor left: the one who comes now is closed, the one before is not, and the loop
	 * does not spin */
	door.open = true;
	late = connected(&l);
	assert_true(listen_fd_left());
	getrlimit(RLIMIT_NOFILE, &old);
	few = old;
	few.rlim_cur = FEW;
	setrlimit(RLIMIT_NOFILE, &few);
	while (n < FEW && (filler[n] = fcntl(l.fd, F_DUPFD_CLOEXEC, 0)) >= 0)
		n++;
	assert_false(listen_fd_left());
	assert_int_equal(state_of(late), 0);
	while (n > 0)
		close(filler[--n]);
	setrlimit(RLIMIT_NOFILE, &old);
	assert_true(listen_fd_left());
	assert_int_equal(door.no_fd, 1);
	assert_int_equal(door.asked, 2);
	assert_int_equal(state_of(friend), -1);
	listen_fini();
	close(friend);
	close(stranger);
	close(late);
	close(l.fd);
}

static void refuses_bad_lists(void **state)
{
	static const struct listen_handlers handlers = { .request = on_request,
		.response = on_response };
	struct conf_sip sip = { .t1_ms = 500, .t2_ms = 4000, .t4_ms = 5000 };
	struct kedge_listener l = { .fd = -1, .iface = 0, .addr = { .family = AF_INET } };

	assert_int_equal(listen_init(heard.root, &sip, &l, 0, &handlers), -EINVAL);
	assert_int_equal(listen_init(heard.root, &sip, &l, 1, &handlers), -EINVAL);
	l.fd = 0;
	l.iface = LISTEN_IFACES;
	assert_int_equal(listen_init(heard.root, &sip, &l, 1, &handlers), -EINVAL);
}

/* nta's timers run on whole milliseconds of the monotonic clock. */
static void clock_is_monotonic(void **state)
{
	uint64_t a = listen_clock_ms(), mono = clock_mono_ns();
	su_time_t t = su_now();
	uint64_t b;

	assert_int_equal(t.tv_usec % 1000, 0);
	usleep(20000);
	b = listen_clock_ms();
	assert_in_range(b - a, 19, (clock_mono_ns() - mono) / CLOCK_NS_PER_MS + 1);
}

static void prints(void **state)
{
	struct kedge_addr a = { .family = AF_INET, .port = 5060, .ip = { 192, 0, 2, 1 } };
	struct kedge_addr b = {
		.family = AF_INET6, .port = 5061, .ip = { 0x20, 1, 0xd, 0xb8, [15] = 1 }
	};
	char text[64];

	assert_string_equal(listen_print(&a, text, sizeof(text)), "192.0.2.1:5060");
	assert_string_equal(listen_print(&b, text, sizeof(text)), "[2001:db8::1]:5061");
	a.family = 0;
	assert_string_equal(listen_print(&a, text, sizeof(text)), "-");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_differ),
		cmocka_unit_test(maddr_loses_its_name),
		cmocka_unit_test(refuses_bad_lists),
		cmocka_unit_test(adopts_what_waited),
		cmocka_unit_test(turns_connections_away),
		cmocka_unit_test(clock_is_monotonic),
		cmocka_unit_test(prints),
	};
	int failed;

	listen_clock();
	su_init();
	heard.root = su_root_create(NULL);
	su_root_threading(heard.root, 0);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	su_root_destroy(heard.root);
	su_deinit();
	return failed;
}
