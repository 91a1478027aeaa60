// SPDX-License-Identifier: MIT
/* From the library's callbacks to a row of admin.def, and back: who asks, what, with which body. */
#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config/clock.h"
#include "config/event.h"
#include "sig/operator/admin_part.h"
#include "sig/operator/explain.h"

#define BODY_MAX  65536     /* of what is asked with */
#define TAKEN_MAX (4 << 20) /* of a longer one, before its connection is closed */

struct row {
	const char *method, *path;
	struct admin_answer (*fn)(const struct admin_request *r);
};

static const struct row rows[] = {
#define ADMIN(method, path, function) { #method, path, function },
#include "sig/operator/admin.def"
#undef ADMIN
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

struct upload { /* of one request */
	uid_t uid;
	size_t used, taken;
	char body[BODY_MAX];
};

/* ---- answers -------------------------------------------------------------------------------- */

struct admin_answer admin_json(json_t *o)
{
	return (struct admin_answer){ .status = o ? 200 : 503, .json = o ? o : json_pack("{s:s}", "error", "no memory") };
}

struct admin_answer admin_text(char *text, const char *type)
{
	return text ? (struct admin_answer){ .status = 200, .text = text, .type = type } : admin_json(NULL);
}

struct admin_answer admin_refuse(unsigned status, const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	return (struct admin_answer){ .status = status, .json = json_pack("{s:o}", "error", explain_text(text)) };
}

static enum MHD_Result send_answer(struct MHD_Connection *conn, struct admin_answer a, const char *allow)
{
	char *text = a.json ? json_dumps(a.json, JSON_COMPACT | JSON_REAL_PRECISION(6)) : a.text;
	struct MHD_Response *r = text ? MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE) : NULL;
	enum MHD_Result rc;

	json_decref(a.json);
	if (!r) {
		free(text);
		return MHD_NO;
	}
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, a.json ? "application/json" : a.type);
	MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	if (allow)
		MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, allow);
	rc = MHD_queue_response(conn, a.status, r);
	MHD_destroy_response(r);
	return rc;
}

/* ---- who asks ------------------------------------------------------------------------------- */

static bool is_ours(int fd, gid_t gid)
{
	gid_t groups[64];
	socklen_t size = sizeof(groups);

	if (gid == getegid())
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size))
		return false;
	for (size_t i = 0; i < size / sizeof(groups[0]); i++)
		if (groups[i] == getegid())
			return true;
	return false;
}

/* Root, and who shares kedge's user or group. */
static bool may_ask(struct MHD_Connection *conn, struct ucred *peer)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD);
	socklen_t size = sizeof(*peer);

	*peer = (struct ucred){ .uid = (uid_t)-1, .gid = (gid_t)-1 };
	if (info && !getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, peer, &size) &&
	    (peer->uid == 0 || peer->uid == geteuid() || is_ours(info->connect_fd, peer->gid)))
		return true;
	event_log(admin_denied, .why = "another user", .uid = peer->uid, .pid = (uint64_t)peer->pid);
	return false;
}

static void name_of(uid_t uid, char *out, size_t room)
{
	struct passwd pw, *found = NULL;
	char buf[4096];

	if (getpwuid_r(uid, &pw, buf, sizeof(buf), &found) == 0 && found && *pw.pw_name)
		snprintf(out, room, "%s", pw.pw_name);
	else
		snprintf(out, room, "uid %u", uid);
	for (char *c = out; *c; c++) /* a cut or foreign character would make no JSON: the order would not be kept */
		if (*c < ' ' || *c > '~')
			*c = '?';
}

/* ---- what is asked -------------------------------------------------------------------------- */

const char *admin_argument(const struct admin_request *r, const char *key)
{
	return MHD_lookup_connection_value(r->connection, MHD_GET_ARGUMENT_KIND, key);
}

uint64_t admin_number(const struct admin_request *r, const char *key, uint64_t otherwise)
{
	const char *text = admin_argument(r, key);
	char *end;
	uint64_t n;

	if (!text || *text < '0' || *text > '9')
		return otherwise;
	n = strtoull(text, &end, 10);
	return *end ? otherwise : n;
}

/* Does the path match the row's? name: what stands in place of its "*". */
static bool matches(const char *row, const char *path, char *name, size_t room)
{
	*name = '\0';
	while (*row) {
		size_t n = strcspn(path, "/");

		if (*row != '*') {
			if (*row++ != *path++)
				return false;
			continue;
		}
		if (!n || n >= room)
			return false;
		memcpy(name, path, n);
		name[n] = '\0';
		path += n;
		row++;
	}
	return !*path;
}

static bool is_method(const struct row *row, const char *method)
{
	return !strcmp(row->method, method) || (!strcmp(row->method, MHD_HTTP_METHOD_GET) && !strcmp(method, MHD_HTTP_METHOD_HEAD));
}

/* The row of a path and method. NULL: there is none; allow then tells the methods of the path, "" if there is no such path. */
static const struct row *find(const char *path, const char *method, char *name, size_t room, char *allow, size_t allow_room)
{
	size_t used = 0;

	*allow = '\0';
	for (size_t i = 0; i < ROWS; i++) {
		if (!matches(rows[i].path, path, name, room))
			continue;
		if (is_method(&rows[i], method))
			return &rows[i];
		if (used < allow_room)
			used += (size_t)snprintf(allow + used, allow_room - used, "%s%s", used ? ", " : "", rows[i].method);
	}
	return NULL;
}

static void take_conf(void)
{
	const struct conf *next = atomic_exchange_explicit(&admin.next, NULL, memory_order_acq_rel);

	if (!next)
		return;
	conf_unref(admin.conf);
	admin.conf = next;
}

static enum MHD_Result serve(struct MHD_Connection *conn, const struct row *row, const char *name, const json_t *body, uid_t uid)
{
	struct admin_request r = { .name = name, .body = body, .seg = admin.seg, .health = admin.health, .now_ns = clock_mono_ns(),
		.wall_ms = clock_wall_ms(), .connection = conn };

	take_conf();
	r.conf = admin.conf;
	if (strcmp(row->method, MHD_HTTP_METHOD_GET) != 0)
		name_of(uid, r.who, sizeof(r.who));
	return send_answer(conn, row->fn(&r), NULL);
}

/* All of the request is here. */
static enum MHD_Result dispatch(struct MHD_Connection *conn, const char *path, const char *method, const struct upload *u)
{
	char name[256], allow[64];
	const struct row *row = find(path, method, name, sizeof(name), allow, sizeof(allow));
	enum MHD_Result rc;
	json_error_t error;
	json_t *body;

	if (!row && *allow)
		return send_answer(conn, admin_refuse(405, "only %s", allow), allow);
	if (!row)
		return send_answer(conn, admin_refuse(404, "there is no such thing"), NULL);
	if (!strcmp(row->method, MHD_HTTP_METHOD_GET)) /* a body nobody asked for is not looked at */
		return serve(conn, row, name, NULL, u->uid);
	if (u->taken > u->used)
		return send_answer(conn, admin_refuse(413, "the body is over %d bytes", BODY_MAX), NULL);
	body = u->used ? json_loadb(u->body, u->used, JSON_REJECT_DUPLICATES, &error) : json_object();
	if (!json_is_object(body)) {
		struct admin_answer a = body ? admin_refuse(400, "the body is no JSON object") :
			admin_refuse(400, "the body is no JSON: line %d, column %d: %s", error.line, error.column, error.text);

		json_decref(body);
		return send_answer(conn, a, NULL);
	}
	rc = serve(conn, row, name, body, u->uid);
	json_decref(body);
	return rc;
}

enum MHD_Result admin_http_request(void *ctx, struct MHD_Connection *conn, const char *url, const char *method, const char *version,
    const char *upload, size_t *upload_size, void **state)
{
	struct upload *u = *state;
	struct ucred peer;
	size_t n;

	(void)ctx, (void)version;
	if (!u) { /* the head alone */
		if (!may_ask(conn, &peer))
			return send_answer(conn, admin_refuse(403, "only root, and the user and group kedge runs as, may ask"), NULL);
		u = *state = malloc(sizeof(*u));
		if (!u)
			return MHD_NO;
		u->uid = peer.uid;
		u->used = u->taken = 0;
		return MHD_YES;
	}
	if (*upload_size) {
		n = *upload_size < BODY_MAX - u->used ? *upload_size : BODY_MAX - u->used;
		memcpy(u->body + u->used, upload, n);
		u->used += n;
		u->taken += *upload_size;
		*upload_size = 0;
		return u->taken > TAKEN_MAX ? MHD_NO : MHD_YES;
	}
	return dispatch(conn, url, method, u);
}

void admin_http_completed(void *ctx, struct MHD_Connection *conn, void **state, enum MHD_RequestTerminationCode why)
{
	(void)ctx, (void)conn, (void)why;
	free(*state);
	*state = NULL;
}

void admin_http_line(void *ctx, const char *format, va_list ap)
{
	char text[256];

	(void)ctx;
	vsnprintf(text, sizeof(text), format, ap);
	text[strcspn(text, "\r\n")] = '\0';
	event_log(admin_error, .level = EVENT_LEVEL_DEBUG, .what = "http", .why = text);
}
