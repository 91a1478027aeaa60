// SPDX-License-Identifier: MIT
/* fuzz/values: single values of headers and numbers, the first byte says which reader: telephone numbers, Retry-After, Reason. What comes out is
 * terminated, printable, within its room, and of the form that its reader promises. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sig/failure.h"
#include "sig/number.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void printable(const char *text, size_t room)
{
	assert(strnlen(text, room) < room);
	for (const char *p = text; *p; p++)
		assert((unsigned char)*p >= 0x20 && (unsigned char)*p < 0x7f);
}

static void number(const char *text)
{
	char buf[NUMBER_MAX], digits[NUMBER_MAX], again[NUMBER_MAX];
	static const char *const prefixes[] = { "", "00", "+4" };

	for (unsigned i = 0; i < 18; i++) {
		struct conf_headers h = { .format = (uint8_t)(i % 3), .country = "44", .prefix_strip = prefixes[i / 3 % 3], .prefix_add = prefixes[i / 6] };

		if (!number_write(buf, text, &h, i & 1))
			continue;
		assert(strnlen(buf, NUMBER_MAX) < NUMBER_MAX && strspn(buf, "+0123456789*#") == strlen(buf));
	}
	number_digits(digits, text);
	assert(strnlen(digits, NUMBER_MAX) < NUMBER_MAX && strspn(digits, "0123456789*#+") == strlen(digits));
	number_digits(again, digits);
	if (strspn(digits, "0123456789") == strlen(digits) && strncmp(digits, "00", 2))
		assert(!strcmp(digits, again));
}

static void reason(const char *text)
{
	char buf[256], tiny[4];
	uint16_t cause = failure_q850(text, buf, sizeof buf);

	assert(cause <= 127);
	printable(buf, sizeof buf);
	assert(failure_q850(text, tiny, sizeof tiny) == cause && failure_q850(text, NULL, 0) == cause);
	printable(tiny, sizeof tiny);
	failure_reason(buf, sizeof buf, text);
	printable(buf, sizeof buf);
	assert(!strchr(buf, '"'));
	failure_reason(tiny, sizeof tiny, text);
	printable(tiny, sizeof tiny);
}

static void whole(const char *text)
{
	struct failure_evidence e = { .status = 503, .received = true, .retry_after = text, .reason = text };
	struct failure f;

	failure_read(&f, &e);
	assert(f.outcome.code == 503 && f.outcome.retry_after_s == failure_retry_after(text));
	printable(f.text, sizeof f.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	assert(text);
	if (size)
		memcpy(text, data + 1, size - 1);
	text[size ? size - 1 : 0] = 0;
	switch (size ? data[0] : 0) {
	case 'n':
		number(text);
		break;
	case 'r':
		reason(text);
		break;
	default:
		number(text);
		reason(text);
		whole(text);
	}
	free(text);
	return 0;
}
