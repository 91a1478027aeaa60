// SPDX-License-Identifier: MIT
#include "config/err.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "config/mem.h"
#include "config/value.h"

static void grow(struct err_list *l)
{
	if (l->count < l->room)
		return;
	l->room = l->room ? 2 * l->room : 16;
	l->v = mem_need(reallocarray(l->v, l->room, sizeof(*l->v)));
}

/* What is quoted from a file may be anything; a message is one line of UTF-8. */
static void mend(char *text)
{
	size_t n = strlen(text), length;

	for (unsigned char *s = (unsigned char *)text; n; s += length, n -= length) {
		length = value_utf8(s, n);
		if (!length || *s < 0x20 || *s == 0x7f) {
			*s = '?';
			length = 1;
		}
	}
}

void err_add(struct err_list *l, enum err_level level, const char *file, int line, const char *format, ...)
{
	struct err e = { .level = level, .line = line };
	va_list ap;
	int n;

	va_start(ap, format);
	n = vasprintf(&e.text, format, ap);
	va_end(ap);
	mem_need(n < 0 ? NULL : e.text);
	mend(e.text);
	if (file)
		e.file = mem_need(strdup(file));
	grow(l);
	l->v[l->count++] = e;
	if (level == ERR_ERROR)
		l->errors++;
	else
		l->warnings++;
}

/* Moves each entry forward past those that stand later in the files: stable, and the lists are short. */
void err_sort(struct err_list *l)
{
	for (size_t i = 1; i < l->count; i++) {
		struct err e = l->v[i];
		size_t k = i;

		while (k > 0) {
			const struct err *p = &l->v[k - 1];
			int order = strcmp(p->file ? p->file : "", e.file ? e.file : "");

			if (order < 0 || (order == 0 && p->line <= e.line))
				break;
			l->v[k] = l->v[k - 1];
			k--;
		}
		l->v[k] = e;
	}
}

static void print_one(const struct err *e, FILE *out)
{
	if (e->file && e->line > 0)
		fprintf(out, "%s:%d: ", e->file, e->line);
	else if (e->file)
		fprintf(out, "%s: ", e->file);
	fprintf(out, "%s: %s\n", e->level == ERR_ERROR ? "error" : "warning", e->text);
}

void err_print(const struct err_list *l, FILE *out)
{
	for (size_t i = 0; i < l->count; i++)
		print_one(&l->v[i], out);
}

void err_fini(struct err_list *l)
{
	for (size_t i = 0; i < l->count; i++) {
		free(l->v[i].file);
		free(l->v[i].text);
	}
	free(l->v);
	*l = (struct err_list){ 0 };
}
