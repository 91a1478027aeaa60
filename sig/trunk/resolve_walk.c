// SPDX-License-Identifier: MIT
#include "sig/trunk/resolve_part.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* One answer less to wait for; the last one leads on. */
static void step(struct walk *w)
{
	if (--w->waiting == 0)
		w->then(w);
}

static void ask(struct walk *w, const char *name, enum question_type type, question_answered *answered, void *ctx, enum question_end *end)
{
	int err = question_ask(name, type, answered, ctx);

	if (err == 0)
		w->waiting++;
	else
		resolve_worst(end, err == -EINVAL ? QUESTION_NO_NAME : QUESTION_REFUSED);
}

static void note_ttl(struct walk *w, const struct question_answer *a)
{
	if (a->end == QUESTION_FOUND && a->ttl < w->ttl)
		w->ttl = a->ttl;
}

static void on_host(void *ctx, const struct question_answer *a)
{
	struct target *t = ctx;

	note_ttl(t->walk, a);
	resolve_worst(&t->end, a->end);
	for (unsigned i = 0; i < a->count && t->count < RESOLVE_MAX; i++)
		t->addr[t->count++] = a->record[i].addr;
	step(t->walk);
}

static void all_hosts(struct walk *w)
{
	for (unsigned i = 0; i < w->targets; i++)
		resolve_worst(&w->end, w->target[i].end);
	resolve_walked(w, true);
}

static void ask_hosts(struct walk *w)
{
	w->then = all_hosts;
	w->waiting = 1;
	for (unsigned i = 0; i < w->targets; i++) {
		struct target *t = &w->target[i];
		unsigned families = w->name->ways.families[t->transport];

		t->end = QUESTION_FOUND;
		if (families & RESOLVE_A)
			ask(w, t->host, QUESTION_A, on_host, t, &t->end);
		if (families & RESOLVE_AAAA)
			ask(w, t->host, QUESTION_AAAA, on_host, t, &t->end);
	}
	step(w);
}

static struct target *add_target(struct walk *w, const char *host, uint16_t transport, uint16_t port)
{
	struct target *t = &w->target[w->targets];
	size_t n = strlen(host);

	if (n && host[n - 1] == '.')
		n--;
	if (w->targets == RESOLVE_TARGETS || n == 0 || n >= sizeof(t->host))
		return NULL; /* "." is a service that is not there (RFC 2782) */
	*t = (struct target){ .walk = w, .transport = transport, .port = port };
	memcpy(t->host, host, n);
	w->targets++;
	return t;
}

/* The name itself, without services. */
static void ask_name(struct walk *w)
{
	const struct conf_uri *uri = w->name->uri;
	struct target *t = add_target(w, uri->host, uri->transport, uri->port ? uri->port : 5060);

	if (t)
		t->priority = RESOLVE_NO_SRV;
	ask_hosts(w);
}

static void on_service(void *ctx, const struct question_answer *a)
{
	const struct service *s = ctx;
	struct walk *w = s->walk;
	uint32_t rank = (uint32_t)(s - w->service);

	note_ttl(w, a);
	resolve_worst(&w->end, a->end);
	for (unsigned i = 0; i < a->count; i++) {
		struct target *t = add_target(w, a->record[i].name, s->transport, a->record[i].port);

		if (!t)
			continue;
		t->priority = rank << 16 | a->record[i].priority;
		t->weight = a->record[i].weight;
	}
	step(w);
}

/* Services answered or not. Where there never was any, the name itself does: some networks lose such questions. */
static void all_services(struct walk *w)
{
	if (w->targets)
		ask_hosts(w);
	else if (w->naptr || (resolve_failed(w->end) && w->name->srv))
		resolve_walked(w, false);
	else
		ask_name(w);
}

static void ask_services(struct walk *w)
{
	w->then = all_services;
	w->waiting = 1;
	w->end = QUESTION_FOUND;
	for (unsigned i = 0; i < w->services; i++)
		ask(w, w->service[i].name, QUESTION_SRV, on_service, &w->service[i], &w->end);
	step(w);
}

static void add_service(struct walk *w, const char *prefix, const char *name, uint16_t transport)
{
	struct service *s = &w->service[w->services];

	if (w->services == RESOLVE_SERVICES || !w->name->ways.families[transport])
		return;
	*s = (struct service){ .walk = w, .transport = transport };
	if ((size_t)snprintf(s->name, sizeof(s->name), "%s%s", prefix, name) < sizeof(s->name))
		w->services++;
}

/* Without NAPTR: the services that go by the name, of the transports allowed. */
static void usual_services(struct walk *w, bool named)
{
	const struct conf_uri *uri = w->name->uri;

	if (!named || uri->transport == CONF_UDP)
		add_service(w, "_sip._udp.", uri->host, CONF_UDP);
	if (!named || uri->transport == CONF_TCP)
		add_service(w, "_sip._tcp.", uri->host, CONF_TCP);
	ask_services(w);
}

static bool wanted_naptr(const struct question_record *r, uint16_t *transport)
{
	if (strcasecmp(r->flags, "s") || *r->pattern)
		return false;
	*transport = !strcasecmp(r->service, "SIP+D2T") ? CONF_TCP : CONF_UDP;
	return *transport == CONF_TCP || !strcasecmp(r->service, "SIP+D2U");
}

static bool naptr_before(const struct question_record *a, const struct question_record *b)
{
	return a->priority != b->priority ? a->priority < b->priority : a->weight < b->weight;
}

/* Those kedge speaks, by order and preference. */
static void take_naptr(struct walk *w, const struct question_answer *a)
{
	uint32_t taken = 0;

	for (;;) {
		const struct question_record *next = NULL;
		uint16_t transport;

		for (unsigned i = 0; i < a->count; i++)
			if (!(taken & 1u << i) && wanted_naptr(&a->record[i], &transport) && (!next || naptr_before(&a->record[i], next)))
				next = &a->record[i];
		if (!next)
			return;
		taken |= 1u << (next - a->record);
		wanted_naptr(next, &transport);
		add_service(w, "", next->name, transport);
	}
}

static void all_naptr(struct walk *w)
{
	w->naptr = w->services > 0;
	if (w->naptr)
		ask_services(w);
	else if (resolve_failed(w->end) && w->name->naptr)
		resolve_walked(w, false); /* they were there before, and nobody says that they are gone */
	else
		usual_services(w, false);
}

static void on_naptr(void *ctx, const struct question_answer *a)
{
	struct walk *w = ctx;

	note_ttl(w, a);
	resolve_worst(&w->end, a->end);
	take_naptr(w, a);
	step(w);
}

static void ask_naptr(struct walk *w)
{
	w->then = all_naptr;
	w->waiting = 1;
	ask(w, w->name->uri->host, QUESTION_NAPTR, on_naptr, w, &w->end);
	step(w);
}

int resolve_walk(struct resolve_name *n)
{
	struct walk *w = calloc(1, sizeof(*w));

	assert(!n->walk);
	if (!w)
		return -ENOMEM;
	n->walk = w;
	w->name = n;
	w->ttl = UINT32_MAX;
	if (n->uri->port)
		ask_name(w);
	else if (n->uri->named)
		usual_services(w, true);
	else
		ask_naptr(w);
	return 0;
}
