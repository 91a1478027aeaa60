// SPDX-License-Identifier: MIT
#include "media/end.h"

#include <errno.h>
#include <string.h>

#include "config/event.h"
#include "media/early.h"
#include "media/evidence.h"
#include "media/local.h"
#include "media/recover.h"
#include "media/resize.h"
#include "media/srtp.h"
#include "media/worker.h"
#include "routing/shm/seq.h"

#define CLOCK_RATE_MAX 192000
#define PTIME_MAX_MS   200

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
	if (want->listen != 0)
		work |= WORK_LISTEN;
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
	e->pace = (struct stitch_pace){ want->clock_rate, want->ptime_ms, want->flags & KEDGE_END_VIDEO };
	e->flags = want->flags;
	e->telephone_event = want->telephone_event;
	e->noise = want->cn_pt < 128 ? want->cn_pt : RTP_NOISE;
	e->pt_count = payload_types(want);
	e->event_here = want->event_here;
	e->event_rate = want->event_rate != 0 ? want->event_rate : want->clock_rate;
	e->work = (uint8_t)(work_of(want) | (e->work & WORK_EVENT));
}

/* Not one packet is to be lost to find out that they are large. */
static void end_buffers(struct worker *w, uint32_t port, const struct kedge_end *want)
{
	if (!(want->flags & KEDGE_END_VIDEO))
		return;
	port_bigger(w, 2 * port);
	port_bigger(w, 2 * port + 1);
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
	atomic_store_explicit(&run->event, 0, memory_order_relaxed);
	atomic_store_explicit(&run->seq_offset, (uint64_t)STITCH_NONE << 16, memory_order_relaxed);
}

static int end_open(struct worker *w, uint32_t slot, uint8_t place, const struct kedge_end *want)
{
	struct session *s = &w->session[slot];
	struct port *p = &w->port[want->port];
	struct end *e = &w->end[want->port];
	struct kedge_end_slot *k = end_slot(w, slot, place);
	/* A predecessor's: what this process had open it closed, and then the words are nobody's. */
	bool keep = atomic_load_explicit(&k->run.generation, memory_order_acquire) == want->generation;
	int rc = port_check(w, want->port);

	if (rc == 0)
		rc = port_lend(w, want->port, slot, place, keep);
	if (rc < 0)
		return rc;
	*e = (struct end){ .run = &k->run };
	end_wanted(w, e, want);
	end_buffers(w, want->port, want);
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

void end_close(struct worker *w, uint32_t slot, uint8_t place)
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
	end_buffers(w, port, want);
	end_secure(w, slot, place);
	local_wanted(w, port);
	if (resized && e->work & WORK_PTIME)
		resize_begin(w, e);
	if (changed & (KEDGE_END_SEND | KEDGE_END_RECV))
		hold_changed(w, slot, place, changed);
	rebind_sock(w, port, 0, want);
	rebind_sock(w, port, 1, want);
	end_latched(w, port);
}

void end_sync(struct worker *w, uint32_t slot, uint8_t place)
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

void end_latched(struct worker *w, uint32_t port)
{
	struct port *p = &w->port[port];
	struct kedge_latched l = { .generation = w->end[port].want.generation,
		.exchange = w->end[port].want.exchange,
		.rtp = p->sock[0].latch.far,
		.rtcp = p->sock[1].latch.far };

	seq_write(&end_slot(w, p->slot, p->place)->latched, &l);
}
