// SPDX-License-Identifier: MIT
/* URIs to hops (RFC 3263), against two DNS servers of a page: NAPTR, SRV, addresses, CNAMEs, TTLs; servers that are silent, refuse, or send
 * what is no DNS; what was known before, and until when it serves. A71 A72 A108. */
#include <arpa/inet.h>
#include <limits.h>
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
#include "sig/edge/listen.h"
#include "sig/trunk/resolve.h"

enum mood { WELL, SILENT, SERVFAIL, BROKEN, FOREIGN, MUTATED, TRUNCATED };

struct rr {
	const char *name;
	uint16_t type;
	uint32_t ttl;
	unsigned char data[128];
	size_t size;
};

static struct {
	su_root_t *root;
	struct conf conf;
	struct conf_addr server[2];
	int fd[2];
	enum mood mood[2];
	const char *only; /* the mood is of this name's questions alone */
	struct rr rr[16];
	unsigned rrs, asked[2];
	char log[4096]; /* names asked for, with types */
	unsigned done;
	struct resolve_result last;
	struct resolve_hop hop[RESOLVE_MAX];
} t;

static const struct resolve_ways both = { { RESOLVE_A | RESOLVE_AAAA, RESOLVE_A } }, udp4 = { { RESOLVE_A, 0 } };

/* ---- the servers ---- */

static size_t put_name(unsigned char *p, const char *name)
{
	size_t n = 0;

	while (*name) {
		size_t label = strcspn(name, ".");

		p[n++] = (unsigned char)label;
		memcpy(p + n, name, label);
		n += label;
		name += label + (name[label] == '.');
	}
	p[n] = 0;
	return n + 1;
}

static size_t put16(unsigned char *p, unsigned v)
{
	p[0] = (unsigned char)(v >> 8);
	p[1] = (unsigned char)v;
	return 2;
}

static struct rr *add(const char *name, unsigned type, uint32_t ttl)
{
	struct rr *r = &t.rr[t.rrs++];

	*r = (struct rr){ .name = name, .type = (uint16_t)type, .ttl = ttl };
	return r;
}

static void add_a(const char *name, const char *ip, uint32_t ttl)
{
	struct rr *r = add(name, strchr(ip, ':') ? 28 : 1, ttl);

	inet_pton(r->type == 28 ? AF_INET6 : AF_INET, ip, r->data);
	r->size = r->type == 28 ? 16 : 4;
}

static void add_cname(const char *name, const char *to, uint32_t ttl)
{
	struct rr *r = add(name, 5, ttl);

	r->size = put_name(r->data, to);
}

static void add_srv(const char *name, unsigned priority, unsigned weight, unsigned port, const char *target, uint32_t ttl)
{
	struct rr *r = add(name, 33, ttl);

	r->size = put16(r->data, priority);
	r->size += put16(r->data + r->size, weight);
	r->size += put16(r->data + r->size, port);
	r->size += put_name(r->data + r->size, target);
}

static void add_naptr(const char *name, unsigned order, unsigned preference, const char *service, const char *to)
{
	struct rr *r = add(name, 35, 60);
	size_t n = put16(r->data, order);

	n += put16(r->data + n, preference);
	n += (size_t)sprintf((char *)r->data + n, "\1s%c%s", (int)strlen(service), service);
	r->data[n++] = 0;
	r->size = n + put_name(r->data + n, to);
}

static size_t put_rr(unsigned char *p, const struct rr *r)
{
	size_t n = put_name(p, r->name);

	n += put16(p + n, r->type);
	n += put16(p + n, 1);
	n += put16(p + n, r->ttl >> 16);
	n += put16(p + n, r->ttl & 0xffff);
	n += put16(p + n, (unsigned)r->size);
	memcpy(p + n, r->data, r->size);
	return n + r->size;
}

static uint32_t below(uint32_t n)
{
	static uint64_t seed = 20261121;

	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(seed >> 33) % n;
}

/* Almost the answer: some bytes behind the id are others, sometimes its end is missing. */
static void send_mutated(int fd, const unsigned char *answer, size_t size, const struct sockaddr_in *to)
{
	unsigned char p[1024];
	size_t n = below(4) ? size : 2 + below((uint32_t)size - 2);

	memcpy(p, answer, size);
	for (unsigned i = 1 + below(5); i--;)
		p[2 + below((uint32_t)size - 2)] = (unsigned char)(below(3) ? below(256) : 0xc0 | below(2) * 12);
	sendto(fd, p, n, 0, (const struct sockaddr *)to, sizeof(*to));
}

static void serve_one(unsigned server)
{
	unsigned char p[1024];
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	ssize_t got = recvfrom(t.fd[server], p, 512, 0, (struct sockaddr *)&from, &size);
	enum mood mood = t.mood[server];
	char name[256] = "";
	size_t n = 12, answers = 0;
	bool known = false;
	unsigned type;

	if (got < 17)
		return;
	for (; p[n]; n += p[n] + 1u)
		sprintf(name + strlen(name), "%s%.*s", *name ? "." : "", p[n], p + n + 1);
	type = p[n + 2];
	n += 5;
	t.asked[server]++;
	if (strlen(t.log) < 3800)
		sprintf(t.log + strlen(t.log), "%s/%u ", name, type);
	if (t.only && strcmp(t.only, name))
		mood = WELL;
	if (mood == SILENT)
		return;
	memset(p + 4, 0, 8);
	p[5] = 1;
	p[2] = 0x81;
	for (unsigned i = 0; i < t.rrs; i++) {
		known |= !strcmp(t.rr[i].name, name);
		if (mood == SERVFAIL || mood == BROKEN || mood == TRUNCATED || strcmp(t.rr[i].name, name) || (t.rr[i].type != type && t.rr[i].type != 5) || answers == 8)
			continue;
		n += put_rr(p + n, &t.rr[i]);
		answers++;
		if (t.rr[i].type == 5) { /* on with what it names, as a resolver does */
			const unsigned char *at = t.rr[i].data;

			for (*name = 0; *at; at += *at + 1)
				sprintf(name + strlen(name), "%s%.*s", *name ? "." : "", *at, at + 1);
			i = UINT_MAX;
		}
	}
	p[7] = (unsigned char)answers;
	p[2] |= mood == TRUNCATED ? 2 : 0;
	p[3] = mood == SERVFAIL ? 0x82 : known ? 0x80 : 0x83;
	if (mood == BROKEN) { /* a name that is a pointer at itself */
		p[7] = 1;
		n += put16(p + n, 0xc000 | (unsigned)n);
		n += put16(p + n, type);
		memset(p + n, 0, 12);
		n += 12;
	}
	if (mood == FOREIGN)
		p[13] ^= 1; /* of another name */
	for (unsigned i = 0; mood == MUTATED && i < 8; i++)
		send_mutated(t.fd[server], p, n, &from);
	sendto(t.fd[server], p, n, 0, (struct sockaddr *)&from, size);
}

/* ---- the rig ---- */

static int open_server(unsigned i)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(a);

	t.fd[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(t.fd[i], (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(t.fd[i], (struct sockaddr *)&a, &size), 0);
	t.server[i] = (struct conf_addr){ AF_INET, ntohs(a.sin_port), { 127, 0, 0, 1 } };
	return 0;
}

static int setup(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	open_server(0);
	open_server(1);
	t.conf.dns.servers = (struct conf_addrs){ t.server, 1 };
	t.conf.dns.stale_ms = 3600000;
	t.conf.scaled = true;
	t.conf.test.time_scale = 20; /* again after 100 ms */
	t.root = su_root_create(NULL);
	su_root_threading(t.root, 0);
	assert_int_equal(resolve_init(t.root, &t.conf), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	resolve_fini();
	su_root_destroy(t.root);
	close(t.fd[0]);
	close(t.fd[1]);
	return 0;
}

static void on_done(void *ctx, const struct resolve_result *r)
{
	assert_ptr_equal(ctx, &t);
	t.done++;
	t.last = *r;
	if (r->count)
		memcpy(t.hop, r->hop, r->count * sizeof(*r->hop));
}

static struct resolve_name *look(const char *host, unsigned port, int transport, const struct resolve_ways *ways)
{
	static struct conf_uri uri;

	uri = (struct conf_uri){ .host = host, .port = (uint16_t)port, .transport = transport == CONF_TCP, .named = transport >= 0 };
	return resolve_open(&uri, ways, on_done, &t);
}

/* Until so many rounds are over; false after 10 s. */
static bool rounds(unsigned n)
{
	uint64_t end = clock_mono_ns() + 10000 * CLOCK_NS_PER_MS;

	while (clock_mono_ns() < end && t.done < n) {
		su_root_step(t.root, 5);
		serve_one(0);
		serve_one(1);
	}
	return t.done >= n;
}

static void is_hop(unsigned i, const char *ip, unsigned port, int transport)
{
	struct kedge_addr a = { .port = (uint16_t)port, .family = strchr(ip, ':') ? AF_INET6 : AF_INET };

	inet_pton(a.family, ip, a.ip);
	assert_true(i < t.last.count);
	assert_memory_equal(&t.hop[i].addr, &a, sizeof(a));
	assert_int_equal(t.hop[i].transport, transport);
}

/* ---- RFC 3263 ---- */

static void with_a_port(void **state)
{
	(void)state;
	add_a("ca.example", "127.0.2.1", 60);
	add_a("ca.example", "2001:db8::1", 30);
	add_srv("_sip._udp.ca.example", 1, 1, 5070, "ca.example", 60);
	look("ca.example", 5080, -1, &both);
	assert_true(rounds(1));
	assert_int_equal(t.last.end, QUESTION_FOUND);
	assert_int_equal(t.last.count, 2);
	assert_int_equal(t.last.ttl, 30);
	is_hop(0, t.hop[0].addr.family == AF_INET ? "127.0.2.1" : "2001:db8::1", 5080, CONF_UDP);
	assert_null(strstr(t.log, "_sip"));
	assert_null(strstr(t.log, "/35"));
}

static void by_service(void **state)
{
	(void)state;
	add_srv("_sip._udp.ca.example", 20, 100, 5070, "sip3.ca.example", 60);
	add_srv("_sip._udp.ca.example", 10, 70, 5060, "sip1.ca.example", 60);
	add_srv("_sip._udp.ca.example", 10, 0, 5062, "sip2.ca.example", 60);
	add_a("sip1.ca.example", "127.0.2.1", 60);
	add_a("sip1.ca.example", "127.0.2.11", 60);
	add_a("sip2.ca.example", "127.0.2.2", 60);
	add_a("sip3.ca.example", "127.0.2.3", 60);
	add_a("ca.example", "127.0.2.9", 60);
	look("ca.example", 0, -1, &udp4);
	assert_true(rounds(1));
	assert_int_equal(t.last.count, 4);
	for (unsigned i = 0; i < 3; i++) {
		unsigned last = t.hop[i].addr.ip[3];

		assert_int_equal(t.hop[i].priority, 10);
		assert_int_equal(t.hop[i].weight, last == 2 ? 1 : 70 * 420);
		assert_int_equal(t.hop[i].addr.port, last == 2 ? 5062 : 5060);
	}
	is_hop(3, "127.0.2.3", 5070, CONF_UDP);
	assert_int_equal(t.hop[3].priority, 20);
}

static void by_naptr(void **state)
{
	(void)state;
	add_naptr("ca.example", 50, 50, "SIPS+D2T", "_sips._tcp.ca.example");
	add_naptr("ca.example", 90, 50, "SIP+D2T", "_sip._tcp.elsewhere.example");
	add_naptr("ca.example", 100, 50, "SIP+D2U", "_sip._udp.elsewhere.example");
	add_srv("_sip._tcp.elsewhere.example", 0, 1, 5066, "sip.elsewhere.example", 60);
	add_srv("_sip._udp.elsewhere.example", 0, 1, 5067, "sip.elsewhere.example", 60);
	add_srv("_sip._udp.ca.example", 0, 1, 5068, "sip.elsewhere.example", 60);
	add_a("sip.elsewhere.example", "127.0.2.1", 60);
	look("ca.example", 0, -1, &both);
	assert_true(rounds(1));
	assert_int_equal(t.last.count, 2);
	is_hop(0, "127.0.2.1", 5066, CONF_TCP);
	is_hop(1, "127.0.2.1", 5067, CONF_UDP);
	assert_true(t.hop[0].priority < t.hop[1].priority);
}

static void by_transport(void **state)
{
	(void)state;
	add_naptr("ca.example", 50, 50, "SIP+D2U", "_sip._udp.ca.example");
	add_srv("_sip._udp.ca.example", 0, 1, 5068, "ca.example", 60);
	add_srv("_sip._tcp.ca.example", 0, 1, 5069, "ca.example", 60);
	add_a("ca.example", "127.0.2.1", 60);
	look("ca.example", 0, CONF_TCP, &both);
	assert_true(rounds(1));
	assert_int_equal(t.last.count, 1);
	is_hop(0, "127.0.2.1", 5069, CONF_TCP);
	assert_null(strstr(t.log, "/35"));
	assert_null(strstr(t.log, "_udp"));
}

/* Neither NAPTR nor SRV: the name itself, UDP, 5060. A service "." is none. */
static void by_name(void **state)
{
	(void)state;
	add_a("ca.example", "127.0.2.1", 60);
	add_srv("_sip._udp.ca.example", 0, 1, 5068, "", 60);
	look("ca.example", 0, -1, &both);
	assert_true(rounds(1));
	assert_int_equal(t.last.count, 1);
	is_hop(0, "127.0.2.1", 5060, CONF_UDP);
}

static void by_cname(void **state)
{
	(void)state;
	add_cname("ca.example", "other.example", 7);
	add_cname("other.example", "real.example", 300);
	add_a("real.example", "127.0.2.1", 60);
	look("ca.example", 5060, -1, &udp4);
	assert_true(rounds(1));
	assert_int_equal(t.last.count, 1);
	assert_int_equal(t.last.ttl, 7);
}

static void cname_circle(void **state)
{
	(void)state;
	add_cname("ca.example", "other.example", 7);
	add_cname("other.example", "ca.example", 7);
	look("ca.example", 5060, -1, &udp4);
	assert_true(rounds(1));
	assert_int_equal(t.last.end, QUESTION_NO_RECORD);
	assert_true(t.asked[0] < 10);
}

/* ---- what goes wrong ---- */

static void later(void **state)
{
	(void)state;
	look("ca.example", 0, -1, &udp4);
	assert_true(rounds(1));
	assert_int_equal(t.last.end, QUESTION_NO_NAME);
	assert_int_equal(t.last.count, 0);
	assert_false(t.last.expired);
	add_a("ca.example", "127.0.2.1", 60);
	assert_true(rounds(2));
	assert_int_equal(t.last.end, QUESTION_FOUND);
	is_hop(0, "127.0.2.1", 5060, CONF_UDP);
}

static void no_address(void **state)
{
	(void)state;
	add_a("ca.example", "2001:db8::1", 60);
	look("ca.example", 5060, -1, &udp4);
	assert_true(rounds(1));
	assert_int_equal(t.last.end, QUESTION_NO_RECORD);
}

static void followed(void **state)
{
	uint64_t begin = clock_mono_ns(), ms;

	(void)state;
	add_a("ca.example", "127.0.2.1", 2);
	look("ca.example", 5060, -1, &udp4);
	assert_true(rounds(1));
	t.rrs = 0;
	add_a("ca.example", "127.0.2.2", 2);
	assert_true(rounds(2));
	ms = (clock_mono_ns() - begin) / CLOCK_NS_PER_MS;
	assert_in_range(ms, 1500, 2500);
	is_hop(0, "127.0.2.2", 5060, CONF_UDP);
}

/* A TTL of nothing is no storm. */
static void not_too_often(void **state)
{
	uint64_t begin = clock_mono_ns();

	(void)state;
	add_a("ca.example", "127.0.2.1", 0);
	look("ca.example", 5060, -1, &udp4);
	assert_true(rounds(3));
	assert_true(clock_mono_ns() - begin > 1800 * CLOCK_NS_PER_MS);
	assert_int_equal(t.asked[0], 3);
}

/* Silence: a failure with its reason; not expired before dns.stale, then it is. */
static void stale(void **state)
{
	(void)state;
	add_a("ca.example", "127.0.2.1", 1);
	look("ca.example", 5060, -1, &udp4);
	assert_true(rounds(1));
	t.mood[0] = SILENT;
	assert_true(rounds(2));
	assert_int_equal(t.last.end, QUESTION_SILENT);
	assert_false(t.last.expired);
	t.conf.dns.stale_ms = 1;
	t.mood[0] = SERVFAIL;
	assert_true(rounds(3));
	assert_int_equal(t.last.end, QUESTION_REFUSED);
	assert_true(t.last.expired);
}

/* One host of two cannot be told: what it had before stands; the other one is followed. */
static void a_part_is_missing(void **state)
{
	(void)state;
	add_srv("_sip._udp.ca.example", 1, 1, 5060, "sip1.ca.example", 1);
	add_srv("_sip._udp.ca.example", 2, 1, 5060, "sip2.ca.example", 1);
	add_a("sip1.ca.example", "127.0.2.1", 1);
	add_a("sip2.ca.example", "127.0.2.2", 1);
	look("ca.example", 0, -1, &udp4);
	assert_true(rounds(1));
	t.only = "sip1.ca.example";
	t.mood[0] = SERVFAIL;
	t.rr[3].data[3] = 3;
	assert_true(rounds(2));
	assert_int_equal(t.last.end, QUESTION_FOUND);
	assert_int_equal(t.last.count, 2);
	is_hop(0, "127.0.2.1", 5060, CONF_UDP);
	is_hop(1, "127.0.2.3", 5060, CONF_UDP);
}

/* Where SRV told the hosts, silence about it does not make the bare name one of them. */
static void service_unheard(void **state)
{
	(void)state;
	add_srv("_sip._udp.ca.example", 1, 1, 5060, "sip1.ca.example", 1);
	add_a("sip1.ca.example", "127.0.2.1", 1);
	add_a("ca.example", "127.0.2.80", 1);
	look("ca.example", 0, -1, &udp4);
	assert_true(rounds(1));
	is_hop(0, "127.0.2.1", 5060, CONF_UDP);
	t.only = "_sip._udp.ca.example";
	t.mood[0] = SERVFAIL;
	assert_true(rounds(2));
	assert_int_equal(t.last.end, QUESTION_REFUSED);
	t.mood[0] = TRUNCATED; /* so long that nothing of it has room */
	assert_true(rounds(3));
	assert_int_equal(t.last.end, QUESTION_REFUSED);
}

/* Nothing but what hangs the library's parser, or is of another question: as if it were silent. */
static void no_dns(void **state)
{
	(void)state;
	add_a("ca.example", "127.0.2.1", 60);
	t.mood[0] = BROKEN;
	look("ca.example", 5060, -1, &udp4);
	assert_true(rounds(1));
	assert_int_equal(t.last.end, QUESTION_SILENT);
	t.mood[0] = FOREIGN;
	assert_true(rounds(2));
	assert_int_equal(t.last.end, QUESTION_SILENT);
	t.mood[0] = WELL;
	assert_true(rounds(3));
	is_hop(0, "127.0.2.1", 5060, CONF_UDP);
}

static void on_question(void *ctx, const struct question_answer *a)
{
	(void)ctx;
	for (unsigned i = 0; i < a->count; i++)
		if (a->record[i].name)
			assert_true(strlen(a->record[i].name) < 256);
	t.done++;
}

/* The library sees nothing that it cannot take: thousands of answers that are almost right. */
static void almost_right(void **state)
{
	static const enum question_type types[] = { QUESTION_A, QUESTION_SRV, QUESTION_NAPTR, QUESTION_AAAA };

	(void)state;
	add_a("ca.example", "127.0.2.1", 60);
	add_a("ca.example", "2001:db8::1", 60);
	add_srv("ca.example", 1, 2, 5060, "sip1.ca.example", 60);
	add_srv("ca.example", 3, 4, 5060, "sip2.ca.example", 60);
	add_naptr("ca.example", 50, 50, "SIP+D2U", "_sip._udp.ca.example");
	add_cname("alias.example", "ca.example", 60);
	t.mood[0] = MUTATED;
	for (unsigned i = 0; i < 1000; i++) {
		assert_int_equal(question_ask(i % 3 ? "ca.example" : "alias.example", types[i % 4], on_question, NULL), 0);
		assert_true(rounds(i + 1));
	}
}

/* ---- two servers ---- */

static void two_servers(enum mood first)
{
	uint64_t begin = clock_mono_ns(), ms;

	resolve_fini();
	t.conf.dns.servers.count = 2;
	assert_int_equal(resolve_init(t.root, &t.conf), 0);
	add_a("ca.example", "127.0.2.1", 1);
	t.mood[0] = first;
	look("ca.example", 5060, -1, &udp4);
	assert_true(rounds(1));
	ms = (clock_mono_ns() - begin) / CLOCK_NS_PER_MS;
	assert_int_equal(t.last.end, QUESTION_FOUND);
	assert_int_equal(t.asked[0], 1);
	assert_int_equal(t.asked[1], 1);
	assert_in_range(ms, first == SILENT ? 500 : 0, first == SILENT ? 5000 : 400);
	assert_true(rounds(2)); /* the second is asked first from now on */
	assert_int_equal(t.asked[0], 1);
	assert_int_equal(t.asked[1], 2);
}

static void first_is_dead(void **state)
{
	(void)state;
	two_servers(SILENT);
}

static void first_refuses(void **state)
{
	(void)state;
	two_servers(SERVFAIL);
}

static void ended_while_asking(void **state)
{
	struct resolve_name *n = look("ca.example", 0, -1, &both);

	(void)state;
	su_root_step(t.root, 5);
	resolve_close(n);
	look("ca.example", 0, -1, &both);
	su_root_step(t.root, 5);
	resolve_fini();
	su_root_step(t.root, 5);
	assert_int_equal(t.done, 0);
	assert_int_equal(resolve_init(t.root, &t.conf), 0); /* for the teardown */
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(with_a_port), T(by_service), T(by_naptr), T(by_transport), T(by_name), T(by_cname), T(cname_circle),
		T(later), T(no_address), T(followed), T(not_too_often), T(stale), T(a_part_is_missing), T(service_unheard), T(no_dns), T(almost_right),
		T(first_is_dead), T(first_refuses), T(ended_while_asking),
	};
	int failed;

	listen_clock();
	su_init();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	su_deinit();
	return failed;
}
