// SPDX-License-Identifier: MIT
/* uring: the seam of io.h on io_uring; alone includes liburing. What is done here was measured (bench/relay_pps).
 *
 * user_data: op << 56 | tag << 32 | socket number. Receives are multishot into provided buffers; sends leave
 * a completion only where they fail. By the time a submit returns the sent bytes are copied, so buffers go back to their
 * rings in recycle(), after the submit that sent them, and nowhere else. */
#include "media/io.h"

#include <errno.h>
#include <liburing.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config/clock.h"

#define SQ_ENTRIES 4096
#define CQ_ENTRIES 65536 /* every armed receive may end at once beside a full buffer ring */
#define AHEAD      2     /* answers whose ends are fetched beforehand */
#define HELD_MOST  64    /* buffers read and not yet given back: then a submit */
#define SMALL_SIZE 576   /* IO_SMALL, and what recvmsg puts before it, in whole cache lines */
#define BIG_COUNT  256
#define BIG_SIZE   (IO_BIG + 64)

#ifndef IORING_FEAT_MIN_TIMEOUT
#define IORING_FEAT_MIN_TIMEOUT (1U << 15)
#endif

enum op {
	OP_WAKE = 1,
	OP_CANCEL,
	OP_SEND,
	OP_RECEIVE = 16,
	OP_NAMED = 1,
	OP_BIG = 2
}; /* the last two: bits of OP_RECEIVE */
enum group { SMALL, BIG, GROUPS };

struct pool { /* one provided buffer ring */
	struct io_uring_buf_ring *ring;
	uint8_t *data;
	unsigned count, size;
};

struct io {
	struct io_uring ring;
	struct io_hooks hooks;
	struct pool pool[GROUPS];
	struct msghdr name_only; /* template of every recvmsg */
	unsigned batch;
	uint64_t *now_ns;
	int wake_fd;
	uint32_t wake_file; /* index of the eventfd among the registered files */
	uint8_t *armed;     /* by socket: the op to cancel */
	bool min_wait;      /* the kernel has IORING_FEAT_MIN_TIMEOUT */
	bool wake_armed;
	bool registered; /* the ring's own descriptor is */
	unsigned sends;  /* since the last flush */
	unsigned held_count;
	uint32_t *held; /* group << 16 | buffer; room for all */
};

static uint64_t pack(unsigned op, uint32_t tag, uint32_t sock)
{
	return (uint64_t)op << 56 | (uint64_t)IO_TAG(tag) << 32 | sock;
}

/* ---- buffers --------------------------------------------------------------------------------- */

static int pool_open(struct io *io, enum group group, unsigned count, unsigned size)
{
	struct pool *p = &io->pool[group];
	struct io_uring_buf_reg reg = { .ring_entries = count, .bgid = (uint16_t)group };
	size_t ring_size = count * sizeof(struct io_uring_buf);
	int rc;

	*p = (struct pool){ .count = count, .size = size };
	p->ring = mmap(NULL, ring_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p->ring == MAP_FAILED) {
		p->ring = NULL;
		return -errno;
	}
	p->data = aligned_alloc(KEDGE_LINE, (size_t)count * size);
	if (p->data == NULL)
		return -ENOMEM;
	memset(p->data, 0, (size_t)count * size); /* no page fault later, in the packet path */
	reg.ring_addr = (uint64_t)(uintptr_t)p->ring;
	rc = io_uring_register_buf_ring(&io->ring, &reg, 0);
	if (rc < 0)
		return rc;
	io_uring_buf_ring_init(p->ring);
	for (unsigned i = 0; i < count; i++)
		io_uring_buf_ring_add(p->ring, p->data + (size_t)i * size, size, (uint16_t)i,
		    io_uring_buf_ring_mask(count), (int)i);
	io_uring_buf_ring_advance(p->ring, (int)count);
	return 0;
}

static void pool_close(struct pool *p)
{
	free(p->data);
	if (p->ring != NULL)
		munmap(p->ring, p->count * sizeof(struct io_uring_buf));
}

/* The one place that gives buffers back. None while a send of their bytes may still wait: where the kernel had no memory for
 * a submit, the next one takes both. */
static void recycle(struct io *io)
{
	int added[GROUPS] = { 0 };

	if (io_uring_sq_ready(&io->ring) != 0)
		return;
	for (unsigned i = 0; i < io->held_count; i++) {
		unsigned group = io->held[i] >> 16, bid = io->held[i] & 0xffff;
		struct pool *p = &io->pool[group];

		io_uring_buf_ring_add(p->ring, p->data + (size_t)bid * p->size, p->size,
		    (uint16_t)bid, io_uring_buf_ring_mask(p->count), added[group]++);
	}
	for (int group = 0; group < GROUPS; group++)
		if (added[group] != 0)
			io_uring_buf_ring_advance(io->pool[group].ring, added[group]);
	io->held_count = 0;
}

/* ---- requests -------------------------------------------------------------------------------- */

static void uring_flush(struct io *io)
{
	io_uring_submit(&io->ring);
	io->sends = 0;
	recycle(io);
}

/* The one place that hands out requests. With SUBMIT_ALL a submit empties the queue, unless the kernel has no memory:
 * then NULL, and the request is answered as failed. */
static struct io_uring_sqe *request(struct io *io)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&io->ring);

	if (sqe == NULL) {
		uring_flush(io);
		sqe = io_uring_get_sqe(&io->ring);
	}
	return sqe;
}

static void arm_wake(struct io *io)
{
	struct io_uring_sqe *sqe = request(io);

	io->wake_armed = sqe != NULL;
	if (sqe == NULL)
		return;
	io_uring_prep_poll_multishot(sqe, (int)io->wake_file, POLLIN);
	io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	io_uring_sqe_set_data64(sqe, pack(OP_WAKE, 0, 0));
}

static void uring_arm(struct io *io, uint32_t sock, uint32_t tag, enum io_mode mode, bool big)
{
	struct io_uring_sqe *sqe = request(io);

	if (sqe == NULL) {
		io->hooks.ended(io->hooks.ctx, sock, tag, EAGAIN);
		return;
	}
	if (mode == IO_PLAIN)
		io_uring_prep_recv_multishot(sqe, (int)sock, NULL, 0, 0);
	else
		io_uring_prep_recvmsg_multishot(sqe, (int)sock, &io->name_only, 0);
	io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT);
	sqe->buf_group = big ? BIG : SMALL;
	io->armed[sock] =
	    (uint8_t)(OP_RECEIVE | (mode == IO_PLAIN ? 0 : OP_NAMED) | (big ? OP_BIG : 0));
	io_uring_sqe_set_data64(sqe, pack(io->armed[sock], tag, sock));
}

/* Where there is no room the worker asks again at its next tick. */
static void uring_disarm(struct io *io, uint32_t sock, uint32_t tag)
{
	struct io_uring_sqe *sqe = request(io);

	if (sqe == NULL)
		return;
	io_uring_prep_cancel64(sqe, pack(io->armed[sock], tag, sock), 0);
	io_uring_sqe_set_data64(sqe, pack(OP_CANCEL, tag, sock));
}

static void uring_send(struct io *io, uint32_t sock, uint32_t tag, const void *data, size_t len,
    const struct sockaddr *to, socklen_t to_len)
{
	struct io_uring_sqe *sqe = request(io);

	if (sqe == NULL) {
		io->hooks.unsent(io->hooks.ctx, sock, tag, ENOBUFS);
		return;
	}
	io_uring_prep_send(sqe, (int)sock, data, len, MSG_DONTWAIT);
	if (to != NULL)
		io_uring_prep_send_set_addr(sqe, to, (uint16_t)to_len);
	io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS);
	io_uring_sqe_set_data64(sqe, pack(OP_SEND, tag, sock));
	if (++io->sends >= IO_SENDS)
		uring_flush(io);
}

/* ---- answers --------------------------------------------------------------------------------- */

static void on_wake(struct io *io, const struct io_uring_cqe *cqe)
{
	eventfd_t n;

	if (!(cqe->flags & IORING_CQE_F_MORE))
		arm_wake(io);
	if (cqe->res >= 0 && cqe->res & POLLIN && eventfd_read(io->wake_fd, &n) == 0)
		io->hooks.wake(io->hooks.ctx);
}

static void on_recvmsg(struct io *io, uint32_t sock, uint32_t tag, uint8_t *data, int len)
{
	struct io_uring_recvmsg_out *o = io_uring_recvmsg_validate(data, len, &io->name_only);

	if (o == NULL)
		return;
	io->hooks.packet(io->hooks.ctx, sock, tag, io_uring_recvmsg_name(o),
	    io_uring_recvmsg_payload(o, &io->name_only),
	    io_uring_recvmsg_payload_length(o, len, &io->name_only), o->flags & MSG_TRUNC);
}

static void on_receive(
    struct io *io, const struct io_uring_cqe *cqe, unsigned op, uint32_t tag, uint32_t sock)
{
	if (cqe->flags & IORING_CQE_F_BUFFER) {
		unsigned bid = cqe->flags >> IORING_CQE_BUFFER_SHIFT,
		         group = op & OP_BIG ? BIG : SMALL;
		struct pool *p = &io->pool[group];
		uint8_t *data = p->data + (size_t)bid * p->size;

		if (op & OP_NAMED && cqe->res > 0)
			on_recvmsg(io, sock, tag, data, cqe->res);
		else if (!(op & OP_NAMED) && cqe->res >= 0)
			io->hooks.packet(io->hooks.ctx, sock, tag, NULL, data, (size_t)cqe->res,
			    (unsigned)cqe->res >= p->size);
		io->held[io->held_count++] = group << 16 | bid;
		if (io->held_count >= HELD_MOST)
			uring_flush(io);
	}
	if (!(cqe->flags & IORING_CQE_F_MORE))
		io->hooks.ended(io->hooks.ctx, sock, tag, cqe->res < 0 ? -cqe->res : 0);
}

/* Only what failed is told: IOSQE_CQE_SKIP_SUCCESS. */
static void on_send(struct io *io, const struct io_uring_cqe *cqe, uint32_t tag, uint32_t sock)
{
	io->hooks.unsent(io->hooks.ctx, sock, tag, cqe->res < 0 ? -cqe->res : 0);
}

static void on_answer(struct io *io, const struct io_uring_cqe *cqe)
{
	unsigned op = (unsigned)(cqe->user_data >> 56);
	uint32_t tag = (uint32_t)(cqe->user_data >> 32) & 0xffffff, sock = (uint32_t)cqe->user_data;

	if (op & OP_RECEIVE)
		on_receive(io, cqe, op, tag, sock);
	else if (op == OP_SEND)
		on_send(io, cqe, tag, sock);
	else if (op == OP_WAKE)
		on_wake(io, cqe);
	/* OP_CANCEL: what it ended says so itself. */
}

/* Ends lie scattered over memory: what the answer after next will need is fetched while this one is worked on. */
static void prefetch(struct io *io, unsigned index)
{
	const struct io_uring_cqe *cqe = &io->ring.cq.cqes[index & io->ring.cq.ring_mask];

	if (cqe->user_data >> 56 & OP_RECEIVE)
		io->hooks.soon(io->hooks.ctx, (uint32_t)cqe->user_data);
}

static void reap(struct io *io)
{
	struct io_uring_cqe *cqe;
	unsigned head, n = 0, ready = io_uring_cq_ready(&io->ring);

	io_uring_for_each_cqe(&io->ring, head, cqe)
	{
		if (n + AHEAD < ready)
			prefetch(io, head + AHEAD);
		on_answer(io, cqe);
		n++;
	}
	io_uring_cq_advance(&io->ring, n);
}

/* ---- waiting --------------------------------------------------------------------------------- */

/* What liburing 2.3 has no helper for: io_uring_enter with min_wait_usec, which lies where its struct has `pad`. */
static int enter(struct io *io, unsigned wait_nr, uint64_t timeout_ns, unsigned min_wait_us)
{
	struct io_uring_sq *sq = &io->ring.sq;
	struct __kernel_timespec ts = { .tv_sec = (int64_t)(timeout_ns / 1000000000),
		.tv_nsec = (long long)(timeout_ns % 1000000000) };
	struct io_uring_getevents_arg arg = { .ts = (uint64_t)(uintptr_t)&ts, .pad = min_wait_us };
	unsigned flags = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG;
	int rc;

	if (io->registered)
		flags |= IORING_ENTER_REGISTERED_RING;
	if (sq->sqe_head != sq->sqe_tail) {
		sq->sqe_head = sq->sqe_tail;
		io_uring_smp_store_release(sq->ktail, sq->sqe_tail);
	}
	rc = io_uring_enter2((unsigned)io->ring.enter_ring_fd, sq->sqe_tail - *sq->khead, wait_nr,
	    flags, (sigset_t *)&arg, sizeof(arg));
	return rc < 0 && rc != -ETIME && rc != -EINTR && rc != -EBUSY && rc != -EAGAIN ? rc : 0;
}

static int uring_pass(struct io *io, uint64_t timeout_ns, unsigned window_us)
{
	unsigned ready = io_uring_cq_ready(&io->ring);
	int rc;

	if (!io->wake_armed)
		arm_wake(io);
	if (ready >= io->batch || timeout_ns == 0)
		rc = enter(io, 0, 0, 0);
	else if (window_us == 0)
		rc = enter(io, 1, timeout_ns, 0);
	else if (io->min_wait)
		rc = enter(io, io->batch, timeout_ns, window_us);
	else if ((rc = enter(io, 1, timeout_ns, 0)) == 0 && io_uring_cq_ready(&io->ring) != 0)
		rc = enter(io, io->batch, (uint64_t)window_us * 1000, 0);
	/* What was submitted is copied. */
	io->sends = 0;
	recycle(io);
	*io->now_ns = clock_mono_ns();
	if (rc < 0)
		return rc;
	reap(io);
	return 0;
}

/* ---- life ------------------------------------------------------------------------------------ */

static int register_files(struct io *io, const struct io_setup *setup)
{
	int *fds = malloc((setup->socks + 1) * sizeof(*fds)), rc;

	if (fds == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < setup->socks; i++)
		fds[i] = setup->fds[i];
	fds[setup->socks] = setup->wake_fd;
	io->wake_file = setup->socks;
	rc = io_uring_register_files(&io->ring, fds, setup->socks + 1);
	free(fds);
	return rc;
}

static int open_ring(struct io *io)
{
	struct io_uring_params p = { .flags = IORING_SETUP_SINGLE_ISSUER |
		                              IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL |
		                              IORING_SETUP_CQSIZE,
		.cq_entries = CQ_ENTRIES };
	int rc = io_uring_queue_init_params(SQ_ENTRIES, &io->ring, &p);

	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < p.sq_entries; i++)
		io->ring.sq.array[i] = i; /* enter() relies on it */
	io->min_wait = p.features & IORING_FEAT_MIN_TIMEOUT;
	io->registered = io_uring_register_ring_fd(&io->ring) == 1;
	return 0;
}

static void uring_close(struct io *io)
{
	io_uring_queue_exit(&io->ring);
	for (int group = 0; group < GROUPS; group++)
		pool_close(&io->pool[group]);
	free(io->armed);
	free(io->held);
	free(io);
}

static int uring_open(struct io **out, const struct io_setup *setup, const char **note)
{
	struct io *io = calloc(1, sizeof(*io));
	int rc;

	if (io == NULL)
		return -ENOMEM;
	io->hooks = setup->hooks;
	io->batch = setup->batch;
	io->now_ns = setup->now_ns;
	io->wake_fd = setup->wake_fd;
	io->name_only.msg_namelen = sizeof(struct sockaddr_in6);
	io->armed = calloc(setup->socks + 1, 1);
	io->held = calloc(setup->buffers + BIG_COUNT, sizeof(*io->held));
	rc = io->armed != NULL && io->held != NULL ? open_ring(io) : -ENOMEM;
	if (rc < 0)
		goto out_free;
	if ((rc = register_files(io, setup)) < 0 ||
	    (rc = pool_open(io, SMALL, setup->buffers, SMALL_SIZE)) < 0 ||
	    (rc = pool_open(io, BIG, BIG_COUNT, BIG_SIZE)) < 0) {
		uring_close(io);
		return rc;
	}
	arm_wake(io);
	*note = io->min_wait ? NULL
	                     : "no minimum wait before Linux 6.12: one more system call per batch";
	*out = io;
	return 0;
out_free:
	free(io->armed);
	free(io->held);
	free(io);
	return rc;
}

const struct io_ops uring_ops = {
	.name = "io_uring",
	.backend = KEDGE_BACKEND_URING,
	.open = uring_open,
	.close = uring_close,
	.arm = uring_arm,
	.disarm = uring_disarm,
	.send = uring_send,
	.flush = uring_flush,
	.pass = uring_pass,
};
