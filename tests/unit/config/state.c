// SPDX-License-Identifier: MIT
/* Files that outlive a restart: replaced whole, or not at all. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <signal.h>
#include <unistd.h>

#include "config/state.h"

static char top[] = "/tmp/kedge-state-XXXXXX";
static char path[64];

static void reads(int dir, const char *name, const char *expected)
{
	size_t n;
	char *text = state_read(dir, name, &n);

	if (!expected) {
		assert_null(text);
		return;
	}
	assert_non_null(text);
	assert_int_equal(n, strlen(expected));
	assert_string_equal(text, expected);
	free(text);
}

static unsigned files(void)
{
	DIR *d = opendir(path);
	unsigned n = 0;

	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static void replaces(void **state)
{
	struct stat st;
	int dir = state_open(path);

	(void)state;
	assert_true(dir >= 0);
	assert_int_equal(fstat(dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	reads(dir, "a", NULL);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(state_write(dir, "a", "one, and longer", 15), 0);
	assert_int_equal(state_write(dir, "a", "two", 3), 0);
	reads(dir, "a", "two");
	assert_int_equal(fstatat(dir, "a", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(state_write(dir, "none", "", 0), 0);
	reads(dir, "none", "");
	assert_int_equal(files(), 2);
	close(dir);
}

/* A full disk: the old file stays, and nothing beside it. */
static void full(void **state)
{
	struct rlimit was, none = { 0 };
	int dir = state_open(path);

	(void)state;
	assert_int_equal(state_write(dir, "a", "kept", 4), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	none.rlim_max = was.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	assert_int_equal(state_write(dir, "a", "lost", 4), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	reads(dir, "a", "kept");
	assert_int_equal(files(), 2);
	close(dir);
}

static void impossible(void **state)
{
	char file[80];
	int dir = state_open(path);

	(void)state;
	snprintf(file, sizeof(file), "%s/a/b", path);
	assert_int_equal(state_open(file), -ENOTDIR);
	snprintf(file, sizeof(file), "%s/a", path);
	assert_int_equal(state_open(file), -ENOTDIR);
	assert_int_equal(state_write(dir, "gone/a", "x", 1), -ENOENT);
	close(dir);
}

static void clean(void)
{
	char file[80];

	for (const char *const *n = (const char *const[]){ "made/too/a", "made/too/none", "made/too", "made", "", NULL }; *n; n++) {
		snprintf(file, sizeof(file), "%s/%s", top, *n);
		(void)remove(file);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replaces),
		cmocka_unit_test(full),
		cmocka_unit_test(impossible),
	};
	int failed;

	if (!mkdtemp(top))
		return 1;
	snprintf(path, sizeof(path), "%s/made/too", top);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	if (!failed)
		clean();
	return failed;
}
