// SPDX-License-Identifier: MIT
/* inforce: what is in force, for the supervisor: at the start the files, or an earlier configuration that a rollback left in
 * force and the files have not been written since; later what kedge-sig put into run.dir/running.cfg.
 *
 *   inforce_choose --conf--> sockets, memory, run.dir is ours --> inforce_keep --> planes
 *   a plane that is started again reads running.cfg; so does the supervisor when a reload was done (inforce_again)
 *
 * Thread: one. Owner: the caller holds struct inforce. */
#ifndef KEDGE_TOOLS_INFORCE_H
#define KEDGE_TOOLS_INFORCE_H

#include <limits.h>
#include <stdbool.h>

#include "config/conf.h"
#include "config/generation.h"

struct inforce {
	const char *files;   /* the operator's kedge.cfg */
	const char *first;   /* what the planes begin with: files, or the kept text; in memory of ours */
	const char *running; /* running.cfg, NULL while it cannot be written */
	int state_dir;       /* negative errno: nothing is kept */
	bool restored;       /* not what the files say */
	char *text;
	size_t size;
	struct generation_book book;
	char kept_file[PATH_MAX], running_file[PATH_MAX];
};

/* from_files: read from `files`. Gives what to start with: it, or what a rollback left in force; its reference is the
 * caller's, who gives away that of from_files. Nothing is written. */
const struct conf *inforce_choose(struct inforce *f, const struct conf *from_files);

/* run.dir is ours: writes running.cfg, and a new generation where there is one. Failures are logged. */
void inforce_keep(struct inforce *f, const struct conf *c);

/* What is in force now, read anew; NULL: it cannot be told. */
const struct conf *inforce_again(const struct inforce *f);

/* Takes running.cfg away. */
void inforce_fini(struct inforce *f);

#endif
