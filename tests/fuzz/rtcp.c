// SPDX-License-Identifier: MIT
/* fuzz/rtcp: whatever comes to an RTCP socket, from anywhere: what goes out is a sound compound that names our own line alone. */
#include <assert.h>
#include <stdlib.h>

#include "tests/fuzz/way.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_sound(const struct way_packet *p, const uint8_t *data, size_t size)
{
	struct rtcp one;
	uint32_t ssrc = rtp_get32(data + 4);
	int rc;

	while ((rc = rtcp_next(&data, &size, &one)) == 0)
		if (one.length < 4 || rtp_get32(one.body) != ssrc || one.type == RTCP_APP)
			return false;
	return size == 0 && rc < 0;
}

static bool any(const struct way_packet *p, const uint8_t *data, size_t size)
{
	return true;
}

/* So that there are lines to speak of. */
static void speak(bool inside)
{
	static const uint8_t rtp[172] = { 0x80, 0, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4 };
	const struct way_packet p = { .inside = inside, .data = rtp, .size = sizeof(rtp) };

	way_take(&p, any);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool mux = size > 0 && data[0] & 0x80;
	struct way_packet p;

	way_begin(KEDGE_END_SEND | KEDGE_END_RECV | (mux ? KEDGE_END_RTCP_MUX : 0));
	speak(true);
	speak(false);
	while (way_next(&data, &size, &p)) {
		p.rtcp = !mux;
		if (!mux || rtp_is_rtcp(p.data, p.size))
			way_take(&p, is_sound);
		free((void *)p.data);
	}
	way_end();
	return 0;
}
