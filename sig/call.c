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
#include "sig/admin.h"
#include "sig/failure.h"
#include "sig/ingress.h"
#include "sig/profile.h"
#include "sig/record.h"

#define REPEAT_NS (60 * CLOCK_NS_PER_S) /* C.7 6: a proxy's Timer C is 3 min */
/* first_response ends with one of timer A's ticks: we come first, so that the INVITE is not sent
 * once more at the moment it is given up (C.2). */
#define LEAD_NS        (3 * CLOCK_NS_PER_MS)
#define CANCEL_WAIT_NS CLOCK_NS_PER_S /* for the 487 of a branch given up after a 1xx */

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

static void advance(struct call *c);
static void arm(struct call *c);

/* ---- module --------------------------------------------------------------------------------- */

static void on_anchor_closed(void *owner, uint32_t slot);

static void on_silent(void *owner)
{
	struct call *c = owner;

	event_log(media_silent, .call = c->id,
	    .trunk = c->winner ? c->conf->trunks.v[c->winner->trunk].name : NULL,
	    .silent_ms = c->conf->media.media_dead_ms);
}

static const struct anchor_events anchor_events = { on_anchor_closed, on_silent };

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

const char *call_state_name(enum call_state s)
{
	return state_names[s];
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

struct bridge_body call_body(const sip_t *sip)
{
	struct bridge_body b = { 0 };

	if (sip->sip_payload && sip->sip_payload->pl_len > 0) {
		b.data = sip->sip_payload->pl_data;
		b.length = sip->sip_payload->pl_len;
		b.type = sip->sip_content_type ? sip->sip_content_type->c_type : NULL;
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

/* What another process, and the operator, would want to know. */
static void changed(struct call *c)
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

static void unwatch(struct call *c)
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
	unwatch(c);
	if (c->state == CALL_GONE)
		calls.tails--;
	su_timer_destroy(c->timer);
	for (struct attempt *a = c->attempts; a; a = a->next)
		attempt_fini(a);
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
	anchor_close(&c->bridge.anchor);
}

/* The one place where a call changes its state. The caller holds it. */
static void enter(struct call *c, enum call_state to)
{
	bool was_alive = c->state != CALL_GONE;

	c->state = to;
	if (to != CALL_GONE || !was_alive)
		return;
	count_alive(-1);
	calls.tails++;
	if (!c->ended_ns)
		c->ended_ns = clock_mono_ns();
	close_media(c);
	if (c->media_done)
		report_call(c);
	call_release(c); /* of being alive */
}

/* Media gave its last figures. */
static void on_anchor_closed(void *owner, uint32_t slot)
{
	struct call *c = owner;

	(void)slot;
	c->media_done = true;
	if (c->state == CALL_GONE)
		report_call(c);
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
	return sooner(due, c->delayed_ns);
}

static void repeat_ringing(struct call *c);
static void start_attempt(struct call *c, const struct decide_step *step);
static void ask(struct call *c, struct attempt *a);
static void outcome(struct call *c, struct attempt *a);
static void give_up(struct call *c, struct attempt *a, enum cause cause);
static void closed_branch(struct call *c, struct attempt *a, uint16_t status);

static void set_due(struct attempt *a, uint64_t due_ns)
{
	a->due_ns[ATTEMPT_DUE_DECIDE] = due_ns ? due_ns - LEAD_NS : 0;
}

static void attempt_tick(struct call *c, struct attempt *a, uint64_t now)
{
	if (a->due_ns[ATTEMPT_DUE_WINDOW] && a->due_ns[ATTEMPT_DUE_WINDOW] <= now) {
		attempt_end(a);
		closed_branch(c, a, 0);
		return;
	}
	if (a->due_ns[ATTEMPT_DUE_WAIT] && a->due_ns[ATTEMPT_DUE_WAIT] <= now) {
		a->due_ns[ATTEMPT_DUE_WAIT] = 0;
		a->waits = false;
		outcome(c, a);
	}
	if (a->due_ns[ATTEMPT_DUE_CONNECT] && a->due_ns[ATTEMPT_DUE_CONNECT] <= now) {
		a->due_ns[ATTEMPT_DUE_CONNECT] = 0;
		if (!attempt_connected(a))
			give_up(c, a, CAUSE_CONNECT);
	}
	if (a->due_ns[ATTEMPT_DUE_DECIDE] && a->due_ns[ATTEMPT_DUE_DECIDE] <= now)
		ask(c, a);
}

static void tick(struct call *c, uint64_t now)
{
	for (struct attempt *a = c->attempts; a; a = a->next)
		attempt_tick(c, a, now);
	if (c->delayed_ns && c->delayed_ns <= now) {
		c->delayed_ns = 0;
		start_attempt(c, &c->delayed);
	}
	if (c->next_ns && c->next_ns <= now) {
		c->next_ns = 0;
		advance(c);
	}
	if (c->repeat_ns && c->repeat_ns <= now)
		repeat_ringing(c);
}

static void on_timer(su_root_magic_t *magic, su_timer_t *timer, su_timer_arg_t *arg)
{
	struct call *c = (struct call *)arg;

	(void)magic;
	(void)timer;
	call_hold(c);
	c->timer_ns = 0;
	tick(c, clock_mono_ns());
	arm(c);
	call_release(c);
}

static void arm(struct call *c)
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

/* ---- to the caller -------------------------------------------------------------------------- */

static void tell_1xx(struct call *c, int status, const char *body)
{
	const char *server = call_agent_text(c);

	/* Never behind a final: the library does not survive it. */
	if (!c->caller.irq || nta_incoming_status(c->caller.irq) >= 200)
		return;
	nta_incoming_treply(c->caller.irq, status, NULL, SIPTAG_CONTACT(c->caller.contact),
	    SIPTAG_ALLOW_STR(leg_allow), TAG_IF(server, SIPTAG_SERVER_STR(server)),
	    TAG_IF(body, SIPTAG_CONTENT_TYPE_STR("application/sdp")),
	    TAG_IF(body, SIPTAG_PAYLOAD_STR(body)), TAG_END());
	c->told_1xx = (uint16_t)status;
	c->told_sdp = c->told_sdp || body;
	c->repeat_ns = clock_mono_ns() + REPEAT_NS / calls.scale;
}

static void repeat_ringing(struct call *c)
{
	c->repeat_ns = 0;
	if (c->state == CALL_SETUP && c->told_1xx > 100)
		tell_1xx(c, c->told_1xx, c->told_sdp ? c->bridge.caller.ours : NULL);
}

static void tell_final(struct call *c, int status, const char *phrase, const char *headers)
{
	const char *server = call_agent_text(c);

	c->code = (uint16_t)status;
	if (!c->caller.irq || nta_incoming_status(c->caller.irq) >= 200)
		return;
	nta_incoming_treply(c->caller.irq, status, phrase,
	    TAG_IF(server, SIPTAG_SERVER_STR(server)),
	    TAG_IF(status == 415, SIPTAG_ACCEPT_STR("application/sdp")),
	    TAG_IF(headers && headers[0], SIPTAG_HEADER_STR(headers)), TAG_END());
	nta_incoming_destroy(c->caller.irq); /* it repeats its answer until the ACK by itself */
	c->caller.irq = NULL;
}

static void tell_200(struct call *c, const char *body)
{
	const char *server = call_agent_text(c);

	c->code = 200;
	nta_incoming_treply(c->caller.irq, SIP_200_OK, SIPTAG_CONTACT(c->caller.contact),
	    SIPTAG_ALLOW_STR(leg_allow), TAG_IF(server, SIPTAG_SERVER_STR(server)),
	    TAG_IF(body, SIPTAG_CONTENT_TYPE_STR("application/sdp")),
	    TAG_IF(body, SIPTAG_PAYLOAD_STR(body)), TAG_END());
}

/* ---- the end of setup ----------------------------------------------------------------------- */

/* Every branch without a final is given up: nobody waits for it. */
static void give_up_others(struct call *c, const struct attempt *but)
{
	for (struct attempt *a = c->attempts; a; a = a->next) {
		if (a == but)
			continue;
		if (attempt_open(a) && a->state != ATTEMPT_CANCELLING && a->cause == CAUSE_NONE)
			a->cause = CAUSE_CANCELLED;
		attempt_give_up(a);
		a->waits = false;
		a->due_ns[ATTEMPT_DUE_WAIT] = a->due_ns[ATTEMPT_DUE_DECIDE] =
		    a->due_ns[ATTEMPT_DUE_CONNECT] = 0;
		if (a->side.end != KEDGE_LIVE_NONE && !attempt_open(a))
			bridge_drop(&c->bridge, &a->side);
	}
}

static void end_setup(struct call *c)
{
	unwatch(c);
	c->next_ns = c->repeat_ns = c->delayed_ns = 0;
}

static void fail(struct call *c, const struct decide_final *f)
{
	struct attempt *from = NULL;
	char headers[400] = "";
	size_t n = 0;

	for (struct attempt *a = c->attempts; a; a = a->next)
		if (a->index == f->from)
			from = a;
	if (from && from->reason[0])
		n += (size_t)snprintf(
		    headers + n, sizeof(headers) - n, "Reason: %s\r\n", from->reason);
	if (f->sip_cause)
		n += (size_t)snprintf(
		    headers + n, sizeof(headers) - n, "Reason: SIP;cause=%u\r\n", f->sip_cause);
	if (f->q850)
		n += (size_t)snprintf(
		    headers + n, sizeof(headers) - n, "Reason: Q.850;cause=%u\r\n", f->q850);
	if (f->retry_after_s)
		snprintf(headers + n, sizeof(headers) - n, "Retry-After: %u\r\n", f->retry_after_s);
	c->final = *f;
	c->why = f->why;
	tell_final(c, f->code, f->phrase, headers);
	segment_add(&calls.count->calls_failed, 1);
	leg_end(&c->caller);
	give_up_others(c, NULL);
	end_setup(c);
	enter(c, CALL_GONE);
}

/* C.7 5: the caller is gone; nothing starts any more. */
static void cancelled(struct call *c, const char *why)
{
	struct decide_step step;

	decide_cancel(&c->decide);
	if (decide_next(&c->decide, calls.deps.health, clock_mono_ns(), &step) == DECIDE_FINAL)
		c->final = step.final;
	c->by = CALL_BY_CALLER;
	c->why = why;
	tell_final(c, SIP_487_REQUEST_CANCELLED, NULL);
	segment_add(&calls.count->calls_cancelled, 1);
	leg_end(&c->caller);
	give_up_others(c, NULL);
	end_setup(c);
	enter(c, CALL_GONE);
}

/* ---- attempts ------------------------------------------------------------------------------- */

static struct attempt *attempt_new(struct call *c, const struct decide_step *step)
{
	struct attempt *a = su_zalloc(c->home, sizeof(*a)), **last = &c->attempts;

	assert(a); /* jemalloc or the kernel ends us before */
	a->call = c;
	a->index = step->attempt;
	a->hop = step->hop;
	a->trunk = step->trunk;
	a->leg.iface = c->conf->trunks.v[step->trunk].interface;
	a->leg.call = c;
	a->leg.trunk = step->trunk;
	a->side.trunk = step->trunk;
	a->side.peer = step->addr;
	a->side.end = KEDGE_LIVE_NONE;
	while (*last)
		last = &(*last)->next;
	*last = a;
	return a;
}

static int make_headers(
    struct call *c, struct attempt *a, const struct decide_step *step, struct profile_out *out)
{
	static struct profile_in in;
	su_home_t scratch[1] = { SU_HOME_INIT(scratch) };
	struct kedge_addr local;
	int err =
	    listen_local(a->leg.iface, step->addr.family, step->transport == CONF_TCP, &local);

	if (err)
		return err;
	su_home_init(scratch);
	profile_read(&in, sip_object(c->invite), scratch, c->number, c->id);
	err = profile_make(
	    out, &in, &c->conf->trunks.v[c->caller.trunk], &c->conf->trunks.v[a->trunk], &local);
	su_home_deinit(scratch);
	return err;
}

static int send_invite(
    struct call *c, struct attempt *a, const struct decide_step *step, const char *body)
{
	static struct profile_out out;
	static char lines[PROFILE_TEXT + 256];
	struct attempt_invite inv = { .body = body, .max_forwards = c->max_forwards };
	int err = make_headers(c, a, step, &out);

	if (err)
		return err;
	/* To the library our own want would look like the carrier's failure. */
	if (step->transport == CONF_TCP && !listen_fd_left())
		return -ENFILE;
	snprintf(lines, sizeof(lines), "%s: %s\r\n%s", INGRESS_LOOP, c->loop, out.lines);
	inv.ruri = out.ruri;
	inv.from = out.from;
	inv.to = out.to;
	inv.contact_user = out.contact_user;
	inv.headers = lines;
	inv.user_agent = call_agent_text(c);
	return attempt_send(
	    a, listen_agent(a->leg.iface, step->addr.family), &step->addr, step->transport, &inv);
}

/* An attempt that sent nothing: a limit of ours, or nothing of the offer may go there. */
static void local_failure(struct call *c, struct attempt *a, int err)
{
	if (err == -ENFILE)
		segment_add(&calls.count->refused_no_fd, 1);
	else if (err == -ENOBUFS || err == -EMFILE)
		segment_add(&calls.count->refused_no_port, 1);
	a->cause = err == -ENODATA || err == -EPROTO ? CAUSE_BAD_ANSWER : CAUSE_LIMIT;
	outcome(c, a);
}

static void start_attempt(struct call *c, const struct decide_step *step)
{
	struct attempt *a = attempt_new(c, step);
	const char *body;
	int err = bridge_outside(&c->bridge, &a->side, a->leg.iface, a->hop, &body);

	if (err == 0)
		err = send_invite(c, a, step, body);
	if (err) {
		local_failure(c, a, err);
		return;
	}
	set_due(a, step->due_ns);
	if (step->transport == CONF_TCP && c->decide.attempt[a->index].limits.connect_ms)
		a->due_ns[ATTEMPT_DUE_CONNECT] =
		    a->begun_ns + c->decide.attempt[a->index].limits.connect_ms * CLOCK_NS_PER_MS;
	/* What spoke before is not heard any more: its end goes back once the new one is live. */
	for (struct attempt *old = c->attempts; old != a; old = old->next)
		if (!attempt_open(old) && old->side.end != KEDGE_LIVE_NONE)
			bridge_drop(&c->bridge, &old->side);
	if (a->index > 0)
		segment_add(&calls.count->calls_moved, 1);
	changed(c);
}

/* Asks decide what comes next and does it, until something has to be waited for. In one pass of
 * the loop: a 503 that came in is followed by the next INVITE without a timer in between. */
static void advance(struct call *c)
{
	struct decide_step step;

	c->next_ns = 0;
	if (c->state != CALL_SETUP)
		return;
	switch (decide_next(&c->decide, calls.deps.health, clock_mono_ns(), &step)) {
	case DECIDE_TRY:
		if (step.delay_ms) {
			c->delayed = step;
			c->delayed_ns = clock_mono_ns() + step.delay_ms * CLOCK_NS_PER_MS;
		} else {
			start_attempt(c, &step);
		}
		break;
	case DECIDE_WAIT:
		c->next_ns = step.wait_ns;
		for (struct attempt *a = c->attempts; a; a = a->next)
			if (a->index == step.attempt && attempt_open(a))
				set_due(a, step.due_ns);
		break;
	case DECIDE_FINAL:
		fail(c, &step.final);
		break;
	}
}

/* The attempt ended with a->cause: health learns it, and the hunt goes on where it should. */
static void outcome(struct call *c, struct attempt *a)
{
	struct decide_outcome o = a->outcome;

	o.cause = a->cause;
	if (decide_outcome(&c->decide, calls.deps.health, a->index, &o, clock_mono_ns()))
		advance(c);
}

/* The clock of an attempt: silence checks, giving up. */
static void ask(struct call *c, struct attempt *a)
{
	uint8_t cause = CAUSE_NONE;
	uint64_t due = 0;

	a->due_ns[ATTEMPT_DUE_DECIDE] = 0;
	if (c->state != CALL_SETUP || !attempt_open(a))
		return;
	switch (decide_due(
	    &c->decide, calls.deps.health, a->index, clock_mono_ns() + LEAD_NS, &cause, &due)) {
	case DECIDE_DUE_NONE:
		break;
	case DECIDE_DUE_CHECK:
		calls.deps.check(a->hop);
		break;
	case DECIDE_DUE_GIVE_UP:
		give_up(c, a, cause);
		return;
	}
	set_due(a, due);
}

/* A branch is left for another one: at once where nothing was heard, else when its CANCEL was
 * answered or a second is over, so that one phone does not ring twice. */
static void give_up(struct call *c, struct attempt *a, enum cause cause)
{
	a->cause = (uint8_t)cause;
	attempt_give_up(a);
	if (a->state == ATTEMPT_CANCELLING) {
		a->waits = true;
		a->due_ns[ATTEMPT_DUE_WAIT] = clock_mono_ns() + CANCEL_WAIT_NS / calls.scale;
	} else {
		outcome(c, a);
	}
}

/* ---- what attempts tell --------------------------------------------------------------------- */

void call_on_reply(struct call *c, struct attempt *a)
{
	if (c->state != CALL_SETUP && a->state != ATTEMPT_WON && a->status > 100 && a->status < 300)
		event_log(call_late, .trunk = c->conf->trunks.v[a->trunk].name, .code = a->status,
		    .call = c->id);
}

static void relay_1xx(struct call *c, struct attempt *a, const sip_t *sip, int status)
{
	struct bridge_body said = call_body(sip);
	bool had_sdp = c->told_sdp;
	const char *body = NULL;

	if (status == 100 || status == 199)
		return;
	/* An answer that cannot stand is not passed on; its 2xx will be judged the same way. */
	if (said.length && bridge_answer(&c->bridge, &a->side, &said, false, &body) < 0)
		body = NULL;
	if (!c->ringing_ns)
		c->ringing_ns = clock_mono_ns();
	if (status != c->told_1xx || (body && !had_sdp))
		tell_1xx(c, status, body);
}

static void cancel_heard(struct call *c, const struct attempt *but)
{
	for (struct attempt *a = c->attempts; a; a = a->next)
		if (a != but && a->state == ATTEMPT_ABANDONED)
			attempt_give_up(a); /* CANCELs it if it ever showed a 1xx */
}

enum decide_reply call_on_progress(struct call *c, struct attempt *a, const sip_t *sip)
{
	int status = a->status;
	enum decide_reply reply;

	if (c->state != CALL_SETUP) {
		if (a->state == ATTEMPT_ABANDONED)
			segment_add(&calls.count->late_18x, 1);
		return DECIDE_LATE;
	}
	reply = decide_reply(
	    &c->decide, calls.deps.health, a->index, (uint16_t)status, clock_mono_ns());
	if (reply == DECIDE_LATE) {
		segment_add(&calls.count->late_18x, 1);
		decide_gone(&c->decide, a->index); /* it is CANCELled now */
	}
	if (reply == DECIDE_REVIVED) {
		attempt_revive(a);
		give_up_others(c, a);
	}
	if (reply != DECIDE_LATE) {
		if (status > 100)
			cancel_heard(c, a);
		if (a->state != ATTEMPT_ABANDONED)
			relay_1xx(c, a, sip, status);
		if (status != a->told_1xx)
			changed(c);
		a->told_1xx = (uint16_t)status;
		ask(c, a);
	}
	arm(c);
	return reply;
}

bool call_takes(struct call *c, struct attempt *a)
{
	bool late = a->state == ATTEMPT_ABANDONED || a->state == ATTEMPT_CANCELLING;

	if (late)
		segment_add(&calls.count->late_200, 1);
	return c->state == CALL_SETUP && decide_reply(&c->decide, calls.deps.health, a->index, 200,
	                                     clock_mono_ns()) != DECIDE_LATE;
}

/* Its SDP does not fit: the dialog is ended, the caller hears nothing of it. */
static void bad_answer(struct call *c, struct attempt *a)
{
	leg_ack(&a->leg, NULL);
	leg_bye(&a->leg, "Q.850;cause=88;text=\"Incompatible SDP\"");
	event_log(call_bad_answer, .trunk = c->conf->trunks.v[a->trunk].name, .why = c->bridge.why,
	    .call = c->id);
	a->cause = CAUSE_BAD_ANSWER;
	outcome(c, a);
	arm(c);
}

void call_on_answer(struct call *c, struct attempt *a, const sip_t *sip)
{
	struct bridge_body said = call_body(sip);
	const char *body;

	if (bridge_answer(&c->bridge, &a->side, &said, true, &body) < 0) {
		bad_answer(c, a);
		return;
	}
	decide_answered(&c->decide, calls.deps.health, a->index, clock_mono_ns());
	a->cause = CAUSE_ANSWERED;
	c->winner = a;
	c->answered_ns = clock_mono_ns();
	c->answered_wall_ms = clock_wall_ms();
	if (c->bridge.late)
		c->ack_owed = &a->leg;
	else
		leg_ack(&a->leg, NULL);
	tell_200(c, body);
	segment_add(&calls.count->calls_answered, 1);
	give_up_others(c, a);
	end_setup(c);
	enter(c, CALL_ANSWERED);
	changed(c);
	arm(c);
}

/* What its end was: a reply, or what our stack made of the path. */
static void read_failure(struct call *c, struct attempt *a, const sip_t *sip)
{
	struct failure_evidence e = { .stream = a->leg.transport == CONF_TCP,
		.connected = attempt_connected(a),
		.progress = a->best_1xx > 0 };
	struct failure f;

	failure_evidence(&e, sip, c->home);
	failure_read(&f, &e);
	a->outcome = f.outcome;
	/* A connection lost after a 1xx is no outcome to decide, but nta's transaction is over and
	 * with it the branch. */
	a->cause = f.outcome.cause == CAUSE_NONE ? CAUSE_LOST : f.outcome.cause;
	profile_clean(a->reason, sizeof(a->reason), e.received && e.reason ? e.reason : "");
}

void call_on_failure(struct call *c, struct attempt *a, const sip_t *sip)
{
	read_failure(c, a, sip);
	if (c->state == CALL_SETUP) {
		outcome(c, a);
		arm(c);
	}
}

/* The last word of a branch that was given up: evidence for its hop, sometimes the outcome that
 * was waited for. */
static void closed_branch(struct call *c, struct attempt *a, uint16_t status)
{
	struct decide_outcome o = { .cause = status ? CAUSE_STATUS : CAUSE_CANCELLED,
		.code = status };

	if (a->waits) {
		a->waits = false;
		outcome(c, a);
	} else if (decide_outcome(&c->decide, calls.deps.health, a->index, &o, clock_mono_ns())) {
		advance(c);
	}
}

void call_on_over(struct call *c, struct attempt *a, const sip_t *sip, bool cancelled_by_us)
{
	uint16_t status = a->internal || cancelled_by_us ? 0 : a->status;

	(void)sip;
	closed_branch(c, a, status >= 300 ? status : 0);
	arm(c);
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
	if (owed) {
		err = bridge_late(&c->bridge, &c->winner->side, &said, &body);
		leg_ack(&c->winner->leg, body);
	}
	if (c->state == CALL_ENDING) {
		leg_bye(&c->caller, NULL); /* the callee left before the ACK (RFC 3261 15) */
		return;
	}
	enter(c, CALL_UP);
	if (err)
		call_end(
		    c, CALL_BY_KEDGE, "bad_answer", "Q.850;cause=88;text=\"Incompatible SDP\"");
	else
		reinvite_correct(c);
	if (c->state == CALL_UP)
		changed(c);
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
		leg_bye(&c->caller, NULL);
	else
		call_end(c, CALL_BY_KEDGE, "no_ack", NULL);
}

static int on_ack_or_cancel(nta_incoming_magic_t *magic, nta_incoming_t *irq, const sip_t *sip)
{
	struct call *c = (struct call *)magic;

	(void)irq;
	call_hold(c);
	if (!sip) {
		if (c->state == CALL_ANSWERED || c->state == CALL_ENDING)
			on_no_ack(c);
	} else if (sip->sip_request->rq_method == sip_method_cancel) {
		if (c->state == CALL_SETUP)
			cancelled(c, "caller_cancel");
	} else if (c->state == CALL_ANSWERED || c->state == CALL_ENDING) {
		on_ack(c, sip);
	}
	arm(c);
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
		cancelled(c, "transport_lost");
		arm(c);
	}
	call_release(c);
}

/* ---- begin ---------------------------------------------------------------------------------- */

static struct call *call_new(const struct call_request *r)
{
	struct call *c = su_home_new(sizeof(*c));

	if (!c)
		return NULL;
	c->id = calls.next_id++;
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
	c->bridge.caller.peer = r->source;
	c->number = su_strdup(c->home, r->number);
	c->loop = su_strdup(c->home, r->loop);
	c->max_forwards = r->max_forwards;
	c->timer = su_timer_create(su_root_task(calls.deps.root), 0);
	link_call(c);
	count_alive(1);
	segment_add(&calls.count->calls_in, 1);
	decide_init(&c->decide, &c->plan, (uint32_t)(c->id * 2654435761u >> 16), c->begun_ns);
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
		c->pending = tport_pend(c->tport, c->invite, on_transport_lost, (tp_client_t *)c);
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
	fail(c, &f);
}

static int take_invite(struct call *c, const struct call_request *r, msg_t *msg, sip_t *sip)
{
	int err = leg_begin_uas(&c->caller, r->agent, sip, &r->source);
	char number[PROFILE_NUMBER], display[PROFILE_DISPLAY];

	if (err) {
		msg_destroy(msg);
		return err;
	}
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
	watch(c);
	return 0;
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
		enter(c, CALL_GONE);
		call_release(c);
		return;
	}
	body = call_body(sip_object(c->invite));
	err = bridge_open(&c->bridge, r->iface, c->id, &body, c);
	if (err) {
		refused(c, err);
	} else {
		call_hold(c); /* the anchor's */
		report_begin(c);
		advance(c);
		arm(c);
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
		enter(c, CALL_GONE);
}

void call_end(struct call *c, enum call_by by, const char *why, const char *reason)
{
	if (c->state != CALL_ANSWERED && c->state != CALL_UP)
		return;
	c->by = (uint8_t)by;
	c->why = why;
	c->ended_ns = clock_mono_ns();
	reinvite_abort(c);
	enter(c, CALL_ENDING);
	close_media(c);
	end_leg(&c->winner->leg, reason);
	/* Without its ACK the caller must not get a BYE yet: on_ack or on_no_ack sends it. */
	if (!c->caller.irq)
		end_leg(&c->caller, reason);
	maybe_gone(c);
}

void call_on_bye(struct call *c, struct leg *l, nta_incoming_t *irq, const sip_t *sip)
{
	char reason[128] = "";

	nta_incoming_treply(irq, SIP_200_OK, TAG_END());
	nta_incoming_destroy(irq);
	if (sip->sip_reason) {
		const char *value =
		    sip_header_as_string(NULL, (sip_header_t const *)sip->sip_reason);

		profile_clean(reason, sizeof(reason), value ? value : "");
		su_free(NULL, (void *)value);
	}
	switch (c->state) {
	case CALL_SETUP:
		if (l == &c->caller)
			cancelled(c, "caller_bye");
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
	arm(c);
}

void call_leg_gone(struct call *c, struct leg *l)
{
	(void)l;
	maybe_gone(c);
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
			fail(c, &busy);
		} else {
			call_end(c, CALL_BY_KEDGE, why, "SIP;cause=503;text=\"Shutdown\"");
		}
		arm(c);
		next = c->next;
		call_release(c);
	}
}
