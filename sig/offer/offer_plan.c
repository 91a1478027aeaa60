// SPDX-License-Identifier: MIT
#include "sig/offer/offer_plan.h"

#include <assert.h>
#include <errno.h>

/* May a format of `from` be written at all? */
static bool format_wanted(const struct offer_write *w, const struct offer_format *f)
{
	if (format_apart(f) && offer_is_video(w->from))
		return false;
	if (w->answer && !(f = format_find(w->shape, f)))
		return false;
	if (!w->answer && w->only && !format_find(w->only, f))
		return false;
	return format_aux(f) || (format_listed(f, w->codecs) && format_listed(f, w->filter));
}

/* Or be one that media turns into what the other side has? */
static bool format_turned(const struct offer_write *w, const struct offer_format *f)
{
	struct offer_format twin;

	if (!w->laws || !format_twin(f, &twin))
		return false;
	if (w->answer && !format_find(w->shape, f))
		return false;
	if (!w->answer && w->only && !format_find(w->only, f) && !format_find(w->only, &twin))
		return false;
	return format_listed(f, w->codecs) && (format_listed(f, w->filter) || format_listed(&twin, w->filter));
}

/* An answer has the numbers of the offer it answers, whatever the other side calls them: media maps them. */
static uint8_t plan_as(const struct offer_plan *p, const struct offer_format *f)
{
	const struct offer_format *offered = p->in->answer ? format_find(p->in->shape, f) : NULL;

	return offered ? offered->pt : f->pt;
}

static void plan_take(struct offer_plan *p, const struct offer_format *f)
{
	uint8_t as = plan_as(p, f);

	for (unsigned i = 0; i < p->pts; i++)
		if (p->pt[i] == as)
			return; /* it has two numbers there */
	p->kept[f->pt] = true;
	p->as[f->pt] = as;
	p->pt[p->pts++] = as;
}

/* Whether it goes with a codec, by its own name or that of what it answers. */
static bool plan_aux(const struct offer_plan *p, const struct offer_format *f)
{
	const struct offer_format *offered = p->in->answer ? format_find(p->in->shape, f) : NULL;

	return format_aux(f) || (offered && format_aux(offered));
}

/* Does a codec that is kept have this rate (RFC 4733 2.1)? */
static bool plan_rate(const struct offer_plan *p, uint32_t rate)
{
	if (p->twin.name[0] && p->kept[p->twin.pt] && p->twin.rate == rate)
		return true;
	for (unsigned i = 0; i < p->from->formats; i++)
		if (p->kept[p->from->format[i].pt] && p->from->format[i].rate == rate)
			return true;
	return false;
}

/* Some peers have one event rate for all codecs: theirs stays, right or wrong. */
static bool plan_paired(const struct offer_plan *p)
{
	for (unsigned i = 0; i < p->from->formats; i++)
		if (format_event(&p->from->format[i]) && plan_rate(p, p->from->format[i].rate))
			return true;
	return false;
}

/* Codecs, or what goes with them; called: only those of that name, NULL: all. */
static void plan_pass(
    struct offer_plan *p, bool aux, const char *called, bool (*wanted)(const struct offer_write *, const struct offer_format *))
{
	for (unsigned i = 0; i < p->from->formats; i++) {
		const struct offer_format *f = &p->from->format[i];

		if (plan_aux(p, f) != aux || (called && !format_named(f, called)) ||
		    (format_event(f) && p->in->events == OFFER_EVENTS_NO) || (aux && p->paired && format_event(f) && !plan_rate(p, f->rate)))
			continue;
		if (wanted(p->in, f))
			plan_take(p, f);
	}
}

/* The law of G.711 that `from` has not, if it has the other one and no other type has its number. */
static void plan_twin(struct offer_plan *p)
{
	struct offer_format twin;

	for (unsigned i = 0; p->in->laws && i < p->from->formats; i++) {
		if (!format_twin(&p->from->format[i], &twin))
			continue;
		if (p->twin.name[0]) { /* both are there */
			p->twin.name[0] = 0;
			return;
		}
		p->twin = twin;
	}
	for (unsigned i = 0; i < p->from->formats; i++)
		if (p->from->format[i].pt == p->twin.pt)
			p->twin.name[0] = 0;
}

static bool plan_has_law(const struct offer_plan *p)
{
	struct offer_format twin;

	for (unsigned i = 0; i < p->from->formats; i++)
		if (p->kept[p->from->format[i].pt] && format_twin(&p->from->format[i], &twin))
			return true;
	return false;
}

/* Laws that media makes: a first offer has them behind those that need no making; an answer, or an offer inside a dialog that
 * had none so far, only where it has no law else. */
static void plan_laws(struct offer_plan *p)
{
	const struct offer_format *f = &p->twin;
	bool new = p->in->answer || (p->in->shape && f->name[0] && !format_find(p->in->shape, f));

	if (new && plan_has_law(p))
		return;
	plan_pass(p, false, NULL, format_turned);
	if (f->name[0] && format_turned(p->in, f))
		plan_take(p, f);
}

/* Does it stand for something already? */
static bool plan_taken(const struct offer_plan *p, uint8_t pt)
{
	for (unsigned i = 0; i < p->from->formats; i++)
		if (p->from->format[i].pt == pt)
			return true;
	for (unsigned i = 0; i < p->events; i++)
		if (p->event[i].pt == pt)
			return true;
	return p->twin.name[0] && p->twin.pt == pt;
}

/* The number it had, else the one it has everywhere, else a free one; 0: there is none. */
static uint8_t plan_number(const struct offer_plan *p, const struct offer_format *had)
{
	if (had && !plan_taken(p, had->pt))
		return had->pt;
	for (unsigned i = 0; i < 32; i++) { /* 101 to 127, 96 to 100 */
		uint8_t pt = (uint8_t)(96 + (i + 5) % 32);

		if (!plan_taken(p, pt) && (!p->in->shape || !format_numbered(p->in->shape, pt)))
			return pt;
	}
	return 0;
}

static void plan_event(struct offer_plan *p, uint32_t rate)
{
	struct offer_format f = { .channels = 1, .rate = rate, .name = "telephone-event" };
	const struct offer_format *had = p->in->shape ? format_find(p->in->shape, &f) : NULL;

	for (unsigned i = 0; i < p->events; i++)
		if (p->event[i].rate == rate)
			return;
	if ((p->in->answer && !had) || p->events == OFFER_PLAN_EVENTS || rate == 0)
		return;
	f.pt = plan_number(p, had);
	if (f.pt)
		p->event[p->events++] = f;
}

/* Where `from` has none: one for the rate of each codec that is kept. */
static void plan_events(struct offer_plan *p)
{
	if (p->in->events != OFFER_EVENTS_ADD)
		return;
	for (unsigned i = 0; i < p->from->formats; i++)
		if (p->kept[p->from->format[i].pt] && format_event(&p->from->format[i]))
			return;
	for (unsigned i = 0; i < p->from->formats; i++)
		if (p->kept[p->from->format[i].pt] && !plan_aux(p, &p->from->format[i]))
			plan_event(p, p->from->format[i].rate);
	if (p->twin.name[0] && p->kept[p->twin.pt])
		plan_event(p, p->twin.rate);
}

/* Codecs in the order of the trunk's list, else as they came; what goes with them behind. */
static int plan_formats(struct offer_plan *p)
{
	const struct conf_strings *order = p->in->codecs;

	if (p->from->t38)
		return 0;
	plan_twin(p);
	for (unsigned k = 0; order && k < order->count; k++)
		plan_pass(p, false, order->v[k], format_wanted);
	plan_pass(p, false, NULL, format_wanted);
	plan_laws(p);
	if (p->pts == 0)
		return -ENODATA;
	p->paired = plan_paired(p);
	plan_pass(p, true, NULL, format_wanted);
	plan_events(p);
	return 0;
}

/* Inside a dialog: no line of it is in use. */
static bool plan_rejects(const struct offer_write *w)
{
	return w->shape && w->shape->lines > 0 && offer_rejects(w->from);
}

/* A body of that kind where one of this is asked for? */
static bool plan_fits(const struct offer_write *w)
{
	if (w->from->anchored < 0)
		return plan_rejects(w);
	if (w->answer)
		return w->shape->anchored >= 0 && w->shape->t38 == w->from->t38;
	return !w->only || w->only->t38 == w->from->t38;
}

/* Offered by our setting, or because it holds; accepted where it was offered. */
static bool plan_mux(const struct offer_write *w)
{
	bool before = w->shape && w->shape->anchored >= 0 && w->shape->line[w->shape->anchored].mux;

	return w->mux != OFFER_MUX_NO && (before || (!w->answer && w->mux == OFFER_MUX_OFFER));
}

/* Of an offer: an answer has the profile of what it answers. What this side was told before it is told again. */
static bool plan_feedback(const struct offer_plan *p)
{
	const struct offer *shape = p->in->shape;
	bool before = shape && shape->anchored >= 0 && shape->line[shape->anchored].avpf;

	return (p->source->avpf || before) && !p->in->no_feedback;
}

int offer_plan_make(struct offer_plan *p, const struct offer_write *w)
{
	const struct offer *from = w->from;
	*p = (struct offer_plan){ .in = w, .from = from };
	assert(from && (!w->answer || w->shape));
	if (!plan_fits(w))
		return -ENODATA;
	if (from->foreign)
		return -EADDRNOTAVAIL;
	p->anchored = w->answer && from->anchored >= 0 ? w->shape->anchored : from->anchored;
	p->lines = w->answer ? w->shape->lines : from->lines;
	if (w->shape && w->shape->lines > p->lines)
		p->lines = w->shape->lines;
	if (p->anchored < 0)
		return 0;
	p->source = &from->line[from->anchored];
	p->mux = plan_mux(w);
	p->feedback = plan_feedback(p);
	p->direction = w->direction >= 0 ? (uint8_t)w->direction : p->source->direction;
	if (w->answer) {
		uint8_t offered = w->shape->line[p->anchored].direction;
		p->direction &= (uint8_t)((offered & 1) << 1 | offered >> 1); /* RFC 3264 6.1 */
	}
	return plan_formats(p);
}
