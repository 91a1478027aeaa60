// SPDX-License-Identifier: MIT
/* cipher: AES and HMAC-SHA1 of OpenSSL, put into libsrtp in place of its own.
 *
 * Debian's libsrtp does its ciphers with NSS: 4 us a packet more with one session, 40 us with a thousand (one hash of all contexts
 * behind one lock). libsrtp stays what frames, counts and checks packets; only these types are exchanged, through
 * srtp_replace_cipher_type() and srtp_replace_auth_type():
 *   AES-ICM 128, 192, 256 (RFC 3711 4.1.1, RFC 6188)   also derives the keys of every suite
 *   AES-GCM 128, 256 (RFC 7714), tags of 8 and 16 bytes
 *   HMAC-SHA1 (RFC 2104, RFC 3711 4.2.1)
 * libsrtp tests each with the vectors of cipher_vector.c and with its own, and refuses what fails; a refusal leaves the slow
 * type in place, so it ends the start.
 *
 * What a context costs decides how many calls fit: an OpenSSL context is about 1 KB. So only the cipher that every packet of
 * a stream needs has one of its own (cipher_hot()); the others (SRTCP's, the one that derives keys) hold their bare key, and
 * borrow one of the thread, keyed anew at each use.
 * Thread: any, a session on one at a time. Owner: libsrtp's sessions own what is made here, and wipe it. */
#ifndef KEDGE_MEDIA_CIPHER_H
#define KEDGE_MEDIA_CIPHER_H

#include <srtp2/auth.h>
#include <srtp2/cipher.h>

#define CIPHER_SALT 14 /* bytes behind an ICM key; behind a GCM key 12, which libsrtp puts in the IV itself */

/* Starts libsrtp, with its own ciphers. cipher_install() does it. */
void cipher_start(void);

/* Starts libsrtp and exchanges its types, once a process; sessions made before keep the old ones. 0; -EPROTO: refused, and *why
 * says which; -ENOMEM. */
int cipher_install(const char **why);

/* The next cipher that this thread makes has a context of its own. libsrtp makes the one of a stream's RTP first. */
void cipher_hot(void);

/* The vectors of the self-tests, by libsrtp's ids. */
extern const srtp_cipher_test_case_t cipher_vector_icm_128, cipher_vector_icm_192, cipher_vector_icm_256, cipher_vector_gcm_128,
    cipher_vector_gcm_256;
extern const srtp_auth_test_case_t cipher_vector_hmac;

#endif
