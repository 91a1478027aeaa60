// SPDX-License-Identifier: MIT
#include <string.h>
#include <strings.h>

#include "sig/offer/offer.h"
#include "sig/offer/offer_format.h"

static const struct offer_format *first_codec(const struct offer *o)
{
	for (unsigned i = 0; i < o->formats; i++)
		if (!format_aux(&o->format[i]))
			return &o->format[i];
	return NULL;
}

static bool codec_shared(const struct offer *offered, const struct offer *answer)
{
	const struct offer_format *f;
	for (unsigned i = 0; i < answer->formats; i++)
		if (!format_aux(&answer->format[i]) &&
		    (f = format_find(offered, &answer->format[i])) && !format_aux(f))
			return true;
	return false;
}

bool offer_rejects(const struct offer *o)
{
	for (unsigned i = 0; i < o->lines; i++)
		if (o->line[i].port)
			return false;
	return o->lines > 0;
}

static enum offer_fit fit_without_line(const struct offer *answer)
{
	return answer->lines == 0 || offer_rejects(answer) ? OFFER_REFUSED : OFFER_PROTO;
}

enum offer_fit offer_fits(const struct offer *offered, const struct offer *answer)
{
	if (offered->anchored < 0) /* nothing was asked for */
		return offer_rejects(offered) && offer_rejects(answer) ? OFFER_FITS : OFFER_REFUSED;
	if (answer->anchored < 0)
		return fit_without_line(answer);
	if (answer->foreign)
		return OFFER_UNREACHABLE;
	if (answer->t38 != offered->t38)
		return OFFER_PROTO;
	if (!answer->t38 && !codec_shared(offered, answer))
		return OFFER_NO_CODEC;
	if (answer->lines != offered->lines || answer->anchored != offered->anchored)
		return OFFER_LINES_DIFFER;
	return OFFER_FITS;
}

const char *offer_fit_name(enum offer_fit f)
{
	static const char *const name[] = {
		[OFFER_FITS] = "fits",
		[OFFER_LINES_DIFFER] = "lines_differ",
		[OFFER_REFUSED] = "refused",
		[OFFER_NO_CODEC] = "no_codec",
		[OFFER_PROTO] = "proto",
		[OFFER_UNREACHABLE] = "unreachable",
		[OFFER_CRYPTO] = "crypto",
	};
	return (unsigned)f < sizeof name / sizeof *name ? name[f] : "";
}

static bool format_has(const struct offer *o, const struct offer_format *f, bool laws)
{
	struct offer_format twin;

	return format_find(o, f) || (laws && format_twin(f, &twin) && format_find(o, &twin));
}

bool offer_same(const struct offer *bound, const struct offer *answer, bool laws)
{
	if (bound->t38 != answer->t38)
		return false;
	for (unsigned i = 0; i < answer->formats; i++)
		if (!format_event(&answer->format[i]) && !format_has(bound, &answer->format[i], laws))
			return false;
	return true;
}

static const struct offer_format *first_event(const struct offer *o)
{
	for (unsigned i = 0; i < o->formats; i++)
		if (format_event(&o->format[i]))
			return &o->format[i];
	return NULL;
}

bool offer_has_events(const struct offer *ours, const struct offer *theirs)
{
	return first_event(ours) && first_event(theirs);
}

/* One that both name goes before one that only this side does, and of these one at the codec's rate before another. */
static unsigned event_worth(const struct offer_format *f, const struct offer *told, uint32_t clock_rate)
{
	return (told && format_find(told, f) ? 2u : 0u) + (f->rate == clock_rate) + 1;
}

bool offer_event(const struct offer *said, const struct offer *told, uint32_t clock_rate, struct offer_event *e)
{
	const struct offer_format *best = NULL, *there = told ? first_event(told) : NULL;

	for (unsigned i = 0; i < said->formats; i++) {
		const struct offer_format *f = &said->format[i];

		if (format_event(f) && (!best || event_worth(f, told, clock_rate) > event_worth(best, told, clock_rate)))
			best = f;
	}
	if (!best || (told && !there))
		return false;
	if (told && format_find(told, best))
		there = format_find(told, best);
	*e = (struct offer_event){ .rate = best->rate, .said = best->pt, .told = there ? there->pt : 0xff };
	return true;
}

bool offer_covers(const struct offer *may, const struct offer *said, const struct offer *told, bool laws)
{
	if (may->t38 != said->t38)
		return false;
	for (unsigned i = 0; i < said->formats; i++) {
		const struct offer_format *f = &said->format[i];

		if (!format_aux(f) && format_find(told, f) && !format_has(may, f, laws))
			return false;
	}
	return true;
}

static bool same_address(const struct kedge_addr *a, const struct kedge_addr *b)
{
	return a->family == b->family && a->port == b->port && !memcmp(a->ip, b->ip, sizeof a->ip);
}

static bool same_line(const struct offer_line *a, const struct offer_line *b)
{
	return a->direction == b->direction && a->mux == b->mux && a->ptime == b->ptime && a->savp == b->savp &&
	       same_address(&a->rtp, &b->rtp) && same_address(&a->rtcp, &b->rtcp);
}

/* The same keys, that is: the lines that could be taken, in their order. */
static bool same_crypto(const struct offer *last, const struct offer *now)
{
	struct crypto a = { 0 }, b = { 0 };
	bool same = true, more = true;

	for (unsigned i = 0; same && more; i++) {
		more = offer_crypto(last, i, &a) == 0;
		same = more == (offer_crypto(now, i, &b) == 0) && (!more || memcmp(&a, &b, sizeof a) == 0);
	}
	crypto_wipe(&a, sizeof a);
	crypto_wipe(&b, sizeof b);
	return same;
}

static bool same_text(const struct offer *a, struct offer_span x, const struct offer *b, struct offer_span y)
{
	return x.length == y.length && !memcmp(a->body + x.at, b->body + y.at, x.length);
}

bool offer_video_same(const struct offer *a, const struct offer *b)
{
	const struct offer_line *x, *y;

	if (a->video < 0 || b->video < 0)
		return a->video < 0 && b->video < 0;
	x = &a->line[a->video];
	y = &b->line[b->video];
	return a->video == b->video && x->direction == y->direction && same_text(a, x->proto, b, y->proto) &&
	       same_text(a, x->formats, b, y->formats) && same_text(a, x->block, b, y->block);
}

static bool same_video(const struct offer *a, const struct offer *b)
{
	return offer_video_same(a, b) && (a->video < 0 || same_line(&a->line[a->video], &b->line[b->video]));
}

bool offer_repeats(const struct offer *last, const struct offer *now)
{
	if (last->lines != now->lines || last->anchored != now->anchored ||
	    last->t38 != now->t38 || last->formats != now->formats)
		return false;
	for (unsigned i = 0; i < last->lines; i++)
		if ((last->line[i].port == 0) != (now->line[i].port == 0))
			return false;
	for (unsigned i = 0; i < last->formats; i++)
		if (last->format[i].pt != now->format[i].pt ||
		    !format_equal(&last->format[i], &now->format[i]))
			return false;
	if (!same_video(last, now))
		return false;
	return last->anchored < 0 || (same_line(&last->line[last->anchored], &now->line[now->anchored]) && same_crypto(last, now));
}

bool offer_end(const struct offer *o, struct offer_end *end)
{
	if (o->anchored < 0)
		return false;
	const struct offer_line *l = &o->line[o->anchored];
	const struct offer_format *codec = first_codec(o);
	*end = (struct offer_end){
		.rtp = l->rtp,
		.rtcp = l->mux ? l->rtp : l->rtcp,
		.clock_rate = codec && codec->rate ? codec->rate : 8000,
		.ptime_ms = l->ptime ? l->ptime : 20,
		.direction = l->direction,
		.telephone_event = 0xff,
		.pt = codec ? codec->pt : 0xff,
		.cn = 0xff,
		.mux = l->mux && !o->t38,
		.t38 = o->t38,
	};
	if (o->t38)
		end->rtcp = (struct kedge_addr){ 0 };
	if (o->t38)
		strcpy(end->codec, "T38");
	else if (codec)
		memcpy(end->codec, codec->name, sizeof end->codec);
	for (unsigned i = o->formats; i-- > 0;)
		if (format_event(&o->format[i]) &&
		    (end->telephone_event == 0xff || o->format[i].rate == end->clock_rate))
			end->telephone_event = o->format[i].pt;
		else if (!strcasecmp(o->format[i].name, "CN") && o->format[i].rate == end->clock_rate)
			end->cn = o->format[i].pt;
	return true;
}

int offer_map(const struct offer *inside, const struct offer *outside, struct kedge_pt pt[8])
{
	int n = 0;
	for (unsigned i = 0; i < inside->formats && n < 8; i++) {
		const struct offer_format *f = &inside->format[i], *there = format_find(outside, f);
		if (there && there->pt != f->pt)
			pt[n++] = (struct kedge_pt){ f->pt, there->pt };
	}
	return n;
}
