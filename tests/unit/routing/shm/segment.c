// SPDX-License-Identifier: MIT
// segment: what is laid out fits, what is damaged is named, what a dead writer left is mended.
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/clock.h"
#include "routing/shm/segment.h"

static const struct segment_shape SHAPE = {
	.workers = 2, .hops = 8, .slots = 100, .ports = 60, .nets = 3, .listeners = 4
};

static struct segment run;

static int setup(void **state)
{
	assert_int_equal(segment_create(&run, &SHAPE), 0);
	return 0;
}

static int teardown(void **state)
{
	segment_detach(&run);
	return 0;
}

static void attach(struct segment *seg, enum segment_role role)
{
	int rc = segment_attach(seg, run.pub_fd, run.priv_fd, role);

	if (rc < 0)
		print_message("    %s\n", seg->why);
	assert_int_equal(rc, 0);
}

static void test_sealed_and_closed_to_others(void **state)
{
	int fds[2] = { run.pub_fd, run.priv_fd };

	for (int i = 0; i < 2; i++) {
		struct stat st;

		assert_int_equal(fstat(fds[i], &st), 0);
		assert_int_equal(st.st_mode & 07777, 0640);
		assert_int_equal(ftruncate(fds[i], 0), -1);
		assert_int_equal(errno, EPERM);
		assert_int_equal(ftruncate(fds[i], st.st_size + 4096), -1);
		assert_true(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
	}
}

static void test_planes_see_the_same(void **state)
{
	struct segment sig, media, tool;
	int ro = segment_readonly_fd(&run);

	assert_true(ro >= 0);
	attach(&sig, SEGMENT_SIG);
	attach(&media, SEGMENT_MEDIA);
	assert_int_equal(segment_attach(&tool, ro, -1, SEGMENT_TOOL), 0);
	assert_null(tool.priv);
	atomic_store_explicit(&segment_counters(&sig)->calls, 5, memory_order_relaxed);
	atomic_store_explicit(&segment_worker(&media, 1)->sessions, 6, memory_order_relaxed);
	assert_int_equal(
	    atomic_load_explicit(&segment_counters(&tool)->calls, memory_order_relaxed), 5);
	assert_int_equal(
	    atomic_load_explicit(&segment_worker(&tool, 1)->sessions, memory_order_relaxed), 6);
	assert_int_equal(sig.mended + media.mended, 0);
	segment_detach(&tool);
	segment_detach(&media);
	segment_detach(&sig);
	close(ro);
}

static void test_readonly_descriptor_cannot_be_written(void **state)
{
	int ro = segment_readonly_fd(&run);

	assert_true(ro >= 0);
	assert_int_equal(pwrite(ro, "x", 1, 0), -1);
	assert_int_equal(errno, EBADF);
	assert_ptr_equal(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ro, 0), MAP_FAILED);
	assert_int_equal(errno, EACCES);
	close(ro);
}

/* Every accessor's objects: inside the file, aligned to a line, overlapping nothing before them. */
static void test_parts_do_not_overlap(void **state)
{
	char *pub = (char *)run.pub, *priv = (char *)run.priv,
	     *at = pub + sizeof(struct kedge_public_head);

#define NEXT(p)                                                                                    \
	do {                                                                                       \
		char *next_ = (char *)(p);                                                         \
		assert_true(next_ >= at);                                                          \
		at = next_ + sizeof(*(p));                                                         \
	} while (0)
#define LINED(p) assert_int_equal((uintptr_t)(p) % KEDGE_LINE, 0)
	NEXT(segment_counters(&run));
	for (uint32_t i = 0; i < SHAPE.workers; i++)
		NEXT(segment_worker(&run, i));
	for (uint32_t i = 0; i < SHAPE.hops; i++) {
		NEXT(segment_hop(&run, i));
		LINED(segment_hop(&run, i));
	}
	for (uint32_t i = 0; i < SHAPE.slots; i++)
		NEXT(segment_stats(&run, i));
	assert_true(at <= pub + run.pub->size);
	at = priv + sizeof(struct kedge_private_head);
	for (uint32_t i = 0; i < SHAPE.listeners; i++)
		NEXT(segment_listener(&run, i));
	for (uint32_t i = 0; i < SHAPE.ports; i++)
		NEXT(segment_port(&run, i));
	for (uint32_t i = 0; i < SHAPE.slots; i++) {
		NEXT(segment_session(&run, i));
		LINED(segment_end(&run, i, KEDGE_END_INSIDE));
		LINED(segment_end(&run, i, 1));
	}
	for (uint32_t i = 0; i < SHAPE.slots; i++)
		NEXT(segment_record(&run, i));
	for (uint32_t i = 0; i < SHAPE.workers; i++)
		NEXT(segment_queues(&run, i));
	for (uint32_t i = 0; i < SHAPE.slots; i++)
		for (unsigned e = KEDGE_OUT_NEAR; e < KEDGE_OUT_MAX; e++) {
			NEXT(segment_end(&run, i, e));
			LINED(segment_end(&run, i, e));
		}
	for (uint32_t i = 0; i < SHAPE.slots; i++)
		NEXT(segment_record_more(&run, i));
	assert_true(at <= priv + run.priv->size);
}

static void test_shape_out_of_range(void **state)
{
	struct segment_shape bad[] = {
		{ .workers = 0, .hops = 1, .slots = 1 },
		{ .workers = KEDGE_WORKERS_MAX + 1, .hops = 1, .slots = 1 },
		{ .workers = 1, .hops = 0, .slots = 1 },
		{ .workers = 1, .hops = 1, .slots = 0 },
		{ .workers = 1, .hops = 1, .slots = KEDGE_SLOTS_MAX + 1 },
		{ .workers = 1, .hops = 1, .slots = 1, .ports = KEDGE_PORTS_MAX + 1 },
		{ .workers = 1, .hops = 1, .slots = 1, .nets = KEDGE_NETS_MAX + 1 },
		{ .workers = 1, .hops = 1, .slots = 1, .listeners = KEDGE_LISTEN_MAX + 1 },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct segment seg;

		assert_int_equal(segment_create(&seg, &bad[i]), -EINVAL);
		assert_non_null(strstr(seg.why, "must be"));
	}
}

static void test_largest_shape(void **state)
{
	struct segment_shape most = { KEDGE_WORKERS_MAX, KEDGE_HOPS_MAX, KEDGE_SLOTS_MAX,
		KEDGE_PORTS_MAX, KEDGE_NETS_MAX, KEDGE_LISTEN_MAX };
	struct segment seg, sig;
	struct stat st;

	assert_int_equal(segment_create(&seg, &most), 0);
	assert_int_equal(segment_attach(&sig, seg.pub_fd, seg.priv_fd, SEGMENT_SIG), 0);
	/* Sparse: what nobody wrote takes no page (the port table and the queues' ends are read at attach: 9 MB of holes). */
	assert_int_equal(fstat(seg.priv_fd, &st), 0);
	assert_true(st.st_blocks * 512 < 10 << 20);
	segment_detach(&sig);
	segment_detach(&seg);
}

/* ---- damage ---- */

static void refused(int want, const char *text, enum segment_role role)
{
	struct segment seg;

	assert_int_equal(segment_attach(&seg, run.pub_fd, run.priv_fd, role), want);
	if (!strstr(seg.why, text))
		print_message("    %s\n", seg.why);
	assert_non_null(strstr(seg.why, text));
	assert_null(seg.pub);
	assert_null(seg.priv);
}

#define DAMAGED(field, value, want, text)                                                          \
	do {                                                                                       \
		__typeof__(field) keep_ = field;                                                   \
		field = (value);                                                                   \
		refused(want, text, SEGMENT_SIG);                                                  \
		refused(want, text, SEGMENT_MEDIA);                                                \
		field = keep_;                                                                     \
	} while (0)

static void test_damage_is_named(void **state)
{
	struct segment seg;

	DAMAGED(run.pub->magic, 1, -EINVAL, "public part: no kedge segment");
	DAMAGED(run.priv->magic, 1, -EINVAL, "private part: no kedge segment");
	DAMAGED(run.pub->version, KEDGE_LAYOUT_VERSION + 1, -EPROTO, "public part has layout 2");
	DAMAGED(run.priv->version, 99, -EPROTO, "private part has layout 99");
	DAMAGED(
	    run.pub->boot_id[3], (uint8_t)(run.pub->boot_id[3] + 1), -EINVAL, "boot ids differ");
	DAMAGED(run.pub->workers, 0, -EINVAL, "workers");
	DAMAGED(run.pub->workers, UINT32_MAX, -EINVAL, "workers");
	DAMAGED(run.pub->hop_count, 9, -EINVAL, "stats_off");
	DAMAGED(run.pub->slots, KEDGE_SLOTS_MAX, -EINVAL, "size");
	DAMAGED(run.pub->size, UINT64_MAX, -EINVAL, "size");
	DAMAGED(run.pub->hop_off, UINT64_MAX - 63, -EINVAL, "hop_off");
	DAMAGED(run.pub->stats_off, run.pub->stats_off + 64, -EINVAL, "stats_off");
	DAMAGED(run.pub->sizeof_hop, 64, -EINVAL, "sizeof_hop");
	DAMAGED(run.priv->sizeof_session, 64, -EINVAL, "sizeof_session");
	DAMAGED(run.priv->slots, 99, -EINVAL, "slots");
	DAMAGED(run.priv->session_off, 0, -EINVAL, "session_off");
	DAMAGED(run.priv->queue_off, 1ULL << 63, -EINVAL, "queue_off");
	DAMAGED(run.priv->record_more_off, 0, -EINVAL, "record_more_off");
	DAMAGED(run.priv->port_count, KEDGE_PORTS_MAX + 1, -EINVAL, "port pairs");
	DAMAGED(run.priv->port_count, 4000, -EINVAL, "session_off");
	DAMAGED(run.priv->size, 4096, -EINVAL, "size");
	DAMAGED(segment_port(&run, 59)->net, 3, -EINVAL, "port pair 59");
	DAMAGED(segment_port(&run, 0)->worker, 2, -EINVAL, "port pair 0");
	attach(&seg, SEGMENT_SIG); /* the damage is gone */
	segment_detach(&seg);
}

static void queue_refused(_Atomic uint64_t *word, uint64_t value, const char *text)
{
	atomic_store_explicit(word, value, memory_order_relaxed);
	refused(-EINVAL, text, SEGMENT_SIG);
	refused(-EINVAL, text, SEGMENT_MEDIA);
	atomic_store_explicit(word, 0, memory_order_relaxed);
}

static void test_queue_that_cannot_be(void **state)
{
	struct segment seg;

	queue_refused(&segment_queues(&run, 1)->cmd.head, 1,
	    "command queue of worker 1: head 1, tail 0: 0 to 32768 may wait");
	queue_refused(&segment_queues(&run, 0)->evt.tail, KEDGE_QUEUE_SLOTS + 1,
	    "event queue of worker 0: head 0, tail 32769: 0 to 32768 may wait");
	queue_refused(&segment_free(&run, SHAPE.workers - 1, SHAPE.nets - 1)->tail, UINT64_MAX,
	    "free port queue of worker 1: head 0, tail 18446744073709551615");
	/* A full one is sound. */
	atomic_store_explicit(
	    &segment_free(&run, 0, 0)->tail, KEDGE_QUEUE_SLOTS, memory_order_relaxed);
	attach(&seg, SEGMENT_SIG);
	segment_detach(&seg);
}

static void test_wrong_descriptors(void **state)
{
	struct segment seg, other;
	int fd, p[2];

	assert_int_equal(segment_attach(&seg, -1, -1, SEGMENT_SIG), -EBADF);
	assert_int_equal(segment_attach(&seg, run.priv_fd, run.pub_fd, SEGMENT_SIG), -EINVAL);
	assert_int_equal(pipe(p), 0);
	assert_int_equal(segment_attach(&seg, p[0], p[1], SEGMENT_SIG), -EINVAL);
	assert_non_null(strstr(seg.why, "not a sealed memfd"));
	close(p[0]);
	close(p[1]);
	/* A memfd of the right bytes that could still shrink under the mapping. */
	fd = memfd_create("unsealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(pwrite(fd, run.pub, run.pub->size, 0), (ssize_t)run.pub->size);
	assert_int_equal(segment_attach(&seg, fd, run.priv_fd, SEGMENT_SIG), -EINVAL);
	assert_non_null(strstr(seg.why, "not a sealed memfd"));
	/* Sealed with a head cut short. */
	assert_int_equal(ftruncate(fd, 100), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), 0);
	assert_int_equal(segment_attach(&seg, fd, run.priv_fd, SEGMENT_SIG), -EINVAL);
	assert_non_null(strstr(seg.why, "too short"));
	close(fd);
	/* The parts of two segments of the same shape. */
	assert_int_equal(segment_create(&other, &SHAPE), 0);
	assert_int_equal(segment_attach(&seg, run.pub_fd, other.priv_fd, SEGMENT_SIG), -EINVAL);
	assert_non_null(strstr(seg.why, "boot ids"));
	segment_detach(&other);
}

/* A second plane of the same kind is refused while the first lives and beats, and only then. */
static void test_one_plane_of_a_kind(void **state)
{
	struct segment seg;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		pause();
		_exit(0);
	}
	segment_beat_start(&run.pub->sig, clock_mono_ns(), clock_wall_ms());
	assert_int_equal(atomic_load_explicit(&run.pub->sig.starts, memory_order_relaxed), 1);
	attach(&seg, SEGMENT_SIG); /* our own pid: the same process */
	segment_detach(&seg);
	atomic_store_explicit(&run.pub->sig.pid, (uint32_t)pid, memory_order_relaxed);
	refused(-EBUSY, "already serves", SEGMENT_SIG);
	attach(&seg, SEGMENT_MEDIA);
	segment_detach(&seg);
	atomic_store_explicit(
	    &run.pub->sig.beat_ns, clock_mono_ns() - 2 * CLOCK_NS_PER_S, memory_order_relaxed);
	attach(&seg,
	    SEGMENT_SIG); /* it lives but has not beaten for 2 s: the pid is someone else's now */
	segment_detach(&seg);
	atomic_store_explicit(&run.pub->sig.beat_ns, clock_mono_ns(), memory_order_relaxed);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	attach(&seg, SEGMENT_SIG);
	segment_detach(&seg);
}

/* ---- mending: each state a killed writer can leave, made by hand: odd, and the first k words new ---- */

#define TEAR(line, new, k)                                                                         \
	do {                                                                                       \
		atomic_store_explicit(&(line)->seq,                                                \
		    atomic_load_explicit(&(line)->seq, memory_order_relaxed) + 1,                  \
		    memory_order_relaxed);                                                         \
		memcpy((void *)(line)->w, (new), (size_t)(k)*8);                                   \
	} while (0)

static void test_mend_anchor(void **state)
{
	struct kedge_anchor open = { .generation = 4,
		.state = KEDGE_SLOT_OPEN,
		.live = 0,
		.ends = 1,
		.call_id = 77,
		.ssrc = 9,
		.opened_ns = 123,
		.cname = "abcdefghijklmno" };
	struct kedge_anchor moved = open,
	                    next = { .generation = 5, .state = KEDGE_SLOT_OPEN, .call_id = 78 },
	                    got;
	struct segment seg;

	moved.live = 1;
	moved.ends = 2;
	for (int k = 0; k <= 6; k++) {
		struct kedge_session *s = segment_session(&run, (uint32_t)k);

		/* A live call whose switch was being written: it lives on, with one of both live ends. */
		seq_write(&s->want, &open);
		atomic_store_explicit(&s->done, 4ULL << 8 | KEDGE_DONE_OPEN, memory_order_relaxed);
		TEAR(&s->want, &moved, k);
		/* A call in setup, in a slot whose last call was closed: ended. */
		s = segment_session(&run, (uint32_t)k + 50);
		seq_write(&s->want, &open);
		atomic_store_explicit(
		    &s->done, 4ULL << 8 | KEDGE_DONE_CLOSED, memory_order_relaxed);
		TEAR(&s->want, &next, k);
		/* In a slot never used before. */
		TEAR(&segment_session(&run, (uint32_t)k + 80)->want, &next, k);
	}
	attach(&seg, SEGMENT_MEDIA); /* mends none of signaling's lines */
	assert_int_equal(seg.mended, 0);
	segment_detach(&seg);
	attach(&seg, SEGMENT_SIG);
	assert_int_equal(seg.mended, 21);
	for (int k = 0; k <= 6; k++) {
		assert_int_equal(seq_read(&segment_session(&run, (uint32_t)k)->want, &got), 0);
		assert_memory_equal(&got, k ? &moved : &open, sizeof(got));
		assert_int_equal(seq_read(&segment_session(&run, (uint32_t)k + 50)->want, &got), 0);
		assert_int_equal(got.state, KEDGE_SLOT_CLOSED);
		assert_int_equal(got.generation, k ? 5 : 4);
		assert_int_equal(seq_read(&segment_session(&run, (uint32_t)k + 80)->want, &got), 0);
		assert_int_equal(got.state, k ? KEDGE_SLOT_CLOSED : KEDGE_SLOT_FREE);
	}
	segment_detach(&seg);
}

static void test_mend_ends(void **state)
{
	struct kedge_end end = { .generation = 3,
		.port = 17,
		.anchor = 4,
		.srtp = 1,
		.rtp = { .family = AF_INET, .port = 4000, .ip = { 10, 0, 0, 1 } } },
	                 other = end, got;
	struct kedge_keys keys = { .suite = 1, .tx_len = 30, .rx_len = 30 }, got_keys,
	                  no_keys = { 0 };
	struct kedge_latched latched = { .generation = 3 }, got_latched, no_latched = { 0 };
	const unsigned place[] = { KEDGE_END_INSIDE, 0, 1, 2, 7 };
	struct segment seg;

	memset(keys.tx, 0xaa, sizeof(keys.tx));
	memset(latched.rtp.ip, 0xbb, 16);
	other.rtp.port = 5000;
	for (int i = 0; i < 5; i++)
		for (uint32_t k = 0; k <= 21; k++) {
			struct kedge_end_slot *e = segment_end(&run, k, place[i]);

			seq_write(&e->want, &end);
			TEAR(&e->want, &other, k);
			TEAR(&e->keys, &keys, k < 14 ? k : 14);
			TEAR(&e->latched, &latched, k < 6 ? k : 6);
		}
	attach(&seg, SEGMENT_SIG);
	assert_int_equal(seg.mended, 5 * 22 * 2);
	segment_detach(&seg);
	attach(&seg, SEGMENT_MEDIA);
	assert_int_equal(seg.mended, 5 * 22);
	segment_detach(&seg);
	for (int i = 0; i < 5; i++)
		for (uint32_t k = 0; k <= 21; k++) {
			struct kedge_end_slot *e = segment_end(&run, k, place[i]);

			assert_int_equal(seq_read(&e->want, &got), 0);
			assert_int_equal(got.port, 17);
			assert_int_equal(got.generation, 3);
			assert_int_equal(got.rtp.family, 0);
			assert_int_equal(got.srtp, 1); /* never in clear because of a crash */
			assert_int_equal(seq_read(&e->keys, &got_keys), 0);
			assert_memory_equal(&got_keys, &no_keys, sizeof(no_keys));
			assert_int_equal(seq_read(&e->latched, &got_latched), 0);
			assert_memory_equal(&got_latched, &no_latched, sizeof(no_latched));
		}
}

static void test_mend_hops(void **state)
{
	struct kedge_hop_id id = { .generation = 2, .trunk_name = "acme" }, got_id;
	struct kedge_hop_health h = { .generation = 2,
		.state = KEDGE_HOP_DOWN,
		.reason = "silent" },
	                        got;
	struct segment seg;

	for (uint32_t k = 0; k < 8; k++) {
		TEAR(&segment_hop(&run, k)->id, &id, k);
		TEAR(&segment_hop(&run, k)->health, &h, k);
	}
	attach(&seg, SEGMENT_SIG);
	assert_int_equal(seg.mended, 16);
	for (uint32_t k = 0; k < 8; k++) {
		assert_int_equal(seq_read(&segment_hop(&run, k)->id, &got_id), 0);
		assert_int_equal(got_id.generation, 0);
		assert_int_equal(seq_read(&segment_hop(&run, k)->health, &got), 0);
		assert_int_equal(got.state, KEDGE_HOP_UNKNOWN);
	}
	segment_detach(&seg);
}

/* Slots nobody used are skipped by their missing pages, and none that was used is. */
static void test_next_used(void **state)
{
	struct segment_shape shape = SHAPE;
	struct kedge_anchor a = { .generation = 1 };
	struct kedge_end e = { .generation = 1 };
	struct segment seg;
	uint32_t n = 0;

	shape.slots = 20000;
	assert_int_equal(segment_create(&seg, &shape), 0);
	assert_int_equal(segment_next_used(&seg, 0), 20000);
	seq_write(&segment_session(&seg, 15000)->want, &a);
	seq_write(&segment_session(&seg, 19999)->want, &a);
	seq_write(&segment_end(&seg, 15000, 5)->want, &e);
	for (uint32_t i = segment_next_used(&seg, 0); i < 20000;
	     i = segment_next_used(&seg, i + 1)) {
		assert_true((i > 14990 && i < 15010) || i > 19990);
		n += i == 15000 || i == 19999;
	}
	assert_int_equal(n, 2);
	assert_true(segment_has_more(&seg, 15000));
	assert_false(segment_has_more(&seg, 19999));
	segment_detach(&seg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sealed_and_closed_to_others, setup, teardown),
		cmocka_unit_test_setup_teardown(test_planes_see_the_same, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_readonly_descriptor_cannot_be_written, setup, teardown),
		cmocka_unit_test_setup_teardown(test_parts_do_not_overlap, setup, teardown),
		cmocka_unit_test(test_shape_out_of_range),
		cmocka_unit_test(test_largest_shape),
		cmocka_unit_test_setup_teardown(test_damage_is_named, setup, teardown),
		cmocka_unit_test_setup_teardown(test_queue_that_cannot_be, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrong_descriptors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_plane_of_a_kind, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mend_anchor, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mend_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mend_hops, setup, teardown),
		cmocka_unit_test(test_next_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
