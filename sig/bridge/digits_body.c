// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "sig/bridge/digits.h"
#include "sig/offer/offer_text.h"

#define BODY_MAX     256
#define NORTEL       "application/vnd.nortelnetworks.digits"
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

/* Lines of name=value; others than Signal (Nortel's: d) and Duration are passed over. */
static int read_relay(struct text body, bool nortel, struct digit *d)
{
	int key = -1;
	long ms = 0;

	while (body.n) {
		struct text value = text_line(&body), name = text_trim(text_upto(&value, '='));

		value = text_trim(value);
		if (text_is(name, "Signal") || (nortel && text_is(name, "d"))) {
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

	return text_is(t, "application/dtmf") || text_is(t, "application/dtmf-relay") || text_is(t, NORTEL);
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
		return read_relay(all, text_is(t, NORTEL), d);
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

/* Behind the empty line, whose ends may be bare; NULL: there is none. */
static const char *body_of(const char *text, const char *end)
{
	for (const char *at = text; (at = memchr(at, '\n', (size_t)(end - at))) != NULL;) {
		at++;
		if (at < end && *at == '\n')
			return at + 1;
		if (at + 1 < end && at[0] == '\r' && at[1] == '\n')
			return at + 2;
	}
	return NULL;
}

/* An INFO says what was typed, by whatever name its maker gave the body, unless it is known to say something else. Of other requests
 * those types are known that do. */
static bool says_digits(const char *text, const char *head, const char *end)
{
	static const char *const never[] = { "application/media_control+xml", "application/sdp" };
	static const char *const always[] = { "application/dtmf", "vnd.nortelnetworks.digits", "telephone-event", "kpml-response" };
	const char *upto = stands(text, head, "multipart/") ? end : head;

	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		if (stands(text, upto, always[i]))
			return true;
	if (end - text < 5 || memcmp(text, "INFO ", 5) != 0)
		return false;
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		if (stands(text, head, never[i]))
			return false;
	return true;
}

/* Where the body begins, if it may say digits; NULL otherwise. */
static const char *body_in(const char *text, size_t length)
{
	const char *end = text + length, *body = body_of(text, end);

	return body && says_digits(text, body, end) ? body : NULL;
}

bool digits_stand_in(const char *text, size_t length)
{
	const char *body = body_in(text, length);

	return body && body < text + length;
}

/* The name of a line that is known, and its "="; nothing of another one: who writes "5=Signal" wrote a digit. */
static char *behind_name(char *line, char *stop)
{
	char *eq = memchr(line, '=', (size_t)(stop - line));
	struct text name = text_trim(text_of(line, eq ? (size_t)(eq - line) : 0));

	return text_is(name, "Signal") || text_is(name, "Duration") ? eq + 1 : line;
}

/* All but the names of lines and their ends. */
void digits_mask(char *text, size_t length)
{
	const char *body = body_in(text, length);
	char *at = body ? text + (body - text) : text + length, *end = text + length;

	while (at < end) {
		char *eol = memchr(at, '\n', (size_t)(end - at)), *stop = eol ? eol : end;

		for (at = behind_name(at, stop); at < stop; at++)
			if (*at != '\r')
				*at = '*';
		at = stop + (eol != NULL);
	}
}
