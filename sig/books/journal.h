// SPDX-License-Identifier: MIT
/* journal: what was decided about the last calls, for `kedge why`: of each its decision record and what stood around it.
 *
 *   the end of a call (sig/books/report), an INVITE refused (sig/edge/ingress) --> journal_add --> three rings, `records` entries in all
 *
 * FAILED: failed, moved, or ended by kedge. MINOR: cancelled by the caller, refused at the door. GOOD: the rest. GOOD and MINOR have a quarter of
 * the entries each, whatever is free; FAILED has what is left, half of it at least: those live longest. Of each kind the oldest gives way.
 * Memory: the entry and its texts, some 1.5 KB each, 8 KB at most. Thread: su_root's alone. */
#ifndef KEDGE_SIG_BOOKS_JOURNAL_H
#define KEDGE_SIG_BOOKS_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "routing/shm/layout.h"

#define JOURNAL_KINDS(K) K(GOOD, "good") K(MINOR, "minor") K(FAILED, "failed")
enum journal_kind {
#define K(id, word) JOURNAL_##id,
	JOURNAL_KINDS(K)
#undef K
	    JOURNAL_KIND_COUNT
};

struct journal_entry { /* texts are cut to their room, always with a NUL */
	uint64_t call;     /* kedge's number */
	uint64_t begun_wall_ms, answered_wall_ms, ended_wall_ms; /* 0: not (yet) */
	int32_t ttrb_ms, tta_ms; /* INVITE to 18x and to the answer, -1: never */
	uint16_t code;     /* final status the caller got, 0: none yet */
	uint8_t kind;      /* enum journal_kind */
	bool refused;      /* no call was made of it: why says it all */
	char in[KEDGE_NAME_MAX];
	char by[8];        /* who ended it: caller, callee, kedge, nobody */
	char why[24];      /* a word: stop, paths_failed, bye, caller_cancel, no_route ... */
	char state[8];     /* setup, ringing, up, ending; ended */
	char from[40], to[40];
	char source[64];   /* refused: where it came from */
	char call_id[128]; /* of the caller's dialog */
	const char *decision; /* JSON of decide_record(), NULL: none. Of an entry given to journal_add: copied */
};

/* records: entries kept; 0: none. */
void journal_open(size_t records);
void journal_close(void);

void journal_add(const struct journal_entry *e);

/* How well does `what` name it? */
enum journal_match {
	JOURNAL_NOT,
	JOURNAL_PREFIX,  /* of kedge's number in hex or of the Call-ID, 3 characters at least */
	JOURNAL_NUMBER,  /* the called number, with or without + */
	JOURNAL_CALL_ID,
	JOURNAL_ID       /* kedge's own number in hex */
};
enum journal_match journal_match(const struct journal_entry *e, const char *what);

/* Entries from the newest to the oldest while fn says true. */
void journal_each(bool (*fn)(void *ctx, const struct journal_entry *e), void *ctx);

struct journal_counts {
	uint64_t entries, bytes, evicted;
};
void journal_count(struct journal_counts *n); /* any thread */

#endif
