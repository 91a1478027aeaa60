// SPDX-License-Identifier: MIT
#include "routing/decide_part.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const skip_words[] = {
#define S(id, word) [DECIDE_SKIP_##id] = word,
	DECIDE_SKIPS(S)
#undef S
};

const char *decide_skip_word(enum decide_skipped why)
{
	return why < DECIDE_SKIP_COUNT ? skip_words[why] : "?";
}

const char *decide_timer_word(enum decide_timer timer)
{
	static const char *const words[] = {
#define T(id, word) [DECIDE_TIMER_##id] = word,
		DECIDE_TIMERS(T)
#undef T
	};

	return timer < DECIDE_TIMER_COUNT ? words[timer] : "?";
}

struct text {
	char *at;
	size_t size, length; /* length: as if there had been room */
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(t->length < t->size ? t->at + t->length : NULL,
	    t->length < t->size ? t->size - t->length : 0, format, args);
	va_end(args);
	t->length += n > 0 ? (size_t)n : 0;
}

/* Names of the configuration: letters, digits and signs; a quote would end the value. */
static void put_name(struct text *t, const char *key, const char *name)
{
	put(t, "\"%s\":\"", key);
	for (; *name; name++)
		if ((unsigned char)*name < ' ' || *name == '"' || *name == '\\')
			put(t, "\\u%04x", (unsigned char)*name);
		else
			put(t, "%c", *name);
	put(t, "\"");
}

static void put_target(struct text *t, const struct decide *d, unsigned i)
{
	const struct decide_skip *s = &d->skip[i];

	put(t, "%s{", i ? "," : "");
	put_name(t, "trunk", decide_conf_at(d, i)->name);
	if (pick_tried(d, i))
		put(t, ",\"tried\":true");
	else if (s->why != DECIDE_SKIP_NO)
		put(t, ",\"skip\":\"%s\"", decide_skip_word(s->why));
	if (s->why != DECIDE_SKIP_NO && s->reason != HEALTH_NONE)
		put(t, ",\"reason\":\"%s\"", health_reason_word(s->reason));
	if (s->why != DECIDE_SKIP_NO && s->code)
		put(t, ",\"code\":%u", s->code);
	if (s->why != DECIDE_SKIP_NO && s->look != DECIDE_NONE)
		put(t, ",\"look\":%u", s->look);
	put(t, "}");
}

static void put_ms(struct text *t, const struct decide *d, const char *key, uint64_t ns)
{
	if (ns)
		put(t, ",\"%s\":%.1f", key, (double)(ns - d->begun_ns) / 1e6);
}

static const char *hop_text(const struct health *h, uint16_t slot, char out[static CONF_ADDR_TEXT])
{
	struct conf_addr addr;

	static_assert(sizeof(addr) == sizeof(h->hop[0].addr), "one layout");
	memcpy(&addr, &h->hop[slot].addr, sizeof(addr));
	return conf_addr_text(&addr, out);
}

/* Of a look: "gone" where the slot is another address's by now. */
static const char *seen_text(const struct health *h, const struct decide_look *l, char out[static CONF_ADDR_TEXT])
{
	return l->generation == (uint16_t)h->hop[l->hop].generation ? hop_text(h, l->hop, out) : "gone";
}

/* Which row judged the end of it, and what followed. */
static void put_rule(struct text *t, const struct decide_attempt *a)
{
	char row[CAUSE_ROW_TEXT], counts[CAUSE_HEALTH_TEXT];

	put(t, ",\"row\":\"%s\",\"then\":\"%s\",\"counts\":\"%s\"", cause_row_text(a->row, row), cause_action_word(a->action),
	    cause_health_text(a->count, counts));
	if (a->by != CAUSE_BY_ROW)
		put(t, ",\"by\":\"%s\"", cause_by_word(a->by));
	if (a->no_count)
		put(t, ",\"no_count\":true");
}

static uint32_t timer_ms(const struct decide *d, const struct decide_attempt *a)
{
	switch ((enum decide_timer)a->timer) {
	case DECIDE_TIMER_SILENCE:
		return a->limits.early_ms;
	case DECIDE_TIMER_FIRST_RESPONSE:
	case DECIDE_TIMER_TIMER_B:
		return a->limits.first_response_ms;
	case DECIDE_TIMER_PROGRESS:
		return a->limits.progress_ms;
	case DECIDE_TIMER_RING:
		return a->limits.ring_ms;
	case DECIDE_TIMER_BUDGET:
		return (uint32_t)((d->deadline_ns - d->begun_ns) / MS_NS);
	case DECIDE_TIMER_CONNECT:
		return a->limits.connect_ms;
	case DECIDE_TIMER_NONE:
	case DECIDE_TIMER_COUNT:
		break;
	}
	return 0;
}

static void put_attempt(struct text *t, const struct decide *d, const struct health *h, unsigned i)
{
	const struct decide_attempt *a = &d->attempt[i];
	char hop[CONF_ADDR_TEXT];

	put(t, "%s{", i ? "," : "");
	put_name(t, "trunk", decide_conf_at(d, a->target)->name);
	put(t, ",\"hop\":\"%s\"", a->look != DECIDE_NONE ? seen_text(h, &d->looks->look[a->look], hop) : hop_text(h, a->hop, hop));
	put(t, ",\"at_ms\":%.1f", (double)(a->begun_ns - d->begun_ns) / 1e6);
	put_ms(t, d, "first_ms", a->first_ns);
	put_ms(t, d, "ringing_ms", a->ringing_ns);
	put_ms(t, d, "ended_ms", a->ended_ns);
	if (a->cause != CAUSE_NONE)
		put(t, ",\"cause\":\"%s\"", cause_word(a->cause));
	if (a->code)
		put(t, ",\"code\":%u", a->code);
	if (a->look != DECIDE_NONE)
		put(t, ",\"look\":%u", a->look);
	if (a->timer != DECIDE_TIMER_NONE)
		put(t, ",\"timer\":\"%s\",\"timer_ms\":%u", decide_timer_word(a->timer), timer_ms(d, a));
	if (a->cause != CAUSE_NONE && a->cause != CAUSE_ANSWERED)
		put_rule(t, a);
	if (a->retry_after_s)
		put(t, ",\"retry_after_s\":%u", a->retry_after_s);
	if (a->best_1xx > 100)
		put(t, ",\"rang\":%u", a->best_1xx);
	if (a->checks)
		put(t, ",\"checks\":%u", a->checks);
	if (a->same)
		put(t, ",\"same\":true");
	if (a->again)
		put(t, ",\"again\":true");
	if (a->stray)
		put(t, ",\"redirected\":true");
	if (a->again)
		put(t, ",\"again\":true");
	if (a->panic)
		put(t, ",\"panic\":true");
	put(t, "}");
}

static long long known(uint32_t ms)
{
	return ms == DECIDE_LOOK_NEVER ? -1 : (long long)ms;
}

static void put_look(struct text *t, const struct health *h, const struct decide_look *l, bool more)
{
	static const char *const probes[] = { "none", "answered", "failing" };
	char hop[CONF_ADDR_TEXT];

	put(t,
	    "%s{\"at_ms\":%u,\"target\":%u,\"hop\":\"%s\",\"state\":\"%s\",\"reason\":\"%s\",\"code\":%u,\"since_ms\":%u,\"failures\":%u,"
	    "\"failed_ms\":%lld,\"heard_ms\":%lld,\"retry_ms\":%u,\"probes\":\"%s\",\"misses\":%u,\"rtt_us\":%u,\"reply_ms\":%u,\"pdd_ms\":%u,\"calls\":%u}",
	    more ? "," : "", l->at_ms, l->target, seen_text(h, l, hop), health_state_word(l->state), health_reason_word(l->reason), l->code, l->since_ms,
	    l->consecutive, known(l->fail_ms), known(l->heard_ms), l->retry_ms, l->probed < 3 ? probes[l->probed] : "?", l->misses, l->rtt_us, l->reply_ms,
	    l->pdd_ms, l->calls);
}

#define LOOK_ROOM 420 /* bytes of the longest one, and of what stands behind the list */

/* As many as find room: a log line has an end. */
static void put_looks(struct text *t, const struct decide *d, const struct health *h)
{
	unsigned i = 0;

	put(t, ",\"hops\":[");
	for (; i < d->looks->count && t->length + LOOK_ROOM < t->size; i++)
		put_look(t, h, &d->looks->look[i], i > 0);
	put(t, "]");
	if (i < d->looks->count || d->looks->missed)
		put(t, ",\"hops_missed\":%u", d->looks->count - i + d->looks->missed);
}

/* The answer to the caller, where it comes from, and when it was found. */
static void put_result(struct text *t, const struct decide *d, const struct decide_final *final)
{
	if (!final && d->winner != DECIDE_NONE)
		put(t, ",\"result\":\"answered\",\"by\":%u", d->winner);
	if (!final)
		return;
	put(t, ",\"result\":\"%s\",\"code\":%u", final->why ? final->why : "", final->code);
	if (final->from != DECIDE_NONE)
		put(t, ",\"by\":%u", final->from);
	if (final->q850)
		put(t, ",\"q850\":%u", final->q850);
	if (final->sip_cause)
		put(t, ",\"sip_cause\":%u", final->sip_cause);
	if (final->retry_after_s)
		put(t, ",\"retry_after_s\":%u", final->retry_after_s);
	put_ms(t, d, "final_ms", d->final_ns);
}

size_t decide_record(const struct decide *d, const struct health *h,
    const struct decide_final *final, char *buf, size_t size)
{
	struct text t = { buf, size, 0 };

	put(&t, "{");
	put_name(&t, "route", d->plan->route->name);
	put(&t, ",");
	put_name(&t, "profile", d->plan->profile->name);
	if (d->plan->from != CONF_NONE) {
		put(&t, ",");
		put_name(&t, "from", d->plan->conf->trunks.v[d->plan->from].name);
	}
	if (d->plan->emergency)
		put(&t, ",\"emergency\":true");
	put(&t, ",\"targets\":[");
	for (unsigned i = 0; i < d->plan->count; i++)
		put_target(&t, d, i);
	put(&t, "],\"attempts\":[");
	for (unsigned i = 0; i < d->count; i++)
		put_attempt(&t, d, h, i);
	put(&t, "],\"budget_ms\":%u,\"max_targets\":%u", (uint32_t)((d->deadline_ns - d->begun_ns) / MS_NS), d->plan->profile->max_retries + 1);
	put_result(&t, d, final);
	if (d->looks)
		put_looks(&t, d, h);
	put(&t, "}");
	return t.length;
}
