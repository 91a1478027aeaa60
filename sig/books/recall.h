// SPDX-License-Identifier: MIT
/* recall: a call, asked about later: `kedge why` and `kedge trace`.
 *
 *   call --notes, outcomes, end--> recall --entry--> journal (decisions)
 *                                    `--kept, dropped--> flight (SIP text)
 *   admin thread --admin_order(recall_find)--> this thread: living calls first, then the journal --> a copy
 *
 * Thread: su_root's. Owner of a copy: whoever asked, by recall_free(). */
#ifndef KEDGE_SIG_BOOKS_RECALL_H
#define KEDGE_SIG_BOOKS_RECALL_H

#include <stdbool.h>
#include <stdint.h>

#include "sig/books/flight.h"
#include "sig/books/journal.h"

struct attempt;
struct call;
struct call_request;
struct sip_s;

/* conf's stores. 0 or a negative errno. */
int recall_open(uint32_t records, uint32_t flight_mb);
void recall_close(void);

/* The call's attempt ended: a line of its tape. */
void recall_outcome(const struct call *c, const struct attempt *a);

/* The call is over; decision: its record, or NULL. Once. */
void recall_end(const struct call *c, const char *decision);

/* An INVITE was refused, no call was made of it. why: static. */
void recall_refused(const struct call_request *r, const struct sip_s *sip, int status, const char *why);

/* A test number was called: nothing is decided there, but who asks is told so. The last RECALL_TESTS of them. does: static. */
#define RECALL_TESTS 256
void recall_test(uint64_t call, const char *sip_call_id, const char *does);

#define RECALL_OTHERS 8

struct recall {
	/* asked */
	const char *what; /* kedge's number, a Call-ID, the beginning of either, a called number: the latest such call */
	bool tape;
	/* found */
	unsigned count;   /* calls that it may mean: 0, 1; more: a beginning of several, e is the latest */
	struct journal_entry e;
	char *decision;   /* NULL: none */
	struct flight_copy *copy; /* NULL: nothing is kept of it */
	const char *test; /* count 0: it names a call to a test number that does this, e.call; NULL: no such call either */
	uint64_t now_ns, now_wall_ms;
	struct {
		uint64_t call, begun_wall_ms;
		char to[40];
	} other[RECALL_OTHERS]; /* the calls of a beginning of several */
};

/* arg: struct recall. For admin_order(). */
void recall_find(void *arg);
void recall_free(struct recall *r);

#endif
