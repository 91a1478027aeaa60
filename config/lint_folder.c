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

/* Nobody makes it: the records' stops the start, the log's loses the log. */
static void file_folder(struct load *l, const char *name, const char *const *file, struct conf_where where)
{
	const char *slash = strrchr(*file, '/');
	char folder[PATH_MAX];

	if (!slash || slash == *file || (size_t)(slash - *file) >= sizeof(folder))
		return;
	snprintf(folder, sizeof(folder), "%.*s", (int)(slash - *file), *file);
	if (!is_folder(folder))
		load_warn(l, load_where(l, file, where), "%s.file: there is no directory \"%s\": make it first", name, folder);
}

void lint_record(struct load *l, const struct conf_trunk *t)
{
	if (t->record && !l->c->media.record_dir[0])
		load_error(l, load_where(l, &t->record, t->where), "trunk \"%s\".record: into which directory? set media.record_dir", t->name);
}

void load_folders(struct load *l)
{
	file_folder(l, "log", &l->c->log.file, l->c->log.where);
	file_folder(l, "cdr", &l->c->cdr.file, l->c->cdr.where);
	if (l->c->media.record_dir[0] && !is_folder(l->c->media.record_dir))
		load_warn(l, load_where(l, &l->c->media.record_dir, l->c->media.where), "media.record_dir: there is no directory \"%s\": make it first",
			l->c->media.record_dir);
	load_dns_system(l);
}
