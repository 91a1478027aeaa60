// SPDX-License-Identifier: MIT
/* resolve: where requests to a SIP URI go (RFC 3263), for as long as kedge runs: looked up, and again before the TTL is over.
 *
 *   URI with a port:        A, AAAA
 *   with ;transport=:       SRV of that transport, else A, AAAA and port 5060
 *   neither:                NAPTR (SIP+D2U, SIP+D2T), else SRV of each transport, else A, AAAA and UDP
 *
 *   ask --all known--> hops, priority, weight --0.9 x TTL, 1 s .. 1 h--> ask
 *    `--a part timed out or was refused: what it said before stands for it; all: failed --2 s, doubling to 30 s--> ask
 *
 * What is known of a name stays known while nobody can tell better: a failure says why, never "no address any more", until
 * dns.stale is over. Where SRV or NAPTR were used before, their silence is a failure: the bare name may be another machine.
 * Thread: su_root's; nothing blocks. Owner: this module; of the caller's ctx alone is kept. */
#ifndef KEDGE_SIG_TRUNK_RESOLVE_H
#define KEDGE_SIG_TRUNK_RESOLVE_H

#include <stdbool.h>
#include <stdint.h>
#include <sofia-sip/su_wait.h>

#include "config/conf.h"
#include "routing/shm/layout.h"
#include "sig/trunk/question.h"

#define RESOLVE_MAX 8 /* hops of one name; further ones are left out, the least preferred first */

#define RESOLVE_NO_SRV (UINT32_MAX - 1) /* priority of addresses that came without SRV */

struct resolve_hop {
	struct kedge_addr addr;
	uint16_t transport; /* enum conf_transport */
	uint32_t priority;  /* lower first */
	uint32_t weight;    /* at least 1; addresses of one SRV target share its weight */
};

struct resolve_result {
	enum question_end end;         /* FOUND, or why there is no answer */
	unsigned count;                /* FOUND: at least one hop; else 0 */
	const struct resolve_hop *hop; /* by priority; as long as `done` runs */
	bool expired;                  /* no answer for longer than dns.stale */
	uint32_t ttl;                  /* FOUND: seconds, as told */
};

struct resolve_name;
typedef void resolve_done(void *ctx, const struct resolve_result *r);

/* What of RESOLVE_A and RESOLVE_AAAA can be spoken, by enum conf_transport; 0: not over this transport. */
#define RESOLVE_A    1u
#define RESOLVE_AAAA 2u
struct resolve_ways {
	unsigned families[2];
};

/* As configured in conf->dns. 0 or -ENOMEM. */
int resolve_init(su_root_t *root, const struct conf *conf);

/* Ends all lookups; `done` is not called any more. */
void resolve_fini(void);

/* Looks the host of uri up, which must be a name, from now on. done: after each round, never from within this call. uri and
 * what it points to is borrowed until resolve_close(). NULL: out of memory. */
struct resolve_name *resolve_open(const struct conf_uri *uri, const struct resolve_ways *ways, resolve_done *done, void *ctx);

void resolve_close(struct resolve_name *n);

/* Another configuration is in force: its dns settings, and where a name that stayed the same stands in it. */
void resolve_follow(const struct conf *conf);
void resolve_move(struct resolve_name *n, const struct conf_uri *uri);

#endif
