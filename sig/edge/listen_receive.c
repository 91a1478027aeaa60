// SPDX-License-Identifier: MIT
/* listen_receive: what the library reads (ioctl FIONREAD, recvmsg, recv) is what was looked at before. */
#include "sig/edge/listen_part.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>

#include "sig/books/flight_tap.h"
#include "sig/edge/stream.h"

#define DATAGRAMS 64 /* read in one go where none is for the library */

/* ---- maddr ----------------------------------------------------------------------------------- */

/* The name of a parameter that begins at p: 1 if it is maddr (RFC 3261 25.1: any case, spaces
 * around the =). */
static int is_maddr(const char *p, const char *end)
{
	if (end - p < 6 || strncasecmp(p, "maddr", 5) != 0)
		return 0;
	for (p += 5; p < end && (*p == ' ' || *p == '\t'); p++)
		;
	return p < end && *p == '=';
}

/* One header line with its continuations. */
static void defuse_line(char *p, const char *end)
{
	for (; p < end; p++)
		if (*p == ';') {
			for (p++; p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n');
			     p++)
				;
			if (is_maddr(p, end))
				*p = 'x';
		}
}

static int is_via(const char *p, const char *end)
{
	size_t n = 0;

	if (end - p > 3 && strncasecmp(p, "via", 3) == 0)
		n = 3;
	else if (end - p > 1 && (*p == 'v' || *p == 'V'))
		n = 1;
	if (!n)
		return 0;
	for (p += n; p < end && (*p == ' ' || *p == '\t'); p++)
		;
	return p < end && *p == ':';
}

static char *line_end(char *p, char *end)
{
	while (p < end) {
		p = memchr(p, '\n', (size_t)(end - p));
		if (!p)
			return end;
		p++;
		if (p < end && *p != ' ' && *p != '\t')
			return p;
	}
	return end;
}

void listen_defuse_maddr(char *datagram, size_t length)
{
	char *end = datagram + length, *next;

	for (char *p = datagram; p < end && *p != '\r' && *p != '\n'; p = next) {
		next = line_end(p, end);
		if (is_via(p, end))
			defuse_line(p, next);
	}
}

/* ---- datagrams ------------------------------------------------------------------------------- */

/* The library asks for the size of what waits (FIONREAD), then for that much. Both questions are answered from
 * what was read and looked at when the first one came. */
static struct {
	int fd;  /* -1: nothing */
	int err; /* of the read, for the second question */
	size_t size;
	struct sockaddr_storage from;
	socklen_t from_size;
	char data[65536], answer[65536];
} datagram = { .fd = -1 };

typedef ssize_t recvmsg_f(int, struct msghdr *, int);

static recvmsg_f *libc_recvmsg(void)
{
	static recvmsg_f *f;

	if (!f)
		*(void **)&f = dlsym(RTLD_NEXT, "recvmsg");
	return f;
}

/* Reads one datagram. 1: it is for the library; 0: it was not; -1: errno, nothing there. */
static int datagram_read(int i, int fd)
{
	struct iovec iov = { datagram.data, sizeof(datagram.data) };
	struct msghdr h = { .msg_name = &datagram.from, .msg_namelen = sizeof(datagram.from),
		.msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n = libc_recvmsg()(fd, &h, MSG_DONTWAIT);
	struct listen_datagram d = { .iface = listen_state.list[i].iface, .data = datagram.data,
		.size = (size_t)n, .answer = datagram.answer };

	if (n <= 0)
		return (int)n;
	datagram.from_size = h.msg_namelen;
	listen_addr_of((struct sockaddr *)&datagram.from, &d.from);
	if (!listen_state.handlers.datagram || listen_state.handlers.datagram(&d)) {
		/* Last, when its lines are what the library will take them for. */
		listen_defuse_maddr(datagram.data, d.size);
		datagram.size = d.size;
		flight_tap_datagram(&listen_state.list[i].addr, &d.from, datagram.data, d.size);
		return d.size > 0;
	}
	if (d.answer_size)
		sendto(fd, d.answer, d.answer_size, MSG_DONTWAIT | MSG_NOSIGNAL,
		    (struct sockaddr *)&datagram.from, datagram.from_size);
	return 0;
}

/* The size of the next datagram for the library. Those that are not for it cost no parse and no memory; after
 * as many as stand in a row here the loop goes round, for everybody else's sake. */
static int datagram_ready(int i, int fd)
{
	int got = 0;

	datagram.fd = -1;
	for (int n = 0; n < DATAGRAMS && got == 0; n++)
		got = datagram_read(i, fd);
	datagram.fd = fd;
	datagram.err = got > 0 ? 0 : got < 0 ? errno : EAGAIN;
	/* Where there is nothing it asks for one byte, and is told EAGAIN then: here that would be logged. */
	return got > 0 ? (int)datagram.size : 1;
}

static ssize_t datagram_take(struct msghdr *h)
{
	size_t n = datagram.size, room = h->msg_iov[0].iov_len;

	datagram.fd = -1;
	if (datagram.err) {
		errno = datagram.err;
		return -1;
	}
	n = n < room ? n : room;
	memcpy(h->msg_iov[0].iov_base, datagram.data, n);
	if (h->msg_name && h->msg_namelen >= datagram.from_size)
		memcpy(h->msg_name, &datagram.from, datagram.from_size);
	h->msg_namelen = datagram.from_size;
	h->msg_flags = 0;
	return (ssize_t)n;
}

void listen_receive_fini(void)
{
	datagram.fd = -1;
}

/* ---- connections ----------------------------------------------------------------------------- */

/* The whole messages that wait on one. */
static int stream_size(int fd, int *out)
{
	ssize_t n = stream_ready(fd);

	if (n < 0 && n != -EAGAIN) {
		errno = (int)-n;
		return -1;
	}
	*out = n < 0 ? 1 : (int)n; /* as above */
	return 0;
}

int ioctl(int fd, unsigned long request, ...)
{
	static int (*libc_ioctl)(int, unsigned long, ...);
	va_list args;
	void *arg;
	int i;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (request == FIONREAD && listen_state.root) {
		if ((i = listen_found(fd, 0)) >= 0) {
			*(int *)arg = datagram_ready(i, fd);
			return 0;
		}
		if (listen_is_stream(fd))
			return stream_size(fd, arg);
	}
	if (!libc_ioctl)
		*(void **)&libc_ioctl = dlsym(RTLD_NEXT, "ioctl");
	return libc_ioctl(fd, request, arg);
}

static ssize_t stream_scatter(int fd, struct msghdr *h)
{
	ssize_t n, all = 0;

	for (size_t i = 0; i < h->msg_iovlen; i++) {
		n = stream_take(fd, h->msg_iov[i].iov_base, h->msg_iov[i].iov_len, false);
		if (n <= 0)
			break;
		all += n;
	}
	if (all == 0) {
		errno = EAGAIN;
		return -1;
	}
	h->msg_flags = 0;
	return all;
}

ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	if (!(flags & MSG_ERRQUEUE)) {
		if (fd == datagram.fd)
			return datagram_take(msg);
		if (stream_is(fd))
			return stream_scatter(fd, msg);
	}
	return libc_recvmsg()(fd, msg, flags);
}

ssize_t recv(int fd, void *buf, size_t n, int flags)
{
	static ssize_t (*libc_recv)(int, void *, size_t, int);
	ssize_t got;

	if (stream_is(fd)) {
		got = stream_take(fd, buf, n, flags & MSG_PEEK);
		if (got < 0)
			errno = (int)-got;
		return got < 0 ? -1 : got;
	}
	if (!libc_recv)
		*(void **)&libc_recv = dlsym(RTLD_NEXT, "recv");
	return libc_recv(fd, buf, n, flags);
}

/* What the library's recv() is where its compiler knew the size of the buffer: keep-alives are looked for by it. */
ssize_t __recv_chk(int fd, void *buf, size_t n, size_t room, int flags);
ssize_t __recv_chk(int fd, void *buf, size_t n, size_t room, int flags)
{
	return recv(fd, buf, n < room ? n : room, flags);
}
