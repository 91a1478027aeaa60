// SPDX-License-Identifier: MIT
#include "tools/inforce.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/clock.h"
#include "config/event.h"
#include "config/state.h"

static void tell(const char *what, int rc)
{
	event_log(run_error, .what = what, .why = rc == -EINVAL ? "not as kedge writes it" : strerror(-rc));
}

/* The text of a file with all it takes in; NULL: it has errors meanwhile, or there is no memory. */
static char *text_of(const char *file, size_t *size)
{
	struct err_list errs = { 0 };
	struct conf *c = conf_load(file, CONF_UNSCALED, &errs);
	char *text = NULL;
	FILE *out = c ? open_memstream(&text, size) : NULL;

	if (out) {
		conf_print(c, out);
		fclose(out);
	}
	err_fini(&errs);
	conf_unref(c);
	return text;
}

static const struct conf *load(const char *file)
{
	struct err_list errs = { 0 };
	const struct conf *c = conf_load(file, 0, &errs);

	if (!c)
		tell(file, -EINVAL);
	err_fini(&errs);
	return c;
}

static void read_book(struct inforce *f, const char *dir)
{
	int rc = f->state_dir = state_open(dir);

	if (rc == -EACCES) {
		event_log(run_error, .what = dir, .why = "Permission denied (run.state_dir names another)");
		return;
	}
	if (rc >= 0)
		rc = generation_read(f->state_dir, &f->book);
	if (rc < 0 && rc != -ENOENT)
		tell(dir, rc);
}

/* What a rollback left in force; NULL: it cannot be read. */
static const struct conf *restored(struct inforce *f, const char *dir)
{
	char name[GENERATION_FILE], *text;
	const struct conf *c;
	size_t size;

	if (snprintf(f->kept_file, sizeof(f->kept_file), "%s/%s", dir, generation_file(f->book.in_force, name)) >= (int)sizeof(f->kept_file))
		return NULL;
	c = load(f->kept_file);
	text = c ? text_of(f->kept_file, &size) : NULL;
	if (!text) {
		conf_unref(c);
		return NULL;
	}
	free(f->text);
	f->text = text;
	f->size = size;
	f->first = f->kept_file;
	f->restored = true;
	event_log(config_warning, .at = f->files, .why = "is not in force: an earlier one was taken back, and it has not been written since; kedge reload reads it");
	return c;
}

const struct conf *inforce_choose(struct inforce *f, const struct conf *from_files)
{
	const struct conf *c;

	*f = (struct inforce){ .files = strdup(from_files->file) };
	f->first = f->files;
	f->text = f->files ? text_of(f->files, &f->size) : NULL;
	read_book(f, from_files->run.state_dir);
	if (!f->text || !generation_is_restored(&f->book, generation_hash(f->text, f->size)))
		return from_files;
	c = restored(f, from_files->run.state_dir);
	if (!c)
		return from_files;
	conf_unref(from_files);
	return c;
}

static void keep_generation(struct inforce *f)
{
	const struct generation *now = generation_find(&f->book, f->book.in_force);
	int rc;

	if (f->state_dir < 0 || f->restored || (now && now->hash == generation_hash(f->text, f->size)))
		return;
	rc = generation_accept(f->state_dir, &f->book, generation_next(&f->book), f->text, f->size, "start", clock_wall_ms());
	if (rc < 0)
		tell("generations", rc);
}

static int keep_running(struct inforce *f, const char *run_dir)
{
	int dir = f->text ? state_open(run_dir) : -EINVAL, rc;

	if (dir < 0)
		return dir;
	rc = state_write(dir, GENERATION_RUNNING, f->text, f->size);
	close(dir);
	return rc;
}

void inforce_keep(struct inforce *f, const struct conf *c)
{
	int n = snprintf(f->running_file, sizeof(f->running_file), "%s/" GENERATION_RUNNING, c->run.dir);
	int rc = n < (int)sizeof(f->running_file) ? keep_running(f, c->run.dir) : -ENAMETOOLONG;

	if (rc < 0)
		tell(GENERATION_RUNNING, rc);
	else
		f->running = f->running_file;
	if (f->text)
		keep_generation(f);
	free(f->text);
	f->text = NULL;
}

const struct conf *inforce_again(const struct inforce *f)
{
	return f->running ? load(f->running) : NULL;
}

void inforce_fini(struct inforce *f)
{
	if (f->running)
		(void)unlink(f->running);
	if (f->state_dir >= 0)
		close(f->state_dir);
	free(f->text);
	free((char *)f->files);
	*f = (struct inforce){ .state_dir = -1 };
}
