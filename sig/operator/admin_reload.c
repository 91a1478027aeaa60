// SPDX-License-Identifier: MIT
/* Another configuration, and what was in force before. */
#include <stdio.h>
#include <string.h>

#include "sig/operator/admin_json.h"
#include "sig/operator/admin_part.h"
#include "sig/operator/explain.h"
#include "sig/operator/reload.h"

static json_t *places(const struct err_list *errs)
{
	json_t *list = json_array();

	for (size_t i = 0; i < errs->count; i++) {
		const struct err *e = &errs->v[i];
		json_t *o = json_object();

		admin_put(o, "level", json_string(e->level == ERR_ERROR ? "error" : "warning"));
		admin_put(o, "file", e->file ? json_string(e->file) : json_null());
		admin_put_int(o, "line", (uint64_t)e->line);
		admin_put(o, "text", explain_text(e->text));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *changes(const struct diff_list *l)
{
	static const char *const kinds[] = { [DIFF_CHANGED] = "changed", [DIFF_ADDED] = "added", [DIFF_REMOVED] = "removed" };
	json_t *list = json_array();

	for (size_t i = 0; i < l->count; i++) {
		const struct diff *d = &l->v[i];
		json_t *o = json_object();

		admin_put(o, "kind", json_string(kinds[d->kind]));
		admin_put(o, "what", explain_text(d->what));
		if (d->from)
			admin_put(o, "from", explain_text(d->from));
		if (d->to)
			admin_put(o, "to", explain_text(d->to));
		admin_put(o, "restart", json_boolean(d->restart));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *result(const struct reload_result *r)
{
	json_t *o = json_object();

	admin_put(o, "result", json_string(reload_word(r->end)));
	admin_put_int(o, "before", r->before);
	admin_put_int(o, "generation", r->generation);
	ADMIN_PUT_TEXT(o, "why", r->why);
	admin_put(o, "changes", changes(&r->diff));
	admin_put(o, "messages", places(&r->errs));
	return o;
}

/* A refusal is an answer: what was asked for made sense. */
static struct admin_answer answer(const struct admin_request *r, struct reload_wish *w)
{
	struct reload_result got;
	json_t *o;

	w->dry = json_is_true(json_object_get(r->body, "dry_run"));
	w->who = r->who;
	reload_do(w, &got);
	o = result(&got);
	reload_fini(&got);
	return admin_json(o);
}

struct admin_answer admin_reload(const struct admin_request *r)
{
	return answer(r, &(struct reload_wish){ 0 });
}

struct admin_answer admin_rollback(const struct admin_request *r)
{
	const json_t *to = json_object_get(r->body, "to");

	if (to && (!json_is_integer(to) || json_integer_value(to) < 1))
		return admin_refuse(400, "\"to\" is the number of a generation");
	return answer(r, &(struct reload_wish){ .back = true, .to = (uint64_t)json_integer_value(to) });
}

struct admin_answer admin_generations(const struct admin_request *r)
{
	json_t *o = json_object(), *list = json_array();
	struct generation_book b;
	char hash[20];

	reload_book(&b);
	admin_put_int(o, "in_force", r->conf->generation);
	admin_put_since(o, "since", "since_ms_ago", b.since_wall_ms, r->wall_ms);
	ADMIN_PUT_TEXT(o, "by", b.by);
	for (size_t i = 0; i < b.count; i++) {
		const struct generation *g = &b.v[i];
		json_t *e = json_object();

		snprintf(hash, sizeof(hash), "%016llx", (unsigned long long)g->hash);
		admin_put_int(e, "generation", g->number);
		admin_put_int(e, "before", g->before);
		admin_put_since(e, "accepted", "accepted_ms_ago", g->wall_ms, r->wall_ms);
		ADMIN_PUT_TEXT(e, "by", g->who);
		admin_put(e, "hash", json_string(hash));
		json_array_append_new(list, e);
	}
	admin_put(o, "generations", list);
	return admin_json(o);
}
