// SPDX-License-Identifier: MIT
/* worker: one thread, one backend (io.h), the sessions and port pairs that are its own. Submit, reap, commands, timers.
 *
 *   pass:  wait (min. window) -> packets: relay -> commands: session -> timers -> arm what ended -> kick signaling
 *
 * Everything is allocated in worker_new(); afterwards nothing here allocates or locks, and only timers and
 * commands log. Thread: worker_run() is the thread; worker_stop() from any thread. */
#ifndef KEDGE_MEDIA_WORKER_H
#define KEDGE_MEDIA_WORKER_H

#ifdef SU_H
#error "the signaling library stays out of the media plane"
#endif

#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "media/early.h"
#include "media/io.h"
#include "media/local.h"
#include "media/outlet.h"
#include "media/port.h"
#include "media/repack.h"
#include "media/session.h"
#include "media/stitch.h"
#include "routing/shm/segment.h"

struct worker_setup {
	uint8_t backend;    /* enum conf_backend */
	unsigned window_us; /* longest wait for a batch; shrinks with the load */
	unsigned batch;
	unsigned buffers; /* a power of two */
	uint64_t port_rest_ns, orphan_ns, media_dead_ns;
	uint32_t rate;     /* media.rate */
	bool spare;        /* worker_run() waits for worker_go() */
	uint64_t audit_ns; /* between two looks for forgotten port pairs */
	bool comfort_noise;
	struct tap *tap;     /* of recorded calls, borrowed; NULL: nobody records */
	struct shelf *shelf; /* what there is to play, borrowed; NULL: nothing */
};

struct worker {
	/* What every packet needs. */
	const struct io_ops *ops;
	struct io *io;
	uint64_t now_ns; /* of this pass */
	struct kedge_worker *count;
	struct port *port;       /* by index of the port table */
	struct end *end;         /* by the same: an end has one pair */
	struct session *session; /* by slot */
	struct repack *repack;   /* by port: untouched where no end wants another size */
	const struct segment *seg;
	bool kick; /* an event was queued in this pass */

	uint32_t id;
	struct tap *tap; /* setup's */
	struct worker_setup setup;
	_Atomic uint64_t media_dead_ns; /* setup's, until another configuration is in force */
	_Atomic uint32_t rate;          /* the same */
	_Atomic bool comfort_noise;     /* the same */
	struct kedge_worker_queues *queues;
	struct kedge_beat *beat, *sig_beat;
	int *fds;       /* by socket */
	uint8_t *place; /* by port: for pool_scan() */
	uint32_t port_count;

	uint32_t *open; /* slots of open sessions, in no order */
	uint32_t open_count, open_next;
	uint32_t
	    *ended; /* sockets whose reception ended in this pass, or that wait for their first */
	uint32_t ended_count;
	uint32_t *retry; /* slots to be looked at again: session.retry */
	uint32_t retry_count;
	struct port_rest rest[KEDGE_NETS_MAX];
	uint32_t resting; /* pairs in these */
	uint64_t cut_told, cut_told_ns; /* of rest_cut; when */
	bool commands;    /* more wait than one pass takes */
	bool recovering;
	bool arming; /* more stand in ended than one pass takes */

	unsigned window_us; /* for the load of now */
	uint64_t packets_before, load_ns, packets_per_s;
	uint64_t tick_ns, slow_ns, audited_ns, pass_worst_ns;
	unsigned slow_ticks;
	struct early early;
	struct dtmf *dtmf; /* ends with digits under way */
	struct local local;
	unsigned room_next;
	uint8_t room[OUTLET_ROOMS][IO_BIG]; /* outlet_room() */
	const char *note; /* what the operator should know of the backend */
	bool claimed;     /* the worker's lines of the table are ours: before the first post of go */
	sem_t go;
	_Atomic bool stop;
};

/* Plain words of the table that only this worker writes. */
static inline void worker_count(_Atomic uint64_t *word, uint64_t n)
{
	atomic_store_explicit(
	    word, atomic_load_explicit(word, memory_order_relaxed) + n, memory_order_relaxed);
}

/* NULL: no memory. The segment is attached and outlives the worker. All are made before the first one runs. */
struct worker *worker_new(const struct segment *seg, uint32_t id, const struct worker_setup *setup);
void worker_free(struct worker *w);

/* media.media_dead is another one from now on. Any thread. */
void worker_media_dead(struct worker *w, uint64_t ns);
void worker_comfort_noise(struct worker *w, bool on);

/* Whole pages, zeroed: aligned for the structs, and a page nobody used yet costs nothing. NULL: no memory. */
void *worker_table(size_t n, size_t size);
void worker_table_free(void *p, size_t n, size_t size);

/* And media.rate. Any thread. */
void worker_rate(struct worker *w, uint32_t times);

/* The predecessor is dead: its lines are ours, what it lent is known. For all workers of a spare before worker_go() of the first. */
void worker_claim(struct worker *w);
void worker_go(struct worker *w);

/* The thread: opens the backend, goes on from the session table, serves until worker_stop(). 0 or a negative errno. */
int worker_run(struct worker *w);
void worker_stop(struct worker *w);

/* Looks at the slot again at the next tick. */
void worker_retry(struct worker *w, uint32_t slot);

/* Tells signaling; what does not fit in the queue is seen in the table. 0 or -ENOBUFS. */
int worker_event(struct worker *w, enum kedge_evt evt, uint32_t generation, uint32_t slot);

/* This socket's reception is to be looked at before the pass ends: nothing is armed on it. */
void worker_ended(struct worker *w, uint32_t sock);

#endif
