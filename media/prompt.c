// SPDX-License-Identifier: MIT
#include "media/prompt.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <sndfile.h>
#include <spandsp.h>

#include "config/event.h"
#include "config/sound.h"
#include "media/tone.h"

#define WIDE       16000 /* G.722 */
#define TAPS       24    /* zeros of the sinc on each side */
#define STEPS      256   /* of the sinc's table, between two zeros */
#define CHUNK      4096
#define FILE_MAX_S (SOUND_MAX_MS / 1000)

/* ---- samples --------------------------------------------------------------------------------- */

static float kernels[TAPS * STEPS + 2]; /* one side of it; by the one thread that makes sets */

static void kernel_init(void)
{
	for (int i = 0; i < TAPS * STEPS + 2; i++) {
		double x = (double)i / STEPS, w = cos(M_PI * x / (2 * TAPS)), s = M_PI * x;

		kernels[i] = x >= TAPS ? 0 : (float)(w * w * (i == 0 ? 1 : sin(s) / s));
	}
}

static double kernel(double x, double cut)
{
	double at = fabs(x) * cut * STEPS;
	unsigned i = (unsigned)at;

	return i > TAPS * STEPS ? 0 : cut * (kernels[i] + (kernels[i + 1] - kernels[i]) * (at - i));
}

static int16_t sample(double v)
{
	return v > 32767 ? 32767 : v < -32768 ? -32768 : (int16_t)lrint(v);
}

int prompt_resample(const float *in, size_t count, unsigned from, unsigned to, int16_t **out, size_t *out_count)
{
	double step = (double)from / to, cut = to < from ? 0.95 * to / from : 0.95;
	size_t n = (size_t)((double)count * to / from);
	int16_t *pcm = calloc(n ? n : 1, sizeof(*pcm));

	if (!pcm)
		return -ENOMEM;
	kernel_init();
	for (size_t i = 0; i < n; i++) {
		double at = (double)i * step, sum = 0;
		long first = (long)ceil(at - TAPS / cut), last = (long)floor(at + TAPS / cut);

		for (long k = first < 0 ? 0 : first; k <= last && k < (long)count; k++)
			sum += (double)in[k] * kernel(at - (double)k, cut);
		pcm[i] = sample(sum);
	}
	*out = pcm;
	*out_count = n;
	return 0;
}

/* ---- codecs ---------------------------------------------------------------------------------- */

static int encode(struct prompt *p, const int16_t *narrow, const int16_t *wide)
{
	g722_encode_state_t *g722;

	for (int i = KEDGE_CODEC_PCMU; i < PROMPT_CODECS; i++)
		if (!(p->data[i] = malloc(p->length)))
			return -ENOMEM;
	for (uint32_t i = 0; i < p->length; i++) {
		p->data[KEDGE_CODEC_PCMU][i] = linear_to_ulaw(narrow[i]);
		p->data[KEDGE_CODEC_PCMA][i] = linear_to_alaw(narrow[i]);
	}
	g722 = g722_encode_init(NULL, 64000, 0);
	if (!g722)
		return -ENOMEM;
	g722_encode(g722, p->data[KEDGE_CODEC_G722], wide, (int)(2 * p->length));
	g722_encode_free(g722);
	return 0;
}

/* At the rate they came with, as floats: both rates are made of them. */
static int from_samples(struct prompt *p, const float *in, size_t count, unsigned rate)
{
	int16_t *narrow = NULL, *wide = NULL;
	size_t n, m;
	int rc = prompt_resample(in, count, rate, TONE_RATE, &narrow, &n);

	if (rc == 0)
		rc = prompt_resample(in, count, rate, WIDE, &wide, &m);
	if (rc == 0) {
		p->length = (uint32_t)(n < m / 2 ? n : m / 2);
		rc = p->length ? encode(p, narrow, wide) : -ENODATA;
	}
	free(narrow);
	free(wide);
	return rc;
}

/* A tone is what it is at 8 kHz: only its wide form is resampled. It is repeated, so what comes behind its end is its beginning. */
static int from_tone(struct prompt *p, const int16_t *pcm, size_t count)
{
	size_t margin = count < 2 * TAPS ? count : 2 * TAPS, n;
	float *in = malloc((count + 2 * margin) * sizeof(*in));
	int16_t *wide = NULL;
	int rc;

	if (!in)
		return -ENOMEM;
	for (size_t i = 0; i < count + 2 * margin; i++)
		in[i] = pcm[(i + count - margin) % count];
	rc = prompt_resample(in, count + 2 * margin, TONE_RATE, WIDE, &wide, &n);
	free(in);
	p->length = (uint32_t)count;
	if (rc == 0)
		rc = encode(p, pcm, wide + 2 * margin);
	free(wide);
	return rc;
}

/* ---- files ----------------------------------------------------------------------------------- */

/* All channels as one. The header may lie about the length: what is read counts. */
static int read_file(SNDFILE *f, const SF_INFO *info, float **out, size_t *count)
{
	size_t most = (size_t)info->samplerate * FILE_MAX_S, room = 0, n = 0;
	float *in = NULL, *chunk = malloc(sizeof(float) * CHUNK * (size_t)info->channels), *more;
	sf_count_t got = 0;

	while (chunk && n < most && (got = sf_readf_float(f, chunk, CHUNK)) > 0) {
		if (n + (size_t)got + PROMPT_PACKET * 32 > room) {
			room = 2 * room + CHUNK + PROMPT_PACKET * 32;
			more = realloc(in, room * sizeof(*in));
			if (!more)
				break;
			in = more;
		}
		for (sf_count_t i = 0; i < got; i++, n++) {
			in[n] = 0;
			for (int k = 0; k < info->channels; k++)
				in[n] += chunk[i * info->channels + k] * 32767 / (float)info->channels;
		}
	}
	if (!chunk || (got > 0 && n < most) || n == 0) {
		free(chunk);
		free(in);
		return n == 0 && chunk ? -ENODATA : -ENOMEM;
	}
	free(chunk);
	*out = in;
	*count = n;
	return 0;
}

static int from_file(struct prompt *p, const char *path)
{
	SF_INFO info = { 0 };
	float *in, *longer;
	size_t count, tail;
	SNDFILE *f;
	const char *why;
	int rc = sound_probe(path, &why) < 0 ? -ENOENT : 0;

	f = rc == 0 ? sf_open(path, SFM_READ, &info) : NULL;
	if (!f)
		return -ENOENT;
	rc = read_file(f, &info, &in, &count);
	sf_close(f);
	if (rc < 0)
		return rc;
	tail = (size_t)info.samplerate * PROMPT_PACKET / TONE_RATE;
	longer = realloc(in, (count + tail) * sizeof(*in));
	if (!longer) {
		free(in);
		return -ENOMEM;
	}
	memset(longer + count, 0, tail * sizeof(*in));
	p->file = true;
	rc = from_samples(p, longer, count + tail, (unsigned)info.samplerate);
	free(longer);
	return rc;
}

/* ---- the set --------------------------------------------------------------------------------- */

static int from_tone_table(struct prompt *p, const char *name)
{
	int16_t *pcm;
	size_t count;
	int rc = strcmp(name, SOUND_COMFORT) == 0 ? tone_comfort(&pcm, &count) : tone_make(name, &pcm, &count);

	if (rc < 0)
		return rc;
	rc = from_tone(p, pcm, count);
	free(pcm);
	return rc;
}

static void prompt_fini(struct prompt *p)
{
	for (int i = 0; i < PROMPT_CODECS; i++)
		free(p->data[i]);
}

static void add(void *ctx, const char *name)
{
	struct prompt_set *s = ctx;
	struct prompt p = { .id = sound_id(name) }, *more;
	uint32_t at = 0;
	int rc;

	while (at < s->count && s->v[at].id < p.id)
		at++;
	if (at < s->count && s->v[at].id == p.id)
		return;
	rc = *name == '/' ? from_file(&p, name) : from_tone_table(&p, name);
	more = rc == 0 ? realloc(s->v, (s->count + 1) * sizeof(*more)) : NULL;
	if (!more) {
		prompt_fini(&p);
		event_log(media_error, .what = name, .why = rc == 0 ? "no memory" : strerror(-rc));
		return;
	}
	s->v = more;
	memmove(&s->v[at + 1], &s->v[at], (s->count - at) * sizeof(p));
	s->v[at] = p;
	s->count++;
}

struct prompt_set *prompt_set_new(const struct conf *c, uint64_t number)
{
	struct prompt_set *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->number = number;
	sound_each(c, add, s);
	return s;
}

void prompt_set_free(struct prompt_set *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; i < s->count; i++)
		prompt_fini(&s->v[i]);
	free(s->v);
	free(s);
}

const struct prompt *prompt_find(const struct prompt_set *s, uint32_t id)
{
	uint32_t low = 0, high = s ? s->count : 0;

	while (low < high) {
		uint32_t mid = (low + high) / 2;

		if (s->v[mid].id == id)
			return &s->v[mid];
		if (s->v[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}
