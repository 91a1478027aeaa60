// SPDX-License-Identifier: MIT
#include "routing/decide_part.h"

/* Lower is better; 0: no outcome to pass on. */
static unsigned rank(uint16_t code)
{
	static const uint16_t order[] = { 404, 410, 484, 486, 480, 488 };

	if (code / 100 == 6)
		return 1;
	for (unsigned i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (code == order[i])
			return 2 + i;
	if (code / 100 == 4)
		return code == 401 || code == 407 ? 0 : 10;
	return code / 100 == 5 ? 11 : 0;
}

static uint8_t best_failure(const struct decide *d)
{
	uint8_t best = DECIDE_NONE;

	for (uint8_t i = 0; i < d->count; i++) {
		const struct decide_attempt *a = &d->attempt[i];
		unsigned r = rank(a->caller);

		if (a->cause != CAUSE_NONE && r &&
		    (best == DECIDE_NONE || r <= rank(d->attempt[best].caller)))
			best = i;
	}
	return best;
}

/* Can no trunk of the profile serve any call? Then also: when is the first one expected back? */
static bool nobody_serves(const struct decide *d, const struct health *h, uint64_t now_ns, uint64_t *retry_ns)
{
	*retry_ns = UINT64_MAX;
	for (unsigned i = 0; i < d->plan->count; i++) {
		const struct health_trunk *t = pick_trunk(d, h, i);

		if (!d->plan->target[i].enabled)
			continue;
		for (uint16_t k = 0; k < t->count; k++) {
			uint64_t retry = health_retry_ns(h, t->hop[k]);

			if (health_usable(h, t->hop[k]) && allow_calls(d, h, i) && allow_cps(d, h, i, now_ns))
				return false;
			if (retry && retry < *retry_ns)
				*retry_ns = retry;
		}
	}
	return true;
}

static uint16_t last_cause(const struct decide *d)
{
	const struct decide_attempt *a;

	if (!d->count)
		return 503;
	a = &d->attempt[d->count - 1];
	if (a->code)
		return a->code;
	return a->cause == CAUSE_NO_REPLY || a->cause == CAUSE_SILENT ||
	               a->cause == CAUSE_NO_PROGRESS
	           ? 408
	           : 503;
}

/* Nothing was sent: we ourselves had no port or descriptor left, whichever trunk it was. */
static bool out_of_means(const struct decide *d)
{
	return d->count && d->attempt[d->count - 1].cause == CAUSE_LIMIT;
}

static void finish_path(
    const struct decide *d, const struct health *h, uint64_t now_ns, struct decide_final *f)
{
	uint64_t retry;
	bool means = out_of_means(d), nobody = nobody_serves(d, h, now_ns, &retry);

	f->from = DECIDE_NONE;
	f->sip_cause = last_cause(d);
	f->q850 = f->sip_cause == 503 ? 34 : 38; /* no circuit; network out of order */
	f->why = means ? "no_means" : nobody ? "nobody_serves" : "paths_failed";
	switch ((enum conf_all_failed)d->plan->profile->all_failed) {
	case CONF_ALL_AUTO:
		f->code = nobody || means ? 503 : 500;
		break;
	case CONF_ALL_503:
		f->code = 503;
		break;
	case CONF_ALL_500:
		f->code = 500;
		break;
	case CONF_ALL_480:
		f->code = 480;
		break;
	}
	if (f->code != 503)
		return;
	f->retry_after_s = 1;
	if (!means && retry != UINT64_MAX && retry > now_ns)
		f->retry_after_s = (uint32_t)((retry - now_ns + HEALTH_SECOND_NS - 1) / HEALTH_SECOND_NS);
}

static void finish_with(const struct decide *d, uint8_t i, const char *why, struct decide_final *f)
{
	const struct decide_attempt *a = &d->attempt[i];

	f->code = a->caller;
	f->from = i;
	f->q850 = a->q850;
	f->why = why;
	if (a->code && a->code != f->code)
		f->sip_cause = a->code;
}

enum decide_kind decide_finish(
    struct decide *d, const struct health *h, uint64_t now_ns, struct decide_step *out)
{
	struct decide_final *f = &out->final;
	uint8_t best = best_failure(d);

	if (!d->final_ns)
		d->final_ns = now_ns;
	*out = (struct decide_step){ .kind = DECIDE_FINAL, .attempt = DECIDE_NONE };
	f->from = DECIDE_NONE;
	if (d->cancelled) {
		f->code = 487;
		f->why = "caller_cancel";
	} else if (d->stop != DECIDE_NONE && d->attempt[d->stop].caller != CAUSE_PATH) {
		finish_with(d, d->stop, "stop", f);
	} else if (d->stop == DECIDE_NONE && best != DECIDE_NONE) {
		finish_with(d, best, "best_of_failures", f);
	} else {
		finish_path(d, h, now_ns, f);
	}
	f->phrase = decide_phrase(f->code);
	return DECIDE_FINAL;
}

/* ---- phrases ---- */

const char *decide_phrase(uint16_t code)
{
	static const struct {
		uint16_t code;
		const char *phrase;
	} phrases[] = {
		{ 400, "Bad Request" }, { 403, "Forbidden" }, { 404, "Not Found" },
		{ 408, "Request Timeout" }, { 410, "Gone" }, { 414, "Request-URI Too Long" },
		{ 416, "Unsupported URI Scheme" }, { 420, "Bad Extension" },
		{ 421, "Extension Required" }, { 422, "Session Interval Too Small" },
		{ 433, "Anonymity Disallowed" }, { 480, "Temporarily Unavailable" },
		{ 482, "Loop Detected" }, { 483, "Too Many Hops" }, { 484, "Address Incomplete" },
		{ 485, "Ambiguous" }, { 486, "Busy Here" }, { 487, "Request Terminated" },
		{ 488, "Not Acceptable Here" }, { 493, "Undecipherable" },
		{ 500, "Server Internal Error" }, { 502, "Bad Gateway" },
		{ 503, "Service Unavailable" }, { 504, "Server Time-out" },
		{ 513, "Message Too Large" }, { 580, "Precondition Failure" },
		{ 600, "Busy Everywhere" }, { 603, "Decline" }, { 604, "Does Not Exist Anywhere" },
		{ 606, "Not Acceptable" }, { 607, "Unwanted" }, { 608, "Rejected" },
	};
	static const char *const classes[] = { "Request Failure", "Server Failure", "Global Failure" };

	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++)
		if (phrases[i].code == code)
			return phrases[i].phrase;
	return code >= 400 && code < 700 ? classes[code / 100 - 4] : "";
}
