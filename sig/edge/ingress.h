// SPDX-License-Identifier: MIT
/* ingress: what comes in without a dialog of ours. Who sent it, may it come in, where does it go.
 *
 *   datagram -> a stranger's request: 403 (sig/edge/admit says how often), made of its own bytes and no longer
 *            -> a scanner's: nothing; not one message (sig/edge/wire): 400 or 513; else the library's
 *   request -> source trunk (strangers get this far on connections that we made, and from hops of trunks)
 *           -> method: OPTIONS 200, or to a PBX whose routes lead nowhere 503; unknown 501, known but not
 *              spoken 405; a dialog's leftover 481
 *           -> INVITE: rate 503, Max-Forwards 483, our own loop token 482, Require 420, draining 503,
 *              no route 404 -> call_begin
 *   TCP connection -> only from a trunk's sources, so many in all and from each
 *   response -> the branch it belongs to (attempt), or the probe (trunk), or counted as stray
 *
 * Thread: su_root's. Everything here is from outside and believed in nothing. */
#ifndef KEDGE_SIG_EDGE_INGRESS_H
#define KEDGE_SIG_EDGE_INGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sofia-sip/nta.h>

#include "config/conf.h"
#include "routing/shm/segment.h"
#include "sig/edge/listen.h"

#define INGRESS_LOOP "X-Kedge-Loop" /* header with a token for each time an INVITE passed here */

/* seg: borrowed. c: this module takes a reference. */
void ingress_init(const struct segment *seg, const struct conf *c);

/* Requests that come in now meet another configuration; it takes a reference. */
void ingress_follow(const struct conf *next);
void ingress_fini(void);

/* New calls get 503 from now on. */
void ingress_drain(void);

/* The handlers of listen.h. */
void ingress_request(unsigned iface, nta_agent_t *agent, msg_t *msg, sip_t *sip);
void ingress_response(unsigned iface, nta_agent_t *agent, msg_t *msg, sip_t *sip);
bool ingress_datagram(struct listen_datagram *d);
bool ingress_welcome(unsigned iface, const struct kedge_addr *from);
void ingress_no_fd(void);

#endif
