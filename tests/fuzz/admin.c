// SPDX-License-Identifier: MIT
/* fuzz/admin: any bytes to the admin socket of a plane of its own, then its end of the connection closed. Whatever they are, what comes back is nothing, or HTTP
 * whose body is JSON; and the socket goes on answering (asked every 64th time). */
#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "sig/operator/reload.h"
#include "tests/unit/sig/operator/admin_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char reply[1 << 20];

/* Reads until the other side closes, or is silent this long: half a request is waited for. */
static size_t talk(const void *data, size_t size, unsigned patience_ms)
{
	struct timeval patience = { .tv_sec = patience_ms / 1000, .tv_usec = patience_ms % 1000 * 1000 };
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t used = 0;
	ssize_t n;

	strcpy(sun.sun_path, conf->admin.socket);
	assert(fd >= 0 && connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0);
	/* It may close before all is written. */
	for (size_t at = 0; at < size && (n = send(fd, (const char *)data + at, size - at, MSG_NOSIGNAL)) > 0; at += (size_t)n)
		;
	shutdown(fd, SHUT_WR);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	while (used < sizeof(reply) - 1 && (n = read(fd, reply + used, sizeof(reply) - 1 - used)) > 0)
		used += (size_t)n;
	close(fd);
	reply[used] = '\0';
	return used;
}

static void check_reply(size_t n)
{
	char *body = strstr(reply, "\r\n\r\n");
	json_t *o;

	if (n == 0)
		return;
	assert(!strncmp(reply, "HTTP/1.", 7) || n < 7);
	/* The library's own refusals are HTML, and HEAD has no body; further answers of the same connection are not looked at. */
	if (!body || !strstr(reply, "application/json") || strstr(body + 4, "HTTP/1.") || !body[4])
		return;
	o = json_loads(body + 4, JSON_DISABLE_EOF_CHECK, NULL);
	assert(o);
	json_decref(o);
}

static void end(void)
{
	reload_close();
	rmdir(conf->run.state_dir);
	rig_end(NULL);
}

static void begin(void)
{
	static bool begun;

	if (begun)
		return;
	begun = true;
	assert(rig_begin(NULL) == 0);
	assert(reload_open(conf, conf->file, &seg) == 0);
	put_call(3, 0xe7a597538820e3f8, "1001");
	atexit(end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char good[] = "GET /v1/status HTTP/1.0\r\n\r\n";
	static unsigned turn;

	begin();
	check_reply(talk(data, size, 20));
	if (turn++ % 64 == 0) {
		talk(good, sizeof(good) - 1, 10000);
		assert(!strncmp(reply, "HTTP/1.", 7) && strstr(reply, " 200 "));
	}
	return 0;
}
