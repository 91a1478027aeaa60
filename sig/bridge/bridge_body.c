// SPDX-License-Identifier: MIT
#include "sig/bridge/bridge_body.h"

#include <errno.h>
#include <string.h>

#include "sig/bridge/bridge_dtmf.h"
#include "sig/bridge/bridge_keys.h"
#include "sig/bridge/bridge_video.h"

/* One thread, one body at a time: written here, then copied to its exact size. */
static char text[OFFER_MAX + 2048];

int body_read(const struct bridge *b, const struct bridge_side *side, struct offer *o, const struct bridge_body *body)
{
	static char chosen[OFFER_MAX];
	struct offer_policy policy = keys_policy(b, side);
	struct offer_error why;
	const char *sdp;
	size_t length;
	int err;

	if (body->length == 0)
		return -ENOMSG;
	err = offer_body(body->type, body->data, body->length, &sdp, &length);
	if (err == 0)
		err = offer_parse(o, sdp, length, &why);
	if (err || offer_allowed(o, &policy))
		return err;
	memcpy(chosen, sdp, length);
	return offer_prefer(o, &policy, chosen) ? offer_parse(o, chosen, length, &why) : 0;
}

int body_read_offer(const struct bridge *b, const struct bridge_side *side, struct offer *o, const struct bridge_body *body)
{
	struct offer_policy policy = keys_policy(b, side);
	int err = body_read(b, side, o, body);

	return err == 0 && !offer_allowed(o, &policy) ? -ENODATA : err;
}

/* Reads a body we keep: it was read before, so it reads again. */
const struct offer *body_kept(struct offer *o, const char *kept)
{
	struct offer_error why;

	if (!kept || offer_parse(o, kept, strlen(kept), &why) < 0)
		return NULL;
	return o;
}

const struct offer *body_video(struct offer *v, const char *kept)
{
	static struct offer whole;

	return body_kept(&whole, kept) && offer_video(v, &whole) ? v : NULL;
}

/* It may hold keys. */
static void body_drop(struct bridge *b, char **place)
{
	if (*place)
		crypto_wipe(*place, strlen(*place));
	su_free(b->home, *place);
	*place = NULL;
}

void body_keep(struct bridge *b, char **place, const char *body, size_t length)
{
	char *copy = body ? su_strndup(b->home, body, length) : NULL;

	body_drop(b, place);
	*place = copy;
}

void bridge_forget(struct bridge *b, struct bridge_side *side)
{
	body_drop(b, &side->ours);
	body_drop(b, &side->theirs);
	body_drop(b, &b->pending_ours);
	body_drop(b, &b->pending_theirs);
}

const struct conf_strings *body_codecs(const struct bridge *b, const struct bridge_side *side)
{
	return &b->conf->trunks.v[side->trunk].codecs;
}

bool body_laws(const struct bridge *b, const struct bridge_side *side, const struct bridge_side *other)
{
	return b->conf->trunks.v[side->trunk].transcode && b->conf->trunks.v[other->trunk].transcode;
}

uint8_t body_ptime(const struct bridge *b, const struct bridge_side *side)
{
	static const uint8_t ms[] = { 0, 10, 20, 30, 40 };

	return ms[b->conf->trunks.v[side->trunk].ptime];
}

static bool t38_of(const struct bridge *b, const struct bridge_side *side)
{
	return b->conf->trunks.v[side->trunk].t38;
}

static const struct kedge_addr *local_of(const struct bridge *b, const struct bridge_side *side)
{
	return &b->anchor.local[side->end == KEDGE_END_INSIDE ? 0 : side->end + 1];
}

int body_write_as(struct bridge *b, struct bridge_side *side, const struct bridge_side *other,
    struct offer_write *how)
{
	struct crypto set[CRYPTO_MAX], video_set[CRYPTO_MAX];
	struct offer_write video;
	int n;

	how->local = *local_of(b, side);
	how->codecs = body_codecs(b, side);
	how->filter = body_codecs(b, other);
	how->mux = (enum offer_mux)b->conf->trunks.v[side->trunk].rtcp_mux;
	how->ptime = body_ptime(b, side);
	how->laws = body_laws(b, side, other);
	how->events = dtmf_events(b, side, other);
	how->no_bandwidth = !b->conf->trunks.v[side->trunk].bandwidth;
	how->no_feedback = !b->conf->trunks.v[side->trunk].avpf;
	if (how->from->t38 && !(t38_of(b, side) && t38_of(b, other)))
		return -ENODATA;
	n = keys_plan(b, side, how, set);
	if (n == 0) {
		how->video = video_plan(b, side, other, how, &video, video_set);
		n = offer_write(text, sizeof(text), how, &side->origin);
	}
	if (n < 0)
		video_settle(b);
	crypto_wipe(set, sizeof(set));
	crypto_wipe(video_set, sizeof(video_set));
	how->crypto = NULL;
	how->video = NULL;
	return n;
}

/* Writes to text[]; how: from, answer, shape, only are set by the caller. */
int body_write(struct bridge *b, struct bridge_side *side, const struct bridge_side *other,
    struct offer_write *how)
{
	how->direction = -1;
	return body_write_as(b, side, other, how);
}

void body_keep_written(struct bridge *b, char **place, size_t length)
{
	body_keep(b, place, text, length);
	crypto_wipe(text, length);
}

/* ---- what a side does ------------------------------------------------------------------------ */

uint8_t side_turned(uint8_t direction)
{
	return (uint8_t)((direction & 1) << 1 | direction >> 1);
}

const struct offer_line *side_line(const struct offer *o)
{
	static const struct offer_line none = { .direction = OFFER_INACTIVE };

	return !o ? NULL : o->anchored < 0 ? &none : &o->line[o->anchored];
}

/* What a side does, between what it said and what it was told. */
uint8_t side_does(const struct bridge_side *side)
{
	static struct offer o, p;

	return side_line_does(side_line(body_kept(&o, side->theirs)), side_line(body_kept(&p, side->ours)));
}

uint8_t side_line_does(const struct offer_line *theirs, const struct offer_line *ours)
{
	return (theirs ? theirs->direction : OFFER_SENDRECV) &
	       (ours ? side_turned(ours->direction) : OFFER_SENDRECV);
}

int side_would_do(const struct bridge_side *side)
{
	static struct offer o, p;

	return side_line_would_do(side, side_line(body_kept(&o, side->theirs)), side_line(body_kept(&p, side->ours)));
}

/* What our offer did not ask for it could not refuse. */
int side_line_would_do(const struct bridge_side *side, const struct offer_line *theirs, const struct offer_line *ours)
{
	if (!theirs)
		return OFFER_SENDRECV;
	if (side->theirs_offered || !ours)
		return theirs->direction;
	return (theirs->direction | ~side_turned(ours->direction)) & OFFER_SENDRECV;
}

bool side_takes(const struct bridge *b, const struct bridge_side *takes, const struct bridge_side *said)
{
	static struct offer t, s, told;

	if (!body_kept(&t, takes->theirs) || !body_kept(&s, said->theirs) ||
	    !body_kept(&told, said->ours))
		return true;
	return offer_covers(&t, &s, &told, body_laws(b, takes, said));
}

/* Did `said` name codecs that `takes` has not, or does it speak where that does not hear, or wait
 * for what that does not say? */
bool side_too_much(const struct bridge *b, const struct bridge_side *takes, const struct bridge_side *said)
{
	return !side_takes(b, takes, said) || side_turned(side_does(takes)) != side_does(said) || video_too_much(b, takes, said);
}
