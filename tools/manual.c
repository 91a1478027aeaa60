// SPDX-License-Identifier: MIT
/* kedge_manual: kedge(1) and kedge.cfg(5) in scdoc's language, from the rows that the program itself works by. For the build only.
 *   kedge_manual kedge.1 | kedge.cfg.5 */
#include <stdio.h>
#include <string.h>

#include "config/conf.h"
#include "tools/verb.h"

/* scdoc takes these for its own unless they are escaped. */
static void text(const char *s)
{
	for (; *s; s++) {
		if (strchr("_*\\#<>[]`", *s))
			putchar('\\');
		putchar(*s);
	}
}

/* Lines as they stand, in a literal block. */
static void block(const char *s)
{
	printf("\n```\n%s\n```\n\n", s);
}

static void verb(const char *name, const char *arguments, const char *meaning, const char *more)
{
	printf("*kedge %s* ", name);
	text(arguments);
	fputs("\n\t", stdout);
	text(meaning);
	puts(".");
	block(more);
}

static void verbs(void)
{
#define VERB(name, arguments, meaning, more) verb(#name, arguments, meaning, more);
#include "tools/verb.def"
#undef VERB
}

static void event(const char *name, const char *level, const char *meaning, const char *fields)
{
	fputs("*", stdout);
	text(name);
	printf("* %s\n\t", level);
	text(meaning);
	fputs(":", stdout);
	text(fields);
	puts("\n");
}

static void events(void)
{
#define STR(field)  " " #field
#define JSON(field) " " #field
#define HEX(field)  " " #field
#define UINT(field) " " #field
#define INT(field)  " " #field
#define REAL(field) " " #field
#define EVENT(id, level, name, burst, meaning, fields) event(name, #level, meaning, fields);
#include "config/event.def"
#undef EVENT
}

static void kedge_1(void)
{
	puts("kedge(1)\n\n# NAME\n\nkedge - SIP session border controller that fails over between carriers and anchors the audio\n\n"
	     "# SYNOPSIS\n\n*kedge* VERB ...\n\n# VERBS\n");
	verbs();
	puts("# EXIT STATUS\n\n0 done; 1 refused or invalid; 2 usage; 3 no daemon answers.\n\n"
	     "# ENVIRONMENT\n\n*KEDGE\\_CONFIG*\n\tthe configuration of verbs without -f\n\n*KEDGE\\_SOCKET*\n\tthe admin socket of the live verbs\n\n"
	     "*NO\\_COLOR*\n\tno colour on a terminal either\n\n"
	     "# EVENTS\n\nOne line each, to log.file or standard error: time, level, name, then name=value for each field.\n");
	events();
	puts("# SEE ALSO\n\n*kedge.cfg*(5)");
}

static void kedge_cfg_5(void)
{
	puts("kedge.cfg(5)\n\n# NAME\n\nkedge.cfg - configuration of kedge\n\n# DESCRIPTION\n\n"
	     "A libconfig file. Trunks stand in its list _trunks_, or one each in trunks.d/NAME.cfg beside it, with the keys of a trunk at the top\n"
	     "level. Durations are strings with a unit: \"500ms\", \"30s\", \"5min\", \"1h\". *kedge check* tells all mistakes at once,\n"
	     "*kedge config --effective* prints what holds, *kedge config --example* a file to begin with.\n\n# SETTINGS\n");
	conf_manual(stdout);
	puts("# SEE ALSO\n\n*kedge*(1)");
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "kedge.1"))
		kedge_1();
	else if (argc == 2 && !strcmp(argv[1], "kedge.cfg.5"))
		kedge_cfg_5();
	else
		return 2;
	return 0;
}
