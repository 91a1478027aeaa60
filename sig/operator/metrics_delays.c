// SPDX-License-Identifier: MIT
/* What callers waited for, what timers of ours ended, what is kept to explain calls. */
#include "sig/operator/admin_json.h"
#include "sig/books/delays.h"
#include "sig/operator/metrics.h"
#include "sig/books/recall.h"
#include "sig/books/timed_out.h"

static void put_delays(struct metrics *m, enum delays_kind kind, const char *name, const char *help)
{
	struct delays d;

	metrics_family(m, name, METRICS_HISTOGRAM, help);
	for (uint16_t i = 0; i < m->r->conf->trunks.count; i++) {
		const char *trunk = m->r->conf->trunks.v[i].name;

		delays_read(kind, trunk, &d);
		metrics_buckets(m, delays_bound(kind), d.count, delays_bounds(kind), (double)d.sum / delays_per_one(kind), "trunk", trunk);
	}
}

void metrics_delays(struct metrics *m)
{
	const struct kedge_sig_counters *s = segment_counters(m->r->seg);

	put_delays(m, DELAYS_RINGBACK, "kedge_trunk_time_to_ringback_seconds", "From the caller's INVITE to its first 18x, all attempts before included, by the trunk that rang.");
	put_delays(m, DELAYS_ANSWER, "kedge_trunk_time_to_answer_seconds", "From the caller's INVITE to the answer, by the trunk that answered.");
	put_delays(m, DELAYS_REQUEST, "kedge_trunk_session_request_delay_seconds", "From an INVITE to the trunk to its 18x (RFC 6076).");
	put_delays(m, DELAYS_JITTER, "kedge_media_jitter_seconds", "Mean jitter of RTP from it (RFC 3550), a sample a call.");
	put_delays(m, DELAYS_MOS, "kedge_media_mos_score", "Estimated MOS (ITU-T G.107) of the audio from it, a sample a call.");
	metrics_family(m, "kedge_calls_timed_out_total", METRICS_COUNTER, "Calls that a timer of kedge's ended, by timer.");
#define T(id, word) metrics_int(m, ADMIN_LOAD(s->timed_out_##word), "timer", #word, NULL);
	TIMED_OUTS(T)
#undef T
}

void metrics_recall(struct metrics *m)
{
	struct flight_counts f;
	struct journal_counts j;

	flight_count(&f);
	journal_count(&j);
	metrics_family(m, "kedge_flight_bytes", METRICS_GAUGE, "Memory that SIP text of calls takes (kedge trace).");
	metrics_int(m, f.bytes, NULL);
	metrics_family(m, "kedge_flight_limit_bytes", METRICS_GAUGE, "admin.flight_mb.");
	metrics_int(m, f.room, NULL);
	metrics_family(m, "kedge_flight_calls", METRICS_GAUGE, "Calls whose SIP text is kept: running, and ended.");
	metrics_int(m, f.running, "state", "running", NULL);
	metrics_int(m, f.kept, "state", "ended", NULL);
	metrics_family(m, "kedge_flight_evicted_total", METRICS_COUNTER, "Calls whose SIP text gave way to newer ones.");
	metrics_int(m, f.evicted, NULL);
	metrics_family(m, "kedge_flight_left_out_total", METRICS_COUNTER, "Messages that found no room.");
	metrics_int(m, f.left_out, NULL);
	metrics_family(m, "kedge_why_records", METRICS_GAUGE, "Decision records kept (kedge why).");
	metrics_int(m, j.entries, NULL);
}
