// SPDX-License-Identifier: MIT
#include "media/dtmf.h"

#include <stdlib.h>
#include <string.h>

#include "media/dtmf_part.h"
#include "media/recover.h"
#include "media/worker.h"

#define ECHO_MS 1000 /* between an INFO and the end of the same digit as event or tones, beside its length */

/* ---- which ends ------------------------------------------------------------------------------ */

struct session *dtmf_session(struct worker *w, const struct end *e)
{
	return &w->session[w->port[e->port].slot];
}

uint32_t dtmf_live(const struct session *s)
{
	return s->live == KEDGE_LIVE_NONE ? KEDGE_PORT_NONE : s->out[s->live];
}

/* The end that hears this one, NULL: none does. */
static struct end *other_end(struct worker *w, const struct end *e)
{
	struct session *s = dtmf_session(w, e);
	uint32_t port = e->port == s->in ? dtmf_live(s) : e->port == dtmf_live(s) ? s->in : KEDGE_PORT_NONE;

	return port == KEDGE_PORT_NONE ? NULL : &w->end[port];
}

void dtmf_list(struct worker *w, struct dtmf *d)
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

struct kedge_digits *dtmf_ring(struct worker *w, const struct end *e, unsigned way)
{
	return segment_digits(w->seg, w->port[e->port].slot, way);
}

/* What a predecessor gave last is not given again. */
static void recall(struct worker *w, const struct end *e, struct dtmf *d)
{
	struct digit last;

	if (recover_under_way(w) &&
	    digit_newest(dtmf_ring(w, e, 0), dtmf_session(w, e)->generation, w->port[e->port].place, &last) == 0)
		named_given(&d->heard, e->quality.ssrc, last.timestamp);
}

struct dtmf *dtmf_of(struct end *e)
{
	if (e->dtmf == NULL)
		e->dtmf = calloc(1, sizeof(*e->dtmf));
	if (e->dtmf != NULL)
		e->dtmf->port = e->port;
	return e->dtmf;
}

static bool begin(struct worker *w, struct end *e)
{
	struct dtmf *d = dtmf_of(e);

	if (d == NULL)
		return false;
	if (!d->turns)
		recall(w, e, d);
	d->turns = true;
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
	uint32_t port = dtmf_live(s);
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
	dtmf_list(w, in->dtmf);
	dtmf_list(w, out->dtmf);
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

	if (t == NULL || t->waiting == DTMF_QUEUE) {
		worker_count(&w->count->digits_lost, 1);
		return;
	}
	t->queue[t->waiting++] = *d;
	dtmf_list(w, t);
}

/* Some send each digit by INFO too. Signaling takes no more INFOs once something was heard: the first one it had before. */
static bool was_asked(struct worker *w, const struct end *from, const struct end *to, const struct digit *d)
{
	struct digit like = { .event = d->event, .end = w->port[to->port].place };

	return digit_put_lately(dtmf_ring(w, to, 1), dtmf_session(w, from)->generation, &like, digit_ms(w->now_ns),
	    ECHO_MS + d->duration_ms, &from->dtmf->echoed);
}

void dtmf_give(struct worker *w, struct end *from, struct end *to, struct digit *d)
{
	struct session *s = dtmf_session(w, from);
	struct port *p = &w->port[from->port];
	bool told;

	d->end = p->place;
	worker_count(&w->count->digits_heard, 1);
	told = digit_put(dtmf_ring(w, from, 0), d, s->generation) == 0;
	if (told)
		worker_event(w, KEDGE_EVT_DIGITS, s->generation, p->slot);
	if (to->want.dtmf != KEDGE_DTMF_INFO && was_asked(w, from, to, d))
		worker_count(&w->count->drop_digit, 1);
	else if (to->want.dtmf != KEDGE_DTMF_INFO)
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
	count = named_hear(&d->heard, h, &n, from->event_rate, w->now_ns, over);
	for (unsigned i = 0; i < count; i++)
		dtmf_give(w, from, to, &over[i]);
	if (d->heard.open)
		dtmf_list(w, d);
}

bool dtmf_g711(uint8_t codec)
{
	return codec == KEDGE_CODEC_PCMU || codec == KEDGE_CODEC_PCMA;
}

/* True: there is a digit in it. */
static bool hear_tones(struct worker *w, struct end *from, struct end *to, const struct rtp *h, const uint8_t *data)
{
	struct digit over;
	bool within;

	if (h->payload_type != from->want.audio_pt || !dtmf_g711(from->want.codec))
		return false;
	over.event = DIGIT_EVENTS;
	within = tonepair_hear(from->dtmf->tones, from->want.codec, h->timestamp, data + rtp_header(data), h->payload, &over);
	if (over.event != DIGIT_EVENTS)
		dtmf_give(w, from, to, &over);
	return within;
}

/* ---- what is relayed beside them ------------------------------------------------------------- */

bool dtmf_leave_out(struct worker *w, struct end *to, uint8_t place)
{
	worker_count(&w->count->drop_digit, 1);
	if (to->line.source == place)
		stitch_break(&to->line);
	return false;
}

static bool silence(struct worker *w, const struct end *from, struct end *to, uint8_t place, const struct rtp *h, uint8_t *data)
{
	if (h->payload_type != from->want.audio_pt || !dtmf_g711(from->want.codec))
		return dtmf_leave_out(w, to, place);
	memset(data + rtp_header(data), tonepair_silence(from->want.codec), h->payload);
	return true;
}

bool dtmf_relay(struct worker *w, struct end *from, struct end *to, uint8_t place, const struct rtp *h, uint8_t *data)
{
	bool within;

	if (!(from->work & to->work & WORK_DIGITS))
		return true;
	if (h->event) {
		hear_event(w, from, to, h, data);
		return dtmf_leave_out(w, to, place);
	}
	within = from->want.dtmf == KEDGE_DTMF_INBAND ? hear_tones(w, from, to, h, data) : from->dtmf->heard.open;
	if (dtmf_busy(to))
		return dtmf_leave_out(w, to, place);
	return !within || silence(w, from, to, place, h, data);
}

/* ---- time ----------------------------------------------------------------------------------------- */

static void hear_lost(struct worker *w, struct end *e)
{
	struct end *to = other_end(w, e);
	struct digit over;

	if (named_lost(&e->dtmf->heard, e->event_rate, w->now_ns, &over) && to != NULL)
		dtmf_give(w, e, to, &over);
}

static bool idle(struct worker *w, const struct dtmf *d)
{
	const struct kedge_digits *q = dtmf_ring(w, &w->end[d->port], 1);

	return !d->revived && !d->heard.open && !d->said.busy && !d->toning && d->waiting == 0 &&
	       atomic_load_explicit(&q->put, memory_order_relaxed) == atomic_load_explicit(&q->taken, memory_order_relaxed);
}

void dtmf_tick(struct worker *w)
{
	for (struct dtmf *d = w->dtmf, *next; d != NULL; d = next) {
		next = d->next;
		hear_lost(w, &w->end[d->port]);
		dtmf_close_revived(w, &w->end[d->port]);
		dtmf_say(w, &w->end[d->port]);
		if (idle(w, d))
			unlist(w, d);
	}
}
