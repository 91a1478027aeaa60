// SPDX-License-Identifier: MIT
#include "sig/call.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sofia-sip/nta_tport.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_status.h>
#include <sofia-sip/su_tag.h>
#include <sofia-sip/tport.h>
#include <sofia-sip/tport_tag.h>

#include "config/clock.h"
#include "config/event.h"
#include "routing/health_signs.h"
#include "sig/operator/admin_board.h"
#include "sig/edge/channel.h"
#include "sig/failure.h"
#include "sig/books/flight.h"
#include "sig/bridge/hearing.h"
#include "sig/inform.h"
#include "sig/edge/ingress.h"
#include "sig/profile.h"
#include "sig/books/record.h"
#include "sig/setup.h"
#include "sig/voice.h"

static struct {
	struct call_deps deps;
	struct kedge_sig_counters *count;
	struct call *all;
	uint32_t alive, tails;
	uint64_t next_id;
	uint32_t scale;
} calls;

static const char *const state_names[CALL_STATE_COUNT] = {
#define S(x) #x,
	CALL_STATES(S)
#undef S
};

/* ---- module --------------------------------------------------------------------------------- */

static void on_anchor_closed(void *owner, uint32_t slot);

const struct health_hop *call_hop(const struct call *c, uint16_t *slot)
{
	const struct health *h = calls.deps.health;

	/* While only a BYE is waited for its slot may become another trunk's. */
	if (!c->winner || c->winner->hop >= h->hop_count || !h->hop[c->winner->hop].used ||
	    h->hop[c->winner->hop].trunk != health_trunk_of(h, c->conf, c->winner->trunk))
		return NULL;
	*slot = c->winner->hop;
	return &h->hop[*slot];
}

/* The caller's end is the inside one. */
static void on_silent(void *owner, bool inside)
{
	struct call *c = owner;

	event_log(media_silent, .call = c->id, .end = inside ? "caller" : "callee", .trunk = hearing_trunk(c, inside),
	    .silent_ms = c->conf->media.media_dead_ms);
	call_hold(c);
	reinvite_silent(c);
	call_arm(c);
	call_release(c);
}

static void on_digits(void *owner)
{
	struct call *c = owner;

	call_hold(c);
	digits_heard(c);
	call_release(c);
}

static void on_played(void *owner)
{
	struct call *c = owner;

	call_hold(c);
	voice_played(c);
	call_arm(c);
	call_release(c);
}

static const struct anchor_events anchor_events = { on_anchor_closed, on_silent, hearing_one_way, hearing_first, on_digits, on_played };

int call_init(const struct call_deps *deps, const struct conf *conf)
{
	ssize_t got = getrandom(&calls.next_id, sizeof(calls.next_id), 0);

	assert(got == sizeof(calls.next_id));
	calls.deps = *deps;
	calls.count = segment_counters(deps->seg);
	calls.scale = conf->test.time_scale;
	atomic_store_explicit(&calls.count->calls, 0, memory_order_relaxed);
	attempt_init(conf->sip.t1_ms);
	return anchor_init(deps->seg, deps->root, &anchor_events);
}

/* What is left had no answer to its BYE, or waits for late ones, or for media: it has its record
 * all the same. */
void call_fini(void)
{
	while (calls.all) {
		struct call *c = calls.all;

		if (!c->final.why)
			c->final.why = c->why = "shutdown";
		report_call(c);
		c->holds = 1;
		call_release(c);
	}
	anchor_fini();
}

uint32_t call_count(void)
{
	return calls.alive;
}

uint32_t call_pending(void)
{
	return calls.alive + calls.tails;
}

uint64_t call_new_id(void)
{
	return calls.next_id++;
}

const struct call *call_first(void)
{
	return calls.all;
}

const char *call_state_name(enum call_state s)
{
	return state_names[s];
}

uint32_t call_scale(void)
{
	return calls.scale;
}

struct kedge_sig_counters *call_counters(void)
{
	return calls.count;
}

const struct call_deps *call_deps(void)
{
	return &calls.deps;
}

const char *call_agent_text(const struct call *c)
{
	return c->conf->sip.user_agent[0] ? c->conf->sip.user_agent : NULL;
}

bool call_source_is(
    const struct call *c, uint16_t trunk, unsigned iface, const struct kedge_addr *addr)
{
	const struct conf_nets *nets = &c->conf->trunks.v[trunk].sources;

	(void)iface;
	for (uint16_t i = 0; i < nets->count; i++)
		if (conf_net_holds(&nets->v[i], (const struct conf_addr *)addr))
			return true;
	return false;
}

void call_unexpected(const struct call *c, const char *state, const char *event)
{
	event_log(call_unexpected, .state = state, .event = event, .call = c->id);
}

void call_count_ghost(void)
{
	segment_add(&calls.count->ghosts_ended, 1);
}

/* The library parts the type from its parameters; of a multipart the boundary is needed. */
static const char *body_type(const sip_content_type_t *type)
{
	static char whole[160];
	const char *boundary = msg_params_find(type->c_params, "boundary=");

	if (!boundary)
		return type->c_type;
	snprintf(whole, sizeof(whole), "%.60s;boundary=%.80s", type->c_type, boundary);
	return whole;
}

void call_cancel_reason(struct call *c, const char *reason)
{
	c->cancel_reason = reason[0] ? su_strdup(c->home, reason) : NULL;
}

struct bridge_body call_body(const sip_t *sip)
{
	struct bridge_body b = { 0 };

	if (sip->sip_payload && sip->sip_payload->pl_len > 0) {
		b.data = sip->sip_payload->pl_data;
		b.length = sip->sip_payload->pl_len;
		b.type = sip->sip_content_type ? body_type(sip->sip_content_type) : NULL;
	}
	return b;
}

struct leg *call_callee(struct call *c)
{
	return c->winner ? &c->winner->leg : NULL;
}

struct bridge_side *call_side(struct call *c, const struct leg *l)
{
	return l == &c->caller ? &c->bridge.caller : &c->winner->side;
}

bool call_has(const struct call *c, const struct leg *l)
{
	return l == &c->caller || (c->winner ? l == &c->winner->leg : l->state == LEG_EARLY);
}

/* ---- life ----------------------------------------------------------------------------------- */

void call_changed(struct call *c)
{
	record_call(c);
	report_change(c);
}

static void link_call(struct call *c)
{
	c->next = calls.all;
	if (calls.all)
		calls.all->prev = c;
	calls.all = c;
}

static void unlink_call(struct call *c)
{
	if (c->prev)
		c->prev->next = c->next;
	else
		calls.all = c->next;
	if (c->next)
		c->next->prev = c->prev;
}

void call_unwatch(struct call *c)
{
	if (c->tport) {
		tport_release(c->tport, c->pending, c->invite, NULL, (tp_client_t *)c, 0);
		tport_unref(c->tport);
	}
	c->tport = NULL;
	if (c->invite)
		msg_destroy(c->invite);
	c->invite = NULL;
}

static void call_free(struct call *c)
{
	unlink_call(c);
	call_unwatch(c);
	if (c->state == CALL_GONE)
		calls.tails--;
	su_timer_destroy(c->timer);
	for (struct attempt *a = c->attempts; a; a = a->next) {
		bridge_forget(&c->bridge, &a->side);
		attempt_fini(a);
	}
	bridge_forget(&c->bridge, &c->bridge.caller);
	rel100_fini(c);
	leg_fini(&c->caller);
	decide_fini(&c->decide, calls.deps.health);
	conf_unref(c->conf);
	su_home_unref(c->home);
	if (calls.deps.gone)
		calls.deps.gone();
}

void call_hold(struct call *c)
{
	c->holds++;
}

void call_release(struct call *c)
{
	assert(c->holds > 0);
	if (--c->holds == 0)
		call_free(c);
}

static void count_alive(int change)
{
	calls.alive += (uint32_t)change;
	atomic_store_explicit(&calls.count->calls, calls.alive, memory_order_relaxed);
}

/* From here on the slot may be another call's: what is kept by slot goes first. */
static void close_media(struct call *c)
{
	if (!c->bridge.anchor.open)
		return;
	record_clear(c);
	admin_call_clear(c->bridge.anchor.slot);
	bridge_close(&c->bridge);
}

/* Its BYE, or its final answer, gives both trunks their channel back, whatever the tail behind it still waits for. */
static void free_channels(struct call *c)
{
	if (!c->counted)
		return;
	c->counted = false;
	channel_end(calls.deps.health, c->conf, c->caller.trunk);
	decide_ended(&c->decide, calls.deps.health);
}

/* Media gave its counters, and no BYE is left to be heard. */
static void report_if_over(struct call *c)
{
	if (c->state == CALL_GONE && c->media_done && !farewell_waits(c))
		report_call(c);
}

void call_enter(struct call *c, enum call_state to)
{
	bool was_alive = c->state != CALL_GONE;

	c->state = to;
	if (to == CALL_UP)
		digits_go_on(c);
	if (to == CALL_ENDING || to == CALL_GONE)
		free_channels(c);
	if (to != CALL_GONE || !was_alive)
		return;
	count_alive(-1);
	calls.tails++;
	if (!c->ended_ns)
		c->ended_ns = clock_mono_ns();
	close_media(c);
	if (farewell_waits(c)) /* for an hour perhaps: no limit counts it any more */
		decide_fini(&c->decide, calls.deps.health);
	report_if_over(c);
	call_release(c); /* of being alive */
}

/* Media gave its last figures. */
static void on_anchor_closed(void *owner, uint32_t slot)
{
	struct call *c = owner;

	(void)slot;
	c->media_done = true;
	report_if_over(c);
	call_release(c); /* of the anchor */
}

/* ---- timer ---------------------------------------------------------------------------------- */

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return b && (!a || b < a) ? b : a;
}

static uint64_t next_due(const struct call *c)
{
	uint64_t due = 0;

	for (const struct attempt *a = c->attempts; a; a = a->next)
		for (int i = 0; i < ATTEMPT_DUE_COUNT; i++)
			due = sooner(due, a->due_ns[i]);
	due = sooner(due, c->next_ns);
	due = sooner(due, c->repeat_ns);
	due = sooner(due, c->inform_timer_ns);
	due = sooner(due, c->announce_ns);
	due = sooner(due, reinvite_due(c));
	due = sooner(due, c->rel100.due_ns);
	due = sooner(due, inside_due(c));
	due = sooner(due, digits_due(c));
	due = sooner(due, early_due(c));
	due = sooner(due, farewell_due(c));
	return sooner(due, c->delayed_ns);
}

static void on_timer(su_root_magic_t *magic, su_timer_t *timer, su_timer_arg_t *arg)
{
	struct call *c = (struct call *)arg;

	(void)magic;
	(void)timer;
	call_hold(c);
	c->timer_ns = 0;
	setup_tick(c, clock_mono_ns());
	reinvite_tick(c, clock_mono_ns());
	inside_tick(c, clock_mono_ns());
	digits_tick(c, clock_mono_ns());
	early_tick(c, clock_mono_ns());
	farewell_tick(c, clock_mono_ns());
	call_arm(c);
	call_release(c);
}

void call_arm(struct call *c)
{
	uint64_t due = next_due(c), now;

	if (due == c->timer_ns)
		return;
	c->timer_ns = due;
	if (!due) {
		su_timer_reset(c->timer);
		return;
	}
	now = clock_mono_ns();
	/* Up, so that it is due when the timer fires: the library counts whole milliseconds. */
	su_timer_set_interval(c->timer, on_timer, (su_timer_arg_t *)c,
	    (su_duration_t)(due > now ? (due - now + CLOCK_NS_PER_MS - 1) / CLOCK_NS_PER_MS : 0));
}

/* ---- what the caller tells ------------------------------------------------------------------ */

static void on_ack(struct call *c, const sip_t *sip)
{
	struct bridge_body said = call_body(sip);
	const char *body = NULL;
	bool owed = c->ack_owed != NULL;
	int err = 0;

	nta_incoming_destroy(c->caller.irq);
	c->caller.irq = NULL;
	c->ack_owed = NULL;
	c->caller.state = LEG_UP;
	if (c->bridge.late && c->state == CALL_ANSWERED)
		err = bridge_late(&c->bridge, &c->winner->side, &said, &body);
	if (owed)
		leg_ack(&c->winner->leg, body);
	if (c->state == CALL_ENDING) {
		leg_bye(&c->caller, c->caller.bye_reason); /* the callee left before the ACK (RFC 3261 15) */
		return;
	}
	call_enter(c, CALL_UP);
	if (err)
		call_end(
		    c, CALL_BY_KEDGE, "bad_answer", "Q.850;cause=88;text=\"Incompatible SDP\"");
	else
		reinvite_correct(c);
	if (c->state == CALL_UP)
		call_changed(c);
}

/* Nobody acknowledged our 200 for 64*T1: the session is over for both (RFC 3261 13.3.1.4). */
static void on_no_ack(struct call *c)
{
	nta_incoming_destroy(c->caller.irq);
	c->caller.irq = NULL;
	c->caller.state = LEG_UP;
	if (c->ack_owed) {
		leg_ack(c->ack_owed, NULL);
		c->ack_owed = NULL;
	}
	if (c->state == CALL_ENDING)
		leg_bye(&c->caller, c->caller.bye_reason);
	else
		call_end(c, CALL_BY_KEDGE, "no_ack", NULL);
}

static int on_ack_or_cancel(nta_incoming_magic_t *magic, nta_incoming_t *irq, const sip_t *sip)
{
	struct call *c = (struct call *)magic;

	(void)irq;
	call_hold(c);
	if (!sip) {
		if ((c->state == CALL_ANSWERED || c->state == CALL_ENDING) && !c->rel100.held)
			on_no_ack(c);
	} else if (sip->sip_request->rq_method == sip_method_cancel) {
		if (c->state == CALL_SETUP) {
			char reason[128];

			call_cancel_reason(c, failure_said(reason, sizeof(reason), sip));
			setup_cancelled(c, "caller_cancel");
		} else if (c->rel100.held) {
			call_end(c, CALL_BY_CALLER, "caller_cancel", NULL);
		}
	} else if (c->state == CALL_ANSWERED || c->state == CALL_ENDING) {
		on_ack(c, sip);
	}
	call_arm(c);
	call_release(c);
	return 0;
}

static void on_transport_lost(
    tp_stack_t *stack, tp_client_t *client, tport_t *tport, msg_t *msg, int error)
{
	struct call *c = (struct call *)client;

	(void)stack;
	(void)tport;
	(void)msg;
	(void)error;
	call_hold(c);
	if (c->state == CALL_SETUP) {
		setup_cancelled(c, "transport_lost");
		call_arm(c);
	}
	call_release(c);
}

/* ---- begin ---------------------------------------------------------------------------------- */

static struct decide_looks *looks_new(struct call *c)
{
	uint16_t room = decide_looks_wanted(&c->plan, calls.deps.health);
	struct decide_looks *l = su_zalloc(c->home, (isize_t)DECIDE_LOOKS_SIZE(room));

	if (l)
		l->room = room;
	return l;
}

static struct call *call_new(const struct call_request *r)
{
	struct call *c = su_home_new(sizeof(*c));

	if (!c)
		return NULL;
	c->id = call_new_id();
	c->conf = conf_ref(r->conf);
	c->plan = r->plan;
	c->begun_ns = clock_mono_ns();
	c->begun_wall_ms = clock_wall_ms();
	c->holds = 2; /* being alive; the caller of call_new */
	c->caller.call = c;
	c->caller.iface = (uint16_t)r->iface;
	c->caller.trunk = r->trunk;
	c->bridge.home = c->home;
	c->bridge.conf = c->conf;
	c->bridge.caller.trunk = r->trunk;
	c->bridge.forks = c->conf->trunks.v[r->trunk].forks;
	c->bridge.caller.peer = r->source;
	c->number = su_strdup(c->home, r->number);
	c->loop = su_strdup(c->home, r->loop);
	c->max_forwards = r->max_forwards;
	c->timer = su_timer_create(su_root_task(calls.deps.root), 0);
	link_call(c);
	count_alive(1);
	segment_add(&calls.count->calls_in, 1);
	channel_begin(calls.deps.health, c->conf, c->caller.trunk);
	c->counted = true;
	decide_init(&c->decide, &c->plan, (uint32_t)(c->id * 2654435761u >> 16), c->begun_ns);
	c->decide.looks = looks_new(c);
	return c;
}

/* The caller's connection going away is the caller going away. */
static void watch(struct call *c)
{
	c->tport = nta_incoming_transport(c->caller.agent, c->caller.irq, NULL);
	if (c->tport && tport_is_stream(c->tport) && tport_is_secondary(c->tport)) {
		/* nta does not want to hear of an orderly end; here it means that the caller went
		 * away. */
		tport_set_params(c->tport, TPTAG_SDWN_ERROR(1), TAG_END());
		c->pending = listen_pend(c->tport, c->invite, on_transport_lost, (tp_client_t *)c);
		if (c->pending > 0)
			return;
	}
	if (c->tport)
		tport_unref(c->tport);
	c->tport = NULL;
}

static void refused(struct call *c, int err)
{
	struct decide_final f = {
		.code = (uint16_t)bridge_status(err), .from = DECIDE_NONE, .why = "media"
	};
	char text[64];

	if (err == -ENOSPC)
		segment_add(&calls.count->refused_no_slot, 1);
	else if (err == -ENOBUFS || err == -EADDRNOTAVAIL)
		segment_add(&calls.count->refused_no_port, 1);
	else
		segment_add(&calls.count->bad_message, 1);
	f.retry_after_s = f.code == 503;
	event_log(call_refused,
	    .why = err == -ENOSPC  ? "no_slot"
	           : f.code == 503 ? "no_port"
	                           : "sdp",
	    .in = c->conf->trunks.v[c->caller.trunk].name,
	    .source = listen_print(&c->caller.peer, text, sizeof(text)), .code = f.code);
	c->media_done = true;
	setup_fail(c, &f);
}

static int take_invite(struct call *c, const struct call_request *r, msg_t *msg, sip_t *sip)
{
	int err = leg_begin_uas(&c->caller, r->agent, sip, &r->source);
	char number[PROFILE_NUMBER], display[PROFILE_DISPLAY];

	if (err) {
		msg_destroy(msg);
		return err;
	}
	flight_begin(c->id, c->caller.call_id, c->begun_ns);
	c->caller.irq = nta_incoming_create(r->agent, c->caller.nta, msg, sip, TAG_END());
	if (!c->caller.irq)
		return -ENOMEM;
	c->invite = nta_incoming_getrequest(c->caller.irq);
	profile_caller(number, display, sip);
	c->from = su_strdup(c->home, number);
	c->from_name = su_strdup(c->home, display);
	c->caller_cseq = sip->sip_cseq->cs_seq;
	nta_incoming_bind(c->caller.irq, on_ack_or_cancel, (nta_incoming_magic_t *)c);
	nta_incoming_treply(c->caller.irq, SIP_100_TRYING, TAG_END());
	rel100_begin(c, sip);
	leg_heard(&c->caller, sip);
	watch(c);
	return 0;
}

/* A part of its body must be understood (RFC 3204 handling=required), and nobody we would call is to have it. */
static bool asks_too_much(const struct call *c, const struct bridge_body *body)
{
	if (!offer_requires(body->type, body->data, body->length))
		return false;
	for (uint16_t i = 0; i < c->plan.count; i++)
		if (c->conf->trunks.v[c->plan.target[i].trunk].bodies == CONF_BODIES_PASS)
			return false;
	return true;
}

void call_begin(const struct call_request *r, msg_t *msg, sip_t *sip)
{
	struct call *c = call_new(r);
	struct bridge_body body;
	int err;

	if (!c) {
		msg_destroy(msg);
		return;
	}
	err = take_invite(c, r, msg, sip);
	if (err) {
		c->media_done = true;
		call_enter(c, CALL_GONE);
		call_release(c);
		return;
	}
	body = call_body(sip_object(c->invite));
	err = asks_too_much(c, &body) ? -EMEDIUMTYPE : bridge_open(&c->bridge, r->iface, c->id, &body, c);
	if (err) {
		refused(c, err);
	} else {
		call_hold(c); /* the anchor's */
		report_begin(c);
		inform_begin(c);
		setup_advance(c);
		call_arm(c);
	}
	call_release(c);
}

/* ---- end ------------------------------------------------------------------------------------ */

static void end_leg(struct leg *l, const char *reason)
{
	if (l->state == LEG_UP)
		leg_bye(l, reason);
}

static void maybe_gone(struct call *c)
{
	struct leg *b = call_callee(c);

	if (c->state == CALL_ENDING && c->caller.state == LEG_GONE && (!b || b->state == LEG_GONE))
		call_enter(c, CALL_GONE);
}

/* Its 200 was held for a PRACK and is not said any more: to the caller it never was answered. */
static void unanswer(struct call *c)
{
	c->answered_ns = c->answered_wall_ms = 0;
	c->final = (struct decide_final){ .from = DECIDE_NONE, .why = c->why };
	c->final.code = c->by == CALL_BY_CALLER ? 487 : c->by == CALL_BY_CALLEE ? 480 : 504;
	setup_tell_final(c, c->final.code, NULL, NULL);
	leg_end(&c->caller);
}

void call_end(struct call *c, enum call_by by, const char *why, const char *reason)
{
	if (c->state != CALL_ANSWERED && c->state != CALL_UP)
		return;
	c->by = (uint8_t)by;
	c->why = why;
	c->ended_ns = clock_mono_ns();
	early_over(c, NULL);
	reinvite_abort(c);
	inside_abort(c);
	digits_abort(c);
	call_enter(c, CALL_ENDING);
	close_media(c);
	end_leg(&c->winner->leg, reason);
	if (rel100_drop(c))
		unanswer(c);
	/* Without its ACK the caller must not get a BYE yet: on_ack or on_no_ack sends it. */
	if (!c->caller.irq)
		end_leg(&c->caller, reason);
	else if (reason)
		c->caller.bye_reason = su_strdup(c->home, reason);
	maybe_gone(c);
}

void call_on_bye(struct call *c, struct leg *l, nta_incoming_t *irq, const sip_t *sip)
{
	char reason[128];

	nta_incoming_treply(irq, SIP_200_OK, TAG_END());
	nta_incoming_destroy(irq);
	failure_said(reason, sizeof(reason), sip);
	switch (c->state) {
	case CALL_SETUP:
		if (l == &c->caller) {
			call_cancel_reason(c, reason);
			setup_cancelled(c, "caller_bye");
		}
		break;
	case CALL_ANSWERED:
	case CALL_UP:
		/* Its BYE says it had our 200. A re-INVITE still open is answered by call_end(). */
		if (l == &c->caller && c->caller.irq && nta_incoming_status(c->caller.irq) >= 200) {
			nta_incoming_destroy(c->caller.irq);
			c->caller.irq = NULL;
		}
		leg_end(l);
		call_end(c, l == &c->caller ? CALL_BY_CALLER : CALL_BY_CALLEE, "bye",
		    reason[0] ? reason : NULL);
		break;
	case CALL_ENDING: /* both hung up at once */
		if (l == &c->caller && c->caller.irq) {
			nta_incoming_destroy(c->caller.irq);
			c->caller.irq = NULL;
		}
		leg_end(l);
		maybe_gone(c);
		break;
	case CALL_GONE:
	case CALL_STATE_COUNT:
		break;
	}
	call_arm(c);
}

void call_leg_gone(struct call *c, struct leg *l)
{
	(void)l;
	maybe_gone(c);
	report_if_over(c);
}

void call_end_all(const char *why)
{
	static const struct decide_final busy = {
		.code = 503, .from = DECIDE_NONE, .retry_after_s = 5, .why = "shutdown"
	};
	struct call *next;

	for (struct call *c = calls.all; c; c = next) {
		next = c->next;
		call_hold(c);
		if (c->state == CALL_SETUP) {
			c->by = CALL_BY_KEDGE;
			setup_fail(c, &busy);
		} else {
			call_end(c, CALL_BY_KEDGE, why, "SIP;cause=503;text=\"Shutdown\"");
		}
		call_arm(c);
		next = c->next;
		call_release(c);
	}
}
