// SPDX-License-Identifier: MIT
#include "sig/dialog/leg.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sofia-sip/nta_tport.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_status.h>
#include <sofia-sip/su_tag.h>
#include <sofia-sip/url.h>

#include "config/event.h"
#include "sig/edge/branch.h"
#include "sig/call.h"
#include "sig/books/flight.h"

#define URL(text) ((url_string_t *)(text))

static const char *const state_names[LEG_STATE_COUNT] = {
#define S(x) #x,
	LEG_STATES(S)
#undef S
};

const char *leg_state_name(enum leg_state s)
{
	return state_names[s];
}

/* ---- addresses ------------------------------------------------------------------------------ */

static int literal_of(const url_t *url, struct kedge_addr *out)
{
	char host[INET6_ADDRSTRLEN + 2];
	size_t n = url && url->url_host ? strlen(url->url_host) : 0;
	const char *p = url ? url->url_host : NULL;
	unsigned long port = 5060;

	memset(out, 0, sizeof(*out));
	if (n == 0 || n >= sizeof(host))
		return -EINVAL;
	memcpy(host, p, n + 1);
	if (host[0] == '[' && host[n - 1] == ']') {
		host[n - 1] = 0;
		if (inet_pton(AF_INET6, host + 1, out->ip) != 1)
			return -EINVAL;
		out->family = AF_INET6;
	} else {
		if (inet_pton(AF_INET, host, out->ip) != 1)
			return -EINVAL;
		out->family = AF_INET;
	}
	if (url->url_port && url->url_port[0])
		port = strtoul(url->url_port, NULL, 10);
	if (port == 0 || port > 65535)
		return -EINVAL;
	out->port = (uint16_t)port;
	return 0;
}

static bool same_ip(const struct kedge_addr *a, const struct kedge_addr *b)
{
	return a->family == b->family && memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

static bool is_private(const struct kedge_addr *a)
{
	if (a->family == AF_INET6)
		return (a->ip[0] & 0xfe) == 0xfc || (a->ip[0] == 0xfe && (a->ip[1] & 0xc0) == 0x80);
	return a->ip[0] == 10 || (a->ip[0] == 172 && (a->ip[1] & 0xf0) == 16) ||
	       (a->ip[0] == 192 && a->ip[1] == 168) || (a->ip[0] == 100 && (a->ip[1] & 0xc0) == 64);
}

static int transport_of(const struct leg *l, const url_t *url, const struct kedge_addr *to)
{
	char value[8];

	if (url->url_params && url_param(url->url_params, "transport", value, sizeof(value)) > 0)
		return strcasecmp(value, "tcp") == 0 ? CONF_TCP : CONF_UDP;
	/* Many a peer that speaks TCP forgets to say so in its Contact. */
	return same_ip(to, &l->peer) ? l->transport : CONF_UDP;
}

static char *route_print(char *out, const struct kedge_addr *to, int transport)
{
	char host[64];

	listen_print(to, host, sizeof(host));
	snprintf(
	    out, LEG_ROUTE, "sip:%s;transport=%s", host, transport == CONF_TCP ? "tcp" : "udp");
	return out;
}

static int next_hop(const struct leg *l, nta_leg_t *dialog, struct kedge_addr *to)
{
	const sip_route_t *route = NULL;
	const sip_contact_t *target = NULL;
	const url_t *url;
	struct kedge_addr local;

	nta_leg_get_route(dialog, &route, &target);
	url = route ? route->r_url : target ? target->m_url : NULL;
	if (!l->nat && url && literal_of(url, to) == 0) {
		int transport = transport_of(l, url, to);

		if (listen_local(l->iface, to->family, transport == CONF_TCP, &local) == 0)
			return transport;
	}
	*to = l->peer;
	return l->transport;
}

static char *route_in(const struct leg *l, nta_leg_t *dialog, char out[static LEG_ROUTE])
{
	struct kedge_addr to;
	int transport = next_hop(l, dialog, &to);

	return route_print(out, &to, transport);
}

static void branch_in(const struct leg *l, nta_leg_t *dialog, char out[static LISTEN_BRANCH])
{
	struct kedge_addr to;

	next_hop(l, dialog, &to);
	branch_make(out, &to, l->call ? leg_trunk(l)->name : NULL);
}

void leg_branch(const struct leg *l, char out[static LISTEN_BRANCH])
{
	branch_in(l, l->nta, out);
}

char *leg_route(const struct leg *l, char out[static LEG_ROUTE])
{
	return route_in(l, l->nta, out);
}

/* Behind NAT a private Contact cannot be reached; the source the request came from can. */
static bool behind_nat(const struct leg *l, const sip_contact_t *contact)
{
	struct kedge_addr at;

	return contact && literal_of(contact->m_url, &at) == 0 && is_private(&at) &&
	       !same_ip(&at, &l->peer) && !is_private(&l->peer);
}

static sip_contact_t *contact_new(struct leg *l, const char *user)
{
	char host[64], text[256];

	if (listen_hostport(
	        l->iface, l->peer.family, l->transport == CONF_TCP, host, sizeof(host)) < 0)
		return NULL;
	snprintf(text, sizeof(text), "<sip:%.128s%s%s%s>", user, user[0] ? "@" : "", host,
	    l->transport == CONF_TCP ? ";transport=tcp" : "");
	return sip_contact_make((su_home_t *)l->call, text);
}

/* ---- requests inside the dialog ------------------------------------------------------------- */

const char leg_allow[] = "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, MESSAGE";

const char *leg_supported(const struct leg *l)
{
	return l->call->conf->trunks.v[l->trunk].rel100 != CONF_REL100_NO ? "100rel" : NULL;
}

static void reply_and_end(nta_incoming_t *irq, int status, const char *phrase)
{
	nta_incoming_treply(irq, status, phrase,
	    TAG_IF(status == 405 || status == 200, SIPTAG_ALLOW_STR(leg_allow)),
	    TAG_END());
	nta_incoming_destroy(irq);
}

bool leg_may_speak(const struct leg *l, const struct kedge_addr *from)
{
	return same_ip(from, &l->peer) || call_source_is(l->call, l->trunk, l->iface, from);
}

/* Whoever learnt our tags must also speak from one of the trunk's addresses. */
bool leg_from_peer(const struct leg *l, nta_incoming_t *irq)
{
	msg_t *msg = nta_incoming_getrequest(irq);
	struct kedge_addr source;
	bool ok = false;

	if (msg && listen_source(msg, &source) == 0)
		ok = leg_may_speak(l, &source);
	if (msg)
		msg_destroy(msg);
	return ok;
}

static int on_request(nta_leg_magic_t *magic, nta_leg_t *nta, nta_incoming_t *irq, const sip_t *sip);

/* The dialog is made anew, as it was but for our tag and what was heard last. 0 or -ENOMEM: it stays. */
static int make_anew(struct leg *l, const char *tag)
{
	su_home_t scratch[1] = { SU_HOME_INIT(scratch) };
	const char *rtag = nta_leg_get_rtag(l->nta);
	const sip_route_t *route = NULL;
	const sip_contact_t *target = NULL;
	nta_leg_t *anew;
	bool good;

	su_home_init(scratch);
	nta_leg_get_route(l->nta, &route, &target);
	anew = nta_leg_tcreate(l->agent, on_request, (nta_leg_magic_t *)l, SIPTAG_CALL_ID_STR(l->call_id),
	    SIPTAG_FROM_STR(su_sprintf(scratch, "%s;tag=%s", l->local, tag)),
	    SIPTAG_TO_STR(su_sprintf(scratch, rtag ? "%s;tag=%s" : "%s", l->remote, rtag)),
	    NTATAG_REMOTE_CSEQ(l->remote_cseq),
	    SIPTAG_CSEQ_STR(su_sprintf(scratch, "%u INVITE", nta_leg_get_seq(l->nta))), TAG_END());
	good = anew && nta_leg_server_route(anew, route, target) >= 0;
	nta_leg_destroy(good ? l->nta : anew);
	if (good)
		l->nta = anew;
	su_home_deinit(scratch);
	return good ? 0 : -ENOMEM;
}

/* The library took the CSeq of a request before we could see who sent it: one with a high number would have the
 * peer's own requests refused as out of order. */
static void unhear(struct leg *l)
{
	if (nta_leg_get_rseq(l->nta) != l->remote_cseq)
		make_anew(l, l->tag);
}

int leg_fork_uas(struct leg *l)
{
	char *of_irq = (char *)nta_incoming_gettag(l->irq);
	char tag[LISTEN_TOKEN];

	listen_token(tag);
	if (!of_irq || strlen(of_irq) != strlen(tag) || make_anew(l, tag) < 0)
		return -ENOMEM;
	memcpy(l->tag, tag, sizeof(tag));
	memcpy(of_irq, tag, strlen(tag)); /* of the same length: the library cannot change it, only read it */
	return 0;
}

static void dispatch(struct leg *l, nta_leg_t *dialog, nta_incoming_t *irq, const sip_t *sip)
{
	if (sip->sip_request->rq_method == sip_method_ack) {
		nta_incoming_destroy(irq); /* of an INVITE whose transaction is over */
		return;
	}
	if (!leg_from_peer(l, irq)) {
		reply_and_end(irq, SIP_403_FORBIDDEN);
		if (dialog == l->nta)
			unhear(l);
		return;
	}
	if (dialog == l->nta) /* not an early one beside it: it has a line of numbers of its own */
		l->remote_cseq = sip->sip_cseq->cs_seq;
	/* A phone that rang beside the one that answered has a dialog of its own: it must not end or change what that has. */
	if (!call_has(l->call, l) || (dialog != l->nta && l->state != LEG_EARLY)) {
		reply_and_end(irq, SIP_481_NO_TRANSACTION);
		return;
	}
	switch (sip->sip_request->rq_method) {
	case sip_method_bye:
		call_on_bye(l->call, l, irq, sip);
		break;
	case sip_method_invite:
		call_on_offer(l->call, l, irq, sip);
		break;
	case sip_method_update:
		if (l->call->state == CALL_SETUP) {
			early_update(l->call, l, dialog, irq, sip);
			break;
		}
		call_on_offer(l->call, l, irq, sip);
		break;
	case sip_method_options:
		reply_and_end(irq, SIP_200_OK);
		break;
	case sip_method_info:
	case sip_method_message:
		inside_request(l->call, l, irq, sip);
		break;
	case sip_method_refer: /* passed on it would let a stranger dial on somebody's account */
		if (leg_trunk(l)->side == CONF_SIDE_CARRIER) {
			reply_and_end(irq, SIP_603_DECLINE);
			break;
		}
		/* fall through */
	default:
		reply_and_end(irq, SIP_405_METHOD_NOT_ALLOWED);
	}
}

static int on_request(nta_leg_magic_t *magic, nta_leg_t *nta, nta_incoming_t *irq, const sip_t *sip)
{
	struct leg *l = (struct leg *)magic;
	struct call *c = l->call;

	call_hold(c);
	dispatch(l, nta, irq, sip);
	call_release(c);
	return 0;
}

bool leg_contact_ok(const sip_contact_t *contact)
{
	return contact && !contact->m_next &&
	       (contact->m_url->url_type == url_sip || contact->m_url->url_type == url_sips) && contact->m_url->url_host;
}

/* ---- begin, answer -------------------------------------------------------------------------- */

/* In one block: from 21 of them on a home's table of blocks takes 2.5 KB, and an answered call is not to have so many. */
static int keep_names(struct leg *l, const char *id, const char *local, const char *remote)
{
	size_t a = strlen(id) + 1, b = strlen(local) + 1, c = strlen(remote) + 1;
	char *text = su_alloc((su_home_t *)l->call, (isize_t)(a + b + c));

	if (!text)
		return -ENOMEM;
	l->call_id = memcpy(text, id, a);
	l->local = memcpy(text + a, local, b);
	l->remote = memcpy(text + a + b, remote, c);
	return 0;
}

static int keep_names_of(struct leg *l, const sip_t *sip)
{
	su_home_t scratch[1] = { SU_HOME_INIT(scratch) };
	const char *local, *remote;
	int rc;

	su_home_init(scratch);
	local = su_sprintf(scratch, "<%s>", url_as_string(scratch, sip->sip_to->a_url));
	remote = su_sprintf(scratch, "<%s>", url_as_string(scratch, sip->sip_from->a_url));
	rc = local && remote ? keep_names(l, sip->sip_call_id->i_id, local, remote) : -ENOMEM;
	su_home_deinit(scratch);
	return rc;
}

int leg_begin_uas(
    struct leg *l, nta_agent_t *agent, const sip_t *sip, const struct kedge_addr *source)
{
	l->agent = agent;
	l->peer = *source;
	l->uas = true;
	l->transport = sip->sip_via && strcasecmp(sip_via_transport(sip->sip_via), "tcp") == 0
	                   ? CONF_TCP
	                   : CONF_UDP;
	l->nat = !sip->sip_record_route && behind_nat(l, sip->sip_contact);
	listen_token(l->tag);
	l->remote_cseq = sip->sip_cseq->cs_seq;
	if (keep_names_of(l, sip) < 0)
		return -ENOMEM;
	l->contact = contact_new(l, "");
	l->nta = nta_leg_tcreate(agent, on_request, (nta_leg_magic_t *)l,
	    SIPTAG_CALL_ID(sip->sip_call_id), SIPTAG_FROM(sip->sip_to), SIPTAG_TO(sip->sip_from),
	    NTATAG_REMOTE_CSEQ(sip->sip_cseq->cs_seq), SIPTAG_CSEQ_STR("100 INVITE"), TAG_END());
	if (!l->nta || !l->contact)
		return -ENOMEM;
	if (!nta_leg_tag(l->nta, l->tag) ||
	    nta_leg_server_route(l->nta, sip->sip_record_route, sip->sip_contact) < 0)
		return -ENOMEM;
	l->state = LEG_EARLY;
	return 0;
}

int leg_begin_uac(struct leg *l, nta_agent_t *agent, const char *from, const char *to,
    const char *contact_user, const struct kedge_addr *hop, unsigned transport)
{
	char id[2 * LISTEN_TOKEN];

	l->agent = agent;
	l->peer = *hop;
	l->transport = (uint8_t)transport;
	listen_token(l->tag);
	listen_token(id);
	listen_token(id + LISTEN_TOKEN - 1);
	if (keep_names(l, id, from, to) < 0)
		return -ENOMEM;
	l->contact = contact_new(l, contact_user);
	l->nta =
	    nta_leg_tcreate(agent, on_request, (nta_leg_magic_t *)l, SIPTAG_CALL_ID_STR(l->call_id),
	        SIPTAG_FROM_STR(from), SIPTAG_TO_STR(to), SIPTAG_CSEQ_STR("100 INVITE"), TAG_END());
	if (!l->nta || !l->contact)
		return -ENOMEM;
	if (!nta_leg_tag(l->nta, l->tag))
		return -ENOMEM;
	flight_leg(l->call->id, l->call_id);
	l->state = LEG_EARLY;
	return 0;
}

void leg_answered(struct leg *l, const sip_t *sip, bool final)
{
	if (sip->sip_to->a_tag && !nta_leg_get_rtag(l->nta))
		nta_leg_rtag(l->nta, sip->sip_to->a_tag);
	/* A target that is no SIP URI cannot be asked: the address the dialog began with stays. */
	nta_leg_client_reroute(
	    l->nta, sip->sip_record_route, leg_contact_ok(sip->sip_contact) ? sip->sip_contact : NULL, final);
	l->nat = !sip->sip_record_route && behind_nat(l, sip->sip_contact);
	if (final)
		l->state = LEG_UP;
}

nta_leg_t *leg_fork(struct leg *l, const char *rtag)
{
	char cseq[24];
	nta_leg_t *nta;

	snprintf(cseq, sizeof(cseq), "%u INVITE", l->invite_cseq);
	nta = nta_leg_tcreate(l->agent, on_request, (nta_leg_magic_t *)l,
	    SIPTAG_CALL_ID_STR(l->call_id), SIPTAG_FROM_STR(l->local), SIPTAG_TO_STR(l->remote),
	    SIPTAG_CSEQ_STR(cseq), TAG_END());
	if (nta && nta_leg_tag(nta, l->tag) && nta_leg_rtag(nta, rtag))
		return nta;
	nta_leg_destroy(nta);
	return NULL;
}

void leg_early(struct leg *l, nta_leg_t *early, const sip_t *sip)
{
	nta_leg_client_reroute(early, sip->sip_record_route, leg_contact_ok(sip->sip_contact) ? sip->sip_contact : NULL, 0);
	l->nat = !sip->sip_record_route && behind_nat(l, sip->sip_contact);
}

void leg_retarget(struct leg *l, const sip_t *sip)
{
	if (!leg_contact_ok(sip->sip_contact))
		return;
	nta_leg_client_reroute(l->nta, NULL, sip->sip_contact, 0);
	l->nat = l->nat && behind_nat(l, sip->sip_contact);
}

/* ---- requests of ours ----------------------------------------------------------------------- */

const struct conf_trunk *leg_trunk(const struct leg *l)
{
	return &l->call->conf->trunks.v[l->trunk];
}

void leg_heard(struct leg *l, const sip_t *sip)
{
	if (sip->sip_allow)
		l->update = sip_is_allowed(sip->sip_allow, sip_method_update, "UPDATE");
}

int leg_ask(struct leg *l, bool update, const char *body, nta_response_f *cb, void *magic)
{
	char route[LEG_ROUTE], lines[REFRESH_LINES], branch[LISTEN_BRANCH];
	const char *agent = call_agent_text(l->call);

	assert(!l->orq);
	leg_branch(l, branch);
	refresh_request(&l->refresh, leg_trunk(l), lines);
	l->orq = nta_outgoing_tcreate(l->nta, cb, magic, URL(leg_route(l, route)),
	    update ? sip_method_update : sip_method_invite, update ? "UPDATE" : "INVITE", NULL,
	    NTATAG_BRANCH_KEY(branch), SIPTAG_CONTACT(l->contact), SIPTAG_ALLOW_STR(leg_allow),
	    TAG_IF(agent, SIPTAG_USER_AGENT_STR(agent)), TAG_IF(lines[0], SIPTAG_HEADER_STR(lines)),
	    TAG_IF(body, SIPTAG_CONTENT_TYPE_STR("application/sdp")),
	    TAG_IF(body, SIPTAG_PAYLOAD_STR(body)), TAG_END());
	if (!l->orq)
		return -EIO;
	l->resent = false;
	listen_hear_end(l->orq);
	if (!update) { /* its ACK needs both */
		memcpy(l->branch, branch, sizeof(branch));
		l->invite_cseq = nta_leg_get_seq(l->nta);
	}
	return 0;
}

void leg_ack(struct leg *l, const char *body)
{
	char route[LEG_ROUTE], cseq[24];
	nta_outgoing_t *ack;

	snprintf(cseq, sizeof(cseq), "%u ACK", l->invite_cseq);
	ack = nta_outgoing_tcreate(l->nta, NULL, NULL, URL(leg_route(l, route)), SIP_METHOD_ACK,
	    NULL, NTATAG_ACK_BRANCH(l->branch), SIPTAG_CSEQ_STR(cseq),
	    TAG_IF(body, SIPTAG_CONTENT_TYPE_STR("application/sdp")),
	    TAG_IF(body, SIPTAG_PAYLOAD_STR(body)), TAG_END());
	nta_outgoing_destroy(ack); /* nta keeps it for retransmitted answers */
}

/* Nobody waits for the answer: a 481 says that the phone does not need the PRACK, silence that the
 * INVITE will fail too. */
static int on_prack_response(nta_outgoing_magic_t *magic, nta_outgoing_t *orq, const sip_t *sip)
{
	(void)magic;
	if (!sip || sip->sip_status->st_status >= 200)
		nta_outgoing_destroy(orq);
	return 0;
}

void leg_prack(struct leg *l, nta_leg_t *early, uint32_t rseq, const char *body)
{
	char route[LEG_ROUTE], branch[LISTEN_BRANCH], rack[40];

	branch_in(l, early, branch);
	snprintf(rack, sizeof(rack), "%u %u INVITE", rseq, l->invite_cseq);
	nta_outgoing_tcreate(early, on_prack_response, NULL, URL(route_in(l, early, route)),
	    SIP_METHOD_PRACK, NULL, NTATAG_BRANCH_KEY(branch), SIPTAG_RACK_STR(rack),
	    TAG_IF(body, SIPTAG_CONTENT_TYPE_STR("application/sdp")),
	    TAG_IF(body, SIPTAG_PAYLOAD_STR(body)), TAG_END());
}

bool leg_lost_connection(nta_outgoing_t *orq, const sip_t *sip)
{
	tport_t *t = nta_sip_is_internal(sip) && nta_outgoing_status(orq) != 408 ? nta_outgoing_transport(orq) : NULL;
	bool yes = t && tport_is_stream(t) && tport_is_connected(t);

	if (t)
		tport_unref(t);
	return yes;
}

void leg_bye_over(struct leg *l)
{
	l->state = LEG_GONE;
	call_leg_gone(l->call, l);
	call_release(l->call);
}

static int on_bye_response(nta_outgoing_magic_t *magic, nta_outgoing_t *orq, const sip_t *sip)
{
	struct leg *l = (struct leg *)magic;
	bool again = !l->bye_again && leg_lost_connection(orq, sip);

	if (sip && sip->sip_status->st_status < 200)
		return 0;
	l->bye = NULL;
	nta_outgoing_destroy(orq);
	l->bye_again = true;
	if (again && leg_send_bye(l, NULL, 0))
		return 0;
	if (l->dead && farewell_goes_on(l, sip)) { /* nobody heard it: the leg is over but for that */
		l->state = LEG_GONE;
		call_leg_gone(l->call, l);
		call_arm(l->call);
	} else {
		leg_bye_over(l);
	}
	return 0;
}

bool leg_send_bye(struct leg *l, const struct kedge_addr *to, unsigned transport)
{
	char route[LEG_ROUTE], branch[LISTEN_BRANCH];

	if (to) {
		route_print(route, to, (int)transport);
		branch_make(branch, to, leg_trunk(l)->name);
	} else {
		leg_route(l, route);
		leg_branch(l, branch);
	}
	l->bye = nta_outgoing_tcreate(l->nta, on_bye_response, (nta_outgoing_magic_t *)l, URL(route), SIP_METHOD_BYE, NULL, NTATAG_BRANCH_KEY(branch),
	    TAG_IF(l->bye_reason, SIPTAG_REASON_STR(l->bye_reason)), TAG_END());
	if (l->bye)
		listen_hear_end(l->bye);
	return l->bye != NULL;
}

void leg_bye(struct leg *l, const char *reason)
{
	if (l->state == LEG_ENDING || l->state == LEG_GONE || l->state == LEG_IDLE)
		return;
	l->bye_reason = reason ? su_strdup((su_home_t *)l->call, reason) : NULL;
	if (!leg_send_bye(l, NULL, 0)) {
		l->state = LEG_GONE;
		call_leg_gone(l->call, l);
		return;
	}
	l->state = LEG_ENDING;
	call_hold(l->call);
}

void leg_end(struct leg *l)
{
	if (l->state != LEG_ENDING)
		l->state = LEG_GONE;
}

void leg_fini(struct leg *l)
{
	if (l->bye) /* its answer is not waited for: the process ends */
		nta_outgoing_destroy(l->bye);
	if (l->orq)
		nta_outgoing_destroy(l->orq);
	if (l->irq)
		nta_incoming_destroy(l->irq);
	nta_leg_destroy(l->nta);
	l->bye = l->orq = NULL;
	l->irq = NULL;
	l->nta = NULL;
}
