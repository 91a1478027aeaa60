// SPDX-License-Identifier: MIT
/* operator: what an operator ordered for trunks, kept over reload, restart and kill -9 in the file operator.json of run.state_dir.
 *
 *   up     it carries calls whatever is known of it     drain  no new call, those that are up go on
 *   down   no new call, no probe counts                 auto   as its health says (routing/health.h)
 *
 * An order stands until another one, or its own time. One for a trunk that is not in the configuration is kept: it holds again when the trunk
 * comes back. Who orders is told the moment health has it and the file is on disk. Each order and each end of one is a line of the history.
 * A file that cannot be read as it was written is kept aside as operator.json.damaged, event operator.error, and none of it holds.
 * Thread: su_root's, but for operator_keep(). Owner: one list for the plane, in this module. */
#ifndef KEDGE_SIG_OPERATOR_OPERATOR_H
#define KEDGE_SIG_OPERATOR_OPERATOR_H

#include <stddef.h>
#include <stdint.h>

#include "routing/health.h"

#define OPERATOR_MAX 1024 /* orders that stand, of trunks that are gone too */

/* Reads what stands. state_dir is copied. Blocks on the disk: before the loop runs. Orders whose time came while no kedge ran are told as
 * expired. 0, or a negative errno: no memory. */
int operator_open(const char *state_dir, const char *history_file, uint64_t wall_ms);
void operator_close(void);

/* Gives the orders to the trunks of h's configuration: at the start and after a reload. */
void operator_apply(struct health *h, uint64_t now_ns);

/* One more order, mode HEALTH_AUTO: none any more. 0, -ENOENT: h has no trunk of that name, -ENOSPC. */
int operator_order(struct health *h, const char *trunk, const struct health_operator *o, uint64_t now_ns);

/* Orders whose time is over are told and forgotten: before each health_tick(), which ends them. */
void operator_tick(uint64_t wall_ms);

/* All orders as the file has them, for operator_keep(); free(). NULL: no memory. */
char *operator_text(size_t *size);

/* Writes the file. 0 or a negative errno: what was there stands. Blocks on the disk: the admin thread's. */
int operator_keep(const char *text, size_t size);

/* "up", "down", "drain", "auto"; and back: -1 for another word. */
const char *operator_word(enum health_mode mode);
int operator_mode(const char *word);

#endif
