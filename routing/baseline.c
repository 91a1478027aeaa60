// SPDX-License-Identifier: MIT
#include "routing/baseline.h"

#include <string.h>

#define HOUR_NS  (3600ULL * 1000000000)
#define AGAIN_NS (900ULL * 1000000000) /* between two alarms of one figure */
#define ANSWERED 1u
#define REACHED  2u

struct sums {
	uint64_t calls, answered, reached, talks, talk_ms;
};

const char *baseline_word(enum baseline_figure f)
{
	static const char *const word[BASELINE_FIGURES] = { "ASR", "NER", "ACD" };

	return f < BASELINE_FIGURES ? word[f] : "?";
}

static uint32_t hour_of(uint64_t now_ns)
{
	return (uint32_t)(now_ns / HOUR_NS) + 1;
}

static struct baseline_hour *hour_at(struct baseline *b, uint64_t now_ns)
{
	uint32_t hour = hour_of(now_ns);
	struct baseline_hour *h = &b->hour[hour % (BASELINE_HOURS + 1)];

	if (h->hour != hour)
		*h = (struct baseline_hour){ .hour = hour };
	return h;
}

static struct sums usual(const struct baseline *b, uint64_t now_ns)
{
	uint32_t hour = hour_of(now_ns);
	struct sums s = { 0 };

	for (unsigned i = 0; i <= BASELINE_HOURS; i++) {
		const struct baseline_hour *h = &b->hour[i];

		if (!h->hour || hour - h->hour > BASELINE_HOURS)
			continue;
		s.calls += h->calls;
		s.answered += h->answered;
		s.reached += h->reached;
		s.talks += h->talks;
		s.talk_ms += h->talk_ms;
	}
	return s;
}

static struct sums last(const struct baseline *b)
{
	struct sums s = { .calls = b->calls, .talks = b->talks };

	for (unsigned i = 0; i < b->calls; i++) {
		s.answered += (b->call[i] & ANSWERED) != 0;
		s.reached += (b->call[i] & REACHED) != 0;
	}
	for (unsigned i = 0; i < b->talks; i++)
		s.talk_ms += b->talk_ms[i];
	return s;
}

/* The figure as a fraction: *of of *all. */
static void figure(const struct sums *s, enum baseline_figure f, uint64_t *of, uint64_t *all)
{
	*of = f == BASELINE_ASR ? s->answered : f == BASELINE_NER ? s->reached : s->talk_ms;
	*all = f == BASELINE_ACD ? s->talks : s->calls;
}

static uint32_t shown(enum baseline_figure f, uint64_t of, uint64_t all)
{
	uint64_t n = f == BASELINE_ACD ? of / 1000 : of * 100;

	return all ? (uint32_t)((n + all / 2) / all) : 0;
}

/* Half of the usual, and not by chance: three standard deviations of as many calls. */
static bool is_low(enum baseline_figure f, double n, double n_all, double u, double u_all)
{
	double expected = n_all * u / u_all;

	if (2 * n >= expected)
		return false;
	return f == BASELINE_ACD || (expected - n) * (expected - n) > 9 * expected * (1 - u / u_all);
}

static void weigh(struct baseline *b, enum baseline_figure f, uint64_t now_ns, struct baseline_change *out)
{
	struct sums now = last(b), before = usual(b, now_ns);
	uint64_t n, n_all, u, u_all;
	bool low = b->low & 1u << f, enough;

	figure(&now, f, &n, &n_all);
	figure(&before, f, &u, &u_all);
	enough = n_all >= BASELINE_LEAST && u_all >= BASELINE_LEAST;
	out->last = shown(f, n, n_all);
	out->usual = shown(f, u, u_all);
	if (!low && enough && is_low(f, (double)n, (double)n_all, (double)u, (double)u_all) &&
	    (!b->raised_ns[f] || now_ns - b->raised_ns[f] >= AGAIN_NS)) {
		b->low |= (uint8_t)(1u << f);
		b->raised_ns[f] = now_ns;
		out->raised = true;
	} else if (low && (!enough || 10 * n * u_all > 8 * u * n_all)) {
		b->low &= (uint8_t)~(1u << f);
		out->cleared = true;
	}
}

void baseline_call(struct baseline *b, bool answered, bool reached, uint64_t now_ns, struct baseline_change *out)
{
	uint8_t gone = b->call[b->call_at];

	memset(out, 0, BASELINE_FIGURES * sizeof(*out));
	if (b->calls == BASELINE_LAST && !(b->low & (1u << BASELINE_ASR | 1u << BASELINE_NER))) {
		struct baseline_hour *h = hour_at(b, now_ns);

		h->calls++;
		h->answered += (gone & ANSWERED) != 0;
		h->reached += (gone & REACHED) != 0;
	}
	b->call[b->call_at] = (uint8_t)((answered ? ANSWERED : 0) | (reached ? REACHED : 0));
	b->call_at = (uint8_t)((b->call_at + 1) % BASELINE_LAST);
	if (b->calls < BASELINE_LAST)
		b->calls++;
	weigh(b, BASELINE_ASR, now_ns, &out[BASELINE_ASR]);
	weigh(b, BASELINE_NER, now_ns, &out[BASELINE_NER]);
}

void baseline_talk(struct baseline *b, uint32_t talk_ms, uint64_t now_ns, struct baseline_change *out)
{
	memset(out, 0, BASELINE_FIGURES * sizeof(*out));
	if (b->talks == BASELINE_LAST && !(b->low & 1u << BASELINE_ACD)) {
		struct baseline_hour *h = hour_at(b, now_ns);

		h->talks++;
		h->talk_ms += b->talk_ms[b->talk_at];
	}
	b->talk_ms[b->talk_at] = talk_ms;
	b->talk_at = (uint8_t)((b->talk_at + 1) % BASELINE_LAST);
	if (b->talks < BASELINE_LAST)
		b->talks++;
	weigh(b, BASELINE_ACD, now_ns, &out[BASELINE_ACD]);
}
