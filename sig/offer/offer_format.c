// SPDX-License-Identifier: MIT
#include "sig/offer/offer_format.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct offer_format rfc3551[] = {
	{ 0, 1, 8000, "PCMU" },
	{ 3, 1, 8000, "GSM" },
	{ 4, 1, 8000, "G723" },
	{ 5, 1, 8000, "DVI4" },
	{ 6, 1, 16000, "DVI4" },
	{ 7, 1, 8000, "LPC" },
	{ 8, 1, 8000, "PCMA" },
	{ 9, 1, 8000, "G722" },
	{ 10, 2, 44100, "L16" },
	{ 11, 1, 44100, "L16" },
	{ 12, 1, 8000, "QCELP" },
	{ 13, 1, 8000, "CN" },
	{ 14, 1, 90000, "MPA" },
	{ 15, 1, 8000, "G728" },
	{ 16, 1, 11025, "DVI4" },
	{ 17, 1, 22050, "DVI4" },
	{ 18, 1, 8000, "G729" },
};

struct offer_format format_static(uint8_t pt)
{
	for (size_t i = 0; i < sizeof rfc3551 / sizeof *rfc3551; i++)
		if (rfc3551[i].pt == pt)
			return rfc3551[i];
	return (struct offer_format){ .pt = pt, .channels = 1 };
}

bool format_event(const struct offer_format *f)
{
	return !strcasecmp(f->name, "telephone-event");
}

/* Goes with a codec, is none itself. */
bool format_aux(const struct offer_format *f)
{
	return format_event(f) || !strcasecmp(f->name, "CN") || !strcasecmp(f->name, "ulpfec") || format_apart(f);
}

bool format_apart(const struct offer_format *f)
{
	return !strcasecmp(f->name, "rtx") || !strncasecmp(f->name, "flexfec", 7);
}

bool format_equal(const struct offer_format *a, const struct offer_format *b)
{
	if (!a->name[0] || !b->name[0])
		return a->pt == b->pt; /* an answer without rtpmap: it means what was offered */
	return !strcasecmp(a->name, b->name) && a->rate == b->rate && a->channels == b->channels;
}

/* The format of o that means the same as f; the same number wins. */
const struct offer_format *format_find(const struct offer *o, const struct offer_format *f)
{
	const struct offer_format *found = NULL;
	for (unsigned i = 0; i < o->formats; i++) {
		if (!format_equal(&o->format[i], f))
			continue;
		if (o->format[i].pt == f->pt)
			return &o->format[i];
		if (!found)
			found = &o->format[i];
	}
	return found;
}

bool format_numbered(const struct offer *o, uint8_t pt)
{
	for (unsigned i = 0; i < o->formats; i++)
		if (o->format[i].pt == pt)
			return true;
	return false;
}

bool format_twin(const struct offer_format *f, struct offer_format *twin)
{
	static const uint8_t law[] = { 0, 8 };

	for (unsigned i = 0; i < 2; i++) {
		struct offer_format this = format_static(law[i]);

		if (strcasecmp(f->name, this.name) || f->rate != this.rate || f->channels != this.channels)
			continue;
		*twin = format_static(law[!i]);
		return true;
	}
	return false;
}

/* "PCMU", or with its rate: "L16/16000". */
bool format_named(const struct offer_format *f, const char *name)
{
	char full[40];
	snprintf(full, sizeof full, "%s/%u", f->name, f->rate);
	return f->name[0] && (!strcasecmp(f->name, name) || !strcasecmp(full, name));
}

bool format_listed(const struct offer_format *f, const struct conf_strings *names)
{
	if (!names || names->count == 0)
		return true;
	for (unsigned i = 0; i < names->count; i++)
		if (format_named(f, names->v[i]))
			return true;
	return false;
}
