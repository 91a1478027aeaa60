// SPDX-License-Identifier: MIT
/* refresh: the session timer of one leg (RFC 4028). Each leg has its own: what the two peers agreed with kedge need
 * not be the same, and a refresh is never passed on.
 *
 *   INVITE or UPDATE in -> refresh_too_small: 422 -> refresh_asked    -> 2xx out with refresh_answer
 *   INVITE or UPDATE out with refresh_request     -> refresh_answered <- 2xx in; refresh_refused <- 422
 *
 *   OFF --agreed--> RUNNING --half of it, ours--> SEND --2xx--> RUNNING
 *                      `-----nobody refreshed until min(32 s, a third) before the end--> EXPIRED
 *
 * Seconds here are those of the wire; deadlines are divided by test.time_scale. A trunk's session_expires of 0 turns
 * the timer off: then nothing is offered, asked for or taken.
 * Thread: su_root's. Owner: the leg holds struct refresh; no timer of its own: the call looks at due_ns. */
#ifndef KEDGE_SIG_DIALOG_REFRESH_H
#define KEDGE_SIG_DIALOG_REFRESH_H

#include <stdbool.h>
#include <stdint.h>

struct conf_trunk;
struct sip_s;

struct refresh {
	uint32_t interval_s; /* agreed; 0: no session timer */
	uint32_t least_s;    /* the peer's Min-SE, 0: not heard */
	bool ours;           /* kedge refreshes, else the peer */
	bool spoken;         /* the peer said Supported: timer */
	uint8_t refused;     /* 422s since its last 2xx */
	uint64_t due_ns;     /* refresh_tick then; 0: never */
	uint64_t ends_ns;    /* without a refresh the session ends then */
};

#define REFRESH_LINES 128

/* A request of the peer wants less than session timers of this trunk may be, and knows what 422 says. The answer's
 * header line is "Min-SE: " and t->min_se_ms / 1000. */
bool refresh_too_small(const struct conf_trunk *t, const struct sip_s *sip);

/* Its INVITE or UPDATE is about to have a 2xx: how long from now on, and who refreshes. */
void refresh_asked(struct refresh *r, const struct conf_trunk *t, const struct sip_s *sip, uint64_t now_ns, uint32_t scale);

/* A 2xx to an INVITE or UPDATE of ours. */
void refresh_answered(struct refresh *r, const struct sip_s *sip, uint64_t now_ns, uint32_t scale);

/* A 422: its Min-SE counts from now on. false: it names none that would change what we ask for, or it said 422 too often. */
bool refresh_refused(struct refresh *r, const struct conf_trunk *t, const struct sip_s *sip);

/* Header lines of a request or 2xx of ours, each ended by CRLF; "" if there is nothing to say. Returns out. */
char *refresh_request(const struct refresh *r, const struct conf_trunk *t, char out[static REFRESH_LINES]);
char *refresh_answer(const struct refresh *r, const struct conf_trunk *t, char out[static REFRESH_LINES]);

enum refresh_want { REFRESH_NOTHING, REFRESH_SEND, REFRESH_EXPIRED };

/* What due_ns asks for, if it is over. After SEND without a refresh_answered it comes again, sooner each time. */
enum refresh_want refresh_tick(struct refresh *r, uint64_t now_ns);

/* The dialog is over, or lives on without its peer: no more of it. */
void refresh_stop(struct refresh *r);

#endif
