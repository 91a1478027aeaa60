// SPDX-License-Identifier: MIT
#include "media/tone.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <spandsp.h>

#define ALONE_DBM0    (-10)
#define PAIR_DBM0     (-13)
#define SIT_DBM0      (-14)
#define COMFORT_S     4
#define COMFORT_STEPS 7 /* random numbers that noise() adds up for a sample */

struct cadence {
	uint16_t f1, f2; /* Hz; f2 0: one frequency */
	uint16_t ms[8];  /* on, off, on, off ..; 0 ends */
};

static const struct country {
	char name[3];
	struct cadence ringback, busy, congestion;
} countries[] = {
	{ "at", { 420, 0, { 1000, 5000 } }, { 420, 0, { 400, 400 } }, { 420, 0, { 200, 200 } } },
	{ "au", { 413, 438, { 400, 200, 400, 2000 } }, { 425, 0, { 375, 375 } }, { 425, 0, { 375, 375 } } },
	{ "be", { 425, 0, { 1000, 3000 } }, { 425, 0, { 500, 500 } }, { 425, 0, { 167, 167 } } },
	{ "br", { 425, 0, { 1000, 4000 } }, { 425, 0, { 250, 250 } }, { 425, 0, { 250, 250, 750, 250 } } },
	{ "ch", { 425, 0, { 1000, 4000 } }, { 425, 0, { 500, 500 } }, { 425, 0, { 200, 200 } } },
	{ "cn", { 450, 0, { 1000, 4000 } }, { 450, 0, { 350, 350 } }, { 450, 0, { 700, 700 } } },
	{ "cz", { 425, 0, { 1000, 4000 } }, { 425, 0, { 330, 330 } }, { 425, 0, { 165, 165 } } },
	{ "de", { 425, 0, { 1000, 4000 } }, { 425, 0, { 480, 480 } }, { 425, 0, { 240, 240 } } },
	{ "dk", { 425, 0, { 1000, 4000 } }, { 425, 0, { 500, 500 } }, { 425, 0, { 200, 200 } } },
	{ "es", { 425, 0, { 1500, 3000 } }, { 425, 0, { 200, 200 } }, { 425, 0, { 200, 200, 200, 200, 200, 600 } } },
	{ "fi", { 425, 0, { 1000, 4000 } }, { 425, 0, { 300, 300 } }, { 425, 0, { 200, 200 } } },
	{ "fr", { 440, 0, { 1500, 3500 } }, { 440, 0, { 500, 500 } }, { 440, 0, { 250, 250 } } },
	{ "gr", { 425, 0, { 1000, 4000 } }, { 425, 0, { 300, 300 } }, { 425, 0, { 200, 200 } } },
	{ "hk", { 440, 480, { 400, 200, 400, 3000 } }, { 480, 620, { 500, 500 } }, { 480, 620, { 250, 250 } } },
	{ "ie", { 400, 450, { 400, 200, 400, 2000 } }, { 425, 0, { 500, 500 } }, { 425, 0, { 250, 250 } } },
	{ "in", { 388, 413, { 400, 200, 400, 2000 } }, { 400, 0, { 750, 750 } }, { 400, 0, { 250, 250 } } },
	{ "it", { 425, 0, { 1000, 4000 } }, { 425, 0, { 500, 500 } }, { 425, 0, { 200, 200 } } },
	{ "jp", { 392, 408, { 1000, 2000 } }, { 400, 0, { 500, 500 } }, { 400, 0, { 500, 500 } } },
	{ "kr", { 440, 480, { 1000, 2000 } }, { 480, 620, { 500, 500 } }, { 480, 620, { 300, 200 } } },
	{ "mx", { 425, 0, { 1000, 4000 } }, { 425, 0, { 250, 250 } }, { 425, 0, { 250, 250 } } },
	{ "nl", { 425, 0, { 1000, 4000 } }, { 425, 0, { 500, 500 } }, { 425, 0, { 250, 250 } } },
	{ "no", { 425, 0, { 1000, 4000 } }, { 425, 0, { 500, 500 } }, { 425, 0, { 200, 200 } } },
	{ "nz", { 400, 450, { 400, 200, 400, 2000 } }, { 400, 0, { 500, 500 } }, { 400, 0, { 250, 250 } } },
	{ "pl", { 425, 0, { 1000, 4000 } }, { 425, 0, { 500, 500 } }, { 425, 0, { 500, 500 } } },
	{ "pt", { 425, 0, { 1000, 5000 } }, { 425, 0, { 500, 500 } }, { 425, 0, { 200, 200 } } },
	{ "ru", { 425, 0, { 1000, 4000 } }, { 425, 0, { 350, 350 } }, { 425, 0, { 175, 175 } } },
	{ "se", { 425, 0, { 1000, 5000 } }, { 425, 0, { 250, 250 } }, { 425, 0, { 250, 750 } } },
	{ "sg", { 413, 437, { 400, 200, 400, 2000 } }, { 425, 0, { 750, 750 } }, { 425, 0, { 250, 250 } } },
	{ "tr", { 450, 0, { 2000, 4000 } }, { 450, 0, { 500, 500 } }, { 450, 0, { 200, 200, 200, 200, 200, 200, 600, 200 } } },
	{ "uk", { 400, 450, { 400, 200, 400, 2000 } }, { 400, 0, { 375, 375 } }, { 400, 0, { 400, 350, 225, 525 } } },
	{ "us", { 440, 480, { 2000, 4000 } }, { 480, 620, { 500, 500 } }, { 480, 620, { 250, 250 } } },
	{ "za", { 384, 417, { 400, 200, 400, 2000 } }, { 400, 0, { 500, 500 } }, { 400, 0, { 250, 250 } } },
};

/* The first two tones low or high, short or long; the third is the same in all of them. */
#define LOW_1  914
#define HIGH_1 985
#define LOW_2  1371
#define HIGH_2 1429
#define LAST   1777
#define SHORT  274
#define LONG   380
#define SIT_GAP 1000

static const struct sit {
	const char *name;
	int f[2], ms[2];
} sits[] = {
	{ "intercept", { LOW_1, LOW_2 }, { SHORT, SHORT } },
	{ "vacant", { HIGH_1, LOW_2 }, { LONG, SHORT } },
	{ "reorder", { LOW_1, HIGH_2 }, { SHORT, LONG } },
	{ "no-circuit", { HIGH_1, HIGH_2 }, { LONG, LONG } },
};

struct tape { /* grows by what is put on it */
	int16_t *pcm;
	size_t count;
};

static int stretch(struct tape *t, int ms, int16_t **from)
{
	size_t more = (size_t)ms * (TONE_RATE / 1000);
	int16_t *pcm = realloc(t->pcm, (t->count + more) * sizeof(*pcm));

	if (!pcm)
		return -ENOMEM;
	t->pcm = pcm;
	*from = pcm + t->count;
	memset(*from, 0, more * sizeof(*pcm));
	t->count += more;
	return (int)more;
}

/* f1 0: silence. (super_tone_tx of this version of spandsp leaves parts of a step as malloc gave them.) */
static int put(struct tape *t, int f1, int f2, int level, int ms)
{
	tone_gen_descriptor_t *d;
	tone_gen_state_t *g;
	int16_t *to;
	int n = stretch(t, ms, &to);

	if (n < 0 || f1 == 0)
		return n < 0 ? n : 0;
	d = tone_gen_descriptor_init(NULL, f1, level, f2, f2 ? level : 0, ms, 0, 0, 0, 0);
	g = d ? tone_gen_init(NULL, d) : NULL;
	if (g) {
		tone_gen(g, to, n);
		tone_gen_free(g);
	}
	if (d)
		tone_gen_descriptor_free(d);
	return g ? 0 : -ENOMEM;
}

static int put_cadence(struct tape *t, const struct cadence *c)
{
	int level = c->f2 ? PAIR_DBM0 : ALONE_DBM0;
	int rc = 0;

	for (int i = 0; i < 8 && c->ms[i] && rc == 0; i++)
		rc = i % 2 ? put(t, 0, 0, 0, c->ms[i]) : put(t, c->f1, c->f2, level, c->ms[i]);
	return rc;
}

static int put_sit(struct tape *t, const struct sit *s)
{
	int rc = put(t, s->f[0], 0, SIT_DBM0, s->ms[0]);

	if (rc == 0)
		rc = put(t, s->f[1], 0, SIT_DBM0, s->ms[1]);
	if (rc == 0)
		rc = put(t, LAST, 0, SIT_DBM0, LONG);
	return rc == 0 ? put(t, 0, 0, 0, SIT_GAP) : rc;
}

static int put_national(struct tape *t, const char *tone, size_t length, const char *country)
{
	for (size_t i = 0; i < sizeof(countries) / sizeof(countries[0]); i++) {
		const struct country *c = &countries[i];

		if (strcmp(c->name, country) != 0)
			continue;
		if (strncmp(tone, "ringback", length) == 0)
			return put_cadence(t, &c->ringback);
		if (strncmp(tone, "busy", length) == 0)
			return put_cadence(t, &c->busy);
		if (strncmp(tone, "congestion", length) == 0)
			return put_cadence(t, &c->congestion);
	}
	return -ENOENT;
}

static int put_named(struct tape *t, const char *name)
{
	const char *slash = strchr(name, '/');

	if (strcmp(name, "milliwatt") == 0)
		return put(t, 1004, 0, 0, 1000); /* whole turns: it goes on without a step */
	if (strcmp(name, "canary") == 0)
		return put(t, TONE_CANARY_HZ, 0, 0, 1000);
	if (!slash || slash == name)
		return -ENOENT;
	if (strncmp(name, "sit/", 4) != 0)
		return put_national(t, name, (size_t)(slash - name), slash + 1);
	for (size_t i = 0; i < sizeof(sits) / sizeof(sits[0]); i++)
		if (strcmp(sits[i].name, slash + 1) == 0)
			return put_sit(t, &sits[i]);
	return -ENOENT;
}

static int hand_over(struct tape *t, int rc, int16_t **pcm, size_t *count)
{
	if (rc < 0) {
		free(t->pcm);
		return rc;
	}
	*pcm = t->pcm;
	*count = t->count;
	return 0;
}

int tone_make(const char *name, int16_t **pcm, size_t *count)
{
	struct tape t = { 0 };

	return hand_over(&t, put_named(&t, name), pcm, count);
}

int tone_comfort(int16_t **pcm, size_t *count)
{
	noise_state_t *noises = noise_init_dbm0(NULL, 1, TONE_COMFORT_DBM0, NOISE_CLASS_AWGN, COMFORT_STEPS);
	struct tape t = { 0 };
	int16_t *to;
	int n = noises ? stretch(&t, COMFORT_S * 1000, &to) : -ENOMEM;

	for (int i = 0; i < n; i++)
		to[i] = noise(noises);
	if (noises)
		noise_free(noises);
	return hand_over(&t, n < 0 ? n : 0, pcm, count);
}
