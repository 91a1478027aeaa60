// SPDX-License-Identifier: MIT
#include "routing/signs.h"

#include <string.h>

#define ENOUGH 50 /* packets, one second: fewer are no measure */

/* The second slowest of ten: p95 by the rank below it. */
static uint32_t p95(const struct signs *s)
{
	uint32_t first = 0, second = 0;

	for (unsigned i = 0; i < s->rtts; i++) {
		if (s->rtt_ms[i] >= first) {
			second = first;
			first = s->rtt_ms[i];
		} else if (s->rtt_ms[i] > second) {
			second = s->rtt_ms[i];
		}
	}
	return second;
}

enum signs_verdict signs_rtt(struct signs *s, uint32_t ms, uint32_t limit_ms, uint32_t *p95_ms)
{
	s->rtt_ms[s->rtt_at] = ms < UINT16_MAX ? (uint16_t)ms : UINT16_MAX;
	s->rtt_at = (uint8_t)((s->rtt_at + 1) % SIGNS_RTTS);
	if (s->rtts < SIGNS_RTTS)
		s->rtts++;
	s->rtt_good = (uint64_t)ms * 10 < (uint64_t)limit_ms * 8 ? (uint8_t)(s->rtt_good + (s->rtt_good < SIGNS_RTTS)) : 0;
	*p95_ms = p95(s);
	if (s->slow && s->rtt_good == SIGNS_RTTS) {
		s->slow = false;
		return SIGNS_CLEAR;
	}
	if (s->slow || s->rtts < SIGNS_RTTS || *p95_ms <= limit_ms)
		return SIGNS_STAY;
	s->slow = true;
	return SIGNS_RAISE;
}

/* Where the next call's figure stands. */
static uint8_t turn(uint8_t *known, uint8_t *next, uint8_t *since)
{
	uint8_t at = *next;

	*next = (uint8_t)((at + 1) % SIGNS_TALKS);
	*known = (uint8_t)(*known + (*known < SIGNS_TALKS));
	*since = (uint8_t)(*since + (*since < SIGNS_TALKS));
	return at;
}

/* over, good: of all that is known. */
static enum signs_verdict judged(bool *raised, uint8_t known, uint8_t *since, bool over, bool good)
{
	if (*raised && *since == SIGNS_TALKS && good) {
		*raised = false;
		return SIGNS_CLEAR;
	}
	if (*raised || known < SIGNS_TALKS || !over)
		return SIGNS_STAY;
	*raised = true;
	*since = 0;
	return SIGNS_RAISE;
}

enum signs_verdict signs_loss(struct signs_share *s, uint32_t packets, uint32_t lost, uint32_t limit, uint32_t *percent)
{
	uint64_t all = 0, gone = 0;
	uint8_t at;

	if (packets < ENOUGH || lost > packets)
		return SIGNS_STAY;
	at = turn(&s->known, &s->next, &s->since);
	s->call[at].packets = packets;
	s->call[at].lost = lost;
	for (unsigned i = 0; i < s->known; i++) {
		all += s->call[i].packets;
		gone += s->call[i].lost;
	}
	*percent = (uint32_t)((gone * 100 + all / 2) / all);
	return judged(&s->raised, s->known, &s->since, gone * 100 > all * limit, gone * 1000 < all * limit * 8);
}

/* Takes one more; the sum of all that is known. */
static uint64_t sum_with(struct signs_mean *s, uint32_t figure)
{
	uint64_t sum = 0;

	s->call[turn(&s->known, &s->next, &s->since)] = figure;
	for (unsigned i = 0; i < s->known; i++)
		sum += s->call[i];
	return sum;
}

enum signs_verdict signs_jitter(struct signs_mean *s, uint32_t packets, uint32_t us, uint32_t limit_us, uint32_t *mean)
{
	uint64_t sum, limit;

	if (packets < ENOUGH)
		return SIGNS_STAY;
	sum = sum_with(s, us);
	limit = (uint64_t)s->known * limit_us;
	*mean = (uint32_t)(sum / s->known);
	return judged(&s->raised, s->known, &s->since, sum > limit, sum * 10 < limit * 8);
}

enum signs_verdict signs_mos(struct signs_mean *s, uint32_t mos, uint32_t limit, uint32_t *mean)
{
	uint64_t sum = sum_with(s, mos), known = s->known;

	*mean = (uint32_t)(sum / known);
	return judged(&s->raised, s->known, &s->since, sum < known * limit, sum >= known * (limit + SIGNS_MOS_BETTER));
}

/* A single phone that never speaks is no fault of the trunk's while others are heard through it. */
static bool is_mute(struct signs *s, const struct signs_call *c, enum signs_mute *why)
{
	bool alone = !s->audio_ns || c->now_ns - s->audio_ns >= c->lately_ns;
	bool two = s->mute && s->mute_number != c->number && c->now_ns - s->mute_ns < c->lately_ns;

	s->mute = true;
	s->mute_since = 0;
	s->mute_number = c->number;
	s->mute_ns = c->now_ns;
	*why = two ? SIGNS_MUTE_TWO : SIGNS_MUTE_ALONE;
	return two || (alone && c->audio == SIGNS_AUDIO_NONE);
}

static void heard(struct signs *s, uint64_t now_ns)
{
	s->audio_ns = now_ns;
	if (s->mute && ++s->mute_since == SIGNS_MUTE_CALLS - 1)
		s->mute = false;
}

static enum signs_verdict sound(struct signs *s, uint64_t now_ns)
{
	s->audio_ns = now_ns;
	s->silent_calls = 0;
	if (!s->one_way || ++s->sound_calls < SIGNS_SILENT_CALLS)
		return SIGNS_STAY;
	s->one_way = s->mute = false;
	return SIGNS_CLEAR;
}

enum signs_verdict signs_audio(struct signs *s, const struct signs_call *c, enum signs_mute *why)
{
	bool raise;

	if (c->audio == SIGNS_AUDIO_SOUND)
		return sound(s, c->now_ns);
	if (c->audio == SIGNS_AUDIO_HEARD) {
		heard(s, c->now_ns);
		return SIGNS_STAY;
	}
	s->sound_calls = 0;
	s->silent_calls = (uint8_t)(s->silent_calls + (s->silent_calls < SIGNS_SILENT_CALLS));
	raise = c->audio <= SIGNS_AUDIO_BRIEF && is_mute(s, c, why);
	if (!raise && s->silent_calls == SIGNS_SILENT_CALLS) {
		*why = SIGNS_MUTE_FELL;
		raise = true;
	}
	s->one_way |= raise;
	return raise ? SIGNS_RAISE : SIGNS_STAY;
}

enum signs_verdict signs_short(struct signs *s, bool is_short, uint64_t number)
{
	uint8_t before = s->shorts;

	if (!is_short) {
		s->shorts = 0;
		return before == SIGNS_SHORT_CALLS ? SIGNS_CLEAR : SIGNS_STAY;
	}
	if (before == SIGNS_SHORT_CALLS)
		return SIGNS_STAY;
	for (unsigned i = 0; i < before; i++)
		if (s->short_number[i] == number)
			return SIGNS_STAY;
	s->short_number[s->shorts++] = number;
	return s->shorts == SIGNS_SHORT_CALLS ? SIGNS_RAISE : SIGNS_STAY;
}

enum signs_verdict signs_unheard(struct signs *s, uint64_t number)
{
	if (s->unheard && s->unheard_number == number)
		return SIGNS_STAY;
	s->unheard_number = number;
	if (s->unheard < 2)
		s->unheard++;
	return s->unheard == 2 ? SIGNS_RAISE : SIGNS_STAY;
}

void signs_heard(struct signs *s)
{
	s->unheard = 0;
}

void signs_expired(struct signs *s, enum signs_kind kind)
{
	switch (kind) {
	case SIGNS_OF_LOSS:
		s->loss = (struct signs_share){ 0 };
		break;
	case SIGNS_OF_FAR_LOSS:
		s->far_loss = (struct signs_share){ 0 };
		break;
	case SIGNS_OF_JITTER:
		s->jitter = (struct signs_mean){ 0 };
		break;
	case SIGNS_OF_MOS:
		s->mos = (struct signs_mean){ 0 };
		break;
	case SIGNS_OF_AUDIO:
		s->one_way = s->mute = false;
		s->silent_calls = s->sound_calls = 0;
		break;
	case SIGNS_OF_RTT:
		s->slow = false;
		s->rtts = s->rtt_at = s->rtt_good = 0;
		break;
	case SIGNS_OF_LENGTH:
		s->shorts = 0;
		break;
	}
}
