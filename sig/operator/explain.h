// SPDX-License-Identifier: MIT
/* explain: what would happen to a call now, by the code that calls go through: route, order, each skip and why.
 * Shared by the admin thread (health of the trunk table) and `kedge explain` (without a daemon: health unknown).
 * No I/O; any thread. Knows jansson and the routing core, not Sofia. */
#ifndef KEDGE_SIG_OPERATOR_EXPLAIN_H
#define KEDGE_SIG_OPERATOR_EXPLAIN_H

#include <jansson.h>
#include <stdbool.h>

#include "routing/health.h"
#include "routing/shm/segment.h"

/* The health of each hop as the trunk table has it; seg NULL: every hop of the configuration, UNKNOWN. h: scratch of
 * the caller, on the heap. now_ns, wall_ms: the clocks. */
void explain_health(struct health *h, const struct conf *c, const struct segment *seg, uint64_t now_ns, uint64_t wall_ms);

/* A new object: number, from, live, route, profile, tries[], skipped[], final; or number, from, live and error; or number, from, live, test and
 * test_at: kedge answers it itself (conf.test_numbers). h: from
 * explain_health(); used up, as the call is played through with every try failing. from: a trunk's name, NULL: none. */
json_t *explain_call(const struct conf *c, struct health *h, bool live, const char *from, const char *number, uint64_t now_ns);

/* Text that may come from outside, as a JSON string: what is not UTF-8 becomes U+FFFD. */
json_t *explain_text(const char *text);

#endif
