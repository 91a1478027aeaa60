// SPDX-License-Identifier: MIT
#include "routing/health_signs.h"

#include "routing/health_part.h"

#define HEARD_MS 1000 /* of an answered call: sooner nobody could have been heard */
#define MARK_NS (600 * HEALTH_SECOND_NS) /* without calls that show otherwise: who stands behind others gets none */

/* As durations of the configuration are. */
static uint64_t mark_ns(const struct health *h)
{
	return MARK_NS / (h->conf->scaled ? h->conf->test.time_scale : 1);
}

/* ---- probes --------------------------------------------------------------------------------- */

/* Did the hop ever answer a probe? The round trip outlives a restart. */
static bool ever_answered(const struct health_hop *p)
{
	return p->probe_rtt_us != 0;
}

static bool calls_disagree(const struct health *h, const struct health_hop *p, uint64_t now_ns)
{
	uint64_t window = 2 * (uint64_t)conf_of(h, p)->probe.interval_ms * MS_NS;

	return p->signs.answered_ns && now_ns - p->signs.answered_ns <= window;
}

static void too_many_bad(struct health *h, uint16_t slot, uint16_t code, uint64_t now_ns)
{
	struct health_hop *p = &h->hop[slot];

	if (!ever_answered(p) && (p->signs.answered_ns || p->breaker.state == BREAKER_TRIAL))
		return;
	if (calls_disagree(h, p, now_ns)) {
		if (!health_marked(h, slot, HEALTH_PROBE_DISAGREES))
			health_mark(h, slot, HEALTH_PROBE_DISAGREES, code, 0, now_ns);
		return;
	}
	p->signs.bad_probes = 0;
	health_hold(h, slot, code ? HEALTH_OPTIONS_CODE : HEALTH_OPTIONS_TIMEOUT, code,
	    p->signs.refused ? "probes in a row refused: nobody listens there, or the way is shut" : NULL, now_ns);
	health_publish(h, slot, now_ns);
	health_clear_mark(h, slot, HEALTH_PROBE_DISAGREES, now_ns);
}

static void on_rtt(struct health *h, uint16_t slot, uint32_t us, uint64_t now_ns)
{
	struct health_hop *p = &h->hop[slot];
	uint32_t limit = conf_of(h, p)->degraded_rtt_ms, p95 = 0;

	if (!health_marked(h, slot, HEALTH_RTT) && p->signs.slow)
		signs_expired(&p->signs, SIGNS_OF_RTT);
	switch (limit ? signs_rtt(&p->signs, us / 1000, limit, &p95) : SIGNS_STAY) {
	case SIGNS_RAISE:
		health_mark(h, slot, HEALTH_RTT, p95, now_ns + mark_ns(h), now_ns);
		break;
	case SIGNS_CLEAR:
		health_clear_mark(h, slot, HEALTH_RTT, now_ns);
		break;
	case SIGNS_STAY:
		if (limit && p->signs.slow && !p->signs.rtt_good)
			health_mark(h, slot, HEALTH_RTT, p95, now_ns + mark_ns(h), now_ns);
		break;
	}
}

void health_signs_probe(struct health *h, uint16_t slot, uint16_t code, uint32_t rtt_us, uint64_t now_ns)
{
	struct health_hop *p = hop_at(h, slot);
	const struct conf_probe *c;

	if (!hop_serves(p))
		return;
	c = &conf_of(h, p)->probe;
	if (code)
		on_rtt(h, slot, rtt_us, now_ns);
	if (conf_probe_good(c, code)) {
		p->signs.bad_probes = 0;
		if (p->good_probes >= c->up) /* one good answer in a bad hour brings no calls back */
			health_clear_mark(h, slot, HEALTH_PROBE_DISAGREES, now_ns);
	} else if (p->breaker.state == BREAKER_DOWN) {
		p->signs.bad_probes = 0; /* it is DOWN already */
	} else {
		if (p->signs.bad_probes < UINT8_MAX)
			p->signs.bad_probes++;
		if (p->signs.bad_probes >= c->down)
			too_many_bad(h, slot, code, now_ns);
	}
	p->signs.refused = false;
}

void health_signs_refused(struct health *h, uint16_t slot)
{
	hop_at(h, slot)->signs.refused = true;
}

bool health_confirms(const struct health *h, uint16_t slot)
{
	const struct health_hop *p = hop_of(h, slot);

	return hop_serves(p) && p->breaker.state != BREAKER_DOWN && p->signs.bad_probes && p->signs.bad_probes < conf_of(h, p)->probe.down;
}

/* ---- calls ---------------------------------------------------------------------------------- */

static void drops(struct health *h, uint16_t trunk, const struct baseline_change *change, uint64_t now_ns)
{
	static const uint8_t reason[BASELINE_FIGURES] = {
		[BASELINE_ASR] = HEALTH_ASR_DROP, [BASELINE_NER] = HEALTH_NER_DROP, [BASELINE_ACD] = HEALTH_ACD_DROP,
	};

	for (unsigned f = 0; f < BASELINE_FIGURES; f++) {
		const struct baseline_change *c = &change[f];

		if (c->raised && h->dropped)
			h->dropped(h->ctx, trunk, reason[f], c->last, c->usual);
		if (c->raised)
			health_mark_trunk(h, trunk, reason[f], c->last, 0, now_ns);
		else if (c->cleared)
			health_clear_trunk(h, trunk, reason[f], now_ns);
	}
}

static void seized(struct health *h, uint16_t slot, bool answered, bool reached, uint64_t now_ns)
{
	struct baseline_change change[BASELINE_FIGURES];
	uint16_t trunk = h->hop[slot].trunk;

	baseline_call(&h->trunk[trunk].usual, answered, reached, now_ns, change);
	drops(h, trunk, change, now_ns);
}

void health_signs_reply(struct health *h, uint16_t slot, uint32_t us, uint64_t now_ns)
{
	struct health_hop *p = hop_at(h, slot);

	if (!hop_serves(p))
		return;
	signs_heard(&p->signs);
	on_rtt(h, slot, us, now_ns);
}

bool health_idle(const struct health *h, uint16_t slot, uint64_t now_ns)
{
	const struct health_hop *p = hop_of(h, slot);

	return hop_serves(p) && now_ns - p->signs.used_ns >= conf_of(h, p)->canary_idle_ms * MS_NS;
}

void health_signs_used(struct health *h, uint16_t slot, uint64_t now_ns)
{
	hop_at(h, slot)->signs.used_ns = now_ns;
}

/* An INVITE without a reply, and something else was heard since it went out. */
static void unheard(struct health *h, uint16_t slot, const struct health_outcome *o, uint64_t now_ns)
{
	struct health_hop *p = &h->hop[slot];

	if (p->last_heard_ns <= o->begun_ns || o->begun_ns < p->last_success_ns)
		return;
	if (signs_unheard(&p->signs, o->number_hash) == SIGNS_RAISE)
		health_trip(h, slot, HEALTH_INVITE_SILENT, 0, now_ns);
}

void health_signs_outcome(struct health *h, uint16_t slot, const struct health_outcome *o, bool rang, uint64_t now_ns)
{
	if (!hop_serves(hop_at(h, slot)))
		return;
	switch ((enum cause)o->cause) {
	case CAUSE_STATUS:
		seized(h, slot, false, rang || (o->health & CAUSE_O), now_ns);
		break;
	case CAUSE_NO_REPLY:
		unheard(h, slot, o, now_ns);
		seized(h, slot, false, false, now_ns);
		break;
	case CAUSE_SILENT:
	case CAUSE_NO_PROGRESS:
	case CAUSE_UNREACHABLE:
	case CAUSE_CONNECT:
	case CAUSE_LOST:
		seized(h, slot, false, false, now_ns);
		break;
	case CAUSE_RING:
		seized(h, slot, false, true, now_ns);
		break;
	case CAUSE_CANCELLED: /* before the phone rang it says nothing of the trunk */
		if (rang)
			seized(h, slot, false, true, now_ns);
		break;
	case CAUSE_NONE:
	case CAUSE_ANSWERED:
	case CAUSE_LIMIT:
	case CAUSE_BAD_ANSWER:
	case CAUSE_COUNT:
		break;
	}
}

/* Its silence to probes took it DOWN, and now it answered a call that had nowhere else to go: it ignores probes, as some
 * carriers do, and never was down. */
static void refute_probes(struct health *h, uint16_t slot, uint64_t now_ns)
{
	struct health_hop *p = &h->hop[slot];

	if (ever_answered(p) || p->breaker.state == BREAKER_UP || p->down_reason != HEALTH_OPTIONS_TIMEOUT)
		return;
	p->breaker = (struct breaker){ 0 };
	p->known = true;
	health_judge(h, slot, HEALTH_ANSWERED, "a call, though no probe was ever answered", now_ns);
	health_publish(h, slot, now_ns);
}

void health_signs_answered(struct health *h, uint16_t slot, uint64_t now_ns)
{
	struct health_hop *p = hop_at(h, slot);

	if (!hop_serves(p))
		return;
	p->signs.answered_ns = now_ns;
	refute_probes(h, slot, now_ns);
	seized(h, slot, true, true, now_ns);
}

/* ---- their audio ---------------------------------------------------------------------------- */

static void on_audio(struct health *h, uint16_t slot, enum signs_audio audio, uint64_t number, uint64_t now_ns)
{
	static const char *const words[] = {
		[SIGNS_MUTE_ALONE] = "an answered call never had a packet from it, and no other was heard through it lately",
		[SIGNS_MUTE_TWO] = "two of its last ten calls, to two numbers, never had a packet from it",
		[SIGNS_MUTE_FELL] = "three calls in a row: its audio stopped, or never came",
	};
	const struct signs_call c = { audio, number, now_ns, mark_ns(h) };
	struct health_hop *p = &h->hop[slot];
	enum signs_mute why = SIGNS_MUTE_ALONE;

	if (!health_marked(h, slot, HEALTH_ONE_WAY) && p->signs.one_way)
		signs_expired(&p->signs, SIGNS_OF_AUDIO);
	switch (signs_audio(&p->signs, &c, &why)) {
	case SIGNS_RAISE:
		health_mark_told(h, slot, HEALTH_ONE_WAY, 0, now_ns + mark_ns(h), words[why], now_ns);
		break;
	case SIGNS_CLEAR:
		health_clear_mark(h, slot, HEALTH_ONE_WAY, now_ns);
		break;
	case SIGNS_STAY:
		break;
	}
}

static void on_figure(struct health *h, uint16_t slot, enum signs_verdict v, enum health_reason mark, uint32_t figure, uint64_t now_ns)
{
	if (v == SIGNS_RAISE)
		health_mark(h, slot, mark, figure, now_ns + mark_ns(h), now_ns);
	else if (v == SIGNS_CLEAR)
		health_clear_mark(h, slot, mark, now_ns);
}

static void on_loss(struct health *h, uint16_t slot, const struct health_talk *t, uint64_t now_ns)
{
	struct health_hop *p = &h->hop[slot];
	uint32_t limit = conf_of(h, p)->degraded_loss, percent = 0;
	enum signs_verdict v;

	if (!health_marked(h, slot, HEALTH_LOSS) && p->signs.loss.raised)
		signs_expired(&p->signs, SIGNS_OF_LOSS);
	if (!limit)
		return;
	v = signs_loss(&p->signs.loss, t->packets + t->lost, t->lost, limit, &percent);
	on_figure(h, slot, v, HEALTH_LOSS, percent, now_ns);
}

/* What its own end says of the way there. */
static void on_far_loss(struct health *h, uint16_t slot, const struct health_talk *t, uint64_t now_ns)
{
	struct health_hop *p = &h->hop[slot];
	uint32_t limit = conf_of(h, p)->degraded_loss, percent = 0;
	enum signs_verdict v;

	if (!health_marked(h, slot, HEALTH_FAR_LOSS) && p->signs.far_loss.raised)
		signs_expired(&p->signs, SIGNS_OF_FAR_LOSS);
	if (!limit || !t->reports)
		return;
	v = signs_loss(&p->signs.far_loss, t->sent, t->far_lost, limit, &percent);
	on_figure(h, slot, v, HEALTH_FAR_LOSS, percent, now_ns);
}

static void on_jitter(struct health *h, uint16_t slot, const struct health_talk *t, uint64_t now_ns)
{
	struct health_hop *p = &h->hop[slot];
	uint32_t limit = conf_of(h, p)->degraded_jitter_ms, us = 0;
	enum signs_verdict v;

	if (!health_marked(h, slot, HEALTH_JITTER) && p->signs.jitter.raised)
		signs_expired(&p->signs, SIGNS_OF_JITTER);
	if (!limit)
		return;
	v = signs_jitter(&p->signs.jitter, t->packets, t->jitter_us, limit * 1000, &us);
	on_figure(h, slot, v, HEALTH_JITTER, (us + 500) / 1000, now_ns);
}

static void on_mos(struct health *h, uint16_t slot, const struct health_talk *t, uint64_t now_ns)
{
	struct health_hop *p = &h->hop[slot];
	uint32_t limit = conf_of(h, p)->degraded_mos * 10, mean = 0;
	enum signs_verdict v;

	if (!health_marked(h, slot, HEALTH_MOS) && p->signs.mos.raised)
		signs_expired(&p->signs, SIGNS_OF_MOS);
	if (!limit || !t->mos)
		return;
	v = signs_mos(&p->signs.mos, t->mos, limit, &mean);
	on_figure(h, slot, v, HEALTH_MOS, mean / 10, now_ns);
}

void health_signs_audio(struct health *h, uint16_t slot, uint64_t number_hash, uint64_t now_ns)
{
	if (hop_serves(hop_at(h, slot)))
		on_audio(h, slot, SIGNS_AUDIO_HEARD, number_hash, now_ns);
}

void health_signs_heard_whole(struct health *h, uint16_t slot, uint64_t number_hash, uint64_t now_ns)
{
	if (hop_serves(hop_at(h, slot)))
		on_audio(h, slot, SIGNS_AUDIO_SOUND, number_hash, now_ns);
}

void health_signs_silent(struct health *h, uint16_t slot, bool ever, uint64_t number_hash, uint64_t now_ns)
{
	if (hop_serves(hop_at(h, slot)))
		on_audio(h, slot, ever ? SIGNS_AUDIO_SILENT : SIGNS_AUDIO_NONE, number_hash, now_ns);
}

/* A call that its caller ended soon is the caller's; one the trunk ended, or that had no audio from it, is not. */
static void on_length(struct health *h, uint16_t slot, const struct health_talk *t, uint64_t now_ns)
{
	struct health_hop *p = &h->hop[slot];
	bool is_short = t->talk_ms < conf_of(h, p)->min_call_duration_ms;

	bool mute = t->media && !t->packets && t->talk_ms >= HEARD_MS;

	if (is_short && !t->ended_there && !mute)
		return;
	if (!health_marked(h, slot, HEALTH_SHORT_CALLS) && p->signs.shorts == SIGNS_SHORT_CALLS)
		signs_expired(&p->signs, SIGNS_OF_LENGTH);
	switch (signs_short(&p->signs, is_short, t->number_hash)) {
	case SIGNS_RAISE:
		health_mark(h, slot, HEALTH_SHORT_CALLS, 0, now_ns + mark_ns(h), now_ns);
		break;
	case SIGNS_CLEAR:
		health_clear_mark(h, slot, HEALTH_SHORT_CALLS, now_ns);
		break;
	case SIGNS_STAY:
		break;
	}
}

void health_signs_talk(struct health *h, uint16_t slot, const struct health_talk *t, uint64_t now_ns)
{
	struct baseline_change change[BASELINE_FIGURES];
	struct health_hop *p = hop_at(h, slot);

	if (!hop_serves(p))
		return;
	on_length(h, slot, t, now_ns);
	if (t->unheard)
		on_audio(h, slot, SIGNS_AUDIO_BRIEF, t->number_hash, now_ns);
	if (t->media && t->packets && !t->silent)
		on_audio(h, slot, SIGNS_AUDIO_SOUND, t->number_hash, now_ns);
	if (t->media) {
		on_loss(h, slot, t, now_ns);
		on_far_loss(h, slot, t, now_ns);
		on_jitter(h, slot, t, now_ns);
		on_mos(h, slot, t, now_ns);
	}
	baseline_talk(&h->trunk[p->trunk].usual, t->talk_ms, now_ns, change);
	drops(h, p->trunk, change, now_ns);
}
