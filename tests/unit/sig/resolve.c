// SPDX-License-Identifier: MIT
/* Names to addresses, against a DNS server of a page: A, AAAA, both, a CNAME on the way, nothing there, and later there. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <sofia-sip/su.h>

#include "config/clock.h"
#include "sig/listen.h"
#include "sig/resolve.h"

static struct {
	su_root_t *root;
	int fd;
	char conf[64];
	bool a, aaaa, cname; /* what the server knows */
	unsigned queries, calls, count;
	struct kedge_addr addr[RESOLVE_MAX];
} t;

static int setup(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(a);
	FILE *f;
	int fd;

	memset(&t, 0, sizeof(t));
	t.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(t.fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(t.fd, (struct sockaddr *)&a, &size), 0);
	strcpy(t.conf, "/tmp/kedge-resolve-XXXXXX");
	fd = mkstemp(t.conf);
	assert_true(fd >= 0);
	f = fdopen(fd, "w");
	fprintf(f, "nameserver 127.0.0.1\nport %u\n", ntohs(a.sin_port));
	fclose(f);
	t.root = su_root_create(NULL);
	su_root_threading(t.root, 0);
	assert_int_equal(resolve_init(t.root, t.conf), 0);
	return 0;
}

static int teardown(void **state)
{
	resolve_fini();
	su_root_destroy(t.root);
	close(t.fd);
	unlink(t.conf);
	return 0;
}

static size_t put(unsigned char *p, size_t n, const char *bytes, size_t count)
{
	memcpy(p + n, bytes, count);
	return n + count;
}

/* One answer record; c00c is the question's name, c000 + at another one. */
static size_t put_record(unsigned char *p, size_t n, unsigned name, unsigned type, const char *data, size_t size)
{
	unsigned char head[12] = { 0xc0 | (name >> 8), name & 0xff, 0, type, 0, 1, 0, 0, 0, 60, 0, size };

	n = put(p, n, (char *)head, sizeof(head));
	return put(p, n, data, size);
}

static void serve(void)
{
	unsigned char p[512];
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	ssize_t got = recvfrom(t.fd, p, 256, 0, (struct sockaddr *)&from, &size);
	size_t n = 12, records = 0;
	unsigned type, name = 12;

	if (got < 17)
		return;
	t.queries++;
	while (p[n])
		n += p[n] + 1u;
	type = p[n + 2];
	n += 5;
	p[2] = 0x81;
	p[3] = t.a || t.aaaa ? 0x80 : 0x83; /* NXDOMAIN */
	p[10] = p[11] = p[8] = p[9] = 0;
	if (t.cname) {
		name = (unsigned)n + 12;
		n = put_record(p, n, 12, 5, "\x04" "real\xc0\x0c", 7);
		records++;
	}
	if (type == 1 && t.a) {
		n = put_record(p, n, name, 1, "\x7f\x00\x02\x01", 4);
		n = put_record(p, n, name, 1, "\x7f\x00\x02\x02", 4);
		records += 2;
	}
	if (type == 28 && t.aaaa) {
		n = put_record(p, n, name, 28, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16);
		records++;
	}
	p[7] = (unsigned char)records;
	sendto(t.fd, p, n, 0, (struct sockaddr *)&from, size);
}

static void on_found(void *ctx, const struct kedge_addr *addr, unsigned count)
{
	assert_ptr_equal(ctx, &t);
	t.calls++;
	t.count = count;
	memcpy(t.addr, addr, count * sizeof(*addr));
}

static void run_for(unsigned ms)
{
	uint64_t end = clock_mono_ns() + ms * CLOCK_NS_PER_MS;

	while (clock_mono_ns() < end && !t.calls) {
		su_root_step(t.root, 5);
		serve();
	}
}

static void both(void **state)
{
	t.a = t.aaaa = true;
	assert_int_equal(resolve_host("sip.carrier.example", RESOLVE_A | RESOLVE_AAAA, on_found, &t), 0);
	run_for(3000);
	assert_int_equal(t.calls, 1);
	assert_int_equal(t.count, 3);
	assert_int_equal(t.queries, 2);
	for (unsigned i = 0, v6 = 0; i < 3; i++) {
		v6 += t.addr[i].family == AF_INET6;
		assert_int_equal(t.addr[i].port, 0);
		if (i == 2)
			assert_int_equal(v6, 1);
	}
}

static void one_family(void **state)
{
	t.a = t.aaaa = true;
	resolve_host("sip.carrier.example", RESOLVE_A, on_found, &t);
	run_for(3000);
	assert_int_equal(t.count, 2);
	assert_int_equal(t.queries, 1);
	assert_int_equal(t.addr[0].family, AF_INET);
	assert_int_equal(t.addr[0].ip[0], 127);
}

static void by_cname(void **state)
{
	t.a = t.cname = true;
	resolve_host("sip.carrier.example", RESOLVE_A, on_found, &t);
	run_for(3000);
	assert_int_equal(t.count, 2);
}

/* Nothing there: asked again two seconds later, and `found` never comes with nothing. */
static void later(void **state)
{
	resolve_host("sip.carrier.example", RESOLVE_A, on_found, &t);
	run_for(1500);
	assert_int_equal(t.calls, 0);
	assert_int_equal(t.queries, 1);
	t.a = true;
	run_for(3000);
	assert_int_equal(t.calls, 1);
	assert_int_equal(t.count, 2);
}

static void ended_while_asking(void **state)
{
	resolve_host("sip.carrier.example", RESOLVE_A | RESOLVE_AAAA, on_found, &t);
	su_root_step(t.root, 5);
	resolve_fini();
	su_root_step(t.root, 5);
	assert_int_equal(t.calls, 0);
	assert_int_equal(resolve_init(t.root, t.conf), 0); /* for the teardown */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(both, setup, teardown),
		cmocka_unit_test_setup_teardown(one_family, setup, teardown),
		cmocka_unit_test_setup_teardown(by_cname, setup, teardown),
		cmocka_unit_test_setup_teardown(later, setup, teardown),
		cmocka_unit_test_setup_teardown(ended_while_asking, setup, teardown),
	};
	int failed;

	listen_clock();
	su_init();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	su_deinit();
	return failed;
}
