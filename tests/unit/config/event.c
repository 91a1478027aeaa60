// SPDX-License-Identifier: MIT
/* One event, one line: typed fields, values that cannot forge a line, storms counted, callers never waiting. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/clock.h"
#include "config/event.h"

static char path[] = "/tmp/kedge-event-XXXXXX";

/* All that was written, with the time of each line taken off. */
static char *written(void)
{
	static char text[8 << 20];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	assert_true(n >= 0);
	close(fd);
	text[n] = '\0';
	return text;
}

static void begin(bool json, enum event_level least)
{
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(event_open(&(struct event_options){ .file = path, .json = json, .least = least }), 0);
}

#define TIME_LENGTH 29 /* 2026-11-20T13:18:53.123+00:00 */

static void expect_line(const char *line)
{
	char *text = written(), *end = strchr(text, '\n');

	assert_non_null(end);
	assert_string_equal(end + 1, ""); /* one line, nothing behind it */
	*end = '\0';
	assert_true(strlen(text) > TIME_LENGTH);
	assert_string_equal(text + TIME_LENGTH + 1, line);
}

static void text_line(void **state)
{
	(void)state;
	begin(false, EVENT_LEVEL_ROW);
	event_log(trunk_state, .trunk = "alpha", .hop = "127.0.2.1:5060", .from = "UP", .to = "LOCKED", .why = "retry_after",
	    .code = 503, .hold_ms = 30000, .call = 0x7f3a);
	event_close();
	expect_line("warn trunk.state trunk=alpha hop=127.0.2.1:5060 from=UP to=LOCKED why=retry_after code=503 hold_ms=30000 call=7f3a");
}

static void level_of_the_call(void **state)
{
	(void)state;
	begin(false, EVENT_LEVEL_ROW);
	event_log(trunk_probe, .trunk = "alpha"); /* debug: below the level */
	event_log(trunk_state, .level = EVENT_LEVEL_INFO, .trunk = "alpha", .to = "UP");
	event_close();
	expect_line("info trunk.state trunk=alpha to=UP code=0 hold_ms=0");
}

static void json_line(void **state)
{
	char *text;

	(void)state;
	begin(true, EVENT_LEVEL_ROW);
	event_log(call_decision, .call = 0xab, .record = "{\"tried\":[\"a b\"]}");
	event_close();
	text = written();
	assert_memory_equal(text, "{\"time\":\"20", 11);
	assert_string_equal(text + 9 + TIME_LENGTH,
	    "\",\"level\":\"info\",\"event\":\"call.decision\",\"call\":\"ab\",\"record\":{\"tried\":[\"a b\"]}}\n");
}

static void strangers_cannot_forge(void **state)
{
	(void)state;
	begin(false, EVENT_LEVEL_ROW);
	event_log(sip_stranger, .source = "x y=\"1\\\"\n2026-01-01 error run.end\t\xff\xc2\x85\xe2\x80\xae\x7f", .method = "");
	event_close();
	expect_line("info sip.stranger source=\"x y=\\\"1\\\\\\\"\\x0a2026-01-01 error run.end\\x09\\xff\\xc2\\x85\\xe2\\x80\\xae\\x7f\" "
		    "method=\"\"");
	begin(true, EVENT_LEVEL_ROW);
	event_log(sip_stranger, .source = "\"},\n\x01\xff\xc3\xbc", .method = "OPTIONS");
	event_log(call_decision, .record = "{}\n{\"forged\":1}"); /* not a line of JSON: quoted */
	event_close();
	assert_non_null(strstr(written(), "\"source\":\"\\\"},\\u000a\\u0001\\ufffd\xc3\xbc\",\"method\":\"OPTIONS\"}\n"));
	assert_non_null(strstr(written(), "\"record\":\"{}\\u000a{\\\"forged\\\":1}\"}\n"));
}

static void long_values_are_cut(void **state)
{
	static char big[2 * EVENT_LINE_MAX];
	char *text;

	(void)state;
	memset(big, 'a', sizeof(big) - 1);
	begin(false, EVENT_LEVEL_ROW);
	event_log(call_decision, .call = 1, .record = big);
	event_close();
	expect_line("info call.decision call=1 cut=record");
	begin(false, EVENT_LEVEL_ROW);
	event_log(run_error, .what = big, .why = "x");
	event_close();
	text = written();
	assert_int_equal(strspn(strchr(text, '"') + 1, "a"), EVENT_TEXT_MAX);
	assert_non_null(strstr(text, "\" why=x\n"));
}

static int count(const char *text, const char *part)
{
	int n = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		n++;
	return n;
}

static void storms_are_counted(void **state)
{
	(void)state;
	begin(false, EVENT_LEVEL_ROW);
	for (int i = 0; i < 400; i++)
		event_log(sip_stranger, .source = "192.0.2.1", .method = "INVITE");
	event_log(sip_stranger, .source = "192.0.2.2", .method = "INVITE"); /* another key has its own count */
	event_log(run_drain); /* a row without limit */
	event_close();
	assert_int_equal(count(written(), " sip.stranger source=192.0.2.1 "), 5);
	assert_int_equal(count(written(), " sip.stranger source=192.0.2.2 "), 1);
	assert_int_equal(count(written(), " warn log.suppressed event=sip.stranger key=\"source=192.0.2.1\" count=395 in_ms="), 1);
	assert_int_equal(count(written(), " run.drain "), 1);
}

#define THREADS 4
#define LINES   20000

static void *chatter(void *arg)
{
	for (uint64_t i = 0; i < LINES; i++)
		event_log(run_drain, .calls = i, .limit_ms = (uint64_t)(uintptr_t)arg);
	return NULL;
}

/* Every line of many threads is whole, in order of its thread, and either there or counted. */
static void many_threads(void **state)
{
	pthread_t thread[THREADS];
	uint64_t dropped = event_dropped(), next[THREADS] = { 0 }, seen = 0;
	unsigned long long calls, from;
	int end;

	(void)state;
	begin(false, EVENT_LEVEL_ROW);
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, chatter, (void *)i), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	event_close();
	dropped = event_dropped() - dropped;
	for (char *line = strtok(written(), "\n"); line; line = strtok(NULL, "\n")) {
		if (strstr(line, "log.dropped"))
			continue;
		end = 0;
		sscanf(line + TIME_LENGTH, " info run.drain calls=%llu limit_ms=%llu%n", &calls, &from, &end);
		assert_int_equal(strlen(line), TIME_LENGTH + end);
		assert_in_range(from, 0, THREADS - 1);
		assert_true(calls >= next[from]);
		next[from] = calls + 1;
		seen++;
	}
	assert_int_equal(seen + dropped, THREADS * LINES);
	assert_true(seen > LINES / 10);
}

/* A reader that does not read stops the writer thread, never the caller; what did not fit is counted. */
static void stuck_output(void **state)
{
	char name[64], sink[65536];
	pthread_t closer;
	uint64_t began, dropped = event_dropped(), took;
	int fd;

	(void)state;
	snprintf(name, sizeof(name), "%s.fifo", path);
	assert_int_equal(mkfifo(name, 0600), 0);
	fd = open(name, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(event_open(&(struct event_options){ .file = name }), 0);
	began = clock_mono_ns();
	for (int i = 0; i < 50000; i++)
		event_log(run_drain, .calls = 1);
	took = clock_mono_ns() - began;
	assert_true(event_dropped() > dropped);
	assert_true(took < 5 * CLOCK_NS_PER_S);
	assert_int_equal(pthread_create(&closer, NULL, (void *(*)(void *))(void (*)(void))event_close, NULL), 0);
	while (pthread_tryjoin_np(closer, NULL))
		if (read(fd, sink, sizeof(sink)) < 0)
			usleep(1000);
	close(fd);
	unlink(name);
}

static void reopen_after_rename(void **state)
{
	char old[64];

	(void)state;
	begin(false, EVENT_LEVEL_ROW);
	event_log(run_drain, .calls = 1);
	for (int i = 0; i < 1000 && !*written(); i++)
		usleep(1000);
	snprintf(old, sizeof(old), "%s.1", path);
	assert_int_equal(rename(path, old), 0);
	event_reopen();
	for (int i = 0; i < 1000 && access(path, F_OK); i++)
		usleep(1000);
	event_log(run_drain, .calls = 2);
	event_close();
	expect_line("info run.drain calls=2 limit_ms=0");
	unlink(old);
}

static bool has(const char *what)
{
	for (int i = 0; i < 10000; i++, usleep(1000))
		if (strstr(written(), what))
			return true;
	return false;
}

/* A reload: another level and format at once, another file from the next line on; one that cannot be had leaves the old one. */
static void other_options(void **state)
{
	char old[64];

	(void)state;
	snprintf(old, sizeof(old), "%s.1", path);
	assert_int_equal(event_open(&(struct event_options){ .file = old, .least = EVENT_LEVEL_ERROR }), 0);
	event_log(run_drain, .calls = 1);
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(event_change(&(struct event_options){ .file = path, .json = true }), 0);
	for (int i = 0; i < 10000 && access(old, F_OK); i++)
		usleep(1000);
	for (int i = 0; i < 10000 && !*written(); i++, usleep(1000))
		event_log(run_drain, .calls = 2);
	assert_true(has("\"calls\":2"));
	assert_null(strstr(written(), "\"calls\":1"));
	assert_int_equal(event_change(&(struct event_options){ .file = "/dev/null/log", .json = true }), 0);
	assert_true(has("/dev/null/log"));
	event_log(run_drain, .calls = 3);
	event_close();
	assert_true(has("\"calls\":3"));
	unlink(old);
}

static void no_file(void **state)
{
	(void)state;
	assert_true(event_open(&(struct event_options){ .file = "/dev/null/log" }) < 0);
	event_close(); /* nothing to end */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_line), cmocka_unit_test(level_of_the_call), cmocka_unit_test(json_line),
		cmocka_unit_test(strangers_cannot_forge), cmocka_unit_test(long_values_are_cut), cmocka_unit_test(storms_are_counted),
		cmocka_unit_test(many_threads), cmocka_unit_test(stuck_output), cmocka_unit_test(reopen_after_rename),
		cmocka_unit_test(other_options), cmocka_unit_test(no_file),
	};
	int fd = mkstemp(path), failed;

	if (fd < 0)
		return 1;
	close(fd);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failed;
}
