// SPDX-License-Identifier: MIT
// anchor: slots, ports, ends and events, against a media plane played by the test.
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <sofia-sip/su.h>

#include "routing/shm/pool.h"
#include "routing/shm/queue.h"
#include "routing/shm/seq.h"
#include "sig/bridge/anchor.h"

#define SLOTS 3
#define PORTS 16

static const struct segment_shape SHAPE = {
	.workers = 2, .hops = 1, .slots = SLOTS, .ports = PORTS, .nets = 2
};
static struct segment run, sig;
static su_root_t *root;
static struct {
	int closed, silent, silent_inside, one_way, one_way_inside, heard;
	void *owner;
	uint32_t slot;
} told;

static void on_closed(void *owner, uint32_t slot)
{
	told.closed++;
	told.owner = owner;
	told.slot = slot;
}

static void on_silent(void *owner, bool inside)
{
	told.silent++;
	told.silent_inside += inside;
}

static void on_one_way(void *owner, bool inside)
{
	told.one_way++;
	told.one_way_inside += inside;
}

static void on_heard(void *owner)
{
	told.heard++;
}

static const struct anchor_events events = { on_closed, on_silent, on_one_way, on_heard, on_heard, NULL };

/* Pair i: worker i % 2, address i / 2 % 2. */
static int setup(void **state)
{
	memset(&told, 0, sizeof(told));
	assert_int_equal(segment_create(&run, &SHAPE), 0);
	for (uint32_t n = 0; n < 2; n++)
		run.priv->net[n] = (struct kedge_net){ .iface = (uint16_t)n,
			.addr = { .family = AF_INET, .ip = { 127, 0, (uint8_t)(3 + n), 1 } } };
	for (int w = 0; w < 2; w++)
		run.priv->worker_eventfd[w] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	run.priv->sig_eventfd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	for (uint32_t i = 0; i < PORTS; i++) {
		struct kedge_port *p = segment_port(&run, i);

		*p = (struct kedge_port){ .fd_rtp = -1,
			.fd_rtcp = -1,
			.rtp_port = (uint16_t)(20000 + 2 * i),
			.worker = i % 2,
			.net = i / 2 % 2 };
		assert_int_equal(queue_push(segment_free(&run, p->worker, p->net), i), 0);
	}
	assert_int_equal(segment_attach(&sig, run.pub_fd, run.priv_fd, SEGMENT_SIG), 0);
	return anchor_init(&sig, root, &events);
}

static int teardown(void **state)
{
	anchor_fini();
	for (int w = 0; w < 2; w++)
		close(run.priv->worker_eventfd[w]);
	close(run.priv->sig_eventfd);
	segment_detach(&sig);
	segment_detach(&run);
	return 0;
}

static struct kedge_anchor want_of(uint32_t slot)
{
	struct kedge_anchor w = { 0 };

	assert_int_equal(seq_read(&segment_session(&run, slot)->want, &w), 0);
	return w;
}

static struct kedge_end end_of(uint32_t slot, unsigned end)
{
	struct kedge_end e = { 0 };

	assert_int_equal(seq_read(&segment_end(&run, slot, end)->want, &e), 0);
	return e;
}

/* As media does it: the slot is done, its ports are free again, signaling is told. */
static void media_says(uint32_t slot, enum kedge_evt evt)
{
	struct kedge_anchor w = want_of(slot);
	uint64_t one = 1;

	if (evt == KEDGE_EVT_CLOSED || evt == KEDGE_EVT_ORPHAN) {
		for (int i = -1; i < KEDGE_OUT_MAX; i++) {
			struct kedge_end e = end_of(slot, i < 0 ? KEDGE_END_INSIDE : (unsigned)i);

			if (e.generation && e.anchor == w.generation)
				queue_push(
				    segment_free(&run, w.worker, segment_port(&run, e.port)->net),
				    e.port);
		}
		atomic_store_explicit(&segment_session(&run, slot)->done,
		    (uint64_t)w.generation << 8 | 2, memory_order_release);
	}
	queue_push(&segment_queues(&run, w.worker)->evt, queue_msg(evt, w.generation, slot));
	assert_int_equal(write(run.priv->sig_eventfd, &one, sizeof(one)), sizeof(one));
	for (int i = 0; i < 3; i++)
		su_root_step(root, 10);
}

static uint64_t woken(int worker)
{
	uint64_t n = 0;

	anchor_flush();
	return read(run.priv->worker_eventfd[worker], &n, sizeof(n)) < 0 ? 0 : n;
}

static void opens_and_closes(void **state)
{
	struct anchor a = { 0 };
	int mine;
	struct kedge_anchor w;
	uint64_t msg = 0;

	woken(0);
	woken(1);
	assert_int_equal(anchor_net(1, AF_INET), 1);
	assert_int_equal(anchor_net(1, AF_INET6), -EADDRNOTAVAIL);
	assert_int_equal(anchor_open(&a, 77, 0, &mine), 0);
	w = want_of(a.slot);
	assert_int_equal(w.state, KEDGE_SLOT_OPEN);
	assert_int_equal(w.live, KEDGE_LIVE_NONE);
	assert_true(w.call_id == 77 && w.generation == a.generation && w.generation > 0);
	assert_true(strlen(w.cname) == 15);
	assert_int_equal(a.local[0].ip[2], 3);
	assert_true(a.local[0].port >= 20000 && a.local[0].port % 2 == 0);
	assert_int_equal(end_of(a.slot, KEDGE_END_INSIDE).anchor, a.generation);
	assert_int_equal(queue_peek(&segment_queues(&run, a.worker)->cmd, &msg), 0);
	assert_int_equal(queue_msg_slot(msg), a.slot);
	assert_int_equal(woken(a.worker), 1);
	assert_int_equal(woken(!a.worker), 0);
	anchor_close(&a);
	assert_int_equal(want_of(a.slot).state, KEDGE_SLOT_CLOSED);
	assert_int_equal(anchor_free_slots(), SLOTS - 1);
	assert_int_equal(anchor_closing(), 1);
	media_says(a.slot, KEDGE_EVT_CLOSED);
	assert_int_equal(told.closed, 1);
	assert_ptr_equal(told.owner, &mine);
	assert_int_equal(anchor_free_slots(), SLOTS);
	assert_int_equal(anchor_closing(), 0);
	media_says(a.slot, KEDGE_EVT_CLOSED); /* told twice */
	assert_int_equal(told.closed, 1);
	assert_int_equal(anchor_free_slots(), SLOTS);
}

static void ends_come_and_go(void **state)
{
	struct anchor a = { 0 };
	struct anchor_far far = { .rtp = { .family = AF_INET, .port = 7000, .ip = { 10 } },
		.flags = KEDGE_END_SEND,
		.telephone_event = 101,
		.pt_count = 1,
		.pt = { { 0, 8 } },
		.relearn = true };
	struct kedge_end before, after;
	int first, second;

	assert_int_equal(anchor_open(&a, 1, 0, &a), 0);
	first = anchor_outside(&a, 1, 5);
	second = anchor_outside(&a, 1, 6);
	assert_int_equal(first, 0);
	assert_int_equal(second, 1);
	assert_int_equal(want_of(a.slot).ends, 2);
	assert_int_equal(a.local[1].ip[2], 4);
	assert_true(a.local[1].port != a.local[2].port);
	before = end_of(a.slot, 1);
	assert_int_equal(before.hop, 6);
	anchor_far(&a, 1, &far);
	after = end_of(a.slot, 1);
	assert_int_equal(after.port, before.port);
	assert_int_equal(after.generation, before.generation);
	assert_int_equal(after.exchange, before.exchange + 1);
	assert_int_equal(after.rtp.port, 7000);
	assert_int_equal(after.clock_rate, 8000);
	assert_int_equal(after.ptime_ms, 20);
	assert_int_equal(after.pt[0].here, 8);
	assert_int_equal(after.pt[1].inside, 0xff);
	anchor_live(&a, 1);
	assert_int_equal(want_of(a.slot).live, 1);
	anchor_drop(&a, 1); /* not while it is heard */
	assert_int_not_equal(end_of(a.slot, 1).generation, 0);
	anchor_drop(&a, 0);
	assert_int_equal(end_of(a.slot, 0).generation, 0);
	assert_int_equal(pool_lent(&run, a.slot, 0), KEDGE_PORT_NONE);
	/* the place is used again, as another end */
	assert_int_equal(anchor_outside(&a, 1, 7), 0);
	assert_int_not_equal(end_of(a.slot, 0).generation, before.generation);
	anchor_close(&a);
}

static void runs_out_in_order(void **state)
{
	struct anchor a[SLOTS + 1] = { 0 };
	uint64_t taken = 0;

	for (int i = 0; i < SLOTS; i++)
		assert_int_equal(anchor_open(&a[i], (uint64_t)i, 0, &a[i]), 0);
	assert_int_equal(anchor_open(&a[SLOTS], 9, 0, &a[SLOTS]), -ENOSPC);
	while (anchor_outside(&a[0], 1, 0) >= 0)
		taken++;
	assert_int_equal(taken, PORTS / 4); /* the pairs of its worker on that address */
	assert_int_equal(anchor_outside(&a[0], 1, 0), -ENOBUFS);
	anchor_close(&a[0]);
	media_says(a[0].slot, KEDGE_EVT_CLOSED);
	memset(&a[0], 0, sizeof(a[0]));
	assert_int_equal(anchor_open(&a[0], 10, 0, &a[0]), 0);
	/* nothing of the slot's last call is left */
	for (unsigned i = 0; i < KEDGE_OUT_MAX; i++)
		assert_int_equal(end_of(a[0].slot, i).generation, 0);
}

static void restart(void)
{
	anchor_fini();
	segment_detach(&sig);
	atomic_store_explicit(&run.pub->sig.beat_ns, 0, memory_order_relaxed);
	assert_int_equal(segment_attach(&sig, run.pub_fd, run.priv_fd, SEGMENT_SIG), 0);
	assert_int_equal(anchor_init(&sig, root, &events), 0);
}

/* A long call stays where it is: all short ones go to the other worker, not to each in turn; also for a successor. */
static void spreads_over_the_workers(void **state)
{
	struct anchor stays = { 0 }, goes = { 0 };

	assert_int_equal(anchor_open(&stays, 1, 0, &stays), 0);
	for (int i = 0; i < 6; i++) {
		if (i == 3)
			restart();
		assert_int_equal(anchor_open(&goes, 2, 0, &goes), 0);
		assert_int_equal(goes.worker, 1 - stays.worker);
		anchor_close(&goes);
		media_says(goes.slot, KEDGE_EVT_CLOSED);
		memset(&goes, 0, sizeof(goes));
	}
}

static void no_port_takes_no_slot(void **state)
{
	struct anchor a[SLOTS] = { 0 };
	uint64_t msg;

	for (int w = 0; w < 2; w++)
		while (queue_pop(segment_free(&run, (uint32_t)w, 0), &msg) == 0)
			;
	assert_int_equal(anchor_open(&a[0], 1, 0, NULL), -ENOBUFS);
	assert_int_equal(anchor_free_slots(), SLOTS);
	assert_int_equal(anchor_open(&a[0], 1, 9, NULL), -EADDRNOTAVAIL);
}

static void eight_ends_at_most(void **state)
{
	struct anchor a = { 0 };

	assert_int_equal(anchor_open(&a, 1, 0, &a), 0);
	for (uint32_t i = 0; i < 8; i++) /* more pairs than this test has */
		queue_push(segment_free(&run, a.worker, 1), 2 + a.worker);
	for (int i = 0; i < KEDGE_OUT_MAX; i++)
		assert_int_equal(anchor_outside(&a, 1, 0), i);
	assert_int_equal(anchor_outside(&a, 1, 0), -EMFILE);
}

static void events_of_another_time_are_ignored(void **state)
{
	struct anchor a = { 0 };

	assert_int_equal(anchor_open(&a, 1, 0, &a), 0);
	media_says(a.slot, KEDGE_EVT_SILENT);
	assert_int_equal(told.silent_inside, 0);
	media_says(a.slot, KEDGE_EVT_SILENT_IN);
	assert_int_equal(told.silent_inside, 1);
	assert_int_equal(told.silent, 2);
	media_says(a.slot, KEDGE_EVT_ONE_WAY);
	assert_int_equal(told.one_way_inside, 0);
	media_says(a.slot, KEDGE_EVT_ONE_WAY_IN);
	assert_int_equal(told.one_way_inside, 1);
	assert_int_equal(told.one_way, 2);
	media_says(a.slot, KEDGE_EVT_FIRST_RTP);
	assert_int_equal(told.heard, 1);
	queue_push(
	    &segment_queues(&run, 0)->evt, queue_msg(KEDGE_EVT_SILENT, a.generation + 1, a.slot));
	queue_push(
	    &segment_queues(&run, 0)->evt, queue_msg(KEDGE_EVT_CLOSED, a.generation, SLOTS + 5));
	queue_push(&segment_queues(&run, 0)->evt, queue_msg(99, a.generation, a.slot));
	media_says(a.slot, KEDGE_EVT_CLOSED); /* nobody closed it: not believed */
	assert_int_equal(told.silent, 2);
	assert_int_equal(told.closed, 0);
	assert_int_equal(anchor_free_slots(), SLOTS - 1);
}

/* kill -9 of signaling: what it left is nobody's, until media finds both ends silent. */
static void a_successor_takes_over(void **state)
{
	struct anchor open = { 0 }, closed = { 0 }, a = { 0 };

	assert_int_equal(anchor_open(&open, 1, 0, &open), 0);
	assert_int_equal(anchor_open(&closed, 2, 0, &closed), 0);
	anchor_close(&closed);
	restart();
	assert_int_equal(anchor_free_slots(), 1);
	assert_int_equal(anchor_closing(), 1);
	assert_int_equal(anchor_open(&a, 3, 0, &a), 0);
	assert_true(a.slot != open.slot && a.slot != closed.slot);
	media_says(closed.slot, KEDGE_EVT_CLOSED);
	media_says(open.slot, KEDGE_EVT_ORPHAN);
	assert_int_equal(told.closed, 0); /* nobody to tell */
	assert_int_equal(anchor_free_slots(), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(opens_and_closes, setup, teardown),
		cmocka_unit_test_setup_teardown(ends_come_and_go, setup, teardown),
		cmocka_unit_test_setup_teardown(runs_out_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(spreads_over_the_workers, setup, teardown),
		cmocka_unit_test_setup_teardown(no_port_takes_no_slot, setup, teardown),
		cmocka_unit_test_setup_teardown(eight_ends_at_most, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    events_of_another_time_are_ignored, setup, teardown),
		cmocka_unit_test_setup_teardown(a_successor_takes_over, setup, teardown),
	};
	int failed;

	su_init();
	root = su_root_create(NULL);
	su_root_threading(root, 0);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	su_root_destroy(root);
	su_deinit();
	return failed;
}
