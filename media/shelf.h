// SPDX-License-Identifier: MIT
/* shelf: where the workers find what they can play, and the thread that fills it.
 *
 *   shelf_follow(conf) --> thread: prompt_set_new --> set --(each worker takes it at its next look)--> the old one is freed
 *
 * To read an hour of files takes a while: neither the start nor the packets wait for it. A worker takes the set that is there
 * with shelf_take(), which tells that it holds no older one; the old set is freed once every worker said so. A worker that
 * never looks again (it ended) is told off with shelf_leave().
 * Threads: shelf_open, _follow, _close the owner's; shelf_take, _leave the worker's of that number. */
#ifndef KEDGE_MEDIA_SHELF_H
#define KEDGE_MEDIA_SHELF_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/conf.h"
#include "media/prompt.h"
#include "routing/shm/layout.h"

struct shelf {
	_Alignas(KEDGE_LINE) _Atomic(const struct prompt_set *) set; /* NULL: none was made yet */
	struct {
		_Alignas(KEDGE_LINE) _Atomic uint64_t number; /* of the set it holds; UINT64_MAX: none any more */
	} holds[KEDGE_WORKERS_MAX];
	unsigned workers;
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	const struct conf *wanted; /* a reference; NULL: nothing new */
	bool stop;
};

/* Starts the thread. 0 or a negative errno. */
int shelf_open(struct shelf *s, unsigned workers);

/* This configuration is in force: its sounds are made. Takes a reference. */
void shelf_follow(struct shelf *s, const struct conf *c);

/* All workers have left or ended. */
void shelf_close(struct shelf *s);

/* What worker w plays from now on; what it had before may go. NULL: nothing yet. Does not wait. */
static inline const struct prompt_set *shelf_take(struct shelf *s, uint32_t w)
{
	/* acquire: the set was written before it was put there (shelf.c) */
	const struct prompt_set *set = atomic_load_explicit(&s->set, memory_order_acquire);

	/* release: behind the last read of the set before; pairs with the acquire of who frees that */
	atomic_store_explicit(&s->holds[w].number, set ? set->number : 0, memory_order_release);
	return set;
}

static inline void shelf_leave(struct shelf *s, uint32_t w)
{
	atomic_store_explicit(&s->holds[w].number, UINT64_MAX, memory_order_release);
}

#endif
