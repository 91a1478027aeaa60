// SPDX-License-Identifier: MIT
/* secure: SRTP of one RTP end of the test's peers, by libsrtp2 as the distribution builds it: what kedge must understand and be understood by.
 * Both directions by themselves: a key that is told again as it was changes nothing, another one begins at rollover 0. */
#ifndef KEDGE_TESTS_HARNESS_SECURE_H
#define KEDGE_TESTS_HARNESS_SECURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SECURE_ROOM = 160 }; /* behind a packet: SRTP_MAX_TRAILER_LEN + 4 */

struct secure { /* all zero: in clear */
	void *tx, *rx; /* srtp_t */
	char tx_key[128], rx_key[128];
};

/* suite and keys as in a=crypto; key and salt in base64. 0 or -EINVAL: then as it was. */
int secure_set(struct secure *s, const char *suite, const char *tx_key, const char *rx_key);
void secure_clear(struct secure *s);
bool secure_on(const struct secure *s);

/* The packet in place; *size: bytes of it. False: it is no good, or cannot be read. */
bool secure_protect(struct secure *s, bool rtcp, uint8_t *packet, size_t *size);
bool secure_unprotect(struct secure *s, bool rtcp, uint8_t *packet, size_t *size);

#endif
