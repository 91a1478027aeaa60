// SPDX-License-Identifier: MIT
/* health: what is known about each hop, and which may carry calls.
 *
 *   calls (by decide) ----------.
 *   probes (sig/trunk/trunk) ---------+--> evidences of a hop --> the worst wins --> state, reason, what clears it
 *   marks: quality, DNS, ... ---+    (health_table.h)                             |--> the trunk table (kedge_hop.health)
 *   Retry-After, the operator --'                                                 `--> changed(): one record per change
 *
 * Pure but for the trunk table: no clock (time is an argument, monotonic ns), no allocation, no threads. Slots are those
 * of the trunk table; working state lives here, what others may see is written there by this module alone.
 * Owner: one struct health in kedge-sig (sig/trunk/trunk has it), on su_root's thread; tools and tests have their own,
 * without a table (hops NULL) or filled from one by health_restore().
 *
 * States: UNKNOWN (never heard, or not since it was DOWN; routes as UP), UP, DEGRADED (carries calls, most reasons behind
 * others), TRIAL (carries a share that grows), DOWN, LOCKED (Retry-After), DRAINING and OFF (the operator). A trunk has the
 * state of its best hop.
 * Never evidence: what the callee decided (486, 404, ...), local limits, and failures of calls that began before
 * the last success (18x or 2xx).
 *
 *   health_hops.c      hops come and go, restart, change of configuration
 *   health_calls.c     evidence of calls        health_probes.c   of probes, and of time
 *   health_hold.c      the breaker of a hop: DOWN, and the way back
 *   health_marks.c     marks, locks, the operator, failback
 *   health_state.c     the worst wins; publication; questions */
#ifndef KEDGE_ROUTING_HEALTH_H
#define KEDGE_ROUTING_HEALTH_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/conf.h"
#include "routing/baseline.h"
#include "routing/breaker.h"
#include "routing/cause.h"
#include "routing/health_table.h"
#include "routing/limit.h"
#include "routing/pace.h"
#include "routing/shm/layout.h"
#include "routing/signs.h"

#define HEALTH_TRUNKS     512
#define HEALTH_TRUNK_HOPS 8  /* addresses of one trunk in use; a name's further ones are left out */
#define HEALTH_FAULTS     10 /* distinct numbers remembered for config_fault */

#define HEALTH_WINDOW_MAX 32 /* failures remembered for breaker.window */
#define HEALTH_WHY        64 /* bytes of health_why() */
#define HEALTH_CLEARS     160

#define HEALTH_SECOND_NS 1000000000ULL

struct health_mark { /* an evidence that stands */
	uint32_t figure; /* status, ms, percent; 0: none */
	uint64_t since_ns;
	uint64_t until_ns; /* it ends by itself then; 0: never */
};

struct health_marks {
	uint64_t set; /* bits 1 << enum health_reason */
	struct health_mark mark[HEALTH_REASON_COUNT];
};
static_assert(HEALTH_REASON_COUNT <= 64, "bits of health_marks.set");

struct health_hop {
	bool used;
	uint8_t state;  /* enum kedge_hop_state */
	uint8_t reason; /* enum health_reason */
	uint16_t code;  /* status or figure behind the reason, 0 none */
	uint16_t trunk; /* index in the running configuration; CONF_NONE: its trunk is gone */
	uint16_t transport;
	struct kedge_addr addr; /* family 0: its name has none (health_dns.h) */
	uint32_t priority; /* lower is tried first; of equals one is drawn by weight */
	uint32_t weight;
	bool leaving;      /* no longer told by the DNS: serves while those that are have no proof */
	uint32_t generation;
	uint32_t calls;    /* up or in setup through it */
	uint64_t since_ns; /* of this state */
	struct breaker breaker;
	struct health_marks marks;
	uint8_t down_reason; /* of the breaker: enum health_reason, code */
	uint16_t down_code;
	bool waits;          /* DOWN: ready for TRIAL, but for breaker.failback or failback_window */
	bool proven;         /* TRIAL: one of its calls rang */
	uint8_t step_probes; /* TRIAL: good ones of this step */
	bool let_back;       /* by the operator: breaker.failback and failback_window are not waited for */
	uint8_t place;       /* enum health_place, but for the share of TRIAL */
	bool known;          /* a call or a probe proved it since it was last DOWN */
	uint64_t lock_ns;    /* LOCKED until then, and until the probe that follows; 0: not locked */

	/* evidence of calls */
	uint32_t consecutive;     /* F in a row */
	uint32_t unheard;         /* of these, without any answer; a final of O takes them back */
	uint32_t unreached;       /* of these, by transport; any message takes them back */
	uint8_t window_count;
	uint64_t window_ns[HEALTH_WINDOW_MAX]; /* the last F and L, oldest first */
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
	uint64_t good_ns;         /* the first of these; 0: none */
	uint32_t probe_rtt_us;    /* of the last answered */
	uint64_t last_silent_ns;  /* of the last `silent` verdict */
	struct signs signs;       /* routing/health_signs.h */
};

enum health_mode { HEALTH_AUTO, HEALTH_DOWN, HEALTH_DRAIN, HEALTH_UP };
struct health_operator {
	uint8_t mode; /* enum health_mode */
	uint64_t until_wall_ms; /* AUTO again then; 0: never by itself */
	uint64_t since_wall_ms;
	char name[KEDGE_NAME_MAX]; /* who said so */
	char why[96];
};

struct health_trunk {
	uint16_t hop[HEALTH_TRUNK_HOPS]; /* slots */
	uint16_t count;
	uint32_t calls; /* over all hops, also those that are gone */
	bool several_hosts;      /* its hops are not one machine: SRV, several literals (retry_after_scope auto) */
	struct health_marks marks; /* of all its hops */
	struct health_operator operator;
	struct limit_trunk limit; /* decide's and sig/edge/channel's */
	struct baseline usual; /* routing/health_signs.h */
};

struct health_change { /* for the event trunk.state */
	uint16_t slot, trunk;
	uint8_t from, to; /* enum kedge_hop_state */
	uint8_t reason;   /* enum health_reason */
	uint16_t code;
	uint32_t hold_ms; /* DOWN, LOCKED: at least this long */
	const char *evidence; /* static text */
	char why[HEALTH_WHY];       /* health_why() */
	char clears[HEALTH_CLEARS]; /* health_clears(); "" for good states */
};

/* A hop as the operator sees it. */
struct health_look {
	uint8_t state;
	uint8_t reason;
	uint16_t code;
	uint8_t percent;     /* of its calls it gets now: 100, less while in TRIAL, 0: none */
	uint8_t step, steps; /* TRIAL: of the ramp, from 1; else 0 */
	uint32_t relapses;   /* each one doubled the hold */
	const char *evidence;    /* static: health_rule()'s, or what is true of a hop that nobody ever heard */
	bool waits_for_failback; /* good for long enough, but the window or the operator is waited for */
	uint64_t since_wall_ms;
	uint64_t retry_wall_ms; /* DOWN, LOCKED: not before; 0: nothing known, or open */
	char why[HEALTH_WHY];
	char clears[HEALTH_CLEARS];
};

struct health {
	const struct conf *conf; /* borrowed; of the calls that begin now */
	struct kedge_hop *table; /* NULL: nothing is published */
	uint16_t hop_count;      /* slots in use or free, <= KEDGE_HOPS_MAX */
	int64_t wall_ms_at_0;    /* Unix ms at monotonic 0 */
	void (*changed)(void *ctx, const struct health_change *change);
	/* A trunk does less than it usually does: asr_drop, ...; percent, or seconds. NULL: nobody hears. */
	void (*dropped)(void *ctx, uint16_t trunk, enum health_reason why, uint32_t last, uint32_t usual);
	void *ctx;
	struct health_hop hop[KEDGE_HOPS_MAX];
	struct health_trunk trunk[HEALTH_TRUNKS];
	struct pace_rings rings;
	struct limit_budget budget; /* decide's */
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

/* The hops of the configuration and the operator's orders are known: slots of the table that nobody took are cleared, the
 * others are judged. */
void health_settle(struct health *h, uint64_t now_ns);

/* The running configuration is another one from now on. Trunks are found again by name, and keep their hops with all that
 * is known of them, the operator's orders and marks too; hops of trunks that are gone serve no new call. The caller then
 * adds and drops hops where addresses changed. Indices of trunks are those of conf from here on. */
void health_conf(struct health *h, const struct conf *conf, uint64_t now_ns);

/* The index here of a trunk of another snapshot, one a call still holds; CONF_NONE: it is gone. */
uint16_t health_trunk_of(const struct health *h, const struct conf *conf, uint16_t trunk);

/* Slot becomes the hop as the trunk table shows it; also for tools that read the segment. */
void health_restore(struct health *h, uint16_t slot, const struct kedge_hop_id *id,
    const struct kedge_hop_health *line, uint64_t now_ns);

/* ---- evidence; slot must be in use ---- */

/* An attempt begins. position: 0 first, 1 second, 2 later of its call. */
void health_began(struct health *h, uint16_t slot, unsigned position, uint64_t now_ns);

/* It counts as a call of its hop and trunk (max_calls) from now on; no longer, though it may not be over. */
void health_call(struct health *h, uint16_t slot, bool begins);

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

/* A final response to an attempt's INVITE was received, in whatever state the attempt is: counted, no evidence. */
void health_final(struct health *h, uint16_t slot, uint16_t status);

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

/* ---- marks: evidences with a word of their own ---- */

/* An evidence of kind MARK stands, or has a new figure. until_ns: it ends by itself then; 0: by health_clear_mark() alone. */
void health_mark(
    struct health *h, uint16_t slot, enum health_reason mark, uint32_t figure, uint64_t until_ns, uint64_t now_ns);

/* The same with its own words for the event, in place of the table's; static text. */
void health_mark_told(struct health *h, uint16_t slot, enum health_reason mark, uint32_t figure, uint64_t until_ns, const char *evidence,
    uint64_t now_ns);
void health_clear_mark(struct health *h, uint16_t slot, enum health_reason mark, uint64_t now_ns);
bool health_marked(const struct health *h, uint16_t slot, enum health_reason mark);

/* The same for all hops of a trunk, also those that come later. */
void health_mark_trunk(
    struct health *h, uint16_t trunk, enum health_reason mark, uint32_t figure, uint64_t until_ns, uint64_t now_ns);
void health_clear_trunk(struct health *h, uint16_t trunk, enum health_reason mark, uint64_t now_ns);

/* An evidence of kind BREAK: DOWN by the breaker, with its hold. code: status, 0 none. */
void health_trip(struct health *h, uint16_t slot, enum health_reason reason, uint16_t code, uint64_t now_ns);

/* 503 or 429 with a Retry-After of that many seconds: LOCKED, by trunk.retry_after_max and retry_after_scope, one
 * that is LOCKED already for the longer of both times. Returns until when, monotonic; 0: not locked. */
uint64_t health_lock(struct health *h, uint16_t slot, uint32_t seconds, uint64_t now_ns);

/* Its hops are one machine's or not (SRV): for retry_after_scope "auto". */
void health_several_hosts(struct health *h, uint16_t trunk, bool several);

/* ---- the operator ---- */

/* Orders for a trunk: AUTO gives it back to the rules above. Beats every evidence. */
void health_operator(struct health *h, uint16_t trunk, const struct health_operator *o, uint64_t now_ns);

/* "Let it back now": hops that wait for breaker.failback or failback_window go to TRIAL. Returns how many. */
unsigned health_failback(struct health *h, uint16_t trunk, uint64_t now_ns);

/* ---- asking ---- */

/* Where the hop stands for one call. random: any number of the call's, always the same for it: a hop in TRIAL stands
 * FIRST for its share of them. */
enum health_place health_place(const struct health *h, uint16_t slot, uint32_t random);

/* Is it FIRST for this call? */
bool health_may_take(const struct health *h, uint16_t slot, uint32_t random);

/* Percent of its calls that it gets. */
uint8_t health_percent(const struct health *h, uint16_t slot);

/* No probe may be sent before this; 0: any time. When it comes the hop wants one at once. */
uint64_t health_quiet_ns(const struct health *h, uint16_t slot);

void health_look(const struct health *h, uint16_t slot, struct health_look *look);

/* "consecutive:503", "operator:bob", "options_timeout"; "" for none. */
const char *health_why(const struct health *h, uint16_t slot, char buf[static HEALTH_WHY]);

/* What would end the state; "" where nothing has to. */
const char *health_clears(const struct health *h, uint16_t slot, char buf[static HEALTH_CLEARS]);

/* May the hop carry a new call, FIRST or BEHIND? */
bool health_usable(const struct health *h, uint16_t slot);

/* The best state of a trunk's hops; DOWN if all are, or there is none. */
enum kedge_hop_state health_trunk_state(const struct health *h, uint16_t trunk);

/* When a DOWN or LOCKED hop may carry calls again at the earliest; 0: another state. */
uint64_t health_retry_ns(const struct health *h, uint16_t slot);

/* Is it DOWN by `silent` (probed each second)? */
bool health_is_silent(const struct health *h, uint16_t slot);

/* Is it DEGRADED(config_fault)? */
bool health_has_fault(const struct health *h, uint16_t slot);

const char *health_state_word(enum kedge_hop_state state);
const char *health_reason_word(enum health_reason reason);

#endif
