// SPDX-License-Identifier: MIT
/* kedge: the command in front of the two planes. The verbs stand in verb.def, a file per family of them. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/verb.h"

static const struct {
	const char *name, *arguments, *meaning, *more;
	int (*fn)(int argc, char **argv);
} verbs[] = {
#define VERB(name, arguments, meaning, more) { #name, arguments, meaning, more, verb_##name },
#include "tools/verb.def"
#undef VERB
};

#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

static void print_verbs(FILE *out)
{
	fputs("usage: kedge VERB ...\n", out);
	for (size_t i = 0; i < VERB_COUNT; i++) {
		fprintf(out, "  kedge %s%s%s\n", verbs[i].name, *verbs[i].arguments ? " " : "",
		    verbs[i].arguments);
		fprintf(out, "        %s\n", verbs[i].meaning);
	}
}

int verb_usage(const char *name)
{
	for (size_t i = 0; i < VERB_COUNT; i++)
		if (strcmp(verbs[i].name, name) == 0)
			fprintf(stderr, "usage: kedge %s%s%s\n", name, *verbs[i].arguments ? " " : "", verbs[i].arguments);
	return VERB_USAGE;
}

const char *verb_config_file(void)
{
	const char *file = getenv("KEDGE_CONFIG");

	return file && *file ? file : "/etc/kedge/kedge.cfg";
}

static int print_help(size_t i)
{
	printf("usage: kedge %s%s%s\n%s\n%s\n", verbs[i].name, *verbs[i].arguments ? " " : "", verbs[i].arguments, verbs[i].meaning,
		verbs[i].more);
	return VERB_DONE;
}

static bool wants_help(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--help") == 0)
			return true;
	return false;
}

int verb_help(int argc, char **argv)
{
	print_verbs(stdout);
	return VERB_DONE;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		name = "help";
	else if (strcmp(name, "--version") == 0)
		name = "version";
	for (size_t i = 0; i < VERB_COUNT; i++)
		if (strcmp(verbs[i].name, name) == 0)
			return wants_help(argc - 1, argv + 1) ? print_help(i) : verbs[i].fn(argc - 1, argv + 1);
	if (*name)
		fprintf(stderr, "kedge: no verb \"%s\"\n", name);
	print_verbs(stderr);
	return VERB_USAGE;
}
