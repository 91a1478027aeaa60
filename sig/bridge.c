// SPDX-License-Identifier: MIT
#include "sig/bridge.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <strings.h>
#include <sys/socket.h>


/* One thread, one body at a time: written here, then copied to its exact size. */
static char text[OFFER_MAX + 2048];

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

/* ---- bodies --------------------------------------------------------------------------------- */

static int read_body(struct offer *o, const struct bridge_body *body)
{
	struct offer_error why;
	const char *sdp;
	size_t length;
	int err;

	if (body->length == 0)
		return -ENOMSG;
	err = offer_body(body->type, body->data, body->length, &sdp, &length);
	if (err == 0)
		err = offer_parse(o, sdp, length, &why);
	return err;
}

/* Reads a body we keep: it was read before, so it reads again. */
static const struct offer *read_kept(struct offer *o, const char *kept)
{
	struct offer_error why;

	if (!kept || offer_parse(o, kept, strlen(kept), &why) < 0)
		return NULL;
	return o;
}

static void keep(struct bridge *b, char **place, const char *body, size_t length)
{
	char *copy = body ? su_strndup(b->home, body, length) : NULL;

	su_free(b->home, *place);
	*place = copy;
}

static const struct conf_strings *codecs_of(const struct bridge *b, const struct bridge_side *side)
{
	return &b->conf->trunks.v[side->trunk].codecs;
}

static bool t38_of(const struct bridge *b, const struct bridge_side *side)
{
	return b->conf->trunks.v[side->trunk].t38;
}

static const struct kedge_addr *local_of(const struct bridge *b, const struct bridge_side *side)
{
	return &b->anchor.local[side->end == KEDGE_END_INSIDE ? 0 : side->end + 1];
}

static void origin_begin(struct offer_origin *origin)
{
	uint32_t id;

	listen_random(&id, sizeof(id));
	*origin = (struct offer_origin){ .id = (id & 0x7fffffff) | 1 };
}

static int write_text(struct bridge *b, struct bridge_side *side, const struct bridge_side *other,
    struct offer_write *how)
{
	how->local = *local_of(b, side);
	how->codecs = codecs_of(b, side);
	how->filter = codecs_of(b, other);
	how->mux = (enum offer_mux)b->conf->trunks.v[side->trunk].rtcp_mux;
	how->no_bandwidth = !b->conf->trunks.v[side->trunk].bandwidth;
	if (how->from->t38 && !(t38_of(b, side) && t38_of(b, other)))
		return -ENODATA;
	return offer_write(text, sizeof(text), how, &side->origin);
}

/* Writes to text[]; how: from, answer, shape, only are set by the caller. */
static int write_for(struct bridge *b, struct bridge_side *side, const struct bridge_side *other,
    struct offer_write *how)
{
	how->direction = -1;
	return write_text(b, side, other, how);
}

/* ---- media ---------------------------------------------------------------------------------- */

static void net_of(struct kedge_prefix *p, const struct kedge_addr *a, unsigned bits)
{
	unsigned bytes = bits / 8;

	memset(p, 0, sizeof(*p));
	p->family = a->family;
	p->bits = (uint16_t)bits;
	memcpy(p->ip, a->ip, bytes);
}

/* Where the far address of an end may be learnt from: around the signaled one, the peer's SIP
 * address, media_nets. */
static void learn_fill(
    struct anchor_far *far, const struct bridge *b, const struct bridge_side *side)
{
	const struct conf_trunk *t = &b->conf->trunks.v[side->trunk];
	unsigned n = 0;

	memset(far->learn, 0, sizeof(far->learn));
	far->latch = t->latch;
	if (t->latch == CONF_LATCH_STRICT)
		return;
	if (far->rtp.family)
		net_of(&far->learn[n++], &far->rtp, far->rtp.family == AF_INET6 ? 64 : 24);
	net_of(&far->learn[n++], &side->peer, side->peer.family == AF_INET6 ? 128 : 32);
	for (unsigned i = 0; i < t->media_nets.count && n < 4; i++)
		memcpy(&far->learn[n++], &t->media_nets.v[i], sizeof(far->learn[0]));
}

static uint8_t flags_of(const struct offer_end *e)
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

	return read_kept(&o, side->ours) && o.anchored >= 0 && o.line[o.anchored].mux;
}

/* Tells media what `said` (from that side) means; map: what the caller was answered, to pair types
 * with. */
static void tell_end(struct bridge *b, const struct bridge_side *side, const struct offer *said,
    const struct offer *map, bool relearn)
{
	struct anchor_far far = { .telephone_event = 0xff, .relearn = relearn };
	struct offer_end e;

	if (offer_end(said, &e)) {
		far.rtp = e.rtp;
		far.rtcp = e.rtcp;
		far.flags = flags_of(&e);
		if (e.t38) /* datagrams of no clock: their silence is no evidence */
			far.flags = (uint8_t)((far.flags & ~KEDGE_END_SPEAKS) | KEDGE_END_PLAIN);
		if (e.mux && ours_mux(side))
			far.flags |= KEDGE_END_RTCP_MUX;
		far.telephone_event = e.telephone_event;
		far.clock_rate = e.clock_rate;
		far.ptime_ms = e.ptime_ms;
		memcpy(b->codec, e.codec, sizeof(b->codec));
		b->held = b->held || e.direction != OFFER_SENDRECV;
	} else {
		b->held = true;
	}
	if (map)
		far.pt_count = (uint8_t)offer_map(map, said, far.pt);
	learn_fill(&far, b, side);
	anchor_far(&b->anchor, side->end, &far);
}

/* Both sides have an offer and an answer: packets may pass. said: what the callee wrote last, if
 * it was just read. */
static void tell_both(
    struct bridge *b, const struct bridge_side *callee, const struct offer *said, bool relearn)
{
	static struct offer caller, theirs, ours;
	const struct offer *map = read_kept(&ours, b->caller.ours);

	b->held = false;
	if (!said)
		said = read_kept(&theirs, callee->theirs);
	if (said)
		tell_end(b, callee, said, map, relearn);
	if (read_kept(&caller, b->caller.theirs))
		tell_end(b, &b->caller, &caller, NULL, relearn);
	anchor_live(&b->anchor, callee->end);
}

/* ---- setup ---------------------------------------------------------------------------------- */

static unsigned family_of(const struct offer *o, const struct bridge_side *side)
{
	if (o->anchored >= 0 && o->line[o->anchored].rtp.family)
		return o->line[o->anchored].rtp.family;
	return side->peer.family;
}

/* A part that does not fit is not passed on: the call is worth more than what came beside it. */
static void keep_parts(struct bridge *b, const struct bridge_body *body)
{
	int n;

	if (!body->type || strncasecmp(body->type, "multipart/", 10) != 0)
		return;
	listen_token(b->boundary);
	n = offer_parts(text, OFFER_MAX, body->type, body->data, body->length, b->boundary);
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
	int err = read_body(&o, body), net;

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
	origin_begin(&b->caller.origin);
	if (!b->late) {
		keep(b, &b->caller.theirs, o.body, o.length);
		keep_parts(b, body);
		b->caller.theirs_offered = true;
	}
	return 0;
}

/* What may be heard from an outside end before its answer: the hop itself, its media networks. */
static void tell_early(struct bridge *b, const struct bridge_side *side)
{
	struct anchor_far far = { .telephone_event = 0xff, .flags = KEDGE_END_RECV };

	learn_fill(&far, b, side);
	anchor_far(&b->anchor, side->end, &far);
	anchor_live(&b->anchor, side->end);
}

/* An offer of our own, for a caller who made none. */
static const struct offer *make_offer(const struct bridge *b, const struct bridge_side *side)
{
	static char own[OFFER_OWN];
	static struct offer o;
	const struct conf_strings *codecs = codecs_of(b, side);

	offer_own(own, codecs->count ? codecs : codecs_of(b, &b->caller));
	return read_kept(&o, own);
}

/* What an attempt is offered: what the caller offered, or was offered, or answered to that. NULL
 * in `from`: nothing, it shall make the offer. */
static int first_offer(struct bridge *b, struct bridge_side *side, struct offer_write *how)
{
	static struct offer caller, bound;
	bool insert = b->conf->trunks.v[side->trunk].late_offer == CONF_LATE_INSERT;

	side->inserted = b->late && (insert || b->caller.ours);
	if (b->late && !side->inserted)
		return 0;
	if (b->late)
		how->from = b->caller.ours ? read_kept(&caller, b->caller.ours) : make_offer(b, side);
	else
		how->from = read_kept(&caller, b->caller.theirs);
	how->only = b->bound ? read_kept(&bound, b->caller.ours) : NULL;
	return how->from ? write_for(b, side, &b->caller, how) : -ENOMEM;
}

int bridge_outside(
    struct bridge *b, struct bridge_side *side, unsigned iface, unsigned hop, const char **body)
{
	struct offer_write how = { 0 };
	int net = anchor_net(iface, side->peer.family), end, n;

	*body = NULL;
	side->end = KEDGE_LIVE_NONE;
	if (net < 0)
		return net;
	end = anchor_outside(&b->anchor, (unsigned)net, hop);
	if (end < 0)
		return end;
	side->end = (uint8_t)end;
	origin_begin(&side->origin);
	n = first_offer(b, side, &how);
	if (n < 0) {
		anchor_drop(&b->anchor, side->end);
		side->end = KEDGE_LIVE_NONE;
		return n;
	}
	if (n > 0)
		keep(b, &side->ours, text, (size_t)n);
	*body = side->ours;
	tell_early(b, side);
	return 0;
}

/* The first answer: what the caller hears of the call's media from now on. */
static int bind_caller(struct bridge *b, const struct bridge_side *side, const struct offer *answer)
{
	static struct offer caller;
	struct offer_write how = { .from = answer, .answer = true };
	int n;

	how.shape = read_kept(&caller, b->caller.theirs);
	if (!how.shape)
		return -ENOMEM;
	n = write_for(b, &b->caller, side, &how);
	if (n < 0)
		return n;
	keep(b, &b->caller.ours, text, (size_t)n);
	b->bound = true;
	return 0;
}

/* Directions the two bodies give the caller. */
static bool same_direction(const struct offer *bound, const struct offer *answer)
{
	return bound->anchored >= 0 && answer->anchored >= 0 &&
	       bound->line[bound->anchored].direction == answer->line[answer->anchored].direction;
}

static uint8_t turned(uint8_t direction)
{
	return (uint8_t)((direction & 1) << 1 | direction >> 1);
}

static const struct offer_line *line_of(const struct offer *o)
{
	static const struct offer_line none = { .direction = OFFER_INACTIVE };

	return !o ? NULL : o->anchored < 0 ? &none : &o->line[o->anchored];
}

/* What a side does, between what it said and what it was told. */
static uint8_t does(const struct bridge_side *side)
{
	static struct offer o, p;
	const struct offer_line *theirs = line_of(read_kept(&o, side->theirs));
	const struct offer_line *ours = line_of(read_kept(&p, side->ours));

	return (theirs ? theirs->direction : OFFER_SENDRECV) &
	       (ours ? turned(ours->direction) : OFFER_SENDRECV);
}

/* What it would do if nothing held it back: what our offer did not ask for it could not refuse. */
static int would_do(const struct bridge_side *side)
{
	static struct offer o, p;
	const struct offer_line *theirs = line_of(read_kept(&o, side->theirs));
	const struct offer_line *ours = line_of(read_kept(&p, side->ours));

	if (!theirs)
		return OFFER_SENDRECV;
	if (side->theirs_offered || !ours)
		return theirs->direction;
	return (theirs->direction | ~turned(ours->direction)) & OFFER_SENDRECV;
}

static bool takes_all(const struct bridge_side *takes, const struct bridge_side *said)
{
	static struct offer t, s, told;

	if (!read_kept(&t, takes->theirs) || !read_kept(&s, said->theirs) ||
	    !read_kept(&told, said->ours))
		return true;
	return offer_covers(&t, &s, &told);
}

/* Did `said` name codecs that `takes` has not, or does it speak where that does not hear, or wait
 * for what that does not say? */
static bool too_much(const struct bridge_side *takes, const struct bridge_side *said)
{
	return !takes_all(takes, said) || turned(does(takes)) != does(said);
}

static int misfit(struct bridge *b, const char *why)
{
	b->why = why;
	return -EPROTO;
}

static int answer_to_offer(struct bridge *b, struct bridge_side *side, const struct offer *answer)
{
	static struct offer ours, bound;
	enum offer_fit fit;
	int err;

	if (!read_kept(&ours, side->ours))
		return -ENOMEM;
	fit = offer_fits(&ours, answer);
	if (fit != OFFER_FITS && fit != OFFER_LINES_DIFFER)
		return misfit(b, offer_fit_name(fit));
	if (!b->bound) {
		err = bind_caller(b, side, answer);
		if (err)
			return misfit(b, "not_for_caller");
		b->differs = false;
	} else if (read_kept(&bound, b->caller.ours)) {
		if (!offer_same(&bound, answer))
			return misfit(b, "other_codec");
		b->differs = !same_direction(&bound, answer);
	}
	keep(b, &side->theirs, answer->body, answer->length);
	side->theirs_offered = false;
	b->callee_differs = !b->caller.theirs_offered && too_much(&b->caller, side);
	tell_both(b, side, answer, true);
	return 0;
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

	if (said->anchored >= 0 && renumbered(side, read_kept(&ours, side->ours), said))
		how = (struct offer_write){ .from = &ours,
			.only = said,
			.direction = said->line[said->anchored].direction };
	n = said->anchored < 0 ? -ENODATA : write_text(b, &b->caller, side, &how);
	if (n < 0)
		return misfit(b, "not_for_caller");
	keep(b, &b->caller.ours, text, (size_t)n);
	return 0;
}

/* late_offer pass: what came is an offer. */
static int late_offered(struct bridge *b, struct bridge_side *side, const struct offer *said,
    enum bridge_way way)
{
	int err;

	if (way == BRIDGE_PREVIEW)
		return 0; /* an offer in an unreliable 1xx is none (RFC 3261 13.2.1) */
	err = said_already(side, said) ? 0 : offer_to_caller(b, side, said);
	if (err)
		return err;
	keep(b, &side->theirs, said->body, said->length);
	side->theirs_offered = true;
	return 0;
}

/* late_offer insert: what came answers our own offer. The caller is offered it once. */
static int late_answered(struct bridge *b, struct bridge_side *side, const struct offer *said)
{
	static struct offer ours, given;
	enum offer_fit fit;

	if (!read_kept(&ours, side->ours))
		return -ENOMEM;
	fit = offer_fits(&ours, said);
	if (fit != OFFER_FITS && fit != OFFER_LINES_DIFFER)
		return misfit(b, offer_fit_name(fit));
	if (read_kept(&given, b->caller.ours) && !offer_same(&given, said))
		return misfit(b, "other_codec");
	keep(b, &side->theirs, said->body, said->length);
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
		err = offer_to_caller(b, side, read_kept(&kept, side->theirs));
	if (err == 0)
		*out = b->caller.ours;
	return err;
}

int bridge_answer(struct bridge *b, struct bridge_side *side, const struct bridge_body *body,
    enum bridge_way way, const char **out)
{
	static struct offer o;
	int err = read_body(&o, body);
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
		tell_both(b, side, NULL, false);
	else
		err = answer_to_offer(b, side, &o);
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

	how.shape = read_kept(&theirs, side->theirs);
	n = how.shape ? write_for(b, side, &b->caller, &how) : -EPROTO;
	if (n < 0)
		return -EPROTO;
	keep(b, &side->ours, text, (size_t)n);
	return 0;
}

int bridge_late(
    struct bridge *b, struct bridge_side *side, const struct bridge_body *body, const char **out)
{
	static struct offer o, ours;
	enum offer_fit fit;

	*out = NULL;
	if (read_body(&o, body) < 0 || !read_kept(&ours, b->caller.ours))
		return -EPROTO;
	fit = offer_fits(&ours, &o);
	if (fit != OFFER_FITS && fit != OFFER_LINES_DIFFER)
		return -EPROTO;
	if (!side->inserted && late_pass(b, side, &o) < 0)
		return -EPROTO;
	keep(b, &b->caller.theirs, o.body, o.length);
	b->caller.theirs_offered = b->late = false;
	b->bound = b->settled = true;
	b->callee_differs = side->inserted && too_much(&b->caller, side);
	if (side->theirs)
		tell_both(b, side, NULL, true);
	*out = side->inserted ? NULL : side->ours;
	return 0;
}

void bridge_settled(struct bridge *b)
{
	b->settled = b->bound;
}

/* ---- re-INVITE ------------------------------------------------------------------------------ */

int bridge_reoffer(struct bridge *b, struct bridge_side *from, struct bridge_side *to,
    const struct bridge_body *body, const char **out)
{
	static struct offer o, last;
	struct offer_write how = { .from = &o };
	int err = read_body(&o, body), n;

	*out = NULL;
	bridge_reject(b);
	if (err == -ENOMSG)
		return 0;
	if (err)
		return err;
	how.shape = read_kept(&last, to->ours);
	n = write_for(b, to, from, &how);
	if (n < 0)
		return n == -EADDRNOTAVAIL ? -ENODATA : n;
	keep(b, &b->pending_theirs, o.body, o.length);
	keep(b, &b->pending_ours, text, (size_t)n);
	*out = b->pending_ours;
	return 0;
}

static int reanswer_write(
    struct bridge *b, struct bridge_side *from, struct bridge_side *to, const struct offer *answer)
{
	static struct offer ours, theirs;
	struct offer_write how = { .from = answer, .answer = true };
	enum offer_fit fit;

	if (!read_kept(&ours, b->pending_ours))
		return -EPROTO;
	fit = offer_fits(&ours, answer);
	how.shape = read_kept(&theirs, b->pending_theirs);
	/* A line that was refused is told as refused: it is gone on the other side. */
	if ((fit != OFFER_FITS && fit != OFFER_LINES_DIFFER && fit != OFFER_REFUSED) || !how.shape)
		return -EPROTO;
	return write_for(b, from, to, &how);
}

int bridge_reanswer(struct bridge *b, struct bridge_side *from, struct bridge_side *to,
    const struct bridge_body *body, const char **out)
{
	static struct offer o;
	struct bridge_side *callee = from == &b->caller ? to : from;
	int n = read_body(&o, body);

	*out = NULL;
	if (n == 0)
		n = reanswer_write(b, from, to, &o);
	if (n < 0) {
		bridge_reject(b);
		return -EPROTO;
	}
	keep(b, &from->ours, text, (size_t)n);
	keep(b, &to->theirs, o.body, o.length);
	su_free(b->home, from->theirs);
	su_free(b->home, to->ours);
	from->theirs = b->pending_theirs;
	to->ours = b->pending_ours;
	b->pending_theirs = b->pending_ours = NULL;
	from->theirs_offered = true;
	to->theirs_offered = false;
	tell_both(b, callee, NULL, true);
	*out = from->ours;
	return 0;
}

void bridge_reject(struct bridge *b)
{
	keep(b, &b->pending_theirs, NULL, 0);
	keep(b, &b->pending_ours, NULL, 0);
}

/* ---- kedge alone ---------------------------------------------------------------------------- */

bool bridge_same(
    const struct bridge *b, const struct bridge_side *side, const struct bridge_body *body)
{
	static struct offer o, last;

	(void)b;
	return read_body(&o, body) == 0 && read_kept(&last, side->theirs) && offer_repeats(&last, &o);
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

static bool same_codec(const struct offer *a, const struct offer *b)
{
	struct offer_end x, y;

	return offer_end(a, &x) && offer_end(b, &y) && !x.t38 && !y.t38 && strcasecmp(x.codec, y.codec) == 0 &&
	       x.clock_rate == y.clock_rate;
}

bool bridge_unchanged(const struct bridge *b, const struct bridge_side *side, const struct bridge_side *other,
    const struct bridge_body *body)
{
	static struct offer now, last, spoken;
	const struct offer_line *a, *z;

	if (bridge_same(b, side, body))
		return true;
	if (read_body(&now, body) < 0 || !read_kept(&last, side->theirs) ||
	    !read_kept(&spoken, other->theirs_offered ? other->ours : other->theirs))
		return false;
	a = line_of(&last);
	z = line_of(&now);
	return a && z && same_lines(&last, &now) && a->direction == z->direction && offer_same(&last, &now) &&
	       same_codec(&spoken, &now);
}

bool bridge_behind(const struct bridge_side *side, const struct bridge_side *other)
{
	static struct offer o, p;
	int now = would_do(other);
	const struct offer_line *ours = line_of(read_kept(&o, side->ours));
	const struct offer_line *theirs = line_of(read_kept(&p, side->theirs));

	if (side->theirs_offered && theirs) /* an answer of ours was bounded by what it offered */
		now &= turned(theirs->direction);
	return ours && ours->direction != now;
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
	keep(b, &side->theirs, said->body, said->length);
	*differs = too_much(side, other);
	tell_both(b, callee_of(b, side, other), NULL, true);
}

int bridge_alone(struct bridge *b, struct bridge_side *side, struct bridge_side *other,
    const struct bridge_body *body, const char **out, bool *differs)
{
	static struct offer o, theirs;
	struct offer_write how = { .shape = &o, .answer = true };
	int err = read_body(&o, body), n;

	*out = NULL;
	*differs = false;
	if (err)
		return err;
	how.from = read_kept(&theirs, other->theirs);
	how.direction = would_do(other);
	n = how.from ? write_text(b, side, other, &how) : -EPROTO;
	if (n < 0)
		return -EPROTO;
	keep(b, &side->ours, text, (size_t)n);
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
	how.from = read_kept(&theirs, other->theirs);
	how.shape = read_kept(&last, side->ours);
	how.direction = would_do(other);
	n = how.from ? write_text(b, side, other, &how) : -ENOMEM;
	if (n < 0)
		return n;
	keep(b, &b->pending_ours, text, (size_t)n);
	*out = b->pending_ours;
	return 0;
}

int bridge_proposed(struct bridge *b, struct bridge_side *side, struct bridge_side *other,
    const struct bridge_body *body, bool *differs)
{
	static struct offer o, ours;
	enum offer_fit fit = OFFER_REFUSED;

	*differs = false;
	if (read_body(&o, body) == 0 && read_kept(&ours, b->pending_ours))
		fit = offer_fits(&ours, &o);
	if (fit != OFFER_FITS && fit != OFFER_LINES_DIFFER) {
		bridge_reject(b);
		return -EPROTO;
	}
	su_free(b->home, side->ours);
	side->ours = b->pending_ours;
	b->pending_ours = NULL;
	bridge_reject(b);
	side->theirs_offered = false;
	holds_now(b, side, other, &o, differs);
	return 0;
}

bool bridge_usable(const struct bridge *b, const struct bridge_side *callee)
{
	return takes_all(&b->caller, callee);
}

void bridge_drop(struct bridge *b, struct bridge_side *side)
{
	anchor_drop(&b->anchor, side->end);
	if (b->anchor.live != side->end)
		side->end = KEDGE_LIVE_NONE;
}
