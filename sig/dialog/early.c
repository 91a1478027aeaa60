// SPDX-License-Identifier: MIT
#include "sig/dialog/early.h"

#include <stdio.h>
#include <string.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_status.h>
#include <sofia-sip/su_tag.h>

#include "config/clock.h"
#include "sig/call.h"

/* ---- who is joined with the caller ---------------------------------------------------------- */

static bool lives(const struct attempt *a)
{
	return a->state == ATTEMPT_PROCEEDING || a->state == ATTEMPT_RINGING || a->state == ATTEMPT_WON;
}

/* The attempt whose SDP the caller's answer came from, or that spoke since; NULL: between two. */
static struct attempt *speaker(struct call *c)
{
	struct attempt *found = NULL;

	for (struct attempt *a = c->attempts; a; a = a->next)
		if (lives(a) && a->side.theirs && a->side.end != KEDGE_LIVE_NONE)
			found = a;
	return found;
}

static struct attempt *attempt_of(struct call *c, const struct leg *l)
{
	struct attempt *a = c->attempts;

	while (a && &a->leg != l)
		a = a->next;
	return a;
}

/* The early dialog of it that may be sent an offer; NULL: none. */
static struct fork *willing(const struct attempt *a)
{
	struct fork *found = NULL;

	for (struct fork *f = a->forks; f; f = f->next)
		if (f->agreed && f->updates && !f->owed)
			found = f;
	return found;
}

/* ---- answers -------------------------------------------------------------------------------- */

static void answer(struct call *c, struct leg *l, nta_incoming_t *irq, int status, const char *body)
{
	const char *server = call_agent_text(c);
	char lines[REFRESH_LINES] = "";

	if (status == 200)
		refresh_answer(&l->refresh, leg_trunk(l), lines);
	else if (status == 422)
		snprintf(lines, sizeof(lines), "Min-SE: %u\r\n", leg_trunk(l)->min_se_ms / 1000);
	else if (status == 500)
		snprintf(lines, sizeof(lines), "Retry-After: 3\r\n");
	nta_incoming_treply(irq, status, NULL, TAG_IF(status == 200, SIPTAG_CONTACT(l->contact)),
	    SIPTAG_ALLOW_STR(leg_allow), TAG_IF(server, SIPTAG_SERVER_STR(server)),
	    TAG_IF(lines[0], SIPTAG_HEADER_STR(lines)),
	    TAG_IF(body, SIPTAG_CONTENT_TYPE_STR("application/sdp")),
	    TAG_IF(body, SIPTAG_PAYLOAD_STR(body)), TAG_END());
	nta_incoming_destroy(irq);
}

/* From what the other side said last. 0, or the status of a refusal. */
static int alone(struct call *c, struct leg *l, struct attempt *a, const struct bridge_body *said, const char **out)
{
	struct leg *other = l == &c->caller ? &a->leg : &c->caller;
	struct bridge_side *from = l == &c->caller ? &c->bridge.caller : &a->side;
	struct bridge_side *to = l == &c->caller ? &a->side : &c->bridge.caller;
	bool differs;
	int err = bridge_alone(&c->bridge, from, to, said, out, &differs);

	if (err)
		return bridge_status(err);
	other->behind = other->behind || differs;
	return 0;
}

/* ---- asking the other side ------------------------------------------------------------------ */

/* What waits is answered: from what holds, else by that status. */
static void fall_back(struct call *c, int status)
{
	struct early e = c->early;
	struct bridge_body said = { .data = c->bridge.pending_theirs };
	const char *body = NULL;

	c->early.irq = NULL;
	if (said.data)
		said.length = strlen(said.data);
	if (!lives(e.attempt) || !said.data || alone(c, e.from, e.attempt, &said, &body) != 0)
		answer(c, e.from, e.irq, status, NULL);
	else
		answer(c, e.from, e.irq, 200, body);
	bridge_reject(&c->bridge);
}

static void answered(struct call *c, const sip_t *sip)
{
	struct early e = c->early;
	bool up = e.from == &c->caller;
	struct bridge_body said = call_body(sip);
	const char *body;

	c->early.irq = NULL;
	if (bridge_reanswer(&c->bridge, up ? &c->bridge.caller : &e.attempt->side,
	        up ? &e.attempt->side : &c->bridge.caller, &said, &body) < 0)
		answer(c, e.from, e.irq, 488, NULL);
	else
		answer(c, e.from, e.irq, 200, body);
}

static int ask(struct call *c, struct attempt *a, bool up, const char *body);

static void over(struct call *c, struct leg *to, const sip_t *sip, int status)
{
	if (c->early.irq && status < 300)
		answered(c, sip);
	else if (c->early.irq)
		fall_back(c, status == 408 || status == 503 ? 504 : 488);
	else if (status < 300)
		to->behind = true; /* the asker had been answered by then, from what held before */
	if (c->state == CALL_UP)
		reinvite_correct(c);
}

static int on_response(nta_outgoing_magic_t *magic, nta_outgoing_t *orq, const sip_t *sip)
{
	struct leg *to = (struct leg *)magic;
	struct call *c = to->call;
	int status = sip->sip_status->st_status;
	msg_t *response;
	bool again;

	if (orq != to->orq || status < 200)
		return 0;
	call_hold(c);
	response = nta_outgoing_getresponse(orq); /* over TCP it would go with its transaction */
	again = c->early.irq && !to->resent && leg_lost_connection(orq, sip);
	nta_outgoing_destroy(orq);
	to->orq = NULL;
	if (again && ask(c, c->early.attempt, c->early.from == &c->caller, c->bridge.pending_ours) == 0)
		to->resent = true; /* nobody refused it: it goes over another connection */
	else
		over(c, to, sip, status);
	if (response)
		msg_destroy(response);
	call_arm(c);
	call_release(c);
	return 0;
}

/* UPDATE in an early dialog of the attempt, or of the caller's. */
static int ask(struct call *c, struct attempt *a, bool up, const char *body)
{
	struct leg *to = up ? &a->leg : &c->caller;
	nta_leg_t *own = to->nta;
	int err;

	if (up)
		to->nta = fork_dialog(a, willing(a));
	err = leg_ask(to, true, body, on_response, to);
	to->nta = own;
	return err;
}

static bool can_ask(struct call *c, const struct attempt *a, bool up)
{
	if (c->early.irq || c->bridge.pending_ours)
		return false;
	if (up)
		return !a->leg.orq && willing(a);
	return !c->caller.orq && c->caller.update && c->bridge.settled && !c->rel100.sent;
}

static bool pass(struct call *c, struct leg *l, struct attempt *a, nta_incoming_t *irq, const struct bridge_body *said)
{
	bool up = l == &c->caller;
	const char *body;

	if (!can_ask(c, a, up) || bridge_reoffer(&c->bridge, up ? &c->bridge.caller : &a->side,
	                              up ? &a->side : &c->bridge.caller, said, &body) < 0)
		return false;
	if (ask(c, a, up, body) < 0) {
		bridge_reject(&c->bridge);
		return false;
	}
	/* Half of timer F: the asker is still there to hear it. */
	c->early = (struct early){ irq, l, a, up ? fork_dialog(a, willing(a)) : NULL,
		clock_mono_ns() + 32 * c->conf->sip.t1_ms * CLOCK_NS_PER_MS };
	call_arm(c);
	return true;
}

uint64_t early_due(const struct call *c)
{
	return c->early.irq ? c->early.due_ns : 0;
}

void early_tick(struct call *c, uint64_t now_ns)
{
	if (c->early.irq && c->early.due_ns <= now_ns)
		fall_back(c, 504);
}

void early_over(struct call *c, const struct attempt *a)
{
	if (!c->early.irq || (a && c->early.attempt != a))
		return;
	if (c->early.from == &c->caller && c->state == CALL_SETUP && a)
		fall_back(c, 500);
	else {
		answer(c, c->early.from, c->early.irq, 481, NULL);
		c->early.irq = NULL;
		bridge_reject(&c->bridge);
	}
}

void early_won(struct call *c, const struct attempt *a)
{
	if (c->early.attempt != a || (c->early.asked && c->early.asked != a->leg.nta))
		early_over(c, c->early.attempt);
}

/* ---- an UPDATE ------------------------------------------------------------------------------ */

static void offered(struct call *c, struct leg *l, struct attempt *a, nta_incoming_t *irq, const struct bridge_body *said)
{
	bool up = l == &c->caller;
	struct bridge_side *from = up ? &c->bridge.caller : &a->side;
	struct bridge_side *to = up ? &a->side : &c->bridge.caller;
	const char *body = NULL;
	int status = 0;

	if (!bridge_unchanged(&c->bridge, from, to, said) && pass(c, l, a, irq, said))
		return;
	status = alone(c, l, a, said, &body);
	answer(c, l, irq, status ? status : 200, body);
}

/* Why its offer cannot be taken now; 0: it can. */
static int not_now(struct call *c, struct leg *l, const struct attempt *a, const struct fork *f)
{
	if (c->early.irq && c->early.from == l)
		return 500;
	if (c->early.irq || l->orq)
		return 491;
	if (l == &c->caller)
		return c->rel100.asked ? 491 : !c->bridge.settled || !a ? 500 : 0;
	return f->agreed ? 0 : 491;
}

void early_update(struct call *c, struct leg *l, nta_leg_t *dialog, nta_incoming_t *irq, const sip_t *sip)
{
	bool up = l == &c->caller;
	struct attempt *a = up ? speaker(c) : attempt_of(c, l);
	struct fork *f = up ? NULL : fork_of_dialog(a, dialog);
	struct bridge_body said = call_body(sip);
	int status = 0;

	if (!up && (!f || !lives(a)))
		status = 481;
	else if (refresh_too_small(leg_trunk(l), sip))
		status = 422;
	else if (said.length)
		status = not_now(c, l, a, f);
	if (status) {
		answer(c, l, irq, status, NULL);
		return;
	}
	if (up)
		leg_retarget(l, sip);
	else
		leg_early(l, dialog, sip);
	leg_heard(l, sip);
	refresh_asked(&l->refresh, leg_trunk(l), sip, clock_mono_ns(), call_scale());
	if (said.length == 0)
		answer(c, l, irq, 200, NULL);
	else
		offered(c, l, a, irq, &said);
}

int early_prack(struct call *c, const struct bridge_body *said, const char **out)
{
	struct attempt *a = speaker(c);

	return a && !c->early.irq ? alone(c, &c->caller, a, said, out) : 500;
}
