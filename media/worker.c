// SPDX-License-Identifier: MIT
#include "media/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include "config/clock.h"
#include "config/conf.h"
#include "config/event.h"
#include "media/recover.h"
#include "media/relay.h"
#include "media/tap.h"
#include "media/srtp.h"
#include "routing/shm/pool.h"
#include "routing/shm/queue.h"

#define TICK_NS      (10 * CLOCK_NS_PER_MS)
#define IDLE_NS      (50 * CLOCK_NS_PER_MS) /* without sessions; the heart must beat every 100 ms */
#define ROUND_TICKS  20                     /* every session is looked at once in so many ticks */
#define SLOW_NS      (100 * CLOCK_NS_PER_MS)
#define ARM_MOST     64    /* sockets of one pass */
#define COMMANDS_MAX 64    /* of one pass: packets come first */
#define LOAD_LOW     15000 /* packets a second: below it a wait for company costs a timer and saves no wake-up (150 calls) */
#define LOAD_HIGH    60000 /* from here on the window is as long as it may be */

void worker_ended(struct worker *w, uint32_t sock)
{
	struct sock *s = &w->port[sock / 2].sock[sock % 2];

	if (s->waiting)
		return;
	s->waiting = true;
	w->ended[w->ended_count++] = sock;
}

void worker_retry(struct worker *w, uint32_t slot)
{
	if (w->session[slot].retry)
		return;
	w->session[slot].retry = true;
	w->retry[w->retry_count++] = slot;
}

int worker_event(struct worker *w, enum kedge_evt evt, uint32_t generation, uint32_t slot)
{
	w->kick = true;
	return queue_push(&w->queues->evt, queue_msg(evt, generation, slot));
}

/* ---- what the backend calls ------------------------------------------------------------------ */

static void run_commands(struct worker *w);

/* Signaling queues what opens a way before it tells an end that it may speak. So what stands in the queue when a packet is
 * handled comes first, also where both came in one batch: else the first packet after an answer would be dropped. */
static void on_packet(void *ctx, uint32_t sock, uint32_t tag, const struct sockaddr *from,
    uint8_t *data, size_t len, bool cut)
{
	struct worker *w = ctx;

	if (queue_count(&w->queues->cmd) != 0)
		run_commands(w);
	relay_packet(w, sock, tag, from, data, len, cut);
}

static void on_soon(void *ctx, uint32_t sock)
{
	relay_soon(ctx, sock);
}

static void on_ended(void *ctx, uint32_t sock, uint32_t tag, int err)
{
	struct worker *w = ctx;

	if (err == ENOBUFS)
		worker_count(&w->count->buffers_empty, 1);
	else if (err == ECONNREFUSED || err == EHOSTUNREACH || err == ENETUNREACH)
		worker_count(&w->count->icmp, 1);
	else if (err == ECANCELED)
		worker_count(&w->count->cancelled, 1);
	else if (err == EAGAIN)
		worker_count(&w->count->again, 1);
	if (err != ECANCELED)
		worker_count(&w->count->rearmed, 1);
	w->port[sock / 2].sock[sock % 2].armed = IO_OFF;
	worker_ended(w, sock);
}

static void on_unsent(void *ctx, uint32_t sock, uint32_t tag, int err)
{
	struct worker *w = ctx;

	if (err == 0)
		worker_count(&w->count->short_send, 1);
	else if (err == EAGAIN)
		worker_count(&w->count->again, 1);
	else if (err == ECONNREFUSED || err == EHOSTUNREACH || err == ENETUNREACH)
		worker_count(&w->count->icmp, 1);
	worker_count(&w->count->drop_send, 1);
}

static void on_wake(void *ctx)
{
	((struct worker *)ctx)->commands = true;
}

/* ---- one pass -------------------------------------------------------------------------------- */

static void run_commands(struct worker *w)
{
	uint64_t msg;

	for (int i = 0; i < COMMANDS_MAX; i++) {
		if (queue_pop(&w->queues->cmd, &msg) < 0) {
			w->commands = false;
			return;
		}
		if (queue_msg_op(msg) == KEDGE_CMD_SESSION &&
		    queue_msg_slot(msg) < w->seg->pub->slots)
			session_sync(w, queue_msg_slot(msg));
	}
}

static void run_retries(struct worker *w)
{
	uint32_t n = w->retry_count;

	/* What fails again queues up behind, in the places this loop has left. */
	w->retry_count = 0;
	for (uint32_t i = 0; i < n; i++) {
		w->session[w->retry[i]].retry = false;
		session_sync(w, w->retry[i]);
	}
}

/* A recovered plane has thousands of sockets to arm, each with what came meanwhile: what is read at once is in hand, and lost with
 * the process, so only some are armed in a pass. What cannot be armed now queues up behind, for the next pass. */
static void run_ended(struct worker *w)
{
	uint32_t all = w->ended_count, n = all < ARM_MOST ? all : ARM_MOST, again[ARM_MOST], more;

	w->ended_count = 0;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t sock = w->ended[i];

		w->port[sock / 2].sock[sock % 2].waiting = false;
		port_settle(w, sock);
	}
	w->arming = all > n;
	if (!w->arming)
		return;
	more = w->ended_count;
	memcpy(again, w->ended, more * sizeof(again[0]));
	memmove(w->ended, w->ended + n, (all - n) * sizeof(w->ended[0]));
	memcpy(w->ended + (all - n), again, more * sizeof(again[0]));
	w->ended_count = all - n + more;
}

/* From the packets of the last 100 ms: waiting for company saves wake-ups only where there is company. */
static void measure_load(struct worker *w)
{
	uint64_t packets = atomic_load_explicit(&w->count->packets_in, memory_order_relaxed);
	uint64_t took = w->now_ns - w->load_ns, load;

	if (took == 0)
		return;
	load = (packets - w->packets_before) * CLOCK_NS_PER_S / took;
	w->packets_per_s = (w->packets_per_s + load) / 2;
	w->packets_before = packets;
	w->load_ns = w->now_ns;
	if (w->packets_per_s <= LOAD_LOW)
		w->window_us = 0;
	else if (w->packets_per_s >= LOAD_HIGH)
		w->window_us = w->setup.window_us;
	else
		w->window_us = (unsigned)(w->setup.window_us * (w->packets_per_s - LOAD_LOW) /
		                          (LOAD_HIGH - LOAD_LOW));
}

static void slow_tick(struct worker *w)
{
	w->slow_ns = w->now_ns;
	measure_load(w);
	tap_tell(w);
	port_tell(w);
	run_retries(w);
	w->commands = true; /* signaling may have died between queue and eventfd */
	if (++w->slow_ticks % 10 == 0) {
		atomic_store_explicit(
		    &w->count->loop_lag_ns, w->pass_worst_ns, memory_order_relaxed);
		w->pass_worst_ns = 0;
	}
	if (w->now_ns - w->audited_ns >= w->setup.audit_ns) {
		w->audited_ns = w->now_ns;
		port_audit(w);
	}
}

static void count_free_ports(struct worker *w)
{
	uint64_t n = 0;

	for (uint32_t net = 0; net < w->seg->priv->net_count; net++)
		n += queue_count(&w->queues->free[net]);
	atomic_store_explicit(&w->count->ports_free, n, memory_order_relaxed);
}

/* A slice of the sessions at a time, so that no pass is long; from the back, for closing one moves the last into its place. */
static void tick(struct worker *w)
{
	uint32_t n = (w->open_count + ROUND_TICKS - 1) / ROUND_TICKS;

	w->tick_ns = w->now_ns;
	for (; n > 0 && w->open_count > 0; n--) {
		if (w->open_next == 0 || w->open_next > w->open_count)
			w->open_next = w->open_count;
		session_tick(w, w->open[--w->open_next]);
	}
	dtmf_tick(w);
	port_tick(w);
	local_look(w);
	count_free_ports(w);
	if (w->now_ns - w->slow_ns >= SLOW_NS)
		slow_tick(w);
	atomic_store_explicit(&w->beat->beat_ns, w->now_ns, memory_order_relaxed);
}

static void after_packets(struct worker *w)
{
	/* What ended receptions leave in their sockets is relayed below: orders first there too, woken or not. */
	if (w->commands || queue_count(&w->queues->cmd) != 0) {
		run_commands(w);
		port_tick(w);
		count_free_ports(w);
	}
	if (w->now_ns - w->tick_ns >= TICK_NS)
		tick(w);
	if (w->now_ns >= w->local.next_ns)
		local_step(w);
	if (w->ended_count != 0)
		run_ended(w);
	if (w->kick) {
		w->kick = false;
		eventfd_write(w->seg->priv->sig_eventfd, 1);
	}
}

static uint64_t time_to_tick(const struct worker *w)
{
	uint64_t period = w->open_count != 0 || w->resting != 0 ? TICK_NS : IDLE_NS;
	uint64_t now = clock_mono_ns(), due = w->tick_ns + period;

	if (w->commands || w->arming) /* else what waits in w->ended could not be armed: not at once again */
		return 0;
	if (w->local.next_ns < due)
		due = w->local.next_ns;
	return now < due ? due - now : 0;
}

static int pass(struct worker *w)
{
	int rc = w->ops->pass(w->io, time_to_tick(w), w->window_us);
	uint64_t began = w->now_ns, took;

	if (rc < 0)
		return rc;
	after_packets(w);
	took = clock_mono_ns() - began;
	if (took > w->pass_worst_ns)
		w->pass_worst_ns = took;
	return 0;
}

/* ---- life ------------------------------------------------------------------------------------ */

void *worker_table(size_t n, size_t size)
{
	void *p = mmap(NULL, n * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

void worker_table_free(void *p, size_t n, size_t size)
{
	if (p != NULL)
		munmap(p, n * size);
}

static void fill_fds(struct worker *w)
{
	for (uint32_t i = 0; i < w->port_count; i++) {
		const struct kedge_port *k = segment_port(w->seg, i);
		bool mine = k->worker == w->id;

		w->fds[2 * i] = mine ? k->fd_rtp : -1;
		w->fds[2 * i + 1] = mine ? k->fd_rtcp : -1;
	}
}

void worker_media_dead(struct worker *w, uint64_t ns)
{
	atomic_store_explicit(&w->media_dead_ns, ns, memory_order_relaxed);
}

void worker_rate(struct worker *w, uint32_t times)
{
	atomic_store_explicit(&w->rate, times, memory_order_relaxed);
}

void worker_comfort_noise(struct worker *w, bool on)
{
	atomic_store_explicit(&w->comfort_noise, on, memory_order_relaxed);
}

struct worker *worker_new(const struct segment *seg, uint32_t id, const struct worker_setup *setup)
{
	struct worker *w =
	    aligned_alloc(KEDGE_LINE, (sizeof(*w) + KEDGE_LINE - 1) / KEDGE_LINE * KEDGE_LINE);
	uint32_t ports = seg->priv->port_count, slots = seg->pub->slots;
	bool lacks;

	if (w == NULL)
		return NULL;
	memset(w, 0, sizeof(*w));
	sem_init(&w->go, 0, 0);
	w->id = id;
	w->seg = seg;
	w->setup = *setup;
	w->tap = setup->tap;
	worker_media_dead(w, setup->media_dead_ns);
	worker_rate(w, setup->rate);
	worker_comfort_noise(w, setup->comfort_noise);
	w->local.shelf = setup->shelf;
	w->count = segment_worker(seg, id);
	w->queues = segment_queues(seg, id);
	w->beat = &seg->pub->worker[id];
	w->sig_beat = &seg->pub->sig;
	w->port_count = ports;
	w->port = worker_table(ports + 1, sizeof(*w->port));
	w->end = worker_table(ports + 1, sizeof(*w->end));
	w->repack = worker_table(ports + 1, sizeof(*w->repack));
	w->fds = calloc(2 * (size_t)ports + 1, sizeof(*w->fds));
	w->ended = calloc(2 * (size_t)ports + 1, sizeof(*w->ended));
	w->place = calloc(ports + 1, 1);
	w->session = worker_table(slots, sizeof(*w->session));
	w->open = calloc(slots, sizeof(*w->open));
	w->retry = calloc(slots, sizeof(*w->retry));
	lacks = local_init(w, ports) < 0;
	if (!w->port || !w->end || !w->repack || !w->fds || !w->ended || !w->place || !w->session || !w->open ||
	    !w->retry || lacks) {
		worker_free(w);
		return NULL;
	}
	fill_fds(w);
	if (!setup->spare) {
		worker_claim(w);
		worker_go(w);
	}
	return w;
}

void worker_claim(struct worker *w)
{
	segment_beat_start(w->beat, clock_mono_ns(), clock_wall_ms());
	/* Before any worker lends: the rings and the table stand still but for signaling. */
	pool_scan(w->seg, w->place);
	w->claimed = true;
}

void worker_go(struct worker *w)
{
	sem_post(&w->go);
}

void worker_free(struct worker *w)
{
	if (w == NULL)
		return;
	for (uint32_t i = 0; w->port != NULL && w->end != NULL && i < w->port_count; i++)
		if (w->port[i].state == PORT_LENT) {
			secure_close(&w->end[i].secure);
			dtmf_end_closed(w, &w->end[i]);
		}
	worker_table_free(w->port, w->port_count + 1, sizeof(*w->port));
	worker_table_free(w->end, w->port_count + 1, sizeof(*w->end));
	worker_table_free(w->repack, w->port_count + 1, sizeof(*w->repack));
	worker_table_free(w->session, w->seg->pub->slots, sizeof(*w->session));
	local_fini(w);
	sem_destroy(&w->go);
	free(w->fds);
	free(w->ended);
	free(w->place);
	free(w->open);
	free(w->retry);
	free(w);
}

static int try_backend(struct worker *w, const struct io_ops *ops, const char **note)
{
	struct io_setup setup = { .fds = w->fds,
		.socks = 2 * w->port_count,
		.wake_fd = w->seg->priv->worker_eventfd[w->id],
		.batch = w->setup.batch,
		.buffers = w->setup.buffers,
		.now_ns = &w->now_ns,
		.hooks = { w, on_packet, on_soon, on_ended, on_unsent, on_wake } };
	int rc = ops->open(&w->io, &setup, note);

	if (rc == 0)
		w->ops = ops;
	return rc;
}

static int open_backend(struct worker *w)
{
	const char *note = NULL;
	int rc = -ENOSYS, denied = 0;

	if (w->setup.backend != CONF_BACKEND_EPOLL)
		rc = denied = try_backend(w, &uring_ops, &note);
	if (rc < 0 && w->setup.backend != CONF_BACKEND_URING)
		rc = try_backend(w, &epoll_ops, &note);
	if (rc < 0) {
		event_log(
		    media_error, .what = "open a backend", .why = strerror(-rc), .worker = w->id);
		return rc;
	}
	if (denied < 0)
		note = strerror(-denied);
	else if (w->setup.backend == CONF_BACKEND_EPOLL)
		note = "media.backend";
	w->note = note;
	return 0;
}

/* A call's packets first: the rest of the ports can wait until they flow again. */
static void go_on(struct worker *w)
{
	uint32_t recovered;
	bool fresh = atomic_load_explicit(&w->beat->starts, memory_order_relaxed) <= 1;

	atomic_store_explicit(&w->beat->backend, w->ops->backend, memory_order_relaxed);
	w->now_ns = w->tick_ns = w->slow_ns = w->audited_ns = w->load_ns = clock_mono_ns();
	w->packets_before = atomic_load_explicit(&w->count->packets_in, memory_order_relaxed);
	w->cut_told = atomic_load_explicit(&w->count->rest_cut, memory_order_relaxed);
	atomic_store_explicit(&w->count->sessions, 0, memory_order_relaxed);
	port_attach(w, w->place, fresh);
	recovered = recover_sessions(w);
	worker_count(&w->count->recovered, recovered);
	w->commands = true;
	event_log(media_backend, .worker = w->id, .backend = w->ops->name, .why = w->note);
	if (recovered != 0)
		event_log(media_recovered, .worker = w->id, .sessions = recovered);
	count_free_ports(w);
	atomic_store_explicit(&w->beat->beat_ns, w->now_ns, memory_order_relaxed);
	atomic_store_explicit(&w->beat->state, KEDGE_PLANE_RUNNING, memory_order_release);
}

int worker_run(struct worker *w)
{
	int rc;

	rc = open_backend(w);
	if (rc < 0)
		return rc;
	while (sem_wait(&w->go) < 0)
		;
	if (!w->claimed) { /* a spare that was never needed */
		w->ops->close(w->io);
		return 0;
	}
	go_on(w);
	while (rc == 0 && !atomic_load_explicit(&w->stop, memory_order_relaxed))
		rc = pass(w);
	if (w->setup.shelf)
		shelf_leave(w->setup.shelf, w->id);
	/* What was read is sent on; what still waits in the sockets waits for a successor. */
	w->ops->flush(w->io);
	w->ops->close(w->io);
	atomic_store_explicit(&w->beat->state, KEDGE_PLANE_NONE, memory_order_relaxed);
	if (rc < 0)
		event_log(media_error, .what = "pass", .why = strerror(-rc), .worker = w->id);
	return rc;
}

void worker_stop(struct worker *w)
{
	atomic_store_explicit(&w->stop, true, memory_order_relaxed);
	worker_go(w);
	if (w->claimed)
		eventfd_write(w->seg->priv->worker_eventfd[w->id], 1);
}
