// SPDX-License-Identifier: MIT
/* The journal: what is found by what, and who gives way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "sig/books/journal.h"

static void add(uint64_t call, enum journal_kind kind)
{
	struct journal_entry e = { .call = call, .kind = (uint8_t)kind, .decision = "{\"x\":1}" };

	snprintf(e.call_id, sizeof(e.call_id), "id-%llu@pbx", (unsigned long long)call);
	snprintf(e.to, sizeof(e.to), "+44%llu", (unsigned long long)call);
	journal_add(&e);
}

struct seen {
	uint64_t call[1000];
	unsigned count, of[JOURNAL_KIND_COUNT];
};

static bool on_entry(void *ctx, const struct journal_entry *e)
{
	struct seen *s = ctx;

	assert_string_equal(e->decision, "{\"x\":1}");
	s->call[s->count++] = e->call;
	s->of[e->kind]++;
	return true;
}

static void failed_live_longest(void **state)
{
	struct journal_counts n;
	struct seen s = { 0 };

	journal_open(100);
	for (uint64_t i = 0; i < 30; i++)
		add(i, JOURNAL_FAILED);
	for (uint64_t i = 100; i < 600; i++)
		add(i, JOURNAL_GOOD);
	for (uint64_t i = 600; i < 1000; i++)
		add(i, JOURNAL_MINOR);
	journal_each(on_entry, &s);
	assert_int_equal(s.count, 80);
	assert_int_equal(s.of[JOURNAL_FAILED], 30);
	assert_int_equal(s.of[JOURNAL_GOOD], 25);
	assert_int_equal(s.of[JOURNAL_MINOR], 25);
	assert_int_equal(s.call[0], 999); /* the newest first */
	assert_int_equal(s.call[79], 0);
	journal_count(&n);
	assert_int_equal(n.entries, 80);
	assert_int_equal(n.evicted, 850);

	/* Nothing but failed ones: the oldest of them go, but the others keep a quarter each. */
	for (uint64_t i = 2000; i < 2500; i++)
		add(i, JOURNAL_FAILED);
	s = (struct seen){ 0 };
	journal_each(on_entry, &s);
	assert_int_equal(s.count, 100);
	assert_int_equal(s.of[JOURNAL_GOOD], 25);
	assert_int_equal(s.of[JOURNAL_MINOR], 25);
	assert_int_equal(s.call[49], 2450);
	journal_close();
	journal_count(&n);
	assert_int_equal(n.entries, 0);
	assert_int_equal(n.bytes, 0);
}

static void found_by(void **state)
{
	struct journal_entry e = { .call = 0xabcdef12, .to = "+442071838750", .call_id = "4711@pbx.example" };

	assert_int_equal(journal_match(&e, "abcdef12"), JOURNAL_ID);
	assert_int_equal(journal_match(&e, "ABCDEF12"), JOURNAL_ID);
	assert_int_equal(journal_match(&e, "abc"), JOURNAL_PREFIX);
	assert_int_equal(journal_match(&e, "ab"), JOURNAL_NOT);
	assert_int_equal(journal_match(&e, "4711@pbx.example"), JOURNAL_CALL_ID);
	assert_int_equal(journal_match(&e, "4711"), JOURNAL_PREFIX);
	assert_int_equal(journal_match(&e, "4711@PBX"), JOURNAL_NOT); /* a Call-ID's case counts (RFC 3261 20.8) */
	assert_int_equal(journal_match(&e, "442071838750"), JOURNAL_NUMBER);
	assert_int_equal(journal_match(&e, "+442071838750"), JOURNAL_NUMBER);
	assert_int_equal(journal_match(&e, "+44207183875"), JOURNAL_NOT);
	assert_int_equal(journal_match(&e, ""), JOURNAL_NOT);
	assert_int_equal(journal_match(&e, "+"), JOURNAL_NOT);
}

static void none_kept(void **state)
{
	struct seen s = { 0 };

	journal_open(0);
	add(1, JOURNAL_FAILED);
	journal_each(on_entry, &s);
	assert_int_equal(s.count, 0);
	journal_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failed_live_longest),
		cmocka_unit_test(found_by),
		cmocka_unit_test(none_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
