// SPDX-License-Identifier: MIT
/* generation: the configurations that were in force, numbered from 1, in run.state_dir.
 *
 *   generations        the book: which one is in force, since when, by whom; the latest GENERATION_KEEP of them
 *   generation.N.cfg   the text of each, all files in one, as conf_print() writes it
 *
 *   files accepted -> the next number, its `before` is the one that was in force
 *   taken back     -> `before` of the one in force is in force again, under its old number; the files on disk stay what
 *                     they are, and the book remembers them (files): a start with the same files keeps what was taken back
 *
 * The text is written before the book that names it, each file whole (config/state.h): who is killed in between leaves the
 * old book. Writer: the supervisor at its start, before any plane; from then on kedge-sig. Blocks on the disk. */
#ifndef KEDGE_CONFIG_GENERATION_H
#define KEDGE_CONFIG_GENERATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GENERATION_KEEP    16
#define GENERATION_RUNNING "running.cfg" /* in run.dir: the text in force, for planes that are started again */
#define GENERATION_WHO  64

struct generation {
	uint64_t number, before; /* before: in force when this one was accepted, 0: none */
	uint64_t hash;           /* of its text */
	uint64_t wall_ms;        /* accepted */
	char who[GENERATION_WHO];
};

struct generation_book { /* {0}: nothing was ever in force */
	uint64_t in_force, since_wall_ms;
	uint64_t files;               /* hash of the text of the files as they were last accepted, or at the last start */
	char by[GENERATION_WHO];      /* who put it in force */
	struct generation v[GENERATION_KEEP]; /* the oldest first */
	size_t count;
};

uint64_t generation_hash(const char *text, size_t size);

/* Reads the book. 0; -ENOENT: there is none; -EINVAL: it is not one. On failure *b is {0}. */
int generation_read(int dir, struct generation_book *b);

/* Room for "generation.N.cfg". */
#define GENERATION_FILE 40
const char *generation_file(uint64_t number, char name[static GENERATION_FILE]);

/* The one of that number; NULL: not kept. */
const struct generation *generation_find(const struct generation_book *b, uint64_t number);

/* A number nobody had. */
uint64_t generation_next(const struct generation_book *b);

/* A configuration from the files was accepted: it is in force under this number. 0 or a negative errno, then book and
 * directory are as before. */
int generation_accept(
    int dir, struct generation_book *b, uint64_t number, const char *text, size_t size, const char *who, uint64_t wall_ms);

/* An earlier one is in force again. 0; -ENOENT: not kept; other negative errno: as before. */
int generation_restore(int dir, struct generation_book *b, uint64_t number, const char *who, uint64_t wall_ms);

/* Was something taken back that the files still say? Then a start with these files goes on with what is in force. */
bool generation_is_restored(const struct generation_book *b, uint64_t files);

#endif
