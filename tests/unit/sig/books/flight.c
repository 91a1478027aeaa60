// SPDX-License-Identifier: MIT
/* The flight recorder's store: which messages are of which call, what stays and what gives way, in room of one size (A157). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/clock.h"
#include "sig/books/flight.h"
#include "sig/books/flight_part.h"
#include "sig/books/flight_text.h"

#define MB (1u << 20)

static uint64_t now = 1000;

static struct kedge_addr peer(uint8_t host)
{
	return (struct kedge_addr){ .family = AF_INET, .port = 5060, .ip = { 127, 0, 2, host } };
}

/* first: the start line; body: of that many bytes. */
static const char *message(const char *first, const char *call_id, const char *branch, size_t body)
{
	static char text[1 << 16];
	size_t n = (size_t)snprintf(text, sizeof(text),
	    "%s\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;branch=%s\r\nFrom: <sip:a@x>;tag=1\r\nTo: <sip:b@x>\r\nCall-ID:  %s \r\nCSeq: 1 INVITE\r\nContent-Length: %zu\r\n\r\n",
	    first, branch, call_id, body);

	memset(text + n, 'x', body);
	text[n + body] = 0;
	return text;
}

/* True where somebody wanted it. pieces: it comes in so many. */
static bool pass(bool out, uint8_t host, const char *text, size_t pieces)
{
	struct iovec v[8];
	size_t size = strlen(text), used = 0;
	struct flight_way way = { .out = out, .peer = peer(host) };

	for (size_t i = 0; i < pieces; i++) {
		v[i].iov_base = (void *)(text + used);
		v[i].iov_len = i + 1 < pieces ? size / pieces : size - used;
		used += v[i].iov_len;
	}
	if (!flight_wants(out, v, pieces))
		return false;
	flight_take(&way, v, pieces, now++);
	return true;
}

static bool in(const char *first, const char *call_id)
{
	return pass(false, 1, message(first, call_id, "z9hG4bK1", 0), 1);
}

static const char invite[] = "INVITE sip:b@x SIP/2.0", bye[] = "BYE sip:b@x SIP/2.0";

static void begin(uint64_t call, const char *call_id)
{
	in(invite, call_id);
	flight_begin(call, call_id, now);
}

static unsigned count(uint64_t call)
{
	struct flight_copy *c = flight_read(call);
	struct flight_message m;
	unsigned n = 0;

	for (size_t at = 0; c && flight_next(c, &at, &m);)
		n++;
	free(c);
	return n;
}

static int opened(void **state)
{
	return flight_open(MB);
}

static int closed(void **state)
{
	flight_close();
	return 0;
}

static void all_legs(void **state)
{
	struct flight_copy *c;
	struct flight_message m;
	size_t at = 0;
	char long_one[8000];

	assert_false(pass(true, 1, message("SIP/2.0 200 OK", "one", "b", 0), 1)); /* nobody's */
	assert_false(in(bye, "one"));
	begin(7, "one");
	assert_false(pass(true, 2, message(invite, "two", "c", 0), 1)); /* not told yet that this is ours */
	flight_leg(7, "two");
	snprintf(long_one, sizeof(long_one), "%.7999s", message(invite, "two", "c", 5000));
	assert_true(pass(true, 2, long_one, 8)); /* its Call-ID may lie in any of the pieces */
	flight_note(7, "a word of ours", now++);
	assert_true(pass(false, 2, message("SIP/2.0 503 No", "two", "c", 0), 1));
	assert_true(pass(true, 1, message("SIP/2.0 503 No", "one", "b", 0), 1));
	assert_false(pass(true, 1, "\r\n\r\n", 1));
	assert_false(pass(true, 1, "a=1\r\nCall-ID: one\r\n\r\n", 1)); /* the rest of a message of a connection */

	c = flight_read(7);
	assert_non_null(c);
	assert_int_equal(c->messages, 4);
	assert_int_equal(c->left_out, 0);
	assert_true(flight_next(c, &at, &m) && !m.way.out && !memcmp(m.text, invite, strlen(invite)));
	assert_true(flight_next(c, &at, &m) && m.way.out && m.size == strlen(long_one) && !memcmp(m.text, long_one, m.size));
	assert_int_equal(m.way.peer.ip[3], 2);
	assert_true(flight_next(c, &at, &m) && m.note && m.size == 14 && !memcmp(m.text, "a word of ours", 14));
	assert_true(flight_next(c, &at, &m) && !m.way.out);
	assert_true(flight_next(c, &at, &m) && m.way.out);
	assert_false(flight_next(c, &at, &m));
	free(c);
}

static void well_ended_goes(void **state)
{
	struct flight_counts n;

	begin(1, "good");
	flight_answered(1, false, now);
	assert_true(in(bye, "good"));
	assert_int_equal(count(1), 2);
	flight_end(1, false);
	assert_null(flight_read(1));
	assert_false(in(bye, "good"));
	flight_count(&n);
	assert_int_equal(n.tapes, 0);
	assert_int_equal(n.bytes, 0);

	begin(2, "bad");
	flight_end(2, true);
	assert_true(in("ACK sip:b@x SIP/2.0", "bad")); /* what comes behind the end belongs to it */
	assert_int_equal(count(2), 2);
	flight_count(&n);
	assert_int_equal(n.kept, 1);
	assert_int_equal(n.evicted, 0);
}

/* A retransmission joins the tape; an INVITE of the same Call-ID that is another one begins its own. */
static void same_call_id(void **state)
{
	begin(1, "same");
	in(invite, "same");
	flight_end(1, true);
	assert_int_equal(count(1), 2);
	in(invite, "same");
	assert_int_equal(count(1), 3);
	assert_true(pass(false, 1, message(invite, "same", "z9hG4bKother", 0), 1));
	flight_begin(2, "same", now);
	assert_int_equal(count(1), 3);
	assert_int_equal(count(2), 1);
	in(bye, "same"); /* of the one that runs */
	assert_int_equal(count(1), 3);
	assert_int_equal(count(2), 2);
}

static void oldest_go_first(void **state)
{
	struct flight_counts n;
	char id[32];

	begin(1, "answered");
	flight_answered(1, false, now);
	begin(2, "setup");
	for (uint64_t i = 100; i < 1100; i++) {
		snprintf(id, sizeof(id), "failed%llu", (unsigned long long)i);
		assert_true(pass(false, 1, message(invite, id, "b", 3000), 1));
		flight_begin(i, id, now);
		flight_end(i, true);
		flight_count(&n);
		assert_true(n.bytes <= n.room && n.room <= MB);
	}
	assert_null(flight_read(1));
	assert_int_equal(count(2), 1); /* a call in setup never gives way */
	assert_null(flight_read(100));
	assert_int_equal(count(1099), 1);
	flight_count(&n);
	assert_true(n.evicted >= 700);
	assert_int_equal(n.kept, 1000 - (n.evicted - 1)); /* one was the answered call's */
	assert_int_equal(count(1100 - n.kept), 1); /* and they went in order */
	assert_null(flight_read(1099 - n.kept));
	assert_int_equal(n.left_out, 0);
}

/* What is said again to the oldest of them finds room at the next one's cost. */
static void oldest_is_heard(void **state)
{
	struct flight_counts n;
	char id[32];
	uint64_t i = 0, oldest;

	for (flight_count(&n); n.evicted == 0; flight_count(&n)) {
		snprintf(id, sizeof(id), "failed%llu", (unsigned long long)++i);
		assert_true(pass(false, 1, message(invite, id, "b", 3000), 1));
		flight_begin(i, id, now);
		flight_end(i, true);
	}
	oldest = i - n.kept + 1;
	snprintf(id, sizeof(id), "failed%llu", (unsigned long long)oldest);
	for (unsigned k = 2; k < 12; k++) {
		assert_true(pass(false, 1, message("ACK sip:b@x SIP/2.0", id, "b", 3000), 1));
		assert_int_equal(count(oldest), k);
	}
	assert_null(flight_read(oldest + 1));
	assert_int_equal(count(i), 1);
	flight_count(&n);
	assert_int_equal(n.left_out, 0);
}

/* A flood of refused INVITEs does not push out the calls that failed. */
static void refused_have_a_share(void **state)
{
	struct flight_counts n;
	char id[32];

	for (uint64_t i = 1; i <= 100; i++) {
		snprintf(id, sizeof(id), "failed%llu", (unsigned long long)i);
		pass(false, 1, message(invite, id, "b", 3000), 1);
		flight_begin(i, id, now);
		flight_end(i, true);
	}
	for (uint64_t i = 1000; i < 3000; i++) {
		snprintf(id, sizeof(id), "refused%llu", (unsigned long long)i);
		in(invite, id);
		if (i % 2) {
			flight_begin(i, id, now);
			flight_refused(i);
		}
	}
	for (uint64_t i = 1; i <= 100; i++)
		assert_int_equal(count(i), 1);
	assert_int_equal(count(2999), 1);
	flight_count(&n);
	assert_true(n.evicted > 1000);
	assert_true(n.bytes < n.room * 3 / 4); /* room is free all the same */
}

static void young_calls_only(void **state)
{
	struct flight_counts n;

	begin(1, "first");
	flight_answered(1, false, 1000);
	begin(2, "second");
	flight_answered(2, false, 2000);
	begin(3, "moved");
	flight_answered(3, true, 1000);
	begin(4, "setup");
	flight_tick(32000000999ULL);
	assert_int_equal(count(1), 1);
	flight_tick(32000001000ULL);
	assert_null(flight_read(1));
	assert_int_equal(count(2), 1);
	flight_tick(99000000000ULL);
	assert_null(flight_read(2));
	assert_int_equal(count(3), 1);
	assert_int_equal(count(4), 1);
	flight_count(&n);
	assert_int_equal(n.evicted, 0); /* nobody pushed them out */
}

static void one_call_has_an_end(void **state)
{
	struct flight_counts n;
	struct flight_copy *c;

	begin(1, "talker");
	for (int i = 0; i < 1000; i++)
		pass(false, 1, message("INFO sip:b@x SIP/2.0", "talker", "b", 1000), 1);
	c = flight_read(1);
	assert_true(c->size <= FLIGHT_TAPE_MAX && c->size > FLIGHT_TAPE_MAX * 3 / 4);
	assert_int_equal(c->messages + c->left_out, 1001);
	free(c);
	flight_count(&n);
	assert_int_equal(n.left_out, 1001 - n.messages);
	flight_end(1, false);
	flight_count(&n);
	assert_int_equal(n.bytes, 0);
}

/* Nothing but calls in setup: what finds no room is left out and counted, and nothing is torn. */
static void full_of_setup(void **state)
{
	struct flight_counts n;
	char id[32];

	for (uint64_t i = 1; i <= 1000; i++) {
		snprintf(id, sizeof(id), "setup%llu", (unsigned long long)i);
		pass(false, 1, message(invite, id, "b", 2500), 1);
		flight_begin(i, id, now);
	}
	flight_count(&n);
	assert_true(n.bytes <= n.room && n.left_out > 0);
	for (uint64_t i = 1; i <= 1000; i++) {
		struct flight_copy *c = flight_read(i);

		assert_true(!c || c->messages <= 1);
		free(c);
		flight_end(i, false);
	}
	flight_count(&n);
	assert_int_equal(n.tapes - n.running, n.tapes);
}

static void nothing_kept(void **state)
{
	assert_int_equal(flight_open(0), 0);
	assert_false(in(invite, "x"));
	flight_begin(1, "x", now);
	flight_leg(1, "y");
	flight_end(1, true);
	assert_null(flight_read(1));
}

static void assert_text(const char *text, const char *shown)
{
	char *out = flight_text(text, strlen(text));

	assert_string_equal(out, shown);
	free(out);
}

static void secrets(void **state)
{
	assert_text("", "");
	assert_text("Authorization: Digest username=\"u\", response=\"1\"\r\nX: y\r\n", "Authorization: Digest ***\r\nX: y\r\n");
	assert_text("proxy-authorization :\tDigest a,\r\n b=\"c\"\r\nTo: x\r\n", "proxy-authorization :\tDigest ***\r\nTo: x\r\n");
	assert_text("Authorization:\r\n", "Authorization:***\r\n");
	assert_text("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc|2^20 KDR=1\r\na=x\r\n", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:*** KDR=1\r\na=x\r\n");
	assert_text("a=crypto:odd\n", "a=crypto:***\n");
	assert_text("k=prompt\r\nAuthorizations: x\r\n", "k=***\r\nAuthorizations: x\r\n");
	assert_text("From: \"J\xfcrg\" \x1b[31m \xc3\xbc\r\n", "From: \"J?rg\" ?[31m \xc3\xbc\r\n");
	assert_text("a=crypto:1 X inline:abc", "a=crypto:1 X inline:***");
	assert_text("a=key-mgmt:mikey AQAFgM0X\r\na=x\r\n", "a=key-mgmt:***\r\na=x\r\n");
}

/* Not even in memory: whatever reads that, there is none. Twenty of them, so that some lie over the border of two pieces of 1 KB. */
static void keys_are_not_kept(void **state)
{
	static const char key[] = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";
	char text[4096], *end = text;
	struct flight_copy *c;

	(void)state;
	end += snprintf(text, sizeof(text), "%s", message(invite, "k1", "z9hG4bK1", 0));
	for (unsigned i = 0; i < 10; i++)
		end += sprintf(end, i % 2 ? "a=crypto:1 X inline:%s|2^31\r\na=CRYPTO:2 X INLINE:%s\r\n" : "a=key-mgmt:mikey %s\r\nk=base64:%s\r\n",
			key, key);
	assert_true(pass(false, 1, text, 1));
	flight_begin(9, "k1", now);
	c = flight_read(9);
	assert_non_null(c);
	assert_null(memmem(c->data, c->size, key, 4));
	assert_non_null(memmem(c->data, c->size, "INLINE:****", 11));
	assert_in_range(c->size, strlen(text), strlen(text) + 200); /* nothing else is gone */
	free(c);
}

/* An INFO of ours over TCP has the route of one message and the body of another: longer than any that came. The tape is as long as it says, and what
 * stands at its far end is no more kept than the rest. */
static void digits_far_behind(void **state)
{
	static char text[100000];
	size_t n = (size_t)sprintf(text, "INFO sip:b@x SIP/2.0\r\nCall-ID: d1\r\nContent-Type: application/dtmf-relay\r\nRoute: <sip:");
	struct flight_copy *c;
	struct flight_message m;
	size_t at = 0;

	(void)state;
	memset(text + n, 'r', 70000);
	strcpy(text + n + 70000, ">\r\n\r\nSignal=7\r\n");
	begin(9, "d1");
	assert_true(pass(true, 1, text, 1));
	assert_true(in(bye, "d1"));
	c = flight_read(9);
	assert_true(flight_next(c, &at, &m) && flight_next(c, &at, &m));
	assert_int_equal(m.size, strlen(text));
	assert_memory_equal(m.text, text, 64);
	assert_memory_equal(m.text + m.size - 10, "**********", 10);
	assert_true(flight_next(c, &at, &m));
	assert_memory_equal(m.text, bye, strlen(bye));
	assert_false(flight_next(c, &at, &m));
	free(c);
}

/* ---- memory ---- */

#define MANY 200

/* Pages of the room that are memory just now. */
static unsigned resident(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = (size_t)flight_room.count * FLIGHT_PIECE / page;
	uint64_t entry[MB / 4096];
	unsigned n = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY);

	assert_true(fd >= 0 && pages <= MB / 4096);
	assert_int_equal(pread(fd, entry, pages * 8, (off_t)((uintptr_t)flight_room.piece / page * 8)), pages * 8);
	close(fd);
	for (size_t i = 0; i < pages; i++)
		n += entry[i] >> 63;
	return n;
}

static void fill(uint64_t from)
{
	char id[32];

	for (uint64_t call = from; call < from + MANY; call++) {
		snprintf(id, sizeof(id), "many%u", (unsigned)call);
		pass(false, 1, message(invite, id, "z9hG4bK1", 2000), 1);
		flight_begin(call, id, now);
	}
}

static void drop(uint64_t from, uint64_t but)
{
	for (uint64_t call = from; call < from + MANY; call++)
		flight_end(call, call == but);
}

static void second(void)
{
	now += CLOCK_NS_PER_S;
	flight_tick(now);
}

static void what_nobody_needs_goes_back(void **state)
{
	const char *sent;
	struct flight_copy *c;
	struct flight_message m;
	size_t at = 0;
	unsigned full;

	fill(100);
	drop(100, 150);
	full = resident();
	assert_true(full > 120);
	/* It was needed within the last second, then it was not; the one that was kept stays. */
	second();
	assert_int_equal(resident(), full);
	flight_tick(now + 1000);
	assert_int_equal(resident(), full);
	second();
	assert_in_range(resident(), 1, 3);
	sent = message(invite, "many150", "z9hG4bK1", 2000);
	c = flight_read(150);
	assert_true(c && flight_next(c, &at, &m));
	assert_int_equal(m.size, strlen(sent));
	assert_memory_equal(m.text, sent, m.size);
	free(c);
	/* And the room is as good as it was. */
	fill(400);
	for (uint64_t call = 400; call < 400 + MANY; call++)
		assert_int_equal(count(call), 1);
	drop(400, 0);
	second();
	second();
	assert_in_range(resident(), 1, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_nobody_needs_goes_back, opened, closed),
		cmocka_unit_test_setup_teardown(all_legs, opened, closed),
		cmocka_unit_test_setup_teardown(well_ended_goes, opened, closed),
		cmocka_unit_test_setup_teardown(same_call_id, opened, closed),
		cmocka_unit_test_setup_teardown(oldest_go_first, opened, closed),
		cmocka_unit_test_setup_teardown(oldest_is_heard, opened, closed),
		cmocka_unit_test_setup_teardown(refused_have_a_share, opened, closed),
		cmocka_unit_test_setup_teardown(young_calls_only, opened, closed),
		cmocka_unit_test_setup_teardown(one_call_has_an_end, opened, closed),
		cmocka_unit_test_setup_teardown(full_of_setup, opened, closed),
		cmocka_unit_test_teardown(nothing_kept, closed),
		cmocka_unit_test(secrets),
		cmocka_unit_test_setup_teardown(keys_are_not_kept, opened, closed),
		cmocka_unit_test_setup_teardown(digits_far_behind, opened, closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
