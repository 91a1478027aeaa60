// SPDX-License-Identifier: MIT
/* delays: how long callers waited for ringing and for the answer, by the trunk that rang or answered, and how long the trunk itself took (RFC 6076
 * session request delay); jitter and MOS of the audio that came from it, a sample a call: as histograms for /metrics. Since the plane's start.
 *
 * Thread: delays_add() su_root's, delays_read() any. By name, so that a changed configuration leaves them; a name beyond DELAYS_TRUNKS is
 * not counted. */
#ifndef KEDGE_SIG_BOOKS_DELAYS_H
#define KEDGE_SIG_BOOKS_DELAYS_H

#include <stdbool.h>
#include <stdint.h>

#define DELAYS_TRUNKS 1024
#define DELAYS_BOUNDS 16

enum delays_kind {
	DELAYS_RINGBACK, /* the caller's INVITE to its first 18x */
	DELAYS_ANSWER,   /* and to the answer */
	DELAYS_REQUEST,  /* the trunk's INVITE to its own 18x */
	DELAYS_JITTER,   /* of its audio */
	DELAYS_MOS,      /* in place of a time the score, 1.0 to 4.5, counted in thousandths */
	DELAYS_KINDS
};

/* Seconds (MOS: the score) that buckets end with, delays_bounds() of them. */
const double *delays_bound(enum delays_kind kind);
unsigned delays_bounds(enum delays_kind kind);

struct delays {
	uint64_t count[DELAYS_BOUNDS + 1]; /* each value in one of them; the one behind the last bound: above all */
	uint64_t sum; /* in the unit of delays_add() */
};

/* value: ms; jitter: us; MOS: thousandths. */
void delays_add(enum delays_kind kind, const char *trunk, uint64_t value);

/* So many of these are 1 in the unit of the bounds. */
double delays_per_one(enum delays_kind kind);

/* All zero for a trunk that nothing was counted of. */
void delays_read(enum delays_kind kind, const char *trunk, struct delays *out);

#endif
