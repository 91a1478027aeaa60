// SPDX-License-Identifier: MIT
/* wire: the bytes of SIP messages, before the library sees them. Where does one end, is it one, and an answer to it
 * that needs neither a parse nor a transaction. Pure: no I/O, no clock, no allocation; any bytes may come in.
 *
 *   datagram -> wire_datagram --.
 *                               >-- clean: one line per header, no stray line end, no NUL -- whole, part or bad
 *   stream ---> wire_stream ----'
 *
 * A message ends where exactly one reading of it says so (RFC 3261 18.3): its head at the first empty line, its body
 * after the one Content-Length that all copies of that header agree on. Cleaning changes bytes in place and no length:
 * a folded line is unfolded (7.3.1), a NUL, a CR without LF or an LF without CR becomes a space. So what the library
 * reads has the same lines and the same end, and nothing inside a value can turn into a header or a message further on. */
#ifndef KEDGE_SIG_EDGE_WIRE_H
#define KEDGE_SIG_EDGE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "routing/shm/layout.h"

#define WIRE_MAX 61440 /* bytes of the longest message of any configuration: what a connection may have waiting */

struct wire_limits {
	uint32_t bytes;   /* of a message, head and body */
	uint32_t headers; /* lines of its head */
};

enum wire_verdict { WIRE_WHOLE, WIRE_PART, WIRE_BAD };

struct wire_message {
	size_t head, body; /* bytes; the head with its empty line. Stream: 0 and 0 while the head is not whole */
	bool request;
	uint16_t status;   /* BAD: what a request like this is answered: 400, 505 or 513 */
	const char *why;   /* BAD: a word for the log, static */
	uint32_t mended;   /* bytes that cleaning changed but for unfolding */
	size_t uri, uri_size; /* where a datagram's Request-URI is */
};

/* A whole datagram, which begins with no line end. *size becomes head + body: what stands behind the body is not of it (18.3).
 * A head without an empty line is all of it. WHOLE or BAD. */
enum wire_verdict wire_datagram(char *data, size_t *size, const struct wire_limits *l, struct wire_message *m);

/* The message at the front of a stream, which begins with no line end. *seen: how much of it was looked through before,
 * 0 for a new one. PART: more is needed. BAD: where the next one begins cannot be known. */
enum wire_verdict wire_stream(char *data, size_t size, size_t *seen, const struct wire_limits *l, struct wire_message *m);

/* The value of the first header of that name (letter: its compact form, 0: none) in a clean head: not terminated,
 * *length bytes without the spaces around them. NULL: there is none. */
const char *wire_header(const char *head, size_t size, const char *name, char letter, size_t *length);

/* A request's method: its length, 0: it is no request. */
size_t wire_method(const char *head, size_t size);

/* True if the User-Agent contains one of these words ("friendly-scanner,sipcli"), in any case. */
bool wire_agent_is(const char *head, size_t size, const char *words);

struct wire_answer {
	uint16_t status;
	const char *phrase;
	const char *tag;                /* To-tag, where it has none */
	const char *headers;            /* further lines, each with its CR LF; NULL: none */
	const struct kedge_addr *from;  /* where the request came from: `received` and `rport` (RFC 3581) */
};

/* Writes the answer to a request, its head clean, and says how long it is. 0: there is none: no request, an ACK, a head without
 * Via, From, To, Call-ID and CSeq, or longer than room. */
size_t wire_answer(char *out, size_t room, const char *head, size_t size, const struct wire_answer *a);

#endif
