// SPDX-License-Identifier: MIT
/* outage_world: a PBX, a `kedge run` and two carriers on loopback, with one clock; the carriers fail as they are told.
 *
 *   PBX 127.S.1.1 ---- 127.S.3.1 kedge 127.S.4.1 ---- c1 127.S.2.1, c2 127.S.2.2 (PORT)        S: free on this machine
 *
 * A call is a number 1.. that stands in every message as the called user. Carriers and PBX remember what they saw of each; nothing is judged here.
 * Thread: one. Times: wall clock ns, as the kernel received the message; 0: never. */
#ifndef KEDGE_BENCH_OUTAGE_WORLD_H
#define KEDGE_BENCH_OUTAGE_WORLD_H

#include <limits.h>
#include <sys/types.h>

#include "bench/sip_party.h"

enum { WORLD_CARRIERS = 2, WORLD_CALLS = 400 };
#define WORLD_NEVER UINT32_MAX

/* What a carrier does with an INVITE, ms after it came. A later change is for later INVITEs. */
struct world_manner {
	uint32_t trying_ms, ringing_ms, final_ms; /* WORLD_NEVER: not at all */
	uint16_t code;          /* of the final */
	uint32_t retry_after_s; /* of a final of 300 and above; 0: none */
	bool late_200;          /* a CANCEL is answered by 200 to the INVITE */
	bool phone;             /* one phone behind both: 486 while it rings by the other carrier */
	bool deaf_to_options;
	uint16_t options;       /* its answer to OPTIONS otherwise */
	bool mute;              /* where all chat: it answers and never sends audio */
};

struct world_leg { /* a call at one carrier */
	unsigned invites;   /* new ones, not repeated ones */
	bool swallowed;     /* nothing came of it */
	uint64_t invited_ns, heard_ns, ringing_ns, ringing_end_ns, answered_ns, cancelled_ns, acked_ns, ended_ns;
	uint16_t code;      /* of its final, 0: none yet */
	struct world_manner manner;
	struct sip_in invite;
	char branch[64];
	unsigned step;      /* of what it does: 0 trying, 1 ringing, 2 final, 3 done */
};

struct world_call {
	uint64_t dialed_ns, ringing_ns, final_ns, cancelled_ns, ended_ns;
	uint16_t code;      /* of the final, 0: none yet */
	unsigned answers;   /* 200s that differ */
	bool ended_by_edge;
	struct sockaddr_in media; /* where the answer wants audio */
	char to[SIP_LINE], target[SIP_LINE];
	struct world_leg leg[WORLD_CARRIERS];
};

struct world_sound { /* of one party, one call at a time */
	int s;
	bool on;
	struct sockaddr_in to;
	uint64_t next_ns, first_ns, last_ns, gap_ns; /* heard */
	uint16_t sent, heard_first, heard_next;
	unsigned heard, lost;
	struct sockaddr_in from;
};

struct world {
	int slot, lock, pbx, carrier[WORLD_CARRIERS];
	char dir[128], program[PATH_MAX], pbx_ip[INET_ADDRSTRLEN], kedge_ip[INET_ADDRSTRLEN], carrier_ip[WORLD_CARRIERS][INET_ADDRSTRLEN];
	struct sockaddr_in kedge, outside;
	pid_t pid;
	unsigned calls, run;
	struct world_manner manner[WORLD_CARRIERS];
	unsigned options[WORLD_CARRIERS]; /* seen */
	struct world_call call[WORLD_CALLS + 1];
	struct world_sound sound[1 + WORLD_CARRIERS]; /* of the PBX, of the carriers */
	bool talk;                        /* parties speak from the answer on, one call at a time */
	bool chat;                        /* in every call that is up both sides speak */
	uint64_t chat_ns;
	uint32_t chats;                   /* frames of each call so far */
};

/* A healthy carrier: 100 at once, 180 after 20 ms, 200 after 50. */
struct world_manner world_healthy(void);

/* One that says nothing, to OPTIONS neither. */
struct world_manner world_silent(void);

/* Addresses and sockets. 0, or -1 after saying why. */
int world_open(struct world *w);

/* A fresh kedge with its defaults; c1: more settings of that trunk, "" for none. Both carriers healthy, and both were asked by OPTIONS when this
 * returns. 0 or -1. */
int world_begin(struct world *w, const char *c1);

/* Ends kedge and forgets the calls. */
void world_end(struct world *w);
void world_close(struct world *w);

/* Everybody's messages for so long. */
void world_serve(struct world *w, double ms);

/* The PBX dials; the call's number. */
unsigned world_dial(struct world *w);
void world_hang_up(struct world *w, unsigned call);
void world_cancel(struct world *w, unsigned call);

/* Serves until the call has its final, at most so long. False: it has none. */
bool world_final(struct world *w, unsigned call, double ms);

/* Serves until the carrier has its INVITE of the call. */
bool world_invited(struct world *w, unsigned call, int carrier, double ms);

/* Dials, waits for the answer, hangs up after hold_ms. Its number. */
unsigned world_call_through(struct world *w, double limit_ms, double hold_ms);

/* kill -9 of one of kedge's planes, "kedge-media" or "kedge-sig"; it is dead when this returns. When that was done; 0: there is none. */
uint64_t world_kill(const struct world *w, const char *plane);

/* Forgets the longest silence and the losses so far. */
void world_listen_anew(struct world *w);

/* Nobody listens at the carrier's port any more. */
void world_shut(struct world *w, int carrier);

/* Who answered the call: 0, 1, or -1. */
int world_carrier_of(const struct world *w, unsigned call);

/* Answered at a carrier, not by the PBX's call, and never ended: legs like that. */
unsigned world_ghosts(const struct world *w);

/* Does a line of kedge's log have all these words? */
bool world_logged(const struct world *w, const char *event, const char *trunk, const char *why);

/* ms from a to b; -1 if either never was. */
double world_ms(uint64_t a_ns, uint64_t b_ns);

#endif
