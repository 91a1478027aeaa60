// SPDX-License-Identifier: MIT
/* capture: what the peers leave behind: a pcap of their packets and WAV files of what they heard. Shared by demo, tests and bench.
 * Thread: one per object. */
#ifndef KEDGE_TESTS_HARNESS_CAPTURE_H
#define KEDGE_TESTS_HARNESS_CAPTURE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

/* Opens a pcap file (nanoseconds, raw IP). NULL: errno says why. Closed by fclose(). */
FILE *pcap_open(const char *path);

/* Writes one UDP packet; both addresses of one family. wall_ns: since 1970. */
void pcap_put(FILE *f, uint64_t wall_ns, const struct sockaddr *from, const struct sockaddr *to,
	const void *data, size_t size);

/* Writes mono samples at 8,000 a second. 0 or a negative errno. */
int wav_write(const char *path, const int16_t *sample, size_t count);

#endif
