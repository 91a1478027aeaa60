// SPDX-License-Identifier: MIT
#include "sig/operator/reload.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/clock.h"
#include "config/event.h"
#include "config/follow.h"
#include "config/state.h"
#include "routing/health.h"
#include "sig/operator/admin.h"
#include "sig/operator/history.h"
#include "sig/operator/history.h"

static struct {
	const struct conf *conf; /* in force; SIP thread, and who has `one` */
	const struct conf **old; /* once in force, while calls still hold them */
	size_t old_count;
	const struct segment *seg;
	char *files;
	pthread_mutex_t one; /* one reload at a time */
	int state_dir;       /* negative errno: there is none */
	int run_dir;
	struct generation_book book;
	pthread_t thread;
	sem_t wake;
	_Atomic bool stop;
} reload = { .one = PTHREAD_MUTEX_INITIALIZER };

static const char *const words[] = {
#define E(id, word) [RELOAD_##id] = word,
	RELOAD_ENDS(E)
#undef E
};

const char *reload_word(enum reload_end end)
{
	return words[end];
}

const struct conf *reload_conf(void)
{
	return reload.conf;
}

/* ---- what is in force, and before it -------------------------------------------------------- */

/* Those that no call holds any more go. */
static void forget_old(void)
{
	size_t kept = 0;

	for (size_t i = 0; i < reload.old_count; i++) {
		if (conf_is_last(reload.old[i]))
			conf_unref(reload.old[i]);
		else
			reload.old[kept++] = reload.old[i];
	}
	reload.old_count = kept;
}

static int remember_old(void)
{
	const struct conf **more = realloc(reload.old, (reload.old_count + 1) * sizeof(*more));

	if (!more)
		return -ENOMEM;
	reload.old = more;
	return 0;
}

/* ---- reading -------------------------------------------------------------------------------- */

struct change { /* one reload on its way */
	const struct reload_wish *wish;
	struct reload_result *r;
	struct conf *now, *next; /* what is in force, as it is written; what is to be */
	char *text;              /* of next, as kept */
	size_t size;
	char *running, *was_running; /* running.cfg: in places, and what it was */
	size_t running_size, was_size;
};

static bool end_with(struct change *c, enum reload_end end, const char *format, ...) __attribute__((format(printf, 3, 4)));
static bool end_with(struct change *c, enum reload_end end, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(c->r->why, sizeof(c->r->why), format, ap);
	va_end(ap);
	c->r->end = end;
	return false;
}

static char *text_of(const struct conf *conf, size_t *size)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, size);

	if (!out)
		return NULL;
	conf_print(conf, out);
	return fclose(out) == 0 ? text : NULL;
}

static struct conf *read_in_force(struct change *c)
{
	struct err_list errs = { 0 };
	char path[PATH_MAX];
	struct conf *conf;

	snprintf(path, sizeof(path), "%s/" GENERATION_RUNNING, reload.conf->run.dir);
	conf = conf_load(path, CONF_UNSCALED, &errs);
	if (!conf)
		end_with(c, RELOAD_FAILED, "%s, which says what is in force, cannot be read: %s", path, errs.count ? errs.v[0].text : "");
	err_fini(&errs);
	return conf;
}

static uint64_t wanted(const struct change *c)
{
	const struct generation *now = generation_find(&reload.book, reload.book.in_force);

	return c->wish->to ? c->wish->to : now ? now->before : 0;
}

/* The file to read: the operator's, or the kept one. */
static bool source(struct change *c, char path[static PATH_MAX])
{
	char name[GENERATION_FILE];
	uint64_t to = c->wish->back ? wanted(c) : 0;

	if (!c->wish->back) {
		snprintf(path, PATH_MAX, "%s", reload.files);
		return true;
	}
	if (reload.state_dir < 0)
		return end_with(c, RELOAD_UNKNOWN, "nothing is kept: run.state_dir %s: %s", reload.conf->run.state_dir, strerror(-reload.state_dir));
	if (!to && !c->wish->to)
		return end_with(c, RELOAD_UNKNOWN, "generation %" PRIu64 " is the first", reload.book.in_force);
	if (!generation_find(&reload.book, to))
		return end_with(c, RELOAD_UNKNOWN, "generation %" PRIu64 " is not kept any more, or never was", to);
	c->r->generation = to;
	snprintf(path, PATH_MAX, "%s/%s", reload.conf->run.state_dir, generation_file(to, name));
	return true;
}

static bool read_both(struct change *c)
{
	char path[PATH_MAX];

	c->now = read_in_force(c);
	if (!c->now || !source(c, path))
		return false;
	c->next = conf_load(path, CONF_UNSCALED | CONF_FOLDERS, &c->r->errs);
	if (!c->next)
		return end_with(c, RELOAD_INVALID, "what was in force stays");
	c->text = text_of(c->next, &c->size);
	return c->text || end_with(c, RELOAD_FAILED, "no memory");
}

/* ---- may it be done ------------------------------------------------------------------------- */

/* Hops at most: what a name may have is not known yet. */
static uint32_t hops_of(const struct conf *c)
{
	uint32_t n = 0;

	for (uint16_t i = 0; i < c->trunks.count; i++)
		n += c->trunks.v[i].gone ? 0 : c->trunks.v[i].hops.count ? c->trunks.v[i].hops.count : 1;
	return n;
}

static bool compare(struct change *c)
{
	diff_find(&c->r->diff, c->now, c->next);
	if (c->r->diff.restarts) {
		for (size_t i = 0; i < c->r->diff.count; i++)
			if (c->r->diff.v[i].restart)
				return end_with(c, RELOAD_RESTART, "%s needs a restart%s: set it back, or restart kedge; what was in force stays",
				    c->r->diff.v[i].what, c->r->diff.restarts > 1 ? ", and others do" : "");
	}
	if (hops_of(c->next) > reload.seg->pub->hop_count)
		return end_with(c, RELOAD_RESTART, "%u hops: there is room for %u until kedge is restarted", hops_of(c->next), reload.seg->pub->hop_count);
	if (!c->r->diff.count && !c->wish->back) {
		c->r->end = RELOAD_SAME;
		return false;
	}
	return true;
}

/* Places as those who are in the middle of a call know them. */
static bool follow(struct change *c)
{
	int rc;

	forget_old();
	rc = conf_follow(c->next, reload.conf, reload.old, reload.old_count);
	if (rc == -ENOSPC)
		return end_with(c, RELOAD_RESTART, "more than %d trunks, those included whose calls still run", CONF_TRUNKS_MAX);
	assert(rc == 0); /* other interfaces need a restart */
	c->running = text_of(c->next, &c->running_size);
	if (!c->running || remember_old() < 0)
		return end_with(c, RELOAD_FAILED, "no memory");
	conf_scale(c->next);
	return true;
}

/* ---- doing it ------------------------------------------------------------------------------- */

/* Also where the book could not be written. */
static uint64_t next_number(void)
{
	uint64_t next = generation_next(&reload.book);

	return next > reload.conf->generation ? next : reload.conf->generation + 1;
}

static void swap(void *arg)
{
	struct change *c = arg;

	history_write(c->wish->back ? "rollback" : "reload", json_pack("{s:I, s:I, s:s, s:I}", "generation", (json_int_t)c->r->generation, "before",
	    (json_int_t)c->r->before, "by", c->wish->who ? c->wish->who : "", "changes", (json_int_t)c->r->diff.count));
	reload_apply(reload.conf, c->next);
	reload.old[reload.old_count++] = reload.conf;
	reload.conf = c->next;
}

/* The book may lag behind what is in force, where the disk is full: then there is nothing to go back to, and that is said. */
static void keep(const struct change *c)
{
	uint64_t now = clock_wall_ms();
	int rc = reload.state_dir;

	if (rc >= 0)
		rc = c->wish->back ? generation_restore(reload.state_dir, &reload.book, c->r->generation, c->wish->who, now)
		                   : generation_accept(reload.state_dir, &reload.book, c->r->generation, c->text, c->size, c->wish->who, now);
	if (rc < 0)
		event_log(config_warning, .at = reload.conf->run.state_dir, .why = strerror(-rc));
}

/* Who starts again from here on begins with it; were it the other way round, calls of the new one could meet a plane of the old one. */
static bool put_in_force(struct change *c)
{
	int rc;

	c->was_running = state_read(reload.run_dir, GENERATION_RUNNING, &c->was_size);
	rc = c->was_running ? state_write(reload.run_dir, GENERATION_RUNNING, c->running, c->running_size) : -errno;
	if (rc < 0)
		return end_with(c, RELOAD_FAILED, "%s/" GENERATION_RUNNING ": %s", reload.conf->run.dir, strerror(-rc));
	rc = admin_order(swap, c);
	if (rc < 0) {
		(void)state_write(reload.run_dir, GENERATION_RUNNING, c->was_running, c->was_size);
		return end_with(c, RELOAD_FAILED, "the SIP loop does not answer");
	}
	c->next = NULL;
	keep(c);
	c->r->end = RELOAD_DONE;
	return true;
}

static void change(struct change *c)
{
	c->r->before = c->r->generation = reload.conf->generation;
	if (!read_both(c) || !compare(c))
		return;
	if (!c->wish->back)
		c->r->generation = next_number();
	if (!follow(c))
		return;
	c->next->generation = c->r->generation;
	if (c->wish->dry)
		c->r->end = RELOAD_DRY;
	else
		put_in_force(c);
}

/* ---- told ----------------------------------------------------------------------------------- */

static void tell_places(const struct err_list *errs)
{
	char at[PATH_MAX + 16];

	for (size_t i = 0; i < errs->count; i++) {
		const struct err *e = &errs->v[i];

		snprintf(at, sizeof(at), "%s:%d", e->file ? e->file : "", e->line);
		if (e->level == ERR_ERROR)
			event_log(config_error, .at = at, .why = e->text);
		else
			event_log(config_warning, .at = at, .why = e->text);
	}
}

static void tell(const struct reload_wish *w, const struct reload_result *r)
{
	if (r->end == RELOAD_DONE) {
		for (size_t i = 0; i < r->diff.count; i++)
			event_log(config_change, .what = r->diff.v[i].what, .from = r->diff.v[i].from, .to = r->diff.v[i].kind == DIFF_CHANGED ? r->diff.v[i].to :
			    r->diff.v[i].kind == DIFF_ADDED ? "added" : "removed");
		event_log(config_reload, .how = w->back ? "rollback" : "reload", .generation = r->generation, .before = r->before,
		    .changes = r->diff.count, .who = w->who);
	} else if (r->end == RELOAD_SAME) {
		event_log(config_same, .how = "reload", .generation = r->generation, .who = w->who);
	} else {
		tell_places(&r->errs);
		event_log(config_refused, .how = w->back ? "rollback" : "reload", .generation = r->generation, .why = r->why, .errors = r->errs.errors,
		    .who = w->who);
	}
}

static void count(const struct reload_result *r)
{
	struct kedge_sig_counters *n = segment_counters(reload.seg);

	if (r->end == RELOAD_DONE)
		segment_add(&n->reloads, 1);
	else if (r->end != RELOAD_SAME)
		segment_add(&n->reloads_refused, 1);
}

void reload_do(const struct reload_wish *w, struct reload_result *r)
{
	struct change c = { .wish = w, .r = r };

	*r = (struct reload_result){ 0 };
	pthread_mutex_lock(&reload.one);
	change(&c);
	if (r->end != RELOAD_DONE)
		r->generation = r->end == RELOAD_DRY ? r->generation : r->before;
	pthread_mutex_unlock(&reload.one);
	conf_unref(c.now);
	conf_unref(c.next);
	free(c.text);
	free(c.running);
	free(c.was_running);
	if (w->dry)
		return;
	count(r);
	tell(w, r);
}

void reload_fini(struct reload_result *r)
{
	err_fini(&r->errs);
	diff_fini(&r->diff);
}

void reload_book(struct generation_book *b)
{
	pthread_mutex_lock(&reload.one);
	*b = reload.book;
	pthread_mutex_unlock(&reload.one);
}

/* ---- signals -------------------------------------------------------------------------------- */

static void *signals(void *arg)
{
	const struct reload_wish wish = { .who = "SIGHUP" };
	struct reload_result r;

	pthread_setname_np(pthread_self(), "reload");
	for (;;) {
		while (sem_wait(&reload.wake) != 0)
			;
		while (sem_trywait(&reload.wake) == 0) /* several of one moment are one */
			;
		if (atomic_load_explicit(&reload.stop, memory_order_acquire))
			return arg;
		reload_do(&wish, &r);
		reload_fini(&r);
	}
}

void reload_signalled(void)
{
	sem_post(&reload.wake);
}

static int start_thread(void)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&reload.thread, NULL, signals, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -err;
}

int reload_open(const struct conf *c, const char *files, const struct segment *seg)
{
	int rc;

	reload.conf = conf_ref(c);
	reload.seg = seg;
	reload.files = strdup(files);
	if (!reload.files)
		return -ENOMEM;
	reload.state_dir = state_open(c->run.state_dir);
	reload.run_dir = state_open(c->run.dir);
	if (reload.state_dir >= 0 && (rc = generation_read(reload.state_dir, &reload.book)) < 0)
		event_log(config_warning, .at = c->run.state_dir, .why = rc == -EINVAL ? "the book of generations is broken" : strerror(-rc));
	atomic_store_explicit(&reload.stop, false, memory_order_relaxed);
	sem_init(&reload.wake, 0, 0);
	return start_thread();
}

void reload_close(void)
{
	if (!reload.files)
		return;
	atomic_store_explicit(&reload.stop, true, memory_order_release);
	sem_post(&reload.wake);
	pthread_join(reload.thread, NULL);
	sem_destroy(&reload.wake);
	while (reload.old_count)
		conf_unref(reload.old[--reload.old_count]);
	free(reload.old);
	conf_unref(reload.conf);
	free(reload.files);
	if (reload.state_dir >= 0)
		close(reload.state_dir);
	if (reload.run_dir >= 0)
		close(reload.run_dir);
	reload.old = NULL;
	reload.conf = NULL;
	reload.files = NULL;
}
