// SPDX-License-Identifier: MIT
/* why_words: what the words of a decision record mean to who has never read the code. unit/tools/why_words sees to it that none is missing. */
#ifndef KEDGE_TOOLS_WHY_WORDS_H
#define KEDGE_TOOLS_WHY_WORDS_H

enum why_kind {
	WHY_CAUSE,   /* how an attempt ended: routing/cause.h */
	WHY_SKIP,    /* why a target was left out: DECIDE_SKIPS */
	WHY_TIMER,   /* which wait was over: DECIDE_TIMERS */
	WHY_RESULT,  /* where the caller's answer comes from */
	WHY_REFUSAL, /* why no call was made of an INVITE */
	WHY_COUNTS,  /* F L A O: what it said about the trunk */
	WHY_KINDS
};

/* "" for a word that is not known. */
const char *why_text(enum why_kind kind, const char *word);

#endif
