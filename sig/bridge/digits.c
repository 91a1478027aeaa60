// SPDX-License-Identifier: MIT
#include "sig/bridge/digits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_status.h>
#include <sofia-sip/su_tag.h>

#include "config/clock.h"
#include "config/event.h"
#include "sig/call.h"

#define DURATION_USUAL 160 /* ms, where a peer said nothing */
#define UNHEARD_MAX    2
#define ECHO_NS        CLOCK_NS_PER_S /* between an INFO and the end of the same digit as event or tones, beside its length */

static void answer(struct call *c, nta_incoming_t *irq, int status, const char *headers)
{
	const char *server = call_agent_text(c);

	nta_incoming_treply(irq, status, NULL, TAG_IF(server, SIPTAG_SERVER_STR(server)), TAG_IF(headers, SIPTAG_HEADER_STR(headers)),
	    TAG_END());
	nta_incoming_destroy(irq);
}

static bool is_live(const struct call *c)
{
	return c->state != CALL_ENDING && c->state != CALL_GONE && c->bridge.anchor.open;
}

static void enqueue(struct call *c, unsigned to, const struct digit *d);

/* ---- INFOs that come ------------------------------------------------------------------------- */

/* Are digits of this side turned into another kind for the other one? */
static bool is_turned(const struct call *c, unsigned from)
{
	uint8_t theirs = c->bridge.dtmf[!from];

	return theirs != KEDGE_DTMF_NONE && theirs != c->bridge.dtmf[from];
}

/* Both have INFO, but the other one not with such a body. */
static bool is_rewritten(struct call *c, unsigned from, const char *type)
{
	struct leg *to = from == 0 ? call_callee(c) : &c->caller;
	bool same = to && strcasecmp(type, leg_trunk(to)->dtmf_info == CONF_DTMF_INFO_PLAIN ? "application/dtmf" : "application/dtmf-relay") == 0;

	return c->bridge.dtmf[0] == KEDGE_DTMF_INFO && c->bridge.dtmf[1] == KEDGE_DTMF_INFO && to && !same;
}

static uint8_t end_toward(const struct call *c, unsigned side)
{
	return side == 0 ? KEDGE_END_INSIDE : c->bridge.anchor.live;
}

/* Its sender may send the same as events or tones. */
static void expect_echo(struct call *c, unsigned from, uint8_t event)
{
	unsigned i = c->digits.asked[from] % DIGITS_ECHO;

	if (c->bridge.dtmf[from] == KEDGE_DTMF_INFO)
		return;
	c->digits.echo[from][i].ns = clock_mono_ns();
	c->digits.echo[from][i].event = event;
}

/* Media heard what an INFO had already. */
static bool is_echo(struct call *c, unsigned from, const struct digit *d)
{
	uint64_t now = clock_mono_ns();

	for (unsigned i = 0; i < DIGITS_ECHO; i++)
		if (c->digits.echo[from][i].ns && c->digits.echo[from][i].event == d->event &&
		    now - c->digits.echo[from][i].ns <= ECHO_NS + d->duration_ms * CLOCK_NS_PER_MS) {
			c->digits.echo[from][i].ns = 0;
			return true;
		}
	return false;
}

/* The status of its answer. */
static int take(struct call *c, unsigned from, struct digit *d)
{
	/* The same digits as events or tones; who has INFO by now, after another offer or as another callee, has nothing else. */
	if (c->digits.heard[from] && c->bridge.dtmf[from] != KEDGE_DTMF_INFO)
		return 200;
	d->end = end_toward(c, !from);
	if (c->bridge.dtmf[!from] == KEDGE_DTMF_INFO) {
		d->duration_ms = d->duration_ms ? d->duration_ms : DURATION_USUAL;
		enqueue(c, !from, d);
	} else if (anchor_say_digit(&c->bridge.anchor, d) < 0) {
		return 500;
	}
	expect_echo(c, from, d->event);
	c->digits.asked[from]++;
	return 200;
}

bool digits_request(struct call *c, struct leg *l, nta_incoming_t *irq, const sip_t *sip)
{
	const char *type = sip->sip_content_type ? sip->sip_content_type->c_type : NULL;
	struct bridge_body body = call_body(sip);
	unsigned from = l != &c->caller;
	struct digit d = { 0 };
	int err, status;

	if (sip->sip_request->rq_method != sip_method_info || !is_live(c))
		return false;
	err = digits_read(type, body.data, body.length, &d);
	digits_heard(c); /* what waits: the same ones, perhaps */
	if (err == -ENOMSG || !(is_turned(c, from) || is_rewritten(c, from, type)))
		return false;
	status = err ? 400 : take(c, from, &d);
	answer(c, irq, status, status == 500 ? "Retry-After: 1\r\n" : NULL);
	return true;
}

/* ---- digits that go nowhere ------------------------------------------------------------------ */

enum digits_lost digits_lost_why(const sip_t *sip)
{
	int status = sip->sip_status->st_status;

	if (nta_sip_is_internal(sip))
		return status == 408 ? DIGITS_NO_ANSWER : DIGITS_UNREACHABLE;
	switch (status) {
	case 401:
	case 407:
		return DIGITS_NO_CREDENTIALS;
	case 405:
	case 415:
	case 469:
	case 501:
		return DIGITS_NOT_TAKEN;
	case 408:
		return DIGITS_NO_ANSWER;
	case 481:
		return DIGITS_NO_DIALOG;
	default:
		return DIGITS_REFUSED;
	}
}

void digits_lost(struct call *c, const struct leg *l, enum digits_lost why, int code)
{
	static const char *const name[] = { [DIGITS_REFUSED] = "refused",
		[DIGITS_NO_CREDENTIALS] = "no_credentials",
		[DIGITS_NOT_TAKEN] = "not_taken",
		[DIGITS_NO_DIALOG] = "no_dialog",
		[DIGITS_NO_ANSWER] = "no_answer",
		[DIGITS_UNREACHABLE] = "unreachable",
		[DIGITS_FULL] = "full" };
	uint8_t *told = &c->digits.told[l != &c->caller];

	c->digits.failed++;
	if (!l || *told & 1u << why)
		return;
	*told |= (uint8_t)(1u << why);
	event_log(call_digits, .trunk = leg_trunk(l)->name, .why = name[why], .code = (uint64_t)code, .call = c->id);
}

/* ---- INFOs that go --------------------------------------------------------------------------- */

static struct leg *leg_of(const struct digits_leg *t)
{
	return t == t->call->digits.to[0] ? &t->call->caller : call_callee(t->call);
}

static void send_next(struct digits_leg *t);

/* Nobody answers INFO there: what waits is not kept for another half minute. */
static void give_up(struct digits_leg *t)
{
	t->call->digits.failed += t->waiting;
	t->waiting = 0;
	t->unheard = 0;
}

/* Whatever became of it, it is not said again: a digit that comes twice is worse than one that is missing. */
static void over(struct digits_leg *t)
{
	struct call *c = t->call;

	nta_outgoing_destroy(t->orq);
	t->orq = NULL;
	if (t->unheard == UNHEARD_MAX)
		give_up(t);
	send_next(t);
	call_arm(c);
	call_release(c);
}

static int on_response(nta_outgoing_magic_t *magic, nta_outgoing_t *orq, const sip_t *sip)
{
	struct digits_leg *t = (struct digits_leg *)magic;
	int status = sip->sip_status->st_status;

	(void)orq;
	if (status < 200)
		return 0;
	t->unheard = nta_sip_is_internal(sip) ? t->unheard + 1 : 0;
	if (status >= 300)
		digits_lost(t->call, leg_of(t), digits_lost_why(sip), nta_sip_is_internal(sip) ? 0 : status);
	over(t);
	return 0;
}

static nta_outgoing_t *send_one(struct digits_leg *t, struct leg *l, const struct digit *d)
{
	const char *agent = call_agent_text(t->call), *type;
	char route[LEG_ROUTE], branch[LISTEN_BRANCH], body[DIGITS_BODY];

	type = digits_write(body, d, leg_trunk(l)->dtmf_info == CONF_DTMF_INFO_PLAIN);
	leg_branch(l, branch);
	return nta_outgoing_tcreate(l->nta, on_response, (nta_outgoing_magic_t *)t, (url_string_t *)leg_route(l, route),
	    sip_method_info, "INFO", NULL, NTATAG_BRANCH_KEY(branch), TAG_IF(agent, SIPTAG_USER_AGENT_STR(agent)),
	    SIPTAG_CONTACT(l->contact), SIPTAG_CONTENT_TYPE_STR(type), SIPTAG_PAYLOAD_STR(body), TAG_END());
}

static void send_next(struct digits_leg *t)
{
	struct call *c = t->call;
	struct leg *l = leg_of(t);

	while (!t->orq && t->waiting && is_live(c) && l && l->state == LEG_UP && !l->dead) {
		t->orq = send_one(t, l, &t->queue[0]);
		memmove(t->queue, t->queue + 1, --t->waiting * sizeof(t->queue[0]));
		if (!t->orq) {
			digits_lost(c, l, DIGITS_UNREACHABLE, 0);
			continue;
		}
		/* Half of timer F, as for those that are passed on. */
		t->due_ns = clock_mono_ns() + 32 * c->conf->sip.t1_ms * CLOCK_NS_PER_MS;
		call_hold(c);
		call_arm(c);
	}
}

static void enqueue(struct call *c, unsigned to, const struct digit *d)
{
	struct digits_leg *t = c->digits.to[to];

	if (!t) {
		t = c->digits.to[to] = su_zalloc(c->home, sizeof(*t));
		if (t)
			t->call = c;
	}
	if (!t || t->waiting == DIGITS_WAITING) {
		digits_lost(c, to == 0 ? &c->caller : call_callee(c), DIGITS_FULL, 0);
		return;
	}
	t->queue[t->waiting++] = *d;
	send_next(t);
}

void digits_heard(struct call *c)
{
	struct digit d;

	while (anchor_next_digit(&c->bridge.anchor, &d)) {
		unsigned from = d.end != KEDGE_END_INSIDE;
		bool echo = is_echo(c, from, &d);

		c->digits.heard[from]++;
		c->digits.asked[from] -= echo;
		if (!echo && is_live(c) && c->bridge.dtmf[!from] == KEDGE_DTMF_INFO)
			enqueue(c, !from, &d);
	}
}

void digits_go_on(struct call *c)
{
	for (int i = 0; i < 2; i++)
		if (c->digits.to[i])
			send_next(c->digits.to[i]);
}

/* ---- time, end ------------------------------------------------------------------------------- */

uint64_t digits_due(const struct call *c)
{
	uint64_t due = 0;

	for (int i = 0; i < 2; i++)
		if (c->digits.to[i] && c->digits.to[i]->orq && (!due || c->digits.to[i]->due_ns < due))
			due = c->digits.to[i]->due_ns;
	return due;
}

void digits_tick(struct call *c, uint64_t now_ns)
{
	for (int i = 0; i < 2; i++) {
		struct digits_leg *t = c->digits.to[i];

		if (!t || !t->orq || t->due_ns > now_ns)
			continue;
		t->unheard++;
		digits_lost(c, leg_of(t), DIGITS_NO_ANSWER, 0);
		over(t);
	}
}

void digits_abort(struct call *c)
{
	for (int i = 0; i < 2; i++) {
		if (!c->digits.to[i])
			continue;
		c->digits.failed += c->digits.to[i]->waiting + (c->digits.to[i]->orq != NULL);
		c->digits.to[i]->waiting = 0;
		if (c->digits.to[i]->orq)
			over(c->digits.to[i]);
	}
}
