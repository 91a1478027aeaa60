// SPDX-License-Identifier: MIT
/* profile_part: between the files of profile. profile_read.c takes an INVITE apart, profile.c knows who calls and writes the start line, From and To,
 * profile_lines.c says by which rule each other header crosses; profile_text.c reads and profile_put.c writes the bytes. */
#ifndef KEDGE_SIG_PROFILE_PART_H
#define KEDGE_SIG_PROFILE_PART_H

#include "sig/profile_put.h"

enum profile_privacy { /* RFC 3323, 3325, 4244: a bit each */
	PRIVACY_ID = 1,
	PRIVACY_USER = 2,
	PRIVACY_HEADER = 4,
	PRIVACY_HISTORY = 8,
	PRIVACY_SESSION = 16,
	PRIVACY_NONE = 32,
	PRIVACY_CRITICAL = 64,
	PRIVACY_UNKNOWN = 128
};

struct maker { /* one header set in the making */
	struct writer w;
	const struct profile_in *in;
	const struct conf_trunk *to;
	unsigned privacy;
	bool believed;  /* the source is trusted */
	bool hidden;    /* this trunk must not learn who calls */
	bool anonymous; /* From says nobody */
	char host[256]; /* of From, and in place of inside hosts */
	char from_user[PROFILE_NUMBER], from_display[PROFILE_DISPLAY]; /* as came, plain */
	char identity[PROFILE_NUMBER]; /* the caller's number: asserted, else From's; "" not known */
	char number[PROFILE_NUMBER];   /* called, plain */
	char src[PROFILE_NUMBER], dst[PROFILE_NUMBER]; /* as this trunk wants them */
};

enum profile_rule {
	RULE_OWN, /* never: kedge's part of the dialog */
	RULE_PASS,
	RULE_PBX,
	RULE_PAI,
	RULE_PRIVACY,
	RULE_DIVERSION,
	RULE_IDENTITY,
	RULE_ASK /* where headers.pass names it */
};

/* By which rule a header of that name, in either form, crosses. */
enum profile_rule profile_rule_of(const char *name);

/* Is it that header, by its full or brief (or NULL) name? */
bool profile_name_is(const char *name, const char *full, const char *brief);

/* Writes every header but the start line, From, To and Contact. */
void profile_make_lines(struct maker *m);

#endif
