// SPDX-License-Identifier: MIT
/* HTTP/1.0, so that the answer ends with the connection and is never chunked: a few lines, where libcurl would load thirty
 * libraries into every `kedge trunks`. */
#include "tools/ask.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "config/conf.h"
#include "tools/verb.h"

#define ANSWER_MAX (64u << 20) /* more is no answer of ours */

const char *ask_socket(const char *socket, const char *file, char buf[static ASK_PATH])
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	struct err_list errs = { 0 };
	char *named;

	socket = socket ? socket : getenv("KEDGE_SOCKET");
	if (socket && *socket) {
		snprintf(buf, ASK_PATH, "%s", socket);
		return buf;
	}
	named = conf_admin_socket(file ? file : verb_config_file(), &errs);
	if (!named && file)
		err_print(&errs, stderr);
	if (named)
		snprintf(buf, ASK_PATH, "%s", named);
	else if (file)
		buf = NULL;
	else if (runtime && *runtime == '/')
		snprintf(buf, ASK_PATH, "%s/kedge/admin.sock", runtime);
	else
		snprintf(buf, ASK_PATH, "/run/kedge/admin.sock");
	free(named);
	err_fini(&errs);
	return buf;
}

static int dial(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct timeval limit = { .tv_sec = 10 };
	int fd, rc;

	if (strlen(path) >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	strcpy(sun.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (!connect(fd, (struct sockaddr *)&sun, sizeof(sun)))
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

/* Everything up to the end of the connection, with a NUL behind it; NULL with errno. */
static char *read_all(int fd)
{
	size_t used = 0, room = 65536;
	char *text = malloc(room), *more;
	ssize_t n;

	while (text && (n = read(fd, text + used, room - used - 1)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			goto out;
		used += (size_t)n;
		if (room - used > 1)
			continue;
		errno = EMSGSIZE;
		more = room < ANSWER_MAX ? realloc(text, room * 2) : NULL;
		if (!more)
			goto out;
		text = more;
		room *= 2;
	}
	if (text)
		text[used] = '\0';
	return text;
out:
	free(text);
	return NULL;
}

static int exchange(int fd, const char *method, const char *path, const json_t *body, char **answer)
{
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL, *request = NULL;
	int n = asprintf(&request, "%s %s HTTP/1.0\r\nHost: kedge\r\nContent-Length: %zu\r\n\r\n%s", method, path, text ? strlen(text) : 0,
	    text ? text : "");
	int rc = n < 0 || (body && !text) ? -ENOMEM : send(fd, request, (size_t)n, MSG_NOSIGNAL) != n ? -EIO : 0;

	free(text);
	if (n >= 0)
		free(request);
	if (rc)
		return rc;
	*answer = read_all(fd);
	return *answer ? 0 : -errno;
}

int ask(const char *socket, const char *path, json_t **o)
{
	return ask_to(socket, "GET", path, NULL, o);
}

int ask_to(const char *socket, const char *method, const char *path, const json_t *request, json_t **o)
{
	char *answer = NULL, *body;
	int fd = dial(socket), rc, status = 0;

	if (fd < 0)
		return fd;
	rc = exchange(fd, method, path, request, &answer);
	close(fd);
	if (rc)
		return rc;
	rc = -EPROTO;
	body = strstr(answer, "\r\n\r\n");
	if (body && sscanf(answer, "HTTP/1.%*1d %3d", &status) == 1) {
		*o = json_loads(body + 4, JSON_REJECT_DUPLICATES, NULL);
		rc = *o ? status : -EPROTO;
	}
	free(answer);
	return rc;
}

int ask_or_tell(const char *socket, const char *path, json_t **o)
{
	return ask_tell(ask(socket, path, o), socket, o);
}

int ask_tell(int rc, const char *socket, json_t **o)
{
	const char *why;

	if (rc == 200)
		return VERB_DONE;
	if (rc < 0) {
		fprintf(stderr, "kedge: no daemon answers at %s: %s\n", socket, strerror(-rc));
		return VERB_UNREACHABLE;
	}
	why = json_string_value(json_object_get(*o, "error"));
	fprintf(stderr, "kedge: %s\n", why ? why : "the daemon said no");
	json_decref(*o);
	return VERB_REFUSED;
}

const char *ask_escape(const char *text, char buf[static ASK_PATH])
{
	size_t n = 0;

	for (; *text && n + 4 < ASK_PATH; text++) {
		if (isalnum((unsigned char)*text) || strchr("-._~", *text))
			buf[n++] = *text;
		else
			n += (size_t)sprintf(buf + n, "%%%02X", (unsigned char)*text);
	}
	buf[n] = '\0';
	return buf;
}
