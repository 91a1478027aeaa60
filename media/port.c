// SPDX-License-Identifier: MIT
#include "media/port.h"

#include <errno.h>
#include <sys/socket.h>

#include "config/clock.h"
#include "config/event.h"
#include "media/relay.h"
#include "media/worker.h"
#include "routing/shm/pool.h"
#include "routing/shm/queue.h"

#define AUDIT_STRIKES 2
#define LOW_PART      8   /* a ring with less than this part of its pairs runs low */
#define LOW_LEAST     2   /* a call's two ends */
#define LOW_MOST      256 /* of a burst between two ticks */
#define CUT_TELL_NS   (60 * CLOCK_NS_PER_S)

static uint32_t sock_number(uint32_t port, unsigned which)
{
	return 2 * port + which;
}

/* ---- system calls ---------------------------------------------------------------------------- */

static int unconnect(int fd)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	return connect(fd, &none, sizeof(none)) < 0 ? -errno : 0;
}

/* Reads away what was meant for an earlier call; errors of the socket go with it. */
static void drain(int fd)
{
	int err;
	socklen_t len = sizeof(err);
	char byte;

	getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len);
	while (recv(fd, &byte, sizeof(byte), MSG_DONTWAIT) >= 0 || errno == ECONNREFUSED ||
	       errno == EINTR)
		;
}

static void complain(struct worker *w, const char *what, int rc)
{
	event_log(media_error, .what = what, .why = strerror(-rc), .worker = w->id);
}

/* ---- at rest --------------------------------------------------------------------------------- */

static void list_add(struct worker *w, struct port_list *l, uint32_t port)
{
	w->port[port].next = KEDGE_PORT_NONE;
	if (l->head == KEDGE_PORT_NONE)
		l->head = port;
	else
		w->port[l->tail].next = port;
	l->tail = port;
}

static void rest(struct worker *w, uint32_t port)
{
	struct port *p = &w->port[port];

	p->state = PORT_RESTING;
	p->rest_until_ns = w->now_ns + w->setup.port_rest_ns;
	list_add(w, &w->rest[p->net].list, port);
	w->resting++;
	worker_count(&w->count->ports_resting, 1);
}

static bool offer(struct worker *w, uint32_t port)
{
	struct port *p = &w->port[port];

	/* Ours from the push on: signaling may take it before this function returns. */
	p->state = PORT_OFFERED;
	p->strikes = 0;
	return queue_push(&w->queues->free[p->net], port) == 0;
}

static uint32_t low_mark(uint32_t pairs)
{
	uint32_t low = pairs / LOW_PART;

	return low < LOW_LEAST ? LOW_LEAST : low > LOW_MOST ? LOW_MOST : low;
}

/* The oldest comes first. A burst finds all pairs at rest when as many calls have just ended: then a short rest is better than
 * a refused call, for the pair stays deaf until it is lent, and is drained then. */
static void offer_net(struct worker *w, uint32_t net)
{
	struct port_rest *r = &w->rest[net];

	while (r->list.head != KEDGE_PORT_NONE) {
		uint32_t port = r->list.head;
		bool early = port_rests(&w->port[port], w->now_ns);

		if (early && queue_count(&w->queues->free[net]) >= low_mark(r->pairs))
			return;
		if (!offer(w, port)) {
			w->port[port].state = PORT_RESTING;
			return;
		}
		r->list.head = w->port[port].next;
		worker_count(&w->count->rest_cut, early);
		w->resting--;
		worker_count(&w->count->ports_resting, (uint64_t)-1);
	}
}

void port_tick(struct worker *w)
{
	for (uint32_t net = 0; net < w->seg->priv->net_count; net++)
		offer_net(w, net);
}

/* Once a minute of the time it goes on. */
void port_tell(struct worker *w)
{
	uint64_t cut = atomic_load_explicit(&w->count->rest_cut, memory_order_relaxed), pairs = 0;

	if (cut == w->cut_told || (w->cut_told_ns != 0 && w->now_ns - w->cut_told_ns < CUT_TELL_NS))
		return;
	for (uint32_t net = 0; net < KEDGE_NETS_MAX; net++)
		pairs += w->rest[net].pairs;
	event_log(media_rest_cut, .worker = w->id, .cut = cut - w->cut_told, .pairs = pairs,
	    .rest_ms = w->setup.port_rest_ns / CLOCK_NS_PER_MS);
	w->cut_told = cut;
	w->cut_told_ns = w->now_ns;
}

/* ---- attach ---------------------------------------------------------------------------------- */

static void attach_one(struct worker *w, uint32_t port, uint8_t place, bool fresh)
{
	struct port *p = &w->port[port];

	if (place == POOL_LENT || place == POOL_RING) {
		p->state = PORT_OFFERED;
		return;
	}
	for (int which = 0; which < 2; which++) {
		int rc = pool_deafen(p->sock[which].fd);

		if (rc < 0) {
			complain(w, "close a port", rc);
			return; /* never offered: it could not be kept deaf */
		}
	}
	if (!fresh || !offer(w, port))
		rest(w, port);
}

void port_attach(struct worker *w, const uint8_t *place, bool fresh)
{
	for (uint32_t net = 0; net < KEDGE_NETS_MAX; net++)
		w->rest[net].list.head = KEDGE_PORT_NONE;
	atomic_store_explicit(&w->count->ports_resting, 0, memory_order_relaxed);
	atomic_store_explicit(&w->count->ports_lent, 0, memory_order_relaxed);
	for (uint32_t i = 0; i < w->port_count; i++) {
		const struct kedge_port *k = segment_port(w->seg, i);

		if (k->worker != w->id)
			continue;
		w->port[i].sock[0].fd = w->fds[sock_number(i, 0)];
		w->port[i].sock[1].fd = w->fds[sock_number(i, 1)];
		w->port[i].net = k->net;
		w->rest[k->net].pairs++;
		attach_one(w, i, place[i], fresh);
	}
}

/* ---- lent ------------------------------------------------------------------------------------ */

int port_check(const struct worker *w, uint32_t port)
{
	if (port >= w->port_count || segment_port(w->seg, port)->worker != w->id)
		return -EINVAL;
	return w->port[port].state == PORT_OFFERED ? 0 : -EINVAL;
}

static int make_ready(int fd)
{
	drain(fd);
	return unconnect(fd);
}

static void lend_sock(struct worker *w, uint32_t port, unsigned which)
{
	struct sock *s = &w->port[port].sock[which];

	s->want = IO_FROM;
	s->connected = s->big = false;
	s->to_len = 0;
	worker_ended(w, sock_number(port, which));
}

int port_lend(struct worker *w, uint32_t port, uint32_t slot, uint8_t place, bool keep)
{
	struct port *p = &w->port[port];

	for (unsigned which = 0; which < 2; which++) {
		int rc = keep ? unconnect(p->sock[which].fd) : make_ready(p->sock[which].fd);

		if (rc < 0) {
			pool_deafen(p->sock[0].fd);
			complain(w, "lend a port", rc);
			return rc;
		}
	}
	p->generation++;
	p->state = PORT_LENT;
	p->slot = slot;
	p->place = place;
	p->strikes = 0;
	p->voice = 0;
	p->left = 0;
	p->filled_ns = 0;
	lend_sock(w, port, 0);
	lend_sock(w, port, 1);
	worker_count(&w->count->ports_lent, 1);
	return 0;
}

void port_bury(struct port *p, uint32_t ssrc)
{
	if (ssrc == 0 || port_buried(p, ssrc))
		return;
	p->buried[p->buried_next] = ssrc;
	p->buried_next = (p->buried_next + 1) % PORT_BURIED;
}

bool port_buried(const struct port *p, uint32_t ssrc)
{
	if (ssrc == 0)
		return false;
	for (int i = 0; i < PORT_BURIED; i++)
		if (p->buried[i] == ssrc)
			return true;
	return false;
}

static void disarm(struct worker *w, uint32_t port, unsigned which)
{
	struct port *p = &w->port[port];

	if (p->sock[which].armed != IO_OFF)
		w->ops->disarm(w->io, sock_number(port, which), IO_TAG(p->generation));
	else
		worker_ended(w, sock_number(port, which));
}

void port_close(struct worker *w, uint32_t port)
{
	struct port *p = &w->port[port];

	/* What was sent and not submitted yet has no other address than the connection's. */
	w->ops->flush(w->io);
	p->state = PORT_CLOSING;
	for (unsigned which = 0; which < 2; which++) {
		int rc = pool_deafen(p->sock[which].fd);

		if (rc < 0)
			complain(w, "close a port", rc);
		p->sock[which].want = IO_OFF;
	}
	worker_count(&w->count->ports_lent, (uint64_t)-1);
	disarm(w, port, 0);
	disarm(w, port, 1);
}

void port_target(struct worker *w, uint32_t port, unsigned which)
{
	struct sock *s = &w->port[port].sock[which];

	s->to_len = addr_to(latch_target(&s->latch), &s->to);
}

void port_connect(struct worker *w, uint32_t port, unsigned which)
{
	struct sock *s = &w->port[port].sock[which];

	if (s->to_len == 0 || connect(s->fd, &s->to.sa, s->to_len) < 0)
		return; /* no route now: it goes on unconnected, and is tried again */
	s->connected = true;
	s->connected_to = *latch_target(&s->latch);
	s->want = IO_PLAIN;
	disarm(w, port, which);
}

void port_unconnect(struct worker *w, uint32_t port, unsigned which)
{
	struct sock *s = &w->port[port].sock[which];

	/* What was sent and not submitted yet has no other address than the connection's. */
	w->ops->flush(w->io);
	if (unconnect(s->fd) < 0)
		return;
	s->connected = false;
	s->want = IO_FROM;
	disarm(w, port, which);
}

void port_bigger(struct worker *w, uint32_t sock)
{
	struct sock *s = &w->port[sock / 2].sock[sock % 2];

	if (s->big)
		return;
	s->big = true;
	disarm(w, sock / 2, sock % 2);
}

/* What was queued before the socket was connected still says who sent it; plain reads would not. */
static void drain_to_relay(struct worker *w, uint32_t sock)
{
	struct port *p = &w->port[sock / 2];
	struct sock *s = &p->sock[sock % 2];
	uint8_t data[IO_BIG];
	union addr_sock from;

	for (int i = 0; i < 1024; i++) {
		socklen_t from_len = sizeof(from);
		ssize_t n = recvfrom(
		    s->fd, data, sizeof(data), MSG_DONTWAIT | MSG_TRUNC, &from.sa, &from_len);

		if (n < 0 && errno == ECONNREFUSED)
			worker_count(&w->count->icmp, 1);
		else if (n < 0)
			return;
		else
			relay_packet(w, sock, IO_TAG(p->generation), &from.sa, data,
			    (size_t)n < sizeof(data) ? (size_t)n : sizeof(data),
			    (size_t)n > sizeof(data));
		w->ops->flush(w->io);
	}
}

void port_settle(struct worker *w, uint32_t sock)
{
	struct port *p = &w->port[sock / 2];
	struct sock *s = &p->sock[sock % 2];

	if (s->armed != IO_OFF)
		return;
	if (p->state == PORT_CLOSING && p->sock[0].armed == IO_OFF && p->sock[1].armed == IO_OFF) {
		rest(w, sock / 2);
		return;
	}
	if (p->state != PORT_LENT || s->want == IO_OFF)
		return;
	if (s->want == IO_PLAIN)
		drain_to_relay(w, sock);
	s->armed = s->want;
	w->ops->arm(w->io, sock, IO_TAG(p->generation), s->want, s->big);
}

/* ---- audit ----------------------------------------------------------------------------------- */

static void mark_ring(struct worker *w, const struct kedge_queue *q)
{
	uint64_t head = atomic_load_explicit(&q->head, memory_order_acquire);
	uint64_t tail = atomic_load_explicit(&q->tail, memory_order_relaxed);

	for (; head != tail; head++) {
		uint64_t port =
		    atomic_load_explicit(&q->slot[head % KEDGE_QUEUE_SLOTS], memory_order_relaxed);

		if (port < w->port_count)
			w->port[port].strikes = 0;
	}
}

static void ask_again(struct worker *w, uint32_t port)
{
	for (unsigned which = 0; which < 2; which++)
		if (w->port[port].sock[which].armed != IO_OFF)
			disarm(w, port, which);
}

/* The last word has the whole table: an end may name the pair for an anchor that is still being written. */
static void take_back(struct worker *w)
{
	pool_scan(w->seg, w->place);
	for (uint32_t i = 0; i < w->port_count; i++) {
		struct port *p = &w->port[i];

		if (p->state != PORT_OFFERED || p->strikes < AUDIT_STRIKES ||
		    w->place[i] != POOL_NEITHER)
			continue;
		p->strikes = 0;
		if (pool_deafen(p->sock[0].fd) == 0 && pool_deafen(p->sock[1].fd) == 0)
			rest(w, i);
	}
}

void port_audit(struct worker *w)
{
	bool found = false;

	for (uint32_t i = 0; i < w->port_count; i++) {
		struct port *p = &w->port[i];

		if (p->state == PORT_OFFERED && p->strikes < AUDIT_STRIKES &&
		    segment_port(w->seg, i)->worker == w->id)
			p->strikes++;
		else if (p->state == PORT_CLOSING)
			ask_again(w, i);
	}
	for (uint32_t net = 0; net < w->seg->priv->net_count; net++)
		mark_ring(w, &w->queues->free[net]);
	for (uint32_t i = 0; i < w->port_count && !found; i++)
		found = w->port[i].state == PORT_OFFERED && w->port[i].strikes >= AUDIT_STRIKES;
	if (found)
		take_back(w);
}
