// SPDX-License-Identifier: MIT
#include "sig/operator/admin_order.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "sig/operator/admin.h"

#define ORDER_MS 2000

enum { FREE, POSTED, RUNNING, DONE, CLOSED, DONE_CLOSED };

static struct {
	_Atomic int state;
	void (*fn)(void *arg);
	void *arg;
	int wanted, done; /* eventfds */
	su_root_t *root;
	int wait;
} order = { .state = CLOSED, .wanted = -1, .done = -1, .wait = -1 };

static bool pass(int from, int to)
{
	/* Both ways: what was written before is seen by who finds it. */
	return atomic_compare_exchange_strong_explicit(&order.state, &from, to, memory_order_acq_rel, memory_order_relaxed);
}

static void ring(int fd)
{
	/* It can only fail when 2^64 - 2 rings were not heard. */
	if (eventfd_write(fd, 1) < 0)
		return;
}

static int on_order(su_root_magic_t *magic, su_wait_t *wait, su_wakeup_arg_t *arg)
{
	eventfd_t n;

	(void)magic, (void)wait, (void)arg;
	if (eventfd_read(order.wanted, &n) < 0 || !pass(POSTED, RUNNING))
		return 0;
	order.fn(order.arg);
	pass(RUNNING, DONE);
	ring(order.done);
	return 0;
}

/* True when the loop has rung within that time (-1: whenever it does). */
static bool heard(int ms)
{
	struct pollfd p = { .fd = order.done, .events = POLLIN };
	eventfd_t n;
	int rc;

	do
		rc = poll(&p, 1, ms);
	while (rc < 0 && errno == EINTR);
	return rc > 0 && eventfd_read(order.done, &n) == 0;
}

static int ask(void (*fn)(void *arg), void *arg)
{
	if (atomic_load_explicit(&order.state, memory_order_relaxed) != FREE)
		return -ETIMEDOUT;
	order.fn = fn;
	order.arg = arg;
	if (!pass(FREE, POSTED))
		return -ETIMEDOUT;
	ring(order.wanted);
	if (!heard(ORDER_MS)) {
		if (pass(POSTED, FREE))
			return -ETIMEDOUT;
		heard(-1); /* it began: arg is in use until it ends */
	}
	return pass(DONE, FREE) || pass(DONE_CLOSED, CLOSED) ? 0 : -ETIMEDOUT;
}

int admin_order(void (*fn)(void *arg), void *arg)
{
	static pthread_mutex_t askers = PTHREAD_MUTEX_INITIALIZER; /* among themselves; the loop never takes it */
	int rc;

	pthread_mutex_lock(&askers);
	rc = ask(fn, arg);
	pthread_mutex_unlock(&askers);
	return rc;
}

int admin_order_open(su_root_t *root)
{
	su_wait_t wait[1] = { SU_WAIT_INIT };

	assert(order.wanted < 0);
	order.wanted = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	order.done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	order.root = root;
	order.wait = -1;
	if (order.wanted < 0 || order.done < 0 || su_wait_create(wait, order.wanted, SU_WAIT_IN) < 0)
		goto out;
	order.wait = su_root_register(root, wait, on_order, NULL, 0);
	if (order.wait < 0)
		goto out;
	atomic_store_explicit(&order.state, FREE, memory_order_release);
	return 0;
out:
	admin_order_fini();
	return -ENOMEM;
}

void admin_order_close(void)
{
	if (order.wanted < 0)
		return;
	if (pass(FREE, CLOSED))
		return;
	if (!pass(DONE, DONE_CLOSED) && pass(POSTED, CLOSED))
		ring(order.done);
}

void admin_order_fini(void)
{
	if (order.wait >= 0)
		su_root_deregister(order.root, order.wait);
	if (order.wanted >= 0)
		close(order.wanted);
	if (order.done >= 0)
		close(order.done);
	order.wanted = order.done = order.wait = -1;
}
