// SPDX-License-Identifier: MIT
#include "bench/relay_options.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static int number(const char *text, unsigned *to)
{
	char *end;
	unsigned long x = strtoul(text, &end, 10);

	if (!isdigit((unsigned char)*text) || *end != 0 || x > UINT_MAX)
		return -EINVAL;
	*to = (unsigned)x;
	return 0;
}

static int many(const char *text, uint64_t *to)
{
	char *end;
	double x = strtod(text, &end);

	x *= *end == 'M' ? 1e6 : *end == 'k' ? 1e3 : 1;
	if (!isdigit((unsigned char)*text) || strlen(end) > 1 || (*end != 0 && strchr("kM", *end) == NULL) || x > 1e15)
		return -EINVAL;
	*to = (uint64_t)x;
	return 0;
}

static int calls(char *text, struct option_calls *to)
{
	to->count = 0;
	for (char *t = strtok(text, ","); t != NULL; t = strtok(NULL, ",")) {
		if (to->count == OPTION_CALLS_MAX || number(t, &to->v[to->count]) < 0 || to->v[to->count] == 0)
			return -EINVAL;
		to->count++;
	}
	return to->count == 0 ? -EINVAL : 0;
}

static int take(const struct option_row *row, char *value)
{
	switch (row->kind) {
	case OPTION_NUMBER:
		return number(value, row->to);
	case OPTION_MANY:
		return many(value, row->to);
	case OPTION_TEXT:
		*(const char **)row->to = value;
		return 0;
	case OPTION_CALLS:
		return calls(value, row->to);
	case OPTION_ON:
	case OPTION_OFF:
		*(bool *)row->to = row->kind == OPTION_ON;
		return 0;
	}
	return -EINVAL;
}

int option_parse(int argc, char **argv, const struct option_row *rows)
{
	struct option names[OPTION_ROWS_MAX + 1] = { 0 };
	int i;

	for (i = 0; rows[i].name != NULL; i++) {
		assert(i < OPTION_ROWS_MAX);
		names[i] = (struct option){ .name = rows[i].name, .has_arg = rows[i].kind < OPTION_ON };
	}
	for (int c; (c = getopt_long(argc, argv, "", names, &i)) != -1;)
		if (c != 0 || take(&rows[i], optarg) < 0)
			return -EINVAL;
	return optind == argc ? 0 : -EINVAL;
}
