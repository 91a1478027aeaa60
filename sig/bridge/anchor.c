// SPDX-License-Identifier: MIT
#include "sig/bridge/anchor.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/clock.h"
#include "routing/shm/pool.h"
#include "routing/shm/queue.h"
#include "routing/shm/seq.h"
#include "sig/offer/crypto.h"
#include "sig/edge/listen.h"

static struct {
	const struct segment *seg;
	su_root_t *root;
	const struct anchor_events *events;
	void **owner;        /* by slot */
	uint32_t *free_slot; /* a stack: the slot used last is the one whose pages are warm */
	uint32_t free_count;
	uint32_t closing; /* slots that media has yet to close */
	uint32_t end_generation;
	uint32_t on_worker[KEDGE_WORKERS_MAX]; /* slots not free, by worker */
	uint32_t next_worker;
	uint32_t woken; /* workers with commands they were not woken for yet, a bit each */
	int wait_index;
	bool started;
} anchor_state;

/* ---- to media ------------------------------------------------------------------------------- */

/* A full queue loses nothing: the worker then has thousands of slots to look at, and a worker that
 * starts looks at all of them. */
static void tell(const struct anchor *a)
{
	queue_push(&segment_queues(anchor_state.seg, a->worker)->cmd,
	    queue_msg(KEDGE_CMD_SESSION, a->generation, a->slot));
	anchor_state.woken |= 1u << a->worker;
}

void anchor_flush(void)
{
	uint64_t one = 1;

	for (uint32_t w = 0; anchor_state.woken; w++) {
		if (anchor_state.woken & 1u << w &&
		    write(anchor_state.seg->priv->worker_eventfd[w], &one, sizeof(one)) < 0)
			assert(errno == EAGAIN); /* it is full of wake-ups already */
		anchor_state.woken &= ~(1u << w);
	}
}

static void read_want(uint32_t slot, struct kedge_anchor *w)
{
	memset(w, 0, sizeof(*w));
	seq_read(&segment_session(anchor_state.seg, slot)->want, w); /* our own line: never busy */
}

static void read_end(const struct anchor *a, unsigned end, struct kedge_end *e)
{
	memset(e, 0, sizeof(*e));
	seq_read(&segment_end(anchor_state.seg, a->slot, end)->want, e);
}

static void write_end(const struct anchor *a, unsigned end, const struct kedge_end *e)
{
	seq_write(&segment_end(anchor_state.seg, a->slot, end)->want, e);
}

static const struct kedge_keys no_keys;

/* Keys stand only in the segment, and no longer than the end they are of. */
static void write_keys(const struct anchor *a, unsigned end, const struct kedge_keys *k)
{
	struct kedge_keys now = { 0 };

	seq_read(&segment_end(anchor_state.seg, a->slot, end)->keys, &now);
	if (memcmp(&now, k, sizeof(now)) != 0)
		seq_write(&segment_end(anchor_state.seg, a->slot, end)->keys, k);
	crypto_wipe(&now, sizeof(now));
}

static void wipe_keys(const struct anchor *a)
{
	/* To look at ends that no call ever had would take their pages. */
	unsigned n = segment_has_more(anchor_state.seg, a->slot) ? KEDGE_OUT_MAX : KEDGE_OUT_NEAR;

	write_keys(a, KEDGE_END_INSIDE, &no_keys);
	for (unsigned i = 0; i < n; i++)
		write_keys(a, i, &no_keys);
}

/* ---- ports ---------------------------------------------------------------------------------- */

static void local_addr(uint32_t net, uint32_t port, struct kedge_addr *out)
{
	*out = anchor_state.seg->priv->net[net].addr;
	out->port = segment_port(anchor_state.seg, port)->rtp_port;
}

/* Lends a port to an end that nobody has heard from yet. */
static int end_begin(struct anchor *a, unsigned end, uint32_t net, unsigned hop)
{
	struct kedge_end e = { .anchor = a->generation,
		.hop = (uint16_t)hop,
		.latch = KEDGE_LATCH_STRICT,
		.clock_rate = 8000,
		.ptime_ms = 20,
		.telephone_event = 0xff,
		.event_here = 0xff,
		.audio_pt = 0xff,
		.cn_pt = 0xff };
	int err;

	if (++anchor_state.end_generation == 0)
		anchor_state.end_generation = 1;
	e.generation = anchor_state.end_generation;
	memset(e.pt, 0xff, sizeof(e.pt));
	err = pool_take(anchor_state.seg, a->worker, net, a->slot, end, &e);
	if (err == 0)
		local_addr(net, e.port, &a->local[end == KEDGE_END_INSIDE ? 0 : end + 1]);
	return err;
}

/* ---- open, close ---------------------------------------------------------------------------- */

int anchor_net(unsigned iface, unsigned family)
{
	const struct kedge_private_head *priv = anchor_state.seg->priv;

	for (uint32_t i = 0; i < priv->net_count; i++)
		if (priv->net[i].iface == iface && priv->net[i].addr.family == family)
			return (int)i;
	return -EADDRNOTAVAIL;
}

/* The worker with the fewest anchors that has a port there; of several the next in turn. Turns alone would not do: calls last
 * differently long, and what is left of a busy hour may all lie on one. */
static int pick_worker(uint32_t net)
{
	uint32_t workers = anchor_state.seg->priv->workers, least = UINT32_MAX;
	int best = -ENOBUFS;

	for (uint32_t i = 0; i < workers; i++) {
		uint32_t w = (anchor_state.next_worker + i) % workers;

		if (anchor_state.on_worker[w] < least && queue_count(segment_free(anchor_state.seg, w, net)) > 0) {
			least = anchor_state.on_worker[w];
			best = (int)w;
		}
	}
	if (best >= 0)
		anchor_state.next_worker = (uint32_t)best + 1;
	return best;
}

static void begin_slot(struct anchor *a, uint64_t call_id)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz012345";
	struct kedge_anchor w;
	uint8_t raw[sizeof(w.cname) - 1];

	memset(&w, 0, sizeof(w));
	w.generation = a->generation;
	w.state = KEDGE_SLOT_OPEN;
	w.worker = a->worker;
	w.live = KEDGE_LIVE_NONE;
	w.opened_ns = clock_mono_ns();
	w.call_id = call_id;
	listen_random(&w.ssrc, sizeof(w.ssrc));
	listen_random(raw, sizeof(raw));
	for (size_t i = 0; i < sizeof(raw); i++)
		w.cname[i] = alphabet[raw[i] & 31];
	seq_write(&segment_session(anchor_state.seg, a->slot)->want, &w);
}

/* Ends of the slot's last use must not be read as ends of this one. */
static void clear_ends(const struct anchor *a)
{
	struct kedge_end none = { 0 }, e;
	/* To look at ends that no call ever had would take their pages. */
	unsigned n = segment_has_more(anchor_state.seg, a->slot) ? KEDGE_OUT_MAX : KEDGE_OUT_NEAR;

	for (unsigned i = 0; i < n; i++) {
		read_end(a, i, &e);
		if (e.generation)
			write_end(a, i, &none);
	}
	wipe_keys(a);
}

int anchor_open(struct anchor *a, uint64_t call_id, unsigned net, void *owner)
{
	struct kedge_anchor before;
	int worker, err;

	assert(!a->open);
	if (net >= anchor_state.seg->priv->net_count)
		return -EADDRNOTAVAIL;
	if (anchor_state.free_count == 0)
		return -ENOSPC;
	worker = pick_worker(net);
	if (worker < 0)
		return worker;
	memset(a, 0, sizeof(*a));
	a->slot = anchor_state.free_slot[anchor_state.free_count - 1];
	read_want(a->slot, &before);
	a->generation = before.generation + 1 ? before.generation + 1 : 1;
	a->worker = (uint8_t)worker;
	a->live = KEDGE_LIVE_NONE;
	clear_ends(a);
	err = end_begin(a, KEDGE_END_INSIDE, net, KEDGE_HOP_NONE);
	if (err)
		return err;
	anchor_state.free_count--;
	anchor_state.on_worker[worker]++;
	anchor_state.owner[a->slot] = owner;
	a->open = true;
	begin_slot(a, call_id);
	tell(a);
	segment_add(&segment_counters(anchor_state.seg)->anchors_opened, 1);
	return 0;
}

struct kedge_sig_counters *anchor_counters(void)
{
	return segment_counters(anchor_state.seg);
}

void anchor_close(struct anchor *a)
{
	struct kedge_anchor w;

	if (!a->open)
		return;
	a->open = false;
	read_want(a->slot, &w);
	w.state = KEDGE_SLOT_CLOSED;
	w.live = KEDGE_LIVE_NONE;
	seq_write(&segment_session(anchor_state.seg, a->slot)->want, &w);
	anchor_state.closing++;
	tell(a);
}

/* ---- ends ----------------------------------------------------------------------------------- */

static void write_want(const struct anchor *a)
{
	struct kedge_anchor w;

	read_want(a->slot, &w);
	w.live = a->live;
	w.ends = 0;
	for (unsigned i = 0; i < KEDGE_OUT_MAX; i++)
		if (a->used & 1u << i)
			w.ends = (uint8_t)(i + 1);
	seq_write(&segment_session(anchor_state.seg, a->slot)->want, &w);
}

int anchor_outside(struct anchor *a, unsigned net, unsigned hop)
{
	unsigned end = 0;
	int err;

	assert(a->open);
	while (end < KEDGE_OUT_MAX && a->used & 1u << end)
		end++;
	if (end == KEDGE_OUT_MAX)
		return -EMFILE;
	if (net >= anchor_state.seg->priv->net_count)
		return -EADDRNOTAVAIL;
	err = end_begin(a, end, net, hop);
	if (err)
		return err;
	a->used |= (uint8_t)(1u << end);
	write_want(a);
	tell(a);
	return (int)end;
}

void anchor_drop(struct anchor *a, unsigned end)
{
	struct kedge_end none = { 0 };

	if (!a->open || end >= KEDGE_OUT_MAX || end == a->live || !(a->used & 1u << end))
		return;
	a->used &= (uint8_t) ~(1u << end);
	write_end(a, end, &none);
	write_keys(a, end, &no_keys);
	tell(a);
}

void anchor_far(struct anchor *a, unsigned end, const struct anchor_far *far)
{
	struct kedge_end e;

	if (!a->open)
		return;
	assert(far->pt_count <= 8);
	read_end(a, end, &e);
	e.rtp = far->rtp;
	e.rtcp = far->rtcp;
	e.latch = far->latch;
	e.flags = far->flags;
	e.telephone_event = far->telephone_event;
	e.event_here = far->event_here;
	e.event_rate = far->event_rate;
	e.dtmf = far->dtmf;
	e.codec = far->codec;
	e.audio_pt = far->audio_pt;
	e.cn_pt = far->cn_pt;
	e.srtp = far->srtp;
	e.clock_rate = far->clock_rate ? far->clock_rate : 8000;
	e.ptime_ms = far->ptime_ms ? far->ptime_ms : 20;
	memset(e.pt, 0xff, sizeof(e.pt));
	memcpy(e.pt, far->pt, far->pt_count * sizeof(far->pt[0]));
	memcpy(e.laws, far->laws, sizeof(e.laws));
	e.send_ptime_ms = far->send_ptime_ms;
	e.record = far->record;
	e.listen = far->listen;
	memcpy(e.learn, far->learn, sizeof(e.learn));
	if (far->relearn)
		e.exchange++;
	write_keys(a, end, &far->keys);
	write_end(a, end, &e);
	tell(a);
}

void anchor_play(struct anchor *a, unsigned end, uint32_t sound, uint8_t how)
{
	struct kedge_end e;

	if (!a->open)
		return;
	read_end(a, end, &e);
	if (!sound && !e.play)
		return;
	e.play = sound;
	e.play_how = how;
	e.play_take++;
	write_end(a, end, &e);
	tell(a);
}

void anchor_echo(struct anchor *a, unsigned end)
{
	struct kedge_end e;

	if (!a->open)
		return;
	read_end(a, end, &e);
	e.flags |= KEDGE_END_ECHO;
	write_end(a, end, &e);
	tell(a);
}

void anchor_live(struct anchor *a, unsigned end)
{
	assert(end == KEDGE_LIVE_NONE || (end < KEDGE_OUT_MAX && a->used & 1u << end));
	if (!a->open || a->live == end)
		return;
	a->live = (uint8_t)end;
	write_want(a);
	tell(a);
}

/* ---- digits ---------------------------------------------------------------------------------- */

int anchor_say_digit(struct anchor *a, const struct digit *d)
{
	struct digit asked = *d;
	int err;

	if (!a->open || (d->end != KEDGE_END_INSIDE && (d->end >= KEDGE_OUT_MAX || !(a->used & 1u << d->end))))
		return -ENOENT;
	asked.timestamp = digit_ms(clock_mono_ns());
	err = digit_put(segment_digits(anchor_state.seg, a->slot, 1), &asked, a->generation);
	if (err == 0)
		tell(a);
	return err;
}

bool anchor_next_digit(struct anchor *a, struct digit *d)
{
	struct kedge_digits *q = segment_digits(anchor_state.seg, a->slot, 0);

	if (!a->open || digit_peek(q, a->generation, d) < 0)
		return false;
	digit_take(q);
	return true;
}

/* ---- figures -------------------------------------------------------------------------------- */

static uint64_t word(const _Atomic uint64_t *w)
{
	return atomic_load_explicit(w, memory_order_relaxed);
}

void anchor_quality(const struct anchor *a, struct anchor_quality q[2])
{
	const struct kedge_stats *s = segment_stats(anchor_state.seg, a->slot);

	memset(q, 0, 2 * sizeof(q[0]));
	if (word(&s->generation) != a->generation)
		return;
	for (int i = 0; i < 2; i++) {
		const struct kedge_flow *f = &s->flow[i];
		uint64_t lost_late = word(&f->lost_late);

		q[i] = (struct anchor_quality){ .packets = word(&f->packets),
			.bytes = word(&f->bytes),
			.lost = lost_late >> 32,
			.late = lost_late & 0xffffffff,
			.relayed = word(&f->relayed),
			.jitter_us = word(&f->jitter_us),
			.jitter_mean_us = atomic_load_explicit(&s->jitter_mean_us[i], memory_order_relaxed),
			.rtt_us = atomic_load_explicit(&s->rtt_us[i], memory_order_relaxed),
			.far_lost = atomic_load_explicit(&s->far_lost[i], memory_order_relaxed),
			.unheard = atomic_load_explicit(&s->told[i], memory_order_relaxed) & KEDGE_TOLD_UNHEARD,
			.reports = atomic_load_explicit(&s->told[i], memory_order_relaxed) & KEDGE_TOLD_REPORTS,
			.one_way = atomic_load_explicit(&s->told[i], memory_order_relaxed) & KEDGE_TOLD_ONE_WAY,
			.never = atomic_load_explicit(&s->told[i], memory_order_relaxed) & KEDGE_TOLD_NEVER,
			.tone = atomic_load_explicit(&s->told[i], memory_order_relaxed) & KEDGE_TOLD_TONE,
			.max_gap_ns = word(&f->max_gap_ns),
			.first_rx_ns = word(&f->first_rx_ns),
			.last_rx_ns = word(&f->last_rx_ns) };
	}
}

bool anchor_served(const struct anchor *a)
{
	return word(&segment_stats(anchor_state.seg, a->slot)->generation) == a->generation;
}

uint64_t anchor_switches(const struct anchor *a)
{
	const struct kedge_stats *s = segment_stats(anchor_state.seg, a->slot);

	return word(&s->generation) == a->generation ? word(&s->switches) : 0;
}

uint32_t anchor_free_slots(void)
{
	return anchor_state.free_count;
}

uint32_t anchor_closing(void)
{
	return anchor_state.closing;
}

/* ---- from media ----------------------------------------------------------------------------- */

/* Media is done with the slot: its counters are final and its ports are its own again. */
static void slot_closed(uint32_t slot, const struct kedge_anchor *w)
{
	const struct anchor a = { .slot = slot };
	void *owner = anchor_state.owner[slot];
	struct kedge_anchor freed = *w;

	if (w->state == KEDGE_SLOT_FREE)
		return; /* told twice */
	if (w->state == KEDGE_SLOT_CLOSED && anchor_state.closing)
		anchor_state.closing--;
	wipe_keys(&a);
	freed.state = KEDGE_SLOT_FREE;
	seq_write(&segment_session(anchor_state.seg, slot)->want, &freed);
	anchor_state.owner[slot] = NULL;
	anchor_state.free_slot[anchor_state.free_count++] = slot;
	anchor_state.on_worker[w->worker]--;
	segment_add(&segment_counters(anchor_state.seg)->anchors_closed, 1);
	if (owner)
		anchor_state.events->closed(owner, slot);
}

static void on_event(uint64_t msg)
{
	uint32_t slot = queue_msg_slot(msg);
	struct kedge_anchor w;
	void *owner;

	if (slot >= anchor_state.seg->priv->slots)
		return;
	read_want(slot, &w);
	if (queue_msg_generation(msg) != (w.generation & 0xffffff))
		return; /* of an earlier use of the slot */
	owner = anchor_state.owner[slot];
	switch (queue_msg_op(msg)) {
	case KEDGE_EVT_CLOSED:
		if (w.state == KEDGE_SLOT_CLOSED)
			slot_closed(slot, &w);
		break;
	case KEDGE_EVT_ORPHAN:
		if (!owner)
			slot_closed(slot, &w);
		break;
	case KEDGE_EVT_FIRST_RTP:
		if (owner)
			anchor_state.events->heard(owner);
		break;
	case KEDGE_EVT_DIGITS:
		if (owner)
			anchor_state.events->digits(owner);
		break;
	case KEDGE_EVT_SILENT:
	case KEDGE_EVT_SILENT_IN:
		if (owner)
			anchor_state.events->silent(owner, queue_msg_op(msg) == KEDGE_EVT_SILENT_IN);
		break;
	case KEDGE_EVT_PLAYED:
		if (owner && anchor_state.events->played)
			anchor_state.events->played(owner);
		break;
	case KEDGE_EVT_ONE_WAY:
	case KEDGE_EVT_ONE_WAY_IN:
		if (owner)
			anchor_state.events->one_way(owner, queue_msg_op(msg) == KEDGE_EVT_ONE_WAY_IN);
		break;
	}
}

static int on_wake(su_root_magic_t *magic, su_wait_t *wait, su_wakeup_arg_t *arg)
{
	uint64_t n, msg;

	(void)magic;
	(void)wait;
	(void)arg;
	if (read(anchor_state.seg->priv->sig_eventfd, &n, sizeof(n)) < 0)
		assert(errno == EAGAIN || errno == EINTR);
	for (uint32_t w = 0; w < anchor_state.seg->priv->workers; w++)
		while (queue_pop(&segment_queues(anchor_state.seg, w)->evt, &msg) == 0)
			on_event(msg);
	return 0;
}

/* ---- attach --------------------------------------------------------------------------------- */

/* Which slots are free, which media has yet to close, which are calls of the process before this
 * one. Those have no owner: media closes them once both ends were silent long enough. */
static void slot_adopt(uint32_t slot)
{
	struct kedge_anchor w = { 0 };

	if (segment_next_used(anchor_state.seg, slot) == slot) /* a slot never used takes no page */
		read_want(slot, &w);
	if (w.state != KEDGE_SLOT_FREE && pool_slot_idle(anchor_state.seg, slot)) {
		w.state = KEDGE_SLOT_FREE;
		seq_write(&segment_session(anchor_state.seg, slot)->want, &w);
	}
	if (w.state == KEDGE_SLOT_FREE) {
		anchor_state.free_slot[anchor_state.free_count++] = slot;
		return;
	}
	anchor_state.on_worker[w.worker]++;
	anchor_state.closing += w.state == KEDGE_SLOT_CLOSED;
}

static int wait_register(void)
{
	su_wait_t wait[1] = { SU_WAIT_INIT };

	if (su_wait_create(wait, anchor_state.seg->priv->sig_eventfd, SU_WAIT_IN) < 0)
		return -EIO;
	anchor_state.wait_index = su_root_register(anchor_state.root, wait, on_wake, NULL, 0);
	return anchor_state.wait_index < 0 ? -EIO : 0;
}

int anchor_init(const struct segment *seg, su_root_t *root, const struct anchor_events *events)
{
	uint32_t slots = seg->priv->slots;

	anchor_state.seg = seg;
	anchor_state.root = root;
	anchor_state.events = events;
	anchor_state.owner = calloc(slots, sizeof(anchor_state.owner[0]));
	anchor_state.free_slot = calloc(slots, sizeof(anchor_state.free_slot[0]));
	if (!anchor_state.owner || !anchor_state.free_slot)
		goto out_memory;
	listen_random(&anchor_state.end_generation, sizeof(anchor_state.end_generation));
	pool_recover(seg);
	for (uint32_t i = slots; i > 0; i--)
		slot_adopt(i - 1);
	for (uint32_t w = 0; w < seg->priv->workers; w++)
		anchor_state.woken |= 1u << w;
	anchor_flush();
	if (wait_register() < 0)
		goto out_memory;
	anchor_state.started = true;
	on_wake(NULL, NULL, NULL); /* what media said while nobody listened */
	return 0;
out_memory:
	free(anchor_state.owner);
	free(anchor_state.free_slot);
	memset(&anchor_state, 0, sizeof(anchor_state));
	return -ENOMEM;
}

void anchor_fini(void)
{
	if (!anchor_state.started)
		return;
	su_root_deregister(anchor_state.root, anchor_state.wait_index);
	free(anchor_state.owner);
	free(anchor_state.free_slot);
	memset(&anchor_state, 0, sizeof(anchor_state));
}
