// SPDX-License-Identifier: MIT
/* relay_load: the paced generator of relay_pps and compare. N calls, 50 packets a second each way, 172 bytes; every packet that comes back
 * is checked against what was sent: lost, doubled, reordered, corrupt, wrong place; and its delay measured from just before the
 * send to the kernel's own receive stamp. One thread, one core; far ends share LOAD_SOCKETS sockets a side, so that the generator
 * is not what is measured.
 * With SRTP the far ends of a side (or both) protect what they send and open what they hear, with a context of their own for each call, as media/srtp
 * does it; the delay has the generator's share of that in it (0.3 us).
 * With rtcp each stream sends a sender report with its SDES once a second beside it, from one socket a side; what comes back is
 * known by the relay's port and by its NTP time. */
#ifndef KEDGE_BENCH_RELAY_LOAD_H
#define KEDGE_BENCH_RELAY_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "media/addr.h"
#include "media/srtp.h"

#define LOAD_SOCKETS 64    /* a side */
#define LOAD_DELAYS  20000 /* buckets of 1 us; the last holds all above */
#define LOAD_REPORTS 16 /* of a stream on their way at a time: a generator that caught up sends several at once */
#define LOAD_SSRC    0x10000 /* + stream */

struct load_setup {
	uint32_t calls;
	bool ipv6, rtcp;
	uint8_t suite[2]; /* enum kedge_suite of each side, KEDGE_SUITE_NONE: plain */
};

struct load_count {
	uint64_t sent, received, lost, doubled, reordered, corrupt, misplaced;
	uint64_t rtcp_received, rtcp_lost, rtcp_faulty;
	uint64_t delay[LOAD_DELAYS];
};

struct load_stream {           /* one direction of one call */
	union addr_sock to;    /* where it sends: the relay's port on its side */
	union addr_sock from;  /* where its packets come out: the relay's port on the other side */
	uint32_t sent, expected; /* numbers, own line of the generator */
	uint64_t seen;           /* bit i: expected - 1 - i came */
	uint32_t ssrc;           /* as first received; 0: none yet */
	uint16_t line;           /* the next RTP sequence number */
	uint64_t ntp[LOAD_REPORTS]; /* of its last sender reports, by number; 0: it came out */
	uint32_t reports;           /* sent */
	bool reports_count;         /* the last was sent while measuring */
};

struct load_key { /* the SRTP of one far end */
	uint8_t sends[48], hears[48]; /* master key, then salt */
	unsigned len;
	struct secure *secure;        /* from load_keys() on */
	struct kedge_end_slot slot;   /* what media/srtp reads them from */
};

struct load {
	uint32_t calls;
	bool ipv6, rtcp;
	socklen_t len; /* of an address */
	int sock[2][LOAD_SOCKETS]; /* [0] inside, [1] outside */
	union addr_sock local[2][LOAD_SOCKETS];
	int rtcp_sock[2];
	union addr_sock rtcp_local[2];
	uint32_t *by_port[2]; /* per side, by the relay's ports: stream that comes out there, + 1 */
	uint8_t suite[2];
	struct load_key *key[2]; /* by call; NULL where the side is plain */
	struct load_stream *stream; /* [2 * call] inside to outside, [2 * call + 1] the other way */
	struct load_count count;
	bool measuring;
	uint64_t begin_ns;
	uint64_t turn; /* slots of 1 ms since the begin */
	int epoll_fd;
	void (*each_ms)(void *ctx); /* may be NULL */
	void *ctx;
};

/* Binds the far ends. 0 or a negative errno. */
int load_open(struct load *l, const struct load_setup *setup);
void load_close(struct load *l);

/* The far end of a call's side; of its RTCP. */
const struct sockaddr *load_far(const struct load *l, uint32_t call, unsigned side);
const struct sockaddr *load_far_rtcp(const struct load *l, unsigned side);

/* Where the relay listens for a call, per side; its RTCP port is the next one. */
void load_aim(struct load *l, uint32_t call, const struct sockaddr *inside, const struct sockaddr *outside);

/* The key with which a far end sends: random, made by load_open(). */
const uint8_t *load_key_sent(const struct load *l, uint32_t call, unsigned side, unsigned *len);

/* The key with which the relay sends to it; before the first packet. */
void load_key_heard(struct load *l, uint32_t call, unsigned side, const uint8_t *key);

/* Sends and checks for a time; count only where measuring. Packets on the way at the end are waited for if last. */
void load_run(struct load *l, uint64_t for_ns, bool measuring, bool last);

/* The delay below which the part p of the packets stayed, in microseconds. */
double load_percentile(const struct load_count *c, double p);

#endif
