// SPDX-License-Identifier: MIT
#include "sig/trunk/resolve_part.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/clock.h"
#include "config/event.h"

#define RETRY_MIN_MS 2000
#define RETRY_MAX_MS 30000
#define TTL_MIN_S    1
#define TTL_MAX_S    3600
#define SHARE        840 /* parts of a weight: whole for 1 to 8 addresses */

static struct {
	su_root_t *root;
	const struct conf *conf;
	struct resolve_name *names;
	uint64_t random;
} resolve;

static uint64_t scaled(uint64_t ms)
{
	uint64_t scale = resolve.conf->scaled ? resolve.conf->test.time_scale : 1;

	return ms / scale ? ms / scale : 1;
}

/* ---- the end of a round --------------------------------------------------------------------- */

static void on_again(su_root_magic_t *magic, su_timer_t *timer, su_timer_arg_t *arg)
{
	struct resolve_name *n = arg;

	(void)magic, (void)timer;
	if (resolve_walk(n) < 0)
		su_timer_set_interval(n->timer, on_again, n, RETRY_MAX_MS);
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
		else if (resolve_failed(w->target[i].end))
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
	if (resolve_failed(w->end) && ms > scaled(RETRY_MAX_MS)) /* a part is missing */
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

void resolve_walked(struct walk *w, bool good)
{
	struct resolve_name *n = w->name;

	n->walk = NULL;
	if (good && take_walk(n, w))
		round_good(n, w);
	else
		round_failed(n, w->end);
	free(w);
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
