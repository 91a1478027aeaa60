// SPDX-License-Identifier: MIT
/* reload: another configuration comes into force while calls go on.
 *
 *   files, or a kept generation --read, checked--> diff against what is in force --> places as before (config/follow)
 *     --> running.cfg, generations (config/generation) --> the SIP loop swaps the snapshot (sig/operator/reload_apply)
 *     |         `-- a plane that is started again from now on begins with it
 *     `-- an error, a setting that needs a restart: refused as a whole, nothing has changed
 *
 * Calls, dialogs and transactions hold a reference of the configuration they began with; new ones take the new one. Health
 * goes on: trunks keep their places, hops are known by trunk, address and transport.
 * Threads: the SIP loop; reload_do() on any other one, one at a time. SIGHUP has a thread of its own. */
#ifndef KEDGE_SIG_OPERATOR_RELOAD_H
#define KEDGE_SIG_OPERATOR_RELOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "config/conf.h"
#include "config/diff.h"
#include "config/err.h"
#include "config/generation.h"
#include "routing/shm/segment.h"

#define RELOAD_ENDS(E)                                                                             \
	E(DONE, "done") E(SAME, "nothing_differs") E(DRY, "would_be_done") E(INVALID, "invalid")   \
	E(RESTART, "needs_restart") E(UNKNOWN, "not_kept") E(FAILED, "failed")
enum reload_end {
#define E(id, word) RELOAD_##id,
	RELOAD_ENDS(E)
#undef E
};

struct reload_wish {
	bool dry;       /* say what would be done */
	bool back;      /* not the files: a kept generation */
	uint64_t to;    /* back: which one; 0: the one that was in force before */
	const char *who;
};

struct reload_result {
	enum reload_end end;
	uint64_t before, generation; /* in force before and now; dry: as it would be */
	struct err_list errs;        /* of the files: errors and warnings */
	struct diff_list diff;       /* what changed, would change, or cannot */
	char why[256];               /* RESTART, UNKNOWN, FAILED: what to do about it; "" */
};

/* SIP thread. c: in force from the start, with its generation; files: what a reload reads. Borrows seg. 0 or a negative errno. */
int reload_open(const struct conf *c, const char *files, const struct segment *seg);

/* SIP thread: reads the files in a thread of its own, as asked for by a signal. */
void reload_signalled(void);

/* SIP thread: what is in force. Borrowed until the loop goes on. */
const struct conf *reload_conf(void);

/* SIP thread, after admin_order_close(): waits for the thread of signals. */
void reload_close(void);

/* Not the SIP thread: does it, or says why not; the log tells either. Free the result with reload_fini(). */
void reload_do(const struct reload_wish *w, struct reload_result *r);
void reload_fini(struct reload_result *r);

const char *reload_word(enum reload_end end);

/* Not the SIP thread: the book as it stands. */
void reload_book(struct generation_book *b);

/* The SIP loop's part (reload_apply.c): every module goes on with next. */
void reload_apply(const struct conf *before, const struct conf *next);

#endif
