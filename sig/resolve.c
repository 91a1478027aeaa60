// SPDX-License-Identifier: MIT
#include "sig/resolve.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/clock.h"
#include "config/event.h"
#include "sig/dns_check.h"

#define RETRY_MIN_MS 2000
#define RETRY_MAX_MS 30000
#define TTL_MIN_S    1
#define TTL_MAX_S    3600
#define SERVICES     4  /* SRV names of one walk */
#define TARGETS      16 /* hosts of one walk */
#define SHARE        840 /* parts of a weight: whole for 1 to 8 addresses */

struct service { /* an SRV name to ask for */
	struct walk *walk;
	char name[DNS_NAME_MAX];
	uint16_t transport;
};

struct target { /* a host to ask for */
	struct walk *walk;
	char host[DNS_NAME_MAX];
	uint16_t transport, port, weight;
	uint32_t priority;
	enum question_end end; /* worst of its questions */
	unsigned count;
	struct kedge_addr addr[RESOLVE_MAX];
};

struct walk { /* one round through the DNS */
	struct resolve_name *name;
	unsigned waiting;          /* questions, and one of ours while they are being asked */
	void (*then)(struct walk *w);
	uint32_t ttl;
	enum question_end end;     /* worst so far */
	bool naptr;                /* there are NAPTR records */
	unsigned services, targets;
	struct service service[SERVICES];
	struct target target[TARGETS];
};

struct known { /* a hop with the host it is of */
	struct resolve_hop hop;
	char host[DNS_NAME_MAX];
};

struct resolve_name {
	struct resolve_name *next, **prev;
	const struct conf_uri *uri;
	struct resolve_ways ways;
	resolve_done *done;
	void *ctx;
	su_timer_t *timer;
	struct walk *walk; /* under way, or NULL */
	uint64_t good_ns;  /* of the last answer; of the beginning */
	uint32_t retry_ms;
	int said;          /* enum question_end of the last round, as logged; -1 none */
	bool naptr, srv;        /* the last answer came by these */
	unsigned count;
	struct known known[RESOLVE_MAX];
};

static struct {
	su_root_t *root;
	const struct conf *conf;
	struct resolve_name *names;
	uint64_t random;
} resolve;

static void begin_walk(struct resolve_name *n);

static void worst(enum question_end *end, enum question_end now)
{
	if (now > *end)
		*end = now;
}

static bool failed(enum question_end end)
{
	return end == QUESTION_REFUSED || end == QUESTION_SILENT;
}

static uint64_t scaled(uint64_t ms)
{
	uint64_t scale = resolve.conf->scaled ? resolve.conf->test.time_scale : 1;

	return ms / scale ? ms / scale : 1;
}

/* ---- the end of a round --------------------------------------------------------------------- */

static void on_again(su_root_magic_t *magic, su_timer_t *timer, su_timer_arg_t *arg)
{
	(void)magic, (void)timer;
	begin_walk(arg);
}

/* Names that were asked for together need not be again. */
static void again_in(struct resolve_name *n, uint64_t ms)
{
	resolve.random = resolve.random * 6364136223846793005ULL + 1442695040888963407ULL;
	ms -= ms / 20 * (resolve.random >> 33 & 1023) / 1024;
	su_timer_set_interval(n->timer, on_again, n, (su_duration_t)ms);
}

static void take_hop(struct resolve_name *n, const struct known *k)
{
	for (unsigned i = 0; i < n->count; i++)
		if (!memcmp(&n->known[i].hop.addr, &k->hop.addr, sizeof(k->hop.addr)) &&
		    n->known[i].hop.transport == k->hop.transport)
			return;
	if (n->count < RESOLVE_MAX)
		n->known[n->count++] = *k;
}

/* What a target that nobody could tell of had before. */
static void take_before(struct resolve_name *n, const struct target *t, const struct known *before, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct known k = before[i];

		if (strcasecmp(k.host, t->host) || k.hop.transport != t->transport)
			continue;
		k.hop.priority = t->priority;
		k.hop.addr.port = t->port;
		take_hop(n, &k);
	}
}

static void take_target(struct resolve_name *n, const struct target *t)
{
	for (unsigned i = 0; i < t->count; i++) {
		struct known k = { .hop = { t->addr[i], t->transport, t->priority, (uint32_t)t->weight * SHARE / t->count } };

		k.hop.addr.port = t->port;
		if (!k.hop.weight)
			k.hop.weight = 1; /* RFC 2782: a weight of 0 has a very small chance beside others */
		strcpy(k.host, t->host);
		take_hop(n, &k);
	}
}

static int by_priority(const void *a, const void *b)
{
	const struct target *x = a, *y = b;

	return x->priority < y->priority ? -1 : x->priority > y->priority;
}

/* The hops of the walk become those of the name; false: it found none. */
static bool take_walk(struct resolve_name *n, struct walk *w)
{
	struct known before[RESOLVE_MAX];
	unsigned count = n->count, found = 0;

	for (unsigned i = 0; i < w->targets; i++)
		found += w->target[i].count;
	if (!found)
		return false;
	memcpy(before, n->known, sizeof(before));
	qsort(w->target, w->targets, sizeof(*w->target), by_priority);
	n->count = 0;
	for (unsigned i = 0; i < w->targets; i++)
		if (w->target[i].count)
			take_target(n, &w->target[i]);
		else if (failed(w->target[i].end))
			take_before(n, &w->target[i], before, count);
	return true;
}

static void say(struct resolve_name *n, const struct resolve_result *r, uint32_t retry_ms)
{
	if ((int)r->end == n->said)
		return;
	n->said = (int)r->end;
	if (r->end == QUESTION_FOUND)
		event_log(dns_found, .name = n->uri->host, .hops = r->count, .ttl = r->ttl);
	else
		event_log(dns_failed, .name = n->uri->host, .why = question_word(r->end), .retry_ms = retry_ms);
}

static void round_good(struct resolve_name *n, const struct walk *w)
{
	struct resolve_hop hop[RESOLVE_MAX];
	struct resolve_result r = { .end = QUESTION_FOUND, .count = n->count, .hop = hop, .ttl = w->ttl };
	uint32_t ttl = w->ttl < TTL_MIN_S ? TTL_MIN_S : w->ttl > TTL_MAX_S ? TTL_MAX_S : w->ttl;
	uint64_t ms = ttl * 900ULL;

	for (unsigned i = 0; i < n->count; i++)
		hop[i] = n->known[i].hop;
	n->naptr = w->naptr;
	n->srv = w->target[0].priority != RESOLVE_NO_SRV;
	n->good_ns = clock_mono_ns();
	n->retry_ms = RETRY_MIN_MS;
	if (failed(w->end) && ms > scaled(RETRY_MAX_MS)) /* a part is missing */
		ms = scaled(RETRY_MAX_MS);
	again_in(n, ms < TTL_MIN_S * 1000 ? TTL_MIN_S * 1000 : ms);
	say(n, &r, 0);
	n->done(n->ctx, &r);
}

static void round_failed(struct resolve_name *n, enum question_end end)
{
	struct resolve_result r = {
		.end = end == QUESTION_FOUND ? QUESTION_NO_RECORD : end, /* a service without a host */
		.expired = clock_mono_ns() - n->good_ns > resolve.conf->dns.stale_ms * CLOCK_NS_PER_MS,
	};
	uint32_t retry_ms = (uint32_t)scaled(n->retry_ms);

	n->retry_ms = n->retry_ms * 2 < RETRY_MAX_MS ? n->retry_ms * 2 : RETRY_MAX_MS;
	if (r.expired)
		n->count = 0;
	again_in(n, retry_ms);
	say(n, &r, retry_ms);
	n->done(n->ctx, &r);
}

static void end_walk(struct walk *w, bool good)
{
	struct resolve_name *n = w->name;

	n->walk = NULL;
	if (good && take_walk(n, w))
		round_good(n, w);
	else
		round_failed(n, w->end);
	free(w);
}

/* ---- the steps of a round ------------------------------------------------------------------- */

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
		worst(end, err == -EINVAL ? QUESTION_NO_NAME : QUESTION_REFUSED);
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
	worst(&t->end, a->end);
	for (unsigned i = 0; i < a->count && t->count < RESOLVE_MAX; i++)
		t->addr[t->count++] = a->record[i].addr;
	step(t->walk);
}

static void all_hosts(struct walk *w)
{
	for (unsigned i = 0; i < w->targets; i++)
		worst(&w->end, w->target[i].end);
	end_walk(w, true);
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
	if (w->targets == TARGETS || n == 0 || n >= sizeof(t->host))
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
	worst(&w->end, a->end);
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
	else if (w->naptr || (failed(w->end) && w->name->srv))
		end_walk(w, false);
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

	if (w->services == SERVICES || !w->name->ways.families[transport])
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
	else if (failed(w->end) && w->name->naptr)
		end_walk(w, false); /* they were there before, and nobody says that they are gone */
	else
		usual_services(w, false);
}

static void on_naptr(void *ctx, const struct question_answer *a)
{
	struct walk *w = ctx;

	note_ttl(w, a);
	worst(&w->end, a->end);
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

static void begin_walk(struct resolve_name *n)
{
	struct walk *w = n->walk ? NULL : calloc(1, sizeof(*w));

	if (!w) {
		again_in(n, RETRY_MAX_MS);
		return;
	}
	n->walk = w;
	w->name = n;
	w->ttl = TTL_MAX_S;
	if (n->uri->port)
		ask_name(w);
	else if (n->uri->named)
		usual_services(w, true);
	else
		ask_naptr(w);
}

/* ---- names ---------------------------------------------------------------------------------- */

struct resolve_name *resolve_open(const struct conf_uri *uri, const struct resolve_ways *ways, resolve_done *done, void *ctx)
{
	struct resolve_name *n = calloc(1, sizeof(*n));

	assert(resolve.root && uri->host && !uri->addr.family);
	if (!n)
		return NULL;
	n->timer = su_timer_create(su_root_task(resolve.root), 0);
	if (!n->timer) {
		free(n);
		return NULL;
	}
	n->uri = uri;
	n->ways = *ways;
	n->done = done;
	n->ctx = ctx;
	n->good_ns = clock_mono_ns();
	n->retry_ms = RETRY_MIN_MS;
	n->said = -1;
	n->next = resolve.names;
	n->prev = &resolve.names;
	if (n->next)
		n->next->prev = &n->next;
	resolve.names = n;
	su_timer_set_interval(n->timer, on_again, n, 1);
	return n;
}

void resolve_close(struct resolve_name *n)
{
	if (n->walk)
		question_forget(n->walk, sizeof(*n->walk));
	free(n->walk);
	if (n->next)
		n->next->prev = n->prev;
	*n->prev = n->next;
	su_timer_destroy(n->timer);
	free(n);
}

void resolve_follow(const struct conf *conf)
{
	resolve.conf = conf;
}

void resolve_move(struct resolve_name *n, const struct conf_uri *uri)
{
	n->uri = uri;
}

int resolve_init(su_root_t *root, const struct conf *conf)
{
	resolve.root = root;
	resolve.conf = conf;
	resolve.random = clock_mono_ns();
	return question_init(root, conf->dns.servers.v, conf->dns.servers.count, NULL);
}

void resolve_fini(void)
{
	while (resolve.names)
		resolve_close(resolve.names);
	question_fini();
	memset(&resolve, 0, sizeof(resolve));
}
