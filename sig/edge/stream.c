// SPDX-License-Identifier: MIT
#include "sig/edge/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config/clock.h"
#include "sig/edge/admit.h"
#include "sig/books/flight_tap.h"
#include "sig/edge/listen.h"

#define STALLED_NS (2 * CLOCK_NS_PER_S) /* bytes that the library leaves unread so long are never read */
#define ROOM_STEP 4096 /* what is held grows by this at first, then doubles */

struct stream {
	struct stream *next, **back; /* in streams.all */
	struct kedge_addr from;
	int fd;
	bool accepted, cut;
	bool unread; /* bytes lay there when we looked last, and the library has not asked since */
	char *held;
	size_t used, room;
	uint32_t *unsent; /* bytes of the last messages that had to wait, in turn; NULL: none did since the last that had not */
	uint32_t unsent_count;
	size_t seen, need; /* of the message that is held: looked through, and its length once that is known */
	uint64_t since_ns; /* its first byte */
	uint64_t asked_ns; /* the library last asked; or we looked whether it ought to have */
};

static struct {
	struct wire_limits limits;
	uint64_t half_ns;
	struct stream_hooks hooks;
} set = { .limits = { WIRE_MAX, 1000 }, .half_ns = 32 * CLOCK_NS_PER_S };

static struct {
	struct stream *all;
	uint32_t accepted;
	struct { /* what stream_ready() announced */
		int fd;
		size_t at, size;
		char data[WIRE_MAX];
	} ready;
	_Atomic(struct stream *) of[STREAM_FDS]; /* S: written by su_root's thread alone */
} streams;

void stream_set(const struct wire_limits *limits, uint64_t half_ns, const struct stream_hooks *hooks)
{
	set.limits = *limits;
	set.half_ns = half_ns;
	set.hooks = *hooks;
}

static void forget(struct stream *s)
{
	atomic_store_explicit(&streams.of[s->fd], NULL, memory_order_release); /* S */
	*s->back = s->next;
	if (s->next)
		s->next->back = s->back;
	streams.accepted -= s->accepted;
	free(s->unsent);
	free(s->held);
	free(s);
}

void stream_fini(void)
{
	while (streams.all)
		forget(streams.all);
}

static struct stream *find(int fd)
{
	return fd >= 0 && fd < STREAM_FDS ? atomic_load_explicit(&streams.of[fd], memory_order_acquire) /* S */ : NULL;
}

static struct stream *begin(int fd, const struct kedge_addr *from, bool accepted)
{
	struct stream *s = fd < STREAM_FDS ? calloc(1, sizeof(*s)) : NULL;

	if (!s)
		return NULL;
	*s = (struct stream){ .asked_ns = clock_mono_ns(), .fd = fd, .from = *from, .accepted = accepted, .next = streams.all, .back = &streams.all };
	if (s->next)
		s->next->back = &s->next;
	streams.all = s;
	streams.accepted += accepted;
	atomic_store_explicit(&streams.of[fd], s, memory_order_release); /* S */
	return s;
}

int stream_accepted(int fd, const struct kedge_addr *from)
{
	if (fd >= STREAM_FDS)
		return -EMFILE;
	return begin(fd, from, true) ? 0 : -ENOMEM;
}

void stream_made(int fd, const struct kedge_addr *to)
{
	if (!find(fd))
		begin(fd, to, false);
}

bool stream_is(int fd)
{
	return find(fd) != NULL;
}

void stream_closed(int fd)
{
	struct stream *s = find(fd);

	if (s)
		forget(s);
}

uint32_t stream_count(const struct kedge_addr *from, uint32_t *of_source)
{
	struct kedge_addr key = admit_key(from), other;

	*of_source = 0;
	for (const struct stream *s = streams.all; s; s = s->next) {
		other = admit_key(&s->from);
		*of_source += s->accepted && memcmp(&other, &key, sizeof(key)) == 0;
	}
	return streams.accepted;
}

/* ---- reading -------------------------------------------------------------------------------- */

static void cut(struct stream *s, const char *why)
{
	s->cut = true;
	s->used = 0;
	if (set.hooks.cut)
		set.hooks.cut(&s->from, why);
	shutdown(s->fd, SHUT_RD); /* the library is told at once, and closes it */
}

static struct stream *find_peer(const struct kedge_addr *peer)
{
	struct stream *s = streams.all;

	while (s && (s->from.port != peer->port || s->from.family != peer->family || memcmp(s->from.ip, peer->ip, sizeof(peer->ip)) != 0))
		s = s->next;
	return s;
}

static size_t waits(const struct stream *s, unsigned waiting)
{
	size_t all = 0;

	for (unsigned i = 0; i < waiting && i < s->unsent_count && i < STREAM_QUEUE; i++)
		all += s->unsent[(s->unsent_count - 1 - i) % STREAM_QUEUE];
	return all;
}

void stream_sent(const struct kedge_addr *to, unsigned waiting, size_t bytes)
{
	struct stream *s = waiting ? find_peer(to) : NULL;

	if (!s || s->cut)
		return;
	if (waiting == 1) /* the first to wait */
		s->unsent_count = 0;
	if (!s->unsent && !(s->unsent = malloc(STREAM_QUEUE * sizeof(*s->unsent))))
		return;
	s->unsent[s->unsent_count++ % STREAM_QUEUE] = (uint32_t)bytes;
	if (waits(s, waiting) <= STREAM_UNSENT)
		return;
	cut(s, "unsent");
	shutdown(s->fd, SHUT_RDWR);
}

static bool make_room(struct stream *s, size_t more)
{
	size_t room = s->room ? s->room : ROOM_STEP;
	char *held;

	while (room < s->used + more)
		room *= 2;
	if (room > WIRE_MAX)
		room = WIRE_MAX;
	if (room == s->room)
		return true;
	held = realloc(s->held, room);
	if (!held)
		return false;
	s->held = held;
	s->room = room;
	return true;
}

/* Reads behind what is held. */
static ssize_t fill(struct stream *s)
{
	ssize_t n;

	if (!make_room(s, ROOM_STEP))
		return -ENOMEM;
	n = read(s->fd, s->held + s->used, s->room - s->used);
	if (n < 0)
		return -errno;
	if (s->used == 0)
		s->since_ns = clock_mono_ns();
	s->used += (size_t)n;
	return n;
}

/* The bytes at the front that may go on: whole messages, and line ends between them. */
static size_t whole(struct stream *s)
{
	size_t done = 0;
	struct wire_message m;
	enum wire_verdict v;

	while (done < s->used && !s->cut) {
		if (s->held[done] == '\r' || s->held[done] == '\n') {
			done++;
			continue;
		}
		if (s->need > s->used - done)
			break;
		v = wire_stream(s->held + done, s->used - done, &s->seen, &set.limits, &m);
		if (m.mended && set.hooks.mended)
			set.hooks.mended(&s->from, m.mended);
		if (v == WIRE_BAD) {
			cut(s, m.why);
			break;
		}
		if (v == WIRE_PART) {
			s->need = m.head + m.body;
			break;
		}
		s->seen = s->need = 0;
		s->since_ns = clock_mono_ns(); /* of the next one */
		if (set.hooks.message && !set.hooks.message(&s->from, s->held + done, m.head)) {
			s->used -= m.head + m.body;
			memmove(s->held + done, s->held + done + m.head + m.body, s->used - done);
			continue;
		}
		listen_defuse_maddr(s->held + done, m.head);
		flight_tap_stream(s->fd, s->held + done, m.head + m.body);
		done += m.head + m.body;
	}
	return done;
}

static void hand_on(struct stream *s, size_t done)
{
	streams.ready.fd = s->fd;
	streams.ready.at = 0;
	streams.ready.size = done;
	memcpy(streams.ready.data, s->held, done);
	if (!s->cut)
		memmove(s->held, s->held + done, s->used -= done);
	if (s->used == 0) { /* a connection at rest costs nothing */
		free(s->held);
		s->held = NULL;
		s->room = 0;
	}
}

static struct stream *made_by_us(int fd)
{
	struct sockaddr_storage to;
	socklen_t size = sizeof(to);
	struct kedge_addr addr;

	if (getpeername(fd, (struct sockaddr *)&to, &size) < 0)
		return NULL;
	listen_addr_of((struct sockaddr *)&to, &addr);
	return begin(fd, &addr, false);
}

ssize_t stream_ready(int fd)
{
	struct stream *s = find(fd);
	size_t done;
	ssize_t n;

	streams.ready.size = streams.ready.at = 0;
	if (!s && !(s = made_by_us(fd)))
		return 0;
	s->asked_ns = clock_mono_ns();
	s->unread = false;
	if (s->cut)
		return 0;
	n = fill(s);
	if (n == -EAGAIN)
		return n;
	if (n <= 0)
		return 0; /* a reset is an end: told of an error the library would keep the connection */
	done = whole(s);
	if (done)
		hand_on(s, done);
	else if (s->cut)
		return 0;
	return done ? (ssize_t)done : -EAGAIN;
}

ssize_t stream_take(int fd, void *out, size_t n, bool peek)
{
	size_t left = streams.ready.size - streams.ready.at;

	if (streams.ready.fd != fd || left == 0)
		return -EAGAIN;
	if (n > left)
		n = left;
	memcpy(out, streams.ready.data + streams.ready.at, n);
	if (!peek)
		streams.ready.at += n;
	return (ssize_t)n;
}

/* Behind a message that it cannot parse the library reads no more, and keeps the connection for half an hour. */
static bool is_stalled(struct stream *s, uint64_t now_ns)
{
	struct pollfd p = { .fd = s->fd, .events = POLLIN };
	bool unread, stalled;

	if (now_ns - s->asked_ns < STALLED_NS)
		return false;
	s->asked_ns = now_ns;
	unread = poll(&p, 1, 0) > 0 && (p.revents & POLLIN);
	/* What came this very moment is read at the end of it: only what lay there the last time, too, is left. */
	stalled = unread && s->unread;
	s->unread = unread;
	return stalled;
}

void stream_each(void (*fn)(int fd))
{
	for (struct stream *s = streams.all; s; s = s->next)
		fn(s->fd);
}

void stream_tick(uint64_t now_ns)
{
	for (struct stream *s = streams.all; s; s = s->next) {
		if (s->used && !s->cut && now_ns - s->since_ns >= set.half_ns)
			cut(s, "half");
		if (is_stalled(s, now_ns)) {
			if (!s->cut)
				cut(s, "unread");
			shutdown(s->fd, SHUT_RDWR); /* a hang-up, which it cannot but hear */
		}
	}
}
