// SPDX-License-Identifier: MIT
/* ingress: what comes in without a dialog of ours. Who sent it, may it come in, where does it go.
 *
 *   request -> source trunk (403 once a second per stranger, then silence)
 *           -> method: OPTIONS 200; unknown 501, known but not spoken 405; a dialog's leftover 481
 *           -> INVITE: Max-Forwards 483, our own loop token 482, Require 420, draining 503,
 *              no route 404 -> call_begin
 *   TCP connection -> only from a trunk's sources
 *   response -> the branch it belongs to (attempt), or the probe (trunk), or counted as stray
 *
 * Thread: su_root's. Everything here is from outside and believed in nothing. */
#ifndef KEDGE_SIG_INGRESS_H
#define KEDGE_SIG_INGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sofia-sip/nta.h>

#include "config/conf.h"
#include "routing/shm/segment.h"

#define INGRESS_LOOP "X-Kedge-Loop" /* header with a token for each time an INVITE passed here */

/* seg: borrowed. c: this module takes a reference. */
void ingress_init(const struct segment *seg, const struct conf *c);
void ingress_fini(void);

/* New calls get 503 from now on. */
void ingress_drain(void);

/* The handlers of listen.h. */
void ingress_request(unsigned iface, nta_agent_t *agent, msg_t *msg, sip_t *sip);
void ingress_response(unsigned iface, nta_agent_t *agent, msg_t *msg, sip_t *sip);
bool ingress_welcome(unsigned iface, const struct kedge_addr *from);
void ingress_no_fd(void);

#endif
