// SPDX-License-Identifier: MIT
#include "media/quality.h"

#include "media/stitch.h"

#define JITTER_MAX_NS 500000000LL
#define SPURT_NS      200000000ULL /* a shorter pause is no silence suppression */

static void restart(struct quality *q, const struct rtp *h)
{
	q->started = true;
	q->timed = false;
	q->index = h->sequence;
	q->seen = 1;
	q->ssrc = h->ssrc;
}

static void forward(struct quality *q, unsigned step)
{
	q->index += step;
	q->seen = step < 64 ? q->seen << step | 1 : 1;
	q->lost += step - 1;
}

/* A packet that is not the newest: it was counted lost before, or came twice, or before the first one. False: it came twice. */
static bool backward(struct quality *q, unsigned behind)
{
	bool first;

	q->late++;
	if (behind >= 64)
		return true;
	first = !(q->seen >> behind & 1);
	if (first && q->lost > 0)
		q->lost--;
	q->seen |= 1ULL << behind;
	return first;
}

static void jitter(struct quality *q, uint32_t timestamp, uint32_t rate, uint64_t now_ns)
{
	int64_t step = (int32_t)(timestamp - q->clock_timestamp);
	int64_t d = (int64_t)(now_ns - q->clock_ns) - step * 1000000000LL / (int64_t)rate;

	q->clock_ns = now_ns;
	q->clock_timestamp = timestamp;
	if (d < 0)
		d = -d;
	if (q->timed && d < JITTER_MAX_NS) {
		q->jitter_ns16 += (uint64_t)d - ((q->jitter_ns16 + 8) >> 4);
		q->jitter_sum_ns += (uint64_t)d;
		q->jitter_count++;
	}
	q->timed = true;
}

/* Was the sender silent before this packet because it had nothing to say? spurt: it is marked, and none is missing before it. */
static bool meant(struct quality *q, bool spurt, uint64_t gap)
{
	if (q->quiet)
		return true;
	if (spurt && gap >= SPURT_NS)
		q->spurts = true;
	return spurt;
}

uint64_t quality_rtp(struct quality *q, const struct rtp *h, uint32_t clock_rate, enum quality_kind kind, uint64_t now_ns)
{
	uint64_t gap = q->last_ns != 0 ? now_ns - q->last_ns : 0;
	int step = (int16_t)(h->sequence - (uint16_t)q->index);
	bool spurt = h->marker && step == 1 && h->ssrc == q->ssrc, newest = true, once = true;

	if (!q->started || h->ssrc != q->ssrc || step > STITCH_DROPOUT || step < -STITCH_MISORDER) {
		restart(q, h);
	} else if (step > 0) {
		forward(q, (unsigned)step);
	} else {
		once = backward(q, (unsigned)-step);
		newest = false;
	}
	if (once && kind != QUALITY_EVENT && clock_rate != 0)
		jitter(q, h->timestamp, clock_rate, now_ns);
	if (newest && meant(q, spurt, gap))
		gap = 0;
	if (newest)
		q->quiet = kind != QUALITY_SOUND;
	q->last_ns = now_ns;
	return gap;
}

void quality_pause(struct quality *q)
{
	q->last_ns = 0;
	q->timed = false;
}
