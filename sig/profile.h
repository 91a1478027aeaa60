// SPDX-License-Identifier: MIT
/* profile: the headers of the leg toward a trunk, and nothing else of them: what the caller sent
 * crosses only by rule.
 *
 *   INVITE in -> profile_read -> struct profile_in -> profile_make(trunk) -> struct profile_out ->
 * INVITE out
 *
 * Written anew: Request-URI and To (number by the trunk's rules, host of its uri), From (caller's
 * number, from_host), Contact user, P-Asserted-Identity (pai), Diversion and History-Info (hosts
 * hidden). Passed as they are: Subject, Priority, Accept-Language, User-to-User, Privacy, Identity
 * with Date. Alert-Info goes to PBXs only. All else stays here: it is kedge's own (Allow,
 * Supported, User-Agent, ...), names the inside (Call-Info, Reply-To, Organization, ...), or nobody
 * asked for it (X-...). headers.pass lets more through, headers.strip less, headers.set puts in and
 * replaces.
 *
 * Privacy (RFC 3323, 3325): id keeps P-Asserted-Identity from trunks that are not trusted; user
 * makes From and Contact anonymous; header takes out what names the caller; history takes out
 * History-Info and Diversion. A critical one kedge does not know: -ENOTSUP (500). Whatever bytes
 * the caller sent: no value can end its line, its quotes or its URI (RFC 3261 25.1). A header with
 * control characters is left out, a display name is quoted anew, a user part escaped anew, text
 * that is not UTF-8 mended.
 *
 * Pure: no allocation, no clock, no agent. Any thread. profile_out is some 9 KB (for the stack) and
 * owns its text. */
#ifndef KEDGE_SIG_PROFILE_H
#define KEDGE_SIG_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/conf.h"

struct sip_s;

#define PROFILE_HEADERS_IN 96   /* headers looked at; more are left out */
#define PROFILE_NUMBER     128  /* bytes of a number or user, unescaped */
#define PROFILE_TEXT       8192 /* bytes of all that is written */

struct profile_header {
	const char *name;  /* as it came, short forms too */
	const char *value; /* one line, folding removed or not */
};

/* The caller's INVITE, borrowed. Text as it came: any bytes, URIs escaped, display names quoted or
 * not. */
struct profile_in {
	const char *from_display; /* or NULL */
	const char *from_scheme;  /* "sip", "sips", "tel"; NULL: sip */
	const char *from_user;    /* or NULL; of tel: the number */
	const char *from_host;    /* or NULL */
	const char *number;       /* called, as the route matched it */
	uint64_t call_id;         /* kedge's own */
	uint16_t headers;
	struct profile_header header[PROFILE_HEADERS_IN]; /* what is not From, To, Via, Call-ID, CSeq, Contact, Route, Content-... */
};

struct profile_out { /* pointers: into text */
	const char *ruri;         /* sip:+442071838750@sip.alpha.example */
	const char *from;         /* value without a tag: "Bob" <sip:+442071838751@192.0.2.1> */
	const char *to;           /* value without a tag */
	const char *contact_user; /* escaped; "": none */
	const char *lines;        /* all other headers, "Name: value\r\n" each, "": none. For SIPTAG_HEADER_STR */
	const char *src, *dst;    /* the numbers as sent, unescaped: for CDRs */
	bool anonymous;           /* the caller's name was hidden */
	bool identity_broken;     /* an Identity header was left out: the number was changed */
	uint16_t left_out;        /* headers that did not cross for their bytes or for want of room */
	size_t used;
	char text[PROFILE_TEXT];
};

/* Fills in from an INVITE. number as above; borrowed from sip and home (a su_home_t of the call)
 * while in is used. */
void profile_read(struct profile_in *in, const struct sip_s *sip, void *home, const char *number, uint64_t call_id);

/* The header set toward trunk. local: our address toward it, for From where no other host is set,
 * and for hidden hosts. side: enum conf_side of the caller's trunk. 0; -EINVAL: no number to call,
 * or one that cannot be written; -ENOTSUP: critical privacy that cannot be met (500); -ENOBUFS: the
 * headers that must be there do not fit. */
int profile_make(struct profile_out *out, const struct profile_in *in, const struct conf_trunk *trunk, unsigned side,
    const struct conf_addr *local);

/* A number as the trunk wants it: separators gone, enum conf_number_format applied; what is not a
 * number stays. called: with prefix_strip and prefix_add. Returns buf. */
const char *profile_number(char buf[static PROFILE_NUMBER], const char *user, const struct conf_headers *h, bool called);

/* The digits of a number in its international form ("+44 20 7183-8750" and "00442071838750":
 * 442071838750), or "" if it is not one. Equal digits are the same number. */
const char *profile_digits(char buf[static PROFILE_NUMBER], const char *user);

/* value with control characters and broken UTF-8 replaced, at most size - 1 bytes: for headers made
 * elsewhere (Reason). Returns buf. */
const char *profile_clean(char *buf, size_t size, const char *value);

#endif
