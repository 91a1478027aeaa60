// SPDX-License-Identifier: MIT
#include "media/named.h"

#include <errno.h>

#define NS_PER_MS 1000000ULL
#define ENDS      3
#define LONGEST   0xffff /* units of one segment */

int named_read(const uint8_t *p, size_t n, struct named *e)
{
	if (n < NAMED_BYTES)
		return -EINVAL;
	*e = (struct named){ .code = p[0], .end = p[1] & 0x80, .volume = p[1] & 0x3f, .duration = rtp_get16(p + 2) };
	return 0;
}

void named_write(uint8_t p[static NAMED_BYTES], const struct named *e)
{
	p[0] = e->code;
	p[1] = (uint8_t)((e->end ? 0x80 : 0) | (e->volume & 0x3f));
	rtp_set16(p + 2, e->duration);
}

/* ---- heard ----------------------------------------------------------------------------------- */

static unsigned close_event(struct named_heard *h, uint32_t rate, struct digit *over)
{
	uint64_t ms = ((uint64_t)h->before + h->duration) * 1000 / rate;

	if (!h->open)
		return 0;
	h->open = false;
	over->timestamp = h->first;
	over->duration_ms = (uint16_t)(ms > NAMED_LONGEST_MS ? NAMED_LONGEST_MS : ms);
	over->event = h->code;
	return 1;
}

static bool goes_on(const struct named_heard *h, const struct rtp *r, const struct named *e)
{
	return h->open && h->duration == LONGEST && e->code == h->code && !r->marker && r->timestamp - h->timestamp == LONGEST;
}

/* Of an event that came before the one in hand. Whoever sends with another SSRC counts anew. */
static bool is_old(const struct named_heard *h, const struct rtp *r)
{
	return h->known && h->ssrc == r->ssrc && (int32_t)(r->timestamp - h->timestamp) < 0;
}

static bool is_same(const struct named_heard *h, const struct rtp *r)
{
	return h->known && h->ssrc == r->ssrc && r->timestamp == h->timestamp;
}

static void begin(struct named_heard *h, const struct rtp *r, const struct named *e)
{
	*h = (struct named_heard){ .ssrc = r->ssrc,
		.timestamp = r->timestamp,
		.first = r->timestamp,
		.code = e->code,
		.known = true,
		.open = true };
}

unsigned named_hear(struct named_heard *h, const struct rtp *r, const struct named *e, uint32_t rate, uint64_t now_ns,
    struct digit over[static 2])
{
	unsigned n = 0;

	if (h->known && h->ssrc == 0)
		h->ssrc = r->ssrc;
	if (e->code >= DIGIT_EVENTS || is_old(h, r))
		return 0;
	if (goes_on(h, r, e)) {
		h->before += h->duration;
		h->duration = 0;
		h->timestamp = r->timestamp;
	} else if (!is_same(h, r)) {
		n = close_event(h, rate, over);
		begin(h, r, e);
	}
	if (!h->open)
		return n;
	h->last_ns = now_ns;
	if (e->duration > h->duration) /* packets may come in another order */
		h->duration = e->duration;
	if (e->end)
		n += close_event(h, rate, over + n);
	return n;
}

bool named_lost(struct named_heard *h, uint32_t rate, uint64_t now_ns, struct digit *over)
{
	return h->open && now_ns - h->last_ns >= NAMED_LOST_NS && close_event(h, rate, over) != 0;
}

void named_given(struct named_heard *h, uint32_t ssrc, uint32_t timestamp)
{
	*h = (struct named_heard){ .ssrc = ssrc, .timestamp = timestamp, .first = timestamp, .known = true };
}

/* ---- said ------------------------------------------------------------------------------------ */

uint32_t named_length_ms(uint32_t ms)
{
	if (ms == 0)
		return NAMED_USUAL_MS;
	return ms < NAMED_ON_MS ? NAMED_ON_MS : ms > NAMED_LONGEST_MS ? NAMED_LONGEST_MS : ms;
}

void named_say(struct named_said *s, uint8_t code, uint32_t duration_ms, uint32_t rate, uint32_t ptime_ms, uint64_t now_ns)
{
	uint64_t total = (uint64_t)named_length_ms(duration_ms) * rate / 1000;

	if (total > LONGEST)
		total = LONGEST;
	*s = (struct named_said){ .next_ns = now_ns,
		.quiet_ns = now_ns + total * 1000 / rate * NS_PER_MS + NAMED_OFF_MS * NS_PER_MS,
		.step_ns = ptime_ms * NS_PER_MS,
		.total = (uint32_t)total,
		.step = ptime_ms * rate / 1000,
		.code = code,
		.busy = true };
}

bool named_step(struct named_said *s, uint64_t now_ns, struct named *e, bool *first)
{
	if (!s->busy || now_ns < s->next_ns)
		return false;
	if (s->ends == ENDS) {
		s->busy = false;
		return false;
	}
	*first = s->done == 0;
	s->done = s->total - s->done > s->step ? s->done + s->step : s->total;
	s->ends += s->done == s->total;
	*e = (struct named){ .code = s->code, .volume = NAMED_VOLUME, .end = s->ends != 0, .duration = (uint16_t)s->done };
	s->next_ns += s->step_ns;
	if (s->ends == ENDS && s->next_ns < s->quiet_ns)
		s->next_ns = s->quiet_ns;
	return true;
}
