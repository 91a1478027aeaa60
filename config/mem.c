// SPDX-License-Identifier: MIT
#include "config/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 4096

struct block {
	struct block *next;
	size_t used, room;
	_Alignas(max_align_t) unsigned char bytes[];
};

struct conf_mem {
	struct block *blocks;
};

void *mem_need(void *p)
{
	if (!p) {
		fputs("kedge: out of memory\n", stderr);
		exit(1);
	}
	return p;
}

struct conf_mem *mem_new(void)
{
	return mem_need(calloc(1, sizeof(struct conf_mem)));
}

static struct block *block_for(struct conf_mem *m, size_t size)
{
	struct block *b = m->blocks;
	size_t room = size > BLOCK ? size : BLOCK;

	if (b && b->room - b->used >= size)
		return b;
	b = mem_need(calloc(1, sizeof(*b) + room));
	b->room = room;
	b->next = m->blocks;
	m->blocks = b;
	return b;
}

void *mem_get(struct conf_mem *m, size_t size)
{
	size_t whole = (size + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
	struct block *b = block_for(m, whole);
	void *p = b->bytes + b->used;

	b->used += whole;
	return p;
}

char *mem_text(struct conf_mem *m, const char *text, size_t length)
{
	char *p = mem_get(m, length + 1);

	memcpy(p, text, length);
	return p;
}

char *mem_print(struct conf_mem *m, const char *format, ...)
{
	char *text, *kept;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vasprintf(&text, format, ap);
	va_end(ap);
	mem_need(n < 0 ? NULL : text);
	kept = mem_text(m, text, (size_t)n);
	free(text);
	return kept;
}

void mem_free(struct conf_mem *m)
{
	if (!m)
		return;
	while (m->blocks) {
		struct block *b = m->blocks;

		m->blocks = b->next;
		free(b);
	}
	free(m);
}
