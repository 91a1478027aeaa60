// SPDX-License-Identifier: MIT
/* canary_call: a call to a trunk's echo number that proves its audio, for sig/trunk/canary.
 *
 *   CALLING --200--> LISTENING --the tone came back--> DIGITS --1 2 3 came back--> audio
 *      |                 |--no RTP for FIRST_MS: one_way    `--others, or none for DIGITS_MS: no_dtmf
 *      |                 `--RTP, no tone for TONE_MS: no_echo (an announcement may stand before the echo)
 *      |--3xx-6xx, nobody there, no reply in probe.timeout: signaling_only where the code is a good one, else failed
 *      `--18x and no answer for ANSWER_MS, hung up before anything was proved: signaling_only
 *   then BYE, or CANCEL
 *
 * It has a slot of the session table, as a call has, and an end toward the hop; its inside end is nobody's: what comes is heard by media
 * (media/tonetest.h, media/dtmf.h). Digits go as RFC 4733 where the trunk answers with it, else as tones; where trunk.dtmf is info they
 * are not sent. It is no call: no plan, no CDR, no recording, no limit of the trunk. At most CANARY_CALLS at once.
 * Thread: su_root's. Owner: itself. */
#ifndef KEDGE_SIG_TRUNK_CANARY_CALL_H
#define KEDGE_SIG_TRUNK_CANARY_CALL_H

#include <stdint.h>
#include <sofia-sip/su_wait.h>

#include "routing/health.h"

#define CANARY_CALLS 8

struct canary_end {
	uint16_t slot, code; /* 0: no answer */
	uint8_t what;        /* enum kedge_canary */
	const char *why;     /* a word more, NULL: none */
};

/* The result is given to `ended`, unless canary_call_end_all() is called before. 0; -EAGAIN: no room now; -ENOTSUP: the trunk takes no
 * codec that kedge can hear; others as of bridge_open(). */
int canary_call(const struct health *health, uint16_t slot, void (*ended)(const struct canary_end *e));

/* root: whose timer this needs. 0 or -ENOMEM. */
int canary_call_init(su_root_t *root);

/* BYE or CANCEL to all; none begins any more. */
void canary_call_end_all(void);

/* What is left goes, unheard: calls in the air before call_fini(). May be said again. */
void canary_call_fini(void);

#endif
