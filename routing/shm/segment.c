// SPDX-License-Identifier: MIT
#include "routing/shm/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/clock.h"
#include "routing/shm/queue.h"

#define HEAD_SIZE  4096
#define SEALS      (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)
#define BEAT_STALE CLOCK_NS_PER_S /* ten beats missed */

__attribute__((format(printf, 3, 4))) static int fail(
    struct segment *seg, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(seg->why, sizeof(seg->why), fmt, ap);
	va_end(ap);
	return -err;
}

/* ---- the layout, from the counts alone ---- */

static uint64_t part(uint64_t *end, uint64_t n, uint64_t size)
{
	uint64_t off = *end;

	*end = (off + n * size + HEAD_SIZE - 1) / HEAD_SIZE * HEAD_SIZE;
	return off;
}

static void lay_out_public(struct kedge_public_head *h, const struct segment_shape *s)
{
	uint64_t end = HEAD_SIZE;

	h->magic = KEDGE_PUBLIC_MAGIC;
	h->version = KEDGE_LAYOUT_VERSION;
	h->head_size = HEAD_SIZE;
	h->workers = s->workers;
	h->hop_count = s->hops;
	h->slots = s->slots;
	h->net_count = s->nets;
	h->sizeof_counters = sizeof(struct kedge_sig_counters);
	h->sizeof_worker = sizeof(struct kedge_worker);
	h->sizeof_hop = sizeof(struct kedge_hop);
	h->sizeof_stats = sizeof(struct kedge_stats);
	h->counters_off = part(&end, 1, h->sizeof_counters);
	h->worker_off = part(&end, s->workers, h->sizeof_worker);
	h->hop_off = part(&end, s->hops, h->sizeof_hop);
	h->stats_off = part(&end, s->slots, h->sizeof_stats);
	h->size = end;
}

static void lay_out_private(struct kedge_private_head *h, const struct segment_shape *s)
{
	uint64_t end = HEAD_SIZE;

	h->magic = KEDGE_PRIVATE_MAGIC;
	h->version = KEDGE_LAYOUT_VERSION;
	h->head_size = HEAD_SIZE;
	h->workers = s->workers;
	h->slots = s->slots;
	h->port_count = s->ports;
	h->net_count = s->nets;
	h->listener_count = s->listeners;
	h->sizeof_session = sizeof(struct kedge_session);
	h->sizeof_record = sizeof(struct kedge_record);
	h->sizeof_queues = sizeof(struct kedge_worker_queues);
	h->sizeof_session_more = sizeof(struct kedge_session_more);
	h->sizeof_record_more = sizeof(struct kedge_record_more);
	h->listener_off = part(&end, s->listeners, sizeof(struct kedge_listener));
	h->port_off = part(&end, s->ports, sizeof(struct kedge_port));
	h->session_off = part(&end, s->slots, h->sizeof_session);
	h->record_off = part(&end, s->slots, h->sizeof_record);
	h->queue_off = part(&end, s->workers, h->sizeof_queues);
	h->session_more_off = part(&end, s->slots, h->sizeof_session_more);
	h->record_more_off = part(&end, s->slots, h->sizeof_record_more);
	h->size = end;
}

static int check_shape(struct segment *seg, const struct segment_shape *s)
{
	const struct {
		const char *name;
		uint32_t value, min, max;
	} row[] = {
		{ "workers", s->workers, 1, KEDGE_WORKERS_MAX },
		{ "hops", s->hops, 1, KEDGE_HOPS_MAX },
		{ "slots", s->slots, 1, KEDGE_SLOTS_MAX },
		{ "port pairs", s->ports, 0, KEDGE_PORTS_MAX },
		{ "media addresses", s->nets, 0, KEDGE_NETS_MAX },
		{ "listeners", s->listeners, 0, KEDGE_LISTEN_MAX },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		if (row[i].value < row[i].min || row[i].value > row[i].max)
			return fail(seg, EINVAL, "segment of %u %s: must be %u to %u", row[i].value,
			    row[i].name, row[i].min, row[i].max);
	return 0;
}

/* ---- create ---- */

/* Sealed once it has its size: a file that shrinks under its mapping would kill both planes (SIGBUS). Memfds are born
 * 0777, which anyone with /proc access could reopen. */
static int make_memfd(struct segment *seg, const char *name, uint64_t size)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return fail(seg, errno, "memfd %s: %s", name, strerror(errno));
	if (fchmod(fd, 0640) < 0 || ftruncate(fd, (off_t)size) < 0 ||
	    fcntl(fd, F_ADD_SEALS, SEALS) < 0) {
		int err = errno;

		close(fd);
		return fail(
		    seg, err, "memfd %s of %" PRIu64 " bytes: %s", name, size, strerror(err));
	}
	return fd;
}

static void *map(int fd, uint64_t size, int prot)
{
	void *p = mmap(NULL, size, prot, MAP_SHARED, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

static int map_private(struct segment *seg, uint64_t size)
{
	seg->priv = map(seg->priv_fd, size, PROT_READ | PROT_WRITE);
	if (!seg->priv)
		return fail(
		    seg, errno, "mapping %" PRIu64 " private bytes: %s", size, strerror(errno));
	madvise(seg->priv, size, MADV_DONTDUMP); /* keys lie here: never in a core file */
	return 0;
}

static int map_public(struct segment *seg, uint64_t size)
{
	int prot = seg->role == SEGMENT_TOOL ? PROT_READ : PROT_READ | PROT_WRITE;

	seg->pub = map(seg->pub_fd, size, prot);
	if (!seg->pub)
		return fail(
		    seg, errno, "mapping %" PRIu64 " public bytes: %s", size, strerror(errno));
	return 0;
}

int segment_create(struct segment *seg, const struct segment_shape *shape)
{
	struct kedge_public_head pub = { 0 };
	struct kedge_private_head priv = { 0 };
	int rc;

	memset(seg, 0, sizeof(*seg));
	seg->role = SEGMENT_RUN;
	seg->pub_fd = seg->priv_fd = -1;
	rc = check_shape(seg, shape);
	if (rc < 0)
		return rc;
	lay_out_public(&pub, shape);
	lay_out_private(&priv, shape);
	if (getrandom(pub.boot_id, sizeof(pub.boot_id), 0) != sizeof(pub.boot_id))
		return fail(seg, EIO, "no random bytes for the boot id");
	memcpy(priv.boot_id, pub.boot_id, sizeof(priv.boot_id));
	pub.created_wall_ms = clock_wall_ms();
	for (int i = 0; i < KEDGE_WORKERS_MAX; i++)
		priv.worker_eventfd[i] = -1;
	priv.sig_eventfd = -1;

	rc = seg->pub_fd = make_memfd(seg, "kedge-public", pub.size);
	if (rc >= 0)
		rc = seg->priv_fd = make_memfd(seg, "kedge-private", priv.size);
	if (rc >= 0)
		rc = map_public(seg, pub.size);
	if (rc >= 0)
		rc = map_private(seg, priv.size);
	if (rc < 0) {
		segment_detach(seg);
		return rc;
	}
	/* The atomics inside are all zero, which is what the fresh pages hold. */
	memcpy(seg->pub, &pub, offsetof(struct kedge_public_head, run));
	memcpy(seg->priv, &priv, sizeof(priv));
	return 0;
}

void segment_detach(struct segment *seg)
{
	if (seg->pub)
		munmap(seg->pub, seg->pub->size);
	if (seg->priv)
		munmap(seg->priv, seg->priv->size);
	if (seg->role == SEGMENT_RUN && seg->pub_fd >= 0)
		close(seg->pub_fd);
	if (seg->role == SEGMENT_RUN && seg->priv_fd >= 0)
		close(seg->priv_fd);
	seg->pub = NULL;
	seg->priv = NULL;
	seg->pub_fd = seg->priv_fd = -1;
}

int segment_readonly_fd(const struct segment *seg)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", seg->pub_fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* ---- attach: believe nothing ---- */

static int file_size(struct segment *seg, int fd, const char *part_name, uint64_t *size)
{
	struct stat st;
	int seals;

	if (fstat(fd, &st) < 0)
		return fail(
		    seg, errno, "%s part, descriptor %d: %s", part_name, fd, strerror(errno));
	seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0 || (seals & SEALS) != SEALS)
		return fail(
		    seg, EINVAL, "%s part, descriptor %d: not a sealed memfd", part_name, fd);
	if (st.st_size < HEAD_SIZE)
		return fail(seg, EINVAL, "%s part has %jd bytes: too short for a head", part_name,
		    (intmax_t)st.st_size);
	*size = (uint64_t)st.st_size;
	return 0;
}

static int check_head(
    struct segment *seg, const char *part_name, uint64_t magic, uint64_t want, uint32_t version)
{
	if (magic != want)
		return fail(seg, EINVAL, "%s part: no kedge segment (magic %016" PRIx64 ")",
		    part_name, magic);
	if (version != KEDGE_LAYOUT_VERSION)
		return fail(seg, EPROTO,
		    "%s part has layout %u, this program layout %d: start both from one build",
		    part_name, version, KEDGE_LAYOUT_VERSION);
	return 0;
}

#define SAME(seg, part_name, have, want, field)                                                    \
	do {                                                                                       \
		if ((have)->field != (want)->field)                                                \
			return fail((seg), EINVAL,                                                 \
			    "%s part: " #field " is %" PRIu64 ", must be %" PRIu64, part_name,     \
			    (uint64_t)(have)->field, (uint64_t)(want)->field);                     \
	} while (0)

static int check_public(struct segment *seg, uint64_t size, const struct segment_shape *shape)
{
	const struct kedge_public_head *have = seg->pub;
	struct kedge_public_head want = { 0 };

	lay_out_public(&want, shape);
	SAME(seg, "public", have, &want, head_size);
	SAME(seg, "public", have, &want, sizeof_counters);
	SAME(seg, "public", have, &want, sizeof_worker);
	SAME(seg, "public", have, &want, sizeof_hop);
	SAME(seg, "public", have, &want, sizeof_stats);
	SAME(seg, "public", have, &want, counters_off);
	SAME(seg, "public", have, &want, worker_off);
	SAME(seg, "public", have, &want, hop_off);
	SAME(seg, "public", have, &want, stats_off);
	SAME(seg, "public", have, &want, size);
	if (size != want.size)
		return fail(seg, EINVAL, "public part has %" PRIu64 " bytes, must have %" PRIu64,
		    size, want.size);
	return 0;
}

static int check_private(struct segment *seg, uint64_t size, const struct segment_shape *shape)
{
	const struct kedge_private_head *have = seg->priv;
	struct kedge_private_head want = { 0 };

	lay_out_private(&want, shape);
	SAME(seg, "private", have, &want, head_size);
	SAME(seg, "private", have, &want, workers);
	SAME(seg, "private", have, &want, slots);
	SAME(seg, "private", have, &want, net_count);
	SAME(seg, "private", have, &want, sizeof_session);
	SAME(seg, "private", have, &want, sizeof_record);
	SAME(seg, "private", have, &want, sizeof_queues);
	SAME(seg, "private", have, &want, sizeof_session_more);
	SAME(seg, "private", have, &want, sizeof_record_more);
	SAME(seg, "private", have, &want, listener_off);
	SAME(seg, "private", have, &want, port_off);
	SAME(seg, "private", have, &want, session_off);
	SAME(seg, "private", have, &want, record_off);
	SAME(seg, "private", have, &want, queue_off);
	SAME(seg, "private", have, &want, session_more_off);
	SAME(seg, "private", have, &want, record_more_off);
	SAME(seg, "private", have, &want, size);
	if (size != want.size)
		return fail(seg, EINVAL, "private part has %" PRIu64 " bytes, must have %" PRIu64,
		    size, want.size);
	return 0;
}

static int check_ports(struct segment *seg)
{
	const struct kedge_private_head *h = seg->priv;

	for (uint32_t i = 0; i < h->port_count; i++) {
		const struct kedge_port *p = segment_port(seg, i);

		if (p->net >= h->net_count || p->worker >= h->workers)
			return fail(seg, EINVAL,
			    "port pair %u names address %u of %u, worker %u of %u", i, p->net,
			    h->net_count, p->worker, h->workers);
	}
	return 0;
}

/* One end of every queue is the attacher's own and stands still, so both loads are of one moment. */
static int check_queue(struct segment *seg, const struct kedge_queue *q, const char *name, uint32_t worker)
{
	uint64_t head = atomic_load_explicit(&q->head, memory_order_acquire); /* pairs with Q2 */
	uint64_t tail = atomic_load_explicit(&q->tail, memory_order_acquire); /* pairs with Q1 */

	if (head > tail || tail - head > KEDGE_QUEUE_SLOTS)
		return fail(seg, EINVAL,
		    "%s queue of worker %u: head %" PRIu64 ", tail %" PRIu64 ": 0 to %d may wait", name,
		    worker, head, tail, KEDGE_QUEUE_SLOTS);
	return 0;
}

static int check_queues(struct segment *seg)
{
	int rc = 0;

	for (uint32_t w = 0; rc == 0 && w < seg->priv->workers; w++) {
		rc = check_queue(seg, &segment_queues(seg, w)->cmd, "command", w);
		if (rc == 0)
			rc = check_queue(seg, &segment_queues(seg, w)->evt, "event", w);
		for (uint32_t n = 0; rc == 0 && n < seg->priv->net_count; n++)
			rc = check_queue(seg, segment_free(seg, w, n), "free port", w);
	}
	return rc;
}

static bool alive(const struct kedge_beat *b)
{
	uint64_t beat = atomic_load_explicit(&b->beat_ns, memory_order_relaxed);
	uint32_t pid = atomic_load_explicit(&b->pid, memory_order_relaxed);

	if (pid == 0 || pid == (uint32_t)getpid() || clock_mono_ns() - beat > BEAT_STALE)
		return false;
	return kill((pid_t)pid, 0) == 0 || errno == EPERM;
}

static int check_alone(struct segment *seg)
{
	const struct kedge_beat *b = seg->role == SEGMENT_SIG ? &seg->pub->sig : seg->pub->worker;
	uint32_t n = seg->role == SEGMENT_SIG ? 1 : seg->pub->workers;

	for (uint32_t i = 0; i < n; i++)
		if (alive(&b[i]))
			return fail(seg, EBUSY, "process %u already serves this segment as %s",
			    atomic_load_explicit(&b[i].pid, memory_order_relaxed),
			    seg->role == SEGMENT_SIG ? "kedge-sig" : "kedge-media");
	return 0;
}

static int attach_public(struct segment *seg, struct segment_shape *shape)
{
	uint64_t size;
	int rc = file_size(seg, seg->pub_fd, "public", &size);

	if (rc == 0)
		rc = map_public(seg, size);
	if (rc < 0)
		return rc;
	rc = check_head(seg, "public", seg->pub->magic, KEDGE_PUBLIC_MAGIC, seg->pub->version);
	if (rc < 0)
		goto out;
	shape->workers = seg->pub->workers;
	shape->hops = seg->pub->hop_count;
	shape->slots = seg->pub->slots;
	shape->nets = seg->pub->net_count;
	rc = check_shape(seg, shape);
	if (rc == 0)
		rc = check_public(seg, size, shape);
out:
	if (rc < 0) { /* the size in a head that is not believed is not for segment_detach */
		munmap(seg->pub, size);
		seg->pub = NULL;
	}
	return rc;
}

static int attach_private(struct segment *seg, struct segment_shape *shape)
{
	uint64_t size;
	int rc = file_size(seg, seg->priv_fd, "private", &size);

	if (rc == 0)
		rc = map_private(seg, size);
	if (rc < 0)
		return rc;
	rc = check_head(seg, "private", seg->priv->magic, KEDGE_PRIVATE_MAGIC, seg->priv->version);
	if (rc < 0)
		goto out;
	shape->ports = seg->priv->port_count;
	shape->listeners = seg->priv->listener_count;
	rc = check_shape(seg, shape);
	if (rc == 0)
		rc = check_private(seg, size, shape);
	if (rc == 0)
		rc = check_ports(seg);
	if (rc == 0)
		rc = check_queues(seg);
	if (rc == 0 &&
	    memcmp(seg->pub->boot_id, seg->priv->boot_id, sizeof(seg->pub->boot_id)) != 0)
		rc = fail(seg, EINVAL, "the two parts are of different segments (boot ids differ)");
out:
	if (rc < 0) {
		munmap(seg->priv, size);
		seg->priv = NULL;
	}
	return rc;
}

/* ---- mending what a dead writer left (the table in segment.h) ---- */

static uint32_t mend_hop(struct kedge_hop *hop)
{
	static const struct kedge_hop_id no_id;
	static const struct kedge_hop_health no_health;
	uint32_t n = 0;

	if (seq_torn(&hop->id)) {
		seq_mend(&hop->id, &no_id);
		n++;
	}
	if (seq_torn(&hop->health)) {
		seq_mend(&hop->health, &no_health);
		n++;
	}
	return n;
}

static uint32_t mend_anchor(struct kedge_session *s)
{
	uint64_t done =
	    atomic_load_explicit(&s->done, memory_order_acquire); /* pairs with media's release */
	struct kedge_anchor a;

	if (!seq_torn(&s->want))
		return 0;
	seq_peek_torn(&s->want, &a);
	if (done != ((uint64_t)a.generation << 8 | KEDGE_DONE_OPEN)) {
		a.state = a.generation ? KEDGE_SLOT_CLOSED : KEDGE_SLOT_FREE;
		a.live = KEDGE_LIVE_NONE;
	}
	seq_mend(&s->want, &a);
	return 1;
}

static uint32_t mend_end_sig(struct kedge_end_slot *e)
{
	static const struct kedge_keys no_keys;
	struct kedge_end end;
	uint32_t n = 0;

	if (seq_torn(&e->want)) {
		seq_peek_torn(&e->want, &end);
		memset(&end.rtp, 0, sizeof(end.rtp));
		memset(&end.rtcp, 0, sizeof(end.rtcp));
		memset(end.learn, 0, sizeof(end.learn));
		seq_mend(&e->want, &end);
		n++;
	}
	if (seq_torn(&e->keys)) {
		seq_mend(&e->keys, &no_keys);
		n++;
	}
	return n;
}

static uint32_t mend_end_media(struct kedge_end_slot *e)
{
	static const struct kedge_latched nothing;

	if (!seq_torn(&e->latched))
		return 0;
	seq_mend(&e->latched, &nothing);
	return 1;
}

static uint32_t mend_slot(const struct segment *seg, uint32_t slot)
{
	uint32_t (*mend_end)(struct kedge_end_slot *) =
	    seg->role == SEGMENT_SIG ? mend_end_sig : mend_end_media;
	unsigned ends = segment_has_more(seg, slot) ? KEDGE_OUT_MAX : KEDGE_OUT_NEAR;
	uint32_t n = mend_end(segment_end(seg, slot, KEDGE_END_INSIDE));

	for (unsigned e = 0; e < ends; e++)
		n += mend_end(segment_end(seg, slot, e));
	if (seg->role == SEGMENT_SIG)
		n += mend_anchor(segment_session(seg, slot));
	return n;
}

static void mend(struct segment *seg)
{
	if (seg->role == SEGMENT_SIG)
		for (uint32_t i = 0; i < seg->pub->hop_count; i++)
			seg->mended += mend_hop(segment_hop(seg, i));
	for (uint32_t i = segment_next_used(seg, 0); i < seg->pub->slots;
	     i = segment_next_used(seg, i + 1))
		seg->mended += mend_slot(seg, i);
}

int segment_attach(struct segment *seg, int pub_fd, int priv_fd, enum segment_role role)
{
	struct segment_shape shape = { 0 };
	int rc;

	assert(role != SEGMENT_RUN);
	memset(seg, 0, sizeof(*seg));
	seg->role = role;
	seg->pub_fd = pub_fd;
	seg->priv_fd = role == SEGMENT_TOOL ? -1 : priv_fd;
	rc = attach_public(seg, &shape);
	if (rc == 0 && role != SEGMENT_TOOL)
		rc = attach_private(seg, &shape);
	if (rc == 0 && role != SEGMENT_TOOL && role != SEGMENT_SPARE)
		rc = check_alone(seg);
	if (rc < 0) {
		segment_detach(seg);
		return rc;
	}
	if (role != SEGMENT_TOOL && role != SEGMENT_SPARE)
		mend(seg);
	return 0;
}

void segment_take(struct segment *seg)
{
	assert(seg->role == SEGMENT_SPARE);
	seg->role = SEGMENT_MEDIA;
	mend(seg);
}

/* ---- what else needs the descriptor or the clock ---- */

void segment_beat_start(struct kedge_beat *beat, uint64_t now_ns, uint64_t wall_ms)
{
	uint32_t starts = atomic_load_explicit(&beat->starts, memory_order_relaxed);

	atomic_store_explicit(&beat->pid, (uint32_t)getpid(), memory_order_relaxed);
	atomic_store_explicit(&beat->started_wall_ms, wall_ms, memory_order_relaxed);
	atomic_store_explicit(&beat->starts, starts + 1, memory_order_relaxed);
	atomic_store_explicit(&beat->state, KEDGE_PLANE_STARTING, memory_order_relaxed);
	atomic_store_explicit(&beat->beat_ns, now_ns, memory_order_relaxed);
}

/* The offset of the first byte at or behind off that has a page; the file's end for none. Where the kernel cannot
 * tell, everything counts as written. */
static uint64_t next_data(const struct segment *seg, uint64_t off)
{
	off_t at = lseek(seg->priv_fd, (off_t)off, SEEK_DATA);

	if (at < 0)
		return errno == ENXIO ? seg->priv->size : off;
	return (uint64_t)at;
}

uint32_t segment_next_used(const struct segment *seg, uint32_t slot)
{
	const struct kedge_private_head *h = seg->priv;
	uint64_t off, at, next;

	if (slot >= h->slots)
		return h->slots;
	off = h->session_off + (uint64_t)slot * sizeof(struct kedge_session);
	at = next_data(seg, off);
	/* A page may begin inside a session: that session counts. */
	next = (at - h->session_off) / sizeof(struct kedge_session);
	return next < h->slots ? (uint32_t)next : h->slots;
}

bool segment_has_more(const struct segment *seg, uint32_t slot)
{
	uint64_t off =
	    seg->priv->session_more_off + (uint64_t)slot * sizeof(struct kedge_session_more);

	return next_data(seg, off) < off + sizeof(struct kedge_session_more);
}
