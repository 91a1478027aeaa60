// SPDX-License-Identifier: MIT
#include "media/repack.h"

#include <string.h>

#include "media/stitch.h"

void repack_init(struct repack *r, unsigned ms)
{
	*r = (struct repack){ .frame = (uint16_t)(8 * (ms < REPACK_MAX_MS ? ms : REPACK_MAX_MS)), .source = STITCH_NONE };
}

void repack_resume(struct repack *r, uint8_t source, uint32_t ssrc, uint16_t first)
{
	r->source = source;
	r->ssrc = ssrc;
	r->out = first;
}

/* Another sender: what was held of the one before is nobody's. */
static void restart(struct repack *r, uint8_t source, const struct rtp *h)
{
	if (r->started || r->source != source || r->ssrc != h->ssrc)
		r->out = h->sequence;
	r->started = true;
	r->source = source;
	r->ssrc = h->ssrc;
	r->in_next = h->sequence;
	r->timestamp = h->timestamp;
	r->fill = r->skip = r->in_size = 0;
	r->flush = r->marker = false;
}

/* So many of our packets would have held what is missing; at least one, for something is. Others go one for one. */
static uint16_t missing(const struct repack *r, const struct rtp *h, uint16_t lost)
{
	uint32_t most = (uint32_t)lost * (r->in_size ? r->in_size : r->frame);
	uint32_t samples = h->timestamp - (r->timestamp + r->fill);

	if (r->other)
		return lost;
	if (samples == 0 || samples > most)
		samples = most;
	return (uint16_t)((samples + r->frame - 1) / r->frame);
}

static bool goes_on(const struct repack *r, const struct rtp *h, bool audio)
{
	return audio && !h->marker && h->payload_type == r->payload_type && h->timestamp == r->timestamp + r->fill;
}

bool repack_put(struct repack *r, uint8_t source, const struct rtp *h, const uint8_t *payload, bool audio, uint64_t now_ns)
{
	int step = (int16_t)(h->sequence - r->in_next);

	if (!r->started || source != r->source || h->ssrc != r->ssrc || step > STITCH_DROPOUT || step < -STITCH_MISORDER)
		restart(r, source, h), step = 0;
	if (step < 0)
		return false;
	r->other = !audio || h->payload == 0;
	r->flush = step > 0 || !goes_on(r, h, !r->other);
	r->skip = (uint16_t)(r->skip + (step > 0 ? missing(r, h, (uint16_t)step) : 0));
	r->in_next = (uint16_t)(h->sequence + 1);
	r->in = payload;
	r->in_left = r->other ? 0 : h->payload;
	r->in_timestamp = h->timestamp;
	r->in_marker = h->marker;
	if (!r->other) {
		r->in_size = h->payload;
		r->held_ns = now_ns;
	}
	r->in_type = h->payload_type;
	return true;
}

static void make(struct repack *r, struct rtp *h, uint8_t *payload)
{
	*h = (struct rtp){ .timestamp = r->timestamp,
		.ssrc = r->ssrc,
		.sequence = r->out++,
		.payload_type = r->payload_type,
		.marker = r->marker,
		.payload = r->fill };
	memcpy(payload, r->held, r->fill);
	r->timestamp += r->fill;
	r->fill = 0;
	r->marker = false;
}

/* What came begins anew where its timestamp says. */
static void begin(struct repack *r)
{
	r->flush = false;
	r->out = (uint16_t)(r->out + r->skip);
	r->skip = 0;
	if (r->other)
		return;
	r->timestamp = r->in_timestamp;
	r->payload_type = r->in_type;
	r->marker = r->in_marker;
}

enum repack_made repack_next(struct repack *r, struct rtp *h, uint8_t *payload)
{
	uint16_t n;

	if (r->flush && r->fill > 0) {
		make(r, h, payload);
		return REPACK_PACKET;
	}
	if (r->flush)
		begin(r);
	if (r->other) {
		r->other = false;
		h->sequence = r->out++;
		return REPACK_OTHER;
	}
	n = (uint16_t)(r->frame - r->fill);
	if (n > r->in_left)
		n = r->in_left;
	memcpy(r->held + r->fill, r->in, n);
	r->fill = (uint16_t)(r->fill + n);
	r->in += n;
	r->in_left = (uint16_t)(r->in_left - n);
	if (r->fill < r->frame)
		return REPACK_NOTHING;
	make(r, h, payload);
	return REPACK_PACKET;
}

bool repack_late(struct repack *r, struct rtp *h, uint8_t *payload, uint64_t now_ns)
{
	if (r->fill == 0 || now_ns - r->held_ns < REPACK_LATE_NS)
		return false;
	make(r, h, payload);
	return true;
}
