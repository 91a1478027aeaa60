// SPDX-License-Identifier: MIT
/* strategy: the order of a profile's targets. Pure.
 * failover: by position, the lower first; equal positions as they stand in the file (A17, A47). */
#ifndef KEDGE_ROUTING_STRATEGY_H
#define KEDGE_ROUTING_STRATEGY_H

#include <stdint.h>

#include "config/conf.h"

/* Writes the indices of the profile's first `room` targets, in the order they are to be tried, disabled ones
 * included (at their place, so that they can be shown). Returns how many. */
uint16_t strategy_order(const struct conf_profile *profile, uint16_t *out, uint16_t room);

#endif
