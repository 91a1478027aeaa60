// SPDX-License-Identifier: MIT
/* local: what kedge says itself. Plays prompts to ends, a packet each ptime: what signaling wants (kedge_end.play), and comfort
 * noise where the other end fell silent.
 *
 *   nothing --wanted, or the other end silent--> playing --(until media) the first relayed packet--> gave way
 *                                                   `--(over) an announcement is at its end--> done
 *
 * One list of playing ends per worker and one time at which the first of them is due: no timer per call. An end's packets are due
 * on a grid of LOCAL_GRID_NS of the monotonic clock, ptime apart from the first one on, however late the worker looks: nothing
 * drifts. After a standstill of more than LOCAL_LATE_NS the timestamps leave out that time, and what is said goes on where it was. Packets go out through the outlet under
 * its own source number, so the line toward the end is one with what is relayed before and behind.
 * Toward a held end (no KEDGE_END_SEND) nothing is sent; it goes on where it stood.
 * Where comfort noise was negotiated (RFC 3389, cn_pt) and no codec can be written, or noise is all there is to say, its packets
 * are sent instead, few and short.
 * Nothing here allocates after local_init(), logs or locks. Thread: the worker's. */
#ifndef KEDGE_MEDIA_LOCAL_H
#define KEDGE_MEDIA_LOCAL_H

#include <stdbool.h>
#include <stdint.h>

#include "media/shelf.h"

struct worker;

#define LOCAL_GRID_NS 5000000ULL
#define LOCAL_LATE_NS 250000000ULL
#define LOCAL_CN_MS   200 /* between two comfort noise packets */

struct local_end { /* beside its port */
	_Alignas(KEDGE_LINE) uint64_t due_ns; /* of the next packet */
	const struct prompt *prompt; /* of local.set; NULL: not there (yet) */
	uint32_t at;                 /* bytes of it played, of this turn */
	uint32_t sound;              /* sound_id() */
	uint32_t ssrc, timestamp;    /* of this play, for the line to tell it from others */
	uint32_t index;              /* in local.list */
	uint16_t sequence;
	uint8_t take, how;           /* of the wish this is, as kedge_end's */
	bool playing;                /* stands in the list */
	bool comfort;                /* our own wish, no signaling's */
};

struct local {
	uint64_t next_ns; /* when the first of them is due; UINT64_MAX: none plays */
	uint32_t *list;   /* ports that play */
	uint32_t count;
	uint32_t plays; /* ever begun: makes their SSRCs */
	struct local_end *end; /* by port */
	const struct prompt_set *set;
	struct shelf *shelf; /* borrowed; NULL: nothing is ever played */
};

/* 0 or -ENOMEM. */
int local_init(struct worker *w, uint32_t ports);
void local_fini(struct worker *w);

/* The end of that port was opened, or is wanted otherwise: begins, goes on with, or ends what is played to it. */
void local_wanted(struct worker *w, uint32_t port);

/* The end is closed. */
void local_closed(struct worker *w, uint32_t port);

/* A packet is about to be relayed to this end (WORK_PLAY): gives way. False: the packet gives way. */
bool local_gives_way(struct worker *w, uint32_t port);

/* Who spoke to that end fell silent: comfort noise, if nothing else plays. */
void local_comfort(struct worker *w, uint32_t port);
void local_comfort_over(struct worker *w, uint32_t port);

/* Sends what is due at w->now_ns. */
void local_step(struct worker *w);

/* A new set may be there. A few times a second. */
void local_look(struct worker *w);

#endif
