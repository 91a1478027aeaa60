// SPDX-License-Identifier: MIT
#include "sig/bridge/bridge_dtmf.h"

#include <strings.h>

#define OPEN 0xff /* by the other side */

static uint8_t tones_or(const struct dtmf_side *s, uint8_t other)
{
	return s->g711 ? KEDGE_DTMF_INBAND : other;
}

static uint8_t alone(const struct dtmf_side *s)
{
	switch (s->asked) {
	case CONF_DTMF_INFO:
		return KEDGE_DTMF_INFO;
	case CONF_DTMF_INBAND:
		return tones_or(s, KEDGE_DTMF_NONE);
	case CONF_DTMF_RFC4733:
		return s->events ? KEDGE_DTMF_EVENT : tones_or(s, KEDGE_DTMF_INFO);
	default:
		return s->events ? KEDGE_DTMF_EVENT : OPEN;
	}
}

static uint8_t beside(const struct dtmf_side *s, uint8_t other)
{
	switch (other) {
	case KEDGE_DTMF_EVENT:
		return tones_or(s, KEDGE_DTMF_INFO);
	case KEDGE_DTMF_INBAND:
		return tones_or(s, KEDGE_DTMF_INFO);
	case KEDGE_DTMF_INFO:
		return KEDGE_DTMF_INFO;
	default:
		return KEDGE_DTMF_NONE;
	}
}

void dtmf_agree(const struct dtmf_side side[static 2], uint8_t mode[static 2])
{
	uint8_t first[2] = { alone(&side[0]), alone(&side[1]) };

	for (int i = 0; i < 2; i++)
		mode[i] = first[i] == OPEN ? beside(&side[i], first[!i]) : first[i];
}

static uint8_t asked(const struct bridge *b, const struct bridge_side *side)
{
	return b->conf->trunks.v[side->trunk].dtmf;
}

enum offer_events dtmf_events(const struct bridge *b, const struct bridge_side *side, const struct bridge_side *other)
{
	uint8_t mine = asked(b, side), theirs = asked(b, other);

	if (mine == CONF_DTMF_INFO || mine == CONF_DTMF_INBAND)
		return OFFER_EVENTS_NO;
	if (mine == CONF_DTMF_RFC4733 || theirs == CONF_DTMF_INFO || theirs == CONF_DTMF_INBAND)
		return OFFER_EVENTS_ADD;
	return OFFER_EVENTS_PASS;
}

static struct dtmf_side side_of(const struct bridge *b, const struct bridge_side *side, const struct offer_exchange *x)
{
	struct dtmf_side s = { .asked = asked(b, side) };
	struct offer_end e;

	if (x->ours == NULL || x->theirs == NULL || !offer_end(side->theirs_offered ? x->ours : x->theirs, &e))
		return s;
	s.events = offer_has_events(x->ours, x->theirs);
	s.g711 = strcasecmp(e.codec, "PCMU") == 0 || strcasecmp(e.codec, "PCMA") == 0;
	return s;
}

void dtmf_exchanged(const struct bridge *b, const struct bridge_side *callee, const struct offer_exchange *inside,
    const struct offer_exchange *outside, uint8_t mode[static 2])
{
	struct dtmf_side side[2] = { side_of(b, &b->caller, inside), side_of(b, callee, outside) };

	dtmf_agree(side, mode);
}

const char *dtmf_name(uint8_t mode)
{
	static const char *const name[] = { "", "rfc4733", "info", "inband" };

	return mode < sizeof(name) / sizeof(name[0]) ? name[mode] : "";
}
