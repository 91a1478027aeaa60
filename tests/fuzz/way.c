// SPDX-License-Identifier: MIT
#include "tests/fuzz/way.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "config/clock.h"
#include "media/relay.h"
#include "routing/shm/queue.h"
#include "tests/harness/plane.h"

struct worker *way_worker;

static struct plane plane;
static struct plane_anchor anchor;
static const struct way_packet *in_hand;
static bool (*judge)(const struct way_packet *p, const uint8_t *data, size_t size);
static unsigned count;

/* ---- the backend ----------------------------------------------------------------------------- */

static void look_arm(struct io *io, uint32_t sock, uint32_t tag, enum io_mode mode, bool big)
{
}

static void look_disarm(struct io *io, uint32_t sock, uint32_t tag)
{
}

static void look_flush(struct io *io)
{
}

static struct sockaddr_in address(bool inside, enum way_from from, bool rtcp)
{
	static const char *const ip[2][WAY_FROMS] = { { "127.0.2.1", "127.0.2.9", "127.0.2.1", "203.0.113.5" },
		{ "127.0.1.1", "127.0.1.9", "127.0.1.1", "203.0.113.5" } };
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)((from == WAY_OTHER_PORT ? 5000 : from == WAY_LEARNABLE ? 4200 : 4000) + rtcp)) };

	inet_pton(AF_INET, ip[inside][from], &a.sin_addr);
	return a;
}

static void look_send(struct io *io, uint32_t sock, uint32_t tag, const void *data, size_t len, const struct sockaddr *to, socklen_t to_len)
{
	struct sockaddr_in stranger = address(false, WAY_STRANGER, false);
	const struct kedge_end *other = in_hand->inside ? &anchor.out[0] : &anchor.in;

	assert(sock / 2 == other->port && to != NULL);
	assert(((const struct sockaddr_in *)to)->sin_addr.s_addr != stranger.sin_addr.s_addr);
	assert(in_hand->from != WAY_STRANGER);
	assert(judge(in_hand, data, len));
	count++;
}

static const struct io_ops look = { .name = "look", .arm = look_arm, .disarm = look_disarm, .send = look_send, .flush = look_flush };

/* ---- a call ---------------------------------------------------------------------------------- */

static void close_worker(void)
{
	worker_free(way_worker);
	plane_close(&plane);
}

static void open_worker(void)
{
	static const struct worker_setup setup = { .media_dead_ns = CLOCK_NS_PER_S, .orphan_ns = CLOCK_NS_PER_S, .buffers = 64, .batch = 64 };
	static const struct plane_options o = { .workers = 1, .slots = 2, .pairs = 2, .nets = { "127.0.3.1", "127.0.4.1" } };

	if (plane_open(&plane, &o) < 0 || (way_worker = worker_new(&plane.seg, 0, &setup)) == NULL)
		abort();
	atexit(close_worker);
	way_worker->ops = &look;
	way_worker->now_ns = clock_mono_ns();
	port_attach(way_worker, way_worker->place, true);
	port_tick(way_worker);
}

void way_begin(uint8_t flags)
{
	struct kedge_end *ends[2] = { &anchor.out[0], &anchor.in };

	if (way_worker == NULL)
		open_worker();
	plane_anchor(&plane, &anchor, 0, 0);
	for (int inside = 0; inside < 2; inside++) {
		struct sockaddr_in far = address(inside, WAY_SIGNALED, false);
		uint8_t place = inside ? KEDGE_END_INSIDE : 0;

		if (plane_end(&plane, &anchor, place, !inside, (struct sockaddr *)&far) < 0)
			abort();
		ends[inside]->flags = flags;
		ends[inside]->learn[0] = (struct kedge_prefix){ .family = AF_INET, .bits = 24, .ip = { 127, 0, inside ? 1 : 2 } };
		plane_write(&plane, &anchor, place);
	}
	anchor.want.live = 0;
	plane_commit(&plane, &anchor);
	session_sync(way_worker, 0);
}

void way_end(void)
{
	uint64_t message;

	anchor.want.state = KEDGE_SLOT_CLOSED;
	plane_commit(&plane, &anchor);
	session_sync(way_worker, 0);
	for (uint32_t i = 0; i < way_worker->ended_count; i++) {
		way_worker->port[way_worker->ended[i] / 2].sock[way_worker->ended[i] % 2].waiting = false;
		port_settle(way_worker, way_worker->ended[i]);
	}
	way_worker->ended_count = 0;
	port_tick(way_worker);
	while (queue_pop(&way_worker->queues->evt, &message) == 0 || queue_pop(&way_worker->queues->cmd, &message) == 0)
		;
}

static struct port *port_of_end(bool inside)
{
	return &way_worker->port[inside ? anchor.in.port : anchor.out[0].port];
}

unsigned way_take(const struct way_packet *p, bool (*sent)(const struct way_packet *p, const uint8_t *data, size_t size))
{
	struct port *port = port_of_end(p->inside);
	struct sockaddr_in from = address(p->inside, p->from, p->rtcp);
	uint8_t *data = malloc(p->size + 1);

	assert(data != NULL);
	memcpy(data, p->data, p->size);
	in_hand = p;
	judge = sent;
	count = 0;
	way_worker->now_ns += 20 * CLOCK_NS_PER_MS;
	relay_packet(way_worker, 2 * (p->inside ? anchor.in.port : anchor.out[0].port) + p->rtcp, IO_TAG(port->generation), (struct sockaddr *)&from, data,
	    p->size, false);
	free(data);
	return count;
}

bool way_next(const uint8_t **data, size_t *size, struct way_packet *out)
{
	size_t n;
	uint8_t *copy;

	if (*size < 3)
		return false;
	n = ((size_t)(*data)[1] << 8 | (*data)[2]) & 0x1ff;
	*out = (struct way_packet){ .inside = (*data)[0] & 1, .rtcp = (*data)[0] & 2, .from = (enum way_from)((*data)[0] >> 2 & 3) };
	*data += 3;
	*size -= 3;
	if (n > *size)
		n = *size;
	copy = malloc(n ? n : 1); /* exact: a byte too far is seen */
	assert(copy != NULL);
	memcpy(copy, *data, n);
	out->data = copy;
	out->size = n;
	*data += n;
	*size -= n;
	return true;
}

const struct kedge_addr *way_far(bool inside, bool rtcp)
{
	return &port_of_end(inside)->sock[rtcp].latch.far;
}
