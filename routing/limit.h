// SPDX-License-Identifier: MIT
/* limit: how many calls a trunk carries, how many begin there in a second, and how many tries may go to trunks that fail.
 *
 *   bucket   tokens, one per call that begins; full at first, filled with `rate` a second, holds `burst`
 *   pace     max_cps: without cps_burst no second has more calls than that (in steps of 50 ms), with it a bucket
 *   trunk    a pace for each direction, and the calls through it: those it was sent and those it sent
 *   budget   of the tries beyond a call's first that would go to trunks which fail: a share of the calls of 10 s
 *
 * What a limit holds back is no failure of anybody: it goes to the next target, at once, without an INVITE.
 * Pure: no clock (now_ns: monotonic), no allocation, no threads. {0} is a good beginning of each struct. */
#ifndef KEDGE_ROUTING_LIMIT_H
#define KEDGE_ROUTING_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "config/conf.h"

struct limit_bucket {
	uint64_t full_ns; /* when it is full again; earlier: it is full. A token is 1 s / rate */
};

/* Is there a token? rate > 0; burst: 0 as many as rate. */
bool limit_ready(const struct limit_bucket *b, uint32_t rate, uint32_t burst, uint64_t now_ns);

/* Takes a token if there is one. */
bool limit_take(struct limit_bucket *b, uint32_t rate, uint32_t burst, uint64_t now_ns);

/* Takes one that may not be there: what cannot wait is paid for later, by a second's tokens at most. */
void limit_owe(struct limit_bucket *b, uint32_t rate, uint32_t burst, uint64_t now_ns);

#define LIMIT_STEPS 20 /* of a second */

struct limit_pace {
	struct limit_bucket bucket;  /* where there is a cps_burst */
	uint64_t step;               /* of the steps step - 19 .. step, each at its number modulo 20: */
	uint32_t began[LIMIT_STEPS]; /* calls */
};

struct limit_trunk {
	struct limit_pace to, from;    /* calls that begin: sent to it, sent by it */
	uint32_t calls_to, calls_from; /* in setup or up */
};

/* Has it as many calls as it may, both directions together? */
bool limit_full(const struct limit_trunk *l, const struct conf_trunk *t);

/* May a call begin, by max_cps? An INVITE to it then takes its token with limit_sent(), whether there was one or not. */
bool limit_cps_left(const struct limit_trunk *l, const struct conf_trunk *t, uint64_t now_ns);
void limit_sent(struct limit_trunk *l, const struct conf_trunk *t, uint64_t now_ns);

/* One that it sent: takes its token. False: there is none. */
bool limit_came(struct limit_trunk *l, const struct conf_trunk *t, uint64_t now_ns);

#define LIMIT_BUDGET_S       10
#define LIMIT_BUDGET_LEAST   10 /* tries in that time, however few calls there are */
#define LIMIT_BUDGET_PERCENT 20 /* of the calls */

struct limit_budget { /* of the seconds second - 9 .. second, each at its number modulo 10 */
	uint64_t second;
	uint32_t calls[LIMIT_BUDGET_S], spent[LIMIT_BUDGET_S];
};

void limit_budget_call(struct limit_budget *b, uint64_t now_ns);
bool limit_budget_left(const struct limit_budget *b, uint64_t now_ns);
void limit_budget_spend(struct limit_budget *b, uint64_t now_ns);

#endif
