// SPDX-License-Identifier: MIT
/* admin_board: the calls as the operator sees them, an entry per session slot, written by the SIP thread behind sequence locks and read by
 * the admin thread: neither waits for the other, however long a list is. */
#ifndef KEDGE_SIG_OPERATOR_ADMIN_BOARD_H
#define KEDGE_SIG_OPERATOR_ADMIN_BOARD_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "routing/shm/layout.h"

#define ADMIN_STATES(S) S(SETUP) S(RINGING) S(UP) S(HELD) S(ENDING)
enum admin_state {
#define S(x) ADMIN_##x,
	ADMIN_STATES(S)
#undef S
	    ADMIN_STATE_COUNT
};

/* A call in two parts, each behind a sequence lock of its own: both carry the call's number, so that parts of two calls are never shown as
 * one. Texts are cut to their room, always with a NUL. */
struct admin_now { /* changes while the call lives */
	uint64_t call_id; /* kedge's own number; 0: no call */
	uint64_t begun_wall_ms;
	uint64_t answered_wall_ms; /* 0: not yet */
	uint32_t state;            /* enum admin_state */
	uint32_t attempts;
	char trunk[KEDGE_NAME_MAX]; /* of the live attempt, "" for none */
	char hop[56];               /* its address, "198.51.100.7:5060" */
	char codec[16], codec_out[16]; /* with the caller, with the callee; "" until negotiated */
	char sip_call_id[80];       /* of the live attempt's dialog */
	uint8_t srtp[2];            /* enum kedge_suite toward the caller, the live attempt */
	uint8_t dtmf[2];            /* enum kedge_dtmf, likewise */
	uint32_t video_slot;        /* of the session table; holds where video is */
	char video[16];             /* codec of the video line; "": there is none now */
};
struct admin_who { /* known from the start */
	uint64_t call_id;
	char in[KEDGE_NAME_MAX]; /* trunk it came from */
	char route[KEDGE_NAME_MAX];
	char profile[KEDGE_NAME_MAX];
	char from[40], to[40];
	char sip_call_id[72]; /* of the caller's dialog */
};
static_assert(sizeof(struct admin_now) <= 256 && sizeof(struct admin_now) % 8 == 0, "a line of seq.h");
static_assert(sizeof(struct admin_who) <= 256 && sizeof(struct admin_who) % 8 == 0, "a line of seq.h");

/* One of `slots` places. 0 or -ENOMEM. Its pages cost nothing until a call stands on them. */
int admin_board_open(uint32_t slots);
void admin_board_close(void);

/* SIP thread only; slot: the call's session slot. admin_who at its begin, admin_now at each change; admin_clear when it is gone.
 * They never wait, and do nothing before admin_board_open(). */
void admin_call_who(uint32_t slot, const struct admin_who *who);
void admin_call_now(uint32_t slot, const struct admin_now *now);
void admin_call_clear(uint32_t slot);

/* A call of the board; false: there is none, or it is changing hands this moment. Any thread. */
bool admin_board_read(uint32_t slot, struct admin_now *now, struct admin_who *who);

#endif
