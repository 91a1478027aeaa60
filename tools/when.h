// SPDX-License-Identifier: MIT
/* when: a point of time as a person writes it. */
#ifndef KEDGE_TOOLS_WHEN_H
#define KEDGE_TOOLS_WHEN_H

#include <stdbool.h>
#include <stdint.h>

/* "90s", "30m", "2h", "7d": so long from now on (ahead) or ago; "14:30", "14:30:05": the next or the last time the clock shows that; "2026-11-21",
 * "2026-11-21T18:00", with seconds and "Z" or "+01:00" where one likes, else local time. Milliseconds since 1970; 0: it is none of these. */
uint64_t when_read(const char *text, bool ahead, uint64_t now_ms);

#endif
