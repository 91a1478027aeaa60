// SPDX-License-Identifier: MIT
#include "sig/trunk/probe_invite.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_status.h>
#include <sofia-sip/su_tag.h>

#include "sig/failure.h"
#include "sig/dialog/leg.h"
#include "sig/edge/listen.h"
#include "sig/trunk/probe.h"

#define URL(text) ((url_string_t *)(text))

struct test { /* {0}: free */
	bool used;
	bool told;  /* its verdict, or nobody wants it */
	bool heard; /* a 1xx came: it can be CANCELled */
	bool over;  /* nothing is left to CANCEL: that is under way, or there was a final answer */
	uint16_t slot;
	char token[LISTEN_TOKEN], branch[LISTEN_BRANCH], route[LEG_ROUTE];
	nta_leg_t *leg;
	nta_outgoing_t *invite, *bye;
};

static struct test tests[PROBE_INVITES];

static void test_free(struct test *t)
{
	if (t->invite)
		nta_outgoing_destroy(t->invite);
	if (t->bye)
		nta_outgoing_destroy(t->bye);
	if (t->leg)
		nta_leg_destroy(t->leg);
	memset(t, 0, sizeof(*t));
}

static void tell(struct test *t, uint16_t code)
{
	if (t->told)
		return;
	t->told = true;
	probe_called(t->slot, t->token, code);
}

static void cancel(struct test *t)
{
	if (t->over || !t->heard)
		return;
	t->over = true;
	nta_outgoing_tcancel(t->invite, NULL, NULL, TAG_END());
}

static int on_bye(nta_outgoing_magic_t *magic, nta_outgoing_t *orq, const sip_t *sip)
{
	(void)orq;
	if (!sip || sip->sip_status->st_status >= 200)
		test_free((struct test *)magic);
	return 0;
}

static void hang_up(struct test *t, const sip_t *sip)
{
	char cseq[24], branch[LISTEN_BRANCH];
	nta_outgoing_t *ack;

	if (t->bye)
		return; /* repeated */
	if (sip->sip_to->a_tag)
		nta_leg_rtag(t->leg, sip->sip_to->a_tag);
	nta_leg_client_route(t->leg, sip->sip_record_route, leg_contact_ok(sip->sip_contact) ? sip->sip_contact : NULL);
	snprintf(cseq, sizeof(cseq), "%u ACK", sip->sip_cseq->cs_seq);
	ack = nta_outgoing_tcreate(t->leg, NULL, NULL, URL(t->route), SIP_METHOD_ACK, NULL,
	    NTATAG_ACK_BRANCH(t->branch), SIPTAG_CSEQ_STR(cseq), TAG_END());
	nta_outgoing_destroy(ack);
	listen_branch(branch);
	t->bye = nta_outgoing_tcreate(t->leg, on_bye, (nta_outgoing_magic_t *)t, URL(t->route), SIP_METHOD_BYE, NULL,
	    NTATAG_BRANCH_KEY(branch), TAG_END());
	if (!t->bye)
		test_free(t);
}

static int on_response(nta_outgoing_magic_t *magic, nta_outgoing_t *orq, const sip_t *sip)
{
	struct test *t = (struct test *)magic;
	bool internal = !sip || nta_sip_is_internal(sip);
	int status = sip ? failure_status(sip) : 408;

	(void)orq;
	if (status < 200) {
		t->heard = true;
		if (!t->told && status == 100)
			probe_proceeds(t->slot, t->token);
		if (status > 100)
			tell(t, 180);
		if (t->told)
			cancel(t);
	} else if (status < 300) {
		t->over = true;
		tell(t, (uint16_t)status);
		hang_up(t, sip);
	} else {
		t->over = true;
		tell(t, internal ? 0 : (uint16_t)status);
		test_free(t);
	}
	return 0;
}

/* The other side may hang up first. */
static int on_request(nta_leg_magic_t *magic, nta_leg_t *leg, nta_incoming_t *irq, const sip_t *sip)
{
	(void)magic, (void)leg, (void)irq;
	return sip->sip_request->rq_method == sip_method_bye ? 200 : 405;
}

/* RFC 4566; port 9 and no direction: nobody shall speak. */
static void offer(char *out, size_t size, const struct kedge_addr *local)
{
	char host[INET6_ADDRSTRLEN] = "0.0.0.0";
	int v = local->family == AF_INET6 ? 6 : 4;

	inet_ntop(local->family, local->ip, host, sizeof(host));
	snprintf(out, size,
	    "v=0\r\no=- 1 1 IN IP%d %s\r\ns=-\r\nc=IN IP%d %s\r\nt=0 0\r\nm=audio 9 RTP/AVP 8 0\r\n"
	    "a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=inactive\r\n",
	    v, host, v, host);
}

static struct test *test_new(const struct probe_invite_to *to)
{
	for (unsigned i = 0; i < PROBE_INVITES; i++)
		if (!tests[i].used) {
			tests[i] = (struct test){ .used = true, .slot = to->slot };
			memcpy(tests[i].token, to->token, sizeof(tests[i].token));
			return &tests[i];
		}
	return NULL;
}

static int call(struct test *t, const struct probe_invite_to *to)
{
	const struct probe_request *r = to->request;
	char body[512], hops[12];

	offer(body, sizeof(body), &to->local);
	snprintf(hops, sizeof(hops), "%u", to->max_forwards);
	snprintf(t->route, sizeof(t->route), "%s", r->route);
	listen_branch(t->branch);
	t->leg = nta_leg_tcreate(to->agent, on_request, (nta_leg_magic_t *)t, SIPTAG_CALL_ID_STR(r->call_id),
	    SIPTAG_FROM_STR(r->from), SIPTAG_TO_STR(r->to), SIPTAG_CSEQ_STR("100 INVITE"), TAG_END());
	if (!t->leg)
		return -ENOMEM;
	t->invite = nta_outgoing_tcreate(t->leg, on_response, (nta_outgoing_magic_t *)t, URL(t->route), SIP_METHOD_INVITE,
	    URL(r->ruri), NTATAG_BRANCH_KEY(t->branch), NTATAG_PASS_100(1), SIPTAG_CONTACT_STR(r->contact),
	    SIPTAG_MAX_FORWARDS_STR(hops), SIPTAG_ALLOW_STR(leg_allow), TAG_IF(r->agent, SIPTAG_USER_AGENT_STR(r->agent)),
	    SIPTAG_CONTENT_TYPE_STR("application/sdp"), SIPTAG_PAYLOAD_STR(body), TAG_END());
	return t->invite ? 0 : -EIO;
}

int probe_invite(const struct probe_invite_to *to)
{
	struct test *t = test_new(to);
	int err;

	if (!t)
		return -ENOSPC;
	err = call(t, to);
	if (err)
		test_free(t);
	return err;
}

void probe_invite_drop(uint16_t slot, const char *token)
{
	for (unsigned i = 0; i < PROBE_INVITES; i++) {
		struct test *t = &tests[i];

		if (!t->used || t->slot != slot || strcmp(t->token, token) != 0)
			continue;
		t->told = true;
		cancel(t);
	}
}

void probe_invite_fini(void)
{
	for (unsigned i = 0; i < PROBE_INVITES; i++)
		if (tests[i].used)
			test_free(&tests[i]);
}
