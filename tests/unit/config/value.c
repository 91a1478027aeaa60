// SPDX-License-Identifier: MIT
/* Each kind of value: what is taken, what is refused, and that what is written is read back. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>
#include <sys/socket.h>

#include "config/dscp.h"
#include "config/row.h"
#include "config/value.h"

static void durations(void **state)
{
	static const struct {
		const char *text, *back;
		uint32_t ms;
	} good[] = {
		{ "0ms", "0ms", 0 }, { "500ms", "500ms", 500 }, { "1500ms", "1500ms", 1500 }, { "30s", "30s", 30000 }, { "120s", "120s", 120000 },
		{ "5min", "5min", 300000 }, { "301s", "301s", 301000 }, { "1h", "1h", 3600000 }, { "60min", "1h", 3600000 }, { "2d", "48h", 172800000 },
	};
	static const char *const bad[] = { "", "5", "s", "5 s", " 5s", "5s ", "-5s", "1.5s", "5m", "5S", "500us", "9999999999s", "50d", "ms5" };
	char buf[VALUE_TEXT];
	uint32_t ms = 77;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(value_ms(good[i].text, &ms));
		assert_int_equal(ms, good[i].ms);
		assert_string_equal(value_ms_text(ms, buf), good[i].back);
	}
	ms = 77;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(value_ms(bad[i], &ms));
	assert_int_equal(ms, 77);
	assert_true(value_us("250us", &ms));
	assert_string_equal(value_us_text(ms, buf), "250us");
	assert_true(value_us("1ms", &ms));
	assert_int_equal(ms, 1000);
	assert_string_equal(value_us_text(0, buf), "0us");
}

static void networks(void **state)
{
	static const char *const good[] = { "192.0.2.0/24", "192.0.2.7", "0.0.0.0/0", "2001:db8::/32", "2001:db8::1", "10.1.2.128/25" };
	static const char *const bad[] = { "", "192.0.2.0/33", "192.0.2.0/", "192.0.2.0/24x", "192.0.2/24", "::/129", "::ffff:192.0.2.1", "name", "192.0.2.1:5060" };
	struct conf_net net;
	const char *why;
	char buf[CONF_ADDR_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(value_net(good[i], &net, &why));
		assert_string_equal(value_net_text(&net, buf), good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(value_net(bad[i], &net, &why));
	assert_false(value_net("192.0.2.7/24", &net, &why));
	assert_string_equal(why, "has bits set behind its prefix length");
}

static bool holds(const char *net, const char *ip)
{
	struct conf_net n;
	struct conf_addr a;
	const char *why;

	assert_true(value_net(net, &n, &why));
	assert_true(value_ip(ip, &a));
	return conf_net_holds(&n, &a);
}

static void membership(void **state)
{
	(void)state;
	assert_true(holds("192.0.2.0/24", "192.0.2.255"));
	assert_false(holds("192.0.2.0/24", "192.0.3.0"));
	assert_true(holds("192.0.2.128/25", "192.0.2.128"));
	assert_false(holds("192.0.2.128/25", "192.0.2.127"));
	assert_true(holds("0.0.0.0/0", "203.0.113.9"));
	assert_false(holds("0.0.0.0/0", "::1"));
	assert_true(holds("2001:db8::/33", "2001:db8:7fff::1"));
	assert_false(holds("2001:db8::/33", "2001:db8:8000::1"));
	assert_true(holds("192.0.2.7", "192.0.2.7"));
	assert_false(holds("192.0.2.7", "192.0.2.6"));
	assert_false(conf_net_holds(&(struct conf_net){ 0 }, &(struct conf_addr){ 0 })); /* nothing holds nothing */
}

static void uris(void **state)
{
	static const struct {
		const char *text, *back;
		uint16_t family, port, transport;
	} good[] = {
		{ "sip:192.0.2.1", "sip:192.0.2.1", AF_INET, 5060, CONF_UDP },
		{ "SIP:192.0.2.1:5080;transport=TCP", "sip:192.0.2.1:5080;transport=tcp", AF_INET, 5080, CONF_TCP },
		{ "sip:[2001:db8::1]:5060;transport=udp", "sip:[2001:db8::1]:5060", AF_INET6, 5060, CONF_UDP },
		{ "sip:[::1]", "sip:[::1]", AF_INET6, 5060, CONF_UDP },
		{ "sip:sip.alpha.example", "sip:sip.alpha.example", 0, 0, CONF_UDP },
	};
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "192.0.2.1", "expected \"sip:HOST[:PORT][;transport=udp|tcp]\"" },
		{ "sips:192.0.2.1", "expected \"sip:HOST[:PORT][;transport=udp|tcp]\"" },
		{ "sip:bob@192.0.2.1", "a user part is not allowed: only the host is taken" },
		{ "sip:", "its host must be an IPv4 address, an IPv6 address in brackets, or a name" },
		{ "sip:192.0.2.999", "its host must be an IPv4 address, an IPv6 address in brackets, or a name" },
		{ "sip:[192.0.2.1]", "its host must be an IPv4 address, an IPv6 address in brackets, or a name" },
		{ "sip:[::1", "its host must be an IPv4 address, an IPv6 address in brackets, or a name" },
		{ "sip:[]", "its host must be an IPv4 address, an IPv6 address in brackets, or a name" },
		{ "sip:192.0.2.1:0", "its port must be 1..65535" },
		{ "sip:192.0.2.1:65536", "its port must be 1..65535" },
		{ "sip:192.0.2.1;transport=tls", "transport=tls is not there yet: udp or tcp" },
		{ "sip:192.0.2.1;lr", "after the host only \":PORT\" and \";transport=udp\" or \";transport=tcp\" may follow" },
		{ "sip:192.0.2.1?X=y", "after the host only \":PORT\" and \";transport=udp\" or \";transport=tcp\" may follow" },
	};
	struct conf_mem *m = mem_new();
	char buf[VALUE_URI_TEXT];
	struct conf_uri u;
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(value_uri(m, good[i].text, &u, &why));
		assert_string_equal(value_uri_text(&u, buf), good[i].back);
		assert_int_equal(u.addr.family, good[i].family);
		assert_int_equal(u.addr.port, good[i].port);
		assert_int_equal(u.transport, good[i].transport);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(value_uri(m, bad[i].text, &u, &why));
		assert_string_equal(why, bad[i].why);
	}
	mem_free(m);
}

static void ports(void **state)
{
	struct conf_ports p = { 1, 2 };

	(void)state;
	assert_true(value_ports("20000-29999", &p));
	assert_int_equal(p.low, 20000);
	assert_int_equal(p.high, 29999);
	assert_false(value_ports("20000", &p));
	assert_false(value_ports("20000-", &p));
	assert_false(value_ports("30000-20000", &p));
	assert_false(value_ports("20000-70000", &p));
	assert_false(value_ports("20000 - 30000", &p));
	assert_int_equal(p.low, 20000);
}

static void clean_text(void **state)
{
	(void)state;
	assert_true(value_clean(""));
	assert_true(value_clean("X-Provider: Z\xc3\xbcrich \xe2\x82\xac \xf0\x9f\x93\x9e"));
	assert_false(value_clean("a\nb"));
	assert_false(value_clean("a\x7f"));
	assert_false(value_clean("\xff"));
	assert_false(value_clean("\xc3"));             /* cut */
	assert_false(value_clean("\xc0\xaf"));         /* longer than need be */
	assert_false(value_clean("\xed\xa0\x80"));     /* half of a pair */
	assert_false(value_clean("\xf5\x80\x80\x80")); /* beyond the last one */
}

/* RFC 2474 4.2.2, 2597 6, 3246 2.7, 5865 2.3: the words of both rows and the code points they stand for. */
static void code_points(void **state)
{
	static const struct {
		const char *word;
		int point;
	} words[] = { { "cs0", 0 }, { "cs1", 8 }, { "af11", 10 }, { "af12", 12 }, { "af13", 14 }, { "cs2", 16 }, { "af21", 18 }, { "af22", 20 },
		{ "af23", 22 }, { "cs3", 24 }, { "af31", 26 }, { "af32", 28 }, { "af33", 30 }, { "cs4", 32 }, { "af41", 34 }, { "af42", 36 }, { "af43", 38 },
		{ "cs5", 40 }, { "va", 44 }, { "ef", 46 }, { "cs6", 48 }, { "cs7", 56 } };
	size_t length;

	(void)state;
	for (size_t k = 0; k < 2; k++) {
		const struct row *r = row_find(row_group("interface"), k ? "dscp_rtp" : "dscp_sip");

		assert_non_null(r);
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			assert_int_equal(dscp_octet((uint8_t)row_word(r->min, words[i].word)), words[i].point << 2);
		assert_null(row_word_at(r->min, sizeof(words) / sizeof(words[0]), &length));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations), cmocka_unit_test(networks), cmocka_unit_test(membership),
		cmocka_unit_test(uris), cmocka_unit_test(ports), cmocka_unit_test(clean_text),
		cmocka_unit_test(code_points),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
