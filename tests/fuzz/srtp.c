// SPDX-License-Identifier: MIT
/* Bytes from anybody as SRTP and SRTCP of each suite: nothing passes, nothing is read behind the packet, and the far end's own packets are
 * heard afterwards as before. The first byte chooses the suite, the second RTP or RTCP and whether the bytes replace an authentic
 * packet's or are laid over it. */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "media/rtp.h"
#include "media/srtp.h"
#include "routing/shm/seq.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t key_len[KEDGE_SUITE_COUNT] = {
#define S(name, key, salt) [KEDGE_SUITE_##name] = key + salt,
	KEDGE_SUITES(S)
#undef S
};

struct end {
	_Alignas(KEDGE_LINE) struct kedge_end_slot slot;
	struct secure *secure;
};

/* The keys hang on all of the input: one that was made to fit is another input, with other keys. */
static void key_of(uint8_t key[48], const uint8_t *data, size_t size, uint64_t seed)
{
	for (size_t i = 0; i < size; i++)
		seed = (seed ^ data[i]) * 0x100000001b3u;
	for (int i = 0; i < 48; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		key[i] = (uint8_t)(seed >> 56);
	}
}

static void end_open(struct end *e, uint8_t suite, const uint8_t *data, size_t size, uint64_t tx, uint64_t rx)
{
	struct kedge_keys k = { .suite = suite, .tx_len = key_len[suite], .rx_len = key_len[suite] };

	memset(e, 0, sizeof(*e));
	key_of(k.tx, data, size, tx);
	key_of(k.rx, data, size, rx);
	seq_write(&e->slot.keys, &k);
	if (secure_follow(&e->secure, &e->slot, suite, 7, 0) != 0)
		abort();
}

static size_t authentic(struct end *far, bool rtcp, uint8_t *data, uint16_t number)
{
	size_t len = rtcp ? 8 : 172;

	memset(data, (int)number, len);
	if (rtcp) {
		memcpy(data, (const uint8_t[]){ 0x80, RTCP_RR, 0, 1, 0, 0, 0, 7 }, 8);
		assert(secure_protect_rtcp(far->secure, data, &len) == SECURE_OK);
	} else {
		struct rtp h = { .sequence = number, .ssrc = 7 };

		data[0] = 0x80;
		rtp_write(data, &h);
		assert(secure_protect(far->secure, data, &len, number) == SECURE_OK);
	}
	return len;
}

static enum secure_result opened(struct end *to, bool rtcp, uint8_t *data, size_t len)
{
	return rtcp ? secure_unprotect_rtcp(to->secure, data, &len, 1) : secure_unprotect(to->secure, data, &len, 1);
}

/* As long as the packet and no byte longer: a sanitizer sees what is read behind it. */
static void try(struct end *to, bool rtcp, const uint8_t *data, size_t size)
{
	uint8_t *exact = malloc(size + 1);

	memcpy(exact + 1, data, size); /* at an odd address, as a careless sender's buffer would be */
	assert(opened(to, rtcp, exact + 1, size) != SECURE_OK);
	free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_Alignas(8) uint8_t packet[SECURE_MAX];
	static bool started;
	const char *why;
	struct end kedge, far;
	uint8_t suite, how;
	size_t len, laid;
	bool rtcp;

	if (!started && secure_start(&why) != 0)
		abort();
	started = true;
	if (size < 2)
		return 0;
	suite = (uint8_t)(data[0] % (KEDGE_SUITE_COUNT - 1) + 1);
	how = data[1];
	rtcp = how & 1;
	data += 2;
	size -= 2;
	end_open(&kedge, suite, data, size, 1, 2);
	end_open(&far, suite, data, size, 2, 1);
	try(&kedge, rtcp, data, size);
	len = authentic(&far, rtcp, packet, 1);
	if (how & 2) {
		uint8_t before[SECURE_MAX];

		memcpy(before, packet, len);
		laid = size < len ? size : len;
		for (size_t i = 0; i < laid; i++)
			packet[i] ^= data[i];
		if (memcmp(before, packet, len) != 0)
			try(&kedge, rtcp, packet, len);
	}
	for (uint16_t n = 2; n < 5; n++) {
		len = authentic(&far, rtcp, packet, n);
		assert(opened(&kedge, rtcp, packet, len) == SECURE_OK);
	}
	secure_close(&kedge.secure);
	secure_close(&far.secure);
	return 0;
}
