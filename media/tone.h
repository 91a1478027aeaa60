// SPDX-License-Identifier: MIT
/* tone: the tones of the telephone network as samples, one whole turn of each cadence: made by spandsp, ahead of time.
 * Names as in config/sound.h. Figures: ITU-T E.180 supplement 2 (ringback, busy, congestion by country; a tone that the
 * supplement gives as f x m is the pair f - m/2, f + m/2, which beats at m), E.180 5 and ANSI T1.401 (special information
 * tones), 1004 Hz at 0 dBm0, and the canary's. Levels: -13 dBm0 for each of a pair, -10 for a lone one.
 * Pure, allocates; no thread of its own. */
#ifndef KEDGE_MEDIA_TONE_H
#define KEDGE_MEDIA_TONE_H

#include <stddef.h>
#include <stdint.h>

/* The canary's alone: no test number, exchange or fax says it, and no digit, special information or progress tone has it. */
#define TONE_CANARY_HZ 1555

#define TONE_RATE 8000 /* samples a second */

/* Makes the tone of that name: *pcm, to be freed, *count samples; it is to be repeated from its end. -ENOENT: no such tone;
 * -ENOMEM. */
int tone_make(const char *name, int16_t **pcm, size_t *count);

/* Low noise that says "the line is there": a few seconds, to be repeated. -ENOMEM. */
int tone_comfort(int16_t **pcm, size_t *count);
#define TONE_COMFORT_DBM0 (-55)

#endif
