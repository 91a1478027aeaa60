// SPDX-License-Identifier: MIT
#include "media/evidence.h"

#include "media/silence.h"
#include "media/worker.h"

#define LATE_NS 200000000ULL

static bool is_live(const struct session *s, uint32_t port)
{
	return port == s->in || (s->live != KEDGE_LIVE_NONE && port == s->out[s->live]);
}

static struct kedge_hop_media *hop_of(struct worker *w, const struct end *e)
{
	return e->want.hop < w->seg->pub->hop_count ? &segment_hop(w->seg, e->want.hop)->media[w->id] : NULL;
}

/* What is missing now may only be late: lost is what was missing all through LATE_NS, or at the end. */
static uint32_t surely_lost(const struct worker *w, struct end *e, bool last)
{
	uint32_t least;

	if (last)
		return e->quality.lost;
	if ((int32_t)(e->quality.lost - e->lost_least) < 0)
		e->lost_least = e->quality.lost;
	if (w->now_ns - e->lost_ns < LATE_NS)
		return e->hop_lost;
	least = e->lost_least;
	e->lost_least = e->quality.lost;
	e->lost_ns = w->now_ns;
	return least;
}

/* As differences. */
static void tell_hop(struct worker *w, struct end *e, bool last)
{
	struct kedge_hop_media *m = hop_of(w, e);
	uint32_t lost = surely_lost(w, e, last);

	if (m == NULL)
		return;
	if ((int32_t)(lost - e->hop_lost) > 0) {
		worker_count(&m->lost, lost - e->hop_lost);
		e->hop_lost = lost;
	}
	if (e->packets == e->hop_packets)
		return;
	worker_count(&m->packets, e->packets - e->hop_packets);
	e->hop_packets = e->packets;
	worker_count(&m->late, e->quality.late - e->hop_late);
	e->hop_late = e->quality.late;
	worker_count(&m->jitter_us_sum, quality_jitter_us(&e->quality));
	worker_count(&m->jitter_samples, 1);
	atomic_store_explicit(&m->last_rx_ns, e->quality.last_ns, memory_order_relaxed);
}

/* As it stands for readers. */
static uint32_t told_of(const struct end *e)
{
	return e->told | (e->report.reports ? KEDGE_TOLD_REPORTS : 0);
}

static void tell_session(const struct session *s, const struct end *e, unsigned side)
{
	atomic_store_explicit(&s->stats->jitter_mean_us[side], (uint32_t)quality_mean_jitter_us(&e->quality), memory_order_relaxed);
	atomic_store_explicit(&s->stats->rtt_us[side], e->report.rtt_us, memory_order_relaxed);
	if (!e->report.reports)
		return;
	atomic_store_explicit(&s->stats->far_lost[side], e->report.far_lost, memory_order_relaxed);
	atomic_fetch_or_explicit(&s->stats->told[side], KEDGE_TOLD_REPORTS, memory_order_relaxed);
}

static void tell_figures(struct worker *w, uint32_t slot, uint32_t port, bool last)
{
	const struct session *s = &w->session[slot];

	tell_hop(w, &w->end[port], last);
	if (is_live(s, port))
		tell_session(s, &w->end[port], port != s->in);
}

void evidence_close(struct worker *w, uint32_t slot, uint32_t port)
{
	tell_figures(w, slot, port, true);
}

/* ---- silence ---------------------------------------------------------------------------------- */

static uint64_t dead_ns(const struct worker *w)
{
	return atomic_load_explicit(&w->media_dead_ns, memory_order_relaxed);
}

static bool is_dead(const struct worker *w, const struct end *e)
{
	const struct silence s = { .now_ns = w->now_ns,
		.dead_ns = dead_ns(w),
		.since_ns = e->speaks_ns,
		.rtp_ns = e->quality.last_ns,
		.rtcp_ns = e->report.heard_ns,
		.heard = e->heard,
		.noise = e->quality.quiet,
		.pauses = e->quality.spurts || e->want.codec == KEDGE_CODEC_OTHER,
		.claims = report_claims(&e->report, e->packets) };

	return silence_dead(&s);
}

static uint64_t silent_from(const struct end *e)
{
	return e->quality.last_ns > e->speaks_ns ? e->quality.last_ns : e->speaks_ns;
}

/* Did the other end go on for half of media_dead since this one fell silent, and does it still? Two that stop at once are nobody's
 * fault. */
static bool is_spoken_to(const struct worker *w, const struct session *s, const struct end *e)
{
	uint32_t other = e->port == s->in ? s->out[s->live] : s->in;
	const struct end *o;

	if (other == KEDGE_PORT_NONE)
		return false;
	o = &w->end[other];
	return o->quality.last_ns > silent_from(e) + dead_ns(w) / 2 && w->now_ns - o->quality.last_ns < dead_ns(w) &&
	       o->packets * o->pace.ptime_ms * 2000000 >= dead_ns(w);
}

/* A silence that nothing ended is a gap as well. */
static void note_gap(const struct worker *w, const struct session *s, const struct end *e, unsigned side)
{
	_Atomic uint64_t *longest = &s->stats->flow[side].max_gap_ns;
	uint64_t gap = w->now_ns - silent_from(e);

	if (gap > atomic_load_explicit(longest, memory_order_relaxed))
		atomic_store_explicit(longest, gap, memory_order_relaxed);
}

/* What was told stands there before the event does. */
static void tell(struct worker *w, uint32_t slot, struct end *e, uint8_t what, enum kedge_evt evt)
{
	const struct session *s = &w->session[slot];

	if (e->told & what)
		return;
	e->told |= what;
	atomic_store_explicit(&s->stats->told[e->port != s->in], told_of(e), memory_order_relaxed);
	worker_event(w, evt, s->generation, slot);
}

/* Its last words must not be the last that the other one hears: a line without packets is taken for a dead one. Where that one is
 * silent itself nobody is to be kept waiting: a call that is dead at both ends must not look alive to either. */
static void comfort(struct worker *w, const struct session *s, uint32_t silent)
{
	uint32_t other = silent == s->in ? s->out[s->live] : s->in;

	if (other == KEDGE_PORT_NONE)
		return;
	if (w->end[other].speaks_ns != 0 && is_dead(w, &w->end[other]))
		local_comfort_over(w, other);
	else if (atomic_load_explicit(&w->comfort_noise, memory_order_relaxed))
		local_comfort(w, other);
}

static void tick_silence(struct worker *w, uint32_t slot, struct end *e, unsigned side)
{
	struct session *s = &w->session[slot];
	struct kedge_hop_media *m = hop_of(w, e);

	if (!is_dead(w, e)) {
		if (e->quality.last_ns > e->speaks_ns && w->now_ns - e->quality.last_ns < dead_ns(w))
			e->told &= KEDGE_TOLD_TONE;
		return;
	}
	note_gap(w, s, e, side);
	comfort(w, s, e->port);
	tell(w, slot, e, KEDGE_TOLD_SILENT, side ? KEDGE_EVT_SILENT : KEDGE_EVT_SILENT_IN);
	if (e->told & KEDGE_TOLD_ONE_WAY || !is_spoken_to(w, s, e))
		return;
	if (m != NULL)
		worker_count(e->heard ? &m->silent : &m->one_way, 1);
	tell(w, slot, e, e->heard ? KEDGE_TOLD_ONE_WAY : KEDGE_TOLD_ONE_WAY | KEDGE_TOLD_NEVER, side ? KEDGE_EVT_ONE_WAY : KEDGE_EVT_ONE_WAY_IN);
}

/* Never a packet, though it is not dead yet: where the caller hangs up now there is no more to come. */
static bool is_unheard(const struct worker *w, const struct session *s, const struct end *e)
{
	return !e->heard && e->want.codec != KEDGE_CODEC_OTHER && w->now_ns - e->speaks_ns >= dead_ns(w) / 2 && is_spoken_to(w, s, e);
}

void evidence_tick(struct worker *w, uint32_t slot, uint32_t port)
{
	const struct session *s = &w->session[slot];
	struct end *e = &w->end[port];
	unsigned side = port != s->in;

	tell_figures(w, slot, port, false);
	if (!is_live(s, port) || e->speaks_ns == 0 || s->live == KEDGE_LIVE_NONE)
		return;
	tick_silence(w, slot, e, side);
	atomic_store_explicit(&s->stats->told[side], told_of(e) | (is_unheard(w, s, e) ? KEDGE_TOLD_UNHEARD : 0), memory_order_relaxed);
}
