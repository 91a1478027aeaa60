// SPDX-License-Identifier: MIT
#include "sig/operator/history.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/clock.h"
#include "config/event.h"
#include "config/state.h"
#include "sig/operator/admin_json.h"

#define LINE_MAX_BYTES 8192      /* of one line; a longer one is lost */
#define READ_MAX       (4 << 20) /* of a file, from its end */

static struct {
	char *file;
	int fd;
	dev_t dev;
	ino_t ino;
	uint64_t id, lost;
	bool anew, torn, told;
} history = { .fd = -1 };

/* ---- reading -------------------------------------------------------------------------------- */

/* The last READ_MAX bytes of a file from the first whole line on, NUL behind them, for free(); NULL: there is none. */
static char *read_tail(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char *text = NULL, *first;
	struct stat st;
	off_t from;
	ssize_t n;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		goto out;
	from = st.st_size > READ_MAX ? st.st_size - READ_MAX : 0;
	text = malloc((size_t)(st.st_size - from) + 1);
	if (!text)
		goto out;
	n = pread(fd, text, (size_t)(st.st_size - from), from);
	text[n > 0 ? n : 0] = '\0';
	first = from ? strchr(text, '\n') : NULL;
	if (first)
		memmove(text, first + 1, strlen(first));
out:
	close(fd);
	return text;
}

struct wanted {
	uint64_t after, since_ms;
};

/* The id of a line, 0: it is none of ours. Each begins with it, so that those nobody asks for need not be parsed. */
static uint64_t id_of(const char *line)
{
	return strncmp(line, "{\"id\":", 6) ? 0 : strtoull(line + 6, NULL, 10);
}

static bool is_wanted(const struct wanted *w, uint64_t id)
{
	return id && id > w->after && id / 1000 >= w->since_ms;
}

/* How many lines of text (NULL: none) are wanted; *oldest: the id of its first. */
static size_t count_lines(const char *text, const struct wanted *w, uint64_t *oldest)
{
	size_t n = 0;

	*oldest = UINT64_MAX;
	for (const char *at = text, *end; at && (end = strchr(at, '\n')); at = end + 1) {
		uint64_t id = id_of(at);

		if (id && *oldest == UINT64_MAX)
			*oldest = id;
		n += is_wanted(w, id);
	}
	return n;
}

/* Adds the wanted lines behind the first `skip`, `most` at most. */
static void add_lines(json_t *list, const char *text, const struct wanted *w, size_t skip, size_t most)
{
	for (const char *at = text, *end; at && most && (end = strchr(at, '\n')); at = end + 1) {
		json_t *o;

		if (!is_wanted(w, id_of(at)) || (skip && skip--))
			continue;
		o = json_loadb(at, (size_t)(end - at), 0, NULL);
		if (!o)
			continue;
		json_array_append_new(list, o);
		most--;
	}
}

static char *read_rotated(const char *file)
{
	char name[4096];

	return snprintf(name, sizeof(name), "%s.1", file) < (int)sizeof(name) ? read_tail(name) : NULL;
}

json_t *history_read(const char *file, uint64_t after, uint64_t since_wall_ms, size_t limit)
{
	const struct wanted w = { after, since_wall_ms };
	json_t *list = json_array();
	char *now = read_tail(file), *before = NULL;
	uint64_t oldest, ignored;
	size_t n = count_lines(now, &w, &oldest), m = 0, skip;

	if (oldest > after + 1 && (after || n < limit)) {
		before = read_rotated(file);
		m = count_lines(before, &w, &ignored);
	}
	skip = !after && n + m > limit ? n + m - limit : 0;
	add_lines(list, before, &w, skip, limit);
	add_lines(list, now, &w, skip > m ? skip - m : 0, limit - json_array_size(list));
	free(before);
	free(now);
	return list;
}

static uint64_t last_id(const char *file)
{
	json_t *list = history_read(file, 0, 0, 1);
	uint64_t id = (uint64_t)json_integer_value(json_object_get(json_array_get(list, 0), "id"));

	json_decref(list);
	return id;
}

/* ---- writing -------------------------------------------------------------------------------- */

static void make_directory(const char *file)
{
	char dir[4096];
	char *slash;
	int fd;

	snprintf(dir, sizeof(dir), "%s", file);
	slash = strrchr(dir, '/');
	if (!slash || slash == dir)
		return;
	*slash = '\0';
	fd = state_open(dir); /* what is wrong with it shows in what is opened next */
	if (fd >= 0)
		close(fd);
}

static int open_file(void)
{
	struct stat st;
	char last = '\n';
	int rc;

	if (history.fd >= 0)
		close(history.fd);
	history.fd = open(history.file, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
	if (history.fd < 0)
		return -errno;
	if (fstat(history.fd, &st) < 0) {
		rc = -errno;
		close(history.fd);
		history.fd = -1;
		return rc;
	}
	history.dev = st.st_dev;
	history.ino = st.st_ino;
	history.anew = false;
	/* One who wrote before may have been stopped in a line by a full disk. */
	history.torn = st.st_size && pread(history.fd, &last, 1, st.st_size - 1) == 1 && last != '\n';
	return 0;
}

/* Does the name still lead to the open file? */
static bool is_current(void)
{
	struct stat st;

	return history.fd >= 0 && !history.anew && !stat(history.file, &st) && st.st_dev == history.dev && st.st_ino == history.ino;
}

static void lose(const char *why)
{
	history.lost++;
	if (!history.told)
		event_log(history_error, .file = history.file, .why = why);
	history.told = true;
}

/* A line and its end in one write. What a full disk left of one is ended before the next begins. */
static void put_line(char *line, size_t n)
{
	ssize_t did;
	int rc = is_current() ? 0 : open_file();

	if (rc < 0) {
		lose(strerror(-rc));
		return;
	}
	line[0] = '\n';
	line[n++] = '\n';
	if (!history.torn) {
		line++;
		n--;
	}
	do
		did = write(history.fd, line, n);
	while (did < 0 && errno == EINTR);
	if (did == (ssize_t)n) {
		history.torn = history.told = false;
		return;
	}
	history.torn |= did > 0 && !(did == 1 && *line == '\n');
	lose(did < 0 ? strerror(errno) : "no space left");
}

void history_write(const char *event, json_t *fields)
{
	static char line[LINE_MAX_BYTES + 2]; /* one byte before it, one behind */
	uint64_t wall_us = clock_wall_ms() * 1000;
	json_t *o;
	size_t n = 0;

	if (!history.file) {
		json_decref(fields);
		return;
	}
	history.id = wall_us > history.id ? wall_us : history.id + 1;
	o = json_pack("{s:I, s:o, s:s}", "id", (json_int_t)history.id, "time", admin_time(wall_us / 1000), "event", event);
	if (o && fields && !json_object_update(o, fields))
		n = json_dumpb(o, line + 1, LINE_MAX_BYTES, JSON_COMPACT | JSON_REAL_PRECISION(6));
	json_decref(o);
	json_decref(fields);
	if (n && n <= LINE_MAX_BYTES)
		put_line(line, n + 1);
	else
		lose("the line is too long, or there is no memory");
}

int history_open(const char *file)
{
	int rc;

	history_close();
	history.file = strdup(file);
	if (!history.file)
		return -ENOMEM;
	make_directory(file);
	history.id = last_id(file);
	rc = open_file();
	if (rc < 0)
		event_log(history_error, .file = file, .why = strerror(-rc));
	history.told = rc < 0;
	return rc;
}

void history_reopen(void)
{
	history.anew = true;
}

void history_close(void)
{
	if (history.fd >= 0)
		close(history.fd);
	free(history.file);
	memset(&history, 0, sizeof(history));
	history.fd = -1;
}

uint64_t history_lost(void)
{
	return history.lost;
}
