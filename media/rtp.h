// SPDX-License-Identifier: MIT
/* rtp: the fields of RTP and RTCP packets, bounds-checked, no state (RFC 3550 5.1, 6.4; RFC 5761 4).
 * Pure, any thread. Every byte comes from strangers: nothing is read before its length was checked. */
#ifndef KEDGE_MEDIA_RTP_H
#define KEDGE_MEDIA_RTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RTP_HEADER  12 /* bytes without CSRCs and extension */
#define STUN_HEADER 20
#define STUN_COOKIE 0x2112a442u
#define RTP_NOISE   13 /* payload type of comfort noise where none was negotiated (RFC 3389 4) */

enum rtcp_type {
	RTCP_SR = 200,
	RTCP_RR = 201,
	RTCP_SDES = 202,
	RTCP_BYE = 203,
	RTCP_APP = 204,
	RTCP_RTPFB = 205,
	RTCP_PSFB = 206,
	RTCP_XR = 207
};

struct rtp { /* what relaying looks at and may change */
	uint32_t timestamp, ssrc;
	uint16_t sequence;
	uint8_t payload_type;
	bool marker;
	bool event;       /* RFC 4733: keeps the timestamp of its beginning. Not of the wire: who knows the types says it */
	uint16_t payload; /* bytes, without padding */
};

struct rtcp { /* one packet of a compound; body points behind its first four bytes */
	const uint8_t *body;
	uint16_t length; /* of the body, in bytes, without padding */
	uint8_t type, count;
};

static inline uint16_t rtp_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t rtp_get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void rtp_set16(uint8_t *p, uint16_t x)
{
	p[0] = (uint8_t)(x >> 8);
	p[1] = (uint8_t)x;
}

static inline void rtp_set32(uint8_t *p, uint32_t x)
{
	rtp_set16(p, (uint16_t)(x >> 16));
	rtp_set16(p + 2, (uint16_t)x);
}

/* Where the payload of a packet that rtp_parse() took begins. */
static inline size_t rtp_header(const uint8_t *data)
{
	size_t n = RTP_HEADER + 4u * (data[0] & 0x0f);

	return data[0] & 0x10 ? n + 4 + 4u * rtp_get16(data + n + 2) : n;
}

/* Reads the header of an RTP packet of len bytes. 0; -EBADMSG: not RTP, or lengths inside do not fit: rtp_fault(). */
int rtp_parse(const uint8_t *data, size_t len, struct rtp *h);

/* Why rtp_parse() refuses it; RTP_SOUND: it does not. RTP_TYPE: an RTCP packet where RTP ought to be (RFC 3550 A.1): its
 * bytes would pass for another SSRC; or a payload type that a marker makes look like one. */
enum rtp_fault { RTP_SOUND, RTP_SHORT, RTP_STUN, RTP_VERSION, RTP_TYPE, RTP_CSRC, RTP_EXTENSION, RTP_PADDING };
enum rtp_fault rtp_fault(const uint8_t *data, size_t len);

/* STUN by its magic cookie (RFC 8489 5): an ICE agent's or a NAT probe's, on whatever port. */
bool rtp_is_stun(const uint8_t *data, size_t len);

/* Writes the fields of *h (all but payload) over the header of a packet that rtp_parse() took. */
void rtp_write(uint8_t *data, const struct rtp *h);

/* On a port shared by both (RFC 5761 4): does it look like RTCP? Says nothing about its health. */
bool rtp_is_rtcp(const uint8_t *data, size_t len);

/* Takes the next packet off a compound: *data and *len move behind it. 0; -ENODATA: nothing left; -EBADMSG:
 * version, length or padding is wrong (only the last packet may be padded). */
int rtcp_next(const uint8_t **data, size_t *len, struct rtcp *out);

#endif
