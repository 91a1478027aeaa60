// SPDX-License-Identifier: MIT
/* rel100: what the caller is told before its INVITE has a final answer, reliably where it can be
 * (RFC 3262), and the 2xx that may have to wait for that.
 *
 *   rel100_tell --> sent --PRACK--> answered 200 here; the next one that waited, or the 2xx
 *                    |  `-- 64*T1 without it: rel100_lost
 *                    `--- while it is out: the latest other 1xx waits, and a 2xx if it has SDP
 *
 * The RSeq line is kedge's own and runs on over attempts, so a PRACK for what a dead branch said
 * is answered like any other. One reliable 1xx is out at a time; nothing else may be said meanwhile,
 * because our stack stops to repeat it then. An answer told reliably is told once: no later 1xx or
 * 2xx repeats it (RFC 6337 3.1.1). A PRACK may still come when call and final answer are past: it
 * finds them by number.
 * Thread: su_root's. Owner: the call (struct rel100 is in it). */
#ifndef KEDGE_SIG_DIALOG_REL100_H
#define KEDGE_SIG_DIALOG_REL100_H

#include <stdbool.h>
#include <stdint.h>
#include <sofia-sip/nta.h>
#include <sofia-sip/sip.h>

#include "routing/shm/layout.h"

struct call;

struct rel100 {
	struct rel100 *next, *named; /* of those whose call numbers, Call-IDs hash alike */
	struct call *call;
	nta_reliable_t *sent; /* no PRACK yet */
	uint64_t due_ns;      /* it is waited for until then, 0: not */
	uint16_t waits;       /* status of the 1xx that waits, 0: none */
	bool waits_sdp, waits_reliable;
	bool can, must;       /* the caller's INVITE supports, requires it */
	bool sent_sdp;        /* what is out has SDP */
	bool asked;           /* an offer, that is: its PRACK brings the answer */
	bool told;            /* the caller has its SDP reliably */
	bool held, held_sdp;  /* the 2xx waits */
};

/* May 100rel be used with that INVITE of a trunk? 0; 420 or 421: the caller must be refused so. */
int rel100_admits(unsigned setting, const sip_t *sip);

/* May a PRACK with that Call-ID, From- and To-tag from there be one of a caller's? False: a call has that Call-ID, and no
 * caller of one speaks so: it is forged, or of a dialog that is gone. */
bool rel100_hears(const char *call_id, const char *theirs, const char *ours, const struct kedge_addr *from);

/* The caller's INVITE came in. */
void rel100_begin(struct call *c, const sip_t *sip);

/* Says a 1xx, with the body that holds for the caller or none. reliably: it came so. Nothing behind
 * a final answer. */
void rel100_tell(struct call *c, int status, bool sdp, bool reliably);

/* The caller got another early dialog: what was said in the old one is past. */
void rel100_forked(struct call *c);

/* Says the 200, now or when the PRACK is here. */
void rel100_answer(struct call *c, bool sdp);

/* The 200 that was held will not be said. true: there was one, and the INVITE needs another final. */
bool rel100_drop(struct call *c);

/* Deadlines that are due. */
void rel100_tick(struct call *c, uint64_t now);

void rel100_fini(struct call *c);

#endif
