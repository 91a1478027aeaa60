// SPDX-License-Identifier: MIT
#include "sig/dialog/inside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_status.h>
#include <sofia-sip/su_tag.h>

#include "config/clock.h"
#include "sig/call.h"
#include "sig/offer/offer.h"

#define LINES 256 /* bytes of the header lines that are passed */

struct inside {
	struct inside *next;
	struct call *call;
	const struct leg *to;
	nta_incoming_t *irq;
	nta_outgoing_t *orq;
	uint64_t due_ns;
	bool digit;
};

/* ---- answers -------------------------------------------------------------------------------- */

/* What we allow but for a method that the other side does not. */
static const char *allow_without(const char *method, char *out, size_t size)
{
	size_t n = 0, k;

	out[0] = 0;
	for (const char *p = leg_allow; *p && n < size; p += k, p += strspn(p, ", ")) {
		k = strcspn(p, ",");
		if (k != strlen(method) || strncmp(p, method, k) != 0)
			n += (size_t)snprintf(out + n, size - n, "%s%.*s", n ? ", " : "", (int)k, p);
	}
	return out;
}

static void answer(struct call *c, nta_incoming_t *irq, int status, const char *headers)
{
	const char *server = call_agent_text(c);
	char allow[160];

	nta_incoming_treply(irq, status, NULL, TAG_IF(server, SIPTAG_SERVER_STR(server)),
	    TAG_IF(status == 405, SIPTAG_ALLOW_STR(allow_without(nta_incoming_method_name(irq), allow, sizeof(allow)))),
	    TAG_IF(headers, SIPTAG_HEADER_STR(headers)), TAG_END());
	nta_incoming_destroy(irq);
}

static int passed_on(const sip_t *sip)
{
	int status = sip->sip_status->st_status;

	if (nta_sip_is_internal(sip))
		return status == 408 ? 504 : 500;
	switch (status) {
	case 401:
	case 407:
	case 408:
	case 481:
		return 500;
	default:
		return status >= 300 && status < 400 ? 500 : status > 699 ? 500 : status;
	}
}

/* ---- one request ---------------------------------------------------------------------------- */

static void close_one(struct inside *i, int status, const char *headers)
{
	struct inside **p = &i->call->inside;
	struct call *c = i->call;

	while (*p != i)
		p = &(*p)->next;
	*p = i->next;
	nta_outgoing_destroy(i->orq);
	answer(c, i->irq, status, headers);
	free(i);
	call_arm(c);
	call_release(c);
}

static int on_response(nta_outgoing_magic_t *magic, nta_outgoing_t *orq, const sip_t *sip)
{
	struct inside *i = (struct inside *)magic;
	char headers[40] = "";

	(void)orq;
	if (sip->sip_status->st_status < 200)
		return 0;
	if (sip->sip_status->st_status >= 300 && i->digit)
		digits_lost(i->call, i->to, digits_lost_why(sip), nta_sip_is_internal(sip) ? 0 : sip->sip_status->st_status);
	if (sip->sip_retry_after)
		snprintf(headers, sizeof(headers), "Retry-After: %lu\r\n", (unsigned long)sip->sip_retry_after->af_delta);
	close_one(i, passed_on(sip), headers[0] ? headers : NULL);
	return 0;
}

/* ---- what may cross ------------------------------------------------------------------------- */

static bool names_addresses(const sip_t *sip)
{
	const char *type = sip->sip_content_type ? sip->sip_content_type->c_type : NULL, *sdp;
	struct bridge_body body = call_body(sip);
	size_t length;

	if (!body.length || !type)
		return body.length > 0;
	if (strncasecmp(type, "message/sip", 11) == 0)
		return true;
	return (strncasecmp(type, "multipart/", 10) == 0 || strcasecmp(type, "application/sdp") == 0) &&
	       offer_body(body.type, body.data, body.length, &sdp, &length) == 0;
}

static bool is_token(const char *s)
{
	return s && s[0] && strlen(s) < 64 &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~") == strlen(s);
}

/* The package of an INFO; the library has no header of that name. */
static char *lines_of(const sip_t *sip, char out[static LINES])
{
	out[0] = 0;
	for (const sip_unknown_t *u = sip->sip_unknown; u; u = u->un_next)
		if (u->un_name && strcasecmp(u->un_name, "Info-Package") == 0 && is_token(u->un_value)) {
			snprintf(out, LINES, "Info-Package: %s\r\n", u->un_value);
			break;
		}
	return out;
}

static nta_outgoing_t *send_on(struct leg *to, const sip_t *sip, struct inside *i)
{
	const char *agent = call_agent_text(to->call);
	char route[LEG_ROUTE], branch[LISTEN_BRANCH], lines[LINES];

	leg_branch(to, branch);
	lines_of(sip, lines);
	return nta_outgoing_tcreate(to->nta, on_response, (nta_outgoing_magic_t *)i, (url_string_t *)leg_route(to, route),
	    sip->sip_request->rq_method, sip->sip_request->rq_method_name, NULL, NTATAG_BRANCH_KEY(branch),
	    TAG_IF(agent, SIPTAG_USER_AGENT_STR(agent)), TAG_IF(lines[0], SIPTAG_HEADER_STR(lines)),
	    TAG_IF(sip->sip_request->rq_method == sip_method_info, SIPTAG_CONTACT(to->contact)),
	    SIPTAG_CONTENT_TYPE(sip->sip_content_type), SIPTAG_CONTENT_DISPOSITION(sip->sip_content_disposition),
	    SIPTAG_PAYLOAD(sip->sip_payload), TAG_END());
}

static unsigned open_ones(const struct call *c)
{
	unsigned n = 0;

	for (const struct inside *i = c->inside; i; i = i->next)
		n++;
	return n;
}

static void pass(struct call *c, struct leg *to, nta_incoming_t *irq, const sip_t *sip)
{
	struct inside *i = calloc(1, sizeof(*i));

	if (i)
		i->orq = send_on(to, sip, i);
	if (!i || !i->orq) {
		free(i);
		answer(c, irq, 500, NULL);
		return;
	}
	i->call = c;
	i->to = to;
	i->digit = sip->sip_content_type && digits_type(sip->sip_content_type->c_type);
	i->irq = irq;
	/* Half of timer F: the asker is still there to hear it. */
	i->due_ns = clock_mono_ns() + 32 * c->conf->sip.t1_ms * CLOCK_NS_PER_MS;
	i->next = c->inside;
	c->inside = i;
	call_hold(c);
	call_arm(c);
}

void inside_request(struct call *c, struct leg *l, nta_incoming_t *irq, const sip_t *sip)
{
	struct leg *other = l == &c->caller ? call_callee(c) : &c->caller;

	if (digits_request(c, l, irq, sip))
		return;
	if (c->state == CALL_ENDING || c->state == CALL_GONE)
		answer(c, irq, 481, NULL);
	else if (!other || other->state != LEG_UP || open_ones(c) >= INSIDE_MAX)
		answer(c, irq, 500, "Retry-After: 2\r\n");
	else if (names_addresses(sip))
		answer(c, irq, 415, NULL);
	else if (other->dead)
		answer(c, irq, 504, NULL);
	else
		pass(c, other, irq, sip);
}

/* ---- time, end ------------------------------------------------------------------------------ */

uint64_t inside_due(const struct call *c)
{
	uint64_t due = 0;

	for (const struct inside *i = c->inside; i; i = i->next)
		if (!due || i->due_ns < due)
			due = i->due_ns;
	return due;
}

void inside_tick(struct call *c, uint64_t now_ns)
{
	for (struct inside *i = c->inside, *next; i; i = next) {
		next = i->next;
		if (i->due_ns > now_ns)
			continue;
		if (i->digit)
			digits_lost(c, i->to, DIGITS_NO_ANSWER, 0);
		close_one(i, 504, NULL);
	}
}

void inside_abort(struct call *c)
{
	while (c->inside)
		close_one(c->inside, 487, NULL);
}
