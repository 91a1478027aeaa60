// SPDX-License-Identifier: MIT
#include "sig/edge/listen.h"

#include <arpa/inet.h>
#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <sofia-sip/msg_parser.h>
#include <sofia-sip/nta_stateless.h>
#include <sofia-sip/nta_tport.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/su_log.h>
#include <sofia-sip/su_tag.h>
#include <sofia-sip/su_tagarg.h>
#include <sofia-sip/tport_tag.h>

#include "config/clock.h"
#include "sig/books/flight_tap.h"
#include "sig/edge/mark.h"
#include "sig/edge/stream.h"

#define DATAGRAMS 64  /* read in one go where none is for the library */
#define TICK_MS   250 /* half messages are looked at */
#define UNHEARD_MS 8000 /* bytes that a TCP peer does not take: five of its retransmissions */

/* Exported by the library for exactly this purpose, but in none of its headers. */
extern void (*_su_time)(su_time_t *tv);

struct listen_iface {
	nta_agent_t *agent;
	unsigned index;
};

static struct {
	su_root_t *root;
	struct listen_handlers handlers;
	struct listen_iface iface[LISTEN_IFACES][2]; /* [1]: IPv6 */
	struct kedge_listener list[KEDGE_LISTEN_MAX];
	uint32_t count;
	uint8_t adopted[KEDGE_LISTEN_MAX]; /* by which the shim hands each socket out once */
	int used_fd[KEDGE_LISTEN_MAX];     /* the descriptor the library has for it */
	int reserve_fd;                    /* given up for a moment when accept finds none left */
	int self_test_fd; /* the socket whose self test the shim is answering, or -1 */
	su_timer_t *tick;
	int adopting;     /* the shim is in effect: only while transports start */
} listen_state = { .self_test_fd = -1, .reserve_fd = -1 };

/* ---- clock ---------------------------------------------------------------------------------- */

static uint64_t clock_base_ms; /* library time minus monotonic time */

uint64_t listen_clock_ms(void)
{
	return clock_base_ms + clock_mono_ns() / CLOCK_NS_PER_MS;
}

static void clock_hook(su_time_t *tv)
{
	uint64_t ms = listen_clock_ms();

	tv->tv_sec = (unsigned long)(ms / 1000 + 2208988800ULL); /* the library counts from 1900 */
	tv->tv_usec = (unsigned long)(ms % 1000 * 1000);
}

void listen_clock(void)
{
	clock_base_ms = clock_wall_ms() - clock_mono_ns() / CLOCK_NS_PER_MS;
	_su_time = clock_hook;
}

/* ---- shims ---------------------------------------------------------------------------------- */

static int socket_is_stream(int fd)
{
	int type = 0;
	socklen_t size = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

static int inherited_socket(int fd, const struct sockaddr *sa)
{
	struct kedge_addr want;
	int stream = socket_is_stream(fd);

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

static int listener_of(int fd, int stream)
{
	for (uint32_t i = 0; i < listen_state.count; i++)
		if (listen_state.adopted[i] && (listen_state.list[i].stream != 0) == stream &&
		    listen_state.used_fd[i] == fd)
			return (int)i;
	return -1;
}

/* ---- shims: receiving ----------------------------------------------------------------------- */

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

/* The whole messages that wait on a connection. */
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
		if ((i = listener_of(fd, 0)) >= 0) {
			*(int *)arg = datagram_ready(i, fd);
			return 0;
		}
		if (socket_is_stream(fd))
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

int close(int fd)
{
	static int (*libc_close)(int);

	stream_closed(fd);
	if (!libc_close)
		*(void **)&libc_close = dlsym(RTLD_NEXT, "close");
	return libc_close(fd);
}

/* ---- shims: connections --------------------------------------------------------------------- */

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

	if (listen_state.root && sa->sa_family != AF_UNIX && socket_is_stream(fd)) {
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
	int i = listener_of(fd, 1), conn;

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

/* ---- shims: sending ------------------------------------------------------------------------- */

typedef tport_t *tsend_f(tport_t *, msg_t *, const tp_name_t *, tag_type_t, tag_value_t, ...);

/* IPv6 may stand in brackets. */
static bool host_of(const char *host, int family, uint8_t *ip)
{
	char bare[INET6_ADDRSTRLEN];
	size_t n = strlen(host), skip = host[0] == '[';

	if (n < 2 * skip || n - 2 * skip >= sizeof(bare))
		return false;
	memcpy(bare, host + skip, n - 2 * skip);
	bare[n - 2 * skip] = 0;
	return inet_pton(family, bare, ip) == 1;
}

/* The peer of a connection as the library names it. */
static bool peer_of(const tport_t *t, struct kedge_addr *out)
{
	const tp_name_t *name = tport_name(t);
	int family;

	memset(out, 0, sizeof(*out));
	if (!name || !name->tpn_host || !name->tpn_port)
		return false;
	family = strchr(name->tpn_host, ':') ? AF_INET6 : AF_INET;
	out->family = (uint16_t)family;
	out->port = (uint16_t)strtoul(name->tpn_port, NULL, 10);
	return host_of(name->tpn_host, family, out->ip);
}

tport_t *tport_tsend(tport_t *self, msg_t *msg, tp_name_t const *tpn, tag_type_t tag, tag_value_t value, ...)
{
	static tsend_f *library_tsend;
	struct kedge_addr peer;
	unsigned waiting;
	tport_t *t;
	ta_list ta;

	if (!library_tsend)
		*(void **)&library_tsend = dlsym(RTLD_NEXT, "tport_tsend");
	ta_start(ta, tag, value);
	t = library_tsend(self, msg, tpn, ta_tags(ta));
	ta_end(ta);
	waiting = t && tport_is_secondary(t) && tport_is_stream(t) ? (unsigned)tport_queuelen(t) : 0;
	if (waiting && peer_of(t, &peer))
		stream_sent(&peer, waiting, msg_size(msg));
	return t;
}

/* ---- shims: connections that end ------------------------------------------------------------ */

typedef int pend_f(tport_t *, msg_t *, tport_pending_error_f *, tp_client_t *);

static tport_pending_error_f *library_lost; /* it has one for all its requests */

static void on_lost(tp_stack_t *stack, tp_client_t *client, tport_t *tport, msg_t *msg, int error)
{
	if (!listen_state.handlers.path_lost || !listen_state.handlers.path_lost((nta_outgoing_t *)client))
		library_lost(stack, client, tport, msg, error);
}

int listen_pend(tport_t *tport, msg_t *msg, tport_pending_error_f *callback, tp_client_t *client)
{
	static pend_f *library_pend;

	if (!library_pend)
		*(void **)&library_pend = dlsym(RTLD_NEXT, "tport_pend");
	return library_pend(tport, msg, callback, client);
}

int tport_pend(tport_t *tport, msg_t *msg, tport_pending_error_f *callback, tp_client_t *client)
{
	library_lost = callback;
	return listen_pend(tport, msg, on_lost, client);
}

static const struct listen_iface *iface_of(const nta_agent_t *agent)
{
	for (unsigned i = 0; i < LISTEN_IFACES; i++)
		for (unsigned v = 0; v < 2; v++)
			if (listen_state.iface[i][v].agent == agent)
				return &listen_state.iface[i][v];
	return NULL;
}

/* The library's own ACK and BYE for another phone's 2xx have no Max-Forwards, and the BYE is said once. */
int nta_msg_ackbye(nta_agent_t *agent, msg_t *msg)
{
	const struct listen_iface *f = iface_of(agent);

	if (!f)
		return -1;
	listen_state.handlers.response(f->index, agent, msg, sip_object(msg));
	return 0;
}

void listen_hear_end(nta_outgoing_t *orq)
{
	tport_t *t = nta_outgoing_transport(orq);

	if (t && tport_is_secondary(t))
		tport_set_params(t, TPTAG_SDWN_ERROR(1), TAG_END());
	if (t)
		tport_unref(t);
}

bool listen_fd_left(void)
{
	int fd = fcntl(listen_state.reserve_fd, F_DUPFD_CLOEXEC, 0);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* ---- agents --------------------------------------------------------------------------------- */

static int on_message(nta_agent_magic_t *magic, nta_agent_t *agent, msg_t *msg, sip_t *sip)
{
	const struct listen_iface *f = (const struct listen_iface *)magic;

	if (sip->sip_request)
		listen_state.handlers.request(f->index, agent, msg, sip);
	else if (sip->sip_status)
		listen_state.handlers.response(f->index, agent, msg, sip);
	else
		msg_destroy(msg);
	return 0;
}

static nta_agent_t *agent_new(struct listen_iface *f, const struct conf_sip *sip)
{
	nta_agent_t *agent = nta_agent_create(listen_state.root, (url_string_t *)-1, on_message,
	    (nta_agent_magic_t *)f, NTATAG_UA(1), NTATAG_UDP_MTU(65535), NTATAG_PROGRESS(~0U),
	    NTATAG_EXTRA_100(0), NTATAG_PRELOAD(2048), NTATAG_MAXSIZE(65536),
	    NTATAG_SERVER_RPORT(2), NTATAG_CLIENT_RPORT(1), NTATAG_USE_NAPTR(0), NTATAG_USE_SRV(0),
	    NTATAG_MERGE_482(1), NTATAG_TIMEOUT_408(1), NTATAG_SIP_T1(sip->t1_ms),
	    NTATAG_SIP_T1X64(64 * sip->t1_ms), NTATAG_SIP_T2(sip->t2_ms), NTATAG_SIP_T4(sip->t4_ms),
	    TAG_END());

	return agent;
}

static int transport_add(struct listen_iface *f, const struct kedge_listener *l)
{
	char host[64], url[128];

	listen_print(&l->addr, host, sizeof(host));
	snprintf(url, sizeof(url), "sip:%s;transport=%s", host, l->stream ? "tcp" : "udp");
	if (nta_agent_add_tport(f->agent, (url_string_t *)url, TPTAG_UDP_RMEM(4 << 20),
	        TPTAG_UDP_WMEM(4 << 20), TPTAG_QUEUESIZE(1024), TPTAG_PONG2PING(1), TAG_END()) < 0)
		return -EADDRNOTAVAIL;
	return 0;
}

static int iface_add(const struct kedge_listener *l, const struct conf_sip *sip)
{
	struct listen_iface *f;

	if (l->iface >= LISTEN_IFACES || l->fd < 0)
		return -EINVAL;
	f = &listen_state.iface[l->iface][l->addr.family == AF_INET6];
	f->index = l->iface;
	if (!f->agent && !(f->agent = agent_new(f, sip)))
		return -ENOMEM;
	return transport_add(f, l);
}

static void on_tick(su_root_magic_t *magic, su_timer_t *timer, su_timer_arg_t *arg)
{
	stream_tick(clock_mono_ns());
	mark_tick(listen_state.list, listen_state.count);
}

static int tick_start(void)
{
	listen_state.tick = su_timer_create(su_root_task(listen_state.root), TICK_MS);
	return listen_state.tick && su_timer_set_for_ever(listen_state.tick, on_tick, NULL) == 0 ? 0
	                                                                                         : -ENOMEM;
}

int listen_init(su_root_t *root, const struct conf_sip *sip, const struct kedge_listener *list,
    uint32_t count, const struct listen_handlers *handlers)
{
	int err = 0;

	assert(!listen_state.root);
	if (count == 0 || count > KEDGE_LISTEN_MAX)
		return -EINVAL;
	listen_state.root = root;
	listen_state.handlers = *handlers;
	memcpy(listen_state.list, list, count * sizeof(*list));
	listen_state.count = count;
	listen_state.reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	listen_state.adopting = 1;
	for (uint32_t i = 0; i < count && err == 0; i++)
		err = iface_add(&list[i], sip);
	listen_state.adopting = 0;
	if (err == 0)
		err = tick_start();
	for (uint32_t i = 0; i < count && err == 0; i++)
		if (!listen_state.adopted[i])
			err = -EADDRNOTAVAIL;
	if (err)
		listen_fini();
	return err;
}

void listen_follow(const struct conf_sip *sip)
{
	for (unsigned i = 0; i < LISTEN_IFACES; i++)
		for (unsigned v = 0; v < 2; v++)
			if (listen_state.iface[i][v].agent)
				nta_agent_set_params(listen_state.iface[i][v].agent, NTATAG_SIP_T1(sip->t1_ms), NTATAG_SIP_T1X64(64 * sip->t1_ms),
				    NTATAG_SIP_T2(sip->t2_ms), NTATAG_SIP_T4(sip->t4_ms), TAG_END());
}

void listen_fini(void)
{
	for (unsigned i = 0; i < LISTEN_IFACES; i++)
		for (unsigned v = 0; v < 2; v++)
			nta_agent_destroy(listen_state.iface[i][v].agent);
	su_timer_destroy(listen_state.tick);
	stream_fini();
	if (listen_state.reserve_fd >= 0)
		close(listen_state.reserve_fd);
	memset(&listen_state, 0, sizeof(listen_state));
	listen_state.self_test_fd = listen_state.reserve_fd = -1;
}

su_root_t *listen_root(void)
{
	return listen_state.root;
}

nta_agent_t *listen_agent(unsigned iface, unsigned family)
{
	return iface < LISTEN_IFACES ? listen_state.iface[iface][family == AF_INET6].agent : NULL;
}

int listen_local(unsigned iface, unsigned family, int stream, struct kedge_addr *out)
{
	for (uint32_t i = 0; i < listen_state.count; i++) {
		const struct kedge_listener *l = &listen_state.list[i];

		if (l->iface == iface && l->addr.family == family &&
		    (l->stream != 0) == (stream != 0)) {
			*out = l->addr;
			return 0;
		}
	}
	return -ENOENT;
}

int listen_hostport(unsigned iface, unsigned family, int stream, char *out, size_t size)
{
	struct kedge_addr a;
	int err = listen_local(iface, family, stream, &a);
	char text[64];

	if (err)
		return err;
	listen_print(&a, text, sizeof(text));
	if (strlen(text) >= size)
		return -ENOSPC;
	strcpy(out, text);
	return 0;
}
