// SPDX-License-Identifier: MIT
#include "media/outlet.h"

#include <string.h>

#include "media/srtp.h"
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

bool outlet_secured(struct worker *w, enum secure_result result)
{
	struct kedge_worker *c = w->count;
	_Atomic uint64_t *const why[] = { [SECURE_AUTH] = &c->srtp_auth, [SECURE_REPLAY] = &c->srtp_replay,
		[SECURE_NO_KEY] = &c->srtp_no_key, [SECURE_MALFORMED] = &c->srtp_malformed };

	if (result == SECURE_OK)
		return true;
	worker_count(why[result], 1);
	return false;
}

/* No key: never in clear instead, and no number of the line is used up. */
static bool may_send(struct worker *w, const struct end *to)
{
	return !(to->work & WORK_SECURE) || secure_sends(to->secure) || outlet_secured(w, SECURE_NO_KEY);
}

/* A packet that ends near its buffer's end moves where there is room behind it. */
static uint8_t *with_room(struct worker *w, uint8_t *data, size_t len)
{
	uint8_t *room;

	if (len + SECURE_ROOM <= IO_SMALL)
		return data;
	if (len + SECURE_ROOM > IO_BIG)
		return NULL;
	room = outlet_room(w);
	memcpy(room, data, len);
	return room;
}

/* False: it must not go; counted. h NULL: it is RTCP. */
static bool protect(struct worker *w, struct end *to, const struct rtp *h, uint8_t **data, size_t *len)
{
	uint64_t index = to->line.index;

	*data = with_room(w, *data, *len);
	if (*data == NULL)
		return outlet_secured(w, SECURE_MALFORMED);
	if (h == NULL)
		return outlet_secured(w, secure_protect_rtcp(to->secure, *data, len));
	index += (uint64_t)(int16_t)(h->sequence - (uint16_t)index);
	return outlet_secured(w, secure_protect(to->secure, *data, len, index));
}

/* Of an SSRC that the line does not have any more. */
static void take_leave(struct worker *w, struct end *to)
{
	uint8_t *room = outlet_room(w);
	size_t n = stitch_bye(&to->line, w->session[w->port[to->port].slot].cname, room);

	outlet_rtcp(w, to, room, n);
}

bool outlet_rtp(struct worker *w, struct end *to, uint8_t source, const struct stitch_pace *pace, struct rtp *h, uint8_t *data,
    size_t len)
{
	enum stitch_result result;

	if (!may_send(w, to))
		return false;
	if (to->work & WORK_EVENT)
		dtmf_interrupted(w, to, source, h->ssrc);
	result = stitch_rtp(&to->line, source, h, pace, w->now_ns);
	if (result == STITCH_LATE) {
		DROP(w, not_live);
		return false;
	}
	if (to->line.gone_ssrc != 0)
		take_leave(w, to);
	rtp_write(data, h);
	store_line(to, result == STITCH_SWITCHED);
	if (to->work & WORK_SECURE && !protect(w, to, h, &data, &len))
		return false;
	return send_on(w, to, 0, data, len);
}

bool outlet_rtcp(struct worker *w, struct end *to, uint8_t *data, size_t len)
{
	if (!may_send(w, to) || (to->work & WORK_SECURE && !protect(w, to, NULL, &data, &len)))
		return false;
	return send_on(w, to, !(to->flags & KEDGE_END_RTCP_MUX), data, len);
}

bool outlet_plain(struct worker *w, struct end *to, const uint8_t *data, size_t len)
{
	if (to->work & WORK_SECURE) /* it has no header SRTP could stand behind */
		return outlet_secured(w, SECURE_NO_KEY);
	return send_on(w, to, 0, data, len);
}

/* Rooms are taken that are never sent: so it is not the sends alone that bring the next flush. Whatever waits in a room when its
 * turn comes again was sent: half the ring lies between two flushes here. */
uint8_t *outlet_room(struct worker *w)
{
	w->room_next = (w->room_next + 1) % OUTLET_ROOMS;
	if (w->room_next % (OUTLET_ROOMS / 2) == 0)
		w->ops->flush(w->io);
	return w->room[w->room_next];
}

void outlet_room_back(struct worker *w)
{
	w->room_next = (w->room_next + OUTLET_ROOMS - 1) % OUTLET_ROOMS;
}
