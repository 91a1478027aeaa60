// SPDX-License-Identifier: MIT
// wire: where messages end, what cleaning leaves, answers of a request's own bytes. Exact buffers: a sanitizer sees one byte too far.
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "sig/edge/wire.h"

static const struct wire_limits limits = { 4096, 8 };

static char *exact(const char *text, size_t n)
{
	char *copy = malloc(n ? n : 1);

	memcpy(copy, text, n);
	return copy;
}

static void datagrams(void **state)
{
	static const struct {
		const char *in, *why; /* why: NULL for WHOLE */
		const char *out;      /* what is left; NULL: as it came */
	} rows[] = {
		{ "A b SIP/2.0\r\nl: 3\r\n\r\nxyz", NULL, NULL },
		{ "A b SIP/2.0\r\nl: 3\r\n\r\nxyzBYE", NULL, "A b SIP/2.0\r\nl: 3\r\n\r\nxyz" },
		{ "A b SIP/2.0\r\nContent-Length: 4\r\n\r\nxyz", "cut_short", NULL },
		{ "A b SIP/2.0\r\nContent-Length : 3\r\nl:3\r\n\r\nxyz", NULL, NULL },
		{ "A b SIP/2.0\r\nContent-Length: 3\r\nL: 2\r\n\r\nxyz", "two_lengths", NULL },
		{ "A b SIP/2.0\r\nContent-Length: 3\r\ncontent-length\t: 0\r\n\r\nxyz", "two_lengths", NULL },
		{ "A b SIP/2.0\r\nContent-Length: -1\r\n\r\n", "content_length", NULL },
		{ "A b SIP/2.0\r\nContent-Length: +0\r\n\r\n", "content_length", NULL },
		{ "A b SIP/2.0\r\nContent-Length: 0x0\r\n\r\n", "content_length", NULL },
		{ "A b SIP/2.0\r\nContent-Length:\r\n\r\n", "content_length", NULL },
		{ "A b SIP/2.0\r\nContent-Length: 0,0\r\n\r\n", "content_length", NULL },
		{ "A b SIP/2.0\r\nContent-Length: 4294967296\r\n\r\n", "content_length", NULL },
		{ "A b SIP/2.0\r\nContent-Length:\r\n 1\r\n\r\nx", NULL, "A b SIP/2.0\r\nContent-Length:   1\r\n\r\nx" },
		{ "A b SIP/2.0\r\nS: a\r\n\tb\r\n\r\n", NULL, "A b SIP/2.0\r\nS: a  \tb\r\n\r\n" },
		{ "A b SIP/2.0\r\nS: a\nX: b\r\n\r\n", NULL, "A b SIP/2.0\r\nS: a X: b\r\n\r\n" },
		{ "A b SIP/2.0\r\nS: a\rX: b\r\n\r\n", NULL, "A b SIP/2.0\r\nS: a X: b\r\n\r\n" },
		{ "A b SIP/2.0\r\nS: a\r\r\nX: b\r\n\r\n", NULL, "A b SIP/2.0\r\nS: a \r\nX: b\r\n\r\n" },
		{ "A b SIP/2.0\r\nS: a\r\n\rl: 5\r\n\nX\r\n\r\n", NULL, "A b SIP/2.0\r\nS: a   l: 5   X\r\n\r\n" },
		{ "A b SIP/2.0\r\nS: a\n\nBYE\r\n\r\n", NULL, "A b SIP/2.0\r\nS: a  BYE\r\n\r\n" },
		{ "A b SIP/2.0\nl: 9\n\n", "request_line", NULL },
		{ "A  b\tsip/2.0  \r\n\r\n", NULL, NULL },
		{ "A b;c; lr SIP/2.0\r\n\r\n", "request_line", NULL },
		{ "A SIP/2.0\r\n\r\n", "request_line", NULL },
		{ "A b HTTP/1.1\r\n\r\n", "request_line", NULL },
		{ "A b SIP/7.0\r\n\r\n", "version", NULL },
		{ "A b SIP/2.01\r\n\r\n", "version", NULL },
		{ "A b SIP/2.0\r\na:\r\nb:\r\nc:\r\nd:\r\ne:\r\nf:\r\ng:\r\nh:\r\n\r\n", "headers", NULL },
		{ "SIP/2.0 200 OK\r\nl: 1\r\n\r\n", "cut_short", NULL },
		{ "A", NULL, NULL },
		{ "\r\n\r\n", NULL, NULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n = strlen(rows[i].in);
		char *data = exact(rows[i].in, n);
		const char *out = rows[i].out ? rows[i].out : rows[i].in;
		struct wire_message m;
		enum wire_verdict v = wire_datagram(data, &n, &limits, &m);

		assert_int_equal(v, rows[i].why ? WIRE_BAD : WIRE_WHOLE);
		if (rows[i].why) {
			assert_string_equal(m.why, rows[i].why);
			assert_int_equal(m.status, strcmp(rows[i].why, "version") ? 400 : 505);
		} else {
			assert_int_equal(n, strlen(out));
			assert_memory_equal(data, out, n);
		}
		assert_int_equal(m.request, *rows[i].in == 'A' && n > 1);
		free(data);
	}
}

static void a_nul_is_a_space(void **state)
{
	static const char in[] = "A b SIP/2.0\r\nS: a\0b\r\nl: 2\r\n\r\n\0\n";
	size_t n = sizeof(in) - 1;
	char *data = exact(in, n);
	struct wire_message m;

	assert_int_equal(wire_datagram(data, &n, &limits, &m), WIRE_WHOLE);
	assert_int_equal(m.mended, 1);
	assert_memory_equal(data, "A b SIP/2.0\r\nS: a b\r\nl: 2\r\n\r\n\0\n", n); /* the body stays as it is */
	assert_int_equal(m.body, 2);
	free(data);
}

static void too_long(void **state)
{
	char *data = calloc(1, 5000);
	size_t n = 5000, seen = 0;
	struct wire_message m;

	memset(data, 'x', n);
	memcpy(data, "A b SIP/2.0\r\n\r\n", 15);
	assert_int_equal(wire_datagram(data, &n, &limits, &m), WIRE_BAD);
	assert_int_equal(m.status, 513);
	memset(data, 'x', 5000);
	assert_int_equal(wire_stream(data, 4095, &seen, &limits, &m), WIRE_PART);
	assert_int_equal(seen, 4095);
	assert_int_equal(wire_stream(data, 4096, &seen, &limits, &m), WIRE_BAD);
	assert_string_equal(m.why, "too_long");
	seen = 0;
	memcpy(data, "A b SIP/2.0\r\nl: 4090\r\n\r\n", 24);
	assert_int_equal(wire_stream(data, 30, &seen, &limits, &m), WIRE_BAD);
	free(data);
}

/* Every cut of two messages finds the same ends. */
static void streams(void **state)
{
	static const char two[] = "A b SIP/2.0\r\nl: 5\r\nS: f\r\n g\r\n\r\nx\r\n\r\nBYE c SIP/2.0\r\n\r\n";
	size_t first = strlen("A b SIP/2.0\r\nl: 5\r\nS: f\r\n g\r\n\r\nx\r\n\r\n"), all = sizeof(two) - 1;

	for (size_t cut = 1; cut < all; cut++) {
		char *data = exact(two, all);
		size_t seen = 0;
		struct wire_message m;
		enum wire_verdict v = wire_stream(data, cut, &seen, &limits, &m);

		assert_int_equal(v, cut < first ? WIRE_PART : WIRE_WHOLE);
		if (v == WIRE_PART && m.head)
			assert_int_equal(m.head + m.body, first);
		if (v == WIRE_PART)
			v = wire_stream(data, all, &seen, &limits, &m);
		assert_int_equal(v, WIRE_WHOLE);
		assert_int_equal(m.head + m.body, first);
		free(data);
	}
}

static void bad_streams(void **state)
{
	static const struct {
		const char *in, *why;
	} rows[] = {
		{ "GET / HTTP/1.1\r\n", "no_sip" },
		{ "\x16\x03\x01", "no_sip" },
		{ "A b\nSIP/2.0 c\r\nl: x\r\n\r\n", "content_length" },
		{ "A b SIP/2.0\r\nl: 1\r\nl: 2\r\n\r\n", "two_lengths" },
		{ "A b SIP/2.0\r\nc: text/plain\r\n\r\n", "no_length" },
		{ "A b SIP/2.0\r\nl: 1 2\r\n\r\n", "content_length" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n = strlen(rows[i].in), seen = 0;
		char *data = exact(rows[i].in, n);
		struct wire_message m;

		assert_int_equal(wire_stream(data, n, &seen, &limits, &m), WIRE_BAD);
		assert_string_equal(m.why, rows[i].why);
		free(data);
	}
}

static void answers(void **state)
{
	static const char base[] = "From: <sip:a>;tag=1\r\nTo: <sip:b>\r\nCall-ID: c\r\nCSeq: 1 X\r\n";
	static const struct {
		const char *first, *vias, *said; /* said NULL: no answer */
	} rows[] = {
		{ "X b SIP/2.0\r\n", "Via: SIP/2.0/UDP 192.0.2.1;branch=1\r\n", "Via: SIP/2.0/UDP 192.0.2.1;branch=1\r\n" },
		{ "X b SIP/2.0\r\n", "v: SIP/2.0/UDP h;branch=1,SIP/2.0/UDP i\r\nVIA : k\r\n",
		    "Via: SIP/2.0/UDP h;branch=1;received=192.0.2.1,SIP/2.0/UDP i\r\nVia: k\r\n" },
		{ "X b SIP/2.0\r\n", "Via: SIP/2.0/UDP 192.0.2.1;rport;branch=1\r\n",
		    "Via: SIP/2.0/UDP 192.0.2.1;rport=5060;branch=1;received=192.0.2.1\r\n" },
		{ "X b SIP/2.0\r\n", "", NULL },
		{ "ACK b SIP/2.0\r\n", "Via: h\r\n", NULL },
		{ "SIP/2.0 200 OK\r\n", "Via: h\r\n", NULL },
	};
	struct kedge_addr from = { .family = AF_INET, .port = 5060 };
	struct wire_answer a = { 403, "Forbidden", "t", NULL, &from };
	char in[512], out[512], want[512];

	inet_pton(AF_INET, "192.0.2.1", from.ip);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n = (size_t)sprintf(in, "%s%s%s\r\n", rows[i].first, rows[i].vias, base), said;
		char *data = exact(in, n);

		said = wire_answer(out, sizeof(out), data, n, &a);
		if (rows[i].said) {
			sprintf(want, "SIP/2.0 403 Forbidden\r\n%sFrom: <sip:a>;tag=1\r\nTo: <sip:b>;tag=t\r\nCall-ID: c\r\nCSeq: 1 X\r\nContent-Length: 0\r\n\r\n",
			    rows[i].said);
			assert_int_equal(said, strlen(want));
			assert_memory_equal(out, want, said);
			assert_int_equal(wire_answer(out, said - 1, data, n, &a), 0);
			assert_int_equal(wire_answer(out, said, data, n, &a), said);
		} else {
			assert_int_equal(said, 0);
		}
		free(data);
	}
}

static void scanners(void **state)
{
	static const char head[] = "X b SIP/2.0\r\nUser-Agent: Some SIPVicious 1\r\n\r\n";

	assert_true(wire_agent_is(head, sizeof(head) - 1, "a,sipvicious"));
	assert_true(wire_agent_is(head, sizeof(head) - 1, "sipvicious"));
	assert_false(wire_agent_is(head, sizeof(head) - 1, "sipvicious 12,,x"));
	assert_false(wire_agent_is(head, sizeof(head) - 1, ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(datagrams),
		cmocka_unit_test(a_nul_is_a_space),
		cmocka_unit_test(too_long),
		cmocka_unit_test(streams),
		cmocka_unit_test(bad_streams),
		cmocka_unit_test(answers),
		cmocka_unit_test(scanners),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
