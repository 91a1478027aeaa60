// SPDX-License-Identifier: MIT
#include "sig/dialog/reinvite_part.h"

#include <errno.h>
#include <string.h>
#include <sofia-sip/sip_status.h>

#include "config/clock.h"
#include "config/event.h"
#include "sig/edge/listen.h"

#define RETRY_AFTER_S 300 /* no longer one is believed */

/* ---- a dead side ----------------------------------------------------------------------------- */

bool reinvite_flows(const struct call *c, const struct leg *l)
{
	unsigned from = l == &c->caller ? 0 : 1; /* the caller's end is the inside one */
	struct anchor_quality q[2];
	uint64_t now = clock_mono_ns();

	if (!c->bridge.anchor.open)
		return false;
	anchor_quality(&c->bridge.anchor, q);
	return q[from].last_rx_ns && now - q[from].last_rx_ns < c->conf->media.media_dead_ms * CLOCK_NS_PER_MS;
}

void reinvite_bury(struct call *c, struct leg *l, const char *why)
{
	if (l->dead)
		return;
	l->dead = true;
	l->again_ns = 0;
	refresh_stop(&l->refresh);
	event_log(call_headless, .trunk = leg_trunk(l)->name, .why = why, .call = c->id);
	if (!reinvite_flows(c, l) && !c->bridge.held)
		call_end(c, CALL_BY_KEDGE, why, REINVITE_OUT_OF_ORDER);
	else
		c->headless_ns = clock_mono_ns() + leg_trunk(l)->headless_max_ms * CLOCK_NS_PER_MS;
}

void reinvite_silent(struct call *c)
{
	bool gone = reinvite_is_up(c) && ((c->winner->leg.dead && !reinvite_flows(c, &c->winner->leg)) || (c->caller.dead && !reinvite_flows(c, &c->caller)));

	if (gone && !c->bridge.held)
		call_end(c, CALL_BY_KEDGE, "carrier_gone", REINVITE_OUT_OF_ORDER);
}

/* ---- refusals -------------------------------------------------------------------------------- */

/* RFC 3261 14.1: who made the Call-ID waits longer. */
static uint64_t glare_ns(const struct leg *l)
{
	uint16_t random;

	listen_random(&random, sizeof(random));
	return (l->uas ? random % 201 * 10 : 2100 + random % 191 * 10) * CLOCK_NS_PER_MS;
}

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

	return s ? (s < RETRY_AFTER_S ? s : RETRY_AFTER_S) * CLOCK_NS_PER_S : REINVITE_PATIENCE_NS;
}

void reinvite_untold(struct call *c, struct leg *l)
{
	l->behind = false;
	if (l != &c->caller && !bridge_usable(&c->bridge, &c->winner->side))
		call_end(c, CALL_BY_KEDGE, "bad_answer", REINVITE_INCOMPATIBLE);
}

static void refuse(struct call *c, struct leg *l, int status)
{
	bridge_reject(&c->bridge);
	reinvite_answer(c, l, status, NULL, NULL);
}

/* The other side did not take it now: the asker need not suffer for it where kedge can answer, and what it said is
 * told to the other side later. */
static void not_now(struct call *c, struct leg *other, const sip_t *sip)
{
	struct leg *l = reinvite_other(c, other);

	if (!reinvite_waits(l)) {
		other->behind = true; /* what it was told did not arrive */
		bridge_reject(&c->bridge);
	} else if (reinvite_of_carrier(other) && reinvite_alone(c, l, NULL) == 0) {
		bridge_reject(&c->bridge);
	} else {
		refuse(c, l, passed_on(sip));
		return;
	}
	if (other->behind && other->tries < REINVITE_TRIES)
		other->again_ns = reinvite_later(pause_of(sip));
	else
		reinvite_untold(c, other);
}

static void refused_refresh(struct call *c, struct leg *l, enum refusal why, const sip_t *sip)
{
	switch (why) {
	case GONE:
		if (reinvite_of_carrier(l))
			reinvite_bury(c, l, "refresh_failed");
		else
			call_end(c, CALL_BY_KEDGE, "refresh_failed", NULL);
		break;
	case GLARE:
		l->refresh.due_ns = reinvite_later(glare_ns(l));
		break;
	case TOO_SHORT:
		if (refresh_refused(&l->refresh, leg_trunk(l), sip) && l->tries++ < REINVITE_TRIES)
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

void reinvite_resend(struct call *c, struct leg *other)
{
	if (reinvite_ask(other, other->asks, false, bridge_repeat(&c->bridge, call_side(c, other), true)) < 0) {
		bridge_reject(&c->bridge);
		if (reinvite_waits(reinvite_other(c, other)))
			reinvite_answer(c, reinvite_other(c, other), SIP_500_INTERNAL_SERVER_ERROR, NULL);
	}
}

static void refused_offer(struct call *c, struct leg *other, enum refusal why, const sip_t *sip)
{
	struct leg *l = reinvite_other(c, other);

	switch (why) {
	case GLARE:
		if (other->tries++ < REINVITE_TRIES) {
			other->behind = other->behind || other->asks == LEG_ASKS_TELL;
			other->again_ns = reinvite_later(glare_ns(other)); /* reinvite_tick() asks again */
			return;
		}
		break;
	case NO_UPDATE:
		other->update = false;
		reinvite_resend(c, other);
		return;
	case TOO_SHORT:
		if (refresh_refused(&other->refresh, leg_trunk(other), sip) && other->tries++ < REINVITE_TRIES) {
			reinvite_resend(c, other);
			return;
		}
		break;
	case TRANSIENT:
		not_now(c, other, sip);
		return;
	case GONE:
		if (!reinvite_of_carrier(other))
			break;
		if (reinvite_waits(l) && reinvite_alone(c, l, NULL) < 0)
			reinvite_answer(c, l, SIP_488_NOT_ACCEPTABLE, NULL);
		bridge_reject(&c->bridge);
		reinvite_bury(c, other, "carrier_gone");
		return;
	case MEANT:
		break;
	}
	if (reinvite_waits(l)) {
		refuse(c, l, passed_on(sip));
	} else {
		bridge_reject(&c->bridge);
		reinvite_untold(c, other);
	}
	if (why == GONE && sip->sip_status->st_status != 404 && sip->sip_status->st_status != 410)
		call_end(c, CALL_BY_KEDGE, "leg_gone", REINVITE_OUT_OF_ORDER); /* RFC 3261 12.2.1.2 */
}

/* Its connection went before the answer, which is no answer: once more over another one. */
static bool said_again(struct call *c, struct leg *l, nta_outgoing_t *orq, const sip_t *sip)
{
	bool update = nta_outgoing_method(orq) == sip_method_update, refresh = l->asks == LEG_ASKS_REFRESH;
	bool again = !l->resent && leg_lost_connection(orq, sip);

	reinvite_drop(l);
	if (!again || reinvite_ask(l, l->asks, update, refresh && update ? NULL : bridge_repeat(&c->bridge, call_side(c, l), !refresh)) < 0)
		return false;
	l->resent = true;
	return true;
}

void reinvite_refused(struct call *c, struct leg *l, nta_outgoing_t *orq, const sip_t *sip)
{
	enum refusal why = refusal_of(l, orq, sip);

	if (said_again(c, l, orq, sip))
		return;
	if (l->asks == LEG_ASKS_REFRESH)
		refused_refresh(c, l, why, sip);
	else
		refused_offer(c, l, why, sip);
}
