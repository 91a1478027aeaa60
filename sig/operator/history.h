// SPDX-License-Identifier: MIT
/* history: what happened to trunks, one JSON line each in events.file: every change of a hop's state with its evidence, every order of an
 * operator, every start of the plane and the states it went on from. Nothing but a line's own failed write is ever missing:
 *
 *   health changes, the operator orders --> history_*() --> one write(2), O_APPEND --> only then does anything act on it
 *
 * so kill -9 loses no line, and no line is half. No repeat is suppressed. A disk that fails costs lines, counted in `lost`
 * (kedge_sig_counters.events_lost) and told once until it works again (history.error), never a call. The file is opened anew once its
 * name leads to another one (rotation by rename), and by history_reopen().
 *
 *   {"id":1763746683123456,"time":"2026-11-21T17:38:03.123+00:00","event":"state","trunk":"alpha","hop":"203.0.113.5:5060","from":"UP",
 *    "to":"DOWN","reason":"consecutive","code":503,"evidence":"failures in a row","clears":"open is over and up good probes","hold_ms":30000,
 *    "trunk_state":"DOWN","figures":{"consecutive":3,...}}
 *
 * id grows from line to line, over restarts too: microseconds since 1970, or one more than the last. event: state, order, expired (the end of
 * one), canary (a test call to an idle trunk), start, restored (the state a hop went on with), reload, rollback, alarm.
 * Thread: su_root's, but for history_read(). Owner: one for the plane, in this module. */
#ifndef KEDGE_SIG_OPERATOR_HISTORY_H
#define KEDGE_SIG_OPERATOR_HISTORY_H

#include <jansson.h>
#include <stdint.h>

/* Opens file (its directory too, 0700) for appending and goes on behind the last id in it. 0 or a negative errno: then every line tries
 * again, and is counted as lost while that fails. file is copied. */
int history_open(const char *file);
void history_close(void);

/* Opens the file anew before the next line. */
void history_reopen(void);

/* Writes one line: id, time, event, and what stands in `fields`, whose reference it takes (NULL: no memory: counted as lost). Does nothing
 * before history_open(). */
void history_write(const char *event, json_t *fields);

/* Lines that could not be written since history_open(). */
uint64_t history_lost(void);

/* The lines with an id above `after` and not older than since_wall_ms, the last `limit` of them where after is 0, else the first, as a new
 * array in order. Looks into the last 4 MB of file, and where `after` is older than that file, of file.1 too. Any thread. */
json_t *history_read(const char *file, uint64_t after, uint64_t since_wall_ms, size_t limit);

#endif
