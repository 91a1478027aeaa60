// SPDX-License-Identifier: MIT
/* admin: the operator's socket: what `kedge trunks`, `kedge calls`, `kedge health` ... ask. HTTP (libmicrohttpd, a thread of its own) on
 * a unix socket, JSON answers. sig/operator/admin.def lists every path; a file of its own serves each family:
 *
 *   admin.c         the socket, the thread           admin_status.c  /v1/status
 *   admin_http.c    requests in, answers out          admin_trunks.c  /v1/trunks, /v1/trunks/NAME
 *   admin_order.c   what the SIP loop is asked to do   admin_calls.c   /v1/calls, /v1/calls/ID
 *   admin_board.c   the calls as shown here            admin_ask.c     /v1/explain, /v1/refused
 *   admin_health.c  health as shown here                metrics*.c      /metrics
 *   admin_json.c    pieces of JSON                     admin_events.c  /v1/events
 *                                                      admin_recall.c  /v1/calls/ID/why, /v1/calls/ID/trace
 *   admin_evidence.c  /v1/health                       admin_operator.c  PATCH /v1/trunks/NAME
 *
 * Who may ask: root, and who shares user or group (SO_PEERCRED, SO_PEERGROUPS) with kedge; others get 403. Errors are {"error": "..."}:
 * 400 what was asked makes no sense, 404 there is no such thing, 405 not this method (Allow says which), 413 a body over 64 KB, 503 the SIP
 * loop does not answer. At most 32 connections, 10 s idle each; a slow client holds up nobody.
 *
 * To add a path: a row in admin.def, and a function of that name in a file of its family:
 *
 *	struct admin_answer admin_weather(const struct admin_request *r)
 *	{
 *		const char *where = admin_argument(r, "where");
 *
 *		if (!where)
 *			return admin_refuse(400, "which weather?");
 *		return admin_json(json_pack("{s:s}", "weather", "fair"));
 *	}
 *
 * It runs in the admin thread, which reads only what is made to be read by another one: the segment's lines (shm/seq.h) and counters,
 * the board of calls, tables behind sequence locks. It never takes a lock that the SIP thread takes. What must happen in the SIP
 * loop it asks for by admin_order() and waits; the loop waits for nobody. Text from SIP may be anything: admin_json.h shows what is not
 * UTF-8 as U+FFFD. */
#ifndef KEDGE_SIG_OPERATOR_ADMIN_H
#define KEDGE_SIG_OPERATOR_ADMIN_H

#include <jansson.h>
#include <stdint.h>

#include "config/conf.h"
#include "routing/shm/segment.h"

/* ---- the SIP thread ---- */

/* Starts the thread on c->admin.socket (made with mode 0660, its directory too if there is none; a dead kedge's socket is taken over).
 * Holds a reference of c and borrows seg until admin_close(). 0 or a negative errno: -EADDRINUSE if another kedge answers there. */
int admin_open(const struct conf *c, const struct segment *seg);

/* Another configuration holds from now on: the next request sees it. Never waits. */
void admin_conf(const struct conf *c);

/* Ends the thread and takes the socket away. */
void admin_close(void);

/* ---- the admin thread: paths ---- */

struct admin_request {
	const char *name;          /* what stands in place of the path's "*"; "" */
	const json_t *body;        /* of POST, PUT and PATCH: an object; else NULL */
	const struct conf *conf;   /* of this request */
	const struct segment *seg;
	struct health *health;     /* room for admin_health() */
	uint64_t now_ns, wall_ms;
	char who[32];              /* the user that asks, or "uid 1000" */
	void *connection;
};

struct admin_answer {
	unsigned status;
	json_t *json; /* NULL: text */
	char *text;   /* malloc'd; the answer owns either */
	const char *type;
};

/* A value of the query ("?limit=5"), NULL: not given. Valid as long as the request. */
const char *admin_argument(const struct admin_request *r, const char *key);

/* The same as a number; otherwise where it is missing or none. */
uint64_t admin_number(const struct admin_request *r, const char *key, uint64_t otherwise);

/* 200 with o, whose reference it takes; NULL: no memory. */
struct admin_answer admin_json(json_t *o);

/* 200 with text of that type; takes the text. */
struct admin_answer admin_text(char *text, const char *type);

/* {"error": format ...} */
struct admin_answer admin_refuse(unsigned status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What is known of trunks and hops: a copy, r->health, which the caller may use up. The SIP loop makes it; where that does not answer it
 * comes from the trunk table, which knows less (no marks, no orders). */
struct health *admin_health(const struct admin_request *r);

/* Runs fn(arg) in the SIP loop and waits until it is done; any thread but the loop's. 0; -ETIMEDOUT: the loop did not come to it in 2 s, and never will. */
int admin_order(void (*fn)(void *arg), void *arg);

#define ADMIN(method, path, function) struct admin_answer function(const struct admin_request *r);
#include "sig/operator/admin.def"
#undef ADMIN

#endif
