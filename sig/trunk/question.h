// SPDX-License-Identifier: MIT
/* question: one question to the resolvers, asked until somebody answers. sresolv of Sofia-SIP writes it, takes the answer apart
 * and follows CNAMEs; whom to ask, when again, and for how long is decided here.
 *
 *   best resolver --0.5 s of silence--> the next one, ... then all again, each 1 s --> SILENT
 *        |- ICMP, SERVFAIL, REFUSED, truncated to nothing: the next one at once; when all refused --> REFUSED
 *        `- answer, checked by sig/trunk/dns_check --> FOUND, NO_RECORD, NO_NAME
 * The one that answered is asked first from then on: of two resolvers, a dead one costs one question 0.5 s.
 *
 * Each try has a resolver object of the library for itself, with a socket (so: a source port, an id) and a cache that live as
 * long as the try. The library's cache would keep a wrong answer for ten minutes and hide a CNAME's TTL, it loses memory with each CNAME,
 * its retries hang on the wall clock, and it knows one port for all servers.
 * Names are asked as they are: search domains are for people at a keyboard.
 * Not here: TCP. EDNS asks for 1460 bytes; of a longer answer the part that came is taken.
 * Thread: su_root's; nothing blocks. */
#ifndef KEDGE_SIG_TRUNK_QUESTION_H
#define KEDGE_SIG_TRUNK_QUESTION_H

#include <stddef.h>
#include <stdint.h>
#include <sofia-sip/su_wait.h>

#include "config/conf.h"
#include "routing/shm/layout.h"

#define QUESTION_RECORDS 32 /* of one answer; further ones are left out */
#define QUESTION_SERVERS 6

enum question_type { QUESTION_A = 1, QUESTION_AAAA = 28, QUESTION_SRV = 33, QUESTION_NAPTR = 35 };

/* In order of what a failure of several means together: the last one counts. */
#define QUESTION_ENDS(E) E(FOUND, "found") E(NO_RECORD, "no_address") E(NO_NAME, "nxdomain") E(REFUSED, "servfail") E(SILENT, "timeout")
enum question_end {
#define E(id, word) QUESTION_##id,
	QUESTION_ENDS(E)
#undef E
};

struct question_record {
	struct kedge_addr addr;                 /* A, AAAA; port 0 */
	uint16_t priority, weight, port;        /* SRV; NAPTR: order, preference, 0 */
	const char *name;                       /* SRV: target; NAPTR: replacement */
	const char *flags, *service, *pattern;  /* NAPTR */
};

struct question_answer {
	enum question_end end;
	unsigned count; /* FOUND: at least one */
	uint32_t ttl;   /* FOUND: least of the records', CNAMEs included */
	const struct question_record *record; /* as long as `answered` runs */
};

typedef void question_answered(void *ctx, const struct question_answer *a);

/* servers: asked in this order; count 0: those of resolv_conf (NULL: /etc/resolv.conf), read again when it changes. 0 or -ENOMEM. */
int question_init(su_root_t *root, const struct conf_addr *servers, unsigned count, const char *resolv_conf);

/* Forgets all questions; nobody is called any more. */
void question_fini(void);

/* Asks. `answered` is called once, never from within this call. name is copied. 0, -ENOMEM, or -EINVAL: no name of DNS. */
int question_ask(const char *name, enum question_type type, question_answered *answered, void *ctx);

/* Drops the questions whose ctx points into these bytes: nobody is called for them. Not from within `answered`. */
void question_forget(const void *bytes, size_t size);

const char *question_word(enum question_end end);

#endif
