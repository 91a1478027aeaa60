// SPDX-License-Identifier: MIT
#include "tools/when.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAY_MS 86400000ULL

static uint64_t span(const char *text, bool ahead, uint64_t now_ms)
{
	static const struct {
		const char *unit;
		uint64_t ms;
	} units[] = { { "s", 1000 }, { "m", 60000 }, { "min", 60000 }, { "h", 3600000 }, { "d", DAY_MS } };
	char *end;
	unsigned long n = isdigit((unsigned char)*text) ? strtoul(text, &end, 10) : 0;

	for (size_t i = 0; n && n <= 100000 && i < sizeof(units) / sizeof(units[0]); i++)
		if (!strcmp(end, units[i].unit))
			return ahead ? now_ms + n * units[i].ms : now_ms > n * units[i].ms ? now_ms - n * units[i].ms : 1;
	return 0;
}

/* The rest of text behind one of these forms, NULL: none fits. */
static const char *form(const char *text, struct tm *tm, const char *const *forms)
{
	for (; *forms; forms++) {
		struct tm copy = *tm;
		const char *rest = strptime(text, *forms, &copy);

		if (!rest)
			continue;
		*tm = copy;
		return rest;
	}
	return NULL;
}

static uint64_t of_day(const char *text, bool ahead, uint64_t now_ms)
{
	static const char *const forms[] = { "%H:%M:%S", "%H:%M", NULL };
	time_t now = (time_t)(now_ms / 1000), then;
	const char *rest;
	struct tm tm;

	localtime_r(&now, &tm);
	tm.tm_sec = 0;
	rest = form(text, &tm, forms);
	if (!rest || *rest)
		return 0;
	tm.tm_isdst = -1;
	then = mktime(&tm);
	if (ahead == (then <= now)) { /* not the one of today */
		tm.tm_mday += ahead ? 1 : -1;
		tm.tm_isdst = -1;
		then = mktime(&tm);
	}
	return (uint64_t)then * 1000;
}

static uint64_t date(const char *text)
{
	static const char *const forms[] = { "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d", NULL };
	struct tm tm = { .tm_isdst = -1 };
	const char *rest = form(text, &tm, forms);
	long offset;

	if (rest && *rest == '.')
		rest += 1 + strspn(rest + 1, "0123456789");
	if (!rest)
		return 0;
	if (!*rest)
		return (uint64_t)mktime(&tm) * 1000;
	rest = strptime(rest, "%z", &tm);
	offset = tm.tm_gmtoff;
	return rest && !*rest ? (uint64_t)(timegm(&tm) - offset) * 1000 : 0;
}

uint64_t when_read(const char *text, bool ahead, uint64_t now_ms)
{
	uint64_t t = span(text, ahead, now_ms);

	t = t ? t : of_day(text, ahead, now_ms);
	return t ? t : date(text);
}
