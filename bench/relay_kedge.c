// SPDX-License-Identifier: MIT
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "bench/relay_run.h"
#include "bench/relay_spray.h"
#include "config/clock.h"
#include "routing/shm/queue.h"
#include "routing/shm/seq.h"
#include "tests/harness/plane.h"

#define CHURN_LEAST 64 /* slots */

/* ---- anchors opened and closed beside the load ------------------------------------------------- */

struct churn {
	struct plane *plane;
	union addr_sock far;
	uint32_t first, next, count; /* slots */
	unsigned per_second, due;    /* due: thousandths of an anchor */
	struct plane_anchor *a;
	uint64_t opened, spent_ns, busy;
};

static void churn_one(struct churn *c)
{
	struct plane_anchor *a = &c->a[c->next];
	uint32_t slot = c->first + c->next;
	uint64_t began;

	c->next = (c->next + 1) % c->count;
	if (a->want.generation != 0 && a->want.state == KEDGE_SLOT_OPEN) {
		a->want.state = KEDGE_SLOT_CLOSED;
		plane_commit(c->plane, a);
		return;
	}
	if (a->want.generation != 0 && plane_wait_done(c->plane, a, KEDGE_DONE_CLOSED, 0) < 0) {
		c->busy++;
		return;
	}
	began = clock_mono_ns();
	plane_anchor(c->plane, a, slot, (uint8_t)(slot % c->plane->o.workers));
	if (plane_end(c->plane, a, KEDGE_END_INSIDE, 0, &c->far.sa) < 0 ||
	    plane_end(c->plane, a, 0, 1, &c->far.sa) < 0) {
		c->busy++;
		a->want.state = KEDGE_SLOT_CLOSED;
	}
	a->want.live = 0;
	plane_commit(c->plane, a);
	c->spent_ns += clock_mono_ns() - began;
	c->opened++;
}

/* What media tells signaling is nobody's here; a full queue would have to be told again. */
static void forget_events(struct plane *p)
{
	uint64_t msg;

	for (unsigned i = 0; i < p->o.workers; i++)
		while (queue_pop(&segment_queues(&p->seg, i)->evt, &msg) == 0)
			;
}

static void churn_ms(void *ctx)
{
	struct churn *c = ctx;

	/* Each anchor is seen twice: opened, then closed. */
	for (c->due += 2 * c->per_second; c->due >= 1000; c->due -= 1000)
		churn_one(c);
	forget_events(c->plane);
}

static uint32_t churn_slots(const struct run_options *o)
{
	if (o->churn == 0)
		return 0;
	return o->churn / 2 > CHURN_LEAST ? o->churn / 2 : CHURN_LEAST;
}

/* Nobody speaks in these calls: their far ends are the discard port. */
static void churn_begin(struct churn *c, const struct run_options *o, struct plane *p, struct load *l)
{
	*c = (struct churn){ .plane = p, .first = l->calls, .count = churn_slots(o), .per_second = o->churn };
	memcpy(&c->far, load_far(l, 0, 0), l->len);
	if (o->ipv6)
		c->far.in6.sin6_port = htons(9);
	else
		c->far.in.sin_port = htons(9);
	c->a = calloc(c->count, sizeof(*c->a));
	l->each_ms = churn_ms;
	l->ctx = c;
}

/* ---- kedge-media ------------------------------------------------------------------------------- */

static void need(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "kedge-media: %s\n", what);
	exit(1);
}

/* The key that the relay sends with is its own, the other one its far end's. */
static void give_keys(struct plane *p, struct load *l, struct plane_anchor *a, uint8_t place, uint32_t call, uint8_t suite)
{
	unsigned side = place != KEDGE_END_INSIDE, len;
	const uint8_t *rx = load_key_sent(l, call, side, &len);
	struct kedge_keys k = { .suite = suite, .tx_len = (uint8_t)len, .rx_len = (uint8_t)len };

	need(getrandom(k.tx, len, 0) == (ssize_t)len, "no random bytes");
	memcpy(k.rx, rx, len);
	load_key_heard(l, call, side, k.tx);
	seq_write(&segment_end(&p->seg, a->slot, place)->keys, &k);
	plane_end_of(a, place)->srtp = suite;
}

static bool add_end(struct plane *p, struct load *l, struct plane_anchor *a, uint8_t place, uint32_t call)
{
	unsigned side = place != KEDGE_END_INSIDE;

	if (plane_end(p, a, place, (uint8_t)side, load_far(l, call, side)) < 0)
		return false;
	plane_end_of(a, place)->rtcp = plane_addr(load_far_rtcp(l, side));
	if (l->suite[side] != KEDGE_SUITE_NONE)
		give_keys(p, l, a, place, call, l->suite[side]);
	plane_write(p, a, place);
	return true;
}

static void open_calls(struct plane *p, struct load *l)
{
	for (uint32_t call = 0; call < l->calls; call++) {
		struct sockaddr_storage in, out;
		struct plane_anchor a;

		plane_anchor(p, &a, call, (uint8_t)(call % p->o.workers));
		need(add_end(p, l, &a, KEDGE_END_INSIDE, call) && add_end(p, l, &a, 0, call), "no port pair left");
		a.want.live = 0;
		plane_commit(p, &a);
		plane_local(p, &a, KEDGE_END_INSIDE, &in);
		plane_local(p, &a, 0, &out);
		load_aim(l, call, (struct sockaddr *)&in, (struct sockaddr *)&out);
		need(plane_wait_done(p, &a, KEDGE_DONE_OPEN, 5000) == 0, "does not open an anchor");
	}
}

static void start_plane(const struct run_options *o, struct plane *p, unsigned calls, char media[160])
{
	unsigned spare = o->churn != 0 ? churn_slots(o) + 64 : 0, per = o->workers;
	struct plane_options options = { .program = o->program,
		.workers = o->workers,
		.slots = calls + spare + 1,
		.pairs = (calls + 2 * spare + per - 1) / per * per,
		.nets = { o->ipv6 ? "::1" : "127.0.3.1", o->ipv6 ? "::1" : "127.0.4.1" },
		.backend = o->backend,
		.media = media };

	snprintf(media, 160, "window = \"%uus\"; batch = %u; port_rest = \"100ms\";", o->window_us, RUN_BATCH);
	if (o->buffers != 0)
		snprintf(media + strlen(media), 160 - strlen(media), " buffers = %u;", o->buffers);
	run_pin_relay(o); /* inherited by the relay */
	need(plane_open(p, &options) == 0 && plane_start(p) == 0, "does not start");
	run_pin_generator(o);
}

/* Where packets are missing: what the relay says it did with them. */
static void say_drops(const struct plane *p)
{
#define C(name)                                                                                    \
	if (strncmp(#name, "drop_", 5) == 0 && PLANE_COUNT(p, name) != 0)                          \
		fprintf(stderr, "kedge-media: %s %llu\n", #name, (unsigned long long)PLANE_COUNT(p, name));
	KEDGE_MEDIA_COUNTERS(C)
#undef C
}

static void measure(const struct run_options *o, struct plane *p, struct load *l, struct run_result *r)
{
	uint64_t cpu = run_cpu_ns(p->pid), before = PLANE_COUNT(p, packets_out), begin = before;
	uint64_t relayed, rtcp;

	do {
		load_run(l, o->seconds * CLOCK_NS_PER_S, true, false);
		relayed = PLANE_COUNT(p, packets_out) - begin - l->count.rtcp_received;
		if (o->packets != 0 && isatty(STDERR_FILENO))
			fprintf(stderr, "\r\033[K%.1f of %.1f million packets, %llu lost", (double)relayed / 1e6,
			    (double)o->packets / 1e6, (unsigned long long)l->count.lost);
	} while (relayed < o->packets);
	cpu = run_cpu_ns(p->pid) - cpu;
	relayed = PLANE_COUNT(p, packets_out) - before;
	rtcp = l->count.rtcp_received;
	load_run(l, 0, true, true);
	if (l->count.lost != 0)
		say_drops(p);
	run_finish(r, l, cpu, relayed - rtcp);
}

/* Behind its start the relay lets go of what only that needed: until nothing changes any more, two seconds at most. */
static double memory_at_rest(pid_t pid)
{
	double now = run_memory(pid, "smaps_rollup", "Pss:"), before;
	int still = 0;

	for (int i = 0; i < 40 && still < 6; i++) {
		usleep(50000);
		before = now;
		now = run_memory(pid, "smaps_rollup", "Pss:");
		still = now == before ? still + 1 : 0;
	}
	return now;
}

void run_kedge(const struct run_options *o, unsigned calls, struct run_result *r)
{
	struct load_setup setup = { .calls = calls, .ipv6 = o->ipv6, .rtcp = o->rtcp, .suite = { o->suite[0], o->suite[1] } };
	struct churn churn = { 0 };
	struct spray spray;
	struct plane p;
	struct load l;
	char media[160];
	double idle;

	memset(r, 0, sizeof(*r));
	need(load_open(&l, &setup) == 0, "no sockets for the load");
	start_plane(o, &p, calls, media);
	idle = memory_at_rest(p.pid);
	if (o->spray != 0)
		need(spray_begin(&spray, &p, o->spray) == 0, "no strangers");
	open_calls(&p, &l);
	load_run(&l, 1500 * CLOCK_NS_PER_MS, false, false);
	if (o->churn != 0)
		churn_begin(&churn, o, &p, &l);
	measure(o, &p, &l, r);
	if (o->spray != 0)
		spray_end(&spray, &r->sprayed, &r->sprayed_back);
	r->bytes_per_call = (run_memory(p.pid, "smaps_rollup", "Pss:") - idle) / calls;
	r->resident = run_memory(p.pid, "status", "VmRSS:");
	r->anonymous = run_memory(p.pid, "status", "RssAnon:");
	r->own = r->anonymous + run_memory(p.pid, "status", "RssShmem:");
	r->open_us = churn.opened != 0 ? (double)churn.spent_ns / (double)churn.opened / 1000 : 0;
	free(churn.a);
	need(plane_close(&p) == 0, "did not end well"); /* a sanitizer's verdict, too */
	load_close(&l);
}
