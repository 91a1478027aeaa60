// SPDX-License-Identifier: MIT
/* Every word that a decision record may say has a text for who asks why (A101). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "routing/decide.h"
#include "tools/why_words.h"

static void none_missing(void **state)
{
	static const struct {
		enum why_kind kind;
		const char *word;
	} words[] = {
#define C(id, word) { WHY_CAUSE, word },
		CAUSES(C)
#undef C
#define S(id, word) { WHY_SKIP, word },
		DECIDE_SKIPS(S)
#undef S
#define T(id, word) { WHY_TIMER, word },
		DECIDE_TIMERS(T)
#undef T
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (*words[i].word && !*why_text(words[i].kind, words[i].word))
			fail_msg("%s has no text", words[i].word);
	}
	for (const char *p = "FLAO"; *p; p++)
		assert_true(strlen(why_text(WHY_COUNTS, (char[]){ *p, 0 })) > 0);
	assert_string_equal(why_text(WHY_SKIP, "silent"), "");
	assert_string_equal(why_text(WHY_REFUSAL, ""), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(none_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
