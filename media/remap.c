// SPDX-License-Identifier: MIT
#include "media/remap.h"

#include "media/g711.h"
#include "media/session.h"

/* Pair i names two laws: PCMU inside (laws[0]) or PCMA inside (laws[1]). */
static void turn(const struct kedge_end *e, unsigned i, bool inward, const struct rtp *h, uint8_t *data)
{
	bool ulaw_inside = e->laws[0] >> i & 1;

	if (!ulaw_inside && !(e->laws[1] >> i & 1))
		return;
	g711_turn(ulaw_inside == inward ? g711_to_pcmu : g711_to_pcma, data + rtp_header(data), h->payload);
}

void remap_packet(const struct end *outside, bool inward, struct rtp *h, uint8_t *data)
{
	for (unsigned i = 0; i < outside->pt_count; i++) {
		const struct kedge_pt *m = &outside->want.pt[i];

		if (h->payload_type != (inward ? m->here : m->inside))
			continue;
		h->payload_type = inward ? m->inside : m->here;
		turn(&outside->want, i, inward, h, data);
		return;
	}
}
