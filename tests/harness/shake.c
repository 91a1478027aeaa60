// SPDX-License-Identifier: MIT
#include "tests/harness/shake.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STANDSTILL_NS 500000000.0

bool shake_hold(struct shake *s, const uint8_t *data, size_t size, uint64_t due_ns)
{
	struct shake_packet *p;

	if (s->count == SHAKE_HELD || size > SHAKE_PACKET || (!s->held && !(s->held = calloc(SHAKE_HELD, sizeof *s->held))))
		return false;
	p = &s->held[(s->first + s->count++) % SHAKE_HELD];
	p->due_ns = due_ns;
	p->size = size;
	p->sequence = (uint16_t)(data[2] << 8 | data[3]);
	p->timestamp = (uint32_t)data[4] << 24 | (uint32_t)data[5] << 16 | (uint32_t)data[6] << 8 | data[7];
	memcpy(p->data, data, size);
	return true;
}

const struct shake_packet *shake_due(const struct shake *s, uint64_t now_ns)
{
	return shake_next(s) <= now_ns ? &s->held[s->first] : NULL;
}

void shake_done(struct shake *s)
{
	s->first = (s->first + 1) % SHAKE_HELD;
	s->count--;
}

uint64_t shake_next(const struct shake *s)
{
	return s->count ? s->held[s->first].due_ns : UINT64_MAX;
}

void shake_left(struct shake *s, uint16_t sequence, uint32_t timestamp, uint64_t now_ns)
{
	double d = (double)(int64_t)(now_ns - s->last_ns) - (double)(int32_t)(timestamp - s->last_timestamp) * 1e9 / SHAKE_RATE;

	if (s->sent && fabs(d) < STANDSTILL_NS) {
		s->d_sum_ns += fabs(d);
		s->d_count++;
		s->jitter_ns += (fabs(d) - s->jitter_ns) / 16;
	}
	if (s->sent && (int16_t)(sequence - s->highest) < 0)
		s->overtaken++;
	else
		s->highest = sequence;
	s->sent++;
	s->last_ns = now_ns;
	s->last_timestamp = timestamp;
}

double shake_jitter_ms(const struct shake *s)
{
	return s->d_count ? s->d_sum_ns / (double)s->d_count / 1e6 : 0;
}

void shake_free(struct shake *s)
{
	free(s->held);
}
