// SPDX-License-Identifier: MIT
#include "media/dtmf_part.h"

#include "media/outlet.h"
#include "media/worker.h"

#define ENDS 3

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
	return from->cut_off && h->timestamp == from->cut_off_timestamp && !dtmf_leave_out(w, to, place);
}

/* Nothing passed since that would be later than it. */
static bool open_still(const struct end *to)
{
	uint32_t duration = (uint32_t)((uint64_t)to->open.duration * to->pace.clock_rate / to->event_rate);

	return (int32_t)(to->line.last_timestamp - to->open.timestamp - duration) <= 0;
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
