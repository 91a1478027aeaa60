// SPDX-License-Identifier: MIT
#include "sig/bridge/bridge_media.h"

#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "config/sound.h"
#include "sig/bridge/bridge_body.h"
#include "sig/bridge/bridge_dtmf.h"
#include "sig/bridge/bridge_keys.h"
#include "sig/bridge/bridge_video.h"

static void net_of(struct kedge_prefix *p, const struct kedge_addr *a, unsigned bits)
{
	unsigned bytes = bits / 8;

	memset(p, 0, sizeof(*p));
	p->family = a->family;
	p->bits = (uint16_t)bits;
	memcpy(p->ip, a->ip, bytes);
}

/* Around the signaled address, the peer's SIP address, media_nets. */
void media_learn(struct anchor_far *far, const struct bridge *b, const struct bridge_side *side)
{
	const struct conf_trunk *t = &b->conf->trunks.v[side->trunk];
	unsigned n = 0;

	memset(far->learn, 0, sizeof(far->learn));
	far->latch = t->latch;
	far->record = t->record && !b->test; /* a test call is nobody's */
	if (t->latch == CONF_LATCH_STRICT)
		return;
	if (far->rtp.family)
		net_of(&far->learn[n++], &far->rtp, far->rtp.family == AF_INET6 ? 64 : 24);
	net_of(&far->learn[n++], &side->peer, side->peer.family == AF_INET6 ? 128 : 32);
	for (unsigned i = 0; i < t->media_nets.count && n < 4; i++)
		memcpy(&far->learn[n++], &t->media_nets.v[i], sizeof(far->learn[0]));
}

uint8_t media_flags(const struct offer_end *e)
{
	uint8_t flags = 0;

	if (e->direction & OFFER_SENDONLY)
		flags |= KEDGE_END_RECV | KEDGE_END_SPEAKS;
	if (e->direction & OFFER_RECVONLY)
		flags |= KEDGE_END_SEND;
	return flags;
}

/* Does our body toward it have a=rtcp-mux, offered or accepted? */
static bool ours_mux(const struct bridge_side *side)
{
	static struct offer o;

	return body_kept(&o, side->ours) && o.anchored >= 0 && o.line[o.anchored].mux;
}

/* What kedge itself would say to an end. */
static void codec_fill(struct anchor_far *far, const struct offer_end *e)
{
	static const struct {
		const char *name;
		enum kedge_codec codec;
	} known[] = { { "PCMU", KEDGE_CODEC_PCMU }, { "PCMA", KEDGE_CODEC_PCMA }, { "G722", KEDGE_CODEC_G722 } };

	far->codec = KEDGE_CODEC_OTHER;
	far->audio_pt = e->pt;
	far->cn_pt = e->cn;
	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcasecmp(e->codec, known[i].name))
			far->codec = known[i].codec;
}

/* Its own number is what it wants to be sent; it may send that or ours. */
static void event_fill(
    struct anchor_far *far, const struct offer_exchange *x, const struct offer_end *spoken)
{
	struct offer_event e;

	if (spoken->telephone_event == 0xff || !offer_event(x->theirs, x->ours, spoken->clock_rate, &e))
		return;
	far->telephone_event = e.said;
	far->event_here = e.told;
	far->event_rate = e.rate;
}

/* The answer of an exchange says what is spoken, whoever gave it. */
static const struct offer *agreed(const struct bridge_side *side, const struct offer_exchange *x)
{
	return side->theirs_offered && x->ours ? x->ours : x->theirs;
}

/* Payload types of the callee for those of the caller, and laws of G.711 that only one of them has. */
static void map_fill(const struct bridge *b, const struct bridge_side *callee, const struct offer_exchange *inside,
    const struct offer_exchange *outside, struct anchor_far *far)
{
	int n = offer_map(inside->ours, outside->theirs, far->pt);

	if (outside->ours && inside->theirs && body_laws(b, &b->caller, callee))
		n = offer_map_laws(*inside, *outside, far->pt, n, far->laws);
	far->pt_count = (uint8_t)n;
}

/* Size of the packets of G.711 toward a side: what its trunk wants, or, where the other one's trunk has a size of its own, what its SDP asks. */
static uint8_t size_of(const struct bridge *b, const struct bridge_side *side, const struct bridge_side *other, const struct offer *theirs)
{
	const struct offer_line *l = &theirs->line[theirs->anchored];
	uint16_t asked = l->ptime;

	if (body_ptime(b, side) || !body_ptime(b, other))
		return body_ptime(b, side);
	if (l->maxptime && (asked == 0 || l->maxptime < asked))
		asked = l->maxptime;
	return asked % 10 == 0 && asked <= 40 ? (uint8_t)asked : 0;
}

/* Tells media what x->theirs (from that side) means; inside: what the caller has, to pair a callee's types with. */
static void tell_end(struct bridge *b, struct bridge_side *side, const struct bridge_side *other, const struct offer_exchange *x,
    const struct offer_exchange *inside, bool relearn)
{
	struct anchor_far far = { .telephone_event = 0xff, .event_here = 0xff, .audio_pt = 0xff, .cn_pt = 0xff, .relearn = relearn };
	char *codec = side == &b->caller ? b->codec : b->codec_out;
	struct offer_end e, spoken;

	if (offer_end(x->theirs, &e)) {
		if (!offer_end(agreed(side, x), &spoken))
			spoken = e;
		far.rtp = e.rtp;
		far.rtcp = e.rtcp;
		far.flags = media_flags(&e);
		if (e.t38) /* datagrams of no clock: their silence is no evidence */
			far.flags = (uint8_t)((far.flags & ~KEDGE_END_SPEAKS) | KEDGE_END_PLAIN);
		if (e.mux && ours_mux(side))
			far.flags |= KEDGE_END_RTCP_MUX;
		far.dtmf = b->dtmf[side != &b->caller];
		event_fill(&far, x, &spoken);
		far.clock_rate = spoken.clock_rate;
		far.ptime_ms = e.ptime_ms;
		codec_fill(&far, &spoken);
		if (far.codec == KEDGE_CODEC_PCMU || far.codec == KEDGE_CODEC_PCMA)
			far.send_ptime_ms = size_of(b, side, other, x->theirs);
		memcpy(codec, spoken.codec, sizeof(b->codec));
		b->held = b->held || e.direction != OFFER_SENDRECV;
	} else {
		b->held = true;
	}
	far.listen = b->test;
	if (inside && inside->ours)
		map_fill(b, side, inside, x, &far);
	keys_tell(b, side, x->theirs, &far);
	media_learn(&far, b, side);
	anchor_far(&b->anchor, side->end, &far);
	crypto_wipe(&far.keys, sizeof(far.keys));
}

/* The caller says nothing, and the callee waits to hear it: it was not told of the hold, or has not taken it. Without any packet
 * its own media timer would end the call. */
static void fill_silence(struct bridge *b, const struct bridge_side *callee, const struct offer *caller, const struct offer *said)
{
	struct offer_end from, to;
	bool wanted = b->conf->media.comfort_noise && caller && said && offer_end(caller, &from) && offer_end(said, &to) && !to.t38 &&
	              !(from.direction & OFFER_SENDONLY) && to.direction & OFFER_RECVONLY;

	if (callee->end < KEDGE_OUT_MAX)
		anchor_play(&b->anchor, callee->end, wanted ? sound_id(SOUND_COMFORT) : 0, KEDGE_PLAY_UNTIL_MEDIA);
}

/* Both sides have an offer and an answer: packets may pass. said: what the callee wrote last, if
 * it was just read. */
void media_tell(
    struct bridge *b, struct bridge_side *callee, const struct offer *said, bool relearn)
{
	static struct offer text[4];
	struct offer_exchange inside = { body_kept(&text[0], b->caller.ours), body_kept(&text[1], b->caller.theirs) };
	struct offer_exchange outside = { body_kept(&text[2], callee->ours), said };

	b->held = false;
	if (!said)
		outside.theirs = body_kept(&text[3], callee->theirs);
	dtmf_exchanged(b, callee, &inside, &outside, b->dtmf);
	if (outside.theirs)
		tell_end(b, callee, &b->caller, &outside, &inside, relearn);
	if (inside.theirs)
		tell_end(b, &b->caller, callee, &inside, NULL, relearn);
	fill_silence(b, callee, inside.theirs, outside.theirs);
	anchor_live(&b->anchor, callee->end);
	video_tell(b, callee, said, relearn);
}

void media_tell_caller(struct bridge *b)
{
	static struct offer text[2];
	struct offer_exchange inside = { body_kept(&text[0], b->caller.ours), body_kept(&text[1], b->caller.theirs) };

	b->held = false;
	if (inside.theirs)
		tell_end(b, &b->caller, &b->caller, &inside, NULL, true);
	video_settle(b);
}

/* Digits go as its trunk has them: INFOs of kedge's own would come back to nobody. */
static uint8_t test_digits(const struct bridge *b, const struct bridge_side *side, const struct offer_exchange *x)
{
	struct offer_end e;
	bool g711 = offer_end(x->theirs, &e) && (!strcasecmp(e.codec, "PCMU") || !strcasecmp(e.codec, "PCMA"));

	if (b->conf->trunks.v[side->trunk].dtmf == CONF_DTMF_INFO)
		return KEDGE_DTMF_NONE;
	if (x->ours && offer_has_events(x->ours, x->theirs))
		return KEDGE_DTMF_EVENT;
	return g711 ? KEDGE_DTMF_INBAND : KEDGE_DTMF_NONE;
}

void media_tell_test(struct bridge *b, struct bridge_side *side)
{
	static struct offer text[2];
	struct offer_exchange x = { body_kept(&text[0], side->ours), body_kept(&text[1], side->theirs) };
	struct anchor_far inside = { .telephone_event = 0xff, .event_here = 0xff, .audio_pt = 0xff, .cn_pt = 0xff, .flags = KEDGE_END_SEND };

	if (!x.theirs)
		return;
	b->held = false;
	inside.dtmf = b->dtmf[0] = KEDGE_DTMF_INFO;
	b->dtmf[1] = test_digits(b, side, &x);
	anchor_far(&b->anchor, KEDGE_END_INSIDE, &inside);
	tell_end(b, side, &b->caller, &x, NULL, true);
	anchor_live(&b->anchor, side->end);
}

/* What may be heard from an outside end before its answer: the hop itself, its media networks. */
void media_tell_early(struct bridge *b, const struct bridge_side *side)
{
	struct anchor_far far = { .telephone_event = 0xff, .event_here = 0xff, .audio_pt = 0xff, .cn_pt = 0xff, .flags = KEDGE_END_RECV };
	static struct offer ours;
	struct offer_end e;

	if (body_kept(&ours, side->ours) && offer_end(&ours, &e)) /* the codec that stands first is what it will speak, most likely */
		far.clock_rate = e.clock_rate;
	keys_tell_early(b, side, &far);
	media_learn(&far, b, side);
	anchor_far(&b->anchor, side->end, &far);
	anchor_live(&b->anchor, side->end);
	video_tell_early(b, side);
}
