// SPDX-License-Identifier: MIT
/* relay_options: the command line of relay_pps and compare: a row per option says what is written where. */
#ifndef KEDGE_BENCH_RELAY_OPTIONS_H
#define KEDGE_BENCH_RELAY_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#define OPTION_CALLS_MAX 8
#define OPTION_ROWS_MAX  24

struct option_calls { /* numbers of calls, each a row of the result */
	unsigned v[OPTION_CALLS_MAX], count;
};

enum option_kind {
	OPTION_NUMBER, /* unsigned */
	OPTION_MANY,   /* uint64_t, with k or M behind it */
	OPTION_TEXT,   /* const char *, borrowed from argv */
	OPTION_CALLS,  /* struct option_calls: 100,500, none of them 0 */
	OPTION_ON,     /* bool; takes no value, nor does the next */
	OPTION_OFF
};

struct option_row {
	const char *name; /* without its dashes; NULL ends the table */
	enum option_kind kind;
	void *to;
};

/* 0, or -EINVAL: an option that is in no row, a value that is none of its kind, something behind the options. */
int option_parse(int argc, char **argv, const struct option_row *rows);

#endif
