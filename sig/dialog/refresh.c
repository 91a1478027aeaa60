// SPDX-License-Identifier: MIT
#include "sig/dialog/refresh.h"

#include <stdio.h>
#include <strings.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>

#include "config/clock.h"
#include "config/conf.h"

#define LEAST_S 90 /* RFC 4028 4: no Min-SE is less, and no session timer: a peer must not have us refresh all the time */
#define REFUSED 3  /* 422s in a row that are followed: each could ask for a second more */

static uint32_t seconds(uint32_t ms)
{
	return ms / 1000;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t clip(unsigned long v)
{
	return v > 86400 ? 86400 : (uint32_t)v;
}

static bool speaks_timer(const sip_t *sip)
{
	return (sip->sip_supported && sip_has_supported(sip->sip_supported, "timer")) ||
	       (sip->sip_require && sip_has_feature(sip->sip_require, "timer"));
}

bool refresh_too_small(const struct conf_trunk *t, const struct sip_s *sip)
{
	return t->session_expires_ms && sip->sip_session_expires && speaks_timer(sip) &&
	       sip->sip_session_expires->x_delta < seconds(t->min_se_ms);
}

static void start(struct refresh *r, uint64_t now_ns, uint32_t scale)
{
	/* Who agrees to less than may be is not followed into it: a refresh every second is an attack. */
	uint32_t interval_s = larger(r->interval_s, LEAST_S);
	uint64_t whole = interval_s * CLOCK_NS_PER_S / scale;
	uint64_t early = smaller(32, interval_s / 3) * CLOCK_NS_PER_S / scale; /* RFC 4028 10 */

	r->ends_ns = r->interval_s ? now_ns + whole - early : 0;
	r->due_ns = r->ours && r->interval_s ? now_ns + whole / 2 : r->ends_ns;
}

void refresh_asked(struct refresh *r, const struct conf_trunk *t, const struct sip_s *sip, uint64_t now_ns, uint32_t scale)
{
	const sip_session_expires_t *x = sip->sip_session_expires;
	uint32_t want = seconds(t->session_expires_ms);
	bool was = r->interval_s > 0;

	if (!want)
		return;
	r->spoken = speaks_timer(sip);
	if (sip->sip_min_se)
		r->least_s = clip(sip->sip_min_se->min_delta);
	if (!x && !r->spoken && !was)
		return; /* it knows nothing of it: nothing to refresh for */
	want = larger(want, r->least_s);
	r->interval_s = x ? larger(smaller(clip(x->x_delta), want), LEAST_S) : was ? r->interval_s : want;
	if (x && x->x_refresher)
		r->ours = strcasecmp(x->x_refresher, "uas") == 0;
	else if (!was)
		r->ours = false;
	if (!r->spoken)
		r->ours = true;
	start(r, now_ns, scale);
}

void refresh_answered(struct refresh *r, const struct sip_s *sip, uint64_t now_ns, uint32_t scale)
{
	const sip_session_expires_t *x = sip->sip_session_expires;

	r->refused = 0;
	if (x) {
		r->interval_s = larger(clip(x->x_delta), LEAST_S);
		r->ours = !x->x_refresher || strcasecmp(x->x_refresher, "uas") != 0;
		r->spoken = true;
	} else if (!r->ours) {
		r->interval_s = 0; /* it does not refresh any more: nothing to wait for */
	}
	start(r, now_ns, scale);
}

bool refresh_refused(struct refresh *r, const struct conf_trunk *t, const struct sip_s *sip)
{
	uint32_t least = sip->sip_min_se ? clip(sip->sip_min_se->min_delta) : 0;

	if (!t->session_expires_ms || least <= r->least_s || least <= larger(seconds(t->session_expires_ms), r->interval_s) ||
	    r->refused >= REFUSED)
		return false;
	r->refused++;
	r->least_s = least;
	if (r->interval_s)
		r->interval_s = least;
	return true;
}

static uint32_t least_of(const struct refresh *r, const struct conf_trunk *t)
{
	return larger(larger(seconds(t->min_se_ms), r->least_s), LEAST_S);
}

char *refresh_request(const struct refresh *r, const struct conf_trunk *t, char out[static REFRESH_LINES])
{
	uint32_t least = least_of(r, t);

	out[0] = 0;
	if (!t->session_expires_ms)
		return out;
	if (r->interval_s)
		snprintf(out, REFRESH_LINES, "Supported: timer\r\nSession-Expires: %u;refresher=%s\r\nMin-SE: %u\r\n", r->interval_s,
		    r->ours ? "uac" : "uas", smaller(least, larger(r->interval_s, LEAST_S)));
	else
		snprintf(out, REFRESH_LINES, "Supported: timer\r\nSession-Expires: %u\r\nMin-SE: %u\r\n",
		    larger(seconds(t->session_expires_ms), least), least);
	return out;
}

char *refresh_answer(const struct refresh *r, const struct conf_trunk *t, char out[static REFRESH_LINES])
{
	out[0] = 0;
	if (!t->session_expires_ms)
		return out;
	if (r->interval_s)
		snprintf(out, REFRESH_LINES, "Supported: timer\r\n%sSession-Expires: %u;refresher=%s\r\n",
		    r->spoken && !r->ours ? "Require: timer\r\n" : "", r->interval_s, r->ours ? "uas" : "uac");
	else
		snprintf(out, REFRESH_LINES, "Supported: timer\r\n");
	return out;
}

enum refresh_want refresh_tick(struct refresh *r, uint64_t now_ns)
{
	if (!r->due_ns || r->due_ns > now_ns)
		return REFRESH_NOTHING;
	if (now_ns >= r->ends_ns) {
		refresh_stop(r);
		return REFRESH_EXPIRED;
	}
	/* Again after a third of what is left, so that one that fails is tried a few times. */
	r->due_ns = now_ns + (r->ends_ns - now_ns) / 3 + CLOCK_NS_PER_MS;
	if (r->due_ns > r->ends_ns)
		r->due_ns = r->ends_ns;
	return REFRESH_SEND;
}

void refresh_stop(struct refresh *r)
{
	r->interval_s = 0;
	r->due_ns = r->ends_ns = 0;
}
