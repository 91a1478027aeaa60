// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <string.h>

#include "sig/offer/offer.h"
#include "sig/offer/offer_format.h"

static const struct known {
	struct offer_format format; /* pt 0xff: a dynamic one */
	const char *fmtp;
} known[] = {
	{ { 8, 1, 8000, "PCMA" }, NULL },
	{ { 0, 1, 8000, "PCMU" }, NULL },
	{ { 9, 1, 8000, "G722" }, NULL },
	{ { 18, 1, 8000, "G729" }, "annexb=no" },
	{ { 3, 1, 8000, "GSM" }, NULL },
	{ { 15, 1, 8000, "G728" }, NULL },
	{ { 0xff, 1, 8000, "iLBC" }, "mode=30" },
	{ { 0xff, 1, 8000, "G726-32" }, NULL },
	{ { 0xff, 1, 8000, "AMR" }, NULL },
	{ { 0xff, 1, 16000, "AMR-WB" }, NULL },
	{ { 0xff, 2, 48000, "opus" }, "useinbandfec=1" },
	{ { 0xff, 1, 8000, "speex" }, NULL },
	{ { 0xff, 1, 16000, "speex" }, NULL },
};

#define KNOWN (sizeof known / sizeof *known)

static const char *usual[] = { "PCMA", "PCMU" };
static const struct conf_strings usual_codecs = { usual, 2 };

struct own {
	unsigned pick[KNOWN], picks; /* of known[] */
	uint8_t pt[KNOWN];
	uint32_t rate[KNOWN + 1]; /* of events: 8000 first */
	unsigned rates;
};

static void add_rate(struct own *o, uint32_t rate)
{
	for (unsigned i = 0; i < o->rates; i++)
		if (o->rate[i] == rate)
			return;
	o->rate[o->rates++] = rate;
}

static void add(struct own *o, unsigned k)
{
	for (unsigned i = 0; i < o->picks; i++)
		if (o->pick[i] == k)
			return;
	o->pick[o->picks++] = k;
	add_rate(o, known[k].format.rate);
}

static void pick(struct own *o, const struct conf_strings *codecs)
{
	for (unsigned i = 0; codecs && i < codecs->count; i++)
		for (unsigned k = 0; k < KNOWN; k++)
			if (format_named(&known[k].format, codecs->v[i]))
				add(o, k);
}

/* Dynamic types: 101 is the event's everywhere, so codecs have 102 and up, other events 96 to 100. */
static void number(struct own *o)
{
	uint8_t next = 102;

	for (unsigned i = 0; i < o->picks; i++) {
		uint8_t pt = known[o->pick[i]].format.pt;

		o->pt[i] = pt == 0xff ? next++ : pt;
	}
}

static uint8_t event_type(unsigned i)
{
	return i == 0 ? 101 : (uint8_t)(95 + i);
}

static int put_maps(char *buf, size_t size, const struct own *o)
{
	int n = 0;

	for (unsigned i = 0; i < o->picks; i++) {
		const struct known *k = &known[o->pick[i]];

		n += snprintf(buf + n, size - (size_t)n, "a=rtpmap:%u %s/%u%s\r\n", o->pt[i],
		    k->format.name, k->format.rate, k->format.channels == 2 ? "/2" : "");
		if (k->fmtp)
			n += snprintf(buf + n, size - (size_t)n, "a=fmtp:%u %s\r\n", o->pt[i], k->fmtp);
	}
	for (unsigned i = 0; i < o->rates; i++)
		n += snprintf(buf + n, size - (size_t)n,
		    "a=rtpmap:%u telephone-event/%u\r\na=fmtp:%u 0-15\r\n", event_type(i), o->rate[i],
		    event_type(i));
	return n;
}

void offer_own(char buf[static OFFER_OWN], const struct conf_strings *codecs)
{
	struct own o = { .rate = { 8000 }, .rates = 1 };
	int n;

	pick(&o, codecs);
	if (o.picks == 0)
		pick(&o, &usual_codecs);
	number(&o);
	/* the address is a stand-in: offer_write puts ours */
	n = snprintf(buf, OFFER_OWN,
	    "v=0\r\no=- 0 0 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 9 RTP/AVP");
	for (unsigned i = 0; i < o.picks; i++)
		n += snprintf(buf + n, OFFER_OWN - (size_t)n, " %u", o.pt[i]);
	for (unsigned i = 0; i < o.rates; i++)
		n += snprintf(buf + n, OFFER_OWN - (size_t)n, " %u", event_type(i));
	n += snprintf(buf + n, OFFER_OWN - (size_t)n, "\r\n");
	put_maps(buf + n, OFFER_OWN - (size_t)n, &o);
}

/* ---- an answer ------------------------------------------------------------------------------ */

static bool playable(const struct offer_format *f)
{
	return f->rate == 8000 && f->channels == 1 && (format_named(f, "PCMU") || format_named(f, "PCMA") || format_named(f, "G722"));
}

static int put_type(char *buf, size_t size, int n, const struct offer_format *f)
{
	n += snprintf(buf + n, size - (size_t)n, "a=rtpmap:%u %s/%u\r\n", f->pt, f->name, f->rate);
	if (format_named(f, "telephone-event"))
		n += snprintf(buf + n, size - (size_t)n, "a=fmtp:%u 0-15\r\n", f->pt);
	return n;
}

bool offer_own_answer(char buf[static OFFER_OWN], const struct offer *offered, const struct conf_strings *codecs)
{
	const struct offer_format *take[4];
	unsigned taken = 0;
	int n;

	if (offered->anchored < 0 || offered->t38)
		return false;
	for (unsigned i = 0; i < offered->formats && !taken; i++)
		if (playable(&offered->format[i]) && format_listed(&offered->format[i], codecs))
			take[taken++] = &offered->format[i];
	if (!taken)
		return false;
	for (unsigned i = 0; i < offered->formats && taken < 4; i++)
		if (format_aux(&offered->format[i]) && offered->format[i].rate == 8000)
			take[taken++] = &offered->format[i];
	n = snprintf(buf, OFFER_OWN,
	    "v=0\r\no=- 0 0 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 9 RTP/AVP");
	for (unsigned i = 0; i < taken; i++)
		n += snprintf(buf + n, OFFER_OWN - (size_t)n, " %u", take[i]->pt);
	n += snprintf(buf + n, OFFER_OWN - (size_t)n, "\r\n");
	for (unsigned i = 0; i < taken; i++)
		n = put_type(buf, OFFER_OWN, n, take[i]);
	return true;
}
