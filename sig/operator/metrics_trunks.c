// SPDX-License-Identifier: MIT
/* Trunks: every one of the configuration, from the first moment (A142), with what its hops counted. A hop that the DNS takes away takes its
 * counts along; Prometheus reads that as a counter's reset. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "routing/health_canary.h"
#include "routing/shm/seq.h"
#include "sig/operator/admin_json.h"
#include "sig/operator/metrics.h"

struct trunk_count { /* over its hops */
	const char *name;
	uint64_t calls, attempts[3], answered, ringing, transport_failed, timed_out, cancelled, skipped, probes_sent, probes_good;
	uint64_t canary[KEDGE_CANARY_COUNT], final[5][100], entered[KEDGE_HOP_STATE_COUNT];
	uint64_t packets, lost, late, one_way, silent;
	uint64_t since_ms, retry_ms;
	unsigned hops, percent;
	enum kedge_hop_state state;
};

struct all {
	struct metrics *m;
	struct trunk_count *v;
	uint16_t count;
};

static void add_media(const struct segment *seg, struct trunk_count *t, const struct kedge_hop *hop)
{
	for (uint32_t i = 0; i < seg->pub->workers; i++) {
		t->packets += ADMIN_LOAD(hop->media[i].packets);
		t->lost += ADMIN_LOAD(hop->media[i].lost);
		t->late += ADMIN_LOAD(hop->media[i].late);
		t->one_way += ADMIN_LOAD(hop->media[i].one_way);
		t->silent += ADMIN_LOAD(hop->media[i].silent);
	}
}

static void add_hop(struct trunk_count *t, const struct kedge_hop_count *c)
{
	t->calls += ADMIN_LOAD(c->calls);
	for (int i = 0; i < 3; i++)
		t->attempts[i] += ADMIN_LOAD(c->position[i]);
	t->answered += ADMIN_LOAD(c->answered);
	t->ringing += ADMIN_LOAD(c->ringing);
	t->transport_failed += ADMIN_LOAD(c->transport_failed);
	t->timed_out += ADMIN_LOAD(c->timed_out);
	t->cancelled += ADMIN_LOAD(c->cancelled);
	t->skipped += ADMIN_LOAD(c->skipped);
	t->probes_sent += ADMIN_LOAD(c->probes_sent);
	t->probes_good += ADMIN_LOAD(c->probes_good);
	for (int i = 0; i < KEDGE_CANARY_COUNT; i++)
		t->canary[i] += ADMIN_LOAD(c->canary[i]);
	for (int k = 0; k < 5; k++)
		for (int i = 0; i < 100; i++)
			t->final[k][i] += ADMIN_LOAD(c->final[k][i]);
	for (int i = 0; i < KEDGE_HOP_STATE_COUNT; i++)
		t->entered[i] += ADMIN_LOAD(c->entered[i]);
}

/* The hop that is longest in the trunk's state speaks for it. */
static void add_look(struct metrics *m, struct trunk_count *t, uint16_t slot)
{
	struct health_look look;

	if (!m->health->hop[slot].used)
		return;
	health_look(m->health, slot, &look);
	t->hops++;
	if (look.percent > t->percent)
		t->percent = look.percent;
	if (look.state != t->state || (t->since_ms && t->since_ms <= look.since_wall_ms))
		return;
	t->since_ms = look.since_wall_ms;
	t->retry_ms = look.retry_wall_ms;
}

static void gather(struct all *a)
{
	const struct admin_request *r = a->m->r;

	for (uint16_t i = 0; i < a->count; i++) {
		a->v[i].name = r->conf->trunks.v[i].name;
		a->v[i].state = health_trunk_state(a->m->health, i);
	}
	for (uint16_t slot = 0; slot < r->seg->pub->hop_count; slot++) {
		const struct kedge_hop *hop = segment_hop(r->seg, slot);
		struct kedge_hop_id id = { 0 };

		if (seq_read(&hop->id, &id) || !id.generation || id.trunk >= a->count)
			continue;
		add_hop(&a->v[id.trunk], &hop->count);
		add_media(r->seg, &a->v[id.trunk], hop);
		add_look(a->m, &a->v[id.trunk], slot);
	}
}

#define EACH(a, t) for (struct trunk_count *t = (a)->v; t < (a)->v + (a)->count; t++)

/* One sample a trunk: its word at that offset, a uint64_t. */
static void put_plain(struct all *a, const char *name, enum metrics_type type, const char *help, size_t offset)
{
	uint64_t value;

	metrics_family(a->m, name, type, help);
	EACH(a, t) {
		memcpy(&value, (const char *)t + offset, sizeof(value));
		metrics_int(a->m, value, "trunk", t->name, NULL);
	}
}

static void put_state(struct all *a)
{
	struct metrics *m = a->m;

	metrics_family(m, "kedge_trunk_state", METRICS_GAUGE, "1 for the state the trunk is in.");
	EACH(a, t)
		for (int i = 0; i < KEDGE_HOP_STATE_COUNT; i++)
			metrics_int(m, (int)t->state == i, "trunk", t->name, "state", health_state_word(i), NULL);
	metrics_family(m, "kedge_trunk_state_transitions_total", METRICS_COUNTER, "Changes of its hops into each state.");
	EACH(a, t)
		for (int i = 0; i < KEDGE_HOP_STATE_COUNT; i++)
			metrics_int(m, t->entered[i], "trunk", t->name, "to", health_state_word(i), NULL);
	metrics_family(m, "kedge_trunk_last_transition_timestamp_seconds", METRICS_GAUGE, "When its state began, since 1970; 0: it has no address.");
	EACH(a, t)
		metrics_real(m, (double)t->since_ms / 1e3, "trunk", t->name, NULL);
	metrics_family(m, "kedge_trunk_retry_after_seconds", METRICS_GAUGE, "DOWN and LOCKED: not before so many seconds; else 0.");
	EACH(a, t)
		metrics_real(m, t->retry_ms > m->r->wall_ms ? (double)(t->retry_ms - m->r->wall_ms) / 1e3 : 0, "trunk", t->name, NULL);
	metrics_family(m, "kedge_trunk_share_ratio", METRICS_GAUGE, "Share of its calls that it gets: less than 1 while it is tried again, 0 while it is out.");
	EACH(a, t)
		metrics_real(m, (double)t->percent / 100, "trunk", t->name, NULL);
	metrics_family(m, "kedge_trunk_hops", METRICS_GAUGE, "Its addresses.");
	EACH(a, t)
		metrics_int(m, t->hops, "trunk", t->name, NULL);
}

static void put_calls(struct all *a)
{
	static const char *const positions[] = { "first", "second", "later" };
	struct metrics *m = a->m;

	put_plain(a, "kedge_trunk_calls", METRICS_GAUGE, "Its calls, up or in setup.", offsetof(struct trunk_count, calls));
	metrics_family(m, "kedge_trunk_calls_limit", METRICS_GAUGE, "Its max_calls.");
	for (uint16_t i = 0; i < a->count; i++)
		metrics_int(m, m->r->conf->trunks.v[i].max_calls, "trunk", a->v[i].name, NULL);
	metrics_family(m, "kedge_trunk_attempts_total", METRICS_COUNTER, "Attempts, by their position in the call.");
	EACH(a, t)
		for (int i = 0; i < 3; i++)
			metrics_int(m, t->attempts[i], "trunk", t->name, "position", positions[i], NULL);
	put_plain(a, "kedge_trunk_answered_total", METRICS_COUNTER, "Attempts that were answered.", offsetof(struct trunk_count, answered));
	put_plain(a, "kedge_trunk_ringing_total", METRICS_COUNTER, "Attempts that rang.", offsetof(struct trunk_count, ringing));
	metrics_family(m, "kedge_trunk_attempt_failures_total", METRICS_COUNTER,
	    "Attempts that ended without a final response, and why: no path, no answer in time, cancelled by kedge or the caller.");
	EACH(a, t) {
		metrics_int(m, t->transport_failed, "trunk", t->name, "reason", "transport", NULL);
		metrics_int(m, t->timed_out, "trunk", t->name, "reason", "timeout", NULL);
		metrics_int(m, t->cancelled, "trunk", t->name, "reason", "cancelled", NULL);
	}
	put_plain(a, "kedge_trunk_skips_total", METRICS_COUNTER, "Calls that passed it over because of its state.", offsetof(struct trunk_count, skipped));
}

/* Always there, at 0 too; the others once they were heard. */
static bool is_usual(unsigned code)
{
	static const uint16_t usual[] = { 200, 302, 400, 401, 403, 404, 407, 408, 429, 480, 481, 484, 486, 487, 488, 500, 501, 502, 503, 504, 600, 603 };

	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		if (usual[i] == code)
			return true;
	return false;
}

static void put_responses(struct all *a)
{
	char code[8], class[8];

	metrics_family(a->m, "kedge_trunk_responses_total", METRICS_COUNTER, "Final responses to its INVITEs, each once, those that came too late too.");
	EACH(a, t)
		for (unsigned i = 0; i < 500; i++) {
			if (!t->final[i / 100][i % 100] && !is_usual(200 + i))
				continue;
			snprintf(code, sizeof(code), "%u", 200 + i);
			snprintf(class, sizeof(class), "%uxx", 2 + i / 100);
			metrics_int(a->m, t->final[i / 100][i % 100], "trunk", t->name, "code", code, "class", class, NULL);
		}
}

static void put_probes(struct all *a)
{
	metrics_family(a->m, "kedge_trunk_probes_total", METRICS_COUNTER, "Probes sent, and those of them answered well.");
	EACH(a, t) {
		metrics_int(a->m, t->probes_sent, "trunk", t->name, "result", "sent", NULL);
		metrics_int(a->m, t->probes_good, "trunk", t->name, "result", "good", NULL);
	}
}

static void put_canaries(struct all *a)
{
	metrics_family(a->m, "kedge_trunk_canaries_total", METRICS_COUNTER, "Test calls to it while it was idle, by what came of them.");
	EACH(a, t)
		for (uint8_t i = 0; i < KEDGE_CANARY_COUNT; i++)
			metrics_int(a->m, t->canary[i], "trunk", t->name, "result", health_canary_word(i), NULL);
}

static void put_media(struct all *a)
{
	put_plain(a, "kedge_media_trunk_packets_total", METRICS_COUNTER, "RTP packets received from it.", offsetof(struct trunk_count, packets));
	put_plain(a, "kedge_media_lost_packets_total", METRICS_COUNTER, "RTP packets of its calls that never came.", offsetof(struct trunk_count, lost));
	put_plain(a, "kedge_media_late_packets_total", METRICS_COUNTER, "RTP packets of its calls that came late or twice.", offsetof(struct trunk_count, late));
	put_plain(a, "kedge_media_oneway_sessions_total", METRICS_COUNTER, "Calls whose audio from it never came, though the other end was heard.", offsetof(struct trunk_count, one_way));
	put_plain(a, "kedge_media_silent_sessions_total", METRICS_COUNTER, "Calls whose audio from it stopped, though the other end was heard.", offsetof(struct trunk_count, silent));
}

void metrics_trunks(struct metrics *m)
{
	struct all a = { .m = m, .count = m->r->conf->trunks.count };

	a.v = calloc(a.count ? a.count : 1, sizeof(*a.v));
	if (!a.v)
		return;
	gather(&a);
	put_state(&a);
	put_calls(&a);
	put_responses(&a);
	put_probes(&a);
	put_canaries(&a);
	put_media(&a);
	free(a.v);
}
