// SPDX-License-Identifier: MIT
/* anchor: the hand to the media plane. Slots of the session table, their ends, commands out,
 * events in.
 *
 *   anchor_open     a slot and an inside port: no wait
 *   anchor_outside  one more end, per attempt
 *   anchor_far      where an end speaks from, and what
 *   anchor_live     who is heard
 *   anchor_close    anchor_events.closed follows: the counters are final
 *
 *   FREE --open--> OPEN --close--> CLOSED (media works) --KEDGE_EVT_CLOSED--> FREE
 *
 * State lies in the session table of the segment (layout.h); a struct anchor is a handle. Ports are
 * lent by shm/pool.h, so that each is visible in the ring or the table, whoever dies.
 * Thread: su_root's. Errors: negative errno. -ENOSPC: no free slot; -ENOBUFS: no free port on that
 * address; -EADDRNOTAVAIL: media has no address of that interface and family.
 * Nothing here waits for media: when it is away, slots close later and new calls get -ENOSPC. */
#ifndef KEDGE_SIG_BRIDGE_ANCHOR_H
#define KEDGE_SIG_BRIDGE_ANCHOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sofia-sip/su_wait.h>

#include "routing/shm/digit.h"
#include "routing/shm/layout.h"
#include "routing/shm/segment.h"

struct anchor { /* embedded in a call; all zero: not open */
	uint32_t slot, generation;
	uint8_t worker, live;
	uint8_t used; /* outside ends in use, a bit each */
	bool open;
	struct kedge_addr
	    local[1 + KEDGE_OUT_MAX]; /* our RTP address: [0] inside, [1 + i] outside end i */
};

struct anchor_far {                  /* what an offer or answer said about one end */
	struct kedge_addr rtp, rtcp; /* family 0: not known yet */
	uint8_t latch;               /* enum kedge_latch */
	uint8_t flags;               /* KEDGE_END_... */
	uint8_t telephone_event;     /* payload type, 0xff: none */
	uint8_t event_here;          /* the number our body gave it, 0xff: none */
	uint32_t event_rate;         /* Hz; 0: clock_rate */
	uint8_t dtmf;                /* enum kedge_dtmf */
	uint8_t codec;               /* enum kedge_codec, of audio_pt */
	uint8_t audio_pt;            /* payload type of the codec spoken with this end, 0xff: not known */
	uint8_t cn_pt;               /* payload type of comfort noise, 0xff: none */
	uint32_t clock_rate;         /* Hz; 0: 8000 */
	uint16_t ptime_ms;           /* 0: 20 */
	uint8_t pt_count;
	struct kedge_pt pt[8];
	uint8_t laws[2];             /* as kedge_end.laws */
	uint8_t send_ptime_ms;       /* as kedge_end.send_ptime_ms */
	bool record;                 /* the call is recorded */
	bool listen;                 /* as kedge_end.listen */
	struct kedge_prefix learn[4];
	uint8_t srtp; /* enum kedge_suite; KEDGE_SUITE_NONE: in clear. Unlike keys.suite: nothing passes */
	struct kedge_keys keys;
	bool relearn; /* this exchange lets the latch learn anew */
};

struct anchor_quality { /* one direction, final or as of now: index 0 from inside, 1 from outside */
	uint64_t packets, bytes, lost, late, relayed;
	uint64_t jitter_us, jitter_mean_us, max_gap_ns, first_rx_ns, last_rx_ns;
	uint64_t far_lost; /* of what kedge sent to that end, by its RTCP */
	bool unheard;      /* never a packet came of it, for half of media_dead at least, while the other end spoke */
	bool reports;      /* its RTCP tells far_lost */
	bool one_way;      /* it was silent for media_dead while the other end was heard, and still is, or was to the end */
	uint64_t rtt_us; /* kedge to that end and back; 0: not known */
	bool never;      /* told one_way, and never a packet came of that end (there may be others before it) */
	bool tone;       /* kedge_end.listen: the tone was heard */
};

/* Told on su_root; owner: what anchor_open was given; NULL owner: a slot found at attach, without
 * a call. */
struct anchor_events {
	void (*closed)(void *owner,
	    uint32_t slot); /* counters are final; the slot is free after this returns */
	/* An end that ought to speak was silent for media.media_dead. */
	void (*silent)(void *owner, bool inside);
	/* And the other end was heard meanwhile. After `silent`. */
	void (*one_way)(void *owner, bool inside);
	/* The live outside end was heard for the first time. */
	void (*heard)(void *owner);
	/* anchor_next_digit() has some. */
	void (*digits)(void *owner);
	void (*played)(void *owner); /* an announcement is at its end; NULL: nobody waits for that */
};

/* Attaches to the tables: rebuilds the list of free slots, asks media to close what has no owner
 * (once both its ends are silent), starts reading events. seg and events: borrowed until
 * anchor_fini. */
int anchor_init(const struct segment *seg, su_root_t *root, const struct anchor_events *events);
void anchor_fini(void);

/* The local media address index of an interface and family, or -EADDRNOTAVAIL. */
int anchor_net(unsigned iface, unsigned family);

/* Takes a slot and an inside port on net. owner comes back in the events until `closed` was
 * called. */
int anchor_open(struct anchor *a, uint64_t call_id, unsigned net, void *owner);

/* Gives the anchor another outside end on net, for hop. Returns its index 0 .. KEDGE_OUT_MAX - 1,
 * or -ENOBUFS: no port, -EMFILE: all ends of this call are in use. */
int anchor_outside(struct anchor *a, unsigned net, unsigned hop);

/* Gives back an outside end whose attempt is over; its port rests. No effect on the live one. */
void anchor_drop(struct anchor *a, unsigned end);

/* Writes what was negotiated for an end (KEDGE_END_INSIDE or an outside index) and tells media. */
void anchor_far(struct anchor *a, unsigned end, const struct anchor_far *far);

/* Has media play to an end what sound_id() names; 0: nothing. What plays already goes on. how: enum kedge_play. */
void anchor_play(struct anchor *a, unsigned end, uint32_t sound, uint8_t how);

/* What that end sends goes back to it while no outside end is live. Until its next anchor_far(). */
void anchor_echo(struct anchor *a, unsigned end);

/* Makes an outside end the one that is heard and spoken to; KEDGE_LIVE_NONE: nobody. */
void anchor_live(struct anchor *a, unsigned end);

/* A digit to be said to an end; media does when it is its turn. 0; -ENOBUFS: too many wait; -ENOENT: there is no such end. */
int anchor_say_digit(struct anchor *a, const struct digit *d);

/* The next digit that media heard, taken for good. False: none. */
bool anchor_next_digit(struct anchor *a, struct digit *d);

/* Both directions as they stand now. */
void anchor_quality(const struct anchor *a, struct anchor_quality q[2]);

/* Wakes the workers that were given something since the last time: once per pass of the loop. */
void anchor_flush(void);

/* Where to count what a bridge counts. */
struct kedge_sig_counters *anchor_counters(void);

/* Has media opened it? Until then there are no figures. */
bool anchor_served(const struct anchor *a);

/* How often media switched ends. */
uint64_t anchor_switches(const struct anchor *a);

/* Ends the anchor; `closed` follows with the owner given to anchor_open. */
void anchor_close(struct anchor *a);

/* Slots free now; slots that wait for media to close them. */
uint32_t anchor_free_slots(void);
uint32_t anchor_closing(void);

#endif
