// SPDX-License-Identifier: MIT
/* Orders: done in the loop's thread, each once; one that the loop never came to is never done, and at the end nobody waits. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sofia-sip/su.h>
#include <sofia-sip/su_wait.h>
#include <unistd.h>

#include "config/clock.h"
#include "sig/operator/admin.h"
#include "sig/operator/admin_order.h"

struct asked {
	pthread_t by;
	int times;
};

static su_root_t *root;
static _Atomic int waiting;
static int result;

static void note(void *arg)
{
	struct asked *a = arg;

	a->by = pthread_self();
	a->times++;
}

static void *ask(void *arg)
{
	result = admin_order(note, arg);
	atomic_store_explicit(&waiting, 0, memory_order_release);
	return NULL;
}

static pthread_t begin(struct asked *a)
{
	pthread_t thread;

	atomic_store_explicit(&waiting, 1, memory_order_release);
	assert_int_equal(pthread_create(&thread, NULL, ask, a), 0);
	return thread;
}

static void in_the_loop(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct asked a = { 0 };
		pthread_t thread = begin(&a);

		while (atomic_load_explicit(&waiting, memory_order_acquire))
			su_root_step(root, 1);
		pthread_join(thread, NULL);
		assert_int_equal(result, 0);
		assert_int_equal(a.times, 1);
		assert_true(pthread_equal(a.by, pthread_self()));
	}
}

/* A loop that hangs holds nobody for long, and what was given up is not done behind the asker's back. */
static void given_up(void **state)
{
	struct asked a = { 0 };
	uint64_t begun = clock_mono_ns();
	pthread_t thread = begin(&a);

	(void)state;
	pthread_join(thread, NULL);
	assert_int_equal(result, -ETIMEDOUT);
	assert_in_range(clock_mono_ns() - begun, CLOCK_NS_PER_S, 20 * CLOCK_NS_PER_S);
	su_root_step(root, 10);
	assert_int_equal(a.times, 0);
	in_the_loop(NULL); /* the next ones are served */
}

static void at_the_end(void **state)
{
	struct asked a = { 0 };
	uint64_t begun = clock_mono_ns();
	pthread_t thread = begin(&a);

	(void)state;
	usleep(20000);
	admin_order_close();
	pthread_join(thread, NULL);
	assert_int_equal(result, -ETIMEDOUT);
	assert_true(clock_mono_ns() - begun < CLOCK_NS_PER_S);
	su_root_step(root, 10);
	assert_int_equal(a.times, 0);
	assert_int_equal(admin_order(note, &a), -ETIMEDOUT);
}

static int begin_group(void **state)
{
	(void)state;
	su_init();
	root = su_root_create(NULL);
	return root ? admin_order_open(root) : -1;
}

static int end_group(void **state)
{
	(void)state;
	admin_order_fini();
	su_root_destroy(root);
	su_deinit();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(in_the_loop), cmocka_unit_test(given_up), cmocka_unit_test(at_the_end) };

	return cmocka_run_group_tests(tests, begin_group, end_group);
}
