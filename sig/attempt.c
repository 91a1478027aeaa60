// SPDX-License-Identifier: MIT
#include "sig/attempt.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sofia-sip/nta_stateless.h>
#include <sofia-sip/nta_tport.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_status.h>
#include <sofia-sip/sip_util.h>
#include <sofia-sip/su_tag.h>
#include <sofia-sip/tport.h>

#include "config/clock.h"
#include "sig/edge/branch.h"
#include "sig/call.h"
#include "sig/failure.h"

#define URL(text) ((url_string_t *)(text))

#define BUCKETS 4096 /* of live branches; a power of two */
#define RECENT  8192 /* branches remembered after their attempt: 64*T1 at 250 attempts a second */

struct recent {
	char token[LISTEN_TOKEN - 1];
	uint64_t until_ns;
};

static struct {
	struct attempt *bucket[BUCKETS];
	struct recent recent[RECENT];
	uint32_t recent_next;
	uint64_t window_ns;
} attempts;

static const char *const state_names[ATTEMPT_STATE_COUNT] = {
#define S(x) #x,
	ATTEMPT_STATES(S)
#undef S
};

const char *attempt_state_name(enum attempt_state s)
{
	return state_names[s];
}

void attempt_init(uint32_t t1_ms)
{
	attempts.window_ns = 64ULL * t1_ms * CLOCK_NS_PER_MS;
}

/* ---- branches ------------------------------------------------------------------------------- */

/* The token behind z9hG4bK is random, so a few of its characters are hash enough. */
static uint32_t bucket_of(const char *branch)
{
	uint32_t h = 2166136261u;

	for (const char *p = branch + 7; *p; p++)
		h = (h ^ (uint8_t)*p) * 16777619u;
	return h % BUCKETS;
}

static void branch_add(struct attempt *a)
{
	struct attempt **b = &attempts.bucket[bucket_of(a->branch)];

	a->hash_next = *b;
	*b = a;
}

static void branch_remove(struct attempt *a)
{
	struct attempt **b = &attempts.bucket[bucket_of(a->branch)];

	while (*b && *b != a)
		b = &(*b)->hash_next;
	if (*b)
		*b = a->hash_next;
}

static bool is_ours(const char *branch)
{
	return branch && strlen(branch) == LISTEN_BRANCH - 1 && strncmp(branch, "z9hG4bK", 7) == 0;
}

static struct attempt *branch_find(const char *branch)
{
	struct attempt *a = attempts.bucket[bucket_of(branch)];

	while (a && strcmp(a->branch, branch) != 0)
		a = a->hash_next;
	return a;
}

static void recent_add(const struct attempt *a)
{
	struct recent *r = &attempts.recent[attempts.recent_next++ % RECENT];

	memcpy(r->token, a->branch + 7, sizeof(r->token));
	r->until_ns = clock_mono_ns() + attempts.window_ns;
}

/* Rare enough to be searched: it happens when a 2xx comes for a branch that already ended. */
static bool recent_has(const char *branch)
{
	uint64_t now = clock_mono_ns();

	for (size_t i = 0; i < RECENT; i++)
		if (attempts.recent[i].until_ns > now &&
		    memcmp(attempts.recent[i].token, branch + 7, LISTEN_TOKEN - 1) == 0)
			return true;
	return false;
}

/* ---- states --------------------------------------------------------------------------------- */

bool attempt_open(const struct attempt *a)
{
	return a->state != ATTEMPT_IDLE && a->state != ATTEMPT_WON && a->state != ATTEMPT_DONE;
}

/* An attempt holds its call while an answer can come. */
static void enter(struct attempt *a, enum attempt_state to)
{
	bool was_open = attempt_open(a);

	a->state = to;
	if (!was_open && attempt_open(a))
		call_hold(a->call);
	if (was_open && !attempt_open(a)) {
		memset(a->due_ns, 0, sizeof(a->due_ns));
		a->ended_ns = clock_mono_ns();
		call_release(a->call);
	}
}

static void drop_transaction(struct attempt *a)
{
	if (a->orq)
		nta_outgoing_destroy(a->orq);
	a->orq = NULL;
}

/* Nobody waits for it any more, but answers may still come for a while. */
static void abandon(struct attempt *a, enum attempt_state to)
{
	enter(a, to);
	a->given_up = true;
	memset(a->due_ns, 0, sizeof(a->due_ns));
	a->due_ns[ATTEMPT_DUE_WINDOW] = clock_mono_ns() + attempts.window_ns;
}

/* ---- what we say to a branch outside its transaction ---------------------------------------- */

/* It says what the INVITE said (RFC 3261 9.1), not what its early dialogs have: no To-tag, target
 * or route set of theirs. */
static void send_cancel(struct attempt *a)
{
	char cseq[24];
	nta_leg_t *bare;

	snprintf(cseq, sizeof(cseq), "%u CANCEL", a->leg.invite_cseq);
	bare = nta_leg_tcreate(a->leg.agent, NULL, NULL, SIPTAG_CALL_ID_STR(a->leg.call_id),
	    SIPTAG_FROM_STR(a->leg.local), SIPTAG_TO_STR(a->leg.remote), TAG_END());
	if (!bare)
		return;
	nta_leg_tag(bare, a->leg.tag);
	nta_outgoing_tcreate(bare, NULL, NULL, URL(a->route), SIP_METHOD_CANCEL, URL(a->ruri),
	    NTATAG_BRANCH_KEY(a->branch), SIPTAG_CSEQ_STR(cseq),
	    TAG_IF(a->call->cancel_reason, SIPTAG_REASON_STR(a->call->cancel_reason)), TAG_END());
	nta_leg_destroy(bare);
}

/* ACK of a final other than 2xx: same branch and sent-by as the INVITE (RFC 3261 17.1.1.3). */
static void send_ack(struct attempt *a, const sip_t *sip)
{
	msg_t *msg = nta_msg_create(a->leg.agent, 0);
	char host[64], via[160], cseq[24];

	if (!msg)
		return;
	if (listen_hostport(a->leg.iface, a->leg.peer.family, a->leg.transport == CONF_TCP, host,
	        sizeof(host)) < 0) {
		msg_destroy(msg);
		return;
	}
	/* As the library writes its own. */
	if (strlen(host) > 5 && strcmp(host + strlen(host) - 5, ":5060") == 0)
		host[strlen(host) - 5] = 0;
	snprintf(via, sizeof(via), "SIP/2.0/%s %s;rport;branch=%s",
	    a->leg.transport == CONF_TCP ? "TCP" : "UDP", host, a->branch);
	snprintf(cseq, sizeof(cseq), "%u ACK", a->leg.invite_cseq);
	if (sip_add_tl(msg, sip_object(msg),
	        SIPTAG_REQUEST(
	            sip_request_create(msg_home(msg), SIP_METHOD_ACK, URL(a->ruri), NULL)),
	        SIPTAG_VIA_STR(via), SIPTAG_FROM(sip->sip_from), SIPTAG_TO(sip->sip_to),
	        SIPTAG_CALL_ID(sip->sip_call_id), SIPTAG_CSEQ_STR(cseq),
	        SIPTAG_MAX_FORWARDS_STR("70"), TAG_END()) < 0) {
		msg_destroy(msg);
		return;
	}
	nta_msg_tsend(a->leg.agent, msg, URL(a->route), NTATAG_USER_VIA(1),
	    NTATAG_BRANCH_KEY(a->branch), TAG_END());
}

/* ---- ghosts: a 2xx nobody wants ------------------------------------------------------------- */

static int on_ghost_bye(nta_outgoing_magic_t *magic, nta_outgoing_t *orq, const sip_t *sip)
{
	if (sip && sip->sip_status->st_status < 200)
		return 0;
	nta_outgoing_destroy(orq);
	nta_leg_destroy((nta_leg_t *)magic);
	return 0;
}

/* A dialog of its own for the answer, ACKed and ended with a BYE that is retransmitted: it
 * outlives the call. at: as far as iface, agent, peer and transport go, the leg the answer came
 * to. seq: of the last request there was in a dialog of the branch. */
static void ghost_end(const struct leg *at, const sip_t *sip, const char *branch, uint32_t seq)
{
	struct leg l = {
		.iface = at->iface, .agent = at->agent, .peer = at->peer, .transport = at->transport
	};
	char route[LEG_ROUTE], cseq[24], bye_branch[LISTEN_BRANCH];
	nta_outgoing_t *orq;

	snprintf(cseq, sizeof(cseq), "%u INVITE", seq);
	l.nta = nta_leg_tcreate(l.agent, NULL, NULL, SIPTAG_CALL_ID(sip->sip_call_id),
	    SIPTAG_FROM(sip->sip_from), SIPTAG_TO(sip->sip_to), SIPTAG_CSEQ_STR(cseq), TAG_END());
	if (!l.nta)
		return;
	nta_leg_client_route(l.nta, sip->sip_record_route, sip->sip_contact);
	leg_route(&l, route);
	snprintf(cseq, sizeof(cseq), "%u ACK", sip->sip_cseq->cs_seq);
	orq = nta_outgoing_tcreate(l.nta, NULL, NULL, URL(route), SIP_METHOD_ACK, NULL,
	    NTATAG_ACK_BRANCH(branch), SIPTAG_CSEQ_STR(cseq), TAG_END());
	nta_outgoing_destroy(orq);
	leg_branch(&l, bye_branch);
	orq = nta_outgoing_tcreate(l.nta, on_ghost_bye, (nta_outgoing_magic_t *)l.nta, URL(route),
	    SIP_METHOD_BYE, NULL, NTATAG_BRANCH_KEY(bye_branch), TAG_END());
	if (!orq)
		nta_leg_destroy(l.nta);
	call_count_ghost();
}

/* ---- responses ------------------------------------------------------------------------------ */

/* A 199 says that one phone of several gave up (RFC 6228): nothing rings by it. */
static void advance(struct attempt *a, int status)
{
	if (status > 100 && status != 199 && a->state != ATTEMPT_RINGING) {
		a->ringing_ns = clock_mono_ns();
		enter(a, ATTEMPT_RINGING);
	} else if (a->state == ATTEMPT_CALLING) {
		enter(a, ATTEMPT_PROCEEDING);
	}
}

void attempt_revive(struct attempt *a)
{
	assert(a->state == ATTEMPT_ABANDONED);
	a->ringing_ns = clock_mono_ns();
	a->cause = CAUSE_NONE;
	memset(a->due_ns, 0, sizeof(a->due_ns));
	enter(a, ATTEMPT_RINGING);
}

/* Is it news to anybody? Reliable ones are acknowledged here, of dead branches too, before their
 * CANCEL; behind a 2xx they are past. */
static bool is_news(struct attempt *a, const sip_t *sip, int status)
{
	if (status == 100 || a->state == ATTEMPT_WON || a->state == ATTEMPT_DONE)
		return true;
	return fork_take(a, sip) != FORK_AGAIN;
}

static void on_provisional(struct attempt *a, const sip_t *sip, int status)
{
	if (!is_news(a, sip, status))
		return;
	if (status > a->best_1xx)
		a->best_1xx = (uint16_t)status;
	switch (a->state) {
	case ATTEMPT_CALLING:
	case ATTEMPT_PROCEEDING:
	case ATTEMPT_RINGING:
		advance(a, status);
		call_on_progress(a->call, a, sip);
		break;
	case ATTEMPT_ABANDONED:
		switch (call_on_progress(a->call, a, sip)) {
		case DECIDE_REVIVED:
			break; /* the call did it by attempt_revive() */
		case DECIDE_LATE:
			attempt_cancel_late(a);
			break;
		case DECIDE_FINE: /* only a 100, and nobody has shown more: it stays */
			break;
		}
		break;
	case ATTEMPT_CANCELLING: /* it crossed our CANCEL */
		fork_settle(a);
		break;
	case ATTEMPT_WON: /* it came behind the 2xx */
	case ATTEMPT_DONE:
		break;
	case ATTEMPT_IDLE:
	case ATTEMPT_STATE_COUNT:
		call_unexpected(a->call, attempt_state_name(a->state), "1xx");
	}
}

static void on_success(struct attempt *a, const sip_t *sip)
{
	bool first = a->state != ATTEMPT_WON && a->state != ATTEMPT_DONE;
	const char *rtag = nta_leg_get_rtag(a->leg.nta);

	if (a->state == ATTEMPT_WON && rtag && sip->sip_to->a_tag &&
	    strcmp(rtag, sip->sip_to->a_tag) == 0)
		return; /* repeated: our ACK is not out yet, or was lost and nta repeats it */

	if (first && call_takes(a->call, a)) {
		enter(a, ATTEMPT_WON);
		fork_answered(a, sip);
		call_on_answer(a->call, a, sip);
		/* It lingers by itself; kept by us it would hold both messages for the whole call. */
		drop_transaction(a);
		return;
	}
	/* A second To-tag of the branch that won, or an answer nobody waits for. */
	ghost_end(&a->leg, sip, a->branch, fork_seq(a));
	if (first) {
		enter(a, ATTEMPT_DONE);
		drop_transaction(a);
		call_on_over(a->call, a, sip, true);
	}
}

static void on_final(struct attempt *a, const sip_t *sip)
{
	switch (a->state) {
	case ATTEMPT_CALLING:
	case ATTEMPT_PROCEEDING:
	case ATTEMPT_RINGING:
		enter(a, ATTEMPT_DONE);
		call_on_failure(a->call, a, sip);
		break;
	case ATTEMPT_ABANDONED:
		enter(a, ATTEMPT_DONE);
		call_on_over(a->call, a, sip, false);
		break;
	case ATTEMPT_CANCELLING:
		enter(a, ATTEMPT_DONE);
		call_on_over(a->call, a, sip, true);
		break;
	case ATTEMPT_WON:
	case ATTEMPT_DONE:
		break;
	case ATTEMPT_IDLE:
	case ATTEMPT_STATE_COUNT:
		call_unexpected(a->call, attempt_state_name(a->state), "final");
	}
}

static void take_response(struct attempt *a, const sip_t *sip)
{
	int status = failure_status(sip);

	a->internal = nta_sip_is_internal(sip);
	a->status = (uint16_t)status;
	if (!a->internal) {
		if (!a->reply_ns)
			a->reply_ns = clock_mono_ns();
		call_on_reply(a->call, a);
	}
	if (status < 200)
		on_provisional(a, sip, status);
	else if (status < 300)
		on_success(a, sip);
	else
		on_final(a, sip);
}

static int on_response(nta_outgoing_magic_t *magic, nta_outgoing_t *orq, const sip_t *sip)
{
	struct attempt *a = (struct attempt *)magic;
	struct call *c = a->call;
	int status = nta_outgoing_status(orq);

	assert(sip); /* nta makes a response for its own timeouts too: NTATAG_TIMEOUT_408 */
	call_hold(c);
	take_response(a, sip);
	/* The transaction lingers by itself to ACK repeats; nothing more comes from it to us. */
	if (status >= 300 && a->orq == orq)
		drop_transaction(a);
	call_release(c);
	return 0;
}

/* The callee may be ringing: the transaction stays, and takes its answer from any connection. */
static void path_lost(struct attempt *a)
{
	if (a->path_lost)
		return; /* it was said */
	a->path_lost = true;
	call_on_path_lost(a->call, a);
}

/* The INVITE went out and nothing came back. Once nta has answered for the hop it would end a late 2xx by itself (ACK, one
 * BYE), so it goes before that, and what comes are strays. */
static void lost_unanswered(struct attempt *a)
{
	abandon(a, ATTEMPT_ABANDONED);
	drop_transaction(a);
	call_on_lost(a->call, a);
}

bool attempt_path_lost(nta_outgoing_t *orq)
{
	const char *branch = nta_outgoing_branch(orq);
	struct attempt *a = is_ours(branch) ? branch_find(branch) : NULL;
	struct call *c = a && a->orq == orq ? a->call : NULL;

	if (!c || a->state == ATTEMPT_WON || a->state == ATTEMPT_DONE)
		return false;
	if (a->state == ATTEMPT_CALLING && (a->leg.transport != CONF_TCP || !attempt_connected(a)))
		return false; /* nobody has the INVITE */
	call_hold(c);
	if (a->state == ATTEMPT_CALLING)
		lost_unanswered(a);
	else
		path_lost(a);
	call_release(c);
	return true;
}

/* The branch is known, its attempt is gone: the answer's own source says where it lives. */
static bool ghost_of_recent(unsigned iface, nta_agent_t *agent, msg_t *msg, const sip_t *sip)
{
	struct leg at = { .iface = (uint16_t)iface, .agent = agent };

	if (!recent_has(sip->sip_via->v_branch) || listen_source(msg, &at.peer) < 0)
		return false;
	at.transport =
	    strcasecmp(sip_via_transport(sip->sip_via), "tcp") == 0 ? CONF_TCP : CONF_UDP;
	/* What PRACKs there were nobody knows any more; a gap is allowed. */
	ghost_end(&at, sip, sip->sip_via->v_branch, sip->sip_cseq->cs_seq + 100);
	return true;
}

bool attempt_may_answer(const char *branch, const struct kedge_addr *from)
{
	const struct attempt *a = is_ours(branch) ? branch_find(branch) : NULL;
	const struct kedge_addr *hop = a ? &a->leg.peer : NULL;

	return !a || (hop->family == from->family && memcmp(hop->ip, from->ip, sizeof(hop->ip)) == 0) ||
	       call_source_is(a->call, a->trunk, a->leg.iface, from);
}

bool attempt_stray(unsigned iface, nta_agent_t *agent, msg_t *msg, sip_t *sip)
{
	const char *branch = sip->sip_via ? sip->sip_via->v_branch : NULL;
	int status = failure_status(sip);
	struct kedge_addr from;
	struct attempt *a;

	if (!is_ours(branch) || !sip->sip_cseq || sip->sip_cseq->cs_method != sip_method_invite ||
	    listen_source(msg, &from) < 0 || !attempt_may_answer(branch, &from))
		return false;
	a = branch_find(branch);
	if (a) {
		struct call *c = a->call;

		call_hold(c);
		if (status >= 300)
			send_ack(a, sip);
		take_response(a, sip);
		call_release(c);
	} else if (status < 200 || status >= 300 || !ghost_of_recent(iface, agent, msg, sip)) {
		return false;
	}
	msg_destroy(msg);
	return true;
}

/* ---- begin, give up, end -------------------------------------------------------------------- */

/* It comes to some twenty bytes less: a port of 5060 is not written in Via, Supported is one line. */
static uint32_t size_of(
    const struct attempt *a, const struct kedge_addr *hop, const struct attempt_invite *inv, const char *lines)
{
	char local[64] = "";
	int n;

	listen_hostport(a->leg.iface, hop->family, 0, local, sizeof(local));
	n = snprintf(NULL, 0,
	    "INVITE %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;rport;branch=\r\nMax-Forwards: %u\r\nFrom: %s;tag=\r\nTo: %s\r\n"
	    "Call-ID: \r\nCSeq: 101 INVITE\r\nContact: <sip:%s@%s>\r\nAllow: %s\r\n%s%s%s%s%s%s%s%s%s%s%s"
	    "Content-Type: %s\r\nContent-Length: %zu\r\n\r\n",
	    inv->ruri, local, inv->max_forwards, inv->from, inv->to, inv->contact_user, local, leg_allow,
	    inv->supported ? "Supported: " : "", inv->supported ? inv->supported : "", inv->supported ? "\r\n" : "",
	    inv->require ? "Require: " : "", inv->require ? inv->require : "", inv->require ? "\r\n" : "",
	    inv->user_agent ? "User-Agent: " : "", inv->user_agent ? inv->user_agent : "", inv->user_agent ? "\r\n" : "",
	    lines, inv->headers ? inv->headers : "", inv->body.type ? inv->body.type : "", inv->body.length);
	return (uint32_t)((size_t)n + LISTEN_BRANCH - 1 + 3 * (LISTEN_TOKEN - 1) + inv->body.length);
}

/* What the INVITE goes over. */
static unsigned way_of(struct attempt *a, const struct kedge_addr *hop, unsigned transport, const struct attempt_invite *inv,
    const char *lines)
{
	struct kedge_addr local;

	a->over = ATTEMPT_OVER_OWN;
	if (transport == CONF_TCP || listen_local(a->leg.iface, hop->family, 1, &local) < 0 || !listen_fd_left())
		return transport;
	if (inv->tcp || inv->udp_mtu)
		a->bytes = size_of(a, hop, inv, lines);
	if (inv->tcp)
		a->over = ATTEMPT_OVER_TCP;
	else if (inv->udp_mtu && a->bytes > inv->udp_mtu)
		a->over = ATTEMPT_OVER_LONG;
	return a->over == ATTEMPT_OVER_OWN ? transport : CONF_TCP;
}

int attempt_send(struct attempt *a, nta_agent_t *agent, const struct kedge_addr *hop,
    unsigned transport, const struct attempt_invite *inv)
{
	sip_payload_t payload[1]; /* not a string: a part of a body may be of any bytes */
	char host[64], max_forwards[12], lines[REFRESH_LINES];
	int err;

	assert(a->state == ATTEMPT_IDLE);
	sip_payload_init(payload);
	payload->pl_data = (char *)inv->body.data;
	payload->pl_len = inv->body.length;
	a->leg.call = a->call;
	a->leg.trunk = a->trunk;
	a->ruri = su_strdup((su_home_t *)a->call, inv->ruri);
	refresh_request(&a->leg.refresh, leg_trunk(&a->leg), lines);
	transport = way_of(a, hop, transport, inv, lines);
	err = leg_begin_uac(&a->leg, agent, inv->from, inv->to, inv->contact_user, hop, transport);
	if (err || !a->ruri)
		return err ? err : -ENOMEM;
	snprintf(a->route, sizeof(a->route), "sip:%s;transport=%s",
	    listen_print(hop, host, sizeof(host)), transport == CONF_TCP ? "tcp" : "udp");
	snprintf(max_forwards, sizeof(max_forwards), "%u", inv->max_forwards);
	branch_make(a->branch, hop, leg_trunk(&a->leg)->name);
	memcpy(a->leg.branch, a->branch, sizeof(a->leg.branch));
	a->begun_ns = clock_mono_ns();
	a->offerless = !inv->offers;
	a->orq = nta_outgoing_tcreate(a->leg.nta, on_response, (nta_outgoing_magic_t *)a,
	    URL(a->route), SIP_METHOD_INVITE, URL(a->ruri), NTATAG_BRANCH_KEY(a->branch),
	    NTATAG_PASS_100(1), SIPTAG_CONTACT(a->leg.contact),
	    SIPTAG_MAX_FORWARDS_STR(max_forwards), SIPTAG_ALLOW_STR(leg_allow),
	    TAG_IF(inv->supported, SIPTAG_SUPPORTED_STR(inv->supported)),
	    TAG_IF(inv->require, SIPTAG_REQUIRE_STR(inv->require)),
	    TAG_IF(inv->user_agent, SIPTAG_USER_AGENT_STR(inv->user_agent)),
	    TAG_IF(lines[0], SIPTAG_HEADER_STR(lines)),
	    TAG_IF(inv->headers, SIPTAG_HEADER_STR(inv->headers)),
	    TAG_IF(inv->body.length, SIPTAG_CONTENT_TYPE_STR(inv->body.type)),
	    TAG_IF(inv->body.length, SIPTAG_PAYLOAD(payload)), TAG_END());
	if (!a->orq)
		return -EIO;
	a->leg.invite_cseq = nta_leg_get_seq(a->leg.nta);
	if (transport == CONF_TCP)
		listen_hear_end(a->orq);
	branch_add(a);
	enter(a, ATTEMPT_CALLING);
	return 0;
}

bool attempt_connected(const struct attempt *a)
{
	const tport_t *t = a->orq ? nta_outgoing_transport(a->orq) : NULL;
	bool yes = t && tport_is_connected(t);

	if (t)
		tport_unref((tport_t *)t);
	return yes;
}

void attempt_cancel_late(struct attempt *a)
{
	assert(a->state == ATTEMPT_ABANDONED || (a->state == ATTEMPT_RINGING && !a->orq));
	fork_settle(a);
	send_cancel(a);
	enter(a, ATTEMPT_CANCELLING);
}

void attempt_give_up(struct attempt *a)
{
	switch (a->state) {
	case ATTEMPT_CALLING:
		drop_transaction(a);
		abandon(a, ATTEMPT_ABANDONED);
		break;
	case ATTEMPT_PROCEEDING:
	case ATTEMPT_RINGING:
		fork_settle(a);
		if (a->orq)
			nta_outgoing_tcancel(a->orq, NULL, NULL,
			    TAG_IF(a->call->cancel_reason, SIPTAG_REASON_STR(a->call->cancel_reason)), TAG_END());
		else
			send_cancel(a);
		abandon(a, ATTEMPT_CANCELLING);
		break;
	case ATTEMPT_ABANDONED:
		if (a->reply_ns) /* it showed a 100 since: it can be cancelled now */
			attempt_cancel_late(a);
		break;
	case ATTEMPT_IDLE:
	case ATTEMPT_CANCELLING:
	case ATTEMPT_WON:
	case ATTEMPT_DONE:
	case ATTEMPT_STATE_COUNT:
		break;
	}
}

void attempt_unsend(struct attempt *a)
{
	tport_t *t = a->state == ATTEMPT_CALLING && a->orq ? nta_outgoing_transport(a->orq) : NULL;
	struct leg fresh = { .call = a->leg.call, .iface = a->leg.iface, .trunk = a->leg.trunk };

	assert(!attempt_connected(a));
	fresh.refresh.least_s = a->leg.refresh.least_s;
	drop_transaction(a);
	/* The INVITE waits in the connection, and would go out if that came to stand after all. */
	if (t && tport_is_secondary(t))
		tport_shutdown(t, 2);
	if (t)
		tport_unref(t);
	branch_remove(a);
	leg_fini(&a->leg);
	a->leg = fresh;
	a->status = 0;
	a->cause = CAUSE_NONE;
	a->outcome = (struct decide_outcome){ 0 };
	enter(a, ATTEMPT_IDLE);
	a->ended_ns = 0;
}

void attempt_end(struct attempt *a)
{
	drop_transaction(a);
	if (attempt_open(a))
		enter(a, ATTEMPT_DONE);
}

void attempt_fini(struct attempt *a)
{
	drop_transaction(a);
	if (a->state != ATTEMPT_IDLE) {
		branch_remove(a);
		recent_add(a);
	}
	fork_fini(a);
	leg_fini(&a->leg); /* of one that could not send, too */
}
