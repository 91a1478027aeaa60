// SPDX-License-Identifier: MIT
// admit: how often strangers are told, buckets of INVITEs, tables that never grow.
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "config/clock.h"
#include "sig/edge/admit.h"

#define S CLOCK_NS_PER_S

static struct kedge_addr v4(uint32_t n)
{
	struct kedge_addr a = { .family = AF_INET, .port = 5060 };

	memcpy(a.ip, &n, 4);
	return a;
}

static struct kedge_addr v6(uint8_t net, uint8_t host)
{
	return (struct kedge_addr){ .family = AF_INET6, .port = 1, .ip = { 0x20, 1, [7] = net, [15] = host } };
}

static void told_once_a_second(void **state)
{
	struct kedge_addr a = v4(1), b = v4(2), port = v4(1);

	admit_init(7);
	port.port = 99;
	assert_true(admit_tell(&a, S));
	assert_false(admit_tell(&a, S + 1));
	assert_false(admit_tell(&port, S + 2));
	assert_true(admit_tell(&b, S + 3));
	assert_false(admit_tell(&a, 2 * S - 1));
	assert_true(admit_tell(&a, 2 * S));
}

static void a_slash_64_is_one(void **state)
{
	struct kedge_addr a = v6(1, 1), b = v6(1, 2), c = v6(2, 1);

	admit_init(7);
	assert_true(admit_tell(&a, S));
	assert_false(admit_tell(&b, S + 1));
	assert_true(admit_tell(&c, S + 2));
}

static void a_forged_crowd_is_not_answered(void **state)
{
	unsigned told = 0;

	admit_init(7);
	for (uint32_t i = 0; i < 100000; i++) {
		struct kedge_addr a = v4(i);

		told += admit_tell(&a, S + i);
	}
	assert_in_range(told, 200, 201);
}

static void the_list_says_why(void **state)
{
	static struct admit_record r[ADMIT_RECORDS];
	struct kedge_addr a = v4(1), b = v4(2);
	size_t n;

	admit_init(7);
	admit_refused(&a, ADMIT_UNKNOWN_SOURCE, S);
	admit_refused(&b, ADMIT_SCANNER, 2 * S);
	admit_refused(&a, ADMIT_RATE, 3 * S);
	assert_int_equal(admit_list(r), 2);
	assert_memory_equal(r[0].addr.ip, a.ip, 4);
	assert_int_equal(r[0].count, 2);
	assert_int_equal(r[0].first_ns, S);
	assert_int_equal(r[0].last_ns, 3 * S);
	assert_string_equal(admit_word(r[0].why), "invite_rate");
	for (uint32_t i = 0; i < 100000; i++) {
		struct kedge_addr x = v4(i);

		admit_refused(&x, ADMIT_UNKNOWN_SOURCE, 4 * S + i);
	}
	n = admit_list(r);
	assert_in_range(n, 900, 1024);
	assert_int_equal(r[0].last_ns, 4 * S + 99999);
}

static void buckets(void **state)
{
	struct conf_trunk t = { .invite_rate = 10, .invite_burst = 3 }, free = { 0 };
	struct kedge_addr a = v4(1), b = v4(2);
	unsigned busy = 0, silent = 0;

	admit_init(7);
	for (int i = 0; i < 3; i++)
		assert_int_equal(admit_invite(&t, 0, &a, S), ADMIT_PASS);
	for (int i = 0; i < 100; i++) {
		enum admit_verdict v = admit_invite(&t, 0, &a, S);

		busy += v == ADMIT_BUSY;
		silent += v == ADMIT_SILENCE;
	}
	assert_int_equal(busy, 10);
	assert_int_equal(silent, 90);
	assert_int_equal(admit_invite(&t, 0, &b, S), ADMIT_PASS);
	assert_int_equal(admit_invite(&t, 1, &a, S), ADMIT_PASS); /* another trunk's */
	assert_int_equal(admit_invite(&t, 0, &a, S + S / 10), ADMIT_PASS);
	assert_int_not_equal(admit_invite(&t, 0, &a, S + S / 10), ADMIT_PASS);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(admit_invite(&free, 0, &a, S), ADMIT_PASS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(told_once_a_second),
		cmocka_unit_test(a_slash_64_is_one),
		cmocka_unit_test(a_forged_crowd_is_not_answered),
		cmocka_unit_test(the_list_says_why),
		cmocka_unit_test(buckets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
