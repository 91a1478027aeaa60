// SPDX-License-Identifier: MIT
/* What needs G.711, and what a profile plays: names that there are, files that can be read. What cannot be read must not go into force; where it is in
 * force already and the file went away since, that is no reason for a plane not to start: nothing is played. */
#include "config/load.h"

#include <string.h>
#include <strings.h>

#include "config/sound.h"

static void file(struct load *l, const struct conf_profile *p, const char *key, const char *const *field, uint32_t *ms)
{
	struct conf_where w = load_where(l, field, p->where);
	const char *why = NULL;
	int64_t length;

	if (**field != '/') {
		load_error(l, w, "profile \"%s\".%s: expected the path of a file, from its first /, got \"%s\"", p->name, key, *field);
		return;
	}
	length = sound_probe(*field, &why);
	if (length < 0 && l->here)
		load_error(l, w, "profile \"%s\".%s: cannot play \"%s\": %s", p->name, key, *field, why);
	else if (length >= 0)
		*ms = (uint32_t)length;
}

/* Its codecs let none of G.711 through. */
static bool lacks_g711(const struct conf_trunk *t)
{
	for (uint16_t i = 0; i < t->codecs.count; i++)
		if (!strncasecmp(t->codecs.v[i], "PCMU", 4) || !strncasecmp(t->codecs.v[i], "PCMA", 4))
			return false;
	return t->codecs.count > 0;
}

void lint_g711(struct load *l, const struct conf_trunk *t)
{
	if (!lacks_g711(t))
		return;
	if (t->dtmf == CONF_DTMF_INBAND)
		load_warn(l, load_where(l, &t->dtmf, t->where), "trunk \"%s\".dtmf: tones need PCMU or PCMA, which its codecs leave out: no digit gets there", t->name);
	if (t->ptime != CONF_PTIME_ANY)
		load_warn(l, load_where(l, &t->ptime, t->where), "trunk \"%s\".ptime is for PCMU and PCMA, which its codecs leave out", t->name);
	if (t->canary == CONF_CANARY_TEST && t->canary_audio && t->probe.number[0])
		load_warn(l, load_where(l, &t->canary_audio, t->where),
		    "trunk \"%s\".canary_audio needs PCMU or PCMA, which its codecs leave out: its test calls show signaling only", t->name);
}

static bool is_tone(const char *word)
{
	return !strcmp(word, "busy") || !strcmp(word, "congestion") || (!strncmp(word, "sit-", 4) && sound_is_sit(word + 4));
}

void load_sounds(struct load *l, struct conf_profile *p)
{
	uint32_t unused;

	if (p->announce_wait[0])
		file(l, p, "announce_wait", &p->announce_wait, &unused);
	if (p->announce_wait[0] && p->inform != CONF_INFORM_183)
		load_warn(l, load_where(l, &p->announce_wait, p->where), "profile \"%s\".announce_wait does nothing: inform is not \"183\"", p->name);
	if (!strncmp(p->announce_failed, "tone:", 5)) {
		p->announce_failed_ms = SOUND_TONE_MS;
		if (!is_tone(p->announce_failed + 5))
			load_error(l, load_where(l, &p->announce_failed, p->where),
			    "profile \"%s\".announce_failed: there is no \"%s\", only tone:busy, tone:congestion, tone:sit-intercept, tone:sit-vacant, "
			    "tone:sit-reorder, tone:sit-no-circuit",
			    p->name, p->announce_failed);
	} else if (p->announce_failed[0]) {
		file(l, p, "announce_failed", &p->announce_failed, &p->announce_failed_ms);
	}
}
