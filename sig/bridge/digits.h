// SPDX-License-Identifier: MIT
/* digits: DTMF by SIP INFO, on a leg whose digits travel so, while the other leg's do not (bridge_dtmf.h).
 *
 *   INFO of a peer --200--> media says it to the other end, paced       application/dtmf-relay, application/dtmf, and Nortel's: all read
 *   media heard one ------> INFO to the leg that has them so             by its trunk's dtmf_info; one at a time, in their order
 *
 * Where both legs speak INFO, or nothing is turned, inside.h passes it on as it came. A peer whose events media has heard
 * already sends its INFOs for the same digits: those are answered and go no further; the one that was the first is not said again when
 * media hears it. Digits in early media count: what is
 * for a leg without a dialog yet waits for its answer.
 * An INFO that is refused or not answered is counted, told once for each reason (call.digits), and never sent again: a challenge
 * (401, 407) too, for a trunk has no credentials. The next one goes all the same; but where two in a row had no answer at all,
 * those that wait are given up: digits that come half a minute late are worse than none. A 481 ends no call: the session timer or
 * the next re-INVITE finds out. Digits are counted, never logged: they may be card numbers. Thread: su_root's. Owner: the call. */
#ifndef KEDGE_SIG_BRIDGE_DIGITS_H
#define KEDGE_SIG_BRIDGE_DIGITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sofia-sip/nta.h>
#include <sofia-sip/sip.h>

#include "routing/shm/digit.h"

#define DIGITS_WAITING 64
#define DIGITS_ECHO    4

struct call;
struct leg;

struct digits_leg { /* INFOs toward one leg */
	struct call *call;
	nta_outgoing_t *orq;
	uint64_t due_ns;
	uint8_t waiting;
	uint8_t unheard; /* that had no answer, in a row */
	struct digit queue[DIGITS_WAITING];
};

struct digits {              /* of a call: all zero */
	struct digits_leg *to[2]; /* caller, callee; NULL: none was needed yet */
	uint32_t heard[2];        /* digits that media heard from caller, callee */
	uint32_t asked[2];        /* that their INFOs had */
	uint32_t failed;          /* INFOs of ours */
	struct {
		uint64_t ns; /* 0: none */
		uint8_t event;
	} echo[2][DIGITS_ECHO];   /* that INFOs had before media heard any */
	uint8_t told[2];          /* reasons that were logged, of each leg */
};

/* Reads the body of an INFO. 0; -ENOMSG: another type, not ours to read; -EINVAL: no digit in it. d: event and duration_ms (0: not
 * said). */
int digits_read(const char *type, const char *body, size_t length, struct digit *d);

/* Writes one; plain: application/dtmf. Returns its Content-Type. */
#define DIGITS_BODY 48
const char *digits_write(char out[static DIGITS_BODY], const struct digit *d, bool plain);

/* Digits in the text of a SIP message are asterisks from here on: all of an INFO's body, read or not, of whatever type, but for those
 * that are known to be about something else. */
void digits_mask(char *text, size_t length);
bool digits_stand_in(const char *text, size_t length);

/* An INFO came from the peer of l. True: it was a digit, and is answered. */
bool digits_request(struct call *c, struct leg *l, nta_incoming_t *irq, const sip_t *sip);

/* A digit went nowhere. code: what its INFO got; 0: no answer, or there was no way to ask. */
enum digits_lost { DIGITS_REFUSED, DIGITS_NO_CREDENTIALS, DIGITS_NOT_TAKEN, DIGITS_NO_DIALOG, DIGITS_NO_ANSWER, DIGITS_UNREACHABLE, DIGITS_FULL };
enum digits_lost digits_lost_why(const sip_t *sip);
void digits_lost(struct call *c, const struct leg *l, enum digits_lost why, int code);

/* Is it the type of a digit? */
bool digits_type(const char *type);

/* Media heard digits; a leg was answered. */
void digits_heard(struct call *c);
void digits_go_on(struct call *c);

uint64_t digits_due(const struct call *c);
void digits_tick(struct call *c, uint64_t now_ns);

/* The call ends. */
void digits_abort(struct call *c);

#endif
