// SPDX-License-Identifier: MIT
/* listen_socket: what the library asks the system about sockets and connections (bind, connect, accept, close). */
#include "sig/edge/listen_part.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "sig/edge/mark.h"
#include "sig/edge/stream.h"

#define UNHEARD_MS 8000 /* bytes that a TCP peer does not take: five of its retransmissions */

/* ---- inherited sockets ----------------------------------------------------------------------- */

int listen_is_stream(int fd)
{
	int type = 0;
	socklen_t size = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

static int inherited_socket(int fd, const struct sockaddr *sa)
{
	struct kedge_addr want;
	int stream = listen_is_stream(fd);

	listen_addr_of(sa, &want);
	for (uint32_t i = 0; i < listen_state.count; i++) {
		const struct kedge_listener *l = &listen_state.list[i];

		if (!listen_state.adopted[i] && (l->stream != 0) == stream &&
		    memcmp(&l->addr, &want, sizeof(want)) == 0)
			return (int)i;
	}
	return -1;
}

/* These three are exported by the executable and so stand before libc's for the library as well. */
int bind(int fd, const struct sockaddr *sa, socklen_t size)
{
	static int (*libc_bind)(int, const struct sockaddr *, socklen_t);
	int i = listen_state.adopting ? inherited_socket(fd, sa) : -1;

	if (i >= 0) {
		if (dup2(listen_state.list[i].fd, fd) < 0)
			return -1;
		listen_state.adopted[i] = 1;
		listen_state.used_fd[i] = fd;
		listen_state.self_test_fd = listen_state.list[i].stream ? -1 : fd;
		return 0;
	}
	if (!libc_bind)
		*(void **)&libc_bind = dlsym(RTLD_NEXT, "bind");
	return libc_bind(fd, sa, size);
}

ssize_t sendto(
    int fd, const void *buf, size_t n, int flags, const struct sockaddr *to, socklen_t size)
{
	static ssize_t (*libc_sendto)(
	    int, const void *, size_t, int, const struct sockaddr *, socklen_t);

	if (fd == listen_state.self_test_fd && n == 4 && memcmp(buf, "TEST", 4) == 0)
		return 4;
	if (!libc_sendto)
		*(void **)&libc_sendto = dlsym(RTLD_NEXT, "sendto");
	return libc_sendto(fd, buf, n, flags, to, size);
}

ssize_t recvfrom(int fd, void *buf, size_t n, int flags, struct sockaddr *from, socklen_t *size)
{
	static ssize_t (*libc_recvfrom)(int, void *, size_t, int, struct sockaddr *, socklen_t *);

	if (fd == listen_state.self_test_fd && n == 2 && flags == MSG_TRUNC) {
		listen_state.self_test_fd = -1;
		memcpy(buf, "TE", 2);
		return 4; /* the full length, as MSG_TRUNC promises: what the library tests for */
	}
	if (!libc_recvfrom)
		*(void **)&libc_recvfrom = dlsym(RTLD_NEXT, "recvfrom");
	return libc_recvfrom(fd, buf, n, flags, from, size);
}

int listen_found(int fd, int stream)
{
	for (uint32_t i = 0; i < listen_state.count; i++)
		if (listen_state.adopted[i] && (listen_state.list[i].stream != 0) == stream &&
		    listen_state.used_fd[i] == fd)
			return (int)i;
	return -1;
}

/* ---- connections ----------------------------------------------------------------------------- */

typedef int accept_f(int, struct sockaddr *, socklen_t *);

static void turn_away(accept_f *libc_accept, int fd)
{
	close(listen_state.reserve_fd);
	fd = libc_accept(fd, NULL, NULL);
	if (fd >= 0)
		close(fd);
	listen_state.reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (listen_state.handlers.no_fd)
		listen_state.handlers.no_fd();
}

/* RFC 793 3.8, USER TIMEOUT. */
static void limit_silence(int fd)
{
	unsigned ms = UNHEARD_MS;

	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
}

int connect(int fd, const struct sockaddr *sa, socklen_t size)
{
	static int (*libc_connect)(int, const struct sockaddr *, socklen_t);
	struct kedge_addr to;

	if (listen_state.root && sa->sa_family != AF_UNIX && listen_is_stream(fd)) {
		limit_silence(fd);
		mark_made(fd, listen_state.list, listen_state.count);
		listen_addr_of(sa, &to);
		stream_made(fd, &to);
	}
	if (!libc_connect)
		*(void **)&libc_connect = dlsym(RTLD_NEXT, "connect");
	return libc_connect(fd, sa, size);
}

static bool is_welcome(int i, int conn, const struct sockaddr *sa)
{
	struct kedge_addr from;

	listen_addr_of(sa, &from);
	if (listen_state.handlers.welcome &&
	    !listen_state.handlers.welcome(listen_state.list[i].iface, &from))
		return false;
	limit_silence(conn);
	return stream_accepted(conn, &from) == 0;
}

int accept(int fd, struct sockaddr *sa, socklen_t *size)
{
	static accept_f *libc_accept;
	int i = listen_found(fd, 1), conn;

	if (!libc_accept)
		*(void **)&libc_accept = dlsym(RTLD_NEXT, "accept");
	conn = libc_accept(fd, sa, size);
	if (i < 0)
		return conn;
	if (conn < 0 && (errno == EMFILE || errno == ENFILE)) {
		turn_away(libc_accept, fd);
		errno = EAGAIN;
	} else if (conn >= 0 && !is_welcome(i, conn, sa)) {
		close(conn);
		errno = EAGAIN;
		conn = -1;
	}
	return conn;
}

int close(int fd)
{
	static int (*libc_close)(int);

	stream_closed(fd);
	if (!libc_close)
		*(void **)&libc_close = dlsym(RTLD_NEXT, "close");
	return libc_close(fd);
}

bool listen_fd_left(void)
{
	int fd = fcntl(listen_state.reserve_fd, F_DUPFD_CLOEXEC, 0);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}
