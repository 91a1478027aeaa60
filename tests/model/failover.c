// SPDX-License-Identifier: MIT
/* Stories of outages in virtual time, over decide and health as kedge-sig uses them. Each story draws trunks and hops,
 * how each of them behaves and for how long, and some hundred calls; a small driver plays the network and the branches
 * that were given up. What must hold whatever happens is asserted at each step:
 *
 *   no hop twice in a call; at most max_retries + 1 targets; nothing starts or lasts beyond the setup budget;
 *   the first attempt goes out at once, to the first usable target; a hop that is DOWN is tried only where nothing
 *   usable is left; every call ends once, by one answer or one final status that may be told to a caller;
 *   a trunk that was always well is never DOWN; with one of these in reach every call is answered;
 *   when all outages are over all states come back, and no hop still counts a call.
 *
 * A1 A6 A13 A25 A28 A47 A56 A96.    failover [STORIES [SEED]]: prints the seed; the same seed is the same story. */
#include <inttypes.h>

#include "tests/unit/routing/rig.h"

#define CALLS    250
#define EVENTS   65536
#define RTT      (4 * RIG_MS)
#define TAIL     (32 * RIG_S) /* 64*T1: how long a branch may answer late */
#define OUTAGES  (600 * RIG_S)
#define RECOVERY (4000 * RIG_S) /* a hop that relapsed again and again is held back for an hour */

enum behaviour { WELL, SILENT, DEAF_TO_INVITE, UNREACHABLE, CODE, STUCK, RINGS_ON, SLOW, RANG_CODE, BEHAVIOURS };

enum kind { CALL, MESSAGE, CLOCK, NEXT, GIVEN_UP, END, CHECKED, PROBE, TICK, TURN };

struct event {
	uint64_t at, order;
	enum kind kind;
	uint16_t call, hop, status;
	uint8_t attempt;
};

struct branch {
	bool cancelled, done, waits; /* waits: for the 487 before the hunt goes on */
	uint8_t cause;
};

struct call {
	struct plan plan;
	struct decide decide;
	struct branch branch[DECIDE_ATTEMPTS];
	bool begun, over, fini, refused_by_callee;
	uint64_t caller_leaves;
	unsigned answers;
};

static struct {
	struct rig *r;
	uint64_t seed, random;
	struct event heap[EVENTS];
	unsigned events;
	uint64_t order, end;
	struct call call[CALLS];
	unsigned hops;
	uint8_t behaviour[KEDGE_HOPS_MAX];
	uint16_t code[KEDGE_HOPS_MAX];
	uint64_t delay[KEDGE_HOPS_MAX];
	bool always_well[KEDGE_HOPS_MAX];
	bool well_in_reach; /* a trunk that is always well is among those a call may try, and no callee refuses */
	unsigned answered, finals, attempts, panics, downs, revived;
} m;

#define MUST(condition, ...)                                                                       \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "seed %" PRIu64 " at %.3f s: ", m.seed,                    \
			    (double)(m.r->now - 1000 * RIG_S) / 1e9);                              \
			fprintf(stderr, __VA_ARGS__);                                              \
			fprintf(stderr, " (%s:%d: %s)\n", __FILE__, __LINE__, #condition);         \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

/* ---- chance and time ---- */

static uint32_t below(uint32_t n)
{
	m.random = m.random * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(m.random >> 33) % n;
}

static bool earlier(const struct event *a, const struct event *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void at(uint64_t when, struct event e)
{
	unsigned i = m.events++;

	MUST(m.events < EVENTS, "too many events");
	e.at = when;
	e.order = m.order++;
	for (; i > 0 && earlier(&e, &m.heap[(i - 1) / 2]); i = (i - 1) / 2)
		m.heap[i] = m.heap[(i - 1) / 2];
	m.heap[i] = e;
}

static struct event take(void)
{
	struct event first = m.heap[0], last = m.heap[--m.events];
	unsigned i = 0, child;

	while ((child = 2 * i + 1) < m.events) {
		if (child + 1 < m.events && earlier(&m.heap[child + 1], &m.heap[child]))
			child++;
		if (!earlier(&m.heap[child], &last))
			break;
		m.heap[i] = m.heap[child];
		i = child;
	}
	m.heap[i] = last;
	return first;
}

/* ---- the far side ---- */

static bool answers_probes(uint16_t hop)
{
	return m.behaviour[hop] != SILENT && m.behaviour[hop] != UNREACHABLE;
}

static void say(unsigned call, unsigned attempt, uint64_t after, uint16_t status)
{
	at(m.r->now + after, (struct event){ .kind = MESSAGE, .call = (uint16_t)call,
	    .attempt = (uint8_t)attempt, .status = status });
}

/* An INVITE arrives at a hop. Status 0 stands for ICMP. */
static void far_side(unsigned call, unsigned attempt, uint16_t hop)
{
	uint64_t d = RTT + below(30) * RIG_MS;

	switch ((enum behaviour)m.behaviour[hop]) {
	case WELL:
		say(call, attempt, d, 100);
		say(call, attempt, d + below(3000) * RIG_MS, below(4) ? 180 : 183);
		say(call, attempt, d + (3000 + below(9000)) * RIG_MS, 200);
		break;
	case UNREACHABLE:
		say(call, attempt, RTT / 2, 0);
		break;
	case CODE:
		if (below(2))
			say(call, attempt, d, 100);
		say(call, attempt, d + below(50) * RIG_MS, m.code[hop]);
		break;
	case STUCK:
		say(call, attempt, d, 100);
		break;
	case RINGS_ON:
		say(call, attempt, d, 180);
		break;
	case SLOW:
		say(call, attempt, m.delay[hop], 100);
		say(call, attempt, m.delay[hop] + 20 * RIG_MS, 180);
		say(call, attempt, m.delay[hop] + 1000 * RIG_MS, 200);
		break;
	case RANG_CODE:
		say(call, attempt, d, below(2) ? 180 : 183);
		say(call, attempt, d + 500 * RIG_MS, m.code[hop]);
		break;
	default:
		break;
	}
}

/* ---- one call, as kedge-sig drives it ---- */

static void cancel_branch(struct call *c, unsigned i)
{
	struct branch *b = &c->branch[i];

	if (b->done || b->cancelled)
		return;
	b->cancelled = true;
	decide_gone(&c->decide, i);
	if (answers_probes(c->decide.attempt[i].hop))
		say((unsigned)(c - m.call), i, RTT, 487);
}

static void cancel_others(struct call *c, unsigned but)
{
	for (unsigned i = 0; i < c->decide.count; i++)
		if (i != but)
			cancel_branch(c, i);
}

static void finish(struct call *c)
{
	MUST(!c->over, "a call ended twice");
	c->over = true;
	at(m.r->now + TAIL, (struct event){ .kind = END, .call = (uint16_t)(c - m.call) });
}

static bool stands(const struct call *c, unsigned target, enum health_place place)
{
	const struct health_trunk *t = &m.r->health.trunk[c->plan.target[target].trunk];

	for (unsigned k = 0; k < t->count; k++)
		if (c->plan.target[target].enabled && health_place(&m.r->health, t->hop[k], c->decide.random) == place)
			return true;
	return false;
}

static bool usable_target(const struct call *c, unsigned target, bool untried)
{
	const struct health_trunk *t = &m.r->health.trunk[c->plan.target[target].trunk];

	for (unsigned i = 0; untried && i < c->decide.count; i++)
		if (c->decide.attempt[i].target == target)
			return false;
	for (unsigned k = 0; k < t->count; k++)
		if (c->plan.target[target].enabled && health_usable(&m.r->health, t->hop[k]))
			return true;
	return false;
}

/* Was the attempt a further hop of a target, when no further target was left to the call? */
static bool out_of_targets(const struct call *c, unsigned attempt)
{
	const struct decide *d = &c->decide;

	for (unsigned i = 0; i < attempt; i++)
		if (d->attempt[i].target == d->attempt[attempt].target)
			return d->targets == c->plan.profile->max_retries + 1;
	return false;
}

static void check_try(const struct call *c, const struct decide_step *s, bool was_down)
{
	const struct decide *d = &c->decide;
	unsigned first = 0;

	for (unsigned i = 0; i + 1 < d->count; i++)
		MUST(d->attempt[i].hop != s->hop, "hop %u twice", s->hop);
	MUST(d->targets <= c->plan.profile->max_retries + 1, "%u targets", d->targets);
	MUST(m.r->now < d->deadline_ns, "an attempt after the budget");
	MUST(!c->caller_leaves || m.r->now <= c->caller_leaves, "an attempt after the caller left");
	while (first < c->plan.count && !stands(c, first, HEALTH_FIRST))
		first++;
	if (first == c->plan.count)
		for (first = 0; first < c->plan.count && !stands(c, first, HEALTH_BEHIND);)
			first++;
	if (d->count == 1 && first < c->plan.count)
		MUST(d->attempt[0].target == first, "target %u before %u", d->attempt[0].target, first);
	if ((d->attempt[s->attempt].panic || was_down) && !out_of_targets(c, s->attempt))
		for (unsigned i = 0; i < c->plan.count; i++)
			MUST(!usable_target(c, i, true), "a DOWN hop before target %u", i);
}

static bool told_to_callers(uint16_t code)
{
	return code >= 400 && code < 700 && code != 401 && code != 407;
}

static void clock_at(struct call *c, unsigned i, uint64_t when)
{
	if (when)
		at(when > m.r->now ? when : m.r->now + 1,
		    (struct event){ .kind = CLOCK, .call = (uint16_t)(c - m.call), .attempt = (uint8_t)i });
}

static void step(struct call *c)
{
	struct decide_step s;
	unsigned call = (unsigned)(c - m.call);

	if (c->over)
		return;
	switch (decide_next(&c->decide, &m.r->health, m.r->now, &s)) {
	case DECIDE_TRY:
		m.attempts++;
		m.panics += c->decide.attempt[s.attempt].panic;
		check_try(c, &s, m.r->health.hop[s.hop].state == KEDGE_HOP_DOWN);
		c->branch[s.attempt] = (struct branch){ 0 };
		far_side(call, s.attempt, s.hop);
		clock_at(c, s.attempt, s.due_ns);
		break;
	case DECIDE_WAIT:
		if (s.attempt != DECIDE_NONE)
			clock_at(c, s.attempt, s.due_ns);
		if (s.wait_ns)
			at(s.wait_ns, (struct event){ .kind = NEXT, .call = (uint16_t)call });
		break;
	case DECIDE_FINAL:
		m.finals++;
		MUST(told_to_callers(s.final.code), "the caller is told %u", s.final.code);
		MUST(s.final.phrase[0] && s.final.why[0], "no words for %u", s.final.code);
		MUST(s.final.code != 503 || s.final.retry_after_s > 0 || !strcmp(s.final.why, "stop") ||
		         !strcmp(s.final.why, "best_of_failures"),
		    "503 without Retry-After");
		MUST(m.r->now <= c->decide.deadline_ns + 2 * RIG_S, "a final beyond the budget");
		if (m.well_in_reach)
			MUST(c->caller_leaves, "a call lost with %u though a trunk was well", s.final.code);
		cancel_others(c, DECIDE_NONE);
		finish(c);
		break;
	}
}

static void outcome(struct call *c, unsigned i, uint8_t cause, uint16_t code)
{
	struct decide_outcome o = { .cause = cause, .code = code };

	if (cause != CAUSE_SILENT && cause != CAUSE_NO_REPLY && cause != CAUSE_NO_PROGRESS && cause != CAUSE_RING)
		c->branch[i].done = true;
	if (decide_outcome(&c->decide, &m.r->health, i, &o, m.r->now))
		step(c);
}

static void on_clock(struct call *c, unsigned i)
{
	uint8_t cause;
	uint64_t due;
	uint16_t hop = c->decide.attempt[i].hop;

	if (c->over || c->branch[i].done || c->branch[i].waits)
		return;
	switch (decide_due(&c->decide, &m.r->health, i, m.r->now, &cause, &due)) {
	case DECIDE_DUE_CHECK:
		at(m.r->now + (answers_probes(hop) ? RTT : RIG_S),
		    (struct event){ .kind = CHECKED, .hop = hop, .status = answers_probes(hop) ? 200 : 0 });
		clock_at(c, i, due);
		break;
	case DECIDE_DUE_GIVE_UP:
		if (!c->decide.attempt[i].first_ns) {
			outcome(c, i, cause, 0);
			break;
		}
		c->branch[i].waits = true;
		c->branch[i].cause = cause;
		cancel_branch(c, i);
		at(m.r->now + RIG_S, (struct event){ .kind = GIVEN_UP, .call = (uint16_t)(c - m.call), .attempt = (uint8_t)i });
		break;
	case DECIDE_DUE_NONE:
		clock_at(c, i, due);
		break;
	}
}

static void given_up(struct call *c, unsigned i)
{
	if (!c->branch[i].waits || c->over)
		return;
	c->branch[i].waits = false;
	outcome(c, i, c->branch[i].cause, 0);
}

static void on_2xx(struct call *c, unsigned i)
{
	c->branch[i].done = true;
	if (c->over || decide_reply(&c->decide, &m.r->health, i, 200, m.r->now) == DECIDE_LATE)
		return; /* ACK and BYE */
	m.answered++;
	c->answers++;
	MUST(c->answers == 1, "answered twice");
	decide_answered(&c->decide, &m.r->health, i, m.r->now);
	cancel_others(c, i);
	finish(c);
}

static void on_message(struct call *c, unsigned i, uint16_t status)
{
	struct branch *b = &c->branch[i];

	if (b->done || (b->cancelled && status != 487 && status != 200))
		return;
	if (status == 200) {
		on_2xx(c, i);
	} else if (c->over) {
		b->done = status == 0 || status > 200;
	} else if (status == 0) {
		outcome(c, i, CAUSE_UNREACHABLE, 0);
	} else if (status > 200 && b->waits) {
		given_up(c, i);
		b->done = true;
	} else if (status > 200) {
		outcome(c, i, b->cancelled ? CAUSE_CANCELLED : CAUSE_STATUS, status);
	} else {
		switch (decide_reply(&c->decide, &m.r->health, i, status, m.r->now)) {
		case DECIDE_LATE:
			cancel_branch(c, i);
			break;
		case DECIDE_REVIVED:
			m.revived++;
			cancel_others(c, i);
			on_clock(c, i);
			break;
		case DECIDE_FINE:
			on_clock(c, i);
			break;
		}
	}
}

static void caller_leaves(struct call *c)
{
	if (c->over)
		return;
	decide_cancel(&c->decide);
	step(c);
	MUST(c->over, "the caller left and nothing ended");
}

static void begin(struct call *c)
{
	struct rig *r = m.r;
	char number[16];
	int rc;

	snprintf(number, sizeof(number), "4420%05u", below(100000));
	rc = plan_make(&c->plan, &r->conf, CONF_NONE, number);
	MUST(rc == 0, "no plan");
	decide_init(&c->decide, &c->plan, below(1u << 30), r->now);
	c->begun = true;
	if (below(12) == 0) {
		c->caller_leaves = r->now + (1 + below(20000)) * RIG_MS;
		at(c->caller_leaves, (struct event){ .kind = NEXT, .call = (uint16_t)(c - m.call), .status = 487 });
	}
	step(c);
	MUST(c->over || c->decide.count == 1, "the first attempt was held back");
}

/* ---- hops at rest ---- */

static void probe(uint16_t hop)
{
	bool answers = answers_probes(hop);

	health_probe_sent(&m.r->health, hop);
	at(m.r->now + (answers ? RTT : RIG_S),
	    (struct event){ .kind = CHECKED, .hop = hop, .status = answers ? 200 : 0 });
	at(m.r->now + (health_is_silent(&m.r->health, hop) ? 1 : 10) * RIG_S,
	    (struct event){ .kind = PROBE, .hop = hop });
}

static void turn(uint16_t hop)
{
	static const uint16_t any[] = { 300, 302, 400, 401, 403, 404, 406, 408, 420, 429, 480, 486, 488, 500, 502,
		503, 504, 580, 600, 603 };
	static const uint16_t path[] = { 400, 408, 488, 500, 502, 503, 504 };

	if (m.r->now >= 1000 * RIG_S + OUTAGES || m.always_well[hop]) {
		m.behaviour[hop] = WELL;
		return;
	}
	m.behaviour[hop] = (uint8_t)below(m.well_in_reach ? RINGS_ON : BEHAVIOURS);
	m.code[hop] = m.well_in_reach ? path[below(7)] : any[below(20)];
	m.delay[hop] = (300 + below(4000)) * RIG_MS;
	at(m.r->now + (1 + below(60)) * RIG_S, (struct event){ .kind = TURN, .hop = hop });
}

static void on_change(void *ctx, const struct health_change *c)
{
	if (c->to == KEDGE_HOP_DOWN) {
		m.downs++;
		MUST(!m.always_well[c->slot], "hop %u was always well, and is DOWN by %s", c->slot,
		    health_reason_word(c->reason));
	}
	MUST(c->from != c->to, "a change that is none");
	MUST((c->to != KEDGE_HOP_UP && c->to != KEDGE_HOP_UNKNOWN) == (c->clears[0] != 0), "what clears it?");
}

/* ---- a story ---- */

static void handle(const struct event *e)
{
	struct call *c = &m.call[e->call];

	switch (e->kind) {
	case CALL:
		begin(c);
		break;
	case MESSAGE:
		on_message(c, e->attempt, e->status);
		break;
	case CLOCK:
		on_clock(c, e->attempt);
		break;
	case NEXT:
		if (e->status)
			caller_leaves(c);
		else
			step(c);
		break;
	case GIVEN_UP:
		given_up(c, e->attempt);
		break;
	case END:
		decide_fini(&c->decide, &m.r->health);
		c->fini = true;
		break;
	case CHECKED:
		health_probe(&m.r->health, e->hop, e->status, (uint32_t)(RTT / 1000), m.r->now);
		break;
	case PROBE:
		probe(e->hop);
		break;
	case TICK:
		health_tick(&m.r->health, m.r->now, 1700000000000ULL + m.r->now / RIG_MS);
		at(m.r->now + RIG_S, (struct event){ .kind = TICK });
		break;
	case TURN:
		turn(e->hop);
		break;
	}
}

static void draw_world(void)
{
	unsigned trunks = 1 + below(5);

	m.r = rig_new(trunks);
	m.r->health.changed = on_change;
	m.r->profile[0].max_retries = below(4);
	m.r->profile[0].setup_budget_ms = 20000 + below(140000);
	m.hops = trunks;
	for (unsigned i = 0; i < trunks; i++) {
		m.r->trunk[i].max_hops = 1 + below(3);
		m.r->trunk[i].side = below(3) ? CONF_SIDE_CARRIER : CONF_SIDE_PBX;
		m.r->trunk[i].timers.ring_ms = m.r->trunk[i].side == CONF_SIDE_PBX ? 25000 : 120000;
		m.r->trunk[i].timers.first_response_adaptive = below(5) != 0;
		m.r->trunk[i].advance_after = (uint8_t)below(3);
		m.r->target[i].enabled = below(10) != 0;
		for (unsigned k = 1; k < 1 + below(3); k++)
			if (rig_hop(m.r, i, k) >= 0)
				m.hops++;
	}
	/* Half of the stories have a trunk that is always well, in reach of every call. */
	if (below(2)) {
		unsigned well = below(trunks);

		for (unsigned k = 0; k < m.r->health.trunk[well].count; k++)
			m.always_well[m.r->health.trunk[well].hop[k]] = true;
		m.r->target[well].enabled = true;
		m.well_in_reach = true;
		m.r->profile[0].max_retries = trunks;
		m.r->profile[0].setup_budget_ms = 160000;
	}
}

static void check_end(void)
{
	for (unsigned i = 0; i < CALLS; i++)
		MUST(m.call[i].begun && m.call[i].over && m.call[i].fini, "call %u did not end", i);
	for (uint16_t slot = 0; slot < m.hops; slot++) {
		MUST(m.r->health.hop[slot].calls == 0, "hop %u still counts calls", slot);
		MUST(health_usable(&m.r->health, slot), "hop %u did not come back", slot);
	}
}

static void story(uint64_t seed)
{
	memset(&m.call, 0, sizeof(m.call));
	memset(m.always_well, 0, sizeof(m.always_well));
	m.events = 0;
	m.well_in_reach = false;
	m.seed = seed;
	m.random = seed * 0x9e3779b97f4a7c15ULL + 1;
	below(2);
	draw_world();
	m.end = m.r->now + OUTAGES + RECOVERY;
	for (uint16_t i = 0; i < m.hops; i++) {
		turn(i);
		at(m.r->now + below(1000) * RIG_MS, (struct event){ .kind = PROBE, .hop = i });
		at(1000 * RIG_S + OUTAGES, (struct event){ .kind = TURN, .hop = i });
	}
	at(m.r->now + RIG_S, (struct event){ .kind = TICK });
	for (uint16_t i = 0; i < CALLS; i++)
		at(m.r->now + below((uint32_t)(OUTAGES / RIG_MS)) * RIG_MS, (struct event){ .kind = CALL, .call = i });
	while (m.events && m.heap[0].at <= m.end) {
		struct event e = take();

		m.r->now = e.at;
		handle(&e);
	}
	check_end();
	free(m.r);
}

int main(int argc, char **argv)
{
	unsigned stories = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 300;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;

	printf("%u stories from seed %" PRIu64 "\n", stories, seed);
	for (unsigned i = 0; i < stories; i++)
		story(seed + i);
	printf("%u answered, %u finals, %u attempts, %u on DOWN hops, %u times DOWN, %u revived\n", m.answered,
	    m.finals, m.attempts, m.panics, m.downs, m.revived);
	/* A model that never gets there proves nothing. */
	if (stories >= 100 && (!m.panics || !m.downs || !m.revived || m.finals < stories || m.answered < stories)) {
		fprintf(stderr, "some ways were never taken\n");
		return 1;
	}
	return 0;
}
