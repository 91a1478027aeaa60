// SPDX-License-Identifier: MIT
/* failure: how an attempt ended, from what was seen: a final response, silence, or an error of the transport.
 *
 * The library reports a dead path (ICMP, RST, no route) as a response of its own, mostly 503. Whether something was
 * received decides, never the phrase (SEMANTICS 0.2): a remote 503 is load and may lock the hop, a local one is a
 * path failure and never locks. What follows from a class is routing/decide's table, not this module's.
 * Pure, any thread. */
#ifndef KEDGE_SIG_FAILURE_H
#define KEDGE_SIG_FAILURE_H

#include <stdbool.h>
#include <stdint.h>

struct sip_s;

#define FAILURE_CLASSES(C)                                                                         \
	C(NONE, "none")                /* still open, or answered */                                   \
	C(RESPONSE, "response")        /* a final response came from the peer: code */                 \
	C(NO_REPLY, "no_reply")        /* not one byte within first_response */                        \
	C(NO_PROGRESS, "no_progress")  /* 100 only, within progress */                                 \
	C(NO_ANSWER, "no_answer")      /* rang, within ring */                                         \
	C(UNREACHABLE, "unreachable")  /* ICMP, no route, RST to a connect */                          \
	C(CONNECT, "connect_timeout")  /* TCP connect took too long */                                 \
	C(LOST, "connection_lost")     /* the connection went before any reply */                      \
	C(DNS, "dns")                  /* no address */                                                \
	C(LOCAL, "local")              /* nothing was sent: no port, no codec, a limit */              \
	C(BAD_ANSWER, "bad_answer")    /* a 2xx or 18x whose SDP does not fit the offer */             \
	C(CANCELLED, "cancelled")      /* given up by us: caller gone, another branch won */

enum failure_class {
#define C(id, word) FAILURE_##id,
	FAILURE_CLASSES(C)
#undef C
	FAILURE_CLASS_COUNT
};

/* The word of a class, for logs, CDRs and decision records. */
const char *failure_name(enum failure_class c);

struct failure {
	uint8_t class;          /* enum failure_class */
	uint16_t code;          /* RESPONSE: the status; else 0 */
	int16_t q850;           /* cause of a Reason header, -1: none */
	uint32_t retry_after_s; /* 0: none, or not one to honour */
	int err;                /* errno of the transport, 0: not known */
	char text[64];          /* text of the Reason header, or what failed; printable ASCII */
};

struct failure_evidence { /* {0}: nothing came */
	uint16_t status;         /* final response; 0: none */
	bool received;           /* it came from the network: the library did not make it */
	bool connected;          /* a connection stood when it failed (TCP) */
	bool connecting;         /* TCP: the connection never stood */
	int err;                 /* errno of the transport, 0: not known */
	const char *retry_after; /* value of Retry-After, or NULL */
	const char *reason;      /* values of Reason, comma-separated, or NULL */
	const char *phrase;      /* of a response the library made, or NULL: only for text */
};

/* What the evidence means. */
void failure_read(struct failure *f, const struct failure_evidence *e);

/* The same from a final response as the library hands it over. received: false where the library made it
 * (failure_made_here). err: errno of the transport if known, else 0. */
void failure_response(struct failure *f, const struct sip_s *sip, bool received, int err);

/* True if the library itself made this response: nothing came over the network. */
bool failure_made_here(const struct sip_s *sip);

/* Retry-After (RFC 3261 20.33) in seconds: comment and parameters are not looked at; 0, negative, no number: 0;
 * what does not fit 32 bits: UINT32_MAX. NULL: 0. */
uint32_t failure_retry_after(const char *value);

/* The first Q.850 cause of Reason values (RFC 3326), or -1. NULL: -1. Only 0 to 127 is one. */
int failure_q850(const char *reason);

#endif
