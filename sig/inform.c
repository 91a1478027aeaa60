// SPDX-License-Identifier: MIT
#include "sig/inform.h"

#include "config/clock.h"
#include "sig/call.h"
#include "sig/setup.h"
#include "sig/voice.h"

void inform_begin(struct call *c)
{
	uint32_t ms = c->plan.profile->inform_after_ms;

	c->inform_ns = c->inform_timer_ns = ms ? c->begun_ns + ms * CLOCK_NS_PER_MS : 0;
}

/* The attempt that has the call is the first, and its carrier is at it. */
static bool is_ordinary(const struct call *c)
{
	const struct attempt *a = c->attempts;

	return a && !a->next && a->reply_ns && attempt_open(a) && a->cause == CAUSE_NONE;
}

void inform_look(struct call *c, uint64_t now_ns)
{
	if (!c->inform_ns || now_ns < c->inform_ns || c->state != CALL_SETUP)
		return;
	if (c->told_1xx > 100) {
		c->inform_ns = 0;
	} else if (!is_ordinary(c)) {
		c->inform_ns = 0;
		if (!voice_wait(c))
			setup_tell_180(c);
	}
}
