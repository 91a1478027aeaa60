// SPDX-License-Identifier: MIT
/* Folders that are written to. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "config/load.h"

static bool is_folder(const char *name)
{
	struct stat st;

	return stat(name, &st) ? errno != ENOENT && errno != ENOTDIR : S_ISDIR(st.st_mode);
}

/* Where the folder of a file that is to be appended to is missing: its name. Nobody makes it. */
static const char *missing(const char *file, char *folder)
{
	const char *slash = strrchr(file, '/');

	if (!slash || slash == file || slash - file >= PATH_MAX)
		return NULL;
	snprintf(folder, PATH_MAX, "%.*s", (int)(slash - file), file);
	return is_folder(folder) ? NULL : folder;
}

static void log_folder(struct load *l)
{
	const struct conf_log *g = &l->c->log;
	char room[PATH_MAX];
	const char *folder = missing(g->file, room);

	if (folder)
		load_warn(l, load_where(l, &g->file, g->where), "log.file: there is no directory \"%s\": make it first", folder);
}

/* kedge-sig does not serve without them. */
static void cdr_folder(struct load *l)
{
	const struct conf_cdr *r = &l->c->cdr;
	char room[PATH_MAX];
	const char *folder = missing(r->file, room);

	if (folder)
		load_error(l, load_where(l, &r->file, r->where), "cdr.file: there is no directory \"%s\": kedge run would not start; make it first", folder);
}

void lint_record(struct load *l, const struct conf_trunk *t)
{
	if (t->record && !l->c->media.record_dir[0])
		load_error(l, load_where(l, &t->record, t->where), "trunk \"%s\".record: into which directory? set media.record_dir", t->name);
}

void load_folders(struct load *l)
{
	log_folder(l);
	cdr_folder(l);
	if (l->c->media.record_dir[0] && !is_folder(l->c->media.record_dir))
		load_warn(l, load_where(l, &l->c->media.record_dir, l->c->media.where), "media.record_dir: there is no directory \"%s\": make it first",
			l->c->media.record_dir);
	load_dns_system(l);
}
