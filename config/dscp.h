// SPDX-License-Identifier: MIT
/* dscp: the words of dscp_sip and dscp_rtp as the field of the IP header that carries them (RFC 2474 3, 2597 6, 3246, 5865). */
#ifndef KEDGE_CONFIG_DSCP_H
#define KEDGE_CONFIG_DSCP_H

#include <assert.h>
#include <stdint.h>

/* The octet that carries it (IPv4: TOS, IPv6: traffic class) for the word of a row, in the order of the row: the code point, and no ECN. */
static inline int dscp_octet(uint8_t word)
{
	static const uint8_t point[] = { 0, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 34, 36, 38, 40, 44, 46, 48, 56 };

	assert(word < sizeof(point));
	return point[word] << 2;
}

#endif
