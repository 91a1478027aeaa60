// SPDX-License-Identifier: MIT
/* check_timers: `kedge check --timers`: how long each thing takes by a configuration, with the worst sums: a transaction, noticing
 * a dead trunk, moving on from it, trying it again, coming back to it. Of a snapshot loaded with CONF_UNSCALED. */
#ifndef KEDGE_TOOLS_CHECK_TIMERS_H
#define KEDGE_TOOLS_CHECK_TIMERS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "config/conf.h"

void check_timers(FILE *out, const struct conf *c);

/* From the moment a trunk is well again until calls come back to it, the first of them or (whole) all, without relapses. */
uint64_t check_failback_ms(const struct conf_trunk *t, bool whole);

/* All waits of retry_same together, at worst. */
uint64_t check_retry_ms(const struct conf_retry_same *r);

#endif
