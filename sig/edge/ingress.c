// SPDX-License-Identifier: MIT
#include "sig/edge/ingress.h"

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
#include "sig/edge/admit.h"
#include "sig/attempt.h"
#include "sig/edge/branch.h"
#include "sig/call.h"
#include "sig/edge/channel.h"
#include "sig/edge/listen.h"
#include "sig/trunk/names.h"
#include "sig/profile.h"
#include "sig/dialog/rel100.h"
#include "sig/books/recall.h"
#include "sig/edge/stream.h"
#include "sig/testline.h"
#include "sig/trunk/trunk.h"

#define LOOP_MAX   10   /* tokens kept in a request */
#define LOOP_TOKEN 16

static struct {
	const struct segment *seg;
	struct kedge_sig_counters *count;
	const struct conf *conf;
	bool draining;
} ingress;

static void on_cut(const struct kedge_addr *from, const char *why);
static void on_mended(const struct kedge_addr *from, uint32_t bytes);
static bool on_message(const struct kedge_addr *from, char *data, size_t head);

/* Connections are watched as the configuration says. */
static void watch_streams(const struct conf *c)
{
	static const struct stream_hooks hooks = { on_cut, on_mended, on_message };
	struct wire_limits limits = { c->limits.max_message, c->limits.max_headers };

	stream_set(&limits, 64 * (uint64_t)c->sip.t1_ms * CLOCK_NS_PER_MS, &hooks);
}

void ingress_init(const struct segment *seg, const struct conf *c)
{
	uint64_t secret;

	ingress.seg = seg;
	ingress.count = segment_counters(seg);
	ingress.conf = conf_ref(c);
	ingress.draining = false;
	listen_random(&secret, sizeof(secret));
	admit_init(secret);
	watch_streams(c);
}

void ingress_follow(const struct conf *next)
{
	conf_unref(ingress.conf);
	ingress.conf = conf_ref(next);
	watch_streams(next);
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
	    TAG_IF(status == 405, SIPTAG_ALLOW_STR(leg_allow)), TAG_END());
}

/* A PBX asks whether to send its calls here: not while they could go nowhere. */
static void answer_options(nta_agent_t *agent, msg_t *msg, uint16_t trunk)
{
	const struct conf_trunk *t = &ingress.conf->trunks.v[trunk];
	const char *server = server_text(), *retry = NULL;

	if (ingress.draining)
		retry = "10";
	else if (t->side == CONF_SIDE_PBX && t->options_health && !trunk_carries(trunk))
		retry = "5";
	if (retry)
		segment_add(&ingress.count->options_unusable, 1);
	nta_msg_treply(agent, msg, retry ? 503 : 200, retry ? sip_503_Service_unavailable : sip_200_OK,
	    TAG_IF(server, SIPTAG_SERVER_STR(server)), TAG_IF(retry, SIPTAG_RETRY_AFTER_STR(retry)),
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

/* ---- who is not heard ----------------------------------------------------------------------- */

/* Without the port: the log's limit on lines is per value. */
static char *source_text(const struct kedge_addr *from, char *out, size_t size)
{
	struct kedge_addr host = *from;
	char *colon;

	host.port = 0;
	listen_print(&host, out, size);
	if ((colon = strrchr(out, ':')))
		*colon = 0;
	return out;
}

static void not_heard(const struct kedge_addr *from, enum admit_why why, uint16_t trunk)
{
	char text[64];

	if (admit_refused(from, why, clock_mono_ns()))
		event_log(sip_refused, .source = source_text(from, text, sizeof(text)), .why = admit_word(why),
		    .trunk = trunk == CONF_NONE ? NULL : ingress.conf->trunks.v[trunk].name);
}

static void not_understood(const struct kedge_addr *from, const char *why)
{
	char text[64];

	segment_add(&ingress.count->bad_message, 1);
	if (admit_refused(from, ADMIT_BAD, clock_mono_ns()))
		event_log(sip_bad, .why = why, .source = source_text(from, text, sizeof(text)), .count = 1);
}

static void on_cut(const struct kedge_addr *from, const char *why)
{
	segment_add(&ingress.count->stream_cut, 1);
	not_understood(from, why);
}

static void on_mended(const struct kedge_addr *from, uint32_t bytes)
{
	char text[64];

	segment_add(&ingress.count->mended, 1);
	event_log(sip_bad, .why = "stray_line_end_or_nul", .source = source_text(from, text, sizeof(text)), .count = bytes);
}

/* Counts a stranger's request. True: it may be answered, but for an ACK. */
static bool stranger_tell(const struct kedge_addr *from, const char *method)
{
	char text[64];

	segment_add(&ingress.count->refused_unknown_source, 1);
	if (!admit_tell(from, clock_mono_ns()))
		return false;
	event_log(sip_stranger, .source = source_text(from, text, sizeof(text)), .method = method);
	return ingress.conf->sip.strangers == CONF_STRANGERS_403;
}

/* One that the library has read: on a connection that we made, or from a hop that is no source. */
static void stranger(
    nta_agent_t *agent, msg_t *msg, const sip_t *sip, const struct kedge_addr *source)
{
	bool tell = stranger_tell(source, sip->sip_request->rq_method_name);

	if (tell && sip->sip_request->rq_method != sip_method_ack)
		answer(agent, msg, SIP_403_FORBIDDEN);
	else
		msg_destroy(msg);
}

/* ---- datagrams ------------------------------------------------------------------------------ */

/* An answer of the request's own bytes. */
static void answer_datagram(struct listen_datagram *d, size_t room, int status, const char *phrase)
{
	char tag[LISTEN_TOKEN], allow[128];
	struct wire_answer a = { .status = (uint16_t)status, .phrase = phrase, .tag = tag, .from = &d->from };

	if (status == 405) {
		snprintf(allow, sizeof(allow), "Allow: %s\r\n", leg_allow);
		a.headers = allow;
	}
	listen_token(tag);
	d->answer_size = wire_answer(d->answer, room, d->data, d->size, &a);
}

static void stranger_datagram(struct listen_datagram *d)
{
	char method[32];
	size_t n = wire_method(d->data, d->size);

	snprintf(method, sizeof(method), "%.*s", (int)(n < 31 ? n : 31), d->data);
	/* No longer than what came: nobody is worth a forged source to us. */
	if (stranger_tell(&d->from, method))
		answer_datagram(d, d->size, SIP_403_FORBIDDEN);
}

static bool is_response(const char *data, size_t size)
{
	return size > 8 && memcmp(data, "SIP/2.0 ", 8) == 0;
}

static bool is_source(const struct conf_trunk *t, const struct kedge_addr *from)
{
	for (uint16_t i = 0; i < t->sources.count; i++)
		if (conf_net_holds(&t->sources.v[i], (const struct conf_addr *)from))
			return true;
	return false;
}

static bool was_asked(const char *branch, const struct kedge_addr *from)
{
	const struct conf_trunks *all = &ingress.conf->trunks;

	if (!attempt_may_answer(branch, from))
		return false;
	if (!branch_is_sealed(branch) || branch_went_to(branch, from))
		return true;
	for (uint16_t i = 0; i < all->count; i++)
		if (branch_of_trunk(branch, all->v[i].name) && is_source(&all->v[i], from))
			return true;
	return false;
}

/* False: it names a branch that somebody else was asked. The library takes whatever names its branch, from anywhere. */
static bool answers_us(const struct kedge_addr *from, const char *data, size_t head)
{
	char branch[LISTEN_BRANCH];
	size_t n;
	const char *via = wire_header(data, head, "Via", 'v', &n), *end = via ? via + n : NULL;

	/* Of several (a host may be called so) each must do: one that is nobody's is seen to later. */
	for (const char *p = via; p && (p = memmem(p, (size_t)(end - p), "z9hG4bK", 7)); p++) {
		if ((size_t)(end - p) < sizeof(branch) - 1)
			break;
		memcpy(branch, p, sizeof(branch) - 1);
		branch[sizeof(branch) - 1] = 0;
		if (!was_asked(branch, from))
			return false;
	}
	return true;
}

/* The value of a tag parameter; "" none. */
static const char *tag_of(const char *data, size_t head, const char *name, char letter, char *out, size_t size)
{
	size_t n, k = 0;
	const char *value = wire_header(data, head, name, letter, &n), *p = value ? value + n : NULL;

	while (p && --p >= value && (value + n - p < 5 || strncasecmp(p, ";tag=", 5) != 0))
		;
	for (p = p && p >= value ? p + 5 : NULL; p && p < value + n && k + 1 < size && !strchr("; \t", *p); p++)
		out[k++] = *p;
	out[k] = 0;
	return out;
}

/* The library takes a PRACK by its numbers, from anywhere and with any To-tag, and says the 1xx no more: from somebody who is not the caller it
 * must not find them. */
static void defuse_rack(const struct kedge_addr *from, char *data, size_t head)
{
	char id[256], theirs[128], ours[64];
	size_t n;
	const char *value = wire_header(data, head, "Call-ID", 'i', &n);

	if (wire_method(data, head) != 5 || memcmp(data, "PRACK", 5) != 0 || !value || n >= sizeof(id))
		return;
	snprintf(id, sizeof(id), "%.*s", (int)n, value);
	tag_of(data, head, "From", 'f', theirs, sizeof(theirs));
	tag_of(data, head, "To", 't', ours, sizeof(ours));
	if (rel100_hears(id, theirs, ours, from))
		return;
	while ((value = wire_header(data, head, "RAck", 0, &n))) {
		while (value[-1] != '\n')
			value--;
		data[value - data] = 'x';
	}
}

/* The same for both transports. False: the library must not get it. */
static bool may_pass(const struct kedge_addr *from, char *data, size_t size, size_t head)
{
	if (is_response(data, size) && !answers_us(from, data, head)) {
		segment_add(&ingress.count->stray, 1);
		return false;
	}
	defuse_rack(from, data, head);
	return true;
}

static bool on_message(const struct kedge_addr *from, char *data, size_t head)
{
	return may_pass(from, data, head, head);
}

/* Those before the first line do not count (RFC 3261 7.5). False: nothing else is there. */
static bool skip_line_ends(struct listen_datagram *d)
{
	size_t n = 0;

	while (n < d->size && (d->data[n] == '\r' || d->data[n] == '\n'))
		n++;
	if (n)
		memmove(d->data, d->data + n, d->size -= n);
	return d->size > 0;
}

static const char *phrase_of(int status)
{
	return status == 513   ? sip_513_Message_too_large
	       : status == 405 ? sip_405_Method_not_allowed
	       : status == 505 ? sip_505_Version_not_supported
	                       : sip_400_Bad_request;
}

/* The library says nothing at all to a request whose method or URI it cannot read: to it INVITE~ is none, and NEWM neither, for
 * it is shorter than NOTIFY. Finds those; what to answer is in m. */
static bool library_reads(const char *data, struct wire_message *m)
{
	size_t n = wire_method(data, m->head);
	char text[1024];
	url_t url;

	if (!m->request || m->uri_size >= sizeof(text) || n >= sizeof(text))
		return true;
	snprintf(text, sizeof(text), "%.*s", (int)n, data);
	if (sip_method_code(text) == sip_method_invalid) {
		m->status = 405;
		m->why = "method";
		return false;
	}
	snprintf(text, sizeof(text), "%.*s", (int)m->uri_size, data + m->uri);
	m->status = 400;
	m->why = "uri";
	return url_d(&url, text) == 0;
}

bool ingress_datagram(struct listen_datagram *d)
{
	struct wire_limits limits = { ingress.conf->limits.max_message, ingress.conf->limits.max_headers };
	uint16_t trunk = names_trunk_of(ingress.conf, trunk_health(), &d->from, (uint16_t)d->iface);
	bool known = trunk != CONF_NONE || conf_trunk_left(ingress.conf, (const struct conf_addr *)&d->from) || trunk_at(&d->from);
	struct wire_message m;
	enum wire_verdict v;

	if (!skip_line_ends(d) || (unsigned char)d->data[0] <= ' ' || (unsigned char)d->data[0] >= 0x7f)
		return false; /* a keep-alive, or nothing of ours */
	v = wire_datagram(d->data, &d->size, &limits, &m);
	if (v == WIRE_WHOLE && known && !library_reads(d->data, &m))
		v = WIRE_BAD;
	if (wire_agent_is(d->data, m.head, ingress.conf->sip.scanners)) {
		segment_add(&ingress.count->refused_scanner, 1);
		not_heard(&d->from, ADMIT_SCANNER, trunk);
		return false;
	}
	if (!known && !is_response(d->data, d->size)) {
		stranger_datagram(d);
		return false;
	}
	if (v == WIRE_BAD) {
		not_understood(&d->from, m.why);
		answer_datagram(d, WIRE_MAX, m.status, phrase_of(m.status)); /* to a peer of ours: as long as it needs to be */
		return false;
	}
	if (m.mended)
		on_mended(&d->from, m.mended);
	return may_pass(&d->from, d->data, d->size, m.head);
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

/* Without an Accept it is application/sdp (RFC 3261 20.1). */
static bool accepts_sdp(const sip_t *sip)
{
	static const char *const wide[] = { "application/sdp", "application/*", "*/*" };

	for (const sip_accept_t *a = sip->sip_accept; a; a = a->ac_next)
		for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++)
			if (a->ac_type && strcasecmp(a->ac_type, wide[i]) == 0)
				return true;
	return !sip->sip_accept;
}

static bool checks_out(const sip_t *sip, const struct conf_trunk *t, bool emergency, struct check *bad)
{
	static char least[32];
	const url_t *url = sip->sip_request->rq_url;

	if (sip->sip_max_forwards && sip->sip_max_forwards->mf_count == 0)
		*bad = (struct check){ SIP_483_TOO_MANY_HOPS, NULL, "max_forwards",
			&ingress.count->refused_max_forwards };
	else if (url->url_type != url_sip && url->url_type != url_tel) /* sips: needs TLS all the way (RFC 3261 26.2.2) */
		*bad = (struct check){ SIP_416_UNSUPPORTED_URI, NULL, "uri",
			&ingress.count->bad_message };
	else if (!accepts_sdp(sip))
		*bad = (struct check){ SIP_406_NOT_ACCEPTABLE, "Accept: application/sdp\r\n", "accept",
			&ingress.count->bad_message };
	else if (!leg_contact_ok(sip->sip_contact) || !sip->sip_from->a_tag)
		*bad = (struct check){ 400,
			!sip->sip_contact       ? "Missing Contact"
			: !sip->sip_from->a_tag ? "Missing From tag"
			                        : "Bad Contact",
			NULL, "contact", &ingress.count->bad_message };
	else if (refresh_too_small(t, sip)) {
		snprintf(least, sizeof(least), "Min-SE: %u\r\n", t->min_se_ms / 1000);
		*bad = (struct check){ SIP_422_SESSION_TIMER_TOO_SMALL, least, "min_se", &ingress.count->bad_message };
	} else if (ingress.draining)
		*bad = (struct check){ SIP_503_SERVICE_UNAVAILABLE, "Retry-After: 10\r\n",
			"draining", &ingress.count->refused_draining };
	else if (!emergency && call_count() >= ingress.conf->limits.max_calls)
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
	recall_refused(r, sip, bad->status, bad->why);
	event_log(call_refused, .why = bad->why, .in = ingress.conf->trunks.v[r->trunk].name,
	    .source = listen_print(&r->source, text, sizeof(text)), .code = (uint64_t)bad->status);
	refuse(agent, msg, sip, bad->status, bad->phrase, bad->headers);
}

/* The option tags of a request's Require that this trunk does not speak; "" none. */
static const char *unspoken(const sip_t *sip, const struct conf_trunk *t, bool rel100, char *out, size_t size)
{
	size_t n = 0;

	out[0] = 0;
	for (const sip_require_t *k = sip->sip_require; k; k = NULL)
		for (size_t i = 0; k->k_items && k->k_items[i] && n < size; i++)
			if ((strcasecmp(k->k_items[i], "timer") != 0 || !t->session_expires_ms) &&
			    (strcasecmp(k->k_items[i], "100rel") != 0 || !rel100))
				n += (size_t)snprintf(out + n, size - n, "%s%s", n ? ", " : "", k->k_items[i]);
	return out;
}

/* Extensions we do not speak, and one that a trunk insists on: RFC 3261 8.2.2.3, 21.4.16. */
static bool requires(const struct call_request *r, msg_t *msg, sip_t *sip)
{
	const struct conf_trunk *t = &ingress.conf->trunks.v[r->trunk];
	int wants = rel100_admits(t->rel100, sip);
	char tags[256];
	nta_incoming_t *irq;

	unspoken(sip, t, wants != 420, tags, sizeof(tags));
	if (!tags[0] && !wants)
		return false;
	if (sip->sip_request->rq_method == sip_method_invite)
		recall_refused(r, sip, tags[0] ? 420 : 421, "require");
	irq = nta_incoming_create(r->agent, NULL, msg, sip, TAG_END());
	if (irq && tags[0])
		nta_incoming_treply(irq, SIP_420_BAD_EXTENSION, SIPTAG_UNSUPPORTED_STR(tags), TAG_END());
	else if (irq)
		nta_incoming_treply(irq, SIP_421_EXTENSION_REQUIRED, SIPTAG_REQUIRE_STR("100rel"), TAG_END());
	nta_incoming_destroy(irq);
	return true;
}

/* No transaction is spent on what comes too often. */
static bool in_rate(struct call_request *r, msg_t *msg, sip_t *sip)
{
	enum admit_verdict v = admit_invite(&ingress.conf->trunks.v[r->trunk], r->trunk, &r->source, clock_mono_ns());

	if (v == ADMIT_PASS)
		return true;
	segment_add(&ingress.count->refused_rate, 1);
	not_heard(&r->source, ADMIT_RATE, r->trunk);
	if (v == ADMIT_BUSY)
		nta_msg_treply(r->agent, msg, SIP_503_SERVICE_UNAVAILABLE, SIPTAG_RETRY_AFTER_STR("1"), TAG_END());
	else
		msg_destroy(msg);
	return false;
}

static bool is_sip(const url_t *url)
{
	return url->url_type == url_sip || url->url_type == url_sips || url->url_type == url_tel;
}

static void options(struct call_request *r, msg_t *msg, sip_t *sip)
{
	if (requires(r, msg, sip))
		return;
	if (is_sip(sip->sip_request->rq_url))
		answer_options(r->agent, msg, r->trunk);
	else
		answer(r->agent, msg, SIP_416_UNSUPPORTED_URI);
}

/* The limits of the trunk it comes from, over all its addresses. */
static bool in_limits(struct call_request *r, bool emergency, struct check *bad)
{
	enum channel c = channel_ask(call_deps()->health, r->trunk, emergency, clock_mono_ns());

	*bad = (struct check){ SIP_503_SERVICE_UNAVAILABLE, "Retry-After: 1\r\n", c == CHANNEL_MAX_CALLS ? "trunk_max_calls" : "trunk_max_cps",
		&ingress.count->refused_limit };
	return c == CHANNEL_FREE;
}

/* Where the call may go, and what it carries there. False: why not. */
static bool plan_call(struct call_request *r, const sip_t *sip, char *loop, size_t room, struct check *bad)
{
	char token[LOOP_TOKEN + 1];
	unsigned hops = sip->sip_max_forwards && sip->sip_max_forwards->mf_count <= 255 ? sip->sip_max_forwards->mf_count
	                                                                                  : ingress.conf->sip.max_forwards;

	r->max_forwards = (uint16_t)(hops - 1);
	r->loop = loop;
	loop_token(token, r->trunk, r->number);
	if (!r->number[0]) {
		*bad = (struct check){ SIP_484_ADDRESS_INCOMPLETE, NULL, "no_number", &ingress.count->refused_no_route };
	} else if (loop_next(loop, room, loop_header(sip), token) < 0) {
		*bad = (struct check){ SIP_482_LOOP_DETECTED, NULL, "loop", &ingress.count->refused_loop };
		event_log(call_loop, .in = ingress.conf->trunks.v[r->trunk].name, .why = "token");
	} else if (plan_make(&r->plan, r->conf, r->trunk, r->number) < 0) {
		*bad = (struct check){ SIP_404_NOT_FOUND, NULL, "no_route", &ingress.count->refused_no_route };
	} else {
		return true;
	}
	return false;
}

static void invite(struct call_request *r, msg_t *msg, sip_t *sip)
{
	static char number[PROFILE_NUMBER];
	char loop[(LOOP_MAX + 2) * (LOOP_TOKEN + 1)];
	struct check bad = { 0 };
	const struct conf_test_number *test;
	bool emergency;

	r->number = profile_called(number, sip);
	emergency = plan_emergency(r->conf, r->number);
	if ((!emergency && !in_rate(r, msg, sip)) || requires(r, msg, sip))
		return;
	test = plan_test(r->conf, r->number);
	if (test && checks_out(sip, &ingress.conf->trunks.v[r->trunk], emergency, &bad)) {
		testline_begin(r, test, msg, sip);
		return;
	}
	if (!test && checks_out(sip, &ingress.conf->trunks.v[r->trunk], emergency, &bad) && plan_call(r, sip, loop, sizeof(loop), &bad) &&
	    in_limits(r, emergency, &bad))
		call_begin(r, msg, sip);
	else
		refuse_checked(r->agent, msg, sip, r, &bad);
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
	r.trunk = names_trunk_of(ingress.conf, trunk_health(), &r.source, (uint16_t)iface);
	if (r.trunk == CONF_NONE)
		stranger(agent, msg, sip, &r.source);
	else if (method == sip_method_ack)
		msg_destroy(msg); /* of a transaction that is over */
	else if (sip->sip_to->a_tag || method == sip_method_bye || method == sip_method_cancel)
		answer(agent, msg, SIP_481_NO_TRANSACTION);
	else if (method == sip_method_invite)
		invite(&r, msg, sip);
	else if (method == sip_method_options)
		options(&r, msg, sip);
	else /* one we never heard of as well: RFC 3261 8.2.1 */
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
	uint16_t trunk = names_trunk_of(ingress.conf, trunk_health(), from, (uint16_t)iface);
	uint32_t all, of_source;

	if (trunk == CONF_NONE && !conf_trunk_left(ingress.conf, (const struct conf_addr *)from)) {
		stranger_tell(from, "connect");
		return false;
	}
	all = stream_count(from, &of_source);
	if (all < ingress.conf->limits.max_connections && of_source < ingress.conf->limits.max_source_connections)
		return true;
	segment_add(&ingress.count->refused_connection, 1);
	not_heard(from, ADMIT_CONNECTIONS, trunk);
	return false;
}

void ingress_no_fd(void)
{
	segment_add(&ingress.count->refused_no_fd, 1);
	event_log(call_refused, .why = "no_fd", .in = NULL, .source = NULL, .code = 0);
}
