// SPDX-License-Identifier: MIT
/* rig: configurations from text, for the tests of what happens between two of them. */
#ifndef KEDGE_TESTS_UNIT_CONFIG_RIG_H
#define KEDGE_TESTS_UNIT_CONFIG_RIG_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "config/conf.h"

#define RIG_HEAD                                                                                       \
	"interfaces = ( { name = \"inside\"; address = \"127.0.3.1\"; },\n"                            \
	"  { name = \"outside\"; address = \"127.0.4.1\"; } );\n"
#define RIG_TRUNK(name, at, more) "{ name = \"" name "\"; side = \"carrier\"; uri = \"sip:127.0.2." at "\"; " more " }"

static inline struct conf *rig_load(const char *text, unsigned flags)
{
	char file[] = "/tmp/kedge-conf-XXXXXX";
	struct err_list errs = { 0 };
	int fd = mkstemp(file);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	struct conf *c;

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	c = conf_load(file, flags, &errs);
	unlink(file);
	if (!c)
		err_print(&errs, stderr);
	err_fini(&errs);
	assert_non_null(c);
	return c;
}

#endif
