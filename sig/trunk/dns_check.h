// SPDX-License-Identifier: MIT
/* dns_check: may these bytes be given to the library's DNS parser? Pure: bytes in, verdict out.
 *
 *   resolver --datagram--> dns_check --good--> sresolv
 *                               |- foreign: no answer to this question; the question waits on
 *                               `- broken: no message of DNS; the question waits on
 *
 * sresolv follows a compression pointer that points at itself for ever, and reads a length that lies
 * behind the datagram: one wrong answer would stop all calls. So each name must be made of labels and of pointers backwards,
 * each record must lie inside, and what the library takes apart must fill its record (RFC 1035 4.1, 2782, 3403). */
#ifndef KEDGE_SIG_TRUNK_DNS_CHECK_H
#define KEDGE_SIG_TRUNK_DNS_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_NAME_MAX 256  /* text, without a last dot, with the NUL */
#define DNS_SIZE_MAX 1460 /* the library's buffer: of a longer datagram it would see the head alone */

enum dns_verdict { DNS_GOOD, DNS_FOREIGN, DNS_BROKEN };

struct dns_facts {
	uint8_t rcode;
	bool truncated;
	uint32_t alias_ttl;        /* least TTL of its CNAMEs; UINT32_MAX: none */
	char alias[DNS_NAME_MAX];  /* target of the CNAME that stands first among the answers: asked for next; "" none */
};

/* name: asked for; also: another one that is as good, "" none (an alias followed). Fills f where the verdict is DNS_GOOD. */
enum dns_verdict dns_check(const uint8_t *p, size_t size, const char *name, const char *also, uint16_t type, struct dns_facts *f);

#endif
