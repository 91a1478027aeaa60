// SPDX-License-Identifier: MIT
/* health_dns: hops that come from a name (SEMANTICS C.8, rows of the DNS).
 *
 *   addresses found, none known before          -> hops, UNKNOWN, calls at once
 *   an address that is new beside known ones     -> dns_new: behind the known ones until its first good probe, two probe intervals at most
 *   one that is no longer told                   -> serves while only new ones stand beside it, then goes; its calls keep it
 *   nobody can tell, something is known          -> it serves on
 *   nobody can tell, nothing is known (any more) -> the trunk is DOWN: dns_nxdomain, dns_timeout; addresses told after that
 *                                                   stay DOWN until a good probe, two intervals at most
 * Hops of a trunk that is not probed need no probe. A trunk without an address shows a hop without one in the
 * trunk table, which no call and no probe can see.
 * Pure, as health; part of it. */
#ifndef KEDGE_ROUTING_HEALTH_DNS_H
#define KEDGE_ROUTING_HEALTH_DNS_H

#include "routing/health.h"

#define HEALTH_NO_SRV (UINT32_MAX - 1) /* priority of addresses that came without SRV: one machine's */

struct health_found {
	struct kedge_addr addr;
	uint16_t transport;
	uint32_t priority, weight; /* lower first; share among equals */
};

/* What the trunk's name has now, count at least 1. 0, or -ENOSPC: some of them found no room. */
int health_dns_found(struct health *h, uint16_t trunk, const struct health_found *found, unsigned count, uint64_t now_ns);

/* Nobody tells: mark is DNS_NXDOMAIN or DNS_TIMEOUT. expired: what is known may not serve any longer. */
void health_dns_failed(struct health *h, uint16_t trunk, enum health_reason mark, bool expired, uint64_t now_ns);

/* Why the trunk has no hop: DNS_NXDOMAIN, DNS_TIMEOUT, or NONE: not looked up yet. */
enum health_reason health_dns_why(const struct health *h, uint16_t trunk);

/* The trunk's hops come from this name no longer: what was known by it is forgotten, hops stay. */
void health_dns_forget(struct health *h, uint16_t trunk, uint64_t now_ns);

/* ---- for health ---- */

/* A good probe of this hop. */
void health_dns_proven(struct health *h, uint16_t slot, uint64_t now_ns);

/* Time passed. */
void health_dns_tick(struct health *h, uint64_t now_ns);

#endif
