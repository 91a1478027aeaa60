// SPDX-License-Identifier: MIT
/* The history of trunks, from its file. */
#include "sig/operator/admin.h"
#include "sig/operator/admin_json.h"
#include "sig/operator/explain.h"
#include "sig/operator/history.h"

#define LIST 100  /* events in an answer, if nothing is said */
#define MOST 1000

struct admin_answer admin_events(const struct admin_request *r)
{
	uint64_t limit = admin_number(r, "limit", LIST);
	json_t *list = history_read(r->conf->events.file, admin_number(r, "after", 0), admin_number(r, "since", 0), limit < MOST ? limit : MOST);

	return admin_json(json_pack("{s:o, s:I, s:o}", "events", list, "lost", (json_int_t)ADMIN_LOAD(segment_counters(r->seg)->events_lost),
	    "file", explain_text(r->conf->events.file)));
}
