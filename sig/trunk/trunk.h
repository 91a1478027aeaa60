// SPDX-License-Identifier: MIT
/* trunk: a trunk at rest. Holds what is known of every hop (routing/health), and asks them whether they live.
 *
 *   conf -> hops: literals at once, host names when sig/trunk/resolve has their addresses
 *   OPTIONS to each hop: within a second of the start, then every probe.interval +-10 %, probe.down_interval while
 *   DOWN, each second while DOWN by `silent`; and at once as a silence check (trunk_check)
 *   answer, or none in probe.timeout -> health -> state, reason; trunk.state in the log
 *
 * What is asked, and what an answer is worth, is sig/trunk/probe's business; when to ask is this one's.
 * Thread: su_root's. Owner: this module owns the one struct health of the plane. */
#ifndef KEDGE_SIG_TRUNK_TRUNK_H
#define KEDGE_SIG_TRUNK_TRUNK_H

#include <stdbool.h>
#include <stdint.h>
#include <sofia-sip/nta.h>
#include <sofia-sip/su_wait.h>

#include "config/conf.h"
#include "routing/health.h"
#include "routing/shm/segment.h"

/* Takes the hops of conf into the trunk table, where a restarted plane finds its states again. seg, root and conf are
 * borrowed until trunk_fini(). 0, -ENOMEM, or -ENOSPC: more literal hops than the table has slots. */
int trunk_init(const struct segment *seg, su_root_t *root, const struct conf *conf);

/* The listeners are open: names are looked up, probing begins. */
void trunk_start(void);

/* Another configuration is in force (config/follow): what is known of hops that stay goes on. next is borrowed until the next
 * one, or trunk_fini(). */
void trunk_follow(const struct conf *next);

void trunk_fini(void);

struct health *trunk_health(void);

/* True if a hop of any trunk has this address, whatever its port: its answers, and requests in its dialogs, may come in. */
bool trunk_at(const struct kedge_addr *addr);

/* Can a call from this trunk (index) be carried now: a route of it has a target with a usable hop, or it has no route at
 * all. */
bool trunk_carries(uint16_t from);

/* A silence check: sends the hop an OPTIONS now, unless one went there within the last 100 ms: anything
 * heard since a call's INVITE counts for that call. Nothing is sent where probe.method is none. */
void trunk_check(uint16_t hop);

/* A response no transaction took. true: it answers a probe, and msg was consumed. */
bool trunk_response(msg_t *msg, const sip_t *sip);

#endif
