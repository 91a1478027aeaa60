// SPDX-License-Identifier: MIT
#include "media/resize.h"

#include "media/repack.h"
#include "media/worker.h"

static struct repack *of(const struct worker *w, const struct end *to)
{
	return &w->repack[to->port];
}

void resize_begin(struct worker *w, const struct end *to)
{
	const struct stitch *l = &to->line;

	repack_init(of(w, to), to->want.send_ptime_ms);
	if (l->started && l->source != STITCH_NONE)
		repack_resume(of(w, to), l->source, l->source_ssrc, (uint16_t)(l->index + 1 - l->sequence_offset));
}

/* 0 and 8 are nothing else (RFC 3551 6); another number may be one of them too. */
static bool is_g711(const struct end *to, uint8_t pt)
{
	bool law = to->want.codec == KEDGE_CODEC_PCMU || to->want.codec == KEDGE_CODEC_PCMA;

	return pt == 0 || pt == 8 || (law && pt == to->want.audio_pt);
}

static bool send_made(struct worker *w, struct end *to, uint8_t source, const struct stitch_pace *pace, struct rtp *h, uint8_t *room)
{
	struct stitch_pace own = { .clock_rate = pace->clock_rate, .ptime_ms = to->want.send_ptime_ms };

	room[0] = 0x80;
	return outlet_rtp(w, to, source, &own, h, room, RTP_HEADER + (size_t)h->payload);
}

unsigned resize_packet(struct worker *w, struct end *to, uint8_t source, const struct stitch_pace *pace, struct rtp *h,
    const uint8_t *data, bool *passes)
{
	struct repack *r = of(w, to);
	unsigned sent = 0;
	struct rtp made;
	uint8_t *room;

	if (!repack_put(r, source, h, data + rtp_header(data), !h->event && is_g711(to, h->payload_type), w->now_ns)) {
		worker_count(&w->count->drop_not_live, 1);
		return 0;
	}
	room = outlet_room(w);
	for (;;) {
		enum repack_made what = repack_next(r, &made, room + RTP_HEADER);

		if (what == REPACK_OTHER) {
			h->sequence = made.sequence;
			*passes = true;
		}
		if (what != REPACK_PACKET) {
			outlet_room_back(w);
			return sent;
		}
		sent += send_made(w, to, source, pace, &made, room);
		room = outlet_room(w);
	}
}

void resize_tick(struct worker *w, struct end *to)
{
	struct repack *r = of(w, to);
	uint8_t *room = outlet_room(w);
	struct rtp made;

	if (to->line.source == r->source && repack_late(r, &made, room + RTP_HEADER, w->now_ns))
		send_made(w, to, r->source, &to->pace, &made, room);
	else
		outlet_room_back(w);
}

bool resize_ratio(const struct worker *w, const struct end *to, uint16_t *came, uint16_t *made)
{
	const struct repack *r = of(w, to);

	*came = r->in_size;
	*made = r->frame;
	return r->in_size != 0;
}
