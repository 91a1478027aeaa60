// SPDX-License-Identifier: MIT
/* sound: what kedge can play to a caller, by name. Both planes read the same configuration, signaling says what to play by
 * sound_id() of a name and media makes, ahead of time, what sound_each() finds in it.
 *
 *   ringback/uk busy/uk congestion/uk   tones of a country (profile.country)
 *   sit/intercept sit/vacant sit/reorder sit/no-circuit   special information tones (three rising ones)
 *   milliwatt                           1004 Hz at 0 dBm0
 *   canary                              1555 Hz at 0 dBm0, what a test call says to hear it come back
 *   comfort                             low noise, where an end fell silent
 *   /path/of/a/file                     an announcement, any format libsndfile reads
 *
 * Pure but for sound_probe(), which blocks on the disk. */
#ifndef KEDGE_CONFIG_SOUND_H
#define KEDGE_CONFIG_SOUND_H

#include <stdint.h>

#include "config/conf.h"

#define SOUND_NAME    32          /* bytes of a name that is no path, with its NUL */
#define SOUND_MAX_MS  300000u     /* longest announcement */
#define SOUND_TONE_MS 5000u       /* so long a tone is played where an announcement could stand */
#define SOUND_COMFORT "comfort"
#define SOUND_MILLIWATT "milliwatt"
#define SOUND_CANARY "canary"

/* The number of a name: FNV-1a, never 0. */
uint32_t sound_id(const char *name);

/* The name of a country's tone: tone is "ringback", "busy", "congestion"; country: profile.country. Returns buf. */
const char *sound_tone(char buf[static SOUND_NAME], const char *tone, uint8_t country);

/* What a profile plays before the final answer (announce_failed); "": nothing. Returns buf or the path. */
const char *sound_failed(const struct conf_profile *p, char buf[static SOUND_NAME]);

/* What a caller hears while attempts are tried: announce_wait with inform = 183, else the country's ringback. */
const char *sound_wait(const struct conf_profile *p, char buf[static SOUND_NAME]);

/* Is it the name of a special information tone ("intercept")? */
int sound_is_sit(const char *word);

/* Every name the configuration may have played, some of them more than once. */
void sound_each(const struct conf *c, void (*each)(void *ctx, const char *name), void *ctx);

/* How long a file is, 1 .. SOUND_MAX_MS. Negative: *why says why it cannot be played (static). */
int64_t sound_probe(const char *path, const char **why);

#endif
