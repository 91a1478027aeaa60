// SPDX-License-Identifier: MIT
// refresh: what two sides agree on, who refreshes, when, and what is said of it (RFC 4028).
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <sofia-sip/msg.h>
#include <sofia-sip/msg_addr.h>
#include <sofia-sip/msg_parser.h>
#include <sofia-sip/sip_parser.h>

#include "config/clock.h"
#include "config/conf.h"
#include "sig/dialog/refresh.h"

#define S(n) ((uint64_t)(n) * CLOCK_NS_PER_S)

static const struct conf_trunk trunk = { .session_expires_ms = 1800000, .min_se_ms = 120000 };
static const struct conf_trunk off = { .min_se_ms = 90000 };

static sip_t *message(msg_t **msg, const char *headers)
{
	char text[512];

	snprintf(text, sizeof(text),
	    "INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP c;branch=z9hG4bKx\r\nFrom: <sip:c@c>;tag=1\r\nTo: <sip:a@b>\r\n"
	    "Call-ID: 1\r\nCSeq: 1 INVITE\r\n%sContent-Length: 0\r\n\r\n",
	    headers);
	*msg = msg_make(sip_default_mclass(), 0, text, -1);
	assert_non_null(*msg);
	return sip_object(*msg);
}

static void test_asked(void **state)
{
	static const struct {
		const char *headers;
		bool small;
		uint32_t interval_s;
		bool ours;
		const char *answer;
	} at[] = {
		{ "", false, 0, false, "Supported: timer\r\n" },
		{ "Supported: timer\r\n", false, 1800, false,
		    "Supported: timer\r\nRequire: timer\r\nSession-Expires: 1800;refresher=uac\r\n" },
		{ "Supported: replaces, timer\r\nSession-Expires: 600\r\n", false, 600, false,
		    "Supported: timer\r\nRequire: timer\r\nSession-Expires: 600;refresher=uac\r\n" },
		{ "Supported: timer\r\nSession-Expires: 600;refresher=uas\r\n", false, 600, true,
		    "Supported: timer\r\nSession-Expires: 600;refresher=uas\r\n" },
		{ "Require: timer\r\nx: 7200\r\n", false, 1800, false,
		    "Supported: timer\r\nRequire: timer\r\nSession-Expires: 1800;refresher=uac\r\n" },
		{ "Supported: timer\r\nSession-Expires: 7200\r\nMin-SE: 3600\r\n", false, 3600, false,
		    "Supported: timer\r\nRequire: timer\r\nSession-Expires: 3600;refresher=uac\r\n" },
		{ "Supported: timer\r\nSession-Expires: 119\r\n", true, 119, false, NULL },
		{ "Session-Expires: 100;refresher=uac\r\n", false, 100, true,
		    "Supported: timer\r\nSession-Expires: 100;refresher=uas\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		struct refresh r = { 0 };
		char lines[REFRESH_LINES];
		msg_t *msg;
		sip_t *sip = message(&msg, at[i].headers);

		assert_int_equal(refresh_too_small(&trunk, sip), at[i].small);
		assert_false(refresh_too_small(&off, sip));
		refresh_asked(&r, &trunk, sip, S(1000), 1);
		assert_int_equal(r.interval_s, at[i].interval_s);
		assert_int_equal(r.ours, at[i].ours);
		if (at[i].answer)
			assert_string_equal(refresh_answer(&r, &trunk, lines), at[i].answer);
		r = (struct refresh){ 0 };
		refresh_asked(&r, &off, sip, S(1000), 1);
		assert_int_equal(r.interval_s, 0);
		assert_string_equal(refresh_answer(&r, &off, lines), "");
		assert_string_equal(refresh_request(&r, &off, lines), "");
		msg_destroy(msg);
	}
}

/* Ours: at half, then sooner each time until the end. Theirs: nothing until the end, which comes 32 s or a third early. */
static void test_time(void **state)
{
	struct refresh r = { 0 };
	msg_t *msg;
	sip_t *sip = message(&msg, "Session-Expires: 1800;refresher=uac\r\n");
	uint64_t now, times = 0;

	(void)state;
	refresh_answered(&r, sip, S(1000), 1);
	assert_true(r.ours);
	assert_int_equal(r.due_ns, S(1000) + S(900));
	assert_int_equal(r.ends_ns, S(1000) + S(1768));
	assert_int_equal(refresh_tick(&r, r.due_ns - 1), REFRESH_NOTHING);
	for (now = r.due_ns; now < r.ends_ns; now = r.due_ns, times++) {
		assert_int_equal(refresh_tick(&r, now), REFRESH_SEND);
		assert_true(r.due_ns > now && r.due_ns <= r.ends_ns);
	}
	assert_true(times > 3 && times < 1000000);
	assert_int_equal(refresh_tick(&r, r.ends_ns), REFRESH_EXPIRED);
	assert_int_equal(refresh_tick(&r, now + S(9000)), REFRESH_NOTHING);
	msg_destroy(msg);

	sip = message(&msg, "Session-Expires: 90;refresher=uas\r\n");
	refresh_answered(&r, sip, S(1000), 10);
	assert_false(r.ours);
	assert_int_equal(r.due_ns, S(1000) + S(6)); /* 60 s, a tenth of it */
	assert_int_equal(refresh_tick(&r, S(1006)), REFRESH_EXPIRED);
	msg_destroy(msg);
}

/* A peer that agrees to a second is not refreshed each half of it. */
static void test_hostile(void **state)
{
	static const char *const at[] = { "Session-Expires: 0;refresher=uac\r\n", "Session-Expires: 1;refresher=uac\r\n",
		"Session-Expires: 4294967295;refresher=uac\r\n", "Session-Expires: 90;refresher=nobody\r\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		struct refresh r = { 0 };
		msg_t *msg;
		sip_t *sip = message(&msg, at[i]);

		refresh_answered(&r, sip, S(1000), 1);
		assert_true(r.due_ns >= S(1045) && r.due_ns <= S(1000) + S(86400));
		msg_destroy(msg);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *headers;
		bool again;
	} at[] = { { "", false }, { "Min-SE: 90\r\n", false }, { "Min-SE: 1800\r\n", false }, { "Min-SE: 3600\r\n", true } };
	char lines[REFRESH_LINES];
	msg_t *msg;
	sip_t *sip;

	(void)state;
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		struct refresh r = { 0 };

		sip = message(&msg, at[i].headers);
		assert_int_equal(refresh_refused(&r, &trunk, sip), at[i].again);
		refresh_request(&r, &trunk, lines);
		assert_string_equal(lines, at[i].again ? "Supported: timer\r\nSession-Expires: 3600\r\nMin-SE: 3600\r\n"
		                                       : "Supported: timer\r\nSession-Expires: 1800\r\nMin-SE: 120\r\n");
		assert_false(refresh_refused(&r, &trunk, sip));
		assert_false(refresh_refused(&r, &off, sip));
		msg_destroy(msg);
	}
}

/* Inside the dialog the roles stay, seen from who asks. */
static void test_roles(void **state)
{
	struct refresh r = { 0 };
	char lines[REFRESH_LINES];
	msg_t *msg;
	sip_t *sip = message(&msg, "Supported: timer\r\nSession-Expires: 600;refresher=uac\r\n");

	(void)state;
	refresh_asked(&r, &trunk, sip, S(1000), 1); /* it refreshes */
	assert_string_equal(
	    refresh_request(&r, &trunk, lines), "Supported: timer\r\nSession-Expires: 600;refresher=uas\r\nMin-SE: 120\r\n");
	assert_string_equal(
	    refresh_answer(&r, &trunk, lines), "Supported: timer\r\nRequire: timer\r\nSession-Expires: 600;refresher=uac\r\n");
	msg_destroy(msg);
	sip = message(&msg, ""); /* a 2xx without the header: it stopped */
	refresh_answered(&r, sip, S(1000), 1);
	assert_int_equal(r.interval_s, 0);
	assert_int_equal(r.due_ns, 0);
	msg_destroy(msg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_asked),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_roles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
