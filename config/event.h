// SPDX-License-Identifier: MIT
/* event: one line per thing that happened, from the rows of event.def.
 *
 *   event_log(trunk_state, .trunk = "alpha", .from = "UP", .to = "LOCKED", .why = "retry_after", .hold_ms = 30000);
 *   2026-11-20T13:18:53.123+00:00 warn trunk.state trunk=alpha from=UP to=LOCKED why=retry_after hold_ms=30000
 *
 * Fields are typed members of a struct per row; one not given is NULL or 0. Text may come from strangers: a value
 * with anything but letters, digits and a few harmless signs is quoted, quotes, backslashes, control characters
 * and bytes that are not UTF-8 are escaped (\xHH), so no value can end its field, or begin a line.
 * Any thread. The caller formats into a lock-free ring and never waits: a writer thread does the I/O; a full ring drops
 * the line and counts it (log.dropped). Before event_open() and after event_close() lines go to stderr at once. */
#ifndef KEDGE_CONFIG_EVENT_H
#define KEDGE_CONFIG_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#define EVENT_LINE_MAX 8192 /* bytes of a line; what does not fit is cut field by field: cut=FIELD stands for it */
#define EVENT_TEXT_MAX 1024 /* bytes of one STR value */

enum event_level { EVENT_LEVEL_ROW, EVENT_LEVEL_DEBUG, EVENT_LEVEL_INFO, EVENT_LEVEL_WARN, EVENT_LEVEL_ERROR };

#define STR(field)  const char *field;
#define JSON(field) const char *field;
#define HEX(field)  uint64_t field;
#define UINT(field) uint64_t field;
#define INT(field)  int64_t field;
#define REAL(field) double field;

enum event_id {
#define EVENT(id, lvl, name, burst, meaning, fields) EVENT_##id,
#include "config/event.def"
#undef EVENT
	EVENT_ID_COUNT
};

#define EVENT(id, lvl, name, burst, meaning, fields)                                               \
	struct event_##id {                                                                        \
		uint64_t level; /* enum event_level; EVENT_LEVEL_ROW: the row's */                 \
		fields                                                                             \
	};
#include "config/event.def"
#undef EVENT
#undef STR
#undef JSON
#undef HEX
#undef UINT
#undef INT
#undef REAL

/* Writes one event: event_log(run_ready, .trunks = 3). */
#define event_log(id, ...) event_write(EVENT_##id, &(const struct event_##id){ __VA_ARGS__ })

/* What event_log() calls; fields points to the struct of that row. */
void event_write(enum event_id id, const void *fields);

struct event_options {
	const char *file; /* appended to; NULL or "": stderr, with <N> priorities where that is journald */
	bool json;
	enum event_level least; /* EVENT_LEVEL_ROW: info */
};

/* In the environment: lines go to stderr whatever `file` says. `kedge run --foreground` sets it for itself and the planes. */
#define EVENT_FOREGROUND "KEDGE_FOREGROUND"

/* Starts the writer thread. 0, or a negative errno if the file or the thread cannot be had; then lines go on to stderr. */
int event_open(const struct event_options *o);

/* Opens the file anew (after a rotation by rename). Any thread. */
void event_reopen(void);

/* Other options hold from now on: level and format at once, the file (copied) before the next line is written; one that
 * cannot be opened leaves the old one, and a line says so. Any thread. 0 or -ENOMEM. */
int event_change(const struct event_options *o);

/* Writes what is waiting, ends the thread. */
void event_close(void);

/* Lines dropped since event_open because the ring was full. */
uint64_t event_dropped(void);

#endif
