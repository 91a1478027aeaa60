// SPDX-License-Identifier: MIT
/* profile_put: writes what profile makes, for its files alone. All of it goes to profile_out's one text, a string at a time, each ended by put_end().
 * What does not fit sets full and is not written; who began the string takes it back. Pure, any thread. */
#ifndef KEDGE_SIG_PROFILE_PUT_H
#define KEDGE_SIG_PROFILE_PUT_H

#include "sig/profile_text.h"

struct writer {
	struct profile_out *out;
	size_t begin; /* of this string */
	bool full;
};

void put_bytes(struct writer *w, const char *p, size_t n);
void put_text(struct writer *w, const char *text);

/* The string since the last one; "" if it did not fit. */
const char *put_end(struct writer *w);

/* A user part (RFC 3261 25.1): what may not stand in it is escaped. */
void put_user(struct writer *w, const char *user);

/* The inside of a quoted string. */
void put_escaped(struct writer *w, const char *text);

/* "Bob" <sip:user@host>; without display and quotes where there is none; host may be NULL (tel:). */
void put_name_addr(struct writer *w, const char *display, const char *scheme, const char *user, const char *host);

/* Passes the parameters named in `names` ("|a|b|") whose value is a plain token. */
void put_params(struct writer *w, struct span params, const char *names);

#endif
