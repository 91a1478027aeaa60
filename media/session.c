// SPDX-License-Identifier: MIT
#include "media/session.h"

#include <errno.h>
#include <string.h>

#include "config/event.h"
#include "media/early.h"
#include "media/evidence.h"
#include "media/rate.h"
#include "media/local.h"
#include "media/recover.h"
#include "media/resize.h"
#include "media/srtp.h"
#include "media/worker.h"
#include "routing/shm/seq.h"

#define CLOCK_RATE_MAX 192000
#define PTIME_MAX_MS   200
#define SIG_STALE_NS   2000000000ULL

/* ---- ends ------------------------------------------------------------------------------------ */

static struct kedge_end_slot *end_slot(struct worker *w, uint32_t slot, uint8_t place)
{
	return segment_end(w->seg, slot, place);
}

/* Signaling's wish with the gaps filled: what a codec or an answer left open. */
static void complete(struct kedge_end *e)
{
	if (e->clock_rate == 0 || e->clock_rate > CLOCK_RATE_MAX)
		e->clock_rate = 8000;
	if (e->ptime_ms == 0 || e->ptime_ms > PTIME_MAX_MS)
		e->ptime_ms = 20;
	if (e->rtcp.family == 0 && e->rtp.family != 0) { /* RFC 3550 11 */
		e->rtcp = e->rtp;
		e->rtcp.port = (uint16_t)(e->rtp.port + 1);
	}
}

/* The line's SSRC: the anchor's toward the inside; toward outside ends one derived from it, the same after a restart. */
static uint32_t line_ssrc(const struct session *s, uint8_t place)
{
	if (place == KEDGE_END_INSIDE)
		return s->ssrc;
	return s->ssrc ^ 0x9e3779b9u * (place + 1u);
}

static uint8_t payload_types(const struct kedge_end *e)
{
	uint8_t n = 0;

	while (n < 8 && e->pt[n].inside != 0xff)
		n++;
	return n;
}

static uint8_t work_of(const struct kedge_end *want)
{
	uint8_t work = 0;

	if (payload_types(want) > 0)
		work |= WORK_TYPES;
	if (want->srtp != 0)
		work |= WORK_SECURE;
	if (want->record != 0)
		work |= WORK_RECORD;
	if (want->send_ptime_ms != 0)
		work |= WORK_PTIME;
	return work;
}

static void end_wanted(struct worker *w, struct end *e, const struct kedge_end *want)
{
	bool speaks = want->flags & KEDGE_END_SPEAKS;

	if (speaks != (e->speaks_ns != 0)) {
		e->speaks_ns = speaks ? w->now_ns : 0;
		e->told = 0;
		e->report.counts = e->report.claims = false; /* what it sent meanwhile was not counted */
	}
	e->want = *want;
	e->port = want->port;
	e->pace = (struct stitch_pace){ want->clock_rate, want->ptime_ms };
	e->flags = want->flags;
	e->telephone_event = want->telephone_event;
	e->noise = want->cn_pt < 128 ? want->cn_pt : RTP_NOISE;
	e->pt_count = payload_types(want);
	e->event_here = want->event_here;
	e->work = (uint8_t)(work_of(want) | (e->work & WORK_EVENT));
}

/* Its keys may be other ones though the end is the same. */
static void end_secure(struct worker *w, uint32_t slot, uint8_t place)
{
	struct end *e = &w->end[*session_port(&w->session[slot], place)];
	int rc;

	if (!(e->work & WORK_SECURE)) {
		secure_close(&e->secure);
		return;
	}
	rc = secure_follow(&e->secure, end_slot(w, slot, place), e->want.srtp, e->line.ssrc, w->now_ns);
	if (rc == -EAGAIN) {
		worker_count(&w->count->table_busy, 1);
		worker_retry(w, slot);
	} else if (rc < 0) {
		event_log(media_error, .what = "an SRTP context", .why = strerror(-rc), .worker = w->id);
	}
}

static void clear_run(struct kedge_end_run *run)
{
	atomic_store_explicit(&run->generation, 0, memory_order_release);
	atomic_store_explicit(&run->tx_index, 0, memory_order_relaxed);
	atomic_store_explicit(&run->rx_index, 0, memory_order_relaxed);
	atomic_store_explicit(&run->tx_rtcp_index, 0, memory_order_relaxed);
	atomic_store_explicit(&run->ssrc, 0, memory_order_relaxed);
	atomic_store_explicit(&run->timestamp, 0, memory_order_relaxed);
	atomic_store_explicit(&run->last_tx_ns, 0, memory_order_relaxed);
	atomic_store_explicit(&run->tx_tag, 0, memory_order_relaxed);
	atomic_store_explicit(&run->rx_tag, 0, memory_order_relaxed);
	atomic_store_explicit(&run->seq_offset, (uint64_t)STITCH_NONE << 16, memory_order_relaxed);
}

static int end_open(struct worker *w, uint32_t slot, uint8_t place, const struct kedge_end *want)
{
	struct session *s = &w->session[slot];
	struct port *p = &w->port[want->port];
	struct end *e = &w->end[want->port];
	struct kedge_end_slot *k = end_slot(w, slot, place);
	bool keep =
	    atomic_load_explicit(&k->run.generation, memory_order_acquire) == want->generation &&
	    recover_under_way(w);
	int rc = port_check(w, want->port);

	if (rc == 0)
		rc = port_lend(w, want->port, slot, place, keep);
	if (rc < 0)
		return rc;
	*e = (struct end){ .run = &k->run };
	end_wanted(w, e, want);
	stitch_init(&e->line, line_ssrc(s, place));
	latch_init(&p->sock[0].latch, want->latch, &want->rtp, want->exchange);
	latch_init(&p->sock[1].latch, want->latch, &want->rtcp, want->exchange);
	if (keep)
		recover_end(w, want->port, k, s->stats, place != KEDGE_END_INSIDE);
	else
		clear_run(&k->run);
	if (e->work & WORK_PTIME)
		resize_begin(w, e);
	port_target(w, want->port, 0);
	port_target(w, want->port, 1);
	*session_port(s, place) = want->port;
	end_secure(w, slot, place);
	local_wanted(w, want->port);
	/* From here on a successor may take the sockets as they are. */
	atomic_store_explicit(&k->run.generation, want->generation, memory_order_release);
	return 0;
}

static void end_close(struct worker *w, uint32_t slot, uint8_t place)
{
	uint32_t *port = session_port(&w->session[slot], place);

	if (*port == KEDGE_PORT_NONE)
		return;
	evidence_close(w, slot, *port);
	port_bury(&w->port[*port], w->port[*port].voice);
	port_bury(&w->port[*port], w->end[*port].quality.ssrc);
	dtmf_end_closed(w, &w->end[*port]);
	local_closed(w, *port);
	atomic_store_explicit(&w->end[*port].run->generation, 0, memory_order_release);
	secure_close(&w->end[*port].secure);
	port_close(w, *port);
	*port = KEDGE_PORT_NONE;
}

/* What was not relayed meanwhile is no loss: the lines that this end's hold touched go on with the next number. */
static void hold_changed(struct worker *w, uint32_t slot, uint8_t place, unsigned changed)
{
	struct session *s = &w->session[slot];
	struct end *e = &w->end[*session_port(s, place)];

	if (changed & KEDGE_END_SEND)
		stitch_break(&e->line);
	if (!(changed & KEDGE_END_RECV))
		return;
	quality_pause(&e->quality);
	if (place != KEDGE_END_INSIDE) {
		if (s->in != KEDGE_PORT_NONE && w->end[s->in].line.source == place)
			stitch_break(&w->end[s->in].line);
		return;
	}
	for (unsigned i = 0; i < KEDGE_OUT_MAX; i++)
		if (s->out[i] != KEDGE_PORT_NONE)
			stitch_break(&w->end[s->out[i]].line);
}

static void rebind_sock(
    struct worker *w, uint32_t port, unsigned which, const struct kedge_end *want)
{
	struct sock *s = &w->port[port].sock[which];
	const struct kedge_addr *far = which == 0 ? &want->rtp : &want->rtcp;
	bool opened = latch_rebind(&s->latch, want->latch, far, want->exchange, w->now_ns);

	port_target(w, port, which);
	if (s->connected && (opened || !addr_same(&s->connected_to, latch_target(&s->latch))))
		port_unconnect(w, port, which);
}

static void end_rebind(struct worker *w, uint32_t slot, uint8_t place, const struct kedge_end *want)
{
	uint32_t port = *session_port(&w->session[slot], place);
	struct end *e = &w->end[port];
	unsigned changed = e->want.flags ^ want->flags;
	bool resized;

	if (memcmp(&e->want, want, sizeof(*want)) == 0) {
		end_secure(w, slot, place);
		return;
	}
	resized = e->want.send_ptime_ms != want->send_ptime_ms;
	end_wanted(w, e, want);
	end_secure(w, slot, place);
	local_wanted(w, port);
	if (resized && e->work & WORK_PTIME)
		resize_begin(w, e);
	if (changed & (KEDGE_END_SEND | KEDGE_END_RECV))
		hold_changed(w, slot, place, changed);
	rebind_sock(w, port, 0, want);
	rebind_sock(w, port, 1, want);
	session_latched(w, port);
}

static void end_sync(struct worker *w, uint32_t slot, uint8_t place)
{
	struct session *s = &w->session[slot];
	uint32_t *port = session_port(s, place);
	struct kedge_end want = { 0 };
	int rc;

	if (seq_read(&end_slot(w, slot, place)->want, &want) < 0) {
		worker_count(&w->count->table_busy, 1);
		worker_retry(w, slot);
		return;
	}
	complete(&want);
	if (want.generation == 0 || want.anchor != s->generation || want.port >= w->port_count)
		want.port = KEDGE_PORT_NONE;
	if (*port != KEDGE_PORT_NONE &&
	    (*port != want.port || w->end[*port].want.generation != want.generation))
		end_close(w, slot, place);
	if (want.port == KEDGE_PORT_NONE)
		return;
	if (*port != KEDGE_PORT_NONE) {
		end_rebind(w, slot, place, &want);
		return;
	}
	rc = end_open(w, slot, place, &want);
	if (rc < 0)
		event_log(media_error, .what = "a port pair that is not to be had",
		    .why = strerror(-rc), .worker = w->id);
}

void session_latched(struct worker *w, uint32_t port)
{
	struct port *p = &w->port[port];
	struct kedge_latched l = { .generation = w->end[port].want.generation,
		.exchange = w->end[port].want.exchange,
		.rtp = p->sock[0].latch.far,
		.rtcp = p->sock[1].latch.far };

	seq_write(&end_slot(w, p->slot, p->place)->latched, &l);
}

/* ---- the whole ------------------------------------------------------------------------------- */

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
	if (s->live != KEDGE_LIVE_NONE && s->out[s->live] != KEDGE_PORT_NONE)
		quality_pause(&w->end[s->out[s->live]].quality);
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
