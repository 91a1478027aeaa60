// SPDX-License-Identifier: MIT
#include "media/pcap.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "media/rtp.h"

#define MAGIC_NS     0xa1b23c4du /* in the byte order of the machine, as all of these heads */
#define LINKTYPE_RAW 101
#define UDP_HEAD     8
#define TTL          64

static void put32(uint8_t *p, uint32_t x)
{
	memcpy(p, &x, 4);
}

void pcap_file_head(uint8_t *out)
{
	static const uint16_t version[2] = { 2, 4 };

	memset(out, 0, PCAP_FILE_HEAD);
	put32(out, MAGIC_NS);
	memcpy(out + 4, version, 4);
	put32(out + 16, UINT16_MAX);
	put32(out + 20, LINKTYPE_RAW);
}

/* One's complement sum of 16-bit words (RFC 1071). */
static uint32_t sum(uint32_t s, const uint8_t *p, size_t n)
{
	for (; n > 1; p += 2, n -= 2)
		s += rtp_get16(p);
	return n != 0 ? s + ((uint32_t)*p << 8) : s;
}

static uint16_t fold(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)~s;
}

static size_t put_ip4(uint8_t *ip, const struct kedge_addr *from, const struct kedge_addr *to, size_t len)
{
	memset(ip, 0, 20);
	ip[0] = 0x45;
	rtp_set16(ip + 2, (uint16_t)(20 + UDP_HEAD + len));
	ip[6] = 0x40; /* never in fragments */
	ip[8] = TTL;
	ip[9] = IPPROTO_UDP;
	memcpy(ip + 12, from->ip, 4);
	memcpy(ip + 16, to->ip, 4);
	rtp_set16(ip + 10, fold(sum(0, ip, 20)));
	return 20;
}

static size_t put_ip6(uint8_t *ip, const struct kedge_addr *from, const struct kedge_addr *to, size_t len)
{
	memset(ip, 0, 40);
	ip[0] = 0x60;
	rtp_set16(ip + 4, (uint16_t)(UDP_HEAD + len));
	ip[6] = IPPROTO_UDP;
	ip[7] = TTL;
	memcpy(ip + 8, from->ip, 16);
	memcpy(ip + 24, to->ip, 16);
	return 40;
}

/* addresses: both, as they lie in the IP header. Of IPv4 as of IPv6: a checksum that holds. */
static void put_udp(uint8_t *udp, const uint8_t *addresses, size_t size, const struct kedge_addr *from, const struct kedge_addr *to,
    const uint8_t *data, size_t len)
{
	uint32_t s = IPPROTO_UDP + (uint32_t)(UDP_HEAD + len);
	uint16_t check;

	rtp_set16(udp, from->port);
	rtp_set16(udp + 2, to->port);
	rtp_set16(udp + 4, (uint16_t)(UDP_HEAD + len));
	rtp_set16(udp + 6, 0);
	check = fold(sum(sum(sum(s, addresses, size), udp, UDP_HEAD), data, len));
	rtp_set16(udp + 6, check != 0 ? check : 0xffff);
}

size_t pcap_packet_head(
    uint8_t *out, uint64_t wall_ns, const struct kedge_addr *from, const struct kedge_addr *to, const uint8_t *data, size_t len)
{
	uint8_t *ip = out + 16;
	size_t n;

	if (from->family != to->family || (from->family != AF_INET && from->family != AF_INET6) || len > UINT16_MAX - 48)
		return 0;
	if (from->family == AF_INET) {
		n = put_ip4(ip, from, to, len);
		put_udp(ip + n, ip + 12, 8, from, to, data, len);
	} else {
		n = put_ip6(ip, from, to, len);
		put_udp(ip + n, ip + 8, 32, from, to, data, len);
	}
	n += UDP_HEAD;
	put32(out, (uint32_t)(wall_ns / 1000000000));
	put32(out + 4, (uint32_t)(wall_ns % 1000000000));
	put32(out + 8, (uint32_t)(n + len));
	put32(out + 12, (uint32_t)(n + len));
	return 16 + n;
}
