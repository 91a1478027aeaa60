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
	put(t, "}");
}

static void put_ms(struct text *t, const struct decide *d, const char *key, uint64_t ns)
{
	if (ns)
		put(t, ",\"%s\":%.1f", key, (double)(ns - d->begun_ns) / 1e6);
}

static void put_attempt(struct text *t, const struct decide *d, const struct health *h, unsigned i)
{
	const struct decide_attempt *a = &d->attempt[i];
	struct conf_addr addr;
	char hop[CONF_ADDR_TEXT];

	static_assert(sizeof(addr) == sizeof(h->hop[0].addr), "one layout");
	memcpy(&addr, &h->hop[a->hop].addr, sizeof(addr));
	put(t, "%s{", i ? "," : "");
	put_name(t, "trunk", decide_conf_at(d, a->target)->name);
	put(t, ",\"hop\":\"%s\"", conf_addr_text(&addr, hop));
	put(t, ",\"at_ms\":%.1f", (double)(a->begun_ns - d->begun_ns) / 1e6);
	put_ms(t, d, "first_ms", a->first_ns);
	put_ms(t, d, "ringing_ms", a->ringing_ns);
	put_ms(t, d, "ended_ms", a->ended_ns);
	if (a->cause != CAUSE_NONE)
		put(t, ",\"cause\":\"%s\"", cause_word(a->cause));
	if (a->code)
		put(t, ",\"code\":%u", a->code);
	if (a->same)
		put(t, ",\"same\":true");
	if (a->panic)
		put(t, ",\"panic\":true");
	put(t, "}");
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
	put(&t, "]");
	if (final)
		put(&t, ",\"result\":\"%s\",\"code\":%u", final->why, final->code);
	else if (d->winner != DECIDE_NONE)
		put(&t, ",\"result\":\"answered\",\"by\":%u", d->winner);
	put(&t, "}");
	return t.length;
}
