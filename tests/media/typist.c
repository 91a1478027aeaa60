// SPDX-License-Identifier: MIT
#include "tests/media/typist.h"

#include <string.h>

#include "config/clock.h"

#define FRAMES 10 /* of a digit: 5 to 7 of sound, the rest of silence */

const uint8_t typed[TYPED] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, DIGIT_STAR, DIGIT_POUND };

unsigned typed_ms(unsigned i)
{
	return 100 + 20 * (i % 3);
}

static void send_raw(struct peer *x, const uint8_t *payload, uint16_t n, uint8_t pt, bool marker, uint32_t timestamp)
{
	uint8_t data[PACKET] = { 0x80 };
	struct rtp h = { .ssrc = x->next.ssrc, .sequence = x->next.sequence++, .timestamp = timestamp, .payload_type = pt, .marker = marker };

	rtp_write(data, &h);
	memcpy(data + RTP_HEADER, payload, n);
	assert_int_equal(sendto(x->rtp, data, RTP_HEADER + n, 0, (struct sockaddr *)&x->to, length(&x->to)), RTP_HEADER + n);
}

void side_event(struct side *s, uint8_t code, unsigned frame, unsigned frames)
{
	struct named n = { .code = code, .volume = 10, .end = frame + 1 >= frames };
	uint8_t payload[NAMED_BYTES];
	unsigned units = (frame + 1 < frames ? frame + 1 : frames) * (s->rate / 50);

	n.duration = (uint16_t)units;
	if (frame == 0)
		s->began = s->peer->next.timestamp;
	named_write(payload, &n);
	if (s->lose && ++s->sent % s->lose == 0)
		s->peer->next.sequence++;
	else
		send_raw(s->peer, payload, NAMED_BYTES, s->pt, frame == 0, s->began);
}

static void send_audio(struct side *s, const uint8_t *payload)
{
	send_raw(s->peer, payload, PAYLOAD, 0, false, s->peer->next.timestamp);
}

void side_ask(struct side *s, unsigned i)
{
	/* Of the other leg's INFO: said to that end. */
	struct digit d = { .event = typed[i], .duration_ms = (uint16_t)typed_ms(i), .end = s->place == KEDGE_END_INSIDE ? 0 : KEDGE_END_INSIDE };

	assert_int_equal(digit_put(segment_digits(&plane.seg, s->call->a.slot, 1), &d, s->call->a.want.generation), 0);
	plane_commit(&plane, &s->call->a);
}

void side_type(struct side *s, unsigned frame)
{
	unsigned i = frame / FRAMES, at = frame % FRAMES, frames = i < TYPED ? typed_ms(i) / 20 : 0;
	uint8_t payload[PAYLOAD];

	memset(payload, tonepair_silence(KEDGE_CODEC_PCMU), sizeof(payload));
	if (i < TYPED && at == 0 && s->kind == KEDGE_DTMF_INFO)
		side_ask(s, i);
	if (i < TYPED && at == 0 && s->kind == KEDGE_DTMF_INBAND)
		tonepair_say(s->mouth, typed[i], typed_ms(i), 0);
	if (s->kind == KEDGE_DTMF_INBAND)
		tonepair_frame(s->mouth, KEDGE_CODEC_PCMU, payload, PAYLOAD);
	if (s->kind == KEDGE_DTMF_EVENT && at < frames + 2 && i < TYPED)
		side_event(s, typed[i], at, frames);
	else
		send_audio(s, payload);
	s->peer->next.timestamp += PAYLOAD;
}

static void hear_digit(struct side *s, const struct digit *d)
{
	assert_true(s->heard < 2 * TYPED);
	s->digit[s->heard++] = *d;
}

static void hear_named(struct side *s, const struct rtp *h, const uint8_t *payload)
{
	struct digit over[2];
	struct named n;
	unsigned count;

	assert_int_equal(named_read(payload, h->payload, &n), 0);
	if (!s->lose && (!s->events.known || h->timestamp != s->events.timestamp))
		assert_true(h->marker);
	s->ends += n.end;
	count = named_hear(&s->events, h, &n, s->rate, clock_mono_ns(), over);
	for (unsigned i = 0; i < count; i++)
		hear_digit(s, &over[i]);
	s->open = !n.end;
}

static void hear_packet(struct side *s, const uint8_t *data, size_t n)
{
	struct digit over = { .event = DIGIT_EVENTS };
	struct rtp h;

	assert_int_equal(rtp_parse(data, n, &h), 0);
	s->gaps += s->started && h.sequence != s->next;
	s->next = (uint16_t)(h.sequence + 1);
	s->started = true;
	s->packets++;
	if (h.payload_type == s->pt) {
		assert_int_equal(s->kind, KEDGE_DTMF_EVENT);
		hear_named(s, &h, data + RTP_HEADER);
		return;
	}
	assert_int_equal(h.payload_type, 0);
	s->audio_in_event += s->open;
	tonepair_hear(s->ear, KEDGE_CODEC_PCMU, h.timestamp, data + RTP_HEADER, h.payload, &over);
	if (over.event != DIGIT_EVENTS)
		hear_digit(s, &over);
}

void side_hear(struct side *s)
{
	uint8_t data[2048];
	ssize_t n;

	while ((n = recv(s->peer->rtp, data, sizeof(data), MSG_DONTWAIT)) > 0)
		hear_packet(s, data, (size_t)n);
}

void talk_take(struct call *c, struct side *in, struct side *out)
{
	struct kedge_digits *q = segment_digits(&plane.seg, c->a.slot, 0);
	struct digit d;

	while (digit_peek(q, c->a.want.generation, &d) == 0) {
		struct side *to = d.end == KEDGE_END_INSIDE ? out : in;

		digit_take(q);
		if (to->kind == KEDGE_DTMF_INFO)
			hear_digit(to, &d);
	}
}

/* ---- calls ------------------------------------------------------------------------------------- */

void side_open(struct side *s, struct call *c, struct peer *x, uint8_t place, uint8_t kind)
{
	struct kedge_end *e = plane_end_of(&c->a, place);

	*s = (struct side){ .call = c, .peer = x, .place = place, .kind = kind, .mouth = tonepair_new(), .ear = tonepair_new(), .rate = 8000, .pt = EVENT_PT };
	e->dtmf = kind;
	if (kind != KEDGE_DTMF_EVENT)
		e->telephone_event = 0xff;
	plane_write(&plane, &c->a, place);
}

void side_close(struct side *s)
{
	tonepair_free(s->mouth);
	tonepair_free(s->ear);
}

void talk_open(struct talk *t, uint32_t slot, uint8_t in, uint8_t out)
{
	call_open(&t->call, slot, "127.0.1.1", "127.0.2.1");
	side_open(&t->in, &t->call, &t->call.in, KEDGE_END_INSIDE, in);
	side_open(&t->out, &t->call, &t->call.out, 0, out);
	plane_commit(&plane, &t->call.a);
	followed();
}

void talk_close(struct talk *t)
{
	side_close(&t->in);
	side_close(&t->out);
	call_close(&t->call);
}
