// SPDX-License-Identifier: MIT
/* What is resident of kedge-media beside its own memory: the pages of its program and its libraries that a relayed packet needs, not
 * those that a start runs through. Packets go on being relayed when those were let go. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/media/talk.h"

#define SETTLED_KB 6000 /* half of what a start leaves behind; 3,900 seen */

/* Of the files it is made of. */
static long resident_kb(void)
{
	char path[64], line[128];
	long kb = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)plane.pid);
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "RssFile:", 8) == 0)
			kb = strtol(line + 8, NULL, 10);
	fclose(f);
	return kb;
}

static void packets_are_relayed_by_few_pages(void **state)
{
	struct call c;
	long kb = 0;

	start(4);
	for (int i = 0; i < 1500 && (kb = resident_kb()) > SETTLED_KB; i++)
		usleep(10000);
	assert_in_range(kb, 1, SETTLED_KB);
	call_open(&c, 0, "127.0.1.1", "127.0.2.1");
	for (int i = 0; i < 50; i++)
		exchange(&c);
	assert_in_range(resident_kb(), 1, SETTLED_KB);
	call_close(&c);
	stop();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { TEST(packets_are_relayed_by_few_pages) };

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	puts("a sanitizer has pages of its own");
	return 77;
#endif
	return cmocka_run_group_tests_name(talk_main(argc, argv), tests, NULL, NULL);
}
