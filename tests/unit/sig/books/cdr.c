// SPDX-License-Identifier: MIT
// cdr: what a line says, that no text can forge one, and that neither a full ring nor a full disk stops the caller.
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "config/clock.h"
#include "config/event.h"
#include "sig/books/cdr.h"

static char dir[64], path[128], moved[128], log_path[128];

static int setup(void **state)
{
	snprintf(dir, sizeof dir, "/tmp/kedge-cdr-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/cdr.jsonl", dir);
	snprintf(moved, sizeof moved, "%s/cdr.1", dir);
	snprintf(log_path, sizeof log_path, "%s/log", dir);
	return 0;
}

static int teardown(void **state)
{
	cdr_close();
	unlink(path);
	unlink(moved);
	unlink(log_path);
	return rmdir(dir);
}

static char *content(const char *file)
{
	static char buf[1 << 20];
	FILE *f = fopen(file, "r");
	size_t n = f ? fread(buf, 1, sizeof buf - 1, f) : 0;

	if (f)
		fclose(f);
	buf[n] = 0;
	return buf;
}

static unsigned lines_of(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static json_t *line_json(const struct cdr *c)
{
	char *line = cdr_line(c, "node1");
	json_error_t e;
	json_t *r;

	assert_non_null(line);
	for (const char *p = line; *p; p++)
		assert_true((unsigned char)*p >= 0x20);
	r = json_loads(line, JSON_REJECT_DUPLICATES, &e);
	if (!r)
		print_error("%s in %s\n", e.text, line);
	assert_non_null(r);
	free(line);
	return r;
}

static const char *string_at(json_t *r, const char *key)
{
	assert_true(json_is_string(json_object_get(r, key)));
	return json_string_value(json_object_get(r, key));
}

static struct cdr *call_record(uint64_t id)
{
	struct cdr *c = cdr_new();
	struct cdr_attempt *a;

	assert_non_null(c);
	c->call_id = id;
	c->start_ms = 1795180733123;
	c->answer_ms = 1795180740000;
	c->end_ms = 1795180922523;
	c->duration_ms = 189400;
	c->billed_ms = 182523;
	c->ttrb_ms = 3330;
	c->tta_ms = 6877;
	c->code = 200;
	c->q850 = 16;
	c->disposition = CDR_ANSWERED;
	c->ended_by = CDR_BY_CALLER;
	c->generation = 7;
	c->switches = 2;
	c->media_known = true;
	c->media[0] = (struct cdr_media){ .packets = 9120,
		.bytes = 1459200,
		.lost = 9,
		.late = 1,
		.jitter_ms = 1.2,
		.max_gap_ms = 20.5 };
	cdr_text(&c->src, "+442071838751");
	cdr_text(&c->src_name, "Bob");
	cdr_text(&c->dst, "+442071838750");
	cdr_text(&c->in, "pbx");
	cdr_text(&c->trunk, "beta");
	cdr_text(&c->route, "uk");
	cdr_text(&c->profile, "london-ha");
	cdr_text(&c->hangup_cause, cdr_cause(200, -1, false));
	cdr_text(&c->sip_call_id[0], "a@b");
	cdr_text(&c->sip_call_id[1], "c");
	cdr_text(&c->codec, "PCMA");
	c->srtp[1] = "AEAD_AES_128_GCM";
	cdr_text(&c->decision, "{\"final\":\"answered\"}");
	a = cdr_attempt(c);
	cdr_text(&a->trunk, "alpha");
	cdr_text(&a->hop, "192.0.2.1:5060");
	cdr_text(&a->reason, "status");
	a->start_ms = c->start_ms;
	a->code = 503;
	a->q850 = 42;
	a = cdr_attempt(c);
	cdr_text(&a->trunk, "gamma");
	cdr_text(&a->reason, "down");
	a->skipped = true;
	a = cdr_attempt(c);
	cdr_text(&a->trunk, "beta");
	a->start_ms = c->start_ms + 210;
	a->ring_ms = 3120;
	a->answer_ms = 6667;
	a->abandoned = true;
	return c;
}

static void test_names_and_values(void **state)
{
	struct cdr *c = call_record(0x7f3a);
	json_t *r = line_json(c), *a, *m;

	assert_string_equal(string_at(r, "uuid"), "0000000000007f3a");
	assert_string_equal(string_at(r, "call"), "7f3a");
	assert_string_equal(string_at(r, "start"), "2026-11-20T13:18:53.123+00:00");
	assert_string_equal(string_at(r, "answer"), "2026-11-20T13:19:00.000+00:00");
	assert_string_equal(string_at(r, "end"), "2026-11-20T13:22:02.523+00:00");
	assert_true(json_number_value(json_object_get(r, "duration")) == 189.4);
	assert_true(json_number_value(json_object_get(r, "billsec")) == 182.523);
	assert_string_equal(string_at(r, "src"), "+442071838751");
	assert_string_equal(string_at(r, "dst"), "+442071838750");
	assert_string_equal(string_at(r, "disposition"), "ANSWERED");
	assert_string_equal(string_at(r, "hangup_cause"), "normal_clearing");
	assert_string_equal(string_at(r, "ended_by"), "caller");
	assert_string_equal(string_at(r, "in"), "pbx");
	assert_string_equal(string_at(r, "trunk"), "beta");
	assert_string_equal(string_at(r, "route"), "uk");
	assert_string_equal(string_at(r, "profile"), "london-ha");
	assert_string_equal(string_at(r, "node"), "node1");
	assert_int_equal(json_integer_value(json_object_get(r, "generation")), 7);
	assert_int_equal(json_integer_value(json_object_get(r, "ttrb_ms")), 3330);
	assert_int_equal(json_integer_value(json_object_get(r, "tta_ms")), 6877);
	assert_string_equal(string_at(json_object_get(r, "decision"), "final"), "answered");
	assert_string_equal(string_at(json_object_get(r, "sip"), "caller"), "a@b");
	assert_string_equal(string_at(json_object_get(r, "sip"), "callee"), "c");

	a = json_object_get(r, "attempts");
	assert_int_equal(json_array_size(a), 3);
	assert_string_equal(string_at(json_array_get(a, 0), "trunk"), "alpha");
	assert_string_equal(string_at(json_array_get(a, 0), "hop"), "192.0.2.1:5060");
	assert_int_equal(json_integer_value(json_object_get(json_array_get(a, 0), "code")), 503);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(a, 0), "q850")), 42);
	assert_true(json_is_null(json_object_get(json_array_get(a, 0), "ring_at")));
	assert_true(json_is_null(json_object_get(json_array_get(a, 0), "pdd_ms")));
	assert_true(json_is_true(json_object_get(json_array_get(a, 1), "skipped")));
	assert_true(json_is_null(json_object_get(json_array_get(a, 1), "start")));
	assert_true(json_is_null(json_object_get(json_array_get(a, 1), "code")));
	assert_string_equal(
	    string_at(json_array_get(a, 2), "ring_at"), "2026-11-20T13:18:56.453+00:00");
	assert_string_equal(
	    string_at(json_array_get(a, 2), "answer_at"), "2026-11-20T13:19:00.000+00:00");
	assert_int_equal(json_integer_value(json_object_get(json_array_get(a, 2), "pdd_ms")), 3120);
	assert_true(json_is_true(json_object_get(json_array_get(a, 2), "abandoned")));

	m = json_object_get(r, "media");
	assert_string_equal(string_at(m, "codec"), "PCMA");
	assert_true(json_is_null(json_object_get(m, "srtp_in")));
	assert_string_equal(string_at(m, "srtp_out"), "AEAD_AES_128_GCM");
	assert_int_equal(
	    json_integer_value(json_object_get(json_object_get(m, "in"), "packets")), 9120);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(m, "in"), "lost")), 9);
	assert_true(
	    json_number_value(json_object_get(json_object_get(m, "in"), "jitter_ms")) == 1.2);
	assert_true(
	    json_number_value(json_object_get(json_object_get(m, "in"), "max_gap_ms")) == 20.5);
	assert_int_equal(
	    json_integer_value(json_object_get(json_object_get(m, "out"), "packets")), 0);
	json_decref(r);
	cdr_free(c);
}

static void test_empty_record(void **state)
{
	struct cdr *c = cdr_new();
	json_t *r = line_json(c);
	static const char *const null[] = { "start", "answer", "end", "src", "dst", "trunk",
		"ttrb_ms", "tta_ms", "code", "q850", "ended_by", "media", "decision" };

	for (size_t i = 0; i < sizeof null / sizeof *null; i++)
		assert_true(json_is_null(json_object_get(r, null[i])));
	assert_int_equal(json_array_size(json_object_get(r, "attempts")), 0);
	assert_string_equal(string_at(r, "disposition"), "FAILED");
	json_decref(r);
	cdr_free(c);
	cdr_free(NULL);
}

/* A caller's name, a Call-ID, a Reason: bytes of strangers, in every text of a record. */
static void test_forged_text(void **state)
{
	static const struct {
		const char *in, *out;
	} at[] = {
		{ "\"},{\"uuid\":\"forged\"", "\"},{\"uuid\":\"forged\"" },
		{ "a\r\n{\"uuid\":\"forged\"}\n", "a\r\n{\"uuid\":\"forged\"}\n" },
		{ "back\\slash\\", "back\\slash\\" },
		{ "\x01\x1f\x7f", "\x01\x1f\x7f" },
		{ "caf\xc3\xa9 \xf0\x9f\x93\x9e", "caf\xc3\xa9 \xf0\x9f\x93\x9e" },
		{ "bad \xff\xfe", "bad \xef\xbf\xbd\xef\xbf\xbd" },
		{ "cut \xe2\x82", "cut \xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xc0\xaf\xc3\xa9\xf5", "\xef\xbf\xbd\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd" },
	};

	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		struct cdr *c = cdr_new();
		struct cdr_attempt *a = cdr_attempt(c);
		json_t *r;

		cdr_text(&c->src, at[i].in);
		cdr_text(&c->sip_call_id[0], at[i].in);
		cdr_text(&c->decision, at[i].in);
		cdr_text(&a->reason, at[i].in);
		r = line_json(c);
		assert_string_equal(string_at(r, "src"), at[i].out);
		assert_string_equal(string_at(json_object_get(r, "sip"), "caller"), at[i].out);
		assert_string_equal(string_at(r, "decision"), at[i].out);
		assert_string_equal(
		    string_at(json_array_get(json_object_get(r, "attempts"), 0), "reason"),
		    at[i].out);
		assert_string_equal(string_at(r, "uuid"), "0000000000000000");
		json_decref(r);
		cdr_free(c);
	}
}

static void test_long_text_and_many_attempts(void **state)
{
	struct cdr *c = cdr_new();
	static char big[CDR_TEXT * 2];
	json_t *r;

	memset(big, 0xff, sizeof big - 1);
	cdr_text(&c->src, big);
	assert_int_equal(strlen(c->src), CDR_TEXT - 1);
	cdr_text(&c->dst, "x");
	cdr_text(&c->dst, "");
	assert_null(c->dst);
	for (int i = 0; i < CDR_ATTEMPTS; i++)
		assert_non_null(cdr_attempt(c));
	assert_null(cdr_attempt(c));
	assert_null(cdr_attempt(c));
	r = line_json(c);
	assert_int_equal(json_array_size(json_object_get(r, "attempts")), CDR_ATTEMPTS);
	assert_int_equal(json_integer_value(json_object_get(r, "attempts_cut")), 2);
	json_decref(r);
	cdr_free(c);
}

static void test_words(void **state)
{
	static const struct {
		uint16_t code;
		int q850;
		bool cancelled;
		enum cdr_disposition disposition;
		const char *cause;
	} at[] = {
		{ 200, -1, false, CDR_ANSWERED, "normal_clearing" },
		{ 200, 38, false, CDR_ANSWERED, "network_out_of_order" },
		{ 487, -1, true, CDR_CANCELLED, "caller_cancel" },
		{ 486, -1, false, CDR_BUSY, "user_busy" },
		{ 600, -1, false, CDR_BUSY, "user_busy" },
		{ 480, 19, false, CDR_NO_ANSWER, "no_answer" },
		{ 480, -1, false, CDR_NO_ANSWER, "no_user_response" },
		{ 404, -1, false, CDR_FAILED, "unallocated_number" },
		{ 404, 126, false, CDR_FAILED, "unallocated_number" },
		{ 503, 34, false, CDR_FAILED, "normal_circuit_congestion" },
		{ 503, -1, false, CDR_FAILED, "normal_temporary_failure" },
		{ 482, -1, false, CDR_FAILED, "normal_unspecified" },
		{ 699, -1, false, CDR_FAILED, "normal_unspecified" },
	};

	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		assert_int_equal(cdr_disposition(at[i].code, at[i].cancelled), at[i].disposition);
		assert_string_equal(
		    cdr_cause(at[i].code, at[i].q850, at[i].cancelled), at[i].cause);
	}
}

static void test_one_line_each_in_order(void **state)
{
	struct cdr_counts before, after;
	char *text, *save = NULL;
	struct stat st;

	cdr_count(&before);
	assert_int_equal(cdr_open(path, "n"), 0);
	for (uint64_t i = 1; i <= 300; i++)
		assert_true(cdr_submit(call_record(i)));
	cdr_close();
	cdr_count(&after);
	assert_int_equal(after.written - before.written, 300);
	assert_int_equal(after.dropped, before.dropped);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640 & ~022);
	text = content(path);
	assert_int_equal(lines_of(text), 300);
	uint64_t i = 0;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		json_t *r = json_loads(line, 0, NULL);
		char id[24];

		snprintf(id, sizeof id, "%016llx", (unsigned long long)++i);
		assert_string_equal(string_at(r, "uuid"), id);
		json_decref(r);
	}
}

static void test_appends_and_reopens(void **state)
{
	assert_int_equal(cdr_open(path, NULL), 0);
	cdr_submit(call_record(1));
	cdr_close();
	assert_int_equal(cdr_open(path, NULL), 0);
	cdr_submit(call_record(2));
	cdr_close();
	assert_int_equal(lines_of(content(path)), 2);
	assert_int_equal(cdr_open(path, NULL), 0);
	assert_int_equal(rename(path, moved), 0);
	cdr_reopen();
	cdr_submit(call_record(3));
	cdr_close();
	assert_int_equal(lines_of(content(moved)), 2);
	assert_int_equal(lines_of(content(path)), 1);
	cdr_reopen(); /* closed: nothing happens */
	cdr_close();
}

static void test_another_file(void **state)
{
	assert_int_equal(cdr_open("", NULL), 0);
	assert_true(cdr_submit(call_record(1))); /* none wanted */
	cdr_close();
	unlink(path);
	unlink(moved);
	assert_int_equal(cdr_open("", NULL), 0);
	assert_int_equal(cdr_change(moved), 0);
	assert_int_equal(cdr_change(path), 0); /* the last word holds */
	cdr_submit(call_record(2));
	cdr_close();
	assert_int_equal(access(moved, F_OK), -1);
	assert_int_equal(lines_of(content(path)), 1);
	assert_int_equal(cdr_open(path, NULL), 0);
	assert_int_equal(cdr_change("/dev/null/cdr"), 0); /* the old one is written on */
	cdr_submit(call_record(3));
	cdr_close();
	assert_int_equal(lines_of(content(path)), 2);
	assert_int_equal(cdr_open(path, NULL), 0);
	assert_int_equal(cdr_change(""), 0);
	cdr_submit(call_record(4));
	cdr_close();
	assert_int_equal(lines_of(content(path)), 2);
}

static void test_not_open(void **state)
{
	struct cdr_counts before, after;

	cdr_count(&before);
	assert_false(cdr_submit(call_record(1)));
	cdr_count(&after);
	assert_int_equal(after.dropped - before.dropped, 1);
	assert_int_equal(cdr_open("/dev/null/cdr", NULL), -ENOTDIR);
	assert_false(cdr_submit(call_record(1)));
	assert_int_equal(cdr_open("", NULL), 0); /* none wanted: none is missed */
	assert_true(cdr_submit(call_record(1)));
	cdr_close();
	cdr_count(&before);
	assert_int_equal(before.dropped - after.dropped, 1);
	assert_int_equal(before.written, after.written);
}

/* A disk that hangs: a pipe nobody reads. The caller never waits; what finds no place is counted. */
static void test_full_ring_drops_and_never_waits(void **state)
{
	struct cdr_counts before, after;
	uint64_t worst = 0, taken = 0, total = CDR_RING + 1000;
	int fd;

	cdr_count(&before);
	assert_int_equal(mkfifo(path, 0600), 0);
	fd = open(path, O_RDONLY | O_NONBLOCK);
	assert_true(fd >= 0);
	assert_int_equal(cdr_open(path, NULL), 0);
	for (uint64_t i = 0; i < total; i++) {
		struct cdr *c = call_record(i);
		uint64_t t = clock_mono_ns();

		taken += cdr_submit(c);
		t = clock_mono_ns() - t;
		worst = t > worst ? t : worst;
	}
	assert_true(
	    worst < 1000 * CLOCK_NS_PER_MS); /* the machine may be busy; a wait would be for ever */
	assert_true(taken >= CDR_RING && taken < total);
	cdr_count(&after);
	assert_int_equal(after.dropped - before.dropped, total - taken);
	/* The disk is back: everything that was taken is written, and the end is a clean one. */
	static char buf[65536];
	uint64_t lines = 0;
	while (lines < taken) {
		ssize_t n = read(fd, buf, sizeof buf);

		for (ssize_t k = 0; k < n; k++)
			lines += buf[k] == '\n';
		if (n <= 0)
			usleep(1000);
	}
	cdr_close();
	assert_true(read(fd, buf, sizeof buf) <= 0);
	close(fd);
	cdr_count(&after);
	assert_int_equal(after.written - before.written, taken);
}

static void written_or_dropped(uint64_t until)
{
	struct cdr_counts n;

	do {
		usleep(1000);
		cdr_count(&n);
	} while (n.written + n.dropped < until);
}

/* A disk that is full in the middle of a line: told once, counted, and the next line is whole. */
static void test_full_disk(void **state)
{
	struct cdr_counts before, after;
	struct rlimit old, small;
	struct stat st;
	char *text;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(event_open(&(struct event_options){ .file = log_path }), 0);
	cdr_count(&before);
	assert_int_equal(cdr_open(path, NULL), 0);
	cdr_submit(call_record(1));
	written_or_dropped(before.written + before.dropped + 1);
	assert_int_equal(stat(path, &st), 0);
	getrlimit(RLIMIT_FSIZE, &old);
	small = old;
	small.rlim_cur = (rlim_t)st.st_size + 40;
	setrlimit(RLIMIT_FSIZE, &small);
	for (uint64_t i = 2; i < 6; i++)
		cdr_submit(call_record(i));
	written_or_dropped(before.written + before.dropped + 5);
	setrlimit(RLIMIT_FSIZE, &old);
	cdr_submit(call_record(6));
	cdr_close();
	event_close();
	cdr_count(&after);
	assert_int_equal(after.written - before.written, 2);
	assert_int_equal(after.dropped - before.dropped, 4);
	text = content(path);
	assert_int_equal(lines_of(text), 3); /* whole, torn, whole */
	text = strrchr(text, '\n') - 1;
	while (text[-1] != '\n')
		text--;
	*strchr(text, '\n') = 0;
	json_t *r = json_loads(text, 0, NULL);
	assert_non_null(r);
	assert_string_equal(string_at(r, "uuid"), "0000000000000006");
	json_decref(r);
	text = content(log_path);
	assert_non_null(strstr(text, "cdr.error"));
	assert_null(strstr(strstr(text, "cdr.error") + 1, "cdr.error"));
	assert_non_null(strstr(text, "File too large"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_and_values),
		cmocka_unit_test(test_empty_record),
		cmocka_unit_test(test_forged_text),
		cmocka_unit_test(test_long_text_and_many_attempts),
		cmocka_unit_test(test_words),
		cmocka_unit_test_setup_teardown(test_one_line_each_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_appends_and_reopens, setup, teardown),
		cmocka_unit_test_setup_teardown(test_another_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_open, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_full_ring_drops_and_never_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_disk, setup, teardown),
	};

	umask(022);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
