// SPDX-License-Identifier: MIT
/* prompt: what is played in each codec, decoded again and measured; files of other rates and formats; a shelf that is filled anew
 * while workers take from it. */
#include "media/prompt.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <sndfile.h>
#include <spandsp.h>

#include "config/sound.h"
#include "media/shelf.h"

static char folder[256];

static const char *path(const char *name)
{
	static char buf[4][320];
	static int i;

	i = (i + 1) % 4;
	snprintf(buf[i], sizeof(buf[i]), "%s/%s", folder, name);
	return buf[i];
}

static void write_tone(const char *name, int rate, int channels, int format, double f, double seconds)
{
	SF_INFO info = { .samplerate = rate, .channels = channels, .format = format };
	SNDFILE *s = sf_open(path(name), SFM_WRITE, &info);
	float frame[2];

	assert_non_null(s);
	for (int i = 0; i < rate * seconds; i++) {
		frame[0] = frame[1] = (float)(0.25 * sin(2 * M_PI * f * i / rate));
		sf_writef_float(s, frame, 1);
	}
	sf_close(s);
}

static const struct conf *config(const char *profile)
{
	struct err_list errs = { 0 };
	const struct conf *c;
	FILE *f = fopen(path("kedge.cfg"), "w");

	fprintf(f,
	    "interfaces = ( { name = \"any\"; address = \"127.0.0.1\"; } );\n"
	    "trunks = ( { name = \"ca\"; side = \"carrier\"; uri = \"sip:127.0.0.2\"; } );\n"
	    "profiles = ( { name = \"out\"; targets = ( { trunk = \"ca\"; } ); %s } );\n",
	    profile);
	fclose(f);
	c = conf_load(path("kedge.cfg"), CONF_FOLDERS, &errs);
	if (!c)
		err_print(&errs, stderr);
	assert_non_null(c);
	err_fini(&errs);
	return c;
}

static void refuses(const char *profile, const char *says)
{
	struct err_list errs = { 0 };
	FILE *f = fopen(path("kedge.cfg"), "w");
	char text[2048] = "";
	FILE *out = fmemopen(text, sizeof(text), "w");

	fprintf(f,
	    "interfaces = ( { name = \"any\"; address = \"127.0.0.1\"; } );\n"
	    "trunks = ( { name = \"ca\"; side = \"carrier\"; uri = \"sip:127.0.0.2\"; } );\n"
	    "profiles = ( { name = \"out\"; targets = ( { trunk = \"ca\"; } );\n%s } );\n",
	    profile);
	fclose(f);
	assert_null(conf_load(path("kedge.cfg"), CONF_FOLDERS, &errs));
	err_print(&errs, out);
	fclose(out);
	if (!strstr(text, "kedge.cfg:4: error: ") || !strstr(text, says))
		fail_msg("expected \"%s\" at line 4, got: %s", says, text);
	err_fini(&errs);
}

static double level(const int16_t *pcm, size_t n, double rate, double f)
{
	double s = 0, c = 0;

	for (size_t i = 0; i < n; i++) {
		s += pcm[i] * sin(2 * M_PI * f * (double)i / rate);
		c += pcm[i] * cos(2 * M_PI * f * (double)i / rate);
	}
	return 10 * log10(2 * (s * s + c * c) / ((double)n * (double)n) / (32767.0 * 32767.0 / 2) * 1 + 1e-12) + 3.14;
}

/* So many bytes from `at` on, decoded: level of f there. */
static double heard(const struct prompt *p, int codec, uint32_t at, uint32_t n, double f)
{
	int16_t *pcm = calloc(2 * (at + n), sizeof(*pcm));
	double l;

	if (codec == KEDGE_CODEC_G722) {
		g722_decode_state_t *g = g722_decode_init(NULL, 64000, 0);

		g722_decode(g, pcm, p->data[codec], (int)(at + n));
		g722_decode_free(g);
		l = level(pcm + 2 * at, 2 * n, 16000, f);
	} else {
		for (uint32_t i = 0; i < n; i++)
			pcm[i] = codec == KEDGE_CODEC_PCMU ? ulaw_to_linear(p->data[codec][at + i]) : alaw_to_linear(p->data[codec][at + i]);
		l = level(pcm, n, 8000, f);
	}
	free(pcm);
	return l;
}

static void tones_in_each_codec(void **state)
{
	const struct conf *c = config("country = \"us\";");
	struct prompt_set *s = prompt_set_new(c, 1);
	const struct prompt *p = prompt_find(s, sound_id("ringback/us"));

	assert_non_null(p);
	assert_false(p->file);
	assert_int_equal(p->length, 6 * 8000);
	for (int codec = KEDGE_CODEC_PCMU; codec <= KEDGE_CODEC_G722; codec++) {
		assert_true(fabs(heard(p, codec, 800, 8000, 440) + 13) < 0.5);
		assert_true(fabs(heard(p, codec, 800, 8000, 480) + 13) < 0.5);
		assert_true(heard(p, codec, 17000, 8000, 440) < -50);
	}
	assert_non_null(prompt_find(s, sound_id(SOUND_COMFORT)));
	assert_null(prompt_find(s, sound_id("ringback/uk")));
	assert_null(prompt_find(NULL, 1));
	prompt_set_free(s);
	conf_unref(c);
}

/* Any rate, any number of channels, any format of libsndfile: the tone is where it was, at its level, and as long. */
static void files(void **state)
{
	static const struct {
		const char *name;
		int rate, channels, format;
	} all[] = {
		{ "8k.wav", 8000, 1, SF_FORMAT_WAV | SF_FORMAT_PCM_16 },
		{ "cd.wav", 44100, 2, SF_FORMAT_WAV | SF_FORMAT_PCM_16 },
		{ "48k.flac", 48000, 1, SF_FORMAT_FLAC | SF_FORMAT_PCM_16 },
		{ "a.au", 11025, 2, SF_FORMAT_AU | SF_FORMAT_ULAW },
		{ "v.ogg", 16000, 1, SF_FORMAT_OGG | SF_FORMAT_VORBIS },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		char profile[400];
		const struct conf *c;
		struct prompt_set *s;
		const struct prompt *p;

		write_tone(all[i].name, all[i].rate, all[i].channels, all[i].format, 1000, 1.5);
		snprintf(profile, sizeof(profile), "announce_failed = \"%s\";", path(all[i].name));
		c = config(profile);
		assert_in_range(c->profiles.v[0].announce_failed_ms, 1490, 1510);
		s = prompt_set_new(c, 1);
		p = prompt_find(s, sound_id(path(all[i].name)));
		assert_non_null(p);
		assert_true(p->file);
		assert_in_range(p->length, 12000 + PROMPT_PACKET - 20, 12000 + PROMPT_PACKET + 20);
		for (int codec = KEDGE_CODEC_PCMU; codec <= KEDGE_CODEC_G722; codec++) {
			double l = heard(p, codec, 1600, 8000, 1000);

			if (fabs(l - (3.14 - 12.04)) > 0.6)
				fail_msg("%s in codec %d: %.2f dBm0", all[i].name, codec, l);
			assert_true(heard(p, codec, p->length - 400, 400, 1000) < -45);
		}
		prompt_set_free(s);
		conf_unref(c);
	}
}

/* 10 kHz cannot be in 8 kHz samples: it is gone, not folded to 2 kHz. */
static void nothing_is_folded(void **state)
{
	const struct conf *c;
	struct prompt_set *s;
	char profile[400];

	write_tone("high.wav", 44100, 1, SF_FORMAT_WAV | SF_FORMAT_PCM_16, 6000, 1);
	snprintf(profile, sizeof(profile), "announce_wait = \"%s\";", path("high.wav"));
	c = config(profile);
	s = prompt_set_new(c, 1);
	assert_true(heard(prompt_find(s, sound_id(path("high.wav"))), KEDGE_CODEC_PCMU, 800, 4000, 2000) < -45);
	assert_true(heard(prompt_find(s, sound_id(path("high.wav"))), KEDGE_CODEC_G722, 800, 4000, 6000) > -20);
	prompt_set_free(s);
	conf_unref(c);
}

static void what_cannot_be_played_is_refused(void **state)
{
	char profile[400];
	FILE *f = fopen(path("text.wav"), "w");

	fputs("not a sound\n", f);
	fclose(f);
	f = fopen(path("empty.wav"), "w");
	fclose(f);
	refuses("announce_failed = \"/nowhere/a.wav\";", "cannot play \"/nowhere/a.wav\": No such file or directory");
	refuses("announce_wait = \"a.wav\";", "expected the path of a file");
	snprintf(profile, sizeof(profile), "announce_wait = \"%s\";", path("text.wav"));
	refuses(profile, "no format that libsndfile reads");
	snprintf(profile, sizeof(profile), "announce_wait = \"%s\";", path("empty.wav"));
	refuses(profile, "cannot play");
	snprintf(profile, sizeof(profile), "announce_failed = \"%s\";", folder);
	refuses(profile, "it is no file");
	write_tone("long.wav", 8000, 1, SF_FORMAT_WAV | SF_FORMAT_ULAW, 1000, 301);
	snprintf(profile, sizeof(profile), "announce_failed = \"%s\";", path("long.wav"));
	refuses(profile, "longer than 5 minutes");
	refuses("announce_failed = \"tone:sit-nothing\";", "there is no \"tone:sit-nothing\"");
	refuses("announce_failed = \"tone:ringback\";", "there is no \"tone:ringback\"");
	conf_unref(config("announce_failed = \"tone:sit-vacant\";"));
}

static void nap(void)
{
	struct timespec t = { .tv_nsec = 5000000 };

	nanosleep(&t, NULL);
}

static const struct prompt_set *take_until(struct shelf *s, uint64_t number)
{
	const struct prompt_set *set = NULL;

	for (int i = 0; i < 4000 && (!set || set->number < number); i++) {
		nap();
		set = shelf_take(s, 0);
		shelf_take(s, 1);
	}
	assert_non_null(set);
	return set;
}

/* What a worker took stays as long as it holds it, whatever is made meanwhile. */
static void swapped_while_played(void **state)
{
	const struct conf *uk = config("country = \"uk\";"), *us = config("country = \"us\";");
	const struct prompt_set *set;
	const struct prompt *p;
	static struct shelf s;

	assert_int_equal(shelf_open(&s, 2), 0);
	shelf_follow(&s, uk);
	set = take_until(&s, 1);
	p = prompt_find(set, sound_id("ringback/uk"));
	assert_non_null(p);
	shelf_follow(&s, us);
	for (int i = 0; i < 4000 && atomic_load_explicit(&s.set, memory_order_acquire) == set; i++)
		nap();
	for (int i = 0; i < 20; i++) {
		nap();
		assert_int_equal(p->data[KEDGE_CODEC_PCMU][2 * 8000], 0xff); /* held by both workers still */
	}
	set = take_until(&s, 2);
	assert_null(prompt_find(set, sound_id("ringback/uk")));
	assert_non_null(prompt_find(set, sound_id("ringback/us")));
	shelf_follow(&s, uk); /* worker 0 ends without a further look; the shelf closes all the same */
	shelf_leave(&s, 0);
	shelf_close(&s);
	conf_unref(uk);
	conf_unref(us);
}

static int make_folder(void **state)
{
	snprintf(folder, sizeof(folder), "%s/kedge-prompt-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	char command[320];

	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(tones_in_each_codec), cmocka_unit_test(files),
		cmocka_unit_test(nothing_is_folded), cmocka_unit_test(what_cannot_be_played_is_refused),
		cmocka_unit_test(swapped_while_played) };

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
