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
 * when it is over (TELL).
 *
 *   reinvite.c          what a side asks, and what it is answered
 *   reinvite_ask.c      what kedge asks: passes on, tells, refreshes; the 2xx; deadlines
 *   reinvite_refused.c  what else comes back, and a side whose signaling is dead */
#include "sig/dialog/reinvite_part.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_status.h>
#include <sofia-sip/su_tag.h>

#include "config/clock.h"
#include "sig/books/record.h"

/* ---- answers --------------------------------------------------------------------------------- */

static void forget(struct leg *l)
{
	nta_incoming_destroy(l->irq);
	l->irq = NULL;
	l->alone_ns = 0;
}

void reinvite_answer(struct call *c, struct leg *l, int status, const char *phrase, const char *body)
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

int reinvite_alone(struct call *c, struct leg *l, const struct bridge_body *body)
{
	struct leg *other = reinvite_other(c, l);
	struct bridge_body pending = { .data = c->bridge.pending_theirs };
	const char *out;
	bool differs;
	int err;

	if (pending.data)
		pending.length = strlen(pending.data);
	err = bridge_alone(&c->bridge, call_side(c, l), call_side(c, other), body ? body : &pending, &out, &differs);
	if (err)
		return err;
	reinvite_answer(c, l, SIP_200_OK, out);
	other->behind = differs;
	record_call(c);
	report_change(c);
	return 0;
}

/* ---- what the asker says --------------------------------------------------------------------- */

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
	if (reinvite_settle(c, l, &said) < 0)
		call_end(c, CALL_BY_KEDGE, "bad_answer", REINVITE_INCOMPATIBLE);
}

static void taken_back(struct call *c, struct leg *l)
{
	struct leg *other = reinvite_other(c, l);

	reinvite_answer(c, l, SIP_487_REQUEST_CANCELLED, NULL);
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
		if (reinvite_waits(l))
			taken_back(c, l);
	} else if (nta_incoming_status(irq) >= 200 && nta_incoming_status(irq) < 300) {
		acked(c, l, sip);
		if (!sip)
			call_end(c, CALL_BY_KEDGE, "no_ack", NULL);
	}
	if (reinvite_is_up(c)) {
		reinvite_push(c, &c->caller);
		reinvite_push(c, &c->winner->leg);
	}
	call_arm(c);
	call_release(c);
	return 0;
}

/* ---- a new offer ----------------------------------------------------------------------------- */

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
	if (reinvite_ask(other, LEG_ASKS_PASS, update, body) < 0) {
		bridge_reject(&c->bridge);
		return -EIO;
	}
	if (!update)
		nta_incoming_treply(l->irq, SIP_100_TRYING, TAG_END());
	if (reinvite_of_carrier(other) || update) /* who sends UPDATE asks for an answer without anybody being asked (RFC 3311 5.2) */
		l->alone_ns = reinvite_later(REINVITE_PATIENCE_NS);
	return 0;
}

static void pass_or_refuse(struct call *c, struct leg *l, struct leg *other, const struct bridge_body *said)
{
	int err = pass(c, l, other, said);

	if (err)
		reinvite_answer(c, l, err == -EIO ? 500 : bridge_status(err), NULL, NULL);
}

/* It asks for an offer: what holds is offered, to be answered in its ACK. */
static void offer_ours(struct call *c, struct leg *l)
{
	const char *body;

	if (c->bridge.pending_ours) {
		reinvite_answer(c, l, SIP_491_REQUEST_PENDING, NULL);
	} else if (bridge_propose(&c->bridge, call_side(c, l), call_side(c, reinvite_other(c, l)), &body) < 0) {
		reinvite_answer(c, l, SIP_488_NOT_ACCEPTABLE, NULL);
	} else {
		c->answer_due = l;
		reinvite_answer(c, l, SIP_200_OK, body);
	}
}

static void take_offer(struct call *c, struct leg *l, const sip_t *sip)
{
	struct bridge_body said = call_body(sip);
	struct leg *other = reinvite_other(c, l);

	other->tries = 0;
	if (said.length == 0)
		offer_ours(c, l);
	else if (bridge_unchanged(&c->bridge, call_side(c, l), call_side(c, other), &said) &&
	         reinvite_alone(c, l, &said) == 0)
		;
	else if (free_to_ask(c, other))
		pass_or_refuse(c, l, other, &said);
	else if (reinvite_alone(c, l, &said) == 0)
		;
	else if (other->again_ns && !c->bridge.pending_ours && !other->orq && !other->irq) {
		other->again_ns = 0; /* what waits to be told is part of this */
		pass_or_refuse(c, l, other, &said);
	} else {
		reinvite_answer(c, l, other->dead ? 488 : 491, NULL, NULL);
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
		reinvite_answer(c, &at, SIP_200_OK, NULL);
	} else {
		l->irq = irq;
		if (invite)
			nta_incoming_bind(irq, on_ack_or_cancel, (nta_incoming_magic_t *)l);
		take_offer(c, l, sip);
	}
	reinvite_push(c, &c->caller);
	reinvite_push(c, &c->winner->leg);
	record_call(c);
	call_arm(c);
}

/* ---- the end --------------------------------------------------------------------------------- */

static void abort_leg(struct call *c, struct leg *l, bool initial)
{
	if (l->orq)
		reinvite_drop(l);
	l->again_ns = 0;
	refresh_stop(&l->refresh);
	if (!l->irq || initial)
		return;
	if (reinvite_waits(l))
		reinvite_answer(c, l, SIP_487_REQUEST_CANCELLED, NULL);
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
