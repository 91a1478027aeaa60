// SPDX-License-Identifier: MIT
/* admin_part: between the parts of admin. admin.c has the thread, admin_http.c what it is called with, admin_order.c the way to the SIP loop. */
#ifndef KEDGE_SIG_OPERATOR_ADMIN_PART_H
#define KEDGE_SIG_OPERATOR_ADMIN_PART_H

#include <microhttpd.h>
#include <stdarg.h>

#include "sig/operator/admin.h"

struct admin {
	const struct conf *conf;           /* a reference; the admin thread's once it runs */
	const struct segment *seg;
	struct health *health;
	struct MHD_Daemon *daemon;
	const char *socket;                /* of the first conf, which is kept for it */
	const struct conf *first;
	uint64_t started_wall_ms;
	_Atomic(const struct conf *) next; /* another configuration, a reference: the SIP thread's -> the admin thread's */
};
extern struct admin admin;

/* Of MHD: a request, its end, a line of the library's. */
enum MHD_Result admin_http_request(void *ctx, struct MHD_Connection *conn, const char *url, const char *method, const char *version,
    const char *upload, size_t *upload_size, void **state);
void admin_http_completed(void *ctx, struct MHD_Connection *conn, void **state, enum MHD_RequestTerminationCode why);
void admin_http_line(void *ctx, const char *format, va_list ap);

/* "io_uring", "epoll", "none" */
const char *admin_backend_word(uint32_t backend);

#endif
