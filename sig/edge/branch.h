// SPDX-License-Identifier: MIT
/* branch: a transaction branch that says who may answer. The library takes a response for a branch of ours from anywhere; who saw one go by, or
 * reads it in a log, could end a re-INVITE, UPDATE, PRACK, INFO or BYE for us. So the branch carries a seal of where its request went:
 *
 *   z9hG4bK u rrrrrrrrr aaa ttt     r: random; a: seal of the address it was sent to; t: seal of the trunk
 *
 * and an answer is heard only from that address, or from the sources of that trunk. Seals are keyed hashes over r too, 15 bits each: of another
 * request they fit by chance one time in 30,000. Nothing is stored; a restarted process has another key, and no transactions either.
 * Thread: su_root's. RFC 3261 8.1.1.7, 17.1.3. */
#ifndef KEDGE_SIG_EDGE_BRANCH_H
#define KEDGE_SIG_EDGE_BRANCH_H

#include <stdbool.h>

#include "routing/shm/layout.h"
#include "sig/edge/listen.h"

/* A branch for a request to that address (its port does not count) of that trunk (NULL: of none). */
void branch_make(char out[static LISTEN_BRANCH], const struct kedge_addr *to, const char *trunk);

/* Is it one of branch_make(), by its form? Only then the next two mean something. branch: LISTEN_BRANCH - 1 characters. */
bool branch_is_sealed(const char *branch);

/* Did its request go to that address, or to that trunk? */
bool branch_went_to(const char *branch, const struct kedge_addr *addr);
bool branch_of_trunk(const char *branch, const char *trunk);

#endif
