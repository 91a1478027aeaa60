// SPDX-License-Identifier: MIT
/* mem: memory that lives as long as one snapshot. Zeroed, never moved, freed all at once.
 * One thread while it grows. Without memory the program ends, as at start nothing else is left to do. */
#ifndef KEDGE_CONFIG_MEM_H
#define KEDGE_CONFIG_MEM_H

#include <stddef.h>

struct conf_mem;

/* A new, empty one. */
struct conf_mem *mem_new(void);

/* size zeroed bytes, aligned for any type. */
void *mem_get(struct conf_mem *m, size_t size);

/* A copy of length bytes of text, with a NUL behind them. */
char *mem_text(struct conf_mem *m, const char *text, size_t length);

/* printf into such memory. */
char *mem_print(struct conf_mem *m, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* p; the program ends where it is NULL. For other memory of the same kind: what is gathered while nothing runs yet. */
void *mem_need(void *p);

/* Frees everything. */
void mem_free(struct conf_mem *m);

#endif
