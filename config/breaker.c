// SPDX-License-Identifier: MIT
/* What a trunk's breaker settings say: the hours it may come back in, and what cannot be meant. */
#include "config/load.h"

#include <stdio.h>
#include <string.h>

#define WINDOW_FAILURES 32 /* as health remembers */

static bool minutes(const char *s, uint16_t *minute)
{
	unsigned h, m;
	int n = 0;

	if (sscanf(s, "%2u:%2u%n", &h, &m, &n) != 2 || n != 5 || h > 24 || m > 59 || h * 60 + m > 24 * 60)
		return false;
	*minute = (uint16_t)(h * 60 + m);
	return true;
}

static void failback_window(struct load *l, struct conf_trunk *t)
{
	struct conf_breaker *b = &t->breaker;
	const char *s = b->failback_window;

	if (!*s)
		return;
	if (strlen(s) == 11 && s[5] == '-' && minutes(s + 6, &b->failback_to)) {
		char from[6] = { s[0], s[1], s[2], s[3], s[4] };

		if (minutes(from, &b->failback_from) && b->failback_from != b->failback_to)
			return;
	}
	load_error(l, load_where(l, &b->failback_window, b->where),
		"trunk \"%s\".breaker.failback_window: expected \"HH:MM-HH:MM\", got \"%s\"", t->name, s);
}

static void ramp(struct load *l, const struct conf_trunk *t)
{
	const struct conf_ints *r = &t->breaker.ramp;
	struct conf_where w = load_where(l, r, t->breaker.where);

	for (uint16_t i = 1; i < r->count; i++)
		if (r->v[i] <= r->v[i - 1]) {
			load_error(l, w, "trunk \"%s\".breaker.ramp: %u does not grow after %u", t->name, r->v[i], r->v[i - 1]);
			return;
		}
	if (r->count && r->v[r->count - 1] != 100)
		load_error(l, w, "trunk \"%s\".breaker.ramp: the last step is 100", t->name);
}

void load_breaker(struct load *l, struct conf_trunk *t)
{
	const struct conf_ints *w = &t->breaker.window;

	failback_window(l, t);
	ramp(l, t);
	if (w->count && (w->count != 2 || w->v[0] > WINDOW_FAILURES))
		load_error(l, load_where(l, w, t->breaker.where),
			"trunk \"%s\".breaker.window: expected [ failures, seconds ], at most %d failures", t->name, WINDOW_FAILURES);
}

/* Good probes must fit in the uptime they make up: fewer would be waited for longer than it says. */
static void uptime(struct load *l, const struct conf_trunk *t)
{
	const struct conf_breaker *b = &t->breaker;
	uint64_t probes = (uint64_t)t->probe.up * t->probe.down_interval_ms;

	if (b->min_uptime_ms && t->probe.method != CONF_PROBE_NONE && probes > b->min_uptime_ms)
		load_error(l, load_where(l, &b->min_uptime_ms, load_where(l, &t->probe.down_interval_ms, t->where)),
			"trunk \"%s\".breaker.min_uptime: %us, but %u good probes down_interval apart take %us; 0s, or as long as these",
			t->name, b->min_uptime_ms / 1000, t->probe.up, (unsigned)(probes / 1000));
	if (b->hold_max_ms < b->min_uptime_ms)
		load_error(l, load_where(l, &b->hold_max_ms, load_where(l, &b->min_uptime_ms, t->where)),
			"trunk \"%s\".breaker.hold_max is shorter than its min_uptime", t->name);
}

void lint_breaker(struct load *l, const struct conf_trunk *t)
{
	uptime(l, t);
	if (!t->breaker.consecutive && !t->breaker.window.count)
		load_warn(l, load_where(l, &t->breaker.consecutive, t->where),
			"trunk \"%s\".breaker: neither consecutive nor window: failing calls never take it DOWN", t->name);
	if (t->retry_after_max_ms && t->probe.method != CONF_PROBE_NONE && t->retry_after_max_ms < t->probe.down_interval_ms)
		load_error(l, load_where(l, &t->retry_after_max_ms, load_where(l, &t->probe.down_interval_ms, t->where)),
			"trunk \"%s\".retry_after_max is shorter than its probe.down_interval", t->name);
}
