// SPDX-License-Identifier: MIT
/* plane: a media plane alone, for tests and benches. The calling process plays `kedge run` (segment, sockets, eventfds, start and
 * restart of kedge-media) and kedge-sig (session table, commands, events, heartbeat).
 * Anchors, ends, commands, events: one thread. The heartbeat has a thread of its own. */
#ifndef KEDGE_TESTS_HARNESS_PLANE_H
#define KEDGE_TESTS_HARNESS_PLANE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "routing/shm/segment.h"

struct plane_options {
	const char *program; /* NULL: kedge-media beside or above this program */
	unsigned workers, slots, hops;
	unsigned pairs;      /* of each net, over all workers */
	const char *nets[4]; /* local addresses; NULL ends */
	const char *backend; /* NULL: auto */
	const char *media;   /* more settings of the group media, "window = \"0us\";"; no comfort noise unless they speak of it */
	unsigned time_scale; /* 0: 1 */
	bool deny_uring;     /* a seccomp filter answers io_uring_setup with EPERM */
};

struct plane {
	struct plane_options o;
	struct segment seg;
	pid_t pid; /* of kedge-media; 0: not running */
	char config[256];
	pthread_t beat;
	_Atomic bool beating, ended;
};

/* Makes everything but the process. 0 or a negative errno, told on stderr. */
int plane_open(struct plane *p, const struct plane_options *o);

/* Starts kedge-media and waits until all its workers serve. 0 or a negative errno. */
int plane_start(struct plane *p);

/* Other settings of the group media are in force; 0 or a negative errno. media stays the caller's. */
int plane_again(struct plane *p, const char *media);

/* Signals it and waits for its end. Returns its exit status as waitpid gives it. */
int plane_stop(struct plane *p, int signal);

/* Ends it cleanly if it runs, closes everything. Returns its exit status. */
int plane_close(struct plane *p);

/* The signaling plane's heart beats (it does from plane_open on), or stands still. restarted: it counts one start more. */
void plane_sig_alive(struct plane *p, bool alive, bool restarted);

/* ---- anchors ---- */

struct plane_anchor {
	uint32_t slot;
	struct kedge_anchor want;
	struct kedge_end in, out[KEDGE_OUT_MAX];
};

/* A new use of the slot; nothing is written yet. The slot must be idle. */
void plane_anchor(struct plane *p, struct plane_anchor *a, uint32_t slot, uint8_t worker);

/* Takes a pair on the net for an end (place: KEDGE_END_INSIDE or 0..7), far: where it is, NULL: not known. 0 or -ENOBUFS. */
int plane_end(struct plane *p, struct plane_anchor *a, uint8_t place, uint8_t net,
    const struct sockaddr *far);

/* The end as it stands in the handle, to be changed and written by plane_write(). */
struct kedge_end *plane_end_of(struct plane_anchor *a, uint8_t place);

/* Writes one end of the handle, its pair as it is. plane_commit() tells media. */
void plane_write(struct plane *p, struct plane_anchor *a, uint8_t place);

/* Writes the anchor, state and live end as they stand in the handle, and tells media. */
void plane_commit(struct plane *p, struct plane_anchor *a);

/* The local address of an end's pair. */
void plane_local(
    struct plane *p, struct plane_anchor *a, uint8_t place, struct sockaddr_storage *out);

/* Fills a kedge_addr. */
struct kedge_addr plane_addr(const struct sockaddr *sa);

/* Takes events until one of that kind comes for the slot (KEDGE_SLOT_NONE: any); others are forgotten. 0 or -ETIMEDOUT. */
int plane_event(struct plane *p, enum kedge_evt evt, uint32_t slot, unsigned timeout_ms);

/* Waits until media has opened the slot's generation (or closed it). 0 or -ETIMEDOUT. */
int plane_wait_done(struct plane *p, const struct plane_anchor *a, enum kedge_done_state state,
    unsigned timeout_ms);

/* Sum of a counter over all workers: offsetof(struct kedge_worker, ...). */
uint64_t plane_counter(const struct plane *p, size_t offset);
#define PLANE_COUNT(p, name) plane_counter(p, offsetof(struct kedge_worker, name))

/* A UDP socket bound to ip (text) and a free port. */
int plane_socket(const char *ip);

#endif
