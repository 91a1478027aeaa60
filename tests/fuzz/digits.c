// SPDX-License-Identifier: MIT
/* fuzz/digits: whatever stands in an INFO. What is read as a digit is one, and is read again as written; what is kept of a message
 * has its length and its lines, and nothing that was typed. First byte: bit 0 the type, bit 1 a whole message. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sig/bridge/digits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void body(const char *p, size_t n, bool plain)
{
	struct digit d = { .event = 99 }, again;
	char out[DIGITS_BODY];
	const char *type;

	if (digits_read(plain ? "application/dtmf" : "application/dtmf-relay", p, n, &d) < 0) {
		assert(d.event == 99);
		return;
	}
	assert(d.event < DIGIT_EVENTS && d.end == 0 && d.timestamp == 0);
	type = digits_write(out, &d, false);
	assert(digits_read(type, out, strlen(out), &again) == 0 && again.event == d.event && again.duration_ms == d.duration_ms);
}

static void message(char *p, size_t n)
{
	const char *head = memmem(p, n, "\r\n\r\n", 4);
	bool had = digits_stand_in(p, n);
	char *before = malloc(n + 1);

	assert(before != NULL);
	memcpy(before, p, n);
	digits_mask(p, n);
	for (size_t i = 0; i < n; i++) {
		assert(p[i] == before[i] || (p[i] == '*' && had && p + i >= head + 4));
		assert((p[i] == '\n') == (before[i] == '\n'));
	}
	free(before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *p = malloc(size != 0 ? size : 1); /* exact: one byte too far is seen */

	assert(p != NULL);
	if (size > 1) {
		memcpy(p, data + 1, size - 1);
		if (data[0] & 2)
			message(p, size - 1);
		else
			body(p, size - 1, data[0] & 1);
	}
	free(p);
	return 0;
}
