// SPDX-License-Identifier: MIT
#include "media/dtmf_part.h"

#include <string.h>

#include "media/outlet.h"
#include "media/worker.h"

#define SSRC     0x64746d66u /* of what is said here, until the line writes its own */
#define PTIME_MS 20          /* where the end's own is out of the usual */

/* ---- packets ------------------------------------------------------------------------------------- */

bool dtmf_busy(const struct end *e)
{
	return e->dtmf != NULL && (e->dtmf->said.busy || e->dtmf->toning);
}

static uint32_t ptime_of(const struct end *e)
{
	return e->pace.ptime_ms >= 10 && e->pace.ptime_ms <= 60 ? e->pace.ptime_ms : PTIME_MS;
}

static bool send_own(struct worker *w, struct end *to, struct rtp *h, uint8_t *data)
{
	struct stitch_pace pace = { .clock_rate = to->pace.clock_rate, .ptime_ms = (uint16_t)ptime_of(to) };

	h->ssrc = SSRC;
	h->sequence = to->dtmf->sequence++;
	data[0] = 0x80;
	return outlet_rtp(w, to, OUTLET_LOCAL, &pace, h, data, RTP_HEADER + (size_t)h->payload);
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
	if (send_own(w, to, &h, data))
		dtmf_passed(to, &h, n);
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
	struct session *s = dtmf_session(w, to);
	struct kedge_digits *q = dtmf_ring(w, to, 1);

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
	return tones ? dtmf_g711(to->want.codec) : to->telephone_event != 0xff;
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
		named_say(&t->said, d->event, d->duration_ms, to->event_rate, ptime_of(to), w->now_ns);
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

void dtmf_say(struct worker *w, struct end *to)
{
	struct digit d;

	while (!go_on(w, to) && next_digit(w, to, &d))
		begin_to_say(w, to, &d);
}
