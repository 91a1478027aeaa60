// SPDX-License-Identifier: MIT
// stream (A111): what the library gets of a connection: whole messages, however the bytes come; half of one no longer than the limit, no more than
// 64 KiB held, nothing that can be read in two ways; what our hook refuses, and a maddr, never.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/clock.h"
#include "sig/edge/stream.h"

#define ONE "OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/TCP b;branch=1\r\nContent-Length: 4\r\n\r\nbody"
#define TWO "BYE sip:a SIP/2.0\r\nVia: SIP/2.0/TCP b;branch=2\r\nl: 0\r\n\r\n"
#define HALF_NS (32 * CLOCK_NS_PER_S)

static struct {
	char why[32];
	unsigned cuts, messages;
} heard;

static void on_cut(const struct kedge_addr *from, const char *why)
{
	assert_int_equal(from->port, 5060);
	snprintf(heard.why, sizeof(heard.why), "%s", why);
	heard.cuts++;
}

static bool on_message(const struct kedge_addr *from, char *data, size_t head)
{
	heard.messages++;
	return !memmem(data, head, "Refuse", 6);
}

static const struct stream_hooks hooks = { on_cut, NULL, on_message };

/* [0]: the peer's end; [1]: ours. */
static void begin(int pair[2])
{
	static const struct wire_limits limits = { WIRE_MAX, 100 };
	struct kedge_addr from = { .family = AF_INET, .port = 5060, .ip = { 192, 0, 2, 1 } };

	memset(&heard, 0, sizeof(heard));
	stream_set(&limits, HALF_NS, &hooks);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	assert_int_equal(stream_accepted(pair[1], &from), 0);
}

static void end(int pair[2])
{
	uint32_t of_source;
	struct kedge_addr from = { .family = AF_INET, .ip = { 192, 0, 2, 1 } };

	assert_int_equal(stream_count(&from, &of_source), 1);
	assert_int_equal(of_source, 1);
	stream_closed(pair[1]);
	assert_false(stream_is(pair[1]));
	assert_int_equal(stream_count(&from, &of_source), 0);
	close(pair[0]);
	close(pair[1]);
}

static void put(int fd, const char *text, size_t n)
{
	assert_int_equal(write(fd, text, n), n);
}

/* What the library would read now. */
static const char *got(int fd)
{
	static char out[2 * WIRE_MAX + 1];
	ssize_t n = stream_ready(fd), half;

	out[0] = 0;
	if (n <= 0)
		return n == -EAGAIN ? "" : "end";
	assert_int_equal(stream_take(fd, out, 1, true), 1); /* peeked: it stays */
	half = n / 2;
	assert_int_equal(half ? stream_take(fd, out, (size_t)half, false) : 0, half);
	assert_int_equal(stream_take(fd, out + half, sizeof(out), false), n - half);
	assert_int_equal(stream_take(fd, out + n, 1, false), -EAGAIN);
	out[n] = 0;
	return out;
}

static void byte_by_byte(void **state)
{
	int pair[2];

	begin(pair);
	for (size_t i = 0; i < sizeof(ONE) - 2; i++) {
		put(pair[0], ONE + i, 1);
		assert_string_equal(got(pair[1]), "");
	}
	put(pair[0], "y", 1);
	assert_string_equal(got(pair[1]), ONE);
	assert_int_equal(heard.messages, 1);
	end(pair);
}

static void several_at_once(void **state)
{
	static const char many[] = "\r\n\r\n" ONE "\r\n" TWO ONE;
	int pair[2];

	begin(pair);
	put(pair[0], many, sizeof(many) - 1);
	put(pair[0], TWO, 20);
	assert_string_equal(got(pair[1]), many);
	put(pair[0], TWO + 20, sizeof(TWO) - 21);
	assert_string_equal(got(pair[1]), TWO);
	assert_int_equal(heard.messages, 4);
	end(pair);
}

static void refused_between(void **state)
{
	static const char bad[] = "BYE sip:a SIP/2.0\r\nRefuse: me\r\nl: 2\r\n\r\nxx";
	int pair[2];

	begin(pair);
	put(pair[0], ONE, sizeof(ONE) - 1);
	put(pair[0], bad, sizeof(bad) - 1);
	put(pair[0], TWO, sizeof(TWO) - 1);
	assert_string_equal(got(pair[1]), ONE TWO);
	put(pair[0], bad, sizeof(bad) - 1);
	assert_string_equal(got(pair[1]), "");
	put(pair[0], TWO, sizeof(TWO) - 1);
	assert_string_equal(got(pair[1]), TWO);
	assert_int_equal(heard.cuts, 0);
	end(pair);
}

static void maddr_has_no_power(void **state)
{
	static const char in[] = "BYE sip:a SIP/2.0\r\nVia: SIP/2.0/TCP b;maddr=192.0.2.9\r\nl: 7\r\n\r\n;maddr=";
	static const char out[] = "BYE sip:a SIP/2.0\r\nVia: SIP/2.0/TCP b;xaddr=192.0.2.9\r\nl: 7\r\n\r\n;maddr=";
	int pair[2];

	begin(pair);
	put(pair[0], in, sizeof(in) - 1);
	assert_string_equal(got(pair[1]), out);
	end(pair);
}

static void two_lengths(void **state)
{
	static const char bad[] = "BYE sip:a SIP/2.0\r\nContent-Length: 5\r\nl: 0\r\n\r\nEVIL ";
	int pair[2];

	begin(pair);
	put(pair[0], ONE, sizeof(ONE) - 1);
	put(pair[0], bad, sizeof(bad) - 1);
	assert_string_equal(got(pair[1]), ONE); /* what came before is a message all the same */
	assert_string_equal(heard.why, "two_lengths");
	assert_string_equal(got(pair[1]), "end");
	end(pair);
}

static void half_a_message(void **state)
{
	uint64_t now = clock_mono_ns();
	int pair[2];

	begin(pair);
	put(pair[0], ONE, 40);
	assert_string_equal(got(pair[1]), "");
	stream_tick(now + HALF_NS - CLOCK_NS_PER_S);
	assert_int_equal(heard.cuts, 0);
	put(pair[0], ONE + 40, 1); /* one byte more is no new message */
	assert_string_equal(got(pair[1]), "");
	stream_tick(clock_mono_ns() + HALF_NS);
	assert_int_equal(heard.cuts, 1);
	assert_string_equal(heard.why, "half");
	assert_string_equal(got(pair[1]), "end");
	end(pair);
}

/* Nobody is cut for a connection at rest, however long. */
static void at_rest(void **state)
{
	int pair[2];

	begin(pair);
	put(pair[0], ONE, sizeof(ONE) - 1);
	assert_string_equal(got(pair[1]), ONE);
	stream_tick(clock_mono_ns() + 100 * HALF_NS);
	assert_int_equal(heard.cuts, 0);
	end(pair);
}

static void never_more_than_64_kib(void **state)
{
	static const char line[] = "X-Long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"; /* no end of it */
	size_t sent = sizeof(line) - 1;
	int pair[2];

	begin(pair);
	put(pair[0], "BYE sip:a SIP/2.0\r\n", 19);
	put(pair[0], line, sizeof(line) - 1);
	for (; !heard.cuts && sent < 2 * WIRE_MAX; sent += 1000) {
		static char more[1000];

		memset(more, 'a', sizeof(more));
		put(pair[0], more, sizeof(more));
		got(pair[1]);
	}
	assert_string_equal(heard.why, "too_long");
	assert_true(sent <= WIRE_MAX + 1000);
	end(pair);
}

static void a_body_too_long(void **state)
{
	static const char bad[] = "BYE sip:a SIP/2.0\r\nContent-Length: 65536\r\n\r\n";
	int pair[2];

	begin(pair);
	put(pair[0], bad, sizeof(bad) - 1);
	assert_string_equal(got(pair[1]), "end"); /* by its word, before the first byte of it */
	assert_string_equal(heard.why, "too_long");
	end(pair);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(byte_by_byte),
		cmocka_unit_test(several_at_once),
		cmocka_unit_test(refused_between),
		cmocka_unit_test(maddr_has_no_power),
		cmocka_unit_test(two_lengths),
		cmocka_unit_test(half_a_message),
		cmocka_unit_test(at_rest),
		cmocka_unit_test(never_more_than_64_kib),
		cmocka_unit_test(a_body_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
