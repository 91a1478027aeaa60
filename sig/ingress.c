// SPDX-License-Identifier: MIT
#include "sig/ingress.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sofia-sip/nta_stateless.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_status.h>
#include <sofia-sip/su_tag.h>

#include "config/clock.h"
#include "config/event.h"
#include "routing/plan.h"
#include "sig/attempt.h"
#include "sig/call.h"
#include "sig/listen.h"
#include "sig/profile.h"
#include "sig/trunk.h"

#define STRANGERS  1024 /* addresses remembered for the 403 of once a second */
#define LOOP_MAX   10   /* tokens kept in a request */
#define LOOP_TOKEN 16

static struct {
	const struct segment *seg;
	struct kedge_sig_counters *count;
	const struct conf *conf;
	bool draining;
	struct {
		struct kedge_addr addr;
		uint64_t told_ns;
	} stranger[STRANGERS];
} ingress;

void ingress_init(const struct segment *seg, const struct conf *c)
{
	ingress.seg = seg;
	ingress.count = segment_counters(seg);
	ingress.conf = conf_ref(c);
	ingress.draining = false;
}

void ingress_fini(void)
{
	conf_unref(ingress.conf);
	memset(&ingress, 0, sizeof(ingress));
}

void ingress_drain(void)
{
	ingress.draining = true;
}

/* ---- answers -------------------------------------------------------------------------------- */

static const char *server_text(void)
{
	return ingress.conf->sip.user_agent[0] ? ingress.conf->sip.user_agent : NULL;
}

/* Without a transaction: the next copy of the request gets the same answer again. Consumes msg. */
static void answer(nta_agent_t *agent, msg_t *msg, int status, const char *phrase)
{
	const char *server = server_text();

	nta_msg_treply(agent, msg, status, phrase, TAG_IF(server, SIPTAG_SERVER_STR(server)),
	    TAG_IF(status == 405 || status == 501, SIPTAG_ALLOW_STR(leg_allow)), TAG_END());
}

static void answer_options(nta_agent_t *agent, msg_t *msg)
{
	const char *server = server_text();

	nta_msg_treply(agent, msg, SIP_200_OK, TAG_IF(server, SIPTAG_SERVER_STR(server)),
	    SIPTAG_ALLOW_STR(leg_allow), SIPTAG_ACCEPT_STR("application/sdp"),
	    SIPTAG_ACCEPT_ENCODING_STR("identity"), SIPTAG_ACCEPT_LANGUAGE_STR("en"), TAG_END());
}

static void refuse(
    nta_agent_t *agent, msg_t *msg, sip_t *sip, int status, const char *phrase, const char *headers)
{
	nta_incoming_t *irq = nta_incoming_create(agent, NULL, msg, sip, TAG_END());
	const char *server = server_text();
	char tag[LISTEN_TOKEN];

	if (!irq)
		return;
	listen_token(tag);
	nta_incoming_tag(irq, tag);
	nta_incoming_treply(irq, status, phrase, TAG_IF(server, SIPTAG_SERVER_STR(server)),
	    TAG_IF(headers, SIPTAG_HEADER_STR(headers)), TAG_END());
	nta_incoming_destroy(irq);
}

/* ---- strangers ------------------------------------------------------------------------------ */

static unsigned stranger_slot(const struct kedge_addr *a)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < sizeof(a->ip); i++)
		h = (h ^ a->ip[i]) * 16777619u;
	return h % STRANGERS;
}

/* One 403 a second per address; the rest is dropped, so that we are nobody's amplifier. */
static void stranger(
    nta_agent_t *agent, msg_t *msg, const sip_t *sip, const struct kedge_addr *source)
{
	unsigned slot = stranger_slot(source);
	uint64_t now = clock_mono_ns();
	char text[64];

	segment_add(&ingress.count->refused_unknown_source, 1);
	event_log(sip_stranger, .source = listen_print(source, text, sizeof(text)),
	    .method = sip->sip_request->rq_method_name);
	if (sip->sip_request->rq_method == sip_method_ack ||
	    (memcmp(ingress.stranger[slot].addr.ip, source->ip, sizeof(source->ip)) == 0 &&
	        now - ingress.stranger[slot].told_ns < CLOCK_NS_PER_S)) {
		msg_destroy(msg);
		return;
	}
	ingress.stranger[slot].addr = *source;
	ingress.stranger[slot].told_ns = now;
	answer(agent, msg, SIP_403_FORBIDDEN);
}

/* ---- loops ---------------------------------------------------------------------------------- */

/* Says "this number from this trunk passed here": the same again is a loop, another number a
 * spiral. */
static void loop_token(char out[static LOOP_TOKEN + 1], uint16_t trunk, const char *number)
{
	uint64_t h = 14695981039346656037ULL;

	for (int i = 0; i < 16; i++)
		h = (h ^ ingress.seg->pub->boot_id[i]) * 1099511628211ULL;
	h = (h ^ trunk) * 1099511628211ULL;
	for (const char *p = number; *p; p++)
		h = (h ^ (uint8_t)*p) * 1099511628211ULL;
	h ^= h >> 31;
	snprintf(out, LOOP_TOKEN + 1, "%016llx", (unsigned long long)h);
}

static const char *loop_header(const sip_t *sip)
{
	for (const sip_unknown_t *u = sip->sip_unknown; u; u = u->un_next)
		if (u->un_name && strcasecmp(u->un_name, INGRESS_LOOP) == 0)
			return u->un_value;
	return NULL;
}

/* Writes the header value that the next INVITE carries. 0; -1: it came round, or too often. */
static int loop_next(char *out, size_t size, const char *seen, const char *token)
{
	size_t n = seen ? strlen(seen) : 0;

	if (seen && strstr(seen, token))
		return -1;
	/* A value that is not a list of our tokens is somebody else's: it is not passed on. */
	if (n && strspn(seen, "0123456789abcdef,") != n)
		n = 0;
	if (n > LOOP_MAX * (LOOP_TOKEN + 1))
		return -1;
	snprintf(out, size, "%.*s%s%s", (int)n, n ? seen : "", n ? "," : "", token);
	return 0;
}

/* ---- INVITE --------------------------------------------------------------------------------- */

struct check { /* why an INVITE is refused */
	int status;
	const char *phrase;
	const char *headers;
	const char *why;
	_Atomic uint64_t *counter;
};

static bool checks_out(const sip_t *sip, struct check *bad)
{
	const url_t *url = sip->sip_request->rq_url;

	if (sip->sip_max_forwards && sip->sip_max_forwards->mf_count == 0)
		*bad = (struct check){ SIP_483_TOO_MANY_HOPS, NULL, "max_forwards",
			&ingress.count->refused_max_forwards };
	else if (url->url_type != url_sip)
		*bad = (struct check){ SIP_416_UNSUPPORTED_URI, NULL, "uri",
			&ingress.count->bad_message };
	else if (!leg_contact_ok(sip->sip_contact) || !sip->sip_from->a_tag)
		*bad = (struct check){ 400,
			!sip->sip_contact       ? "Missing Contact"
			: !sip->sip_from->a_tag ? "Missing From tag"
			                        : "Bad Contact",
			NULL, "contact", &ingress.count->bad_message };
	else if (ingress.draining)
		*bad = (struct check){ SIP_503_SERVICE_UNAVAILABLE, "Retry-After: 10\r\n",
			"draining", &ingress.count->refused_draining };
	else if (call_count() >= ingress.conf->limits.max_calls)
		*bad = (struct check){ SIP_503_SERVICE_UNAVAILABLE, "Retry-After: 1\r\n",
			"max_calls", &ingress.count->refused_no_slot };
	else
		return true;
	return false;
}

static void refuse_checked(nta_agent_t *agent, msg_t *msg, sip_t *sip, const struct call_request *r,
    const struct check *bad)
{
	char text[64];

	segment_add(bad->counter, 1);
	event_log(call_refused, .why = bad->why, .in = ingress.conf->trunks.v[r->trunk].name,
	    .source = listen_print(&r->source, text, sizeof(text)), .code = (uint64_t)bad->status);
	refuse(agent, msg, sip, bad->status, bad->phrase, bad->headers);
}

/* Extensions we do not speak: RFC 3261 8.2.2.3. */
static bool requires(nta_agent_t *agent, msg_t *msg, sip_t *sip)
{
	nta_incoming_t *irq;

	if (!sip->sip_require || !sip->sip_require->k_items || !sip->sip_require->k_items[0])
		return false;
	irq = nta_incoming_create(agent, NULL, msg, sip, TAG_END());
	if (irq) {
		nta_incoming_treply(irq, SIP_420_BAD_EXTENSION,
		    SIPTAG_UNSUPPORTED((sip_unsupported_t *)sip->sip_require), TAG_END());
		nta_incoming_destroy(irq);
	}
	return true;
}

static void invite(struct call_request *r, msg_t *msg, sip_t *sip)
{
	static char number[PROFILE_NUMBER];
	char loop[(LOOP_MAX + 2) * (LOOP_TOKEN + 1)], token[LOOP_TOKEN + 1];
	struct check bad;

	if (requires(r->agent, msg, sip))
		return;
	if (!checks_out(sip, &bad)) {
		refuse_checked(r->agent, msg, sip, r, &bad);
		return;
	}
	r->number = profile_called(number, sip);
	if (!number[0]) {
		bad = (struct check){ SIP_484_ADDRESS_INCOMPLETE, NULL, "no_number",
			&ingress.count->refused_no_route };
		refuse_checked(r->agent, msg, sip, r, &bad);
		return;
	}
	r->max_forwards =
	    (uint16_t)((sip->sip_max_forwards && sip->sip_max_forwards->mf_count <= 255
	                       ? sip->sip_max_forwards->mf_count
	                       : ingress.conf->sip.max_forwards) -
	               1);
	loop_token(token, r->trunk, r->number);
	if (loop_next(loop, sizeof(loop), loop_header(sip), token) < 0) {
		bad = (struct check){ SIP_482_LOOP_DETECTED, NULL, "loop",
			&ingress.count->refused_loop };
		event_log(call_loop, .in = ingress.conf->trunks.v[r->trunk].name, .why = "token");
		refuse_checked(r->agent, msg, sip, r, &bad);
		return;
	}
	r->loop = loop;
	if (plan_make(&r->plan, r->conf, r->trunk, r->number) < 0) {
		bad = (struct check){ SIP_404_NOT_FOUND, NULL, "no_route",
			&ingress.count->refused_no_route };
		refuse_checked(r->agent, msg, sip, r, &bad);
		return;
	}
	call_begin(r, msg, sip);
}

/* ---- dispatch ------------------------------------------------------------------------------- */

void ingress_request(unsigned iface, nta_agent_t *agent, msg_t *msg, sip_t *sip)
{
	struct call_request r = { .iface = iface, .agent = agent, .conf = ingress.conf };
	sip_method_t method = sip->sip_request->rq_method;

	if (listen_source(msg, &r.source) < 0) {
		msg_destroy(msg);
		return;
	}
	r.trunk = conf_trunk_of(ingress.conf, (const struct conf_addr *)&r.source, (uint16_t)iface);
	if (r.trunk == CONF_NONE)
		stranger(agent, msg, sip, &r.source);
	else if (method == sip_method_ack)
		msg_destroy(msg); /* of a transaction that is over */
	else if (sip->sip_to->a_tag || method == sip_method_bye || method == sip_method_cancel)
		answer(agent, msg, SIP_481_NO_TRANSACTION);
	else if (method == sip_method_invite)
		invite(&r, msg, sip);
	else if (method == sip_method_options)
		answer_options(agent, msg);
	else if (method == sip_method_unknown)
		answer(agent, msg, SIP_501_NOT_IMPLEMENTED);
	else
		answer(agent, msg, SIP_405_METHOD_NOT_ALLOWED);
}

void ingress_response(unsigned iface, nta_agent_t *agent, msg_t *msg, sip_t *sip)
{
	if (attempt_stray(iface, agent, msg, sip) || trunk_response(msg, sip))
		return;
	segment_add(&ingress.count->stray, 1);
	msg_destroy(msg);
}

/* ---- connections ---------------------------------------------------------------------------- */

bool ingress_welcome(unsigned iface, const struct kedge_addr *from)
{
	char text[64];

	if (conf_trunk_of(ingress.conf, (const struct conf_addr *)from, (uint16_t)iface) !=
	    CONF_NONE)
		return true;
	segment_add(&ingress.count->refused_unknown_source, 1);
	event_log(
	    sip_stranger, .source = listen_print(from, text, sizeof(text)), .method = "connect");
	return false;
}

void ingress_no_fd(void)
{
	segment_add(&ingress.count->refused_no_fd, 1);
	event_log(call_refused, .why = "no_fd", .in = NULL, .source = NULL, .code = 0);
}
