// SPDX-License-Identifier: MIT
/* redirect: may a 3xx be followed (RFC 3261 8.1.3.4)? Only where every Contact of it is an address of the very trunk that
 * sent it: whoever may send us elsewhere dials on our account. Then the call is tried there, once.
 * A Contact counts as the trunk's own if its host is that of the trunk's uri, or an address among its sources, by default
 * those of its hops. A maddr, another scheme, headers, or a name kedge would have to look up: not followed.
 * Pure but for the home that the URI is written into. */
#ifndef KEDGE_SIG_DIALOG_REDIRECT_H
#define KEDGE_SIG_DIALOG_REDIRECT_H

#include <stdbool.h>
#include <sofia-sip/su_alloc.h>

#include "config/conf.h"
#include "routing/shm/layout.h"

struct sip_s;

struct redirect {
	char *ruri;             /* Request-URI there, in home; NULL: not redirected */
	struct kedge_addr addr; /* where to send it */
};

/* Where sip, a 3xx from `from` to a request for the URI called, leads: its best Contact (RFC 3261 20.10 q); one without a user
 * means whom we called. false: it must not be followed. */
bool redirect_read(struct redirect *r, su_home_t *home, const struct conf_trunk *t, const struct kedge_addr *from,
    const char *called, const struct sip_s *sip);

#endif
