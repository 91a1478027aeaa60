// SPDX-License-Identifier: MIT
/* resolve_part: what the files of resolve share, for them alone.
 *
 *   resolve.c        names: when a round begins, what its end means       resolve_walk.c   one round through the DNS */
#ifndef KEDGE_SIG_TRUNK_RESOLVE_PART_H
#define KEDGE_SIG_TRUNK_RESOLVE_PART_H

#include "sig/trunk/dns_check.h"
#include "sig/trunk/resolve.h"

#define RESOLVE_SERVICES 4  /* SRV names of one walk */
#define RESOLVE_TARGETS  16 /* hosts of one walk */

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
	struct service service[RESOLVE_SERVICES];
	struct target target[RESOLVE_TARGETS];
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

static inline void resolve_worst(enum question_end *end, enum question_end now)
{
	if (now > *end)
		*end = now;
}

static inline bool resolve_failed(enum question_end end)
{
	return end == QUESTION_REFUSED || end == QUESTION_SILENT;
}

/* ---- resolve_walk.c ---- */

/* Begins a round of the name, which has none under way. 0 or -ENOMEM. */
int resolve_walk(struct resolve_name *n);

/* ---- resolve.c ---- */

/* The round is over; good: its targets count. Frees it. */
void resolve_walked(struct walk *w, bool good);

#endif
