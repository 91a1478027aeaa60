// SPDX-License-Identifier: MIT
#include "bench/relay_floor.h"

#include <liburing.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define BUFFERS 4096
#define SIZE    576
#define SENDS   16

#ifndef IORING_FEAT_MIN_TIMEOUT
#define IORING_FEAT_MIN_TIMEOUT (1U << 15)
#endif

static struct io_uring ring;
static struct io_uring_buf_ring *buffers;
static uint8_t *data;
static unsigned sends, held_count;
static uint16_t held[SENDS];
static bool registered;

static void need(int rc, const char *what)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "raw floor: %s: %s\n", what, strerror(-rc));
	exit(1);
}

static void recycle(void)
{
	for (unsigned i = 0; i < held_count; i++)
		io_uring_buf_ring_add(buffers, data + (size_t)held[i] * SIZE, SIZE, held[i],
		    io_uring_buf_ring_mask(BUFFERS), (int)i);
	io_uring_buf_ring_advance(buffers, (int)held_count);
	held_count = sends = 0;
}

static void arm(uint32_t sock)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

	if (sqe == NULL) {
		io_uring_submit(&ring);
		sqe = io_uring_get_sqe(&ring);
	}
	io_uring_prep_recv_multishot(sqe, (int)sock, NULL, 0, 0);
	io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT);
	sqe->buf_group = 0;
	io_uring_sqe_set_data64(sqe, sock);
}

static void forward(uint32_t sock, const struct io_uring_cqe *cqe)
{
	uint16_t bid = (uint16_t)(cqe->flags >> IORING_CQE_BUFFER_SHIFT);
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

	io_uring_prep_send(
	    sqe, (int)(sock ^ 1), data + (size_t)bid * SIZE, (size_t)cqe->res, MSG_DONTWAIT);
	io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS);
	io_uring_sqe_set_data64(sqe, UINT64_MAX);
	held[held_count++] = bid;
	if (++sends == SENDS) {
		io_uring_submit(&ring);
		recycle();
	}
}

static unsigned reap(void)
{
	struct io_uring_cqe *cqe;
	unsigned head, n = 0, packets = 0;

	io_uring_for_each_cqe(&ring, head, cqe)
	{
		n++;
		if (cqe->user_data == UINT64_MAX)
			continue;
		if (cqe->flags & IORING_CQE_F_BUFFER) {
			forward((uint32_t)cqe->user_data, cqe);
			packets++;
		}
		if (!(cqe->flags & IORING_CQE_F_MORE))
			arm((uint32_t)cqe->user_data);
	}
	io_uring_cq_advance(&ring, n);
	return packets;
}

static void wait_batch(unsigned batch, unsigned window_us)
{
	struct io_uring_sq *sq = &ring.sq;
	struct __kernel_timespec ts = { .tv_nsec = 10000000 };
	struct io_uring_getevents_arg arg = { .ts = (uint64_t)(uintptr_t)&ts, .pad = window_us };
	unsigned flags = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG |
	                 (registered ? IORING_ENTER_REGISTERED_RING : 0);

	if (sq->sqe_head != sq->sqe_tail) {
		sq->sqe_head = sq->sqe_tail;
		io_uring_smp_store_release(sq->ktail, sq->sqe_tail);
	}
	io_uring_enter2((unsigned)ring.enter_ring_fd, sq->sqe_tail - *sq->khead,
	    window_us ? batch : 1, flags, (sigset_t *)&arg, sizeof(arg));
	recycle();
}

static void open_ring(const int *fds, uint32_t socks)
{
	struct io_uring_params p = { .flags = IORING_SETUP_SINGLE_ISSUER |
		                              IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL |
		                              IORING_SETUP_CQSIZE,
		.cq_entries = 65536 };
	struct io_uring_buf_reg reg = { .ring_entries = BUFFERS };

	need(io_uring_queue_init_params(4096, &ring, &p), "ring");
	for (unsigned i = 0; i < p.sq_entries; i++)
		ring.sq.array[i] = i;
	registered = io_uring_register_ring_fd(&ring) == 1;
	if (!(p.features & IORING_FEAT_MIN_TIMEOUT))
		fputs("raw floor: this kernel has no minimum wait: it wakes on each "
		      "packet\n",
		    stderr);
	need(io_uring_register_files(&ring, fds, socks), "files");
	buffers = mmap(NULL, BUFFERS * sizeof(struct io_uring_buf), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	data = aligned_alloc(64, (size_t)BUFFERS * SIZE);
	reg.ring_addr = (uint64_t)(uintptr_t)buffers;
	need(io_uring_register_buf_ring(&ring, &reg, 0), "buffers");
	for (unsigned i = 0; i < BUFFERS; i++)
		io_uring_buf_ring_add(buffers, data + (size_t)i * SIZE, SIZE, (uint16_t)i,
		    io_uring_buf_ring_mask(BUFFERS), (int)i);
	io_uring_buf_ring_advance(buffers, BUFFERS);
}

/* The same rule as media/worker.c: the window grows from 15,000 to 60,000 packets a second. */
static unsigned window_for(uint64_t packets_per_s, unsigned longest)
{
	if (packets_per_s <= 15000)
		return 0;
	if (packets_per_s >= 60000)
		return longest;
	return (unsigned)(longest * (packets_per_s - 15000) / 45000);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

void relay_floor(
    const int *fds, uint32_t pairs, uint32_t idle, unsigned batch, unsigned window_us, _Atomic uint64_t *packets)
{
	uint64_t total = 0, before = 0, since = now_ns();
	unsigned window = 0;

	open_ring(fds, 2 * pairs + idle);
	for (uint32_t i = 0; i < 2 * pairs + idle; i++)
		arm(i);
	for (;;) {
		uint64_t now;

		wait_batch(batch, window);
		total += reap();
		atomic_store_explicit(packets, total, memory_order_relaxed);
		now = now_ns();
		if (now - since >= 100000000) {
			window =
			    window_for((total - before) * 1000000000 / (now - since), window_us);
			before = total;
			since = now;
		}
	}
}
