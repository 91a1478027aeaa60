// SPDX-License-Identifier: MIT
/* The admin socket: who may ask, what is answered, and a board of calls that is never torn while it is written. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <grp.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/sig/operator/admin_rig.h"

/* Sends a request and reads all that comes back. */
static char *talk(const char *request)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	static char reply[1 << 20];
	size_t used = 0;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ssize_t n;

	strcpy(sun.sun_path, conf->admin.socket);
	assert_int_equal(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(write(fd, request, strlen(request)), strlen(request));
	while ((n = read(fd, reply + used, sizeof(reply) - 1 - used)) > 0)
		used += (size_t)n;
	close(fd);
	reply[used] = '\0';
	return reply;
}

/* Its status; *body what came behind the head. */
static int ask_raw(const char *request, char **body)
{
	char *reply = talk(request);
	int status = 0;

	assert_int_equal(sscanf(reply, "HTTP/1.%*d %d", &status), 1);
	*body = strstr(reply, "\r\n\r\n");
	assert_non_null(*body);
	*body += 4;
	return status;
}

static json_t *ask(const char *url, int expected)
{
	char request[256], *body;
	json_error_t error;
	json_t *o;

	snprintf(request, sizeof(request), "GET %s HTTP/1.0\r\nHost: kedge\r\n\r\n", url);
	assert_int_equal(ask_raw(request, &body), expected);
	o = json_loads(body, JSON_REJECT_DUPLICATES, &error);
	assert_non_null(o);
	return o;
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	assert_non_null(text);
	return text;
}

static long long int_of(const json_t *o, const char *key)
{
	assert_true(json_is_integer(json_object_get(o, key)));
	return json_integer_value(json_object_get(o, key));
}

static void socket_is_ours(void **state)
{
	struct stat st;
	char text[128];

	(void)state;
	assert_int_equal(stat(conf->admin.socket, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0660);
	snprintf(text, sizeof(text), "%s/run", dir);
	assert_int_equal(stat(text, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0750);
}

static void status(void **state)
{
	json_t *o = ask("/v1/status", 200);

	(void)state;
	assert_int_equal(int_of(o, "calls"), 0);
	assert_int_equal(json_array_size(json_object_get(o, "media")), 1);
	assert_string_equal(text_of(json_array_get(json_object_get(o, "media"), 0), "backend"), "io_uring");
	assert_non_null(json_object_get(json_object_get(o, "counters"), "refused_no_port"));
	json_decref(o);
}

static void trunks(void **state)
{
	json_t *o = ask("/v1/trunks", 200), *alpha = json_array_get(json_object_get(o, "trunks"), 1), *one;

	(void)state;
	assert_int_equal(json_array_size(json_object_get(o, "trunks")), 3);
	assert_string_equal(text_of(alpha, "trunk"), "alpha");
	assert_string_equal(text_of(alpha, "state"), "DOWN");
	assert_string_equal(text_of(alpha, "reason"), "consecutive");
	assert_int_equal(int_of(alpha, "code"), 503);
	assert_int_equal(int_of(alpha, "max_calls"), 300);
	assert_int_equal(int_of(alpha, "attempts"), 3);
	assert_in_range(int_of(alpha, "retry_in_ms"), 1000, 30000);
	assert_string_equal(text_of(json_array_get(json_object_get(alpha, "hops"), 0), "address"), "127.0.2.1:5060");
	assert_string_equal(text_of(json_array_get(json_object_get(o, "trunks"), 2), "state"), "UNKNOWN");
	one = ask("/v1/trunks/alpha", 200);
	assert_int_equal(json_array_size(json_object_get(one, "trunks")), 1);
	json_decref(one);
	json_decref(o);
	json_decref(ask("/v1/trunks/nobody", 404));
}

static void explained(void **state)
{
	json_t *o = ask("/v1/explain?number=%2B442071838750&from=pbx1", 200), *tries = json_object_get(o, "tries");

	(void)state;
	assert_string_equal(text_of(o, "route"), "uk");
	assert_true(json_is_true(json_object_get(o, "live")));
	assert_int_equal(json_array_size(tries), 2);
	assert_string_equal(text_of(json_array_get(tries, 0), "trunk"), "beta"); /* alpha is DOWN: only when nothing else is left */
	assert_true(json_is_false(json_object_get(json_array_get(tries, 0), "last_resort")));
	assert_string_equal(text_of(json_array_get(tries, 1), "trunk"), "alpha");
	assert_true(json_is_true(json_object_get(json_array_get(tries, 1), "last_resort")));
	assert_int_equal(int_of(json_object_get(o, "if_all_fail"), "code") / 100, 5);
	json_decref(o);
	o = ask("/v1/explain?number=33123&from=pbx1", 200);
	assert_string_equal(text_of(o, "error"), "no route for 33123 from trunk \"pbx1\"");
	json_decref(o);
	json_decref(ask("/v1/explain", 400));
	o = ask("/v1/trunks", 200); /* the play left no trace in the table */
	assert_int_equal(int_of(json_array_get(json_object_get(o, "trunks"), 2), "attempts"), 0);
	json_decref(o);
}

/* Every trunk of the configuration is there, also those nothing is known of; the text itself is looked at by scenario/metrics. */
static void metrics(void **state)
{
	static const char *const lines[] = {
		"\n# TYPE kedge_trunk_state gauge\n",
		"\nkedge_trunk_state{trunk=\"alpha\",state=\"DOWN\"} 1\n",
		"\nkedge_trunk_state{trunk=\"alpha\",state=\"UP\"} 0\n",
		"\nkedge_trunk_state{trunk=\"beta\",state=\"UNKNOWN\"} 1\n",
		"\nkedge_trunk_state_transitions_total{trunk=\"alpha\",to=\"DOWN\"} 1\n",
		"\nkedge_trunk_attempts_total{trunk=\"alpha\",position=\"first\"} 3\n",
		"\nkedge_trunk_responses_total{trunk=\"alpha\",code=\"503\",class=\"5xx\"} 2\n",
		"\nkedge_trunk_responses_total{trunk=\"alpha\",code=\"699\",class=\"6xx\"} 1\n",
		"\nkedge_trunk_responses_total{trunk=\"beta\",code=\"503\",class=\"5xx\"} 0\n",
		"\nkedge_trunk_calls_limit{trunk=\"alpha\"} 300\n",
		"\nkedge_media_jitter_seconds_count{trunk=\"alpha\"} 0\n",
		"\nkedge_events_lost_total 0\n",
	};
	uint16_t slot = health->trunk[conf_trunk_find(conf, "alpha")].hop[0];
	char *body;

	(void)state;
	health_final(health, slot, 503);
	health_final(health, slot, 503);
	health_final(health, slot, 699);
	assert_int_equal(ask_raw("GET /metrics HTTP/1.0\r\n\r\n", &body), 200);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (!strstr(body, lines[i]))
			fail_msg("no %s in:\n%s", lines[i], body);
	assert_null(strstr(body, "code=\"698\""));
}

static void calls(void **state)
{
	json_t *o, *one;

	(void)state;
	put_call(3, 0x7f3a, "J\xf6rg \xff\"<sip:>");
	put_call(5, 0x7f3b, "x");
	put_call(9, 0x7f3c, "y");
	o = ask("/v1/calls?limit=2", 200);
	assert_int_equal(json_array_size(json_object_get(o, "calls")), 2);
	one = json_array_get(json_object_get(o, "calls"), 0);
	assert_string_equal(text_of(one, "call"), "7f3a");
	assert_string_equal(text_of(one, "from"), "J\xef\xbf\xbdrg \xef\xbf\xbd\"<sip:>");
	assert_string_equal(text_of(one, "state"), "UP");
	assert_int_equal(int_of(o, "next"), 8);
	json_decref(o);
	o = ask("/v1/calls?limit=2&after=8", 200);
	assert_int_equal(json_array_size(json_object_get(o, "calls")), 1);
	assert_true(json_is_null(json_object_get(o, "next")));
	json_decref(o);
	o = ask("/v1/calls/7f3b", 200);
	assert_string_equal(text_of(o, "trunk"), "beta");
	json_decref(o);
	json_decref(ask("/v1/calls/7f3d", 404));
	json_decref(ask("/v1/calls/", 404));
	json_decref(ask("/v1/calls/zz", 404));
	admin_call_clear(3);
	admin_call_clear(5);
	admin_call_clear(9);
	o = ask("/v1/calls", 200);
	assert_int_equal(json_array_size(json_object_get(o, "calls")), 0);
	json_decref(o);
}

static void refusals(void **state)
{
	char *body;

	(void)state;
	json_decref(ask("/", 404));
	json_decref(ask("/v1/trunksx", 404));
	assert_int_equal(ask_raw("POST /v1/status HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello", &body), 405);
	assert_non_null(strstr(body, "only GET"));
	assert_int_equal(ask_raw("HEAD /v1/status HTTP/1.0\r\n\r\n", &body), 200);
	assert_string_equal(body, "");
	talk("nonsense\r\n\r\n"); /* whatever the library says to that */
	talk("GET /v1/trunks/%00%ff%zz HTTP/1.0\r\n\r\n");
	json_decref(ask("/v1/status", 200));
}

/* Clients that never finish their question, or never read the answer, hold up nobody; and more of them than there may be, not for ever. */
static void slow_clients(void **state)
{
	static const char *const halves[] = { "", "GET /v1/sta", "PATCH /v1/trunks/alpha HTTP/1.1\r\nHost: k\r\nContent-Length: 60000\r\n\r\n{",
		"GET /metrics HTTP/1.1\r\nHost: k\r\n\r\nGET /metrics HTTP/1.1\r\nHost: k\r\n\r\nGET /metrics HTTP/1.1\r\nHost: k\r\n\r\n" };
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	uint64_t begun = clock_mono_ns();
	int fd[28];

	(void)state;
	strcpy(sun.sun_path, conf->admin.socket);
	for (int i = 0; i < 28; i++) {
		fd[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(connect(fd[i], (struct sockaddr *)&sun, sizeof(sun)), 0);
		assert_int_equal(write(fd[i], halves[i % 4], strlen(halves[i % 4])), strlen(halves[i % 4]));
	}
	for (int i = 0; i < 20; i++)
		json_decref(ask("/v1/status", 200));
	assert_true(clock_mono_ns() - begun < 5 * CLOCK_NS_PER_S);
	for (int i = 0; i < 28; i++)
		close(fd[i]);
}

static void bodies(void **state)
{
	static char request[80000];
	char *body;
	int n;

	(void)state;
	assert_int_equal(ask_raw("PATCH /v1/trunks/alpha HTTP/1.0\r\nContent-Length: 2\r\n\r\n{]", &body), 400);
	assert_non_null(strstr(body, "line 1, column 2"));
	assert_int_equal(ask_raw("PATCH /v1/trunks/alpha HTTP/1.0\r\nContent-Length: 2\r\n\r\n[]", &body), 400);
	assert_int_equal(ask_raw("PATCH /v1/trunks/alpha HTTP/1.0\r\n\r\n", &body), 400);
	assert_int_equal(ask_raw("PATCH /v1/trunks/nobody HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}", &body), 404);
	assert_int_equal(ask_raw("PATCH /v1/trunks/alpha HTTP/1.0\r\nContent-Length: 17\r\n\r\n{\"enabled\": true}", &body), 503); /* no loop here */
	assert_int_equal(ask_raw("DELETE /v1/trunks/alpha HTTP/1.0\r\n\r\n", &body), 405);
	assert_non_null(strstr(body, "GET, PATCH"));
	n = sprintf(request, "PATCH /v1/trunks/alpha HTTP/1.0\r\nContent-Length: 70000\r\n\r\n");
	memset(request + n, ' ', 70000);
	assert_int_equal(ask_raw(request, &body), 413);
}

static _Atomic int stop;

/* Slot 7 changes hands all the time; parts of two calls must never be seen as one. */
static void *busy_caller(void *arg)
{
	char from[32];

	for (uint64_t id = 1; !atomic_load_explicit(&stop, memory_order_relaxed); id++) {
		snprintf(from, sizeof(from), "%llx", (unsigned long long)id);
		put_call(7, id, from);
		if (id % 8 == 0)
			admin_call_clear(7);
		if (id % 64 == 3)
			usleep(200); /* a writer that never rests keeps every reader at its last good copy */
	}
	return arg;
}

static void never_torn(void **state)
{
	pthread_t thread;
	int seen = 0;

	(void)state;
	atomic_store_explicit(&stop, 0, memory_order_relaxed);
	assert_int_equal(pthread_create(&thread, NULL, busy_caller, NULL), 0);
	for (int i = 0; i < 300 || (seen == 0 && i < 30000); i++) { /* its first turn may come late */
		json_t *o = ask("/v1/calls", 200), *one = json_array_get(json_object_get(o, "calls"), 0);

		if (one)
			assert_string_equal(text_of(one, "call"), text_of(one, "from"));
		seen += one != NULL;
		json_decref(o);
	}
	atomic_store_explicit(&stop, 1, memory_order_relaxed);
	pthread_join(thread, NULL);
	admin_call_clear(7);
	assert_true(seen > 0);
}

/* Another kedge alive on the socket is not pushed aside; a dead one's socket is taken over. */
static void whose_socket(void **state)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	admin_close();
	assert_int_equal(access(conf->admin.socket, F_OK), -1);
	strcpy(sun.sun_path, conf->admin.socket);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(admin_open(conf, &seg), -EADDRINUSE);
	close(fd); /* the file stays, as after kill -9 */
	assert_int_equal(admin_open(conf, &seg), 0);
	json_decref(ask("/v1/status", 200));
}

/* A stranger who gets past the file's mode is still not told anything. */
static void strangers(void **state)
{
	char text[64], *body;
	pid_t pid;
	int rc;

	(void)state;
	if (geteuid() != 0)
		skip(); /* only root can be somebody else */
	snprintf(text, sizeof(text), "%s/run", dir);
	assert_int_equal(chmod(dir, 0755) | chmod(text, 0755) | chmod(conf->admin.socket, 0666), 0);
	pid = fork();
	if (!pid)
		_exit(setgroups(0, NULL) || setgid(65534) || setuid(65534) || ask_raw("GET /v1/status HTTP/1.0\r\n\r\n", &body) != 403 || !strstr(body, "error"));
	assert_int_equal(waitpid(pid, &rc, 0), pid);
	assert_int_equal(rc, 0);
	pid = fork(); /* one of the group may ask */
	if (!pid)
		_exit(setgroups(1, (gid_t[]){ getegid() }) || setgid(65534) || setuid(65534) || ask_raw("GET /v1/status HTTP/1.0\r\n\r\n", &body) != 200);
	assert_int_equal(waitpid(pid, &rc, 0), pid);
	assert_int_equal(rc, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(socket_is_ours), cmocka_unit_test(status), cmocka_unit_test(trunks), cmocka_unit_test(explained), cmocka_unit_test(metrics),
		cmocka_unit_test(calls), cmocka_unit_test(refusals), cmocka_unit_test(bodies), cmocka_unit_test(slow_clients), cmocka_unit_test(never_torn), cmocka_unit_test(whose_socket), cmocka_unit_test(strangers),
	};

	return cmocka_run_group_tests(tests, rig_begin, rig_end);
}
