// SPDX-License-Identifier: MIT
#include "sig/trunk/probe.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sofia-sip/msg_addr.h>
#include <sofia-sip/nta_stateless.h>
#include <sofia-sip/nta_tport.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_protos.h>
#include <sofia-sip/sip_util.h>
#include <sofia-sip/su_tag.h>
#include <sofia-sip/tport.h>
#include <sofia-sip/tport_tag.h>

#include "config/clock.h"
#include "config/event.h"
#include "routing/health_signs.h"
#include "sig/failure.h"
#include "sig/edge/listen.h"
#include "sig/trunk/probe_invite.h"

#define PROBES 8 /* of a hop whose answer may still come */

struct question {
	char token[LISTEN_TOKEN]; /* "": free, or answered */
	bool waiting;             /* neither answered nor judged for want of an answer */
	bool invite;
	bool test; /* not a probe: probe_deps.tested hears of it */
	uint16_t slot;
	uint64_t sent_ns, until_ns; /* judged then */
	tport_t *tport; /* what it went over, while it waits; with its place there, and its message */
	int pending;
	msg_t *msg;
};

struct asked {
	uint32_t generation; /* of the trunk table slot this is about */
	uint8_t at;          /* next of question[] */
	uint64_t sent_ns;    /* of the last one */
	struct question question[PROBES];
};

static struct {
	struct probe_deps deps;
	uint16_t slots;
	struct asked *asked; /* as many as the trunk table has slots */
} probes;

static const struct conf_trunk *conf_of(uint16_t slot)
{
	return &probes.deps.health->conf->trunks.v[probes.deps.health->hop[slot].trunk];
}

static void unwatch(struct question *q)
{
	if (q->tport) {
		tport_release(q->tport, q->pending, q->msg, NULL, (tp_client_t *)q, 0);
		tport_unref(q->tport);
		msg_destroy(q->msg);
	}
	q->tport = NULL;
	q->msg = NULL;
}

static void settle(struct question *q)
{
	q->waiting = false;
	unwatch(q);
	if (q->invite && q->token[0])
		probe_invite_drop(q->slot, q->token);
}

/* Has the slot a hop of a trunk of the running configuration? */
static bool is_served(uint16_t slot)
{
	const struct health_hop *p = &probes.deps.health->hop[slot];

	return p->used && p->trunk != CONF_NONE;
}

/* Of the hop that has the slot now. What was asked of one that is gone is forgotten. */
static struct asked *asked_of(uint16_t slot)
{
	struct asked *a = &probes.asked[slot];
	uint32_t generation = is_served(slot) ? probes.deps.health->hop[slot].generation : 0;

	if (a->generation == generation)
		return a;
	for (unsigned i = 0; i < PROBES; i++)
		settle(&a->question[i]);
	*a = (struct asked){ .generation = generation };
	return a;
}

/* ---- what it says --------------------------------------------------------------------------- */

static void make_from(char *out, size_t size, const struct conf_trunk *t, const char *local)
{
	char tag[LISTEN_TOKEN];

	listen_token(tag);
	if (t->probe.from && t->probe.from[0])
		snprintf(out, size, "<%s>;tag=%s", t->probe.from, tag);
	else if (t->headers.from_host[0] || t->outbound_proxy.host) /* as profile does for an INVITE */
		snprintf(out, size, "<sip:%s>;tag=%s", t->headers.from_host[0] ? t->headers.from_host : t->uri.host, tag);
	else
		snprintf(out, size, "<sip:%.*s>;tag=%s", (int)(strrchr(local, ':') - local), local, tag);
}

int probe_request(struct probe_request *r, uint16_t slot, const char *token, const char *user)
{
	const struct health_hop *p = &probes.deps.health->hop[slot];
	const struct conf_trunk *t = conf_of(slot);
	const char *over = p->transport == CONF_TCP ? ";transport=tcp" : "", *at = user ? "@" : "";
	char hop[64], local[64], port[8] = "";

	if (listen_hostport(t->interface, p->addr.family, p->transport == CONF_TCP, local, sizeof(local)))
		return -ENOENT;
	if (!user)
		user = "";
	if (t->uri.port)
		snprintf(port, sizeof(port), ":%u", t->uri.port);
	snprintf(r->ruri, sizeof(r->ruri), "sip:%s%s%s%s%s", user, at, t->uri.host, port,
	    t->uri.transport == CONF_TCP ? ";transport=tcp" : "");
	snprintf(r->route, sizeof(r->route), "sip:%s;transport=%s", listen_print(&p->addr, hop, sizeof(hop)),
	    p->transport == CONF_TCP ? "tcp" : "udp");
	make_from(r->from, sizeof(r->from), t, local);
	snprintf(r->to, sizeof(r->to), "<sip:%s%s%s>", user, at, t->uri.host);
	if (t->probe.contact && t->probe.contact[0])
		snprintf(r->contact, sizeof(r->contact), "<%s>", t->probe.contact);
	else
		snprintf(r->contact, sizeof(r->contact), "<sip:%s%s>", local, over);
	snprintf(r->call_id, sizeof(r->call_id), "%x-%s", slot, token);
	r->agent = probes.deps.health->conf->sip.user_agent[0] ? probes.deps.health->conf->sip.user_agent : NULL;
	return 0;
}

/* ---- judging -------------------------------------------------------------------------------- */

static void log_probe(uint16_t slot, uint16_t code, uint32_t rtt_us)
{
	char hop[64];

	listen_print(&probes.deps.health->hop[slot].addr, hop, sizeof(hop));
	event_log(trunk_probe, .trunk = conf_of(slot)->name, .hop = hop, .code = code, .rtt_us = rtt_us);
}

static bool is_good(uint16_t slot, uint16_t code)
{
	return conf_probe_good(&conf_of(slot)->probe, code);
}

static void judge(uint16_t slot, uint16_t code, uint32_t rtt_us, uint64_t now)
{
	log_probe(slot, code, rtt_us);
	health_probe(probes.deps.health, slot, code, rtt_us, now);
	health_signs_probe(probes.deps.health, slot, code, rtt_us, now);
	probes.deps.judged(slot, now);
}

/* A final answer of a question that may have been judged already. */
static void answered(uint16_t slot, struct question *q, uint16_t code, uint64_t now)
{
	struct asked *a = asked_of(slot);
	uint64_t taken = now - q->sent_ns, timeout = conf_of(slot)->probe.timeout_ms * CLOCK_NS_PER_MS;
	bool waited = q->waiting, good = is_good(slot, code);

	settle(q);
	q->token[0] = 0;
	if (q->test) {
		if (waited)
			probes.deps.tested(slot, code, now);
		return;
	}
	/* One that confirms is judged early, for the sake of the next caller; still it is an answer in time. */
	if (!waited && (!good || taken >= timeout)) {
		health_heard(probes.deps.health, slot, 0, now);
		return;
	}
	for (unsigned i = 0; good && i < PROBES; i++)
		if (a->question[i].sent_ns <= q->sent_ns && !a->question[i].test)
			settle(&a->question[i]);
	judge(slot, code, (uint32_t)(taken / 1000), now);
}

static void unanswered(uint16_t slot, struct question *q, uint64_t now)
{
	settle(q);
	if (q->test)
		probes.deps.tested(slot, 0, now);
	else
		judge(slot, 0, 0, now);
}

uint64_t probe_due(uint16_t slot, uint64_t now)
{
	struct asked *a = asked_of(slot);
	uint64_t next = 0;

	for (unsigned i = 0; i < PROBES; i++)
		if (a->question[i].waiting && now >= a->question[i].until_ns)
			unanswered(slot, &a->question[i], now);
	for (unsigned i = 0; i < PROBES; i++)
		if (a->question[i].waiting && (!next || a->question[i].until_ns < next))
			next = a->question[i].until_ns;
	return next;
}

/* ICMP, RST, no connection: waiting longer tells no more. */
static void on_lost(tp_stack_t *stack, tp_client_t *client, tport_t *tport, msg_t *msg, int error)
{
	struct question *q = (struct question *)client;

	(void)stack, (void)tport, (void)msg, (void)error;
	if (!q->waiting || !asked_of(q->slot) || !q->waiting) /* its hop may have gone since */
		return;
	if (!q->test)
		health_signs_refused(probes.deps.health, q->slot);
	unanswered(q->slot, q, clock_mono_ns());
}

/* ---- sending -------------------------------------------------------------------------------- */

/* RFC 3261 18.1.1; a port of 5060 is not written, as in the library's own. */
static int make_via(char *out, size_t size, uint16_t slot)
{
	const struct health_hop *p = &probes.deps.health->hop[slot];
	char host[64], branch[LISTEN_BRANCH];

	if (listen_hostport(conf_of(slot)->interface, p->addr.family, p->transport == CONF_TCP, host, sizeof(host)))
		return -ENOENT;
	if (strlen(host) > 5 && !strcmp(host + strlen(host) - 5, ":5060"))
		host[strlen(host) - 5] = 0;
	listen_branch(branch);
	snprintf(out, size, "SIP/2.0/%s %s;rport;branch=%s", p->transport == CONF_TCP ? "TCP" : "UDP", host, branch);
	return 0;
}

static msg_t *make_options(nta_agent_t *agent, uint16_t slot, const struct probe_request *r)
{
	msg_t *msg = nta_msg_create(agent, 0);
	char via[160], hops[12];

	if (!msg || make_via(via, sizeof(via), slot))
		goto out;
	snprintf(hops, sizeof(hops), "%u", probes.deps.health->conf->sip.max_forwards);
	if (sip_add_tl(msg, sip_object(msg),
	        SIPTAG_REQUEST(sip_request_create(msg_home(msg), SIP_METHOD_OPTIONS, (url_string_t const *)r->ruri, NULL)),
	        SIPTAG_VIA_STR(via), SIPTAG_FROM_STR(r->from), SIPTAG_TO_STR(r->to), SIPTAG_CALL_ID_STR(r->call_id),
	        SIPTAG_CSEQ_STR("1 OPTIONS"), SIPTAG_MAX_FORWARDS_STR(hops), SIPTAG_CONTACT_STR(r->contact),
	        SIPTAG_ACCEPT_STR("application/sdp"), TAG_IF(r->agent, SIPTAG_USER_AGENT_STR(r->agent)),
	        SIPTAG_CONTENT_LENGTH_STR("0"), SIPTAG_SEPARATOR_STR("\r\n"), TAG_END()) < 0 ||
	    msg_serialize(msg, (msg_pub_t *)sip_object(msg)) != 0)
		goto out;
	return msg;
out:
	msg_destroy(msg);
	return NULL;
}

/* By the transport itself, which then says what becomes of it: a message sent past it has nobody to tell. */
static int send_options(struct question *q, nta_agent_t *agent, const struct probe_request *r)
{
	const struct health_hop *p = &probes.deps.health->hop[q->slot];
	char hop[64], *port;
	tp_name_t to = { .tpn_proto = p->transport == CONF_TCP ? "TCP" : "UDP" };
	msg_t *msg = make_options(agent, q->slot, r);
	tport_t *over;

	if (!msg)
		return -ENOMEM;
	port = strrchr(listen_print(&p->addr, hop, sizeof(hop)), ':');
	*port++ = 0;
	to.tpn_host = to.tpn_canon = hop;
	to.tpn_port = port;
	over = tport_tsend(nta_agent_tports(agent), msg, &to, TPTAG_MTU(INT_MAX), TAG_END());
	if (!over) {
		msg_destroy(msg);
		return -EIO;
	}
	q->pending = listen_pend(over, msg, on_lost, (tp_client_t *)q);
	if (q->pending < 0) {
		msg_destroy(msg);
		return 0;
	}
	q->tport = tport_ref(over);
	q->msg = msg;
	return 0;
}

static int send_invite(struct question *q, nta_agent_t *agent, const struct probe_request *r)
{
	struct probe_invite_to to = { .slot = q->slot, .agent = agent, .token = q->token, .request = r };

	to.max_forwards = probes.deps.health->conf->sip.max_forwards;
	if (listen_local(conf_of(q->slot)->interface, probes.deps.health->hop[q->slot].addr.family,
	        probes.deps.health->hop[q->slot].transport == CONF_TCP, &to.local))
		return -ENOENT;
	return probe_invite(&to);
}

static int transmit(struct question *q, nta_agent_t *agent)
{
	const struct conf_probe *c = &conf_of(q->slot)->probe;
	struct probe_request r;
	int err = probe_request(&r, q->slot, q->token, q->invite ? c->number : NULL);

	if (err)
		return err;
	return q->invite ? send_invite(q, agent, &r) : send_options(q, agent, &r);
}

/* The next place. A test is not pushed out by probes: who began it waits for its end. */
static struct question *place_of(struct asked *a)
{
	struct question *q;

	do {
		q = &a->question[a->at];
		a->at = (a->at + 1) % PROBES;
	} while (q->waiting && q->test); /* there is one at most */
	return q;
}

static bool ask(uint16_t slot, const struct question *what, uint32_t ms, uint64_t now)
{
	struct asked *a = asked_of(slot);
	struct question *q;
	nta_agent_t *agent = listen_agent(conf_of(slot)->interface, probes.deps.health->hop[slot].addr.family);

	if (!agent)
		return false;
	q = place_of(a);
	settle(q); /* the eighth before this one: no answer is waited for so long */
	*q = *what;
	q->slot = slot;
	q->waiting = true;
	q->sent_ns = now;
	q->until_ns = now + ms * CLOCK_NS_PER_MS;
	listen_token(q->token);
	if (transmit(q, agent) < 0 && q->waiting)
		q->until_ns = now; /* one that could not be sent is one without an answer */
	return true;
}

void probe_send(uint16_t slot, bool confirms, uint64_t now)
{
	const struct conf_probe *c = &conf_of(slot)->probe;

	asked_of(slot)->sent_ns = now;
	health_probe_sent(probes.deps.health, slot);
	ask(slot, &(struct question){ .invite = c->method == CONF_PROBE_INVITE }, confirms ? c->confirm_ms : c->timeout_ms, now);
}

bool probe_test(uint16_t slot, uint64_t now)
{
	return ask(slot, &(struct question){ .invite = true, .test = true }, conf_of(slot)->probe.timeout_ms, now);
}

uint64_t probe_sent_ns(uint16_t slot)
{
	return asked_of(slot)->sent_ns;
}

/* ---- answers -------------------------------------------------------------------------------- */

static struct question *of_token(uint16_t slot, const char *token)
{
	struct asked *a;

	if (slot >= probes.slots || !is_served(slot) || strlen(token) != LISTEN_TOKEN - 1)
		return NULL;
	a = asked_of(slot);
	for (unsigned i = 0; i < PROBES; i++)
		if (!strcmp(a->question[i].token, token))
			return &a->question[i];
	return NULL;
}

/* The probe that a Call-ID names, waiting or not. */
static struct question *of_call_id(const char *call_id)
{
	char *end;
	unsigned long n = strtoul(call_id, &end, 16);

	return n < probes.slots && *end == '-' ? of_token((uint16_t)n, end + 1) : NULL;
}

/* From the hop, or from another address of its trunk. */
static bool may_answer(uint16_t slot, msg_t *msg)
{
	const struct conf_nets *nets = &conf_of(slot)->sources;
	const struct kedge_addr *hop = &probes.deps.health->hop[slot].addr;
	struct kedge_addr from;

	if (listen_source(msg, &from) < 0)
		return false;
	if (hop->family == from.family && memcmp(hop->ip, from.ip, sizeof(hop->ip)) == 0)
		return true;
	for (uint16_t i = 0; i < nets->count; i++)
		if (conf_net_holds(&nets->v[i], (const struct conf_addr *)&from))
			return true;
	return false;
}

bool probe_response(msg_t *msg, const sip_t *sip)
{
	uint64_t now = clock_mono_ns();
	struct question *q;
	uint16_t code;

	if (!probes.slots || !sip->sip_status || !sip->sip_cseq || !sip->sip_call_id ||
	    sip->sip_cseq->cs_method != sip_method_options)
		return false;
	q = of_call_id(sip->sip_call_id->i_id);
	if (!q || q->invite || !may_answer(q->slot, msg))
		return false;
	code = (uint16_t)failure_status(sip);
	if (code < 200)
		health_heard(probes.deps.health, q->slot, 0, now);
	else
		answered(q->slot, q, code, now);
	msg_destroy(msg);
	return true;
}

/* A phone that rings proves more than any code: 180 counts as the 200 it would become. */
void probe_called(uint16_t slot, const char *token, uint16_t code)
{
	uint64_t now = clock_mono_ns();
	struct question *q = of_token(slot, token);

	if (!q)
		return;
	if (!code && q->waiting)
		unanswered(slot, q, now);
	else if (code)
		answered(slot, q, code < 200 ? 200 : code, now);
}

void probe_proceeds(uint16_t slot, const char *token)
{
	struct question *q = of_token(slot, token);

	if (!q || !q->waiting)
		return;
	health_heard(probes.deps.health, slot, 0, clock_mono_ns());
	q->until_ns = q->sent_ns + conf_of(slot)->timers.progress_ms * CLOCK_NS_PER_MS;
}

/* ---- begin and end -------------------------------------------------------------------------- */

int probe_init(const struct probe_deps *deps, uint16_t slots)
{
	probes.deps = *deps;
	probes.asked = calloc(slots, sizeof(*probes.asked));
	if (!probes.asked)
		return -ENOMEM;
	probes.slots = slots;
	return 0;
}

void probe_fini(void)
{
	for (uint16_t i = 0; i < probes.slots; i++)
		for (unsigned k = 0; k < PROBES; k++)
			unwatch(&probes.asked[i].question[k]);
	probe_invite_fini();
	free(probes.asked);
	memset(&probes, 0, sizeof(probes));
}
