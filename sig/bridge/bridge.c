// SPDX-License-Identifier: MIT
#include "sig/bridge/bridge.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "sig/bridge/bridge_body.h"
#include "sig/bridge/bridge_keys.h"
#include "sig/bridge/bridge_media.h"
#include "sig/bridge/bridge_video.h"
#include "sig/edge/listen.h"

int bridge_status(int err)
{
	switch (err) {
	case -EMEDIUMTYPE:
		return 415;
	case -EINVAL:
		return 400;
	case -EMSGSIZE:
		return 413;
	case -ENODATA:
	case -EPROTO:
		return 488;
	case -ENOSPC:
	case -ENOBUFS:
	case -EMFILE:
	case -ENFILE:
	case -EADDRNOTAVAIL:
		return 503;
	default:
		return 500;
	}
}

/* ---- setup ---------------------------------------------------------------------------------- */

static void origin_begin(struct offer_origin *origin)
{
	uint32_t id;

	listen_random(&id, sizeof(id));
	*origin = (struct offer_origin){ .id = (id & 0x7fffffff) | 1 };
}

static unsigned family_of(const struct offer *o, const struct bridge_side *side)
{
	if (o->anchored >= 0 && o->line[o->anchored].rtp.family)
		return o->line[o->anchored].rtp.family;
	return side->peer.family;
}

/* A part that does not fit is not passed on: the call is worth more than what came beside it. */
static void keep_parts(struct bridge *b, const struct bridge_body *body)
{
	static char text[OFFER_MAX];
	int n;

	if (!body->type || strncasecmp(body->type, "multipart/", 10) != 0)
		return;
	b->required = offer_requires(body->type, body->data, body->length);
	listen_token(b->boundary);
	n = offer_parts(text, sizeof(text), body->type, body->data, body->length, b->boundary);
	b->parts = n > 0 ? su_alloc(b->home, (isize_t)n) : NULL;
	b->parts_length = b->parts ? (size_t)n : 0;
	if (b->parts)
		memcpy(b->parts, text, (size_t)n);
}

struct bridge_body bridge_envelope(
    const struct bridge *b, const struct bridge_side *side, const char *sdp)
{
	struct bridge_body out = { .type = "application/sdp", .data = sdp };
	size_t length = sdp ? strlen(sdp) : 0, n;
	char *body;

	out.length = length;
	if (!sdp || !b->parts || b->conf->trunks.v[side->trunk].bodies != CONF_BODIES_PASS)
		return out;
	body = su_alloc(b->home, (isize_t)(length + b->parts_length + sizeof(b->boundary) * 2 + 64));
	if (!body)
		return out;
	n = (size_t)sprintf(body, "--%s\r\nContent-Type: application/sdp\r\n\r\n%s\r\n", b->boundary, sdp);
	memcpy(body + n, b->parts, b->parts_length);
	n += b->parts_length;
	n += (size_t)sprintf(body + n, "--%s--\r\n", b->boundary);
	out.type = su_sprintf(b->home, "multipart/mixed;boundary=%s", b->boundary);
	out.data = body;
	out.length = n;
	return out;
}

int bridge_open(
    struct bridge *b, unsigned iface, uint64_t call_id, const struct bridge_body *body, void *owner)
{
	static struct offer o;
	int err = body_read_offer(b, &b->caller, &o, body), net;

	b->late = err == -ENOMSG;
	if (err && !b->late)
		return err;
	if (!b->late && o.anchored < 0)
		return -ENODATA;
	net = anchor_net(iface, b->late ? b->caller.peer.family : family_of(&o, &b->caller));
	if (net < 0)
		/* Media of an IP version that this interface has not: no fault of ours. */
		return anchor_net(iface, b->caller.peer.family) < 0 ? net : -EPROTO;
	err = anchor_open(&b->anchor, call_id, (unsigned)net, owner);
	if (err)
		return err;
	b->caller.end = KEDGE_END_INSIDE;
	b->net = (uint8_t)net;
	b->call_id = call_id;
	origin_begin(&b->caller.origin);
	if (!b->late) {
		body_keep(b, &b->caller.theirs, o.body, o.length);
		keep_parts(b, body);
		b->caller.theirs_offered = true;
	}
	return 0;
}

/* An offer of our own, for a caller who made none. */
static const struct offer *make_offer(const struct bridge *b, const struct bridge_side *side)
{
	static char own[OFFER_OWN];
	static struct offer o;
	const struct conf_strings *codecs = body_codecs(b, side);

	offer_own(own, codecs->count ? codecs : body_codecs(b, &b->caller));
	return body_kept(&o, own);
}

/* What an attempt is offered: what the caller offered, or was offered, or answered to that. NULL
 * in `from`: nothing, it shall make the offer. */
static int first_offer(struct bridge *b, struct bridge_side *side, struct offer_write *how)
{
	static struct offer caller, bound;
	bool insert = b->conf->trunks.v[side->trunk].late_offer == CONF_LATE_INSERT;
	int n;

	side->inserted = b->late && (insert || b->caller.ours);
	if (b->late && !side->inserted)
		return 0;
	if (b->late)
		how->from = b->caller.ours ? body_kept(&caller, b->caller.ours) : make_offer(b, side);
	else
		how->from = body_kept(&caller, b->caller.theirs);
	how->only = b->bound && !b->forks ? body_kept(&bound, b->caller.ours) : NULL;
	n = how->from ? body_write(b, side, &b->caller, how) : -ENOMEM;
	if (n != -ENODATA || !how->only || b->late)
		return n;
	how->only = NULL; /* nothing it has is what the caller was answered: the caller is asked for another one after the 2xx */
	return body_write(b, side, &b->caller, how);
}

int bridge_outside(
    struct bridge *b, struct bridge_side *side, unsigned iface, unsigned hop, const char **body)
{
	struct offer_write how = { 0 };
	int net = anchor_net(iface, side->peer.family), end, n;

	if (b->required && b->conf->trunks.v[side->trunk].bodies != CONF_BODIES_PASS)
		return -ENODATA;
	*body = NULL;
	side->end = KEDGE_LIVE_NONE;
	if (net < 0)
		return net;
	end = anchor_outside(&b->anchor, (unsigned)net, hop);
	if (end < 0)
		return end;
	side->end = (uint8_t)end;
	side->net = (uint8_t)net;
	origin_begin(&side->origin);
	n = first_offer(b, side, &how);
	if (n < 0) {
		anchor_drop(&b->anchor, side->end);
		video_drop(b, side);
		side->end = KEDGE_LIVE_NONE;
		return n;
	}
	if (n > 0)
		body_keep_written(b, &side->ours, (size_t)n);
	*body = side->ours;
	media_tell_early(b, side);
	return 0;
}

/* The first answer: what the caller hears of the call's media from now on. */
static int bind_caller(struct bridge *b, const struct bridge_side *side, const struct offer *answer)
{
	static struct offer caller;
	struct offer_write how = { .from = answer, .answer = true };
	int n;

	how.shape = body_kept(&caller, b->caller.theirs);
	if (!how.shape)
		return -ENOMEM;
	n = body_write(b, &b->caller, side, &how);
	if (n < 0)
		return n;
	body_keep_written(b, &b->caller.ours, (size_t)n);
	b->bound = true;
	return 0;
}

/* A caller that takes forks gets another answer in another dialog, with an o= line of its own. */
static int fork_caller(struct bridge *b, const struct bridge_side *side, const struct offer *answer)
{
	struct offer_origin origin = b->caller.origin;
	char *ours = b->caller.ours;
	int err;

	origin_begin(&b->caller.origin);
	b->caller.ours = NULL; /* another dialog has keys of its own */
	err = bind_caller(b, side, answer);
	if (err) {
		b->caller.origin = origin;
		b->caller.ours = ours;
		return err;
	}
	body_keep(b, &ours, NULL, 0);
	b->forked = true;
	b->differs = b->settled = false;
	return 0;
}

/* Directions the two bodies give the caller. */
static bool same_direction(const struct offer *bound, const struct offer *answer)
{
	return bound->anchored >= 0 && answer->anchored >= 0 &&
	       bound->line[bound->anchored].direction == answer->line[answer->anchored].direction;
}

/* May the answer stand behind the one the caller has? Where it takes forks, another law of G.711 that it offered is a
 * fork: nothing is turned that need not be. */
static bool stands_behind(const struct bridge *b, const struct bridge_side *side, const struct offer *bound,
    const struct offer *answer)
{
	static struct offer caller;

	if (offer_same(bound, answer, false))
		return true;
	if (!body_laws(b, &b->caller, side) || !offer_same(bound, answer, true))
		return false;
	return !b->forks || !body_kept(&caller, b->caller.theirs) || !offer_same(&caller, answer, false);
}

static int misfit(struct bridge *b, const char *why)
{
	b->why = why;
	return -EPROTO;
}

/* The caller offered it, though it was answered otherwise: after the 2xx it is asked for it (C.7: the old answer again, then a re-INVITE). */
static bool asks_caller(const struct bridge *b, const struct bridge_side *side, const struct offer *answer)
{
	static struct offer caller;

	return !b->forks && b->caller.theirs_offered && body_kept(&caller, b->caller.theirs) &&
	       offer_same(&caller, answer, body_laws(b, &b->caller, side));
}

static int answer_to_offer(struct bridge *b, struct bridge_side *side, const struct offer *answer, enum bridge_way way)
{
	static struct offer ours, bound;
	enum offer_fit fit;
	bool other = false;
	int err;

	if (!body_kept(&ours, side->ours))
		return -ENOMEM;
	fit = keys_fit(&ours, answer);
	if (fit != OFFER_FITS && fit != OFFER_LINES_DIFFER)
		return misfit(b, offer_fit_name(fit));
	if (!b->bound) {
		err = bind_caller(b, side, answer);
		if (err)
			return misfit(b, "not_for_caller");
		b->differs = false;
	} else if (body_kept(&bound, b->caller.ours)) {
		if (stands_behind(b, side, &bound, answer))
			b->differs = !same_direction(&bound, answer) || !video_same_direction(side, &bound, answer);
		else if (asks_caller(b, side, answer))
			b->differs = other = true;
		else if (!b->forks || fork_caller(b, side, answer) < 0)
			return misfit(b, "other_codec");
	}
	body_keep(b, &side->theirs, answer->body, answer->length);
	side->theirs_offered = false;
	b->callee_differs = !b->caller.theirs_offered && side_too_much(b, &b->caller, side);
	if (!other || way == BRIDGE_FINAL) /* before that nobody here can play it */
		media_tell(b, side, answer, true);
	return 0;
}

/* The answer of before holds, and if the caller is to be asked for its codec, now is the time. */
static void answered_again(struct bridge *b, struct bridge_side *side, enum bridge_way way)
{
	static struct offer theirs, bound;
	bool other = body_kept(&theirs, side->theirs) && body_kept(&bound, b->caller.ours) && !stands_behind(b, side, &bound, &theirs);

	b->differs = b->differs || other;
	if (!other || way == BRIDGE_FINAL)
		media_tell(b, side, NULL, other);
}

/* No other attempt will be answered: what forks kept open for one may go. */
static void taken(struct bridge *b)
{
	b->forks = false;
	video_settle(b);
}

static bool said_already(const struct bridge_side *side, const struct offer *o)
{
	return side->theirs && strlen(side->theirs) == o->length &&
	       memcmp(side->theirs, o->body, o->length) == 0;
}

/* ---- the caller's INVITE had no offer ------------------------------------------------------- */

/* Types that the callee numbers otherwise than our offer did. It sends the numbers of the offer, so
 * the caller gets these; media pairs them. */
static bool renumbered(const struct bridge_side *side, const struct offer *ours, const struct offer *said)
{
	struct kedge_pt pt[8];

	return side->inserted && ours && offer_map(ours, said, pt) > 0;
}

/* What the callee said, its offer or its answer to ours, becomes our offer to the caller. */
static int offer_to_caller(struct bridge *b, const struct bridge_side *side, const struct offer *said)
{
	static struct offer ours;
	struct offer_write how = { .from = said, .direction = -1 };
	int n;

	if (said->anchored >= 0 && renumbered(side, body_kept(&ours, side->ours), said))
		how = (struct offer_write){ .from = &ours,
			.only = said,
			.direction = said->line[said->anchored].direction };
	n = said->anchored < 0 ? -ENODATA : body_write_as(b, &b->caller, side, &how);
	if (n < 0)
		return misfit(b, "not_for_caller");
	body_keep_written(b, &b->caller.ours, (size_t)n);
	return 0;
}

/* The caller has an offer already, another attempt's: its answer to that will have to do for this one. */
static int offered_besides(struct bridge *b, const struct offer *said)
{
	static struct offer given;
	enum offer_fit fit = body_kept(&given, b->caller.ours) ? offer_fits(&given, said) : OFFER_NO_CODEC;

	return fit == OFFER_FITS || fit == OFFER_LINES_DIFFER ? 0 : misfit(b, offer_fit_name(fit));
}

/* late_offer pass: what came is an offer. */
static int late_offered(struct bridge *b, struct bridge_side *side, const struct offer *said,
    enum bridge_way way)
{
	struct offer_policy policy = keys_policy(b, side);
	int err;

	if (!offer_allowed(said, &policy))
		return misfit(b, offer_fit_name(OFFER_CRYPTO));
	if (way == BRIDGE_PREVIEW)
		return 0; /* an offer in an unreliable 1xx is none (RFC 3261 13.2.1) */
	err = said_already(side, said) ? 0 : b->caller.ours ? offered_besides(b, said) : offer_to_caller(b, side, said);
	if (err)
		return err;
	body_keep(b, &side->theirs, said->body, said->length);
	side->theirs_offered = true;
	return 0;
}

/* late_offer insert: what came answers our own offer. The caller is offered it once. */
static int late_answered(struct bridge *b, struct bridge_side *side, const struct offer *said)
{
	static struct offer ours, given;
	enum offer_fit fit;

	if (!body_kept(&ours, side->ours))
		return -ENOMEM;
	fit = keys_fit(&ours, said);
	if (fit != OFFER_FITS && fit != OFFER_LINES_DIFFER)
		return misfit(b, offer_fit_name(fit));
	if (body_kept(&given, b->caller.ours) && !offer_same(&given, said, body_laws(b, &b->caller, side)))
		return misfit(b, "other_codec");
	body_keep(b, &side->theirs, said->body, said->length);
	side->theirs_offered = false;
	return 0;
}

/* An attempt spoke while the caller owes an answer. said: NULL, it brought no body. */
static int late_said(struct bridge *b, struct bridge_side *side, const struct offer *said,
    enum bridge_way way, const char **out)
{
	static struct offer kept;
	int err = 0;

	if (said)
		err = side->inserted ? late_answered(b, side, said) : late_offered(b, side, said, way);
	if (err || way == BRIDGE_PREVIEW || (!said && way != BRIDGE_FINAL))
		return err;
	if (!side->theirs)
		return misfit(b, "no_sdp");
	if (!b->caller.ours)
		err = offer_to_caller(b, side, body_kept(&kept, side->theirs));
	if (err == 0)
		*out = b->caller.ours;
	return err;
}

int bridge_answer(struct bridge *b, struct bridge_side *side, const struct bridge_body *body,
    enum bridge_way way, const char **out)
{
	static struct offer o;
	int err = body_read(b, side, &o, body);
	bool empty = err == -ENOMSG;

	*out = NULL;
	b->why = "no_memory";
	if (err && !empty)
		return misfit(b, "bad_sdp");
	if (b->late)
		return late_said(b, side, empty ? NULL : &o, way, out);
	if (empty && way != BRIDGE_FINAL)
		return 0;
	if (empty && !side->theirs)
		return misfit(b, "no_sdp");
	err = 0;
	if (empty || said_already(side, &o))
		answered_again(b, side, way);
	else
		err = answer_to_offer(b, side, &o, way);
	if (err == 0 && way == BRIDGE_FINAL)
		taken(b);
	if (err == 0 && !b->settled)
		*out = b->caller.ours;
	return err;
}

/* The callee's offer was passed to the caller: its answer goes back. */
static int late_pass(struct bridge *b, struct bridge_side *side, const struct offer *answer)
{
	static struct offer theirs;
	struct offer_write how = { .from = answer, .answer = true };
	int n;

	how.shape = body_kept(&theirs, side->theirs);
	n = how.shape ? body_write(b, side, &b->caller, &how) : -EPROTO;
	if (n < 0)
		return -EPROTO;
	body_keep_written(b, &side->ours, (size_t)n);
	return 0;
}

int bridge_late(
    struct bridge *b, struct bridge_side *side, const struct bridge_body *body, const char **out)
{
	static struct offer o, ours;
	enum offer_fit fit;

	*out = NULL;
	if (body_read(b, &b->caller, &o, body) < 0 || !body_kept(&ours, b->caller.ours))
		return -EPROTO;
	fit = keys_fit(&ours, &o);
	if (fit != OFFER_FITS && fit != OFFER_LINES_DIFFER)
		return -EPROTO;
	if (!side->inserted && late_pass(b, side, &o) < 0)
		return -EPROTO;
	body_keep(b, &b->caller.theirs, o.body, o.length);
	b->caller.theirs_offered = b->late = false;
	b->bound = b->settled = true;
	b->forks = false;
	b->callee_differs = side->inserted && side_too_much(b, &b->caller, side);
	if (side->theirs)
		media_tell(b, side, NULL, true);
	*out = side->inserted ? NULL : side->ours;
	return 0;
}

void bridge_settled(struct bridge *b)
{
	b->settled = b->bound;
}

void bridge_drop(struct bridge *b, struct bridge_side *side)
{
	anchor_drop(&b->anchor, side->end);
	video_drop(b, side);
	if (b->anchor.live != side->end)
		side->end = KEDGE_LIVE_NONE;
}
