// SPDX-License-Identifier: MIT
/* names: the trunks whose hops come from the DNS, kept in step with it for as long as kedge runs.
 *
 *   trunk without literal hops --sig/resolve--> hops, or why there are none --> routing/health_dns
 *
 * Thread: su_root's. Nothing of a call waits here. */
#ifndef KEDGE_SIG_TRUNK_NAMES_H
#define KEDGE_SIG_TRUNK_NAMES_H

#include <stdint.h>
#include <sofia-sip/su_wait.h>

#include "config/conf.h"
#include "routing/health.h"
#include "routing/shm/segment.h"

/* The listeners are open: all names are looked up, what the plane before knew of them is taken over. changed: after each
 * round, as hops may have come and gone. seg, conf and health are borrowed until names_fini(). 0 or -ENOMEM. */
int names_start(su_root_t *root, const struct segment *seg, const struct conf *conf, struct health *health, void (*changed)(void));

/* Another configuration is in force, in which the trunks kept their places (config/follow); health follows it already.
 * Names that stayed as they are go on; hops of others are the caller's to drop. 0 or -ENOMEM. */
int names_follow(const struct conf *next);

void names_fini(void);

/* The trunk that a request from addr belongs to: as conf_trunk_of(), and for trunks without `sources` by the addresses their
 * names have now. CONF_NONE: nobody's. iface: index of the local interface it came to. */
uint16_t names_trunk_of(const struct conf *conf, const struct health *health, const struct kedge_addr *addr, uint16_t iface);

#endif
