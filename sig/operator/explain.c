// SPDX-License-Identifier: MIT
#include "sig/operator/explain.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config/value.h"
#include "routing/decide.h"
#include "routing/plan.h"
#include "routing/shm/seq.h"
#include "sig/number.h"

json_t *explain_text(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t n = strlen(text), used = 0;
	char mended[3 * 512 + 1];

	while (n && used + 4 < sizeof(mended)) {
		size_t length = value_utf8(s, n);

		memcpy(mended + used, length ? (const char *)s : "\xef\xbf\xbd", length ? length : 3);
		used += length ? length : 3;
		length = length ? length : 1;
		s += length;
		n -= length;
	}
	return json_stringn(mended, used);
}

static void restore(struct health *h, const struct segment *seg, uint16_t slot, uint64_t now_ns)
{
	const struct kedge_hop *hop = segment_hop(seg, slot);
	uint64_t calls = atomic_load_explicit(&hop->count.calls, memory_order_relaxed);
	struct kedge_hop_health line = { 0 };
	struct kedge_hop_id id = { 0 };

	if (seq_read(&hop->id, &id) || !id.generation || seq_read(&hop->health, &line))
		return;
	if (line.generation != id.generation) /* not judged yet */
		line = (struct kedge_hop_health){ .generation = id.generation };
	health_restore(h, slot, &id, &line, now_ns);
	if (!h->hop[slot].used)
		return;
	h->hop[slot].calls = (uint32_t)calls;
	h->trunk[id.trunk].calls += (uint32_t)calls;
	h->trunk[id.trunk].limit.calls_to += (uint32_t)calls;
}

static void add_all(struct health *h, const struct conf *c, uint64_t now_ns)
{
	for (uint16_t i = 0; i < c->trunks.count && i < HEALTH_TRUNKS; i++)
		for (uint16_t k = 0; k < c->trunks.v[i].hops.count; k++) {
			const struct conf_uri *u = &c->trunks.v[i].hops.v[k];
			struct kedge_addr addr = { .family = u->addr.family, .port = u->addr.port };

			memcpy(addr.ip, u->addr.ip, sizeof(addr.ip));
			health_hop_add(h, i, u->transport, &addr, now_ns);
		}
}

void explain_health(struct health *h, const struct conf *c, const struct segment *seg, uint64_t now_ns, uint64_t wall_ms)
{
	health_init(h, c, NULL, seg ? (uint16_t)seg->pub->hop_count : KEDGE_HOPS_MAX, now_ns, wall_ms);
	if (!seg)
		add_all(h, c, now_ns);
	else
		for (uint16_t slot = 0; slot < seg->pub->hop_count; slot++)
			restore(h, seg, slot, now_ns);
}

/* "kedge.cfg:41" */
static json_t *place(const struct conf_where *w)
{
	char text[512];

	snprintf(text, sizeof(text), "%s:%d", w->file ? w->file : "", w->line);
	return explain_text(text);
}

static json_t *address(const struct kedge_addr *a, uint16_t transport)
{
	struct conf_addr addr = { .family = a->family, .port = a->port };
	char text[CONF_ADDR_TEXT];

	memcpy(addr.ip, a->ip, sizeof(addr.ip));
	return json_sprintf("%s;transport=%s", conf_addr_text(&addr, text), transport == CONF_TCP ? "tcp" : "udp");
}

static void put_state(json_t *o, const struct health *h, uint16_t slot, uint64_t now_ns)
{
	const struct health_hop *hop = &h->hop[slot];
	uint64_t retry = hop->state == KEDGE_HOP_DOWN ? health_retry_ns(h, slot) : 0;

	json_object_set_new(o, "state", json_string(health_state_word(hop->state)));
	json_object_set_new(o, "reason", json_string(health_reason_word(hop->reason)));
	json_object_set_new(o, "code", json_integer(hop->code));
	json_object_set_new(o, "retry_in_ms", json_integer(retry > now_ns ? (json_int_t)((retry - now_ns) / 1000000) : 0));
}

static json_t *one_try(const struct plan *p, const struct health *h, const struct decide *d, const struct decide_step *s,
    const char *number, uint64_t now_ns)
{
	const struct conf_trunk *t = &p->conf->trunks.v[s->trunk];
	char as[NUMBER_MAX];
	json_t *o = json_object();

	json_object_set_new(o, "trunk", json_string(t->name));
	json_object_set_new(o, "number", explain_text(number_write(as, number, &t->headers, true) ? as : number));
	json_object_set_new(o, "hop", address(&s->addr, s->transport));
	put_state(o, h, s->hop, now_ns);
	json_object_set_new(o, "last_resort", json_boolean(d->attempt[s->attempt].panic));
	json_object_set_new(o, "at", place(&t->where));
	json_object_set_new(o, "headers_at", place(t->headers.where.file ? &t->headers.where : &t->where));
	return o;
}

static bool was_tried(const struct decide *d, unsigned target)
{
	for (unsigned i = 0; i < d->count; i++)
		if (d->attempt[i].target == target)
			return true;
	return false;
}

static json_t *skipped(const struct plan *p, const struct health *h, const struct decide *d, uint64_t now_ns)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < p->count; i++) {
		const struct health_trunk *t = &h->trunk[p->target[i].trunk];
		json_t *o;

		if (was_tried(d, i))
			continue;
		o = json_object();
		json_object_set_new(o, "trunk", json_string(p->conf->trunks.v[p->target[i].trunk].name));
		json_object_set_new(o, "why", json_string(decide_skip_word(d->skip[i].why)));
		if (t->count)
			put_state(o, h, t->hop[0], now_ns);
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *final_answer(const struct decide_final *f)
{
	json_t *o = json_pack("{s:i, s:s, s:s}", "code", f->code, "phrase", f->phrase ? f->phrase : "", "why", f->why ? f->why : "");

	if (f->retry_after_s)
		json_object_set_new(o, "retry_after_s", json_integer(f->retry_after_s));
	return o;
}

/* Plays the call with each try ending in ICMP "unreachable", which lets everything go on that may. */
static void play(const struct plan *p, struct health *h, const char *number, uint64_t now_ns, json_t *o)
{
	const struct decide_outcome refused = { .cause = CAUSE_UNREACHABLE };
	json_t *tries = json_array();
	struct decide_step s = { 0 };
	struct decide d;
	enum decide_kind kind;

	decide_init(&d, p, 0, now_ns);
	while ((kind = decide_next(&d, h, now_ns, &s)) == DECIDE_TRY) {
		json_array_append_new(tries, one_try(p, h, &d, &s, number, now_ns));
		decide_outcome(&d, h, s.attempt, &refused, now_ns);
	}
	json_object_set_new(o, "tries", tries);
	json_object_set_new(o, "skipped", skipped(p, h, &d, now_ns));
	if (kind == DECIDE_FINAL)
		json_object_set_new(o, "if_all_fail", final_answer(&s.final));
}

static json_t *fail(json_t *o, const char *format, ...) __attribute__((format(printf, 2, 3)));

static json_t *fail(json_t *o, const char *format, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	json_object_set_new(o, "error", explain_text(text));
	return o;
}

json_t *explain_call(const struct conf *c, struct health *h, bool live, const char *from, const char *number, uint64_t now_ns)
{
	uint16_t trunk = from ? conf_trunk_find(c, from) : CONF_NONE;
	const struct conf_test_number *test;
	json_t *o = json_object();
	struct plan p;

	json_object_set_new(o, "number", explain_text(number));
	json_object_set_new(o, "from", from ? explain_text(from) : json_null());
	json_object_set_new(o, "live", json_boolean(live));
	if (from && trunk == CONF_NONE)
		return fail(o, "there is no trunk \"%.64s\"", from);
	test = plan_test(c, number);
	if (test) {
		json_object_set_new(o, "test", json_string(plan_test_word(test)));
		json_object_set_new(o, "test_at", place(&test->where));
		return o;
	}
	if (plan_make(&p, c, trunk, number))
		return from ? fail(o, "no route for %.64s from trunk \"%.64s\"", number, from)
		            : fail(o, "no route for %.64s from any trunk (from = \"*\")", number);
	json_object_set_new(o, "route", json_string(p.route->name));
	json_object_set_new(o, "route_at", place(&p.route->where));
	json_object_set_new(o, "profile", json_string(p.profile->name));
	json_object_set_new(o, "profile_at", place(&p.profile->where));
	play(&p, h, number, now_ns, o);
	return o;
}
