// SPDX-License-Identifier: MIT
/* epoll: the seam of io.h where io_uring is denied (containers, sysctl) or not wanted: one readiness scan per pass, one system
 * call per packet and direction. Every send happens at once, so there is nothing to flush. */
#include "media/io.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "config/clock.h"

#define EVENTS_MAX 256
#define DRAIN_MAX  16 /* packets of one socket before the others get their turn */
#define WAKE       UINT64_MAX

struct io {
	struct io_hooks hooks;
	int epoll_fd, wake_fd;
	uint64_t *now_ns;
	const int *fds;
	uint32_t socks;
	uint8_t *mode; /* by socket: enum io_mode, armed now */
	struct epoll_event events[EVENTS_MAX];
	uint8_t buffer[IO_BIG];
};

static uint64_t pack(uint32_t tag, uint32_t sock)
{
	return (uint64_t)IO_TAG(tag) << 32 | sock;
}

static void epoll_arm(struct io *io, uint32_t sock, uint32_t tag, enum io_mode mode, bool big)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = pack(tag, sock) };

	if (epoll_ctl(io->epoll_fd, EPOLL_CTL_ADD, io->fds[sock], &ev) < 0) {
		io->hooks.ended(io->hooks.ctx, sock, tag, errno);
		return;
	}
	io->mode[sock] = (uint8_t)mode;
}

static void epoll_disarm(struct io *io, uint32_t sock, uint32_t tag)
{
	if (io->mode[sock] == IO_OFF)
		return;
	io->mode[sock] = IO_OFF;
	epoll_ctl(io->epoll_fd, EPOLL_CTL_DEL, io->fds[sock], NULL);
	io->hooks.ended(io->hooks.ctx, sock, tag, ECANCELED);
}

static void epoll_send(struct io *io, uint32_t sock, uint32_t tag, const void *data, size_t len,
    const struct sockaddr *to, socklen_t to_len)
{
	ssize_t n = sendto(io->fds[sock], data, len, MSG_DONTWAIT | MSG_NOSIGNAL, to, to_len);

	if (n < 0 || (size_t)n != len)
		io->hooks.unsent(io->hooks.ctx, sock, tag, n < 0 ? errno : 0);
}

static void epoll_flush(struct io *io)
{
}

/* An error waits on the socket (ICMP): taken by this read, so it is told as the end of the reception. */
static void failed(struct io *io, uint32_t sock, uint32_t tag, int err)
{
	io->mode[sock] = IO_OFF;
	epoll_ctl(io->epoll_fd, EPOLL_CTL_DEL, io->fds[sock], NULL);
	io->hooks.ended(io->hooks.ctx, sock, tag, err);
}

/* One packet. False: nothing more to read here now. */
static bool receive(struct io *io, uint32_t sock, uint32_t tag)
{
	struct sockaddr_in6 from;
	struct iovec iov = { io->buffer, sizeof(io->buffer) };
	struct msghdr m = {
		.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1
	};
	ssize_t n = recvmsg(io->fds[sock], &m, MSG_DONTWAIT);

	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			failed(io, sock, tag, errno);
		return false;
	}
	io->hooks.packet(io->hooks.ctx, sock, tag,
	    io->mode[sock] == IO_FROM ? (const struct sockaddr *)&from : NULL, io->buffer,
	    (size_t)n, m.msg_flags & MSG_TRUNC);
	return true;
}

static void on_ready(struct io *io, const struct epoll_event *ev)
{
	uint32_t tag = (uint32_t)(ev->data.u64 >> 32), sock = (uint32_t)ev->data.u64;
	eventfd_t n;

	if (ev->data.u64 == WAKE) {
		if (eventfd_read(io->wake_fd, &n) == 0)
			io->hooks.wake(io->hooks.ctx);
		return;
	}
	/* A socket disarmed by an earlier event of this pass may still stand here. */
	for (int i = 0; i < DRAIN_MAX && io->mode[sock] != IO_OFF; i++)
		if (!receive(io, sock, tag))
			break;
}

static int epoll_pass(struct io *io, uint64_t timeout_ns, unsigned window_us)
{
	int n = epoll_wait(
	    io->epoll_fd, io->events, EVENTS_MAX, (int)((timeout_ns + 999999) / 1000000));

	*io->now_ns = clock_mono_ns();
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < n; i++)
		on_ready(io, &io->events[i]);
	return 0;
}

static void epoll_end(struct io *io)
{
	if (io->epoll_fd >= 0)
		close(io->epoll_fd);
	free(io->mode);
	free(io);
}

static int epoll_open(struct io **out, const struct io_setup *setup, const char **note)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = WAKE };
	struct io *io = calloc(1, sizeof(*io));

	if (io == NULL)
		return -ENOMEM;
	io->hooks = setup->hooks;
	io->wake_fd = setup->wake_fd;
	io->now_ns = setup->now_ns;
	io->fds = setup->fds;
	io->socks = setup->socks;
	io->mode = calloc(setup->socks + 1, 1);
	io->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (io->mode == NULL || io->epoll_fd < 0 ||
	    epoll_ctl(io->epoll_fd, EPOLL_CTL_ADD, setup->wake_fd, &ev) < 0) {
		int rc = io->mode == NULL ? -ENOMEM : -errno;

		epoll_end(io);
		return rc;
	}
	*note = NULL;
	*out = io;
	return 0;
}

const struct io_ops epoll_ops = {
	.name = "epoll",
	.backend = KEDGE_BACKEND_EPOLL,
	.open = epoll_open,
	.close = epoll_end,
	.arm = epoll_arm,
	.disarm = epoll_disarm,
	.send = epoll_send,
	.flush = epoll_flush,
	.pass = epoll_pass,
};
