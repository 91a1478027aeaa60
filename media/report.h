// SPDX-License-Identifier: MIT
/* report: what the RTCP of one end says beside what is passed on: is it alive, does it send what never comes, how far away
 * is it (RFC 3550 6.4.1). Pure: time is an argument. Thread: the worker's. Owner: the caller, one per end.
 *
 * Round trip: an SR went to the end at `sr_ns`; a report block of its own names that SR (LSR) and how long it had it (DLSR):
 * what is left of the time since is the way there and back. Only the last SR is known; a block about an older one says
 * nothing.
 * Far loss: what the end says it lost of our line, less what was lost before it came to us: the line keeps those holes.
 * Claim: from one SR to the next the end sent packets, by its own count, and not one of them came. */
#ifndef KEDGE_MEDIA_REPORT_H
#define KEDGE_MEDIA_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPORT_CLAIM 10 /* packets: fewer may be on their way */

struct report {
	uint64_t heard_ns; /* its last RTCP; 0: none */
	uint64_t sr_ns;    /* when the last SR went to it */
	uint32_t sr_middle;
	uint32_t rtt_us;   /* 0: not known */
	uint32_t far_lost; /* the highest it said */
	bool reports;      /* it said one */
	uint32_t claimed;  /* its count of packets in its last SR */
	uint32_t came;     /* how many of them had come by then, by ours */
	bool counts;       /* claimed and came hold */
	bool claims;       /* by its last SR */
};

struct report_line {
	uint64_t packets; /* RTP received from the end so far */
	uint32_t ssrc;    /* of our line toward it */
	uint32_t lost;    /* before us, of what that line carries */
};

/* A compound from the end, as it came. */
void report_heard(struct report *r, const uint8_t *data, size_t len, const struct report_line *l, uint64_t now_ns);

/* A compound goes to the end, as it is sent. */
void report_passed(struct report *r, const uint8_t *data, size_t len, uint64_t now_ns);

/* Does it still send what never comes? packets: as in report_heard(). */
static inline bool report_claims(const struct report *r, uint64_t packets)
{
	return r->claims && r->came == (uint32_t)packets;
}

#endif
