// SPDX-License-Identifier: MIT
#include "sig/resolve.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <netinet/in.h>

struct lookup;
#define SRES_CONTEXT_T struct lookup
#include <sofia-sip/sresolv.h>
#include <sofia-sip/su_tag.h>
#include <sofia-resolv/sres.h>
#include <sofia-resolv/sres_record.h>

#include "config/event.h"

#define RETRY_MIN_MS 2000
#define RETRY_MAX_MS 30000

struct lookup {
	struct lookup *next;
	void (*found)(void *ctx, const struct kedge_addr *addr, unsigned count);
	void *ctx;
	su_timer_t *timer;
	unsigned what, waiting; /* queries under way */
	uint32_t retry_ms;
	uint16_t status; /* of the last query that failed */
	unsigned count;
	struct kedge_addr addr[RESOLVE_MAX];
	char host[];
};

static struct {
	su_root_t *root;
	sres_resolver_t *dns;
	struct lookup *lookups;
	bool ending;
} resolve;

static void ask(struct lookup *l);

static const char *status_text(uint16_t status)
{
	switch (status) {
	case SRES_NAME_ERR:
		return "nxdomain";
	case SRES_RECORD_ERR:
		return "no_address";
	case SRES_TIMEOUT_ERR:
		return "timeout";
	case SRES_SERVER_ERR:
		return "servfail";
	default:
		return "failed";
	}
}

static void on_retry(su_root_magic_t *magic, su_timer_t *timer, su_timer_arg_t *arg)
{
	(void)magic, (void)timer;
	ask((struct lookup *)arg);
}

static void conclude(struct lookup *l)
{
	if (l->count) {
		l->found(l->ctx, l->addr, l->count);
		return;
	}
	event_log(dns_failed, .name = l->host, .why = status_text(l->status), .retry_ms = l->retry_ms);
	su_timer_set_interval(l->timer, on_retry, (su_timer_arg_t *)l, l->retry_ms);
	l->retry_ms = l->retry_ms * 2 < RETRY_MAX_MS ? l->retry_ms * 2 : RETRY_MAX_MS;
}

static void take_record(struct lookup *l, const sres_record_t *r)
{
	struct kedge_addr a = { 0 };

	if (r->sr_record->r_status) {
		l->status = r->sr_record->r_status;
		return;
	}
	if (r->sr_record->r_type == sres_type_a) {
		a.family = AF_INET;
		memcpy(a.ip, &r->sr_a->a_addr, 4);
	} else if (r->sr_record->r_type == sres_type_aaaa) {
		a.family = AF_INET6;
		memcpy(a.ip, &r->sr_aaaa->aaaa_addr, 16);
	} else {
		return; /* a CNAME on the way */
	}
	for (unsigned i = 0; i < l->count; i++)
		if (!memcmp(&l->addr[i], &a, sizeof(a)))
			return;
	if (l->count < RESOLVE_MAX)
		l->addr[l->count++] = a;
}

static void on_answer(struct lookup *l, sres_query_t *q, sres_record_t **answers)
{
	(void)q;
	if (!answers)
		l->status = SRES_TIMEOUT_ERR;
	for (unsigned i = 0; answers && answers[i]; i++)
		take_record(l, answers[i]);
	sres_free_answers(resolve.dns, answers);
	if (--l->waiting == 0 && !resolve.ending)
		conclude(l);
}

static void query(struct lookup *l, uint16_t type)
{
	if (sres_query(resolve.dns, on_answer, l, type, l->host))
		l->waiting++;
	else
		l->status = SRES_INTERNAL_ERR;
}

static void ask(struct lookup *l)
{
	l->count = 0;
	l->status = 0;
	l->waiting = 1; /* ours, so that an answer that comes at once does not conclude too early */
	if (l->what & RESOLVE_A)
		query(l, sres_type_a);
	if (l->what & RESOLVE_AAAA)
		query(l, sres_type_aaaa);
	if (--l->waiting == 0)
		conclude(l);
}

int resolve_host(const char *host, unsigned what,
    void (*found)(void *ctx, const struct kedge_addr *addr, unsigned count), void *ctx)
{
	struct lookup *l = calloc(1, sizeof(*l) + strlen(host) + 1);

	assert(resolve.dns && what);
	if (!l)
		return -ENOMEM;
	l->timer = su_timer_create(su_root_task(resolve.root), 0);
	if (!l->timer) {
		free(l);
		return -ENOMEM;
	}
	strcpy(l->host, host);
	l->found = found;
	l->ctx = ctx;
	l->what = what;
	l->retry_ms = RETRY_MIN_MS;
	l->next = resolve.lookups;
	resolve.lookups = l;
	ask(l);
	return 0;
}

int resolve_init(su_root_t *root, const char *resolv_conf)
{
	resolve.root = root;
	resolve.dns = sres_resolver_create(root, resolv_conf, TAG_END());
	return resolve.dns ? 0 : -ENOMEM;
}

void resolve_fini(void)
{
	resolve.ending = true;
	if (resolve.dns)
		sres_resolver_destroy(resolve.dns);
	while (resolve.lookups) {
		struct lookup *l = resolve.lookups;

		resolve.lookups = l->next;
		su_timer_destroy(l->timer);
		free(l);
	}
	memset(&resolve, 0, sizeof(resolve));
}
