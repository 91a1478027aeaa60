// SPDX-License-Identifier: MIT
/* fuzz/udptl: datagrams on a line that is not RTP (T.38): each passes as it is or not at all; not at all: what is shorter than UDPTL, STUN, and whatever a
 * stranger sends. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/way.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_same(const struct way_packet *p, const uint8_t *data, size_t size)
{
	return size == p->size && memcmp(data, p->data, size) == 0 && size > 3 && !rtp_is_stun(data, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct way_packet p;

	way_begin(KEDGE_END_SEND | KEDGE_END_RECV | KEDGE_END_PLAIN);
	while (way_next(&data, &size, &p)) {
		unsigned sent;

		p.rtcp = false;
		sent = way_take(&p, is_same);
		/* Who was signaled is heard, but where a learnt one speaks this moment. */
		if (p.from == WAY_SIGNALED && p.size > 3 && !rtp_is_stun(p.data, p.size) && way_far(p.inside, false)->port == 4000)
			assert(sent == 1);
		free((void *)p.data);
	}
	way_end();
	return 0;
}
