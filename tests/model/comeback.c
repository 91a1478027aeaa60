// SPDX-License-Identifier: MIT
/* Stories of a carrier that goes and comes, in virtual time, with the defaults as they are: probes each 30 s, five minutes of good
 * ones before calls come back, twice as long after each relapse, the ramp. The real decide and health carry two carriers; a small driver
 * plays probes, calls and carriers. Asserted in every story: no call is lost while the second carrier is well.
 *
 *   flap       5 min of 7 s well, 7 s not, from any moment on: at most 2 changes of the trunk (A86)
 *   return     an outage of any length: the first call back after min_uptime of good probes, then never more than its share (A20 A21 A87 A106 A135)
 *   relapse    well for OPTIONS, not for calls: held back 5, 10, 20, 40, 60, 60 min, two lost tries each (A86 A136)
 *   crowd      10,000 callers at once on a carrier that just failed, and on one in TRIAL: all of them answered (A16 A136)
 *   unheard    it dies while nobody calls: DOWN within the interval + 10 % + 3 s (A36)
 *   locked     Retry-After of any length: silence for that long, then its calls back at once (A124)
 *
 * comeback [STORIES [SEED]]: prints the seed; the same seed is the same story. */
#include <inttypes.h>

#include "tests/unit/routing/rig.h"
#include "routing/health_signs.h"

#define STEP     (100 * RIG_MS)
#define RTT      (4 * RIG_MS)
#define WALL_MS  1700000000000ULL
#define CROWD    10000
#define MUST(what, ...)                                                                            \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			printf("seed %" PRIu64 " at %.3f s: ", w.seed, seconds());                 \
			printf(__VA_ARGS__);                                                       \
			printf(" (%s:%d: %s)\n", __FILE__, __LINE__, #what);                       \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

enum ill { WELL, REFUSES, SILENT, CALLS_ONLY };

static struct {
	struct rig *r;
	uint64_t seed, random, began, tick_ns;
	enum ill ill;               /* of the first carrier; the second is well */
	uint64_t probe_ns, asked_ns; /* the next one; one that waits, 0: none */
	bool confirms;
	unsigned calls, lost, first, changes, downs;
	uint64_t down_ns, trial_ns, up_ns, good_ns; /* good_ns: the first good probe since anything bad */
	uint32_t retry_after_s;
	uint64_t random_call;
} w;

static double seconds(void)
{
	return (double)(w.r->now - w.began) / 1e9;
}

static uint32_t below(uint32_t n)
{
	w.random = w.random * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(w.random >> 33) % n;
}

static const struct health_hop *first(void)
{
	return &w.r->health.hop[0];
}

static void on_change(void *ctx, const struct health_change *c)
{
	if (c->slot != 0)
		return;
	w.changes++;
	w.downs += c->to == KEDGE_HOP_DOWN;
	if (c->to == KEDGE_HOP_DOWN)
		w.down_ns = w.r->now;
	if (c->to == KEDGE_HOP_TRIAL)
		w.trial_ns = w.r->now;
	if (c->to == KEDGE_HOP_UP)
		w.up_ns = w.r->now;
}

/* ---- probes, as sig/trunk/trunk asks ---- */

static uint64_t interval_ns(void)
{
	if (health_is_silent(&w.r->health, 0))
		return RIG_S;
	if (first()->state == KEDGE_HOP_DOWN || first()->state == KEDGE_HOP_TRIAL)
		return 10 * RIG_S;
	return 30 * RIG_MS * (900 + below(201));
}

static void judge(uint16_t code)
{
	w.asked_ns = 0;
	if (code != 200)
		w.good_ns = 0;
	else if (!w.good_ns)
		w.good_ns = w.r->now;
	health_probe(&w.r->health, 0, code, (uint32_t)(RTT / 1000), w.r->now);
	health_signs_probe(&w.r->health, 0, code, (uint32_t)(RTT / 1000), w.r->now);
	w.confirms = health_confirms(&w.r->health, 0);
	if (w.confirms)
		w.probe_ns = w.r->now;
}

static void ask(void)
{
	MUST(w.r->now >= health_quiet_ns(&w.r->health, 0), "a probe while it is LOCKED");
	health_probe_sent(&w.r->health, 0);
	w.probe_ns = w.r->now + interval_ns();
	if (w.ill == WELL || w.ill == CALLS_ONLY)
		judge(200);
	else if (w.ill == REFUSES)
		judge(503);
	else
		w.asked_ns = w.r->now;
}

static void probes(void)
{
	uint64_t patience = (w.confirms ? 500 : 1000) * RIG_MS, soonest = w.r->now + interval_ns();
	uint64_t quiet = health_quiet_ns(&w.r->health, 0);

	if (w.asked_ns && w.r->now >= w.asked_ns + patience)
		judge(0);
	if (first()->state == KEDGE_HOP_DOWN && soonest < w.probe_ns)
		w.probe_ns = soonest;
	if (w.r->now < quiet)
		w.probe_ns = quiet;
	else if (!w.asked_ns && w.r->now >= w.probe_ns)
		ask();
}

static void pass(uint64_t ns)
{
	for (uint64_t end = w.r->now + ns; w.r->now < end;) {
		w.r->now += STEP;
		probes();
		if (w.r->now < w.tick_ns)
			continue;
		w.tick_ns = w.r->now + RIG_S;
		health_tick(&w.r->health, w.r->now, WALL_MS + w.r->now / RIG_MS);
	}
}

/* ---- calls ---- */

struct one {
	struct plan plan;
	struct decide decide;
	struct decide_step step;
	bool answered, over;
};

static void answer(struct one *c)
{
	unsigned i = c->step.attempt;

	decide_reply(&c->decide, &w.r->health, i, 100, w.r->now);
	decide_reply(&c->decide, &w.r->health, i, 180, w.r->now);
	decide_reply(&c->decide, &w.r->health, i, 200, w.r->now);
	decide_answered(&c->decide, &w.r->health, i, w.r->now);
	c->answered = c->over = true;
}

static void next(struct one *c)
{
	if (decide_next(&c->decide, &w.r->health, w.r->now, &c->step) == DECIDE_FINAL)
		c->over = true;
	else
		MUST(c->step.kind == DECIDE_TRY || c->decide.live == DECIDE_NONE, "neither a try nor an end");
}

/* A new caller, as far as whom it tries first. */
static void dial(struct one *c)
{
	char number[24];
	int rc;

	memset(c, 0, sizeof(*c));
	snprintf(number, sizeof(number), "4420%08" PRIu64, w.random_call++ % 100000000);
	rc = plan_make(&c->plan, &w.r->conf, CONF_NONE, number);
	MUST(rc == 0, "no plan");
	decide_init(&c->decide, &c->plan, below(1u << 30), w.r->now);
	w.calls++;
	next(c);
	w.first += !c->over && c->step.hop == 0;
}

/* The attempt that has the call ends, by what its carrier does. A silent one takes its time, which passes for everybody. */
static void carry(struct one *c)
{
	struct decide_outcome o = { .cause = CAUSE_STATUS, .code = 503, .retry_after_s = w.retry_after_s };
	uint64_t due;
	uint8_t cause;

	if (c->step.hop != 0 || w.ill == WELL) {
		answer(c);
		return;
	}
	while (w.ill == SILENT && decide_due(&c->decide, &w.r->health, c->step.attempt, w.r->now, &cause, &due) != DECIDE_DUE_GIVE_UP)
		pass(STEP);
	if (w.ill == SILENT)
		o = (struct decide_outcome){ .cause = cause };
	if (decide_outcome(&c->decide, &w.r->health, c->step.attempt, &o, w.r->now))
		next(c);
}

static void end(struct one *c)
{
	while (!c->over && c->step.kind == DECIDE_TRY)
		carry(c);
	w.lost += !c->answered;
	MUST(c->answered, "a call was lost");
	decide_fini(&c->decide, &w.r->health);
}

static void call(void)
{
	static struct one c;

	dial(&c);
	end(&c);
}

/* Calls at two a second for so long. */
static void talk(uint64_t ns)
{
	for (uint64_t until = w.r->now + ns; w.r->now < until;) {
		call();
		pass(500 * RIG_MS);
	}
}

/* ---- stories ---- */

static void flap(void)
{
	uint64_t over, turn = w.r->now + (1 + below(70)) * STEP;
	enum ill how = below(2) ? REFUSES : SILENT;
	bool carries = below(4) != 0;

	for (over = w.r->now + 300 * RIG_S; w.r->now < over;) {
		if (w.r->now >= turn) {
			w.ill = w.ill == WELL ? how : WELL;
			turn += 7 * RIG_S;
		}
		if (carries)
			call();
		pass(500 * RIG_MS);
	}
	MUST(w.changes <= 2, "%u changes", w.changes);
}

static void comes_back(void)
{
	static const uint8_t ramp[] = { 1, 2, 5, 10, 25, 50, 100 };
	unsigned at = 0, before;

	w.ill = below(2) ? REFUSES : SILENT;
	talk((20 + below(2000)) * RIG_S);
	MUST(first()->state == KEDGE_HOP_DOWN, "it is not DOWN");
	w.ill = WELL;
	before = w.first;
	while (first()->state == KEDGE_HOP_DOWN && w.r->now < w.down_ns + 4000 * RIG_S)
		talk(RIG_S);
	MUST(w.first == before, "a call while it was DOWN");
	MUST(first()->state == KEDGE_HOP_TRIAL && w.trial_ns >= w.good_ns + 300 * RIG_S && w.trial_ns < w.good_ns + 312 * RIG_S,
	    "back %.1f s after its first good probe", (double)(w.trial_ns - w.good_ns) / 1e9);
	while (first()->state == KEDGE_HOP_TRIAL) {
		uint8_t share = health_percent(&w.r->health, 0);

		at += at < 6 && share != ramp[at];
		MUST(share == ramp[at], "%u %%, and the step is %u %%", share, ramp[at]);
		talk(RIG_S);
	}
	MUST(first()->state == KEDGE_HOP_UP && at == 6, "UP after step %u", at + 1);
	MUST(w.up_ns - w.trial_ns <= 7 * 32 * RIG_S, "%.1f s of ramp", (double)(w.up_ns - w.trial_ns) / 1e9);
	before = w.first;
	talk(10 * RIG_S);
	MUST(w.first - before == 20, "UP, and %u of 20 calls", w.first - before);
}

static void relapses(void)
{
	static const unsigned minutes[] = { 5, 10, 20, 40, 60, 60 };
	unsigned before;

	w.ill = CALLS_ONLY;
	talk(30 * RIG_S);
	for (unsigned i = 0; i < 6; i++) {
		uint64_t down = w.down_ns, held;

		MUST(first()->state == KEDGE_HOP_DOWN, "it is not DOWN");
		while (first()->state == KEDGE_HOP_DOWN)
			pass(RIG_S);
		held = w.trial_ns - down;
		MUST(held >= minutes[i] * 60 * RIG_S && held < (minutes[i] * 60 + 25) * RIG_S, "held for %.0f s the %u. time", (double)held / 1e9, i + 1);
		before = w.first;
		for (unsigned k = 0; first()->state == KEDGE_HOP_TRIAL && k < 100000; k++) { /* many callers in no time: 1 % of them */
			call();
		}
		MUST(first()->state == KEDGE_HOP_DOWN && w.first - before == 2, "%u calls to find out", w.first - before);
	}
}

/* All callers dial before the first of them hears anything. */
static void crowd_of(struct one *c)
{
	for (unsigned i = 0; i < CROWD; i++)
		dial(&c[i]);
	for (unsigned i = 0; i < CROWD; i++)
		if (!c[i].over)
			carry(&c[i]);
	for (unsigned i = 0; i < CROWD; i++)
		end(&c[i]);
}

static void crowd(void)
{
	struct one *c = calloc(CROWD, sizeof(*c));
	unsigned before;

	assert(c);
	w.ill = REFUSES;
	before = w.first;
	crowd_of(c);
	MUST(w.first - before == CROWD && w.downs == 1, "%u tried the first, %u times DOWN", w.first - before, w.downs);
	before = w.first;
	crowd_of(c);
	MUST(w.first == before, "%u tried one that is DOWN", w.first - before);
	w.ill = WELL;
	while (first()->state == KEDGE_HOP_DOWN)
		pass(RIG_S);
	before = w.first;
	w.ill = below(2) ? WELL : CALLS_ONLY;
	crowd_of(c);
	MUST(w.first - before > 50 && w.first - before < 180, "%u of 10,000 with a share of 1 %%", w.first - before);
	MUST((first()->state == KEDGE_HOP_DOWN) == (w.ill == CALLS_ONLY), "it is %s", health_state_word(first()->state));
	free(c);
}

static void unheard(void)
{
	uint64_t died;

	pass(below(100) * RIG_S);
	w.ill = below(2) ? REFUSES : SILENT;
	died = w.r->now;
	while (first()->state != KEDGE_HOP_DOWN && w.r->now < died + 100 * RIG_S)
		pass(STEP);
	MUST(w.down_ns > died && w.down_ns - died <= 36 * RIG_S, "DOWN after %.1f s", (double)(w.down_ns - died) / 1e9);
}

static void locked(void)
{
	uint64_t began, until;
	unsigned before;

	w.retry_after_s = below(3) ? 1 + below(400) : 0x80000000u + below(1000);
	w.ill = CALLS_ONLY;
	began = w.r->now;
	call();
	MUST(first()->state == KEDGE_HOP_LOCKED, "it is %s", health_state_word(first()->state));
	until = began + (w.retry_after_s < 300 ? w.retry_after_s : 300) * RIG_S;
	MUST(health_quiet_ns(&w.r->health, 0) == until, "until %.1f s", (double)(health_quiet_ns(&w.r->health, 0) - began) / 1e9);
	w.ill = WELL;
	before = w.first;
	while (w.r->now + 600 * RIG_MS < until)
		talk(500 * RIG_MS);
	MUST(w.first == before, "%u calls while it was LOCKED", w.first - before);
	pass(2 * RIG_S);
	MUST(first()->state == KEDGE_HOP_UP, "it is %s", health_state_word(first()->state));
	talk(5 * RIG_S);
	MUST(w.first - before == 10, "%u of 10 calls", w.first - before);
}

static const struct {
	const char *name;
	void (*play)(void);
} stories[] = {
	{ "flap", flap }, { "return", comes_back }, { "relapse", relapses }, { "crowd", crowd }, { "unheard", unheard }, { "locked", locked },
};
#define STORIES (sizeof(stories) / sizeof(stories[0]))

static void play(uint64_t seed)
{
	memset(&w, 0, sizeof(w));
	w.seed = seed;
	w.random = seed * 0x9e3779b97f4a7c15ULL + 1;
	below(2);
	w.r = rig_new(2);
	w.began = w.tick_ns = w.r->now;
	w.r->health.changed = on_change;
	w.probe_ns = w.r->now + below(10) * STEP;
	pass(2 * RIG_S);
	w.changes = 0;
	stories[seed % STORIES].play();
	MUST(w.lost == 0, "%u calls lost", w.lost);
	free(w.r);
}

int main(int argc, char **argv)
{
	unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : 60;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	unsigned long calls = 0;

	printf("%lu stories from seed %" PRIu64 "\n", count, seed);
	for (unsigned long i = 0; i < count; i++) {
		play(seed + i);
		calls += w.calls;
	}
	printf("%lu calls, none lost\n", calls);
	return 0;
}
