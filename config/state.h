// SPDX-License-Identifier: MIT
/* state: files of run.state_dir, which outlive a restart: configurations accepted so far, what an operator ordered.
 *
 * A file is replaced as a whole and never half: written beside, synced, renamed, the directory synced. Who is killed in
 * between leaves the old one. Names are single path components.
 * Blocks on the disk: not for the SIP thread. Any thread, but one writer per file. */
#ifndef KEDGE_CONFIG_STATE_H
#define KEDGE_CONFIG_STATE_H

#include <stddef.h>

/* Makes the directory (0700, and what is missing above it) if need be. Its descriptor, for the caller to close, or a
 * negative errno. */
int state_open(const char *dir);

/* Replaces the file `name`, mode 0600. 0 or a negative errno: then the old one stands. */
int state_write(int dir, const char *name, const void *data, size_t size);

/* The whole file, with a NUL behind it, for the caller to free(); *size without that. NULL: there is none, or it cannot be
 * read (errno). */
char *state_read(int dir, const char *name, size_t *size);

#endif
