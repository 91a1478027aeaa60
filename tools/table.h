// SPDX-License-Identifier: MIT
/* table: columns as wide as what stands in them. Cells may come from strangers: control characters are shown as "?", so that
 * no caller's name can speak to the terminal. One thread; without memory the program ends. */
#ifndef KEDGE_TOOLS_TABLE_H
#define KEDGE_TOOLS_TABLE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TABLE_COLUMNS 16

struct table {
	const char *const *heads; /* "NAME", or ">NAME" for a column written to the right; the first "": no heads */
	size_t columns;
	char *(*cells)[TABLE_COLUMNS];
	size_t rows;
	size_t state; /* column of state words, coloured on a terminal; SIZE_MAX: none */
};

/* An empty one. heads: columns of them, borrowed. */
void table_init(struct table *t, const char *const *heads, size_t columns);

/* Begins a row; then one table_cell() per column, in order of `column`. */
void table_row(struct table *t);
void table_cell(struct table *t, size_t column, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Heads, rows, nothing else. Words of the state column are coloured where out is a terminal and NO_COLOR is not set. */
void table_print(const struct table *t, FILE *out);
void table_fini(struct table *t);

/* "24s ago", "3m ago", "5h 2m", "3d 4h"; "-" for a negative time. Returns buf. */
#define TABLE_AGO 24
const char *table_ago(int64_t ms, char buf[static TABLE_AGO]);

#endif
