// SPDX-License-Identifier: MIT
/* What is known of one call afterwards: /v1/calls/ID/why and /v1/calls/ID/trace. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/clock.h"
#include "sig/operator/admin.h"
#include "sig/operator/admin_json.h"
#include "sig/operator/explain.h"
#include "sig/books/flight_text.h"
#include "sig/books/recall.h"

/* A Call-ID may contain anything: then it comes as ?call=, and the path says "-". */
static const char *asked_for(const struct admin_request *r)
{
	const char *call = admin_argument(r, "call");

	return call ? call : r->name;
}

static json_t *id_json(uint64_t call)
{
	return json_sprintf("%llx", (unsigned long long)call);
}

static struct admin_answer several(const struct recall *q)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < q->count && i < RECALL_OTHERS; i++) {
		json_t *o = json_object();

		admin_put(o, "call", id_json(q->other[i].call));
		ADMIN_PUT_TEXT(o, "to", q->other[i].to);
		admin_put(o, "begun", admin_time(q->other[i].begun_wall_ms));
		json_array_append_new(list, o);
	}
	return (struct admin_answer){ .status = 409,
		.json = json_pack("{s:o, s:o}", "error", json_sprintf("%u calls begin like that: say more of it", q->count), "calls", list) };
}

/* Asks the SIP loop. False: *no says why there is nothing to show. */
static bool find(const struct admin_request *r, struct recall *q, struct admin_answer *no)
{
	int err;

	q->what = asked_for(r);
	if (!*q->what) {
		*no = admin_refuse(400, "which call?");
		return false;
	}
	err = admin_order(recall_find, q);
	if (err)
		*no = admin_refuse(503, "the SIP loop does not answer");
	else if (!q->count && q->test)
		*no = admin_refuse(404, "call %llx was to test number %s: nothing was decided; see its call record", (unsigned long long)q->e.call, q->test);
	else if (!q->count)
		*no = admin_refuse(404, "no call that is known here is \"%.200s\"", q->what);
	else if (q->count > 1)
		*no = several(q);
	if (!err && q->count == 1)
		return true;
	recall_free(q);
	return false;
}

static void put_span(json_t *o, const char *key, int32_t ms)
{
	admin_put(o, key, ms < 0 ? json_null() : json_integer(ms));
}

static json_t *entry_json(const struct recall *q)
{
#define K(id, word) word,
	static const char *const kinds[] = { JOURNAL_KINDS(K) };
#undef K
	const struct journal_entry *e = &q->e;
	json_t *o = json_object(), *decision;

	admin_put(o, "call", id_json(e->call));
	ADMIN_PUT_TEXT(o, "state", e->state);
	admin_put(o, "kind", json_string(kinds[e->kind]));
	ADMIN_PUT_TEXT(o, "in", e->in);
	ADMIN_PUT_TEXT(o, "from", e->from);
	ADMIN_PUT_TEXT(o, "to", e->to);
	ADMIN_PUT_TEXT(o, "call_id", e->call_id);
	admin_put_since(o, "begun", "begun_ms_ago", e->begun_wall_ms, q->now_wall_ms);
	admin_put(o, "answered", admin_time(e->answered_wall_ms));
	admin_put(o, "ended", admin_time(e->ended_wall_ms));
	put_span(o, "ttrb_ms", e->ttrb_ms);
	put_span(o, "tta_ms", e->tta_ms);
	admin_put_int(o, "duration_ms", e->answered_wall_ms && e->ended_wall_ms > e->answered_wall_ms ? e->ended_wall_ms - e->answered_wall_ms : 0);
	admin_put_int(o, "code", e->code);
	ADMIN_PUT_TEXT(o, "by", e->by);
	ADMIN_PUT_TEXT(o, "why", e->why);
	admin_put(o, "refused", json_boolean(e->refused));
	if (e->refused)
		ADMIN_PUT_TEXT(o, "source", e->source);
	decision = q->decision ? json_loads(q->decision, 0, NULL) : NULL;
	admin_put(o, "decision", decision ? decision : json_null());
	return o;
}

struct admin_answer admin_why(const struct admin_request *r)
{
	struct recall q = { 0 };
	struct admin_answer no;
	json_t *o;

	if (!find(r, &q, &no))
		return no;
	o = entry_json(&q);
	recall_free(&q);
	return admin_json(o);
}

/* ---- the tape ------------------------------------------------------------------------------- */

static const char *addr_text(const struct kedge_addr *a, char out[static CONF_ADDR_TEXT])
{
	struct conf_addr addr = { .family = a->family, .port = a->port };

	memcpy(addr.ip, a->ip, sizeof(addr.ip));
	return conf_addr_text(&addr, out);
}

/* The trunk that was tried at this address; else the one whose requests come from there. */
static json_t *peer_name(const struct admin_request *r, const json_t *decision, const struct kedge_addr *peer, const char *text)
{
	struct conf_addr addr = { .family = peer->family, .port = peer->port };
	const json_t *a;
	size_t i;

	json_array_foreach(json_object_get(decision, "attempts"), i, a)
		if (!strcmp(json_string_value(json_object_get(a, "hop")), text))
			return json_incref(json_object_get(a, "trunk"));
	memcpy(addr.ip, peer->ip, sizeof(addr.ip));
	for (uint16_t k = 0; k < r->conf->interfaces.count; k++) {
		uint16_t t = conf_trunk_of(r->conf, &addr, k);

		if (t != CONF_NONE)
			return json_string(r->conf->trunks.v[t].name);
	}
	return json_string(text);
}

/* Was the same text sent the same way before? */
static bool is_again(const struct flight_copy *c, size_t before, const struct flight_message *m)
{
	struct flight_message old;

	for (size_t at = 0; at < before && flight_next(c, &at, &old);)
		if (at <= before && !old.note && old.way.out == m->way.out && old.size == m->size && old.text != m->text &&
		    !memcmp(&old.way.peer, &m->way.peer, sizeof(old.way.peer)) && !memcmp(old.text, m->text, m->size))
			return true;
	return false;
}

static json_t *message_json(const struct admin_request *r, const struct recall *q, const struct flight_message *m, size_t before, const json_t *decision)
{
	uint64_t ago_ns = q->now_ns > m->at_ns ? q->now_ns - m->at_ns : 0;
	char peer[CONF_ADDR_TEXT], local[CONF_ADDR_TEXT], *text = flight_text(m->text, m->size);
	json_t *o = json_object();

	admin_put(o, "at_ms", json_real((double)(m->at_ns - q->copy->begun_ns) / 1e6));
	admin_put(o, "time", admin_time(q->now_wall_ms - ago_ns / CLOCK_NS_PER_MS));
	if (m->note) {
		admin_put(o, "note", json_string(text));
	} else {
		addr_text(&m->way.peer, peer);
		admin_put(o, "way", json_string(m->way.out ? "out" : "in"));
		admin_put(o, "transport", json_string(m->way.tcp ? "tcp" : "udp"));
		admin_put(o, "local", json_string(addr_text(&m->way.local, local)));
		admin_put(o, "peer", json_string(peer));
		admin_put(o, "who", peer_name(r, decision, &m->way.peer, peer));
		admin_put(o, "again", json_boolean(is_again(q->copy, before, m)));
		admin_put(o, "text", json_string(text));
	}
	free(text);
	return o;
}

struct admin_answer admin_trace(const struct admin_request *r)
{
	struct recall q = { .tape = true };
	struct flight_message m;
	struct admin_answer no;
	json_t *o, *list;
	size_t before;

	if (!find(r, &q, &no))
		return no;
	if (!q.copy) {
		no = admin_refuse(404, "call %llx: its messages are not kept: it %s", (unsigned long long)q.e.call,
		    q.e.kind == JOURNAL_GOOD ? "went well" : "gave way to newer ones (admin.flight_mb)");
		recall_free(&q);
		return no;
	}
	o = entry_json(&q);
	list = json_array();
	for (size_t at = 0; before = at, flight_next(q.copy, &at, &m);)
		json_array_append_new(list, message_json(r, &q, &m, before, json_object_get(o, "decision")));
	admin_put(o, "messages", list);
	admin_put_int(o, "left_out", q.copy->left_out);
	recall_free(&q);
	return admin_json(o);
}
