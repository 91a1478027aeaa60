// SPDX-License-Identifier: MIT
#include "media/local.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/clock.h"
#include "config/sound.h"
#include "media/dtmf.h"
#include "media/outlet.h"
#include "media/tone.h"
#include "media/worker.h"

#define NS_PER_MS    1000000ULL
#define BYTES_PER_MS 8
#define PTIME_MOST   (PROMPT_PACKET / BYTES_PER_MS)
#define CN_DBOV      (6 - TONE_COMFORT_DBM0) /* 0 dBm0 is 6.2 dB below the loudest that G.711 can say */

int local_init(struct worker *w, uint32_t ports)
{
	struct local *l = &w->local;

	l->next_ns = UINT64_MAX;
	l->plays = (uint32_t)(clock_mono_ns() / 1000); /* behind all of a predecessor's: fewer than one begins in a microsecond */
	l->list = calloc(ports + 1, sizeof(*l->list));
	l->end = worker_table(ports + 1, sizeof(*l->end));
	return l->list && l->end ? 0 : -ENOMEM;
}

void local_fini(struct worker *w)
{
	free(w->local.list);
	worker_table_free(w->local.end, w->port_count + 1, sizeof(*w->local.end));
}

/* ---- who plays ------------------------------------------------------------------------------- */

static void stop(struct worker *w, uint32_t port)
{
	struct local *l = &w->local;
	struct local_end *p = &l->end[port];

	if (!p->playing)
		return;
	p->playing = p->comfort = false;
	w->end[port].work &= (uint8_t)~WORK_PLAY;
	l->list[p->index] = l->list[--l->count];
	l->end[l->list[p->index]].index = p->index;
	if (l->count == 0)
		l->next_ns = UINT64_MAX;
}

static void start(struct worker *w, uint32_t port, uint32_t sound, uint8_t how)
{
	struct local *l = &w->local;
	struct local_end *p = &l->end[port];

	stop(w, port);
	p->sound = sound;
	p->how = how;
	p->prompt = prompt_find(l->set, sound);
	p->at = 0;
	p->ssrc = ++l->plays;
	p->sequence = (uint16_t)l->plays;
	p->timestamp = 0;
	p->due_ns = (w->now_ns / LOCAL_GRID_NS + 1) * LOCAL_GRID_NS;
	p->playing = true;
	p->index = l->count;
	l->list[l->count++] = port;
	w->end[port].work |= WORK_PLAY;
	if (p->due_ns < l->next_ns)
		l->next_ns = p->due_ns;
}

/* Another sound, or the same one once more where it does not play. */
static bool wants_more(const struct local_end *p, const struct kedge_end *want)
{
	if (p->comfort || p->sound != want->play || p->how != want->play_how)
		return true;
	return !p->playing && p->take != want->play_take;
}

void local_wanted(struct worker *w, uint32_t port)
{
	const struct kedge_end *want = &w->end[port].want;
	struct local_end *p = &w->local.end[port];

	if (p->playing) /* end_wanted() made the bits anew */
		w->end[port].work |= WORK_PLAY;
	if (want->play == 0) {
		if (!p->comfort)
			stop(w, port);
		p->sound = p->comfort ? p->sound : 0;
	} else if (wants_more(p, want)) {
		start(w, port, want->play, want->play_how);
	}
	p->take = want->play_take;
}

void local_closed(struct worker *w, uint32_t port)
{
	stop(w, port);
	w->local.end[port] = (struct local_end){ 0 };
}

bool local_gives_way(struct worker *w, uint32_t port)
{
	if (w->local.end[port].how == KEDGE_PLAY_OVER)
		return false;
	stop(w, port);
	return true;
}

void local_comfort(struct worker *w, uint32_t port)
{
	struct local_end *p = &w->local.end[port];

	if (p->playing)
		return;
	start(w, port, sound_id(SOUND_COMFORT), KEDGE_PLAY_UNTIL_MEDIA);
	p->comfort = true;
}

void local_comfort_over(struct worker *w, uint32_t port)
{
	if (w->local.end[port].comfort)
		stop(w, port);
}

/* ---- packets --------------------------------------------------------------------------------- */

static uint32_t packet_ms(const struct end *e)
{
	uint32_t ms = e->pace.ptime_ms / 10 * 10;

	return ms < 10 ? 10 : ms > PTIME_MOST ? PTIME_MOST : ms;
}

static bool says_noise(const struct end *e, const struct local_end *p)
{
	return e->want.cn_pt != 0xff && p->prompt->id == sound_id(SOUND_COMFORT);
}

/* The next bytes of the prompt, from its beginning again where it ends. */
static void copy(const struct local_end *p, const uint8_t *from, uint8_t *to, uint32_t bytes)
{
	uint32_t at = p->at, n;

	for (; bytes > 0; bytes -= n, to += n) {
		n = p->prompt->length - at < bytes ? p->prompt->length - at : bytes;
		memcpy(to, from + at, n);
		at = at + n == p->prompt->length ? 0 : at + n;
	}
}

static void send_one(struct worker *w, uint32_t port, uint32_t bytes)
{
	struct local_end *p = &w->local.end[port];
	struct end *e = &w->end[port];
	bool noise = says_noise(e, p);
	uint32_t rate = noise ? e->pace.clock_rate : 8000; /* of noise: its codec's (RFC 3389 4) */
	struct rtp h = { .timestamp = (uint32_t)((uint64_t)(p->timestamp - bytes) * rate / 8000),
		.ssrc = p->ssrc,
		.sequence = p->sequence,
		.payload_type = noise ? e->want.cn_pt : e->want.audio_pt,
		.payload = noise ? 1 : (uint16_t)bytes };
	uint8_t *out = outlet_room(w);
	struct stitch_pace pace = { .clock_rate = rate, .ptime_ms = (uint16_t)(bytes / BYTES_PER_MS) };

	out[0] = 0x80;
	if (noise)
		out[RTP_HEADER] = CN_DBOV;
	else
		copy(p, p->prompt->data[e->want.codec], out + RTP_HEADER, bytes);
	rtp_write(out, &h);
	outlet_rtp(w, e, OUTLET_LOCAL, &pace, &h, out, RTP_HEADER + (size_t)h.payload);
	p->sequence++;
}

/* Can anything be said to it now? */
static bool may_speak(const struct end *e, const struct local_end *p)
{
	if (!p->prompt || !(e->flags & KEDGE_END_SEND) || e->flags & KEDGE_END_PLAIN || dtmf_busy(e))
		return false;
	return says_noise(e, p) || (e->want.codec != KEDGE_CODEC_OTHER && e->want.codec < PROMPT_CODECS && e->want.audio_pt != 0xff);
}

/* An announcement that takes the place of others is said once. */
static bool said_once(const struct local_end *p)
{
	return p->prompt && p->prompt->file && p->how == KEDGE_PLAY_OVER;
}

static void play(struct worker *w, uint32_t port)
{
	struct local_end *p = &w->local.end[port];
	const struct end *e = &w->end[port];
	uint32_t ms = p->prompt && says_noise(e, p) ? LOCAL_CN_MS : packet_ms(e), bytes = ms * BYTES_PER_MS;
	bool late = w->now_ns - p->due_ns > LOCAL_LATE_NS;

	p->due_ns += ms * NS_PER_MS;
	if (said_once(p) && p->at + bytes > p->prompt->length) {
		stop(w, port);
		worker_event(w, KEDGE_EVT_PLAYED, w->session[w->port[port].slot].generation, w->port[port].slot);
		return;
	}
	if (!may_speak(e, p))
		return;
	p->timestamp += bytes;
	if (late) /* a gap in time; of what is said nothing is missing */
		return;
	send_one(w, port, bytes);
	p->at += bytes;
	if (!said_once(p))
		p->at %= p->prompt->length;
}

void local_step(struct worker *w)
{
	struct local *l = &w->local;
	uint64_t next = UINT64_MAX;

	/* from the back: who stops is replaced by one that had its turn */
	for (uint32_t i = l->count; i-- > 0;) {
		struct local_end *p = &l->end[l->list[i]];

		while (p->playing && p->due_ns <= w->now_ns)
			play(w, l->list[i]);
		if (p->playing && p->due_ns < next)
			next = p->due_ns;
	}
	l->next_ns = next;
}

void local_look(struct worker *w)
{
	struct local *l = &w->local;
	const struct prompt_set *set = l->shelf ? shelf_take(l->shelf, w->id) : NULL;

	if (set == l->set)
		return;
	l->set = set;
	for (uint32_t i = 0; i < l->count; i++) {
		struct local_end *p = &l->end[l->list[i]];

		p->prompt = prompt_find(set, p->sound);
		p->at = p->prompt ? p->at % p->prompt->length : 0;
	}
}
