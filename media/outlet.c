// SPDX-License-Identifier: MIT
#include "media/outlet.h"

#include "media/worker.h"

#define DROP(w, why) worker_count(&(w)->count->drop_##why, 1)

static bool send_on(struct worker *w, const struct end *to, unsigned which, const uint8_t *data, size_t len)
{
	struct port *p = &w->port[to->port];
	struct sock *s = &p->sock[which];

	if (s->to_len == 0) {
		DROP(w, no_peer);
		return false;
	}
	w->ops->send(w->io, 2 * to->port + which, IO_TAG(p->generation), data, len, s->connected ? NULL : &s->to.sa,
	    s->connected ? 0 : s->to_len);
	worker_count(&w->count->packets_out, 1);
	worker_count(&w->count->bytes_out, len);
	return true;
}

/* What a restarted worker goes on from, stored before the packet is sent. */
static void store_line(const struct end *to, bool switched)
{
	const struct stitch *l = &to->line;
	struct kedge_end_run *run = to->run;

	if (switched) { /* offsets of two sources never stand together: the source is nobody meanwhile */
		atomic_store_explicit(
		    &run->seq_offset, (uint64_t)STITCH_NONE << 16, memory_order_release);
		atomic_store_explicit(&run->ssrc,
		    (uint64_t)l->ssrc << 32 |
		        (uint32_t)atomic_load_explicit(&run->ssrc, memory_order_relaxed),
		    memory_order_relaxed);
	}
	atomic_store_explicit(&run->tx_index, l->index, memory_order_relaxed);
	atomic_store_explicit(&run->timestamp,
	    (uint64_t)l->last_timestamp << 32 | l->timestamp_offset, memory_order_relaxed);
	atomic_store_explicit(&run->last_tx_ns, l->last_ns, memory_order_relaxed);
	if (switched)
		atomic_store_explicit(&run->seq_offset,
		    (uint64_t)l->source_ssrc << 32 | (uint64_t)l->source << 16 | l->sequence_offset,
		    memory_order_release);
}

/* No keys in this build: never in clear instead. */
static bool may_send(struct worker *w, const struct end *to)
{
	if (!(to->work & WORK_SECURE))
		return true;
	worker_count(&w->count->srtp_no_key, 1);
	return false;
}

bool outlet_rtp(struct worker *w, struct end *to, uint8_t source, const struct stitch_pace *pace, struct rtp *h, uint8_t *data,
    size_t len)
{
	enum stitch_result result;

	if (!may_send(w, to))
		return false;
	result = stitch_rtp(&to->line, source, h, pace, w->now_ns);
	if (result == STITCH_LATE) {
		DROP(w, not_live);
		return false;
	}
	rtp_write(data, h);
	store_line(to, result == STITCH_SWITCHED);
	return send_on(w, to, 0, data, len);
}

bool outlet_rtcp(struct worker *w, struct end *to, uint8_t *data, size_t len)
{
	return may_send(w, to) && send_on(w, to, !(to->flags & KEDGE_END_RTCP_MUX), data, len);
}

bool outlet_plain(struct worker *w, struct end *to, const uint8_t *data, size_t len)
{
	return may_send(w, to) && send_on(w, to, 0, data, len);
}

uint8_t *outlet_room(struct worker *w)
{
	w->room_next = (w->room_next + 1) % OUTLET_ROOMS;
	return w->room[w->room_next];
}
