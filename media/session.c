// SPDX-License-Identifier: MIT
#include "media/session.h"

#include <string.h>

#include "config/event.h"
#include "media/early.h"
#include "media/evidence.h"
#include "media/local.h"
#include "media/rate.h"
#include "media/recover.h"
#include "media/resize.h"
#include "media/srtp.h"
#include "media/worker.h"
#include "routing/shm/seq.h"

#define SIG_STALE_NS   2000000000ULL

static void clear_stats(struct kedge_stats *st, uint32_t generation)
{
	atomic_store_explicit(&st->generation, 0, memory_order_release);
	for (int i = 0; i < 2; i++) {
		struct kedge_flow *f = &st->flow[i];

		atomic_store_explicit(&st->rtcp_packets[i], 0, memory_order_relaxed);
		atomic_store_explicit(&f->packets, 0, memory_order_relaxed);
		atomic_store_explicit(&f->bytes, 0, memory_order_relaxed);
		atomic_store_explicit(&f->lost_late, 0, memory_order_relaxed);
		atomic_store_explicit(&f->jitter_us, 0, memory_order_relaxed);
		atomic_store_explicit(&f->max_gap_ns, 0, memory_order_relaxed);
		atomic_store_explicit(&f->first_rx_ns, 0, memory_order_relaxed);
		atomic_store_explicit(&f->last_rx_ns, 0, memory_order_relaxed);
		atomic_store_explicit(&f->relayed, 0, memory_order_relaxed);
	}
	for (int i = 0; i < 2; i++) {
		atomic_store_explicit(&st->jitter_mean_us[i], 0, memory_order_relaxed);
		atomic_store_explicit(&st->rtt_us[i], 0, memory_order_relaxed);
		atomic_store_explicit(&st->told[i], 0, memory_order_relaxed);
		atomic_store_explicit(&st->far_lost[i], 0, memory_order_relaxed);
	}
	atomic_store_explicit(&st->switches, 0, memory_order_relaxed);
	atomic_store_explicit(&st->generation, generation, memory_order_release);
}

static uint64_t done_word(uint32_t generation, enum kedge_done_state state)
{
	return (uint64_t)generation << 8 | state;
}

static bool is_done(struct worker *w, uint32_t slot, uint32_t generation)
{
	return atomic_load_explicit(&segment_session(w->seg, slot)->done, memory_order_relaxed) ==
	       done_word(generation, KEDGE_DONE_CLOSED);
}

static void session_begin(struct worker *w, uint32_t slot, const struct kedge_anchor *a)
{
	struct session *s = &w->session[slot];
	struct kedge_stats *st = segment_stats(w->seg, slot);

	*s = (struct session){ .generation = a->generation,
		.open = true,
		.retry = s->retry,
		.live = KEDGE_LIVE_NONE,
		.in = KEDGE_PORT_NONE,
		.open_index = w->open_count,
		.ssrc = a->ssrc,
		.owner = s->owner,
		.want_seq = s->want_seq,
		.call_id = a->call_id,
		.stats = st };
	memcpy(s->cname, a->cname, sizeof(s->cname));
	for (int i = 0; i < KEDGE_OUT_MAX; i++)
		s->out[i] = KEDGE_PORT_NONE;
	if (atomic_load_explicit(&st->generation, memory_order_relaxed) != a->generation)
		clear_stats(st, a->generation);
	w->open[w->open_count++] = slot;
	worker_count(&w->count->sessions, 1);
}

/* Its ends listen: only now, so that who waits for this word may send. */
static void session_opened(struct worker *w, uint32_t slot)
{
	_Atomic uint64_t *done = &segment_session(w->seg, slot)->done;
	uint64_t open = done_word(w->session[slot].generation, KEDGE_DONE_OPEN);

	if (atomic_load_explicit(done, memory_order_relaxed) == open)
		return; /* a predecessor did and counted it */
	worker_count(&w->count->sessions_opened, 1);
	atomic_store_explicit(done, open, memory_order_release);
}

static void set_live(struct worker *w, struct session *s, uint8_t live)
{
	uint32_t port;

	if (live >= KEDGE_OUT_MAX)
		live = KEDGE_LIVE_NONE;
	if (live == s->live)
		return;
	if (s->live != KEDGE_LIVE_NONE && live != KEDGE_LIVE_NONE)
		worker_count(&s->stats->switches, 1);
	port = s->live != KEDGE_LIVE_NONE ? s->out[s->live] : KEDGE_PORT_NONE;
	if (port != KEDGE_PORT_NONE) {
		quality_pause(&w->end[port].quality);
		local_comfort_over(w, port); /* nobody looks at it any more, and the other end speaks elsewhere */
	}
	s->live = live;
	s->first_told = false;
	port = live != KEDGE_LIVE_NONE ? s->out[live] : KEDGE_PORT_NONE;
	if (port == KEDGE_PORT_NONE)
		return;
	quality_pause(&w->end[port].quality);
	if (w->end[port].speaks_ns != 0)
		w->end[port].speaks_ns = w->now_ns;
}

static void session_follow(struct worker *w, uint32_t slot, const struct kedge_anchor *a)
{
	struct session *s = &w->session[slot];

	if (a->live != s->live) /* while the end that was still has its port */
		dtmf_switch(w, slot);
	end_sync(w, slot, KEDGE_END_INSIDE);
	for (uint8_t i = 0; i < a->ends && i < KEDGE_OUT_MAX; i++)
		end_sync(w, slot, i);
	set_live(w, s, a->live);
	dtmf_pair(w, slot);
	if (s->live != KEDGE_LIVE_NONE && s->out[s->live] != KEDGE_PORT_NONE)
		early_release(w, s->out[s->live]);
}

static void report(struct worker *w, enum kedge_evt evt, uint32_t generation, uint32_t slot)
{
	if (worker_event(w, evt, generation, slot) < 0)
		worker_retry(w, slot);
}

void session_close(struct worker *w, uint32_t slot, bool orphan)
{
	struct session *s = &w->session[slot];
	uint32_t last = w->open[w->open_count - 1];

	end_close(w, slot, KEDGE_END_INSIDE);
	for (uint8_t i = 0; i < KEDGE_OUT_MAX; i++)
		end_close(w, slot, i);
	dtmf_session_closed(w, slot);
	s->open = false;
	w->open[s->open_index] = last;
	w->session[last].open_index = s->open_index;
	w->open_count--;
	worker_count(&w->count->sessions, (uint64_t)-1);
	worker_count(orphan ? &w->count->sessions_orphaned : &w->count->sessions_closed, 1);
	atomic_store_explicit(&segment_session(w->seg, slot)->done,
	    done_word(s->generation, KEDGE_DONE_CLOSED),
	    memory_order_release); /* after the counters above */
	report(w, orphan ? KEDGE_EVT_ORPHAN : KEDGE_EVT_CLOSED, s->generation, slot);
}

/* Closed before it was ever seen open: its ends' pairs were taken from the ring all the same. */
static void close_unseen(struct worker *w, uint32_t slot, const struct kedge_anchor *a)
{
	session_begin(w, slot, a);
	session_follow(w, slot, a);
	session_opened(w, slot);
	session_close(w, slot, false);
}

static void note_owner(struct worker *w, uint32_t slot)
{
	struct session *s = &w->session[slot];
	uint64_t seq =
	    atomic_load_explicit(&segment_session(w->seg, slot)->want.seq, memory_order_relaxed);

	if (seq == s->want_seq)
		return; /* announced again by a successor that did not write it */
	s->want_seq = seq;
	s->owner = atomic_load_explicit(&w->sig_beat->starts, memory_order_relaxed);
}

void session_sync(struct worker *w, uint32_t slot)
{
	struct session *s = &w->session[slot];
	struct kedge_anchor a = { 0 };

	if (seq_read(&segment_session(w->seg, slot)->want, &a) < 0) {
		worker_count(&w->count->table_busy, 1);
		worker_retry(w, slot);
		return;
	}
	if (a.worker != w->id || a.generation == 0)
		return;
	note_owner(w, slot);
	if (s->open && s->generation != a.generation)
		session_close(w, slot, false);
	if (is_done(w, slot, a.generation)) {
		report(w, a.state == KEDGE_SLOT_CLOSED ? KEDGE_EVT_CLOSED : KEDGE_EVT_ORPHAN,
		    a.generation, slot);
	} else if (a.state == KEDGE_SLOT_OPEN) {
		if (!s->open)
			session_begin(w, slot, &a);
		session_follow(w, slot, &a);
		session_opened(w, slot);
	} else if (a.state == KEDGE_SLOT_CLOSED && s->open) {
		session_close(w, slot, false);
	} else if (a.state == KEDGE_SLOT_CLOSED) {
		close_unseen(w, slot, &a);
	}
}

bool session_recover(struct worker *w, uint32_t slot)
{
	struct kedge_anchor a = { 0 };
	struct session *s = &w->session[slot];
	uint64_t before =
	    atomic_load_explicit(&segment_session(w->seg, slot)->done, memory_order_relaxed);

	if (seq_read(&segment_session(w->seg, slot)->want, &a) < 0) {
		worker_retry(w, slot);
		return false;
	}
	if (a.worker != w->id || a.state == KEDGE_SLOT_FREE)
		return false;
	session_sync(w, slot);
	s->owner = recover_owner(w, &a);
	return s->open && before == done_word(a.generation, KEDGE_DONE_OPEN);
}

/* ---- timers ---------------------------------------------------------------------------------- */

static uint64_t heard_ns(const struct worker *w, uint32_t port, uint64_t since)
{
	const struct port *p = &w->port[port];

	for (int which = 0; which < 2; which++)
		if (p->sock[which].latch.heard_ns > since)
			since = p->sock[which].latch.heard_ns;
	return since;
}

static void tick_latch(struct worker *w, uint32_t port, unsigned which)
{
	struct sock *s = &w->port[port].sock[which];

	if (!s->connected && latch_settled(&s->latch, w->now_ns))
		port_connect(w, port, which);
	else if (s->connected && latch_lost(&s->latch, w->end[port].speaks_ns != 0, w->now_ns))
		port_unconnect(w, port, which);
}

static void tick_end(struct worker *w, uint32_t slot, uint32_t port)
{
	if (port == KEDGE_PORT_NONE)
		return;
	rate_changed(w, port);
	tick_latch(w, port, 0);
	tick_latch(w, port, 1);
	secure_tick(w->end[port].secure, w->now_ns);
	evidence_tick(w, slot, port);
	if (w->end[port].work & WORK_PTIME)
		resize_tick(w, &w->end[port]);
}

static bool owned(const struct worker *w, const struct session *s)
{
	uint64_t beat = atomic_load_explicit(&w->sig_beat->beat_ns, memory_order_relaxed);

	if (w->now_ns > beat && w->now_ns - beat > SIG_STALE_NS)
		return false;
	return s->owner == atomic_load_explicit(&w->sig_beat->starts, memory_order_relaxed);
}

/* Nobody owned it and nobody spoke for so long: a signaling plane that only stumbles loses no held call. */
static bool orphaned(const struct worker *w, struct session *s)
{
	uint64_t heard;

	if (owned(w, s)) {
		s->unowned_ns = 0;
		return false;
	}
	if (s->unowned_ns == 0)
		s->unowned_ns = w->now_ns;
	heard = s->unowned_ns;
	if (s->in != KEDGE_PORT_NONE)
		heard = heard_ns(w, s->in, heard);
	for (int i = 0; i < KEDGE_OUT_MAX; i++)
		if (s->out[i] != KEDGE_PORT_NONE)
			heard = heard_ns(w, s->out[i], heard);
	return w->now_ns - heard >= w->setup.orphan_ns;
}

void session_tick(struct worker *w, uint32_t slot)
{
	struct session *s = &w->session[slot];

	tick_end(w, slot, s->in);
	for (uint8_t i = 0; i < KEDGE_OUT_MAX; i++)
		tick_end(w, slot, s->out[i]);
	if (orphaned(w, s)) {
		event_log(media_orphan, .worker = w->id, .slot = slot, .call = s->call_id);
		session_close(w, slot, true);
	}
}
