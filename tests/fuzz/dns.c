// SPDX-License-Identifier: MIT
/* fuzz/dns: what a resolver, or who speaks for it, may send, behind a byte that says what was asked for. Whatever is let through to the library is made of
 * records that lie inside, and of names that end: both are walked again here, in another way. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sig/trunk/dns_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint16_t types[] = { 1, 28, 33, 35, 5 };

/* Behind the name at `at`: at most as many steps as there are bytes. */
static size_t name_end(const uint8_t *p, size_t size, size_t at)
{
	size_t end = 0, length = 0;

	for (size_t step = 0; step < size; step++) {
		assert(at < size);
		if (p[at] >= 0xc0) {
			assert(at + 1 < size);
			end = end ? end : at + 2;
			at = (size_t)(p[at] & 0x3f) << 8 | p[at + 1];
			continue;
		}
		assert(p[at] < 64);
		if (!p[at])
			return end ? end : at + 1;
		length += p[at] + 1u;
		assert(length < DNS_NAME_MAX);
		at += p[at] + 1u;
	}
	abort(); /* a name without end */
}

static void walk(const uint8_t *p, size_t size)
{
	size_t at = 12, records = ((size_t)p[6] << 8 | p[7]) + ((size_t)p[8] << 8 | p[9]) + ((size_t)p[10] << 8 | p[11]);

	if (p[5])
		at = name_end(p, size, at) + 4;
	for (size_t i = 0; i < records; i++) {
		size_t length, type;

		at = name_end(p, size, at);
		assert(at + 10 <= size);
		type = (size_t)p[at] << 8 | p[at + 1];
		length = (size_t)p[at + 8] << 8 | p[at + 9];
		at += 10;
		assert(length <= size - at);
		if (type == 1 || type == 28)
			assert(length == (type == 1 ? 4 : 16));
		if (type == 5 || type == 33)
			assert(name_end(p, size, at + (type == 33 ? 6 : 0)) == at + length);
		at += length;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dns_facts f;
	uint16_t type;
	uint8_t *p;

	if (!size)
		return 0;
	type = types[*data % (sizeof(types) / sizeof(types[0]))];
	p = malloc(size); /* exact: one byte too far is seen */
	assert(p);
	memcpy(p, data + 1, size - 1);
	if (dns_check(p, size - 1, "sip.example", "", type, &f) == DNS_GOOD) {
		assert(f.rcode < 16 && strlen(f.alias) < DNS_NAME_MAX);
		walk(p, size - 1);
	}
	free(p);
	return 0;
}
