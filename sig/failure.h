// SPDX-License-Identifier: MIT
/* failure: how an attempt ended, from what was seen: a final response, or an error of the
 * transport.
 *
 * The library reports a dead path (ICMP, RST, no route) as a response of its own, mostly 503.
 * Whether something was received decides, never the phrase: a remote 503 is load
 * and may lock the hop, a local one is a path failure and never locks. Silence is no business of
 * this module: decide's clock finds it. What follows from a cause is routing/cause's table.
 * Pure, any thread. */
#ifndef KEDGE_SIG_FAILURE_H
#define KEDGE_SIG_FAILURE_H

#include <stdbool.h>
#include <stdint.h>

#include "routing/decide.h"

struct sip_s;

struct failure_evidence { /* {0}: nothing came, nothing failed */
	uint16_t status;         /* final response; 0: none */
	bool received;           /* it came from the network: the library did not make it */
	bool stream;             /* the hop is reached by TCP */
	bool connected;          /* and a connection to it stood */
	bool progress;           /* a 1xx had come */
	int err;                 /* errno of the transport, 0: not known */
	const char *retry_after; /* value of Retry-After, or NULL */
	const char *reason;      /* values of Reason, comma-separated, or NULL */
};

struct failure {
	/* repairable is set for 491 alone; the sender knows the rest */
	struct decide_outcome outcome;
	int err;                       /* errno of the transport, 0: not known */
	char text[64];                 /* text of the Reason, or of the errno; printable ASCII */
};

/* What the evidence means. outcome.cause is STATUS, UNREACHABLE, CONNECT or LOST; NONE for a lost
 * connection after a 1xx (the answer may come on another one, RFC 3261 18.2.2) and for no evidence. */
void failure_read(struct failure *f, const struct failure_evidence *e);

/* The status of a response, 100 to 699. The library takes any number from the wire: what lies below is a 100, what
 * lies above a 500, as of a class nobody knows (RFC 3261 8.1.3.2). */
int failure_status(const struct sip_s *sip);

/* Fills in status, received, retry_after and reason from a response as the library hands it over;
 * what is known of the transport stays. Text is borrowed from sip and home (su_home_t). */
void failure_evidence(struct failure_evidence *e, const struct sip_s *sip, void *home);

/* Retry-After (RFC 3261 20.33) in seconds: comment and parameters are not looked at; 0, negative,
 * no number: 0; what does not fit 32 bits: UINT32_MAX. NULL: 0. */
uint32_t failure_retry_after(const char *value);

/* The first Q.850 cause of Reason values (RFC 3326), 0: none. NULL: 0. text, if not NULL: size
 * bytes for its text parameter, printable ASCII. */
uint16_t failure_q850(const char *reason, char *text, size_t size);

/* What of Reason values may be said to the other side: each registered protocol with its cause. Text and all other
 * parameters are the sender's own words, which name his machines. "": nothing. Returns buf. */
const char *failure_reason(char *buf, size_t size, const char *reason);

/* What ISDN would say for a final SIP code (RFC 3398 8.2.6.1; 488 and 606, left to their Warning there: 88); 0: nothing. */
unsigned failure_cause_of(unsigned code);

/* Puts that cause behind a text of failure_reason() which names none of Q.850: that of its own SIP;cause, else of code, which may be 0. */
void failure_reason_map(char *buf, size_t size, unsigned code);

/* failure_reason() of all Reason headers of a message, mapped. */
const char *failure_said(char *buf, size_t size, const struct sip_s *sip);

#endif
