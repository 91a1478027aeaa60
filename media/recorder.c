// SPDX-License-Identifier: MIT
#include "media/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "config/clock.h"
#include "config/event.h"
#include "media/pcap.h"

#define IDLE_NS  (10 * CLOCK_NS_PER_MS)
#define SWEEP_NS (500 * CLOCK_NS_PER_MS) /* buffers are written, files of closed sessions closed */
#define END_S    1
#define TAKE     4096 /* notes of one tap, then the next one's */

struct file {
	struct file *next;
	int fd; /* -1: it could not be opened: its packets are lost */
	uint32_t slot, generation;
	uint64_t call_id;
	uint64_t wall_ns; /* CLOCK_REALTIME - CLOCK_MONOTONIC when it was opened: times within a file never jump */
	off_t size;       /* whole packets */
	bool over;        /* its session was closed at the last sweep */
	struct tap *tap;
	uint32_t used, packets;
	uint8_t buffer[RECORDER_BUFFER];
};

struct recorder {
	const struct segment *seg;
	const char *dir;
	pthread_t thread;
	_Atomic bool stop;
	bool told;           /* that a file cannot be written */
	struct file *files;
	struct file **by_slot;
	uint64_t swept_ns;
	uint32_t taps;
	struct tap tap[];
};

static void add(_Atomic uint64_t *word, uint64_t n)
{
	atomic_store_explicit(word, atomic_load_explicit(word, memory_order_relaxed) + n, memory_order_relaxed);
}

/* ---- one file -------------------------------------------------------------------------------- */

/* The number as the log, `kedge calls` and "call" of the CDR have it: without zeros in front. */
static void path_of(const struct recorder *r, uint64_t call_id, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%llx.pcap", r->dir, (unsigned long long)call_id);
}

static void complain(struct recorder *r, const struct file *f, int err)
{
	char path[PATH_MAX];

	if (r->told)
		return;
	r->told = true;
	path_of(r, f->call_id, path);
	event_log(record_error, .file = path, .why = strerrordesc_np(err));
}

/* What a file begins with goes before its first packet, whenever that can be written. */
static void empty_buffer(struct file *f)
{
	f->used = f->packets = 0;
	if (f->size != 0)
		return;
	pcap_file_head(f->buffer);
	f->used = PCAP_FILE_HEAD;
}

/* Half a packet at the end would hide all that comes behind it. */
static void flush_file(struct recorder *r, struct file *f)
{
	ssize_t n;

	if (f->packets == 0)
		return;
	n = f->fd >= 0 ? write(f->fd, f->buffer, f->used) : -1;
	if (n == (ssize_t)f->used) {
		f->size += n;
		r->told = false;
		add(&f->tap->written, f->packets);
	} else {
		if (f->fd >= 0)
			complain(r, f, n < 0 ? errno : ENOSPC);
		if (n > 0 && ftruncate(f->fd, f->size) < 0)
			complain(r, f, errno);
		add(&f->tap->failed, f->packets);
	}
	empty_buffer(f);
}

static uint64_t wall_offset(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * CLOCK_NS_PER_S + (uint64_t)ts.tv_nsec - clock_mono_ns();
}

static void begin_file(struct recorder *r, struct file *f)
{
	char path[PATH_MAX];
	struct stat st;

	path_of(r, f->call_id, path);
	f->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (f->fd < 0 || fstat(f->fd, &st) < 0) {
		complain(r, f, errno);
		return;
	}
	f->size = st.st_size;
	empty_buffer(f);
}

static struct file *file_open(struct recorder *r, const struct tap_note *n, struct tap *tap)
{
	struct file *f = malloc(sizeof(*f));

	if (f == NULL)
		return NULL;
	*f = (struct file){ .next = r->files, .fd = -1, .slot = n->slot, .generation = n->generation, .call_id = n->call_id,
		.wall_ns = wall_offset(), .tap = tap };
	begin_file(r, f);
	r->files = r->by_slot[n->slot] = f;
	return f;
}

static void file_close(struct recorder *r, struct file **at)
{
	struct file *f = *at;

	flush_file(r, f);
	if (f->fd >= 0)
		close(f->fd);
	if (r->by_slot[f->slot] == f)
		r->by_slot[f->slot] = NULL;
	*at = f->next;
	free(f);
}

/* A slot's next session may speak before the sweep saw the end of the last one: the older file waits for that. */
static struct file *file_of(struct recorder *r, const struct tap_note *n, struct tap *tap)
{
	struct file *f = r->by_slot[n->slot];

	return f != NULL && f->generation == n->generation ? f : file_open(r, n, tap);
}

static void record(struct recorder *r, struct tap *tap, const struct tap_note *n)
{
	const uint8_t *data = (const uint8_t *)(n + 1);
	struct file *f = file_of(r, n, tap);
	uint8_t head[PCAP_PACKET_HEAD];
	size_t size;

	if (f == NULL) {
		add(&tap->failed, 1);
		return;
	}
	size = pcap_packet_head(head, n->at_ns + f->wall_ns, &n->from, &n->to, data, n->len);
	if (size == 0 || size + n->len > sizeof(f->buffer)) {
		add(&tap->failed, 1);
		return;
	}
	if (f->used + size + n->len > sizeof(f->buffer))
		flush_file(r, f);
	memcpy(f->buffer + f->used, head, size);
	memcpy(f->buffer + f->used + size, data, n->len);
	f->used += (uint32_t)(size + n->len);
	f->packets++;
}

/* ---- the thread ------------------------------------------------------------------------------ */

static bool is_over(const struct recorder *r, const struct file *f)
{
	uint64_t done = atomic_load_explicit(&segment_session(r->seg, f->slot)->done, memory_order_acquire);

	return done != ((uint64_t)f->generation << 8 | KEDGE_DONE_OPEN);
}

/* Closed at the second sweep that finds the session closed: what its tap still held is written by then. */
static void sweep(struct recorder *r)
{
	for (struct file **at = &r->files; *at != NULL;) {
		struct file *f = *at;
		bool over = f->over;

		f->over = is_over(r, f);
		if (over && f->over) {
			file_close(r, at);
			continue;
		}
		flush_file(r, f);
		if (f->fd < 0) /* perhaps there is room again, or the directory */
			begin_file(r, f);
		at = &f->next;
	}
	r->swept_ns = clock_mono_ns();
}

static bool drain(struct recorder *r, struct tap *tap)
{
	const struct tap_note *n;
	int taken = 0;

	while (taken < TAKE && (n = tap_next(tap)) != NULL) {
		if (n->slot < r->seg->pub->slots)
			record(r, tap, n);
		tap_done(tap, n);
		taken++;
	}
	return taken != 0;
}

static void *run(void *arg)
{
	static const struct timespec idle = { .tv_nsec = IDLE_NS };
	struct recorder *r = arg;

	for (;;) {
		bool last = atomic_load_explicit(&r->stop, memory_order_acquire), any = false;

		for (uint32_t i = 0; i < r->taps; i++)
			any |= drain(r, &r->tap[i]);
		if (clock_mono_ns() - r->swept_ns >= SWEEP_NS)
			sweep(r);
		if (!any && last)
			break;
		if (!any)
			nanosleep(&idle, NULL);
	}
	while (r->files != NULL)
		file_close(r, &r->files);
	return NULL;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void recorder_free(struct recorder *r)
{
	for (uint32_t i = 0; i < r->taps; i++)
		tap_fini(&r->tap[i]);
	free(r->by_slot);
	free(r);
}

struct recorder *recorder_open(const struct segment *seg, const char *dir, int *err)
{
	uint32_t workers = seg->pub->workers;
	size_t size = sizeof(struct recorder) + workers * sizeof(struct tap);
	struct recorder *r = aligned_alloc(KEDGE_LINE, (size + KEDGE_LINE - 1) / KEDGE_LINE * KEDGE_LINE);

	*err = -ENOMEM;
	if (r == NULL)
		return NULL;
	memset(r, 0, size);
	r->seg = seg;
	r->dir = dir;
	r->by_slot = calloc(seg->pub->slots, sizeof(*r->by_slot));
	while (r->by_slot != NULL && r->taps < workers && tap_init(&r->tap[r->taps]) == 0)
		r->taps++;
	if (r->taps == workers)
		*err = -pthread_create(&r->thread, NULL, run, r);
	if (*err == 0)
		return r;
	recorder_free(r);
	return NULL;
}

struct tap *recorder_tap(struct recorder *r, uint32_t worker)
{
	return &r->tap[worker];
}

bool recorder_close(struct recorder *r)
{
	struct timespec until;

	if (r == NULL)
		return true;
	atomic_store_explicit(&r->stop, true, memory_order_release);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += END_S;
	if (pthread_timedjoin_np(r->thread, NULL, &until) != 0)
		return false;
	recorder_free(r);
	return true;
}
