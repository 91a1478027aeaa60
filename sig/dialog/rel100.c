// SPDX-License-Identifier: MIT
#include "sig/dialog/rel100.h"

#include <string.h>
#include <strings.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_status.h>
#include <sofia-sip/su_tag.h>

#include "config/clock.h"
#include "sig/call.h"
#include "sig/setup.h"

#define BUCKETS 1024 /* of calls whose caller can; a power of two */

static struct rel100 *bucket[BUCKETS], *by_name[BUCKETS];

/* ---- the call of a PRACK -------------------------------------------------------------------- */

static struct rel100 **bucket_of(uint64_t call_id)
{
	return &bucket[call_id % BUCKETS];
}

static struct call *find(uint64_t call_id)
{
	struct rel100 *r = *bucket_of(call_id);

	while (r && r->call->id != call_id)
		r = r->next;
	return r ? r->call : NULL;
}

static struct rel100 **name_bucket(const char *call_id)
{
	uint32_t h = 2166136261u;

	while (*call_id)
		h = (h ^ (uint8_t)*call_id++) * 16777619u;
	return &by_name[h % BUCKETS];
}

static bool speaks_so(const struct leg *l, const char *theirs, const char *ours, const struct kedge_addr *from)
{
	const char *rtag = nta_leg_get_rtag(l->nta);

	return rtag && strcasecmp(rtag, theirs) == 0 && strcasecmp(l->tag, ours) == 0 && leg_may_speak(l, from);
}

bool rel100_hears(const char *call_id, const char *theirs, const char *ours, const struct kedge_addr *from)
{
	bool known = false;

	for (const struct rel100 *r = *name_bucket(call_id); r; r = r->named) {
		const struct leg *l = &r->call->caller;

		if (strcmp(l->call_id, call_id) != 0)
			continue;
		known = true;
		if (speaks_so(l, theirs, ours, from))
			return true;
	}
	return !known;
}

int rel100_admits(unsigned setting, const sip_t *sip)
{
	if (setting == CONF_REL100_NO && sip_has_feature(sip->sip_require, "100rel"))
		return 420;
	if (setting == CONF_REL100_REQUIRE && !sip_has_feature(sip->sip_require, "100rel") &&
	    !sip_has_feature(sip->sip_supported, "100rel"))
		return 421;
	return 0;
}

void rel100_begin(struct call *c, const sip_t *sip)
{
	struct rel100 *r = &c->rel100;
	unsigned setting = c->conf->trunks.v[c->caller.trunk].rel100;

	r->call = c;
	if (setting == CONF_REL100_NO)
		return;
	r->must = sip_has_feature(sip->sip_require, "100rel") || setting == CONF_REL100_REQUIRE;
	r->can = r->must || sip_has_feature(sip->sip_supported, "100rel");
	if (!r->can)
		return;
	r->next = *bucket_of(c->id);
	*bucket_of(c->id) = r;
	r->named = *name_bucket(c->caller.call_id);
	*name_bucket(c->caller.call_id) = r;
}

void rel100_fini(struct call *c)
{
	struct rel100 **r = bucket_of(c->id);

	while (*r && *r != &c->rel100)
		r = &(*r)->next;
	if (!*r)
		return;
	*r = c->rel100.next;
	r = name_bucket(c->caller.call_id);
	while (*r && *r != &c->rel100)
		r = &(*r)->named;
	if (*r)
		*r = c->rel100.named;
}

/* ---- what is said --------------------------------------------------------------------------- */

static int on_prack(nta_reliable_magic_t *magic, nta_reliable_t *rel, nta_incoming_t *prack, const sip_t *sip);

/* 64*T1 (RFC 3262 3), and before our stack comes to it: its own answer would be all that happens. */
static uint64_t patience_ns(const struct call *c)
{
	return (64ULL * c->conf->sip.t1_ms - c->conf->sip.t1_ms / 2) * CLOCK_NS_PER_MS;
}

static void say(struct call *c, int status, const char *body, bool reliably)
{
	struct rel100 *r = &c->rel100;
	const char *server = call_agent_text(c);

	if (r->must || (r->can && (body || reliably)))
		r->sent = nta_reliable_treply(c->caller.irq, on_prack, (nta_reliable_magic_t *)(uintptr_t)c->id,
		    status, NULL, SIPTAG_CONTACT(c->caller.contact), SIPTAG_ALLOW_STR(leg_allow),
		    TAG_IF(server, SIPTAG_SERVER_STR(server)),
		    TAG_IF(body, SIPTAG_CONTENT_TYPE_STR("application/sdp")),
		    TAG_IF(body, SIPTAG_PAYLOAD_STR(body)), TAG_END());
	if (r->sent) {
		r->sent_sdp = body;
		r->asked = body && c->bridge.late;
		r->told = r->told || body;
		r->due_ns = clock_mono_ns() + patience_ns(c);
		return;
	}
	nta_incoming_treply(c->caller.irq, status, NULL, SIPTAG_CONTACT(c->caller.contact),
	    SIPTAG_ALLOW_STR(leg_allow), TAG_IF(server, SIPTAG_SERVER_STR(server)),
	    TAG_IF(body, SIPTAG_CONTENT_TYPE_STR("application/sdp")),
	    TAG_IF(body, SIPTAG_PAYLOAD_STR(body)), TAG_END());
}

static const char *body_of(const struct call *c, bool sdp)
{
	return sdp && !c->rel100.told ? c->bridge.caller.ours : NULL;
}

void rel100_tell(struct call *c, int status, bool sdp, bool reliably)
{
	struct rel100 *r = &c->rel100;

	/* Never behind a final: the library does not survive it. */
	if (!c->caller.irq || nta_incoming_status(c->caller.irq) >= 200 || r->held)
		return;
	if (r->sent) {
		r->waits = (uint16_t)status;
		r->waits_sdp = r->waits_sdp || sdp;
		r->waits_reliable = r->waits_reliable || reliably;
	} else {
		say(c, status, body_of(c, sdp), reliably);
	}
}

/* A PRACK for the old dialog finds nothing: its phone is gone, and so is the dialog. */
void rel100_forked(struct call *c)
{
	struct rel100 *r = &c->rel100;

	if (r->sent)
		nta_reliable_destroy(r->sent);
	r->sent = NULL;
	r->due_ns = 0;
	r->waits = 0;
	r->told = r->asked = false;
}

static void say_200(struct call *c, bool sdp)
{
	const char *server = call_agent_text(c), *body = body_of(c, sdp);
	const char *supported = leg_supported(&c->caller);
	char lines[REFRESH_LINES];

	c->code = 200;
	refresh_answer(&c->caller.refresh, leg_trunk(&c->caller), lines);
	nta_incoming_treply(c->caller.irq, SIP_200_OK, SIPTAG_CONTACT(c->caller.contact),
	    SIPTAG_ALLOW_STR(leg_allow), TAG_IF(supported, SIPTAG_SUPPORTED_STR(supported)),
	    TAG_IF(lines[0], SIPTAG_HEADER_STR(lines)), TAG_IF(server, SIPTAG_SERVER_STR(server)),
	    TAG_IF(body, SIPTAG_CONTENT_TYPE_STR("application/sdp")),
	    TAG_IF(body, SIPTAG_PAYLOAD_STR(body)), TAG_END());
}

/* A 1xx that waits is not said any more: the 200 says it all. */
void rel100_answer(struct call *c, bool sdp)
{
	struct rel100 *r = &c->rel100;

	r->waits = 0;
	refresh_asked(&c->caller.refresh, leg_trunk(&c->caller), sip_object(c->invite), clock_mono_ns(), call_scale());
	if (r->sent && r->sent_sdp) {
		r->held = true;
		r->held_sdp = sdp;
	} else {
		r->due_ns = 0;
		say_200(c, sdp);
	}
}

bool rel100_drop(struct call *c)
{
	bool held = c->rel100.held;

	c->rel100.held = false;
	c->rel100.waits = 0;
	c->rel100.due_ns = 0;
	return held;
}

/* ---- PRACK ---------------------------------------------------------------------------------- */

static void go_on(struct call *c)
{
	struct rel100 *r = &c->rel100;
	int status = r->waits;

	if (!c->caller.irq || nta_incoming_status(c->caller.irq) >= 200)
		return;
	if (r->held) {
		r->held = false;
		say_200(c, r->held_sdp);
	} else if (status) {
		r->waits = 0;
		say(c, status, body_of(c, r->waits_sdp), r->waits_reliable);
		r->waits_sdp = r->waits_reliable = false;
	}
}

static void reply(nta_incoming_t *prack, int status, const char *phrase)
{
	nta_incoming_treply(prack, status, phrase, TAG_END());
	nta_incoming_destroy(prack);
}

/* The attempt that the caller's answer is for: who has the call, else whose offer waits, else the last. */
static struct attempt *asker(struct call *c)
{
	struct attempt *found = c->winner;

	for (struct attempt *a = c->attempts; a && !c->winner; a = a->next)
		if (a->side.end != KEDGE_LIVE_NONE && (!found || attempt_open(a)))
			found = a;
	return found;
}

/* The offer in the 1xx has its answer, or the call ends. */
static bool answered(struct call *c, const sip_t *sip)
{
	struct attempt *a = asker(c);
	struct bridge_body said = call_body(sip);
	const char *body;

	if (!a || bridge_late(&c->bridge, &a->side, &said, &body) < 0)
		return false;
	if (c->ack_owed == &a->leg && !fork_owes(a)) { /* its offer was in its 2xx, another attempt's in our 1xx */
		leg_ack(&a->leg, body);
		c->ack_owed = NULL;
	}
	fork_answer(a, body);
	return true;
}

static void acknowledged(struct call *c, nta_incoming_t *prack, const sip_t *sip)
{
	static const struct decide_final bad = { .code = 488, .from = DECIDE_NONE, .why = "bad_answer" };
	struct rel100 *r = &c->rel100;
	struct bridge_body said = call_body(sip);
	bool asked = r->asked && c->bridge.late, good = !asked || answered(c, sip);
	const char *body = NULL;
	int status = 0;

	r->asked = false;
	if (r->sent_sdp)
		bridge_settled(&c->bridge);
	if (!asked && said.length)
		status = c->bridge.settled ? early_prack(c, &said, &body) : 488;
	nta_incoming_treply(prack, status ? status : 200, NULL, TAG_IF(body, SIPTAG_CONTENT_TYPE_STR("application/sdp")),
	    TAG_IF(body, SIPTAG_PAYLOAD_STR(body)), TAG_END());
	nta_incoming_destroy(prack);
	if (good)
		go_on(c);
	else if (c->state == CALL_SETUP)
		setup_fail(c, &bad);
	else
		call_end(c, CALL_BY_KEDGE, "bad_answer", "Q.850;cause=88;text=\"Incompatible SDP\"");
}

/* prack NULL: a final answer made an end of it, or our stack gave up. It stays known there, so that a
 * PRACK under way is answered still. */
static int on_prack(
    nta_reliable_magic_t *magic, nta_reliable_t *rel, nta_incoming_t *prack, const sip_t *sip)
{
	struct call *c = find((uintptr_t)magic);
	struct rel100 *r = c ? &c->rel100 : NULL;

	if (!prack) {
		if (r && r->sent == rel)
			r->sent = NULL;
		return 0;
	}
	if (!r || r->sent != rel) {
		nta_reliable_destroy(rel);
		return 200;
	}
	if (!leg_from_peer(&c->caller, prack)) {
		reply(prack, SIP_403_FORBIDDEN);
		return 0;
	}
	call_hold(c);
	nta_reliable_destroy(rel);
	r->sent = NULL;
	r->due_ns = 0;
	acknowledged(c, prack, sip);
	call_arm(c);
	call_release(c);
	return 0;
}

/* RFC 3262 3: no PRACK for 64*T1, so the INVITE is refused, and whoever answered it is told. */
void rel100_tick(struct call *c, uint64_t now)
{
	static const struct decide_final lost = { .code = 504, .from = DECIDE_NONE, .why = "no_prack" };

	if (!c->rel100.due_ns || c->rel100.due_ns > now)
		return;
	c->rel100.due_ns = 0;
	if (c->state == CALL_SETUP) {
		c->by = CALL_BY_KEDGE;
		setup_fail(c, &lost);
	} else {
		call_end(c, CALL_BY_KEDGE, "no_prack", NULL);
	}
}
