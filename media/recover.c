// SPDX-License-Identifier: MIT
#include "media/recover.h"

#include "config/clock.h"
#include "media/worker.h"
#include "routing/shm/seq.h"

static void recover_line(struct stitch *l, const struct kedge_end_run *run)
{
	uint64_t offset = atomic_load_explicit(&run->seq_offset, memory_order_acquire);
	uint64_t timestamp = atomic_load_explicit(&run->timestamp, memory_order_relaxed);
	uint64_t ssrc = atomic_load_explicit(&run->ssrc, memory_order_relaxed);

	if (ssrc >> 32 == 0)
		return; /* nothing was sent yet */
	l->started = true;
	l->index = atomic_load_explicit(&run->tx_index, memory_order_relaxed);
	l->last_ns = atomic_load_explicit(&run->last_tx_ns, memory_order_relaxed);
	l->ssrc = (uint32_t)(ssrc >> 32);
	l->last_timestamp = (uint32_t)(timestamp >> 32);
	l->timestamp_offset = (uint32_t)timestamp;
	l->source_ssrc = (uint32_t)(offset >> 32);
	l->source = (uint8_t)(offset >> 16);
	l->sequence_offset = (uint16_t)offset;
}

static void recover_quality(struct quality *q, const struct kedge_end_run *run, const struct kedge_stats *stats, unsigned side)
{
	const struct kedge_flow *flow = &stats->flow[side];
	uint32_t ssrc = (uint32_t)atomic_load_explicit(&run->ssrc, memory_order_relaxed);

	if (ssrc == 0)
		return;
	q->started = true;
	q->ssrc = ssrc;
	q->index = atomic_load_explicit(&run->rx_index, memory_order_relaxed);
	q->seen = UINT64_MAX;
	q->last_ns = atomic_load_explicit(&flow->last_rx_ns, memory_order_relaxed);
	q->jitter_ns16 = atomic_load_explicit(&flow->jitter_us, memory_order_relaxed) * 16000;
	q->jitter_count = (uint32_t)atomic_load_explicit(&flow->packets, memory_order_relaxed);
	q->jitter_sum_ns = 1000ULL * atomic_load_explicit(&stats->jitter_mean_us[side], memory_order_relaxed) * q->jitter_count;
}

void recover_end(struct worker *w, uint32_t port, const struct kedge_end_slot *k, const struct kedge_stats *stats, unsigned side)
{
	struct port *p = &w->port[port];
	struct end *e = &w->end[port];
	struct kedge_latched l = { 0 };
	uint32_t told = atomic_load_explicit(&stats->told[side], memory_order_relaxed);

	recover_line(&e->line, &k->run);
	recover_quality(&e->quality, &k->run, stats, side);
	dtmf_end_recovered(w, e);
	e->heard = e->quality.started;
	e->told = (uint8_t)(told & ~(KEDGE_TOLD_REPORTS | KEDGE_TOLD_UNHEARD));
	e->report.reports = told & KEDGE_TOLD_REPORTS;
	e->report.far_lost = atomic_load_explicit(&stats->far_lost[side], memory_order_relaxed);
	e->report.rtt_us = atomic_load_explicit(&stats->rtt_us[side], memory_order_relaxed);
	if (seq_read(&k->latched, &l) < 0 || l.generation != e->want.generation ||
	    l.exchange != e->want.exchange)
		return;
	if (l.rtp.family != 0)
		latch_restore(&p->sock[0].latch, &l.rtp, w->now_ns);
	if (l.rtcp.family != 0)
		latch_restore(&p->sock[1].latch, &l.rtcp, w->now_ns);
}

uint32_t recover_owner(const struct worker *w, const struct kedge_anchor *a)
{
	uint64_t began = atomic_load_explicit(&w->sig_beat->started_wall_ms, memory_order_relaxed);
	uint64_t wall = clock_wall_ms(), age_ms = wall > began ? wall - began : 0;
	uint64_t began_ns =
	    w->now_ns > age_ms * CLOCK_NS_PER_MS ? w->now_ns - age_ms * CLOCK_NS_PER_MS : 0;

	/* A wall clock has milliseconds only: an anchor of the same one counts as owned. */
	if (a->opened_ns + 2 * CLOCK_NS_PER_MS < began_ns)
		return 0;
	return atomic_load_explicit(&w->sig_beat->starts, memory_order_relaxed);
}

bool recover_under_way(const struct worker *w)
{
	return w->recovering;
}

uint32_t recover_sessions(struct worker *w)
{
	const struct segment *seg = w->seg;
	uint32_t n = 0;

	w->recovering = true;
	for (uint32_t slot = segment_next_used(seg, 0); slot < seg->pub->slots;
	     slot = segment_next_used(seg, slot + 1))
		n += session_recover(w, slot);
	w->recovering = false;
	return n;
}
