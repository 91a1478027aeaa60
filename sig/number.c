// SPDX-License-Identifier: MIT
#include "sig/number.h"

#include <stdio.h>
#include <string.h>

#define NUMBER_ROOM (NUMBER_MAX + 4) /* a number and what formats put before it */

/* Takes the visual separators out of a number. False: it is none (or longer than any). */
static bool number_plain(char buf[static NUMBER_MAX], const char *user)
{
	size_t n = 0, digits = 0;

	for (const char *p = user; *p; p++) {
		if (strchr("-.() ", *p))
			continue;
		if (*p >= '0' && *p <= '9')
			digits++;
		else if (!(*p == '+' && n == 0) && *p != '*' && *p != '#')
			return false;
		if (n + 8 >= NUMBER_MAX)
			return false;
		buf[n++] = *p;
	}
	buf[n] = 0;
	return digits > 0;
}

/* The digits behind + or 00, NULL for a number that is not written so. */
static const char *international(const char *number)
{
	if (number[0] == '+')
		return number + 1;
	return !strncmp(number, "00", 2) && strlen(number) > 8 ? number + 2 : NULL;
}

/* A number that needs only its + (E.164: at most 15 digits, none begins with 0; shorter ones are local). */
static bool lacks_plus(const char *number)
{
	size_t n = strspn(number, "0123456789");

	return number[0] != '0' && !number[n] && n >= 8 && n <= 15;
}

static void number_e164(char buf[static NUMBER_ROOM], const char *number)
{
	const char *digits = international(number);

	if (digits)
		snprintf(buf, NUMBER_ROOM, "+%s", digits);
	else
		snprintf(buf, NUMBER_ROOM, "%s%s", lacks_plus(number) ? "+" : "", number);
}

/* Without +CC and with a leading 0; another country's as 00. */
static void number_national(
    char buf[static NUMBER_MAX], const char *number, const char *country)
{
	const char *digits = international(number);
	size_t n = strlen(country);

	if (!digits && lacks_plus(number) && strlen(number) > 10 && !strncmp(number, country, n))
		digits = number;
	if (!digits)
		snprintf(buf, NUMBER_ROOM, "%s", number);
	else if (!strncmp(digits, country, n) && digits[n])
		snprintf(buf, NUMBER_ROOM, "0%s", digits + n);
	else
		snprintf(buf, NUMBER_ROOM, "00%s", digits);
}

bool number_write(
    char buf[static NUMBER_MAX], const char *user, const struct conf_headers *h, bool called)
{
	char plain[NUMBER_MAX], format[NUMBER_ROOM];
	const char *number = plain;
	size_t strip = called ? strlen(h->prefix_strip) : 0, add, n;

	if (!number_plain(plain, user))
		return false;
	if (strip && !strncmp(plain, h->prefix_strip, strip) && plain[strip])
		number = plain + strip;
	if (h->format == CONF_NUMBER_E164)
		number_e164(format, number);
	else if (h->format == CONF_NUMBER_NATIONAL)
		number_national(format, number, h->country);
	else
		snprintf(format, sizeof(format), "%s", number);
	n = strlen(format);
	add = called ? strlen(h->prefix_add) : 0;
	if (add + n >= NUMBER_MAX)
		add = 0;
	memcpy(buf, h->prefix_add, add);
	memcpy(buf + add, format, n + 1);
	return true;
}

const char *number_digits(char buf[static NUMBER_MAX], const char *user)
{
	char plain[NUMBER_MAX];
	const char *digits;

	buf[0] = 0;
	if (!number_plain(plain, user))
		return buf;
	digits = international(plain);
	return strcpy(buf, digits ? digits : plain);
}
