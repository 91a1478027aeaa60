// SPDX-License-Identifier: MIT
/* fuzz/named: event packets of a stranger, eight bytes each: time, SSRC, timestamp, payload. Whatever order and lies they come in: no more digits
 * than events, each a digit of a length that can be said, and none of an event that was over. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "media/named.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct named_heard heard;
static uint32_t last;
static bool any;

static void one(const struct digit *d)
{
	assert(d->event < DIGIT_EVENTS && d->duration_ms <= NAMED_LONGEST_MS);
	assert(!any || d->timestamp != last);
	any = true;
	last = d->timestamp;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t now = 1000000000;
	struct digit over[2];
	struct named n;

	heard = (struct named_heard){ 0 };
	any = false;
	for (; size >= 8; data += 8, size -= 8) {
		struct rtp r = { .ssrc = 7, .timestamp = 160u * rtp_get16(data + 2), .marker = data[1] & 1 };
		unsigned count;

		now += (uint64_t)data[0] * 1000000;
		assert(named_read(data + 4, data[1] & 2 ? 4 : data[1] >> 6, &n) == 0 || !(data[1] & 2));
		if (!(data[1] & 2))
			continue;
		if (named_lost(&heard, 8000, now, over))
			one(over);
		count = named_hear(&heard, &r, &n, 8000, now, over);
		assert(count <= 2);
		for (unsigned i = 0; i < count; i++)
			one(&over[i]);
	}
	return 0;
}
