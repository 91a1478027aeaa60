// SPDX-License-Identifier: MIT
// pool: every port pair is in exactly one place, whoever dies at whichever store.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "routing/shm/pool.h"
#include "routing/shm/queue.h"
#include "tests/unit/routing/shm/killed.h"

#define PORTS 24

static const struct segment_shape SHAPE = {
	.workers = 2, .hops = 1, .slots = 40, .ports = PORTS, .nets = 2
};

static struct segment run, sig, media;

/* Pair i is on worker i % 2, address i / 2 % 2; all of them free. */
static int setup(void **state)
{
	assert_int_equal(segment_create(&run, &SHAPE), 0);
	for (uint32_t i = 0; i < PORTS; i++) {
		struct kedge_port *p = segment_port(&run, i);

		p->worker = i % 2;
		p->net = i / 2 % 2;
		assert_int_equal(queue_push(segment_free(&run, p->worker, p->net), i), 0);
	}
	assert_int_equal(segment_attach(&sig, run.pub_fd, run.priv_fd, SEGMENT_SIG), 0);
	assert_int_equal(segment_attach(&media, run.pub_fd, run.priv_fd, SEGMENT_MEDIA), 0);
	return 0;
}

static int teardown(void **state)
{
	segment_detach(&sig);
	segment_detach(&media);
	segment_detach(&run);
	return 0;
}

static void reattach(void)
{
	segment_detach(&sig);
	segment_detach(&media);
	assert_int_equal(segment_attach(&sig, run.pub_fd, run.priv_fd, SEGMENT_SIG), 0);
	assert_int_equal(segment_attach(&media, run.pub_fd, run.priv_fd, SEGMENT_MEDIA), 0);
}

static int take(uint32_t slot, unsigned end, uint32_t anchor, uint32_t *port)
{
	struct kedge_end want = { 0 };
	int rc;

	(void)seq_read(&segment_end(&sig, slot, end)->want, &want);
	want.generation++;
	want.anchor = anchor;
	rc = pool_take(&sig, slot % 2, end == KEDGE_END_INSIDE ? 0 : 1, slot, end, &want);
	*port = want.port;
	return rc;
}

static void open_anchor(uint32_t slot, uint32_t generation)
{
	struct kedge_anchor a = {
		.generation = generation, .state = KEDGE_SLOT_OPEN, .worker = (uint8_t)(slot % 2)
	};

	seq_write(&segment_session(&sig, slot)->want, &a);
}

static void media_says(uint32_t slot, uint32_t generation, enum kedge_done_state done)
{
	atomic_store_explicit(&segment_session(&media, slot)->done,
	    (uint64_t)generation << 8 | done, memory_order_release);
}

static uint32_t count(enum pool_place what)
{
	uint8_t place[PORTS];
	uint32_t n = 0;

	pool_scan(&media, place);
	for (int i = 0; i < PORTS; i++)
		n += place[i] == what;
	return n;
}

static void test_life_of_a_pair(void **state)
{
	uint32_t in, out, other;
	uint8_t place[PORTS];

	assert_int_equal(count(POOL_RING), PORTS);
	assert_true(pool_slot_idle(&sig, 3));
	assert_int_equal(take(3, KEDGE_END_INSIDE, 1, &in), 0);
	assert_int_equal(take(3, 4, 1, &out), 0);
	open_anchor(3, 1);
	assert_int_equal(segment_port(&sig, in)->worker, 1);
	assert_int_equal(segment_port(&sig, in)->net, 0);
	assert_int_equal(segment_port(&sig, out)->net, 1);
	assert_false(pool_slot_idle(&sig, 3));
	pool_scan(&media, place);
	assert_int_equal(place[in], POOL_LENT);
	assert_int_equal(place[out], POOL_LENT);
	assert_int_equal(count(POOL_RING), PORTS - 2);
	media_says(3, 1, KEDGE_DONE_OPEN);
	assert_int_equal(pool_lent(&media, 3, 4), out);
	assert_false(pool_slot_idle(&sig, 3));
	media_says(3, 1, KEDGE_DONE_CLOSED);
	assert_true(pool_slot_idle(&sig, 3));
	assert_int_equal(pool_lent(&media, 3, 4), KEDGE_PORT_NONE);
	assert_int_equal(count(POOL_NEITHER), 2); /* they rest, media has them */
	assert_int_equal(queue_push(segment_free(&media, 1, 0), in), 0);
	/* The next call in the slot: what its line still says of the last one is history. */
	assert_int_equal(take(3, KEDGE_END_INSIDE, 2, &other), 0);
	assert_int_not_equal(other, in);
	pool_scan(&media, place);
	assert_int_equal(place[other], POOL_LENT);
	assert_int_equal(place[in], POOL_RING);
	assert_int_equal(place[out], POOL_NEITHER);
}

static void test_used_up_and_back(void **state)
{
	uint32_t port, slots[PORTS], n;

	for (int round = 0; round < 2; round++) {
		struct kedge_end line = { 0 }, before = { 0 };

		for (n = 0; take(n * 2, KEDGE_END_INSIDE, 1 + round, &port) == 0; n++)
			slots[n] = port;
		assert_int_equal(n, PORTS / 4);
		assert_int_equal(
		    seq_read(&segment_end(&sig, n * 2, KEDGE_END_INSIDE)->want, &before), 0);
		assert_int_equal(take(n * 2, KEDGE_END_INSIDE, 1 + round, &port), -ENOBUFS);
		assert_int_equal(
		    seq_read(&segment_end(&sig, n * 2, KEDGE_END_INSIDE)->want, &line), 0);
		assert_memory_equal(&line, &before, sizeof(line)); /* nothing was written */
		assert_int_equal(count(POOL_LENT), n);
		for (uint32_t i = 0; i < n; i++) {
			open_anchor(i * 2, 1 + round);
			media_says(i * 2, 1 + round, KEDGE_DONE_CLOSED);
			assert_int_equal(queue_push(segment_free(&media, 0, 0), slots[i]), 0);
		}
		assert_int_equal(count(POOL_RING), PORTS);
	}
}

static void test_generations_wrap(void **state)
{
	uint32_t port, next;

	media_says(5, UINT32_MAX, KEDGE_DONE_CLOSED);
	assert_int_equal(take(5, 0, 1, &port), 0); /* behind UINT32_MAX comes 1: 0 means never */
	assert_int_equal(pool_lent(&media, 5, 0), port);
	assert_int_equal(take(5, 1, UINT32_MAX - 3, &next), 0);
	assert_int_equal(pool_lent(&media, 5, 1), KEDGE_PORT_NONE);
}

/* ---- death at each store ---- */

static void take_first_call(void *arg)
{
	uint32_t port;

	(void)take(2, KEDGE_END_INSIDE, 1, &port);
}

static void take_second_call(void *arg)
{
	uint32_t port;

	(void)take(2, KEDGE_END_INSIDE, 2, &port);
}

/* Signaling dies at each store of pool_take. Media attaches before and after signaling is back: no pair is ever taken
 * for lost (it would be lent a second time), and after signaling is back and the half-open anchor closed, all are free. */
static void die_taking(void (*fn)(void *), uint32_t generation)
{
	struct kedge_end_slot *e = segment_end(&run, 2, KEDGE_END_INSIDE);
	struct kedge_queue *ring = segment_free(&run, 0, 0);
	struct killed_watch watch[] = { { &e->want, sizeof(e->want) },
		{ &ring->head, sizeof(ring->head) } };
	int stores, seen;

	for (stores = 0;; stores++) {
		uint32_t neither, port;

		neither = count(POOL_NEITHER);
		seen = killed_after(stores, fn, NULL, watch, 2);
		if (seen == -1)
			skip();
		assert_true(seen >= 0);
		assert_true(count(POOL_NEITHER) <= neither); /* signaling still dead */
		reattach();
		pool_recover(&sig);
		assert_true(count(POOL_NEITHER) <= neither);
		port = pool_lent(&media, 2, KEDGE_END_INSIDE);
		if (port != KEDGE_PORT_NONE) { /* announced as closed, so media gives it back */
			struct kedge_anchor a;
			uint64_t msg = 0, last = 0;

			assert_int_equal(seq_read(&segment_session(&media, 2)->want, &a), 0);
			assert_int_equal(a.state, KEDGE_SLOT_CLOSED);
			assert_int_equal(a.generation, generation);
			while (queue_pop(&segment_queues(&media, 0)->cmd, &msg) == 0)
				last = msg;
			assert_int_equal(last, queue_msg(KEDGE_CMD_SESSION, generation, 2));
			media_says(2, generation, KEDGE_DONE_CLOSED);
			assert_int_equal(queue_push(ring, port), 0);
		}
		assert_int_equal(count(POOL_RING), PORTS);
		assert_int_equal(queue_count(ring), PORTS / 4); /* each once */
		if (seen < stores)
			break;
		teardown(NULL);
		setup(NULL);
		if (generation == 2) {
			open_anchor(2, 1);
			media_says(2, 1, KEDGE_DONE_CLOSED);
		}
		e = segment_end(&run, 2, KEDGE_END_INSIDE);
		ring = segment_free(&run, 0, 0);
		watch[0].at = &e->want;
		watch[1].at = &ring->head;
	}
	assert_true(stores > 5); /* odd, port, anchor, even, head at least */
}

static void test_die_taking_in_a_new_slot(void **state)
{
	die_taking(take_first_call, 1);
}

static void test_die_taking_in_a_used_slot(void **state)
{
	open_anchor(2, 1);
	media_says(2, 1, KEDGE_DONE_CLOSED);
	die_taking(take_second_call, 2);
}

/* Died between the table and the queue: the command is sent again, for calls that live too. */
static void test_lost_command_is_sent_again(void **state)
{
	uint32_t port;
	uint64_t msg;

	assert_int_equal(take(7, KEDGE_END_INSIDE, 1, &port), 0);
	open_anchor(7, 1);
	reattach();
	assert_int_equal(pool_recover(&sig), 0);
	assert_int_equal(queue_pop(&segment_queues(&media, 1)->cmd, &msg), 0);
	assert_int_equal(msg, queue_msg(KEDGE_CMD_SESSION, 1, 7));
	assert_int_equal(queue_pop(&segment_queues(&media, 1)->cmd, &msg), -EAGAIN);
	assert_int_equal(
	    pool_lent(&media, 7, KEDGE_END_INSIDE), port); /* and the call keeps its port */
	assert_int_equal(count(POOL_RING), PORTS - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_life_of_a_pair, setup, teardown),
		cmocka_unit_test_setup_teardown(test_used_up_and_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_generations_wrap, setup, teardown),
		cmocka_unit_test_setup_teardown(test_die_taking_in_a_new_slot, setup, teardown),
		cmocka_unit_test_setup_teardown(test_die_taking_in_a_used_slot, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost_command_is_sent_again, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
