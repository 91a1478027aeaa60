// SPDX-License-Identifier: MIT
#include "routing/mos.h"

#include <math.h>
#include <stddef.h>
#include <strings.h>

#define R_DEFAULT  93.2
#define DELAY_FREE 100 /* ms, mT: delay below it is not perceived */
#define WAY        25  /* ms, of a way whose round trip is not known */
#define FRAME      20 /* ms */
#define BUFFER     40 /* ms, at least; else twice the jitter */

struct codec {
	const char *name;
	double ie, bpl;
};

/* G.113 appendix I. G.722 is better than the telephone band that this scale ends with: nothing is taken off. */
static const struct codec codecs[] = {
	{ "PCMU", 0, 25.1 },
	{ "PCMA", 0, 25.1 },
	{ "G722", 0, 25.1 },
	{ "G729", 11, 19.0 },
	{ "G723", 15, 16.1 },
	{ "GSM-EFR", 5, 10.0 },
	{ "AMR", 5, 10.0 },
};
static const struct codec other = { "", 7, 15.0 };

static const struct codec *find(const char *name)
{
	for (size_t i = 0; name != NULL && i < sizeof(codecs) / sizeof(codecs[0]); i++)
		if (!strcasecmp(codecs[i].name, name))
			return &codecs[i];
	return &other;
}

static double delay_impairment(double ms)
{
	double x = log2(ms / DELAY_FREE);

	if (ms <= DELAY_FREE)
		return 0;
	return 25 * (pow(1 + pow(x, 6), 1.0 / 6) - 3 * pow(1 + pow(x / 3, 6), 1.0 / 6) + 2);
}

double mos_rating(const char *codec, double loss, double delay_ms)
{
	const struct codec *c = find(codec);

	return R_DEFAULT - delay_impairment(delay_ms) - (c->ie + (95 - c->ie) * loss / (loss + c->bpl));
}

double mos_from_rating(double r)
{
	double mos;

	if (r <= 0)
		return 1;
	if (r >= 100)
		return 4.5;
	mos = 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6;
	return mos < 1 ? 1 : mos;
}

double mos_delay_ms(const struct mos_stream *s)
{
	double buffer = 2 * (double)s->jitter_us / 1000, ways = 0;

	for (int i = 0; i < 2; i++)
		ways += s->rtt_us[i] ? (double)s->rtt_us[i] / 2000 : WAY;
	return ways + FRAME + (buffer > BUFFER ? buffer : BUFFER);
}

double mos_of(const struct mos_stream *s)
{
	double all = (double)s->packets + (double)s->lost;

	if (s->packets < MOS_PACKETS)
		return 0;
	return mos_from_rating(mos_rating(s->codec, 100 * (double)s->lost / all, mos_delay_ms(s)));
}
