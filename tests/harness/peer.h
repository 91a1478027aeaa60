// SPDX-License-Identifier: MIT
/* peer: the RTP ends of many calls on one side. Each end sends speech (speech.h) at 50 packets a second and checks EVERY packet it
 * hears: is it of this call, from the other side, bytewise what was said, in order, once, on one SSRC/sequence/timestamp line
 * (RFC 3550 5.1, 6.4.1), of the right payload type, from the address that was signaled.
 *
 *   peer_open() -> ends bound and listening -> peer_start(end) speaks -> peer_stop(end) quiet, still listening -> peer_close()
 *
 * Index of a packet = 20 ms intervals since the end first spoke; it keeps running while the end is stopped, so a pause is a hole in the
 * index with the marker bit and the next sequence number; any other hole is loss.
 * Thread: one per peer; owner: who opened it. Times: monotonic ns; packets heard are dated by the kernel. */
#ifndef KEDGE_TESTS_HARNESS_PEER_H
#define KEDGE_TESTS_HARNESS_PEER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

enum { PEER_SOURCES = 4 };

union peer_addr {
	struct sockaddr sa;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct peer_opts {
	union peer_addr address; /* port: RTP of the first end; RTCP one above; each further end 4 above (SIPp's [auto_media_port]) */
	uint32_t ends;
	uint8_t id;              /* stamped as `end` */
	uint32_t rtcp_ms;        /* between two sender reports of an end; 0: none */
	bool wav;                /* keep what was heard, for peer_wav() */
	const char *pcap;        /* NULL: none */
};

/* What one end heard of one speaker. */
struct peer_source {
	uint32_t call;
	uint8_t end;
	uint32_t first, next;     /* lowest index heard; one above the highest */
	uint64_t seen;            /* bit k: index next-1-k was heard */
	uint64_t packets, lost, doubled, reordered;
};

struct peer_counts {
	uint64_t sent, heard;      /* packets; heard: good ones only, doubled ones not counted twice */
	uint64_t lost, doubled, reordered;
	uint64_t corrupt;          /* stamped, but not bytewise what was said; or not RTP */
	uint64_t wrong_call;       /* speech of another call */
	uint64_t echo;             /* our own speech */
	uint64_t noise_sent, noise; /* comfort noise (RFC 3389) */
	uint64_t missed;           /* of what came: passed over by "miss" */
	uint64_t unstamped;        /* RTP, but no speech of any peer (tones, comfort noise) */
	uint64_t turned;           /* of `heard`: said in the other law of G.711 */
	uint64_t wrong_pt;         /* speech under a payload type that was not negotiated */
	uint64_t strangers;        /* not from the address we were told */
	uint64_t ssrc, seq, ts;    /* breaks of the line */
	uint64_t switches;         /* speaker changed */
	uint64_t rtcp_sent, rtcp_heard, rtcp_bad;
	uint64_t named;            /* RTCP with the CNAME of a peer: whoever anchors media must not pass it on (RFC 3550 6.5.1); no fault between peers alone */
	uint64_t srtp_bad;         /* an end with keys heard what it could not read: in clear, under another key, heard before */
	uint64_t gap_ns, sent_gap_ns; /* longest time between two packets heard; sent, within one talkspurt */
	double corr;               /* heard against said, sample by sample; of many ends: the least. 1 if nothing was heard */
	uint32_t ends;             /* ends that sent or heard anything */
};

struct peer;

/* Binds all sockets. NULL: errno says why. */
struct peer *peer_open(const struct peer_opts *opts);

/* Writes nothing; frees all. */
void peer_close(struct peer *p);

/* Readable when packets wait. */
int peer_fd(const struct peer *p);

/* End begins (or goes on) speaking to `to` as `call`, with payload type pt. A running one only changes its direction. */
void peer_start(struct peer *p, uint32_t end, const union peer_addr *to, uint32_t call, uint8_t pt, uint64_t now_ns);
void peer_stop(struct peer *p, uint32_t end);
void peer_stop_all(struct peer *p);

/* Sends what is due and takes in what came. Returns when to call again at the latest. */
uint64_t peer_step(struct peer *p, uint64_t now_ns);

/* One control line; END from 1 as SIPp counts calls. 0 or -EINVAL.
 *   start END IP PORT NUMBER [PT], stop END, stop all
 *   noise END          one packet of comfort noise (RFC 3389), then it is quiet, RTCP too
 *   pause END          quiet, its RTCP goes on
 *   speak END          goes on after one of these, or after stop: a talk spurt
 *   rtcp MS            between two sender reports of an end; 0: none
 *   lose PERCENT       of what is to be sent never leaves
 *   shake MS           each second packet leaves so much later (shake.h), 11 at least; 0: none
 *   miss PERCENT       of what comes is taken for lost on its way; its RTCP reports that (a block as of RFC 3550 6.4.1)
 *   srtp END SUITE OUR-KEY THEIR-KEY, as in a=crypto; clear END */
int peer_command(struct peer *p, const char *line, uint64_t now_ns);

/* The call a number stands for: its last seven digits. */
uint32_t peer_call_of(const char *number);

/* Counts of one end (index from 0), and of all together. */
void peer_counts(const struct peer *p, uint32_t end, struct peer_counts *out);
void peer_totals(const struct peer *p, struct peer_counts *out);
const struct peer_source *peer_sources(const struct peer *p, uint32_t end, uint32_t *count);

/* Number of things that must never happen: lost, doubled, reordered, corrupt, wrong_call, echo, wrong_pt, strangers, line breaks, rtcp_bad, srtp_bad. */
uint64_t peer_faults(const struct peer_counts *c);

/* One JSON object: ends[] that did anything, and totals. */
void peer_json(const struct peer *p, FILE *out);

/* Writes DIR/NAME-CALL.wav for each end that heard speech. Number of files or a negative errno. */
int peer_wav(const struct peer *p, const char *dir, const char *name);

#endif
