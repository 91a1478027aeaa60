// SPDX-License-Identifier: MIT
#include "sig/testline.h"

#include <string.h>
#include <sofia-sip/nta_stateless.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_status.h>
#include <sofia-sip/su_tag.h>

#include "config/clock.h"
#include "config/event.h"
#include "config/sound.h"
#include "sig/bridge/bridge.h"
#include "sig/call.h"
#include "sig/dialog/leg.h"
#include "sig/edge/listen.h"

#define LATE_MS 24000

struct line {
	su_home_t home[1];
	struct line *next;
	struct bridge bridge;
	const struct conf *conf; /* one reference */
	nta_leg_t *leg;
	nta_incoming_t *irq, *again; /* the INVITE until its ACK; a re-INVITE */
	nta_outgoing_t *bye;
	sip_contact_t *contact;
	su_timer_t *timer;
	uint8_t does;
	bool up, ended;
};

static struct line *lines;
static unsigned count;

const struct conf_test_number *testline_of(const struct conf *c, const char *number)
{
	for (uint16_t i = 0; i < c->test_numbers.count; i++)
		if (!strcmp(c->test_numbers.v[i].number, number))
			return &c->test_numbers.v[i];
	return NULL;
}

/* ---- the end -------------------------------------------------------------------------------- */

static void line_free(struct line *t)
{
	struct line **at = &lines;

	while (*at && *at != t)
		at = &(*at)->next;
	if (*at) {
		*at = t->next;
		count--;
	}
	bridge_close(&t->bridge);
	bridge_forget(&t->bridge, &t->bridge.caller);
	if (t->irq)
		nta_incoming_destroy(t->irq);
	if (t->again)
		nta_incoming_destroy(t->again);
	if (t->bye)
		nta_outgoing_destroy(t->bye);
	if (t->leg)
		nta_leg_destroy(t->leg);
	su_timer_destroy(t->timer);
	conf_unref(t->conf);
	su_home_unref(t->home);
}

static void on_over(su_root_magic_t *magic, su_timer_t *timer, su_timer_arg_t *arg)
{
	line_free((struct line *)arg);
}

/* Not from inside a callback of the library, which may look at its own once more. */
static void line_over(struct line *t)
{
	t->ended = true;
	bridge_close(&t->bridge);
	su_timer_set_interval(t->timer, on_over, (su_timer_arg_t *)t, 0);
}

static int on_bye_answer(nta_outgoing_magic_t *magic, nta_outgoing_t *orq, const sip_t *sip)
{
	if (!sip || sip->sip_status->st_status >= 200)
		line_over((struct line *)magic);
	return 0;
}

static void hang_up(struct line *t)
{
	if (t->ended)
		return;
	t->ended = true;
	bridge_close(&t->bridge);
	if (!t->up && t->irq && nta_incoming_status(t->irq) < 200) {
		nta_incoming_treply(t->irq, SIP_503_SERVICE_UNAVAILABLE, TAG_END());
		line_over(t);
		return;
	}
	t->bye = nta_outgoing_tcreate(
	    t->leg, on_bye_answer, (nta_outgoing_magic_t *)t, NULL, SIP_METHOD_BYE, NULL, TAG_END());
	if (!t->bye)
		line_over(t);
}

void testline_end_all(void)
{
	for (struct line *t = lines, *next; t; t = next) {
		next = t->next;
		hang_up(t);
	}
}

void testline_fini(void)
{
	while (lines)
		line_free(lines);
}

/* ---- what it does --------------------------------------------------------------------------- */

static void speak(struct line *t)
{
	bool plays = t->does == CONF_TEST_MILLIWATT;

	if (plays)
		bridge_play(&t->bridge, sound_id(SOUND_MILLIWATT), KEDGE_PLAY_OVER);
	else
		bridge_echo(&t->bridge);
}

static void reply(struct line *t, nta_incoming_t *irq, const char *sdp)
{
	nta_incoming_treply(irq, SIP_200_OK, SIPTAG_CONTACT(t->contact), SIPTAG_ALLOW_STR(leg_allow),
	    TAG_IF(sdp, SIPTAG_CONTENT_TYPE_STR("application/sdp")), TAG_IF(sdp, SIPTAG_PAYLOAD_STR(sdp)), TAG_END());
}

static void on_limit(su_root_magic_t *magic, su_timer_t *timer, su_timer_arg_t *arg)
{
	hang_up((struct line *)arg);
}

static void answer(struct line *t)
{
	speak(t);
	reply(t, t->irq, t->bridge.caller.ours);
	su_timer_set_interval(t->timer, on_limit, (su_timer_arg_t *)t, TESTLINE_MS / call_scale());
}

static void on_late(su_root_magic_t *magic, su_timer_t *timer, su_timer_arg_t *arg)
{
	answer((struct line *)arg);
}

/* ---- requests ------------------------------------------------------------------------------- */

static int on_ack_or_cancel(nta_incoming_magic_t *magic, nta_incoming_t *irq, const sip_t *sip)
{
	struct line *t = (struct line *)magic;

	if (irq != t->irq) { /* of a re-INVITE: its ACK, or it never came */
		nta_incoming_destroy(irq);
		t->again = NULL;
		return 0;
	}
	if (sip && sip->sip_request->rq_method == sip_method_cancel) {
		if (nta_incoming_status(irq) < 200) {
			nta_incoming_treply(irq, SIP_487_REQUEST_CANCELLED, TAG_END());
			line_over(t);
		}
		return 0;
	}
	if (nta_incoming_status(irq) >= 300)
		return 0;
	t->up = true;
	nta_incoming_destroy(irq);
	t->irq = NULL;
	if (!sip)
		hang_up(t);
	return 0;
}

static int reanswer(struct line *t, nta_incoming_t *irq, const sip_t *sip)
{
	struct bridge_body body = call_body(sip);
	bool invite = sip->sip_request->rq_method == sip_method_invite;
	int err = body.length ? bridge_own_again(&t->bridge, &body) : 0;

	if (err)
		return bridge_status(err);
	if (body.length)
		speak(t);
	if (invite) {
		t->again = irq;
		nta_incoming_bind(irq, on_ack_or_cancel, (nta_incoming_magic_t *)t);
	}
	/* An INVITE without an offer gets one, an UPDATE without one asks for none (RFC 3311 5.2). */
	reply(t, irq, invite || body.length ? t->bridge.caller.ours : NULL);
	if (t->again != irq)
		nta_incoming_destroy(irq);
	return 0;
}

static int on_request(nta_leg_magic_t *magic, nta_leg_t *leg, nta_incoming_t *irq, const sip_t *sip)
{
	struct line *t = (struct line *)magic;

	switch (sip->sip_request->rq_method) {
	case sip_method_ack:
		return 0;
	case sip_method_bye:
		if (!t->ended)
			line_over(t);
		return 200;
	case sip_method_invite:
	case sip_method_update:
		return t->ended || t->irq || t->again ? 491 : reanswer(t, irq, sip);
	case sip_method_options:
	case sip_method_info:
		return 200;
	default:
		return 405;
	}
}

/* ---- begin ---------------------------------------------------------------------------------- */

static sip_contact_t *contact_of(struct line *t, const struct call_request *r, const sip_t *sip)
{
	bool tcp = sip->sip_via && strcasecmp(sip_via_transport(sip->sip_via), "tcp") == 0;
	char host[64];

	if (listen_hostport(r->iface, r->source.family, tcp, host, sizeof(host)) < 0)
		return NULL;
	return sip_contact_make(t->home, su_sprintf(t->home, "<sip:%s%s>", host, tcp ? ";transport=tcp" : ""));
}

static struct line *line_new(const struct call_request *r, const struct conf_test_number *n)
{
	struct line *t = su_home_new(sizeof(*t));

	if (!t)
		return NULL;
	t->conf = conf_ref(r->conf);
	t->does = n->does;
	t->bridge.home = t->home;
	t->bridge.conf = t->conf;
	t->bridge.caller.trunk = r->trunk;
	t->bridge.caller.peer = r->source;
	t->timer = su_timer_create(su_root_task(call_deps()->root), 0);
	t->next = lines;
	lines = t;
	count++;
	return t;
}

/* The dialog. msg is consumed. */
static int take(struct line *t, const struct call_request *r, msg_t *msg, sip_t *sip)
{
	char tag[LISTEN_TOKEN];

	listen_token(tag);
	t->contact = contact_of(t, r, sip);
	t->leg = nta_leg_tcreate(r->agent, on_request, (nta_leg_magic_t *)t, SIPTAG_CALL_ID(sip->sip_call_id),
	    SIPTAG_FROM(sip->sip_to), SIPTAG_TO(sip->sip_from), NTATAG_REMOTE_CSEQ(sip->sip_cseq->cs_seq),
	    SIPTAG_CSEQ_STR("100 INVITE"), TAG_END());
	if (!t->contact || !t->leg || !nta_leg_tag(t->leg, tag) ||
	    nta_leg_server_route(t->leg, sip->sip_record_route, leg_contact_ok(sip->sip_contact) ? sip->sip_contact : NULL) < 0) {
		msg_destroy(msg);
		return -1;
	}
	t->irq = nta_incoming_create(r->agent, t->leg, msg, sip, TAG_END());
	if (!t->irq)
		return -1;
	nta_incoming_bind(t->irq, on_ack_or_cancel, (nta_incoming_magic_t *)t);
	return 0;
}

static void refuse(struct line *t, int status)
{
	nta_incoming_treply(t->irq, status, NULL, TAG_END());
	line_over(t);
}

void testline_begin(const struct call_request *r, const struct conf_test_number *n, msg_t *msg, sip_t *sip)
{
	struct bridge_body body = call_body(sip);
	bool plain = !sip->sip_require; /* a 1xx of ours is no reliable one */
	struct line *t;
	int err;

	if (n->does == CONF_TEST_BUSY || count >= TESTLINE_MAX) {
		bool busy = n->does == CONF_TEST_BUSY;

		nta_msg_treply(r->agent, msg, busy ? 486 : 503, NULL, TAG_END());
		return;
	}
	t = line_new(r, n);
	if (!t) {
		msg_destroy(msg);
		return;
	}
	err = bridge_open(&t->bridge, r->iface, call_new_id(), &body, NULL);
	if (err == 0)
		err = bridge_own(&t->bridge);
	if (take(t, r, msg, sip) < 0) {
		line_over(t);
		return;
	}
	event_log(call_test, .number = n->number, .in = t->conf->trunks.v[r->trunk].name, .code = err ? (uint64_t)bridge_status(err) : 200);
	if (err) {
		refuse(t, bridge_status(err));
	} else if (n->does == CONF_TEST_LATE) {
		if (plain)
			nta_incoming_treply(t->irq, SIP_180_RINGING, SIPTAG_CONTACT(t->contact), TAG_END());
		su_timer_set_interval(t->timer, on_late, (su_timer_arg_t *)t, LATE_MS / call_scale());
	} else {
		answer(t);
	}
}
