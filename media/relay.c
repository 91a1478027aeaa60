// SPDX-License-Identifier: MIT
#include "media/relay.h"

#include "media/addr.h"
#include "media/early.h"
#include "media/outlet.h"
#include "media/rate.h"
#include "media/remap.h"
#include "media/rescale.h"
#include "media/resize.h"
#include "media/tap.h"
#include "media/tonetest.h"
#include "media/worker.h"

struct way { /* of one packet, from an end to the other */
	struct session *session;
	struct port *port; /* it came to */
	struct sock *sock;
	uint32_t number;
	struct end *from, *to;
	struct port *to_port;
	uint8_t place;  /* of from */
	bool inside;    /* it came from inside */
	bool rtcp_port; /* it came to the RTCP socket */
	bool known;     /* it authenticated: who sent it was asked then */
};

#define UDPTL_HEAD 3 /* bytes before a UDPTL packet's first fax data */

#define DROP(w, why) worker_count(&(w)->count->drop_##why, 1)

/* ---- who sends, and where it goes ------------------------------------------------------------ */

static bool find_way(struct worker *w, uint32_t sock, uint32_t tag, struct way *way)
{
	uint32_t port = sock / 2;
	struct port *p = &w->port[port];

	if (p->state != PORT_LENT || IO_TAG(p->generation) != tag) {
		DROP(w, closed);
		return false;
	}
	*way = (struct way){ .session = &w->session[p->slot],
		.port = p,
		.sock = &p->sock[sock % 2],
		.number = sock,
		.from = &w->end[port],
		.place = p->place,
		.inside = p->place == KEDGE_END_INSIDE,
		.rtcp_port = sock % 2 };
	return true;
}

/* What an earlier call on this pair still sends is a stranger's: by its SSRC, or by its time, where the pair was lent before its rest
 * was over; keys tell them apart anyway. The address that was signaled for this call is its own all the same. */
static bool of_dead_call(const struct worker *w, const struct way *way, const struct latch *l, const struct kedge_addr *from, uint32_t ssrc)
{
	bool rests = port_rests(way->port, w->now_ns) && !(way->from->work & WORK_SECURE);

	return (rests || port_buried(way->port, ssrc)) && !addr_same(from, &l->signaled) && !addr_same(from, &l->far);
}

/* The sender's address is known only while the socket is not connected. A plain reception may outlive the connection for a
 * moment, until its cancel is done: what it reads then may be anybody's. ssrc: the packet's; 0: none. l: the socket's latch, or a
 * copy. */
static enum latch_verdict ask_latch(struct worker *w, struct way *way, struct latch *l, const struct sockaddr *from, uint32_t ssrc)
{
	struct kedge_addr addr;

	if (from == NULL && way->sock->connected) {
		l->heard_ns = w->now_ns;
		return LATCH_KNOWN;
	}
	if (from == NULL)
		return LATCH_STRANGER;
	addr = addr_from(from);
	if (of_dead_call(w, way, l, &addr, ssrc))
		return LATCH_STRANGER;
	return latch_check(l, way->from->want.learn, &addr, w->now_ns);
}

static void latch_taken(struct worker *w, struct way *way, uint32_t ssrc, bool again)
{
	way->port->voice = ssrc;
	port_target(w, way->number / 2, way->rtcp_port);
	end_latched(w, way->number / 2);
	worker_count(again ? &w->count->relatched : &w->count->latched, 1);
}

/* False: a stranger. */
static bool check_source(struct worker *w, struct way *way, const struct sockaddr *from, uint32_t ssrc)
{
	struct latch *l = &way->sock->latch;
	bool again = l->state != LATCH_OPEN;
	enum latch_verdict verdict;

	if (way->known)
		return true;
	verdict = ask_latch(w, way, l, from, ssrc);
	if (verdict == LATCH_STRANGER) {
		DROP(w, stranger);
		return false;
	}
	if (verdict == LATCH_TAKEN)
		latch_taken(w, way, ssrc, again);
	return true;
}

/* May its end send another one? Only what authenticates uses that up, so that who forges takes nothing from the real end. */
static bool rate_left(struct worker *w, struct way *way)
{
	if (way->port->left > 0)
		return true;
	if (!rate_more(w, way->number / 2))
		return false;
	way->port->left++;
	return true;
}

/* What costs arithmetic has its limits before it is done: the end's rate, and what may be forged. False: counted. */
static bool may_try(struct worker *w, struct way *way, bool learnt, bool rtcp, const uint8_t *data, size_t len)
{
	if (!rate_left(w, way)) {
		DROP(w, rate);
		return false;
	}
	if (secure_may_try(way->from->secure, learnt, rtcp, data, len, w->now_ns))
		return true;
	worker_count(&w->count->srtp_flood, 1);
	return false;
}

/* SRTP: a stranger costs no arithmetic, and only what authenticates teaches the latch or counts as heard. In clear from here on. */
static bool check_secure(struct worker *w, struct way *way, const struct sockaddr *from, bool rtcp, uint8_t *data, size_t *len)
{
	uint32_t ssrc = *len >= RTP_HEADER ? rtp_get32(data + (rtcp ? 4 : 8)) : 0;
	struct latch *l = &way->sock->latch, learnt = *l;
	enum latch_verdict verdict = ask_latch(w, way, &learnt, from, ssrc);
	bool wants = verdict == LATCH_TAKEN && learnt.state == LATCH_LEARNT;
	enum secure_result r;

	if (verdict == LATCH_STRANGER) {
		DROP(w, stranger);
		return false;
	}
	if (!may_try(w, way, wants, rtcp, data, *len))
		return false;
	r = rtcp ? secure_unprotect_rtcp(way->from->secure, data, len, w->now_ns)
	         : secure_unprotect(way->from->secure, data, len, w->now_ns);
	if (r == SECURE_AUTH)
		secure_forged(way->from->secure, wants);
	if (!outlet_secured(w, r))
		return false;
	way->known = true;
	if (verdict == LATCH_TAKEN) {
		bool again = l->state != LATCH_OPEN;

		*l = learnt;
		latch_taken(w, way, ssrc, again);
	}
	l->heard_ns = learnt.heard_ns;
	return true;
}

/* Asked of those only who may speak, so that no stranger uses up what the end may send. */
static bool within_rate(struct worker *w, struct way *way)
{
	if (way->port->left > 0) {
		way->port->left--;
		return true;
	}
	if (rate_more(w, way->number / 2))
		return true;
	DROP(w, rate);
	return false;
}

static bool find_other_end(struct worker *w, struct way *way)
{
	struct session *s = way->session;
	uint32_t port;

	if (s->live == KEDGE_LIVE_NONE && way->from->flags & KEDGE_END_ECHO) {
		way->to_port = way->port;
		way->to = way->from;
		return true;
	}
	if (s->live == KEDGE_LIVE_NONE) {
		DROP(w, early);
		return false;
	}
	if (!way->inside && s->live != way->place) {
		DROP(w, not_live);
		return false;
	}
	port = way->inside ? s->out[s->live] : s->in;
	if (port == KEDGE_PORT_NONE) {
		DROP(w, no_peer);
		return false;
	}
	way->to_port = &w->port[port];
	way->to = &w->end[port];
	return true;
}

/* ---- counters -------------------------------------------------------------------------------- */

static bool is_event(const struct end *from, const struct rtp *h)
{
	return h->payload_type == from->telephone_event || h->payload_type == from->event_here;
}

static void count_rtp(struct worker *w, struct way *way, const struct rtp *h, size_t len)
{
	struct end *e = way->from;
	struct kedge_flow *f = &way->session->stats->flow[!way->inside];
	uint32_t lost = e->quality.lost, late = e->quality.late;
	enum quality_kind kind = is_event(e, h)                ? QUALITY_EVENT
	                         : h->payload_type == e->noise ? QUALITY_NOISE
	                                                       : QUALITY_SOUND;
	uint64_t gap = quality_rtp(&e->quality, h, e->pace.clock_rate, kind, w->now_ns);

	e->packets++;
	e->heard = true;
	worker_count(&f->packets, 1);
	worker_count(&f->bytes, len);
	/* Lost may shrink by one: the difference is added in 32 bits each. */
	if (lost != e->quality.lost || late != e->quality.late) {
		uint64_t ll = atomic_load_explicit(&f->lost_late, memory_order_relaxed);
		uint32_t l = (uint32_t)(ll >> 32) + (e->quality.lost - lost);

		ll = (uint64_t)l << 32 | (uint32_t)((uint32_t)ll + (e->quality.late - late));
		atomic_store_explicit(&f->lost_late, ll, memory_order_relaxed);
	}
	atomic_store_explicit(&f->jitter_us, quality_jitter_us(&e->quality), memory_order_relaxed);
	if (gap > atomic_load_explicit(&f->max_gap_ns, memory_order_relaxed))
		atomic_store_explicit(&f->max_gap_ns, gap, memory_order_relaxed);
	if (atomic_load_explicit(&f->first_rx_ns, memory_order_relaxed) == 0)
		atomic_store_explicit(&f->first_rx_ns, w->now_ns, memory_order_relaxed);
	atomic_store_explicit(&f->last_rx_ns, w->now_ns, memory_order_relaxed);
}

/* What a restarted worker knows of the sender, stored before the packet is sent on. */
static void store_source(const struct end *from)
{
	struct kedge_end_run *run = from->run;

	atomic_store_explicit(&run->rx_index, from->quality.index, memory_order_relaxed);
	atomic_store_explicit(&run->ssrc,
	    (atomic_load_explicit(&run->ssrc, memory_order_relaxed) & ~0xffffffffULL) | from->quality.ssrc,
	    memory_order_relaxed);
}

static void count_relayed(struct worker *w, const struct way *way)
{
	struct session *s = way->session;

	worker_count(&s->stats->flow[!way->inside].relayed, 1);
	if (!way->inside && !s->first_told) {
		s->first_told = true;
		worker_event(w, KEDGE_EVT_FIRST_RTP, s->generation, way->port->slot);
	}
}

/* ---- RTP ------------------------------------------------------------------------------------- */

/* What lies on the way of a few calls only: each stage is a bit of one of the two ends. False: the packet goes no further. */
static bool work_on(struct worker *w, const struct way *way, struct rtp *h, uint8_t *data)
{
	unsigned work = way->from->work | way->to->work;

	if (way->to->work & WORK_PLAY && !local_gives_way(w, way->to->port)) {
		DROP(w, held);
		return false;
	}
	if (work & WORK_DIGITS && !dtmf_relay(w, way->from, way->to, way->place, h, data))
		return false;
	if (way->from->work & WORK_LISTEN)
		return tonetest_packet(way->from, h, data);
	if (work & WORK_TYPES)
		remap_packet(way->inside ? way->to : way->from, !way->inside, h, data);
	return true;
}

/* An event that passes as one: what is open on a line is known. */
static bool relay_event(struct worker *w, const struct way *way, struct rtp *h, uint8_t *data, size_t len)
{
	struct named n;
	bool is = named_read(data + rtp_header(data), h->payload, &n) == 0;

	if (is && way->from->event_rate != way->to->event_rate && way->to->telephone_event != 0xff) {
		const struct rescale_clock clock = { way->from->pace.clock_rate, way->from->event_rate, way->to->event_rate };

		rescale_event(&way->from->rescale, &clock, h, &n);
		named_write(data + rtp_header(data), &n);
		h->payload_type = way->to->telephone_event;
	}
	if (!outlet_rtp(w, way->to, way->place, &way->from->pace, h, data, len))
		return false;
	if (is)
		dtmf_passed(way->to, h, &n);
	return true;
}

/* True: the packet passes as it is, with h->sequence, behind what was made of those before it. */
static bool resized(struct worker *w, const struct way *way, struct rtp *h, const uint8_t *data)
{
	bool passes = false;

	for (unsigned n = resize_packet(w, way->to, way->place, &way->from->pace, h, data, &passes); n > 0; n--)
		count_relayed(w, way);
	return passes;
}

static void relay_rtp(struct worker *w, struct way *way, struct rtp *h, uint8_t *data, size_t len)
{
	if ((way->from->work | way->to->work) & WORK_RECORD)
		tap_packet(w, way->number, data, len);
	h->event = is_event(way->from, h);
	if (h->event && dtmf_cut_off(w, way->from, way->to, way->place, h))
		return;
	store_source(way->from);
	if ((way->from->work | way->to->work) && !work_on(w, way, h, data))
		return;
	if (way->to->work & WORK_PTIME && !resized(w, way, h, data))
		return;
	if (h->event ? relay_event(w, way, h, data, len)
	             : outlet_rtp(w, way->to, way->place, &way->from->pace, h, data, len))
		count_relayed(w, way);
}

/* A datagram stream that is not RTP (T.38): its bytes are nobody's business. */
static void relay_plain(struct worker *w, struct way *way, const uint8_t *data, size_t len)
{
	struct kedge_flow *f = &way->session->stats->flow[!way->inside];

	way->from->heard = true;
	worker_count(&f->packets, 1);
	worker_count(&f->bytes, len);
	atomic_store_explicit(&f->last_rx_ns, w->now_ns, memory_order_relaxed);
	if ((way->from->work | way->to->work) & WORK_RECORD)
		tap_packet(w, way->number, data, len);
	if (outlet_plain(w, way->to, data, len))
		count_relayed(w, way);
}

static bool held(struct worker *w, const struct way *way)
{
	if (way->from->flags & KEDGE_END_RECV && way->to->flags & KEDGE_END_SEND)
		return false;
	DROP(w, held);
	return true;
}

enum fate { GONE, SENT, EARLY /* nobody may hear it yet */ };

/* What it was that is not relayed. */
static void malformed(struct worker *w, const uint8_t *data, size_t len)
{
	struct kedge_worker *c = w->count;
	_Atomic uint64_t *const why[] = { [RTP_SOUND] = &c->bad_short, [RTP_SHORT] = &c->bad_short, [RTP_STUN] = &c->bad_stun,
		[RTP_VERSION] = &c->bad_version, [RTP_TYPE] = &c->bad_type, [RTP_CSRC] = &c->bad_csrc,
		[RTP_EXTENSION] = &c->bad_extension, [RTP_PADDING] = &c->bad_padding };

	DROP(w, malformed);
	worker_count(why[rtp_fault(data, len)], 1);
}

/* A datagram of no RTP stream: UDPTL has a sequence number and a length at least (T.38 9.1), and a NAT probe is none. */
static bool plain_sound(struct worker *w, const uint8_t *data, size_t len)
{
	if (len > UDPTL_HEAD && !rtp_is_stun(data, len))
		return true;
	DROP(w, malformed);
	worker_count(len > UDPTL_HEAD ? &w->count->bad_stun : &w->count->bad_short, 1);
	return false;
}

static enum fate on_rtp(
    struct worker *w, struct way *way, const struct sockaddr *from, uint8_t *data, size_t len)
{
	bool plain = way->from->flags & KEDGE_END_PLAIN;
	struct rtp h;

	if (plain && !plain_sound(w, data, len))
		return GONE;
	if (!plain && rtp_parse(data, len, &h) < 0) {
		malformed(w, data, len);
		return GONE;
	}
	if (!check_source(w, way, from, plain ? 0 : h.ssrc) || !within_rate(w, way))
		return GONE;
	if (!find_other_end(w, way))
		return !way->inside && way->session->live != way->place ? EARLY : GONE;
	if (!plain && way->from->flags & KEDGE_END_RECV)
		count_rtp(w, way, &h, len);
	if (held(w, way))
		return !way->inside && !way->from->heard ? EARLY : GONE;
	if (plain || way->to->flags & KEDGE_END_PLAIN)
		relay_plain(w, way, data, len);
	else
		relay_rtp(w, way, &h, data, len);
	return SENT;
}

bool relay_again(struct worker *w, uint32_t sock, uint32_t tag, const struct sockaddr *from,
    uint8_t *data, size_t len)
{
	struct way way;
	enum fate fate = GONE;

	if (find_way(w, sock, tag, &way))
		fate = on_rtp(w, &way, from, data, len);
	if (fate == SENT)
		worker_count(&w->count->early_heard, 1);
	return fate == EARLY;
}

/* ---- RTCP ------------------------------------------------------------------------------------ */

static void bad_rtcp(struct worker *w, const uint8_t *data, size_t len)
{
	DROP(w, malformed);
	worker_count(rtp_is_stun(data, len) ? &w->count->bad_stun : &w->count->bad_rtcp, 1);
}

/* Reports flow while a stream is on hold too (RFC 3264 5.1). */
static void on_rtcp(
    struct worker *w, struct way *way, const struct sockaddr *from, const uint8_t *data, size_t len)
{
	struct stitch_rtcp r;
	uint8_t *out;
	size_t n;

	if (!rtp_is_rtcp(data, len) || data[0] >> 6 != 2) {
		bad_rtcp(w, data, len);
		return;
	}
	if (!check_source(w, way, from, len >= 8 ? rtp_get32(data + 4) : 0) || !within_rate(w, way) || !find_other_end(w, way) ||
	    way->to == way->from)
		return;
	worker_count(&way->session->stats->rtcp_packets[!way->inside], 1);
	report_heard(&way->from->report, data, len,
	    &(struct report_line){ way->from->packets, way->from->line.ssrc, way->to->quality.lost }, w->now_ns);
	r = (struct stitch_rtcp){ .line = &way->to->line,
		.back = &way->from->line,
		.back_received = way->to->quality.index,
		.source = way->place,
		.to = way->to_port->place,
		.cname = way->session->cname };
	if (way->from->work & WORK_PTIME && !resize_ratio(w, way->from, &r.came, &r.made))
		r.came = 0;
	out = outlet_room(w);
	n = stitch_rtcp(&r, data, len, out);
	if (n == 0) {
		bad_rtcp(w, data, len);
		return;
	}
	report_passed(&way->to->report, out, n, w->now_ns);
	outlet_rtcp(w, way->to, out, n);
}

/* Longer than its buffer: the next ones get larger buffers, if it was no stranger that sent it. */
static void on_cut(struct worker *w, const struct way *way, const struct sockaddr *from)
{
	struct kedge_addr addr;

	DROP(w, malformed);
	worker_count(&w->count->bad_cut, 1);
	if (from != NULL) {
		addr = addr_from(from);
		if (!addr_same(&addr, latch_target(&way->sock->latch)))
			return;
	}
	port_bigger(w, way->number);
}

void relay_soon(struct worker *w, uint32_t sock)
{
	const struct end *e = &w->end[sock / 2];

	__builtin_prefetch(&w->port[sock / 2]);
	__builtin_prefetch(e);
	__builtin_prefetch((const char *)e + KEDGE_LINE);
	__builtin_prefetch((const char *)e + 2 * KEDGE_LINE);
}

void relay_packet(struct worker *w, uint32_t sock, uint32_t tag, const struct sockaddr *from,
    uint8_t *data, size_t len, bool cut)
{
	struct way way;
	bool rtcp;

	worker_count(&w->count->packets_in, 1);
	worker_count(&w->count->bytes_in, len);
	if (!find_way(w, sock, tag, &way))
		return;
	if (cut) {
		on_cut(w, &way, from);
		return;
	}
	rtcp = way.rtcp_port || (way.from->flags & KEDGE_END_RTCP_MUX && rtp_is_rtcp(data, len));
	if (way.from->work & WORK_SECURE && !check_secure(w, &way, from, rtcp, data, &len))
		return;
	if (rtcp)
		on_rtcp(w, &way, from, data, len);
	else if (on_rtp(w, &way, from, data, len) == EARLY)
		early_keep(w, sock, tag, from, data, len);
}
