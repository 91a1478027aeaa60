// SPDX-License-Identifier: MIT
/* testline: numbers that kedge answers itself (conf.test_numbers), for a PBX, a carrier, a canary of somebody else: does the way
 * here carry a call, and its audio?
 *
 *   echo              what comes in goes back, packet by packet
 *   milliwatt         1004 Hz at 0 dBm0, as long as one listens
 *   busy              486
 *   late-answer-24s   180, and 200 after 24 s; then as echo
 *
 * Any trunk of ours may call them. They have no plan, no carrier, no limit of a trunk; at most TESTLINE_MAX at once, TESTLINE_MS each,
 * and the anchors of their audio are the same as of calls. They stand among the calls (trunk "test echo") and have a CDR with "test".
 *   INVITE --> (late: 24 s) --> 200 --ACK--> up --BYE either side--> gone
 * CANCEL or BYE before the 200: 487. A re-INVITE or UPDATE is answered as the first offer was, hold too; while another one is open it
 * gets 500 and Retry-After. Session timers (RFC 4028) are agreed as of calls; where kedge refreshes it sends UPDATEs.
 *   testline.c       the dialog
 *   testline_book.c  board and CDR
 * Thread: su_root's. */
#ifndef KEDGE_SIG_TESTLINE_H
#define KEDGE_SIG_TESTLINE_H

#include <stdbool.h>
#include <sofia-sip/nta.h>
#include <sofia-sip/su_wait.h>

#include "config/conf.h"

struct call_request;

#define TESTLINE_MAX 32
#define TESTLINE_MS  300000

/* Takes an INVITE to a number of plan_test() (msg is consumed). What it cannot do it answers on the spot. */
void testline_begin(const struct call_request *r, const struct conf_test_number *n, msg_t *msg, sip_t *sip);

/* Ends all of them: BYE. */
void testline_end_all(void);

/* What is left goes, unheard. Before call_fini(). */
void testline_fini(void);

#endif
