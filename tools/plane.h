// SPDX-License-Identifier: MIT
/* plane: one of the two programs that `kedge run` starts, watches and starts again.
 *
 *           plane_start            its beat says so
 *   DOWN ---------------> STARTING ---------------> SERVING
 *    ^ `-- restart_ns due --^ |                        |
 *    `------------ it ended (pidfd) -------------------'      no more restarts: plane_stop, then GONE
 *
 * A plane is started in a session of its own (a terminal's Ctrl-C is the supervisor's to answer) and is not tied to the
 * life of the supervisor. It inherits exactly its descriptors. One that dies is started again at once, on the same
 * sockets; one that dies again and again within LIVED waits, longer each time. Where a spare stands ready (media.spare) it takes the
 * dead one's place, and another one is made ready once it serves; a spare dies with its supervisor. A plane whose heart stops is told as stuck, and
 * killed after a while, for then nothing is served anyway.
 * Thread: one. Owner: the caller holds struct plane. */
#ifndef KEDGE_TOOLS_PLANE_H
#define KEDGE_TOOLS_PLANE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tools/hold.h"

#define PLANE_STATES(S) S(DOWN) S(STARTING) S(SERVING) S(GONE)
enum plane_state {
#define S(x) PLANE_##x,
	PLANE_STATES(S)
#undef S
};

struct plane {
	enum hold_plane kind;
	const char *name;    /* sig, media: as its own events call it */
	const char *program; /* kedge-sig, kedge-media: beside `kedge` */
	const struct hold *hold;
	const char *first_file;   /* the configuration of its first start */
	const char *running_file; /* of every later one: what is in force by then; NULL: first_file again */
	const char *files;        /* what kedge-sig reads on a reload */
	enum plane_state state;
	bool stopping; /* asked to end: no restart */
	bool served;   /* was SERVING at least once */
	bool killed;   /* had to be killed while stopping */
	pid_t pid;
	int pidfd;                   /* readable when it ended; -1: none */
	uint32_t starts;             /* by this supervisor */
	uint32_t quick;              /* deaths in quick succession */
	bool wants_spare;            /* a second one that is ready to go on (kedge-media alone) */
	pid_t spare;
	int spare_pidfd;             /* -1: none */
	uint64_t spare_ns;           /* when the next spare may be started */
	uint64_t started_ns;         /* monotonic */
	uint64_t restart_ns;         /* DOWN: when to start it again */
	struct plane_heart {         /* one of kedge-sig, one per worker of kedge-media */
		uint64_t beat_ns;    /* the last beat seen */
		uint32_t same_beats; /* for how many ticks it has been that one */
	} heart[KEDGE_WORKERS_MAX];
};

/* A plane that is to be started at once. All borrowed. */
void plane_init(struct plane *p, enum hold_plane kind, const struct hold *h, const char *first_file,
    const char *running_file, const char *files);

/* What is due at now: start it, see that it serves, see that its heart stopped. To be called every PLANE_TICK_NS. */
#define PLANE_TICK_NS 100000000ULL
void plane_tick(struct plane *p, uint64_t now_ns);

/* When its pidfd is readable: takes its exit status and says when it is to be started again, if at all. */
void plane_ended(struct plane *p, uint64_t now_ns);

/* Tells a plane that serves to read the configuration and open its log anew (SIGHUP). False: it does not serve now. */
bool plane_reload(struct plane *p);

/* Asks it to end (SIGTERM) and never starts it again; again: hastens it. GONE at once where it is not running. */
void plane_stop(struct plane *p);

/* The last means. */
void plane_kill(struct plane *p);

/* How many hearts it has, and one of them. */
uint32_t plane_hearts(const struct plane *p);
const struct kedge_beat *plane_beat(const struct plane *p, uint32_t i);

/* It serves, and every heart beats. */
bool plane_beats(const struct plane *p);

#endif
