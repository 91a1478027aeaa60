// SPDX-License-Identifier: MIT
/* reinvite: new offers inside an answered call, from either side (RFC 3261 14, RFC 3264 8).
 *
 *   INVITE on one leg -> bridge_reoffer -> INVITE on the other
 *                        its 2xx     -> bridge_reanswer -> 200 here, ACK there
 *                        its 3xx-6xx -> the same here; what held still holds
 *
 * One at a time: a second one meets 491 (the other side asked first) or 500 with Retry-After (the
 * same side did). Without an offer in it the 2xx brings one, and the ACK the answer. */
#include "sig/call.h"

#include <assert.h>
#include <stdio.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_status.h>
#include <sofia-sip/su_tag.h>

#include "sig/listen.h"
#include "sig/record.h"

#define INCOMPATIBLE "Q.850;cause=88;text=\"Incompatible SDP\""

static struct leg *other_leg(struct call *c, const struct leg *l)
{
	return l == &c->caller ? &c->winner->leg : &c->caller;
}

static void answer(struct call *c, struct leg *l, int status, const char *phrase, const char *body)
{
	const char *server = call_agent_text(c);

	if (nta_incoming_status(l->irq) < 200)
		nta_incoming_treply(l->irq, status, phrase, SIPTAG_CONTACT(l->contact),
		    SIPTAG_ALLOW_STR(leg_allow), TAG_IF(server, SIPTAG_SERVER_STR(server)),
		    TAG_IF(body, SIPTAG_CONTENT_TYPE_STR("application/sdp")),
		    TAG_IF(body, SIPTAG_PAYLOAD_STR(body)), TAG_END());
	if (status >= 300) {
		nta_incoming_destroy(l->irq);
		l->irq = NULL;
	}
}

/* The asker of an exchange that went through other's transaction; NULL: we asked ourselves. */
static struct leg *asker_of(struct call *c, const struct leg *other)
{
	struct leg *l = other_leg(c, other);

	return l->irq ? l : NULL;
}

static void drop_transaction(struct leg *other)
{
	nta_outgoing_destroy(other->orq);
	other->orq = NULL;
}

/* A refusal in the middle of a call says nothing about the next call: only what the callee meant
 * is passed on. */
static int refusal_of(const sip_t *sip)
{
	int status = sip->sip_status->st_status;

	if (nta_sip_is_internal(sip))
		return 500;
	switch (status) {
	case 488:
	case 491:
	case 486:
	case 487:
	case 415:
	case 606:
	case 603:
		return status;
	default:
		return 500;
	}
}

static void refused(struct call *c, struct leg *other, const sip_t *sip)
{
	struct leg *l = asker_of(c, other);

	drop_transaction(other);
	bridge_reject(&c->bridge);
	if (l)
		answer(c, l, refusal_of(sip), NULL, NULL);
	else if (other != &c->caller && !bridge_usable(&c->bridge, &c->winner->side))
		call_end(c, CALL_BY_KEDGE, "bad_answer", INCOMPATIBLE);
}

/* A side was told what holds, and said what it makes of it. */
static void corrected(struct call *c, struct leg *other, const struct bridge_body *said)
{
	struct leg *l = other_leg(c, other);
	bool differs;

	leg_ack(other, NULL);
	if (bridge_proposed(&c->bridge, call_side(c, other), call_side(c, l), said, &differs) < 0 &&
	    other != &c->caller && !bridge_usable(&c->bridge, &c->winner->side))
		call_end(c, CALL_BY_KEDGE, "bad_answer", INCOMPATIBLE);
	else
		reinvite_correct(c);
}

/* The other side's 2xx answers what the asker offered. */
static void accepted(struct call *c, struct leg *other, const sip_t *sip)
{
	struct leg *l = asker_of(c, other);
	struct bridge_body said = call_body(sip);
	const char *body = NULL;
	bool offered = c->bridge.pending_ours != NULL;

	leg_retarget(other, sip);
	drop_transaction(other);
	if (!l) {
		corrected(c, other, &said);
	} else if (offered) {
		leg_ack(other, NULL);
		if (bridge_reanswer(
		        &c->bridge, call_side(c, l), call_side(c, other), &said, &body) < 0)
			answer(c, l, SIP_488_NOT_ACCEPTABLE, NULL);
		else
			answer(c, l, SIP_200_OK, body);
	} else if (bridge_reoffer(&c->bridge, call_side(c, other), call_side(c, l), &said, &body) <
	               0 ||
	           !body) {
		leg_ack(other, NULL);
		answer(c, l, SIP_488_NOT_ACCEPTABLE, NULL);
	} else {
		c->ack_owed = other;
		answer(c, l, SIP_200_OK, body);
	}
	record_call(c);
	report_change(c);
}

static int on_response(nta_outgoing_magic_t *magic, nta_outgoing_t *orq, const sip_t *sip)
{
	struct leg *other = (struct leg *)magic;
	struct call *c = other->call;

	if (orq != other->orq || sip->sip_status->st_status < 200)
		return 0;
	call_hold(c);
	if (sip->sip_status->st_status >= 300)
		refused(c, other, sip);
	else
		accepted(c, other, sip);
	call_release(c);
	return 0;
}

/* The asker's ACK; with the answer in it if the offer was in our 200. */
static void acked(struct call *c, struct leg *l, const sip_t *sip)
{
	struct leg *other = c->ack_owed;
	const char *body = NULL;

	nta_incoming_destroy(l->irq);
	l->irq = NULL;
	if (!other)
		return;
	c->ack_owed = NULL;
	if (sip) {
		struct bridge_body said = call_body(sip);

		bridge_reanswer(&c->bridge, call_side(c, other), call_side(c, l), &said, &body);
	}
	leg_ack(other, body);
	if (sip && !body)
		call_end(c, CALL_BY_KEDGE, "bad_answer", INCOMPATIBLE);
}

static int on_ack_or_cancel(nta_incoming_magic_t *magic, nta_incoming_t *irq, const sip_t *sip)
{
	struct leg *l = (struct leg *)magic;
	struct call *c = l->call;

	call_hold(c);
	if (irq != l->irq)
		;
	else if (sip && sip->sip_request->rq_method == sip_method_cancel)
		nta_outgoing_tcancel(
		    other_leg(c, l)->orq, NULL, NULL, TAG_END()); /* its 487 is the answer */
	else if (nta_incoming_status(irq) >= 200 && nta_incoming_status(irq) < 300) {
		acked(c, l, sip);
		if (!sip)
			call_end(c, CALL_BY_KEDGE, "no_ack", NULL);
	}
	call_release(c);
	return 0;
}

static void reply_now(
    struct call *c, nta_incoming_t *irq, int status, const char *phrase, const char *headers)
{
	const char *server = call_agent_text(c);

	nta_incoming_treply(irq, status, phrase, TAG_IF(server, SIPTAG_SERVER_STR(server)),
	    TAG_IF(headers, SIPTAG_HEADER_STR(headers)), TAG_END());
	nta_incoming_destroy(irq);
}

static bool may_ask(struct call *c, struct leg *l, nta_incoming_t *irq)
{
	struct leg *other = c->winner ? other_leg(c, l) : NULL;

	if (c->state == CALL_ENDING || c->state == CALL_GONE)
		reply_now(c, irq, SIP_481_NO_TRANSACTION, NULL);
	else if (c->state == CALL_SETUP || l->irq)
		reply_now(c, irq, SIP_500_INTERNAL_SERVER_ERROR, "Retry-After: 3\r\n");
	else if (l->orq || other->orq || other->irq)
		reply_now(c, irq, SIP_491_REQUEST_PENDING, NULL);
	else
		return true;
	return false;
}

void call_on_reinvite(struct call *c, struct leg *l, nta_incoming_t *irq, const sip_t *sip)
{
	struct bridge_body said = call_body(sip);
	struct leg *other;
	const char *body;
	int err;

	if (!may_ask(c, l, irq))
		return;
	other = other_leg(c, l);
	l->irq = irq;
	nta_incoming_bind(irq, on_ack_or_cancel, (nta_incoming_magic_t *)l);
	nta_incoming_treply(irq, SIP_100_TRYING, TAG_END());
	err = bridge_reoffer(&c->bridge, call_side(c, l), call_side(c, other), &said, &body);
	if (err == 0)
		leg_retarget(l, sip);
	if (err == 0 && leg_reinvite(other, body, on_response, other) < 0)
		err = -1;
	if (err) {
		bridge_reject(&c->bridge);
		answer(c, l, err == -1 ? 500 : bridge_status(err), NULL, NULL);
	}
	record_call(c);
}

static void correct(struct call *c, struct leg *l)
{
	const char *body;

	if (!l->orq &&
	    bridge_propose(&c->bridge, call_side(c, l), call_side(c, other_leg(c, l)), &body) == 0)
		leg_reinvite(l, body, on_response, l);
}

void reinvite_correct(struct call *c)
{
	if (c->bridge.differs) {
		c->bridge.differs = false;
		correct(c, &c->caller);
	} else if (c->bridge.callee_differs) {
		c->bridge.callee_differs = false;
		correct(c, &c->winner->leg);
	}
}

static void abort_leg(struct call *c, struct leg *l, bool initial)
{
	if (l->orq)
		drop_transaction(l);
	if (!l->irq || initial)
		return;
	if (nta_incoming_status(l->irq) < 200)
		answer(c, l, SIP_487_REQUEST_CANCELLED, NULL);
	else {
		nta_incoming_destroy(l->irq);
		l->irq = NULL;
	}
}

void reinvite_abort(struct call *c)
{
	if (c->ack_owed) { /* no BYE before the ACK */
		leg_ack(c->ack_owed, NULL);
		c->ack_owed = NULL;
	}
	abort_leg(c, &c->caller, c->state == CALL_ANSWERED);
	if (c->winner)
		abort_leg(c, &c->winner->leg, false);
	bridge_reject(&c->bridge);
}
