// SPDX-License-Identifier: MIT
#include "tools/hold.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "media/addr.h"
#include "routing/shm/pool.h"

#define SIP_UDP_BUFFER                                                                             \
	(4 << 20) /* bursts wait here while signaling restarts: some 4,000 requests */
#define SIP_TCP_BACKLOG 1024
#define SLOTS_SPARE     64  /* of calls just ended, until media has closed them */
#define FDS_SPARE       128 /* segment, eventfds, log, sockets of tools, rings */
#define PAIRS_SPARE     64  /* small boxes: all pairs of a burst rest when the next one comes */
#define HOPS_PER_TRUNK  16
#define HOPS_MIN        128 /* trunks that a reload adds find room */
#define PORTS_TRIES     20
#define PORTS_AGAIN_MS  100

__attribute__((format(printf, 3, 4))) static int fail(struct hold *h, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(h->why, sizeof(h->why), fmt, ap);
	va_end(ap);
	return -err;
}

/* ---- what is needed ---- */

static uint32_t max_video(const struct conf *c)
{
	return c->limits.max_video < c->limits.max_calls ? c->limits.max_video : c->limits.max_calls;
}

static struct kedge_addr address(const struct conf_addr *from, uint16_t port)
{
	struct kedge_addr a = { .family = from->family, .port = port };

	memcpy(a.ip, from->ip, sizeof(a.ip));
	return a;
}

static int plan_net(
    struct hold *h, const struct conf *c, uint16_t iface, const struct conf_addr *addr)
{
	const struct conf_interface *f = &c->interfaces.v[iface];
	uint32_t legs = conf_sides(c, iface);
	struct hold_net *n;

	if (addr->family == 0)
		return 0;
	if (h->net_count == KEDGE_NETS_MAX)
		return fail(h, EINVAL, "more than %d local media addresses", KEDGE_NETS_MAX);
	n = &h->net[h->net_count++];
	n->net.iface = iface;
	n->net.addr = address(addr, 0);
	n->range = f->rtp_ports;
	n->min = conf_pairs_needed(c, iface);
	n->want = (legs ? legs : 1) * (c->limits.max_calls * 5 / 4 + PAIRS_SPARE) + legs * max_video(c);
	return 0;
}

static int plan_nets(struct hold *h, const struct conf *c)
{
	int rc = 0;

	for (uint16_t i = 0; i < c->interfaces.count && rc == 0; i++) {
		rc = plan_net(h, c, i, &c->interfaces.v[i].address);
		if (rc == 0)
			rc = plan_net(h, c, i, &c->interfaces.v[i].address6);
	}
	return rc;
}

static uint64_t pairs(const struct hold *h, bool min)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < h->net_count; i++)
		n += min ? h->net[i].min : h->net[i].want;
	return n;
}

static uint64_t raise_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0)
		return 1024;
	r.rlim_cur = r.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &r) < 0)
		(void)getrlimit(RLIMIT_NOFILE, &r);
	return r.rlim_cur;
}

/* Do the sockets fit under the descriptor limit? The spare quarter is given up first. */
static int plan_descriptors(struct hold *h, const struct conf *c)
{
	uint64_t limit = raise_limit(), rest = FDS_SPARE + KEDGE_LISTEN_MAX;
	uint64_t needed = 2 * pairs(h, true) + rest;

	if (needed > limit && (limit <= rest || (limit - rest) * c->limits.max_calls < needed - rest))
		return fail(h, EMFILE,
		    "limits.max_calls %u needs %llu descriptors, the hard limit is %llu "
		    "(RLIMIT_NOFILE), too few for one call: raise it",
		    c->limits.max_calls, (unsigned long long)needed, (unsigned long long)limit);
	if (needed > limit)
		return fail(h, EMFILE,
		    "limits.max_calls %u needs %llu descriptors, the hard limit is %llu "
		    "(RLIMIT_NOFILE): raise it, "
		    "or lower max_calls to %llu",
		    c->limits.max_calls, (unsigned long long)needed, (unsigned long long)limit,
		    (unsigned long long)((limit - rest) * c->limits.max_calls / (needed - rest)));
	if (2 * pairs(h, false) + rest > limit)
		for (uint32_t i = 0; i < h->net_count; i++)
			h->net[i].want = h->net[i].min;
	return 0;
}

static int plan(struct hold *h, const struct conf *c)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	int rc;

	h->workers = c->media.workers;
	if (h->workers == 0)
		h->workers = cores > KEDGE_WORKERS_MAX ? KEDGE_WORKERS_MAX
		             : cores > 1               ? (uint32_t)cores
		                                       : 1;
	if (c->limits.max_calls > KEDGE_SLOTS_MAX)
		return fail(h, EINVAL, "limits.max_calls %u: at most %d", c->limits.max_calls,
		    KEDGE_SLOTS_MAX);
	h->slots = c->limits.max_calls + max_video(c) + SLOTS_SPARE;
	if (h->slots > KEDGE_SLOTS_MAX)
		h->slots = KEDGE_SLOTS_MAX;
	rc = plan_nets(h, c);
	return rc < 0 ? rc : plan_descriptors(h, c);
}

/* ---- sockets ---- */

static int set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int bind_to(int fd, const struct kedge_addr *a, uint16_t port)
{
	struct kedge_addr at = *a;
	union addr_sock ss;
	socklen_t len;

	at.port = port;
	len = addr_put(&at, &ss);
	if (a->family == AF_INET6 && set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) < 0)
		return -errno;
	return bind(fd, &ss.sa, len) < 0 ? -errno : 0;
}

/* A deaf UDP socket, or a negative errno: -EADDRINUSE is the next port's chance. */
static int rtp_socket(const struct kedge_addr *a, uint16_t port)
{
	int fd = socket(a->family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int rc;

	if (fd < 0)
		return -errno;
	rc = bind_to(fd, a, port);
	if (rc == 0)
		rc = pool_deafen(fd);
	if (rc < 0) {
		close(fd);
		return rc;
	}
	return fd;
}

static int bind_pair(const struct kedge_addr *a, uint16_t port, struct kedge_port *p)
{
	int rtcp;

	p->fd_rtp = rtp_socket(a, port);
	if (p->fd_rtp < 0)
		return p->fd_rtp;
	rtcp = rtp_socket(a, port + 1);
	if (rtcp < 0) {
		close(p->fd_rtp);
		return rtcp;
	}
	p->fd_rtcp = rtcp;
	p->rtp_port = port;
	return 0;
}

static const char *text(const struct kedge_addr *a, char *buf)
{
	struct conf_addr c = { .family = a->family, .port = a->port };

	memcpy(c.ip, a->ip, sizeof(c.ip));
	return conf_addr_text(&c, buf);
}

static int bind_net(struct hold *h, uint8_t index)
{
	struct hold_net *n = &h->net[index];
	uint32_t even = n->range.low + n->range.low % 2;
	char addr[CONF_ADDR_TEXT];

	for (uint32_t port = even; port + 1 <= n->range.high && n->found < n->want; port += 2) {
		struct kedge_port *p = &h->port[h->port_count];
		int rc = bind_pair(&n->net.addr, (uint16_t)port, p);

		if (rc == -EADDRINUSE || rc == -EACCES) {
			n->taken++;
			continue;
		}
		if (rc < 0)
			return fail(h, -rc, "RTP port %u on %s: %s", port, text(&n->net.addr, addr),
			    strerror(-rc));
		p->net = index;
		p->worker = (uint8_t)(n->found++ % h->workers);
		h->port_count++;
	}
	if (n->found < n->min)
		return fail(h, EADDRINUSE,
		    "rtp_ports %u-%u on %s: limits.max_calls needs %u port pairs there, %u were "
		    "free (%u taken)",
		    n->range.low, n->range.high, text(&n->net.addr, addr), n->min, n->found,
		    n->taken);
	return 0;
}

static void unbind_net(struct hold *h, struct hold_net *n)
{
	for (; n->found; n->found--) {
		struct kedge_port *p = &h->port[--h->port_count];

		close(p->fd_rtp);
		close(p->fd_rtcp);
	}
	n->taken = 0;
}

/* What a process had in io_uring the kernel gives back some time after its end: kedge started again at once meets its own ports. */
static int bind_net_in_time(struct hold *h, uint8_t index)
{
	static const struct timespec moment = { .tv_nsec = PORTS_AGAIN_MS * 1000000L };
	int rc = bind_net(h, index);

	for (unsigned i = 0; i < PORTS_TRIES && rc == -EADDRINUSE; i++) {
		unbind_net(h, &h->net[index]);
		nanosleep(&moment, NULL);
		rc = bind_net(h, index);
	}
	return rc;
}

static int bind_ports(struct hold *h)
{
	uint64_t most = pairs(h, false);
	int rc = 0;

	if (most > KEDGE_PORTS_MAX)
		return fail(h, EINVAL, "%llu port pairs: at most %d", (unsigned long long)most,
		    KEDGE_PORTS_MAX);
	h->port =
	    calloc(most + 1, sizeof(*h->port)); /* one more: bind_net tries before it counts */
	if (!h->port)
		return fail(h, ENOMEM, "no memory for %llu port pairs", (unsigned long long)most);
	for (uint32_t i = 0; i < h->net_count && rc == 0; i++)
		rc = bind_net_in_time(h, (uint8_t)i);
	return rc;
}

/* Options are set here, on the socket that is held: what the library sets before its own bind() is lost. */
static int prepare_listener(int fd, bool stream)
{
	if (stream)
		return set_int(
		    fd, SOL_SOCKET, SO_REUSEADDR, 1); /* else TIME_WAIT keeps a restart out */
	if (set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, SIP_UDP_BUFFER) < 0)
		(void)set_int(fd, SOL_SOCKET, SO_RCVBUF,
		    SIP_UDP_BUFFER); /* as much as net.core.rmem_max lets */
	(void)set_int(fd, SOL_SOCKET, SO_SNDBUF, SIP_UDP_BUFFER);
	return 0;
}

static int listener_socket(const struct kedge_addr *a, bool stream)
{
	int fd = socket(
	    a->family, (stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int rc;

	if (fd < 0)
		return -errno;
	rc = prepare_listener(fd, stream);
	if (rc == 0)
		rc = bind_to(fd, a, a->port);
	if (rc == 0 && stream && listen(fd, SIP_TCP_BACKLOG) < 0)
		rc = -errno;
	if (rc < 0) {
		close(fd);
		return rc;
	}
	return fd;
}

/* What to do about it, for who sees it at the first start. */
static const char *listener_hint(int err)
{
	switch (err) {
	case EADDRINUSE:
		return " (another kedge? ss -lntup names its owner)";
	case EADDRNOTAVAIL:
		return " (not an address of this machine: interfaces.address)";
	case EACCES:
		return " (a port below 1024 needs root or CAP_NET_BIND_SERVICE)";
	default:
		return "";
	}
}

static int add_listener(
    struct hold *h, uint16_t iface, const struct conf_addr *addr, uint16_t port, bool stream)
{
	struct kedge_listener l = { .stream = stream, .iface = iface, .addr = address(addr, port) };
	char buf[CONF_ADDR_TEXT];

	if (addr->family == 0)
		return 0;
	if (h->listener_count == KEDGE_LISTEN_MAX)
		return fail(h, EINVAL, "more than %d SIP listeners", KEDGE_LISTEN_MAX);
	l.fd = listener_socket(&l.addr, stream);
	if (l.fd < 0)
		return fail(h, -l.fd, "SIP %s listener %s: %s%s", stream ? "tcp" : "udp",
		    text(&l.addr, buf), strerror(-l.fd), listener_hint(-l.fd));
	h->listener[h->listener_count++] = l;
	return 0;
}

static int bind_listeners(struct hold *h, const struct conf *c)
{
	int rc = 0;

	for (uint16_t i = 0; i < c->interfaces.count; i++) {
		const struct conf_interface *f = &c->interfaces.v[i];

		for (int stream = 0; stream < 2 && rc == 0; stream++) {
			if (!(f->transports & 1 << (stream ? CONF_TCP : CONF_UDP)))
				continue;
			rc = add_listener(h, i, &f->address, (uint16_t)f->sip_port, stream);
			if (rc == 0)
				rc =
				    add_listener(h, i, &f->address6, (uint16_t)f->sip_port, stream);
		}
	}
	return rc;
}

static int make_eventfds(struct hold *h)
{
	h->sig_eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (h->sig_eventfd < 0)
		return fail(h, errno, "eventfd: %s", strerror(errno));
	for (uint32_t i = 0; i < h->workers; i++) {
		h->worker_eventfd[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (h->worker_eventfd[i] < 0)
			return fail(h, errno, "eventfd: %s", strerror(errno));
	}
	return 0;
}

/* ---- the segment ---- */

static uint32_t hops(const struct conf *c)
{
	uint32_t n = c->trunks.count * HOPS_PER_TRUNK;

	return n < HOPS_MIN ? HOPS_MIN : n > KEDGE_HOPS_MAX ? KEDGE_HOPS_MAX : n;
}

static int lay_out(struct hold *h, const struct conf *c)
{
	struct segment_shape shape = {
		.workers = h->workers,
		.hops = hops(c),
		.slots = h->slots,
		.ports = h->port_count,
		.nets = h->net_count,
		.listeners = h->listener_count,
	};
	int rc = segment_create(&h->seg, &shape);

	if (rc < 0)
		return fail(h, -rc, "%s", h->seg.why);
	for (uint32_t i = 0; i < h->port_count; i++)
		*segment_port(&h->seg, i) = h->port[i];
	for (uint32_t i = 0; i < h->listener_count; i++)
		*segment_listener(&h->seg, i) = h->listener[i];
	for (uint32_t i = 0; i < h->net_count; i++)
		h->seg.priv->net[i] = h->net[i].net;
	for (uint32_t i = 0; i < h->workers; i++)
		h->seg.priv->worker_eventfd[i] = h->worker_eventfd[i];
	h->seg.priv->sig_eventfd = h->sig_eventfd;
	return 0;
}

int hold_open(struct hold *h, const struct conf *c)
{
	int rc;

	memset(h, 0, sizeof(*h));
	h->seg.pub_fd = h->seg.priv_fd = h->sig_eventfd = -1;
	for (int i = 0; i < KEDGE_WORKERS_MAX; i++)
		h->worker_eventfd[i] = -1;
	rc = plan(h, c);
	/* Listeners before ports: their numbers stay low, and a SIP port that is taken is told at once. */
	if (rc == 0)
		rc = bind_listeners(h, c);
	if (rc == 0)
		rc = make_eventfds(h);
	if (rc == 0)
		rc = bind_ports(h);
	if (rc == 0)
		rc = lay_out(h, c);
	if (rc < 0)
		hold_close(h);
	return rc;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void hold_close(struct hold *h)
{
	for (uint32_t i = 0; i < h->port_count; i++) {
		close_fd(h->port[i].fd_rtp);
		close_fd(h->port[i].fd_rtcp);
	}
	for (uint32_t i = 0; i < h->listener_count; i++)
		close_fd(h->listener[i].fd);
	for (uint32_t i = 0; i < KEDGE_WORKERS_MAX; i++)
		close_fd(h->worker_eventfd[i]);
	close_fd(h->sig_eventfd);
	free(h->port);
	h->port = NULL;
	h->port_count = h->listener_count = 0;
	segment_detach(&h->seg);
}

void hold_each(const struct hold *h, enum hold_plane plane, void (*fn)(int fd))
{
	fn(h->seg.pub_fd);
	fn(h->seg.priv_fd);
	fn(h->sig_eventfd);
	for (uint32_t i = 0; i < h->workers; i++)
		fn(h->worker_eventfd[i]);
	if (plane == HOLD_SIG)
		for (uint32_t i = 0; i < h->listener_count; i++)
			fn(h->listener[i].fd);
	else
		for (uint32_t i = 0; i < h->port_count; i++) {
			fn(h->port[i].fd_rtp);
			fn(h->port[i].fd_rtcp);
		}
}
