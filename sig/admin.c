// SPDX-License-Identifier: MIT
#include "sig/admin.h"

#include <assert.h>
#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "config/clock.h"
#include "config/event.h"
#include "routing/health.h"
#include "routing/shm/seq.h"
#include "sig/admit.h"
#include "sig/explain.h"

#define CONNECTIONS 32   /* at once: people and a few scripts */
#define TIMEOUT_S   10   /* of an idle connection */
#define LIST_MAX    1000 /* calls in one answer, if no smaller limit is asked for */

struct place { /* of the board: one per session slot */
	KEDGE_SEQ(struct admin_now) now;
	KEDGE_SEQ(struct admin_who) who;
};

static struct {
	const struct conf *conf; /* a reference */
	const struct segment *seg;
	struct MHD_Daemon *daemon;
	struct place *board; /* seg->pub->slots of them */
	struct health *health; /* scratch of the admin thread */
	uint64_t started_wall_ms;
} admin;

/* ---- the board ------------------------------------------------------------------------------ */

static struct place *place_of(uint32_t slot)
{
	if (!admin.board)
		return NULL;
	assert(slot < admin.seg->pub->slots);
	return &admin.board[slot];
}

void admin_call_who(uint32_t slot, const struct admin_who *who)
{
	struct place *p = place_of(slot);

	if (p)
		seq_write(&p->who, who);
}

void admin_call_now(uint32_t slot, const struct admin_now *now)
{
	struct place *p = place_of(slot);

	if (p)
		seq_write(&p->now, now);
}

void admin_call_clear(uint32_t slot)
{
	static const struct admin_now none;

	admin_call_now(slot, &none);
}

/* A call of the board; false: there is none, or it is changing hands this moment. */
static bool read_place(uint32_t slot, struct admin_now *now, struct admin_who *who)
{
	const struct place *p = &admin.board[slot];

	/* A place never written is seen by this one word. */
	if (!atomic_load_explicit(&p->now.seq, memory_order_relaxed))
		return false;
	if (seq_read(&p->now, now) || !now->call_id || seq_read(&p->who, who))
		return false;
	return who->call_id == now->call_id;
}

/* ---- pieces of JSON ------------------------------------------------------------------------- */

static void put(json_t *o, const char *key, json_t *value)
{
	json_object_set_new(o, key, value);
}

static void put_int(json_t *o, const char *key, uint64_t value)
{
	json_object_set_new(o, key, json_integer((json_int_t)value));
}

/* Text of a fixed room that may lack its NUL. */
static void put_text(json_t *o, const char *key, const char *text, size_t room)
{
	char copy[256];
	size_t n = strnlen(text, room);

	assert(room <= sizeof(copy));
	n = n < sizeof(copy) ? n : sizeof(copy) - 1;
	memcpy(copy, text, n);
	copy[n] = '\0';
	json_object_set_new(o, key, explain_text(copy));
}
#define PUT_TEXT(o, key, array) put_text(o, key, array, sizeof(array))

/* 2026-11-20T13:18:53.123+00:00, or null for 0. */
static json_t *json_time(uint64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	char date[32], zone[8];
	struct tm tm;

	if (!wall_ms || !localtime_r(&seconds, &tm))
		return json_null();
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	strftime(zone, sizeof(zone), "%z", &tm);
	return json_sprintf("%s.%03u%.3s:%s", date, (unsigned)(wall_ms % 1000), zone, zone + 3);
}

/* A time, and how long ago it was. */
static void put_since(json_t *o, const char *key, const char *ago_key, uint64_t wall_ms, uint64_t now_ms)
{
	put(o, key, json_time(wall_ms));
	if (wall_ms)
		put_int(o, ago_key, now_ms > wall_ms ? now_ms - wall_ms : 0);
}

#define LOAD(word) atomic_load_explicit(&(word), memory_order_relaxed)

/* ---- /v1/status ----------------------------------------------------------------------------- */

static json_t *beat_json(const struct kedge_beat *b, uint64_t now_ns)
{
	static const char *const states[] = { "not started", "starting", "running", "draining" };
	uint64_t beat = LOAD(b->beat_ns);
	uint32_t state = LOAD(b->state);
	json_t *o = json_object();

	put(o, "state", json_string(state < 4 ? states[state] : "?"));
	put_int(o, "pid", LOAD(b->pid));
	put_int(o, "starts", LOAD(b->starts));
	put(o, "started", json_time(LOAD(b->started_wall_ms)));
	put_int(o, "beat_ms_ago", now_ns > beat && beat ? (now_ns - beat) / CLOCK_NS_PER_MS : 0);
	return o;
}

static const char *backend_word(uint32_t backend)
{
	return backend == KEDGE_BACKEND_URING ? "io_uring" : backend == KEDGE_BACKEND_EPOLL ? "epoll" : "none";
}

static json_t *worker_json(uint32_t i, uint64_t now_ns)
{
	const struct kedge_worker *w = segment_worker(admin.seg, i);
	const struct kedge_beat *beat = &admin.seg->pub->worker[i];
	json_t *o = beat_json(beat, now_ns), *counters = json_object();

	put(o, "backend", json_string(backend_word(LOAD(beat->backend))));
	put_int(o, "sessions", LOAD(w->sessions));
	put_int(o, "ports_free", LOAD(w->ports_free));
	put_int(o, "ports_resting", LOAD(w->ports_resting));
	put_int(o, "ports_lent", LOAD(w->ports_lent));
	put_int(o, "loop_lag_us", LOAD(w->loop_lag_ns) / 1000);
#define C(x) put_int(counters, #x, LOAD(w->x));
	KEDGE_MEDIA_COUNTERS(C)
#undef C
	put(o, "counters", counters);
	return o;
}

static json_t *status_json(uint64_t now_ns)
{
	const struct kedge_sig_counters *s = segment_counters(admin.seg);
	json_t *o = json_object(), *workers = json_array(), *counters = json_object();

	put(o, "version", json_string(KEDGE_VERSION));
	put(o, "config", explain_text(admin.conf->file));
	put_since(o, "started", "up_ms", admin.started_wall_ms, clock_wall_ms());
	put_int(o, "calls", LOAD(s->calls));
	put_int(o, "max_calls", admin.conf->limits.max_calls);
	put_int(o, "loop_lag_us", LOAD(s->loop_lag_ns) / 1000);
	put_int(o, "log_dropped", event_dropped());
	put(o, "run", beat_json(&admin.seg->pub->run, now_ns));
	put(o, "sig", beat_json(&admin.seg->pub->sig, now_ns));
	for (uint32_t i = 0; i < admin.seg->pub->workers; i++)
		json_array_append_new(workers, worker_json(i, now_ns));
	put(o, "media", workers);
#define C(x) put_int(counters, #x, LOAD(s->x));
	KEDGE_SIG_COUNTERS(C)
#undef C
	put(o, "counters", counters);
	return o;
}

/* ---- /v1/trunks ----------------------------------------------------------------------------- */

struct media_sum {
	uint64_t packets, lost, late, one_way, silent;
};

static void sum_media(const struct kedge_hop *hop, struct media_sum *m)
{
	for (uint32_t i = 0; i < admin.seg->pub->workers; i++) {
		m->packets += LOAD(hop->media[i].packets);
		m->lost += LOAD(hop->media[i].lost);
		m->late += LOAD(hop->media[i].late);
		m->one_way += LOAD(hop->media[i].one_way);
		m->silent += LOAD(hop->media[i].silent);
	}
}

static void put_media(json_t *o, const struct media_sum *m)
{
	put_int(o, "packets", m->packets);
	put_int(o, "lost", m->lost);
	put(o, "loss", json_real(m->packets ? (double)m->lost / (double)(m->packets + m->lost) : 0.0));
	put_int(o, "one_way", m->one_way);
	put_int(o, "silent", m->silent);
}

struct trunk_sum { /* over the hops of a trunk */
	uint64_t calls, attempts, answered, ringing, transport_failed, timed_out, cancelled, skipped, final[7];
	uint64_t since_wall_ms, retry_wall_ms;
	uint32_t pdd_ms;
	struct media_sum media;
	uint16_t code;
	uint8_t probes; /* the best of its hops: 1 answered, 2 failing, 0 none yet */
};

static void put_counts(json_t *o, const struct trunk_sum *s)
{
	static const char *const classes[] = { "no_final", "", "2xx", "3xx", "4xx", "5xx", "6xx" };
	json_t *final = json_object();

	put_int(o, "calls", s->calls);
	put_int(o, "attempts", s->attempts);
	put_int(o, "answered", s->answered);
	put_int(o, "ringing", s->ringing);
	put_int(o, "transport_failed", s->transport_failed);
	put_int(o, "timed_out", s->timed_out);
	put_int(o, "cancelled", s->cancelled);
	put_int(o, "skipped", s->skipped);
	put_int(o, "pdd_ms", s->pdd_ms);
	for (int i = 0; i < 7; i++)
		if (*classes[i])
			put_int(final, classes[i], s->final[i]);
	put(o, "final", final);
}

static void add_counts(struct trunk_sum *s, const struct kedge_hop_count *c)
{
	s->calls += LOAD(c->calls);
	s->attempts += LOAD(c->attempts);
	s->answered += LOAD(c->answered);
	s->ringing += LOAD(c->ringing);
	s->transport_failed += LOAD(c->transport_failed);
	s->timed_out += LOAD(c->timed_out);
	s->cancelled += LOAD(c->cancelled);
	s->skipped += LOAD(c->skipped);
	for (int i = 0; i < 7; i++)
		s->final[i] += LOAD(c->class[i]);
}

static const char *probes_word(uint8_t probes)
{
	return probes == 1 ? "answered" : probes == 2 ? "failing" : "none yet";
}

static json_t *hop_json(const struct kedge_hop *hop, const struct kedge_hop_id *id, const struct kedge_hop_health *line, uint64_t now_ms)
{
	struct conf_addr addr = { .family = id->addr.family, .port = id->addr.port };
	struct trunk_sum counts = { .pdd_ms = line->pdd_ewma_ms };
	struct media_sum media = { 0 };
	char text[CONF_ADDR_TEXT];
	json_t *o = json_object();

	memcpy(addr.ip, id->addr.ip, sizeof(addr.ip));
	put(o, "address", json_string(conf_addr_text(&addr, text)));
	put(o, "transport", json_string(id->transport == CONF_TCP ? "tcp" : "udp"));
	put(o, "state", json_string(line->state < KEDGE_HOP_STATE_COUNT ? health_state_word(line->state) : "?"));
	PUT_TEXT(o, "reason", line->reason);
	put_int(o, "code", line->code);
	put_since(o, "since", "since_ms_ago", line->since_wall_ms, now_ms);
	put(o, "retry", json_time(line->retry_wall_ms));
	put_int(o, "retry_in_ms", line->retry_wall_ms > now_ms ? line->retry_wall_ms - now_ms : 0);
	put_int(o, "consecutive_failures", line->consecutive);
	put(o, "probes", json_string(probes_word(line->probes)));
	put_int(o, "probe_rtt_us", line->probe_rtt_us);
	put_int(o, "probes_sent", LOAD(hop->count.probes_sent));
	put_int(o, "probes_good", LOAD(hop->count.probes_good));
	put_int(o, "first_reply_us", line->reply_ewma_us);
	add_counts(&counts, &hop->count);
	put_counts(o, &counts);
	sum_media(hop, &media);
	put_media(o, &media);
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

static json_t *trunk_json(uint16_t index, uint64_t now_ms)
{
	const struct conf_trunk *t = &admin.conf->trunks.v[index];
	enum kedge_hop_state state = health_trunk_state(admin.health, index);
	json_t *o = json_object(), *hops = json_array();
	struct trunk_sum sum = { 0 };
	char reason[sizeof(((struct kedge_hop_health *)0)->reason)] = "";

	for (uint32_t slot = 0; slot < admin.seg->pub->hop_count; slot++) {
		const struct kedge_hop *hop = segment_hop(admin.seg, slot);
		struct kedge_hop_health line = { 0 };
		struct kedge_hop_id id = { 0 };
		uint64_t before = sum.since_wall_ms;

		if (seq_read(&hop->id, &id) || !id.generation || id.trunk != index || seq_read(&hop->health, &line))
			continue;
		json_array_append_new(hops, hop_json(hop, &id, &line, now_ms));
		add_counts(&sum, &hop->count);
		sum_media(hop, &sum.media);
		choose(&sum, &line, state);
		if (line.probes == 1 || !sum.probes)
			sum.probes = line.probes;
		if (sum.since_wall_ms != before)
			memcpy(reason, line.reason, sizeof(reason));
	}
	put(o, "trunk", json_string(t->name));
	put(o, "side", json_string(t->side == CONF_SIDE_PBX ? "pbx" : "carrier"));
	put(o, "carrier", json_string(t->carrier));
	put(o, "pop", json_string(t->pop));
	put(o, "state", json_string(health_state_word(state)));
	PUT_TEXT(o, "reason", reason);
	put_int(o, "code", sum.code);
	put_since(o, "since", "since_ms_ago", sum.since_wall_ms, now_ms);
	put(o, "retry", json_time(sum.retry_wall_ms));
	put_int(o, "retry_in_ms", sum.retry_wall_ms > now_ms ? sum.retry_wall_ms - now_ms : 0);
	put(o, "probes", json_string(probes_word(sum.probes)));
	put_int(o, "max_calls", t->max_calls);
	put_counts(o, &sum);
	put_media(o, &sum.media);
	put(o, "at", json_sprintf("%s:%d", t->where.file, t->where.line));
	put(o, "hops", hops);
	return o;
}

/* All trunks, or the one of that name; NULL: there is no such trunk. */
static json_t *trunks_json(const char *name, uint64_t now_ns)
{
	json_t *list = json_array(), *o, *backends = json_array();
	uint64_t now_ms = clock_wall_ms();

	explain_health(admin.health, admin.conf, admin.seg, now_ns, now_ms);
	for (uint16_t i = 0; i < admin.conf->trunks.count; i++)
		if (!name || !strcmp(name, admin.conf->trunks.v[i].name))
			json_array_append_new(list, trunk_json(i, now_ms));
	for (uint32_t i = 0; i < admin.seg->pub->workers; i++)
		json_array_append_new(backends, json_string(backend_word(LOAD(admin.seg->pub->worker[i].backend))));
	o = json_pack("{s:o, s:o}", "trunks", list, "backends", backends);
	if (!name || json_array_size(list))
		return o;
	json_decref(o);
	return NULL;
}

/* ---- /v1/calls ------------------------------------------------------------------------------ */

static json_t *flow_json(const struct kedge_flow *f, uint64_t now_ns)
{
	uint64_t lost_late = LOAD(f->lost_late), last = LOAD(f->last_rx_ns);
	json_t *o = json_object();

	put_int(o, "packets", LOAD(f->packets));
	put_int(o, "bytes", LOAD(f->bytes));
	put_int(o, "lost", lost_late >> 32);
	put_int(o, "late", lost_late & 0xffffffff);
	put(o, "jitter_ms", json_real((double)LOAD(f->jitter_us) / 1000.0));
	put(o, "max_gap_ms", json_real((double)LOAD(f->max_gap_ns) / 1e6));
	put_int(o, "relayed", LOAD(f->relayed));
	put(o, "last_ms_ago", last ? json_integer((json_int_t)(now_ns > last ? (now_ns - last) / CLOCK_NS_PER_MS : 0)) : json_null());
	return o;
}

static json_t *call_json(uint32_t slot, const struct admin_now *now, const struct admin_who *who, uint64_t now_ns)
{
#define S(x) #x,
	static const char *const states[] = { ADMIN_STATES(S) };
#undef S
	const struct kedge_stats *stats = segment_stats(admin.seg, slot);
	uint64_t now_ms = clock_wall_ms();
	json_t *o = json_object();

	put(o, "call", json_sprintf("%llx", (unsigned long long)now->call_id));
	put(o, "state", json_string(now->state < ADMIN_STATE_COUNT ? states[now->state] : "?"));
	put_since(o, "begun", "begun_ms_ago", now->begun_wall_ms, now_ms);
	put_since(o, "answered", "answered_ms_ago", now->answered_wall_ms, now_ms);
	PUT_TEXT(o, "in", who->in);
	PUT_TEXT(o, "from", who->from);
	PUT_TEXT(o, "to", who->to);
	PUT_TEXT(o, "route", who->route);
	PUT_TEXT(o, "profile", who->profile);
	PUT_TEXT(o, "trunk", now->trunk);
	PUT_TEXT(o, "hop", now->hop);
	put_int(o, "attempts", now->attempts);
	PUT_TEXT(o, "codec", now->codec);
	PUT_TEXT(o, "call_id_in", who->sip_call_id);
	PUT_TEXT(o, "call_id_out", now->sip_call_id);
	put_int(o, "slot", slot);
	put_int(o, "switches", LOAD(stats->switches));
	put(o, "rtp_in", flow_json(&stats->flow[0], now_ns));
	put(o, "rtp_out", flow_json(&stats->flow[1], now_ns));
	return o;
}

/* Up to limit calls of the slots behind `after` (-1: from the first); "next" is what to ask for then, or null. */
static json_t *calls_json(uint64_t limit, int64_t after, uint64_t now_ns)
{
	json_t *list = json_array(), *next = json_null();
	struct admin_now now;
	struct admin_who who;

	for (int64_t slot = after + 1; slot < (int64_t)admin.seg->pub->slots; slot++) {
		if (!read_place((uint32_t)slot, &now, &who))
			continue;
		if (json_array_size(list) == limit) {
			next = json_integer(slot - 1);
			break;
		}
		json_array_append_new(list, call_json((uint32_t)slot, &now, &who, now_ns));
	}
	return json_pack("{s:o, s:o, s:I}", "calls", list, "next", next, "total", (json_int_t)LOAD(segment_counters(admin.seg)->calls));
}

static json_t *one_call_json(const char *id, uint64_t now_ns)
{
	char *end;
	uint64_t call = strtoull(id, &end, 16);
	struct admin_now now;
	struct admin_who who;

	if (!*id || *end || !call)
		return NULL;
	for (uint32_t slot = 0; slot < admin.seg->pub->slots; slot++)
		if (read_place(slot, &now, &who) && now.call_id == call)
			return call_json(slot, &now, &who, now_ns);
	return NULL;
}

/* ---- /v1/refused ---------------------------------------------------------------------------- */

static json_t *refused_json(uint64_t now_ns)
{
	static struct admit_record all[ADMIT_RECORDS];
	json_t *list = json_array();
	size_t n = admit_list(all);

	for (size_t i = 0; i < n; i++) {
		struct conf_addr addr = { .family = all[i].addr.family };
		char text[CONF_ADDR_TEXT];
		json_t *o = json_object();

		memcpy(addr.ip, all[i].addr.ip, sizeof(addr.ip));
		conf_addr_text(&addr, text);
		put(o, "source", json_sprintf("%s%s", text, addr.family == AF_INET6 ? "/64" : ""));
		put(o, "why", json_string(admit_word((enum admit_why)all[i].why)));
		put_int(o, "count", all[i].count);
		put_int(o, "first_ms_ago", now_ns > all[i].first_ns ? (now_ns - all[i].first_ns) / CLOCK_NS_PER_MS : 0);
		put_int(o, "last_ms_ago", now_ns > all[i].last_ns ? (now_ns - all[i].last_ns) / CLOCK_NS_PER_MS : 0);
		json_array_append_new(list, o);
	}
	return json_pack("{s:o}", "refused", list);
}

/* ---- HTTP ----------------------------------------------------------------------------------- */

static enum MHD_Result answer(struct MHD_Connection *conn, unsigned status, json_t *o)
{
	char *text = o ? json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
	struct MHD_Response *r;
	enum MHD_Result rc;

	json_decref(o);
	if (!text)
		return MHD_NO;
	r = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
	if (!r) {
		free(text);
		return MHD_NO;
	}
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
	MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	rc = MHD_queue_response(conn, status, r);
	MHD_destroy_response(r);
	return rc;
}

static enum MHD_Result refuse(struct MHD_Connection *conn, unsigned status, const char *why)
{
	return answer(conn, status, json_pack("{s:s}", "error", why));
}

static uint64_t number_argument(struct MHD_Connection *conn, const char *key, uint64_t otherwise)
{
	const char *text = MHD_lookup_connection_value(conn, MHD_GET_ARGUMENT_KIND, key);
	char *end;
	uint64_t n = text ? strtoull(text, &end, 10) : 0;

	return text && *text && !*end ? n : otherwise;
}

static enum MHD_Result get_calls(struct MHD_Connection *conn, uint64_t now_ns)
{
	uint64_t limit = number_argument(conn, "limit", LIST_MAX), after = number_argument(conn, "after", UINT64_MAX);

	if (limit > LIST_MAX)
		limit = LIST_MAX;
	return answer(conn, MHD_HTTP_OK, calls_json(limit, after < KEDGE_SLOTS_MAX ? (int64_t)after : -1, now_ns));
}

static enum MHD_Result get_explain(struct MHD_Connection *conn, uint64_t now_ns)
{
	const char *number = MHD_lookup_connection_value(conn, MHD_GET_ARGUMENT_KIND, "number");
	const char *from = MHD_lookup_connection_value(conn, MHD_GET_ARGUMENT_KIND, "from");

	if (!number)
		return refuse(conn, MHD_HTTP_BAD_REQUEST, "which number?");
	explain_health(admin.health, admin.conf, admin.seg, now_ns, clock_wall_ms());
	return answer(conn, MHD_HTTP_OK, explain_call(admin.conf, admin.health, true, from, number, now_ns));
}

static enum MHD_Result get_one(struct MHD_Connection *conn, json_t *o, const char *what)
{
	return o ? answer(conn, MHD_HTTP_OK, o) : refuse(conn, MHD_HTTP_NOT_FOUND, what);
}

static enum MHD_Result get(struct MHD_Connection *conn, const char *url)
{
	uint64_t now_ns = clock_mono_ns();

	if (!strcmp(url, "/v1/status"))
		return answer(conn, MHD_HTTP_OK, status_json(now_ns));
	if (!strcmp(url, "/v1/trunks"))
		return answer(conn, MHD_HTTP_OK, trunks_json(NULL, now_ns));
	if (!strncmp(url, "/v1/trunks/", 11))
		return get_one(conn, trunks_json(url + 11, now_ns), "there is no such trunk");
	if (!strcmp(url, "/v1/calls"))
		return get_calls(conn, now_ns);
	if (!strncmp(url, "/v1/calls/", 10))
		return get_one(conn, one_call_json(url + 10, now_ns), "there is no such call");
	if (!strcmp(url, "/v1/refused"))
		return answer(conn, MHD_HTTP_OK, refused_json(now_ns));
	if (!strcmp(url, "/v1/explain"))
		return get_explain(conn, now_ns);
	return refuse(conn, MHD_HTTP_NOT_FOUND, "there is no such thing");
}

/* Root, and the user kedge runs as. */
static bool may_ask(struct MHD_Connection *conn)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t size = sizeof(peer);

	if (info && !getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) && (peer.uid == 0 || peer.uid == geteuid()))
		return true;
	event_log(admin_denied, .why = "another user", .uid = peer.uid, .pid = (uint64_t)peer.pid);
	return false;
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *conn, const char *url, const char *method, const char *version,
    const char *upload, size_t *upload_size, void **state)
{
	static char seen; /* the first call of a request only shows its head */

	if (!*state) {
		*state = &seen;
		return MHD_YES;
	}
	if (*upload_size) { /* a body nobody asked for: taken off the wire, not looked at */
		*upload_size = 0;
		return MHD_YES;
	}
	if (!may_ask(conn))
		return refuse(conn, MHD_HTTP_FORBIDDEN, "only root and the user kedge runs as may ask");
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0)
		return refuse(conn, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET");
	return get(conn, url);
}

static void on_library_line(void *ctx, const char *format, va_list ap)
{
	char text[256];

	vsnprintf(text, sizeof(text), format, ap);
	text[strcspn(text, "\r\n")] = '\0';
	event_log(admin_error, .level = EVENT_LEVEL_DEBUG, .what = "http", .why = text);
}

/* ---- open and close ------------------------------------------------------------------------- */

static void make_directory(const char *socket)
{
	char dir[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char *slash;

	snprintf(dir, sizeof(dir), "%s", socket);
	slash = strrchr(dir, '/');
	if (!slash || slash == dir)
		return;
	*slash = '\0';
	mkdir(dir, 0750); /* bind tells what is wrong with it */
}

/* Does anybody answer there? A dead kedge leaves its socket behind. */
static bool answered(const struct sockaddr_un *sun)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool yes = fd >= 0 && !connect(fd, (const struct sockaddr *)sun, sizeof(*sun));

	if (fd >= 0)
		close(fd);
	return yes;
}

/* Bound, 0660, then listening: nobody can connect before the mode holds. Gives the descriptor or a negative errno. */
static int listen_at(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd, rc;

	if (strlen(path) >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	strcpy(sun.sun_path, path);
	make_directory(path);
	if (answered(&sun))
		return -EADDRINUSE;
	unlink(path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) || chmod(path, 0660) || listen(fd, 64)) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

static int start_http(int fd)
{
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old); /* signals are for the thread that waits for them */
	admin.daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, NULL,
	    MHD_OPTION_EXTERNAL_LOGGER, on_library_line, NULL, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
	    (unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S, MHD_OPTION_END);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return admin.daemon ? 0 : -EIO;
}

/* Zeroed pages that cost nothing until a call stands on them. */
static struct place *make_board(uint32_t slots)
{
	void *p = mmap(NULL, slots * sizeof(struct place), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void free_memory(void)
{
	free(admin.health);
	if (admin.board)
		munmap(admin.board, admin.seg->pub->slots * sizeof(*admin.board));
	admin.health = NULL;
	admin.board = NULL;
}

int admin_open(const struct conf *c, const struct segment *seg)
{
	int fd, rc;

	assert(!admin.daemon);
	admin.seg = seg;
	admin.started_wall_ms = clock_wall_ms();
	admin.health = malloc(sizeof(*admin.health));
	admin.board = make_board(seg->pub->slots);
	rc = -ENOMEM;
	if (!admin.health || !admin.board)
		goto out_memory;
	rc = listen_at(c->admin.socket);
	if (rc < 0)
		goto out_memory;
	fd = rc;
	admin.conf = conf_ref(c);
	rc = start_http(fd);
	if (rc < 0)
		goto out_fd;
	event_log(admin_open, .socket = c->admin.socket);
	return 0;
out_fd:
	close(fd);
	unlink(c->admin.socket);
	conf_unref(admin.conf);
out_memory:
	free_memory();
	return rc;
}

void admin_close(void)
{
	if (!admin.daemon)
		return;
	unlink(admin.conf->admin.socket);
	MHD_stop_daemon(admin.daemon); /* closes the listening socket, ends the thread */
	admin.daemon = NULL;
	conf_unref(admin.conf);
	admin.conf = NULL;
	free_memory();
}
