// SPDX-License-Identifier: MIT
// header: what a header says is its text, whatever its length.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <sofia-sip/sip_header.h>

#include "sig/header.h"

/* Round about 128 and 256 bytes and far beyond, one by one: a parameter is the last piece, a string the only one. */
static void test_every_length(void **state)
{
	char value[1200], word[1100];

	(void)state;
	memset(word, 'x', sizeof(word));
	for (size_t n = 1; n < 1000; n++) {
		su_home_t home[1] = { SU_HOME_INIT(home) };
		sip_reason_t *reason;
		sip_subject_t *subject;
		char *text;

		su_home_init(home);
		snprintf(value, sizeof(value), "SIP;cause=200;text=\"%.*s\"", (int)n, word);
		reason = sip_reason_make(home, value);
		assert_non_null(reason);
		text = header_text(home, (const sip_header_t *)reason);
		assert_string_equal(text, value);
		snprintf(value, sizeof(value), "%.*s", (int)n, word);
		subject = sip_subject_make(home, value);
		assert_string_equal(header_text(home, (const sip_header_t *)subject), value);
		su_home_deinit(home);
	}
}

static void test_none(void **state)
{
	su_home_t home[1] = { SU_HOME_INIT(home) };

	(void)state;
	su_home_init(home);
	assert_null(header_text(home, NULL));
	su_home_deinit(home);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_length),
		cmocka_unit_test(test_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
