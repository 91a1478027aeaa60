// SPDX-License-Identifier: MIT
/* admin: what `kedge trunks`, `kedge calls`, `kedge refused` and `kedge explain` ask. HTTP (libmicrohttpd, a thread of its own) on a unix
 * socket, JSON answers:
 *
 *   GET /v1/status          planes, workers, counters          GET /v1/calls?limit=N&after=SLOT   the calls, paged
 *   GET /v1/trunks          every trunk and its hops           GET /v1/calls/ID                   one of them
 *   GET /v1/trunks/NAME     one of them                        GET /v1/explain?number=N&from=TRUNK
 *   GET /v1/refused         sources that were not heard (sig/admit)
 *
 * Who may ask: root, and the user kedge runs as (SO_PEERCRED); others get 403. The thread reads only what is made to be
 * read: the trunk table and counters of the segment, and a board of calls, an entry per session slot, written by the SIP
 * thread behind sequence locks. It never holds up the SIP thread, however long a list is.
 * Text from SIP may be anything: what is not UTF-8 is shown as U+FFFD. */
#ifndef KEDGE_SIG_ADMIN_H
#define KEDGE_SIG_ADMIN_H

#include <stdint.h>

#include "config/conf.h"
#include "routing/shm/segment.h"

#define ADMIN_STATES(S) S(SETUP) S(RINGING) S(UP) S(HELD) S(ENDING)
enum admin_state {
#define S(x) ADMIN_##x,
	ADMIN_STATES(S)
#undef S
	    ADMIN_STATE_COUNT
};

/* A call as the operator sees it, in two parts, each behind a sequence lock of its own: both carry the call's number, so
 * that parts of two calls are never shown as one. Texts are cut to their room, always with a NUL. */
struct admin_now { /* changes while the call lives */
	uint64_t call_id; /* kedge's own number; 0: no call */
	uint64_t begun_wall_ms;
	uint64_t answered_wall_ms; /* 0: not yet */
	uint32_t state;            /* enum admin_state */
	uint32_t attempts;
	char trunk[KEDGE_NAME_MAX]; /* of the live attempt, "" for none */
	char hop[56];               /* its address, "198.51.100.7:5060" */
	char codec[16];             /* "" until negotiated */
	char sip_call_id[96];       /* of the live attempt's dialog */
};
struct admin_who { /* known from the start */
	uint64_t call_id;
	char in[KEDGE_NAME_MAX]; /* trunk it came from */
	char route[KEDGE_NAME_MAX];
	char profile[KEDGE_NAME_MAX];
	char from[40], to[40];
	char sip_call_id[72]; /* of the caller's dialog */
};
static_assert(sizeof(struct admin_now) <= 256 && sizeof(struct admin_now) % 8 == 0, "a line of seq.h");
static_assert(sizeof(struct admin_who) <= 256 && sizeof(struct admin_who) % 8 == 0, "a line of seq.h");

/* Starts the thread on c->admin.socket (made with mode 0660, its directory too if there is none; a dead kedge's socket
 * is taken over). Holds a reference of c and borrows seg until admin_close(). 0 or a negative errno: -EADDRINUSE if another
 * kedge answers there. */
int admin_open(const struct conf *c, const struct segment *seg);

/* Ends the thread and takes the socket away. */
void admin_close(void);

/* SIP thread only; slot: the call's session slot. admin_who at its begin, admin_now at each change; admin_clear when it is gone.
 * They never wait, and do nothing before admin_open(). */
void admin_call_who(uint32_t slot, const struct admin_who *who);
void admin_call_now(uint32_t slot, const struct admin_now *now);
void admin_call_clear(uint32_t slot);

#endif
