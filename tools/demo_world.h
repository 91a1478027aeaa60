// SPDX-License-Identifier: MIT
/* demo_world: what `kedge demo` plays with: a loopback network of its own, SIPp as PBX and carriers, their RTP ends, and a real `kedge run`.
 *
 *   PBX 127.S.1.1 ---- 127.S.3.1 kedge 127.S.4.1 ---- carriers a, b, c 127.S.2.1, .2, .3        S: free on this machine
 *
 * SIPp tells by log lines through FIFOs what happens; each becomes a struct demo_note. The RTP ends live in this process (peer.h).
 * Thread: one. All children end with it. */
#ifndef KEDGE_TOOLS_DEMO_WORLD_H
#define KEDGE_TOOLS_DEMO_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/harness/peer.h"

enum { DEMO_CALLS = 40, DEMO_CARRIERS = 3, DEMO_SIDES = 1 + DEMO_CARRIERS }; /* side 0: the PBX; 1..3: carriers a, b, c */

enum demo_what { DEMO_DIALED, DEMO_INVITED, DEMO_REFUSED, DEMO_ANSWERED, DEMO_UP, DEMO_OVER, DEMO_FAILED };

/* Something a SIPp did. */
struct demo_note {
	enum demo_what what;
	int side;
	unsigned call; /* from 0 */
	uint64_t at_ns;
};

struct demo_side {
	const char *name;
	pid_t pid;
	int fifo;
	size_t used;
	char line[1024];
	struct peer *peer;
};

struct demo_world {
	char dir[512];
	int slot, lock;
	bool keep;
	pid_t kedge;
	struct demo_side side[DEMO_SIDES];
	void (*note)(void *user, const struct demo_note *n);
	void *user;
};

/* Makes network, files, RTP ends, carriers and kedge; the PBX waits. dir: NULL for one that is thrown away. 0, or -1 after saying why. */
int demo_open(struct demo_world *w, const char *dir);

/* The PBX dials: calls_per_s, each call hangs up end_ms from now. */
int demo_dial(struct demo_world *w, unsigned calls_per_s, unsigned end_ms);

/* Moves packets and reads notes for about a millisecond. */
void demo_step(struct demo_world *w);

/* A carrier falls silent, and comes back. */
void demo_freeze(struct demo_world *w, int side);
void demo_thaw(struct demo_world *w, int side);

/* Ends kedge cleanly: true if it went by itself within limit_ms. */
bool demo_end_kedge(struct demo_world *w, unsigned limit_ms);

/* Ends all children, closes all; removes dir unless it was given. */
void demo_close(struct demo_world *w);

/* The word after `key=` (or of "key":"...") in the last line of kedge's log that holds `event`; false if there is none. */
bool demo_log_word(const struct demo_world *w, const char *event, const char *key, char *out, size_t room);

#endif
