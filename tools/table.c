// SPDX-License-Identifier: MIT
#include "tools/table.h"

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/mem.h"

void table_init(struct table *t, const char *const *heads, size_t columns)
{
	assert(columns <= TABLE_COLUMNS);
	*t = (struct table){ .heads = heads, .columns = columns, .state = SIZE_MAX };
}

void table_row(struct table *t)
{
	t->cells = mem_need(reallocarray(t->cells, t->rows + 1, sizeof(*t->cells)));
	memset(t->cells[t->rows++], 0, sizeof(*t->cells));
}

/* C0, DEL, and C1 as UTF-8 writes it. */
static void mend(char *s)
{
	for (unsigned char *u = (unsigned char *)s; *u; u++) {
		if (*u < 0x20 || *u == 0x7f)
			*u = '?';
		else if (*u == 0xc2 && u[1] >= 0x80 && u[1] < 0xa0)
			u[0] = u[1] = '?';
	}
}

void table_cell(struct table *t, size_t column, const char *format, ...)
{
	char **cell = &t->cells[t->rows - 1][column];
	va_list ap;
	int n;

	assert(column < t->columns && !*cell);
	va_start(ap, format);
	n = vasprintf(cell, format, ap);
	va_end(ap);
	mem_need(n < 0 ? NULL : *cell);
	mend(*cell);
}

/* Characters, not bytes. */
static size_t width(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += (*s & 0xc0) != 0x80;
	return n;
}

static const char *cell(const struct table *t, size_t row, size_t column)
{
	return t->cells[row][column] ? t->cells[row][column] : "-";
}

static size_t column_width(const struct table *t, size_t column)
{
	const char *head = t->heads[column];
	size_t w = width(head + (*head == '>'));

	for (size_t i = 0; i < t->rows; i++)
		w = width(cell(t, i, column)) > w ? width(cell(t, i, column)) : w;
	return w;
}

static const char *colour(const char *state)
{
	if (!strcmp(state, "UP"))
		return "\033[32m";
	if (!strcmp(state, "DOWN") || !strcmp(state, "LOCKED"))
		return "\033[31m";
	return "\033[33m";
}

/* The last column is never padded; a state is a word first, coloured only for the eye. */
static void print_cell(const struct table *t, size_t column, const char *text, size_t w, bool coloured, FILE *out)
{
	size_t pad = w - width(text);
	bool right = *t->heads[column] == '>';

	if (right)
		fprintf(out, "%*s", (int)pad, "");
	fprintf(out, "%s%s%s", coloured ? colour(text) : "", text, coloured ? "\033[0m" : "");
	if (column + 1 < t->columns)
		fprintf(out, "%*s", (int)(right ? 0 : pad) + 2, "");
}

void table_print(const struct table *t, FILE *out)
{
	bool colours = isatty(fileno(out)) && !getenv("NO_COLOR");
	size_t w[TABLE_COLUMNS];

	for (size_t k = 0; k < t->columns; k++)
		w[k] = column_width(t, k);
	if (*t->heads[0]) {
		for (size_t k = 0; k < t->columns; k++)
			print_cell(t, k, t->heads[k] + (*t->heads[k] == '>'), w[k], false, out);
		fputc('\n', out);
	}
	for (size_t i = 0; i < t->rows; i++) {
		for (size_t k = 0; k < t->columns; k++)
			print_cell(t, k, cell(t, i, k), w[k], colours && k == t->state, out);
		fputc('\n', out);
	}
}

void table_fini(struct table *t)
{
	for (size_t i = 0; i < t->rows; i++)
		for (size_t k = 0; k < TABLE_COLUMNS; k++)
			free(t->cells[i][k]);
	free(t->cells);
	*t = (struct table){ 0 };
}

const char *table_ago(int64_t ms, char buf[static TABLE_AGO])
{
	long long s = ms / 1000, m = s / 60, h = m / 60;

	if (ms < 0)
		snprintf(buf, TABLE_AGO, "-");
	else if (m < 1)
		snprintf(buf, TABLE_AGO, "%llds ago", s);
	else if (h < 1)
		snprintf(buf, TABLE_AGO, "%lldm ago", m);
	else if (h < 24)
		snprintf(buf, TABLE_AGO, "%lldh %lldm", h, m % 60);
	else
		snprintf(buf, TABLE_AGO, "%lldd %lldh", h / 24, h % 24);
	return buf;
}
