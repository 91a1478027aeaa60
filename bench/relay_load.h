// SPDX-License-Identifier: MIT
/* relay_load: the paced generator of relay_pps. N calls, 50 packets a second each way, 172 bytes; every packet that comes back is
 * checked against what was sent: lost, doubled, reordered, corrupt, wrong place; and its delay measured from just before the
 * send to the kernel's own receive stamp. One thread, one core; far ends share SOCKETS sockets a side, so that the generator
 * is not what is measured. */
#ifndef KEDGE_BENCH_RELAY_LOAD_H
#define KEDGE_BENCH_RELAY_LOAD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#define LOAD_SOCKETS 64    /* a side */
#define LOAD_DELAYS  20000 /* buckets of 1 us; the last holds all above */

struct load_count {
	uint64_t sent, received, lost, doubled, reordered, corrupt, misplaced;
	uint64_t delay[LOAD_DELAYS];
};

struct load_stream {           /* one direction of one call */
	struct sockaddr_in to; /* where it sends: the relay's port on its side */
	struct sockaddr_in
	    from; /* where its packets come out: the relay's port on the other side */
	uint32_t sent, expected; /* numbers, own line of the generator */
	uint64_t seen;           /* bit i: expected - 1 - i came */
	uint32_t ssrc;           /* as first received; 0: none yet */
	uint16_t line;           /* the next RTP sequence number */
};

struct load {
	uint32_t calls;
	int sock[2][LOAD_SOCKETS]; /* [0] inside, [1] outside */
	struct sockaddr_in local[2][LOAD_SOCKETS];
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
int load_open(struct load *l, uint32_t calls);
void load_close(struct load *l);

/* The far end of a call's side. */
const struct sockaddr_in *load_far(const struct load *l, uint32_t call, unsigned side);

/* Where the relay listens for a call, per side. */
void load_aim(struct load *l, uint32_t call, const struct sockaddr_in *inside,
    const struct sockaddr_in *outside);

/* Sends and checks for a time; count only where measuring. Packets on the way at the end are waited for if last. */
void load_run(struct load *l, uint64_t for_ns, bool measuring, bool last);

/* The delay below which the part p of the packets stayed, in microseconds. */
double load_percentile(const struct load_count *c, double p);

#endif
