// SPDX-License-Identifier: MIT
/* resolve: host names to addresses, asynchronously on su_root, by the system's DNS servers (sresolv of Sofia-SIP).
 * A and AAAA records; SRV and NAPTR, and looking again when a TTL is over, are not here yet.
 * A name that cannot be looked up is tried again, after 2 s, then twice as long each time up to 30 s; what was known
 * of it before stays: `found` is called with addresses or not at all.
 * Thread: su_root's. Owner: this module; nothing of the caller's is kept but ctx. */
#ifndef KEDGE_SIG_RESOLVE_H
#define KEDGE_SIG_RESOLVE_H

#include <stdint.h>
#include <sofia-sip/su_wait.h>

#include "routing/shm/layout.h"

#define RESOLVE_MAX 8 /* addresses of one name; further ones are left out */

/* resolv_conf: NULL for the system's. 0, or -ENOMEM. */
int resolve_init(su_root_t *root, const char *resolv_conf);

/* Ends all lookups; `found` is not called any more. */
void resolve_fini(void);

#define RESOLVE_A    1u
#define RESOLVE_AAAA 2u

/* Looks up what of RESOLVE_A and RESOLVE_AAAA is asked for. found: once, when at least one address is known; port is 0 in
 * each. host is copied. 0, or -ENOMEM. */
int resolve_host(const char *host, unsigned what,
    void (*found)(void *ctx, const struct kedge_addr *addr, unsigned count), void *ctx);

#endif
