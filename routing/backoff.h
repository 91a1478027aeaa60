// SPDX-License-Identifier: MIT
/* backoff: how long to wait before the same trunk is tried again (profile.retry_same).
 *
 *   delay = min(base * 2^n, max_delay)      n: tries again before this one
 *   wait  = delay + delay * jitter * random  random in [0, 1): callers who failed together do not come back together
 *
 * Pure. */
#ifndef KEDGE_ROUTING_BACKOFF_H
#define KEDGE_ROUTING_BACKOFF_H

#include <stdint.h>

#include "config/conf.h"

/* seed: a number of the call's; another one for each n follows from it. */
uint64_t backoff_ns(const struct conf_retry_same *r, unsigned n, uint64_t seed);

/* The same where the peer said how long (Retry-After): not before, and spread like a first try again. */
uint64_t backoff_after_ns(const struct conf_retry_same *r, uint32_t seconds, uint64_t seed);

#endif
