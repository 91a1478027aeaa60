// SPDX-License-Identifier: MIT
/* clock: the two clocks of kedge. Pure wrappers, any thread, cannot fail.
 * Monotonic time orders and times everything inside one boot; wall time is for what people read (logs, CDRs). */
#ifndef KEDGE_CONFIG_CLOCK_H
#define KEDGE_CONFIG_CLOCK_H

#include <stdint.h>

#define CLOCK_NS_PER_S  1000000000ULL
#define CLOCK_NS_PER_MS 1000000ULL

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t clock_mono_ns(void);

/* CLOCK_REALTIME in Unix milliseconds. */
uint64_t clock_wall_ms(void);

#endif
