// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "sig/bridge/digits.h"
#include "sig/offer/offer_text.h"

#define BODY_MAX     256
#define DURATION_MAX 60000

static const char keys[] = "0123456789*#ABCD";

static struct text text_of(const char *p, size_t n)
{
	return (struct text){ p, n };
}

/* "5", "*", "a"; "10" to "16" as RFC 4733 numbers them; "flash", "hf". -1: none of these. */
static int key_of(struct text t)
{
	long n = text_number(t, DIGIT_FLASH);

	if (t.n == 1 && t.p[0] != 0) {
		char c = t.p[0] >= 'a' && t.p[0] <= 'd' ? (char)(t.p[0] - 'a' + 'A') : t.p[0];
		const char *p = c == '!' ? NULL : strchr(keys, c);

		return c == '!' ? DIGIT_FLASH : p ? (int)(p - keys) : -1;
	}
	if (text_is(t, "flash") || text_is(t, "hf"))
		return DIGIT_FLASH;
	return t.n == 2 && n >= DIGIT_STAR ? (int)n : -1;
}

/* Lines of name=value; others than Signal and Duration are passed over. */
static int read_relay(struct text body, struct digit *d)
{
	int key = -1;
	long ms = 0;

	while (body.n) {
		struct text value = text_line(&body), name = text_trim(text_upto(&value, '='));

		value = text_trim(value);
		if (text_is(name, "Signal")) {
			if (key >= 0 || (key = key_of(value)) < 0)
				return -EINVAL;
		} else if (text_is(name, "Duration")) {
			ms = text_number(value, DURATION_MAX);
			if (ms < 0)
				return -EINVAL;
		}
	}
	if (key < 0)
		return -EINVAL;
	*d = (struct digit){ .event = (uint8_t)key, .duration_ms = (uint16_t)ms };
	return 0;
}

static struct text type_of(const char *type)
{
	size_t n = type ? strcspn(type, ";") : 0;

	return text_trim(text_of(type, n));
}

bool digits_type(const char *type)
{
	struct text t = type_of(type);

	return text_is(t, "application/dtmf") || text_is(t, "application/dtmf-relay");
}

int digits_read(const char *type, const char *body, size_t length, struct digit *d)
{
	struct text t = type_of(type), all = text_of(body, body ? length : 0);
	bool plain = text_is(t, "application/dtmf");
	int key;

	if (!digits_type(type))
		return -ENOMSG;
	if (all.n == 0 || all.n > BODY_MAX)
		return -EINVAL;
	if (!plain || memchr(all.p, '=', all.n))
		return read_relay(all, d);
	while (all.n && strchr(" \t\r\n", all.p[all.n - 1]) && all.p[all.n - 1])
		all.n--;
	key = key_of(text_trim(all));
	if (key < 0)
		return -EINVAL;
	*d = (struct digit){ .event = (uint8_t)key };
	return 0;
}

const char *digits_write(char out[static DIGITS_BODY], const struct digit *d, bool plain)
{
	char key[8];

	if (d->event < DIGIT_FLASH)
		snprintf(key, sizeof(key), "%c", keys[d->event]);
	else
		snprintf(key, sizeof(key), "%u", DIGIT_FLASH);
	if (plain)
		snprintf(out, DIGITS_BODY, "%s", key);
	else
		snprintf(out, DIGITS_BODY, "Signal=%s\r\nDuration=%u\r\n", key, d->duration_ms);
	return plain ? "application/dtmf" : "application/dtmf-relay";
}

/* ---- kept text ------------------------------------------------------------------------------- */

static bool stands(const char *at, const char *end, const char *word)
{
	size_t n = strlen(word);

	for (; at + n <= end; at++)
		if (strncasecmp(at, word, n) == 0)
			return true;
	return false;
}

/* Where the body begins, if its type, or that of a part of it, is one of the two; NULL otherwise. */
static const char *body_in(const char *text, size_t length)
{
	const char *head = memmem(text, length, "\r\n\r\n", 4), *end = head;

	if (head == NULL || head == text)
		return NULL;
	if (stands(text, head, "multipart/"))
		end = text + length;
	return stands(text, end, "application/dtmf") ? head + 4 : NULL;
}

bool digits_stand_in(const char *text, size_t length)
{
	const char *body = body_in(text, length);

	return body && body < text + length;
}

/* All but the names of lines and their ends. */
void digits_mask(char *text, size_t length)
{
	const char *body = body_in(text, length);
	char *at = body ? text + (body - text) : text + length, *end = text + length;

	while (at < end) {
		char *eol = memchr(at, '\n', (size_t)(end - at)), *stop = eol ? eol : end, *eq = memchr(at, '=', (size_t)(stop - at));

		for (at = eq ? eq + 1 : at; at < stop; at++)
			if (*at != '\r')
				*at = '*';
		at = stop + (eol != NULL);
	}
}
