// SPDX-License-Identifier: MIT
#include "config/sound.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <sndfile.h>

#include "config/row.h"

static const char sit_words[] = "intercept|vacant|reorder|no-circuit";

uint32_t sound_id(const char *name)
{
	uint32_t h = 2166136261u;

	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 16777619u;
	return h ? h : 1;
}

const char *sound_tone(char buf[static SOUND_NAME], const char *tone, uint8_t country)
{
	const struct row *r = row_find(row_group("profile"), "country");
	size_t length = 0;
	const char *word = row_word_at(r->min, country, &length);

	snprintf(buf, SOUND_NAME, "%s/%.*s", tone, (int)length, word);
	return buf;
}

int sound_is_sit(const char *word)
{
	return row_word(sit_words, word) >= 0;
}

const char *sound_failed(const struct conf_profile *p, char buf[static SOUND_NAME])
{
	const char *what = p->announce_failed;

	if (strncmp(what, "tone:", 5) != 0)
		return what;
	if (strncmp(what + 5, "sit-", 4) != 0)
		return sound_tone(buf, what + 5, p->country);
	snprintf(buf, SOUND_NAME, "sit/%s", what + 9);
	return buf;
}

const char *sound_wait(const struct conf_profile *p, char buf[static SOUND_NAME])
{
	return p->announce_wait[0] && p->inform == CONF_INFORM_183 ? p->announce_wait : sound_tone(buf, "ringback", p->country);
}

void sound_each(const struct conf *c, void (*each)(void *ctx, const char *name), void *ctx)
{
	char buf[SOUND_NAME];

	each(ctx, SOUND_COMFORT);
	for (uint16_t i = 0; i < c->test_numbers.count; i++)
		if (c->test_numbers.v[i].does == CONF_TEST_MILLIWATT)
			each(ctx, SOUND_MILLIWATT);
	for (uint16_t i = 0; i < c->trunks.count; i++)
		if (c->trunks.v[i].canary == CONF_CANARY_TEST && c->trunks.v[i].canary_audio && c->trunks.v[i].probe.number[0])
			each(ctx, SOUND_CANARY);
	for (uint16_t i = 0; i < c->profiles.count; i++) {
		const struct conf_profile *p = &c->profiles.v[i];

		each(ctx, sound_tone(buf, "ringback", p->country));
		if (p->announce_wait[0])
			each(ctx, p->announce_wait);
		if (p->announce_failed[0])
			each(ctx, sound_failed(p, buf));
	}
}

static int64_t refused(const char **why, const char *text)
{
	*why = text;
	return -EINVAL;
}

int64_t sound_probe(const char *path, const char **why)
{
	SF_INFO info = { 0 };
	struct stat st;
	SNDFILE *f;
	int64_t ms;

	if (stat(path, &st) < 0)
		return refused(why, strerror(errno));
	if (!S_ISREG(st.st_mode)) /* a pipe would be waited for */
		return refused(why, "it is no file");
	f = sf_open(path, SFM_READ, &info);
	if (!f)
		return refused(why, sf_error(NULL) == SF_ERR_SYSTEM ? strerror(errno) : "no format that libsndfile reads");
	sf_close(f);
	if (info.samplerate < 8000 || info.samplerate > 192000 || info.channels < 1 || info.channels > 8)
		return refused(why, "it needs 8,000 to 192,000 samples a second and at most 8 channels");
	ms = (int64_t)info.frames * 1000 / info.samplerate;
	if (info.frames <= 0 || ms < 1)
		return refused(why, "there is no sound in it");
	return ms <= SOUND_MAX_MS ? ms : refused(why, "it is longer than 5 minutes");
}
