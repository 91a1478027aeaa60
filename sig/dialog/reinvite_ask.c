// SPDX-License-Identifier: MIT
#include "sig/dialog/reinvite_part.h"

#include <sofia-sip/sip_status.h>
#include <sofia-sip/su_tag.h>

#include "config/clock.h"
#include "sig/books/record.h"

/* ---- asking ---------------------------------------------------------------------------------- */

static int on_response(nta_outgoing_magic_t *magic, nta_outgoing_t *orq, const sip_t *sip);

void reinvite_drop(struct leg *l)
{
	nta_outgoing_destroy(l->orq);
	l->orq = NULL;
}

int reinvite_ask(struct leg *l, enum leg_asks why, bool update, const char *body)
{
	l->asks = why;
	return leg_ask(l, update && l->update, body, on_response, l);
}

/* ---- 2xx ------------------------------------------------------------------------------------- */

int reinvite_settle(struct call *c, struct leg *l, const struct bridge_body *said)
{
	struct leg *other = reinvite_other(c, l);
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
	struct leg *l = reinvite_other(c, other);
	const char *body = NULL;

	if (!reinvite_waits(l)) {
		if (reinvite_settle(c, other, said) < 0)
			reinvite_untold(c, other);
	} else if (bridge_reanswer(&c->bridge, call_side(c, l), call_side(c, other), said, &body) < 0) {
		reinvite_answer(c, l, SIP_488_NOT_ACCEPTABLE, NULL);
	} else {
		other->behind = false;
		reinvite_answer(c, l, SIP_200_OK, body);
	}
}

static void accepted(struct call *c, struct leg *l, nta_outgoing_t *orq, const sip_t *sip)
{
	bool invite = nta_outgoing_method(orq) == sip_method_invite;
	struct bridge_body said = call_body(sip);

	leg_heard(l, sip);
	leg_retarget(l, sip);
	refresh_answered(&l->refresh, sip, clock_mono_ns(), call_scale());
	reinvite_drop(l);
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
		reinvite_refused(c, l, orq, sip);
	else
		accepted(c, l, orq, sip);
	if (reinvite_is_up(c)) {
		reinvite_push(c, &c->caller);
		reinvite_push(c, &c->winner->leg);
	}
	if (response)
		msg_destroy(response);
	call_arm(c);
	call_release(c);
	return 0;
}

/* ---- telling later --------------------------------------------------------------------------- */

void reinvite_push(struct call *c, struct leg *l)
{
	struct leg *other = reinvite_other(c, l);
	const char *body;

	if (!l->behind || l->dead || l->orq || l->irq || l->again_ns || c->bridge.pending_ours || reinvite_waits(other))
		return;
	l->behind = false;
	if (l->tries++ > REINVITE_TRIES)
		return;
	if (bridge_propose(&c->bridge, call_side(c, l), call_side(c, other), &body) < 0 ||
	    reinvite_ask(l, LEG_ASKS_TELL, false, body) < 0)
		bridge_reject(&c->bridge);
}

void reinvite_correct(struct call *c)
{
	struct leg *b = &c->winner->leg;

	c->caller.behind = c->caller.behind || c->bridge.differs;
	b->behind = b->behind || c->bridge.callee_differs;
	c->bridge.differs = c->bridge.callee_differs = false;
	reinvite_push(c, &c->caller);
	reinvite_push(c, b);
}

/* ---- time ------------------------------------------------------------------------------------ */

static void ask_again(struct call *c, struct leg *l)
{
	struct leg *other = reinvite_other(c, l);

	l->again_ns = 0;
	if (reinvite_waits(other) && c->bridge.pending_ours && !l->orq && !l->dead) {
		reinvite_resend(c, l); /* after a glare */
		return;
	}
	/* What is pending for it is stale: the asker has its answer, and may have said more since. */
	if (!l->orq && !reinvite_waits(l) && !other->orq && !other->again_ns && !c->answer_due)
		bridge_reject(&c->bridge);
	reinvite_push(c, l);
}

static void refresh_now(struct call *c, struct leg *l)
{
	if (l->orq || l->irq || l->dead)
		return; /* an INVITE on its way refreshes too; else it comes again */
	reinvite_ask(l, LEG_ASKS_REFRESH, l->update, l->update ? NULL : bridge_repeat(&c->bridge, call_side(c, l), false));
}

static void expired(struct call *c, struct leg *l)
{
	if (reinvite_of_carrier(l) && (reinvite_flows(c, l) || c->bridge.held))
		reinvite_bury(c, l, "session_expired");
	else
		call_end(c, CALL_BY_KEDGE, "session_expired", "SIP;cause=408;text=\"Session expired\"");
}

static void tick_leg(struct call *c, struct leg *l, uint64_t now)
{
	if (l->alone_ns && l->alone_ns <= now) {
		l->alone_ns = 0;
		if (reinvite_waits(l))
			reinvite_alone(c, l, NULL); /* where it cannot be it waits on */
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
	if (reinvite_is_up(c))
		tick_leg(c, &c->caller, now);
	if (reinvite_is_up(c))
		tick_leg(c, &c->winner->leg, now);
	if (reinvite_is_up(c) && c->headless_ns && c->headless_ns <= now)
		call_end(c, CALL_BY_KEDGE, "headless_max", REINVITE_OUT_OF_ORDER);
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
	return reinvite_is_up(c) ? sooner(sooner(due_of(&c->caller), due_of(&c->winner->leg)), c->headless_ns) : 0;
}
