// SPDX-License-Identifier: MIT
#include "sig/books/flight_tap.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "config/clock.h"
#include "sig/books/flight.h"
#include "sig/edge/listen.h"

static struct {
	bool open;
	pthread_t thread;
} tap;

void flight_tap_open(void)
{
	tap.thread = pthread_self();
	tap.open = true;
}

void flight_tap_close(void)
{
	tap.open = false;
}

typedef int name_f(int, struct sockaddr *, socklen_t *);

static void name_of(name_f *f, int fd, struct kedge_addr *out)
{
	struct sockaddr_storage sa = { 0 };
	socklen_t size = sizeof(sa);

	if (f(fd, (struct sockaddr *)&sa, &size) == 0)
		listen_addr_of((struct sockaddr *)&sa, out);
}

void flight_tap_datagram(const struct kedge_addr *local, const struct kedge_addr *from, const char *data, size_t size)
{
	struct iovec text = { (void *)data, size };
	struct flight_way way = { .local = *local, .peer = *from };

	if (tap.open && flight_wants(false, &text, 1))
		flight_take(&way, &text, 1, clock_mono_ns());
}

void flight_tap_stream(int fd, const char *data, size_t size)
{
	struct iovec text = { (void *)data, size };
	struct flight_way way = { .tcp = true };

	if (!tap.open || !flight_wants(false, &text, 1))
		return;
	name_of(getsockname, fd, &way.local);
	name_of(getpeername, fd, &way.peer);
	flight_take(&way, &text, 1, clock_mono_ns());
}

/* Where the rest of a message goes out later it has no first line, and is nobody's. */
static void sent(int fd, const struct msghdr *h)
{
	struct flight_way way = { .out = true, .tcp = !h->msg_name };

	if (!flight_wants(true, h->msg_iov, h->msg_iovlen))
		return;
	name_of(getsockname, fd, &way.local);
	if (h->msg_name)
		listen_addr_of(h->msg_name, &way.peer);
	else
		name_of(getpeername, fd, &way.peer);
	flight_take(&way, h->msg_iov, h->msg_iovlen, clock_mono_ns());
}

/* Exported by the executable, it stands before libc's for the library. */
ssize_t sendmsg(int fd, const struct msghdr *h, int flags)
{
	static ssize_t (*libc_sendmsg)(int, const struct msghdr *, int);
	ssize_t n;

	if (!libc_sendmsg)
		*(void **)&libc_sendmsg = dlsym(RTLD_NEXT, "sendmsg");
	n = libc_sendmsg(fd, h, flags);
	if (n > 0 && tap.open && pthread_equal(tap.thread, pthread_self()))
		sent(fd, h);
	return n;
}
