// SPDX-License-Identifier: MIT
#include "sig/testline.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sofia-sip/nta_stateless.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_status.h>
#include <sofia-sip/su_tag.h>

#include "config/clock.h"
#include "config/event.h"
#include "config/sound.h"
#include "sig/call.h"
#include "sig/dialog/leg.h"
#include "sig/edge/listen.h"
#include "sig/testline_part.h"

#define LATE_MS 24000

static struct line *lines;
static unsigned count;

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
	testline_booked(t, CDR_BY_KEDGE);
	bridge_forget(&t->bridge, &t->bridge.caller);
	if (t->irq)
		nta_incoming_destroy(t->irq);
	if (t->again)
		nta_incoming_destroy(t->again);
	if (t->bye)
		nta_outgoing_destroy(t->bye);
	if (t->update)
		nta_outgoing_destroy(t->update);
	if (t->leg)
		nta_leg_destroy(t->leg);
	su_timer_destroy(t->timer);
	su_timer_destroy(t->session);
	conf_unref(t->conf);
	su_home_unref(t->home);
}

static void on_over(su_root_magic_t *magic, su_timer_t *timer, su_timer_arg_t *arg)
{
	line_free((struct line *)arg);
}

/* Not from inside a callback of the library, which may look at its own once more. */
static void line_over(struct line *t, enum cdr_ended_by by)
{
	t->ended = true;
	testline_booked(t, by);
	su_timer_set_interval(t->timer, on_over, (su_timer_arg_t *)t, 0);
}

static int on_bye_answer(nta_outgoing_magic_t *magic, nta_outgoing_t *orq, const sip_t *sip)
{
	if (!sip || sip->sip_status->st_status >= 200)
		line_over((struct line *)magic, CDR_BY_KEDGE);
	return 0;
}

/* A caller that has not sent its ACK gets no BYE before that, or before it is given up (RFC 3261 15). */
static void hang_up(struct line *t)
{
	if (t->ended)
		return;
	if (!t->up && t->irq && nta_incoming_status(t->irq) < 200) {
		t->code = 503;
		nta_incoming_treply(t->irq, SIP_503_SERVICE_UNAVAILABLE, TAG_END());
		line_over(t, CDR_BY_KEDGE);
		return;
	}
	if (t->irq) {
		t->leaves = true;
		return;
	}
	t->ended = true;
	testline_booked(t, CDR_BY_KEDGE);
	t->bye = nta_outgoing_tcreate(
	    t->leg, on_bye_answer, (nta_outgoing_magic_t *)t, NULL, SIP_METHOD_BYE, NULL, TAG_END());
	if (!t->bye)
		line_over(t, CDR_BY_KEDGE);
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
	bool plays = t->number->does == CONF_TEST_MILLIWATT;

	if (plays)
		bridge_play(&t->bridge, sound_id(SOUND_MILLIWATT), KEDGE_PLAY_OVER);
	else
		bridge_echo(&t->bridge);
}

/* ---- the session timer (RFC 4028): sig/dialog/refresh ---------------------------------------- */

static const struct conf_trunk *trunk_of(const struct line *t)
{
	return &t->conf->trunks.v[t->bridge.caller.trunk];
}

static void on_session(su_root_magic_t *magic, su_timer_t *timer, su_timer_arg_t *arg);

static void arm_session(struct line *t)
{
	uint64_t now = clock_mono_ns();

	if (t->refresh.due_ns)
		su_timer_set_interval(t->session, on_session, (su_timer_arg_t *)t,
		    t->refresh.due_ns > now ? (su_duration_t)((t->refresh.due_ns - now) / CLOCK_NS_PER_MS + 1) : 1);
}

/* Refused, it is asked again until the session's end; then that ends it. */
static int on_update_answer(nta_outgoing_magic_t *magic, nta_outgoing_t *orq, const sip_t *sip)
{
	struct line *t = (struct line *)magic;
	int status = sip ? sip->sip_status->st_status : 408;

	if (status < 200)
		return 0;
	nta_outgoing_destroy(orq);
	t->update = NULL;
	if (status < 300)
		refresh_answered(&t->refresh, sip, clock_mono_ns(), call_scale());
	else if (status == 422)
		refresh_refused(&t->refresh, trunk_of(t), sip);
	if (status == 481)
		line_over(t, CDR_BY_CALLER);
	else
		arm_session(t);
	return 0;
}

static void send_refresh(struct line *t)
{
	char timer[REFRESH_LINES];

	if (!t->update)
		t->update = nta_outgoing_tcreate(t->leg, on_update_answer, (nta_outgoing_magic_t *)t, NULL, SIP_METHOD_UPDATE, NULL,
		    SIPTAG_CONTACT(t->contact), SIPTAG_HEADER_STR(refresh_request(&t->refresh, trunk_of(t), timer)), TAG_END());
}

static void on_session(su_root_magic_t *magic, su_timer_t *timer, su_timer_arg_t *arg)
{
	struct line *t = (struct line *)arg;

	if (t->ended)
		return;
	switch (refresh_tick(&t->refresh, clock_mono_ns())) {
	case REFRESH_SEND:
		send_refresh(t);
		break;
	case REFRESH_EXPIRED:
		hang_up(t);
		return;
	case REFRESH_NOTHING:
		break;
	}
	arm_session(t);
}

static void reply(struct line *t, nta_incoming_t *irq, const char *sdp)
{
	char timer[REFRESH_LINES];
	msg_t *request = nta_incoming_getrequest(irq);

	if (request) {
		refresh_asked(&t->refresh, trunk_of(t), (const sip_t *)sip_object(request), clock_mono_ns(), call_scale());
		msg_destroy(request);
	}
	refresh_answer(&t->refresh, trunk_of(t), timer);
	nta_incoming_treply(irq, SIP_200_OK, SIPTAG_CONTACT(t->contact), SIPTAG_ALLOW_STR(leg_allow), TAG_IF(timer[0], SIPTAG_HEADER_STR(timer)),
	    TAG_IF(sdp, SIPTAG_CONTENT_TYPE_STR("application/sdp")), TAG_IF(sdp, SIPTAG_PAYLOAD_STR(sdp)), TAG_END());
	arm_session(t);
}

static void on_limit(su_root_magic_t *magic, su_timer_t *timer, su_timer_arg_t *arg)
{
	hang_up((struct line *)arg);
}

static void answer(struct line *t)
{
	speak(t);
	t->code = 200;
	t->answered_ns = clock_mono_ns();
	reply(t, t->irq, t->bridge.caller.ours);
	testline_changed(t);
	su_timer_set_interval(t->timer, on_limit, (su_timer_arg_t *)t, TESTLINE_MS / call_scale());
}

static void on_late(su_root_magic_t *magic, su_timer_t *timer, su_timer_arg_t *arg)
{
	answer((struct line *)arg);
}

/* ---- requests ------------------------------------------------------------------------------- */

static void cancelled(struct line *t)
{
	t->code = 487;
	nta_incoming_treply(t->irq, SIP_487_REQUEST_CANCELLED, TAG_END());
	line_over(t, CDR_BY_CALLER);
}

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
			cancelled(t);
		}
		return 0;
	}
	if (nta_incoming_status(irq) >= 300)
		return 0;
	t->up = true;
	nta_incoming_destroy(irq);
	t->irq = NULL;
	if (!sip || t->leaves)
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
	testline_changed(t);
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

/* One offer at a time (RFC 3261 14.2, RFC 3311 5.2), and a session timer that is not too short. */
static int renegotiate(struct line *t, nta_incoming_t *irq, const sip_t *sip)
{
	char least[24];

	if (t->ended)
		return 481;
	if (t->irq || t->again) {
		nta_incoming_treply(irq, SIP_500_INTERNAL_SERVER_ERROR, SIPTAG_RETRY_AFTER_STR("1"), TAG_END());
	} else if (refresh_too_small(trunk_of(t), sip)) {
		snprintf(least, sizeof(least), "%u", trunk_of(t)->min_se_ms / 1000);
		nta_incoming_treply(irq, SIP_422_SESSION_TIMER_TOO_SMALL, SIPTAG_MIN_SE_STR(least), TAG_END());
	} else {
		return reanswer(t, irq, sip);
	}
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
		if (!t->ended && t->irq && nta_incoming_status(t->irq) < 200)
			cancelled(t);
		else if (!t->ended)
			line_over(t, CDR_BY_CALLER);
		return 200;
	case sip_method_invite:
	case sip_method_update:
		return renegotiate(t, irq, sip);
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

static struct line *line_new(const struct call_request *r, const struct conf_test_number *n, const sip_t *sip)
{
	struct line *t = su_home_new(sizeof(*t));

	if (!t)
		return NULL;
	t->conf = conf_ref(r->conf);
	t->number = n;
	t->bridge.home = t->home;
	t->bridge.conf = t->conf;
	t->bridge.caller.trunk = r->trunk;
	t->bridge.caller.peer = r->source;
	t->timer = su_timer_create(su_root_task(call_deps()->root), 0);
	t->session = su_timer_create(su_root_task(call_deps()->root), 0);
	testline_begun(t, sip);
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
	t->code = (uint16_t)status;
	nta_incoming_treply(t->irq, status, NULL, TAG_END());
	line_over(t, CDR_BY_KEDGE);
}

/* Of bridge_open(), or, opened: of bridge_own(). NULL: it was not refused. */
static const char *why_refused(int err, bool opened)
{
	if (err == 0)
		return NULL;
	if (bridge_status(err) == 503)
		return err == -ENOSPC ? "no_slot" : "no_port";
	return opened ? "no_codec" : "sdp";
}

static bool late(const struct line *t)
{
	return t->number->does == CONF_TEST_LATE;
}

/* One that rings first; what needs a reliable 1xx gets none, for ours are not. */
static void ring(struct line *t, bool plain)
{
	if (plain)
		nta_incoming_treply(t->irq, SIP_180_RINGING, SIPTAG_CONTACT(t->contact), TAG_END());
	t->rings = true;
	testline_changed(t);
	su_timer_set_interval(t->timer, on_late, (su_timer_arg_t *)t, LATE_MS / call_scale());
}

void testline_begin(const struct call_request *r, const struct conf_test_number *n, msg_t *msg, sip_t *sip)
{
	struct bridge_body body = call_body(sip);
	bool plain = !sip->sip_require;
	struct line *t = count < TESTLINE_MAX ? line_new(r, n, sip) : NULL;
	int status = 200, err = 0;
	bool busy = n->does == CONF_TEST_BUSY, opened = false;

	if (!t) {
		nta_msg_treply(r->agent, msg, SIP_503_SERVICE_UNAVAILABLE, TAG_END());
		return;
	}
	if (!busy) {
		err = bridge_open(&t->bridge, r->iface, t->id, &body, NULL);
		opened = err == 0;
	}
	if (opened)
		err = bridge_own(&t->bridge);
	if (take(t, r, msg, sip) < 0) {
		line_over(t, CDR_BY_KEDGE);
		return;
	}
	if (err || busy)
		status = err ? bridge_status(err) : 486;
	event_log(call_test, .number = n->number, .in = trunk_of(t)->name, .code = (uint64_t)status, .why = busy ? "busy" : why_refused(err, opened), .call = t->id);
	testline_shown(t);
	if (status != 200)
		refuse(t, status);
	else if (late(t))
		ring(t, plain);
	else
		answer(t);
}
