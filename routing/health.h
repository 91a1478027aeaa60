// SPDX-License-Identifier: MIT
/* health: what is known about each hop, and which may carry calls: by failures in a row, by
 * silence, by refusals that are a fault of the configuration.
 *
 *   calls (by decide) ---.
 *   probes (sig/trunk) --+--> evidence of a hop --> breaker --> state, reason, what clears it
 *   silence checks ------'                                        |--> the trunk table (kedge_hop.health, .count)
 *                                                                 `--> changed(): one record per change, for the log
 *
 * Pure but for the trunk table: no clock (time is an argument, monotonic ns), no allocation, no threads. Slots are those
 * of the trunk table; working state lives here, what others may see is written there by this module alone.
 * Owner: one struct health in kedge-sig (sig/trunk has it), on su_root's thread; tools and tests have their own,
 * without a table (hops NULL) or filled from one by health_restore().
 *
 * States of this slice: UNKNOWN (never heard, or not since it was DOWN; routes as UP), UP, DEGRADED (config_fault: keeps
 * its place, but its 403 and 404 go on, and one 18x or 2xx ends it), DOWN. A trunk is DOWN when all its hops are.
 * DOWN ends after breaker.open with probe.up good probes in a row. A hop that never answered a probe (some carriers
 * ignore OPTIONS) or is not probed comes back after breaker.open alone, as UNKNOWN: its first failure takes it DOWN
 * again, its first 18x UP.
 * Never evidence: what the callee decided (486, 404, ...), local limits, and failures of calls that began before
 * the last success (18x or 2xx). */
#ifndef KEDGE_ROUTING_HEALTH_H
#define KEDGE_ROUTING_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "config/conf.h"
#include "routing/breaker.h"
#include "routing/cause.h"
#include "routing/pace.h"
#include "routing/shm/layout.h"

#define HEALTH_TRUNKS     512
#define HEALTH_TRUNK_HOPS 8  /* addresses of one trunk in use; a name's further ones are left out */
#define HEALTH_FAULTS     10 /* distinct numbers remembered for config_fault */

#define HEALTH_SECOND_NS 1000000000ULL

/* The words shown and logged. */
#define HEALTH_REASONS(R)                                                                          \
	R(NONE, "") R(CONSECUTIVE, "consecutive") R(SILENT, "silent") R(FAULT, "config_fault")     \
	R(ANSWERED, "answered") R(PROBED, "probed") R(BLIP, "blip") R(TIMER, "open_over")
enum health_reason {
#define R(id, word) HEALTH_##id,
	HEALTH_REASONS(R)
#undef R
	    HEALTH_REASON_COUNT
};

struct health_hop {
	bool used;
	uint8_t state;  /* enum kedge_hop_state */
	uint8_t reason; /* enum health_reason */
	uint16_t code;  /* status behind the reason, 0 none */
	uint16_t trunk; /* index in the running configuration */
	uint16_t transport;
	struct kedge_addr addr;
	uint32_t generation;
	uint32_t calls;    /* up or in setup through it */
	uint64_t since_ns; /* of this state */
	struct breaker breaker;

	/* evidence of calls */
	uint32_t consecutive;     /* F in a row */
	uint32_t unheard;         /* of these, without any answer; a final of O takes them back */
	uint32_t unreached;       /* of these, by transport; any message takes them back */
	uint8_t run;              /* +1 when consecutive falls, never 0: whose F health_take_back may still take */
	bool blip;                /* DOWN by the first silence of an hour */
	uint64_t last_success_ns; /* 18x or 2xx */
	uint64_t last_fail_ns;
	uint64_t last_heard_ns;   /* any message from the hop */
	uint64_t last_panic_ns;   /* tried though DOWN */
	uint32_t faults;          /* A in a row, distinct numbers, no success in between */
	uint32_t faults_404;      /* of these, with a 404 */
	uint64_t fault[HEALTH_FAULTS];
	struct pace_reply reply;
	uint32_t pdd_ewma_ms;     /* INVITE to 18x */

	/* evidence of probes */
	uint8_t probed;           /* 0 not yet, 1 the last was answered well, 2 not */
	bool answers_probes;      /* silence to a probe means something: it answered some, and did not stop while it took calls */
	uint32_t misses;          /* unanswered in a row */
	uint64_t miss_since_ns;   /* the first of these */
	uint32_t good_probes;     /* in a row */
	uint32_t probe_rtt_us;    /* of the last answered */
	uint64_t last_silent_ns;  /* of the last `silent` verdict */
};

struct health_trunk {
	uint16_t hop[HEALTH_TRUNK_HOPS]; /* slots, in the order they are tried */
	uint16_t count;
	uint32_t calls; /* over all hops, also those that are gone */
};

struct health_change { /* for the event trunk.state */
	uint16_t slot, trunk;
	uint8_t from, to; /* enum kedge_hop_state */
	uint8_t reason;   /* enum health_reason */
	uint16_t code;
	uint32_t hold_ms; /* DOWN: at least this long */
	const char *evidence; /* static text */
	const char *clears;   /* static text; "" for good states */
};

struct health {
	const struct conf *conf; /* borrowed; of the calls that begin now */
	struct kedge_hop *table; /* NULL: nothing is published */
	uint16_t hop_count;      /* slots in use or free, <= KEDGE_HOPS_MAX */
	int64_t wall_ms_at_0;    /* Unix ms at monotonic 0 */
	void (*changed)(void *ctx, const struct health_change *change);
	void *ctx;
	struct health_hop hop[KEDGE_HOPS_MAX];
	struct health_trunk trunk[HEALTH_TRUNKS];
	struct pace_rings rings;
};

/* Begins with no hop. table: the segment's, hop_count slots, or NULL. The struct is large: heap or static. */
void health_init(struct health *h, const struct conf *conf, struct kedge_hop *table,
    uint16_t hop_count, uint64_t now_ns, uint64_t wall_ms);

/* ---- hops come and go ---- */

/* A trunk has this address: its slot, found again or taken. A slot that already stands in the table for the same
 * trunk, address and transport (a restarted plane) goes on with its state. -ENOSPC: table or trunk full. */
int health_hop_add(struct health *h, uint16_t trunk, uint16_t transport,
    const struct kedge_addr *addr, uint64_t now_ns);

/* The address is no longer the trunk's: new calls do not see it. The slot is reused once its calls have ended. */
void health_hop_drop(struct health *h, uint16_t slot, uint64_t now_ns);

/* Takes all slots that the plane before left for this trunk: its last known addresses, where they come from a name. */
void health_hops_left(struct health *h, uint16_t trunk, uint64_t now_ns);

/* The hops of the configuration are known: slots of the table that nobody took are cleared. */
void health_settle(struct health *h);

/* Slot becomes the hop as the trunk table shows it; also for tools that read the segment. */
void health_restore(struct health *h, uint16_t slot, const struct kedge_hop_id *id,
    const struct kedge_hop_health *line, uint64_t now_ns);

/* ---- evidence; slot must be in use ---- */

/* An attempt begins. position: 0 first, 1 second, 2 later of its call. */
void health_began(struct health *h, uint16_t slot, unsigned position, uint64_t now_ns);

/* It is over in every respect: the call left this hop. */
void health_ended(struct health *h, uint16_t slot);

/* Any message from the hop but a probe's answer. first_us: first reply to an INVITE sent that long ago; 0: another. */
void health_heard(struct health *h, uint16_t slot, uint32_t first_us, uint64_t now_ns);

/* 18x or 2xx. */
void health_success(struct health *h, uint16_t slot, bool answered, uint64_t now_ns);

/* The first 18x of an attempt: ms after its first reply, pdd_ms after its INVITE, to a number with that prefix. */
void health_rang(struct health *h, uint16_t slot, uint32_t prefix, uint32_t ms, uint32_t pdd_ms,
    uint64_t now_ns);

struct health_outcome {
	uint8_t cause;        /* enum cause */
	uint8_t health;       /* CAUSE_F | ... of its verdict */
	uint16_t code;        /* as received, 0: none */
	uint64_t begun_ns;    /* of the attempt */
	uint64_t number_hash; /* tells distinct numbers apart */
};

/* An attempt ended. Returns the run its F counts in, for health_take_back; 0: it was none, or did not count. */
uint8_t health_outcome(
    struct health *h, uint16_t slot, const struct health_outcome *o, uint64_t now_ns);

/* The INVITE and both check probes stayed unanswered (cause SILENT, or found while the attempt waits on). */
void health_silent(struct health *h, uint16_t slot, uint64_t begun_ns, uint64_t now_ns);

/* A reply came after all: the F that health_outcome counted in that run was none. */
void health_take_back(struct health *h, uint16_t slot, uint8_t run);

/* A target was left out for this hop's state. */
void health_skipped(struct health *h, uint16_t slot);

/* A probe was sent; it ended. code: its final status, 0: none in time. rtt_us: of an answered one. */
void health_probe_sent(struct health *h, uint16_t slot);
void health_probe(struct health *h, uint16_t slot, uint16_t code, uint32_t rtt_us, uint64_t now_ns);

/* Time passes: at least once a second. wall_ms: follows a stepped wall clock. */
void health_tick(struct health *h, uint64_t now_ns, uint64_t wall_ms);

/* ---- asking ---- */

/* May the hop carry a new call by the ordinary order? */
bool health_usable(const struct health *h, uint16_t slot);

/* The best state of a trunk's hops; DOWN if all are, or there is none. */
enum kedge_hop_state health_trunk_state(const struct health *h, uint16_t trunk);

/* When a DOWN hop may be UP again at the earliest. */
uint64_t health_retry_ns(const struct health *h, uint16_t slot);

/* Is it DOWN by `silent` (probed each second)? */
bool health_is_silent(const struct health *h, uint16_t slot);

/* Is it DEGRADED(config_fault)? */
bool health_has_fault(const struct health *h, uint16_t slot);

/* True for a probe's answer that proves the hop good: any final but 408, 500, 502, 503, 504. */
bool health_probe_good(uint16_t code);

const char *health_state_word(enum kedge_hop_state state);
const char *health_reason_word(enum health_reason reason);

#endif
