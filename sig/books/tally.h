// SPDX-License-Identifier: MIT
/* tally: figures of calls that are over: delays by trunk (sig/books/delays), what timers of ours ended, and the alarm when that is too much
 * (sig/books/timed_out: event calls.timed_out, a line of the history too). Thread: su_root's. */
#ifndef KEDGE_SIG_BOOKS_TALLY_H
#define KEDGE_SIG_BOOKS_TALLY_H

#include <stdint.h>

#include "config/conf.h"

struct call;

/* The call is over. Once. */
void tally_call(const struct call *c);

/* Time passes: an alarm ends where no more calls do. At least every few seconds; cheap. */
void tally_tick(const struct conf *conf, uint64_t now_ns);

#endif
