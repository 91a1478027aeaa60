// SPDX-License-Identifier: MIT
#include "routing/shm/pool.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "routing/shm/queue.h"
#include "routing/shm/seq.h"

/* Wrapping compare: is a newer than b? */
static bool newer(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

/* The newest generation whose ports media has taken back. */
static uint32_t closed_generation(const struct kedge_session *s)
{
	uint64_t done =
	    atomic_load_explicit(&s->done, memory_order_acquire); /* pairs with media's release */
	uint32_t generation = (uint32_t)(done >> 8);

	return (done & 0xff) == KEDGE_DONE_OPEN ? generation - 1 : generation;
}

/* A line that stays busy has a dead or very slow writer. Its first words still are whole, each of one write: the port
 * is the old or the new one, and which of them is right, pool_take's order makes harmless (both are in ring or table). */
static void read_end(const struct kedge_end_slot *e, struct kedge_end *end)
{
	if (seq_read(&e->want, end) < 0)
		seq_peek_torn(&e->want, end);
}

static uint32_t lent_port(
    const struct segment *seg, const struct kedge_session *s, const struct kedge_end_slot *e)
{
	struct kedge_end end = { 0 };

	read_end(e, &end);
	if (end.generation == 0 || end.port >= seg->priv->port_count)
		return KEDGE_PORT_NONE;
	return newer(end.anchor, closed_generation(s)) ? end.port : KEDGE_PORT_NONE;
}

uint32_t pool_lent(const struct segment *seg, uint32_t slot, unsigned end)
{
	return lent_port(seg, segment_session(seg, slot), segment_end(seg, slot, end));
}

bool pool_slot_idle(const struct segment *seg, uint32_t slot)
{
	const struct kedge_session *s = segment_session(seg, slot);
	struct kedge_anchor a = { 0 };
	uint64_t done =
	    atomic_load_explicit(&s->done, memory_order_acquire); /* pairs with media's release */

	if (seq_read(&s->want, &a) < 0)
		return false;
	return a.generation == 0 || done == ((uint64_t)a.generation << 8 | KEDGE_DONE_CLOSED);
}

int pool_take(const struct segment *seg, uint32_t worker, uint32_t net, uint32_t slot, unsigned end,
    struct kedge_end *want)
{
	struct kedge_queue *ring = segment_free(seg, worker, net);
	uint64_t port;

	if (queue_peek(ring, &port) < 0)
		return -ENOBUFS;
	assert(port < seg->priv->port_count);
	want->port = (uint32_t)port;
	seq_write(&segment_end(seg, slot, end)->want, want);
	queue_advance(
	    ring); /* only now: a crash in between leaves the pair in both, never in neither */
	return 0;
}

static unsigned ends_written(const struct segment *seg, uint32_t slot)
{
	return segment_has_more(seg, slot) ? KEDGE_OUT_MAX : KEDGE_OUT_NEAR;
}

/* Is this pair lent to any end? A search of the whole table, for the few ring heads of a restart. */
static bool lent_somewhere(const struct segment *seg, uint32_t port)
{
	for (uint32_t i = segment_next_used(seg, 0); i < seg->priv->slots;
	     i = segment_next_used(seg, i + 1)) {
		unsigned n = ends_written(seg, i);

		if (pool_lent(seg, i, KEDGE_END_INSIDE) == port)
			return true;
		for (unsigned e = 0; e < n; e++)
			if (pool_lent(seg, i, e) == port)
				return true;
	}
	return false;
}

static uint32_t recover_ring(const struct segment *seg, struct kedge_queue *ring)
{
	uint32_t n = 0;
	uint64_t port;

	while (queue_peek(ring, &port) == 0 && lent_somewhere(seg, (uint32_t)port)) {
		queue_advance(ring);
		n++;
	}
	return n;
}

/* The newest anchor generation an end of the slot was written for, and the worker that lends its port. */
static void newest_end(
    const struct segment *seg, uint32_t slot, unsigned end, struct kedge_end *newest)
{
	struct kedge_end e = { 0 };

	read_end(segment_end(seg, slot, end), &e);
	if (e.generation != 0 && e.port < seg->priv->port_count && newer(e.anchor, newest->anchor))
		*newest = e;
}

/* An anchor whose ends were written and which was never opened: written as closed, so that media takes them back. */
static bool close_half_open(const struct segment *seg, uint32_t slot, struct kedge_anchor *a)
{
	struct kedge_end newest = { .anchor = a->generation };
	unsigned n = ends_written(seg, slot);

	newest_end(seg, slot, KEDGE_END_INSIDE, &newest);
	for (unsigned e = 0; e < n; e++)
		newest_end(seg, slot, e, &newest);
	if (newest.anchor == a->generation)
		return false;
	memset(a, 0, sizeof(*a));
	a->generation = newest.anchor;
	a->state = KEDGE_SLOT_CLOSED;
	a->worker = segment_port(seg, newest.port)->worker;
	a->live = KEDGE_LIVE_NONE;
	a->ends = (uint8_t)n;
	seq_write(&segment_session(seg, slot)->want, a);
	return true;
}

/* The predecessor may have died between the table and the queue: every slot in use is announced again. */
static uint32_t recover_slot(const struct segment *seg, uint32_t slot)
{
	struct kedge_session *s = segment_session(seg, slot);
	struct kedge_anchor a = { 0 };
	uint32_t n;

	if (seq_read(&s->want, &a) < 0)
		return 0;
	n = close_half_open(seg, slot, &a);
	if (!pool_slot_idle(seg, slot) && a.worker < seg->priv->workers)
		(void)queue_push(&segment_queues(seg, a.worker)->cmd,
		    queue_msg(KEDGE_CMD_SESSION, a.generation, slot));
	return n;
}

uint32_t pool_recover(const struct segment *seg)
{
	uint32_t n = 0;

	for (uint32_t w = 0; w < seg->priv->workers; w++)
		for (uint32_t net = 0; net < seg->priv->net_count; net++)
			n += recover_ring(seg, segment_free(seg, w, net));
	for (uint32_t i = segment_next_used(seg, 0); i < seg->priv->slots;
	     i = segment_next_used(seg, i + 1))
		n += recover_slot(seg, i);
	return n;
}

static void scan_ring(const struct segment *seg, const struct kedge_queue *ring, uint8_t *place)
{
	uint64_t head =
	    atomic_load_explicit(&ring->head, memory_order_acquire); /* pairs with SIG's Q2 */
	uint64_t tail =
	    atomic_load_explicit(&ring->tail, memory_order_relaxed); /* our own plane's */

	for (; head != tail; head++) {
		uint64_t port = atomic_load_explicit(
		    &ring->slot[head % KEDGE_QUEUE_SLOTS], memory_order_relaxed);

		if (port < seg->priv->port_count)
			place[port] = POOL_RING;
	}
}

static void scan_end(const struct segment *seg, uint32_t slot, unsigned end, uint8_t *place)
{
	uint32_t port = pool_lent(seg, slot, end);

	if (port != KEDGE_PORT_NONE)
		place[port] = POOL_LENT;
}

void pool_scan(const struct segment *seg, uint8_t *place)
{
	memset(place, POOL_NEITHER, seg->priv->port_count);
	for (uint32_t w = 0; w < seg->priv->workers; w++)
		for (uint32_t net = 0; net < seg->priv->net_count; net++)
			scan_ring(seg, segment_free(seg, w, net), place);
	for (uint32_t i = segment_next_used(seg, 0); i < seg->priv->slots;
	     i = segment_next_used(seg, i + 1)) {
		unsigned n = ends_written(seg, i);

		scan_end(seg, i, KEDGE_END_INSIDE, place);
		for (unsigned e = 0; e < n; e++)
			scan_end(seg, i, e, place);
	}
}

int pool_deafen(int fd)
{
	struct sockaddr_storage own;
	socklen_t len = sizeof(own);

	if (getsockname(fd, (struct sockaddr *)&own, &len) < 0 ||
	    connect(fd, (struct sockaddr *)&own, len) < 0)
		return -errno;
	return 0;
}
