// SPDX-License-Identifier: MIT
#include "sig/books/delays.h"

#include <stdatomic.h>
#include <string.h>

#include "routing/shm/layout.h"

#define WAITS { 0.05, 0.1, 0.25, 0.5, 1, 1.5, 2, 3, 4, 6, 8, 10, 15, 20, 30, 60 }, 16, 1e3

static const struct {
	double bound[DELAYS_BOUNDS];
	unsigned bounds;
	double per_one;
} kinds[DELAYS_KINDS] = {
	[DELAYS_RINGBACK] = { WAITS },
	[DELAYS_ANSWER] = { WAITS },
	[DELAYS_REQUEST] = { WAITS },
	[DELAYS_JITTER] = { { 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2 }, 11, 1e6 },
	[DELAYS_MOS] = { { 1.5, 2, 2.5, 3, 3.25, 3.5, 3.75, 4, 4.1, 4.2, 4.3, 4.4 }, 12, 1e3 },
};

struct kept {
	_Atomic uint64_t count[DELAYS_BOUNDS + 1], sum;
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

const double *delays_bound(enum delays_kind kind)
{
	return kinds[kind].bound;
}

unsigned delays_bounds(enum delays_kind kind)
{
	return kinds[kind].bounds;
}

double delays_per_one(enum delays_kind kind)
{
	return kinds[kind].per_one;
}

void delays_add(enum delays_kind kind, const char *trunk, uint64_t value)
{
	struct of_trunk *t = find(trunk, true);
	unsigned i = 0;

	if (!t)
		return;
	while (i < kinds[kind].bounds && (double)value > kinds[kind].bound[i] * kinds[kind].per_one)
		i++;
	add(&t->kept[kind].count[i], 1);
	add(&t->kept[kind].sum, value);
}

void delays_read(enum delays_kind kind, const char *trunk, struct delays *out)
{
	const struct of_trunk *t = find(trunk, false);

	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; t && i <= DELAYS_BOUNDS; i++)
		out->count[i] = atomic_load_explicit(&t->kept[kind].count[i], memory_order_relaxed);
	if (t)
		out->sum = atomic_load_explicit(&t->kept[kind].sum, memory_order_relaxed);
}
