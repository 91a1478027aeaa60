// SPDX-License-Identifier: MIT
/* Rules over several settings (SEMANTICS C.6). */
#include "config/load.h"

#include <stdlib.h>

static void test_only(struct load *l)
{
	const struct conf_test *t = &l->c->test;
	const char *allowed = getenv("KEDGE_TEST");

	if (t->time_scale != 1 && (!allowed || allowed[0] != '1' || allowed[1]))
		load_error(l, load_where(l, &t->time_scale, t->where), "test.time_scale: for tests only, needs KEDGE_TEST=1 in the environment");
}

void load_lint(struct load *l)
{
	test_only(l);
}
