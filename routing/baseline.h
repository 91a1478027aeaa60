// SPDX-License-Identifier: MIT
/* baseline: does a trunk answer as it usually does? The last 50 calls of a trunk against the 24 hours before them, by three
 * figures of the telephone networks (ITU-T E.411, E.425):
 *   ASR   answered of all that were sent there
 *   NER   of all, those the network brought to the callee: answered, busy, no answer, refused by the callee
 *   ACD   average talking time of the answered ones
 * Under half of the usual (ASR, NER: by more than chance), by at least 30 calls on both sides: low, at most once in a quarter
 * of an hour; back over 80 %: over. A call is usual once it has left the last 50: so a drop is seen against what was before
 * it. While a figure is low nothing joins what is usual, so that a carrier that stays bad does not become its own measure;
 * what is older than 24 hours leaves, and with too little left to compare with the figure is no longer low.
 * Pure: no clock (time is an argument, monotonic ns), no allocation; bounded: 1 KB. Owner: struct health_trunk. {0}: new. */
#ifndef KEDGE_ROUTING_BASELINE_H
#define KEDGE_ROUTING_BASELINE_H

#include <stdbool.h>
#include <stdint.h>

#define BASELINE_LAST  50
#define BASELINE_LEAST 30
#define BASELINE_HOURS 24

enum baseline_figure { BASELINE_ASR, BASELINE_NER, BASELINE_ACD, BASELINE_FIGURES };

struct baseline_hour {
	uint32_t hour; /* since 0 of the clock, + 1; 0: empty */
	uint32_t calls, answered, reached;
	uint32_t talks;
	uint64_t talk_ms;
};

struct baseline {
	uint8_t call[BASELINE_LAST]; /* bits: 1 answered, 2 reached */
	uint8_t calls, call_at;
	uint8_t talks, talk_at;
	uint32_t talk_ms[BASELINE_LAST];
	uint8_t low; /* bits 1 << enum baseline_figure */
	uint64_t raised_ns[BASELINE_FIGURES]; /* the last time, 0: never */
	struct baseline_hour hour[BASELINE_HOURS + 1];
};

struct baseline_change { /* what one call changed about one figure */
	bool raised, cleared;
	uint32_t last, usual; /* percent, or seconds */
};

/* One call was answered or not; reached: the network brought it to the callee. Changes ASR and NER: out[BASELINE_FIGURES]. */
void baseline_call(struct baseline *b, bool answered, bool reached, uint64_t now_ns, struct baseline_change *out);

/* One answered call ended after talk_ms. Changes ACD. */
void baseline_talk(struct baseline *b, uint32_t talk_ms, uint64_t now_ns, struct baseline_change *out);

const char *baseline_word(enum baseline_figure f);

#endif
