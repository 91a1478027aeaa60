// SPDX-License-Identifier: MIT
/* The plane, its calls, the relay, the records: from the segment's counters. */
#include <stddef.h>

#include "config/event.h"
#include "sig/operator/admin_board.h"
#include "sig/operator/admin_json.h"
#include "sig/operator/metrics.h"

static void put_lag(struct metrics *m)
{
	char name[16];

	metrics_family(m, "kedge_loop_lag_seconds", METRICS_GAUGE, "Longest pass of the last second of an event loop.");
	metrics_real(m, (double)ADMIN_LOAD(segment_counters(m->r->seg)->loop_lag_ns) / 1e9, "loop", "sig", NULL);
	for (uint32_t i = 0; i < m->r->seg->pub->workers; i++) {
		snprintf(name, sizeof(name), "media%u", i);
		metrics_real(m, (double)ADMIN_LOAD(segment_worker(m->r->seg, i)->loop_lag_ns) / 1e9, "loop", name, NULL);
	}
}

static void put_config(struct metrics *m)
{
	const struct kedge_sig_counters *s = segment_counters(m->r->seg);

	metrics_family(m, "kedge_config_generation", METRICS_GAUGE, "Number of the configuration in force; 0: not known.");
	metrics_int(m, m->r->conf->generation, NULL);
	metrics_family(m, "kedge_config_reloads_total", METRICS_COUNTER, "Configurations asked for, a rollback too: put in force, or refused while the old one stands.");
	metrics_int(m, ADMIN_LOAD(s->reloads), "result", "done", NULL);
	metrics_int(m, ADMIN_LOAD(s->reloads_refused), "result", "refused", NULL);
}

void metrics_process(struct metrics *m)
{
	const struct kedge_public_head *head = m->r->seg->pub;

	metrics_family(m, "kedge_build_info", METRICS_GAUGE, "1; which kedge this is.");
	metrics_int(m, 1, "version", KEDGE_VERSION, NULL);
	metrics_family(m, "kedge_start_time_seconds", METRICS_GAUGE, "When a plane was started, since 1970.");
	metrics_real(m, (double)ADMIN_LOAD(head->sig.started_wall_ms) / 1e3, "plane", "sig", NULL);
	metrics_real(m, (double)ADMIN_LOAD(head->worker[0].started_wall_ms) / 1e3, "plane", "media", NULL);
	metrics_family(m, "kedge_plane_starts_total", METRICS_COUNTER, "How often a plane was started: more than once, it had ended.");
	metrics_int(m, ADMIN_LOAD(head->sig.starts), "plane", "sig", NULL);
	metrics_int(m, ADMIN_LOAD(head->worker[0].starts), "plane", "media", NULL);
	put_lag(m);
	put_config(m);
}

static void put_states(struct metrics *m)
{
#define S(x) #x,
	static const char *const words[] = { ADMIN_STATES(S) };
#undef S
	uint64_t n[ADMIN_STATE_COUNT] = { 0 };
	struct admin_now now;
	struct admin_who who;

	for (uint32_t slot = 0; slot < m->r->seg->pub->slots; slot++)
		if (admin_board_read(slot, &now, &who) && now.state < ADMIN_STATE_COUNT)
			n[now.state]++;
	metrics_family(m, "kedge_calls", METRICS_GAUGE, "Calls of this moment.");
	for (int i = 0; i < ADMIN_STATE_COUNT; i++)
		metrics_int(m, n[i], "state", words[i], NULL);
}

void metrics_calls(struct metrics *m)
{
	const struct kedge_sig_counters *s = segment_counters(m->r->seg);

	put_states(m);
	metrics_family(m, "kedge_calls_limit", METRICS_GAUGE, "limits.max_calls: calls at once.");
	metrics_int(m, m->r->conf->limits.max_calls, NULL);
	metrics_family(m, "kedge_call_attempts_total", METRICS_COUNTER, "Calls that came in and were taken.");
	metrics_int(m, ADMIN_LOAD(s->calls_in), NULL);
	metrics_family(m, "kedge_calls_ended_total", METRICS_COUNTER, "What became of them: answered (counted at the answer), failed, cancelled by the caller.");
	metrics_int(m, ADMIN_LOAD(s->calls_answered), "result", "answered", NULL);
	metrics_int(m, ADMIN_LOAD(s->calls_failed), "result", "failed", NULL);
	metrics_int(m, ADMIN_LOAD(s->calls_cancelled), "result", "cancelled", NULL);
	metrics_family(m, "kedge_calls_video_refused_total", METRICS_COUNTER, "Calls whose video was refused because limits.max_video others had some; their audio went through.");
	metrics_int(m, ADMIN_LOAD(s->video_refused), NULL);
	metrics_family(m, "kedge_dns_failures_total", METRICS_COUNTER, "Look-ups of a trunk's name that found no address, or nobody to tell one.");
	metrics_int(m, ADMIN_LOAD(s->dns_nxdomain), "reason", "nxdomain", NULL);
	metrics_int(m, ADMIN_LOAD(s->dns_timeout), "reason", "timeout", NULL);
	metrics_family(m, "kedge_signaling_total", METRICS_COUNTER, "All that signaling counts, by the names of kedge_sig_counters.");
#define C(x) metrics_int(m, ADMIN_LOAD(s->x), "what", #x, NULL);
	KEDGE_SIG_COUNTERS(C)
#undef C
}

static uint64_t sum_of(struct metrics *m, size_t offset)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < m->r->seg->pub->workers; i++)
		n += ADMIN_LOAD(*(_Atomic uint64_t *)((char *)segment_worker(m->r->seg, i) + offset));
	return n;
}
#define SUM(word) sum_of(m, offsetof(struct kedge_worker, word))

void metrics_media(struct metrics *m)
{
	metrics_family(m, "kedge_media_sessions", METRICS_GAUGE, "Anchors open.");
	metrics_int(m, SUM(sessions), NULL);
	metrics_family(m, "kedge_media_ports", METRICS_GAUGE, "Port pairs: ready, lent to a call, resting behind one.");
	metrics_int(m, SUM(ports_free), "state", "free", NULL);
	metrics_int(m, SUM(ports_lent), "state", "lent", NULL);
	metrics_int(m, SUM(ports_resting), "state", "resting", NULL);
	metrics_family(m, "kedge_media_packets_total", METRICS_COUNTER, "Packets received and sent.");
	metrics_int(m, SUM(packets_in), "direction", "in", NULL);
	metrics_int(m, SUM(packets_out), "direction", "out", NULL);
	metrics_family(m, "kedge_media_bytes_total", METRICS_COUNTER, "Bytes of these.");
	metrics_int(m, SUM(bytes_in), "direction", "in", NULL);
	metrics_int(m, SUM(bytes_out), "direction", "out", NULL);
	metrics_family(m, "kedge_media_srtp_failures_total", METRICS_COUNTER, "Packets of secure ends that did not pass: not authentic, heard before, no key for them, or no SRTP at all.");
	metrics_int(m, SUM(srtp_auth), "reason", "auth", NULL);
	metrics_int(m, SUM(srtp_replay), "reason", "replay", NULL);
	metrics_int(m, SUM(srtp_no_key), "reason", "no_key", NULL);
	metrics_int(m, SUM(srtp_malformed), "reason", "malformed", NULL);
	metrics_family(m, "kedge_media_total", METRICS_COUNTER, "All that the media workers count, by the names of kedge_worker: drop_*: packets not relayed, and why.");
#define C(x) metrics_int(m, SUM(x), "what", #x, NULL);
	KEDGE_MEDIA_COUNTERS(C)
#undef C
}

void metrics_records(struct metrics *m)
{
	const struct kedge_sig_counters *s = segment_counters(m->r->seg);

	metrics_family(m, "kedge_cdr_written_total", METRICS_COUNTER, "Call records written.");
	metrics_int(m, ADMIN_LOAD(s->cdr_written), NULL);
	metrics_family(m, "kedge_cdr_dropped_total", METRICS_COUNTER, "Call records lost: the disk failed, or could not keep up.");
	metrics_int(m, ADMIN_LOAD(s->cdr_dropped), NULL);
	metrics_family(m, "kedge_events_lost_total", METRICS_COUNTER, "Lines of events.file that could not be written.");
	metrics_int(m, ADMIN_LOAD(s->events_lost), NULL);
	metrics_family(m, "kedge_log_dropped_total", METRICS_COUNTER, "Log lines lost: the writer could not keep up.");
	metrics_int(m, event_dropped(), NULL);
}
