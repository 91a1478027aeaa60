// SPDX-License-Identifier: MIT
/* record: what another process needs to go on with a call: both dialogs, the caller's Via stack,
 * each branch.
 *
 *   call changes -> record_call -> record_encode -> record_store -> one of the two copies
 *   attach       -> record_load (the newest copy whose CRC holds) -> record_decode
 *
 * Two copies in the segment, written in turn, each with generation and CRC32C: who dies while
 * writing loses one update, never a call. What does not fit the room of a copy is counted as
 * unrestorable and not stored at all, never cut.
 * Body: fields of tag, length (16 bits, little endian), bytes; a leg or branch is a field of fields.
 * Unknown tags are skipped, so that a later version may add some. Nothing read is believed: every
 * length is checked.
 * Thread: su_root's. Pure but for record_call, record_clear, record_store and record_load. */
#ifndef KEDGE_SIG_BOOKS_RECORD_H
#define KEDGE_SIG_BOOKS_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "routing/shm/layout.h"
#include "routing/shm/segment.h"
#include "sig/offer/offer.h"

struct call;

#define RECORD_BRANCHES 16
#define RECORD_LIVE     1u /* kedge_record_copy.flags */
#define RECORD_SETUP    2u

struct record_text { /* not ended by NUL when read: borrowed from the body */
	const char *at;
	uint16_t length;
};

struct record_leg {
	uint8_t uas, transport, state; /* state: enum leg_state */
	uint16_t iface, trunk;
	struct kedge_addr peer;
	uint32_t local_cseq; /* not below any that was sent, the request after this one included */
	uint32_t remote_cseq, invite_cseq;
	struct record_text call_id, local, remote; /* addresses as header text, without tags */
	struct record_text local_tag, remote_tag, target, routes, branch;
	struct offer_origin origin;
	struct record_text ours, theirs; /* SDP */
	uint8_t end;                     /* of the anchor */
};

struct record_branch {                 /* an attempt without a final, or the one that won */
	uint8_t state, transport, end; /* state: enum attempt_state */
	uint16_t iface, trunk, hop;
	uint32_t cseq;
	struct kedge_addr addr;
	struct record_text branch, ruri, call_id, local, remote, local_tag;
};

struct record {
	uint8_t state; /* enum call_state */
	uint8_t live;  /* outside end */
	uint16_t code;
	uint64_t begun_wall_ms, answered_wall_ms;
	struct record_text number, codec,
	    via;              /* via: the caller's, comma-separated, while in setup */
	uint32_t invite_cseq; /* of the caller's INVITE */
	bool has_callee;
	struct record_leg caller, callee;
	uint8_t branches;
	struct record_branch branch[RECORD_BRANCHES];
};

/* Writes the body. Its length, or -ENOSPC. */
int record_encode(const struct record *r, uint8_t *out, size_t size);

/* Reads a body; texts point into it. 0 or -EINVAL. */
int record_decode(struct record *r, const uint8_t *body, size_t length);

uint32_t record_crc32c(uint32_t crc, const void *data, size_t length);

/* Writes the next copy of a slot's record. */
void record_store(const struct segment *seg, uint32_t slot, uint64_t call_id,
    uint32_t slot_generation, uint32_t flags, const uint8_t *body, uint32_t length);

struct record_head { /* of the newest valid copy */
	uint64_t generation, call_id;
	uint32_t slot_generation, flags, length;
};

/* The newest valid copy; body has KEDGE_RECORD_BODY bytes. 0, or -ENOENT: none. */
int record_load(const struct segment *seg, uint32_t slot, struct record_head *head, uint8_t *body);

/* Stores c as it stands now; a call without an anchor has no record. */
void record_call(struct call *c);

/* The slot holds no call any more. */
void record_clear(struct call *c);

#endif
