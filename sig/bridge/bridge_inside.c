// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "sig/bridge/bridge.h"
#include "sig/bridge/bridge_body.h"
#include "sig/bridge/bridge_keys.h"
#include "sig/bridge/bridge_media.h"
#include "sig/bridge/bridge_video.h"

int bridge_reoffer(struct bridge *b, struct bridge_side *from, struct bridge_side *to,
    const struct bridge_body *body, const char **out)
{
	static struct offer o, last;
	struct offer_write how = { .from = &o };
	int err = body_read_offer(b, from, &o, body), n;

	*out = NULL;
	bridge_reject(b);
	if (err == -ENOMSG)
		return 0;
	if (err)
		return err;
	how.shape = body_kept(&last, to->ours);
	n = body_write(b, to, from, &how);
	if (n < 0)
		return n == -EADDRNOTAVAIL ? -ENODATA : n;
	body_keep(b, &b->pending_theirs, o.body, o.length);
	body_keep_written(b, &b->pending_ours, (size_t)n);
	*out = b->pending_ours;
	return 0;
}

static int reanswer_write(
    struct bridge *b, struct bridge_side *from, struct bridge_side *to, const struct offer *answer)
{
	static struct offer ours, theirs;
	struct offer_write how = { .from = answer, .answer = true };
	enum offer_fit fit;

	if (!body_kept(&ours, b->pending_ours))
		return -EPROTO;
	fit = keys_fit(&ours, answer);
	how.shape = body_kept(&theirs, b->pending_theirs);
	/* A line that was refused is told as refused: it is gone on the other side. */
	if ((fit != OFFER_FITS && fit != OFFER_LINES_DIFFER && fit != OFFER_REFUSED) || !how.shape)
		return -EPROTO;
	return body_write(b, from, to, &how);
}

int bridge_reanswer(struct bridge *b, struct bridge_side *from, struct bridge_side *to,
    const struct bridge_body *body, const char **out)
{
	static struct offer o;
	struct bridge_side *callee = from == &b->caller ? to : from;
	int n = body_read(b, to, &o, body);

	*out = NULL;
	if (n == 0)
		n = reanswer_write(b, from, to, &o);
	if (n < 0) {
		bridge_reject(b);
		return -EPROTO;
	}
	body_keep_written(b, &from->ours, (size_t)n);
	body_keep(b, &to->theirs, o.body, o.length);
	body_keep(b, &from->theirs, NULL, 0);
	body_keep(b, &to->ours, NULL, 0);
	from->theirs = b->pending_theirs;
	to->ours = b->pending_ours;
	b->pending_theirs = b->pending_ours = NULL;
	from->theirs_offered = true;
	to->theirs_offered = false;
	media_tell(b, callee, NULL, true);
	*out = from->ours;
	return 0;
}

void bridge_reject(struct bridge *b)
{
	body_keep(b, &b->pending_theirs, NULL, 0);
	body_keep(b, &b->pending_ours, NULL, 0);
	video_settle(b);
}

/* ---- kedge alone ---------------------------------------------------------------------------- */

bool bridge_same(
    const struct bridge *b, const struct bridge_side *side, const struct bridge_body *body)
{
	static struct offer o, last;

	return body_read(b, side, &o, body) == 0 && body_kept(&last, side->theirs) && offer_repeats(&last, &o);
}

static bool same_lines(const struct offer *a, const struct offer *b)
{
	if (a->lines != b->lines || a->anchored != b->anchored)
		return false;
	for (unsigned i = 0; i < a->lines; i++)
		if ((a->line[i].port == 0) != (b->line[i].port == 0))
			return false;
	return true;
}

static bool is_g711(const struct offer_end *e)
{
	return strcasecmp(e->codec, "PCMU") == 0 || strcasecmp(e->codec, "PCMA") == 0;
}

/* laws: either one of G.711 is as good as the other. */
static bool same_codec(const struct offer *a, const struct offer *b, bool laws)
{
	struct offer_end x, y;

	if (!offer_end(a, &x) || !offer_end(b, &y) || x.t38 || y.t38)
		return false;
	if (laws && is_g711(&x) && is_g711(&y))
		return true;
	return strcasecmp(x.codec, y.codec) == 0 && x.clock_rate == y.clock_rate;
}

bool bridge_unchanged(const struct bridge *b, const struct bridge_side *side, const struct bridge_side *other,
    const struct bridge_body *body)
{
	static struct offer now, last, spoken;
	const struct offer_line *a, *z;

	if (bridge_same(b, side, body))
		return true;
	if (body_read(b, side, &now, body) < 0 || !body_kept(&last, side->theirs) ||
	    !body_kept(&spoken, other->theirs_offered ? other->ours : other->theirs))
		return false;
	a = side_line(&last);
	z = side_line(&now);
	return a && z && same_lines(&last, &now) && offer_video_same(&last, &now) && a->direction == z->direction && offer_same(&last, &now, false) &&
	       same_codec(&spoken, &now, body_laws(b, side, other));
}

bool bridge_behind(const struct bridge_side *side, const struct bridge_side *other)
{
	static struct offer o, p;
	int now = side_would_do(other);
	const struct offer_line *ours = side_line(body_kept(&o, side->ours));
	const struct offer_line *theirs = side_line(body_kept(&p, side->theirs));

	if (side->theirs_offered && theirs) /* an answer of ours was bounded by what it offered */
		now &= side_turned(theirs->direction);
	return (ours && ours->direction != now) || video_behind(side, other);
}

static struct bridge_side *callee_of(
    struct bridge *b, struct bridge_side *one, struct bridge_side *other)
{
	return one == &b->caller ? other : one;
}

/* side said that, and was told what stands in text[]. */
static void holds_now(struct bridge *b, struct bridge_side *side, struct bridge_side *other,
    const struct offer *said, bool *differs)
{
	body_keep(b, &side->theirs, said->body, said->length);
	*differs = side_too_much(b, side, other);
	media_tell(b, callee_of(b, side, other), NULL, true);
}

int bridge_alone(struct bridge *b, struct bridge_side *side, struct bridge_side *other,
    const struct bridge_body *body, const char **out, bool *differs)
{
	static struct offer o, theirs;
	struct offer_write how = { .shape = &o, .answer = true };
	int err = body_read_offer(b, side, &o, body), n;

	*out = NULL;
	*differs = false;
	if (err)
		return err;
	how.from = body_kept(&theirs, other->theirs);
	how.direction = side_would_do(other);
	n = how.from ? body_write_as(b, side, other, &how) : -EPROTO;
	if (n < 0)
		return -EPROTO;
	body_keep_written(b, &side->ours, (size_t)n);
	side->theirs_offered = true;
	holds_now(b, side, other, &o, differs);
	*out = side->ours;
	return 0;
}

int bridge_propose(struct bridge *b, struct bridge_side *side, const struct bridge_side *other,
    const char **out)
{
	static struct offer theirs, last;
	struct offer_write how = { 0 };
	int n;

	*out = NULL;
	bridge_reject(b);
	how.from = body_kept(&theirs, other->theirs);
	how.shape = body_kept(&last, side->ours);
	how.direction = side_would_do(other);
	n = how.from ? body_write_as(b, side, other, &how) : -ENOMEM;
	if (n < 0)
		return n;
	body_keep_written(b, &b->pending_ours, (size_t)n);
	*out = b->pending_ours;
	return 0;
}

int bridge_proposed(struct bridge *b, struct bridge_side *side, struct bridge_side *other,
    const struct bridge_body *body, bool *differs)
{
	static struct offer o, ours;
	enum offer_fit fit = OFFER_REFUSED;

	*differs = false;
	if (body_read(b, side, &o, body) == 0 && body_kept(&ours, b->pending_ours))
		fit = keys_fit(&ours, &o);
	if (fit != OFFER_FITS && fit != OFFER_LINES_DIFFER) {
		bridge_reject(b);
		return -EPROTO;
	}
	body_keep(b, &side->ours, NULL, 0);
	side->ours = b->pending_ours;
	b->pending_ours = NULL;
	bridge_reject(b);
	side->theirs_offered = false;
	holds_now(b, side, other, &o, differs);
	return 0;
}

bool bridge_usable(const struct bridge *b, const struct bridge_side *callee)
{
	return side_takes(b, &b->caller, callee);
}

const char *bridge_repeat(struct bridge *b, struct bridge_side *side, bool pending)
{
	char **place = pending ? &b->pending_ours : &side->ours, *newer;
	unsigned long long id, version;
	int rest = 0;

	if (!*place || sscanf(*place, "v=0\r\no=- %llu %llu%n", &id, &version, &rest) != 2 || version == side->origin.version)
		return *place;
	newer = su_sprintf(b->home, "v=0\r\no=- %llu %llu%s", id, (unsigned long long)side->origin.version + 1, *place + rest);
	if (!newer)
		return *place;
	body_keep(b, place, NULL, 0);
	*place = newer;
	side->origin.version++;
	side->origin.digest = 0; /* whatever is written next is another body */
	return newer;
}
