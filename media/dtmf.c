// SPDX-License-Identifier: MIT
#include "media/dtmf.h"

#include <stdlib.h>
#include <string.h>

#include "media/outlet.h"
#include "media/recover.h"
#include "media/tonepair.h"
#include "media/worker.h"

#define QUEUE    16          /* digits that wait to be said to one end */
#define SSRC     0x64746d66u /* of what is said here, until the line writes its own */
#define ENDS     3
#define PTIME_MS 20 /* where the end's own is out of the usual */

struct dtmf {
	struct dtmf *next; /* in worker.dtmf */
	bool listed;       /* it stands there: something is open, or due */
	uint32_t port;
	struct named_heard heard;
	struct named_said said;
	struct tonepair *tones; /* in-band only */
	bool toning;
	uint64_t frame_ns;
	uint32_t timestamp; /* of what is said */
	uint16_t sequence;
	uint8_t waiting;
	struct digit queue[QUEUE];
};

/* ---- which ends ------------------------------------------------------------------------------ */

static struct session *session_of(struct worker *w, const struct end *e)
{
	return &w->session[w->port[e->port].slot];
}

static uint32_t live_port(const struct session *s)
{
	return s->live == KEDGE_LIVE_NONE ? KEDGE_PORT_NONE : s->out[s->live];
}

/* The end that hears this one, NULL: none does. */
static struct end *other_end(struct worker *w, const struct end *e)
{
	struct session *s = session_of(w, e);
	uint32_t port = e->port == s->in ? live_port(s) : e->port == live_port(s) ? s->in : KEDGE_PORT_NONE;

	return port == KEDGE_PORT_NONE ? NULL : &w->end[port];
}

static void list(struct worker *w, struct dtmf *d)
{
	if (d->listed)
		return;
	d->listed = true;
	d->next = w->dtmf;
	w->dtmf = d;
}

static void unlist(struct worker *w, struct dtmf *d)
{
	struct dtmf **p = &w->dtmf;

	if (!d->listed)
		return;
	while (*p != d)
		p = &(*p)->next;
	*p = d->next;
	d->listed = false;
}

static struct kedge_digits *ring(struct worker *w, const struct end *e, unsigned way)
{
	return segment_digits(w->seg, w->port[e->port].slot, way);
}

/* What a predecessor gave last is not given again. */
static void recall(struct worker *w, const struct end *e, struct dtmf *d)
{
	struct digit last;

	if (recover_under_way(w) &&
	    digit_newest(ring(w, e, 0), session_of(w, e)->generation, w->port[e->port].place, &last) == 0)
		named_given(&d->heard, e->quality.ssrc, last.timestamp);
}

static bool begin(struct worker *w, struct end *e)
{
	struct dtmf *d = e->dtmf;

	if (d == NULL) {
		d = calloc(1, sizeof(*d));
		if (d == NULL)
			return false;
		d->port = e->port;
		e->dtmf = d;
		recall(w, e, d);
	}
	if (e->want.dtmf == KEDGE_DTMF_INBAND && d->tones == NULL)
		d->tones = tonepair_new();
	return e->want.dtmf != KEDGE_DTMF_INBAND || d->tones != NULL;
}

static bool differ(const struct end *a, const struct end *b)
{
	return a->want.dtmf != b->want.dtmf && a->want.dtmf != KEDGE_DTMF_NONE && b->want.dtmf != KEDGE_DTMF_NONE;
}

void dtmf_pair(struct worker *w, uint32_t slot)
{
	struct session *s = &w->session[slot];
	uint32_t port = live_port(s);
	struct end *in = &w->end[s->in], *out = &w->end[port];

	if (s->in != KEDGE_PORT_NONE)
		in->work &= (uint8_t)~WORK_DIGITS;
	if (s->in == KEDGE_PORT_NONE || port == KEDGE_PORT_NONE)
		return;
	out->work &= (uint8_t)~WORK_DIGITS;
	if (!differ(in, out) || !begin(w, in) || !begin(w, out))
		return;
	s->digits = true;
	in->work |= WORK_DIGITS;
	out->work |= WORK_DIGITS;
	list(w, in->dtmf);
	list(w, out->dtmf);
}

void dtmf_init(void)
{
	tonepair_init();
}

void dtmf_end_closed(struct worker *w, struct end *e)
{
	if (e->dtmf == NULL)
		return;
	unlist(w, e->dtmf);
	tonepair_free(e->dtmf->tones);
	free(e->dtmf);
	e->dtmf = NULL;
}

/* Nothing of this call may be said in the next one. */
void dtmf_session_closed(struct worker *w, uint32_t slot)
{
	struct kedge_digits *q;

	if (!w->session[slot].digits)
		return;
	q = segment_digits(w->seg, slot, 1);
	atomic_store_explicit(
	    &q->taken, atomic_load_explicit(&q->put, memory_order_acquire), memory_order_release); /* D1, D2 */
}

/* ---- digits in ------------------------------------------------------------------------------- */

static void enqueue(struct worker *w, struct end *to, const struct digit *d)
{
	struct dtmf *t = to->dtmf;

	if (t == NULL || t->waiting == QUEUE) {
		worker_count(&w->count->digits_lost, 1);
		return;
	}
	t->queue[t->waiting++] = *d;
	list(w, t);
}

/* A digit of `from` is over. */
static void give(struct worker *w, struct end *from, struct end *to, struct digit *d)
{
	struct session *s = session_of(w, from);
	struct port *p = &w->port[from->port];
	bool told;

	d->end = p->place;
	worker_count(&w->count->digits_heard, 1);
	told = digit_put(ring(w, from, 0), d, s->generation) == 0;
	if (told)
		worker_event(w, KEDGE_EVT_DIGITS, s->generation, p->slot);
	if (to->want.dtmf != KEDGE_DTMF_INFO)
		enqueue(w, to, d);
	else if (!told)
		worker_count(&w->count->digits_lost, 1);
}

static void hear_event(struct worker *w, struct end *from, struct end *to, const struct rtp *h, const uint8_t *data)
{
	struct dtmf *d = from->dtmf;
	struct digit over[2];
	struct named n;
	unsigned count;

	if (named_read(data + rtp_header(data), h->payload, &n) < 0)
		return;
	count = named_hear(&d->heard, h, &n, from->pace.clock_rate, w->now_ns, over);
	for (unsigned i = 0; i < count; i++)
		give(w, from, to, &over[i]);
	if (d->heard.open)
		list(w, d);
}

static bool g711(uint8_t codec)
{
	return codec == KEDGE_CODEC_PCMU || codec == KEDGE_CODEC_PCMA;
}

/* True: there is a digit in it. */
static bool hear_tones(struct worker *w, struct end *from, struct end *to, const struct rtp *h, const uint8_t *data)
{
	struct digit over;
	bool within;

	if (h->payload_type != from->want.audio_pt || !g711(from->want.codec))
		return false;
	over.event = DIGIT_EVENTS;
	within = tonepair_hear(from->dtmf->tones, from->want.codec, h->timestamp, data + rtp_header(data), h->payload, &over);
	if (over.event != DIGIT_EVENTS)
		give(w, from, to, &over);
	return within;
}

/* ---- what is relayed beside them ------------------------------------------------------------- */

/* What is left out is no loss: the line goes on with the next number. */
static bool leave_out(struct worker *w, struct end *to, uint8_t place)
{
	worker_count(&w->count->drop_digit, 1);
	if (to->line.source == place)
		stitch_break(&to->line);
	return false;
}

static bool silence(struct worker *w, const struct end *from, struct end *to, uint8_t place, const struct rtp *h, uint8_t *data)
{
	if (h->payload_type != from->want.audio_pt || !g711(from->want.codec))
		return leave_out(w, to, place);
	memset(data + rtp_header(data), tonepair_silence(from->want.codec), h->payload);
	return true;
}

bool dtmf_busy(const struct end *e)
{
	return e->dtmf != NULL && (e->dtmf->said.busy || e->dtmf->toning);
}

bool dtmf_relay(struct worker *w, struct end *from, struct end *to, uint8_t place, const struct rtp *h, uint8_t *data)
{
	bool within;

	if (!(from->work & to->work & WORK_DIGITS))
		return true;
	if (h->event) {
		hear_event(w, from, to, h, data);
		return leave_out(w, to, place);
	}
	within = from->want.dtmf == KEDGE_DTMF_INBAND ? hear_tones(w, from, to, h, data) : from->dtmf->heard.open;
	if (dtmf_busy(to))
		return leave_out(w, to, place);
	return !within || silence(w, from, to, place, h, data);
}

/* ---- digits out ------------------------------------------------------------------------------ */

static uint32_t ptime_of(const struct end *e)
{
	return e->pace.ptime_ms >= 10 && e->pace.ptime_ms <= 60 ? e->pace.ptime_ms : PTIME_MS;
}

static void send_own(struct worker *w, struct end *to, struct rtp *h, uint8_t *data)
{
	struct stitch_pace pace = { to->pace.clock_rate, ptime_of(to) };

	h->ssrc = SSRC;
	h->sequence = to->dtmf->sequence++;
	data[0] = 0x80;
	outlet_rtp(w, to, OUTLET_LOCAL, &pace, h, data, RTP_HEADER + (size_t)h->payload);
}

static void send_event(struct worker *w, struct end *to, const struct named *n, bool first)
{
	uint8_t *data = outlet_room(w);
	struct rtp h = { .timestamp = to->dtmf->timestamp,
		.payload_type = to->telephone_event,
		.payload = NAMED_BYTES,
		.marker = first,
		.event = true };

	named_write(data + RTP_HEADER, n);
	send_own(w, to, &h, data);
}

/* False: there is no more of it. */
static bool send_tones(struct worker *w, struct end *to)
{
	struct dtmf *t = to->dtmf;
	uint8_t *data = outlet_room(w);
	uint16_t n = (uint16_t)(ptime_of(to) * 8);
	struct rtp h = { .timestamp = t->timestamp, .payload_type = to->want.audio_pt, .payload = n };

	if (!tonepair_frame(t->tones, to->want.codec, data + RTP_HEADER, n))
		return false;
	send_own(w, to, &h, data);
	t->timestamp += n;
	t->frame_ns += ptime_of(to) * 1000000ULL;
	return true;
}

/* What signaling asked for, if it is for this end; what is for an end that nobody hears goes nowhere. */
static bool next_asked(struct worker *w, const struct end *to, struct digit *d)
{
	struct session *s = session_of(w, to);
	struct kedge_digits *q = ring(w, to, 1);

	while (digit_peek(q, s->generation, d) == 0) {
		if (d->end == w->port[to->port].place) {
			digit_take(q);
			return true;
		}
		if (d->end == KEDGE_END_INSIDE || d->end == s->live)
			return false;
		digit_take(q);
		worker_count(&w->count->digits_lost, 1);
	}
	return false;
}

static bool next_digit(struct worker *w, struct end *to, struct digit *d)
{
	struct dtmf *t = to->dtmf;

	if (t->waiting == 0)
		return next_asked(w, to, d);
	*d = t->queue[0];
	memmove(t->queue, t->queue + 1, --t->waiting * sizeof(t->queue[0]));
	return true;
}

/* May it be sent events, or tones? */
static bool hears(const struct end *to, bool tones)
{
	if (!(to->flags & KEDGE_END_SEND) || to->flags & KEDGE_END_PLAIN)
		return false;
	return tones ? g711(to->want.codec) : to->telephone_event != 0xff;
}

static bool can_say(const struct end *to)
{
	if (!(to->work & WORK_DIGITS) || (to->want.dtmf != KEDGE_DTMF_EVENT && to->want.dtmf != KEDGE_DTMF_INBAND))
		return false;
	return hears(to, to->want.dtmf == KEDGE_DTMF_INBAND);
}

/* It went on hold, to another codec, to a fax, in the middle of a digit. */
static void break_off(struct worker *w, struct end *to)
{
	struct dtmf *t = to->dtmf;

	if (!dtmf_busy(to) || hears(to, t->toning))
		return;
	worker_count(&w->count->digits_lost, 1);
	if (t->toning)
		tonepair_hush(t->tones);
	t->said.busy = t->toning = false;
}

static void begin_to_say(struct worker *w, struct end *to, const struct digit *d)
{
	struct dtmf *t = to->dtmf;

	if (!can_say(to)) {
		worker_count(&w->count->digits_lost, 1);
		return;
	}
	worker_count(&w->count->digits_said, 1);
	t->timestamp = (uint32_t)(w->now_ns / 1000 * to->pace.clock_rate / 1000000);
	if (to->want.dtmf == KEDGE_DTMF_EVENT) {
		named_say(&t->said, d->event, d->duration_ms, to->pace.clock_rate, ptime_of(to), w->now_ns);
		return;
	}
	tonepair_say(t->tones, d->event, named_length_ms(d->duration_ms), NAMED_OFF_MS);
	t->toning = true;
	t->frame_ns = w->now_ns;
}

/* Sends what is due. True: something is under way. */
static bool go_on(struct worker *w, struct end *to)
{
	struct dtmf *t = to->dtmf;
	struct named n;
	bool first;

	break_off(w, to);
	while (named_step(&t->said, w->now_ns, &n, &first))
		send_event(w, to, &n, first);
	while (t->toning && w->now_ns >= t->frame_ns)
		t->toning = send_tones(w, to);
	return t->said.busy || t->toning;
}

static void say(struct worker *w, struct end *to)
{
	struct digit d;

	while (!go_on(w, to) && next_digit(w, to, &d))
		begin_to_say(w, to, &d);
}

static void hear_lost(struct worker *w, struct end *e)
{
	struct end *to = other_end(w, e);
	struct digit over;

	if (named_lost(&e->dtmf->heard, e->pace.clock_rate, w->now_ns, &over) && to != NULL)
		give(w, e, to, &over);
}

static bool idle(struct worker *w, const struct dtmf *d)
{
	const struct kedge_digits *q = ring(w, &w->end[d->port], 1);

	return !d->heard.open && !d->said.busy && !d->toning && d->waiting == 0 &&
	       atomic_load_explicit(&q->put, memory_order_relaxed) == atomic_load_explicit(&q->taken, memory_order_relaxed);
}

void dtmf_tick(struct worker *w)
{
	for (struct dtmf *d = w->dtmf, *next; d != NULL; d = next) {
		next = d->next;
		hear_lost(w, &w->end[d->port]);
		say(w, &w->end[d->port]);
		if (idle(w, d))
			unlist(w, d);
	}
}

/* ---- events that pass ------------------------------------------------------------------------ */

void dtmf_passed(struct end *to, const struct rtp *h, const struct named *n)
{
	if (n->end) {
		to->work &= (uint8_t)~WORK_EVENT;
		return;
	}
	to->work |= WORK_EVENT;
	to->open = (struct dtmf_open){ .timestamp = h->timestamp,
		.duration = n->duration,
		.code = n->code,
		.volume = n->volume,
		.pt = h->payload_type };
}

bool dtmf_cut_off(struct worker *w, const struct end *from, struct end *to, uint8_t place, const struct rtp *h)
{
	return from->cut_off && h->timestamp == from->cut_off_timestamp && !leave_out(w, to, place);
}

/* Nothing passed since that would be later than it. */
static bool open_still(const struct end *to)
{
	return (int32_t)(to->line.last_timestamp - to->open.timestamp - to->open.duration) <= 0;
}

/* Three end packets, as its own source would have sent them next. */
static void close_open(struct worker *w, struct end *to)
{
	const struct dtmf_open *o = &to->open;
	const struct named n = { .code = o->code, .volume = o->volume, .end = true, .duration = o->duration };

	to->work &= (uint8_t)~WORK_EVENT;
	for (int i = 0; i < ENDS && open_still(to); i++) {
		const struct stitch *l = &to->line;
		uint8_t *data = outlet_room(w);
		struct rtp h = { .timestamp = o->timestamp - l->timestamp_offset,
			.ssrc = l->source_ssrc,
			.sequence = (uint16_t)(l->index + 1 - l->sequence_offset),
			.payload_type = o->pt,
			.payload = NAMED_BYTES,
			.event = true };

		data[0] = 0x80;
		named_write(data + RTP_HEADER, &n);
		outlet_rtp(w, to, l->source, &to->pace, &h, data, RTP_HEADER + NAMED_BYTES);
	}
}

void dtmf_interrupted(struct worker *w, struct end *to, uint8_t source, uint32_t ssrc)
{
	if (to->line.source != source || to->line.source_ssrc != ssrc)
		close_open(w, to);
}

void dtmf_switch(struct worker *w, uint32_t slot)
{
	struct session *s = &w->session[slot];
	uint32_t port = live_port(s);
	struct end *in = &w->end[s->in], *out = &w->end[port];
	struct digit over;

	if (s->in == KEDGE_PORT_NONE || port == KEDGE_PORT_NONE)
		return;
	in->cut_off = (out->work & WORK_EVENT) != 0;
	if (in->cut_off) {
		in->cut_off_timestamp = out->open.timestamp - out->line.timestamp_offset;
		close_open(w, out);
	}
	if (in->work & WORK_EVENT)
		close_open(w, in);
	if (out->work & in->work & WORK_DIGITS && named_lost(&out->dtmf->heard, out->pace.clock_rate, UINT64_MAX, &over))
		give(w, out, in, &over);
}
