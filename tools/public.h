// SPDX-License-Identifier: MIT
/* public: the public part of the segment for tools, over a unix socket of `kedge run` (segment.sock in run.dir).
 * Who connects is handed one read-only descriptor and is hung up on; the mode of the socket (0660) says who may.
 * Nothing blocks the supervisor: a client that does not take its message loses it. */
#ifndef KEDGE_TOOLS_PUBLIC_H
#define KEDGE_TOOLS_PUBLIC_H

#include <stddef.h>

#include "routing/shm/segment.h"

#define PUBLIC_SOCKET   "segment.sock"
#define PUBLIC_PATH_MAX 108

/* Supervisor: makes dir (0750, parents too) and the socket in it; one left behind by a dead supervisor is replaced.
 * The descriptor; -EADDRINUSE: another one serves dir; -ENAMETOOLONG; or the errno of the failed call. */
int public_listen(const char *dir);

/* Supervisor, when the socket is readable: hands fd to each client that waits. */
void public_serve(int listener, int fd);

/* Supervisor, at the end: takes the socket away. */
void public_close(const char *dir, int listener);

/* Tool: the segment of the daemon that serves dir; public_drop() gives it back. 0; -ENOENT or -ECONNREFUSED: no
 * daemon; or as segment_attach, with its text in seg->why. Waits a second at most. */
int public_open(const char *dir, struct segment *seg);
void public_drop(struct segment *seg);

#endif
