// SPDX-License-Identifier: MIT
#include "config/state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEW_FILE ".new" /* behind the name of the one it will replace */

/* What is missing above the last component. */
static void make_above(const char *dir)
{
	char path[PATH_MAX];

	if (strlen(dir) >= sizeof(path))
		return;
	strcpy(path, dir);
	for (char *s = strchr(path + 1, '/'); s; s = strchr(s + 1, '/')) {
		*s = '\0';
		(void)mkdir(path, 0755); /* an error shows in what is tried next */
		*s = '/';
	}
}

int state_open(const char *dir)
{
	int fd;

	make_above(dir);
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int write_all(int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t did = write(fd, data, size);

		if (did < 0 && errno == EINTR)
			continue;
		if (did < 0)
			return -errno;
		data += did;
		size -= (size_t)did;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

int state_write(int dir, const char *name, const void *data, size_t size)
{
	char beside[NAME_MAX + 1];
	int fd, rc;

	if ((size_t)snprintf(beside, sizeof(beside), "%s" NEW_FILE, name) >= sizeof(beside))
		return -ENAMETOOLONG;
	fd = openat(dir, beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	rc = write_all(fd, data, size);
	close(fd);
	if (rc == 0 && renameat(dir, beside, dir, name) < 0)
		rc = -errno;
	if (rc < 0)
		(void)unlinkat(dir, beside, 0);
	else
		(void)fsync(dir); /* some file systems cannot; the rename stands all the same */
	return rc;
}

/* A file that somebody writes to meanwhile is none of ours: what was there at first is read. */
static char *read_all(int fd, size_t *size)
{
	struct stat st;
	char *text;
	size_t n = 0;

	if (fstat(fd, &st) < 0 || !(text = malloc((size_t)st.st_size + 1)))
		return NULL;
	while (n < (size_t)st.st_size) {
		ssize_t did = read(fd, text + n, (size_t)st.st_size - n);

		if (did < 0 && errno == EINTR)
			continue;
		if (did < 0) {
			free(text);
			return NULL;
		}
		if (!did)
			break;
		n += (size_t)did;
	}
	text[n] = '\0';
	*size = n;
	return text;
}

char *state_read(int dir, const char *name, size_t *size)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char *text;

	if (fd < 0)
		return NULL;
	text = read_all(fd, size);
	close(fd);
	return text;
}
