// SPDX-License-Identifier: MIT
/* prompt: what kedge can play, encoded ahead of time: each sound that the configuration names (config/sound.h), in PCMU, PCMA
 * and G.722. The packet path only copies bytes.
 *
 *   tone.c, files by libsndfile --> 8 kHz and 16 kHz samples --> PCMU, PCMA, G.722 by spandsp
 *
 * A set is made by one thread and constant from then on (media/shelf.h hands it to the workers). All three codecs take one byte
 * for 1/8000 s, so a place in a sound is the same number of bytes in each. A sound that cannot be read is left out and logged:
 * the configuration was refused if it could not be read when it was checked, so the file went away since. */
#ifndef KEDGE_MEDIA_PROMPT_H
#define KEDGE_MEDIA_PROMPT_H

#include <stdbool.h>
#include <stdint.h>

#include "config/conf.h"
#include "routing/shm/layout.h"

#define PROMPT_CODECS 4           /* enum kedge_codec */
#define PROMPT_PACKET (8 * 60)    /* bytes of the longest packet, 60 ms: once-played sounds end with as much silence */

struct prompt {
	uint32_t id;     /* sound_id() of its name */
	uint32_t length; /* bytes, in each codec */
	bool file;       /* an announcement: what takes the place of others plays it once */
	uint8_t *data[PROMPT_CODECS]; /* NULL: KEDGE_CODEC_OTHER */
};

struct prompt_set {
	uint64_t number; /* 1 ..: of the configurations it was made from */
	uint32_t count;
	struct prompt *v; /* by id, upwards */
};

/* Makes every sound of the configuration. NULL: no memory. */
struct prompt_set *prompt_set_new(const struct conf *c, uint64_t number);
void prompt_set_free(struct prompt_set *s);

/* NULL: there is none. set may be NULL. */
const struct prompt *prompt_find(const struct prompt_set *s, uint32_t id);

/* Samples at 16 kHz of samples at another rate, or at 8 kHz: windowed sinc. *out is to be freed. -ENOMEM. */
int prompt_resample(const float *in, size_t count, unsigned from, unsigned to, int16_t **out, size_t *out_count);

#endif
