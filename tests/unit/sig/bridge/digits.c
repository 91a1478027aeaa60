// SPDX-License-Identifier: MIT
// digits: bodies of INFO read and written, kept without what was typed; telephone-event told to each side as its way asks.
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "sig/bridge/bridge_dtmf.h"
#include "sig/bridge/digits.h"

#define RELAY "application/dtmf-relay"
#define PLAIN "application/dtmf"

static const char keys[] = "0123456789*#ABCD";

/* ---- bodies ----------------------------------------------------------------------------------- */

static struct digit read_as(const char *type, const char *body)
{
	struct digit d = { .event = 99 };

	if (digits_read(type, body, strlen(body), &d) != 0)
		fail_msg("not read: %s", body);
	return d;
}

static void both_forms(void **state)
{
	(void)state;
	for (uint8_t i = 0; i < DIGIT_FLASH; i++) {
		char body[64];

		snprintf(body, sizeof(body), "Signal=%c\r\nDuration=160\r\n", keys[i]);
		assert_int_equal(read_as(RELAY, body).event, i);
		assert_int_equal(read_as(RELAY, body).duration_ms, 160);
		snprintf(body, sizeof(body), "%c\r\n", keys[i]);
		assert_int_equal(read_as(PLAIN, body).event, i);
		assert_int_equal(read_as(PLAIN, body).duration_ms, 0);
	}
	assert_int_equal(read_as(RELAY, "signal= d\nduration = 90").event, 15);
	assert_int_equal(read_as("Application/DTMF-Relay;charset=x", "Duration=90\nSignal=11\n").event, DIGIT_POUND);
	assert_int_equal(read_as(RELAY, "Signal=10").event, DIGIT_STAR);
	assert_int_equal(read_as(RELAY, "Signal=flash\r\n").event, DIGIT_FLASH);
	assert_int_equal(read_as(RELAY, "Signal=!").event, DIGIT_FLASH);
	assert_int_equal(read_as(RELAY, "Signal=hf\r\nX=1").event, DIGIT_FLASH);
	assert_int_equal(read_as(PLAIN, " 16 ").event, DIGIT_FLASH);
	assert_int_equal(read_as(PLAIN, "Signal=7\r\nDuration=80").event, 7);
}

static void bad_bodies(void **state)
{
	static const char *const relay[] = { "", "\r\n", "5", "Signal=", "Signal=E", "Signal=55", "Signal=17", "Signal=05", "Signal=5\r\nSignal=6", "Duration=5",
		"Signal=5\r\nDuration=x", "Signal=5\r\nDuration=-1", "Signal=5\r\nDuration=99999999999", "Signal=5 6" };
	static const char *const plain[] = { "", " ", "55", "x", "9 9", "17", "05", "-1", "\r\n" };
	struct digit d = { .event = 42 };
	char big[300];

	(void)state;
	for (size_t i = 0; i < sizeof(relay) / sizeof(relay[0]); i++)
		if (digits_read(RELAY, relay[i], strlen(relay[i]), &d) != -EINVAL)
			fail_msg("taken: %s", relay[i]);
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (digits_read(PLAIN, plain[i], strlen(plain[i]), &d) != -EINVAL)
			fail_msg("taken: %s", plain[i]);
	assert_int_equal(digits_read(PLAIN, "\0", 1, &d), -EINVAL);
	memset(big, ' ', sizeof(big));
	big[0] = '5';
	assert_int_equal(digits_read(PLAIN, big, sizeof(big), &d), -EINVAL);
	assert_int_equal(digits_read("text/plain", "5", 1, &d), -ENOMSG);
	assert_int_equal(digits_read("application/dtmf-relays", "5", 1, &d), -ENOMSG);
	assert_int_equal(digits_read(NULL, "5", 1, &d), -ENOMSG);
	assert_int_equal(d.event, 42);
}

static void written_is_read(void **state)
{
	(void)state;
	for (uint8_t i = 0; i <= DIGIT_FLASH; i++)
		for (int plain = 0; plain < 2; plain++) {
			struct digit d = { .event = i, .duration_ms = 240 };
			char body[DIGITS_BODY];
			const char *type = digits_write(body, &d, plain);

			assert_int_equal(read_as(type, body).event, i);
			assert_int_equal(read_as(type, body).duration_ms, plain ? 0 : 240);
		}
}

static void kept_without_them(void **state)
{
	char info[] = "INFO sip:x SIP/2.0\r\nContent-Type: application/dtmf-relay\r\nCSeq: 5 INFO\r\n\r\nSignal=5\r\nDuration=160\r\n";
	char plain[] = "INFO sip:5 SIP/2.0\r\nc:application/dtmf\r\n\r\n5";
	char other[] = "MESSAGE sip:5 SIP/2.0\r\nContent-Type: text/plain\r\n\r\napplication/dtmf 5";

	char part[] = "INFO sip:5 SIP/2.0\r\nContent-Type: multipart/mixed;boundary=b\r\n\r\n--b\r\nContent-Type: application/dtmf-relay\r\n\r\nSignal=5\r\n--b--\r\n";

	(void)state;
	digits_mask(part, strlen(part));
	assert_null(strstr(part, "Signal=5"));
	assert_non_null(strstr(part, "boundary=b\r\n\r\n"));
	assert_true(digits_stand_in(info, strlen(info)));
	digits_mask(info, strlen(info));
	assert_string_equal(info, "INFO sip:x SIP/2.0\r\nContent-Type: application/dtmf-relay\r\nCSeq: 5 INFO\r\n\r\nSignal=*\r\nDuration=***\r\n");
	digits_mask(plain, strlen(plain));
	assert_string_equal(plain, "INFO sip:5 SIP/2.0\r\nc:application/dtmf\r\n\r\n*");
	assert_false(digits_stand_in(other, strlen(other)));
	assert_false(digits_stand_in("\r\n\r\n", 4));
	assert_false(digits_stand_in("INFO", 4));
}

static void masked(const char *text, const char *want)
{
	char kept[300];

	snprintf(kept, sizeof(kept), "%s", text);
	digits_mask(kept, strlen(kept));
	assert_string_equal(kept, want);
	assert_int_equal(digits_stand_in(text, strlen(text)), strcmp(text, want) != 0);
}

/* Types of vendors, types that nobody knows, bodies that are broken: nothing that was typed is kept. */
static void kept_without_anything(void **state)
{
	(void)state;
	masked("INFO sip:x SIP/2.0\r\nContent-Type: application/vnd.nortelnetworks.digits\r\n\r\np=Digit-Collection\r\ny=Digits\r\nd=5\r\n",
	    "INFO sip:x SIP/2.0\r\nContent-Type: application/vnd.nortelnetworks.digits\r\n\r\n******************\r\n********\r\n***\r\n");
	masked("INFO sip:x SIP/2.0\r\nContent-Type: text/x-keys\r\n\r\npin 1234", "INFO sip:x SIP/2.0\r\nContent-Type: text/x-keys\r\n\r\n********");
	masked("INFO sip:x SIP/2.0\r\nCSeq: 1 INFO\r\n\r\n5", "INFO sip:x SIP/2.0\r\nCSeq: 1 INFO\r\n\r\n*");
	masked("INFO sip:x SIP/2.0\nc: application/dtmf\n\n5\n", "INFO sip:x SIP/2.0\nc: application/dtmf\n\n*\n");
	masked("INFO sip:x SIP/2.0\r\nc: application/dtmf-relay\r\n\r\n5=Signal\r\nSignal 5\r\nSignal= flash\r\n=7\r\nDuration=90",
	    "INFO sip:x SIP/2.0\r\nc: application/dtmf-relay\r\n\r\n********\r\n********\r\nSignal=******\r\n**\r\nDuration=**");
	masked("NOTIFY sip:x SIP/2.0\r\nc: application/kpml-response+xml\r\n\r\n<k digits=\"5\"/>",
	    "NOTIFY sip:x SIP/2.0\r\nc: application/kpml-response+xml\r\n\r\n***************");
	masked("NOTIFY sip:x SIP/2.0\r\nc: multipart/mixed;boundary=b\r\n\r\n--b\r\nc: application/dtmf\r\n\r\n5\r\n",
	    "NOTIFY sip:x SIP/2.0\r\nc: multipart/mixed;boundary=b\r\n\r\n***\r\n*******************\r\n\r\n*\r\n");
	masked("INFO sip:x SIP/2.0\r\nContent-Type: application/media_control+xml\r\n\r\n<m/>",
	    "INFO sip:x SIP/2.0\r\nContent-Type: application/media_control+xml\r\n\r\n<m/>");
}

static void nortel(void **state)
{
	static const char type[] = "application/vnd.nortelnetworks.digits";
	struct digit d = { .event = 42 };

	(void)state;
	assert_int_equal(read_as(type, "p=Digit-Collection\r\ny=Digits\r\nd=#\r\n").event, DIGIT_POUND);
	assert_int_equal(read_as(type, "Signal=5\r\n").event, 5);
	assert_int_equal(digits_read(type, "p=Digit-Collection\r\n", 20, &d), -EINVAL);
	assert_int_equal(digits_read(RELAY, "d=5\r\n", 5, &d), -EINVAL);
	assert_true(digits_type(type));
	assert_false(digits_type("text/plain"));
}

/* ---- ways ------------------------------------------------------------------------------------- */

static void agree(struct dtmf_side a, struct dtmf_side b, uint8_t in, uint8_t out)
{
	uint8_t mode[2];

	dtmf_agree((struct dtmf_side[]){ a, b }, mode);
	if (mode[0] != in || mode[1] != out)
		fail_msg("asked %u and %u: %s and %s", a.asked, b.asked, dtmf_name(mode[0]), dtmf_name(mode[1]));
	dtmf_agree((struct dtmf_side[]){ b, a }, mode);
	assert_int_equal(mode[0], out);
	assert_int_equal(mode[1], in);
}

static void ways(void **state)
{
	const struct dtmf_side events = { CONF_DTMF_AUTO, true, true }, none = { CONF_DTMF_AUTO, false, true }, g729 = { CONF_DTMF_AUTO, false, false };
	const struct dtmf_side info = { CONF_DTMF_INFO, false, true }, tones = { CONF_DTMF_INBAND, false, true };
	const struct dtmf_side no_tones = { CONF_DTMF_INBAND, false, false };
	const struct dtmf_side must = { CONF_DTMF_RFC4733, true, true }, refused = { CONF_DTMF_RFC4733, false, true };
	const struct dtmf_side refused_729 = { CONF_DTMF_RFC4733, false, false };

	(void)state;
	agree(events, events, KEDGE_DTMF_EVENT, KEDGE_DTMF_EVENT);
	agree(none, none, KEDGE_DTMF_NONE, KEDGE_DTMF_NONE);
	agree(events, info, KEDGE_DTMF_EVENT, KEDGE_DTMF_INFO);
	agree(events, tones, KEDGE_DTMF_EVENT, KEDGE_DTMF_INBAND);
	agree(none, info, KEDGE_DTMF_INFO, KEDGE_DTMF_INFO);
	agree(none, tones, KEDGE_DTMF_INBAND, KEDGE_DTMF_INBAND);
	agree(none, must, KEDGE_DTMF_INBAND, KEDGE_DTMF_EVENT);
	agree(g729, must, KEDGE_DTMF_INFO, KEDGE_DTMF_EVENT);
	agree(none, events, KEDGE_DTMF_INBAND, KEDGE_DTMF_EVENT);
	agree(info, tones, KEDGE_DTMF_INFO, KEDGE_DTMF_INBAND);
	agree(must, must, KEDGE_DTMF_EVENT, KEDGE_DTMF_EVENT);
	agree(events, refused, KEDGE_DTMF_EVENT, KEDGE_DTMF_INBAND);
	agree(events, refused_729, KEDGE_DTMF_EVENT, KEDGE_DTMF_INFO);
	agree(none, no_tones, KEDGE_DTMF_NONE, KEDGE_DTMF_NONE);
	agree(events, no_tones, KEDGE_DTMF_EVENT, KEDGE_DTMF_NONE);
}

/* ---- telephone-event in bodies ----------------------------------------------------------------- */

#define HEAD "v=0\r\no=x 1 1 IN IP4 10.9.8.7\r\ns=-\r\nc=IN IP4 10.9.8.7\r\nt=0 0\r\nm=audio 4000 RTP/AVP "
#define EVENT(n) "a=rtpmap:" #n " telephone-event/8000\r\na=fmtp:" #n " 0-15\r\n"

static struct offer parsed(const char *body)
{
	struct offer_error e = { 0 };
	struct offer o;

	assert_int_equal(offer_parse(&o, body, strlen(body), &e), 0);
	return o;
}

static const char *written(const char *from, const char *shape, bool answer, enum offer_events events)
{
	static char buf[OFFER_MAX];
	struct offer_origin origin = { .id = 7 };
	struct offer f = parsed(from), s;
	struct offer_write w = { .from = &f, .answer = answer, .events = events, .direction = -1,
		.local = { .family = AF_INET, .port = 20000, .ip = { 192, 0, 2, 5 } } };

	if (shape) {
		s = parsed(shape);
		w.shape = &s;
	}
	assert_true(offer_write(buf, sizeof(buf), &w, &origin) > 0);
	parsed(buf);
	return buf;
}

static void says(const char *body, const char *types, const char *what)
{
	char line[80];

	snprintf(line, sizeof(line), "RTP/AVP %s\r\n", types);
	if (!strstr(body, line) || (what ? !strstr(body, what) : strstr(body, "telephone-event") != NULL))
		fail_msg("not with %s, %s:\n%s", types, what ? what : "no events", body);
}

static void offers(void **state)
{
	const char *with = HEAD "0 8 101\r\n" EVENT(101), *without = HEAD "0 8\r\n";
	const char *wide = HEAD "96 0 101\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:101 iLBC/8000\r\n";

	(void)state;
	says(written(with, NULL, false, OFFER_EVENTS_PASS), "0 8 101", "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n");
	says(written(with, NULL, false, OFFER_EVENTS_NO), "0 8", NULL);
	says(written(with, NULL, false, OFFER_EVENTS_ADD), "0 8 101", "a=fmtp:101 0-15\r\n");
	says(written(without, NULL, false, OFFER_EVENTS_PASS), "0 8", NULL);
	says(written(without, NULL, false, OFFER_EVENTS_ADD), "0 8 101", "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n");
	/* each clock has one, and no number stands for two things */
	says(written(wide, NULL, false, OFFER_EVENTS_ADD), "96 0 101 102 103", "a=rtpmap:102 telephone-event/48000\r\n");
	assert_non_null(strstr(written(wide, NULL, false, OFFER_EVENTS_ADD), "a=rtpmap:103 telephone-event/8000\r\n"));
	/* an offer inside a dialog has the number it had */
	says(written(without, HEAD "0 8 99\r\n" EVENT(99), false, OFFER_EVENTS_ADD), "0 8 99", "a=rtpmap:99 telephone-event/8000\r\n");
}

static void answers(void **state)
{
	const char *with = HEAD "0 101\r\n" EVENT(101), *without = HEAD "0\r\n";

	(void)state;
	/* the carrier has no events, the caller offered them as 97 */
	says(written(without, HEAD "0 8 97\r\n" EVENT(97), true, OFFER_EVENTS_ADD), "0 97", "a=rtpmap:97 telephone-event/8000\r\n");
	says(written(without, HEAD "0 8 97\r\n" EVENT(97), true, OFFER_EVENTS_PASS), "0", NULL);
	/* never what was not offered */
	says(written(without, HEAD "0 8\r\n", true, OFFER_EVENTS_ADD), "0", NULL);
	says(written(with, HEAD "0 8 97\r\n" EVENT(97), true, OFFER_EVENTS_NO), "0", NULL);
	says(written(without, HEAD "0 97\r\na=rtpmap:97 telephone-event/16000\r\n", true, OFFER_EVENTS_ADD), "0", NULL);
}

static void between_kedge_and_each(void **state)
{
	struct offer with = parsed(HEAD "0 101\r\n" EVENT(101)), without = parsed(HEAD "0\r\n"), other = parsed(HEAD "0 96\r\n" EVENT(96));

	(void)state;
	assert_true(offer_same(&without, &with, false));
	assert_true(offer_has_events(&with, &other));
	assert_false(offer_has_events(&with, &without));
	assert_false(offer_has_events(&without, &with));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_forms),
		cmocka_unit_test(bad_bodies),
		cmocka_unit_test(written_is_read),
		cmocka_unit_test(kept_without_them),
		cmocka_unit_test(kept_without_anything),
		cmocka_unit_test(nortel),
		cmocka_unit_test(ways),
		cmocka_unit_test(offers),
		cmocka_unit_test(answers),
		cmocka_unit_test(between_kedge_and_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
