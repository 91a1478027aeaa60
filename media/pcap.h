// SPDX-License-Identifier: MIT
/* pcap: a capture file's bytes (the classic format, times in nanoseconds), each packet a UDP datagram in IPv4 or IPv6 without a link layer
 * (LINKTYPE_RAW), so that every tool that reads captures finds the RTP. Pure, any thread. */
#ifndef KEDGE_MEDIA_PCAP_H
#define KEDGE_MEDIA_PCAP_H

#include <stddef.h>
#include <stdint.h>

#include "routing/shm/layout.h"

#define PCAP_FILE_HEAD   24
#define PCAP_PACKET_HEAD (16 + 40 + 8) /* at most: of the packet, IPv6, UDP */

/* Writes what a file begins with into out[PCAP_FILE_HEAD]. */
void pcap_file_head(uint8_t *out);

/* Writes what stands before len bytes of a datagram into out[PCAP_PACKET_HEAD]. wall_ns: Unix time. Returns its length; 0: the addresses are not two of
 * one family, or it is too long. data is needed for the checksum, which IPv6 demands (RFC 8200 8.1). */
size_t pcap_packet_head(
    uint8_t *out, uint64_t wall_ns, const struct kedge_addr *from, const struct kedge_addr *to, const uint8_t *data, size_t len);

#endif
