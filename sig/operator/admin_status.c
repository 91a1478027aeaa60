// SPDX-License-Identifier: MIT
/* Planes, workers, counters. */
#include "config/clock.h"
#include "config/event.h"
#include "routing/shm/segment.h"
#include "sig/operator/admin_json.h"
#include "sig/operator/admin_part.h"
#include "sig/operator/explain.h"

static json_t *beat_json(const struct kedge_beat *b, uint64_t now_ns)
{
	static const char *const states[] = { "not started", "starting", "running", "draining" };
	uint64_t beat = ADMIN_LOAD(b->beat_ns);
	uint32_t state = ADMIN_LOAD(b->state);
	json_t *o = json_object();

	admin_put(o, "state", json_string(state < 4 ? states[state] : "?"));
	admin_put_int(o, "pid", ADMIN_LOAD(b->pid));
	admin_put_int(o, "starts", ADMIN_LOAD(b->starts));
	admin_put(o, "started", admin_time(ADMIN_LOAD(b->started_wall_ms)));
	admin_put_int(o, "beat_ms_ago", now_ns > beat && beat ? (now_ns - beat) / CLOCK_NS_PER_MS : 0);
	return o;
}

const char *admin_backend_word(uint32_t backend)
{
	return backend == KEDGE_BACKEND_URING ? "io_uring" : backend == KEDGE_BACKEND_EPOLL ? "epoll" : "none";
}

static json_t *worker_json(const struct segment *seg, uint32_t i, uint64_t now_ns)
{
	const struct kedge_worker *w = segment_worker(seg, i);
	const struct kedge_beat *beat = &seg->pub->worker[i];
	json_t *o = beat_json(beat, now_ns), *counters = json_object();

	admin_put(o, "backend", json_string(admin_backend_word(ADMIN_LOAD(beat->backend))));
	admin_put_int(o, "sessions", ADMIN_LOAD(w->sessions));
	admin_put_int(o, "ports_free", ADMIN_LOAD(w->ports_free));
	admin_put_int(o, "ports_resting", ADMIN_LOAD(w->ports_resting));
	admin_put_int(o, "ports_lent", ADMIN_LOAD(w->ports_lent));
	admin_put_int(o, "loop_lag_us", ADMIN_LOAD(w->loop_lag_ns) / 1000);
#define C(x) admin_put_int(counters, #x, ADMIN_LOAD(w->x));
	KEDGE_MEDIA_COUNTERS(C)
#undef C
	admin_put(o, "counters", counters);
	return o;
}

struct admin_answer admin_status(const struct admin_request *r)
{
	const struct kedge_sig_counters *s = segment_counters(r->seg);
	json_t *o = json_object(), *workers = json_array(), *counters = json_object();

	admin_put(o, "version", json_string(KEDGE_VERSION));
	admin_put(o, "config", explain_text(r->conf->file));
	admin_put_int(o, "generation", r->conf->generation);
	admin_put_since(o, "started", "up_ms", admin.started_wall_ms, r->wall_ms);
	admin_put_int(o, "calls", ADMIN_LOAD(s->calls));
	admin_put_int(o, "max_calls", r->conf->limits.max_calls);
	admin_put_int(o, "loop_lag_us", ADMIN_LOAD(s->loop_lag_ns) / 1000);
	admin_put_int(o, "log_dropped", event_dropped());
	admin_put(o, "run", beat_json(&r->seg->pub->run, r->now_ns));
	admin_put(o, "sig", beat_json(&r->seg->pub->sig, r->now_ns));
	for (uint32_t i = 0; i < r->seg->pub->workers; i++)
		json_array_append_new(workers, worker_json(r->seg, i, r->now_ns));
	admin_put(o, "media", workers);
#define C(x) admin_put_int(counters, #x, ADMIN_LOAD(s->x));
	KEDGE_SIG_COUNTERS(C)
#undef C
	admin_put(o, "counters", counters);
	return admin_json(o);
}
