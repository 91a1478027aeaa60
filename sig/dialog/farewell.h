// SPDX-License-Identifier: MIT
/* farewell: the BYE of a leg whose signaling is dead. What the carrier does not hear it goes on billing, so the BYE is said again: to each other hop
 * of the trunk at once, then to all of them in turn with pauses of 30 s, 1 min, 2 min, ... for an hour. Any final answer but 408 and 5xx ends it:
 * 481 too, the dialog is gone. Nobody else waits meanwhile: the call is over, its ports are given back, it counts no more. Its CDR is written when
 * the BYE was heard, or at the end of the hour, with "unconfirmed": true.
 * Thread: su_root's. Owner: the leg (struct farewell is in it); its call is held as for any BYE. */
#ifndef KEDGE_SIG_DIALOG_FAREWELL_H
#define KEDGE_SIG_DIALOG_FAREWELL_H

#include <stdbool.h>
#include <stdint.h>
#include <sofia-sip/sip.h>

struct call;
struct leg;

struct farewell {
	uint64_t next_ns;  /* the BYE is said again then, 0: not */
	uint64_t until_ns; /* no longer than that */
	uint16_t turn;     /* how often it was */
	bool waits;        /* it will be, or is out again */
	bool unconfirmed;  /* nobody has said yet that it was heard */
};

/* The BYE of a dead leg has this final answer, or none (NULL). True: it is said again. */
bool farewell_goes_on(struct leg *l, const sip_t *sip);

/* Is a BYE of the call's to be said again? Then its record waits. */
bool farewell_waits(const struct call *c);
/* Did nobody hear one? */
bool farewell_unconfirmed(const struct call *c);

/* The least deadline, 0: none; and what is due. */
uint64_t farewell_due(const struct call *c);
void farewell_tick(struct call *c, uint64_t now_ns);

#endif
