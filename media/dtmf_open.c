// SPDX-License-Identifier: MIT
#include "media/dtmf_part.h"

#include "media/outlet.h"
#include "media/worker.h"

#define ENDS 3
#define OPEN 128u /* in the word: there is one */

/* For a successor. */
static void store(const struct end *to)
{
	const struct dtmf_open *o = &to->open;
	uint64_t word = 0;

	if (to->work & WORK_EVENT)
		word = (uint64_t)o->timestamp << 32 | (uint64_t)o->duration << 16 | (uint64_t)o->code << 8 | OPEN | o->pt;
	atomic_store_explicit(&to->run->event, word, memory_order_relaxed);
}

void dtmf_passed(struct end *to, const struct rtp *h, const struct named *n)
{
	if (n->end) {
		to->work &= (uint8_t)~WORK_EVENT;
		store(to);
		return;
	}
	to->work |= WORK_EVENT;
	to->open = (struct dtmf_open){ .timestamp = h->timestamp,
		.duration = n->duration,
		.code = n->code,
		.volume = n->volume,
		.pt = h->payload_type };
	store(to);
}

bool dtmf_cut_off(struct worker *w, const struct end *from, struct end *to, uint8_t place, const struct rtp *h)
{
	return from->cut_off && h->timestamp == from->cut_off_timestamp && !dtmf_leave_out(w, to, place);
}

/* Nothing passed since that would be later than it. */
static bool open_still(const struct end *to)
{
	uint32_t duration = (uint32_t)((uint64_t)to->open.duration * to->pace.clock_rate / to->event_rate);

	return (int32_t)(to->line.last_timestamp - to->open.timestamp - duration) <= 0;
}

/* Three end packets, as its own source would have sent them next. */
static void send_ends(struct worker *w, struct end *to)
{
	const struct dtmf_open *o = &to->open;
	const struct named n = { .code = o->code, .volume = o->volume, .end = true, .duration = o->duration };

	to->work &= (uint8_t)~WORK_EVENT;
	store(to);
	for (int i = 0; i < ENDS; i++) {
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

static void close_open(struct worker *w, struct end *to)
{
	if (open_still(to)) {
		send_ends(w, to);
		return;
	}
	to->work &= (uint8_t)~WORK_EVENT;
	store(to);
}

/* ---- restart --------------------------------------------------------------------------------- */

void dtmf_end_recovered(struct worker *w, struct end *e)
{
	uint64_t word = atomic_load_explicit(&e->run->event, memory_order_relaxed);
	struct dtmf *d;

	if (!(word & OPEN) || !e->line.started || e->line.source == STITCH_NONE) {
		if (e->line.source == OUTLET_LOCAL) /* what is said from now on is numbered anew */
			stitch_break(&e->line);
		return;
	}
	d = dtmf_of(e);
	if (d == NULL)
		return;
	e->work |= WORK_EVENT;
	e->open = (struct dtmf_open){ .timestamp = (uint32_t)(word >> 32),
		.duration = (uint16_t)(word >> 16),
		.code = (uint8_t)(word >> 8),
		.volume = NAMED_VOLUME,
		.pt = word & 127 };
	d->revived = true;
	d->revived_ns = w->now_ns;
	d->revived_duration = e->open.duration;
	dtmf_list(w, d);
}

/* A digit that kedge was saying is over as soon as it is one. What nobody goes on with: those that follow stand behind it. */
void dtmf_close_revived(struct worker *w, struct end *to)
{
	struct dtmf *d = to->dtmf;
	uint32_t least = NAMED_ON_MS * to->event_rate / 1000;
	bool own = to->line.source == OUTLET_LOCAL;

	if (!d->revived)
		return;
	if (to->work & WORK_EVENT && to->open.duration != d->revived_duration) {
		d->revived_ns = w->now_ns;
		d->revived_duration = to->open.duration;
	}
	if (to->work & WORK_EVENT && !own && w->now_ns - d->revived_ns < NAMED_LOST_NS)
		return;
	d->revived = false;
	if (!(to->work & WORK_EVENT))
		return;
	if (own && to->open.duration < least)
		to->open.duration = (uint16_t)least;
	send_ends(w, to);
	stitch_break(&to->line);
}

/* ---- switches -------------------------------------------------------------------------------- */

void dtmf_interrupted(struct worker *w, struct end *to, uint8_t source, uint32_t ssrc)
{
	if (to->line.source != source || to->line.source_ssrc != ssrc)
		close_open(w, to);
}

void dtmf_switch(struct worker *w, uint32_t slot)
{
	struct session *s = &w->session[slot];
	uint32_t port = dtmf_live(s);
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
	if (out->work & in->work & WORK_DIGITS && named_lost(&out->dtmf->heard, out->event_rate, UINT64_MAX, &over))
		dtmf_give(w, out, in, &over);
}
