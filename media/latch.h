// SPDX-License-Identifier: MIT
/* latch: the guarded latch: which far address an end is heard from and spoken to. Pure: time is an argument.
 *
 *   OPEN ---signaled address---> EXACT <--signaled address, in the trial or after 1 s of silence--.
 *     `-----from a learn prefix-----------------------------------------------------------> LEARNT
 *
 * The signaled address is always welcome while nobody else holds the latch. Another one, from a prefix of
 * kedge_end.learn, is taken once per exchange; again only after the old source was silent for LATCH_SILENCE_NS. SSRC and
 * RTCP prove nothing and are not asked. Strict: the signaled address only.
 * A learnt source is on probation for LATCH_TRIAL_NS: if the signaled address itself speaks meanwhile, that one wins, so a
 * sprayer inside the prefix cannot take a call by being a packet earlier.
 * Thread: the worker's. Owner: the caller holds struct latch. */
#ifndef KEDGE_MEDIA_LATCH_H
#define KEDGE_MEDIA_LATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "routing/shm/layout.h"

#define LATCH_SILENCE_NS 1000000000ULL
#define LATCH_GRACE_NS   200000000ULL  /* of the signaled address: then it is connected to */
#define LATCH_TRIAL_NS   2000000000ULL /* of a learnt one: who answers a call may think before he speaks */
#define LATCH_OLD_NS                                                                               \
	500000000ULL /* after a new exchange: trailing packets of the address it left */

enum latch_state { LATCH_OPEN, LATCH_LEARNT, LATCH_EXACT };
enum latch_verdict {
	LATCH_STRANGER, /* drop it */
	LATCH_KNOWN,    /* the address the latch is on */
	LATCH_TAKEN     /* the latch is on this address now: store it, send there */
};

struct latch {
	uint64_t
	    heard_ns; /* first: written for every packet, beside what a packet needs of its socket */
	struct kedge_addr signaled; /* family 0: not known yet */
	struct kedge_addr far;      /* family 0: nobody heard yet */
	struct kedge_addr old;      /* signaled before this exchange, refused until old_until_ns */
	uint32_t exchange;
	uint8_t policy; /* enum kedge_latch */
	uint8_t state;  /* enum latch_state */
	bool fresh;     /* this exchange has not learnt anything yet */
	uint64_t taken_ns, old_until_ns;
};

/* A new end, before its first packet. */
void latch_init(
    struct latch *l, uint8_t policy, const struct kedge_addr *signaled, uint32_t exchange);

/* Signaling's wish changed. True if the latch was opened: the far address is to be forgotten and heard anew. */
bool latch_rebind(struct latch *l, uint8_t policy, const struct kedge_addr *signaled,
    uint32_t exchange, uint64_t now_ns);

/* Goes on after a restart: the far address learnt in this exchange. */
void latch_restore(struct latch *l, const struct kedge_addr *far, uint64_t now_ns);

/* A well-formed packet came from `from`; learn[4] as in kedge_end. */
enum latch_verdict latch_check(struct latch *l, const struct kedge_prefix learn[4],
    const struct kedge_addr *from, uint64_t now_ns);

/* Where to send: the far address, else the signaled one; family 0: nowhere yet. */
const struct kedge_addr *latch_target(const struct latch *l);

/* May the socket be connected to latch_target() now, so that the kernel drops strangers unseen? */
bool latch_settled(const struct latch *l, uint64_t now_ns);

/* The far end has been silent so long that another address may be learnt: unconnect and listen. speaks: it ought to. */
bool latch_lost(const struct latch *l, bool speaks, uint64_t now_ns);

#endif
