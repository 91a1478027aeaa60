// SPDX-License-Identifier: MIT
/* health_follow: the hops of another configuration, where they are literals. Those of names are sig/trunk/names' business. */
#ifndef KEDGE_ROUTING_HEALTH_FOLLOW_H
#define KEDGE_ROUTING_HEALTH_FOLLOW_H

#include "routing/health.h"

/* next is the configuration of the calls that begin now (health_conf). Hops that stay keep all that is known of them, in
 * the order in which next has them; new ones begin UNKNOWN; those that next does not have any more get no new call, and
 * go when their last one ends. 0, or -ENOSPC: the table has no room for all of them. */
int health_follow(struct health *h, const struct conf *next, uint64_t now_ns);

#endif
