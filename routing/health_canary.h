// SPDX-License-Identifier: MIT
/* health_canary: what test calls to idle trunks (sig/trunk/canary) say of their hops.
 *
 *   audio           a call with audio both ways; clears no_echo and no_dtmf
 *   signaling_only  nothing, either way
 *   failed          one F, as a call that failed there
 *   one_way         as an answered call without a packet from there: one_way by the rule of calls
 *   no_echo         DEGRADED no_echo
 *   no_dtmf         its audio came: as audio; but DEGRADED no_dtmf
 * Each is counted in the trunk table, the last one stands there with its time. Pure, as health is. */
#ifndef KEDGE_ROUTING_HEALTH_CANARY_H
#define KEDGE_ROUTING_HEALTH_CANARY_H

#include <stdbool.h>
#include <stdint.h>

#include "routing/health.h"

struct health_canary {
	uint8_t what;  /* enum kedge_canary */
	uint16_t code; /* status, 0: no answer */
};

void health_canary(struct health *h, uint16_t slot, const struct health_canary *c, uint64_t now_ns);

/* Does its audio need another test call for what stands against it to be cleared? */
bool health_canary_again(const struct health *h, uint16_t slot);

/* "audio", ... */
const char *health_canary_word(uint8_t what);

#endif
