// SPDX-License-Identifier: MIT
#include "media/rescale.h"

#define LONGEST 0xffffu /* units of one segment */

static uint32_t units(uint64_t n, uint32_t from, uint32_t to)
{
	return (uint32_t)(n * to / from);
}

/* Another segment of the event in hand? */
static bool goes_on(const struct rescale *s, const struct rescale_clock *c, const struct rtp *h, const struct named *e)
{
	return s->known && s->ssrc == h->ssrc && s->code == e->code && !h->marker && s->duration == LONGEST &&
	       h->timestamp - s->segment == units(LONGEST, c->from, c->line);
}

static bool is_of(const struct rescale *s, const struct rtp *h)
{
	return s->known && s->ssrc == h->ssrc && h->timestamp - s->first <= s->segment - s->first;
}

static void begin(struct rescale *s, const struct rtp *h, const struct named *e)
{
	*s = (struct rescale){
		.ssrc = h->ssrc, .first = h->timestamp, .segment = h->timestamp, .code = e->code, .known = true
	};
}

void rescale_event(struct rescale *s, const struct rescale_clock *c, struct rtp *h, struct named *e)
{
	uint32_t total;

	if (goes_on(s, c, h, e)) {
		s->segment = h->timestamp;
		s->duration = 0;
	} else if (!is_of(s, h)) {
		begin(s, h, e);
	}
	if (h->timestamp == s->segment && e->duration > s->duration)
		s->duration = e->duration;
	total = units((uint64_t)units(h->timestamp - s->first, c->line, c->from) + e->duration, c->from, c->to);
	total -= total > s->at * LONGEST ? s->at * LONGEST : total;
	if (total > LONGEST && s->told == LONGEST) {
		s->at++;
		s->told = 0;
		total -= LONGEST;
	}
	if (total > LONGEST) {
		total = LONGEST;
		e->end = false;
	}
	if (total > s->told)
		s->told = (uint16_t)total;
	e->duration = (uint16_t)total;
	h->timestamp = s->first + s->at * units(LONGEST, c->to, c->line);
}
