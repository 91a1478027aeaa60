// SPDX-License-Identifier: MIT
/* fuzz/config: any bytes as kedge.cfg. Nothing crashes; what loads is printed, and the print loads to the same print. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libconfig 1.5 forgets a string it was reading when a syntax error stops it. */
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig.so\n";
}

static struct conf *load(const void *text, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct err_list errs = { 0 };
	struct conf *c;
	char path[64];

	assert(fd >= 0 && write(fd, text, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	c = conf_load(path, CONF_UNSCALED, &errs);
	assert(!c == (errs.errors > 0));
	for (size_t i = 0; i < errs.count; i++)
		assert(*errs.v[i].text && !strchr(errs.v[i].text, '\n'));
	err_fini(&errs);
	close(fd);
	return c;
}

static char *printed(const struct conf *c)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	conf_print(c, f);
	fclose(f);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *first, *second;
	struct conf *c;

	if (memmem(data, size, "@include", 8)) /* would read what lies about on this machine */
		return 0;
	c = load(data, size);
	if (!c)
		return 0;
	first = printed(c);
	conf_unref(c);
	c = load(first, strlen(first));
	assert(c);
	second = printed(c);
	assert(!strcmp(first, second));
	conf_unref(c);
	free(first);
	free(second);
	return 0;
}
