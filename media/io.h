// SPDX-License-Identifier: MIT
/* io: the seam between a worker and what moves its packets: uring.c, or epoll.c where io_uring is denied.
 *
 * Sockets are named by number, 2 x port for RTP, 2 x port + 1 for RTCP; their descriptors are given at the start.
 * A tag (24 bits of the port's generation) goes out with every request and comes back with every answer, so that what
 * belongs to an earlier call on the same port is known. One reception at most is armed on a socket at a time:
 *
 *   arm() ... packet(), packet(), ... ended()      ended() comes once for each arm(): after disarm(), or by itself
 *                                                  (ICMP, no buffers); only then the socket may be armed again
 *
 * Bytes handed to packet() are the caller's until the next flush() or pass(); it may change and send them. Bytes handed to
 * send() must stay until then too. Thread: everything on the worker's own, open() included. */
#ifndef KEDGE_MEDIA_IO_H
#define KEDGE_MEDIA_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "routing/shm/layout.h"

#define IO_TAG(generation) ((uint32_t)(generation)&0xffffff)
#define IO_SMALL           512 /* bytes of a packet on an ordinary end; a longer one needs big */
#define IO_BIG             2048
#define IO_SENDS           16 /* sends between two flushes, by itself */

enum io_mode {
	IO_OFF,
	IO_FROM,  /* says who sends */
	IO_PLAIN, /* connected: the kernel knows */
};

struct io; /* a backend's own */

struct io_hooks {
	void *ctx;
	/* A packet; from is NULL in IO_PLAIN. cut: it was longer than its buffer, data is what fitted. */
	void (*packet)(void *ctx, uint32_t sock, uint32_t tag, const struct sockaddr *from,
	    uint8_t *data, size_t len, bool cut);
	/* A packet of this socket comes after the next ones; may be left out. */
	void (*soon)(void *ctx, uint32_t sock);
	void (*ended)(void *ctx, uint32_t sock, uint32_t tag, int err);
	void (*unsent)(void *ctx, uint32_t sock, uint32_t tag, int err); /* err 0: sent short */
	void (*wake)(void *ctx);                                         /* commands wait */
};

struct io_setup {
	const int *fds; /* by socket number; -1: not this worker's */
	uint32_t socks;
	int wake_fd;
	unsigned batch;   /* packets that end a wait early */
	unsigned buffers; /* a power of two */
	uint64_t *now_ns; /* set after each wait, before the first hook */
	struct io_hooks hooks;
};

struct io_ops {
	const char *name;
	enum kedge_backend backend;
	/* 0 or a negative errno; *note: what the operator should know, or NULL. */
	int (*open)(struct io **out, const struct io_setup *setup, const char **note);
	void (*close)(struct io *io);
	void (*arm)(struct io *io, uint32_t sock, uint32_t tag, enum io_mode mode, bool big);
	void (*disarm)(struct io *io, uint32_t sock, uint32_t tag);
	/* to NULL: the socket is connected. */
	void (*send)(struct io *io, uint32_t sock, uint32_t tag, const void *data, size_t len,
	    const struct sockaddr *to, socklen_t to_len);
	void (*flush)(struct io *io);
	/* Waits for packets: until `batch` came or window_us after the wait began if any came, else until the first one,
	 * at most timeout_ns; then calls the hooks. 0 or a negative errno that will not go away. */
	int (*pass)(struct io *io, uint64_t timeout_ns, unsigned window_us);
};

extern const struct io_ops uring_ops, epoll_ops;

#endif
