// SPDX-License-Identifier: MIT
#include "media/tap.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "media/worker.h"

int tap_init(struct tap *t)
{
	memset(t, 0, sizeof(*t));
	t->ring = mmap(NULL, TAP_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (t->ring != MAP_FAILED)
		return 0;
	t->ring = NULL;
	return -ENOMEM;
}

void tap_fini(struct tap *t)
{
	if (t->ring != NULL)
		munmap(t->ring, TAP_BYTES);
}

/* ---- the producer ---------------------------------------------------------------------------- */

static bool has_room(struct tap *t, uint64_t tail, uint32_t bytes)
{
	if (tail + bytes - t->known_head <= TAP_BYTES)
		return true;
	t->known_head = atomic_load_explicit(&t->head, memory_order_acquire); /* T2: pairs with T3 */
	return tail + bytes - t->known_head <= TAP_BYTES;
}

struct tap_note *tap_room(struct tap *t, size_t len)
{
	uint64_t tail = atomic_load_explicit(&t->tail, memory_order_relaxed);
	uint32_t bytes = (uint32_t)(sizeof(struct tap_note) + (len + 7) / 8 * 8), left = TAP_BYTES - (uint32_t)(tail % TAP_BYTES);
	struct tap_note *n = (struct tap_note *)(t->ring + tail % TAP_BYTES);

	if (!has_room(t, tail, left < bytes ? left + bytes : bytes)) {
		t->lost++;
		return NULL;
	}
	if (left < bytes) { /* bytes and len of a filler always fit: all is in multiples of eight */
		n->bytes = left;
		n->len = 0;
		atomic_store_explicit(&t->tail, tail + left, memory_order_release);
		n = (struct tap_note *)t->ring;
	}
	n->bytes = bytes;
	n->len = (uint32_t)len;
	return n;
}

void tap_commit(struct tap *t, const struct tap_note *n)
{
	uint64_t tail = atomic_load_explicit(&t->tail, memory_order_relaxed);

	atomic_store_explicit(&t->tail, tail + n->bytes, memory_order_release); /* T1: pairs with T0 */
}

static struct kedge_addr local_of(const struct worker *w, uint32_t port)
{
	struct kedge_addr a = w->seg->priv->net[w->port[port].net].addr;

	a.port = segment_port(w->seg, port)->rtp_port;
	return a;
}

void tap_packet(struct worker *w, uint32_t sock, const uint8_t *data, size_t len)
{
	const struct port *p = &w->port[sock / 2];
	const struct session *s = &w->session[p->slot];
	struct tap_note *n;

	if (w->tap == NULL || len == 0)
		return;
	n = tap_room(w->tap, len);
	if (n == NULL)
		return;
	n->at_ns = w->now_ns;
	n->call_id = s->call_id;
	n->slot = p->slot;
	n->generation = s->generation;
	n->from = *latch_target(&p->sock[sock % 2].latch);
	n->to = local_of(w, sock / 2);
	memcpy(n + 1, data, len);
	tap_commit(w->tap, n);
}

void tap_tell(struct worker *w)
{
	struct tap *t = w->tap;
	uint64_t written, failed;

	if (t == NULL)
		return;
	written = atomic_load_explicit(&t->written, memory_order_relaxed);
	failed = atomic_load_explicit(&t->failed, memory_order_relaxed) + t->lost;
	worker_count(&w->count->recorded, written - t->told_written);
	worker_count(&w->count->record_lost, failed - t->told_failed);
	t->told_written = written;
	t->told_failed = failed;
}

/* ---- the consumer ---------------------------------------------------------------------------- */

const struct tap_note *tap_next(struct tap *t)
{
	uint64_t head = atomic_load_explicit(&t->head, memory_order_relaxed);

	while (head != atomic_load_explicit(&t->tail, memory_order_acquire)) { /* T0 */
		const struct tap_note *n = (const struct tap_note *)(t->ring + head % TAP_BYTES);

		if (n->len != 0)
			return n;
		head += n->bytes;
		atomic_store_explicit(&t->head, head, memory_order_release);
	}
	return NULL;
}

void tap_done(struct tap *t, const struct tap_note *n)
{
	uint64_t head = atomic_load_explicit(&t->head, memory_order_relaxed);

	assert((const uint8_t *)n == t->ring + head % TAP_BYTES);
	atomic_store_explicit(&t->head, head + n->bytes, memory_order_release); /* T3 */
}
