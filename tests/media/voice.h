// SPDX-License-Identifier: MIT
/* voice: far ends that speak SRTP: libsrtp with the ciphers it comes with, so that nothing of kedge's checks itself. For tests of the media
 * plane, beside talk.h. What is not as it should be fails the running test. One thread. */
#ifndef KEDGE_TESTS_MEDIA_VOICE_H
#define KEDGE_TESTS_MEDIA_VOICE_H

#include "tests/media/talk.h"

#include <srtp2/srtp.h>

#define ROOM 2048

#define COUNTS_NOT(name) assert_int_equal(PLANE_COUNT(&plane, name), 0)

struct suite {
	void (*rtp)(srtp_crypto_policy_t *), (*rtcp)(srtp_crypto_policy_t *);
	uint8_t key_len, rtcp_tail;
};

extern const struct suite suites[KEDGE_SUITE_COUNT];

struct voice {
	struct peer *p;
	srtp_t tx, rx; /* NULL: in clear */
	uint8_t suite;
	uint64_t highest; /* of what it heard */
	bool heard;
};

/* No keys any more. */
void silence(struct voice *v);

/* Keys of the end in the table, kedge's tx and rx from these seeds; suite 0: it is plain. Not committed yet. */
void give_keys(struct call *c, uint8_t place, uint8_t suite, unsigned tx, unsigned rx);

/* The far end of these keys; both; a call of two of them, seeds inside tx 1, rx 2, outside tx 3, rx 4, and its end. */
void speak(struct voice *v, struct peer *p, uint8_t suite, unsigned tx, unsigned rx);
void secure(struct call *c, struct voice *v, uint8_t place, struct peer *p, uint8_t suite, unsigned tx, unsigned rx);
void secure_call(struct call *c, struct voice *in, struct voice *out, uint32_t slot, uint8_t in_suite, uint8_t out_suite);
void hang_up(struct call *c, struct voice *in, struct voice *out);

void put(struct peer *p, int fd, const struct sockaddr_storage *to, const void *data, size_t len);

/* The next packet, as it goes over the wire; sent. */
int sealed(struct voice *v, uint8_t *data);
void tell(struct voice *v);

/* One packet off the wire; its length, -1: nothing within the time. */
int take(int fd, uint8_t *data, int timeout_ms);

/* Opens what came and compares it with what its sender said. */
struct heard understood(struct voice *v, uint8_t *data, int len);
struct heard listen_to(struct voice *v);
void both_hear(struct voice *a, struct voice *b);
void nothing_comes(struct peer *p, int ms);

/* RTCP. with_rtcp: the ports are those of the sockets, not RTP's and one more. */
void report(struct voice *v);
void hears_report(struct voice *v);
void with_rtcp(struct call *c);

/* Packets each way, RTCP between. */
void talk_for(struct voice *a, struct voice *b, int packets);

#endif
