// SPDX-License-Identifier: MIT
/* profile: what a trunk is told, byte for byte; what it must never be told; and strings made to break a header. A133 A134 A145. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include <sofia-sip/msg.h>
#include <sofia-sip/msg_addr.h>
#include <sofia-sip/msg_parser.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_parser.h>
#include <sofia-sip/sip_tag.h>

#include "sig/profile.h"

#define SECRET "10.9.8.7"

static struct kedge_addr local_v4(void)
{
	struct kedge_addr a = { .family = AF_INET, .port = 5060 };

	inet_pton(AF_INET, "192.0.2.1", a.ip);
	return a;
}

/* A trunk with every default of setting.def. */
static struct conf_trunk trunk_alpha(void)
{
	return (struct conf_trunk){
		.name = "alpha",
		.side = CONF_SIDE_CARRIER,
		.uri = { .host = "sip.alpha.example" },
		.headers = { .from_host = "",
		    .number_format = "plain",
		    .prefix_strip = "",
		    .prefix_add = "",
		    .country = "" },
	};
}

static const struct conf_trunk pbx = { .name = "pbx", .side = CONF_SIDE_PBX, .trusted = true };

static struct profile_in caller(void)
{
	return (struct profile_in){ .from_display = "Bob",
		.from_user = "+442071838751",
		.from_host = SECRET,
		.number = "+442071838750",
		.call_id = 0x7f3a };
}

static void add(struct profile_in *in, const char *name, const char *value)
{
	in->header[in->headers++] = (struct profile_header){ name, value };
}

static struct profile_out out;

static void no_line_is_broken(const char *lines)
{
	for (const char *p = lines; *p;) {
		size_t n = strcspn(p, "\r\n");

		assert_true(n > 0);
		assert_memory_equal(p + n, "\r\n", 2);
		assert_non_null(memchr(p, ':', n));
		for (size_t i = 0; i < n; i++)
			assert_true((unsigned char)p[i] >= 0x20 && p[i] != 0x7f);
		p += n + 2;
	}
}

static int make(const struct profile_in *in, const struct conf_trunk *to)
{
	struct kedge_addr local = local_v4();

	memset(&out, 0x5a, sizeof out);
	int rc = profile_make(&out, in, &pbx, to, &local);
	if (rc)
		return rc;
	assert_true(out.used <= sizeof out.text);
	no_line_is_broken(out.lines);
	const char *one[] = { out.ruri, out.from, out.to, out.contact_user };
	for (int i = 0; i < 4; i++)
		for (const char *p = one[i]; *p; p++)
			assert_true((unsigned char)*p >= 0x20 && *p != 0x7f);
	const char *all[] = { out.ruri, out.from, out.to, out.contact_user, out.lines };
	for (int i = 0; i < 5; i++)
		assert_null(strstr(all[i], SECRET));
	return 0;
}

static void test_defaults(void **state)
{
	struct conf_trunk to = trunk_alpha();
	struct profile_in in = caller();

	assert_int_equal(make(&in, &to), 0);
	assert_string_equal(out.ruri, "sip:+442071838750@sip.alpha.example");
	assert_string_equal(out.from, "\"Bob\" <sip:+442071838751@192.0.2.1>");
	assert_string_equal(out.to, "<sip:+442071838750@sip.alpha.example>");
	assert_string_equal(out.contact_user, "+442071838751");
	assert_string_equal(out.lines, "");
	assert_string_equal(out.src, "+442071838751");
	assert_string_equal(out.dst, "+442071838750");
	assert_false(out.anonymous);
}

static void test_hosts(void **state)
{
	struct conf_trunk to = trunk_alpha();
	struct profile_in in = caller();
	struct kedge_addr six = { .family = AF_INET6 };

	to.uri.port = 5070;
	to.uri.transport = CONF_TCP;
	to.headers.from_host = "us.example";
	assert_int_equal(make(&in, &to), 0);
	assert_string_equal(out.ruri, "sip:+442071838750@sip.alpha.example:5070;transport=tcp");
	assert_string_equal(out.from, "\"Bob\" <sip:+442071838751@us.example>");
	/* A145: an outbound proxy leaves the hosts of uri. */
	to = trunk_alpha();
	to.outbound_proxy.host = "127.0.2.9";
	assert_int_equal(make(&in, &to), 0);
	assert_string_equal(out.ruri, "sip:+442071838750@sip.alpha.example");
	assert_string_equal(out.to, "<sip:+442071838750@sip.alpha.example>");
	assert_string_equal(out.from, "\"Bob\" <sip:+442071838751@sip.alpha.example>");
	to = trunk_alpha();
	inet_pton(AF_INET6, "2001:db8::1", six.ip);
	assert_int_equal(profile_make(&out, &in, &pbx, &to, &six), 0);
	assert_string_equal(out.from, "\"Bob\" <sip:+442071838751@[2001:db8::1]>");
}

static void test_caller_without_name_or_number(void **state)
{
	struct conf_trunk to = trunk_alpha();
	struct profile_in in = caller();

	in.from_display = NULL;
	assert_int_equal(make(&in, &to), 0);
	assert_string_equal(out.from, "<sip:+442071838751@192.0.2.1>");
	in.from_user = NULL;
	assert_int_equal(make(&in, &to), 0);
	assert_string_equal(out.from, "<sip:192.0.2.1>");
	assert_string_equal(out.contact_user, "");
	in.from_user = "anonymous";
	in.from_display = "Whoever";
	assert_int_equal(make(&in, &to), 0);
	assert_string_equal(out.from, "\"Anonymous\" <sip:anonymous@anonymous.invalid>");
	assert_true(out.anonymous);
}

static void test_numbers(void **state)
{
	static const struct {
		const char *in;
		enum conf_number_format format;
		const char *country, *strip, *add, *out;
	} at[] = {
		{ "+44-20-7183.8750", CONF_NUMBER_PLAIN, "", "", "", "+442071838750" },
		{ "(020) 7183 8750", CONF_NUMBER_PLAIN, "", "", "", "02071838750" },
		{ "442071838750", CONF_NUMBER_E164, "", "", "", "+442071838750" },
		{ "00442071838750", CONF_NUMBER_E164, "", "", "", "+442071838750" },
		{ "+442071838750", CONF_NUMBER_E164, "", "", "", "+442071838750" },
		{ "02071838750", CONF_NUMBER_E164, "", "", "", "02071838750" },
		{ "112", CONF_NUMBER_E164, "", "", "", "112" },
		{ "1001", CONF_NUMBER_E164, "", "", "", "1001" },
		{ "1234567890123456", CONF_NUMBER_E164, "", "", "", "1234567890123456" },
		{ "*21*0301#", CONF_NUMBER_E164, "", "", "", "*21*0301#" },
		{ "+442071838750", CONF_NUMBER_NATIONAL, "44", "", "", "02071838750" },
		{ "00442071838750", CONF_NUMBER_NATIONAL, "44", "", "", "02071838750" },
		{ "442071838750", CONF_NUMBER_NATIONAL, "44", "", "", "02071838750" },
		{ "+33142685300", CONF_NUMBER_NATIONAL, "44", "", "", "0033142685300" },
		{ "02071838750", CONF_NUMBER_NATIONAL, "44", "", "", "02071838750" },
		{ "+44", CONF_NUMBER_NATIONAL, "44", "", "", "0044" },
		{ "9442071838750", CONF_NUMBER_E164, "", "9", "", "+442071838750" },
		{ "9", CONF_NUMBER_PLAIN, "", "9", "", "9" },
		{ "+442071838750", CONF_NUMBER_PLAIN, "", "+44", "0", "02071838750" },
		{ "+442071838750", CONF_NUMBER_E164, "", "", "7777", "7777+442071838750" },
		{ "reception", CONF_NUMBER_E164, "", "9", "7777", "reception" },
		{ "+", CONF_NUMBER_E164, "", "", "9", "+" },
		{ "12+34", CONF_NUMBER_PLAIN, "", "", "9", "12+34" },
	};

	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		struct conf_headers h = { .format = at[i].format,
			.country = at[i].country,
			.prefix_strip = at[i].strip,
			.prefix_add = at[i].add };
		char buf[PROFILE_NUMBER];

		assert_string_equal(profile_number(buf, at[i].in, &h, true), at[i].out);
		if (!at[i].strip[0] && !at[i].add[0])
			assert_string_equal(profile_number(buf, at[i].in, &h, false), at[i].out);
	}
	char a[PROFILE_NUMBER], b[PROFILE_NUMBER], longest[300];

	assert_string_equal(
	    profile_digits(a, "+44 20 7183-8750"), profile_digits(b, "00442071838750"));
	assert_string_equal(profile_digits(a, "bob"), "");
	memset(longest, '1', sizeof longest);
	longest[sizeof longest - 1] = 0;
	struct conf_headers h = { .country = "", .prefix_strip = "", .prefix_add = "999" };

	assert_int_equal(strlen(profile_number(a, longest, &h, true)), PROFILE_NUMBER - 1);
	longest[PROFILE_NUMBER - 2] = 0;
	assert_true(strlen(profile_number(a, longest, &h, true)) < PROFILE_NUMBER);
}

/* A134: one call, three profiles. */
static void test_profiles_of_trunks(void **state)
{
	struct conf_trunk a = trunk_alpha(), b = trunk_alpha();
	struct profile_in in = caller();
	const char *strip[] = { "Subject" };
	struct conf_header set[] = { { "X-Provider", "Primary" },
		{ "P-Asserted-Identity", "<sip:${from.e164}@alpha.example>" },
		{ "X-Call", "${call.id} ${trunk.name} ${to.user} ${to.e164} ${from.user} "
		            "${from.display} $5 ${" } };

	in.number = "442071838750";
	add(&in, "Subject", "hello");
	add(&in, "X-Internal", "secret");
	add(&in, "P-Asserted-Identity", "\"Bob\" <sip:442071838751@" SECRET ">");
	a.headers.lines = (struct conf_headers_set){ set, 3 };
	a.headers.strip = (struct conf_strings){ strip, 1 };
	a.trusted = true;
	assert_int_equal(make(&in, &a), 0);
	assert_string_equal(out.lines,
	    "X-Provider: Primary\r\n"
	    "P-Asserted-Identity: <sip:+442071838751@alpha.example>\r\n"
	    "X-Call: 0000000000007f3a alpha 442071838750 +442071838750 442071838751 Bob $5 ${\r\n");
	assert_int_equal(make(&in, &b), 0);
	assert_string_equal(out.lines,
	    "Subject: hello\r\nP-Asserted-Identity: \"Bob\" <sip:442071838751@192.0.2.1>\r\n");
	b.headers.pai = CONF_PAI_STRIP;
	assert_int_equal(make(&in, &b), 0);
	assert_string_equal(out.lines, "Subject: hello\r\n");
	b.headers.pai = CONF_PAI_SET;
	b.headers.format = CONF_NUMBER_E164;
	b.headers.from_host = "beta.example";
	assert_int_equal(make(&in, &b), 0);
	assert_string_equal(out.ruri, "sip:+442071838750@sip.alpha.example");
	assert_string_equal(out.lines,
	    "Subject: hello\r\nP-Asserted-Identity: <sip:+442071838751@beta.example>\r\n");
}

static void test_what_crosses(void **state)
{
	struct conf_trunk to = trunk_alpha();
	struct profile_in in = caller();
	const char *through[] = { "X-Acc*", "x-one", "Supported", "*" };
	static const char *const none[] = { "Call-Info", "Reply-To", "Organization", "User-Agent",
		"Server", "Supported", "k", "Require", "Allow", "Contact", "m", "Route",
		"Record-Route", "Via", "Remote-Party-ID", "P-Preferred-Identity", "Warning",
		"X-Account", "X-One", "x-two", "Date", "Session-Expires", "Replaces" };

	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		add(&in, none[i], "value");
	add(&in, "s", "hi");
	add(&in, "Priority", "urgent");
	add(&in, "User-to-User", "56a390f3d2b7310023a2;encoding=hex");
	add(&in, "Alert-Info", "<urn:alert:source:external>");
	assert_int_equal(make(&in, &to), 0);
	assert_string_equal(out.lines,
	    "s: hi\r\nPriority: urgent\r\nUser-to-User: 56a390f3d2b7310023a2;encoding=hex\r\n");
	to.headers.pass = (struct conf_strings){ through, 3 };
	assert_int_equal(make(&in, &to), 0);
	assert_string_equal(out.lines,
	    "X-Account: value\r\nX-One: value\r\ns: hi\r\nPriority: urgent\r\n"
	    "User-to-User: 56a390f3d2b7310023a2;encoding=hex\r\n");
	to.side = CONF_SIDE_PBX;
	assert_int_equal(make(&in, &to), 0);
	assert_non_null(strstr(out.lines, "Alert-Info: <urn:alert:source:external>\r\n"));
	to.headers.pass =
	    (struct conf_strings){ through + 3, 1 }; /* all, but nothing of the dialog's own */
	assert_int_equal(make(&in, &to), 0);
	assert_null(strstr(out.lines, "Supported"));
	assert_null(strstr(out.lines, "Via"));
	assert_null(strstr(out.lines, "\r\nm:"));
	assert_non_null(strstr(out.lines, "x-two: value\r\n"));
}

static void test_identity_is_believed_from_trusted_sources(void **state)
{
	struct conf_trunk to = trunk_alpha(), stranger = pbx;
	struct profile_in in = caller();
	struct kedge_addr local = local_v4();

	stranger.trusted = false;
	add(&in, "P-Asserted-Identity",
	    "<sip:+4420999@" SECRET ">, <tel:+44-20-999;phone-context=x>");
	assert_int_equal(profile_make(&out, &in, &stranger, &to, &local), 0);
	assert_string_equal(out.lines, "");
	assert_int_equal(profile_make(&out, &in, NULL, &to, &local), 0);
	assert_string_equal(out.lines, "");
	assert_int_equal(make(&in, &to), 0);
	assert_string_equal(
	    out.lines, "P-Asserted-Identity: <sip:+4420999@192.0.2.1>, <tel:+4420999>\r\n");
	to.headers.pai = CONF_PAI_SET; /* the asserted number, else From's */
	assert_int_equal(make(&in, &to), 0);
	assert_string_equal(out.lines, "P-Asserted-Identity: <sip:+4420999@192.0.2.1>\r\n");
	assert_int_equal(profile_make(&out, &in, &stranger, &to, &local), 0);
	assert_string_equal(out.lines, "P-Asserted-Identity: <sip:+442071838751@192.0.2.1>\r\n");
}

static void test_privacy(void **state)
{
	static const struct {
		const char *privacy;
		bool trusted;
		const char *from, *lines;
	} at[] = {
		{ "none", false, "\"Bob\" <sip:+442071838751@192.0.2.1>",
		    "Diversion: <sip:100@192.0.2.1>;reason=user-busy\r\nP-Asserted-Identity: "
		    "<sip:+44207@192.0.2.1>\r\nPrivacy: none\r\n" },
		{ "id", false, "\"Bob\" <sip:+442071838751@192.0.2.1>",
		    "Diversion: <sip:100@192.0.2.1>;reason=user-busy\r\nPrivacy: id\r\n" },
		{ "id", true, "\"Bob\" <sip:+442071838751@192.0.2.1>",
		    "Diversion: <sip:100@192.0.2.1>;reason=user-busy\r\nP-Asserted-Identity: "
		    "<sip:+44207@192.0.2.1>\r\nPrivacy: id\r\n" },
		{ "user;id", false, "\"Anonymous\" <sip:anonymous@anonymous.invalid>",
		    "Diversion: <sip:100@192.0.2.1>;reason=user-busy\r\nPrivacy: id\r\n" },
		{ "user; id ;critical", true, "\"Anonymous\" <sip:anonymous@anonymous.invalid>",
		    "Diversion: <sip:100@192.0.2.1>;reason=user-busy\r\nP-Asserted-Identity: "
		    "<sip:+44207@192.0.2.1>\r\nPrivacy: id;critical\r\n" },
		{ "user", false, "\"Anonymous\" <sip:anonymous@anonymous.invalid>",
		    "Diversion: <sip:100@192.0.2.1>;reason=user-busy\r\n" },
		{ "HEADER", false, "\"Bob\" <sip:+442071838751@192.0.2.1>",
		    "P-Asserted-Identity: <sip:+44207@192.0.2.1>\r\n" },
		{ "history;session;critical", false, "\"Bob\" <sip:+442071838751@192.0.2.1>",
		    "P-Asserted-Identity: <sip:+44207@192.0.2.1>\r\n" },
		{ "strange", false, "\"Bob\" <sip:+442071838751@192.0.2.1>",
		    "Diversion: <sip:100@192.0.2.1>;reason=user-busy\r\nP-Asserted-Identity: "
		    "<sip:+44207@192.0.2.1>\r\n" },
	};

	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		struct conf_trunk to = trunk_alpha();
		struct profile_in in = caller();

		to.trusted = at[i].trusted;
		add(&in, "Diversion", "<sip:100@" SECRET ">;reason=user-busy");
		add(&in, "P-Asserted-Identity", "<sip:+44207@" SECRET ">");
		add(&in, "Privacy", at[i].privacy);
		assert_int_equal(make(&in, &to), 0);
		assert_string_equal(out.from, at[i].from);
		assert_string_equal(
		    out.contact_user, out.anonymous ? "anonymous" : "+442071838751");
		assert_string_equal(out.lines, at[i].lines);
	}
	struct conf_trunk to = trunk_alpha();
	struct profile_in in = caller();

	add(&in, "Privacy", "critical");
	add(&in, "Privacy", "strange");
	assert_int_equal(make(&in, &to), -ENOTSUP);
}

/* No rule of the operator's tells an untrusted trunk what the caller hid. */
static void test_privacy_wins_over_set(void **state)
{
	struct conf_trunk to = trunk_alpha();
	struct profile_in in = caller();
	struct conf_header set[] = { { "P-Asserted-Identity", "<sip:${from.e164}@alpha.example>" },
		{ "X-To", "${to.user}" } };

	to.headers.lines = (struct conf_headers_set){ set, 2 };
	to.headers.pai = CONF_PAI_SET;
	add(&in, "Privacy", "user;id");
	assert_int_equal(make(&in, &to), 0);
	assert_string_equal(out.lines, "Privacy: id\r\nX-To: +442071838750\r\n");
	assert_null(strstr(out.from, "751"));
	to.trusted = true;
	assert_int_equal(make(&in, &to), 0);
	assert_string_equal(out.lines,
	    "Privacy: id\r\nP-Asserted-Identity: "
	    "<sip:+442071838751@alpha.example>\r\nX-To: +442071838750\r\n");
}

static void test_diversion_and_history(void **state)
{
	struct conf_trunk to = trunk_alpha();
	struct profile_in in = caller();

	add(&in, "Diversion",
	    "\"Desk, \\\"7\\\"\" <sip:100;x=1:pw@" SECRET
	    ":5060;user=phone>;reason=unconditional;counter=2;x=" SECRET ", sip:200@" SECRET
	    ";reason=\"no answer\";privacy=full");
	add(&in, "History-Info",
	    "<sip:300@" SECRET ";cause=302;p=" SECRET
	    "?Reason=SIP%3Bcause%3D302>;index=1.1;mp=1,<sip:301@" SECRET ">;index=1.2");
	assert_int_equal(make(&in, &to), 0);
	assert_string_equal(out.lines,
	    "Diversion: \"Desk, \\\"7\\\"\" <sip:100@192.0.2.1>;reason=unconditional;counter=2, "
	    "<sip:200@192.0.2.1>;privacy=full\r\n"
	    "History-Info: <sip:300@192.0.2.1;cause=302>;index=1.1;mp=1, "
	    "<sip:301@192.0.2.1>;index=1.2\r\n");
}

static void test_identity_and_date(void **state)
{
	struct conf_trunk to = trunk_alpha();
	struct profile_in in = caller();
	static const char both[] =
	    "Identity: eyJ.x.y;info=<https://c.example/p>;alg=ES256\r\nDate: Fri, 20 Nov 2026 "
	    "10:00:00 GMT\r\n";

	add(&in, "Identity", "eyJ.x.y;info=<https://c.example/p>;alg=ES256");
	add(&in, "Date", "Fri, 20 Nov 2026 10:00:00 GMT");
	assert_int_equal(make(&in, &to), 0);
	assert_string_equal(out.lines, both);
	assert_false(out.identity_broken);
	in.number = "00442071838750"; /* the same number in another form */
	to.headers.format = CONF_NUMBER_E164;
	assert_int_equal(make(&in, &to), 0);
	assert_string_equal(out.lines, both);
	to.headers.prefix_add = "99";
	assert_int_equal(make(&in, &to), 0);
	assert_string_equal(out.lines, "");
	assert_true(out.identity_broken);
	to = trunk_alpha();
	to.headers.format = CONF_NUMBER_NATIONAL;
	to.headers.country = "44";
	assert_int_equal(make(&in, &to), 0);
	assert_true(out.identity_broken);
	to = trunk_alpha();
	add(&in, "Privacy", "user;id");
	assert_int_equal(make(&in, &to), 0);
	assert_true(out.identity_broken);
	assert_string_equal(out.lines, "Privacy: id\r\n");
}

static void test_attacks(void **state)
{
	static const struct {
		const char *display, *user, *from;
	} at[] = {
		{ "Bob\r\nX-Evil: 1", "1", "\"Bob??X-Evil: 1\" <sip:1@192.0.2.1>" },
		{ "\"Bob\" <sip:evil@x>\"", "1", "\"Bob\\\" <sip:evil@x>\" <sip:1@192.0.2.1>" },
		{ "Bob\" <sip:evil@x>, \"", "1",
		    "\"Bob\\\" <sip:evil@x>, \\\"\" <sip:1@192.0.2.1>" },
		{ "\"a\\\\\\\"b\"", "1", "\"a\\\\\\\"b\" <sip:1@192.0.2.1>" },
		{ "\"a\\\"", "1", "\"a\\\\\" <sip:1@192.0.2.1>" },
		{ "\"", "1", "\"\\\"\" <sip:1@192.0.2.1>" },
		{ "\xff\xc3(\xc3\xa9\xed\xa0\x80", "1",
		    "\"?"
		    "?(\xc3\xa9???\" <sip:1@192.0.2.1>" },
		{ "", "a%0d%0aX-Evil:%201", "<sip:192.0.2.1>" },
		{ "", "a%00b", "<sip:192.0.2.1>" },
		{ "", "a\r\nb", "<sip:192.0.2.1>" },
		{ "", "a%40evil%3e", "<sip:a%40evil%3E@192.0.2.1>" },
		{ "", "a>,<sip:evil@x", "<sip:a%3E,%3Csip@192.0.2.1>" },
		{ "", "a%", "<sip:a%25@192.0.2.1>" },
		{ "", "a%zz", "<sip:a%25zz@192.0.2.1>" },
		{ "", "%2B44%32", "<sip:+442@192.0.2.1>" },
		{ "", "+4420;npdi;rn=+4430", "<sip:+4420@192.0.2.1>" },
		{ "", "bob:password", "<sip:bob@192.0.2.1>" },
		{ "", "\xc3\xa9", "<sip:%C3%A9@192.0.2.1>" },
		{ "", "\xff", "<sip:%3F@192.0.2.1>" },
	};

	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		struct conf_trunk to = trunk_alpha();
		struct profile_in in = caller();

		in.from_display = at[i].display;
		in.from_user = at[i].user;
		assert_int_equal(make(&in, &to), 0);
		assert_string_equal(out.from, at[i].from);
	}
}

static void test_attacks_on_the_number_called(void **state)
{
	static const struct {
		const char *number;
		int rc;
		const char *ruri;
	} at[] = {
		{ NULL, -EINVAL, NULL },
		{ "", -EINVAL, NULL },
		{ "1\r\nX: y", -EINVAL, NULL },
		{ "1%0a2", 0, "sip:1%250a2@sip.alpha.example" },
		{ "1@evil.example", 0, "sip:1%40evil.example@sip.alpha.example" },
		{ "1;x=y", 0, "sip:1%3Bx=y@sip.alpha.example" },
		{ "1 SIP/2.0", 0, "sip:1%20SIP/2.0@sip.alpha.example" },
		{ "a?b=c#", 0, "sip:a%3Fb=c%23@sip.alpha.example" },
		{ "*21*0301#", 0, "sip:*21*0301%23@sip.alpha.example" },
	};
	char longest[400];

	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		struct conf_trunk to = trunk_alpha();
		struct profile_in in = caller();

		in.number = at[i].number;
		assert_int_equal(make(&in, &to), at[i].rc);
		if (at[i].ruri)
			assert_string_equal(out.ruri, at[i].ruri);
	}
	struct conf_trunk to = trunk_alpha();
	struct profile_in in = caller();

	memset(longest, '1', sizeof longest);
	longest[sizeof longest - 1] = 0;
	in.number = longest;
	assert_int_equal(make(&in, &to), -EINVAL);
}

static void test_attacks_in_headers(void **state)
{
	static const struct {
		const char *name, *value, *line;
		unsigned left_out;
	} at[] = {
		{ "Subject", "a\r\nX-Evil: 1", "", 1 },
		{ "Subject", "a\nX-Evil: 1", "", 1 },
		{ "Subject", "a\rX-Evil: 1", "", 1 },
		{ "Subject", "a\r\n folded\r\n\t twice", "Subject: a folded twice\r\n", 0 },
		{ "Subject", "a\r\n\r\n body", "", 1 },
		{ "Subject", "bell\a", "", 1 },
		{ "Subject", "tab\there", "Subject: tab here\r\n", 0 },
		{ "Subject", "\xff\xfe", "Subject: ??\r\n", 0 },
		{ "Subject", "", "Subject: \r\n", 0 },
		{ "X-Ok: 1\r\nX-Evil", "1", "", 1 },
		{ "X-Bad Name", "1", "", 1 },
		{ "", "1", "", 0 },
		{ "P-Asserted-Identity", "\"a\r\nX-Evil: 1\" <sip:1@x>",
		    "P-Asserted-Identity: \"a??X-Evil: 1\" <sip:1@192.0.2.1>\r\n", 0 },
		{ "P-Asserted-Identity", "<sip:1%0d%0aX@x>", "", 0 },
		{ "P-Asserted-Identity", "<http:1@x>", "", 0 },
		{ "P-Asserted-Identity", "<sip:1@x", "", 0 },
		{ "P-Asserted-Identity", "\"<sip:9@evil>\" <sip:1@x>",
		    "P-Asserted-Identity: \"<sip:9@evil>\" <sip:1@192.0.2.1>\r\n", 0 },
		{ "P-Asserted-Identity", "\"open <sip:1@x>",
		    "P-Asserted-Identity: \"\\\"open\" <sip:1@192.0.2.1>\r\n", 0 },
		{ "P-Asserted-Identity", "", "", 0 },
		{ "Diversion", "<sip:1@x>;reason=a\r\nX-Evil:1;counter=1",
		    "Diversion: <sip:1@192.0.2.1>;counter=1\r\n", 0 },
	};
	const char *all[] = { "X-*" };

	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		struct conf_trunk to = trunk_alpha();
		struct profile_in in = caller();

		to.headers.pass = (struct conf_strings){ all, 1 };
		add(&in, at[i].name, at[i].value);
		assert_int_equal(make(&in, &to), 0);
		if (strcmp(out.lines, at[i].line))
			print_error("row %zu\n", i);
		assert_string_equal(out.lines, at[i].line);
		assert_int_equal(out.left_out, at[i].left_out);
	}
}

static void test_too_much(void **state)
{
	static char value[1500];
	struct conf_trunk to = trunk_alpha();
	struct profile_in in = caller();

	memset(value, 'a', sizeof value - 1);
	for (int i = 0; i < PROFILE_HEADERS_IN; i++)
		add(&in, "Subject", value);
	assert_int_equal(make(&in, &to), 0);
	assert_true(out.left_out > 80);
	assert_true(strlen(out.lines) > 4500);
	static char host[300];

	memset(host, 'h', sizeof host - 1);
	to.headers.from_host = host;
	assert_int_equal(make(&in, &to), 0);
	/* Every amount of room at the end: a line is there whole or not at all. */
	for (size_t n = 1; n < sizeof value; n += 7) {
		value[n] = 0;
		assert_int_equal(make(&in, &to), 0);
		value[n] = 'a';
	}
}

static void test_clean(void **state)
{
	char buf[8];

	assert_string_equal(profile_clean(buf, sizeof buf, "a\r\nb\tc"), "a??b c");
	assert_string_equal(profile_clean(buf, sizeof buf, "123456\xc3\xa9"), "123456");
	assert_string_equal(profile_clean(buf, sizeof buf, "12345\xc3\xa9"), "12345\xc3\xa9");
	assert_string_equal(profile_clean(buf, 1, "x"), "");
}

/* What routes match, and what a CDR says. */
static void test_called_and_caller(void **state)
{
	static const struct {
		const char *uri, *number;
	} at[] = {
		{ "sip:+44-20-7183.8750@x", "+442071838750" },
		{ "sip:%2B442071838750@x", "+442071838750" },
		{ "sip:+442071838750;npdi;rn=+4430@x;user=phone", "+442071838750" },
		{ "sip:alice:password@x", "alice" },
		{ "sip:a%2Db%40c@x", "a-b@c" },
		{ "sip:1%2541@x", "1%41" },
		{ "sip:1%0d%0aX:%20y@x", "" },
		{ "sip:1%00@x", "" },
		{ "sip:x", "" },
		{ "tel:+44-20-7183-8750;phone-context=x", "+442071838750" },
	};

	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		char text[256], number[PROFILE_NUMBER], display[PROFILE_DISPLAY];
		msg_t *msg;

		snprintf(text, sizeof text,
		    "INVITE %s SIP/2.0\r\nFrom: \"B \\\"o\\\" \a\" <%s>;tag=1\r\n\r\n", at[i].uri,
		    at[i].uri);
		msg = msg_make(sip_default_mclass(), 0, text, -1);
		assert_string_equal(profile_called(number, sip_object(msg)), at[i].number);
		profile_caller(number, display, sip_object(msg));
		assert_string_equal(number, at[i].number);
		assert_string_equal(display, "B \"o\" ?");
		msg_destroy(msg);
	}
}

/* A parsed INVITE, and what the library makes of the lines. */
static void test_with_the_library(void **state)
{
	static const char invite[] =
	    "INVITE sip:+442071838750@192.0.2.1 SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP " SECRET ";branch=z9hG4bKx\r\n"
	    "From: \"B \\\"o\\\" b\" <sip:+44%32071838751@" SECRET ":5060>;tag=1\r\n"
	    "To: <sip:+442071838750@192.0.2.1>\r\nCall-ID: x@" SECRET "\r\nCSeq: 1 INVITE\r\n"
	    "Contact: <sip:bob@" SECRET
	    ">\r\nMax-Forwards: 70\r\nUser-Agent: secret\r\nAllow: INVITE\r\n"
	    "s: a subject\r\nPrivacy: id\r\nP-Asserted-Identity: \"Bob\" <sip:+4420@" SECRET ">\r\n"
	    "Diversion: <sip:1@" SECRET ">;reason=user-busy, <sip:2@" SECRET ">\r\nX-Secret: 1\r\n"
	    "Alert-Info: <http://" SECRET "/x>\r\nCall-Info: <http://" SECRET
	    "/x>\r\nSupported: 100rel\r\n"
	    "Content-Length: 0\r\n\r\n";
	msg_t *msg = msg_make(sip_default_mclass(), 0, invite, -1), *made;
	struct profile_in in;
	struct conf_trunk to = trunk_alpha();

	assert_non_null(msg);
	profile_read(&in, sip_object(msg), msg_home(msg), "+442071838750", 1);
	to.trusted = true;
	assert_int_equal(make(&in, &to), 0);
	assert_string_equal(out.from, "\"B \\\"o\\\" b\" <sip:+442071838751@192.0.2.1>");
	assert_string_equal(out.lines,
	    "Subject: a subject\r\nP-Asserted-Identity: \"Bob\" <sip:+4420@192.0.2.1>\r\n"
	    "Diversion: <sip:1@192.0.2.1>;reason=user-busy, <sip:2@192.0.2.1>\r\nPrivacy: id\r\n");
	made = msg_create(sip_default_mclass(), 0);
	assert_int_equal(
	    sip_add_tl(made, sip_object(made), SIPTAG_HEADER_STR(out.lines), TAG_END()), 0);
	assert_non_null(sip_object(made)->sip_subject);
	assert_non_null(sip_object(made)->sip_privacy);
	int unknown = 0;
	for (sip_unknown_t *u = sip_object(made)->sip_unknown; u; u = u->un_next)
		unknown++;
	assert_int_equal(unknown, 2);
	msg_destroy(made);
	msg_destroy(msg);

	msg = msg_make(sip_default_mclass(), 0,
	    "INVITE tel:+442071838750 SIP/2.0\r\nFrom: "
	    "<tel:+44-20-7183-8751;phone-context=x>;tag=1\r\n\r\n",
	    -1);
	profile_read(&in, sip_object(msg), msg_home(msg), "+442071838750", 1);
	assert_int_equal(make(&in, &to), 0);
	assert_string_equal(out.from, "<sip:+442071838751@192.0.2.1>");
	msg_destroy(msg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_caller_without_name_or_number),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_profiles_of_trunks),
		cmocka_unit_test(test_what_crosses),
		cmocka_unit_test(test_identity_is_believed_from_trusted_sources),
		cmocka_unit_test(test_privacy),
		cmocka_unit_test(test_privacy_wins_over_set),
		cmocka_unit_test(test_diversion_and_history),
		cmocka_unit_test(test_identity_and_date),
		cmocka_unit_test(test_attacks),
		cmocka_unit_test(test_attacks_on_the_number_called),
		cmocka_unit_test(test_attacks_in_headers),
		cmocka_unit_test(test_too_much),
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_called_and_caller),
		cmocka_unit_test(test_with_the_library),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
