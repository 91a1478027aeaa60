// SPDX-License-Identifier: MIT
#include "sig/books/cdr.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "config/event.h"
#include "config/value.h"
#include "sig/failure.h"

#define GATHER_NS 20000000 /* records of one moment are written together */

/* ---- a record ------------------------------------------------------------------------------- */

struct cdr *cdr_new(void)
{
	struct cdr *c = calloc(1, sizeof *c);

	if (!c)
		return NULL;
	c->ttrb_ms = c->tta_ms = -1;
	c->q850 = -1;
	return c;
}

void cdr_free(struct cdr *c)
{
	if (!c)
		return;
	for (uint32_t i = 0; i < c->attempts; i++) {
		free(c->attempt[i].trunk);
		free(c->attempt[i].hop);
		free(c->attempt[i].reason);
		free(c->attempt[i].rule);
		free(c->attempt[i].timer);
	}
	free(c->attempt);
	char *text[] = { c->uuid, c->src, c->src_name, c->dst, c->in, c->trunk, c->route,
		c->profile, c->hangup_cause, c->sip_call_id[0], c->sip_call_id[1], c->codec, c->codec_out, c->video,
		c->decision };
	for (size_t i = 0; i < sizeof text / sizeof *text; i++)
		free(text[i]);
	free(c);
}

void cdr_text(char **field, const char *value)
{
	free(*field);
	*field = value && value[0] ? strndup(value, CDR_TEXT - 1) : NULL;
}

static bool attempt_room(struct cdr *c)
{
	uint32_t room = c->room ? c->room * 2 : 4;
	struct cdr_attempt *more;

	if (c->attempts < c->room)
		return true;
	more = c->attempts < CDR_ATTEMPTS ? realloc(c->attempt, room * sizeof *more) : NULL;
	if (!more)
		return false;
	c->attempt = more;
	c->room = room;
	return true;
}

struct cdr_attempt *cdr_attempt(struct cdr *c)
{
	struct cdr_attempt *a;

	if (!attempt_room(c)) {
		c->attempts_cut++;
		return NULL;
	}
	a = &c->attempt[c->attempts++];
	*a = (struct cdr_attempt){ .q850 = -1, .ring_ms = -1, .answer_ms = -1 };
	return a;
}

/* ---- words ---------------------------------------------------------------------------------- */

enum cdr_disposition cdr_disposition(uint16_t code, bool cancelled)
{
	if (cancelled)
		return CDR_CANCELLED;
	if (code >= 200 && code < 300)
		return CDR_ANSWERED;
	switch (code) {
	case 486:
	case 600:
		return CDR_BUSY;
	case 408:
	case 480:
	case 487:
		return CDR_NO_ANSWER;
	default:
		return CDR_FAILED;
	}
}

/* FreeSWITCH's words, in small letters as all of kedge's, for what Q.850 and SIP (RFC 3398 7.2.4.1)
 * say. */
static const char *q850_word(int q850)
{
	static const struct {
		int cause;
		const char *word;
	} known[] = {
		{ 1, "unallocated_number" },
		{ 16, "normal_clearing" },
		{ 17, "user_busy" },
		{ 18, "no_user_response" },
		{ 19, "no_answer" },
		{ 20, "subscriber_absent" },
		{ 21, "call_rejected" },
		{ 22, "number_changed" },
		{ 27, "destination_out_of_order" },
		{ 28, "invalid_number_format" },
		{ 31, "normal_unspecified" },
		{ 34, "normal_circuit_congestion" },
		{ 38, "network_out_of_order" },
		{ 41, "normal_temporary_failure" },
		{ 42, "switch_congestion" },
		{ 47, "requested_chan_unavail" },
		{ 57, "bearercapability_notauth" },
		{ 58, "bearercapability_notavail" },
		{ 65, "bearercapability_notimpl" },
		{ 79, "service_not_implemented" },
		{ 88, "incompatible_destination" },
		{ 102, "recovery_on_timer_expire" },
		{ 111, "protocol_error" },
		{ 127, "interworking" },
	};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (known[i].cause == q850)
			return known[i].word;
	return NULL;
}

static int q850_of(uint16_t code)
{
	unsigned cause = code < 300 ? 16 : failure_cause_of(code);

	return cause ? (int)cause : 31;
}

const char *cdr_cause(uint16_t code, int q850, bool cancelled)
{
	const char *word = cancelled ? "caller_cancel" : q850_word(q850);

	if (!word)
		word = q850_word(q850_of(code));
	return word ? word : "normal_unspecified";
}

static const char *disposition_word(const struct cdr *c)
{
	static const char *const word[] = { "FAILED", "ANSWERED", "BUSY", "NO ANSWER",
		"CANCELLED" };

	return c->disposition < sizeof word / sizeof *word ? word[c->disposition] : "FAILED";
}

static const char *ended_word(const struct cdr *c)
{
	static const char *const word[] = { NULL, "caller", "callee", "kedge" };

	return c->ended_by < sizeof word / sizeof *word ? word[c->ended_by] : NULL;
}

/* ---- JSON ----------------------------------------------------------------------------------- */

/* A string of any bytes, at most CDR_TEXT: those that are not UTF-8 become U+FFFD. */
static json_t *text_of(const char *text)
{
	char mended[CDR_TEXT * 3];
	size_t n = 0;
	json_t *s;

	if (!text)
		return json_null();
	s = json_string(text);
	for (const unsigned char *p = (const unsigned char *)text;
	     !s && *p && n + 4 < sizeof mended;) {
		size_t step = value_utf8(p, strnlen((const char *)p, 4));

		memcpy(mended + n, step ? (const char *)p : "\xef\xbf\xbd", step ? step : 3);
		n += step ? step : 3;
		p += step ? step : 1;
	}
	return s ? s : json_stringn(mended, n);
}

/* 2026-11-20T13:18:53.123+00:00 */
static json_t *time_of(uint64_t ms)
{
	time_t s = (time_t)(ms / 1000);
	char text[64], day[40];
	struct tm tm;

	if (ms == 0 || !gmtime_r(&s, &tm))
		return json_null();
	strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, sizeof text, "%s.%03u+00:00", day, (unsigned)(ms % 1000));
	return json_string(text);
}

static json_t *known_of(int64_t value)
{
	return value < 0 ? json_null() : json_integer(value);
}

static json_t *seconds_of(uint64_t ms)
{
	return json_real((double)ms / 1000.0);
}

static json_t *real_of(double v)
{
	return v > 0 ? json_real(v) : json_null();
}

static json_t *direction_json(const struct cdr_media *m)
{
	return json_pack("{sI sI sI sI sf sf so so sI sb}", "packets", (json_int_t)m->packets, "bytes",
	    (json_int_t)m->bytes, "lost", (json_int_t)m->lost, "late", (json_int_t)m->late,
	    "jitter_ms", m->jitter_ms, "max_gap_ms", m->max_gap_ms, "rtt_ms", real_of(m->rtt_ms), "mos", real_of(m->mos),
	    "far_lost", (json_int_t)m->far_lost, "one_way", m->one_way);
}

/* from_it: audio of the callee. */
static json_t *attempt_json(const struct cdr_attempt *a, const struct cdr_media *from_it)
{
	uint64_t ring = a->ring_ms >= 0 && a->start_ms ? a->start_ms + (uint64_t)a->ring_ms : 0;
	uint64_t answer =
	    a->answer_ms >= 0 && a->start_ms ? a->start_ms + (uint64_t)a->answer_ms : 0;

	return json_pack("{so so so so so so so so so sb sb so so so}", "trunk", text_of(a->trunk), "hop",
	    text_of(a->hop), "start", time_of(a->start_ms), "code",
	    known_of(a->code ? a->code : -1), "q850", known_of(a->q850), "reason",
	    text_of(a->reason), "ring_at", time_of(ring), "answer_at", time_of(answer), "pdd_ms",
	    known_of(a->ring_ms), "abandoned", a->abandoned, "skipped", a->skipped,
	    "rule", text_of(a->rule), "timer", text_of(a->timer), "media", a->media ? direction_json(from_it) : json_null());
}

static json_t *attempts_json(const struct cdr *c)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < c->attempts; i++)
		json_array_append_new(list, attempt_json(&c->attempt[i], &c->media[1]));
	return list;
}

static json_t *word_of(const char *name)
{
	return text_of(name && *name ? name : NULL);
}

static json_t *video_json(const struct cdr *c)
{
	if (!c->video)
		return json_null();
	return json_pack("{so s{sI sI} s{sI sI}}", "codec", text_of(c->video), "in", "packets", (json_int_t)c->video_packets[0], "bytes",
	    (json_int_t)c->video_bytes[0], "out", "packets", (json_int_t)c->video_packets[1], "bytes", (json_int_t)c->video_bytes[1]);
}

static json_t *media_json(const struct cdr *c)
{
	json_t *m;

	if (!c->media_known)
		return json_null();
	m = json_pack("{so so sI so so sb so so so so sI sI so}", "in", direction_json(&c->media[0]), "out",
	    direction_json(&c->media[1]), "switches", (json_int_t)c->switches, "codec",
	    text_of(c->codec), "codec_out", text_of(c->codec_out), "transcoded",
	    c->codec && c->codec_out && strcasecmp(c->codec, c->codec_out) != 0, "srtp_in", word_of(c->srtp[0]),
	    "srtp_out", word_of(c->srtp[1]), "dtmf_in", word_of(c->dtmf[0]), "dtmf_out", word_of(c->dtmf[1]), "digits",
	    (json_int_t)c->digits, "digits_lost", (json_int_t)c->digits_lost, "video", video_json(c));
	if (m && c->video_refused)
		json_object_set_new(m, "video_refused", json_string("max_video"));
	return m;
}

static json_t *uuid_json(const struct cdr *c)
{
	char id[24];

	if (c->uuid)
		return text_of(c->uuid);
	snprintf(id, sizeof id, "%016llx", (unsigned long long)c->call_id);
	return json_string(id);
}

/* As the log and `kedge calls` name it. */
static json_t *call_json(const struct cdr *c)
{
	return json_sprintf("%llx", (unsigned long long)c->call_id);
}

/* A decision record is an object, written by routing/decide. */
static bool is_json(const char *decision)
{
	return decision && decision[0] == '{';
}

static json_t *record_json(const struct cdr *c, const char *node)
{
	json_t *r = json_pack("{so so so so so so so so so so so so}", "uuid", uuid_json(c), "call",
	    call_json(c), "start", time_of(c->start_ms), "answer", time_of(c->answer_ms), "end", time_of(c->end_ms),
	    "duration", seconds_of(c->duration_ms), "billsec",
	    seconds_of(c->answer_ms ? c->billed_ms : 0), "src", text_of(c->src), "src_name",
	    text_of(c->src_name), "dst", text_of(c->dst), "disposition",
	    json_string(disposition_word(c)), "hangup_cause", text_of(c->hangup_cause));
	json_t *more = json_pack("{so so so so so so so so so so}", "code",
	    known_of(c->code ? c->code : -1), "q850", known_of(c->q850), "ended_by",
	    text_of(ended_word(c)), "in", text_of(c->in), "trunk", text_of(c->trunk), "route",
	    text_of(c->route), "profile", text_of(c->profile), "ttrb_ms", known_of(c->ttrb_ms),
	    "tta_ms", known_of(c->tta_ms), "attempts", attempts_json(c));
	json_t *rest = json_pack("{so s{so so} so so sI}", "media", media_json(c), "sip", "caller",
	    text_of(c->sip_call_id[0]), "callee", text_of(c->sip_call_id[1]), "decision",
	    is_json(c->decision) ? json_null() : text_of(c->decision), "node", text_of(node),
	    "generation", (json_int_t)c->generation);

	if (c->attempts_cut && r)
		json_object_set_new(r, "attempts_cut", json_integer(c->attempts_cut));
	if (c->test && r)
		json_object_set_new(r, "test", json_string(c->test));
	if (c->unconfirmed && r)
		json_object_set_new(r, "unconfirmed", json_true());
	if (!r || !more || !rest || json_object_update_new(r, more) ||
	    json_object_update_new(r, rest)) {
		json_decref(r);
		return NULL;
	}
	return r;
}

/* The decision record takes the place of its null: reading it only to write it again is a third of a record's cost. */
static char *put_decision(char *line, const char *decision)
{
	static const char null_there[] = "\"decision\":null";
	char *at = line ? strstr(line, null_there) : NULL;
	size_t head, n;
	char *whole;

	if (!at)
		return line;
	head = (size_t)(at - line) + sizeof(null_there) - 1 - strlen("null");
	n = strlen(line) + strlen(decision) + 1;
	whole = malloc(n);
	if (whole)
		snprintf(whole, n, "%.*s%s%s", (int)head, line, decision, line + head + strlen("null"));
	free(line);
	return whole;
}

char *cdr_line(const struct cdr *c, const char *node)
{
	json_t *r = record_json(c, node);
	char *line = r ? json_dumps(r, JSON_COMPACT | JSON_REAL_PRECISION(12)) : NULL;

	json_decref(r);
	return is_json(c->decision) ? put_decision(line, c->decision) : line;
}

/* ---- the writer ----------------------------------------------------------------------------- */

static struct {
	struct cdr *slot[CDR_RING];
	_Alignas(64) _Atomic uint64_t tail; /* SIP thread */
	_Alignas(64) _Atomic uint64_t head; /* writer */
	_Atomic uint64_t written, failed;   /* writer */
	_Atomic uint64_t full;              /* SIP thread */
	_Atomic bool stop, reopen;
	sem_t wake;
	pthread_t thread;
	bool running; /* SIP thread */
	_Atomic(char *) another; /* SIP thread -> writer: the file from now on; NULL: the same */
	/* the writer's own */
	char *file; /* "": none */
	char node[256];
	int fd;
	bool torn;   /* the last line has no end */
	bool ailing; /* the disk failed and the log was told */
} cdr = { .fd = -1 };

static void count(_Atomic uint64_t *n)
{
	atomic_store_explicit(
	    n, atomic_load_explicit(n, memory_order_relaxed) + 1, memory_order_relaxed);
}

static int file_open(const char *file)
{
	return open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
}

/* All of it, or how much of it stands in the file; errno says why. */
static size_t write_all(const char *p, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t rc = write(cdr.fd, p + done, n - done);

		if (rc < 0 && errno == EINTR)
			continue;
		if (rc <= 0)
			break;
		done += (size_t)rc;
	}
	return done;
}

/* Counts a record the disk did not take; the log hears of the first one only. */
static void disk_failed(int err)
{
	count(&cdr.failed);
	if (cdr.ailing)
		return;
	cdr.ailing = true;
	event_log(cdr_error, .file = cdr.file, .why = strerrordesc_np(err),
	    .dropped = atomic_load_explicit(&cdr.failed, memory_order_relaxed));
}

/* text has room for one byte more at each end: a line end before it where the last line was torn,
 * one behind. */
static void write_line(char *text, size_t n)
{
	size_t begin = cdr.torn ? 0 : 1, length, done;

	text[0] = '\n';
	text[n + 1] = '\n';
	length = n + 2 - begin;
	if (cdr.fd < 0)
		cdr.fd = file_open(cdr.file);
	errno = 0;
	done = cdr.fd < 0 ? 0 : write_all(text + begin, length);
	if (done == length) {
		cdr.torn = cdr.ailing = false;
		count(&cdr.written);
		return;
	}
	int err = errno ? errno : EIO;
	cdr.torn = cdr.torn || done > 0;
	disk_failed(err);
}

static void write_record(struct cdr *c)
{
	char *line, *text;
	size_t n;

	if (!cdr.file[0]) {
		cdr_free(c);
		return;
	}
	line = cdr_line(c, cdr.node);
	n = line ? strlen(line) : 0;
	text = line ? malloc(n + 2) : NULL;
	if (text) {
		memcpy(text + 1, line, n);
		write_line(text, n);
	} else {
		disk_failed(ENOMEM);
	}
	free(text);
	free(line);
	cdr_free(c);
}

/* A file that cannot be opened: the old one is written on. */
static void file_reopen(void)
{
	char *another = atomic_exchange_explicit(&cdr.another, NULL, memory_order_acquire); /* Q5: pairs with Q4 */
	const char *file = another ? another : cdr.file;
	int fd = file[0] ? file_open(file) : -1;

	if (fd < 0 && file[0]) {
		event_log(cdr_error, .file = file, .why = strerrordesc_np(errno));
		free(another);
		return;
	}
	if (another) {
		free(cdr.file);
		cdr.file = another;
	}
	if (cdr.fd >= 0)
		close(cdr.fd);
	cdr.fd = fd;
	cdr.torn = false;
}

static void drain(void)
{
	uint64_t head = atomic_load_explicit(&cdr.head, memory_order_relaxed);

	/* Q1: pairs with Q0 in cdr_submit: the record is whole. */
	while (head != atomic_load_explicit(&cdr.tail, memory_order_acquire)) {
		struct cdr *c = cdr.slot[head % CDR_RING];

		/* Q3: pairs with Q2: the slot may be used again. */
		atomic_store_explicit(&cdr.head, ++head, memory_order_release);
		write_record(c);
	}
}

/* Waking costs more than writing: what ends within a moment is written together. */
static void gather(void)
{
	static const struct timespec moment = { .tv_nsec = GATHER_NS };

	while (sem_wait(&cdr.wake) != 0)
		;
	if (!atomic_load_explicit(&cdr.stop, memory_order_acquire))
		nanosleep(&moment, NULL);
	while (sem_trywait(&cdr.wake) == 0)
		;
}

static void *writer(void *arg)
{
	pthread_setname_np(pthread_self(), "cdr");
	for (;;) {
		gather();
		bool stop = atomic_load_explicit(&cdr.stop, memory_order_acquire);
		if (atomic_exchange_explicit(&cdr.reopen, false, memory_order_relaxed))
			file_reopen();
		drain();
		if (stop)
			return arg;
	}
}

/* The writer takes no signal: those are the main loop's. */
static int writer_start(void)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&cdr.thread, NULL, writer, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -err;
}

static void file_close(void)
{
	if (cdr.fd >= 0)
		close(cdr.fd);
	cdr.fd = -1;
	free(cdr.file);
	cdr.file = NULL;
	free(atomic_exchange_explicit(&cdr.another, NULL, memory_order_acquire));
}

int cdr_open(const char *file, const char *node)
{
	int err;

	if (!node && gethostname(cdr.node, sizeof cdr.node - 1))
		cdr.node[0] = 0;
	if (node)
		snprintf(cdr.node, sizeof cdr.node, "%s", node);
	cdr.file = strdup(file);
	cdr.fd = cdr.file && file[0] ? file_open(file) : -1;
	err = !cdr.file ? -ENOMEM : cdr.fd < 0 && file[0] ? -errno : 0;
	if (err)
		goto out_file;
	cdr.torn = cdr.ailing = false;
	atomic_store_explicit(&cdr.stop, false, memory_order_relaxed);
	sem_init(&cdr.wake, 0, 0);
	err = writer_start();
	if (err)
		goto out_sem;
	cdr.running = true;
	return 0;
out_sem:
	sem_destroy(&cdr.wake);
out_file:
	file_close();
	return err;
}

void cdr_reopen(void)
{
	if (!cdr.running)
		return;
	atomic_store_explicit(&cdr.reopen, true, memory_order_relaxed);
	sem_post(&cdr.wake);
}

int cdr_change(const char *file)
{
	char *another = strdup(file);

	if (!another)
		return -ENOMEM;
	free(atomic_exchange_explicit(&cdr.another, another, memory_order_acq_rel)); /* Q4: pairs with Q5 */
	cdr_reopen();
	return 0;
}

void cdr_close(void)
{
	if (!cdr.running)
		return;
	cdr.running = false;
	atomic_store_explicit(&cdr.stop, true, memory_order_release);
	sem_post(&cdr.wake);
	pthread_join(cdr.thread, NULL);
	sem_destroy(&cdr.wake);
	file_close();
}

bool cdr_submit(struct cdr *c)
{
	uint64_t tail = atomic_load_explicit(&cdr.tail, memory_order_relaxed);

	/* Q2: pairs with Q3 in drain: what was there has been taken. */
	if (!cdr.running ||
	    tail - atomic_load_explicit(&cdr.head, memory_order_acquire) == CDR_RING) {
		count(&cdr.full);
		cdr_free(c);
		return false;
	}
	cdr.slot[tail % CDR_RING] = c;
	/* Q0: pairs with Q1 in drain. */
	atomic_store_explicit(&cdr.tail, tail + 1, memory_order_release);
	sem_post(&cdr.wake);
	return true;
}

void cdr_count(struct cdr_counts *n)
{
	n->written = atomic_load_explicit(&cdr.written, memory_order_relaxed);
	n->dropped = atomic_load_explicit(&cdr.full, memory_order_relaxed) +
	             atomic_load_explicit(&cdr.failed, memory_order_relaxed);
}
