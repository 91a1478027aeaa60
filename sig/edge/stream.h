// SPDX-License-Identifier: MIT
/* stream: TCP connections of the SIP listeners, read for the library, which gets whole messages and nothing else.
 *
 *   socket -> read -> what was held + what came -> wire_stream: whole ones -> handed on, all at once
 *                                                               the rest  -> held, WIRE_MAX bytes at most
 *   bad, or a message that is not whole after the limit: the connection is closed; what was held is gone
 *   a peer that does not read: what the library keeps for it is counted, and the connection closed above STREAM_UNSENT
 *
 * So at most WIRE_MAX bytes of a connection wait here, whatever it sends, and none of a connection that sends whole messages.
 * Thread: su_root's; stream_closed() any (closes of other threads' own descriptors come by). Owner: this module, until
 * stream_closed(). */
#ifndef KEDGE_SIG_EDGE_STREAM_H
#define KEDGE_SIG_EDGE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sig/edge/wire.h"

#define STREAM_FDS 65536 /* a connection with a higher descriptor is not served */
#define STREAM_QUEUE 1024 /* messages that the library keeps for a connection at most */
#define STREAM_UNSENT (1u << 20) /* and bytes of them */

struct stream_hooks {
	/* A connection is cut: why is wire's, "half", "unread" or "unsent". NULL: nobody wants to know. */
	void (*cut)(const struct kedge_addr *from, const char *why);
	/* So many bytes of a message were mended (wire.h). Or NULL. */
	void (*mended)(const struct kedge_addr *from, uint32_t bytes);
	/* A whole message, which may be changed in place; head: bytes of it before the body. False: the library does not get it.
	 * Or NULL. */
	bool (*message)(const struct kedge_addr *from, char *data, size_t head);
};

/* half_ns: a message must be whole so long after its first byte. Without this: WIRE_MAX, 1,000 lines, 32 s. */
void stream_set(const struct wire_limits *limits, uint64_t half_ns, const struct stream_hooks *hooks);
void stream_fini(void);

/* We took this connection. 0, -ENOMEM, or -EMFILE for a descriptor out of range. */
int stream_accepted(int fd, const struct kedge_addr *from);

/* We make this one. */
void stream_made(int fd, const struct kedge_addr *to);

/* Each connection that is open. */
void stream_each(void (*fn)(int fd));

/* A message of so many bytes was sent to that peer, and so many wait there by now, it among them; 0: none does. */
void stream_sent(const struct kedge_addr *to, unsigned waiting, size_t bytes);

/* True for a connection that stream_ready() or stream_accepted() has seen. */
bool stream_is(int fd);

/* The descriptor is about to be closed. Any descriptor. */
void stream_closed(int fd);

/* Connections that we took: all of them, and those of one source (IPv6: its /64). */
uint32_t stream_count(const struct kedge_addr *from, uint32_t *of_source);

/* Reads. More than 0: bytes of whole messages and keep-alives, for stream_take(). 0: the end, a broken connection too.
 * -EAGAIN: nothing whole yet. A connection not seen before is one that we made. */
ssize_t stream_ready(int fd);

/* What stream_ready() announced for this descriptor, no more than n; peek: it stays. -EAGAIN: nothing. */
ssize_t stream_take(int fd, void *out, size_t n, bool peek);

/* Cuts what is late, and what the library has given up without closing it; often enough for half_ns to be kept. */
void stream_tick(uint64_t now_ns);

#endif
