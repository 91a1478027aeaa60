// SPDX-License-Identifier: MIT
/* stitch: one SSRC, one sequence and one timestamp line toward an end, whoever speaks behind it: other attempts, early
 * media, a transferred PBX leg (RFC 3550 5.1). Pure: time is an argument, no I/O.
 *
 * A line has one source at a time: an end and the SSRC it sends with. As long as that stays, sequence and timestamp
 * get a fixed offset. At a switch (other end, other SSRC, sequence jump of a restarted sender) the next packet gets the
 * marker bit, sequence + 1, and a timestamp advanced by the elapsed time x clock rate, at least by one frame. What the old
 * source still sends is late and never passes: its numbers are taken.
 *
 * Another clock rate cannot stand on the same line (RFC 7160): it begins one with another SSRC, its sequence goes on, its
 * timestamps are the source's; stitch_bye() takes leave of the one before.
 *
 * Indices are rollovers << 16 | sequence, as SRTP counts them (RFC 3711 3.3.1).
 * RTCP is rewritten to match: sender and reported SSRCs, timestamps, counts and highest sequence numbers are those of the
 * line; CNAME is kedge's own; other SDES items, APP, XR and unknown types would name the other side and stay out. A BYE
 * passes outward only: toward the inside the line outlives its senders. Of the feedback of RFC 4585 and 5104 pass NACK, PLI, FIR,
 * TMMBR, TMMBN and REMB.
 * Thread: the worker's. Owner: the caller holds struct stitch, one per end, for what is sent to it. */
#ifndef KEDGE_MEDIA_STITCH_H
#define KEDGE_MEDIA_STITCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/rtp.h"

#define STITCH_NONE                                                                                \
	0xfe /* no source; other values are the ends' numbers, KEDGE_END_INSIDE among them */
#define STITCH_DROPOUT   3000 /* RFC 3550 A.1: a larger step forward is a restarted sender */
#define STITCH_MISORDER  100  /* and so is a larger step back */
#define STITCH_OLD_NS    100000000ULL /* this long a replaced SSRC is taken for trailing packets */
#define STITCH_TS_JUMP_S 10 /* a timestamp this far ahead of the clock is a jump; behind: 1 s */
#define STITCH_RTCP_MAX  1024

enum stitch_result {
	STITCH_PASS,
	STITCH_SWITCHED, /* passes, and is the first of another source: store the line anew before sending */
	STITCH_LATE /* drop it */
};

struct stitch {
	uint64_t index;   /* highest sent */
	uint64_t base;    /* index of the first packet of this source; holds where joined */
	uint64_t last_ns; /* when the packet with that index was sent */
	uint32_t ssrc;    /* of the line */
	uint32_t source_ssrc, old_ssrc;
	uint32_t last_timestamp, timestamp_offset; /* sent; added to what is received */
	uint32_t packets, octets;                  /* sent, for SRs */
	uint32_t rate;                             /* Hz of this SSRC's timestamps; 0: not known */
	uint32_t gone_ssrc;                        /* of the line before; 0: nobody waits for its BYE */
	int32_t lost, lost_before; /* what its receiver misses of the line; of that, from before this source */
	uint32_t
	    sr_middle; /* middle 32 bits of the NTP time of this source's last SR; 0: none yet */
	uint16_t sequence_offset;
	uint8_t source;
	bool started; /* something was sent */
	bool joined;  /* there was a switch */
	bool had_old; /* old_ssrc holds */
};

struct stitch_pace {         /* of the end that sends */
	uint32_t clock_rate; /* Hz */
	uint16_t ptime_ms;
	bool frames; /* video: a marker ends a frame, and is the sender's alone */
};

/* A line on which nothing was sent yet. */
void stitch_init(struct stitch *s, uint32_t ssrc);

/* Rewrites one packet of `source` onto the line. Writes *h only if it passes. */
enum stitch_result stitch_rtp(struct stitch *s, uint8_t source, struct rtp *h,
    const struct stitch_pace *pace, uint64_t now_ns);

/* The next packet is a switch whatever comes (after a hold: what was not sent is no loss). */
void stitch_break(struct stitch *s);

struct stitch_rtcp {
	struct stitch *line; /* toward the receiver of this RTCP */
	struct stitch *back; /* toward its sender: what its report blocks speak of */
	uint64_t
	    back_received; /* highest index received from the receiver of this RTCP, source of `back` */
	uint8_t source; /* end that sent it */
	uint8_t to; /* end that is to hear it: of its own packets alone, not of a predecessor's */
	uint16_t came, made; /* samples of the packets on `back` as they came and as they were sent on; 0: as they came */
	const char *cname; /* kedge's own, 16 bytes */
};

/* The leave of an SSRC whose line ended: RR, SDES, BYE into out[STITCH_RTCP_MAX]. Returns its length, once; 0: there is none to take. */
size_t stitch_bye(struct stitch *s, const char *cname, uint8_t *out);

/* Rewrites a compound into out[STITCH_RTCP_MAX]. Returns its length; 0: malformed, late, or nothing left to say. */
size_t stitch_rtcp(const struct stitch_rtcp *r, const uint8_t *data, size_t len, uint8_t *out);

#endif
