// SPDX-License-Identifier: MIT
/* Callers format their fields on the stack and copy them into a ring; one thread adds time and name and writes.
 *
 * The ring is a byte ring of records, many producers and one consumer. A producer claims its bytes by moving `head`
 * (compare and swap), fills them, and stores the record's `state` last (W1, release); the consumer takes records in order as
 * their state appears (R1, acquire), clears their bytes, and moves `tail` (W2, release; R2, acquire), so a
 * claimed record's state is always 0 until it is filled. */
#include "config/event.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "config/clock.h"
#include "config/value.h"

#define RING       (256u * 1024) /* bytes, a power of two */
#define PAD        (1ULL << 32)  /* in state: no record, the ring ends here */
#define SIZE_MASK  0xffffffffULL
#define OUT        (64u * 1024) /* written at once */
#define KEYS       256          /* kinds of lines counted at one time, for suppression */
#define WINDOW_MS  10000
#define GATHER_NS  1000000 /* lines of one moment are written together */
#define CUT_ROOM   128 /* of a line, kept for " cut=FIELD" */

enum kind { KIND_STR, KIND_JSON, KIND_HEX, KIND_UINT, KIND_INT, KIND_REAL };

struct field {
	enum kind kind;
	const char *name;
};

struct event_row {
	enum event_level level;
	uint32_t burst;
	const char *name;
	const struct field *fields;
	size_t count;
};

#define STR(field)  { KIND_STR, #field },
#define JSON(field) { KIND_JSON, #field },
#define HEX(field)  { KIND_HEX, #field },
#define UINT(field) { KIND_UINT, #field },
#define INT(field)  { KIND_INT, #field },
#define REAL(field) { KIND_REAL, #field },

#define EVENT(id, lvl, name, burst, meaning, fields) static const struct field fields_##id[] = { fields };
#include "config/event.def"
#undef EVENT

static const struct event_row rows[EVENT_ID_COUNT] = {
#define EVENT(id, lvl, name, burst, meaning, fields)                                               \
	{ EVENT_LEVEL_##lvl, burst, name, fields_##id, sizeof(fields_##id) / sizeof(fields_##id[0]) },
#include "config/event.def"
#undef EVENT
};

/* Every member of an event's struct is one 8-byte word: level, then the fields. */
#define EVENT(id, lvl, name, burst, meaning, fields)                                               \
	static_assert(sizeof(struct event_##id) == 8 + 8 * sizeof(fields_##id) / sizeof(fields_##id[0]), #id);
#include "config/event.def"
#undef EVENT

struct record { /* in the ring, 8-aligned */
	_Atomic uint64_t state; /* bytes of the record, rounded up; PAD */
	uint64_t wall_ms;
	uint16_t id, length, key_length; /* of text; of its first field */
	uint8_t level;
	char text[];
};

static struct {
	_Atomic uint64_t head, tail, dropped;
	sem_t wake;
	_Atomic int running, stop, reopen;
	_Atomic int least; /* enum event_level */
	_Atomic int json;
	pthread_t thread;
	char *file;              /* the writer's, once it runs */
	_Atomic(char *) another; /* to be written from now on; NULL: the same */
	int fd;
	bool journal;
	_Alignas(64) unsigned char ring[RING];
} log_ = { .fd = STDERR_FILENO, .least = EVENT_LEVEL_INFO };

/* ---- a line --------------------------------------------------------------------------------- */

struct line {
	char *buf;
	size_t used, room;
	bool json, full;
};

static void put(struct line *l, const char *s, size_t n)
{
	if (l->used + n > l->room) {
		l->full = true;
		return;
	}
	memcpy(l->buf + l->used, s, n);
	l->used += n;
}

static void put_text(struct line *l, const char *s)
{
	put(l, s, strlen(s));
}

static bool harmless(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:/+@[],*#%;");

	return n && !s[n];
}

/* Characters that could end a line, or turn the reader's eye: controls, separators, writing direction. */
static bool treacherous(const unsigned char *s, size_t length)
{
	if (length == 1)
		return *s < 0x20 || *s == 0x7f;
	if (length == 2)
		return *s == 0xc2 && s[1] < 0xa0;
	return length == 3 && *s == 0xe2 &&
	    ((s[1] == 0x80 && s[2] >= 0x8b && s[2] <= 0xaf) || (s[1] == 0x81 && s[2] >= 0xa0 && s[2] <= 0xaf));
}

static void put_escaped(struct line *l, const unsigned char *s, size_t length)
{
	char e[8];

	for (size_t i = 0; i < length; i++) {
		snprintf(e, sizeof(e), l->json ? "\\u%04x" : "\\x%02x", s[i]);
		put_text(l, e);
	}
}

/* One character of a quoted value; gives its length. */
static size_t put_char(struct line *l, const unsigned char *s, size_t n)
{
	size_t length = value_utf8(s, n);

	if (!length) {
		if (l->json)
			put_text(l, "\\ufffd");
		else
			put_escaped(l, s, 1);
		return 1;
	}
	if (*s == '"' || *s == '\\')
		put(l, "\\", 1);
	if (!treacherous(s, length))
		put(l, (const char *)s, length);
	else if (l->json && length > 1)
		put_text(l, "\\ufffd");
	else
		put_escaped(l, s, length);
	return length;
}

static void put_str(struct line *l, const char *s)
{
	size_t n = strnlen(s, EVENT_TEXT_MAX);

	if (!l->json && harmless(s) && n < EVENT_TEXT_MAX) {
		put(l, s, n);
		return;
	}
	put(l, "\"", 1);
	for (size_t i = 0; i < n;)
		i += put_char(l, (const unsigned char *)s + i, n - i);
	put(l, "\"", 1);
}

static void put_json(struct line *l, const char *s)
{
	if (value_clean(s))
		put_text(l, s);
	else
		put_str(l, s);
}

static void put_number(struct line *l, enum kind kind, const uint64_t *word)
{
	char text[48];
	double real;

	if (kind == KIND_HEX) {
		snprintf(text, sizeof(text), l->json ? "\"%" PRIx64 "\"" : "%" PRIx64, *word);
	} else if (kind == KIND_UINT) {
		snprintf(text, sizeof(text), "%" PRIu64, *word);
	} else if (kind == KIND_INT) {
		snprintf(text, sizeof(text), "%" PRId64, (int64_t)*word);
	} else {
		memcpy(&real, word, sizeof(real));
		snprintf(text, sizeof(text), "%.3f", real > -1e15 && real < 1e15 ? real : 0.0);
	}
	put_text(l, text);
}

static void put_name(struct line *l, const char *name)
{
	if (l->json) {
		put_text(l, l->used ? ",\"" : "\"");
		put_text(l, name);
		put_text(l, "\":");
	} else {
		put_text(l, l->used ? " " : "");
		put_text(l, name);
		put_text(l, "=");
	}
}

/* cut=NAME, in the room kept for it; a line with more of them than fit there says so by the first ones. */
static void put_cut(struct line *l, const char *name)
{
	size_t before = l->used;

	l->full = false;
	l->room += CUT_ROOM;
	put_name(l, "cut");
	put_str(l, name);
	l->room -= CUT_ROOM;
	if (l->full)
		l->used = before;
	l->full = false;
}

/* One field; word is its value, or the pointer to its text. What does not fit leaves cut=NAME. */
static void put_field(struct line *l, const struct field *f, const uint64_t *word)
{
	size_t before = l->used;
	const char *text;

	memcpy(&text, word, sizeof(text));
	if (f->kind <= KIND_HEX && !*word)
		return;
	put_name(l, f->name);
	if (f->kind == KIND_STR)
		put_str(l, text);
	else if (f->kind == KIND_JSON)
		put_json(l, text);
	else
		put_number(l, f->kind, word);
	if (!l->full)
		return;
	l->used = before;
	put_cut(l, f->name);
}

/* The fields of an event as text; *key is the length of the first. */
static size_t format_fields(const struct event_row *row, const uint64_t *words, bool json, char *buf, size_t *key)
{
	struct line l = { .buf = buf, .room = EVENT_LINE_MAX - CUT_ROOM, .json = json };

	*key = 0;
	for (size_t i = 0; i < row->count; i++) {
		put_field(&l, &row->fields[i], &words[1 + i]);
		if (!i)
			*key = l.used;
	}
	return l.used;
}

static const char *const level_names[] = { "", "debug", "info", "warn", "error" };
static const char journal_levels[] = "77643"; /* of syslog: debug, info, warning, error */

/* 2026-11-20T13:18:53.123+00:00 */
static void put_time(struct line *l, uint64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	char date[32], zone[8], text[64];
	struct tm tm;

	localtime_r(&seconds, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	strftime(zone, sizeof(zone), "%z", &tm); /* +hhmm */
	snprintf(text, sizeof(text), "%s.%03u%.3s:%s", date, (unsigned)(wall_ms % 1000), zone, zone + 3);
	put_text(l, text);
}

/* The whole line around the fields. */
static void put_line(struct line *l, const struct event_row *row, int level, uint64_t wall_ms, const char *text, size_t n)
{
	if (log_.journal && log_.fd == STDERR_FILENO)
		put(l, (const char[]){ '<', journal_levels[level], '>' }, 3);
	put_text(l, l->json ? "{\"time\":\"" : "");
	put_time(l, wall_ms);
	put_text(l, l->json ? "\",\"level\":\"" : " ");
	put_text(l, level_names[level]);
	put_text(l, l->json ? "\",\"event\":\"" : " ");
	put_text(l, row->name);
	put_text(l, l->json ? "\"" : "");
	put_text(l, !n ? "" : l->json ? "," : " ");
	put(l, text, n);
	put_text(l, l->json ? "}\n" : "\n");
}

/* ---- output --------------------------------------------------------------------------------- */

static void write_all(int fd, const char *buf, size_t n)
{
	while (n) {
		ssize_t did = write(fd, buf, n);

		if (did > 0) {
			buf += did;
			n -= (size_t)did;
		} else if (did < 0 && errno == EAGAIN) {
			poll(&(struct pollfd){ .fd = fd, .events = POLLOUT }, 1, 1000);
		} else if (did < 0 && errno != EINTR) {
			atomic_fetch_add_explicit(&log_.dropped, 1, memory_order_relaxed);
			return;
		}
	}
}

#define LINE_ROOM (EVENT_LINE_MAX + 256)

static void write_now(const struct event_row *row, int level, const char *text, size_t n)
{
	char buf[LINE_ROOM];
	struct line l = { .buf = buf, .room = sizeof(buf), .json = atomic_load_explicit(&log_.json, memory_order_relaxed) };

	put_line(&l, row, level, clock_wall_ms(), text, n);
	write_all(log_.fd, l.buf, l.used);
}

/* ---- the ring ------------------------------------------------------------------------------- */

static struct record *record_at(uint64_t position)
{
	return (struct record *)(log_.ring + (position & (RING - 1)));
}

/* Claims size bytes in one piece; NULL if they are not free. */
static struct record *claim(size_t size)
{
	uint64_t head = atomic_load_explicit(&log_.head, memory_order_relaxed), tail, pad;

	do {
		pad = RING - (head & (RING - 1));
		pad = pad < size ? pad : 0;
		tail = atomic_load_explicit(&log_.tail, memory_order_acquire); /* R2: its bytes are cleared */
		/* Signed: others may have moved both past the head seen here, and then the swap below sees it anew. */
		if ((int64_t)(head + pad + size - tail) > (int64_t)RING)
			return NULL;
	} while (!atomic_compare_exchange_weak_explicit(
	    &log_.head, &head, head + pad + size, memory_order_relaxed, memory_order_relaxed));
	if (pad)
		atomic_store_explicit(&record_at(head)->state, pad | PAD, memory_order_release); /* W1 */
	return record_at(head + pad);
}

static void enqueue(enum event_id id, int level, const char *text, size_t n, size_t key)
{
	size_t size = (sizeof(struct record) + n + 7) & ~(size_t)7;
	struct record *r = claim(size);

	if (!r) {
		atomic_fetch_add_explicit(&log_.dropped, 1, memory_order_relaxed);
		return;
	}
	r->wall_ms = clock_wall_ms();
	r->id = (uint16_t)id;
	r->level = (uint8_t)level;
	r->length = (uint16_t)n;
	r->key_length = (uint16_t)key;
	memcpy(r->text, text, n);
	atomic_store_explicit(&r->state, size, memory_order_release); /* W1: pairs with R1 */
	sem_post(&log_.wake);
}

void event_write(enum event_id id, const void *fields)
{
	const struct event_row *row = &rows[id];
	const uint64_t *words = fields;
	char buf[EVENT_LINE_MAX];
	size_t n, key;
	int level = words[0] ? (int)words[0] : (int)row->level;

	assert(level <= EVENT_LEVEL_ERROR);
	if (level < atomic_load_explicit(&log_.least, memory_order_relaxed))
		return;
	n = format_fields(row, words, atomic_load_explicit(&log_.json, memory_order_relaxed), buf, &key);
	if (atomic_load_explicit(&log_.running, memory_order_acquire))
		enqueue(id, level, buf, n, key);
	else
		write_now(row, level, buf, n);
}

/* ---- the writer thread ---------------------------------------------------------------------- */

struct seen { /* lines of one kind in one window */
	uint64_t hash, since_ms;
	uint32_t count, over;
	uint16_t id;
	char key[48];
};

struct writer {
	struct line out;
	struct seen seen[KEYS];
	unsigned suppressing; /* entries with over > 0 */
	uint64_t told_dropped, told_ms;
};

static void flush(struct writer *w)
{
	write_all(log_.fd, w->out.buf, w->out.used);
	w->out.used = 0;
}

static void emit(struct writer *w, const struct event_row *row, int level, uint64_t wall_ms, const char *text, size_t n)
{
	if (w->out.room - w->out.used < LINE_ROOM)
		flush(w);
	w->out.json = atomic_load_explicit(&log_.json, memory_order_relaxed);
	put_line(&w->out, row, level, wall_ms, text, n);
}

/* A line of the log's own, from the writer thread. */
static void emit_own(struct writer *w, enum event_id id, const void *fields)
{
	char buf[EVENT_LINE_MAX];
	size_t key, n = format_fields(&rows[id], fields, atomic_load_explicit(&log_.json, memory_order_relaxed), buf, &key);

	emit(w, &rows[id], rows[id].level, clock_wall_ms(), buf, n);
}

static void end_window(struct writer *w, struct seen *s, uint64_t now_ms)
{
	if (s->over) {
		emit_own(w, EVENT_log_suppressed, &(const struct event_log_suppressed){ .event = rows[s->id].name, .key = s->key,
			.count = s->over, .in_ms = now_ms - s->since_ms });
		w->suppressing--;
	}
	*s = (struct seen){ 0 };
}

static uint64_t hash_of(uint16_t id, const char *key, size_t n)
{
	uint64_t h = 14695981039346656037ULL ^ id; /* FNV-1a */

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)key[i]) * 1099511628211ULL;
	return h | 1;
}

/* True if this line is one too many of its kind; counted then. */
static bool too_many(struct writer *w, const struct record *r)
{
	uint32_t burst = rows[r->id].burst;
	uint64_t hash = hash_of(r->id, r->text, r->key_length);
	struct seen *s = &w->seen[hash % KEYS];

	if (!burst)
		return false;
	if (s->hash && (s->hash != hash || r->wall_ms - s->since_ms >= WINDOW_MS))
		end_window(w, s, r->wall_ms);
	if (!s->hash) {
		*s = (struct seen){ .hash = hash, .since_ms = r->wall_ms, .id = r->id };
		snprintf(s->key, sizeof(s->key), "%.*s", (int)r->key_length, r->text);
	}
	if (++s->count <= burst)
		return false;
	w->suppressing += !s->over++;
	return true;
}

static void end_windows(struct writer *w, bool all)
{
	uint64_t now = clock_wall_ms();

	for (size_t i = 0; w->suppressing && i < KEYS; i++)
		if (w->seen[i].over && (all || now - w->seen[i].since_ms >= WINDOW_MS))
			end_window(w, &w->seen[i], now);
}

static void tell_dropped(struct writer *w, bool now)
{
	uint64_t dropped = atomic_load_explicit(&log_.dropped, memory_order_relaxed), ms = clock_wall_ms();

	if (dropped == w->told_dropped || (!now && ms - w->told_ms < 1000))
		return;
	emit_own(w, EVENT_log_dropped, &(const struct event_log_dropped){ .count = dropped - w->told_dropped });
	w->told_dropped = dropped;
	w->told_ms = ms;
}

/* Takes what is there; false once the ring is empty or its first record is not filled yet. */
static bool take(struct writer *w)
{
	uint64_t tail = atomic_load_explicit(&log_.tail, memory_order_relaxed);
	struct record *r = record_at(tail);
	uint64_t state = atomic_load_explicit(&r->state, memory_order_acquire); /* R1: pairs with W1 */
	size_t size = state & SIZE_MASK;

	if (!state)
		return false;
	if (!(state & PAD) && !too_many(w, r))
		emit(w, &rows[r->id], r->level, r->wall_ms, r->text, r->length);
	memset(r, 0, state & PAD ? sizeof(r->state) : size);
	atomic_store_explicit(&log_.tail, tail + size, memory_order_release); /* W2: pairs with R2 */
	return true;
}

static void drain(struct writer *w)
{
	while (take(w))
		;
}

static int open_file(const char *file)
{
	return *file ? open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640) : STDERR_FILENO;
}

static void reopen_now(struct writer *w)
{
	char *another = atomic_exchange_explicit(&log_.another, NULL, memory_order_acquire); /* R3: pairs with W3 */
	int fd = open_file(another ? another : log_.file);

	if (fd < 0) { /* the old one still takes lines */
		if (another)
			emit_own(w, EVENT_config_warning, &(const struct event_config_warning){ .at = another, .why = strerrordesc_np(errno) });
		free(another);
		return;
	}
	if (another) {
		free(log_.file);
		log_.file = another;
	}
	if (fd == log_.fd)
		return;
	if (log_.fd != STDERR_FILENO)
		close(log_.fd);
	log_.fd = fd;
}

/* Waits for work, at most a second while a count waits to be told. */
static void rest(const struct writer *w)
{
	struct timespec t;

	if (!w->suppressing && w->told_dropped == atomic_load_explicit(&log_.dropped, memory_order_relaxed)) {
		sem_wait(&log_.wake);
		/* Waking costs more than writing: the lines of a moment are written together. */
		if (!atomic_load_explicit(&log_.stop, memory_order_acquire))
			nanosleep(&(struct timespec){ .tv_nsec = GATHER_NS }, NULL);
	} else {
		clock_gettime(CLOCK_REALTIME, &t);
		t.tv_sec++;
		sem_timedwait(&log_.wake, &t);
	}
	while (!sem_trywait(&log_.wake))
		;
}

static void *writer_main(void *arg)
{
	static char out[OUT];
	static struct writer writer;
	struct writer *w = &writer;

	*w = (struct writer){ .out = { .buf = out, .room = OUT } };
	pthread_setname_np(pthread_self(), "kedge-log");
	while (!atomic_load_explicit(&log_.stop, memory_order_acquire)) {
		rest(w);
		if (atomic_exchange_explicit(&log_.reopen, 0, memory_order_relaxed))
			reopen_now(w);
		drain(w);
		end_windows(w, false);
		tell_dropped(w, false);
		flush(w);
	}
	drain(w);
	end_windows(w, true);
	tell_dropped(w, true);
	flush(w);
	return arg;
}

/* ---- open and close ------------------------------------------------------------------------- */

/* JOURNAL_STREAM is "device:inode" of what stderr was given by systemd. */
static bool stderr_is_journal(void)
{
	const char *text = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	return text && sscanf(text, "%llu:%llu", &device, &inode) == 2 && !fstat(STDERR_FILENO, &st) &&
	    st.st_dev == device && st.st_ino == inode;
}

static int start_thread(void)
{
	sigset_t all, old;
	int error;

	/* SIGPIPE and all others are for the threads that asked for them. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&log_.thread, NULL, writer_main, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -error;
}

int event_open(const struct event_options *o)
{
	int rc = -ENOMEM;

	assert(!atomic_load_explicit(&log_.running, memory_order_relaxed));
	atomic_store_explicit(&log_.json, o->json, memory_order_relaxed);
	atomic_store_explicit(&log_.least, o->least ? o->least : EVENT_LEVEL_INFO, memory_order_relaxed);
	atomic_store_explicit(&log_.stop, 0, memory_order_relaxed);
	log_.journal = stderr_is_journal();
	log_.file = strdup(o->file && !getenv(EVENT_FOREGROUND) ? o->file : "");
	if (!log_.file)
		return rc;
	rc = open_file(log_.file);
	if (rc < 0) {
		rc = -errno;
		goto out_file;
	}
	log_.fd = rc;
	sem_init(&log_.wake, 0, 0);
	rc = start_thread();
	if (rc < 0)
		goto out_fd;
	atomic_store_explicit(&log_.running, 1, memory_order_release);
	return 0;
out_fd:
	sem_destroy(&log_.wake);
	if (log_.fd != STDERR_FILENO)
		close(log_.fd);
	log_.fd = STDERR_FILENO;
out_file:
	free(log_.file);
	log_.file = NULL;
	return rc;
}

void event_reopen(void)
{
	if (!atomic_load_explicit(&log_.running, memory_order_acquire))
		return;
	atomic_store_explicit(&log_.reopen, 1, memory_order_relaxed);
	sem_post(&log_.wake);
}

int event_change(const struct event_options *o)
{
	char *file = strdup(o->file && !getenv(EVENT_FOREGROUND) ? o->file : "");

	if (!file)
		return -ENOMEM;
	atomic_store_explicit(&log_.json, o->json, memory_order_relaxed);
	atomic_store_explicit(&log_.least, o->least ? o->least : EVENT_LEVEL_INFO, memory_order_relaxed);
	free(atomic_exchange_explicit(&log_.another, file, memory_order_acq_rel)); /* W3: pairs with R3 */
	event_reopen();
	return 0;
}

void event_close(void)
{
	if (!atomic_exchange_explicit(&log_.running, 0, memory_order_acq_rel))
		return;
	atomic_store_explicit(&log_.stop, 1, memory_order_release);
	sem_post(&log_.wake);
	pthread_join(log_.thread, NULL);
	if (log_.fd != STDERR_FILENO)
		close(log_.fd);
	log_.fd = STDERR_FILENO;
	free(log_.file);
	log_.file = NULL;
	free(atomic_exchange_explicit(&log_.another, NULL, memory_order_acquire));
}

uint64_t event_dropped(void)
{
	return atomic_load_explicit(&log_.dropped, memory_order_relaxed);
}
