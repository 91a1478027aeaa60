// SPDX-License-Identifier: MIT
/* The configurations that were in force: numbered, kept over a restart, taken back one by one. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/generation.h"
#include "config/state.h"

static char path[] = "/tmp/kedge-generation-XXXXXX";
static int dir;

static void accept_text(struct generation_book *b, const char *text, uint64_t expected)
{
	uint64_t before = b->in_force;

	assert_int_equal(generation_accept(dir, b, generation_next(b), text, strlen(text), "uid 0", 1000 + expected), 0);
	assert_int_equal(b->in_force, expected);
	assert_int_equal(generation_find(b, expected)->before, before);
}

static void kept_text(uint64_t number, const char *expected)
{
	char name[GENERATION_FILE];
	size_t n;
	char *text = state_read(dir, generation_file(number, name), &n);

	if (!expected)
		assert_null(text);
	else
		assert_string_equal(text, expected);
	free(text);
}

static int begin(void **state)
{
	(void)state;
	strcpy(path + strlen(path) - 6, "XXXXXX");
	if (!mkdtemp(path))
		return -1;
	dir = state_open(path);
	return dir < 0;
}

static int end(void **state)
{
	char name[GENERATION_FILE];

	(void)state;
	for (uint64_t i = 1; i < 100; i++)
		(void)unlinkat(dir, generation_file(i, name), 0);
	(void)unlinkat(dir, "generations", 0);
	close(dir);
	return rmdir(path);
}

static void numbered(void **state)
{
	struct generation_book b, again;

	(void)state;
	assert_int_equal(generation_read(dir, &b), -ENOENT);
	accept_text(&b, "one", 1);
	accept_text(&b, "two", 2);
	kept_text(1, "one");
	kept_text(2, "two");
	assert_int_equal(generation_read(dir, &again), 0);
	assert_memory_equal(&b, &again, sizeof(b));
	assert_int_equal(again.v[1].wall_ms, 1002);
	assert_string_equal(again.v[1].who, "uid 0");
	assert_int_equal(again.v[1].hash, generation_hash("two", 3));
}

/* Back, and back again; what is accepted next has a number nobody had, and goes back to where it came from. */
static void taken_back(void **state)
{
	struct generation_book b = { 0 };
	uint64_t files = generation_hash("three", 5);

	(void)state;
	accept_text(&b, "one", 1);
	accept_text(&b, "two", 2);
	accept_text(&b, "three", 3);
	assert_false(generation_is_restored(&b, files));
	assert_int_equal(generation_restore(dir, &b, 2, "a\nb", 2000), 0);
	assert_int_equal(generation_read(dir, &b), 0);
	assert_int_equal(b.in_force, 2);
	assert_int_equal(b.since_wall_ms, 2000);
	assert_string_equal(b.by, "a?b");
	assert_true(generation_is_restored(&b, files));
	assert_false(generation_is_restored(&b, generation_hash("other", 5))); /* the files were written anew */
	assert_int_equal(generation_restore(dir, &b, generation_find(&b, 2)->before, "x", 2001), 0);
	assert_int_equal(b.in_force, 1);
	assert_int_equal(generation_restore(dir, &b, generation_find(&b, 1)->before, "x", 2002), -ENOENT);
	assert_int_equal(b.in_force, 1);
	accept_text(&b, "four", 4);
	assert_int_equal(generation_find(&b, 4)->before, 1);
	assert_false(generation_is_restored(&b, generation_hash("four", 4)));
}

/* The oldest go, with their texts; never the one in force or the one before it. */
static void bounded(void **state)
{
	struct generation_book b = { 0 };

	(void)state;
	for (uint64_t i = 1; i <= GENERATION_KEEP; i++)
		accept_text(&b, "x", i);
	assert_int_equal(generation_restore(dir, &b, 2, "x", 2000), 0);
	accept_text(&b, "y", GENERATION_KEEP + 1);
	assert_int_equal(b.count, GENERATION_KEEP);
	kept_text(1, "x");
	kept_text(2, "x");
	kept_text(3, NULL);
	for (uint64_t i = GENERATION_KEEP + 2; i < 3 * GENERATION_KEEP; i++)
		accept_text(&b, "z", i);
	assert_int_equal(b.count, GENERATION_KEEP);
	kept_text(1, NULL);
	kept_text(2 * GENERATION_KEEP - 1, NULL);
	kept_text(2 * GENERATION_KEEP, "z");
}

static void broken(void **state)
{
	static const char *const texts[] = { "", "in_force 3 since 1 files 0 by x\n", "in_force 1 since 1 files 0 by x\ngeneration x\n",
		"in_force 1 since 1 files 0 by x\ngeneration 0 before 0 at 0 hash 0 by x\n", "generation 1 before 0 at 1 hash 1 by x\n" };
	struct generation_book b;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(state_write(dir, "generations", texts[i], strlen(texts[i])), 0);
		assert_int_equal(generation_read(dir, &b), -EINVAL);
		assert_int_equal(b.count, 0);
	}
	accept_text(&b, "one", 1); /* and goes on from there */
	close(dir);
	assert_int_equal(generation_accept(dir, &b, 2, "two", 3, "x", 1), -EBADF);
	assert_int_equal(b.in_force, 1);
	dir = state_open(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(numbered, begin, end),
		cmocka_unit_test_setup_teardown(taken_back, begin, end),
		cmocka_unit_test_setup_teardown(bounded, begin, end),
		cmocka_unit_test_setup_teardown(broken, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
