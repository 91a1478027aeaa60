// SPDX-License-Identifier: MIT
/* offer_text: the words of a body, for the files of offer alone. All bounds are those of the bytes
 * given; nothing is copied unless it says so. Pure, any thread. */
#ifndef KEDGE_SIG_OFFER_OFFER_TEXT_H
#define KEDGE_SIG_OFFER_OFFER_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct text { /* bytes of a body; not ended by a NUL */
	const char *p;
	size_t n;
};

/* Case does not matter. */
bool text_is(struct text t, const char *word);

/* Without the spaces and tabs around it. */
struct text text_trim(struct text t);

/* Takes the next word off t. */
struct text text_word(struct text *t);

/* Takes what stands before `at` off t, and `at` with it. Without `at`: all of t. */
struct text text_upto(struct text *t, char at);

/* A decimal number of at most `most`, or -1. */
long text_number(struct text t, long most);

/* Is it one token (RFC 4566 9), or several parted by '/'? */
bool text_tokens(struct text t);

/* As a string. false: it is too long for buf, which is as it was. */
bool text_copy(char *buf, size_t size, struct text t);

/* Takes one line off t: CRLF, LF or CR ends it. */
struct text text_line(struct text *t);

/* enum offer_direction of the attribute of that name, or -1. */
int text_direction(struct text name);

/* True if a value holds an address, a URI, a control character: it stays on its side. */
bool text_leaks(struct text value);

#endif
