// SPDX-License-Identifier: MIT
/* The history (A103): whole lines in order of their id, over restarts, rotation and a full disk. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sig/operator/history.h"

static char dir[] = "/tmp/kedge-history-XXXXXX";
static char file[128], rotated[128];

static void note(const char *trunk)
{
	history_write("state", json_pack("{s:s}", "trunk", trunk));
}

/* The trunks of the lines, "a b c ". */
static const char *told(uint64_t after, uint64_t since_ms, size_t limit)
{
	static char text[65536];
	json_t *list = history_read(file, after, since_ms, limit), *o;
	json_int_t last = 0;
	size_t i, n = 0;

	text[0] = '\0';
	json_array_foreach(list, i, o)
	{
		json_int_t id = json_integer_value(json_object_get(o, "id"));

		assert_true(id > last);
		last = id;
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s ", json_string_value(json_object_get(o, "trunk")));
	}
	json_decref(list);
	return text;
}

static uint64_t id_at(size_t index)
{
	json_t *list = history_read(file, 0, 0, 1000);
	uint64_t id = (uint64_t)json_integer_value(json_object_get(json_array_get(list, index), "id"));

	json_decref(list);
	return id;
}

static size_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : (size_t)st.st_size;
}

static int setup(void **state)
{
	(void)state;
	unlink(file);
	unlink(rotated);
	return history_open(file);
}

static int teardown(void **state)
{
	(void)state;
	history_close();
	return 0;
}

static void lines(void **state)
{
	json_t *list, *o;
	struct stat st;

	(void)state;
	note("a");
	note("b\n\"\x1b");
	note("c");
	list = history_read(file, 0, 0, 10);
	assert_int_equal(json_array_size(list), 3);
	o = json_array_get(list, 1);
	assert_string_equal(json_string_value(json_object_get(o, "event")), "state");
	assert_string_equal(json_string_value(json_object_get(o, "trunk")), "b\n\"\x1b");
	assert_int_equal(strlen(json_string_value(json_object_get(o, "time"))), strlen("2026-11-20T13:18:53.123+00:00"));
	json_decref(list);
	assert_string_equal(told(0, 0, 1), "c ");
	assert_string_equal(told(id_at(0), 0, 1), "b\n\"\x1b ");
	assert_string_equal(told(id_at(1), 0, 10), "c ");
	assert_string_equal(told(0, id_at(0) / 1000 + 60000, 10), "");
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	history_write("state", NULL); /* no memory */
	assert_int_equal(history_lost(), 1);
}

/* The next plane goes on behind the last line, whatever the clock says, and behind one that was cut. */
static void restarted(void **state)
{
	FILE *f;

	(void)state;
	f = fopen(file, "a");
	fputs("{\"id\":4102444800000000,\"trunk\":\"later\"}\n{\"id\":41024448000", f);
	fclose(f);
	assert_int_equal(history_open(file), 0);
	note("a");
	note("b");
	assert_string_equal(told(0, 0, 10), "later a b ");
	assert_string_equal(told(4102444800000000, 0, 10), "a b ");
	assert_string_equal(told(4102444800000001, 0, 10), "b ");
}

/* logrotate renames, and nobody has to tell: no line goes to the old file, and who follows misses none. */
static void rotation(void **state)
{
	uint64_t id;
	size_t old;

	(void)state;
	note("a");
	note("b");
	id = id_at(0);
	old = size_of(file);
	assert_int_equal(rename(file, rotated), 0);
	note("c");
	assert_int_equal(size_of(rotated), old);
	assert_string_equal(told(id, 0, 10), "b c ");
	assert_string_equal(told(id, 0, 1), "b ");
	assert_string_equal(told(0, 0, 10), "a b c ");
	unlink(rotated);
	assert_string_equal(told(0, 0, 10), "c ");
	assert_int_equal(truncate(file, 0), 0); /* copytruncate */
	history_reopen();
	note("d");
	assert_string_equal(told(0, 0, 10), "d ");
	assert_int_equal(history_lost(), 0);
}

/* What a full disk cuts is counted, and the next line is whole again. In a child, for the limit's sake. */
static void full(void **state)
{
	struct rlimit limit;
	int rc;
	pid_t pid;

	(void)state;
	note("a");
	pid = fork();
	if (!pid) {
		signal(SIGXFSZ, SIG_IGN);
		getrlimit(RLIMIT_FSIZE, &limit);
		limit.rlim_cur = size_of(file) + 20;
		setrlimit(RLIMIT_FSIZE, &limit);
		note("b");
		note("c");
		if (history_lost() != 2)
			_exit(1);
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_FSIZE, &limit);
		note("d");
		_exit(history_lost() != 2);
	}
	assert_int_equal(waitpid(pid, &rc, 0), pid);
	assert_int_equal(rc, 0);
	assert_string_equal(told(0, 0, 10), "a d ");
}

static void no_file(void **state)
{
	char path[160];

	(void)state;
	assert_int_equal(history_open("/dev/full"), 0);
	note("a");
	assert_int_equal(history_lost(), 1);
	snprintf(path, sizeof(path), "%s/made/for/it/events.jsonl", dir);
	assert_int_equal(history_open(path), 0);
	assert_true(history_open("/proc/none/events.jsonl") < 0);
	note("a");
	note("a");
	assert_int_equal(history_lost(), 2);
}

/* More than is looked into: the last ones are found all the same. */
static void long_file(void **state)
{
	char text[4000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (int i = 0; i < 1200; i++)
		note(text);
	note("z");
	assert_true(size_of(file) > 4 << 20);
	assert_string_equal(told(0, 0, 1), "z ");
	assert_int_equal(history_lost(), 0);
	assert_int_equal(history_open(file), 0);
	note("y");
	assert_string_equal(told(0, 0, 2), "z y ");
}

static int begin(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(file, sizeof(file), "%s/events.jsonl", dir);
	snprintf(rotated, sizeof(rotated), "%s/events.jsonl.1", dir);
	return 0;
}

static int end(void **state)
{
	char command[160];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lines, setup, teardown), cmocka_unit_test_setup_teardown(restarted, setup, teardown),
		cmocka_unit_test_setup_teardown(rotation, setup, teardown), cmocka_unit_test_setup_teardown(full, setup, teardown),
		cmocka_unit_test_setup_teardown(no_file, setup, teardown), cmocka_unit_test_setup_teardown(long_file, setup, teardown),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
