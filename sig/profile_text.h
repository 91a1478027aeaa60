// SPDX-License-Identifier: MIT
/* profile_text: the words of a header value that a stranger wrote, for the files of profile alone. A span is a stretch of that value, not ended by
 * a NUL; nothing is copied unless it says so. What is "plain" is unquoted and unescaped, ended by a NUL and free of control characters. Pure, any
 * thread. (profile_clean() is here too: sig/profile.h.) */
#ifndef KEDGE_SIG_PROFILE_TEXT_H
#define KEDGE_SIG_PROFILE_TEXT_H

#include "sig/profile.h"

struct span {
	const char *p;
	size_t n;
};

struct name_addr { /* one of P-Asserted-Identity, Diversion, History-Info; spans of the value */
	char display[PROFILE_DISPLAY];
	char user[PROFILE_NUMBER]; /* plain */
	bool tel;
	struct span uri_params, params;
};

/* Case does not matter. */
bool span_is(struct span s, const char *word);

/* Without the spaces and tabs around it. */
struct span span_trim(struct span s);

/* Takes what stands before the next of `stops` off s, outside quotes and <>. *stop: what it was, 0: the end. */
struct span span_upto(struct span *s, const char *stops, char *stop);

/* Takes the next entry off a list. False: nothing, or nothing that could be read, is left. */
bool name_addr_next(struct span *list, struct name_addr *a);

bool plain_control(unsigned char c);

/* The value of a hexadecimal digit, or -1. */
int plain_hex(char c);

/* Takes folding out of a header value (RFC 3261 7.3.1). False if another control character is in it, or it is too long. */
bool plain_unfold(char *buf, size_t size, const char *value);

/* The user of a URI in plain bytes, without parameters (RFC 3261 19.1.6) and password. False if it is too long or holds control characters. */
bool plain_user(char buf[static PROFILE_NUMBER], const char *user, size_t length);

/* Copies plain text. False if it is too long or holds control characters. */
bool plain_fits(char buf[static PROFILE_NUMBER], const char *text);

/* A display name, quoted or not, in plain text, cut where it is too long. */
void plain_display(char buf[static PROFILE_DISPLAY], struct span s);

#endif
