// SPDX-License-Identifier: MIT
// failure: received or made here, what the odd header values say, and what the library's own messages become.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <sofia-sip/nta.h>
#include <sofia-sip/sip_parser.h>
#include <sofia-sip/msg.h>
#include <sofia-sip/msg_addr.h>
#include <sofia-sip/msg_parser.h>

#include "sig/failure.h"

/* nta_internal.h of the library: on every message it made itself. nta_sip_is_internal() reads it. */
#define NTA_INTERNAL_MSG (1 << 15)

static void test_retry_after(void **state)
{
	static const struct {
		const char *value;
		uint32_t s;
	} at[] = {
		{ NULL, 0 },
		{ "", 0 },
		{ "0", 0 },
		{ "30", 30 },
		{ " 30 ", 30 },
		{ "30\r\n", 30 },
		{ "0018", 18 },
		{ "30;duration=3600", 30 },
		{ "30 (I'm in a meeting)", 30 },
		{ "18000;duration=3600 (x)", 18000 },
		{ "30 seconds", 0 },
		{ "30x", 0 },
		{ "3.5", 0 },
		{ "-5", 0 },
		{ "+5", 0 },
		{ "soon", 0 },
		{ "Fri, 20 Nov 2026 10:00:00 GMT", 0 },
		{ ";duration=5", 0 },
		{ "2147483648", 2147483648u },
		{ "4294967295", UINT32_MAX },
		{ "4294967297", UINT32_MAX },
		{ "99999999999999999999999999", UINT32_MAX },
	};

	for (size_t i = 0; i < sizeof at / sizeof *at; i++)
		assert_int_equal(failure_retry_after(at[i].value), at[i].s);
}

static void test_q850(void **state)
{
	static const struct {
		const char *reason;
		uint16_t cause;
		const char *text;
	} at[] = {
		{ NULL, 0, "" },
		{ "", 0, "" },
		{ "Q.850;cause=17;text=\"User busy\"", 17, "User busy" },
		{ "q.850 ; CAUSE = 34", 34, "" },
		{ "SIP;cause=486;text=\"Q.850;cause=3, Q.850;cause=4\", Q.850;cause=17", 17, "" },
		{ "Q.850;cause=16, Q.850;cause=17", 16, "" },
		{ "SIP;cause=200;text=\"Call completed elsewhere\"", 0, "" },
		{ "Q.850;text=\"a;cause=9\\\"b\";cause=31", 31, "a;cause=9\"b" },
		{ "Q.850;cause=128", 0, "" },
		{ "Q.850;cause=4294967313", 0, "" },
		{ "Q.850;cause=-1", 0, "" },
		{ "Q.850;cause=", 0, "" },
		{ "Q.850;cause=17x", 0, "" },
		{ "Q.850", 0, "" },
		{ "Q.8501;cause=17", 0, "" },
		{ "Q.850;cause=17;text=plain", 17, "plain" },
		{ "Q.850;cause=17;text=\"tab\tbell\a\"", 17, "tab?bell?" },
		{ "Q.850;cause=17;text=\"open", 17, "open" },
		{ "Q.850;;;cause=17;", 17, "" },
		{ ",,Q.850;cause=17", 17, "" },
		{ "\"", 0, "" },
	};

	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		char text[64] = "x", small[4];
		uint16_t cause = failure_q850(at[i].reason, text, sizeof text);

		if (cause != at[i].cause || strcmp(text, at[i].text))
			print_error("row %zu: %u %s\n", i, cause, text);
		assert_int_equal(cause, at[i].cause);
		assert_string_equal(text, at[i].text);
		assert_int_equal(failure_q850(at[i].reason, NULL, 0), at[i].cause);
		assert_int_equal(failure_q850(at[i].reason, small, sizeof small), at[i].cause);
		assert_true(strlen(small) < sizeof small);
	}
}

static void test_reason(void **state)
{
	static const struct {
		const char *reason, *said;
	} at[] = {
		{ NULL, "" },
		{ "Q.850;cause=17;text=\"busy at pbx.inside, rack 7\"", "Q.850;cause=17" },
		{ "sip ;text=\"a;cause=9\";cause = 486, q.850; location=LN;cause=17", "SIP;cause=486, Q.850;cause=17" },
		{ "X.pbx.inside;cause=1, Q.850;cause=16", "Q.850;cause=16" },
		{ "SIP;cause=0, SIP;cause=1000, SIP;cause=-1, SIP;cause, SIP", "" },
		{ "Q.850;causes=3;cause=16\r\nX: y", "Q.850;cause=16" },
		{ "\"", "" },
	};

	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		char said[64], small[16];

		assert_string_equal(failure_reason(said, sizeof said, at[i].reason), at[i].said);
		failure_reason(small, sizeof small, at[i].reason);
		assert_true(!small[0] || (strlen(small) < sizeof small && !strncmp(small, said, strlen(small))));
	}
}

static void test_causes(void **state)
{
	static const struct {
		struct failure_evidence e;
		enum cause cause;
		uint16_t code;
	} at[] = {
		{ { 0 }, CAUSE_NONE, 0 },
		{ { .status = 503, .received = true }, CAUSE_STATUS, 503 },
		{ { .status = 503, .received = true, .err = ECONNREFUSED }, CAUSE_STATUS, 503 },
		{ { .status = 503 }, CAUSE_UNREACHABLE, 0 },
		{ { .status = 503, .err = ECONNREFUSED }, CAUSE_UNREACHABLE, 0 },
		{ { .status = 503, .err = EHOSTUNREACH }, CAUSE_UNREACHABLE, 0 },
		{ { .status = 503, .stream = true, .err = ECONNREFUSED }, CAUSE_UNREACHABLE, 0 },
		{ { .status = 503, .stream = true, .err = ETIMEDOUT }, CAUSE_CONNECT, 0 },
		{ { .status = 503, .stream = true, .connected = true }, CAUSE_LOST, 0 },
		{ { .status = 503, .stream = true, .connected = true, .progress = true },
		    CAUSE_NONE, 0 },
		{ { .err = ENETUNREACH }, CAUSE_UNREACHABLE, 0 },
		{ { .status = 408 }, CAUSE_NO_REPLY, 0 },
		{ { .status = 408, .progress = true }, CAUSE_NO_REPLY, 0 },
		{ { .status = 408, .received = true }, CAUSE_STATUS, 408 },
		{ { .status = 200, .received = true }, CAUSE_ANSWERED, 0 },
		{ { .status = 183, .received = true }, CAUSE_NONE, 0 },
		{ { .status = 699, .received = true }, CAUSE_STATUS, 699 },
		{ { .status = 500 }, CAUSE_UNREACHABLE, 0 },
	};

	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		struct failure f;

		failure_read(&f, &at[i].e);
		if (f.outcome.cause != at[i].cause)
			print_error("row %zu: cause %u\n", i, f.outcome.cause);
		assert_int_equal(f.outcome.cause, at[i].cause);
		assert_int_equal(f.outcome.code, at[i].code);
	}
}

/* A lock comes from a received 503 alone. */
static void test_local_503_never_locks(void **state)
{
	struct failure_evidence e = {
		.status = 503, .retry_after = "30", .reason = "Q.850;cause=17"
	};
	struct failure f;

	failure_read(&f, &e);
	assert_int_equal(f.outcome.retry_after_s, 0);
	assert_int_equal(f.outcome.q850, 0);
	e.received = true;
	failure_read(&f, &e);
	assert_int_equal(f.outcome.retry_after_s, 30);
	assert_int_equal(f.outcome.q850, 17);
	assert_false(f.outcome.repairable);
	e.status = 491;
	failure_read(&f, &e);
	assert_true(f.outcome.repairable);
}

static void test_text_of_an_errno(void **state)
{
	struct failure f;

	failure_read(&f, &(struct failure_evidence){ .status = 503, .err = ECONNREFUSED });
	assert_string_equal(f.text, "Connection refused");
	assert_int_equal(f.err, ECONNREFUSED);
	failure_read(&f, &(struct failure_evidence){ .err = 99999 });
	assert_string_equal(f.text, "");
}

/* Parses a response as the library does; the caller frees *msg. */
static sip_t *response(msg_t **msg, const char *text)
{
	*msg = msg_make(sip_default_mclass(), 0, text, -1);
	assert_non_null(*msg);
	return sip_object(*msg);
}

static void test_from_the_library(void **state)
{
	msg_t *msg;
	sip_t *sip = response(&msg,
	    "SIP/2.0 503 Service Unavailable\r\n"
	    "Retry-After: 4294967295 (busy);duration=5\r\n"
	    "Reason: SIP;cause=503;text=\"a, b\" , Q.850;cause=42;text=\"congestion\"\r\n"
	    "Content-Length: 0\r\n\r\n");
	struct failure_evidence e = { .err = 5 };
	struct failure f;

	failure_evidence(&e, sip, msg_home(msg));
	assert_true(e.received);
	failure_read(&f, &e);
	assert_int_equal(f.outcome.cause, CAUSE_STATUS);
	assert_int_equal(f.outcome.code, 503);
	assert_int_equal(f.outcome.q850, 42);
	assert_string_equal(f.text, "congestion");
	assert_int_equal(f.outcome.retry_after_s, UINT32_MAX);
	assert_int_equal(f.err, 0);
	msg_destroy(msg);

	sip = response(&msg, "SIP/2.0 503 DNS Error\r\nRetry-After: 30\r\n\r\n");
	sip->sip_flags |= NTA_INTERNAL_MSG;
	failure_evidence(&e, sip, msg_home(msg));
	assert_false(e.received);
	failure_read(&f, &e);
	assert_int_equal(f.outcome.cause, CAUSE_UNREACHABLE);
	msg_destroy(msg);

	static const char *const none[] = { "-5", "soon", "0", "5 seconds" };
	for (int i = 0; i < 4; i++) {
		char text[128];

		snprintf(text, sizeof text, "SIP/2.0 503 X\r\nRetry-After: %s\r\n\r\n", none[i]);
		sip = response(&msg, text);
		failure_evidence(&e, sip, msg_home(msg));
		assert_true(e.received);
		assert_int_equal(failure_retry_after(e.retry_after), 0);
		msg_destroy(msg);
	}

	static const char *const odd[] = { "099", "0", "700", "65736" };
	static const uint16_t read[] = { 100, 100, 500, 500 };
	for (int i = 0; i < 4; i++) {
		char text[64];

		snprintf(text, sizeof text, "SIP/2.0 %s X\r\n\r\n", odd[i]);
		sip = response(&msg, text);
		failure_evidence(&e, sip, msg_home(msg));
		assert_int_equal(e.status, read[i]);
		msg_destroy(msg);
	}

	failure_evidence(&e, NULL, NULL);
	assert_int_equal(e.status, 0);
	assert_false(e.received);
}

static void causes_of_isdn_are_added(void **state)
{
	static const struct {
		const char *said;
		unsigned code;
		const char *out;
	} at[] = {
		{ "", 486, "Q.850;cause=17" },
		{ "", 404, "Q.850;cause=1" },
		{ "", 487, "" },
		{ "", 200, "" },
		{ "SIP;cause=503", 0, "SIP;cause=503, Q.850;cause=41" },
		{ "SIP;cause=503", 486, "SIP;cause=503, Q.850;cause=41" },
		{ "SIP;cause=200", 0, "SIP;cause=200" },
		{ "Q.850;cause=3", 486, "Q.850;cause=3" },
		{ "SIP;cause=486, Q.850;cause=3", 486, "SIP;cause=486, Q.850;cause=3" },
	};
	char text[64], little[32];

	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		snprintf(text, sizeof text, "%s", at[i].said);
		failure_reason_map(text, sizeof text, at[i].code);
		assert_string_equal(text, at[i].out);
	}
	snprintf(little, sizeof little, "SIP;cause=503, Preemption;cause");
	failure_reason_map(little, sizeof little, 0);
	assert_string_equal(little, "SIP;cause=503, Preemption;cause");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_q850),
		cmocka_unit_test(test_reason),
		cmocka_unit_test(test_causes),
		cmocka_unit_test(test_local_503_never_locks),
		cmocka_unit_test(test_text_of_an_errno),
		cmocka_unit_test(test_from_the_library),
		cmocka_unit_test(causes_of_isdn_are_added),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
