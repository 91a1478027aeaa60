// SPDX-License-Identifier: MIT
/* talk: the words in which the tests of the media plane are written: peers with an RTP and an RTCP socket, calls between two of
 * them through a real kedge-media (harness/plane.h), packets whose every byte is checked when they are heard. What is not as it should
 * be fails the running cmocka test. One plane at a time, one thread. */
#ifndef KEDGE_TESTS_MEDIA_TALK_H
#define KEDGE_TESTS_MEDIA_TALK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "media/rtp.h"
#include "tests/harness/plane.h"

#define PAYLOAD 160
#define PACKET  (RTP_HEADER + PAYLOAD)
#define SLOTS   64

struct peer {
	int rtp, rtcp;
	const char *ip;
	struct sockaddr_storage local, to, rtcp_to;
	struct rtp next; /* what it sends next */
	uint32_t seed;   /* of its payload */
};

struct heard {
	struct rtp h;
	uint32_t seed;
	uint16_t number; /* the sender's own, in the payload */
};

struct call {
	struct plane_anchor a;
	struct peer in, out;
};

extern struct plane plane;
extern const char *backend; /* of the planes started from now on */
extern bool deny;           /* io_uring */
extern unsigned workers;

/* PROGRAM io_uring|epoll|denied [FILTER]; the first argument. */
const char *talk_main(int argc, char **argv);

/* ---- the plane; time_scale 0: none. media: more of its settings; its ends may send as fast as they like, but where that says otherwise ---- */

void start_with(const char *media, unsigned pairs, bool v6, unsigned time_scale);
void start(unsigned pairs);
void start_these(const struct plane_options *o);
void stop(void);

/* After a test that failed half way: says what the plane did, and leaves nothing behind for the next. */
int clean_up(void **state);
#define TEST(name) cmocka_unit_test_teardown(name, clean_up)

/* What the plane says it did with the packets, where one is missing. */
void tell_counters(void);

/* Media has done what was committed: its queues are empty, and the tick that ends that pass has come. */
void followed(void);

/* ---- peers ---- */

socklen_t length(const struct sockaddr_storage *ss);
uint16_t *port_of(struct sockaddr_storage *ss);
struct sockaddr_storage name_of(int fd);
void peer_open(struct peer *x, const char *ip, uint32_t seed);
void peer_close(struct peer *x);

/* It sends to this end's ports from now on. */
void aim(struct plane *p, struct plane_anchor *a, uint8_t place, struct peer *x);

void fill(uint8_t *data, uint32_t seed, const struct rtp *h);
void say_from(struct peer *x, int fd);
void say(struct peer *x);
int wait_readable(int fd, int timeout_ms);

/* One packet, its bytes checked. False: nothing within the time. */
bool hear_within(struct peer *x, struct heard *out, int timeout_ms);
struct heard hear(struct peer *x);
void hears_nothing(struct peer *x, int ms);

/* What was rightly heard so far. */
void forget(struct peer *x);

/* ---- calls ---- */

void call_open(struct call *c, uint32_t slot, const char *in_ip, const char *out_ip);
void call_close(struct call *c);

/* One packet each way; both lines go on by one. */
void exchange(struct call *c);

/* Another outside end for the call, not live yet. */
void add_end(struct call *c, uint8_t place, struct peer *x);
void make_live(struct call *c, uint8_t place);
void set_flags(struct call *c, uint8_t place, uint8_t flags);
struct kedge_flow *flow_of(struct call *c, int way);

/* A counter may be behind what was seen. */
#define COUNTS_TO(name, n)                                                                         \
	do {                                                                                       \
		followed();                                                                        \
		for (int i_ = 0; i_ < 200 && PLANE_COUNT(&plane, name) < (n); i_++)                \
			usleep(10000);                                                             \
		assert_int_equal(PLANE_COUNT(&plane, name), n);                                    \
	} while (0)

#define WORD(x) ((unsigned long long)atomic_load_explicit(&(x), memory_order_relaxed))

#endif
