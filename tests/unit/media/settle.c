// SPDX-License-Identifier: MIT
/* settle(): pages of constants and code are let go and come back as they were; what was written stays. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "media/settle.h"

#define PAGE  4096u
#define PAGES 256u

static const uint8_t constants[PAGES * PAGE] = { [0] = 1, [PAGES * PAGE / 2] = 2, [PAGES * PAGE - 1] = 3 };
static uint8_t written[PAGES * PAGE] = { 1 };
static const char *const relocated[] = { "a pointer", "that the loader wrote" };

/* How many of its pages are mapped just now. The edges may be shared with a neighbour: they are left out. */
static unsigned resident(const uint8_t *at)
{
	uint64_t entry[PAGES];
	unsigned n = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, entry, sizeof(entry), (off_t)((uintptr_t)at / PAGE * sizeof(entry[0]))), sizeof(entry));
	close(fd);
	for (unsigned i = 1; i + 1 < PAGES; i++)
		n += entry[i] >> 63;
	return n;
}

static unsigned sum(const uint8_t *at)
{
	const volatile uint8_t *v = at;
	unsigned s = 0;

	for (unsigned i = 0; i < PAGES * PAGE; i++)
		s += v[i];
	return s;
}

static void constants_go_and_come_back(void **state)
{
	assert_int_equal(sum(constants), 6);
	assert_int_equal(resident(constants), PAGES - 2);
	settle();
	/* What lies at the edge comes back with its neighbours, 16 pages at a time. */
	assert_true(resident(constants) <= 64);
	assert_int_equal(sum(constants), 6);
}

static void what_was_written_stays(void **state)
{
	memset(written, 1, sizeof(written));
	settle();
	assert_int_equal(resident(written), PAGES - 2);
	assert_int_equal(sum(written), PAGES * PAGE);
	assert_string_equal(relocated[1], "that the loader wrote");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(constants_go_and_come_back), cmocka_unit_test(what_was_written_stays) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
