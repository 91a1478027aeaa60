// SPDX-License-Identifier: MIT
#include "tests/harness/capture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <string.h>

enum { LINKTYPE_RAW = 101, SNAP = 65535 };

FILE *pcap_open(const char *path)
{
	struct {
		uint32_t magic;
		uint16_t major, minor;
		uint32_t zone, sigfigs, snap, link;
	} head = { 0xa1b23c4d, 2, 4, 0, 0, SNAP, LINKTYPE_RAW };
	FILE *f = fopen(path, "w");

	if (f)
		fwrite(&head, sizeof head, 1, f);
	return f;
}

static void put_record(FILE *f, uint64_t wall_ns, size_t size)
{
	uint32_t head[4] = { wall_ns / 1000000000, wall_ns % 1000000000, size, size };

	fwrite(head, sizeof head, 1, f);
}

static void put_udp(FILE *f, uint16_t from, uint16_t to, const void *data, size_t size)
{
	/* No checksum: allowed for IPv4, and readers take 0 as "not computed" for a captured IPv6 packet too. */
	struct udphdr udp = { .source = from, .dest = to, .len = htons(sizeof udp + size) };

	fwrite(&udp, sizeof udp, 1, f);
	fwrite(data, size, 1, f);
}

void pcap_put(FILE *f, uint64_t wall_ns, const struct sockaddr *from, const struct sockaddr *to,
	const void *data, size_t size)
{
	size_t length = sizeof(struct udphdr) + size;

	if (from->sa_family == AF_INET6) {
		const struct sockaddr_in6 *a = (const void *)from, *b = (const void *)to;
		struct ip6_hdr ip = { .ip6_flow = htonl(6u << 28), .ip6_plen = htons(length), .ip6_nxt = IPPROTO_UDP,
			.ip6_hlim = 64, .ip6_src = a->sin6_addr, .ip6_dst = b->sin6_addr };
		put_record(f, wall_ns, sizeof ip + length);
		fwrite(&ip, sizeof ip, 1, f);
		put_udp(f, a->sin6_port, b->sin6_port, data, size);
	} else {
		const struct sockaddr_in *a = (const void *)from, *b = (const void *)to;
		struct ip ip = { .ip_v = 4, .ip_hl = 5, .ip_len = htons(sizeof ip + length), .ip_ttl = 64,
			.ip_p = IPPROTO_UDP, .ip_src = a->sin_addr, .ip_dst = b->sin_addr };
		put_record(f, wall_ns, sizeof ip + length);
		fwrite(&ip, sizeof ip, 1, f);
		put_udp(f, a->sin_port, b->sin_port, data, size);
	}
}

int wav_write(const char *path, const int16_t *sample, size_t count)
{
	uint32_t bytes = count * 2;
	struct __attribute__((packed)) {
		char riff[4];
		uint32_t size;
		char wave[8];
		uint32_t fmt_size;
		uint16_t format, channels;
		uint32_t rate, bytes_per_s;
		uint16_t align, bits;
		char data[4];
		uint32_t data_size;
	} head = { "RIFF", 36 + bytes, "WAVEfmt ", 16, 1, 1, 8000, 16000, 2, 16, "data", bytes };
	FILE *f = fopen(path, "w");

	if (!f)
		return -errno;
	fwrite(&head, sizeof head, 1, f);
	fwrite(sample, 2, count, f);
	return fclose(f) ? -errno : 0;
}
