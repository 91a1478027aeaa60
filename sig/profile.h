// SPDX-License-Identifier: MIT
/* profile: the headers of the leg toward a trunk. What the caller sent crosses by rule only.
 *
 *   INVITE in -> profile_read -> profile_in -> profile_make -> profile_out -> INVITE out
 *
 * Written anew: Request-URI and To (number by the trunk's rules, host of its uri), From (caller's
 * number, from_host), Contact's user, P-Asserted-Identity (pai), Diversion and History-Info (hosts
 * hidden). Passed: Subject, Priority, Accept-Language, User-to-User, Privacy, Identity with Date;
 * to PBXs Alert-Info too. All else stays here: it is kedge's own (Allow, Supported, User-Agent,
 * ...), names the inside (Call-Info, Reply-To, Organization, ...), or nobody asked for it (X-...).
 * headers.pass lets more through, headers.strip less, headers.set puts in and replaces.
 *
 * Identity (RFC 3325): P-Asserted-Identity is believed from a trusted trunk only. Privacy (RFC
 * 3323): id and user keep the caller's number from trunks that are not trusted, whatever
 * headers.set says; user makes From and Contact anonymous; header and history take out Diversion
 * and History-Info. A critical one kedge does not know: -ENOTSUP (500). Whatever bytes the caller
 * sent, no value can end its line, its quotes or its URI (RFC 3261 25.1): a header with control
 * characters is left out, a display name is quoted anew, a user part escaped anew, bytes that are
 * not UTF-8 become '?'.
 *
 * Pure: no allocation, no clock, no agent; any thread. Both structs are for the stack. Its files: sig/profile_part.h. */
#ifndef KEDGE_SIG_PROFILE_H
#define KEDGE_SIG_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/conf.h"
#include "routing/shm/layout.h"

struct sip_s;

#define PROFILE_HEADERS_IN 96   /* headers looked at; more are left out */
#define PROFILE_NUMBER     128  /* bytes of a number or user, unescaped, with its NUL */
#define PROFILE_DISPLAY    128  /* bytes of a display name, unquoted, with its NUL */
#define PROFILE_TEXT       8192 /* bytes of all that is written */

struct profile_header {
	const char *name;  /* as it came, short forms too */
	const char *value; /* one line, or folded */
};

/* The caller's INVITE, borrowed. Text as it came: any bytes, URIs escaped, display names quoted. */
struct profile_in {
	const char *from_display; /* or NULL */
	const char *from_user;    /* or NULL; the number of a tel: URI */
	const char *from_host;    /* or NULL */
	const char *number;       /* called, plain: from profile_called */
	uint64_t call_id;         /* kedge's own */
	uint16_t headers;
	uint16_t left_out; /* headers that found no place */
	struct profile_header header[PROFILE_HEADERS_IN];
};

struct profile_out { /* pointers: into text */
	const char *ruri;         /* sip:+442071838750@sip.alpha.example */
	const char *from;         /* value without tag: "Bob" <sip:+442071838751@192.0.2.1> */
	const char *to;           /* value without tag */
	const char *contact_user; /* escaped; "": none */
	/* the other headers, "Name: value\r\n" each: for SIPTAG_HEADER_STR */
	const char *lines;
	const char *src, *dst;    /* the numbers as sent, unescaped */
	bool anonymous;           /* the caller's name was hidden */
	bool identity_broken;     /* an Identity header was left out: a number was changed */
	/* headers that did not cross for their bytes or for want of room */
	uint16_t left_out;
	size_t used;
	char text[PROFILE_TEXT];
};

/* The number called by a Request-URI in plain text: unescaped, without parameters, and where it is
 * a number without visual separators, so that routes see one form. "": none, or one with control
 * characters. Returns buf. */
const char *profile_called(char buf[static PROFILE_NUMBER], const struct sip_s *sip);

/* Number and name of the caller as From says them, the same way; "": none. For CDRs and logs. */
void profile_caller(char number[static PROFILE_NUMBER], char display[static PROFILE_DISPLAY],
    const struct sip_s *sip);

/* Fills in from an INVITE. number as above. Text is made in home (a su_home_t) or borrowed from
 * sip. */
void profile_read(struct profile_in *in, const struct sip_s *sip, void *home, const char *number,
    uint64_t call_id);

/* The header set from trunk `source` toward trunk `to`. local: our address there, for From where no
 * other host is set, and for hidden hosts. source may be NULL: not trusted.
 * 0; -EINVAL: no number to call, or one that cannot be written; -ENOTSUP: critical privacy that
 * cannot be met (500); -ENOBUFS: what must be there does not fit. */
int profile_make(struct profile_out *out, const struct profile_in *in, const struct conf_trunk *source,
    const struct conf_trunk *to, const struct kedge_addr *local);

/* A number as a trunk wants it: separators gone, number_format applied, called: with prefix_strip
 * and prefix_add. What is no number stays as it is. Returns buf. */
const char *profile_number(char buf[static PROFILE_NUMBER], const char *user,
    const struct conf_headers *h, bool called);

/* The digits of a number without its international prefix ("+44 20 7183-8750", "00442071838750":
 * 442071838750), "" of what is no number. Equal digits are the same number. Returns buf. */
const char *profile_digits(char buf[static PROFILE_NUMBER], const char *user);

/* value on one line, control characters and broken UTF-8 replaced by '?', cut to size - 1 bytes:
 * for headers made elsewhere (Reason). Returns buf. */
const char *profile_clean(char *buf, size_t size, const char *value);

#endif
