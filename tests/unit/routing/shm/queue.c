// SPDX-License-Identifier: MIT
// queue: order, full, wrap, and a consumer or producer in another thread or process that dies and comes back.
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/clock.h"
#include "routing/shm/queue.h"

#define STRESS_NS (600 * CLOCK_NS_PER_MS)

struct shared {
	struct kedge_queue q;
	_Alignas(KEDGE_LINE) _Atomic uint64_t stop;
};

static struct shared *shared_new(void)
{
	struct shared *m =
	    mmap(NULL, sizeof(*m), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(m, MAP_FAILED);
	return m;
}

static void test_message(void **state)
{
	uint64_t m = queue_msg(KEDGE_EVT_CLOSED, 0xabcdef12, KEDGE_SLOTS_MAX - 1);

	assert_int_equal(queue_msg_op(m), KEDGE_EVT_CLOSED);
	assert_int_equal(queue_msg_generation(m), 0xcdef12);
	assert_int_equal(queue_msg_slot(m), KEDGE_SLOTS_MAX - 1);
	m = queue_msg(255, UINT32_MAX, UINT32_MAX);
	assert_int_equal(queue_msg_op(m), 255);
	assert_int_equal(queue_msg_generation(m), 0xffffff);
	assert_int_equal(queue_msg_slot(m), UINT32_MAX);
}

static void test_order_and_peek(void **state)
{
	struct shared *m = shared_new();
	uint64_t x = 42;

	assert_int_equal(queue_peek(&m->q, &x), -EAGAIN);
	assert_int_equal(queue_pop(&m->q, &x), -EAGAIN);
	assert_int_equal(x, 42);
	assert_int_equal(queue_push(&m->q, 1), 0);
	assert_int_equal(queue_push(&m->q, 2), 0);
	assert_int_equal(queue_count(&m->q), 2);
	assert_int_equal(queue_peek(&m->q, &x), 0);
	assert_int_equal(x, 1);
	assert_int_equal(queue_count(&m->q), 2);
	queue_advance(&m->q);
	assert_int_equal(queue_pop(&m->q, &x), 0);
	assert_int_equal(x, 2);
	assert_int_equal(queue_count(&m->q), 0);
	munmap(m, sizeof(*m));
}

static void test_full_is_an_answer(void **state)
{
	struct shared *m = shared_new();
	uint64_t x;

	for (int round = 0; round < 3; round++) {
		for (uint64_t i = 0; i < KEDGE_QUEUE_SLOTS; i++)
			assert_int_equal(queue_push(&m->q, i), 0);
		assert_int_equal(queue_push(&m->q, 999999), -ENOBUFS);
		assert_int_equal(
		    atomic_load_explicit(&m->q.dropped, memory_order_relaxed), round + 1);
		for (uint64_t i = 0; i < KEDGE_QUEUE_SLOTS; i++) {
			assert_int_equal(queue_pop(&m->q, &x), 0);
			assert_int_equal(x, i);
		}
		assert_int_equal(queue_pop(&m->q, &x), -EAGAIN);
	}
	munmap(m, sizeof(*m));
}

/* Counts up from what the queue says was sent last: a restarted producer goes on from the tail. */
static void produce_until_told(struct shared *m)
{
	while (!atomic_load_explicit(&m->stop, memory_order_relaxed)) {
		uint64_t tail = atomic_load_explicit(&m->q.tail, memory_order_relaxed);

		if (queue_push(&m->q, tail * 3) < 0)
			sched_yield();
	}
}

static void *producer_thread(void *arg)
{
	produce_until_told(arg);
	return NULL;
}

static uint64_t consume(struct shared *m, uint64_t ns, uint64_t from)
{
	uint64_t until = clock_mono_ns() + ns, x, n = from;

	while (clock_mono_ns() < until) {
		if (queue_pop(&m->q, &x) < 0) {
			sched_yield();
			continue;
		}
		assert_int_equal(x, n * 3);
		n++;
	}
	return n;
}

static void test_stress_threads(void **state)
{
	struct shared *m = shared_new();
	pthread_t t;
	uint64_t n;

	assert_int_equal(pthread_create(&t, NULL, producer_thread, m), 0);
	n = consume(m, STRESS_NS, 0);
	atomic_store_explicit(&m->stop, 1, memory_order_relaxed);
	pthread_join(t, NULL);
	assert_true(n > 1000);
	munmap(m, sizeof(*m));
}

static pid_t producer_process(struct shared *m)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		produce_until_told(m);
		_exit(0);
	}
	return pid;
}

/* kill -9 of the producer at any moment: nothing doubled, nothing skipped, nothing half. */
static void test_stress_processes_killed(void **state)
{
	struct shared *m = shared_new();
	uint64_t n = 0;

	for (int i = 0; i < 20; i++) {
		pid_t pid = producer_process(m);

		n = consume(m, STRESS_NS / 20, n);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
	}
	assert_true(n > 1000);
	munmap(m, sizeof(*m));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_message),
		cmocka_unit_test(test_order_and_peek),
		cmocka_unit_test(test_full_is_an_answer),
		cmocka_unit_test(test_stress_threads),
		cmocka_unit_test(test_stress_processes_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
