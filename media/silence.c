// SPDX-License-Identifier: MIT
#include "media/silence.h"

/* Was there a sign of life within so many media_dead? Counted from when it was to speak. */
static bool within(const struct silence *s, uint64_t last_ns, unsigned times)
{
	uint64_t from = last_ns > s->since_ns ? last_ns : s->since_ns;

	return s->now_ns - from < times * s->dead_ns;
}

bool silence_dead(const struct silence *s)
{
	if (within(s, s->rtp_ns, 1))
		return false;
	if (s->claims || (!s->heard && !s->pauses))
		return true;
	if (s->rtcp_ns != 0 && within(s, s->rtcp_ns, s->noise || s->pauses ? 5 : 1))
		return false;
	return !(s->noise && within(s, s->rtp_ns, 10));
}
