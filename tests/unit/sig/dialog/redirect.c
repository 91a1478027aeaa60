// SPDX-License-Identifier: MIT
// redirect: only the trunk's own addresses are followed, all or none of a 3xx.
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <sofia-sip/msg.h>
#include <sofia-sip/msg_addr.h>
#include <sofia-sip/msg_parser.h>
#include <sofia-sip/sip_parser.h>

#include "config/conf.h"
#include "sig/dialog/redirect.h"

#define CALLED "sip:+4420@sip.alpha.example"

static void test_redirect(void **state)
{
	static const struct {
		const char *contacts;
		const char *ruri; /* NULL: not followed */
		const char *ip;
		uint16_t port;
	} at[] = {
		{ "", NULL, NULL, 0 },
		{ "m: <sip:+4430@198.51.100.7>\r\n", "sip:+4430@198.51.100.7", "198.51.100.7", 5060 },
		{ "m: <sip:+4430@198.51.100.7:5070;user=phone>;expires=3\r\n", "sip:+4430@198.51.100.7:5070", "198.51.100.7", 5070 },
		{ "m: <sip:198.51.100.8>\r\n", "sip:+4420@198.51.100.8", "198.51.100.8", 5060 },
		{ "m: <sip:+4430@SIP.alpha.example>\r\n", "sip:+4430@SIP.alpha.example", "198.51.100.1", 5062 },
		{ "m: <sip:1@198.51.100.7>;q=0.1, <sip:2@198.51.100.8>;q=0.9\r\n", "sip:2@198.51.100.8", "198.51.100.8", 5060 },
		{ "m: <sip:1@198.51.100.7>, <sip:2@198.51.101.8>;q=0.1\r\n", NULL, NULL, 0 },
		{ "m: <sip:1@198.51.100.7>\r\nm: <sip:1@192.0.2.9>\r\n", NULL, NULL, 0 },
		{ "m: <sip:1@pbx.example>\r\n", NULL, NULL, 0 },
		{ "m: <sip:1@198.51.100.7;maddr=192.0.2.9>\r\n", NULL, NULL, 0 },
		{ "m: <sip:1@198.51.100.7?Route=%3Csip:x%3E>\r\n", NULL, NULL, 0 },
		{ "m: <sips:1@198.51.100.7>\r\n", NULL, NULL, 0 },
		{ "m: <tel:+4430>\r\n", NULL, NULL, 0 },
		{ "m: *\r\n", NULL, NULL, 0 },
		{ "m: <sip:1@[2001:db8::7]>\r\n", NULL, NULL, 0 },
		{ "m: <sip:1@198.51.100.7:0>\r\n", NULL, NULL, 0 },
		{ "m: <sip:1@198.51.100.7:99999>\r\n", NULL, NULL, 0 },
	};
	struct conf_net net = { .family = AF_INET, .bits = 24 };
	struct conf_trunk t = { .uri.host = "sip.alpha.example", .sources = { .v = &net, .count = 1 } };
	struct kedge_addr from = { .family = AF_INET, .port = 5062 };

	(void)state;
	inet_pton(AF_INET, "198.51.100.0", net.ip);
	inet_pton(AF_INET, "198.51.100.1", from.ip);
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		struct redirect r = { 0 };
		char text[512], ip[INET6_ADDRSTRLEN];
		msg_t *msg;

		snprintf(text, sizeof(text),
		    "SIP/2.0 302 Moved\r\nVia: SIP/2.0/UDP c;branch=z9hG4bKx\r\nFrom: <sip:c@c>;tag=1\r\nTo: <sip:a@b>;tag=2\r\n"
		    "Call-ID: 1\r\nCSeq: 1 INVITE\r\n%sContent-Length: 0\r\n\r\n",
		    at[i].contacts);
		msg = msg_make(sip_default_mclass(), 0, text, -1);
		assert_non_null(msg);
		assert_int_equal(redirect_read(&r, msg_home(msg), &t, &from, CALLED, sip_object(msg)), at[i].ruri != NULL);
		if (at[i].ruri) {
			assert_string_equal(r.ruri, at[i].ruri);
			assert_string_equal(inet_ntop(AF_INET, r.addr.ip, ip, sizeof(ip)), at[i].ip);
			assert_int_equal(r.addr.port, at[i].port);
		} else {
			assert_null(r.ruri);
		}
		msg_destroy(msg);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_redirect) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
