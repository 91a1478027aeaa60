// SPDX-License-Identifier: MIT
// offer: bodies as peers send them, and what must (and must not) stand in the body for the other side.
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "sig/offer/offer.h"

#define SECRET "10.9.8.7" /* the inside address: in every body below, in none that is written */

static struct kedge_addr addr_of(const char *ip, uint16_t port)
{
	struct kedge_addr a = { .family = strchr(ip, ':') ? AF_INET6 : AF_INET, .port = port };

	assert_int_equal(inet_pton(a.family, ip, a.ip), 1);
	return a;
}

static struct offer parsed(const char *body)
{
	struct offer o;
	struct offer_error e = { 0 };
	int rc = offer_parse(&o, body, strlen(body), &e);

	if (rc)
		print_error("line %d: %s\n", e.line, e.text);
	assert_int_equal(rc, 0);
	return o;
}

/* Writes the body for the other side at 192.0.2.5:20000. */
static const char *written(struct offer_write w, struct offer_origin *origin)
{
	static char buf[OFFER_MAX];
	struct offer_origin fresh = { .id = 77 };
	int n;

	if (!w.local.family)
		w.local = addr_of("192.0.2.5", 20000);
	n = offer_write(buf, sizeof buf, &w, origin ? origin : &fresh);
	if (n < 0)
		print_error("offer_write: %d\n", n);
	assert_true(n > 0);
	assert_int_equal((size_t)n, strlen(buf));
	assert_null(strstr(buf, SECRET));
	parsed(buf);
	return buf;
}

static const char *passed(const char *body)
{
	struct offer o = parsed(body);

	return written((struct offer_write){ .from = &o, .direction = -1 }, NULL);
}

static void has(const char *body, const char *text)
{
	if (!strstr(body, text))
		print_error("not there: %s\nin:\n%s", text, body);
	assert_non_null(strstr(body, text));
}

static void lacks(const char *body, const char *text)
{
	if (strstr(body, text))
		print_error("should not be there: %s\nin:\n%s", text, body);
	assert_null(strstr(body, text));
}

#define HEAD                                                                                       \
	"v=0\r\no=alice 2890844526 2890844526 IN IP4 " SECRET "\r\ns=Alice's phone\r\n"            \
	"c=IN IP4 " SECRET "\r\nt=0 0\r\n"
#define AUDIO "m=audio 49170 RTP/AVP 0 8 101\r\n"
#define MAPS                                                                                       \
	"a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n"    \
	"a=fmtp:101 0-15\r\na=ptime:20\r\n"

static void test_writes_own_session(void **state)
{
	assert_string_equal(passed(HEAD AUDIO MAPS "a=sendrecv\r\n"),
	    "v=0\r\no=- 77 1 IN IP4 192.0.2.5\r\ns=-\r\nc=IN IP4 192.0.2.5\r\nt=0 0\r\n"
	    "m=audio 20000 RTP/AVP 0 8 101\r\n" MAPS "a=sendrecv\r\n");
}

static void test_line_ends(void **state)
{
	static const char lf[] = "v=0\no=- 1 1 IN IP4 " SECRET "\ns=-\nc=IN IP4 " SECRET
	                         "\nt=0 0\nm=audio 5004 RTP/AVP 0\na=sendonly";
	static const char mixed[] = "v=0\r\no=- 1 1 IN IP4 " SECRET "\ns=-\rc=IN IP4 " SECRET
	                            "\r\nt=0 0\nm=audio 5004 RTP/AVP 0\ra=sendonly\r\n\r\n\n";
	const char *const body[] = { lf, mixed };

	for (int i = 0; i < 2; i++) {
		struct offer o = parsed(body[i]);

		assert_int_equal(o.lines, 1);
		assert_int_equal(o.line[0].port, 5004);
		assert_int_equal(o.line[0].direction, OFFER_SENDONLY);
		has(passed(body[i]), "m=audio 20000 RTP/AVP 0\r\na=sendonly\r\n");
	}
}

static void test_errors_name_their_line(void **state)
{
	static const struct {
		const char *body;
		int rc, line;
	} bad[] = {
		{ "", -EINVAL, 1 },
		{ "o=- 1 1 IN IP4 1.2.3.4\r\n", -EINVAL, 1 },
		{ "v=1\r\n", -EINVAL, 1 },
		{ "v=0\r\nhello\r\n", -EINVAL, 2 },
		{ "v=0\r\ns=-\r\nm=audio x RTP/AVP 0\r\n", -EINVAL, 3 },
		{ "v=0\r\ns=-\r\nm=audio 70000 RTP/AVP 0\r\n", -EINVAL, 3 },
		{ "v=0\r\ns=-\r\nm=audio -1 RTP/AVP 0\r\n", -EINVAL, 3 },
		{ "v=0\r\ns=-\r\nm=audio 1000/0 RTP/AVP 0\r\n", -EINVAL, 3 },
		{ "v=0\r\ns=-\r\nm=audio 1000\r\n", -EINVAL, 3 },
		{ "v=0\r\ns=-\r\nm=audio 1000 RTP/AVP\r\n", -EINVAL, 3 },
		{ "v=0\r\ns=-\r\nm=application 9 TCP\" \"\r\n", -EINVAL, 3 },
		{ "v=0\r\ns=-\r\nt=0 0\r\nm=audio 1000 RTP/AVP 0\r\na=x\r\n", -EINVAL, 4 },
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct offer o;
		struct offer_error e = { 0 };

		assert_int_equal(offer_parse(&o, bad[i].body, strlen(bad[i].body), &e), bad[i].rc);
		assert_int_equal(e.line, bad[i].line);
		assert_non_null(e.text);
		assert_int_equal(
		    offer_parse(&o, bad[i].body, strlen(bad[i].body), NULL), bad[i].rc);
	}
}

static void test_zero_byte(void **state)
{
	struct offer o;
	static const char body[] = HEAD AUDIO "a=x:\0y\r\n";

	assert_int_equal(offer_parse(&o, body, sizeof body - 1, NULL), -EINVAL);
}

static void test_limits(void **state)
{
	static char big[OFFER_MAX + 2] = HEAD;
	struct offer o;
	size_t n;

	for (int i = 0; i < OFFER_LINES; i++)
		strcat(big, "m=video 0 RTP/AVP 31\r\n");
	assert_int_equal(offer_parse(&o, big, strlen(big), NULL), 0);
	assert_int_equal(o.lines, OFFER_LINES);
	assert_int_equal(o.anchored, -1);
	strcat(big, "m=video 0 RTP/AVP 31\r\n");
	assert_int_equal(offer_parse(&o, big, strlen(big), NULL), -EMSGSIZE);

	strcpy(big, HEAD AUDIO "a=x:");
	n = strlen(big);
	memset(big + n, 'y', OFFER_MAX - n);
	assert_int_equal(offer_parse(&o, big, OFFER_MAX, NULL), 0);
	assert_int_equal(offer_parse(&o, big, OFFER_MAX + 1, NULL), -EMSGSIZE);
}

static void test_truncated(void **state)
{
	static const char body[] = HEAD AUDIO MAPS "a=rtcp:5000 IN IP4 " SECRET "\r\n";
	struct offer o;
	char out[OFFER_MAX];

	for (size_t n = 0; n < sizeof body; n++) {
		char *cut = malloc(n ? n : 1); /* exact size: a sanitizer sees one byte too far */

		memcpy(cut, body, n);
		if (offer_parse(&o, cut, n, NULL) == 0 && o.anchored >= 0) {
			struct offer_write w = {
				.from = &o, .direction = -1, .local = addr_of("192.0.2.5", 20000)
			};
			struct offer_origin origin = { .id = 1 };

			offer_write(out, sizeof out, &w, &origin);
		}
		free(cut);
	}
}

static void test_every_buffer_size(void **state)
{
	struct offer o = parsed(HEAD AUDIO MAPS);
	struct offer_write w = {
		.from = &o, .direction = -1, .local = addr_of("192.0.2.5", 20000)
	};
	size_t whole = strlen(written(w, NULL));

	for (size_t size = 0; size <= whole + 1; size++) {
		char *buf = malloc(size + 1);
		struct offer_origin origin = { .id = 77 };
		int n = offer_write(buf, size, &w, &origin);

		assert_int_equal(n, size > whole ? (int)whole : -ENOBUFS);
		assert_int_equal(origin.version, size > whole ? 1 : 0);
		free(buf);
	}
}

static void test_version_moves_with_the_body(void **state)
{
	struct offer_origin origin = { .id = 9 };
	struct offer a = parsed(HEAD AUDIO MAPS), b = parsed(HEAD AUDIO MAPS "a=sendonly\r\n");
	struct offer_write w = { .from = &a, .direction = -1 };

	has(written(w, &origin), "o=- 9 1 IN");
	has(written(w, &origin), "o=- 9 1 IN");
	w.from = &b;
	has(written(w, &origin), "o=- 9 2 IN");
	w.from = &a;
	has(written(w, &origin), "o=- 9 3 IN");
	has(written(w, &origin), "o=- 9 3 IN");
	for (int i = 0; i < 10; i++) {
		w.from = i & 1 ? &a : &b;
		written(w, &origin);
	}
	has(written(w, &origin), "o=- 9 13 IN"); /* two digits now: the line grew */
}

static void test_nothing_private_crosses(void **state)
{
	const char *out = passed(
	    "v=0\r\no=alice 1 1 IN IP4 " SECRET "\r\ns=call from " SECRET "\r\n"
	    "i=secretinfo\r\nu=http://" SECRET "/\r\ne=alice@secret\r\np=+44 secret\r\n"
	    "c=IN IP4 " SECRET "\r\nb=AS:80\r\nb=X-secret:" SECRET "\r\n"
	    "t=3034423619 3042462419\r\nr=7d 1h 0 25h\r\nz=2882844526 -1h\r\n"
	    "k=clear:secret\r\na=tool:secretbox 1.2\r\na=ice-ufrag:secret\r\na=group:BUNDLE 0\r\n"
	    "a=fingerprint:sha-256 AA:BB\r\n" AUDIO
	    "i=secretline\r\nk=prompt\r\nb=TIAS:64000\r\n" MAPS
	    "a=candidate:1 1 UDP 2130706431 " SECRET " 8998 typ host\r\n"
	    "a=Candidate:1 1 UDP 2130706431 " SECRET " 8998 typ host\r\n"
	    "a=candidate:2 1 UDP 1 secret.local 8998 typ host\r\na=ice-pwd:secret\r\n"
	    "a=end-of-candidates\r\na=remote-candidates:1 " SECRET " 5\r\n"
	    "a=rtcp:49171 IN IP4 " SECRET "\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:secret\r\n"
	    "a=mid:0\r\na=msid:secret\r\na=ssrc:1 cname:secret@" SECRET "\r\n"
	    "a=X-" SECRET ":yes\r\na=" SECRET "\r\na=X-host:node" SECRET ":5060\r\n"
	    "a=alt:1 1 : secret " SECRET " 3\r\na=X-nat:" SECRET
	    ":5060\r\na=X-nat6:fe80::1%25eth0\r\n"
	    "a=X-mail:secret@pbx.inside\r\na=X-url:http://secret.inside/\r\na=X-user: <" SECRET
	    ">\r\n"
	    "a=source-filter: incl IN IP4 * " SECRET "\r\na=X-map:(" SECRET ",x)\r\n"
	    "a=X-bell:secret\a\r\na=nortpproxy:yes\r\na=zrtp-hash:1.10 fe30efd0\r\n"
	    "a=silenceSupp:off - - - -\r\na=X-harmless:12:30:45 7.5 cafe\r\na=rtcp-rsize\r\n");

	lacks(out, "secret");
	lacks(out, "ice");
	lacks(out, "candidate");
	lacks(out, "X-nat");
	lacks(out, "fe80");
	lacks(out, "rtcp:");
	lacks(out, "mid:");
	lacks(out, "AA:BB");
	lacks(out, "k=");
	lacks(out, "r=");
	lacks(out, "nortpproxy");
	lacks(out, "zrtp");
	has(out, "t=0 0\r\n");
	has(out, "b=AS:80\r\nt=0 0\r\nm=audio 20000 RTP/AVP 0 8 101\r\nb=TIAS:64000\r\na=rtpmap:0");
	has(out, "a=silenceSupp:off - - - -\r\n");
	has(out, "a=X-harmless:12:30:45 7.5 cafe\r\n");
	has(out, "a=rtcp-rsize\r\n");
	has(out, "a=fmtp:101 0-15\r\n");
}

static void test_hold_forms(void **state)
{
	static const struct {
		const char *c, *attribute;
		int direction;
		bool address;
		const char *out;
	} form[] = {
		{ SECRET, "", OFFER_SENDRECV, true, "" },
		{ SECRET, "a=sendrecv\r\n", OFFER_SENDRECV, true, "a=sendrecv\r\n" },
		{ SECRET, "a=sendonly\r\n", OFFER_SENDONLY, true, "a=sendonly\r\n" },
		{ SECRET, "a=recvonly\r\n", OFFER_RECVONLY, true, "a=recvonly\r\n" },
		{ SECRET, "a=inactive\r\n", OFFER_INACTIVE, true, "a=inactive\r\n" },
		{ SECRET, "a=SendOnly\r\n", OFFER_SENDONLY, true, "a=sendonly\r\n" },
		{ SECRET, "a=sendonly\r\na=inactive\r\n", OFFER_INACTIVE, true, "a=inactive\r\n" },
		{ "0.0.0.0", "", OFFER_SENDONLY, false, "a=sendonly\r\n" },
		{ "0.0.0.0", "a=sendrecv\r\n", OFFER_SENDONLY, false, "a=sendonly\r\n" },
		{ "0.0.0.0", "a=sendonly\r\n", OFFER_SENDONLY, false, "a=sendonly\r\n" },
		{ "0.0.0.0", "a=recvonly\r\n", OFFER_INACTIVE, false, "a=inactive\r\n" },
		{ "0.0.0.0", "a=inactive\r\n", OFFER_INACTIVE, false, "a=inactive\r\n" },
		{ "phone.invalid", "", OFFER_SENDONLY, false, "a=sendonly\r\n" },
	};

	for (size_t i = 0; i < sizeof form / sizeof *form; i++) {
		char body[512], out[512];
		struct offer o;
		struct offer_end end;

		snprintf(body, sizeof body,
		    "v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\n"
		    "m=audio 5004 RTP/AVP 0\r\n%s",
		    SECRET, form[i].c, form[i].attribute);
		o = parsed(body);
		assert_true(offer_end(&o, &end));
		assert_int_equal(end.direction, form[i].direction);
		assert_int_equal(end.rtp.family, form[i].address ? AF_INET : 0);
		snprintf(out, sizeof out,
		    "v=0\r\no=- 77 1 IN IP4 192.0.2.5\r\ns=-\r\nc=IN IP4 192.0.2.5\r\nt=0 0\r\n"
		    "m=audio 20000 RTP/AVP 0\r\n%s",
		    form[i].out);
		assert_string_equal(
		    written((struct offer_write){ .from = &o, .direction = -1 }, NULL), out);
	}
}

static void test_direction_of_session_and_line(void **state)
{
	struct offer o = parsed(
	    "v=0\r\no=- 1 1 IN IP4 " SECRET "\r\ns=-\r\nc=IN IP4 " SECRET "\r\nt=0 0\r\n"
	    "a=inactive\r\nm=audio 5004 RTP/AVP 0\r\nm=video 5006 RTP/AVP 31\r\na=recvonly\r\n");

	assert_int_equal(o.line[0].direction, OFFER_INACTIVE);
	assert_int_equal(o.line[1].direction, OFFER_RECVONLY);
	o = parsed(HEAD "a=inactive\r\nm=audio 5004 RTP/AVP 0\r\na=sendrecv\r\n");
	assert_int_equal(o.line[0].direction, OFFER_SENDRECV);
}

static void test_addresses(void **state)
{
	static const struct {
		const char *session, *line;
		bool foreign;
		const char *rtp;
	} at[] = {
		{ "IN IP4 192.0.2.1", "", false, "192.0.2.1" },
		{ "IN IP4 192.0.2.1", "IN IP4 192.0.2.2", false, "192.0.2.2" },
		{ "", "IN IP4 192.0.2.2", false, "192.0.2.2" },
		{ "IN IP6 2001:db8::1", "", false, "2001:db8::1" },
		{ "in ip4 192.0.2.1", "", false, "192.0.2.1" },
		{ "IN IP4 192.0.2.1 ", "", false, "192.0.2.1" },
		{ "IN IP4 224.2.1.1/127/3", "", true, NULL },
		{ "IN IP4 255.255.255.255", "", true, NULL },
		{ "IN IP6 ff15::101/3", "", true, NULL },
		{ "IN IP4 media.example.com", "", true, NULL },
		{ "IN IP4 2001:db8::1", "", true, NULL },
		{ "IN IP4 1.2.3.4.5", "", true, NULL },
		{ "TN RFC2543 +1-201-406-4090", "", true, NULL },
		{ "IN IP4", "", true, NULL },
		{ "IN IP4 media.example.com", "IN IP4 192.0.2.2", false, "192.0.2.2" },
		{ "IN IP4 0.0.0.0", "IN IP4 192.0.2.2", false, "192.0.2.2" },
		{ "IN IP6 ::", "", false, NULL },
	};

	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		char body[512], line[128] = "";
		struct offer o;
		struct offer_end end;

		if (at[i].line[0])
			snprintf(line, sizeof line, "c=%s\r\n", at[i].line);
		snprintf(body, sizeof body,
		    "v=0\r\ns=-\r\n%s%s%st=0 0\r\nm=audio 5004 RTP/AVP 0\r\n%s",
		    at[i].session[0] ? "c=" : "", at[i].session, at[i].session[0] ? "\r\n" : "",
		    line);
		o = parsed(body);
		assert_int_equal(o.foreign, at[i].foreign);
		assert_true(offer_end(&o, &end));
		if (at[i].rtp) {
			struct kedge_addr rtp = addr_of(at[i].rtp, 5004),
			                  rtcp = addr_of(at[i].rtp, 5005);

			assert_memory_equal(&end.rtp, &rtp, sizeof rtp);
			assert_memory_equal(&end.rtcp, &rtcp, sizeof rtcp);
		} else {
			assert_int_equal(end.rtp.family, 0);
		}
		if (at[i].foreign) {
			char out[1024];
			struct offer_origin origin = { .id = 1 };

			assert_int_equal(
			    offer_write(out, sizeof out,
			        &(struct offer_write){
			            .from = &o, .direction = -1, .local = addr_of("192.0.2.5", 2) },
			        &origin),
			    -EADDRNOTAVAIL);
			assert_int_equal(origin.version, 0);
		}
	}
}

static void test_ipv6_and_ipv4(void **state)
{
	struct offer o = parsed(HEAD AUDIO);
	const char *six = written(
	    (struct offer_write){
	        .from = &o, .direction = -1, .local = addr_of("2001:db8::5", 20000) },
	    NULL);

	has(six, "o=- 77 1 IN IP6 2001:db8::5\r\n");
	has(six, "c=IN IP6 2001:db8::5\r\n");
	o = parsed("v=0\r\no=- 1 1 IN IP6 2001:db8::99\r\ns=-\r\nc=IN IP6 2001:db8::99\r\nt=0 "
	           "0\r\n" AUDIO);
	lacks(written((struct offer_write){ .from = &o, .direction = -1 }, NULL), "2001:");
}

static void test_rtcp(void **state)
{
	static const struct {
		const char *attribute, *ip;
		uint16_t port;
	} at[] = {
		{ "", SECRET, 49171 },
		{ "a=rtcp:53020\r\n", SECRET, 53020 },
		{ "a=rtcp:53020 IN IP4 192.0.2.77\r\n", "192.0.2.77", 53020 },
		{ "a=rtcp:53020 IN IP6 2001:db8::77\r\n", "2001:db8::77", 53020 },
		{ "a=rtcp:0\r\n", SECRET, 49171 },
		{ "a=rtcp:99999\r\n", SECRET, 49171 },
		{ "a=rtcp:53020 IN IP4 rtcp.example\r\n", SECRET, 49171 },
		{ "a=rtcp-mux\r\n", SECRET, 49170 },
	};

	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		char body[512];
		struct offer o;
		struct offer_end end;
		struct kedge_addr want = addr_of(at[i].ip, at[i].port);

		snprintf(body, sizeof body, "%s%s%s", HEAD, AUDIO, at[i].attribute);
		o = parsed(body);
		assert_true(offer_end(&o, &end));
		assert_memory_equal(&end.rtcp, &want, sizeof want);
		assert_int_equal(end.mux, i == 7);
		lacks(passed(body), "a=rtcp");
	}
	struct offer o = parsed(HEAD "m=audio 65535 RTP/AVP 0\r\n");
	struct offer_end end;

	assert_true(offer_end(&o, &end));
	assert_int_equal(end.rtcp.family, 0);
}

static void test_own_rtcp_port(void **state)
{
	struct offer o = parsed(HEAD AUDIO), mux = parsed(HEAD AUDIO "a=rtcp-mux\r\n");
	struct offer_write w = { .from = &o, .direction = -1, .rtcp_port = 20001 };

	lacks(written(w, NULL), "a=rtcp");
	w.rtcp_port = 20009;
	has(written(w, NULL), "a=rtcp:20009\r\n");
	w.answer = true;
	w.shape = &mux; /* accepted where offered */
	has(written(w, NULL), "a=rtcp-mux\r\n");
	lacks(written(w, NULL), "a=rtcp:");
}

/* Toward a trunk that wants it offered; and once it holds, it is offered on. */
static void test_mux_by_setting(void **state)
{
	struct offer o = parsed(HEAD AUDIO), mux = parsed(HEAD AUDIO "a=rtcp-mux\r\n");
	struct offer_write w = { .from = &o, .direction = -1, .mux = OFFER_MUX_OFFER };

	has(written(w, NULL), "a=rtcp-mux\r\n");
	w.rtcp_port = 20009; /* for one that does not know it */
	has(written(w, NULL), "a=rtcp:20009\r\na=rtcp-mux\r\n");
	w = (struct offer_write){ .from = &mux, .direction = -1 };
	lacks(written(w, NULL), "rtcp-mux"); /* that of the other side */
	w = (struct offer_write){ .from = &o, .shape = &mux, .direction = -1 };
	has(written(w, NULL), "a=rtcp-mux\r\n");
	w = (struct offer_write){
		.from = &o, .shape = &o, .answer = true, .direction = -1, .mux = OFFER_MUX_OFFER
	};
	lacks(written(w, NULL), "rtcp-mux"); /* never unasked in an answer */
	w = (struct offer_write){
		.from = &o, .shape = &mux, .answer = true, .direction = -1, .mux = OFFER_MUX_NO
	};
	lacks(written(w, NULL), "rtcp-mux");
}

static void test_bandwidth_by_setting(void **state)
{
	struct offer o = parsed(HEAD "b=CT:900\r\n" AUDIO "b=AS:64\r\nb=RS:0\r\nb=X y\r\n");
	struct offer_write w = { .from = &o, .direction = -1 };

	has(written(w, NULL), "b=CT:900\r\n");
	has(written(w, NULL), "b=AS:64\r\nb=RS:0\r\n");
	lacks(written(w, NULL), "b=X");
	w.no_bandwidth = true;
	lacks(written(w, NULL), "b=");
}

/* An event type at a rate that no codec left has says nothing; one for all rates stays. */
static void test_events_go_with_their_codecs(void **state)
{
	static const char *g711[] = { "PCMA" };
	const struct conf_strings only = { g711, 1 };
	static const char both[] = "m=audio 5004 RTP/AVP 96 8 101 102\r\na=rtpmap:96 opus/48000/2\r\n"
	                           "a=rtpmap:101 telephone-event/48000\r\na=rtpmap:102 "
	                           "telephone-event/8000\r\na=fmtp:101 0-15\r\na=fmtp:102 0-15\r\n";
	struct offer o = parsed("v=0\r\nc=IN IP4 " SECRET "\r\n"
	                        "m=audio 5004 RTP/AVP 96 101\r\na=rtpmap:96 opus/48000/2\r\n"
	                        "a=rtpmap:101 telephone-event/8000\r\n");
	char body[1024] = HEAD;

	has(written((struct offer_write){ .from = &o, .direction = -1 }, NULL), "RTP/AVP 96 101\r\n");
	strcat(body, both);
	o = parsed(body);
	has(written((struct offer_write){ .from = &o, .direction = -1 }, NULL),
	    "RTP/AVP 96 8 101 102\r\n");
	has(written((struct offer_write){ .from = &o, .codecs = &only, .direction = -1 }, NULL),
	    "RTP/AVP 8 102\r\n");
	lacks(written((struct offer_write){ .from = &o, .filter = &only, .direction = -1 }, NULL),
	    "101");
}

static void test_an_address_is_no_media(void **state)
{
	struct offer o;
	static const char media[] = HEAD "m=" SECRET " 0 RTP/AVP 0\r\n" AUDIO;
	static const char proto[] = HEAD "m=video 0 RTP/" SECRET " 0\r\n" AUDIO;

	assert_int_equal(offer_parse(&o, media, sizeof media - 1, NULL), -EINVAL);
	assert_int_equal(offer_parse(&o, proto, sizeof proto - 1, NULL), -EINVAL);
	has(passed(HEAD "m=video 5006 RTP/AVP " SECRET " 31\r\n" AUDIO), "m=video 0 RTP/AVP 0\r\n");
}

/* Inside a dialog all lines may be rejected, and one of them used again. */
static void test_rejected_and_used_again(void **state)
{
	struct offer before = parsed(HEAD AUDIO "m=video 0 RTP/AVP 31\r\n");
	struct offer none = parsed(HEAD "m=audio 0 RTP/AVP 0\r\nm=video 0 RTP/AVP 31\r\n");
	struct offer other =
	    parsed(HEAD "m=audio 0 RTP/AVP 0\r\nm=video 0 RTP/AVP 31\r\nm=audio 5006 RTP/AVP 8\r\n");
	struct offer empty = parsed(HEAD), video = parsed(HEAD "m=video 5006 RTP/AVP 31\r\n");
	struct offer_write w = { .from = &none, .shape = &before, .direction = -1 };
	struct offer_origin origin = { .id = 5 };
	char buf[1024];

	has(written(w, NULL), "t=0 0\r\nm=audio 0 RTP/AVP 0\r\nm=video 0 RTP/AVP 31\r\n");
	w.answer = true;
	has(written(w, NULL), "t=0 0\r\nm=audio 0 RTP/AVP 0\r\nm=video 0 RTP/AVP 31\r\n");
	w = (struct offer_write){ .from = &other, .shape = &none, .direction = -1 };
	has(written(w, NULL),
	    "m=audio 0 RTP/AVP 0\r\nm=video 0 RTP/AVP 31\r\nm=audio 20000 RTP/AVP 8\r\n");
	assert_int_equal(offer_fits(&none, &none), OFFER_FITS);
	assert_int_equal(offer_fits(&before, &none), OFFER_REFUSED);
	assert_true(offer_rejects(&none) && !offer_rejects(&empty) && !offer_rejects(&video));
	/* not as the first body, and not what kedge cannot anchor */
	w = (struct offer_write){ .from = &none, .direction = -1, .local = addr_of("192.0.2.5", 20000) };
	assert_int_equal(offer_write(buf, sizeof buf, &w, &origin), -ENODATA);
	w.from = &video;
	w.shape = &before;
	assert_int_equal(offer_write(buf, sizeof buf, &w, &origin), -ENODATA);
	w = (struct offer_write){ .from = &before, .shape = &none, .answer = true, .local = w.local };
	assert_int_equal(offer_write(buf, sizeof buf, &w, &origin), -ENODATA);
}

static const char *own(struct conf_strings codecs)
{
	static char buf[OFFER_OWN];

	offer_own(buf, &codecs);
	parsed(buf);
	return buf;
}

static void test_own_offer(void **state)
{
	static const char *some[] = { "opus", "G729", "nothing", "speex/16000", "PCMU", "pcmu" };
	static const char *strange[] = { "nothing" };
	static const char *all[] = { "PCMA", "PCMU", "G722", "G729", "GSM", "G728", "iLBC", "G726-32",
		"AMR", "AMR-WB", "opus", "speex", "PCMA", "PCMU" };

	has(own((struct conf_strings){ NULL, 0 }), " RTP/AVP 8 0 101\r\n");
	has(own((struct conf_strings){ strange, 1 }), " RTP/AVP 8 0 101\r\n");
	has(own((struct conf_strings){ some, 6 }), " RTP/AVP 102 18 103 0 101 96 97\r\n");
	has(own((struct conf_strings){ some, 6 }), "a=rtpmap:102 opus/48000/2\r\na=fmtp:102 useinbandfec=1\r\n");
	has(own((struct conf_strings){ some, 6 }), "a=rtpmap:97 telephone-event/16000\r\n");
	has(own((struct conf_strings){ all, 14 }), "a=rtpmap:97 telephone-event/48000\r\n");
}

static void test_line_order_and_count(void **state)
{
	const char *in =
	    HEAD "m=video 5006 RTP/AVP 31 34\r\na=rtpmap:31 H261/90000\r\nc=IN IP4 " SECRET "\r\n"
	         "m=audio 0 RTP/AVP 0\r\nm=audio 5008 UDP/TLS/RTP/SAVPF 0\r\na=crypto:1 x inline:y\r\n" AUDIO
	         "m=audio 5010 RTP/AVP 8\r\nm=image 5012 udptl t38\r\na=T38FaxVersion:0\r\n"
	         "m=application 9 TCP/MRCPv2 1\r\nm=text 0 RTP/AVP\r\n";
	struct offer o = parsed(in);
	const char *out = passed(in);

	assert_int_equal(o.anchored, 3);
	assert_int_equal(o.lines, 8);
	assert_true(o.line[5].t38);
	has(out, "t=0 0\r\nm=video 0 RTP/AVP 31\r\nm=audio 0 RTP/AVP 0\r\nm=audio 0 UDP/TLS/RTP/SAVPF 0\r\n"
	         "m=audio 20000 RTP/AVP 0 8 101\r\nm=audio 0 RTP/AVP 8\r\nm=image 0 udptl t38\r\n"
	         "m=application 0 TCP/MRCPv2 1\r\nm=text 0 RTP/AVP 0\r\n");
	lacks(out, "T38FaxVersion");
	lacks(out, "H261");
}

#define FAX "m=image 5012 udptl t38\r\na=T38FaxVersion:0\r\na=X-from:" SECRET "\r\n"

/* T.38 is anchored where no audio is: alone, or with the audio line rejected. */
static void test_fax_is_anchored(void **state)
{
	struct offer audio = parsed(HEAD AUDIO MAPS), o = parsed(HEAD "m=audio 0 RTP/AVP 0\r\n" FAX);
	struct offer answer = parsed(HEAD "m=image 5020 UDPTL t38\r\n"), none = parsed(HEAD AUDIO FAX);
	struct offer refused = parsed(HEAD "m=image 0 udptl t38\r\n"), alone = parsed(HEAD FAX);
	struct offer_write w = { .from = &o, .shape = &audio, .direction = -1 };
	struct offer_end end;
	const char *out;
	char buf[1024];

	assert_true(o.t38 && o.anchored == 1 && o.formats == 0);
	assert_true(!none.t38 && none.anchored == 0);
	out = written(w, NULL);
	has(out, "t=0 0\r\nm=audio 0 RTP/AVP 0\r\nm=image 20000 udptl t38\r\na=T38FaxVersion:0\r\n");
	lacks(out, SECRET);
	lacks(out, "rtcp");
	assert_true(offer_end(&o, &end) && end.t38 && end.rtp.port == 5012 && end.rtcp.family == 0);
	assert_string_equal(end.codec, "T38");
	assert_int_equal(offer_fits(&alone, &answer), OFFER_FITS);
	assert_int_equal(offer_fits(&alone, &refused), OFFER_REFUSED);
	assert_int_equal(offer_fits(&alone, &audio), OFFER_PROTO);
	assert_int_equal(offer_fits(&audio, &answer), OFFER_PROTO);
	w = (struct offer_write){ .from = &answer, .shape = &alone, .answer = true, .direction = -1 };
	has(written(w, NULL), "m=image 20000 udptl t38\r\n");
	/* audio is no answer to it, nor it to audio */
	w = (struct offer_write){ .from = &audio,
		.shape = &alone,
		.answer = true,
		.direction = -1,
		.local = addr_of("192.0.2.5", 20000) };
	assert_int_equal(offer_write(buf, sizeof buf, &w, &(struct offer_origin){ 0 }), -ENODATA);
	assert_false(offer_same(&audio, &answer, false) || offer_repeats(&audio, &alone) ||
	             offer_covers(&audio, &alone, &alone, false));
	assert_int_equal(offer_parse(&o, "v=0\nm=image 5012 udptl t38\n", 29, NULL), -EINVAL);
}

static void test_answer_takes_the_shape_of_its_offer(void **state)
{
	struct offer offered =
	    parsed(HEAD "m=video 5006 RTP/AVP 31\r\n" AUDIO MAPS "m=text 5008 RTP/AVP 98\r\n");
	static const char *const answer[] = {
		HEAD
		"m=video 0 RTP/AVP 31\r\nm=audio 6000 RTP/AVP 8 101\r\nm=text 0 RTP/AVP 98\r\n",
		HEAD "m=audio 6000 RTP/AVP 8 101\r\n", /* lines forgotten */
		HEAD "m=video 0 RTP/AVP 31\r\nm=audio 6000 RTP/AVP 8 101\r\nm=text 0 RTP/AVP "
		     "98\r\nm=image 0 udptl t38\r\n",
		HEAD "m=video 7000 RTP/AVP 31\r\nm=audio 6000 RTP/AVPF 8 101\r\n",
	};

	for (int i = 0; i < 4; i++) {
		struct offer a = parsed(answer[i]);
		struct offer_write w = {
			.from = &a, .shape = &offered, .answer = true, .direction = -1
		};

		assert_int_equal(
		    offer_fits(&offered, &a), i == 0 ? OFFER_FITS : OFFER_LINES_DIFFER);
		has(written(w, NULL), "t=0 0\r\nm=video 0 RTP/AVP 31\r\nm=audio 20000 RTP/AVP 8 "
		                      "101\r\nm=text 0 RTP/AVP 98\r\n");
	}
}

static void test_later_offer_loses_no_line(void **state)
{
	struct offer before = parsed(HEAD AUDIO "m=video 0 RTP/AVP 31\r\nm=image 0 udptl t38\r\n");
	struct offer now = parsed(HEAD AUDIO);

	has(written((struct offer_write){ .from = &now, .shape = &before, .direction = -1 }, NULL),
	    "m=audio 20000 RTP/AVP 0 8 101\r\nm=video 0 RTP/AVP 31\r\nm=image 0 udptl t38\r\n");
}

/* RFC 3264 6.1: what may be answered to what was offered, whatever the other side said. */
static void test_answer_direction_fits_offer(void **state)
{
	static const char *const word[] = { "inactive", "sendonly", "recvonly", "sendrecv" };
	static const int out[4][4] = {
		/* [offered][said] */
		[OFFER_INACTIVE] = { 0, 0, 0, 0 },
		[OFFER_SENDONLY] = { 0, 0, OFFER_RECVONLY, OFFER_RECVONLY },
		[OFFER_RECVONLY] = { 0, OFFER_SENDONLY, 0, OFFER_SENDONLY },
		[OFFER_SENDRECV] = { 0, OFFER_SENDONLY, OFFER_RECVONLY, OFFER_SENDRECV },
	};

	for (int offered = 0; offered < 4; offered++)
		for (int said = 0; said < 4; said++) {
			char body[2][512], want[40];
			struct offer o, a;

			snprintf(
			    body[0], sizeof body[0], "%s%sa=%s\r\n", HEAD, AUDIO, word[offered]);
			snprintf(body[1], sizeof body[1], "%s%sa=%s\r\n", HEAD, AUDIO, word[said]);
			o = parsed(body[0]);
			a = parsed(body[1]);
			snprintf(want, sizeof want, "a=%s\r\n", word[out[offered][said]]);
			has(written(
			        (struct offer_write){
			            .from = &a, .shape = &o, .answer = true, .direction = -1 },
			        NULL),
			    want);
			has(written(
			        (struct offer_write){
			            .from = &a, .shape = &o, .answer = true, .direction = said },
			        NULL),
			    want);
		}
}

static void test_refused_and_unfit_answers(void **state)
{
	static const struct {
		const char *answer;
		enum offer_fit fit;
	} at[] = {
		{ HEAD "m=audio 6000 RTP/AVP 0\r\n", OFFER_FITS },
		{ HEAD "m=audio 0 RTP/AVP 0\r\n", OFFER_REFUSED },
		{ HEAD, OFFER_REFUSED },
		{ HEAD "m=audio 6000 RTP/AVP 9\r\n", OFFER_NO_CODEC },
		{ HEAD "m=audio 6000 RTP/AVP 101\r\na=rtpmap:101 telephone-event/8000\r\n",
		    OFFER_NO_CODEC },
		{ HEAD "m=audio 6000 RTP/AVP 9 0\r\n", OFFER_FITS },
		{ HEAD "m=audio 6000 UDP/TLS/RTP/SAVPF 0\r\n", OFFER_PROTO },
		{ HEAD "m=image 6000 udptl t38\r\n", OFFER_PROTO },
		{ "v=0\r\ns=-\r\nc=IN IP4 far.example\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\n",
		    OFFER_UNREACHABLE },
	};
	struct offer offered = parsed(HEAD AUDIO MAPS),
	             none = parsed(HEAD "m=audio 0 RTP/AVP 0\r\n");

	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		struct offer a = parsed(at[i].answer);

		assert_int_equal(offer_fits(&offered, &a), at[i].fit);
		assert_true(strlen(offer_fit_name(at[i].fit)) > 0);
		assert_int_equal(offer_fits(&none, &a),
		    offer_rejects(&a) ? OFFER_FITS : OFFER_REFUSED);
	}
	/* What was never offered is not told to the caller. */
	struct offer a = parsed(HEAD "m=audio 6000 RTP/AVP 9 0 97\r\na=rtpmap:97 iLBC/8000\r\n");
	const char *out = written(
	    (struct offer_write){ .from = &a, .shape = &offered, .answer = true, .direction = -1 },
	    NULL);

	has(out, "m=audio 20000 RTP/AVP 0\r\n");
	lacks(out, "iLBC");
}

static void test_no_audio_no_body(void **state)
{
	static const char *const body[] = { HEAD, HEAD "m=audio 0 RTP/AVP 0\r\n",
		HEAD "m=video 5006 RTP/AVP 31\r\n",
		HEAD "m=audio 5006 UDP/TLS/RTP/SAVPF 0\r\n",
		HEAD "m=audio 5004 RTP/AVP 101\r\na=rtpmap:101 telephone-event/8000\r\n",
		HEAD "m=audio 5004 RTP/AVP x 128 -1\r\n" };
	char out[1024];

	for (size_t i = 0; i < sizeof body / sizeof *body; i++) {
		struct offer o = parsed(body[i]);
		struct offer_origin origin = { .id = 1 };
		struct offer_write w = {
			.from = &o, .direction = -1, .local = addr_of("192.0.2.5", 2)
		};

		assert_int_equal(offer_write(out, sizeof out, &w, &origin), -ENODATA);
		assert_int_equal(origin.version, 0);
	}
}

#define STRINGS(...)                                                                               \
	&(struct conf_strings)                                                                     \
	{                                                                                          \
		(const char *[]){ __VA_ARGS__ },                                                   \
		    sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *)                       \
	}

static void test_codec_lists(void **state)
{
	struct offer o = parsed(HEAD
	    "m=audio 5004 RTP/AVP 9 0 101 8 18 13 97 98\r\na=rtpmap:97 L16/16000\r\n"
	    "a=rtpmap:98 L16/8000\r\na=rtpmap:101 telephone-event/8000\r\na=rtpmap:18 G729/8000\r\n"
	    "a=fmtp:18 annexb=no\r\na=rtcp-fb:18 nack\r\na=rtcp-fb:* ccm\r\n");
	struct offer_write w = { .from = &o, .direction = -1, .codecs = STRINGS("pcma", "G729") };
	const char *out = written(w, NULL);
	char buf[1024];
	struct offer_origin origin = { 0 };

	has(out, "m=audio 20000 RTP/AVP 8 18 101 13\r\n");
	has(out, "a=fmtp:18 annexb=no\r\na=rtcp-fb:18 nack\r\na=rtcp-fb:* ccm\r\n");
	lacks(out, "L16");
	w.codecs = STRINGS("L16/16000", "PCMU");
	has(written(w, NULL), "m=audio 20000 RTP/AVP 97 0 101 13\r\n");
	w.codecs = STRINGS("G722", "PCMU");
	w.filter = STRINGS("PCMU", "PCMA");
	out = written(w, NULL);
	has(out, "m=audio 20000 RTP/AVP 0 101 13\r\n");
	lacks(out, "annexb");
	w.codecs = STRINGS("opus");
	w.local = addr_of("192.0.2.5", 20000);
	assert_int_equal(offer_write(buf, sizeof buf, &w, &origin), -ENODATA);
	w.codecs = &(struct conf_strings){ 0 };
	w.filter = NULL;
	has(written(w, NULL), "m=audio 20000 RTP/AVP 9 0 8 18 97 98 101 13\r\n");
}

static void test_forty_codecs(void **state)
{
	char body[4096] = HEAD "m=audio 5004 RTP/AVP", *p = body + strlen(body);
	struct offer o;

	for (int pt = 0; pt < 128; pt++)
		p += sprintf(p, " %d %d", pt, pt); /* each twice */
	p += sprintf(p, "\r\n");
	for (int pt = 96; pt < 128; pt++)
		p += sprintf(p, "a=rtpmap:%d C%d/8000\r\n", pt, pt);
	o = parsed(body);
	assert_int_equal(o.formats, 128);
	assert_string_equal(o.format[127].name, "C127");
	has(written((struct offer_write){ .from = &o, .direction = -1 }, NULL), " 126 127 13\r\n");
	has(written((struct offer_write){ .from = &o, .direction = -1, .codecs = STRINGS("C101") },
	        NULL),
	    "m=audio 20000 RTP/AVP 101 13\r\na=rtpmap:101 C101/8000\r\n");
}

static void test_rtpmap_forms(void **state)
{
	struct offer o = parsed(HEAD
	    "m=audio 5004  RTP/AVP  0  96 97 98 99 100\r\na=rtpmap: 96 opus/48000/2\r\n"
	    "a=rtpmap:97 averylongencodingnamethatnobodyhas/8000\r\na=rtpmap:98 broken\r\n"
	    "a=rtpmap:0 PCMU/16000\r\na=rtpmap:99 X/0\r\na=rtpmap:200 Y/8000\r\na=rtpmap:\r\n");

	assert_string_equal(o.format[1].name, "opus");
	assert_int_equal(o.format[1].rate, 48000);
	assert_int_equal(o.format[1].channels, 2);
	assert_string_equal(o.format[2].name, "");
	assert_string_equal(o.format[3].name, "");
	assert_int_equal(o.format[0].rate, 16000);
	assert_int_equal(o.format[0].channels, 1);
	assert_int_equal(o.format[4].rate, 0);
}

static void test_session_ptime(void **state)
{
	struct offer o = parsed(HEAD "a=ptime:30\r\na=maxptime:60\r\n" AUDIO);
	struct offer_end end;
	const char *out = passed(HEAD "a=ptime:30\r\na=maxptime:60\r\n" AUDIO);

	assert_true(offer_end(&o, &end));
	assert_int_equal(end.ptime_ms, 30);
	has(out, "a=ptime:30\r\na=maxptime:60\r\n");
	out = passed(HEAD "a=ptime:30\r\n" AUDIO "a=ptime:20\r\n");
	has(out, "a=ptime:20\r\n");
	lacks(out, "a=ptime:30");
}

static void test_end_facts(void **state)
{
	struct offer o = parsed(
	    HEAD "m=audio 5004/2 RTP/AVP 13 101 96 9 102\r\na=rtpmap:96 opus/48000/2\r\n"
	         "a=rtpmap:101 telephone-event/8000\r\na=rtpmap:102 telephone-event/48000\r\n");
	struct offer_end end;

	assert_true(offer_end(&o, &end));
	assert_int_equal(end.pt, 96);
	assert_string_equal(end.codec, "opus");
	assert_int_equal(end.clock_rate, 48000);
	assert_int_equal(end.telephone_event, 102);
	assert_int_equal(end.ptime_ms, 20);
	o = parsed(HEAD "m=audio 5004 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n");
	assert_true(offer_end(&o, &end));
	assert_int_equal(end.telephone_event, 101);
	assert_int_equal(end.clock_rate, 8000);
	o = parsed(HEAD "m=audio 5004 RTP/AVP 0\r\n");
	assert_true(offer_end(&o, &end));
	assert_int_equal(end.telephone_event, 0xff);
	o = parsed(HEAD "m=audio 0 RTP/AVP 0\r\n");
	assert_false(offer_end(&o, &end));
}

static void event_is(const char *said, const char *told, uint32_t clock_rate, uint32_t rate, uint8_t theirs, uint8_t ours)
{
	struct offer a = parsed(said), b;
	struct offer_event e = { 0 };

	if (told)
		b = parsed(told);
	assert_int_equal(offer_event(&a, told ? &b : NULL, clock_rate, &e), rate != 0);
	assert_int_equal(e.rate, rate);
	assert_int_equal(e.said, theirs);
	assert_int_equal(e.told, ours);
}

/* Of several telephone-events the one that both named, at the codec's rate if there is one. */
static void test_event_agreed(void **state)
{
#define TWO  HEAD "m=audio 5004 RTP/AVP 96 100 101\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:100 telephone-event/8000\r\na=rtpmap:101 telephone-event/48000\r\n"
#define WIDE HEAD "m=audio 5004 RTP/AVP 96 110\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:110 telephone-event/48000\r\n"
#define SLOW HEAD "m=audio 5004 RTP/AVP 96 97\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:97 telephone-event/8000\r\n"
	event_is(TWO, TWO, 48000, 48000, 101, 101);
	event_is(TWO, SLOW, 48000, 8000, 100, 97);
	event_is(SLOW, TWO, 48000, 8000, 97, 100);
	event_is(TWO, WIDE, 8000, 48000, 101, 110);
	event_is(TWO, NULL, 48000, 48000, 101, 0xff);
	event_is(TWO, NULL, 8000, 8000, 100, 0xff);
	event_is(SLOW, WIDE, 48000, 8000, 97, 110);
	event_is(SLOW, HEAD "m=audio 5004 RTP/AVP 0\r\n", 48000, 0, 0, 0);
	event_is(HEAD "m=audio 5004 RTP/AVP 0\r\n", SLOW, 8000, 0, 0, 0);
}

/* The first answer binds: CA answered PCMU, so CB is offered nothing else, and its answer stands behind the first. */
static void test_offer_cut_to_the_first_answer(void **state)
{
	struct offer caller = parsed(HEAD
	    "m=audio 5004 RTP/AVP 8 0 96 97 101\r\na=rtpmap:96 opus/48000/2\r\n"
	    "a=rtpmap:97 AMR/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n");
	struct offer bound =
	    parsed(HEAD "m=audio 20000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n");
	struct offer plain = parsed(HEAD "m=audio 20000 RTP/AVP 0\r\n");
	struct offer_write w = { .from = &caller, .only = &bound, .direction = -1 };
	const char *out = written(w, NULL);

	has(out, "m=audio 20000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 "
	         "0-15\r\n");
	lacks(out, "opus");
	w.only = &plain;
	has(written(w, NULL), "m=audio 20000 RTP/AVP 0\r\n");
	w.codecs = STRINGS("PCMA"); /* the trunk takes none of what is left */
	w.local = addr_of("192.0.2.5", 20000);
	char buf[1024];
	struct offer_origin origin = { 0 };

	assert_int_equal(offer_write(buf, sizeof buf, &w, &origin), -ENODATA);

	struct offer same = parsed(HEAD "m=audio 9 RTP/AVP 0\r\n"),
	             other = parsed(HEAD "m=audio 9 RTP/AVP 8\r\n");

	assert_true(offer_same(&bound, &same, false));
	assert_false(offer_same(&bound, &other, false));
}

static void test_payload_map(void **state)
{
	struct offer inside =
	    parsed(HEAD "m=audio 5004 RTP/AVP 0 96 97 101\r\na=rtpmap:96 opus/48000/2\r\n"
	                "a=rtpmap:97 AMR/8000\r\na=rtpmap:101 telephone-event/8000\r\n");
	struct offer outside =
	    parsed(HEAD "m=audio 5004 RTP/AVP 0 97 96 100\r\na=rtpmap:97 OPUS/48000/2\r\n"
	                "a=rtpmap:96 AMR/8000/1\r\na=rtpmap:100 telephone-event/8000\r\n");
	struct kedge_pt pt[8];

	assert_int_equal(offer_map(&inside, &outside, pt), 3);
	assert_int_equal(pt[0].inside, 96);
	assert_int_equal(pt[0].here, 97);
	assert_int_equal(pt[1].inside, 97);
	assert_int_equal(pt[1].here, 96);
	assert_int_equal(pt[2].inside, 101);
	assert_int_equal(pt[2].here, 100);
	assert_int_equal(offer_map(&inside, &inside, pt), 0);
}

static void test_bodies(void **state)
{
#define PART "Content-Type: application/sdp\r\nContent-Disposition: session\r\n\r\nv=0\r\ns=-\r\n"
	static const struct {
		const char *type, *body;
		int rc;
		const char *sdp;
	} at[] = {
		{ NULL, "v=0\r\n", 0, "v=0\r\n" },
		{ "application/sdp", "v=0\r\n", 0, "v=0\r\n" },
		{ "Application/SDP ; charset=utf-8", "v=0\r\n", 0, "v=0\r\n" },
		{ "application/sdp", "", -ENOMSG, NULL },
		{ "application/isup", "v=0\r\n", -EMEDIUMTYPE, NULL },
		{ "", "v=0\r\n", -EMEDIUMTYPE, NULL },
		{ "multipart/mixed", "v=0\r\n", -EINVAL, NULL },
		{ "multipart/mixed;boundary=", "v=0\r\n", -EINVAL, NULL },
		{ "multipart/mixed;boundary=b", "v=0\r\n", -EINVAL, NULL },
		{ "multipart/mixed;boundary=b", "--b\r\n" PART "\r\n--b--\r\n", 0,
		    "v=0\r\ns=-\r\n" },
		{ "multipart/mixed; x=\"a;b\"; boundary=\"b c\"",
		    "junk\r\n--b c\r\n" PART "--b c--", 0, "v=0\r\ns=-" },
		{ "multipart/mixed;boundary=b",
		    "--b\nContent-Type: text/plain\n\nv=1\n--b\nc: application/sdp\n\nv=0\n\n--b--",
		    0, "v=0\n" },
		{ "multipart/mixed;boundary=b",
		    "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--\r\n", -EMEDIUMTYPE, NULL },
		{ "multipart/mixed;boundary=b", "--b\r\n" PART, -EINVAL, NULL },
		{ "multipart/mixed;boundary=b",
		    "--b\r\nContent-Transfer-Encoding: base64\r\n" PART "\r\n--b--", -EMEDIUMTYPE,
		    NULL },
		{ "multipart/mixed;boundary=b", "--bb\r\n" PART "\r\n--bb--", -EINVAL, NULL },
		{ "multipart/mixed;boundary=b", "--b\r\nContent-Type: application/sdp",
		    -EINVAL, NULL },
		{ "multipart/mixed;boundary=b", "--b--\r\n" PART, -EMEDIUMTYPE, NULL },
	};

	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		const char *sdp = NULL;
		size_t n = 0;
		int rc = offer_body(at[i].type, at[i].body, strlen(at[i].body), &sdp, &n);

		if (rc != at[i].rc)
			print_error("body %zu: %d\n", i, rc);
		assert_int_equal(rc, at[i].rc);
		if (at[i].sdp) {
			assert_int_equal(n, strlen(at[i].sdp));
			assert_memory_equal(sdp, at[i].sdp, n);
		}
	}
	const char *sdp;
	size_t n;

	assert_int_equal(offer_body("application/sdp", NULL, 0, &sdp, &n), -ENOMSG);
}

static void test_other_parts(void **state)
{
	static const char type[] = "multipart/mixed;boundary=b";
	static const char body[] = "--b\r\nContent-Type: x/y\r\n\r\none\0two\r\n--b\r\n" PART
	                           "--b\r\nc: Application/SDP\r\nContent-Transfer-Encoding: base64\r\n\r\n"
	                           "x\r\n--b\r\nContent-Type: multipart/x;boundary=c\r\n\r\ny\r\n"
	                           "--b\r\n\r\nplain text\r\n--b--\r\nbehind";
	static const char want[] = "--ours\r\nContent-Type: x/y\r\n\r\none\0two\r\n"
	                           "--ours\r\n\r\nplain text\r\n";
	char buf[sizeof want];

	assert_int_equal(offer_parts(buf, sizeof want, type, body, sizeof body - 1, "ours"),
	    sizeof want - 1);
	assert_memory_equal(buf, want, sizeof want - 1);
	for (size_t n = 0; n < sizeof want - 2; n++)
		assert_int_equal(
		    offer_parts(buf, n, type, body, sizeof body - 1, "ours"), -EMSGSIZE);
	/* a part that holds our boundary could end itself */
	assert_int_equal(offer_parts(buf, sizeof buf, type, body, sizeof body - 1, "plain"), 0);
	assert_int_equal(offer_parts(buf, sizeof buf, "application/sdp", body, 9, "ours"), 0);
	assert_int_equal(offer_parts(buf, sizeof buf, NULL, NULL, 0, "ours"), 0);
}

/* What was written reads back, and written once more for the next kedge it is the same but for the address. */
static void test_round_trip(void **state)
{
	char first[OFFER_MAX], second[OFFER_MAX];
	struct offer_origin a = { .id = 5 }, b = { .id = 5 };
	struct offer_write w = { .direction = -1, .local = addr_of("192.0.2.5", 20000) };
	struct offer o = parsed(HEAD "b=CT:1000\r\n" AUDIO "b=AS:80\r\n" MAPS
	                             "a=sendonly\r\nm=video 0 RTP/AVP 31\r\n"),
	             again;
	int n;

	w.from = &o;
	assert_true(offer_write(first, sizeof first, &w, &a) > 0);
	again = parsed(first);
	w.from = &again;
	n = offer_write(second, sizeof second, &w, &b);
	assert_true(n > 0);
	assert_string_equal(first, second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_writes_own_session),
		cmocka_unit_test(test_line_ends),
		cmocka_unit_test(test_errors_name_their_line),
		cmocka_unit_test(test_zero_byte),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_every_buffer_size),
		cmocka_unit_test(test_version_moves_with_the_body),
		cmocka_unit_test(test_nothing_private_crosses),
		cmocka_unit_test(test_hold_forms),
		cmocka_unit_test(test_direction_of_session_and_line),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_ipv6_and_ipv4),
		cmocka_unit_test(test_rtcp),
		cmocka_unit_test(test_own_rtcp_port),
		cmocka_unit_test(test_line_order_and_count),
		cmocka_unit_test(test_other_parts),
		cmocka_unit_test(test_mux_by_setting),
		cmocka_unit_test(test_bandwidth_by_setting),
		cmocka_unit_test(test_events_go_with_their_codecs),
		cmocka_unit_test(test_an_address_is_no_media),
		cmocka_unit_test(test_rejected_and_used_again),
		cmocka_unit_test(test_own_offer),
		cmocka_unit_test(test_fax_is_anchored),
		cmocka_unit_test(test_answer_takes_the_shape_of_its_offer),
		cmocka_unit_test(test_later_offer_loses_no_line),
		cmocka_unit_test(test_answer_direction_fits_offer),
		cmocka_unit_test(test_refused_and_unfit_answers),
		cmocka_unit_test(test_no_audio_no_body),
		cmocka_unit_test(test_codec_lists),
		cmocka_unit_test(test_forty_codecs),
		cmocka_unit_test(test_rtpmap_forms),
		cmocka_unit_test(test_session_ptime),
		cmocka_unit_test(test_end_facts),
		cmocka_unit_test(test_event_agreed),
		cmocka_unit_test(test_offer_cut_to_the_first_answer),
		cmocka_unit_test(test_payload_map),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
