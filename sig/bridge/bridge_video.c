// SPDX-License-Identifier: MIT
#include "sig/bridge/bridge_video.h"

#include <errno.h>
#include <string.h>

#include "config/clock.h"
#include "config/event.h"
#include "sig/bridge/bridge_body.h"
#include "sig/bridge/bridge_keys.h"
#include "sig/bridge/bridge_media.h"

#define CLOCK 90000 /* RFC 3551 5 */
#define FRAME 33    /* ms between two pictures, about */
#define TELL_NS (60 * CLOCK_NS_PER_S)

static uint32_t open_now; /* calls with video */
static struct {
	uint64_t count, told_ns; /* refused since it was told last, when that was; 0: never */
} refused;

/* ---- the anchor ------------------------------------------------------------------------------ */

/* Counted once for a call, however many bodies of it ask; told at once, then once a minute. */
static int refuse(struct bridge *b)
{
	uint64_t now = clock_mono_ns();

	if (b->video_refused)
		return -ENOSPC;
	b->video_refused = true;
	segment_add(&anchor_counters()->video_refused, 1);
	refused.count++;
	if (refused.told_ns && now - refused.told_ns < TELL_NS)
		return -ENOSPC;
	event_log(call_no_video, .refused = refused.count, .limit = b->conf->limits.max_video, .call = b->call_id);
	refused.count = 0;
	refused.told_ns = now;
	return -ENOSPC;
}

static int anchor_begin(struct bridge *b)
{
	int err;

	if (b->video.open)
		return 0;
	if (open_now >= b->conf->limits.max_video)
		return refuse(b);
	err = anchor_open(&b->video, b->call_id, b->net, NULL);
	if (err)
		return err;
	open_now++;
	b->video_times++;
	b->video_refused = false;
	return 0;
}

static void anchor_end(struct bridge *b)
{
	struct anchor_quality q[2];

	if (!b->video.open)
		return;
	anchor_quality(&b->video, q);
	for (unsigned i = 0; i < 2; i++) {
		b->video_heard[i].packets += q[i].packets;
		b->video_heard[i].bytes += q[i].bytes;
	}
	anchor_close(&b->video);
	open_now--;
}

void bridge_close(struct bridge *b)
{
	anchor_end(b);
	anchor_close(&b->anchor);
}

bool bridge_video(const struct bridge *b, struct anchor_quality q[2])
{
	struct anchor_quality now[2] = { 0 };

	if (b->video.open)
		anchor_quality(&b->video, now);
	for (unsigned i = 0; i < 2; i++) {
		q[i] = b->video_heard[i];
		q[i].packets += now[i].packets;
		q[i].bytes += now[i].bytes;
	}
	return b->video_codec[0] != 0;
}

static bool has_end(const struct bridge *b, const struct bridge_side *side)
{
	return side == &b->caller || (side->video_of == b->video_times && b->video.open);
}

static uint8_t end_of(const struct bridge *b, const struct bridge_side *side)
{
	return side == &b->caller ? KEDGE_END_INSIDE : side->video_end;
}

/* Our address toward that side; an end that has none yet gets one. */
static int local_of(struct bridge *b, struct bridge_side *side, struct kedge_addr *local)
{
	int end = anchor_begin(b);

	if (end == 0 && !has_end(b, side)) {
		end = anchor_outside(&b->video, side->net, KEDGE_HOP_NONE); /* its figures are none of the trunk's audio */
		if (end >= 0) {
			side->video_end = (uint8_t)end;
			side->video_of = b->video_times;
		}
	}
	if (end < 0)
		return end;
	*local = b->video.local[side == &b->caller ? 0 : side->video_end + 1];
	return 0;
}

void video_drop(struct bridge *b, struct bridge_side *side)
{
	if (!b->video.open || side == &b->caller || !has_end(b, side))
		return;
	anchor_drop(&b->video, side->video_end);
	if (b->video.live != side->video_end)
		side->video_of = 0; /* it may be another attempt's next */
}

/* Has the caller's exchange video, as far as it went? */
static bool caller_has(const struct bridge *b)
{
	static struct offer v;

	return !b->caller.ours || !b->caller.theirs || (body_video(&v, b->caller.ours) && body_video(&v, b->caller.theirs));
}

/* A caller that takes forks may be answered otherwise by the next attempt. */
void video_settle(struct bridge *b)
{
	if (b->video.open && b->bound && !b->forks && !b->pending_ours && !caller_has(b))
		anchor_end(b);
}

/* ---- writing --------------------------------------------------------------------------------- */

static bool allowed(const struct bridge *b, const struct bridge_side *side)
{
	return b->conf->trunks.v[side->trunk].video;
}

/* Does the line that answers ours fit it, its keys too? What does not is refused to the other side as well. */
static bool fits(const struct bridge *b, const struct bridge_side *other, const struct offer *answer)
{
	static struct offer ours;
	enum offer_fit fit = OFFER_REFUSED;
	struct offer_keys k;
	bool agreed;

	if (body_video(&ours, b->pending_ours ? b->pending_ours : other->ours))
		fit = offer_fits(&ours, answer);
	if (fit != OFFER_FITS && fit != OFFER_LINES_DIFFER)
		return false;
	agreed = offer_agreed(&ours, answer, false, &k) == 0 || offer_agreed(&ours, answer, true, &k) == 0;
	crypto_wipe(&k, sizeof(k));
	return agreed;
}

static int direction_of(const struct offer_write *video, const struct bridge_side *other, int asked)
{
	static struct offer o, t;

	if (asked < 0)
		return -1;
	if (video->only) /* our own numbers, what the other side does */
		return video->only->line[video->only->anchored].direction;
	return side_line_would_do(other, side_line(body_video(&t, other->theirs)), side_line(body_video(&o, other->ours)));
}

/* Nobody is asked for a picture that the other side could not be answered: in clear where its trunk must have keys, or the other way round. */
static bool answerable(const struct bridge *b, const struct bridge_side *other, const struct offer_write *how, const struct offer *from)
{
	struct offer_policy policy = keys_policy(b, other);

	return how->answer || offer_allowed(from, &policy);
}

const struct offer_write *video_plan(struct bridge *b, struct bridge_side *side, const struct bridge_side *other,
    const struct offer_write *how, struct offer_write *video, struct crypto set[static CRYPTO_MAX])
{
	static struct offer from, shape, only;

	if (how->from->video < 0 || !allowed(b, side) || !allowed(b, other) || !offer_video(&from, how->from) ||
	    !answerable(b, other, how, &from))
		return NULL;
	*video = (struct offer_write){ .from = &from,
		.answer = how->answer,
		.rtcp_port = 0,
		.mux = how->mux,
		.no_feedback = how->no_feedback,
		.no_bandwidth = how->no_bandwidth };
	video->shape = how->shape && offer_video(&shape, how->shape) ? &shape : NULL;
	video->only = how->only && offer_video(&only, how->only) ? &only : NULL;
	if ((how->only && !video->only) || (how->answer && (!video->shape || !fits(b, other, &from))))
		return NULL;
	video->direction = direction_of(video, other, how->direction);
	if (keys_plan(b, side, video, set) < 0 || local_of(b, side, &video->local) < 0)
		return NULL;
	return video;
}

/* ---- media ----------------------------------------------------------------------------------- */

static const struct anchor_far nothing = { .telephone_event = 0xff,
	.event_here = 0xff,
	.audio_pt = 0xff,
	.cn_pt = 0xff,
	.clock_rate = CLOCK,
	.ptime_ms = FRAME,
	.flags = KEDGE_END_VIDEO };

/* Both bodies of an exchange, their video lines; NULL in one of them: there is none. */
struct exchange {
	const struct offer *ours, *theirs;
};

static void tell_end(
    struct bridge *b, const struct bridge_side *side, const struct exchange *x, const struct exchange *inside, bool relearn)
{
	struct anchor_far far = nothing;
	struct offer_end e;

	far.relearn = relearn;
	if (x->ours && x->theirs && offer_end(x->theirs, &e)) {
		far.rtp = e.rtp;
		far.rtcp = e.rtcp;
		far.flags = (uint8_t)((media_flags(&e) & ~KEDGE_END_SPEAKS) | KEDGE_END_VIDEO);
		if (e.mux && x->ours->line[x->ours->anchored].mux)
			far.flags |= KEDGE_END_RTCP_MUX;
		if (inside && inside->ours)
			far.pt_count = (uint8_t)offer_map(inside->ours, x->theirs, far.pt);
		keys_tell_line(b, side, x->ours, x->theirs, &far);
		if (inside)
			memcpy(b->video_codec, e.codec, sizeof(b->video_codec));
	} else { /* nothing of it passes, RTCP neither, where there ought to be keys */
		keys_tell_early(b, side, &far);
	}
	media_learn(&far, b, side);
	far.record = false;
	anchor_far(&b->video, end_of(b, side), &far);
	crypto_wipe(&far.keys, sizeof(far.keys));
}

void video_tell(struct bridge *b, struct bridge_side *callee, const struct offer *said, bool relearn)
{
	static struct offer v[4];
	struct exchange inside, outside;

	video_settle(b);
	if (!b->video.open)
		return;
	inside = (struct exchange){ body_video(&v[0], b->caller.ours), body_video(&v[1], b->caller.theirs) };
	outside = (struct exchange){ body_video(&v[2], callee->ours),
		said ? (offer_video(&v[3], said) ? &v[3] : NULL) : body_video(&v[3], callee->theirs) };
	if (has_end(b, callee))
		tell_end(b, callee, &outside, &inside, relearn);
	tell_end(b, &b->caller, &inside, NULL, relearn);
	anchor_live(&b->video, has_end(b, callee) && outside.theirs ? callee->video_end : KEDGE_LIVE_NONE);
}

void video_tell_early(struct bridge *b, const struct bridge_side *side)
{
	struct anchor_far far = nothing;

	if (!b->video.open)
		return;
	if (!has_end(b, side)) {
		anchor_live(&b->video, KEDGE_LIVE_NONE);
		return;
	}
	far.flags |= KEDGE_END_RECV;
	keys_tell_early(b, side, &far);
	media_learn(&far, b, side);
	far.record = false;
	anchor_far(&b->video, side->video_end, &far);
	anchor_live(&b->video, side->video_end);
}

/* ---- who was told what ----------------------------------------------------------------------- */

static uint8_t direction(const struct offer *v)
{
	return v ? v->line[v->anchored].direction : OFFER_INACTIVE;
}

static uint8_t does(const struct bridge_side *side)
{
	static struct offer o, t;

	return direction(body_video(&t, side->theirs)) & side_turned(direction(body_video(&o, side->ours)));
}

/* Does it send to a port that is this call's no more? The anchor closed over another attempt's answer. */
static bool is_stale(const struct bridge *b, const struct bridge_side *side)
{
	return !has_end(b, side) && does(side) != OFFER_INACTIVE;
}

bool video_too_much(const struct bridge *b, const struct bridge_side *takes, const struct bridge_side *said)
{
	return is_stale(b, said) || (b->video.open && side_turned(does(takes)) != does(said));
}

bool video_same_direction(const struct bridge_side *side, const struct offer *bound, const struct offer *answer)
{
	static struct offer v, o;
	uint8_t told = direction(offer_video(&v, bound) ? &v : NULL);

	return told == (body_video(&o, side->ours) ? direction(offer_video(&v, answer) ? &v : NULL) : OFFER_INACTIVE);
}

bool video_behind(const struct bridge_side *side, const struct bridge_side *other)
{
	static struct offer o, t, theirs, ours;
	const struct offer *told = body_video(&o, side->ours), *asked = body_video(&t, side->theirs);
	int now;

	if (!told)
		return false;
	now = side_line_would_do(other, side_line(body_video(&theirs, other->theirs)), side_line(body_video(&ours, other->ours)));
	if (!body_video(&theirs, other->theirs))
		now = OFFER_INACTIVE;
	if (side->theirs_offered && asked)
		now &= side_turned(asked->line[asked->anchored].direction);
	return direction(told) != now;
}
