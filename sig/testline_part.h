// SPDX-License-Identifier: MIT
/* testline_part: a call to a test number, between testline.c (its dialog) and testline_book.c (what is seen of it: the operator's
 * board, its CDR). Thread: su_root's. */
#ifndef KEDGE_SIG_TESTLINE_PART_H
#define KEDGE_SIG_TESTLINE_PART_H

#include <stdbool.h>
#include <stdint.h>
#include <sofia-sip/nta.h>
#include <sofia-sip/su_wait.h>

#include "config/conf.h"
#include "sig/books/cdr.h"
#include "sig/bridge/bridge.h"
#include "sig/dialog/refresh.h"

struct line {
	su_home_t home[1];
	struct line *next;
	struct bridge bridge;
	const struct conf *conf; /* one reference */
	const struct conf_test_number *number; /* of conf */
	nta_leg_t *leg;
	nta_incoming_t *irq, *again; /* the INVITE until its ACK; a re-INVITE */
	nta_outgoing_t *bye, *update;
	sip_contact_t *contact;
	su_timer_t *timer, *session;
	struct refresh refresh;
	uint64_t id, begun_ns, begun_wall_ms, answered_ns; /* answered 0: not yet */
	char *from, *from_name, *call_id;
	uint16_t code; /* final status the caller got; 0: none yet */
	bool rings, up, ended, booked;
	bool leaves; /* kedge wants it over: BYE once the ACK is there */
};

/* It begins: who calls, and when. */
void testline_begun(struct line *t, const sip_t *sip);

/* It has a slot: it stands on the board. Later: something of it is another now. */
void testline_shown(const struct line *t);
void testline_changed(const struct line *t);

/* It is over: gives its anchor back, leaves the board, writes its CDR; once. */
void testline_booked(struct line *t, enum cdr_ended_by by);

#endif
