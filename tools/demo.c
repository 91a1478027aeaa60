// SPDX-License-Identifier: MIT
/* demo: `kedge demo`. A PBX and three carriers on loopback, 40 calls with speech both ways through the real planes; carrier a falls
 * silent, later b answers 503; nobody on a call hears anything of it. Everything that is claimed at the end was counted by the peers,
 * not by kedge.
 *
 *   s 0      4       7          10      11          16      17
 *     calls  a dead  b is busy  40 up   a is back   quiet   hang up
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/harness/stage.h"
#include "tools/demo_world.h"
#include "tools/verb.h"

enum { RATE = 4, DEAD_MS = 4000, BUSY_FROM = 28, BACK_MS = 11000, QUIET_MS = 15700, HANGUP_MS = 16000, LIMIT_MS = 26000, TAIL_MS = 200 };
#define MS 1000000ull

struct call {
	uint64_t dialed, invited[DEMO_SIDES], refused_by_b, up, over;
	unsigned answered[DEMO_SIDES]; /* legs that were acknowledged */
	bool failed;
};

static struct {
	struct demo_world world;
	struct call call[DEMO_CALLS];
	uint64_t start;
	bool dead, busy, back, quiet;
	unsigned unread_s;
} demo;

static volatile sig_atomic_t stopped;

static void on_signal(int n)
{
	stopped = n;
}

static unsigned long long ms_since(uint64_t from, uint64_t to)
{
	return (to - from) / MS;
}

static void on_note(void *user, const struct demo_note *n)
{
	struct call *c = &demo.call[n->call];

	switch (n->what) {
	case DEMO_DIALED: c->dialed = n->at_ns; break;
	case DEMO_INVITED: c->invited[n->side] = c->invited[n->side] ? c->invited[n->side] : n->at_ns; break;
	case DEMO_REFUSED: c->refused_by_b = n->at_ns; break;
	case DEMO_ANSWERED: c->answered[n->side]++; break;
	case DEMO_UP: c->up = n->at_ns; break;
	case DEMO_OVER: c->over = n->side ? c->over : n->at_ns; break;
	case DEMO_FAILED: c->failed = true; break;
	}
}

/* ---- what was promised ---- */

struct result {
	unsigned up, on[DEMO_SIDES], moved, duplicates, over, records;
	struct peer_counts heard[DEMO_SIDES];
	uint64_t packets, lost, faults, worst_gap_ns;
	uint64_t after_silence_ns;                 /* the first call that a let hang */
	uint64_t after_503_ns;                     /* median of those that b refused; 0: none */
	double corr;
	char backend[32];
};

/* Packets said on one side that nobody heard on the other: of each call what the speakers sent less what the listener heard. */
static void count_audio(struct result *r)
{
	uint64_t sent[2] = { 0 }, heard[2] = { 0 };

	r->corr = 1;
	for (int i = 0; i < DEMO_SIDES; i++) {
		struct peer_counts *c = &r->heard[i];
		peer_totals(demo.world.side[i].peer, c);
		sent[i > 0] += c->sent;
		heard[i > 0] += c->heard;
		r->packets += c->heard;
		r->faults += peer_faults(c) + c->unstamped;
		if (c->gap_ns > r->worst_gap_ns)
			r->worst_gap_ns = c->gap_ns;
		if (c->corr < r->corr)
			r->corr = c->corr;
	}
	/* Never negative in sum: a packet heard twice counts as a fault, not as heard. */
	r->lost = sent[0] + sent[1] - heard[0] - heard[1];
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void count_calls(struct result *r)
{
	uint64_t after[DEMO_CALLS];
	unsigned refused = 0;

	for (unsigned i = 0; i < DEMO_CALLS; i++) {
		const struct call *c = &demo.call[i];
		unsigned legs = c->answered[1] + c->answered[2] + c->answered[3];
		r->up += c->up != 0;
		r->over += c->over != 0;
		r->moved += c->up && !c->answered[1];
		r->duplicates += legs > 1 ? legs - 1 : 0;
		for (int s = 1; s < DEMO_SIDES; s++)
			r->on[s] += c->answered[s] > 0;
		if (c->invited[2] && c->dialed && !r->after_silence_ns && !c->answered[1])
			r->after_silence_ns = c->invited[2] - c->dialed;
		if (c->refused_by_b && c->invited[3] > c->refused_by_b)
			after[refused++] = c->invited[3] - c->refused_by_b;
	}
	qsort(after, refused, sizeof after[0], by_value);
	r->after_503_ns = refused ? after[refused / 2] : 0;
}

static unsigned count_records(void)
{
	char path[PATH_MAX];
	unsigned lines = 0;
	FILE *f;
	int c;

	snprintf(path, sizeof path, "%s/cdr.jsonl", demo.world.dir);
	if (!(f = fopen(path, "r")))
		return 0;
	while ((c = getc(f)) != EOF)
		lines += c == '\n';
	fclose(f);
	return lines;
}

/* ---- what is shown ---- */

static void show(const char *what)
{
	printf("%5.1f s  %s\n", (stage_now_ns() - demo.start) / 1e9, what);
	fflush(stdout);
}

static void show_line(void)
{
	struct result r = { 0 };
	uint64_t lost = 0;

	count_calls(&r);
	count_audio(&r);
	for (int i = 0; i < DEMO_SIDES; i++)
		lost += r.heard[i].lost;
	printf(
		"%5.1f s  calls up %2u  (a %2u, b %2u, c %2u)  packets %6llu  lost %llu  longest gap %2llu ms\n", (stage_now_ns() - demo.start) / 1e9,
		r.up - r.over, r.on[1], r.on[2], r.on[3], (unsigned long long)r.packets, (unsigned long long)lost,
		(unsigned long long)(r.worst_gap_ns / MS));
	fflush(stdout);
}

static bool promise(bool held, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool promise(bool held, const char *format, ...)
{
	va_list args;

	fputs(held ? "  ok    " : "  FAIL  ", stdout);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	return held;
}

static bool show_result(const struct result *r, bool ended)
{
	bool good = true;

	puts("");
	good &= promise(r->up == DEMO_CALLS && r->over == DEMO_CALLS, "calls up %u of %d, ended by their caller %u", r->up, DEMO_CALLS, r->over);
	good &= promise(r->moved > 0, "calls moved to another carrier %u (a %u, b %u, c %u)", r->moved, r->on[1], r->on[2], r->on[3]);
	good &= promise(r->duplicates == 0, "duplicate calls %u", r->duplicates);
	good &= promise(r->lost == 0, "packets %llu heard, lost %llu", (unsigned long long)r->packets, (unsigned long long)r->lost);
	good &= promise(r->faults == 0, "packets doubled, corrupt, crossed or off their line %llu", (unsigned long long)r->faults);
	good &= promise(r->corr > 0.99, "speech heard against speech sent: correlation %.4f", r->corr);
	good &= promise(r->worst_gap_ns < 1000 * MS, "worst audio gap %llu ms (packets are 20 ms apart)", (unsigned long long)(r->worst_gap_ns / MS));
	good &= promise(r->after_silence_ns && r->after_silence_ns < 2500 * MS, "time to the next INVITE: %llu ms after the silence that was the first sign",
		(unsigned long long)(r->after_silence_ns / MS));
	good &= promise(r->after_503_ns && r->after_503_ns < 100 * MS, "time to the next INVITE: %.1f ms after 503", r->after_503_ns / 1e6);
	good &= promise(r->records == DEMO_CALLS, "call records %u", r->records);
	good &= promise(ended, "kedge ended cleanly when told to");
	return good;
}

static void show_next(void)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	self[n > 0 ? n : 0] = 0;
	if (demo.world.keep)
		printf("\nLeft in %s: pbx-*.wav (what the PBX heard), *.pcap, *.json, *.sip, cdr.jsonl, kedge.cfg, kedge.log\n", demo.world.dir);
	printf("\nNext:\n"
	       "  %s config --example > kedge.cfg    every setting, with its default and meaning\n"
	       "  %s check -f kedge.cfg              all that is wrong with it, at once\n"
	       "  %s run -f kedge.cfg                the edge between your PBX and your carriers\n", self, self, self);
}

/* ---- the play ---- */

/* No call is being set up. One whose carrier rang and then died would wait for its ring timer: true, but another story. */
static bool all_settled(void)
{
	for (unsigned i = 0; i < DEMO_CALLS; i++)
		if (demo.call[i].dialed && !demo.call[i].up)
			return false;
	return true;
}

static void on_time(uint64_t ms)
{
	if (!demo.dead && ms >= DEAD_MS && (all_settled() || ms >= DEAD_MS + 1000)) {
		demo.dead = true;
		demo_freeze(&demo.world, 1);
		show("carrier a falls silent: no answer to anything, its calls keep talking");
	}
	if (!demo.busy && demo.call[BUSY_FROM].dialed) {
		demo.busy = true;
		show("carrier b answers 503 from now on");
	}
	if (!demo.back && ms >= BACK_MS) {
		demo.back = true;
		demo_thaw(&demo.world, 1);
		show("carrier a wakes up and answers what has waited: a late answer must not ring a second phone");
	}
	if (!demo.quiet && ms >= QUIET_MS) {
		demo.quiet = true;
		for (int i = 0; i < DEMO_SIDES; i++)
			peer_stop_all(demo.world.side[i].peer);
	}
}

static bool all_over(void)
{
	for (unsigned i = 0; i < DEMO_CALLS; i++)
		if (!demo.call[i].over && !demo.call[i].failed)
			return false;
	return true;
}

static void play(void)
{
	uint64_t shown = 0, ms = 0;

	while (!stopped && !all_over() && (ms = ms_since(demo.start, stage_now_ns())) < LIMIT_MS) {
		on_time(ms);
		if (ms / 1000 != shown) {
			shown = ms / 1000;
			show_line();
		}
		demo_step(&demo.world);
	}
	for (uint64_t end = stage_now_ns() + TAIL_MS * MS; stage_now_ns() < end;)
		demo_step(&demo.world);
}

/* Beside the captures: what each end counted, and what the PBX heard as sound. */
static void leave(void)
{
	for (int i = 0; i < DEMO_SIDES; i++) {
		char path[PATH_MAX];
		snprintf(path, sizeof path, "%s/%s.json", demo.world.dir, demo.world.side[i].name);
		FILE *f = fopen(path, "w");
		if (!f)
			continue;
		peer_json(demo.world.side[i].peer, f);
		fclose(f);
	}
	peer_wav(demo.world.side[0].peer, demo.world.dir, "pbx");
}

static int finish(void)
{
	struct result r = { 0 };
	bool ended;

	count_audio(&r);
	count_calls(&r);
	for (uint64_t end = stage_now_ns() + 2000 * MS; count_records() < DEMO_CALLS && stage_now_ns() < end;)
		demo_step(&demo.world);
	ended = demo_end_kedge(&demo.world, 5000);
	r.records = count_records();
	if (demo.world.keep)
		leave();
	return show_result(&r, ended) ? VERB_DONE : VERB_REFUSED;
}

static int run(const char *dir)
{
	char backend[32] = "unknown";

	if (demo_open(&demo.world, dir))
		return VERB_REFUSED;
	demo_log_word(&demo.world, "run.ready", "backend", backend, sizeof backend);
	printf("kedge demo: a PBX and carriers a, b, c on 127.%d.0.0/16; %d calls, %d a second, speech both ways; packets are moved by %s\n",
		demo.world.slot, DEMO_CALLS, RATE, backend);
	demo.start = stage_now_ns();
	if (demo_dial(&demo.world, RATE, HANGUP_MS))
		return VERB_REFUSED;
	play();
	if (stopped)
		return 128 + stopped;
	return finish();
}

int verb_demo(int argc, char **argv)
{
	static const struct option options[] = { { "keep", 1, NULL, 'k' }, { 0 } };
	struct sigaction act = { .sa_handler = on_signal };
	const char *dir = NULL;
	int c, code;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 'k')
			return verb_usage("demo");
		dir = optarg;
	}
	if (optind != argc)
		return verb_usage("demo");
	stage_raise_files();
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	demo.world.note = on_note;
	code = run(dir);
	if (code == VERB_DONE || (code == VERB_REFUSED && demo.quiet))
		show_next();
	demo_close(&demo.world);
	return code;
}
