// SPDX-License-Identifier: MIT
/* admit: how often somebody may speak. Tables of fixed size, whatever number of addresses there is; an IPv6 source counts
 * by its /64, which is what one customer has. Pure but for its own tables: time is an argument (monotonic ns).
 *
 *   stranger  told 403 once a second per address and 200 times a second in all; in between: silence
 *   INVITE    a bucket per trunk and source of trunk.invite_burst, filled with trunk.invite_rate a second
 *             empty: 503 with Retry-After, as many a second; beyond that: silence
 *
 * Where a table is full the address that was quiet longest is forgotten: it begins anew.
 * Thread: su_root's, but for admit_list. Owner: one for the plane, in this module. */
#ifndef KEDGE_SIG_EDGE_ADMIT_H
#define KEDGE_SIG_EDGE_ADMIT_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/conf.h"
#include "routing/shm/layout.h"

/* secret: random, so that nobody can choose addresses that push each other out. */
void admit_init(uint64_t secret);

enum admit_why { ADMIT_UNKNOWN_SOURCE, ADMIT_SCANNER, ADMIT_RATE, ADMIT_BAD, ADMIT_CONNECTIONS, ADMIT_WHYS };

/* One more of a source's messages was refused: kept for `kedge refused`. True: the first of it in a second, so that one may
 * tell it and log it. */
bool admit_refused(const struct kedge_addr *from, enum admit_why why, uint64_t now_ns);

/* A stranger's request: may it be answered. Counts it as refused. */
bool admit_tell(const struct kedge_addr *from, uint64_t now_ns);

enum admit_verdict { ADMIT_PASS, ADMIT_BUSY, ADMIT_SILENCE };

/* A new call's INVITE. BUSY: 503; the next one passes within a second. */
enum admit_verdict admit_invite(const struct conf_trunk *t, uint16_t trunk, const struct kedge_addr *from, uint64_t now_ns);

struct admit_record { /* what is remembered of a refused source */
	struct kedge_addr addr; /* IPv6: its /64; port 0 */
	uint32_t why;           /* enum admit_why of the last */
	uint64_t count, first_ns, last_ns;
};
static_assert(sizeof(struct admit_record) % 8 == 0, "whole words");

#define ADMIT_RECORDS 1024 /* sources remembered */

/* The refused sources, the latest first: how many there are. Any thread: each is a good copy, or left out while it is written. */
size_t admit_list(struct admit_record out[static ADMIT_RECORDS]);

const char *admit_word(enum admit_why why);

/* The address by which a source counts: port 0, IPv6 cut to its /64. */
struct kedge_addr admit_key(const struct kedge_addr *from);

#endif
