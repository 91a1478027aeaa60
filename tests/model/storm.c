// SPDX-License-Identifier: MIT
/* Fifty calls a second for ten seconds meet trunks that all answer 503, or a primary that is silent, in virtual time over decide
 * and health (A16): tries beyond the first stay within a fifth of the calls, and no caller loses the first try at a trunk that
 * is well. One trunk is tried again by those whom the budget lets; the calls of one outage do not come back together (A12).
 * storm [SEED]: prints the seed; the same seed is the same storm. */
#include <inttypes.h>
#include <time.h>

#include "tests/unit/routing/rig.h"

#define CALLS 500
#define GAP   (20 * RIG_MS)

struct call {
	struct plan plan;
	struct decide decide;
	uint64_t at;     /* of its next event, 0: over */
	bool outcome;    /* that is the end of its attempt */
	uint8_t cause;
	bool answered;
};

enum far { REFUSES, SILENT, WELL };

static struct {
	struct rig *r;
	uint64_t seed, random;
	enum far far[RIG_TRUNKS];
	struct call call[CALLS];
	unsigned invites[RIG_TRUNKS], extra, bin[1000];
} m;

#define MUST(condition, ...)                                                                       \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "seed %" PRIu64 ": ", m.seed);                             \
			fprintf(stderr, __VA_ARGS__);                                              \
			fprintf(stderr, " (%s:%d: %s)\n", __FILE__, __LINE__, #condition);         \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

static uint32_t below(uint32_t n)
{
	m.random = m.random * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(m.random >> 33) % n;
}

static void tried(struct call *c, const struct decide_step *s)
{
	m.invites[s->trunk]++;
	if (c->decide.count > 1)
		m.extra++;
	if (c->decide.attempt[s->attempt].again)
		m.bin[(m.r->now - 1000 * RIG_S) / (100 * RIG_MS) % 1000]++;
	c->outcome = true;
	c->cause = m.far[s->trunk] == SILENT ? CAUSE_NO_REPLY : CAUSE_STATUS;
	c->at = m.r->now + (m.far[s->trunk] == SILENT ? 2000 : 1 + below(9)) * RIG_MS;
	if (m.far[s->trunk] == WELL) {
		c->answered = true;
		decide_reply(&c->decide, &m.r->health, s->attempt, 180, m.r->now);
		decide_reply(&c->decide, &m.r->health, s->attempt, 200, m.r->now);
		decide_answered(&c->decide, &m.r->health, s->attempt, m.r->now);
		c->at = 0;
	}
}

static void step(struct call *c)
{
	struct decide_step s;

	c->outcome = false;
	switch (decide_next(&c->decide, &m.r->health, m.r->now, &s)) {
	case DECIDE_TRY:
		tried(c, &s);
		break;
	case DECIDE_WAIT:
		c->at = s.wait_ns;
		break;
	case DECIDE_FINAL:
		c->at = 0;
		break;
	}
}

static void event(struct call *c)
{
	struct decide_outcome o = { .cause = c->cause, .code = c->cause == CAUSE_STATUS ? 503 : 0 };

	if (!c->decide.plan) {
		MUST(plan_make(&c->plan, &m.r->conf, CONF_NONE, "442071838750") == 0, "no plan");
		decide_init(&c->decide, &c->plan, below(1u << 31), m.r->now);
	} else if (c->outcome) {
		decide_outcome(&c->decide, &m.r->health, c->decide.live, &o, m.r->now);
	}
	step(c);
}

/* What the clock of the plane does besides. */
static void tick(uint64_t *next)
{
	if (m.r->now < *next)
		return;
	*next += RIG_S;
	health_tick(&m.r->health, m.r->now, 1700000000000ULL + m.r->now / RIG_MS);
}

static void storm(struct rig *r)
{
	uint64_t ticks = r->now + RIG_S, begin = r->now;

	memset(m.call, 0, sizeof(m.call));
	memset(m.invites, 0, sizeof(m.invites));
	memset(m.bin, 0, sizeof(m.bin));
	m.extra = 0;
	m.r = r;
	for (unsigned i = 0; i < CALLS; i++)
		m.call[i].at = begin + i * GAP + 1;
	for (;;) {
		struct call *first = NULL;

		for (unsigned i = 0; i < CALLS; i++)
			if (m.call[i].at && (!first || m.call[i].at < first->at))
				first = &m.call[i];
		if (!first)
			break;
		r->now = first->at > r->now ? first->at : r->now;
		tick(&ticks);
		event(first);
	}
	for (unsigned i = 0; i < CALLS; i++)
		decide_fini(&m.call[i].decide, &r->health);
}

/* rate: panic_rate, how many of them a trunk that is DOWN gets at all. */
static void all_refuse(unsigned trunks, unsigned again, unsigned rate)
{
	struct rig *r = rig_new(trunks);

	r->profile[0].retry_same = (struct conf_retry_same){ .max = again, .base_ms = 1000, .max_delay_ms = 30000, .jitter = 50 };
	for (unsigned i = 0; i < trunks; i++) {
		m.far[i] = REFUSES;
		r->trunk[i].panic_rate = rate;
	}
	storm(r);
	printf("%u trunks that all answer 503, again %u, panic_rate %u: %u tries beyond the first of %u calls\n", trunks, again, rate, m.extra, CALLS);
	/* Those at a trunk that was still UP are no part of it: three failures take it DOWN. */
	MUST(m.extra <= CALLS / 5 + (rate > 1 ? 3 * trunks : 0), "%u extra INVITEs", m.extra);
	MUST(!again || m.extra >= 20, "%u extra INVITEs: nothing was tried again", m.extra);
	for (unsigned i = 0; i < 1000; i++)
		MUST(m.bin[i] * 100 <= 15 * CALLS, "%u came back in the same 100 ms", m.bin[i]);
	free(r);
}

static void primary_silent(void)
{
	struct rig *r = rig_new(2);

	m.far[0] = SILENT;
	m.far[1] = WELL;
	r->trunk[0].breaker.consecutive = 0; /* it stays UP: each call begins there */
	r->trunk[0].breaker.window = (struct conf_ints){ 0 };
	while (limit_budget_left(&r->health.budget, r->now))
		limit_budget_spend(&r->health.budget, r->now);
	storm(r);
	printf("primary silent: %u INVITEs there, %u at the backup, %u calls\n", m.invites[0], m.invites[1], CALLS);
	for (unsigned i = 0; i < CALLS; i++)
		MUST(m.call[i].answered, "call %u lost its try at the backup", i);
	MUST(m.invites[0] == CALLS && m.invites[1] == CALLS, "%u and %u INVITEs", m.invites[0], m.invites[1]);
	free(r);
}

int main(int argc, char **argv)
{
	m.seed = argc > 1 ? strtoull(argv[1], NULL, 10) : (uint64_t)time(NULL);
	m.random = m.seed;
	printf("seed %" PRIu64 "\n", m.seed);
	all_refuse(1, 3, 1);
	all_refuse(3, 0, 1);
	all_refuse(3, 3, 1);
	all_refuse(1, 3, 1000);
	all_refuse(2, 0, 1000);
	primary_silent();
	return 0;
}
