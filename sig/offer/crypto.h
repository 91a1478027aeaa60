// SPDX-License-Identifier: MIT
/* crypto: a line of a=crypto (RFC 4568 9.1, SDES): an SRTP suite and the master key of who wrote it.
 *
 *   a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:base64(key || salt)|2^31
 *            tag suite                                           lifetime
 *
 * Suites are those of layout.h. A line is passed over (-ENOTSUP), as if it was not there, where kedge could not keep what
 * it says: another suite or key method, several keys, an MKI, a key derivation rate, FEC, a stream without encryption or
 * authentication, a session parameter that is not known. WSH (a hint) and parameters that begin with '-' (RFC 4568 6.3.7)
 * are read past. A lifetime is read and not counted: no call sends 2^20 packets before the least of them that are written.
 *
 * Where keys are: in struct kedge_keys of the session table (wiped as the end goes; never in a core file), for a moment in a struct
 * crypto (who holds one wipes it), and in the bodies that a call keeps of its dialogs (wiped with it: bridge_body.c, fork.c). Not in logs,
 * tapes, records and tools. Two libraries keep copies that are theirs to free, and are not wiped: Sofia-SIP the messages that carried a
 * body, until their transaction is over, and the streams' buffers; libsrtp2 its session keys, which it wipes. So no process that has keys
 * dumps core or may be read by others (PR_SET_DUMPABLE 0).
 *
 * Pure but for crypto_make(), which asks OpenSSL for random bytes; any thread. */
#ifndef KEDGE_SIG_OFFER_CRYPTO_H
#define KEDGE_SIG_OFFER_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "routing/shm/layout.h"
#include "sig/offer/offer_text.h"

#define CRYPTO_KEY  48  /* the longest key with its salt, as in struct kedge_keys */
#define CRYPTO_TEXT 128 /* a line of ours, with its NUL */
#define CRYPTO_MAX  (KEDGE_SUITE_COUNT - 1) /* lines in an offer of ours: one for each suite */

struct crypto {
	uint32_t tag;   /* below 10^9 */
	uint8_t suite;  /* enum kedge_suite; KEDGE_SUITE_NONE: no line */
	uint8_t length; /* bytes of key */
	uint8_t key[CRYPTO_KEY];
};

/* "AES_CM_128_HMAC_SHA1_80"; "" for none. */
const char *crypto_name(unsigned suite);

/* enum kedge_suite of a name, in any case; KEDGE_SUITE_NONE: not one of ours. */
unsigned crypto_suite(struct text name);

/* Bytes of key and salt. */
size_t crypto_length(unsigned suite);

/* Reads what stands behind "a=crypto:". 0; -EINVAL: not of that form; -ENOTSUP: passed over. On an error *c is as it was. */
int crypto_read(struct crypto *c, struct text value);

/* The same for a line of ours: "1 AES_CM_128_HMAC_SHA1_80 inline:..."; the caller wipes buf. Returns its length. */
int crypto_write(char buf[static CRYPTO_TEXT], const struct crypto *c);

/* A new key. 0, or -EIO: there are no random bytes, and then no call. */
int crypto_make(struct crypto *c, uint32_t tag, unsigned suite);

/* Zeroes what held a key, in a way that no compiler leaves out. */
void crypto_wipe(void *at, size_t size);

/* Is there any? */
bool crypto_stands_in(const char *text, size_t size);

/* Puts '*' in place of each key in a text: what stands behind "inline:" up to a blank, a line's end or the end, and all of a line
 * behind "key-mgmt:" (MIKEY) and "k=" but its blanks; its length stays. */
void crypto_mask(char *text, size_t size);

#endif
