// SPDX-License-Identifier: MIT
#include "sig/delays.h"

#include <stdatomic.h>
#include <string.h>

#include "routing/shm/layout.h"

const double delays_bound[DELAYS_BOUNDS] = { 0.05, 0.1, 0.25, 0.5, 1, 1.5, 2, 3, 4, 6, 8, 10, 15, 20, 30, 60 };

struct kept {
	_Atomic uint64_t count[DELAYS_BOUNDS + 1], sum_ms;
};

struct of_trunk {
	_Atomic bool named; /* N: name stands, for good */
	char name[KEDGE_NAME_MAX];
	struct kept kept[DELAYS_KINDS];
};

static struct of_trunk table[DELAYS_TRUNKS];

static struct of_trunk *find(const char *name, bool make)
{
	uint32_t h = 2166136261u;

	for (const char *p = name; *p; p++)
		h = (h ^ (uint8_t)*p) * 16777619u;
	for (uint32_t i = 0; i < DELAYS_TRUNKS; i++) {
		struct of_trunk *t = &table[(h + i) % DELAYS_TRUNKS];

		if (!atomic_load_explicit(&t->named, memory_order_acquire)) { /* N */
			if (!make)
				return NULL;
			strncpy(t->name, name, sizeof(t->name) - 1);
			atomic_store_explicit(&t->named, true, memory_order_release); /* N */
		}
		if (strncmp(t->name, name, sizeof(t->name) - 1) == 0)
			return t;
	}
	return NULL;
}

static void add(_Atomic uint64_t *n, uint64_t by)
{
	atomic_store_explicit(n, atomic_load_explicit(n, memory_order_relaxed) + by, memory_order_relaxed);
}

void delays_add(enum delays_kind kind, const char *trunk, uint64_t ms)
{
	struct of_trunk *t = find(trunk, true);
	unsigned i = 0;

	if (!t)
		return;
	while (i < DELAYS_BOUNDS && (double)ms > delays_bound[i] * 1000)
		i++;
	add(&t->kept[kind].count[i], 1);
	add(&t->kept[kind].sum_ms, ms);
}

void delays_read(enum delays_kind kind, const char *trunk, struct delays *out)
{
	const struct of_trunk *t = find(trunk, false);

	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; t && i <= DELAYS_BOUNDS; i++)
		out->count[i] = atomic_load_explicit(&t->kept[kind].count[i], memory_order_relaxed);
	if (t)
		out->sum_ms = atomic_load_explicit(&t->kept[kind].sum_ms, memory_order_relaxed);
}
