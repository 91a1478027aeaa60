// SPDX-License-Identifier: MIT
/* live: how the live verbs show what the daemon answers. */
#ifndef KEDGE_TOOLS_LIVE_H
#define KEDGE_TOOLS_LIVE_H

#include <jansson.h>
#include <stddef.h>

/* A member, "" and 0 where there is none. */
const char *live_text(const json_t *o, const char *key);
long long live_int(const json_t *o, const char *key);

/* "-" for "". */
const char *live_or_dash(const char *text);

/* "24s ago" of a member that has milliseconds. Returns buf. */
const char *live_ago(const json_t *o, const char *key, char *buf);

#define LIVE_FIGURE 32

/* What stands behind a reason: a status, "8 %" of loss, "3.2" of mos. Returns buf. */
const char *live_figure(const char *reason, long long figure, char buf[static LIVE_FIGURE]);

void live_print_json(json_t *o);

/* The table of `kedge trunks`; list: of the objects of /v1/trunks. */
void live_print_trunks(const json_t *list);

/* Why a trunk or a hop is as it is, in words. Returns buf, or a text. */
const char *live_why(const json_t *o, char *buf, size_t room);

#endif
