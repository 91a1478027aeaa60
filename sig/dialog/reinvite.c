// SPDX-License-Identifier: MIT
/* reinvite: INVITE and UPDATE inside an answered call, from either side (RFC 3261 14, 3311, 3264 8, 4028).
 *
 *   nothing new in it           -> answered at once on its own leg, the other side hears nothing
 *   new offer -> bridge_reoffer -> asked of the other side (PASS)
 *                                  its 2xx      -> bridge_reanswer -> 200 here
 *                                  488 606 415  -> the same here; what held still holds
 *                                  491          -> asked again after RFC 3261 14.1's pause
 *                                  a carrier's 5xx, silence of 2 s -> bridge_alone: 200 here (hold, resume, the
 *                                  same codec), and the carrier is told later (TELL), three times at most, unless
 *                                  it needs not know any more
 *                                  a carrier's 481 408 404 410, no answer at all -> the leg is dead: the call goes on
 *                                  without its signaling while its audio flows (headless)
 *   session timer of a leg      -> UPDATE, or INVITE with the SDP it had (REFRESH)
 *
 *   INVITE without an offer     -> answered with ours, its ACK brings the answer
 *
 * One exchange at a time goes through bridge's pending bodies. What changed on one side meanwhile, the other is told
 * when it is over (TELL). */
#include "sig/call.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_status.h>
#include <sofia-sip/su_tag.h>

#include "config/clock.h"
#include "config/event.h"
#include "sig/edge/listen.h"
#include "sig/books/record.h"

#define PATIENCE_NS    (2 * CLOCK_NS_PER_S) /* a PBX waits no longer for its hold; also before a carrier is asked again */
#define TRIES          3
#define RETRY_AFTER_S  300 /* no longer one is believed */
#define INCOMPATIBLE   "Q.850;cause=88;text=\"Incompatible SDP\""
#define OUT_OF_ORDER   "Q.850;cause=38;text=\"Network out of order\""

static int on_response(nta_outgoing_magic_t *magic, nta_outgoing_t *orq, const sip_t *sip);
static void push(struct call *c, struct leg *l);

static struct leg *other_leg(struct call *c, const struct leg *l)
{
	return l == &c->caller ? &c->winner->leg : &c->caller;
}

static bool is_carrier(const struct leg *l)
{
	return leg_trunk(l)->side == CONF_SIDE_CARRIER;
}

static uint64_t later(uint64_t ns)
{
	return clock_mono_ns() + ns / call_scale();
}

static bool is_up(const struct call *c)
{
	return c->state == CALL_ANSWERED || c->state == CALL_UP;
}

/* It asked and has no final answer yet. */
static bool waits(const struct leg *l)
{
	return l->irq && nta_incoming_status(l->irq) < 200;
}

/* ---- answers -------------------------------------------------------------------------------- */

static void forget(struct leg *l)
{
	nta_incoming_destroy(l->irq);
	l->irq = NULL;
	l->alone_ns = 0;
}

static void answer(struct call *c, struct leg *l, int status, const char *phrase, const char *body)
{
	const char *server = call_agent_text(c);
	char lines[REFRESH_LINES] = "";

	if (status < 300)
		refresh_answer(&l->refresh, leg_trunk(l), lines);
	l->alone_ns = 0;
	if (nta_incoming_status(l->irq) < 200)
		nta_incoming_treply(l->irq, status, phrase, SIPTAG_CONTACT(l->contact),
		    SIPTAG_ALLOW_STR(leg_allow), TAG_IF(server, SIPTAG_SERVER_STR(server)),
		    TAG_IF(status == 415, SIPTAG_ACCEPT_STR("application/sdp")),
		    TAG_IF(lines[0], SIPTAG_HEADER_STR(lines)),
		    TAG_IF(body, SIPTAG_CONTENT_TYPE_STR("application/sdp")),
		    TAG_IF(body, SIPTAG_PAYLOAD_STR(body)), TAG_END());
	if (status >= 300 || nta_incoming_method(l->irq) != sip_method_invite)
		forget(l); /* no ACK comes that we have to wait for */
}

static void reply_now(
    struct call *c, nta_incoming_t *irq, int status, const char *phrase, const char *headers)
{
	const char *server = call_agent_text(c);

	nta_incoming_treply(irq, status, phrase, TAG_IF(server, SIPTAG_SERVER_STR(server)),
	    TAG_IF(headers, SIPTAG_HEADER_STR(headers)), TAG_END());
	nta_incoming_destroy(irq);
}

/* Answers what the asker offered without the other side. 0, or -errno: it cannot be. body: NULL: of the exchange
 * that is pending. */
static int answer_alone(struct call *c, struct leg *l, const struct bridge_body *body)
{
	struct leg *other = other_leg(c, l);
	struct bridge_body pending = { .data = c->bridge.pending_theirs };
	const char *out;
	bool differs;
	int err;

	if (pending.data)
		pending.length = strlen(pending.data);
	err = bridge_alone(&c->bridge, call_side(c, l), call_side(c, other), body ? body : &pending, &out, &differs);
	if (err)
		return err;
	answer(c, l, SIP_200_OK, out);
	other->behind = differs;
	record_call(c);
	report_change(c);
	return 0;
}

/* ---- asking --------------------------------------------------------------------------------- */

static void drop_transaction(struct leg *l)
{
	nta_outgoing_destroy(l->orq);
	l->orq = NULL;
}

static int ask(struct leg *l, enum leg_asks why, bool update, const char *body)
{
	l->asks = why;
	return leg_ask(l, update && l->update, body, on_response, l);
}

/* RFC 3261 14.1: who made the Call-ID waits longer. */
static uint64_t glare_ns(const struct leg *l)
{
	uint16_t random;

	listen_random(&random, sizeof(random));
	return (l->uas ? random % 201 * 10 : 2100 + random % 191 * 10) * CLOCK_NS_PER_MS;
}

/* Its signaling is gone. While its audio flows the call lives on without it; a call on hold may be silent. */
static bool flows(const struct call *c, const struct leg *l)
{
	unsigned from = l == &c->caller ? 0 : 1; /* the caller's end is the inside one */
	struct anchor_quality q[2];
	uint64_t now = clock_mono_ns();

	if (!c->bridge.anchor.open)
		return false;
	anchor_quality(&c->bridge.anchor, q);
	return q[from].last_rx_ns && now - q[from].last_rx_ns < c->conf->media.media_dead_ms * CLOCK_NS_PER_MS;
}

static void bury(struct call *c, struct leg *l, const char *why)
{
	if (l->dead)
		return;
	l->dead = true;
	l->again_ns = 0;
	refresh_stop(&l->refresh);
	event_log(call_headless, .trunk = leg_trunk(l)->name, .why = why, .call = c->id);
	if (!flows(c, l) && !c->bridge.held)
		call_end(c, CALL_BY_KEDGE, why, OUT_OF_ORDER);
	else
		c->headless_ns = clock_mono_ns() + leg_trunk(l)->headless_max_ms * CLOCK_NS_PER_MS;
}

void reinvite_silent(struct call *c)
{
	bool gone = is_up(c) && ((c->winner->leg.dead && !flows(c, &c->winner->leg)) || (c->caller.dead && !flows(c, &c->caller)));

	if (gone && !c->bridge.held)
		call_end(c, CALL_BY_KEDGE, "carrier_gone", OUT_OF_ORDER);
}

/* ---- refusals ------------------------------------------------------------------------------- */

enum refusal { GLARE, GONE, TRANSIENT, MEANT, TOO_SHORT, NO_UPDATE };

/* A 481 counts when the dialog's own hop says it: a sibling of a pair that does not share its dialogs would end
 * what lives on the other. */
static bool from_own_hop(struct leg *l, nta_outgoing_t *orq)
{
	msg_t *msg = nta_outgoing_getresponse(orq);
	struct kedge_addr source;
	bool own = !msg || listen_source(msg, &source) < 0 ||
	           (source.family == l->peer.family && memcmp(source.ip, l->peer.ip, sizeof(source.ip)) == 0);

	if (msg)
		msg_destroy(msg);
	return own;
}

static enum refusal refusal_of(struct leg *l, nta_outgoing_t *orq, const sip_t *sip)
{
	if (nta_sip_is_internal(sip))
		return sip->sip_status->st_status == 408 ? GONE : TRANSIENT;
	switch (sip->sip_status->st_status) {
	case 491:
		return GLARE;
	case 408:
	case 404:
	case 410:
		return GONE;
	case 481:
		return from_own_hop(l, orq) ? GONE : TRANSIENT;
	case 422:
		return TOO_SHORT;
	case 405:
	case 501:
		return nta_outgoing_method(orq) == sip_method_update ? NO_UPDATE : MEANT;
	case 415:
	case 488:
	case 606:
		return MEANT;
	default:
		return sip->sip_retry_after || sip->sip_status->st_status / 100 == 5 ? TRANSIENT : MEANT;
	}
}

/* What the asker hears: a refusal in the middle of a call says nothing about the next call, so only what the other
 * party meant is passed on, and no code that would have the asker end the call. */
static int passed_on(const sip_t *sip)
{
	int status = sip->sip_status->st_status;

	switch (nta_sip_is_internal(sip) ? 500 : status) {
	case 415:
	case 486:
	case 487:
	case 488:
	case 491:
	case 603:
	case 606:
		return status;
	default:
		return 500;
	}
}

static uint64_t pause_of(const sip_t *sip)
{
	uint32_t s = sip->sip_retry_after ? (uint32_t)sip->sip_retry_after->af_delta : 0;

	return s ? (s < RETRY_AFTER_S ? s : RETRY_AFTER_S) * CLOCK_NS_PER_S : PATIENCE_NS;
}

/* It will not hear what the other side does: the call goes on without, unless it speaks what the caller cannot take. */
static void untold(struct call *c, struct leg *l)
{
	l->behind = false;
	if (l != &c->caller && !bridge_usable(&c->bridge, &c->winner->side))
		call_end(c, CALL_BY_KEDGE, "bad_answer", INCOMPATIBLE);
}

static void refuse(struct call *c, struct leg *l, int status)
{
	bridge_reject(&c->bridge);
	answer(c, l, status, NULL, NULL);
}

/* The other side did not take it now: the asker need not suffer for it where kedge can answer, and what it said is
 * told to the other side later. */
static void not_now(struct call *c, struct leg *other, const sip_t *sip)
{
	struct leg *l = other_leg(c, other);

	if (!waits(l)) {
		other->behind = true; /* what it was told did not arrive */
		bridge_reject(&c->bridge);
	} else if (is_carrier(other) && answer_alone(c, l, NULL) == 0) {
		bridge_reject(&c->bridge);
	} else {
		refuse(c, l, passed_on(sip));
		return;
	}
	if (other->behind && other->tries < TRIES)
		other->again_ns = later(pause_of(sip));
	else
		untold(c, other);
}

static void refused_refresh(struct call *c, struct leg *l, enum refusal why, const sip_t *sip)
{
	switch (why) {
	case GONE:
		if (is_carrier(l))
			bury(c, l, "refresh_failed");
		else
			call_end(c, CALL_BY_KEDGE, "refresh_failed", NULL);
		break;
	case GLARE:
		l->refresh.due_ns = later(glare_ns(l));
		break;
	case TOO_SHORT:
		if (refresh_refused(&l->refresh, leg_trunk(l), sip) && l->tries++ < TRIES)
			l->refresh.due_ns = clock_mono_ns();
		break;
	case NO_UPDATE:
		l->update = false;
		l->refresh.due_ns = clock_mono_ns();
		break;
	case TRANSIENT: /* tried again until the session ends */
	case MEANT:
		break;
	}
}

/* Sends what is pending once more: after a glare, with another Min-SE, as INVITE. */
static void resend(struct call *c, struct leg *other)
{
	if (ask(other, other->asks, false, bridge_repeat(&c->bridge, call_side(c, other), true)) < 0) {
		bridge_reject(&c->bridge);
		if (waits(other_leg(c, other)))
			answer(c, other_leg(c, other), SIP_500_INTERNAL_SERVER_ERROR, NULL);
	}
}

static void refused_offer(struct call *c, struct leg *other, enum refusal why, const sip_t *sip)
{
	struct leg *l = other_leg(c, other);

	switch (why) {
	case GLARE:
		if (other->tries++ < TRIES) {
			other->behind = other->behind || other->asks == LEG_ASKS_TELL;
			other->again_ns = later(glare_ns(other)); /* reinvite_tick() asks again */
			return;
		}
		break;
	case NO_UPDATE:
		other->update = false;
		resend(c, other);
		return;
	case TOO_SHORT:
		if (refresh_refused(&other->refresh, leg_trunk(other), sip) && other->tries++ < TRIES) {
			resend(c, other);
			return;
		}
		break;
	case TRANSIENT:
		not_now(c, other, sip);
		return;
	case GONE:
		if (!is_carrier(other))
			break;
		if (waits(l) && answer_alone(c, l, NULL) < 0)
			answer(c, l, SIP_488_NOT_ACCEPTABLE, NULL);
		bridge_reject(&c->bridge);
		bury(c, other, "carrier_gone");
		return;
	case MEANT:
		break;
	}
	if (waits(l)) {
		refuse(c, l, passed_on(sip));
	} else {
		bridge_reject(&c->bridge);
		untold(c, other);
	}
	if (why == GONE && sip->sip_status->st_status != 404 && sip->sip_status->st_status != 410)
		call_end(c, CALL_BY_KEDGE, "leg_gone", OUT_OF_ORDER); /* RFC 3261 12.2.1.2 */
}

/* Its connection went before the answer, which is no answer: once more over another one. */
static bool said_again(struct call *c, struct leg *l, nta_outgoing_t *orq, const sip_t *sip)
{
	bool update = nta_outgoing_method(orq) == sip_method_update, refresh = l->asks == LEG_ASKS_REFRESH;
	bool again = !l->resent && leg_lost_connection(orq, sip);

	drop_transaction(l);
	if (!again || ask(l, l->asks, update, refresh && update ? NULL : bridge_repeat(&c->bridge, call_side(c, l), !refresh)) < 0)
		return false;
	l->resent = true;
	return true;
}

static void refused(struct call *c, struct leg *l, nta_outgoing_t *orq, const sip_t *sip)
{
	enum refusal why = refusal_of(l, orq, sip);

	if (said_again(c, l, orq, sip))
		return;
	if (l->asks == LEG_ASKS_REFRESH)
		refused_refresh(c, l, why, sip);
	else
		refused_offer(c, l, why, sip);
}

/* ---- 2xx ------------------------------------------------------------------------------------ */

/* l answered an offer of ours that nobody waits for. Either it has yet to hear what was said since, or the other side
 * has to hear what l made of it. 0 or -EPROTO. */
static int settle(struct call *c, struct leg *l, const struct bridge_body *said)
{
	struct leg *other = other_leg(c, l);
	bool differs;
	int err = bridge_proposed(&c->bridge, call_side(c, l), call_side(c, other), said, &differs);

	l->behind = err == 0 && bridge_behind(call_side(c, l), call_side(c, other));
	if (err == 0 && differs && !l->behind)
		other->behind = true;
	return err;
}

/* The other side's 2xx answers what the asker offered, or what we told it. */
static void took_offer(struct call *c, struct leg *other, const struct bridge_body *said)
{
	struct leg *l = other_leg(c, other);
	const char *body = NULL;

	if (!waits(l)) {
		if (settle(c, other, said) < 0)
			untold(c, other);
	} else if (bridge_reanswer(&c->bridge, call_side(c, l), call_side(c, other), said, &body) < 0) {
		answer(c, l, SIP_488_NOT_ACCEPTABLE, NULL);
	} else {
		other->behind = false;
		answer(c, l, SIP_200_OK, body);
	}
}

static void accepted(struct call *c, struct leg *l, nta_outgoing_t *orq, const sip_t *sip)
{
	bool invite = nta_outgoing_method(orq) == sip_method_invite;
	struct bridge_body said = call_body(sip);

	leg_heard(l, sip);
	leg_retarget(l, sip);
	refresh_answered(&l->refresh, sip, clock_mono_ns(), call_scale());
	drop_transaction(l);
	if (invite)
		leg_ack(l, NULL);
	if (l->asks != LEG_ASKS_REFRESH)
		took_offer(c, l, &said);
	else
		l->tries = 0;
	record_call(c);
	report_change(c);
}

static int on_response(nta_outgoing_magic_t *magic, nta_outgoing_t *orq, const sip_t *sip)
{
	struct leg *l = (struct leg *)magic;
	struct call *c = l->call;
	msg_t *response;

	if (orq != l->orq || sip->sip_status->st_status < 200)
		return 0;
	call_hold(c);
	response = nta_outgoing_getresponse(orq); /* over TCP it would go with its transaction */
	if (sip->sip_status->st_status >= 300)
		refused(c, l, orq, sip);
	else
		accepted(c, l, orq, sip);
	if (is_up(c)) {
		push(c, &c->caller);
		push(c, &c->winner->leg);
	}
	if (response)
		msg_destroy(response);
	call_arm(c);
	call_release(c);
	return 0;
}

/* ---- what the asker says -------------------------------------------------------------------- */

/* The asker's ACK; with the answer in it if the offer was in our 200. */
static void acked(struct call *c, struct leg *l, const sip_t *sip)
{
	struct bridge_body said;

	forget(l);
	if (c->answer_due != l)
		return;
	c->answer_due = NULL;
	if (!sip)
		return;
	said = call_body(sip);
	if (settle(c, l, &said) < 0)
		call_end(c, CALL_BY_KEDGE, "bad_answer", INCOMPATIBLE);
}

static void taken_back(struct call *c, struct leg *l)
{
	struct leg *other = other_leg(c, l);

	answer(c, l, SIP_487_REQUEST_CANCELLED, NULL);
	if (other->orq && other->asks == LEG_ASKS_PASS) {
		if (nta_outgoing_method(other->orq) == sip_method_invite)
			nta_outgoing_tcancel(other->orq, NULL, NULL, TAG_END());
	} else if (other->again_ns && !other->behind) { /* it waited for another try */
		other->again_ns = 0;
		bridge_reject(&c->bridge);
	}
}

static int on_ack_or_cancel(nta_incoming_magic_t *magic, nta_incoming_t *irq, const sip_t *sip)
{
	struct leg *l = (struct leg *)magic;
	struct call *c = l->call;

	call_hold(c);
	if (irq != l->irq)
		;
	else if (sip && sip->sip_request->rq_method == sip_method_cancel) {
		if (waits(l))
			taken_back(c, l);
	} else if (nta_incoming_status(irq) >= 200 && nta_incoming_status(irq) < 300) {
		acked(c, l, sip);
		if (!sip)
			call_end(c, CALL_BY_KEDGE, "no_ack", NULL);
	}
	if (is_up(c)) {
		push(c, &c->caller);
		push(c, &c->winner->leg);
	}
	call_arm(c);
	call_release(c);
	return 0;
}

/* ---- a new offer ---------------------------------------------------------------------------- */

static bool may_ask(struct call *c, struct leg *l, nta_incoming_t *irq, const sip_t *sip)
{
	bool offers = nta_incoming_method(irq) == sip_method_invite || sip->sip_payload;
	struct bridge_body said = call_body(sip);
	char least[32];

	if (c->state == CALL_ENDING || c->state == CALL_GONE) {
		reply_now(c, irq, SIP_481_NO_TRANSACTION, NULL);
	} else if (c->state == CALL_SETUP || (l->irq && offers)) {
		reply_now(c, irq, SIP_500_INTERNAL_SERVER_ERROR, "Retry-After: 3\r\n");
	} else if (l->orq && offers && (l->asks != LEG_ASKS_REFRESH || nta_outgoing_method(l->orq) == sip_method_invite)) {
		reply_now(c, irq, SIP_491_REQUEST_PENDING, NULL);
	} else if (offer_requires(said.type, said.data, said.length)) {
		reply_now(c, irq, SIP_415_UNSUPPORTED_MEDIA, "Accept: application/sdp\r\n");
	} else if (refresh_too_small(leg_trunk(l), sip)) {
		snprintf(least, sizeof(least), "Min-SE: %u\r\n", leg_trunk(l)->min_se_ms / 1000);
		reply_now(c, irq, SIP_422_SESSION_TIMER_TOO_SMALL, least);
	} else {
		return true;
	}
	return false;
}

/* Can the other side be asked now? */
static bool free_to_ask(struct call *c, const struct leg *other)
{
	return !other->dead && !other->orq && !other->irq && !other->again_ns && !c->bridge.pending_ours;
}

static int pass(struct call *c, struct leg *l, struct leg *other, const struct bridge_body *said)
{
	bool update = nta_incoming_method(l->irq) == sip_method_update;
	const char *body;
	int err = bridge_reoffer(&c->bridge, call_side(c, l), call_side(c, other), said, &body);

	if (err)
		return err;
	if (ask(other, LEG_ASKS_PASS, update, body) < 0) {
		bridge_reject(&c->bridge);
		return -EIO;
	}
	if (!update)
		nta_incoming_treply(l->irq, SIP_100_TRYING, TAG_END());
	if (is_carrier(other) || update) /* who sends UPDATE asks for an answer without anybody being asked (RFC 3311 5.2) */
		l->alone_ns = later(PATIENCE_NS);
	return 0;
}

static void pass_or_refuse(struct call *c, struct leg *l, struct leg *other, const struct bridge_body *said)
{
	int err = pass(c, l, other, said);

	if (err)
		answer(c, l, err == -EIO ? 500 : bridge_status(err), NULL, NULL);
}

/* It asks for an offer: what holds is offered, to be answered in its ACK. */
static void offer_ours(struct call *c, struct leg *l)
{
	const char *body;

	if (c->bridge.pending_ours) {
		answer(c, l, SIP_491_REQUEST_PENDING, NULL);
	} else if (bridge_propose(&c->bridge, call_side(c, l), call_side(c, other_leg(c, l)), &body) < 0) {
		answer(c, l, SIP_488_NOT_ACCEPTABLE, NULL);
	} else {
		c->answer_due = l;
		answer(c, l, SIP_200_OK, body);
	}
}

static void take_offer(struct call *c, struct leg *l, const sip_t *sip)
{
	struct bridge_body said = call_body(sip);
	struct leg *other = other_leg(c, l);

	other->tries = 0;
	if (said.length == 0)
		offer_ours(c, l);
	else if (bridge_unchanged(&c->bridge, call_side(c, l), call_side(c, other), &said) &&
	         answer_alone(c, l, &said) == 0)
		;
	else if (free_to_ask(c, other))
		pass_or_refuse(c, l, other, &said);
	else if (answer_alone(c, l, &said) == 0)
		;
	else if (other->again_ns && !c->bridge.pending_ours && !other->orq && !other->irq) {
		other->again_ns = 0; /* what waits to be told is part of this */
		pass_or_refuse(c, l, other, &said);
	} else {
		answer(c, l, other->dead ? 488 : 491, NULL, NULL);
	}
}

void call_on_offer(struct call *c, struct leg *l, nta_incoming_t *irq, const sip_t *sip)
{
	bool invite = nta_incoming_method(irq) == sip_method_invite;

	if (!may_ask(c, l, irq, sip))
		return;
	leg_heard(l, sip);
	leg_retarget(l, sip);
	refresh_asked(&l->refresh, leg_trunk(l), sip, clock_mono_ns(), call_scale());
	if (!invite && !sip->sip_payload) { /* a refresh: nothing is asked */
		struct leg at = *l;

		at.irq = irq;
		answer(c, &at, SIP_200_OK, NULL);
	} else {
		l->irq = irq;
		if (invite)
			nta_incoming_bind(irq, on_ack_or_cancel, (nta_incoming_magic_t *)l);
		take_offer(c, l, sip);
	}
	push(c, &c->caller);
	push(c, &c->winner->leg);
	record_call(c);
	call_arm(c);
}

/* ---- telling later -------------------------------------------------------------------------- */

/* Tells l what the other side does now, if that is not what it was told last. */
static void push(struct call *c, struct leg *l)
{
	struct leg *other = other_leg(c, l);
	const char *body;

	if (!l->behind || l->dead || l->orq || l->irq || l->again_ns || c->bridge.pending_ours || waits(other))
		return;
	l->behind = false;
	if (l->tries++ > TRIES)
		return;
	if (bridge_propose(&c->bridge, call_side(c, l), call_side(c, other), &body) < 0 ||
	    ask(l, LEG_ASKS_TELL, false, body) < 0)
		bridge_reject(&c->bridge);
}

void reinvite_correct(struct call *c)
{
	struct leg *b = &c->winner->leg;

	c->caller.behind = c->caller.behind || c->bridge.differs;
	b->behind = b->behind || c->bridge.callee_differs;
	c->bridge.differs = c->bridge.callee_differs = false;
	push(c, &c->caller);
	push(c, b);
}

/* ---- time ----------------------------------------------------------------------------------- */

static void ask_again(struct call *c, struct leg *l)
{
	struct leg *other = other_leg(c, l);

	l->again_ns = 0;
	if (waits(other) && c->bridge.pending_ours && !l->orq && !l->dead) {
		resend(c, l); /* after a glare */
		return;
	}
	/* What is pending for it is stale: the asker has its answer, and may have said more since. */
	if (!l->orq && !waits(l) && !other->orq && !other->again_ns && !c->answer_due)
		bridge_reject(&c->bridge);
	push(c, l);
}

static void refresh_now(struct call *c, struct leg *l)
{
	if (l->orq || l->irq || l->dead)
		return; /* an INVITE on its way refreshes too; else it comes again */
	ask(l, LEG_ASKS_REFRESH, l->update, l->update ? NULL : bridge_repeat(&c->bridge, call_side(c, l), false));
}

static void expired(struct call *c, struct leg *l)
{
	if (is_carrier(l) && (flows(c, l) || c->bridge.held))
		bury(c, l, "session_expired");
	else
		call_end(c, CALL_BY_KEDGE, "session_expired", "SIP;cause=408;text=\"Session expired\"");
}

static void tick_leg(struct call *c, struct leg *l, uint64_t now)
{
	if (l->alone_ns && l->alone_ns <= now) {
		l->alone_ns = 0;
		if (waits(l))
			answer_alone(c, l, NULL); /* where it cannot be it waits on */
	}
	if (l->again_ns && l->again_ns <= now)
		ask_again(c, l);
	switch (refresh_tick(&l->refresh, now)) {
	case REFRESH_NOTHING:
		break;
	case REFRESH_SEND:
		refresh_now(c, l);
		break;
	case REFRESH_EXPIRED:
		expired(c, l);
	}
}

void reinvite_tick(struct call *c, uint64_t now)
{
	if (is_up(c))
		tick_leg(c, &c->caller, now);
	if (is_up(c))
		tick_leg(c, &c->winner->leg, now);
	if (is_up(c) && c->headless_ns && c->headless_ns <= now)
		call_end(c, CALL_BY_KEDGE, "headless_max", OUT_OF_ORDER);
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return b && (!a || b < a) ? b : a;
}

static uint64_t due_of(const struct leg *l)
{
	return sooner(sooner(l->alone_ns, l->again_ns), l->refresh.due_ns);
}

uint64_t reinvite_due(const struct call *c)
{
	return is_up(c) ? sooner(sooner(due_of(&c->caller), due_of(&c->winner->leg)), c->headless_ns) : 0;
}

/* ---- the end -------------------------------------------------------------------------------- */

static void abort_leg(struct call *c, struct leg *l, bool initial)
{
	if (l->orq)
		drop_transaction(l);
	l->again_ns = 0;
	refresh_stop(&l->refresh);
	if (!l->irq || initial)
		return;
	if (waits(l))
		answer(c, l, SIP_487_REQUEST_CANCELLED, NULL);
	else
		forget(l);
}

void reinvite_abort(struct call *c)
{
	if (c->ack_owed) { /* no BYE before the ACK */
		leg_ack(c->ack_owed, NULL);
		c->ack_owed = NULL;
	}
	c->answer_due = NULL;
	abort_leg(c, &c->caller, c->state == CALL_ANSWERED);
	if (c->winner)
		abort_leg(c, &c->winner->leg, false);
	bridge_reject(&c->bridge);
}
