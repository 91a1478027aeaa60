// SPDX-License-Identifier: MIT
#include "tools/public.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

union control { /* room for one descriptor, aligned as the kernel wants it */
	char buf[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

static int path_in(const char *dir, struct sockaddr_un *un)
{
	int n;

	memset(un, 0, sizeof(*un));
	un->sun_family = AF_UNIX;
	n = snprintf(un->sun_path, sizeof(un->sun_path), "%s/%s", dir, PUBLIC_SOCKET);
	return n < 0 || (size_t)n >= sizeof(un->sun_path) ? -ENAMETOOLONG : 0;
}

static int make_dirs(const char *dir)
{
	char path[PUBLIC_PATH_MAX];

	if (dir[0] == '\0')
		return -EINVAL;
	for (size_t i = 1;; i++) {
		if (dir[i] != '/' && dir[i] != '\0')
			continue;
		if (i >= sizeof(path))
			return -ENAMETOOLONG;
		memcpy(path, dir, i);
		path[i] = '\0';
		if (mkdir(path, 0750) < 0 && errno != EEXIST)
			return -errno;
		if (dir[i] == '\0')
			return 0;
	}
}

static int dial(const struct sockaddr_un *un)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval second = { .tv_sec = 1 };

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof(second));
	if (connect(fd, (const struct sockaddr *)un, sizeof(*un)) < 0) {
		int err = errno;

		close(fd);
		return -err;
	}
	return fd;
}

/* A socket file nobody listens on is what a killed supervisor leaves. */
static int bind_path(int fd, const struct sockaddr_un *un)
{
	int other;

	if (bind(fd, (const struct sockaddr *)un, sizeof(*un)) == 0)
		return 0;
	if (errno != EADDRINUSE)
		return -errno;
	other = dial(un);
	if (other >= 0) {
		close(other);
		return -EADDRINUSE;
	}
	if (other != -ECONNREFUSED)
		return other;
	(void)unlink(un->sun_path);
	return bind(fd, (const struct sockaddr *)un, sizeof(*un)) < 0 ? -errno : 0;
}

int public_listen(const char *dir)
{
	struct sockaddr_un un;
	int fd, rc = path_in(dir, &un);

	if (rc == 0)
		rc = make_dirs(dir);
	if (rc < 0)
		return rc;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	rc = bind_path(fd, &un);
	if (rc == 0 && (chmod(un.sun_path, 0660) < 0 || listen(fd, 16) < 0))
		rc = -errno;
	if (rc < 0) {
		close(fd);
		return rc;
	}
	return fd;
}

static void hand_over(int client, int fd)
{
	char byte = 'k';
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	union control control = { .buf = { 0 } };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control.buf) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	(void)sendmsg(client, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void public_serve(int listener, int fd)
{
	for (int i = 0; i < 16;
	     i++) { /* the rest at the next pass: clients must not hold up the supervisor */
		int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (client < 0)
			return;
		hand_over(client, fd);
		close(client);
	}
}

void public_close(const char *dir, int listener)
{
	struct sockaddr_un un;

	if (listener < 0)
		return;
	if (path_in(dir, &un) == 0)
		(void)unlink(un.sun_path);
	close(listener);
}

/* The descriptor in the daemon's one message, or a negative errno. */
static int take_over(int fd)
{
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	union control control;
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control.buf) };
	ssize_t n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;
	int got;

	if (n < 0)
		return -errno;
	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
	    c->cmsg_len != CMSG_LEN(sizeof(int)))
		return -EPROTO;
	memcpy(&got, CMSG_DATA(c), sizeof(got));
	return got;
}

int public_open(const char *dir, struct segment *seg)
{
	struct sockaddr_un un;
	int fd, pub, rc = path_in(dir, &un);

	memset(seg, 0, sizeof(*seg));
	seg->pub_fd = seg->priv_fd = -1;
	if (rc < 0)
		return rc;
	fd = dial(&un);
	if (fd < 0)
		return fd;
	pub = take_over(fd);
	close(fd);
	if (pub < 0)
		return pub;
	rc = segment_attach(seg, pub, -1, SEGMENT_TOOL);
	if (rc < 0)
		close(pub);
	return rc;
}

void public_drop(struct segment *seg)
{
	int fd = seg->pub_fd;

	segment_detach(seg);
	close(fd);
}
