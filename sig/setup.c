// SPDX-License-Identifier: MIT
#include "sig/setup.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_status.h>
#include <sofia-sip/su_tag.h>

#include "config/clock.h"
#include "config/event.h"
#include "sig/failure.h"
#include "sig/books/flight.h"
#include "sig/bridge/hearing.h"
#include "sig/inform.h"
#include "sig/edge/ingress.h"
#include "sig/profile.h"
#include "sig/books/recall.h"
#include "sig/voice.h"

#define REPEAT_NS (60 * CLOCK_NS_PER_S) /* a proxy's Timer C is 3 min (RFC 3261 16.6) */
/* first_response ends with one of timer A's ticks: we come first, so that the INVITE is not sent
 * once more at the moment it is given up. */
#define LEAD_NS        (3 * CLOCK_NS_PER_MS)
#define CANCEL_WAIT_NS CLOCK_NS_PER_S /* for the 487 of a branch given up after a 1xx */

static void outcome(struct call *c, struct attempt *a);
static void ask(struct call *c, struct attempt *a);
static void give_up(struct call *c, struct attempt *a, enum cause cause);

static void set_due(struct attempt *a, uint64_t due_ns)
{
	a->due_ns[ATTEMPT_DUE_DECIDE] = due_ns ? due_ns - LEAD_NS : 0;
}

/* ---- to the caller -------------------------------------------------------------------------- */

static void tell_1xx(struct call *c, int status, const char *body, bool reliably)
{
	rel100_tell(c, status, body, reliably);
	c->told_1xx = (uint16_t)status;
	c->told_sdp = c->told_sdp || body;
	c->repeat_ns = clock_mono_ns() + REPEAT_NS / call_scale();
}

static void repeat_ringing(struct call *c)
{
	c->repeat_ns = 0;
	if (c->state == CALL_SETUP && c->told_1xx > 100)
		tell_1xx(c, c->told_1xx, c->told_sdp ? c->bridge.caller.ours : NULL, false);
}

void setup_tell_180(struct call *c)
{
	tell_1xx(c, 180, NULL, false);
}

void setup_tell_183(struct call *c)
{
	tell_1xx(c, 183, c->bridge.caller.ours, true);
}

void setup_tell_final(struct call *c, int status, const char *phrase, const char *headers)
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
	call_unwatch(c);
	c->next_ns = c->repeat_ns = c->delayed_ns = c->inform_ns = c->inform_timer_ns = c->announce_ns = 0;
}

static bool asked_for_timer(const struct call *c)
{
	return c->invite && ((const sip_t *)sip_object(c->invite))->sip_session_expires;
}

void setup_fail(struct call *c, const struct decide_final *f)
{
	struct attempt *from = NULL;
	char headers[400] = "", reason[128];
	unsigned code = f->code;
	size_t n = 0;

	for (struct attempt *a = c->attempts; a; a = a->next)
		if (a->index == f->from)
			from = a;
	snprintf(reason, sizeof(reason), "%s", from ? from->reason : "");
	if (from && !from->internal && !f->q850 && !f->sip_cause)
		failure_reason_map(reason, sizeof(reason), from->status);
	if (reason[0])
		n += (size_t)snprintf(headers + n, sizeof(headers) - n, "Reason: %s\r\n", reason);
	if (f->sip_cause)
		n += (size_t)snprintf(
		    headers + n, sizeof(headers) - n, "Reason: SIP;cause=%u\r\n", f->sip_cause);
	if (f->q850)
		n += (size_t)snprintf(
		    headers + n, sizeof(headers) - n, "Reason: Q.850;cause=%u\r\n", f->q850);
	if (f->retry_after_s)
		snprintf(headers + n, sizeof(headers) - n, "Retry-After: %u\r\n", f->retry_after_s);
	if (code == 422) /* each side has a session timer of its own: it hears only of what it asked for itself */
		code = asked_for_timer(c) ? 422 : 500;
	if (code == 422)
		snprintf(headers + n, sizeof(headers) - n, "Min-SE: %u\r\n",
		    from && from->leg.refresh.least_s > 90 ? from->leg.refresh.least_s : 90);
	c->final = *f;
	c->why = f->why;
	rel100_drop(c);
	early_over(c, NULL);
	setup_tell_final(c, (int)code, code == f->code ? f->phrase : NULL, headers);
	segment_add(&call_counters()->calls_failed, 1);
	leg_end(&c->caller);
	give_up_others(c, NULL);
	end_setup(c);
	call_enter(c, CALL_GONE);
}

void setup_cancelled(struct call *c, const char *why)
{
	struct decide_step step;

	decide_cancel(&c->decide);
	if (decide_next(&c->decide, call_deps()->health, clock_mono_ns(), &step) == DECIDE_FINAL)
		c->final = step.final;
	c->by = CALL_BY_CALLER;
	c->why = why;
	rel100_drop(c);
	early_over(c, NULL);
	setup_tell_final(c, SIP_487_REQUEST_CANCELLED, NULL);
	segment_add(&call_counters()->calls_cancelled, 1);
	leg_end(&c->caller);
	give_up_others(c, NULL);
	end_setup(c);
	call_enter(c, CALL_GONE);
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
	while (*last) {
		if ((*last)->hop == a->hop) /* what it asked for with 422 */
			a->leg.refresh.least_s = (*last)->leg.refresh.least_s;
		if (step->same && (*last)->index == c->decide.last)
			a->redirect = (*last)->redirect;
		last = &(*last)->next;
	}
	*last = a;
	if (a->redirect.ruri)
		a->side.peer = a->redirect.addr;
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

/* Its hop said 513, Message Too Large, to the attempt before: once more, over TCP. */
static bool was_too_large(const struct call *c, const struct attempt *a)
{
	const struct attempt *last = NULL;

	for (const struct attempt *p = c->attempts; p != a; p = p->next)
		last = p;
	return last && last->hop == a->hop && last->outcome.code == 513;
}

static void say_long(const struct call *c, const struct attempt *a, const char *over, const char *why)
{
	char hop[64];

	event_log(call_long, .trunk = c->conf->trunks.v[a->trunk].name, .hop = listen_print(&a->side.peer, hop, sizeof(hop)),
	    .bytes = a->bytes, .over = over, .why = why, .call = c->id);
}

/* step: of the attempt; mtu: its trunk's, or 0. */
static int send_invite(
    struct call *c, struct attempt *a, const struct decide_step *step, const char *body, uint32_t mtu)
{
	static struct profile_out out;
	static char lines[PROFILE_TEXT + 256];
	struct attempt_invite inv = { .max_forwards = c->max_forwards };
	int err = make_headers(c, a, step, &out);

	if (err)
		return err;
	/* To the library our own want would look like the carrier's failure. */
	if (step->transport == CONF_TCP && !listen_fd_left())
		return -ENFILE;
	snprintf(lines, sizeof(lines), "%s: %s\r\n%s", INGRESS_LOOP, c->loop, out.lines);
	inv.udp_mtu = mtu;
	inv.tcp = step->same && was_too_large(c, a);
	inv.ruri = a->redirect.ruri ? a->redirect.ruri : out.ruri;
	inv.from = out.from;
	inv.to = out.to;
	inv.contact_user = out.contact_user;
	inv.headers = lines;
	inv.user_agent = call_agent_text(c);
	inv.body = bridge_envelope(&c->bridge, &a->side, body);
	inv.offers = body;
	/* An offer in a reliable 1xx wants an answer that the caller can give in a PRACK alone. */
	inv.supported = body || c->rel100.can ? leg_supported(&a->leg) : NULL;
	if (inv.supported && c->conf->trunks.v[a->trunk].rel100 == CONF_REL100_REQUIRE)
		inv.require = "100rel";
	return attempt_send(
	    a, listen_agent(a->leg.iface, step->addr.family), &a->side.peer, step->transport, &inv);
}

/* An attempt that sent nothing: a limit of ours, or nothing of the offer may go there. */
static void local_failure(struct call *c, struct attempt *a, int err)
{
	if (err == -ENFILE)
		segment_add(&call_counters()->refused_no_fd, 1);
	else if (err == -ENOBUFS || err == -EMFILE)
		segment_add(&call_counters()->refused_no_port, 1);
	a->cause = err == -ENODATA || err == -EPROTO ? CAUSE_BAD_ANSWER : CAUSE_LIMIT;
	outcome(c, a);
}

/* Hops whose TCP was closed, filtered or silent get datagrams for a while, whatever the size: a call need not wait for
 * what is known. */
#define NO_TCP    256
#define NO_TCP_NS (300 * CLOCK_NS_PER_S)

static struct {
	struct kedge_addr hop;
	uint64_t until_ns;
} no_tcp[NO_TCP];

static unsigned no_tcp_slot(const struct kedge_addr *hop)
{
	uint32_t h = hop->port;

	for (size_t i = 0; i < sizeof(hop->ip); i++)
		h = (h ^ hop->ip[i]) * 16777619u;
	return h % NO_TCP;
}

static void no_tcp_learn(const struct kedge_addr *hop)
{
	unsigned i = no_tcp_slot(hop);

	no_tcp[i].hop = *hop;
	no_tcp[i].until_ns = clock_mono_ns() + NO_TCP_NS / call_scale();
}

static uint32_t mtu_of(const struct call *c, const struct attempt *a)
{
	unsigned i = no_tcp_slot(&a->side.peer);

	if (memcmp(&no_tcp[i].hop, &a->side.peer, sizeof(no_tcp[i].hop)) == 0 && clock_mono_ns() < no_tcp[i].until_ns)
		return 0;
	return c->conf->trunks.v[a->trunk].udp_mtu;
}

static void start_attempt(struct call *c, const struct decide_step *step)
{
	struct attempt *a = attempt_new(c, step);
	const char *body;
	int err = bridge_outside(&c->bridge, &a->side, a->leg.iface, a->hop, &body);

	if (err == 0)
		err = send_invite(c, a, step, body, mtu_of(c, a));
	if (err) {
		local_failure(c, a, err);
		return;
	}
	if (a->over != ATTEMPT_OVER_OWN)
		say_long(c, a, "tcp", a->over == ATTEMPT_OVER_LONG ? "udp_mtu" : "513");
	else
		set_due(a, step->due_ns);
	if (a->leg.transport == CONF_TCP)
		a->due_ns[ATTEMPT_DUE_CONNECT] =
		    a->begun_ns + c->conf->trunks.v[a->trunk].timers.connect_ms * CLOCK_NS_PER_MS;
	/* What spoke before is not heard any more: its end goes back once the new one is live. */
	for (struct attempt *old = c->attempts; old != a; old = old->next)
		if (!attempt_open(old) && old->side.end != KEDGE_LIVE_NONE)
			bridge_drop(&c->bridge, &old->side);
	if (a->index > 0)
		segment_add(&call_counters()->calls_moved, 1);
	if (c->plan.profile->inform == CONF_INFORM_183)
		voice_ringback(c, a);
	call_changed(c);
}

void setup_advance(struct call *c)
{
	uint64_t now = clock_mono_ns();
	struct decide_step step;

	c->next_ns = 0;
	if (c->state != CALL_SETUP)
		return;
	switch (decide_next(&c->decide, call_deps()->health, now, &step)) {
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
		if (step.again)
			event_log(call_again, .trunk = c->conf->trunks.v[step.trunk].name,
			    .wait_ms = (step.wait_ns - now) / CLOCK_NS_PER_MS, .call = c->id);
		for (struct attempt *a = c->attempts; a; a = a->next)
			if (a->index == step.attempt && attempt_open(a))
				set_due(a, step.due_ns);
		break;
	case DECIDE_FINAL:
		if (voice_failed(c, &step.final))
			give_up_others(c, NULL);
		else
			setup_fail(c, &step.final);
		break;
	}
	inform_look(c, clock_mono_ns());
}

/* The attempt ended with a->cause: health learns it, and the hunt goes on where it should. */
static void outcome(struct call *c, struct attempt *a)
{
	struct decide_outcome o = a->outcome;

	o.cause = a->cause;
	early_over(c, a);
	if (decide_outcome(&c->decide, call_deps()->health, a->index, &o, clock_mono_ns())) {
		recall_outcome(c, a);
		setup_advance(c);
	}
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
	    &c->decide, call_deps()->health, a->index, clock_mono_ns() + LEAD_NS, &cause, &due)) {
	case DECIDE_DUE_NONE:
		break;
	case DECIDE_DUE_CHECK:
		call_deps()->check(a->hop);
		break;
	case DECIDE_DUE_GIVE_UP:
		give_up(c, a, cause);
		return;
	}
	set_due(a, due);
}

/* The INVITE was too long for a datagram and there is no TCP: a datagram all the same. False: this is another case. */
static bool fall_back(struct call *c, struct attempt *a, const char *why)
{
	struct decide_step step = { .addr = a->side.peer, .transport = CONF_UDP };
	int err;

	if (a->over != ATTEMPT_OVER_LONG || c->state != CALL_SETUP || attempt_connected(a))
		return false;
	no_tcp_learn(&a->side.peer);
	say_long(c, a, "udp", why);
	attempt_unsend(a);
	err = send_invite(c, a, &step, a->side.ours, 0);
	if (err) {
		local_failure(c, a, err);
		return true;
	}
	decide_resent(&c->decide, a->index, clock_mono_ns());
	ask(c, a);
	return true;
}

/* The connection stands or does not, for a hop of TCP or for an INVITE that is too long. */
static void connect_due(struct call *c, struct attempt *a)
{
	if (attempt_connected(a)) {
		if (a->over != ATTEMPT_OVER_OWN)
			ask(c, a);
	} else if (!fall_back(c, a, "timeout")) {
		give_up(c, a, a->over == ATTEMPT_OVER_OWN ? CAUSE_CONNECT : CAUSE_LIMIT);
	}
}

/* A branch is left for another one: at once where nothing was heard, else when its CANCEL was
 * answered or a second is over, so that one phone does not ring twice. */
static void give_up(struct call *c, struct attempt *a, enum cause cause)
{
	a->cause = (uint8_t)cause;
	attempt_give_up(a);
	if (a->state == ATTEMPT_CANCELLING) {
		a->waits = true;
		a->due_ns[ATTEMPT_DUE_WAIT] = clock_mono_ns() + CANCEL_WAIT_NS / call_scale();
	} else {
		outcome(c, a);
	}
}

/* ---- what attempts tell --------------------------------------------------------------------- */

void call_on_reply(struct call *c, struct attempt *a)
{
	if (a->status >= 200 && !a->counted)
		health_final(call_deps()->health, a->hop, a->status);
	a->counted |= a->status >= 200;
	if (c->state != CALL_SETUP && a->state != ATTEMPT_WON && a->status > 100 && a->status < 300)
		event_log(call_late, .trunk = c->conf->trunks.v[a->trunk].name, .code = a->status,
		    .call = c->id);
}

/* An offer in a reliable 1xx while the caller cannot be asked: it was, and has not answered yet, or
 * has (another phone of the same branch). What it said answers it, or nothing does. */
static const char *offered_again(struct attempt *a, const struct bridge_body *said)
{
	struct bridge *b = &a->call->bridge;
	const char *answer = NULL;
	bool differs;

	if (!b->late && bridge_alone(b, &a->side, &b->caller, said, &answer, &differs) == 0)
		fork_answer(a, answer);
	fork_settle(a);
	return NULL;
}

/* What a 1xx has for the caller. An answer that cannot stand is not passed on; its 2xx will be judged
 * the same way. */
static const char *said_early(struct call *c, struct attempt *a, const sip_t *sip)
{
	struct bridge_body said = call_body(sip);
	enum bridge_way way = fork_reliable(sip) && c->rel100.can ? BRIDGE_RELIABLE : BRIDGE_PREVIEW;
	bool offered = fork_owes(a);
	const char *body = NULL;

	if (!said.length)
		return NULL;
	if (offered && (!c->bridge.late || c->rel100.asked))
		return offered_again(a, &said);
	if (bridge_answer(&c->bridge, &a->side, &said, way, &body) < 0)
		body = NULL;
	if (offered && !body)
		fork_settle(a);
	return body;
}

/* The answer is none that the caller's dialog could have: it gets another (forks of its trunk). */
static bool forked(struct call *c)
{
	if (!c->bridge.forked)
		return false;
	c->bridge.forked = false;
	rel100_forked(c);
	return leg_fork_uas(&c->caller) == 0;
}

static void relay_1xx(struct call *c, struct attempt *a, const sip_t *sip, int status)
{
	bool had_sdp = c->told_sdp;
	const char *body;

	if (status == 100 || status == 199)
		return;
	body = said_early(c, a, sip);
	if (!c->ringing_ns)
		c->ringing_ns = clock_mono_ns();
	if (status == 180)
		voice_ringback(c, a);
	if (forked(c) || status != c->told_1xx || (body && !had_sdp))
		tell_1xx(c, status, body, sip->sip_rseq != NULL);
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
			segment_add(&call_counters()->late_18x, 1);
		return DECIDE_LATE;
	}
	reply = decide_reply(
	    &c->decide, call_deps()->health, a->index, (uint16_t)status, clock_mono_ns());
	if (reply == DECIDE_LATE) {
		segment_add(&call_counters()->late_18x, 1);
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
			call_changed(c);
		a->told_1xx = (uint16_t)status;
		ask(c, a);
	}
	call_arm(c);
	return reply;
}

bool call_takes(struct call *c, struct attempt *a)
{
	bool late = a->state == ATTEMPT_ABANDONED || a->state == ATTEMPT_CANCELLING;

	if (late)
		segment_add(&call_counters()->late_200, 1);
	return c->state == CALL_SETUP && decide_reply(&c->decide, call_deps()->health, a->index, 200,
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
	call_arm(c);
}

void call_on_answer(struct call *c, struct attempt *a, const sip_t *sip)
{
	struct bridge_body said = fork_said(a, sip);
	const char *body;

	if (bridge_answer(&c->bridge, &a->side, &said, BRIDGE_FINAL, &body) < 0) {
		bad_answer(c, a);
		return;
	}
	forked(c);
	decide_answered(&c->decide, call_deps()->health, a->index, clock_mono_ns());
	a->cause = CAUSE_ANSWERED;
	c->winner = a;
	leg_heard(&a->leg, sip);
	refresh_answered(&a->leg.refresh, sip, clock_mono_ns(), call_scale());
	c->answered_ns = clock_mono_ns();
	c->answered_wall_ms = clock_wall_ms();
	if (c->bridge.late && !a->side.inserted)
		c->ack_owed = &a->leg;
	else
		leg_ack(&a->leg, NULL);
	rel100_answer(c, body);
	early_won(c, a);
	hearing_answered(c);
	segment_add(&call_counters()->calls_answered, 1);
	voice_over(c);
	c->cancel_reason = "SIP;cause=200;text=\"Call completed elsewhere\"";
	give_up_others(c, a);
	end_setup(c);
	flight_answered(c->id, c->decide.count > 1, c->answered_ns);
	call_enter(c, CALL_ANSWERED);
	call_changed(c);
	call_arm(c);
}

/* Whose health the call speaks of where the 3xx leads: that address is a hop of the trunk, or none. */
static void redirect_hop(struct attempt *a)
{
	const struct health *h = call_deps()->health;
	const struct health_hop *from = &h->hop[a->hop];

	if (!a->outcome.repairable)
		return;
	a->outcome.moved = true;
	a->outcome.hop = KEDGE_HOP_NONE;
	for (uint16_t i = 0; i < h->hop_count; i++)
		if (h->hop[i].used && h->hop[i].trunk == from->trunk && h->hop[i].transport == from->transport &&
		    memcmp(&h->hop[i].addr, &a->redirect.addr, sizeof(a->redirect.addr)) == 0)
			a->outcome.hop = i;
}

/* What its end was: a reply, or what our stack made of the path. */
static void read_failure(struct call *c, struct attempt *a, const sip_t *sip)
{
	struct failure_evidence e = { .stream = a->leg.transport == CONF_TCP,
		.connected = attempt_connected(a),
		.progress = a->best_1xx > 0 };
	struct failure f;
	struct kedge_addr local;

	failure_evidence(&e, sip, c->home);
	failure_read(&f, &e);
	a->outcome = f.outcome;
	/* Over TCP once more, where this was a datagram. */
	if (a->outcome.code == 513 && a->leg.transport == CONF_UDP)
		a->outcome.repairable = listen_local(a->leg.iface, a->leg.peer.family, 1, &local) == 0;
	if (a->outcome.code == 422 && refresh_refused(&a->leg.refresh, leg_trunk(&a->leg), sip))
		a->outcome.repairable = true;
	if (a->outcome.code / 100 == 3) {
		a->outcome.repairable =
		    redirect_read(&a->redirect, c->home, leg_trunk(&a->leg), &a->side.peer, a->ruri, sip);
		redirect_hop(a);
	}
	a->cause = f.outcome.cause;
	failure_reason(a->reason, sizeof(a->reason), e.received ? e.reason : NULL);
}

/* Connection gone before any 1xx: the next one, and the branch may still answer. */
void call_on_lost(struct call *c, struct attempt *a)
{
	a->cause = CAUSE_LOST;
	outcome(c, a);
	call_arm(c);
}

void call_on_failure(struct call *c, struct attempt *a, const sip_t *sip)
{
	read_failure(c, a, sip);
	if (a->over == ATTEMPT_OVER_TCP && a->cause == CAUSE_UNREACHABLE)
		a->cause = CAUSE_LIMIT; /* it is no failure of a UDP hop to have no TCP */
	if (c->state == CALL_SETUP) {
		if (!a->internal || !fall_back(c, a, "refused"))
			outcome(c, a);
		call_arm(c);
	}
}

/* The callee may be ringing: nobody else is called, ring and progress timers run on. What we send opens a connection that
 * the hop can answer on, and tells health whether it lives; it may come back on one of its own. */
void call_on_path_lost(struct call *c, struct attempt *a)
{
	char hop[64];

	event_log(call_path_lost, .trunk = c->conf->trunks.v[a->trunk].name,
	    .hop = listen_print(&a->leg.peer, hop, sizeof(hop)), .code = a->best_1xx, .call = c->id);
	call_deps()->check(a->hop);
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
	} else if (decide_outcome(&c->decide, call_deps()->health, a->index, &o, clock_mono_ns())) {
		setup_advance(c);
	}
}

void call_on_over(struct call *c, struct attempt *a, const sip_t *sip, bool cancelled_by_us)
{
	uint16_t status = a->internal || cancelled_by_us ? 0 : a->status;

	(void)sip;
	closed_branch(c, a, status >= 300 ? status : 0);
	call_arm(c);
}

/* ---- the clock ------------------------------------------------------------------------------ */

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
		connect_due(c, a);
	}
	if (a->due_ns[ATTEMPT_DUE_DECIDE] && a->due_ns[ATTEMPT_DUE_DECIDE] <= now)
		ask(c, a);
}

void setup_tick(struct call *c, uint64_t now)
{
	for (struct attempt *a = c->attempts; a; a = a->next)
		attempt_tick(c, a, now);
	if (c->delayed_ns && c->delayed_ns <= now) {
		c->delayed_ns = 0;
		start_attempt(c, &c->delayed);
	}
	if (c->next_ns && c->next_ns <= now) {
		c->next_ns = 0;
		setup_advance(c);
	}
	if (c->inform_timer_ns && c->inform_timer_ns <= now) {
		c->inform_timer_ns = 0;
		inform_look(c, now);
	}
	if (c->repeat_ns && c->repeat_ns <= now)
		repeat_ringing(c);
	rel100_tick(c, now);
	if (c->announce_ns && c->announce_ns <= now)
		setup_fail(c, &c->announce);
}
