// SPDX-License-Identifier: MIT
/* cdr: one record per call, written once, after its last leg ended and media gave its final
 * counters.
 *
 *   SIP thread: cdr_new -> fields, cdr_text, cdr_attempt ... -> cdr_submit
 *                                                                  | ring of pointers, never waits;
 * full: dropped, counted
 *   writer thread:                                   one JSON line <-'   O_APPEND, whole line per write
 *
 * Names are those of Asterisk's and FreeSWITCH's CDRs where both have one (start, answer, end,
 * duration, billsec, src, dst, disposition, hangup_cause, uuid), our own beside them. Times are
 * wall clock in Unix milliseconds here, ISO 8601 in the file; spans in milliseconds come from the
 * monotonic clock. Text may come from strangers: jansson escapes it, and bytes that are not UTF-8
 * become U+FFFD, so no value can end its string or begin a line. A disk that fails costs records
 * (counted, cdr.error told once until it works again), never a call. */
#ifndef KEDGE_SIG_BOOKS_CDR_H
#define KEDGE_SIG_BOOKS_CDR_H

#include <stdbool.h>
#include <stdint.h>

#include "config/conf.h"

#define CDR_RING     4096 /* records waiting for the writer */
#define CDR_ATTEMPTS 256  /* of one record; more are counted in attempts_cut */
#define CDR_TEXT     8192 /* bytes of one text; more is cut */

enum cdr_disposition { CDR_FAILED, CDR_ANSWERED, CDR_BUSY, CDR_NO_ANSWER, CDR_CANCELLED };
enum cdr_ended_by { CDR_BY_NOBODY, CDR_BY_CALLER, CDR_BY_CALLEE, CDR_BY_KEDGE };

struct cdr_attempt { /* text: through cdr_text only */
	char *trunk, *hop;    /* hop: "ip:port" */
	char *reason;         /* why it ended, or was skipped: a word of failure.h or of decide's */
	uint64_t start_ms;    /* wall; 0: no INVITE was sent */
	uint16_t code;        /* final response; 0: none */
	int16_t q850;         /* -1: none */
	int32_t ring_ms;      /* from its INVITE to 18x, -1: never (pdd_ms in the file) */
	int32_t answer_ms;    /* from its INVITE to 2xx, -1: never */
	bool abandoned;       /* given up while a late answer could still come */
	bool skipped;         /* no INVITE: reason says why */
	char *rule, *timer;   /* the row of the table of causes that judged its end, the wait of ours that was over; NULL: none */
	bool media;           /* it has the call's audio: media[1] of the call is what came from it */
};

struct cdr_media { /* one direction, as kedge received it */
	uint64_t packets, bytes, lost, late;
	uint64_t far_lost; /* of what kedge sent to it, by its RTCP */
	bool one_way;      /* it was silent at the end, while the other side was heard */
	double jitter_ms, max_gap_ms; /* mean; longest that was not meant */
	double rtt_ms, mos; /* kedge to the sender and back; of routing/mos.h. 0: not known, null in the file */
};

struct cdr { /* made by cdr_new; strings through cdr_text */
	/* call in the file is this, in hex as in the log; uuid too, in 16 digits, unless uuid is set */
	uint64_t call_id;
	char *uuid;
	char *src, *src_name, *dst;  /* caller's number and name, number called */
	char *in, *trunk;            /* trunk it came from; trunk that answered, NULL */
	char *route, *profile;
	/* caller_cancel, user_busy, ...: cdr_cause() knows those of a status */
	char *hangup_cause;
	char *sip_call_id[2];        /* caller's, callee's */
	char *codec, *codec_out;     /* with the caller, with the callee */
	/* the decision record, a whole JSON object as routing/decide writes it; text that does not
	 * begin with { is kept as a string */
	char *decision;
	uint64_t start_ms, answer_ms, end_ms; /* wall; answer 0: never */
	uint64_t duration_ms, billed_ms;      /* monotonic spans: start to end, answer to end */
	/* INVITE to the first 18x and to the 2xx the caller got, -1: never */
	int32_t ttrb_ms, tta_ms;
	uint16_t code;               /* final response the caller got */
	int16_t q850;                /* of the end, -1: none */
	uint8_t disposition;         /* enum cdr_disposition */
	uint8_t ended_by;            /* enum cdr_ended_by */
	bool unconfirmed;            /* no BYE of ours to a leg without signaling was ever heard; in the file only then */
	bool media_known;            /* the call had an anchor */
	uint32_t switches;           /* of the live outside end */
	const char *srtp[2];         /* static: suite toward caller, callee; "": in clear */
	const char *dtmf[2];         /* static: how digits travel with caller, callee; "": as they come */
	uint32_t digits;             /* of those that were turned from one into the other */
	uint32_t digits_lost;        /* INFOs of ours that were refused, or had no answer */
	/* from the caller (in the file: "in"), from the callee ("out") */
	struct cdr_media media[2];
	char *video;                 /* codec of the video line, NULL: the call had none */
	uint64_t video_packets[2], video_bytes[2]; /* from caller, callee */
	bool video_refused;          /* limits.max_video: it wanted some and got none; media.video_refused is in the file only then */
	const char *test;            /* static: what a test number does; in the file only then */
	uint64_t generation;         /* of the configuration */
	struct cdr_attempt *attempt; /* attempts[] */
	uint32_t attempts, room, attempts_cut;
};

struct cdr_counts {
	uint64_t written, dropped; /* dropped: ring full, no memory, or the disk failed */
};

/* Starts the writer. file "": records are taken and forgotten. node: name of this machine, copied;
 * NULL: as the kernel has it. 0 or a negative errno: the file cannot be opened, no thread. */
int cdr_open(const char *file, const char *node);

/* Opens the file anew before the next record (after a rotation by rename). Any thread. */
void cdr_reopen(void);

/* Another file (copied) from the next record on; "": none. One that cannot be opened leaves the old one, and the log says so.
 * SIP thread. 0 or -ENOMEM. */
int cdr_change(const char *file);

/* Writes what waits, ends the thread, closes the file. Called once the SIP thread is done with
 * calls. */
void cdr_close(void);

/* An empty record with every -1 set, or NULL without memory. Owner: the SIP thread until cdr_submit
 * or cdr_free. */
struct cdr *cdr_new(void);
void cdr_free(struct cdr *c);

/* Sets one text field of a record to a copy of value (NULL or "" clears it). Without memory the
 * field stays empty. */
void cdr_text(char **field, const char *value);

/* One more entry of attempts[], zeroed but for its -1s; valid until the next call. NULL: too many,
 * or no memory: counted. */
struct cdr_attempt *cdr_attempt(struct cdr *c);

/* Gives the record to the writer, who frees it. Never waits. false: dropped and counted; freed too.
 * Also before cdr_open and after cdr_close. SIP thread only. */
bool cdr_submit(struct cdr *c);

/* As of now. Any thread. */
void cdr_count(struct cdr_counts *n);

/* disposition and hangup_cause of a call that ended with this final response (FreeSWITCH's words in
 * small letters). cancelled: the caller went away first. q850: cause if known, -1. */
enum cdr_disposition cdr_disposition(uint16_t code, bool cancelled);
const char *cdr_cause(uint16_t code, int q850, bool cancelled);

/* The line of a record without its newline, malloc'd; NULL without memory. For tests and `kedge
 * cdr`. */
char *cdr_line(const struct cdr *c, const char *node);

#endif
