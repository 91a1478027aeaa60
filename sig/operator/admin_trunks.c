// SPDX-License-Identifier: MIT
/* Trunks and their hops, as the trunk table has them. */
#include <string.h>

#include "routing/health.h"
#include "routing/health_canary.h"
#include "routing/shm/seq.h"
#include "sig/operator/admin_json.h"
#include "sig/operator/admin_part.h"
#include "sig/books/delays.h"
#include "sig/operator/operator.h"

struct media_sum {
	uint64_t packets, lost, late, one_way, silent, jitter_us, jitter_samples;
};

static void sum_media(const struct segment *seg, const struct kedge_hop *hop, struct media_sum *m)
{
	for (uint32_t i = 0; i < seg->pub->workers; i++) {
		m->packets += ADMIN_LOAD(hop->media[i].packets);
		m->lost += ADMIN_LOAD(hop->media[i].lost);
		m->late += ADMIN_LOAD(hop->media[i].late);
		m->one_way += ADMIN_LOAD(hop->media[i].one_way);
		m->silent += ADMIN_LOAD(hop->media[i].silent);
		m->jitter_us += ADMIN_LOAD(hop->media[i].jitter_us_sum);
		m->jitter_samples += ADMIN_LOAD(hop->media[i].jitter_samples);
	}
}

static void put_media(json_t *o, const struct media_sum *m)
{
	admin_put_int(o, "packets", m->packets);
	admin_put_int(o, "lost", m->lost);
	admin_put(o, "loss", json_real(m->packets ? (double)m->lost / (double)(m->packets + m->lost) : 0.0));
	admin_put_int(o, "one_way", m->one_way);
	admin_put_int(o, "silent", m->silent);
}

struct trunk_sum { /* over the hops of a trunk */
	uint64_t calls, attempts, answered, ringing, transport_failed, timed_out, cancelled, skipped, final[7];
	uint64_t since_wall_ms, retry_wall_ms;
	uint32_t pdd_ms;
	struct media_sum media;
	uint16_t code;
	char reason[sizeof(((struct kedge_hop_health *)0)->reason)];
	uint8_t probes; /* the best of its hops: 1 answered, 2 failing, 0 none yet */
};

static void put_counts(json_t *o, const struct trunk_sum *s)
{
	static const char *const classes[] = { "no_final", "", "2xx", "3xx", "4xx", "5xx", "6xx" };
	json_t *final = json_object();

	admin_put_int(o, "calls", s->calls);
	admin_put_int(o, "attempts", s->attempts);
	admin_put_int(o, "answered", s->answered);
	admin_put_int(o, "ringing", s->ringing);
	admin_put_int(o, "transport_failed", s->transport_failed);
	admin_put_int(o, "timed_out", s->timed_out);
	admin_put_int(o, "cancelled", s->cancelled);
	admin_put_int(o, "skipped", s->skipped);
	admin_put_int(o, "pdd_ms", s->pdd_ms);
	for (int i = 0; i < 7; i++)
		if (*classes[i])
			admin_put_int(final, classes[i], s->final[i]);
	admin_put(o, "final", final);
}

static void add_counts(struct trunk_sum *s, const struct kedge_hop_count *c)
{
	s->calls += ADMIN_LOAD(c->calls);
	s->attempts += ADMIN_LOAD(c->attempts);
	s->answered += ADMIN_LOAD(c->answered);
	s->ringing += ADMIN_LOAD(c->ringing);
	s->transport_failed += ADMIN_LOAD(c->transport_failed);
	s->timed_out += ADMIN_LOAD(c->timed_out);
	s->cancelled += ADMIN_LOAD(c->cancelled);
	s->skipped += ADMIN_LOAD(c->skipped);
	for (int i = 0; i < 7; i++)
		s->final[i] += ADMIN_LOAD(c->class[i]);
}

static const char *probes_word(uint8_t probes)
{
	return probes == 1 ? "answered" : probes == 2 ? "failing" : "none yet";
}

/* What health says of a hop beyond its line in the table: why in one word, what it saw, what would end it, how much it gets. */
static void put_look(json_t *o, const struct health *h, uint32_t slot)
{
	struct health_look look = { .percent = 100, .evidence = "" };

	if (slot < h->hop_count && h->hop[slot].used)
		health_look(h, (uint16_t)slot, &look);
	ADMIN_PUT_TEXT(o, "why", look.why);
	admin_put(o, "evidence", json_string(look.evidence));
	ADMIN_PUT_TEXT(o, "clears", look.clears);
	admin_put_int(o, "percent", look.percent);
	admin_put_int(o, "step", look.step);
	admin_put_int(o, "steps", look.steps);
	admin_put_int(o, "relapses", look.relapses);
	admin_put(o, "waits_for_failback", json_boolean(look.waits_for_failback));
}

/* The order that stands for a trunk, or null. */
static json_t *operator_json(const struct health_operator *o)
{
	json_t *order;

	if (o->mode == HEALTH_AUTO)
		return json_null();
	order = json_object();
	admin_put(order, "order", json_string(operator_word(o->mode)));
	ADMIN_PUT_TEXT(order, "by", o->name);
	ADMIN_PUT_TEXT(order, "reason", o->why);
	admin_put(order, "since", admin_time(o->since_wall_ms));
	admin_put(order, "until", admin_time(o->until_wall_ms));
	return order;
}

/* The last test call to the hop (sig/trunk/canary), and all of them; null: there was none. */
static json_t *canary_json(const struct kedge_hop_count *c, uint64_t now_ms)
{
	uint64_t last = ADMIN_LOAD(c->canary_last), at = ADMIN_LOAD(c->canary_wall_ms);
	json_t *o, *count;

	if (!at)
		return json_null();
	o = json_object();
	count = json_object();
	admin_put(o, "verdict", json_string(health_canary_word((uint8_t)last)));
	admin_put_int(o, "code", last >> 8);
	admin_put_since(o, "at", "ms_ago", at, now_ms);
	for (uint8_t i = 0; i < KEDGE_CANARY_COUNT; i++)
		admin_put_int(count, health_canary_word(i), ADMIN_LOAD(c->canary[i]));
	admin_put(o, "count", count);
	return o;
}

static json_t *hop_json(const struct segment *seg, const struct kedge_hop *hop, const struct kedge_hop_id *id, const struct kedge_hop_health *line, uint64_t now_ms)
{
	struct conf_addr addr = { .family = id->addr.family, .port = id->addr.port };
	struct trunk_sum counts = { .pdd_ms = line->pdd_ewma_ms };
	struct media_sum media = { 0 };
	char text[CONF_ADDR_TEXT];
	json_t *o = json_object();

	memcpy(addr.ip, id->addr.ip, sizeof(addr.ip));
	admin_put(o, "address", json_string(conf_addr_text(&addr, text)));
	admin_put(o, "transport", json_string(id->transport == CONF_TCP ? "tcp" : "udp"));
	admin_put(o, "state", json_string(line->state < KEDGE_HOP_STATE_COUNT ? health_state_word(line->state) : "?"));
	ADMIN_PUT_TEXT(o, "reason", line->reason);
	admin_put_int(o, "code", line->code);
	admin_put_since(o, "since", "since_ms_ago", line->since_wall_ms, now_ms);
	admin_put(o, "retry", admin_time(line->retry_wall_ms));
	admin_put_int(o, "retry_in_ms", line->retry_wall_ms > now_ms ? line->retry_wall_ms - now_ms : 0);
	admin_put_int(o, "consecutive_failures", line->consecutive);
	admin_put(o, "probes", json_string(probes_word(line->probes)));
	admin_put_int(o, "probe_rtt_us", line->probe_rtt_us);
	admin_put_int(o, "probes_sent", ADMIN_LOAD(hop->count.probes_sent));
	admin_put_int(o, "probes_good", ADMIN_LOAD(hop->count.probes_good));
	admin_put_int(o, "first_reply_us", line->reply_ewma_us);
	add_counts(&counts, &hop->count);
	put_counts(o, &counts);
	admin_put(o, "canary", canary_json(&hop->count, now_ms));
	sum_media(seg, hop, &media);
	put_media(o, &media);
	admin_put(o, "jitter_ms", media.jitter_samples ? json_real((double)media.jitter_us / (double)media.jitter_samples / 1000) : json_null());
	return o;
}

/* The line that speaks for the trunk: of a hop in the trunk's own (best) state, the one that is longest in it. */
static void choose(struct trunk_sum *s, const struct kedge_hop_health *line, enum kedge_hop_state state)
{
	if (line->state != state || (s->since_wall_ms && s->since_wall_ms <= line->since_wall_ms))
		return;
	s->since_wall_ms = line->since_wall_ms;
	s->retry_wall_ms = line->retry_wall_ms;
	s->code = line->code;
	s->pdd_ms = line->pdd_ewma_ms;
}

/* Every hop of the trunk, and their sum; the slot of the one that speaks for it, or KEDGE_HOP_NONE. */
static uint32_t gather(const struct admin_request *r, uint16_t index, enum kedge_hop_state state, struct trunk_sum *sum, json_t *hops)
{
	uint32_t speaks = KEDGE_HOP_NONE;

	for (uint32_t slot = 0; slot < r->seg->pub->hop_count; slot++) {
		const struct kedge_hop *hop = segment_hop(r->seg, slot);
		struct kedge_hop_health line = { 0 };
		struct kedge_hop_id id = { 0 };
		uint64_t before = sum->since_wall_ms;
		json_t *o;

		if (seq_read(&hop->id, &id) || !id.generation || id.trunk != index || seq_read(&hop->health, &line))
			continue;
		o = hop_json(r->seg, hop, &id, &line, r->wall_ms);
		put_look(o, r->health, slot);
		json_array_append_new(hops, o);
		add_counts(sum, &hop->count);
		sum_media(r->seg, hop, &sum->media);
		choose(sum, &line, state);
		if (line.probes == 1 || !sum->probes)
			sum->probes = line.probes;
		if (sum->since_wall_ms != before) {
			speaks = slot;
			memcpy(sum->reason, line.reason, sizeof(sum->reason));
		}
	}
	return speaks;
}

/* Over its calls since the plane's start; null: none was long enough. */
static json_t *mean_json(enum delays_kind kind, const char *trunk, double scale)
{
	struct delays d;
	uint64_t calls = 0;

	delays_read(kind, trunk, &d);
	for (unsigned i = 0; i <= delays_bounds(kind); i++)
		calls += d.count[i];
	return calls ? json_real((double)d.sum / (double)calls / delays_per_one(kind) * scale) : json_null();
}

static json_t *trunk_json(const struct admin_request *r, uint16_t index)
{
	const struct conf_trunk *t = &r->conf->trunks.v[index];
	enum kedge_hop_state state = health_trunk_state(r->health, index);
	json_t *o = json_object(), *hops = json_array();
	struct trunk_sum sum = { 0 };
	uint32_t speaks = gather(r, index, state, &sum, hops);

	admin_put(o, "trunk", json_string(t->name));
	admin_put(o, "side", json_string(t->side == CONF_SIDE_PBX ? "pbx" : "carrier"));
	admin_put(o, "carrier", json_string(t->carrier));
	admin_put(o, "pop", json_string(t->pop));
	admin_put(o, "state", json_string(health_state_word(state)));
	ADMIN_PUT_TEXT(o, "reason", sum.reason);
	admin_put_int(o, "code", sum.code);
	put_look(o, r->health, speaks);
	admin_put(o, "operator", operator_json(&r->health->trunk[index].operator));
	admin_put_since(o, "since", "since_ms_ago", sum.since_wall_ms, r->wall_ms);
	admin_put(o, "retry", admin_time(sum.retry_wall_ms));
	admin_put_int(o, "retry_in_ms", sum.retry_wall_ms > r->wall_ms ? sum.retry_wall_ms - r->wall_ms : 0);
	admin_put(o, "probes", json_string(probes_word(sum.probes)));
	admin_put_int(o, "max_calls", t->max_calls);
	put_counts(o, &sum);
	put_media(o, &sum.media);
	admin_put(o, "jitter_ms", mean_json(DELAYS_JITTER, t->name, 1000));
	admin_put(o, "mos", mean_json(DELAYS_MOS, t->name, 1));
	admin_put(o, "at", json_sprintf("%s:%d", t->where.file, t->where.line));
	admin_put(o, "hops", hops);
	return o;
}

static struct admin_answer answer(const struct admin_request *r, json_t *list)
{
	json_t *backends = json_array();

	for (uint32_t i = 0; i < r->seg->pub->workers; i++)
		json_array_append_new(backends, json_string(admin_backend_word(ADMIN_LOAD(r->seg->pub->worker[i].backend))));
	return admin_json(json_pack("{s:o, s:o, s:I}", "trunks", list, "backends", backends, "generation", (json_int_t)r->conf->generation));
}

struct admin_answer admin_trunks(const struct admin_request *r)
{
	json_t *list = json_array();

	admin_health(r);
	for (uint16_t i = 0; i < r->conf->trunks.count; i++)
		if (!r->conf->trunks.v[i].gone)
			json_array_append_new(list, trunk_json(r, i));
	return answer(r, list);
}

struct admin_answer admin_trunk(const struct admin_request *r)
{
	uint16_t index = conf_trunk_find(r->conf, r->name);

	if (index == CONF_NONE)
		return admin_refuse(404, "there is no such trunk");
	admin_health(r);
	return answer(r, json_pack("[o]", trunk_json(r, index)));
}
