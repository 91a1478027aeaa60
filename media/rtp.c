// SPDX-License-Identifier: MIT
#include "media/rtp.h"

#include <errno.h>

/* Bytes of padding at the end, or -EBADMSG: a padded packet ends in their count, itself included. */
static int padding(const uint8_t *data, size_t len, size_t header)
{
	unsigned pad;

	if (!(data[0] & 0x20))
		return 0;
	pad = data[len - 1];
	return pad == 0 || pad > len - header ? -EBADMSG : (int)pad;
}

/* SR to APP in the second byte: payload types 72 to 76, kept free for that (RFC 3551 6). Without the marker they are refused as well: a
 * line that moves sets it, and what goes out would be RTCP to its receiver. */
static bool is_report(uint8_t second)
{
	return (second | 0x80) >= RTCP_SR && (second | 0x80) <= RTCP_APP;
}

int rtp_parse(const uint8_t *data, size_t len, struct rtp *h)
{
	size_t header = RTP_HEADER;
	int pad;

	if (len < RTP_HEADER || len > UINT16_MAX || data[0] >> 6 != 2 || is_report(data[1]))
		return -EBADMSG;
	header += 4u * (data[0] & 0x0f);
	if (data[0] & 0x10) {
		if (len < header + 4)
			return -EBADMSG;
		header += 4 + 4u * rtp_get16(data + header + 2);
	}
	if (len < header)
		return -EBADMSG;
	pad = padding(data, len, header);
	if (pad < 0)
		return pad;
	h->marker = data[1] >> 7;
	h->payload_type = data[1] & 0x7f;
	h->event = false;
	h->sequence = rtp_get16(data + 2);
	h->timestamp = rtp_get32(data + 4);
	h->ssrc = rtp_get32(data + 8);
	h->payload = (uint16_t)(len - header - (size_t)pad);
	return 0;
}

bool rtp_is_stun(const uint8_t *data, size_t len)
{
	return len >= STUN_HEADER && data[0] < 0x40 && rtp_get32(data + 4) == STUN_COOKIE;
}

/* For packets that were refused: the order is that of rtp_parse(), but that STUN is called by its name. */
enum rtp_fault rtp_fault(const uint8_t *data, size_t len)
{
	size_t header = RTP_HEADER;

	if (rtp_is_stun(data, len))
		return RTP_STUN;
	if (len < RTP_HEADER || len > UINT16_MAX)
		return RTP_SHORT;
	if (data[0] >> 6 != 2)
		return RTP_VERSION;
	if (is_report(data[1]))
		return RTP_TYPE;
	header += 4u * (data[0] & 0x0f);
	if (len < header)
		return RTP_CSRC;
	if (data[0] & 0x10) {
		if (len < header + 4)
			return RTP_EXTENSION;
		header += 4 + 4u * rtp_get16(data + header + 2);
		if (len < header)
			return RTP_EXTENSION;
	}
	return padding(data, len, header) < 0 ? RTP_PADDING : RTP_SOUND;
}

void rtp_write(uint8_t *data, const struct rtp *h)
{
	data[1] = (uint8_t)(h->marker << 7 | (h->payload_type & 0x7f));
	rtp_set16(data + 2, h->sequence);
	rtp_set32(data + 4, h->timestamp);
	rtp_set32(data + 8, h->ssrc);
}

bool rtp_is_rtcp(const uint8_t *data, size_t len)
{
	return len >= 2 && data[1] >= 192 && data[1] <= 223;
}

int rtcp_next(const uint8_t **data, size_t *len, struct rtcp *out)
{
	const uint8_t *p = *data;
	size_t size;
	int pad;

	if (*len == 0)
		return -ENODATA;
	if (*len < 4 || p[0] >> 6 != 2)
		return -EBADMSG;
	size = 4 * ((size_t)rtp_get16(p + 2) + 1);
	if (size > *len)
		return -EBADMSG;
	pad = padding(p, size, 4);
	if (pad < 0 || (pad > 0 && size != *len))
		return -EBADMSG;
	out->type = p[1];
	out->count = p[0] & 0x1f;
	out->body = p + 4;
	out->length = (uint16_t)(size - 4 - (size_t)pad);
	*data += size;
	*len -= size;
	return 0;
}
