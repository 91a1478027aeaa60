// SPDX-License-Identifier: MIT
/* err: errors and warnings about what the operator wrote, each with its place, collected so that all are told at once.
 * Plain heap memory, one thread. Without memory for one more error the program ends: nothing runs yet. */
#ifndef KEDGE_CONFIG_ERR_H
#define KEDGE_CONFIG_ERR_H

#include <stddef.h>
#include <stdio.h>

enum err_level { ERR_WARNING, ERR_ERROR };

struct err {
	enum err_level level;
	char *file; /* NULL: no place */
	int line;   /* 0: the whole file */
	char *text; /* one line of UTF-8, no end; control characters of what it quotes are "?" */
};

struct err_list { /* {0} is an empty list */
	struct err *v;
	size_t count, room;
	size_t errors, warnings;
};

/* Adds one; file may be NULL, and is copied. */
void err_add(struct err_list *l, enum err_level level, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Orders by file, then line; errors of one place stay in the order they were found. */
void err_sort(struct err_list *l);

/* Each as "FILE:LINE: error: TEXT", as compilers do, so that editors jump there. */
void err_print(const struct err_list *l, FILE *out);

/* Frees the entries; the list is empty afterwards. */
void err_fini(struct err_list *l);

#endif
