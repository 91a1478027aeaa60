// SPDX-License-Identifier: MIT
#include "sig/dialog/fork.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>
#include <sofia-sip/msg_header.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/su_alloc.h>

#include "sig/attempt.h"
#include "sig/call.h"
#include "sig/offer/crypto.h"

struct fork *fork_find(const struct attempt *a, const char *tag)
{
	struct fork *f = a->forks;

	while (f && tag && strcasecmp(f->tag, tag) != 0)
		f = f->next;
	return tag ? f : NULL;
}

nta_leg_t *fork_dialog(const struct attempt *a, const struct fork *f)
{
	return f->nta ? f->nta : a->leg.nta;
}

struct fork *fork_of_dialog(const struct attempt *a, const nta_leg_t *dialog)
{
	struct fork *f = a->forks;

	while (f && fork_dialog(a, f) != dialog)
		f = f->next;
	return f;
}

static struct fork *fork_new(struct attempt *a, const char *tag, unsigned max)
{
	su_home_t *home = (su_home_t *)a->call;
	struct fork **last = &a->forks, *f;
	unsigned n = 0;

	for (; *last; last = &(*last)->next)
		n++;
	if (n >= max)
		return NULL;
	f = su_zalloc(home, sizeof(*f));
	if (!f)
		return NULL;
	f->tag = su_strdup(home, tag);
	if (!f->tag)
		return NULL;
	if (n == 0)
		nta_leg_rtag(a->leg.nta, tag);
	else if (!(f->nta = leg_fork(&a->leg, tag)))
		return NULL;
	*last = f;
	return f;
}

bool fork_reliable(const sip_t *sip)
{
	return sip->sip_rseq && sip->sip_rseq->rs_response &&
	       sip_has_feature(sip->sip_require, "100rel");
}

/* It may hold keys. */
static void drop_sdp(su_home_t *home, struct fork *f)
{
	if (f->sdp)
		crypto_wipe(f->sdp, strlen(f->sdp));
	su_free(home, f->sdp);
	f->sdp = NULL;
}

static void keep_sdp(struct attempt *a, struct fork *f, const sip_t *sip)
{
	su_home_t *home = (su_home_t *)a->call;
	struct bridge_body said = call_body(sip);

	if (!said.length || !said.type || strcasecmp(said.type, "application/sdp") != 0)
		return;
	drop_sdp(home, f);
	f->sdp = su_strndup(home, said.data, said.length);
}

enum fork_take fork_take(struct attempt *a, const sip_t *sip)
{
	const char *tag = sip->sip_to->a_tag;
	struct fork *f = fork_find(a, tag);
	uint32_t rseq = 0;

	if (tag && !f)
		f = fork_new(a, tag, FORK_MAX);
	if (!f)
		return tag && fork_reliable(sip) ? FORK_AGAIN : FORK_PLAIN;
	if (fork_reliable(sip)) {
		rseq = sip->sip_rseq->rs_response;
		if (f->rseq && rseq != f->rseq + 1)
			return FORK_AGAIN;
		f->rseq = rseq;
	}
	leg_early(&a->leg, fork_dialog(a, f), sip);
	if (sip->sip_allow)
		f->updates = sip_is_allowed(sip->sip_allow, sip_method_update, NULL);
	keep_sdp(a, f, sip);
	if (!fork_reliable(sip))
		return FORK_PLAIN;
	if (f->owed) /* an offer waits for the caller: what a peer says before that PRACK is acknowledged behind it */
		return FORK_FIRST;
	f->owed = rseq;
	if (!a->offerless || f->agreed || !sip->sip_payload)
		fork_prack(a, f, NULL);
	f->agreed = f->agreed || (!a->offerless && sip->sip_payload);
	return FORK_FIRST;
}

void fork_prack(struct attempt *a, struct fork *f, const char *body)
{
	if (!f->owed)
		return;
	leg_prack(&a->leg, fork_dialog(a, f), f->owed, body);
	for (uint32_t behind = f->owed + 1; behind <= f->rseq; behind++)
		leg_prack(&a->leg, fork_dialog(a, f), behind, NULL);
	f->owed = 0;
	f->agreed = f->agreed || body;
}

struct bridge_body fork_said(const struct attempt *a, const sip_t *sip)
{
	const struct fork *f = fork_find(a, sip->sip_to->a_tag);
	struct bridge_body said = call_body(sip);

	if (!f || a->offerless || !f->sdp || (said.length && !f->agreed))
		return said;
	said = (struct bridge_body){ 0 };
	if (a->forks->next) /* what the side said last may be another phone's */
		said = (struct bridge_body){ .data = f->sdp, .length = strlen(f->sdp) };
	return said;
}

bool fork_owes(const struct attempt *a)
{
	for (const struct fork *f = a->forks; f; f = f->next)
		if (f->owed)
			return true;
	return false;
}

void fork_answer(struct attempt *a, const char *body)
{
	for (struct fork *f = a->forks; f; f = f->next)
		fork_prack(a, f, body);
}

/* One m-line, its port made 0, behind what is there already. */
static char *refused_line(su_home_t *home, char *before, const char *line)
{
	const char *port = line + strcspn(line, " \r\n"), *rest;
	char *out;

	rest = *port == ' ' ? port + 1 + strcspn(port + 1, " \r\n") : port;
	out = su_sprintf(home, "%s%.*s 0%.*s\r\n", before, (int)(port - line), line, (int)strcspn(rest, "\r\n"), rest);
	su_free(home, before);
	return out;
}

/* RFC 3264 6: the same lines, each with port 0. */
static char *refusal(struct attempt *a, const char *offer)
{
	su_home_t *home = (su_home_t *)a->call;
	struct kedge_addr local;
	char host[INET6_ADDRSTRLEN], *out;
	int version = a->leg.peer.family == AF_INET6 ? 6 : 4, lines = 0;

	if (listen_local(a->leg.iface, a->leg.peer.family, 0, &local) < 0 ||
	    !inet_ntop(local.family, local.ip, host, sizeof(host)))
		return NULL;
	out = su_sprintf(home, "v=0\r\no=- 1 1 IN IP%d %s\r\ns=-\r\nc=IN IP%d %s\r\nt=0 0\r\n", version, host, version, host);
	for (const char *p = offer; *p && out; p += strcspn(p, "\n"), p += *p == '\n')
		if (strncmp(p, "m=", 2) == 0 && lines++ < OFFER_LINES) /* a body of more is none (offer.h) */
			out = refused_line(home, out, p);
	return out;
}

void fork_settle(struct attempt *a)
{
	for (struct fork *f = a->forks; f; f = f->next)
		if (f->owed)
			fork_prack(a, f, f->sdp ? refusal(a, f->sdp) : NULL);
}

void fork_answered(struct attempt *a, const sip_t *sip)
{
	const char *tag = sip->sip_to->a_tag;
	struct fork *f = fork_find(a, tag);

	if (tag && !f)
		f = fork_new(a, tag, FORK_MAX + 1);
	if (f && f->nta) {
		nta_leg_t *other = a->leg.nta;

		for (struct fork *o = a->forks; o; o = o->next)
			if (!o->nta)
				o->nta = other;
		a->leg.nta = f->nta;
		f->nta = NULL;
	}
	leg_answered(&a->leg, sip, true);
}

uint32_t fork_seq(const struct attempt *a)
{
	uint32_t seq = nta_leg_get_seq(a->leg.nta);

	for (const struct fork *f = a->forks; f; f = f->next)
		if (nta_leg_get_seq(fork_dialog(a, f)) > seq)
			seq = nta_leg_get_seq(fork_dialog(a, f));
	return seq;
}

void fork_fini(struct attempt *a)
{
	for (struct fork *f = a->forks; f; f = f->next) {
		nta_leg_destroy(f->nta);
		drop_sdp((su_home_t *)a->call, f);
	}
	a->forks = NULL;
}
