// SPDX-License-Identifier: MIT
/* canary: does an idle backup still work? A trunk that carried no call for canary_idle gets a test call to its
 * probe.number: what is never tried is broken when it is needed.
 *
 *   idle --canary_audio (sig/trunk/canary_call)--> audio: tone and digits came back
 *     |                                       |--> failed: one_way, no_echo, no_dtmf: DEGRADED (routing/health_canary)
 *     |                                       `--> signaling_only: it rang, nobody answered
 *     `--else: INVITE, CANCEL (sig/trunk/probe)--> signaling_only: it rang, or answered well
 *   no answer, or a bad one: failed, one F
 *   failed: twice more after probe.confirm, so that a dead one is DOWN by three; the same as long as good ones are needed to
 *   clear what stands against its audio
 *
 * Each is an event (trunk.canary), a line in history, and counted in the trunk table.
 * trunk.canary = call is routing/decide's: a caller takes that way. Thread: su_root's. */
#ifndef KEDGE_SIG_TRUNK_CANARY_H
#define KEDGE_SIG_TRUNK_CANARY_H

#include <stdint.h>

#include "routing/health.h"

/* health: borrowed until the end; its configuration is the running one. slots: of the trunk table. 0 or -ENOMEM. */
int canary_init(struct health *health, uint16_t slots);
void canary_fini(void);

/* Once a second: calls what is idle. */
void canary_tick(uint64_t now_ns);

/* What came of it: probe_deps.tested. */
void canary_tested(uint16_t slot, uint16_t code, uint64_t now_ns);

#endif
